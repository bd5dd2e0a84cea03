"""Bills come in once each, whole or not at all; a bad one is reported and moves nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import functions.reconcile.bills as intake_module
from functions.reconcile.bills import Intake, report_key, take_in
from functions.shared.domain.bills import BillFault, BillState
from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.errors import Busy
from infra.local.bills import render_bill
from tests.support.campaigns import MEITUAN, UNIONPAY
from tests.support.deployment import Deployment
from tests.support.settling import DAY_1, DAY_2, Books, at

MORNING = day_bounds(DAY_1)[1] + timedelta(minutes=10)


def reasons(intake: Intake) -> list[str]:
    return [finding.reason.value for finding in intake.findings]


def versions(books: Books) -> list[tuple[int, str]]:
    return [(b.version, b.state.value) for b in books.bills.versions(UNIONPAY, DAY_1)]


def taken(books: Books, key: str, version: str | None = None) -> Intake:
    return take_in(key, stores=books.intake_stores, now=MORNING, object_version=version)


@pytest.fixture(scope="module")
def sold_day(founded: Deployment) -> Deployment:
    """A day with one order at each platform."""
    books = Books(founded)
    books.redeem("o-1", at(DAY_1))
    books.redeem("m-1", at(DAY_1), platform_id=MEITUAN)
    founded.keep()
    return founded


@pytest.fixture
def sold(sold_day: Deployment) -> Books:
    """That day, with an empty bucket."""
    sold_day.restore()
    return Books(sold_day)


def test_a_good_bill_is_accepted_and_remembered(sold: Books) -> None:
    intake = sold.bill(DAY_1, sold.entries(DAY_1))
    assert intake.is_accepted
    assert intake.is_new
    [bill] = sold.bills.versions(UNIONPAY, DAY_1)
    assert (bill, bill.version, bill.rows) == (intake.bill, 1, 1)
    assert sold.files() == {}


def test_the_same_bytes_twice_are_one_version(sold: Books) -> None:
    """S3 announces an object at least once, and platforms send a file again to be sure."""
    rows = sold.entries(DAY_1)
    first = sold.bill(DAY_1, rows)
    key, version = sold.drop(DAY_1, render_bill(rows), name="again.csv")
    again = taken(sold, key, version)
    assert (again.bill, again.is_new) == (first.bill, False)
    assert versions(sold) == [(1, "ACCEPTED")]


def test_a_corrected_bill_supersedes_the_one_before(sold: Books) -> None:
    rows = sold.entries(DAY_1)
    sold.bill(DAY_1, [])
    sold.bill(DAY_1, rows)
    assert versions(sold) == [(1, "SUPERSEDED"), (2, "ACCEPTED")]


def test_a_late_announcement_of_a_superseded_bill_changes_nothing(sold: Books) -> None:
    key, version = sold.drop(DAY_1, render_bill([]))
    first = taken(sold, key, version)
    sold.bill(DAY_1, sold.entries(DAY_1))
    again = taken(sold, key, version)
    assert first.bill is not None
    assert again.bill == replace(first.bill, state=BillState.SUPERSEDED)
    assert versions(sold) == [(1, "SUPERSEDED"), (2, "ACCEPTED")]


def test_a_bill_announced_after_its_correction_is_stale(
    sold: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Announcements come in any order; the object that was written last is the bill."""
    old_key, old = sold.drop(DAY_1, render_bill([]))
    new_key, new = sold.drop(DAY_1, render_bill(sold.entries(DAY_1)), name="corrected.csv")
    fetch = sold.objects.fetch

    def dated(key: str, path: Path, **which: Any) -> Any:  # noqa: ANN401 - as the store's
        stored = fetch(key, path, **which)
        assert stored is not None
        # S3 dates objects to the second; these two were written within one.
        older = timedelta(seconds=key == old_key)
        return replace(stored, written_at=stored.written_at - older)

    monkeypatch.setattr(sold.objects, "fetch", dated)
    assert taken(sold, new_key, new).is_accepted
    assert reasons(taken(sold, old_key, old)) == ["STALE"]
    assert versions(sold) == [(1, "ACCEPTED"), (2, "QUARANTINED")]


def test_a_bad_bill_is_quarantined_whole_with_a_report_of_all_faults(sold: Books) -> None:
    good = sold.entries(DAY_1)
    rows = [*good, replace(good[0], platform_order_no="o 2", paid_fen=-1)]
    before = sold.deployment.snapshot()
    intake = sold.bill(DAY_1, rows)
    bill = intake.bill
    assert bill is not None
    assert not intake.is_accepted
    assert reasons(intake) == ["FIELD", "AMOUNT"]
    assert report_key(bill) == f"settlements/unionpay/{DAY_1}/bill-report-v1.json"
    report = json.loads(sold.files()[report_key(bill)])
    assert report["findings_total"] == 2
    assert [(f["reason"], f["line"]) for f in report["findings"]] == [("FIELD", 3), ("AMOUNT", 3)]
    assert (report["state"], report["sha256"]) == ("QUARANTINED", bill.sha256)
    after = sold.deployment.snapshot()
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["bills"]


def test_a_corrected_bill_can_follow_a_bad_one(sold: Books) -> None:
    sold.bill(DAY_1, [replace(sold.entries(DAY_1)[0], merchant_id="?")])
    assert sold.bill(DAY_1, sold.entries(DAY_1)).is_accepted
    assert versions(sold) == [(1, "QUARANTINED"), (2, "ACCEPTED")]


def test_a_bad_correction_leaves_the_accepted_bill_in_force(sold: Books) -> None:
    sold.bill(DAY_1, sold.entries(DAY_1))
    sold.bill(DAY_1, [replace(sold.entries(DAY_1)[0], merchant_id="?")])
    assert versions(sold) == [(1, "ACCEPTED"), (2, "QUARANTINED")]


def test_another_platforms_voucher_is_refused_in_the_words_of_an_unknown_one(sold: Books) -> None:
    [own] = sold.entries(DAY_1)
    [foreign] = sold.entries(DAY_1, MEITUAN)
    unknown = replace(own, platform_order_no="o-9", voucher_id="v_" + "z" * 32)
    intake = sold.bill(DAY_1, [own, foreign, unknown])
    assert [(f.reason, f.line) for f in intake.findings] == [
        (BillFault.FOREIGN_VOUCHER, 3),
        (BillFault.FOREIGN_VOUCHER, 4),
    ]
    assert len({finding.detail for finding in intake.findings}) == 1


def test_a_file_with_another_ending_is_quarantined_unread(sold: Books) -> None:
    key, version = sold.drop(DAY_1, b"PK\x03\x04", name="bill.zip")
    assert reasons(taken(sold, key, version)) == ["KEY"]
    assert versions(sold) == [(1, "QUARANTINED")]


@pytest.mark.parametrize("key", ["bills/nobody/2026-01-05/a.csv", "bills/unionpay/today/a.csv"])
def test_a_key_of_no_platforms_day_is_no_version(sold: Books, key: str) -> None:
    intake = taken(sold, key)
    assert (intake.bill, reasons(intake)) == (None, ["KEY"])
    assert sold.files() == {}


def test_a_bill_before_its_day_is_over_is_early_and_can_be_sent_again(sold: Books) -> None:
    rows = sold.entries(DAY_1)
    evening = day_bounds(DAY_1)[1] - timedelta(seconds=1)
    assert reasons(sold.bill(DAY_1, rows, now=evening)) == ["EARLY"]
    assert sold.bill(DAY_1, rows).is_accepted
    assert versions(sold) == [(1, "QUARANTINED"), (2, "ACCEPTED")]


def test_a_bill_of_another_day_is_not_taken_for_this_one(sold: Books) -> None:
    intake = sold.bill(DAY_2, sold.entries(DAY_1))
    assert reasons(intake) == ["TIME"]


def test_a_file_beyond_the_limit_is_not_read(sold: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_BILL_BYTES", 100)
    assert reasons(sold.bill(DAY_1, sold.entries(DAY_1))) == ["TOO_LARGE"]
    [bill] = sold.bills.versions(UNIONPAY, DAY_1)
    assert (bill.state, bill.sha256) == (BillState.QUARANTINED, "")


def test_a_bad_bill_announced_twice_is_reported_once(sold: Books) -> None:
    key, version = sold.drop(DAY_1, b"nothing")
    first = taken(sold, key, version)
    reports = sold.files()
    again = taken(sold, key, version)
    assert (again.bill, again.is_new) == (first.bill, False)
    assert sold.files() == reports


def test_a_report_that_was_not_written_is_written_by_the_next_announcement(
    sold: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, version = sold.drop(DAY_1, b"nothing")
    with monkeypatch.context() as dying:
        dying.setattr(sold.objects, "put_new", _die)
        with pytest.raises(ConnectionError):
            taken(sold, key, version)
    assert sold.files() == {}
    bill = taken(sold, key, version).bill
    assert bill is not None
    assert list(sold.files()) == [report_key(bill)]


def test_two_deliveries_at_once_get_a_number_each(
    sold: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes in between the first one's reading of versions and its write."""
    rows = sold.entries(DAY_1)
    append, fetch = sold.bills.append, sold.objects.fetch

    def dated(*args: Any, **which: Any) -> Any:  # noqa: ANN401 - as the store's
        stored = fetch(*args, **which)
        assert stored is not None
        # S3 dates objects to the second; these two may be written in two of them.
        return replace(stored, written_at=MORNING)

    def overtaken(*args: Any, **kwargs: Any) -> bool:  # noqa: ANN401 - as the store's
        monkeypatch.setattr(sold.bills, "append", append)
        assert sold.bill(DAY_1, []).is_accepted
        return append(*args, **kwargs)

    key, version = sold.drop(DAY_1, render_bill(rows), name="first.csv")
    stores = sold.intake_stores
    monkeypatch.setattr(sold.objects, "fetch", dated)
    monkeypatch.setattr(sold.bills, "append", overtaken)
    intake = take_in(key, stores=stores, now=MORNING, object_version=version)
    assert intake.bill is not None
    assert (intake.bill.version, intake.bill.state) == (2, BillState.ACCEPTED)
    assert versions(sold) == [(1, "SUPERSEDED"), (2, "ACCEPTED")]


def test_a_delivery_overtaken_on_every_try_is_busy(
    sold: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sold.bills, "append", lambda *_, **__: False)
    with pytest.raises(Busy):
        sold.bill(DAY_1, [])


def test_a_day_takes_so_many_versions(sold: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_BILL_VERSIONS", 1)
    sold.bill(DAY_1, [])
    intake = sold.bill(DAY_1, sold.entries(DAY_1))
    assert (intake.bill, reasons(intake)) == (None, ["TOO_MANY_VERSIONS"])


def test_an_object_that_is_gone_is_no_version(sold: Books) -> None:
    intake = taken(sold, f"bills/unionpay/{DAY_1}/gone.csv")
    assert (intake.bill, reasons(intake)) == (None, ["KEY"])


def _die(*_: object, **__: object) -> None:
    raise ConnectionError
