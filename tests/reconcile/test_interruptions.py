"""Runs that die, and runs that meet, at any call to AWS: what is left is as if there was one run.

a run dies before or after a write ──> the next run ──> the same tables, the same bytes
a run ──another run at one of its calls──> the same tables, the same bytes
a run ──a corrected bill and its run at one of its calls──> the corrected bill's breaks
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.reconcile.bills import take_in
from functions.reconcile.settlement import settle_day, settle_due
from functions.shared.domain.breaks import BreakState
from functions.shared.domain.business_time import day_bounds
from functions.shared.files.manifest import FILE_NAME
from infra.local.bills import render_bill
from tests.support.campaigns import BEFORE, CAMPAIGN_ID, UNIONPAY
from tests.support.deployment import Deployment, deployed
from tests.support.settling import DAY_1, Books, Crash, at, at_call, die, found

END = day_bounds(DAY_1)[1]
RUN_AT = END + timedelta(hours=2)
FOLDER = f"settlements/{UNIONPAY}/{DAY_1}/{CAMPAIGN_ID}"
MANY = 500


@pytest.fixture(scope="module")
def billed() -> Iterator[Deployment]:
    """A day of two orders and a refund, none of it settled."""
    with deployed(BEFORE) as deployment:
        found(deployment)
        books = Books(deployment)
        order = books.redeem("o-1", at(DAY_1))
        books.redeem("o-2", at(DAY_1, "12:30"))
        books.refund(order, "f-1", at(DAY_1, "13:00"), refund_fen=4_000)
        deployment.keep()
        yield deployment


@pytest.fixture
def fresh(billed: Deployment) -> Any:  # noqa: ANN401 - a function
    """Makes the day anew: its first bill lacks an order and has another's amount wrong."""

    def make() -> Books:
        billed.restore()
        books = Books(billed)
        rows = books.entries(DAY_1)
        books.bill(DAY_1, [rows[0].with_amounts(voucher_fen=1_990, paid_fen=6_010), *rows[2:]])
        return books

    return make


def run(books: Books) -> None:
    """The reconciler's run over all that is due."""
    settle_due(books.campaigns.all(), stores=books.stores, now=RUN_AT).require_sound()


def settle(books: Books) -> None:
    """The same for the one day, with fewer calls to come in between."""
    settle_day(UNIONPAY, DAY_1, books.campaigns.all(), stores=books.stores, now=RUN_AT)


def calls_of(act: Callable[[Books], None], books: Books, *, writes: bool) -> list[str]:
    """The calls it makes undisturbed."""
    with at_call(books, MANY, die, writes=writes) as made:
        act(books)
    assert len(made) < MANY
    return made


def turns(calls: list[str]) -> list[int]:
    """The first and the last of each stretch of equal calls: nothing differs in between."""
    return [
        number
        for number, name in enumerate(calls)
        if number in (0, len(calls) - 1) or name != calls[number - 1] or name != calls[number + 1]
    ]


def test_a_run_that_dies_after_any_write_is_made_good_by_the_next(fresh: Any) -> None:  # noqa: ANN401 - a fixture
    """Among them: after the files and before their manifest, when nothing is published yet."""
    books = fresh()
    writes = len(calls_of(run, books, writes=True))
    whole = books.state()
    # Statement, breaks, eight files, the bill's mark and the bookmark.
    assert writes == 12
    unpublished = 0
    for number in range(writes):
        books = fresh()
        with (
            at_call(books, number, die, after=True, writes=True),
            pytest.raises(Crash),
        ):
            run(books)
        published = f"{FOLDER}/v1/{FILE_NAME}" in books.files()
        unpublished += bool(books.files()) and not published
        assert books.settled_fen() in (0, 3_000)
        run(books)
        assert books.state() == whole, number
    assert unpublished >= 7


def test_two_runs_that_meet_at_any_call_end_as_one(fresh: Any) -> None:  # noqa: ANN401 - a fixture
    books = fresh()
    calls = calls_of(settle, books, writes=False)
    whole = books.state()
    assert books.settled_fen() == 3_000
    for number in turns(calls):
        books = fresh()
        with at_call(books, number, lambda b=books: settle(b)):  # type: ignore[misc] # bound now
            settle(books)
        assert books.state() == whole, number


def test_a_corrected_bill_that_comes_in_at_any_call_has_the_last_word(fresh: Any) -> None:  # noqa: ANN401 - a fixture
    """Whichever run ends last, the open breaks are those of the newest bill."""
    calls = calls_of(settle, fresh(), writes=False)
    corrected = render_bill(fresh().entries(DAY_1)[:2])
    folders = set()
    for number in turns(calls):
        books = fresh()

        def correct(books: Books = books) -> None:
            key, version = books.drop(DAY_1, corrected, name="corrected.csv")
            intake = take_in(key, stores=books.intake_stores, now=RUN_AT, object_version=version)
            assert intake.is_accepted
            settle(books)

        with at_call(books, number, correct):
            settle(books)
        settle(books)
        open_breaks = {
            b.row.side.key
            for b in books.breaks.of_day(UNIONPAY, DAY_1)
            if b.state is BreakState.OPEN
        }
        assert {(key[0], key[2]) for key in open_breaks} == {("o-1", "f-1")}, number
        assert books.settled_fen() == 3_000
        manifests = books.manifests()
        last = max(manifests)
        assert manifests[last].inputs["bill_version"] == 2
        folders.add(tuple(sorted(manifests)))
    # Before the statement was made there was but the corrected bill; afterwards it restates.
    assert folders == {(f"{FOLDER}/v1",), (f"{FOLDER}/v1", f"{FOLDER}/v2")}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_intake_that_dies_at_any_write_is_made_good_by_the_next(
    billed: Deployment,
    after: bool,  # noqa: FBT001 - a case
) -> None:
    for number in range(2):
        billed.restore()
        books = Books(billed)
        key, version = books.drop(DAY_1, b"no bill")
        stores = books.intake_stores
        with at_call(books, number, die, after=after, writes=True), pytest.raises(Crash):
            take_in(key, stores=stores, now=END, object_version=version)
        intake = take_in(key, stores=stores, now=END, object_version=version)
        assert intake.bill is not None
        assert [bill.version for bill in books.bills.versions(UNIONPAY, DAY_1)] == [1]
        assert list(books.files()) == [f"settlements/{UNIONPAY}/{DAY_1}/bill-report-v1.json"]
