"""The stack: which constructs there are and what each is given."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.access import BureauRoles, PlatformRoles
from infra.acknowledge import acknowledge
from infra.alarms import Alarms
from infra.api import Api
from infra.buckets import Files
from infra.day_machine import DayMachine, machine_name
from infra.deployment import Deployment
from infra.functions import Functions, Resources
from infra.news import News, event_bus
from infra.schedules import BillArrival, Schedules
from infra.tables import Tables


class HuiminStack(cdk.Stack):
    """All of Huimin, for any account, region and partition.

    Args:
        scope: the app.
        construct_id: the stack's name.
        deployment: what may differ between deployments.

    """

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Huimin: the ledger behind a city district's consumption vouchers",
            termination_protection=True,
        )
        tables_key = self._key("TablesKey", "Huimin: tables and the hashing keys")
        files_key = self._key("FilesKey", "Huimin: files")
        signing_key = self._signing_key(deployment)
        tables = Tables(self, "Tables", deployment=deployment, key=tables_key)
        files = Files(self, "Files", deployment=deployment, key=files_key)
        bureau = BureauRoles(self, "Bureau", deployment=deployment)
        bus = event_bus(self, deployment)
        functions = Functions(
            self,
            "Functions",
            deployment=deployment,
            resources=Resources(
                tables=tables,
                bucket=files.bucket,
                secret_arn=self._secret_arn(deployment, tables_key),
                tables_key=tables_key,
                files_key=files_key,
                bureau_roles=bureau.arns(),
                bus=bus,
                work=files.work,
                day_machine=machine_name(deployment),
                signing_key=signing_key,
            ),
        )
        days = DayMachine(self, "Days", deployment=deployment, function=functions.by_name["day"])
        api = Api(self, "Api", deployment=deployment, functions=functions)
        Schedules(self, "Schedules", deployment=deployment, functions=functions)
        BillArrival(
            self,
            "BillArrival",
            deployment=deployment,
            bucket=files.bucket,
            function=functions.by_name["reconcile"],
        )
        News(
            self,
            "News",
            deployment=deployment,
            tables=tables,
            bus=bus,
            function=functions.by_name["publish"],
        )
        bureau.allow(api.api, files.bucket, files_key, signing_key)
        platforms = PlatformRoles(
            self,
            "Platforms",
            deployment=deployment,
            api=api.api,
            files=files.bucket,
            files_key=files_key,
        )
        Alarms(
            self,
            "Alarms",
            deployment=deployment,
            functions=functions,
            api=api,
            tables=tables,
            days=days,
        )

        cdk.CfnOutput(self, "ApiUrl", value=api.api.url, description="The API's base URL")
        cdk.CfnOutput(
            self, "FilesBucket", value=files.bucket.bucket_name, description="The files bucket"
        )
        cdk.CfnOutput(
            self,
            "SigningKeyArn",
            value=signing_key.key_arn,
            description="The key that signs payments: its public part verifies them",
        )
        cdk.CfnOutput(self, "NewsBus", value=bus.event_bus_name, description="The bus of news")
        for role, arn in bureau.arns().items():
            cdk.CfnOutput(
                self, f"{role.capitalize()}Role", value=arn, description=f"The {role}'s role"
            )
        for platform_id, made in platforms.by_platform.items():
            cdk.CfnOutput(
                self,
                f"PlatformRole{platform_id.title().replace('-', '')}",
                value=made.role_arn,
                description=f"The role of the platform {platform_id}",
            )

    def _key(self, construct_id: str, description: str) -> kms.Key:
        return kms.Key(
            self,
            construct_id,
            description=description,
            enable_key_rotation=True,
            # What it encrypts outlives the stack; so must it.
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _signing_key(self, deployment: Deployment) -> kms.Key:
        return kms.Key(
            self,
            "SigningKey",
            alias=f"{deployment.prefix}signing",
            description="Huimin: signs payment instructions and their statements",
            key_spec=kms.KeySpec.RSA_3072,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            # Its public part stands beside what it signed; a new one is made by hand, and told.
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _secret_arn(self, deployment: Deployment, key: kms.IKey) -> str:
        # Secrets Manager generates one string; the functions derive the keys that persons and
        # ids are hashed with from it, each under a label of its own.
        secret = secretsmanager.Secret(
            self,
            "HashingKeys",
            secret_name=f"{deployment.prefix}hashing-keys",
            description="Huimin: what persons and ids are hashed with",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template='{"version": 1}',  # noqa: S106 - the part that is no secret
                generate_string_key="master",
                password_length=64,
                exclude_punctuation=True,
            ),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(
            secret,
            {
                "AwsSolutions-SMG4": (
                    "A new key would make every person unknown and every id new, and so lift "
                    "every limit: it is changed by hand, with a version, or not at all."
                )
            },
        )
        made = secret.node.default_child
        assert isinstance(made, secretsmanager.CfnSecret)  # noqa: S101 - narrows a type
        # Not `secret_arn`, which is a Ref: what that gives is the name on some emulators.
        return made.attr_id
