"""Adjusting entries (调账): what is owed where two persons accept the bill against the ledger.

    break RESOLVED by ACCEPT_BILL ⇔ an adjusting entry stands for it

The ledger stays as it is. The entry says by how much the bill's row gives the platform more or
less, in funding parts, and is settled on the business date on which it is recorded. A corrected
bill that no longer shows what was accepted reverses it, in the transaction that opens or closes
the break anew; after the campaign's last business date what was accepted stands.

    last_on ─── 7 days: the closing waits while breaks are open ─── CLOSED ─── 90 days ───│
    entries can       entries are final: never reversed, settled like late refunds
    be reversed

    fiscal part > 0   unallocated money pays for it
    fiscal part < 0   what is saved is held back until the closing, so that it can be reversed;
                      of a final entry it is unallocated at once
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from functions.shared.domain.bills import BillRow, EntryType
from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import LATE_REFUNDS, OPEN_STATES, CampaignState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import FundingShares, NetParts, split_funding
from functions.shared.domain.orders import Benefit
from functions.shared.domain.vouchers import Voucher, VoucherState

SPENT_STATES: Final = frozenset({VoucherState.EXPIRED, VoucherState.VOIDED})
"""Of a voucher whose redemption only the bill knows: no order can have its money any more."""

CLOSING_WAITS: Final = timedelta(days=7)
"""How long after the last business date the closing waits for breaks that nobody has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What accepting a bill's row comes to.

    Args:
        parts: the bill's row less the ledger's, in funding parts; a refund counts negative.
        last_on: the campaign's last business date but for late refunds.

    """

    parts: NetParts
    last_on: date

    def is_reversible(self, now: datetime) -> bool:
        """Whether a corrected bill still reverses what was accepted."""
        return business_date(now) <= self.last_on

    def require_open(self, now: datetime) -> None:
        """Passes while an entry recorded at that time is still settled.

        Raises:
            HuiminError: BREAK_NOT_ADJUSTABLE.

        """
        ends_on = self.last_on + LATE_REFUNDS
        if business_date(now) > ends_on:
            raise HuiminError(Code.BREAK_NOT_ADJUSTABLE, last_on=ends_on.isoformat())


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustingEntry:
    """An adjusting entry as stored; it never changes.

    Args:
        campaign_id: whose money.
        platform_id: to whom it is owed.
        business_on: when it was recorded, and is settled.
        break_id: the break that it ends, or whose end it reverses.
        break_version: the version of the break that it belongs to.
        origin_on: the business date of the break.
        row: the row that is disputed: the ledger's, or the bill's where the ledger has none.
        ledger_fen: voucher money by the ledger, a refund's counted negative; 0 for no row.
        bill_fen: the same by the bill.
        parts: what is owed more; of a reversal what is owed less.
        recorded_at: when.
        is_reversal: whether it reverses an earlier one of the same break.
        last_on: the campaign's last business date but for late refunds.

    """

    campaign_id: str
    platform_id: str
    business_on: date
    break_id: str
    break_version: int
    origin_on: date
    row: BillRow
    ledger_fen: int
    bill_fen: int
    parts: NetParts
    recorded_at: datetime
    is_reversal: bool
    last_on: date

    @property
    def is_final(self) -> bool:
        """Whether it was recorded too late to be reversed, so that nothing is held back for it."""
        return self.business_on > self.last_on

    @property
    def campaign_states(self) -> frozenset[CampaignState]:
        """The states of its campaign in which it may be recorded.

        None while the campaign is being closed: else an entry a day could keep it from it for ever.
        """
        closed = frozenset({CampaignState.CLOSED})
        if not self.is_final:
            return OPEN_STATES
        return OPEN_STATES | closed if self.business_on <= self.last_on + CLOSING_WAITS else closed

    @property
    def entry_id(self) -> str:
        """Names it among all; sorts by break, then in order of recording."""
        return f"{self.break_id}.{self.break_version:06d}"

    @property
    def owed_fen(self) -> int:
        """What its sides differ by, in voucher money: what its parts come to."""
        accepted_fen = self.bill_fen - self.ledger_fen
        return -accepted_fen if self.is_reversal else accepted_fen

    def reversed(self, *, break_version: int, now: datetime) -> AdjustingEntry:
        """The entry that undoes it."""
        return replace(
            self,
            break_version=break_version,
            parts=-self.parts,
            recorded_at=now,
            business_on=business_date(now),
            is_reversal=True,
        )


def accept_bill(
    ledger: BillRow | None,
    bill: BillRow | None,
    *,
    benefit: Benefit,
    last_on: date,
    now: datetime,
) -> Acceptance:
    """What accepting the bill's side comes to.

    Both sides are split in the voucher type's funding shares, as the bill would have been settled.

    Args:
        ledger: the ledger's row; None where it has none.
        bill: the bill's row; None where it has none.
        benefit: of the voucher's type.
        last_on: the campaign's last business date but for late refunds.
        now: when it is asked.

    Raises:
        HuiminError: BREAK_NOT_ADJUSTABLE: both sides have the same voucher amount; the bill has
            more than a voucher of the type can give; or the last date of late refunds is over.

    """
    if bill is not None and bill.voucher_fen > benefit.greatest_fen:
        raise HuiminError(
            Code.BREAK_NOT_ADJUSTABLE,
            bill_fen=bill.voucher_fen,
            greatest_fen=benefit.greatest_fen,
        )
    side = ledger or bill
    parts = owed_parts(
        ledger.voucher_fen if ledger else 0,
        bill.voucher_fen if bill else 0,
        side.entry_type if side else EntryType.REDEEM,
        benefit.funding,
    )
    if not parts.total_fen:
        raise HuiminError(Code.BREAK_NOT_ADJUSTABLE, difference_fen=0)
    acceptance = Acceptance(parts=parts, last_on=last_on)
    acceptance.require_open(now)
    return acceptance


def require_spent(voucher: Voucher, now: datetime) -> None:
    """Passes when no order can have the voucher's money any more.

    Raises:
        HuiminError: BREAK_NOT_ADJUSTABLE.

    """
    state = voucher.state_at(now)
    if state not in SPENT_STATES:
        raise HuiminError(Code.BREAK_NOT_ADJUSTABLE, voucher_state=state.value)


def needs_spent(ledger: BillRow | None, bill: BillRow | None) -> bool:
    """Whether the voucher must be spent: only the bill says that it was redeemed."""
    return ledger is None and bill is not None and bill.entry_type is EntryType.REDEEM


def owed_parts(
    ledger_fen: int, bill_fen: int, entry_type: EntryType, funding: FundingShares
) -> NetParts:
    """By how much more is owed by the bill than by the ledger.

    Args:
        ledger_fen: voucher money by the ledger, not signed; 0 for no row.
        bill_fen: the same by the bill.
        entry_type: of the row; what a refund reverses is owed less.
        funding: the funding shares of the voucher's type.

    """
    parts = NetParts.between(split_funding(ledger_fen, funding), split_funding(bill_fen, funding))
    return parts if entry_type is EntryType.REDEEM else -parts
