"""Whatever bills show and persons decide, registers and journal are such that the verifier passes.

And what persons decided stands in the journal of the campaign that the break was of then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, event, example, given, settings
from hypothesis import strategies as st

from functions.reconcile.break_register import register_daily
from functions.reconcile.journal import JournalFault, journal_prefix, write_journals
from functions.shared.domain.breaks import Break, BreakState, ResolutionKind
from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.journal import Change, read_line
from functions.shared.domain.journal_changes import PROPOSED, RESOLVED, break_changes
from functions.shared.store.tables import BreakItem
from infra.audit.findings import Kind
from infra.audit.sources import Folder
from infra.audit.verify import verify_all
from infra.local.bills import BillRow as BilledRow
from tests.support.adjusting import approve, differing, one_break, propose, with_voucher_fen
from tests.support.campaigns import CAMPAIGN_ID, MEITUAN, UNIONPAY
from tests.support.settling import DAY_1, DAY_2, OTHER_CAMPAIGN, Books, at

DAY = timedelta(days=1)
DAY_3 = DAY_2 + DAY
DAYS = (DAY_1, DAY_2, DAY_3)
VARIANTS = ("all", "none", "less", "more", "ghost", "moved", "from before")


def decided(books: Books, campaign_id: str = CAMPAIGN_ID) -> list[Change]:
    """The decisions in a campaign's journals."""
    found = []
    for key, data in sorted(books.files(f"journal/{campaign_id}/").items()):
        if key.endswith("journal.jsonl"):
            changes = (read_line(line).change for line in data.splitlines(keepends=True))
            found += [change for change in changes if change.kind.startswith("break.")]
    return found


def journals(books: Books, on: date) -> None:
    write_journals(list(books.campaigns.all()), books.money, at(on, "01:00"))


# What the journal says.


def test_each_step_of_persons_is_in_the_journal_of_its_day(books: Books) -> None:
    found = differing(books)
    said = {"kind": "WRITE_OFF", "reason": "无法查证"}
    assert propose(books, found, said).status == 200
    books.deployment.clock.now = at(DAY_3)
    assert approve(books, found).status == 200
    journals(books, DAY_3 + DAY)
    first, second = decided(books)
    assert (first.kind, second.kind) == (PROPOSED, RESOLVED)
    assert (first.at, second.at) == (at(DAY_2, "09:00"), at(DAY_3))
    assert second.change_id == f"{found.break_id}.000003"
    by = first.data["by"], second.data["by"]
    assert len(set(by)) == 2
    assert first.data == {
        "break_id": found.break_id,
        "platform_id": UNIONPAY,
        "business_on": DAY_1.isoformat(),
        "bill_version": 1,
        "match_state": "AMOUNT_DIFFERS",
        "difference_fen": 600,
        "resolution": "WRITE_OFF",
        "reason": "无法查证",
        "by": by[0],
    }
    assert second.data == {**first.data, "by": by[1]}


def test_what_a_bill_does_to_a_break_afterwards_changes_nothing_that_was_told(
    books: Books,
) -> None:
    found = differing(books)
    said = {"kind": "WRITE_OFF", "reason": "无法查证"}
    assert propose(books, found, said).status == 200
    assert approve(books, found).status == 200
    before = list(break_changes(one_break(books)))
    journals(books, DAY_3)
    assert books.bill(DAY_1, books.entries(DAY_1), now=at(DAY_3)).is_accepted
    books.settle(at(DAY_3)).require_sound()
    assert one_break(books).state is BreakState.CLOSED
    assert list(break_changes(one_break(books))) == before
    # Its changes of the days that are written are counted again.
    journals(books, DAY_3 + DAY)
    assert [change for _, change in before] == decided(books)


def test_a_break_that_is_of_another_campaign_by_now_was_decided_in_the_first(
    books: Books,
) -> None:
    """A row that only the bill has may name another voucher in the next bill."""
    theirs = books.redeem("o-1", at(DAY_1), campaign_id=OTHER_CAMPAIGN)
    ours = books.redeem("o-2", at(DAY_1))
    rows = books.entries(DAY_1)
    ghost = replace(rows[0], platform_order_no="ghost")
    said = {"kind": "WRITE_OFF", "reason": "无法查证"}
    for number, voucher_id in enumerate((theirs.voucher_id, ours.voucher_id)):
        now = at(DAY_2, "09:00") + number * timedelta(hours=1)
        bill = [*rows, replace(ghost, voucher_id=voucher_id)]
        assert books.bill(DAY_1, bill, now=now).is_accepted
        books.deployment.clock.now = now
        books.settle(now).require_sound()
        found = one_break(books)
        assert propose(books, found, said).status == 200
    assert found.row.campaign_id == CAMPAIGN_ID
    journals(books, DAY_3)
    for campaign_id in (OTHER_CAMPAIGN, CAMPAIGN_ID):
        [told] = decided(books, campaign_id)
        assert told.kind == PROPOSED


def test_a_break_that_cannot_be_read_is_a_fault_of_its_campaign_alone(books: Books) -> None:
    found = differing(books)
    assert propose(books, found).status == 200
    item = books.database.get(BreakItem, f"{UNIONPAY}#{DAY_1}", found.break_id)
    assert item is not None
    payload = item.payload.replace('"proposed_by"', '"by"')
    assert books.database.update(item, [BreakItem.payload.set(payload)])
    with pytest.raises(ExceptionGroup) as caught:
        journals(books, DAY_3)
    [fault] = caught.value.exceptions
    assert isinstance(fault, JournalFault)
    assert str(fault) == f"{CAMPAIGN_ID}: 1 items cannot be read: {found.break_id}"
    assert books.files(journal_prefix(OTHER_CAMPAIGN, DAY_2))


# Any course of bills and decisions.


@dataclass(frozen=True)
class Course:
    """What comes: first bills by day, corrections by morning, and what persons do each morning."""

    first: Sequence[str | None]
    corrected: Mapping[tuple[int, int], str]
    decisions: Sequence[Sequence[tuple[int, ResolutionKind, bool]]]


_MORNINGS = range(1, 5)
_COURSES = st.builds(
    Course,
    st.lists(st.sampled_from((None, *VARIANTS)), min_size=3, max_size=3),
    st.dictionaries(
        st.tuples(st.sampled_from(_MORNINGS), st.integers(0, 2)),
        st.sampled_from(VARIANTS),
        max_size=3,
    ),
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 5), st.sampled_from(ResolutionKind), st.booleans()),
            max_size=3,
        ),
        min_size=4,
        max_size=4,
    ),
)


def bill_of(books: Books, number: int, variant: str) -> list[BilledRow]:
    """A day's bill, right or wrong in some way."""
    rows = sorted(books.entries(DAYS[number]), key=lambda row: row.platform_order_no)
    if variant == "none":
        return []
    if variant in ("less", "more"):
        fen = rows[0].voucher_fen + (-70 if variant == "less" else 70)
        return [with_voucher_fen(rows[0], fen), *rows[1:]]
    if variant == "ghost":
        return [*rows, replace(rows[0], platform_order_no=f"ghost-{number}")]
    if variant == "moved":
        return rows[1:]
    if variant == "from before" and number:
        before = sorted(books.entries(DAYS[number - 1]), key=lambda row: row.platform_order_no)
        # The platform's day began earlier: the row is of the first minutes of its date.
        return [replace(before[0], occurred_at=to_rfc3339(at(DAYS[number], "00:05"))), *rows]
    return rows


def decide(books: Books, choices: Sequence[tuple[int, ResolutionKind, bool]]) -> None:
    """Proposals, and approvals of some, whatever the bureau then says to them."""
    for place, kind, is_approved in choices:
        found: list[Break] = list(books.breaks.unresolved(UNIONPAY, after=None, limit=None))
        if found:
            chosen = found[place % len(found)]
            said = {"kind": kind.value, "reason": "核对后处理"}
            if propose(books, chosen, said).status == 200 and is_approved:
                approve(books, chosen)


@settings(
    deadline=None,
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(course=_COURSES)
@example(
    # A row that comes in the next date's bill, and a correction that takes it away again.
    Course(
        ["moved", "from before", "ghost"],
        {(3, 1): "all", (4, 2): "all"},
        [[], [], [(0, ResolutionKind.WRITE_OFF, True), (1, ResolutionKind.ACCEPT_BILL, True)], []],
    )
)
def test_whatever_comes_the_verifier_finds_nothing_in_breaks_and_registers(
    books: Books, course: Course
) -> None:
    books.deployment.restore()
    stage = Books(books.deployment)
    for number, on in enumerate(DAYS):
        for order in (1, 2):
            stage.redeem(f"o-{number}-{order}", at(on, f"1{order}:00"))
    listed = 0
    for morning in _MORNINGS:
        on = DAY_1 + morning * DAY
        night = at(on, "01:00")
        if morning <= len(DAYS) and (variant := course.first[morning - 1]) is not None:
            rows = bill_of(stage, morning - 1, variant)
            assert stage.bill(DAYS[morning - 1], rows, now=night).is_accepted
        for clock in ("01:00", "02:10"):
            stage.settle(at(on, clock)).require_sound()
        register = register_daily((UNIONPAY, MEITUAN), stage.breaks, stage.objects, at(on, "04:00"))
        assert register is not None
        listed += register.breaks
        stage.deployment.clock.now = at(on, "10:00")
        decide(stage, course.decisions[morning - 1])
        for (comes, number), variant in sorted(course.corrected.items()):
            if comes == morning and number < morning:
                rows = bill_of(stage, number, variant)
                stage.bill(DAYS[number], rows, now=at(on, "12:00"))
        stage.settle(at(on, "12:00")).require_sound()
    end = at(DAY_1 + 6 * DAY, "02:10")
    stage.settle(end).require_sound()
    write_journals(list(stage.campaigns.all()), stage.money, end)
    states = sorted({b.state.value for day in DAYS for b in stage.breaks.of_day(UNIONPAY, day)})
    event(f"listed {min(listed, 6)}")
    event(f"ended as {states}")
    with TemporaryDirectory(prefix="huimin-") as folder:
        for key, data in stage.files("").items():
            path = Path(folder) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        verdict = verify_all(Folder(Path(folder)))
    assert verdict.counted["open breaks listed"] == listed
    assert [f for f in verdict.findings if f.kind in (Kind.BREAK, Kind.SETTLEMENT)] == []
