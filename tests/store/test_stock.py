"""Money between campaign, pots and shards: no step makes or loses a fen, whatever comes between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from functions.shared.domain.errors import Busy
from functions.shared.domain.funds import Pool, PoolState, plan_pools
from functions.shared.store.claims import ClaimOutcome, ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.stock import (
    DRAWN_SHARDS_PER_TRANSACTION,
    SHARDS_PER_TRANSACTION,
)
from functions.shared.store.tables import PoolItem, StockItem
from functions.shared.store.transaction import Cancelled
from tests.store.bank import PLAN, Bank
from tests.store.seeds import put_shard
from tests.support.campaigns import OPEN, campaign
from tests.support.deployment import Deployment
from tests.support.replies import (
    LOST_AFTER,
    THROUGH,
    TRANSACTION,
    TRIES,
    cancelled,
    scripted,
)
from tests.support.vouchers import a_voucher

NOW = datetime.fromisoformat(OPEN)
APPROPRIATED_FEN = 1_000_000


@pytest.fixture
def bank(database: Database, deployment: Deployment) -> Bank:
    return Bank(database, deployment)


# Funding


def test_a_pool_takes_its_whole_plan_out_of_what_is_unallocated(bank: Bank) -> None:
    pool = bank.pool(spread=False)
    assert bank.places() == (APPROPRIATED_FEN - 14_000, 14_000, 0)
    assert pool == replace(PLAN, planned_units=7, shard_count=3, pot_fen=14_000)


def test_a_funded_pool_is_not_funded_again(bank: Bank) -> None:
    pool = bank.pool(spread=False)
    before = bank.deployment.snapshot()
    assert not bank.stock.fund(replace(pool, pot_fen=0))
    assert bank.deployment.snapshot() == before


@pytest.mark.parametrize(("units", "enough"), [(500, True), (501, False)])
def test_no_pool_gets_a_fen_that_the_campaign_has_not(
    bank: Bank, units: int, *, enough: bool
) -> None:
    planned = replace(PLAN, planned_units=units)
    if enough:
        assert bank.stock.fund(planned)
        assert bank.places() == (0, APPROPRIATED_FEN, 0)
        return
    before = bank.deployment.snapshot()
    with pytest.raises(Cancelled) as refused:
        bank.stock.fund(planned)
    assert refused.value.failed("campaign")
    assert bank.deployment.snapshot() == before


def test_a_funding_whose_reply_was_lost_is_done_once(bank: Bank) -> None:
    with scripted(bank.database.client, TRANSACTION, LOST_AFTER):
        assert not bank.stock.fund(PLAN)
    assert bank.places() == (APPROPRIATED_FEN - 6_000, 6_000, 0)


def test_a_funding_that_is_still_being_written_is_no_lack_of_money(bank: Bank) -> None:
    """An earlier try has taken the money already; its pool is not yet readable."""
    step = cancelled("TransactionConflict", "ConditionalCheckFailed")
    with scripted(bank.database.client, TRANSACTION, *[step] * TRIES), pytest.raises(Busy):
        bank.stock.fund(PLAN)


def test_a_pool_of_no_units_costs_nothing_and_gives_nothing(bank: Bank) -> None:
    pool = bank.pool(units=0, shards=1)
    assert bank.places() == (APPROPRIATED_FEN, 0, 0)
    assert bank.available(pool) == [0]


# Spreading


def test_units_are_spread_evenly_and_the_pot_is_left_empty(bank: Bank) -> None:
    pool = bank.pool()
    assert bank.available(pool) == [3, 2, 2]
    assert (pool.pot_fen, pool.funded_shards, pool.is_spread) == (0, 3, True)
    assert bank.places() == (APPROPRIATED_FEN - 14_000, 0, 14_000)
    for shard in bank.stock.shards(pool):
        assert (shard.allocated, shard.issued) == (shard.available, 0)
        assert (shard.state, shard.unit_reserve_fen) == (PoolState.OPEN, 2_000)


def test_many_shards_are_spread_in_batches_that_a_transaction_takes(bank: Bank) -> None:
    shards = 2 * SHARDS_PER_TRANSACTION + 1
    with scripted(bank.database.client, TRANSACTION) as sent:
        pool = bank.pool(units=shards, shards=shards)
    assert [len(body["TransactItems"]) for body in sent] == [2, 91, 91, 2]
    assert bank.available(pool) == [1] * shards
    assert bank.places()[1] == 0


def test_a_spread_that_died_between_batches_is_taken_up(bank: Bank) -> None:
    shards = SHARDS_PER_TRANSACTION + 2
    pool = bank.pool(units=shards, shards=shards, spread=False)
    conflicts = [cancelled("TransactionConflict")] * (TRIES - 1)
    with (
        scripted(bank.database.client, TRANSACTION, LOST_AFTER, *conflicts) as sent,
        pytest.raises(Busy),
    ):
        # The first batch is written but its reply is lost; then nothing gets through.
        bank.stock.spread(pool)
    assert len(sent) == TRIES
    assert bank.places()[1:] == (2 * 2_000, SHARDS_PER_TRANSACTION * 2_000)
    assert bank.stock.spread(bank.again(pool)).is_spread
    assert bank.places()[1:] == (0, shards * 2_000)


def test_two_runs_from_the_same_reading_spread_once(bank: Bank) -> None:
    read = bank.pool(spread=False)
    first = bank.stock.spread(read)
    assert bank.stock.spread(read) == first
    assert bank.places()[1:] == (0, 14_000)


def test_a_shard_that_is_there_is_never_written_over(bank: Bank) -> None:
    """Its vouchers count on it; the run stops rather than begin anew."""
    pool = bank.pool(spread=False)
    put_shard(pool.shard_id(0), available=1)
    before = bank.deployment.snapshot()
    with pytest.raises(AssertionError):
        bank.stock.spread(pool)
    assert bank.deployment.snapshot() == before


def test_no_shard_gets_units_that_the_pot_has_no_money_for(bank: Bank) -> None:
    pool = bank.pool(spread=False)
    PoolItem(pool.campaign_id, pool.pool_key).update([PoolItem.pot_fen.set(13_999)])
    before = bank.deployment.snapshot()
    with pytest.raises(AssertionError):
        bank.stock.spread(pool)
    assert bank.deployment.snapshot() == before


def test_a_spread_goes_on_from_what_is_stored_not_from_what_was_read(bank: Bank) -> None:
    """Else a shard would be left out for ever, and its units with it."""
    read = bank.pool(spread=False)
    pool = bank.stock.spread(replace(read, funded_shards=1))
    assert bank.available(pool) == [3, 2, 2]
    assert bank.places()[1:] == (0, 14_000)


def test_shards_made_after_a_pause_are_paused(bank: Bank) -> None:
    """The pool was paused between reading and spreading: no shard may escape the pause."""
    read = bank.pool(spread=False)
    bank.stock.set_state(read, PoolState.PAUSED)
    pool = bank.stock.spread(read)
    assert {shard.state for shard in bank.stock.shards(pool)} == {PoolState.PAUSED}


def test_all_pools_of_a_plan_are_funded_and_spread_and_again_is_no_change(bank: Bank) -> None:
    bank.stock.fund_all(campaign())
    planned_fen = sum(p.planned_units * p.unit_reserve_fen for p in plan_pools(campaign()))
    assert bank.places() == (APPROPRIATED_FEN - planned_fen, 0, planned_fen)
    before = bank.deployment.snapshot()
    bank.stock.fund_all(campaign())
    assert bank.deployment.snapshot() == before


def test_a_funding_run_that_died_is_taken_up_by_the_next(bank: Bank) -> None:
    one_spread, one_funded, *_ = plan_pools(campaign())
    bank.stock.fund(one_spread)
    bank.stock.spread(bank.again(one_spread))
    bank.stock.fund(one_funded)
    bank.stock.fund_all(campaign())
    planned_fen = sum(p.planned_units * p.unit_reserve_fen for p in plan_pools(campaign()))
    assert bank.places() == (APPROPRIATED_FEN - planned_fen, 0, planned_fen)


# Pausing


def draw(bank: Bank, shard: str) -> ClaimOutcome:
    voucher = a_voucher(shard_id=shard, voucher_id="v_" + "a" * 32)
    return ClaimStore(bank.database).commit([voucher], ())


def test_a_pause_is_complete_when_it_returns_and_so_is_an_opening(bank: Bank) -> None:
    shards = 2 * DRAWN_SHARDS_PER_TRANSACTION + 1
    pool = bank.pool(units=shards, shards=shards)
    bank.stock.set_state(pool, PoolState.PAUSED)
    for name in pool.shard_ids():
        assert draw(bank, name).paused
    paused = bank.again(pool)
    assert (paused.state, paused.state_version, paused.followed_version) == (
        PoolState.PAUSED,
        1,
        1,
    )
    bank.stock.set_state(paused, PoolState.OPEN)
    assert draw(bank, pool.shard_id(shards - 1)).issued


def test_a_pause_that_died_shows_that_it_was_not_followed(bank: Bank) -> None:
    pool = bank.pool()
    # The pool itself is written; then its shards stay in conflict, together and alone.
    together = [cancelled("TransactionConflict", "None", "None")] * TRIES
    alone = [cancelled("TransactionConflict")] * TRIES
    with (
        scripted(bank.database.client, TRANSACTION, THROUGH, *together, *alone),
        pytest.raises(Busy),
    ):
        bank.stock.set_state(pool, PoolState.PAUSED)
    stored = bank.again(pool)
    assert (stored.state, stored.state_version, stored.followed_version) == (
        PoolState.PAUSED,
        1,
        0,
    )
    bank.stock.set_state(stored, PoolState.PAUSED)
    assert bank.again(pool).followed_version == 2


def test_shards_that_claims_keep_busy_follow_one_by_one(bank: Bank) -> None:
    pool = bank.pool()
    together = [cancelled("TransactionConflict", "None", "None")] * TRIES
    with scripted(bank.database.client, TRANSACTION, THROUGH, *together) as sent:
        bank.stock.set_state(pool, PoolState.PAUSED)
    assert [len(body["TransactItems"]) for body in sent[1 + TRIES :]] == [1, 1, 1, 1]
    assert bank.again(pool).followed_version == 1


def test_a_shard_follows_that_is_there_and_no_other(bank: Bank) -> None:
    """One that has never followed a change has no version; one that is missing is not made."""
    pool = bank.pool()
    StockItem(pool.shard_id(0)).update([StockItem.state_version.remove()])
    before = bank.deployment.snapshot()
    assert not bank.stock._follow(pool, ["spring-2026/r9/none/0000"])
    assert bank.deployment.snapshot() == before
    assert bank.stock._follow(replace(pool, state=PoolState.PAUSED), [pool.shard_id(0)])
    assert {s.state for s in bank.stock.shards(pool)} == {PoolState.OPEN, PoolState.PAUSED}


def test_the_later_of_two_changes_wins_at_every_shard(bank: Bank) -> None:
    pool = bank.pool()
    for name in pool.shard_ids():
        StockItem(name).update([StockItem.state.set("PAUSED"), StockItem.state_version.set(9)])
    bank.stock.set_state(pool, PoolState.OPEN)
    assert {shard.state for shard in bank.stock.shards(pool)} == {PoolState.PAUSED}
    assert bank.again(pool).followed_version == 0


def test_a_pool_is_changed_only_while_the_campaign_is_as_it_was_read(bank: Bank) -> None:
    pool = bank.pool()
    record = bank.campaigns.get("spring-2026")
    assert record is not None
    before = bank.deployment.snapshot()
    bank.stock.set_state(pool, PoolState.PAUSED, while_as=replace(record, version=2))
    assert bank.deployment.snapshot() == before
    bank.stock.set_state(pool, PoolState.PAUSED, while_as=record)
    assert bank.again(pool).state is PoolState.PAUSED


def test_no_pool_and_no_shard_is_made_by_a_pause(bank: Bank) -> None:
    before = bank.deployment.snapshot()
    bank.stock.set_state(PLAN, PoolState.PAUSED)
    assert bank.deployment.snapshot() == before
    pool = bank.pool(spread=False)
    bank.stock.set_state(pool, PoolState.PAUSED)
    assert bank.deployment.items("stock") == []


# Draining


def test_what_no_voucher_holds_goes_back_into_the_pot(bank: Bank) -> None:
    pool = bank.pool()
    put_shard(pool.shard_id(1), available=1, lapsed_fen=350)  # two issued, something lapsed
    assert bank.stock.drain(pool)
    assert bank.again(pool).pot_fen == 3 * 2_000 + 2_000 + 350 + 2 * 2_000
    shards = bank.stock.shards(pool)
    assert [(s.available, s.allocated, s.issued, s.lapsed_fen) for s in shards] == [
        (0, 0, 0, 0),
        (0, 2, 2, 0),
        (0, 0, 0, 0),
    ]


def test_draining_again_moves_nothing(bank: Bank) -> None:
    pool = bank.pool()
    bank.stock.drain(pool)
    before = bank.deployment.snapshot()
    assert bank.stock.drain(pool)
    assert bank.deployment.snapshot() == before


@pytest.mark.parametrize("since", [{"available": 2}, {"lapsed_fen": 5}])
def test_a_shard_that_changed_since_it_was_read_is_left_and_the_others_go_on(
    bank: Bank, since: dict[str, int]
) -> None:
    pool = bank.pool()
    total_fen = sum(bank.places()[1:])

    def meddle(**_: object) -> None:
        bank.database.client.meta.events.unregister(event, meddle)
        actions = [getattr(StockItem, name).set(value) for name, value in since.items()]
        StockItem(pool.shard_id(0)).update(actions)

    event = f"before-call.dynamodb.{TRANSACTION}"
    bank.database.client.meta.events.register(event, meddle)
    assert not bank.stock.drain(pool)
    changed_fen = -2_000 if "available" in since else 5
    assert bank.again(pool).pot_fen == 4 * 2_000
    assert sum(bank.places()[1:]) == total_fen + changed_fen


def test_a_drain_whose_reply_was_lost_moves_its_money_once(bank: Bank) -> None:
    pool = bank.pool()
    with scripted(bank.database.client, TRANSACTION, LOST_AFTER):
        assert not bank.stock.drain(pool)
    assert bank.places()[1:] == (14_000, 0)
    assert bank.stock.drain(pool)


def test_a_drain_is_noted_on_its_pool(bank: Bank) -> None:
    pool = bank.pool()
    bank.stock.mark_drained(pool, now=NOW)
    assert bank.again(pool).drained_at == NOW
    with pytest.raises(Cancelled):
        bank.stock.mark_drained(replace(pool, round_id="r9"), now=NOW)


# Moving on, topping up


def two_pools(bank: Bank) -> tuple[Pool, Pool]:
    """A drained pool with 7 units' money in its pot, and one of the next round."""
    pool = bank.pool()
    bank.stock.drain(pool)
    to = replace(PLAN, round_id="r2", planned_units=2, shard_count=2)
    bank.stock.fund(to)
    return bank.again(pool), bank.stock.spread(bank.again(to))


def test_a_pot_moves_to_the_next_round_or_to_what_is_unallocated(bank: Bank) -> None:
    pool, to = two_pools(bank)
    assert bank.stock.move_on(pool, to)
    assert (bank.again(pool).pot_fen, bank.again(to).pot_fen) == (0, 14_000)
    unallocated_fen = bank.places()[0]
    assert bank.stock.move_on(bank.again(to), None)
    assert (bank.again(to).pot_fen, bank.places()[0]) == (0, unallocated_fen + 14_000)


def test_an_empty_pot_is_moved_by_doing_nothing(bank: Bank) -> None:
    pool = bank.pool()
    with scripted(bank.database.client, TRANSACTION) as sent:
        assert bank.stock.move_on(pool, None)
    assert sent == []


@pytest.mark.parametrize(
    "read",
    [
        lambda pool, to: (replace(pool, pot_fen=13_999), to),  # somebody moved or added
        lambda pool, to: (replace(pool, pot_fen=14_001), to),
        lambda pool, to: (pool, replace(to, round_id="r9")),  # no such pool
    ],
)
def test_a_pot_that_is_not_as_read_stays(
    bank: Bank, read: Callable[[Pool, Pool], tuple[Pool, Pool]]
) -> None:
    pool, to = read(*two_pools(bank))
    before = bank.deployment.snapshot()
    assert not bank.stock.move_on(pool, to)
    assert bank.deployment.snapshot() == before


@pytest.mark.parametrize("move", ["on", "top up"])
def test_the_pot_of_a_pool_that_is_not_spread_belongs_to_its_plan(bank: Bank, move: str) -> None:
    pool = bank.pool(spread=False)
    before = bank.deployment.snapshot()
    if move == "on":
        assert not bank.stock.move_on(pool, None)
    else:
        assert not bank.stock.top_up(pool)
    assert bank.deployment.snapshot() == before


def test_a_move_whose_reply_was_lost_is_made_once(bank: Bank) -> None:
    pool, to = two_pools(bank)
    with scripted(bank.database.client, TRANSACTION, LOST_AFTER):
        assert not bank.stock.move_on(pool, to)
    assert (bank.again(pool).pot_fen, bank.again(to).pot_fen) == (0, 14_000)


def test_a_pot_becomes_units_and_what_is_less_than_a_unit_stays(bank: Bank) -> None:
    pool, to = two_pools(bank)
    PoolItem(to.campaign_id, to.pool_key).update([PoolItem.pot_fen.add(1_999)])
    bank.stock.move_on(pool, to)
    assert bank.stock.top_up(bank.again(to))
    assert bank.available(to) == [5, 4]
    assert [shard.allocated for shard in bank.stock.shards(to)] == [5, 4]
    assert bank.again(to).pot_fen == 1_999
    before = bank.deployment.snapshot()
    assert bank.stock.top_up(bank.again(to))
    assert bank.deployment.snapshot() == before


@pytest.mark.parametrize("change_fen", [-1, 1])
def test_a_pot_that_changed_since_it_was_read_is_not_topped_up_from(
    bank: Bank, change_fen: int
) -> None:
    pool, to = two_pools(bank)
    bank.stock.move_on(pool, to)
    read = bank.again(to)
    PoolItem(to.campaign_id, to.pool_key).update([PoolItem.pot_fen.add(change_fen)])
    before = bank.deployment.snapshot()
    assert not bank.stock.top_up(read)
    assert bank.deployment.snapshot() == before


def test_no_shard_is_made_by_a_top_up(bank: Bank) -> None:
    pool, to = two_pools(bank)
    bank.stock.move_on(pool, to)
    StockItem(to.shard_id(1)).delete()
    before = bank.deployment.snapshot()
    assert not bank.stock.top_up(bank.again(to))
    assert bank.deployment.snapshot() == before


def test_a_top_up_whose_reply_was_lost_gives_its_units_once(bank: Bank) -> None:
    pool, to = two_pools(bank)
    bank.stock.move_on(pool, to)
    with scripted(bank.database.client, TRANSACTION, LOST_AFTER):
        assert not bank.stock.top_up(bank.again(to))
    assert sum(bank.available(to)) == 9
    assert bank.again(to).pot_fen == 0


def test_units_that_cost_the_budget_nothing_are_not_made_from_a_pot(bank: Bank) -> None:
    pool = replace(bank.pool(), unit_reserve_fen=0, pot_fen=5)
    before = bank.deployment.snapshot()
    assert bank.stock.top_up(pool)
    assert bank.deployment.snapshot() == before


def test_pools_are_listed_by_campaign(bank: Bank) -> None:
    bank.stock.fund_all(campaign())
    keys = [pool.pool_key for pool in bank.stock.pools("spring-2026")]
    assert keys == sorted(pool.pool_key for pool in plan_pools(campaign()))
    assert list(bank.stock.pools("spring")) == []
    assert bank.stock.pool("spring-2026", "r9/50-20/unionpay") is None
