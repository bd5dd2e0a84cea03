"""What a journal is written from, read whole from the tables, and how far it is written.

Vouchers and entries are found by scanning, strongly consistent, as for a recount: an index may
not have got yet, or never got, what a journal must not miss.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Final

from pynamodb.expressions.condition import Condition

from functions.shared.domain.business_time import business_date, day_bounds, to_rfc3339
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.journal import (
    GENESIS,
    Change,
    adjusting_change,
    entry_change,
    return_change,
    statement_change,
    voucher_changes,
)
from functions.shared.store.adjusting import AdjustingStore
from functions.shared.store.connection import Database
from functions.shared.store.ledger import REDEEM, redemption_of, refund_of
from functions.shared.store.returns import ReturnStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.stock import StockStore
from functions.shared.store.tables import LedgerItem, SettlementItem, VoucherItem
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import voucher_of

Keep = Callable[[date, Change], None]
"""Takes a change of a business date."""

_TIME: Final = len("2026-01-05T04:00:00.000Z")

JOURNAL = "JOURNAL"
"""The kind of the journal's bookmark, and its key; it holds no money."""


@dataclass(frozen=True, slots=True)
class JournalBookmark:
    """How far a campaign's journal is written: its last day, that day's root, all its changes."""

    through: date | None = None
    root: str = GENESIS
    changes: int = 0


@dataclass(slots=True)
class Found:
    """What tells whether no change is missing.

    Args:
        before: how many changes there are of earlier days.
        vouchers: how many vouchers there are now.
        issued: what the shards say they have issued, before and after the reading.

    """

    before: int = 0
    vouchers: int = 0
    issued: tuple[int, int] = (0, 0)


class JournalStore:
    """The changes of campaigns by day, and their bookmarks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stock = StockStore(database)
        self._settlements = SettlementStore(database)
        self._returns = ReturnStore(database)
        self._adjusting = AdjustingStore(database)

    def bookmark(self, campaign_id: str) -> JournalBookmark:
        """How far the campaign's journal is written."""
        item = self._database.get(SettlementItem, campaign_id, JOURNAL)
        if item is None:
            return JournalBookmark()
        kept = json.loads(item.payload)
        return JournalBookmark(date.fromisoformat(item.business_on), kept["root"], kept["changes"])

    def advance(
        self, campaign_id: str, after: JournalBookmark, before: JournalBookmark, *, now: datetime
    ) -> None:
        """Moves the bookmark on, unless another run has moved it."""
        assert after.through is not None  # noqa: S101 - a bookmark that moves has a day
        unchanged: Condition = SettlementItem.statement_key.does_not_exist()
        if before.through is not None:
            unchanged = SettlementItem.business_on == before.through.isoformat()
        transaction = self._database.transaction("advance_journal")
        transaction.put(
            "bookmark",
            SettlementItem(
                campaign_id,
                JOURNAL,
                kind=JOURNAL,
                statement_id=JOURNAL,
                business_on=after.through.isoformat(),
                payload=json.dumps({"changes": after.changes, "root": after.root}),
                amount_fen=0,
                made_at=now,
            ),
            unchanged,
        )
        try:
            transaction.commit()
        except Cancelled:
            # Another run has written the same days.
            return

    def changes(self, record: CampaignRecord, first: date, last: date, keep: Keep) -> Found:
        """Finds every change of the campaign on those business dates.

        Args:
            record: the campaign.
            first: the first date.
            last: the last date.
            keep: is given each change, with its date, in no order.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        campaign_id = record.campaign.campaign_id
        span = _Span(to_rfc3339(day_bounds(first)[0]), to_rfc3339(day_bounds(last)[1]))
        found = Found()
        issued_before = self._issued(campaign_id)
        for change in chain(
            self._voucher_changes(campaign_id, span, found),
            self._entry_changes(campaign_id, span, found),
            self._other_changes(campaign_id),
        ):
            on = business_date(change.at)
            if on < first:
                found.before += 1
            elif on <= last:
                keep(on, change)
        found.issued = issued_before, self._issued(campaign_id)
        return found

    def _issued(self, campaign_id: str) -> int:
        return sum(s.issued for s in self._stock.shards_of(list(self._stock.pools(campaign_id))))

    # Most of what a scan finds is of earlier days, and only counted: it is read as it is stored,
    # and no object is made of it.

    def _voucher_changes(self, campaign_id: str, span: _Span, found: Found) -> Iterator[Change]:
        for raw in self._database.scan_raw(VoucherItem, VoucherItem.campaign_id == campaign_id):
            found.vouchers += 1
            times = [line["S"][:_TIME] for line in raw["timeline"]["L"]]
            if any(map(span.holds, times)):
                yield from voucher_changes(voucher_of(VoucherItem.from_raw_data(raw)))
            else:
                found.before += sum(map(span.is_before, times))

    def _entry_changes(self, campaign_id: str, span: _Span, found: Found) -> Iterator[Change]:
        for raw in self._database.scan_raw(LedgerItem, LedgerItem.campaign_id == campaign_id):
            recorded_at = raw["recorded_at"]["S"]
            if span.holds(recorded_at):
                item = LedgerItem.from_raw_data(raw)
                is_redemption = item.entry_type == REDEEM
                yield entry_change(redemption_of(item) if is_redemption else refund_of(item))
            else:
                found.before += span.is_before(recorded_at)

    def _other_changes(self, campaign_id: str) -> Iterator[Change]:
        for statement, made_at in self._settlements.made(campaign_id):
            yield statement_change(statement, made_at)
        for adjusting in self._adjusting.all(campaign_id):
            yield adjusting_change(adjusting)
        for fund_return in self._returns.all(campaign_id):
            yield return_change(fund_return)


@dataclass(frozen=True, slots=True)
class _Span:
    """The time of some days, as times are stored: texts that sort as the times do."""

    start: str
    end: str

    def is_before(self, at: str) -> bool:
        """Whether it is earlier."""
        return at < self.start

    def holds(self, at: str) -> bool:
        """Whether it is on one of the days."""
        return self.start <= at < self.end
