"""The day function: one step of a day that is too large for one function; see `day_steps`."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.reconcile.day import SettlementStores
from functions.reconcile.day_steps import DaySteps
from functions.shared.edge import clock, telemetry
from functions.shared.edge.settings import settings
from functions.shared.store.connection import Database
from functions.shared.store.objects import ObjectStore


@cache
def _steps() -> DaySteps:
    stores = SettlementStores.of(
        Database(settings().table_prefix), ObjectStore(settings().files_bucket)
    )
    return DaySteps(stores, ObjectStore(settings().work_bucket))


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
        done = _steps().do(event, clock.now())
        task = event["task"]
        telemetry.info(
            "step",
            step=event["step"],
            segment=event.get("segment"),
            platform_id=task["platform_id"],
            business_on=task["business_on"],
            run=task["run"],
            answer=done,
        )
        return done
