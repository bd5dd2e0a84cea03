"""Clumsy edits: the hashes are left as they were."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from infra.audit.findings import Kind
from tests.audit.forger import Forger
from tests.audit.places import (
    REPORT,
    RETURN,
    STATEMENT,
)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _swap(lines: list[bytes]) -> None:
    lines[3], lines[4] = lines[4], lines[3]


def _spell(lines: list[bytes]) -> None:
    lines[5] = lines[5].replace(b":", b": ")


def _rename_day(forger: Forger) -> None:
    forger.days[2].rename(forger.days[2].with_name("2026-03-02"))


def _swap_days(forger: Forger) -> None:
    first, second = forger.lines_of(0), forger.lines_of(1)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


CLUMSY: dict[str, tuple[Callable[[Forger], object], set[Kind]]] = {
    "one byte of a journal": (lambda f: flip(f.lines_of(0)), {Kind.FILE, Kind.CHAIN}),
    "a line left out": (
        lambda f: f.edit_lines(0, lambda lines: lines.pop(5)),
        {Kind.FILE, Kind.CHAIN, Kind.ORDER},
    ),
    "a line twice": (
        lambda f: f.edit_lines(0, lambda lines: lines.insert(5, lines[5])),
        {Kind.FILE, Kind.CHAIN, Kind.ORDER},
    ),
    "two lines swapped": (
        lambda f: f.edit_lines(0, _swap),
        {Kind.FILE, Kind.CHAIN, Kind.ORDER},
    ),
    "a line of something else": (
        lambda f: f.edit_lines(0, lambda lines: lines.insert(5, b'{"hello":1}\n')),
        {Kind.FILE, Kind.CHAIN},
    ),
    "a line in another spelling": (
        lambda f: f.edit_lines(0, _spell),
        {Kind.FILE, Kind.CHAIN},
    ),
    "a journal's file gone": (lambda f: _remove(f.lines_of(1)), {Kind.FILE}),
    "a day gone": (lambda f: _remove(f.days[1]), {Kind.DAY_MISSING, Kind.CHAIN}),
    "the first day gone": (lambda f: _remove(f.days[0]), {Kind.DAY_MISSING, Kind.CHAIN}),
    "the last day gone": (lambda f: _remove(f.days[-1]), {Kind.DAY_MISSING}),
    "all days gone": (lambda f: _remove(f.days[0].parent), {Kind.DAY_MISSING}),
    "a day under another date": (_rename_day, {Kind.MANIFEST}),
    "two days swapped": (_swap_days, {Kind.FILE, Kind.CHAIN}),
    "a manifest in another spelling": (
        lambda f: (f.days[0] / "manifest.json").write_bytes(
            (f.days[0] / "manifest.json").read_bytes().replace(b",", b", ", 1)
        ),
        {Kind.MANIFEST},
    ),
    "a file that nobody published": (
        lambda f: (f.folder / "settlements" / "extra.csv").write_text("x"),
        {Kind.STRAY},
    ),
    "a byte of a statement": (
        lambda f: flip((f.folder / STATEMENT).with_name("statement.csv")),
        {Kind.FILE},
    ),
    "a settlement gone": (lambda f: _remove((f.folder / STATEMENT).parent), {Kind.SETTLEMENT}),
    "a report's rows gone": (
        lambda f: _remove((f.folder / REPORT).with_name("entries.csv")),
        {Kind.FILE},
    ),
    "a return gone": (lambda f: _remove((f.folder / RETURN).parent), {Kind.RETURN}),
    "other rules": (lambda f: flip(f.days[0] / "campaign.json"), {Kind.FILE, Kind.DOCUMENT}),
}
