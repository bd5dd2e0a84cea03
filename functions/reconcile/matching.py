"""Matching: ledger entries of a platform's day against rows of its bill.

The engine takes out the pairs that agree in everything but their times, which is nearly all of a
day. What is left comes here, and here alone it is said what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from functions.shared.domain.bills import BillRow, EntryType
from functions.shared.domain.breaks import MatchRow, MatchState, break_id_of


@dataclass(frozen=True, slots=True)
class LedgerSide:
    """A ledger entry as its platform should have billed it, and its campaign."""

    campaign_id: str
    row: BillRow


def match_rows(
    platform_id: str,
    on: date,
    ledger: Iterable[LedgerSide],
    bill: Iterable[BillRow],
    *,
    campaign_of: Mapping[str, str],
    booked: Container[str] = frozenset(),
) -> list[MatchRow]:
    """One row for each entry and for each bill row that has none, by order number.

    Every entry and every bill row is in exactly one row. The times of both sides are not compared:
    each side has its own clock.

    Args:
        platform_id: whose day.
        on: the business date.
        ledger: entries of all campaigns of the platform.
        bill: the bill's rows; none where no bill has come.
        campaign_of: voucher -> campaign, for the vouchers of bill rows that no entry here names.
        booked: vouchers whose redemption is matched elsewhere in the day.

    """
    campaigns = dict(campaign_of)
    entries: dict[tuple[str, EntryType, str], BillRow] = {}
    for side in ledger:
        assert side.row.key not in entries, side.row.key  # noqa: S101 - the ledger's keys say so
        entries[side.row.key] = side.row
        campaigns[side.row.voucher_id] = side.campaign_id
    first_rows, repeated = _parted(bill)
    matched = [
        _paired(row, first_rows.get(key), campaigns[row.voucher_id]) for key, row in entries.items()
    ]
    booked_here = {
        row.voucher_id
        for key, row in first_rows.items()
        if row.entry_type is EntryType.REDEEM
        and key in entries
        and entries[key].voucher_id == row.voucher_id
    }
    for key, row in first_rows.items():
        if key in entries:
            continue
        # The voucher is already redeemed for another order of the bill: booked twice.
        is_booked = row.voucher_id in booked_here or row.voucher_id in booked
        twice = row.entry_type is EntryType.REDEEM and is_booked
        state = MatchState.DUPLICATE if twice else MatchState.BILL_ONLY
        matched.append(_alone(state, row, campaigns))
    rows = [(row, 0) for row in matched]
    rows += [(_alone(MatchState.DUPLICATE, row, campaigns), repeat) for row, repeat in repeated]
    rows.sort(key=lambda item: (item[0].side.key, item[1]))
    return [_named(platform_id, on, row, repeat) for row, repeat in rows]


def _parted(
    bill: Iterable[BillRow],
) -> tuple[dict[tuple[str, EntryType, str], BillRow], Sequence[tuple[BillRow, int]]]:
    """The first row of each key, and the others with how many of the key stand before them.

    Intake lets no key in twice; but a match that lost a row without a word would hide money.
    """
    first: dict[tuple[str, EntryType, str], BillRow] = {}
    seen: dict[tuple[str, EntryType, str], int] = {}
    repeated = []
    for row in bill:
        repeat = seen.get(row.key, 0)
        seen[row.key] = repeat + 1
        if repeat:
            repeated.append((row, repeat))
        else:
            first[row.key] = row
    return first, repeated


def _paired(ledger: BillRow, bill: BillRow | None, campaign_id: str) -> MatchRow:
    if bill is None:
        state = MatchState.LEDGER_ONLY
    elif (ledger.voucher_id, ledger.merchant_id) != (bill.voucher_id, bill.merchant_id):
        state = MatchState.STATE_DIFFERS
    elif ledger.amounts != bill.amounts:
        state = MatchState.AMOUNT_DIFFERS
    else:
        state = MatchState.MATCHED
    return MatchRow(match_state=state, campaign_id=campaign_id, ledger=ledger, bill=bill)


def _alone(state: MatchState, bill: BillRow, campaigns: Mapping[str, str]) -> MatchRow:
    campaign_id = campaigns[bill.voucher_id]
    return MatchRow(match_state=state, campaign_id=campaign_id, ledger=None, bill=bill)


def _named(platform_id: str, on: date, row: MatchRow, repeat: int) -> MatchRow:
    """The row with the id of its break, if it is one."""
    if row.match_state is MatchState.MATCHED:
        return row
    return MatchRow(
        match_state=row.match_state,
        campaign_id=row.campaign_id,
        ledger=row.ledger,
        bill=row.bill,
        break_id=break_id_of(platform_id, on, row.side, repeat=repeat),
    )
