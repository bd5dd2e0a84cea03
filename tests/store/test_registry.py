"""Platforms and their roles change together; merchants' facts are dated and never rewritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.registry import Merchant, Platform
from functions.shared.store.callers import platform_of_role
from functions.shared.store.connection import Database
from functions.shared.store.registry import RegistryStore
from functions.shared.store.tables import CallerItem
from tests.support.campaigns import OPEN
from tests.support.deployment import Deployment
from tests.support.events import role_arn
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, scripted

NOW = datetime.fromisoformat(OPEN)
ROLE, OTHER_ROLE = role_arn("huimin-platform-unionpay"), role_arn("huimin-platform-new")
UNIONPAY = Platform("unionpay", 1, "银联", ROLE, active=True, made_by="li.na")
MEITUAN = Platform("meituan", 1, "美团", role_arn("meituan"), active=True, made_by="li.na")
FACTS = Merchant(
    merchant_id="noodles",
    effective_on=date(2026, 1, 5),
    name="示例餐厅",
    credit_code="92110186MA2197029B",
    industry="dining",
    size_class="MICRO",
    district="110107",
    active=True,
    made_by="li.na",
)


@pytest.fixture
def store(database: Database) -> RegistryStore:
    return RegistryStore(database)


def put(store: RegistryStore, platform: Platform, expected_version: int | None = None) -> Platform:
    return store.put_platform(platform, expected_version=expected_version, now=NOW)


def refusal(store: RegistryStore, platform: Platform, version: int | None = None) -> HuiminError:
    with pytest.raises(HuiminError) as refused:
        put(store, platform, version)
    return refused.value


# Platforms


def test_the_role_of_another_is_not_taken_from_it_with_ones_own_old_one(
    database: Database, store: RegistryStore, deployment: Deployment
) -> None:
    """Should a role, against all rules, have become another's, it stays that one's."""
    put(store, UNIONPAY)
    CallerItem(ROLE, platform_id="meituan", active=True).save()
    before = deployment.snapshot()
    moved = replace(UNIONPAY, version=2, role_arn=OTHER_ROLE)
    assert refusal(store, moved, 1).code is Code.ROLE_TAKEN
    assert deployment.snapshot() == before
    assert platform_of_role(database, ROLE) == "meituan"


def test_a_platform_is_known_by_its_id_and_by_its_role(
    database: Database, store: RegistryStore
) -> None:
    assert put(store, UNIONPAY) == UNIONPAY
    assert store.platform("unionpay") == UNIONPAY
    assert platform_of_role(database, ROLE) == "unionpay"
    assert store.platform("meituan") is None
    assert platform_of_role(database, OTHER_ROLE) is None


def test_an_inactive_platform_keeps_its_facts_and_loses_its_role(
    database: Database, store: RegistryStore
) -> None:
    put(store, UNIONPAY)
    put(store, replace(UNIONPAY, version=2, active=False), 1)
    assert platform_of_role(database, ROLE) is None
    stored = store.platform("unionpay")
    assert stored is not None
    assert not stored.active


def test_a_new_role_takes_the_old_ones_place_at_once_and_can_go_back(
    database: Database, store: RegistryStore
) -> None:
    put(store, UNIONPAY)
    put(store, replace(UNIONPAY, version=2, role_arn=OTHER_ROLE), 1)
    assert platform_of_role(database, OTHER_ROLE) == "unionpay"
    assert platform_of_role(database, ROLE) is None
    put(store, replace(UNIONPAY, version=3), 2)
    assert platform_of_role(database, ROLE) == "unionpay"
    assert platform_of_role(database, OTHER_ROLE) is None


def test_a_role_is_never_two_platforms(store: RegistryStore, deployment: Deployment) -> None:
    put(store, UNIONPAY)
    before = deployment.snapshot()
    taken = refusal(store, replace(MEITUAN, role_arn=ROLE))
    assert (taken.code, taken.context) == (Code.ROLE_TAKEN, {})
    assert deployment.snapshot() == before


def test_a_role_that_was_given_up_stays_its_platforms(
    store: RegistryStore, deployment: Deployment
) -> None:
    """Who signs with an old key must not find itself another platform."""
    put(store, UNIONPAY)
    put(store, replace(UNIONPAY, version=2, role_arn=OTHER_ROLE), 1)
    before = deployment.snapshot()
    assert refusal(store, replace(MEITUAN, role_arn=ROLE)).code is Code.ROLE_TAKEN
    assert deployment.snapshot() == before


@pytest.mark.parametrize(("version", "stored_version"), [(None, 1), (2, 1)])
def test_a_platform_changes_from_the_version_that_was_read(
    store: RegistryStore, deployment: Deployment, version: int | None, stored_version: int
) -> None:
    put(store, UNIONPAY)
    before = deployment.snapshot()
    changed = replace(UNIONPAY, version=(version or 0) + 1, name="云闪付")
    refused = refusal(store, changed, version)
    assert refused.code is Code.VERSION_MISMATCH
    assert refused.context == {"stored_version": stored_version}
    assert deployment.snapshot() == before


def test_a_version_of_nothing_is_told_as_nothing(
    store: RegistryStore, deployment: Deployment
) -> None:
    refused = refusal(store, replace(UNIONPAY, version=2), 1)
    assert (refused.code, refused.context) == (Code.VERSION_MISMATCH, {"stored_version": 0})
    assert deployment.items("callers") == []


def test_the_version_is_told_before_the_role(store: RegistryStore) -> None:
    put(store, UNIONPAY)
    put(store, MEITUAN)
    both = replace(MEITUAN, role_arn=ROLE, name="新名称")
    assert refusal(store, both).code is Code.VERSION_MISMATCH


def test_the_same_platform_again_is_the_stored_one(
    store: RegistryStore, deployment: Deployment, database: Database
) -> None:
    put(store, UNIONPAY)
    before = deployment.snapshot()
    with scripted(database.client, TRANSACTION) as sent:
        assert put(store, UNIONPAY) == UNIONPAY
    assert sent == []
    assert deployment.snapshot() == before


def test_a_platform_whose_reply_was_lost_is_the_stored_one(
    store: RegistryStore, database: Database
) -> None:
    with scripted(database.client, TRANSACTION, LOST_AFTER):
        assert put(store, UNIONPAY) == UNIONPAY
    changed = replace(UNIONPAY, version=2, role_arn=OTHER_ROLE)
    with scripted(database.client, TRANSACTION, LOST_AFTER):
        assert put(store, changed, 1) == changed
    assert platform_of_role(database, OTHER_ROLE) == "unionpay"


def test_a_platform_in_lasting_contention_is_busy(
    store: RegistryStore, database: Database, deployment: Deployment
) -> None:
    before = deployment.snapshot()
    steps = [cancelled("TransactionConflict", "None")] * TRIES
    with scripted(database.client, TRANSACTION, *steps):
        assert isinstance(refusal(store, UNIONPAY), Busy)
    assert deployment.snapshot() == before


# Merchants


def test_facts_count_from_their_date_until_the_next(store: RegistryStore) -> None:
    later = replace(FACTS, effective_on=date(2026, 1, 8), industry="retail", active=False)
    # Sent out of order: dates decide, not when they came.
    assert store.put_merchant(later, now=NOW)
    assert store.put_merchant(FACTS, now=NOW)
    known = {
        date(2026, 1, 4): None,
        date(2026, 1, 5): FACTS,
        date(2026, 1, 7): FACTS,
        date(2026, 1, 8): later,
        date(2030, 1, 1): later,
    }
    for on, facts in known.items():
        assert store.merchant("noodles", on=on) == facts
    assert store.merchant_history("noodles") == [FACTS, later]
    assert store.merchant_history("dumplings") == []
    assert store.merchant("dumplings", on=date(2030, 1, 1)) is None


def test_the_same_facts_again_are_stored_once(store: RegistryStore, deployment: Deployment) -> None:
    assert store.put_merchant(FACTS, now=NOW)
    before = deployment.snapshot()
    assert not store.put_merchant(FACTS, now=NOW + timedelta(days=30))
    assert deployment.snapshot() == before


@pytest.mark.parametrize(
    "changes", [{"industry": "retail"}, {"active": False}, {"made_by": "wang.wei"}]
)
def test_facts_of_a_date_are_never_rewritten(
    store: RegistryStore, deployment: Deployment, changes: dict[str, object]
) -> None:
    store.put_merchant(FACTS, now=NOW)
    before = deployment.snapshot()
    with pytest.raises(HuiminError) as refused:
        store.put_merchant(replace(FACTS, **changes), now=NOW)  # type: ignore[arg-type]  # by name
    assert refused.value.code is Code.MERCHANT_DATED
    assert refused.value.context == {"effective_on": "2026-01-05"}
    assert deployment.snapshot() == before


def test_facts_whose_reply_was_lost_are_stored_once(
    store: RegistryStore, database: Database
) -> None:
    with scripted(database.client, TRANSACTION, LOST_AFTER):
        assert not store.put_merchant(FACTS, now=NOW)
    assert store.merchant_history("noodles") == [FACTS]
