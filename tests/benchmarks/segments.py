"""One segment of a large day as a function of the state machine does it: its peak memory and time.

    python -m tests.benchmarks.segments ROWS

The day has so many entries and bill rows. Its whole bill is loaded; the other segments' rows in it
are shorter ones, which cost less to make and are let go of.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from functions.reconcile.day_ledger import without_collector
from functions.reconcile.day_plan import Step
from functions.reconcile.day_steps import DaySteps, Task
from functions.shared.domain.bills import BILL_COLUMNS
from functions.shared.domain.ledger import day_segment
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
    """Seconds and peak memory of one segment, in a process of its own."""
    return measured("tests.benchmarks.segments", rows)


class WorkFolder(FolderObjects):
    """Working files, which are read again."""

    def put(self, key: str, data: Any, *, content_type: str) -> None:  # noqa: ANN401, ARG002
        """Writes the file, also over another."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                shutil.copyfileobj(data, file, 1 << 20)

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


def play(rows: int) -> dict[str, Any]:
    """Plans a day of so many entries, and matches its segment; what it took."""
    with (
        tempfile.TemporaryDirectory(prefix="huimin-bench-") as folder,
        patch.dict(os.environ, ENVIRONMENT),
        mock_aws(),
    ):
        paths = Paths(Path(folder))
        entries = make_segment(paths, rows)
        stores = stores_of(paths)
        began = time.perf_counter()
        with without_collector():
            parsed = sum(map(len, RecordedPages(paths).parsed(SEGMENT)))
        parsing_s = time.perf_counter() - began
        assert parsed == entries
        before_mb = peak_mb()
        now = datetime(2026, 1, 5, 19, tzinfo=UTC)
        steps = DaySteps(stores, WorkFolder(paths.folder / "work"))
        task = Task(PLATFORM, ON, (CAMPAIGN,), "run-1").to_document()
        planned = steps.do({"step": Step.PLAN, "task": task}, now)
        began = time.perf_counter()
        answer = steps.do({"step": Step.MATCH, "task": planned, "segment": SEGMENT}, now)
        whole_s = time.perf_counter() - began
        assert answer == {"waits": False, "moved": False}
        return {
            "rows": rows,
            "entries": entries,
            "bill_mb": round(paths.bill.stat().st_size / 1e6),
            "whole_s": round(whole_s, 2),
            "parsing_s": round(parsing_s, 2),
            "before_mb": round(before_mb),
            "segment_peak_mb": round(peak_mb()),
        }


if __name__ == "__main__":
    print(json.dumps(play(int(sys.argv[1]))))  # noqa: T201 - read by `measure`
