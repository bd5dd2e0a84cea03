"""Days are settled once, from the ledger, with or without a bill; the files prove it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

import functions.reconcile.settlement as settlement_module
import functions.shared.store.breaks as breaks_module
from functions.reconcile.bill_bytes import BillLost
from functions.reconcile.day import DayResult
from functions.reconcile.day_files import FileDrift
from functions.reconcile.matching import match_rows
from functions.reconcile.settlement import (
    SettlementFailed,
    settle_day,
    unsettled_days,
)
from functions.shared.domain.breaks import BreakChanges, BreakState, MatchRow
from functions.shared.domain.settlement import (
    PayableSide,
    Statement,
    StatementDrift,
    last_late_day,
    settlement_range,
    statement_id_of,
)
from functions.shared.files.manifest import FILE_NAME
from functions.shared.store.tables import SettlementItem
from tests.support.campaigns import CAMPAIGN_ID, DISCOUNT, MEITUAN, UNIONPAY
from tests.support.days import ledger_side
from tests.support.entries import redemption
from tests.support.rows import bill_row_of
from tests.support.settling import (
    DAY_1,
    DAY_2,
    OTHER_CAMPAIGN,
    Books,
    Crash,
    at,
    die,
    other_merchant,
)

DAY_3 = DAY_2 + timedelta(days=1)
V1 = f"settlements/{UNIONPAY}/{DAY_1}/{CAMPAIGN_ID}/v1"
V2 = f"settlements/{UNIONPAY}/{DAY_1}/{CAMPAIGN_ID}/v2"


def after(on: date, clock: str = "02:00") -> datetime:
    """That time of the next morning in Beijing."""
    return at(on + timedelta(days=1), clock)


def table(books: Books, key: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(books.files()[key].decode("utf-8-sig"))))


def statement_of(books: Books, on: date, campaign_id: str = CAMPAIGN_ID) -> Statement:
    statement = books.settlements.statement(campaign_id, UNIONPAY, on)
    assert statement is not None
    return statement


def breaks(books: Books, on: date = DAY_1) -> list[tuple[str, str, str]]:
    return [
        (b.row.side.platform_order_no, b.row.match_state.value, b.state.value)
        for b in sorted(books.breaks.of_day(UNIONPAY, on), key=lambda b: b.row.side.key)
    ]


def test_a_day_with_a_perfect_bill_is_settled_at_half_past_midnight(books: Books) -> None:
    order = books.redeem("o-1", at(DAY_1))
    shared = books.redeem("o-2", at(DAY_1), voucher_type_id=DISCOUNT, order_fen=10_000)
    books.refund(shared, "f-1", at(DAY_1, "13:00"), refund_fen=5_000)
    assert books.bill(DAY_1, books.entries(DAY_1)).is_accepted
    assert books.settle(after(DAY_1, "00:29")).days == ()
    run = books.settle(after(DAY_1, "00:30"))
    run.require_sound()
    assert run.is_complete
    statement = statement_of(books, DAY_1)
    # 2,000 of public money; 2,000 shared 60/25/15, of which half came back.
    assert order.amounts.parts.fiscal_fen == 2_000
    assert (statement.gross.count, statement.gross.parts.fiscal_fen) == (2, 3_200)
    assert (statement.refunds.count, statement.refunds.parts.total_fen) == (1, 1_000)
    assert (statement.net.fiscal_fen, statement.net.total_fen) == (2_600, 3_000)
    assert (statement.payable_fen, statement.payable_side) == (2_600, PayableSide.BUREAU)
    assert books.settled_fen() == 2_600
    assert breaks(books) == []
    assert books.settlements.settled_through(CAMPAIGN_ID) == DAY_1


def test_the_files_say_what_the_statement_says(books: Books) -> None:
    order = books.redeem("o-1", at(DAY_1))
    books.refund(order, "f-1", at(DAY_1, "13:00"), refund_fen=4_000)
    books.bill(DAY_1, books.entries(DAY_1))
    books.settle(after(DAY_1))
    statement = statement_of(books, DAY_1)
    manifests = books.manifests()
    assert list(manifests) == [V1]
    manifest = manifests[V1]
    assert [entry.name for entry in manifest.files] == [
        "breaks.csv",
        "detail.csv",
        "reconciliation.csv",
        "reconciliation.xlsx",
        "statement.csv",
        "statement.json",
        "statement.xlsx",
    ]
    assert (manifest.run_id, manifest.supersedes) == (f"reconcile-unionpay-{DAY_1}-v1", None)
    assert manifest.cutoff_at == at(DAY_2, "00:00")
    assert manifest.inputs["statement_id"] == statement_id_of(CAMPAIGN_ID, UNIONPAY, DAY_1)
    assert manifest.inputs["bill_version"] == 1
    totals = {entry.name: dict(entry.totals) for entry in manifest.files}
    assert totals["statement.csv"]["fiscal_fen"] == statement.net.fiscal_fen == 1_000
    assert totals["detail.csv"] == {"settled_fen": 1_000}
    lines = table(books, f"{V1}/statement.csv")
    assert [(line["line"], line["entries"], line["fiscal_fen"]) for line in lines] == [
        ("GROSS", "1", "2000"),
        ("REFUNDS", "1", "-1000"),
        ("NET", "2", "1000"),
    ]
    assert (lines[-1]["payable_fen"], lines[-1]["payable_side"]) == ("1000", "BUREAU")
    facts = json.loads(books.files()[f"{V1}/statement.json"])["facts"]
    assert (facts["bill"], facts["payable_fen"]) == ("ACCEPTED v1", 1_000)


def test_the_detail_names_no_person(books: Books) -> None:
    order = books.redeem("o-1", at(DAY_1))
    books.settle(after(DAY_1))
    files = books.files()
    assert order.person_ref not in b"".join(files.values()).decode("utf-8", "replace")
    [row] = table(books, f"{V1}/detail.csv")
    assert (row["order_no"], row["merchant_id"], row["fiscal_part_fen"]) == (
        "o-1",
        "noodles",
        "2000",
    )
    assert len(row["person_token"]) == 16


def test_a_run_again_changes_nothing(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    books.bill(DAY_1, [])
    books.settle(after(DAY_1))
    settled = books.state()
    run = books.settle(after(DAY_1, "02:10"))
    assert (run.days, run.is_complete) == ((), True)
    again = settle_day(
        UNIONPAY, DAY_1, books.campaigns.all(), stores=books.stores, now=after(DAY_1, "09:00")
    )
    assert (again.result, again.files, again.breaks.total) == (DayResult.SETTLED, (), 0)
    assert books.state() == settled


def test_without_a_bill_a_day_waits_until_two_and_is_settled_from_the_ledger(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    waiting = books.settle(after(DAY_1, "01:59"))
    results = {(day.platform_id, day.result) for day in waiting.days}
    assert results == {(UNIONPAY, DayResult.WAITING), (MEITUAN, DayResult.EMPTY)}
    assert books.settlements.settled_through(CAMPAIGN_ID) is None
    books.settle(after(DAY_1))
    assert books.settled_fen() == 2_000
    assert statement_of(books, DAY_1).bill_version == 0
    assert breaks(books) == [("o-1", "LEDGER_ONLY", "OPEN")]
    facts = json.loads(books.files()[f"{V1}/statement.json"])["facts"]
    assert facts["bill"] == "MISSING"


def test_a_bill_after_the_settlement_restates_the_reconciliation_and_no_amount(
    books: Books,
) -> None:
    books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_1, "12:30"))
    books.settle(after(DAY_1))
    first = books.files()
    money = statement_of(books, DAY_1)
    rows = books.entries(DAY_1)
    books.bill(DAY_1, [rows[0], rows[1].with_amounts(voucher_fen=1_990, paid_fen=6_010)])
    run = books.settle(after(DAY_1, "08:00"))
    assert [day.result for day in run.days] == [DayResult.SETTLED]
    assert breaks(books) == [
        ("o-1", "LEDGER_ONLY", "CLOSED"),
        ("o-2", "AMOUNT_DIFFERS", "OPEN"),
    ]
    assert statement_of(books, DAY_1) == money
    assert books.settled_fen() == 4_000
    files = books.files()
    assert {key: files[key] for key in first} == first
    manifest = books.manifests()[V2]
    assert manifest.supersedes == f"reconcile-unionpay-{DAY_1}-v1"
    assert manifest.reason == (
        "bill version 1 came after the settlement had been made without a bill: "
        "1 breaks closed, 1 changed, 0 opened; the statement's amounts are unchanged"
    )
    listed = [(row["order_no"], row["state"]) for row in table(books, f"{V2}/breaks.csv")]
    assert listed == [("o-1", "CLOSED"), ("o-2", "OPEN")]
    assert files[f"{V2}/detail.csv"] == files[f"{V1}/detail.csv"]
    assert table(books, f"{V2}/statement.csv") == table(books, f"{V1}/statement.csv")


def test_a_corrected_bill_closes_what_it_mends_and_opens_what_it_breaks(books: Books) -> None:
    for number in (1, 2, 3):
        books.redeem(f"o-{number}", at(DAY_1, f"12:0{number}"))
    one, two, three = books.entries(DAY_1)
    books.bill(DAY_1, [one, other_merchant(two)])
    books.settle(after(DAY_1))
    assert breaks(books) == [
        ("o-2", "STATE_DIFFERS", "OPEN"),
        ("o-3", "LEDGER_ONLY", "OPEN"),
    ]
    books.bill(DAY_1, [two, other_merchant(three)])
    books.settle(after(DAY_1, "08:00"))
    assert breaks(books) == [
        ("o-1", "LEDGER_ONLY", "OPEN"),
        ("o-2", "STATE_DIFFERS", "CLOSED"),
        ("o-3", "STATE_DIFFERS", "OPEN"),
    ]
    reason = books.manifests()[V2].reason
    assert reason is not None
    assert reason.startswith("bill version 2 corrects version 1: 1 breaks closed, 1 changed, 1 ope")
    books.bill(DAY_1, [one, two, three])
    books.settle(after(DAY_1, "09:00"))
    assert {state for _, _, state in breaks(books)} == {"CLOSED"}
    assert [s.state for s in books.breaks.of_day(UNIONPAY, DAY_1)[0].history] != []


def test_planted_differences_are_found_and_nothing_more(books: Books) -> None:
    """A wrong amount, a missing row, an order that never was and a voucher billed twice."""
    for number in (1, 2, 3):
        books.redeem(f"o-{number}", at(DAY_1, f"12:0{number}"))
    later = books.redeem("o-9", at(DAY_2))
    one, two, three = books.entries(DAY_1)
    never = replace(
        one, platform_order_no="o-7", voucher_id=later.voucher_id, occurred_at=three.occurred_at
    )
    twice = replace(three, platform_order_no="o-8")
    wrong = one.with_amounts(voucher_fen=2_100, paid_fen=5_900)
    books.bill(DAY_1, [wrong, three, never, twice])
    books.settle(after(DAY_1))
    found = {
        b.row.side.platform_order_no: (b.row.match_state.value, b.row.difference_fen)
        for b in books.breaks.of_day(UNIONPAY, DAY_1)
    }
    assert found == {
        "o-1": ("AMOUNT_DIFFERS", -100),
        "o-2": ("LEDGER_ONLY", 2_000),
        "o-7": ("BILL_ONLY", -2_000),
        "o-8": ("DUPLICATE", -2_000),
    }
    assert two.platform_order_no == "o-2"
    # The ledger is settled, whatever the bill claims.
    assert books.settled_fen() == 6_000


def test_each_campaign_of_a_platform_has_its_own_statement_and_files(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_1), campaign_id=OTHER_CAMPAIGN)
    books.bill(DAY_1, books.entries(DAY_1))
    books.settle(after(DAY_1))
    assert books.settled_fen() == books.settled_fen(OTHER_CAMPAIGN) == 2_000
    assert {folder.split("/")[3] for folder in books.manifests()} == {CAMPAIGN_ID, OTHER_CAMPAIGN}
    for campaign_id, order_no in ((CAMPAIGN_ID, "o-1"), (OTHER_CAMPAIGN, "o-2")):
        folder = f"settlements/{UNIONPAY}/{DAY_1}/{campaign_id}/v1"
        rows = table(books, f"{folder}/reconciliation.csv")
        assert [row["order_no"] for row in rows] == [order_no]


def test_a_campaign_that_only_a_bill_names_gets_a_statement_of_nothing(books: Books) -> None:
    """Billed on the day before: a break there, whose campaign had no entry on that day."""
    books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_2), campaign_id=OTHER_CAMPAIGN)
    [billed_early] = books.entries(DAY_2)
    early = replace(billed_early, occurred_at=f"{DAY_1}T23:59:59+08:00")
    books.bill(DAY_1, [*books.entries(DAY_1), early])
    books.settle(after(DAY_1))
    nothing = statement_of(books, DAY_1, OTHER_CAMPAIGN)
    assert (nothing.gross.count, nothing.payable_side) == (0, PayableSide.NOBODY)
    assert breaks(books) == [("o-2", "BILL_ONLY", "OPEN")]


def test_an_empty_bill_of_an_empty_day_leaves_no_statement(books: Books) -> None:
    assert books.bill(DAY_1, []).is_accepted
    [day] = [d for d in books.settle(after(DAY_1)).days if d.platform_id == UNIONPAY]
    assert (day.result, day.statements) == (DayResult.EMPTY, ())
    assert books.files() == {}
    assert books.settle(after(DAY_1, "02:10")).days == ()


def test_days_that_were_missed_are_caught_up_oldest_first(books: Books) -> None:
    """Nobody ran for three days, of which the second had no orders."""
    books.redeem("o-1", at(DAY_1))
    third = books.redeem("o-3", at(DAY_3))
    books.refund(third, "f-1", at(DAY_3, "13:00"))
    run = books.settle(after(DAY_3))
    settled = [(d.business_on, d.result) for d in run.days if d.platform_id == UNIONPAY]
    assert settled == [
        (DAY_1, DayResult.SETTLED),
        (DAY_2, DayResult.EMPTY),
        (DAY_3, DayResult.SETTLED),
    ]
    assert books.settlements.settled_through(CAMPAIGN_ID) == DAY_3
    assert books.settled_fen() == 2_000


def test_a_run_takes_so_many_days_and_the_next_goes_on(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement_module, "DAYS_PER_RUN", 3)
    books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_2))
    first = books.settle(after(DAY_2))
    assert (len(first.days), first.is_complete) == (3, False)
    # Day 1 on both platforms; of day 2, Meituan's only.
    assert books.settlements.settled_through(CAMPAIGN_ID) == DAY_1
    second = books.settle(after(DAY_2))
    assert (len(second.days), second.is_complete) == (2, True)
    assert books.settlements.settled_through(CAMPAIGN_ID) == DAY_2
    assert books.settled_fen() == 4_000


def test_a_refund_of_a_settled_day_is_an_adjustment_with_its_origin(books: Books) -> None:
    order = books.redeem("o-1", at(DAY_1))
    books.settle(after(DAY_1))
    settled = statement_of(books, DAY_1)
    books.refund(order, "f-1", at(DAY_2), refund_fen=4_000)
    books.bill(DAY_2, books.entries(DAY_2))
    books.settle(after(DAY_2))
    assert statement_of(books, DAY_1) == settled
    adjusted = statement_of(books, DAY_2)
    assert (adjusted.adjustments.count, adjusted.net.fiscal_fen) == (1, -1_000)
    assert (adjusted.payable_fen, adjusted.payable_side) == (1_000, PayableSide.PLATFORM)
    assert books.settled_fen() == 1_000
    folder = f"settlements/{UNIONPAY}/{DAY_2}/{CAMPAIGN_ID}/v1"
    [adjustment] = [
        row for row in table(books, f"{folder}/statement.csv") if row["line"] == "ADJUSTMENT"
    ]
    assert (adjustment["origin_business_date"], adjustment["origin_statement_id"]) == (
        str(DAY_1),
        settled.statement_id,
    )
    assert (adjustment["order_no"], adjustment["refund_no"]) == ("o-1", "f-1")


def test_refunds_in_the_window_after_the_campaign_are_settled_and_then_no_day_is_left(
    books: Books,
) -> None:
    record = books.campaigns.get(CAMPAIGN_ID)
    assert record is not None
    last = settlement_range(record.campaign)[1]
    order = books.redeem("o-1", at(DAY_1))
    books.refund(order, "f-1", at(last, "23:00"))
    assert unsettled_days(record, books.settlements)[:2] == [DAY_1, DAY_2]
    books.settle(after(DAY_1))
    assert books.settled_fen() == 2_000
    for campaign_id in (CAMPAIGN_ID, OTHER_CAMPAIGN):
        # The weeks between, in which nothing happened.
        books.settlements.advance(campaign_id, last - timedelta(days=1), now=at(last))
    assert unsettled_days(record, books.settlements) == [last]
    assert books.settle(after(last)).is_complete
    assert books.settled_fen() == 0
    assert unsettled_days(record, books.settlements) == []
    late = books.settle(after(last + timedelta(days=2)))
    assert {day.result for day in late.days} == {DayResult.EMPTY}, "entries may come late"
    end = last_late_day(record.campaign)
    for campaign_id in (CAMPAIGN_ID, OTHER_CAMPAIGN):
        books.settlements.advance(campaign_id, end, now=at(end))
    assert books.settle(after(end + timedelta(days=30))).days == ()


def test_the_bookmark_never_moves_back(books: Books) -> None:
    for on in (DAY_2, DAY_1):
        books.settlements.advance(CAMPAIGN_ID, on, now=after(DAY_2))
    assert books.settlements.settled_through(CAMPAIGN_ID) == DAY_2


def test_a_day_that_no_longer_recounts_is_reported_and_others_are_settled(books: Books) -> None:
    """An entry that came into a settled day by no transaction of ours: a fault to look at."""
    books.redeem("o-1", at(DAY_1))
    books.settle(after(DAY_1))
    books.redeem("late", at(DAY_1, "23:59"))
    books.redeem("o-2", at(DAY_2))
    books.bill(DAY_1, books.entries(DAY_1))
    run = books.settle(after(DAY_2))
    [fault] = run.faults
    assert isinstance(fault.error, StatementDrift)
    assert (fault.platform_id, fault.business_on) == (UNIONPAY, DAY_1)
    assert books.settled_fen() == 4_000
    with pytest.raises(SettlementFailed, match="StatementDrift unionpay 2026-01-05"):
        run.require_sound()
    # It is not forgotten: every run meets it again.
    assert [f.business_on for f in books.settle(after(DAY_2)).faults] == [DAY_1]


def test_an_accepted_bill_that_is_altered_or_gone_stops_its_day(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    intake = books.bill(DAY_1, books.entries(DAY_1))
    assert intake.bill is not None
    books.s3.delete_object(
        Bucket=books.bucket, Key=intake.object_key, VersionId=intake.bill.object_version
    )
    run = books.settle(after(DAY_1))
    assert [type(fault.error) for fault in run.faults] == [BillLost]
    assert books.settled_fen() == 0


def test_a_file_with_other_bytes_in_an_unfinished_set_stops_its_day(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    books.s3.put_object(Bucket=books.bucket, Key=f"{V1}/detail.csv", Body=b"other")
    run = books.settle(after(DAY_1))
    assert [type(fault.error) for fault in run.faults] == [FileDrift]
    assert f"{V1}/{FILE_NAME}" not in books.files()


def test_a_campaign_that_only_the_bill_names_gets_its_rows_in_its_files(books: Books) -> None:
    """Its vouchers can have no entry on that day, so that nobody would look for files of it."""
    books.redeem("o-1", at(DAY_1))
    stranger = books.redeem("o-2", at(DAY_2), campaign_id=OTHER_CAMPAIGN)
    [good] = books.entries(DAY_1)
    astray = replace(good, platform_order_no="o-9", voucher_id=stranger.voucher_id)
    assert books.bill(DAY_1, [good, astray]).is_accepted
    known = [r for r in books.campaigns.all() if r.campaign.campaign_id == CAMPAIGN_ID]
    settle_day(UNIONPAY, DAY_1, known, stores=books.stores, now=after(DAY_1))
    folder = f"settlements/unionpay/{DAY_1}/{OTHER_CAMPAIGN}/v1"
    assert folder in books.manifests()
    for name in ("reconciliation.csv", "breaks.csv"):
        [row] = table(books, f"{folder}/{name}")
        assert (row["order_no"], row["match_state"]) == ("o-9", "BILL_ONLY")
    assert statement_of(books, DAY_1, OTHER_CAMPAIGN).entries == 0


def test_a_bill_newer_than_the_one_read_starts_the_day_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform delivers while a run without a bill is about to write its breaks."""
    books.redeem("o-1", at(DAY_1))
    sync = books.breaks.sync

    def delivered(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the store's
        monkeypatch.setattr(books.breaks, "sync", sync)
        books.bill(DAY_1, books.entries(DAY_1))
        return sync(*args, **kwargs)

    monkeypatch.setattr(books.breaks, "sync", delivered)
    run = books.settle(after(DAY_1))
    assert run.is_complete
    assert breaks(books) == []
    assert list(books.manifests()) == [V1, V2]
    assert all(b.state is BreakState.CLOSED for b in books.breaks.of_day(UNIONPAY, DAY_1))


def test_a_statement_made_with_a_newer_bill_is_not_published_as_one_without(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run dies right after its statement; both bills are right, so no break tells."""
    books.redeem("o-1", at(DAY_1))
    ask, sync = books.settlements.statement, books.breaks.sync

    def overtaken(*args: Any) -> Statement | None:  # noqa: ANN401 - as the store's
        monkeypatch.setattr(books.settlements, "statement", ask)
        assert books.bill(DAY_1, books.entries(DAY_1)).is_accepted
        monkeypatch.setattr(books.breaks, "sync", lambda *_, **__: die())
        with pytest.raises(Crash):
            books.settle(after(DAY_1))
        monkeypatch.setattr(books.breaks, "sync", sync)
        return ask(*args)

    monkeypatch.setattr(books.settlements, "statement", overtaken)
    books.settle(after(DAY_1))
    assert {m.inputs["bill_version"] for m in books.manifests().values()} == {1}


def test_a_break_that_changed_after_it_was_read_is_read_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise what another run wrote would be missing in its history."""
    order = bill_row_of(redemption(1))
    first, second, third = (
        match_rows(UNIONPAY, DAY_1, [ledger_side(redemption(1))], rows, campaign_of={})
        for rows in ([], [replace(order, paid_fen=1)], [replace(order, paid_fen=2)])
    )

    def sync(rows: list[MatchRow], bill_version: int) -> BreakChanges:
        return books.breaks.sync(
            UNIONPAY, DAY_1, rows, bill_version=bill_version, newest=0, now=at(DAY_2)
        )

    assert sync(first, 1) == BreakChanges(opened=1)
    read = books.breaks._items
    stale = read(UNIONPAY, DAY_1)
    assert sync(second, 2) == BreakChanges(changed=1)

    def read_before(*_: object) -> Any:  # noqa: ANN401 - as the store's
        monkeypatch.setattr(books.breaks, "_items", read)
        return stale

    monkeypatch.setattr(books.breaks, "_items", read_before)
    assert sync(third, 3) == BreakChanges(changed=1)
    [stored] = books.breaks.of_day(UNIONPAY, DAY_1)
    assert [step.bill_version for step in stored.history] == [1, 2]


def test_a_day_of_many_breaks_is_synced_a_few_at_a_time(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many spans as it takes, and what lies between, before and behind them is closed."""
    monkeypatch.setattr(breaks_module, "SPAN", 2)
    sides = [ledger_side(redemption(number)) for number in range(1, 8)]
    rows = match_rows(UNIONPAY, DAY_1, sides, [], campaign_of={})
    rows.sort(key=lambda row: str(row.break_id))

    def sync(found: list[MatchRow], bill_version: int) -> BreakChanges:
        return books.breaks.sync(
            UNIONPAY, DAY_1, found, bill_version=bill_version, newest=0, now=at(DAY_2)
        )

    def open_now() -> list[str]:
        found = books.breaks.of_day(UNIONPAY, DAY_1)
        return [b.break_id for b in found if b.state is not BreakState.CLOSED]

    for number, kept in enumerate((rows, rows[1:6:2], rows[:1], rows[-1:], [], rows), 1):
        before = set(open_now())
        after_it = {str(row.break_id) for row in kept}
        changes = sync(kept, number)
        assert set(open_now()) == after_it
        assert (changes.opened, changes.closed) == (
            len(after_it - before),
            len(before - after_it),
        )
        assert sync(kept, number) == BreakChanges()


def test_an_accepted_bill_whose_announcement_died_is_found_by_the_next_run(books: Books) -> None:
    """The day was settled without it, and nobody called for it again."""
    books.redeem("o-1", at(DAY_1))
    books.settle(after(DAY_1))
    books.settle(after(DAY_2))
    books.bill(DAY_1, books.entries(DAY_1))
    assert [d.business_on for d in books.settle(after(DAY_2, "08:00")).days] == [DAY_1]
    assert breaks(books) == [("o-1", "LEDGER_ONLY", "CLOSED")]
    assert books.settle(after(DAY_2, "08:10")).days == ()


def test_a_day_that_is_not_over_is_left_alone(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    day = settle_day(
        UNIONPAY, DAY_1, books.campaigns.all(), stores=books.stores, now=at(DAY_1, "23:00")
    )
    assert day.result is DayResult.WAITING
    assert books.settled_fen() == 0


def test_a_quiet_run_reads_once_a_campaign_and_once_a_platform(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    books.settle(after(DAY_1))
    campaigns = list(books.campaigns.all())
    calls: list[str] = []
    events = books.database.client.meta.events
    events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name), "meter")
    try:
        settlement_module.settle_due(campaigns, stores=books.stores, now=after(DAY_1, "02:10"))
    finally:
        events.unregister("before-call.dynamodb", unique_id="meter")
    assert sorted(calls) == ["GetItem"] * 2 + ["Query"] * 2


def test_statements_are_listed_by_date_without_the_bookmark(books: Books) -> None:
    books.redeem("o-1", at(DAY_1))
    books.redeem("o-2", at(DAY_2))
    books.settle(after(DAY_2))
    listed = list(books.settlements.statements(CAMPAIGN_ID))
    assert [s.business_on for s in listed] == [DAY_1, DAY_2]
    kinds = {item.kind for item in SettlementItem.query(CAMPAIGN_ID)}
    assert kinds == {"SETTLEMENT", "PROGRESS"}
