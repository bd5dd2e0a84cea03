"""News of committed changes: told once by the streams, again on request, and never lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import Enum
from types import SimpleNamespace
from typing import Any, Self

import pytest
from botocore.exceptions import ReadTimeoutError

import functions.publish.handler as publish
from functions.publish.service import NewsNotTaken
from functions.shared.domain.business_time import SHANGHAI
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge import telemetry
from functions.shared.store.changes import news_of
from functions.shared.store.tables import LedgerItem, PersonItem, VoucherItem
from infra.local.clock import LocalClock
from infra.local.demo.documents import rebased, shijingshan
from infra.local.people import make_people
from infra.local.serve import CLAIMED, SEED, seed
from infra.local.stack import LocalStack

OPENED = datetime(2026, 1, 5, 0, 0, tzinfo=SHANGHAI)
DAY = date(2026, 1, 5)
CAMPAIGN = "shijingshan-2026"


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A day of the seeded campaign, of which nothing is told yet."""
    telemetry.silence()
    with LocalStack(LocalClock(OPENED)) as stack:
        seed(stack, rebased(shijingshan(), opens_at=OPENED + timedelta(hours=10)))
        yield stack
    telemetry.write_to(None)


@pytest.fixture(scope="module")
def told(stack: LocalStack) -> list[dict[str, Any]]:
    """All that is told of the day."""
    news = stack.news()
    assert stack.news() == []
    return news


def by_id(news: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {event["id"]: event for event in news}
    assert len(found) == len(news)
    return found


def test_every_committed_change_is_told_once(told: list[dict[str, Any]]) -> None:
    expected = {
        f"{voucher.voucher_id}.{number}"
        for voucher in VoucherItem.scan()
        for number in range(len(voucher.timeline))
    }
    expected |= {f"{entry.redemption_id}.redeem" for entry in LedgerItem.scan()}
    found = by_id(told)
    assert {name for name in found if name[:2] in ("v_", "r_")} == expected
    kinds = Counter(event["type"] for event in told)
    assert kinds["huimin.voucher.claimed"] == CLAIMED
    assert kinds["huimin.voucher.redeemed"] == kinds["huimin.ledger.redeemed"] > 0
    assert kinds["huimin.settlement.made"] == 2


def test_news_has_the_shape_of_a_cloud_event_and_says_whom_it_is_about(
    told: list[dict[str, Any]],
) -> None:
    for event in told:
        assert event["specversion"] == "1.0"
        assert event["source"] == "/huimin/huimin"
        assert event["datacontenttype"] == "application/json"
        assert datetime.fromisoformat(event["time"]).tzinfo is not None
        assert event["replayed"] is False
        assert event["data"]["platform_id"] in ("unionpay", "meituan")
    redeemed = next(e for e in told if e["type"] == "huimin.ledger.redeemed")
    facts = redeemed["data"]
    assert redeemed["subject"] == facts["redemption_id"]
    assert facts["order_fen"] == facts["voucher_fen"] + facts["paid_fen"] > 0
    assert facts["fiscal_part_fen"] == facts["voucher_fen"] == 2_000


def test_news_names_no_person(told: list[dict[str, Any]]) -> None:
    text = json.dumps(told)
    refs = {person.person_key.split("#")[1] for person in PersonItem.scan()}
    numbers = {person.identity_number for person in make_people(CLAIMED, seed=SEED)}
    assert len(refs) == CLAIMED
    assert not [secret for secret in refs | numbers if secret in text]


@pytest.mark.usefixtures("told")
def test_a_refund_and_an_expiry_reach_the_platform(stack: LocalStack) -> None:
    client = stack.client(stack.keys.platforms["unionpay"])
    entry = next(e for e in LedgerItem.scan() if e.platform_id == "unionpay")
    refunded = client.request(
        "POST",
        f"/v1/redemptions/{entry.redemption_id}/refunds",
        json={"refund_no": "f-1", "refund_fen": 100},
    )
    assert refunded.status == 201
    news = by_id(stack.news())
    entry_event = news[f"{entry.redemption_id}.refund.f-1"]
    assert entry_event["type"] == "huimin.ledger.refunded"
    assert entry_event["data"]["refund_fen"] == 100
    assert entry_event["data"]["voucher_state"] == "REDEEMED"
    [voucher_event] = [e for e in news.values() if e["subject"] == entry.voucher_id]
    assert voucher_event["type"] == "huimin.voucher.refunded"
    assert voucher_event["data"]["reference"] == "f-1"
    # The round is over: what nobody used has ended, and the sweep says so.
    stack.clock.move_to(OPENED + timedelta(days=9))
    stack.tick()
    ended = Counter(e["type"] for e in stack.news())
    assert ended["huimin.voucher.expired"] > 0


def test_a_day_told_again_is_the_same_but_for_the_mark(
    stack: LocalStack, told: list[dict[str, Any]]
) -> None:
    """From the tables, whatever happened since: the stream has long forgotten."""
    stack.news()
    asked = {"task": "replay", "campaign_id": CAMPAIGN, "on": DAY.isoformat()}
    for _ in range(2):
        answer = publish.handle(asked, None)
        again = stack.news()
        assert answer == {"published": len(again)}
        first = {
            event["id"]: {**event, "replayed": True}
            for event in told
            if datetime.fromisoformat(event["time"]).astimezone(SHANGHAI).date() == DAY
        }
        assert by_id(again) == first


@pytest.mark.usefixtures("stack")
def test_a_replay_of_no_campaign_is_refused() -> None:
    with pytest.raises(HuiminError) as refused:
        publish.handle({"task": "replay", "campaign_id": "none", "on": "2026-01-05"}, None)
    assert refused.value.code is Code.NOT_FOUND


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("event", [{}, {"task": "tell"}, {"task": "replay", "on": "2026-01-05"}])
def test_what_is_neither_a_batch_nor_a_replay_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="neither a stream's batch nor a replay"):
        publish.handle(event, None)


def test_a_record_of_another_table_is_a_fault_of_the_deployment() -> None:
    record = {
        "eventSourceARN": "arn:aws-cn:dynamodb:cn-north-1:1:table/huimin-people/stream/x",
        "dynamodb": {"NewImage": {"person_key": {"S": "x"}}},
    }
    with pytest.raises(ValueError, match="nothing of the table people is told"):
        news_of(record, "huimin-")
    assert news_of({**record, "dynamodb": {"OldImage": {}}}, "huimin-") == ()


# Failures of the bus


class Fault(Enum):
    """What becomes of one call of PutEvents."""

    NONE = "it goes through"
    THROTTLED = "it is refused whole"
    THIRD_REFUSED = "its third entry is refused"
    LOST = "it is done, and its answer is lost"


class Faults:
    """Does that to the calls of PutEvents, in turn; later calls go through."""

    def __init__(self, *faults: Fault) -> None:
        self._left = list(faults)
        self._now = Fault.NONE
        self._events = publish._publisher()._bus.client.meta.events

    def __enter__(self) -> Self:
        self._events.register("before-call.events.PutEvents", self._before)
        self._events.register("after-call.events.PutEvents", self._after)
        return self

    def __exit__(self, *_: object) -> None:
        self._events.unregister("before-call.events.PutEvents", self._before)
        self._events.unregister("after-call.events.PutEvents", self._after)
        assert not self._left, "a fault was not met"

    def _before(self, params: dict[str, Any], **_: object) -> object:
        self._now = self._left.pop(0) if self._left else Fault.NONE
        if self._now is Fault.THROTTLED:
            return SimpleNamespace(status_code=400), {
                "Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"},
                "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {}},
            }
        if self._now is Fault.THIRD_REFUSED:
            body = json.loads(params["body"])
            # The bus itself refuses an entry without it, and takes the others.
            body["Entries"][2]["DetailType"] = ""
            params["body"] = json.dumps(body).encode()
        return None

    def _after(self, **_: object) -> None:
        if self._now is Fault.LOST:
            raise ReadTimeoutError(endpoint_url="scripted")


@pytest.fixture(scope="module")
def records(stack: LocalStack) -> list[dict[str, Any]]:
    """The records of some claims of round 2, each of which is one piece of news."""
    stack.clock.move_to(OPENED + timedelta(days=9))
    stack.news()
    client = stack.client(stack.keys.platforms["meituan"])
    for number, person in enumerate(make_people(24, seed=SEED + 1)):
        body = {
            "request_no": f"news-{number}",
            "campaign_id": CAMPAIGN,
            "round_id": "r2",
            "voucher_type_id": "50-20",
            "person": {"identity_number": person.identity_number},
            "real_name": True,
            "located_in": "110107",
        }
        assert client.request("POST", "/v1/claims", json=body).status == 201
    found = stack.engine.take_changes()
    assert len(found) == 24
    return found


def delivered(records: list[dict[str, Any]], *faults: Fault) -> int:
    """Delivers the batch as Lambda does, from where it failed, until it is done; how often."""
    left, times = records, 0
    with Faults(*faults):
        while left:
            times += 1
            failed = publish.handle({"Records": left}, None)["batchItemFailures"]
            if not failed:
                break
            numbers = [record["dynamodb"]["SequenceNumber"] for record in left]
            left = left[numbers.index(failed[0]["itemIdentifier"]) :]
    return times


NONE, THROTTLED, THIRD_REFUSED, LOST = Fault
# Twenty-four pieces of news are three calls.
CASES: dict[str, tuple[list[Fault], int]] = {
    "nothing": ([], 1),
    "throttled at the first call": ([THROTTLED], 2),
    "throttled at the second call": ([NONE, THROTTLED], 2),
    "throttled at the last call, and again": ([NONE, NONE, THROTTLED, THROTTLED], 3),
    "every answer lost": ([LOST, LOST, LOST], 2),
    "an entry refused": ([NONE, THIRD_REFUSED], 2),
    "an entry refused, and another": ([THIRD_REFUSED, NONE, NONE, THIRD_REFUSED], 3),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bus_that_fails_delays_news_and_loses_none(
    stack: LocalStack, records: list[dict[str, Any]], name: str
) -> None:
    faults, times = CASES[name]
    assert delivered(records, *faults) == times
    heard = [event["id"] for event in stack.engine.take_news()]
    wanted = [f"{each['dynamodb']['Keys']['voucher_id']['S']}.0" for each in records]
    assert set(heard) == set(wanted)
    # Whatever is told twice is told in its order again: an item's last word is its newest.
    last = {event_id: place for place, event_id in enumerate(heard)}
    assert sorted(wanted, key=last.__getitem__) == wanted


def test_a_replay_that_the_bus_does_not_take_is_told_and_can_be_asked_for_again(
    stack: LocalStack,
) -> None:
    stack.news()
    asked = {"task": "replay", "campaign_id": CAMPAIGN, "on": DAY.isoformat()}
    with Faults(NONE, THIRD_REFUSED), pytest.raises(NewsNotTaken):
        publish.handle(asked, None)
    stack.news()
    assert publish.handle(asked, None)["published"] == len(stack.news()) > 0
