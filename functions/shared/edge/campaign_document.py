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
    RequestModel,
    ShortText,
    Slug,
    Units,
)


class Wording(RequestModel):
    """Wording for people, in both languages."""

    zh: ShortText
    en: ShortText


class SourceAccountSection(RequestModel):
    """The treasury account that the appropriation came from, and the only one it returns to."""

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
    """Where vouchers may be redeemed."""

    industries: Annotated[list[Slug], Field(min_length=1, max_length=50)]


class FundingSection(RequestModel):
    """Who pays which share of a voucher, in 1/10,000; the three sum to 10,000."""

    fiscal_bp: BasisPoints
    platform_bp: BasisPoints
    merchant_bp: BasisPoints


class ValiditySection(RequestModel):
    """How long a voucher is good for.

    ROUND: to its round's end. DAYS: to the end of the n-th day, the day of the claim being the
    first. WINDOW: from one instant to another.
    """

    kind: Literal["ROUND", "DAYS", "WINDOW"]
    days: Annotated[int, Field(ge=1, le=366)] | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None


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
    funding: FundingSection
    validity: ValiditySection
    # None is FIRST_COME: platforms claim it. DIRECT: the bureau grants it to persons on a list.
    distribution: Literal["FIRST_COME", "DIRECT"] | None = None


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


class CampaignDocument(RequestModel):
    """One appropriation and its rules."""

    schema_version: Literal[1]
    campaign_id: Slug
    name: Wording
    appropriated_fen: AppropriationFen
    source_account: SourceAccountSection
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
