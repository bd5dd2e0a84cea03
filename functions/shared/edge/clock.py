"""The one source of the present time, replaceable so that a demo and tests can set it.

Use cases never read it: the edge reads it once a request and passes `now` in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


class _Source:
    """Holds the function in use; one for the process, as the local stack runs all functions."""

    read: Callable[[], datetime]


def system_time() -> datetime:
    """The machine's time, aware UTC."""
    return datetime.now(UTC)


_source = _Source()
_source.read = system_time


def now() -> datetime:
    """The present instant, aware UTC.

    Raises:
        ValueError: if a source in use gives a time without an offset.

    """
    instant = _source.read()
    if instant.utcoffset() is None:
        raise ValueError("the clock's source must give aware datetimes")
    return instant.astimezone(UTC)


def set_source(read: Callable[[], datetime]) -> None:
    """Read the time from `read` from now on, in the whole process."""
    _source.read = read


@contextmanager
def use(read: Callable[[], datetime]) -> Iterator[None]:
    """Read the time from `read` within the block, then from where it was read before."""
    before = _source.read
    set_source(read)
    try:
        yield
    finally:
        set_source(before)
