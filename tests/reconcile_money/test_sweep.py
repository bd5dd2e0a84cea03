"""The sweep finds everything that has ended, once, and reads no more than it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.reconcile.sweep import (
    SETTLING,
    Budget,
    Ending,
    SweepRun,
    endings,
    sweep_campaign,
    sweep_vouchers,
)
from functions.shared.domain.business_time import business_date, day_bounds
from functions.shared.domain.campaign import (
    Campaign,
    CampaignState,
    Validity,
    ValidityKind,
    validity_of,
)
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.vouchers import VoucherEvent, VoucherState
from tests.reconcile_money.world import CAMPAIGN, DAY, START, World, document, voucher_type
from tests.support.faults import contended

ROUND_1_CLOSES = START + 3 * DAY


def lapsed_fen(world: World) -> int:
    """What has lapsed and was not moved on, over all shards."""
    return sum(shard.lapsed_fen for shard in world.snapshot().shards)


def test_an_unused_voucher_lapses_whole_once_its_validity_has_ended(world: World) -> None:
    world.run()
    voucher = world.claim("n1")
    world.now = voucher.valid_until - timedelta(milliseconds=1)
    assert world.sweep().ended == 0
    world.now = voucher.valid_until
    swept = world.sweep()
    assert swept == SweepRun(done=True, ended=1, touched=frozenset({"r1/full/unionpay"}))
    stored = world.stores.vouchers.get(voucher.voucher_id)
    assert stored is not None
    assert stored.state is VoucherState.EXPIRED
    assert stored.timeline[-1].event is VoucherEvent.EXPIRED
    assert lapsed_fen(world) == 2_000
    assert world.sweep().ended == 0
    world.require_sound()


def test_a_held_voucher_lapses_too(world: World) -> None:
    world.run()
    voucher = world.claim("n1")
    world.now = voucher.valid_until - timedelta(seconds=60)
    world.till.hold_voucher("unionpay", voucher.voucher_id, "o1", world.now)
    world.now = voucher.valid_until
    assert world.sweep().ended == 1
    assert lapsed_fen(world) == 2_000
    world.require_sound()


def test_what_a_redemption_did_not_use_is_set_free_when_its_voucher_has_ended(
    world: World,
) -> None:
    world.run()
    voucher = world.claim("n1", type_id="shared")
    redemption = world.redeem(voucher, "o1", order_fen=6_000)
    assert redemption.amounts.parts.fiscal_fen == 660
    world.now = voucher.valid_until
    assert world.sweep().ended == 1
    # 55 % of at most 30.01 yuan were set aside, rounded up.
    assert lapsed_fen(world) == 1_651 - 660
    stored = world.stores.vouchers.get(voucher.voucher_id)
    assert stored is not None
    assert (stored.state, stored.slack_fen) == (VoucherState.REDEEMED, 0)
    world.require_sound()


def test_each_voucher_ends_by_its_own_type_while_its_round_goes_on(world: World) -> None:
    world.run()
    world.claim("n1", type_id="full")
    two_days = world.claim("n2", type_id="shared")
    world.now = two_days.valid_until
    assert world.now < ROUND_1_CLOSES
    assert world.sweep().touched == {"r1/shared/unionpay"}
    world.require_sound()


def test_a_round_that_nobody_claimed_in_is_not_searched(world: World) -> None:
    world.run()
    world.now = ROUND_1_CLOSES + SETTLING
    with world.injector.armed(None):
        assert world.sweep().done
    assert world.injector.calls.count("Query") == 1
    with world.injector.armed(None):
        assert world.sweep().done
    assert world.injector.calls == ["GetItem"]


def test_what_is_swept_for_good_is_not_searched_again(world: World) -> None:
    world.run()
    voucher = world.claim("n1")
    world.now = ROUND_1_CLOSES
    assert world.sweep().done
    ended = [e.ends_at for e in endings(world.record().campaign) if e.ends_at <= world.now]
    # What ended long ago is over; what ended just now is looked at again, for stragglers.
    assert world.record().swept_until == max(e for e in ended if e + SETTLING <= world.now)
    with world.injector.armed(None):
        assert world.sweep().ended == 0
    assert "Query" in world.injector.calls
    world.now += SETTLING
    assert world.sweep().done
    assert world.record().swept_until == voucher.valid_until
    with world.injector.armed(None):
        assert world.sweep().done
    assert world.injector.calls == ["GetItem"]


def test_a_budget_bounds_a_run_and_the_next_goes_on(world: World) -> None:
    world.run()
    for number in range(5):
        world.claim(f"n{number}", person=number)
    world.now = ROUND_1_CLOSES + SETTLING
    found = []
    for _ in range(10):
        swept = world.sweep(Budget(2))
        found.append(swept.ended)
        world.require_sound()
        if swept.done:
            break
        assert world.record().swept_until != ROUND_1_CLOSES
    assert sum(found) == 5
    assert max(found) <= 2
    assert world.record().swept_until == ROUND_1_CLOSES
    assert lapsed_fen(world) == 5 * 2_000


def test_a_spent_budget_reads_nothing(world: World) -> None:
    world.run()
    world.claim("n1")
    world.now = ROUND_1_CLOSES
    swept = world.sweep(Budget(0))
    assert (swept.done, swept.ended) == (False, 0)


def test_one_busy_shard_does_not_keep_the_others_from_being_swept(world: World) -> None:
    world.run()
    shards = {world.claim(f"n{n}", person=n).shard_id for n in range(5)}
    assert len(shards) == 2
    world.now = ROUND_1_CLOSES + SETTLING
    busy = min(shards)
    with contended(world.database.client, lambda items: busy in str(items)):
        swept = world.sweep()
    assert not swept.done
    assert 0 < swept.ended < 5
    world.require_sound()
    again = world.sweep()
    assert (again.done, swept.ended + again.ended) == (True, 5)


def test_tables_that_are_busy_everywhere_end_the_run(world: World) -> None:
    world.run()
    for number in range(5):
        for type_id in ("full", "shared"):
            for platform_id in ("unionpay", "meituan"):
                request_no = f"{type_id}-{platform_id}-{number}"
                world.claim(request_no, person=number, type_id=type_id, platform_id=platform_id)
    world.now = ROUND_1_CLOSES
    with contended(world.database.client, lambda _: True), pytest.raises(Busy):
        world.sweep()
    world.require_sound()
    assert world.sweep().ended == 20


def test_what_is_redeemed_while_the_sweep_reads_is_swept_by_the_next(world: World) -> None:
    """The redemption was let in before the end, and is carried out while the sweep reads."""
    world.run()
    voucher = world.claim("n1", type_id="shared")
    sweeps_at = voucher.valid_until + SETTLING
    world.now = sweeps_at
    world.keep()

    def redeem_late() -> None:
        world.now = voucher.valid_until - timedelta(milliseconds=1)
        try:
            world.redeem(voucher, "o1")
        finally:
            world.now = sweeps_at

    redeemed = 0
    for at in count():
        world.restore()
        with world.injector.visited(at, redeem_late):
            try:
                world.sweep()
            except HuiminError as refusal:
                # The sweep was first, and said so to the visitor.
                assert refusal.code is Code.VOUCHER_EXPIRED  # noqa: PT017 - the visitor's refusal
        if not world.injector.struck:
            break
        world.require_sound()
        redeemed += len(world.snapshot().redemptions)
        assert world.sweep().done
        assert not [v for v in world.snapshot().vouchers if v.held_fen], at
    assert redeemed > 3


def test_paused_campaigns_are_swept_and_closed_ones_are_not(world: World) -> None:
    world.run()
    world.claim("n1")
    world.bureau.pause_campaign(CAMPAIGN, world.now)
    world.now = ROUND_1_CLOSES
    assert world.sweep().ended == 1
    closed = replace(world.record(), state=CampaignState.CLOSED)
    with world.injector.armed(None):
        assert sweep_campaign(closed, world.stores, world.now, Budget()).done
    assert world.injector.calls == []


def test_vouchers_that_a_recount_found_are_swept_without_the_index(world: World) -> None:
    world.run()
    unused, used = world.claim("n1"), world.claim("n2", person=1)
    world.redeem(used, "o1")
    ids = [unused.voucher_id, used.voucher_id]
    assert sweep_vouchers(ids, world.stores, world.now, Budget()).ended == 0
    world.now = unused.valid_until
    swept = sweep_vouchers(ids, world.stores, world.now, Budget())
    assert (swept.done, swept.ended) == (True, 1)
    world.require_sound()


# When what ends, by the rules alone


def test_the_worked_example_ends_with_its_rounds() -> None:
    campaign = campaign_from_document(document())
    found = endings(campaign)
    assert found == sorted(found, key=lambda e: (e.ends_at, e.issued_on, e.round_id))
    first_round = {e for e in found if e.round_id == "r1"}
    assert {e.issued_on for e in first_round} == {business_date(START) + n * DAY for n in range(4)}
    assert max(e.ends_at for e in first_round) == day_bounds(business_date(ROUND_1_CLOSES) + DAY)[1]
    assert Ending(ROUND_1_CLOSES, business_date(START), "r1") in found


VALIDITIES: dict[str, Callable[[int, int], Validity]] = {
    "round": lambda *_: Validity(ValidityKind.ROUND),
    "days": lambda days, _: Validity(ValidityKind.DAYS, days=days % 9 + 1),
    "window": lambda start, hours: Validity(
        ValidityKind.WINDOW,
        valid_from=START + timedelta(hours=start - 200),
        valid_until=START + timedelta(hours=start - 200 + hours),
    ),
}


@st.composite
def issues(draw: st.DrawFn) -> tuple[Campaign, int, datetime]:
    """A campaign of any rounds and validity, one of its rounds, and an instant within it."""
    kind = draw(st.sampled_from(sorted(VALIDITIES)))
    validity = VALIDITIES[kind](draw(st.integers(0, 400)), draw(st.integers(1, 400)))
    bounds = draw(st.lists(st.integers(0, 60_000), min_size=2, max_size=6, unique=True))
    instants = [START + timedelta(minutes=m) for m in sorted(bounds)[: len(bounds) // 2 * 2]]
    campaign = campaign_from_document(document(voucher_types=[voucher_type("full")]))
    plan = campaign.rounds[0]
    rounds = tuple(
        replace(plan, round_id=f"r{n}", opens_at=opens, closes_at=closes, stock=plan.stock[:1])
        for n, (opens, closes) in enumerate(list(pairwise(instants))[::2])
    )
    types = (replace(campaign.voucher_types[0], validity=validity),)
    number = draw(st.integers(0, len(rounds) - 1))
    length = rounds[number].closes_at - rounds[number].opens_at
    last = length // timedelta(milliseconds=1) - 1
    issued_at = rounds[number].opens_at + timedelta(milliseconds=draw(st.integers(0, last)))
    return replace(campaign, rounds=rounds, voucher_types=types), number, issued_at


@given(issues())
def test_every_voucher_that_can_be_issued_is_looked_for_when_it_has_ended(
    issue: tuple[Campaign, int, datetime],
) -> None:
    """Whatever its round, type and time: the sweep that passes its end looks at its date."""
    campaign, number, issued_at = issue
    in_round = campaign.rounds[number]
    valid_until = validity_of(campaign.voucher_types[0], in_round, issued_at)[1]
    mine = [
        ending
        for ending in endings(campaign)
        if ending.issued_on == business_date(issued_at) and ending.round_id == in_round.round_id
    ]
    assert mine
    assert all(ending.ends_at >= valid_until for ending in mine)
    assert all(ending.ends_at > issued_at.astimezone(UTC) for ending in mine)
