"""How a platform's statements are confirmed, netted into payouts, and paid."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.files.messages import FilesQuery, day_files_answer
from functions.files.service import FileService
from functions.reconcile.payout_files import publish_payouts
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import FundingParts
from functions.shared.domain.payouts import (
    MOST_STATEMENTS,
    Confirmation,
    ConfirmedBy,
    Payout,
    PayoutLine,
    Standing,
    StatementState,
    confirm_by_of,
    draw_payout,
    from_payload,
    net_of,
    payable,
    standing_of,
    to_payload,
)
from functions.shared.domain.settlement import SegmentSum, Statement, Tallies, Tally, make_statement
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store.payouts import PayoutStore
from tests.handlers.refusals import require_refused
from tests.reconcile.test_fund_returns import close
from tests.support.calls import APPROVER, AUDITOR, OPERATOR, Bureau, platform_arn, version
from tests.support.campaigns import CAMPAIGN_ID, MEITUAN, UNIONPAY, campaign, contract
from tests.support.events import Reply, refused, session_arn
from tests.support.replies import LOST_AFTER, TRANSACTION, scripted
from tests.support.settling import DAY_1, DAY_2, OTHER_CAMPAIGN, Books, at

OWN = f"/v1/settlements/{CAMPAIGN_ID}"
BASE = f"/v1/admin/campaigns/{CAMPAIGN_ID}/settlements/{UNIONPAY}"
DAY_3 = DAY_2 + timedelta(days=1)
MORNING_2, MORNING_3, MORNING_4 = (at(DAY_1 + timedelta(days=n), "09:00") for n in (1, 2, 3))


def settled(books: Books, *days: date) -> None:
    """Bills the days truly, and settles each on its next morning."""
    for on in days:
        books.bill(on, books.entries(on))
        books.settle(at(on + timedelta(days=1), "08:00"))
        books.deployment.clock.now = at(on + timedelta(days=1), "09:00")


def own(books: Books, platform_id: str = UNIONPAY) -> dict[str, Any]:
    """The account as the platform reads it."""
    reply = books.deployment.call(platform_arn(platform_id), "GET", OWN)
    assert reply.status == 200, reply.text
    body: dict[str, Any] = reply.body
    return body


def account(books: Books) -> dict[str, Any]:
    """The account as the bureau reads it."""
    reply = Bureau(books.deployment).call(AUDITOR, "GET", BASE)
    assert reply.status == 200, reply.text
    body: dict[str, Any] = reply.body
    return body


def told_of(books: Books, on: date) -> dict[str, object]:
    """What a platform that agrees says of a day's statement."""
    [found] = [s for s in own(books)["settlements"] if s["business_on"] == on.isoformat()]
    return {name: found[name] for name in ("statement_id", "payable_fen", "payable_side")}


def confirm(
    books: Books,
    on: date,
    body: object = None,
    *,
    platform_id: str = UNIONPAY,
    language: str = "en",
) -> Reply:
    told = body or told_of(books, on)
    path = f"{OWN}/{on.isoformat()}/confirm"
    headers = {"Accept-Language": language}
    return books.deployment.call(platform_arn(platform_id), "POST", path, told, headers=headers)


def draw(books: Books, seen: int, *, caller: str = OPERATOR, language: str = "en") -> Reply:
    headers = {**version(seen), "Accept-Language": language}
    return Bureau(books.deployment).call(caller, "POST", f"{BASE}/payouts", headers=headers)


def pay(
    books: Books,
    what: str,
    seen: int,
    *,
    number: int = 1,
    caller: str = OPERATOR,
    body: object = None,
) -> Reply:
    path = f"{BASE}/payouts/{number}/payment" + (f"/{what}" if what else "")
    return Bureau(books.deployment).call(caller, "POST", path, body, headers=version(seen))


def paid(books: Books, number: int, **changes: object) -> Reply:
    """Proposed, approved, and answered by the bank."""
    payout = Bureau(books.deployment).call(AUDITOR, "GET", f"{BASE}/payouts/{number}").body
    seen = payout["version"]
    assert pay(books, "", seen, number=number).status == 200
    approved = pay(books, "approve", seen + 1, number=number, caller=APPROVER)
    assert approved.status == 200, approved.text
    last = approved.body["payments"][-1]
    reply = {
        "reference": last["reference"],
        "account_number": "6200001111",
        "paid_fen": last["amount_fen"],
        "bank_reference": "B-1",
        "note": "已入账",
    }
    return pay(books, "reply", seen + 2, number=number, body=reply | changes)


def states(books: Books) -> list[str]:
    return [found["state"] for found in own(books)["settlements"]]


def test_a_statement_is_confirmed_by_its_platform_drawn_up_and_paid(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    assert states(books) == ["DRAFT"]
    reply = confirm(books, DAY_1)
    assert reply.status == 200, reply.text
    assert states(books) == ["CONFIRMED"]
    [statement] = account(books)["settlements"]
    assert (statement["confirmed_by"], statement["payout"]) == ("PLATFORM", None)
    assert (account(books)["due_fen"], account(books)["due_statements"]) == (2_000, 1)
    drawn = draw(books, 1)
    assert drawn.status == 201, drawn.text
    assert (drawn.body["payable_fen"], drawn.body["payable_side"]) == (2_000, "BUREAU")
    assert [line["business_on"] for line in drawn.body["lines"]] == [DAY_1.isoformat()]
    assert states(books) == ["CONFIRMED"]
    assert account(books)["due_statements"] == 0
    answer = paid(books, 1)
    assert answer.status == 200, answer.text
    assert (answer.body["paid_fen"], answer.body["left_fen"]) == (2_000, 0)
    assert states(books) == ["PAID"]
    [payout] = own(books)["payouts"]
    assert (payout["number"], payout["paid_fen"]) == (1, 2_000)
    read = Bureau(books.deployment).call(AUDITOR, "GET", f"{BASE}/payouts/1")
    assert read.body == answer.body


def test_a_statement_that_nobody_answers_counts_as_confirmed_when_its_time_is_over(
    books: Books,
) -> None:
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    [statement] = own(books)["settlements"]
    # Made on the 6th, with three days to answer.
    assert statement["confirm_by"].startswith("2026-01-09T16:00:00")
    last = at(date(2026, 1, 10), "00:00")
    books.deployment.clock.now = last - timedelta(milliseconds=1)
    assert states(books) == ["DRAFT"]
    refused(draw(books, 1), 409, "PAYOUT_NOT_DUE")
    books.deployment.clock.now = last
    [statement] = own(books)["settlements"]
    assert (statement["confirmed_by"], statement["confirmed_at"]) == (
        "TIMEOUT",
        statement["confirm_by"],
    )
    # A word that comes late changes nothing.
    assert confirm(books, DAY_1).replayed
    assert own(books)["settlements"] == [statement]
    assert draw(books, 1).status == 201


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("payable_fen", 1_999, 2_000),
        ("payable_side", "PLATFORM", "BUREAU"),
        ("statement_id", "s_" + "0" * 32, None),
    ],
)
def test_what_a_platform_confirms_must_be_the_statement(
    books: Books, field: str, value: object, expected: object
) -> None:
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    body = told_of(books, DAY_1)
    require_refused(
        books.deployment,
        lambda language: confirm(books, DAY_1, body | {field: value}, language=language),
        422,
        "STATEMENT_MISMATCH",
        {"field": field, "expected": expected or body[field]},
    )


def test_a_confirmation_sent_twice_is_answered_as_the_first_time(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    first, second = confirm(books, DAY_1), confirm(books, DAY_1)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.body == second.body


def test_platforms_see_and_confirm_their_own_statements_only(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    assert own(books, MEITUAN)["settlements"] == []
    refused(confirm(books, DAY_1, platform_id=MEITUAN), 404, "NOT_FOUND")
    refused(confirm(books, DAY_2, told_of(books, DAY_1)), 404, "NOT_FOUND")
    stranger = books.deployment.call(platform_arn(UNIONPAY), "GET", "/v1/settlements/nothing")
    refused(stranger, 404, "NOT_FOUND")


def test_a_negative_net_is_carried_forward_into_the_next_payout(books: Books) -> None:
    one, two = (books.redeem(f"o-{n}", at(DAY_1, f"12:0{n}")) for n in (1, 2))
    settled(books, DAY_1)
    confirm(books, DAY_1)
    assert draw(books, 1).body["payable_fen"] == 4_000
    paid(books, 1)
    for number, redemption in enumerate((one, two)):
        books.refund(redemption, f"f-{number}", at(DAY_2))
    settled(books, DAY_2)
    confirm(books, DAY_2)
    assert account(books)["due_fen"] == -4_000
    require_refused(
        books.deployment,
        lambda language: draw(books, 2, language=language),
        409,
        "PAYOUT_NOT_DUE",
        {"statements": 1, "net_fen": -4_000},
    )
    for number in range(3):
        books.redeem(f"n-{number}", at(DAY_3, f"12:0{number}"))
    settled(books, DAY_3)
    confirm(books, DAY_3)
    drawn = draw(books, 2)
    assert drawn.body["payable_fen"] == 2_000
    assert [line["net_fen"] for line in drawn.body["lines"]] == [-4_000, 6_000]
    assert states(books) == ["PAID", "CONFIRMED", "CONFIRMED"]
    paid(books, 2)
    assert states(books) == ["PAID", "PAID", "PAID"]


def test_what_a_platform_owes_when_the_campaign_is_closed_it_pays_back(books: Books) -> None:
    redemption = books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_1, "12:30"))
    settled(books, DAY_1)
    confirm(books, DAY_1)
    draw(books, 1)
    paid(books, 1)
    books.refund(redemption, "f-1", at(DAY_2))
    settled(books, DAY_2)
    confirm(books, DAY_2)
    refused(draw(books, 2), 409, "PAYOUT_NOT_DUE")
    close(books)
    drawn = draw(books, 2).body
    assert (drawn["payable_fen"], drawn["payable_side"]) == (2_000, "PLATFORM")
    wrong = paid(books, 2)
    assert refused(wrong, 422, "PAYMENT_MISMATCH")["expected"] == "0200009876543210987"
    [approved] = Bureau(books.deployment).call(AUDITOR, "GET", f"{BASE}/payouts/2").body["payments"]
    reply = {
        "reference": approved["reference"],
        "account_number": "0200009876543210987",
        "paid_fen": 2_000,
        "bank_reference": "B-2",
        "note": "平台退回",
    }
    assert pay(books, "reply", 3, number=2, body=reply).body["left_fen"] == 0
    assert states(books) == ["PAID", "PAID"]
    assert not [key for key in published(books) if key.endswith(f"{UNIONPAY}/0002/payment-01/")]


def test_while_a_statement_may_still_be_answered_a_negative_sum_waits_for_it(books: Books) -> None:
    redemption = books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    confirm(books, DAY_1)
    draw(books, 1)
    books.refund(redemption, "f-1", at(DAY_2))
    settled(books, DAY_2)
    books.redeem("o-2", at(DAY_3))
    settled(books, DAY_3)
    confirm(books, DAY_2)
    close(books)
    refused(draw(books, 2), 409, "PAYOUT_NOT_DUE")
    confirm(books, DAY_3)
    assert draw(books, 2).body["payable_side"] == "NOBODY"


def test_a_day_of_nothing_left_at_the_end_is_paid_with_nothing(books: Books) -> None:
    redemption = books.redeem("o-1", at(DAY_1))
    books.refund(redemption, "f-1", at(DAY_1, "13:00"))
    settled(books, DAY_1)
    confirm(books, DAY_1)
    refused(draw(books, 1), 409, "PAYOUT_NOT_DUE")
    close(books)
    assert draw(books, 1).body["payable_side"] == "NOBODY"
    assert states(books) == ["PAID"]
    refused(pay(books, "", 1), 409, "PAYMENT_STATE")


def test_a_payout_stops_at_the_first_statement_that_is_not_confirmed(books: Books) -> None:
    for number, on in enumerate((DAY_1, DAY_2, DAY_3)):
        books.redeem(f"o-{number}", at(on))
        settled(books, on)
    for on in (DAY_1, DAY_3):
        confirm(books, on)
    assert [line["business_on"] for line in draw(books, 1).body["lines"]] == [DAY_1.isoformat()]
    confirm(books, DAY_2)
    assert [line["business_on"] for line in draw(books, 2).body["lines"]] == [
        DAY_2.isoformat(),
        DAY_3.isoformat(),
    ]


def test_a_payout_waits_for_a_day_that_is_not_settled_on_all_platforms(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_1), platform_id=MEITUAN)
    books.bill(DAY_1, books.entries(DAY_1))
    # Meituan's bill may still come: its day is not settled, and no bookmark passes it.
    books.settle(at(DAY_2, "00:45"))
    confirm(books, DAY_1)
    assert states(books) == ["CONFIRMED"]
    refused(draw(books, 1), 409, "PAYOUT_NOT_DUE")
    books.settle(at(DAY_2, "02:30"))
    assert draw(books, 1).status == 201


def test_drawing_up_twice_gives_one_payout_and_a_stale_reader_none(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    confirm(books, DAY_1)
    first, second = draw(books, 1), draw(books, 1)
    assert (first.status, second.status) == (201, 200)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.body == second.body
    other = draw(books, 1, caller=session_arn("huimin-operator", "zhao"))
    assert refused(other, 412, "VERSION_MISMATCH")["stored_version"] == 2
    refused(draw(books, 2), 409, "PAYOUT_NOT_DUE")
    # Whoever repeats it after the payment was proposed reads the version that approving takes.
    assert pay(books, "", 1).status == 200
    again = draw(books, 1)
    assert (again.replayed, again.body["version"], again.headers["ETag"]) == (True, 2, '"2"')


def test_of_two_who_draw_up_at_once_one_does_and_the_other_is_told(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    store, stores = PayoutStore(books.database), books.money
    record = stores.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    now = books.deployment.clock.now + timedelta(days=9)
    due = payable(_standings(books, record.campaign, now), through=DAY_1)
    assert [line.net_fen for line in due] == [2_000]
    one, other = (
        draw_payout(record.campaign, UNIONPAY, due, number=1, is_last=False, by=name, now=now)
        for name in ("li.na", "zhao")
    )
    with scripted(books.database.client, TRANSACTION, LOST_AFTER):
        assert store.draw(one, now=now) == one
    assert store.draw(other, now=now) == one
    assert store.payouts(CAMPAIGN_ID, UNIONPAY) == [one]
    for sets, kept in ((1, 1), (2, 2), (1, 2)):
        store.mark_published(one, sets)
        assert list(store.all(CAMPAIGN_ID)) == [(one, kept)]


def test_the_first_word_of_a_platform_counts(books: Books) -> None:
    """Of two requests at once, which both found the statement unconfirmed."""
    books.redeem("o-1", at(DAY_1))
    settled(books, DAY_1)
    store = PayoutStore(books.database)
    [(statement, _)] = books.settlements.made(CAMPAIGN_ID)
    assert store.confirm(statement, now=MORNING_2)
    assert not store.confirm(statement, now=MORNING_3)
    assert store.confirmations(CAMPAIGN_ID, UNIONPAY) == {DAY_1: MORNING_2}


def _standings(books: Books, of: Campaign, now: datetime) -> Iterator[Standing]:
    for statement, made_at in books.settlements.made(of.campaign_id):
        yield standing_of(
            statement, made_at, campaign=of, told_at=None, payouts={}, paid={}, now=now
        )


A_LINE = PayoutLine(
    business_on=DAY_1,
    statement_id="s_" + "0" * 32,
    net_fen=500,
    confirmed=Confirmation(ConfirmedBy.TIMEOUT, MORNING_2),
)


def test_nobody_is_paid_to_an_account_that_no_contract_names() -> None:
    of = replace(campaign(), contracts=())
    with pytest.raises(HuiminError) as caught:
        draw_payout(of, UNIONPAY, [A_LINE], number=1, is_last=False, by="li.na", now=MORNING_3)
    assert caught.value.code is Code.CONTRACT_MISSING
    assert confirm_by_of(of, UNIONPAY, MORNING_2) == at(date(2026, 1, 12), "00:00")


def test_who_was_paid_in_beforehand_pays_from_there_and_who_was_not_is_reimbursed() -> None:
    prefunded = campaign(contracts=[contract(UNIONPAY)])
    for of, payer in (
        (prefunded, prefunded.holding_account),
        (replace(prefunded, holding_account=None), prefunded.source_account),
    ):
        payout = draw_payout(
            of, UNIONPAY, [A_LINE], number=1, is_last=False, by="li.na", now=MORNING_3
        )
        owed = payout.owed
        assert (owed.payer, owed.payee) == (payer, prefunded.contracts[0].account)
        assert owed.amount_fen == 500


def statement_of_fen(on: date, fiscal_fen: int) -> Statement:
    """A day of one redemption, or of one refund of an earlier day's."""
    parts = FundingParts(fiscal_fen=abs(fiscal_fen), platform_fen=0, merchant_fen=0)
    name = "gross" if fiscal_fen >= 0 else "adjustments"
    found = SegmentSum(segment=0, tallies=Tallies(**{name: Tally(1, parts)}), digest="0")
    return make_statement(CAMPAIGN_ID, UNIONPAY, on, [found], bill_version=1)


def test_a_payout_takes_no_more_statements_than_an_item_holds() -> None:
    of = campaign(contracts=[contract(UNIONPAY)])
    first = date(2025, 1, 1)
    days = [first + timedelta(days=n) for n in range(MOST_STATEMENTS + 5)]
    standings = [
        standing_of(
            statement_of_fen(on, 10**10), at(on), campaign=of, told_at=at(on), payouts={}, paid={},
            now=at(on),
        )
        for on in days
    ]  # fmt: skip
    due = payable(standings, through=days[-1])
    assert [line.business_on for line in due] == days[:MOST_STATEMENTS]
    assert payable(standings, through=None) == []
    assert payable(standings, through=days[2]) == due[:3]
    assert net_of(due[:2]) == 2 * 10**10
    payout = draw_payout(
        of, UNIONPAY, due, number=9_999, is_last=False, by="l" * 128, now=at(first)
    )
    payload = to_payload(payout)
    assert from_payload(payload) == payout
    assert len(payload) < 100_000
    assert len(payout.reference) <= 35
    assert {s.state for s in standings} == {StatementState.CONFIRMED}
    with pytest.raises(ValueError, match="by date"):
        replace(payout, lines=payout.lines[:2] + payout.lines[:1])
    with pytest.raises(ValueError, match="1 to 400"):
        replace(payout, lines=())


def published(books: Books) -> dict[str, Manifest]:
    """What the next run of the reconciler publishes of the payouts; proven against the files."""
    stores = books.money
    record = stores.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    publish_payouts(record, stores)
    files = books.files("")
    found = {}
    for key, data in files.items():
        folder, slash, name = key.rpartition("/")
        if name == "manifest.json" and ("payout-" in key or key.startswith("payouts/")):
            found[folder + slash] = Manifest.from_bytes(data)
            assert verify(found[folder + slash], partial(_read, files, folder + slash)) == []
    return found


def _read(files: dict[str, bytes], folder: str, name: str) -> bytes:
    return files[folder + name]


def test_a_payout_is_published_for_its_platform_and_its_payment_for_the_bank(books: Books) -> None:
    redemption = books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_1, "12:30"))
    settled(books, DAY_1)
    books.refund(redemption, "f-1", at(DAY_2))
    settled(books, DAY_2)
    assert published(books) == {}
    for on in (DAY_1, DAY_2):
        confirm(books, on)
    payout = draw(books, 1).body
    advice = f"settlements/{UNIONPAY}/{DAY_2}/{CAMPAIGN_ID}/payout-0001/"
    assert list(published(books)) == [advice]
    rows = csv.DictReader(
        io.StringIO(books.files(advice)[f"{advice}payout.csv"].decode("utf-8-sig"))
    )
    assert [(row["business_date"], row["net_fen"]) for row in rows] == [
        (DAY_1.isoformat(), "4000"),
        (DAY_2.isoformat(), "-2000"),
    ]
    assert pay(books, "", 1).status == 200
    assert list(published(books)) == [advice]
    assert pay(books, "approve", 2, caller=APPROVER).status == 200
    folder = f"payouts/{CAMPAIGN_ID}/{UNIONPAY}/0001/payment-01/"
    assert sorted(published(books)) == [folder, advice]
    files = books.files(folder)
    message = files[f"{folder}pain.001.xml"].decode()
    assert '<InstdAmt Ccy="CNY">20.00</InstdAmt>' in message
    assert f"<EndToEndId>{payout['reference']}</EndToEndId>" in message
    assert "<Id>6200001111</Id>" in message.partition("<CdtrAcct>")[2]
    assert "wang.wei" in files[f"{folder}statement.html"].decode()
    before = books.files("")
    published(books)
    assert books.files("") == before
    listed = FileService(books.objects).files_of(UNIONPAY, DAY_2, MORNING_4)
    assert [each.folder for each in listed.sets if each.manifest.kind == "payout"] == [advice]
    answer = day_files_answer(FilesQuery(business_on=DAY_2), listed)
    assert [(each.kind, each.version) for each in answer.sets] == [("payout", 1), ("settlement", 1)]


def test_another_campaigns_payouts_are_its_own(books: Books) -> None:
    books.redeem("o-1", at(DAY_1), campaign_id=OTHER_CAMPAIGN)
    settled(books, DAY_1)
    assert account(books)["settlements"] == []
    refused(draw(books, 1), 409, "PAYOUT_NOT_DUE")


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 3)), min_size=1, max_size=12),
    st.lists(st.integers(0, 16), max_size=6),
)
@settings(deadline=None)
def test_every_statement_is_paid_once_and_all_payouts_come_to_what_all_statements_do(
    days: list[tuple[int, int]], draws: list[int]
) -> None:
    """Whatever is confirmed when, and whenever somebody draws up; the last draw is at the end."""
    of = campaign(contracts=[contract(UNIONPAY)])
    made = [
        (statement_of_fen(DAY_1 + timedelta(days=n), net_fen), MORNING_2 + timedelta(days=n))
        for n, (net_fen, _) in enumerate(days)
    ]
    drawn: list[Payout] = []
    end = len(days) + 9
    for day in [*sorted(draws), end]:
        now = MORNING_2 + timedelta(days=day)
        taken = {line.statement_id: p.number for p in drawn for line in p.lines}
        standings = [
            standing_of(
                statement,
                made_at,
                campaign=of,
                told_at=told_at if (told_at := made_at + timedelta(days=after)) <= now else None,
                payouts=taken,
                paid={p.number: True for p in drawn},
                now=now,
            )
            for (statement, made_at), (_, after) in zip(made, days, strict=True)
            if made_at <= now
        ]
        is_last = day == end
        due = payable(standings, through=made[-1][0].business_on)
        assert all(line.confirmed.at <= now for line in due)
        draw_up = partial(
            draw_payout, of, UNIONPAY, due, number=len(drawn) + 1, is_last=is_last, by="li", now=now
        )
        if not due or (net_of(due) <= 0 and not is_last):
            with pytest.raises(HuiminError, match="PAYOUT_NOT_DUE"):
                draw_up()
            continue
        payout = draw_up()
        assert payout.net_fen > 0 or is_last
        drawn.append(payout)
    paid = [line.business_on for payout in drawn for line in payout.lines]
    assert paid == [statement.business_on for statement, _ in made]
    assert sum(p.net_fen for p in drawn) == sum(net_fen for net_fen, _ in days)
