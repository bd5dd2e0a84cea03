"""Reading a bill: a file on disk becomes a table of the engine, or a list of what is wrong with it.

    file ──every row right at a glance──> table                 (in SQL: a million rows in seconds)
         └──any doubt──> row by row ──> table, or findings      (in Python: says what to mend)

The glance takes no file that the other would refuse, and reads the same rows of it. What concerns
rows together, the same key twice and the trailer, is checked once, on the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from functions.reconcile.engine import Engine, write_rows
from functions.shared.domain.bills import (
    AMOUNT_COLUMNS,
    BILL_COLUMNS,
    MAX_BILL_BYTES,
    MAX_BILL_ROWS,
    MAX_FINDINGS,
    TRAILER,
    BillFault,
    BillFinding,
    EntryType,
)
from functions.shared.domain.business_time import day_bounds, parse_rfc3339, to_rfc3339
from functions.shared.domain.ids import REQUEST_NO_PATTERN, SLUG_PATTERN, VOUCHER_ID_PATTERN
from functions.shared.domain.ledger import DAY_SEGMENTS
from functions.shared.domain.money import MAX_ORDER_FEN
from functions.shared.files.csv_in import (
    CsvForm,
    CsvLimits,
    CsvRefused,
    Refusal,
    check_form,
    read_csv,
)
from functions.shared.files.csv_out import unguarded

CLOCK_TOLERANCE: Final = timedelta(minutes=30)
"""How far a platform's clock may put a row before or after the ledger's business date."""

COLUMNS: Final[Mapping[str, str]] = {
    "line": "BIGINT",
    "order_no": "VARCHAR",
    **dict.fromkeys(BILL_COLUMNS[1:6], "VARCHAR"),
    **dict.fromkeys(AMOUNT_COLUMNS, "BIGINT"),
}
"""The columns of a bill's table, and after them `segment`; times are RFC 3339 in UTC with ms."""

# A voucher id and ten more cells fit well; a longer cell is no bill's.
_CELL_CHARS: Final = 200
# The rows, and the trailer.
_LIMITS: Final = CsvLimits(
    size_bytes=MAX_BILL_BYTES, rows=MAX_BILL_ROWS + 1, field_chars=_CELL_CHARS
)

_NUMBER: Final = re.compile(REQUEST_NO_PATTERN)
_SLUG: Final = re.compile(SLUG_PATTERN)
_VOUCHER_ID: Final = re.compile(VOUCHER_ID_PATTERN)
_FEN_PATTERN: Final = "(?:0|[1-9][0-9]{0,10})"
_FEN: Final = re.compile(rf"{_FEN_PATTERN}\Z")
_COUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_TOTAL: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
_ENTRY_TYPES: Final = frozenset(EntryType)

_FAULT_OF: Final[Mapping[Refusal, BillFault]] = {
    Refusal.EMPTY: BillFault.TRUNCATED,
    Refusal.TOO_LARGE: BillFault.TOO_LARGE,
    Refusal.TOO_MANY_ROWS: BillFault.TOO_LARGE,
    Refusal.FIELD_TOO_LONG: BillFault.TOO_LARGE,
    Refusal.ENCODING: BillFault.ENCODING,
    Refusal.NUL: BillFault.ENCODING,
    Refusal.QUOTING: BillFault.LAYOUT,
    Refusal.LINE_END: BillFault.LAYOUT,
    Refusal.HEADER: BillFault.HEADER,
    Refusal.BLANK_LINE: BillFault.LAYOUT,
    Refusal.FIELD_COUNT: BillFault.LAYOUT,
}


@dataclass(slots=True)
class Findings:
    """Faults as they are found; lists MAX_FINDINGS of them and counts all."""

    listed: list[BillFinding] = field(default_factory=list)
    total: int = 0

    def add(self, reason: BillFault, line: int, detail: str) -> None:
        """Notes one fault."""
        self.total += 1
        if len(self.listed) < MAX_FINDINGS:
            self.listed.append(BillFinding(reason, line, detail))


@dataclass(frozen=True, slots=True)
class _Trailer:
    """The last row of a file, and what it must agree with.

    Args:
        line: where it stands.
        cells: its cells by column.
        rows: how many rows stand above it, and how many of them are refunds.
        is_whole: whether the table holds all of them; one with a fault is missing there.

    """

    line: int
    cells: Mapping[str, str]
    rows: tuple[int, int]
    is_whole: bool


def load_bill(path: Path, *, business_on: date, engine: Engine, table: str) -> Findings:
    """Makes the table of the bill's rows; it is good for something where nothing is found.

    Whose vouchers they are is not asked.

    Args:
        path: of the file.
        business_on: the date that it is the bill of.
        engine: where the table is made.
        table: its name.

    Returns:
        Everything wrong with the file, by line. A fault of the file's form (encoding, quotes,
        number of cells) ends the reading.

    """
    findings = Findings()
    try:
        form = check_form(path, _LIMITS)
        trailer = _at_a_glance(path, form, business_on, engine, table)
        engine.run("DROP TABLE IF EXISTS lines")
        if trailer is None:
            trailer = _row_by_row(path, business_on, engine, table, findings)
    except CsvRefused as refused:
        findings.add(_fault_of(refused, path), refused.line, refused.detail)
        return findings
    if trailer is None:
        findings.add(BillFault.TRUNCATED, 0, "the file ends without its trailer row")
        return findings
    if trailer.line:
        _check_repeated(engine, table, findings)
        _check_trailer(trailer, engine, table, findings)
        findings.listed.sort(key=lambda finding: finding.line)
    return findings


# At a glance.

_TIME_SQL: Final = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,6})?"
    "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
)
_ROW_SQL: Final = ",".join(
    (
        REQUEST_NO_PATTERN[1:-1],
        f"(?:REDEEM,|REFUND,{REQUEST_NO_PATTERN[1:-1]})",
        VOUCHER_ID_PATTERN[1:-1],
        SLUG_PATTERN[1:-1],
        _TIME_SQL,
        *[_FEN_PATTERN] * len(AMOUNT_COLUMNS),
    )
)
"""A row without a quote, a guard or a fault that can be seen in it alone, for RE2."""


def _at_a_glance(
    path: Path, form: CsvForm, on: date, engine: Engine, table: str
) -> _Trailer | None:
    """Makes the table where every row is right; None where any is not, or may be not."""
    lines = form.line_feeds + (not form.is_ended)
    # The first line is the header and the last one the trailer.
    rows = lines - 2
    if not form.is_plain or not 0 <= rows <= MAX_BILL_ROWS:
        return None
    # NUL is in no file that has come this far: each line is one cell.
    line_end = "\\r\\n" if form.line_ends else "\\n"
    engine.load("lines", {"text": "VARCHAR"}, [path], separator="\0", line_end=line_end)
    if engine.value("SELECT count(*) FROM lines") != lines:
        return None
    header, last = (
        engine.value("SELECT text FROM lines WHERE rowid = ?", place) for place in (0, lines - 1)
    )
    cells = dict(zip(BILL_COLUMNS, map(unguarded, last.split(",")), strict=False))
    is_trailer = last.count(",") == len(BILL_COLUMNS) - 1 and _is_trailer(cells)
    if header.removeprefix("\ufeff") != ",".join(BILL_COLUMNS) or not is_trailer:
        return None
    odd = (
        "SELECT count(*) FROM lines WHERE rowid BETWEEN 1 AND ? AND NOT regexp_full_match(text, ?)"
    )
    if engine.value(odd, rows, _ROW_SQL):
        return None
    texts = ", ".join(
        f"cell[{place}] AS {name}" for place, name in enumerate(list(COLUMNS)[1:6], 1)
    )
    amounts = ", ".join(
        f"cell[{place}]::BIGINT AS {name}" for place, name in enumerate(AMOUNT_COLUMNS, 7)
    )
    engine.run(
        f"CREATE OR REPLACE TABLE {table} AS SELECT line, {texts}, "  # noqa: S608 - names of our own
        "strftime(moment::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%gZ') AS occurred_at, "
        f"{amounts}, {segment_sql('cell[1]')} AS segment, moment FROM "
        "(SELECT rowid + 1 AS line, string_split(text, ',') AS cell, "
        "try_cast(cell[6] AS TIMESTAMPTZ) AS moment FROM lines WHERE rowid BETWEEN 1 AND ?)",
        rows,
    )
    start, end = _open_hours(on)
    wrong = (
        "moment IS NULL OR moment < ?::TIMESTAMPTZ OR moment >= ?::TIMESTAMPTZ "
        f"OR order_fen > {MAX_ORDER_FEN} OR order_fen <> {' + '.join(AMOUNT_COLUMNS[1:])}"
    )
    count = f"SELECT count(*) FROM {table} WHERE {wrong}"  # noqa: S608 - as above
    if engine.value(count, to_rfc3339(start), to_rfc3339(end)):
        return None
    engine.run(f"ALTER TABLE {table} DROP COLUMN moment")
    refunds = engine.value(f"SELECT count(*) FROM {table} WHERE entry_type = 'REFUND'")  # noqa: S608 - as above
    return _Trailer(lines, cells, (rows, refunds), is_whole=True)


def segment_sql(order_no: str) -> str:
    """`day_segment` of an order number, as SQL.

    Args:
        order_no: an SQL expression for it.

    """
    # The low byte of the hash's first eight decides, since the count of segments divides 256.
    assert 256 % DAY_SEGMENTS == 0  # noqa: S101 - a constant of our own
    digits = "'0123456789abcdef'"
    digest = f"sha256({order_no})"
    high, low = (f"(strpos({digits}, {digest}[{place}]) - 1)" for place in (15, 16))
    return f"((16 * {high} + {low}) % {DAY_SEGMENTS})::UTINYINT"


# Row by row.


def _row_by_row(
    path: Path, on: date, engine: Engine, table: str, findings: Findings
) -> _Trailer | None:
    """Makes the table of the rows without fault and notes the faults of the others."""
    rows = _Rows(path, on, findings)
    kept = engine.folder / f"{table}.rows"
    written = write_rows(kept, rows)
    engine.load("kept", COLUMNS, [kept])
    kept.unlink()
    engine.run(
        f"CREATE OR REPLACE TABLE {table} AS "  # noqa: S608 - names of our own
        f"SELECT *, {segment_sql('order_no')} AS segment FROM kept"
    )
    engine.run("DROP TABLE kept")
    if rows.trailer is None:
        return None
    line, cells = rows.trailer
    return _Trailer(line, cells, (rows.count, rows.refunds), is_whole=written == rows.count)


class _Rows:
    """The rows of a file that have no fault, for one pass; the others are noted and left out."""

    def __init__(self, path: Path, on: date, findings: Findings) -> None:
        self._path = path
        self._findings = findings
        self._earliest, self._end = _open_hours(on)
        self.count = self.refunds = 0
        self.trailer: tuple[int, dict[str, str]] | None = None

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        for line, cells in read_csv(self._path, BILL_COLUMNS, _LIMITS):
            if self.trailer is not None:
                self._findings.add(BillFault.LAYOUT, line, "a row stands below the trailer")
                # The form is broken: neither the trailer nor the rows can be held to anything.
                self.trailer = 0, {}
                return
            if _is_trailer(cells):
                self.trailer = line, cells
                continue
            self.count += 1
            self.refunds += cells["entry_type"] == EntryType.REFUND
            row = self._read(line, cells)
            if row is not None:
                yield row

    def _read(self, line: int, cells: dict[str, str]) -> tuple[str, ...] | None:
        before = self._findings.total
        self._check_names(line, cells)
        amounts = self._amounts(line, cells)
        occurred_at = self._time(line, cells["occurred_at"])
        if self._findings.total > before or occurred_at is None:
            return None
        if amounts[0] != sum(amounts[1:]):
            detail = "order_fen is not the sum of the discounts, voucher_fen and paid_fen"
            self._findings.add(BillFault.AMOUNT, line, detail)
        names = (cells[name] for name in BILL_COLUMNS[:5])
        return str(line), *names, occurred_at, *map(str, amounts)

    def _check_names(self, line: int, cells: dict[str, str]) -> None:
        add = self._findings.add
        if not _NUMBER.fullmatch(cells["platform_order_no"]):
            add(BillFault.FIELD, line, "platform_order_no is not an order number")
        entry_type, refund_no = cells["entry_type"], cells["refund_no"]
        if entry_type not in _ENTRY_TYPES:
            add(BillFault.FIELD, line, "entry_type is neither REDEEM nor REFUND")
        elif entry_type == EntryType.REDEEM and refund_no:
            add(BillFault.FIELD, line, "a REDEEM row has a refund_no")
        elif entry_type == EntryType.REFUND and not _NUMBER.fullmatch(refund_no):
            add(BillFault.FIELD, line, "refund_no is not a refund number")
        if not _VOUCHER_ID.fullmatch(cells["voucher_id"]):
            add(BillFault.FIELD, line, "voucher_id is not a voucher's id")
        if not _SLUG.fullmatch(cells["merchant_id"]):
            add(BillFault.FIELD, line, "merchant_id is not a merchant's id")

    def _amounts(self, line: int, cells: dict[str, str]) -> tuple[int, ...]:
        amounts = []
        for name in AMOUNT_COLUMNS:
            text = cells[name]
            amount_fen = int(text) if _FEN.match(text) else -1
            if not 0 <= amount_fen <= MAX_ORDER_FEN:
                detail = f"{name} is not a whole number of fen from 0 to {MAX_ORDER_FEN}"
                self._findings.add(BillFault.AMOUNT, line, detail)
            amounts.append(amount_fen)
        return tuple(amounts)

    def _time(self, line: int, text: str) -> str | None:
        try:
            # Cut to what is written down, so that a row read back is equal.
            written = to_rfc3339(parse_rfc3339(text))
        except ValueError:
            detail = "occurred_at is not an RFC 3339 time with an offset"
            self._findings.add(BillFault.TIME, line, detail)
            return None
        if not self._earliest <= parse_rfc3339(written) < self._end:
            detail = "occurred_at is not on the business date, in Asia/Shanghai"
            self._findings.add(BillFault.TIME, line, detail)
        return written


def _is_trailer(cells: Mapping[str, str]) -> bool:
    return cells["platform_order_no"] == TRAILER and cells["entry_type"] not in _ENTRY_TYPES


def _open_hours(on: date) -> tuple[datetime, datetime]:
    """From when, and until before when, a row of that date may have occurred."""
    start, end = day_bounds(on)
    return start - CLOCK_TOLERANCE, end + CLOCK_TOLERANCE


def _fault_of(refused: CsvRefused, path: Path) -> BillFault:
    """The bill's fault; a form that breaks in the last line is that of a file cut off."""
    fault = _FAULT_OF[refused.reason]
    if fault is BillFault.LAYOUT and refused.line == _last_line(path):
        return BillFault.TRUNCATED
    return fault


def _last_line(path: Path) -> int:
    """The number of the last line that is not blank."""
    last = number = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip(b"\r\n"):
                last = number
    return last


# What concerns rows together.


def _check_repeated(engine: Engine, table: str, findings: Findings) -> None:
    key = "order_no, entry_type, refund_no"
    repeated = (
        f"SELECT line, first FROM (SELECT line, min(line) OVER (PARTITION BY {key}) AS first "  # noqa: S608 - names of our own
        f"FROM {table} WHERE ({key}) IN "
        f"(SELECT ({key}) FROM {table} GROUP BY {key} HAVING count(*) > 1)) "
        "WHERE line <> first ORDER BY line"
    )
    for line, first in engine.rows(repeated):
        detail = f"the same order, entry type and refund number stand in line {first}"
        findings.add(BillFault.DUPLICATE_ROW, line, detail)


def _check_trailer(trailer: _Trailer, engine: Engine, table: str, findings: Findings) -> None:
    """Compares the trailer with the rows above it: entry_type counts all, refund_no refunds."""
    cells, line = trailer.cells, trailer.line
    for name, count in zip(("entry_type", "refund_no"), trailer.rows, strict=True):
        text = cells[name]
        stated = int(text) if _COUNT.match(text) else None
        if stated != count:
            kind = "rows" if name == "entry_type" else "REFUND rows"
            detail = f"{name} of the trailer must be the number of {kind} above it, {count}"
            findings.add(BillFault.TRAILER_COUNT, line, detail)
    for name in ("voucher_id", "merchant_id", "occurred_at"):
        if cells[name]:
            findings.add(BillFault.LAYOUT, line, f"{name} of the trailer must be empty")
    if not trailer.is_whole:
        # A row that could not be read is missing in the sums; its own finding says so.
        return
    sign = "CASE entry_type WHEN 'REDEEM' THEN 1 ELSE -1 END"
    sums = ", ".join(f"coalesce(sum({name} * {sign}), 0)::BIGINT" for name in AMOUNT_COLUMNS)
    [totals] = engine.rows(f"SELECT {sums} FROM {table}")  # noqa: S608 - names of our own
    for name, total_fen in zip(AMOUNT_COLUMNS, totals, strict=True):
        text = cells[name]
        if not _TOTAL.match(text) or int(text) != total_fen:
            detail = f"{name} of the trailer must be REDEEM less REFUND rows, {total_fen}"
            findings.add(BillFault.TRAILER_TOTALS, line, detail)
