"""A day that is too large for one function, step by step, as a state machine has many do it.

    PLAN ──> MATCH, a segment each ──> STATE ──> PUBLISH, a segment each ──> FINISH
     ^  ^         ^──── once more ───────┤
     |  └──── with another campaign ─────┘
     └─── whenever a newer bill has come

Everything that is published, and every fen, is what one function would have made of the day, but
for the large files: each segment has its own. Steps hand each other working files, under a key
that belongs to one run and one plan; whatever an interrupted step left there is written over.
Each step may be done again, also by two at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from functions.reconcile.day import DayAccount, SettlementStores
from functions.reconcile.day_files import BreakSummary, Publisher, write_breaks
from functions.reconcile.day_ledger import Part, reading
from functions.reconcile.day_plan import SEGMENTS, Day, SetPlan, Step
from functions.reconcile.day_share import Counted, DayShare
from functions.reconcile.day_share_file import ShareFile, WorkLost
from functions.reconcile.day_tables import DayTables
from functions.reconcile.engine import engine
from functions.reconcile.statement_files import DETAIL_COLUMNS, adjusting_row
from functions.shared.domain.breaks import break_ids
from functions.shared.domain.ledger import DAY_SEGMENTS
from functions.shared.domain.money import NO_NET
from functions.shared.files.csv_out import csv_lines
from functions.shared.files.json_out import canonical
from functions.shared.files.line_file import LineFile
from functions.shared.files.manifest import FileEntry
from functions.shared.store.bills import BillsMoved
from functions.shared.store.objects import ObjectStore

_BYTES: Final = "application/octet-stream"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Task:
    """The day, and what the steps so far have come to: the state machine's own data.

    Args:
        platform_id: whose day.
        business_on: the business date, which is over.
        campaign_ids: those that can have entries on it, or that its bill names.
        run: the run's name; no other run of the day has it.
        plan: counts the plans of the run from 1; 0 before the first.
        newest: the newest version of the bill when it was planned; 0 for none.
        has_booked: whether it is noted in all segments which vouchers are booked.

    """

    platform_id: str
    business_on: date
    campaign_ids: tuple[str, ...]
    run: str
    plan: int = 0
    newest: int = 0
    has_booked: bool = False

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Task:
        """Of JSON; other members are the state machine's, and passed over."""
        return cls(
            platform_id=document["platform_id"],
            business_on=date.fromisoformat(document["business_on"]),
            campaign_ids=tuple(document["campaign_ids"]),
            run=document["run"],
            plan=document.get("plan", 0),
            newest=document.get("newest", 0),
            has_booked=document.get("has_booked", False),
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "business_on": self.business_on.isoformat()}

    @property
    def folder(self) -> str:
        """Where the plan's working files lie, with its final slash."""
        return f"days/{self.platform_id}/{self.business_on.isoformat()}/{self.run}/{self.plan}/"


class DaySteps:
    """The steps, each of which may be done anywhere.

    Args:
        stores: what settling reads and writes.
        work: the bucket of working files.

    """

    def __init__(self, stores: SettlementStores, work: ObjectStore) -> None:
        self._stores = stores
        self._work = work

    def do(self, event: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Does a step.

        Args:
            event: `step` and `task`; `segment`, of a step that each has; what those said, as
                `segments`, of the step after.
            now: the time of the call.

        Returns:
            What the step returns. Where a newer bill has come, `next` is PLAN, or of a segment's
            step `moved` is true: a machine is told of it in its own data, for it does not pass
            errors on from one of many.

        Raises:
            ValueError: the event names no step.
            DayFault, StatementDrift, Busy: see the steps.

        """
        task = Task.from_document(event["task"])
        segments = event.get("segments", ())
        try:
            if not any(each["moved"] for each in segments):
                return self._done(Step(event["step"]), task, event, now)
        except BillsMoved:
            if "segment" in event:
                return {"moved": True}
        return _answer(task, Step.PLAN)

    def _done(
        self, step: Step, task: Task, event: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        match step:
            case Step.PLAN:
                answer = self.plan(task)
            case Step.MATCH:
                answer = {**self.match(task, event["segment"]), "moved": False}
            case Step.STATE:
                answer = self.state(task, [each["waits"] for each in event["segments"]], now)
            case Step.PUBLISH:
                answer = {**self.publish(task, event["segment"], now), "moved": False}
            case Step.FINISH:
                answer = self.finish(task, now)
            case _:
                raise ValueError(f"{step} is no step of a day")
        return answer

    def plan(self, task: Task) -> dict[str, Any]:
        """Fixes the bills, and the sets of files that are to be made.

        Returns:
            The task, with `segments` and `next`: MATCH.

        """
        day = self._day(task, planned=False)
        planned = replace(task, plan=task.plan + 1, newest=day.newest, has_booked=False)
        plans = DayAccount(day, planned.campaign_ids, self._stores).plans()
        self._put(planned, "plan.json", canonical([asdict(plan) for plan in plans]), _JSON)
        return _answer(planned, Step.MATCH)

    def match(self, task: Task, segment: int) -> dict[str, Any]:
        """Reads and matches a segment; its lines, sums and breaks become working files.

        Returns:
            `waits`: whether the segment must be matched when all have noted what is booked.

        Raises:
            BillsMoved: a newer bill has come.
            BillLost: an accepted bill is gone.
            Busy: throttled or lost beyond the SDK's retries.

        """
        day, plans = self._day(task), self._plans(task)
        with engine() as opened:
            share = DayShare(
                day,
                opened,
                objects=self._stores.objects,
                vouchers=self._stores.vouchers,
                segment=segment,
            )
            twice = share.load_bills(plans)
            with reading(
                day.platform_id,
                day.on,
                task.campaign_ids,
                ledger=self._stores.ledger,
                folder=opened.folder,
                segments=[segment],
            ) as read:
                parts: Iterable[Part] = read
                if twice:
                    parts = list(read)
                    if not task.has_booked:
                        share.note_booked(parts, twice)
                        booked = {str(version): share.tables.booked(version) for version in twice}
                        self._put(task, f"{segment}/booked.json", canonical(booked), _JSON)
                        return {"waits": True}
                    self._add_booked(task, share.tables)
                for part in parts:
                    share.match(part, plans)
            self._keep(task, segment, share, plans, day.version)
        return {"waits": False}

    def state(self, task: Task, waits: Sequence[bool], now: datetime) -> dict[str, Any]:
        """Adds the segments up, and makes the statements.

        Args:
            task: the day.
            waits: what each segment's match said.
            now: the time of the run.

        Returns:
            The task, with `next`: PUBLISH; MATCH, where segments wait for each other; PLAN, where
            the bill names a campaign that was not looked at.

        Raises:
            BillsMoved: a newer bill has come, or another run was first with another one.
            StatementDrift: the ledger does not give the stored statement again.
            WorkLost: see there.
            Busy: contention outlasted the retries.

        """
        day = self._day(task)
        if any(waits):
            return _answer(replace(task, has_booked=True), Step.MATCH)
        account = DayAccount(day, task.campaign_ids, self._stores)
        counted, concerned = self._all(task, account)
        others = [name for name in concerned if name not in task.campaign_ids]
        if others:
            return _answer(replace(task, campaign_ids=(*task.campaign_ids, *others)), Step.PLAN)
        for name in concerned:
            account.state(name, counted, now)
        return _answer(task, Step.PUBLISH)

    def publish(self, task: Task, segment: int, now: datetime) -> dict[str, Any]:
        """Publishes a segment's large files, and writes its share of the breaks.

        Returns:
            `breaks`: how many were opened, changed and closed now.

        Raises:
            BillsMoved: a newer bill has come.
            WorkLost, FileDrift: see there.
            Busy: other runs came in between on every try, or contention outlasted the retries.

        """
        day = self._day(task)
        ids = break_ids(segment, DAY_SEGMENTS)
        with engine() as opened:
            tables = DayTables(opened, day.platform_id, day.on)
            for other in SEGMENTS:
                self._add_breaks(task, other, segment, tables)
            changes = self._stores.breaks.sync(
                day.platform_id,
                day.on,
                tables.breaks(day.version),
                bill_version=day.version,
                newest=day.newest,
                now=now,
                ids=ids,
            )
            publisher = Publisher(day, self._stores.objects)
            large = self._share(task, segment).large
            for plan in self._plans(task):
                for entry in large.get((plan.campaign_id, plan.number), ()):
                    path = opened.folder / entry.name
                    self._fetch(task, _line_key(segment, plan, entry.name), path, entry.sha256)
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
        counted, concerned = self._all(task, account)
        shares = [self._share(task, segment) for segment in SEGMENTS]
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

    def _plans(self, task: Task) -> list[SetPlan]:
        return [SetPlan(**plan) for plan in json.loads(self._get(task, "plan.json"))]

    def _share(self, task: Task, segment: int) -> ShareFile:
        return ShareFile.from_bytes(self._get(task, f"{segment}/share.json"))

    def _all(self, task: Task, account: DayAccount) -> tuple[Counted, list[str]]:
        """What all segments come to, and the campaigns that it concerns."""
        counted, broken = Counted(), set[str]()
        for segment in SEGMENTS:
            share = self._share(task, segment)
            counted.add(share.counted)
            broken |= share.broken
        return counted, account.concerned(counted, broken)

    def _keep(
        self, task: Task, segment: int, share: DayShare, plans: Sequence[SetPlan], version: int
    ) -> None:
        """Puts all that a segment came to; `share.json` last."""
        tables, counted = share.tables, share.counted
        large: dict[tuple[str, int], tuple[FileEntry, ...]] = {}
        summaries: dict[tuple[str, int], BreakSummary] = {}
        for plan in plans:
            key = plan.campaign_id, plan.number
            summary = summaries[key] = BreakSummary.of(tables, plan)
            if key not in share.lines and not summary.shown:
                continue
            lines = share.lines_of(plan)
            settled = sum((s.net for s in counted.sums.get(plan.campaign_id, ())), NO_NET)
            difference_fen = sum(of.difference_fen for of in summary.sides.values())
            breaks = write_breaks(tables.folder / f"breaks-{segment}.csv", tables, plan)
            files = (lines.detail, lines.reconciliation, breaks)
            large[key] = (
                lines.detail.entry({"settled_fen": settled.fiscal_fen}),
                lines.reconciliation.entry({"difference_fen": difference_fen}),
                breaks.entry({}),
            )
            for file in files:
                self._put_file(task, _line_key(segment, plan, file.path.name), file.path)
        path = tables.folder / "breaks.rows"
        for number in SEGMENTS:
            tables.copy_breaks(path, break_ids(number, DAY_SEGMENTS))
            self._put_file(task, f"{segment}/breaks-{number}.rows", path)
        broken = frozenset(tables.broken_campaigns(version))
        data = ShareFile(counted, broken, large, summaries).to_bytes()
        self._put(task, f"{segment}/share.json", data, _JSON)

    def _add_booked(self, task: Task, tables: DayTables) -> None:
        for segment in SEGMENTS:
            for version, names in json.loads(self._get(task, f"{segment}/booked.json")).items():
                tables.add_booked(int(version), names)

    def _add_breaks(self, task: Task, segment: int, share: int, tables: DayTables) -> None:
        """Takes over a segment's breaks with ids of a share."""
        path = tables.folder / "breaks.rows"
        self._fetch(task, f"{segment}/breaks-{share}.rows", path)
        tables.add_breaks(path)

    def _put(self, task: Task, name: str, data: bytes, content_type: str) -> None:
        self._work.put(task.folder + name, data, content_type=content_type)

    def _put_file(self, task: Task, name: str, path: Path) -> None:
        """The same from disk, where the file is gone afterwards."""
        with path.open("rb") as file:
            self._work.put(task.folder + name, file, content_type=_BYTES)
        path.unlink()

    def _get(self, task: Task, name: str) -> bytes:
        stored = self._work.get(task.folder + name)
        if stored is None:
            raise WorkLost(f"{task.folder}{name} is gone")
        return stored.data

    def _fetch(self, task: Task, name: str, path: Path, sha256: str | None = None) -> None:
        stored = self._work.fetch(task.folder + name, path)
        if stored is None or (sha256 is not None and stored.sha256 != sha256):
            raise WorkLost(f"{task.folder}{name} is gone or altered")


def _line_key(segment: int, plan: SetPlan, name: str) -> str:
    return f"{segment}/{plan.campaign_id}-v{plan.number}/{name}"


def _answer(task: Task, then: Step) -> dict[str, Any]:
    return {**task.to_document(), "segments": list(SEGMENTS), "next": then.value}
