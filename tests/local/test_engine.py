"""The engine is a deployment's AWS: its tables, its bucket, its secret, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import boto3
import moto.dynamodb.models
import pytest
from moto.core.models import botocore_stubber

from functions.shared.store.schemas import KeySchema, table_schema
from functions.shared.store.tables import MODELS
from infra.local.engine import (
    ACCOUNT_ID,
    FILES_BUCKET,
    REGION,
    SECRET_ID,
    TABLE_PREFIX,
    LocalEngine,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynamodb.models import Model


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    with LocalEngine() as engine:
        yield engine


def key_schema(key: KeySchema) -> list[dict[str, str]]:
    found = [{"AttributeName": key.hash_key, "KeyType": "HASH"}]
    if key.range_key:
        found.append({"AttributeName": key.range_key, "KeyType": "RANGE"})
    return found


def assert_as_declared(model: type[Model]) -> None:
    schema = table_schema(model)
    described = boto3.client("dynamodb").describe_table(TableName=TABLE_PREFIX + schema.suffix)
    table = described["Table"]
    assert table["TableArn"] == (
        f"arn:aws-cn:dynamodb:{REGION}:{ACCOUNT_ID}:table/{TABLE_PREFIX}{schema.suffix}"
    )
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == key_schema(schema.key)
    assert {
        index["IndexName"]: (
            index["KeySchema"],
            index["Projection"]["ProjectionType"],
            tuple(index["Projection"].get("NonKeyAttributes", ())),
        )
        for index in table.get("GlobalSecondaryIndexes", [])
    } == {
        index.name: (key_schema(index.key), index.projection, index.included)
        for index in schema.indexes
    }
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    for key in (schema.key, *(index.key for index in schema.indexes)):
        assert types[key.hash_key] == key.hash_type
        assert key.range_key is None or types[key.range_key] == key.range_type


@pytest.mark.usefixtures("engine")
def test_every_table_is_what_the_store_declares() -> None:
    for model in MODELS:
        assert_as_declared(model)
    assert len(boto3.client("dynamodb").list_tables()["TableNames"]) == len(MODELS)


@pytest.mark.usefixtures("engine")
def test_the_bucket_keeps_versions_and_the_secret_is_there() -> None:
    versioning = boto3.client("s3").get_bucket_versioning(Bucket=FILES_BUCKET)
    assert versioning["Status"] == "Enabled"
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=SECRET_ID)
    assert json.loads(secret["SecretString"]).keys() >= {"master", "version"}


def test_objects_come_back_by_key(engine: LocalEngine) -> None:
    first = engine.put_object("bills/a.csv", b"1")
    second = engine.put_object("bills/a.csv", b"2")
    engine.put_object("bills/b.csv", b"3")
    assert first != second
    assert dict(engine.objects()) == {"bills/a.csv": b"2", "bills/b.csv": b"3"}


def test_it_leaves_the_process_as_it_found_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a developer's own")
    before = dict(os.environ)
    table = vars(moto.dynamodb.models)["Table"]
    with LocalEngine() as engine:
        engine.put_object("left/behind", b"")
        assert os.environ["AWS_REGION"] == REGION
    assert dict(os.environ) == before
    assert vars(moto.dynamodb.models)["Table"] is table
    with LocalEngine() as engine:
        assert list(engine.objects()) == []


def test_a_developers_profile_and_endpoint_are_not_mixed_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the demonstration would write into whatever they point at."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    with LocalEngine() as engine:
        engine.put_object("here", b"")
        client: Any = boto3.client("dynamodb")
        assert len(client.list_tables()["TableNames"]) == len(MODELS)


def test_what_fails_on_the_way_up_is_taken_down(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    is_enabled = botocore_stubber.enabled

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no bucket today")

    monkeypatch.setattr(LocalEngine, "_make_everything", fail)
    with pytest.raises(RuntimeError, match="no bucket"), LocalEngine():
        pass
    assert dict(os.environ) == before
    assert botocore_stubber.enabled is is_enabled


def test_the_lock_may_be_taken_again_by_its_holder(engine: LocalEngine) -> None:
    """A handler that runs under it may still use the engine."""
    with engine.lock:
        engine.put_object("under/lock", b"")
        others: list[bool] = []
        thread = threading.Thread(target=lambda: others.append(engine.lock.acquire(blocking=False)))
        thread.start()
        thread.join()
    assert others == [False]


def test_importing_it_starts_nothing() -> None:
    code = (
        "import os; before = dict(os.environ)\n"
        "import infra.local.engine, infra.local.gateway\n"
        "from moto.core.models import botocore_stubber\n"
        "from moto.dynamodb import models\n"
        "assert not botocore_stubber.enabled\n"
        "assert models.Table.__module__.startswith('moto.')\n"
        "assert dict(os.environ) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - this interpreter, the text above
