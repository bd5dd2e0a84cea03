"""The details of settlements: every line is an entry of the journal, each once, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from functions.shared.files.manifest import Manifest
from infra.audit.book import Book, DayTally
from infra.audit.findings import Finding, Kind
from infra.audit.reading import rows_at
from infra.audit.sources import Source

# One file, or of a large day one a segment and one of adjusting entries.
_DETAIL: Final = re.compile(r"detail(?:-[a-z0-9]+)?\.csv\Z")
_ADJUSTING: Final = "ADJUSTING_ENTRY"
_AMOUNTS: Final = (
    "order_fen",
    "merchant_discount_fen",
    "platform_discount_fen",
    "voucher_fen",
    "paid_fen",
)


class Details:
    """The details of one campaign's settlements.

    Args:
        book: kept from its journal.
        source: the files.

    """

    def __init__(self, book: Book, source: Source) -> None:
        self._book = book
        self._source = source

    def check(
        self, prefix: str, manifest: Manifest, platform_id: str, on: date, tally: DayTally
    ) -> Iterator[Finding]:
        """What the lines of a set say otherwise than the journal.

        Args:
            prefix: of the set.
            manifest: of the set.
            platform_id: whose day it is.
            on: the business date.
            tally: what the journal's entries of that day add up to.

        """
        seen: set[tuple[str, ...]] = set()
        count, settled_fen, strange = 0, 0, list[str]()
        for entry in manifest.files:
            if not _DETAIL.match(entry.name):
                continue
            for row in rows_at(self._source, prefix + entry.name):
                count += 1
                settled_fen += int(row["settled_fen"])
                key = tuple(
                    row[name] for name in ("entry_type", "redemption_id", "refund_no", "break_id")
                )
                is_twice = key in seen and row["entry_type"] != _ADJUSTING
                if is_twice or not self._is_booked(row, platform_id, on):
                    strange.append(" ".join(filter(None, key)))
                seen.add(key)
        if strange:
            detail = f"{len(strange)} lines are no entries of the journal: {strange[0]}"
            yield Finding(Kind.SETTLEMENT, f"{prefix}detail", detail)
        if (count, settled_fen) != (tally.count, tally.net()[0]):
            detail = f"{count} lines settle {settled_fen} fen; the journal has {tally.count}, "
            yield Finding(Kind.SETTLEMENT, f"{prefix}detail", f"{detail}{tally.net()[0]} fen")

    def _is_booked(self, row: Mapping[str, str], platform_id: str, on: date) -> bool:
        if row["platform_id"] != platform_id or row["business_date"] != on.isoformat():
            return False
        if row["entry_type"] == _ADJUSTING:
            # Its amounts are in the day's sum; a reversed one no longer stands in the book.
            return True
        order = self._book.orders.get(row["redemption_id"])
        if order is None or order.voucher_id != row["voucher_id"]:
            return False
        if row["entry_type"] == "REFUND":
            number = platform_id, row["order_no"], row["refund_no"]
            return str(self._book.refund_numbers.get(number)) == row["voucher_fen"]
        amounts = order.amounts
        told = [row[name] for name in _AMOUNTS] + [row["fiscal_part_fen"]]
        booked = [getattr(amounts, name) for name in _AMOUNTS] + [amounts.parts.fiscal_fen]
        return (
            order.on == on
            and (platform_id, row["order_no"]) in self._book.numbers
            and order.merchant_id == row["merchant_id"]
            and told == list(map(str, booked))
        )
