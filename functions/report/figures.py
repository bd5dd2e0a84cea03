"""The figures of the T+1 report, counted from rows: by day, since the beginning, and restated.

Everything that adds up is added up: the cumulative figures of a day are the sum of its days, so a
refund recorded on the 4th of a redemption of the 1st lowers the 4th and the total from then on,
and never moves the report of the 1st. What was known of the 1st then and is known now stands
beside each other in the restatements. Users and merchants are distinct within a day; over days,
each counts on the day on which it came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from datetime import date
from typing import TypeAlias

from functions.report.rows import (
    ClaimRow,
    Dimension,
    Entry,
    EntryRow,
    IssuedVoucher,
    Key,
    Newcomers,
    claim_keys,
    claim_rows,
    entry_keys,
    entry_rows,
    redeemed_on,
)
from functions.shared.domain.ledger import Redemption


@dataclass(slots=True)
class Tally:
    """The figures of one group; counts, and amounts in fen.

    What a redemption gave stands under its own name, what refunds took back of it under
    `refunded_…`; the net is the difference. It is negative on a day that takes back more than it
    gives. `refund_fen` is what refunds named: voucher money and the consumer's.
    """

    issued_count: int = 0
    issued_fen: int = 0
    claim_users: int = 0
    redeem_users: int = 0
    merchants_active: int = 0
    redemption_count: int = 0
    reversed_count: int = 0
    order_fen: int = 0
    refunded_order_fen: int = 0
    redemption_fen: int = 0
    refunded_voucher_fen: int = 0
    fiscal_fen: int = 0
    refunded_fiscal_fen: int = 0
    platform_match_fen: int = 0
    refunded_platform_match_fen: int = 0
    merchant_match_fen: int = 0
    refunded_merchant_match_fen: int = 0
    refund_count: int = 0
    refund_fen: int = 0

    @property
    def net_redemption_count(self) -> int:
        """Redemptions of which something is left."""
        return self.redemption_count - self.reversed_count

    @property
    def net_order_fen(self) -> int:
        """Order value less what went back."""
        return self.order_fen - self.refunded_order_fen

    @property
    def net_redemption_fen(self) -> int:
        """Voucher money less what went back."""
        return self.redemption_fen - self.refunded_voucher_fen

    @property
    def net_fiscal_fen(self) -> int:
        """Public money less what went back."""
        return self.fiscal_fen - self.refunded_fiscal_fen

    @property
    def net_platform_match_fen(self) -> int:
        """The platform's money less what went back."""
        return self.platform_match_fen - self.refunded_platform_match_fen

    @property
    def net_merchant_match_fen(self) -> int:
        """The merchants' money less what went back."""
        return self.merchant_match_fen - self.refunded_merchant_match_fen

    def add(self, other: Tally) -> None:
        """Adds another tally's figures to this one's."""
        for name in _TALLY_FIELDS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def add_claim(self, row: ClaimRow) -> None:
        """Counts a row of claims."""
        self.issued_count += row.voucher_count
        self.issued_fen += row.issued_fen

    def add_entry(self, row: EntryRow) -> None:
        """Counts a ledger entry."""
        amounts = row.amounts
        platform_match_fen = amounts.parts.platform_fen + amounts.platform_discount_fen
        merchant_match_fen = amounts.parts.merchant_fen + amounts.merchant_discount_fen
        if isinstance(row.entry, Redemption):
            self.redemption_count += 1
            self.order_fen += amounts.order_fen
            self.redemption_fen += amounts.voucher_fen
            self.fiscal_fen += amounts.parts.fiscal_fen
            self.platform_match_fen += platform_match_fen
            self.merchant_match_fen += merchant_match_fen
        else:
            self.refund_count += 1
            self.reversed_count += row.closes
            self.refund_fen += amounts.voucher_fen + amounts.paid_fen
            self.refunded_order_fen += amounts.order_fen
            self.refunded_voucher_fen += amounts.voucher_fen
            self.refunded_fiscal_fen += amounts.parts.fiscal_fen
            self.refunded_platform_match_fen += platform_match_fen
            self.refunded_merchant_match_fen += merchant_match_fen


_TALLY_FIELDS = tuple(field.name for field in fields(Tally))


class Figures:
    """A tally for each group of each dimension."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[Dimension, Key], Tally] = {}

    def of(self, dimension: Dimension, *key: str) -> Tally:
        """The group's tally; all zero where nothing happened."""
        return self._tallies.get((dimension, key)) or Tally()

    def keys(self, dimension: Dimension) -> list[Key]:
        """The groups of a dimension in which something happened, sorted."""
        return sorted(key for found, key in self._tallies if found is dimension)

    def at(self, dimension: Dimension, key: Key) -> Tally:
        """The group's tally, to add to."""
        return self._tallies.setdefault((dimension, key), Tally())

    def add(self, other: Figures) -> None:
        """Adds another's figures to these, group by group."""
        for (dimension, key), tally in other._tallies.items():
            self.at(dimension, key).add(tally)

    def copied(self) -> Figures:
        """The figures as they are now."""
        figures = Figures()
        figures._tallies = {group: copy(tally) for group, tally in self._tallies.items()}
        return figures


@dataclass(frozen=True, slots=True)
class Day:
    """A business date: its rows, its figures, and the same with newcomers for users."""

    on: date
    claims: tuple[ClaimRow, ...]
    entries: tuple[EntryRow, ...]
    figures: Figures
    newcomers: Figures


@dataclass(frozen=True, slots=True)
class Restatement:
    """What the day's refunds changed of an earlier day's redemptions in one industry.

    `was_fen` and `now_fen` are the net voucher money of those redemptions, as known at the end of
    the day before and at the end of the day.
    """

    redeemed_on: date
    industry: str
    refund_count: int
    redemption_fen: int
    was_fen: int
    now_fen: int

    @property
    def change_fen(self) -> int:
        """What the day changed; not above zero."""
        return self.now_fen - self.was_fen


@dataclass(frozen=True, slots=True)
class DayLine:
    """A business date in the course of the campaign.

    `tally` is the day as its own report had it. `first_fen` is the net voucher money of the
    redemptions of that day as known when it ended, `now_fen` as known at the cut-off.
    """

    on: date
    tally: Tally
    first_fen: int
    now_fen: int

    @property
    def restated_fen(self) -> int:
        """What later refunds took off the day's redemptions."""
        return self.now_fen - self.first_fen


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one campaign and business date, as known when that date ended."""

    day: Day
    cumulative: Figures
    restatements: tuple[Restatement, ...]
    course: tuple[DayLine, ...]


@dataclass(slots=True)
class _Cohort:
    """The redemptions of one day in one industry, followed to the present."""

    redemption_fen: int = 0
    refunded_same_day_fen: int = 0
    refunded_fen: int = 0

    @property
    def net_fen(self) -> int:
        return self.redemption_fen - self.refunded_fen


_CohortKey: TypeAlias = tuple[date, str]


class History:
    """A campaign from its first day on, read day by day in order.

    It holds each person once for each group that the person has been in, and each redemption with
    what is left to refund of it: about half a gigabyte for a million of both.

    Args:
        face_fen: the most that one voucher of a type gives, by type.

    """

    def __init__(self, face_fen: Mapping[str, int]) -> None:
        self._face_fen = face_fen
        self._claimants = Newcomers()
        self._redeemers = Newcomers()
        self._merchants = Newcomers()
        self._refundable_fen: dict[str, int] = {}
        self._cohorts: dict[_CohortKey, _Cohort] = {}
        self._cumulative = Figures()
        self._course: list[tuple[date, Tally]] = []

    def take(self, on: date, issued: Iterable[IssuedVoucher], entries: Iterable[Entry]) -> Report:
        """Counts the next business date and gives the report of it.

        Raises:
            ValueError: the date does not follow the last one taken, or a day has too many rows.
            KeyError: a refund's redemption, or a voucher's type, was never seen.

        """
        if self._course and on <= self._course[-1][0]:
            raise ValueError(f"{on} does not follow {self._course[-1][0]}")
        claims = claim_rows(issued, on, face_fen=self._face_fen, claimants=self._claimants)
        rows = entry_rows(
            entries,
            on,
            refundable_fen=self._refundable_fen,
            redeemers=self._redeemers,
            merchants=self._merchants,
        )
        day = Day(on, claims, rows, daily_figures(claims, rows), newcomer_figures(claims, rows))
        restatements = tuple(self._restate(on, rows))
        self._cumulative.add(day.newcomers)
        self._course.append((on, day.figures.of(Dimension.CAMPAIGN)))
        return Report(day, self._cumulative.copied(), restatements, self._course_now())

    def _restate(self, on: date, rows: Sequence[EntryRow]) -> Iterator[Restatement]:
        """Moves the cohorts; yields what changed of earlier days, by day and industry."""
        late: dict[_CohortKey, list[EntryRow]] = {}
        for row in rows:
            key = (redeemed_on(row.entry), row.entry.industry)
            cohort = self._cohorts.setdefault(key, _Cohort())
            if isinstance(row.entry, Redemption):
                cohort.redemption_fen += row.amounts.voucher_fen
            elif key[0] == on:
                cohort.refunded_fen += row.amounts.voucher_fen
                cohort.refunded_same_day_fen += row.amounts.voucher_fen
            else:
                late.setdefault(key, []).append(row)
        for key, refunds in sorted(late.items()):
            cohort = self._cohorts[key]
            was_fen = cohort.net_fen
            cohort.refunded_fen += sum(row.amounts.voucher_fen for row in refunds)
            yield Restatement(
                redeemed_on=key[0],
                industry=key[1],
                refund_count=len(refunds),
                redemption_fen=cohort.redemption_fen,
                was_fen=was_fen,
                now_fen=cohort.net_fen,
            )

    def _course_now(self) -> tuple[DayLine, ...]:
        first_fen: dict[date, int] = {}
        now_fen: dict[date, int] = {}
        for (on, _), cohort in self._cohorts.items():
            first = cohort.redemption_fen - cohort.refunded_same_day_fen
            first_fen[on] = first_fen.get(on, 0) + first
            now_fen[on] = now_fen.get(on, 0) + cohort.net_fen
        return tuple(
            DayLine(on, tally, first_fen.get(on, 0), now_fen.get(on, 0))
            for on, tally in self._course
        )


def daily_figures(claims: Iterable[ClaimRow], entries: Iterable[EntryRow]) -> Figures:
    """The figures of a day; users and merchants are distinct within it."""
    claimants, redeemers, merchants = Newcomers(), Newcomers(), Newcomers()
    figures = Figures()
    for claim in claims:
        keys = claim_keys(claim)
        _add_claim(figures, claim, keys, claimants.meet(claim.person_no, keys))
    for row in entries:
        keys = entry_keys(row.entry)
        is_redemption = isinstance(row.entry, Redemption)
        users = redeemers.meet(row.person_no, keys) if is_redemption else ()
        shops = merchants.meet(row.merchant_no, keys) if is_redemption else ()
        _add_entry(figures, row, keys, users, shops)
    return figures


def newcomer_figures(claims: Iterable[ClaimRow], entries: Iterable[EntryRow]) -> Figures:
    """The same, but users and merchants count only where they are new: they add up over days."""
    figures = Figures()
    for claim in claims:
        _add_claim(figures, claim, claim_keys(claim), claim.person_new_in)
    for row in entries:
        keys = entry_keys(row.entry)
        _add_entry(figures, row, keys, row.person_new_in, row.merchant_new_in)
    return figures


def _add_claim(
    figures: Figures,
    row: ClaimRow,
    keys: Mapping[Dimension, Key],
    users: Sequence[Dimension],
) -> None:
    for dimension, key in keys.items():
        tally = figures.at(dimension, key)
        tally.add_claim(row)
        tally.claim_users += dimension in users


def _add_entry(
    figures: Figures,
    row: EntryRow,
    keys: Mapping[Dimension, Key],
    users: Sequence[Dimension],
    shops: Sequence[Dimension],
) -> None:
    for dimension, key in keys.items():
        tally = figures.at(dimension, key)
        tally.add_entry(row)
        tally.redeem_users += dimension in users
        tally.merchants_active += dimension in shops
