"""A large day, or bill, done step by step in the machine's order; `tests/e2e` has the machine.

play          all steps of one execution of a day
play_bill     all steps of one execution of a bill
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from functions.reconcile.bill_steps import BillSteps, BillTask
from functions.reconcile.bills import Intake
from functions.reconcile.day_plan import Step
from functions.reconcile.day_steps import DaySteps
from functions.reconcile.day_task import Task
from tests.support.settling import Books

Watch = Callable[[Step, int | None], None]

SHARE_ROWS = 500_000


def task_of(
    platform_id: str, on: date, campaign_ids: Sequence[str], *, run: str = "run-1"
) -> dict[str, Any]:
    """What an execution begins with."""
    return Task(platform_id, on, tuple(campaign_ids), run).to_document()


def play(
    books: Books,
    task: Mapping[str, Any],
    now: datetime,
    *,
    before: Watch | None = None,
    share_rows: int = SHARE_ROWS,
    chunk_bytes: int = 700,
) -> list[str]:
    """Does the steps one after the other; which they were.

    Args:
        books: whose day.
        task: see `task_of`.
        now: the time of all steps.
        before: is told of each step, and of which piece or share by its place, before it is done.
        share_rows: how many rows of either side a share has, where that can be.
        chunk_bytes: how many bytes of a bill are read at once; some rows.

    """
    steps = DaySteps(books.stores, books.work, share_rows=share_rows, chunk_bytes=chunk_bytes)
    done: list[str] = []
    document: Any = task

    def do(step: Step, place: int | None = None, **more: object) -> dict[str, Any]:
        if before is not None:
            before(step, place)
        if not place:
            done.append(step.value)
        return steps.do({"step": step.value, "task": document, **more}, now)

    def each(step: Step, name: str) -> list[dict[str, Any]]:
        return [do(step, place, **{name: one}) for place, one in enumerate(document[f"{name}s"])]

    while True:
        document = do(Step.PLAN)
        document = do(Step.DEAL, answers=each(Step.SPLIT, "piece"))
        while document["next"] == Step.MATCH:
            document = do(Step.STATE, answers=each(Step.MATCH, "share"))
        if document["next"] == Step.PLAN:
            continue
        document = do(Step.FINISH, answers=each(Step.PUBLISH, "share"))
        if document["next"] != Step.PLAN:
            return done


def play_bill(
    books: Books,
    task: BillTask,
    *,
    before: Watch | None = None,
    share_rows: int = SHARE_ROWS,
) -> Intake:
    """Does the steps of taking a bill in one after the other; how it ended.

    Args:
        books: whose.
        task: the bill.
        before: see `play`.
        share_rows: see `play`.

    """
    steps = BillSteps(books.intake_stores, books.work, share_rows=share_rows)
    document: Any = task.to_document()

    def do(step: Step, place: int | None = None, **more: object) -> dict[str, Any]:
        if before is not None:
            before(step, place)
        return steps.do({"step": step.value, "task": document, **more})

    for place, piece in enumerate(document["pieces"]):
        do(Step.SPLIT, place, piece=piece)
    document = do(Step.DEAL)
    assert document["next"] == Step.CHECK
    for share in document["shares"]:
        do(Step.CHECK, share, share=share)
    if before is not None:
        before(Step.RECORD, None)
    return steps.record(BillTask.from_document(document))
