"""The changes of some business dates, put in their order on disk: a day may have a million.

changes as they are found ──> a file a day ──sorted by the engine──> changes in their places
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO, Final, Self

from functions.reconcile.engine import Engine, rows_text
from functions.shared.domain.journal import Change

_COLUMNS: Final = {
    "moment": "VARCHAR",
    "rank": "TINYINT",
    "change_id": "VARCHAR",
    "kind": "VARCHAR",
    "data": "VARCHAR",
}


class JournalDays:
    """Changes by day; a context, within which they are kept and read.

    Args:
        opened: in whose folder the files lie.

    """

    def __init__(self, opened: Engine) -> None:
        self._engine = opened
        self._files: dict[date, BinaryIO] = {}
        self._open = ExitStack()
        self.counts: Counter[date] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def keep(self, on: date, change: Change) -> None:
        """Takes a change of that day; none may follow once a day is read."""
        if on not in self._files:
            self._files[on] = self._open.enter_context(self._path(on).open("wb"))
        at, rank, change_id = change.place
        data = json.dumps(change.data, separators=(",", ":"))
        row = (_text(at), str(rank), change_id, change.kind, data)
        self._files[on].write(rows_text([row]))
        self.counts[on] += 1

    def changes(self, on: date) -> Iterator[Change]:
        """The changes of a day in their places, held a few at a time."""
        self._open.close()
        files = [self._path(on)] if self.counts[on] else []
        self._engine.load("changes", _COLUMNS, files)
        rows = self._engine.rows(
            "SELECT moment, kind, change_id, data FROM changes ORDER BY moment, rank, change_id"
        )
        for at, kind, change_id, data in rows:
            yield Change(datetime.fromisoformat(at), kind, change_id, json.loads(data))

    def _path(self, on: date) -> Path:
        return self._engine.folder / f"changes-{on.isoformat()}.rows"


def _text(at: datetime) -> str:
    """A time as text that sorts as the time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
