"""What published files hold: documents, tables and lines, of any size."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from infra.audit.sources import Source

LONGEST_ROW: Final = 64 * 1024
"""In bytes, of a table's row."""


def document_at(source: Source, key: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON document of that key; an empty one where there is none."""
    try:
        return json.loads(source.read(key))
    except (FileNotFoundError, ValueError):
        return {}


def rows_at(source: Source, key: str) -> Iterator[dict[str, str]]:
    """The rows of the CSV file of that key, one at a time; none where there is no such file.

    Raises:
        ValueError: it is no UTF-8.

    """
    try:
        parts = source.parts(key)
    except FileNotFoundError:
        return
    yield from rows_in(parts)


def rows_in(parts: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, one at a time.

    Raises:
        ValueError: it is no UTF-8.

    """
    lines = (line.decode() for line in lines_of(parts, LONGEST_ROW))
    first = next(lines, "").removeprefix("\ufeff")
    yield from csv.DictReader(chain([first], lines))


def lines_of(parts: Iterable[bytes], longest: int) -> Iterator[bytes]:
    """The lines of a file with their line feeds; one that is longer is cut after that many bytes.

    Args:
        parts: of the file.
        longest: in bytes; what is cut off follows as a line of its own.

    """
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line + b"\n"
        while len(rest) > longest:
            yield rest[:longest]
            rest = rest[longest:]
    if rest:
        yield rest
