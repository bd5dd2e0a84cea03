"""How two persons end a break, and what a corrected bill makes of their word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.shared.domain.breaks import BreakState, ResolutionKind
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.store.tables import BreakItem
from tests.handlers.refusals import require_refused
from tests.support.calls import APPROVER, AUDITOR, OPERATOR, Bureau, version
from tests.support.campaigns import CAMPAIGN_ID, MEITUAN, UNIONPAY
from tests.support.events import Reply, refused, session_arn
from tests.support.replies import LOST_AFTER, TRANSACTION, scripted
from tests.support.settling import DAY_1, DAY_2, Books, at

BASE = "/v1/admin/breaks"
MORNING = at(DAY_2, "02:00")
OPERATOR_AS_APPROVER = session_arn("huimin-approver", "li.na")
WRITE_OFF = {"kind": "WRITE_OFF", "reason": "平台日志已过保存期，无法查证"}
ACCEPT_LEDGER = {"kind": "ACCEPT_LEDGER", "reason": "平台确认漏报"}


@pytest.fixture
def bureau(books: Books) -> Bureau:
    return Bureau(books.deployment)


def planted(books: Books, *orders: str) -> None:
    """Orders that the platform forgot in its bill, and the settlement of their day."""
    books.redeem("o-billed", at(DAY_1))
    good = books.entries(DAY_1)
    for order_no in orders:
        books.redeem(order_no, at(DAY_1, "12:05"))
    assert books.bill(DAY_1, good).is_accepted
    books.deployment.clock.now = MORNING
    books.settle(MORNING).require_sound()


def listed(bureau: Bureau, query: str = "") -> dict[str, Any]:
    reply = bureau.call(AUDITOR, "GET", f"{BASE}?platform_id={UNIONPAY}{query}")
    assert reply.status == 200, reply.text
    body: dict[str, Any] = reply.body
    return body


def place(books: Books, order_no: str = "o-1") -> str:
    """The path of the order's break."""
    found = next(
        b for b in books.breaks.of_day(UNIONPAY, DAY_1) if b.row.side.platform_order_no == order_no
    )
    return f"{BASE}/{UNIONPAY}/{DAY_1}/{found.break_id}"


def propose(
    books: Books, body: object = WRITE_OFF, *, seen: int = 1, caller: str = OPERATOR
) -> Reply:
    path = f"{place(books)}/resolution"
    return Bureau(books.deployment).call(caller, "PUT", path, body, headers=version(seen))


def approve(books: Books, *, seen: int = 2, caller: str = APPROVER) -> Reply:
    path = f"{place(books)}/resolution/approve"
    return Bureau(books.deployment).call(caller, "POST", path, headers=version(seen))


def test_a_break_is_ended_by_two_persons_and_every_step_is_kept(
    books: Books, bureau: Bureau
) -> None:
    planted(books, "o-1")
    money = books.deployment.snapshot()
    [found] = listed(bureau)["breaks"]
    assert (found["state"], found["match_state"], found["difference_fen"]) == (
        "OPEN",
        "LEDGER_ONLY",
        2_000,
    )
    assert (found["order_no"], found["campaign_id"], found["bill"]) == ("o-1", CAMPAIGN_ID, None)
    assert (found["ledger"]["voucher_fen"], found["ledger"]["merchant_id"]) == (2_000, "noodles")
    assert found["version"] == 1

    proposed = propose(books)
    assert (proposed.status, proposed.body["state"], proposed.headers["ETag"]) == (
        200,
        "PROPOSED",
        '"2"',
    )
    assert [each["state"] for each in listed(bureau)["breaks"]] == ["PROPOSED"]
    approved = approve(books)
    assert approved.status == 200, approved.text
    assert approved.body["state"] == "RESOLVED"
    resolution = approved.body["resolution"]
    assert (resolution["proposed_by"], resolution["approved_by"]) == ("li.na", "wang.wei")
    assert {name: resolution[name] for name in WRITE_OFF} == WRITE_OFF
    history = [(s["state"], s["resolution"] is not None) for s in approved.body["history"]]
    assert history == [("OPEN", False), ("PROPOSED", True)]

    assert listed(bureau) == {"breaks": [], "after": None}
    assert bureau.call(AUDITOR, "GET", place(books)).body == approved.body
    assert approved.body["age_days"] is None
    after = books.deployment.snapshot()
    assert {name for name in money if money[name] != after[name]} == {"breaks"}


def test_breaks_are_listed_oldest_first_with_their_age_page_by_page(
    books: Books, bureau: Bureau
) -> None:
    planted(books, "o-1", "o-2", "o-3")
    books.redeem("o-4", at(DAY_2))
    evening = at(DAY_2 + timedelta(days=2), "12:00")
    books.deployment.clock.now = evening
    books.settle(evening).require_sound()
    first = listed(bureau, "&limit=3")
    assert [each["age_days"] for each in first["breaks"]] == [2, 2, 2]
    second = listed(bureau, f"&limit=3&after={first['after']}")
    assert [(each["order_no"], each["age_days"]) for each in second["breaks"]] == [("o-4", 1)]
    assert second["after"] is None
    shown = {each["order_no"] for each in first["breaks"]}
    assert shown == {"o-1", "o-2", "o-3"}
    other = bureau.call(AUDITOR, "GET", f"{BASE}?platform_id={MEITUAN}")
    assert other.body == {"breaks": [], "after": None}


def test_a_request_sent_twice_is_answered_as_the_first_time(books: Books) -> None:
    planted(books, "o-1")
    for send in (propose, approve):
        first = send(books)
        before = books.deployment.snapshot()
        again = send(books)
        assert (again.status, again.body) == (200, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert books.deployment.snapshot() == before


def test_a_proposal_is_replaced_until_it_is_approved(books: Books) -> None:
    planted(books, "o-1")
    propose(books)
    replaced = propose(books, ACCEPT_LEDGER, seen=2)
    assert replaced.body["resolution"]["kind"] == "ACCEPT_LEDGER"
    refused(approve(books, seen=2), 412, "VERSION_MISMATCH")
    assert approve(books, seen=3).body["resolution"]["kind"] == "ACCEPT_LEDGER"


def test_nobody_approves_what_they_proposed(books: Books) -> None:
    planted(books, "o-1")
    propose(books)
    require_refused(
        books.deployment,
        lambda language: Bureau(books.deployment, language).call(
            OPERATOR_AS_APPROVER,
            "POST",
            f"{place(books)}/resolution/approve",
            headers=version(2),
        ),
        403,
        "SAME_PERSON",
        {},
    )


def test_a_break_takes_no_approval_without_a_proposal_and_nothing_once_it_is_ended(
    books: Books,
) -> None:
    planted(books, "o-1")

    def send(language: str, method: str, path: str, body: object, seen: int) -> Reply:
        caller = OPERATOR if method == "PUT" else APPROVER
        bureau = Bureau(books.deployment, language)
        path = f"{place(books)}/resolution{path}"
        return bureau.call(caller, method, path, body, headers=version(seen))

    def refuse(method: str, path: str, body: object, seen: int, state: str) -> None:
        require_refused(
            books.deployment,
            lambda language: send(language, method, path, body, seen),
            409,
            "BREAK_STATE",
            {"state": state},
        )

    refuse("POST", "/approve", None, 1, "OPEN")
    propose(books)
    approve(books)
    refuse("PUT", "", ACCEPT_LEDGER, 3, "RESOLVED")
    refuse("POST", "/approve", None, 3, "RESOLVED")


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/{UNIONPAY}/{DAY_1}/b_{'0' * 32}",
        f"{BASE}/{UNIONPAY}/2026-02-30/b_{'0' * 32}",
        f"{BASE}/{UNIONPAY}/today/b_{'0' * 32}",
        f"{BASE}/{UNIONPAY}/{DAY_1}/b_1",
    ],
)
def test_what_is_no_break_is_not_found(bureau: Bureau, path: str) -> None:
    refused(bureau.call(AUDITOR, "GET", path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "query", ["", "?platform_id=unionpay&after=2026-01-05", "?platform_id=unionpay&after=%23"]
)
def test_a_list_without_a_platform_or_from_nowhere_is_refused(bureau: Bureau, query: str) -> None:
    refused(bureau.call(AUDITOR, "GET", BASE + query), 400, "INVALID_FIELDS")


# A corrected bill comes.


def corrected(books: Books, *, right: bool) -> None:
    """The platform bills the order after all: as it was, or with another amount."""
    rows = books.entries(DAY_1)
    if not right:
        rows = [
            replace(row, voucher_fen=1_990, paid_fen=row.paid_fen + 10)
            if row.platform_order_no == "o-1"
            else row
            for row in rows
        ]
    later = MORNING + timedelta(hours=2)
    assert books.bill(DAY_1, rows, now=later).is_accepted
    books.settle(later).require_sound()


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_bill_that_agrees_closes_a_break_whatever_was_said_of_it(
    books: Books, bureau: Bureau, steps: int
) -> None:
    planted(books, "o-1")
    for send in (propose, approve)[:steps]:
        assert send(books).status == 200
    corrected(books, right=True)
    shown = bureau.call(AUDITOR, "GET", place(books)).body
    assert (shown["state"], shown["resolution"]) == ("CLOSED", None)
    assert [s["resolution"] is not None for s in shown["history"]] == [False, True, True][
        : steps + 1
    ]
    assert listed(bureau)["breaks"] == []


@pytest.mark.parametrize("steps", [1, 2])
def test_a_bill_with_another_difference_opens_the_break_anew(
    books: Books, bureau: Bureau, steps: int
) -> None:
    planted(books, "o-1")
    for send in (propose, approve)[:steps]:
        assert send(books).status == 200
    corrected(books, right=False)
    [shown] = listed(bureau)["breaks"]
    assert (shown["state"], shown["match_state"], shown["difference_fen"]) == (
        "OPEN",
        "AMOUNT_DIFFERS",
        10,
    )
    assert shown["resolution"] is None
    refused(approve(books, seen=2), 412, "VERSION_MISMATCH")


@pytest.mark.parametrize("steps", [1, 2])
def test_runs_and_bills_that_show_the_same_leave_what_was_said(books: Books, steps: int) -> None:
    planted(books, "o-1")
    for send in (propose, approve)[:steps]:
        send(books)
    before = books.breaks.of_day(UNIONPAY, DAY_1)
    rows = [row for row in books.entries(DAY_1) if row.platform_order_no != "o-1"]
    later = MORNING + timedelta(hours=2)
    assert books.bill(DAY_1, rows, now=later).is_accepted
    books.settle(later).require_sound()
    assert books.breaks.of_day(UNIONPAY, DAY_1) == before


def test_who_read_a_break_before_it_changed_does_not_overwrite_it(books: Books) -> None:
    """The store's own condition: both have read, then both write."""
    planted(books, "o-1")
    [seen] = books.breaks.of_day(UNIONPAY, DAY_1)
    first = seen.proposed(ResolutionKind.WRITE_OFF, "first", by="li.na", now=MORNING)
    books.breaks.change(seen, first)
    second = seen.proposed(ResolutionKind.ACCEPT_LEDGER, "second", by="chen.yu", now=MORNING)
    with pytest.raises(HuiminError) as caught:
        books.breaks.change(seen, second)
    assert (caught.value.code, caught.value.context["stored_version"]) == (
        Code.VERSION_MISMATCH,
        2,
    )
    assert books.breaks.of_day(UNIONPAY, DAY_1) == [first]


def test_a_change_whose_reply_was_lost_is_done(books: Books) -> None:
    planted(books, "o-1")
    [seen] = books.breaks.of_day(UNIONPAY, DAY_1)
    after = seen.proposed(ResolutionKind.WRITE_OFF, "lost", by="li.na", now=MORNING)
    with scripted(books.database.client, TRANSACTION, LOST_AFTER):
        books.breaks.change(seen, after)
    assert books.breaks.of_day(UNIONPAY, DAY_1) == [after]


def test_a_run_that_read_a_break_before_a_proposal_does_not_overwrite_it(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run sees its batch fail, reads again, and opens the break anew by the bill it has."""
    planted(books, "o-1")
    read = books.breaks._items

    def proposed_meanwhile(*args: Any) -> list[BreakItem]:  # noqa: ANN401 - as the store's
        items = read(*args)
        monkeypatch.setattr(books.breaks, "_items", read)
        assert propose(books).status == 200
        return items

    monkeypatch.setattr(books.breaks, "_items", proposed_meanwhile)
    corrected(books, right=False)
    [found] = books.breaks.of_day(UNIONPAY, DAY_1)
    assert found.state is BreakState.OPEN
    assert [step.state for step in found.history] == [BreakState.OPEN, BreakState.PROPOSED]
