"""POST /v1/earnings and its refunds: an order earns a voucher once, and loses it unused."""

from __future__ import annotations

from typing import Any

import pytest

import functions.earn.handler
from functions.earn.service import TRIES as EARN_TRIES
from infra.local.people import make_person
from tests.handlers.refusals import require_refused
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import (
    BEFORE,
    CLOSE_1,
    CLOSE_2,
    EARNING_ID,
    REDUCTION,
    ROUND_1,
    TICKET,
    earning_document,
)
from tests.support.deployment import Deployment
from tests.support.events import refused
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, scripted

MINE = {"campaign_id": EARNING_ID, "voucher_type_id": TICKET}


@pytest.fixture(autouse=True)
def _running(bureau: Bureau) -> None:
    bureau.open(earning_document())


def state(platform: Platform, voucher_id: str) -> tuple[str, str]:
    """The voucher's state, and the last line of its timeline."""
    body = platform.voucher(voucher_id).body
    return body["state"], body["timeline"][-1]["event"]


def ticket_redeemed(platform: Platform, order_no: str = "p-1", /, **changes: object) -> str:
    """A redemption of a ticket of 30 yuan, of the person who earns, for an order of 80 yuan."""
    voucher_id = platform.claimed(0, f"q-{order_no}", **MINE)
    return platform.redeemed(voucher_id, order_no, **changes)


def test_an_order_of_enough_earns_a_voucher_that_can_be_used(unionpay: Platform) -> None:
    reply = unionpay.earn()
    assert (reply.status, reply.replayed) == (201, False)
    voucher_id = reply.body["voucher_id"]
    assert reply.body == {
        "voucher_id": voucher_id,
        "order_no": "p-1",
        "campaign_id": EARNING_ID,
        "round_id": ROUND_1,
        "voucher_type_id": REDUCTION,
        "state": "ISSUED",
        "issued_at": "2026-01-05T02:30:00.000Z",
        "valid_from": "2026-01-05T02:30:00.000Z",
        "valid_until": "2026-01-12T02:00:00.000Z",
        "terms": {
            "kind": "INSTANT_REDUCTION",
            "face_fen": 2_000,
            "percent_off_bp": None,
            "cap_fen": None,
            "threshold_fen": 5_000,
            "threshold_base": "ORDER",
        },
    }
    earning = unionpay.earning(voucher_id)
    assert earning.status == 200
    voucher = earning.body["voucher"]
    assert earning.body == {
        "voucher": voucher,
        "order_no": "p-1",
        "merchant_id": "noodles",
        "earned_at": "2026-01-05T02:30:00.000Z",
        "redemption_id": None,
        "refunds": [],
    }
    assert [(e["event"], e["reference"]) for e in voucher["timeline"]] == [("EARNED", "p-1")]
    assert unionpay.redeem(voucher_id, "o-2").status == 201


def test_the_threshold_counts_what_the_campaign_names(unionpay: Platform) -> None:
    """60 yuan after the merchant's discount; the platform's own does not count against it."""
    just = unionpay.earn(0, "p-1", merchant_discount_fen=2_000, platform_discount_fen=1_000)
    assert just.status == 201
    less = unionpay.earn(1, "p-2", merchant_discount_fen=2_001)
    document = refused(less, 422, "BELOW_THRESHOLD")
    assert (document["base_fen"], document["threshold_fen"]) == (5_999, 6_000)


def test_an_order_earns_once_and_is_answered_again_whatever_became_of_the_voucher(
    deployment: Deployment, unionpay: Platform
) -> None:
    first = unionpay.earn()
    unionpay.redeemed(first.body["voucher_id"], "o-2")
    unionpay.refund_order(first.body["voucher_id"], 8_000)
    deployment.clock.move_to(CLOSE_2)
    again = unionpay.earn()
    assert (again.status, again.replayed, again.body) == (200, True, first.body)
    assert len(deployment.items("earnings")) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"order_fen": 9_000},
        {"merchant_id": "dumplings"},
        {"person": {"identity_number": make_person(3).identity_number}},
        {"voucher_type_id": TICKET},
        {"real_name": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_same_order_with_other_content_is_refused(
    deployment: Deployment, unionpay: Platform, changes: dict[str, Any]
) -> None:
    unionpay.earned()
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).earn(0, "p-1", **changes),
        422,
        "KEY_REUSED",
        {"number": "p-1"},
    )


REFUSALS: list[tuple[str, dict[str, Any], int, str, dict[str, Any]]] = [
    ("unknown campaign", {"campaign_id": "none"}, 404, "NOT_FOUND", {}),
    ("unknown round", {"round_id": "r9"}, 404, "NOT_FOUND", {}),
    ("no stock in the round", {"round_id": "r2"}, 409, "ROUND_NOT_OPEN",
     {"opens_at": "2026-01-12T02:00:00.000Z"}),
    ("what is claimed", {"voucher_type_id": TICKET}, 409, "NOT_DISTRIBUTED_SO",
     {"voucher_type_id": TICKET, "distribution": "FIRST_COME"}),
    ("unknown merchant", {"merchant_id": "nobody"}, 422, "MERCHANT_NOT_IN_CAMPAIGN",
     {"merchant_id": "nobody"}),
    ("another industry", {"merchant_id": "books"}, 422, "MERCHANT_NOT_IN_CAMPAIGN",
     {"merchant_id": "books"}),
    ("too little", {"order_fen": 5_999}, 422, "BELOW_THRESHOLD",
     {"base_fen": 5_999, "threshold_fen": 6_000, "threshold_base": "AFTER_MERCHANT"}),
    ("nothing to pay", {"platform_discount_fen": 8_000}, 422, "ORDER_AMOUNTS_INVALID",
     {"order_fen": 8_000, "merchant_discount_fen": 0, "platform_discount_fen": 8_000}),
    ("more off than the order", {"merchant_discount_fen": 8_001}, 422, "ORDER_AMOUNTS_INVALID",
     {"order_fen": 8_000, "merchant_discount_fen": 8_001, "platform_discount_fen": 0}),
    ("name not verified", {"real_name": False}, 422, "NOT_ELIGIBLE", {"reason": "REAL_NAME"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "code", "members"),
    [pytest.param(*rest, id=name) for name, *rest in REFUSALS],
)
def test_what_earns_nothing_is_told_why(
    deployment: Deployment,
    changes: dict[str, Any],
    status: int,
    code: str,
    members: dict[str, Any],
) -> None:
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).earn(0, "p-1", **changes),
        status,
        code,
        members,
    )


def test_what_is_earned_cannot_be_claimed(deployment: Deployment) -> None:
    facts = {"voucher_type_id": REDUCTION, "distribution": "EARNED"}
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).claim(campaign_id=EARNING_ID),
        409,
        "NOT_DISTRIBUTED_SO",
        facts,
    )


def test_before_after_and_during_a_pause_nothing_is_earned(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    deployment.clock.move_to(BEFORE)
    refused(unionpay.earn(), 409, "ROUND_NOT_OPEN")
    deployment.clock.move_to(CLOSE_1)
    refused(unionpay.earn(), 409, "ROUND_CLOSED")
    deployment.clock.move_to("2026-01-06T10:00:00+08:00")
    assert bureau.pause(EARNING_ID).status == 200
    refused(unionpay.earn(), 409, "CAMPAIGN_PAUSED")


def test_stock_and_limits_are_those_of_claims(deployment: Deployment, unionpay: Platform) -> None:
    unionpay.earned(0, "p-1")
    document = refused(unionpay.earn(0, "p-2"), 409, "PERSON_LIMIT_REACHED")
    assert (document["scope"], document["limit"], document["used"]) == (
        "VOUCHER_TYPE_PER_ROUND",
        1,
        1,
    )
    unionpay.earned(1, "p-3")
    unionpay.earned(2, "p-4")
    for _ in range(2):
        refused(unionpay.earn(3, "p-5"), 409, "SOLD_OUT")
    assert len(deployment.items("earnings")) == 3


# Refunds of plain orders


def test_a_refund_that_leaves_enough_leaves_the_voucher(unionpay: Platform) -> None:
    voucher_id = unionpay.earned()
    reply = unionpay.refund_order(voucher_id, 2_000)
    assert (reply.status, reply.body) == (
        201,
        {
            "voucher_id": voucher_id,
            "refund_no": "f-1",
            "refunded_at": "2026-01-05T02:30:00.000Z",
            "refund_fen": 2_000,
            "base_left_fen": 6_000,
            "voucher_state": "ISSUED",
        },
    )
    assert state(unionpay, voucher_id) == ("ISSUED", "EARNED")


def test_a_refund_that_leaves_less_takes_an_unused_voucher_back_and_its_limit_too(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.earned()
    unionpay.refund_order(voucher_id, 2_000)
    reply = unionpay.refund_order(voucher_id, 1, "f-2")
    assert (reply.body["base_left_fen"], reply.body["voucher_state"]) == (5_999, "VOIDED")
    assert state(unionpay, voucher_id) == ("VOIDED", "TAKEN_BACK")
    refused(unionpay.redeem(voucher_id), 409, "VOUCHER_NOT_REDEEMABLE")
    earning = unionpay.earning(voucher_id).body
    assert [r["refund_no"] for r in earning["refunds"]] == ["f-1", "f-2"]
    assert sum(int(shard["lapsed_fen"]["N"]) for shard in deployment.items("stock")) == 2_000
    # The next order may earn again: nobody's limit is used up by an order that was given back.
    assert unionpay.earn(0, "p-2").status == 201


def test_discounts_fall_with_the_refund_in_proportion(unionpay: Platform) -> None:
    """Of 100 yuan, the merchant took 20 and the platform 10; half of the 70 paid goes back."""
    voucher_id = unionpay.earned(
        0, "p-1", order_fen=10_000, merchant_discount_fen=2_000, platform_discount_fen=1_000
    )
    reply = unionpay.refund_order(voucher_id, 3_500)
    assert reply.body["base_left_fen"] == 4_000


def test_a_held_voucher_is_taken_back_as_well(unionpay: Platform) -> None:
    voucher_id = unionpay.earned()
    assert unionpay.hold(voucher_id).status == 200
    assert unionpay.refund_order(voucher_id, 8_000).body["voucher_state"] == "VOIDED"
    refused(unionpay.redeem(voucher_id), 409, "VOUCHER_NOT_REDEEMABLE")


def test_a_used_voucher_stays_used_and_does_not_come_back_when_its_use_is_refunded(
    unionpay: Platform,
) -> None:
    """Otherwise two refunds would leave the consumer with a voucher that no order earned."""
    voucher_id = unionpay.earned()
    redemption_id = unionpay.redeemed(voucher_id, "o-2")
    assert unionpay.refund_order(voucher_id, 8_000).body["voucher_state"] == "REDEEMED"
    assert state(unionpay, voucher_id) == ("REDEEMED", "FORFEITED")
    assert unionpay.refund(redemption_id, 8_000).body["voucher_state"] == "VOIDED"
    assert unionpay.earn(0, "p-3").status == 201


def test_without_that_refund_the_use_is_refunded_as_ever(unionpay: Platform) -> None:
    voucher_id = unionpay.earned()
    redemption_id = unionpay.redeemed(voucher_id, "o-2")
    assert unionpay.refund(redemption_id, 8_000).body["voucher_state"] == "ISSUED"
    assert unionpay.refund_order(voucher_id, 8_000).body["voucher_state"] == "VOIDED"


def test_a_voucher_that_has_ended_has_ended(deployment: Deployment, unionpay: Platform) -> None:
    voucher_id = unionpay.earned()
    deployment.clock.move_to(CLOSE_1)
    assert unionpay.refund_order(voucher_id, 8_000).body["voucher_state"] == "EXPIRED"
    assert state(unionpay, voucher_id) == ("EXPIRED", "EXPIRED")


def test_refunds_of_an_order_are_given_once_and_never_more_than_was_paid(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.earned()
    # Small enough that the same again would not be too much: only the number tells.
    first = unionpay.refund_order(voucher_id, 3_000)
    again = unionpay.refund_order(voucher_id, 3_000)
    assert (again.status, again.replayed, again.body) == (200, True, first.body)
    refused(unionpay.refund_order(voucher_id, 3_001), 422, "KEY_REUSED")
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).refund_order(
            voucher_id, 5_001, "f-2"
        ),
        409,
        "REFUND_EXCEEDS_REDEMPTION",
        {"refundable_fen": 8_000, "refunded_fen": 3_000, "refund_fen": 5_001},
    )
    assert unionpay.refund_order(voucher_id, 5_000, "f-2").body["base_left_fen"] == 0
    refused(unionpay.refund_order(voucher_id, 1, "f-3"), 409, "REFUND_EXCEEDS_REDEMPTION")


def test_after_the_refund_window_nothing_is_taken_back(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.earned()
    deployment.clock.move_to("2026-02-05T10:00:00+08:00")
    refused(unionpay.refund_order(voucher_id, 8_000), 409, "CAMPAIGN_CLOSING")
    deployment.clock.move_to("2026-06-05T10:00:00+08:00")
    refused(unionpay.refund_order(voucher_id, 8_000), 409, "REFUND_WINDOW_CLOSED")


def test_anothers_earning_is_as_if_there_were_none(
    deployment: Deployment, unionpay: Platform, meituan: Platform
) -> None:
    voucher_id, nothing = unionpay.earned(), "v_" + "a" * 32
    assert unionpay.refund_order(voucher_id, 1).status == 201
    unclaimed = unionpay.claimed()
    before = deployment.snapshot()
    for call in (meituan.earning, lambda name: meituan.refund_order(name, 1)):
        theirs, none = call(voucher_id), call(nothing)
        assert (theirs.status, none.status) == (404, 404)
        assert theirs.text.replace(voucher_id, "ID") == none.text.replace(nothing, "ID")
    refused(unionpay.earning(unclaimed), 404, "NOT_FOUND")
    assert deployment.snapshot() == before


# Orders that redeemed a voucher


def test_an_order_that_redeemed_a_voucher_earns_one_too(unionpay: Platform) -> None:
    redemption_id = ticket_redeemed(unionpay)
    voucher_id = unionpay.earned()
    earning = unionpay.earning(voucher_id).body
    assert earning["redemption_id"] == redemption_id
    again = unionpay.earn()
    assert (again.status, again.body["voucher_id"]) == (200, voucher_id)


def test_the_refund_of_the_redemption_takes_the_voucher_back(unionpay: Platform) -> None:
    redemption_id = ticket_redeemed(unionpay)
    voucher_id = unionpay.earned()
    assert unionpay.refund(redemption_id, 2_000, "f-1").status == 201
    assert state(unionpay, voucher_id) == ("ISSUED", "EARNED")
    assert unionpay.refund(redemption_id, 1, "f-2").status == 201
    assert state(unionpay, voucher_id) == ("VOIDED", "TAKEN_BACK")
    assert unionpay.refund(redemption_id, 1, "f-3").status == 201
    assert state(unionpay, voucher_id) == ("VOIDED", "TAKEN_BACK")


def test_a_whole_refund_restores_the_one_voucher_and_takes_the_other(unionpay: Platform) -> None:
    redemption_id = ticket_redeemed(unionpay)
    voucher_id = unionpay.earned()
    assert unionpay.refund(redemption_id, 8_000).body["voucher_state"] == "ISSUED"
    assert state(unionpay, voucher_id) == ("VOIDED", "TAKEN_BACK")


def test_a_voucher_earned_with_an_earned_one_is_taken_back_with_it(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    """Both are of one person and one shard, and change in one transaction."""
    limits = [{"scope": "CAMPAIGN", "max_count": 2}]
    bureau.open(earning_document(campaign_id="again-2026", limits=limits))
    mine = {"campaign_id": "again-2026"}
    first = unionpay.earned(0, "p-1", **mine)
    redemption_id = unionpay.redeemed(first, "p-2")
    second = unionpay.earned(0, "p-2", **mine)
    assert unionpay.refund_order(first, 8_000).status == 201
    # The first is forfeited and void, the second taken back: the person has had none.
    assert unionpay.refund(redemption_id, 8_000).body["voucher_state"] == "VOIDED"
    assert state(unionpay, second) == ("VOIDED", "TAKEN_BACK")
    assert unionpay.earn(0, "p-3", **mine).status == 201
    [person] = [p for p in deployment.items("people") if "again-2026" in p["person_key"]["S"]]
    assert person["campaign"]["N"] == "1"


def test_what_is_left_of_the_redeemed_order_must_be_enough(unionpay: Platform) -> None:
    redemption_id = ticket_redeemed(unionpay)
    unionpay.refund(redemption_id, 2_001)
    document = refused(unionpay.earn(), 422, "BELOW_THRESHOLD")
    assert document["base_fen"] == 5_999


MISMATCHES: list[tuple[str, int, dict[str, Any], int, str]] = [
    ("amount", 0, {"order_fen": 9_000}, 422, "KEY_REUSED"),
    ("merchant", 0, {"merchant_id": "dumplings"}, 422, "KEY_REUSED"),
    ("person", 1, {}, 422, "NOT_ELIGIBLE"),
]


@pytest.mark.parametrize(
    ("person", "changes", "status", "code"),
    [pytest.param(*rest, id=name) for name, *rest in MISMATCHES],
)
def test_a_redeemed_order_is_what_its_redemption_says(
    unionpay: Platform, person: int, changes: dict[str, Any], status: int, code: str
) -> None:
    ticket_redeemed(unionpay)
    refused(unionpay.earn(person, "p-1", **changes), status, code)


def test_an_order_redeemed_in_another_campaign_earns_nothing_here(unionpay: Platform) -> None:
    unionpay.redeemed(unionpay.claimed(), "p-1")
    refused(unionpay.earn(), 409, "ORDER_ALREADY_USED")


def test_refunds_of_a_redeemed_order_are_its_redemptions(
    deployment: Deployment, unionpay: Platform
) -> None:
    redemption_id = ticket_redeemed(unionpay)
    voucher_id = unionpay.earned()
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).refund_order(voucher_id, 1),
        409,
        "EARNED_BY_REDEMPTION",
        {"redemption_id": redemption_id},
    )


# What comes in between


def test_a_lost_answer_is_found_again(unionpay: Platform) -> None:
    client = functions.earn.handler._database().client
    with scripted(client, TRANSACTION, *[LOST_AFTER] * TRIES):
        first = unionpay.earn()
    assert (first.status, first.replayed) == (200, True)
    voucher_id = first.body["voucher_id"]
    with scripted(client, TRANSACTION, *[LOST_AFTER] * TRIES):
        refused(unionpay.refund_order(voucher_id, 8_000), 503, "BUSY")
    again = unionpay.refund_order(voucher_id, 8_000)
    assert (again.status, again.replayed, again.body["voucher_state"]) == (200, True, "VOIDED")


def test_an_order_that_keeps_changing_is_no_fault_of_the_callers(
    deployment: Deployment, unionpay: Platform
) -> None:
    """Redeemed or refunded in between, again and again: the request may be sent once more."""
    voucher_id = unionpay.earned(1, "p-9")
    before = deployment.snapshot()
    client = functions.earn.handler._database().client
    changed = cancelled("ConditionalCheckFailed", "None", "None", "None", "None")
    with scripted(client, TRANSACTION, *[changed] * EARN_TRIES):
        refused(unionpay.earn(), 503, "BUSY")
    changed = cancelled("None", "ConditionalCheckFailed")
    with scripted(client, TRANSACTION, *[changed] * EARN_TRIES):
        refused(unionpay.refund_order(voucher_id, 100), 503, "BUSY")
    assert deployment.snapshot() == before
