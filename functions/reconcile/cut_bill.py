"""A large bill that is cut: what its chunks come to together, and the rows of some slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NamedTuple

from functions.reconcile.bill_bytes import BillObject
from functions.reconcile.bill_chunks import Chunk, SliceFile, slices_of
from functions.reconcile.bill_reading import (
    COLUMNS,
    Findings,
    Totals,
    Trailer,
    segment_sql,
    slice_sql,
)
from functions.reconcile.engine import Engine
from functions.reconcile.work_folder import WorkFolder, WorkLost

_VOUCHER_COLUMNS: Final = {"voucher_id": "VARCHAR"}


@dataclass(frozen=True, slots=True)
class Together:
    """What all chunks of a bill come to.

    Args:
        sha256: of the bill's bytes.
        chunks: in order.
        lines_before: of each chunk, how many lines stand before it.
        findings: what is wrong with rows and form, by line of the bill.
        totals: None where the form of any is broken.
        trailer: where there is one.

    """

    sha256: str
    chunks: Sequence[Chunk]
    lines_before: Sequence[int]
    findings: Findings
    totals: Totals | None
    trailer: Trailer | None


def together(bill: BillObject, work: WorkFolder, name: str) -> Together:
    """All chunks of a bill, as they were cut.

    Raises:
        WorkLost: a chunk is gone, or it has other bytes than were hashed.

    """
    hashes = work.get(f"{name}/hashes.json")
    chunks = [
        Chunk.from_document(work.get(f"{name}/{number}.json")) for number in range(bill.chunks)
    ]
    if [chunk.sha256 for chunk in chunks] != hashes["chunks"]:
        raise WorkLost(f"the chunks of {bill.object_key} are not what was hashed")
    lines_before = [0, *accumulate(chunk.lines for chunk in chunks)][:-1]
    findings = Findings()
    totals: Totals | None = Totals()
    trailer: Trailer | None = None
    for before, chunk in zip(lines_before, chunks, strict=True):
        for finding in chunk.findings.listed:
            line = finding.line and finding.line + before
            findings.add(finding.reason, line, finding.detail)
        findings.total += chunk.findings.total - len(chunk.findings.listed)
        totals = None if totals is None or chunk.totals is None else totals + chunk.totals
        if chunk.trailer is not None:
            trailer = Trailer(chunk.trailer.line + before, chunk.trailer.cells)
    return Together(hashes["sha256"], chunks, lines_before, findings, totals, trailer)


# What a share takes.


class CutChunk(NamedTuple):
    """Where a chunk's rows lie: how many lines stand before it, and the files of its slices."""

    lines_before: int
    slices: Mapping[int, SliceFile]
    vouchers: Mapping[int, SliceFile]


@dataclass(frozen=True, slots=True)
class CutBill:
    """Where a bill's rows lie, by chunk."""

    chunks: tuple[CutChunk, ...]

    @classmethod
    def of(cls, found: Together) -> CutBill:
        """Of a bill's chunks."""
        rows = zip(found.lines_before, found.chunks, strict=True)
        return cls(tuple(CutChunk(before, c.slices, c.vouchers) for before, c in rows))

    @classmethod
    def from_document(cls, document: Sequence[Sequence[Any]]) -> CutBill:
        """What `to_document` gave."""
        return cls(tuple(CutChunk(b, slices_of(s), slices_of(v)) for b, s, v in document))

    def to_document(self) -> list[Any]:
        """As JSON."""
        return [
            [chunk.lines_before, _documents(chunk.slices), _documents(chunk.vouchers)]
            for chunk in self.chunks
        ]

    def rows(self, slices: Sequence[int]) -> int:
        """How many rows some slices have."""
        of_chunks = (chunk.slices for chunk in self.chunks)
        return sum(found[n].rows for found in of_chunks for n in slices if n in found)

    def load(
        self, table: str, slices: Sequence[int], *, work: WorkFolder, name: str, opened: Engine
    ) -> None:
        """Makes a bill's table of some slices, as `load_bill` makes it of all.

        Raises:
            WorkLost: see there.

        """
        opened.load(table, COLUMNS, [])
        moved = f"INSERT INTO {table} SELECT * REPLACE (line + ? AS line) FROM cut"  # noqa: S608 - names of our own
        for number, chunk in enumerate(self.chunks):
            files = _fetch(chunk.slices, slices, f"{name}/{number}", "rows", work, opened)
            opened.load("cut", COLUMNS, files)
            opened.run(moved, chunk.lines_before)
            for path in files:
                path.unlink()
        opened.run(
            f"CREATE OR REPLACE TABLE {table} AS SELECT *, {slice_sql('order_no')} AS slice, "  # noqa: S608 - as above
            f"{segment_sql('slice')} AS segment FROM {table} ORDER BY line"
        )

    def twice(
        self, slices: Sequence[int], *, work: WorkFolder, name: str, opened: Engine
    ) -> list[str]:
        """The vouchers in some slices of vouchers that have several redemptions, sorted.

        Raises:
            WorkLost: see there.

        """
        opened.load("redeemed", _VOUCHER_COLUMNS, [])
        for number, chunk in enumerate(self.chunks):
            folder = f"{name}/{number}"
            for path in _fetch(chunk.vouchers, slices, folder, "vouchers", work, opened):
                opened.append("redeemed", _VOUCHER_COLUMNS, path)
                path.unlink()
        twice = "SELECT voucher_id FROM redeemed GROUP BY voucher_id HAVING count(*) > 1"
        return [voucher_id for (voucher_id,) in opened.rows(f"{twice} ORDER BY ALL")]


def _documents(slices: Mapping[int, SliceFile]) -> dict[int, Any]:
    return {number: asdict(found) for number, found in slices.items()}


def _fetch(
    found: Mapping[int, SliceFile],
    slices: Sequence[int],
    folder: str,
    kind: str,
    work: WorkFolder,
    opened: Engine,
) -> list[Path]:
    files = []
    for number in slices:
        if number in found:
            path = opened.folder / f"{number:03d}.{kind}"
            work.fetch(f"{folder}/{number:03d}.{kind}", path, found[number].sha256)
            files.append(path)
    return files
