"""Rows that the bill of a neighbouring date has: two breaks that explain each other, and end so.

    date      ledger          bill            breaks
    the 5th   order 7         -               LEDGER_ONLY ─┐ MATCHED_LATE, each names the other
    the 6th   -               order 7         BILL_ONLY   ─┘

The platform's day ended at another minute, or the row was forgotten and came a day later. Both
sides must say the same in all but the time. Where a corrected bill takes one side away, or changes
it, the other is open again. What two persons have decided stays.

What is planned follows from the breaks as they are alone, so that it does not matter which date is
settled or filed again first, or how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from functions.shared.domain.breaks import (
    UNRESOLVED,
    Break,
    BreakState,
    MatchState,
    break_id_of,
)

NEIGHBOURS: Final = (timedelta(days=-1), timedelta(days=1))
_FREE: Final = UNRESOLVED | {BreakState.MATCHED_LATE}

Mate = tuple[date, str]
"""Where a break lies: its business date and id."""


def around(on: date) -> tuple[date, date, date]:
    """The dates whose breaks can change when a date's have changed."""
    return on - timedelta(days=1), on, on + timedelta(days=1)


def wanted_of(billed: Break) -> Iterator[Mate]:
    """Where the ledger's side of a BILL_ONLY break would lie, the earlier date first."""
    if billed.row.match_state is MatchState.BILL_ONLY:
        for step in NEIGHBOURS:
            on = billed.business_on + step
            yield on, break_id_of(billed.platform_id, on, billed.row.side)


def explains(billed: Break, booked: Break) -> bool:
    """Whether a break of the bill and one of the ledger tell of the same event."""
    ledger, bill = booked.row.ledger, billed.row.bill
    return (
        billed.row.match_state is MatchState.BILL_ONLY
        and booked.row.match_state is MatchState.LEDGER_ONLY
        and ledger is not None
        and bill is not None
        and replace(bill, occurred_at=ledger.occurred_at) == ledger
    )


def plan_late_matches(
    known: Mapping[Mate, Break], dates: Iterable[date], now: datetime
) -> list[list[Break]]:
    """What must be written so that just those breaks that explain each other are ended by it.

    Args:
        known: breaks of the dates: all of BILL_ONLY, ended ones too, and those that `wanted_of`
            names and that exist.
        dates: which; a break that is matched with one of another date is left as it is.
        now: when a break that is not explained any more is opened again.

    Returns:
        Groups of changed breaks, each to be written in one transaction.

    """
    span = frozenset(dates)
    pairs = _pairs(known, span)
    groups: list[list[Break]] = []
    grouped: set[Mate] = set()
    for mate, found in sorted(known.items()):
        other = pairs.get(mate)
        if mate in grouped or found.counterpart == other or _is_bound(found, span):
            continue
        if other is None:
            groups.append([found.reopened(now)])
            continue
        grouped |= {mate, other}
        both = ((found, other), (known[other], mate))
        groups.append([one.matched_late(of) for one, of in both if one.counterpart != of])
    return groups


def _pairs(known: Mapping[Mate, Break], span: frozenset[date]) -> dict[Mate, Mate]:
    pairs: dict[Mate, Mate] = {}
    for mate, billed in sorted(known.items()):
        if billed.state not in _FREE or _is_bound(billed, span):
            continue
        for other in wanted_of(billed):
            booked = known.get(other)
            if (
                booked is not None
                and other not in pairs
                and booked.state in _FREE
                and not _is_bound(booked, span)
                and explains(billed, booked)
            ):
                pairs |= {mate: other, other: mate}
                break
    return pairs


def _is_bound(found: Break, span: frozenset[date]) -> bool:
    """Whether it is matched with a break that cannot be seen here."""
    return found.counterpart is not None and found.counterpart[0] not in span
