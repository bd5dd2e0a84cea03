"""A bill that is read chunk by chunk is taken in, or refused, as one function does it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.reconcile import bill_steps
from functions.reconcile.bill_steps import BillTask
from functions.reconcile.bills import Intake, take_in
from functions.shared.domain.bills import MAX_FINDINGS, BillFault
from functions.shared.store.tables import BillItem
from infra.local.bills import BillRow, render_bill
from tests.support.day_machine import play_bill
from tests.support.odd_bills import odd_bills
from tests.support.settling import DAY_1, Books, at

FORM = {
    BillFault.ENCODING,
    BillFault.HEADER,
    BillFault.LAYOUT,
    BillFault.TOO_LARGE,
    BillFault.TRUNCATED,
}
MORNING = at(DAY_1 + timedelta(days=1), "02:30")


def some_rows(books: Books) -> list[BillRow]:
    """Three orders and a refund, as billed."""
    orders = [books.redeem(f"o-{number}", at(DAY_1)) for number in range(3)]
    books.refund(orders[1], "f-1", at(DAY_1, "13:00"), refund_fen=4_000)
    return books.entries(DAY_1)


def take_in_chunks(books: Books, data: bytes, chunk_bytes: int) -> Intake:
    """The bill as many functions take it in, a few bytes each."""
    key, version = books.drop(DAY_1, data)
    task = BillTask(key, version, len(data), chunk_bytes, "bill-1", MORNING)
    return play_bill(books, task, share_rows=100)


def take_in_whole(books: Books, data: bytes) -> Intake:
    """The bill as one function takes it in."""
    key, version = books.drop(DAY_1, data)
    return take_in(key, stores=books.intake_stores, now=MORNING, object_version=version)


def forget() -> None:
    """No version of the day's bill was ever delivered."""
    for item in BillItem.scan():
        item.delete()


def told(intake: Intake) -> tuple[object, ...]:
    """What the platform hears of it."""
    bill = intake.bill
    assert bill is not None
    return (bill.state, bill.rows, bill.sha256, intake.findings_total, intake.findings)


def test_every_way_to_cut_a_good_bill_gives_the_same(books: Books) -> None:
    data = render_bill(some_rows(books))
    whole = take_in_whole(books, data)
    assert whole.is_accepted
    seen = set()
    # Anywhere, at the very beginning of a line, and right before its end.
    starts = [place + 1 for place, byte in enumerate(data) if byte == ord("\n")]
    sizes = {*range(40, len(data) + 2, 97), *starts, *(start - 1 for start in starts)}
    for chunk_bytes in sorted({*sizes, len(data) + 1}):
        forget()
        chunked = take_in_chunks(books, data, chunk_bytes)
        seen.add(-(-len(data) // chunk_bytes))
        assert told(chunked) == told(whole), chunk_bytes
    assert {1, 2, 3, 5} <= seen


def test_an_odd_bill_is_refused_in_chunks_with_the_same_findings(books: Books) -> None:
    """Wherever it is cut; and one that is odd, and still good, is taken in."""
    good = render_bill(some_rows(books))
    seen = set()

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(odd_bills(good), st.integers(60, 500))
    def check(data: bytes, chunk_bytes: int) -> None:
        forget()
        whole = take_in_whole(books, data)
        forget()
        chunked = take_in_chunks(books, data, chunk_bytes)
        seen.add(whole.is_accepted)
        assert chunked.is_accepted == whole.is_accepted
        # Where the form is broken, one function reads no further, and the others do not know of it;
        # between two quotes, it takes several lines for one.
        is_broken = b'"' in data or any(f.reason in FORM for f in whole.findings)
        if not is_broken:
            assert told(chunked) == told(whole)

    check()
    assert seen == {True, False}


def test_a_byte_order_mark_is_one_only_where_the_file_begins(books: Books) -> None:
    """At the beginning of a later chunk it belongs to an order number, which is then none."""
    lines = render_bill(some_rows(books)).decode("utf-8-sig").split("\r\n")
    data = "\r\n".join([lines[0], lines[1], "\ufeff" + lines[2], *lines[3:]]).encode()
    forget()
    whole = take_in_whole(books, data)
    assert [(each.reason, each.line) for each in whole.findings] == [(BillFault.FIELD, 3)]
    forget()
    assert told(take_in_chunks(books, data, data.rindex(b"\xef\xbb\xbf"))) == told(whole)


def test_more_rows_that_stand_twice_than_a_report_lists_are_counted(books: Books) -> None:
    [row, *_] = some_rows(books)
    data = render_bill([row] * (MAX_FINDINGS + 100))
    forget()
    whole = take_in_whole(books, data)
    assert whole.findings_total == MAX_FINDINGS + 99
    forget()
    assert told(take_in_chunks(books, data, 100_000)) == told(whole)


def test_a_bill_of_more_rows_than_any_may_have_is_refused(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of its chunks has so many."""
    data = render_bill(some_rows(books))
    monkeypatch.setattr(bill_steps, "MAX_BILL_ROWS", 3)
    found = take_in_chunks(books, data, 200).findings
    assert [(each.reason, each.line) for each in found] == [(BillFault.TOO_LARGE, 0)]
