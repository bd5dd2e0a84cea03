"""What a process remembers for a short, stated time, on the clock it is given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by key, each for at most `lifetime`; the oldest goes first when it is full.

    Not shared between threads: a Lambda environment serves one request at a time, and a local
    server that uses several threads loses at worst a lookup.

    Args:
        lifetime: how old a value may be.
        capacity: how many values are kept.

    """

    def __init__(self, lifetime: timedelta, *, capacity: int = 1024) -> None:
        self._lifetime = lifetime
        self._capacity = capacity
        self._kept: OrderedDict[K, tuple[datetime, V]] = OrderedDict()

    def recall(self, key: K, now: datetime, look_up: Callable[[], V]) -> V:
        """The value remembered for the key, or a newly looked-up one.

        A look-up that raises is not remembered.
        """
        if self._is_fresh(key, now):
            return self._kept[key][1]
        value = look_up()
        self.keep(key, now, value)
        return value

    def recalled(self, key: K, now: datetime) -> V | None:
        """The value remembered for the key; None when there is none, or it is too old."""
        return self._kept[key][1] if self._is_fresh(key, now) else None

    def _is_fresh(self, key: K, now: datetime) -> bool:
        kept = self._kept.get(key)
        return kept is not None and kept[0] <= now < kept[0] + self._lifetime

    def keep(self, key: K, now: datetime, value: V) -> None:
        """Remembers the value from now on."""
        self._kept[key] = (now, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def forget(self, key: K) -> None:
        """Drops what is remembered for the key, if anything."""
        self._kept.pop(key, None)

    def clear(self) -> None:
        """Drops everything."""
        self._kept.clear()
