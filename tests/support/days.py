"""A platform's day without AWS: entries as the ledger's pages give them, in an engine of one's own.

read_bill         a bill's bytes -> its rows and findings
ledger_side       an entry as the match takes it
statement_of      the statement that a plain loop over the entries makes
staged            entries on disk, as read from the day's index
"""

from __future__ import annotations

import atexit
import hashlib
import itertools
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from functions.reconcile.bill_reading import Findings, load_bill
from functions.reconcile.day_ledger import StagedSegment, stage_segment
from functions.reconcile.engine import Engine, engine
from functions.reconcile.matching import LedgerSide
from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.bills import AMOUNT_COLUMNS, BillRow, EntryType
from functions.shared.domain.business_time import parse_rfc3339
from functions.shared.domain.ledger import DAY_SEGMENTS, Redemption, day_segment
from functions.shared.domain.settlement import SegmentSum, Statement, Tallies, Tally, make_statement
from functions.shared.store.ledger import _redemption_item, _refund_item
from functions.shared.store.ledger_rows import ledger_rows
from tests.support.rows import Entry, bill_row_of, in_order, is_adjustment, parts_of


@dataclass(frozen=True, slots=True)
class BillReading:
    """What a file holds: its rows, which are all good where there are no findings."""

    rows: list[BillRow]
    findings: Findings


def read_bill(data: bytes, *, business_on: date) -> BillReading:
    """The rows of a bill's bytes and everything wrong with them."""
    opened = shared_engine()
    path = opened.folder / "bill.csv"
    path.write_bytes(data)
    opened.run("CREATE OR REPLACE TABLE bill (nothing VARCHAR)")
    findings = load_bill(path, business_on=business_on, engine=opened, table="bill")
    columns = ("order_no", "entry_type", "refund_no", "voucher_id", "merchant_id", "occurred_at")
    if findings.total:
        return BillReading([], findings)
    rows = [
        BillRow(
            platform_order_no=order_no,
            entry_type=EntryType(entry_type),
            refund_no=refund_no,
            voucher_id=voucher_id,
            merchant_id=merchant_id,
            occurred_at=parse_rfc3339(at),
            **dict(zip(AMOUNT_COLUMNS, amounts, strict=True)),
            line=line,
        )
        for line, order_no, entry_type, refund_no, voucher_id, merchant_id, at, *amounts in (
            opened.rows(
                f"SELECT line, {', '.join((*columns, *AMOUNT_COLUMNS))} FROM bill "  # noqa: S608
                "ORDER BY line"
            )
        )
    ]
    return BillReading(rows, findings)


@cache
def shared_engine() -> Engine:
    """One engine for all tests of a process: it costs more to make than most of them take."""
    return _kept.enter_context(engine())


_kept = ExitStack()
atexit.register(_kept.close)


def ledger_side(entry: Entry) -> LedgerSide:
    """The entry as its platform should have billed it, with its campaign."""
    return LedgerSide(entry.campaign_id, bill_row_of(entry))


def segment_sums(entries: Iterable[Entry]) -> list[SegmentSum]:
    """What one campaign's entries add up to by segment, counted one by one."""
    sums = []
    by_segment = sorted(entries, key=lambda e: (day_segment(e.order_no), in_order(e)))
    for segment, found in itertools.groupby(by_segment, lambda e: day_segment(e.order_no)):
        tallies, digest = Tallies(), hashlib.sha256()
        for entry in found:
            [row] = ledger_rows([_item(entry)], segment)
            digest.update("\x1f".join(row).encode() + b"\n")
            name = "gross" if isinstance(entry, Redemption) else "refunds"
            if is_adjustment(entry):
                name = "adjustments"
            tally = getattr(tallies, name) + Tally(1, parts_of(entry))
            tallies = replace(tallies, **{name: tally})
        sums.append(SegmentSum(segment=segment, tallies=tallies, digest=digest.hexdigest()))
    return sums


def statement_of(
    campaign_id: str,
    platform_id: str,
    on: date,
    entries: Iterable[Entry],
    *,
    adjusting: Iterable[AdjustingEntry] = (),
    bill_version: int = 0,
) -> Statement:
    """The statement of a day's entries, whatever their order."""
    return make_statement(
        campaign_id,
        platform_id,
        on,
        segment_sums(entries),
        adjusting=adjusting,
        bill_version=bill_version,
    )


def staged(entries: Sequence[Entry], folder: Path) -> list[StagedSegment]:
    """The entries on disk, segment by segment, as `reading` would have read them."""
    segments = []
    campaigns = sorted({entry.campaign_id for entry in entries})
    for segment in range(DAY_SEGMENTS):
        mine = [e for e in sorted(entries, key=in_order) if day_segment(e.order_no) == segment]
        pages = {
            name: [ledger_rows([_item(e) for e in mine if e.campaign_id == name], segment)]
            for name in campaigns
        }
        segments.append(stage_segment(pages, folder / f"ledger-{segment:02d}.rows", segment))
    return segments


def _item(entry: Entry) -> dict[str, Any]:
    """The entry's item as DynamoDB writes it."""
    item = _redemption_item(entry) if isinstance(entry, Redemption) else _refund_item(entry)
    return item.serialize()
