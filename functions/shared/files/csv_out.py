r"""CSV for machines: UTF-8 with BOM, CRLF, comma, snake_case header, fen as integers.

**The guard.** A spreadsheet takes a text cell that begins with `=`, `+`, `-`, `@`, TAB or CR for
a formula, and runs it. Such text gets a leading apostrophe. Line feed and the full-width forms of
the four signs are guarded as well: a Chinese input method types them, and some spreadsheets treat
them alike. Text that already begins with apostrophes and then such a character gets one more, so
that the guard can be taken off without doubt.

**How a reader takes it off:** where a cell begins with one or more apostrophes followed by one of
these characters, drop the first apostrophe; leave every other cell alone (`unguarded`).

Number columns are written from integers by this module, never from outside text; a negative
amount stays `-5`, which sums in every tool.

Source: OWASP, "CSV Injection"; RFC 4180 for quoting.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import datetime
from typing import TYPE_CHECKING

from functions.shared.domain.business_time import to_rfc3339
from functions.shared.files.columns import (
    Cell,
    Column,
    Row,
    Table,
    TableError,
    Totals,
    check_columns,
    check_rows,
    fen_only,
)
from functions.shared.files.numerals import rate_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from functions.shared.files.columns import Cells

BOM = b"\xef\xbb\xbf"
CHUNK_ROWS = 1_000

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
_TO_GUARD = re.compile(f"'*[{re.escape(FORMULA_STARTS)}]")
_TO_UNGUARD = re.compile(f"'+[{re.escape(FORMULA_STARTS)}]")


def guarded(text: str) -> str:
    """The text, safe to open in a spreadsheet."""
    return f"'{text}" if _TO_GUARD.match(text) else text


def unguarded(text: str) -> str:
    """The text before `guarded`; every text survives the round trip."""
    return text[1:] if _TO_UNGUARD.match(text) else text


class CsvStream:
    """A CSV file in chunks of bytes, for one pass; its figures grow with it.

    Read `sha256`, `size_bytes`, `rows` and `fen_totals` after the last chunk: they then describe
    the whole file.

    Args:
        columns: the file's columns.
        rows: one mapping a row, checked when reached.
        totals: names of the columns to sum.

    Raises:
        TableError: the columns are wrong, at once; a row is wrong, when it is reached; a second
            pass is tried.

    """

    def __init__(
        self, columns: Sequence[Column], rows: Iterable[Row], totals: Iterable[str] = ()
    ) -> None:
        summed = check_columns(columns, totals)
        self._start(columns, check_rows(columns, rows), summed)

    @classmethod
    def of_table(cls, table: Table) -> CsvStream:
        """The same for rows that a table has already checked."""
        stream = cls.__new__(cls)
        stream._start(table.columns, iter(table.cells), table.totals)  # noqa: SLF001 - own class
        return stream

    def _start(
        self, columns: Sequence[Column], cells: Iterator[Cells], totals: tuple[str, ...]
    ) -> None:
        self._columns = tuple(columns)
        self._cells = cells
        self._totals = Totals(self._columns, totals)
        self._digest = hashlib.sha256()
        self._begun = False
        self.size_bytes = 0
        self.rows = 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the chunks so far, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def fen_totals(self) -> dict[str, int]:
        """Totals of the summed fen columns so far."""
        return fen_only(self._columns, self._totals.sums)

    def __iter__(self) -> Iterator[bytes]:
        if self._begun:
            raise TableError("a CSV stream is read once")
        self._begun = True
        return self._chunks()

    def _chunks(self) -> Iterator[bytes]:
        lines = io.StringIO(newline="")
        writer = csv.writer(lines, lineterminator="\r\n")
        writer.writerow([column.name for column in self._columns])
        lead = BOM
        for cells in self._cells:
            writer.writerow([_written(cell) for cell in cells])
            self._totals.add(cells)
            self.rows += 1
            if self.rows % CHUNK_ROWS == 0:
                yield self._counted(lead + lines.getvalue().encode())
                lead = b""
                lines.seek(0)
                lines.truncate()
        rest = lead + lines.getvalue().encode()
        if rest:
            yield self._counted(rest)

    def _counted(self, chunk: bytes) -> bytes:
        self._digest.update(chunk)
        self.size_bytes += len(chunk)
        return chunk


def iter_csv(
    columns: Sequence[Column], rows: Iterable[Row], totals: Iterable[str] = ()
) -> CsvStream:
    """A large CSV file in chunks, holding `CHUNK_ROWS` rows at a time; see `CsvStream`."""
    return CsvStream(columns, rows, totals)


def csv_lines(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """The line of each row, without its end; rows are checked when they are reached.

    Raises:
        TableError: the columns or a row are wrong.

    """
    check_columns(columns, ())
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="")
    for cells in check_rows(columns, rows):
        writer.writerow([_written(cell) for cell in cells])
        yield lines.getvalue()
        lines.seek(0)
        lines.truncate()


def to_csv(table: Table) -> bytes:
    """A table's CSV file; the same table gives the same bytes."""
    return b"".join(CsvStream.of_table(table))


def cell_text(cell: Cell) -> str:
    """A cell as text for machines, unguarded: dates ISO, times UTC, rates with four decimals."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, tuple):
        return rate_text(cell)
    if isinstance(cell, datetime):
        return to_rfc3339(cell)
    return str(cell)


def _written(cell: Cell) -> str:
    return guarded(cell) if isinstance(cell, str) else cell_text(cell)
