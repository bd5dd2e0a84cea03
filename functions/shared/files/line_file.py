"""A CSV file of any size on disk, written line by line and described for its manifest."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

from functions.shared.files.csv_out import BOM, CHUNK_ROWS
from functions.shared.files.manifest import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import IO

    from functions.shared.files.columns import Column

# Large: beside threads that hold the interpreter's lock, every part waits for it several times.
_PART = 16 * 1024 * 1024


class LineFile:
    """A CSV file that begins with its header.

    Lines come from `csv_lines`, or in files from the engine.

    Args:
        path: of the file; its name is the file's in the set.
        columns: give the header.

    """

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        self._size = 0
        self._rows = 0
        header = BOM + ",".join(column.name for column in columns).encode() + b"\r\n"
        with path.open("wb") as file:
            self._put(file, header)

    def write(self, lines: Iterable[str]) -> None:
        """Appends lines, which do not have their ends yet."""
        lines = iter(lines)
        with self.path.open("ab") as file:
            while some := list(islice(lines, CHUNK_ROWS)):
                some.append("")
                self._put(file, "\r\n".join(some).encode())
                self._rows += len(some) - 1

    def append(self, path: Path, rows: int) -> None:
        """Appends a file of whole lines, with their ends.

        Args:
            path: of the file.
            rows: how many lines it has.

        """
        with path.open("rb") as lines, self.path.open("ab") as file:
            while part := lines.read(_PART):
                self._put(file, part)
        self._rows += rows

    def entry(self, totals: Mapping[str, int]) -> FileEntry:
        """The file's entry as it is now.

        Args:
            totals: fen by column, of all its rows.

        """
        return FileEntry(
            name=self.path.name,
            bytes=self._size,
            rows=self._rows,
            totals=totals,
            sha256=self._digest.hexdigest(),
        )

    def _put(self, file: IO[bytes], data: bytes) -> None:
        file.write(data)
        self._digest.update(data)
        self._size += len(data)
