"""Faults at every AWS call of an operation, one after another, and what must hold after each.

An operation registers how it is set up and how it is run; `strike` then runs it once for every
call that it makes and every way in which that call can fail:

    way                 the request              the caller sees
    LOST_BEFORE         never arrives            a timeout; the SDK tries again
    LOST_AFTER          is carried out           a timeout; the SDK tries again
    THROTTLED           is refused               ThrottlingException
    CONFLICT            is refused               a transaction cancelled by TransactionConflict
    DEATH_BEFORE        never leaves             nothing: the process is gone
    DEATH_AFTER         is carried out           nothing: the process is gone

The first four come once, or from that call on for good (…_ON), so that retries run out. For a
call that only reads, ways that nobody could tell apart are struck once. After the fault the
promises must hold at once; when it is over and the operation is run again, at most RUNS_TO_SETTLE
times, the tables must hold what they hold without any fault.

Source of the hooks: botocore's events. moto answers in `before-send`, so a handler registered
first sees a request before it is carried out, and one registered last sees it afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, Generic, Protocol, TypeVar
from unittest.mock import patch

import botocore.endpoint
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from functions.shared.domain.errors import Busy

# "When faults stop, everything settles within two runs."
RUNS_TO_SETTLE = 2
_TRANSACT = "TransactWriteItems"
_READS = frozenset(
    {"BatchGetItem", "GetItem", "GetObject", "HeadObject", "ListObjectsV2", "Query", "Scan"}
)


class Way(StrEnum):
    """How a call fails."""

    LOST_BEFORE = "LOST_BEFORE"
    LOST_BEFORE_ON = "LOST_BEFORE_ON"
    LOST_AFTER = "LOST_AFTER"
    LOST_AFTER_ON = "LOST_AFTER_ON"
    THROTTLED = "THROTTLED"
    THROTTLED_ON = "THROTTLED_ON"
    CONFLICT = "CONFLICT"
    CONFLICT_ON = "CONFLICT_ON"
    DEATH_BEFORE = "DEATH_BEFORE"
    DEATH_AFTER = "DEATH_AFTER"

    @property
    def kind(self) -> str:
        """The way without how long it lasts."""
        return self.value.removesuffix("_ON")

    @property
    def lasts(self) -> bool:
        """Whether later calls fail too, until the operation gives up."""
        return self.value.endswith("_ON")


# Nothing is carried out, so before is after; and a throttled reading is not tried again.
_SAME_FOR_READS = frozenset({Way.LOST_AFTER, Way.LOST_AFTER_ON, Way.DEATH_AFTER, Way.THROTTLED_ON})


class ProcessDeath(BaseException):
    """The process ended here: no handler of the code under test may run."""


class Injector:
    """Counts the calls of clients and makes chosen ones fail.

    Args:
        clients: botocore clients; hooks stay on them, and do nothing while nothing is armed.

    """

    def __init__(self, clients: Sequence[Any]) -> None:
        self.calls: list[str] = []
        self._way: Way | None = None
        self._at = 0
        self._spent = False
        self._visitor: Callable[[], object] | None = None
        for client in clients:
            events = client.meta.events
            events.register_first("before-call", self._before_call)
            events.register_first("before-send", self._before_send)
            events.register_last("before-send", self._after_send)
            events.register_last("after-call", self._after_call)

    @contextmanager
    def armed(self, way: Way | None, at: int = 0) -> Iterator[None]:
        """While entered, counts calls from 0 and fails the one at `at`; no way only counts."""
        self.calls = []
        self._way, self._at, self._spent = way, at, False
        try:
            yield
        finally:
            self._way = None

    @contextmanager
    def visited(self, at: int, visitor: Callable[[], object]) -> Iterator[None]:
        """While entered, somebody else acts just before the call at `at` is carried out.

        All of it runs in this thread, so moto sees one call after another, as DynamoDB's
        serialisable transactions do. A visitor may be visited in turn.
        """
        outer = (self.calls, self._at, self._spent, self._visitor)
        self.calls, self._at, self._spent, self._visitor = [], at, False, visitor
        try:
            yield
        finally:
            spent = self._spent
            self.calls, self._at, self._spent, self._visitor = outer
            self._spent = spent

    @property
    def struck(self) -> bool:
        """Whether the fault, or the visit, happened since the injector was armed."""
        return self._spent

    def _strikes(self, *kinds: str) -> bool:
        """Whether the call under way fails now, in one of these ways."""
        if self._way is None or self._way.kind not in kinds:
            return False
        number = len(self.calls) - 1
        if number < self._at or (not self._way.lasts and (number > self._at or self._spent)):
            return False
        self._spent = True
        return True

    def _before_call(self, **event: Any) -> tuple[AWSResponse, dict[str, Any]] | None:  # noqa: ANN401 - botocore's
        self.calls.append(event["model"].name)
        self._let_visit()
        if self._strikes("DEATH_BEFORE"):
            raise ProcessDeath
        if self._strikes("THROTTLED"):
            return _refusal("ThrottlingException")
        if self.calls[-1] == _TRANSACT and self._strikes("CONFLICT"):
            return _conflict(event["params"])
        return None

    def _let_visit(self) -> None:
        if self._visitor is None or len(self.calls) - 1 != self._at:
            return
        visitor, self._visitor = self._visitor, None
        visits, self.calls = self.calls, []
        visitor()
        self.calls = visits
        self._visitor, self._spent = None, True

    def _before_send(self, **_: Any) -> None:  # noqa: ANN401 - botocore's
        if self._strikes("LOST_BEFORE"):
            raise ReadTimeoutError(endpoint_url="https://lost.invalid")

    def _after_send(self, **_: Any) -> None:  # noqa: ANN401 - botocore's
        if self._strikes("LOST_AFTER"):
            raise ReadTimeoutError(endpoint_url="https://lost.invalid")

    def _after_call(self, **_: Any) -> None:  # noqa: ANN401 - botocore's
        if self._strikes("DEATH_AFTER"):
            raise ProcessDeath


def _refusal(code: str, **more: object) -> tuple[AWSResponse, dict[str, Any]]:
    """What a `before-call` handler returns to refuse the call with that code."""
    parsed = {
        "Error": {"Code": code, "Message": f"injected: [{code}]"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "injected", "HTTPHeaders": {}},
        **more,
    }
    return AWSResponse("https://refused.invalid", 400, {}, None), parsed


def _conflict(params: dict[str, Any], at: int = 0) -> tuple[AWSResponse, dict[str, Any]]:
    """The same for a transaction that meets another one at its item of that number."""
    reasons = [{"Code": "None"} for _ in _items(params)]
    reasons[at] = {"Code": "TransactionConflict"}
    return _refusal("TransactionCanceledException", CancellationReasons=reasons)


def _items(params: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(params["body"])["TransactItems"]
    return items


@contextmanager
def contended(
    client: Any,  # noqa: ANN401 - botocore clients have no static type
    meets: Callable[[list[dict[str, Any]]], bool],
    *,
    at: Callable[[list[dict[str, Any]]], int] = lambda _: 0,
) -> Iterator[None]:
    """While entered, every transaction whose items the predicate picks meets another one.

    Args:
        client: whose transactions.
        meets: picks them by their items.
        at: which of the items is met.

    """

    def handle(params: dict[str, Any], **_: object) -> object:
        items = _items(params)
        return _conflict(params, at(items)) if meets(items) else None

    event = f"before-call.dynamodb.{_TRANSACT}"
    client.meta.events.register_first(event, handle)
    try:
        yield
    finally:
        client.meta.events.unregister(event, handle)


class Stage(Protocol):
    """Where operations are played: tables that can be put back, and promises about them."""

    @property
    def injector(self) -> Injector:
        """The injector on all clients of the stage."""

    def keep(self) -> None:
        """Remembers what the tables hold."""

    def restore(self) -> None:
        """Puts back what was kept; processes begin anew."""

    def audit(self) -> object:
        """Checks every promise about the tables.

        Returns what must be equal at the end, whatever happened on the way.
        """


S = TypeVar("S", bound=Stage)


@dataclass(frozen=True, slots=True)
class Operation(Generic[S]):
    """Something that runs on a stage and may be run again.

    Args:
        name: for the test's id.
        set_up: brings the stage to where the operation begins.
        act: runs it; a request gives an answer that a retry must give again, a run gives None.
        transacts: whether it makes a transaction, which alone can meet a conflict.

    """

    name: str
    set_up: Callable[[S], None]
    act: Callable[[S], object]
    transacts: bool = True

    @property
    def ways(self) -> list[Way]:
        """How its calls can fail."""
        return [way for way in Way if self.transacts or way.kind != "CONFLICT"]


@dataclass
class Operations(Generic[S]):
    """Operations that register; whatever is here is struck in every way."""

    all: list[Operation[S]] = field(default_factory=list)

    def register(
        self, name: str, set_up: Callable[[S], None], *, transacts: bool = True
    ) -> Callable[[Callable[[S], object]], Callable[[S], object]]:
        """A decorator that registers how an operation runs."""

        def note(act: Callable[[S], object]) -> Callable[[S], object]:
            self.all.append(Operation(name, set_up, act, transacts))
            return act

        return note


@contextmanager
def no_waiting() -> Iterator[None]:
    """The SDK's pauses between its tries take no time."""
    with patch.object(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None)):
        yield


def strike(
    stage: S, operation: Operation[S], way: Way, tolerated: tuple[type[Exception], ...]
) -> int:
    """Runs the operation once for each of its calls, failing that call; how often a fault struck.

    Args:
        stage: an empty one.
        operation: what is run.
        way: how calls fail.
        tolerated: what the operation may raise under the fault, besides Busy.

    """
    operation.set_up(stage)
    stage.audit()
    stage.keep()
    # Processes begin anew, as they will after each fault.
    stage.restore()
    with stage.injector.armed(None):
        answer = operation.act(stage)
    calls = list(stage.injector.calls)
    expected = stage.audit()
    struck = 0
    for at, call in enumerate(calls):
        if call in _READS and way in _SAME_FOR_READS:
            continue
        if call != _TRANSACT and way.kind == "CONFLICT":
            continue
        stage.restore()
        with stage.injector.armed(way, at), suppress(ProcessDeath, Busy, *tolerated):
            operation.act(stage)
        if not stage.injector.struck:
            continue
        struck += 1
        try:
            stage.audit()
            _settle(stage, operation, answer, expected)
        except Exception as error:
            error.add_note(f"{operation.name}: {way} at call {at} of {calls}")
            raise
    return struck


def _settle(stage: S, operation: Operation[S], answer: object, expected: object) -> None:
    """Passes when the operation, run again, ends where it ends without a fault."""
    for tried in range(1, RUNS_TO_SETTLE + 1):
        found = operation.act(stage)
        at_last = tried == RUNS_TO_SETTLE
        ended = stage.audit()
        if (found, ended) == (answer, expected):
            return
        if at_last:
            assert found == answer
            assert ended == expected
