"""Breaks ended by accepting the bill, as the bureau's two persons do it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from functions.reconcile.closing import Closing, close_campaign
from functions.reconcile.settlement import unsettled_days
from functions.reconcile.sweep import Budget
from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.breaks import Break
from functions.shared.domain.invariants import check_all, require_all
from functions.shared.domain.money import NetParts
from infra.local.bills import BillRow as BilledRow
from tests.handlers.refusals import require_refused
from tests.support.calls import APPROVER, OPERATOR, Bureau, version
from tests.support.campaigns import CAMPAIGN_ID, DISCOUNT, UNIONPAY
from tests.support.events import Reply
from tests.support.settling import DAY_1, DAY_2, Books, at

DAY_3 = DAY_2 + timedelta(days=1)
MORNING = at(DAY_2, "09:00")
LAST_ON = date(2026, 1, 27)
"""With its midnight the campaign's refunds end."""
ACCEPT_BILL = {"kind": "ACCEPT_BILL", "reason": "平台流水核对无误"}
A_FIFTH = DISCOUNT
"""20 % off; 60 % of it fiscal, 25 % the platform's, 15 % the merchant's."""

_WAITS = ("BREAKS", "UNSETTLED", "REFUNDS_OPEN", "CHANGED")


def parts(fiscal_fen: int, platform_fen: int, merchant_fen: int) -> NetParts:
    return NetParts(fiscal_fen=fiscal_fen, platform_fen=platform_fen, merchant_fen=merchant_fen)


def with_voucher_fen(row: BilledRow, fen: int) -> BilledRow:
    """The row with another voucher amount, and what the consumer paid to match."""
    return row.with_amounts(voucher_fen=fen, paid_fen=row.paid_fen + row.voucher_fen - fen)


def file_bill(
    books: Books, rows: Sequence[BilledRow], *, on: date = DAY_1, now: datetime = MORNING
) -> None:
    """The bill of a day comes, and is reconciled."""
    assert books.bill(on, rows, now=now).is_accepted
    books.deployment.clock.now = now
    books.settle(now).require_sound()


def refuse(books: Books, send: Callable[..., Reply], code: str, **members: object) -> str:
    """It is refused in both languages and changes nothing; what it says in Chinese."""
    require_refused(books.deployment, lambda language: send(language=language), 409, code, members)
    detail: str = send().body["detail"]
    return detail


def one_break(books: Books, on: date = DAY_1) -> Break:
    [found] = books.breaks.of_day(UNIONPAY, on)
    return found


def path_of(found: Break, step: str = "") -> str:
    base = f"/v1/admin/breaks/{UNIONPAY}/{found.business_on}/{found.break_id}"
    return f"{base}/resolution{step}"


def propose(
    books: Books, found: Break, body: object = ACCEPT_BILL, *, language: str = "zh-CN"
) -> Reply:
    bureau = Bureau(books.deployment, language)
    return bureau.call(OPERATOR, "PUT", path_of(found), body, headers=version(found.version))


def approve(books: Books, found: Break, *, language: str = "zh-CN") -> Reply:
    bureau = Bureau(books.deployment, language)
    seen = version(found.version + 1)
    return bureau.call(APPROVER, "POST", path_of(found, "/approve"), headers=seen)


def accept(books: Books, found: Break) -> dict[str, Any]:
    """Two persons accept the bill; the break as it is then."""
    proposed = propose(books, found)
    assert proposed.status == 200, proposed.text
    approved = approve(books, found)
    assert approved.status == 200, approved.text
    body: dict[str, Any] = approved.body
    assert body["resolution"]["adjusting"] == proposed.body["resolution"]["adjusting"]
    return body


def differing(books: Books, bill_fen: int = 1_000) -> Break:
    """An order of 80 yuan, 16 off by the ledger, other by the bill, as a break."""
    books.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    [row] = books.entries(DAY_1)
    file_bill(books, [with_voucher_fen(row, bill_fen)])
    return one_break(books)


def entries(books: Books) -> list[AdjustingEntry]:
    return list(books.stores.adjusting.all(CAMPAIGN_ID))


def funds(books: Books) -> tuple[int, int, int]:
    """Unallocated, adjusted, held back."""
    record = books.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    return record.funds.unallocated_fen, record.funds.adjusted_fen, record.funds.held_back_fen


def require_sound(books: Books) -> None:
    """Every invariant holds."""
    record = books.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    recounts = books.money.recounts
    require_all(check_all(recounts.snapshot(record)))


def close(books: Books, now: datetime) -> Closing:
    """Closing runs, until one closes the campaign or only waiting would help."""
    for _ in range(20):
        record = books.campaigns.get(CAMPAIGN_ID)
        assert record is not None
        closing = close_campaign(
            record,
            books.money,
            now,
            unsettled=lambda of: [str(on) for on in unsettled_days(of, books.settlements)],
            budget=Budget(),
        )
        if closing.fund_return is not None or closing.reasons[0].startswith(_WAITS):
            break
    return closing


def statement_lines(books: Books, on: date, *, number: int = 1) -> list[dict[str, str]]:
    return lines(books, on, "statement.csv", number=number)


def lines(books: Books, on: date, name: str, *, number: int = 1) -> list[dict[str, str]]:
    key = f"settlements/{UNIONPAY}/{on}/{CAMPAIGN_ID}/v{number}/{name}"
    text = books.files()[key].decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
