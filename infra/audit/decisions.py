"""What persons decided on breaks, kept from the journal: proposed by one, approved by another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from functions.shared.domain.breaks import BreakState, ResolutionKind
from functions.shared.domain.journal import Change
from functions.shared.domain.journal_changes import PROPOSED, RESOLVED
from infra.audit.findings import Finding, Kind

_STATES: Final = {PROPOSED: BreakState.PROPOSED, RESOLVED: BreakState.RESOLVED}


@dataclass(frozen=True, slots=True)
class Decision:
    """One step of persons: what the break is from then on, and what they saw of it."""

    at: datetime
    version: int
    state: BreakState
    bill_version: int
    match_state: str
    difference_fen: int
    resolution: ResolutionKind
    reason: str
    by: str


class Decisions:
    """The decisions on one campaign's breaks; entered in the journal's order."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[Decision]] = defaultdict(list)
        self.count = 0
        # Of the instant that is being read.
        self._accepted: set[str] = set()
        self._adjusted: set[str] = set()

    def takes(self, kind: str) -> bool:
        """Whether a change is a decision."""
        return kind in _STATES

    def enter(self, where: str, change: Change) -> Iterator[Finding]:
        """Notes a decision; what is wrong with it."""
        data = change.data
        break_id, _, version = change.change_id.rpartition(".")
        made = Decision(
            at=change.at,
            version=int(version),
            state=_STATES[change.kind],
            bill_version=int(data["bill_version"]),
            match_state=str(data["match_state"]),
            difference_fen=int(data["difference_fen"]),
            resolution=ResolutionKind(data["resolution"]),
            reason=str(data["reason"]),
            by=str(data["by"]),
        )
        if break_id != data["break_id"]:
            yield Finding(Kind.BREAK, where, f"{break_id} is called {data['break_id']}")
        before = self.of[break_id][-1] if self.of[break_id] else None
        self.of[break_id].append(made)
        self.count += 1
        if before is not None and before.version >= made.version:
            yield Finding(Kind.BREAK, where, f"{break_id}: step {made.version} is out of turn")
        if made.state is BreakState.RESOLVED:
            if made.resolution is ResolutionKind.ACCEPT_BILL:
                self._accepted.add(break_id)
            if not _approves(made, before):
                yield Finding(Kind.BREAK, where, f"{break_id}: nobody else has proposed that")

    def note_adjusted(self, break_id: str) -> None:
        """That an adjusting entry was recorded for a break."""
        self._adjusted.add(break_id)

    def instant_over(self, where: str) -> Iterator[Finding]:
        """Each bill that is accepted has its entry in the same instant, and the other way round."""
        for break_id in sorted(self._accepted ^ self._adjusted):
            detail = "accepted without an entry"
            if break_id in self._adjusted:
                detail = "adjusted, and its bill was not accepted"
            yield Finding(Kind.BREAK, where, f"{break_id} is {detail}")
        self._accepted.clear()
        self._adjusted.clear()


def _approves(made: Decision, before: Decision | None) -> bool:
    """Whether it is the other person's word on the very proposal before it."""
    return (
        before is not None
        and before.state is BreakState.PROPOSED
        and before.version == made.version - 1
        and (before.resolution, before.reason) == (made.resolution, made.reason)
        and before.by != made.by
    )
