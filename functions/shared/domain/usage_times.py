"""At which times of the week a valid voucher may be used: weekdays and hours in Asia/Shanghai."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from functions.shared.domain.business_time import SHANGHAI, require_aware

DAY_MINUTES: Final = 24 * 60
WEEK_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class UsageTimes:
    """Days and hours; each is always where it is empty.

    Args:
        weekdays: 1 for Monday to 7 for Sunday.
        hours: spans of a day in minutes from midnight, from the first to before the second; none
            goes past midnight, which two spans do.

    Raises:
        ValueError: naming what is out of range, or stands twice.

    """

    weekdays: tuple[int, ...] = ()
    hours: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if any(not 1 <= day <= WEEK_DAYS for day in self.weekdays):
            raise ValueError("weekdays must be 1 (Monday) to 7 (Sunday)")
        if len(set(self.weekdays)) != len(self.weekdays):
            raise ValueError("weekdays must each stand once")
        ends = [0, *(minute for span in sorted(self.hours) for minute in span), DAY_MINUTES]
        if any(start >= end for start, end in self.hours) or ends != sorted(ends):
            raise ValueError("hours must be spans within a day, each after the other's end")

    @property
    def is_always(self) -> bool:
        """Whether no time is left out."""
        return not self.weekdays and not self.hours

    def include(self, at: datetime) -> bool:
        """Whether a voucher may be used at that instant."""
        local = require_aware(at).astimezone(SHANGHAI)
        minute = local.hour * 60 + local.minute
        return (not self.weekdays or local.isoweekday() in self.weekdays) and (
            not self.hours or any(start <= minute < end for start, end in self.hours)
        )

    def next_from(self, at: datetime) -> datetime:
        """The first instant from then on, itself included, at which a voucher may be used; UTC."""
        if self.include(at):
            return at
        local = require_aware(at).astimezone(SHANGHAI)
        starts = sorted(start for start, _ in self.hours) or [0]
        # Eight days: where today's spans are over, today's weekday comes again in a week.
        days = (local.date() + timedelta(days=later) for later in range(WEEK_DAYS + 1))
        return next(
            begins.astimezone(UTC)
            for on in days
            if not self.weekdays or on.isoweekday() in self.weekdays
            for start in starts
            if (begins := datetime.combine(on, time(start // 60, start % 60), SHANGHAI)) > local
        )


ALWAYS: Final = UsageTimes()


def clock_text(minute: int) -> str:
    """A minute of the day as documents write it: `09:30`, and `24:00` for the day's end."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
