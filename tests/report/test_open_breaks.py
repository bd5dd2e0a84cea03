"""The open breaks of a report: those of the register of the morning after."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from functions.reconcile.break_register import register_daily
from functions.report.open_breaks import BreakTally, OpenBreaks, read_open_breaks
from functions.report.publication import Outcome
from functions.report.service import ReportService, ReportStores
from functions.shared.domain.breaks import MatchState
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.vouchers import VoucherStore
from tests.support.campaigns import BEFORE, CAMPAIGN_ID, MEITUAN, UNIONPAY
from tests.support.deployment import deployed
from tests.support.settling import DAY_1, DAY_2, OTHER_CAMPAIGN, Books, at, found, other_merchant


@pytest.fixture(scope="module")
def books() -> Iterator[Books]:
    """Two dates with breaks on both platforms, of two campaigns, settled and registered."""
    with deployed(BEFORE) as deployment:
        found(deployment, campaigns=(CAMPAIGN_ID, OTHER_CAMPAIGN))
        made = Books(deployment)
        for number in range(3):
            made.redeem(f"o-{number}", at(DAY_1, f"12:0{number}"))
        made.redeem("x-1", at(DAY_1), campaign_id=OTHER_CAMPAIGN)
        one, *_ = made.entries(DAY_1)
        made.bill(DAY_1, [other_merchant(one)])
        made.settle(at(DAY_2, "08:00"))
        made.redeem("m-1", at(DAY_2), platform_id=MEITUAN)
        made.settle(at(DAY_2 + timedelta(days=1), "02:10"))
        for on in (DAY_1, DAY_2):
            registered(made, on)
        yield made


def registered(books: Books, on: object) -> None:
    """The register of the morning after the date."""
    assert on in (DAY_1, DAY_2)
    morning = at(DAY_2 if on == DAY_1 else DAY_2 + timedelta(days=1), "03:00")
    register_daily([MEITUAN, UNIONPAY], books.breaks, books.objects, morning)


def test_a_campaigns_breaks_are_told_by_platform_and_kind_with_the_oldest(books: Books) -> None:
    assert read_open_breaks(books.objects, CAMPAIGN_ID, DAY_2) == OpenBreaks(
        DAY_2 + timedelta(days=1),
        {
            (MEITUAN, MatchState.LEDGER_ONLY): BreakTally(1, 0, 2_000),
            (UNIONPAY, MatchState.LEDGER_ONLY): BreakTally(2, 1, 4_000),
            (UNIONPAY, MatchState.STATE_DIFFERS): BreakTally(1, 1, 0),
        },
    )
    other = read_open_breaks(books.objects, OTHER_CAMPAIGN, DAY_2).tallies
    assert other == {(UNIONPAY, MatchState.LEDGER_ONLY): BreakTally(1, 1, 2_000)}


def test_a_day_without_a_register_has_none(books: Books) -> None:
    later = DAY_2 + timedelta(days=7)
    assert read_open_breaks(books.objects, CAMPAIGN_ID, later) == OpenBreaks(None, {})


def test_the_report_shows_them_and_stays_when_they_are_ended(books: Books) -> None:
    service = ReportService(
        ReportStores(books.campaigns, VoucherStore(books.database), LedgerStore(books.database)),
        books.objects,
    )
    now = at(DAY_2 + timedelta(days=1), "06:00")
    made = service.report_day(CAMPAIGN_ID, DAY_2, now)
    files = books.files(made.prefix)
    rows = csv.DictReader(io.StringIO(files[f"{made.prefix}open_breaks.csv"].decode("utf-8-sig")))
    assert [(row["platform_id"], row["breaks"], row["oldest_days"]) for row in rows] == [
        (MEITUAN, "1", "0"),
        (UNIONPAY, "2", "1"),
        (UNIONPAY, "1", "1"),
    ]
    assert "未结对账差错" in files[f"{made.prefix}report.html"].decode()
    books.bill(DAY_2, books.entries(DAY_2, MEITUAN), platform_id=MEITUAN)
    books.settle(now)
    assert len(list(books.breaks.unresolved(MEITUAN, after=None, limit=None))) == 0
    assert service.report_day(CAMPAIGN_ID, DAY_2, now).outcome is Outcome.UNCHANGED


def test_a_report_from_before_its_register_is_restated_once_that_is_there(books: Books) -> None:
    later = DAY_2 + timedelta(days=1)
    service = ReportService(
        ReportStores(books.campaigns, VoucherStore(books.database), LedgerStore(books.database)),
        books.objects,
    )
    now = at(later + timedelta(days=1), "06:00")
    early = service.report_day(CAMPAIGN_ID, later, now)
    assert json.loads(books.files(early.prefix)[f"{early.prefix}open_breaks.json"])["rows"] == []
    register_daily([MEITUAN, UNIONPAY], books.breaks, books.objects, now)
    again = service.report_day(CAMPAIGN_ID, later, now)
    assert again.outcome is Outcome.RESTATED
    rows = json.loads(books.files(again.prefix)[f"{again.prefix}open_breaks.json"])["rows"]
    assert sum(row["breaks"] for row in rows if row["platform_id"] == UNIONPAY) == 3
