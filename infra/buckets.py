"""The files bucket: bills in; statements, fund returns, reports and the journal out.

And a bucket of working files, which functions hand each other and which end by themselves.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.deployment import Deployment

WORK_DAYS = 7


class Files(Construct):
    """The files bucket, the bucket of working files, and the one that keeps their access log.

    Every object is versioned and locked (governance mode): a published file cannot be
    overwritten or deleted for the deployment's `object_lock_days`, save by someone who may
    bypass governance. A lock makes S3 ask for a checksum on every upload; the SDKs send one.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives the days of the lock.
        key: encrypts the files.

    """

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: Deployment, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.access_log = s3.Bucket(
            self,
            "AccessLog",
            # S3 delivers access logs only to a bucket encrypted with its own keys.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(365),
                    noncurrent_version_expiration=cdk.Duration.days(30),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(
            self.access_log,
            {"AwsSolutions-S1": "It keeps an access log; logging its own writes would never end."},
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            # One data key an hour instead of one call to KMS per object.
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            object_lock_enabled=True,
            object_lock_default_retention=s3.ObjectLockRetention.governance(
                cdk.Duration.days(deployment.object_lock_days)
            ),
            server_access_logs_bucket=self.access_log,
            server_access_logs_prefix="files/",
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(7))
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        # The construct's own switch for this adds a custom resource with a Lambda that may change
        # the notifications of every bucket; CloudFormation has had a property for it since 2021.
        bucket = self.bucket.node.default_child
        assert isinstance(bucket, s3.CfnBucket)  # noqa: S101 - narrows a type; not a check
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )
        self.work = s3.Bucket(
            self,
            "Work",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=self.access_log,
            server_access_logs_prefix="work/",
            # Nothing here is the only copy of anything: the work is done again from the ledger.
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(WORK_DAYS),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
