"""Settlement: what the bureau owes a platform for one campaign and business date.

The ledger is settled, never the bill: what two persons accept of a bill comes to it as an adjusting
entry of the day on which they did. A statement is made once and never changes: a refund of an
earlier day's redemption is an adjustment of the day on which it was recorded, whatever has been
paid for the earlier day.

    net = gross (redemptions) - refunds (of the same day's) - adjustments (of earlier days')
          + adjusting entries (recorded on the day)

Every amount is split into its fiscal, platform and merchant part; the fiscal net is payable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Final

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.business_time import business_date, day_bounds
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.ids import content_hash
from functions.shared.domain.money import NO_NET, NO_PARTS, FundingParts, NetParts

GRACE: Final = timedelta(minutes=30)
"""How long after its end a day is left alone: functions end and the ledger's index catches up."""

BILL_DEADLINE: Final = timedelta(hours=2)
"""How long after its end a day waits for the platform's bill: until 02:00 in Beijing."""


class PayableSide(StrEnum):
    """Who pays."""

    BUREAU = "BUREAU"
    PLATFORM = "PLATFORM"
    NOBODY = "NOBODY"


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of entries and their voucher money by who funds it."""

    count: int = 0
    parts: FundingParts = NO_PARTS

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, self.parts + other.parts)


@dataclass(frozen=True, slots=True)
class NetTally:
    """A number of adjusting entries and what they come to; any part may be negative."""

    count: int = 0
    parts: NetParts = NO_NET


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is owed to a platform for one campaign and business date.

    Args:
        statement_id: follows from campaign, platform and date.
        gross: the day's redemptions.
        refunds: the day's refunds of the day's own redemptions.
        adjustments: the day's refunds of earlier days' redemptions.
        adjusting: the adjusting entries recorded on the day, whatever day's breaks they end.
        entries_digest: over every entry settled, so that equal sums of other entries differ.
        bill_version: the bill it was first compared with; 0 where none had come.

    """

    statement_id: str
    campaign_id: str
    platform_id: str
    business_on: date
    gross: Tally
    refunds: Tally
    adjustments: Tally
    adjusting: NetTally
    entries_digest: str
    bill_version: int

    @property
    def net(self) -> NetParts:
        """Gross less refunds and adjustments, and what adjusting entries add or take."""
        back = self.refunds.parts + self.adjustments.parts
        return NetParts.between(back, self.gross.parts) + self.adjusting.parts

    @property
    def entries(self) -> int:
        """How many entries it settles."""
        given, back = self.gross.count, self.refunds.count + self.adjustments.count
        return given + back + self.adjusting.count

    @property
    def payable_fen(self) -> int:
        """What is to be paid, never negative; `payable_side` says by whom."""
        return abs(self.net.fiscal_fen)

    @property
    def payable_side(self) -> PayableSide:
        """BUREAU pays the platform; where more came back than was given, PLATFORM pays."""
        if self.net.fiscal_fen == 0:
            return PayableSide.NOBODY
        return PayableSide.BUREAU if self.net.fiscal_fen > 0 else PayableSide.PLATFORM

    def settles_as(self, other: Statement) -> bool:
        """Whether the other settles the same entries with the same money, whatever the bill."""
        return replace(self, bill_version=other.bill_version) == other


class StatementDrift(Exception):
    """The ledger no longer gives the statement that was made of it: somebody must look.

    It stands outside the tree of API errors: nobody's call fails, a run does.

    Args:
        stored: the statement as made.
        recounted: what the ledger gives now.

    """

    def __init__(self, stored: Statement, recounted: Statement) -> None:
        super().__init__(
            f"{stored.campaign_id} {stored.platform_id} {stored.business_on}: "
            f"settled {stored.net.fiscal_fen} fen, recounted {recounted.net.fiscal_fen}"
        )
        self.stored = stored
        self.recounted = recounted


def statement_id_of(campaign_id: str, platform_id: str, on: date) -> str:
    """The id of the settlement of that campaign, platform and business date."""
    content = {
        "kind": "settlement",
        "campaign_id": campaign_id,
        "platform_id": platform_id,
        "business_on": on.isoformat(),
    }
    return f"s_{content_hash(content)[:32]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """Entries added up by kind.

    Args:
        gross: redemptions.
        refunds: of redemptions of the same day.
        adjustments: refunds of earlier days' redemptions.

    """

    gross: Tally = Tally()
    refunds: Tally = Tally()
    adjustments: Tally = Tally()

    def __add__(self, other: Tallies) -> Tallies:
        return Tallies(
            gross=self.gross + other.gross,
            refunds=self.refunds + other.refunds,
            adjustments=self.adjustments + other.adjustments,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSum:
    """One campaign's entries of one segment of a platform's day, added up.

    Days are added up segment by segment, so that no machine has to hold a day.

    Args:
        segment: which, from 0; see `functions.shared.domain.ledger.day_segment`.
        tallies: of its entries.
        digest: SHA-256 over what never changes of its entries, in order of recording.

    """

    segment: int
    tallies: Tallies
    digest: str

    def __add__(self, other: SegmentSum) -> SegmentSum:
        """With other entries of the segment; the digest is the whole segment's on both sides."""
        assert (self.segment, self.digest) == (other.segment, other.digest), other  # noqa: S101 - they were read together
        return replace(self, tallies=self.tallies + other.tallies)

    @property
    def net(self) -> NetParts:
        """Redemptions less refunds, of whatever day's redemptions."""
        back = self.tallies.refunds.parts + self.tallies.adjustments.parts
        return NetParts.between(back, self.tallies.gross.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A refund of an earlier day's redemption, as the day that it was recorded on settles it."""

    recorded_at: datetime
    redemption_id: str
    order_no: str
    refund_no: str
    redeemed_on: date
    parts: FundingParts

    @property
    def place(self) -> tuple[datetime, str, str]:
        """Sorts adjustments by time of recording; no two are equal."""
        return self.recorded_at, self.redemption_id, self.refund_no


def make_statement(
    campaign_id: str,
    platform_id: str,
    on: date,
    sums: Iterable[SegmentSum],
    *,
    adjusting: Iterable[AdjustingEntry] = (),
    bill_version: int,
) -> Statement:
    """The statement of a day.

    Args:
        campaign_id: whose money.
        platform_id: on which platform.
        on: the business date.
        sums: of all its segments that have entries, in any order.
        adjusting: the adjusting entries recorded on the date, in any order.
        bill_version: the bill it is first compared with; 0 for none.

    """
    gross = refunds = adjustments = Tally()
    digest = hashlib.sha256()
    for found in sorted(sums, key=lambda segment_sum: segment_sum.segment):
        gross, refunds = gross + found.tallies.gross, refunds + found.tallies.refunds
        adjustments += found.tallies.adjustments
        digest.update(f"{found.segment}:{found.digest}\n".encode())
    count, net = 0, NO_NET
    for entry in sorted(adjusting, key=attrgetter("entry_id")):
        count, net = count + 1, net + entry.parts
        digest.update(f"{entry.entry_id}:{entry.parts}\n".encode())
    return Statement(
        statement_id=statement_id_of(campaign_id, platform_id, on),
        campaign_id=campaign_id,
        platform_id=platform_id,
        business_on=on,
        gross=gross,
        refunds=refunds,
        adjustments=adjustments,
        adjusting=NetTally(count, net),
        entries_digest=digest.hexdigest(),
        bill_version=bill_version,
    )


def settlement_range(campaign: Campaign) -> tuple[date, date]:
    """The business dates on which the campaign can have ledger entries, first and last."""
    first = min(in_round.opens_at for in_round in campaign.rounds)
    # The end itself is no longer in: a window that ends at midnight ends with the day before.
    last = campaign.refunds_end_at - timedelta(microseconds=1)
    return business_date(first), business_date(last)


def entry_range(campaign: Campaign) -> tuple[date, date]:
    """The same, with late refunds and final adjusting entries."""
    return settlement_range(campaign)[0], last_late_day(campaign)


def last_late_day(campaign: Campaign) -> date:
    """The last business date on which the campaign can have a late refund."""
    return business_date(campaign.late_refunds_end_at - timedelta(microseconds=1))


def latest_day_over(now: datetime) -> date:
    """The last business date that is over for good: its end lies GRACE or more back."""
    return business_date(now - GRACE) - timedelta(days=1)


def waits_for_bill(on: date, now: datetime) -> bool:
    """Whether the platform may still send the bill of that date before it is settled without."""
    return now < day_bounds(on)[1] + BILL_DEADLINE
