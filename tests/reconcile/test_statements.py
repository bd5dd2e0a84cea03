"""A statement adds up what the ledger recorded on a day, and says who pays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.breaks import (
    Break,
    BreakState,
    MatchRow,
    MatchState,
    breaks_of,
    plan_breaks,
)
from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.money import FundingParts
from functions.shared.domain.settlement import (
    PayableSide,
    Statement,
    latest_day_over,
    settlement_range,
    statement_id_of,
    waits_for_bill,
)
from tests.support.campaigns import campaign
from tests.support.days import statement_of
from tests.support.entries import NOON, ON, redemption, refund
from tests.support.rows import Entry, bill_row_of

EARLIER = ON - timedelta(days=1)


def statement(*entries: Entry, bill_version: int = 0) -> Statement:
    return statement_of("spring-2026", "unionpay", ON, entries, bill_version=bill_version)


def parts(fiscal_fen: int, platform_fen: int, merchant_fen: int) -> FundingParts:
    return FundingParts(fiscal_fen=fiscal_fen, platform_fen=platform_fen, merchant_fen=merchant_fen)


def test_redemptions_less_refunds_by_who_funds_them() -> None:
    made = statement(
        redemption(1), redemption(2), refund(redemption(2), refund_fen=3_500), bill_version=3
    )
    assert (made.campaign_id, made.platform_id, made.business_on) == ("spring-2026", "unionpay", ON)
    assert made.statement_id == statement_id_of("spring-2026", "unionpay", ON)
    assert made.bill_version == 3
    assert (made.gross.count, made.gross.parts) == (2, parts(2_400, 1_000, 600))
    assert (made.refunds.count, made.refunds.parts) == (1, parts(600, 250, 150))
    assert (made.adjustments.count, made.net.total_fen) == (0, 3_000)
    assert (made.payable_fen, made.payable_side) == (1_800, PayableSide.BUREAU)


def test_a_refund_of_an_earlier_day_is_an_adjustment_of_its_own_day() -> None:
    made = statement(redemption(1), refund(redemption(2, on=EARLIER), on=ON))
    assert (made.refunds.count, made.adjustments.count) == (0, 1)
    assert made.adjustments.parts == parts(1_200, 500, 300)
    assert (made.net.fiscal_fen, made.payable_side) == (0, PayableSide.NOBODY)


def test_where_more_came_back_than_was_given_the_platform_pays() -> None:
    made = statement(refund(redemption(2, on=EARLIER), on=ON))
    assert (made.net.fiscal_fen, made.net.platform_fen, made.net.merchant_fen) == (
        -1_200,
        -500,
        -300,
    )
    assert (made.payable_fen, made.payable_side) == (1_200, PayableSide.PLATFORM)


def test_later_refunds_do_not_change_what_a_day_was_settled_for() -> None:
    """The redemption's item moves its refunded totals; the statement must not follow."""
    order = redemption(1)
    later = replace(order, refunded=replace(order.refunded, refunded_fen=10, paid_fen=10))
    assert statement(later) == statement(order)


def test_equal_sums_of_other_entries_are_another_statement() -> None:
    one, other = statement(redemption(1)), statement(redemption(2))
    assert one.net == other.net
    assert not one.settles_as(other)
    assert one.settles_as(statement(redemption(1), bill_version=3))


@given(
    st.permutations(
        [
            redemption(1),
            redemption(2),
            refund(redemption(1), "f-1", refund_fen=10),
            refund(redemption(1), "f-2", refund_fen=20),
        ]
    )
)
def test_the_order_of_entries_does_not_matter(entries: list[Entry]) -> None:
    """Not even that of two refunds in one instant."""
    assert statement(*entries) == statement(*sorted(entries, key=repr))


def test_what_was_settled_once_is_settled_under_the_same_id_and_digest_for_ever() -> None:
    """Both are in files and tables that are never written again."""
    made = statement(redemption(1), refund(redemption(1)))
    assert made.statement_id == "s_4fc39cd51eb11afc589c1cc0a10329a9"
    assert made.entries_digest == "8cccc763d1d0166e08065ed19996b49993c2dde54679e21502f7e1fdb61dbf0b"


def test_a_statement_has_an_id_of_its_own() -> None:
    ids = {
        statement_id_of("a", "b", ON),
        statement_id_of("a", "c", ON),
        statement_id_of("c", "b", ON),
        statement_id_of("a", "b", EARLIER),
    }
    assert len(ids) == 4
    assert statement_id_of("a", "b", ON) in ids


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        # 00:29 and 00:30 of 6 January in Beijing.
        (datetime(2026, 1, 5, 16, 29, tzinfo=UTC), date(2026, 1, 4)),
        (datetime(2026, 1, 5, 16, 30, tzinfo=UTC), date(2026, 1, 5)),
    ],
)
def test_a_day_is_over_half_an_hour_after_midnight_in_beijing(utc: datetime, day: date) -> None:
    assert latest_day_over(utc) == day


def test_a_day_waits_for_its_bill_until_two() -> None:
    two = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
    assert waits_for_bill(ON, two - timedelta(seconds=1))
    assert not waits_for_bill(ON, two)


def test_days_are_settled_from_the_first_opening_to_the_last_refund() -> None:
    """The small campaign's refund window ends at a midnight: the day before it is the last."""
    first, last = settlement_range(campaign())
    assert first == date(2026, 1, 5)
    assert day_bounds(last)[1] == campaign().refunds_end_at


# How a corrected bill changes breaks.

MISSING = MatchRow(
    match_state=MatchState.LEDGER_ONLY,
    campaign_id="spring-2026",
    ledger=bill_row_of(redemption(1)),
    bill=None,
    break_id="b_1",
)
DIFFERS = replace(
    MISSING,
    match_state=MatchState.AMOUNT_DIFFERS,
    bill=replace(bill_row_of(redemption(1)), voucher_fen=1_990),
)


def planned(
    found: list[MatchRow], stored: list[Break], *, bill_version: int, minutes: int = 0
) -> list[Break]:
    return plan_breaks(
        breaks_of(found),
        {b.break_id: b for b in stored},
        platform_id="unionpay",
        on=ON,
        bill_version=bill_version,
        now=NOON + timedelta(minutes=minutes),
    )


def test_a_break_is_opened_changed_closed_and_opened_again_with_its_history() -> None:
    opened = planned([MISSING], [], bill_version=0)
    assert [(b.state, b.history) for b in opened] == [(BreakState.OPEN, ())]
    changed = planned([DIFFERS], opened, bill_version=1, minutes=1)
    assert [(b.row.difference_fen, b.opened_at) for b in changed] == [(10, NOON)]
    closed = planned([], changed, bill_version=2, minutes=2)
    assert [b.state for b in closed] == [BreakState.CLOSED]
    [again] = planned([MISSING], closed, bill_version=3, minutes=3)
    assert (again.state, again.opened_at) == (BreakState.OPEN, NOON + timedelta(minutes=3))
    assert [(s.bill_version, s.state, s.match_state, s.difference_fen) for s in again.history] == [
        (0, BreakState.OPEN, MatchState.LEDGER_ONLY, 2_000),
        (1, BreakState.OPEN, MatchState.AMOUNT_DIFFERS, 10),
        (2, BreakState.CLOSED, MatchState.AMOUNT_DIFFERS, 10),
    ]


def test_what_is_as_it_should_be_is_not_written_again() -> None:
    opened = planned([MISSING], [], bill_version=1)
    assert planned([MISSING], opened, bill_version=2) == []
    closed = planned([], opened, bill_version=2)
    assert planned([], closed, bill_version=3) == []
