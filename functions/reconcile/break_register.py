"""The register of breaks: once a date, every break that somebody must still end, with its age.

Beside each statement's own list of breaks, which shows what its bill made of them, this one shows
what is open over all platforms and days: oldest first, for the bureau.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from functions.reconcile.statement_files import (
    DIFFERENCE_COLUMN,
    KEY_COLUMNS,
    MATCH_COLUMN,
    MOST_SHOWN,
)
from functions.shared.domain.breaks import Break
from functions.shared.domain.business_time import business_date, day_bounds, parse_rfc3339
from functions.shared.domain.settlement import BILL_DEADLINE, GRACE
from functions.shared.files.columns import Column, ColumnKind, Row, Table
from functions.shared.files.csv_out import csv_lines, unguarded
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.line_file import LineFile
from functions.shared.files.manifest import FILE_NAME, FileEntry, Manifest, describe
from functions.shared.files.media_types import media_type_of
from functions.shared.files.register import REGISTER_CSV, REGISTER_XLSX, register_prefix
from functions.shared.files.xlsx_out import to_xlsx
from functions.shared.store.breaks import BreakStore
from functions.shared.store.objects import ObjectStore

WRITTEN_FROM: Final = BILL_DEADLINE + GRACE
"""How long after midnight: by then the day before is settled, with its bill or without."""

_CSV, _XLSX = REGISTER_CSV, REGISTER_XLSX
_ID, _DATE = ColumnKind.ID, ColumnKind.DATE
_COLUMNS: Final = (
    Column("platform_id", "平台", "Platform", _ID),
    Column("business_date", "业务日期", "Business date", _DATE),
    Column(
        "age_days",
        "账龄（天）",
        "Age in days",
        ColumnKind.COUNT,
        "业务日期结束后的整天数",
        "whole days since the business date was over",
    ),
    Column("campaign_id", "活动", "Campaign", _ID),
    Column(
        "state",
        "状态",
        "State",
        _ID,
        "OPEN 未结；PROPOSED 已提出处理意见，待审批",
        "OPEN; PROPOSED: somebody has said how to end it, nobody has approved that",
    ),
    MATCH_COLUMN,
    *KEY_COLUMNS,
    DIFFERENCE_COLUMN,
    Column("opened_at", "发现时间", "Opened", ColumnKind.TIME),
    Column("break_id", "差错号", "Break", _ID),
)


@dataclass(frozen=True, slots=True)
class Register:
    """What a date's register says in short.

    Args:
        breaks: how many are unresolved.
        oldest_days: the age of the oldest; 0 where there is none.
        difference_fen: ledger less bill, over all of them.

    """

    breaks: int
    oldest_days: int
    difference_fen: int


def register_daily(
    platform_ids: Iterable[str], breaks: BreakStore, objects: ObjectStore, now: datetime
) -> Register | None:
    """Writes the date's register, once; None where it is there already, or it is too early.

    Args:
        platform_ids: whose breaks, in the order of the files.
        breaks: of all platforms.
        objects: where to.
        now: the time of the run; ages are counted to its business date.

    Raises:
        Busy: throttled or lost beyond the SDK's retries; the next run does it.

    """
    on = business_date(now)
    prefix = register_prefix(on)
    if now < day_bounds(on)[0] + WRITTEN_FROM:
        return None
    if objects.get(prefix + FILE_NAME) is not None:
        return None
    with TemporaryDirectory(prefix="huimin-") as folder:
        path = Path(folder) / _CSV
        rows = (_row(found, now) for found in _unresolved(sorted(platform_ids), breaks))
        LineFile(path, _COLUMNS).write(csv_lines(_COLUMNS, rows))
        with path.open("rb") as data:
            if not objects.put_new(prefix + _CSV, data, content_type=media_type_of(_CSV)):
                # Of a run that died before its manifest: what it listed stands.
                objects.fetch(prefix + _CSV, path)
        # Read off the file that stands, so that nothing here says otherwise.
        entry, register, book = register_book(path, on, now)
    if not objects.put_new(prefix + _XLSX, book, content_type=media_type_of(_XLSX)):
        stored = objects.get(prefix + _XLSX)
        book = stored.data if stored else book
    manifest = Manifest(
        kind="open_breaks",
        business_date=on,
        cutoff_at=now,
        run_id=f"breaks-{on.isoformat()}",
        files=(entry, describe(_XLSX, book)),
    )
    objects.put_new(prefix + FILE_NAME, manifest.to_bytes(), content_type=media_type_of(FILE_NAME))
    return register


def register_book(path: Path, on: date, now: datetime) -> tuple[FileEntry, Register, bytes]:
    """What follows from a register's file: its entry, what it says in short, and the workbook.

    Raises:
        LookupError, ValueError: it is no register's.

    """
    entry, register, shown = _read(path)
    return entry, register, to_xlsx(_table(shown), _facts(register, on, now))


def _unresolved(platform_ids: Iterable[str], breaks: BreakStore) -> Iterator[Break]:
    for platform_id in platform_ids:
        yield from breaks.unresolved(platform_id, after=None, limit=None)


def _row(found: Break, now: datetime) -> Row:
    order_no, entry_type, refund_no = found.row.side.key
    return {
        "platform_id": found.platform_id,
        "business_date": found.business_on,
        "age_days": found.age_days(now),
        "campaign_id": found.row.campaign_id,
        "state": found.state.value,
        "match_state": found.row.match_state.value,
        "order_no": order_no,
        "entry_type": entry_type.value,
        "refund_no": refund_no or None,
        "difference_fen": found.row.difference_fen,
        "opened_at": found.opened_at,
        "break_id": found.break_id,
    }


def _read(path: Path) -> tuple[FileEntry, Register, list[Row]]:
    """A register's file: its entry, what it says in short, and the rows that people are shown."""
    count = oldest_days = difference_fen = 0
    shown: list[Row] = []
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for cells in csv.DictReader(lines):
            row = _typed(cells)
            count += 1
            oldest_days = max(oldest_days, int(cells["age_days"]))
            difference_fen += int(cells["difference_fen"])
            if count <= MOST_SHOWN:
                shown.append(row)
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    entry = FileEntry(
        name=path.name,
        bytes=path.stat().st_size,
        rows=count,
        totals={"difference_fen": difference_fen},
        sha256=digest,
    )
    return entry, Register(count, oldest_days, difference_fen), shown


def _typed(cells: Mapping[str, str]) -> Row:
    """A row of the file, as `_row` had it."""
    own: Row = {
        "business_date": date.fromisoformat(cells["business_date"]),
        "age_days": int(cells["age_days"]),
        "difference_fen": int(cells["difference_fen"]),
        "opened_at": parse_rfc3339(cells["opened_at"]),
    }
    return {**{name: unguarded(text) or None for name, text in cells.items()}, **own}


def _table(rows: Iterable[Row]) -> Table:
    return Table(
        "open-breaks", "未结差错", "Open breaks", _COLUMNS, rows, totals=["difference_fen"]
    )


def _facts(register: Register, on: date, now: datetime) -> Facts:
    return Facts(
        cutoff_at=now,
        run_id=f"breaks-{on.isoformat()}",
        more=(
            Fact("business_date", Words("日期", "Date"), on),
            Fact("breaks", Words("未结差错数", "Open breaks"), register.breaks),
            Fact("oldest_days", Words("最长账龄（天）", "Oldest, days"), register.oldest_days),
            Fact("shown", Words("本表最多列出", "At most shown here"), MOST_SHOWN),
        ),
    )
