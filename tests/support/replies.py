"""Replies of DynamoDB that moto never gives, one for each call, and the requests that were sent.

They are given from botocore's events around its own retries, so that a test sees what the store
does once the SDK has given up, and waits for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ReadTimeoutError

from functions.shared.store.transaction import RetryPolicy

TRANSACTION = "TransactWriteItems"
# How often the store sends a transaction that meets others, before it says BUSY.
TRIES = RetryPolicy().tries
RawItem = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one call.

    Args:
        error: the answer's Error code and reasons; None to let the call through.
        is_lost: no answer arrives.
        is_done: the call is carried out all the same.

    """

    error: Mapping[str, Any] | None = None
    is_lost: bool = False
    is_done: bool = True


THROUGH = Step()
LOST_BEFORE = Step(is_lost=True, is_done=False)
LOST_AFTER = Step(is_lost=True)


def failed(code: str) -> Step:
    """The whole call fails with that code, and nothing is written."""
    return Step({"Error": {"Code": code, "Message": "scripted"}}, is_done=False)


def cancelled(*reasons: str | tuple[str, RawItem]) -> Step:
    """The transaction is cancelled, with a reason for each item in wire order.

    Args:
        reasons: a code, "None" for an item that was not in the way, or a code and the old item.

    """
    told = [
        {"Code": reason} if isinstance(reason, str) else {"Code": reason[0], "Item": reason[1]}
        for reason in reasons
    ]
    error = {"Code": "TransactionCanceledException", "Message": "scripted"}
    return Step({"Error": error, "CancellationReasons": told}, is_done=False)


@contextmanager
def scripted(client: Any, operation: str, *steps: Step) -> Iterator[list[dict[str, Any]]]:  # noqa: ANN401 - botocore clients have no static type
    """Answers the calls of one operation by the steps, in turn; later calls go through.

    Yields the bodies of the requests that were sent, as they are sent. Every step must be used.
    """
    left = list(steps)
    sent: list[dict[str, Any]] = []
    now = THROUGH

    def before_call(params: Mapping[str, Any], **_: object) -> tuple[object, object] | None:
        nonlocal now
        sent.append(json.loads(params["body"]))
        now = left.pop(0) if left else THROUGH
        if now.error is not None:
            answer = {**now.error, "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {}}}
            return SimpleNamespace(status_code=400), answer
        if now.is_lost and not now.is_done:
            raise ReadTimeoutError(endpoint_url="scripted")
        return None

    def after_call(**_: object) -> None:
        if now.is_lost:
            raise ReadTimeoutError(endpoint_url="scripted")

    events = client.meta.events
    events.register(f"before-call.dynamodb.{operation}", before_call)
    events.register(f"after-call.dynamodb.{operation}", after_call)
    try:
        yield sent
    finally:
        events.unregister(f"before-call.dynamodb.{operation}", before_call)
        events.unregister(f"after-call.dynamodb.{operation}", after_call)
    assert not left, f"{len(left)} steps were not used"


@contextmanager
def noted_calls(client: Any) -> Iterator[list[str]]:  # noqa: ANN401 - botocore clients have no static type
    """The names of the operations that the client is asked for, as they are asked for."""
    names: list[str] = []

    def note(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        names.append(model.name)

    client.meta.events.register_first("before-call.dynamodb", note)
    try:
        yield names
    finally:
        client.meta.events.unregister("before-call.dynamodb", note)
