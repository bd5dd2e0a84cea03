"""What the bureau's operations and the platforms' campaign look-ups take and give."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from functions.campaign.service import StockLeft
from functions.shared.domain.campaign import Round, VoucherType
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.registry import Merchant, Platform, SizeClass
from functions.shared.domain.usage_times import clock_text
from functions.shared.domain.vouchers import Refusal, Voucher
from functions.shared.edge.fields import (
    AnswerModel,
    AppropriationFen,
    BusinessDate,
    CreditCode,
    DivisionCode,
    Instant,
    Note,
    RedemptionId,
    RequestModel,
    RequestNo,
    RoleArn,
    ShortText,
    Slug,
)
from functions.shared.edge.messages import (
    TermsAnswer,
    VoucherStory,
    terms_answer,
    voucher_story,
)

SIZE_CLASSES = "|".join(SizeClass)


class PauseBody(RequestModel):
    """Why a campaign is paused or resumed; kept in the log."""

    reason: Note


class PlatformBody(RequestModel):
    """A licensed platform's facts."""

    name: ShortText
    role_arn: RoleArn
    active: bool


class MerchantBody(RequestModel):
    """A merchant's facts from a date on."""

    effective_on: BusinessDate
    name: ShortText
    credit_code: CreditCode
    industry: Slug
    size_class: Annotated[
        str, Field(pattern=f"^({SIZE_CLASSES})$", description="Size class / 规模类型")
    ]
    district: DivisionCode
    active: bool


class FundsAnswer(AnswerModel):
    """The campaign's fund counters, in fen."""

    appropriated_fen: AppropriationFen
    unallocated_fen: Annotated[int, Field(ge=0)]
    returned_fen: Annotated[int, Field(ge=0)]
    settled_fen: int
    adjusted_fen: Annotated[
        int,
        Field(description="What adjusting entries add to what is owed / 调账净额，可为负"),
    ]
    held_back_fen: Annotated[
        int,
        Field(
            ge=0,
            description="What adjusting entries save, until the closing / 调账节余，结案前留存",
        ),
    ]


class CampaignAdminAnswer(AnswerModel):
    """A campaign as the bureau sees it: the document as it was sent, and what became of it."""

    campaign_id: Slug
    version: int
    state: Annotated[str, Field(description="DRAFT, FUNDING, RUNNING, PAUSED or CLOSED / 状态")]
    made_by: str
    made_at: Instant
    approved_by: str | None
    approved_at: Instant | None
    funds: FundsAnswer
    document: dict[str, Any]


class PlatformAnswer(AnswerModel):
    """A platform as registered."""

    platform_id: Slug
    version: int
    name: ShortText
    role_arn: str
    active: bool
    made_by: str


class VoidBody(RequestModel):
    """Why a voucher is made void; the reason is kept in the log."""

    void_no: Annotated[
        RequestNo,
        Field(description="Your own number of this; the same again is answered as before / 编号"),
    ]
    reason: Note


class VoucherAdminAnswer(VoucherStory):
    """A voucher as it stands now, and whose it is; nothing in it names the person."""

    platform_id: Slug
    redemption_id: RedemptionId | None


class MerchantFactsAnswer(AnswerModel):
    """A merchant's facts from a date until the next facts."""

    effective_on: BusinessDate
    name: ShortText
    credit_code: str
    industry: Slug
    size_class: str
    district: str
    active: bool
    made_by: str


class MerchantAnswer(AnswerModel):
    """A merchant and all its dated facts, oldest first."""

    merchant_id: Slug
    facts: list[MerchantFactsAnswer]


class WordingAnswer(AnswerModel):
    """Wording in both languages."""

    zh: str
    en: str


class HoursAnswer(AnswerModel):
    """A span of a day in Beijing, up to, not including, `until`."""

    from_: Annotated[str, Field(alias="from")]
    until: str


class UsageAnswer(AnswerModel):
    """When, and beside what, a voucher of the type may be used; empty lists leave nothing out."""

    starts: Annotated[str, Field(description="AT_ONCE or NEXT_DAY / 即时或次日起可用")]
    weekdays: Annotated[list[int], Field(description="1 Monday to 7 Sunday / 1 周一至 7 周日")]
    hours: list[HoursAnswer]
    with_merchant_discount: bool
    with_platform_discount: bool


class VoucherTypeAnswer(AnswerModel):
    """A voucher type as platforms show it."""

    voucher_type_id: Slug
    name: WordingAnswer
    terms: TermsAnswer
    distribution: Annotated[
        str,
        Field(
            description="FIRST_COME: claim it. DIRECT: the bureau grants it / "
            "先到先得（可领取）或定向发放（由主管部门发放）"
        ),
    ]
    usage: UsageAnswer


class PackAnswer(AnswerModel):
    """Vouchers that are claimed together, all or none, with one entry for each voucher."""

    pack_id: Slug
    name: WordingAnswer
    voucher_type_ids: list[Slug]


class RoundAnswer(AnswerModel):
    """A round; claims are taken from `opens_at` up to, not including, `closes_at`."""

    round_id: Slug
    opens_at: Instant
    closes_at: Instant
    voucher_type_ids: list[Slug]


class StockLeftAnswer(AnswerModel):
    """Units left in an open pool, as last read; a claim may still find more or fewer."""

    round_id: Slug
    voucher_type_id: Slug
    left: Annotated[int, Field(ge=0)]


class CampaignSummary(AnswerModel):
    """A campaign in a list."""

    campaign_id: Slug
    name: WordingAnswer
    paused: bool
    rounds: list[RoundAnswer]


class CampaignList(AnswerModel):
    """The campaigns open to the platform, by id."""

    campaigns: list[CampaignSummary]


class CampaignAnswer(CampaignSummary):
    """A campaign open to the platform: types, rounds, and stock of the open round."""

    industries: list[Slug]
    identities: list[str]
    voucher_types: list[VoucherTypeAnswer]
    packs: list[PackAnswer]
    stock_left: list[StockLeftAnswer]
    stock_read_at: Instant


def campaign_admin_answer(record: CampaignRecord) -> CampaignAdminAnswer:
    """A campaign for the bureau."""
    return CampaignAdminAnswer(
        campaign_id=record.campaign.campaign_id,
        version=record.version,
        state=record.state.value,
        made_by=record.made_by,
        made_at=record.made_at,
        approved_by=record.approved_by,
        approved_at=record.approved_at,
        funds=FundsAnswer(
            appropriated_fen=record.funds.appropriated_fen,
            unallocated_fen=record.funds.unallocated_fen,
            returned_fen=record.funds.returned_fen,
            settled_fen=record.funds.settled_fen,
            adjusted_fen=record.funds.adjusted_fen,
            held_back_fen=record.funds.held_back_fen,
        ),
        document=json.loads(record.document),
    )


def _rounds(record: CampaignRecord, platform_id: str) -> list[RoundAnswer]:
    return [
        RoundAnswer(
            round_id=r.round_id,
            opens_at=r.opens_at,
            closes_at=r.closes_at,
            voucher_type_ids=_types_of(r, platform_id),
        )
        for r in record.campaign.rounds
    ]


def _types_of(in_round: Round, platform_id: str) -> list[str]:
    return [a.voucher_type_id for a in in_round.stock if a.platform_id == platform_id]


def _summary(record: CampaignRecord, platform_id: str) -> dict[str, Any]:
    return {
        "campaign_id": record.campaign.campaign_id,
        "name": WordingAnswer(zh=record.campaign.name.zh, en=record.campaign.name.en),
        "paused": record.state.value == "PAUSED",
        "rounds": _rounds(record, platform_id),
    }


def _usage(voucher_type: VoucherType) -> UsageAnswer:
    validity, stacking = voucher_type.validity, voucher_type.stacking
    return UsageAnswer(
        starts=validity.starts.value,
        weekdays=sorted(validity.times.weekdays),
        hours=[
            HoursAnswer(**{"from": clock_text(start), "until": clock_text(end)})
            for start, end in sorted(validity.times.hours)
        ],
        with_merchant_discount=stacking.with_merchant_discount,
        with_platform_discount=stacking.with_platform_discount,
    )


def campaign_list(records: list[CampaignRecord], platform_id: str) -> CampaignList:
    """The campaigns for a platform."""
    return CampaignList(
        campaigns=[CampaignSummary(**_summary(record, platform_id)) for record in records]
    )


def campaign_answer(
    record: CampaignRecord, lefts: list[StockLeft], platform_id: str, read_at: Instant
) -> CampaignAnswer:
    """One campaign for a platform."""
    campaign = record.campaign
    return CampaignAnswer(
        **_summary(record, platform_id),
        industries=list(campaign.scope.industries),
        identities=[kind.value for kind in campaign.identities],
        voucher_types=[
            VoucherTypeAnswer(
                voucher_type_id=t.voucher_type_id,
                name=WordingAnswer(zh=t.name.zh, en=t.name.en),
                terms=terms_answer(t),
                distribution=t.distribution.value,
                usage=_usage(t),
            )
            for t in campaign.voucher_types
        ],
        packs=[
            PackAnswer(
                pack_id=pack.pack_id,
                name=WordingAnswer(zh=pack.name.zh, en=pack.name.en),
                voucher_type_ids=list(pack.voucher_type_ids),
            )
            for pack in campaign.packs
        ],
        stock_left=[
            StockLeftAnswer(
                round_id=left.round_id, voucher_type_id=left.voucher_type_id, left=left.left
            )
            for left in lefts
        ],
        stock_read_at=read_at,
    )


def voucher_admin_answer(
    voucher: Voucher, refusal: Refusal | None, now: datetime
) -> VoucherAdminAnswer:
    """A voucher for the bureau."""
    return VoucherAdminAnswer(
        **dict(voucher_story(voucher, refusal, now)),
        platform_id=voucher.platform_id,
        redemption_id=voucher.redemption_id,
    )


def platform_answer(platform: Platform) -> PlatformAnswer:
    """A platform for the bureau."""
    return PlatformAnswer(
        platform_id=platform.platform_id,
        version=platform.version,
        name=platform.name,
        role_arn=platform.role_arn,
        active=platform.active,
        made_by=platform.made_by,
    )


def merchant_answer(merchant_id: str, history: list[Merchant]) -> MerchantAnswer:
    """A merchant for the bureau."""
    return MerchantAnswer(
        merchant_id=merchant_id,
        facts=[
            MerchantFactsAnswer(
                effective_on=facts.effective_on,
                name=facts.name,
                credit_code=facts.credit_code,
                industry=facts.industry,
                size_class=facts.size_class,
                district=facts.district,
                active=facts.active,
                made_by=facts.made_by,
            )
            for facts in history
        ],
    )
