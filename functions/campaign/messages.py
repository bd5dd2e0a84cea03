"""What the bureau's operations and the platforms' campaign look-ups take and give."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from functions.campaign.service import StockLeft
from functions.campaign.stock import PoolLevel
from functions.shared.domain.campaign import Round, VoucherType
from functions.shared.domain.funds import CampaignRecord, pool_key
from functions.shared.domain.registry import Merchant, Platform, SizeClass
from functions.shared.domain.stock_changes import StockChange
from functions.shared.domain.usage_times import clock_text
from functions.shared.domain.vouchers import Refusal, Voucher
from functions.shared.edge.fields import (
    DEFAULT_PAGE,
    AnswerModel,
    AppropriationFen,
    BusinessDate,
    CreditCode,
    DivisionCode,
    Instant,
    Note,
    PageLimit,
    QueryModel,
    RedemptionId,
    RequestModel,
    RequestNo,
    RoleArn,
    ShortText,
    Slug,
    Units,
)
from functions.shared.edge.messages import (
    TermsAnswer,
    VoucherStory,
    terms_answer,
    voucher_story,
)
from functions.shared.edge.validation import refusal

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


class PoolAnswer(AnswerModel):
    """A pool: what is planned, and where its units and its money are."""

    round_id: Slug
    voucher_type_id: Slug
    platform_id: Slug
    state: Annotated[str, Field(description="OPEN or PAUSED / 状态")]
    unit_reserve_fen: Annotated[
        int, Field(ge=0, description="Set aside for each unit / 每张预留金额（分）")
    ]
    planned_units: Annotated[
        int,
        Field(ge=0, description="As the document says, and stock changes since / 计划数量"),
    ]
    allocated: Annotated[
        int,
        Field(ge=0, description="Put into the pool and not taken out / 已分配数量（含结转）"),
    ]
    available: Annotated[int, Field(ge=0, description="Left to claim / 剩余可领数量")]
    issued: Annotated[int, Field(ge=0, description="Issued / 已发放数量")]
    lapsed_fen: Annotated[int, Field(ge=0, description="Lapsed, not yet moved on / 已失效未划转")]
    pot_fen: Annotated[int, Field(ge=0, description="On its way / 在途金额")]
    stock_change: Annotated[
        Slug | None, Field(description="The stock change that is half done / 执行中的券量调整")
    ]


class PoolList(AnswerModel):
    """The pools of a campaign that have money, as last read."""

    campaign_id: Slug
    pools: list[PoolAnswer]
    read_at: Instant


class StockChangeBody(RequestModel):
    """More or fewer units of one pool, from the number that you saw."""

    round_id: Slug
    voucher_type_id: Slug
    platform_id: Slug
    units_before: Annotated[
        Units, Field(description="Planned units as you saw them / 所见的计划数量")
    ]
    units_after: Annotated[
        Units, Field(description="Planned units as they shall be / 调整后的计划数量")
    ]
    reason: Note

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.units_before == self.units_after:
            raise refusal(
                "units_after equals units_before; give another number",
                "units_after 与 units_before 相同，请填写不同的数量",
            )
        return self


class StockChangeAnswer(AnswerModel):
    """A stock change, and how far it is."""

    campaign_id: Slug
    change_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    platform_id: Slug
    units_before: Units
    units_after: Units
    reason: Note
    state: Annotated[
        str,
        Field(
            description="PROPOSED, APPROVED (units are being taken out) or DONE / "
            "待审批、执行中或已完成"
        ),
    ]
    moved_units: Annotated[
        Units,
        Field(
            description="Units that came in or went out; fewer than were asked for where consumers "
            "were faster / 实际调整数量；若期间已被领取，可能少于申请数量"
        ),
    ]
    made_by: str
    made_at: Instant
    approved_by: str | None
    approved_at: Instant | None
    ended_at: Instant | None


class StockChangesQuery(QueryModel):
    """Which page of a campaign's stock changes."""

    limit: PageLimit = DEFAULT_PAGE
    after: Annotated[
        Slug | None,
        Field(description="`after` of the page before / 上一页返回的 after"),
    ] = None


class StockChangeList(AnswerModel):
    """Some stock changes by id; `after` is null on the last page."""

    changes: list[StockChangeAnswer]
    after: Slug | None


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


def pool_list(campaign_id: str, levels: list[PoolLevel], read_at: datetime) -> PoolList:
    """The pools for the bureau."""
    return PoolList(
        campaign_id=campaign_id,
        pools=[
            PoolAnswer(
                round_id=level.pool.round_id,
                voucher_type_id=level.pool.voucher_type_id,
                platform_id=level.pool.platform_id,
                state=level.pool.state.value,
                unit_reserve_fen=level.pool.unit_reserve_fen,
                planned_units=level.pool.planned_units,
                allocated=level.allocated,
                available=level.available,
                issued=level.issued,
                lapsed_fen=level.lapsed_fen,
                pot_fen=level.pool.pot_fen,
                stock_change=level.pool.change_id,
            )
            for level in levels
        ],
        read_at=read_at,
    )


def stock_change_of(
    body: StockChangeBody, *, campaign_id: str, change_id: str, made_by: str, now: datetime
) -> StockChange:
    """The change that a body proposes."""
    return StockChange(
        campaign_id=campaign_id,
        change_id=change_id,
        pool_key=pool_key(body.round_id, body.voucher_type_id, body.platform_id),
        units_before=body.units_before,
        units_after=body.units_after,
        reason=body.reason,
        made_by=made_by,
        made_at=now,
    )


def stock_change_answer(change: StockChange) -> StockChangeAnswer:
    """A stock change for the bureau."""
    round_id, voucher_type_id, platform_id = change.pool_key.split("/")
    return StockChangeAnswer(
        campaign_id=change.campaign_id,
        change_id=change.change_id,
        round_id=round_id,
        voucher_type_id=voucher_type_id,
        platform_id=platform_id,
        units_before=change.units_before,
        units_after=change.units_after,
        reason=change.reason,
        state=change.state.value,
        moved_units=change.moved_units,
        made_by=change.made_by,
        made_at=change.made_at,
        approved_by=change.approved_by,
        approved_at=change.approved_at,
        ended_at=change.ended_at,
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
