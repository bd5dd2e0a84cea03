"""What a campaign's document says, as values that the rules read.

`campaign_reader` makes them of a document, `campaign_checks` finds what is wrong with them. Times
are aware UTC, amounts integer fen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from functions.shared.domain.business_time import business_date, day_bounds
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.money import fiscal_reserve_fen
from functions.shared.domain.orders import Benefit, ThresholdBase
from functions.shared.domain.refund_policies import RefundPolicies
from functions.shared.domain.usage_times import ALWAYS, UsageTimes


class CampaignState(StrEnum):
    """DRAFT is edited; FUNDING spreads approved money over pools; CLOSED has returned the rest."""

    DRAFT = "DRAFT"
    FUNDING = "FUNDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"


OPEN_STATES: Final = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})
"""Its money is out, and not yet returned."""

LATE_REFUNDS: Final = timedelta(days=90)
"""How long after its refund window a closed campaign still takes refunds: as long as goods may be
given back under the rules of warranty that platforms apply."""

BOOKS_STAY_OPEN: Final = timedelta(days=30)
"""How long after that payments of what late refunds brought back are still recorded."""


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
    persons on a list; no platform can claim it. EARNED: an order of some size earns it.
    """

    FIRST_COME = "FIRST_COME"
    DIRECT = "DIRECT"
    EARNED = "EARNED"


class ValidityKind(StrEnum):
    """How long a voucher is good for.

    ROUND: to the end of its round. DAYS: to the end of the n-th business date, the first being
    the first on which it may be used. WINDOW: from one instant to another, whenever it was claimed.
    """

    ROUND = "ROUND"
    DAYS = "DAYS"
    WINDOW = "WINDOW"


# Values without checks of their own are NamedTuples: a dataclass costs more of each cold start. Not
# those that are written into payloads: `asdict` makes no mapping of a tuple.


class ValidityStart(StrEnum):
    """Whether a voucher may be used on the day that it is issued, or from the next one."""

    AT_ONCE = "AT_ONCE"
    NEXT_DAY = "NEXT_DAY"


@dataclass(frozen=True, slots=True)
class Text:
    """Wording for people, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account at a bank, and the bank's CNAPS code.

    A campaign's source account is the treasury's: the only one that its money returns to.
    """

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
        starts: not before the day after it was issued, with NEXT_DAY.
        times: on which weekdays and at which hours of that time.

    Raises:
        ValueError: naming what is missing, or set for another kind.

    """

    kind: ValidityKind
    days: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    starts: ValidityStart = ValidityStart.AT_ONCE
    times: UsageTimes = ALWAYS

    def __post_init__(self) -> None:
        if (self.days is not None) != (self.kind is ValidityKind.DAYS):
            raise ValueError("validity.days must be given for DAYS, and only there")
        window = (self.valid_from is not None, self.valid_until is not None)
        if window != ((True, True) if self.kind is ValidityKind.WINDOW else (False, False)):
            raise ValueError(
                "validity.valid_from and valid_until must be given for WINDOW, and only there"
            )


class OrderShareCap(NamedTuple):
    """A voucher's money is at most this share of the order, where industry and platform fit.

    An empty `industries` or `platforms` fits all; `share_bp` is in 1/10,000, from 1.
    """

    share_bp: int
    industries: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()

    def fits(self, industry: str, platform_id: str) -> bool:
        """Whether it counts for an order there."""
        return (not self.industries or industry in self.industries) and (
            not self.platforms or platform_id in self.platforms
        )


class Stacking(NamedTuple):
    """Beside which other offers a voucher may be used (叠加)."""

    with_merchant_discount: bool = True
    with_platform_discount: bool = True


STACKS: Final = Stacking()


class EarningRule(NamedTuple):
    """Which orders earn a voucher (消费送券): those whose base is at least `threshold_fen`."""

    threshold_fen: int
    threshold_base: ThresholdBase


@dataclass(frozen=True, slots=True)
class VoucherType:
    """A kind of voucher within a campaign.

    The first of `order_share_caps` that fits an order counts in place of the benefit's own cap.
    `earned_by` is set for EARNED, and only there.
    """

    voucher_type_id: str
    name: Text
    benefit: Benefit
    validity: Validity
    distribution: Distribution = Distribution.FIRST_COME
    order_share_caps: tuple[OrderShareCap, ...] = ()
    stacking: Stacking = STACKS
    earned_by: EarningRule | None = None

    def benefit_at(self, industry: str, platform_id: str) -> Benefit:
        """The benefit for an order at a merchant of that industry, through that platform."""
        for cap in self.order_share_caps:
            if cap.fits(industry, platform_id):
                return replace(self.benefit, order_share_cap_bp=cap.share_bp)
        return self.benefit

    @property
    def unit_reserve_fen(self) -> int:
        """The most that one voucher can cost the appropriation."""
        return fiscal_reserve_fen(self.benefit.greatest_fen, self.benefit.funding)


class Pack(NamedTuple):
    """Vouchers that are claimed together: all or none (券包).

    `voucher_type_ids` has one entry for each voucher; a type may stand there more than once.
    """

    pack_id: str
    name: Text
    voucher_type_ids: tuple[str, ...]


class Allocation(NamedTuple):
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


class PersonLimit(NamedTuple):
    """At most `max_count` of what `scope` counts, for one natural person over all platforms."""

    scope: LimitScope
    max_count: int


class Eligibility(NamedTuple):
    """Who may claim; an empty `located_in` asks for no place.

    `located_in` holds prefixes of GB/T 2260 division codes, as "11" for Beijing.
    """

    real_name: bool
    located_in: tuple[str, ...]


class MerchantScope(NamedTuple):
    """Where vouchers may be redeemed: at merchants of these industries, and further narrowed.

    Empty `merchants` and `districts` narrow nothing; a district is a division code's beginning.
    """

    industries: tuple[str, ...]
    merchants: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()


class Contract(NamedTuple):
    """What a platform and the bureau have agreed on how settlements are paid.

    A statement that the platform has not confirmed `confirm_within_days` after it was made counts
    as confirmed; `account` is the only one that the platform is paid to.
    """

    platform_id: str
    confirm_within_days: int
    account: BankAccount


@dataclass(frozen=True, slots=True)
class Campaign:
    """One appropriation and its rules."""

    campaign_id: str
    name: Text
    appropriated_fen: int
    source_account: BankAccount
    identities: tuple[IdentityKind, ...]
    eligibility: Eligibility
    scope: MerchantScope
    voucher_types: tuple[VoucherType, ...]
    rounds: tuple[Round, ...]
    limits: tuple[PersonLimit, ...]
    refunds: RefundPolicies
    refund_window_days: int
    hold_s: int
    rollover: Rollover
    packs: tuple[Pack, ...] = ()
    # Where the appropriation lies meanwhile; None where nothing is paid in beforehand.
    holding_account: BankAccount | None = None
    contracts: tuple[Contract, ...] = ()

    def contract(self, platform_id: str) -> Contract | None:
        """The contract with the platform, if the document names it."""
        return next((c for c in self.contracts if c.platform_id == platform_id), None)

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

    @property
    def late_refunds_end_at(self) -> datetime:
        """When the closed campaign takes no late refunds any more."""
        return self.refunds_end_at + LATE_REFUNDS

    @property
    def books_end_at(self) -> datetime:
        """When a closed campaign's journal and its daily recount end."""
        return self.late_refunds_end_at + BOOKS_STAY_OPEN


def validity_of(
    voucher_type: VoucherType, in_round: Round, issued_at: datetime
) -> tuple[datetime, datetime]:
    """From when to when (exclusive) a voucher of this type issued then may be redeemed."""
    validity = voucher_type.validity
    valid_from, first_day = issued_at, business_date(issued_at)
    if validity.starts is ValidityStart.NEXT_DAY:
        first_day += timedelta(days=1)
        valid_from = day_bounds(first_day)[0]
    if validity.kind is ValidityKind.DAYS and validity.days is not None:
        return valid_from, day_bounds(first_day + timedelta(days=validity.days - 1))[1]
    if validity.valid_from is not None and validity.valid_until is not None:
        return max(valid_from, validity.valid_from), validity.valid_until
    return valid_from, in_round.closes_at
