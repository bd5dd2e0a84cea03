"""Breaks as the bureau sees them: what is unresolved, and how two persons end one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from functions.shared.domain.breaks import Break, BreakState, ResolutionKind
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.store.breaks import BreakStore


class BreakDesk:
    """The use cases about breaks.

    Args:
        breaks: of every platform and day.

    """

    def __init__(self, breaks: BreakStore) -> None:
        self._breaks = breaks

    def unresolved(self, platform_id: str, *, after: str | None, limit: int) -> Sequence[Break]:
        """What somebody must still end, oldest business date first, from behind `after`."""
        return list(self._breaks.unresolved(platform_id, after=after, limit=limit))

    def find(self, platform_id: str, business_on: str, break_id: str) -> Break:
        """The break.

        Raises:
            HuiminError: NOT_FOUND, for a date that does not exist too.

        """
        try:
            on = date.fromisoformat(business_on)
        except ValueError:
            raise HuiminError(Code.NOT_FOUND, what="business date") from None
        found = self._breaks.get(platform_id, on, break_id)
        if found is None:
            raise HuiminError(Code.NOT_FOUND, what="break")
        return found

    def propose(
        self,
        found: Break,
        kind: ResolutionKind,
        reason: str,
        *,
        version: int,
        by: str,
        now: datetime,
    ) -> tuple[Break, bool]:
        """Proposes how to end the very break that the operator read.

        True with the break as it is where this was proposed before.

        Raises:
            HuiminError: VERSION_MISMATCH, BREAK_STATE; nothing is changed.
            Busy: contention outlasted the retries.

        """
        made = found.resolution
        if (
            found.state is BreakState.PROPOSED
            and made is not None
            and (made.kind, made.reason, made.proposed_by) == (kind, reason, by)
            and found.version == version + 1
        ):
            return found, True
        _require_version(found, version)
        after = found.proposed(kind, reason, by=by, now=now)
        self._breaks.change(found, after)
        return after, False

    def approve(self, found: Break, *, version: int, by: str, now: datetime) -> tuple[Break, bool]:
        """Approves the very proposal that the approver read.

        True with the break as it is where the same person approved it before.

        Raises:
            HuiminError: VERSION_MISMATCH, BREAK_STATE, SAME_PERSON; nothing is changed.
            Busy: contention outlasted the retries.

        """
        made = found.resolution
        if (
            found.state is BreakState.RESOLVED
            and made is not None
            and made.approved_by == by
            and found.version == version + 1
        ):
            return found, True
        _require_version(found, version)
        after = found.approved(by=by, now=now)
        self._breaks.change(found, after)
        return after, False


def _require_version(found: Break, version: int) -> None:
    if found.version != version:
        raise HuiminError(Code.VERSION_MISMATCH, stored_version=found.version)
