"""The journal of each campaign and business date, in write-once files, complete or not at all.

    day over ─> all changes read from the tables ─> nothing missing? ─> lines, chained ─> manifest
                                                                    ─> bookmark

A run that died leaves files without their manifest, or a manifest without its bookmark: the next
one writes the same bytes and goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from functions.reconcile.stores import MoneyStores
from functions.shared.domain.business_time import business_date, day_bounds
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.journal import Change, digest_of, opening, write_lines
from functions.shared.domain.settlement import latest_day_over, settlement_range
from functions.shared.files.json_out import canonical
from functions.shared.files.manifest import FILE_NAME, FileEntry, Manifest, describe
from functions.shared.store.journal import Found, JournalBookmark
from functions.shared.store.objects import ObjectStore

DAYS_PER_RUN: Final = 7
"""The most days of a campaign that one run writes; the next goes on from there."""

LINES, DOCUMENT = "journal.jsonl", "campaign.json"
_CONTENT_TYPES: Final = {
    LINES: "application/x-ndjson",
    DOCUMENT: "application/json",
    FILE_NAME: "application/json",
}
_UNFUNDED: Final = frozenset({CampaignState.DRAFT, CampaignState.FUNDING})


class JournalFault(Exception):
    """A day's journal cannot be written: somebody must look. Nothing was published.

    It stands outside the tree of API errors: nobody's call fails, a run does.
    """


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote of a campaign's journal."""

    days: tuple[date, ...]
    changes: int


def write_journals(record: CampaignRecord, stores: MoneyStores, now: datetime) -> Written:
    """Writes the days of the campaign that are over and not written yet, oldest first.

    Cheap where none is: one read.

    Raises:
        JournalFault: changes are missing, or appeared in a day that is written, or a file is there
            with other bytes; days before it are written.
        Busy: throttled, or lost beyond the SDK's retries.

    """
    if record.state in _UNFUNDED:
        return Written((), 0)
    campaign_id = record.campaign.campaign_id
    bookmark = stores.journals.bookmark(campaign_id)
    days = list(_due(record, bookmark, now))
    if not days:
        return Written((), 0)
    found = stores.journals.changes(record, days[0], days[-1])
    _require_complete(record, found, bookmark)
    for on in days:
        after = _write_day(record, on, found.by_day.get(on, []), bookmark, stores.objects)
        stores.journals.advance(campaign_id, after, bookmark, now=now)
        bookmark = after
    return Written(tuple(days), sum(len(found.by_day.get(on, ())) for on in days))


def _due(record: CampaignRecord, bookmark: JournalBookmark, now: datetime) -> Iterator[date]:
    first, last = settlement_range(record.campaign)
    if bookmark.through is not None:
        first = bookmark.through + timedelta(days=1)
    over = latest_day_over(now)
    # A campaign that is over goes on until it is closed, on which day its money went back.
    ends = business_date(record.closed_at) if record.closed_at else max(last, over)
    for number in range(min((min(over, ends) - first).days + 1, DAYS_PER_RUN)):
        yield first + timedelta(days=number)


def _require_complete(record: CampaignRecord, found: Found, bookmark: JournalBookmark) -> None:
    campaign_id = record.campaign.campaign_id
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


def _write_day(
    record: CampaignRecord,
    on: date,
    changes: Iterable[Change],
    before: JournalBookmark,
    objects: ObjectStore,
) -> JournalBookmark:
    campaign_id = record.campaign.campaign_id
    document = canonical(json.loads(record.document))
    ordered = sorted(changes, key=lambda change: change.place)
    first = opening(
        campaign_id,
        on,
        document_sha256=hashlib.sha256(document).hexdigest(),
        before=before.changes,
    )
    lines = list(write_lines([first, *ordered], root=before.root))
    root = digest_of(lines[-1])
    files = {LINES: b"".join(lines)}
    if before.through is None:
        files[DOCUMENT] = document
    entries = [
        FileEntry(
            name=LINES,
            bytes=len(files[LINES]),
            rows=len(lines),
            totals={},
            sha256=hashlib.sha256(files[LINES]).hexdigest(),
        )
    ]
    if DOCUMENT in files:
        entries.append(describe(DOCUMENT, document))
    manifest = Manifest(
        kind="journal",
        business_date=on,
        cutoff_at=day_bounds(on)[1],
        run_id=f"journal-{campaign_id}-{on.isoformat()}",
        files=tuple(entries),
        inputs={
            "campaign_id": campaign_id,
            "changes": len(ordered),
            "changes_before": before.changes,
            "previous_root": before.root,
            "root": root,
        },
    )
    for name, data in {**files, FILE_NAME: manifest.to_bytes()}.items():
        _put(objects, journal_prefix(campaign_id, on) + name, data, _CONTENT_TYPES[name])
    return JournalBookmark(on, root, before.changes + len(ordered))


def journal_prefix(campaign_id: str, on: date) -> str:
    """The folder of a day's journal, with its final slash."""
    return f"journal/{campaign_id}/{on.isoformat()}/"


def _put(objects: ObjectStore, key: str, data: bytes, content_type: str) -> None:
    if objects.put_new(key, data, content_type=content_type):
        return
    stored = objects.get(key)
    if stored is None or stored.data != data:
        raise JournalFault(f"{key} is there with other bytes")
