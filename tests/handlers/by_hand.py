"""States that no call leads to at once, written past the functions, their money included."""

from __future__ import annotations

from functions.shared.store.tables import CampaignItem, StockItem, VoucherItem
from tests.support.campaigns import CAMPAIGN_ID


def set_campaign_state(state: str) -> None:
    """Puts the campaign into a state that no call of the bureau leads to, or not yet."""
    CampaignItem(CAMPAIGN_ID).update([CampaignItem.state.set(state)])


def end_voucher(voucher_id: str, state: str) -> None:
    """Ends an unused voucher, as the sweep does: its reserve lapses."""
    voucher = VoucherItem.get(voucher_id)
    VoucherItem(voucher_id).update([VoucherItem.state.set(state)])
    StockItem(voucher.shard_id).update([StockItem.lapsed_fen.add(voucher.reserve_fen)])
