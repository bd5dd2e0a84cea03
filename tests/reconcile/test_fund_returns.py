"""How two persons pay a fund return, and what the bank's reply makes of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.reconcile.closing import close_campaign
from functions.reconcile.sweep import Budget
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.fund_return import Spent, plan_return
from functions.shared.domain.payments import MOST_PAYMENTS, PaymentState
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.returns import ReturnStore
from functions.shared.store.signing import Signer
from tests.handlers.refusals import require_refused
from tests.support.calls import APPROVER, AUDITOR, OPERATOR, Bureau, version
from tests.support.campaigns import CAMPAIGN_ID
from tests.support.events import Reply, refused, session_arn
from tests.support.replies import LOST_AFTER, TRANSACTION, scripted
from tests.support.settling import Books, at

BASE = f"/v1/admin/campaigns/{CAMPAIGN_ID}/returns"
PAYMENT = f"{BASE}/1/payment"
ACCOUNT = "0200001234567890123"
OPERATOR_AS_APPROVER = session_arn("huimin-approver", "li.na")


@pytest.fixture
def closed(books: Books) -> Books:
    """A closed campaign whose return nobody has paid yet."""
    close(books)
    books.deployment.clock.now = at(date(2026, 3, 2))
    return books


def close(books: Books) -> None:
    """Closes the campaign with all that is unallocated as its return."""
    record = CampaignStore(books.database).get(CAMPAIGN_ID)
    assert record is not None
    spent = Spent(
        redeemed_net_fen=record.funds.appropriated_fen - record.funds.unallocated_fen,
        adjusted_net_fen=0,
        settled_on=date(2026, 2, 28),
    )
    made = plan_return(record.campaign, record.funds, spent, run=1, now=at(date(2026, 3, 1)))
    ReturnStore(books.database).close(made, record, now=at(date(2026, 3, 1)))


def found(books: Books) -> dict[str, Any]:
    reply = Bureau(books.deployment).call(AUDITOR, "GET", f"{BASE}/1")
    assert reply.status == 200, reply.text
    body: dict[str, Any] = reply.body
    return body


def act(
    books: Books, what: str, seen: int, *, caller: str = OPERATOR, body: object = None
) -> Reply:
    """One step of the payment, from the version that was read."""
    path = PAYMENT + (f"/{what}" if what else "")
    return Bureau(books.deployment).call(caller, "POST", path, body, headers=version(seen))


def reply_of(books: Books, **changes: object) -> dict[str, object]:
    """The bank's word that the last payment was made in full."""
    last = found(books)["payments"][-1]
    told = {
        "reference": last["reference"],
        "account_number": ACCOUNT,
        "paid_fen": last["amount_fen"],
        "bank_reference": "B20260302-0007",
        "note": "已入账",
    }
    return told | changes


def approved(books: Books) -> int:
    """Proposes and approves what is left; the version after it."""
    seen: int = found(books)["version"]
    assert act(books, "", seen).status == 200
    assert act(books, "approve", seen + 1, caller=APPROVER).status == 200
    return seen + 2


def states(books: Books) -> list[str]:
    return [payment["state"] for payment in found(books)["payments"]]


def test_two_persons_pay_a_return_and_the_bank_confirms_it(closed: Books) -> None:
    to_return_fen = found(closed)["to_return_fen"]
    assert to_return_fen > 0
    seen = approved(closed)
    reply = act(closed, "reply", seen, body=reply_of(closed))
    assert reply.status == 200, reply.text
    assert (reply.body["paid_fen"], reply.body["left_fen"]) == (to_return_fen, 0)
    [payment] = reply.body["payments"]
    assert (payment["state"], payment["amount_fen"]) == ("PAID", to_return_fen)
    assert (payment["proposed_by"], payment["approved_by"]) == ("li.na", "wang.wei")
    assert payment["reply"]["bank_reference"] == "B20260302-0007"
    listed = Bureau(closed.deployment).call(AUDITOR, "GET", BASE).body["returns"]
    assert listed == [found(closed)]


def test_what_is_paid_cannot_be_paid_again(closed: Books) -> None:
    seen = approved(closed)
    act(closed, "reply", seen, body=reply_of(closed))
    again = act(closed, "", seen + 1)
    assert refused(again, 409, "PAYMENT_STATE")["left_fen"] == 0


def test_one_payment_is_under_way_at_a_time(closed: Books) -> None:
    assert act(closed, "", 1).status == 200
    refused(act(closed, "", 2, caller=session_arn("huimin-operator", "zhao")), 409, "PAYMENT_STATE")
    assert act(closed, "approve", 2, caller=APPROVER).status == 200
    refused(act(closed, "", 3), 409, "PAYMENT_STATE")


def test_what_the_bank_did_not_pay_is_proposed_again_and_no_more(closed: Books) -> None:
    to_return_fen = found(closed)["to_return_fen"]
    seen = approved(closed)
    failed = reply_of(closed, paid_fen=0, note="账号户名不符，退票")
    assert act(closed, "reply", seen, body=failed).status == 200
    seen = approved(closed)
    partly = reply_of(closed, paid_fen=to_return_fen - 700)
    assert act(closed, "reply", seen, body=partly).body["left_fen"] == 700
    seen = approved(closed)
    assert found(closed)["payments"][-1]["amount_fen"] == 700
    assert act(closed, "reply", seen, body=reply_of(closed)).body["left_fen"] == 0
    assert states(closed) == ["FAILED", "PARTLY_PAID", "PAID"]
    references = [payment["reference"] for payment in found(closed)["payments"]]
    assert len(set(references)) == 3
    assert all(len(reference) <= 35 for reference in references)


def test_nobody_approves_what_they_proposed(closed: Books) -> None:
    assert act(closed, "", 1).status == 200
    require_refused(
        closed.deployment,
        lambda language: Bureau(closed.deployment).call(
            OPERATOR_AS_APPROVER,
            "POST",
            f"{PAYMENT}/approve",
            headers={**version(2), "Accept-Language": language},
        ),
        403,
        "SAME_PERSON",
    )


def test_a_proposal_is_withdrawn_before_it_is_approved_and_not_after(closed: Books) -> None:
    assert act(closed, "", 1).status == 200
    assert act(closed, "withdraw", 2).status == 200
    assert approved(closed) == 5
    refused(act(closed, "withdraw", 5), 409, "PAYMENT_STATE")
    assert states(closed) == ["WITHDRAWN", "APPROVED"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("reference", "HUIMIN-R0001-0000"), ("account_number", "6222000000000000000")],
)
def test_a_reply_about_another_payment_is_not_entered(
    closed: Books, field: str, value: str
) -> None:
    seen = approved(closed)
    body = reply_of(closed, **{field: value})
    expected = reply_of(closed)[field]
    require_refused(
        closed.deployment,
        lambda language: Bureau(closed.deployment).call(
            OPERATOR,
            "POST",
            f"{PAYMENT}/reply",
            body,
            headers={**version(seen), "Accept-Language": language},
        ),
        422,
        "PAYMENT_MISMATCH",
        {"field": field, "expected": expected},
    )


def test_a_reply_of_more_than_was_instructed_is_not_entered(closed: Books) -> None:
    seen = approved(closed)
    most_fen = found(closed)["to_return_fen"]
    too_much = act(closed, "reply", seen, body=reply_of(closed, paid_fen=most_fen + 1))
    assert refused(too_much, 422, "PAYMENT_MISMATCH")["field"] == "paid_fen"


def test_a_reply_needs_an_approved_payment(closed: Books) -> None:
    assert act(closed, "", 1).status == 200
    refused(act(closed, "reply", 2, body=reply_of(closed)), 409, "PAYMENT_STATE")


def test_who_read_another_version_changes_nothing(closed: Books) -> None:
    seen = approved(closed)
    for step, caller, body in (
        ("", OPERATOR, None),
        ("approve", APPROVER, None),
        ("withdraw", OPERATOR, None),
        ("reply", OPERATOR, reply_of(closed)),
    ):
        stale = act(closed, step, seen - 2, caller=caller, body=body)
        assert refused(stale, 412, "VERSION_MISMATCH")["stored_version"] == seen


def test_each_step_sent_twice_is_answered_as_the_first_time(closed: Books) -> None:
    steps = [("", OPERATOR, 1), ("approve", APPROVER, 2), ("reply", OPERATOR, 3)]
    for step, caller, seen in steps:
        body = reply_of(closed) if step == "reply" else None
        first, second = (act(closed, step, seen, caller=caller, body=body) for _ in range(2))
        assert first.status == second.status == 200
        assert first.body == second.body
        assert (first.replayed, second.replayed) == (False, True)


def test_of_two_who_read_the_same_one_changes_it_and_the_other_is_told(closed: Books) -> None:
    """Both of the first record, which nobody has written yet, and of a later one."""
    stores = closed.money
    made, now = stores.returns.fund_return(CAMPAIGN_ID, 1), at(date(2026, 3, 2))
    assert made is not None
    for _ in range(2):
        seen = stores.payments.of(made.owed)
        one, other = (seen.proposed(by=name, now=now) for name in ("li.na", "zhao"))
        stores.payments.change(seen, one, now=now)
        with pytest.raises(HuiminError) as refused:
            stores.payments.change(seen, other, now=now)
        assert refused.value.code is Code.VERSION_MISMATCH
        assert refused.value.context["stored_version"] == one.version + 1
        assert stores.payments.of(made.owed) == one
        stores.payments.change(one, one.withdrawn(by="li.na", now=now), now=now)


def test_a_change_whose_reply_was_lost_is_done(closed: Books) -> None:
    stores = closed.money
    made = stores.returns.fund_return(CAMPAIGN_ID, 1)
    assert made is not None
    before = stores.payments.of(made.owed)
    after = before.proposed(by="li.na", now=at(date(2026, 3, 2)))
    with scripted(closed.database.client, TRANSACTION, LOST_AFTER):
        stores.payments.change(before, after, now=at(date(2026, 3, 2)))
    assert stores.payments.of(made.owed) == after


def test_a_return_that_does_not_exist_is_not_found(closed: Books) -> None:
    bureau = Bureau(closed.deployment)
    refused(bureau.call(AUDITOR, "GET", f"{BASE}/2"), 404, "NOT_FOUND")
    refused(bureau.call(AUDITOR, "GET", f"{BASE}/0"), 404, "NOT_FOUND")


def test_a_campaign_that_is_not_closed_has_no_return(books: Books) -> None:
    assert Bureau(books.deployment).call(AUDITOR, "GET", BASE).body == {"returns": []}


def files(books: Books) -> dict[str, bytes]:
    """What the next run of the reconciler publishes of the closed campaign."""
    stores = books.money
    record = stores.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    now = books.deployment.clock.now
    assert close_campaign(record, stores, now, unsettled=lambda _: (), budget=Budget()).fund_return
    return books.files(f"returns/{CAMPAIGN_ID}/0001/")


def test_what_cannot_be_signed_is_not_published_and_is_by_the_next_run(closed: Books) -> None:
    act(closed, "", 1)
    act(closed, "approve", 2, caller=APPROVER)
    record = closed.money.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    unsigned = replace(closed.money, signer=Signer("alias/none"))
    now = closed.deployment.clock.now
    with pytest.raises(ClientError):
        close_campaign(record, unsigned, now, unsettled=lambda _: (), budget=Budget())
    folder = f"returns/{CAMPAIGN_ID}/0001/payment-01/"
    assert f"{folder}manifest.json" not in closed.files(folder)
    whole = files(closed)
    signer = closed.money.signer
    assert whole[f"{folder}statement.html.sig"] == signer.sign(whole[f"{folder}statement.html"])
    assert whole[f"{folder}signing-key.pem"] == signer.public_key
    assert signer.fingerprint in whole[f"{folder}statement.html"].decode()


def read_from(all_files: dict[str, bytes], folder: str, name: str) -> bytes:
    return all_files[folder + name]


def sets(all_files: dict[str, bytes]) -> Iterator[tuple[str, Manifest]]:
    for key, data in all_files.items():
        if key.endswith("manifest.json"):
            folder = key.removesuffix("manifest.json")
            manifest = Manifest.from_bytes(data)
            assert verify(manifest, partial(read_from, all_files, folder)) == []
            yield folder.removeprefix(f"returns/{CAMPAIGN_ID}/0001/"), manifest


def test_the_banks_instruction_is_written_after_the_approval_and_not_before(
    closed: Books,
) -> None:
    assert [name for name, _ in sets(files(closed))] == [""]
    assert act(closed, "", 1).status == 200
    assert [name for name, _ in sets(files(closed))] == [""]
    assert act(closed, "approve", 2, caller=APPROVER).status == 200
    published = files(closed)
    assert [name for name, _ in sets(published)] == ["", "payment-01/"]
    assert files(closed) == published
    folder = f"returns/{CAMPAIGN_ID}/0001/payment-01/"
    [row] = csv.DictReader(io.StringIO(published[f"{folder}payment.csv"].decode("utf-8-sig")))
    fund_return = found(closed)
    assert row["amount_fen"] == str(fund_return["to_return_fen"])
    assert (row["payee_account"], row["approved_by"]) == (ACCOUNT, "wang.wei")
    message = published[f"{folder}pain.001.xml"].decode()
    assert f"<EndToEndId>{fund_return['payments'][0]['reference']}</EndToEndId>" in message
    page = published[f"{folder}statement.html"].decode()
    assert "li.na" in page
    assert "wang.wei" in page


def test_each_payment_has_files_of_its_own_for_what_was_left(closed: Books) -> None:
    seen = approved(closed)
    files(closed)
    half_fen = found(closed)["to_return_fen"] // 2
    act(closed, "reply", seen, body=reply_of(closed, paid_fen=half_fen))
    approved(closed)
    instructed = {
        name: manifest.inputs.get("amount_fen") for name, manifest in sets(files(closed)) if name
    }
    whole_fen = found(closed)["to_return_fen"]
    assert instructed == {"payment-01/": whole_fen, "payment-02/": whole_fen - half_fen}


def test_money_that_was_never_paid_in_is_not_paid_out(closed: Books) -> None:
    """A reimbursed campaign gives back a promise, not money."""
    stores = closed.money
    made = stores.returns.fund_return(CAMPAIGN_ID, 1)
    assert made is not None
    owed = replace(made, holding_account=None).owed
    none_held = stores.payments.of(owed)
    assert (none_held.owed_fen, none_held.left_fen) == (0, 0)
    with pytest.raises(ValueError, match="no account to be paid from"):
        _ = owed.paid_from


def test_a_return_takes_so_many_payments(closed: Books) -> None:
    stores = closed.money
    made = stores.returns.fund_return(CAMPAIGN_ID, 1)
    assert made is not None
    payments, now = stores.payments.of(made.owed), at(date(2026, 3, 2))
    for _ in range(MOST_PAYMENTS):
        payments = payments.proposed(by="li.na", now=now).withdrawn(by="li.na", now=now)
    assert {payment.state for payment in payments.payments} == {PaymentState.WITHDRAWN}
    with pytest.raises(HuiminError, match="PAYMENT_STATE"):
        payments.proposed(by="li.na", now=now)
