"""The money of one campaign, as a test of its stores begins with it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from functions.shared.domain.funds import Pool, plan_pools
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.stock import StockStore
from tests.support.campaigns import OPEN, campaign, campaign_document
from tests.support.deployment import Deployment

NOW = datetime.fromisoformat(OPEN)
PLAN = plan_pools(campaign())[0]


class Bank:
    """The stores of one campaign's money, and where all of it lies."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        self.database = database
        self.deployment = deployment
        self.stock = StockStore(database)
        self.campaigns = CampaignStore(database)
        self.campaigns.put_draft(
            campaign(),
            json.dumps(campaign_document()),
            expected_version=None,
            made_by="li.na",
            now=NOW,
        )

    def places(self) -> tuple[int, int, int]:
        """Unallocated, in pots, in shards (unissued and lapsed)."""
        record = self.campaigns.get("spring-2026")
        assert record is not None
        pools = list(self.stock.pools("spring-2026"))
        shards = [shard for pool in pools for shard in self.stock.shards(pool)]
        return (
            record.funds.unallocated_fen,
            sum(pool.pot_fen for pool in pools),
            sum(shard.drainable_fen for shard in shards),
        )

    def again(self, pool: Pool) -> Pool:
        """The pool as stored."""
        stored = self.stock.pool(pool.campaign_id, pool.pool_key)
        assert stored is not None
        return stored

    def pool(self, *, units: int = 7, shards: int = 3, spread: bool = True) -> Pool:
        """A pool with its money, perhaps spread over its shards."""
        planned = replace(PLAN, planned_units=units, shard_count=shards)
        assert self.stock.fund(planned)
        return self.stock.spread(self.again(planned)) if spread else self.again(planned)

    def available(self, pool: Pool) -> list[int]:
        """The units of each shard that exists."""
        return [shard.available for shard in self.stock.shards(pool)]

    def pot(self, pool: Pool, amount_fen: int) -> Pool:
        """The pool, once that much of what is unallocated has come into its pot."""
        planned = replace(PLAN, round_id="r2", planned_units=amount_fen // PLAN.unit_reserve_fen)
        assert self.stock.fund(planned)
        other = self.stock.spread(self.again(planned))
        assert self.stock.drain(other)
        assert self.stock.move_on(self.again(other), pool)
        return self.again(pool)
