"""CSV from outside, read strictly: a file is taken as its sender meant it, or refused.

Nothing is guessed: not the encoding, not the separator, not a missing column. The reader takes
what `csv_out` writes, and the same without BOM or with plain line feeds; it takes the formula
guard off again. What a cell means (amounts, dates) is for the caller, who knows the columns.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from functions.shared.files.columns import TEXT_LIMIT
from functions.shared.files.csv_out import unguarded

if TYPE_CHECKING:
    from _csv import Reader as CsvReader
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO, TextIO

_SHOWN = 80
"""The most characters of outside text that a refusal repeats."""

_PART = 1024 * 1024
"""How many bytes of a file are looked at together."""


class Refusal(StrEnum):
    """Why a CSV file is refused."""

    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    TOO_MANY_ROWS = "TOO_MANY_ROWS"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    ENCODING = "ENCODING"
    NUL = "NUL"
    QUOTING = "QUOTING"
    LINE_END = "LINE_END"
    HEADER = "HEADER"
    BLANK_LINE = "BLANK_LINE"
    FIELD_COUNT = "FIELD_COUNT"


class CsvRefused(Exception):
    """A file that is not taken, with what its sender needs to mend it.

    It stands outside the tree of API errors: nobody's call fails, a report is written.

    Args:
        reason: the kind of fault.
        line: the file's line, from 1, where the faulty row begins; 0 for the file as a whole.
        detail: one sentence for the sender.

    """

    def __init__(self, reason: Refusal, line: int, detail: str) -> None:
        super().__init__(f"{reason} at line {line}: {detail}")
        self.reason = reason
        self.line = line
        self.detail = detail


@dataclass(frozen=True, slots=True)
class CsvLimits:
    """What a file may measure. A field longer than 131,072 characters is refused in any case."""

    size_bytes: int = 64 * 1024 * 1024
    rows: int = 1_000_000
    field_chars: int = TEXT_LIMIT


DEFAULT_LIMITS = CsvLimits()


def read_csv(
    source: bytes | Path, header: Sequence[str], limits: CsvLimits = DEFAULT_LIMITS
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row after the header with the line on which it begins, cells unguarded.

    The file as a whole and its header are checked at once, each row when it is reached: take
    nothing from a file before the iterator has ended. A file on disk is never held as a whole.

    Raises:
        CsvRefused: at the first fault.

    """
    check_form(source, limits)
    records = _records(io.TextIOWrapper(_opened(source), encoding="utf-8-sig", newline="\n"))
    line, fields = next(records)
    _check_header(line, fields, header)
    return _rows(records, header, limits)


def read_more(
    source: bytes | Path, header: Sequence[str], limits: CsvLimits = DEFAULT_LIMITS
) -> Iterator[tuple[int, dict[str, str]]]:
    """The same of a later part of a file, which begins with a line of its own: it has no header.

    Raises:
        CsvRefused: at the first fault.

    """
    check_form(source, limits)
    # A mark stands at the beginning of a file; here it would be a character of the first cell.
    records = _records(io.TextIOWrapper(_opened(source), encoding="utf-8", newline="\n"))
    return _rows(records, header, limits)


@dataclass(frozen=True, slots=True)
class CsvForm:
    """What a file's bytes look like, all of them UTF-8 without NUL.

    Args:
        line_feeds: how many bytes end a line.
        carriage_returns: how many there are.
        line_ends: how many carriage returns stand right before a line feed.
        quotes: how many double quotes there are.
        is_ended: whether the last line ends with a line feed.

    """

    line_feeds: int
    carriage_returns: int
    line_ends: int
    quotes: int
    is_ended: bool

    @property
    def is_plain(self) -> bool:
        """Whether it is cells between commas in lines of one kind: then no cell holds any other."""
        one_kind = self.line_ends in (0, self.line_feeds)
        return not self.quotes and self.carriage_returns == self.line_ends and one_kind


def check_form(source: bytes | Path, limits: CsvLimits = DEFAULT_LIMITS) -> CsvForm:
    """What the file's bytes look like, read a part at a time.

    Raises:
        CsvRefused: it is too large, empty, no UTF-8, holds a NUL, or has a line beyond all bounds.

    """
    with _opened(source) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if size > limits.size_bytes:
            raise CsvRefused(Refusal.TOO_LARGE, 0, f"{size} bytes, more than {limits.size_bytes}")
        form = _form(file)
    if form is None:
        raise CsvRefused(Refusal.ENCODING, *_not_utf8(source))
    return form


def _opened(source: bytes | Path) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _form(file: BinaryIO) -> CsvForm | None:
    """The form; None where some byte is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line_feeds = carriage_returns = line_ends = quotes = 0
    last = b""
    for part in iter(lambda: file.read(_PART), b""):
        if not last and part.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise CsvRefused(Refusal.ENCODING, 1, "the file is UTF-16; send UTF-8")
        try:
            decoder.decode(part)
        except UnicodeDecodeError:
            return None
        nul = part.find(b"\0")
        if nul >= 0:
            line = line_feeds + part.count(b"\n", 0, nul) + 1
            raise CsvRefused(Refusal.NUL, line, "the file holds a NUL character")
        found = part.count(b"\n")
        if not found and len(part) == _PART:
            detail = f"the line has more than {_PART} bytes"
            raise CsvRefused(Refusal.FIELD_TOO_LONG, line_feeds + 1, detail)
        line_feeds += found
        carriage_returns += part.count(b"\r")
        line_ends += part.count(b"\r\n") + (last == b"\r" and part.startswith(b"\n"))
        quotes += part.count(b'"')
        last = part[-1:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    if file.tell() <= len(codecs.BOM_UTF8) and _is_only_bom(file):
        raise CsvRefused(Refusal.EMPTY, 0, "the file is empty")
    return CsvForm(line_feeds, carriage_returns, line_ends, quotes, last == b"\n")


def _is_only_bom(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read() in (b"", codecs.BOM_UTF8)


def _not_utf8(source: bytes | Path) -> tuple[int, str]:
    """The line of the first byte that is not UTF-8, and what to say of it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, read = 1, 0
    with _opened(source) as file:
        for part in iter(lambda: file.read(_PART), b""):
            read += len(part)
            try:
                decoder.decode(part)
            except UnicodeDecodeError as error:
                return _told(source, line, read - len(error.object), error)
            line += part.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return _told(source, line, read - len(error.object), error)
    raise AssertionError("the file is UTF-8")


def _told(
    source: bytes | Path, line: int, before: int, error: UnicodeDecodeError
) -> tuple[int, str]:
    line += error.object.count(b"\n", 0, error.start)
    return line, f"byte {before + error.start} is not UTF-8{_suspected_encoding(source)}"


def _rows(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], limits: CsvLimits
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, (line, fields) in enumerate(records, start=1):
        if number > limits.rows:
            raise CsvRefused(Refusal.TOO_MANY_ROWS, line, f"more than {limits.rows} rows")
        if not fields:
            raise CsvRefused(Refusal.BLANK_LINE, line, "the line is blank")
        if len(fields) != len(header):
            detail = f"{len(fields)} fields where the header has {len(header)}"
            raise CsvRefused(Refusal.FIELD_COUNT, line, detail)
        for name, field in zip(header, fields, strict=True):
            if len(field) > limits.field_chars:
                detail = f"{name} has {len(field)} characters, more than {limits.field_chars}"
                raise CsvRefused(Refusal.FIELD_TOO_LONG, line, detail)
        yield line, dict(zip(header, map(unguarded, fields), strict=True))


def _suspected_encoding(source: bytes | Path) -> str:
    """A hint for the sender; the file is refused whatever it says."""
    decoder = codecs.getincrementaldecoder("gb18030")()
    try:
        with _opened(source) as file:
            for part in iter(lambda: file.read(_PART), b""):
                decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return ""
    return "; it may be GBK or GB18030: send UTF-8"


def _records(text: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins; there is one at least.

    The file is closed with the iterator, wherever that ends.

    Only a line feed ends a line here. The csv module then reports a carriage return that stands
    alone outside quotes, instead of taking it for the end of a row.
    """
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for source_line in text:
            taken.append(source_line)
            yield source_line

    with text:
        yield from _read_records(csv.reader(lines(), strict=True), taken)


def _read_records(reader: CsvReader, taken: list[str]) -> Iterator[tuple[int, list[str]]]:
    while True:
        begins_at = reader.line_num + 1
        taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _refused_by_csv(begins_at, str(error)) from None
        # Even strict, the csv module takes a quote inside a bare field (`5" tube`) for itself.
        # RFC 4180 does not have it, and writers disagree on what it means.
        for field in fields:
            quoted = '"' + field.replace('"', '""') + '"' if '"' in field else ""
            if quoted and quoted not in "".join(taken):
                raise CsvRefused(Refusal.QUOTING, begins_at, "a quote stands in a bare field")
        yield begins_at, fields


def _refused_by_csv(line: int, message: str) -> CsvRefused:
    if "field limit" in message:
        return CsvRefused(Refusal.FIELD_TOO_LONG, line, "a field is too long, or never ends")
    if "new-line" in message:
        return CsvRefused(Refusal.LINE_END, line, "a carriage return stands without a line feed")
    return CsvRefused(Refusal.QUOTING, line, f"quotes do not match: {message}")


def _check_header(line: int, fields: list[str], header: Sequence[str]) -> None:
    if fields == list(header):
        return
    missing = [name for name in header if name not in fields]
    unknown = [name[:_SHOWN] for name in fields if name not in header]
    if missing or unknown:
        detail = f"missing columns {missing}, unknown columns {unknown[: len(header)]}"
    else:
        detail = f"the columns are {list(header)}, each once and in this order"
    raise CsvRefused(Refusal.HEADER, line, detail)
