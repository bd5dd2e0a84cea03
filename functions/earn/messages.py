"""What earning a voucher, and refunding the order that earned it, takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.earn.service import Earned, PlainRefund, Purchase
from functions.shared.domain.claims import PersonFacts
from functions.shared.domain.earnings import Earning, EarningRefund
from functions.shared.domain.vouchers import Voucher
from functions.shared.edge.fields import (
    AnswerModel,
    DivisionCode,
    Fen,
    Instant,
    PositiveFen,
    RedemptionId,
    RequestModel,
    RequestNo,
    Slug,
    VoucherId,
)
from functions.shared.edge.messages import (
    PersonBody,
    TermsAnswer,
    VoucherAnswer,
    terms_answer,
    voucher_answer,
)

BaseLeft = Annotated[
    Fen, Field(description="What is left of the amount that earns / 计入门槛的剩余金额（分）")
]


class EarningBody(RequestModel):
    """An order that earns its person a voucher.

    Where the order redeemed a voucher, merchant, amounts and person are those of the redemption.
    """

    order_no: RequestNo
    campaign_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    merchant_id: Slug
    order_fen: PositiveFen
    merchant_discount_fen: Fen
    platform_discount_fen: Fen
    person: PersonBody
    real_name: Annotated[
        bool, Field(description="You checked the number against the name / 是否已完成实名核验")
    ]
    located_in: DivisionCode | None = None


class EarnedVoucher(AnswerModel):
    """A voucher as an order earned it; the same for ever, whatever became of it."""

    voucher_id: VoucherId
    order_no: RequestNo
    campaign_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    state: Literal["ISSUED"]
    issued_at: Instant
    valid_from: Instant
    valid_until: Instant
    terms: TermsAnswer


class EarningRefundBody(RequestModel):
    """A refund of `refund_fen` out of what the consumer paid for a plain order."""

    refund_no: RequestNo
    refund_fen: PositiveFen


class EarningRefundAnswer(AnswerModel):
    """A refund of a plain order, and what it left; the same for ever."""

    voucher_id: VoucherId
    refund_no: RequestNo
    refunded_at: Instant
    refund_fen: Fen
    base_left_fen: BaseLeft
    voucher_state: Annotated[
        str,
        Field(
            description="The earned voucher right after: VOIDED when it was taken back, unused / "
            "退款后的券状态，未使用而被收回时为 VOIDED"
        ),
    ]


class EarningAnswer(AnswerModel):
    """That an order earned a voucher, the refunds that were sent here, and the voucher now."""

    order_no: RequestNo
    merchant_id: Slug
    earned_at: Instant
    redemption_id: Annotated[
        RedemptionId | None,
        Field(description="Of an order that redeemed a voucher / 订单核销过券时的核销编号"),
    ]
    refunds: list[EarningRefundAnswer]
    voucher: VoucherAnswer


def purchase_of(body: EarningBody, platform_id: str) -> Purchase:
    """The purchase that a body tells of."""
    return Purchase(
        platform_id=platform_id,
        campaign_id=body.campaign_id,
        round_id=body.round_id,
        voucher_type_id=body.voucher_type_id,
        order_no=body.order_no,
        merchant_id=body.merchant_id,
        order_fen=body.order_fen,
        merchant_discount_fen=body.merchant_discount_fen,
        platform_discount_fen=body.platform_discount_fen,
        identities=body.person.identities(),
        facts=PersonFacts(real_name=body.real_name, located_in=body.located_in),
    )


def plain_refund_of(body: EarningRefundBody, platform_id: str, voucher_id: str) -> PlainRefund:
    """The refund that a body asks for."""
    return PlainRefund(platform_id, voucher_id, body.refund_no, body.refund_fen)


def earned_answer(earned: Earned) -> EarnedVoucher:
    """The first answer to an order that earns, also when it is given again."""
    voucher = earned.voucher
    return EarnedVoucher(
        voucher_id=voucher.voucher_id,
        order_no=voucher.request_no,
        campaign_id=voucher.campaign_id,
        round_id=voucher.round_id,
        voucher_type_id=voucher.voucher_type_id,
        state="ISSUED",
        issued_at=voucher.issued_at,
        valid_from=voucher.valid_from,
        valid_until=voucher.valid_until,
        terms=terms_answer(earned.voucher_type),
    )


def refund_answer(refund: EarningRefund) -> EarningRefundAnswer:
    """The first answer to a refund of a plain order."""
    return EarningRefundAnswer(
        voucher_id=refund.voucher_id,
        refund_no=refund.refund_no,
        refunded_at=refund.recorded_at,
        refund_fen=refund.refund_fen,
        base_left_fen=refund.base_left_fen,
        voucher_state=refund.voucher_state.value,
    )


def earning_answer(
    earning: Earning, refunds: list[EarningRefund], voucher: Voucher, now: datetime
) -> EarningAnswer:
    """An earning as it stands now."""
    return EarningAnswer(
        order_no=earning.order_no,
        merchant_id=earning.merchant_id,
        earned_at=earning.recorded_at,
        redemption_id=earning.redemption_id,
        refunds=[refund_answer(refund) for refund in refunds],
        voucher=voucher_answer(voucher, now),
    )
