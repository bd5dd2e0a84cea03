"""The auditors' verifier on a campaign of a million entries, beside reading the same lines bare.

    python -m tests.benchmarks.audits ENTRIES

Five days of vouchers, each claimed and redeemed: three lines of the journal for an entry, written
by the code that writes journals, and a statement with its detail for each day.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from functions.reconcile.engine import engine
from functions.reconcile.journal import LINES, journal_prefix, write_day
from functions.reconcile.journal_days import JournalDays
from functions.reconcile.statement_files import (
    DETAIL_COLUMNS,
    StatementSet,
    manifest_of,
    render_small,
    set_prefix,
)
from functions.shared.domain.money import FundingParts
from functions.shared.domain.settlement import SegmentSum, Tallies, Tally, make_statement
from functions.shared.files.csv_out import csv_lines
from functions.shared.files.line_file import LineFile
from functions.shared.files.manifest import FILE_NAME
from functions.shared.store.journal import JournalBookmark
from infra.audit.sources import Folder
from infra.audit.verify import verify_all
from tests.benchmarks.days import FolderObjects, peak_mb
from tests.benchmarks.own_process import measured
from tests.support.campaigns import CAMPAIGN_ID, UNIONPAY
from tests.support.journals import FIRST, VOUCHER_FEN, changes_of, entry_of, record_of
from tests.support.rows import detail_row

DAYS = 5


def measure(entries: int) -> dict[str, Any]:
    """Seconds and peak memory of the verifier, in a process of its own."""
    return measured("tests.benchmarks.audits", entries)


def make_folder(folder: Path, entries: int) -> None:
    """Publishes the campaign's journals and statements."""
    record, objects = record_of(entries), FolderObjects(folder)
    bookmark = JournalBookmark()
    with engine() as opened, JournalDays(opened) as kept:
        days = [FIRST + timedelta(days=number) for number in range(DAYS)]
        for number in range(entries):
            on = days[number % DAYS]
            for change in changes_of(number, on):
                kept.keep(CAMPAIGN_ID, on, change)
        for on in days:
            bookmark = write_day(record, on, kept, bookmark, opened.folder, objects)
            numbers = range(days.index(on), entries, DAYS)
            publish_statement(objects, on, numbers, opened.folder / "detail.csv")


def publish_statement(objects: FolderObjects, on: date, numbers: Sequence[int], path: Path) -> None:
    """The day's statement and its detail."""
    settled_fen = VOUCHER_FEN * len(numbers)
    parts = FundingParts(fiscal_fen=settled_fen, platform_fen=0, merchant_fen=0)
    sums = [SegmentSum(segment=0, tallies=Tallies(gross=Tally(len(numbers), parts)), digest="")]
    statement = make_statement(CAMPAIGN_ID, UNIONPAY, on, sums, bill_version=0)
    told = StatementSet(
        version=1, statement=statement, adjustments=(), bill=None, sides={}, breaks=()
    )
    prefix = set_prefix(CAMPAIGN_ID, UNIONPAY, on, 1)
    detail = LineFile(path, DETAIL_COLUMNS)
    rows = (detail_row(entry_of(number, on)) for number in numbers)
    detail.write(csv_lines(DETAIL_COLUMNS, rows))
    with path.open("rb") as file:
        objects.put_new(prefix + path.name, file, content_type="")
    entries = [detail.entry({"settled_fen": settled_fen})]
    for name, (data, entry) in render_small(told).items():
        objects.put_new(prefix + name, data, content_type="")
        entries.append(entry)
    manifest = manifest_of(told, entries)
    objects.put_new(prefix + FILE_NAME, manifest.to_bytes(), content_type="")


def play(entries: int) -> dict[str, Any]:
    """Verifies a campaign of so many entries; what it took."""
    with tempfile.TemporaryDirectory(prefix="huimin-bench-") as name:
        folder = Path(name)
        make_folder(folder, entries)
        before_mb = peak_mb()
        began = time.perf_counter()
        lines, size = 0, 0
        for day in range(DAYS):
            prefix = journal_prefix(CAMPAIGN_ID, FIRST + timedelta(days=day))
            with (folder / prefix / LINES).open("rb") as file:
                for line in file:
                    assert json.loads(line)["n"]
                    assert hashlib.sha256(line).digest()
                    lines, size = lines + 1, size + len(line)
        bare_s = time.perf_counter() - began
        began = time.perf_counter()
        verdict = verify_all(Folder(folder))
        whole_s = time.perf_counter() - began
        assert verdict.findings == [], verdict.findings[:3]
        assert verdict.counted["redemptions"] == entries
        return {
            "entries": entries,
            "lines": lines,
            "journal_mb": round(size / 1e6),
            "audit_s": round(whole_s, 2),
            "bare_s": round(bare_s, 2),
            "audit_per_bare": round(whole_s / bare_s, 2),
            "before_mb": round(before_mb),
            "audit_peak_mb": round(peak_mb()),
        }


if __name__ == "__main__":
    print(json.dumps(play(int(sys.argv[1]))))  # noqa: T201 - read by `measure`
