"""Grants: persons whom the bureau names get a voucher each, once, by two persons' word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

import functions.grant.handler
from functions.shared.domain.grants import PARTS
from infra.local.people import make_person
from tests.handlers.refusals import require_refused
from tests.support.calls import APPROVER, AUDITOR, OPERATOR, Bureau, Platform
from tests.support.campaigns import (
    BEFORE,
    CLOSE_1,
    DIRECT_ID,
    REDUCTION,
    ROUND_1,
    TICKET,
    UNIONPAY,
    direct_document,
)
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused, session_arn
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, scripted

BASE = f"/v1/admin/campaigns/{DIRECT_ID}"
BODY = {
    "round_id": ROUND_1,
    "voucher_type_id": REDUCTION,
    "platform_id": UNIONPAY,
    "reason": "八十岁以上老人",
}


@pytest.fixture(autouse=True)
def _running(bureau: Bureau) -> None:
    bureau.open(direct_document())


def person(number: int) -> dict[str, str]:
    return {"identity_number": make_person(number).identity_number}


def make(bureau: Bureau, grant_id: str = "elders", /, **changes: object) -> Reply:
    return bureau.call(OPERATOR, "PUT", f"{BASE}/grants/{grant_id}", BODY | changes)


def add(bureau: Bureau, persons: Iterable[int], grant_id: str = "elders") -> Reply:
    body = {"persons": [person(number) for number in persons]}
    return bureau.call(OPERATOR, "POST", f"{BASE}/grants/{grant_id}/persons", body)


def approve(
    bureau: Bureau, rows: int, grant_id: str = "elders", *, caller: str = APPROVER
) -> Reply:
    return bureau.call(caller, "POST", f"{BASE}/grants/{grant_id}/approve", {"rows": rows})


def run(bureau: Bureau, part: int, grant_id: str = "elders", **changes: object) -> Reply:
    body = {"part": part} | changes
    return bureau.call(OPERATOR, "POST", f"{BASE}/grants/{grant_id}/run", body)


def run_all(bureau: Bureau, grant_id: str = "elders") -> dict[str, int]:
    """Carries out every part, in small steps; what was done in all."""
    done = {"granted": 0, "refused": 0, "stopped": 0}
    for part in range(PARTS):
        after = None
        while True:
            reply = run(bureau, part, grant_id, after=after, limit=2)
            assert reply.status == 200, reply.text
            done["granted"] += reply.body["granted"]
            done["refused"] += reply.body["refused"]
            done["stopped"] += reply.body["stopped_by"] is not None
            after = reply.body["after"]
            if after is None or reply.body["stopped_by"]:
                break
    return done


def progress(bureau: Bureau, grant_id: str = "elders") -> tuple[int, ...]:
    """Rows; granted, refused, left."""
    body = bureau.call(AUDITOR, "GET", f"{BASE}/grants/{grant_id}").body
    told = body["progress"]
    return body["rows"], told["granted"], told["refused"], told["left"]


def rows(bureau: Bureau, grant_id: str = "elders", limit: int = 100) -> list[dict[str, Any]]:
    """Every row, page by page."""
    found: list[dict[str, Any]] = []
    for part in range(PARTS):
        after = ""
        while True:
            query = f"part={part}&limit={limit}" + (f"&after={after}" if after else "")
            page = bureau.call(AUDITOR, "GET", f"{BASE}/grants/{grant_id}/rows?{query}").body
            found += page["rows"]
            after = page["after"]
            if after is None:
                break
    return found


def approved(bureau: Bureau, persons: int, grant_id: str = "elders") -> list[str]:
    """A grant to so many persons that may be carried out; their vouchers' ids to be."""
    assert make(bureau, grant_id).status == 201
    listed = add(bureau, range(persons), grant_id).body["persons"]
    assert approve(bureau, persons, grant_id).status == 200
    return [each["voucher_id"] for each in listed]


def test_everybody_on_the_list_gets_one_voucher_that_works_like_any_other(
    bureau: Bureau, unionpay: Platform
) -> None:
    made = make(bureau)
    assert (made.status, made.body["state"], made.body["rows"]) == (201, "LISTING", 0)
    names = [each["voucher_id"] for each in add(bureau, range(3)).body["persons"]]
    assert progress(bureau) == (3, 0, 0, 3)
    assert approve(bureau, 3).body["state"] == "APPROVED"
    assert run_all(bureau) == {"granted": 3, "refused": 0, "stopped": 0}
    assert progress(bureau) == (3, 3, 0, 0)
    by_id = {row["voucher_id"]: row for row in rows(bureau, limit=1)}
    assert {by_id[name]["state"] for name in names} == {"GRANTED"}
    found = unionpay.search(0, campaign_id=DIRECT_ID).body["vouchers"]
    assert [voucher["voucher_id"] for voucher in found] == names[:1]
    [granted] = found[0]["timeline"]
    assert (granted["event"], granted["reference"]) == ("GRANTED", "elders")
    redeemed = unionpay.redeem(names[0])
    assert redeemed.status == 201, redeemed.text
    assert redeemed.body["voucher_fen"] == 2_000


def test_a_run_that_is_repeated_grants_nothing_twice(bureau: Bureau) -> None:
    approved(bureau, 3)
    assert run_all(bureau)["granted"] == 3
    assert run_all(bureau) == {"granted": 0, "refused": 0, "stopped": 0}
    assert progress(bureau) == (3, 3, 0, 0)


def test_a_run_whose_reply_was_lost_is_repeated_and_grants_nothing_twice(
    bureau: Bureau,
) -> None:
    [name] = approved(bureau, 1)
    database = functions.grant.handler._database()
    with scripted(database.client, TRANSACTION, *[LOST_AFTER] * TRIES):
        assert run_all(bureau) == {"granted": 0, "refused": 0, "stopped": 1}
    run_all(bureau)
    assert progress(bureau) == (1, 1, 0, 0)
    assert [row["voucher_id"] for row in rows(bureau)] == [name]


def test_a_person_who_is_sent_again_is_listed_once(bureau: Bureau) -> None:
    make(bureau)
    first = add(bureau, [0, 1, 0]).body["persons"]
    assert [each["already_listed"] for each in first] == [False, False, True]
    assert first[0]["voucher_id"] == first[2]["voucher_id"]
    again = add(bureau, [2, 1]).body["persons"]
    assert [each["already_listed"] for each in again] == [False, True]
    assert progress(bureau) == (3, 0, 0, 3)


def test_a_list_as_long_as_a_call_takes_goes_in_at_once_and_a_longer_one_does_not(
    bureau: Bureau,
) -> None:
    make(bureau)
    assert add(bureau, range(90)).status == 200
    assert progress(bureau)[0] == 90
    document = refused(add(bureau, range(91)), 400, "INVALID_FIELDS")
    assert document["errors"][0]["pointer"] == "/persons"
    assert progress(bureau)[0] == 90


def test_whoever_had_as_many_as_a_person_may_have_is_refused_and_the_others_are_not(
    bureau: Bureau,
) -> None:
    approved(bureau, 2, "first")
    assert run_all(bureau, "first")["granted"] == 2
    make(bureau, "second")
    add(bureau, range(1, 4), "second")
    approve(bureau, 3, "second")
    assert run_all(bureau, "second") == {"granted": 2, "refused": 1, "stopped": 0}
    assert progress(bureau, "second") == (3, 2, 1, 0)
    [refusal] = [row for row in rows(bureau, "second") if row["state"] == "REFUSED"]
    assert refusal["refusal"] == "PERSON_LIMIT_REACHED"
    assert run_all(bureau, "second") == {"granted": 0, "refused": 0, "stopped": 0}


def test_what_was_granted_counts_against_what_may_be_claimed(
    bureau: Bureau, unionpay: Platform
) -> None:
    """Limits know no difference: at most four of the campaign, one of a type and round."""
    bureau.put_campaign(
        direct_document(limits=[{"scope": "CAMPAIGN", "max_count": 1}], campaign_id="one-each")
    )
    bureau.approve("one-each")
    base = "/v1/admin/campaigns/one-each/grants/g"
    bureau.call(OPERATOR, "PUT", base, BODY)
    bureau.call(OPERATOR, "POST", f"{base}/persons", {"persons": [person(0)]})
    bureau.call(APPROVER, "POST", f"{base}/approve", {"rows": 1})
    for part in range(PARTS):
        bureau.call(OPERATOR, "POST", f"{base}/run", {"part": part})
    claim = {"campaign_id": "one-each", "voucher_type_id": TICKET}
    document = refused(unionpay.claim(0, "q-1", **claim), 409, "PERSON_LIMIT_REACHED")
    assert (document["scope"], document["used"]) == ("CAMPAIGN", 1)


def test_a_sold_out_pool_stops_the_run_and_new_units_let_it_go_on(
    deployment: Deployment, bureau: Bureau
) -> None:
    """The pool had enough when the list was approved; another grant was faster."""
    for grant_id, persons in (("first", range(4)), ("second", range(10, 14))):
        make(bureau, grant_id)
        add(bureau, persons, grant_id)
        assert approve(bureau, 4, grant_id).status == 200
    assert run_all(bureau, "first")["granted"] == 4
    short = run_all(bureau, "second")
    assert short["granted"] == 1
    assert short["stopped"] > 0
    assert progress(bureau, "second") == (4, 1, 0, 3)
    change = {k: v for k, v in BODY.items() if k != "reason"} | {
        "units_before": 5,
        "units_after": 8,
        "reason": "名单增加",
    }
    bureau.call(OPERATOR, "PUT", f"{BASE}/stock-changes/c1", change)
    bureau.call(APPROVER, "POST", f"{BASE}/stock-changes/c1/approve")
    deployment.clock.advance(seconds=3)
    assert run_all(bureau, "second") == {"granted": 3, "refused": 0, "stopped": 0}
    assert progress(bureau, "second") == (4, 4, 0, 0)


def test_a_pause_and_the_clock_stop_runs(deployment: Deployment, bureau: Bureau) -> None:
    approved(bureau, 2)
    bureau.pause(DIRECT_ID)
    require_refused(
        deployment,
        lambda language: run(Bureau(deployment, language), 0),
        409,
        "CAMPAIGN_PAUSED",
    )
    bureau.resume(DIRECT_ID)
    deployment.clock.move_to(BEFORE)
    refused(run(bureau, 0), 409, "ROUND_NOT_OPEN")
    deployment.clock.move_to(CLOSE_1)
    refused(run(bureau, 0), 409, "ROUND_CLOSED")
    assert progress(bureau) == (2, 0, 0, 2)


# Who may, and when


def test_a_list_is_approved_by_another_person_and_as_it_was_seen(
    deployment: Deployment, bureau: Bureau
) -> None:
    make(bureau)
    add(bureau, range(2))
    same = session_arn("huimin-approver", "li.na")
    refused(approve(bureau, 2, caller=same), 403, "SAME_PERSON")
    require_refused(
        deployment,
        lambda language: approve(Bureau(deployment, language), 3),
        409,
        "GRANT_CHANGED",
        {"rows": 2},
    )
    assert approve(bureau, 2).status == 200
    assert approve(bureau, 2).status == 200
    other = session_arn("huimin-approver", "chen.jie")
    refused(approve(bureau, 2, caller=other), 409, "GRANT_STATE")


def test_an_approved_list_takes_nobody_and_an_unapproved_one_is_not_carried_out(
    deployment: Deployment, bureau: Bureau
) -> None:
    make(bureau)
    add(bureau, range(2))
    refused(run(bureau, 0), 409, "GRANT_STATE")
    approve(bureau, 2)
    require_refused(
        deployment,
        lambda language: add(Bureau(deployment, language), [5]),
        409,
        "GRANT_STATE",
        {"state": "APPROVED"},
    )


def test_a_list_that_the_pool_cannot_serve_is_not_approved(
    deployment: Deployment, bureau: Bureau
) -> None:
    make(bureau)
    add(bureau, range(6))
    require_refused(
        deployment,
        lambda language: approve(Bureau(deployment, language), 6),
        409,
        "STOCK_INSUFFICIENT",
        {"needed": 6, "available": 5},
    )


def test_platforms_cannot_claim_what_is_granted_and_see_so(
    deployment: Deployment, unionpay: Platform
) -> None:
    def claim(language: str) -> Reply:
        return Platform(deployment, language=language).claim(campaign_id=DIRECT_ID)

    facts = {"voucher_type_id": REDUCTION, "distribution": "DIRECT"}
    require_refused(deployment, claim, 409, "NOT_DISTRIBUTED_SO", facts)
    types = unionpay.call("GET", f"/v1/campaigns/{DIRECT_ID}").body["voucher_types"]
    assert {t["voucher_type_id"]: t["distribution"] for t in types} == {
        REDUCTION: "DIRECT",
        "fifth-off": "FIRST_COME",
        TICKET: "FIRST_COME",
    }
    assert unionpay.claim(campaign_id=DIRECT_ID, voucher_type_id=TICKET).status == 201


def test_what_can_be_claimed_cannot_be_granted(deployment: Deployment) -> None:
    require_refused(
        deployment,
        lambda language: make(Bureau(deployment, language), voucher_type_id=TICKET),
        409,
        "NOT_DISTRIBUTED_SO",
        {"voucher_type_id": TICKET, "distribution": "FIRST_COME"},
    )


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"round_id": "r9"}, 404, "NOT_FOUND"),
        ({"voucher_type_id": "none"}, 404, "NOT_FOUND"),
        ({"platform_id": "meituan"}, 404, "NOT_FOUND"),
        ({"reason": ""}, 400, "INVALID_FIELDS"),
        ({"units": 1}, 400, "INVALID_FIELDS"),
    ],
)
def test_a_grant_of_nothing_is_refused(
    deployment: Deployment, bureau: Bureau, changes: dict[str, object], status: int, code: str
) -> None:
    before = deployment.snapshot()
    refused(make(bureau, **changes), status, code)
    assert deployment.snapshot() == before


def test_a_draft_grants_nothing_nor_does_a_round_that_is_over(
    deployment: Deployment, bureau: Bureau
) -> None:
    bureau.put_campaign(direct_document(campaign_id="draft"))
    refused(
        bureau.call(OPERATOR, "PUT", "/v1/admin/campaigns/draft/grants/g", BODY),
        409,
        "CAMPAIGN_STATE",
    )
    deployment.clock.move_to(CLOSE_1)
    refused(make(bureau), 409, "ROUND_CLOSED")


def test_the_same_grant_again_is_answered_as_the_first_time(
    deployment: Deployment, bureau: Bureau
) -> None:
    first = make(bureau)
    add(bureau, [0])
    deployment.clock.move_to(CLOSE_1)
    again = make(bureau)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.body == first.body | {"rows": 1}
    refused(make(bureau, reason="另一个原因"), 422, "KEY_REUSED")


def test_grants_are_listed_by_id_page_by_page(bureau: Bureau) -> None:
    for grant_id in ("b", "a", "c"):
        make(bureau, grant_id)
    first = bureau.call(AUDITOR, "GET", f"{BASE}/grants?limit=2").body
    assert [grant["grant_id"] for grant in first["grants"]] == ["a", "b"]
    last = bureau.call(AUDITOR, "GET", f"{BASE}/grants?limit=2&after={first['after']}").body
    assert [grant["grant_id"] for grant in last["grants"]] == ["c"]
    assert last["after"] is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/rows?part=0", None),
        ("POST", "/persons", {"persons": [{"phone": "13800138000"}]}),
        ("POST", "/approve", {"rows": 1}),
        ("POST", "/run", {"part": 0}),
    ],
)
def test_an_unknown_grant_is_not_found(
    deployment: Deployment, bureau: Bureau, method: str, path: str, body: object
) -> None:
    before = deployment.snapshot()
    caller = APPROVER if path == "/approve" else OPERATOR
    refused(bureau.call(caller, method, f"{BASE}/grants/none{path}", body), 404, "NOT_FOUND")
    assert deployment.snapshot() == before


# Persons by several identities

TWO = {
    "identities": ["IDENTITY_NUMBER", "PHONE"],
    "eligibility": {"real_name": True, "located_in": []},
}


def test_a_missing_identity_is_named_by_its_place(bureau: Bureau) -> None:
    bureau.open(direct_document(campaign_id="two", person=TWO))
    base = "/v1/admin/campaigns/two/grants/g"
    bureau.call(OPERATOR, "PUT", base, BODY)
    whole = person(0) | {"phone": make_person(0).phone}
    document = refused(
        bureau.call(OPERATOR, "POST", f"{base}/persons", {"persons": [whole, person(1)]}),
        400,
        "INVALID_FIELDS",
    )
    assert [error["pointer"] for error in document["errors"]] == ["/persons/1/phone"]
    assert bureau.call(AUDITOR, "GET", base).body["rows"] == 0


def test_one_person_with_two_phones_is_refused_wherever_the_other_stands(
    deployment: Deployment, bureau: Bureau
) -> None:
    """Both are counted: which of them was meant would decide what else the person may claim."""
    bureau.open(direct_document(campaign_id="two", person=TWO))
    base = "/v1/admin/campaigns/two/grants/g"
    bureau.call(OPERATOR, "PUT", base, BODY)
    one = person(0) | {"phone": make_person(0).phone}
    other = person(0) | {"phone": make_person(1).phone}
    third = person(2) | {"phone": make_person(2).phone}

    def send(*persons: dict[str, str]) -> Reply:
        return bureau.call(OPERATOR, "POST", f"{base}/persons", {"persons": list(persons)})

    before = deployment.snapshot()
    document = refused(send(third, one, other), 400, "INVALID_FIELDS")
    assert [error["pointer"] for error in document["errors"]] == ["/persons/2"]
    assert deployment.snapshot() == before
    assert send(one).status == 200
    before = deployment.snapshot()
    document = refused(send(third, other), 400, "INVALID_FIELDS")
    assert [error["pointer"] for error in document["errors"]] == ["/persons/1"]
    assert deployment.snapshot() == before


def test_a_mistyped_number_is_refused_by_its_place_and_nobody_is_listed(bureau: Bureau) -> None:
    make(bureau)
    wrong = {"identity_number": person(1)["identity_number"][:-1] + "A"}
    body = {"persons": [person(0), wrong]}
    document = refused(
        bureau.call(OPERATOR, "POST", f"{BASE}/grants/elders/persons", body),
        400,
        "INVALID_FIELDS",
    )
    assert [error["pointer"] for error in document["errors"]] == ["/persons/1/identity_number"]
    assert progress(bureau)[0] == 0


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("run", {}, "/part"),
        ("run", {"part": 16}, "/part"),
        ("run", {"part": -1}, "/part"),
        ("run", {"part": "0"}, "/part"),
        ("run", {"part": 0, "limit": 201}, "/limit"),
        ("run", {"part": 0, "limit": 0}, "/limit"),
        ("run", {"part": 0, "after": "elders"}, "/after"),
        ("run", {"part": 0, "all": True}, "/all"),
        ("approve", {"rows": 0}, "/rows"),
        ("approve", {}, "/rows"),
        ("persons", {"persons": []}, "/persons"),
        ("persons", {"persons": ["11010519491231002X"]}, "/persons/0"),
        ("persons", {"persons": [{"name": "li"}]}, "/persons/0/name"),
        ("persons", {"persons": [{}]}, "/persons/0/identity_number"),
    ],
)
def test_a_body_that_cannot_be_is_refused_by_its_place_and_changes_nothing(
    deployment: Deployment, bureau: Bureau, path: str, body: dict[str, Any], pointer: str
) -> None:
    make(bureau)
    before = deployment.snapshot()
    caller = APPROVER if path == "approve" else OPERATOR
    reply = bureau.call(caller, "POST", f"{BASE}/grants/elders/{path}", body)
    errors = refused(reply, 400, "INVALID_FIELDS")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]
    assert deployment.snapshot() == before


@pytest.mark.parametrize("query", ["", "part=16", "part=x", "part=0&limit=0", "part=0&after=x"])
def test_a_query_that_cannot_be_is_refused(bureau: Bureau, query: str) -> None:
    make(bureau)
    reply = bureau.call(AUDITOR, "GET", f"{BASE}/grants/elders/rows?{query}")
    refused(reply, 400, "INVALID_FIELDS")
