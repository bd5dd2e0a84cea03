"""The promises about a campaign's money, each counted from its tables.

Amounts are fen of the appropriation unless a name says otherwise.

     1 FUNDS_CLOSE       every fen is in exactly one place
     2 NOTHING_NEGATIVE  no counter is below zero
     3 PARTS_ADD_UP      entries close, and refunds stay within their redemption
     4 STOCK_CLOSES      allocated = available + issued = available + vouchers counted
     5 ONE_REDEMPTION    one live redemption a voucher, one voucher an order
     6 LIMITS_HOLD       nobody has more than a limit allows
     7 SETTLED_ONCE      settlements add up to what was redeemed net on the days they settle
     9 RETURNED_ONCE     returns add up, and go to the source account
    10 GUARD_AND_RECORD  what belongs together is there together

The numbers are those of docs/money.md; 8 (reports) and 11 (nothing stays half done) are no sums
over tables and are proven by tests.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from functions.shared.domain.belonging import all_apart, used_limits
from functions.shared.domain.campaign import Text
from functions.shared.domain.funds import pool_key, pool_key_of
from functions.shared.domain.limits import PersonCounter
from functions.shared.domain.moving import STILL, Moving, moving_since
from functions.shared.domain.snapshot import NO_AMOUNTS, Amounts, Snapshot

FUNDS_CLOSE: Final = "FUNDS_CLOSE"
PLACES: Final = (
    "unallocated_fen",
    "pots_fen",
    "available_fen",
    "outstanding_fen",
    "slack_fen",
    "redeemed_net_fen",
    "lapsed_fen",
    "returned_fen",
    "adjusted_net_fen",
    "held_back_fen",
)
"""All the places in which a fen of the appropriation can be, as FUNDS_CLOSE names them."""

# Enough to begin a search with; the number of all is always given.
OFFENDERS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, what was counted for it, and whether it holds.

    Args:
        number: its number in docs/money.md.
        name: its name, SCREAMING_SNAKE.
        promise: in words.
        counted: figures that the verdict rests on, by name.
        drift_fen: money that is not where it should be; 0 where a promise is not about sums.
        offenders: the first of what breaks it, by name.
        offender_count: how many break it.

    """

    number: int
    name: str
    promise: Text
    counted: Mapping[str, int]
    drift_fen: int
    offenders: tuple[str, ...]
    offender_count: int

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return not self.drift_fen and not self.offender_count


class BrokenPromises(Exception):
    """At least one promise about the money is not kept.

    Args:
        checks: those that do not hold.

    """

    def __init__(self, checks: Iterable[Check]) -> None:
        self.checks = tuple(checks)
        lines = [
            f"{check.number} {check.name}: drift {check.drift_fen} fen, "
            f"{check.offender_count} offenders {list(check.offenders)}, {dict(check.counted)}"
            for check in self.checks
        ]
        super().__init__("\n".join(lines))


def check_all(snapshot: Snapshot, *, since: datetime | None = None) -> list[Check]:
    """Every promise that can be counted from the tables, in the order of their numbers.

    Args:
        snapshot: as read.
        since: of a reading while money moves, when it began, less the longest that an operation
            takes; None where nothing moved, and every fen must be in its place.

    """
    still, moving = (snapshot, STILL) if since is None else moving_since(snapshot, since)
    return [
        _funds_close(snapshot, moving),
        _nothing_negative(snapshot),
        _parts_add_up(still),
        _stock_closes(snapshot, moving),
        _one_redemption(still),
        _limits_hold(still),
        _settled_once(snapshot),
        _returned_once(snapshot),
        _guard_and_record(still),
    ]


def broken_reasons(checks: Iterable[Check]) -> tuple[str, ...]:
    """The promises that are not kept, in words, as reasons not to give money away."""
    return tuple(
        f"BROKEN: {check.number} {check.name}, drift {check.drift_fen} fen"
        for check in checks
        if not check.holds
    )


def require_all(checks: Iterable[Check]) -> None:
    """Passes when every promise is kept.

    Raises:
        BrokenPromises: with those that are not.

    """
    broken = [check for check in checks if not check.holds]
    if broken:
        raise BrokenPromises(broken)


def _check(
    number: int,
    name: str,
    promise: Text,
    counted: Mapping[str, int],
    *,
    drift_fen: int = 0,
    offenders: Iterable[str] = (),
) -> Check:
    found = sorted(set(offenders))
    return Check(
        number=number,
        name=name,
        promise=promise,
        counted=counted,
        drift_fen=drift_fen,
        offenders=tuple(found[:OFFENDERS_SHOWN]),
        offender_count=len(found),
    )


def _funds_close(snapshot: Snapshot, moving: Moving) -> Check:
    funds = snapshot.funds
    counts = (
        funds.unallocated_fen,
        sum(pool.pot_fen for pool in snapshot.pools),
        sum(s.available * s.unit_reserve_fen for s in snapshot.shards),
        snapshot.outstanding_fen,
        snapshot.slack_fen,
        snapshot.redeemed_net_fen,
        sum(s.lapsed_fen for s in snapshot.shards),
        funds.returned_fen,
        snapshot.adjusted_net_fen,
        funds.held_back_fen,
    )
    places = dict(zip(PLACES, counts, strict=True))
    found_fen = sum(places.values())
    drift_fen = funds.appropriated_fen - found_fen
    return _check(
        1,
        FUNDS_CLOSE,
        Text(
            zh="拨款 = 未分配 + 调账留存 + 券池 + 已发未用 + 净核销 + 净调账 + 已失效未划转 + "
            "已退回，逐分相等",
            en="appropriated = unallocated + held back + in pools + outstanding + redeemed net + "
            "adjusted net + lapsed + returned, to the fen",
        ),
        {
            "appropriated_fen": funds.appropriated_fen,
            "found_fen": found_fen,
            **places,
            "moving_vouchers": moving.vouchers,
            "moving_fen": moving.fen,
        },
        drift_fen=drift_fen if abs(drift_fen) > moving.fen else 0,
    )


def _nothing_negative(snapshot: Snapshot) -> Check:
    negative: dict[str, int] = {}

    def look(name: str, fen: int, *, unit_fen: int = 1) -> None:
        if fen < 0:
            negative[name] = -fen * unit_fen

    look("campaign unallocated", snapshot.funds.unallocated_fen)
    look("campaign returned", snapshot.funds.returned_fen)
    look("campaign held back", snapshot.funds.held_back_fen)
    for pool in snapshot.pools:
        look(f"{pool.pool_key} pot", pool.pot_fen)
    for shard in snapshot.shards:
        look(f"{shard.shard_id} available", shard.available, unit_fen=shard.unit_reserve_fen)
        look(f"{shard.shard_id} allocated", shard.allocated, unit_fen=shard.unit_reserve_fen)
        look(f"{shard.shard_id} issued", shard.issued, unit_fen=shard.unit_reserve_fen)
        look(f"{shard.shard_id} lapsed", shard.lapsed_fen)
    for voucher in snapshot.vouchers:
        look(f"{voucher.voucher_id} reserve", voucher.reserve_fen)
        look(f"{voucher.voucher_id} slack", voucher.slack_fen)
    for person in snapshot.persons:
        for counter, count in person.counters.items():
            look(f"{person.identity_ref} {counter}", count, unit_fen=0)
    buckets = 3 + len(snapshot.pools) + 4 * len(snapshot.shards) + 2 * len(snapshot.vouchers)
    return _check(
        2,
        "NOTHING_NEGATIVE",
        Text(zh="任何一处金额或数量都不为负", en="no bucket is negative"),
        {"buckets": buckets},
        drift_fen=sum(negative.values()),
        offenders=negative,
    )


def _parts_add_up(snapshot: Snapshot) -> Check:
    drift: dict[str, int] = {}
    reversed_by: defaultdict[str, Amounts] = defaultdict(lambda: NO_AMOUNTS)
    counts: Counter[str] = Counter()
    for refund in snapshot.refunds:
        name = f"{refund.redemption_id} {refund.refund_no}"
        drift[name] = refund.amounts.unclosed_fen + _below_zero_fen(refund.amounts)
        reversed_by[refund.redemption_id] += refund.amounts
        counts[refund.redemption_id] += 1
    for redemption in snapshot.redemptions:
        amounts = redemption.amounts
        discounts_fen = amounts.merchant_discount_fen + amounts.platform_discount_fen
        found = reversed_by[redemption.redemption_id]
        left = (a - b for a, b in zip(amounts.values(), found.values(), strict=True))
        noted = zip(redemption.refunded.values(), found.values(), strict=True)
        drift[redemption.redemption_id] = (
            amounts.unclosed_fen
            + _below_zero_fen(amounts)
            + abs(redemption.order_fen - discounts_fen - amounts.refundable_fen)
            # Refunds never exceed the redemption, in total or in any part,
            + sum(-fen for fen in left if fen < 0)
            # and the redemption's own totals are those of its refunds.
            + sum(abs(a - b) for a, b in noted)
            + abs(redemption.refunded_fen - found.refundable_fen)
        )
    wrong = {name: fen for name, fen in drift.items() if fen}
    miscounted = [
        redemption.redemption_id
        for redemption in snapshot.redemptions
        if redemption.refund_count != counts[redemption.redemption_id]
    ]
    return _check(
        3,
        "PARTS_ADD_UP",
        Text(
            zh="每笔核销与退款的各部分之和等于总额，退款的各部分不超过其核销的余额",
            en="every ledger entry's parts add up, and a refund's parts never exceed what is left "
            "of its redemption",
        ),
        {"redemptions": len(snapshot.redemptions), "refunds": len(snapshot.refunds)},
        drift_fen=sum(wrong.values()),
        offenders=[*wrong, *miscounted],
    )


def _below_zero_fen(amounts: Amounts) -> int:
    return sum(-fen for fen in amounts.values() if fen < 0)


def _stock_closes(snapshot: Snapshot, moving: Moving) -> Check:
    vouchers: Counter[str] = Counter()
    odd_fen: Counter[str] = Counter()
    shards = {shard.shard_id: shard for shard in snapshot.shards}
    pools = {pool.pool_key: pool for pool in snapshot.pools}
    for voucher in snapshot.vouchers:
        shard = shards.get(voucher.shard_id)
        if shard is None:
            odd_fen[f"{voucher.voucher_id} has no shard"] += max(1, voucher.reserve_fen)
            continue
        vouchers[voucher.shard_id] += 1
        odd_fen[voucher.voucher_id] += abs(voucher.reserve_fen - shard.unit_reserve_fen)
    for shard in snapshot.shards:
        odd = abs(shard.allocated - shard.available - shard.issued)
        # Vouchers were read after their shard: some may have been issued in between.
        most = vouchers[shard.shard_id]
        least = most - moving.issued[shard.shard_id]
        odd += max(0, shard.issued - most, least - shard.issued)
        pool = pools.get(pool_key_of(shard.shard_id))
        odd_fen[shard.shard_id] += odd * max(1, shard.unit_reserve_fen)
        if pool is None or pool.unit_reserve_fen != shard.unit_reserve_fen:
            odd_fen[f"{shard.shard_id} is not of its pool"] += 1
    missing = [
        f"{pool.pool_key} lacks shards"
        for pool in snapshot.pools
        if pool.funded_shards != sum(name in shards for name in pool.shard_ids())
        or (snapshot.is_funded and not pool.is_spread)
    ]
    wrong = {name: fen for name, fen in odd_fen.items() if fen}
    missing += _plans_apart(snapshot)
    return _check(
        4,
        "STOCK_CLOSES",
        Text(
            zh="每个券池：分配数 = 剩余 + 已发，已发 = 实有券数",
            en="each pool: allocated = available + issued over its shards, and issued = vouchers "
            "counted",
        ),
        {
            "allocated": sum(shard.allocated for shard in snapshot.shards),
            "available": sum(shard.available for shard in snapshot.shards),
            "issued": sum(shard.issued for shard in snapshot.shards),
            "vouchers": len(snapshot.vouchers),
        },
        drift_fen=sum(wrong.values()),
        offenders=[*wrong, *missing],
    )


def _plans_apart(snapshot: Snapshot) -> Iterator[str]:
    """Pools whose planned units are not the document's and what approved changes made of them."""
    planned = Counter(
        {
            pool_key(in_round.round_id, each.voucher_type_id, each.platform_id): each.units
            for in_round in snapshot.campaign.rounds
            for each in in_round.stock
        }
    )
    for change in snapshot.changes:
        planned[change.pool_key] += change.signed_units
    for pool in snapshot.pools:
        if pool.planned_units != planned[pool.pool_key]:
            yield f"{pool.pool_key} plans {pool.planned_units}, not {planned[pool.pool_key]}"


def _one_redemption(snapshot: Snapshot) -> Check:
    live = Counter(r.voucher_id for r in snapshot.redemptions if r.is_live)
    orders = Counter((r.platform_id, r.order_no) for r in snapshot.redemptions)
    twice = [voucher_id for voucher_id, count in live.items() if count > 1]
    twice += [f"{platform} {order}" for (platform, order), count in orders.items() if count > 1]
    earned = Counter((e.platform_id, e.order_no) for e in snapshot.earnings)
    twice += [
        f"{platform} {order} earned" for (platform, order), count in earned.items() if count > 1
    ]
    return _check(
        5,
        "ONE_REDEMPTION",
        Text(
            zh="每张券至多一笔有效核销，每个订单只用一张券",
            en="at most one live redemption per voucher, one voucher per order",
        ),
        {"live": sum(live.values()), "orders": len(orders), "earning_orders": len(earned)},
        offenders=twice,
    )


def _limits_hold(snapshot: Snapshot) -> Check:
    limits: dict[str, PersonCounter] = {}
    used = used_limits(snapshot, limits)
    over = [
        f"{identity_ref} {name}: {count}"
        for identity_ref, names in used.items()
        for name, count in Counter(names).items()
        if count > limits[name].max_count
    ]
    return _check(
        6,
        "LIMITS_HOLD",
        Text(zh="没有人超过任何一项限额", en="no person is over any limit"),
        {"identities": len(snapshot.persons), "counters": sum(len(set(n)) for n in used.values())},
        offenders=over,
    )


def _settled_once(snapshot: Snapshot) -> Check:
    entered: Counter[tuple[str, date]] = Counter()
    for redemption in snapshot.redemptions:
        day = redemption.platform_id, redemption.business_on
        entered[day] += redemption.amounts.fiscal_part_fen
    for refund in snapshot.refunds:
        entered[refund.platform_id, refund.business_on] -= refund.amounts.fiscal_part_fen
    for entry in snapshot.adjusting:
        entered[entry.platform_id, entry.business_on] += entry.parts.fiscal_fen
    settled: Counter[tuple[str, date]] = Counter()
    days: Counter[tuple[str, date]] = Counter()
    for statement in snapshot.settlements:
        settled[statement.platform_id, statement.business_on] += statement.fiscal_net_fen
        days[statement.platform_id, statement.business_on] += 1
    wrong = {
        f"{platform} {on}": abs(settled[platform, on] - entered[platform, on])
        for platform, on in days
        if settled[platform, on] != entered[platform, on]
    }
    repeated = [f"{platform} {on} twice" for (platform, on), count in days.items() if count > 1]
    astray = list(_paid_otherwise(snapshot, settled))
    settled_fen = sum(settled.values())
    noted_fen = snapshot.funds.settled_fen
    return _check(
        7,
        "SETTLED_ONCE",
        Text(
            zh="每个结算单只付一次且不再变动，结算与调整之和等于已结算日期的净核销与净调账",
            en="each settlement is payable once and never changes; settlements and adjustments "
            "add up to what was redeemed and adjusted net on the days settled",
        ),
        {
            "statements": len(snapshot.settlements),
            "payouts": len(snapshot.payouts),
            "payouts_net_fen": sum(payout.net_fen for payout in snapshot.payouts),
            "settled_fen": settled_fen,
            "noted_fen": noted_fen,
            "redeemed_net_fen": snapshot.redeemed_net_fen,
            "adjusted_net_fen": snapshot.adjusted_net_fen,
        },
        drift_fen=sum(wrong.values())
        + abs(noted_fen - settled_fen)
        + abs(snapshot.funds.adjusted_fen - snapshot.adjusted_net_fen),
        offenders=[*wrong, *repeated, *astray],
    )


def _paid_otherwise(snapshot: Snapshot, settled: Mapping[tuple[str, date], int]) -> Iterator[str]:
    """Payouts of other amounts than their statements', of a statement twice, or to others."""
    campaign = snapshot.campaign
    bureau = campaign.holding_account or campaign.source_account
    taken: set[tuple[str, date]] = set()
    for payout in snapshot.payouts:
        days = {(payout.platform_id, on): fen for on, fen in payout.nets_fen.items()}
        contract = campaign.contract(payout.platform_id)
        is_sound = (
            payout.net_fen == sum(days.values())
            and all(settled.get(day) == fen for day, fen in days.items())
            and not taken & days.keys()
            and contract is not None
            and (payout.platform_account, payout.bureau_account) == (contract.account, bureau)
        )
        if not is_sound:
            yield payout.statement_key
        taken |= days.keys()


def _returned_once(snapshot: Snapshot) -> Check:
    returned_fen = sum(each.amount_fen for each in snapshot.returns)
    funds = snapshot.funds
    # Never more than the source paid in, less what it was used for; what was taken back twice may
    # leave less than nothing used, and is no reason to return more than was paid in.
    used_fen = max(0, snapshot.redeemed_net_fen + snapshot.adjusted_net_fen)
    most_fen = funds.appropriated_fen - used_fen
    elsewhere = [
        each.statement_key
        for each in snapshot.returns
        if each.account != snapshot.campaign.source_account or each.amount_fen < 0
    ]
    return _check(
        9,
        "RETURNED_ONCE",
        Text(
            zh="退回资金只付一次，只回到来源账户，且不超过来源账户拨入的余额",
            en="returned money is paid once, to the source account, and never more than the "
            "source paid in",
        ),
        {
            "returns": len(snapshot.returns),
            "returned_fen": returned_fen,
            "noted_fen": funds.returned_fen,
        },
        drift_fen=abs(funds.returned_fen - returned_fen) + max(0, returned_fen - most_fen),
        offenders=elsewhere,
    )


def _guard_and_record(snapshot: Snapshot) -> Check:
    return _check(
        10,
        "GUARD_AND_RECORD",
        Text(
            zh="凭证与记录同在：券、核销、退款、个人计数缺一不可",
            en="guard and record go together: neither without the other",
        ),
        {
            "vouchers": len(snapshot.vouchers),
            "redemptions": len(snapshot.redemptions),
            "refunds": len(snapshot.refunds),
            "identities": len(snapshot.persons),
            "granted": sum(grant.granted for grant in snapshot.grants),
            "earned": len(snapshot.earnings),
        },
        offenders=all_apart(snapshot),
    )
