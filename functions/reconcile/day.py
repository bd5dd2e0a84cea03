"""One platform's day, settled or filed again: statement, breaks and files, from ledger and bill.

    ledger, bills ──> part by part: sums, match, lines ──> statement (once, with the money)
                                                       ──> breaks opened and closed
                                                       ──> files, manifest last

A day is done again from the start by every run until all of it is there. Each step is a guard, a
compare-and-set or a file written once, and none asks the clock what to write: runs that meet, or
follow a run that died, end in the same tables and the same bytes.

A day with more rows than one function takes is done by many: see `functions.reconcile.day_steps`,
which is made of the same parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from functions.reconcile.day_files import BreakSummary, Publisher, write_breaks
from functions.reconcile.day_ledger import Part, reading
from functions.reconcile.day_plan import Day, SetPlan, plans_of
from functions.reconcile.day_share import Counted, DayShare
from functions.reconcile.engine import Engine, engine
from functions.reconcile.statement_files import DETAIL_COLUMNS, adjusting_row
from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.breaks import BreakChanges
from functions.shared.domain.settlement import (
    Statement,
    StatementDrift,
    make_statement,
    waits_for_bill,
)
from functions.shared.files.csv_out import csv_lines
from functions.shared.store.adjusting import AdjustingStore
from functions.shared.store.bills import BillsMoved, BillStore
from functions.shared.store.breaks import BreakStore
from functions.shared.store.connection import Database
from functions.shared.store.ledger_rows import LedgerRowStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.vouchers import VoucherStore


class DayResult(StrEnum):
    """How a platform's day stands after a run."""

    SETTLED = "SETTLED"
    EMPTY = "EMPTY"
    """Nothing was recorded and nothing billed: there is no statement."""
    WAITING = "WAITING"
    """The day is not over, or its bill may still come."""
    SPLIT = "SPLIT"
    """It is too large for one function: several are at it."""


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

    @classmethod
    def of(cls, database: Database, objects: ObjectStore) -> SettlementStores:
        """Those of a database, and of the files bucket."""
        return cls(
            adjusting=AdjustingStore(database),
            bills=BillStore(database),
            breaks=BreakStore(database),
            ledger=LedgerRowStore(database),
            objects=objects,
            settlements=SettlementStore(database),
            vouchers=VoucherStore(database),
        )


class DayTooLarge(Exception):
    """The day has more rows than one function takes; nothing is written."""


def settle_once(
    platform_id: str,
    on: date,
    campaign_ids: Sequence[str],
    *,
    stores: SettlementStores,
    now: datetime,
    most: int | None = None,
) -> DayOutcome:
    """One try at a platform's day: does what it still lacks.

    Args:
        platform_id: whose day.
        on: the business date, which is over.
        campaign_ids: the campaigns that can have entries on it.
        stores: adjusting entries, bills, breaks, ledger, objects, settlements and vouchers.
        now: the time of the run.
        most: how many entries, or bill rows, one function takes; None for any number.

    Raises:
        DayTooLarge: there are more.
        BillsMoved: a newer bill came in between, or another run's statement knows another one.
        DayFault: see its kinds.
        StatementDrift: the ledger does not give the stored statement again.
        Busy: throttled, or contention outlasted the retries.

    """
    known = list(campaign_ids)
    while True:
        with engine() as opened:
            try:
                day = Day.seen(stores.bills, platform_id, on)
                return _Run(DayAccount(day, known, stores), stores, now, opened, most).settle()
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


class DayAccount:
    """What a day's campaigns are owed: their statements, and what those are made of.

    Args:
        day: with its bills.
        campaign_ids: the campaigns that are looked at.
        stores: adjusting entries, objects and settlements.

    """

    def __init__(self, day: Day, campaign_ids: Sequence[str], stores: SettlementStores) -> None:
        self.day = day
        self.campaign_ids = tuple(campaign_ids)
        self._stores = stores
        self.stored: dict[str, Statement | None] = {
            name: stores.settlements.statement(name, day.platform_id, day.on)
            for name in campaign_ids
        }
        self.adjusting: dict[str, list[AdjustingEntry]] = {
            name: entries
            for name in campaign_ids
            if (entries := stores.adjusting.of_day(name, day.platform_id, day.on))
        }

    def plans(self) -> list[SetPlan]:
        """The sets of files that are to be made, if their campaigns turn out to have any."""
        objects = self._stores.objects
        return [
            plan
            for name in self.campaign_ids
            for plan in plans_of(self.day, name, self.stored[name], objects)
        ]

    def concerned(self, counted: Counted, broken: Iterable[str]) -> list[str]:
        """The campaigns with an entry or a bill row, and those that had one in an earlier bill.

        Args:
            counted: of the whole day.
            broken: those that have a break with the bill that counts.

        """
        before = {name for name, stored in self.stored.items() if stored is not None}
        return sorted({*counted.sums, *self.adjusting, *broken} | before)

    def state(self, campaign_id: str, counted: Counted, now: datetime) -> Statement:
        """The campaign's statement: made now, or the stored one, which must say the same.

        Raises:
            BillsMoved: another run was first, with another bill.
            StatementDrift: see there.
            Busy: contention outlasted the retries.

        """
        day = self.day
        recounted = make_statement(
            campaign_id,
            day.platform_id,
            day.on,
            counted.sums.get(campaign_id, ()),
            adjusting=self.adjusting.get(campaign_id, ()),
            bill_version=day.version,
        )
        planned = self.stored[campaign_id]
        stored = planned or self._stores.settlements.commit(recounted, now=now)
        if not stored.settles_as(recounted):
            raise StatementDrift(stored, recounted)
        if planned is None and stored.bill_version != day.version:
            # The sets are numbered from the bill of the stored statement.
            raise BillsMoved
        return stored


class _Run:
    """One try at a whole day in one process."""

    def __init__(
        self,
        account: DayAccount,
        stores: SettlementStores,
        now: datetime,
        opened: Engine,
        most: int | None,
    ) -> None:
        self._account = account
        self._day = account.day
        self._stores = stores
        self._now = now
        self._engine = opened
        self._most = most
        self._share = DayShare(self._day, opened, objects=stores.objects, vouchers=stores.vouchers)

    def settle(self) -> DayOutcome:
        day, account = self._day, self._account
        if day.accepted and self._most is not None and day.accepted.rows > self._most:
            raise DayTooLarge
        plans = account.plans()
        with reading(
            day.platform_id,
            day.on,
            account.campaign_ids,
            ledger=self._stores.ledger,
            folder=self._engine.folder,
        ) as parts:
            if day.accepted is None and waits_for_bill(day.on, self._now):
                is_empty = not account.adjusting and not any(part.rows for part in parts)
                return self._nothing(DayResult.EMPTY if is_empty else DayResult.WAITING)
            rows = self._match(parts, plans)
        if day.accepted is None and not account.adjusting and not rows:
            return self._nothing(DayResult.EMPTY)
        counted, tables = self._share.counted, self._share.tables
        concerned = account.concerned(counted, tables.broken_campaigns(day.version))
        others = [name for name in concerned if name not in account.campaign_ids]
        if others:
            raise _OthersNamed(others)
        statements = {name: account.state(name, counted, self._now) for name in concerned}
        changes = self._stores.breaks.sync(
            day.platform_id,
            day.on,
            tables.breaks(day.version),
            bill_version=day.version,
            newest=day.newest,
            now=self._now,
        )
        late = self._stores.breaks.match_late(day.platform_id, day.on, self._now)
        written = [
            key
            for plan in plans
            if plan.campaign_id in statements
            for key in self._publish(plan, statements[plan.campaign_id])
        ]
        if day.accepted is not None and day.accepted.reconciled_at is None:
            self._stores.bills.mark_reconciled(day.accepted, now=self._now)
        return DayOutcome(
            day.platform_id,
            day.on,
            DayResult.SETTLED if statements else DayResult.EMPTY,
            tuple(statements.values()),
            changes,
            tuple(written),
            late,
        )

    def _nothing(self, result: DayResult) -> DayOutcome:
        return DayOutcome(self._day.platform_id, self._day.on, result)

    def _match(self, parts: Iterator[Part], plans: Sequence[SetPlan]) -> int:
        """Matches part by part while the next ones are read; how many entries there are."""
        rows = 0
        twice = self._share.load_bills(plans)
        if twice:
            # What one part holds decides on another: all are read first.
            held = list(self._bounded(parts))
            self._share.note_booked(held, twice)
            parts = iter(held)
        for part in self._bounded(parts):
            self._share.match(part, plans)
            rows += part.rows
        return rows

    def _bounded(self, parts: Iterable[Part]) -> Iterator[Part]:
        """The parts, as long as one function takes them."""
        rows = 0
        for part in parts:
            rows += part.rows
            if self._most is not None and rows > self._most:
                raise DayTooLarge
            yield part

    def _publish(self, plan: SetPlan, statement: Statement) -> list[str]:
        """Writes a set's files, the manifest last; the keys written now."""
        publisher, tables = Publisher(self._day, self._stores.objects), self._share.tables
        told = publisher.told(
            plan,
            statement,
            counted=self._share.counted,
            breaks=BreakSummary.of(tables, plan),
            adjusting=self._account.adjusting.get(plan.campaign_id, ()),
        )
        lines = self._share.lines_of(plan)
        lines.detail.write(csv_lines(DETAIL_COLUMNS, map(adjusting_row, told.adjusting)))
        large, written = [], []
        for file, totals in (
            (lines.detail, {"settled_fen": statement.net.fiscal_fen}),
            (lines.reconciliation, {"difference_fen": told.difference_fen}),
            (write_breaks(tables.folder / "breaks.csv", tables, plan), {}),
        ):
            large.append(file.entry(totals))
            written += publisher.put_large(plan, file.path, large[-1])
        return written + publisher.finish(told, plan, large)
