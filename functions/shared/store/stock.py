"""Pools and their shards: money enters from the campaign, moves on, and never stands in two places.

    campaign.unallocated ──fund──> pool.pot ──spread──> shard.available ──claim──> voucher
              ^                     ^    │                     │
              │                     │    └──top up─────────────>
              └──────move on────────┴──────────drain───────────┘ (and shard.lapsed)

Every arrow is one transaction that takes from one place what it adds to another. `fund` and
`spread` are guarded by what they create, the others by compare-and-set on what was read: a run
that met another, died, or lost its reply leaves the rest to the next run and moves nothing that
is not there. The pot of a pool that is not yet spread belongs to its plan and to nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from pynamodb.expressions.condition import Condition

from functions.shared.domain.campaign import Campaign
from functions.shared.domain.errors import Busy
from functions.shared.domain.funds import CampaignRecord, Pool, PoolState, Shard, plan_pools
from functions.shared.store.connection import Database
from functions.shared.store.tables import CampaignItem, PoolItem, StockItem
from functions.shared.store.transaction import Cancelled, Transaction

T = TypeVar("T")

# One transaction takes a hundred items; the pool is one of them.
SHARDS_PER_TRANSACTION = 90
# While claims are drawn from them, ninety shards are hardly ever all free at once; a few are.
DRAWN_SHARDS_PER_TRANSACTION = 8


class StockStore:
    """Pools by campaign, shards by pool."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pools(self, campaign_id: str) -> Iterator[Pool]:
        """The funded pools of a campaign, by round, voucher type and platform."""
        for item in self._database.query(PoolItem, campaign_id):
            yield pool_of(item)

    def pool(self, campaign_id: str, pool_key: str) -> Pool | None:
        """One pool; None while it has no money."""
        item = self._database.get(PoolItem, campaign_id, pool_key)
        return pool_of(item) if item else None

    def shards(self, pool: Pool) -> list[Shard]:
        """The pool's shards that exist, by number."""
        return self.shards_of([pool])

    def shards_of(self, pools: Iterable[Pool]) -> list[Shard]:
        """The shards that exist of all those pools, by pool and number."""
        names = [name for pool in pools for name in pool.shard_ids()]
        items = self._database.get_many(StockItem, names)
        return sorted((shard_of(item) for item in items), key=lambda shard: shard.shard_id)

    def fund(self, pool: Pool) -> bool:
        """Takes the pool's whole plan out of what the campaign has not allocated.

        False, and nothing changes, when the pool has its money already.

        Raises:
            Cancelled: the campaign has not that much left.

        """
        amount_fen = pool.planned_units * pool.unit_reserve_fen
        transaction = self._database.transaction("fund_pool")
        transaction.put(
            "pool",
            _pool_item(pool, pot_fen=amount_fen),
            PoolItem.pool_key.does_not_exist(),
            guard=True,
        )
        _add_unallocated(transaction, pool.campaign_id, -amount_fen)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            if cancelled.failed("pool"):
                return False
            raise
        return True

    def fund_all(self, campaign: Campaign) -> None:
        """Funds and spreads every pool of the campaign's plan; resumes where a run died.

        Raises:
            Cancelled: the campaign has not that much left.
            Busy: contention outlasted the retries; what was done stays done.

        """
        stored = {pool.pool_key: pool for pool in self.pools(campaign.campaign_id)}
        for planned in plan_pools(campaign):
            if planned.pool_key not in stored:
                self.fund(planned)
            self.spread(stored.get(planned.pool_key) or self._again(planned))

    def spread(self, pool: Pool) -> Pool:
        """Puts the pool's planned units into its shards, batch by batch; resumes where one died."""
        while not pool.is_spread:
            until = min(pool.shard_count, pool.funded_shards + SHARDS_PER_TRANSACTION)
            numbers = range(pool.funded_shards, until)
            units = [pool.units_of_shard(number) for number in numbers]
            spread_fen = sum(units) * pool.unit_reserve_fen
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
                [PoolItem.funded_shards.set(until), PoolItem.pot_fen.add(-spread_fen)],
                # The state too: shards made OPEN from an old reading would escape a pause.
                (PoolItem.funded_shards == pool.funded_shards)
                & (PoolItem.state == pool.state.value)
                & (PoolItem.pot_fen >= spread_fen),
            )
            written = _commit_if_unchanged(transaction)
            before, pool = pool, self._again(pool)
            # Nothing else makes shards or takes from this pot: then somebody moved on or paused.
            assert written or pool != before, pool.pool_key  # noqa: S101 - else it would not end
        return pool

    def set_state(
        self, pool: Pool, state: PoolState, *, while_as: CampaignRecord | None = None
    ) -> None:
        """Opens or pauses the pool; when it returns, every draw sees it.

        Where two run at once the later change wins at every shard. The pool goes first, so that a
        run that dies on the way shows what was wanted (`Pool.followed_version` stays behind).

        Args:
            pool: which one.
            state: what it shall be.
            while_as: only as long as the campaign is as recorded there; else nothing is done.

        """
        transaction = self._database.transaction("set_pool_state")
        if while_as is not None:
            transaction.check(
                "campaign",
                CampaignItem,
                pool.campaign_id,
                condition=CampaignItem.version == while_as.version,
            )
        transaction.update(
            "pool",
            PoolItem(pool.campaign_id, pool.pool_key),
            [PoolItem.state.set(state.value), PoolItem.state_version.add(1)],
            PoolItem.pool_key.exists(),
        )
        if not _commit_if_unchanged(transaction):
            return
        pool = self._again(pool)
        for batch in _batches(pool.shard_ids()[: pool.funded_shards], DRAWN_SHARDS_PER_TRANSACTION):
            if not self._follow(pool, batch):
                return
        transaction = self._database.transaction("state_followed")
        transaction.update(
            "pool",
            PoolItem(pool.campaign_id, pool.pool_key),
            [PoolItem.followed_version.set(pool.state_version)],
            PoolItem.state_version == pool.state_version,
        )
        _commit_if_unchanged(transaction)

    def _follow(self, pool: Pool, shard_ids: Sequence[str]) -> bool:
        """The shards take the pool's state; False when they have a later one."""
        transaction = self._database.transaction("set_shard_state")
        for name in shard_ids:
            transaction.update(
                name,
                StockItem(name),
                [
                    StockItem.state.set(pool.state.value),
                    StockItem.state_version.set(pool.state_version),
                ],
                StockItem.shard_id.exists()
                & (
                    StockItem.state_version.does_not_exist()
                    | (StockItem.state_version <= pool.state_version)
                ),
            )
        try:
            return _commit_if_unchanged(transaction)
        except Busy:
            if len(shard_ids) == 1:
                raise
        # One at a time, each meets only the claims that draw from it.
        return all(self._follow(pool, [name]) for name in shard_ids)

    def drain(self, pool: Pool) -> bool:
        """Moves what the pool's shards have left, unissued and lapsed, into its pot.

        Vouchers already issued keep their money: what lapses later is drained by a later run.
        False when something changed in between, or a reply was lost: a later run finds the rest.
        """
        holding = [shard for shard in self.shards(pool) if shard.drainable_fen]
        complete = True
        for batch in _batches(holding, SHARDS_PER_TRANSACTION):
            complete &= self._drain(pool, batch)
        return complete

    def _drain(self, pool: Pool, shards: Sequence[Shard]) -> bool:
        left = list(shards)
        while left:
            transaction = self._database.transaction("drain_shards")
            for shard in left:
                transaction.update(
                    shard.shard_id,
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
                [PoolItem.pot_fen.add(sum(shard.drainable_fen for shard in left))],
            )
            try:
                transaction.commit()
            except Cancelled as cancelled:
                left = [shard for shard in left if not cancelled.failed(shard.shard_id)]
            else:
                return len(left) == len(shards)
        return False

    def mark_drained(self, pool: Pool, *, now: datetime) -> None:
        """Notes that the pool was found or left empty at that time, so as not to look at once."""
        transaction = self._database.transaction("mark_drained")
        transaction.update(
            "pool",
            PoolItem(pool.campaign_id, pool.pool_key),
            [PoolItem.drained_at.set(now)],
            PoolItem.pool_key.exists(),
        )
        transaction.commit()

    def move_on(self, pool: Pool, to: Pool | None) -> bool:
        """Moves the pool's pot to another pool's pot, or to what is unallocated.

        False, and nothing changes, when the pot is not as read any more.
        """
        if not pool.pot_fen:
            return True
        transaction = self._database.transaction("move_pot")
        transaction.update(
            "from",
            PoolItem(pool.campaign_id, pool.pool_key),
            [PoolItem.pot_fen.add(-pool.pot_fen)],
            _spread_with_pot(pool),
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
        return _commit_if_unchanged(transaction)

    def top_up(self, pool: Pool) -> bool:
        """Turns the pool's pot into units of its shards; what is less than a unit stays in the pot.

        It stays, rather than be unallocated, because money that lapses in small sums adds up to
        units of the next round. False when somebody else moved the pot: the next run goes on.
        """
        if not pool.unit_reserve_fen:
            return True
        units = pool.pot_fen // pool.unit_reserve_fen
        shares = [_share_of(units, pool.shard_count, n) for n in range(pool.shard_count)]
        filled = [(number, share) for number, share in enumerate(shares) if share]
        for adding in _batches(filled, DRAWN_SHARDS_PER_TRANSACTION):
            if not self._fill(pool, adding):
                return False
            # Not read again: the shares were made for this pot, less what has been moved of it.
            pool = replace(pool, pot_fen=pool.pot_fen - _cost_fen(pool, adding))
        return True

    def _fill(self, pool: Pool, adding: Sequence[tuple[int, int]]) -> bool:
        """Brings units from the pot into shards, by number; False when the pot is not as read."""
        transaction = self._database.transaction("top_up_pool")
        for number, share in adding:
            transaction.update(
                f"shard {number}",
                StockItem(pool.shard_id(number)),
                [
                    StockItem.available.add(share),
                    StockItem.allocated.add(share),
                    StockItem.fills.add(1),
                ],
                StockItem.shard_id.exists(),
            )
        transaction.update(
            "pool",
            PoolItem(pool.campaign_id, pool.pool_key),
            [PoolItem.pot_fen.add(-_cost_fen(pool, adding)), PoolItem.stock_version.add(1)],
            _spread_with_pot(pool),
        )
        try:
            return _commit_if_unchanged(transaction)
        except Busy:
            if len(adding) == 1:
                raise
        # One at a time, each meets only the claims that draw from it.
        for each in adding:
            if not self._fill(pool, [each]):
                return False
            pool = replace(pool, pot_fen=pool.pot_fen - _cost_fen(pool, [each]))
        return True

    def _again(self, pool: Pool) -> Pool:
        stored = self.pool(pool.campaign_id, pool.pool_key)
        assert stored is not None, pool.pool_key  # noqa: S101 - pools are never deleted
        return stored


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _share_of(units: int, shards: int, number: int) -> int:
    each, left = divmod(units, shards)
    return each + (number < left)


def _cost_fen(pool: Pool, adding: Sequence[tuple[int, int]]) -> int:
    """What those units take out of the pot."""
    return sum(share for _, share in adding) * pool.unit_reserve_fen


def _commit_if_unchanged(transaction: Transaction) -> bool:
    """Commits; False, and nothing changes, when what was read has changed since."""
    try:
        transaction.commit()
    except Cancelled:
        return False
    return True


def _spread_with_pot(pool: Pool) -> Condition:
    """The pool's pot is as read, and no longer part of its plan."""
    condition: Condition = (PoolItem.pot_fen == pool.pot_fen) & (
        PoolItem.funded_shards == PoolItem.shard_count
    )
    return condition


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
        state_version=pool.state_version,
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
        state_version=0,
        followed_version=0,
    )


def pool_of(item: PoolItem) -> Pool:
    """The pool that an item holds."""
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
        state_version=item.state_version or 0,
        followed_version=item.followed_version or 0,
        drained_at=item.drained_at,
        stock_version=item.stock_version or 0,
        sold_out_version=item.sold_out_version,
        change_id=item.change_id,
    )


def shard_of(item: StockItem) -> Shard:
    """The shard that an item holds."""
    return Shard(
        shard_id=item.shard_id,
        state=PoolState(item.state),
        allocated=item.allocated,
        available=item.available,
        issued=item.issued,
        lapsed_fen=item.lapsed_fen,
        unit_reserve_fen=item.unit_reserve_fen,
        state_version=item.state_version or 0,
        fills=item.fills or 0,
    )
