"""A bill that is too large for one function, step by step, as a state machine has many do it.

    SPLIT, a chunk each ──> DEAL ──> CHECK, a share each ──> RECORD

A chunk's lines are read alone; what concerns rows together, the same key twice and whose vouchers
they are, is asked of shares, which hold all rows of their orders. Then one function adds up, and
takes the bill in as any other. Its day is settled by the next run of the reconciler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from functions.reconcile.bill_bytes import BillObject, hash_bill
from functions.reconcile.bill_chunks import cut_chunk
from functions.reconcile.bill_reading import Findings, check_repeated, check_trailer
from functions.reconcile.bills import (
    BILL,
    Delivery,
    Intake,
    IntakeStores,
    gone,
    no_bill,
    platform_key,
    record,
    strange_lines,
    unread,
)
from functions.reconcile.cut_bill import CutBill, Together, together
from functions.reconcile.day_plan import Step
from functions.reconcile.engine import engine
from functions.reconcile.shares import SHARE_ROWS, Piece, PieceKind, shares_for, slices_of_share
from functions.reconcile.work_folder import WorkFolder
from functions.shared.domain.bills import MAX_BILL_ROWS, BillFault, BillFinding
from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.store.objects import ObjectStore

_NAME: Final = "bill"
"""Of the bill among the working files."""


@dataclass(frozen=True, slots=True)
class BillTask:
    """The bill: the state machine's own data.

    Args:
        object_key: as S3 has it.
        object_version: which bytes.
        size: how many there are.
        chunk_bytes: how many one function reads.
        run: the run's name; no other run has it.
        announced_at: when; all steps judge by it whether the bill has come too early.
        shares: into how many its rows are dealt; 0 before they are.

    """

    object_key: str
    object_version: str
    size: int
    chunk_bytes: int
    run: str
    announced_at: datetime
    shares: int = 0

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> BillTask:
        """Of JSON; other members are the state machine's, and passed over."""
        return cls(
            object_key=document["object_key"],
            object_version=document["object_version"],
            size=document["size"],
            chunk_bytes=document["chunk_bytes"],
            run=document["run"],
            announced_at=parse_rfc3339(document["announced_at"]),
            shares=len(document.get("shares", ())),
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON, with the pieces that the bill is split into."""
        pieces = [Piece(PieceKind.HASH), *map(Piece.chunk, range(self.object.chunks))]
        return {
            **asdict(self),
            "announced_at": to_rfc3339(self.announced_at),
            "pieces": [piece.to_document() for piece in pieces],
            "shares": list(range(self.shares)),
        }

    @property
    def object(self) -> BillObject:
        """The stored bill."""
        return BillObject(self.object_key, self.object_version, self.size, self.chunk_bytes)


class BillSteps:
    """The steps, each of which may be done anywhere, again, and by two at once.

    Args:
        stores: what intake reads and writes.
        work: the bucket of working files.
        share_rows: how many rows one function checks, about.

    """

    def __init__(
        self, stores: IntakeStores, work: ObjectStore, *, share_rows: int = SHARE_ROWS
    ) -> None:
        self._stores = stores
        self._work = work
        self._share_rows = share_rows

    def do(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Does a step.

        Args:
            event: `step` and `task`, and `piece` or `share` of a step that each has.

        Returns:
            What the state machine goes on with.

        Raises:
            ValueError: the event names no step of a bill.
            BillLost, WorkLost, Busy: see the steps.

        """
        task = BillTask.from_document(event["task"])
        match Step(event["step"]):
            case Step.SPLIT:
                self.split(task, Piece.from_document(event["piece"]))
                return {}
            case Step.DEAL:
                return self.deal(task)
            case Step.CHECK:
                self.check(task, event["share"])
                return {}
            case Step.RECORD:
                intake = self.record(task)
                return {"accepted": intake.is_accepted, "findings": intake.findings_total}
            case other:
                raise ValueError(f"{other} is no step of a bill")

    def split(self, task: BillTask, piece: Piece) -> None:
        """Reads a chunk, or hashes the whole bill.

        Raises:
            BillLost: the object is gone.

        """
        key = platform_key(task.object_key, self._stores.registry)
        if key is None:
            return
        work, objects = self._folder(task), self._stores.objects
        if piece.kind is PieceKind.HASH:
            hash_bill(task.object, objects=objects, work=work, name=_NAME)
        elif not unread(key, task.announced_at).total:
            with engine() as opened:
                cut_chunk(
                    task.object,
                    piece.number,
                    business_on=key.business_on,
                    objects=objects,
                    work=work,
                    name=_NAME,
                    opened=opened,
                    with_vouchers=False,
                )

    def deal(self, task: BillTask) -> dict[str, Any]:
        """Says into how many shares the rows are dealt.

        Raises:
            WorkLost: see there.

        """
        found = self._together(task)
        cut = CutBill.of(found) if found else CutBill(())
        work = self._folder(task)
        shares = shares_for(cut.rows, self._share_rows)
        is_good = found is not None and not found.findings.total and found.totals is not None
        work.put("dealt.json", {"bill": cut.to_document(), "is_good": is_good})
        dealt = {**task.to_document(), "shares": list(range(shares))}
        return {**dealt, "next": Step.CHECK.value}

    def check(self, task: BillTask, share: int) -> None:
        """Finds the share's rows that stand twice, and those with others' vouchers.

        Raises:
            WorkLost: see there.
            Busy: throttled or lost beyond the retries.

        """
        key = platform_key(task.object_key, self._stores.registry)
        work, repeated = self._folder(task), Findings()
        strangers: list[int] = []
        dealt = work.get("dealt.json")
        cut = CutBill.from_document(dealt["bill"])
        slices = slices_of_share(share, task.shares)
        if key is not None and cut.rows(slices):
            with engine() as opened:
                cut.load(BILL, slices, work=work, name=_NAME, opened=opened)
                check_repeated(opened, BILL, repeated)
                if dealt["is_good"] and not repeated.total:
                    vouchers = self._stores.vouchers
                    strangers = list(strange_lines(key.platform_id, opened, vouchers=vouchers))
        work.put(f"{share}.json", {"repeated": asdict(repeated), "strangers": strangers})

    def record(self, task: BillTask) -> Intake:
        """Takes the bill in, with what all chunks and shares have found.

        Raises:
            WorkLost: a working file is gone, or the chunks are not the bytes that were hashed.
            Busy: other deliveries of the day came in between on every try.

        """
        stores = self._stores
        key = platform_key(task.object_key, stores.registry)
        if key is None:
            return no_bill(task.object_key)
        facts = stores.objects.facts(task.object_key, version=task.object_version)
        if facts is None:
            return gone(task.object_key)
        findings, rows, strangers = unread(key, task.announced_at), 0, list[int]()
        if not findings.total:
            found = self._together(task)
            assert found is not None  # noqa: S101 - it is read where it is not `unread`
            findings, strangers = self._checked(task, found)
            rows = found.totals.rows if found.totals else 0
        delivery = Delivery(
            object_key=task.object_key,
            object_version=task.object_version,
            sha256=self._folder(task).get(f"{_NAME}/hashes.json")["sha256"],
            received_at=facts.written_at,
            findings=findings,
            rows=rows,
        )
        return record(key, delivery, stores, task.announced_at, lambda: strangers)

    def _checked(self, task: BillTask, found: Together) -> tuple[Findings, list[int]]:
        """All findings but those of vouchers, as one function lists them, and the strangers."""
        findings, totals = found.findings, found.totals
        repeated, strangers = list[BillFinding](), list[int]()
        for share in range(task.shares):
            of_share = self._folder(task).get(f"{share}.json")
            strangers += of_share["strangers"]
            repeated += map(_finding, of_share["repeated"]["listed"])
            findings.total += of_share["repeated"]["total"] - len(of_share["repeated"]["listed"])
        if totals is None:
            return findings, []
        if totals.rows > MAX_BILL_ROWS:
            findings.add(BillFault.TOO_LARGE, 0, f"more than {MAX_BILL_ROWS} rows")
        for finding in sorted(repeated, key=lambda each: each.line):
            findings.add(finding.reason, finding.line, finding.detail)
        check_trailer(found.trailer, totals, findings)
        findings.listed.sort(key=lambda each: each.line)
        return findings, sorted(strangers)

    def _together(self, task: BillTask) -> Together | None:
        """What the chunks come to; None where they were not read."""
        key = platform_key(task.object_key, self._stores.registry)
        if key is None or unread(key, task.announced_at).total:
            return None
        return together(task.object, self._folder(task), _NAME)

    def _folder(self, task: BillTask) -> WorkFolder:
        return WorkFolder(self._work, f"days/bills/{task.run}/")


def _finding(document: Mapping[str, Any]) -> BillFinding:
    return BillFinding(BillFault(document["reason"]), document["line"], document["detail"])
