"""Vouchers: read, held, released, voided, expired; the conditions of transactions are the rules.

hold      the voucher's state, for one order
release   the voucher's state, by the same order
void      the voucher's state · its shard's lapsed money
expire    vouchers of one shard · the shard's lapsed money

What a refund does to a voucher that the order earned is `taken_back`, in the refund's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import Any

from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from functions.shared.domain.business_time import business_date, parse_rfc3339, to_rfc3339
from functions.shared.domain.earnings import TakeBack
from functions.shared.domain.ids import segment_of
from functions.shared.domain.vouchers import (
    TIMELINE_LIMIT,
    TimelineEntry,
    Voucher,
    VoucherEvent,
    VoucherState,
)
from functions.shared.store.connection import Database
from functions.shared.store.persons import person_key
from functions.shared.store.tables import (
    ISSUE_SEGMENTS,
    PersonItem,
    StockItem,
    VoucherItem,
    VouchersByIssueDay,
)
from functions.shared.store.transaction import Cancelled, Transaction

# The shard is one of the hundred items; small batches keep a conflict cheap.
EXPIRED_PER_TRANSACTION = 25

READ_LIMIT = 100
"""The most items of one BatchGetItem. Source: DynamoDB API reference."""

OWNER_READERS = 8
"""How many threads ask for owners; more than eight keep one core no busier."""


@dataclass(frozen=True, slots=True)
class IssuedVoucher:
    """What the index by day of issue knows of a voucher."""

    voucher_id: str
    state: VoucherState
    person_ref: str
    voucher_type_id: str
    platform_id: str
    round_id: str
    reserve_fen: int
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """Through which platform, and in which campaign, a voucher was issued."""

    voucher_id: str
    platform_id: str
    campaign_id: str


class VoucherStore:
    """Vouchers by id, by person and by day of issue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, voucher_id: str) -> Voucher | None:
        """The voucher, strongly consistent; None when there is none."""
        item = self._database.get(VoucherItem, voucher_id)
        return voucher_of(item) if item else None

    def of_person(self, campaign_id: str, identity_ref: str) -> list[Voucher]:
        """The vouchers that an identity holds in a campaign, oldest first."""
        person = self._database.get(PersonItem, person_key(campaign_id, identity_ref))
        if person is None or not person.voucher_ids:
            return []
        items = self._database.get_many(VoucherItem, person.voucher_ids)
        return sorted(
            (voucher_of(item) for item in items), key=lambda v: (v.issued_at, v.voucher_id)
        )

    def issued_on(
        self, campaign_id: str, on: date, *, valid_until_at_most: datetime | None = None
    ) -> Iterator[IssuedVoucher]:
        """The campaign's vouchers issued on a business date, perhaps only those ended by a time.

        Read from an index: what was written in the last moments may be missing.
        """
        condition: Condition | None = None
        if valid_until_at_most is not None:
            condition = VouchersByIssueDay.valid_until <= valid_until_at_most
        for segment in range(ISSUE_SEGMENTS):
            bucket = issue_bucket(campaign_id, on, segment)
            for item in self._database.query(VoucherItem.by_issue_day, bucket, condition):
                yield IssuedVoucher(
                    voucher_id=item.voucher_id,
                    state=VoucherState(item.state),
                    person_ref=item.person_ref,
                    voucher_type_id=item.voucher_type_id,
                    platform_id=item.platform_id,
                    round_id=item.round_id,
                    reserve_fen=item.reserve_fen,
                    valid_until=item.valid_until,
                )

    def many(self, voucher_ids: Sequence[str]) -> list[Voucher]:
        """Those vouchers, strongly consistent, by id."""
        items = self._database.get_many(VoucherItem, voucher_ids)
        return sorted((voucher_of(item) for item in items), key=lambda v: v.voucher_id)

    def owners(self, voucher_ids: Iterable[str]) -> Iterator[Owner]:
        """Whose those vouchers are, strongly consistent, in no order; unknown ones are left out.

        Read by several threads, a hundred a call: for a bill of a million rows.

        Raises:
            Busy: throttled or lost beyond the retries.

        """
        batches = _batches(voucher_ids)
        with ThreadPoolExecutor(OWNER_READERS) as readers:
            # A few at a time: all of them at once would be the whole bill in memory.
            while some := list(islice(batches, 8 * OWNER_READERS)):
                for item in chain.from_iterable(readers.map(self._owner_items, some)):
                    yield Owner(
                        voucher_id=item["voucher_id"]["S"],
                        platform_id=item["platform_id"]["S"],
                        campaign_id=item["campaign_id"]["S"],
                    )

    def _owner_items(self, voucher_ids: Sequence[str]) -> list[dict[str, dict[str, Any]]]:
        names = ("voucher_id", "platform_id", "campaign_id")
        return self._database.get_many_raw(VoucherItem, voucher_ids, names)

    def hold(
        self, voucher: Voucher, *, order_no: str, held_until: datetime, now: datetime
    ) -> Voucher:
        """Reserves the voucher for an order.

        Raises:
            Cancelled: its stored state no longer allows that; read it again to learn why.

        """
        transaction = self._database.transaction("hold")
        transaction.update(
            "voucher",
            VoucherItem(voucher.voucher_id),
            [
                VoucherItem.state.set(VoucherState.HELD.value),
                VoucherItem.order_no.set(order_no),
                VoucherItem.held_until.set(held_until),
                told(TimelineEntry(now, VoucherEvent.HELD, order_no)),
            ],
            usable_by(order_no, now) & (size("timeline") < TIMELINE_LIMIT),
        )
        transaction.commit()
        return self._stored(voucher)

    def release(self, voucher: Voucher, *, order_no: str, now: datetime) -> Voucher:
        """Gives the voucher back from the order that holds it.

        Raises:
            Cancelled: that order does not hold it; read it again to learn why.

        """
        transaction = self._database.transaction("release")
        transaction.update(
            "voucher",
            VoucherItem(voucher.voucher_id),
            [
                VoucherItem.state.set(VoucherState.ISSUED.value),
                VoucherItem.held_until.remove(),
                told(TimelineEntry(now, VoucherEvent.RELEASED, order_no)),
            ],
            (VoucherItem.state == VoucherState.HELD.value) & (VoucherItem.order_no == order_no),
        )
        transaction.commit()
        return self._stored(voucher)

    def void(self, voucher: Voucher, *, void_no: str, now: datetime) -> Voucher:
        """Ends an unused voucher for good, and moves its money to its shard's lapsed.

        Raises:
            Cancelled: it is no longer unused, or has ended; read it again to learn why.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("void")
        transaction.update(
            "voucher",
            VoucherItem(voucher.voucher_id),
            [
                VoucherItem.state.set(VoucherState.VOIDED.value),
                VoucherItem.held_until.remove(),
                told(TimelineEntry(now, VoucherEvent.VOIDED, void_no)),
            ],
            VoucherItem.state.is_in(VoucherState.ISSUED.value, VoucherState.HELD.value)
            & (VoucherItem.valid_until > now),
        )
        add_lapsed(transaction, {voucher.shard_id: voucher.reserve_fen})
        transaction.commit()
        return self._stored(voucher)

    def expire(self, shard_id: str, vouchers: Sequence[Voucher], *, now: datetime) -> int:
        """Writes down that unused vouchers of one shard have ended and moves their money to lapsed.

        A redeemed voucher among them gives up its slack only. What changed in between is left for
        the next run. Returns how many were written.
        """
        left = list(vouchers)
        while left:
            transaction = self._database.transaction("expire")
            for voucher in left:
                _end(transaction, voucher, now)
            lapsed_fen = sum(lapsing_fen(voucher) for voucher in left)
            transaction.update(
                "stock",
                StockItem(shard_id),
                [StockItem.lapsed_fen.add(lapsed_fen)],
                # Without this an update makes the item, and its money would be in no pool.
                StockItem.shard_id.exists(),
            )
            try:
                transaction.commit()
            except Cancelled as cancelled:
                if cancelled.failed("stock"):
                    raise
                left = [v for v in left if not cancelled.failed(v.voucher_id)]
            else:
                return len(left)
        return 0

    def _stored(self, voucher: Voucher) -> Voucher:
        stored = self.get(voucher.voucher_id)
        assert stored is not None, voucher.voucher_id  # noqa: S101 - vouchers are never deleted
        return stored


def issue_bucket(campaign_id: str, on: date, segment: int) -> str:
    """The index key of vouchers issued on a date, one of ISSUE_SEGMENTS."""
    return f"{campaign_id}#{on.isoformat()}#{segment:02d}"


def usable_by(order_no: str, now: datetime) -> Condition:
    """The stored form of `shared.domain.vouchers.require_usable`: the order may use it now."""
    free: Condition = VoucherItem.state == VoucherState.ISSUED.value
    mine: Condition = (VoucherItem.state == VoucherState.HELD.value) & (
        (VoucherItem.order_no == order_no) | (VoucherItem.held_until <= now)
    )
    current: Condition = (VoucherItem.valid_from <= now) & (VoucherItem.valid_until > now)
    usable: Condition = (free | mine) & current
    return usable


def told(entry: TimelineEntry) -> Action:
    """Adds a line to the voucher's timeline."""
    return VoucherItem.timeline.set(VoucherItem.timeline.append([_line(entry)]))


def forfeited_as(voucher: Voucher) -> Condition:
    """The voucher is forfeited, or not, as it was when it was read."""
    if voucher.is_forfeited:
        forfeited: Condition = VoucherItem.forfeited.exists()
        return forfeited
    return VoucherItem.forfeited.does_not_exist()


def taken_back(transaction: Transaction, taken: TakeBack) -> None:
    """The earned voucher's own part of the refund of its order; it must still be as it was read.

    That it is forfeited is written here only, beside the refunded total of its order: the guard of
    that keeps two from doing so at once.
    """
    voucher = taken.voucher
    unchanged = VoucherItem.state == voucher.state.value
    actions = [VoucherItem.state.set(taken.state.value), told(taken.told)]
    if taken.forfeits:
        actions.append(VoucherItem.forfeited.set(True))
    if voucher.state is not VoucherState.REDEEMED:
        actions.append(VoucherItem.held_until.remove())
    transaction.update("earned voucher", VoucherItem(voucher.voucher_id), actions, unchanged)


def add_lapsed(transaction: Transaction, lapsed: Mapping[str, int]) -> None:
    """The money that lapses at each shard, by its id; a shard without any is left alone."""
    for shard_id, lapsed_fen in lapsed.items():
        if lapsed_fen:
            transaction.update(
                shard_id,
                StockItem(shard_id),
                [StockItem.lapsed_fen.add(lapsed_fen)],
                # Without this an update makes the item, and its money would be in no pool.
                StockItem.shard_id.exists(),
            )


def lapsing_fen(voucher: Voucher) -> int:
    """What the end of the voucher sets free: its whole reserve, or a redemption's slack."""
    if voucher.state in (VoucherState.ISSUED, VoucherState.HELD):
        return voucher.reserve_fen
    return voucher.slack_fen


def _end(transaction: Transaction, voucher: Voucher, now: datetime) -> None:
    """One voucher's part of an expiry: it must still be as it was read."""
    item = VoucherItem(voucher.voucher_id)
    unchanged = (VoucherItem.state == voucher.state.value) & (VoucherItem.valid_until <= now)
    if voucher.state in (VoucherState.ISSUED, VoucherState.HELD):
        actions = [
            VoucherItem.state.set(VoucherState.EXPIRED.value),
            told(TimelineEntry(now, VoucherEvent.EXPIRED)),
        ]
        transaction.update(voucher.voucher_id, item, actions, unchanged)
    else:
        unchanged &= VoucherItem.slack_fen == voucher.slack_fen
        transaction.update(voucher.voucher_id, item, [VoucherItem.slack_fen.set(0)], unchanged)


def _line(entry: TimelineEntry) -> str:
    return f"{to_rfc3339(entry.at)} {entry.event.value} {entry.reference}".rstrip()


def _entry(line: str) -> TimelineEntry:
    at, event, *reference = line.split(" ", 2)
    return TimelineEntry(parse_rfc3339(at), VoucherEvent(event), "".join(reference))


def timeline_time(line: str) -> str:
    """When a line of a stored timeline happened, as it is stored."""
    return line.partition(" ")[0]


def item_of(voucher: Voucher) -> VoucherItem:
    """The item that holds a voucher."""
    segment = segment_of(voucher.voucher_id, ISSUE_SEGMENTS)
    return VoucherItem(
        voucher.voucher_id,
        campaign_id=voucher.campaign_id,
        round_id=voucher.round_id,
        voucher_type_id=voucher.voucher_type_id,
        platform_id=voucher.platform_id,
        person_ref=voucher.person_ref,
        identity_refs=list(voucher.identity_refs),
        shard_id=voucher.shard_id,
        request_no=voucher.request_no,
        content_hash=voucher.content_hash,
        state=voucher.state.value,
        issued_at=voucher.issued_at,
        valid_from=voucher.valid_from,
        valid_until=voucher.valid_until,
        reserve_fen=voucher.reserve_fen,
        slack_fen=voucher.slack_fen,
        timeline=[_line(entry) for entry in voucher.timeline],
        issue_bucket=issue_bucket(voucher.campaign_id, business_date(voucher.issued_at), segment),
        order_no=voucher.order_no,
        held_until=voucher.held_until,
        redemption_id=voucher.redemption_id,
        forfeited=voucher.is_forfeited or None,
    )


def _batches(voucher_ids: Iterable[str]) -> Iterator[list[str]]:
    """Those ids, as many together as one call takes."""
    ids = iter(voucher_ids)
    while batch := list(islice(ids, READ_LIMIT)):
        yield batch


def voucher_of(item: VoucherItem) -> Voucher:
    """The voucher that an item holds."""
    return Voucher(
        voucher_id=item.voucher_id,
        campaign_id=item.campaign_id,
        round_id=item.round_id,
        voucher_type_id=item.voucher_type_id,
        platform_id=item.platform_id,
        person_ref=item.person_ref,
        identity_refs=tuple(item.identity_refs),
        shard_id=item.shard_id,
        request_no=item.request_no,
        content_hash=item.content_hash,
        state=VoucherState(item.state),
        issued_at=item.issued_at,
        valid_from=item.valid_from,
        valid_until=item.valid_until,
        reserve_fen=item.reserve_fen,
        slack_fen=item.slack_fen,
        timeline=tuple(_entry(line) for line in item.timeline),
        order_no=item.order_no,
        held_until=item.held_until,
        redemption_id=item.redemption_id,
        is_forfeited=bool(item.forfeited),
    )
