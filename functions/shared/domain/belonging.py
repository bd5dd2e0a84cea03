"""What belongs together is there together: vouchers, entries, persons, grants and earnings.

Each generator names what stands alone: a guard without its record, a record without its guard, or
a total that is not what it counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.campaign import EarningRule
from functions.shared.domain.grants import RowState
from functions.shared.domain.limits import PersonCounter, claim_counters, redemption_counters
from functions.shared.domain.orders import base_of
from functions.shared.domain.snapshot import (
    Amounts,
    CountedEarning,
    CountedRedemption,
    CountedVoucher,
    Snapshot,
)
from functions.shared.domain.vouchers import UNUSED, VoucherState


def all_apart(snapshot: Snapshot) -> Iterator[str]:
    """Everything in the snapshot that lacks what belongs to it."""
    yield from _entries_apart(snapshot)
    yield from _persons_apart(snapshot)
    yield from _grants_apart(snapshot)
    yield from _earnings_apart(snapshot)
    yield from _adjusting_apart(snapshot)


def used_limits(snapshot: Snapshot, limits: dict[str, PersonCounter]) -> dict[str, list[str]]:
    """Each use of a limit by each identity, by vouchers and entries; fills in the limits.

    Returns:
        The limits' names, as often as each was used, by identity. Names are kept once, and lists
        are short: there are millions.

    """
    used: defaultdict[str, list[str]] = defaultdict(list)

    def count(identity_refs: Iterable[str], counters: Iterable[PersonCounter]) -> None:
        for counter in counters:
            name = limits.setdefault(counter.name, counter).name
            for identity_ref in identity_refs:
                used[identity_ref].append(name)

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
    used = used_limits(snapshot, {})
    listed: defaultdict[str, list[str]] = defaultdict(list)
    for voucher in snapshot.vouchers:
        for identity_ref in voucher.identity_refs:
            listed[identity_ref].append(voucher.voucher_id)
    persons = {person.identity_ref: person for person in snapshot.persons}
    none: tuple[str, ...] = ()
    for identity_ref in persons.keys() | listed.keys():
        person = persons.get(identity_ref)
        if person is None or sorted(person.voucher_ids) != sorted(listed[identity_ref]):
            yield f"{identity_ref} does not list its vouchers"
    for person in snapshot.persons:
        found = Counter(used.get(person.identity_ref, none))
        for name, count in person.counters.items():
            if count != found[name]:
                yield f"{person.identity_ref} counts {count} for {name}"
    for identity_ref, names in used.items():
        counted = persons[identity_ref].counters if identity_ref in persons else {}
        for name in set(names) - counted.keys():
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


def _adjusting_apart(snapshot: Snapshot) -> Iterator[str]:
    """Reversals of nothing, breaks adjusted twice at once, and what is held back for none."""
    standing: dict[str, AdjustingEntry] = {}
    for entry in sorted(snapshot.adjusting, key=attrgetter("entry_id")):
        before = standing.pop(entry.break_id, None)
        if entry.parts.total_fen != entry.owed_fen:
            yield f"{entry.entry_id} is not what its sides differ by"
        if entry.is_reversal:
            if before is None or before.parts != -entry.parts:
                yield f"{entry.entry_id} reverses nothing"
            continue
        if before is not None:
            yield f"{entry.entry_id} adjusts a break twice"
        standing[entry.break_id] = entry
    reversible = [entry for entry in standing.values() if not entry.is_final]
    saved_fen = -sum(min(0, entry.parts.fiscal_fen) for entry in reversible)
    # With the closing it was returned.
    expected_fen = 0 if snapshot.returns else saved_fen
    if snapshot.funds.held_back_fen != expected_fen:
        yield f"{snapshot.funds.held_back_fen} fen are held back, not {expected_fen}"
