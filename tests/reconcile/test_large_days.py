"""A day that many functions do is what one function makes of it, whatever happens on the way."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.stepfunctions.models import stepfunctions_backends

from functions.reconcile.bill_bytes import BillLost
from functions.reconcile.bill_steps import BillTask
from functions.reconcile.bills import Intake, report_key
from functions.reconcile.day import DayResult, settle_once
from functions.reconcile.day_plan import Step
from functions.reconcile.large_days import TRIES, ExecutionsFailed, LargeDays
from functions.reconcile.service import Reconciler
from functions.reconcile.service import Step as ReconcilerStep
from functions.reconcile.settlement import SettlementRun, settle_day, settle_due
from functions.reconcile.work_folder import WorkLost
from functions.shared.domain.bills import BillState
from functions.shared.domain.ledger import DAY_SEGMENTS, day_segment
from functions.shared.store.executions import ExecutionStore
from infra.local.bills import BillRow, render_bill
from tests.support.calls import APPROVER, OPERATOR, Bureau
from tests.support.campaigns import CAMPAIGN_ID, MEITUAN, UNIONPAY
from tests.support.day_machine import play, play_bill, task_of
from tests.support.deployment import REGION
from tests.support.settling import (
    DAY_1,
    DAY_2,
    OTHER_CAMPAIGN,
    WORK,
    Books,
    Crash,
    at,
    at_call,
    die,
    other_merchant,
)

DAY = DAY_2
MORNING = at(DAY + timedelta(days=1), "02:30")
FOLDER = f"settlements/{UNIONPAY}/{DAY}/{CAMPAIGN_ID}"
TASK = task_of(UNIONPAY, DAY, [CAMPAIGN_ID])
BEFORE = [Step.PLAN, Step.SPLIT, Step.DEAL]
AFTER = [Step.MATCH, Step.STATE, Step.PUBLISH, Step.FINISH]
IN_ORDER = [*BEFORE, *AFTER]
PLACE = 3
"""Of one piece or share among the others."""


def busy_day(books: Books) -> list[BillRow]:
    """Ten orders over most segments, a refund, and one refund of the day before; as billed."""
    earlier = books.redeem("o-before", at(DAY_1))
    orders = [books.redeem(f"o-{number}", at(DAY)) for number in range(10)]
    books.refund(orders[3], "f-1", at(DAY, "13:00"), refund_fen=4_000)
    books.refund(earlier, "f-2", at(DAY, "14:00"))
    return books.entries(DAY)


def differing(rows: list[BillRow]) -> list[BillRow]:
    """The bill lacks a row, has one at another merchant, and one with another amount."""
    wrong = replace(rows[2], voucher_fen=rows[2].voucher_fen - 1, paid_fen=rows[2].paid_fen + 1)
    return [other_merchant(rows[1]), wrong, *rows[3:]]


def in_one(books: Books, *campaign_ids: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files that there are, and those that one function makes in their place.

    It finds the statements as it would have made them, and nothing to do for breaks.
    """
    split = books.files()
    for key in split:
        for version in books.s3.list_object_versions(Bucket=books.bucket, Prefix=key)["Versions"]:
            books.s3.delete_object(Bucket=books.bucket, Key=key, VersionId=version["VersionId"])
    before = books.state()
    outcome = settle_once(
        UNIONPAY, DAY, campaign_ids or [CAMPAIGN_ID], stores=books.stores, now=MORNING
    )
    assert outcome.result is DayResult.SETTLED
    after = books.state()
    assert {**after, "files": {}} == {**before, "files": {}}
    return split, books.files()


def rows_of(files: dict[str, bytes], prefix: str) -> list[dict[str, str]]:
    """The rows of every file whose key begins so, in the order of their names."""
    return [
        row
        for key in sorted(files)
        if key.startswith(prefix)
        for row in csv.DictReader(io.StringIO(files[key].decode("utf-8-sig")))
    ]


def require_same(
    split: dict[str, bytes],
    whole: dict[str, bytes],
    folder: str = f"{FOLDER}/v1",
    *,
    is_by_segment: bool = True,
) -> None:
    """A set from many functions says what the same set from one says.

    Where each share is a segment, the files say it in the same order, too.
    """
    for name in ("detail", "reconciliation", "breaks"):
        rows = rows_of(whole, f"{folder}/{name}.csv")
        parted = rows_of(split, f"{folder}/{name}-")
        if is_by_segment:
            assert parted == rows
        assert sorted(map(str, parted)) == sorted(map(str, rows))
        segments = {day_segment(row["order_no"]) for row in rows_of(whole, f"{folder}/{name}.csv")}
        shares = {int(key[-7:-4]) for key in split if key.startswith(f"{folder}/{name}-0")}
        assert segments <= {share % DAY_SEGMENTS for share in shares}
    for name in ("statement.csv", "statement.json", "statement.xlsx"):
        assert split[f"{folder}/{name}"] == whole[f"{folder}/{name}"]
    assert split[f"{folder}/reconciliation.xlsx"] == whole[f"{folder}/reconciliation.xlsx"]


def totals_of(books: Books, folder: str, name: str) -> tuple[int, int]:
    """Rows and fen of a set's files of that name, added up, as its manifest has them."""
    entries = [e for e in books.manifests()[folder].files if e.name.startswith(name)]
    return sum(e.rows for e in entries), sum(sum(e.totals.values()) for e in entries)


def test_many_functions_make_of_a_day_what_one_makes_of_it(books: Books) -> None:
    assert books.bill(DAY, differing(busy_day(books))).is_accepted
    assert play(books, TASK, MORNING) == IN_ORDER
    statement = books.settlements.statement(CAMPAIGN_ID, UNIONPAY, DAY)
    assert statement is not None
    assert (statement.entries, statement.adjustments.count) == (12, 1)
    assert totals_of(books, f"{FOLDER}/v1", "detail") == (12, statement.net.fiscal_fen)
    assert totals_of(books, f"{FOLDER}/v1", "reconciliation.")[0] == 4
    assert totals_of(books, f"{FOLDER}/v1", "reconciliation-") == (12, 2_001)
    assert len(books.breaks.of_day(UNIONPAY, DAY)) == 3
    assert books.bills.unreconciled(UNIONPAY, since=DAY) == []
    require_same(*in_one(books))


def test_a_day_without_a_bill_is_settled_as_well(books: Books) -> None:
    busy_day(books)
    play(books, TASK, MORNING)
    assert len(books.breaks.of_day(UNIONPAY, DAY)) == 12
    require_same(*in_one(books))


def test_a_day_in_more_shares_than_segments_is_the_same_day(books: Books) -> None:
    """One row a share, where that can be; rows of an order stay together."""
    rows = busy_day(books)
    books.bill(DAY, differing(rows))
    shares = set()

    def count(step: Step, place: int | None) -> None:
        if step is Step.PUBLISH:
            shares.add(place)

    play(books, TASK, MORNING, before=count, share_rows=2)
    assert len(shares) > DAY_SEGMENTS
    assert len(books.breaks.of_day(UNIONPAY, DAY)) == 3
    books.bill(DAY, rows, now=MORNING)
    play(books, {**TASK, "run": "run-2"}, MORNING + timedelta(hours=1), share_rows=2)
    assert {b.state.value for b in books.breaks.of_day(UNIONPAY, DAY)} == {"CLOSED"}
    split, whole = in_one(books)
    for number in (1, 2):
        require_same(split, whole, f"{FOLDER}/v{number}", is_by_segment=False)
    details = {key for key in split if f"{FOLDER}/v1/detail-" in key}
    assert max(int(key[-7:-4]) for key in details) >= DAY_SEGMENTS


def test_a_corrected_bill_adds_a_set_and_closes_breaks(books: Books) -> None:
    rows = busy_day(books)
    books.bill(DAY, differing(rows))
    play(books, TASK, MORNING)
    assert books.bill(DAY, rows, now=MORNING).is_accepted
    play(books, {**TASK, "run": "run-2"}, MORNING + timedelta(hours=1))
    assert {b.state.value for b in books.breaks.of_day(UNIONPAY, DAY)} == {"CLOSED"}
    manifest = books.manifests()[f"{FOLDER}/v2"]
    assert manifest.supersedes is not None
    assert "3 breaks closed" in (manifest.reason or "")
    split, whole = in_one(books)
    require_same(split, whole)
    require_same(split, whole, f"{FOLDER}/v2")


def test_a_voucher_that_is_billed_twice_is_known_in_every_segment(books: Books) -> None:
    """The order that has it lies in another segment: all note first what is booked."""
    rows = busy_day(books)
    [first] = [row for row in rows if row.platform_order_no == "o-0"]
    number = next(
        n for n in range(100) if day_segment(f"again-{n}") != day_segment(first.platform_order_no)
    )
    books.bill(DAY, [*rows, replace(first, platform_order_no=f"again-{number}")])
    steps = play(books, TASK, MORNING)
    assert steps == [*BEFORE, *[Step.MATCH, Step.STATE] * 2, *AFTER]
    [found] = books.breaks.of_day(UNIONPAY, DAY)
    assert found.row.match_state.value == "DUPLICATE"
    require_same(*in_one(books))


def test_a_voucher_that_is_billed_twice_is_known_in_every_share(books: Books) -> None:
    rows = busy_day(books)
    again = [
        replace(row, platform_order_no=f"again-{row.platform_order_no}")
        for row in rows
        if row.entry_type == "REDEEM"
    ]
    books.bill(DAY, [*rows, *again])
    steps = play(books, TASK, MORNING, share_rows=4)
    assert steps.count(Step.MATCH) == 3
    found = books.breaks.of_day(UNIONPAY, DAY)
    assert [each.row.match_state.value for each in found] == ["DUPLICATE"] * 10
    split, whole = in_one(books)
    require_same(split, whole, is_by_segment=False)


def test_a_bill_that_names_another_campaigns_voucher_is_planned_anew(books: Books) -> None:
    """The other campaign has no entry on the day, and nobody knew that it has a part in it."""
    rows = busy_day(books)
    other = books.redeem("o-2-1", at(DAY + timedelta(days=1)), campaign_id=OTHER_CAMPAIGN)
    row = replace(rows[0], platform_order_no="strange", voucher_id=other.voucher_id)
    assert books.bill(DAY, [*rows, row]).is_accepted
    steps = play(books, TASK, MORNING)
    assert steps == [*BEFORE, Step.MATCH, Step.STATE, *IN_ORDER]
    [found] = books.breaks.of_day(UNIONPAY, DAY)
    assert (found.row.campaign_id, found.row.match_state.value) == (OTHER_CAMPAIGN, "BILL_ONLY")
    assert books.settlements.statement(OTHER_CAMPAIGN, UNIONPAY, DAY) is not None
    split, whole = in_one(books, CAMPAIGN_ID, OTHER_CAMPAIGN)
    require_same(split, whole)
    require_same(split, whole, FOLDER.replace(CAMPAIGN_ID, OTHER_CAMPAIGN) + "/v1")


@pytest.mark.parametrize("step", IN_ORDER[1:])
def test_a_bill_that_comes_in_between_is_the_one_that_is_shown(books: Books, step: Step) -> None:
    rows = busy_day(books)
    books.bill(DAY, differing(rows))
    came = False

    def corrected(now_at: Step, place: int | None) -> None:
        nonlocal came
        if now_at is step and place in (None, PLACE) and not came:
            came = True
            assert books.bill(DAY, rows, now=MORNING).is_accepted

    steps = play(books, TASK, MORNING, before=corrected)
    assert came
    assert steps.count(Step.PLAN) == 2
    assert {b.state.value for b in books.breaks.of_day(UNIONPAY, DAY)} <= {"CLOSED"}
    # Where the statement was made before, its own bill has the first set.
    sets = ["v1", "v2"] if step in (Step.PUBLISH, Step.FINISH) else ["v1"]
    assert [folder.rpartition("/")[2] for folder in books.manifests()] == sets
    require_same(*in_one(books), f"{FOLDER}/{sets[-1]}")


@pytest.mark.parametrize("step", IN_ORDER)
def test_two_executions_at_once_do_not_disturb_each_other(books: Books, step: Step) -> None:
    """Another does the whole day while one is at a step."""
    assert books.bill(DAY, differing(busy_day(books))).is_accepted

    def other(now_at: Step, place: int | None) -> None:
        if now_at is step and place in (None, PLACE):
            play(books, {**TASK, "run": "run-2"}, MORNING)

    assert play(books, TASK, MORNING, before=other) == IN_ORDER
    assert len(books.breaks.of_day(UNIONPAY, DAY)) == 3
    require_same(*in_one(books))


def test_steps_that_die_at_a_write_leave_nothing_that_the_next_run_does_not_mend(
    books: Books,
) -> None:
    """At every third write that is no working file, before it and after it by turns."""
    assert books.bill(DAY, differing(busy_day(books))).is_accepted
    died = 0
    while True:
        writes = at_call(books, 3 * died, die, after=bool(died % 2), writes=True)
        try:
            with writes:
                play(books, {**TASK, "run": f"run-{died}"}, MORNING)
        except Crash:
            died += 1
            continue
        break
    assert died >= 5
    require_same(*in_one(books))


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_working_file_that_is_gone_or_altered_is_a_fault(books: Books, is_gone: bool) -> None:  # noqa: FBT001 - a parameter
    busy_day(books)
    mine = day_segment("o-0")
    name = f"/{mine}/share.json" if is_gone else f"/{CAMPAIGN_ID}-v1/detail-{mine:03d}.csv"

    def spoil(step: Step, place: int | None) -> None:
        if (step, place) == (Step.PUBLISH, mine):
            [key] = [key for key in books.work.keys("days/") if key.endswith(name)]
            if is_gone:
                books.s3.delete_object(Bucket=f"{books.bucket}{WORK}", Key=key)
            else:
                books.work.put(key, b"another", content_type="text/csv")

    with pytest.raises(WorkLost, match=name):
        play(books, TASK, MORNING, before=spoil)
    assert books.manifests() == {}
    play(books, {**TASK, "run": "run-2"}, MORNING)
    require_same(*in_one(books))


def test_adjusting_entries_have_a_file_of_their_own(books: Books) -> None:
    """A break of the day before is ended on the day by accepting the bill."""
    books.redeem("o-1", at(DAY_1))
    [row] = books.entries(DAY_1)
    billed = replace(row, voucher_fen=row.voucher_fen - 300, paid_fen=row.paid_fen + 300)
    books.bill(DAY_1, [billed], now=at(DAY, "01:00"))
    books.settle(at(DAY, "02:30")).require_sound()
    [found] = books.breaks.of_day(UNIONPAY, DAY_1)
    path = f"/v1/admin/breaks/{UNIONPAY}/{DAY_1}/{found.break_id}/resolution"
    bureau = Bureau(books.deployment)
    books.deployment.clock.now = at(DAY, "10:00")
    body = {"kind": "ACCEPT_BILL", "reason": "the till was wrong"}
    seen = [{"If-Match": f'"{found.version + more}"'} for more in (0, 1)]
    assert bureau.call(OPERATOR, "PUT", path, body, headers=seen[0]).status == 200
    assert bureau.call(APPROVER, "POST", f"{path}/approve", headers=seen[1]).status == 200
    books.redeem("o-2", at(DAY))
    play(books, TASK, MORNING)
    split, whole = in_one(books)
    [entry] = rows_of(split, f"{FOLDER}/v1/detail-adjusting")
    assert (entry["entry_type"], entry["voucher_fen"]) == ("ADJUSTING_ENTRY", "-300")
    detail = rows_of(split, f"{FOLDER}/v1/detail-")
    assert [row["order_no"] for row in detail] == ["o-2", "o-1"]
    assert detail == rows_of(whole, f"{FOLDER}/v1/detail.csv")
    assert split[f"{FOLDER}/v1/statement.csv"] == whole[f"{FOLDER}/v1/statement.csv"]


@pytest.mark.parametrize("what", ["hash", "chunk", "row"])
def test_a_bill_that_is_not_what_was_accepted_is_a_fault(books: Books, what: str) -> None:
    """Nothing is made of other bytes than those that were taken in."""
    books.bill(DAY, busy_day(books))
    name = {"hash": "/hashes.json", "chunk": "/bill-1/1.json", "row": ".rows"}[what]

    def alter(step: Step, _: int | None) -> None:
        if step is (Step.MATCH if what == "row" else Step.DEAL):
            key = next(k for k in books.work.keys("days/") if k.endswith(name) and "/bill-1/" in k)
            stored = books.work.get(key)
            assert stored is not None
            data = stored.data.replace(b'"sha256":"', b'"sha256":"0', 1)
            if what == "row":
                data = stored.data.replace(b"merchant", b"another", 1) + b"\n"
            books.work.put(key, data, content_type="application/json")

    fault = BillLost if what == "hash" else WorkLost
    with pytest.raises(fault):
        play(books, TASK, MORNING, before=alter)
    assert books.manifests() == {}
    assert books.settlements.statement(CAMPAIGN_ID, UNIONPAY, DAY) is None


# A large bill.


def bill_task(
    books: Books, key: str, version: str, *, run: str = "bill-1", now: datetime = MORNING
) -> BillTask:
    """A bill that was announced; a chunk of it is some rows."""
    facts = books.objects.facts(key, version=version)
    assert facts is not None
    return BillTask(key, facts.version, facts.size, 700, run, now)


def take_in_steps(
    books: Books, key: str, version: str, *, run: str = "bill-1", share_rows: int = 500
) -> Intake:
    """A bill taken in step by step."""
    return play_bill(books, bill_task(books, key, version, run=run), share_rows=share_rows)


def test_many_functions_take_in_a_bill_as_one_does(books: Books) -> None:
    rows = busy_day(books)
    key, version = books.drop(DAY, render_bill(rows))
    intake = take_in_steps(books, key, version)
    assert intake.is_accepted
    assert intake.bill is not None
    assert (intake.bill.rows, intake.bill.object_version) == (12, version)
    again = take_in_steps(books, key, version, run="bill-2")
    assert (again.bill, again.is_new) == (intake.bill, False)


def test_every_segment_finds_its_foreign_vouchers(books: Books) -> None:
    rows = busy_day(books)
    foreign = [
        replace(row, voucher_id=books.redeem(f"m-{n}", at(DAY), platform_id=MEITUAN).voucher_id)
        for n, row in enumerate(rows[:5])
    ]
    data = render_bill([*foreign, *rows[5:]])
    one = books.bill(DAY, [*foreign, *rows[5:]])
    assert one.bill is not None
    assert [finding.line for finding in one.findings] == [2, 3, 4, 5, 6]
    report = books.files()[report_key(one.bill)]
    key, version = books.drop(DAY, data, name="split.csv")
    many = take_in_steps(books, key, version)
    assert many.bill is not None
    assert (many.findings, many.findings_total) == (one.findings, 5)
    # The same bytes are the version that they were.
    assert (many.bill, books.files()[report_key(many.bill)]) == (one.bill, report)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("bill.csv", b"nothing", "HEADER"),
        ("bill.xlsx", b"", "KEY"),
        ("gbk.csv", "平台订单号".encode("gbk"), "ENCODING"),
    ],
)
def test_a_bad_bill_is_refused_by_the_steps_too(
    books: Books, name: str, data: bytes, reason: str
) -> None:
    key, version = books.drop(DAY, data, name=name)
    intake = take_in_steps(books, key, version)
    assert not intake.is_accepted
    assert [finding.reason.value for finding in intake.findings] == [reason]
    assert books.bills.versions(UNIONPAY, DAY)[0].state is BillState.QUARANTINED


@pytest.mark.parametrize("step", [Step.DEAL, Step.RECORD])
def test_a_bill_is_not_recorded_before_all_is_read_and_checked(books: Books, step: Step) -> None:
    """A working file of the step before is gone."""
    key, version = books.drop(DAY, render_bill(busy_day(books)))
    name = {Step.DEAL: "/1.json", Step.RECORD: "/7.json"}[step]

    def lose(now_at: Step, _: int | None) -> None:
        if now_at is step:
            [lost] = [each for each in books.work.keys("days/") if each.endswith(name)]
            books.s3.delete_object(Bucket=f"{books.bucket}{WORK}", Key=lost)

    with pytest.raises(WorkLost):
        play_bill(books, bill_task(books, key, version), before=lose)
    assert books.bills.versions(UNIONPAY, DAY) == []


def test_chunks_that_are_not_what_was_hashed_are_not_recorded(books: Books) -> None:
    key, version = books.drop(DAY, render_bill(busy_day(books)))

    def alter(step: Step, _: int | None) -> None:
        if step is Step.DEAL:
            [chunk] = [each for each in books.work.keys("days/") if each.endswith("/bill/1.json")]
            stored = books.work.get(chunk)
            assert stored is not None
            document = {**json.loads(stored.data), "sha256": "0" * 64}
            books.work.put(chunk, json.dumps(document).encode(), content_type="application/json")

    with pytest.raises(WorkLost, match="not what was hashed"):
        play_bill(books, bill_task(books, key, version), before=alter)
    assert books.bills.versions(UNIONPAY, DAY) == []


def test_a_bill_that_was_announced_too_early_is_refused_however_late_it_is_recorded(
    books: Books,
) -> None:
    """Its rows were not checked, so that it must not become good in between."""
    key, version = books.drop(DAY, render_bill(busy_day(books)))
    intake = play_bill(books, bill_task(books, key, version, now=at(DAY, "23:59")))
    assert [finding.reason.value for finding in intake.findings] == ["EARLY"]


# Given to the state machine.


@pytest.fixture
def large(books: Books) -> Iterator[LargeDays]:
    """A day of more than five rows is too large."""
    client = boto3.client("stepfunctions", region_name=REGION)
    arn = client.create_state_machine(
        name=f"{books.bucket}-day", definition="{}", roleArn="arn:aws:iam::123456789012:role/day"
    )["stateMachineArn"]
    executions = ExecutionStore(arn)
    executions._made = client
    yield LargeDays(executions, most=5, most_bytes=1_000)
    client.delete_state_machine(stateMachineArn=arn)


@pytest.fixture
def run(books: Books, large: LargeDays) -> Callable[[], SettlementRun]:
    """A run of the reconciler in the morning."""
    return lambda: settle_due(books.campaigns.all(), stores=books.stores, now=MORNING, large=large)


def executions(large: LargeDays) -> list[str]:
    """The names of all executions, oldest first."""
    machine = large.executions._machine_arn
    found = large.executions.client.list_executions(stateMachineArn=machine)["executions"]
    return sorted(each["name"] for each in found)


def input_of(large: LargeDays, name: str) -> dict[str, Any]:
    """What an execution was given."""
    arn = large.executions._machine_arn.replace(":stateMachine:", ":execution:")
    answer = large.executions.client.describe_execution(executionArn=f"{arn}:{name}")
    document: dict[str, Any] = json.loads(answer["input"])
    return document


def end(large: LargeDays, name: str, status: str) -> None:
    """The execution ends; the engine itself runs none."""
    backend = stepfunctions_backends["123456789012"][REGION]
    [machine] = [m for m in backend.state_machines if m.arn == large.executions._machine_arn]
    [execution] = [e for e in machine.executions if e.name == name]
    execution.status = status


def results(run: SettlementRun) -> dict[tuple[str, date], DayResult]:
    return {(day.platform_id, day.business_on): day.result for day in run.days}


def test_a_bill_with_more_bytes_than_one_function_takes_is_given_away(
    books: Books, large: LargeDays
) -> None:
    told: list[ReconcilerStep] = []
    reconciler = Reconciler(
        books.money,
        books.stores,
        books.intake_stores,
        large=large,
        tell=told.append,
        tell_drift=lambda _fen: None,
    )
    rows = busy_day(books)
    key, version = books.drop(DAY, render_bill(rows))
    for _ in range(2):
        assert reconciler.bill_arrived(key, version, MORNING) == (None, None)
    [name] = executions(large)
    assert [step.facts for step in told] == [{"object_key": key, "run": name}] * 2
    assert books.bills.versions(UNIONPAY, DAY) == []
    document = input_of(large, name)
    task = BillTask.from_document(document)
    assert (task.announced_at, task.object_version) == (MORNING, version)
    assert play_bill(books, task).is_accepted
    # A small one, of a day with few rows, is done at once.
    small, version = books.drop(DAY_1, render_bill(books.entries(DAY_1)))
    intake, outcome = reconciler.bill_arrived(small, version, MORNING)
    assert intake is not None
    assert outcome is not None
    assert (intake.is_accepted, outcome.result) == (True, DayResult.SETTLED)


def test_a_day_with_more_rows_than_one_function_takes_is_given_away(
    books: Books, large: LargeDays, run: Callable[[], SettlementRun]
) -> None:
    busy_day(books)
    books.bill(DAY_1, books.entries(DAY_1))
    found = results(run())
    assert found[UNIONPAY, DAY_1] is DayResult.SETTLED
    assert found[UNIONPAY, DAY] is DayResult.SPLIT
    name = f"{UNIONPAY}_20260106_v0_1"
    assert executions(large) == [name]
    # Nothing of it is made here; and it is done by one execution, whoever asks.
    assert books.settlements.settled_through(CAMPAIGN_ID) == DAY_1
    assert results(run())[UNIONPAY, DAY] is DayResult.SPLIT
    assert executions(large) == [name]
    play(books, input_of(large, name), MORNING)
    end(large, name, "SUCCEEDED")
    assert results(run())[UNIONPAY, DAY] is DayResult.SETTLED
    assert books.settlements.settled_through(CAMPAIGN_ID) == DAY
    assert f"{FOLDER}/v1" in books.manifests()


def test_a_bill_with_more_rows_is_given_away_and_a_corrected_one_again(
    books: Books, large: LargeDays
) -> None:
    rows = busy_day(books)

    def arrived() -> DayResult:
        return settle_day(
            UNIONPAY, DAY, books.campaigns.all(), stores=books.stores, now=MORNING, large=large
        ).result

    books.bill(DAY, rows)
    assert arrived() is DayResult.SPLIT
    books.bill(DAY, rows[1:], now=MORNING)
    assert arrived() is DayResult.SPLIT
    assert executions(large) == [f"{UNIONPAY}_20260106_v{newest}_1" for newest in (1, 2)]


def test_an_execution_that_fails_is_tried_again_and_then_reported(
    books: Books, large: LargeDays, run: Callable[[], SettlementRun]
) -> None:
    busy_day(books)
    names = [f"{UNIONPAY}_20260106_v0_{number}" for number in range(1, TRIES + 1)]
    for number, name in enumerate(names, 1):
        found = run()
        found.require_sound()
        assert results(found)[UNIONPAY, DAY] is DayResult.SPLIT
        assert executions(large) == names[:number]
        end(large, name, "TIMED_OUT" if number == 1 else "FAILED")
    [fault] = run().faults
    assert isinstance(fault.error, ExecutionsFailed)
    assert executions(large) == names
    # Somebody has mended it and redriven the last.
    end(large, names[-1], "RUNNING")
    assert results(run())[UNIONPAY, DAY] is DayResult.SPLIT


def test_a_day_that_may_still_get_its_bill_is_not_given_away(
    books: Books, large: LargeDays
) -> None:
    busy_day(books)
    soon = at(DAY + timedelta(days=1), "00:45")
    found = settle_day(
        UNIONPAY, DAY, books.campaigns.all(), stores=books.stores, now=soon, large=large
    )
    assert found.result is DayResult.WAITING
    assert executions(large) == []


def test_a_call_that_the_machine_did_not_answer_is_made_again(
    books: Books, large: LargeDays, run: Callable[[], SettlementRun]
) -> None:
    """It may have been heard: the name stands for one execution all the same."""
    busy_day(books)
    run()
    [name] = executions(large)
    task = task_of(UNIONPAY, DAY, [CAMPAIGN_ID], run=name)
    large.executions.start(name, task)
    end(large, name, "SUCCEEDED")
    large.executions.start(name, {**task, "run": "another"})
    assert executions(large) == [name]
