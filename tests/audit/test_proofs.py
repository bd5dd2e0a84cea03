"""What a daily proof may have counted, by the journal around its time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.audit.proofs import NO_MONEY, Windows

COUNTED_AT = datetime(2026, 1, 5, 18, tzinfo=UTC)
# The business date in which it was counted, in Beijing, and the one before.
ON, BEFORE = date(2026, 1, 6), date(2026, 1, 5)
MINUTE = timedelta(minutes=1)


def told(*moves: tuple[int, int]) -> Windows:
    """A journal in which redeemed net moves so many fen so many minutes from the proof."""
    windows, since, fen = Windows([COUNTED_AT]), None, 0
    for minutes, by in sorted(moves):
        at = COUNTED_AT + minutes * MINUTE
        if at != since:
            windows.hold(since, at, (fen, 0, 0, 0))
        since, fen = at, fen + by
    windows.hold(since, None, (fen, 0, 0, 0))
    return windows


def may_say(windows: Windows, fen: int) -> bool:
    window = windows.of(COUNTED_AT, ON)
    assert window is not None
    return window.holds([fen, 0, 0, 0])


def test_where_nothing_moved_it_is_one_figure() -> None:
    windows = told((-600, 2_000), (-16, 500), (61, 700))
    assert [fen for fen in (2_499, 2_500, 2_501, 3_200) if may_say(windows, fen)] == [2_500]


def test_where_nothing_ever_moved_it_is_nothing() -> None:
    assert may_say(told(), 0)
    assert not may_say(told(), 1)


def test_where_money_moved_it_lies_between() -> None:
    windows = told((-600, 2_000), (-10, 500), (5, -300), (60, 40))
    assert [fen for fen in (1_699, 1_700, 2_000, 2_540, 2_541) if may_say(windows, fen)] == [
        1_700,
        2_000,
        2_540,
    ]


def test_text_and_nothing_are_no_figures() -> None:
    window = told().of(COUNTED_AT, ON)
    assert window is not None
    assert not window.holds(["0", 0, 0, 0])
    assert not window.holds([None, 0, 0, 0])


def test_what_the_journal_does_not_reach_is_not_compared() -> None:
    assert told().of(COUNTED_AT, BEFORE) is None
    assert told().of(COUNTED_AT + MINUTE, ON) is None


@given(
    moves=st.lists(st.tuples(st.integers(-120, 180), st.integers(-900, 900)), max_size=12),
    data=st.data(),
)
def test_whatever_part_of_the_moves_was_seen_is_possible(
    moves: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Tables are read one after another, so any of the moves of the time may be missed."""
    windows = told(*moves)
    sure = sum(by for minutes, by in moves if minutes <= -15)
    # Moves of one instant are one: they are seen together or not at all.
    near: dict[int, int] = {}
    for minutes, by in moves:
        if -15 < minutes <= 60:
            near[minutes] = near.get(minutes, 0) + by
    seen = data.draw(st.lists(st.booleans(), min_size=len(near), max_size=len(near)))
    some = sum(by for by, is_seen in zip(near.values(), seen, strict=True) if is_seen)
    assert may_say(windows, sure + some)


def test_what_moved_just_when_the_time_begins_is_sure_and_just_when_it_ends_is_not() -> None:
    windows = told((-15, 5), (60, 70))
    assert [fen for fen in (0, 5, 75, 76) if may_say(windows, fen)] == [5, 75]


@pytest.mark.parametrize(
    ("minutes", "possible"),
    [
        ([-600, -15], {2}),
        ([-600, -14, 60], {1, 2, 3}),
        ([-14, 61], {0, 1}),
        ([61, 62], {0}),
        ([], {0}),
    ],
)
def test_a_pool_has_issued_what_was_issued_before_and_some_of_what_was_then(
    minutes: list[int], possible: set[int]
) -> None:
    windows = Windows([COUNTED_AT])
    for number in minutes:
        at = COUNTED_AT + number * MINUTE
        windows.issue(at, "r1/cash/unionpay")
        windows.hold(at, None, NO_MONEY)
    window = windows.of(COUNTED_AT, ON)
    assert window is not None
    found = {n for n in range(-1, 5) if window.holds_issued("r1/cash/unionpay", n)}
    assert found == possible
    assert window.holds_issued("r1/cash/meituan", 0)
    assert not window.holds_issued("r1/cash/meituan", 1)
    assert not window.holds_issued("r1/cash/meituan", "0")
