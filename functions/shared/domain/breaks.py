"""Breaks (差错): rows on which ledger and bill disagree, and how a corrected bill changes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from functions.shared.domain.bills import BillRow
from functions.shared.domain.ids import content_hash


class MatchState(StrEnum):
    """How a row of the ledger and a row of the bill stand to each other.

    They belong together when platform, order number, entry type and refund number are equal.
    """

    MATCHED = "MATCHED"
    """Both sides say the same."""

    LEDGER_ONLY = "LEDGER_ONLY"
    """长款: the ledger has it, the bill does not."""

    BILL_ONLY = "BILL_ONLY"
    """短款: the bill has it, the ledger does not."""

    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    """The same voucher at the same merchant, with other amounts."""

    STATE_DIFFERS = "STATE_DIFFERS"
    """Another voucher or another merchant: the two sides do not tell of the same event."""

    DUPLICATE = "DUPLICATE"
    """The bill lists once more what another of its rows is already matched with."""


class BreakState(StrEnum):
    """OPEN until a corrected bill agrees with the ledger."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRow:
    """One row of a reconciliation: both sides, of which one may be absent.

    Args:
        match_state: how they stand to each other.
        campaign_id: the voucher's campaign.
        ledger: the ledger's side, as the platform should have billed it.
        bill: the bill's side.
        break_id: None exactly where the row is MATCHED.

    """

    match_state: MatchState
    campaign_id: str
    ledger: BillRow | None
    bill: BillRow | None
    break_id: str | None = None

    @property
    def side(self) -> BillRow:
        """The side that is there; the ledger's where both are."""
        side = self.ledger or self.bill
        assert side is not None  # noqa: S101 - a row has at least one side
        return side

    @property
    def difference_fen(self) -> int:
        """Ledger less bill, in voucher money as it counts in the day's sum.

        A refund counts negative, so over all rows these add up to what the ledger owes less what
        the bill claims.
        """
        ledger_fen = self.ledger.signed_voucher_fen if self.ledger else 0
        # A duplicate's ledger side is counted where it is matched.
        return ledger_fen - (self.bill.signed_voucher_fen if self.bill else 0)


def break_id_of(platform_id: str, on: date, row: BillRow, *, repeat: int = 0) -> str:
    """The id of the break of a row: the same in every run and with every corrected bill.

    It is no secret: whoever may read breaks may know what they are about.

    Args:
        platform_id: whose bill.
        on: the business date.
        row: either side; both have the same key.
        repeat: counts rows of the same key within one bill, 0 for the first.

    """
    content = {
        "platform_id": platform_id,
        "business_on": on.isoformat(),
        "key": list(row.key),
        "repeat": repeat,
    }
    return f"b_{content_hash(content)[:32]}"


@dataclass(frozen=True, slots=True)
class BreakStep:
    """What a break was before it changed, and by which version of the bill."""

    bill_version: int
    state: BreakState
    match_state: MatchState
    difference_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A break as stored.

    Args:
        row: both sides as the bill of `bill_version` shows them.
        bill_version: the version that made it what it is; 0 where no bill was there.
        history: what it was before, oldest first.
        opened_at: when it was last opened.

    """

    break_id: str
    platform_id: str
    business_on: date
    row: MatchRow
    state: BreakState
    bill_version: int
    history: tuple[BreakStep, ...]
    opened_at: datetime

    def step(self) -> BreakStep:
        """Its present as a line of its history."""
        return BreakStep(
            self.bill_version, self.state, self.row.match_state, self.row.difference_fen
        )


@dataclass(frozen=True, slots=True)
class BreakChanges:
    """How many breaks one run opened, changed and closed."""

    opened: int = 0
    changed: int = 0
    closed: int = 0

    @property
    def total(self) -> int:
        """How many breaks were written."""
        return self.opened + self.changed + self.closed

    def __add__(self, other: BreakChanges) -> BreakChanges:
        return BreakChanges(
            self.opened + other.opened, self.changed + other.changed, self.closed + other.closed
        )


def breaks_of(rows: Iterable[MatchRow]) -> dict[str, MatchRow]:
    """The rows that are breaks, by id."""
    return {row.break_id: row for row in rows if row.break_id is not None}


def compare_breaks(
    before: Mapping[str, MatchRow], after: Mapping[str, MatchRow]
) -> tuple[list[str], list[str], list[str]]:
    """The ids that a corrected bill opened, changed and closed, each sorted."""
    opened = sorted(after.keys() - before.keys())
    changed = sorted(name for name in after.keys() & before.keys() if after[name] != before[name])
    return opened, changed, sorted(before.keys() - after.keys())


def plan_breaks(
    found: Mapping[str, MatchRow],
    stored: Mapping[str, Break],
    *,
    platform_id: str,
    on: date,
    bill_version: int,
    now: datetime,
) -> list[Break]:
    """What must be written so that exactly the breaks found are open; empty where all is so.

    Pure, so that two runs with the same bill want the same.
    """
    open_rows = {name: b.row for name, b in stored.items() if b.state is BreakState.OPEN}
    opened, changed, closed = compare_breaks(open_rows, found)
    writes = []
    for name in (*opened, *changed):
        before = stored.get(name)
        writes.append(
            Break(
                break_id=name,
                platform_id=platform_id,
                business_on=on,
                row=found[name],
                state=BreakState.OPEN,
                bill_version=bill_version,
                history=(*before.history, before.step()) if before else (),
                opened_at=before.opened_at if before and name in open_rows else now,
            )
        )
    writes += [
        replace(
            stored[name],
            state=BreakState.CLOSED,
            bill_version=bill_version,
            history=(*stored[name].history, stored[name].step()),
        )
        for name in closed
    ]
    return writes
