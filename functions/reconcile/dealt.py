"""What the steps of a large day know of its rows once they are cut: where each share's lie.

    ledger/{slice}.rows       a slice's entries          ledger/{segment}.json    what is there
    bill-{version}/{chunk}/…  a chunk's rows by slice    bill-{version}/….json    what is there

`dealt.json` names them all, so that a share reads one document, and its own files.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from functions.reconcile.bill_bytes import BillLost, BillObject
from functions.reconcile.bill_chunks import SliceFile, slices_of
from functions.reconcile.cut_bill import CutBill, together
from functions.reconcile.day_ledger import CutSegment, Part, StagedSegment
from functions.reconcile.engine import Engine
from functions.reconcile.shares import segment_of_share, shares_for, slices_of_share
from functions.reconcile.work_folder import WorkFolder
from functions.shared.domain.ledger import DAY_SEGMENTS

_NAME: Final = "dealt.json"
_PART_BYTES: Final = 1024 * 1024


def bill_name(version: int) -> str:
    """Of a bill among the working files."""
    return f"bill-{version}"


def put_segment(work: WorkFolder, segment: int, cut: CutSegment) -> None:
    """Leaves a segment's entries, and what is there of them, last."""
    slices = {}
    for number, rows in cut.rows.items():
        sha256 = work.put_file(f"ledger/{number:03d}.rows", cut.paths[number])
        slices[number] = asdict(SliceFile(rows, sha256))
    work.put(f"ledger/{segment}.json", {"digests": dict(cut.digests), "slices": slices})


@dataclass(frozen=True, slots=True)
class Dealt:
    """A day's rows as they are dealt.

    Args:
        shares: into how many.
        digests: by segment and campaign, over the entries.
        ledger: entries by slice.
        bills: by version.

    """

    shares: int
    digests: Mapping[int, Mapping[str, str]]
    ledger: Mapping[int, SliceFile]
    bills: Mapping[int, CutBill]

    @classmethod
    def deal(
        cls, work: WorkFolder, bills: Mapping[int, tuple[BillObject, str]], most: int
    ) -> Dealt:
        """Deals all that was cut, and leaves what is known of it.

        Args:
            work: the working files.
            bills: by version, each with the SHA-256 that was accepted.
            most: how many entries, and rows of one bill, a share has, where that can be.

        Raises:
            BillLost: a bill has other bytes than were accepted.
            WorkLost: see there.

        """
        cut_bills = {}
        for version, (bill, sha256) in bills.items():
            found = together(bill, work, bill_name(version))
            if found.sha256 != sha256:
                raise BillLost(f"{bill.object_key} is altered")
            if found.findings.total or found.totals is None:
                raise BillLost(f"{bill.object_key} was accepted and is now refused")
            cut_bills[version] = CutBill.of(found)
        digests, ledger = {}, dict[int, SliceFile]()
        for segment in range(DAY_SEGMENTS):
            document = work.get(f"ledger/{segment}.json")
            digests[segment] = document["digests"]
            ledger |= slices_of(document["slices"])

        def rows(slices: Sequence[int]) -> int:
            entries = sum(ledger[number].rows for number in slices if number in ledger)
            return max(entries, *(bill.rows(slices) for bill in cut_bills.values()), 0)

        dealt = cls(shares_for(rows, most), digests, ledger, cut_bills)
        work.put(_NAME, dealt._document())
        return dealt

    @classmethod
    def of(cls, work: WorkFolder) -> Dealt:
        """What `deal` left.

        Raises:
            WorkLost: see there.

        """
        document = work.get(_NAME)
        return cls(
            shares=document["shares"],
            digests={int(segment): found for segment, found in document["digests"].items()},
            ledger=slices_of(document["ledger"]),
            bills={
                int(version): CutBill.from_document(bill)
                for version, bill in document["bills"].items()
            },
        )

    def _document(self) -> dict[str, Any]:
        return {
            "shares": self.shares,
            "digests": {segment: dict(found) for segment, found in self.digests.items()},
            "ledger": {number: asdict(found) for number, found in self.ledger.items()},
            "bills": {version: bill.to_document() for version, bill in self.bills.items()},
        }

    def part(self, share: int, work: WorkFolder, opened: Engine) -> Part:
        """A share's entries, on disk.

        Raises:
            WorkLost: see there.

        """
        segment = segment_of_share(share)
        path, rows = opened.folder / "ledger.rows", 0
        with path.open("wb") as file:
            for number in slices_of_share(share, self.shares):
                if number in self.ledger:
                    slice_path = opened.folder / "slice.rows"
                    work.fetch(f"ledger/{number:03d}.rows", slice_path, self.ledger[number].sha256)
                    with slice_path.open("rb") as entries:
                        shutil.copyfileobj(entries, file, _PART_BYTES)
                    slice_path.unlink()
                    rows += self.ledger[number].rows
        staged = StagedSegment(segment, rows, path, self.digests[segment])
        return Part((staged,), is_sorted=False)

    def load_bill(
        self, version: int, share: int, table: str, *, work: WorkFolder, opened: Engine
    ) -> None:
        """Makes a table of a share's rows of a bill.

        Raises:
            WorkLost: see there.

        """
        slices = slices_of_share(share, self.shares)
        self.bills[version].load(table, slices, work=work, name=bill_name(version), opened=opened)

    def twice(self, share: int, *, work: WorkFolder, opened: Engine) -> dict[int, list[str]]:
        """By version, the vouchers with several redemptions, of those that this share looks at.

        Raises:
            WorkLost: see there.

        """
        slices = slices_of_share(share, self.shares)
        found = {
            version: bill.twice(slices, work=work, name=bill_name(version), opened=opened)
            for version, bill in self.bills.items()
        }
        return {version: vouchers for version, vouchers in found.items() if vouchers}
