"""What the bureau's operations on payments take and give, whatever is paid."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.shared.domain.money import MAX_CAMPAIGN_FEN
from functions.shared.domain.payments import BankReply, Payment
from functions.shared.edge.fields import AnswerModel, Instant, Note, RequestModel

Amount = Annotated[int, Field(ge=0, le=MAX_CAMPAIGN_FEN)]
_Reference = Annotated[
    str,
    Field(
        pattern=r"^[A-Z0-9-]{1,35}$",
        description="Names the payment at the bank / 付款指令编号",
    ),
]
_BankReference = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9/.-]{1,64}$",
        description="The bank's own number of its entry or refusal / 银行流水号或退票编号",
    ),
]
_AccountNumber = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{6,32}$",
        description="The account that was credited, or should have been / 收款账号",
    ),
]


class BankReplyBody(RequestModel):
    """What the bank says of the approved payment; it must be about that very payment."""

    reference: _Reference
    account_number: _AccountNumber
    paid_fen: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_CAMPAIGN_FEN,
            description="What was credited: all of it, a part, or 0 where it failed / "
            "实际入账金额（分）：全额、部分，失败为 0",
        ),
    ]
    bank_reference: _BankReference
    note: Note


class BankReplyAnswer(AnswerModel):
    """The bank's reply as entered."""

    paid_fen: Amount
    bank_reference: str
    note: str
    told_by: str
    told_at: Instant


class PaymentAnswer(AnswerModel):
    """One payment of what is owed."""

    number: int
    state: Annotated[
        str,
        Field(
            description="PROPOSED, APPROVED (the instruction is with the bank), WITHDRAWN, PAID, "
            "PARTLY_PAID or FAILED / 待复核、已复核、已撤回、已到账、部分到账或失败"
        ),
    ]
    amount_fen: Amount
    reference: _Reference
    proposed_by: str
    proposed_at: Instant
    approved_by: str | None
    approved_at: Instant | None
    withdrawn_by: str | None
    withdrawn_at: Instant | None
    reply: BankReplyAnswer | None


def bank_reply_of(body: BankReplyBody, *, by: str, now: datetime) -> BankReply:
    """The reply as the domain has it."""
    return BankReply(
        reference=body.reference,
        account_number=body.account_number,
        paid_fen=body.paid_fen,
        bank_reference=body.bank_reference,
        note=body.note,
        told_by=by,
        told_at=now,
    )


def payment_answer(of: Payment) -> PaymentAnswer:
    """A payment for the bureau."""
    reply = of.reply
    return PaymentAnswer(
        number=of.number,
        state=of.state.value,
        amount_fen=of.amount_fen,
        reference=of.reference,
        proposed_by=of.proposed_by,
        proposed_at=of.proposed_at,
        approved_by=of.approved_by,
        approved_at=of.approved_at,
        withdrawn_by=of.withdrawn_by,
        withdrawn_at=of.withdrawn_at,
        reply=None
        if reply is None
        else BankReplyAnswer(
            paid_fen=reply.paid_fen,
            bank_reference=reply.bank_reference,
            note=reply.note,
            told_by=reply.told_by,
            told_at=reply.told_at,
        ),
    )
