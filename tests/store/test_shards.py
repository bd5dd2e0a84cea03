"""Shards as claims see them: units move between two and are never lost, sold out is what is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from functions.shared.domain.errors import Busy
from functions.shared.domain.funds import Pool, PoolState
from functions.shared.store.claims import ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.shards import PROOFS, SHARDS_PER_READING, Moved, ShardStore
from functions.shared.store.tables import StockItem
from tests.store.bank import PLAN, Bank
from tests.support.campaigns import OPEN
from tests.support.deployment import Deployment
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, failed, scripted
from tests.support.vouchers import a_voucher

NOW = datetime.fromisoformat(OPEN)
BATCH = "BatchGetItem"


@pytest.fixture
def bank(database: Database, deployment: Deployment) -> Bank:
    return Bank(database, deployment)


@pytest.fixture
def shards(bank: Bank) -> ShardStore:
    return ShardStore(bank.database)


def allocated(bank: Bank, pool: Pool) -> list[int]:
    return [shard.allocated for shard in bank.stock.shards(pool)]


def empty(bank: Bank, *, shard_count: int = 3) -> Pool:
    """A pool whose shards have nothing."""
    return bank.pool(units=0, shards=shard_count)


def fill(pool: Pool, number: int, units: int) -> None:
    """Puts units into a shard, as a move that nobody else sees."""
    StockItem(pool.shard_id(number)).update(
        [StockItem.available.add(units), StockItem.allocated.add(units), StockItem.fills.add(1)]
    )


@contextmanager
def before_reading(client: Any, number: int, act: Callable[[], None]) -> Iterator[None]:  # noqa: ANN401 - botocore's
    """While entered, somebody acts just before the batch of that number, from 0, is read."""
    seen = 0

    def handle(**_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == number + 1:
            act()

    event = f"before-call.dynamodb.{BATCH}"
    client.meta.events.register_first(event, handle)
    try:
        yield
    finally:
        client.meta.events.unregister(event, handle)


# Levels


def test_homes_are_given_out_in_order(bank: Bank, shards: ShardStore) -> None:
    one = bank.pool(units=4, shards=2)
    other = replace(one, round_id="r9")
    assert [shards.give_home(one) for _ in range(3)] == [0, 1, 2]
    assert shards.give_home(other) == 0


def test_a_home_that_cannot_be_counted_now_is_none(bank: Bank, shards: ShardStore) -> None:
    """The claim goes on without: it looks for a shard instead."""
    pool = bank.pool(units=4, shards=2)
    throttled = failed("ProvisionedThroughputExceededException")
    with scripted(bank.database.client, "UpdateItem", throttled):
        assert shards.give_home(pool) is None
    assert shards.give_home(pool) == 0


def test_levels_are_of_the_shards_asked_for_and_cost_one_call(
    bank: Bank, shards: ShardStore
) -> None:
    pool = bank.pool(units=7, shards=3)
    with scripted(bank.database.client, BATCH) as sent:
        assert shards.levels(pool, (2, 0)) == {0: 3, 2: 2}
    [request] = sent
    [asked] = request["RequestItems"].values()
    assert asked["ConsistentRead"] is True


# Moves


def test_units_move_and_the_pool_has_as_many_as_before(bank: Bank, shards: ShardStore) -> None:
    pool = bank.pool(units=7, shards=3)
    places = bank.places()
    assert shards.move_units(pool, 0, 2, 3) is Moved.DONE
    assert bank.available(pool) == allocated(bank, pool) == [0, 2, 5]
    assert bank.places() == places


def test_only_the_shard_that_got_units_counts_them_as_a_filling(
    bank: Bank, shards: ShardStore
) -> None:
    pool = bank.pool(units=7, shards=3)
    shards.move_units(pool, 0, 2, 3)
    assert [shard.fills for shard in bank.stock.shards(pool)] == [0, 0, 1]
    assert bank.again(pool).stock_version == 0


def test_more_than_is_there_is_not_moved(bank: Bank, shards: ShardStore) -> None:
    pool = bank.pool(units=7, shards=3)
    before = bank.deployment.snapshot()
    assert shards.move_units(pool, 0, 2, 4) is Moved.CHANGED
    assert shards.move_units(replace(pool, shard_count=4), 0, 3, 1) is Moved.CHANGED
    assert bank.deployment.snapshot() == before


def test_nothing_moves_while_the_pool_is_paused(bank: Bank, shards: ShardStore) -> None:
    pool = bank.pool(units=7, shards=3)
    bank.stock.set_state(pool, PoolState.PAUSED)
    before = bank.deployment.snapshot()
    assert shards.move_units(pool, 0, 2, 1) is Moved.CHANGED
    assert bank.deployment.snapshot() == before


@pytest.mark.parametrize("number", [0, 2])
def test_nothing_moves_while_one_of_the_two_is_paused(
    bank: Bank, shards: ShardStore, number: int
) -> None:
    """A pause goes from shard to shard; a move must not carry units past it."""
    pool = bank.pool(units=7, shards=3)
    StockItem(pool.shard_id(number)).update([StockItem.state.set(PoolState.PAUSED.value)])
    before = bank.deployment.snapshot()
    assert shards.move_units(pool, 0, 2, 1) is Moved.CHANGED
    assert bank.deployment.snapshot() == before


def test_no_pool_is_made_by_the_mark_that_it_is_sold_out(bank: Bank, shards: ShardStore) -> None:
    before = bank.deployment.snapshot()
    assert not shards._mark(PLAN)
    assert bank.deployment.snapshot() == before


@pytest.mark.parametrize(
    "reasons", [("TransactionConflict", "None"), ("None", "TransactionConflict")]
)
def test_a_move_that_meets_a_claim_is_told_at_once(
    bank: Bank, shards: ShardStore, reasons: tuple[str, str]
) -> None:
    pool = bank.pool(units=7, shards=3)
    before = bank.deployment.snapshot()
    with scripted(bank.database.client, TRANSACTION, cancelled(*reasons)):
        assert shards.move_units(pool, 0, 2, 1) is Moved.CONTENDED
    assert bank.deployment.snapshot() == before


def test_a_move_whose_replies_are_lost_loses_no_unit(bank: Bank, shards: ShardStore) -> None:
    pool = bank.pool(units=7, shards=3)
    places = bank.places()
    with scripted(bank.database.client, TRANSACTION, *[LOST_AFTER] * TRIES), pytest.raises(Busy):
        shards.move_units(pool, 0, 2, 1)
    assert bank.places() == places
    assert sum(bank.available(pool)) == 7


# Sold out


def test_a_pool_that_is_empty_is_proven_so_and_marked(bank: Bank, shards: ShardStore) -> None:
    pool = empty(bank)
    assert not shards.is_sold_out(pool)
    assert shards.prove_sold_out(pool) is None
    assert shards.is_sold_out(pool)
    with scripted(bank.database.client, BATCH) as sent:
        assert shards.prove_sold_out(pool) is None
    assert not sent, "the mark spares the reading"


def test_units_that_are_seen_are_told_and_nothing_is_marked(bank: Bank, shards: ShardStore) -> None:
    pool = empty(bank)
    fill(pool, 1, 4)
    assert shards.prove_sold_out(pool) == {1: 4}
    assert not shards.is_sold_out(pool)


def test_reading_ends_where_units_are_seen(bank: Bank, shards: ShardStore) -> None:
    pool = empty(bank, shard_count=SHARDS_PER_READING + 1)
    fill(pool, 3, 1)
    with scripted(bank.database.client, BATCH) as sent:
        assert shards.prove_sold_out(pool) == {3: 1}
    assert len(sent) == 1


def test_a_unit_in_the_last_shard_of_many_is_seen(bank: Bank, shards: ShardStore) -> None:
    pool = empty(bank, shard_count=SHARDS_PER_READING + 1)
    fill(pool, SHARDS_PER_READING, 1)
    assert shards.prove_sold_out(pool) == {SHARDS_PER_READING: 1}


def hidden_unit(bank: Bank) -> tuple[Pool, Callable[[], None]]:
    """A pool read in two batches with its only unit in the second, and a move into the first."""
    pool = empty(bank, shard_count=SHARDS_PER_READING + 1)
    fill(pool, SHARDS_PER_READING, 1)
    shards = ShardStore(bank.database)

    def move() -> None:
        assert shards.move_units(pool, SHARDS_PER_READING, 0, 1) is Moved.DONE

    return pool, move


def test_a_unit_that_moves_behind_the_reader_is_not_missed(bank: Bank, shards: ShardStore) -> None:
    """Between the two batches of the first reading it moves to where was read already."""
    pool, move = hidden_unit(bank)
    with before_reading(bank.database.client, 1, move):
        assert shards.prove_sold_out(pool) == {0: 1}
    assert not shards.is_sold_out(pool)


def test_a_unit_that_hides_from_both_readings_is_not_missed(bank: Bank, shards: ShardStore) -> None:
    """It moves behind the first reading, and back behind the second: the fillings show it."""
    pool, move = hidden_unit(bank)

    def back() -> None:
        # The second reading's first batch is done: shard 0 was seen with its unit gone again.
        assert shards.move_units(pool, 0, SHARDS_PER_READING, 1) is Moved.DONE

    def away_again() -> None:
        assert shards.move_units(pool, SHARDS_PER_READING, 0, 1) is Moved.DONE

    client = bank.database.client
    with (
        before_reading(client, 1, move),
        before_reading(client, 2, back),
        before_reading(client, 3, away_again),
    ):
        assert shards.prove_sold_out(pool) == {0: 1}
    assert not shards.is_sold_out(pool)


def test_units_that_never_rest_leave_the_question_open(bank: Bank, shards: ShardStore) -> None:
    """Neither sold out nor found: the claim looks on."""
    pool = empty(bank)

    def fill_and_take() -> None:
        fill(pool, 0, 1)
        voucher = a_voucher(shard_id=pool.shard_id(0), voucher_id=f"v_{next(names):032d}")
        assert ClaimStore(bank.database).commit([voucher], ()).issued

    names = iter(range(PROOFS))
    client = bank.database.client
    with (
        before_reading(client, 1, fill_and_take),
        before_reading(client, 3, fill_and_take),
        before_reading(client, 5, fill_and_take),
    ):
        assert shards.prove_sold_out(pool) == {}
    assert not shards.is_sold_out(pool)


def test_too_few_for_one_claim_are_shown_and_not_marked(bank: Bank, shards: ShardStore) -> None:
    """One unit is no sold-out pool: whoever wants one still gets it."""
    pool = empty(bank)
    fill(pool, 1, 1)
    assert shards.prove_sold_out(pool, wanted=2) is None
    assert not shards.is_sold_out(pool)
    fill(pool, 2, 1)
    assert shards.prove_sold_out(pool, wanted=2) == {1: 1, 2: 1}


def test_stock_that_comes_makes_the_mark_void(bank: Bank, shards: ShardStore) -> None:
    pool = empty(bank)
    assert shards.prove_sold_out(pool) is None
    pot = bank.pot(pool, 4_000)
    assert bank.stock.top_up(pot)
    assert not shards.is_sold_out(pool)
    assert shards.prove_sold_out(pool) == {0: 1, 1: 1}


def test_stock_that_comes_during_the_proof_is_not_marked_away(
    bank: Bank, shards: ShardStore
) -> None:
    """It came after both readings, and was taken again before anybody saw it."""
    pool = empty(bank)
    pot = bank.pot(pool, 2_000)
    client = bank.database.client
    events: list[str] = []

    def handle(**_: object) -> None:
        if events:
            return
        events.append("topped up")
        assert bank.stock.top_up(pot)

    event = f"before-call.dynamodb.{TRANSACTION}"
    client.meta.events.register_first(event, handle)
    try:
        assert shards.prove_sold_out(pool) == {0: 1}
    finally:
        client.meta.events.unregister(event, handle)
    assert events
    assert not shards.is_sold_out(pool)


def test_a_pool_that_is_not_yet_spread_is_not_sold_out(bank: Bank, shards: ShardStore) -> None:
    pool = bank.pool(units=7, shards=3, spread=False)
    assert shards.prove_sold_out(pool) == {}


def test_a_shard_that_is_missing_is_not_taken_for_empty(bank: Bank, shards: ShardStore) -> None:
    pool = empty(bank)
    StockItem(pool.shard_id(1)).delete()
    assert shards.prove_sold_out(pool) == {}
    assert not shards.is_sold_out(pool)


def test_throttled_reading_is_busy_and_proves_nothing(bank: Bank, shards: ShardStore) -> None:
    pool = empty(bank)
    throttled = failed("ThrottlingException")
    with scripted(bank.database.client, BATCH, throttled), pytest.raises(Busy):
        shards.prove_sold_out(pool)
    assert not shards.is_sold_out(pool)


def test_a_drained_pool_can_be_sold_out_too(bank: Bank, shards: ShardStore) -> None:
    pool = bank.pool(units=7, shards=3)
    assert bank.stock.drain(pool)
    assert shards.prove_sold_out(pool) is None
