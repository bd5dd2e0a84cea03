"""Two or three of everything at once: whoever comes in between, no fen is lost or made.

One actor runs, and at chosen calls others come in between, in one thread; so a failure shrinks to
the fewest visits and replays. Afterwards the reconciler runs, and the campaign must close with
every fen accounted for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.reconcile.funding import follow_state
from functions.reconcile.rollover import DRAIN_AGAIN
from functions.reconcile.stock_changes import finish_changes
from functions.reconcile.sweep import SETTLING
from functions.shared.domain.errors import HuiminError
from functions.shared.domain.invariants import BrokenPromises
from functions.shared.store.transaction import Cancelled
from tests.reconcile_money.operations import ROUND_1_CLOSES, claim, small
from tests.reconcile_money.world import CAMPAIGN, DAY, START, World, with_gifts, with_thanks

Actor = Callable[[World], object]

JUST_BEFORE = ROUND_1_CLOSES - timedelta(seconds=1)


def _at(world: World, now: datetime, act: Callable[[], object]) -> None:
    """Acts at a time of its own, as a process whose clock or whose start differs."""
    before = world.now
    world.now = now
    try:
        with suppress(HuiminError, Cancelled):
            act()
    finally:
        world.now = before


def _late(act: Callable[[World], object]) -> Actor:
    """Let in a second before round 1 closed, and carried out now."""
    return lambda world: _at(world, JUST_BEFORE, lambda: act(world))


def _now(act: Callable[[World], object]) -> Actor:
    return lambda world: _at(world, world.now, lambda: act(world))


def _number(world: World) -> str:
    world.numbers += 1
    return f"m{world.numbers}"


ACTORS: dict[str, Actor] = {
    "claims": _late(lambda w: w.claim(_number(w), person=w.numbers, type_id="shared")),
    "redeems": _late(lambda w: w.redeem(w.voucher, "o2")),
    "redeems elsewhere": _late(lambda w: w.redeem(w.voucher, "o3")),
    "holds": _late(lambda w: w.till.hold_voucher("unionpay", w.voucher.voucher_id, "o2", w.now)),
    "voids": _late(lambda w: w.void(w.voucher)),
    "refunds all, valid": _late(lambda w: w.refund(w.redemption, _number(w))),
    "refunds all": _now(lambda w: w.refund(w.redemption, _number(w))),
    "refunds a part": _now(lambda w: w.refund(w.redemption, _number(w), 1_234)),
    "sweeps": _now(lambda w: w.sweep()),
    "rolls over": _now(lambda w: w.roll_over(w.sweep())),
    "drains": _now(lambda w: w.stores.stock.drain(w.pool("r1", "shared"))),
    "tops up": _now(lambda w: w.stores.stock.top_up(w.pool("r2", "shared"))),
    "tops up round 1": _now(lambda w: w.stores.stock.top_up(w.pool("r1", "shared"))),
    "moves units": _now(lambda w: w.shards.move_units(w.pool("r1", "shared"), 0, 1, 1)),
    "moves on": _now(
        lambda w: w.stores.stock.move_on(w.pool("r1", "shared"), w.pool("r2", "shared"))
    ),
    "moves back": _now(
        lambda w: w.stores.stock.move_on(w.pool("r2", "shared"), w.pool("r1", "shared"))
    ),
    "adds units": _late(lambda w: w.approve_change("more")),
    "takes units out": _late(lambda w: w.approve_change("fewer")),
    "goes on with changes": _now(lambda w: finish_changes(w.record(), w.stores, w.now)),
    "grants": _late(lambda w: w.carry_out("approved")),
    "lists persons": _late(lambda w: w.list_persons("open", [20, 20 + w.numbers])),
    "approves a grant": _late(lambda w: w.approve_grant("open", 1)),
    "earns": _late(lambda w: w.earn("o1", person=2)),
    "earns by a plain order": _late(lambda w: w.earn("o2", person=2)),
    "refunds what earned": _late(lambda w: w.refund_plain(w.earned, _number(w), 1_200)),
    "refunds it late": _now(lambda w: w.refund_plain(w.earned, _number(w), 1_200)),
    "uses what was earned": _late(lambda w: w.redeem(w.earned, "o4")),
    "refunds that use": _late(lambda w: w.refund(w.redeem(w.earned, "o4"), _number(w))),
    "voids what was earned": _late(lambda w: w.void(w.earned)),
    "drains gifts": _now(lambda w: w.stores.stock.drain(w.pool("r1", "gift"))),
    "pauses": _now(lambda w: w.bureau.pause_campaign(CAMPAIGN, w.now)),
    "resumes": _now(lambda w: w.bureau.resume_campaign(CAMPAIGN, w.now)),
    "follows": _now(lambda w: follow_state(w.record(), w.stores)),
    "closes": _now(lambda w: w.close()),
}

visits = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(sorted(ACTORS))), min_size=1, max_size=3
)


@pytest.fixture
def mid_life(world: World) -> World:
    """Round 1 has just closed: something is used, something is not, something is left."""
    world.run(with_thanks(with_gifts(small())))
    world.earned = world.earn("p1", person=7)
    for person in (1, 2):
        claim(world, person)
    world.redemption = world.redeem(world.voucher, "o1")
    claim(world, person=3)
    world.list_persons("approved", [1, 4, 5])
    world.approve_grant("approved", 3)
    world.list_persons("open", [20])
    world.propose("more", 7)
    world.propose("fewer", 4)
    world.now = ROUND_1_CLOSES
    # Something lies in round 1's pot, too: what a run that died, or round 2, has left there.
    stock = world.stores.stock
    assert stock.drain(world.pool("r2", "shared"))
    assert stock.move_on(world.pool("r2", "shared"), world.pool("r1", "shared"))
    world.keep()
    return world


# Those who touch the same money: each is met by the other at every one of its calls.
PAIRS = [
    ("sweeps", "sweeps"),
    ("sweeps", "redeems"),
    ("sweeps", "refunds a part"),
    ("sweeps", "refunds all, valid"),
    ("redeems", "sweeps"),
    ("redeems", "redeems elsewhere"),
    ("redeems", "voids"),
    ("voids", "redeems"),
    ("voids", "voids"),
    ("voids", "holds"),
    ("voids", "sweeps"),
    ("sweeps", "voids"),
    ("refunds all", "refunds a part"),
    ("refunds a part", "sweeps"),
    ("grants", "grants"),
    ("grants", "claims"),
    ("grants", "pauses"),
    ("grants", "drains gifts"),
    ("grants", "sweeps"),
    ("drains gifts", "grants"),
    ("earns", "earns"),
    ("earns", "refunds all, valid"),
    ("earns", "refunds a part"),
    ("refunds all, valid", "earns"),
    ("refunds a part", "earns"),
    ("earns by a plain order", "earns by a plain order"),
    ("earns by a plain order", "redeems"),
    ("redeems", "earns by a plain order"),
    ("refunds what earned", "refunds what earned"),
    ("refunds what earned", "uses what was earned"),
    ("refunds what earned", "refunds that use"),
    ("refunds that use", "refunds what earned"),
    ("refunds what earned", "voids what was earned"),
    ("voids what was earned", "refunds what earned"),
    ("refunds it late", "sweeps"),
    ("sweeps", "refunds it late"),
    ("lists persons", "approves a grant"),
    ("approves a grant", "lists persons"),
    ("lists persons", "lists persons"),
    ("takes units out", "claims"),
    ("takes units out", "moves units"),
    ("takes units out", "drains"),
    ("takes units out", "takes units out"),
    ("takes units out", "adds units"),
    ("takes units out", "goes on with changes"),
    ("takes units out", "pauses"),
    ("takes units out", "rolls over"),
    ("adds units", "takes units out"),
    ("adds units", "adds units"),
    ("adds units", "moves on"),
    ("adds units", "tops up round 1"),
    ("drains", "takes units out"),
    ("claims", "takes units out"),
    ("drains", "claims"),
    ("drains", "moves units"),
    ("moves units", "drains"),
    ("moves units", "claims"),
    ("moves units", "tops up round 1"),
    ("tops up round 1", "moves units"),
    ("drains", "drains"),
    ("moves on", "moves on"),
    ("moves on", "drains"),
    ("tops up round 1", "moves on"),
    ("tops up round 1", "tops up round 1"),
    ("moves on", "tops up round 1"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_who_touches_the_same_money_at_once_moves_it_once(
    mid_life: World, first: str, second: str
) -> None:
    world = mid_life
    for at in count():
        world.restore()
        world.numbers = 0
        with world.injector.visited(at, lambda: ACTORS[second](world)):
            ACTORS[first](world)
        if not world.injector.struck:
            assert at, "the first makes no call"
            return
        try:
            world.audit()
        except BrokenPromises as broken:
            broken.add_note(f"{first}, visited at call {at} by one who {second}")
            raise


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.sampled_from(sorted(ACTORS)), others=visits)
def test_whoever_meets_whom_no_fen_is_lost_or_made(
    mid_life: World, first: str, others: list[tuple[int, str]]
) -> None:
    world = mid_life
    world.restore()
    world.numbers = 0
    _play(world, first, others)
    world.audit()
    _end(world)


def _play(world: World, name: str, others: list[tuple[int, str]]) -> None:
    """The actor runs; at its given call the next one comes in between, and so on inwards."""
    if not others:
        ACTORS[name](world)
        return
    (at, visitor), *rest = others
    with world.injector.visited(at, lambda: _play(world, visitor, rest)):
        ACTORS[name](world)


def _end(world: World) -> None:
    """The reconciler does its work, and the campaign closes with every fen accounted for."""
    world.tick()
    world.audit()
    world.now = START + DAY + DRAIN_AGAIN
    world.tick()
    world.audit()
    world.now = world.record().campaign.refunds_end_at + SETTLING + DAY
    world.tick()
    closing = world.tick()
    assert closing.fund_return is not None, closing.reasons
    _, snapshot = world.sound_snapshots()[CAMPAIGN]
    funds = snapshot.funds
    assert funds.returned_fen == funds.appropriated_fen - snapshot.redeemed_net_fen
