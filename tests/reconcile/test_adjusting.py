"""Breaks ended by accepting the bill: the adjusting entry, its money, its settlement, its end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.shared.domain.adjusting import owed_parts
from functions.shared.domain.bills import EntryType
from functions.shared.domain.breaks import Break, BreakState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import FundingShares, NetParts, split_funding
from functions.shared.store.tables import CampaignItem
from infra.local.bills import BillRow as BilledRow
from tests.support.adjusting import (
    A_FIFTH,
    DAY_3,
    LAST_ON,
    MORNING,
    accept,
    approve,
    close,
    differing,
    entries,
    file_bill,
    funds,
    lines,
    one_break,
    parts,
    propose,
    refuse,
    require_sound,
    statement_lines,
    with_voucher_fen,
)
from tests.support.calls import APPROVER, Bureau, Platform
from tests.support.campaigns import CAMPAIGN_ID, DISCOUNT, MEITUAN, UNIONPAY
from tests.support.events import refused
from tests.support.replies import LOST_AFTER, TRANSACTION, scripted
from tests.support.settling import DAY_1, DAY_2, Books, Crash, at, at_call, die

# What it comes to.


def test_a_bill_that_gives_less_is_accepted_and_settled_on_the_day_of_approval(
    books: Books,
) -> None:
    found = differing(books, bill_fen=1_000)
    unallocated_fen, _, _ = funds(books)
    shown = accept(books, found)
    assert shown["state"] == "RESOLVED"
    # 1,000 instead of 1,600: 600 instead of 960 fiscal, and so on.
    assert shown["resolution"]["adjusting"] == {
        "voucher_fen": -600,
        "fiscal_fen": -360,
        "platform_fen": -150,
        "merchant_fen": -90,
    }
    [entry] = entries(books)
    assert (entry.parts, entry.business_on, entry.origin_on) == (
        parts(-360, -150, -90),
        DAY_2,
        DAY_1,
    )
    # What is saved stays aside, so that it can be reversed.
    assert funds(books) == (unallocated_fen, -360, 360)
    require_sound(books)

    assert books.settled_fen() == 960
    books.settle(at(DAY_3, "09:00")).require_sound()
    assert books.settled_fen() == 600
    require_sound(books)
    [line] = [row for row in statement_lines(books, DAY_2) if row["line"] == "ADJUSTING_ENTRY"]
    assert (line["fiscal_fen"], line["platform_fen"], line["merchant_fen"]) == (
        "-360",
        "-150",
        "-90",
    )
    assert (line["origin_business_date"], line["order_no"]) == (str(DAY_1), "o-1")
    assert line["break_id"] == found.break_id
    origin = books.settlements.statement(CAMPAIGN_ID, UNIONPAY, DAY_1)
    assert origin is not None
    assert line["origin_statement_id"] == origin.statement_id
    net = statement_lines(books, DAY_2)[-1]
    assert (net["line"], net["entries"], net["fiscal_fen"], net["payable_side"]) == (
        "NET",
        "1",
        "-360",
        "PLATFORM",
    )
    [detail] = lines(books, DAY_2, "detail.csv")
    assert (detail["entry_type"], detail["break_id"], detail["settled_fen"]) == (
        "ADJUSTING_ENTRY",
        found.break_id,
        "-360",
    )
    assert all(books.manifests().values())


def test_a_bill_that_gives_more_is_paid_from_unallocated_money(books: Books) -> None:
    found = differing(books, bill_fen=2_000)
    unallocated_fen, _, _ = funds(books)
    accept(books, found)
    assert funds(books) == (unallocated_fen - 240, 240, 0)
    books.settle(at(DAY_3, "09:00")).require_sound()
    assert books.settled_fen() == 960 + 240
    require_sound(books)


def test_what_the_bill_does_not_have_is_owed_no_more(books: Books) -> None:
    books.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    file_bill(books, [])
    accept(books, one_break(books))
    assert [entry.parts for entry in entries(books)] == [parts(-960, -400, -240)]
    require_sound(books)


def test_a_refund_counts_the_other_way(books: Books) -> None:
    """The bill has reversed less of the voucher than the ledger: more is owed."""
    redemption = books.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    books.refund(redemption, "f-1", at(DAY_1, "13:00"), refund_fen=4_000)
    bought, back = books.entries(DAY_1)
    assert back.voucher_fen == 800
    file_bill(books, [bought, with_voucher_fen(back, 500)])
    accept(books, one_break(books))
    assert [entry.parts for entry in entries(books)] == [parts(180, 75, 45)]
    require_sound(books)
    books.settle(at(DAY_3, "09:00")).require_sound()
    assert books.settled_fen() == 960 - 480 + 180


def only_billed(books: Books) -> Break:
    """A voucher that the platform says was used, and the ledger does not."""
    books.redeem("o-1", at(DAY_1))
    books.deployment.clock.now = at(DAY_1)
    voucher_id = Platform(books.deployment, UNIONPAY).claimed(
        90, "q-90", campaign_id=CAMPAIGN_ID, voucher_type_id=DISCOUNT
    )
    [row] = books.entries(DAY_1)
    other = replace(with_voucher_fen(row, 1_600), platform_order_no="o-2", voucher_id=voucher_id)
    file_bill(books, [row, other])
    return one_break(books)


def test_a_redemption_that_only_the_bill_has_is_paid_once_its_voucher_is_spent(
    books: Books,
) -> None:
    found = only_billed(books)
    send = partial(propose, books, found)
    refuse(books, send, "BREAK_NOT_ADJUSTABLE", voucher_state="ISSUED")
    voided = Bureau(books.deployment).call(
        APPROVER,
        "POST",
        f"/v1/admin/vouchers/{found.row.side.voucher_id}/void",
        {"void_no": "v-1", "reason": "账单已列示核销"},
    )
    assert voided.status in (200, 201), voided.text
    accept(books, found)
    assert [entry.parts for entry in entries(books)] == [parts(960, 400, 240)]
    require_sound(books)


def test_a_voucher_past_its_validity_is_spent_whether_or_not_the_sweep_was_there(
    books: Books,
) -> None:
    found = only_billed(books)
    books.deployment.clock.now = at(DAY_1 + timedelta(days=4))
    accept(books, found)
    require_sound(books)


def test_a_voucher_that_another_order_has_used_is_not_paid_again(books: Books) -> None:
    found = only_billed(books)
    assert propose(books, found).status == 409
    Platform(books.deployment, UNIONPAY).redeemed(found.row.side.voucher_id, "o-3", order_fen=8_000)
    reply = propose(books, found)
    refused(reply, 409, "BREAK_NOT_ADJUSTABLE")
    assert "已核销" in reply.body["detail"]


def test_a_voucher_that_is_restored_after_the_proposal_is_not_paid_for(books: Books) -> None:
    """The condition of the transaction itself: the proposal saw it spent."""
    found = only_billed(books)
    books.deployment.clock.now = at(DAY_1 + timedelta(days=4))
    assert propose(books, found).status == 200
    books.deployment.clock.now = MORNING
    refuse(books, partial(approve, books, found), "BREAK_NOT_ADJUSTABLE")


def test_a_voucher_that_is_used_after_the_proposal_is_not_paid_for_again(books: Books) -> None:
    """The same, past its validity: an order was let in just before."""
    found = only_billed(books)
    books.deployment.clock.now = at(DAY_1 + timedelta(days=4))
    assert propose(books, found).status == 200
    books.deployment.clock.now = MORNING
    Platform(books.deployment, UNIONPAY).redeemed(found.row.side.voucher_id, "o-3", order_fen=8_000)
    books.deployment.clock.now = at(DAY_1 + timedelta(days=4))
    refuse(books, partial(approve, books, found), "BREAK_NOT_ADJUSTABLE")


# What cannot be accepted.


def test_a_campaign_whose_money_went_back_adjusts_nothing(books: Books) -> None:
    """The store's own condition; a campaign is closed only after its last business date.

    What is recorded after that date is final, and tested in test_late_adjusting.py.
    """
    found = differing(books)
    assert propose(books, found).status == 200
    item = books.database.get(CampaignItem, CAMPAIGN_ID)
    assert item is not None
    assert books.database.update(item, [CampaignItem.state.set("CLOSED")])
    refuse(books, partial(approve, books, found), "CAMPAIGN_STATE", state="CLOSED")


@pytest.mark.parametrize(
    ("change", "told", "members"),
    [
        (
            lambda row: with_voucher_fen(row, 3_001),
            "最多 3000 分",
            {"bill_fen": 3_001, "greatest_fen": 3_000},
        ),
        (
            lambda row: replace(row, merchant_id="another-shop"),
            "券或商户不符",
            {"match_state": "STATE_DIFFERS"},
        ),
        (
            lambda row: replace(row, order_fen=row.order_fen + 1, paid_fen=row.paid_fen + 1),
            "相同",
            {"difference_fen": 0},
        ),
    ],
)
def test_a_bill_that_cannot_be_accepted_says_why(
    books: Books,
    change: Callable[[BilledRow], BilledRow],
    told: str,
    members: Mapping[str, object],
) -> None:
    books.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    [row] = books.entries(DAY_1)
    file_bill(books, [change(row)])
    found = one_break(books)
    send = partial(propose, books, found)
    assert told in refuse(books, send, "BREAK_NOT_ADJUSTABLE", **members)


def test_more_than_is_unallocated_is_refused_until_there_is_enough(books: Books) -> None:
    found = differing(books, bill_fen=2_000)
    assert propose(books, found).status == 200
    unallocated_fen, _, _ = funds(books)
    with_unallocated(books, 239)
    told = {"needed_fen": 240, "unallocated_fen": 239}
    refuse(books, partial(approve, books, found), "FUNDS_INSUFFICIENT", **told)
    with_unallocated(books, 240)
    assert approve(books, found).status == 200
    assert funds(books) == (0, 240, 0)
    with_unallocated(books, unallocated_fen - 240)
    require_sound(books)


def with_unallocated(books: Books, fen: int) -> None:
    item = books.database.get(CampaignItem, CAMPAIGN_ID)
    assert item is not None
    assert books.database.update(item, [CampaignItem.unallocated_fen.set(fen)])


def test_the_other_decisions_move_nothing(books: Books) -> None:
    found = differing(books)
    before = funds(books)
    assert propose(books, found, {"kind": "ACCEPT_LEDGER", "reason": "账单有误"}).status == 200
    reply = approve(books, found)
    assert reply.body["resolution"]["adjusting"] is None
    assert (entries(books), funds(books)) == ([], before)


# Once, whatever happens.


def test_an_approval_whose_reply_was_lost_is_done_once(books: Books) -> None:
    found = differing(books)
    assert propose(books, found).status == 200
    seen = one_break(books)
    after = seen.approved(by="wang.wei", now=MORNING)
    entry = after.standing_entry
    assert entry is not None
    with scripted(books.database.client, TRANSACTION, LOST_AFTER):
        books.breaks.accept_bill(seen, after, entry)
    before = books.deployment.snapshot()
    again = approve(books, found)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert books.deployment.snapshot() == before
    assert entries(books) == [entry]
    require_sound(books)


def test_an_entry_is_never_put_over_another(books: Books) -> None:
    found = differing(books)
    assert propose(books, found).status == 200
    seen = one_break(books)
    assert approve(books, found).status == 200
    resolved = one_break(books)
    # As if the break had lost its resolution.
    books.breaks.change(resolved, seen)
    before = books.deployment.snapshot()
    refused(approve(books, found), 412, "VERSION_MISMATCH")
    assert books.deployment.snapshot() == before


def test_two_who_approve_at_once_make_one_entry(books: Books) -> None:
    """The store's own conditions: both have read the proposal, then both write."""
    found = differing(books)
    assert propose(books, found).status == 200
    seen = one_break(books)
    for approver, is_first in (("wang.wei", True), ("zhou.jie", False)):
        after = seen.approved(by=approver, now=MORNING)
        entry = after.standing_entry
        assert entry is not None
        if is_first:
            books.breaks.accept_bill(seen, after, entry)
            continue
        with pytest.raises(HuiminError) as caught:
            books.breaks.accept_bill(seen, after, entry)
        assert caught.value.code is Code.VERSION_MISMATCH
    assert len(entries(books)) == 1
    require_sound(books)


# A corrected bill.


@pytest.mark.parametrize("bill_fen", [1_000, 2_000])
def test_a_corrected_bill_that_agrees_reverses_what_was_accepted(
    books: Books, bill_fen: int
) -> None:
    found = differing(books, bill_fen)
    before = funds(books)
    accept(books, found)
    file_bill(books, books.entries(DAY_1), now=at(DAY_3, "12:00"))
    assert one_break(books).state is BreakState.CLOSED
    posted, back = entries(books)
    assert (back.parts, back.is_reversal, back.business_on) == (-posted.parts, True, DAY_3)
    assert funds(books) == before
    require_sound(books)
    books.settle(at(DAY_3 + timedelta(days=1), "09:00")).require_sound()
    assert books.settled_fen() == 960
    require_sound(books)
    [line] = [row for row in statement_lines(books, DAY_3) if row["line"] == "ADJUSTING_ENTRY"]
    assert line["fiscal_fen"] == str(-posted.parts.fiscal_fen)


def test_a_bill_with_another_difference_reverses_and_can_be_accepted_anew(books: Books) -> None:
    accept(books, differing(books, bill_fen=1_000))
    [row] = books.entries(DAY_1)
    file_bill(books, [with_voucher_fen(row, 1_200)], now=at(DAY_2, "12:00"))
    found = one_break(books)
    assert (found.state, found.row.difference_fen) == (BreakState.OPEN, 400)
    require_sound(books)
    accept(books, found)
    assert [entry.parts.total_fen for entry in entries(books)] == [-600, 600, -400]
    require_sound(books)
    books.settle(at(DAY_3, "09:00")).require_sound()
    assert books.settled_fen() == 720
    assert len([r for r in statement_lines(books, DAY_2) if r["line"] == "ADJUSTING_ENTRY"]) == 3


def test_a_bill_that_shows_the_same_leaves_what_was_accepted(books: Books) -> None:
    accept(books, differing(books))
    before = one_break(books)
    [row] = books.entries(DAY_1)
    file_bill(books, [with_voucher_fen(row, 1_000)], now=at(DAY_2, "12:00"))
    assert one_break(books) == before
    assert len(entries(books)) == 1


def test_what_was_accepted_stands_once_nothing_is_settled_any_more(books: Books) -> None:
    accept(books, differing(books))
    before = one_break(books)
    file_bill(books, books.entries(DAY_1), now=at(LAST_ON + timedelta(days=1), "00:31"))
    assert one_break(books) == before
    assert len(entries(books)) == 1
    require_sound(books)


def test_a_day_is_settled_with_what_both_platforms_were_adjusted_by(books: Books) -> None:
    """An entry is the platform's own, and the other's statement does not have it."""
    accept(books, differing(books))
    books.redeem("m-1", at(DAY_2, "10:00"), platform_id=MEITUAN)
    books.settle(at(DAY_3, "09:00")).require_sound()
    theirs = books.settlements.statement(CAMPAIGN_ID, MEITUAN, DAY_2)
    ours = books.settlements.statement(CAMPAIGN_ID, UNIONPAY, DAY_2)
    assert theirs is not None
    assert ours is not None
    assert (theirs.adjusting.count, ours.adjusting.count) == (0, 1)


def test_a_run_that_dies_at_any_write_of_a_reversal_is_finished_by_the_next(
    books: Books,
) -> None:
    later = at(DAY_2, "12:00")
    ended = []
    for number in itertools.count():
        books.deployment.restore()
        stage = Books(books.deployment)
        accept(stage, differing(stage))
        assert stage.bill(DAY_1, stage.entries(DAY_1), now=later).is_accepted
        with at_call(stage, number, die, writes=True) as made, suppress(Crash):
            stage.settle(later)
        require_sound(stage)
        stage.settle(later).require_sound()
        require_sound(stage)
        ended.append((one_break(stage), entries(stage), funds(stage)))
        if len(made) <= number:
            break
    assert len(ended) > 4
    assert all(each == ended[0] for each in ended)


# The closing.


@pytest.mark.parametrize("bill_fen", [1_000, 2_000])
def test_what_was_held_back_is_returned_with_all_that_is_left(books: Books, bill_fen: int) -> None:
    accept(books, differing(books, bill_fen))
    after = at(LAST_ON + timedelta(days=1), "09:00")
    books.settle(after).require_sound()
    closing = close(books, after)
    made = closing.fund_return
    assert made is not None, closing
    adjusted_fen = (bill_fen - 1_600) * 6 // 10
    assert (made.redeemed_net_fen, made.adjusted_net_fen) == (960, adjusted_fen)
    assert made.to_return_fen == made.appropriated_fen - 960 - adjusted_fen
    assert funds(books) == (0, adjusted_fen, 0)
    require_sound(books)


# Any course of things.


@dataclass(frozen=True)
class Course:
    """What bills say of an order one after the other, and whether each is accepted."""

    bills: Sequence[tuple[int | None, bool]]


_FEN = st.one_of(st.none(), st.integers(0, 3_000), st.just(1_600))


# A bill that was there before is not taken in again.
_COURSES = st.lists(
    st.tuples(_FEN, st.booleans()), min_size=1, max_size=4, unique_by=lambda each: each[0]
).map(Course)


@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(course=_COURSES)
def test_whatever_bills_say_and_is_accepted_the_last_word_is_settled(
    books: Books, course: Course
) -> None:
    books.deployment.restore()
    stage = Books(books.deployment)
    stage.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    [row] = stage.entries(DAY_1)
    owed = split_funding(1_600, SHARES)
    for number, (fen, is_accepted) in enumerate(course.bills):
        rows = [] if fen is None else [with_voucher_fen(row, fen)]
        file_bill(stage, rows, now=at(DAY_2, "09:00") + timedelta(hours=number))
        found = one_break(stage) if stage.breaks.of_day(UNIONPAY, DAY_1) else None
        owed = split_funding(1_600, SHARES)
        is_standing = found is not None and found.state is BreakState.RESOLVED
        if found is not None and is_accepted and found.state is BreakState.OPEN:
            accept(stage, found)
            is_standing = True
        if is_standing:
            owed = split_funding(fen or 0, SHARES)
        require_sound(stage)
    stage.settle(at(DAY_3, "09:00")).require_sound()
    require_sound(stage)
    assert stage.settled_fen() == owed.fiscal_fen


SHARES = FundingShares(fiscal_bp=6_000, platform_bp=2_500, merchant_bp=1_500)


@given(
    ledger_fen=st.integers(0, 10**6),
    bill_fen=st.integers(0, 10**6),
    fiscal_bp=st.integers(0, 10_000),
    data=st.data(),
    entry_type=st.sampled_from(EntryType),
)
def test_what_is_owed_more_makes_the_ledgers_parts_the_bills(
    ledger_fen: int,
    bill_fen: int,
    fiscal_bp: int,
    data: st.DataObject,
    entry_type: EntryType,
) -> None:
    platform_bp = data.draw(st.integers(0, 10_000 - fiscal_bp))
    shares = FundingShares(
        fiscal_bp=fiscal_bp,
        platform_bp=platform_bp,
        merchant_bp=10_000 - fiscal_bp - platform_bp,
    )
    more = owed_parts(ledger_fen, bill_fen, entry_type, shares)
    sign = 1 if entry_type is EntryType.REDEEM else -1
    assert more.total_fen == sign * (bill_fen - ledger_fen)
    there = split_funding(ledger_fen, shares)
    signed = more if sign == 1 else -more
    assert NetParts.between(there, split_funding(bill_fen, shares)) == signed
