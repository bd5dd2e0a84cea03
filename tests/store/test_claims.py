"""A claim: a shard draws one, each identity is counted, the voucher is put; or nothing is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pynamodb.exceptions import TransactWriteError

from functions.shared.domain.campaign import LimitScope
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import PoolState
from functions.shared.domain.limits import PersonCounter
from functions.shared.domain.vouchers import VoucherState
from functions.shared.store.claims import ClaimOutcome, ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import VoucherStore
from tests.store.seeds import count, counters_of, put_shard, shard_of
from tests.support.deployment import Deployment, Snapshot
from tests.support.replies import (
    LOST_AFTER,
    LOST_BEFORE,
    TRANSACTION,
    TRIES,
    Step,
    cancelled,
    failed,
    scripted,
)
from tests.support.vouchers import PERSON, PHONE, SHARD, a_voucher, voucher_id

IN_ROUND = PersonCounter("round:r1", LimitScope.ROUND, 2)
IN_ALL = PersonCounter("campaign", LimitScope.CAMPAIGN, 3)
BOTH = (IN_ROUND, IN_ALL)
TWO_IDENTITIES = a_voucher(identity_refs=(PERSON, PHONE))
# The wire has the put first, then the updates as they were named: stock, persons.
RETRIED = {
    "conflict at the voucher": cancelled("TransactionConflict", "None", "None"),
    "conflict at the person": cancelled("None", "None", "TransactionConflict"),
    "all in conflict": cancelled(*["TransactionConflict"] * 3),
    "throttled item": cancelled("None", "None", "ThrottlingError"),
    "throttled call": failed("ThrottlingException"),
    "throttled table": failed("ProvisionedThroughputExceededException"),
    "in progress": failed("TransactionInProgressException"),
    "lost before": LOST_BEFORE,
    "lost after": LOST_AFTER,
}


@pytest.fixture
def store(database: Database) -> ClaimStore:
    put_shard()
    return ClaimStore(database)


@pytest.fixture
def vouchers(database: Database) -> VoucherStore:
    return VoucherStore(database)


@pytest.fixture
def unchanged(store: ClaimStore, deployment: Deployment) -> Callable[[], bool]:
    """Whether the tables are as the shard left them."""
    assert store is not None
    before: Snapshot = deployment.snapshot()
    return lambda: deployment.snapshot() == before


def refusal(store: ClaimStore, *counters: PersonCounter, **changes: object) -> HuiminError:
    with pytest.raises(HuiminError) as refused:
        store.commit([a_voucher(**changes)], counters)
    return refused.value


def test_a_claim_draws_one_unit_counts_the_person_and_puts_the_voucher(
    store: ClaimStore, vouchers: VoucherStore, deployment: Deployment
) -> None:
    voucher = a_voucher()
    assert store.commit([voucher], BOTH) == ClaimOutcome(issued=True)
    assert vouchers.get(voucher.voucher_id) == voucher
    shard = shard_of(deployment)
    assert (shard["available"], shard["issued"], shard["allocated"]) == (2, 1, 3)
    assert counters_of(deployment, PERSON) == {"round:r1": 1, "campaign": 1}
    assert vouchers.of_person(voucher.campaign_id, PERSON) == [voucher]


def test_a_claim_is_one_transaction_of_three_items(store: ClaimStore, database: Database) -> None:
    with scripted(database.client, TRANSACTION) as sent:
        store.commit([a_voucher()], BOTH)
    [body] = sent
    assert [next(iter(item)) for item in body["TransactItems"]] == ["Put", "Update", "Update"]


def test_every_identity_is_counted_and_remembers_the_voucher(
    store: ClaimStore, vouchers: VoucherStore, deployment: Deployment
) -> None:
    store.commit([TWO_IDENTITIES], BOTH)
    for ref in (PERSON, PHONE):
        assert counters_of(deployment, ref) == {"round:r1": 1, "campaign": 1}
        assert vouchers.of_person(TWO_IDENTITIES.campaign_id, ref) == [TWO_IDENTITIES]


def test_without_limits_the_person_still_remembers_the_voucher(
    store: ClaimStore, vouchers: VoucherStore, deployment: Deployment
) -> None:
    store.commit([a_voucher()], ())
    assert counters_of(deployment, PERSON) == {}
    assert vouchers.of_person(a_voucher().campaign_id, PERSON) == [a_voucher()]


# Stock


@pytest.mark.parametrize(
    ("available", "state"),
    [(0, PoolState.OPEN), (3, PoolState.PAUSED), (0, PoolState.PAUSED)],
)
def test_an_empty_and_a_paused_shard_give_nothing(
    store: ClaimStore, deployment: Deployment, available: int, state: PoolState
) -> None:
    put_shard(available=available, state=state)
    before = deployment.snapshot()
    outcome = store.commit([a_voucher()], BOTH)
    assert outcome == ClaimOutcome(paused=state is PoolState.PAUSED, emptied={SHARD: available})
    assert deployment.snapshot() == before


def test_a_shard_that_is_not_there_gives_nothing(
    store: ClaimStore, unchanged: Callable[[], bool]
) -> None:
    assert store.commit([a_voucher(shard_id="none")], BOTH) == ClaimOutcome(emptied={"none": 0})
    assert unchanged()


def test_the_last_unit_is_given_and_no_more(store: ClaimStore, deployment: Deployment) -> None:
    put_shard(available=1)
    assert store.commit([a_voucher()], ()).issued
    other = a_voucher(voucher_id=voucher_id("b"), request_no="q-2")
    assert store.commit([other], ()).emptied == {SHARD: 0}
    assert shard_of(deployment)["available"] == 0


# Limits


@pytest.mark.parametrize(
    ("used", "refused"),
    [
        ({}, None),
        ({"round_r1": 1, "campaign": 2}, None),
        ({"round_r1": 2}, ("ROUND", 2, 2)),
        ({"campaign": 3}, ("CAMPAIGN", 3, 3)),
        ({"campaign": 4}, ("CAMPAIGN", 3, 4)),
        ({"round_r1": 2, "campaign": 3}, ("ROUND", 2, 2)),
        ({"round_r2": 9}, None),
    ],
)
def test_each_of_several_limits_stands_at_its_very_number(
    store: ClaimStore,
    database: Database,
    deployment: Deployment,
    used: dict[str, int],
    refused: tuple[str, int, int] | None,
) -> None:
    count(database, PERSON, **used)
    before = deployment.snapshot()
    if refused is None:
        assert store.commit([a_voucher()], BOTH).issued
        return
    scope, limit, taken = refused
    reached = refusal(store, *BOTH)
    assert reached.code is Code.PERSON_LIMIT_REACHED
    assert reached.context == {"scope": scope, "limit": limit, "used": taken}
    assert deployment.snapshot() == before


@pytest.mark.parametrize("full", [PERSON, PHONE])
def test_a_limit_holds_at_every_identity(
    store: ClaimStore, database: Database, deployment: Deployment, full: str
) -> None:
    """The same phone with another number, or the other way round, is the same consumer."""
    count(database, full, round_r1=2)
    before = deployment.snapshot()
    with pytest.raises(HuiminError) as refused:
        store.commit([TWO_IDENTITIES], BOTH)
    assert refused.value.context == {"scope": "ROUND", "limit": 2, "used": 2}
    assert deployment.snapshot() == before


def test_a_cap_of_n_is_reached_by_exactly_n(store: ClaimStore, deployment: Deployment) -> None:
    for letter in "ab":
        voucher = a_voucher(voucher_id=voucher_id(letter), request_no=letter)
        assert store.commit([voucher], BOTH).issued
    third = refusal(store, *BOTH, voucher_id=voucher_id("c"), request_no="c")
    assert third.context == {"scope": "ROUND", "limit": 2, "used": 2}
    assert counters_of(deployment, PERSON) == {"round:r1": 2, "campaign": 2}


# The guard


def test_the_same_request_again_gives_the_stored_voucher_and_changes_nothing(
    store: ClaimStore, deployment: Deployment
) -> None:
    store.commit([a_voucher()], BOTH)
    before = deployment.snapshot()
    again = a_voucher(shard_id="another", issued_at=a_voucher().valid_until)
    assert store.commit([again], BOTH) == ClaimOutcome(replayed=a_voucher())
    assert deployment.snapshot() == before


def test_the_guard_is_read_before_limits_and_stock(
    store: ClaimStore, deployment: Deployment
) -> None:
    """A retry is never told "limit reached", "sold out" or "paused" because of its first try."""
    put_shard(available=1)
    at_most_one = (replace(IN_ROUND, max_count=1),)
    store.commit([a_voucher()], at_most_one)
    put_shard(available=0, state=PoolState.PAUSED)
    before = deployment.snapshot()
    assert store.commit([a_voucher()], at_most_one).replayed
    assert deployment.snapshot() == before


def test_what_became_of_the_voucher_does_not_matter_to_a_replay(
    store: ClaimStore, database: Database
) -> None:
    store.commit([a_voucher()], ())
    database.client.update_item(
        TableName=database.prefix + "vouchers",
        Key={"voucher_id": {"S": voucher_id()}},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": "EXPIRED"}},
    )
    outcome = store.commit([a_voucher()], ())
    assert outcome == ClaimOutcome(replayed=a_voucher(state=VoucherState.EXPIRED))


def test_the_same_number_with_other_content_is_refused(
    store: ClaimStore, deployment: Deployment
) -> None:
    store.commit([a_voucher()], BOTH)
    before = deployment.snapshot()
    reused = refusal(store, *BOTH, content_hash="9" * 64)
    assert (reused.code, reused.context) == (Code.KEY_REUSED, {"number": "q-1"})
    assert deployment.snapshot() == before


# The order of reasons: limits before stock


def test_a_limit_is_told_before_an_empty_or_paused_shard(
    store: ClaimStore, database: Database
) -> None:
    count(database, PERSON, round_r1=2)
    for state, available in ((PoolState.OPEN, 0), (PoolState.PAUSED, 3)):
        put_shard(state=state, available=available)
        assert refusal(store, *BOTH).code is Code.PERSON_LIMIT_REACHED


# Contention


@pytest.mark.parametrize("step", RETRIED.values(), ids=RETRIED)
def test_contention_is_fought_and_the_claim_made_once(
    store: ClaimStore, database: Database, deployment: Deployment, step: Step
) -> None:
    with scripted(database.client, TRANSACTION, step):
        outcome = store.commit([a_voucher()], BOTH)
    expected = ClaimOutcome(issued=True)
    if step is LOST_AFTER:
        expected = ClaimOutcome(replayed=a_voucher())
    assert outcome == expected
    assert shard_of(deployment)["available"] == 2
    assert counters_of(deployment, PERSON) == {"round:r1": 1, "campaign": 1}


@pytest.mark.parametrize(
    "step", [step for step in RETRIED.values() if step is not LOST_AFTER],
    ids=[name for name in RETRIED if name != "lost after"],
)  # fmt: skip
def test_contention_that_lasts_is_busy_and_never_sold_out_or_a_limit(
    store: ClaimStore, database: Database, unchanged: Callable[[], bool], step: Step
) -> None:
    with scripted(database.client, TRANSACTION, *[step] * TRIES):
        refused = refusal(store, *BOTH)
    assert isinstance(refused, Busy)
    assert refused.code is Code.BUSY
    assert unchanged()


def test_replies_that_stay_lost_are_busy_and_the_next_call_finds_the_voucher(
    store: ClaimStore, database: Database, deployment: Deployment
) -> None:
    with scripted(database.client, TRANSACTION, *[LOST_AFTER] * TRIES):
        assert refusal(store, *BOTH).code is Code.BUSY
    assert store.commit([a_voucher()], BOTH) == ClaimOutcome(replayed=a_voucher())
    assert shard_of(deployment)["issued"] == 1


def test_an_earlier_try_that_is_still_being_written_is_no_limit(
    store: ClaimStore, database: Database
) -> None:
    """The person is counted already, the voucher not yet readable."""
    counted = ("ConditionalCheckFailed", {"round:r1": {"N": "2"}, "campaign": {"N": "1"}})
    step = cancelled("TransactionConflict", "None", counted)
    with scripted(database.client, TRANSACTION, *[step] * TRIES):
        assert refusal(store, *BOTH).code is Code.BUSY


def test_a_limit_is_told_although_the_stock_is_in_contention(
    store: ClaimStore, database: Database
) -> None:
    full = ("ConditionalCheckFailed", {"round:r1": {"N": "2"}})
    step = cancelled("None", "TransactionConflict", full)
    with scripted(database.client, TRANSACTION, step):
        assert refusal(store, *BOTH).code is Code.PERSON_LIMIT_REACHED


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_contention_at_the_shard_alone_is_told_at_once(
    store: ClaimStore, database: Database, unchanged: Callable[[], bool], code: str
) -> None:
    """Another shard will do: nobody waits for this one."""
    with scripted(database.client, TRANSACTION, cancelled("None", code, "TransactionConflict")):
        outcome = store.commit([a_voucher()], BOTH)
    assert outcome == ClaimOutcome(contended=frozenset({SHARD}))
    assert unchanged()


def test_of_several_shards_each_is_told_what_it_met(
    store: ClaimStore, database: Database, unchanged: Callable[[], bool]
) -> None:
    """A pack: one shard is empty, another in contention, the third was not in the way."""
    pack = [a_voucher(voucher_id=voucher_id(letter), shard_id=letter) for letter in ("a", "b", "c")]
    shard = {
        "shard_id": {"S": "a"},
        "state": {"S": "OPEN"},
        "available": {"N": "0"},
        **{name: {"N": "3"} for name in ("allocated", "issued", "unit_reserve_fen")},
        "lapsed_fen": {"N": "0"},
    }
    puts = ["None"] * len(pack)
    step = cancelled(*puts, ("ConditionalCheckFailed", shard), "TransactionConflict", "None")
    with scripted(database.client, TRANSACTION, step):
        outcome = store.commit(pack, ())
    assert outcome == ClaimOutcome(emptied={"a": 0}, contended=frozenset({"b"}))
    assert unchanged()


def test_a_reason_that_nobody_knows_is_no_refusal_of_the_consumer(
    store: ClaimStore, database: Database, unchanged: Callable[[], bool]
) -> None:
    """A person's condition failed, yet no counter is full: that is ours to find out."""
    step = cancelled("None", "None", ("ConditionalCheckFailed", {"round:r1": {"N": "0"}}))
    with scripted(database.client, TRANSACTION, step), pytest.raises(Cancelled):
        store.commit([a_voucher()], BOTH)
    with (
        scripted(database.client, TRANSACTION, cancelled("ValidationError", "None", "None")),
        pytest.raises(TransactWriteError),
    ):
        store.commit([a_voucher()], BOTH)
    assert unchanged()


def test_the_shard_named_is_the_one_drawn_from(store: ClaimStore, deployment: Deployment) -> None:
    put_shard("other")
    store.commit([a_voucher(shard_id="other")], ())
    assert shard_of(deployment, "other")["available"] == 2
    assert shard_of(deployment, SHARD)["available"] == 3
