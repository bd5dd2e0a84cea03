"""The promises about a campaign's money, each counted from its tables.

A `Snapshot` holds plain values, read as they are stored: nothing here trusts a total that can be
counted, and nothing is refused on the way in, so that a fault in the tables shows as a finding
and not as an error. Amounts are fen of the appropriation unless a name says otherwise.

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

from functions.shared.domain.campaign import Campaign, EarningRule, SourceAccount, Text
from functions.shared.domain.funds import Funds, Pool, Shard, pool_key, pool_key_of
from functions.shared.domain.grants import RowState
from functions.shared.domain.limits import PersonCounter, claim_counters, redemption_counters
from functions.shared.domain.orders import base_of
from functions.shared.domain.vouchers import VoucherState

# Enough to begin a search with; the number of all is always given.
OFFENDERS_SHOWN = 20

UNUSED = frozenset({VoucherState.ISSUED, VoucherState.HELD})
"""States in which a voucher holds its whole reserve."""


@dataclass(frozen=True, slots=True)
class CountedVoucher:
    """What a recount needs of a voucher."""

    voucher_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    identity_refs: tuple[str, ...]
    shard_id: str
    state: VoucherState
    valid_until: datetime
    reserve_fen: int
    slack_fen: int
    redemption_id: str | None
    is_forfeited: bool = False

    @property
    def held_fen(self) -> int:
        """What of the appropriation is still set aside for it."""
        return self.reserve_fen if self.state in UNUSED else self.slack_fen

    @property
    def counts_for_limits(self) -> bool:
        """Whether it counts for what its person may have: not once it was taken back."""
        return not (self.is_forfeited and self.state is VoucherState.VOIDED)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts of an entry, or of all refunds of a redemption, as stored."""

    merchant_discount_fen: int
    platform_discount_fen: int
    voucher_fen: int
    paid_fen: int
    fiscal_part_fen: int
    platform_part_fen: int
    merchant_part_fen: int

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple[int, ...]:
        """All of them, in the order of the fields."""
        return (
            self.merchant_discount_fen,
            self.platform_discount_fen,
            self.voucher_fen,
            self.paid_fen,
            self.fiscal_part_fen,
            self.platform_part_fen,
            self.merchant_part_fen,
        )

    @property
    def refundable_fen(self) -> int:
        """The voucher's money and the consumer's together."""
        return self.voucher_fen + self.paid_fen

    @property
    def unclosed_fen(self) -> int:
        """By how much the funding parts miss the voucher's money."""
        parts_fen = self.fiscal_part_fen + self.platform_part_fen + self.merchant_part_fen
        return abs(self.voucher_fen - parts_fen)


NO_AMOUNTS = Amounts(0, 0, 0, 0, 0, 0, 0)
"""Where sums start."""


@dataclass(frozen=True, slots=True)
class CountedRedemption:
    """What a recount needs of a redemption; `refunded` is what its item says of its refunds."""

    redemption_id: str
    voucher_id: str
    platform_id: str
    merchant_id: str
    order_no: str
    business_on: date
    order_fen: int
    amounts: Amounts
    refund_count: int
    refunded_fen: int
    refunded: Amounts
    earned_voucher_id: str | None = None

    @property
    def was_refunded_at_once(self) -> bool:
        """Whether one refund reversed the whole order, which gives the merchant visit back."""
        return self.refund_count == 1 and self.refunded_fen == self.amounts.refundable_fen

    @property
    def is_live(self) -> bool:
        """Whether anything of it is left to refund."""
        return self.refunded_fen < self.amounts.refundable_fen


@dataclass(frozen=True, slots=True)
class CountedRefund:
    """What a recount needs of a refund."""

    redemption_id: str
    refund_no: str
    platform_id: str
    business_on: date
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class CountedPerson:
    """An identity's item: its counters by name, and the vouchers it lists."""

    identity_ref: str
    counters: Mapping[str, int]
    voucher_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountedSettlement:
    """One platform's settled business date: the fiscal money it takes note of, net of refunds."""

    statement_key: str
    platform_id: str
    business_on: date
    fiscal_net_fen: int


@dataclass(frozen=True, slots=True)
class CountedReturn:
    """One return of money to the source account."""

    statement_key: str
    amount_fen: int
    account: SourceAccount


@dataclass(frozen=True, slots=True)
class CountedStockChange:
    """What one change did to its pool's planned units so far."""

    change_id: str
    pool_key: str
    signed_units: int


@dataclass(frozen=True, slots=True)
class CountedGrant:
    """A grant: the totals that it keeps, and its rows by what became of them.

    `rows`, `granted` and `refused` are the totals; `by_state` the ids of the rows themselves.
    """

    grant_id: str
    is_approved: bool
    rows: int
    granted: int
    refused: int
    by_state: Mapping[RowState, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CountedEarning:
    """An order that earned a voucher; of a plain one also its amounts and its refunds.

    `refunded` and `refund_count` are what its item says of the refunds, `refunds_fen` the refunds.
    """

    voucher_id: str
    platform_id: str
    order_no: str
    redemption_id: str | None
    amounts: Amounts
    refunded: Amounts
    refund_count: int
    refunds_fen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the tables hold about one campaign."""

    campaign: Campaign
    funds: Funds
    is_funded: bool
    pools: tuple[Pool, ...]
    shards: tuple[Shard, ...]
    vouchers: tuple[CountedVoucher, ...]
    redemptions: tuple[CountedRedemption, ...]
    refunds: tuple[CountedRefund, ...]
    persons: tuple[CountedPerson, ...]
    settlements: tuple[CountedSettlement, ...]
    returns: tuple[CountedReturn, ...]
    changes: tuple[CountedStockChange, ...]
    grants: tuple[CountedGrant, ...]
    earnings: tuple[CountedEarning, ...] = ()

    @property
    def outstanding_fen(self) -> int:
        """Set aside for vouchers that are issued or held."""
        return sum(v.reserve_fen for v in self.vouchers if v.state in UNUSED)

    @property
    def slack_fen(self) -> int:
        """What redemptions did not use and the sweep has not yet set free."""
        return sum(v.slack_fen for v in self.vouchers if v.state not in UNUSED)

    @property
    def redeemed_net_fen(self) -> int:
        """Fiscal money given for orders and not taken back."""
        return sum(r.amounts.fiscal_part_fen for r in self.redemptions) - sum(
            r.amounts.fiscal_part_fen for r in self.refunds
        )


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


def check_all(snapshot: Snapshot) -> list[Check]:
    """Every promise that can be counted from the tables, in the order of their numbers."""
    return [
        _funds_close(snapshot),
        _nothing_negative(snapshot),
        _parts_add_up(snapshot),
        _stock_closes(snapshot),
        _one_redemption(snapshot),
        _limits_hold(snapshot),
        _settled_once(snapshot),
        _returned_once(snapshot),
        _guard_and_record(snapshot),
    ]


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


def _funds_close(snapshot: Snapshot) -> Check:
    funds = snapshot.funds
    places = {
        "unallocated_fen": funds.unallocated_fen,
        "pots_fen": sum(pool.pot_fen for pool in snapshot.pools),
        "available_fen": sum(s.available * s.unit_reserve_fen for s in snapshot.shards),
        "outstanding_fen": snapshot.outstanding_fen,
        "slack_fen": snapshot.slack_fen,
        "redeemed_net_fen": snapshot.redeemed_net_fen,
        "lapsed_fen": sum(s.lapsed_fen for s in snapshot.shards),
        "returned_fen": funds.returned_fen,
    }
    found_fen = sum(places.values())
    return _check(
        1,
        "FUNDS_CLOSE",
        Text(
            zh="拨款 = 未分配 + 券池 + 已发未用 + 净核销 + 已失效未划转 + 已退回，逐分相等",
            en="appropriated = unallocated + in pools + outstanding + redeemed net + lapsed + "
            "returned, to the fen",
        ),
        {"appropriated_fen": funds.appropriated_fen, "found_fen": found_fen, **places},
        drift_fen=funds.appropriated_fen - found_fen,
    )


def _nothing_negative(snapshot: Snapshot) -> Check:
    negative: dict[str, int] = {}

    def look(name: str, fen: int, *, unit_fen: int = 1) -> None:
        if fen < 0:
            negative[name] = -fen * unit_fen

    look("campaign unallocated", snapshot.funds.unallocated_fen)
    look("campaign returned", snapshot.funds.returned_fen)
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
    buckets = 2 + len(snapshot.pools) + 4 * len(snapshot.shards) + 2 * len(snapshot.vouchers)
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


def _stock_closes(snapshot: Snapshot) -> Check:
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
        odd += abs(shard.issued - vouchers[shard.shard_id])
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
    used = _used_limits(snapshot, limits)
    over = [
        f"{identity_ref} {name}: {count}"
        for (identity_ref, name), count in used.items()
        if count > limits[name].max_count
    ]
    return _check(
        6,
        "LIMITS_HOLD",
        Text(zh="没有人超过任何一项限额", en="no person is over any limit"),
        {"identities": len(snapshot.persons), "counters": len(used)},
        offenders=over,
    )


def _used_limits(snapshot: Snapshot, limits: dict[str, PersonCounter]) -> Counter[tuple[str, str]]:
    """How often each identity used each limit, by vouchers and entries; fills in the limits."""
    used: Counter[tuple[str, str]] = Counter()

    def count(identity_refs: Iterable[str], counters: Iterable[PersonCounter]) -> None:
        for counter in counters:
            limits[counter.name] = counter
            used.update((identity_ref, counter.name) for identity_ref in identity_refs)

    refs: dict[str, tuple[str, ...]] = {}
    for voucher in snapshot.vouchers:
        refs[voucher.voucher_id] = voucher.identity_refs
        if not voucher.counts_for_limits:
            continue
        count(
            voucher.identity_refs,
            claim_counters(
                snapshot.campaign,
                round_id=voucher.round_id,
                voucher_type_id=voucher.voucher_type_id,
                platform_id=voucher.platform_id,
            ),
        )
    for redemption in snapshot.redemptions:
        if not redemption.was_refunded_at_once:
            count(
                refs.get(redemption.voucher_id, ()),
                redemption_counters(
                    snapshot.campaign,
                    merchant_id=redemption.merchant_id,
                    on=redemption.business_on,
                ),
            )
    return used


def _settled_once(snapshot: Snapshot) -> Check:
    entered: Counter[tuple[str, date]] = Counter()
    for redemption in snapshot.redemptions:
        day = redemption.platform_id, redemption.business_on
        entered[day] += redemption.amounts.fiscal_part_fen
    for refund in snapshot.refunds:
        entered[refund.platform_id, refund.business_on] -= refund.amounts.fiscal_part_fen
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
    settled_fen = sum(settled.values())
    noted_fen = snapshot.funds.settled_fen
    return _check(
        7,
        "SETTLED_ONCE",
        Text(
            zh="每个结算单只付一次且不再变动，结算与调整之和等于已结算日期的净核销",
            en="each settlement is payable once and never changes; settlements and adjustments "
            "add up to what was redeemed net on the days settled",
        ),
        {
            "statements": len(snapshot.settlements),
            "settled_fen": settled_fen,
            "noted_fen": noted_fen,
            "redeemed_net_fen": snapshot.redeemed_net_fen,
        },
        drift_fen=sum(wrong.values()) + abs(noted_fen - settled_fen),
        offenders=[*wrong, *repeated],
    )


def _returned_once(snapshot: Snapshot) -> Check:
    returned_fen = sum(each.amount_fen for each in snapshot.returns)
    funds = snapshot.funds
    # Never more than the source paid in, less what it was used for.
    most_fen = funds.appropriated_fen - snapshot.redeemed_net_fen
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
    offenders = [
        *_entries_apart(snapshot),
        *_persons_apart(snapshot),
        *_grants_apart(snapshot),
        *_earnings_apart(snapshot),
    ]
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
        offenders=offenders,
    )


def _entries_apart(snapshot: Snapshot) -> Iterator[str]:
    """Redeemed vouchers without their redemption, and entries without what they are about."""
    vouchers = {voucher.voucher_id: voucher for voucher in snapshot.vouchers}
    redemptions = {redemption.redemption_id: redemption for redemption in snapshot.redemptions}
    for voucher in snapshot.vouchers:
        if voucher.redemption_id is None:
            if voucher.state is VoucherState.REDEEMED:
                yield f"{voucher.voucher_id} is redeemed by nothing"
            continue
        entry = redemptions.get(voucher.redemption_id)
        if entry is None or entry.voucher_id != voucher.voucher_id:
            yield f"{voucher.voucher_id} names a redemption that is not its own"
        elif voucher.state is not VoucherState.REDEEMED and not entry.was_refunded_at_once:
            yield f"{voucher.voucher_id} is {voucher.state} but its redemption stands"
    for redemption in snapshot.redemptions:
        voucher_of = vouchers.get(redemption.voucher_id)
        if voucher_of is None or (
            redemption.is_live and voucher_of.redemption_id != redemption.redemption_id
        ):
            yield f"{redemption.redemption_id} has no voucher that it redeemed"
    for refund in snapshot.refunds:
        if refund.redemption_id not in redemptions:
            yield f"{refund.redemption_id} {refund.refund_no} refunds nothing"


def _persons_apart(snapshot: Snapshot) -> Iterator[str]:
    """Identities whose lists or counters are not those of their vouchers and redemptions."""
    used = _used_limits(snapshot, {})
    listed: defaultdict[str, list[str]] = defaultdict(list)
    for voucher in snapshot.vouchers:
        for identity_ref in voucher.identity_refs:
            listed[identity_ref].append(voucher.voucher_id)
    persons = {person.identity_ref: person for person in snapshot.persons}
    for identity_ref in persons.keys() | listed.keys():
        person = persons.get(identity_ref)
        if person is None or sorted(person.voucher_ids) != sorted(listed[identity_ref]):
            yield f"{identity_ref} does not list its vouchers"
    for person in snapshot.persons:
        for name, count in person.counters.items():
            if count != used[person.identity_ref, name]:
                yield f"{person.identity_ref} counts {count} for {name}"
    for identity_ref, name in used:
        counted = persons[identity_ref].counters if identity_ref in persons else {}
        if name not in counted:
            yield f"{identity_ref} does not count {name}"


def _grants_apart(snapshot: Snapshot) -> Iterator[str]:
    """Grants whose totals are not those of their rows, and rows without their voucher."""
    vouchers = {voucher.voucher_id for voucher in snapshot.vouchers}
    for grant in snapshot.grants:
        ended = {state: len(ids) for state, ids in grant.by_state.items()}
        if grant.rows != sum(ended.values()):
            yield f"grant {grant.grant_id} lists {grant.rows}, but has {sum(ended.values())} rows"
        for state, total in (
            (RowState.GRANTED, grant.granted),
            (RowState.REFUSED, grant.refused),
        ):
            if ended.get(state, 0) != total:
                yield f"grant {grant.grant_id} counts {total} {state}, not {ended.get(state, 0)}"
            if total and not grant.is_approved:
                yield f"grant {grant.grant_id} was carried out without approval"
        for state, ids in grant.by_state.items():
            for voucher_id in ids:
                if (voucher_id in vouchers) != (state is RowState.GRANTED):
                    yield f"grant {grant.grant_id}: {voucher_id} is {state}"


def _earnings_apart(snapshot: Snapshot) -> Iterator[str]:
    """Earned vouchers without the order that earns them, and orders without their voucher."""
    rules = {
        voucher_type.voucher_type_id: voucher_type.earned_by
        for voucher_type in snapshot.campaign.voucher_types
        if voucher_type.earned_by is not None
    }
    vouchers = {v.voucher_id: v for v in snapshot.vouchers if v.voucher_type_id in rules}
    redemptions = {redemption.redemption_id: redemption for redemption in snapshot.redemptions}
    earnings = {earning.voucher_id: earning for earning in snapshot.earnings}
    for voucher_id in vouchers.keys() - earnings.keys():
        yield f"{voucher_id} was earned by no order"
    for redemption in snapshot.redemptions:
        earned = earnings.get(redemption.earned_voucher_id or "")
        if redemption.earned_voucher_id is not None and (
            earned is None or earned.redemption_id != redemption.redemption_id
        ):
            yield f"{redemption.redemption_id} names a voucher that it did not earn"
    for earning in snapshot.earnings:
        voucher = vouchers.get(earning.voucher_id)
        if voucher is None:
            yield f"order {earning.order_no} has no voucher that it earned"
            continue
        order = redemptions.get(earning.redemption_id or "")
        yield from _earning_apart(earning, order)
        left = _left_of(earning, order)
        yield from _not_taken_back(voucher, left, rules[voucher.voucher_type_id])


def _earning_apart(earning: CountedEarning, order: CountedRedemption | None) -> Iterator[str]:
    """An earning whose redemption does not know of it, or whose refunds are not those it counts."""
    if earning.redemption_id is not None:
        if order is None or order.earned_voucher_id != earning.voucher_id:
            yield f"{earning.redemption_id} does not know that it earned {earning.voucher_id}"
    elif (
        len(earning.refunds_fen) != earning.refund_count
        or sum(earning.refunds_fen) != earning.refunded.paid_fen
        or any(fen < 0 for fen in _left_of(earning, None).values())
    ):
        yield f"order {earning.order_no} has other refunds than it counts"


def _not_taken_back(voucher: CountedVoucher, left: Amounts, rule: EarningRule) -> Iterator[str]:
    """A voucher that is there although too little of its order is left, or the other way round."""
    base_fen = base_of(
        rule.threshold_base,
        after_discounts_fen=left.refundable_fen,
        platform_discount_fen=left.platform_discount_fen,
        merchant_discount_fen=left.merchant_discount_fen,
    )
    is_earned = base_fen >= rule.threshold_fen
    is_used = voucher.state is VoucherState.REDEEMED and not voucher.is_forfeited
    if is_earned and voucher.is_forfeited:
        yield f"{voucher.voucher_id} is forfeited, but its order stands"
    if not is_earned and (voucher.state in UNUSED or is_used):
        yield f"{voucher.voucher_id} was not taken back"


def _left_of(earning: CountedEarning, order: CountedRedemption | None) -> Amounts:
    """What refunds have left of the order that earned."""
    whole, refunded = earning.amounts, earning.refunded
    if order is not None:
        whole, refunded = order.amounts, order.refunded
    return Amounts(*(a - b for a, b in zip(whole.values(), refunded.values(), strict=True)))
