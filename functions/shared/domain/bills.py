"""A platform's bill of a business date: its rows, its trailer, its versions, and its faults.

A bill is the platform's own list of what it redeemed and refunded. It moves no money: the ledger
is settled, and the bill shows where the two disagree. docs/bills.md is the page for platforms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339

AMOUNT_COLUMNS: Final = (
    "order_fen",
    "merchant_discount_fen",
    "platform_discount_fen",
    "voucher_fen",
    "paid_fen",
)
"""The columns of amounts; in each row the first is the sum of the others."""

BILL_COLUMNS: Final = (
    "platform_order_no",
    "entry_type",
    "refund_no",
    "voucher_id",
    "merchant_id",
    "occurred_at",
    *AMOUNT_COLUMNS,
)
"""The header of a bill, in this order."""

TRAILER: Final = "TRAILER"
"""The first cell of the trailer row; its second cell is a count, so no order is taken for it."""

MAX_BILL_BYTES: Final = 20 * 1024 * 1024 * 1024
MAX_BILL_ROWS: Final = 150_000_000
BILL_PART_BYTES: Final = 1024 * 1024 * 1024
"""How many bytes of a bill go through one link; a larger one is put in parts of so many."""
MAX_BILL_VERSIONS: Final = 99
MAX_FINDINGS: Final = 1_000
"""The most findings that a report lists; it states how many there are in all."""


class EntryType(StrEnum):
    """What a row records."""

    REDEEM = "REDEEM"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """A redemption or a refund as a bill lists it; a refund's amounts are what it reverses.

    Args:
        occurred_at: aware; whole milliseconds, so that it survives being written down.
        line: the line of the file, from 1; 0 for a row that comes from no file.

    """

    platform_order_no: str
    entry_type: EntryType
    refund_no: str
    voucher_id: str
    merchant_id: str
    occurred_at: datetime
    order_fen: int
    merchant_discount_fen: int
    platform_discount_fen: int
    voucher_fen: int
    paid_fen: int
    line: int = field(default=0, compare=False)

    @property
    def key(self) -> tuple[str, EntryType, str]:
        """What makes it one row of the platform's day: order, type and refund number."""
        return self.platform_order_no, self.entry_type, self.refund_no

    @property
    def amounts(self) -> tuple[int, ...]:
        """The amounts, in the order of AMOUNT_COLUMNS."""
        return (
            self.order_fen,
            self.merchant_discount_fen,
            self.platform_discount_fen,
            self.voucher_fen,
            self.paid_fen,
        )

    @property
    def sign(self) -> int:
        """1 for a redemption, -1 for a refund: how its amounts count in a sum."""
        return 1 if self.entry_type is EntryType.REDEEM else -1

    @property
    def signed_voucher_fen(self) -> int:
        """The voucher's money as it counts in the day's sum."""
        return self.sign * self.voucher_fen


class BillFault(StrEnum):
    """Why a bill is quarantined; stable, listed in docs/bills.md with the platform's remedy."""

    KEY = "KEY"
    EARLY = "EARLY"
    STALE = "STALE"
    TOO_LARGE = "TOO_LARGE"
    ENCODING = "ENCODING"
    LAYOUT = "LAYOUT"
    HEADER = "HEADER"
    TRUNCATED = "TRUNCATED"
    FIELD = "FIELD"
    AMOUNT = "AMOUNT"
    TIME = "TIME"
    DUPLICATE_ROW = "DUPLICATE_ROW"
    FOREIGN_VOUCHER = "FOREIGN_VOUCHER"
    TRAILER_COUNT = "TRAILER_COUNT"
    TRAILER_TOTALS = "TRAILER_TOTALS"
    TOO_MANY_VERSIONS = "TOO_MANY_VERSIONS"


@dataclass(frozen=True, slots=True)
class BillFinding:
    """One fault of a bill.

    Args:
        reason: the kind of fault.
        line: the line of the file, from 1; 0 for the file as a whole.
        detail: one sentence for the platform.

    """

    reason: BillFault
    line: int
    detail: str


class BillState(StrEnum):
    """ACCEPTED is the bill of its day; SUPERSEDED was, until a corrected one came."""

    ACCEPTED = "ACCEPTED"
    QUARANTINED = "QUARANTINED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillVersion:
    """One file that a platform delivered for a business date.

    Args:
        version: counts the files of that date from 1, bad ones as well.
        sha256: of its bytes; empty where it was too large to be read.
        rows: without header and trailer; 0 where it is quarantined.
        received_at: when the object was written.
        reconciled_at: when ledger and bill were last compared and the files written; None before.

    """

    platform_id: str
    business_on: date
    version: int
    state: BillState
    object_key: str
    object_version: str
    sha256: str
    rows: int
    received_at: datetime
    reconciled_at: datetime | None = None

    @property
    def was_accepted(self) -> bool:
        """Whether it is, or was, the bill of its day."""
        return self.state is not BillState.QUARANTINED


def accepted_of(versions: Iterable[BillVersion]) -> BillVersion | None:
    """The version that is the bill of its day, or None."""
    return next((bill for bill in versions if bill.state is BillState.ACCEPTED), None)


def row_document(row: BillRow) -> dict[str, str | int]:
    """The row as a JSON object by column; `line` is left out."""
    document: dict[str, str | int] = {
        "platform_order_no": row.platform_order_no,
        "entry_type": row.entry_type.value,
        "refund_no": row.refund_no,
        "voucher_id": row.voucher_id,
        "merchant_id": row.merchant_id,
        "occurred_at": to_rfc3339(row.occurred_at),
    }
    document.update(zip(AMOUNT_COLUMNS, row.amounts, strict=True))
    return document


def row_of_document(document: Mapping[str, Any]) -> BillRow:
    """The row that `row_document` wrote, without its line."""
    return BillRow(
        platform_order_no=document["platform_order_no"],
        entry_type=EntryType(document["entry_type"]),
        refund_no=document["refund_no"],
        voucher_id=document["voucher_id"],
        merchant_id=document["merchant_id"],
        occurred_at=parse_rfc3339(document["occurred_at"]),
        **{name: document[name] for name in AMOUNT_COLUMNS},
    )
