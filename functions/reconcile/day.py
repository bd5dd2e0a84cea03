"""One platform's day, settled or filed again: statement, breaks and files, from ledger and bill.

    ledger, bills ──> part by part: sums, match, lines ──> statement (once, with the money)
                                                       ──> breaks opened and closed
                                                       ──> files, manifest last

A day is done again from the start by every run until all of it is there. Each step is a guard, a
compare-and-set or a file written once, and none asks the clock what to write: runs that meet, or
follow a run that died, end in the same tables and the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from functions.reconcile.day_ledger import StagedLedger, stage_ledger
from functions.reconcile.day_tables import DayTables, Sides
from functions.reconcile.engine import Engine, engine
from functions.reconcile.statement_files import (
    BREAK_COLUMNS,
    DETAIL_COLUMNS,
    MOST_SHOWN,
    RECONCILIATION_COLUMNS,
    Restated,
    StatementSet,
    adjusting_row,
    agreed_cells,
    break_row,
    detail_cells,
    manifest_of,
    reconciliation_row,
    render_small,
    set_prefix,
)
from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.bills import MAX_BILL_BYTES, BillVersion, accepted_of
from functions.shared.domain.breaks import BreakChanges, MatchState
from functions.shared.domain.settlement import (
    Adjustment,
    SegmentSum,
    Statement,
    StatementDrift,
    make_statement,
    statement_id_of,
    waits_for_bill,
)
from functions.shared.files.csv_out import csv_lines
from functions.shared.files.line_file import LineFile
from functions.shared.files.manifest import FILE_NAME, FileEntry
from functions.shared.files.media_types import media_type_of
from functions.shared.store.adjusting import AdjustingStore
from functions.shared.store.bills import BillsMoved, BillStore
from functions.shared.store.breaks import BreakStore
from functions.shared.store.ledger_rows import LedgerRowStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.vouchers import VoucherStore


class DayFault(Exception):
    """What is stored for a day contradicts itself: somebody must look.

    It stands outside the tree of API errors: nobody's call fails, a run does.
    """


class BillLost(DayFault):
    """An accepted bill is no longer in the bucket as it was accepted."""


class FileDrift(DayFault):
    """A file of an unfinished set has other bytes than it has when rendered now."""


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
        matched_late: how many breaks a neighbouring date's bill has ended now, or no longer does.

    """

    platform_id: str
    business_on: date
    result: DayResult
    statements: tuple[Statement, ...] = ()
    breaks: BreakChanges = field(default_factory=BreakChanges)
    files: tuple[str, ...] = ()
    matched_late: int = 0


@dataclass(frozen=True, slots=True)
class SettlementStores:
    """What settling reads and writes."""

    adjusting: AdjustingStore
    bills: BillStore
    breaks: BreakStore
    ledger: LedgerRowStore
    objects: ObjectStore
    settlements: SettlementStore
    vouchers: VoucherStore


def settle_once(
    platform_id: str,
    on: date,
    campaign_ids: Sequence[str],
    *,
    stores: SettlementStores,
    now: datetime,
) -> DayOutcome:
    """One try at a platform's day: does what it still lacks.

    Args:
        platform_id: whose day.
        on: the business date, which is over.
        campaign_ids: the campaigns that can have entries on it.
        stores: adjusting entries, bills, breaks, ledger, objects, settlements and vouchers.
        now: the time of the run.

    Raises:
        BillsMoved: a newer bill came in between, or another run's statement knows another one.
        DayFault: see its kinds.
        StatementDrift: the ledger does not give the stored statement again.
        Busy: throttled, or contention outlasted the retries.

    """
    known = list(campaign_ids)
    while True:
        with engine() as opened:
            try:
                return _Day(platform_id, on, stores, now, opened).settle(known)
            except _OthersNamed as others:
                known += others.campaign_ids


class _OthersNamed(Exception):
    """The bill names vouchers of campaigns that can have no entries on the day.

    They get files like the others, which are planned before the match: so it is done again.

    Args:
        campaign_ids: those campaigns.

    """

    def __init__(self, campaign_ids: Sequence[str]) -> None:
        super().__init__(", ".join(campaign_ids))
        self.campaign_ids = campaign_ids


@dataclass(frozen=True, slots=True)
class _SetPlan:
    """A set of files that is not there yet.

    Args:
        campaign_id: whose.
        number: counts the sets of the statement from 1.
        bill: the bill that it shows; None for none.
        before: the bill of the set before; None for none, or where it is the first set.

    """

    campaign_id: str
    number: int
    bill: BillVersion | None
    before: BillVersion | None

    @property
    def version(self) -> int:
        """Of the bill that it shows."""
        return self.bill.version if self.bill else 0

    @property
    def version_before(self) -> int | None:
        """Of the bill that the set before shows; None where there is no set before."""
        if self.number == 1:
            return None
        return self.before.version if self.before else 0


class _SetFiles:
    """The large files of a set, while they grow part by part."""

    def __init__(self, folder: Path, plan: _SetPlan) -> None:
        self._folder = folder / f"{plan.campaign_id}-v{plan.number}"
        self._folder.mkdir()
        self.detail = LineFile(self._folder / "detail.csv", DETAIL_COLUMNS)
        self.reconciliation = LineFile(self._folder / "reconciliation.csv", RECONCILIATION_COLUMNS)
        self.breaks = LineFile(self._folder / "breaks.csv", BREAK_COLUMNS)
        self.agreed = Sides()


class _Day:
    """One try, with the bills as they were when it began."""

    def __init__(
        self,
        platform_id: str,
        on: date,
        stores: SettlementStores,
        now: datetime,
        opened: Engine,
    ) -> None:
        self._platform_id = platform_id
        self._on = on
        self._stores = stores
        self._now = now
        self._engine = opened
        self._folder = opened.folder
        self._versions = stores.bills.versions(platform_id, on)
        self._bill = accepted_of(self._versions)
        self._version = self._bill.version if self._bill else 0
        self._stored: dict[str, Statement | None] = {}
        self._sums: dict[str, list[SegmentSum]] = {}
        self._adjustments: dict[str, list[Adjustment]] = {}
        self._adjusting: dict[str, list[AdjustingEntry]] = {}
        self._files: dict[tuple[str, int], _SetFiles] = {}

    def settle(self, campaign_ids: Sequence[str]) -> DayOutcome:
        staged = stage_ledger(
            self._platform_id,
            self._on,
            campaign_ids,
            ledger=self._stores.ledger,
            folder=self._folder,
        )
        for campaign_id in campaign_ids:
            entries = self._stores.adjusting.of_day(campaign_id, self._platform_id, self._on)
            if entries:
                self._adjusting[campaign_id] = entries
        if self._bill is None and not staged.total and not self._adjusting:
            return DayOutcome(self._platform_id, self._on, DayResult.EMPTY)
        if self._bill is None and waits_for_bill(self._on, self._now):
            return DayOutcome(self._platform_id, self._on, DayResult.WAITING)
        plans = [plan for campaign_id in campaign_ids for plan in self._plans(campaign_id)]
        self._match_all(staged, plans)
        concerned = self._concerned(campaign_ids)
        others = [name for name in concerned if name not in campaign_ids]
        if others:
            raise _OthersNamed(others)
        statements = {campaign_id: self._state(campaign_id) for campaign_id in concerned}
        changes = self._stores.breaks.sync(
            self._platform_id,
            self._on,
            self._tables.breaks(self._version),
            bill_version=self._version,
            newest=len(self._versions),
            now=self._now,
        )
        late = self._stores.breaks.match_late(self._platform_id, self._on, self._now)
        written = [
            key
            for plan in plans
            if plan.campaign_id in statements
            for key in self._publish(plan, statements[plan.campaign_id])
        ]
        if self._bill is not None and self._bill.reconciled_at is None:
            self._stores.bills.mark_reconciled(self._bill, now=self._now)
        return DayOutcome(
            self._platform_id,
            self._on,
            DayResult.SETTLED if statements else DayResult.EMPTY,
            tuple(statements.values()),
            changes,
            tuple(written),
            late,
        )

    def _plans(self, campaign_id: str) -> Iterator[_SetPlan]:
        """The campaign's sets that have no manifest yet, if it has any set at all."""
        stored = self._stored_statement(campaign_id)
        first = stored.bill_version if stored else self._version
        # The first set shows the bill that the statement was made with, each later one a bill
        # that came afterwards.
        bills = [next((b for b in self._versions if b.version == first), None)]
        bills += [b for b in self._versions if b.was_accepted and b.version > first]
        for number, bill in enumerate(bills, 1):
            prefix = self._prefix(campaign_id, number)
            if stored is None or self._stores.objects.get(prefix + FILE_NAME) is None:
                yield _SetPlan(campaign_id, number, bill, bills[number - 2] if number > 1 else None)

    def _stored_statement(self, campaign_id: str) -> Statement | None:
        if campaign_id not in self._stored:
            self._stored[campaign_id] = self._stores.settlements.statement(
                campaign_id, self._platform_id, self._on
            )
        return self._stored[campaign_id]

    def _prefix(self, campaign_id: str, number: int) -> str:
        return set_prefix(campaign_id, self._platform_id, self._on, number)

    @cached_property
    def _tables(self) -> DayTables:
        return DayTables(self._engine, self._platform_id, self._on)

    # The day, part by part.

    def _match_all(self, staged: StagedLedger, plans: Sequence[_SetPlan]) -> None:
        """Adds up and matches all parts, and writes the plans' large files onto disk."""
        parts = list(staged.parts())
        versions = sorted(
            {self._version}
            | {plan.version for plan in plans}
            | {plan.version_before for plan in plans if plan.version_before is not None}
        )
        twice = [version for version in versions if version and self._load(version)]
        if twice:
            for part in parts:
                self._tables.load_ledger(part.files)
                for version in twice:
                    self._tables.note_booked(version)
        for part in parts:
            self._tables.load_ledger(part.files)
            self._add_up(staged)
            for version in versions:
                agreed = self._tables.match(version, part.segments, self._stores.vouchers.owners)
                for plan in plans:
                    if plan.version == version:
                        self._write_part(plan, agreed.get(plan.campaign_id, Sides()))

    def _load(self, version: int) -> bool:
        """Loads an accepted bill, from the very object version that was accepted.

        True where it names a voucher in several redemptions.
        """
        [bill] = [b for b in self._versions if b.version == version]
        path = self._folder / f"bill-{version}.csv"
        stored = self._stores.objects.fetch(
            bill.object_key, path, version=bill.object_version, limit=MAX_BILL_BYTES
        )
        if stored is None or stored.sha256 != bill.sha256:
            raise BillLost(f"{bill.object_key} is gone or altered")
        if self._tables.load_bill(version, path).total:
            raise BillLost(f"{bill.object_key} was accepted and is now refused")
        path.unlink()
        return self._tables.needs_booked(version)

    def _add_up(self, staged: StagedLedger) -> None:
        for campaign_id, segments in self._tables.tallies().items():
            self._sums.setdefault(campaign_id, []).extend(
                SegmentSum(segment=s, tallies=found, digest=staged.digests[campaign_id, s])
                for s, found in segments.items()
            )
        for campaign_id, adjustment in self._tables.adjustments():
            self._adjustments.setdefault(campaign_id, []).append(adjustment)

    def _write_part(self, plan: _SetPlan, agreed: Sides) -> None:
        """Appends the part's lines to the large files of a set."""
        tables, campaign_id = self._tables, plan.campaign_id
        segments = tables.matched_segments(campaign_id, plan.version)
        if not segments:
            return
        files = self._files_of(plan)
        files.agreed += agreed
        lines = self._folder / "lines.csv"
        statement_id = statement_id_of(campaign_id, self._platform_id, self._on)
        files.detail.append(
            lines, tables.copy_entries(campaign_id, detail_cells(statement_id), lines)
        )
        for segment in segments:
            files.reconciliation.append(
                lines, tables.copy_agreed(campaign_id, segment, agreed_cells(), lines)
            )
            broken = tables.listed_breaks(campaign_id, plan.version, segments=[segment])
            rows = (reconciliation_row(row) for row, _ in broken)
            files.reconciliation.write(csv_lines(RECONCILIATION_COLUMNS, rows))

    def _files_of(self, plan: _SetPlan) -> _SetFiles:
        key = plan.campaign_id, plan.number
        if key not in self._files:
            self._files[key] = _SetFiles(self._folder, plan)
        return self._files[key]

    # What it adds up to.

    def _concerned(self, campaign_ids: Iterable[str]) -> list[str]:
        """The campaigns with an entry or a bill row, and those that had one in an earlier bill."""
        concerned = {*self._sums, *self._adjusting, *self._tables.broken_campaigns(self._version)}
        stored = {name for name in campaign_ids if self._stored_statement(name) is not None}
        return sorted(concerned | stored)

    def _state(self, campaign_id: str) -> Statement:
        """The campaign's statement: made now, or the stored one, which must say the same."""
        recounted = make_statement(
            campaign_id,
            self._platform_id,
            self._on,
            self._sums.get(campaign_id, ()),
            adjusting=self._adjusting.get(campaign_id, ()),
            bill_version=self._version,
        )
        planned = self._stored_statement(campaign_id)
        stored = planned or self._stores.settlements.commit(recounted, now=self._now)
        if not stored.settles_as(recounted):
            raise StatementDrift(stored, recounted)
        if planned is None and stored.bill_version != self._version:
            # Another run was first, with another bill: the sets are numbered from that one.
            raise BillsMoved
        return stored

    # Its files.

    def _publish(self, plan: _SetPlan, statement: Statement) -> list[str]:
        """Writes a set's files, the manifest last; the keys written now."""
        files = self._files_of(plan)
        told = self._told(plan, statement, files.agreed)
        files.detail.write(csv_lines(DETAIL_COLUMNS, map(adjusting_row, told.adjusting)))
        files.breaks.write(
            csv_lines(
                BREAK_COLUMNS,
                map(
                    break_row,
                    self._tables.listed_breaks(
                        plan.campaign_id, plan.version, before=plan.version_before
                    ),
                ),
            )
        )
        prefix = self._prefix(plan.campaign_id, plan.number)
        written, entries = [], []
        for name, (data, entry) in render_small(told).items():
            entries.append(entry)
            written += self._put(prefix + name, data)
        for file, totals in (
            (files.detail, {"settled_fen": statement.net.fiscal_fen}),
            (files.reconciliation, {"difference_fen": told.difference_fen}),
            (files.breaks, {}),
        ):
            entry = file.entry(totals)
            entries.append(entry)
            written += self._put_file(prefix, file.path, entry)
        return [*written, *self._put(prefix + FILE_NAME, manifest_of(told, entries).to_bytes())]

    def _told(self, plan: _SetPlan, statement: Statement, agreed: Sides) -> StatementSet:
        """What the set says, but for its rows."""
        tables, campaign_id, before = self._tables, plan.campaign_id, plan.version_before
        sides = tables.breaks_by_state(campaign_id, plan.version)
        if agreed.rows:
            sides[MatchState.MATCHED] = agreed
        listed = tables.listed_breaks(campaign_id, plan.version, before=before)
        restated = None
        if before is not None:
            changes = tables.break_changes(campaign_id, plan.version, before)
            restated = Restated(bill_before=plan.before, changes=changes)
        return StatementSet(
            version=plan.number,
            statement=statement,
            adjustments=self._adjustments.get(campaign_id, ()),
            adjusting=self._adjusting.get(campaign_id, ()),
            bill=plan.bill,
            sides=sides,
            breaks=[found for found, _ in zip(listed, range(MOST_SHOWN), strict=False)],
            restated=restated,
        )

    def _put(self, key: str, data: bytes) -> list[str]:
        """Writes a file; nothing where a run before this one has written the same bytes."""
        if self._stores.objects.put_new(key, data, content_type=media_type_of(key)):
            return [key]
        stored = self._stores.objects.get(key)
        if stored is None or stored.data != data:
            raise FileDrift(f"{key} is there with other bytes")
        return []

    def _put_file(self, prefix: str, path: Path, entry: FileEntry) -> list[str]:
        """The same for a file on disk, which is gone from there afterwards."""
        key = prefix + entry.name
        with path.open("rb") as file:
            is_new = self._stores.objects.put_new(key, file, content_type=media_type_of(key))
        path.unlink()
        if is_new:
            return [key]
        if self._stores.objects.sha256(key) != entry.sha256:
            raise FileDrift(f"{key} is there with other bytes")
        return []
