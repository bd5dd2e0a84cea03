"""JSON says the same as the table, without floats; one call gives every kind of file."""

from __future__ import annotations

import json

import pytest

from functions.shared.files.bundle import render_table
from functions.shared.files.columns import Column, ColumnKind, Table
from functions.shared.files.csv_out import to_csv
from functions.shared.files.facts import Language
from functions.shared.files.json_out import canonical, to_json
from functions.shared.files.xlsx_out import to_xlsx
from tests.files.samples import FACTS, entries_table, report_table


def no_float(text: str) -> float:
    raise AssertionError(f"a float in JSON: {text}")


def test_json_holds_facts_columns_rows_and_totals() -> None:
    table = report_table()
    document = json.loads(to_json(table, FACTS), parse_float=no_float)
    assert document["schema_version"] == 1
    assert document["title"] == {"zh": "分行业统计", "en": "By industry"}
    assert document["facts"] == {
        "campaign": "2026 石景山区消费券",
        "business_date": "2026-07-14",
        "cutoff_at": "2026-07-14T16:00:00.000Z",
        "run_id": "run-20260715-0001",
    }
    first, last = document["rows"][0], document["rows"][-1]
    assert first["redemption_fen"] == 81_105_780
    assert first["redemption_rate_amount"] == "0.4832"
    assert last["pull_ratio"] is None
    assert document["totals"]["issued_fen"] == 335_668_000
    assert document["totals"]["redemption_rate_amount"] == "0.3874"
    rates = {column["name"]: column for column in document["columns"]}
    assert rates["redemption_rate_amount"]["formula"]["zh"] == "核销金额 ÷ 发放金额"


def test_json_has_one_form() -> None:
    data = to_json(entries_table(), FACTS)
    assert data == to_json(entries_table(), FACTS)
    assert data == canonical(json.loads(data))
    assert data.endswith(b"}\n")
    assert "石景山万达广场".encode() in data
    assert json.loads(data)["rows"][1]["break_id"] is None


def test_canonical_refuses_what_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(float("nan"))


def test_a_bundle_is_each_writers_own_file() -> None:
    table = report_table()
    files = render_table(table, facts=FACTS)
    assert files == {
        "t1_report.csv": to_csv(table),
        "t1_report.xlsx": to_xlsx(table, FACTS),
        "t1_report.json": to_json(table, FACTS),
    }
    assert files == render_table(report_table(), facts=FACTS)


def test_a_bundle_gives_only_what_is_asked_for() -> None:
    table = Table("x", "表", "X", [Column("a", "甲", "A", ColumnKind.ID)], [])
    assert list(render_table(table, formats=("json", "json"), facts=FACTS)) == ["x.json"]
    english = render_table(table, formats=["xlsx"], facts=FACTS, language=Language.EN)
    assert english == {"x.xlsx": to_xlsx(table, FACTS, Language.EN)}
    with pytest.raises(ValueError, match="pdf"):
        render_table(table, formats=("pdf",), facts=FACTS)
