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

from functions.reconcile.bills import Intake, IntakeStores, LoadedBill, strangers_in, take_in
from functions.reconcile.day_plan import SEGMENTS
from functions.reconcile.day_share_file import WorkLost
from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.files.json_out import canonical
from functions.shared.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class BillTask:
    """The bill: the state machine's own data.

    Args:
        object_key: as S3 has it.
        object_version: which was announced; None for the newest.
        run: the run's name; no other run has it.
        announced_at: when; both steps judge by it whether the bill has come too early.

    """

    object_key: str
    object_version: str | None
    run: str
    announced_at: datetime

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> BillTask:
        """Of JSON; other members are the state machine's, and passed over."""
        return cls(
            document["object_key"],
            document["object_version"],
            document["run"],
            parse_rfc3339(document["announced_at"]),
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        announced_at = to_rfc3339(self.announced_at)
        return {**asdict(self), "announced_at": announced_at, "segments": list(SEGMENTS)}

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

    def check(self, task: BillTask, segment: int) -> None:
        """Finds the segment's lines with vouchers that are not the platform's.

        Raises:
            Busy: throttled or lost beyond the retries.

        """
        found = strangers_in(
            task.object_key,
            [segment],
            stores=self._stores,
            now=task.announced_at,
            object_version=task.object_version,
        )
        self._work.put(task.key(segment), canonical(found), content_type="application/json")

    def record(self, task: BillTask) -> Intake:
        """Takes the bill in, with what all segments have found.

        Raises:
            WorkLost: a segment's file is gone, or it has not looked at these bytes.
            Busy: other deliveries of the day came in between on every try.

        """
        found = [self._found(task, segment) for segment in SEGMENTS]

        def strangers(bill: LoadedBill) -> list[int]:
            # No row may pass that nobody has asked the tables about.
            if any(each is None or each[0] != bill.sha256 for each in found):
                raise WorkLost(f"{task.object_key} is not the bill that was checked")
            return sorted(line for each in found if each is not None for line in each[1])

        return take_in(
            task.object_key,
            stores=self._stores,
            now=task.announced_at,
            object_version=task.object_version,
            strangers=strangers,
        )

    def _found(self, task: BillTask, segment: int) -> tuple[str, list[int]] | None:
        stored = self._work.get(task.key(segment))
        if stored is None:
            raise WorkLost(f"{task.key(segment)} is gone")
        found: tuple[str, list[int]] | None = json.loads(stored.data)
        return found
