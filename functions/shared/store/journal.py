"""What a journal is written from, read whole from the tables, and how far it is written.

Vouchers and entries are found by scanning, strongly consistent, as for a recount: an index may
not have got yet, or never got, what a journal must not miss.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.models import Model

from functions.shared.domain.business_time import business_date, day_bounds, to_rfc3339
from functions.shared.domain.journal import GENESIS, Change
from functions.shared.domain.journal_changes import (
    adjusting_change,
    break_changes,
    confirmed_change,
    earning_change,
    earning_refund_change,
    entry_change,
    payment_changes,
    payout_change,
    return_change,
    statement_change,
    voucher_changes,
)
from functions.shared.store.adjusting import AdjustingStore
from functions.shared.store.breaks import break_of
from functions.shared.store.connection import Database
from functions.shared.store.earnings import EARN, earning_of, earning_refund_of
from functions.shared.store.ledger import REDEEM, redemption_of, refund_of
from functions.shared.store.payments import PaymentStore
from functions.shared.store.payouts import PayoutStore
from functions.shared.store.returns import ReturnStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.stock import StockStore
from functions.shared.store.tables import (
    BreakItem,
    EarningItem,
    LedgerItem,
    SettlementItem,
    VoucherItem,
)
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import voucher_of

Keep = Callable[[str, date, Change], None]
"""Takes a campaign's change of a business date."""

Told = tuple[str, str, Iterable[Change]]
"""A campaign, the key of an item of its, and the item's changes."""

MOST_CAMPAIGNS: Final = 50
"""Of one reading: a condition may name a hundred, and each keeps a file a day open."""

_TIME: Final = len("2026-01-05T04:00:00.000Z")

JOURNAL = "JOURNAL"
"""The kind of the journal's bookmark, and its key; it holds no money."""


@dataclass(frozen=True, slots=True)
class JournalBookmark:
    """How far a campaign's journal is written: its last day, that day's root, all its changes."""

    through: date | None = None
    root: str = GENESIS
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A campaign, and the first and last business date of which its changes are wanted."""

    campaign_id: str
    first: date
    last: date


@dataclass(slots=True)
class Found:
    """What tells whether no change is missing.

    Args:
        before: how many changes there are of earlier days.
        vouchers: how many vouchers there are now.
        issued: what the shards say they have issued, before and after the reading.
        unreadable: keys of items that no change can be made of.

    """

    before: int = 0
    vouchers: int = 0
    issued: tuple[int, int] = (0, 0)
    unreadable: list[str] = field(default_factory=list)


class JournalStore:
    """The changes of campaigns by day, and their bookmarks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stock = StockStore(database)
        self._settlements = SettlementStore(database)
        self._returns = ReturnStore(database)
        self._adjusting = AdjustingStore(database)
        self._payouts = PayoutStore(database)
        self._payments = PaymentStore(database)

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

    def changes(self, wanted: Sequence[Wanted], keep: Keep) -> dict[str, Found]:
        """Finds every change of some campaigns on some business dates; reads each table once.

        Args:
            wanted: the campaigns and dates; no campaign twice.
            keep: is given each change, with its campaign and date, in no order.

        Returns:
            What tells whether none is missing, by campaign.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        spans = {each.campaign_id: _Span.of(each) for each in wanted}
        for campaign_id, span in spans.items():
            span.found.issued = self._issued(campaign_id), 0
        for campaign_id, name, changes in chain(
            self._voucher_changes(spans),
            self._entry_changes(spans),
            self._earning_changes(spans),
            self._decisions(spans),
            self._other_changes(spans),
        ):
            span = spans[campaign_id]
            try:
                told = list(changes)
            except (LookupError, TypeError, ValueError):
                # Of one campaign: the others' journals are written all the same.
                span.found.unreadable.append(name)
                continue
            for change in told:
                on = business_date(change.at)
                if on < span.first:
                    span.found.before += 1
                elif on <= span.last:
                    keep(campaign_id, on, change)
        for campaign_id, span in spans.items():
            span.found.issued = span.found.issued[0], self._issued(campaign_id)
        return {campaign_id: span.found for campaign_id, span in spans.items()}

    def _issued(self, campaign_id: str) -> int:
        return sum(s.issued for s in self._stock.shards_of(list(self._stock.pools(campaign_id))))

    # Most of what a scan finds is of earlier days, and only counted: it is read as it is stored,
    # and no object is made of it.

    def _voucher_changes(self, spans: Spans) -> Iterator[Told]:
        for raw in self._scanned(VoucherItem, spans):
            campaign_id, span = _owner(raw, spans)
            span.found.vouchers += 1
            times = [line["S"][:_TIME] for line in raw["timeline"]["L"]]
            if any(map(span.holds, times)):
                yield campaign_id, raw["voucher_id"]["S"], _changes_of_voucher(raw)
            else:
                span.found.before += sum(map(span.is_before, times))

    def _entry_changes(self, spans: Spans) -> Iterator[Told]:
        for campaign_id, raw in self._recorded(LedgerItem, spans):
            yield campaign_id, raw["redemption_id"]["S"], _changes_of_entry(raw)

    def _earning_changes(self, spans: Spans) -> Iterator[Told]:
        for campaign_id, raw in self._recorded(EarningItem, spans):
            yield campaign_id, raw["voucher_id"]["S"], _changes_of_earning(raw)

    def _recorded(
        self, model: type[Model], spans: Spans
    ) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
        """Items that were recorded on one of the days; earlier ones are counted."""
        for raw in self._scanned(model, spans):
            campaign_id, span = _owner(raw, spans)
            recorded_at = raw["recorded_at"]["S"]
            if span.holds(recorded_at):
                yield campaign_id, raw
            else:
                span.found.before += span.is_before(recorded_at)

    def _scanned(self, model: type[Model], spans: Spans) -> Iterator[dict[str, Any]]:
        return self._database.scan_raw(model, Path(["campaign_id"]).is_in(*spans))

    def _decisions(self, spans: Spans) -> Iterator[Told]:
        """What persons decided on breaks, whichever campaign a break is of by now."""
        # Of a million breaks persons look into some: the others do not leave the table.
        decided = Path("payload").contains('"proposed_at"')
        for raw in self._database.scan_raw(BreakItem, decided):
            name = raw["break_id"]["S"]
            try:
                decisions = list(break_changes(break_of(BreakItem.from_raw_data(raw))))
            except (LookupError, TypeError, ValueError):
                owner = spans.get(raw.get("campaign_id", {}).get("S", ""))
                if owner is not None:
                    owner.found.unreadable.append(name)
                continue
            for campaign_id, change in decisions:
                if campaign_id in spans:
                    yield campaign_id, name, [change]

    def _other_changes(self, spans: Spans) -> Iterator[Told]:
        for campaign_id in spans:
            yield campaign_id, "settlements", self._campaign_changes(campaign_id)

    def _campaign_changes(self, campaign_id: str) -> Iterator[Change]:
        for statement, made_at in self._settlements.made(campaign_id):
            yield statement_change(statement, made_at)
        for platform_id, on, at in self._payouts.all_confirmations(campaign_id):
            yield confirmed_change(campaign_id, platform_id, on, at)
        yield from map(adjusting_change, self._adjusting.all(campaign_id))
        returns = list(self._returns.all(campaign_id))
        payouts = [payout for payout, _ in self._payouts.all(campaign_id)]
        yield from map(return_change, returns)
        yield from map(payout_change, payouts)
        owed = [made.owed for made in returns] + [payout.owed for payout in payouts]
        for payments in self._payments.of_all(campaign_id, owed):
            yield from payment_changes(payments)


# Generators, so that what cannot be read is met where it is told of whom it is.


def _changes_of_voucher(raw: dict[str, Any]) -> Iterator[Change]:
    yield from voucher_changes(voucher_of(VoucherItem.from_raw_data(raw)))


def _changes_of_entry(raw: dict[str, Any]) -> Iterator[Change]:
    item = LedgerItem.from_raw_data(raw)
    yield entry_change(redemption_of(item) if item.entry_type == REDEEM else refund_of(item))


def _changes_of_earning(raw: dict[str, Any]) -> Iterator[Change]:
    item = EarningItem.from_raw_data(raw)
    if item.entry_key == EARN:
        yield earning_change(earning_of(item))
    else:
        yield earning_refund_change(earning_refund_of(item))


def _owner(raw: dict[str, Any], spans: Spans) -> tuple[str, _Span]:
    campaign_id: str = raw["campaign_id"]["S"]
    return campaign_id, spans[campaign_id]


@dataclass(frozen=True, slots=True)
class _Span:
    """The time of some days, as times are stored: texts that sort as the times do."""

    first: date
    last: date
    start: str
    end: str
    found: Found

    @classmethod
    def of(cls, wanted: Wanted) -> _Span:
        start, end = day_bounds(wanted.first)[0], day_bounds(wanted.last)[1]
        return cls(wanted.first, wanted.last, to_rfc3339(start), to_rfc3339(end), Found())

    def is_before(self, at: str) -> bool:
        """Whether it is earlier."""
        return at < self.start

    def holds(self, at: str) -> bool:
        """Whether it is on one of the days."""
        return self.start <= at < self.end


Spans = Mapping[str, _Span]
