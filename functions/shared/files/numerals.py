"""How numbers and times read, by integer arithmetic: one rounding for all kinds of file.

A rate is rounded once, to four decimals, half away from zero (四舍五入, as a reader checks it by
hand). What people see is cut from that same figure, so the CSV, the XLSX and the page never show
two values for one cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.shared.domain.business_time import SHANGHAI

if TYPE_CHECKING:
    from datetime import datetime

    from functions.shared.files.columns import Rate

RATE_UNIT = 10_000
"""Rates are rounded to ten-thousandths: basis points of a share, four decimals of a multiple."""

NO_VALUE = "—"


def divided(numerator: int, denominator: int) -> int:
    """The quotient rounded half away from zero; the denominator is positive."""
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return quotient if numerator >= 0 else -quotient


def fixed(value: int, decimals: int, *, grouped: bool = False) -> str:
    """`value` of the unit 10^-decimals as a decimal number: `fixed(-5, 2)` is `-0.05`."""
    unit = 10**decimals
    whole, rest = divmod(abs(value), unit)
    sign = "-" if value < 0 else ""
    digits = f"{whole:,}" if grouped else str(whole)
    return f"{sign}{digits}.{rest:0{decimals}d}" if decimals else f"{sign}{digits}"


def rounded_rate(rate: Rate) -> int | None:
    """The rate in ten-thousandths; None where the denominator is 0."""
    numerator, denominator = rate
    return divided(numerator * RATE_UNIT, denominator) if denominator else None


def rate_text(rate: Rate) -> str:
    """The rate with four decimals, for machines; empty where the denominator is 0."""
    rounded = rounded_rate(rate)
    return "" if rounded is None else fixed(rounded, 4)


def percent_text(rate: Rate) -> str:
    """The rate as a percentage with two decimals, for people."""
    rounded = rounded_rate(rate)
    return NO_VALUE if rounded is None else f"{fixed(rounded, 2, grouped=True)}%"


def ratio_text(rate: Rate) -> str:
    """The rate as a multiple with two decimals, for people."""
    rounded = rounded_rate(rate)
    return NO_VALUE if rounded is None else fixed(divided(rounded, 100), 2, grouped=True)


def yuan_text(fen: int) -> str:
    """Fen as yuan with two decimals and thousands separators, for people."""
    return fixed(fen, 2, grouped=True)


def beijing_text(at: datetime) -> str:
    """An aware time as Beijing's clock shows it, to the second: `2026-07-01 10:00:00`."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
