"""Vouchers: claimed, held, released, expired; each a transaction whose conditions are the rules.

claim     stock shard draws one · every identity's limits · the voucher put (the guard)
hold      the voucher's state, for one order
release   the voucher's state, by the same order
expire    vouchers of one shard · the shard's lapsed money
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto

from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from functions.shared.domain.business_time import business_date, parse_rfc3339, to_rfc3339
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import PoolState
from functions.shared.domain.ids import segment_of
from functions.shared.domain.limits import PersonCounter
from functions.shared.domain.vouchers import (
    TIMELINE_LIMIT,
    TimelineEntry,
    Voucher,
    VoucherEvent,
    VoucherState,
)
from functions.shared.store.connection import Database
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


class Draw(Enum):
    """What a claim met at the shard it drew from."""

    ISSUED = auto()
    REPLAYED = auto()
    EMPTY = auto()
    PAUSED = auto()


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """How a claim ended; `voucher` is the one issued, or the one the same number made before."""

    draw: Draw
    voucher: Voucher | None = None


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

    def commit_claim(self, voucher: Voucher, counters: Sequence[PersonCounter]) -> ClaimOutcome:
        """Issues the voucher from its shard, or says why that shard cannot give one.

        Raises:
            HuiminError: PERSON_LIMIT_REACHED with scope, limit and used; KEY_REUSED when the
                platform's number made another voucher before.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("claim")
        transaction.put(
            "voucher", _item(voucher), VoucherItem.voucher_id.does_not_exist(), guard=True
        )
        transaction.update(
            "stock",
            StockItem(voucher.shard_id),
            [StockItem.available.add(-1), StockItem.issued.add(1)],
            (StockItem.available >= 1) & (StockItem.state == PoolState.OPEN.value),
        )
        labels = count_person(transaction, voucher, counters, step=1, holds_voucher=True)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            return _claim_refused(cancelled, voucher, counters, labels)
        return ClaimOutcome(Draw.ISSUED, voucher)

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


def person_key(campaign_id: str, identity_ref: str) -> str:
    """The key of an identity's item in a campaign."""
    return f"{campaign_id}#{identity_ref}"


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


def lapsing_fen(voucher: Voucher) -> int:
    """What the end of the voucher sets free: its whole reserve, or a redemption's slack."""
    if voucher.state in (VoucherState.ISSUED, VoucherState.HELD):
        return voucher.reserve_fen
    return voucher.slack_fen


def count_person(
    transaction: Transaction,
    voucher: Voucher,
    counters: Sequence[PersonCounter],
    *,
    step: int,
    holds_voucher: bool = False,
) -> list[str]:
    """Moves the counters (step 1 or -1) at every identity of the voucher; the items' labels."""
    labels: list[str] = []
    for number, identity_ref in enumerate(voucher.identity_refs):
        label = f"person {number}"
        actions: list[Action] = [Path([counter.name]).add(step) for counter in counters]
        if holds_voucher:
            actions.append(
                PersonItem.voucher_ids.set(
                    (PersonItem.voucher_ids | []).append([voucher.voucher_id])
                )
            )
        if not actions:
            continue
        transaction.update(
            label,
            PersonItem(person_key(voucher.campaign_id, identity_ref)),
            actions,
            _below_limits(counters) if step > 0 else _above_zero(counters),
        )
        labels.append(label)
    return labels


def _below_limits(counters: Sequence[PersonCounter]) -> Condition | None:
    condition: Condition | None = None
    for counter in counters:
        path = Path([counter.name])
        below = path.does_not_exist() | (path < counter.max_count)
        condition = below if condition is None else condition & below
    return condition


def _above_zero(counters: Sequence[PersonCounter]) -> Condition | None:
    condition: Condition | None = None
    for counter in counters:
        counted = Path([counter.name]) >= 1
        condition = counted if condition is None else condition & counted
    return condition


def limit_reached(
    cancelled: Cancelled, label: str, counters: Sequence[PersonCounter]
) -> HuiminError | None:
    """The limit that stood in the way at one identity, if it was a limit."""
    if not cancelled.failed(label):
        return None
    raw = cancelled.raw(label)
    for counter in counters:
        used = int(raw.get(counter.name, {}).get("N", "0"))
        if used >= counter.max_count:
            return HuiminError(
                Code.PERSON_LIMIT_REACHED,
                scope=counter.scope.value,
                limit=counter.max_count,
                used=used,
            )
    return None


def _claim_refused(
    cancelled: Cancelled,
    voucher: Voucher,
    counters: Sequence[PersonCounter],
    labels: Sequence[str],
) -> ClaimOutcome:
    """Reads the reasons in the order that matters: guard, then limits, then stock."""
    stored = cancelled.old("voucher", VoucherItem)
    if stored is not None:
        if stored.content_hash != voucher.content_hash:
            raise HuiminError(Code.KEY_REUSED, number=voucher.request_no) from cancelled
        return ClaimOutcome(Draw.REPLAYED, voucher_of(stored))
    for label in labels:
        reached = limit_reached(cancelled, label, counters)
        if reached is not None:
            raise reached from cancelled
    shard = cancelled.old("stock", StockItem)
    if shard is not None and shard.state == PoolState.PAUSED.value:
        return ClaimOutcome(Draw.PAUSED)
    if cancelled.failed("stock"):
        return ClaimOutcome(Draw.EMPTY)
    raise cancelled


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


def _item(voucher: Voucher) -> VoucherItem:
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
    )


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
    )
