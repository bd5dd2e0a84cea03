"""The journal of each campaign and business date, in write-once files, complete or not at all.

    day over ─> all changes read from the tables ─> nothing missing? ─> lines, chained ─> manifest
                                                                    ─> bookmark

A run that died leaves files without their manifest, or a manifest without its bookmark: the next
one writes the same bytes and goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from functions.reconcile.engine import engine
from functions.reconcile.journal_days import JournalDays
from functions.reconcile.stores import MoneyStores
from functions.shared.domain.business_time import business_date, day_bounds
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.journal import Change, digest_of, opening, write_lines
from functions.shared.domain.settlement import latest_day_over, settlement_range
from functions.shared.files.json_out import canonical
from functions.shared.files.manifest import FILE_NAME, FileEntry, Manifest, describe
from functions.shared.files.media_types import media_type_of
from functions.shared.store.journal import (
    MOST_CAMPAIGNS,
    Found,
    JournalBookmark,
    JournalStore,
    Wanted,
)
from functions.shared.store.objects import ObjectStore

DAYS_PER_RUN: Final = 7
"""The most days of a campaign that one run writes; the next goes on from there."""

LINES, DOCUMENT = "journal.jsonl", "campaign.json"
_UNFUNDED: Final = frozenset({CampaignState.DRAFT, CampaignState.FUNDING})


class JournalFault(Exception):
    """A day's journal cannot be written: somebody must look. Nothing was published.

    It stands outside the tree of API errors: nobody's call fails, a run does.
    """


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote of a campaign's journal."""

    campaign_id: str
    days: tuple[date, ...]
    changes: int


def write_journals(
    records: Sequence[CampaignRecord], stores: MoneyStores, now: datetime
) -> list[Written]:
    """Writes the days of the campaigns that are over and not written yet, oldest first.

    Cheap where none is: one read a campaign. The tables are read once for all campaigns.

    Raises:
        ExceptionGroup: of a JournalFault a campaign of which changes are missing, or appeared in a
            day that is written, or a file is there with other bytes; its days before it, and all
            other campaigns', are written.
        Busy: throttled, or lost beyond the SDK's retries.

    """
    due = [_Due.of(record, stores.journals, now) for record in records]
    due = [each for each in due if each.days]
    written: list[Written] = []
    faults: list[JournalFault] = []
    for first in range(0, len(due), MOST_CAMPAIGNS):
        some = due[first : first + MOST_CAMPAIGNS]
        with engine() as opened, JournalDays(opened) as kept:
            found = stores.journals.changes([each.wanted for each in some], kept.keep)
            for each in some:
                try:
                    _require_complete(each, found[each.campaign_id])
                    written.append(_write(each, kept, opened.folder, stores, now))
                except JournalFault as fault:
                    faults.append(fault)
    if faults:
        raise ExceptionGroup("journals cannot be written", faults)
    return written


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be written of a campaign: its days, behind the bookmark."""

    record: CampaignRecord
    bookmark: JournalBookmark
    days: tuple[date, ...]

    @classmethod
    def of(cls, record: CampaignRecord, journals: JournalStore, now: datetime) -> _Due:
        if record.state in _UNFUNDED:
            return cls(record, JournalBookmark(), ())
        bookmark = journals.bookmark(record.campaign.campaign_id)
        return cls(record, bookmark, tuple(_days_due(record, bookmark, now)))

    @property
    def campaign_id(self) -> str:
        """Whose."""
        return self.record.campaign.campaign_id

    @property
    def wanted(self) -> Wanted:
        """What is to be read for it."""
        return Wanted(self.campaign_id, self.days[0], self.days[-1])


def _write(
    due: _Due, kept: JournalDays, folder: Path, stores: MoneyStores, now: datetime
) -> Written:
    bookmark = due.bookmark
    for on in due.days:
        after = write_day(due.record, on, kept, bookmark, folder, stores.objects)
        stores.journals.advance(due.campaign_id, after, bookmark, now=now)
        bookmark = after
    return Written(due.campaign_id, due.days, bookmark.changes - due.bookmark.changes)


def _days_due(record: CampaignRecord, bookmark: JournalBookmark, now: datetime) -> Iterator[date]:
    campaign = record.campaign
    first, last = settlement_range(campaign)
    if bookmark.through is not None:
        first = bookmark.through + timedelta(days=1)
    over = latest_day_over(now)
    # A campaign that is over goes on until it is closed, and then as long as late refunds may
    # come, be returned and be paid.
    ends = max(last, over)
    if record.closed_at is not None:
        ends = business_date(max(record.closed_at, campaign.books_end_at))
    for number in range(min((min(over, ends) - first).days + 1, DAYS_PER_RUN)):
        yield first + timedelta(days=number)


def _require_complete(due: _Due, found: Found) -> None:
    campaign_id, bookmark = due.campaign_id, due.bookmark
    if found.unreadable:
        raise JournalFault(
            f"{campaign_id}: {len(found.unreadable)} items cannot be read: {found.unreadable[0]}"
        )
    least, most = found.issued
    if not least <= found.vouchers <= most:
        raise JournalFault(
            f"{campaign_id}: {found.vouchers} vouchers found, {least} to {most} issued"
        )
    if found.before != bookmark.changes:
        raise JournalFault(
            f"{campaign_id}: {found.before} changes up to {bookmark.through}, "
            f"{bookmark.changes} in its journal"
        )


def write_day(
    record: CampaignRecord,
    on: date,
    kept: JournalDays,
    before: JournalBookmark,
    folder: Path,
    objects: ObjectStore,
) -> JournalBookmark:
    """Publishes the journal of one day.

    Args:
        record: the campaign.
        on: the date.
        kept: its changes.
        before: how far the journal is written.
        folder: where its lines may lie on disk.
        objects: the files.

    Returns:
        How far it is written then.

    Raises:
        JournalFault: a file is there with other bytes.

    """
    campaign_id = record.campaign.campaign_id
    document = canonical(json.loads(record.document))
    first = opening(
        campaign_id,
        on,
        document_sha256=hashlib.sha256(document).hexdigest(),
        before=before.changes,
    )
    changes = kept.counts[campaign_id, on]
    path = folder / LINES
    lines, root = _lines(path, chain([first], kept.changes(campaign_id, on)), before.root)
    assert lines.rows == 1 + changes, lines  # noqa: S101 - a change lost or doubled on our own disk
    prefix = journal_prefix(campaign_id, on)
    _put_file(objects, prefix + LINES, path, lines)
    entries = [lines]
    if before.through is None:
        entries.append(describe(DOCUMENT, document))
        _put(objects, prefix + DOCUMENT, document)
    manifest = Manifest(
        kind="journal",
        business_date=on,
        cutoff_at=day_bounds(on)[1],
        run_id=f"journal-{campaign_id}-{on.isoformat()}",
        files=tuple(entries),
        inputs={
            "campaign_id": campaign_id,
            "changes": changes,
            "changes_before": before.changes,
            "previous_root": before.root,
            "root": root,
        },
    )
    _put(objects, prefix + FILE_NAME, manifest.to_bytes())
    return JournalBookmark(on, root, before.changes + changes)


def _lines(path: Path, changes: Iterable[Change], root: str) -> tuple[FileEntry, str]:
    """Writes a day's lines into a file; its entry, and the day's root."""
    digest, size, rows, last = hashlib.sha256(), 0, 0, b""
    with path.open("wb") as file:
        for last in write_lines(changes, root=root):
            file.write(last)
            digest.update(last)
            size += len(last)
            rows += 1
    entry = FileEntry(name=LINES, bytes=size, rows=rows, totals={}, sha256=digest.hexdigest())
    return entry, digest_of(last)


def journal_prefix(campaign_id: str, on: date) -> str:
    """The folder of a day's journal, with its final slash."""
    return f"journal/{campaign_id}/{on.isoformat()}/"


def _put(objects: ObjectStore, key: str, data: bytes) -> None:
    if objects.put_new(key, data, content_type=media_type_of(key)):
        return
    stored = objects.get(key)
    if stored is None or stored.data != data:
        raise JournalFault(f"{key} is there with other bytes")


def _put_file(objects: ObjectStore, key: str, path: Path, entry: FileEntry) -> None:
    """The same for a file on disk."""
    with path.open("rb") as file:
        is_new = objects.put_new(key, file, content_type=media_type_of(key))
    if not is_new and objects.sha256(key) != entry.sha256:
        raise JournalFault(f"{key} is there with other bytes")
