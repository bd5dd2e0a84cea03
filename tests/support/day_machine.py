"""A day done step by step, in the order of the state machine; `tests/e2e` has the machine itself.

play    all steps of one execution
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from functions.reconcile.day_plan import Step
from functions.reconcile.day_steps import DaySteps, Task
from tests.support.settling import Books

Watch = Callable[[Step, int | None], None]


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
) -> list[str]:
    """Does the steps one after the other; which they were.

    Args:
        books: whose day.
        task: see `task_of`.
        now: the time of all steps.
        before: is told of each step, and of which segment, before it is done.

    """
    steps = DaySteps(books.stores, books.work)
    done: list[str] = []

    def do(step: Step, segment: int | None = None, **more: object) -> dict[str, Any]:
        if before is not None:
            before(step, segment)
        if segment is not None:
            more["segment"] = segment
        if not segment:
            done.append(step.value)
        return steps.do({"step": step.value, "task": document, **more}, now)

    document: Any = task
    while True:
        document = do(Step.PLAN)
        while document["next"] == Step.MATCH:
            matched = [do(Step.MATCH, segment) for segment in document["segments"]]
            document = do(Step.STATE, segments=matched)
        if document["next"] == Step.PLAN:
            continue
        published = [do(Step.PUBLISH, segment) for segment in document["segments"]]
        document = do(Step.FINISH, segments=published)
        if document["next"] != Step.PLAN:
            return done
