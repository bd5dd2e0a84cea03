"""What platforms hear of money: bills that were accepted, payouts, and what was paid of them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import functions.publish.handler as publish
from functions.shared.domain.business_time import SHANGHAI
from functions.shared.edge import telemetry
from infra.local.clock import LocalClock
from infra.local.stack import LocalStack
from tests.audit.season import CAMPAIGN, Season

BEFORE = datetime(2026, 1, 4, 9, 0, tzinfo=SHANGHAI)


def test_platforms_hear_of_accepted_bills_and_of_what_they_are_paid() -> None:
    telemetry.silence()
    with LocalStack(LocalClock(BEFORE)) as stack:
        season = Season(stack)
        season.play()
        season.play_late()
        news = {event["id"]: event for event in stack.news()}
        kinds = Counter(event["type"] for event in news.values())
        assert kinds["huimin.ledger.adjusted"] == 4
        assert kinds["huimin.payout.drawn"] == kinds["huimin.payout.paid"] == 2
        [drawn, _] = [e for e in news.values() if e["type"] == "huimin.payout.drawn"]
        platform_id = drawn["data"]["platform_id"]
        [paid] = [
            event
            for event in news.values()
            if event["type"] == "huimin.payout.paid" and event["data"]["platform_id"] == platform_id
        ]
        assert paid["data"]["paid_fen"] == drawn["data"]["payable_fen"] > 0
        assert (paid["data"]["state"], paid["data"]["number"]) == ("PAID", 1)
        told_again = [e for e in news.values() if e["type"].startswith(("huimin.l", "huimin.p"))]
        for on in {
            datetime.fromisoformat(e["time"]).astimezone(SHANGHAI).date() for e in told_again
        }:
            publish.handle({"task": "replay", "campaign_id": CAMPAIGN, "on": on.isoformat()}, None)
        again = {event["id"]: event for event in stack.news()}
        for event in told_again:
            assert again[event["id"]] == {**event, "replayed": True}
    telemetry.write_to(None)
