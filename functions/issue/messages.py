"""What a claim takes and gives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from functions.issue.service import Claim, Claimed
from functions.shared.domain.claims import PersonFacts
from functions.shared.edge.fields import (
    AnswerModel,
    DivisionCode,
    Instant,
    RequestModel,
    RequestNo,
    Slug,
    VoucherId,
)
from functions.shared.edge.messages import PersonBody, TermsAnswer, terms_answer


class ClaimBody(RequestModel):
    """A claim of one voucher for one person."""

    request_no: RequestNo
    campaign_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    person: PersonBody
    real_name: Annotated[
        bool, Field(description="You checked the number against the name / 是否已完成实名核验")
    ]
    located_in: DivisionCode | None = None


class ClaimAnswer(AnswerModel):
    """The voucher as it was issued; the same for ever, whatever became of it."""

    voucher_id: VoucherId
    request_no: RequestNo
    campaign_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    state: Literal["ISSUED"]
    issued_at: Instant
    valid_from: Instant
    valid_until: Instant
    terms: TermsAnswer


def claim_of(body: ClaimBody, platform_id: str) -> Claim:
    """The claim that a body asks for."""
    return Claim(
        platform_id=platform_id,
        request_no=body.request_no,
        campaign_id=body.campaign_id,
        round_id=body.round_id,
        voucher_type_id=body.voucher_type_id,
        identities=body.person.identities(),
        facts=PersonFacts(real_name=body.real_name, located_in=body.located_in),
    )


def claim_answer(claimed: Claimed) -> ClaimAnswer:
    """The first answer to a claim, also when it is given again."""
    voucher = claimed.voucher
    return ClaimAnswer(
        voucher_id=voucher.voucher_id,
        request_no=voucher.request_no,
        campaign_id=voucher.campaign_id,
        round_id=voucher.round_id,
        voucher_type_id=voucher.voucher_type_id,
        state="ISSUED",
        issued_at=voucher.issued_at,
        valid_from=voucher.valid_from,
        valid_until=voucher.valid_until,
        terms=terms_answer(claimed.voucher_type),
    )
