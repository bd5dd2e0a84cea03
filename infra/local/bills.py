"""A platform's own bill: what it writes down of a day, as docs/bills.md asks for it.

Written from that page and not with the reconciler's code, so that a reading of the format which
only one side has shows up in the demonstration and in tests.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace

COLUMNS = (
    "platform_order_no",
    "entry_type",
    "refund_no",
    "voucher_id",
    "merchant_id",
    "occurred_at",
    "order_fen",
    "merchant_discount_fen",
    "platform_discount_fen",
    "voucher_fen",
    "paid_fen",
)
_AMOUNTS = COLUMNS[6:]
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """One row of a bill, in the platform's words.

    Args:
        entry_type: REDEEM or REFUND; a refund's amounts are what it reverses.
        refund_no: empty for a redemption.
        occurred_at: RFC 3339 with an offset.

    """

    platform_order_no: str
    entry_type: str
    refund_no: str
    voucher_id: str
    merchant_id: str
    occurred_at: str
    order_fen: int
    merchant_discount_fen: int
    platform_discount_fen: int
    voucher_fen: int
    paid_fen: int

    def with_amounts(
        self, *, voucher_fen: int | None = None, paid_fen: int | None = None
    ) -> BillRow:
        """The same row with other amounts, to plant a fault."""
        return replace(
            self,
            voucher_fen=self.voucher_fen if voucher_fen is None else voucher_fen,
            paid_fen=self.paid_fen if paid_fen is None else paid_fen,
        )


def render_bill(rows: Iterable[BillRow]) -> bytes:
    """The bill's file: header, rows, and the trailer with counts and totals."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = refunds = 0
    totals = dict.fromkeys(_AMOUNTS, 0)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in COLUMNS])
        is_refund = row.entry_type == "REFUND"
        count += 1
        refunds += is_refund
        for name in _AMOUNTS:
            amount_fen: int = getattr(row, name)
            totals[name] += -amount_fen if is_refund else amount_fen
    writer.writerow(["TRAILER", count, refunds, "", "", "", *totals.values()])
    return _BOM + lines.getvalue().encode()


def _cell(value: str | int) -> str | int:
    # An order number may begin with a dash; a spreadsheet must not take it for a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith("-") else value
