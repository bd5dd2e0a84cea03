"""What wakes someone: dead letters, failures, throttling, and money that does not add up."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from functions.shared.edge.telemetry import NAMESPACE
from infra.api import Api
from infra.day_machine import DayMachine
from infra.deployment import Deployment
from infra.functions import Functions
from infra.tables import Tables

# As `telemetry.metric` writes it when the reconciler is bound as the function.
DRIFT_METRIC = "InvariantDriftFen"
DRIFT_FUNCTION = "reconcile"
QUARANTINE_METRIC = "BillsQuarantined"

# The invariants are checked once a day; two hours of grace before their silence is an alarm.
DRIFT_SILENCE_HOURS = 26

_FIVE_MINUTES = cdk.Duration.minutes(5)


class Alarms(Construct):
    """The alarms and the topic that they are sent to.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives names and who is told.
        functions: watched for errors, throttles and dead letters.
        api: watched for answers of 5xx.
        tables: watched for throttling and errors of the service.
        days: the state machine of days, watched for executions that do not end well.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        functions: Functions,
        api: Api,
        tables: Tables,
        days: DayMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = deployment.prefix
        self.topic = self._make_topic(deployment.alarm_emails)
        self._watch_functions(functions)
        self._watch_api(api)
        self._watch_tables(tables)
        self._watch_invariants()
        self._watch_bills()
        self._watch_news(functions)
        self._watch_days(days)

    def _make_topic(self, emails: Iterable[str]) -> sns.Topic:
        of_this_account = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
        cloudwatch_service = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        key = kms.Key(
            self,
            "Key",
            description="Huimin: alarms on their way to those who are told",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[cloudwatch_service],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions=of_this_account,
            )
        )
        topic = sns.Topic(
            self,
            "Topic",
            topic_name=f"{self._prefix}alarms",
            master_key=key,
            enforce_ssl=True,
        )
        # The policy that enforces TLS replaces the one that let the account's alarms in.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[cloudwatch_service],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions=of_this_account,
            )
        )
        for email in emails:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _alarm(
        self,
        name: str,
        what: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float = 0,
        comparison: cloudwatch.ComparisonOperator = (
            cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
        ),
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name.title().replace("-", ""),
            alarm_name=f"{self._prefix}{name}",
            alarm_description=what,
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _watch_functions(self, functions: Functions) -> None:
        for name, function in functions.by_name.items():
            self._alarm(
                f"{name}-errors",
                f"{name} raised, ran out of time or of memory; a refusal is no error.",
                function.function.metric_errors(period=_FIVE_MINUTES),
            )
            self._alarm(
                f"{name}-throttles",
                f"{name} was called more often at once than the account or its cap allows.",
                function.function.metric_throttles(period=_FIVE_MINUTES),
            )
            if function.dead_letters:
                self._alarm(
                    f"{name}-dead-letters",
                    f"A call of {name} was given up; it lies in the dead-letter queue.",
                    function.dead_letters.queue.metric_approximate_number_of_messages_visible(
                        period=_FIVE_MINUTES, statistic="Maximum"
                    ),
                )

    def _watch_api(self, api: Api) -> None:
        # BUSY is a 503 and may happen when a round opens: a share of all answers, not a count.
        self._alarm(
            "api-5xx",
            "More than 1 % of the API's answers were 5xx for a quarter of an hour.",
            api.api.metric_server_error(period=_FIVE_MINUTES, statistic="Average"),
            threshold=0.01,
            periods=3,
        )

    def _watch_tables(self, tables: Tables) -> None:
        for suffix, table in tables.by_suffix.items():
            for kind in ("Read", "Write"):
                self._alarm(
                    f"{suffix}-{kind.lower()}-throttles",
                    f"DynamoDB throttled {kind.lower()}s of the table {suffix}.",
                    table.metric(f"{kind}ThrottleEvents", statistic="Sum", period=_FIVE_MINUTES),
                )
            self._alarm(
                f"{suffix}-system-errors",
                f"DynamoDB failed on its own side at transactions on the table {suffix}.",
                table.metric(
                    "SystemErrors",
                    statistic="Sum",
                    period=_FIVE_MINUTES,
                    # CloudWatch keeps this metric by operation; every one that moves money is this.
                    dimensions_map={
                        "TableName": table.table_name,
                        "Operation": "TransactWriteItems",
                    },
                ),
            )

    def _watch_invariants(self) -> None:
        hour = cdk.Duration.hours(1)
        dimensions = {"function": DRIFT_FUNCTION}
        self._alarm(
            "invariant-drift",
            "The daily check found money that does not add up. Stop and look: docs/money.md.",
            cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=DRIFT_METRIC,
                dimensions_map=dimensions,
                statistic="Maximum",
                period=hour,
            ),
            # Hours without a check say nothing: the alarm stays as the last check left it.
            missing=cloudwatch.TreatMissingData.IGNORE,
        )
        self._alarm(
            "invariant-check-missing",
            f"The invariants have not been checked for {DRIFT_SILENCE_HOURS} hours.",
            cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=DRIFT_METRIC,
                dimensions_map=dimensions,
                statistic="SampleCount",
                period=hour,
            ),
            threshold=1,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            periods=DRIFT_SILENCE_HOURS,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def _watch_bills(self) -> None:
        # Bills are taken in by the one function, or, where they are large, by the other.
        for function, name in ((DRIFT_FUNCTION, "bill"), ("day", "large-bill")):
            self._alarm(
                f"{name}-quarantined",
                "A platform's bill was refused whole; its report lies beside its settlements.",
                cloudwatch.Metric(
                    namespace=NAMESPACE,
                    metric_name=QUARANTINE_METRIC,
                    dimensions_map={"function": function},
                    statistic="Sum",
                    period=_FIVE_MINUTES,
                ),
            )

    def _watch_news(self, functions: Functions) -> None:
        self._alarm(
            "news-late",
            "News of committed changes is an hour old and not published. In 23 hours it is given "
            "up; a replay tells it again: docs/events.md.",
            functions.by_name["publish"].function.metric(
                "IteratorAge", statistic="Maximum", period=_FIVE_MINUTES
            ),
            threshold=cdk.Duration.hours(1).to_milliseconds(),
        )

    def _watch_days(self, days: DayMachine) -> None:
        for kind in ("ExecutionsFailed", "ExecutionsTimedOut"):
            self._alarm(
                f"day-{kind.removeprefix('Executions').lower()}",
                "A day too large for one function was not settled: docs/operations.md.",
                cloudwatch.Metric(
                    namespace="AWS/States",
                    metric_name=kind,
                    dimensions_map={"StateMachineArn": days.arn},
                    statistic="Sum",
                    period=_FIVE_MINUTES,
                ),
            )
