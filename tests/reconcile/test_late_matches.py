"""Breaks that a neighbouring date's bill explains: they end, and open again when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.reconcile.settlement import SettlementRun
from functions.shared.domain.bills import BillRow, EntryType
from functions.shared.domain.breaks import (
    UNRESOLVED,
    Break,
    BreakState,
    MatchRow,
    MatchState,
    ResolutionKind,
    break_id_of,
)
from functions.shared.domain.late_matches import Mate, explains, plan_late_matches, wanted_of
from functions.shared.store.breaks import BreakStore
from infra.local.bills import BillRow as BilledRow
from tests.support.calls import AUDITOR, Bureau
from tests.support.campaigns import CAMPAIGN_ID, UNIONPAY
from tests.support.settling import DAY_1, DAY_2, Books, Crash, at, at_call, die

DAY_3 = DAY_2 + timedelta(days=1)
NOW = at(DAY_3, "09:00")


def states(books: Books, *days: date) -> list[list[tuple[str, str]]]:
    return [
        sorted((b.row.match_state.value, b.state.value) for b in books.breaks.of_day(UNIONPAY, on))
        for on in days
    ]


def moved(rows: Iterable[BilledRow], on: date, clock: str = "00:00") -> list[BilledRow]:
    """The rows as a bill of that date has them."""
    return [replace(row, occurred_at=f"{on}T{clock}:00+08:00") for row in rows]


def bill(books: Books, on: date, rows: list[BilledRow], clock: str = "08:00") -> SettlementRun:
    """Delivers a bill, and settles what is due."""
    assert books.bill(on, rows).is_accepted
    return books.settle(at(on + timedelta(days=1), clock))


@pytest.mark.parametrize(("booked_on", "billed_on"), [(DAY_1, DAY_2), (DAY_2, DAY_1)])
def test_a_row_in_the_bill_of_a_neighbouring_date_ends_both_breaks(
    books: Books, booked_on: date, billed_on: date
) -> None:
    books.redeem("o-1", at(booked_on, "23:59"))
    late = moved(books.entries(booked_on), billed_on)
    bills = {DAY_1: [], DAY_2: [], billed_on: late}
    for on in (DAY_1, DAY_2):
        run = bill(books, on, bills[on])
    assert sum(day.matched_late for day in run.days) == 2
    assert states(books, booked_on, billed_on) == [
        [("LEDGER_ONLY", "MATCHED_LATE")],
        [("BILL_ONLY", "MATCHED_LATE")],
    ]
    assert list(books.breaks.unresolved(UNIONPAY, after=None, limit=None)) == []
    [booked], [billed] = (books.breaks.of_day(UNIONPAY, on) for on in (booked_on, billed_on))
    assert booked.counterpart == (billed_on, billed.break_id)
    assert billed.counterpart == (booked_on, booked.break_id)
    assert [step.state for step in booked.history] == [BreakState.OPEN]
    # The ledger is settled on its own date, and once.
    assert books.settled_fen() == 2_000
    path = f"/v1/admin/breaks/{UNIONPAY}/{booked_on}/{booked.break_id}"
    read: dict[str, Any] = Bureau(books.deployment).call(AUDITOR, "GET", path).body
    assert read["counterpart"] == {
        "business_on": billed_on.isoformat(),
        "break_id": billed.break_id,
    }
    assert read["age_days"] is None


def test_what_differs_in_more_than_its_time_stays_open(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    [row] = moved(books.entries(DAY_1), DAY_2)
    bill(books, DAY_1, [])
    bill(books, DAY_2, [row.with_amounts(voucher_fen=2_100, paid_fen=5_900)])
    assert states(books, DAY_1, DAY_2) == [[("LEDGER_ONLY", "OPEN")], [("BILL_ONLY", "OPEN")]]


def test_a_corrected_bill_that_takes_the_row_away_opens_the_other_break_again(
    books: Books,
) -> None:
    books.redeem("o-1", at(DAY_1))
    late = moved(books.entries(DAY_1), DAY_2)
    bill(books, DAY_1, [])
    bill(books, DAY_2, late)
    bill(books, DAY_2, [], "09:00")
    assert states(books, DAY_1, DAY_2) == [[("LEDGER_ONLY", "OPEN")], [("BILL_ONLY", "CLOSED")]]
    [booked] = books.breaks.unresolved(UNIONPAY, after=None, limit=None)
    assert [step.state for step in booked.history] == [BreakState.OPEN, BreakState.MATCHED_LATE]
    bill(books, DAY_2, moved(books.entries(DAY_1), DAY_2, "00:01"), "10:00")
    assert states(books, DAY_1, DAY_2) == [
        [("LEDGER_ONLY", "MATCHED_LATE")],
        [("BILL_ONLY", "MATCHED_LATE")],
    ]


def test_a_row_that_is_billed_on_both_dates_is_billed_once_too_often(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    late = moved(books.entries(DAY_1), DAY_2)
    bill(books, DAY_1, [])
    bill(books, DAY_2, late)
    bill(books, DAY_1, books.entries(DAY_1), "10:00")
    assert states(books, DAY_1, DAY_2) == [[("LEDGER_ONLY", "CLOSED")], [("BILL_ONLY", "OPEN")]]


def test_what_two_persons_have_decided_stays(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    bill(books, DAY_1, [])
    [found] = books.breaks.of_day(UNIONPAY, DAY_1)
    proposed = found.proposed(ResolutionKind.WRITE_OFF, "查无此单", by="li.na", now=NOW)
    books.breaks.change(found, proposed)
    books.breaks.change(proposed, proposed.approved(by="wang.wei", now=NOW))
    bill(books, DAY_2, moved(books.entries(DAY_1), DAY_2))
    assert states(books, DAY_1, DAY_2) == [[("LEDGER_ONLY", "RESOLVED")], [("BILL_ONLY", "OPEN")]]


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_dies_anywhere_is_finished_by_the_next(books: Books, after: bool) -> None:  # noqa: FBT001 - before or after the call
    for number in (1, 2):
        books.redeem(f"o-{number}", at(DAY_1, f"12:0{number}"))
    bill(books, DAY_1, [])
    books.bill(DAY_2, moved(books.entries(DAY_1), DAY_2))
    for number in range(40):
        with at_call(books, number, die, after=after, writes=True) as made:
            try:
                books.settle(at(DAY_3, "08:00"))
            except Crash:
                continue
        break
    assert 0 < len(made) <= number + 1
    books.settle(at(DAY_3, "08:00"))
    assert states(books, DAY_1, DAY_2) == [
        [("LEDGER_ONLY", "MATCHED_LATE")] * 2,
        [("BILL_ONLY", "MATCHED_LATE")] * 2,
    ]


def test_a_decision_that_comes_in_between_is_not_overwritten(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    bill(books, DAY_1, [])
    [found] = books.breaks.of_day(UNIONPAY, DAY_1)
    books.bill(DAY_2, moved(books.entries(DAY_1), DAY_2))
    proposed = found.proposed(ResolutionKind.WRITE_OFF, "查无此单", by="li.na", now=NOW)
    approved = proposed.approved(by="wang.wei", now=NOW)
    books.settle(at(DAY_2, "09:00"))

    def decide() -> None:
        books.breaks.change(found, proposed)
        books.breaks.change(proposed, approved)

    real = books.breaks._write_groups

    def in_between(*args: Any) -> int:  # noqa: ANN401 - as the method's
        if books.breaks.get(UNIONPAY, DAY_1, found.break_id) == found:
            decide()
        return real(*args)

    with patch.object(BreakStore, "_write_groups", side_effect=in_between):
        books.settle(at(DAY_3, "08:00"))
    assert books.breaks.of_day(UNIONPAY, DAY_1) == [approved]
    assert states(books, DAY_2) == [[("BILL_ONLY", "OPEN")]]


def test_a_restated_set_of_the_day_leaves_it_ended(books: Books) -> None:
    """A corrected bill that still lacks the row is no reason to open the break again."""
    for number in (1, 2):
        books.redeem(f"o-{number}", at(DAY_1, f"12:0{number}"))
    one, two = books.entries(DAY_1)
    bill(books, DAY_1, [])
    bill(books, DAY_2, moved([one], DAY_2))
    bill(books, DAY_1, [two], "10:00")
    assert states(books, DAY_1, DAY_2) == [
        [("LEDGER_ONLY", "CLOSED"), ("LEDGER_ONLY", "MATCHED_LATE")],
        [("BILL_ONLY", "MATCHED_LATE")],
    ]


# Any breaks of three dates, and what is made of them.

DATES = (DAY_1, DAY_2, DAY_3)


def a_break(on: date, order: int, match: MatchState, state: BreakState, paid_fen: int) -> Break:
    row = BillRow(
        platform_order_no=f"o-{order}",
        entry_type=EntryType.REDEEM,
        refund_no="",
        voucher_id=f"v-{order}",
        merchant_id="noodles",
        occurred_at=at(on),
        order_fen=2_000 + paid_fen,
        merchant_discount_fen=0,
        platform_discount_fen=0,
        voucher_fen=2_000,
        paid_fen=paid_fen,
    )
    name = break_id_of(UNIONPAY, on, row)
    is_ledger = match is MatchState.LEDGER_ONLY
    return Break(
        break_id=name,
        platform_id=UNIONPAY,
        business_on=on,
        row=MatchRow(
            match_state=match,
            campaign_id=CAMPAIGN_ID,
            ledger=row if is_ledger else None,
            bill=None if is_ledger else row,
            break_id=name,
        ),
        state=state,
        bill_version=1,
        history=(),
        opened_at=NOW,
    )


SIDES = st.tuples(
    st.sampled_from([MatchState.LEDGER_ONLY, MatchState.BILL_ONLY]),
    st.sampled_from([BreakState.OPEN, BreakState.PROPOSED, BreakState.RESOLVED, BreakState.CLOSED]),
    st.sampled_from([5_000, 5_001]),
)
WORLDS = st.dictionaries(st.tuples(st.sampled_from(DATES), st.integers(1, 3)), SIDES, max_size=9)


def world_of(
    drawn: dict[tuple[date, int], tuple[MatchState, BreakState, int]],
) -> dict[Mate, Break]:
    breaks = (a_break(on, order, *side) for (on, order), side in drawn.items())
    return {(found.business_on, found.break_id): found for found in breaks}


def carried_out(known: dict[Mate, Break], dates: Iterable[date] = DATES) -> dict[Mate, Break]:
    after = dict(known)
    for group in plan_late_matches(known, dates, NOW):
        after |= {(found.business_on, found.break_id): found for found in group}
    return after


@given(WORLDS, WORLDS)
@settings(deadline=None)
def test_just_what_explains_each_other_is_ended_whatever_it_was_before(
    first: dict[Any, Any], second: dict[Any, Any]
) -> None:
    before, bare = carried_out(world_of(first)), world_of(second)
    # The second bills come: what they leave as it was keeps its state, all else is as found.
    now = {
        mate: before[mate]
        if mate in before and before[mate].row == found.row and before[mate].counterpart
        else found
        for mate, found in bare.items()
    }
    after = carried_out(now)
    assert carried_out(after) == after
    for mate, found in after.items():
        if found.counterpart is None:
            assert found.state is not BreakState.MATCHED_LATE
            continue
        other = after[found.counterpart]
        assert (other.counterpart, other.state) == (mate, BreakState.MATCHED_LATE)
        assert explains(found, other) or explains(other, found)
    left = {mate: found for mate, found in after.items() if found.state in UNRESOLVED}
    for billed in left.values():
        assert not any(mate in left and explains(billed, left[mate]) for mate in wanted_of(billed))
    decided = {m: f for m, f in now.items() if f.state in (BreakState.RESOLVED, BreakState.CLOSED)}
    assert decided.items() <= after.items()


def test_a_break_that_is_matched_with_a_date_out_of_sight_is_left_alone() -> None:
    booked = a_break(DAY_1, 1, MatchState.LEDGER_ONLY, BreakState.OPEN, 5_000)
    billed = a_break(DAY_2, 1, MatchState.BILL_ONLY, BreakState.OPEN, 5_000)
    known = carried_out({(f.business_on, f.break_id): f for f in (booked, billed)})
    seen = {mate: found for mate, found in known.items() if mate[0] == DAY_2}
    assert plan_late_matches(seen, (DAY_2, DAY_3), NOW) == []
