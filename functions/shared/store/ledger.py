"""The ledger: redemptions and refunds, each put in the transaction that moves its voucher.

redeem    redemption put (the guard) · voucher REDEEMED · the person's merchant limits
refund    refund put (the guard) · redemption's refunded totals · voucher by policy · shards'
          lapsed money where it does not stay with a voucher · limits given back · the voucher
          that the order earned, where too little of the order is left
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pynamodb.expressions.condition import Condition

from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.earnings import TakeBack
from functions.shared.domain.fates import Fate
from functions.shared.domain.ledger import DAY_SEGMENTS, Redemption, Refund, day_segment
from functions.shared.domain.limits import PersonCounter, add_up
from functions.shared.domain.money import FundingParts
from functions.shared.domain.refunds import Redeemed, Refunded
from functions.shared.domain.vouchers import TimelineEntry, Voucher, VoucherEvent, VoucherState
from functions.shared.store.connection import Database
from functions.shared.store.persons import count_person, limit_reached, uncount_person
from functions.shared.store.tables import LedgerItem, VoucherItem
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import add_lapsed, forfeited_as, taken_back, told, usable_by

REDEEM = "REDEEM"
REFUND = "REFUND"


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """All that one refund changes.

    Args:
        refund: the entry to put.
        after: the redemption's refunded totals with it.
        fate: what becomes of the voucher and of the fiscal money.
        counters: merchant limits to give back; empty for a part refund.
        taken: what becomes of the voucher that the order earned.

    """

    refund: Refund
    after: Refunded
    fate: Fate
    counters: Sequence[PersonCounter]
    taken: TakeBack | None = None


class LedgerStore:
    """Entries by redemption and by business day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def redemption(self, redemption_id: str) -> Redemption | None:
        """The redemption with its refunded totals, strongly consistent."""
        item = self._database.get(LedgerItem, redemption_id, REDEEM)
        return redemption_of(item) if item else None

    def with_refunds(self, redemption_id: str) -> tuple[Redemption | None, list[Refund]]:
        """The redemption and its refunds in order of recording."""
        redemption, refunds = None, []
        for item in self._database.query(LedgerItem, redemption_id):
            if item.entry_type == REDEEM:
                redemption = redemption_of(item)
            else:
                refunds.append(refund_of(item))
        return redemption, sorted(refunds, key=lambda r: (r.recorded_at, r.refund_no))

    def refund(self, redemption_id: str, refund_no: str) -> Refund | None:
        """One refund, strongly consistent."""
        item = self._database.get(LedgerItem, redemption_id, refund_key(refund_no))
        return refund_of(item) if item else None

    def of_day(self, campaign_id: str, platform_id: str, on: date) -> Iterator[Redemption | Refund]:
        """Every entry recorded on a business date for a platform, by segment, then by time.

        Read from an index: what was written in the last moments may be missing.
        """
        for segment in range(DAY_SEGMENTS):
            bucket = day_bucket(campaign_id, platform_id, on, segment)
            for item in self._database.query(LedgerItem.by_day, bucket):
                yield redemption_of(item) if item.entry_type == REDEEM else refund_of(item)

    def commit_redemption(
        self, redemption: Redemption, voucher: Voucher, counters: Sequence[PersonCounter]
    ) -> Redemption | None:
        """Redeems the voucher for the order; the stored redemption where the order was used before.

        None when it is redeemed now.

        Raises:
            HuiminError: PERSON_LIMIT_REACHED for a merchant limit.
            Cancelled: the voucher's stored state does not allow it; read it again to learn why.
            Busy: contention outlasted the retries.

        """
        now = redemption.recorded_at
        transaction = self._database.transaction("redeem")
        transaction.put(
            "entry",
            _redemption_item(redemption),
            LedgerItem.entry_key.does_not_exist(),
            guard=True,
        )
        transaction.update(
            "voucher",
            VoucherItem(voucher.voucher_id),
            [
                VoucherItem.state.set(VoucherState.REDEEMED.value),
                VoucherItem.order_no.set(redemption.order_no),
                VoucherItem.redemption_id.set(redemption.redemption_id),
                VoucherItem.slack_fen.set(
                    voucher.reserve_fen - redemption.amounts.parts.fiscal_fen
                ),
                VoucherItem.held_until.remove(),
                told(TimelineEntry(now, VoucherEvent.REDEEMED, redemption.order_no)),
            ],
            (VoucherItem.platform_id == redemption.platform_id)
            & usable_by(redemption.order_no, now),
        )
        labels = count_person(transaction, voucher.campaign_id, voucher.identity_refs, counters)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("entry", LedgerItem)
            if stored is not None:
                return redemption_of(stored)
            if not cancelled.failed("voucher"):
                reached = limit_reached(cancelled, labels, counters)
                if reached is not None:
                    raise reached from cancelled
            raise
        return None

    def commit_refund(
        self, plan: RefundPlan, redemption: Redemption, voucher: Voucher
    ) -> Refund | None:
        """Refunds; the stored refund where that number was used before, None when it is done now.

        Raises:
            Cancelled: another refund of the redemption, or the sweep, came in between; read both
                again and plan anew.
            Busy: contention outlasted the retries.

        """
        refund = plan.refund
        transaction = self._database.transaction("refund")
        transaction.put(
            "entry", _refund_item(refund), LedgerItem.entry_key.does_not_exist(), guard=True
        )
        transaction.update(
            "redemption",
            LedgerItem(redemption.redemption_id, REDEEM),
            [
                LedgerItem.refund_count.set(redemption.refund_count + 1),
                *_refunded_actions(plan.after),
            ],
            # What is reversed follows from the totals that were read, so they must still stand.
            order_as_read(redemption),
        )
        event = VoucherEvent.REFUNDED
        if refund.voucher_state is VoucherState.ISSUED:
            event = VoucherEvent.RESTORED
        transaction.update(
            "voucher",
            VoucherItem(voucher.voucher_id),
            [
                VoucherItem.state.set(refund.voucher_state.value),
                VoucherItem.slack_fen.set(plan.fate.slack_fen),
                told(TimelineEntry(refund.recorded_at, event, refund.refund_no)),
            ],
            (VoucherItem.state == VoucherState.REDEEMED.value)
            & (VoucherItem.redemption_id == redemption.redemption_id)
            & (VoucherItem.slack_fen == voucher.slack_fen)
            & forfeited_as(voucher),
        )
        lapsed = Counter({voucher.shard_id: plan.fate.lapsed_fen})
        counters = plan.counters
        if plan.taken is not None:
            taken_back(transaction, plan.taken)
            # Of the same person, and perhaps of the same shard: no item may stand here twice.
            lapsed[plan.taken.voucher.shard_id] += plan.taken.lapsed_fen
            counters = add_up([*counters, *plan.taken.counters])
        add_lapsed(transaction, lapsed)
        uncount_person(transaction, voucher.campaign_id, voucher.identity_refs, counters)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("entry", LedgerItem)
            if stored is not None:
                return refund_of(stored)
            raise
        return None


def order_as_read(redemption: Redemption) -> Condition:
    """The redemption has the refunds, and has earned the voucher or none, with which it was read.

    So a refund and the earning of a voucher never pass each other by.
    """
    earned: Condition = LedgerItem.earned_voucher_id.does_not_exist()
    if redemption.earned_voucher_id is not None:
        earned = LedgerItem.earned_voucher_id == redemption.earned_voucher_id
    as_read: Condition = (
        (LedgerItem.refund_count == redemption.refund_count)
        & (LedgerItem.refunded_fen == redemption.refunded.refunded_fen)
        & earned
    )
    return as_read


def refund_key(refund_no: str) -> str:
    """The range key of a refund under its redemption."""
    return f"{REFUND}#{refund_no}"


def day_bucket(campaign_id: str, platform_id: str, on: date, segment: int) -> str:
    """The index key of entries recorded on a business date, one of DAY_SEGMENTS."""
    return f"{campaign_id}#{platform_id}#{on.isoformat()}#{segment:02d}"


def _day_keys(entry: Redemption | Refund, entry_key: str) -> dict[str, Any]:
    segment = day_segment(entry.order_no)
    return {
        "business_on": entry.business_on.isoformat(),
        "day_bucket": day_bucket(entry.campaign_id, entry.platform_id, entry.business_on, segment),
        "recorded_key": f"{to_rfc3339(entry.recorded_at)}#{entry.redemption_id}#{entry_key}",
    }


def _common(entry: Redemption | Refund) -> dict[str, Any]:
    return {
        "campaign_id": entry.campaign_id,
        "round_id": entry.round_id,
        "voucher_type_id": entry.voucher_type_id,
        "platform_id": entry.platform_id,
        "voucher_id": entry.voucher_id,
        "person_ref": entry.person_ref,
        "merchant_id": entry.merchant_id,
        "industry": entry.industry,
        "size_class": entry.size_class,
        "order_no": entry.order_no,
        "content_hash": entry.content_hash,
        "recorded_at": entry.recorded_at,
    }


def _redemption_item(redemption: Redemption) -> LedgerItem:
    amounts, refunded = redemption.amounts, redemption.refunded
    return LedgerItem(
        redemption.redemption_id,
        REDEEM,
        entry_type=REDEEM,
        redeemed_on=redemption.business_on.isoformat(),
        order_fen=amounts.order_fen,
        merchant_discount_fen=amounts.merchant_discount_fen,
        platform_discount_fen=amounts.platform_discount_fen,
        voucher_fen=amounts.voucher_fen,
        paid_fen=amounts.paid_fen,
        fiscal_part_fen=amounts.parts.fiscal_fen,
        platform_part_fen=amounts.parts.platform_fen,
        merchant_part_fen=amounts.parts.merchant_fen,
        refund_count=redemption.refund_count,
        refunded_fen=refunded.refunded_fen,
        refunded_voucher_fen=refunded.voucher_fen,
        refunded_paid_fen=refunded.paid_fen,
        refunded_merchant_discount_fen=refunded.merchant_discount_fen,
        refunded_platform_discount_fen=refunded.platform_discount_fen,
        refunded_fiscal_part_fen=refunded.parts.fiscal_fen,
        refunded_platform_part_fen=refunded.parts.platform_fen,
        refunded_merchant_part_fen=refunded.parts.merchant_fen,
        **_common(redemption),
        **_day_keys(redemption, REDEEM),
    )


def _refunded_actions(after: Refunded) -> list[Any]:
    return [
        LedgerItem.refunded_fen.set(after.refunded_fen),
        LedgerItem.refunded_voucher_fen.set(after.voucher_fen),
        LedgerItem.refunded_paid_fen.set(after.paid_fen),
        LedgerItem.refunded_merchant_discount_fen.set(after.merchant_discount_fen),
        LedgerItem.refunded_platform_discount_fen.set(after.platform_discount_fen),
        LedgerItem.refunded_fiscal_part_fen.set(after.parts.fiscal_fen),
        LedgerItem.refunded_platform_part_fen.set(after.parts.platform_fen),
        LedgerItem.refunded_merchant_part_fen.set(after.parts.merchant_fen),
    ]


def _refund_item(refund: Refund) -> LedgerItem:
    entry_key = refund_key(refund.refund_no)
    return LedgerItem(
        refund.redemption_id,
        entry_key,
        entry_type=REFUND,
        refund_no=refund.refund_no,
        redeemed_on=refund.redeemed_on.isoformat(),
        order_fen=refund.order_fen,
        merchant_discount_fen=refund.merchant_discount_fen,
        platform_discount_fen=refund.platform_discount_fen,
        voucher_fen=refund.voucher_fen,
        paid_fen=refund.paid_fen,
        fiscal_part_fen=refund.parts.fiscal_fen,
        platform_part_fen=refund.parts.platform_fen,
        merchant_part_fen=refund.parts.merchant_fen,
        voucher_state=refund.voucher_state.value,
        **_common(refund),
        **_day_keys(refund, entry_key),
    )


def _parts(item: LedgerItem) -> FundingParts:
    return FundingParts(
        fiscal_fen=item.fiscal_part_fen,
        platform_fen=item.platform_part_fen,
        merchant_fen=item.merchant_part_fen,
    )


def redemption_of(item: LedgerItem) -> Redemption:
    """The redemption that an item holds."""
    return Redemption(
        redemption_id=item.redemption_id,
        campaign_id=item.campaign_id,
        round_id=item.round_id,
        voucher_type_id=item.voucher_type_id,
        platform_id=item.platform_id,
        voucher_id=item.voucher_id,
        person_ref=item.person_ref,
        merchant_id=item.merchant_id,
        industry=item.industry,
        size_class=item.size_class,
        order_no=item.order_no,
        content_hash=item.content_hash,
        recorded_at=item.recorded_at,
        business_on=date.fromisoformat(item.business_on),
        amounts=Redeemed(
            order_fen=item.order_fen,
            merchant_discount_fen=item.merchant_discount_fen,
            platform_discount_fen=item.platform_discount_fen,
            voucher_fen=item.voucher_fen,
            paid_fen=item.paid_fen,
            parts=_parts(item),
        ),
        refunded=Refunded(
            refunded_fen=item.refunded_fen or 0,
            voucher_fen=item.refunded_voucher_fen or 0,
            paid_fen=item.refunded_paid_fen or 0,
            parts=FundingParts(
                fiscal_fen=item.refunded_fiscal_part_fen or 0,
                platform_fen=item.refunded_platform_part_fen or 0,
                merchant_fen=item.refunded_merchant_part_fen or 0,
            ),
            merchant_discount_fen=item.refunded_merchant_discount_fen or 0,
            platform_discount_fen=item.refunded_platform_discount_fen or 0,
        ),
        refund_count=item.refund_count or 0,
        earned_voucher_id=item.earned_voucher_id,
    )


def refund_of(item: LedgerItem) -> Refund:
    """The refund that an item holds."""
    return Refund(
        redemption_id=item.redemption_id,
        refund_no=item.refund_no or "",
        campaign_id=item.campaign_id,
        round_id=item.round_id,
        voucher_type_id=item.voucher_type_id,
        platform_id=item.platform_id,
        voucher_id=item.voucher_id,
        person_ref=item.person_ref,
        merchant_id=item.merchant_id,
        industry=item.industry,
        size_class=item.size_class,
        order_no=item.order_no,
        content_hash=item.content_hash,
        recorded_at=item.recorded_at,
        business_on=date.fromisoformat(item.business_on),
        redeemed_on=date.fromisoformat(item.redeemed_on),
        voucher_fen=item.voucher_fen,
        paid_fen=item.paid_fen,
        merchant_discount_fen=item.merchant_discount_fen,
        platform_discount_fen=item.platform_discount_fen,
        parts=_parts(item),
        voucher_state=VoucherState(item.voucher_state or VoucherState.REDEEMED),
    )
