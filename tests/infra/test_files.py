"""The files bucket: nothing public, nothing plain, nothing lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.template import Template


@pytest.fixture(scope="module")
def bucket(template: Template) -> dict[str, Any]:
    found = [
        each
        for name, each in template.of_type("AWS::S3::Bucket").items()
        if name.startswith("FilesBucket")
    ]
    (made,) = found
    return made


def test_every_version_is_kept_and_locked(bucket: dict[str, Any]) -> None:
    properties = bucket["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["ObjectLockEnabled"] is True
    retention = properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert retention == {"Mode": "GOVERNANCE", "Days": 365}
    assert bucket["DeletionPolicy"] == "Retain"


def test_it_is_encrypted_with_a_key_of_its_own(template: Template, bucket: dict[str, Any]) -> None:
    (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    default = rule["ServerSideEncryptionByDefault"]
    assert default["SSEAlgorithm"] == "aws:kms"
    assert template.text(default["KMSMasterKeyID"]).startswith("<FilesKey")


def test_it_tells_eventbridge_of_every_object(bucket: dict[str, Any]) -> None:
    notifications = bucket["Properties"]["NotificationConfiguration"]
    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_it_keeps_an_access_log(template: Template, bucket: dict[str, Any]) -> None:
    log = bucket["Properties"]["LoggingConfiguration"]["DestinationBucketName"]
    assert template.text(log).startswith("<FilesAccessLog")


def test_no_bucket_is_public_or_answers_without_tls(template: Template) -> None:
    buckets = template.of_type("AWS::S3::Bucket")
    refusing = {
        template.text(policy["Bucket"]).strip("<>")
        for policy in template.properties("AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert refusing == buckets.keys()
    for made in buckets.values():
        assert set(made["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
