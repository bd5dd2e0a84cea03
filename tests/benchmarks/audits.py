"""The auditors' verifier on a campaign of a million entries, beside reading the same lines bare.

    python -m tests.benchmarks.audits ENTRIES

Five days of vouchers, each claimed and redeemed: three lines of the journal for an entry, written
by the code that writes journals; for each day a statement with its detail, the platform's bill, the
match of both, and a T+1 report.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from functions.reconcile.engine import engine
from functions.reconcile.journal import LINES, journal_prefix, write_day
from functions.reconcile.journal_days import JournalDays
from functions.reconcile.statement_files import (
    DETAIL_COLUMNS,
    RECONCILIATION_COLUMNS,
    StatementSet,
    manifest_of,
    reconciliation_row,
    render_small,
    set_prefix,
)
from functions.report.figures import History
from functions.report.file_set import report_files
from functions.report.open_breaks import OpenBreaks
from functions.report.publication import Edition, publish
from functions.shared.domain.bills import BILL_COLUMNS, TRAILER, BillState, BillVersion
from functions.shared.domain.breaks import MatchRow, MatchState
from functions.shared.domain.business_time import day_bounds, to_rfc3339
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.money import FundingParts
from functions.shared.domain.settlement import SegmentSum, Tallies, Tally, make_statement
from functions.shared.files.columns import Row
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
from tests.support.rows import bill_row_of, detail_row

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
            publish_statement(objects, on, numbers, opened.folder, put_bill(objects, on, numbers))
    publish_reports(record.campaign, objects, entries)


def publish_reports(campaign: Campaign, objects: FolderObjects, entries: int) -> None:
    """Each day's T+1 report."""
    history = History({t.voucher_type_id: t.benefit.greatest_fen for t in campaign.voucher_types})
    for day in range(DAYS):
        on = FIRST + timedelta(days=day)
        made = [entry_of(number, on) for number in range(day, entries, DAYS)]
        report = history.take(on, made, made)
        files = partial(report_files, report, campaign, OpenBreaks(None, {}))
        publish(objects, Edition(campaign, on, day_bounds(on)[1], {}, files))


def put_bill(objects: FolderObjects, on: date, numbers: Sequence[int]) -> BillVersion:
    """The platform's bill of the day, which agrees with the ledger."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(BILL_COLUMNS)
    for number in numbers:
        row = bill_row_of(entry_of(number, on))
        key = (row.platform_order_no, "REDEEM", "")
        at = to_rfc3339(row.occurred_at)
        writer.writerow([*key, row.voucher_id, row.merchant_id, at, *row.amounts])
    writer.writerow([TRAILER, len(numbers), 0, "", "", "", 0, 0, 0, 0, 0])
    data, place = text.getvalue().encode(), f"bills/{UNIONPAY}/{on.isoformat()}/bill.csv"
    objects.put_new(place, data, content_type="")
    return BillVersion(
        platform_id=UNIONPAY,
        business_on=on,
        version=1,
        state=BillState.ACCEPTED,
        object_key=place,
        object_version="1",
        sha256=hashlib.sha256(data).hexdigest(),
        rows=len(numbers),
        received_at=day_bounds(on)[1],
    )


def publish_statement(
    objects: FolderObjects, on: date, numbers: Sequence[int], folder: Path, bill: BillVersion
) -> None:
    """The day's statement, its detail, and its match with the bill."""
    settled_fen = VOUCHER_FEN * len(numbers)
    parts = FundingParts(fiscal_fen=settled_fen, platform_fen=0, merchant_fen=0)
    sums = [SegmentSum(segment=0, tallies=Tallies(gross=Tally(len(numbers), parts)), digest="")]
    statement = make_statement(CAMPAIGN_ID, UNIONPAY, on, sums, bill_version=bill.version)
    told = StatementSet(
        version=1, statement=statement, adjustments=(), bill=bill, sides={}, breaks=()
    )
    prefix = set_prefix(CAMPAIGN_ID, UNIONPAY, on, 1)
    entries = []
    for name, columns, row_of, totals in (
        ("detail.csv", DETAIL_COLUMNS, detail_row, {"settled_fen": settled_fen}),
        ("reconciliation.csv", RECONCILIATION_COLUMNS, matched_row, {"difference_fen": 0}),
    ):
        file = LineFile(folder / name, columns)
        file.write(csv_lines(columns, (row_of(entry_of(number, on)) for number in numbers)))
        with file.path.open("rb") as lines:
            objects.put_new(prefix + name, lines, content_type="")
        entries.append(file.entry(totals))
    for name, (data, entry) in render_small(told).items():
        objects.put_new(prefix + name, data, content_type="")
        entries.append(entry)
    manifest = manifest_of(told, entries)
    objects.put_new(prefix + FILE_NAME, manifest.to_bytes(), content_type="")


def matched_row(entry: Redemption) -> Row:
    """An entry as a row of the match that agrees with it."""
    row = bill_row_of(entry)
    match = MatchRow(match_state=MatchState.MATCHED, campaign_id=CAMPAIGN_ID, ledger=row, bill=row)
    return reconciliation_row(match)


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
        assert verdict.counted["redemptions"] == verdict.counted["rows matched"] == entries
        assert verdict.counted["reports"] == DAYS
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
