"""A bill that is too large for one function, step by step, as a state machine has many do it.

    CHECK, a segment each ──> RECORD

Every segment asks the tables whose its vouchers are, which takes longest; then one function takes
the bill in, as any other. Its day is settled by the next run of the reconciler.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from functions.reconcile.bills import Intake, IntakeStores, strangers_in, take_in
from functions.reconcile.day_plan import SEGMENTS
from functions.reconcile.day_share_file import WorkLost
from functions.shared.files.json_out import canonical
from functions.shared.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class BillTask:
    """The bill: the state machine's own data.

    Args:
        object_key: as S3 has it.
        object_version: which was announced; None for the newest.
        run: the run's name; no other run has it.

    """

    object_key: str
    object_version: str | None
    run: str

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> BillTask:
        """Of JSON; other members are the state machine's, and passed over."""
        return cls(document["object_key"], document["object_version"], document["run"])

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "segments": list(SEGMENTS)}

    def key(self, segment: int) -> str:
        """Of the working file that a segment leaves."""
        return f"days/bills/{self.run}/{segment}.json"


class BillSteps:
    """The steps, each of which may be done anywhere, again, and by two at once.

    Args:
        stores: what intake reads and writes.
        work: the bucket of working files.

    """

    def __init__(self, stores: IntakeStores, work: ObjectStore) -> None:
        self._stores = stores
        self._work = work

    def check(self, task: BillTask, segment: int, now: datetime) -> None:
        """Finds the segment's lines with vouchers that are not the platform's.

        Raises:
            Busy: throttled or lost beyond the retries.

        """
        lines = strangers_in(
            task.object_key,
            [segment],
            stores=self._stores,
            now=now,
            object_version=task.object_version,
        )
        self._work.put(task.key(segment), canonical(lines), content_type="application/json")

    def record(self, task: BillTask, now: datetime) -> Intake:
        """Takes the bill in, with what all segments have found.

        Raises:
            WorkLost: a segment's file is gone.
            Busy: other deliveries of the day came in between on every try.

        """
        lines = sorted(line for segment in SEGMENTS for line in self._lines(task, segment))
        return take_in(
            task.object_key,
            stores=self._stores,
            now=now,
            object_version=task.object_version,
            strangers=lambda _platform_id, _engine: lines,
        )

    def _lines(self, task: BillTask, segment: int) -> list[int]:
        stored = self._work.get(task.key(segment))
        if stored is None:
            raise WorkLost(f"{task.key(segment)} is gone")
        lines: list[int] = json.loads(stored.data)
        return lines
