"""One connection under all models, made at first use; reads that fail for a while say Busy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pynamodb.exceptions import GetError, PynamoDBConnectionError

from functions.shared.domain.errors import Busy
from functions.shared.store.connection import Database
from functions.shared.store.ledger import _redemption_item
from functions.shared.store.schemas import table_schema
from functions.shared.store.tables import (
    MODELS,
    CampaignItem,
    LedgerItem,
    StockItem,
    table_suffix,
)
from tests.support.deployment import PREFIX
from tests.support.replies import LOST_BEFORE, Step, failed, scripted
from tests.support.vouchers import a_redemption

READS: list[tuple[str, Callable[[Database], object]]] = [
    ("GetItem", lambda database: database.get(StockItem, "s")),
    ("BatchGetItem", lambda database: list(database.get_many(StockItem, ["s", "t"]))),
    ("Query", lambda database: list(database.query(LedgerItem, "r"))),
    ("Query", lambda database: list(database.query(LedgerItem.by_day, "d"))),
    ("BatchGetItem", lambda database: database.get_many_raw(StockItem, ["s"], ["state"])),
    ("Query", lambda database: list(database.query_raw(LedgerItem.by_day, "d"))),
    ("Scan", lambda database: list(database.scan(CampaignItem))),
]
NAMES = [
    "get",
    "get_many",
    "query",
    "query of an index",
    "get_many_raw",
    "pages of an index",
    "scan",
]


def put_shard(name: str) -> None:
    StockItem(
        name,
        state="OPEN",
        allocated=1,
        available=1,
        issued=0,
        lapsed_fen=0,
        unit_reserve_fen=1,
    ).save()


def test_every_model_uses_the_one_client_and_the_deployments_tables(database: Database) -> None:
    for model in MODELS:
        connection: Any = model._get_connection()
        assert connection.connection.client is database.client
        assert model.Meta.table_name == PREFIX + table_suffix(model)


def test_a_later_database_takes_the_models_over(models_given_back: Database) -> None:
    assert StockItem.Meta.table_name == f"{PREFIX}stock"
    assert Database("other-").prefix == "other-"
    assert StockItem.Meta.table_name == "other-stock"
    assert table_schema(StockItem).suffix == "stock"
    assert models_given_back.prefix == PREFIX


def test_an_absent_item_is_none_and_absent_ones_of_many_are_left_out(database: Database) -> None:
    put_shard("s")
    assert database.get(StockItem, "t") is None
    found = database.get(StockItem, "s")
    assert found is not None
    assert found.shard_id == "s"
    assert [item.shard_id for item in database.get_many(StockItem, ["t", "s"])] == ["s"]


def test_many_items_are_read_however_many_they_are(database: Database) -> None:
    names = [f"s-{number:03d}" for number in range(101)]
    for name in names:
        put_shard(name)
    assert sorted(item.shard_id for item in database.get_many(StockItem, names)) == names


def test_what_a_batch_left_unprocessed_is_asked_for_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB answers a part of a batch where the rest is throttled."""
    names = [f"s-{number}" for number in range(7)]
    for name in names:
        put_shard(name)
    ask: Any = database._connection.batch_get_item
    asked: list[int] = []

    def half(table: str, keys: list[dict[str, str]], **which: Any) -> dict[str, Any]:  # noqa: ANN401 - PynamoDB's
        asked.append(len(keys))
        done = keys[: (len(keys) + 1) // 2]
        left = [{"shard_id": {"S": key["shard_id"]}} for key in keys[len(done) :]]
        page: dict[str, Any] = ask(table, done, **which)
        return {**page, "UnprocessedKeys": {table: {"Keys": left}} if left else {}}

    monkeypatch.setattr(database._connection, "batch_get_item", half)
    found = database.get_many_raw(StockItem, names, ["shard_id"])
    assert sorted(item["shard_id"]["S"] for item in found) == names
    assert asked == [7, 3, 1]


def test_an_index_is_read_page_by_page_to_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [
        a_redemption(order_no=f"o-{number}", redemption_id=f"r_{number}") for number in range(5)
    ]
    items = [_redemption_item(entry) for entry in entries]
    for item in items:
        item.day_bucket = "one"
        item.save()
    ask = database._connection.query
    monkeypatch.setattr(database._connection, "query", partial(ask, limit=2))
    pages = list(database.query_raw(LedgerItem.by_day, "one"))
    assert [len(page) for page in pages] == [2, 2, 1]
    found = [item["redemption_id"]["S"] for page in pages for item in page]
    assert found == [f"r_{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("operation", "read", "consistent"),
    [(*read, "index" not in name) for name, read in zip(NAMES, READS, strict=True)],
    ids=NAMES,
)
def test_a_table_is_read_strongly_consistent(
    database: Database, operation: str, read: Callable[[Database], object], *, consistent: bool
) -> None:
    with scripted(database.client, operation) as sent:
        read(database)
    for body in sent:
        asked = [body, *body.get("RequestItems", {}).values()]
        assert any(part.get("ConsistentRead") for part in asked) is consistent
    assert sent


@pytest.mark.parametrize("step", [failed("ThrottlingException"), LOST_BEFORE], ids=["429", "lost"])
@pytest.mark.parametrize(("operation", "read"), READS, ids=NAMES)
def test_a_read_that_fails_for_a_while_is_busy(
    database: Database, operation: str, read: Callable[[Database], object], step: Step
) -> None:
    with scripted(database.client, operation, step), pytest.raises(Busy):
        read(database)


@pytest.mark.parametrize(("operation", "read"), READS, ids=NAMES)
def test_a_read_that_is_our_fault_is_not_called_busy(
    database: Database, operation: str, read: Callable[[Database], object]
) -> None:
    step = failed("ResourceNotFoundException")
    with scripted(database.client, operation, step), pytest.raises(PynamoDBConnectionError):
        read(database)


def test_a_refused_permission_keeps_its_own_error(database: Database) -> None:
    step = failed("AccessDeniedException")
    with scripted(database.client, "GetItem", step), pytest.raises(GetError):
        database.get(StockItem, "s")


def test_a_call_gives_up_long_before_the_gateway_does(database: Database) -> None:
    config = database.client.meta.config
    attempts = config.retries["total_max_attempts"]
    assert attempts * (config.connect_timeout + config.read_timeout) <= 10
    assert config.max_pool_connections == 32


def test_importing_the_store_makes_no_client_and_reads_no_environment() -> None:
    """In a process of its own, as this one has imported everything long ago."""
    program = (
        "import botocore.session as s, os\n"
        "def no(*a, **k): raise AssertionError('a client was made')\n"
        "s.Session.create_client = no\n"
        "import functions.shared.store.stock, functions.shared.store.ledger\n"
        "import functions.shared.store.objects, functions.shared.store.secrets\n"
        "from functions.shared.store.connection import Database\n"
        "Database('huimin-')\n"
    )
    path = os.pathsep.join(filter(None, sys.path))
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", program], env=bare, check=True)  # noqa: S603 - our own text
