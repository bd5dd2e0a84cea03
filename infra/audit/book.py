"""The book: vouchers, entries, persons and money, kept anew from the journal's changes alone.

Every amount is computed again from the campaign's rules by the code that computed it first; every
state follows from the one before. What does not follow is a finding.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from functions.shared.domain.adjusting import owed_parts
from functions.shared.domain.bills import EntryType
from functions.shared.domain.business_time import business_date, parse_rfc3339
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.errors import HuiminError
from functions.shared.domain.funds import pool_key
from functions.shared.domain.journal import Change
from functions.shared.domain.journal_changes import ADJUSTED, ORDER_EARNED, ORDER_REFUNDED
from functions.shared.domain.limits import PersonCounter, claim_counters, redemption_counters
from functions.shared.domain.money import NO_NET, NO_PARTS, FundingParts, NetParts
from functions.shared.domain.orders import Order
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed, Refunded, plan_refund
from functions.shared.domain.tills import price_at_till
from functions.shared.domain.vouchers import VoucherState as State
from infra.audit.amounts import amounts_of, net_parts_of, parts_of
from infra.audit.decisions import Decisions
from infra.audit.findings import Finding, Kind
from infra.audit.orders import EarnedOrders
from infra.audit.payables import Payables
from infra.audit.proofs import Windows

_ISSUED: Final = frozenset({"claimed", "granted", "earned"})
_UNUSED: Final = frozenset({State.ISSUED, State.HELD})
# The event -> the states before it, and the state after.
_STEPS: Final[Mapping[str, tuple[frozenset[State], State]]] = {
    "held": (_UNUSED, State.HELD),
    "released": (frozenset({State.HELD}), State.ISSUED),
    "redeemed": (_UNUSED, State.REDEEMED),
    # To REDEEMED, EXPIRED or VOIDED: the refund's entry, which stands before, says which.
    "refunded": (frozenset({State.REDEEMED}), State.REDEEMED),
    "restored": (frozenset({State.REDEEMED}), State.ISSUED),
    "expired": (_UNUSED, State.EXPIRED),
    "voided": (_UNUSED, State.VOIDED),
    "taken_back": (_UNUSED, State.VOIDED),
    "forfeited": (frozenset({State.REDEEMED}), State.REDEEMED),
}


@dataclass(slots=True)
class BookedVoucher:
    """What the journal says of a voucher; `event` counts the lines of its timeline."""

    round_id: str
    voucher_type_id: str
    platform_id: str
    reserve_fen: int
    valid_from: datetime
    valid_until: datetime
    persons: tuple[str, ...]
    state: State = State.ISSUED
    events: int = 1
    live: str = ""
    # What the entry of a refund says that the voucher is from then on.
    told: State = State.REDEEMED
    is_forfeited: bool = False


@dataclass(slots=True)
class BookedOrder:
    """A redemption and its refunds so far."""

    voucher_id: str
    amounts: Redeemed
    merchant_id: str
    on: date
    refunded: Refunded = NOTHING_REFUNDED
    refunds: int = 0


@dataclass(slots=True)
class DayTally:
    """What one platform's entries of a business date add up to."""

    count: int = 0
    gross: FundingParts = NO_PARTS
    refunds: FundingParts = NO_PARTS
    adjustments: FundingParts = NO_PARTS
    adjusting: NetParts = NO_NET

    def net(self) -> tuple[int, int, int]:
        """Fiscal, platform and merchant money, net."""
        net = NetParts.between(self.refunds + self.adjustments, self.gross) + self.adjusting
        return net.fiscal_fen, net.platform_fen, net.merchant_fen


class Book:
    """One campaign's book.

    Args:
        campaign: its rules, from the document that the journal names.
        counted_at: when daily proofs were counted.

    """

    def __init__(self, campaign: Campaign, counted_at: Iterable[datetime] = ()) -> None:
        self.campaign = campaign
        self.windows = Windows(counted_at)
        self.vouchers: dict[str, BookedVoucher] = {}
        self.orders: dict[str, BookedOrder] = {}
        # What an order, or with its number a refund, gave or reversed of voucher money.
        self.numbers: dict[tuple[str, str], int] = {}
        self.refund_numbers: dict[tuple[str, str, str], int] = {}
        self.adjusted: dict[str, Mapping[str, Any]] = {}
        self.days: defaultdict[tuple[str, date], DayTally] = defaultdict(DayTally)
        self.payables = Payables(campaign)
        self.decisions = Decisions()
        self._earned = EarnedOrders(campaign)
        self._by_orders: set[str] = set()
        self.used: Counter[tuple[str, str]] = Counter()
        self.limits: dict[str, PersonCounter] = {}
        self.redeemed_net_fen = 0
        self.adjusted_net_fen = 0
        self.outstanding_fen = 0
        self._last: tuple[datetime | None, str] = None, ""

    @property
    def owed_fen(self) -> int:
        """Fiscal money that platforms are owed: redeemed net, and adjusted net."""
        return self.redeemed_net_fen + self.adjusted_net_fen

    def spent(self, settled_on: date) -> tuple[int, int]:
        """Redeemed net and adjusted net, in fen, of all entries of that date or before."""
        redeemed_fen = adjusted_fen = 0
        for (_, on), tally in self.days.items():
            if on <= settled_on:
                adjusted_fen += tally.adjusting.fiscal_fen
                redeemed_fen += tally.net()[0] - tally.adjusting.fiscal_fen
        return redeemed_fen, adjusted_fen

    def enter(self, where: str, change: Change) -> Iterator[Finding]:
        """Books one change; what does not follow from those before it."""
        # The lines of one transaction are of one instant, and the money is whole behind the last:
        # an entry stands before the line that sets its voucher's money free.
        if change.at != self._last[0]:
            yield from self._instant_over(change.at)
        self._last = change.at, where
        try:
            area, _, event = change.kind.partition(".")
            others = self.payables, self.decisions
            if taken := [other for other in others if other.takes(change.kind)]:
                yield from taken[0].enter(where, change)
            elif area == "voucher":
                yield from self._voucher(where, event, change)
            elif change.kind == "ledger.redeemed":
                yield from self._redeemed(where, change)
            elif change.kind == "ledger.refunded":
                yield from self._refunded(where, change)
            elif change.kind == ADJUSTED:
                yield from self._adjusted(where, change)
            elif change.kind == ORDER_EARNED:
                yield from self._order_earned(where, change)
            elif change.kind == ORDER_REFUNDED:
                yield from self._earned.refund_plain(where, change.data)
            else:
                yield Finding(Kind.CHAIN, where, f"no change is called {change.kind}")
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            yield Finding(Kind.ENTRY, where, f"not a change: {type(error).__name__} {error}"[:200])

    def end(self) -> Iterator[Finding]:
        """What the last instant leaves; to be asked when all changes are entered."""
        yield from self._instant_over(None)
        unearned = sorted(self._by_orders - self._earned.earned)
        if unearned:
            detail = f"{len(unearned)} earned vouchers have no order: {unearned[0]}"
            yield Finding(Kind.VOUCHER, self.campaign.campaign_id, detail)

    def _instant_over(self, next_at: datetime | None) -> Iterator[Finding]:
        yield from self._funds()
        yield from self.decisions.instant_over(self._last[1])
        money = self.redeemed_net_fen, self.adjusted_net_fen
        others = self.payables.returned_fen, self.outstanding_fen
        self.windows.hold(self._last[0], next_at, (*money, *others))
        for voucher_id, where in self._earned.due_back.items():
            voucher = self.vouchers[voucher_id]
            if not voucher.is_forfeited and voucher.state in {*_UNUSED, State.REDEEMED}:
                detail = f"{voucher_id} stays, and too little is left of the order that earned it"
                yield Finding(Kind.VOUCHER, where, detail)
        self._earned.due_back.clear()

    def _funds(self) -> Iterator[Finding]:
        held_fen = self.outstanding_fen + self.owed_fen + self.payables.returned_fen
        if (
            held_fen > self.campaign.appropriated_fen
            or min(self.outstanding_fen, self.redeemed_net_fen) < 0
        ):
            detail = f"{held_fen} fen of {self.campaign.appropriated_fen} are given out"
            yield Finding(Kind.FUNDS, self._last[1], detail)

    # Vouchers

    def _voucher(self, where: str, event: str, change: Change) -> Iterator[Finding]:
        voucher_id, _, number = change.change_id.rpartition(".")
        known = self.vouchers.get(voucher_id)
        if event in _ISSUED:
            if known is not None or int(number) != 0:
                yield Finding(Kind.VOUCHER, where, f"{voucher_id} is issued twice")
            else:
                yield from self._issued(where, voucher_id, change)
            return
        if known is None or int(number) != known.events:
            yield Finding(Kind.VOUCHER, where, f"{voucher_id}: its event {number} is out of turn")
            return
        known.events += 1
        before, after = _STEPS[event]
        if event == "refunded":
            after = known.told
        if event == "restored" and known.told is not State.ISSUED:
            yield Finding(Kind.VOUCHER, where, f"{voucher_id} is restored, its refund says not")
        if known.state not in before:
            yield Finding(Kind.VOUCHER, where, f"{voucher_id} was {known.state} and is {event}")
        if event == "redeemed" and not known.valid_from <= change.at < known.valid_until:
            yield Finding(Kind.VOUCHER, where, f"{voucher_id} is not valid then")
        known.is_forfeited |= event in ("taken_back", "forfeited")
        if known.is_forfeited and after is State.VOIDED:
            self._count(known.persons, self._claim_counters(known), -1)
        if event == "expired" and change.at < known.valid_until:
            yield Finding(Kind.VOUCHER, where, f"{voucher_id} ends only at {known.valid_until}")
        self._move(known, after)

    def _issued(self, where: str, voucher_id: str, change: Change) -> Iterator[Finding]:
        data = change.data
        voucher = BookedVoucher(
            round_id=data["round_id"],
            voucher_type_id=data["voucher_type_id"],
            platform_id=data["platform_id"],
            reserve_fen=data["reserve_fen"],
            valid_from=parse_rfc3339(data["valid_from"]),
            valid_until=parse_rfc3339(data["valid_until"]),
            persons=tuple(data["persons"]),
        )
        self.vouchers[voucher_id] = voucher
        if change.kind == "voucher.earned":
            self._by_orders.add(voucher_id)
        self.outstanding_fen += voucher.reserve_fen
        self.windows.issue(
            change.at, pool_key(voucher.round_id, voucher.voucher_type_id, voucher.platform_id)
        )
        voucher_type = self.campaign.voucher_type(voucher.voucher_type_id)
        in_round = self.campaign.round(voucher.round_id)
        if voucher_type is None or in_round is None:
            yield Finding(Kind.VOUCHER, where, "the campaign has no such voucher type or round")
            return
        if voucher.reserve_fen != voucher_type.unit_reserve_fen:
            detail = f"{voucher.reserve_fen} fen are set aside, not {voucher_type.unit_reserve_fen}"
            yield Finding(Kind.VOUCHER, where, detail)
        if not in_round.opens_at <= change.at < in_round.closes_at:
            yield Finding(Kind.VOUCHER, where, "the round is not open then")
        yield from self._counted(where, voucher.persons, self._claim_counters(voucher))

    def _move(self, voucher: BookedVoucher, state: State) -> None:
        if voucher.state in _UNUSED and state not in _UNUSED:
            self.outstanding_fen -= voucher.reserve_fen
        if voucher.state not in _UNUSED and state in _UNUSED:
            self.outstanding_fen += voucher.reserve_fen
        voucher.state = state

    def _claim_counters(self, voucher: BookedVoucher) -> tuple[PersonCounter, ...]:
        return claim_counters(
            self.campaign,
            round_id=voucher.round_id,
            voucher_type_id=voucher.voucher_type_id,
            platform_id=voucher.platform_id,
        )

    def _counted(
        self, where: str, persons: tuple[str, ...], counters: tuple[PersonCounter, ...]
    ) -> Iterator[Finding]:
        self._count(persons, counters, 1)
        for person in persons:
            for counter in counters:
                if self.used[person, counter.name] > counter.max_count:
                    detail = f"{person} has more than {counter.max_count} for {counter.name}"
                    yield Finding(Kind.LIMIT, where, detail)

    def _count(
        self, persons: tuple[str, ...], counters: tuple[PersonCounter, ...], by: int
    ) -> None:
        for person in persons:
            for counter in counters:
                self.used[person, counter.name] += by

    # Entries

    def _redeemed(self, where: str, change: Change) -> Iterator[Finding]:
        data, on = change.data, business_date(change.at)
        amounts = amounts_of(data)
        voucher = self.vouchers[data["voucher_id"]]
        number = data["platform_id"], data["order_no"]
        if data["redemption_id"] in self.orders or number in self.numbers:
            yield Finding(Kind.ENTRY, where, f"the order {number[1]} is redeemed twice")
        if voucher.live and self._is_live(voucher.live):
            yield Finding(Kind.ENTRY, where, f"{data['voucher_id']} has another live redemption")
        self.numbers[number] = amounts.voucher_fen
        self.orders[data["redemption_id"]] = BookedOrder(
            data["voucher_id"], amounts, data["merchant_id"], on
        )
        voucher.live = data["redemption_id"]
        yield from self._priced(where, change.at, data, amounts, voucher)
        counters = redemption_counters(self.campaign, merchant_id=data["merchant_id"], on=on)
        yield from self._counted(where, voucher.persons, counters)
        tally = self.days[data["platform_id"], on]
        tally.count += 1
        tally.gross += amounts.parts
        self.redeemed_net_fen += amounts.parts.fiscal_fen

    def _is_live(self, redemption_id: str) -> bool:
        order = self.orders[redemption_id]
        return order.refunded.refunded_fen < order.amounts.refundable_fen

    def _priced(
        self,
        where: str,
        at: datetime,
        data: Mapping[str, Any],
        amounts: Redeemed,
        voucher: BookedVoucher,
    ) -> Iterator[Finding]:
        voucher_type = self.campaign.voucher_type(voucher.voucher_type_id)
        if voucher_type is not None and not voucher_type.validity.times.include(at):
            yield Finding(Kind.ENTRY, where, "the voucher may not be used at that time")
        order = Order(
            order_fen=amounts.order_fen,
            merchant_discount_fen=amounts.merchant_discount_fen,
            platform_discount_fen=amounts.platform_discount_fen,
        )
        if voucher_type is None:
            return
        try:
            priced = price_at_till(
                voucher_type, order, industry=data["industry"], platform_id=data["platform_id"]
            )
        except HuiminError as refusal:
            yield Finding(Kind.ENTRY, where, f"the rules refuse the order: {refusal.code}")
            return
        if (priced.parts, priced.paid_fen) != (amounts.parts, amounts.paid_fen):
            detail = f"{amounts.voucher_fen} fen of voucher, the rules give {priced.voucher_fen}"
            yield Finding(Kind.ENTRY, where, detail)

    def _refunded(self, where: str, change: Change) -> Iterator[Finding]:
        data, on = change.data, business_date(change.at)
        order = self.orders[data["redemption_id"]]
        voucher = self.vouchers[order.voucher_id]
        try:
            step = plan_refund(
                order.amounts,
                order.refunded,
                refund_fen=data["refund_fen"],
                policy=self.campaign.refunds.part,
            )
        except HuiminError as refusal:
            yield Finding(Kind.ENTRY, where, f"the rules refuse the refund: {refusal.code}")
            return
        found = (data["voucher_fen"], data["paid_fen"], parts_of(data))
        if found != (step.voucher_fen, step.paid_fen, step.parts):
            detail = f"{data['voucher_fen']} fen of voucher go back, the rules say "
            yield Finding(Kind.ENTRY, where, detail + str(step.voucher_fen))
        number = data["platform_id"], data["order_no"], data["refund_no"]
        self.refund_numbers[number] = data["voucher_fen"]
        order.refunded, order.refunds = step.after, order.refunds + 1
        voucher.told = State(data["voucher_state"])
        if step.is_whole:
            counters = redemption_counters(
                self.campaign, merchant_id=order.merchant_id, on=order.on
            )
            self._count(voucher.persons, counters, -1)
        parts = parts_of(data)
        tally = self.days[data["platform_id"], on]
        tally.count += 1
        if order.on == on:
            tally.refunds += parts
        else:
            tally.adjustments += parts
        self.redeemed_net_fen -= parts.fiscal_fen
        self._earned.refund_redeemed(where, data["redemption_id"], step.after)
        yield from self._in_time(where, change.at)

    def _in_time(self, where: str, at: datetime) -> Iterator[Finding]:
        """A refund is in the refund window, or late once the campaign is closed."""
        if at < self.campaign.refunds_end_at:
            return
        if not self.payables.returns or at >= self.campaign.late_refunds_end_at:
            yield Finding(Kind.ENTRY, where, "no refund is taken then")

    # Orders that earned vouchers

    def _order_earned(self, where: str, change: Change) -> Iterator[Finding]:
        data = change.data
        voucher = self.vouchers[data["voucher_id"]]
        order = self.orders.get(data["redemption_id"] or "")
        redeemed = (order.amounts, order.refunded) if order else None
        yield from self._earned.earn(where, data, voucher.voucher_type_id, redeemed)

    # Breaks that were ended by accepting the bill

    def _adjusted(self, where: str, change: Change) -> Iterator[Finding]:
        data, on = change.data, business_date(change.at)
        break_id, parts = data["break_id"], net_parts_of(data)
        standing = self.adjusted.pop(break_id, None)
        if data["is_reversal"]:
            if standing is None or net_parts_of(standing) != -parts:
                yield Finding(Kind.ENTRY, where, f"nothing of {break_id} stands that it reverses")
        else:
            if standing is not None:
                yield Finding(Kind.ENTRY, where, f"{break_id} is adjusted twice")
            self.adjusted[break_id] = data
            self.decisions.note_adjusted(break_id)
            yield from self._accepted(where, data, parts)
        tally = self.days[data["platform_id"], on]
        tally.count += 1
        tally.adjusting += parts
        self.adjusted_net_fen += parts.fiscal_fen

    def _accepted(self, where: str, data: Mapping[str, Any], parts: NetParts) -> Iterator[Finding]:
        """Its parts follow from both sides, and the ledger's side from the entries."""
        voucher = self.vouchers[data["voucher_id"]]
        voucher_type = self.campaign.voucher_type(voucher.voucher_type_id)
        if voucher_type is None:
            return
        entry_type = EntryType(data["entry_type"])
        number = data["platform_id"], data["order_no"]
        booked_fen = (
            self.numbers.get(number, 0)
            if entry_type is EntryType.REDEEM
            else -self.refund_numbers.get((*number, data["refund_no"]), 0)
        )
        if data["ledger_fen"] != booked_fen:
            detail = f"the ledger's side is {data['ledger_fen']} fen, booked were {booked_fen}"
            yield Finding(Kind.ENTRY, where, detail)
        sides = abs(data["ledger_fen"]), abs(data["bill_fen"])
        if parts != owed_parts(*sides, entry_type, voucher_type.benefit.funding):
            yield Finding(Kind.ENTRY, where, f"{parts.total_fen} fen are not what the sides give")
        if sides[1] > voucher_type.benefit.greatest_fen:
            yield Finding(Kind.ENTRY, where, f"no such voucher gives {sides[1]} fen")
