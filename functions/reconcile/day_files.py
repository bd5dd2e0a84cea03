"""Publishing a day's sets of files: each file once, with the bytes that every run gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from pathlib import Path

from functions.reconcile.day_plan import Day, DayFault, SetPlan
from functions.reconcile.day_share import Counted
from functions.reconcile.day_tables import DayTables, Sides
from functions.reconcile.statement_files import (
    BREAK_COLUMNS,
    MOST_SHOWN,
    ListedBreak,
    Restated,
    StatementSet,
    break_row,
    manifest_of,
    render_small,
)
from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.breaks import BreakChanges, MatchState
from functions.shared.domain.ledger import day_segment
from functions.shared.domain.settlement import Statement
from functions.shared.files.csv_out import csv_lines
from functions.shared.files.line_file import LineFile
from functions.shared.files.manifest import FILE_NAME, FileEntry
from functions.shared.files.media_types import media_type_of
from functions.shared.store.objects import ObjectStore


class FileDrift(DayFault):
    """A file of an unfinished set has other bytes than it has when rendered now."""


@dataclass(frozen=True, slots=True)
class BreakSummary:
    """What a set says of its breaks, but for their rows by the million.

    Args:
        sides: the breaks of each kind.
        changes: against the set before; None where it is the first.
        shown: the first MOST_SHOWN, by segment and key.

    """

    sides: Mapping[MatchState, Sides]
    changes: BreakChanges | None
    shown: tuple[ListedBreak, ...]

    @classmethod
    def of(cls, tables: DayTables, plan: SetPlan) -> BreakSummary:
        """Of the breaks that are in the tables."""
        changes = None
        if plan.before is not None:
            changes = tables.break_changes(plan.campaign_id, plan.version, plan.before)
        return cls(
            sides=tables.breaks_by_state(plan.campaign_id, plan.version),
            changes=changes,
            shown=tuple(islice(_listed(tables, plan), MOST_SHOWN)),
        )

    def __add__(self, other: BreakSummary) -> BreakSummary:
        """With those of another share."""
        changes = self.changes
        if changes is not None and other.changes is not None:
            changes += other.changes
        return BreakSummary(
            sides={
                state: self.sides.get(state, Sides()) + other.sides.get(state, Sides())
                for state in self.sides.keys() | other.sides.keys()
            },
            changes=changes,
            shown=tuple(islice(merge(self.shown, other.shown, key=_place), MOST_SHOWN)),
        )


def _place(listed: ListedBreak) -> tuple[object, ...]:
    """Where `DayTables.listed_breaks` has it."""
    row, _ = listed
    order_no, entry_type, refund_no = row.side.key
    return day_segment(order_no), order_no, entry_type.value, refund_no, row.break_id


def write_breaks(path: Path, tables: DayTables, plan: SetPlan) -> LineFile:
    """A set's breaks that are in the tables, and those it closes, as a file."""
    file = LineFile(path, BREAK_COLUMNS)
    file.write(csv_lines(BREAK_COLUMNS, map(break_row, _listed(tables, plan))))
    return file


def _listed(tables: DayTables, plan: SetPlan) -> Iterator[ListedBreak]:
    return tables.listed_breaks(plan.campaign_id, plan.version, before=plan.before)


class Publisher:
    """Writes the files of a day's sets.

    Args:
        day: whose.
        objects: the files.

    """

    def __init__(self, day: Day, objects: ObjectStore) -> None:
        self._day = day
        self._objects = objects

    def told(
        self,
        plan: SetPlan,
        statement: Statement,
        *,
        counted: Counted,
        breaks: BreakSummary,
        adjusting: Sequence[AdjustingEntry],
    ) -> StatementSet:
        """What a set says, but for its rows.

        Args:
            plan: the set.
            statement: the campaign's.
            counted: of all segments.
            breaks: of all segments.
            adjusting: the campaign's adjusting entries of the day.

        """
        sides = dict(breaks.sides)
        agreed = counted.agreed.get((plan.campaign_id, plan.number))
        if agreed is not None and agreed.rows:
            sides[MatchState.MATCHED] = agreed
        restated = None
        if plan.before is not None and breaks.changes is not None:
            before = self._day.bill(plan.before)
            restated = Restated(bill_before=before, changes=breaks.changes)
        return StatementSet(
            version=plan.number,
            statement=statement,
            adjustments=counted.adjustments.get(plan.campaign_id, ()),
            adjusting=adjusting,
            bill=self._day.bill(plan.version),
            sides=sides,
            breaks=breaks.shown,
            restated=restated,
        )

    def finish(self, told: StatementSet, plan: SetPlan, large: Sequence[FileEntry]) -> list[str]:
        """Writes all of a set but its large files, which are there: the manifest last.

        Returns:
            The keys written now.

        """
        prefix = self._day.prefix(plan.campaign_id, plan.number)
        written, entries = [], list(large)
        for name, (data, entry) in render_small(told).items():
            entries.append(entry)
            written += self._put(prefix + name, data)
        return [*written, *self._put(prefix + FILE_NAME, manifest_of(told, entries).to_bytes())]

    def put_large(self, plan: SetPlan, path: Path, entry: FileEntry) -> list[str]:
        """Writes a file of a set from disk, where it is gone afterwards; its key if written now."""
        key = self._day.prefix(plan.campaign_id, plan.number) + entry.name
        with path.open("rb") as file:
            is_new = self._objects.put_new(key, file, content_type=media_type_of(key))
        path.unlink()
        if is_new:
            return [key]
        if self._objects.sha256(key) != entry.sha256:
            raise FileDrift(f"{key} is there with other bytes")
        return []

    def _put(self, key: str, data: bytes) -> list[str]:
        """Writes a file; nothing where a run before this one has written the same bytes."""
        if self._objects.put_new(key, data, content_type=media_type_of(key)):
            return [key]
        stored = self._objects.get(key)
        if stored is None or stored.data != data:
            raise FileDrift(f"{key} is there with other bytes")
        return []
