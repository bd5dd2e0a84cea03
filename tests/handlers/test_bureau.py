"""The bureau's campaigns: made by one person, approved by another, paused and resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import functions.campaign.handler
from tests.handlers.by_hand import set_campaign_state
from tests.handlers.refusals import require_refused
from tests.support.books import require_books_close
from tests.support.calls import (
    APPROVER,
    AUDITOR,
    NEW,
    OPERATOR,
    Bureau,
    Platform,
    version,
)
from tests.support.campaigns import (
    CAMPAIGN_ID,
    CLOSE_1,
    DISCOUNT,
    MEITUAN,
    REDUCTION,
    TICKET,
    UNIONPAY,
    campaign_document,
)
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused, session_arn
from tests.support.replies import THROUGH, TRANSACTION, TRIES, cancelled, scripted

NEW_ID = "summer-2026"
PLANNED_FEN = 40_800


def document(**changes: object) -> dict[str, Any]:
    return campaign_document(campaign_id=NEW_ID, **changes)


# Campaigns as they are made


def test_a_draft_is_made_and_shown_as_it_was_sent(deployment: Deployment, bureau: Bureau) -> None:
    reply = bureau.put_campaign(document())
    assert (reply.status, reply.headers["ETag"]) == (201, '"1"')
    assert reply.body == {
        "campaign_id": NEW_ID,
        "version": 1,
        "state": "DRAFT",
        "made_by": "li.na",
        "made_at": "2026-01-05T02:30:00.000Z",
        "approved_by": None,
        "approved_at": None,
        "funds": {
            "appropriated_fen": 1_000_000,
            "unallocated_fen": 1_000_000,
            "returned_fen": 0,
            "settled_fen": 0,
            "adjusted_fen": 0,
            "held_back_fen": 0,
        },
        "document": document(),
    }
    for caller in (OPERATOR, APPROVER, AUDITOR):
        assert bureau.get_campaign(NEW_ID, caller=caller).text == reply.text
    assert NEW_ID not in {pool["campaign_id"]["S"] for pool in deployment.items("pools")}


def test_a_draft_is_replaced_from_the_version_that_was_read(bureau: Bureau) -> None:
    bureau.put_campaign(document())
    reply = bureau.put_campaign(document(hold_s=600), headers=version(1))
    assert (reply.status, reply.headers["ETag"]) == (200, '"2"')
    assert bureau.get_campaign(NEW_ID).body["document"]["hold_s"] == 600


def test_the_same_draft_again_changes_nothing(deployment: Deployment, bureau: Bureau) -> None:
    first = bureau.put_campaign(document())
    before = deployment.snapshot()
    again = bureau.put_campaign(document())
    assert (again.status, again.text) == (201, first.text)
    assert deployment.snapshot() == before


def test_a_draft_does_not_exist_for_platforms(bureau: Bureau, unionpay: Platform) -> None:
    bureau.put_campaign(document())
    listed = unionpay.call("GET", "/v1/campaigns").body["campaigns"]
    assert [entry["campaign_id"] for entry in listed] == [CAMPAIGN_ID]
    refused(unionpay.call("GET", f"/v1/campaigns/{NEW_ID}"), 404, "NOT_FOUND")


# Campaigns as they are approved


def test_an_approval_by_another_person_funds_every_pool(
    deployment: Deployment, bureau: Bureau
) -> None:
    bureau.put_campaign(document())
    deployment.clock.advance(hours=1)
    body = bureau.approve(NEW_ID).body
    assert (body["state"], body["approved_by"]) == ("RUNNING", "wang.wei")
    assert body["approved_at"] == "2026-01-05T03:30:00.000Z"
    shown = bureau.get_campaign(NEW_ID).body
    assert shown["funds"]["unallocated_fen"] == 1_000_000 - PLANNED_FEN
    pools = [p for p in deployment.items("pools") if p["campaign_id"]["S"] == NEW_ID]
    assert len(pools) == 8
    assert {pool["pot_fen"]["N"] for pool in pools} == {"0"}


def test_the_same_approval_again_changes_nothing(deployment: Deployment, bureau: Bureau) -> None:
    bureau.put_campaign(document())
    first = bureau.approve(NEW_ID)
    before = deployment.snapshot()
    assert bureau.approve(NEW_ID).body["state"] == first.body["state"]
    assert deployment.snapshot() == before


def test_an_approval_that_died_is_taken_up_by_sending_it_again(
    deployment: Deployment, bureau: Bureau
) -> None:
    bureau.put_campaign(document())
    client = functions.campaign.handler._database().client
    # Approved, one pool funded and spread, the next funded; then nothing gets through for a while.
    conflict = cancelled("TransactionConflict", "None")
    with scripted(client, TRANSACTION, *[THROUGH] * 4, *[conflict] * TRIES):
        refused(bureau.approve(NEW_ID), 503, "BUSY")
    assert bureau.get_campaign(NEW_ID).body["state"] == "FUNDING"
    require_books_close(deployment)
    assert bureau.approve(NEW_ID).body["state"] == "RUNNING"
    shown = bureau.get_campaign(NEW_ID).body
    assert shown["funds"]["unallocated_fen"] == 1_000_000 - PLANNED_FEN


def test_the_maker_does_not_approve_whatever_role_they_take(
    deployment: Deployment, bureau: Bureau
) -> None:
    bureau.put_campaign(document())
    require_refused(
        deployment,
        lambda language: Bureau(deployment, language).approve(
            NEW_ID, caller=session_arn("huimin-approver", "li.na")
        ),
        403,
        "SAME_PERSON",
    )


def test_whoever_changed_the_draft_last_is_its_maker(bureau: Bureau) -> None:
    bureau.put_campaign(document(), caller=session_arn("huimin-operator", "wang.wei"))
    bureau.put_campaign(document(hold_s=600), headers=version(1))
    refused(
        bureau.approve(NEW_ID, caller=session_arn("huimin-approver", "li.na"), headers=version(2)),
        403,
        "SAME_PERSON",
    )
    assert bureau.approve(NEW_ID, headers=version(2)).status == 200


@pytest.mark.parametrize("stale", [1, 3])
def test_only_the_very_version_that_was_read_is_approved(
    deployment: Deployment, bureau: Bureau, stale: int
) -> None:
    bureau.put_campaign(document())
    bureau.put_campaign(document(appropriated_fen=9_000_000), headers=version(1))
    require_refused(
        deployment,
        lambda language: Bureau(deployment, language).approve(NEW_ID, headers=version(stale)),
        412,
        "VERSION_MISMATCH",
        {"stored_version": 2},
    )


def test_an_approval_names_a_version(deployment: Deployment, bureau: Bureau) -> None:
    bureau.put_campaign(document())
    path = f"/v1/admin/campaigns/{NEW_ID}/approve"
    require_refused(
        deployment,
        lambda language: Bureau(deployment, language).call(APPROVER, "POST", path),
        428,
        "VERSION_REQUIRED",
    )


def test_a_second_approver_is_told_that_it_is_done(deployment: Deployment, bureau: Bureau) -> None:
    bureau.open(document())
    require_refused(
        deployment,
        lambda language: Bureau(deployment, language).approve(
            NEW_ID, caller=session_arn("huimin-approver", "zhou.jie")
        ),
        409,
        "CAMPAIGN_STATE",
        {"state": "RUNNING"},
    )


# Campaigns that are refused


INVALID: list[tuple[str, Callable[[dict[str, Any]], object], list[str]]] = [
    ("another id", lambda d: d.update(campaign_id="autumn-2026"), ["/campaign_id"]),
    ("too dear", lambda d: d.update(appropriated_fen=PLANNED_FEN - 1), ["/appropriated_fen"]),
    ("overlap", lambda d: d["rounds"][1].update(opens_at="2026-01-11T10:00:00+08:00"),
     ["/rounds/1/opens_at"]),
    ("unknown type", lambda d: d["rounds"][0]["stock"][0].update(voucher_type_id="10-5"),
     ["/rounds/0/stock/0/voucher_type_id"]),
    ("contradiction", lambda d: d["voucher_types"][0].update(cap_fen=1), ["/voucher_types/0"]),
    ("shares", lambda d: d["voucher_types"][1]["funding"].update(fiscal_bp=6_001),
     ["/voucher_types/1"]),
    ("several", lambda d: (d.update(appropriated_fen=1), d["limits"].append(d["limits"][0])),
     ["/limits/3", "/appropriated_fen"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "pointers"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID]
)
def test_a_document_that_contradicts_itself_is_refused_with_every_fault(
    deployment: Deployment, change: Callable[[dict[str, Any]], object], pointers: list[str]
) -> None:
    broken = document()
    change(broken)
    before = deployment.snapshot()
    for language in ("zh-CN", "en"):
        path = f"/v1/admin/campaigns/{NEW_ID}"
        reply = Bureau(deployment, language).call(OPERATOR, "PUT", path, broken, headers=NEW)
        problem = refused(reply, 422, "CAMPAIGN_INVALID")
        assert [fault["pointer"] for fault in problem["errors"]] == pointers
        for fault in problem["errors"]:
            assert fault["detail"].isascii() is (language == "en")
    assert deployment.snapshot() == before


def put(deployment: Deployment, language: str, headers: dict[str, str], hold_s: int = 60) -> Reply:
    return Bureau(deployment, language).put_campaign(document(hold_s=hold_s), headers=headers)


@pytest.mark.parametrize(
    ("headers", "status", "code", "members"),
    [
        ({}, 428, "VERSION_REQUIRED", {}),
        (NEW, 412, "VERSION_MISMATCH", {"stored_version": 1}),
        (version(2), 412, "VERSION_MISMATCH", {"stored_version": 1}),
    ],
)
def test_a_draft_is_not_overwritten_unread(
    deployment: Deployment,
    bureau: Bureau,
    headers: dict[str, str],
    status: int,
    code: str,
    members: dict[str, object],
) -> None:
    bureau.put_campaign(document())

    def send(language: str) -> Reply:
        return put(deployment, language, headers)

    require_refused(deployment, send, status, code, members)


def test_a_version_of_nothing_is_told_as_nothing(deployment: Deployment) -> None:
    def send(language: str) -> Reply:
        return put(deployment, language, version(1))

    require_refused(deployment, send, 412, "VERSION_MISMATCH", {"stored_version": 0})


@pytest.mark.parametrize("headers", [NEW, version(1), version(3)], ids=str)
def test_an_approved_campaign_is_not_changed(
    deployment: Deployment, bureau: Bureau, headers: dict[str, str]
) -> None:
    """Version 3 is the stored one: even who has read it cannot change what was approved."""
    bureau.open(document())

    def send(language: str) -> Reply:
        return put(deployment, language, headers)

    require_refused(deployment, send, 409, "CAMPAIGN_STATE", {"state": "RUNNING"})


@pytest.mark.parametrize("call", ["get_campaign", "approve", "pause", "resume"])
def test_a_campaign_that_is_not_there_is_not_found(deployment: Deployment, call: str) -> None:
    def send(language: str) -> Reply:
        reply: Reply = getattr(Bureau(deployment, language), call)("nothing")
        return reply

    require_refused(deployment, send, 404, "NOT_FOUND")


# Pause and resume


def test_a_pause_stops_claims_holds_and_redemptions_at_once_and_a_resumption_opens_them(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    redemption_id = unionpay.redeemed(unionpay.claimed(1, "q-2"), "o-2")
    paused = bureau.pause()
    assert (paused.status, paused.body["state"]) == (200, "PAUSED")
    # The shards stop claims in this very second, although the issue function still remembers
    # the campaign as running.
    refused(unionpay.claim(2, "q-3"), 409, "CAMPAIGN_PAUSED")
    deployment.clock.advance(seconds=2)
    refused(unionpay.hold(voucher_id), 409, "CAMPAIGN_PAUSED")
    refused(unionpay.redeem(voucher_id), 409, "CAMPAIGN_PAUSED")
    assert unionpay.refund(redemption_id, 8_000).status == 201
    assert unionpay.call("GET", "/v1/campaigns").body["campaigns"][0]["paused"] is True
    resumed = bureau.resume()
    assert (resumed.status, resumed.body["state"]) == (200, "RUNNING")
    deployment.clock.advance(seconds=2)
    assert unionpay.claim(2, "q-3").status == 201
    assert unionpay.redeem(voucher_id).status == 201


@pytest.mark.parametrize("caller", [OPERATOR, APPROVER])
def test_pausing_again_changes_no_state_and_repairs_what_was_left_behind(
    deployment: Deployment, bureau: Bureau, unionpay: Platform, caller: str
) -> None:
    """The first pause died after the campaign and before its shards."""
    set_campaign_state("PAUSED")
    reply = bureau.pause(caller=caller)
    assert (reply.status, reply.body["state"]) == (200, "PAUSED")
    assert {shard["state"]["S"] for shard in deployment.items("stock")} == {"PAUSED"}
    deployment.clock.advance(seconds=2)
    refused(unionpay.claim(), 409, "CAMPAIGN_PAUSED")


@pytest.mark.parametrize(
    ("call", "state"),
    [("pause", "FUNDING"), ("pause", "CLOSED"), ("resume", "FUNDING"), ("resume", "CLOSED")],
)
def test_only_a_running_or_paused_campaign_is_switched(
    deployment: Deployment, call: str, state: str
) -> None:
    set_campaign_state(state)

    def send(language: str) -> Reply:
        reply: Reply = getattr(Bureau(deployment, language), call)()
        return reply

    require_refused(deployment, send, 409, "CAMPAIGN_STATE", {"state": state})


@pytest.mark.parametrize("call", ["pause", "resume"])
def test_a_draft_is_not_switched(deployment: Deployment, bureau: Bureau, call: str) -> None:
    bureau.put_campaign(document())

    def send(language: str) -> Reply:
        reply: Reply = getattr(Bureau(deployment, language), call)(NEW_ID)
        return reply

    require_refused(deployment, send, 409, "CAMPAIGN_STATE", {"state": "DRAFT"})


# Campaigns as platforms see them


def test_a_platform_sees_its_types_and_stock_of_the_open_round(
    deployment: Deployment, unionpay: Platform, meituan: Platform
) -> None:
    body = unionpay.call("GET", f"/v1/campaigns/{CAMPAIGN_ID}").body
    assert body["identities"] == ["IDENTITY_NUMBER"]
    assert [r["voucher_type_ids"] for r in body["rounds"]] == [[REDUCTION, DISCOUNT, TICKET]] * 2
    assert {(s["round_id"], s["voucher_type_id"], s["left"]) for s in body["stock_left"]} == {
        ("r1", REDUCTION, 3),
        ("r1", DISCOUNT, 3),
        ("r1", TICKET, 1),
    }
    assert body["stock_read_at"] == "2026-01-05T02:30:00.000Z"
    theirs = meituan.call("GET", f"/v1/campaigns/{CAMPAIGN_ID}").body
    assert [r["voucher_type_ids"] for r in theirs["rounds"]] == [[REDUCTION]] * 2
    assert [s["left"] for s in theirs["stock_left"]] == [3]
    deployment.clock.move_to(CLOSE_1)
    later = unionpay.call("GET", f"/v1/campaigns/{CAMPAIGN_ID}").body
    assert {s["round_id"] for s in later["stock_left"]} == {"r2"}


def test_a_platform_sees_only_campaigns_in_which_it_has_stock(
    deployment: Deployment, bureau: Bureau, unionpay: Platform, meituan: Platform
) -> None:
    theirs = document()
    for in_round in theirs["rounds"]:
        in_round["stock"] = [a for a in in_round["stock"] if a["platform_id"] == UNIONPAY]
    bureau.open(theirs)
    mine = [c["campaign_id"] for c in unionpay.call("GET", "/v1/campaigns").body["campaigns"]]
    assert mine == [CAMPAIGN_ID, NEW_ID]
    others = [c["campaign_id"] for c in meituan.call("GET", "/v1/campaigns").body["campaigns"]]
    assert others == [CAMPAIGN_ID]

    def send(language: str) -> Reply:
        return Platform(deployment, MEITUAN, language).call("GET", f"/v1/campaigns/{NEW_ID}")

    require_refused(deployment, send, 404, "NOT_FOUND")


@pytest.mark.parametrize("state", ["FUNDING", "CLOSED"])
def test_a_campaign_that_does_not_run_is_not_offered(unionpay: Platform, state: str) -> None:
    set_campaign_state(state)
    assert unionpay.call("GET", "/v1/campaigns").body == {"campaigns": []}
    refused(unionpay.call("GET", f"/v1/campaigns/{CAMPAIGN_ID}"), 404, "NOT_FOUND")
