"""What a campaign's document says, as values that the rules read.

`campaign_from_document` takes the plain JSON form whose shape `shared.edge.campaign_document` has
checked; `check_campaign` finds what a shape cannot say: ids that point nowhere, rounds out of
order, stock that the appropriation does not cover. Times are aware UTC, amounts integer fen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from functions.shared.domain.business_time import business_date, day_bounds, parse_rfc3339
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.money import FundingShares, fiscal_reserve_fen
from functions.shared.domain.orders import Benefit, ThresholdBase, VoucherKind
from functions.shared.domain.refunds import (
    PartPolicy,
    RefundPolicies,
    WholeExpiredPolicy,
    WholeValidPolicy,
)

# A year 9999 that stands for "never" would overflow where days are added to it.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


RESERVED_IDS = frozenset({"invariants"})
"""Under `reports/` these folders are no campaign's."""


class CampaignState(StrEnum):
    """DRAFT is edited; FUNDING spreads approved money over pools; CLOSED has returned the rest."""

    DRAFT = "DRAFT"
    FUNDING = "FUNDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"


class Rollover(StrEnum):
    """Where a closed round's unissued stock and lapsed money go."""

    NEXT_ROUND = "NEXT_ROUND"
    UNALLOCATED = "UNALLOCATED"


class LimitScope(StrEnum):
    """Over what a person's limit counts; see `shared.domain.limits`."""

    CAMPAIGN = "CAMPAIGN"
    ROUND = "ROUND"
    VOUCHER_TYPE = "VOUCHER_TYPE"
    VOUCHER_TYPE_PER_ROUND = "VOUCHER_TYPE_PER_ROUND"
    PLATFORM_PER_ROUND = "PLATFORM_PER_ROUND"
    MERCHANT = "MERCHANT"
    MERCHANT_PER_DAY = "MERCHANT_PER_DAY"


class Distribution(StrEnum):
    """How a voucher type comes to its persons.

    FIRST_COME: platforms claim it, as long as there is stock. DIRECT: the bureau grants it to
    persons on a list; no platform can claim it.
    """

    FIRST_COME = "FIRST_COME"
    DIRECT = "DIRECT"


class ValidityKind(StrEnum):
    """How long a voucher is good for.

    ROUND: to the end of its round. DAYS: to the end of the n-th business date counted from the
    day of the claim as the first. WINDOW: from one instant to another, whenever it was claimed.
    """

    ROUND = "ROUND"
    DAYS = "DAYS"
    WINDOW = "WINDOW"


@dataclass(frozen=True, slots=True)
class Text:
    """Wording for people, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class SourceAccount:
    """The treasury account that the appropriation came from, and the only one it returns to."""

    name: str
    number: str
    bank: str
    bank_code: str


@dataclass(frozen=True, slots=True)
class Validity:
    """When a voucher may be redeemed.

    Args:
        kind: decides which of the others are set.
        days: DAYS only, from 1.
        valid_from: WINDOW only.
        valid_until: WINDOW only, exclusive.

    Raises:
        ValueError: naming what is missing, or set for another kind.

    """

    kind: ValidityKind
    days: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def __post_init__(self) -> None:
        if (self.days is not None) != (self.kind is ValidityKind.DAYS):
            raise ValueError("validity.days must be given for DAYS, and only there")
        window = (self.valid_from is not None, self.valid_until is not None)
        if window != ((True, True) if self.kind is ValidityKind.WINDOW else (False, False)):
            raise ValueError(
                "validity.valid_from and valid_until must be given for WINDOW, and only there"
            )


@dataclass(frozen=True, slots=True)
class VoucherType:
    """A kind of voucher within a campaign."""

    voucher_type_id: str
    name: Text
    benefit: Benefit
    validity: Validity
    distribution: Distribution = Distribution.FIRST_COME

    @property
    def unit_reserve_fen(self) -> int:
        """The most that one voucher can cost the appropriation."""
        return fiscal_reserve_fen(self.benefit.greatest_fen, self.benefit.funding)


@dataclass(frozen=True, slots=True)
class Pack:
    """Vouchers that are claimed together: all or none (券包).

    `voucher_type_ids` has one entry for each voucher; a type may stand there more than once.
    """

    pack_id: str
    name: Text
    voucher_type_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Stock of one voucher type for one platform in a round: a pool's plan, in units.

    `expected_claims_per_s`, of the busiest second, decides how widely the units are spread.
    """

    voucher_type_id: str
    platform_id: str
    units: int
    expected_claims_per_s: int = 1_000


@dataclass(frozen=True, slots=True)
class Round:
    """One opening: claims are taken from `opens_at` up to, not including, `closes_at`."""

    round_id: str
    opens_at: datetime
    closes_at: datetime
    stock: tuple[Allocation, ...]


@dataclass(frozen=True, slots=True)
class PersonLimit:
    """At most `max_count` of what `scope` counts, for one natural person over all platforms."""

    scope: LimitScope
    max_count: int


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Who may claim; an empty `located_in` asks for no place.

    `located_in` holds prefixes of GB/T 2260 division codes, as "11" for Beijing.
    """

    real_name: bool
    located_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    """One appropriation and its rules."""

    campaign_id: str
    name: Text
    appropriated_fen: int
    source_account: SourceAccount
    identities: tuple[IdentityKind, ...]
    eligibility: Eligibility
    industries: tuple[str, ...]
    voucher_types: tuple[VoucherType, ...]
    rounds: tuple[Round, ...]
    limits: tuple[PersonLimit, ...]
    refunds: RefundPolicies
    refund_window_days: int
    hold_s: int
    rollover: Rollover
    packs: tuple[Pack, ...] = ()

    def pack(self, pack_id: str) -> Pack | None:
        """The pack of that id, if the campaign has it."""
        return next((p for p in self.packs if p.pack_id == pack_id), None)

    def voucher_type(self, voucher_type_id: str) -> VoucherType | None:
        """The voucher type of that id, if the campaign has it."""
        return next((t for t in self.voucher_types if t.voucher_type_id == voucher_type_id), None)

    def round(self, round_id: str) -> Round | None:
        """The round of that id, if the campaign has it."""
        return next((r for r in self.rounds if r.round_id == round_id), None)

    def round_after(self, round_id: str) -> Round | None:
        """The round that follows, or None after the last."""
        ids = [r.round_id for r in self.rounds]
        following = ids.index(round_id) + 1
        return self.rounds[following] if following < len(self.rounds) else None

    @property
    def platform_ids(self) -> tuple[str, ...]:
        """Every platform that has stock in some round, sorted."""
        return tuple(sorted({a.platform_id for r in self.rounds for a in r.stock}))

    @property
    def vouchers_end_at(self) -> datetime:
        """When the last voucher that could be issued is no longer valid."""
        ends = [
            validity_of(voucher_type, r, r.closes_at)[1]
            for r in self.rounds
            for voucher_type in self.voucher_types
        ]
        return max(ends)

    @property
    def refunds_end_at(self) -> datetime:
        """When the refund window has passed and what is left can be returned."""
        return self.vouchers_end_at + timedelta(days=self.refund_window_days)


def validity_of(
    voucher_type: VoucherType, in_round: Round, issued_at: datetime
) -> tuple[datetime, datetime]:
    """From when to when (exclusive) a voucher of this type issued then may be redeemed."""
    validity = voucher_type.validity
    if validity.kind is ValidityKind.DAYS and validity.days is not None:
        last_day = business_date(issued_at) + timedelta(days=validity.days - 1)
        return issued_at, day_bounds(last_day)[1]
    if validity.valid_from is not None and validity.valid_until is not None:
        return max(issued_at, validity.valid_from), validity.valid_until
    return issued_at, in_round.closes_at


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a document: where (a JSON Pointer), what, and what to do, in both languages."""

    pointer: str
    en: str
    zh: str


def check_campaign(campaign: Campaign) -> list[Finding]:
    """Every fault that the document's shape cannot show; empty when it can be published."""
    return [
        *_reserved(campaign),
        *_duplicates(campaign),
        *_round_faults(campaign.rounds),
        *_time_faults(campaign),
        *_allocation_faults(campaign),
        *_budget_faults(campaign),
        *_limit_faults(campaign),
        *_pack_faults(campaign),
        *_validity_faults(campaign),
    ]


def _reserved(campaign: Campaign) -> Iterator[Finding]:
    if campaign.campaign_id in RESERVED_IDS:
        yield Finding(
            "/campaign_id",
            f"{campaign.campaign_id} is the name of a folder of reports; choose another",
            f"{campaign.campaign_id} 是报表目录的保留名称，请改用其他编号",
        )


def _duplicates(campaign: Campaign) -> Iterator[Finding]:
    yield from _repeated("/voucher_types", [t.voucher_type_id for t in campaign.voucher_types])
    yield from _repeated("/packs", [p.pack_id for p in campaign.packs])
    yield from _repeated("/rounds", [r.round_id for r in campaign.rounds])
    yield from _repeated("/limits", [limit.scope for limit in campaign.limits])
    yield from _repeated("/person/identities", campaign.identities)
    for number, in_round in enumerate(campaign.rounds):
        pools = [f"{a.voucher_type_id}/{a.platform_id}" for a in in_round.stock]
        yield from _repeated(f"/rounds/{number}/stock", pools)


def _repeated(pointer: str, names: Sequence[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield Finding(
                f"{pointer}/{number}",
                f"{name} stands here a second time; keep one of the two",
                f"{name} 重复出现，请保留其中一个",
            )
        seen.add(name)


def _round_faults(rounds: Sequence[Round]) -> Iterator[Finding]:
    for number, in_round in enumerate(rounds):
        if in_round.closes_at <= in_round.opens_at:
            yield Finding(
                f"/rounds/{number}/closes_at",
                "the round closes before it opens; give a later time",
                "轮次的结束时间不晚于开始时间，请改为更晚的时间",
            )
        if number and in_round.opens_at < rounds[number - 1].closes_at:
            yield Finding(
                f"/rounds/{number}/opens_at",
                "the round opens before the one above it closes; order rounds by time, apart",
                "本轮在上一轮结束之前开始，请按时间先后排列且不重叠",
            )


def _time_faults(campaign: Campaign) -> Iterator[Finding]:
    for pointer, at in _times(campaign):
        if not EARLIEST <= at < LATEST:
            yield Finding(
                pointer,
                f"must be a time of the years {EARLIEST.year} to {LATEST.year - 1}; "
                "give the one that is meant",
                f"必须在 {EARLIEST.year} 年至 {LATEST.year - 1} 年之间，请填写实际时间",
            )


def _times(campaign: Campaign) -> Iterator[tuple[str, datetime]]:
    for number, in_round in enumerate(campaign.rounds):
        yield f"/rounds/{number}/opens_at", in_round.opens_at
        yield f"/rounds/{number}/closes_at", in_round.closes_at
    for number, voucher_type in enumerate(campaign.voucher_types):
        for name in ("valid_from", "valid_until"):
            at = getattr(voucher_type.validity, name)
            if at is not None:
                yield f"/voucher_types/{number}/validity/{name}", at


def _allocation_faults(campaign: Campaign) -> Iterator[Finding]:
    known = {t.voucher_type_id for t in campaign.voucher_types}
    for number, in_round in enumerate(campaign.rounds):
        for place, allocation in enumerate(in_round.stock):
            if allocation.voucher_type_id not in known:
                yield Finding(
                    f"/rounds/{number}/stock/{place}/voucher_type_id",
                    f"{allocation.voucher_type_id} is not among the voucher types; add it there",
                    f"券种 {allocation.voucher_type_id} 不在 voucher_types 中，请先在那里定义",
                )


def _budget_faults(campaign: Campaign) -> Iterator[Finding]:
    reserve = {t.voucher_type_id: t.unit_reserve_fen for t in campaign.voucher_types}
    planned_fen = sum(
        a.units * reserve.get(a.voucher_type_id, 0) for r in campaign.rounds for a in r.stock
    )
    if planned_fen > campaign.appropriated_fen:
        yield Finding(
            "/appropriated_fen",
            f"the stock can cost {planned_fen} fen, more than the {campaign.appropriated_fen} "
            "appropriated; plan fewer units or appropriate more",
            f"库存最多需要 {planned_fen} 分，超过拨款 {campaign.appropriated_fen} 分，"
            "请减少券量或增加拨款",
        )


def _limit_faults(campaign: Campaign) -> Iterator[Finding]:
    if not campaign.identities:
        yield Finding(
            "/person/identities",
            "no identity makes two claims one person's; name at least IDENTITY_NUMBER",
            "未指定自然人识别方式，请至少填写 IDENTITY_NUMBER",
        )
    if campaign.eligibility.real_name and IdentityKind.IDENTITY_NUMBER not in campaign.identities:
        yield Finding(
            "/person/eligibility/real_name",
            "real names are asked for, but the identity number is not; add IDENTITY_NUMBER",
            "要求实名但未采集身份证号，请在 identities 中加入 IDENTITY_NUMBER",
        )


def _pack_faults(campaign: Campaign) -> Iterator[Finding]:
    for number, pack in enumerate(campaign.packs):
        for place, voucher_type_id in enumerate(pack.voucher_type_ids):
            pointer = f"/packs/{number}/voucher_type_ids/{place}"
            voucher_type = campaign.voucher_type(voucher_type_id)
            if voucher_type is None:
                yield Finding(
                    pointer,
                    f"{voucher_type_id} is not among the voucher types; add it there",
                    f"券种 {voucher_type_id} 不在 voucher_types 中，请先在那里定义",
                )
            elif voucher_type.distribution is not Distribution.FIRST_COME:
                yield Finding(
                    pointer,
                    f"{voucher_type_id} is {voucher_type.distribution}: nobody can claim it, so "
                    "nobody could claim the pack; take it out of the pack, or leave the type's "
                    "distribution out",
                    f"券种 {voucher_type_id} 为定向发放，不能领取，含有它的券包也无法领取；"
                    "请从券包中移除，或去掉该券种的 distribution",
                )
        counts = Counter(pack.voucher_type_ids)
        at_once = {
            LimitScope.VOUCHER_TYPE: max(counts.values()),
            LimitScope.VOUCHER_TYPE_PER_ROUND: max(counts.values()),
            LimitScope.ROUND: counts.total(),
            LimitScope.CAMPAIGN: counts.total(),
            LimitScope.PLATFORM_PER_ROUND: counts.total(),
        }
        for limit in campaign.limits:
            if at_once.get(limit.scope, 0) > limit.max_count:
                yield Finding(
                    f"/packs/{number}",
                    f"nobody could claim it: it counts {at_once[limit.scope]} against the limit "
                    f"{limit.scope} of {limit.max_count}; shorten the pack or raise the limit",
                    f"无人可领：该券包对限额 {limit.scope} 计 {at_once[limit.scope]}，"
                    f"超过上限 {limit.max_count}，请减少券包内容或提高限额",
                )


def _validity_faults(campaign: Campaign) -> Iterator[Finding]:
    for number, voucher_type in enumerate(campaign.voucher_types):
        validity = voucher_type.validity
        if validity.valid_from is None or validity.valid_until is None:
            continue
        pointer = f"/voucher_types/{number}/validity/valid_until"
        last_claim_at = max(
            (
                in_round.closes_at
                for in_round in campaign.rounds
                for allocation in in_round.stock
                if allocation.voucher_type_id == voucher_type.voucher_type_id
            ),
            default=validity.valid_until,
        )
        if validity.valid_until <= validity.valid_from:
            yield Finding(
                pointer,
                "the window ends before it begins; give a later time",
                "有效期结束时间不晚于开始时间，请改为更晚的时间",
            )
        elif validity.valid_until < last_claim_at:
            yield Finding(
                pointer,
                "the window ends while a round still gives these vouchers; give a later time",
                "有效期结束时仍有轮次在发放该券，请改为更晚的时间",
            )


def campaign_from_document(document: Mapping[str, Any]) -> Campaign:
    """The campaign of a document whose shape has been checked.

    Raises:
        HuiminError: CAMPAIGN_INVALID when a voucher type's amounts contradict each other.
        KeyError: the shape was not checked.

    """
    person = document["person"]
    refunds = document["refunds"]
    return Campaign(
        campaign_id=document["campaign_id"],
        name=Text(**document["name"]),
        appropriated_fen=document["appropriated_fen"],
        source_account=SourceAccount(**document["source_account"]),
        identities=tuple(IdentityKind(kind) for kind in person["identities"]),
        eligibility=Eligibility(
            real_name=person["eligibility"]["real_name"],
            located_in=tuple(person["eligibility"]["located_in"]),
        ),
        industries=tuple(document["scope"]["industries"]),
        voucher_types=tuple(
            _voucher_type(plain, f"/voucher_types/{number}")
            for number, plain in enumerate(document["voucher_types"])
        ),
        rounds=tuple(_round(plain) for plain in document["rounds"]),
        limits=tuple(
            PersonLimit(LimitScope(plain["scope"]), plain["max_count"])
            for plain in document["limits"]
        ),
        refunds=RefundPolicies(
            whole_valid=WholeValidPolicy(refunds["whole_valid"]),
            whole_expired=WholeExpiredPolicy(refunds["whole_expired"]),
            part=PartPolicy(refunds["part"]),
        ),
        refund_window_days=refunds["window_days"],
        hold_s=document["hold_s"],
        rollover=Rollover(document["rollover"]),
        packs=tuple(
            Pack(plain["pack_id"], Text(**plain["name"]), tuple(plain["voucher_type_ids"]))
            for plain in document.get("packs") or ()
        ),
    )


def _voucher_type(plain: Mapping[str, Any], pointer: str) -> VoucherType:
    try:
        benefit = Benefit(
            kind=VoucherKind(plain["kind"]),
            face_fen=plain.get("face_fen"),
            percent_off_bp=plain.get("percent_off_bp"),
            cap_fen=plain.get("cap_fen"),
            threshold_fen=plain["threshold_fen"],
            threshold_base=ThresholdBase(plain["threshold_base"]),
            funding=FundingShares(**plain["funding"]),
            order_share_cap_bp=plain.get("order_share_cap_bp"),
        )
        validity = _validity(plain["validity"])
    except ValueError as error:
        finding = {"pointer": pointer, "en": str(error), "zh": f"券种规则有误：{error}"}
        raise HuiminError(Code.CAMPAIGN_INVALID, errors=[finding]) from error
    return VoucherType(
        voucher_type_id=plain["voucher_type_id"],
        name=Text(**plain["name"]),
        benefit=benefit,
        validity=validity,
        distribution=Distribution(plain.get("distribution") or Distribution.FIRST_COME),
    )


def _validity(plain: Mapping[str, Any]) -> Validity:
    valid_from, valid_until = plain.get("valid_from"), plain.get("valid_until")
    return Validity(
        kind=ValidityKind(plain["kind"]),
        days=plain.get("days"),
        valid_from=parse_rfc3339(valid_from) if valid_from else None,
        valid_until=parse_rfc3339(valid_until) if valid_until else None,
    )


def _round(plain: Mapping[str, Any]) -> Round:
    return Round(
        round_id=plain["round_id"],
        opens_at=parse_rfc3339(plain["opens_at"]),
        closes_at=parse_rfc3339(plain["closes_at"]),
        stock=tuple(Allocation(**allocation) for allocation in plain["stock"]),
    )
