"""Statements, payouts and payments on changes alone, without files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pytest

from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.journal import Change
from functions.shared.domain.settlement import statement_id_of
from infra.audit.findings import Kind
from infra.audit.payables import Payables
from tests.support.campaigns import UNIONPAY, campaign_document, contract

CAMPAIGN = campaign_from_document(campaign_document(contracts=[contract(UNIONPAY)]))
ON = date(2026, 1, 6)
STATEMENT = statement_id_of(CAMPAIGN.campaign_id, UNIONPAY, ON)
MADE_AT = day_bounds(ON)[1] + timedelta(hours=2)
HOUR = timedelta(hours=1)
CONTRACT = CAMPAIGN.contract(UNIONPAY)
BUREAU = (CAMPAIGN.holding_account or CAMPAIGN.source_account).number


def made(at: datetime = MADE_AT) -> Change:
    data = {"platform_id": UNIONPAY, "business_on": ON.isoformat(), "payable_fen": 500}
    return Change(at, "settlement.made", STATEMENT, data)


def confirmed(at: datetime) -> Change:
    data = {
        "platform_id": UNIONPAY,
        "business_on": ON.isoformat(),
        "statement_id": STATEMENT,
    }
    return Change(at, "settlement.confirmed", f"{STATEMENT}.confirmed", data)


def drawn(at: datetime, number: int = 1, net_fen: int = 500) -> Change:
    assert CONTRACT is not None
    data = {
        "platform_id": UNIONPAY,
        "number": number,
        "net_fen": net_fen,
        "statements": [[ON.isoformat(), STATEMENT, net_fen]],
        "payer_account": BUREAU,
        "payee_account": CONTRACT.account.number,
        "drawn_by": "li.na",
    }
    return Change(at, "payout.drawn", f"HUIMIN-S{number:04d}-X", data)


def step(verb: str, number: int, amount_fen: int, **more: object) -> Change:
    data: dict[str, object] = {
        "pays": "HUIMIN-S0001-X",
        "payment": number,
        "amount_fen": amount_fen,
        "by": "li.na",
    }
    reference = f"HUIMIN-S0001P{number:02d}-X"
    return Change(MADE_AT + 40 * HOUR, f"payment.{verb}", f"{reference}.{verb}", data | more)


def found(changes: Iterable[Change]) -> list[Kind]:
    payables = Payables(CAMPAIGN)
    kinds = []
    for change in changes:
        assert payables.takes(change.kind)
        kinds += [finding.kind for finding in payables.enter(change.change_id, change)]
    return kinds


def test_a_payout_takes_what_was_confirmed() -> None:
    assert found([made(), confirmed(MADE_AT + HOUR), drawn(MADE_AT + 2 * HOUR)]) == []


def test_a_payout_takes_what_nobody_answered_once_the_time_is_over() -> None:
    assert CONTRACT is not None
    days = CONTRACT.confirm_within_days + 1
    assert found([made(), drawn(MADE_AT + days * 24 * HOUR)]) == []
    early = MADE_AT + (days - 1) * 24 * HOUR - 3 * HOUR
    assert found([made(), drawn(early)]) == [Kind.PAYOUT]


def test_a_payout_takes_no_statement_that_was_never_made() -> None:
    assert found([drawn(MADE_AT + 99 * 24 * HOUR)]) == [Kind.PAYOUT]


def test_a_statement_is_paid_once_and_payouts_have_numbers() -> None:
    late = MADE_AT + 99 * 24 * HOUR
    assert found([made(), drawn(late), drawn(late, 2)]) == [Kind.PAYOUT]
    assert found([made(), drawn(late, 2)]) == [Kind.PAYOUT]


PAID = {"paid_fen": 500, "account": CONTRACT.account.number if CONTRACT else ""}
PART = PAID | {"paid_fen": 200}


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        (
            [
                step("proposed", 1, 500),
                step("approved", 1, 500, by="w"),
                step("replied", 1, 500, **PAID),
            ],
            0,
        ),
        ([step("proposed", 1, 500), step("withdrawn", 1, 500), step("proposed", 2, 500)], 0),
        # What the bank did not pay is proposed again, and no more.
        (
            [
                step("proposed", 1, 500),
                step("approved", 1, 500, by="w"),
                step("replied", 1, 500, **PART),
                step("proposed", 2, 300),
            ],
            0,
        ),
        (
            [
                step("proposed", 1, 500),
                step("approved", 1, 500, by="w"),
                step("replied", 1, 500, **PART),
                step("proposed", 2, 500),
            ],
            1,
        ),
        ([step("proposed", 1, 501)], 1),
        ([step("proposed", 1, 500), step("proposed", 2, 500)], 1),
        ([step("proposed", 1, 500), step("approved", 1, 500)], 1),
        ([step("proposed", 1, 500), step("approved", 1, 499, by="w")], 1),
        ([step("proposed", 1, 500), step("replied", 1, 500, **PAID)], 1),
        ([step("approved", 1, 500, by="w")], 1),
        (
            [
                step("proposed", 1, 500),
                step("approved", 1, 500, by="w"),
                step("withdrawn", 1, 500),
            ],
            1,
        ),
        (
            [
                step("proposed", 1, 500),
                step("approved", 1, 500, by="w"),
                step("replied", 1, 500, **PAID | {"paid_fen": 501}),
            ],
            1,
        ),
        (
            [
                step("proposed", 1, 500),
                step("approved", 1, 500, by="w"),
                step("replied", 1, 500, **PAID | {"account": "6"}),
            ],
            1,
        ),
    ],
)
def test_each_payment_is_proposed_approved_by_another_and_never_of_more_than_is_left(
    steps: list[Change], wrong: int
) -> None:
    before = [made(), confirmed(MADE_AT + HOUR), drawn(MADE_AT + 2 * HOUR)]
    assert found([*before, *steps]) == [Kind.PAYOUT] * wrong
