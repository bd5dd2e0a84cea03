"""Stock changes that an approval left half done are finished here, whoever died at them.

New units wait in their pool's pot, and the rollover tops it up; what is left to be taken out is
taken here. A change whose round has closed ends with what was taken.
"""

from __future__ import annotations

from datetime import datetime

from functions.reconcile.stores import MoneyStores
from functions.shared.domain.funds import CampaignRecord


def finish_changes(record: CampaignRecord, stores: MoneyStores, now: datetime) -> int:
    """Carries on every change in hand; how many there were.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    campaign = record.campaign
    in_hand = [pool for pool in stores.stock.pools(campaign.campaign_id) if pool.change_id]
    for pool in in_hand:
        change = stores.changes.get(campaign.campaign_id, pool.change_id or "")
        in_round = campaign.round(pool.round_id)
        if change is not None and in_round is not None:
            stores.changes.carry_out(change, closes_at=in_round.closes_at, now=now)
    return len(in_hand)
