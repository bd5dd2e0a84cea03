"""What is remembered is as young as promised, and no more than promised is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from functions.shared.domain.memory import Memory

NOON = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
LIFETIME = timedelta(seconds=2)
INSTANT = timedelta(microseconds=1)


class Source:
    """Counts how often it is asked, and answers with the count."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> int:
        """How often it was asked, this time included."""
        self.asked += 1
        return self.asked


def raising() -> int:
    raise LookupError


@pytest.mark.parametrize(
    ("after", "answer"),
    [(timedelta(), 1), (LIFETIME - INSTANT, 1), (LIFETIME, 2), (timedelta(days=1), 2)],
)
def test_a_value_is_given_again_until_its_lifetime_has_passed(
    after: timedelta, answer: int
) -> None:
    memory: Memory[str, int] = Memory(LIFETIME)
    source = Source()
    memory.recall("a", NOON, source)
    assert memory.recall("a", NOON + after, source) == answer


def test_a_value_from_the_future_is_not_trusted() -> None:
    memory: Memory[str, int] = Memory(LIFETIME)
    source = Source()
    memory.recall("a", NOON, source)
    assert memory.recall("a", NOON - INSTANT, source) == 2


def test_a_repeated_look_up_does_not_prolong_a_value() -> None:
    memory: Memory[str, int] = Memory(LIFETIME)
    source = Source()
    for seconds in (0.0, 1.0, 1.9):
        assert memory.recall("a", NOON + timedelta(seconds=seconds), source) == 1
    assert memory.recall("a", NOON + LIFETIME, source) == 2


def test_a_look_up_that_raises_is_not_remembered() -> None:
    memory: Memory[str, int] = Memory(LIFETIME)
    with pytest.raises(LookupError):
        memory.recall("a", NOON, raising)
    assert memory.recall("a", NOON, Source()) == 1


def test_none_is_a_value_like_any_other() -> None:
    memory: Memory[str, int | None] = Memory(LIFETIME)
    nothing: Callable[[], int | None] = lambda: None  # noqa: E731 - a typed one-liner
    assert memory.recall("a", NOON, nothing) is None
    assert memory.recall("a", NOON, raising) is None


def test_the_oldest_value_goes_when_there_are_too_many() -> None:
    memory: Memory[str, int] = Memory(LIFETIME, capacity=2)
    source = Source()
    for key in ("a", "b", "c"):
        memory.recall(key, NOON, source)
    assert [memory.recall(key, NOON, source) for key in ("c", "b")] == [3, 2]
    assert memory.recall("a", NOON, source) == 4


def test_a_value_looked_up_anew_is_the_youngest() -> None:
    memory: Memory[str, int] = Memory(LIFETIME, capacity=2)
    source = Source()
    memory.recall("a", NOON, source)
    memory.recall("b", NOON, source)
    later = NOON + LIFETIME
    memory.recall("a", later, source)
    memory.recall("c", later, source)
    assert memory.recall("a", later, source) == 3


def test_a_forgotten_key_is_looked_up_anew_and_others_are_not() -> None:
    memory: Memory[str, int] = Memory(LIFETIME)
    source = Source()
    memory.recall("a", NOON, source)
    memory.recall("b", NOON, source)
    memory.forget("a")
    memory.forget("never there")
    assert [memory.recall(key, NOON, source) for key in ("a", "b")] == [3, 2]
