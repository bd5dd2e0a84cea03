"""A large bill in chunks of bytes: each is read by a function of its own, and cut into slices.

    object ──bytes from, to──> whole lines ──read, checked──> rows of each slice, what they come to
           └──all bytes──────> its SHA-256, and each chunk's

A line belongs to the chunk in which it begins. What chunks come to is added up by `together`, as
if one function had read the file, which
also asks whether the chunks are what was hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from functions.reconcile.bill_reading import (
    COLUMNS,
    Findings,
    Part,
    PartRead,
    Totals,
    Trailer,
    load_part,
    segment_sql,
    slice_sql,
)
from functions.reconcile.day_plan import DayFault
from functions.reconcile.engine import SEPARATOR, Engine, literal
from functions.reconcile.work_folder import WorkFolder, WorkLost
from functions.shared.domain.bills import BillFault, BillFinding
from functions.shared.store.objects import ObjectStore

TABLE: Final = "bill_rows"

# A row of a bill has a twentieth of it; a longer line is refused, whatever becomes of its end.
_LINE_BYTES: Final = 64 * 1024
_PART_BYTES: Final = 1024 * 1024
_ROW: Final = f"concat_ws({literal(SEPARATOR)}, {', '.join(COLUMNS)})"
_VOUCHER_COLUMNS: Final = {"voucher_id": "VARCHAR"}


class BillLost(DayFault):
    """A bill is no longer in the bucket as it was announced, or as it was accepted."""


@dataclass(frozen=True, slots=True)
class BillObject:
    """A stored bill that is read in chunks.

    Args:
        object_key: as S3 has it.
        object_version: which bytes.
        size: how many there are.
        chunk_bytes: how many one function reads.

    """

    object_key: str
    object_version: str
    size: int
    chunk_bytes: int

    @property
    def chunks(self) -> int:
        """How many there are, one at least."""
        return max(1, -(-self.size // self.chunk_bytes))

    def span(self, chunk: int) -> tuple[int, int]:
        """From which byte a chunk goes, and up to before which."""
        return chunk * self.chunk_bytes, min((chunk + 1) * self.chunk_bytes, self.size)


@dataclass(frozen=True, slots=True)
class SliceFile:
    """A working file with rows of one slice: how many, and the SHA-256 of its bytes."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that is cut.

    Args:
        sha256: of its bytes.
        lines: how many line feeds its lines have.
        findings: what is wrong with its rows, by line of the chunk.
        totals: of its rows; None where its form is broken.
        trailer: where it has the bill's.
        slices: rows by slice of their order numbers.
        vouchers: the vouchers of redemptions, by slice of their ids; none at intake.

    """

    sha256: str
    lines: int
    findings: Findings
    totals: Totals | None
    trailer: Trailer | None
    slices: Mapping[int, SliceFile] = field(default_factory=dict)
    vouchers: Mapping[int, SliceFile] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Chunk:
        """What `to_document` gave."""
        findings = [
            BillFinding(BillFault(each["reason"]), each["line"], each["detail"])
            for each in document["findings"]["listed"]
        ]
        totals, trailer = document["totals"], document["trailer"]
        if totals is not None:
            fen = totals["fen"]
            totals = Totals(**{**totals, "fen": None if fen is None else tuple(fen)})
        return cls(
            sha256=document["sha256"],
            lines=document["lines"],
            findings=Findings(findings, document["findings"]["total"]),
            totals=totals,
            trailer=None if trailer is None else Trailer(**trailer),
            slices=slices_of(document["slices"]),
            vouchers=slices_of(document["vouchers"]),
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def slices_of(document: Mapping[str, Any]) -> dict[int, SliceFile]:
    """Slice files by number, from JSON."""
    return {int(number): SliceFile(**each) for number, each in document.items()}


# Cutting.


def cut_chunk(
    bill: BillObject,
    chunk: int,
    *,
    business_on: date,
    objects: ObjectStore,
    work: WorkFolder,
    name: str,
    opened: Engine,
    with_vouchers: bool,
) -> None:
    """Reads a chunk and leaves its rows by slice; what it comes to, last.

    Args:
        bill: the stored bill.
        chunk: its number.
        business_on: the date that it is the bill of.
        objects: where it lies.
        work: gets the working files.
        name: of the bill among them.
        opened: an engine, nobody else's.
        with_vouchers: whether the vouchers of redemptions are cut as well.

    Raises:
        BillLost: see there.

    """
    path = opened.folder / "chunk.csv"
    lines = _fetch_lines(bill, chunk, objects, path)
    read = PartRead(Findings(), Totals())
    if lines.part is not None:
        read = load_part(path, lines.part, business_on=business_on, engine=opened, table=TABLE)
    path.unlink()
    slices: dict[int, SliceFile] = {}
    vouchers: dict[int, SliceFile] = {}
    if read.totals is not None and read.totals.rows:
        cutter = _Cutter(opened, work, f"{name}/{chunk}")
        slices = cutter.cut(TABLE, "slice", _ROW, "rows")
        if with_vouchers:
            opened.run(
                f"CREATE OR REPLACE TABLE redeemed AS SELECT voucher_id, "  # noqa: S608 - names of our own
                f"{slice_sql('voucher_id')} AS slice FROM {TABLE} WHERE entry_type = 'REDEEM'"
            )
            vouchers = cutter.cut("redeemed", "slice", "voucher_id", "vouchers")
    cut = Chunk(
        lines.sha256, lines.count, read.findings, read.totals, read.trailer, slices, vouchers
    )
    work.put(f"{name}/{chunk}.json", cut.to_document())


def hash_bill(bill: BillObject, *, objects: ObjectStore, work: WorkFolder, name: str) -> None:
    """Reads the whole bill and leaves its SHA-256, and that of each chunk.

    Raises:
        BillLost: see there.

    """
    hashes: list[Any] = [hashlib.sha256()]
    room = bill.chunk_bytes

    def take(data: bytes) -> None:
        nonlocal room
        while len(data) > room:
            hashes[-1].update(data[:room])
            hashes.append(hashlib.sha256())
            data, room = data[room:], bill.chunk_bytes
        hashes[-1].update(data)
        room -= len(data)

    sha256 = objects.sha256(bill.object_key, version=bill.object_version, each=take)
    if sha256 is None:
        raise BillLost(f"{bill.object_key} is gone")
    chunks = [each.hexdigest() for each in hashes]
    work.put(f"{name}/hashes.json", {"sha256": sha256, "chunks": chunks})


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a chunk, in a file: what part of the bill they are; None for no line at all."""

    sha256: str
    count: int
    part: Part | None


def _fetch_lines(bill: BillObject, chunk: int, objects: ObjectStore, path: Path) -> _Lines:
    """Writes the lines that begin in the chunk into a file."""
    start, stop = bill.span(chunk)
    # From the byte before, which says whether a line begins here, to where the last line ends.
    first, last = max(start - 1, 0), min(stop + _LINE_BYTES, bill.size)
    raw = path.with_suffix(".raw")
    if first == last:
        raw.write_bytes(b"")
    elif (
        objects.fetch(bill.object_key, raw, version=bill.object_version, span=(first, last)) is None
    ):
        raise BillLost(f"{bill.object_key} is gone")
    digest, count = hashlib.sha256(), 0
    with raw.open("rb") as source, path.open("wb") as lines:
        begins = 0 if start == 0 else _after_line_feed(source, 0, stop - first)
        # A line that began before, and goes on beyond the chunk, leaves it none.
        has_lines = begins < stop - first or not bill.size
        ends = begins
        if has_lines and bill.size:
            ends = _after_line_feed(source, stop - 1 - first, last - first)
        source.seek(start - first)
        for data in _parts(source, stop - start):
            digest.update(data)
        source.seek(begins)
        for data in _parts(source, ends - begins):
            count += data.count(b"\n")
            lines.write(data)
    raw.unlink()
    part = Part(is_first=start == 0, is_last=first + ends == bill.size)
    return _Lines(digest.hexdigest(), count, part if has_lines else None)


def _after_line_feed(source: Any, start: int, end: int) -> int:  # noqa: ANN401 - a binary file
    """Behind the first line feed of the bytes from start to before end; the end, without any."""
    source.seek(start)
    place = start
    for data in _parts(source, end - start):
        found = data.find(b"\n")
        if found >= 0:
            return place + int(found) + 1
        place += len(data)
    return end


def _parts(source: Any, size: int) -> Any:  # noqa: ANN401 - a binary file
    """So many of the file's next bytes, part by part."""
    while size > 0 and (data := source.read(min(size, _PART_BYTES))):
        size -= len(data)
        yield data


class _Cutter:
    """Writes tables slice by slice into working files."""

    def __init__(self, opened: Engine, work: WorkFolder, folder: str) -> None:
        self._engine = opened
        self._work = work
        self._folder = folder

    def cut(self, table: str, column: str, cell: str, kind: str) -> dict[int, SliceFile]:
        path, cut = self._engine.folder / "slice.rows", {}
        found = f"SELECT DISTINCT {column} FROM {table} ORDER BY ALL"  # noqa: S608 - names of our own
        for (number,) in list(self._engine.rows(found)):
            rows = self._engine.copy(
                f"SELECT {cell} FROM {table} WHERE {column} = {number}",  # noqa: S608 - as above
                path,
            )
            sha256 = self._work.put_file(f"{self._folder}/{number:03d}.{kind}", path)
            cut[number] = SliceFile(rows, sha256)
        return cut


# Putting together.


@dataclass(frozen=True, slots=True)
class Together:
    """What all chunks of a bill come to.

    Args:
        sha256: of the bill's bytes.
        chunks: in order.
        findings: what is wrong with rows and form, by line of the bill.
        totals: None where the form of any is broken.
        trailer: where there is one.

    """

    sha256: str
    chunks: Sequence[Chunk]
    findings: Findings
    totals: Totals | None
    trailer: Trailer | None

    @property
    def lines_before(self) -> list[int]:
        """Of each chunk, how many lines stand before it."""
        before = [0]
        for chunk in self.chunks:
            before.append(before[-1] + chunk.lines)
        return before[:-1]


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
    findings, totals, before = Findings(), Totals(), 0
    trailer: Trailer | None = None
    sums: Totals | None = totals
    for chunk in chunks:
        for finding in chunk.findings.listed:
            line = finding.line and finding.line + before
            findings.add(finding.reason, line, finding.detail)
        findings.total += chunk.findings.total - len(chunk.findings.listed)
        sums = None if sums is None or chunk.totals is None else sums + chunk.totals
        if chunk.trailer is not None:
            trailer = Trailer(chunk.trailer.line + before, chunk.trailer.cells)
        before += chunk.lines
    return Together(hashes["sha256"], chunks, findings, sums, trailer)


# What a share takes.


@dataclass(frozen=True, slots=True)
class CutBill:
    """Where a bill's rows lie: of each chunk, the lines before it, its slices and its vouchers."""

    chunks: tuple[tuple[int, Mapping[int, SliceFile], Mapping[int, SliceFile]], ...]

    @classmethod
    def of(cls, found: Together) -> CutBill:
        """Of a bill's chunks."""
        rows = zip(found.lines_before, found.chunks, strict=True)
        return cls(tuple((before, chunk.slices, chunk.vouchers) for before, chunk in rows))

    @classmethod
    def from_document(cls, document: Sequence[Sequence[Any]]) -> CutBill:
        """What `to_document` gave."""
        return cls(tuple((b, slices_of(s), slices_of(v)) for b, s, v in document))

    def to_document(self) -> list[Any]:
        """As JSON."""
        return [
            [before, _documents(slices), _documents(vouchers)]
            for before, slices, vouchers in self.chunks
        ]

    def rows(self, slices: Sequence[int]) -> int:
        """How many rows some slices have."""
        of_chunks = (found for _, found, _ in self.chunks)
        return sum(found[n].rows for found in of_chunks for n in slices if n in found)

    def load(
        self, table: str, slices: Sequence[int], *, work: WorkFolder, name: str, opened: Engine
    ) -> None:
        """Makes a bill's table of some slices, as `load_bill` makes it of all.

        Raises:
            WorkLost: see there.

        """
        opened.load(table, COLUMNS, [])
        for chunk, (before, found, _) in enumerate(self.chunks):
            files = _fetch(found, slices, f"{name}/{chunk}", "rows", work, opened)
            opened.load("cut", COLUMNS, files)
            opened.run(f"INSERT INTO {table} SELECT * REPLACE (line + ? AS line) FROM cut", before)  # noqa: S608 - names of our own
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
        for chunk, (_, _, found) in enumerate(self.chunks):
            for path in _fetch(found, slices, f"{name}/{chunk}", "vouchers", work, opened):
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
