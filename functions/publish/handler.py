"""The publish function: called with each batch of the tables' streams, and to tell a day again."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from functions.publish.service import NewsStores, Publisher
from functions.shared.edge import telemetry
from functions.shared.edge.settings import settings
from functions.shared.store.connection import Database
from functions.shared.store.event_bus import EventBus


@cache
def _publisher() -> Publisher:
    prefix = settings().table_prefix
    database = Database(prefix)
    return Publisher(
        EventBus(settings().event_bus, source=f"/huimin/{prefix.removesuffix('-')}"),
        NewsStores.of(database),
        prefix,
    )


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _publisher.cache_clear()


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point, for a stream's batch and for `{"task": "replay", …}`.

    A batch answers from where it must be delivered again, in the words of ReportBatchItemFailures;
    a replay answers how many pieces of news were published.

    Raises:
        ValueError: the event asks for something else.
        NewsNotTaken, HuiminError: see `Publisher.replay`.

    """
    with telemetry.bind(function="publish", request_id=getattr(context, "aws_request_id", None)):
        match event:
            case {"Records": list(records)}:
                published = _publisher().publish_changes(records)
                if published.failed_from is None:
                    return {"batchItemFailures": []}
                # Lambda begins again here; the age of the oldest record is what the alarm watches.
                telemetry.info("not taken", count=published.count)
                return {"batchItemFailures": [{"itemIdentifier": published.failed_from}]}
            case {"task": "replay", "campaign_id": str(campaign_id), "on": str(on)}:
                count = _publisher().replay(campaign_id, date.fromisoformat(on))
                telemetry.info("replayed", campaign_id=campaign_id, count=count)
                return {"published": count}
            case _:
                raise ValueError("the event is neither a stream's batch nor a replay")
