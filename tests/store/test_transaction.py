"""One transaction: its items are known by label, contention is retried, and nothing else is."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import pytest
from pynamodb.exceptions import TransactWriteError

from functions.shared.domain.errors import Busy, Code
from functions.shared.store.connection import Database
from functions.shared.store.tables import StockItem
from functions.shared.store.transaction import Cancelled, RetryPolicy, Transaction
from tests.support.deployment import Deployment
from tests.support.replies import (
    LOST_AFTER,
    LOST_BEFORE,
    THROUGH,
    TRANSACTION,
    TRIES,
    Step,
    cancelled,
    failed,
    scripted,
)

LABELS = ["check a", "put a", "update a", "check b", "put b", "update b", "put c"]
CONTENTION = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
TRANSIENT = [
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
]


def shard(name: str, *, available: int = 1) -> StockItem:
    return StockItem(
        name,
        state="OPEN",
        allocated=9,
        available=available,
        issued=0,
        lapsed_fen=0,
        unit_reserve_fen=2_000,
    )


def has_units() -> Any:  # noqa: ANN401 - PynamoDB's condition
    return StockItem.available >= 1


def mixed(database: Database) -> Transaction:
    """Items of every kind in an order that is not the one of the wire; all ask for units."""
    transaction = database.transaction("mixed")
    for label in LABELS:
        if label.startswith("check"):
            transaction.check(label, StockItem, label, condition=has_units())
        elif label.startswith("put"):
            transaction.put(label, shard(label, available=8), has_units())
        else:
            transaction.update(label, StockItem(label), [StockItem.available.add(-1)], has_units())
    return transaction


def draw(database: Database, name: str = "s") -> Transaction:
    """Draws one unit, if there is one."""
    transaction = database.transaction("draw")
    transaction.update("stock", StockItem(name), [StockItem.available.add(-1)], has_units())
    return transaction


def available(deployment: Deployment) -> list[str]:
    return [item["available"]["N"] for item in deployment.items("stock")]


# Labels and old images


@pytest.mark.parametrize("empty", LABELS)
def test_the_label_whose_condition_failed_is_named_whatever_the_wire_order(
    database: Database, deployment: Deployment, empty: str
) -> None:
    for label in LABELS:
        shard(label, available=0 if label == empty else 5).save()
    before = deployment.snapshot()
    with pytest.raises(Cancelled) as refused:
        mixed(database).commit()
    assert list(refused.value.reasons) == [empty]
    assert [label for label in LABELS if refused.value.failed(label)] == [empty]
    assert refused.value.operation == "mixed"
    assert empty in str(refused.value)
    assert deployment.snapshot() == before


def test_every_failed_label_is_named_with_its_own_old_image(database: Database) -> None:
    for number, label in enumerate(LABELS):
        shard(label, available=-number).save()
    with pytest.raises(Cancelled) as refused:
        mixed(database).commit()
    assert set(refused.value.reasons) == set(LABELS)
    for number, label in enumerate(LABELS):
        old = refused.value.old(label, StockItem)
        if label.startswith("check"):
            # DynamoDB gives no old image for a check.
            assert old is None
        else:
            assert old is not None
            assert (old.shard_id, old.available, old.state) == (label, -number, "OPEN")


def test_an_old_image_keeps_what_the_model_does_not_declare(database: Database) -> None:
    shard("s", available=0).save()
    database.client.update_item(
        TableName=database.prefix + "stock",
        Key={"shard_id": {"S": "s"}},
        UpdateExpression="SET #n = :n",
        ExpressionAttributeNames={"#n": "type:50-20:round:r1"},
        ExpressionAttributeValues={":n": {"N": "7"}},
    )
    with pytest.raises(Cancelled) as refused:
        draw(database).commit()
    assert refused.value.raw("stock")["type:50-20:round:r1"] == {"N": "7"}
    # Decoding takes a copy: the raw item can be read again.
    assert refused.value.old("stock", StockItem) is not None
    assert refused.value.raw("stock")["shard_id"] == {"S": "s"}


def test_an_item_that_was_not_there_has_no_old_image(database: Database) -> None:
    with pytest.raises(Cancelled) as refused:
        draw(database, "missing").commit()
    assert refused.value.failed("stock")
    assert refused.value.old("stock", StockItem) is None
    assert refused.value.raw("stock") == {}


def test_a_label_that_did_not_fail_says_nothing(database: Database) -> None:
    with pytest.raises(Cancelled) as refused:
        draw(database, "missing").commit()
    assert not refused.value.failed("voucher")
    assert refused.value.old("voucher", StockItem) is None


def test_everything_is_written_when_every_condition_holds(
    database: Database, deployment: Deployment
) -> None:
    for label in LABELS:
        shard(label, available=5).save()
    mixed(database).commit()
    # Two checks as they were, three puts of 8, two updates of one less.
    assert sorted(available(deployment)) == ["4", "4", "5", "5", "8", "8", "8"]


def test_labels_are_unique_and_a_hundred_at_most(database: Database) -> None:
    twice = draw(database)
    twice.update("stock", StockItem("other"), [StockItem.available.add(1)])
    with pytest.raises(AssertionError):
        twice.commit()
    many = database.transaction("many")
    for number in range(101):
        many.put(f"shard {number}", shard(f"s-{number}"))
    with pytest.raises(AssertionError):
        many.commit()


def test_a_hundred_items_are_taken(database: Database, deployment: Deployment) -> None:
    many = database.transaction("many")
    for number in range(100):
        many.put(f"shard {number}", shard(f"s-{number}"))
    many.commit()
    assert len(deployment.items("stock")) == 100


# What is retried


@pytest.mark.parametrize(
    "step",
    [*(cancelled(code) for code in CONTENTION), *(failed(code) for code in TRANSIENT), LOST_BEFORE],
    ids=[*CONTENTION, *TRANSIENT, "lost"],
)
def test_contention_and_throttling_are_retried_until_it_works(
    database: Database, deployment: Deployment, pauses: list[float], step: Step
) -> None:
    shard("s", available=5).save()
    with scripted(database.client, TRANSACTION, step, step, THROUGH) as sent:
        draw(database).commit()
    assert len(sent) == 3
    assert len(pauses) == 2
    assert available(deployment) == ["4"]


@pytest.mark.parametrize(
    "step",
    [*(cancelled(code) for code in CONTENTION), *(failed(code) for code in TRANSIENT), LOST_BEFORE],
    ids=[*CONTENTION, *TRANSIENT, "lost"],
)
def test_when_retries_run_out_the_answer_is_busy_and_nothing_is_written(
    database: Database, deployment: Deployment, pauses: list[float], step: Step
) -> None:
    shard("s", available=5).save()
    before = deployment.snapshot()
    with (
        scripted(database.client, TRANSACTION, *[step] * TRIES) as sent,
        pytest.raises(Busy) as busy,
    ):
        draw(database).commit()
    assert busy.value.code is Code.BUSY
    assert busy.value.context == {"operation": "draw"}
    assert len(sent) == TRIES
    # With full jitter at its greatest; nobody waits after the last try.
    assert pauses == [0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5]
    assert deployment.snapshot() == before


def test_pauses_are_capped_and_jittered() -> None:
    slept: list[float] = []
    policy = RetryPolicy(tries=9, cap_s=0.2, sleep=slept.append, jitter=lambda: 0.5)
    for tried in range(1, 9):
        policy.pause(tried)
    assert slept == [0.01, 0.02, 0.04, 0.08, 0.1, 0.1, 0.1, 0.1]


def test_as_many_tries_are_made_as_the_policy_says(models_given_back: Database) -> None:
    slept: list[float] = []
    once = Database(models_given_back.prefix, retry=RetryPolicy(tries=1, sleep=slept.append))
    shard("s").save()
    with (
        scripted(once.client, TRANSACTION, cancelled("TransactionConflict")) as sent,
        pytest.raises(Busy),
    ):
        draw(once).commit()
    assert (len(sent), slept) == (1, [])


def test_a_failed_condition_is_not_retried_even_among_contention(
    database: Database, pauses: list[float]
) -> None:
    step = cancelled("TransactionConflict", "ConditionalCheckFailed")
    transaction = draw(database, "s")
    transaction.update("other", StockItem("t"), [StockItem.available.add(1)], has_units())
    with (
        scripted(database.client, TRANSACTION, step) as sent,
        pytest.raises(Cancelled) as refused,
    ):
        transaction.commit()
    assert (len(sent), pauses) == (1, [])
    assert refused.value.failed("other")
    assert not refused.value.failed("stock")


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (cancelled("ValidationError"), "TransactionCanceledException"),
        (cancelled("ItemCollectionSizeLimitExceeded"), "TransactionCanceledException"),
        (cancelled("TransactionConflict", "ValidationError"), "TransactionCanceledException"),
        (failed("ValidationException"), "ValidationException"),
        (failed("ResourceNotFoundException"), "ResourceNotFoundException"),
        (failed("AccessDeniedException"), "AccessDeniedException"),
        (failed("IdempotentParameterMismatchException"), "IdempotentParameterMismatchException"),
    ],
)
def test_a_fault_of_ours_is_neither_retried_nor_called_busy(
    database: Database, pauses: list[float], step: Step, code: str
) -> None:
    transaction = draw(database)
    transaction.update("other", StockItem("t"), [StockItem.available.add(1)])
    with (
        scripted(database.client, TRANSACTION, step) as sent,
        pytest.raises(TransactWriteError) as refused,
    ):
        transaction.commit()
    assert refused.value.cause_response_code == code
    assert (len(sent), pauses) == (1, [])


def test_a_wrong_parameter_is_no_lost_reply(database: Database, pauses: list[float]) -> None:
    def wrong(**_: object) -> None:
        raise botocore.exceptions.ParamValidationError(report="scripted")

    event = f"before-call.dynamodb.{TRANSACTION}"
    database.client.meta.events.register(event, wrong)
    try:
        with pytest.raises(TransactWriteError):
            draw(database).commit()
    finally:
        database.client.meta.events.unregister(event, wrong)
    assert pauses == []


# Lost replies


def test_a_reply_lost_after_the_commit_shows_as_the_guards_refusal(
    database: Database, deployment: Deployment
) -> None:
    """Nothing is applied twice: the guard, not the token, sees to it."""
    transaction = database.transaction("make")
    transaction.put("guard", shard("s", available=5), StockItem.shard_id.does_not_exist())
    with (
        scripted(database.client, TRANSACTION, LOST_AFTER, THROUGH),
        pytest.raises(Cancelled) as refused,
    ):
        transaction.commit()
    old = refused.value.old("guard", StockItem)
    assert old is not None
    assert old.available == 5
    assert available(deployment) == ["5"]


def test_all_replies_lost_is_busy_although_it_was_written(
    database: Database, deployment: Deployment
) -> None:
    transaction = database.transaction("make")
    transaction.put("guard", shard("s", available=5))
    with scripted(database.client, TRANSACTION, *[LOST_AFTER] * TRIES), pytest.raises(Busy):
        transaction.commit()
    assert available(deployment) == ["5"]


# A guard in contention hides whether the request was done before


@pytest.mark.parametrize("code", CONTENTION)
def test_no_condition_is_believed_while_the_guard_cannot_be_read(
    database: Database, deployment: Deployment, code: str
) -> None:
    """An earlier try of the same request may be under way: its effect must not refuse this one.

    earlier try   ── person counted ── voucher being put ─────────────> done
    this try                └─ "limit reached"    └─ TransactionConflict

    """
    shard("s", available=5).save()
    transaction = database.transaction("make")
    transaction.put("guard", shard("g"), StockItem.shard_id.does_not_exist(), guard=True)
    transaction.update("stock", StockItem("s"), [StockItem.available.add(-1)], has_units())
    step = cancelled(code, "ConditionalCheckFailed")
    with scripted(database.client, TRANSACTION, step, THROUGH) as sent:
        transaction.commit()
    assert len(sent) == 2
    assert sorted(available(deployment)) == ["1", "4"]


def test_a_guard_that_stays_in_contention_is_busy(database: Database) -> None:
    transaction = database.transaction("make")
    transaction.put("guard", shard("g"), StockItem.shard_id.does_not_exist(), guard=True)
    transaction.update("stock", StockItem("s"), [StockItem.available.add(-1)], has_units())
    step = cancelled("TransactionConflict", "ConditionalCheckFailed")
    with scripted(database.client, TRANSACTION, *[step] * TRIES), pytest.raises(Busy):
        transaction.commit()


# Tokens


def test_a_token_is_the_same_over_retries_and_another_for_each_transaction(
    database: Database,
) -> None:
    shard("s", available=5).save()
    tokens = []
    for _ in range(2):
        with scripted(
            database.client, TRANSACTION, LOST_BEFORE, failed("ThrottlingException")
        ) as sent:
            draw(database).commit()
        [token] = {body["ClientRequestToken"] for body in sent}
        assert len(sent) == 3
        tokens.append(token)
    assert len(set(tokens)) == 2
    assert all(1 <= len(token) <= 36 for token in tokens)


def test_a_retry_sends_the_very_same_items(database: Database) -> None:
    for label in LABELS:
        shard(label, available=5).save()
    with scripted(database.client, TRANSACTION, cancelled(*["TransactionConflict"] * 7)) as sent:
        mixed(database).commit()
    assert sent[0] == sent[1]
    assert len(sent[0]["TransactItems"]) == len(LABELS)
