"""The functions, each with a role of its own that may do what `infra.grants` says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from functions.reconcile.shares import CHUNK_BYTES
from infra.acknowledge import acknowledge, as_finding
from infra.bundle import BundleTarget, code_asset
from infra.dead_letters import DeadLetters
from infra.deployment import Deployment
from infra.grants import GRANTS, FunctionGrants
from infra.tables import Tables

# The Cybersecurity Law asks for six months of logs; CloudWatch's next step is a year.
LOG_RETENTION = logs.RetentionDays.ONE_YEAR


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """How much a function gets.

    Args:
        memory_mib: memory; CPU grows with it, 1,769 MiB being one core.
        timeout_s: seconds for one call.
        reserved: how many may run at once; None for as many as the account allows.
        disk_mib: of /tmp.

    """

    memory_mib: int
    timeout_s: int
    reserved: int | None = None
    disk_mib: int = 512


# How many functions work on one large day, or bill, at once.
DAY_CONCURRENCY = 32

# API Gateway gives up after 29 s: a function behind it must have answered by then. The two that
# run by the clock are capped, and so are grants, so that they never take the concurrency that
# claims need.
_API = FunctionSize(memory_mib=1769, timeout_s=20)
SIZES: Mapping[str, FunctionSize] = MappingProxyType(
    {
        "campaign": FunctionSize(memory_mib=1024, timeout_s=20),
        "issue": _API,
        "redeem": _API,
        "earn": _API,
        "grant": FunctionSize(memory_mib=1024, timeout_s=28, reserved=10),
        "files": FunctionSize(memory_mib=1024, timeout_s=20),
        "finance": FunctionSize(memory_mib=1024, timeout_s=20),
        "publish": FunctionSize(memory_mib=1024, timeout_s=60),
        # A day of two million entries and as many bill rows lies on disk while it is matched; that
        # takes a tenth of the memory. The daily recount holds a whole campaign, 1.5 KB a voucher.
        "reconcile": FunctionSize(memory_mib=6144, timeout_s=900, reserved=2, disk_mib=6144),
        # A piece or a share of a larger day; the single steps of another day beside them.
        "day": FunctionSize(
            memory_mib=3538, timeout_s=900, reserved=DAY_CONCURRENCY + 2, disk_mib=10_240
        ),
        "report": FunctionSize(memory_mib=2048, timeout_s=900, reserved=1),
    }
)
API_FUNCTIONS = frozenset({"campaign", "earn", "files", "finance", "grant", "issue", "redeem"})
WITH_ENGINE = frozenset({"reconcile", "day"})
# A function is called at `functions.{name}.handler` but for these.
HANDLERS: Mapping[str, str] = MappingProxyType({"day": "functions.reconcile.day_handler"})
# Where the day function's working files lie in their bucket.
WORK_FOLDER = "days"
# What `reconcile` is sized for; see above.
DAY_ROWS = 2_000_000
# Of so many rows of a bill as platforms write them.
DAY_BYTES = CHUNK_BYTES
CLOCK_FUNCTIONS = frozenset({"reconcile", "report"})
# Nobody waits for their answer: what fails for good must be kept somewhere.
UNATTENDED = CLOCK_FUNCTIONS | {"publish"}


@dataclass(frozen=True, slots=True)
class Resources:
    """What the functions work on.

    Args:
        tables: the tables, by suffix.
        bucket: the files bucket.
        secret_arn: of the secret that persons and ids are hashed with.
        tables_key: encrypts tables and secret.
        files_key: encrypts the files.
        bureau_roles: bureau role name -> ARN.
        bus: the bus of news.
        work: the bucket of working files.
        day_machine: the name of the state machine of days.
        signing_key: signs payments.

    """

    tables: Tables
    bucket: s3.IBucket
    secret_arn: str
    tables_key: kms.IKey
    files_key: kms.IKey
    bureau_roles: Mapping[str, str]
    bus: events.IEventBus
    work: s3.IBucket
    day_machine: str
    signing_key: kms.IKey


def _table_statements(grants: FunctionGrants, tables: Tables) -> list[iam.PolicyStatement]:
    statements = [
        iam.PolicyStatement(
            actions=[f"dynamodb:{action}" for action in sorted(actions)],
            resources=[tables.by_suffix[suffix].table_arn],
        )
        for suffix, actions in grants.tables.items()
    ]
    indexes = [
        f"{tables.by_suffix[suffix].table_arn}/index/{index}"
        for suffix, names in grants.indexes.items()
        for index in sorted(names)
    ]
    if indexes:
        statements.append(iam.PolicyStatement(actions=["dynamodb:Query"], resources=indexes))
    for suffix in sorted(grants.streams):
        stream_arn = tables.by_suffix[suffix].table_stream_arn
        assert stream_arn is not None, suffix  # noqa: S101 - made with one, see infra.tables
        statements.append(
            iam.PolicyStatement(
                actions=[
                    "dynamodb:DescribeStream",
                    "dynamodb:GetRecords",
                    "dynamodb:GetShardIterator",
                    "dynamodb:ListStreams",
                ],
                resources=[stream_arn],
            )
        )
    return statements


def _file_statements(grants: FunctionGrants, bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    statements = [
        iam.PolicyStatement(
            actions=[f"s3:{action}" for action in sorted(actions)],
            resources=[bucket.arn_for_objects(f"{folder}/*")],
        )
        for folder, actions in grants.files.items()
    ]
    if grants.files:
        # Without it, S3 answers 403 instead of 404 for an object that does not exist. It cannot be
        # narrowed to a prefix: a request for an object names none.
        statements.append(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
        )
    return statements


class Function(Construct):
    """One function: its code, role, log and, where it is called asynchronously, dead letters.

    Args:
        scope: the functions.
        construct_id: the construct's id.
        name: the folder under `functions/`.
        code: the asset.
        deployment: gives the prefix of the function's name.
        resources: what it works on.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        code: lambda_.Code,
        deployment: Deployment,
        resources: Resources,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        grants = GRANTS[name]
        size = SIZES[name]
        function_name = f"{deployment.prefix}{name}"
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{function_name}",
            retention=LOG_RETENTION,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.dead_letters: DeadLetters | None = None
        if name in UNATTENDED:
            self.dead_letters = DeadLetters(
                self, "DeadLetters", queue_name=f"{function_name}-dead-letters"
            )
        self.role = iam.Role(
            self,
            "Role",
            role_name=f"{function_name}-function",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={
                "Grants": iam.PolicyDocument(
                    statements=[
                        *_table_statements(grants, resources.tables),
                        *_file_statements(grants, resources.bucket),
                        *self._other_statements(grants, resources, log_group),
                    ]
                )
            },
        )
        folders = [f"<{_logical_id(resources.bucket)}.Arn>/{folder}" for folder in grants.files]
        if grants.work:
            folders.append(f"<{_logical_id(resources.work)}.Arn>/{WORK_FOLDER}")
        acknowledge(
            self.role,
            {
                f"AwsSolutions-IAM5[Resource::{folder}/*]": (
                    "The names of files under a folder are not known ahead; the folder is."
                )
                for folder in folders
            },
        )
        if grants.starts_days:
            executions = as_finding(f"{execution_arn(self, resources.day_machine)}:*")
            acknowledge(
                self.role,
                {
                    f"AwsSolutions-IAM5[Resource::{executions}]": (
                        "The names of executions are not known ahead; their machine is."
                    )
                },
            )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            description=f"Huimin: {name}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=code,
            handler=f"{HANDLERS.get(name, f'functions.{name}.handler')}.handle",
            memory_size=size.memory_mib,
            timeout=cdk.Duration.seconds(size.timeout_s),
            ephemeral_storage_size=cdk.Size.mebibytes(size.disk_mib),
            reserved_concurrent_executions=size.reserved,
            # Immutable for CDK: nothing but the grants above reaches this role.
            role=self.role.without_policy_updates(),
            environment=self._environment(grants, deployment, resources),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            # X-Ray does not trace Lambda in the China regions.
            tracing=lambda_.Tracing.DISABLED,
        )
        acknowledge(
            self.function,
            {"AwsSolutions-L1": "All tests run on Python 3.13; a newer one is its own change."},
        )
        if self.dead_letters:
            lambda_.CfnEventInvokeConfig(
                self,
                "AsynchronousCalls",
                function_name=self.function.function_name,
                qualifier="$LATEST",
                maximum_retry_attempts=2,
                maximum_event_age_in_seconds=3600,
                destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                    on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                        destination=self.dead_letters.queue.queue_arn
                    )
                ),
            )

    def _other_statements(
        self, grants: FunctionGrants, resources: Resources, log_group: logs.ILogGroup
    ) -> list[iam.PolicyStatement]:
        statements = [
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            ),
            # A table with a key of one's own asks its callers for the key, also to read.
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
                resources=[resources.tables_key.key_arn],
            ),
        ]
        if grants.files:
            statements.append(
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[resources.files_key.key_arn],
                )
            )
        if grants.secret:
            statements.append(
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"],
                    resources=[resources.secret_arn],
                )
            )
        if grants.publishes:
            statements.append(
                iam.PolicyStatement(
                    actions=["events:PutEvents"], resources=[resources.bus.event_bus_arn]
                )
            )
        if grants.work:
            statements += [
                iam.PolicyStatement(
                    actions=[f"s3:{action}" for action in sorted(grants.work)],
                    resources=[resources.work.arn_for_objects(f"{WORK_FOLDER}/*")],
                ),
                iam.PolicyStatement(
                    actions=["s3:ListBucket"], resources=[resources.work.bucket_arn]
                ),
            ]
        if grants.starts_days:
            statements += [
                iam.PolicyStatement(
                    actions=["states:StartExecution"],
                    resources=[machine_arn(self, resources.day_machine)],
                ),
                iam.PolicyStatement(
                    actions=["states:DescribeExecution"],
                    resources=[f"{execution_arn(self, resources.day_machine)}:*"],
                ),
            ]
        if grants.signs:
            statements.append(
                iam.PolicyStatement(
                    actions=["kms:GetPublicKey", "kms:Sign"],
                    resources=[resources.signing_key.key_arn],
                )
            )
        if self.dead_letters:
            statements.append(
                iam.PolicyStatement(
                    actions=["sqs:SendMessage"], resources=[self.dead_letters.queue.queue_arn]
                )
            )
        return statements

    def _environment(
        self, grants: FunctionGrants, deployment: Deployment, resources: Resources
    ) -> dict[str, str]:
        environment = {"HUIMIN_TABLE_PREFIX": deployment.prefix}
        if grants.files:
            environment["HUIMIN_FILES_BUCKET"] = resources.bucket.bucket_name
        if grants.secret:
            environment["HUIMIN_SECRET_ID"] = resources.secret_arn
        if grants.publishes:
            environment["HUIMIN_EVENT_BUS"] = resources.bus.event_bus_name
        if grants.work:
            environment["HUIMIN_WORK_BUCKET"] = resources.work.bucket_name
        if grants.starts_days:
            environment["HUIMIN_DAY_MACHINE"] = machine_arn(self, resources.day_machine)
            environment["HUIMIN_DAY_ROWS"] = str(DAY_ROWS)
            environment["HUIMIN_DAY_BYTES"] = str(DAY_BYTES)
        if grants.signs:
            environment["HUIMIN_SIGNING_KEY"] = resources.signing_key.key_arn
        if self.name in API_FUNCTIONS:
            environment["HUIMIN_BUREAU_ROLES"] = json.dumps(dict(resources.bureau_roles))
        return environment


def machine_arn(scope: Construct, name: str) -> str:
    """The ARN of a state machine of that name: known before it is made, as it calls functions."""
    return _states_arn(scope, "stateMachine", name)


def execution_arn(scope: Construct, name: str) -> str:
    """The ARN of its executions, before their own names."""
    return _states_arn(scope, "execution", name)


def _states_arn(scope: Construct, kind: str, name: str) -> str:
    return cdk.Stack.of(scope).format_arn(
        service="states",
        resource=kind,
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def _logical_id(bucket: s3.IBucket) -> str:
    child = bucket.node.default_child
    assert isinstance(child, s3.CfnBucket)  # noqa: S101 - narrows a type; not a check
    return str(cdk.Stack.of(bucket).get_logical_id(child))


class Functions(Construct):
    """All functions, from two assets.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives names and what to bundle for.
        resources: what the functions work on.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        resources: Resources,
    ) -> None:
        super().__init__(scope, construct_id)
        codes = {
            with_engine: code_asset(BundleTarget(deployment.interpreter, with_engine=with_engine))
            for with_engine in (False, True)
        }
        self.by_name: dict[str, Function] = {
            name: Function(
                self,
                name.capitalize(),
                name=name,
                code=codes[name in WITH_ENGINE],
                deployment=deployment,
                resources=resources,
            )
            for name in SIZES
        }
