"""Findings of cdk-nag that are accepted: written where the construct is made, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accepts findings on a construct: id of the finding -> why it is right here.

    A finding with brackets, as in `AwsSolutions-IAM5[Resource::*]`, is accepted one by one: a
    wildcard that is added later is a finding again.
    """
    cdk.Validations.of(construct).acknowledge(
        *(cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in reasons.items())
    )


def as_finding(arn: str) -> str:
    """An ARN of this stack's account as findings write it."""
    for value, shown in (
        (cdk.Aws.PARTITION, "<AWS::Partition>"),
        (cdk.Aws.REGION, "<AWS::Region>"),
        (cdk.Aws.ACCOUNT_ID, "<AWS::AccountId>"),
    ):
        arn = arn.replace(value, shown)
    return arn
