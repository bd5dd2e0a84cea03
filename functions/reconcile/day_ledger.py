"""A platform's day read from the ledger onto disk: a file a segment, several segments at a time."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from functions.reconcile.engine import rows_text
from functions.shared.domain.ledger import DAY_SEGMENTS
from functions.shared.store.ledger_rows import LedgerRow, LedgerRowStore

READERS: Final = 2
"""How many segments are read at a time: while one waits for DynamoDB, the other is taken apart.

More of them lose what they win by handing the interpreter's lock around.
"""

PART_ROWS: Final = 100_000
"""How many entries the engine takes at a time, where segments are not larger than that."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole segments that are worked on together.

    Args:
        segments: which; also those without entries, whose bill rows belong here.
        files: of those that have entries.

    """

    segments: tuple[int, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class StagedLedger:
    """The entries of some segments on disk.

    Args:
        rows: how many entries there are, by segment.
        files: where they are, by segment.
        digests: SHA-256 over a campaign's rows in a segment, as they stand in the file: of what
            never changes of an entry, all there is.

    """

    rows: dict[int, int]
    files: dict[int, Path]
    digests: dict[tuple[str, int], str]

    @property
    def total(self) -> int:
        """How many entries there are."""
        return sum(self.rows.values())

    def parts(self, most: int = PART_ROWS) -> Iterator[Part]:
        """All segments, in order, as few at a time as hold `most` entries; one at least."""
        held: list[int] = []
        for segment in sorted(self.rows):
            if held and sum(self.rows[s] for s in held) + self.rows[segment] > most:
                yield self._part(held)
                held = []
            held.append(segment)
        yield self._part(held)

    def _part(self, segments: Sequence[int]) -> Part:
        return Part(tuple(segments), tuple(self.files[s] for s in segments if self.rows[s]))


@dataclass(frozen=True, slots=True)
class _Segment:
    """One segment on disk: its rows, its file, and digests by campaign."""

    segment: int
    rows: int
    path: Path
    digests: dict[str, str]


def stage_ledger(
    platform_id: str,
    on: date,
    campaign_ids: Sequence[str],
    *,
    ledger: LedgerRowStore,
    folder: Path,
    segments: Iterable[int] = range(DAY_SEGMENTS),
) -> StagedLedger:
    """Writes the entries of those segments, of all the campaigns, into files of the folder.

    Raises:
        Busy: throttled or lost beyond the SDK's retries.

    """

    def read(segment: int) -> _Segment:
        pages = {
            campaign_id: ledger.pages(campaign_id, platform_id, on, segment)
            for campaign_id in campaign_ids
        }
        return stage_segment(pages, folder / f"ledger-{segment:02d}.rows", segment)

    with without_collector(), ThreadPoolExecutor(READERS) as readers:
        return together(readers.map(read, segments))


def stage_segment(
    pages: Mapping[str, Iterable[list[LedgerRow]]], path: Path, segment: int
) -> _Segment:
    """Writes one segment's entries into a file.

    Args:
        pages: by campaign.
        path: of the file.
        segment: which.

    """
    rows, digests = 0, {}
    with path.open("wb") as file:
        for campaign_id, of_campaign in pages.items():
            digest, count = hashlib.sha256(), 0
            for page in of_campaign:
                if page:
                    text = rows_text(page)
                    file.write(text)
                    digest.update(text)
                    count += len(page)
            if count:
                digests[campaign_id] = digest.hexdigest()
            rows += count
    return _Segment(segment, rows, path, digests)


def together(segments: Iterable[_Segment]) -> StagedLedger:
    """Segments as one ledger."""
    found = list(segments)
    return StagedLedger(
        {of.segment: of.rows for of in found},
        {of.segment: of.path for of in found},
        {(name, of.segment): digest for of in found for name, digest in of.digests.items()},
    )


@contextmanager
def without_collector() -> Iterator[None]:
    """Python's collector of cycles rests: pages are trees, and freed without it.

    It would go through a million small dictionaries again and again, and find none.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
