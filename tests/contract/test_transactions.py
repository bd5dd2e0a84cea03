"""What the store relies on of TransactWriteItems."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from functions.shared.store.tables import StockItem
from functions.shared.store.transaction import Cancelled
from tests.contract.conftest import MakeSite
from tests.contract.site import Site, Stocked
from tests.support.campaigns import REDUCTION


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """Thirty units in three shards."""
    return make_site({REDUCTION: Stocked(30, 3)}, limits=[{"scope": "CAMPAIGN", "max_count": 20}])


def draw(site: Site, token: str, units: int = 1) -> None:
    """Takes units of the first shard by a bare call, under that token."""
    item: dict[str, Any] = {
        "TableName": StockItem.Meta.table_name,
        "Key": {"shard_id": {"S": site.pool().shard_id(0)}},
        "UpdateExpression": "SET available = available - :units",
        "ExpressionAttributeValues": {":units": {"N": str(units)}},
    }
    site.database.client.transact_write_items(
        TransactItems=[{"Update": item}], ClientRequestToken=token
    )


def test_a_token_sent_again_with_the_same_content_writes_once(site: Site) -> None:
    token = str(uuid4())
    for _ in range(3):
        draw(site, token)
    assert site.left() == 29
    draw(site, str(uuid4()))
    assert site.left() == 28


def test_a_token_sent_again_with_other_content_is_refused_and_writes_nothing(site: Site) -> None:
    token = str(uuid4())
    draw(site, token)
    with pytest.raises(ClientError) as refused:
        draw(site, token, units=2)
    code = refused.value.response.get("Error", {}).get("Code")
    assert code == "IdempotentParameterMismatchException"
    assert site.left() == 29


def test_reasons_come_in_the_order_sent_each_with_its_item_as_it_was(site: Site) -> None:
    """Checks, puts, updates; what was met is named by label, and nothing is written."""
    pool = site.pool()
    transaction = site.database.transaction("sample")
    transaction.update(
        "drained",
        StockItem(pool.shard_id(0)),
        [StockItem.available.add(-11)],
        StockItem.available >= 11,
    )
    transaction.update(
        "absent", StockItem("none"), [StockItem.available.add(1)], StockItem.shard_id.exists()
    )
    transaction.check("open", StockItem, pool.shard_id(2), condition=StockItem.state == "OPEN")
    transaction.put(
        "taken",
        StockItem(
            pool.shard_id(1), state="OPEN", allocated=1, available=1, issued=0, lapsed_fen=0,
            unit_reserve_fen=1,
        ),
        StockItem.shard_id.does_not_exist(),
    )  # fmt: skip
    with pytest.raises(Cancelled) as cancelled:
        transaction.commit()
    found = cancelled.value
    assert set(found.reasons) == {"drained", "absent", "taken"}
    assert all(found.failed(label) for label in found.reasons)
    drained, taken = (found.old(label, StockItem) for label in ("drained", "taken"))
    assert drained is not None
    assert taken is not None
    assert (drained.shard_id, drained.available) == (pool.shard_id(0), 10)
    assert taken.shard_id == pool.shard_id(1)
    assert found.old("absent", StockItem) is None
    assert site.left() == 30
