"""Executions of a state machine: started once for each name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


class ExecutionState(StrEnum):
    """How an execution stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """It failed, timed out or was stopped."""


class ExecutionStore:
    """One state machine of the standard kind, which keeps an execution for 90 days after its end.

    Args:
        machine_arn: its ARN.

    """

    def __init__(self, machine_arn: str) -> None:
        self._machine_arn = machine_arn
        self._made: Any = None

    @property
    def client(self) -> Any:  # noqa: ANN401 - boto3 clients have no static type
        """The boto3 client, for fault injection in tests."""
        if self._made is None:
            config = Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 3})
            self._made = boto3.client("stepfunctions", config=config)
        return self._made

    def state(self, name: str) -> ExecutionState | None:
        """How the execution of that name stands; None where there is none."""
        arn = self._machine_arn.replace(":stateMachine:", ":execution:")
        try:
            answer = self.client.describe_execution(executionArn=f"{arn}:{name}")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise
        found = answer["status"]
        return ExecutionState(found) if found in ExecutionState else ExecutionState.FAILED

    def start(self, name: str, document: Mapping[str, Any]) -> None:
        """Starts an execution, unless there is or was one of that name.

        Args:
            name: at most 80 letters, digits, `-` and `_`.
            document: its input, as JSON.

        """
        try:
            self.client.start_execution(
                stateMachineArn=self._machine_arn, name=name, input=json.dumps(document)
            )
        except ClientError as error:
            # A running one of the same input is answered with, and no error.
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
