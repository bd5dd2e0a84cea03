"""Settlements in the store: one a day, of a campaign that is there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from functions.shared.store.connection import Database
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.transaction import Cancelled
from tests.support.days import statement_of
from tests.support.deployment import Deployment
from tests.support.vouchers import ISSUED_AT, a_redemption

ON = date(2026, 1, 5)


def test_no_campaign_is_made_by_its_settlement(database: Database, deployment: Deployment) -> None:
    redemption = a_redemption()
    statement = statement_of(
        redemption.campaign_id,
        redemption.platform_id,
        redemption.business_on,
        [redemption],
    )
    before = deployment.snapshot()
    with pytest.raises(Cancelled):
        SettlementStore(database).commit(statement, now=ISSUED_AT)
    assert deployment.snapshot() == before


def test_the_bookmark_moves_on_and_never_back(database: Database) -> None:
    store = SettlementStore(database)
    assert store.settled_through("spring-2026") is None
    for through, kept in ((ON, ON), (ON + timedelta(days=2),) * 2, (ON, ON + timedelta(days=2))):
        store.advance("spring-2026", through, now=ISSUED_AT)
        assert store.settled_through("spring-2026") == kept
