"""The journal: every committed change of a campaign's business date, in order, chained by hashes.

Each line is one JSON object in canonical form. `prev` is the SHA-256 of the line before it, without
its line feed; a day's first line has the root of the day before, which is the hash of that day's
last line. So no line can be edited, left out, put in or moved without every root behind it
changing, and roots are in manifests that are written once.

    {"at":…,"data":{…},"id":"…","kind":"day.opened","n":1,"prev":"<root of the day before>"}
    {"at":…,"data":{…},"id":"v_….0000","kind":"voucher.claimed","n":2,"prev":"<hash of line 1>"}

What a line says follows from what is stored and never changes: see
`functions.shared.domain.journal_changes`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from functions.shared.domain.business_time import day_bounds, parse_rfc3339, to_rfc3339

GENESIS: Final = "0" * 64
"""The root before a campaign's first day."""

OPENED: Final = "day.opened"
LONGEST_LINE: Final = 64 * 1024
# An entry moves a voucher that is there, and the voucher's own line says how it was told.
_ISSUES: Final = frozenset({"voucher.claimed", "voucher.granted", "voucher.earned"})
_RANKS: Final = {"ledger": 0, "order": 0, "voucher": 1}


class JournalError(ValueError):
    """A line that is none, or not in its place."""


@dataclass(frozen=True, slots=True)
class Change:
    """A committed change.

    Args:
        at: when it was committed, as recorded; aware UTC.
        kind: what it is, as `voucher.redeemed`.
        change_id: the same whenever it is written; no two changes of a campaign share one.
        data: facts by name; amounts in fen.

    """

    at: datetime
    kind: str
    change_id: str
    data: Mapping[str, Any]

    @property
    def place(self) -> tuple[datetime, int, str]:
        """Where it stands in its day: by time; within one instant, issues first, then entries."""
        rank = _RANKS.get(self.kind.partition(".")[0], len(_RANKS))
        if self.kind in _ISSUES:
            rank = -1
        return self.at, rank, self.change_id


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a journal as read back, and the hash that the next one must name."""

    number: int
    change: Change
    previous: str
    digest: str


def opening(campaign_id: str, on: date, *, document_sha256: str, before: int) -> Change:
    """A day's first line.

    Args:
        campaign_id: whose journal.
        on: the business date.
        document_sha256: of the campaign's document, `campaign.json` of its first day.
        before: changes in all days before it.

    """
    data = {
        "campaign_id": campaign_id,
        "business_on": on.isoformat(),
        "document_sha256": document_sha256,
        "changes_before": before,
    }
    return Change(day_bounds(on)[0], OPENED, f"{campaign_id}/{on.isoformat()}", data)


def write_lines(changes: Iterable[Change], *, root: str) -> Iterator[bytes]:
    """The lines of changes that are in their order, behind a line or day of that root."""
    for number, change in enumerate(changes, start=1):
        line = _line(number, change, root)
        root = digest_of(line)
        yield line


def _line(number: int, change: Change, previous: str) -> bytes:
    document = {
        "at": to_rfc3339(change.at),
        "data": change.data,
        "id": change.change_id,
        "kind": change.kind,
        "n": number,
        "prev": previous,
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n".encode()


def digest_of(line: bytes) -> str:
    """The hash of a line, without its line feed."""
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def read_line(line: bytes) -> Line:
    """A line as it was written.

    Raises:
        JournalError: the bytes are no line in its one form.

    """
    if len(line) > LONGEST_LINE:
        raise JournalError(f"{len(line)} bytes")
    try:
        found = json.loads(line)
        change = Change(parse_rfc3339(found["at"]), found["kind"], found["id"], found["data"])
        number, previous = found["n"], found["prev"]
        # One comparison rules out every other spelling.
        again = _line(number, change, previous)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise JournalError(f"not a line of a journal: {error}"[:200]) from None
    if again != line:
        raise JournalError("not in canonical form")
    return Line(number, change, previous, digest_of(line))
