"""Bills accepted after the last business date: while the closing waits, and once closed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.reconcile.rollover import roll_over
from functions.reconcile.settlement import settle_day
from functions.reconcile.supplements import Supplement, return_late
from functions.shared.domain.breaks import BreakState
from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.fund_return import FundReturn
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.invariants import check_all
from functions.shared.domain.money import FundingShares, split_funding
from functions.shared.store.tables import BreakItem
from tests.support.adjusting import (
    A_FIFTH,
    ACCEPT_BILL,
    DAY_3,
    LAST_ON,
    accept,
    approve,
    close,
    differing,
    entries,
    file_bill,
    funds,
    one_break,
    propose,
    refuse,
    require_sound,
    statement_lines,
    with_voucher_fen,
)
from tests.support.campaigns import CAMPAIGN_ID, UNIONPAY
from tests.support.faults import contended
from tests.support.settling import DAY_1, DAY_2, Books, at

DAY = timedelta(days=1)
CLOSES_ON = LAST_ON + DAY
"""When a campaign without open breaks is closed."""
WAITS_UNTIL = CLOSES_ON + 7 * DAY
LATE_UNTIL = LAST_ON + 90 * DAY
"""The last business date of late refunds."""


def morning(books: Books, on: date) -> datetime:
    """Settles all that is due on the morning of a date; the time."""
    now = at(on, "09:00")
    books.deployment.clock.now = now
    _pass_idle_days(books, on)
    books.settle(now).require_sound()
    require_sound(books)
    return now


def _pass_idle_days(books: Books, on: date) -> None:
    """Takes days without an entry as settled: each takes as long as others."""
    for record in books.campaigns.all():
        campaign_id = record.campaign.campaign_id
        snapshot = books.money.recounts.snapshot(record)
        busy = {each.business_on for each in snapshot.redemptions}
        busy |= {each.business_on for each in snapshot.refunds}
        busy |= {each.business_on for each in snapshot.adjusting}
        busy -= {each.business_on for each in books.settlements.statements(campaign_id)}
        first = min(busy | {on - DAY})
        books.settlements.advance(campaign_id, first - DAY, now=at(on, "08:00"))


def record_of(books: Books) -> CampaignRecord:
    record = books.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    return record


def closed(books: Books, on: date = CLOSES_ON) -> FundReturn:
    """The campaign, closed on the morning of a date; its return."""
    closing = close(books, morning(books, on))
    assert closing.fund_return is not None, closing.reasons
    require_sound(books)
    return closing.fund_return


def supplement(books: Books, now: datetime) -> Supplement:
    """What a run returns after the closing."""
    record = record_of(books)
    roll_over(record, books.money, now)
    recounts = books.money.recounts
    return return_late(
        record_of(books),
        books.money,
        now,
        recount=lambda of: check_all(recounts.snapshot(of)),
    )


# The closing waits.


def test_the_closing_waits_for_a_break_of_the_last_date(books: Books) -> None:
    """The platform says that it did not refund what the ledger has as refunded."""
    redemption = books.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    file_bill(books, books.entries(DAY_1))
    books.refund(redemption, "f-1", at(LAST_ON, "23:00"))
    file_bill(books, [], on=LAST_ON, now=at(CLOSES_ON, "08:00"))
    found = one_break(books, LAST_ON)
    waits = close(books, morning(books, CLOSES_ON))
    until = to_rfc3339(at(WAITS_UNTIL, "00:00"))
    named = f"{UNIONPAY} {LAST_ON} {found.break_id}"
    assert waits.reasons == (f"BREAKS: {named} is not ended; waited for until {until}",)
    assert record_of(books).state is CampaignState.RUNNING
    accept(books, found)
    [entry] = entries(books)
    assert (entry.parts.fiscal_fen, entry.business_on, entry.is_final) == (960, CLOSES_ON, True)
    require_sound(books)
    assert close(books, at(CLOSES_ON, "10:00")).reasons[0].startswith("UNSETTLED")
    made = closed(books, CLOSES_ON + DAY)
    assert (made.redeemed_net_fen, made.adjusted_net_fen) == (0, 960)
    assert made.settled_on == CLOSES_ON
    assert made.to_return_fen == made.appropriated_fen - 960
    [line] = [r for r in statement_lines(books, CLOSES_ON) if r["line"] == "ADJUSTING_ENTRY"]
    assert line["fiscal_fen"] == "960"


@pytest.mark.parametrize("kind", ["ACCEPT_LEDGER", "WRITE_OFF"])
def test_it_waits_no_longer_once_all_are_ended(books: Books, kind: str) -> None:
    found = differing(books)
    now = morning(books, CLOSES_ON)
    assert close(books, now).reasons[0].startswith("BREAKS")
    assert propose(books, found, {"kind": kind, "reason": "已核对"}).status == 200
    assert close(books, now).reasons[0].startswith("BREAKS"), "a proposal ends nothing"
    assert approve(books, found).status == 200
    assert close(books, now).fund_return is not None


def test_it_waits_for_seven_days_and_no_longer(books: Books) -> None:
    differing(books)
    on = CLOSES_ON
    while on < WAITS_UNTIL:
        assert close(books, morning(books, on)).reasons[0].startswith("BREAKS")
        on += DAY
    assert close(books, at(WAITS_UNTIL - DAY, "23:59")).reasons[0].startswith("BREAKS")
    made = closed(books, WAITS_UNTIL)
    assert made.to_return_fen == made.appropriated_fen - 960
    assert one_break(books).state is BreakState.OPEN


def test_breaks_of_other_campaigns_hold_nothing_up(books: Books) -> None:
    found = differing(books)
    campaign = record_of(books).campaign
    for recent in ([], [DAY_1]):
        assert books.breaks.first_unresolved(campaign, recent) == found
    object.__setattr__(campaign, "campaign_id", "another-2026")
    assert books.breaks.first_unresolved(campaign, [DAY_1]) is None


def test_a_break_that_the_index_has_not_got_yet_is_waited_for_too(books: Books) -> None:
    """The last date is settled, and the campaign closed, by one and the same run."""
    books.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    file_bill(books, books.entries(DAY_1))
    [row] = books.entries(DAY_1)
    ghost = replace(row, platform_order_no="ghost", occurred_at=to_rfc3339(at(LAST_ON)))
    file_bill(books, [ghost], on=LAST_ON, now=at(CLOSES_ON, "08:00"))
    found = one_break(books, LAST_ON)
    item = books.database.get(BreakItem, f"{UNIONPAY}#{LAST_ON}", found.break_id)
    assert item is not None
    assert books.database.update(item, [BreakItem.unresolved_key.remove()])
    assert list(books.breaks.unresolved(UNIONPAY, after=None, limit=None)) == []
    assert close(books, morning(books, CLOSES_ON)).reasons[0].startswith("BREAKS")


def test_while_a_campaign_is_kept_from_closing_longer_nothing_is_recorded(books: Books) -> None:
    """Else an entry a day could keep it from being closed for ever."""
    found = differing(books)
    books.deployment.clock.now = at(WAITS_UNTIL, "00:00") - timedelta(minutes=1)
    assert propose(books, found).status == 200
    books.deployment.clock.now = at(WAITS_UNTIL, "00:00")
    send = partial(approve, books, found)
    assert "结项后受理" in refuse(books, send, "CAMPAIGN_CLOSING", closed_on=str(CLOSES_ON))
    closed(books, WAITS_UNTIL)
    assert approve(books, found).status == 200
    require_sound(books)


def test_it_waits_for_all_platforms_of_a_date_with_entries(books: Books) -> None:
    """A return says up to which date settlements count; none is settled in part."""
    found = differing(books)
    morning(books, CLOSES_ON)
    accept(books, found)
    now = at(CLOSES_ON + DAY, "09:00")
    records = books.campaigns.all()
    settle_day(UNIONPAY, CLOSES_ON, records, stores=books.stores, now=now)
    waits = close(books, now)
    assert waits.reasons == (f"UNSETTLED: what was recorded after {LAST_ON}",)
    assert closed(books, CLOSES_ON + DAY).settled_on == CLOSES_ON


# What is recorded then is final.


def test_what_is_saved_is_free_at_once(books: Books) -> None:
    found = differing(books)
    unallocated_fen, _, _ = funds(books)
    morning(books, CLOSES_ON)
    accept(books, found)
    assert funds(books) == (unallocated_fen + 360, -360, 0)
    require_sound(books)


@pytest.mark.parametrize("state", [CampaignState.RUNNING, CampaignState.CLOSED])
def test_no_corrected_bill_reverses_it(books: Books, state: CampaignState) -> None:
    found = differing(books)
    morning(books, CLOSES_ON)
    if state is CampaignState.CLOSED:
        closed(books, WAITS_UNTIL)
    accept(books, found)
    before = one_break(books)
    file_bill(books, books.entries(DAY_1), now=at(WAITS_UNTIL + DAY, "12:00"))
    assert one_break(books) == before
    assert len(entries(books)) == 1
    require_sound(books)


def test_what_was_accepted_before_is_still_held_back_until_the_closing(books: Books) -> None:
    """Two breaks: one accepted in time, the other while the closing waits."""
    accept(books, differing(books))
    second = DAY_1 + DAY
    books.redeem("o-2", at(second), voucher_type_id=A_FIFTH)
    [row] = books.entries(second)
    file_bill(books, [with_voucher_fen(row, 1_100)], on=second, now=at(second + DAY, "09:00"))
    morning(books, CLOSES_ON)
    accept(books, one_break(books, second))
    assert funds(books)[1:] == (-360 - 300, 360)
    require_sound(books)
    made = closed(books, CLOSES_ON + DAY)
    assert (made.redeemed_net_fen, made.adjusted_net_fen) == (1_920, -660)
    assert funds(books) == (0, -660, 0)


# Once the campaign is closed.


def test_what_a_closed_campaign_saves_is_returned_with_late_refunds(books: Books) -> None:
    found = differing(books)
    first = closed(books, WAITS_UNTIL)
    accept(books, found)
    assert funds(books) == (360, -360, 0)
    require_sound(books)
    assert supplement(books, at(WAITS_UNTIL, "10:00")) == Supplement()
    made = supplement(books, morning(books, WAITS_UNTIL + 40 * DAY)).fund_return
    assert made is not None
    assert (made.run, made.to_return_fen, made.adjusted_net_fen) == (2, 360, -360)
    assert made.source_account == first.source_account
    assert funds(books) == (0, -360, 0)
    require_sound(books)
    key = f"settlements/{UNIONPAY}/{WAITS_UNTIL}/{CAMPAIGN_ID}/v1/statement.csv"
    text = books.files()[key].decode("utf-8-sig")
    lines = {row["line"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert lines["ADJUSTING_ENTRY"]["fiscal_fen"] == lines["NET"]["fiscal_fen"] == "-360"


def test_more_is_paid_only_from_what_has_not_gone_back(books: Books) -> None:
    found = differing(books, bill_fen=2_000)
    redemption = books.redeem("o-2", at(DAY_2, "13:00"), voucher_type_id=A_FIFTH)
    file_bill(books, books.entries(DAY_2), on=DAY_2, now=at(DAY_3, "09:00"))
    closed(books, WAITS_UNTIL)
    assert propose(books, found).status == 200
    told = {"needed_fen": 240, "unallocated_fen": 0}
    refuse(books, partial(approve, books, found), "FUNDS_INSUFFICIENT", **told)
    books.refund(redemption, "f-1", at(WAITS_UNTIL, "11:00"))
    roll_over(record_of(books), books.money, at(WAITS_UNTIL + DAY, "12:00"))
    assert approve(books, found).status == 200
    assert funds(books) == (960 - 240, 240, 0)
    require_sound(books)
    made = supplement(books, morning(books, WAITS_UNTIL + 40 * DAY)).fund_return
    assert made is not None
    assert made.to_return_fen == 720
    require_sound(books)


def test_money_spent_before_its_entry_is_settled_waits_for_the_settlement(books: Books) -> None:
    """A supplementary return never takes what a new entry has drawn already."""
    found = differing(books, bill_fen=2_000)
    redemption = books.redeem("o-2", at(DAY_2, "13:00"), voucher_type_id=A_FIFTH)
    file_bill(books, books.entries(DAY_2), on=DAY_2, now=at(DAY_3, "09:00"))
    closed(books, WAITS_UNTIL)
    books.refund(redemption, "f-1", at(WAITS_UNTIL, "11:00"))
    later = WAITS_UNTIL + 40 * DAY
    now = morning(books, later)
    roll_over(record_of(books), books.money, now)
    accept(books, found)
    waits = supplement(books, now)
    assert waits.reasons == ("POOLS: 960 fen are not all unallocated yet",)
    require_sound(books)
    made = supplement(books, morning(books, later + DAY)).fund_return
    assert made is not None
    assert made.to_return_fen == 720


def test_no_more_is_returned_than_the_source_paid_in(books: Books) -> None:
    """A bill is accepted that lacks an order, and the order is then refunded as well."""
    redemption = books.redeem("o-1", at(DAY_1), voucher_type_id=A_FIFTH)
    file_bill(books, [])
    found = one_break(books)
    first = closed(books, WAITS_UNTIL)
    accept(books, found)
    books.refund(redemption, "f-1", at(WAITS_UNTIL, "11:00"))
    late = supplement(books, morning(books, WAITS_UNTIL + 40 * DAY))
    assert late.reasons == ("OVERPAID: 960 fen more than the source paid in",)
    assert record_of(books).funds.returned_fen == first.to_return_fen


def test_after_the_last_date_of_late_refunds_nothing_is_adjusted(books: Books) -> None:
    found = differing(books)
    closed(books, WAITS_UNTIL)
    books.deployment.clock.now = at(LATE_UNTIL, "23:59")
    assert propose(books, found).status == 200
    books.deployment.clock.now = at(LATE_UNTIL + DAY, "00:00")
    told = {"last_on": str(LATE_UNTIL)}
    refuse(books, partial(approve, books, found), "BREAK_NOT_ADJUSTABLE", **told)
    again = {**ACCEPT_BILL, "reason": "再次提出"}
    found = one_break(books)
    refuse(books, partial(propose, books, found, again), "BREAK_NOT_ADJUSTABLE", **told)


def test_the_last_entries_are_settled_and_returned(books: Books) -> None:
    found = differing(books)
    closed(books, WAITS_UNTIL)
    books.deployment.clock.now = at(LATE_UNTIL, "23:59")
    accept(books, found)
    made = supplement(books, morning(books, LATE_UNTIL + DAY)).fund_return
    assert made is not None
    assert (made.to_return_fen, made.settled_on) == (360, LATE_UNTIL)
    require_sound(books)


# At once.


@pytest.mark.parametrize("bill_fen", [1_000, 2_000])
def test_an_entry_while_the_campaign_is_being_closed(books: Books, bill_fen: int) -> None:
    """After all was counted, and before the money is taken out: it is counted again."""
    found = differing(books, bill_fen)
    # The wait is over; the approval has still been under way.
    late = at(WAITS_UNTIL - DAY, "23:59")
    books.settle(late).require_sound()
    books.deployment.clock.now = late
    assert propose(books, found).status == 200
    met = count()

    def accepted_meanwhile(items: list[dict[str, Any]]) -> bool:
        if "RETURN#" in str(items) and not next(met):
            assert approve(books, found).status == 200
        return False

    with contended(books.database.client, accepted_meanwhile):
        closing = close(books, at(WAITS_UNTIL, "00:00"))
    assert closing.reasons == ("CHANGED: the campaign changed while it was counted",)
    require_sound(books)
    made = closed(books, WAITS_UNTIL)
    assert made.adjusted_net_fen == (bill_fen - 1_600) * 6 // 10


# Any course of things.


@dataclass(frozen=True)
class Course:
    """When each of some breaks is accepted, in days after the last business date, and its bill."""

    accepted: Sequence[tuple[int, int]]


_DAYS = st.integers(-1, 10)
_FEN = st.integers(0, 3_000).filter(lambda fen: fen != 1_600)
_COURSES = st.lists(
    st.tuples(_DAYS, _FEN), min_size=1, max_size=4, unique_by=lambda each: each[1]
).map(Course)


@settings(deadline=None, max_examples=4, suppress_health_check=list(HealthCheck))
@given(course=_COURSES)
def test_whenever_breaks_are_accepted_all_that_is_left_goes_back_once(
    books: Books, course: Course
) -> None:
    """Every promise holds on every morning, and what is left at the end is with the source."""
    books.deployment.restore()
    stage = Books(books.deployment)
    for number, _ in enumerate(course.accepted):
        stage.redeem(f"o-{number}", at(DAY_1), voucher_type_id=A_FIFTH)
    rows = sorted(stage.entries(DAY_1), key=lambda row: row.platform_order_no)
    fens = [fen for _, fen in course.accepted]
    billed = [with_voucher_fen(row, fen) for row, fen in zip(rows, fens, strict=True)]
    file_bill(stage, billed)
    accepted_fen = 0
    for days in (*range(-1, 12), MONTH):
        now = morning(stage, LAST_ON + days * DAY)
        if record_of(stage).state is not CampaignState.CLOSED:
            close(stage, now)
        for fen in (fen for accepted, fen in course.accepted if accepted == days):
            accepted_fen += _accepted_fen(stage, fen)
            require_sound(stage)
        supplement(stage, now)
        require_sound(stage)
    funded = record_of(stage).funds
    assert record_of(stage).state is CampaignState.CLOSED
    assert funded.adjusted_fen == accepted_fen
    assert funded.settled_fen == 960 * len(course.accepted) + accepted_fen
    assert funded.returned_fen == funded.appropriated_fen - funded.settled_fen


SHARES = FundingShares(fiscal_bp=6_000, platform_bp=2_500, merchant_bp=1_500)
MONTH = 35
"""Days after the last business date, in a calendar month in which nothing was returned yet."""


def _accepted_fen(books: Books, fen: int) -> int:
    """Accepts the bill's amount; what that adds to the fiscal money owed.

    Nothing where the money has gone back, or the campaign is being closed.
    """
    [found] = [
        each
        for each in books.breaks.of_day(UNIONPAY, DAY_1)
        if each.row.bill is not None and each.row.bill.voucher_fen == fen
    ]
    before = funds(books)
    assert propose(books, found).status == 200
    reply = approve(books, found)
    if reply.status == 200:
        return split_funding(fen, SHARES).fiscal_fen - 960
    assert reply.body["code"] in {"FUNDS_INSUFFICIENT", "CAMPAIGN_CLOSING"}, reply.text
    assert funds(books) == before
    return 0
