"""XLSX as people open it: read back with openpyxl, and looked at where openpyxl hides things."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.shared.files import xlsx_out
from functions.shared.files.columns import Cell, Column, ColumnKind, Table, TableError
from functions.shared.files.facts import Fact, Language, Words
from functions.shared.files.xlsx_out import to_workbook, to_xlsx
from tests.files.samples import CUTOFF_AT, FACTS, entries_table, report_table

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet


def opened(data: bytes) -> tuple[Workbook, Worksheet, Worksheet]:
    workbook = openpyxl.load_workbook(io.BytesIO(data))
    first, second = workbook.worksheets
    return workbook, first, second


def sheet_xml(data: bytes, number: int = 1) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(f"xl/worksheets/sheet{number}.xml").decode()


def table_of(kind: ColumnKind, *values: Cell) -> Table:
    column = Column("value", "值", "Value", kind, optional=True)
    totals = ["value"] if kind in (ColumnKind.FEN, ColumnKind.RATE) else []
    return Table("t", "表", "Table", [column], ({"value": v} for v in values), totals=totals)


def test_people_see_chinese_headings_yuan_percentages_and_totals() -> None:
    _, sheet, _ = opened(to_xlsx(report_table(), FACTS))
    rows = list(sheet.values)
    assert rows[0][:4] == ("行业", "发放张数", "发放金额（元）", "领用人数")
    assert rows[1][:6] == ("餐饮", 83_917, 1_678_340, 58_741, 50_350, 811_057.8)
    assert rows[-1][:6] == ("合计", 167_834, 3_356_680, None, 100_699, 1_300_290.1)
    formats = [cell.number_format for cell in sheet[2]]
    assert formats[2] == "#,##0.00"
    assert formats[6] == "0.00%"
    assert formats[9] == "0.00"
    assert rows[1][6] == 0.4832
    assert rows[-1][6] == 0.3874
    assert rows[5][6] is None


def test_the_sheet_is_frozen_filtered_and_prints_on_one_page_width() -> None:
    workbook, sheet, _ = opened(to_xlsx(report_table(), FACTS))
    assert workbook.sheetnames == ["分行业统计", "说明"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:M6"
    assert all(cell.font.b for cell in sheet[1])
    assert all(cell.font.b for cell in sheet[7])
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.page_setup.fitToHeight == 0
    assert sheet.sheet_properties.pageSetUpPr is not None
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$1:$1"


def test_columns_are_wide_enough_for_chinese_text() -> None:
    name = "北京市石景山区万达广场烤鸭店"
    _, sheet, _ = opened(to_xlsx(table_of(ColumnKind.TEXT, name), FACTS))
    assert sheet.column_dimensions["A"].width >= 2 * len(name)
    _, sheet, _ = opened(to_xlsx(table_of(ColumnKind.TEXT, name * 50), FACTS))
    assert sheet.column_dimensions["A"].width <= 70


def test_the_notes_explain_every_column() -> None:
    _, _, notes = opened(to_xlsx(report_table(), FACTS))
    text = [tuple(row) for row in notes.values]
    assert text[0][0] == "分行业统计"
    facts = {row[0]: row[1] for row in text[2:6]}
    assert facts == {
        "活动": "2026 石景山区消费券",
        "业务日期": "2026-07-14",
        "统计截止时间": "2026-07-15 00:00:00 (UTC+8)",
        "运行编号": "run-20260715-0001",
    }
    assert text[7] == ("列", "机读名", "形式", "计算口径")
    assert [row[1] for row in text[8:]] == [column.name for column in report_table().columns]
    rate = next(row for row in text if row[1] == "redemption_rate_amount")
    assert rate == ("核销率", "redemption_rate_amount", "百分比", "核销金额 ÷ 发放金额")


def test_several_tables_are_sheets_of_one_workbook_with_one_explanation() -> None:
    """A column that stands in two tables is explained once; a long fact has room for all of it."""
    note = "说明文字" * 40
    facts = replace(FACTS, more=(*FACTS.more, Fact("note", Words("说明", "Note"), note)))
    titled = Words("统计日报", "Report")
    tables = [report_table(), entries_table()]
    workbook = openpyxl.load_workbook(io.BytesIO(to_workbook(tables, facts, title=titled)))
    assert workbook.sheetnames == ["分行业统计", "流水抽样", "说明"]
    for table in tables:
        alone, sheet, _ = opened(to_xlsx(table, facts))
        assert list(workbook[table.title_zh].values) == list(sheet.values), alone.sheetnames
    notes = workbook["说明"]
    assert notes["A1"].value == "统计日报"
    explained = [row[1] for row in notes.values][9:]
    columns = [column.name for table in tables for column in table.columns]
    assert explained == columns
    assert notes["B5"].value == note
    assert [str(cells) for cells in notes.merged_cells.ranges] == ["B5:D5"]
    assert (notes.row_dimensions[5].height or 0) >= 30
    twice = to_workbook([report_table(), _renamed(report_table())], facts)
    again = openpyxl.load_workbook(io.BytesIO(twice))["说明"]
    assert [row[1] for row in again.values][9:] == [c.name for c in report_table().columns]


def test_sheets_have_names_of_their_own() -> None:
    for tables in ([], [report_table(), report_table()]):
        with pytest.raises(TableError):
            to_workbook(tables, FACTS)


def _renamed(table: Table) -> Table:
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, cells, strict=True)) for cells in table.cells]
    return Table("other", "另一张表", "Other", table.columns, rows)


def test_english_by_option() -> None:
    workbook, sheet, notes = opened(to_xlsx(report_table(), FACTS, Language.EN))
    assert workbook.sheetnames == ["By industry", "Notes"]
    assert sheet["C1"].value == "Issued amount (CNY)"
    assert sheet["A7"].value == "Total"
    assert notes["A5"].value == "Cut-off"


def test_every_kind_is_a_cell_of_its_own_type() -> None:
    _, sheet, _ = opened(to_xlsx(entries_table(), FACTS))
    assert [cell.value for cell in sheet[2]] == [
        "0000000000000000000",
        "石景山万达广场「老北京」烤鸭店",
        datetime(2026, 7, 15),  # noqa: DTZ001 - a sheet's time has no zone
        datetime(2026, 7, 14),  # noqa: DTZ001 - as above
        2000.5,
        "B-1",
    ]
    assert sheet["C2"].number_format == "yyyy-mm-dd hh:mm:ss"
    assert sheet["D2"].number_format == "yyyy-mm-dd"
    assert sheet["A2"].data_type == "s"
    assert sheet["F3"].value is None


@pytest.mark.parametrize(
    "text",
    ["=1+1", '=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "{=1}", "http://x.cn",
     "mailto:a@b.cn", "internal:Sheet1!A1", "007", "1e5", "\t=1", "＝1+1"],
)  # fmt: skip
def test_text_is_never_a_formula_a_link_or_a_number(text: str) -> None:
    data = to_xlsx(table_of(ColumnKind.TEXT, text), FACTS)
    _, sheet, _ = opened(data)
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].value == text
    assert sheet["A2"].hyperlink is None
    assert "<f>" not in sheet_xml(data)


def test_the_whole_file_holds_no_formula_and_no_link() -> None:
    data = to_xlsx(entries_table(), FACTS)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [name for name in archive.namelist() if "worksheets" in name]
        text = "".join(archive.read(name).decode() for name in sheets)
    assert "<f>" not in text
    assert "hyperlink" not in text


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1 - 10**15, 10**15 - 1), min_size=1, max_size=40))
def test_yuan_have_exactly_the_fen(amounts: list[int]) -> None:
    """The digits in the file are the fen, to the last; so are the totals."""
    # Totals keep to the limit of an amount.
    amounts = amounts if abs(sum(amounts)) < 10**15 else amounts[:1]
    xml = sheet_xml(to_xlsx(table_of(ColumnKind.FEN, *amounts), FACTS))
    written = [_fen(text) for text in re.findall(r"<c r=\"A\d+\" s=\"\d+\"><v>([^<]+)</v>", xml)]
    assert written == [*amounts, sum(amounts)]


def _fen(digits: str) -> int:
    sign = -1 if digits.startswith("-") else 1
    whole, _, rest = digits.lstrip("-").partition(".")
    assert len(rest) <= 2
    return sign * (int(whole) * 100 + int(rest.ljust(2, "0")))


CLEAN = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Co"]), min_size=1, max_size=20
)


@settings(max_examples=25, deadline=None)
@given(st.lists(CLEAN, min_size=1, max_size=20))
def test_text_is_read_back_as_it_was(texts: list[str]) -> None:
    _, sheet, _ = opened(to_xlsx(table_of(ColumnKind.TEXT, *texts), FACTS))
    assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == texts


def test_text_that_xml_cannot_hold_does_no_harm() -> None:
    _, sheet, _ = opened(to_xlsx(table_of(ColumnKind.TEXT, "a\ufffe\uffff\x01b\x0b"), FACTS))
    value = sheet["A2"].value
    assert isinstance(value, str)
    assert value.startswith("a\ufffd\ufffd")


def test_same_input_same_bytes() -> None:
    first = to_xlsx(entries_table(), FACTS)
    assert to_xlsx(entries_table(), FACTS) == first
    workbook, _, _ = opened(first)
    assert workbook.properties.created == CUTOFF_AT.replace(tzinfo=None)
    assert workbook.properties.modified == CUTOFF_AT.replace(tzinfo=None)


@pytest.mark.parametrize(
    "title", ["a/b\\c?*[x]:y", "说明", "'quoted'", "x" * 40, "History", "[]", "R&D 统计"]
)
def test_any_title_makes_a_sheet(title: str) -> None:
    column = Column("value", "值", "Value", ColumnKind.FEN)
    workbook, _, notes = opened(to_xlsx(Table("t", title, title, [column], []), FACTS))
    assert len(workbook.sheetnames) == 2
    assert notes["A1"].value == title


def test_an_empty_table_still_opens() -> None:
    _, sheet, _ = opened(to_xlsx(table_of(ColumnKind.FEN), FACTS))
    assert list(sheet.values) == [("值（元）",), (0,)]


def test_a_table_without_totals_has_no_totals_row() -> None:
    _, sheet, _ = opened(to_xlsx(table_of(ColumnKind.DATE, date(2026, 7, 1)), FACTS))
    assert sheet.max_row == 2


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_out, "ROW_LIMIT", 1)
    with pytest.raises(TableError, match="rows"):
        to_xlsx(table_of(ColumnKind.FEN, 1, 2), FACTS)
