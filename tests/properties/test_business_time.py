"""Any instant: what is written sorts like time and is read back; every instant has one day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.business_time import (
    business_date,
    day_bounds,
    parse_rfc3339,
    to_rfc3339,
)

offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=offsets)  # noqa: DTZ001  Hypothesis adds the zone


@given(instants, instants)
def test_written_instants_sort_like_time(one: datetime, other: datetime) -> None:
    cut_one, cut_other = (
        at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000) for at in (one, other)
    )
    assert (to_rfc3339(one) < to_rfc3339(other)) == (cut_one < cut_other)


@given(instants)
def test_what_is_written_is_read_back_to_the_millisecond(at: datetime) -> None:
    assert timedelta(0) <= at - parse_rfc3339(to_rfc3339(at)) < timedelta(milliseconds=1)
    assert parse_rfc3339(at.isoformat()) == at


@given(instants)
def test_every_instant_lies_in_exactly_its_business_day(at: datetime) -> None:
    on = business_date(at)
    start, end = day_bounds(on)
    assert start <= at < end
    assert day_bounds(on + timedelta(days=1))[0] == end
