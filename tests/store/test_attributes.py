"""Amounts are exact integers and times sort as text; anything else is refused, not converted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from functions.shared.store.attributes import InstantAttribute, IntegerAttribute
from functions.shared.store.connection import Database
from functions.shared.store.tables import StockItem

NOON = datetime(2026, 1, 5, 4, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("value", [0, 1, -1, 10**13, 2**63])
def test_an_integer_is_kept_exactly(value: int) -> None:
    attribute = IntegerAttribute()
    assert attribute.deserialize(attribute.serialize(value)) == value


@pytest.mark.parametrize("value", [True, False, 1.0, 0.5, "1", Decimal(1), None, [1]])
def test_what_is_no_int_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="an integer is needed"):
        IntegerAttribute(attr_name="paid_fen").serialize(value)


@pytest.mark.parametrize("value", ["1.5", "1e2", "", "NaN"])
def test_what_was_stored_as_no_integer_is_not_read_as_one(value: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        IntegerAttribute().deserialize(value)


@pytest.mark.parametrize("value", [True, 2.0, "2"])
@pytest.mark.usefixtures("database")
def test_no_item_with_an_inexact_amount_is_written(value: object) -> None:
    item = StockItem(
        "s",
        state="OPEN",
        allocated=value,
        available=1,
        issued=0,
        lapsed_fen=0,
        unit_reserve_fen=1,
    )
    with pytest.raises(TypeError, match="allocated"):
        item.save()
    # An update's operand is serialized by the attribute too.
    with pytest.raises(TypeError, match="lapsed_fen"):
        StockItem("s").update([StockItem.lapsed_fen.add(value)])
    with pytest.raises(TypeError, match="available"):
        StockItem("s").update([StockItem.issued.add(1)], StockItem.available >= value)


def test_an_item_with_a_fraction_is_not_read(database: Database) -> None:
    database.client.put_item(
        TableName=database.prefix + "stock",
        Item={"shard_id": {"S": "s"}, "available": {"N": "1.5"}},
    )
    with pytest.raises(ValueError, match="invalid literal"):
        StockItem.get("s")


def test_instants_of_any_offset_sort_as_text() -> None:
    attribute = InstantAttribute()
    beijing = NOON.astimezone(timezone(timedelta(hours=8)))
    assert attribute.serialize(NOON) == attribute.serialize(beijing) == "2026-01-05T04:00:00.123Z"
    later = attribute.serialize(NOON + timedelta(milliseconds=1))
    assert attribute.serialize(NOON) < later < attribute.serialize(NOON + timedelta(days=1))
    assert attribute.deserialize(later) == NOON.replace(microsecond=124_000)


@pytest.mark.parametrize("value", [datetime(2026, 1, 5, 4), "2026-01-05T04:00:00Z", 1_767_585_600])  # noqa: DTZ001 - naive on purpose
def test_what_is_no_aware_instant_is_refused(value: object) -> None:
    with pytest.raises((ValueError, AttributeError)):
        InstantAttribute().serialize(value)
