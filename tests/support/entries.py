"""Ledger entries as values, for rules that need no tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.money import FundingShares, split_funding
from functions.shared.domain.refund_policies import PartPolicy
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed, plan_refund
from functions.shared.domain.vouchers import VoucherState

ON = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
SHARED = FundingShares(fiscal_bp=6_000, platform_bp=2_500, merchant_bp=1_500)


def voucher_id(number: int) -> str:
    """An id of the right shape."""
    letters = "".join("abcdefghij"[int(digit)] for digit in f"{number:08d}")
    return f"v_{letters:a>32}"


def redemption(
    number: int = 1,
    *,
    on: date = ON,
    voucher_fen: int = 2_000,
    paid_fen: int = 5_000,
    voucher: int | None = None,
    campaign_id: str = "spring-2026",
    platform_id: str = "unionpay",
    merchant_id: str = "noodles",
    shares: FundingShares = SHARED,
) -> Redemption:
    """The redemption for order `o-{number}`, so many seconds after noon of its day."""
    return Redemption(
        redemption_id=f"r_{number:032d}",
        campaign_id=campaign_id,
        round_id="r1",
        voucher_type_id="50-20",
        platform_id=platform_id,
        voucher_id=voucher_id(number if voucher is None else voucher),
        person_ref=f"p1_{number}",
        merchant_id=merchant_id,
        industry="dining",
        size_class="MICRO",
        order_no=f"o-{number}",
        content_hash="",
        recorded_at=NOON + (on - ON) + timedelta(seconds=number),
        business_on=on,
        amounts=Redeemed(
            order_fen=voucher_fen + paid_fen + 300,
            merchant_discount_fen=200,
            platform_discount_fen=100,
            voucher_fen=voucher_fen,
            paid_fen=paid_fen,
            parts=split_funding(voucher_fen, shares),
        ),
        refunded=NOTHING_REFUNDED,
    )


def refund(
    of: Redemption, refund_no: str = "f-1", *, on: date | None = None, refund_fen: int = 0
) -> Refund:
    """The first refund of a redemption, pro rata; of the whole unless an amount is given."""
    on = on or of.business_on
    step = plan_refund(
        of.amounts,
        NOTHING_REFUNDED,
        refund_fen=refund_fen or of.amounts.refundable_fen,
        policy=PartPolicy.PRO_RATA,
    )
    return Refund(
        redemption_id=of.redemption_id,
        refund_no=refund_no,
        campaign_id=of.campaign_id,
        round_id=of.round_id,
        voucher_type_id=of.voucher_type_id,
        platform_id=of.platform_id,
        voucher_id=of.voucher_id,
        person_ref=of.person_ref,
        merchant_id=of.merchant_id,
        industry=of.industry,
        size_class=of.size_class,
        order_no=of.order_no,
        content_hash="",
        recorded_at=of.recorded_at + (on - of.business_on) + timedelta(hours=1),
        business_on=on,
        redeemed_on=of.business_on,
        voucher_fen=step.voucher_fen,
        paid_fen=step.paid_fen,
        merchant_discount_fen=step.merchant_discount_fen,
        platform_discount_fen=step.platform_discount_fen,
        parts=step.parts,
        voucher_state=VoucherState.VOIDED,
    )
