"""Where an asynchronous call ends that could not be delivered, or failed every time."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledge import acknowledge


class DeadLetters(Construct):
    """The dead letters of one function, from its schedule, its rule and its own failures.

    A message waits 14 days, SQS's longest: over the longest public holiday someone is back.

    Args:
        scope: the construct that sends here.
        construct_id: the construct's id.
        queue_name: the queue's physical name.

    """

    def __init__(self, scope: Construct, construct_id: str, *, queue_name: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=queue_name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(
            self.queue,
            {"AwsSolutions-SQS3": "It is a dead-letter queue itself; an alarm watches its depth."},
        )
