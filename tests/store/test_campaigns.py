"""Campaigns at the store: every change is a compare-and-set, and a repeat is no change."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, Funds
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from tests.support.campaigns import OPEN, campaign_document
from tests.support.campaigns import campaign as small_campaign
from tests.support.deployment import Deployment
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, scripted

NOW = datetime.fromisoformat(OPEN)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def store(database: Database) -> CampaignStore:
    return CampaignStore(database)


def put(
    store: CampaignStore, *, version: int | None = None, made_by: str = "li.na", **changes: object
) -> CampaignRecord:
    document = campaign_document(**changes)
    return store.put_draft(
        small_campaign(**changes),
        json.dumps(document, ensure_ascii=False),
        expected_version=version,
        made_by=made_by,
        now=NOW,
    )


def stored(store: CampaignStore) -> CampaignRecord:
    record = store.get("spring-2026")
    assert record is not None
    return record


def refusal(store: CampaignStore, **arguments: Any) -> HuiminError:  # noqa: ANN401 - as `put`
    with pytest.raises(HuiminError) as refused:
        put(store, **arguments)
    return refused.value


def test_a_draft_is_stored_with_its_document_and_all_its_money_unallocated(
    store: CampaignStore,
) -> None:
    record = put(store)
    assert stored(store) == record
    assert record.campaign == small_campaign()
    assert (record.version, record.state, record.made_by) == (1, CampaignState.DRAFT, "li.na")
    assert record.funds == Funds(
        appropriated_fen=1_000_000, unallocated_fen=1_000_000, returned_fen=0, settled_fen=0
    )
    assert json.loads(record.document) == campaign_document()
    assert (record.approved_by, record.approved_at, record.closed_at) == (None, None, None)


def test_what_is_not_there_is_none(store: CampaignStore) -> None:
    assert store.get("spring-2026") is None
    assert list(store.all()) == []


def test_all_campaigns_are_read(store: CampaignStore) -> None:
    for campaign_id in ("b", "a", "c"):
        put(store, campaign_id=campaign_id)
    assert {record.campaign.campaign_id for record in store.all()} == {"a", "b", "c"}


def test_a_draft_is_replaced_from_the_version_that_was_read(store: CampaignStore) -> None:
    put(store)
    record = put(store, version=1, made_by="wang.wei", appropriated_fen=2_000_000)
    assert (record.version, record.made_by) == (2, "wang.wei")
    assert stored(store).funds.unallocated_fen == 2_000_000


@pytest.mark.parametrize(
    ("arguments", "stored_version"),
    [({}, 2), ({"version": 1, "hold_s": 60}, 2), ({"version": 3}, 2)],
)
def test_another_version_is_not_overwritten(
    store: CampaignStore, deployment: Deployment, arguments: dict[str, Any], stored_version: int
) -> None:
    put(store)
    put(store, version=1, hold_s=600)
    before = deployment.snapshot()
    refused = refusal(store, **arguments)
    assert refused.code is Code.VERSION_MISMATCH
    assert refused.context == {"stored_version": stored_version}
    assert deployment.snapshot() == before


def test_a_version_of_nothing_is_told_as_nothing(
    store: CampaignStore, deployment: Deployment
) -> None:
    refused = refusal(store, version=1)
    assert (refused.code, refused.context) == (Code.VERSION_MISMATCH, {"stored_version": 0})
    assert deployment.items("campaigns") == []


@pytest.mark.parametrize("version", [None, 1])
def test_the_same_draft_again_is_the_stored_one(
    store: CampaignStore, deployment: Deployment, version: int | None
) -> None:
    record = put(store)
    if version:
        record = put(store, version=version)
    before = deployment.snapshot()
    assert put(store, version=version) == record
    assert deployment.snapshot() == before


def test_the_same_draft_by_another_person_is_another_change(
    store: CampaignStore, deployment: Deployment
) -> None:
    put(store)
    before = deployment.snapshot()
    assert refusal(store, made_by="wang.wei").code is Code.VERSION_MISMATCH
    assert deployment.snapshot() == before


@pytest.mark.parametrize("state", [state for state in CampaignState if state != "DRAFT"])
def test_only_a_draft_is_replaced(
    store: CampaignStore, deployment: Deployment, state: CampaignState
) -> None:
    version = store.change_state(put(store), state, now=NOW).version
    before = deployment.snapshot()
    for arguments in ({}, {"version": version, "hold_s": 60}, {"version": 1}):
        refused = refusal(store, **arguments)
        assert (refused.code, refused.context) == (Code.CAMPAIGN_STATE, {"state": state.value})
    assert deployment.snapshot() == before


def test_a_draft_whose_reply_was_lost_is_the_stored_one(
    store: CampaignStore, database: Database
) -> None:
    with scripted(database.client, TRANSACTION, LOST_AFTER):
        record = put(store)
    assert stored(store) == record


# States


def test_a_state_changes_with_its_version_and_the_approver_is_kept(store: CampaignStore) -> None:
    record = put(store)
    approved = store.change_state(record, CampaignState.FUNDING, approved_by="wang.wei", now=LATER)
    assert stored(store) == approved
    assert approved == replace(
        record,
        version=2,
        state=CampaignState.FUNDING,
        approved_by="wang.wei",
        approved_at=LATER,
    )
    running = store.change_state(approved, CampaignState.RUNNING, now=LATER)
    assert (running.version, running.approved_by) == (3, "wang.wei")


def test_a_change_from_what_is_no_longer_there_is_refused(
    store: CampaignStore, deployment: Deployment
) -> None:
    draft = put(store)
    put(store, version=1, hold_s=600)
    before = deployment.snapshot()
    with pytest.raises(HuiminError) as refused:
        store.change_state(draft, CampaignState.FUNDING, approved_by="wang.wei", now=NOW)
    assert refused.value.code is Code.VERSION_MISMATCH
    assert refused.value.context == {"stored_version": 2}
    assert deployment.snapshot() == before


def test_a_change_from_another_state_says_which_it_is(
    store: CampaignStore, deployment: Deployment
) -> None:
    running = store.change_state(put(store), CampaignState.RUNNING, now=NOW)
    store.change_state(running, CampaignState.PAUSED, now=NOW)
    before = deployment.snapshot()
    with pytest.raises(HuiminError) as refused:
        store.change_state(running, CampaignState.CLOSED, now=NOW)
    assert refused.value.code is Code.CAMPAIGN_STATE
    assert refused.value.context == {"state": "PAUSED"}
    assert deployment.snapshot() == before


def test_no_campaign_is_made_by_a_change_of_state(
    store: CampaignStore, deployment: Deployment
) -> None:
    record = put(store)
    gone = replace(record, campaign=small_campaign(campaign_id="gone"))
    before = deployment.snapshot()
    with pytest.raises(HuiminError) as refused:
        store.change_state(gone, CampaignState.RUNNING, now=NOW)
    assert refused.value.context == {"stored_version": 0}
    assert deployment.snapshot() == before


def test_a_change_that_somebody_else_made_already_is_made(store: CampaignStore) -> None:
    """Two approvals of one person, or a lost reply: the campaign is where it should be."""
    draft = put(store)
    first = store.change_state(draft, CampaignState.FUNDING, approved_by="wang.wei", now=NOW)
    again = store.change_state(draft, CampaignState.FUNDING, approved_by="wang.wei", now=LATER)
    assert again == first


def test_a_change_whose_reply_was_lost_is_made_once(
    store: CampaignStore, database: Database
) -> None:
    draft = put(store)
    with scripted(database.client, TRANSACTION, LOST_AFTER):
        changed = store.change_state(draft, CampaignState.FUNDING, now=NOW)
    assert changed.version == 2


def test_a_change_in_lasting_contention_is_busy(
    store: CampaignStore, database: Database, deployment: Deployment
) -> None:
    draft = put(store)
    before = deployment.snapshot()
    steps = [cancelled("TransactionConflict")] * TRIES
    with scripted(database.client, TRANSACTION, *steps), pytest.raises(Busy):
        store.change_state(draft, CampaignState.FUNDING, now=NOW)
    assert deployment.snapshot() == before


# How far the sweep has come


def test_the_sweep_only_gets_further(store: CampaignStore) -> None:
    put(store)
    for until, swept in ((NOW, NOW), (LATER, LATER), (NOW, LATER), (LATER, LATER)):
        store.mark_swept("spring-2026", until)
        assert stored(store).swept_until == swept
    assert stored(store).version == 1


def test_a_campaign_that_is_not_there_is_not_made_by_a_sweep(
    store: CampaignStore, deployment: Deployment
) -> None:
    store.mark_swept("gone", NOW)
    assert deployment.items("campaigns") == []
