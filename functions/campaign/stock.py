"""Pools as the bureau sees them, and changes of their planned units by two persons' word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, Pool, Shard
from functions.shared.domain.stock_changes import ChangeState, StockChange
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.stock import StockStore
from functions.shared.store.stock_changes import StockChangeStore

_TAKES_CHANGES = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})


@dataclass(frozen=True, slots=True)
class PoolLevel:
    """A pool and what its shards hold, as they were when read."""

    pool: Pool
    allocated: int
    available: int
    issued: int
    lapsed_fen: int


class PoolService:
    """The use cases about pools.

    Args:
        campaigns: the campaigns.
        stock: pools and shards.
        changes: changes of planned units.

    """

    def __init__(
        self, campaigns: CampaignStore, stock: StockStore, changes: StockChangeStore
    ) -> None:
        self._campaigns = campaigns
        self._stock = stock
        self._changes = changes

    def levels(self, campaign_id: str) -> list[PoolLevel]:
        """The campaign's pools that have money, by round, voucher type and platform.

        Raises:
            HuiminError: NOT_FOUND.

        """
        self._record(campaign_id)
        pools = list(self._stock.pools(campaign_id))
        shards = {shard.shard_id: shard for shard in self._stock.shards_of(pools)}
        return [
            _level(pool, [shards[name] for name in pool.shard_ids() if name in shards])
            for pool in pools
        ]

    def propose(self, change: StockChange, now: datetime) -> tuple[StockChange, bool]:
        """Stores a proposal that could be carried out as things stand; moves nothing.

        True with the stored change where the same was proposed before.

        Raises:
            HuiminError: NOT_FOUND, CAMPAIGN_STATE, ROUND_CLOSED, STOCK_CHANGED,
                FUNDS_INSUFFICIENT, STOCK_INSUFFICIENT, KEY_REUSED.

        """
        stored = self._changes.get(change.campaign_id, change.change_id)
        if stored is None:
            self._require_possible(change, now)
        return self._changes.propose(change)

    def approve(
        self, campaign_id: str, change_id: str, *, approver: str, now: datetime
    ) -> StockChange:
        """Approves a change and carries it out; again, goes on with what is left of it.

        The units are the pool's when this returns. Where contention held some of them up, the
        reconciler brings them into the shards, or takes the rest out.

        Raises:
            HuiminError: NOT_FOUND, SAME_PERSON, CAMPAIGN_STATE, ROUND_CLOSED, STOCK_CHANGED,
                FUNDS_INSUFFICIENT, STOCK_INSUFFICIENT; nothing has changed.
            Busy: another change of the pool is in hand, or contention outlasted the retries.

        """
        change = self.change(campaign_id, change_id)
        if change.made_by == approver:
            raise HuiminError(Code.SAME_PERSON)
        if change.state is ChangeState.PROPOSED:
            pool = self._require_possible(change, now)
            change = self._changes.approve(change, pool, approver=approver, now=now)
        closes_at = self._closes_at(self._record(campaign_id), change)
        try:
            return self._changes.carry_out(change, closes_at=closes_at, now=now)
        except Busy:
            # It is approved, and will be carried out: that is what the caller asked for.
            return self.change(campaign_id, change_id)

    def change(self, campaign_id: str, change_id: str) -> StockChange:
        """The change.

        Raises:
            HuiminError: NOT_FOUND.

        """
        change = self._changes.get(campaign_id, change_id)
        if change is None:
            raise HuiminError(Code.NOT_FOUND, what="stock change")
        return change

    def changes(self, campaign_id: str, *, after: str | None, limit: int) -> Sequence[StockChange]:
        """The campaign's changes by id, from behind `after`, at most `limit`.

        Raises:
            HuiminError: NOT_FOUND, if there is no such campaign.

        """
        self._record(campaign_id)
        return list(self._changes.of_campaign(campaign_id, after=after, limit=limit))

    def _record(self, campaign_id: str) -> CampaignRecord:
        record = self._campaigns.get(campaign_id)
        if record is None:
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        return record

    def _closes_at(self, record: CampaignRecord, change: StockChange) -> datetime:
        in_round = record.campaign.round(change.pool_key.split("/", 1)[0])
        if in_round is None:
            raise HuiminError(Code.NOT_FOUND, what="round")
        return in_round.closes_at

    def _require_possible(self, change: StockChange, now: datetime) -> Pool:
        """The pool, if the change could be made of it now; what is read may change at once."""
        record = self._record(change.campaign_id)
        closes_at = self._closes_at(record, change)
        pool = self._stock.pool(change.campaign_id, change.pool_key)
        if record.state not in _TAKES_CHANGES:
            raise HuiminError(Code.CAMPAIGN_STATE, state=record.state.value)
        if pool is None:
            raise HuiminError(Code.NOT_FOUND, what="pool")
        if now >= closes_at:
            raise HuiminError(Code.ROUND_CLOSED, closed_at=to_rfc3339(closes_at))
        if pool.planned_units != change.units_before:
            raise HuiminError(
                Code.STOCK_CHANGED, units_before=change.units_before, units=pool.planned_units
            )
        if change.adds:
            needed_fen = change.wanted_units * pool.unit_reserve_fen
            unallocated_fen = record.funds.unallocated_fen
            if needed_fen > unallocated_fen:
                raise HuiminError(
                    Code.FUNDS_INSUFFICIENT,
                    needed_fen=needed_fen,
                    unallocated_fen=unallocated_fen,
                )
        else:
            available = sum(shard.available for shard in self._stock.shards(pool))
            if change.wanted_units > available:
                raise HuiminError(
                    Code.STOCK_INSUFFICIENT, needed=change.wanted_units, available=available
                )
        return pool


def _level(pool: Pool, shards: Sequence[Shard]) -> PoolLevel:
    return PoolLevel(
        pool=pool,
        allocated=sum(shard.allocated for shard in shards),
        available=sum(shard.available for shard in shards),
        issued=sum(shard.issued for shard in shards),
        lapsed_fen=sum(shard.lapsed_fen for shard in shards),
    )
