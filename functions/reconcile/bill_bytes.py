"""The bytes of a large bill, in chunks: of each, the lines that begin in it; of all, the hashes.

A line that goes on beyond its chunk is read to its end; whoever has the next chunk passes it over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from functions.reconcile.bill_reading import Part
from functions.reconcile.day_plan import DayFault
from functions.reconcile.work_folder import WorkFolder
from functions.shared.store.objects import ObjectStore

# A row of a bill has a twentieth of it; a longer line is refused, whatever becomes of its end.
_LINE_BYTES: Final = 64 * 1024
_PART_BYTES: Final = 1024 * 1024


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
class ChunkLines:
    """The lines of a chunk, in a file: what part of the bill they are; None for no line at all."""

    sha256: str
    count: int
    part: Part | None


def fetch_lines(bill: BillObject, chunk: int, objects: ObjectStore, path: Path) -> ChunkLines:
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
    return ChunkLines(digest.hexdigest(), count, part if has_lines else None)


def _after_line_feed(source: BinaryIO, start: int, end: int) -> int:
    """Behind the first line feed of the bytes from start to before end; the end, without any."""
    source.seek(start)
    place = start
    for data in _parts(source, end - start):
        found = data.find(b"\n")
        if found >= 0:
            return place + int(found) + 1
        place += len(data)
    return end


def _parts(source: BinaryIO, size: int) -> Iterator[bytes]:
    """So many of the file's next bytes, part by part."""
    while size > 0 and (data := source.read(min(size, _PART_BYTES))):
        size -= len(data)
        yield data


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
