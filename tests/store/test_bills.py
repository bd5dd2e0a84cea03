"""Versions of a bill in the store: numbered without a gap, retired once, marked where they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from functions.shared.domain.bills import BillState, BillVersion
from functions.shared.store.bills import BillStore
from functions.shared.store.connection import Database
from functions.shared.store.transaction import Cancelled
from tests.support.deployment import Deployment
from tests.support.vouchers import ISSUED_AT

ON = date(2026, 1, 5)
BILL = BillVersion(
    platform_id="unionpay",
    business_on=ON,
    version=1,
    state=BillState.ACCEPTED,
    object_key="bills/unionpay/2026-01-05/bill.csv",
    object_version="v1",
    sha256="1" * 64,
    rows=3,
    received_at=ISSUED_AT,
)
SECOND = replace(BILL, version=2, object_version="v2")


@pytest.fixture
def store(database: Database) -> BillStore:
    return BillStore(database)


def test_a_number_is_given_once(store: BillStore, deployment: Deployment) -> None:
    assert store.append(BILL)
    before = deployment.snapshot()
    assert not store.append(replace(BILL, object_version="other"))
    assert deployment.snapshot() == before


def test_a_version_retires_the_one_it_corrects_in_the_same_instant(store: BillStore) -> None:
    store.append(BILL)
    assert store.append(SECOND, supersedes=BILL)
    assert store.versions("unionpay", ON) == [replace(BILL, state=BillState.SUPERSEDED), SECOND]


@pytest.mark.parametrize("state", [BillState.QUARANTINED, BillState.SUPERSEDED])
def test_only_the_bill_of_the_day_is_retired(
    store: BillStore, deployment: Deployment, state: BillState
) -> None:
    store.append(replace(BILL, state=state))
    before = deployment.snapshot()
    assert not store.append(SECOND, supersedes=BILL)
    assert deployment.snapshot() == before


def test_a_bill_that_is_not_there_is_not_made_by_its_mark(
    store: BillStore, deployment: Deployment
) -> None:
    before = deployment.snapshot()
    with pytest.raises(Cancelled):
        store.mark_reconciled(BILL, now=ISSUED_AT)
    assert deployment.snapshot() == before
    store.append(BILL)
    assert store.unreconciled("unionpay", since=ON) == [BILL]
    store.mark_reconciled(BILL, now=ISSUED_AT)
    assert store.unreconciled("unionpay", since=ON) == []
