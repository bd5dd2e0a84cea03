"""Items that a test of the store begins with, written past the store."""

from __future__ import annotations

from typing import Any

from functions.shared.domain.funds import PoolState
from functions.shared.store.connection import Database
from functions.shared.store.persons import person_key
from functions.shared.store.tables import StockItem
from tests.support.campaigns import CAMPAIGN_ID
from tests.support.deployment import Deployment
from tests.support.vouchers import SHARD


def put_shard(
    name: str = SHARD, *, available: int = 3, state: PoolState = PoolState.OPEN, lapsed_fen: int = 0
) -> None:
    """A shard of the reduction, of three units planned."""
    StockItem(
        name,
        state=state.value,
        allocated=3,
        available=available,
        issued=3 - available,
        lapsed_fen=lapsed_fen,
        unit_reserve_fen=2_000,
        state_version=0,
    ).save()


def count(database: Database, identity_ref: str, **counters: int) -> None:
    """Sets a person's counters; `_` in a name stands for `:`."""
    database.client.put_item(
        TableName=database.prefix + "people",
        Item={
            "person_key": {"S": person_key(CAMPAIGN_ID, identity_ref)},
            **{name.replace("_", ":"): {"N": str(used)} for name, used in counters.items()},
        },
    )


def counters_of(deployment: Deployment, identity_ref: str) -> dict[str, int]:
    """A person's counters."""
    key = {"S": person_key(CAMPAIGN_ID, identity_ref)}
    [item] = [item for item in deployment.items("people") if item["person_key"] == key]
    return {name: int(value["N"]) for name, value in item.items() if "N" in value}


def shard_of(deployment: Deployment, name: str = SHARD) -> dict[str, int]:
    """A shard's numbers."""
    [item] = [item for item in deployment.items("stock") if item["shard_id"] == {"S": name}]
    return {name: int(value["N"]) for name, value in item.items() if "N" in value}


def the_item(deployment: Deployment, suffix: str) -> dict[str, Any]:
    """The only item of a table, raw."""
    [item] = deployment.items(suffix)
    return item
