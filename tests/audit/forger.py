"""Somebody who edits published files: clumsily, or with every hash made right again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from functions.reconcile.break_register import register_book
from functions.shared.domain.journal import GENESIS, Change, digest_of, read_line, write_lines
from functions.shared.files.json_out import canonical
from functions.shared.files.manifest import FILE_NAME, Manifest, describe
from functions.shared.files.register import REGISTER_CSV, REGISTER_XLSX, register_prefix
from tests.audit.season import CAMPAIGN

Edit = Callable[[list[list[Change]]], None]


class Forger:
    """Edits a copy of the files.

    Args:
        folder: the copy.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.days = sorted((folder / "journal" / CAMPAIGN).iterdir())

    def lines_of(self, day: int) -> Path:
        """The journal of a day, counted from 0."""
        return self.days[day] / "journal.jsonl"

    def edit_lines(self, day: int, edit: Callable[[list[bytes]], object]) -> None:
        """Edits the lines of a day and nothing else."""
        path = self.lines_of(day)
        lines = path.read_bytes().splitlines(keepends=True)
        edit(lines)
        path.write_bytes(b"".join(lines))

    def describe_again(self, folder: Path, **inputs: str | int) -> None:
        """Makes a manifest say what its files are now."""
        path = folder / FILE_NAME
        manifest = Manifest.from_bytes(path.read_bytes())
        entries = []
        for entry in manifest.files:
            data = (folder / entry.name).read_bytes()
            rows = data.count(b"\n") if entry.name == "journal.jsonl" else entry.rows
            digest = hashlib.sha256(data).hexdigest()
            entries.append(replace(entry, bytes=len(data), rows=rows, sha256=digest))
        changed = replace(manifest, files=tuple(entries), inputs={**manifest.inputs, **inputs})
        path.write_bytes(changed.to_bytes())

    def edit_json(self, place: str, edit: Callable[[Any], None]) -> None:
        """Edits a JSON file, and has its manifest say so."""
        path = self.folder / place
        document = json.loads(path.read_bytes())
        edit(document)
        path.write_bytes(canonical(document))
        self.describe_again(path.parent)

    def edit_bytes(self, place: str, edit: Callable[[bytes], bytes]) -> None:
        """Edits a file that no manifest names."""
        path = self.folder / place
        data = path.read_bytes()
        path.write_bytes(edit(data))
        assert path.read_bytes() != data

    def edit_set(self, place: str, name: str, edit: Callable[[bytes], bytes]) -> None:
        """Edits a file beside another one, and has its manifest say so."""
        path = (self.folder / place).with_name(name)
        self.edit_bytes(str(path.relative_to(self.folder)), edit)
        self.describe_again(path.parent)

    def edit_rows(self, place: str, edit: Callable[[list[dict[str, str]]], object]) -> None:
        """Edits the rows of a CSV file, and has its manifest say so."""
        path = self.folder / place
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
        names = list(rows[0])
        edit(rows)
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        self.describe_again(path.parent)

    def edit_register(self, on: date, edit: Callable[[list[dict[str, str]]], object]) -> None:
        """Edits the register of breaks of a date, with its workbook and its manifest."""
        prefix = register_prefix(on)
        self.edit_rows(prefix + REGISTER_CSV, edit)
        folder = self.folder / prefix
        path = folder / FILE_NAME
        manifest = Manifest.from_bytes(path.read_bytes())
        entry, _, book = register_book(folder / REGISTER_CSV, on, manifest.cutoff_at)
        (folder / REGISTER_XLSX).write_bytes(book)
        changed = replace(manifest, files=(entry, describe(REGISTER_XLSX, book)))
        path.write_bytes(changed.to_bytes())

    def forge(self, edit: Edit) -> None:
        """Edits the changes of all days, then chains them anew, with every root and manifest."""
        days = [
            [read_line(line).change for line in self._raw(number)]
            for number in range(len(self.days))
        ]
        edit(days)
        root, before = GENESIS, 0
        for folder, changes in zip(self.days, days, strict=True):
            opening = replace(changes[0], data={**changes[0].data, "changes_before": before})
            lines = list(write_lines([opening, *changes[1:]], root=root))
            (folder / "journal.jsonl").write_bytes(b"".join(lines))
            previous, root = root, digest_of(lines[-1])
            self.describe_again(
                folder,
                root=root,
                previous_root=previous,
                changes=len(changes) - 1,
                changes_before=before,
            )
            before += len(changes) - 1

    def _raw(self, number: int) -> list[bytes]:
        return self.lines_of(number).read_bytes().splitlines(keepends=True)


def find(days: list[list[Change]], kind: str, nth: int = 0) -> tuple[list[Change], int]:
    """The day and the place in it of the n-th change of a kind."""
    found = [
        (changes, place)
        for changes in days
        for place, change in enumerate(changes)
        if change.kind == kind
    ]
    return found[nth]


def edited(kind: str, nth: int = 0, **by: int) -> Edit:
    """Adds to the amounts of the n-th change of a kind."""

    def edit(days: list[list[Change]]) -> None:
        changes, place = find(days, kind, nth)
        data = {**changes[place].data}
        for name, more in by.items():
            data[name] += more
        changes[place] = replace(changes[place], data=data)

    return edit


def told(kind: str, nth: int = 0, **facts: Any) -> Edit:  # noqa: ANN401 - JSON
    """Sets facts of the n-th change of a kind."""

    def edit(days: list[list[Change]]) -> None:
        changes, place = find(days, kind, nth)
        changes[place] = replace(changes[place], data={**changes[place].data, **facts})

    return edit


def dropped(kind: str, nth: int = 0) -> Edit:
    """Leaves the n-th change of a kind out."""

    def edit(days: list[list[Change]]) -> None:
        changes, place = find(days, kind, nth)
        del changes[place]

    return edit


def copied(kind: str, change_id: str, **facts: Any) -> Edit:  # noqa: ANN401 - JSON
    """Puts another change like the first of a kind behind it, a millisecond later."""

    def edit(days: list[list[Change]]) -> None:
        changes, place = find(days, kind)
        like = changes[place]
        changes.insert(
            place + 1,
            replace(
                like,
                at=like.at + timedelta(milliseconds=1),
                change_id=change_id,
                data={**like.data, **facts},
            ),
        )

    return edit
