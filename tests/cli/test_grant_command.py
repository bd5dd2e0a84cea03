"""`huimin grant` from a file of persons to its results, against the local stack over HTTP."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from functions.shared.edge import telemetry
from infra.cli.main import app
from infra.local.clock import LocalClock
from infra.local.people import make_person
from infra.local.signatures import LocalKey
from infra.local.stack import LocalStack
from tests.support.calls import NEW, version
from tests.support.campaigns import DIRECT_ID, REDUCTION, ROUND_1, UNIONPAY, direct_document

PEOPLE = 230
GRANT = (DIRECT_ID, "elders")


@dataclass
class Desk:
    """Who runs the command, and where.

    Args:
        stack: answers.
        key: signs.
        monkeypatch: sets the environment.
        folder: of the files.

    """

    stack: LocalStack
    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def run(self, *words: str, by: LocalKey | None = None) -> Result:
        """The command, as that person."""
        key = by or self.stack.keys.operator
        self.monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key)
        self.monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_key)
        self.monkeypatch.setenv("HUIMIN_API_URL", self.stack.base_url)
        return CliRunner().invoke(app, ["grant", *words])

    def list(self, file: Path, *more: str) -> Result:
        """Lists the persons of a file."""
        return self.run(
            *("list", *GRANT, str(file), "--round", ROUND_1, "--type", REDUCTION),
            *("--platform", UNIONPAY, "--reason", "elders", *more),
        )

    def file(self, *lines: str, header: str = "identity_number") -> Path:
        """A file of persons."""
        path = self.folder / "persons.csv"
        path.write_text("\r\n".join([header, *lines, ""]), encoding="utf-8-sig")
        return path


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    """A campaign whose round is open, with vouchers for all but ten of the people."""
    telemetry.silence()
    with LocalStack(LocalClock()) as stack:
        now = datetime.now(UTC)
        document = direct_document(PEOPLE - 10)
        document["voucher_types"] = document["voucher_types"][:1]
        document["rounds"] = document["rounds"][:1]
        document["rounds"][0] |= {
            "opens_at": (now - timedelta(hours=1)).isoformat(),
            "closes_at": (now + timedelta(days=1)).isoformat(),
            "stock": document["rounds"][0]["stock"][:1],
        }
        base = f"/v1/admin/campaigns/{DIRECT_ID}"
        operator, approver = (
            stack.client(stack.keys.operator),
            stack.client(stack.keys.approver),
        )
        made = operator.request("PUT", base, json=document, headers=NEW)
        assert made.status == 201, made.json
        assert approver.request("POST", f"{base}/approve", headers=version(1)).status == 200
        yield Desk(stack, monkeypatch, tmp_path)
    telemetry.write_to(None)


def numbers(count: int) -> list[str]:
    return [make_person(number).identity_number for number in range(count)]


def rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_file_of_persons_becomes_vouchers_whatever_happens_on_the_way(desk: Desk) -> None:
    people = desk.file(*numbers(PEOPLE))
    listed = desk.list(people)
    assert listed.exit_code == 0, listed.output
    again = desk.list(people)
    assert f"{PEOPLE} of them listed before" in again.output
    lines = rows(desk.folder / "persons.listed.csv")
    assert [row["line"] for row in lines] == [str(line) for line in range(2, PEOPLE + 2)]
    # Ten more than there are vouchers: refused, and said why.
    short = desk.run("approve", *GRANT, "--rows", str(PEOPLE), by=desk.stack.keys.approver)
    assert short.exit_code == 1
    assert "STOCK_INSUFFICIENT" in short.output
    change = {
        "round_id": ROUND_1,
        "voucher_type_id": REDUCTION,
        "platform_id": UNIONPAY,
        "units_before": PEOPLE - 10,
        "units_after": PEOPLE,
        "reason": "more",
    }
    base = f"/v1/admin/campaigns/{DIRECT_ID}/stock-changes/c1"
    desk.stack.client(desk.stack.keys.operator).request("PUT", base, json=change)
    desk.stack.client(desk.stack.keys.approver).request("POST", f"{base}/approve")
    approved = desk.run("approve", *GRANT, "--rows", str(PEOPLE), by=desk.stack.keys.approver)
    assert approved.exit_code == 0, approved.output
    ran = desk.run("run", *GRANT)
    assert ran.exit_code == 0, ran.output
    assert f"granted {PEOPLE}, refused 0, left 0" in ran.output
    assert desk.run("run", *GRANT).exit_code == 0
    shown = desk.run("show", *GRANT)
    assert f"granted  {PEOPLE}" in shown.output
    out = desk.folder / "results.csv"
    assert desk.run("results", *GRANT, "--out", str(out)).exit_code == 0
    results = {row["voucher_id"]: row["state"] for row in rows(out)}
    assert results == {row["voucher_id"]: "GRANTED" for row in lines}


def test_what_stops_a_run_is_said_and_ends_it_with_one(desk: Desk) -> None:
    assert desk.list(desk.file(*numbers(3))).exit_code == 0
    unapproved = desk.run("run", *GRANT)
    assert unapproved.exit_code == 1
    assert "GRANT_STATE" in unapproved.output
    unknown = desk.run("show", DIRECT_ID, "none")
    assert unknown.exit_code == 1
    assert "NOT_FOUND" in unknown.output


def test_every_faulty_line_is_named_before_anybody_is_listed_and_no_number_is_shown(
    desk: Desk,
) -> None:
    good, other = numbers(2)
    mistyped = other[:-1] + ("0" if other[-1] != "0" else "1")
    result = desk.list(desk.file(good, mistyped, "1.10105E+17", good))
    assert result.exit_code == 1
    assert "line 3: identity_number: checksum" in result.output
    assert "line 4: identity_number" in result.output
    assert "format the column as text" in result.output
    assert mistyped not in result.output
    assert desk.run("show", *GRANT).exit_code == 1


@pytest.mark.parametrize(
    ("header", "lines", "words"),
    [
        ("name", ["li"], "missing columns"),
        ("identity_number", [], "no line below its header"),
        ("phone", ["12345"], "line 2: phone"),
        ("phone,identity_number", ["13800138000"], "1 fields where the header has 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    desk: Desk, header: str, lines: list[str], words: str
) -> None:
    result = desk.list(desk.file(*lines, header=header))
    assert result.exit_code == 1
    assert words in result.output


def test_what_only_the_campaign_knows_is_told_by_line_too(desk: Desk) -> None:
    """The campaign tells persons apart by their identity numbers; the file has phones."""
    result = desk.list(desk.file("13800138000", header="phone"))
    assert result.exit_code == 1
    assert "line 2:" in result.output
    assert "INVALID_FIELDS" in result.output


def test_without_credentials_the_command_says_what_to_set(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.api_client.get_session", _NoSession)
    result = desk.run("show", *GRANT)
    assert result.exit_code == 1
    assert "AWS_PROFILE" in result.output


class _NoSession:
    """A machine without credentials; botocore would look for them on the network."""

    def get_credentials(self) -> None:
        """None there are."""
