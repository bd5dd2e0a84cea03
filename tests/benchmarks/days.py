"""A platform's day by the million: read, matched, written; and beside it row by row in Python.

    python -m tests.benchmarks.days ROWS

A process of its own, so that its peak memory is the day's. The ledger's pages lie on disk as
DynamoDB answers them, and are parsed as they are asked for; what the parsing alone takes is
measured before and taken off, since the goal counts from parsed pages. Files are written into a
folder; tables are moto's, in this process.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from moto import mock_aws

from functions.reconcile.collector import without_collector
from functions.reconcile.day import SettlementStores, settle_once
from functions.reconcile.day_ledger import READERS
from functions.reconcile.matching import LedgerSide, match_rows
from functions.reconcile.statement_files import RECONCILIATION_COLUMNS, reconciliation_row
from functions.shared.domain.bills import BILL_COLUMNS, BillState, BillVersion
from functions.shared.domain.ledger import DAY_SEGMENTS, day_segment
from functions.shared.files.csv_out import csv_lines
from functions.shared.store.adjusting import AdjustingStore
from functions.shared.store.bills import BillStore
from functions.shared.store.breaks import BreakStore
from functions.shared.store.ledger_rows import LedgerRow, LedgerRowStore, ledger_rows
from functions.shared.store.objects import ObjectFacts, ObjectStore, StoredObject
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.tables import CampaignItem
from functions.shared.store.vouchers import VoucherStore
from tests.benchmarks.own_process import measured
from tests.support.deployment import ENVIRONMENT
from tests.support.engine import make_tables
from tests.support.entries import redemption
from tests.support.rows import bill_row_of

ON = date(2026, 1, 5)
CAMPAIGN, PLATFORM = "spring-2026", "unionpay"
PAGE = 1_000
"""Entries of a page: about the megabyte that DynamoDB answers at most."""
LACKING, WRONG, REFUNDED = 10_009, 10_007, 40
"""Every so manieth entry lacks in the bill, is billed otherwise, is a refund."""
ROW_BY_ROW = 20_000


def measure(rows: int) -> dict[str, Any]:
    """Seconds, rows a second and peak memory of one day, in a process of its own."""
    return measured("tests.benchmarks.days", rows)


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the day lies.

    Args:
        folder: of pages and files.

    """

    folder: Path

    def pages(self, segment: int) -> Path:
        """The pages of a segment, one a line."""
        return self.folder / f"pages-{segment}.jsonl"

    @property
    def bill(self) -> Path:
        """The bill's file, under the key of an object."""
        return self.folder / "bill.csv"


class RecordedPages(LedgerRowStore):
    """The store over pages that lie on disk as DynamoDB answered them.

    Args:
        paths: where.

    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def pages(
        self,
        campaign_id: str,  # noqa: ARG002 - there is one
        platform_id: str,  # noqa: ARG002 - as above
        on: date,  # noqa: ARG002 - as above
        segment: int,
    ) -> Iterator[list[LedgerRow]]:
        """The rows of one segment, a page at a time."""
        for items in self.parsed(segment):
            yield ledger_rows(items, segment)

    def parsed(self, segment: int) -> Iterator[list[dict[str, Any]]]:
        """The pages as parsed."""
        with self._paths.pages(segment).open("rb") as file:
            for line in file:
                yield json.loads(line)


class FolderObjects(ObjectStore):
    """Objects as files of a folder.

    Args:
        folder: of the files.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put_new(self, key: str, data: Any, *, content_type: str) -> bool:  # noqa: ANN401, ARG002
        """Writes the file."""
        self._write(key, data, "xb")
        return True

    def _write(self, key: str, data: Any, mode: Literal["xb", "wb"]) -> None:  # noqa: ANN401 - bytes or a file
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                shutil.copyfileobj(data, file, 1 << 20)

    def get(self, key: str, **_: object) -> StoredObject | None:
        """Nothing is there before it is written."""
        assert not (self.folder / key).exists()
        return None

    def keys(self, prefix: str) -> Iterator[str]:
        """Those that were written."""
        for path in (self.folder / prefix).rglob("*"):
            yield path.relative_to(self.folder).as_posix()

    def facts(self, key: str, **_: object) -> ObjectFacts:
        """Its size."""
        return ObjectFacts((self.folder / key).stat().st_size, "1", datetime.now(UTC))

    def _answer(
        self,
        key: str,
        version: str | None,
        limit: int | None,  # noqa: ARG002 - no file is larger
        span: tuple[int, int] | None = None,
    ) -> dict[str, Any]:
        """What S3 answers, with the bytes of a file."""
        size = (self.folder / key).stat().st_size
        start, stop = span or (0, size)
        return {
            "Body": _Body(self.folder / key, start, stop),
            "LastModified": datetime.now(UTC),
            "VersionId": version,
            "ResponseMetadata": {"HTTPStatusCode": 206 if span else 200},
        }


class _Body:
    """Some bytes of a file, as they come from S3."""

    def __init__(self, path: Path, start: int, stop: int) -> None:
        self._path, self._start, self._left = path, start, stop - start

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        """The bytes, so many at a time."""
        with self._path.open("rb") as file:
            file.seek(self._start)
            while self._left > 0 and (part := file.read(min(size, self._left))):
                self._left -= len(part)
                yield part


def make_day(paths: Paths, rows: int) -> int:
    """Writes ledger pages and bill; how many differences are planted."""
    segments = [paths.pages(segment).open("w") for segment in range(DAY_SEGMENTS)]
    pages: list[list[str]] = [[] for _ in segments]
    planted, totals, refunds, billed = 0, [0] * 5, 0, 0
    with paths.bill.open("w", newline="") as bill:
        bill.write(",".join(BILL_COLUMNS) + "\r\n")
        for number in range(rows):
            entry, row, signed = entry_of(number, rows)
            segment = day_segment(entry["order_no"]["S"])
            pages[segment].append(json.dumps(entry))
            if len(pages[segment]) == PAGE:
                segments[segment].write("[" + ",".join(pages[segment]) + "]\n")
                pages[segment].clear()
            planted += number % LACKING == 0 or number % WRONG == 0
            if number % LACKING:
                bill.write(",".join(row) + "\r\n")
                billed += 1
                refunds += row[1] == "REFUND"
                totals = [total + fen for total, fen in zip(totals, signed, strict=True)]
        bill.write(f"TRAILER,{billed},{refunds},,,,{','.join(map(str, totals))}\r\n")
    for file, page in zip(segments, pages, strict=True):
        if page:
            file.write("[" + ",".join(page) + "]\n")
        file.close()
    return planted


def entry_of(number: int, rows: int) -> tuple[dict[str, dict[str, str]], list[str], list[int]]:
    """An entry as DynamoDB writes it, its row in the bill, and how that counts in the totals."""
    order_no = f"P{ON:%Y%m%d}{number * 7_919 % rows:012d}"
    token = base64.b32encode(hashlib.sha256(order_no.encode()).digest())[:32].decode().lower()
    at = datetime(2026, 1, 4, 16, tzinfo=UTC) + timedelta(milliseconds=86_399_000 * number // rows)
    recorded_at = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    is_refund = number % REFUNDED == 1
    # One refund in five is of an earlier day.
    is_adjustment = is_refund and number // REFUNDED % 5 == 0
    kind, refund_no = ("REFUND", f"R{number}") if is_refund else ("REDEEM", "")
    paid_fen = 5_000 + number % 997
    amounts = [2_000 + paid_fen + 300, 200, 100, 2_000, paid_fen]
    names = BILL_COLUMNS[6:]
    texts = {
        "redemption_id": f"r_{token}",
        "entry_key": f"REFUND#{refund_no}" if is_refund else "REDEEM",
        "entry_type": kind,
        "campaign_id": CAMPAIGN,
        "round_id": "week-1",
        "voucher_type_id": "meal-50-20",
        "platform_id": PLATFORM,
        "voucher_id": f"v_{token}",
        "person_ref": f"p1_{token}",
        "merchant_id": f"merchant-{number % 5_003}",
        "industry": "dining",
        "size_class": "MICRO",
        "order_no": order_no,
        "content_hash": hashlib.sha256(token.encode()).hexdigest(),
        "recorded_at": recorded_at,
        "business_on": ON.isoformat(),
        "redeemed_on": "2026-01-04" if is_adjustment else ON.isoformat(),
        "day_bucket": f"{CAMPAIGN}#{PLATFORM}#{ON}#{day_segment(order_no):02d}",
        "recorded_key": f"{recorded_at}#r_{token}#{kind}",
    }
    if is_refund:
        texts |= {"refund_no": refund_no, "voucher_state": "VOIDED"}
    numbers = dict(zip(names, amounts, strict=True))
    numbers |= {"fiscal_part_fen": 1_200, "platform_part_fen": 500, "merchant_part_fen": 300}
    entry = {name: {"S": text} for name, text in texts.items()}
    entry |= {name: {"N": str(fen)} for name, fen in numbers.items()}
    if number % WRONG == 0:
        amounts = [amounts[0] + 1, *amounts[1:4], paid_fen + 1]
    row = [order_no, kind, refund_no, f"v_{token}", texts["merchant_id"], recorded_at]
    sign = -1 if is_refund else 1
    return entry, [*row, *map(str, amounts)], [sign * fen for fen in amounts]


def play(rows: int) -> dict[str, Any]:
    """Settles a day of so many entries; what it took."""
    with (
        tempfile.TemporaryDirectory(prefix="huimin-bench-") as folder,
        patch.dict(os.environ, ENVIRONMENT),
        mock_aws(),
    ):
        paths = Paths(Path(folder))
        planted = make_day(paths, rows)
        stores = stores_of(paths)
        ledger = RecordedPages(paths)
        began = time.perf_counter()
        with without_collector(), ThreadPoolExecutor(READERS) as readers:
            counts = readers.map(lambda s: sum(map(len, ledger.parsed(s))), range(DAY_SEGMENTS))
            parsed = sum(counts)
        parsing_s = time.perf_counter() - began
        assert parsed == rows
        before_mb = peak_mb()
        began = time.perf_counter()
        now = datetime(2026, 1, 5, 19, tzinfo=UTC)
        outcome = settle_once(PLATFORM, ON, [CAMPAIGN], stores=stores, now=now)
        whole_s = time.perf_counter() - began
        after_mb = peak_mb()
        assert outcome.breaks.opened == planted, outcome
        written = sum(path.stat().st_size for path in (paths.folder / "settlements").rglob("*.*"))
        return {
            "rows": rows,
            "breaks": planted,
            "whole_s": round(whole_s, 2),
            "parsing_s": round(parsing_s, 2),
            # Rows of both sides: so many entries, and a bill row for nearly each.
            "reconcile_rows_per_s": round(2 * rows / (whole_s - parsing_s)),
            "with_parsing_per_s": round(2 * rows / whole_s),
            "reconcile_peak_mb": round(after_mb),
            "before_mb": round(before_mb),
            "written_mb": round(written / 1e6),
            "row_by_row_per_s": round(row_by_row(ROW_BY_ROW)),
        }


def stores_of(paths: Paths) -> SettlementStores:
    database = make_tables()
    made_at = datetime(2026, 1, 2, tzinfo=UTC)
    CampaignItem(
        CAMPAIGN,
        version=1,
        state="RUNNING",
        document="{}",
        made_by="bench",
        made_at=made_at,
        appropriated_fen=0,
        unallocated_fen=0,
        returned_fen=0,
        settled_fen=0,
        adjusted_fen=0,
        held_back_fen=0,
    ).save()
    bills = BillStore(database)
    with paths.bill.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    bill = BillVersion(
        platform_id=PLATFORM,
        business_on=ON,
        version=1,
        state=BillState.ACCEPTED,
        object_key="bill.csv",
        object_version="1",
        sha256=digest,
        rows=1,
        received_at=made_at,
    )
    assert bills.append(bill, supersedes=None)
    return SettlementStores(
        adjusting=AdjustingStore(database),
        bills=bills,
        breaks=BreakStore(database),
        ledger=RecordedPages(paths),
        objects=FolderObjects(paths.folder),
        settlements=SettlementStore(database),
        vouchers=VoucherStore(database),
    )


def row_by_row(rows: int) -> float:
    """Rows a second, of both sides, of the same match as objects in Python; one file is made."""
    entries = [redemption(number) for number in range(rows)]
    bill = [bill_row_of(entry) for entry in entries]
    began = time.perf_counter()
    sides = [LedgerSide(entry.campaign_id, bill_row_of(entry)) for entry in entries]
    found = match_rows(PLATFORM, ON, sides, bill, campaign_of={})
    written = sum(map(len, csv_lines(RECONCILIATION_COLUMNS, map(reconciliation_row, found))))
    assert written
    return 2 * rows / (time.perf_counter() - began)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(play(int(sys.argv[1]))))  # noqa: T201 - read by `measure`
