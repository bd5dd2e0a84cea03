"""Publishing a day's sets of files: each file once, with the bytes that every run gives it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from functions.reconcile.day_plan import Day, DayFault, SetPlan
from functions.reconcile.day_share import Counted
from functions.reconcile.day_tables import DayTables
from functions.reconcile.statement_files import (
    BREAK_COLUMNS,
    MOST_SHOWN,
    Restated,
    StatementSet,
    break_row,
    manifest_of,
    render_small,
)
from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.breaks import MatchState
from functions.shared.domain.settlement import Statement
from functions.shared.files.csv_out import csv_lines
from functions.shared.files.line_file import LineFile
from functions.shared.files.manifest import FILE_NAME, FileEntry
from functions.shared.files.media_types import media_type_of
from functions.shared.store.objects import ObjectStore


class FileDrift(DayFault):
    """A file of an unfinished set has other bytes than it has when rendered now."""


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
        tables: DayTables,
        adjusting: Sequence[AdjustingEntry],
    ) -> StatementSet:
        """What a set says, but for its rows.

        Args:
            plan: the set.
            statement: the campaign's.
            counted: of all segments.
            tables: with the breaks of all segments.
            adjusting: the campaign's adjusting entries of the day.

        """
        campaign_id, before = plan.campaign_id, plan.before
        sides = tables.breaks_by_state(campaign_id, plan.version)
        agreed = counted.agreed.get((campaign_id, plan.number))
        if agreed is not None and agreed.rows:
            sides[MatchState.MATCHED] = agreed
        listed = tables.listed_breaks(campaign_id, plan.version, before=before)
        restated = None
        if before is not None:
            changes = tables.break_changes(campaign_id, plan.version, before)
            restated = Restated(bill_before=self._day.bill(before), changes=changes)
        return StatementSet(
            version=plan.number,
            statement=statement,
            adjustments=counted.adjustments.get(campaign_id, ()),
            adjusting=adjusting,
            bill=self._day.bill(plan.version),
            sides=sides,
            breaks=[found for found, _ in zip(listed, range(MOST_SHOWN), strict=False)],
            restated=restated,
        )

    def finish(
        self, told: StatementSet, plan: SetPlan, tables: DayTables, large: Sequence[FileEntry]
    ) -> list[str]:
        """Writes all of a set but its large files, which are there: the manifest last.

        Returns:
            The keys written now.

        """
        prefix = self._day.prefix(plan.campaign_id, plan.number)
        written, entries = [], list(large)
        for name, (data, entry) in render_small(told).items():
            entries.append(entry)
            written += self._put(prefix + name, data)
        breaks = LineFile(tables.folder / "breaks.csv", BREAK_COLUMNS)
        listed = tables.listed_breaks(plan.campaign_id, plan.version, before=plan.before)
        breaks.write(csv_lines(BREAK_COLUMNS, map(break_row, listed)))
        entries.append(breaks.entry({}))
        written += self.put_large(plan, breaks.path, entries[-1])
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
