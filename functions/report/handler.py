"""The report function: asked by the clock once a day, it writes every report that is missing."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from functions.report.service import ReportService, ReportStores
from functions.shared.edge import clock, telemetry
from functions.shared.edge.settings import settings
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.vouchers import VoucherStore

TASK: Final = "report"


@cache
def _service() -> ReportService:
    database = Database(settings().table_prefix)
    stores = ReportStores(
        campaigns=CampaignStore(database),
        vouchers=VoucherStore(database),
        ledger=LedgerStore(database),
    )
    return ReportService(stores, ObjectStore(settings().files_bucket))


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _service.cache_clear()


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point; the answer lists what was published.

    The event's own time is not used: a call that comes late writes what is due by then.

    Raises:
        ValueError: the event asks for another task.
        ExceptionGroup: some campaigns have no report; the scheduler calls again.

    """
    if event.get("task") != TASK:
        raise ValueError("the event asks for no report")
    with telemetry.bind(function="report", request_id=getattr(context, "aws_request_id", None)):
        published = _service().report_due(clock.now())
        for report in published:
            telemetry.info(
                "report",
                campaign_id=report.campaign_id,
                business_on=report.business_on.isoformat(),
                outcome=report.outcome.value,
                prefix=report.prefix,
            )
        telemetry.metric("ReportsPublished", len(published))
    return {
        "reports": [
            {
                "campaign_id": report.campaign_id,
                "business_on": report.business_on.isoformat(),
                "prefix": report.prefix,
                "outcome": report.outcome.value,
            }
            for report in published
        ]
    }
