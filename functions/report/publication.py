"""Publishing a report: its files first, its manifest last, and nothing ever replaced.

    reports/{campaign}/{business date}/…              the first version
    reports/{campaign}/{business date}/v2/…           a restatement: what changed, and why
    …/manifest.json                                   written last; without it nothing is published

A run that dies half-way has published nothing; the next one finds the same bytes and goes on. A
recount that gives other figures than were published is a new version beside the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from functions.report.file_set import ReportFile
from functions.shared.domain.campaign import Campaign
from functions.shared.files.manifest import FILE_NAME, FileEntry, Manifest
from functions.shared.store.objects import ObjectStore

FOLDER: Final = "reports"
MAX_VERSIONS: Final = 99
_RECOUNTED: Final = "重算所得与已发布的不同 / a recount differs from what was published: {names}"


class Outcome(StrEnum):
    """What publishing did."""

    PUBLISHED = "PUBLISHED"
    RESTATED = "RESTATED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True, slots=True)
class Published:
    """A published report: where its files lie, and whether they lie there since this run."""

    campaign_id: str
    business_on: date
    prefix: str
    run_id: str
    outcome: Outcome


def day_prefix(campaign_id: str, on: date, version: int = 1) -> str:
    """Where a version of a day's report lies."""
    below = f"v{version}/" if version > 1 else ""
    return f"{FOLDER}/{campaign_id}/{on.isoformat()}/{below}"


def published_days(objects: ObjectStore, campaign_id: str) -> set[date]:
    """The business dates of a campaign that have a report."""
    prefix = f"{FOLDER}/{campaign_id}/"
    return {
        date.fromisoformat(key.removeprefix(prefix).split("/", 1)[0])
        for key in objects.keys(prefix)
        if key.endswith(f"/{FILE_NAME}")
    }


@dataclass(frozen=True, slots=True)
class Edition:
    """A report to publish.

    Args:
        campaign: the campaign.
        on: the business date.
        cutoff_at: nothing recorded after it is counted.
        inputs: what it was made from, for the manifest.
        files: renders the set under the name of a run; the CSV files do not depend on that name.
        reason: why a restatement is made, if somebody knows.

    """

    campaign: Campaign
    on: date
    cutoff_at: datetime
    inputs: Mapping[str, str | int]
    files: Callable[[str], Iterable[ReportFile]]
    reason: str | None = None


def versions_of(objects: ObjectStore, campaign_id: str, on: date) -> list[int]:
    """The published versions of a day's report, the latest last."""
    first = day_prefix(campaign_id, on)
    found = {
        key.removeprefix(first).removesuffix(FILE_NAME)
        for key in objects.keys(first)
        if key.endswith(f"/{FILE_NAME}")
    }
    return [
        version
        for version in range(1, MAX_VERSIONS + 1)
        if day_prefix(campaign_id, on, version).removeprefix(first) in found
    ]


def publish(objects: ObjectStore, edition: Edition) -> Published:
    """Publishes the report unless the latest version has the same figures.

    Raises:
        RuntimeError: there is no room for another version.

    """
    campaign_id, on = edition.campaign.campaign_id, edition.on
    latest = max(versions_of(objects, campaign_id, on), default=0)
    before: Manifest | None = None
    if latest:
        before = _manifest_at(objects, day_prefix(campaign_id, on, latest))
        files = list(edition.files(before.run_id))
        if not _changed(before.files, files):
            prefix = day_prefix(campaign_id, on, latest)
            return Published(campaign_id, on, prefix, before.run_id, Outcome.UNCHANGED)
    for version in range(latest + 1, MAX_VERSIONS + 1):
        prefix = day_prefix(campaign_id, on, version)
        run_id = f"report-{campaign_id}-{on.isoformat()}-v{version}"
        files = list(edition.files(run_id))
        # Other bytes here are the torso that a dying run of another release left: no manifest
        # names it, so nobody reads it, and the next version's place is taken.
        if _put_all(objects, prefix, files):
            manifest = _manifest(edition, run_id, files, before)
            _put(objects, prefix + FILE_NAME, manifest.to_bytes(), "application/json")
            outcome = Outcome.RESTATED if before else Outcome.PUBLISHED
            return Published(campaign_id, on, prefix, run_id, outcome)
    raise RuntimeError(f"{campaign_id} {on}: there are {MAX_VERSIONS} versions")


def _manifest_at(objects: ObjectStore, prefix: str) -> Manifest:
    stored = objects.get(prefix + FILE_NAME)
    if stored is None:
        raise LookupError(f"{prefix}{FILE_NAME} was there a moment ago")
    return Manifest.from_bytes(stored.data)


def _put_all(objects: ObjectStore, prefix: str, files: Iterable[ReportFile]) -> bool:
    """Writes every file; False when another of the same name lies there already."""
    return all(
        _put(objects, prefix + file.entry.name, file.data, file.content_type) for file in files
    )


def _put(objects: ObjectStore, key: str, data: bytes, media_type: str) -> bool:
    """Writes a file, or finds the very same there; False when another lies there."""
    if objects.put_new(key, data, content_type=media_type):
        return True
    stored = objects.get(key)
    return stored is not None and stored.data == data


def _manifest(
    edition: Edition, run_id: str, files: Sequence[ReportFile], before: Manifest | None
) -> Manifest:
    reason = None
    if before:
        names = ", ".join(_changed(before.files, files))
        reason = edition.reason or _RECOUNTED.format(names=names)
    return Manifest(
        kind="report",
        business_date=edition.on,
        cutoff_at=edition.cutoff_at,
        run_id=run_id,
        files=tuple(file.entry for file in files),
        supersedes=before.run_id if before else None,
        reason=reason,
        inputs=edition.inputs,
    )


def _changed(published: Iterable[FileEntry], files: Iterable[ReportFile]) -> list[str]:
    """The CSV files that differ: figures and rows. The other files show the same and may look new.

    A newer library writes other bytes for the same workbook; that restates nothing.
    """
    was = {entry.name: entry.sha256 for entry in published if entry.name.endswith(".csv")}
    now = {file.entry.name: file.entry.sha256 for file in files if file.entry.name.endswith(".csv")}
    return sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
