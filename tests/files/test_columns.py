"""A table that exists is sound; what is not sound is refused with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from functions.shared.files.columns import (
    AMOUNT_LIMIT,
    COLUMN_LIMIT,
    ID_LIMIT,
    TEXT_LIMIT,
    Cell,
    Column,
    ColumnKind,
    Table,
    TableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

AT = datetime(2026, 7, 1, 2, tzinfo=UTC)
GOOD: Mapping[ColumnKind, tuple[Cell, ...]] = {
    ColumnKind.TEXT: ("", "烤鸭", "=1+1", "a\r\nb", "x" * TEXT_LIMIT),
    ColumnKind.ID: ("0", "-A|b*.", "x" * ID_LIMIT),
    ColumnKind.FEN: (0, -1, AMOUNT_LIMIT - 1, 1 - AMOUNT_LIMIT),
    ColumnKind.COUNT: (0, 7),
    ColumnKind.RATE: ((1, 3), (0, 0), (-5, 2)),
    ColumnKind.RATIO: ((456, 100),),
    ColumnKind.DATE: (date(2026, 7, 1),),
    ColumnKind.TIME: (AT,),
}
BAD: Mapping[ColumnKind, tuple[object, ...]] = {
    ColumnKind.TEXT: (1, None, b"x", "a\0b", "\ud800", "x" * (TEXT_LIMIT + 1)),
    ColumnKind.ID: ("", 1, None, "a\nb", "a\x7f", "\udfff", "x" * (ID_LIMIT + 1)),
    ColumnKind.FEN: (True, False, 1.0, "1", None, (1, 1), AMOUNT_LIMIT, -AMOUNT_LIMIT),
    ColumnKind.COUNT: (True, 1.0, "1", None),
    ColumnKind.RATE: (1, 0.5, (1,), (1, 2, 3), (True, 1), (1, 1.0), (1, -1), [1, 2], None),
    ColumnKind.RATIO: ((1, False), "1.2", None),
    ColumnKind.DATE: (AT, "2026-07-01", None),
    ColumnKind.TIME: (date(2026, 7, 1), AT.replace(tzinfo=None), "2026-07-01T00:00:00Z", None),
}


def one_column(kind: ColumnKind, *, optional: bool = False) -> Column:
    return Column("value", "值", "Value", kind, optional=optional)


def table_of(column: Column, value: Cell) -> Table:
    return Table("t", "表", "Table", [column], [{"value": value}])


@pytest.mark.parametrize("kind", ColumnKind)
def test_every_kind_takes_its_values(kind: ColumnKind) -> None:
    for value in GOOD[kind]:
        assert table_of(one_column(kind), value).cells == ((value,),)


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in BAD.items() for value in values]
)
def test_a_wrong_value_is_refused_with_its_place(kind: ColumnKind, value: Cell) -> None:
    with pytest.raises(TableError, match="row 1, value: "):
        table_of(one_column(kind), value)


@pytest.mark.parametrize("kind", ColumnKind)
def test_only_an_optional_column_may_be_empty(kind: ColumnKind) -> None:
    assert table_of(one_column(kind, optional=True), None).cells == ((None,),)


@pytest.mark.parametrize("row", [{}, {"value": 1, "other": 2}, {"other": 1}])
def test_a_row_has_exactly_the_columns(row: dict[str, Cell]) -> None:
    with pytest.raises(TableError, match="row 2: missing"):
        Table("t", "表", "Table", [one_column(ColumnKind.FEN)], [{"value": 1}, row])


def test_cells_follow_the_columns_not_the_mapping() -> None:
    columns = [
        Column("b", "乙", "B", ColumnKind.COUNT),
        Column("a", "甲", "A", ColumnKind.COUNT),
    ]
    assert Table("t", "表", "Table", columns, [{"a": 1, "b": 2}]).cells == ((2, 1),)


def test_rows_may_come_from_a_generator_and_are_kept() -> None:
    rows = ({"value": number} for number in range(3))
    table = Table("t", "表", "T", [one_column(ColumnKind.FEN)], rows, totals=["value"])
    assert table.sums() == table.sums() == {"value": 3}
    assert len(table.cells) == 3


def test_totals_are_exact_and_skip_empty_cells() -> None:
    columns = [
        Column("amount_fen", "金额", "Amount", ColumnKind.FEN, optional=True),
        Column("rate", "率", "Rate", ColumnKind.RATE, optional=True),
        Column("count", "数", "Count", ColumnKind.COUNT),
    ]
    rows: list[dict[str, Cell]] = [
        {"amount_fen": 999_999_999_999_999, "rate": (1, 3), "count": 1},
        {"amount_fen": -1, "rate": (1, 2), "count": 2},
        {"amount_fen": None, "rate": None, "count": 3},
    ]
    table = Table("t", "表", "T", columns, rows, totals=["count", "rate", "amount_fen"])
    assert table.totals == ("amount_fen", "rate", "count")
    assert table.sums() == {"amount_fen": 999_999_999_999_998, "rate": (2, 5), "count": 6}
    assert table.fen_totals() == {"amount_fen": 999_999_999_999_998}


@pytest.mark.parametrize("name", ["", "A", "a-b", "a__b", "a_", "_a", "1a", "a b", "金额", "a\n"])
def test_a_column_name_is_snake_case(name: str) -> None:
    with pytest.raises(TableError, match="snake_case"):
        Column(name, "值", "Value", ColumnKind.FEN)


@pytest.mark.parametrize(
    "words",
    [("", "Value", "", ""), ("值", "", "", ""), ("值", "V", "甲", ""), ("值", "V", "", "a")],
)
def test_a_column_has_its_words_in_both_languages(words: tuple[str, str, str, str]) -> None:
    zh, en, formula_zh, formula_en = words
    with pytest.raises(TableError, match="both languages"):
        Column("value", zh, en, ColumnKind.FEN, formula_zh, formula_en)


@pytest.mark.parametrize("name", ["", "manifest", "../x", "a/b", "a.b", "A", "a\n"])
def test_a_table_name_can_be_a_file_name(name: str) -> None:
    with pytest.raises(TableError, match="files"):
        Table(name, "表", "Table", [one_column(ColumnKind.FEN)], [])


def test_a_table_has_its_title_in_both_languages() -> None:
    for zh, en in (("", "Table"), ("表", "")):
        with pytest.raises(TableError, match="title"):
            Table("t", zh, en, [one_column(ColumnKind.FEN)], [])


def test_columns_are_some_distinct_and_not_too_many() -> None:
    column = one_column(ColumnKind.FEN)
    many = [Column(f"c{n}", "列", "C", ColumnKind.FEN) for n in range(COLUMN_LIMIT + 1)]
    for columns in ([], [column, column], many):
        with pytest.raises(TableError):
            Table("t", "表", "Table", columns, [])
    assert len(Table("t", "表", "Table", many[1:], []).columns) == COLUMN_LIMIT


@pytest.mark.parametrize("kind", [ColumnKind.TEXT, ColumnKind.ID, ColumnKind.DATE, ColumnKind.TIME])
def test_only_numbers_are_summed(kind: ColumnKind) -> None:
    for totals in (["value"], ["unknown"]):
        with pytest.raises(TableError, match="sum"):
            Table("t", "表", "Table", [one_column(kind)], [], totals=totals)
