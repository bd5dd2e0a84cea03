"""The campaign document: one schema for the API, for files and for the rulebook.

What a shape can say is here; what it cannot (ids that point nowhere, a budget that does not
cover the stock) is `shared.domain.campaign_checks`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from functions.shared.edge.fields import (
    AppropriationFen,
    BasisPoints,
    ClaimRate,
    DivisionCode,
    Fen,
    Instant,
    PositiveFen,
    RequestModel,
    ShortText,
    Slug,
    Units,
)


class Wording(RequestModel):
    """Wording for people, in both languages."""

    zh: ShortText
    en: ShortText


class BankAccountSection(RequestModel):
    """A bank account. `source_account` is the treasury's: the only one that money returns to."""

    name: ShortText
    number: Annotated[str, Field(pattern=r"^[0-9]{6,32}$", description="Account number / 账号")]
    bank: ShortText
    bank_code: Annotated[
        str, Field(pattern=r"^[0-9]{12}$", description="CNAPS code of the bank / 大额支付行号")
    ]


class EligibilitySection(RequestModel):
    """Who may claim."""

    real_name: Annotated[bool, Field(description="Only verified real names / 仅限实名用户")]
    located_in: Annotated[
        list[DivisionCode],
        Field(max_length=50, description="Only persons there; empty for anywhere / 限定所在地"),
    ]


class PersonSection(RequestModel):
    """What makes two claims one natural person's, and who may claim."""

    identities: Annotated[
        list[Literal["IDENTITY_NUMBER", "PHONE", "ACCOUNT"]],
        Field(max_length=3, description="Each is counted; the first names the person / 自然人识别"),
    ]
    eligibility: EligibilitySection


class ScopeSection(RequestModel):
    """Where vouchers may be redeemed: by industry, and further by merchant and district."""

    industries: Annotated[
        list[Slug],
        Field(min_length=1, max_length=50, description="Industries of merchants / 适用行业"),
    ]
    merchants: (
        Annotated[
            list[Slug],
            Field(min_length=1, max_length=2_000, description="Only these merchants / 限定商户"),
        ]
        | None
    ) = None
    districts: (
        Annotated[
            list[DivisionCode],
            Field(min_length=1, max_length=50, description="Only merchants there / 限定商户所在地"),
        ]
        | None
    ) = None


class FundingSection(RequestModel):
    """Who pays which share of a voucher, in 1/10,000; the three sum to 10,000."""

    fiscal_bp: BasisPoints
    platform_bp: BasisPoints
    merchant_bp: BasisPoints


TimeOfDay = Annotated[
    str,
    Field(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        description="Time of day in Beijing, 00:00 to 24:00 / 北京时间",
        examples=["10:30"],
    ),
]


class HoursSection(RequestModel):
    """A span of a day, from a time up to, not including, another; not past midnight."""

    # A name that Python keeps for itself.
    from_: Annotated[TimeOfDay, Field(alias="from")]
    until: TimeOfDay


class TimesSection(RequestModel):
    """On which weekdays and at which hours a valid voucher may be used; always, where left out."""

    weekdays: (
        Annotated[
            list[Annotated[int, Field(ge=1, le=7)]],
            Field(min_length=1, max_length=7, description="1 Monday to 7 Sunday / 1 周一至 7 周日"),
        ]
        | None
    ) = None
    hours: Annotated[list[HoursSection], Field(min_length=1, max_length=12)] | None = None


class ValiditySection(RequestModel):
    """How long a voucher is good for.

    ROUND: to its round's end. DAYS: to the end of the n-th day, the first being the day of the
    claim, or the next with NEXT_DAY. WINDOW: from one instant to another.
    """

    kind: Literal["ROUND", "DAYS", "WINDOW"]
    days: Annotated[int, Field(ge=1, le=366)] | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    starts: Annotated[
        Literal["AT_ONCE", "NEXT_DAY"] | None,
        Field(description="NEXT_DAY: from the day after the claim / 领取次日起可用"),
    ] = None
    times: TimesSection | None = None


class OrderShareCapSection(RequestModel):
    """At most that share of the order, for these industries and platforms, or all."""

    share_bp: Annotated[BasisPoints, Field(ge=1)]
    industries: Annotated[list[Slug], Field(min_length=1, max_length=50)] | None = None
    platforms: Annotated[list[Slug], Field(min_length=1, max_length=50)] | None = None


class StackingSection(RequestModel):
    """Beside which other offers a voucher may be used; beside all, where left out."""

    with_merchant_discount: Annotated[
        bool, Field(description="Beside the merchant's own discount / 可与商户优惠同享")
    ] = True
    with_platform_discount: Annotated[
        bool, Field(description="Beside the platform's own discount / 可与平台优惠同享")
    ] = True


class EarningSection(RequestModel):
    """Which orders earn the voucher: at least so much, before or after the order's discounts."""

    threshold_fen: PositiveFen
    threshold_base: Literal["ORDER", "AFTER_MERCHANT", "AFTER_DISCOUNTS"]


class VoucherTypeSection(RequestModel):
    """A kind of voucher: what it takes off, from which amount, and who pays."""

    voucher_type_id: Slug
    name: Wording
    kind: Literal["INSTANT_REDUCTION", "DISCOUNT", "TICKET"]
    face_fen: Fen | None = None
    percent_off_bp: BasisPoints | None = None
    cap_fen: Fen | None = None
    threshold_fen: Fen
    threshold_base: Literal["ORDER", "AFTER_MERCHANT", "AFTER_DISCOUNTS"]
    order_share_cap_bp: Annotated[BasisPoints, Field(ge=1)] | None = None
    # The first that fits an order counts, in place of the one above.
    order_share_caps: (
        Annotated[list[OrderShareCapSection], Field(min_length=1, max_length=50)] | None
    ) = None
    stacking: StackingSection | None = None
    funding: FundingSection
    validity: ValiditySection
    # None is FIRST_COME: platforms claim it. DIRECT: the bureau grants it to persons on a list.
    # EARNED: an order earns it.
    distribution: Literal["FIRST_COME", "DIRECT", "EARNED"] | None = None
    earned_by: EarningSection | None = None


class PackSection(RequestModel):
    """Vouchers that are claimed together, all or none; a type may stand there more than once."""

    pack_id: Slug
    name: Wording
    # A voucher and a shard each, and the person: one transaction takes a hundred items.
    voucher_type_ids: Annotated[list[Slug], Field(min_length=2, max_length=40)]


class AllocationSection(RequestModel):
    """Stock of one voucher type for one platform in a round."""

    voucher_type_id: Slug
    platform_id: Slug
    units: Units
    # The busiest second that is expected; stock is spread so that claims seldom meet.
    expected_claims_per_s: ClaimRate = 1_000


class RoundSection(RequestModel):
    """One opening; claims are taken from `opens_at` up to, not including, `closes_at`."""

    round_id: Slug
    opens_at: Instant
    closes_at: Instant
    stock: Annotated[list[AllocationSection], Field(min_length=1, max_length=200)]


class LimitSection(RequestModel):
    """At most `max_count` for one natural person over all platforms."""

    scope: Literal[
        "CAMPAIGN",
        "ROUND",
        "VOUCHER_TYPE",
        "VOUCHER_TYPE_PER_ROUND",
        "PLATFORM_PER_ROUND",
        "MERCHANT",
        "MERCHANT_PER_DAY",
    ]
    max_count: Annotated[int, Field(ge=1, le=1_000)]


class RefundSection(RequestModel):
    """What a refund makes of the voucher and its money, and how long refunds are taken."""

    whole_valid: Literal["RESTORE", "VOID"]
    whole_expired: Literal["LAPSE", "VOID"]
    part: Literal["PRO_RATA", "RECLAIM_ALL", "KEEP"]
    window_days: Annotated[
        int, Field(ge=0, le=366, description="Days after the last voucher ends / 退款期限（天）")
    ]


class ContractSection(RequestModel):
    """How one platform's settlements are confirmed and paid."""

    platform_id: Slug
    confirm_within_days: Annotated[
        int,
        Field(
            ge=0,
            le=30,
            description="Days after which an unanswered statement counts as confirmed / "
            "逾期未答复视为确认的天数",
        ),
    ]
    account: BankAccountSection


class CampaignDocument(RequestModel):
    """One appropriation and its rules."""

    # For editors, which then check and complete the document while it is written.
    schema_: Annotated[
        ShortText | None, Field(alias="$schema", description="For editors / 供编辑器使用")
    ] = None
    schema_version: Literal[1]
    campaign_id: Slug
    name: Wording
    appropriated_fen: AppropriationFen
    source_account: BankAccountSection
    # Where the appropriation lies while the campaign runs; left out where it is not paid in first.
    holding_account: BankAccountSection | None = None
    contracts: Annotated[list[ContractSection], Field(max_length=50)] | None = None
    person: PersonSection
    scope: ScopeSection
    voucher_types: Annotated[list[VoucherTypeSection], Field(min_length=1, max_length=50)]
    packs: Annotated[list[PackSection], Field(max_length=50)] | None = None
    rounds: Annotated[list[RoundSection], Field(min_length=1, max_length=100)]
    limits: Annotated[list[LimitSection], Field(max_length=7)]
    refunds: RefundSection
    hold_s: Annotated[
        int, Field(ge=60, le=3_600, description="Seconds that a hold lasts / 占券时长（秒）")
    ]
    rollover: Literal["NEXT_ROUND", "UNALLOCATED"]
