"""The local clock stands, moves forward, or runs; it never goes back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import patch

import pytest

from infra.local import clock as clock_module
from infra.local.clock import LocalClock

AT = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)


class Machine:
    """A machine's clock, to be set."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self, zone: timezone) -> datetime:
        """What datetime.now would give."""
        return self.at.astimezone(zone)


def test_an_injected_clock_stands_where_it_was_put() -> None:
    clock = LocalClock(datetime(2026, 6, 1, 10, 0, tzinfo=timezone(timedelta(hours=8))))
    assert clock.now() == clock.now() == AT
    assert clock.now().tzinfo is UTC


def test_it_moves_forward_and_may_be_told_the_same_time_twice() -> None:
    clock = LocalClock(AT)
    clock.move_to(AT + timedelta(days=1))
    clock.move_to(AT + timedelta(days=1))
    assert clock.now() == AT + timedelta(days=1)


def test_it_refuses_to_go_back() -> None:
    clock = LocalClock(AT)
    with pytest.raises(ValueError, match="stands at"):
        clock.move_to(AT - timedelta(microseconds=1))
    assert clock.now() == AT


def test_it_takes_no_time_without_a_zone() -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(ValueError, match=r".*"):
        LocalClock(naive)
    with pytest.raises(ValueError, match=r".*"):
        LocalClock(AT).move_to(naive)


def test_it_tells_whole_milliseconds() -> None:
    assert LocalClock(AT.replace(microsecond=123_999)).now().microsecond == 123_000


def test_without_a_time_it_is_the_machines_clock() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    clock = LocalClock()
    assert before <= clock.now() <= datetime.now(UTC)
    with pytest.raises(ValueError, match="real time"):
        clock.move_to(AT + timedelta(days=10_000))


def test_real_time_does_not_go_back_with_the_machine() -> None:
    machine = Machine(AT)
    with patch.object(clock_module, "datetime", machine):
        clock = LocalClock()
        assert clock.now() == AT
        machine.at = AT - timedelta(hours=1)
        assert clock.now() == AT
        machine.at = AT + timedelta(hours=1)
        assert clock.now() == AT + timedelta(hours=1)


def test_set_free_it_stands_until_real_time_has_caught_up() -> None:
    machine = Machine(AT - timedelta(hours=1))
    with patch.object(clock_module, "datetime", machine):
        clock = LocalClock(AT)
        clock.run_free()
        assert clock.now() == AT
        machine.at = AT + timedelta(hours=2)
        assert clock.now() == AT + timedelta(hours=2)
        with pytest.raises(ValueError, match="real time"):
            clock.move_to(AT + timedelta(hours=3))


def test_of_many_threads_none_sees_it_go_back() -> None:
    clock = LocalClock(AT)
    moves = [AT + timedelta(seconds=number) for number in range(200)]
    went_back = threading.Event()

    def read() -> None:
        last = clock.now()
        while last < moves[-1]:
            now = clock.now()
            if now < last:
                went_back.set()
                return
            last = now

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for at in moves:
        clock.move_to(at)
    for reader in readers:
        reader.join(timeout=30)
    assert not went_back.is_set()
