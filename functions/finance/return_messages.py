"""What the bureau's operations on fund returns give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from functions.finance.payment_messages import Amount, PaymentAnswer, payment_answer
from functions.finance.payments import Paid, version_of
from functions.shared.domain.fund_return import FundReturn
from functions.shared.edge.fields import AnswerModel, Instant, Slug


class FundReturnAnswer(AnswerModel):
    """A fund return: what was decided, what of it is paid, and every payment, oldest first."""

    campaign_id: Slug
    run: int
    version: int
    decided_at: Instant
    appropriated_fen: Amount
    redeemed_net_fen: Amount
    adjusted_net_fen: Annotated[
        int, Field(description="What adjusting entries add to it / 净调账，可为负")
    ]
    returned_before_fen: Amount
    to_return_fen: Amount
    paid_fen: Annotated[
        int, Field(ge=0, description="What has arrived at the source account / 已到账金额")
    ]
    left_fen: Annotated[int, Field(ge=0, description="What has not / 未到账金额")]
    payments: list[PaymentAnswer]


class FundReturnList(AnswerModel):
    """The campaign's fund returns, by run; empty before it is closed."""

    returns: list[FundReturnAnswer]


def fund_return_list(found: list[Paid[FundReturn]]) -> FundReturnList:
    """The returns for the bureau."""
    return FundReturnList(returns=[fund_return_answer(each) for each in found])


def fund_return_answer(found: Paid[FundReturn]) -> FundReturnAnswer:
    """A return for the bureau."""
    made, payments = found.made, found.payments
    return FundReturnAnswer(
        campaign_id=made.campaign_id,
        run=made.run,
        version=version_of(payments),
        decided_at=made.decided_at,
        appropriated_fen=made.appropriated_fen,
        redeemed_net_fen=made.redeemed_net_fen,
        adjusted_net_fen=made.adjusted_net_fen,
        returned_before_fen=made.returned_before_fen,
        to_return_fen=made.to_return_fen,
        paid_fen=payments.paid_fen,
        left_fen=payments.left_fen,
        payments=[payment_answer(payment) for payment in payments.payments],
    )
