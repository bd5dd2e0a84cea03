"""Numbers read right: one rounding, by integers, checked against exact fractions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.files import numerals
from functions.shared.files.columns import AMOUNT_LIMIT, ColumnKind
from functions.shared.files.facts import (
    Fact,
    Facts,
    Language,
    Words,
    display_width,
    for_people,
)

AMOUNTS = st.integers(min_value=1 - AMOUNT_LIMIT, max_value=AMOUNT_LIMIT - 1)


@given(AMOUNTS, st.integers(min_value=1, max_value=AMOUNT_LIMIT - 1))
def test_a_rate_is_the_exact_fraction_rounded_half_away_from_zero(
    numerator: int, denominator: int
) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(numerator) / Decimal(denominator)
        rounded = exact.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
        expected = f"{rounded:f}"
    # Decimal keeps the sign of a negative number rounded to nothing.
    if not rounded:
        expected = "0.0000"
    assert numerals.rate_text((numerator, denominator)) == expected


@pytest.mark.parametrize(
    ("rate", "machine", "percent", "ratio"),
    [
        ((1, 3), "0.3333", "33.33%", "0.33"),
        ((2, 3), "0.6667", "66.67%", "0.67"),
        ((1, 20_000), "0.0001", "0.01%", "0.00"),
        ((-1, 20_000), "-0.0001", "-0.01%", "0.00"),
        ((1, 20_001), "0.0000", "0.00%", "0.00"),
        ((45_650, 10_000), "4.5650", "456.50%", "4.57"),
        ((12_345_678, 1), "12345678.0000", "1,234,567,800.00%", "12,345,678.00"),
        ((0, 7), "0.0000", "0.00%", "0.00"),
        ((7, 0), "", "—", "—"),
    ],
)
def test_rates_as_examples(rate: tuple[int, int], machine: str, percent: str, ratio: str) -> None:
    assert numerals.rate_text(rate) == machine
    assert for_people(rate, ColumnKind.RATE) == percent
    assert for_people(rate, ColumnKind.RATIO) == ratio


@given(AMOUNTS)
def test_yuan_text_holds_every_fen(fen: int) -> None:
    text = numerals.yuan_text(fen)
    assert int(text.replace(",", "").replace(".", "")) == fen
    assert Decimal(text.replace(",", "")) * 100 == fen
    assert text[-3] == "."


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-123_456_789, "-1,234,567.89")]
)
def test_yuan_as_examples(fen: int, text: str) -> None:
    assert for_people(fen, ColumnKind.FEN) == text


def test_people_read_beijing_time_and_machines_utc() -> None:
    late = datetime(2026, 6, 30, 16, 0, 1, 999_000, tzinfo=UTC)
    assert for_people(late, ColumnKind.TIME) == "2026-07-01 00:00:01"
    fact = Fact("at", Words("时", "At"), late)
    assert fact.for_people() == "2026-07-01 00:00:01 (UTC+8)"
    assert fact.for_machines() == "2026-06-30T16:00:01.999Z"


def test_facts_always_say_cutoff_and_run() -> None:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    extra = Fact("rows", Words("行", "Rows"), 3)
    lines = Facts(at, "run-1", (extra,)).lines()
    assert [fact.name for fact in lines] == ["rows", "cutoff_at", "run_id"]
    assert lines[0].for_machines() == 3
    with pytest.raises(ValueError, match="time zone"):
        Facts(at.replace(tzinfo=None), "run-1")
    with pytest.raises(ValueError, match="twice"):
        Facts(at, "run-1", (Fact("run_id", Words("行", "Run"), "x"),))


def test_words_and_widths() -> None:
    assert Words("甲", "a").of(Language.ZH) == "甲"
    assert Words("甲", "a").of(Language.EN) == "a"
    assert display_width("ab") == 2
    assert display_width("ab甲乙") == 6
    assert display_width("甲\n乙丙") == 4
