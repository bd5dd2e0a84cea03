"""More or fewer units of a running round: two persons' word, from the number that was seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.by_hand import set_campaign_state
from tests.handlers.refusals import require_refused
from tests.support.calls import APPROVER, AUDITOR, OPERATOR, Bureau, Platform
from tests.support.campaigns import CAMPAIGN_ID, CLOSE_1, REDUCTION, ROUND_1, UNIONPAY
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused, session_arn

BASE = f"/v1/admin/campaigns/{CAMPAIGN_ID}"
# Three units of 20 yuan each, as the campaign was made.
BEFORE, RESERVE_FEN = 3, 2_000


def body(units_after: int = 5, **changes: object) -> dict[str, Any]:
    """A proposal."""
    plain = {
        "round_id": ROUND_1,
        "voucher_type_id": REDUCTION,
        "platform_id": UNIONPAY,
        "units_before": BEFORE,
        "units_after": units_after,
        "reason": "开门半小时即将售罄",
    }
    return plain | changes


def propose(
    bureau: Bureau,
    units_after: int = 5,
    change_id: str = "c1",
    **changes: object,
) -> Reply:
    path = f"{BASE}/stock-changes/{change_id}"
    return bureau.call(OPERATOR, "PUT", path, body(units_after, **changes))


def approve(bureau: Bureau, change_id: str = "c1", *, caller: str = APPROVER) -> Reply:
    return bureau.call(caller, "POST", f"{BASE}/stock-changes/{change_id}/approve")


def made(bureau: Bureau, units_after: int, change_id: str = "c1", **changes: object) -> Reply:
    """A change proposed and approved."""
    assert propose(bureau, units_after, change_id, **changes).status == 201
    reply = approve(bureau, change_id)
    assert reply.status == 200, reply.text
    return reply


def pool(bureau: Bureau) -> dict[str, Any]:
    """The pool as the bureau sees it."""
    pools = bureau.call(AUDITOR, "GET", f"{BASE}/pools").body["pools"]
    found: dict[str, Any] = next(
        p
        for p in pools
        if (p["round_id"], p["voucher_type_id"], p["platform_id"]) == (ROUND_1, REDUCTION, UNIONPAY)
    )
    return found


def unallocated_fen(bureau: Bureau) -> int:
    fen: int = bureau.get_campaign().body["funds"]["unallocated_fen"]
    return fen


def test_units_are_added_by_two_persons_word_and_claimed_at_once(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    """Also by who was just told that all is sold out: that is remembered for two seconds."""
    for person in range(BEFORE):
        unionpay.claimed(person, f"q-{person}")
    refused(unionpay.claim(8, "q-8"), 409, "SOLD_OUT")
    left_fen = unallocated_fen(bureau)
    proposed = propose(bureau)
    assert (proposed.status, proposed.body["state"]) == (201, "PROPOSED")
    assert (pool(bureau)["planned_units"], unallocated_fen(bureau)) == (BEFORE, left_fen)
    done = approve(bureau).body
    assert (done["state"], done["moved_units"]) == ("DONE", 2)
    assert (done["made_by"], done["approved_by"]) == ("li.na", "wang.wei")
    assert unallocated_fen(bureau) == left_fen - 2 * RESERVE_FEN
    level = pool(bureau)
    assert (level["planned_units"], level["available"], level["issued"]) == (5, 2, 3)
    deployment.clock.advance(seconds=2)
    assert unionpay.claim(8, "q-8").status == 201
    assert unionpay.claim(9, "q-9").status == 201
    refused(unionpay.claim(10, "q-10"), 409, "SOLD_OUT")


def test_units_are_taken_out_and_their_money_is_unallocated(
    bureau: Bureau, unionpay: Platform
) -> None:
    unionpay.claimed()
    left_fen = unallocated_fen(bureau)
    done = made(bureau, 1).body
    assert (done["state"], done["moved_units"]) == ("DONE", 2)
    assert unallocated_fen(bureau) == left_fen + 2 * RESERVE_FEN
    level = pool(bureau)
    assert (level["planned_units"], level["allocated"], level["available"]) == (1, 1, 0)
    assert level["stock_change"] is None
    refused(unionpay.claim(1, "q-2"), 409, "SOLD_OUT")


def test_a_paused_campaigns_stock_can_be_changed(bureau: Bureau) -> None:
    bureau.pause()
    assert made(bureau, 6).body["state"] == "DONE"
    assert made(bureau, 2, "c2", units_before=6).body["moved_units"] == 4


def test_the_same_again_is_answered_as_the_first_time(
    deployment: Deployment, bureau: Bureau
) -> None:
    first = propose(bureau)
    again = propose(bureau)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.text == first.text
    approved = approve(bureau)
    before = deployment.snapshot()
    assert approve(bureau).text == approved.text
    assert propose(bureau).body["state"] == "DONE"
    assert deployment.snapshot() == before


@pytest.mark.parametrize(
    "changed", [{"units_after": 6}, {"reason": "另一原因"}, {"voucher_type_id": "fifth-off"}]
)
def test_an_id_stands_for_one_content(
    deployment: Deployment, bureau: Bureau, changed: dict[str, Any]
) -> None:
    propose(bureau)

    def send(language: str) -> Reply:
        path = f"{BASE}/stock-changes/c1"
        return Bureau(deployment, language).call(OPERATOR, "PUT", path, body() | changed)

    require_refused(deployment, send, 422, "KEY_REUSED", {"number": "c1"})


def test_the_maker_does_not_approve_whatever_role_they_take(
    deployment: Deployment, bureau: Bureau
) -> None:
    propose(bureau)

    def send(language: str) -> Reply:
        return approve(Bureau(deployment, language), caller=session_arn("huimin-approver", "li.na"))

    require_refused(deployment, send, 403, "SAME_PERSON")


def test_two_changes_are_not_made_from_the_same_number(
    deployment: Deployment, bureau: Bureau
) -> None:
    propose(bureau, 5, "c1")
    propose(bureau, 6, "c2")
    assert approve(bureau, "c1").status == 200

    def send(language: str) -> Reply:
        return approve(Bureau(deployment, language), "c2")

    require_refused(deployment, send, 409, "STOCK_CHANGED", {"units_before": 3, "units": 5})


def test_more_than_is_unallocated_is_refused_with_both_sums(
    deployment: Deployment, bureau: Bureau
) -> None:
    left_fen = unallocated_fen(bureau)
    units = left_fen // RESERVE_FEN + 1

    def send(language: str) -> Reply:
        return propose(Bureau(deployment, language), BEFORE + units)

    facts = {"needed_fen": units * RESERVE_FEN, "unallocated_fen": left_fen}
    require_refused(deployment, send, 409, "FUNDS_INSUFFICIENT", facts)


def test_more_than_is_left_is_not_taken_out(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    """Claims came between the proposal and its approval."""
    propose(bureau, 0)
    unionpay.claimed()

    def send(language: str) -> Reply:
        return approve(Bureau(deployment, language))

    require_refused(deployment, send, 409, "STOCK_INSUFFICIENT", {"needed": 3, "available": 2})


def test_a_closed_rounds_stock_is_not_changed(deployment: Deployment, bureau: Bureau) -> None:
    propose(bureau)
    deployment.clock.move_to(CLOSE_1)

    def send(language: str) -> Reply:
        return approve(Bureau(deployment, language))

    facts = {"closed_at": "2026-01-12T02:00:00.000Z"}
    require_refused(deployment, send, 409, "ROUND_CLOSED", facts)


def test_a_closed_campaigns_stock_is_not_changed(deployment: Deployment, bureau: Bureau) -> None:
    propose(bureau)
    set_campaign_state("CLOSED")

    def send(language: str) -> Reply:
        return approve(Bureau(deployment, language))

    require_refused(deployment, send, 409, "CAMPAIGN_STATE", {"state": "CLOSED"})


@pytest.mark.parametrize(
    "changed",
    [{"round_id": "r9"}, {"voucher_type_id": "nothing"}, {"platform_id": "nobody"}],
)
def test_a_pool_that_is_not_there_is_not_found(
    deployment: Deployment, changed: dict[str, object]
) -> None:
    def send(language: str) -> Reply:
        return propose(Bureau(deployment, language), 5, "c1", **changed)

    require_refused(deployment, send, 404, "NOT_FOUND")


def test_a_change_of_nothing_names_what_to_mend(deployment: Deployment, bureau: Bureau) -> None:
    before = deployment.snapshot()
    reply = propose(bureau, BEFORE)
    problem = refused(reply, 400, "INVALID_FIELDS")
    assert "units_after" in problem["errors"][0]["detail"]
    assert deployment.snapshot() == before


@pytest.mark.parametrize("path", ["stock-changes/c9", "stock-changes/c9/approve"])
def test_a_change_that_is_not_there_is_not_found(bureau: Bureau, path: str) -> None:
    method, caller = ("POST", APPROVER) if path.endswith("approve") else ("GET", AUDITOR)
    refused(bureau.call(caller, method, f"{BASE}/{path}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["pools", "stock-changes"])
def test_of_a_campaign_that_is_not_there_nothing_is_listed(bureau: Bureau, path: str) -> None:
    reply = bureau.call(AUDITOR, "GET", f"/v1/admin/campaigns/nothing/{path}")
    refused(reply, 404, "NOT_FOUND")


def test_the_auditor_reads_every_change_page_by_page(bureau: Bureau) -> None:
    for number in range(5):
        propose(bureau, 4 + number, f"c{number}")
    path = f"{BASE}/stock-changes"
    seen: list[str] = []
    after = ""
    for _ in range(3):
        listed = bureau.call(AUDITOR, "GET", f"{path}?limit=2{after}").body
        seen += [change["change_id"] for change in listed["changes"]]
        after = f"&after={listed['after']}"
    assert seen == ["c0", "c1", "c2", "c3", "c4"]
    assert listed["after"] is None
    one = bureau.call(AUDITOR, "GET", f"{path}/c3").body
    assert one == bureau.call(AUDITOR, "GET", f"{path}?limit=1&after=c2").body["changes"][0]
    assert (one["reason"], one["units_after"]) == ("开门半小时即将售罄", 7)
