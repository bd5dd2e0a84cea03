"""A day that is too large for one function, step by step, as a state machine has many do it.

    PLAN ─> SPLIT ─> DEAL ─> MATCH ─> STATE ─> PUBLISH ─> FINISH
     ^  ^  each piece      each share  |      each share
     |  |                      ^──once─┤
     |  |                         more |
     |  └───with another campaign──────┘
     └──whenever a newer bill has come

The ledger is read by segments and bills by chunks, and both are cut into slices by order number;
a share is some slices, so that it has all rows of its orders. What is published, and every fen, is
what one function would have made of the day, but for the large files: each share has its own.

Steps hand each other working files, under a key that belongs to one run and one plan; whatever an
interrupted step left there is written over. Each step may be done again, also by two at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from functions.reconcile.bill_bytes import BillLost, BillObject, hash_bill
from functions.reconcile.bill_chunks import cut_chunk
from functions.reconcile.day import DayAccount, SettlementStores
from functions.reconcile.day_files import BreakSummary, Publisher, write_breaks
from functions.reconcile.day_ledger import cut_segment
from functions.reconcile.day_plan import Day, SetPlan, Step
from functions.reconcile.day_share import Counted, DayShare, versions_of
from functions.reconcile.day_share_file import ShareFile
from functions.reconcile.day_tables import DayTables
from functions.reconcile.day_task import Noted, Task
from functions.reconcile.dealt import Dealt, bill_name, put_segment
from functions.reconcile.engine import engine
from functions.reconcile.shares import CHUNK_BYTES, SHARE_ROWS, Piece, PieceKind
from functions.reconcile.statement_files import DETAIL_COLUMNS, adjusting_row
from functions.reconcile.work_folder import WorkFolder
from functions.shared.domain.breaks import BREAK_SLICES, break_ids
from functions.shared.domain.ledger import DAY_SEGMENTS
from functions.shared.domain.money import NO_NET
from functions.shared.files.csv_out import csv_lines
from functions.shared.files.line_file import LineFile
from functions.shared.files.manifest import FileEntry
from functions.shared.store.bills import BillsMoved
from functions.shared.store.objects import ObjectStore

_SHARE: Final = "share.json"


class DaySteps:
    """The steps, each of which may be done anywhere.

    Args:
        stores: what settling reads and writes.
        work: the bucket of working files.
        share_rows: how many entries, and rows of a bill, one function matches, about.
        chunk_bytes: how many bytes of a bill one function reads.

    """

    def __init__(
        self,
        stores: SettlementStores,
        work: ObjectStore,
        *,
        share_rows: int = SHARE_ROWS,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self._stores = stores
        self._work = work
        self._share_rows = share_rows
        self._chunk_bytes = chunk_bytes

    def do(self, event: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Does a step.

        Args:
            event: `step` and `task`; `piece` or `share`, of a step that each has; what those said,
                as `answers`, of the step after.
            now: the time of the call.

        Returns:
            What the step returns. Where a newer bill has come, `next` is PLAN, or of a step that
            each has `moved` is true: a machine is told of it in its own data, for it does not pass
            errors on from one of many.

        Raises:
            ValueError: the event names no step.
            DayFault, StatementDrift, Busy: see the steps.

        """
        task = Task.from_document(event["task"])
        try:
            if not any(each["moved"] for each in event.get("answers", ())):
                return self._done(Step(event["step"]), task, event, now)
        except BillsMoved:
            if "piece" in event or "share" in event:
                return {"moved": True}
        return _answer(task, Step.PLAN)

    def _done(
        self, step: Step, task: Task, event: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        match step:
            case Step.PLAN:
                answer = self.plan(task)
            case Step.SPLIT:
                self.split(task, Piece.from_document(event["piece"]))
                answer = {"moved": False}
            case Step.DEAL:
                answer = self.deal(task)
            case Step.MATCH:
                answer = {**self.match(task, event["share"]), "moved": False}
            case Step.STATE:
                answer = self.state(task, [each["waits"] for each in event["answers"]], now)
            case Step.PUBLISH:
                answer = {**self.publish(task, event["share"], now), "moved": False}
            case Step.FINISH:
                answer = self.finish(task, now)
            case _:
                raise ValueError(f"{step} is no step of a day")
        return answer

    def plan(self, task: Task) -> dict[str, Any]:
        """Fixes the bills, and the sets of files that are to be made.

        Returns:
            The task, with the `pieces` that are to be split, and `next`: SPLIT.

        Raises:
            BillLost: an accepted bill is gone.

        """
        day = self._day(task, planned=False)
        planned = replace(
            task, plan=task.plan + 1, newest=day.newest, shares=0, noted=Noted.NOTHING
        )
        plans = list(DayAccount(day, planned.campaign_ids, self._stores).plans())
        bills = self._stored_bills(day, plans)
        work = self._folder(planned)
        work.put("plan.json", [asdict(plan) for plan in plans])
        work.put("bills.json", {version: asdict(bill) for version, bill in bills.items()})
        pieces = [Piece(PieceKind.LEDGER, segment) for segment in range(DAY_SEGMENTS)]
        for version, bill in bills.items():
            pieces.append(Piece(PieceKind.HASH, version=version))
            pieces += [Piece(PieceKind.CHUNK, chunk, version) for chunk in range(bill.chunks)]
        return {
            **_answer(planned, Step.SPLIT),
            "pieces": [piece.to_document() for piece in pieces],
        }

    def _stored_bills(self, day: Day, plans: Iterable[SetPlan]) -> dict[int, BillObject]:
        """The bills that are to be matched, by version."""
        found = {}
        for version in versions_of(day, plans):
            bill = day.bill(version)
            if bill is None:
                continue
            key = bill.object_key
            facts = self._stores.objects.facts(key, version=bill.object_version)
            if facts is None:
                raise BillLost(f"{key} is gone")
            found[version] = BillObject(key, facts.version, facts.size, self._chunk_bytes)
        return found

    def split(self, task: Task, piece: Piece) -> None:
        """Reads a piece, and leaves its rows by slice.

        Raises:
            BillsMoved: a newer bill has come.
            BillLost: an accepted bill is gone.
            Busy: throttled or lost beyond the SDK's retries.

        """
        day, work, objects = self._day(task), self._folder(task), self._stores.objects
        if piece.kind is PieceKind.LEDGER:
            with TemporaryDirectory(prefix="huimin-") as folder:
                cut = cut_segment(
                    day.platform_id,
                    day.on,
                    task.campaign_ids,
                    ledger=self._stores.ledger,
                    folder=Path(folder),
                    segment=piece.number,
                )
                put_segment(work, piece.number, cut)
            return
        bill, name = self._bills(task)[piece.version], bill_name(piece.version)
        if piece.kind is PieceKind.HASH:
            hash_bill(bill, objects=objects, work=work, name=name)
            return
        with engine() as opened:
            cut_chunk(
                bill,
                piece.number,
                business_on=day.on,
                objects=objects,
                work=work,
                name=name,
                opened=opened,
                with_vouchers=True,
            )

    def deal(self, task: Task) -> dict[str, Any]:
        """Says into how many shares the rows are dealt.

        Returns:
            The task, with `next`: MATCH.

        Raises:
            BillsMoved: a newer bill has come.
            BillLost: a bill has other bytes than were accepted.
            WorkLost: see there.

        """
        day = self._day(task)
        bills = {}
        for version, stored in self._bills(task).items():
            bill = day.bill(version)
            assert bill is not None, version  # noqa: S101 - it was planned with
            bills[version] = stored, bill.sha256
        dealt = Dealt.deal(self._folder(task), bills, self._share_rows)
        return _answer(replace(task, shares=dealt.shares), Step.MATCH)

    def match(self, task: Task, share: int) -> dict[str, Any]:
        """Matches a share; its lines, sums and breaks become working files.

        Returns:
            `waits`: whether the share must be matched again when all have noted what they found
            of vouchers that are billed twice.

        Raises:
            BillsMoved: a newer bill has come.
            WorkLost: see there.
            Busy: throttled or lost beyond the SDK's retries.

        """
        day, plans, work = self._day(task), self._plans(task), self._folder(task)
        dealt = Dealt.of(work)
        with engine() as opened:
            if task.noted is Noted.NOTHING:
                twice = dealt.twice(share, work=work, opened=opened)
                if twice:
                    work.put(task.name_of(share, "twice.json"), twice)
                    return {"waits": True}
            mine = DayShare(
                day,
                opened,
                objects=self._stores.objects,
                vouchers=self._stores.vouchers,
                share=share,
            )
            for version in dealt.bills:
                load = partial(dealt.load_bill, version, share, work=work, opened=opened)
                mine.tables.load_share(version, load)
            part = dealt.part(share, work, opened)
            if task.noted is Noted.TWICE:
                versions = self._known(task, "twice.json")
                for version, vouchers in versions.items():
                    mine.tables.load_twice(version, vouchers)
                mine.note_booked([part], versions)
                booked = {version: mine.tables.booked(version) for version in versions}
                work.put(task.name_of(share, "booked.json"), booked)
                return {"waits": True}
            if task.noted is Noted.BOOKED:
                for version, vouchers in self._known(task, "booked.json").items():
                    mine.tables.add_booked(version, vouchers)
            mine.match(part, plans)
            self._keep(task, share, mine, plans, day.version)
        return {"waits": False}

    def state(self, task: Task, waits: Sequence[bool], now: datetime) -> dict[str, Any]:
        """Adds the shares up, and makes the statements.

        Args:
            task: the day.
            waits: what each share's match said.
            now: the time of the run.

        Returns:
            The task, with `next`: PUBLISH; MATCH, where shares wait for each other; PLAN, where
            the bill names a campaign that was not looked at.

        Raises:
            BillsMoved: a newer bill has come, or another run was first with another one.
            StatementDrift: the ledger does not give the stored statement again.
            WorkLost: see there.
            Busy: contention outlasted the retries.

        """
        day = self._day(task)
        if any(waits):
            return _answer(self._note(task, waits), Step.MATCH)
        account = DayAccount(day, task.campaign_ids, self._stores)
        shares = self._shares(task)
        counted, concerned = _all(shares, account)
        others = [name for name in concerned if name not in task.campaign_ids]
        if others:
            return _answer(replace(task, campaign_ids=(*task.campaign_ids, *others)), Step.PLAN)
        for name in concerned:
            account.state(name, counted, now)
        files: dict[int, dict[int, str]] = {}
        for share, found in enumerate(shares):
            for number, sha256 in found.files.items():
                files.setdefault(number, {})[share] = sha256
        self._folder(task).put("breaks.json", files)
        return _answer(task, Step.PUBLISH)

    def _note(self, task: Task, waits: Sequence[bool]) -> Task:
        """Puts together what the shares that wait have noted."""
        name = "twice.json" if task.noted is Noted.NOTHING else "booked.json"
        work, all_of_it = self._folder(task), dict[int, list[str]]()
        for share, does_wait in enumerate(waits):
            if does_wait:
                for version, vouchers in work.get(task.name_of(share, name)).items():
                    all_of_it.setdefault(int(version), []).extend(vouchers)
        work.put(name, all_of_it)
        return replace(task, noted=Noted(task.noted + 1))

    def publish(self, task: Task, share: int, now: datetime) -> dict[str, Any]:
        """Publishes a share's large files, and writes a share of the breaks.

        Returns:
            `breaks`: how many were opened, changed and closed now.

        Raises:
            BillsMoved: a newer bill has come.
            WorkLost, FileDrift: see there.
            Busy: other runs came in between on every try, or contention outlasted the retries.

        """
        day, work = self._day(task), self._folder(task)
        with engine() as opened:
            tables = DayTables(opened, day.platform_id, day.on)
            for other, sha256 in work.get("breaks.json").get(str(share), {}).items():
                path = opened.folder / "breaks.rows"
                name = task.name_of(int(other), _breaks_name(share))
                work.fetch(name, path, sha256)
                tables.add_breaks(path)
            changes = self._stores.breaks.sync(
                day.platform_id,
                day.on,
                tables.breaks(day.version),
                bill_version=day.version,
                newest=day.newest,
                now=now,
                ids=break_ids(share, task.shares),
            )
            publisher = Publisher(day, self._stores.objects)
            large = self._share(task, share).large
            for plan in self._plans(task):
                for entry in large.get((plan.campaign_id, plan.number), ()):
                    path = opened.folder / entry.name
                    name = task.name_of(share, _line_name(plan, entry.name))
                    work.fetch(name, path, entry.sha256)
                    publisher.put_large(plan, path, entry)
        return {"breaks": asdict(changes)}

    def finish(self, task: Task, now: datetime) -> dict[str, Any]:
        """Publishes the small files of every set, and their manifests.

        Returns:
            `next`: null; how many `statements` there are, and `files` were written now.

        Raises:
            BillsMoved: a newer bill has come.
            WorkLost, FileDrift: see there.
            Busy: other runs came in between on every try, or contention outlasted the retries.

        """
        day = self._day(task)
        self._stores.breaks.match_late(day.platform_id, day.on, now)
        account = DayAccount(day, task.campaign_ids, self._stores)
        shares = self._shares(task)
        counted, concerned = _all(shares, account)
        written = []
        with TemporaryDirectory(prefix="huimin-") as folder:
            for plan in self._plans(task):
                if plan.campaign_id in concerned:
                    written += self._finish(account, plan, counted, shares, Path(folder))
        if day.accepted is not None and day.accepted.reconciled_at is None:
            self._stores.bills.mark_reconciled(day.accepted, now=now)
        return {"next": None, "statements": len(concerned), "files": len(written)}

    def _finish(
        self,
        account: DayAccount,
        plan: SetPlan,
        counted: Counted,
        shares: Sequence[ShareFile],
        folder: Path,
    ) -> list[str]:
        """Publishes what is left of a set."""
        statement = account.stored[plan.campaign_id]
        assert statement is not None, plan  # noqa: S101 - made by `state`
        publisher = Publisher(account.day, self._stores.objects)
        key, adjusting = (
            (plan.campaign_id, plan.number),
            account.adjusting.get(plan.campaign_id, ()),
        )
        large = [entry for share in shares for entry in share.large.get(key, ())]
        written = []
        if adjusting:
            file = LineFile(folder / "detail-adjusting.csv", DETAIL_COLUMNS)
            file.write(csv_lines(DETAIL_COLUMNS, map(adjusting_row, adjusting)))
            settled_fen = sum(entry.parts.fiscal_fen for entry in adjusting)
            large.append(file.entry({"settled_fen": settled_fen}))
            written += publisher.put_large(plan, file.path, large[-1])
        first, *later = (share.breaks[key] for share in shares)
        told = publisher.told(
            plan, statement, counted=counted, breaks=sum(later, first), adjusting=adjusting
        )
        return written + publisher.finish(told, plan, large)

    # Working files.

    def _day(self, task: Task, *, planned: bool = True) -> Day:
        newest = task.newest if planned else None
        return Day.seen(self._stores.bills, task.platform_id, task.business_on, newest=newest)

    def _folder(self, task: Task) -> WorkFolder:
        return WorkFolder(self._work, task.folder)

    def _plans(self, task: Task) -> list[SetPlan]:
        return [SetPlan(**plan) for plan in self._folder(task).get("plan.json")]

    def _bills(self, task: Task) -> dict[int, BillObject]:
        bills = self._folder(task).get("bills.json")
        return {int(version): BillObject(**bill) for version, bill in bills.items()}

    def _known(self, task: Task, name: str) -> dict[int, list[str]]:
        found = self._folder(task).get(name)
        return {int(version): vouchers for version, vouchers in found.items()}

    def _share(self, task: Task, share: int) -> ShareFile:
        return ShareFile.from_document(self._folder(task).get(task.name_of(share, _SHARE)))

    def _shares(self, task: Task) -> list[ShareFile]:
        return [self._share(task, share) for share in range(task.shares)]

    def _keep(
        self, task: Task, share: int, mine: DayShare, plans: Sequence[SetPlan], version: int
    ) -> None:
        """Puts all that a share came to; `share.json` last."""
        tables, counted, work = mine.tables, mine.counted, self._folder(task)
        large: dict[tuple[str, int], tuple[FileEntry, ...]] = {}
        summaries: dict[tuple[str, int], BreakSummary] = {}
        for plan in plans:
            key = plan.campaign_id, plan.number
            summary = summaries[key] = BreakSummary.of(tables, plan)
            if key not in mine.lines and not summary.shown:
                continue
            lines = mine.lines_of(plan)
            settled = sum((s.net for s in counted.sums.get(plan.campaign_id, ())), NO_NET)
            difference_fen = sum(of.difference_fen for of in summary.sides.values())
            breaks = write_breaks(tables.folder / f"breaks-{share:03d}.csv", tables, plan)
            files = (lines.detail, lines.reconciliation, breaks)
            large[key] = (
                lines.detail.entry({"settled_fen": settled.fiscal_fen}),
                lines.reconciliation.entry({"difference_fen": difference_fen}),
                breaks.entry({}),
            )
            for file in files:
                work.put_file(task.name_of(share, _line_name(plan, file.path.name)), file.path)
        of_each = BREAK_SLICES // task.shares
        broken_files = {}
        for number in sorted({number // of_each for number in tables.break_slices()}):
            path = tables.folder / "breaks.rows"
            tables.copy_breaks(path, break_ids(number, task.shares))
            name = task.name_of(share, _breaks_name(number))
            broken_files[number] = work.put_file(name, path)
        broken = frozenset(tables.broken_campaigns(version))
        kept = ShareFile(counted, broken, large, summaries, broken_files)
        work.put(task.name_of(share, _SHARE), kept.to_document())


def _all(shares: Iterable[ShareFile], account: DayAccount) -> tuple[Counted, list[str]]:
    """What all shares come to, and the campaigns that it concerns."""
    counted, broken = Counted(), set[str]()
    for share in shares:
        counted.add(share.counted)
        broken |= share.broken
    return counted, account.concerned(counted, broken)


def _line_name(plan: SetPlan, name: str) -> str:
    return f"{plan.campaign_id}-v{plan.number}/{name}"


def _breaks_name(number: int) -> str:
    """Of the file with those of a share's breaks whose ids are in a range."""
    return f"breaks-{number}.rows"


def _answer(task: Task, then: Step) -> dict[str, Any]:
    return {**task.to_document(), "next": then.value}
