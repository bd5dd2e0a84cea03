"""The day function: one step of a day, or of a bill, that is too large for one function.

See `functions.reconcile.day_steps` and `functions.reconcile.bill_steps`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.reconcile.bill_steps import BillSteps
from functions.reconcile.bills import IntakeStores
from functions.reconcile.day import SettlementStores
from functions.reconcile.day_plan import Step
from functions.reconcile.day_steps import DaySteps
from functions.shared.edge import clock, telemetry
from functions.shared.edge.settings import settings
from functions.shared.store.connection import Database
from functions.shared.store.objects import ObjectStore


@cache
def _steps() -> tuple[BillSteps, DaySteps]:
    database = Database(settings().table_prefix)
    objects, work = ObjectStore(settings().files_bucket), ObjectStore(settings().work_bucket)
    return (
        BillSteps(IntakeStores.of(database, objects), work),
        DaySteps(SettlementStores.of(database, objects), work),
    )


def forget() -> None:
    """Compose anew at the next call; for tests."""
    _steps.cache_clear()


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point, for the state machine.

    Raises:
        ValueError: the event asks for no step.
        Busy: the step may be done again.
        DayFault, StatementDrift: somebody must look; the execution fails.

    """
    with telemetry.bind(function="day", request_id=getattr(context, "aws_request_id", None)):
        step, task = Step(event["step"]), event["task"]
        bills, days = _steps()
        if "object_key" in task:
            answer = bills.do(event)
            if step is Step.RECORD and not answer["accepted"]:
                # The bureau hears of it by the alarm on this metric, the platform by its report.
                telemetry.metric("BillsQuarantined", 1)
        else:
            answer = days.do(event, clock.now())
        telemetry.info(
            "step",
            step=step.value,
            piece=event.get("piece"),
            share=event.get("share"),
            run=task["run"],
            next=answer.get("next"),
        )
        return answer
