"""The page for platforms is true: its example is taken, and it lists every reason and state."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from functions.shared.domain.bills import BillFault
from functions.shared.domain.breaks import MatchState
from infra.local.bills import COLUMNS, render_bill
from tests.support.days import read_bill

PAGE = (Path(__file__).parents[2] / "docs" / "bills.md").read_text(encoding="utf-8")


def first_cells(section: str) -> list[str]:
    """The first words of a table's rows, its heading left out."""
    body = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| ([A-Z_]+)", body, flags=re.MULTILINE)


def test_the_example_is_a_good_bill() -> None:
    example = PAGE.split("```csv\n")[1].split("```")[0]
    reading = read_bill(example.encode(), business_on=date(2026, 1, 5))
    assert reading.findings.listed == []
    assert len(reading.rows) == 3


def test_the_empty_bill_is_as_the_page_says() -> None:
    trailer = render_bill([]).decode().split("\r\n")[1]
    assert f"`{trailer}`" in PAGE


def test_every_reason_is_explained_once() -> None:
    assert first_cells("Reasons") == [fault.value for fault in BillFault]


def test_every_state_of_a_match_is_explained_once() -> None:
    assert first_cells("What is matched") == [state.value for state in MatchState]


def test_every_column_is_explained() -> None:
    body = PAGE.split("| column |")[1]
    assert all(column in body for column in COLUMNS)
