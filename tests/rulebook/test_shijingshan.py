"""Shijingshan's New Year dining vouchers, as published on 2025-12-28 (bjsjs.gov.cn), played.

    budget         3,000,000 yuan; dining only; real-name users located in Beijing
    vouchers       50−20, 100−40, 200−80, 300−120
    periods        2025-12-28 to 2026-01-11 and 2026-02-08 to 2026-03-08, rounds of seven days,
                   each opening at 10:00, first come, first served
    validity       the round's seven days; the money of what lapses goes to the next round
    limits         one of each face value per consumer and round; one voucher per order

What the published rules leave open is settled in campaigns/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.shared.domain.business_time import SHANGHAI
from functions.shared.domain.campaign import (
    Campaign,
    LimitScope,
    Rollover,
)
from functions.shared.domain.campaign_checks import check_campaign
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.edge import telemetry
from functions.shared.edge.campaign_document import CampaignDocument
from tests.support.books import require_books_close
from tests.support.calls import Bureau, Platform
from tests.support.deployment import Deployment, deployed
from tests.support.events import Reply, refused

PATH = Path(__file__).resolve().parents[2] / "campaigns" / "shijingshan-2026.json"
TEXT = PATH.read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = json.loads(TEXT)
CAMPAIGN: Campaign = campaign_from_document(DOCUMENT)
YUAN = 100
FACES = {"50-20": (50, 20), "100-40": (100, 40), "200-80": (200, 80), "300-120": (300, 120)}
PLATFORMS = ("unionpay", "meituan")
ROUND_1_OPENS = "2025-12-28T10:00:00+08:00"
ROUND_1_CLOSES = "2026-01-04T10:00:00+08:00"
every_face = pytest.mark.parametrize("face", FACES)


# The document


def test_the_document_has_the_shape_that_the_api_takes_and_no_fault() -> None:
    CampaignDocument.model_validate_json(TEXT)
    assert check_campaign(CAMPAIGN) == []


def test_the_document_says_what_was_published() -> None:
    assert CAMPAIGN.appropriated_fen == 3_000_000 * YUAN
    assert CAMPAIGN.scope.industries == ("dining",)
    assert CAMPAIGN.eligibility.real_name
    assert CAMPAIGN.eligibility.located_in == ("11",)
    amounts = {
        t.voucher_type_id: (t.benefit.threshold_fen, t.benefit.face_fen)
        for t in CAMPAIGN.voucher_types
    }
    assert amounts == {
        face: (threshold * YUAN, off * YUAN) for face, (threshold, off) in FACES.items()
    }
    assert [(limit.scope, limit.max_count) for limit in CAMPAIGN.limits] == [
        (LimitScope.VOUCHER_TYPE_PER_ROUND, 1)
    ]
    assert CAMPAIGN.rollover is Rollover.NEXT_ROUND


def test_rounds_are_seven_days_from_ten_in_the_morning_within_the_two_periods() -> None:
    opened = [r.opens_at.astimezone(SHANGHAI) for r in CAMPAIGN.rounds]
    assert [f"{at:%Y-%m-%d %H:%M}" for at in opened] == [
        "2025-12-28 10:00",
        "2026-01-04 10:00",
        "2026-02-08 10:00",
        "2026-02-15 10:00",
        "2026-02-22 10:00",
        "2026-03-01 10:00",
    ]
    assert {r.closes_at - r.opens_at for r in CAMPAIGN.rounds} == {timedelta(days=7)}


def test_a_round_has_300_vouchers_of_50_20_over_both_platforms() -> None:
    for in_round in CAMPAIGN.rounds:
        units = [a.units for a in in_round.stock if a.voucher_type_id == "50-20"]
        assert sum(units) == 300


# The campaign, played


@pytest.fixture(scope="module")
def _opened() -> Iterator[Deployment]:
    telemetry.silence()
    with deployed("2025-12-27T10:00:00+08:00") as deployment:
        bureau = Bureau(deployment)
        for platform_id in PLATFORMS:
            assert bureau.put_platform(platform_id).status == 201
        assert bureau.put_merchant("noodles", effective_on="2025-12-01").status == 201
        books = bureau.put_merchant("books", effective_on="2025-12-01", industry="retail")
        assert books.status == 201
        bureau.open(DOCUMENT)
        deployment.clock.move_to(ROUND_1_OPENS)
        deployment.keep()
        yield deployment
    telemetry.write_to(None)


@pytest.fixture
def deployment(_opened: Deployment) -> Iterator[Deployment]:
    """The campaign at the opening of its first round; in the end every fen is somewhere."""
    _opened.restore()
    yield _opened
    require_books_close(_opened)


@pytest.fixture
def unionpay(deployment: Deployment) -> Platform:
    return Platform(deployment, "unionpay")


@pytest.fixture
def meituan(deployment: Deployment) -> Platform:
    return Platform(deployment, "meituan")


def claim(
    platform: Platform, face: str, person: int = 0, in_round: str = "r1", /, **changes: object
) -> Reply:
    """A claim under a number of its own."""
    what: dict[str, object] = {
        "campaign_id": "shijingshan-2026",
        "round_id": in_round,
        "voucher_type_id": face,
    }
    return platform.claim(person, f"{person}|{face}|{in_round}", **(what | changes))


def claimed(platform: Platform, face: str, person: int = 0, in_round: str = "r1") -> str:
    reply = claim(platform, face, person, in_round)
    assert reply.status == 201, reply.text
    voucher_id: str = reply.body["voucher_id"]
    return voucher_id


def pay(platform: Platform, voucher_id: str, order_fen: int, order_no: str = "o-1") -> Reply:
    return platform.redeem(voucher_id, order_no, order_fen=order_fen)


def test_the_whole_budget_is_the_campaigns_and_no_pool_has_more_than_its_plan(
    deployment: Deployment,
) -> None:
    body = Bureau(deployment).get_campaign("shijingshan-2026").body
    planned_fen = sum(
        a.units * FACES[a.voucher_type_id][1] * YUAN for r in CAMPAIGN.rounds for a in r.stock
    )
    assert body["funds"]["appropriated_fen"] == 300_000_000
    assert body["funds"]["unallocated_fen"] == 300_000_000 - planned_fen


def test_a_consumer_may_hold_four_vouchers_in_a_round_one_of_each_face(
    unionpay: Platform, meituan: Platform
) -> None:
    for platform, face in zip([unionpay, meituan, unionpay, meituan], FACES, strict=True):
        assert claim(platform, face).status == 201


@every_face
@pytest.mark.parametrize("second", PLATFORMS)
def test_a_second_of_a_face_in_the_same_round_is_refused_on_either_platform(
    deployment: Deployment, unionpay: Platform, face: str, second: str
) -> None:
    claimed(unionpay, face)
    again = Platform(deployment, second)
    before = deployment.snapshot()
    document = refused(claim(again, face, request_no="another"), 409, "PERSON_LIMIT_REACHED")
    assert (document["limit"], document["used"]) == (1, 1)
    assert deployment.snapshot() == before


def test_in_the_next_round_it_is_not(deployment: Deployment, unionpay: Platform) -> None:
    first = claimed(unionpay, "50-20")
    deployment.clock.move_to(ROUND_1_CLOSES)
    second = claimed(unionpay, "50-20", in_round="r2")
    assert second != first
    assert unionpay.voucher(first).body["state"] == "EXPIRED"
    refused(pay(unionpay, first, 50 * YUAN), 409, "VOUCHER_EXPIRED")
    assert pay(unionpay, second, 50 * YUAN).status == 201


def test_an_order_takes_one_voucher(unionpay: Platform) -> None:
    first, second = claimed(unionpay, "50-20"), claimed(unionpay, "100-40")
    assert pay(unionpay, first, 150 * YUAN).status == 201
    refused(pay(unionpay, second, 150 * YUAN), 409, "ORDER_ALREADY_USED")
    assert pay(unionpay, second, 100 * YUAN, "o-2").status == 201


@every_face
def test_a_voucher_takes_its_face_off_from_its_very_threshold(
    unionpay: Platform, face: str
) -> None:
    threshold, off = FACES[face]
    voucher_id = claimed(unionpay, face)
    refused(pay(unionpay, voucher_id, threshold * YUAN - 1), 422, "BELOW_THRESHOLD")
    body = pay(unionpay, voucher_id, threshold * YUAN).body
    assert (body["voucher_fen"], body["paid_fen"]) == (off * YUAN, (threshold - off) * YUAN)
    assert body["voucher_parts"] == {
        "fiscal_fen": off * YUAN,
        "platform_fen": 0,
        "merchant_fen": 0,
    }


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"real_name": False}, "REAL_NAME"),
        ({"located_in": "120101"}, "LOCATION"),
        ({"located_in": None}, "LOCATION"),
    ],
)
def test_only_real_name_users_located_in_beijing_take_part(
    deployment: Deployment, unionpay: Platform, facts: dict[str, object], reason: str
) -> None:
    before = deployment.snapshot()
    document = refused(claim(unionpay, "50-20", **facts), 422, "NOT_ELIGIBLE")
    assert document["reason"] == reason
    assert deployment.snapshot() == before


@pytest.mark.parametrize("located_in", ["11", "110101", "110107", "110119"])
def test_every_district_of_beijing_does(unionpay: Platform, located_in: str) -> None:
    assert claim(unionpay, "50-20", located_in=located_in).status == 201


def test_vouchers_are_for_dining_only(unionpay: Platform) -> None:
    voucher_id = claimed(unionpay, "50-20")
    reply = unionpay.redeem(voucher_id, merchant_id="books")
    refused(reply, 422, "MERCHANT_NOT_IN_CAMPAIGN")


def test_a_round_opens_at_ten_sharp(deployment: Deployment, unionpay: Platform) -> None:
    deployment.clock.move_to("2025-12-28T09:59:59.999+08:00")
    document = refused(claim(unionpay, "50-20"), 409, "ROUND_NOT_OPEN")
    assert datetime.fromisoformat(document["opens_at"]) == datetime.fromisoformat(ROUND_1_OPENS)
    deployment.clock.move_to(ROUND_1_OPENS)
    assert claim(unionpay, "50-20").status == 201


def test_between_the_two_periods_no_round_is_open(
    deployment: Deployment, unionpay: Platform
) -> None:
    deployment.clock.move_to("2026-01-25T12:00:00+08:00")
    refused(claim(unionpay, "50-20", 0, "r2"), 409, "ROUND_CLOSED")
    refused(claim(unionpay, "50-20", 0, "r3"), 409, "ROUND_NOT_OPEN")


def test_a_voucher_is_good_to_the_last_moment_of_its_seven_days(
    deployment: Deployment, unionpay: Platform
) -> None:
    early, late = claimed(unionpay, "50-20"), claimed(unionpay, "50-20", 1)
    deployment.clock.move_to("2026-01-04T09:59:59.999+08:00")
    assert pay(unionpay, early, 50 * YUAN, "o-1").status == 201
    deployment.clock.move_to(ROUND_1_CLOSES)
    refused(pay(unionpay, late, 50 * YUAN, "o-2"), 409, "VOUCHER_EXPIRED")


def test_the_eighth_of_300_120_is_the_last_of_a_platform_in_a_round(
    unionpay: Platform, meituan: Platform
) -> None:
    for person in range(8):
        claimed(unionpay, "300-120", person)
    refused(claim(unionpay, "300-120", 8), 409, "SOLD_OUT")
    assert claim(meituan, "300-120", 8).status == 201


def test_a_refunded_voucher_comes_back_and_counts_all_the_same(unionpay: Platform) -> None:
    """Derived: the limit is on taking vouchers, so a refund gives no right to a second one."""
    voucher_id = claimed(unionpay, "50-20")
    redemption_id = pay(unionpay, voucher_id, 60 * YUAN).body["redemption_id"]
    assert unionpay.refund(redemption_id, 60 * YUAN).body["voucher_state"] == "ISSUED"
    refused(claim(unionpay, "50-20", request_no="another"), 409, "PERSON_LIMIT_REACHED")
    assert pay(unionpay, voucher_id, 50 * YUAN, "o-2").status == 201


def test_a_part_refund_goes_back_in_proportion(unionpay: Platform) -> None:
    """Derived: of 300 yuan with 120 off, half refunded: 60 to the budget, 90 to the consumer."""
    voucher_id = claimed(unionpay, "300-120")
    redemption_id = pay(unionpay, voucher_id, 300 * YUAN).body["redemption_id"]
    body = unionpay.refund(redemption_id, 150 * YUAN).body
    assert (body["voucher_parts"]["fiscal_fen"], body["paid_fen"]) == (60 * YUAN, 90 * YUAN)
    assert body["voucher_state"] == "REDEEMED"


def test_a_refund_after_the_round_gives_no_voucher_back(
    deployment: Deployment, unionpay: Platform
) -> None:
    """Derived: its money lapses, and is on its way to the next round."""
    voucher_id = claimed(unionpay, "100-40")
    redemption_id = pay(unionpay, voucher_id, 100 * YUAN).body["redemption_id"]
    deployment.clock.move_to(ROUND_1_CLOSES)
    assert unionpay.refund(redemption_id, 100 * YUAN).body["voucher_state"] == "EXPIRED"
    shards = deployment.items("stock")
    assert sum(int(shard["lapsed_fen"]["N"]) for shard in shards) == 40 * YUAN


def test_a_consumer_uses_all_four_in_one_day_at_one_table_by_four_orders(
    unionpay: Platform,
) -> None:
    """Derived: no limit per merchant or day was published."""
    for face, (threshold, _) in FACES.items():
        assert pay(unionpay, claimed(unionpay, face), threshold * YUAN, f"o-{face}").status == 201


def test_a_consumer_may_take_at_most_24_vouchers_in_all(
    deployment: Deployment, unionpay: Platform
) -> None:
    """Derived: four faces in each of six rounds, and not one more."""
    taken = 0
    for in_round in CAMPAIGN.rounds:
        deployment.clock.now = in_round.opens_at
        for face in FACES:
            claimed(unionpay, face, in_round=in_round.round_id)
            taken += 1
            again = claim(unionpay, face, 0, in_round.round_id, request_no=f"again-{taken}")
            refused(again, 409, "PERSON_LIMIT_REACHED")
    assert taken == 24
