"""Publishing: committed changes become news on the event bus, at least once, in their order.

    stream ──batch──> publish_changes ──> bus ──> platforms' rules
       └─ again, from the first record that the bus has not taken

    tables ──replay──> bus, marked as told again

A change is committed before it is told: no failure here can undo or delay it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, islice
from typing import Any

from functions.shared.domain.business_time import business_date
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.news import (
    News,
    adjusting_news,
    entry_news,
    paid_news,
    payout_news,
    statement_news,
    voucher_news,
)
from functions.shared.store.adjusting import AdjustingStore
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.changes import news_of
from functions.shared.store.connection import Database
from functions.shared.store.event_bus import ENTRIES_PER_CALL, EventBus
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.payments import PaymentStore
from functions.shared.store.payouts import PayoutStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.vouchers import VoucherStore

# A batch read takes a hundred keys.
_READ_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class Published:
    """What a batch came to.

    Args:
        count: pieces of news that the bus has taken.
        failed_from: the sequence number of the first record that must be delivered again, with
            all behind it; None when none must.

    """

    count: int
    failed_from: str | None


class NewsNotTaken(Exception):
    """The bus did not take the news of a replay; the same replay may be asked for again."""


@dataclass(frozen=True, slots=True)
class NewsStores:
    """What news is told again from."""

    campaigns: CampaignStore
    vouchers: VoucherStore
    ledger: LedgerStore
    settlements: SettlementStore
    adjusting: AdjustingStore
    payouts: PayoutStore
    payments: PaymentStore

    @classmethod
    def of(cls, database: Database) -> NewsStores:
        """Those of a database."""
        return cls(
            campaigns=CampaignStore(database),
            vouchers=VoucherStore(database),
            ledger=LedgerStore(database),
            settlements=SettlementStore(database),
            adjusting=AdjustingStore(database),
            payouts=PayoutStore(database),
            payments=PaymentStore(database),
        )


class Publisher:
    """The use cases of the publish function.

    Args:
        bus: takes the news.
        stores: what a replay reads.
        table_prefix: of the deployment's tables.

    """

    def __init__(self, bus: EventBus, stores: NewsStores, table_prefix: str) -> None:
        self._bus = bus
        self._stores = stores
        self._table_prefix = table_prefix

    def publish_changes(self, records: Sequence[Mapping[str, Any]]) -> Published:
        """Publishes the news of a stream's records.

        A record counts as done when the bus has taken all its news, and all before it are done.
        """
        told = [(record, news_of(record, self._table_prefix)) for record in records]
        taken = self._bus.publish([piece for _, news in told for piece in news])
        left = iter(taken)
        for record, news in told:
            if not all(list(islice(left, len(news)))):
                return Published(sum(taken), record["dynamodb"]["SequenceNumber"])
        return Published(sum(taken), None)

    def replay(self, campaign_id: str, on: date) -> int:
        """Publishes again all news of a campaign's business date, marked; the number of pieces.

        From the tables, however long ago: the stream keeps a day. It may be asked for as often as
        one likes; ids are those of the first time.

        Raises:
            HuiminError: NOT_FOUND, if there is no such campaign.
            NewsNotTaken: what came before the first piece that was not taken is published.

        """
        record = self._stores.campaigns.get(campaign_id)
        if record is None:
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        platforms = record.campaign.platform_ids
        first_on = business_date(record.campaign.rounds[0].opens_at)
        count = 0
        for page in _pages(self._news_of_day(campaign_id, platforms, first_on, on)):
            if not all(self._bus.publish(page, is_replay=True)):
                raise NewsNotTaken(f"{campaign_id} {on}: stopped after {count} pieces")
            count += len(page)
        return count

    def _news_of_day(
        self, campaign_id: str, platforms: Iterable[str], first_on: date, on: date
    ) -> Iterator[News]:
        for issued_on in _days(first_on, on):
            issued = (v.voucher_id for v in self._stores.vouchers.issued_on(campaign_id, issued_on))
            while ids := list(islice(issued, _READ_TOGETHER)):
                for voucher in self._stores.vouchers.many(ids):
                    yield from (n for n in voucher_news(voucher) if business_date(n.at) == on)
        for platform_id in platforms:
            for entry in self._stores.ledger.of_day(campaign_id, platform_id, on):
                yield entry_news(entry)
        for statement, made_at in self._stores.settlements.made(campaign_id):
            if business_date(made_at) == on:
                yield statement_news(statement, made_at)
        later = chain(self._adjusting_news(campaign_id), self._payout_news(campaign_id))
        yield from (news for news in later if business_date(news.at) == on)

    def _adjusting_news(self, campaign_id: str) -> Iterator[News]:
        return map(adjusting_news, self._stores.adjusting.all(campaign_id))

    def _payout_news(self, campaign_id: str) -> Iterator[News]:
        payouts = [payout for payout, _ in self._stores.payouts.all(campaign_id)]
        owed = [payout.owed for payout in payouts]
        payments = self._stores.payments.of_all(campaign_id, owed)
        for payout, paid in zip(payouts, payments, strict=True):
            yield payout_news(payout)
            yield from paid_news(campaign_id, payout.owed.key, paid.payments)


def _pages(news: Iterator[News]) -> Iterator[list[News]]:
    while page := list(islice(news, ENTRIES_PER_CALL)):
        yield page


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
