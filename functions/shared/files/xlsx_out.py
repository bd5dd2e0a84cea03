"""XLSX for people: yuan with two decimals, totals, a frozen header, and a sheet that explains.

The same table and facts give the same bytes on one version of Python and zlib: the creation date
is the cut-off, the archive carries no clock, and nothing is random.

No cell is a formula or a link, whatever its text says: text is written as text, totals as numbers
computed from integers.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import xlsxwriter

from functions.shared.domain.business_time import SHANGHAI
from functions.shared.files.columns import NUMERIC, Cell, ColumnKind, TableError
from functions.shared.files.facts import Language, Words, display_width, for_people, heading
from functions.shared.files.numerals import rounded_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from functions.shared.files.columns import Cells, Column, Table
    from functions.shared.files.facts import Facts

ROW_LIMIT = 1_048_576 - 2
"""The rows of a sheet, less header and totals. Source: Excel specifications and limits."""

_WIDTH_ROWS = 2_000
_WIDTH_LEAST, _WIDTH_MOST = 8, 60
_FACT_WIDTH, _SENTENCE_WIDTH = 48, 116
_SHEET_NAME_LIMIT = 31
_PAPER_A4 = 9

_NOT_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
# XML has no form for these two; xlsxwriter escapes every other control character.
_NOT_IN_XML = re.compile("[\ufffe\uffff]")

_TOTAL = Words("合计", "Total")
_NOTES = Words("说明", "Notes")
_KINDS = {
    ColumnKind.TEXT: Words("文本", "text"),
    ColumnKind.ID: Words("编号", "id"),
    ColumnKind.FEN: Words("元，两位小数", "yuan, two decimals"),
    ColumnKind.COUNT: Words("整数", "whole number"),
    ColumnKind.RATE: Words("百分比", "percentage"),
    ColumnKind.RATIO: Words("倍数", "multiple"),
    ColumnKind.DATE: Words("日期（北京时间）", "date (Asia/Shanghai)"),
    ColumnKind.TIME: Words("时间（北京时间）", "time (Asia/Shanghai)"),
}
_NUMBER_FORMATS = {
    ColumnKind.TEXT: "@",
    ColumnKind.ID: "@",
    ColumnKind.FEN: "#,##0.00",
    ColumnKind.COUNT: "#,##0",
    ColumnKind.RATE: "0.00%",
    ColumnKind.RATIO: "0.00",
    ColumnKind.DATE: "yyyy-mm-dd",
    ColumnKind.TIME: "yyyy-mm-dd hh:mm:ss",
}


def to_xlsx(table: Table, facts: Facts, language: Language = Language.ZH) -> bytes:
    """A table's XLSX file.

    Raises:
        TableError: the table has more rows than a sheet holds.

    """
    return to_workbook([table], facts, language)


def to_workbook(
    tables: Sequence[Table],
    facts: Facts,
    language: Language = Language.ZH,
    *,
    title: Words | None = None,
) -> bytes:
    """One XLSX file with a sheet for each table, and one that explains them all.

    Args:
        tables: one at least; each title names a sheet, so they differ in their first 31
            characters.
        facts: stated on the last sheet.
        language: of headings and notes.
        title: of the whole; the first table's where it is not given.

    Raises:
        TableError: there is no table, two sheets would have one name, or a table has more rows
            than a sheet holds.

    """
    if not tables:
        raise TableError("a workbook needs a table")
    for table in tables:
        if len(table.cells) > ROW_LIMIT:
            raise TableError(f"{len(table.cells)} rows do not fit a sheet of {ROW_LIMIT}")
    data = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        data,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    name = (title or _title(tables[0])).of(language)
    created_at = facts.cutoff_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    workbook.set_properties({"title": name, "author": "Huimin", "created": created_at})
    _Writer(workbook, language).write(tables, name, facts)
    workbook.close()
    return data.getvalue()


def _title(table: Table) -> Words:
    return Words(table.title_zh, table.title_en)


class _Writer:
    """One workbook being written. xlsxwriter declares no types, so its objects are `Any` here."""

    def __init__(self, workbook: Any, language: Language) -> None:  # noqa: ANN401 - untyped
        self.workbook = workbook
        self.language = language
        font = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "vcenter"}
        self.plain = workbook.add_format({**font, "text_wrap": True, "valign": "top"})
        self.strong = workbook.add_format({**font, "bold": True, "valign": "top"})
        self.title = workbook.add_format({**font, "bold": True, "font_size": 14})
        head = {**font, "bold": True, "text_wrap": True, "bg_color": "#E3ECF5", "bottom": 1}
        self.head = {
            numeric: workbook.add_format({**head, "align": "right" if numeric else "left"})
            for numeric in (False, True)
        }
        total = {**font, "bold": True, "top": 1, "bg_color": "#F3F6FA"}
        self.total_label = workbook.add_format(total)
        self.body_formats = {}
        self.total_formats = {}
        for kind, number_format in _NUMBER_FORMATS.items():
            shown = {"num_format": number_format}
            self.body_formats[kind] = workbook.add_format({**font, **shown})
            self.total_formats[kind] = workbook.add_format({**total, **shown})

    def write(self, tables: Sequence[Table], title: str, facts: Facts) -> None:
        notes = _NOTES.of(self.language)
        taken = {notes.casefold()}
        for table in tables:
            sheet_name = _sheet_name(_title(table).of(self.language), notes)
            if sheet_name.casefold() in taken:
                raise TableError(f"two sheets would be named {sheet_name!r}")
            taken.add(sheet_name.casefold())
            self._write_rows(self.workbook.add_worksheet(sheet_name), table)
        # A column that stands in several tables is explained once.
        columns = dict.fromkeys(column for table in tables for column in table.columns)
        self._write_notes(self.workbook.add_worksheet(notes), title, facts, columns)

    def _write_rows(self, sheet: Any, table: Table) -> None:  # noqa: ANN401 - as above
        columns, cells = table.columns, table.cells
        totals = _total_cells(table)
        for position, column in enumerate(columns):
            numeric = _is_numeric(column)
            sheet.write_string(0, position, self._heading(column), self.head[numeric])
            width = self._width(position, table, totals)
            sheet.set_column(position, position, width)
        sheet.set_row(0, 32)
        kinds = [column.kind for column in columns]
        body = _Cells(sheet, self.body_formats)
        for row, row_cells in enumerate(cells, start=1):
            for position, cell in enumerate(row_cells):
                body.put(row, position, cell, kinds[position])
        if table.totals:
            self._write_totals(sheet, len(cells) + 1, columns, totals)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(cells), len(columns) - 1)
        sheet.repeat_rows(0)
        _set_up_print(sheet, _title(table).of(self.language))

    def _heading(self, column: Column) -> str:
        return heading(column).of(self.language)

    def _write_totals(
        self,
        sheet: Any,  # noqa: ANN401 - as above
        row: int,
        columns: Sequence[Column],
        totals: Cells,
    ) -> None:
        line = _Cells(sheet, self.total_formats)
        label: str | None = _TOTAL.of(self.language)
        for position, (column, total) in enumerate(zip(columns, totals, strict=True)):
            if total is not None:
                line.put(row, position, total, column.kind)
            elif label is not None:
                sheet.write_string(row, position, label, self.total_label)
                label = None
            else:
                sheet.write_blank(row, position, None, self.total_label)

    def _width(self, position: int, table: Table, totals: Cells) -> int:
        """A width that holds what the first rows show; a heading may break into two lines."""
        column = table.columns[position]
        header = display_width(self._heading(column))
        shown = [display_width(for_people(totals[position], column.kind))]
        shown += [
            display_width(for_people(cells[position], column.kind))
            for cells in table.cells[:_WIDTH_ROWS]
        ]
        # The filter's arrow covers about three characters of the heading.
        return max(_WIDTH_LEAST, min(_WIDTH_MOST, max(*shown, (header + 1) // 2 + 4) + 2))

    def _write_notes(
        self,
        sheet: Any,  # noqa: ANN401 - as above
        title: str,
        facts: Facts,
        columns: Iterable[Column],
    ) -> None:
        language = self.language
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 26)
        sheet.set_column(2, 2, 22)
        sheet.set_column(3, 3, 80)
        sheet.write_string(0, 0, _writable(title), self.title)
        row = 2
        for fact in facts.lines():
            sheet.write_string(row, 0, _writable(fact.label.of(language)), self.strong)
            self._write_fact(sheet, row, _writable(fact.for_people()))
            row += 1
        row += 1
        headings = (
            Words("列", "Column"),
            Words("机读名", "Machine name"),
            Words("形式", "Form"),
            Words("计算口径", "Formula"),
        )
        for position, words in enumerate(headings):
            sheet.write_string(row, position, words.of(language), self.head[False])
        for column in columns:
            row += 1
            formula = Words(column.formula_zh, column.formula_en).of(language)
            line = (
                self._heading(column),
                column.name,
                _KINDS[column.kind].of(language),
                formula or Words("按原值列示", "as recorded").of(language),
            )
            for position, text in enumerate(line):
                sheet.write_string(row, position, _writable(text), self.plain)
        _set_up_print(sheet, title)

    def _write_fact(self, sheet: Any, row: int, text: str) -> None:  # noqa: ANN401 - as above
        """A fact's value; a sentence runs over the three columns of the formulas below it."""
        if display_width(text) <= _FACT_WIDTH:
            sheet.write_string(row, 1, text, self.plain)
            return
        sheet.merge_range(row, 1, row, 3, "", self.plain)
        sheet.write_string(row, 1, text, self.plain)
        # Spreadsheets fit a row's height to its text, but not to text in merged cells.
        sheet.set_row(row, 15 * -(-display_width(text) // _SENTENCE_WIDTH))


def _total_cells(table: Table) -> Cells:
    sums = table.sums()
    return tuple(sums.get(column.name) for column in table.columns)


def _set_up_print(sheet: Any, title: str) -> None:  # noqa: ANN401 - as above
    sheet.set_landscape()
    sheet.set_paper(_PAPER_A4)
    sheet.fit_to_pages(1, 0)
    # An ampersand begins a code in headers, and their length is limited to 255.
    sheet.set_header(f"&L{title[:80].replace('&', '&&')}")
    sheet.set_footer("&C&P / &N")


class _Cells:
    """The cells of one sheet, each written after its column's kind."""

    def __init__(self, sheet: Any, formats: dict[ColumnKind, Any]) -> None:  # noqa: ANN401 - as above
        self.sheet = sheet
        self.formats = formats

    def put(self, row: int, position: int, cell: Cell, kind: ColumnKind) -> None:
        sheet, shown = self.sheet, self.formats[kind]
        if cell is None:
            return
        if isinstance(cell, str):
            sheet.write_string(row, position, _writable(cell), shown)
        elif isinstance(cell, datetime):
            local = cell.astimezone(SHANGHAI).replace(tzinfo=None, microsecond=0)
            sheet.write_datetime(row, position, local, shown)
        elif isinstance(cell, date):
            sheet.write_datetime(row, position, cell, shown)
        elif isinstance(cell, tuple):
            rounded = rounded_rate(cell)
            if rounded is not None:
                sheet.write_number(row, position, _decimals(rounded, 4), shown)
        elif kind is ColumnKind.FEN:
            sheet.write_number(row, position, _decimals(cell, 2), shown)
        else:
            sheet.write_number(row, position, cell, shown)


def _decimals(value: int, decimals: int) -> Decimal:
    """The digits of the cell's number, at the last moment before they are written.

    xlsxwriter writes 16 digits of a number: of the double 944414.56 they are 944414.5600000001.
    Of a Decimal they are the two decimals and no more, so that the file holds exactly the fen.
    """
    return Decimal(value).scaleb(-decimals)


def _is_numeric(column: Column) -> bool:
    return column.kind in NUMERIC


def _sheet_name(title: str, taken: str) -> str:
    """A name that Excel accepts, from the title."""
    name = _NOT_IN_SHEET_NAME.sub(" ", title)[:_SHEET_NAME_LIMIT].strip(" '")
    usable = name and name.casefold() not in (taken.casefold(), "history")
    return name if usable else "Data"


def _writable(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
