"""Vouchers that orders earn (消费送券), and what becomes of them when such an order is refunded.

    order, redeemed or plain ──earns──> voucher, once
         │
         └─refunded below the threshold─> the voucher, if unused: VOIDED, and the limits that it
                                          counted for are given back
                                          if used: forfeited, so that a refund of the order that
                                          it was used for does not bring it back

Without the second, an order could be refunded while its voucher is in use, and the voucher come
back when that use is refunded too: money for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from functions.shared.domain.campaign import Campaign, EarningRule
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.limits import PersonCounter, claim_counters
from functions.shared.domain.money import NO_PARTS
from functions.shared.domain.orders import Order, base_of
from functions.shared.domain.refund_policies import PartPolicy
from functions.shared.domain.refunds import (
    NOTHING_REFUNDED,
    Redeemed,
    Refunded,
    plan_refund,
)
from functions.shared.domain.vouchers import TimelineEntry, Voucher, VoucherEvent, VoucherState


@dataclass(frozen=True, slots=True)
class Earning:
    """That an order earned a voucher.

    Of an order that redeemed a voucher the ledger has amounts and refunds, under `redemption_id`.
    Those of a plain order are here: `amounts`, and its refunds in `refunded` and `refund_count`.
    """

    voucher_id: str
    campaign_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    order_no: str
    merchant_id: str
    redemption_id: str | None
    amounts: Redeemed | None
    content_hash: str
    recorded_at: datetime
    refunded: Refunded = NOTHING_REFUNDED
    refund_count: int = 0


@dataclass(frozen=True, slots=True)
class EarningRefund:
    """A refund of a plain order that earned a voucher.

    `base_left_fen` is what was left of the order, `voucher_state` the earned voucher, right after.
    """

    voucher_id: str
    refund_no: str
    campaign_id: str
    platform_id: str
    refund_fen: int
    base_left_fen: int
    voucher_state: VoucherState
    content_hash: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class TakeBack:
    """What the refund of an order makes of the voucher that it earned.

    Args:
        voucher: as it was read.
        state: the one that it has then.
        told: the line of its timeline.
        lapsed_fen: money that its shard gets back.
        counters: the limits that it gives back; empty where it was used.

    """

    voucher: Voucher
    state: VoucherState
    told: TimelineEntry
    lapsed_fen: int
    counters: tuple[PersonCounter, ...]

    @property
    def forfeits(self) -> bool:
        """Whether the voucher counts as forfeited then; one that had ended does not."""
        return self.state is not VoucherState.EXPIRED


def plain_order(order: Order) -> Redeemed:
    """The amounts of an order that no voucher pays a part of.

    Raises:
        HuiminError: ORDER_AMOUNTS_INVALID, if there is nothing to pay.

    """
    if order.after_discounts_fen < 1:
        raise HuiminError(
            Code.ORDER_AMOUNTS_INVALID,
            order_fen=order.order_fen,
            merchant_discount_fen=order.merchant_discount_fen,
            platform_discount_fen=order.platform_discount_fen,
        )
    return Redeemed(
        order_fen=order.order_fen,
        merchant_discount_fen=order.merchant_discount_fen,
        platform_discount_fen=order.platform_discount_fen,
        voucher_fen=0,
        paid_fen=order.after_discounts_fen,
        parts=NO_PARTS,
    )


def base_left_fen(rule: EarningRule, amounts: Redeemed, refunded: Refunded) -> int:
    """What refunds have left of the amount that the rule looks at; it only falls."""
    return base_of(
        rule.threshold_base,
        after_discounts_fen=amounts.refundable_fen - refunded.refunded_fen,
        platform_discount_fen=amounts.platform_discount_fen - refunded.platform_discount_fen,
        merchant_discount_fen=amounts.merchant_discount_fen - refunded.merchant_discount_fen,
    )


def require_earns(rule: EarningRule, amounts: Redeemed, refunded: Refunded) -> None:
    """Passes when what is left of the order earns the voucher.

    Raises:
        HuiminError: BELOW_THRESHOLD.

    """
    left_fen = base_left_fen(rule, amounts, refunded)
    if left_fen < rule.threshold_fen:
        raise HuiminError(
            Code.BELOW_THRESHOLD,
            base_fen=left_fen,
            threshold_fen=rule.threshold_fen,
            threshold_base=rule.threshold_base,
        )


def after_plain_refund(amounts: Redeemed, already: Refunded, refund_fen: int) -> Refunded:
    """The totals of a plain order's refunds with one more.

    Raises:
        HuiminError: REFUND_EXCEEDS_REDEMPTION.

    """
    # Where no voucher paid, all policies are the same.
    return plan_refund(amounts, already, refund_fen=refund_fen, policy=PartPolicy.PRO_RATA).after


def rule_of(campaign: Campaign, voucher_type_id: str) -> EarningRule:
    """Which orders earn that voucher type, which is EARNED."""
    voucher_type = campaign.voucher_type(voucher_type_id)
    assert voucher_type is not None, voucher_type_id  # noqa: S101 - approved rules stay
    assert voucher_type.earned_by is not None, voucher_type_id  # noqa: S101 - checked at approval
    return voucher_type.earned_by


def take_back(
    voucher: Voucher,
    campaign: Campaign,
    amounts: Redeemed,
    after: Refunded,
    *,
    refund_no: str,
    now: datetime,
) -> TakeBack | None:
    """What a refund of the order makes of the earned voucher; None where it stays as it is.

    Args:
        voucher: that the order earned.
        campaign: whose it is.
        amounts: the order's.
        after: all its refunds, this one included.
        refund_no: of this one.
        now: its time.

    """
    rule = rule_of(campaign, voucher.voucher_type_id)
    if base_left_fen(rule, amounts, after) >= rule.threshold_fen or voucher.is_forfeited:
        return None
    match voucher.state:
        case VoucherState.REDEEMED:
            told = TimelineEntry(now, VoucherEvent.FORFEITED, refund_no)
            return TakeBack(voucher, VoucherState.REDEEMED, told, lapsed_fen=0, counters=())
        case VoucherState.ISSUED | VoucherState.HELD if now >= voucher.valid_until:
            # The sweep's work, done early: so an order below its threshold has no unused voucher.
            told = TimelineEntry(now, VoucherEvent.EXPIRED)
            return TakeBack(voucher, VoucherState.EXPIRED, told, voucher.reserve_fen, counters=())
        case VoucherState.ISSUED | VoucherState.HELD:
            told = TimelineEntry(now, VoucherEvent.TAKEN_BACK, refund_no)
            return TakeBack(
                voucher,
                VoucherState.VOIDED,
                told,
                voucher.reserve_fen,
                given_back(voucher, campaign),
            )
        case _:
            return None


def given_back(voucher: Voucher, campaign: Campaign) -> tuple[PersonCounter, ...]:
    """The limits that a forfeited voucher gives back when it is void: as if never earned."""
    return claim_counters(
        campaign,
        round_id=voucher.round_id,
        voucher_type_id=voucher.voucher_type_id,
        platform_id=voucher.platform_id,
    )


def earned_state(earned: Voucher, taken: TakeBack | None, now: datetime) -> VoucherState:
    """The earned voucher's state after a refund, for the answer."""
    return replace(earned, state=taken.state).state_at(now) if taken else earned.state_at(now)
