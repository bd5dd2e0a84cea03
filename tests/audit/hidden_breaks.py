"""Skilful edits of breaks: registers that hide or make some, and decisions that nobody made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from functions.shared.domain.journal import Change
from functions.shared.files.register import REGISTER_CSV, REGISTER_XLSX, register_prefix
from tests.audit.forger import Forger, dropped, edited, find

Rows = list[dict[str, str]]
Forge = Callable[[Forger], None]

# Of the morning on which it was first listed, of the next, with a proposal, and after its end.
FIRST, NEXT, PROPOSED, ENDED = (date(2026, 1, day) for day in (7, 8, 9, 10))
WRITE_OFF = 2
"""The third decision of a kind: the others of the first day accept bills."""


def _registered(on: date, edit: Callable[[Rows], object]) -> Forge:
    return lambda forger: forger.edit_register(on, edit)


def _row(of: int, **facts: Any) -> Callable[[Rows], object]:  # noqa: ANN401 - text
    return lambda rows: rows[of].update(facts)


def _more(of: int, **facts: str) -> Callable[[Rows], object]:
    return lambda rows: rows.append({**rows[of], **facts})


def _still_listed(forger: Forger) -> None:
    """What was written off two days before, with its age of then."""
    kept: Rows = []
    forger.edit_register(PROPOSED, kept.extend)
    forger.edit_register(ENDED, lambda rows: rows.append({**kept[1], "age_days": "3"}))


def _by_one(days: list[list[Change]]) -> None:
    """Who proposed it has approved it."""
    proposals, first = find(days, "break.proposed", WRITE_OFF)
    by = proposals[first].data["by"]
    changes, place = find(days, "break.resolved", WRITE_OFF)
    changes[place] = replace(changes[place], data={**changes[place].data, "by": by})


def _another_book(forger: Forger) -> None:
    """The workbook of the day after, which lists one break less."""
    data = (forger.folder / register_prefix(ENDED) / REGISTER_XLSX).read_bytes()
    forger.edit_set(register_prefix(PROPOSED) + REGISTER_CSV, REGISTER_XLSX, lambda _: data)


HIDDEN_BREAKS: dict[str, Forge] = {
    "an open break hidden from its first register": _registered(FIRST, lambda rows: rows.pop()),
    "an open break hidden from a register": _registered(NEXT, lambda rows: rows.pop(0)),
    "every open break hidden": _registered(NEXT, lambda rows: rows.clear()),
    "a break that no bill shows": _registered(NEXT, _more(0, break_id="b_" + "0" * 32)),
    "a break listed twice": _registered(NEXT, _more(0)),
    "a break of another amount": _registered(NEXT, _row(0, difference_fen="-1")),
    "a break of another kind": _registered(NEXT, _row(0, match_state="LEDGER_ONLY")),
    "a break of another order": _registered(NEXT, _row(0, order_no="o1")),
    "a break that is younger": _registered(NEXT, _row(0, age_days="0")),
    "a break of a day that was not settled": _registered(
        NEXT, _row(0, business_date="2026-01-04", age_days="3")
    ),
    "a break of a day that is to come": _registered(
        NEXT, _row(0, business_date="2026-01-09", age_days="0")
    ),
    "a proposal that nobody made": _registered(NEXT, _row(1, state="PROPOSED")),
    "a proposal that is not shown": _registered(PROPOSED, _row(1, state="OPEN")),
    "a break of no known state": _registered(NEXT, _row(1, state="GONE")),
    "a break that was written off, listed still": _still_listed,
    "a register that is none": lambda f: f.edit_rows(
        register_prefix(NEXT) + REGISTER_CSV, _row(0, business_date="soon")
    ),
    "another day's workbook of breaks": _another_book,
    "a break written off by one person": lambda f: f.forge(_by_one),
    "a break ended without a proposal": lambda f: f.forge(dropped("break.proposed", WRITE_OFF)),
    "a break that nobody ended": lambda f: f.forge(dropped("break.resolved", WRITE_OFF)),
    "a decision on another difference": lambda f: f.forge(
        edited("break.resolved", WRITE_OFF, difference_fen=1)
    ),
    "a bill accepted without its entry": lambda f: f.forge(dropped("ledger.adjusted")),
    "an entry of which nobody accepted the bill": lambda f: f.forge(dropped("break.resolved")),
}
