"""A manifest has one form, says exactly what a set holds, and finds whatever was changed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.files.csv_out import iter_csv, to_csv
from functions.shared.files.json_out import canonical
from functions.shared.files.manifest import (
    SIZE_LIMIT,
    FileEntry,
    Finding,
    FindingKind,
    Manifest,
    ManifestError,
    describe,
    describe_stream,
    verify,
)
from tests.files.samples import REPORT_COLUMNS, report_rows, report_table

AT = datetime(2026, 7, 14, 16, tzinfo=UTC)
SHA = "0" * 64


def entry(name: str = "a.csv", **changes: Any) -> FileEntry:  # noqa: ANN401 - also wrong types
    values: dict[str, Any] = {"name": name, "bytes": 1, "rows": 0, "totals": {}, "sha256": SHA}
    return FileEntry(**(values | changes))


def manifest(**changes: Any) -> Manifest:  # noqa: ANN401 - also wrong types
    values: dict[str, Any] = {
        "kind": "settlement",
        "business_date": date(2026, 7, 14),
        "cutoff_at": AT,
        "run_id": "run-1",
        "files": (entry("b.csv", totals={"net_fen": -7}), entry("a.csv")),
        "inputs": {"bill": SHA, "entries": 12},
    }
    return Manifest(**(values | changes))


def test_the_bytes_are_as_promised() -> None:
    assert manifest().to_bytes().decode() == (
        '{"business_date":"2026-07-14","cutoff_at":"2026-07-14T16:00:00.000Z","files":['
        f'{{"bytes":1,"name":"a.csv","rows":0,"sha256":"{SHA}","totals":{{}}}},'
        f'{{"bytes":1,"name":"b.csv","rows":0,"sha256":"{SHA}","totals":{{"net_fen":-7}}}}],'
        f'"inputs":{{"bill":"{SHA}","entries":12}},"kind":"settlement","reason":null,'
        '"run_id":"run-1","schema_version":1,"supersedes":null}\n'
    )


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}\.csv", fullmatch=True)
SENTENCES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(
    names=st.lists(NAMES, unique=True, max_size=4),
    totals=st.dictionaries(
        st.from_regex(r"[a-z]{1,6}_fen", fullmatch=True), st.integers(-(10**17), 10**17), max_size=3
    ),
    inputs=st.dictionaries(SENTENCES, st.one_of(SENTENCES, st.integers(0, 10**17)), max_size=3),
    at=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - a bound
    on=st.none() | st.dates(),
    restates=st.none() | SENTENCES,
)
def test_a_manifest_is_read_back_equal(
    names: list[str],
    totals: dict[str, int],
    inputs: dict[str, str | int],
    at: datetime,
    on: date | None,
    restates: str | None,
) -> None:
    written = manifest(
        business_date=on,
        cutoff_at=at,
        files=tuple(entry(name, totals=totals) for name in names),
        inputs=inputs,
        supersedes="run-0" if restates else None,
        reason=restates,
    )
    assert Manifest.from_bytes(written.to_bytes()) == written


def changed(**changes: object) -> bytes:
    return canonical(json.loads(manifest().to_bytes()) | changes)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]\n",
        b"null\n",
        b"\xff",
        b"[" * 100_000,
        b'{"schema_version":' + b"9" * 5_000 + b"}\n",
        manifest().to_bytes().rstrip(),
        manifest().to_bytes() + b"\n",
        b"\xef\xbb\xbf" + manifest().to_bytes(),
        json.dumps(json.loads(manifest().to_bytes()), indent=1).encode(),
        manifest().to_bytes().replace(b'"kind"', b'"kind":"x","kind"'),
        manifest().to_bytes().replace(b'"bytes":1', b'"bytes":1.0'),
        manifest().to_bytes().replace(b'"bytes":1', b'"bytes":NaN'),
        b" " * (SIZE_LIMIT + 1),
        changed(extra=1),
        changed(schema_version=2),
        changed(schema_version=True),
        changed(schema_version="1"),
        changed(kind="../x"),
        changed(kind=None),
        changed(business_date="2026-07-32"),
        changed(business_date="20260714"),
        changed(business_date=20260714),
        changed(cutoff_at="2026-07-14T16:00:00"),
        changed(cutoff_at="2026-07-14T16:00:00.000+00:00"),
        changed(run_id=""),
        changed(run_id="a b"),
        changed(supersedes="run-0"),
        changed(reason="because"),
        changed(files={}),
        changed(files=[[]]),
        changed(files=[{}]),
        changed(inputs=[]),
        changed(inputs={"a": None}),
        changed(inputs={"a": True}),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_bytes(data)


def test_a_missing_key_is_refused() -> None:
    document = json.loads(manifest().to_bytes())
    for key in document:
        rest = {name: value for name, value in document.items() if name != key}
        with pytest.raises(ManifestError, match="keys"):
            Manifest.from_bytes(canonical(rest))


@pytest.mark.parametrize(
    "name",
    ["", "manifest.json", "/a", "../a", "a/../b", "a//b", "a/", ".a", "a\\b", "a b", "a\n", "券"],
)
def test_a_file_name_stays_in_its_set(name: str) -> None:
    with pytest.raises(ManifestError, match="name"):
        entry(name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bytes": -1},
        {"bytes": True},
        {"rows": -1},
        {"rows": 1.0},
        {"sha256": "0" * 63},
        {"sha256": "A" * 64},
        {"totals": {"net_fen": 1.5}},
        {"totals": {"net_fen": False}},
        {"totals": {"Net": 1}},
    ],
)
def test_a_file_entry_is_in_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        entry(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"supersedes": "run-0"},
        {"reason": "late refunds"},
        {"files": (entry(), entry())},
        {"cutoff_at": AT.replace(tzinfo=None)},
        {"business_date": AT},
    ],
)
def test_a_manifest_says_only_what_holds_together(wrong: dict[str, object]) -> None:
    with pytest.raises(ManifestError):
        manifest(**wrong)


def test_describe_tells_bytes_rows_totals_and_digest() -> None:
    table = report_table()
    data = to_csv(table)
    told = describe("t1_report.csv", data, table)
    assert (told.bytes, told.rows) == (len(data), 5)
    assert told.totals["issued_fen"] == 335_668_000
    assert set(told.totals) == {
        column.name for column in REPORT_COLUMNS if column.name.endswith("_fen")
    }
    stream = iter_csv(REPORT_COLUMNS, report_rows(), table.totals)
    assert b"".join(stream) == data
    assert describe_stream("t1_report.csv", stream) == told
    page = describe("t1_report.html", b"x")
    assert (page.rows, page.totals) == (0, {})


def test_a_whole_set_has_no_findings() -> None:
    files = {"a.csv": b"alpha", "b/c.csv": b"beta"}
    whole = manifest(files=tuple(describe(name, data) for name, data in files.items()))
    assert verify(whole, files.__getitem__) == []


def test_verify_names_each_faulty_file() -> None:
    files = {name: name.encode() for name in ("a.csv", "b.csv", "c.csv", "d.csv")}
    whole = manifest(files=tuple(describe(name, data) for name, data in files.items()))
    del files["a.csv"]
    files["b.csv"] = b"b.csw"
    files["c.csv"] += b" "
    findings = verify(whole, files.__getitem__)
    assert [(finding.kind, finding.name) for finding in findings] == [
        (FindingKind.MISSING, "a.csv"),
        (FindingKind.ALTERED, "b.csv"),
        (FindingKind.WRONG_SIZE, "c.csv"),
    ]
    assert findings[2] == Finding(FindingKind.WRONG_SIZE, "c.csv", "6 bytes, not 5")


def test_verify_lets_an_unreadable_store_be_seen() -> None:
    def read(name: str) -> bytes:
        raise PermissionError(name)

    with pytest.raises(PermissionError):
        verify(manifest(), read)

    def absent(name: str) -> bytes:
        raise FileNotFoundError(name)

    assert [finding.kind for finding in verify(manifest(), absent)] == [FindingKind.MISSING] * 2
