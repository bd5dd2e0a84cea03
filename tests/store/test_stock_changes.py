"""Changes of stock in the store: each of their conditions, alone, keeps units and money."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import Pool
from functions.shared.domain.stock_changes import ChangeState, StockChange
from functions.shared.store.connection import Database
from functions.shared.store.stock_changes import StockChangeStore, _item
from functions.shared.store.tables import CampaignItem, PoolItem, StockChangeItem
from tests.store.bank import PLAN, Bank
from tests.support.campaigns import CAMPAIGN_ID, OPEN
from tests.support.deployment import Deployment

NOW = datetime.fromisoformat(OPEN)
LATER = NOW + timedelta(days=1)
FEWER = StockChange(
    campaign_id=CAMPAIGN_ID,
    change_id="c1",
    pool_key=PLAN.pool_key,
    units_before=7,
    units_after=4,
    reason="fewer guests",
    made_by="li.na",
    made_at=NOW,
    state=ChangeState.APPROVED,
)
MORE = replace(FEWER, units_after=9, state=ChangeState.PROPOSED)


@pytest.fixture
def bank(database: Database, deployment: Deployment) -> Bank:
    bank = Bank(database, deployment)
    running = CampaignItem.state.set(CampaignState.RUNNING.value)
    CampaignItem(CAMPAIGN_ID).update([running])
    return bank


@pytest.fixture
def pool(bank: Bank) -> Pool:
    """Seven units in three shards, of which three are being taken out."""
    pool = bank.pool(units=7, shards=3)
    PoolItem(pool.campaign_id, pool.pool_key).update([PoolItem.change_id.set("c1")])
    _item(FEWER).save()
    return bank.again(pool)


@pytest.fixture
def store(database: Database) -> StockChangeStore:
    return StockChangeStore(database)


def take(store: StockChangeStore, pool: Pool, change: StockChange = FEWER) -> bool:
    return store._take(change, pool, {pool.shard_id(0): 2}, NOW)


def test_a_batch_is_taken_and_its_money_is_unallocated(
    bank: Bank, store: StockChangeStore, pool: Pool
) -> None:
    before = bank.places()
    assert take(store, pool)
    assert bank.available(pool) == [1, 2, 2]
    assert bank.places()[0] == before[0] + 2 * 2_000
    assert store.get(CAMPAIGN_ID, "c1") == replace(FEWER, moved_units=2)


@pytest.mark.parametrize(
    "stored",
    [replace(FEWER, moved_units=1), replace(FEWER, state=ChangeState.DONE)],
    ids=["further", "done"],
)
def test_a_change_that_is_not_as_it_was_read_takes_nothing(
    bank: Bank, store: StockChangeStore, pool: Pool, stored: StockChange
) -> None:
    _item(stored).save()
    before = bank.deployment.snapshot()
    assert not take(store, pool)
    store._end(FEWER, NOW)
    assert bank.deployment.snapshot() == before


def test_a_pool_that_another_change_has_in_hand_gives_nothing(
    bank: Bank, store: StockChangeStore, pool: Pool
) -> None:
    PoolItem(pool.campaign_id, pool.pool_key).update([PoolItem.change_id.set("c2")])
    before = bank.deployment.snapshot()
    assert not take(store, pool)
    store._end(FEWER, NOW)
    assert bank.deployment.snapshot() == before


def test_a_shard_gives_no_more_than_it_has(bank: Bank, store: StockChangeStore, pool: Pool) -> None:
    before = bank.deployment.snapshot()
    assert not store._take(FEWER, pool, {pool.shard_id(1): 3}, NOW)
    assert bank.deployment.snapshot() == before


def test_no_campaign_is_made_by_the_money_that_comes_back(
    bank: Bank, store: StockChangeStore, pool: Pool
) -> None:
    CampaignItem(CAMPAIGN_ID).delete()
    before = bank.deployment.snapshot()
    assert not take(store, pool)
    assert bank.deployment.snapshot() == before


def test_a_change_that_is_done_is_not_approved_once_more(
    bank: Bank, store: StockChangeStore, pool: Pool
) -> None:
    done = replace(MORE, state=ChangeState.DONE, moved_units=2)
    _item(done).save()
    PoolItem(pool.campaign_id, pool.pool_key).update([PoolItem.change_id.remove()])
    before = bank.deployment.snapshot()
    assert store.approve(MORE, pool, approver="wang.wei", now=NOW) == done
    assert bank.deployment.snapshot() == before


def approve(store: StockChangeStore, pool: Pool, change: StockChange) -> HuiminError:
    with pytest.raises(HuiminError) as refused:
        store.approve(change, pool, approver="wang.wei", now=NOW)
    return refused.value


@pytest.mark.parametrize("change", [MORE, replace(MORE, units_after=5)], ids=["more", "fewer"])
def test_a_pool_is_changed_only_as_it_was_read_and_in_a_campaign_that_runs(
    bank: Bank, store: StockChangeStore, pool: Pool, change: StockChange
) -> None:
    _item(change).save()
    item = PoolItem(pool.campaign_id, pool.pool_key)
    busy = bank.deployment.snapshot()
    assert isinstance(approve(store, pool, change), Busy)
    assert bank.deployment.snapshot() == busy
    item.update([PoolItem.change_id.remove(), PoolItem.planned_units.set(8)])
    assert approve(store, pool, change).code is Code.STOCK_CHANGED
    item.update([PoolItem.planned_units.set(7), PoolItem.funded_shards.set(2)])
    assert isinstance(approve(store, pool, change), Busy)
    item.update([PoolItem.funded_shards.set(3)])
    closed = CampaignItem.state.set(CampaignState.CLOSED.value)
    CampaignItem(CAMPAIGN_ID).update([closed])
    before = bank.deployment.snapshot()
    assert approve(store, pool, change).code is Code.CAMPAIGN_STATE
    assert bank.deployment.snapshot() == before


def test_more_than_is_unallocated_is_not_given(
    bank: Bank, store: StockChangeStore, pool: Pool
) -> None:
    _item(MORE).save()
    PoolItem(pool.campaign_id, pool.pool_key).update([PoolItem.change_id.remove()])
    CampaignItem(CAMPAIGN_ID).update([CampaignItem.unallocated_fen.set(3_999)])
    before = bank.deployment.snapshot()
    refused = approve(store, pool, MORE)
    assert refused.code is Code.FUNDS_INSUFFICIENT
    assert refused.context == {"needed_fen": 4_000, "unallocated_fen": 3_999}
    assert bank.deployment.snapshot() == before
    CampaignItem(CAMPAIGN_ID).update([CampaignItem.unallocated_fen.set(4_000)])
    assert store.approve(MORE, pool, approver="wang.wei", now=NOW).moved_units == 2


def test_a_proposal_is_stored_once(store: StockChangeStore, deployment: Deployment) -> None:
    assert store.propose(MORE) == (MORE, False)
    before = deployment.snapshot()
    assert store.propose(MORE) == (MORE, True)
    with pytest.raises(HuiminError) as refused:
        store.propose(replace(MORE, units_after=10))
    assert refused.value.code is Code.KEY_REUSED
    assert deployment.snapshot() == before
    assert StockChangeItem.count() == 1
