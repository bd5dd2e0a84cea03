"""Where the daily register of breaks lies: one function writes it, another reads it."""

from __future__ import annotations

from datetime import date
from typing import Final

REGISTER_CSV: Final = "open-breaks.csv"
"""All breaks that somebody must still end, by platform, oldest first."""

REGISTER_XLSX: Final = "open-breaks.xlsx"
"""The first of them, for people."""


def register_prefix(on: date) -> str:
    """The folder of a date's register, with its final slash."""
    return f"reports/breaks/{on.isoformat()}/"
