"""A campaign's journal: every day there, every line in its place, every hash the next one's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from functions.shared.domain.business_time import business_date
from functions.shared.domain.journal import (
    GENESIS,
    LONGEST_LINE,
    OPENED,
    Change,
    JournalError,
    Line,
    read_line,
)
from functions.shared.files.manifest import Manifest
from infra.audit.findings import Finding, Kind
from infra.audit.reading import lines_of
from infra.audit.sources import Source

LINES, DOCUMENT = "journal.jsonl", "campaign.json"


class Chain:
    """The days of one campaign's journal, read in order.

    Args:
        campaign_id: whose.
        days: each day's manifest, by its folder.
        source: the files.

    """

    def __init__(self, campaign_id: str, days: Mapping[str, Manifest], source: Source) -> None:
        self._campaign_id = campaign_id
        self._manifests = days
        self._source = source
        self._root = GENESIS
        self._changes = 0
        self.findings: list[Finding] = []
        self.lines = 0
        self.document: bytes | None = None
        self.last_day: date | None = None

    def changes(self, folders: Iterable[str]) -> Iterator[tuple[str, Change]]:
        """Every change with where it stands; what is wrong with the chain goes to `findings`.

        Args:
            folders: of all days, in order.

        """
        for prefix in folders:
            on = self._manifests[prefix].business_date
            if on is None or prefix != f"journal/{self._campaign_id}/{on.isoformat()}/":
                self._found(Kind.MANIFEST, prefix, "the manifest is of another day or place")
                continue
            if self.last_day is not None and on != self.last_day + timedelta(days=1):
                missing = self.last_day + timedelta(days=1)
                self._found(Kind.DAY_MISSING, prefix, f"the day before is {missing}, not there")
            self.last_day = on
            yield from self._day(on, prefix)

    def _found(self, kind: Kind, where: str, detail: str) -> None:
        self.findings.append(Finding(kind, where, detail))

    def _day(self, on: date, prefix: str) -> Iterator[tuple[str, Change]]:
        manifest = self._manifests[prefix]
        try:
            parts = self._source.parts(prefix + LINES)
        except FileNotFoundError:
            return
        place = None
        inputs = manifest.inputs
        if inputs.get("previous_root") != self._root:
            self._found(Kind.CHAIN, prefix, "the manifest names another root of the day before")
        count = 0
        for number, raw in enumerate(lines_of(parts, LONGEST_LINE), start=1):
            where = f"{prefix}{LINES}:{number}"
            try:
                line = read_line(raw)
            except JournalError as error:
                self._found(Kind.CHAIN, where, str(error))
                self._root = hashlib.sha256(raw.rstrip(b"\n")).hexdigest()
                continue
            self._check_place(line, number, where)
            if number == 1:
                self._check_opening(line, on, prefix)
            else:
                if business_date(line.change.at) != on:
                    self._found(Kind.ORDER, where, f"{line.change.at} is not on {on}")
                if place is not None and line.change.place <= place:
                    self._found(Kind.ORDER, where, "it stands behind a later one, or twice")
                place = line.change.place
                count += 1
                yield where, line.change
        if inputs.get("root") != self._root:
            self._found(Kind.CHAIN, prefix, "the manifest's root is not the last line's hash")
        if (inputs.get("changes"), inputs.get("changes_before")) != (count, self._changes):
            self._found(Kind.CHAIN, prefix, f"{count} changes after {self._changes} are there")
        self._changes += count
        self.lines += count

    def _check_place(self, line: Line, number: int, where: str) -> None:
        if line.number != number:
            self._found(Kind.ORDER, where, f"it says that it is line {line.number}")
        if line.previous != self._root:
            self._found(Kind.CHAIN, where, "it does not name the hash of the line before")
        self._root = line.digest

    def _check_opening(self, line: Line, on: date, prefix: str) -> None:
        data = line.change.data
        expected = (OPENED, self._campaign_id, on.isoformat(), self._changes)
        found = (
            line.change.kind,
            data.get("campaign_id"),
            data.get("business_on"),
            data.get("changes_before"),
        )
        if found != expected:
            self._found(Kind.CHAIN, f"{prefix}{LINES}:1", "the first line opens another day")
        if self.document is None:
            try:
                self.document = self._source.read(prefix + DOCUMENT)
            except FileNotFoundError:
                self._found(Kind.DAY_MISSING, prefix, f"the first day has no {DOCUMENT}")
                self.document = b""
        if hashlib.sha256(self.document).hexdigest() != data.get("document_sha256"):
            self._found(Kind.DOCUMENT, prefix, f"{DOCUMENT} is not the one that the day names")
