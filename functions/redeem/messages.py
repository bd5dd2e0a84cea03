"""What holds, redemptions and refunds take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.money import FundingParts
from functions.shared.edge.fields import (
    DEFAULT_PAGE,
    AnswerModel,
    BusinessDate,
    Cursor,
    Fen,
    Instant,
    PageLimit,
    PositiveFen,
    RedemptionId,
    RequestModel,
    RequestNo,
    Slug,
    VoucherId,
)
from functions.shared.edge.messages import PersonBody, VoucherAnswer


class SearchBody(RequestModel):
    """A search for a person's vouchers in a campaign, page by page."""

    campaign_id: Slug
    person: PersonBody
    limit: PageLimit = DEFAULT_PAGE
    cursor: Cursor | None = None


class VoucherPage(AnswerModel):
    """Some of the vouchers, oldest first; `next_cursor` is null on the last page."""

    vouchers: list[VoucherAnswer]
    next_cursor: Cursor | None


class OrderBody(RequestModel):
    """The order that holds the voucher or gives it back."""

    order_no: RequestNo


class RedemptionBody(RequestModel):
    """An order that the voucher pays a part of."""

    order_no: RequestNo
    voucher_id: VoucherId
    merchant_id: Slug
    order_fen: PositiveFen
    merchant_discount_fen: Fen
    platform_discount_fen: Fen


class PartsAnswer(AnswerModel):
    """Who pays what of the voucher."""

    fiscal_fen: Fen
    platform_fen: Fen
    merchant_fen: Fen


class RedemptionAnswer(AnswerModel):
    """A redemption as it was made; the same for ever, whatever was refunded later."""

    redemption_id: RedemptionId
    order_no: RequestNo
    voucher_id: VoucherId
    merchant_id: Slug
    redeemed_at: Instant
    business_on: BusinessDate
    order_fen: Fen
    merchant_discount_fen: Fen
    platform_discount_fen: Fen
    voucher_fen: Fen
    voucher_parts: PartsAnswer
    paid_fen: Fen


class RefundBody(RequestModel):
    """A refund of `refund_fen` out of the voucher's and the consumer's money together."""

    refund_no: RequestNo
    refund_fen: PositiveFen


class RefundAnswer(AnswerModel):
    """What a refund reversed; the same for ever."""

    redemption_id: RedemptionId
    refund_no: RequestNo
    refunded_at: Instant
    business_on: BusinessDate
    refund_fen: Fen
    voucher_fen: Annotated[Fen, Field(description="Back to those who fund it / 退回出资方（分）")]
    voucher_parts: PartsAnswer
    paid_fen: Annotated[Fen, Field(description="Back to the consumer / 退还消费者（分）")]
    merchant_discount_fen: Annotated[
        Fen, Field(description="Of the merchant's own discount, in proportion / 商户优惠冲回（分）")
    ]
    platform_discount_fen: Annotated[
        Fen, Field(description="Of your own discount, in proportion / 平台优惠冲回（分）")
    ]
    voucher_state: Annotated[
        str, Field(description="The voucher right after: REDEEMED, ISSUED, EXPIRED or VOIDED")
    ]


class RedemptionWithRefunds(RedemptionAnswer):
    """A redemption and all its refunds, oldest first."""

    refundable_fen: Annotated[Fen, Field(description="What is left to refund / 剩余可退（分）")]
    refunds: list[RefundAnswer]


def _parts(parts: FundingParts) -> PartsAnswer:
    return PartsAnswer(
        fiscal_fen=parts.fiscal_fen,
        platform_fen=parts.platform_fen,
        merchant_fen=parts.merchant_fen,
    )


def redemption_answer(redemption: Redemption) -> RedemptionAnswer:
    """The first answer to a redemption."""
    amounts = redemption.amounts
    return RedemptionAnswer(
        redemption_id=redemption.redemption_id,
        order_no=redemption.order_no,
        voucher_id=redemption.voucher_id,
        merchant_id=redemption.merchant_id,
        redeemed_at=redemption.recorded_at,
        business_on=redemption.business_on,
        order_fen=amounts.order_fen,
        merchant_discount_fen=amounts.merchant_discount_fen,
        platform_discount_fen=amounts.platform_discount_fen,
        voucher_fen=amounts.voucher_fen,
        voucher_parts=_parts(amounts.parts),
        paid_fen=amounts.paid_fen,
    )


def refund_answer(refund: Refund) -> RefundAnswer:
    """The first answer to a refund."""
    return RefundAnswer(
        redemption_id=refund.redemption_id,
        refund_no=refund.refund_no,
        refunded_at=refund.recorded_at,
        business_on=refund.business_on,
        refund_fen=refund.refund_fen,
        voucher_fen=refund.voucher_fen,
        voucher_parts=_parts(refund.parts),
        paid_fen=refund.paid_fen,
        merchant_discount_fen=refund.merchant_discount_fen,
        platform_discount_fen=refund.platform_discount_fen,
        voucher_state=refund.voucher_state.value,
    )


def with_refunds(redemption: Redemption, refunds: list[Refund]) -> RedemptionWithRefunds:
    """A redemption as it stands now."""
    left_fen = redemption.amounts.refundable_fen - redemption.refunded.refunded_fen
    return RedemptionWithRefunds(
        **dict(redemption_answer(redemption)),
        refundable_fen=left_fen,
        refunds=[refund_answer(refund) for refund in refunds],
    )
