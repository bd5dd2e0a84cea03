"""A pool's shards as claims see them: what is left, units moved between two, and sold out proven.

Sold out is said of a pool only after all its shards were seen empty *at one moment*. Reading them
one after another does not show that: units that move from a shard not yet read to one already
read are missed. So all are read twice:

    reading 1      s1 empty ··· s2 empty ··· s3 empty │
                                                      │ at this moment
    reading 2                                         │ s1 empty ··· s2 empty ··· s3 empty
    fills of s1    └──── the same number at both: nothing was put into s1 in between ────┘

A shard that was empty, and into which nothing was put from its first reading to its second, was
empty at the moment between the two readings; if that holds for every shard, the pool was. After
that units can only come from outside, which takes a new `stock_version`: the mark that is left on
the pool carries the version that was read before, and is not written, or void, once another came.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum, auto

from functions.shared.domain.errors import Busy
from functions.shared.domain.funds import Pool, PoolState, Shard
from functions.shared.store.connection import Database
from functions.shared.store.stock import pool_of, shard_of
from functions.shared.store.tables import HomesItem, PoolItem, StockItem
from functions.shared.store.transaction import Cancelled, Contended

# DynamoDB gives a hundred items a call.
SHARDS_PER_READING = 100
# Readings of a pool in which moves never cease, before the proof is left to a later claim.
PROOFS = 3


class Moved(Enum):
    """How a move between shards ended."""

    DONE = auto()
    CHANGED = auto()
    CONTENDED = auto()


class ShardStore:
    """Shards of pools, by number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def levels(self, pool: Pool, numbers: Collection[int]) -> dict[int, int]:
        """Units left in those shards; one call.

        Args:
            pool: whose shards.
            numbers: at most SHARDS_PER_READING.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        by_id = {pool.shard_id(number): number for number in numbers}
        items = self._database.get_many(StockItem, by_id)
        return {by_id[item.shard_id]: item.available for item in items}

    def give_home(self, pool: Pool) -> int | None:
        """Counts one process more that was given a shard to draw from; one call.

        The shards are given out by number. One that was given to a process that then died, or
        whose reply was lost, is found by looking, like any other.

        Returns:
            how many were given out before; None where it could not be counted now.

        """
        homes = HomesItem(pool.pool_id)
        if not self._database.update(homes, [HomesItem.homes_given.add(1)]):
            return None
        return homes.homes_given - 1

    def move_units(self, pool: Pool, source: int, target: int, units: int) -> Moved:
        """Moves units that nobody has drawn from one shard to another, in one transaction.

        Nothing changes when the source has not that many any more, or either is paused.

        Raises:
            Busy: throttling or lost replies outlasted the retries; the units may have moved, and
                are in one of the two either way.

        """
        transaction = self._database.transaction("move_units")
        is_open = StockItem.state == PoolState.OPEN.value
        transaction.update(
            "source",
            StockItem(pool.shard_id(source)),
            [StockItem.available.add(-units), StockItem.allocated.add(-units)],
            (StockItem.available >= units) & is_open,
        )
        transaction.update(
            "target",
            StockItem(pool.shard_id(target)),
            [
                StockItem.available.add(units),
                StockItem.allocated.add(units),
                StockItem.fills.add(1),
            ],
            is_open,
        )
        try:
            transaction.commit(exchangeable=("source", "target"))
        except Cancelled:
            return Moved.CHANGED
        except Contended:
            return Moved.CONTENDED
        return Moved.DONE

    def is_sold_out(self, pool: Pool) -> bool:
        """Whether the pool is marked sold out, strongly consistent; one call.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        return self._again(pool).is_sold_out

    def prove_sold_out(self, pool: Pool, wanted: int = 1) -> Mapping[int, int] | None:
        """None once all shards were seen to have fewer units than are wanted, at one moment.

        Where they had none at all, the pool is then marked so. Otherwise the shards in which units
        were seen, by number; none where units moved, or came, while they were read: then nothing
        is known.

        Args:
            pool: whose shards.
            wanted: units that one claim needs, from 1.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        for _ in range(PROOFS):
            before = self._again(pool)
            if before.is_sold_out:
                return None
            if not before.is_spread:
                return {}
            fills: list[dict[int, int]] = []
            left_first = 0
            for _ in range(2):
                shards = self._read_until(pool, wanted)
                left = {number: s.available for number, s in shards.items() if s.available}
                if sum(left.values()) >= wanted:
                    return left
                # What was left at the first reading bounds what was left in between.
                left_first = left_first if fills else sum(left.values())
                fills.append({number: shard.fills for number, shard in shards.items()})
            if fills[0] != fills[1] or len(fills[0]) != pool.shard_count:
                continue
            if left_first or self._mark(before):
                return None
        return {}

    def _read_until(self, pool: Pool, wanted: int) -> dict[int, Shard]:
        """The shards by number, up to the call that shows as many units as are wanted."""
        found: dict[int, Shard] = {}
        for start in range(0, pool.shard_count, SHARDS_PER_READING):
            numbers = range(start, min(start + SHARDS_PER_READING, pool.shard_count))
            by_id = {pool.shard_id(number): number for number in numbers}
            for item in self._database.get_many(StockItem, by_id):
                found[by_id[item.shard_id]] = shard_of(item)
            if sum(shard.available for shard in found.values()) >= wanted:
                break
        return found

    def _mark(self, seen: Pool) -> bool:
        """Marks the pool sold out; False when units came since it was read."""
        transaction = self._database.transaction("mark_sold_out")
        unchanged = PoolItem.stock_version == seen.stock_version
        if not seen.stock_version:
            unchanged |= PoolItem.stock_version.does_not_exist()
        transaction.update(
            "pool",
            PoolItem(seen.campaign_id, seen.pool_key),
            [PoolItem.sold_out_version.set(seen.stock_version)],
            PoolItem.pool_key.exists() & unchanged,
        )
        try:
            transaction.commit()
        except Cancelled:
            return False
        return True

    def _again(self, pool: Pool) -> Pool:
        item = self._database.get(PoolItem, pool.campaign_id, pool.pool_key)
        if item is None:
            raise Busy(operation="read pool")
        return pool_of(item)
