"""A campaign is counted while money moves: no false alarm, and what is wrong is found all the same.

Between any two calls of a reading somebody claims, redeems, refunds or gives back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.reconcile.invariants import confirmed, recount, recount_daily
from functions.reconcile.sweep import SETTLING
from functions.shared.domain.errors import HuiminError
from functions.shared.domain.invariants import check_all
from functions.shared.domain.moving import STILL, moving_since
from functions.shared.domain.vouchers import Voucher
from functions.shared.store.tables import LedgerItem, PersonItem, StockItem, VoucherItem
from tests.reconcile_money.world import (
    CAMPAIGN,
    World,
    allocation,
    document,
    with_gifts,
    with_thanks,
)

HOUR = timedelta(hours=1)
PERSONS = 6


class Market:
    """A campaign with vouchers in every state, all of an hour ago, and what people do with them."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.clear()
        plain = document(appropriated_fen=1_000_007, limits=[])
        stock = [
            allocation(type_id, platform_id, 40)
            for type_id in ("full", "shared")
            for platform_id in ("unionpay", "meituan")
        ]
        plain["rounds"] = [{**each, "stock": stock} for each in plain["rounds"]]
        world.run(with_thanks(with_gifts(plain, 10), 10))
        self.numbers = 0
        self.unused = [self._claim(person) for person in range(PERSONS)]
        self.used = [world.redeem(self._claim(person), f"old{person}") for person in range(PERSONS)]
        world.refund(self.used[0], "f0", 1_000)
        self.plain = world.earn("plain", person=1)
        world.now += HOUR

    def copied(self) -> Market:
        """As it is now, for tables that are put back."""
        market = copy(self)
        market.unused, market.used = [*self.unused], [*self.used]
        return market

    def _claim(self, person: int) -> Voucher:
        self.numbers += 1
        type_id = ("full", "shared")[self.numbers % 2]
        return self.world.claim(f"n{self.numbers}", person=person, type_id=type_id)

    def claim(self, number: int) -> None:
        """A person claims one more."""
        self.unused.append(self._claim(number % PERSONS))

    def redeem(self, number: int) -> None:
        """An order uses a voucher."""
        self.numbers += 1
        voucher = self.unused.pop(number % len(self.unused))
        self.used.append(self.world.redeem(voucher, f"o{self.numbers}"))

    def refund_a_part(self, number: int) -> None:
        """An order is refunded in part."""
        self.numbers += 1
        self.world.refund(self.used[number % len(self.used)], f"f{self.numbers}", 500)

    def refund(self, number: int) -> None:
        """What is left of an order is refunded."""
        self.numbers += 1
        redemption = self.used[number % len(self.used)]
        left_fen = self.world.ledger.redemption(redemption.redemption_id)
        assert left_fen is not None
        whole_fen = redemption.amounts.refundable_fen - left_fen.refunded.refunded_fen
        self.world.refund(redemption, f"f{self.numbers}", whole_fen)

    def void(self, number: int) -> None:
        """A voucher is made void."""
        self.world.void(self.unused.pop(number % len(self.unused)), f"v{number}")

    def hold(self, number: int) -> None:
        """An order holds a voucher."""
        voucher = self.unused[number % len(self.unused)]
        self.world.till.hold_voucher("unionpay", voucher.voucher_id, "held", self.world.now)

    def earn(self, number: int) -> None:
        """A plain order earns a voucher."""
        self.numbers += 1
        self.world.earn(f"p{self.numbers}", person=number % PERSONS)

    def lose_the_earned(self, number: int) -> None:
        """So much of a plain order is refunded that it earns nothing."""
        self.numbers += 1
        self.world.refund_plain(self.plain, f"f{self.numbers}", 3_000 + number % 10)

    def grant(self, number: int) -> None:
        """A person on a list is given a voucher."""
        self.numbers += 1
        name = f"g{self.numbers}"
        self.world.list_persons(name, [number % PERSONS])
        self.world.approve_grant(name, 1)
        self.world.carry_out(name)


ACTS = (
    Market.claim,
    Market.redeem,
    Market.refund_a_part,
    Market.refund,
    Market.void,
    Market.hold,
    Market.earn,
    Market.lose_the_earned,
    Market.grant,
)


@contextmanager
def busy(world: World, acts: Iterator[Callable[[], None]]) -> Iterator[list[str]]:
    """Before each call of the block somebody does the next thing, if the rules let them."""
    acting, made = False, list[str]()

    def watch(model: object, **_: object) -> None:
        nonlocal acting
        if acting:
            return
        made.append(str(model))
        act = next(acts, None)
        acting = True
        try:
            if act is not None:
                act()
        except HuiminError:
            pass
        finally:
            acting = False

    events = world.database.client.meta.events
    events.register_first("before-call", watch, unique_id="busy")
    try:
        yield made
    finally:
        events.unregister("before-call", unique_id="busy")


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_whatever_comes_between_any_two_calls_is_no_drift(
    world: World, act: Callable[[Market, int], None]
) -> None:
    market = Market(world)
    since = world.now - SETTLING
    world.keep()
    with busy(world, iter(())) as calls:
        recount(CAMPAIGN, world.stores, since=since)
    seen = 0
    for at in range(len(calls)):
        world.restore()
        nothing: list[Callable[[], None]] = [lambda: None] * at
        with busy(world, iter([*nothing, partial(act, market.copied(), at)])):
            snapshot = world.stores.recounts.snapshot(world.record())
        seen += any(not check.holds for check in check_all(snapshot))
        broken = [check for check in check_all(snapshot, since=since) if not check.holds]
        assert broken == [], f"before call {at}"
    assert seen or act is Market.hold, "read strictly, some of it would have been a drift"


@settings(max_examples=15)
@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 99)), min_size=1, max_size=12))
def test_a_busy_campaign_is_counted_without_a_false_alarm(
    built_world: World, acts: list[tuple[Callable[[Market, int], None], int]]
) -> None:
    world = built_world
    market = Market(world)
    with busy(world, (partial(act, market, number) for act, number in acts)):
        snapshot = world.stores.recounts.snapshot(world.record())
    assert [c for c in check_all(snapshot, since=world.now - SETTLING) if not c.holds] == []
    world.require_sound()


def _lose_a_redemption(market: Market) -> None:
    LedgerItem.get(market.used[3].redemption_id, "REDEEM").delete()


def _lose_a_counter(market: Market) -> None:
    for item in PersonItem.scan():
        if item.person_key.endswith(market.unused[4].identity_refs[0]):
            item.delete()


def _lose_a_voucher(market: Market) -> None:
    VoucherItem.get(market.unused[5].voucher_id).delete()


def _lapse_money(market: Market) -> None:
    transaction = market.world.database.transaction("tamper")
    shard = market.world.pool("r1").shard_id(0)
    transaction.update("shard", StockItem(shard), [StockItem.lapsed_fen.add(7_000_000)])
    transaction.commit()


@pytest.mark.parametrize(
    ("tamper", "number"),
    [
        (_lose_a_redemption, 10),
        (_lose_a_counter, 10),
        (_lose_a_voucher, 4),
        (_lapse_money, 1),
    ],
)
def test_what_is_wrong_is_found_while_others_trade(
    world: World, tamper: Callable[[Market], None], number: int
) -> None:
    market = Market(world)
    tamper(market)

    def trade() -> Iterator[Callable[[], None]]:
        """One person claims, and redeems the newest."""
        while True:
            yield partial(market.claim, 1)
            yield partial(market.redeem, -1)

    with busy(world, trade()):
        checks = confirmed(world.record(), world.stores, world.now)
    assert number in {check.number for check in checks if not check.holds}


def test_the_daily_recount_tells_what_moved_and_no_drift(world: World) -> None:
    market = Market(world)
    told: list[int] = []
    with busy(world, (partial(Market.claim, market, number) for number in range(40))):
        assert recount_daily(world.stores, world.now, tell_drift=told.append)
    assert told == [0]
    [check, *_] = recount(CAMPAIGN, world.stores, since=world.now - SETTLING)
    assert check.counted["moving_vouchers"] > 3
    assert check.counted["moving_fen"] > 0


def test_nothing_is_taken_out_where_nothing_moves(world: World) -> None:
    market = Market(world)
    snapshot = market.world.snapshot()
    assert moving_since(snapshot, world.now - SETTLING) == (snapshot, STILL)
    _, moving = moving_since(snapshot, world.now - HOUR)
    assert moving.vouchers == len(snapshot.vouchers)
    assert moving.fen == sum(voucher.reserve_fen for voucher in snapshot.vouchers)


def test_all_that_a_moving_persons_phone_hangs_on_is_taken_out(world: World) -> None:
    """Two persons share a phone; a voucher of the one moves, and the other's is not counted."""
    market = Market(world)
    snapshot = market.world.snapshot()
    first, second, third, *_ = snapshot.vouchers
    shared = replace(second, identity_refs=(second.identity_refs[0], first.identity_refs[-1]))
    moving = replace(first, touched_at=world.now)
    some = replace(snapshot, vouchers=(moving, shared, third))
    still, found = moving_since(some, world.now)
    kept = {voucher.voucher_id for voucher in still.vouchers}
    assert kept <= {third.voucher_id}
    assert found.vouchers == 1
    assert not any(p.identity_ref in shared.identity_refs for p in still.persons)
