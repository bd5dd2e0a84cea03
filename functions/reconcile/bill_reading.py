"""Reading a bill: a file on disk becomes a table of the engine, or a list of what is wrong with it.

    file ──every row right at a glance──> table                 (in SQL: a million rows in seconds)
         └──any doubt──> row by row ──> table, or findings      (in Python: says what to mend)

The glance takes no file that the other would refuse, and reads the same rows of it. What concerns
rows together, the same key twice and the trailer, is checked once, on the table.

A bill that is too large for one function is read in parts, each a file of whole lines; what
concerns rows together is checked where they come together, by the same functions.
"""

from __future__ import annotations

import codecs
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
from functions.shared.domain.ledger import DAY_SEGMENTS, DAY_SLICES
from functions.shared.domain.money import MAX_ORDER_FEN
from functions.shared.files.csv_in import (
    CsvForm,
    CsvLimits,
    CsvRefused,
    Refusal,
    check_form,
    read_csv,
    read_more,
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
"""The columns of a bill's table, and after them `slice` and `segment`.

Times are RFC 3339 in UTC with milliseconds.
"""

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
class Part:
    """Which lines of a bill a file holds.

    Args:
        is_first: whether the header is one of them.
        is_last: whether the trailer should be.

    """

    is_first: bool = True
    is_last: bool = True


WHOLE: Final = Part()


@dataclass(frozen=True, slots=True)
class Trailer:
    """The last row of a bill: the line where it stands, and its cells by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Totals:
    """What rows come to.

    Args:
        rows: how many there are.
        refunds: how many of them are refunds.
        fen: of each amount, REDEEM less REFUND rows; None where a row could not be read.

    """

    rows: int = 0
    refunds: int = 0
    fen: tuple[int, ...] | None = (0,) * len(AMOUNT_COLUMNS)

    def __add__(self, other: Totals) -> Totals:
        fen = None
        if self.fen is not None and other.fen is not None:
            fen = tuple(map(sum, zip(self.fen, other.fen, strict=True)))
        return Totals(self.rows + other.rows, self.refunds + other.refunds, fen)


@dataclass(frozen=True, slots=True)
class PartRead:
    """A part that is read; its rows without fault are a table.

    Args:
        findings: what is wrong with its lines, by line of the part.
        totals: of its rows; None where its form is broken, so that they are not known.
        trailer: where it has one.

    """

    findings: Findings
    totals: Totals | None = None
    trailer: Trailer | None = None


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
    read = load_part(path, WHOLE, business_on=business_on, engine=engine, table=table)
    findings = read.findings
    if read.totals is not None:
        check_repeated(engine, table, findings)
        check_trailer(read.trailer, read.totals, findings)
        findings.listed.sort(key=lambda finding: finding.line)
    return findings


def load_part(path: Path, part: Part, *, business_on: date, engine: Engine, table: str) -> PartRead:
    """Makes the table of a part's rows; what concerns rows together is not checked.

    Args:
        path: of the file.
        part: which lines it holds.
        business_on: the date that it is the bill of.
        engine: where the table is made.
        table: its name.

    """
    findings = Findings()
    try:
        form = check_form(path, _LIMITS)
        read = _at_a_glance(path, form, part, business_on, engine, table)
        engine.run("DROP TABLE IF EXISTS lines")
        return read or _row_by_row(path, part, business_on, engine, table, findings)
    except CsvRefused as refused:
        fault = _fault_of(refused, path) if part.is_last else _FAULT_OF[refused.reason]
        findings.add(fault, refused.line, refused.detail)
        return PartRead(findings)


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
    path: Path, form: CsvForm, part: Part, on: date, engine: Engine, table: str
) -> PartRead | None:
    """Makes the table where every row is right; None where any is not, or may be not."""
    lines = form.line_feeds + (not form.is_ended)
    # The first line of all is the header and the last one the trailer.
    rows = lines - part.is_first - part.is_last
    is_odd = not form.is_plain or (not part.is_first and _begins_with_bom(path))
    if is_odd or not 0 <= rows <= MAX_BILL_ROWS:
        return None
    # NUL is in no file that has come this far: each line is one cell.
    line_end = "\\r\\n" if form.line_ends else "\\n"
    engine.load("lines", {"text": "VARCHAR"}, [path], separator="\0", line_end=line_end)
    if engine.value("SELECT count(*) FROM lines") != lines:
        return None
    if not _has_header(part, engine):
        return None
    trailer = _last_line_as_trailer(lines, engine) if part.is_last else None
    if part.is_last and trailer is None:
        return None
    span = (int(part.is_first), lines - 1 - part.is_last)
    odd = (
        "SELECT count(*) FROM lines WHERE rowid BETWEEN ? AND ? AND NOT regexp_full_match(text, ?)"
    )
    if engine.value(odd, *span, _ROW_SQL) or not _make_table(span, on, engine, table):
        return None
    return PartRead(Findings(), totals_of(engine, table), trailer)


def _has_header(part: Part, engine: Engine) -> bool:
    if not part.is_first:
        return True
    header: str = engine.value("SELECT text FROM lines WHERE rowid = 0")
    return header.removeprefix("\ufeff") == ",".join(BILL_COLUMNS)


def _last_line_as_trailer(lines: int, engine: Engine) -> Trailer | None:
    last: str = engine.value("SELECT text FROM lines WHERE rowid = ?", lines - 1)
    cells = dict(zip(BILL_COLUMNS, map(unguarded, last.split(",")), strict=False))
    is_trailer = last.count(",") == len(BILL_COLUMNS) - 1 and _is_trailer(cells)
    return Trailer(lines, cells) if is_trailer else None


def _make_table(span: tuple[int, int], on: date, engine: Engine, table: str) -> bool:
    """Makes the table of those lines' rows; whether every time and amount is right."""
    texts = ", ".join(
        f"cell[{place}] AS {name}" for place, name in enumerate(list(COLUMNS)[1:6], 1)
    )
    amounts = ", ".join(
        f"cell[{place}]::BIGINT AS {name}" for place, name in enumerate(AMOUNT_COLUMNS, 7)
    )
    engine.run(
        f"CREATE OR REPLACE TABLE {table} AS SELECT line, {texts}, "  # noqa: S608 - names of our own
        "strftime(moment::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%gZ') AS occurred_at, "
        f"{amounts}, {slice_sql('cell[1]')} AS slice, {segment_sql('slice')} AS segment, moment "
        "FROM (SELECT rowid + 1 AS line, string_split(text, ',') AS cell, "
        "try_cast(cell[6] AS TIMESTAMPTZ) AS moment FROM lines WHERE rowid BETWEEN ? AND ?)",
        *span,
    )
    start, end = _open_hours(on)
    wrong = (
        "moment IS NULL OR moment < ?::TIMESTAMPTZ OR moment >= ?::TIMESTAMPTZ "
        f"OR order_fen > {MAX_ORDER_FEN} OR order_fen <> {' + '.join(AMOUNT_COLUMNS[1:])}"
    )
    count = f"SELECT count(*) FROM {table} WHERE {wrong}"  # noqa: S608 - as above
    if engine.value(count, to_rfc3339(start), to_rfc3339(end)):
        return False
    engine.run(f"ALTER TABLE {table} DROP COLUMN moment")
    return True


def _begins_with_bom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def slice_sql(text: str) -> str:
    """`day_slice` of a text, as SQL.

    Args:
        text: an SQL expression for it.

    """
    # The low byte of the hash's first eight: there are as many slices as a byte has values.
    assert DAY_SLICES == 256  # noqa: S101, PLR2004 - a constant of our own
    digits = "'0123456789abcdef'"
    digest = f"sha256({text})"
    high, low = (f"(strpos({digits}, {digest}[{place}]) - 1)" for place in (15, 16))
    return f"(16 * {high} + {low})::UTINYINT"


def segment_sql(number: str) -> str:
    """The segment of a slice, as SQL."""
    return f"({number} % {DAY_SEGMENTS})::UTINYINT"


# Row by row.


def _row_by_row(
    path: Path, part: Part, on: date, engine: Engine, table: str, findings: Findings
) -> PartRead:
    """Makes the table of the rows without fault and notes the faults of the others."""
    rows = _Rows(path, part, on, findings)
    kept = engine.folder / f"{table}.rows"
    written = write_rows(kept, rows)
    engine.load("kept", COLUMNS, [kept])
    kept.unlink()
    engine.run(
        f"CREATE OR REPLACE TABLE {table} AS SELECT *, "  # noqa: S608 - names of our own
        f"{slice_sql('order_no')} AS slice, {segment_sql('slice')} AS segment FROM kept"
    )
    engine.run("DROP TABLE kept")
    if rows.is_broken:
        return PartRead(findings)
    if part.is_last and rows.trailer is None:
        findings.add(BillFault.TRUNCATED, 0, "the file ends without its trailer row")
        return PartRead(findings)
    if not part.is_last and rows.trailer is not None:
        findings.add(BillFault.LAYOUT, rows.trailer.line + 1, _BELOW_TRAILER)
        return PartRead(findings)
    fen = totals_of(engine, table).fen if written == rows.count else None
    return PartRead(findings, Totals(rows.count, rows.refunds, fen), rows.trailer)


_BELOW_TRAILER: Final = "a row stands below the trailer"


class _Rows:
    """The rows of a file that have no fault, for one pass; the others are noted and left out."""

    def __init__(self, path: Path, part: Part, on: date, findings: Findings) -> None:
        self._path = path
        self._part = part
        self._findings = findings
        self._earliest, self._end = _open_hours(on)
        self.count = self.refunds = 0
        self.trailer: Trailer | None = None
        self.is_broken = False
        """Whether neither the trailer nor the rows can be held to anything."""

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        read = read_csv if self._part.is_first else read_more
        for line, cells in read(self._path, BILL_COLUMNS, _LIMITS):
            if self.trailer is not None:
                self._findings.add(BillFault.LAYOUT, line, _BELOW_TRAILER)
                self.is_broken = True
                return
            if _is_trailer(cells):
                self.trailer = Trailer(line, cells)
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


def check_repeated(engine: Engine, table: str, findings: Findings) -> None:
    """Notes every row whose key an earlier line has; the table holds all rows of each order."""
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


def totals_of(engine: Engine, table: str) -> Totals:
    """What a table's rows come to."""
    sign = "CASE entry_type WHEN 'REDEEM' THEN 1 ELSE -1 END"
    sums = ", ".join(f"coalesce(sum({name} * {sign}), 0)::BIGINT" for name in AMOUNT_COLUMNS)
    refunds = "count(*) FILTER (entry_type = 'REFUND')"
    [(rows, refund_rows, *fen)] = engine.rows(f"SELECT count(*), {refunds}, {sums} FROM {table}")  # noqa: S608 - names of our own
    return Totals(rows, refund_rows, tuple(fen))


def check_trailer(trailer: Trailer | None, totals: Totals, findings: Findings) -> None:
    """Compares the trailer with the rows above it: entry_type counts all, refund_no refunds."""
    assert trailer is not None  # noqa: S101 - a bill without one is refused before
    cells, line = trailer.cells, trailer.line
    counts = ("entry_type", totals.rows), ("refund_no", totals.refunds)
    for name, count in counts:
        text = cells[name]
        stated = int(text) if _COUNT.match(text) else None
        if stated != count:
            kind = "rows" if name == "entry_type" else "REFUND rows"
            detail = f"{name} of the trailer must be the number of {kind} above it, {count}"
            findings.add(BillFault.TRAILER_COUNT, line, detail)
    for name in ("voucher_id", "merchant_id", "occurred_at"):
        if cells[name]:
            findings.add(BillFault.LAYOUT, line, f"{name} of the trailer must be empty")
    # A row that could not be read is missing in the sums; its own finding says so.
    for name, total_fen in zip(AMOUNT_COLUMNS, totals.fen or (), strict=False):
        text = cells[name]
        if not _TOTAL.match(text) or int(text) != total_fen:
            detail = f"{name} of the trailer must be REDEEM less REFUND rows, {total_fen}"
            findings.add(BillFault.TRAILER_TOTALS, line, detail)
