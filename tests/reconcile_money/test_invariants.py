"""Each promise is kept by a real campaign, and each way of breaking it is seen by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from functions.reconcile.invariants import assert_all, recount, recount_daily, report_prefix
from functions.shared.domain.business_time import business_date
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.grants import RowState
from functions.shared.domain.invariants import (
    OFFENDERS_SHOWN,
    BrokenPromises,
    check_all,
    require_all,
)
from functions.shared.domain.snapshot import (
    NO_AMOUNTS,
    CountedPayout,
    CountedReturn,
    CountedStockChange,
    Snapshot,
)
from functions.shared.domain.vouchers import VoucherState
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store.tables import StockItem
from tests.reconcile_money.world import CAMPAIGN, DAY, World, document, with_gifts, with_thanks
from tests.support.fields import field


@pytest.fixture(scope="module")
def lived(built_world: World) -> Snapshot:
    """A campaign with something of everything: settled days, refunds, a restored voucher."""
    world = built_world
    world.clear()
    world.run(with_thanks(with_gifts(document(), units=4)))
    for grant_id in ("g1", "g2", "g3"):
        # Whoever had two is refused the third.
        world.list_persons(grant_id, [1, 2] if grant_id == "g3" else [1])
        world.approve_grant(grant_id, 2 if grant_id == "g3" else 1)
        world.carry_out(grant_id)
    vouchers = [world.claim(f"n{n}", person=n, type_id="shared") for n in range(4)]
    first, second, restored, _ = vouchers
    world.refund(world.redeem(first, "o1"), "f1", 1_000)
    world.redeem(second, "o2", order_fen=9_999)
    whole = world.redeem(restored, "o3")
    world.refund(whole, "f3")
    world.claim("n9", person=9)
    world.refund_plain(world.earn("p1", person=5), "f1", 1_000)
    kept = world.earn("o2", person=1, order_fen=9_999)
    world.refund_plain(world.earn("p2", person=6), "f1", 6_000)
    world.redeem(kept, "o4")
    world.now += DAY
    world.redeem(world.claim("m1", person=1, platform_id="meituan"), "o1")
    world.refund(world.ledger.redemption(_id_of(world, "o2")) or pytest.fail("gone"), "late", 500)
    world.redemption = world.ledger.redemption(_id_of(world, "o4")) or pytest.fail("gone")
    for bill_fen in (1_900, 500):
        world.show_break(bill_fen)
        world.accept_bill()
    world.settle()
    world.now += 3 * DAY
    world.sweep()
    return world.snapshot()


def _id_of(world: World, order_no: str) -> str:
    return next(r.redemption_id for r in world.snapshot().redemptions if r.order_no == order_no)


def test_a_campaign_that_lived_keeps_every_promise(lived: Snapshot) -> None:
    checks = check_all(lived)
    assert [check.number for check in checks] == [1, 2, 3, 4, 5, 6, 7, 9, 10]
    assert all(check.holds for check in checks)
    assert all(check.promise.zh and check.promise.en for check in checks)
    require_all(checks)
    funds = checks[0].counted
    assert funds["appropriated_fen"] == funds["found_fen"] == 100_007
    assert all(lived_fen > 0 for lived_fen in (funds["lapsed_fen"], funds["redeemed_net_fen"]))
    assert checks[6].counted["settled_fen"] > 0


def _first(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    head, *rest = getattr(snapshot, name)
    return replace(snapshot, **field(name, (replace(head, **changes), *rest)))


def _amounts(snapshot: Snapshot, name: str, **by: int) -> Snapshot:
    head = getattr(snapshot, name)[0]
    changed = {part: getattr(head.amounts, part) + fen for part, fen in by.items()}
    return _first(snapshot, name, amounts=replace(head.amounts, **changed))


def _funds(snapshot: Snapshot, **by: int) -> Snapshot:
    changed = {fund: getattr(snapshot.funds, fund) + fen for fund, fen in by.items()}
    return replace(snapshot, funds=replace(snapshot.funds, **changed))


def _shard(snapshot: Snapshot, **by: int) -> Snapshot:
    head = next(s for s in snapshot.shards if s.available and s.issued)
    changed = {counter: getattr(head, counter) + units for counter, units in by.items()}
    shards = tuple(replace(s, **changed) if s is head else s for s in snapshot.shards)
    return replace(snapshot, shards=shards)


def _voucher(snapshot: Snapshot, found: VoucherState, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    head = next(v for v in snapshot.vouchers if v.state is found)
    vouchers = tuple(replace(v, **changes) if v is head else v for v in snapshot.vouchers)
    return replace(snapshot, vouchers=vouchers)


def _person(snapshot: Snapshot, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    return _first(snapshot, "persons", **changes)


def _without(snapshot: Snapshot, name: str) -> Snapshot:
    return replace(snapshot, **field(name, getattr(snapshot, name)[1:]))


def _repeated(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    head, *rest = getattr(snapshot, name)
    return replace(snapshot, **field(name, (head, replace(head, **changes), *rest)))


def _rows(snapshot: Snapshot, state: RowState, voucher_id: str) -> Snapshot:
    """The grant's one row of that state is another's."""
    *others, last = snapshot.grants
    assert len(last.by_state[state]) == 1
    changed = replace(last, by_state={**last.by_state, state: (voucher_id,)})
    return replace(snapshot, grants=(*others, changed))


PAID_BACK = replace(NO_AMOUNTS, paid_fen=6_001)
TOO_MUCH_BACK = replace(NO_AMOUNTS, paid_fen=1_001)


def _earning(snapshot: Snapshot, refunded_fen: int | None, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    """A plain order's earning is changed, perhaps the one of so much refunded."""
    head = next(
        e
        for e in snapshot.earnings
        if e.redemption_id is None and refunded_fen in (None, e.refunded.paid_fen)
    )
    earnings = tuple(replace(e, **changes) if e is head else e for e in snapshot.earnings)
    return replace(snapshot, earnings=earnings)


def _thanks(snapshot: Snapshot, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    """Every earned voucher is changed."""
    vouchers = tuple(
        replace(v, **changes) if v.voucher_type_id == "thanks" else v for v in snapshot.vouchers
    )
    return replace(snapshot, vouchers=vouchers)


def _last_adjusting(snapshot: Snapshot, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    """The third adjusting entry, which stands, is changed; the second reverses the first."""
    first, second, last = snapshot.adjusting
    return replace(snapshot, adjusting=(first, second, replace(last, **changes)))


def _payout(snapshot: Snapshot, **changes: Any) -> Snapshot:  # noqa: ANN401 - any field
    """With a payout of the first statement, that is as it should be but for the changes."""
    [statement, *_] = (s for s in snapshot.settlements if s.platform_id == "unionpay")
    campaign = snapshot.campaign
    assert campaign.holding_account is not None
    sound = CountedPayout(
        statement_key="PAYOUT#unionpay#0001",
        platform_id="unionpay",
        net_fen=statement.fiscal_net_fen,
        nets_fen={statement.business_on: statement.fiscal_net_fen},
        platform_account=campaign.contracts[0].account,
        bureau_account=campaign.holding_account,
    )
    return replace(snapshot, payouts=(replace(sound, **changes),))


def test_a_payout_as_it_should_be_breaks_nothing(lived: Snapshot) -> None:
    require_all(check_all(_payout(lived)))


def _return(snapshot: Snapshot, fen: int, *, number: str = "0200001234567890123") -> Snapshot:
    account = replace(snapshot.campaign.source_account, number=number)
    return replace(snapshot, returns=(CountedReturn("RETURN#0001", fen, account),))


TAMPERED: dict[str, tuple[Callable[[Snapshot], Snapshot], set[int]]] = {
    "a fen out of unallocated": (lambda s: _funds(s, unallocated_fen=-1), {1}),
    "a fen adjusted that was not taken": (
        lambda s: replace(s, adjusting=s.adjusting[:-1]),
        {1, 7, 10},
    ),
    "adjusted, and not noted": (lambda s: _funds(s, adjusted_fen=1), {7}),
    "a fen held back for none": (
        lambda s: _funds(s, held_back_fen=1, unallocated_fen=-1),
        {10},
    ),
    "held back below zero": (
        lambda s: _funds(s, held_back_fen=-9_999, unallocated_fen=9_999),
        {2, 10},
    ),
    "adjusted on another day than was settled": (
        lambda s: _last_adjusting(s, business_on=date(2026, 1, 5)),
        {7},
    ),
    "adjusted by what its sides do not give": (lambda s: _last_adjusting(s, bill_fen=1), {10}),
    "a break adjusted twice": (
        lambda s: replace(s, adjusting=(s.adjusting[0], *s.adjusting[2:])),
        {1, 7, 10},
    ),
    "a reversal of nothing": (
        lambda s: replace(s, adjusting=s.adjusting[1:]),
        {1, 7, 10},
    ),
    "a reversal of something else": (
        lambda s: _last_adjusting(s, is_reversal=True),
        {10},
    ),
    "a fen too much in a pot": (lambda s: _first(s, "pools", pot_fen=1), {1}),
    "a pot below zero": (lambda s: _first(s, "pools", pot_fen=-1), {1, 2}),
    "a fen lapsed twice": (lambda s: _shard(s, lapsed_fen=1), {1}),
    "a unit from nowhere": (lambda s: _shard(s, available=1), {1, 4}),
    "a unit less issued": (lambda s: _shard(s, issued=-1, allocated=-1), {4}),
    "units below zero": (lambda s: _shard(s, available=-100, allocated=-100), {1, 2}),
    "slack that is not there": (
        lambda s: _voucher(s, VoucherState.EXPIRED, slack_fen=1),
        {1},
    ),
    "slack below zero": (lambda s: _voucher(s, VoucherState.EXPIRED, slack_fen=-1), {1, 2}),
    "a voucher that came back to life": (
        lambda s: _voucher(s, VoucherState.EXPIRED, state=VoucherState.ISSUED),
        {1},
    ),
    "a voucher of another reserve": (
        lambda s: _voucher(s, VoucherState.EXPIRED, reserve_fen=1),
        {4},
    ),
    "a voucher of no shard": (
        lambda s: _voucher(s, VoucherState.EXPIRED, shard_id="spring/r9/full/unionpay/0000"),
        {4},
    ),
    "a voucher less": (lambda s: _without(s, "vouchers"), {4, 10}),
    "a shard less": (lambda s: _without(s, "shards"), {1, 4}),
    "a pool less": (lambda s: _without(s, "pools"), {4}),
    "a pool never spread": (lambda s: _first(s, "pools", funded_shards=1), {4}),
    "a pool that plans a unit more": (
        lambda s: _first(s, "pools", planned_units=s.pools[0].planned_units + 1),
        {4},
    ),
    "a stock change that no pool has seen": (
        lambda s: replace(
            s, changes=(CountedStockChange("c1", s.pools[0].pool_key, signed_units=-1),)
        ),
        {4},
    ),
    "a grant of a row less": (lambda s: _first(s, "grants", rows=2), {10}),
    "a grant that counts a voucher too many": (lambda s: _first(s, "grants", granted=2), {10}),
    "a grant that nobody approved": (lambda s: _first(s, "grants", is_approved=False), {10}),
    "a granted voucher that is not there": (
        lambda s: _rows(s, RowState.GRANTED, "v_none"),
        {10},
    ),
    "a voucher whose row says that it was refused": (
        lambda s: _rows(s, RowState.REFUSED, s.vouchers[0].voucher_id),
        {10},
    ),
    "a pool of another reserve": (lambda s: _first(s, "pools", unit_reserve_fen=1), {4}),
    "a redemption whose parts do not add up": (
        lambda s: _amounts(s, "redemptions", voucher_fen=1, paid_fen=-1),
        {3},
    ),
    "a redemption whose order does not add up": (
        lambda s: _first(s, "redemptions", order_fen=1),
        {3},
    ),
    "a redemption with another fiscal part": (
        lambda s: _amounts(s, "redemptions", fiscal_part_fen=1, merchant_part_fen=-1),
        {1, 7},
    ),
    "a refund of more than there was": (
        lambda s: _amounts(s, "refunds", paid_fen=10_000),
        {3},
    ),
    "a refund whose parts do not add up": (lambda s: _amounts(s, "refunds", voucher_fen=-1), {3}),
    "a refund below zero": (
        lambda s: _amounts(s, "refunds", merchant_part_fen=-9_999, platform_part_fen=9_999),
        {3},
    ),
    "a refund that its redemption does not count": (
        lambda s: _first(s, "redemptions", refund_count=7),
        {3},
    ),
    "a redemption that counts more refunded": (
        lambda s: _first(s, "redemptions", refunded_fen=9_999),
        {3},
    ),
    "an order with two vouchers": (
        lambda s: _repeated(s, "redemptions", redemption_id="r_other", voucher_id="v_other"),
        {1, 3, 5, 7, 10},
    ),
    "a statement twice": (
        lambda s: _repeated(s, "settlements", statement_key="SETTLEMENT#again"),
        {7},
    ),
    "a statement less": (lambda s: _without(s, "settlements"), {7}),
    "a statement of another amount": (
        lambda s: _first(s, "settlements", fiscal_net_fen=1),
        {7},
    ),
    "a payout of more than its statements": (lambda s: _payout(s, net_fen=1), {7}),
    "a payout of another amount of a statement": (
        lambda s: _payout(s, nets_fen={s.settlements[0].business_on: 1}, net_fen=1),
        {7},
    ),
    "a payout of a statement that is not there": (
        lambda s: _payout(s, nets_fen={date(2025, 1, 1): 0}, net_fen=0),
        {7},
    ),
    "a statement paid twice": (
        lambda s: replace(_payout(s), payouts=(_payout(s).payouts[0],) * 2),
        {7},
    ),
    "a payout to another account": (
        lambda s: _payout(s, platform_account=s.campaign.source_account),
        {7},
    ),
    "a payout from another account": (
        lambda s: _payout(s, bureau_account=s.campaign.source_account),
        {7},
    ),
    "a payout to whom no contract names": (lambda s: _payout(s, platform_id="meituan"), {7}),
    "settled money that no statement says": (lambda s: _funds(s, settled_fen=1), {7}),
    "returned money that no statement says": (
        lambda s: _funds(s, returned_fen=1, unallocated_fen=-1),
        {9},
    ),
    "a return that was not noted": (lambda s: _return(s, 1), {9}),
    "a return to another account": (
        lambda s: _funds(_return(s, 1, number="666666"), returned_fen=1, unallocated_fen=-1),
        {9},
    ),
    "a return of more than there was": (
        lambda s: _funds(_return(s, 100_000), returned_fen=100_000, appropriated_fen=0),
        {1, 9},
    ),
    "a return below zero": (
        lambda s: _funds(_return(s, -1), returned_fen=-1, unallocated_fen=1),
        {2, 9},
    ),
    "a person with a voucher too many": (lambda s: _person(s, voucher_ids=("v_other",)), {10}),
    "a person with another count": (lambda s: _person(s, counters={"campaign": 1}), {10}),
    "a person below zero": (lambda s: _person(s, counters={"campaign": -1}), {2, 10}),
    "a person less": (lambda s: _without(s, "persons"), {10}),
    "a redemption less": (lambda s: _without(s, "redemptions"), {1, 7, 10}),
    "a refund of nothing": (lambda s: _first(s, "refunds", redemption_id="r_other"), {3, 10}),
    "a used voucher without its redemption": (
        lambda s: _voucher(s, VoucherState.REDEEMED, redemption_id=None),
        {10},
    ),
    "a voucher with another's redemption": (
        lambda s: _voucher(s, VoucherState.REDEEMED, redemption_id="r_other"),
        {10},
    ),
    "an order that earned nothing that is there": (
        lambda s: _earning(s, None, voucher_id="v_other"),
        {10},
    ),
    "an earned voucher without its order": (lambda s: _without(s, "earnings"), {10}),
    "an order that earned twice": (
        lambda s: _repeated(s, "earnings", voucher_id="v_other"),
        {5, 10},
    ),
    "a plain order with a refund less": (
        lambda s: _earning(s, None, refunds_fen=(), redemption_id=None),
        {10},
    ),
    "a plain order refunded of more than it was": (
        lambda s: _earning(s, None, refunds_fen=(6_001,), refunded=PAID_BACK),
        {10},
    ),
    "an unused voucher whose order is refunded": (
        lambda s: _thanks(
            _earning(s, 1_000, refunds_fen=(1_001,), refunded=TOO_MUCH_BACK),
            state=VoucherState.HELD,
        ),
        {10},
    ),
    "a forfeited voucher whose order stands": (
        lambda s: _thanks(s, is_forfeited=True),
        {10},
    ),
    "a voucher that was taken back and counts": (
        lambda s: _voucher(s, VoucherState.VOIDED, is_forfeited=False),
        {10},
    ),
    "a redemption that earned another's voucher": (
        lambda s: replace(
            s,
            redemptions=tuple(
                replace(r, earned_voucher_id=r.earned_voucher_id and "v_other")
                for r in s.redemptions
            ),
        ),
        {10},
    ),
    "a redemption that forgot what it earned": (
        lambda s: replace(
            s, redemptions=tuple(replace(r, earned_voucher_id=None) for r in s.redemptions)
        ),
        {10},
    ),
    "a voucher void while its redemption stands": (
        lambda s: _voucher(s, VoucherState.REDEEMED, state=VoucherState.VOIDED),
        {10},
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_breaks_a_promise_is_seen_and_named(lived: Snapshot, name: str) -> None:
    tamper, expected = TAMPERED[name]
    broken = {check.number: check for check in check_all(tamper(lived)) if not check.holds}
    assert set(broken) >= expected, broken
    with pytest.raises(BrokenPromises) as raised:
        require_all(broken.values())
    assert str(min(expected)) in str(raised.value)


def test_a_limit_passed_is_seen(lived: Snapshot) -> None:
    limits = tuple(limit._replace(max_count=0) for limit in lived.campaign.limits)
    tight = replace(lived, campaign=replace(lived.campaign, limits=limits))
    broken = [check for check in check_all(tight) if not check.holds]
    assert [check.name for check in broken] == ["LIMITS_HOLD"]
    assert broken[0].offender_count > 0
    assert len(broken[0].offenders) <= OFFENDERS_SHOWN


def test_a_campaign_in_funding_may_have_pools_not_yet_spread(lived: Snapshot) -> None:
    pool = replace(lived.pools[0], funded_shards=0, shard_count=1)
    shards = tuple(s for s in lived.shards if s.shard_id not in lived.pools[0].shard_ids())
    early = replace(lived, pools=(pool, *lived.pools[1:]), shards=shards)
    names = {c.name: c for c in check_all(replace(early, is_funded=False))}
    assert not [o for o in names["STOCK_CLOSES"].offenders if "lacks" in o]
    names = {c.name: c for c in check_all(early)}
    assert [o for o in names["STOCK_CLOSES"].offenders if "lacks" in o]


def test_a_campaign_that_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(HuiminError) as raised:
        recount("nothing", world.stores)
    assert raised.value.code is Code.NOT_FOUND


def test_the_tables_of_other_campaigns_are_left_out(world: World) -> None:
    world.run()
    world.redeem(world.claim("n1"), "o1")
    before = recount(CAMPAIGN, world.stores)
    world.run(document(campaign_id=f"{CAMPAIGN}-2"))
    assert recount(CAMPAIGN, world.stores) == before
    assert_all(f"{CAMPAIGN}-2", world.stores)


def test_every_campaign_is_recounted_once_a_day_and_its_drift_told(world: World) -> None:
    world.run()
    world.redeem(world.claim("n1"), "o1")
    told: list[int] = []
    assert recount_daily(world.stores, world.now, tell_drift=told.append)
    assert not recount_daily(world.stores, world.now + timedelta(hours=1), tell_drift=told.append)
    assert told == [0]
    files = world.files()
    prefix = report_prefix(business_date(world.now))
    manifest = Manifest.from_bytes(files[f"{prefix}manifest.json"])
    assert verify(manifest, lambda name: files[prefix + name]) == []
    report = json.loads(files[f"{prefix}invariants.json"])
    assert report["holds"] is True
    assert report["campaigns"][CAMPAIGN][0]["name"] == "FUNDS_CLOSE"

    transaction = world.database.transaction("tamper")
    shard = world.pool("r1").shard_id(0)
    transaction.update("shard", StockItem(shard), [StockItem.lapsed_fen.add(7)])
    transaction.commit()
    assert recount_daily(world.stores, world.now + DAY, tell_drift=told.append)
    assert told == [0, 7]
    with pytest.raises(BrokenPromises):
        assert_all(CAMPAIGN, world.stores)


def test_a_draft_has_no_money_to_recount(world: World) -> None:
    world.draft()
    told: list[int] = []
    assert recount_daily(world.stores, world.now, tell_drift=told.append)
    assert told == [0]
    files = world.files()
    report = files[f"{report_prefix(business_date(world.now))}invariants.json"]
    assert json.loads(report)["campaigns"] == {}
