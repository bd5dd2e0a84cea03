"""The reconcile function: asked by the clock, and by each bill that arrives."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.reconcile.bills import IntakeStores
from functions.reconcile.day import SettlementStores
from functions.reconcile.large_days import LargeDays
from functions.reconcile.service import BILL_STEP, Reconciler, Step
from functions.reconcile.stores import MoneyStores
from functions.shared.edge import clock, telemetry
from functions.shared.edge.settings import settings
from functions.shared.store.connection import Database
from functions.shared.store.executions import ExecutionStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.signing import Signer


@cache
def _reconciler() -> Reconciler:
    database = Database(settings().table_prefix)
    objects = ObjectStore(settings().files_bucket)
    return Reconciler(
        MoneyStores.of(database, objects, Signer(settings().signing_key)),
        SettlementStores.of(database, objects),
        IntakeStores.of(database, objects),
        large=_large_days(),
        tell=_tell,
        tell_drift=_tell_drift,
    )


def _large_days() -> LargeDays | None:
    found = settings()
    if not found.day_machine:
        return None
    return LargeDays(
        ExecutionStore(found.day_machine), most=found.day_rows, most_bytes=found.day_bytes
    )


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _reconciler.cache_clear()


def handle(event: dict[str, Any], context: object) -> None:
    """The Lambda entry point, for the schedule's event and for EventBridge's of an S3 object.

    The event's own time is not used: a call that comes late does what is due by then.

    Raises:
        ValueError: the event asks for something else.
        ExceptionGroup: some of the work failed; the caller's retry goes on with it.

    """
    with telemetry.bind(function="reconcile", request_id=getattr(context, "aws_request_id", None)):
        match event:
            case {"task": "tick"}:
                _reconciler().tick(clock.now())
            case {
                "detail-type": "Object Created",
                "detail": {"object": {"key": str(key)} as found},
            }:
                _reconciler().bill_arrived(key, found.get("version-id"), clock.now())
            case _:
                raise ValueError("the event is neither a tick nor an object's arrival")


def _tell(step: Step) -> None:
    telemetry.info(step.name, campaign_id=step.campaign_id, **step.facts)
    if step.name == BILL_STEP and not step.facts["accepted"]:
        # The bureau hears of it by the alarm on this metric, the platform by its report.
        telemetry.metric("BillsQuarantined", 1)


def _tell_drift(drift_fen: int) -> None:
    telemetry.metric("InvariantDriftFen", drift_fen)
