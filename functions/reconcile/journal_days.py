"""The changes of some campaigns' business dates, put in order on disk: a day may have a million.

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
    """Changes by campaign and day; a context, within which they are kept and read.

    Args:
        opened: in whose folder the files lie.

    """

    def __init__(self, opened: Engine) -> None:
        self._engine = opened
        self._files: dict[tuple[str, date], BinaryIO] = {}
        self._open = ExitStack()
        self.counts: Counter[tuple[str, date]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def keep(self, campaign_id: str, on: date, change: Change) -> None:
        """Takes a change of that day; none may follow once a day is read."""
        day = campaign_id, on
        if day not in self._files:
            self._files[day] = self._open.enter_context(self._path(*day).open("wb"))
        at, rank, change_id = change.place
        data = json.dumps(change.data, separators=(",", ":"))
        row = (_text(at), str(rank), change_id, change.kind, data)
        self._files[day].write(rows_text([row]))
        self.counts[day] += 1

    def changes(self, campaign_id: str, on: date) -> Iterator[Change]:
        """The changes of a day in their places, held a few at a time."""
        self._open.close()
        files = [self._path(campaign_id, on)] if self.counts[campaign_id, on] else []
        self._engine.load("changes", _COLUMNS, files)
        rows = self._engine.rows(
            "SELECT moment, kind, change_id, data FROM changes ORDER BY moment, rank, change_id"
        )
        for at, kind, change_id, data in rows:
            yield Change(datetime.fromisoformat(at), kind, change_id, json.loads(data))

    def _path(self, campaign_id: str, on: date) -> Path:
        return self._engine.folder / f"changes-{campaign_id}-{on.isoformat()}.rows"


def _text(at: datetime) -> str:
    """A time as text that sorts as the time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
