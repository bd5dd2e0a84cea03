"""One transaction, its items labelled; retried on contention only.

PynamoDB sends condition checks, deletes, puts and updates in that order, and DynamoDB gives its
cancellation reasons in the order sent. Labels hide that: a caller asks whether "stock" failed and
what the item looked like, never for reason number two.

What is retried, and why nothing is applied twice:

    reply                          what is known              what happens
    conflict, throttled            nothing was written        retried with jitter
    the same, at an item that can  this try wrote nothing     `Contended`: the caller takes another
    be exchanged for another                                  item, without waiting
    lost (timeout, reset)          it may have been written   retried: the transaction's own guard,
                                                              or its compare-and-set, then fails
    a condition failed             nothing was written        `Cancelled`: the caller decides
    a condition failed, and the    an earlier try of the same retried, until the guard can be read
    guard met contention           request may be under way

The ClientRequestToken only spares a retry of the same call its guard's refusal; it lasts ten
minutes and is never the guard. When retries run out the answer is `Busy`, and no caller may take
it for "sold out" or "limit reached".
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import botocore.exceptions
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from functions.shared.domain.errors import Busy

M = TypeVar("M", bound=Model)

_ALL_OLD = "ALL_OLD"
_CONDITION_FAILED = "ConditionalCheckFailed"
_CONTENTION = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"},
)
# Codes of whole-call failures after which the same call may be sent again.
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Timeouts, resets and refused connections; a wrong parameter is a BotoCoreError too, but not these.
_LOST = (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)


def is_transient(error: PynamoDBException) -> bool:
    """Whether the same call may succeed if it is sent again: throttled, or lost on the way."""
    # First, because botocore's lost replies have a `response` of None, which PynamoDB trips over.
    return isinstance(error.cause, _LOST) or error.cause_response_code in _TRANSIENT


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long contention is fought: bounded, with full jitter.

    Eight tries with at most 20, 40, 80, 160, 320, 500 and 500 ms between them, 0.8 s in the mean
    and 1.6 s at most, stay well inside a caller's patience.
    """

    tries: int = 8
    base_s: float = 0.02
    cap_s: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)

    def pause(self, tried: int) -> None:
        """Waits before the next try; `tried` counts from 1."""
        self.sleep(min(self.cap_s, self.base_s * 2 ** (tried - 1)) * self.jitter())


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one item cancelled a transaction, and the item as it was (raw), if it existed."""

    code: str
    raw_item: dict[str, dict[str, Any]] | None

    @property
    def is_condition(self) -> bool:
        """Whether the item's own condition failed."""
        return self.code == _CONDITION_FAILED

    @property
    def is_contention(self) -> bool:
        """Whether the item met another transaction, or was throttled."""
        return self.code in _CONTENTION


class Cancelled(Exception):
    """A condition of the transaction failed, and nothing was written.

    Args:
        operation: the label of the transaction.
        reasons: by item label, only items that stood in the way.

    """

    def __init__(self, operation: str, reasons: dict[str, Reason]) -> None:
        super().__init__(f"{operation}: " + ", ".join(f"{k} {r.code}" for k, r in reasons.items()))
        self.operation = operation
        self.reasons = reasons

    def failed(self, label: str) -> bool:
        """Whether that item's condition failed."""
        reason = self.reasons.get(label)
        return reason is not None and reason.is_condition

    def contended(self, label: str) -> bool:
        """Whether that item met contention besides."""
        reason = self.reasons.get(label)
        return reason is not None and reason.is_contention

    def raw(self, label: str) -> dict[str, dict[str, Any]]:
        """The raw item as it was; empty when there was none."""
        reason = self.reasons.get(label)
        return (reason.raw_item if reason else None) or {}

    def old(self, label: str, model: type[M]) -> M | None:
        """The item as it was, or None when there was none."""
        raw = self.raw(label)
        if not raw:
            return None
        # CancellationReason offers no working decoder; `from_raw_data` wants a copy it may keep.
        return model.from_raw_data(dict(raw))


class Contended(Exception):
    """Items that could be exchanged met other transactions or were throttled.

    The last try wrote nothing; an earlier one whose reply was lost may have. The guard tells.

    Args:
        operation: the label of the transaction.
        labels: those items.

    """

    def __init__(self, operation: str, labels: Collection[str]) -> None:
        super().__init__(f"{operation}: {', '.join(labels)}")
        self.operation = operation
        self.labels = frozenset(labels)


class Transaction:
    """Items that are written together or not at all; at most 100, each under a label of its own.

    Args:
        connection: the shared PynamoDB connection.
        operation: what the transaction is, for errors and metrics.
        retry: how contention is fought.

    """

    MAX_ITEMS = 100

    def __init__(self, connection: Connection, operation: str, retry: RetryPolicy) -> None:
        self._operation = operation
        self._retry = retry
        self._write = TransactWrite(
            connection=connection,
            client_request_token=str(uuid.uuid4()),
        )
        # Kept apart because the wire order is checks, deletes, puts, updates.
        self._checks: list[str] = []
        self._puts: list[str] = []
        self._updates: list[str] = []
        self._guard: str | None = None

    def check(
        self,
        label: str,
        model: type[Model],
        hash_key: str,
        range_key: str | None = None,
        *,
        condition: Condition,
    ) -> None:
        """The item must satisfy the condition; it is not written."""
        self._checks.append(label)
        self._write.condition_check(model, hash_key, range_key, condition=condition)

    def put(
        self, label: str, item: Model, condition: Condition | None = None, *, guard: bool = False
    ) -> None:
        """The item is written whole, replacing one of the same key if the condition allows it.

        A `guard` is the item by which a repeated request is known. While it meets contention, no
        other item's refusal is believed: an earlier try of the same request may have caused it.
        """
        if guard:
            self._guard = label
        self._puts.append(label)
        self._write.save(item, condition=condition, return_values=_ALL_OLD)

    def update(
        self, label: str, item: Model, actions: Sequence[Action], condition: Condition | None = None
    ) -> None:
        """The actions are applied to the item of that key if the condition allows it."""
        self._updates.append(label)
        self._write.update(item, list(actions), condition=condition, return_values=_ALL_OLD)

    def commit(self, *, exchangeable: Collection[str] = ()) -> None:
        """Writes everything or nothing.

        Args:
            exchangeable: labels of items in whose place others would do; contention at one of
                them is not fought here.

        Raises:
            Cancelled: a condition failed.
            Contended: exchangeable items met contention.
            Busy: contention, throttling or lost replies outlasted the retries. After lost replies
                the transaction may have been written; its guard tells.
            TransactWriteError: the transaction itself is wrong, which is a fault of ours.

        """
        labels = [*self._checks, *self._puts, *self._updates]
        assert len(set(labels)) == len(labels) <= self.MAX_ITEMS, labels  # noqa: S101 - ours to hold
        for tried in range(1, self._retry.tries + 1):
            try:
                self._write._commit()  # noqa: SLF001 - the context manager cannot be retried
            except TransactWriteError as error:
                self._raise_unless_transient(error, labels, exchangeable)
            else:
                return
            if tried < self._retry.tries:
                self._retry.pause(tried)
        raise Busy(operation=self._operation)

    def _raise_unless_transient(
        self, error: TransactWriteError, labels: list[str], exchangeable: Collection[str]
    ) -> None:
        reasons = {
            label: Reason(reason.code, reason.raw_item)
            for label, reason in zip(labels, error.cancellation_reasons, strict=False)
            if reason is not None
        }
        guard = reasons.get(self._guard) if self._guard else None
        if guard is not None and guard.is_contention:
            return
        if any(reason.is_condition for reason in reasons.values()):
            raise Cancelled(self._operation, reasons) from error
        if reasons:
            if not all(reason.is_contention for reason in reasons.values()):
                raise error
            met = [label for label in reasons if label in exchangeable]
            if met:
                raise Contended(self._operation, met) from error
            return
        if not is_transient(error):
            raise error
