"""Values as JSON has them."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum

from functions.shared.domain.business_time import to_rfc3339


def plain_value(value: object) -> object:
    """The value as JSON has it; what has no such form becomes its text, never a failure."""
    match value:
        case Enum():
            return plain_value(value.value)
        case None | bool() | int() | str():
            return value
        case datetime():
            return to_rfc3339(value) if value.tzinfo else value.isoformat()
        case date():
            return value.isoformat()
        case list() | tuple() | set() | frozenset():
            return [plain_value(item) for item in value]
        case _:
            return str(value)
