"""The manifest of a set of files: what belongs to it, and how anyone can tell that it is whole.

It is written last. Readers ignore what no manifest names, so a run that died half-way has
published nothing. Its bytes are canonical: one content has one form, and a manifest in any other
form is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.files.json_out import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from functions.shared.files.columns import Table
    from functions.shared.files.csv_out import CsvStream

SCHEMA_VERSION = 1
FILE_NAME = "manifest.json"
SIZE_LIMIT = 4 * 1024 * 1024
FILE_LIMIT = 10_000
INTEGER_LIMIT = 10**18

_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
# No segment begins with a dot, so that no name climbs out of its prefix.
_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,7}}\Z")
_KIND = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_WORD = re.compile(r"[^\0-\x20\x7f\ud800-\udfff]{1,200}\Z")
_SENTENCE = re.compile(r"[^\0\ud800-\udfff]{1,2000}\Z")

_ENTRY_KEYS = frozenset({"name", "bytes", "rows", "totals", "sha256"})
_MANIFEST_KEYS = frozenset(
    {
        "schema_version",
        "kind",
        "business_date",
        "cutoff_at",
        "run_id",
        "files",
        "supersedes",
        "reason",
        "inputs",
    }
)

_T = TypeVar("_T")


class ManifestError(ValueError):
    """A manifest that is not one, or that says what it must not."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a set.

    Args:
        name: relative to the manifest, of plain segments with `/` between them.
        bytes: its size.
        rows: its data rows, without header and totals; 0 where it is no table.
        totals: fen by column, for the columns that add up.
        sha256: of its bytes, lower-case hexadecimal.

    Raises:
        ManifestError: a value is out of its range.

    """

    name: str
    bytes: int
    rows: int
    totals: Mapping[str, int]
    sha256: str

    def __post_init__(self) -> None:
        _require(_matches(_NAME, self.name) and self.name != FILE_NAME, "name", self.name)
        _require(_is_integer(self.bytes) and self.bytes >= 0, "bytes", self.bytes)
        _require(_is_integer(self.rows) and self.rows >= 0, "rows", self.rows)
        _require(_matches(_SHA256, self.sha256), "sha256", self.sha256)
        for column, total in self.totals.items():
            _require(_matches(_KIND, column), "total", column)
            _require(_is_integer(total), f"total of {column}", total)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a set of files is and holds.

    Args:
        kind: what the set is: `settlement`, `report`, …
        business_date: the day in Asia/Shanghai that it is about; None where it is about none.
        cutoff_at: nothing recorded after this aware time is counted; milliseconds.
        run_id: the run that wrote it.
        files: every file of the set; kept in the order of their names.
        supersedes: the run whose set this one restates; None for a first version.
        reason: what changed and why; present exactly where `supersedes` is.
        inputs: what it was made from, by name: digests, versions, counts.
        schema_version: of this form.

    Raises:
        ManifestError: a value is out of its range, or a file appears twice.

    """

    kind: str
    business_date: date | None
    cutoff_at: datetime
    run_id: str
    files: tuple[FileEntry, ...]
    supersedes: str | None = None
    reason: str | None = None
    inputs: Mapping[str, str | int] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        version = self.schema_version
        _require(_is_integer(version) and version == SCHEMA_VERSION, "schema_version", version)
        _require(_matches(_KIND, self.kind), "kind", self.kind)
        _require(not isinstance(self.business_date, datetime), "business_date", self.business_date)
        _require(self.cutoff_at.utcoffset() is not None, "cutoff_at", self.cutoff_at)
        _require(_matches(_WORD, self.run_id), "run_id", self.run_id)
        if self.supersedes is not None:
            _require(_matches(_WORD, self.supersedes), "supersedes", self.supersedes)
        if self.reason is not None:
            _require(_matches(_SENTENCE, self.reason), "reason", self.reason)
        paired = (self.supersedes is None) == (self.reason is None)
        _require(paired, "a restatement names its reason, a first version none", self.reason)
        for name, value in self.inputs.items():
            _require(_matches(_SENTENCE, name), "input", name)
            sound = _is_integer(value) or _matches(_SENTENCE, value)
            _require(sound, f"input {name}", value)
        names = [entry.name for entry in self.files]
        _require(len(names) <= FILE_LIMIT, "number of files", len(names))
        _require(len(set(names)) == len(names), "a file appears twice", sorted(names))
        by_name = tuple(sorted(self.files, key=lambda entry: entry.name))
        object.__setattr__(self, "files", by_name)
        # Written to the millisecond: kept so as well, so that what is read back is equal.
        written_at = parse_rfc3339(to_rfc3339(self.cutoff_at))
        object.__setattr__(self, "cutoff_at", written_at)

    def to_bytes(self) -> bytes:
        """The manifest's file: canonical JSON, the same content always the same bytes."""
        return canonical(
            {
                "schema_version": self.schema_version,
                "kind": self.kind,
                "business_date": self.business_date.isoformat() if self.business_date else None,
                "cutoff_at": to_rfc3339(self.cutoff_at),
                "run_id": self.run_id,
                "files": [
                    {
                        "name": entry.name,
                        "bytes": entry.bytes,
                        "rows": entry.rows,
                        "totals": dict(entry.totals),
                        "sha256": entry.sha256,
                    }
                    for entry in self.files
                ],
                "supersedes": self.supersedes,
                "reason": self.reason,
                "inputs": dict(self.inputs),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """The manifest that `to_bytes` wrote.

        Raises:
            ManifestError: the bytes are no manifest of this version in its canonical form:
                unknown or missing or repeated keys, wrong types, other spacing or order.

        """
        if len(data) > SIZE_LIMIT:
            raise ManifestError(f"{len(data)} bytes, more than {SIZE_LIMIT}")
        try:
            manifest = _manifest(json.loads(data.decode()))
        except RecursionError:
            raise ManifestError("not a manifest: nested too deeply") from None
        except ManifestError:
            raise
        except ValueError as error:
            raise ManifestError(f"not a manifest: {error}") from None
        # One comparison rules out every other spelling, repeated keys among them.
        if manifest.to_bytes() != data:
            raise ManifestError("not in canonical form")
        return manifest


class FindingKind(StrEnum):
    """What is wrong with a file of a set."""

    MISSING = "MISSING"
    WRONG_SIZE = "WRONG_SIZE"
    ALTERED = "ALTERED"


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that is not as its manifest says."""

    kind: FindingKind
    name: str
    detail: str


def describe(name: str, data: bytes, table: Table | None = None) -> FileEntry:
    """The entry of a file; `table` is what it was written from, None where it is no table."""
    return FileEntry(
        name=name,
        bytes=len(data),
        rows=len(table.cells) if table else 0,
        totals=table.fen_totals() if table else {},
        sha256=hashlib.sha256(data).hexdigest(),
    )


def describe_stream(name: str, stream: CsvStream) -> FileEntry:
    """The entry of a CSV file written in chunks, after its last chunk."""
    return FileEntry(
        name=name,
        bytes=stream.size_bytes,
        rows=stream.rows,
        totals=stream.fen_totals,
        sha256=stream.sha256,
    )


def verify(manifest: Manifest, read: Callable[[str], bytes | Iterable[bytes]]) -> list[Finding]:
    """What is wrong with the set, in the order of names; empty where it is whole.

    Args:
        manifest: what the set should be.
        read: gives a file's bytes by its name, whole or part by part; raises LookupError or
            FileNotFoundError where there is none. Any other error is the caller's to see.

    """
    findings = []
    for entry in manifest.files:
        try:
            data = read(entry.name)
        except (LookupError, FileNotFoundError):
            detail = f"{entry.bytes} bytes expected"
            findings.append(Finding(FindingKind.MISSING, entry.name, detail))
            continue
        digest, size = hashlib.sha256(), 0
        for part in [data] if isinstance(data, bytes) else data:
            digest.update(part)
            size += len(part)
        if size != entry.bytes:
            detail = f"{size} bytes, not {entry.bytes}"
            findings.append(Finding(FindingKind.WRONG_SIZE, entry.name, detail))
        elif digest.hexdigest() != entry.sha256:
            detail = f"SHA-256 {digest.hexdigest()}, not {entry.sha256}"
            findings.append(Finding(FindingKind.ALTERED, entry.name, detail))
    return findings


def _manifest(document: object) -> Manifest:
    found = _object(document, _MANIFEST_KEYS, "manifest")
    business_date = _optional(found["business_date"], str, "business_date")
    return Manifest(
        schema_version=_typed(found["schema_version"], int, "schema_version"),
        kind=_typed(found["kind"], str, "kind"),
        business_date=date.fromisoformat(business_date) if business_date is not None else None,
        cutoff_at=parse_rfc3339(_typed(found["cutoff_at"], str, "cutoff_at")),
        run_id=_typed(found["run_id"], str, "run_id"),
        files=tuple(_entry(entry) for entry in _typed(found["files"], list, "files")),
        supersedes=_optional(found["supersedes"], str, "supersedes"),
        reason=_optional(found["reason"], str, "reason"),
        inputs=_typed(found["inputs"], dict, "inputs"),
    )


def _entry(document: object) -> FileEntry:
    found = _object(document, _ENTRY_KEYS, "file")
    return FileEntry(
        name=_typed(found["name"], str, "name"),
        bytes=_typed(found["bytes"], int, "bytes"),
        rows=_typed(found["rows"], int, "rows"),
        totals=_typed(found["totals"], dict, "totals"),
        sha256=_typed(found["sha256"], str, "sha256"),
    )


def _object(document: object, keys: frozenset[str], what: str) -> dict[str, object]:
    if not isinstance(document, dict):
        raise ManifestError(f"{what} is no object")
    if document.keys() != keys:
        raise ManifestError(f"{what} has the keys {sorted(document)}, not {sorted(keys)}")
    return document


def _typed(value: object, kind: type[_T], what: str) -> _T:
    if not isinstance(value, kind):
        raise ManifestError(f"{what} is {value!r:.80}")
    return value


def _optional(value: object, kind: type[_T], what: str) -> _T | None:
    return None if value is None else _typed(value, kind, what)


def _is_integer(value: object) -> bool:
    # JSON's true is an int to isinstance.
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return -INTEGER_LIMIT < value < INTEGER_LIMIT


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None


def _require(sound: bool, what: str, value: object) -> None:  # noqa: FBT001 - an assertion's form
    if not sound:
        raise ManifestError(f"{what}: {value!r:.80}")
