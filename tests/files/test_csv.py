"""CSV: what is written is read back to the character, and no cell becomes a formula."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.files import csv_in
from functions.shared.files.columns import Cell, Column, ColumnKind, Table, TableError
from functions.shared.files.csv_in import (
    CsvForm,
    CsvLimits,
    CsvRefused,
    Refusal,
    check_form,
    read_csv,
)
from functions.shared.files.csv_out import (
    CHUNK_ROWS,
    FORMULA_STARTS,
    guarded,
    iter_csv,
    to_csv,
    unguarded,
)
from tests.files.samples import entries_table

NASTY = st.sampled_from(
    ["'", '"', ",", "\r", "\n", "\r\n", "\t", "=", "+", "-", "@", "＝", " ", "券"]
)
TEXT = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
    st.lists(NASTY, max_size=8).map("".join),
)
COLUMNS = (
    Column("note", "备注", "Note", ColumnKind.TEXT),
    Column("amount_fen", "金额", "Amount", ColumnKind.FEN),
    Column("order_no", "订单号", "Order", ColumnKind.ID),
)
HEADER = [column.name for column in COLUMNS]


def row_of(note: str, amount_fen: int = 0, order_no: str = "1") -> dict[str, Cell]:
    return {"note": note, "amount_fen": amount_fen, "order_no": order_no}


def table_of(*rows: dict[str, Cell]) -> Table:
    return Table("t", "表", "Table", COLUMNS, rows, totals=["amount_fen"])


@given(st.lists(st.tuples(TEXT, st.integers(-(10**12), 10**12)), max_size=8))
def test_any_text_survives_the_round_trip(values: list[tuple[str, int]]) -> None:
    """Chinese, quotes, line breaks, formula signs and apostrophes all come back as they were."""
    data = to_csv(table_of(*(row_of(note, amount) for note, amount in values)))
    back = [(row["note"], int(row["amount_fen"])) for _, row in read_csv(data, HEADER)]
    assert back == values


@given(TEXT)
def test_a_single_column_survives_too(note: str) -> None:
    """One empty cell is no blank line."""
    table = Table("t", "表", "Table", COLUMNS[:1], [{"note": note}])
    assert [row for _, row in read_csv(to_csv(table), ["note"])] == [{"note": note}]


@given(TEXT)
def test_the_guard_comes_off_exactly(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(tuple(FORMULA_STARTS))


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))
def test_a_formula_start_is_guarded_in_text_and_ids(start: str) -> None:
    assert guarded(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["'tis", "''", "a=b", " =1", "券", "", "1-2"])
def test_other_text_is_left_alone(text: str) -> None:
    assert guarded(text) == text == unguarded(text)


def test_the_bytes_are_as_promised() -> None:
    """BOM, CRLF, comma, fen as integers, ids as text; a negative amount stays a number."""
    data = to_csv(table_of(row_of("=1+1", -5, "007"), row_of('他说"好"', 100, "-9")))
    assert data == (
        b"\xef\xbb\xbfnote,amount_fen,order_no\r\n"
        b"'=1+1,-5,007\r\n" + '"他说""好""",100,\'-9\r\n'.encode()
    )


def test_every_kind_as_machines_read_it() -> None:
    values: dict[ColumnKind, Cell] = {
        ColumnKind.TEXT: "x",
        ColumnKind.ID: "001",
        ColumnKind.FEN: -123,
        ColumnKind.COUNT: 9,
        ColumnKind.RATE: (-1, 3),
        ColumnKind.RATIO: (1, 0),
        ColumnKind.DATE: date(2026, 7, 1),
        ColumnKind.TIME: datetime(2026, 7, 1, 8, tzinfo=timezone(timedelta(hours=8))),
    }
    columns = [Column(kind.value, "列", "C", kind) for kind in values]
    row = {kind.value: value for kind, value in values.items()}
    [(_, read)] = read_csv(to_csv(Table("t", "表", "T", columns, [row])), list(row))
    assert list(read.values()) == [
        "x", "001", "-123", "9", "-0.3333", "", "2026-07-01", "2026-07-01T00:00:00.000Z"
    ]  # fmt: skip


def test_an_ordinary_csv_reader_agrees() -> None:
    table = entries_table()
    text = to_csv(table).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == [column.name for column in table.columns]
    assert [row[4] for row in rows[1:]] == ["200050", "-1999", "3"]
    assert rows[2][1] == '\'=HYPERLINK("http://x")'


def test_the_same_table_gives_the_same_bytes() -> None:
    assert to_csv(entries_table()) == to_csv(entries_table())


@pytest.mark.parametrize("count", [0, 1, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS])
def test_chunks_make_the_same_file_and_their_figures_are_its_own(count: int) -> None:
    rows = [row_of(f"第{number}行", number) for number in range(count)]
    whole = to_csv(table_of(*rows))
    stream = iter_csv(COLUMNS, iter(rows), ["amount_fen"])
    chunks = list(stream)
    assert b"".join(chunks) == whole
    assert len(chunks) == max(1, -(-count // CHUNK_ROWS))
    assert stream.size_bytes == len(whole)
    assert stream.sha256 == hashlib.sha256(whole).hexdigest()
    assert stream.rows == count
    assert stream.fen_totals == {"amount_fen": sum(range(count))}


def test_a_stream_grows_its_figures_and_is_read_once() -> None:
    stream = iter_csv(COLUMNS, (row_of("x", 1) for _ in range(CHUNK_ROWS + 1)), ["amount_fen"])
    chunks = iter(stream)
    first = next(chunks)
    assert (stream.size_bytes, stream.rows) == (len(first), CHUNK_ROWS)
    with pytest.raises(TableError, match="once"):
        iter(stream)


def test_a_stream_checks_columns_at_once_and_rows_when_reached() -> None:
    with pytest.raises(TableError):
        iter_csv(COLUMNS, [], ["note"])
    stream = iter_csv(COLUMNS, [row_of("x"), {"note": "y"}])
    with pytest.raises(TableError, match="row 2"):
        list(stream)


def refusal_of(data: bytes, limits: CsvLimits | None = None) -> tuple[Refusal, int]:
    with pytest.raises(CsvRefused) as caught:
        list(read_csv(data, ["a", "b"], limits or CsvLimits()))
    assert caught.value.detail
    return caught.value.reason, caught.value.line


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"", Refusal.EMPTY, 0),
        (b"\xef\xbb\xbf", Refusal.EMPTY, 0),
        ("a,b\r\n店,1\r\n券,2\r\n".encode("gbk"), Refusal.ENCODING, 2),
        (b"a,b\n1,\xff\n", Refusal.ENCODING, 2),
        (b"a,b\n1,2\n".decode().encode("utf-16"), Refusal.ENCODING, 1),
        (b"a,b\n1,\xed\xa0\x80\n", Refusal.ENCODING, 2),
        (b"a,b\n1,2\n1,\x002\n", Refusal.NUL, 3),
        (b"\n", Refusal.HEADER, 1),
        (b"a\n", Refusal.HEADER, 1),
        (b"b,a\n", Refusal.HEADER, 1),
        (b"a,b,c\n", Refusal.HEADER, 1),
        (b"a,a\n", Refusal.HEADER, 1),
        (b"A,B\n", Refusal.HEADER, 1),
        (b"a;b\n1;2\n", Refusal.HEADER, 1),
        (b"\xef\xbb\xbf\xef\xbb\xbfa,b\n", Refusal.HEADER, 1),
        (b"a,b\n1\n", Refusal.FIELD_COUNT, 2),
        (b"a,b\n1,2,3\n", Refusal.FIELD_COUNT, 2),
        (b"a,b\n1,2\n\n3,4\n", Refusal.BLANK_LINE, 3),
        (b'a,b\n"1\n",2\n3\n', Refusal.FIELD_COUNT, 4),
        (b'a,b\n1,"2\n3,4\n', Refusal.QUOTING, 2),
        (b'a,b\n1,"2"x\n', Refusal.QUOTING, 2),
        (b'a,b\n1,5" tube\n', Refusal.QUOTING, 2),
        (b'a,b\n1, "2"\n', Refusal.QUOTING, 2),
        (b"a,b\r1,2\r", Refusal.LINE_END, 1),
        (b"a,b\n1,\r2\n", Refusal.LINE_END, 2),
        (b"a,b\n1," + b"x" * 16_001, Refusal.FIELD_TOO_LONG, 2),
        (b'a,b\n1,"' + b"x\n" * 100_000, Refusal.FIELD_TOO_LONG, 2),
    ],
)
def test_a_bad_file_is_refused_with_reason_and_line(
    data: bytes, reason: Refusal, line: int
) -> None:
    assert refusal_of(data) == (reason, line)


def test_limits_hold_at_their_edge() -> None:
    data = b"a,b\n1,2\n3,4\n"
    limits = CsvLimits(size_bytes=len(data), rows=2, field_chars=1)
    assert len(list(read_csv(data, ["a", "b"], limits))) == 2
    assert refusal_of(data, CsvLimits(size_bytes=len(data) - 1)) == (Refusal.TOO_LARGE, 0)
    assert refusal_of(data, CsvLimits(rows=1)) == (Refusal.TOO_MANY_ROWS, 3)
    assert refusal_of(b"a,b\n1,22\n", limits) == (Refusal.FIELD_TOO_LONG, 2)


def test_a_gbk_file_gets_a_hint() -> None:
    with pytest.raises(CsvRefused, match="GBK"):
        read_csv("a,b\n石景山,1\n".encode("gbk"), ["a", "b"])


def test_the_header_is_checked_before_the_first_row_is_asked_for() -> None:
    with pytest.raises(CsvRefused):
        read_csv(b"x,y\n", ["a", "b"])


def test_a_row_is_named_by_the_line_where_it_begins() -> None:
    data = b'a,b\r\n"1\r\n1",2\n3,"x""y"\r\n4,5'
    assert list(read_csv(data, ["a", "b"])) == [
        (2, {"a": "1\r\n1", "b": "2"}),
        (4, {"a": "3", "b": 'x"y'}),
        (5, {"a": "4", "b": "5"}),
    ]


@given(st.binary(max_size=60))
def test_no_bytes_bring_the_reader_down(data: bytes) -> None:
    """Anything is read or refused; there is no third way."""
    with contextlib.suppress(CsvRefused):
        for line, row in read_csv(b"a,b\n" + data, ["a", "b"]):
            assert line > 1
            assert list(row) == ["a", "b"]


@pytest.mark.parametrize("shift", range(23))
def test_a_files_form_is_the_same_wherever_its_reading_is_parted(
    monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    monkeypatch.setattr(csv_in, "_PART", 24)
    start = b"x" * shift + b"\r\n"
    form = check_form(start + '面馆,"q"\r\n饺子\n'.encode())
    assert form == CsvForm(3, 2, 2, 2, is_ended=True)
    assert not form.is_plain
    plain = check_form(start + "面馆,a\r\n饺子\r\n".encode())
    assert plain.is_plain
    with pytest.raises(CsvRefused) as refused:
        check_form(start + "面馆\r\n".encode() + "饺子".encode("gbk") + b"\r\n")
    assert (refused.value.reason, refused.value.line) == (Refusal.ENCODING, 3)
    assert refused.value.detail.startswith(f"byte {shift + 10} is not UTF-8")
    with pytest.raises(CsvRefused) as nul:
        check_form(start + "面馆\r\n".encode() + b"a\0\r\n")
    assert (nul.value.reason, nul.value.line) == (Refusal.NUL, 3)


def test_a_line_beyond_all_bounds_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_in, "_PART", 24)
    with pytest.raises(CsvRefused) as refused:
        check_form(b"a\n" + b"x" * 100)
    assert (refused.value.reason, refused.value.line) == (Refusal.FIELD_TOO_LONG, 2)
