"""A day's ledger entries as flat rows, page by page: for whoever works on whole days.

An entry as an object costs ten times what DynamoDB's own page does; a day of a million entries is
therefore read as rows of text and integers, which go from the page into a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, TypeAlias

from functions.shared.store.connection import Database
from functions.shared.store.ledger import day_bucket
from functions.shared.store.tables import LedgerItem

LedgerRow: TypeAlias = tuple[str, ...]
"""One entry as text: TEXT_COLUMNS, then integers of FEN_COLUMNS, then its segment of the day."""

TEXT_COLUMNS: Final = (
    "entry_type",
    "redemption_id",
    "order_no",
    "refund_no",
    "campaign_id",
    "round_id",
    "voucher_type_id",
    "platform_id",
    "voucher_id",
    "person_ref",
    "merchant_id",
    "industry",
    "size_class",
    "recorded_at",
    "business_on",
    "redeemed_on",
    "voucher_state",
)
"""What is stored under these names; empty where an entry has none (a redemption's refund_no)."""

FEN_COLUMNS: Final = (
    "order_fen",
    "merchant_discount_fen",
    "platform_discount_fen",
    "voucher_fen",
    "paid_fen",
    "fiscal_part_fen",
    "platform_part_fen",
    "merchant_part_fen",
)
"""The entry's own amounts; a refund's are what it reverses."""

_NONE: Final = {"S": ""}


class LedgerRowStore:
    """Entries of a day by segment, as rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pages(
        self, campaign_id: str, platform_id: str, on: date, segment: int
    ) -> Iterator[list[LedgerRow]]:
        """The rows of one segment in order of recording, a page at a time.

        Read from an index: what was written in the last moments may be missing. Several threads
        may read several segments.

        Args:
            campaign_id: whose entries.
            platform_id: on which platform.
            on: recorded on that business date.
            segment: from 0 to DAY_SEGMENTS - 1.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        bucket = day_bucket(campaign_id, platform_id, on, segment)
        for items in self._database.query_raw(LedgerItem.by_day, bucket):
            yield ledger_rows(items, segment)


def ledger_rows(items: list[dict[str, Any]], segment: int) -> list[LedgerRow]:
    """The rows of items of one segment, as DynamoDB writes them."""
    of_segment = str(segment)
    return [_row(item, of_segment) for item in items]


def _row(item: dict[str, Any], segment: str) -> LedgerRow:
    # Written out: a loop over the names takes three times as long, a million times a day.
    return (
        item["entry_type"]["S"],
        item["redemption_id"]["S"],
        item["order_no"]["S"],
        item.get("refund_no", _NONE)["S"],
        item["campaign_id"]["S"],
        item["round_id"]["S"],
        item["voucher_type_id"]["S"],
        item["platform_id"]["S"],
        item["voucher_id"]["S"],
        item["person_ref"]["S"],
        item["merchant_id"]["S"],
        item["industry"]["S"],
        item["size_class"]["S"],
        item["recorded_at"]["S"],
        item["business_on"]["S"],
        item["redeemed_on"]["S"],
        item.get("voucher_state", _NONE)["S"],
        item["order_fen"]["N"],
        item["merchant_discount_fen"]["N"],
        item["platform_discount_fen"]["N"],
        item["voucher_fen"]["N"],
        item["paid_fen"]["N"],
        item["fiscal_part_fen"]["N"],
        item["platform_part_fen"]["N"],
        item["merchant_part_fen"]["N"],
        segment,
    )
