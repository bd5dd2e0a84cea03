"""Adjusting entries: put with the end of their break, reversed with its next beginning.

accept     break RESOLVED · entry put (the guard) · unallocated money, or what is held back · the
           voucher is spent, where only the bill knows of its redemption
reverse    part of `functions.shared.store.breaks`: break opened or closed anew · entry put · the
           same money the other way
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from functions.shared.domain.adjusting import SPENT_STATES, AdjustingEntry
from functions.shared.domain.bills import row_document, row_of_document
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import NetParts
from functions.shared.domain.vouchers import UNUSED
from functions.shared.store.connection import Database
from functions.shared.store.tables import CampaignItem, SettlementItem, VoucherItem
from functions.shared.store.transaction import Cancelled, Transaction

ADJUSTING = "ADJUSTING"
"""The kind of an adjusting entry, and how its key begins."""

ENTRY, FUNDS, VOUCHER = "adjusting", "campaign", "voucher"
"""The labels of the entry, of the campaign's money and of the spent voucher in a transaction."""


class AdjustingStore:
    """Adjusting entries by campaign, and by platform and business date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_day(self, campaign_id: str, platform_id: str, on: date) -> list[AdjustingEntry]:
        """The entries recorded on a business date, by break, strongly consistent."""
        return list(self._entries(campaign_id, f"{ADJUSTING}#{on.isoformat()}#{platform_id}#"))

    def all(self, campaign_id: str) -> Iterator[AdjustingEntry]:
        """Every entry of a campaign, by business date, strongly consistent."""
        return self._entries(campaign_id, f"{ADJUSTING}#")

    def _entries(self, campaign_id: str, beginning: str) -> Iterator[AdjustingEntry]:
        condition = SettlementItem.statement_key.startswith(beginning)
        for item in self._database.query(SettlementItem, campaign_id, condition):
            yield entry_of(item)


def put_entry(transaction: Transaction, entry: AdjustingEntry) -> None:
    """Adds the entry and the money that it moves to a transaction that ends or opens its break."""
    transaction.put(ENTRY, _item(entry), SettlementItem.statement_key.does_not_exist())
    fen = entry.parts.fiscal_fen
    # What a reversal gives back is what its entry has taken, so the signs say which of the two.
    is_drawn = entry.is_final or (fen > 0) != entry.is_reversal
    in_time = CampaignItem.state.is_in(*sorted(state.value for state in entry.campaign_states))
    moved = CampaignItem.unallocated_fen if is_drawn else CampaignItem.held_back_fen
    transaction.update(
        FUNDS,
        CampaignItem(entry.campaign_id),
        [CampaignItem.adjusted_fen.add(fen), moved.add(-fen)],
        in_time & (moved >= fen),
    )


def require_spent(transaction: Transaction, voucher_id: str, now: datetime) -> None:
    """Adds the condition that no order can have the voucher's money any more."""
    spent = VoucherItem.state.is_in(*(state.value for state in SPENT_STATES))
    lapsed = VoucherItem.state.is_in(*(state.value for state in UNUSED)) & (
        VoucherItem.valid_until <= now
    )
    transaction.check(VOUCHER, VoucherItem, voucher_id, condition=spent | lapsed)


def refused_entry(cancelled: Cancelled, entry: AdjustingEntry) -> HuiminError:
    """Why the entry, or the money that it moves, was refused."""
    if cancelled.failed(VOUCHER):
        return HuiminError(Code.BREAK_NOT_ADJUSTABLE, voucher_id=entry.row.voucher_id)
    campaign = cancelled.old(FUNDS, CampaignItem)
    state = CampaignState(campaign.state) if campaign else CampaignState.DRAFT
    if campaign is None or state not in entry.campaign_states:
        if entry.is_final:
            ended_on = entry.last_on + timedelta(days=1)
            return HuiminError(Code.CAMPAIGN_CLOSING, closed_on=ended_on)
        return HuiminError(Code.CAMPAIGN_STATE, state=state.value)
    return HuiminError(
        Code.FUNDS_INSUFFICIENT,
        needed_fen=entry.parts.fiscal_fen,
        unallocated_fen=campaign.unallocated_fen,
    )


def _item(entry: AdjustingEntry) -> SettlementItem:
    payload = {
        "break_id": entry.break_id,
        "break_version": entry.break_version,
        "origin_on": entry.origin_on.isoformat(),
        "row": row_document(entry.row),
        "ledger_fen": entry.ledger_fen,
        "bill_fen": entry.bill_fen,
        "parts": asdict(entry.parts),
        "is_reversal": entry.is_reversal,
        "last_on": entry.last_on.isoformat(),
    }
    on = entry.business_on.isoformat()
    return SettlementItem(
        entry.campaign_id,
        f"{ADJUSTING}#{on}#{entry.platform_id}#{entry.entry_id}",
        kind=ADJUSTING,
        statement_id=entry.entry_id,
        business_on=on,
        platform_id=entry.platform_id,
        payload=json.dumps(payload, sort_keys=True, separators=(",", ":")),
        amount_fen=entry.parts.fiscal_fen,
        made_at=entry.recorded_at,
    )


def entry_of(item: SettlementItem) -> AdjustingEntry:
    """The adjusting entry that an item holds."""
    payload: dict[str, Any] = json.loads(item.payload)
    return AdjustingEntry(
        campaign_id=item.campaign_id,
        platform_id=item.platform_id or "",
        business_on=date.fromisoformat(item.business_on),
        break_id=payload["break_id"],
        break_version=payload["break_version"],
        origin_on=date.fromisoformat(payload["origin_on"]),
        row=row_of_document(payload["row"]),
        ledger_fen=payload["ledger_fen"],
        bill_fen=payload["bill_fen"],
        parts=NetParts(**payload["parts"]),
        recorded_at=item.made_at,
        is_reversal=payload["is_reversal"],
        last_on=date.fromisoformat(payload["last_on"]),
    )
