"""Money between campaign, pots and shards: what was found wrong once, and what must stay right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from functions.reconcile.funding import follow_state
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.funds import (
    CampaignRecord,
    Pool,
    PoolState,
    plan_pools,
    pool_key_of,
)
from functions.shared.store.transaction import Cancelled
from tests.reconcile_money.world import APPROVER, CAMPAIGN, World, allocation, document
from tests.support.faults import ProcessDeath, Way, contended

UNITS = 6
FACE_FEN = 2_000


def one_type(*platforms: str, rounds: int = 2) -> dict[str, object]:
    """A campaign of one voucher type: 6 units in 3 shards, on each of the platforms."""
    plain = document()
    stock = [allocation("full", name, UNITS) for name in platforms or ("unionpay", "meituan")]
    return {**plain, "rounds": [{**each, "stock": stock} for each in plain["rounds"][:rounds]]}


def approved(world: World, plain: dict[str, object] | None = None) -> CampaignRecord:
    """The campaign in FUNDING, before any money has moved."""
    draft = world.draft(plain or one_type())
    return world.stores.campaigns.change_state(
        draft, CampaignState.FUNDING, approved_by=APPROVER, now=world.now
    )


def with_pot(world: World) -> Pool:
    """A running campaign's pool that another pool's six units have been moved to."""
    world.run(one_type())
    stock = world.stores.stock
    assert stock.drain(world.pool("r1", platform_id="meituan"))
    assert stock.move_on(world.pool("r1", platform_id="meituan"), world.pool("r1"))
    return world.pool("r1")


def interrupted(world: World, act: Callable[[], object], visit: Callable[[], object]) -> None:
    """Plays `act` once for each of its calls, with `visit` just before that call."""
    world.keep()
    for at in count():
        world.restore()
        with world.injector.visited(at, visit):
            act()
        if not world.injector.struck:
            return
        try:
            world.require_sound()
        except Exception as error:
            error.add_note(f"visited at call {at} of {world.injector.calls}")
            raise


def states(world: World) -> set[PoolState]:
    """The states of all pools and shards of the campaign."""
    pools = list(world.stores.stock.pools(CAMPAIGN))
    shards = [shard for pool in pools for shard in world.stores.stock.shards(pool)]
    return {pool.state for pool in pools} | {shard.state for shard in shards}


def test_a_plan_has_one_pool_for_each_allocation_of_each_round(world: World) -> None:
    pools = plan_pools(world.draft(one_type()).campaign)
    assert [pool.pool_key for pool in pools] == [
        "r1/full/unionpay",
        "r1/full/meituan",
        "r2/full/unionpay",
        "r2/full/meituan",
    ]
    assert {(p.planned_units, p.shard_count, p.unit_reserve_fen, p.pot_fen) for p in pools} == {
        (UNITS, 3, FACE_FEN, 0)
    }
    assert {pool_key_of(name) for name in pools[0].shard_ids()} == {"r1/full/unionpay"}


def test_funding_takes_the_plan_out_of_what_is_unallocated(world: World) -> None:
    record = world.run(one_type())
    assert record.state is CampaignState.RUNNING
    assert record.funds.unallocated_fen == 100_007 - 4 * UNITS * FACE_FEN
    assert world.units("r2", platform_id="meituan") == (UNITS, UNITS)
    world.require_sound()


def test_a_pool_is_never_funded_beyond_the_appropriation(world: World) -> None:
    record = approved(world)
    greedy = replace(plan_pools(record.campaign)[0], planned_units=51)
    with pytest.raises(Cancelled):
        world.stores.stock.fund(greedy)
    assert world.record().funds.unallocated_fen == 100_007
    assert world.stores.stock.pool(CAMPAIGN, greedy.pool_key) is None


def test_two_fundings_at_once_fund_once(world: World) -> None:
    record = approved(world, one_type("unionpay", rounds=1))
    fund = world.stores.stock.fund_all
    interrupted(world, lambda: fund(record.campaign), lambda: fund(record.campaign))
    assert world.units("r1") == (UNITS, UNITS)


def test_two_top_ups_at_once_give_no_unit_twice(world: World) -> None:
    """Once, shares made for a pot were added after another run had emptied it: below zero."""
    pool = with_pot(world)
    stock = world.stores.stock
    interrupted(world, lambda: stock.top_up(pool), lambda: stock.top_up(world.pool("r1")))
    assert stock.top_up(world.pool("r1"))
    assert world.pool("r1").pot_fen == 0
    assert world.units("r1") == (2 * UNITS, 2 * UNITS)


def test_a_top_up_that_died_is_finished_by_the_next(world: World) -> None:
    pool = with_pot(world)
    with world.injector.armed(Way.DEATH_AFTER), pytest.raises(ProcessDeath):
        world.stores.stock.top_up(pool)
    world.require_sound()
    assert world.pool("r1").pot_fen == 2 * FACE_FEN
    assert world.stores.stock.top_up(world.pool("r1"))
    assert world.units("r1") == (2 * UNITS, 2 * UNITS)


def test_the_plan_of_a_pool_that_is_not_spread_is_nobody_elses(world: World) -> None:
    """Once, a top-up or a move in between spent the pot that the spread then took again."""
    record = approved(world)
    stock = world.stores.stock
    stock.fund(plan_pools(record.campaign)[0])
    funded = world.pool("r1")
    with world.injector.armed(Way.DEATH_AFTER), pytest.raises(ProcessDeath):
        stock.spread(funded)
    half = world.pool("r1")
    assert (half.funded_shards, half.pot_fen) == (2, 2 * FACE_FEN)
    assert not stock.top_up(half)
    assert not stock.move_on(half, None)
    assert world.pool("r1") == half
    assert stock.spread(half).pot_fen == 0
    assert world.units("r1") == (UNITS, UNITS)


def test_less_than_a_unit_waits_in_the_pot_for_more(world: World) -> None:
    pool = with_pot(world)
    stock = world.stores.stock
    assert stock.top_up(pool)
    voucher = world.claim("n1", type_id="full")
    redemption = world.redeem(voucher, "o1")
    world.refund(redemption, "f1", 3_000)
    lapsed_fen = 1_000
    assert stock.drain(world.pool("r1"))
    assert world.pool("r1").pot_fen == (2 * UNITS - 1) * FACE_FEN + lapsed_fen
    assert stock.top_up(world.pool("r1"))
    assert world.pool("r1").pot_fen == lapsed_fen
    assert world.units("r1") == (2 * UNITS, 2 * UNITS - 1)
    world.require_sound()


def test_a_drain_leaves_to_the_next_run_what_changed_meanwhile(world: World) -> None:
    world.run(one_type())
    numbers = count()
    stock = world.stores.stock
    interrupted(
        world,
        lambda: stock.drain(world.pool("r1")),
        lambda: world.claim(f"n{next(numbers)}", person=next(numbers)),
    )
    assert stock.drain(world.pool("r1"))
    assert world.units("r1")[1] == 0


@pytest.mark.parametrize("first", PoolState)
def test_a_pause_met_by_a_resumption_leaves_pool_and_shards_alike(
    world: World, first: PoolState
) -> None:
    """Once, shards paused by the older call stayed paused in a pool that was open."""
    second = PoolState.OPEN if first is PoolState.PAUSED else PoolState.PAUSED
    world.run(one_type("unionpay", rounds=1))
    stock = world.stores.stock
    stock.set_state(world.pool("r1"), second)
    world.keep()
    for at in count():
        world.restore()
        with world.injector.visited(at, lambda: stock.set_state(world.pool("r1"), second)):
            stock.set_state(world.pool("r1"), first)
        if not world.injector.struck:
            break
        pool = world.pool("r1")
        assert {shard.state for shard in stock.shards(pool)} == {pool.state}, at
        assert pool.followed_version == pool.state_version, at


def test_shards_made_during_a_pause_are_paused(world: World) -> None:
    """Once, a spread that had read the pool before a pause made open shards after it."""
    record = approved(world)
    stock = world.stores.stock
    stock.fund(plan_pools(record.campaign)[0])
    world.keep()
    for at in count():
        world.restore()
        with world.injector.visited(
            at, lambda: stock.set_state(world.pool("r1"), PoolState.PAUSED)
        ):
            stock.spread(world.pool("r1"))
        if not world.injector.struck:
            break
        assert {s.state for s in stock.shards(world.pool("r1"))} == {PoolState.PAUSED}, at
        assert world.units("r1") == (UNITS, UNITS), at


def test_a_pause_takes_shards_one_by_one_where_a_batch_meets_claims(world: World) -> None:
    world.run(one_type())
    tried = []

    def meet_claims(items: list[dict[str, Any]]) -> bool:
        tried.append(len(items))
        return len(items) > 1

    with contended(world.database.client, meet_claims):
        world.stores.stock.set_state(world.pool("r1"), PoolState.PAUSED)
    assert {s.state for s in world.stores.stock.shards(world.pool("r1"))} == {PoolState.PAUSED}
    assert 2 in tried


def test_a_pause_that_died_is_finished_by_the_reconciler(world: World) -> None:
    world.run(one_type(rounds=1))
    world.keep()
    for way in (Way.DEATH_BEFORE, Way.DEATH_AFTER):
        for at in count():
            world.restore()
            try:
                with world.injector.armed(way, at):
                    world.bureau.pause_campaign(CAMPAIGN, world.now)
            except ProcessDeath:
                follow_state(world.record(), world.stores)
                wanted = (
                    PoolState.PAUSED
                    if world.record().state is CampaignState.PAUSED
                    else PoolState.OPEN
                )
                assert states(world) == {wanted}, (way, at)
            else:
                break
    assert states(world) == {PoolState.PAUSED}


def test_a_tick_that_began_before_a_pause_does_not_undo_it(world: World) -> None:
    world.run(one_type("unionpay", rounds=1))
    pools = list(world.stores.stock.pools(CAMPAIGN))
    # As if an earlier resumption had left one pool behind, so that the tick has something to do.
    world.stores.stock.set_state(pools[0], PoolState.PAUSED)
    interrupted(
        world,
        lambda: follow_state(world.record(), world.stores),
        lambda: world.bureau.pause_campaign(CAMPAIGN, world.now),
    )
    world.bureau.pause_campaign(CAMPAIGN, world.now)
    world.keep()
    for at in count():
        world.restore()
        world.stores.stock.set_state(pools[0], PoolState.OPEN)
        record = world.record()
        with world.injector.visited(at, lambda: world.bureau.resume_campaign(CAMPAIGN, world.now)):
            follow_state(record, world.stores)
        if not world.injector.struck:
            break
        assert states(world) == {PoolState.OPEN}, at


def test_money_never_lapses_into_a_shard_that_is_not_there(world: World) -> None:
    world.run(one_type())
    voucher = world.claim("n1")
    world.now = voucher.valid_until
    with pytest.raises(Cancelled):
        world.stores.vouchers.expire("spring/r1/full/unionpay/9999", [voucher], now=world.now)
    world.require_sound()
