"""Rollover: what a closed round leaves over becomes the next round's stock.

    shards of a closed round ──drain──> its pot ──move on──┬─> pot of the same voucher type and
                                                           │   platform in the next round
                                                           └─> unallocated
    pot of a round not yet closed ──top up──> its shards

Money goes on lapsing after a round has closed: vouchers end later, orders are refunded. So closed
rounds are drained again, when the sweep has just moved money there and otherwise once an hour;
refunds are the only other source, and reading every shard of every round at each tick costs more
than their hour's delay. After the closing, late refunds alone are a source: drained once a day.

Every step stands alone. A run that dies leaves money in a pot, and pots are looked at by every
run.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from functions.reconcile.stores import MoneyStores
from functions.shared.domain.campaign import OPEN_STATES, Campaign, CampaignState, Rollover
from functions.shared.domain.funds import CampaignRecord, Pool, pool_key

DRAIN_AGAIN = timedelta(hours=1)
DRAIN_LATE_AGAIN = timedelta(days=1)


def roll_over(
    record: CampaignRecord,
    stores: MoneyStores,
    now: datetime,
    *,
    touched: Collection[str] = frozenset(),
) -> bool:
    """Drains closed rounds, moves their money on, and tops up the rounds that follow.

    Args:
        record: the campaign.
        stores: where its pools are.
        now: decides which rounds have closed.
        touched: keys of pools that money has just lapsed in.

    Returns:
        Whether nothing is left to do; where something changed in between, the next run goes on.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    campaign = record.campaign
    if record.state is CampaignState.CLOSED and now < campaign.books_end_at:
        return _drain_late(record, stores, now)
    if record.state not in OPEN_STATES:
        return True
    pools = {pool.pool_key: pool for pool in stores.stock.pools(campaign.campaign_id)}
    complete = True
    for pool in pools.values():
        if _has_closed(campaign, pool.round_id, now):
            due = pool.pool_key in touched or _is_due(pool, now, DRAIN_AGAIN)
            complete &= _pass_on(pool, _heir(campaign, pool, pools, now), stores, now, is_due=due)
    for pool in stores.stock.pools(campaign.campaign_id):
        if pool.is_spread and not _has_closed(campaign, pool.round_id, now):
            complete &= stores.stock.top_up(pool)
    return complete


def _drain_late(record: CampaignRecord, stores: MoneyStores, now: datetime) -> bool:
    """Once a day, what late refunds of a closed campaign let lapse becomes unallocated."""
    complete = True
    for pool in stores.stock.pools(record.campaign.campaign_id):
        is_due = _is_due(pool, now, DRAIN_LATE_AGAIN)
        complete &= _pass_on(pool, None, stores, now, is_due=is_due)
    return complete


def drain_all(record: CampaignRecord, stores: MoneyStores, now: datetime) -> bool:
    """Brings what every pool has left back to what is unallocated; False if some is still there.

    For the closing, when no round follows.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    complete = True
    for pool in stores.stock.pools(record.campaign.campaign_id):
        complete &= _pass_on(pool, None, stores, now, is_due=True)
    return complete


def _pass_on(
    pool: Pool, to: Pool | None, stores: MoneyStores, now: datetime, *, is_due: bool
) -> bool:
    """Drains the pool if it is time to, and moves its pot on."""
    drained = True
    if is_due:
        # A closed round's pool that was never spread has its plan in the pot still.
        pool = stores.stock.spread(pool)
        drained = stores.stock.drain(pool)
        if drained:
            stores.stock.mark_drained(pool, now=now)
        pool = stores.stock.pool(pool.campaign_id, pool.pool_key) or pool
    return stores.stock.move_on(pool, to) and drained


def _is_due(pool: Pool, now: datetime, again: timedelta) -> bool:
    return pool.drained_at is None or now - pool.drained_at >= again


def _has_closed(campaign: Campaign, round_id: str, now: datetime) -> bool:
    in_round = campaign.round(round_id)
    return in_round is not None and now >= in_round.closes_at


def _heir(campaign: Campaign, pool: Pool, pools: dict[str, Pool], now: datetime) -> Pool | None:
    """The pool that takes what this one leaves: its like in the first later round still to close.

    A round that does not offer the voucher type on the platform is passed over. None: the money
    becomes unallocated.
    """
    if campaign.rollover is not Rollover.NEXT_ROUND:
        return None
    later = campaign.round_after(pool.round_id)
    while later is not None:
        heir = pools.get(pool_key(later.round_id, pool.voucher_type_id, pool.platform_id))
        if heir is not None and now < later.closes_at:
            return heir
        later = campaign.round_after(later.round_id)
    return None
