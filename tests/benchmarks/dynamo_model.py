"""DynamoDB as far as counters feel it: what meets is refused, what is hot is throttled, all costs.

    a transaction   |── way there ──|──── holds its items (w) ────|── way back ──|
                                    ^ conditions are read here    ^ written here

A transaction that comes to a held item is refused there and then, with TransactionConflict; so is
one whose condition fails. Both are charged like one that is written, but for the index. An item or
a table that has no units left throttles the whole request, which costs nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tests.benchmarks.clockwork import Clockwork


@dataclass(frozen=True, slots=True)
class Ground:
    """What is assumed of DynamoDB; seconds, and units a second.

    Args:
        way_s: there and back together, of a transaction.
        held_s: how long a transaction holds its items: w.
        read_s: a read, there and back.
        item_writes: write units that one item takes a second.
        item_reads: read units that one item takes a second.
        table_writes: write units that one table takes a second.
        burst_s: seconds of unused units that may be used at once.

    """

    held_s: float = 0.006
    way_s: float = 0.006
    read_s: float = 0.005
    item_writes: float = 1_000
    item_reads: float = 3_000
    table_writes: float = 40_000
    burst_s: float = 1.0


class Outcome(Enum):
    """How a transaction ended."""

    WRITTEN = auto()
    REFUSED = auto()
    CONFLICT = auto()
    THROTTLED = auto()


@dataclass(slots=True)
class Meter:
    """What was used."""

    write_units: float = 0
    read_units: float = 0
    calls: int = 0
    conflicts: int = 0
    throttled: int = 0
    throttled_reads: int = 0


class _Allowance:
    """Units a second of one item or table; what is unused is kept for `burst_s`."""

    __slots__ = ("_at", "_full", "_left", "_rate")

    def __init__(self, rate: float, burst_s: float) -> None:
        self._rate = rate
        self._full = self._left = rate * burst_s
        self._at = 0.0

    def take(self, units: float, now: float) -> bool:
        left = self._left + (now - self._at) * self._rate
        self._at = now
        left = min(left, self._full)
        if left < units:
            self._left = left
            return False
        self._left = left - units
        return True


@dataclass(slots=True)
class _Counter:
    """A shard: its level, and how often it was filled."""

    level: int
    writes: _Allowance
    reads: _Allowance
    fills: int = 0
    held_until: float = -1.0


# Write units of a transaction: two for each item below 1 KB; the claim's index entry is one more.
ITEM = 2
INDEX = 1


class Table:
    """The counters of one pool, and the tables of vouchers and persons beside them."""

    def __init__(self, clockwork: Clockwork, ground: Ground, levels: Sequence[int]) -> None:
        self._clock = clockwork
        self.ground = ground
        self.meter = Meter()
        self.counters = [
            _Counter(
                level,
                _Allowance(ground.item_writes, ground.burst_s),
                _Allowance(ground.item_reads, ground.burst_s),
            )
            for level in levels
        ]
        self._pool_reads = _Allowance(ground.item_reads, ground.burst_s)
        self._home_writes = _Allowance(ground.item_writes, ground.burst_s)
        self._homes = 0
        self._stock_writes = _Allowance(ground.table_writes, ground.burst_s)
        self._voucher_writes = _Allowance(ground.table_writes, ground.burst_s)
        self.is_marked = False
        self.sold = 0
        self.sold_at = 0.0
        self.calls_at_sale = 0

    @property
    def left(self) -> int:
        """Units in all counters."""
        return sum(counter.level for counter in self.counters)

    def transact(
        self, changes: Mapping[int, int], *, vouchers: int = 0
    ) -> Generator[float, None, Outcome]:
        """Adds to counters, none of which may fall below zero, and puts vouchers with a person.

        Args:
            changes: units by counter.
            vouchers: how many are put; with one at least comes the person.

        """
        ground, meter, clock = self.ground, self.meter, self._clock
        meter.calls += 1
        yield ground.way_s / 2
        now = clock.now
        counters = [(self.counters[number], units) for number, units in changes.items()]
        stock_units = ITEM * len(counters)
        voucher_units = (ITEM + INDEX) * vouchers
        if not all(counter.writes.take(ITEM, now) for counter, _ in counters) or not (
            self._stock_writes.take(stock_units, now)
            and (not vouchers or self._voucher_writes.take(voucher_units, now))
        ):
            meter.throttled += 1
            yield ground.way_s / 2
            return Outcome.THROTTLED
        meter.write_units += stock_units + (ITEM * vouchers + ITEM if vouchers else 0)
        outcome = Outcome.WRITTEN
        if any(counter.held_until > now for counter, _ in counters):
            meter.conflicts += 1
            outcome = Outcome.CONFLICT
        elif any(counter.level + units < 0 for counter, units in counters):
            outcome = Outcome.REFUSED
        if outcome is not Outcome.WRITTEN:
            yield ground.way_s / 2
            return outcome
        for counter, _ in counters:
            counter.held_until = now + ground.held_s
        yield ground.held_s
        for counter, units in counters:
            counter.level += units
            counter.fills += units > 0
        if vouchers:
            meter.write_units += INDEX * vouchers
            self.sold += vouchers
            self.sold_at = clock.now
            self.calls_at_sale = meter.calls
        yield ground.way_s / 2
        return Outcome.WRITTEN

    def add(self, number: int, units: int) -> Generator[float, None, Outcome]:
        """Adds to one counter outside any transaction; nothing is held."""
        ground, meter, clock = self.ground, self.meter, self._clock
        meter.calls += 1
        yield ground.way_s / 2
        counter = self.counters[number]
        outcome = Outcome.THROTTLED
        if counter.writes.take(1, clock.now) and self._stock_writes.take(1, clock.now):
            meter.write_units += 1
            outcome = Outcome.WRITTEN if counter.level + units >= 0 else Outcome.REFUSED
        if outcome is Outcome.WRITTEN:
            counter.level += units
        meter.throttled += outcome is Outcome.THROTTLED
        yield ground.way_s / 2
        return outcome

    def read(self, numbers: Sequence[int]) -> Generator[float, None, dict[int, tuple[int, int]]]:
        """Levels and fills, strongly consistent, in one call; what is throttled is left out."""
        now = self._read(len(numbers))
        yield self.ground.read_s / 2
        found = {
            number: (self.counters[number].level, self.counters[number].fills)
            for number in numbers
            if self._may_read(self.counters[number].reads, 1, now)
        }
        yield self.ground.read_s / 2
        return found

    def give_home(self) -> Generator[float, None, int | None]:
        """Counts one home more; how many there were before, or None where it was throttled."""
        meter = self.meter
        meter.calls += 1
        yield self.ground.read_s / 2
        homes = None
        if self._home_writes.take(1, self._clock.now):
            meter.write_units += 1
            homes = self._homes
            self._homes += 1
        yield self.ground.read_s / 2
        return homes

    def read_mark(self) -> Generator[float, None, bool]:
        """Whether the pool is marked sold out, strongly consistent."""
        now = self._read(1)
        while not self._may_read(self._pool_reads, 1, now):
            yield self.ground.read_s
            now = self._clock.now
        yield self.ground.read_s / 2
        marked = self.is_marked
        yield self.ground.read_s / 2
        return marked

    def mark(self) -> Generator[float, None, None]:
        """Marks the pool sold out."""
        self.meter.calls += 1
        self.meter.write_units += ITEM
        yield self.ground.way_s + self.ground.held_s
        self.is_marked = True

    def _read(self, units: float) -> float:
        self.meter.calls += 1
        self.meter.read_units += units
        return self._clock.now

    def _may_read(self, allowance: _Allowance, units: float, now: float) -> bool:
        taken = allowance.take(units, now)
        self.meter.throttled_reads += not taken
        return taken
