"""Parts of requests and answers that more than one function has."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.shared.domain.campaign import VoucherType
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.vouchers import Refusal, Voucher, VoucherState
from functions.shared.edge.fields import (
    Account,
    AnswerModel,
    BasisPoints,
    Fen,
    IdentityNumber,
    Instant,
    Phone,
    RequestModel,
    RequestNo,
    Slug,
    VoucherId,
)


class PersonBody(RequestModel):
    """Who the consumer is: what the campaign's document names under `person.identities`."""

    identity_number: IdentityNumber | None = None
    phone: Phone | None = None
    account: Account | None = None

    def identities(self) -> dict[IdentityKind, str]:
        """What was given, normalised, by kind."""
        given = {
            IdentityKind.IDENTITY_NUMBER: self.identity_number,
            IdentityKind.PHONE: self.phone,
            IdentityKind.ACCOUNT: self.account,
        }
        return {kind: text for kind, text in given.items() if text is not None}


class TermsAnswer(AnswerModel):
    """What a voucher takes off, and from which amount."""

    kind: str
    face_fen: Fen | None
    percent_off_bp: BasisPoints | None
    cap_fen: Fen | None
    threshold_fen: Fen
    threshold_base: str


class TimelineAnswer(AnswerModel):
    """One thing that happened to a voucher; `reference` is the request, order or refund number."""

    at: Instant
    event: str
    reference: str


class VoucherAnswer(AnswerModel):
    """A voucher as it stands now."""

    voucher_id: VoucherId
    campaign_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    request_no: RequestNo
    state: Annotated[str, Field(description="ISSUED, HELD, REDEEMED, EXPIRED or VOIDED / 状态")]
    issued_at: Instant
    valid_from: Instant
    valid_until: Instant
    order_no: RequestNo | None
    held_until: Instant | None
    timeline: list[TimelineAnswer]


class RefusalAnswer(AnswerModel):
    """Why the voucher was refused last, as far as it was noted."""

    at: Instant
    code: str
    operation: Annotated[str, Field(description="hold or redeem / 占用或核销")]
    order_no: RequestNo


class VoucherStory(VoucherAnswer):
    """A voucher as it stands now, and why it was refused last."""

    last_refusal: RefusalAnswer | None


def terms_answer(voucher_type: VoucherType) -> TermsAnswer:
    """The terms of a voucher type; amounts that its kind does not have are null."""
    benefit = voucher_type.benefit
    return TermsAnswer(
        kind=benefit.kind.value,
        face_fen=benefit.face_fen or None,
        percent_off_bp=benefit.percent_off_bp or None,
        cap_fen=benefit.cap_fen or None,
        threshold_fen=benefit.threshold_fen,
        threshold_base=benefit.threshold_base.value,
    )


def voucher_answer(voucher: Voucher, now: datetime) -> VoucherAnswer:
    """The voucher in the state that counts at that time."""
    state = voucher.state_at(now)
    held = state is VoucherState.HELD
    used = state is VoucherState.REDEEMED
    return VoucherAnswer(
        voucher_id=voucher.voucher_id,
        campaign_id=voucher.campaign_id,
        round_id=voucher.round_id,
        voucher_type_id=voucher.voucher_type_id,
        request_no=voucher.request_no,
        state=state.value,
        issued_at=voucher.issued_at,
        valid_from=voucher.valid_from,
        valid_until=voucher.valid_until,
        order_no=voucher.order_no if held or used else None,
        held_until=voucher.held_until if held else None,
        timeline=[
            TimelineAnswer(at=e.at, event=e.event.value, reference=e.reference)
            for e in voucher.timeline
        ],
    )


def refusal_answer(refusal: Refusal | None) -> RefusalAnswer | None:
    """A refusal that was noted; None where there is none."""
    if refusal is None:
        return None
    return RefusalAnswer(
        at=refusal.at,
        code=refusal.code.value,
        operation=refusal.operation,
        order_no=refusal.order_no,
    )


def voucher_story(voucher: Voucher, refusal: Refusal | None, now: datetime) -> VoucherStory:
    """The voucher in the state that counts at that time, and why it was refused last."""
    facts = dict(voucher_answer(voucher, now))
    return VoucherStory(**facts, last_refusal=refusal_answer(refusal))
