"""Breaks (差错): rows on which ledger and bill disagree, and how each comes to an end.

    OPEN ──propose──> PROPOSED ──approve, by another person──> RESOLVED
      │                  │                                        │
      ├──────────────────┴── a corrected bill agrees ─────────────┴──> CLOSED
      └── the bill of a neighbouring date has the row ──> MATCHED_LATE

A corrected bill that shows another difference opens the break anew, whatever was proposed or
resolved: two persons' word holds for what they saw. Settlement follows the ledger; only where two
persons accept the bill does an adjusting entry add what it says otherwise
(`functions.shared.domain.adjusting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from functions.shared.domain.adjusting import Acceptance, AdjustingEntry
from functions.shared.domain.bills import BillRow
from functions.shared.domain.business_time import business_date
from functions.shared.domain.errors import Code, HuiminError
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
    """How far a break has come."""

    OPEN = "OPEN"
    PROPOSED = "PROPOSED"
    """An operator has said how to end it; nobody has approved that yet."""
    RESOLVED = "RESOLVED"
    """Two persons have ended it; the bill still disagrees."""
    MATCHED_LATE = "MATCHED_LATE"
    """The bill of the date before or after has the row: `functions.shared.domain.late_matches`."""
    CLOSED = "CLOSED"
    """A corrected bill agrees with the ledger."""


_ADJUSTABLE: Final = frozenset(
    {MatchState.LEDGER_ONLY, MatchState.BILL_ONLY, MatchState.AMOUNT_DIFFERS}
)

UNRESOLVED = frozenset({BreakState.OPEN, BreakState.PROPOSED})
"""Somebody still has to do something."""


class ResolutionKind(StrEnum):
    """What two persons can decide about a break. The ledger itself stays as it is."""

    ACCEPT_LEDGER = "ACCEPT_LEDGER"
    """The ledger is right: the bill was looked into and is wrong. Nothing more is owed or less."""

    ACCEPT_BILL = "ACCEPT_BILL"
    """The bill is right: an adjusting entry makes up for the difference."""

    WRITE_OFF = "WRITE_OFF"
    """Who is right cannot be found out, or is not worth it: the difference is not pursued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How a break is to end, and by whose word.

    Args:
        kind: what is decided.
        reason: in the operator's words.
        proposed_by: who proposed it.
        proposed_at: when.
        approved_by: who approved it; never who proposed it.
        approved_at: when.
        acceptance: what it comes to, exactly where the kind is ACCEPT_BILL.

    """

    kind: ResolutionKind
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    acceptance: Acceptance | None = None


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


BREAK_SLICES: Final = 256
"""Into how many slices all break ids fall, by their first two hexadecimal digits."""


def break_ids(share: int, shares: int) -> tuple[str, str]:
    """The first and the last text between which a share of all break ids lies; they fall evenly.

    Args:
        share: from 0 to shares - 1.
        shares: how many there are: a power of two up to BREAK_SLICES.

    """
    each = BREAK_SLICES // shares
    return f"b_{share * each:02x}", f"b_{share * each + each - 1:02x}~"


@dataclass(frozen=True, slots=True)
class BreakStep:
    """What a break was before it changed, of which campaign, and by which version of the bill."""

    bill_version: int
    state: BreakState
    match_state: MatchState
    difference_fen: int
    campaign_id: str
    resolution: Resolution | None = None
    counterpart: tuple[date, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A break as stored.

    Args:
        row: both sides as the bill of `bill_version` shows them.
        bill_version: the version that made it what it is; 0 where no bill was there.
        history: what it was before, oldest first.
        opened_at: when it was last opened.
        resolution: what is proposed or decided; None where nothing is.
        counterpart: business date and id of the break that explains it, where it is MATCHED_LATE.

    """

    break_id: str
    platform_id: str
    business_on: date
    row: MatchRow
    state: BreakState
    bill_version: int
    history: tuple[BreakStep, ...]
    opened_at: datetime
    resolution: Resolution | None = None
    counterpart: tuple[date, str] | None = None

    @property
    def version(self) -> int:
        """Counts its changes from 1: what an operator or approver read."""
        return len(self.history) + 1

    def step(self) -> BreakStep:
        """Its present as a line of its history."""
        return BreakStep(
            self.bill_version,
            self.state,
            self.row.match_state,
            self.row.difference_fen,
            self.row.campaign_id,
            self.resolution,
            self.counterpart,
        )

    def age_days(self, now: datetime) -> int:
        """Whole days since the end of its business date, in Beijing; 0 on the day after it."""
        return max(0, (business_date(now) - self.business_on).days - 1)

    @property
    def standing_entry(self) -> AdjustingEntry | None:
        """The adjusting entry that stands for it; None where none does."""
        made, row = self.resolution, self.row
        if self.state is not BreakState.RESOLVED or made is None:
            return None
        if made.acceptance is None or made.approved_at is None:
            return None
        return AdjustingEntry(
            campaign_id=row.campaign_id,
            platform_id=self.platform_id,
            business_on=business_date(made.approved_at),
            break_id=self.break_id,
            break_version=self.version,
            origin_on=self.business_on,
            row=row.side,
            ledger_fen=row.ledger.signed_voucher_fen if row.ledger else 0,
            bill_fen=row.bill.signed_voucher_fen if row.bill else 0,
            parts=made.acceptance.parts,
            recorded_at=made.approved_at,
            is_reversal=False,
            last_on=made.acceptance.last_on,
        )

    def is_final(self, now: datetime) -> bool:
        """Whether an adjusting entry stands for it that can be reversed no more."""
        made = self.resolution
        if self.state is not BreakState.RESOLVED or made is None or made.acceptance is None:
            return False
        return not made.acceptance.is_reversible(now)

    def require_adjustable(self) -> None:
        """Passes when its bill's side can be accepted: both sides tell of one event, or one does.

        Raises:
            HuiminError: BREAK_STATE, BREAK_NOT_ADJUSTABLE.

        """
        if self.state not in UNRESOLVED:
            raise HuiminError(Code.BREAK_STATE, state=self.state.value)
        if self.row.match_state not in _ADJUSTABLE:
            raise HuiminError(Code.BREAK_NOT_ADJUSTABLE, match_state=self.row.match_state.value)

    def proposed(
        self,
        kind: ResolutionKind,
        reason: str,
        *,
        by: str,
        now: datetime,
        acceptance: Acceptance | None = None,
    ) -> Break:
        """With a proposal, in place of one that is not approved.

        Raises:
            HuiminError: BREAK_STATE.

        """
        if self.state not in UNRESOLVED:
            raise HuiminError(Code.BREAK_STATE, state=self.state.value)
        resolution = Resolution(
            kind=kind, reason=reason, proposed_by=by, proposed_at=now, acceptance=acceptance
        )
        return self._changed(BreakState.PROPOSED, resolution)

    def approved(self, *, by: str, now: datetime) -> Break:
        """With its proposal approved.

        Raises:
            HuiminError: BREAK_STATE, where nothing is proposed; SAME_PERSON.

        """
        resolution = self.resolution
        if self.state is not BreakState.PROPOSED or resolution is None:
            raise HuiminError(Code.BREAK_STATE, state=self.state.value)
        if resolution.proposed_by == by:
            raise HuiminError(Code.SAME_PERSON)
        return self._changed(
            BreakState.RESOLVED, replace(resolution, approved_by=by, approved_at=now)
        )

    def matched_late(self, counterpart: tuple[date, str]) -> Break:
        """Ended by the break that explains it, whatever was proposed."""
        history = (*self.history, self.step())
        return replace(
            self,
            state=BreakState.MATCHED_LATE,
            resolution=None,
            counterpart=counterpart,
            history=history,
        )

    def reopened(self, now: datetime) -> Break:
        """Open again, as nothing explains it any more."""
        history = (*self.history, self.step())
        return replace(
            self, state=BreakState.OPEN, counterpart=None, opened_at=now, history=history
        )

    def _changed(self, state: BreakState, resolution: Resolution) -> Break:
        history = (*self.history, self.step())
        return replace(self, state=state, resolution=resolution, history=history)


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
    """What must be written so that no break but those found is there; empty where all is so.

    A break on which two persons have decided stays so while the bill shows what they saw; one
    whose adjusting entry can be reversed no more stays so for good. Pure, so that two runs with
    the same bill want the same.
    """
    final = {name for name, b in stored.items() if b.is_final(now)}
    found = {name: row for name, row in found.items() if name not in final}
    stored = {name: b for name, b in stored.items() if name not in final}
    standing = {name: b.row for name, b in stored.items() if b.state is not BreakState.CLOSED}
    opened, changed, closed = compare_breaks(standing, found)
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
                opened_at=before.opened_at if before and before.state in UNRESOLVED else now,
            )
        )
    writes += [
        replace(
            stored[name],
            state=BreakState.CLOSED,
            bill_version=bill_version,
            resolution=None,
            counterpart=None,
            history=(*stored[name].history, stored[name].step()),
        )
        for name in closed
    ]
    return writes
