"""POST /v1/claims: one voucher for a person, the first answer for ever, and every refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import functions.issue.handler
from functions.shared.domain.business_time import to_rfc3339
from infra.local.people import make_person
from tests.handlers.by_hand import set_campaign_state
from tests.handlers.refusals import require_refused
from tests.support.calls import Bureau, Platform, claim_body
from tests.support.campaigns import (
    BEFORE,
    CAMPAIGN_ID,
    CLOSE_1,
    CLOSE_2,
    DISCOUNT,
    MEITUAN,
    REDUCTION,
    ROUND_1,
    ROUND_2,
    TICKET,
    UNIONPAY,
    campaign_document,
)
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, scripted

TICKET_CLAIM = {"voucher_type_id": TICKET}


# What is given


def test_a_claim_gives_a_voucher_and_its_terms(unionpay: Platform) -> None:
    reply = unionpay.claim()
    assert (reply.status, reply.replayed) == (201, False)
    assert reply.headers["Content-Type"] == "application/json"
    body = reply.body
    assert body.pop("voucher_id").startswith("v_")
    assert body == {
        "request_no": "q-1",
        "campaign_id": CAMPAIGN_ID,
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


@pytest.mark.parametrize(
    ("voucher_type_id", "valid_from", "valid_until", "terms"),
    [
        (DISCOUNT, "2026-01-05T02:30:00.000Z", "2026-01-07T16:00:00.000Z",
         {"percent_off_bp": 2_000, "cap_fen": 3_000, "face_fen": None}),
        (TICKET, "2026-01-06T16:00:00.000Z", "2026-01-19T16:00:00.000Z",
         {"percent_off_bp": None, "cap_fen": None, "face_fen": 3_000}),
    ],
)  # fmt: skip
def test_each_kind_of_voucher_has_its_own_validity_and_terms(
    unionpay: Platform,
    voucher_type_id: str,
    valid_from: str,
    valid_until: str,
    terms: dict[str, object],
) -> None:
    body = unionpay.claim(voucher_type_id=voucher_type_id).body
    assert (body["valid_from"], body["valid_until"]) == (valid_from, valid_until)
    assert body["terms"] == body["terms"] | terms


def test_a_claim_takes_one_unit_of_the_platforms_own_stock(
    unionpay: Platform, meituan: Platform
) -> None:
    def left(platform: Platform) -> dict[str, int]:
        stock = platform.call("GET", f"/v1/campaigns/{CAMPAIGN_ID}").body["stock_left"]
        return {entry["voucher_type_id"]: entry["left"] for entry in stock}

    unionpay.claimed()
    assert left(unionpay) == {REDUCTION: 2, DISCOUNT: 3, TICKET: 1}
    assert left(meituan) == {REDUCTION: 3}


def test_the_number_in_any_spelling_is_the_same_person(unionpay: Platform) -> None:
    number = make_person(7).identity_number
    unionpay.claimed(7)
    for spelling in (
        f" {number[:6]} {number[6:14]} {number[14:]} ",
        number.lower(),
        "".join(chr(ord(c) + 0xFEE0) for c in number),
    ):
        reply = unionpay.claim(request_no="q-2", person={"identity_number": spelling})
        assert refused(reply, 409, "PERSON_LIMIT_REACHED")["used"] == 1


# Idempotency


def later(minutes: float) -> Callable[[Deployment, Platform, str], None]:
    def change(deployment: Deployment, _: Platform, __: str) -> None:
        deployment.clock.advance(minutes=minutes)

    return change


def redeemed(_: Deployment, platform: Platform, voucher_id: str) -> None:
    platform.redeemed(voucher_id)


def refunded(_: Deployment, platform: Platform, voucher_id: str) -> None:
    assert platform.refund(platform.redeemed(voucher_id), 8_000).status == 201


def held(_: Deployment, platform: Platform, voucher_id: str) -> None:
    assert platform.hold(voucher_id).status == 200


def paused(deployment: Deployment, _: Platform, __: str) -> None:
    assert Bureau(deployment).pause().status == 200
    deployment.clock.advance(seconds=3)


def closed(deployment: Deployment, _: Platform, __: str) -> None:
    set_campaign_state("CLOSED")
    deployment.clock.advance(seconds=3)


def sold_out(_: Deployment, platform: Platform, __: str) -> None:
    for person in (1, 2):
        platform.claimed(person, f"q-1{person}")
    refused(platform.claim(3, "q-13"), 409, "SOLD_OUT")


@pytest.mark.parametrize(
    "change",
    [
        later(0),
        later(11),  # longer than DynamoDB remembers a ClientRequestToken
        later(60 * 24 * 7),  # the voucher has expired, the round is closed
        later(60 * 24 * 31),  # a month later everything is over
        held,
        redeemed,
        refunded,
        paused,
        closed,
        sold_out,
    ],
    ids=["at once", "minutes", "round closed", "a month", "held", "redeemed", "refunded", "paused",
         "campaign closed", "sold out"],
)  # fmt: skip
def test_the_same_claim_has_the_first_answer_for_ever(
    deployment: Deployment,
    unionpay: Platform,
    change: Callable[[Deployment, Platform, str], None],
) -> None:
    first = unionpay.claim()
    change(deployment, unionpay, first.body["voucher_id"])
    deployment.forget_reads()
    before = deployment.snapshot()
    again = unionpay.claim()
    assert (again.status, again.replayed, again.text) == (200, True, first.text)
    assert deployment.snapshot() == before


OTHER_CONTENT: list[dict[str, object]] = [
    {"person": {"identity_number": make_person(1).identity_number}},
    {"voucher_type_id": DISCOUNT},
    {"round_id": ROUND_2},
    {"located_in": "110108"},
    {"located_in": None},
    {"real_name": False},
    {"campaign_id": "other-2026"},
]


@pytest.mark.parametrize("content", OTHER_CONTENT, ids=str)
def test_the_same_number_with_other_content_is_refused(
    deployment: Deployment, bureau: Bureau, content: dict[str, object]
) -> None:
    bureau.open(campaign_document(campaign_id="other-2026"))
    Platform(deployment).claimed()
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).claim(**content),
        422,
        "KEY_REUSED",
        {"number": "q-1"},
    )


def test_a_number_is_each_platforms_own(unionpay: Platform, meituan: Platform) -> None:
    one, other = unionpay.claimed(1, "q-1"), meituan.claimed(2, "q-1")
    assert one != other


# Refusals: what is sent, and what comes back

REFUSED: list[tuple[str, str | None, dict[str, object], int, str, dict[str, object]]] = [
    ("unknown campaign", None, {"campaign_id": "nothing"}, 404, "NOT_FOUND", {}),
    ("unknown round", None, {"round_id": "r9"}, 404, "NOT_FOUND", {}),
    ("unknown type", None, {"voucher_type_id": "10-5"}, 404, "NOT_FOUND", {}),
    ("too early", BEFORE, {}, 409, "ROUND_NOT_OPEN", {"opens_at": "2026-01-05T02:00:00.000Z"}),
    ("the next round too early", None, {"round_id": ROUND_2}, 409, "ROUND_NOT_OPEN",
     {"opens_at": "2026-01-12T02:00:00.000Z"}),
    ("too late", CLOSE_1, {}, 409, "ROUND_CLOSED", {"closed_at": "2026-01-12T02:00:00.000Z"}),
    ("name not verified", None, {"real_name": False}, 422, "NOT_ELIGIBLE",
     {"reason": "REAL_NAME"}),
    ("elsewhere", None, {"located_in": "310101"}, 422, "NOT_ELIGIBLE",
     {"reason": "LOCATION", "located_in": "11"}),
    ("nowhere known", None, {"located_in": None}, 422, "NOT_ELIGIBLE",
     {"reason": "LOCATION", "located_in": "11"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "changes", "status", "code", "members"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_a_claim_that_the_rules_forbid_is_refused(
    deployment: Deployment,
    at: str | None,
    changes: dict[str, object],
    status: int,
    code: str,
    members: dict[str, object],
) -> None:
    if at:
        deployment.clock.move_to(at)

    def send(language: str) -> Reply:
        return Platform(deployment, language=language).claim(**changes)

    require_refused(deployment, send, status, code, members)


def test_stock_of_another_platform_does_not_exist(deployment: Deployment) -> None:
    require_refused(
        deployment,
        lambda language: Platform(deployment, MEITUAN, language).claim(**TICKET_CLAIM),
        404,
        "NOT_FOUND",
    )


def test_a_campaign_without_stock_for_the_platform_does_not_exist_even_half(
    deployment: Deployment, bureau: Bureau
) -> None:
    """It is not said either that the campaign asks for a phone."""
    document = campaign_document(campaign_id="theirs-2026")
    document["person"]["identities"] = ["PHONE", "IDENTITY_NUMBER"]
    for in_round in document["rounds"]:
        in_round["stock"] = [a for a in in_round["stock"] if a["platform_id"] == UNIONPAY]
    bureau.open(document)
    require_refused(
        deployment,
        lambda language: Platform(deployment, MEITUAN, language).claim(campaign_id="theirs-2026"),
        404,
        "NOT_FOUND",
    )


@pytest.mark.parametrize(
    ("state", "status", "code", "members"),
    [
        ("DRAFT", 404, "NOT_FOUND", {}),
        ("FUNDING", 409, "CAMPAIGN_NOT_RUNNING", {"state": "FUNDING"}),
        ("PAUSED", 409, "CAMPAIGN_PAUSED", {}),
        ("CLOSED", 409, "CAMPAIGN_NOT_RUNNING", {"state": "CLOSED"}),
    ],
)
def test_only_a_running_campaign_gives(
    deployment: Deployment, state: str, status: int, code: str, members: dict[str, object]
) -> None:
    set_campaign_state(state)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).claim(),
        status,
        code,
        members,
    )


def test_a_type_that_is_all_taken_is_sold_out_for_everybody(deployment: Deployment) -> None:
    Platform(deployment).claimed(1, "q-1", **TICKET_CLAIM)
    # The first who finds nothing leaves the mark for all who follow.
    refused(Platform(deployment).claim(3, "q-3", **TICKET_CLAIM), 409, "SOLD_OUT")
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).claim(2, "q-2", **TICKET_CLAIM),
        409,
        "SOLD_OUT",
        {"voucher_type_id": TICKET},
    )


@pytest.mark.parametrize("platform_id", [UNIONPAY, MEITUAN])
def test_a_second_voucher_of_a_type_in_a_round_is_refused_on_every_platform(
    deployment: Deployment, platform_id: str
) -> None:
    Platform(deployment).claimed()
    require_refused(
        deployment,
        lambda language: Platform(deployment, platform_id, language).claim(request_no="q-2"),
        409,
        "PERSON_LIMIT_REACHED",
        {"scope": "VOUCHER_TYPE_PER_ROUND", "limit": 1, "used": 1},
    )


def test_a_limit_of_the_campaign_counts_both_platforms_and_both_rounds(
    deployment: Deployment, unionpay: Platform, meituan: Platform
) -> None:
    unionpay.claimed(0, "q-1", voucher_type_id=DISCOUNT)
    meituan.claimed(0, "q-2")
    deployment.clock.move_to(CLOSE_1)
    meituan.claimed(0, "q-3", round_id=ROUND_2)
    unionpay.claimed(0, "q-4", round_id=ROUND_2, voucher_type_id=DISCOUNT)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).claim(
            0, "q-5", round_id=ROUND_2, **TICKET_CLAIM
        ),
        409,
        "PERSON_LIMIT_REACHED",
        {"scope": "CAMPAIGN", "limit": 4, "used": 4},
    )


def test_a_refused_claim_uses_nothing_up(unionpay: Platform, deployment: Deployment) -> None:
    """The same number is free for what is granted later."""
    deployment.clock.move_to(BEFORE)
    refused(unionpay.claim(), 409, "ROUND_NOT_OPEN")
    deployment.clock.advance(seconds=1)
    assert unionpay.claim().status == 201


def test_an_identity_that_the_campaign_counts_must_be_there(
    deployment: Deployment, bureau: Bureau
) -> None:
    person = campaign_document()["person"] | {"identities": ["IDENTITY_NUMBER", "PHONE"]}
    bureau.open(campaign_document(campaign_id="phones-2026", person=person))
    before = deployment.snapshot()
    for language, word in (("zh-CN", "识别自然人"), ("en", "add it")):
        reply = Platform(deployment, language=language).claim(campaign_id="phones-2026")
        [fault] = refused(reply, 400, "INVALID_FIELDS")["errors"]
        assert fault["pointer"] == "/person/phone"
        assert word in fault["detail"]
    assert deployment.snapshot() == before


def test_the_same_phone_with_another_number_is_the_same_consumer(
    deployment: Deployment, bureau: Bureau
) -> None:
    person = campaign_document()["person"] | {"identities": ["IDENTITY_NUMBER", "PHONE", "ACCOUNT"]}
    bureau.open(campaign_document(campaign_id="phones-2026", person=person))

    def claim(platform_id: str, request_no: str, number: int, phone: str, account: str) -> Reply:
        given = {
            "identity_number": make_person(number).identity_number,
            "phone": phone,
            "account": account,
        }
        return Platform(deployment, platform_id).claim(
            request_no=request_no, campaign_id="phones-2026", person=given
        )

    first, second = make_person(0).phone, make_person(1).phone
    assert claim(UNIONPAY, "q-1", 0, first, "a").status == 201
    for reply in (
        claim(UNIONPAY, "q-2", 1, f"+86 {first[:3]}-{first[3:]}", "b"),  # the same phone
        claim(MEITUAN, "q-2", 1, first, "b"),  # and on the other platform
        claim(UNIONPAY, "q-2", 0, second, "b"),  # the same number
        claim(UNIONPAY, "q-2", 1, second, "a"),  # the same account
    ):
        refused(reply, 409, "PERSON_LIMIT_REACHED")
    # An account of that name on another platform is another account.
    assert claim(MEITUAN, "q-3", 1, second, "a").status == 201


# Contention


def busy(deployment: Deployment, steps: int, *reasons: str) -> Reply:
    client = functions.issue.handler._database().client
    with scripted(client, TRANSACTION, *[cancelled(*reasons)] * steps):
        return Platform(deployment).claim()


def test_lasting_contention_is_busy_and_says_when_to_come_back(deployment: Deployment) -> None:
    Platform(deployment).claimed(9, "q-9")
    before = deployment.snapshot()
    reply = busy(deployment, TRIES, "None", "None", "TransactionConflict")
    document = refused(reply, 503, "BUSY")
    assert document["retryable"] is True
    assert int(reply.headers["Retry-After"]) >= 1
    assert deployment.snapshot() == before
    assert busy(deployment, TRIES - 1, "TransactionConflict", "None", "None").status == 201


def test_a_claim_whose_reply_was_lost_is_found_again(deployment: Deployment) -> None:
    Platform(deployment).claimed(9, "q-9")
    client = functions.issue.handler._database().client
    with scripted(client, TRANSACTION, *[LOST_AFTER] * TRIES):
        refused(Platform(deployment).claim(), 503, "BUSY")
    again = Platform(deployment).claim()
    assert (again.status, again.replayed) == (200, True)


def test_the_clock_decides_to_the_instant(deployment: Deployment, unionpay: Platform) -> None:
    deployment.clock.move_to("2026-01-12T09:59:59.999999+08:00")
    reply = unionpay.claim()
    assert reply.status == 201
    # What is written is never later than what happened, and a replay says the same.
    assert reply.body["issued_at"] == to_rfc3339(deployment.clock.now) == "2026-01-12T01:59:59.999Z"
    assert unionpay.claim().text == reply.text
    deployment.clock.move_to(CLOSE_2)
    refused(unionpay.claim(1, "q-2", round_id=ROUND_2), 409, "ROUND_CLOSED")


def test_a_body_that_is_accepted_is_what_the_tests_above_send(unionpay: Platform) -> None:
    assert unionpay.call("POST", "/v1/claims", claim_body()).status == 201
