"""A bill's file is read whole or refused with every fault named: one test a fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings

from functions.reconcile import bill_reading
from functions.reconcile.bills import parse_key
from functions.shared.domain.bills import MAX_FINDINGS, BillFault, EntryType
from infra.local.bills import BillRow, render_bill
from tests.support.days import BillReading, read_bill
from tests.support.odd_bills import odd_bills

ON = date(2026, 1, 5)
REDEEM = BillRow(
    platform_order_no="o-1",
    entry_type="REDEEM",
    refund_no="",
    voucher_id="v_" + "a" * 32,
    merchant_id="noodles",
    occurred_at="2026-01-05T12:00:00.123+08:00",
    order_fen=8_000,
    merchant_discount_fen=300,
    platform_discount_fen=200,
    voucher_fen=2_000,
    paid_fen=5_500,
)
SECOND = replace(REDEEM, platform_order_no="-2|*.b", voucher_id="v_" + "b" * 32)
REFUND = replace(
    REDEEM,
    entry_type="REFUND",
    refund_no="f-1",
    order_fen=800,
    merchant_discount_fen=30,
    platform_discount_fen=20,
    voucher_fen=200,
    paid_fen=550,
)
GOOD = render_bill([REDEEM, SECOND, REFUND])
TRAILER = b"TRAILER,3,1,,,,15200,570,380,3800,10450"


def read(data: bytes) -> BillReading:
    return read_bill(data, business_on=ON)


def faults(data: bytes) -> list[tuple[str, int]]:
    """The reasons with their lines."""
    return [(f.reason.value, f.line) for f in read(data).findings.listed]


def with_cell(column: str, text: str) -> bytes:
    """The good bill with one cell of its first row replaced."""
    header, first, *rest = GOOD.decode("utf-8-sig").split("\r\n")
    cells = first.split(",")
    cells[header.split(",").index(column)] = text
    return "\r\n".join([header, ",".join(cells), *rest]).encode()


def test_a_good_bill_gives_its_rows_with_exact_values() -> None:
    reading = read(GOOD)
    assert reading.findings.total == 0
    first, second, refund = reading.rows
    assert (first.platform_order_no, first.entry_type, first.refund_no) == (
        "o-1",
        EntryType.REDEEM,
        "",
    )
    assert first.amounts == (8_000, 300, 200, 2_000, 5_500)
    assert first.occurred_at.isoformat() == "2026-01-05T04:00:00.123000+00:00"
    assert second.platform_order_no == "-2|*.b"
    assert refund.key == ("o-1", EntryType.REFUND, "f-1")
    assert [row.line for row in reading.rows] == [2, 3, 4]


@settings(max_examples=300, deadline=None)
@given(odd_bills(GOOD))
def test_what_is_taken_at_a_glance_is_taken_row_by_row_with_the_same_rows(data: bytes) -> None:
    glanced = read(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bill_reading, "_at_a_glance", lambda *_: None)
        slow = read(data)
    assert glanced.findings == slow.findings
    assert glanced.rows == slow.rows
    assert [row.line for row in glanced.rows] == [row.line for row in slow.rows]


def test_a_bill_of_plain_rows_is_taken_at_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_reading, "_row_by_row", None)
    plain = render_bill([REDEEM, replace(REFUND, occurred_at="2026-01-05T04:00:00Z")])
    for data in (plain, plain.replace(b"\r\n", b"\n"), plain.removeprefix(b"\xef\xbb\xbf")):
        assert len(read(data).rows) == 2


def test_the_trailer_is_as_the_page_for_platforms_says() -> None:
    assert GOOD.endswith(TRAILER + b"\r\n")


def test_a_day_without_rows_is_a_bill_too() -> None:
    reading = read(render_bill([]))
    assert (reading.rows, reading.findings.total) == ([], 0)


def test_line_feeds_alone_and_no_byte_order_mark_are_taken() -> None:
    plain = GOOD.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    assert read(plain).findings.total == 0


def test_an_order_named_trailer_is_an_order() -> None:
    reading = read(render_bill([replace(REDEEM, platform_order_no="TRAILER")]))
    assert reading.findings.total == 0
    assert reading.rows[0].platform_order_no == "TRAILER"


def test_a_file_in_gbk_is_refused() -> None:
    data = GOOD.removeprefix(b"\xef\xbb\xbf").replace(b"noodles", "面馆".encode("gbk"))
    assert faults(data) == [("ENCODING", 2)]


def test_a_nul_is_refused() -> None:
    assert faults(GOOD.replace(b"noodles", b"noo\0les", 1)) == [("ENCODING", 2)]


@pytest.mark.parametrize("cut", [b"", GOOD[:40]])
def test_a_file_cut_off_in_its_header_is_refused(cut: bytes) -> None:
    assert read(cut).findings.listed[0].reason in (BillFault.TRUNCATED, BillFault.HEADER)


def test_a_file_without_its_trailer_is_refused() -> None:
    assert faults(GOOD.removesuffix(TRAILER + b"\r\n")) == [("TRUNCATED", 0)]


def test_every_cut_of_a_bill_is_refused() -> None:
    """Wherever the file breaks off, it is not taken; but for the line end after the trailer."""
    whole = len(GOOD) - len(b"\r\n")
    accepted = [cut for cut in range(whole) if not read(GOOD[:cut]).findings.total]
    assert accepted == []


def test_a_row_cut_off_in_the_middle_is_a_truncated_file() -> None:
    assert faults(GOOD[: GOOD.rindex(b"noodles,2026")]) == [("TRUNCATED", 4)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"paid_fen\r\n", b"paid\r\n"),
        (b"order_fen,merchant", b"order_fen,extra,merchant"),
        (b"entry_type,refund_no", b"refund_no,entry_type"),
    ],
)
def test_another_header_is_refused(old: bytes, new: bytes) -> None:
    assert faults(GOOD.replace(old, new, 1)) == [("HEADER", 1)]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b"noodles", b'"noodles', 2),
        (b"noodles", b"noodles,more", 2),
        (b"5500\r\n", b"5500\r\n\r\n", 3),
        (b"noodles", b'no"od"les', 2),
    ],
)
def test_a_broken_form_is_refused(old: bytes, new: bytes, line: int) -> None:
    """A quote that never closes may also look like a file cut off."""
    [(reason, at)] = faults(GOOD.replace(old, new, 1))
    assert reason in ("LAYOUT", "TRUNCATED")
    assert at == line


def test_a_row_below_the_trailer_is_refused() -> None:
    assert faults(GOOD + TRAILER + b"\r\n") == [("LAYOUT", 6)]


def test_a_cell_without_end_is_refused() -> None:
    assert faults(with_cell("merchant_id", "m" * 300)) == [("TOO_LARGE", 2)]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("platform_order_no", ""),
        ("platform_order_no", "o 1"),
        ("platform_order_no", "o" * 65),
        ("entry_type", "redeem"),
        ("entry_type", ""),
        ("refund_no", "f-1"),
        ("voucher_id", "v_short"),
        ("merchant_id", "Noodles"),
        ("merchant_id", '"noodles\n"'),
    ],
)
def test_a_field_that_is_none_is_refused(column: str, text: str) -> None:
    assert faults(with_cell(column, text)) == [("FIELD", 2)]


def test_a_refund_without_its_number_is_refused() -> None:
    assert faults(render_bill([replace(REFUND, refund_no="")])) == [("FIELD", 2)]


@pytest.mark.parametrize(
    "text",
    [
        "20.00",
        "1e3",
        "-2000",
        "+2000",
        "02000",
        "2,000",
        "",
        " 2000",
        "２０００",
        "10000000001",
        "99999999999",
    ],
)
def test_an_amount_that_is_no_plain_integer_is_refused(text: str) -> None:
    quoted = f'"{text}"' if "," in text else text
    assert faults(with_cell("voucher_fen", quoted)) == [("AMOUNT", 2)]


def test_an_order_that_is_not_the_sum_of_its_parts_is_refused() -> None:
    assert faults(render_bill([replace(REDEEM, voucher_fen=2_001)])) == [("AMOUNT", 2)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05",
        "2026-01-05 12:00:00",
        "2026-01-05T12:00:00",
        "yesterday",
        "2026-02-30T12:00:00Z",
    ],
)
def test_a_time_without_an_offset_or_none_at_all_is_refused(text: str) -> None:
    assert faults(with_cell("occurred_at", text)) == [("TIME", 2)]


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("2026-01-04T23:29:59.999+08:00", False),
        ("2026-01-04T23:30:00+08:00", True),
        ("2026-01-04T16:00:00Z", True),
        ("2026-01-06T00:29:59.999+08:00", True),
        ("2026-01-06T00:30:00+08:00", False),
    ],
)
def test_a_time_may_be_half_an_hour_off_the_business_date(text: str, taken: bool) -> None:  # noqa: FBT001 - a case
    assert faults(with_cell("occurred_at", text)) == ([] if taken else [("TIME", 2)])


def test_a_row_that_stands_twice_is_refused_and_names_the_first() -> None:
    reading = read(render_bill([REDEEM, SECOND, REDEEM]))
    [finding] = reading.findings.listed
    assert (finding.reason, finding.line) == (BillFault.DUPLICATE_ROW, 4)
    assert "line 2" in finding.detail


def test_two_refunds_of_one_order_are_two_rows() -> None:
    assert faults(render_bill([REFUND, replace(REFUND, refund_no="f-2")])) == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"TRAILER,3,1", b"TRAILER,4,1", "TRAILER_COUNT"),
        (b"TRAILER,3,1", b"TRAILER,3,0", "TRAILER_COUNT"),
        (b"TRAILER,3,1", b"TRAILER,,1", "TRAILER_COUNT"),
        (b"TRAILER,3,1,,,,15200", b"TRAILER,3,1,,,,15201", "TRAILER_TOTALS"),
        (b"10450", b"10450.00", "TRAILER_TOTALS"),
        (b"TRAILER,3,1,,,", b"TRAILER,3,1,v,,", "LAYOUT"),
    ],
)
def test_a_trailer_that_does_not_fit_is_refused(old: bytes, new: bytes, reason: str) -> None:
    assert faults(GOOD.replace(old, new)) == [(reason, 5)]


def test_a_day_of_refunds_alone_has_negative_totals() -> None:
    data = render_bill([REFUND])
    assert data.endswith(b"TRAILER,1,1,,,,-800,-30,-20,-200,-550\r\n")
    assert faults(data) == []


def test_every_faulty_row_is_named_and_the_trailer_not_blamed_for_it() -> None:
    data = render_bill([replace(REDEEM, merchant_id="X"), SECOND, replace(REFUND, occurred_at="?")])
    assert faults(data) == [("FIELD", 2), ("TIME", 4)]


def test_a_report_lists_so_many_faults_and_counts_all() -> None:
    rows = [replace(REDEEM, platform_order_no=f"o{n}", merchant_id="X") for n in range(1_200)]
    findings = read(render_bill(rows)).findings
    assert (len(findings.listed), findings.total) == (MAX_FINDINGS, 1_200)


@pytest.mark.parametrize(
    "key",
    [
        "bills/unionpay/2026-13-05/a.csv",
        "bills/unionpay/2026-1-5/a.csv",
        "bills/UnionPay/2026-01-05/a.csv",
        "bills/2026-01-05/a.csv",
        "settlements/unionpay/2026-01-05/a.csv",
        "bills/unionpay/2026-01-05/",
        "bills/unionpay/20260105/a.csv",
    ],
)
def test_a_key_of_another_shape_names_no_day(key: str) -> None:
    assert parse_key(key) is None
