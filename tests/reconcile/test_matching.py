"""Matching finds exactly the differences that were planted, and loses no row and no fen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from functions.reconcile.matching import match_rows
from functions.shared.domain.bills import BillRow, EntryType
from functions.shared.domain.breaks import MatchRow, MatchState
from tests.support.days import ledger_side
from tests.support.entries import ON, redemption, refund, voucher_id
from tests.support.rows import Entry, bill_row_of, totals_of

STRANGER = "another-campaign"


def match(entries: list[Entry], bill: list[BillRow]) -> list[MatchRow]:
    strangers = dict.fromkeys((row.voucher_id for row in bill), STRANGER)
    return match_rows("unionpay", ON, map(ledger_side, entries), bill, campaign_of=strangers)


def states(rows: list[MatchRow]) -> list[tuple[str, str]]:
    return [(row.side.platform_order_no, row.match_state.value) for row in rows]


def perfect_bill(entries: list[Entry]) -> list[BillRow]:
    return [bill_row_of(entry) for entry in entries]


DAY: list[Entry] = [redemption(1), redemption(2), refund(redemption(2))]


def test_a_perfect_bill_matches_whatever_the_order_of_its_rows() -> None:
    rows = match(DAY, perfect_bill(DAY)[::-1])
    assert Counter(row.match_state for row in rows) == {MatchState.MATCHED: 3}
    assert [row.break_id for row in rows] == [None, None, None]


def test_the_two_clocks_are_not_compared() -> None:
    bill = [replace(r, occurred_at=r.occurred_at + timedelta(minutes=3)) for r in perfect_bill(DAY)]
    assert {row.match_state for row in match(DAY, bill)} == {MatchState.MATCHED}


def test_without_a_bill_every_entry_is_in_the_ledger_only() -> None:
    rows = match(DAY, [])
    assert {row.match_state for row in rows} == {MatchState.LEDGER_ONLY}
    # Order 2 was given and taken back: what is left is order 1.
    assert sum(row.difference_fen for row in rows) == 2_000


def test_a_bill_row_without_an_entry_belongs_to_its_vouchers_campaign() -> None:
    [*_, row] = match([redemption(1)], perfect_bill([redemption(1), redemption(9)]))
    assert (row.match_state, row.campaign_id, row.difference_fen) == (
        MatchState.BILL_ONLY,
        STRANGER,
        -2_000,
    )


def test_a_refund_missing_in_the_bill_counts_negative() -> None:
    rows = match(DAY, perfect_bill(DAY)[:2])
    assert [row.difference_fen for row in rows if row.break_id] == [-2_000]


def test_a_voucher_billed_for_a_second_order_is_a_duplicate() -> None:
    again = replace(bill_row_of(redemption(1)), platform_order_no="o-1-again")
    rows = match([redemption(1)], [bill_row_of(redemption(1)), again])
    assert states(rows) == [("o-1", "MATCHED"), ("o-1-again", "DUPLICATE")]
    assert rows[1].difference_fen == -2_000


def test_a_voucher_redeemed_again_after_its_refund_is_no_duplicate() -> None:
    entries: list[Entry] = [redemption(1), refund(redemption(1)), redemption(2, voucher=1)]
    assert {r.match_state for r in match(entries, perfect_bill(entries))} == {MatchState.MATCHED}


def test_a_row_that_stands_twice_is_matched_once() -> None:
    """Intake refuses such a bill; were it let in, no row would be lost."""
    row = bill_row_of(redemption(1))
    rows = match([redemption(1)], [row, row, row])
    assert states(rows) == [("o-1", "MATCHED"), ("o-1", "DUPLICATE"), ("o-1", "DUPLICATE")]
    assert len({r.break_id for r in rows}) == 3


def test_a_break_keeps_its_id_when_what_is_wrong_with_it_changes() -> None:
    missing = match([redemption(1)], [])
    differs = match([redemption(1)], [replace(bill_row_of(redemption(1)), voucher_fen=1)])
    assert missing[0].break_id == differs[0].break_id
    assert differs[0].match_state is MatchState.AMOUNT_DIFFERS
    side = ledger_side(redemption(1))
    other_day = match_rows("unionpay", ON + timedelta(days=1), [side], [], campaign_of={})
    other_platform = match_rows("meituan", ON, [side], [], campaign_of={})
    assert len({r[0].break_id for r in (missing, other_day, other_platform)}) == 3


@dataclass
class Plan:
    """A day, a bill with differences planted, and what must be found."""

    entries: list[Entry]
    bill: list[BillRow]
    expected: Counter[tuple[tuple[str, EntryType, str], MatchState]] = field(
        default_factory=Counter
    )


AMOUNTS = ("order_fen", "merchant_discount_fen", "platform_discount_fen", "voucher_fen", "paid_fen")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any day of up to a dozen orders, each billed right or wrong in one way."""
    plan = Plan([], [])
    for number in range(1, draw(st.integers(0, 12)) + 1):
        order = redemption(number, voucher_fen=draw(st.integers(1, 5_000)))
        _bill_one(draw, plan, order)
        if draw(st.booleans()):
            most_fen = order.amounts.refundable_fen
            _bill_one(draw, plan, refund(order, refund_fen=draw(st.integers(1, most_fen))))
    for number in range(101, 101 + draw(st.integers(0, 3))):
        row = bill_row_of(redemption(number))
        plan.bill.append(row)
        plan.expected[row.key, MatchState.BILL_ONLY] += 1
    plan.bill = draw(st.permutations(plan.bill))
    return plan


def _bill_one(draw: st.DrawFn, plan: Plan, entry: Entry) -> None:
    plan.entries.append(entry)
    row = bill_row_of(entry)
    fault = draw(st.sampled_from([None, *MatchState]))
    if fault is MatchState.LEDGER_ONLY:
        plan.expected[row.key, fault] += 1
        return
    if fault is MatchState.AMOUNT_DIFFERS:
        name = draw(st.sampled_from(AMOUNTS))
        row = replace(row, **{name: getattr(row, name) + draw(st.integers(1, 99))})
        plan.expected[row.key, fault] += 1
    elif fault is MatchState.STATE_DIFFERS:
        # Other amounts as well: what is another event is not asked for its amounts.
        row = replace(row, paid_fen=row.paid_fen + draw(st.integers(0, 1)))
        if draw(st.booleans()):
            row = replace(row, merchant_id="elsewhere")
        else:
            row = replace(row, voucher_id=voucher_id(9_000 + len(plan.entries)))
        plan.expected[row.key, fault] += 1
    elif fault is MatchState.DUPLICATE:
        again = row
        if row.entry_type is EntryType.REDEEM and draw(st.booleans()):
            again = replace(row, platform_order_no=f"{row.platform_order_no}-again")
        plan.bill.append(again)
        plan.expected[again.key, fault] += 1
    plan.bill.append(row)


@given(plans())
def test_what_was_planted_is_found_and_nothing_more(plan: Plan) -> None:
    rows = match(plan.entries, plan.bill)
    reported = Counter(
        (row.side.key, row.match_state) for row in rows if row.match_state is not MatchState.MATCHED
    )
    assert reported == plan.expected


@given(plans())
def test_every_row_of_both_sides_is_in_the_match_once(plan: Plan) -> None:
    rows = match(plan.entries, plan.bill)
    ledger = Counter(row.ledger for row in rows if row.ledger)
    assert ledger == Counter(bill_row_of(entry) for entry in plan.entries)
    assert Counter(row.bill for row in rows if row.bill) == Counter(plan.bill)


@given(plans())
def test_differences_add_up_to_ledger_less_bill(plan: Plan) -> None:
    rows = match(plan.entries, plan.bill)
    voucher_place = AMOUNTS.index("voucher_fen")
    ledger = totals_of(map(bill_row_of, plan.entries))[voucher_place]
    bill = totals_of(plan.bill)[voucher_place]
    assert sum(row.difference_fen for row in rows) == ledger - bill


@given(plans())
def test_breaks_have_ids_of_their_own_that_do_not_depend_on_the_order(plan: Plan) -> None:
    rows = match(plan.entries, plan.bill)
    ids = [row.break_id for row in rows if row.break_id]
    assert len(set(ids)) == len(ids) == plan.expected.total()
    again = match(plan.entries[::-1], plan.bill[::-1])
    assert {row.break_id for row in again if row.break_id} == set(ids)
