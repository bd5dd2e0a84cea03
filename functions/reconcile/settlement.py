"""Settling a platform's day: statement, breaks and files, from the ledger and the bill.

    day over + 30 min ──bill accepted, or 02:00 passed──> match ──> statement (once, with the money)
                                                             ├──> breaks opened and closed
                                                             └──> files, manifest last

A day is done again from the start by every run until all of it is there. Each step is a guard, a
compare-and-set or a file written once, and none asks the clock what to write: runs that meet, or
follow a run that died, end in the same tables and the same bytes.

A bill that comes after its day was settled changes no money. It opens and closes breaks and adds a
set of files beside the ones before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from functions.reconcile.bills import read_bill
from functions.reconcile.matching import match_day, vouchers_not_in_ledger
from functions.reconcile.statement_files import StatementSet, render_set, set_prefix
from functions.shared.domain.bills import MAX_BILL_BYTES, BillRow, BillVersion, accepted_of
from functions.shared.domain.breaks import BreakChanges, MatchRow
from functions.shared.domain.campaign import Campaign, CampaignState
from functions.shared.domain.errors import Busy
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.settlement import (
    Entry,
    Statement,
    StatementDrift,
    latest_day_over,
    make_statement,
    settlement_range,
    waits_for_bill,
)
from functions.shared.files.manifest import FILE_NAME
from functions.shared.store.bills import BillsMoved, BillStore
from functions.shared.store.breaks import BreakStore
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.vouchers import VoucherStore

DAYS_PER_RUN: Final = 100
"""The most days of platforms that one run takes; the next run goes on from there."""

LATE_BILLS: Final = timedelta(days=45)
"""How far back a run looks for accepted bills whose announcement was lost on the way."""

# A newer bill can come in while its day is being done; each try sees one more.
DAY_TRIES: Final = 5

_CONTENT_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_SETTLED_STATES: Final = frozenset(
    {CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.CLOSED}
)


class DayFault(Exception):
    """What is stored for a day contradicts itself: somebody must look.

    It stands outside the tree of API errors: nobody's call fails, a run does.
    """


class BillLost(DayFault):
    """An accepted bill is no longer in the bucket as it was accepted."""


class FileDrift(DayFault):
    """A file of an unfinished set has other bytes than it has when rendered now."""


class SettlementFailed(Exception):
    """Some days could not be settled; all others were.

    Args:
        faults: the days and why.

    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class DayResult(StrEnum):
    """How a platform's day stands after a run."""

    SETTLED = "SETTLED"
    EMPTY = "EMPTY"
    """Nothing was recorded and nothing billed: there is no statement."""
    WAITING = "WAITING"
    """The day is not over, or its bill may still come."""


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """What a run did for a platform's day.

    Args:
        platform_id: whose day.
        business_on: the business date.
        result: how it stands.
        statements: of all campaigns with anything on that day.
        breaks: what was opened, changed and closed now.
        files: the keys of files written now.

    """

    platform_id: str
    business_on: date
    result: DayResult
    statements: tuple[Statement, ...] = ()
    breaks: BreakChanges = field(default_factory=BreakChanges)
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A day that a run could not settle."""

    platform_id: str
    business_on: date
    error: DayFault | StatementDrift

    def __str__(self) -> str:
        kind = type(self.error).__name__
        return f"{kind} {self.platform_id} {self.business_on}: {self.error}"


@dataclass(frozen=True, slots=True)
class SettlementRun:
    """What a run did; `is_complete` says that no due day was left for the next run."""

    days: tuple[DayOutcome, ...]
    faults: tuple[Fault, ...]
    is_complete: bool

    def require_sound(self) -> None:
        """Passes when every day went well.

        Raises:
            SettlementFailed: otherwise; the other days are settled.

        """
        if self.faults:
            raise SettlementFailed(self.faults)


@dataclass(frozen=True, slots=True)
class SettlementStores:
    """What settling reads and writes."""

    bills: BillStore
    breaks: BreakStore
    ledger: LedgerStore
    objects: ObjectStore
    settlements: SettlementStore
    vouchers: VoucherStore


def settle_due(
    campaigns: Iterable[CampaignRecord], *, stores: SettlementStores, now: datetime
) -> SettlementRun:
    """Settles every day that is over and not done, oldest first, and files corrected bills.

    Cheap where nothing is due: one read a campaign and one query a platform. A faulty day is
    reported and tried again by every run; it holds no other day up.

    Args:
        campaigns: all campaigns; those without money out are passed over.
        stores: bills, breaks, ledger, objects, settlements and vouchers.
        now: the time of the run.

    Raises:
        Busy: throttled, or contention outlasted the retries; what is done stays done.

    """
    running = [record.campaign for record in campaigns if record.state in _SETTLED_STATES]
    work = _Work.due(running, stores, now)
    days: list[DayOutcome] = []
    faults: list[Fault] = []
    for on, platform_id in work.days[:DAYS_PER_RUN]:
        try:
            days.append(_settle(platform_id, on, running, stores, now))
        except (DayFault, StatementDrift) as error:
            faults.append(Fault(platform_id, on, error))
    work.advance(days, stores.settlements, now)
    return SettlementRun(tuple(days), tuple(faults), len(work.days) <= DAYS_PER_RUN)


def settle_day(
    platform_id: str,
    business_on: date,
    campaigns: Iterable[CampaignRecord],
    *,
    stores: SettlementStores,
    now: datetime,
) -> DayOutcome:
    """Settles one platform's day, or files its corrected bill; WAITING where it is too early.

    Raises:
        DayFault: see its kinds.
        StatementDrift: the ledger does not give the stored statement again.
        Busy: throttled, or contention outlasted the retries.

    """
    running = [record.campaign for record in campaigns if record.state in _SETTLED_STATES]
    if business_on > latest_day_over(now):
        return DayOutcome(platform_id, business_on, DayResult.WAITING)
    return _settle(platform_id, business_on, running, stores, now)


def unsettled_days(record: CampaignRecord, settlements: SettlementStore) -> list[date]:
    """The campaign's business dates that are not yet settled on all platforms, in order.

    Empty once its last day, that of the last refund, is done: then all its money is settled.
    """
    first, last = _open_range(record.campaign, settlements)
    return list(_dates(first, last))


@dataclass(frozen=True, slots=True)
class _Work:
    """The days that are due, and from where each campaign's bookmark would move on."""

    days: list[tuple[date, str]]
    spans: list[tuple[Campaign, date, date]]

    @classmethod
    def due(cls, campaigns: Sequence[Campaign], stores: SettlementStores, now: datetime) -> _Work:
        over = latest_day_over(now)
        days: set[tuple[date, str]] = set()
        spans = []
        for campaign in campaigns:
            first, last = _open_range(campaign, stores.settlements)
            last = min(last, over)
            if first <= last:
                spans.append((campaign, first, last))
                days.update((on, p) for on in _dates(first, last) for p in campaign.platform_ids)
        platforms = {p for campaign in campaigns for p in campaign.platform_ids}
        for platform_id in platforms:
            for bill in stores.bills.unreconciled(platform_id, since=over - LATE_BILLS):
                if bill.business_on <= over:
                    days.add((bill.business_on, platform_id))
        return cls(sorted(days), spans)

    def advance(
        self, outcomes: Iterable[DayOutcome], settlements: SettlementStore, now: datetime
    ) -> None:
        """Moves each campaign's bookmark over the days that are done on all its platforms."""
        done = {
            (outcome.business_on, outcome.platform_id)
            for outcome in outcomes
            if outcome.result is not DayResult.WAITING
        }
        for campaign, first, last in self.spans:
            through = None
            for on in _dates(first, last):
                if not all((on, platform_id) in done for platform_id in campaign.platform_ids):
                    break
                through = on
            if through is not None:
                settlements.advance(campaign.campaign_id, through, now=now)


def _open_range(campaign: Campaign, settlements: SettlementStore) -> tuple[date, date]:
    """The dates after the campaign's bookmark, first and last; first > last when all are done."""
    first, last = settlement_range(campaign)
    done = settlements.settled_through(campaign.campaign_id)
    return done + timedelta(days=1) if done else first, last


def _dates(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _settle(
    platform_id: str,
    on: date,
    campaigns: Sequence[Campaign],
    stores: SettlementStores,
    now: datetime,
) -> DayOutcome:
    campaign_ids = [c.campaign_id for c in campaigns if _takes_part(c, platform_id, on)]
    for _ in range(DAY_TRIES):
        try:
            return _Day(platform_id, on, stores, now).settle(campaign_ids)
        except BillsMoved:
            continue
    raise Busy(operation="settle_day")


def _takes_part(campaign: Campaign, platform_id: str, on: date) -> bool:
    first, last = settlement_range(campaign)
    return platform_id in campaign.platform_ids and first <= on <= last


class _Day:
    """One try at one platform's day, with the bills as they were when it began."""

    def __init__(self, platform_id: str, on: date, stores: SettlementStores, now: datetime) -> None:
        self._platform_id = platform_id
        self._on = on
        self._stores = stores
        self._now = now
        self._versions = stores.bills.versions(platform_id, on)
        self._bill = accepted_of(self._versions)
        self._entries: dict[str, list[Entry]] = {}
        self._matches: dict[int, list[MatchRow]] = {}

    def settle(self, campaign_ids: Sequence[str]) -> DayOutcome:
        """Does what the day still lacks.

        Raises:
            BillsMoved: a newer bill came in between.

        """
        for campaign_id in campaign_ids:
            found = self._stores.ledger.of_day(campaign_id, self._platform_id, self._on)
            self._entries[campaign_id] = list(found)
        if self._bill is None and not any(self._entries.values()):
            return DayOutcome(self._platform_id, self._on, DayResult.EMPTY)
        if self._bill is None and waits_for_bill(self._on, self._now):
            return DayOutcome(self._platform_id, self._on, DayResult.WAITING)
        rows = self._match(self._bill)
        statements = [self._state(campaign_id) for campaign_id in self._concerned(rows)]
        changes = self._stores.breaks.sync(
            self._platform_id,
            self._on,
            rows,
            bill_version=self._bill.version if self._bill else 0,
            newest=len(self._versions),
            now=self._now,
        )
        files = [key for statement in statements for key in self._publish(statement)]
        if self._bill is not None and self._bill.reconciled_at is None:
            self._stores.bills.mark_reconciled(self._bill, now=self._now)
        return DayOutcome(
            self._platform_id,
            self._on,
            DayResult.SETTLED if statements else DayResult.EMPTY,
            tuple(statements),
            changes,
            tuple(files),
        )

    def _concerned(self, rows: Sequence[MatchRow]) -> list[str]:
        """The campaigns with an entry or a bill row, and those that had one in an earlier bill."""
        concerned = {row.campaign_id for row in rows}
        for campaign_id in self._entries.keys() - concerned:
            if self._stores.settlements.statement(campaign_id, self._platform_id, self._on):
                concerned.add(campaign_id)
        return sorted(concerned)

    def _state(self, campaign_id: str) -> Statement:
        """The campaign's statement: made now, or the stored one, which must say the same."""
        recounted = make_statement(
            campaign_id,
            self._platform_id,
            self._on,
            self._entries.get(campaign_id, ()),
            bill_version=self._bill.version if self._bill else 0,
        )
        settlements = self._stores.settlements
        stored = settlements.statement(campaign_id, self._platform_id, self._on)
        if stored is None:
            stored = settlements.commit(recounted, now=self._now)
        if not stored.settles_as(recounted):
            raise StatementDrift(stored, recounted)
        if stored.bill_version > len(self._versions):
            # Another run has seen a bill that came after this try began.
            raise BillsMoved
        return stored

    def _match(self, bill: BillVersion | None) -> list[MatchRow]:
        """The day's match against that bill, of all campaigns."""
        version = bill.version if bill else 0
        if version not in self._matches:
            entries = [entry for found in self._entries.values() for entry in found]
            billed = self._rows(bill) if bill else []
            strangers = vouchers_not_in_ledger(entries, billed)
            campaign_of = {
                v.voucher_id: v.campaign_id for v in self._stores.vouchers.many(strangers)
            }
            self._matches[version] = match_day(
                self._platform_id, self._on, entries, billed, campaign_of
            )
        return self._matches[version]

    def _rows(self, bill: BillVersion) -> list[BillRow]:
        """The rows of an accepted bill, from the very object version that was accepted."""
        stored = self._stores.objects.get(
            bill.object_key, version=bill.object_version, limit=MAX_BILL_BYTES
        )
        if stored is None or hashlib.sha256(stored.data).hexdigest() != bill.sha256:
            raise BillLost(f"{bill.object_key} is gone or altered")
        reading = read_bill(stored.data, business_on=bill.business_on)
        if reading.findings.total:
            raise BillLost(f"{bill.object_key} was accepted and is now refused")
        return reading.rows

    def _publish(self, statement: Statement) -> list[str]:
        """Writes each set of the statement that has no manifest yet; the keys written."""
        # The first set shows the bill that the statement was made with, each later one a bill
        # that came afterwards.
        bills: list[BillVersion | None] = [
            next((b for b in self._versions if b.version == statement.bill_version), None)
        ]
        bills += [
            b for b in self._versions if b.was_accepted and b.version > statement.bill_version
        ]
        written = []
        for number, bill in enumerate(bills):
            prefix = set_prefix(statement, number + 1)
            if self._stores.objects.get(prefix + FILE_NAME) is not None:
                continue
            before = bills[number - 1] if number else None
            rendered = render_set(
                StatementSet(
                    version=number + 1,
                    statement=statement,
                    entries=self._entries.get(statement.campaign_id, ()),
                    rows=self._rows_of(statement, bill),
                    bill=bill,
                    rows_before=self._rows_of(statement, before) if number else None,
                    bill_before=before,
                )
            )
            written += [
                prefix + name for name, data in rendered.items() if self._put(prefix + name, data)
            ]
        return written

    def _rows_of(self, statement: Statement, bill: BillVersion | None) -> list[MatchRow]:
        return [row for row in self._match(bill) if row.campaign_id == statement.campaign_id]

    def _put(self, key: str, data: bytes) -> bool:
        """Writes a file; False where a run before this one has written the same bytes."""
        content_type = _CONTENT_TYPES[key.rpartition(".")[2]]
        if self._stores.objects.put_new(key, data, content_type=content_type):
            return True
        stored = self._stores.objects.get(key)
        if stored is None or stored.data != data:
            raise FileDrift(f"{key} is there with other bytes")
        return False
