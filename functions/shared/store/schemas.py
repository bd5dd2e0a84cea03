"""What each table must look like wherever it is made, read from the models.

For what makes tables: the stack, the local engine, tests. No function needs it at its cold start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.models import Model

from functions.shared.store.tables import table_suffix


@dataclass(frozen=True, slots=True)
class KeySchema:
    """A hash key and perhaps a range key: attribute names and their DynamoDB types."""

    hash_key: str
    hash_type: str
    range_key: str | None = None
    range_type: str | None = None


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """A global secondary index: its name, keys and projection."""

    name: str
    key: KeySchema
    projection: str
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSchema:
    """What a table must look like wherever it is made."""

    suffix: str
    key: KeySchema
    indexes: tuple[IndexSchema, ...] = ()


def table_schema(model: type[Model]) -> TableSchema:
    """The table's keys and indexes as its model declares them."""
    schema: Any = model._get_schema()  # noqa: SLF001 - PynamoDB has no public way to ask
    types = {
        definition["AttributeName"]: definition["AttributeType"]
        for definition in schema["attribute_definitions"]
    }
    return TableSchema(
        suffix=table_suffix(model),
        key=_key_schema(schema["key_schema"], types),
        indexes=tuple(
            IndexSchema(
                name=index["index_name"],
                key=_key_schema(index["key_schema"], types),
                projection=index["projection"]["ProjectionType"],
                included=tuple(index["projection"].get("NonKeyAttributes", ())),
            )
            for index in schema["global_secondary_indexes"]
        ),
    )


def _key_schema(keys: list[dict[str, str]], types: dict[str, str]) -> KeySchema:
    by_kind = {key["KeyType"]: key["AttributeName"] for key in keys}
    range_key = by_kind.get("RANGE")
    return KeySchema(
        hash_key=by_kind["HASH"],
        hash_type=types[by_kind["HASH"]],
        range_key=range_key,
        range_type=types[range_key] if range_key else None,
    )
