"""A large day as functions of the state machine do it: time and peak memory of its pieces.

    python -m tests.benchmarks.large_days ROWS

The day has so many entries and bill rows. One segment of its ledger is read, every chunk of its
bill, and every share that has rows of that segment is matched. The other segments' rows in the bill
are shorter ones, which cost less to make.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from functions.reconcile.day_plan import Step
from functions.reconcile.day_steps import DaySteps
from functions.reconcile.day_task import Task
from functions.reconcile.shares import segment_of_share
from functions.shared.domain.bills import BILL_COLUMNS
from functions.shared.domain.ledger import day_segment
from functions.shared.store.ledger_rows import LedgerRow
from functions.shared.store.objects import StoredObject
from tests.benchmarks.days import (
    CAMPAIGN,
    ON,
    PAGE,
    PLATFORM,
    FolderObjects,
    Paths,
    RecordedPages,
    entry_of,
    peak_mb,
    stores_of,
)
from tests.benchmarks.own_process import measured
from tests.support.deployment import ENVIRONMENT

SEGMENT = 0
_LETTERS = str.maketrans("01", "za")
_SHORT = [7_300, 200, 100, 2_000, 5_000]


def measure(rows: int) -> dict[str, Any]:
    """Seconds and peak memory of each kind of piece, in a process of its own."""
    return measured("tests.benchmarks.large_days", rows)


class WorkFolder(FolderObjects):
    """Working files, which are read again."""

    def put(self, key: str, data: Any, *, content_type: str) -> None:  # noqa: ANN401, ARG002
        """Writes the file, also over another."""
        self._write(key, data, "wb")

    def get(self, key: str, **_: object) -> StoredObject | None:
        """The file."""
        return StoredObject((self.folder / key).read_bytes(), "1", datetime.now(UTC))


def make_segment(paths: Paths, rows: int) -> int:
    """Writes the segment's pages and the whole bill; how many entries the segment has."""
    entries, refunds, page = 0, 0, list[str]()
    totals = [0] * len(_SHORT)
    with paths.pages(SEGMENT).open("w") as pages, paths.bill.open("w", newline="") as bill:
        bill.write(",".join(BILL_COLUMNS) + "\r\n")
        for number in range(rows):
            order_no = f"P{ON:%Y%m%d}{number * 7_919 % rows:012d}"
            if day_segment(order_no) == SEGMENT:
                entry, row, signed = entry_of(number, rows)
                page.append(json.dumps(entry))
                entries += 1
                refunds += row[1] == "REFUND"
            else:
                name = f"{number:024b}"[-24:].translate(_LETTERS)
                signed = _SHORT
                row = [order_no, "REDEEM", "", f"v_{name}abcdefgh", f"merchant-{number % 5_003}"]
                row += ["2026-01-05T04:00:00.123Z", *map(str, _SHORT)]
            if len(page) == PAGE:
                pages.write("[" + ",".join(page) + "]\n")
                page.clear()
            bill.write(",".join(row) + "\r\n")
            totals = [total + fen for total, fen in zip(totals, signed, strict=True)]
        if page:
            pages.write("[" + ",".join(page) + "]\n")
        bill.write(f"TRAILER,{rows},{refunds},,,,{','.join(map(str, totals))}\r\n")
    return entries


class OneSegment(RecordedPages):
    """The recorded pages of a segment; the other segments have no entries."""

    def pages(
        self, campaign_id: str, platform_id: str, on: date, segment: int
    ) -> Iterator[list[LedgerRow]]:
        """The rows of one segment, a page at a time."""
        if segment == SEGMENT:
            yield from super().pages(campaign_id, platform_id, on, segment)


@dataclass(slots=True)
class Took:
    """What steps of one kind took.

    Args:
        count: how many there were.
        most_s: seconds of the longest.
        peak_mb: the process's peak memory after them.

    """

    count: int = 0
    most_s: float = 0.0
    peak_mb: int = 0


class Machine:
    """Does steps, and measures them."""

    def __init__(self, steps: DaySteps, now: datetime) -> None:
        self._steps = steps
        self._now = now
        self.took: dict[str, Took] = {}

    def do(self, kind: str, step: Step, task: dict[str, Any], **more: object) -> dict[str, Any]:
        """Does a step, of a kind that is measured together."""
        began = time.perf_counter()
        answer = self._steps.do({"step": step, "task": task, **more}, self._now)
        took = self.took.setdefault(kind, Took())
        took.count += 1
        took.most_s = max(took.most_s, round(time.perf_counter() - began, 2))
        took.peak_mb = round(peak_mb())
        return answer


def play(rows: int) -> dict[str, Any]:
    """Plays a day of so many entries, and does the pieces of one segment; what they took."""
    with (
        tempfile.TemporaryDirectory(prefix="huimin-bench-") as folder,
        patch.dict(os.environ, ENVIRONMENT),
        mock_aws(),
    ):
        paths = Paths(Path(folder))
        entries = make_segment(paths, rows)
        stores = replace(stores_of(paths), ledger=OneSegment(paths))
        before_mb = peak_mb()
        machine = Machine(
            DaySteps(stores, WorkFolder(paths.folder / "work")),
            datetime(2026, 1, 5, 19, tzinfo=UTC),
        )
        task = Task(PLATFORM, ON, (CAMPAIGN,), "run-1").to_document()
        task = machine.do("PLAN", Step.PLAN, task)
        for piece in sorted(task["pieces"], key=lambda each: str(each["kind"])):
            kind = "EMPTY" if piece["kind"] == "LEDGER" and piece["number"] else piece["kind"]
            machine.do(kind, Step.SPLIT, task, piece=piece)
        task = machine.do("DEAL", Step.DEAL, task)
        for share in task["shares"]:
            if segment_of_share(share) == SEGMENT:
                answer = machine.do("MATCH", Step.MATCH, task, share=share)
                assert answer == {"waits": False, "moved": False}
        took = machine.took
        return {
            "rows": rows,
            "entries": entries,
            "bill_mb": round(paths.bill.stat().st_size / 1e6),
            "shares": len(task["shares"]),
            "before_mb": round(before_mb),
            "took": {kind: asdict(each) for kind, each in took.items() if kind != "EMPTY"},
            "peak_mb": round(peak_mb()),
        }


if __name__ == "__main__":
    print(json.dumps(play(int(sys.argv[1]))))  # noqa: T201 - read by `measure`
