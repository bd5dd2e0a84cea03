"""The analytical engine (DuckDB) in which a day's millions of rows are joined and written.

It works in memory up to a limit, and beyond it in a folder of its own. Rows come in as files of
text, which both sides read and write at full speed and which are not held in memory:

    rows ──write_rows──> file ──load──> table ──rows──> back, in batches

Text that is loaded may hold any character but a line feed and SEPARATOR; the ids, times and
amounts of ledger and bills hold neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb

SEPARATOR: Final = "\x1f"
"""Between two cells of a row: a control character, which no id and no time holds."""

MEMORY_LIMIT: Final = "500MB"
"""What the engine itself holds; beyond it, it goes on in its folder. Not Python's own rows."""

_BATCH: Final = 4_096
_TEXT: Final = "VARCHAR"


class Engine:
    """One database, gone when it is closed.

    Args:
        folder: where it works beyond MEMORY_LIMIT, and where its users put their files.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Made on first use: most days that a run looks at have nothing in them."""
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": str(self.folder / "engine"),
                # Nothing is fetched from anywhere.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        # Times are written down as UTC, whatever the machine's zone is.
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def run(self, sql: str, *values: object) -> None:
        """Runs a statement whose result nobody reads."""
        self._connection.execute(sql, values)

    def value(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - whatever was asked for
        """The first cell of the first row."""
        row = self._connection.execute(sql, values).fetchone()
        assert row is not None, sql  # noqa: S101 - asked of queries that have one
        return row[0]

    def rows(self, sql: str, *values: object, **named: object) -> Iterator[tuple[Any, ...]]:
        """The rows, held a batch at a time; other statements may run in between.

        Args:
            sql: with `?` for each of `values`, or `$name` for each of `named`.
            values: in their order.
            named: by name.

        """
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql, named or values)
            while batch := cursor.fetchmany(_BATCH):
                yield from batch
        finally:
            cursor.close()

    def load(
        self,
        table: str,
        columns: Mapping[str, str],
        files: Sequence[Path],
        *,
        separator: str = SEPARATOR,
        line_end: str = "\\n",
    ) -> None:
        r"""Makes the table anew, of the files' rows in their order; an empty cell is empty text.

        Args:
            table: its name.
            columns: name -> SQL type.
            files: as `write_rows` wrote them; none gives an empty table.
            separator: between cells.
            line_end: of every row: `\n` or `\r\n`, as SQL escapes it.

        """
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self.run(f"CREATE OR REPLACE TABLE {table} ({declared})")
        if files:
            self._read(table, columns, files, separator, line_end)

    def append(self, table: str, columns: Mapping[str, str], file: Path) -> None:
        """Adds a file's rows to a table of those columns."""
        self._read(table, columns, [file], SEPARATOR, "\\n")

    def _read(
        self,
        table: str,
        columns: Mapping[str, str],
        files: Sequence[Path],
        separator: str,
        line_end: str,
    ) -> None:
        text = [name for name, kind in columns.items() if kind == _TEXT]
        self.run(
            f"INSERT INTO {table} SELECT * FROM read_csv(?, columns = {dict(columns)}, "  # noqa: S608 - names of our own
            "delim = ?, quote = '', escape = '', header = false, auto_detect = false, "
            f"new_line = '{line_end}', force_not_null = {text}, max_line_size = {MAX_LINE})",
            [str(path) for path in files],
            separator,
        )

    def copy(self, sql: str, path: Path) -> int:
        """Writes rows of one text cell into a file, a line each, as they are; how many.

        Args:
            sql: a query in which every value is written out; see `literal`.
            path: of the file, which is made anew.

        """
        copied: int = self.value(
            f"COPY ({sql}) TO {literal(str(path))} "
            f"(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '{SEPARATOR}')"
        )
        return copied

    def close(self) -> None:
        """Gives everything back."""
        if "_connection" in self.__dict__:
            self._connection.close()


MAX_LINE: Final = 1024 * 1024
"""The longest line of a file that is loaded, in bytes."""


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def write_rows(path: Path, rows: Iterable[Sequence[str]]) -> int:
    """Writes rows of text into a file that `load` reads; how many."""
    count = 0
    rows = iter(rows)
    with path.open("wb") as file:
        while some := list(islice(rows, _BATCH)):
            file.write(rows_text(some))
            count += len(some)
    return count


def rows_text(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of text, one at least, as they stand in a file that `load` reads."""
    return ("\n".join(map(SEPARATOR.join, rows)) + "\n").encode()


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine in a temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="huimin-") as folder:
        opened = Engine(Path(folder))
        try:
            yield opened
        finally:
            opened.close()
