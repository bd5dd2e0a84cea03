"""The files of a report: de-identified, explained, the same every time, and readable by people."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta

import openpyxl
import pytest

from functions.report.figures import Report
from functions.report.labels import ALL as ALL_INDUSTRIES
from functions.report.labels import Labels
from functions.report.measures import ALL, NOTES
from functions.report.pages import CHARTED_DAYS
from functions.report.published_rows import CLAIM_COLUMNS, ENTRY_COLUMNS
from functions.report.rows import Dimension
from functions.report.tables import figure_tables
from functions.shared.domain.campaign import Campaign
from tests.report.builders import FIRST, Issued, Ledger, campaign, noon
from tests.report.published import all_text, files_of, published, reports
from tests.report.recount import lines_of
from tests.report.season import Season

NAMES = {
    *(
        f"{table}.{ending}"
        for table in (
            "by_industry",
            "by_size_class",
            "by_platform",
            "by_voucher_type",
            "by_day",
            "restated_days",
            "open_breaks",
        )
        for ending in ("csv", "json")
    ),
    "claims.csv",
    "entries.csv",
    "report.xlsx",
    "report.html",
}
SECRETS = ("p1_4f2c9a", "p1_77be01", "v_hidden1", "v_hidden2", "noodle-house", "order-9931")


@pytest.fixture(scope="module")
def last() -> tuple[Report, Campaign]:
    """The last day of a busy season."""
    season = Season(days=8, claims_per_day=60)
    *_, report = season.reports()
    return report, season.campaign


@pytest.fixture(scope="module")
def files(last: tuple[Report, Campaign]) -> dict[str, bytes]:
    """Its files."""
    return files_of(*last)


def hidden_days() -> tuple[list[Report], Campaign]:
    """Two days of one person with telling names, and a refund."""
    of = campaign(days=2)
    ledger = Ledger(of)
    claims = {
        FIRST: [Issued(SECRETS[2], SECRETS[0]), Issued(SECRETS[3], SECRETS[1])],
        FIRST + timedelta(days=1): [Issued("v_hidden3", SECRETS[0])],
    }
    ledger.redeem(SECRETS[5], noon(1), person=SECRETS[0], merchant=SECRETS[4])
    ledger.redeem("order-9932", noon(2), person=SECRETS[0], merchant=SECRETS[4])
    # The redemption's own id is made from a keyed hash, not from the order number.
    for entry in (entry for entries in ledger.entries.values() for entry in entries):
        object.__setattr__(entry, "redemption_id", f"r_{len(entry.order_no)}{entry.order_no[-1]}")
    return reports(of, 2, claims, ledger), of


def test_the_set_is_complete(files: dict[str, bytes]) -> None:
    assert set(files) == NAMES


def test_nobody_can_be_found_in_any_file() -> None:
    """No person, voucher, merchant or order number: not in a cell, not in an attribute, nowhere."""
    made, of = hidden_days()
    for report in made:
        for name, data in files_of(report, of).items():
            text = _unpacked(data) if name.endswith(".xlsx") else data.decode()
            found = [secret for secret in SECRETS if secret in text]
            assert not found, (name, found)


def test_a_number_means_nothing_in_another_file_or_on_another_day() -> None:
    """The same person on two days, and as claimant and at the till, has four numbers."""
    made, of = hidden_days()
    days = published(of, made)
    numbers = [
        line["person_no"]
        for files in days
        for name in ("claims.csv", "entries.csv")
        for line in lines_of(files[name])
    ]
    assert len(numbers) == 5
    assert len(set(numbers)) == 5
    merchants = {line["merchant_no"] for files in days for line in lines_of(files["entries.csv"])}
    assert len(merchants) == 2


def test_numbers_tell_nothing_about_the_order_of_claims() -> None:
    """They follow the voucher ids, which are keyed hashes, and not the time or the person."""
    of = campaign(days=1)
    issued = {FIRST: [Issued("v_b", "anna", "d100-40"), Issued("v_a", "zoe", "d50-20")]}
    (files,) = published(of, reports(of, 1, issued, Ledger(of)))
    rows = lines_of(files["claims.csv"])
    assert [(row["person_no"], row["voucher_type_id"]) for row in rows] == [
        ("c20260701-000001", "d50-20"),
        ("c20260701-000002", "d100-40"),
    ]
    assert [row["person_new_in"] for row in rows] == ["CAMPAIGN PLATFORM VOUCHER_TYPE"] * 2


def test_entries_stand_in_the_order_of_recording() -> None:
    """At the same instant a redemption comes before its refund."""
    of = campaign(days=1)
    ledger = Ledger(of)
    ledger.redeem("z-first", noon(1))
    ledger.redeem("a-last", noon(1, 9))
    ledger.refund("z-first", "f1", noon(1))
    (files,) = published(of, reports(of, 1, {}, ledger))
    rows = lines_of(files["entries.csv"])
    assert [(row["redemption_id"], row["entry_type"], row["closes"]) for row in rows] == [
        ("r_z-first", "REDEEM", "0"),
        ("r_z-first", "REFUND", "1"),
        ("r_a-last", "REDEEM", "0"),
    ]
    assert rows[0]["recorded_at"] == "2026-07-01T04:00:00.000Z"


def test_the_same_day_gives_the_same_bytes(files: dict[str, bytes]) -> None:
    again = Season(days=8, claims_per_day=60)
    *_, report = again.reports()
    assert files_of(report, again.campaign) == files


def test_every_figure_has_its_formula_in_both_languages() -> None:
    for measure in ALL:
        assert measure.column.formula_zh, measure.column.name
        assert measure.column.formula_en, measure.column.name


def test_formulas_and_cut_off_are_printed_where_files_can_say_them(
    files: dict[str, bytes], last: tuple[Report, Campaign]
) -> None:
    """In every JSON file, on the workbook's last sheet, and on the page."""
    tables = figure_tables(*last, Labels(None))
    notes = openpyxl.load_workbook(io.BytesIO(files["report.xlsx"]))["说明"]
    explained = {str(cell) for row in notes.values for cell in row}
    page = files["report.html"].decode()
    for table in tables:
        document = json.loads(files[f"{table.name}.json"])
        assert document["facts"]["cutoff_at"] == "2026-07-08T16:00:00.000Z"
        formulas = {column["name"]: column["formula"]["en"] for column in document["columns"]}
        for column in table.columns:
            assert formulas[column.name] == column.formula_en
            assert not column.formula_zh or column.formula_zh in explained
    assert "2026-07-09 00:00:00 (UTC+8)" in explained
    assert "2026-07-09 00:00:00 (UTC+8)" in page
    for name in ("pull_ratio", "redemption_rate_amount", "net_redemption_fen"):
        formula = next(m.column.formula_zh for m in ALL if m.column.name == name)
        assert formula in page
    for note in NOTES:
        assert note.zh in page
        assert any(note.zh in cell for cell in explained)


def test_formulas_name_columns_that_exist() -> None:
    """A reader who follows a formula finds every name in it."""
    figures = {measure.column.name for measure in ALL}
    rows = {column.name for column in (*CLAIM_COLUMNS, *ENTRY_COLUMNS)}
    words = {word for measure in ALL for word in _words(measure.column.formula_en) if "_" in word}
    assert words <= figures | rows


def test_people_read_names_yuan_and_percentages(
    files: dict[str, bytes], last: tuple[Report, Campaign]
) -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(files["report.xlsx"]))
    assert workbook.sheetnames == [
        "分行业统计",
        "分规模类型统计",
        "分平台统计",
        "分券种统计",
        "逐日统计",
        "往日调整",
        "未结对账差错",
        "说明",
    ]
    head, *rows = workbook["分行业统计"].values
    total = last[0].cumulative.of(Dimension.CAMPAIGN)
    row = next(row for row in rows if row[:2] == ("累计 Cumulative", "合计 All"))
    assert row[head.index("净核销金额（元）")] == pytest.approx(total.net_redemption_fen / 100)
    rate = row[head.index("核销率（金额）")]
    assert rate == pytest.approx(total.net_redemption_fen / total.issued_fen, abs=0.00005)
    types = [row[1] for row in workbook["分券种统计"].values]
    assert "满50减20元 20 off 50" in types


def test_the_page_shows_what_the_files_say(
    files: dict[str, bytes], last: tuple[Report, Campaign]
) -> None:
    page = files["report.html"].decode()
    total = last[0].cumulative.of(Dimension.CAMPAIGN)
    for shown in (
        f"{total.issued_fen / 100:,.2f}",
        f"{total.net_redemption_fen / 100:,.2f}",
        f"{total.claim_users:,}",
        "餐饮 Catering",
        "往日调整",
        "规则决定的下限 2.50",
    ):
        assert shown in page, shown
    assert page.count('class="panel chart"') == 2


def test_a_day_without_anything_still_makes_every_file() -> None:
    of = campaign(days=1)
    (report,) = reports(of, 1, {}, Ledger(of))
    files = files_of(report, of)
    assert set(files) == NAMES
    assert lines_of(files["claims.csv"]) == []
    total = next(
        line for line in lines_of(files["by_industry.csv"]) if line["industry"] == ALL_INDUSTRIES
    )
    assert total["redemption_rate_count"] == ""
    assert total["pull_ratio"] == ""
    assert "—" in files["report.html"].decode()


def test_a_campaign_of_one_industry_charts_its_voucher_types() -> None:
    of = campaign(days=1, industries=("catering",))
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1))
    (report,) = reports(of, 1, {}, ledger)
    assert "分券种：优惠由谁承担" in files_of(report, of)["report.html"].decode()


def test_a_long_campaign_charts_its_last_days_and_lists_all_in_the_files() -> None:
    days = CHARTED_DAYS + 30
    of = campaign(days=days)
    *_, report = reports(of, days, {}, Ledger(of))
    files = files_of(report, of)
    assert len(lines_of(files["by_day.csv"])) == days
    page = files["report.html"].decode()
    assert date(2026, 7, 1).isoformat() not in page
    assert report.day.on.isoformat() in page


def test_unknown_industries_and_sizes_of_the_ledger_are_listed_too() -> None:
    """The registry's codes are free text: nothing that was redeemed may be missing."""
    of = campaign(days=1)
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1), industry="florist", size_class="UNKNOWN")
    (files,) = published(of, reports(of, 1, {}, ledger))
    rows = lines_of(files["by_industry.csv"])
    assert [row["redemption_count"] for row in rows if row["industry"] == "florist"] == ["1", "1"]
    sizes = lines_of(files["by_size_class.csv"])
    assert any(row["size_class"] == "UNKNOWN" and row["industry"] == "florist" for row in sizes)


def _unpacked(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return all_text(archive.read(name) for name in archive.namelist())


def _words(formula: str) -> Iterator[str]:
    for word in formula.replace("(", " ").replace(")", " ").replace(",", " ").split():
        yield word.strip(";:.").removesuffix(".csv").partition("=")[0]
