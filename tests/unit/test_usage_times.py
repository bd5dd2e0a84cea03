"""On which weekdays and at which hours a voucher may be used, in Beijing's time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.business_time import SHANGHAI
from functions.shared.domain.usage_times import ALWAYS, UsageTimes

NOON, TWO = 12 * 60, 14 * 60
WEEKENDS = UsageTimes(weekdays=(6, 7))
LUNCH = UsageTimes(hours=((11 * 60, TWO),))
WEEKEND_LUNCH = UsageTimes(weekdays=(6, 7), hours=((11 * 60, TWO),))


def at(text: str) -> datetime:
    """A time of January 2026 in Beijing; the 5th is a Monday."""
    return datetime.fromisoformat(f"2026-01-{text}+08:00")


@pytest.mark.parametrize(
    ("times", "text", "may"),
    [
        (ALWAYS, "05T03:00:00", True),
        (WEEKENDS, "09T23:59:59.999", False),
        (WEEKENDS, "10T00:00:00", True),
        (WEEKENDS, "11T23:59:59.999", True),
        (WEEKENDS, "12T00:00:00", False),
        (LUNCH, "05T10:59:59.999", False),
        (LUNCH, "05T11:00:00", True),
        (LUNCH, "05T13:59:59.999", True),
        (LUNCH, "05T14:00:00", False),
        (WEEKEND_LUNCH, "10T12:00:00", True),
        (WEEKEND_LUNCH, "09T12:00:00", False),
        (UsageTimes(hours=((22 * 60, 24 * 60), (0, 2 * 60))), "05T23:59:59", True),
        (UsageTimes(hours=((22 * 60, 24 * 60), (0, 2 * 60))), "06T01:59:59", True),
        (UsageTimes(hours=((22 * 60, 24 * 60), (0, 2 * 60))), "06T02:00:00", False),
    ],
)
def test_each_bound_is_where_it_is_said(times: UsageTimes, text: str, *, may: bool) -> None:
    assert times.include(at(text)) is may


@pytest.mark.parametrize(
    ("times", "text", "following"),
    [
        (ALWAYS, "05T03:00:00", "05T03:00:00"),
        (WEEKENDS, "05T03:00:00", "10T00:00:00"),
        (WEEKENDS, "11T12:00:00", "11T12:00:00"),
        (LUNCH, "05T14:00:00", "06T11:00:00"),
        (LUNCH, "05T10:00:00", "05T11:00:00"),
        (WEEKEND_LUNCH, "11T14:00:00", "17T11:00:00"),
        (UsageTimes(weekdays=(1,), hours=((0, 60),)), "05T01:00:00", "12T00:00:00"),
    ],
)
def test_the_next_such_time_is_told(times: UsageTimes, text: str, following: str) -> None:
    assert times.next_from(at(text)) == at(following)


def test_days_are_beijings_wherever_the_time_was_written() -> None:
    assert WEEKENDS.include(datetime.fromisoformat("2026-01-09T16:00:00+00:00"))
    assert not WEEKENDS.include(datetime.fromisoformat("2026-01-09T15:59:59+00:00"))


@pytest.mark.parametrize(
    ("weekdays", "hours"),
    [
        ((0,), ()),
        ((8,), ()),
        ((1, 1), ()),
        ((), ((60, 60),)),
        ((), ((120, 60),)),
        ((), ((0, 24 * 60 + 1),)),
        ((), ((0, 60), (30, 90))),
    ],
)
def test_times_that_cannot_be_are_refused(
    weekdays: tuple[int, ...], hours: tuple[tuple[int, int], ...]
) -> None:
    with pytest.raises(ValueError, match=r"weekdays|hours"):
        UsageTimes(weekdays=weekdays, hours=hours)


spans = st.tuples(st.integers(0, 1_439), st.integers(1, 1_440)).filter(lambda s: s[0] < s[1])


@given(
    weekdays=st.sets(st.integers(1, 7)),
    span=spans,
    minutes=st.integers(0, 60 * 24 * 14),
)
def test_the_next_such_time_is_the_first(
    weekdays: set[int], span: tuple[int, int], minutes: int
) -> None:
    """It is one, and no minute before it is."""
    times = UsageTimes(weekdays=tuple(weekdays), hours=(span,))
    start = datetime(2026, 1, 5, tzinfo=SHANGHAI) + timedelta(minutes=minutes)
    found = times.next_from(start)
    assert times.include(found)
    between = int((found - start) / timedelta(minutes=1))
    assert not any(times.include(start + timedelta(minutes=m)) for m in range(between))
