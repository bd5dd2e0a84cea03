"""A share of a platform's day: some of its slices, or all, read, matched and written onto disk.

    ledger, segment by segment ─┐
    bills ──────────────────────┴──> sums and breaks (kept), lines of the large files

What a share gives is put together with the others' in `functions.reconcile.day`, where one
function does the whole day, or in `functions.reconcile.day_steps`, where many do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from functions.reconcile.bill_bytes import BillLost
from functions.reconcile.day_ledger import Part
from functions.reconcile.day_plan import Day, SetPlan
from functions.reconcile.day_tables import DayTables, Sides
from functions.reconcile.engine import Engine
from functions.reconcile.statement_files import (
    DETAIL_COLUMNS,
    RECONCILIATION_COLUMNS,
    agreed_cells,
    detail_cells,
    reconciliation_row,
)
from functions.shared.domain.bills import MAX_BILL_BYTES
from functions.shared.domain.settlement import Adjustment, SegmentSum, statement_id_of
from functions.shared.files.csv_out import csv_lines
from functions.shared.files.line_file import LineFile
from functions.shared.store.objects import ObjectStore
from functions.shared.store.vouchers import VoucherStore


@dataclass(slots=True)
class Counted:
    """What a share of a day comes to, by campaign.

    Args:
        sums: of each segment that has entries.
        adjustments: the refunds of earlier days' redemptions.
        agreed: what agrees with the bill that a set shows, by campaign and number of the set.

    """

    sums: dict[str, list[SegmentSum]] = field(default_factory=dict)
    adjustments: dict[str, list[Adjustment]] = field(default_factory=dict)
    agreed: dict[tuple[str, int], Sides] = field(default_factory=dict)

    def add(self, other: Counted) -> None:
        """Takes in what other shares come to."""
        for campaign_id, sums in other.sums.items():
            known = {of.segment: of for of in self.sums.get(campaign_id, ())}
            for of in sums:
                known[of.segment] = known[of.segment] + of if of.segment in known else of
            self.sums[campaign_id] = list(known.values())
        for campaign_id, adjustments in other.adjustments.items():
            self.adjustments.setdefault(campaign_id, []).extend(adjustments)
        for key, sides in other.agreed.items():
            self.agreed[key] = self.agreed.get(key, Sides()) + sides


@dataclass(frozen=True, slots=True)
class SetLines:
    """The large files of a set, while they grow part by part.

    Args:
        detail: the entries.
        reconciliation: the match.

    """

    detail: LineFile
    reconciliation: LineFile


def versions_of(day: Day, plans: Iterable[SetPlan]) -> list[int]:
    """The bills that are to be matched: the one that counts, and those of the plans; 0 for none."""
    shown = {plan.version for plan in plans}
    before = {plan.before for plan in plans if plan.before is not None}
    return sorted({day.version} | shown | before)


class DayShare:
    """Some segments of a day in an engine, and their lines in its folder.

    Args:
        day: whose.
        opened: nobody else's.
        objects: where the bills lie.
        vouchers: say whose the vouchers are that only a bill names.
        share: its number, which ends the names of its large files; None where it is the whole day.

    """

    def __init__(
        self,
        day: Day,
        opened: Engine,
        *,
        objects: ObjectStore,
        vouchers: VoucherStore,
        share: int | None = None,
    ) -> None:
        self._day = day
        self._engine = opened
        self._objects = objects
        self._vouchers = vouchers
        self._suffix = "" if share is None else f"-{share:03d}"
        self.tables = DayTables(opened, day.platform_id, day.on)
        self.counted = Counted()
        self.lines: dict[tuple[str, int], SetLines] = {}

    def load_bills(self, plans: Iterable[SetPlan]) -> list[int]:
        """Loads all that is to be matched, whole.

        Returns:
            The versions that name a voucher in several redemptions: of all segments of the day, it
            must be noted which of those are booked, before any is matched.

        Raises:
            BillLost: one is gone.

        """
        versions = versions_of(self._day, plans)
        return [version for version in versions if version and self._load(version)]

    def _load(self, version: int) -> bool:
        """Loads a bill from the very object version that was accepted."""
        bill = self._day.bill(version)
        assert bill is not None, version  # noqa: S101 - 0 is no version
        path = self._engine.folder / f"bill-{version}.csv"
        stored = self._objects.fetch(
            bill.object_key, path, version=bill.object_version, limit=MAX_BILL_BYTES
        )
        if stored is None or stored.sha256 != bill.sha256:
            raise BillLost(f"{bill.object_key} is gone or altered")
        if self.tables.load_bill(version, path).total:
            raise BillLost(f"{bill.object_key} was accepted and is now refused")
        path.unlink()
        return self.tables.needs_booked(version)

    def note_booked(self, parts: Iterable[Part], versions: Collection[int]) -> None:
        """Notes which vouchers that a bill names several times are booked in these parts."""
        for part in parts:
            self.tables.load_ledger(part.files, is_sorted=part.is_sorted)
            for version in versions:
                self.tables.note_booked(version)

    def match(self, part: Part, plans: Sequence[SetPlan]) -> None:
        """Adds up and matches a part, and writes its lines of the plans' large files."""
        self.tables.load_ledger(part.files, is_sorted=part.is_sorted)
        self._add_up(part)
        for version in versions_of(self._day, plans):
            agreed = self.tables.match(version, part.segments, self._vouchers.owners)
            for plan in plans:
                if plan.version == version:
                    self._write(plan, agreed.get(plan.campaign_id, Sides()))

    def _add_up(self, part: Part) -> None:
        counted = self.counted
        for campaign_id, segments in self.tables.tallies().items():
            counted.sums.setdefault(campaign_id, []).extend(
                SegmentSum(segment=s, tallies=found, digest=part.digest(campaign_id, s))
                for s, found in segments.items()
            )
        for campaign_id, adjustment in self.tables.adjustments():
            counted.adjustments.setdefault(campaign_id, []).append(adjustment)

    def _write(self, plan: SetPlan, agreed: Sides) -> None:
        """Appends the part's lines to the large files of a set."""
        tables, campaign_id = self.tables, plan.campaign_id
        segments = tables.matched_segments(campaign_id, plan.version)
        if not segments:
            return
        key = campaign_id, plan.number
        self.counted.agreed[key] = self.counted.agreed.get(key, Sides()) + agreed
        files = self.lines_of(plan)
        lines = self._engine.folder / "lines.csv"
        statement_id = statement_id_of(campaign_id, self._day.platform_id, self._day.on)
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

    def lines_of(self, plan: SetPlan) -> SetLines:
        """The large files of a set; of no line, where the share has none."""
        key = plan.campaign_id, plan.number
        if key not in self.lines:
            folder = self._engine.folder / f"{plan.campaign_id}-v{plan.number}"
            folder.mkdir()
            self.lines[key] = SetLines(
                LineFile(folder / f"detail{self._suffix}.csv", DETAIL_COLUMNS),
                LineFile(folder / f"reconciliation{self._suffix}.csv", RECONCILIATION_COLUMNS),
            )
        return self.lines[key]
