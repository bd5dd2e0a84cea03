"""Ledger entries and bill rows told plainly, for tests that count by hand.

bill_row_of    an entry as its platform should have billed it
parts_of       whose money an entry is
in_order       how entries sort by time of recording
detail_row     an entry as a line of a settlement's detail
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

from functions.shared.domain.bills import AMOUNT_COLUMNS, BillRow, EntryType
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.money import FundingParts

Entry: TypeAlias = Redemption | Refund


def totals_of(rows: Iterable[BillRow]) -> tuple[int, ...]:
    """Redemptions less refunds, in the order of AMOUNT_COLUMNS."""
    totals = [0] * len(AMOUNT_COLUMNS)
    for row in rows:
        for place, amount_fen in enumerate(row.amounts):
            totals[place] += row.sign * amount_fen
    return tuple(totals)


def bill_row_of(entry: Redemption | Refund) -> BillRow:
    """A ledger entry as the platform should have billed it."""
    if isinstance(entry, Redemption):
        amounts = entry.amounts
        return BillRow(
            platform_order_no=entry.order_no,
            entry_type=EntryType.REDEEM,
            refund_no="",
            voucher_id=entry.voucher_id,
            merchant_id=entry.merchant_id,
            occurred_at=entry.recorded_at,
            order_fen=amounts.order_fen,
            merchant_discount_fen=amounts.merchant_discount_fen,
            platform_discount_fen=amounts.platform_discount_fen,
            voucher_fen=amounts.voucher_fen,
            paid_fen=amounts.paid_fen,
        )
    return BillRow(
        platform_order_no=entry.order_no,
        entry_type=EntryType.REFUND,
        refund_no=entry.refund_no,
        voucher_id=entry.voucher_id,
        merchant_id=entry.merchant_id,
        occurred_at=entry.recorded_at,
        order_fen=entry.order_fen,
        merchant_discount_fen=entry.merchant_discount_fen,
        platform_discount_fen=entry.platform_discount_fen,
        voucher_fen=entry.voucher_fen,
        paid_fen=entry.paid_fen,
    )


def parts_of(entry: Entry) -> FundingParts:
    """The entry's voucher money by who funds it; a refund's is what it reverses."""
    return entry.amounts.parts if isinstance(entry, Redemption) else entry.parts


def is_adjustment(entry: Entry) -> bool:
    """Whether the entry is a refund of an earlier day's redemption."""
    return isinstance(entry, Refund) and entry.redeemed_on != entry.business_on


def in_order(entry: Entry) -> tuple[datetime, str, str]:
    """Sorts entries by time of recording; no two are equal."""
    refund_no = entry.refund_no if isinstance(entry, Refund) else ""
    return entry.recorded_at, entry.redemption_id, refund_no


def detail_row(entry: Entry) -> Any:  # noqa: ANN401 - cells of any kind
    """An entry under DETAIL_COLUMNS, put together by hand."""
    is_refund = not isinstance(entry, Redemption)
    amounts = entry.amounts if isinstance(entry, Redemption) else entry
    parts = parts_of(entry)
    row = bill_row_of(entry)
    return {
        "entry_type": row.entry_type.value,
        "order_no": entry.order_no,
        "refund_no": row.refund_no or None,
        "person_token": hashlib.sha256(f"s_1|{entry.person_ref}".encode()).hexdigest()[:16],
        "recorded_at": entry.recorded_at,
        "business_date": entry.business_on,
        "redeemed_on": getattr(entry, "redeemed_on", entry.business_on),
        **{
            name: getattr(entry, name)
            for name in (
                "redemption_id",
                "campaign_id",
                "round_id",
                "voucher_type_id",
                "platform_id",
                "voucher_id",
                "merchant_id",
                "industry",
                "size_class",
            )
        },
        **{
            name: getattr(amounts, name)
            for name in (
                "order_fen",
                "merchant_discount_fen",
                "platform_discount_fen",
                "voucher_fen",
                "paid_fen",
            )
        },
        "fiscal_part_fen": parts.fiscal_fen,
        "platform_part_fen": parts.platform_fen,
        "merchant_part_fen": parts.merchant_fen,
        "voucher_state": None if isinstance(entry, Redemption) else entry.voucher_state.value,
        "settled_fen": -parts.fiscal_fen if is_refund else parts.fiscal_fen,
        "break_id": None,
    }
