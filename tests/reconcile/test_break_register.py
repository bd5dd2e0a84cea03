"""The register lists exactly what somebody must still end, with its age, once a date."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import openpyxl

from functions.reconcile.break_register import register_daily
from functions.shared.domain.breaks import ResolutionKind
from functions.shared.files.manifest import Manifest, verify
from functions.shared.files.register import register_prefix
from tests.support.campaigns import MEITUAN, UNIONPAY
from tests.support.settling import DAY_1, DAY_2, Books, at

DAY_3 = DAY_2 + timedelta(days=1)
PLATFORMS = (UNIONPAY, MEITUAN)


def registered(books: Books, on: date, clock: str = "03:00") -> list[dict[str, str]] | None:
    """The rows of a date's register, proven against its manifest; None where none is written."""
    if register_daily(PLATFORMS, books.breaks, books.objects, at(on, clock)) is None:
        return None
    files = {
        key.removeprefix(register_prefix(on)): data
        for key, data in books.files(register_prefix(on)).items()
    }
    manifest = Manifest.from_bytes(files["manifest.json"])
    assert verify(manifest, files.__getitem__) == []
    rows = list(csv.DictReader(io.StringIO(files["open-breaks.csv"].decode("utf-8-sig"))))
    [entry] = [entry for entry in manifest.files if entry.name == "open-breaks.csv"]
    assert entry.rows == len(rows)
    assert entry.totals == {"difference_fen": sum(int(row["difference_fen"]) for row in rows)}
    book = openpyxl.load_workbook(io.BytesIO(files["open-breaks.xlsx"])).worksheets[0]
    listed = [row[0] for row in book.iter_rows(min_row=2, max_col=1, values_only=True)]
    assert listed == [*(row["platform_id"] for row in rows), "合计"]
    return rows


def broken(books: Books) -> None:
    """A break of each of two days at one platform, and one at another, none of them ended."""
    books.redeem("o-1", at(DAY_1))
    books.redeem("m-1", at(DAY_1), platform_id=MEITUAN)
    books.redeem("o-2", at(DAY_2))
    books.settle(at(DAY_3, "02:30")).require_sound()


def test_what_is_open_is_listed_by_platform_oldest_first_with_its_age(books: Books) -> None:
    broken(books)
    rows = registered(books, DAY_3)
    assert rows is not None
    assert [(r["platform_id"], r["order_no"], r["age_days"]) for r in rows] == [
        (MEITUAN, "m-1", "1"),
        (UNIONPAY, "o-1", "1"),
        (UNIONPAY, "o-2", "0"),
    ]
    assert {row["match_state"] for row in rows} == {"LEDGER_ONLY"}
    later = registered(books, DAY_3 + timedelta(days=10))
    assert later is not None
    assert [row["age_days"] for row in later] == ["11", "11", "10"]


def test_what_is_ended_is_no_longer_listed_and_what_is_proposed_is(books: Books) -> None:
    broken(books)
    [one] = books.breaks.of_day(UNIONPAY, DAY_1)
    proposed = one.proposed(ResolutionKind.WRITE_OFF, "无法查证", by="li.na", now=at(DAY_3))
    books.breaks.change(one, proposed)
    [two] = books.breaks.of_day(MEITUAN, DAY_1)
    ended = two.proposed(ResolutionKind.WRITE_OFF, "无法查证", by="li.na", now=at(DAY_3))
    books.breaks.change(two, ended)
    books.breaks.change(ended, ended.approved(by="wang.wei", now=at(DAY_3)))
    rows = registered(books, DAY_3)
    assert rows is not None
    assert [(r["order_no"], r["state"]) for r in rows] == [("o-1", "PROPOSED"), ("o-2", "OPEN")]


def test_it_is_written_once_a_date_and_not_before_the_day_is_settled(books: Books) -> None:
    broken(books)
    assert registered(books, DAY_3, "02:29") is None
    assert registered(books, DAY_3, "02:30") is not None
    before = books.files(register_prefix(DAY_3))
    books.redeem("o-3", at(DAY_3))
    assert registered(books, DAY_3, "23:00") is None
    assert books.files(register_prefix(DAY_3)) == before


def test_a_date_without_breaks_says_so(books: Books) -> None:
    assert registered(books, DAY_3) == []


def test_what_a_run_that_died_has_written_stands_and_is_described(books: Books) -> None:
    broken(books)
    assert registered(books, DAY_3) is not None
    key = register_prefix(DAY_3) + "manifest.json"
    manifest = books.files(register_prefix(DAY_3))[key]
    for gone in (key, register_prefix(DAY_3) + "open-breaks.xlsx"):
        books.s3.delete_object(Bucket=books.bucket, Key=gone)
    books.bill(DAY_1, books.entries(DAY_1))
    books.settle(at(DAY_3, "03:30")).require_sound()
    again = registered(books, DAY_3, "04:00")
    assert again is not None
    assert len(again) == 3
    found = Manifest.from_bytes(books.files(register_prefix(DAY_3))[key])
    before = Manifest.from_bytes(manifest)
    assert found.files[0] == before.files[0]
