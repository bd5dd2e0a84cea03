"""Instants in UTC and business dates in Asia/Shanghai, and the one written form of an instant."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
"""The time zone of business dates and of everything the bureau publishes."""

# RFC 3339, section 5.6. `fromisoformat` alone would also take week dates, commas, missing seconds
# or offsets and, on newer interpreters only, the hour 24.
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def require_aware(at: datetime, *, name: str = "at") -> datetime:
    """The instant itself, if it has an offset.

    Raises:
        ValueError: if it is naive, so that nobody knows which instant it means.

    """
    if at.utcoffset() is None:
        raise ValueError(f"{name} must be an aware datetime")
    return at


def business_date(at: datetime) -> date:
    """The date in Asia/Shanghai at an instant.

    Raises:
        ValueError: if `at` is naive.

    """
    return require_aware(at).astimezone(SHANGHAI).date()


def day_bounds(on: date) -> tuple[datetime, datetime]:
    """The business date's first instant and the first instant after it, both in UTC.

    Raises:
        TypeError: if `on` is an instant, which Python would take for a date.

    """
    if isinstance(on, datetime):
        raise TypeError("on must be a date without a time")
    start = datetime.combine(on, time.min, SHANGHAI)
    end = datetime.combine(on + timedelta(days=1), time.min, SHANGHAI)
    return start.astimezone(UTC), end.astimezone(UTC)


def to_rfc3339(at: datetime) -> str:
    """The instant as `2026-01-01T02:03:04.567Z`: UTC, always milliseconds, so that text sorts.

    Microseconds are cut off, so what is written is never later than what happened.

    Raises:
        ValueError: if `at` is naive.

    """
    text = require_aware(at).astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def parse_rfc3339(text: str) -> datetime:
    """The instant, in UTC, that an RFC 3339 text with an offset names.

    Takes up to nine fraction digits and keeps six. A leap second (`:60`) is refused: Python has
    no value for it.

    Source: RFC 3339, section 5.6.

    Raises:
        ValueError: for any other text; the message does not repeat it.

    """
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("not an RFC 3339 date-time with an offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a date and time that exist") from None
