"""A chunk of a large bill: read and checked as far as it goes, and cut into slices.

bytes of the chunk ──> whole lines ──read, checked──> rows of each slice, what they come to
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final

from functions.reconcile.bill_bytes import BillObject, fetch_lines
from functions.reconcile.bill_reading import (
    COLUMNS,
    Findings,
    PartRead,
    Totals,
    Trailer,
    load_part,
    slice_sql,
)
from functions.reconcile.engine import SEPARATOR, Engine, literal
from functions.reconcile.work_folder import WorkFolder
from functions.shared.domain.bills import BillFault, BillFinding
from functions.shared.store.objects import ObjectStore

TABLE: Final = "bill_rows"

_ROW: Final = f"concat_ws({literal(SEPARATOR)}, {', '.join(COLUMNS)})"


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
    lines = fetch_lines(bill, chunk, objects, path)
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
