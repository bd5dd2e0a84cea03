"""Tables as data: which columns a file has, what each holds, and rows proven to fit.

A `Table` that exists is sound: every row has exactly the columns, every cell has its column's
type, and every amount is an integer. The writers (CSV, XLSX, JSON, HTML) therefore check nothing
again and cannot disagree on what a row holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Rate: TypeAlias = tuple[int, int]
"""An exact fraction (numerator, denominator); denominator 0 means that there is no value."""

Cell: TypeAlias = str | int | Rate | date | datetime | None
Row: TypeAlias = "Mapping[str, Cell]"
Cells: TypeAlias = tuple[Cell, ...]

AMOUNT_LIMIT = 10**15
"""Every integer of a cell or total is smaller than this, in either direction.

A spreadsheet holds numbers as binary doubles, which keep 15 decimal digits: a fen amount below
the limit is therefore shown exactly. The largest campaign is 10^13 fen, so a total has room.
"""

TEXT_LIMIT = 16_000
"""The longest text of a cell, in characters: at most 32,000 of XLSX's 32,767 UTF-16 units."""

ID_LIMIT = 200
"""The longest id of a cell, in characters."""

COLUMN_LIMIT = 200
"""The most columns of a table."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")
_TABLE_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*\Z")
# NUL ends a string in too many readers, and a lone surrogate has no UTF-8 form.
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")


class TableError(ValueError):
    """A table was declared or filled wrongly: a fault of the caller, never of outside input."""


class ColumnKind(StrEnum):
    """What a column holds, and so how each kind of file writes it."""

    TEXT = "text"
    ID = "id"
    """An identifier: text that is never a number, even where it has only digits."""
    FEN = "fen"
    """Integer fen. Machines get fen; people get yuan with two decimals."""
    COUNT = "count"
    RATE = "rate"
    """A share of a whole, as a `Rate`; people see a percentage."""
    RATIO = "ratio"
    """A multiple, such as the pull ratio, as a `Rate`; people see two decimals."""
    DATE = "date"
    """A business date in Asia/Shanghai."""
    TIME = "time"
    """An aware time. Machines get UTC; people get Beijing time."""


NUMERIC = frozenset({ColumnKind.FEN, ColumnKind.COUNT, ColumnKind.RATE, ColumnKind.RATIO})
FRACTIONS = frozenset({ColumnKind.RATE, ColumnKind.RATIO})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        name: the machine's header, snake_case.
        zh: the header that people read.
        en: the same in English.
        kind: what its cells hold.
        formula_zh: how a cell comes about, for the 说明 sheet and the page; empty where plain.
        formula_en: the same in English.
        optional: whether a cell may be None, which every format shows as empty.

    Raises:
        TableError: the name is not snake_case, or a heading is missing.

    """

    name: str
    zh: str
    en: str
    kind: ColumnKind
    formula_zh: str = ""
    formula_en: str = ""
    optional: bool = False

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise TableError(f"column name {self.name!r} is not snake_case")
        if not self.zh or not self.en:
            raise TableError(f"column {self.name} needs a heading in both languages")
        if bool(self.formula_zh) != bool(self.formula_en):
            raise TableError(f"column {self.name} needs its formula in both languages")


@dataclass(frozen=True, slots=True, init=False)
class Table:
    """Rows with their columns, checked once.

    Args:
        name: the stem of the table's files, lower case with `_` or `-`.
        title_zh: the title that people read.
        title_en: the same in English.
        columns: in the order of the files.
        rows: one mapping a row; any iterable, read once and kept as `cells`.
        totals: names of the columns that are summed: amounts, counts, and fractions whose
            numerators and denominators are sums themselves (they add up separately). Leave out
            what does not add up, such as distinct users.

    Raises:
        TableError: a row lacks a column or has another, a cell has the wrong type, or a limit is
            passed; the message names row and column.

    """

    name: str
    title_zh: str
    title_en: str
    columns: tuple[Column, ...]
    cells: tuple[Cells, ...]
    totals: tuple[str, ...]

    def __init__(
        self,
        name: str,
        title_zh: str,
        title_en: str,
        columns: Sequence[Column],
        rows: Iterable[Row],
        *,
        totals: Iterable[str] = (),
    ) -> None:
        # "manifest" would collide with the set's manifest.json.
        if not _TABLE_NAME.match(name) or name == "manifest":
            raise TableError(f"{name!r} cannot name a table's files")
        if not title_zh or not title_en:
            raise TableError(f"table {name} needs a title in both languages")
        summed = check_columns(columns, totals)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "title_zh", title_zh)
        put(self, "title_en", title_en)
        put(self, "columns", tuple(columns))
        put(self, "totals", summed)
        put(self, "cells", tuple(check_rows(columns, rows)))

    def sums(self) -> dict[str, int | Rate]:
        """The total of each column in `totals`, exact; a fraction's parts add up separately."""
        running = Totals(self.columns, self.totals)
        for cells in self.cells:
            running.add(cells)
        return running.sums

    def fen_totals(self) -> dict[str, int]:
        """The totals that a manifest states: those of fen columns."""
        return fen_only(self.columns, self.sums())


class Totals:
    """Running totals of the named columns, for rows that are not kept."""

    def __init__(self, columns: Sequence[Column], totals: Sequence[str]) -> None:
        self._positions = [
            (position, column) for position, column in enumerate(columns) if column.name in totals
        ]
        self.sums: dict[str, int | Rate] = {
            column.name: (0, 0) if column.kind in FRACTIONS else 0 for _, column in self._positions
        }

    def add(self, cells: Cells) -> None:
        """Count one row; an empty cell counts nothing."""
        sums = self.sums
        for position, column in self._positions:
            cell = cells[position]
            total = sums[column.name]
            if isinstance(cell, tuple) and isinstance(total, tuple):
                sums[column.name] = (total[0] + cell[0], total[1] + cell[1])
            elif isinstance(cell, int) and isinstance(total, int):
                sums[column.name] = total + cell


def fen_only(columns: Sequence[Column], sums: Mapping[str, int | Rate]) -> dict[str, int]:
    """The sums of fen columns."""
    fen = {column.name for column in columns if column.kind is ColumnKind.FEN}
    return {name: total for name, total in sums.items() if name in fen and isinstance(total, int)}


def check_columns(columns: Sequence[Column], totals: Iterable[str]) -> tuple[str, ...]:
    """The names of the summed columns, in column order.

    Raises:
        TableError: no column, too many, one twice, or a total that is no number column.

    """
    names = [column.name for column in columns]
    if not 0 < len(names) <= COLUMN_LIMIT:
        raise TableError(f"a table has 1 to {COLUMN_LIMIT} columns, not {len(names)}")
    if len(set(names)) != len(names):
        raise TableError(f"a column appears twice in {names}")
    wanted = set(totals)
    summable = {column.name for column in columns if column.kind in NUMERIC}
    if not wanted <= summable:
        raise TableError(f"no number columns to sum: {sorted(wanted - summable)}")
    return tuple(name for name in names if name in wanted)


def check_rows(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[Cells]:
    """Each row's cells in column order, one row at a time, so that a large file needs no list.

    Raises:
        TableError: as `Table` says, when the faulty row is reached.

    """
    names = [column.name for column in columns]
    expected = frozenset(names)
    for number, row in enumerate(rows, start=1):
        if row.keys() != expected:
            missing = sorted(expected - row.keys())
            unknown = sorted(row.keys() - expected)
            raise TableError(f"row {number}: missing {missing}, unknown {unknown}")
        cells = tuple(row[name] for name in names)
        for column, cell in zip(columns, cells, strict=True):
            fault = _fault(column, cell)
            if fault:
                raise TableError(f"row {number}, {column.name}: {fault}")
        yield cells


def _fault(column: Column, cell: Cell) -> str:
    """What is wrong with a cell; empty where nothing is."""
    if cell is None:
        return "" if column.optional else "is empty"
    kind = column.kind
    if kind in (ColumnKind.FEN, ColumnKind.COUNT):
        return _integer_fault(cell)
    if kind in FRACTIONS:
        return _rate_fault(cell)
    if kind is ColumnKind.DATE:
        # A datetime is a date to isinstance, and would lose its time without a word.
        return "" if type(cell) is date else f"{cell!r} is not a date"
    if kind is ColumnKind.TIME:
        aware = isinstance(cell, datetime) and cell.utcoffset() is not None
        return "" if aware else f"{cell!r} is not an aware time"
    return _text_fault(kind, cell)


def _integer_fault(value: object) -> str:
    # True + True is 2 fen: bool is an int to isinstance, and is no amount.
    if not isinstance(value, int) or isinstance(value, bool):
        return f"{value!r} is not an integer"
    return "" if -AMOUNT_LIMIT < value < AMOUNT_LIMIT else f"{value} is beyond the limit"


def _rate_fault(value: object) -> str:
    if not isinstance(value, tuple) or len(value) != 2:  # noqa: PLR2004 - a fraction has two parts
        return f"{value!r} is not (numerator, denominator)"
    fault = _integer_fault(value[0]) or _integer_fault(value[1])
    if fault:
        return fault
    return "a denominator is not negative" if value[1] < 0 else ""


def _text_fault(kind: ColumnKind, value: object) -> str:
    if not isinstance(value, str):
        return f"{value!r} is not text"
    if kind is ColumnKind.ID:
        if not 0 < len(value) <= ID_LIMIT or _CONTROL.search(value):
            return f"{value[:40]!r} is not an id"
        return ""
    if len(value) > TEXT_LIMIT:
        return f"has {len(value)} characters"
    return "holds NUL or a lone surrogate" if _UNWRITABLE.search(value) else ""
