"""Everything that moves a voucher or money, as operations that faults strike.

A new operation registers here and is struck in every way, with no other new code.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from functions.finance.settlements import Told
from functions.reconcile.funding import follow_state, fund_campaign
from functions.reconcile.invariants import recount_daily
from functions.reconcile.journal import write_journals
from functions.reconcile.payout_files import publish_payouts
from functions.reconcile.rollover import drain_all
from functions.reconcile.stock_changes import finish_changes
from functions.reconcile.sweep import SETTLING
from functions.shared.domain.adjusting import CLOSING_WAITS
from functions.shared.domain.breaks import ResolutionKind
from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Busy, HuiminError
from functions.shared.domain.payments import BankReply
from functions.shared.domain.vouchers import VoucherState
from tests.reconcile_money.world import (
    APPROVER,
    CAMPAIGN,
    DAY,
    OPERATOR,
    SHARED_DISCOUNT,
    START,
    World,
    allocation,
    document,
    with_gifts,
    with_thanks,
)
from tests.support.faults import Operations, ProcessDeath, Way

OPERATIONS: Operations[World] = Operations()
ROUND_1_CLOSES = START + DAY


def small(**refunds: str) -> dict[str, Any]:
    """Two rounds of a day, two days apart; 5 units of one type in 2 shards on one platform."""
    plain = document()
    rounds = [
        {
            "round_id": f"r{number + 1}",
            "opens_at": (START + 2 * number * DAY).isoformat(),
            "closes_at": (START + (2 * number + 1) * DAY).isoformat(),
            "stock": [allocation("shared", "unionpay", 5)],
        }
        for number in range(2)
    ]
    to_the_rounds_end = {**SHARED_DISCOUNT, "validity": {"kind": "ROUND"}}
    return {
        **plain,
        "voucher_types": [to_the_rounds_end],
        "rounds": rounds,
        "refunds": {**plain["refunds"], **refunds},
    }


def running(world: World, **refunds: str) -> None:
    """That campaign, approved."""
    world.clear()
    world.run(small(**refunds))


def approved(world: World) -> None:
    """That campaign, its funding not begun."""
    world.clear()
    world.stores.campaigns.change_state(
        world.draft(small()), CampaignState.FUNDING, approved_by=APPROVER, now=world.now
    )


def claim(world: World, person: int = 0) -> None:
    """One claim; remembered as the stage's voucher."""
    world.voucher = world.claim(f"n{person}", person=person, type_id="shared")


def with_voucher(world: World) -> None:
    """A running campaign with an issued voucher."""
    running(world)
    claim(world)


def with_hold(world: World) -> None:
    """The same, held for an order."""
    with_voucher(world)
    world.till.hold_voucher("unionpay", world.voucher.voucher_id, "o1", world.now)


def with_redemption(world: World, **refunds: str) -> None:
    """A running campaign with a redeemed voucher."""
    running(world, **refunds)
    claim(world)
    world.redemption = world.redeem(world.voucher, "o1")


def round_1_over(world: World) -> None:
    """Round 1 is over: something was not issued, something lapses, something was used."""
    with_redemption(world)
    for person in (1, 2, 3):
        claim(world, person)
    world.now = ROUND_1_CLOSES + DAY


def swept(world: World) -> None:
    """The same, and all that has ended is written down."""
    round_1_over(world)
    world.sweep()


def drained(world: World) -> None:
    """The same, and round 1 has its money in the pot."""
    swept(world)
    assert world.stores.stock.drain(world.pool("r1", "shared"))


def moved_on(world: World) -> None:
    """The same, and the pot has moved to round 2."""
    drained(world)
    stock = world.stores.stock
    assert stock.move_on(world.pool("r1", "shared"), world.pool("r2", "shared"))


def at_the_end(world: World) -> None:
    """All is over, swept and drained; nothing is settled."""
    round_1_over(world)
    world.now = world.record().campaign.refunds_end_at + SETTLING
    world.sweep()
    assert drain_all(world.record(), world.stores, world.now)


def settled(world: World) -> None:
    """The same, and settled."""
    at_the_end(world)
    world.settle()


def with_packs(world: World) -> None:
    """A running campaign with a pack of two types, one of them twice; some of it is taken."""
    world.clear()
    pack = {
        "pack_id": "family",
        "name": {"zh": "家庭券包", "en": "Family pack"},
        "voucher_type_ids": ["full", "shared", "full"],
    }
    world.run(document(packs=[pack]))
    world.claim("n0", person=1, type_id="shared")


def almost_sold_out(world: World) -> None:
    """All but one of five units are taken, and nobody knows where it lies."""
    running(world)
    for person in range(4):
        claim(world, person)


def all_taken(world: World) -> None:
    """All five units are taken, and nobody has said so."""
    almost_sold_out(world)
    claim(world, 4)


def half_resumed(world: World) -> None:
    """A paused campaign that runs again, and whose pools do not know it yet."""
    running(world)
    paused = world.bureau.pause_campaign(CAMPAIGN, world.now)
    world.stores.campaigns.change_state(paused, CampaignState.RUNNING, now=world.now)


def with_gifts_to_give(world: World) -> None:
    """A running campaign with three vouchers to be granted."""
    world.clear()
    world.run(with_gifts(small()))


def listed(world: World) -> None:
    """The same, and three persons are listed."""
    with_gifts_to_give(world)
    world.list_persons("g1", range(3))


def to_be_granted(world: World) -> None:
    """Three persons may be granted a voucher; one of them has two already."""
    world.clear()
    world.run(with_gifts(small(), units=5))
    for grant_id in ("before", "and-before"):
        world.list_persons(grant_id, [0])
        world.approve_grant(grant_id, 1)
        world.carry_out(grant_id)
    world.list_persons("g1", range(3))
    world.approve_grant("g1", 3)


def to_be_granted_too_much(world: World) -> None:
    """Two persons may be granted a voucher; one is left."""
    with_gifts_to_give(world)
    for grant_id, persons in (("before", range(5, 7)), ("g1", range(2))):
        world.list_persons(grant_id, persons)
        world.approve_grant(grant_id, 2)
    world.carry_out("before")


def thankful(world: World, **refunds: str) -> None:
    """A running campaign in which orders earn vouchers; person 0 has redeemed one for an order."""
    world.clear()
    world.run(with_thanks(small(**refunds)))
    claim(world)
    world.redemption = world.redeem(world.voucher, "o1")


def earned_plainly(world: World) -> None:
    """The same, and a plain order has earned a voucher."""
    thankful(world)
    world.earned = world.earn("p1", person=1)


def earned_by_redeeming(world: World, **refunds: str) -> None:
    """The same, and it was the order that redeemed a voucher."""
    thankful(world, **refunds)
    world.earned = world.earn("o1")


def earned_too_late(world: World) -> None:
    """A voucher was earned by a plain order, and ended before the sweep saw it."""
    earned_plainly(world)
    world.now = ROUND_1_CLOSES + DAY


def forfeited(world: World) -> None:
    """An earned voucher is in use, and the order that earned it is refunded."""
    earned_plainly(world)
    world.redemption = world.redeem(world.earned, "o9")
    world.refund_plain(world.earned, "f0", 1_001)


# What platforms ask for


@OPERATIONS.register("claim", running)
def _claim(world: World) -> object:
    voucher = world.claim("n1", type_id="shared")
    return voucher.voucher_id, voucher.state


@OPERATIONS.register("claim beyond a limit", running)
def _claim_too_many(world: World) -> object:
    for number in range(2):
        world.claim(f"n{number}", type_id="shared")
    try:
        world.claim("n2", type_id="shared")
    except Busy:
        raise
    except HuiminError as refusal:
        return refusal.code, refusal.context
    return None


@OPERATIONS.register("claim a pack", with_packs)
def _claim_pack(world: World) -> object:
    return [(v.voucher_id, v.voucher_type_id) for v in world.claim_pack("n1", "family")]


@OPERATIONS.register("claim the last unit", almost_sold_out)
def _claim_last(world: World) -> object:
    return world.claim("n9", person=9, type_id="shared").voucher_id


@OPERATIONS.register("claim what is sold out", all_taken)
def _claim_nothing(world: World) -> object:
    try:
        world.claim("n9", person=9, type_id="shared")
    except Busy:
        raise
    except HuiminError as refusal:
        return refusal.code, refusal.context
    return None


@OPERATIONS.register("move units between shards", running)
def _move_units(world: World) -> None:
    pool = world.pool("r1", "shared")
    world.shards.move_units(pool, 0, 1, 1)


def proposed(units_after: int) -> Callable[[World], None]:
    """A running campaign with an issued voucher, and a change of round 1's units proposed."""

    def set_up(world: World) -> None:
        with_voucher(world)
        world.propose("c1", units_after)

    return set_up


def half_taken_out(world: World) -> None:
    """Four units are to go; whoever took them out died after two."""
    proposed(1)(world)
    with suppress(ProcessDeath), world.injector.armed(Way.DEATH_BEFORE, 9):
        world.approve_change("c1")


@OPERATIONS.register("hold", with_voucher)
def _hold(world: World) -> object:
    held, _ = world.till.hold_voucher("unionpay", world.voucher.voucher_id, "o1", world.now)
    return held.state, held.order_no, held.held_until


@OPERATIONS.register("release", with_hold)
def _release(world: World) -> object:
    voucher_id = world.voucher.voucher_id
    released, _ = world.till.release_voucher("unionpay", voucher_id, "o1", world.now)
    return released.state, released.order_no


@OPERATIONS.register("void what is held", with_hold)
@OPERATIONS.register("void", with_voucher)
def _void(world: World) -> object:
    voided = world.void(world.voucher)
    return voided.state, [entry.event for entry in voided.timeline]


@OPERATIONS.register("redeem what is held", with_hold)
@OPERATIONS.register("redeem", with_voucher)
def _redeem(world: World) -> object:
    return world.redeem(world.voucher, "o1")


@OPERATIONS.register("redeem for two orders", with_voucher)
def _redeem_twice(world: World) -> object:
    world.redeem(world.voucher, "o1")
    try:
        world.redeem(world.voucher, "o2")
    except Busy:
        raise
    except HuiminError as refusal:
        return refusal.code
    return None


def _whole(world: World) -> object:
    return world.refund(world.redemption, "f1")


def _parts(world: World) -> object:
    return [world.refund(world.redemption, name, fen) for name, fen in (("f1", 777), ("f2", 1_333))]


def _redeemed_under(situation: str, policy: str) -> Callable[[World], None]:
    """A set-up with that refund policy; for whole_expired, after the voucher has ended."""

    def set_up(world: World) -> None:
        with_redemption(world, **{situation: policy})
        if situation == "whole_expired":
            world.now = ROUND_1_CLOSES + DAY

    return set_up


for _situation, _policy in (
    ("whole_valid", "RESTORE"),
    ("whole_valid", "VOID"),
    ("whole_expired", "LAPSE"),
    ("whole_expired", "VOID"),
):
    OPERATIONS.register(f"refund {_situation} {_policy}", _redeemed_under(_situation, _policy))(
        _whole
    )
for _policy in ("PRO_RATA", "RECLAIM_ALL", "KEEP"):
    OPERATIONS.register(f"refund parts {_policy}", _redeemed_under("part", _policy))(_parts)


@OPERATIONS.register("earn by a plain order", thankful)
def _earn(world: World) -> object:
    voucher = world.earn("p1", person=1)
    return voucher.voucher_id, voucher.state


@OPERATIONS.register("earn by a redemption", thankful)
def _earn_by_redeeming(world: World) -> object:
    return world.earn("o1").voucher_id


@OPERATIONS.register("refund a plain order", earned_plainly)
def _refund_plain(world: World) -> object:
    """In two parts, after the second of which too little is left."""
    return [world.refund_plain(world.earned, name, 777) for name in ("f1", "f2")]


@OPERATIONS.register("refund a plain order late", earned_too_late)
def _refund_plain_late(world: World) -> object:
    return world.refund_plain(world.earned, "f1", 6_000)


@OPERATIONS.register("refund what earned", earned_by_redeeming)
def _refund_what_earned(world: World) -> object:
    parts = [world.refund(world.redemption, name, 777) for name in ("f1", "f2")]
    return parts, world.stores.vouchers.get(world.earned.voucher_id)


@OPERATIONS.register("refund all of what earned", earned_by_redeeming)
def _refund_all_of_what_earned(world: World) -> object:
    return world.refund(world.redemption, "f1")


@OPERATIONS.register("refund the use of what was forfeited", forfeited)
def _refund_forfeited(world: World) -> object:
    refund = world.refund(world.redemption, "f1")
    assert refund.voucher_state is VoucherState.VOIDED
    return refund


# What the bureau and the reconciler do


@OPERATIONS.register("fund and spread", approved)
def _fund(world: World) -> object:
    return fund_campaign(world.record(), world.stores, world.now).state


@OPERATIONS.register("pause", with_voucher)
def _pause(world: World) -> object:
    return world.bureau.pause_campaign(CAMPAIGN, world.now).state


@OPERATIONS.register("propose a stock change", running)
def _propose(world: World) -> object:
    pool = world.pool("r1", "shared")
    assert pool.planned_units == 5
    return world.propose("c1", 7)


@OPERATIONS.register("add stock", proposed(8))
@OPERATIONS.register("take stock out", proposed(1))
def _change_stock(world: World) -> object:
    change = world.approve_change("c1")
    return change.signed_units, change.approved_by, change.approved_at


@OPERATIONS.register("finish a stock change", half_taken_out)
def _finish_change(world: World) -> None:
    finish_changes(world.record(), world.stores, world.now)


@OPERATIONS.register("make a grant", with_gifts_to_give)
def _make_grant(world: World) -> object:
    # Four, so that a step is not the whole part; the last is listed twice.
    listed = world.list_persons("g1", [0, 1, 2, 3, 3])
    return [each.voucher_id for each in listed]


@OPERATIONS.register("approve a grant", listed)
def _approve_grant(world: World) -> object:
    return world.approve_grant("g1", 3)


@OPERATIONS.register("carry out a grant", to_be_granted)
def _carry_out(world: World) -> object:
    """One of the three has had all that one person may have."""
    progress = world.carry_out("g1")
    assert (progress.granted, progress.refused, progress.left) == (2, 1, 0)
    return progress


@OPERATIONS.register("grant more than there is", to_be_granted_too_much)
def _grant_too_much(world: World) -> object:
    progress = world.carry_out("g1")
    assert (progress.granted, progress.refused, progress.left) == (1, 0, 1)
    return progress.granted


@OPERATIONS.register("follow a resumption", half_resumed)
def _follow(world: World) -> None:
    follow_state(world.record(), world.stores)


@OPERATIONS.register("sweep", round_1_over)
def _sweep(world: World) -> None:
    world.sweep()


@OPERATIONS.register("drain", swept)
def _drain(world: World) -> None:
    world.stores.stock.drain(world.pool("r1", "shared"))


@OPERATIONS.register("move on to the next round", drained)
def _move_on(world: World) -> None:
    world.stores.stock.move_on(world.pool("r1", "shared"), world.pool("r2", "shared"))


@OPERATIONS.register("move on to unallocated", drained)
def _give_back(world: World) -> None:
    world.stores.stock.move_on(world.pool("r1", "shared"), None)


@OPERATIONS.register("top up", moved_on)
def _top_up(world: World) -> None:
    world.stores.stock.top_up(world.pool("r2", "shared"))


@OPERATIONS.register("sweep and roll over", round_1_over)
def _roll_over(world: World) -> None:
    world.roll_over(world.sweep())


@OPERATIONS.register("drain all", swept)
def _drain_all(world: World) -> None:
    drain_all(world.record(), world.stores, world.now)


@OPERATIONS.register("settle", at_the_end)
def _settle(world: World) -> None:
    world.settle()


@OPERATIONS.register("close", settled)
def _close(world: World) -> object:
    return world.close().fund_return


def two_days_over(world: World) -> None:
    """A redemption, refunds and a day without anything, none of them in the journal."""
    with_redemption(world)
    world.refund(world.redemption, "f1", 1_000)
    world.now = START + 2 * DAY


@OPERATIONS.register("write journals", two_days_over)
def _write_journals(world: World) -> None:
    write_journals([world.record()], world.stores, world.now)


@OPERATIONS.register("recount", with_redemption, transacts=False)
def _recount(world: World) -> None:
    recount_daily(world.stores, world.now, tell_drift=lambda _: None)


def closed(world: World) -> None:
    """A closed campaign whose return nobody has paid."""
    settled(world)
    assert world.close().fund_return


def payment_proposed(world: World) -> None:
    """The same, with a payment proposed."""
    closed(world)
    _propose_payment(world)


def payment_approved(world: World) -> None:
    """The same, and approved."""
    payment_proposed(world)
    _approve_payment(world)


@OPERATIONS.register("propose a payment", closed)
def _propose_payment(world: World) -> object:
    found = world.return_desk.find(CAMPAIGN, 1).payments
    return world.payment_desk.propose(found, version=1, by=OPERATOR, now=world.now)[0]


@OPERATIONS.register("approve a payment", payment_proposed)
def _approve_payment(world: World) -> object:
    found = world.return_desk.find(CAMPAIGN, 1).payments
    return world.payment_desk.approve(found, version=2, by=APPROVER, now=world.now)[0]


@OPERATIONS.register("publish a payment", payment_approved, transacts=False)
def _publish_payment(world: World) -> object:
    return world.close().fund_return


@OPERATIONS.register("enter the bank's reply", payment_approved)
def _reply(world: World) -> object:
    found = world.return_desk.find(CAMPAIGN, 1).payments
    last = found.last
    assert last is not None
    reply = BankReply(
        reference=last.reference,
        account_number=found.account_number,
        paid_fen=last.amount_fen - 1,
        bank_reference="B-1",
        note="",
        told_by=OPERATOR,
        told_at=world.now,
    )
    return world.payment_desk.reply(found, reply, version=3, now=world.now)[0]


# Late refunds


def closed_with_a_redemption(world: World) -> None:
    """A closed campaign with one redemption, in its time for late refunds."""
    with_redemption(world)
    world.now = world.record().campaign.refunds_end_at + SETTLING
    assert world.tick().fund_return


def refunded_late(world: World) -> None:
    """A late refund of it, whose money was drained and settled in the next month."""
    closed_with_a_redemption(world)
    _refund_late(world)
    world.now += 30 * DAY
    world.roll_over()
    world.settle()


@OPERATIONS.register("refund late", closed_with_a_redemption)
def _refund_late(world: World) -> object:
    return world.refund(world.redemption, "f1", 3_000)


def refunded_again(world: World) -> None:
    """The same, and another one that nobody has drained."""
    refunded_late(world)
    world.refund(world.redemption, "f2", 1_500)
    world.now += DAY


@OPERATIONS.register("drain late refunds", refunded_again)
def _drain_late(world: World) -> None:
    world.roll_over()


@OPERATIONS.register("return late refunds", refunded_late)
def _return_late(world: World) -> None:
    world.close()


# Breaks that are ended by accepting the bill


def bill_to_accept(bill_fen: int) -> Callable[[World], None]:
    """A redemption of which the bill has another amount, proposed to be accepted."""

    def set_up(world: World) -> None:
        with_redemption(world)
        world.now = START + DAY
        world.show_break(bill_fen)
        _propose_resolution(world)

    return set_up


def bill_accepted(bill_fen: int) -> Callable[[World], None]:
    """The same, and approved."""

    def set_up(world: World) -> None:
        bill_to_accept(bill_fen)(world)
        _accept_bill(world)

    return set_up


def bill_to_accept_late(bill_fen: int) -> Callable[[World], None]:
    """The same after the last business date, while the closing waits for it."""

    def set_up(world: World) -> None:
        with_break(world, bill_fen)
        world.now = world.record().campaign.refunds_end_at + SETTLING
        [reason] = world.tick().reasons
        assert reason.startswith("BREAKS"), reason
        _propose_resolution(world)

    return set_up


def bill_to_accept_after_the_closing(world: World) -> None:
    """The same once the campaign was closed without waiting any longer."""
    with_break(world)
    world.now = world.record().campaign.refunds_end_at + CLOSING_WAITS + SETTLING
    assert world.tick().fund_return
    _propose_resolution(world)


def bill_accepted_after_the_closing(world: World) -> None:
    """The same, approved, and settled in the next month."""
    bill_to_accept_after_the_closing(world)
    _accept_bill(world)
    world.now += 31 * DAY
    world.settle()


def with_break(world: World, bill_fen: int = 500) -> None:
    """A redemption of which the bill has another amount."""
    with_redemption(world)
    world.show_break(bill_fen)


@OPERATIONS.register("propose to accept a bill", with_break)
def _propose_resolution(world: World) -> object:
    found, kind = world.one_break(), ResolutionKind.ACCEPT_BILL
    return world.break_desk.propose(found, kind, "checked", version=1, by=OPERATOR, now=world.now)[
        0
    ]


@OPERATIONS.register("accept a bill that gives less", bill_to_accept(500))
@OPERATIONS.register("accept a bill that gives more", bill_to_accept(1_900))
@OPERATIONS.register("accept a bill late that gives less", bill_to_accept_late(500))
@OPERATIONS.register("accept a bill late that gives more", bill_to_accept_late(1_900))
@OPERATIONS.register("accept a bill after the closing", bill_to_accept_after_the_closing)
def _accept_bill(world: World) -> object:
    found = world.one_break()
    return world.break_desk.approve(found, version=2, by=APPROVER, now=world.now)[0]


@OPERATIONS.register("return what a bill saved", bill_accepted_after_the_closing)
def _return_saved(world: World) -> None:
    world.close()


@OPERATIONS.register("a corrected bill gives less no more", bill_accepted(500))
@OPERATIONS.register("a corrected bill gives more no more", bill_accepted(1_900))
def _reverse(world: World) -> object:
    world.show_break(None)
    return world.one_break()


@OPERATIONS.register("a corrected bill gives something else", bill_accepted(500))
def _reverse_and_open(world: World) -> object:
    world.show_break(700)
    return world.one_break()


# Settlements after they were made


def statement_made(world: World) -> None:
    """A day with a redemption, settled, that its platform has not confirmed."""
    with_redemption(world)
    world.now = START + DAY
    world.settle()
    world.settlements.advance(CAMPAIGN, business_date(START), now=world.now)


def statement_confirmed(world: World) -> None:
    """The same, and confirmed."""
    statement_made(world)
    _confirm(world)


def payout_drawn(world: World) -> None:
    """The same, and drawn up."""
    statement_confirmed(world)
    _draw(world)


def payout_approved(world: World) -> None:
    """The same, with a payment of it approved."""
    payout_drawn(world)
    payments = world.settlement_desk.payout(CAMPAIGN, "unionpay", 1).payments
    payments, _ = world.payment_desk.propose(payments, version=1, by=OPERATOR, now=world.now)
    world.payment_desk.approve(payments, version=2, by=APPROVER, now=world.now)


@OPERATIONS.register("confirm a statement", statement_made)
def _confirm(world: World) -> object:
    desk = world.settlement_desk
    account = desk.account(CAMPAIGN, "unionpay", world.now)
    [standing] = account.standings
    statement = standing.statement
    told = Told(
        statement_id=statement.statement_id,
        payable_fen=statement.payable_fen,
        payable_side=statement.payable_side,
    )
    desk.confirm(account, statement.business_on.isoformat(), told, world.now)
    return desk.account(CAMPAIGN, "unionpay", world.now).standings


@OPERATIONS.register("draw up a payout", statement_confirmed)
def _draw(world: World) -> object:
    desk = world.settlement_desk
    account = desk.account(CAMPAIGN, "unionpay", world.now)
    return desk.draw(account, version=1, by=OPERATOR, now=world.now)[0]


@OPERATIONS.register("publish payouts", payout_approved)
def _publish_payouts(world: World) -> None:
    publish_payouts(world.record(), world.stores)
