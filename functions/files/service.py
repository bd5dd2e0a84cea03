"""A platform's files: a link to hand a day's bill in, and links to all that was published for it.

No file passes through here. A link is signed with this function's own role, for one object, for a
short time; that of a bill takes exactly the bytes that it was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from functions.shared.domain.bills import BILL_PART_BYTES, MAX_BILL_BYTES
from functions.shared.domain.business_time import day_bounds, to_rfc3339
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.files.manifest import FILE_NAME, FileEntry, Manifest
from functions.shared.store.objects import ObjectStore, UploadLink

LINK_LIFETIME: Final = timedelta(minutes=15)
PARTS_LIFETIME: Final = timedelta(hours=1)
"""Of the links of a bill in parts, the last of which is followed when all bytes are there."""
MAX_LINKS: Final = 1_000
"""The most files of sets that one answer lists, where that is a set at least.

A link has about 2 KB, and Lambda answers with 6 MB at most; the set of a day that was done in 256
shares has 772 files.
"""

_CSV: Final = "text/csv"
_MANIFEST: Final = f"/{FILE_NAME}"


@dataclass(frozen=True, slots=True)
class BillUpload:
    """Where and how the bytes of a bill are put.

    Args:
        object_key: of the object that they become.
        parts: each takes one PUT of exactly the part's bytes; one of all bytes, for a bill of a
            single part.
        complete_url: takes the POST that ends a bill of several parts; else None.
        expires_at: when the links end.

    """

    object_key: str
    parts: tuple[UploadLink, ...]
    complete_url: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """A published file and a link to it; `entry` is None where it is no part of a set."""

    name: str
    url: str
    entry: FileEntry | None = None


@dataclass(frozen=True, slots=True)
class FileSet:
    """A set of files under one manifest."""

    folder: str
    manifest: Manifest
    files: tuple[LinkedFile, ...]


@dataclass(frozen=True, slots=True)
class DayFiles:
    """What was published for a platform and business date; `next_after` names where more begins."""

    sets: tuple[FileSet, ...]
    bill_reports: tuple[LinkedFile, ...]
    expires_at: datetime
    next_after: str | None


class FileService:
    """The use cases of the files function.

    Args:
        objects: the files bucket.

    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def upload_bill(
        self,
        platform_id: str,
        on: date,
        *,
        size: int,
        sha256: str,
        part_sha256: Sequence[str] = (),
        now: datetime,
    ) -> BillUpload:
        """A link for the bill of a business date that is over, or links for its parts.

        The same bytes get the same key. What becomes of them, intake says.

        Args:
            platform_id: whose bill.
            on: the business date.
            size: bytes of the file, at most MAX_BILL_BYTES.
            sha256: of its bytes, 64 lower-case hexadecimal digits.
            part_sha256: the same of each part; none of a bill of a single part.
            now: the time of the request.

        Raises:
            HuiminError: INVALID_FIELDS, while the date is not over, or where the parts are not
                those of a file of that size.

        """
        assert 1 <= size <= MAX_BILL_BYTES, size  # noqa: S101 - the edge's bound
        ends_at = day_bounds(on)[1]
        if now < ends_at:
            finding = {
                "pointer": "/business_on",
                "en": f"the business date is not over; ask again from {to_rfc3339(ends_at)} on",
                "zh": f"该业务日期尚未结束，请于 {to_rfc3339(ends_at)} 之后再申请",
            }
            raise HuiminError(Code.INVALID_FIELDS, errors=[finding])
        sizes = _part_sizes(size)
        if len(part_sha256) != (len(sizes) if len(sizes) > 1 else 0):
            raise HuiminError(Code.INVALID_FIELDS, errors=[_parts_finding(len(sizes))])
        key = f"bills/{platform_id}/{on.isoformat()}/{sha256[:32]}.csv"
        if not part_sha256:
            link = self._objects.upload_link(
                key, size=size, sha256=sha256, content_type=_CSV, lifetime=LINK_LIFETIME
            )
            return BillUpload(key, (link,), None, now + LINK_LIFETIME)
        parts = list(zip(sizes, part_sha256, strict=True))
        links = self._objects.part_links(key, parts, content_type=_CSV, lifetime=PARTS_LIFETIME)
        return BillUpload(key, links.parts, links.complete_url, now + PARTS_LIFETIME)

    def files_of(self, platform_id: str, on: date, now: datetime, *, after: str = "") -> DayFiles:
        """The platform's settlement sets of a business date, and the reports on refused bills.

        Only what a manifest names is listed, so nothing that is half written.

        Args:
            platform_id: whose.
            on: the business date.
            now: the time of the request.
            after: the set that the answer before ended with, `{campaign_id}/v{version}`.

        """
        folder = f"settlements/{platform_id}/{on.isoformat()}/"
        keys = list(self._objects.keys(folder))
        names = [key[len(folder) : -len(_MANIFEST)] for key in keys if key.endswith(_MANIFEST)]
        reports = [key for key in keys if key.count("/") == folder.count("/")]
        sets, links, next_after = dict[str, FileSet](), 0, None
        for name in sorted(name for name in names if name > after):
            found = self._set(f"{folder}{name}/")
            links += len(found.files) if found else 0
            if sets and links > MAX_LINKS:
                next_after = list(sets)[-1]
                break
            if found is not None:
                sets[name] = found
        return DayFiles(
            tuple(sets.values()),
            tuple(LinkedFile(key.rpartition("/")[2], self._link(key)) for key in reports),
            now + LINK_LIFETIME,
            next_after,
        )

    def _set(self, folder: str) -> FileSet | None:
        stored = self._objects.get(folder + FILE_NAME)
        if stored is None:
            return None
        manifest = Manifest.from_bytes(stored.data)
        files = tuple(
            LinkedFile(entry.name, self._link(folder + entry.name), entry)
            for entry in manifest.files
        )
        return FileSet(folder, manifest, files)

    def _link(self, key: str) -> str:
        return self._objects.download_link(key, lifetime=LINK_LIFETIME)


def _part_sizes(size: int) -> list[int]:
    """The bytes of each part of a file: BILL_PART_BYTES, but for the last."""
    starts = range(0, size, BILL_PART_BYTES)
    return [min(BILL_PART_BYTES, size - start) for start in starts]


def _parts_finding(parts: int) -> dict[str, str]:
    if parts == 1:
        en = f"a file of up to {BILL_PART_BYTES} bytes is put whole: leave part_sha256 out"
        zh = f"不超过 {BILL_PART_BYTES} 字节的文件整体上传，请勿提供 part_sha256"
    else:
        en = f"give the SHA-256 of each of its {parts} parts of {BILL_PART_BYTES} bytes, in order"
        zh = f"请依次提供全部 {parts} 个分段（每段 {BILL_PART_BYTES} 字节，末段除外）的 SHA-256"
    return {"pointer": "/part_sha256", "en": en, "zh": zh}
