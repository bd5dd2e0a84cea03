"""The state machine of large days: its shape, what it may do, and who hears when it fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.reconcile.day_plan import Step
from infra.functions import DAY_CONCURRENCY, SIZES
from tests.infra.template import Template

_STATES = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"


@pytest.fixture(scope="module")
def machine(template: Template) -> dict[str, Any]:
    [made] = template.properties("AWS::StepFunctions::StateMachine")
    return made


@pytest.fixture(scope="module")
def states(template: Template, machine: dict[str, Any]) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(template.text(machine["DefinitionString"]))
    assert definition["StartAt"] == "What is it?"
    found: dict[str, Any] = definition["States"]
    return found


def tasks(states: dict[str, Any]) -> list[dict[str, Any]]:
    """Every state that calls a function, also within maps."""
    found = []
    for state in states.values():
        if state["Type"] == "Map":
            found += tasks(state["ItemProcessor"]["States"])
        elif state["Type"] == "Task":
            found.append(state)
    return found


def test_each_step_is_a_call_of_the_day_function(states: dict[str, Any]) -> None:
    calls = tasks(states)
    assert {call["Parameters"]["Payload"]["step"] for call in calls} == set(Step)
    assert len(calls) == len(Step)
    for call in calls:
        assert call["Parameters"]["FunctionName"].startswith("<FunctionsDayFunction")
        waits, retry = call["Retry"]
        assert waits["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
        assert "Busy" in retry["ErrorEquals"]
        # What somebody must look at is not tried again and again.
        assert not {"States.ALL", "States.TaskFailed", "StatementDrift"} & set(retry["ErrorEquals"])


def test_pieces_and_shares_are_done_at_once_each_in_an_execution_of_its_own(
    states: dict[str, Any],
) -> None:
    maps = {name: state for name, state in states.items() if state["Type"] == "Map"}
    assert {name: state["ItemsPath"] for name, state in maps.items()} == {
        "Split": "$.pieces",
        "Check": "$.shares",
        "Match": "$.shares",
        "Publish": "$.shares",
    }
    for state in maps.values():
        assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
        assert state["MaxConcurrency"] == DAY_CONCURRENCY
    assert SIZES["day"].reserved == DAY_CONCURRENCY + 2


def test_every_way_leads_to_a_state_and_a_newer_bill_back_to_the_plan(
    states: dict[str, Any],
) -> None:
    ways = {
        (name, way["Next"])
        for name, state in states.items()
        for way in [state, *state.get("Choices", [])]
        if "Next" in way
    }
    ways |= {(name, state["Default"]) for name, state in states.items() if "Default" in state}
    assert {to for _, to in ways} <= states.keys()
    assert {name for name, to in ways if to == "Plan"} == {
        "What is it?",
        "What is dealt?",
        "Is it stated?",
        "Is it whole?",
    }


def test_it_may_call_the_function_and_itself_and_write_its_log(
    template: Template, machine: dict[str, Any]
) -> None:
    role = template.named("AWS::IAM::Role", "RoleName")["huimin-day-machine"]
    assert (
        "Ref"
        in role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"][
            "aws:SourceAccount"
        ]
    )
    (policy,) = role["Policies"]
    allowed = {
        (action, resource)
        for statement in template.statements(policy["PolicyDocument"])
        for action in statement.actions
        for resource in statement.resources
        if not action.startswith("logs:")
    }
    [(_, function)] = [pair for pair in allowed if pair[0] == "lambda:InvokeFunction"]
    assert function.startswith("<FunctionsDayFunction")
    assert allowed == {
        ("lambda:InvokeFunction", function),
        ("states:StartExecution", f"{_STATES}:stateMachine:huimin-day"),
        ("states:DescribeExecution", f"{_STATES}:execution:huimin-day/*"),
        # An execution that somebody redrives goes on within its maps.
        ("states:RedriveExecution", f"{_STATES}:execution:huimin-day/*"),
        ("states:StopExecution", f"{_STATES}:execution:huimin-day/*"),
    }
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["StateMachineType"] == "STANDARD"


@pytest.mark.parametrize("kind", ["ExecutionsFailed", "ExecutionsTimedOut"])
def test_an_execution_that_does_not_end_well_is_an_alarm(template: Template, kind: str) -> None:
    [alarm] = [
        each for each in template.properties("AWS::CloudWatch::Alarm") if each["MetricName"] == kind
    ]
    [dimension] = alarm["Dimensions"]
    assert template.text(dimension["Value"]) == f"{_STATES}:stateMachine:huimin-day"
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_working_files_end_by_themselves(template: Template) -> None:
    [bucket] = [
        each["Properties"]
        for name, each in template.of_type("AWS::S3::Bucket").items()
        if name.startswith("FilesWork")
    ]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 7)
    assert "ObjectLockEnabled" not in bucket
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
