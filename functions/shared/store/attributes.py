"""Attribute types that keep what money needs: exact integers and times that sort as text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER, STRING

from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339


class IntegerAttribute(Attribute[int]):
    """An exact integer.

    PynamoDB's NumberAttribute takes floats and True; an amount must refuse both.
    """

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:  # noqa: ANN401 - the base class fixes the signature
        """The number as DynamoDB takes it; TypeError for anything but an int."""
        if type(value) is not int:
            raise TypeError(f"{self.attr_name}: an integer is needed, not {type(value).__name__}")
        return str(value)

    def deserialize(self, value: str) -> int:
        """The integer; ValueError where something else was stored."""
        return int(value)


class InstantAttribute(Attribute[datetime]):
    """An aware UTC time, stored as RFC 3339 text of fixed width so that it sorts."""

    attr_type = STRING

    def serialize(self, value: Any) -> str:  # noqa: ANN401 - the base class fixes the signature
        """The text; ValueError for a naive time."""
        return to_rfc3339(value)

    def deserialize(self, value: str) -> datetime:
        """The aware UTC time."""
        return parse_rfc3339(value)
