"""How stock is cut into shards, and what the names of pools and shards are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.funds import (
    MAX_SHARDS,
    CampaignRecord,
    Funds,
    Pool,
    PoolState,
    Shard,
    plan_pools,
    pool_key,
    pool_key_of,
    shard_count_for,
    shard_id,
)
from tests.support.campaigns import DISCOUNT, MEITUAN, REDUCTION, TICKET, UNIONPAY, campaign

POOL = Pool(
    campaign_id="spring-2026",
    round_id="r1",
    voucher_type_id="50-20",
    platform_id="unionpay",
    unit_reserve_fen=2_000,
    planned_units=7,
    shard_count=3,
    funded_shards=0,
    pot_fen=0,
    state=PoolState.OPEN,
)


@pytest.mark.parametrize(
    ("units", "claims_per_s", "shards"),
    [
        (0, 1_000, 1),
        (1, 1_000, 1),
        (99, 1_000, 99),
        (100, 1_000, 100),
        (100_000, 1, 1),
        (100_000, 10, 1),
        (100_000, 11, 2),
        (100_000, 10_000, 1_000),
        (100_000, 20_480, MAX_SHARDS),
        (100_000_000, 100_000, MAX_SHARDS),
    ],
)
def test_a_pool_has_a_shard_for_each_ten_claims_a_second_and_none_without_a_unit(
    units: int, claims_per_s: int, shards: int
) -> None:
    assert shard_count_for(units, claims_per_s) == shards


@pytest.mark.parametrize(
    ("units", "shards"), [(0, 1), (0, 3), (1, 3), (7, 3), (9, 3), (2, 1_024), (51_201, 1_024)]
)
def test_the_shards_hold_exactly_the_planned_units_spread_evenly(units: int, shards: int) -> None:
    pool = replace(POOL, planned_units=units, shard_count=shards)
    spread = [pool.units_of_shard(number) for number in range(shards)]
    assert sum(spread) == units
    assert max(spread) - min(spread) <= 1
    assert spread == sorted(spread, reverse=True)


def test_names_of_shards_lead_back_to_their_pool() -> None:
    assert POOL.pool_key == pool_key("r1", "50-20", "unionpay") == "r1/50-20/unionpay"
    assert POOL.shard_id(2) == shard_id("spring-2026", POOL.pool_key, 2)
    assert POOL.shard_ids() == tuple(
        f"spring-2026/r1/50-20/unionpay/{number}" for number in ("0000", "0001", "0002")
    )
    assert {pool_key_of(name) for name in POOL.shard_ids()} == {POOL.pool_key}


def test_a_pool_is_spread_once_every_shard_has_its_units() -> None:
    assert [replace(POOL, funded_shards=n).is_spread for n in (0, 2, 3)] == [False, False, True]


def test_a_shard_can_be_drained_of_what_no_voucher_holds() -> None:
    shard = Shard(
        shard_id="s",
        state=PoolState.OPEN,
        allocated=5,
        available=3,
        issued=2,
        lapsed_fen=150,
        unit_reserve_fen=2_000,
    )
    assert shard.drainable_fen == 6_150
    assert replace(shard, available=0, lapsed_fen=0).drainable_fen == 0


@pytest.mark.parametrize("state", list(CampaignState))
def test_a_campaign_exists_for_platforms_with_stock_once_it_is_approved(
    state: CampaignState,
) -> None:
    record = CampaignRecord(
        campaign=campaign(),
        document="{}",
        version=1,
        state=state,
        funds=Funds(appropriated_fen=1, unallocated_fen=1, returned_fen=0, settled_fen=0),
        made_by="li.na",
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert record.is_known_to(MEITUAN) is (state is not CampaignState.DRAFT)
    assert not record.is_known_to("jd")


def test_a_plan_has_one_empty_pool_for_each_allocation_at_the_types_greatest_cost() -> None:
    planned = plan_pools(campaign())
    assert [(pool.pool_key, pool.planned_units) for pool in planned] == [
        (pool_key(in_round, kind, platform), units)
        for in_round in ("r1", "r2")
        for kind, platform, units in (
            (REDUCTION, UNIONPAY, 3),
            (REDUCTION, MEITUAN, 3),
            (DISCOUNT, UNIONPAY, 3),
            (TICKET, UNIONPAY, 1),
        )
    ]
    assert {pool.campaign_id for pool in planned} == {"spring-2026"}
    # 60 % of at most 3,000 fen are public money.
    assert [pool.unit_reserve_fen for pool in planned[:4]] == [2_000, 2_000, 1_800, 3_000]
    assert {(p.pot_fen, p.funded_shards, p.shard_count, p.state) for p in planned} == {
        (0, 0, 1, PoolState.OPEN)
    }
