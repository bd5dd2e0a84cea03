"""Instants and business dates: bounds, offsets, and the one written form."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from functions.shared.domain.business_time import (
    SHANGHAI,
    business_date,
    day_bounds,
    parse_rfc3339,
    require_aware,
    to_rfc3339,
)

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  what every function here must refuse


def test_business_dates_turn_at_16_utc() -> None:
    last = datetime(2025, 12, 31, 15, 59, 59, 999_999, UTC)
    assert business_date(last) == date(2025, 12, 31)
    assert business_date(last + timedelta(microseconds=1)) == date(2026, 1, 1)
    assert business_date(datetime(2026, 1, 1, 0, 0, tzinfo=SHANGHAI)) == date(2026, 1, 1)
    assert business_date(datetime(2026, 1, 1, 23, 59, tzinfo=timezone(timedelta(hours=-9)))) == (
        date(2026, 1, 2)
    )


def test_a_day_runs_from_16_utc_to_16_utc() -> None:
    start, end = day_bounds(date(2026, 1, 1))
    assert start == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert end == datetime(2026, 1, 1, 16, tzinfo=UTC)
    assert start.tzinfo is UTC
    assert end.tzinfo is UTC
    assert business_date(start) == date(2026, 1, 1)
    assert business_date(end) == date(2026, 1, 2)
    assert business_date(end - timedelta(microseconds=1)) == date(2026, 1, 1)


def test_an_instant_is_not_a_date() -> None:
    with pytest.raises(TypeError, match=r"^on must be a date without a time$"):
        day_bounds(datetime(2026, 1, 1, tzinfo=UTC))


def test_naive_times_are_refused() -> None:
    assert require_aware(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"^opens_at must be an aware datetime$"):
        require_aware(NAIVE, name="opens_at")
    for refuse in (business_date, to_rfc3339):
        with pytest.raises(ValueError, match=r"^at must be an aware datetime$"):
            refuse(NAIVE)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000Z"),
        (datetime(2026, 1, 1, 2, 3, 4, 567_999, UTC), "2026-01-01T02:03:04.567Z"),
        (datetime(2026, 1, 1, 0, 0, 0, 999, UTC), "2026-01-01T00:00:00.000Z"),
        (datetime(2026, 1, 1, 10, tzinfo=SHANGHAI), "2026-01-01T02:00:00.000Z"),
    ],
)
def test_instants_are_written_in_utc_with_milliseconds(at: datetime, text: str) -> None:
    assert to_rfc3339(at) == text


def test_the_machines_own_zone_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 1, 1, 20, tzinfo=UTC)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        written, on, bounds = to_rfc3339(at), business_date(at), day_bounds(date(2026, 1, 2))
        read = parse_rfc3339("2026-01-01T20:00:00Z")
    time.tzset()
    assert written == "2026-01-01T20:00:00.000Z"
    assert on == date(2026, 1, 2)
    assert bounds == (at - timedelta(hours=4), at + timedelta(hours=20))
    assert read == at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-01T02:03:04Z", datetime(2026, 1, 1, 2, 3, 4, tzinfo=UTC)),
        ("2026-01-01t02:03:04z", datetime(2026, 1, 1, 2, 3, 4, tzinfo=UTC)),
        ("2026-01-01T10:00:00+08:00", datetime(2026, 1, 1, 2, tzinfo=UTC)),
        ("2026-01-01T10:00:00-08:30", datetime(2026, 1, 1, 18, 30, tzinfo=UTC)),
        ("2026-01-01T00:00:00-00:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T23:59:59.5+23:59", datetime(2026, 1, 1, 0, 0, 59, 500_000, UTC)),
        ("2026-01-01T00:00:00.123Z", datetime(2026, 1, 1, 0, 0, 0, 123_000, UTC)),
        ("2026-01-01T00:00:00.123456789Z", datetime(2026, 1, 1, 0, 0, 0, 123_456, UTC)),
        ("2028-02-29T00:00:00Z", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_texts_with_an_offset_are_read_as_utc(text: str, at: datetime) -> None:
    parsed = parse_rfc3339(text)
    assert parsed == at
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00+0800",
        "2026-01-01T00:00:00+08",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+08:60",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:60:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "20260101T000000Z",
        "2026-W01-4T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
        " 2026-01-01T00:00:00Z",
        "２026-01-01T00:00:00Z",
        "26-01-01T00:00:00Z",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an RFC 3339 date-time with an offset$"):
        parse_rfc3339(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-08:00",
    ],
)
def test_instants_that_python_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a date and time that exist$") as caught:
        parse_rfc3339(text)
    assert caught.value.__cause__ is None
