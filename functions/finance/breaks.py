"""Breaks as the bureau sees them: what is unresolved, and how two persons end one.

Accepting the bill is worked out when it is proposed, so that the approver sees the very amounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from functions.shared.domain.adjusting import (
    Acceptance,
    accept_bill,
    needs_spent,
    require_spent,
)
from functions.shared.domain.breaks import Break, BreakState, ResolutionKind
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.settlement import settlement_range
from functions.shared.store.breaks import BreakStore
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.vouchers import VoucherStore


class BreakDesk:
    """The use cases about breaks.

    Args:
        breaks: of every platform and day.
        campaigns: the campaigns.
        vouchers: the vouchers that breaks name.

    """

    def __init__(
        self, breaks: BreakStore, campaigns: CampaignStore, vouchers: VoucherStore
    ) -> None:
        self._breaks = breaks
        self._campaigns = campaigns
        self._vouchers = vouchers

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
            HuiminError: VERSION_MISMATCH, BREAK_STATE, BREAK_NOT_ADJUSTABLE; nothing is changed.
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
        acceptance = None
        if kind is ResolutionKind.ACCEPT_BILL:
            acceptance = self._acceptance(found, now)
        after = found.proposed(kind, reason, by=by, now=now, acceptance=acceptance)
        self._breaks.change(found, after)
        return after, False

    def approve(self, found: Break, *, version: int, by: str, now: datetime) -> tuple[Break, bool]:
        """Approves the very proposal that the approver read.

        True with the break as it is where the same person approved it before.

        Raises:
            HuiminError: VERSION_MISMATCH, BREAK_STATE, SAME_PERSON; where the bill is accepted,
                BREAK_NOT_ADJUSTABLE, FUNDS_INSUFFICIENT, CAMPAIGN_STATE; nothing is changed.
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
        entry = after.standing_entry
        if entry is None:
            self._breaks.change(found, after)
        else:
            if made is not None and made.acceptance is not None:
                made.acceptance.require_open(now)
            self._breaks.accept_bill(found, after, entry)
        return after, False

    def _acceptance(self, found: Break, now: datetime) -> Acceptance:
        """What accepting the bill comes to."""
        found.require_adjustable()
        record = self._campaigns.get(found.row.campaign_id)
        voucher = self._vouchers.get(found.row.side.voucher_id)
        if record is None or voucher is None:
            raise HuiminError(Code.NOT_FOUND, what="voucher")
        voucher_type = record.campaign.voucher_type(voucher.voucher_type_id)
        if voucher_type is None or voucher.campaign_id != found.row.campaign_id:
            raise HuiminError(Code.NOT_FOUND, what="voucher")
        ledger, bill = found.row.ledger, found.row.bill
        if needs_spent(ledger, bill):
            require_spent(voucher, now)
        _, last_on = settlement_range(record.campaign)
        return accept_bill(ledger, bill, benefit=voucher_type.benefit, last_on=last_on, now=now)


def _require_version(found: Break, version: int) -> None:
    if found.version != version:
        raise HuiminError(Code.VERSION_MISMATCH, stored_version=found.version)
