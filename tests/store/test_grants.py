"""Grants in the store: lists that are closed stay closed, and each row ends once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.grants import Grant, GrantRow, GrantState, Progress, RowState
from functions.shared.store.claims import ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.grants import ROW, GrantStore
from functions.shared.store.transaction import Cancelled
from tests.store.seeds import put_shard
from tests.support.campaigns import CAMPAIGN_ID, REDUCTION, ROUND_1, UNIONPAY
from tests.support.deployment import Deployment
from tests.support.vouchers import ISSUED_AT, PERSON, a_voucher, voucher_id

GRANT = Grant(
    campaign_id=CAMPAIGN_ID,
    grant_id="elders",
    round_id=ROUND_1,
    voucher_type_id=REDUCTION,
    platform_id=UNIONPAY,
    reason="八十岁以上老人",
    made_by="li.na",
    made_at=ISSUED_AT,
)
ROWS = [GrantRow(voucher_id(letter), (PERSON,)) for letter in "ab"]
FIRST, SECOND = ROWS


@pytest.fixture
def store(database: Database) -> GrantStore:
    put_shard()
    store = GrantStore(database)
    store.make(GRANT)
    return store


def refusal(act: object) -> HuiminError:
    with pytest.raises(HuiminError) as refused:
        act()  # type: ignore[operator]
    return refused.value


def approved(store: GrantStore) -> Grant:
    store.add_rows(GRANT, ROWS)
    return store.approve(GRANT, rows=2, approver="wang.wei", now=ISSUED_AT)


def grant(store: GrantStore, database: Database, row: GrantRow) -> bool:
    """Whether the row's claim was issued."""
    voucher = a_voucher(voucher_id=row.voucher_id)
    also = store.granting(GRANT, row, ISSUED_AT)
    return ClaimStore(database).commit([voucher], [], also=also).issued


def test_the_same_list_is_made_once_and_another_of_its_name_is_refused(store: GrantStore) -> None:
    assert store.make(GRANT) == (GRANT, True)
    other = replace(GRANT, reason="另一原因")
    assert refusal(lambda: store.make(other)).code is Code.KEY_REUSED
    assert store.get(CAMPAIGN_ID, "elders") == GRANT


def test_persons_are_listed_once_and_only_while_the_list_is_open(
    store: GrantStore, deployment: Deployment
) -> None:
    assert store.add_rows(GRANT, [FIRST]) == {}
    found = store.add_rows(GRANT, ROWS)
    assert found.keys() == {FIRST.voucher_id}
    store.add_rows(GRANT, [SECOND])
    store.approve(GRANT, rows=2, approver="wang.wei", now=ISSUED_AT)
    before = deployment.snapshot()
    third = GrantRow(voucher_id("c"), (PERSON,))
    refused = refusal(lambda: store.add_rows(GRANT, [third]))
    assert (refused.code, refused.context) == (Code.GRANT_STATE, {"state": "APPROVED"})
    assert deployment.snapshot() == before


def test_only_the_list_that_was_read_is_approved_and_by_one_person(
    store: GrantStore, deployment: Deployment
) -> None:
    store.add_rows(GRANT, ROWS)
    before = deployment.snapshot()
    changed = refusal(lambda: store.approve(GRANT, rows=1, approver="wang.wei", now=ISSUED_AT))
    assert (changed.code, changed.context) == (Code.GRANT_CHANGED, {"rows": 2})
    assert deployment.snapshot() == before
    once = store.approve(GRANT, rows=2, approver="wang.wei", now=ISSUED_AT)
    assert once.state is GrantState.APPROVED
    again = refusal(lambda: store.approve(GRANT, rows=2, approver="other", now=ISSUED_AT))
    assert again.code is Code.GRANT_STATE
    assert store.approve(GRANT, rows=2, approver="wang.wei", now=ISSUED_AT) == once


def test_a_row_that_was_granted_is_not_refused(
    store: GrantStore, database: Database, deployment: Deployment
) -> None:
    approved(store)
    assert grant(store, database, FIRST)
    before = deployment.snapshot()
    assert not store.refuse(GRANT, FIRST, Code.PERSON_LIMIT_REACHED, ISSUED_AT)
    assert deployment.snapshot() == before
    assert store.progress(approved_again(store)) == Progress(rows=2, granted=1, refused=0)


def approved_again(store: GrantStore) -> Grant:
    found = store.get(CAMPAIGN_ID, "elders")
    assert found is not None
    return found


def test_a_row_that_was_refused_is_not_granted(
    store: GrantStore, database: Database, deployment: Deployment
) -> None:
    approved(store)
    assert store.refuse(GRANT, FIRST, Code.PERSON_LIMIT_REACHED, ISSUED_AT)
    before = deployment.snapshot()
    with pytest.raises(Cancelled) as cancelled:
        grant(store, database, FIRST)
    assert cancelled.value.failed(ROW)
    assert deployment.snapshot() == before
    row = store.row(GRANT, FIRST)
    assert row is not None
    assert (row.state, row.refusal) == (RowState.REFUSED, Code.PERSON_LIMIT_REACHED)
