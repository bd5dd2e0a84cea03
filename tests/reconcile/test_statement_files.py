"""The files of a settlement follow from what was settled and matched, byte for byte."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import openpyxl

from functions.reconcile.day_ledger import in_parts
from functions.reconcile.day_tables import DayTables, Sides
from functions.reconcile.statement_files import (
    MOST_SHOWN,
    Restated,
    StatementSet,
    manifest_of,
    render_small,
    run_id_of,
    set_prefix,
)
from functions.shared.domain.bills import BillState, BillVersion
from functions.shared.domain.breaks import MatchState
from functions.shared.files.manifest import verify
from infra.local.bills import render_bill
from tests.support.days import shared_engine, staged, statement_of
from tests.support.entries import NOON, ON, redemption, refund
from tests.support.rows import Entry, bill_row_of
from tests.support.settling import billed

CAMPAIGN = "spring-2026"
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


def a_set(
    entries: list[Entry] = ENTRIES, *, missing: int = 0, version: int = 1, before: int | None = None
) -> StatementSet:
    """The set of a day whose bill lacks the first entries; after one that lacked others."""
    tables = DayTables(shared_engine(), "unionpay", ON)
    [part] = in_parts(staged(entries, shared_engine().folder))
    tables.load_ledger(part.files)
    agreed = Sides()
    for number, lacking in ((version - 1, before), (version, missing)):
        if lacking is not None:
            path = shared_engine().folder / "bill.csv"
            path.write_bytes(render_bill(billed(bill_row_of(e)) for e in entries[lacking:]))
            tables.load_bill(number, path)
            tables.needs_booked(number)
            agreed = tables.match(number, part.segments, lambda _: iter(())).get(CAMPAIGN, Sides())
    restated = None
    if before is not None:
        changes = tables.break_changes(CAMPAIGN, version, version - 1)
        restated = Restated(bill_before=bill(version - 1), changes=changes)
    found = tables.listed_breaks(CAMPAIGN, version, before=version - 1 if restated else None)
    return StatementSet(
        version=version,
        statement=statement_of(CAMPAIGN, "unionpay", ON, entries, bill_version=1),
        adjustments=[adjustment for _, adjustment in tables.adjustments()],
        bill=bill(version),
        sides={**tables.breaks_by_state(CAMPAIGN, version), MatchState.MATCHED: agreed},
        breaks=list(found),
        restated=restated,
    )


def files_of(of: StatementSet) -> dict[str, bytes]:
    """The set's small files by name."""
    return {name: data for name, (data, _) in render_small(of).items()}


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode("utf-8-sig"))))


def test_the_order_of_entries_does_not_change_a_byte() -> None:
    assert render_small(a_set()) == render_small(a_set(ENTRIES[::-1]))


def test_the_manifest_proves_the_files() -> None:
    of = a_set()
    rendered = render_small(of)
    manifest = manifest_of(of, [entry for _, entry in rendered.values()])
    assert {entry.name for entry in manifest.files} == rendered.keys()
    assert verify(manifest, files_of(of).__getitem__) == []
    assert manifest.inputs["entries"] == len(ENTRIES)


def test_the_lines_of_a_statement_add_up_to_its_net() -> None:
    lines = table(files_of(a_set()), "statement.csv")
    assert [line["line"] for line in lines] == ["GROSS", "REFUNDS", "ADJUSTMENT", "NET"]
    for column in ("voucher_fen", "fiscal_fen", "platform_fen", "merchant_fen"):
        *parts, net = (int(line[column]) for line in lines)
        assert sum(parts) == net
    assert lines[2]["origin_business_date"] == str(EARLIER)
    assert lines[3]["payable_fen"] == "600"


def test_people_get_the_breaks_and_how_much_agrees() -> None:
    book = openpyxl.load_workbook(io.BytesIO(files_of(a_set(missing=1))["reconciliation.xlsx"]))
    summary, breaks, _ = (list(sheet.values) for sheet in book.worksheets)
    assert [row[:2] for row in summary[1:]] == [("MATCHED", 3), ("LEDGER_ONLY", 1), ("合计", 4)]
    assert [row[4] for row in summary[1:]] == [0, 20, 20]
    [broken] = breaks[1:]
    assert broken[1:4] == ("OPEN", "LEDGER_ONLY", "o-1")


def test_the_workbook_says_where_it_does_not_show_all_breaks() -> None:
    of = a_set(missing=4)
    shown = replace(of, breaks=list(of.breaks[:1]) * MOST_SHOWN)
    book = openpyxl.load_workbook(io.BytesIO(files_of(shown)["reconciliation.xlsx"]))
    notes = book.worksheets[2]
    told = {notes.cell(row, 1).value: notes.cell(row, 2).value for row in range(3, 20)}
    assert (told["未结差错数"], told["工作簿所列差错数"]) == ("4", str(MOST_SHOWN))


def test_people_get_chinese_headings_yuan_and_an_explanation() -> None:
    files = files_of(a_set(missing=1))
    headings = {"statement.xlsx": "券金额（元）", "reconciliation.xlsx": "账本券金额（元）"}
    for name, heading in headings.items():
        book = openpyxl.load_workbook(io.BytesIO(files[name]))
        rows, *_, notes = book.worksheets
        assert heading in [cell.value for cell in rows[1]]
        assert notes.title == "说明"
        told = {notes.cell(row, 1).value: notes.cell(row, 2).value for row in range(3, 15)}
        assert told["平台账单"] == "ACCEPTED v1"
        assert str(told["统计截止时间"]).startswith("2026-01-06 00:00:00")


def test_a_restatement_says_what_changed_and_names_the_set_before() -> None:
    of = a_set(missing=1, version=2, before=2)
    manifest = manifest_of(of, [])
    assert manifest.supersedes == run_id_of("unionpay", ON, 1)
    assert manifest.reason == (
        "bill version 2 corrects version 1: 1 breaks closed, 0 changed, 0 opened; "
        "the statement's amounts are unchanged"
    )
    listed = [(row.side.refund_no, state.value) for row, state in of.breaks]
    assert sorted(listed) == [("", "OPEN"), ("f-1", "CLOSED")]


def test_sets_lie_beside_each_other() -> None:
    folder = "settlements/unionpay/2026-01-05/spring-2026"
    assert set_prefix(CAMPAIGN, "unionpay", ON, 1) == f"{folder}/v1/"
    assert set_prefix(CAMPAIGN, "unionpay", ON, 2) == f"{folder}/v2/"
