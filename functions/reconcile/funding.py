"""What an approval or a pause left half done is finished here, whoever died at it."""

from __future__ import annotations

from datetime import datetime

from functions.reconcile.stores import MoneyStores
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, PoolState

# CAMPAIGN_STATE and VERSION_MISMATCH both say that somebody else was faster.
_OVERTAKEN = frozenset({Code.CAMPAIGN_STATE, Code.VERSION_MISMATCH})


def fund_campaign(record: CampaignRecord, stores: MoneyStores, now: datetime) -> CampaignRecord:
    """Funds and spreads every pool of an approved campaign, and sets it running.

    Resumes where the approval, or an earlier run, stopped; in any state but FUNDING it does
    nothing. The campaign as it is afterwards.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    if record.state is not CampaignState.FUNDING:
        return record
    stores.stock.fund_all(record.campaign)
    try:
        return stores.campaigns.change_state(record, CampaignState.RUNNING, now=now)
    except HuiminError as error:
        if error.code not in _OVERTAKEN:
            raise
        return stores.campaigns.get(record.campaign.campaign_id) or record


def follow_state(record: CampaignRecord, stores: MoneyStores) -> int:
    """Makes the shards follow the campaign's pause or resumption; how many pools had not.

    A pause that died on the way, or met a resumption, may have left pools or shards behind. Each
    pool is changed only while the campaign is still as recorded, so that a tick that began before
    a pause cannot undo it.

    Raises:
        Busy: contention outlasted the retries.

    """
    if record.state not in (CampaignState.RUNNING, CampaignState.PAUSED):
        return 0
    wanted = PoolState.OPEN if record.state is CampaignState.RUNNING else PoolState.PAUSED
    behind = [
        pool
        for pool in stores.stock.pools(record.campaign.campaign_id)
        if pool.state is not wanted or pool.followed_version < pool.state_version
    ]
    for pool in behind:
        stores.stock.set_state(pool, wanted, while_as=record)
    return len(behind)
