"""What a reading of the tables finds in each pool: so that others can count it against vouchers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from functions.shared.domain.funds import pool_key_of
from functions.shared.domain.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCount:
    """One pool as counted, over all its shards.

    Args:
        pool_key: `round/type/platform`.
        allocated: units that were put in.
        available: units that may be drawn.
        issued: units that became vouchers.
        unit_reserve_fen: set aside for a unit.
        lapsed_fen: money that came back to its shards.
        pot_fen: money on its way.

    """

    pool_key: str
    allocated: int
    available: int
    issued: int
    unit_reserve_fen: int
    lapsed_fen: int
    pot_fen: int


def count_pools(snapshot: Snapshot) -> list[PoolCount]:
    """The pools of a snapshot, by key."""
    shards = defaultdict(list)
    for shard in snapshot.shards:
        shards[pool_key_of(shard.shard_id)].append(shard)
    return [
        PoolCount(
            pool_key=pool.pool_key,
            allocated=sum(shard.allocated for shard in shards[pool.pool_key]),
            available=sum(shard.available for shard in shards[pool.pool_key]),
            issued=sum(shard.issued for shard in shards[pool.pool_key]),
            unit_reserve_fen=pool.unit_reserve_fen,
            lapsed_fen=sum(shard.lapsed_fen for shard in shards[pool.pool_key]),
            pot_fen=pool.pot_fen,
        )
        for pool in sorted(snapshot.pools, key=lambda pool: pool.pool_key)
    ]
