"""A campaign's record and its pools: who made and approved it, and where its money lies.

The fund counters here and the stock shards hold every fen that no voucher and no entry holds:
appropriated = unallocated + held back + in pools + outstanding + redeemed net + adjusted net +
lapsed + returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from functions.shared.domain.campaign import Campaign, CampaignState


@dataclass(frozen=True, slots=True)
class Funds:
    """A campaign's fund counters, in fen.

    `unallocated_fen` is in no pool; `returned_fen` went back to the source account;
    `settled_fen` is what settlements have so far taken note of (net of refunds). `adjusted_fen` is
    what adjusting entries add to what is owed; `held_back_fen` what negative ones save, kept until
    the closing so that they can be reversed.
    """

    appropriated_fen: int
    unallocated_fen: int
    returned_fen: int
    settled_fen: int
    adjusted_fen: int = 0
    held_back_fen: int = 0


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign as stored: its rules, its state, and who did what.

    Every voucher whose validity ended by `swept_until` has been written down as ended.
    """

    campaign: Campaign
    document: str
    version: int
    state: CampaignState
    funds: Funds
    made_by: str
    made_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    closed_at: datetime | None = None
    swept_until: datetime | None = None

    def is_known_to(self, platform_id: str) -> bool:
        """Whether the campaign exists for the platform: it has stock there, and is no draft."""
        return self.state is not CampaignState.DRAFT and any(
            allocation.platform_id == platform_id
            for in_round in self.campaign.rounds
            for allocation in in_round.stock
        )


class PoolState(StrEnum):
    """OPEN may be drawn from, PAUSED may not; when a round is open is the round's own matter."""

    OPEN = "OPEN"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Pool:
    """Stock of one voucher type for one platform in one round.

    `pot_fen` is money on its way: allocated but not yet spread over the shards, drained from them
    and not yet moved on, or too little for a unit. `funded_shards` counts the shards that have had
    their first units.

    Every change of `state` takes a new `state_version`; all shards have followed the change once
    `followed_version` has reached it. `drained_at` is when its shards were last left empty.

    `stock_version` counts the times units came into the shards from outside. Whoever saw all
    shards empty notes the version as `sold_out_version`; the note is void once more units came.
    `change_id` names the stock change that is half done.
    """

    campaign_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    unit_reserve_fen: int
    planned_units: int
    shard_count: int
    funded_shards: int
    pot_fen: int
    state: PoolState
    state_version: int = 0
    followed_version: int = 0
    drained_at: datetime | None = None
    stock_version: int = 0
    sold_out_version: int | None = None
    change_id: str | None = None

    @property
    def is_sold_out(self) -> bool:
        """Whether every shard was seen empty, and no unit has come into them since."""
        return self.sold_out_version == self.stock_version

    @property
    def is_spread(self) -> bool:
        """Whether every shard has had its first units, so that the pot is not part of the plan."""
        return self.funded_shards == self.shard_count

    @property
    def pool_key(self) -> str:
        """The pool's name within its campaign."""
        return f"{self.round_id}/{self.voucher_type_id}/{self.platform_id}"

    def shard_id(self, number: int) -> str:
        """The name of one of its shards; `number` counts from 0."""
        return shard_id(self.campaign_id, self.pool_key, number)

    @property
    def pool_id(self) -> str:
        """The pool's name among those of all campaigns."""
        return f"{self.campaign_id}/{self.pool_key}"

    def shard_ids(self) -> tuple[str, ...]:
        """The names of all its shards."""
        return tuple(self.shard_id(number) for number in range(self.shard_count))

    def units_of_shard(self, number: int) -> int:
        """Its planned units, spread evenly: the first shards get what does not divide."""
        units, left = divmod(self.planned_units, self.shard_count)
        return units + (number < left)


def pool_key(round_id: str, voucher_type_id: str, platform_id: str) -> str:
    """The name of a pool within its campaign."""
    return f"{round_id}/{voucher_type_id}/{platform_id}"


def shard_id(campaign_id: str, key_of_pool: str, number: int) -> str:
    """The name of a shard: `campaign/round/type/platform/number`."""
    return f"{campaign_id}/{key_of_pool}/{number:04d}"


def pool_key_of(shard: str) -> str:
    """The name of the pool that a shard of that name belongs to, within its campaign."""
    return shard.split("/", 1)[1].rsplit("/", 1)[0]


@dataclass(frozen=True, slots=True)
class Shard:
    """One counter of a pool: units that may be drawn, and money that came back.

    `fills` counts the times units were put into it: an empty shard whose count has not moved has
    been empty all the while.
    """

    shard_id: str
    state: PoolState
    allocated: int
    available: int
    issued: int
    lapsed_fen: int
    unit_reserve_fen: int
    state_version: int = 0
    fills: int = 0

    @property
    def drainable_fen(self) -> int:
        """What no voucher holds: units not issued, and money that lapsed."""
        return self.available * self.unit_reserve_fen + self.lapsed_fen


# A transaction holds its shard for milliseconds, and who comes meanwhile is refused: at this rate
# one claim in ten would be if all chose at random, and next to none while each has its own shard.
CLAIMS_PER_S_OF_SHARD = 10
# As many as Lambda runs processes at once in an account that has not asked for more: a shard each.
# Showing that all are empty reads them all, and a pause writes them all.
MAX_SHARDS = 1_000


def shard_count_for(units: int, expected_claims_per_s: int) -> int:
    """How many shards a pool gets: one for each 10 claims/s; none without a unit; 1 to 1,000."""
    wanted = -(-expected_claims_per_s // CLAIMS_PER_S_OF_SHARD)
    return max(1, min(MAX_SHARDS, units, wanted))


def plan_pools(campaign: Campaign) -> list[Pool]:
    """The pools that a campaign's document asks for, before any money is in them."""
    return [
        Pool(
            campaign_id=campaign.campaign_id,
            round_id=in_round.round_id,
            voucher_type_id=allocation.voucher_type_id,
            platform_id=allocation.platform_id,
            unit_reserve_fen=voucher_type.unit_reserve_fen,
            planned_units=allocation.units,
            shard_count=shard_count_for(allocation.units, allocation.expected_claims_per_s),
            funded_shards=0,
            pot_fen=0,
            state=PoolState.OPEN,
        )
        for in_round in campaign.rounds
        for allocation in in_round.stock
        for voucher_type in campaign.voucher_types
        if voucher_type.voucher_type_id == allocation.voucher_type_id
    ]
