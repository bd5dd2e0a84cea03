"""Changes of planned units as transactions; each leaves every fen in exactly one place.

    add        change PROPOSED -> DONE · pool: planned +, pot + · campaign: unallocated -
               then the pot is topped up into the shards, as after a rollover
    take out   change PROPOSED -> APPROVED · pool: planned as seen, in hand · campaign runs
       batch   change: moved + (as read) · shards: available - · pool: planned - · unallocated +
       end     change APPROVED -> DONE · pool: no longer in hand

The change itself is the guard of each. A pool has at most one change in hand; whoever finds one
that stopped half way carries it on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import Pool
from functions.shared.domain.stock_changes import ChangeState, StockChange, shares_to_take
from functions.shared.store import stock as stock_store
from functions.shared.store.connection import Database
from functions.shared.store.stock import StockStore, pool_of
from functions.shared.store.tables import CampaignItem, PoolItem, StockChangeItem, StockItem
from functions.shared.store.transaction import Cancelled, Transaction

_TAKES_CHANGES = (CampaignState.RUNNING, CampaignState.PAUSED)
# Readings of all shards while claims draw from them, before the rest is left to a later run.
_READINGS = 20


class StockChangeStore:
    """Stock changes by campaign and id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stock = StockStore(database)

    def get(self, campaign_id: str, change_id: str) -> StockChange | None:
        """The change, strongly consistent; None when there is none."""
        item = self._database.get(StockChangeItem, campaign_id, change_id)
        return change_of(item) if item else None

    def of_campaign(
        self, campaign_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Iterator[StockChange]:
        """The campaign's changes by id, from behind `after`, at most `limit`."""
        later = StockChangeItem.change_id > after if after is not None else None
        for item in self._database.query(StockChangeItem, campaign_id, later, limit=limit):
            yield change_of(item)

    def propose(self, change: StockChange) -> tuple[StockChange, bool]:
        """Stores the proposal; True with what is stored where the same was proposed before.

        Raises:
            HuiminError: KEY_REUSED, when the id stands for another content.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("propose_stock_change")
        transaction.put("change", _item(change), StockChangeItem.change_id.does_not_exist())
        try:
            transaction.commit()
        except Cancelled as cancelled:
            item = cancelled.old("change", StockChangeItem)
            stored = change_of(item) if item else self._again(change)
            if stored.content != change.content:
                raise HuiminError(Code.KEY_REUSED, number=change.change_id) from cancelled
            return stored, True
        return change, False

    def approve(
        self, change: StockChange, pool: Pool, *, approver: str, now: datetime
    ) -> StockChange:
        """Approves a proposal; the stored change where that was done before.

        More units are in the pool's pot at once, and out of what is unallocated; fewer are still
        to be taken out.

        Raises:
            HuiminError: STOCK_CHANGED (other units are planned now), FUNDS_INSUFFICIENT,
                CAMPAIGN_STATE; nothing is changed.
            Busy: another change of the pool is in hand, or contention outlasted the retries.

        """
        amount_fen = change.wanted_units * pool.unit_reserve_fen if change.adds else 0
        transaction = self._database.transaction("approve_stock_change")
        approved = [
            StockChangeItem.approved_by.set(approver),
            StockChangeItem.approved_at.set(now),
        ]
        if change.adds:
            approved += [
                StockChangeItem.state.set(ChangeState.DONE.value),
                StockChangeItem.moved_units.set(change.wanted_units),
                StockChangeItem.ended_at.set(now),
            ]
            planned = [
                PoolItem.planned_units.set(change.units_after),
                PoolItem.pot_fen.add(amount_fen),
            ]
        else:
            approved.append(StockChangeItem.state.set(ChangeState.APPROVED.value))
            planned = [PoolItem.change_id.set(change.change_id)]
        transaction.update(
            "change",
            StockChangeItem(change.campaign_id, change.change_id),
            approved,
            StockChangeItem.state == ChangeState.PROPOSED.value,
        )
        transaction.update(
            "pool",
            PoolItem(change.campaign_id, change.pool_key),
            planned,
            (PoolItem.planned_units == change.units_before)
            & (PoolItem.funded_shards == PoolItem.shard_count)
            & PoolItem.change_id.does_not_exist(),
        )
        takes_changes = CampaignItem.state.is_in(*(state.value for state in _TAKES_CHANGES))
        if change.adds:
            transaction.update(
                "campaign",
                CampaignItem(change.campaign_id),
                [CampaignItem.unallocated_fen.add(-amount_fen)],
                takes_changes & (CampaignItem.unallocated_fen >= amount_fen),
            )
        else:
            transaction.check("campaign", CampaignItem, change.campaign_id, condition=takes_changes)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            if cancelled.failed("change"):
                return self._again(change)
            raise self._refusal(change, cancelled, amount_fen) from cancelled
        return self._again(change)

    def _refusal(self, change: StockChange, cancelled: Cancelled, amount_fen: int) -> HuiminError:
        if cancelled.failed("pool"):
            item = cancelled.old("pool", PoolItem)
            if item is not None and item.planned_units != change.units_before:
                return HuiminError(
                    Code.STOCK_CHANGED, units_before=change.units_before, units=item.planned_units
                )
            return Busy(operation=cancelled.operation)
        record = self._database.get(CampaignItem, change.campaign_id)
        if record is None or CampaignState(record.state) not in _TAKES_CHANGES:
            state = record.state if record else ""
            return HuiminError(Code.CAMPAIGN_STATE, state=state)
        return HuiminError(
            Code.FUNDS_INSUFFICIENT,
            needed_fen=amount_fen,
            unallocated_fen=record.unallocated_fen,
        )

    def carry_out(self, change: StockChange, *, closes_at: datetime, now: datetime) -> StockChange:
        """Brings new units into the shards, or takes units out of them; the change as it then is.

        A change whose units go on being drawn may be left half done; a later run goes on.

        Args:
            change: an approved one.
            closes_at: when its round closes; from then on nothing more is taken out.
            now: the time.

        Raises:
            Busy: contention outlasted the retries; what was done stays done.

        """
        pool = self._pool(change)
        if change.adds:
            self._stock.top_up(pool)
            return change
        for _ in range(_READINGS):
            if change.state is not ChangeState.APPROVED:
                break
            levels = {s.shard_id: s.available for s in self._stock.shards(pool)}
            shares = shares_to_take(levels, change.left_units if now < closes_at else 0)
            if shares:
                change = self._take_all(change, pool, shares, now)
            else:
                self._end(change, now)
                change = self._again(change)
        return change

    def _take_all(
        self, change: StockChange, pool: Pool, shares: Mapping[str, int], now: datetime
    ) -> StockChange:
        """Takes from the shards until one has not that many any more; the change as it then is."""
        names = list(shares)
        size = stock_store.DRAWN_SHARDS_PER_TRANSACTION
        for start in range(0, len(names), size):
            batch = {name: shares[name] for name in names[start : start + size]}
            if not self._take(change, pool, batch, now):
                return self._again(change)
            change = replace(change, moved_units=change.moved_units + sum(batch.values()))
        return self._again(change)

    def _take(
        self, change: StockChange, pool: Pool, batch: Mapping[str, int], now: datetime
    ) -> bool:
        """One batch; False, and nothing changes, where a shard or the change is not as read."""
        units = sum(batch.values())
        transaction = self._database.transaction("take_out_stock")
        for name, taken in batch.items():
            transaction.update(
                name,
                StockItem(name),
                [StockItem.available.add(-taken), StockItem.allocated.add(-taken)],
                StockItem.available >= taken,
            )
        actions: list[Action] = [PoolItem.planned_units.add(-units)]
        moved: list[Action] = [StockChangeItem.moved_units.set(change.moved_units + units)]
        if units == change.left_units:
            actions.append(PoolItem.change_id.remove())
            moved += _ended(now)
        transaction.update(
            "pool",
            PoolItem(pool.campaign_id, pool.pool_key),
            actions,
            PoolItem.change_id == change.change_id,
        )
        transaction.update(
            "campaign",
            CampaignItem(pool.campaign_id),
            [CampaignItem.unallocated_fen.add(units * pool.unit_reserve_fen)],
            CampaignItem.campaign_id.exists(),
        )
        transaction.update(
            "change",
            StockChangeItem(change.campaign_id, change.change_id),
            moved,
            _as_read(change),
        )
        try:
            return _commit_if_as_read(transaction)
        except Busy:
            if len(batch) == 1:
                raise
        # One at a time, each meets only the claims that draw from it.
        for name, taken in batch.items():
            if not self._take(change, pool, {name: taken}, now):
                return False
            change = replace(change, moved_units=change.moved_units + taken)
        return True

    def _end(self, change: StockChange, now: datetime) -> None:
        """Nothing is left to take: the change is done with what was taken."""
        transaction = self._database.transaction("end_stock_change")
        transaction.update(
            "change",
            StockChangeItem(change.campaign_id, change.change_id),
            _ended(now),
            _as_read(change),
        )
        transaction.update(
            "pool",
            PoolItem(change.campaign_id, change.pool_key),
            [PoolItem.change_id.remove()],
            PoolItem.change_id == change.change_id,
        )
        _commit_if_as_read(transaction)

    def _pool(self, change: StockChange) -> Pool:
        item = self._database.get(PoolItem, change.campaign_id, change.pool_key)
        assert item is not None, change.pool_key  # noqa: S101 - pools are never deleted
        return pool_of(item)

    def _again(self, change: StockChange) -> StockChange:
        stored = self.get(change.campaign_id, change.change_id)
        assert stored is not None, change.change_id  # noqa: S101 - changes are never deleted
        return stored


def _ended(now: datetime) -> list[Action]:
    return [
        StockChangeItem.state.set(ChangeState.DONE.value),
        StockChangeItem.ended_at.set(now),
    ]


def _as_read(change: StockChange) -> Condition:
    """The change is half done, and exactly as far as was read."""
    condition: Condition = (StockChangeItem.state == ChangeState.APPROVED.value) & (
        StockChangeItem.moved_units == change.moved_units
    )
    return condition


def _commit_if_as_read(transaction: Transaction) -> bool:
    try:
        transaction.commit()
    except Cancelled:
        return False
    return True


def _item(change: StockChange) -> StockChangeItem:
    return StockChangeItem(
        change.campaign_id,
        change.change_id,
        pool_key=change.pool_key,
        units_before=change.units_before,
        units_after=change.units_after,
        reason=change.reason,
        made_by=change.made_by,
        made_at=change.made_at,
        state=change.state.value,
        moved_units=change.moved_units,
    )


def change_of(item: StockChangeItem) -> StockChange:
    """The change that an item holds."""
    return StockChange(
        campaign_id=item.campaign_id,
        change_id=item.change_id,
        pool_key=item.pool_key,
        units_before=item.units_before,
        units_after=item.units_after,
        reason=item.reason,
        made_by=item.made_by,
        made_at=item.made_at,
        state=ChangeState(item.state),
        moved_units=item.moved_units,
        approved_by=item.approved_by,
        approved_at=item.approved_at,
        ended_at=item.ended_at,
    )
