"""Matching: the ledger's entries of a platform's day against the rows of its bill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from functions.shared.domain.bills import BillRow, EntryType, bill_row_of
from functions.shared.domain.breaks import MatchRow, MatchState, break_id_of
from functions.shared.domain.settlement import Entry


def vouchers_not_in_ledger(entries: Iterable[Entry], bill: Iterable[BillRow]) -> list[str]:
    """The vouchers of bill rows that no entry of the day names: their campaigns are asked for."""
    known = {entry.voucher_id for entry in entries}
    return sorted({row.voucher_id for row in bill} - known)


def match_day(
    platform_id: str,
    on: date,
    entries: Iterable[Entry],
    bill: Iterable[BillRow],
    campaign_of: Mapping[str, str],
) -> list[MatchRow]:
    """One row for each entry and for each bill row that has none, by order number.

    Every entry and every bill row is in exactly one row. The times of both sides are not compared:
    each side has its own clock.

    Args:
        platform_id: whose day.
        on: the business date.
        entries: of all campaigns of the platform.
        bill: the bill's rows; none where no bill has come.
        campaign_of: voucher -> campaign, for `vouchers_not_in_ledger`.

    """
    campaigns = dict(campaign_of)
    ledger: dict[tuple[str, EntryType, str], BillRow] = {}
    for entry in entries:
        row = bill_row_of(entry)
        assert row.key not in ledger, row.key  # noqa: S101 - the ledger's keys say so
        ledger[row.key] = row
        campaigns[entry.voucher_id] = entry.campaign_id
    first_rows, repeated = _parted(bill)
    matched = [
        _paired(row, first_rows.get(key), campaigns[row.voucher_id]) for key, row in ledger.items()
    ]
    booked = {
        row.voucher_id
        for key, row in first_rows.items()
        if row.entry_type is EntryType.REDEEM
        and key in ledger
        and ledger[key].voucher_id == row.voucher_id
    }
    for key, row in first_rows.items():
        if key in ledger:
            continue
        # The voucher is already redeemed for another order of the bill: booked twice.
        twice = row.entry_type is EntryType.REDEEM and row.voucher_id in booked
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
