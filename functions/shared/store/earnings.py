"""Earned vouchers: that an order earned one, and the refunds of plain orders.

earn      all of a claim (`shared.store.claims`) · earning put · the order: its redemption notes
          the voucher; or no redemption is there
refund    refund put (the guard) · the earning's refunded totals · the voucher, its shard and its
          person, where too little of the order is left

The refund of an order that redeemed a voucher is `shared.store.ledger`'s, which does the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.shared.domain.earnings import Earning, EarningRefund, TakeBack
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.money import NO_PARTS
from functions.shared.domain.refunds import Redeemed, Refunded
from functions.shared.domain.vouchers import VoucherState
from functions.shared.store.claims import Also
from functions.shared.store.connection import Database
from functions.shared.store.ledger import REDEEM, order_as_read, refund_key
from functions.shared.store.persons import uncount_person
from functions.shared.store.tables import EarningItem, LedgerItem
from functions.shared.store.transaction import Cancelled, Transaction
from functions.shared.store.vouchers import add_lapsed, taken_back

EARN = "EARN"


@dataclass(frozen=True, slots=True)
class EarningRefundPlan:
    """All that the refund of a plain order changes.

    Args:
        refund: the entry to put.
        earning: as it was read.
        after: its refunded totals with it.
        taken: what becomes of the voucher.

    """

    refund: EarningRefund
    earning: Earning
    after: Refunded
    taken: TakeBack | None


class EarningStore:
    """Earnings and their refunds by voucher."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, voucher_id: str) -> Earning | None:
        """The earning, strongly consistent."""
        item = self._database.get(EarningItem, voucher_id, EARN)
        return earning_of(item) if item else None

    def refund(self, voucher_id: str, refund_no: str) -> EarningRefund | None:
        """One refund, strongly consistent."""
        item = self._database.get(EarningItem, voucher_id, refund_key(refund_no))
        return earning_refund_of(item) if item else None

    def with_refunds(self, voucher_id: str) -> tuple[Earning | None, list[EarningRefund]]:
        """The earning, and the refunds of a plain order in order of recording."""
        earning, refunds = None, []
        for item in self._database.query(EarningItem, voucher_id):
            if item.entry_key == EARN:
                earning = earning_of(item)
            else:
                refunds.append(earning_refund_of(item))
        return earning, sorted(refunds, key=lambda each: (each.recorded_at, each.refund_no))

    def earning(self, earning: Earning, redemption_id: str, redemption: Redemption | None) -> Also:
        """What the claim of an earned voucher writes besides.

        It is cancelled where the order is not as it was read: refunded, or redeemed, in between.

        Args:
            earning: to put.
            redemption_id: of the order, whether or not there is one.
            redemption: the order's, as it was read; None for a plain order.

        """

        def also(transaction: Transaction) -> None:
            transaction.put("earning", _item(earning), EarningItem.entry_key.does_not_exist())
            if redemption is None:
                transaction.check(
                    "order",
                    LedgerItem,
                    redemption_id,
                    REDEEM,
                    condition=LedgerItem.entry_key.does_not_exist(),
                )
                return
            transaction.update(
                "order",
                LedgerItem(redemption_id, REDEEM),
                [LedgerItem.earned_voucher_id.set(earning.voucher_id)],
                order_as_read(redemption),
            )

        return also

    def commit_refund(
        self, plan: EarningRefundPlan, identity_refs: Sequence[str]
    ) -> EarningRefund | None:
        """Refunds; the stored refund where that number was used before, None when it is done now.

        Raises:
            Cancelled: the order or its voucher has changed; read both again and plan anew.
            Busy: contention outlasted the retries.

        """
        refund, earning = plan.refund, plan.earning
        transaction = self._database.transaction("refund_earning")
        transaction.put(
            "entry", _refund_item(refund), EarningItem.entry_key.does_not_exist(), guard=True
        )
        transaction.update(
            "earning",
            EarningItem(earning.voucher_id, EARN),
            [
                EarningItem.refund_count.set(earning.refund_count + 1),
                EarningItem.refunded_fen.set(plan.after.refunded_fen),
                EarningItem.refunded_merchant_discount_fen.set(plan.after.merchant_discount_fen),
                EarningItem.refunded_platform_discount_fen.set(plan.after.platform_discount_fen),
            ],
            (EarningItem.refund_count == earning.refund_count)
            & (EarningItem.refunded_fen == earning.refunded.refunded_fen),
        )
        if plan.taken is not None:
            taken_back(transaction, plan.taken)
            add_lapsed(transaction, {plan.taken.voucher.shard_id: plan.taken.lapsed_fen})
            uncount_person(transaction, earning.campaign_id, identity_refs, plan.taken.counters)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("entry", EarningItem)
            if stored is not None:
                return earning_refund_of(stored)
            raise
        return None


def _item(earning: Earning) -> EarningItem:
    amounts, refunded = earning.amounts, earning.refunded
    of_the_order: dict[str, Any] = {}
    if amounts is not None:
        of_the_order = {
            "order_fen": amounts.order_fen,
            "merchant_discount_fen": amounts.merchant_discount_fen,
            "platform_discount_fen": amounts.platform_discount_fen,
            "refund_count": earning.refund_count,
            "refunded_fen": refunded.refunded_fen,
            "refunded_merchant_discount_fen": refunded.merchant_discount_fen,
            "refunded_platform_discount_fen": refunded.platform_discount_fen,
        }
    return EarningItem(
        earning.voucher_id,
        EARN,
        campaign_id=earning.campaign_id,
        round_id=earning.round_id,
        voucher_type_id=earning.voucher_type_id,
        platform_id=earning.platform_id,
        order_no=earning.order_no,
        merchant_id=earning.merchant_id,
        redemption_id=earning.redemption_id,
        content_hash=earning.content_hash,
        recorded_at=earning.recorded_at,
        **of_the_order,
    )


def _refund_item(refund: EarningRefund) -> EarningItem:
    return EarningItem(
        refund.voucher_id,
        refund_key(refund.refund_no),
        campaign_id=refund.campaign_id,
        platform_id=refund.platform_id,
        refund_no=refund.refund_no,
        refund_fen=refund.refund_fen,
        base_left_fen=refund.base_left_fen,
        voucher_state=refund.voucher_state.value,
        content_hash=refund.content_hash,
        recorded_at=refund.recorded_at,
    )


def _amounts(item: EarningItem) -> Redeemed | None:
    if not item.order_fen:
        return None
    merchant_fen = item.merchant_discount_fen or 0
    platform_fen = item.platform_discount_fen or 0
    return Redeemed(
        order_fen=item.order_fen,
        merchant_discount_fen=merchant_fen,
        platform_discount_fen=platform_fen,
        voucher_fen=0,
        paid_fen=item.order_fen - merchant_fen - platform_fen,
        parts=NO_PARTS,
    )


def earning_of(item: EarningItem) -> Earning:
    """The earning that an item holds."""
    refunded_fen = item.refunded_fen or 0
    return Earning(
        voucher_id=item.voucher_id,
        campaign_id=item.campaign_id,
        round_id=item.round_id or "",
        voucher_type_id=item.voucher_type_id or "",
        platform_id=item.platform_id,
        order_no=item.order_no or "",
        merchant_id=item.merchant_id or "",
        redemption_id=item.redemption_id,
        amounts=_amounts(item),
        content_hash=item.content_hash,
        recorded_at=item.recorded_at,
        refunded=Refunded(
            refunded_fen=refunded_fen,
            voucher_fen=0,
            paid_fen=refunded_fen,
            parts=NO_PARTS,
            merchant_discount_fen=item.refunded_merchant_discount_fen or 0,
            platform_discount_fen=item.refunded_platform_discount_fen or 0,
        ),
        refund_count=item.refund_count or 0,
    )


def earning_refund_of(item: EarningItem) -> EarningRefund:
    """The refund that an item holds."""
    return EarningRefund(
        voucher_id=item.voucher_id,
        refund_no=item.refund_no or "",
        campaign_id=item.campaign_id,
        platform_id=item.platform_id,
        refund_fen=item.refund_fen or 0,
        base_left_fen=item.base_left_fen or 0,
        voucher_state=VoucherState(item.voucher_state),
        content_hash=item.content_hash,
        recorded_at=item.recorded_at,
    )
