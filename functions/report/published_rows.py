"""The published rows: `claims.csv` and `entries.csv`, from which every figure can be counted."""

from __future__ import annotations

from typing import Final

from functions.report.rows import ClaimRow, EntryRow, Newcomer, redeemed_on
from functions.shared.domain.ledger import Refund
from functions.shared.files.columns import Column, ColumnKind, Row

CLAIM_COLUMNS: Final = (
    Column("person_no", "人员序号", "Person", ColumnKind.ID),
    Column("round_id", "轮次", "Round", ColumnKind.ID),
    Column("voucher_type_id", "券种", "Voucher type", ColumnKind.ID),
    Column("platform_id", "平台", "Platform", ColumnKind.ID),
    Column("voucher_count", "张数", "Vouchers", ColumnKind.COUNT),
    Column("issued_fen", "发放金额", "Amount issued", ColumnKind.FEN),
    Column("person_new_in", "首次出现于", "Person new in", ColumnKind.TEXT),
)
CLAIM_TOTALS: Final = ("voucher_count", "issued_fen")

ENTRY_COLUMNS: Final = (
    Column("entry_type", "类型", "Type", ColumnKind.ID),
    Column("redemption_id", "核销编号", "Redemption", ColumnKind.ID),
    Column("refund_no", "退款号", "Refund", ColumnKind.ID, optional=True),
    Column("recorded_at", "登记时间", "Recorded", ColumnKind.TIME),
    Column("redeemed_on", "核销日期", "Redeemed on", ColumnKind.DATE),
    Column("round_id", "轮次", "Round", ColumnKind.ID),
    Column("voucher_type_id", "券种", "Voucher type", ColumnKind.ID),
    Column("platform_id", "平台", "Platform", ColumnKind.ID),
    Column("industry", "行业", "Industry", ColumnKind.ID),
    Column("size_class", "规模类型", "Size class", ColumnKind.ID),
    Column("merchant_no", "商户序号", "Merchant", ColumnKind.ID),
    Column("person_no", "人员序号", "Person", ColumnKind.ID),
    Column("order_fen", "订单金额", "Order value", ColumnKind.FEN),
    Column("merchant_discount_fen", "商户优惠", "Merchant discount", ColumnKind.FEN),
    Column("platform_discount_fen", "平台优惠", "Platform discount", ColumnKind.FEN),
    Column("voucher_fen", "券金额", "Voucher money", ColumnKind.FEN),
    Column("paid_fen", "实付", "Paid", ColumnKind.FEN),
    Column("fiscal_part_fen", "券中财政部分", "Fiscal part", ColumnKind.FEN),
    Column("platform_part_fen", "券中平台部分", "Platform part", ColumnKind.FEN),
    Column("merchant_part_fen", "券中商户部分", "Merchant part", ColumnKind.FEN),
    Column("closes", "退清", "Closes", ColumnKind.COUNT),
    Column("person_new_in", "人员首次出现于", "Person new in", ColumnKind.TEXT),
    Column("merchant_new_in", "商户首次出现于", "Merchant new in", ColumnKind.TEXT),
)


def claim_cells(row: ClaimRow) -> Row:
    """A row of `claims.csv`."""
    return {
        "person_no": row.person_no,
        "round_id": row.round_id,
        "voucher_type_id": row.voucher_type_id,
        "platform_id": row.platform_id,
        "voucher_count": row.voucher_count,
        "issued_fen": row.issued_fen,
        "person_new_in": _named(row.person_new_in),
    }


def entry_cells(row: EntryRow) -> Row:
    """A row of `entries.csv`."""
    entry, amounts = row.entry, row.amounts
    refund = entry if isinstance(entry, Refund) else None
    return {
        "entry_type": "REFUND" if refund else "REDEEM",
        "redemption_id": entry.redemption_id,
        "refund_no": refund.refund_no if refund else None,
        "recorded_at": entry.recorded_at,
        "redeemed_on": redeemed_on(entry),
        "round_id": entry.round_id,
        "voucher_type_id": entry.voucher_type_id,
        "platform_id": entry.platform_id,
        "industry": entry.industry,
        "size_class": entry.size_class,
        "merchant_no": row.merchant_no,
        "person_no": row.person_no,
        "order_fen": amounts.order_fen,
        "merchant_discount_fen": amounts.merchant_discount_fen,
        "platform_discount_fen": amounts.platform_discount_fen,
        "voucher_fen": amounts.voucher_fen,
        "paid_fen": amounts.paid_fen,
        "fiscal_part_fen": amounts.parts.fiscal_fen,
        "platform_part_fen": amounts.parts.platform_fen,
        "merchant_part_fen": amounts.parts.merchant_fen,
        "closes": int(row.closes),
        "person_new_in": _named(row.person_new_in),
        "merchant_new_in": _named(row.merchant_new_in),
    }


def _named(dimensions: Newcomer) -> str:
    return " ".join(dimension.value for dimension in dimensions)
