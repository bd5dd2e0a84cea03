"""Pools and their shards: money enters from the campaign, moves on, and never stands in two places.

    campaign.unallocated ──fund──> pool.pot ──spread──> shard.available ──claim──> voucher
              ^                     ^    │                     │
              │                     │    └──top up─────────────>
              └──────move on────────┴──────────drain───────────┘ (and shard.lapsed)

Every arrow is one transaction. `fund` and `spread` are guarded by what they create, the others by
compare-and-set on what was read, so that two runs at once, or one that died, move nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from functions.shared.domain.funds import Pool, PoolState, Shard
from functions.shared.store.connection import Database
from functions.shared.store.tables import CampaignItem, PoolItem, StockItem
from functions.shared.store.transaction import Cancelled, Transaction

T = TypeVar("T")

# One transaction takes a hundred items; the pool is one of them.
SHARDS_PER_TRANSACTION = 90


class StockStore:
    """Pools by campaign, shards by pool."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pools(self, campaign_id: str) -> Iterator[Pool]:
        """The funded pools of a campaign, by round, voucher type and platform."""
        for item in self._database.query(PoolItem, campaign_id):
            yield _pool(item)

    def pool(self, campaign_id: str, pool_key: str) -> Pool | None:
        """One pool; None while it has no money."""
        item = self._database.get(PoolItem, campaign_id, pool_key)
        return _pool(item) if item else None

    def shards(self, pool: Pool) -> list[Shard]:
        """The pool's shards that exist, by number."""
        items = self._database.get_many(StockItem, pool.shard_ids())
        return sorted((_shard(item) for item in items), key=lambda shard: shard.shard_id)

    def fund(self, pool: Pool) -> bool:
        """Takes the pool's whole plan out of what the campaign has not allocated.

        False, and nothing changes, when the pool has its money already.

        Raises:
            Cancelled: the campaign has not that much left.

        """
        amount_fen = pool.planned_units * pool.unit_reserve_fen
        transaction = self._database.transaction("fund_pool")
        transaction.put(
            "pool", _pool_item(pool, pot_fen=amount_fen), PoolItem.pool_key.does_not_exist()
        )
        _add_unallocated(transaction, pool.campaign_id, -amount_fen)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            if cancelled.failed("pool"):
                return False
            raise
        return True

    def spread(self, pool: Pool) -> Pool:
        """Puts the pool's planned units into its shards, batch by batch; resumes where one died."""
        while pool.funded_shards < pool.shard_count:
            until = min(pool.shard_count, pool.funded_shards + SHARDS_PER_TRANSACTION)
            numbers = range(pool.funded_shards, until)
            units = [pool.units_of_shard(number) for number in numbers]
            transaction = self._database.transaction("spread_pool")
            for number, allocated in zip(numbers, units, strict=True):
                transaction.put(
                    f"shard {number}",
                    _new_shard(pool, number, allocated),
                    StockItem.shard_id.does_not_exist(),
                )
            transaction.update(
                "pool",
                PoolItem(pool.campaign_id, pool.pool_key),
                [
                    PoolItem.funded_shards.set(until),
                    PoolItem.pot_fen.add(-sum(units) * pool.unit_reserve_fen),
                ],
                PoolItem.funded_shards == pool.funded_shards,
            )
            _commit_if_unchanged(transaction)
            pool = self._again(pool)
        return pool

    def set_state(self, pool: Pool, state: PoolState) -> None:
        """Opens or pauses the pool; when it returns, every draw sees it.

        The pool goes first, so that a run that dies on the way shows what was wanted.
        """
        transaction = self._database.transaction("set_pool_state")
        transaction.update(
            "pool",
            PoolItem(pool.campaign_id, pool.pool_key),
            [PoolItem.state.set(state.value)],
            PoolItem.pool_key.exists(),
        )
        transaction.commit()
        funded = self._again(pool).funded_shards
        for batch in _batches(pool.shard_ids()[:funded]):
            transaction = self._database.transaction("set_shard_state")
            for name in batch:
                transaction.update(
                    name,
                    StockItem(name),
                    [StockItem.state.set(state.value)],
                    StockItem.shard_id.exists(),
                )
            transaction.commit()

    def drain(self, pool: Pool) -> Pool:
        """Moves what the pool's shards have left, unissued and lapsed, into its pot.

        Vouchers already issued keep their money: what lapses later is drained by a later run.
        """
        for shard in self.shards(pool):
            amount_fen = shard.available * shard.unit_reserve_fen + shard.lapsed_fen
            if not amount_fen:
                continue
            transaction = self._database.transaction("drain_shard")
            transaction.update(
                "shard",
                StockItem(shard.shard_id),
                [
                    StockItem.available.add(-shard.available),
                    StockItem.allocated.add(-shard.available),
                    StockItem.lapsed_fen.add(-shard.lapsed_fen),
                ],
                (StockItem.available == shard.available)
                & (StockItem.lapsed_fen == shard.lapsed_fen),
            )
            transaction.update(
                "pool",
                PoolItem(pool.campaign_id, pool.pool_key),
                [PoolItem.pot_fen.add(amount_fen)],
            )
            _commit_if_unchanged(transaction)
        return self._again(pool)

    def move_on(self, pool: Pool, to: Pool | None) -> None:
        """Moves the pool's pot to another pool's pot, or to what is unallocated."""
        if not pool.pot_fen:
            return
        transaction = self._database.transaction("move_pot")
        transaction.update(
            "from",
            PoolItem(pool.campaign_id, pool.pool_key),
            [PoolItem.pot_fen.add(-pool.pot_fen)],
            PoolItem.pot_fen == pool.pot_fen,
        )
        if to is None:
            _add_unallocated(transaction, pool.campaign_id, pool.pot_fen)
        else:
            transaction.update(
                "to",
                PoolItem(to.campaign_id, to.pool_key),
                [PoolItem.pot_fen.add(pool.pot_fen)],
                PoolItem.pool_key.exists(),
            )
        _commit_if_unchanged(transaction)

    def top_up(self, pool: Pool) -> None:
        """Turns the pool's pot into units of its shards; less than a unit is unallocated."""
        pool = self._again(pool)
        units = pool.pot_fen // pool.unit_reserve_fen
        shares = [_share_of(units, pool.shard_count, n) for n in range(pool.shard_count)]
        for adding in _batches([(n, share) for n, share in enumerate(shares) if share]):
            moved_fen = sum(share for _, share in adding) * pool.unit_reserve_fen
            transaction = self._database.transaction("top_up_pool")
            for number, share in adding:
                transaction.update(
                    f"shard {number}",
                    StockItem(pool.shard_id(number)),
                    [StockItem.available.add(share), StockItem.allocated.add(share)],
                    StockItem.shard_id.exists(),
                )
            transaction.update(
                "pool",
                PoolItem(pool.campaign_id, pool.pool_key),
                [PoolItem.pot_fen.add(-moved_fen)],
                PoolItem.pot_fen == pool.pot_fen,
            )
            if not _commit_if_unchanged(transaction):
                # Somebody else is at it; the next run finds what is left.
                return
            pool = self._again(pool)
        self.move_on(pool, None)

    def _again(self, pool: Pool) -> Pool:
        stored = self.pool(pool.campaign_id, pool.pool_key)
        assert stored is not None, pool.pool_key  # noqa: S101 - pools are never deleted
        return stored


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), SHARDS_PER_TRANSACTION):
        yield items[start : start + SHARDS_PER_TRANSACTION]


def _share_of(units: int, shards: int, number: int) -> int:
    each, left = divmod(units, shards)
    return each + (number < left)


def _commit_if_unchanged(transaction: Transaction) -> bool:
    """Commits; False, and nothing changes, when what was read has changed since."""
    try:
        transaction.commit()
    except Cancelled:
        return False
    return True


def _add_unallocated(transaction: Transaction, campaign_id: str, amount_fen: int) -> None:
    transaction.update(
        "campaign",
        CampaignItem(campaign_id),
        [CampaignItem.unallocated_fen.add(amount_fen)],
        CampaignItem.unallocated_fen >= -amount_fen
        if amount_fen < 0
        else CampaignItem.campaign_id.exists(),
    )


def _new_shard(pool: Pool, number: int, units: int) -> StockItem:
    return StockItem(
        pool.shard_id(number),
        state=pool.state.value,
        allocated=units,
        available=units,
        issued=0,
        lapsed_fen=0,
        unit_reserve_fen=pool.unit_reserve_fen,
    )


def _pool_item(pool: Pool, *, pot_fen: int) -> PoolItem:
    return PoolItem(
        pool.campaign_id,
        pool.pool_key,
        round_id=pool.round_id,
        voucher_type_id=pool.voucher_type_id,
        platform_id=pool.platform_id,
        unit_reserve_fen=pool.unit_reserve_fen,
        planned_units=pool.planned_units,
        shard_count=pool.shard_count,
        funded_shards=0,
        pot_fen=pot_fen,
        state=pool.state.value,
    )


def _pool(item: PoolItem) -> Pool:
    return Pool(
        campaign_id=item.campaign_id,
        round_id=item.round_id,
        voucher_type_id=item.voucher_type_id,
        platform_id=item.platform_id,
        unit_reserve_fen=item.unit_reserve_fen,
        planned_units=item.planned_units,
        shard_count=item.shard_count,
        funded_shards=item.funded_shards,
        pot_fen=item.pot_fen,
        state=PoolState(item.state),
    )


def _shard(item: StockItem) -> Shard:
    return Shard(
        shard_id=item.shard_id,
        state=PoolState(item.state),
        allocated=item.allocated,
        available=item.available,
        issued=item.issued,
        lapsed_fen=item.lapsed_fen,
        unit_reserve_fen=item.unit_reserve_fen,
    )
