"""The files of a settlement follow from what was settled and matched, byte for byte."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest

from functions.reconcile.matching import match_day
from functions.reconcile.statement_files import (
    StatementSet,
    person_token,
    render_set,
    run_id_of,
    set_prefix,
)
from functions.shared.domain.bills import BillState, BillVersion, bill_row_of
from functions.shared.domain.settlement import Entry, make_statement
from functions.shared.files.manifest import FILE_NAME, Manifest, verify
from tests.support.entries import NOON, ON, redemption, refund

EARLIER = ON - timedelta(days=1)
ODD = replace(redemption(3), order_no="-cmd|calc", person_ref="p1_1")
ENTRIES: list[Entry] = [
    redemption(1),
    refund(redemption(1), refund_fen=3_500),
    refund(redemption(2, on=EARLIER), on=ON),
    ODD,
]


def bill(version: int) -> BillVersion:
    return BillVersion(
        platform_id="unionpay",
        business_on=ON,
        version=version,
        state=BillState.ACCEPTED,
        object_key=f"bills/unionpay/{ON}/bill.csv",
        object_version="1",
        sha256="0" * 64,
        rows=4,
        received_at=NOON,
    )


def a_set(entries: list[Entry] = ENTRIES, *, missing: int = 0, version: int = 1) -> StatementSet:
    rows = [bill_row_of(entry) for entry in entries[missing:]]
    return StatementSet(
        version=version,
        statement=make_statement("spring-2026", "unionpay", ON, entries, bill_version=1),
        entries=entries,
        rows=match_day("unionpay", ON, entries, rows, {}),
        bill=bill(version),
    )


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode("utf-8-sig"))))


def test_the_order_of_entries_does_not_change_a_byte() -> None:
    assert render_set(a_set()) == render_set(a_set(ENTRIES[::-1]))


def test_the_manifest_comes_last_and_proves_the_others() -> None:
    files = render_set(a_set())
    assert list(files)[-1] == FILE_NAME
    manifest = Manifest.from_bytes(files[FILE_NAME])
    assert {entry.name for entry in manifest.files} == files.keys() - {FILE_NAME}
    assert verify(manifest, files.__getitem__) == []


def test_the_lines_of_a_statement_add_up_to_its_net() -> None:
    lines = table(render_set(a_set()), "statement.csv")
    assert [line["line"] for line in lines] == ["GROSS", "REFUNDS", "ADJUSTMENT", "NET"]
    for column in ("voucher_fen", "fiscal_fen", "platform_fen", "merchant_fen"):
        *parts, net = (int(line[column]) for line in lines)
        assert sum(parts) == net
    assert lines[2]["origin_business_date"] == str(EARLIER)
    assert lines[3]["payable_fen"] == "600"


def test_every_entry_is_in_the_detail_and_adds_up_to_the_payable() -> None:
    files = render_set(a_set())
    rows = table(files, "detail.csv")
    assert [row["entry_type"] for row in rows] == ["REDEEM", "REDEEM", "REFUND", "REFUND"]
    assert sum(int(row["settled_fen"]) for row in rows) == 600


def test_a_person_is_the_same_within_a_file_and_another_in_the_next() -> None:
    rows = table(render_set(a_set()), "detail.csv")
    tokens = [row["person_token"] for row in rows]
    assert tokens[0] == tokens[1] != tokens[3]
    other = make_statement("spring-2026", "meituan", ON, (), bill_version=0)
    assert person_token(other, "p1_1") != tokens[0]


def test_an_order_number_is_no_formula() -> None:
    rows = table(render_set(a_set()), "reconciliation.csv")
    assert "'-cmd|calc" in {row["order_no"] for row in rows}


def test_only_breaks_are_in_the_list_of_breaks() -> None:
    files = render_set(a_set(missing=1))
    [broken] = table(files, "breaks.csv")
    assert (broken["match_state"], broken["state"], broken["difference_fen"]) == (
        "LEDGER_ONLY",
        "OPEN",
        "2000",
    )
    matched = [row for row in table(files, "reconciliation.csv") if not row["break_id"]]
    assert len(matched) == len(ENTRIES) - 1
    manifest = Manifest.from_bytes(files[FILE_NAME])
    totals = {entry.name: dict(entry.totals) for entry in manifest.files}
    assert totals["reconciliation.csv"] == {"difference_fen": 2_000}


@pytest.mark.parametrize("name", ["statement.xlsx", "reconciliation.xlsx"])
def test_people_get_chinese_headings_yuan_and_an_explanation(name: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(render_set(a_set(missing=1))[name]))
    rows, notes = book.worksheets
    headings = [cell.value for cell in rows[1]]
    assert any("（元）" in str(heading) for heading in headings)
    assert notes.title == "说明"
    told = {notes.cell(row, 1).value: notes.cell(row, 2).value for row in range(3, 15)}
    assert told["平台账单"] == "ACCEPTED v1"
    assert str(told["统计截止时间"]).startswith("2026-01-06 00:00:00")


def test_a_restatement_says_what_changed_and_names_the_set_before() -> None:
    first, second = a_set(missing=2), a_set(missing=1, version=2)
    restated = replace(second, rows_before=first.rows, bill_before=first.bill)
    files = render_set(restated)
    manifest = Manifest.from_bytes(files[FILE_NAME])
    assert manifest.supersedes == run_id_of("unionpay", ON, 1)
    assert manifest.reason == (
        "bill version 2 corrects version 1: 1 breaks closed, 0 changed, 0 opened; "
        "the statement's amounts are unchanged"
    )
    listed = [(row["refund_no"], row["state"]) for row in table(files, "breaks.csv")]
    assert listed == [("", "OPEN"), ("f-1", "CLOSED")]


def test_sets_lie_beside_each_other() -> None:
    statement = a_set().statement
    folder = "settlements/unionpay/2026-01-05/spring-2026"
    assert set_prefix(statement, 1) == f"{folder}/v1/"
    assert set_prefix(statement, 2) == f"{folder}/v2/"
