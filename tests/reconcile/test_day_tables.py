"""What the engine does with a day by the million is what plain Python does with it row by row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.reconcile import day_tables
from functions.reconcile.day_ledger import in_parts
from functions.reconcile.day_tables import AskOwners, DayTables, RowsLost
from functions.reconcile.engine import Engine, engine, write_rows
from functions.reconcile.matching import match_rows
from functions.reconcile.statement_files import (
    DETAIL_COLUMNS,
    RECONCILIATION_COLUMNS,
    agreed_cells,
    detail_cells,
    reconciliation_row,
)
from functions.shared.domain.bills import BillRow
from functions.shared.domain.breaks import MatchRow, MatchState, breaks_of, compare_breaks
from functions.shared.domain.ledger import DAY_SEGMENTS, day_segment
from functions.shared.domain.settlement import SegmentSum
from functions.shared.files.columns import Column, ColumnKind, Table
from functions.shared.files.csv_out import csv_lines, to_csv
from functions.shared.files.csv_sql import line_sql, text_sql
from functions.shared.store.vouchers import Owner
from infra.local.bills import render_bill
from tests.reconcile.test_matching import STRANGER, Plan, plans
from tests.support.days import ledger_side, segment_sums, shared_engine, staged
from tests.support.entries import ON, redemption, refund
from tests.support.rows import (
    Entry,
    bill_row_of,
    detail_row,
    in_order,
    is_adjustment,
    parts_of,
)
from tests.support.settling import billed

ALL = range(DAY_SEGMENTS)
# Each example makes files and tables.
SLOW = settings(max_examples=25, deadline=None)
EARLIER = ON - timedelta(days=1)
DAY: list[Entry] = [
    redemption(1),
    refund(redemption(1), refund_fen=3_500),
    refund(redemption(2, on=EARLIER), on=ON),
    replace(redemption(3), order_no="-cmd|calc"),
    redemption(4, campaign_id="autumn-2026"),
]


def owners(entries: Sequence[Entry]) -> AskOwners:
    """Vouchers that the ledger does not name are of another campaign."""
    own = {entry.voucher_id: entry.campaign_id for entry in entries}

    def ask(voucher_ids: Iterable[str]) -> Iterator[Owner]:
        return (Owner(name, "unionpay", own.get(name, STRANGER)) for name in voucher_ids)

    return ask


def bill_file(tables: DayTables, rows: Sequence[BillRow], version: int = 1) -> None:
    """Loads rows as a version of the bill, whatever intake would say to them."""
    path = shared_engine().folder / "rows.csv"
    path.write_bytes(render_bill(map(billed, rows)))
    tables.load_bill(version, path)
    tables.needs_booked(version)


def day(entries: Sequence[Entry]) -> DayTables:
    """The day's tables with all entries in one part."""
    tables = DayTables(shared_engine(), "unionpay", ON)
    [part] = in_parts(staged(entries, shared_engine().folder))
    tables.load_ledger(part.files)
    return tables


def row_by_row(entries: Sequence[Entry], bill: Sequence[BillRow]) -> list[MatchRow]:
    """The match of everything with everything by the rules alone."""
    own = {entry.voucher_id for entry in entries}
    campaigns = {row.voucher_id: STRANGER for row in bill if row.voucher_id not in own}
    return match_rows("unionpay", ON, map(ledger_side, entries), bill, campaign_of=campaigns)


def sound(plan: Plan) -> list[BillRow]:
    """The plan's bill as intake lets one in: no key twice, every sum right."""
    rows = {row.key: row for row in plan.bill}
    return [replace(row, order_fen=sum(row.amounts[1:])) for row in rows.values()]


@SLOW
@given(plans(), st.integers(1, 12), st.sampled_from([1, 3, 1_000]))
def test_the_engine_finds_what_the_rules_find_in_parts_of_any_size(
    plan: Plan, most: int, held: int
) -> None:
    """Whatever is read of the ledger together, and however many rows are held as objects."""
    bill = sound(plan)
    expected = row_by_row(plan.entries, bill)
    tables = DayTables(shared_engine(), "unionpay", ON)
    bill_file(tables, bill)
    parts = list(in_parts(staged(plan.entries, shared_engine().folder), most))
    assert sorted(s for part in parts for s in part.segments) == list(ALL)
    for part in parts:
        tables.load_ledger(part.files)
        tables.note_booked(1)
    agreed = 0
    for part in parts:
        tables.load_ledger(part.files)
        with patch.object(day_tables, "SLICE_ROWS", held):
            found = tables.match(1, part.segments, owners(plan.entries))
        agreed += sum(of.rows for of in found.values())
    assert agreed == sum(row.match_state is MatchState.MATCHED for row in expected)
    assert list(tables.breaks(1)) == [row for _, row in sorted(breaks_of(expected).items())]


@SLOW
@given(plans())
def test_the_engine_adds_up_what_a_loop_adds_up(plan: Plan) -> None:
    entries = [*plan.entries, *DAY[2:]] if len(plan.entries) % 2 else plan.entries
    entries = list({(e.redemption_id, getattr(e, "refund_no", "")): e for e in entries}.values())
    tables = DayTables(shared_engine(), "unionpay", ON)
    found: dict[str, list[SegmentSum]] = {}
    for part in in_parts(staged(entries, shared_engine().folder), 3):
        tables.load_ledger(part.files)
        for name, segments in tables.tallies().items():
            found.setdefault(name, []).extend(
                SegmentSum(segment=s, tallies=tallies, digest=part.digest(name, s))
                for s, tallies in segments.items()
            )
    assert found == {
        name: segment_sums([e for e in entries if e.campaign_id == name])
        for name in {e.campaign_id for e in entries}
    }


def test_adjustments_are_refunds_of_earlier_days() -> None:
    [(campaign_id, found)] = day(DAY).adjustments()
    [entry] = [e for e in DAY if is_adjustment(e)]
    assert campaign_id == entry.campaign_id
    assert found.place == in_order(entry)
    assert (found.redeemed_on, found.parts) == (EARLIER, parts_of(entry))


def test_an_entry_of_another_day_or_platform_is_refused() -> None:
    for stranger in (redemption(1, on=EARLIER), redemption(1, platform_id="meituan")):
        with pytest.raises(RowsLost):
            day([stranger])


def test_a_bill_that_holds_a_key_twice_never_passes_for_a_match() -> None:
    """Intake refuses it; were it let in, the pairs would be one too many."""
    tables = day([redemption(1)])
    bill_file(tables, [bill_row_of(redemption(1))] * 2)
    with pytest.raises(RowsLost):
        tables.match(1, ALL, owners([]))


def detail_lines(tables: DayTables, campaign_id: str, statement_id: str) -> list[str]:
    """The lines of the detail, without their ends."""
    path = shared_engine().folder / "lines.csv"
    count = tables.copy_entries(campaign_id, detail_cells(statement_id), path)
    *lines, rest = path.read_bytes().decode().split("\n")
    assert (len(lines), rest) == (count, "")
    assert all(line.endswith("\r") for line in lines)
    return [line[:-1] for line in lines]


@pytest.mark.parametrize("campaign_id", ["spring-2026", "autumn-2026", "none"])
def test_lines_of_the_detail_are_those_that_plain_rows_give(campaign_id: str) -> None:
    found = detail_lines(day(DAY), campaign_id, "s_1")
    mine = [e for e in DAY if e.campaign_id == campaign_id]
    mine.sort(key=lambda e: (day_segment(e.order_no), in_order(e)))
    assert found == list(csv_lines(DETAIL_COLUMNS, map(detail_row, mine)))


def test_a_person_is_the_same_within_a_statement_and_another_in_the_next() -> None:
    tables = day(DAY)
    place = [column.name for column in DETAIL_COLUMNS].index("person_token")

    def tokens(statement_id: str) -> dict[str, str]:
        lines = (line.split(",") for line in detail_lines(tables, "spring-2026", statement_id))
        return {line[1] + line[0]: line[place] for line in lines}

    one, other = tokens("s_1"), tokens("s_2")
    same = redemption(1).redemption_id
    assert one[same + "REDEEM"] == one[same + "REFUND"] != other[same + "REDEEM"]
    assert len(set(one.values())) == 3


@SLOW
@given(plans())
def test_lines_of_the_reconciliation_are_those_that_plain_rows_give(plan: Plan) -> None:
    bill = sound(plan)
    tables = day(plan.entries)
    bill_file(tables, bill)
    tables.note_booked(1)
    tables.match(1, ALL, owners(plan.entries))
    path = shared_engine().folder / "lines.csv"
    for campaign_id in ("spring-2026", STRANGER):
        expected = [r for r in row_by_row(plan.entries, bill) if r.campaign_id == campaign_id]
        broken = [row for row, _ in tables.listed_breaks(campaign_id, 1)]
        agreed: list[str] = []
        for segment in tables.matched_segments(campaign_id, 1):
            count = tables.copy_agreed(campaign_id, segment, agreed_cells(), path)
            agreed += path.read_bytes().decode().splitlines()
            assert count <= len(agreed)
        found = agreed + list(csv_lines(RECONCILIATION_COLUMNS, map(reconciliation_row, broken)))
        assert sorted(found) == sorted(
            csv_lines(RECONCILIATION_COLUMNS, map(reconciliation_row, expected))
        )


@SLOW
@given(plans(), st.data())
def test_a_version_against_the_one_before_is_compared_as_its_rows_are(
    plan: Plan, data: st.DataObject
) -> None:
    before, after = sound(plan), sound(plan)
    before = [row for row in before if data.draw(st.booleans())]
    after = [
        replace(row, merchant_id="moved") if data.draw(st.booleans()) else row for row in after
    ]
    tables = day(plan.entries)
    for version, rows in ((1, before), (2, after)):
        bill_file(tables, rows, version)
        tables.note_booked(version)
        tables.match(version, ALL, owners(plan.entries))
    for campaign_id in ("spring-2026", STRANGER):
        one, two = (
            breaks_of(r for r in row_by_row(plan.entries, rows) if r.campaign_id == campaign_id)
            for rows in (before, after)
        )
        opened, changed, closed = compare_breaks(one, two)
        changes = tables.break_changes(campaign_id, 2, 1)
        assert (changes.opened, changes.changed, changes.closed) == tuple(
            map(len, (opened, changed, closed))
        )
        listed = Counter(
            (row.break_id, state.value)
            for row, state in tables.listed_breaks(campaign_id, 2, before=1)
        )
        assert listed == Counter([(name, "OPEN") for name in two] + [(n, "CLOSED") for n in closed])
        sides = tables.breaks_by_state(campaign_id, 2)
        assert {s: of.rows for s, of in sides.items()} == Counter(
            r.match_state for r in two.values()
        )
        assert sum(of.difference_fen for of in sides.values()) == sum(
            r.difference_fen for r in two.values()
        )


@pytest.fixture(scope="module")
def opened() -> Iterator[Engine]:
    with engine() as fresh:
        yield fresh


ODD_TEXT = st.text(st.sampled_from([*"=+-@\t\r\n'\"ab, |;\\＝＋－＠", "面", "\u00e9"]), max_size=6)


@given(text=ODD_TEXT)
def test_any_text_is_guarded_and_quoted_as_the_csv_writer_does_it(
    opened: Engine, text: str
) -> None:
    line = line_sql([text_sql("t"), "n"])
    found = opened.value(f"SELECT {line} FROM (SELECT ? AS t, 1 AS n)", text)  # noqa: S608
    columns = [Column("t", "文", "T", ColumnKind.TEXT), Column("n", "数", "N", ColumnKind.COUNT)]
    whole = to_csv(Table("t", "表", "T", columns, [{"t": text, "n": 1}]))
    [_, *rows] = list(csv.reader(io.StringIO(whole.decode("utf-8-sig"), newline="")))
    assert f"{found}\r\n".encode() == whole.split(b"t,n\r\n", 1)[1]
    assert len(rows) == 1


def test_rows_of_any_text_come_back_from_disk_in_their_order(
    opened: Engine, tmp_path: Path
) -> None:
    odd = [
        "a",
        '"q"',
        "a\\b",
        " lead",
        "面馆",
        "a,b",
        "NULL",
        "",
        "\ufeffx",
        "a\tb",
        "#c",
        "\\N",
        "'",
    ]
    path = tmp_path / "rows"
    assert write_rows(path, ((text, str(n)) for n, text in enumerate(odd))) == len(odd)
    opened.load("odd", {"text": "VARCHAR", "n": "BIGINT"}, [path])
    assert [text for (text,) in opened.rows("SELECT text FROM odd ORDER BY rowid")] == odd
    assert opened.value("SELECT count(*) FROM odd WHERE rowid <> n") == 0


def test_times_are_written_as_utc_wherever_the_machine_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    with engine() as elsewhere:
        text = "strftime('2026-01-05T12:00:00+08:00'::TIMESTAMPTZ::TIMESTAMP, '%H:%M')"
        assert elsewhere.value(f"SELECT {text}") == "04:00"
