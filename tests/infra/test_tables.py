"""The tables are the store's, and keep what lies in them."""

from __future__ import annotations

from typing import Any

import pytest

from functions.shared.store.schemas import KeySchema, table_schema
from functions.shared.store.tables import MODELS
from tests.infra.template import Template


def _keys(schema: list[dict[str, str]]) -> tuple[str, str | None]:
    by_kind = {key["KeyType"]: key["AttributeName"] for key in schema}
    return by_kind["HASH"], by_kind.get("RANGE")


def _expected(key: KeySchema) -> tuple[str, str | None]:
    return key.hash_key, key.range_key


def _types(key: KeySchema) -> dict[str, str]:
    types = {key.hash_key: key.hash_type}
    if key.range_key and key.range_type:
        types[key.range_key] = key.range_type
    return types


@pytest.fixture(scope="module")
def tables(template: Template) -> dict[str, dict[str, Any]]:
    return template.named("AWS::DynamoDB::Table", "TableName")


def test_every_model_has_a_table_with_its_keys_and_indexes(
    tables: dict[str, dict[str, Any]],
) -> None:
    schemas = {f"huimin-{schema.suffix}": schema for schema in map(table_schema, MODELS)}
    assert tables.keys() == schemas.keys()
    for name, schema in schemas.items():
        table = tables[name]
        types = _types(schema.key)
        assert _keys(table["KeySchema"]) == _expected(schema.key)
        made = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", [])}
        assert made.keys() == {index.name for index in schema.indexes}
        for index in schema.indexes:
            types |= _types(index.key)
            assert _keys(made[index.name]["KeySchema"]) == _expected(index.key)
            projection = made[index.name]["Projection"]
            assert projection["ProjectionType"] == index.projection
            assert sorted(projection.get("NonKeyAttributes", [])) == sorted(index.included)
        declared = {
            each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]
        }
        assert declared == types


def test_the_tables_whose_changes_are_told_have_streams(
    tables: dict[str, dict[str, Any]],
) -> None:
    streams = {name: table.get("StreamSpecification") for name, table in tables.items()}
    both = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert {name: stream for name, stream in streams.items() if stream} == {
        "huimin-vouchers": both,
        "huimin-ledger": both,
        "huimin-settlements": both,
    }


def test_every_table_outlives_mistakes(template: Template) -> None:
    for resource in template.of_type("AWS::DynamoDB::Table").values():
        table = resource["Properties"]
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["DeletionProtectionEnabled"] is True
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
        assert "TimeToLiveSpecification" not in table


def test_every_table_is_encrypted_with_one_rotated_key_that_is_kept(template: Template) -> None:
    tables = template.properties("AWS::DynamoDB::Table")
    keys = {template.text(table["SSESpecification"]["KMSMasterKeyId"]) for table in tables}
    assert len(keys) == 1
    key = template.of_type("AWS::KMS::Key")[keys.pop().strip("<>").removesuffix(".Arn")]
    assert {table["SSESpecification"]["SSEType"] for table in tables} == {"KMS"}
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == "Retain"
