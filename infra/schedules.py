"""What runs by the clock of Beijing, and what runs when a bill arrives."""

from __future__ import annotations

import json
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.deployment import Deployment
from infra.functions import Function, Functions

TIME_ZONE = "Asia/Shanghai"
EVENT_SOURCE = "huimin.schedule"


@dataclass(frozen=True, slots=True)
class Clockwork:
    """A task that runs by the clock.

    Args:
        task: what the function is asked to do.
        function: the function.
        cron: when, by the clock of Beijing (minutes, hours, day, month, weekday, year).

    """

    task: str
    function: str
    cron: str


# The tick decides by itself what is due: lapsed holds and openings every time, the settlement of
# yesterday from 02:00 on. Asked every ten minutes, a failed run is made up for by the next one
# without anyone's help. The report comes when the settlement has had four hours.
CLOCKWORK: tuple[Clockwork, ...] = (
    Clockwork(task="tick", function="reconcile", cron="0/10 * * * ? *"),
    Clockwork(task="report", function="report", cron="0 6 * * ? *"),
)


def schedule_input(task: str, time: str = "<aws.scheduler.scheduled-time>") -> str:
    """The event that the function gets; the scheduler writes the time it was due, in UTC."""
    return json.dumps({"source": EVENT_SOURCE, "task": task, "time": time})


class Schedule(Construct):
    """One schedule, with a role that may call its one function.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        clockwork: what runs and when.
        function: the function that runs.
        deployment: gives the prefix of the schedule's name.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        clockwork: Clockwork,
        function: Function,
        deployment: Deployment,
    ) -> None:
        super().__init__(scope, construct_id)
        dead_letters = function.dead_letters
        if dead_letters is None:
            raise ValueError(f"{function.name} runs by the clock and needs dead letters")
        role = iam.Role(
            self,
            "Role",
            # Without the condition, any account's scheduler could be made to use this role.
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            ),
            inline_policies={
                "Run": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=["lambda:InvokeFunction"],
                            resources=[function.function.function_arn],
                        ),
                        iam.PolicyStatement(
                            actions=["sqs:SendMessage"], resources=[dead_letters.queue.queue_arn]
                        ),
                    ]
                )
            },
        )
        scheduler.CfnSchedule(
            self,
            "Schedule",
            name=f"{deployment.prefix}{clockwork.task}",
            description=f"Huimin: {clockwork.task}",
            schedule_expression=f"cron({clockwork.cron})",
            schedule_expression_timezone=TIME_ZONE,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function.function_arn,
                role_arn=role.role_arn,
                input=schedule_input(clockwork.task),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=dead_letters.queue.queue_arn
                ),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=5
                ),
            ),
        )


class Schedules(Construct):
    """Every task that runs by the clock.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives the prefix of the names.
        functions: what runs.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        functions: Functions,
    ) -> None:
        super().__init__(scope, construct_id)
        for clockwork in CLOCKWORK:
            Schedule(
                self,
                clockwork.task.capitalize(),
                clockwork=clockwork,
                function=functions.by_name[clockwork.function],
                deployment=deployment,
            )


class BillArrival(Construct):
    """Calls the reconciler with every object that is created under `bills/`.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives the prefix of the rule's name.
        bucket: the files bucket, which tells EventBridge of every object.
        function: the reconciler.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        bucket: s3.IBucket,
        function: Function,
    ) -> None:
        super().__init__(scope, construct_id)
        if function.dead_letters is None:
            raise ValueError(f"{function.name} is called by a rule and needs dead letters")
        events.Rule(
            self,
            "Rule",
            rule_name=f"{deployment.prefix}bill-arrival",
            description="Huimin: a bill has arrived",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"prefix": "bills/"}]},
                },
            ),
            targets=[
                targets.LambdaFunction(
                    function.function,
                    dead_letter_queue=function.dead_letters.queue,
                    max_event_age=cdk.Duration.hours(1),
                    retry_attempts=5,
                )
            ],
        )
