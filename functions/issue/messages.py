"""What a claim takes and gives."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, RootModel, model_validator

from functions.issue.service import Claim, Claimed
from functions.shared.domain.campaign import VoucherType
from functions.shared.domain.claims import PersonFacts
from functions.shared.domain.vouchers import Voucher
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
from functions.shared.edge.validation import refusal

_ONE_OF_TWO: Any = {
    "oneOf": [
        {"required": [given], "properties": {given: {"type": "string"}, other: {"type": "null"}}}
        for given, other in (("voucher_type_id", "pack_id"), ("pack_id", "voucher_type_id"))
    ]
}


class ClaimBody(RequestModel):
    """A claim of one voucher, or of one pack of vouchers, for one person."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF_TWO)

    request_no: RequestNo
    campaign_id: Slug
    round_id: Slug
    voucher_type_id: Slug | None = None
    pack_id: Slug | None = None
    person: PersonBody
    real_name: Annotated[
        bool, Field(description="You checked the number against the name / 是否已完成实名核验")
    ]
    located_in: DivisionCode | None = None
    first_attempt: Annotated[
        bool,
        Field(
            description="You have never sent this number before: a refusal that is remembered is "
            "then given without looking for an earlier answer. Leave it out when you repeat a "
            "request / 确认该编号从未发送过，可更快返回售罄等结果；重试时请勿填写"
        ),
    ] = False

    @model_validator(mode="after")
    def _asks_for_one_thing(self) -> Self:
        if (self.voucher_type_id is None) == (self.pack_id is None):
            raise refusal(
                "needs either voucher_type_id or pack_id; give one of the two",
                "须填写 voucher_type_id 或 pack_id 其中之一",
            )
        return self


class ClaimedVoucher(AnswerModel):
    """A voucher as it was issued; the same for ever, whatever became of it."""

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


class ClaimedPack(AnswerModel):
    """The vouchers of a pack as they were issued, in the pack's order."""

    request_no: RequestNo
    campaign_id: Slug
    round_id: Slug
    pack_id: Slug
    vouchers: list[ClaimedVoucher]


class ClaimAnswer(RootModel[ClaimedVoucher | ClaimedPack]):
    """The voucher, or the pack where one was asked for."""

    model_config = ConfigDict(defer_build=True)


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
        pack_id=body.pack_id,
        first_attempt=body.first_attempt,
    )


def claim_answer(claimed: Claimed) -> ClaimAnswer:
    """The first answer to a claim, also when it is given again."""
    vouchers = [
        _claimed_voucher(voucher, voucher_type)
        for voucher, voucher_type in zip(claimed.vouchers, claimed.voucher_types, strict=True)
    ]
    first = claimed.vouchers[0]
    if claimed.pack_id is None:
        return ClaimAnswer(vouchers[0])
    return ClaimAnswer(
        ClaimedPack(
            request_no=first.request_no,
            campaign_id=first.campaign_id,
            round_id=first.round_id,
            pack_id=claimed.pack_id,
            vouchers=vouchers,
        )
    )


def _claimed_voucher(voucher: Voucher, voucher_type: VoucherType) -> ClaimedVoucher:
    return ClaimedVoucher(
        voucher_id=voucher.voucher_id,
        request_no=voucher.request_no,
        campaign_id=voucher.campaign_id,
        round_id=voucher.round_id,
        voucher_type_id=voucher.voucher_type_id,
        state="ISSUED",
        issued_at=voucher.issued_at,
        valid_from=voucher.valid_from,
        valid_until=voucher.valid_until,
        terms=terms_answer(voucher_type),
    )
