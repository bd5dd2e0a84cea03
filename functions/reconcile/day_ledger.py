"""A platform's day read from the ledger onto disk.

Whoever does a whole day has a file a segment, and reads several at a time; where many functions do
it, each reads one segment, and has a file a slice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from functions.reconcile.collector import without_collector
from functions.reconcile.engine import rows_text
from functions.shared.domain.ledger import DAY_SEGMENTS, DAY_SLICES, day_slice
from functions.shared.store.ledger_rows import TEXT_COLUMNS, LedgerRow, LedgerRowStore

READERS: Final = 2
"""How many segments are read at a time: while one waits for DynamoDB, the other is taken apart.

More of them lose what they win by handing the interpreter's lock around.
"""

_ORDER_NO: Final = TEXT_COLUMNS.index("order_no")

PART_ROWS: Final = 100_000
"""How many entries the engine takes at a time, where segments are not larger than that."""


@dataclass(frozen=True, slots=True)
class StagedSegment:
    """One segment's entries on disk.

    Args:
        segment: which.
        rows: how many entries it has.
        path: of the file.
        digests: by campaign, SHA-256 over its rows as they stand in the file: of what never
            changes of an entry, all there is.

    """

    segment: int
    rows: int
    path: Path
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Whole segments, or a share of one, that are worked on together.

    Args:
        staged: also those without entries, whose bill rows belong here.
        is_sorted: whether rows stand in their files as the ledger gives them.

    """

    staged: tuple[StagedSegment, ...]
    is_sorted: bool = True

    @property
    def segments(self) -> tuple[int, ...]:
        """Which."""
        return tuple(each.segment for each in self.staged)

    @property
    def rows(self) -> int:
        """How many entries they have."""
        return sum(each.rows for each in self.staged)

    @property
    def files(self) -> tuple[Path, ...]:
        """Of those that have entries."""
        return tuple(each.path for each in self.staged if each.rows)

    def digest(self, campaign_id: str, segment: int) -> str:
        """Of the campaign's entries in a segment that has some."""
        [of_segment] = (each for each in self.staged if each.segment == segment)
        return of_segment.digests[campaign_id]


@contextmanager
def reading(
    platform_id: str,
    on: date,
    campaign_ids: Sequence[str],
    *,
    ledger: LedgerRowStore,
    folder: Path,
) -> Iterator[Iterator[Part]]:
    """The entries of the day, of all the campaigns, part by part in files of the folder.

    While a part is worked on, the next ones are read. Asking for a part may raise `Busy`:
    throttled or lost beyond the SDK's retries.
    """

    def read(segment: int) -> StagedSegment:
        pages = {
            campaign_id: ledger.pages(campaign_id, platform_id, on, segment)
            for campaign_id in campaign_ids
        }
        return stage_segment(pages, folder / f"ledger-{segment:02d}.rows", segment)

    with without_collector():
        readers = ThreadPoolExecutor(READERS)
        try:
            yield in_parts(readers.map(read, range(DAY_SEGMENTS)))
        finally:
            readers.shutdown(cancel_futures=True)


def in_parts(segments: Iterable[StagedSegment], most: int = PART_ROWS) -> Iterator[Part]:
    """The segments in their order, as few at a time as hold `most` entries; one at least."""
    held: list[StagedSegment] = []
    for segment in segments:
        if held and sum(each.rows for each in held) + segment.rows > most:
            yield Part(tuple(held))
            held = []
        held.append(segment)
    yield Part(tuple(held))


def stage_segment(
    pages: Mapping[str, Iterable[list[LedgerRow]]], path: Path, segment: int
) -> StagedSegment:
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
    return StagedSegment(segment, rows, path, digests)


@dataclass(frozen=True, slots=True)
class CutSegment:
    """One segment's entries on disk, by slice.

    Args:
        digests: see `StagedSegment`; of the whole segment.
        rows: how many entries each slice has that has some.
        paths: of their files; within one, entries stand by campaign and time of recording.

    """

    digests: Mapping[str, str]
    rows: Mapping[int, int]
    paths: Mapping[int, Path]


def cut_segment(
    platform_id: str,
    on: date,
    campaign_ids: Sequence[str],
    *,
    ledger: LedgerRowStore,
    folder: Path,
    segment: int,
) -> CutSegment:
    """Reads one segment, of all the campaigns, into a file for each of its slices.

    Raises:
        Busy: throttled or lost beyond the SDK's retries.

    """
    numbers = range(segment, DAY_SLICES, DAY_SEGMENTS)
    paths = {number: folder / f"ledger-{number:03d}.rows" for number in numbers}
    counts = dict.fromkeys(numbers, 0)
    digests: dict[str, str] = {}
    with ExitStack() as opened, without_collector():
        files = {number: opened.enter_context(path.open("wb")) for number, path in paths.items()}
        for campaign_id in campaign_ids:
            digest, is_empty = hashlib.sha256(), True
            for page in ledger.pages(campaign_id, platform_id, on, segment):
                if not page:
                    continue
                is_empty = False
                digest.update(rows_text(page))
                slices: dict[int, list[LedgerRow]] = {}
                for row in page:
                    slices.setdefault(day_slice(row[_ORDER_NO]), []).append(row)
                for number, rows in slices.items():
                    files[number].write(rows_text(rows))
                    counts[number] += len(rows)
            if not is_empty:
                digests[campaign_id] = digest.hexdigest()
    return CutSegment(digests, {n: count for n, count in counts.items() if count}, paths)
