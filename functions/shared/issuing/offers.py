"""What there is to claim: campaigns and pools as they were read a moment ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, Pool, pool_key
from functions.shared.domain.memory import Memory
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.stock import StockStore

# A pause of the campaign shows within this time; that of its shards shows at once.
CAMPAIGN_LIFETIME = timedelta(seconds=2)
# A pool's shard count never changes once it is funded.
POOL_LIFETIME = timedelta(minutes=10)


class Offers:
    """Campaigns and their pools, remembered by one process.

    Args:
        campaigns: the campaigns.
        stock: the pools.

    """

    def __init__(self, campaigns: CampaignStore, stock: StockStore) -> None:
        self._campaigns = campaigns
        self._stock = stock
        self._records: Memory[str, CampaignRecord | None] = Memory(CAMPAIGN_LIFETIME)
        self._pools: Memory[tuple[str, str], Pool | None] = Memory(POOL_LIFETIME)

    def forget(self) -> None:
        """As in a new process: nothing is remembered."""
        self._records.clear()
        self._pools.clear()

    def campaign(self, campaign_id: str, platform_id: str, now: datetime) -> CampaignRecord:
        """The campaign, at most CAMPAIGN_LIFETIME old.

        Raises:
            HuiminError: NOT_FOUND, also where it is not the platform's.

        """
        record = self._records.recall(campaign_id, now, lambda: self._campaigns.get(campaign_id))
        if record is None or not record.is_known_to(platform_id):
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        return record

    def pool(
        self, campaign_id: str, round_id: str, voucher_type_id: str, platform_id: str, now: datetime
    ) -> Pool:
        """The pool of a voucher type that the round has stock of for the platform.

        Raises:
            HuiminError: CAMPAIGN_NOT_RUNNING, while it is not funded.

        """
        key = campaign_id, pool_key(round_id, voucher_type_id, platform_id)
        pool = self._pools.recall(key, now, lambda: self._stock.pool(*key))
        if pool is None:
            self._pools.forget(key)
            raise HuiminError(Code.CAMPAIGN_NOT_RUNNING, state=CampaignState.FUNDING.value)
        return pool
