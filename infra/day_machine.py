"""The state machine of days and bills that are too large for one function.

    a day   Plan ──> Split ──> Deal ──> Match ──> State ──> Publish ──> Finish
    a bill           Split ──> Deal ──> Check ──> Record

Which step follows is what the steps say; see `functions.reconcile.day_steps` and `bill_steps`.
Pieces and shares are items of a Distributed Map: each is an execution of its own, with a history
and tries of its own.
"""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from functions.reconcile.day_plan import Step
from infra.acknowledge import acknowledge, as_finding
from infra.deployment import Deployment
from infra.functions import (
    DAY_CONCURRENCY,
    LOG_RETENTION,
    Function,
    execution_arn,
    machine_arn,
)

TIMEOUT: Final = cdk.Duration.hours(6)

# Another day's shares may have all of the function's concurrency, for as long as they take.
_WAITS: Final = {
    "ErrorEquals": ["Lambda.TooManyRequestsException"],
    "IntervalSeconds": 5,
    "BackoffRate": 1.5,
    "MaxAttempts": 60,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
# A function that was lost or out of time; `Busy`, where DynamoDB was; and files that broke off.
_AGAIN: Final = (
    "Busy",
    "ConnectionClosedError",
    "ConnectTimeoutError",
    "EndpointConnectionError",
    "IncompleteReadError",
    "ReadTimeoutError",
    "ResponseStreamingError",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
)


def machine_name(deployment: Deployment) -> str:
    """The name of the deployment's state machine."""
    return f"{deployment.prefix}day"


def definition(function_arn: str) -> dict[str, Any]:
    """The machine in the Amazon States Language.

    Args:
        function_arn: of the day function.

    """

    def task(step: Step, payload: dict[str, str], **then: object) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": function_arn,
                "Payload": {"step": step.value, **payload},
            },
            "OutputPath": "$.Payload",
            "Retry": [
                _WAITS,
                {
                    "ErrorEquals": list(_AGAIN),
                    "IntervalSeconds": 5,
                    "BackoffRate": 2,
                    "MaxAttempts": 5,
                    "MaxDelaySeconds": 120,
                    "JitterStrategy": "FULL",
                },
            ],
            **then,
        }

    def of_each(kind: str, step: Step, then: str) -> dict[str, Any]:
        payload = {"task.$": "$.task", f"{kind}.$": f"$.{kind}"}
        name = f"{step.value.capitalize()} a {kind}"
        return {
            "Type": "Map",
            "ItemsPath": f"$.{kind}s",
            "ItemSelector": {"task.$": "$", f"{kind}.$": "$$.Map.Item.Value"},
            "MaxConcurrency": DAY_CONCURRENCY,
            "Label": step.value.capitalize(),
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": name,
                "States": {name: task(step, payload, End=True)},
            },
            "ResultPath": "$.answers",
            "Next": then,
        }

    def choice(default: str, *steps: Step) -> dict[str, Any]:
        return {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.next", "StringEquals": step.value, "Next": step.value.capitalize()}
                for step in steps
            ],
            "Default": default,
        }

    answered = {"task.$": "$", "answers.$": "$.answers"}
    return {
        "Comment": "A platform's day with more rows than one function takes: docs/operations.md",
        "StartAt": "What is it?",
        "TimeoutSeconds": int(TIMEOUT.to_seconds()),
        "States": {
            "What is it?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.object_key", "IsPresent": True, "Next": "Split"}],
                "Default": "Plan",
            },
            "Plan": task(Step.PLAN, {"task.$": "$"}, Next="Split"),
            "Split": of_each("piece", Step.SPLIT, "Deal"),
            "Deal": task(Step.DEAL, answered, Next="What is dealt?"),
            "What is dealt?": choice("Match", Step.PLAN, Step.CHECK),
            "Check": of_each("share", Step.CHECK, "Record"),
            "Record": task(Step.RECORD, {"task.$": "$"}, Next="Done"),
            "Match": of_each("share", Step.MATCH, "State"),
            "State": task(Step.STATE, answered, Next="Is it stated?"),
            "Is it stated?": choice("Publish", Step.PLAN, Step.MATCH),
            "Publish": of_each("share", Step.PUBLISH, "Finish"),
            "Finish": task(Step.FINISH, answered, Next="Is it whole?"),
            "Is it whole?": choice("Done", Step.PLAN),
            "Done": {"Type": "Succeed"},
        },
    }


class DayMachine(Construct):
    """The state machine, its role and its log.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives the prefix of its name.
        function: the day function.

    """

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: Deployment, function: Function
    ) -> None:
        super().__init__(scope, construct_id)
        name = machine_name(deployment)
        log_group = logs.LogGroup(
            self,
            "Log",
            # Under another name, the policy of the log's resources outgrows its limit in time.
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=LOG_RETENTION,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.arn = machine_arn(self, name)
        runs = f"{execution_arn(self, name)}/*"
        role = iam.Role(
            self,
            "Role",
            role_name=f"{name}-machine",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            ),
            inline_policies={
                "Run": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=["lambda:InvokeFunction"],
                            resources=[function.function.function_arn],
                        ),
                        # A Distributed Map starts the machine itself for its items.
                        iam.PolicyStatement(
                            actions=["states:StartExecution"], resources=[self.arn]
                        ),
                        iam.PolicyStatement(
                            actions=[
                                "states:DescribeExecution",
                                "states:RedriveExecution",
                                "states:StopExecution",
                            ],
                            resources=[runs],
                        ),
                        iam.PolicyStatement(actions=list(_LOG_DELIVERY), resources=["*"]),
                    ]
                )
            },
        )
        acknowledge(
            role,
            {
                "AwsSolutions-IAM5[Resource::*]": (
                    "The actions that set up the delivery of logs take no resource."
                ),
                f"AwsSolutions-IAM5[Resource::{as_finding(runs)}]": (
                    "The names of the map's own executions are not known ahead; the machine is."
                ),
            },
        )
        self.machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            # As a string: as an object, cfn-lint takes the ARNs of other partitions for faults.
            definition_string=cdk.Stack.of(self).to_json_string(
                definition(function.function.function_arn)
            ),
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                include_execution_data=False,
                destinations=[
                    stepfunctions.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=(
                            stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                                log_group_arn=log_group.log_group_arn
                            )
                        )
                    )
                ],
            ),
        )
        acknowledge(
            self.machine,
            {"AwsSolutions-SF2": "X-Ray does not trace the functions in the China regions."},
        )


_LOG_DELIVERY: Final = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
