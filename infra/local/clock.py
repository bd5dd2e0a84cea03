"""The local stack's clock: real time, or a time that only moves when it is moved."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from functions.shared.domain.business_time import require_aware

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class LocalClock:
    """What the functions, the gateway and the clients of one local stack take for now.

    Args:
        at: where an injected clock stands at first, aware; without it, the clock is real time.

    """

    def __init__(self, at: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._is_free = at is None
        # No time before it is ever told, whatever the machine's clock does.
        self._at = _EARLIEST if at is None else require_aware(at).astimezone(UTC)

    def now(self) -> datetime:
        """The time, aware UTC, in whole milliseconds as the tables keep it; never goes back."""
        with self._lock:
            if self._is_free:
                self._at = max(self._at, datetime.now(UTC))
            at = self._at
        return at.replace(microsecond=at.microsecond // 1_000 * 1_000)

    def run_free(self) -> None:
        """Makes an injected clock real time from now on; it stands while it is ahead of that."""
        with self._lock:
            self._is_free = True

    def move_to(self, at: datetime) -> None:
        """Moves an injected clock forward.

        Raises:
            ValueError: the time is naive or earlier, or the clock is real time.

        """
        wanted = require_aware(at).astimezone(UTC)
        with self._lock:
            if self._is_free:
                raise ValueError("real time cannot be moved")
            if wanted < self._at:
                raise ValueError(f"the clock stands at {self._at}, after {wanted}")
            self._at = wanted
