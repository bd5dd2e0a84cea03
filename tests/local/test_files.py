"""POST /v1/bills and GET /v1/files: links that carry a bill in and the settlement out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from functions.files import service
from functions.shared.domain.business_time import SHANGHAI
from functions.shared.edge import telemetry
from infra.local.client import Response
from infra.local.clock import LocalClock
from infra.local.demo.documents import rebased, shijingshan
from infra.local.serve import seed
from infra.local.stack import LocalStack

OPENED = datetime(2026, 1, 5, 0, 0, tzinfo=SHANGHAI)
DAY = date(2026, 1, 5)
BILL = b"\xef\xbb\xbfplatform_order_no\r\n"
SHA256 = hashlib.sha256(BILL).hexdigest()


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A day of the seeded campaign, settled."""
    telemetry.silence()
    with LocalStack(LocalClock(OPENED)) as stack:
        seed(stack, rebased(shijingshan(), opens_at=OPENED + timedelta(hours=10)))
        yield stack
    telemetry.write_to(None)


def ask(stack: LocalStack, platform_id: str = "unionpay", **changes: object) -> Response:
    client = stack.client(stack.keys.platforms[platform_id])
    body = {"business_on": DAY.isoformat(), "bytes": len(BILL), "sha256": SHA256}
    return client.request("POST", "/v1/bills", json=body | changes)


def files(stack: LocalStack, platform_id: str = "unionpay", on: date = DAY) -> dict[str, Any]:
    client = stack.client(stack.keys.platforms[platform_id])
    answer = client.request("GET", f"/v1/files?business_on={on}")
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_a_bill_is_put_through_its_link(stack: LocalStack) -> None:
    answer = ask(stack)
    assert answer.status == 200
    upload = answer.json
    assert upload["object_key"] == f"bills/unionpay/2026-01-05/{SHA256[:32]}.csv"
    assert upload["method"] == "PUT"
    assert upload["headers"]["Content-Length"] == str(len(BILL))
    put = requests.put(upload["url"], data=BILL, headers=upload["headers"], timeout=10)
    assert put.status_code == 200
    assert dict(stack.engine.objects())[upload["object_key"]] == BILL
    again = ask(stack).json
    assert again["object_key"] == upload["object_key"]


def test_the_link_is_for_those_bytes_alone_and_a_quarter_of_an_hour(stack: LocalStack) -> None:
    """Size, hash and type are among the headers that are signed, so S3 takes no others."""
    upload = ask(stack).json
    query = parse_qs(urlsplit(upload["url"]).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["900"]
    signed = set(query["X-Amz-SignedHeaders"][0].split(";"))
    assert {"content-length", "content-type", "host"} <= signed
    assert "x-amz-checksum-sha256" in signed | {name.lower() for name in query}
    ends = datetime.fromisoformat(upload["expires_at"]) - stack.clock.now()
    assert timedelta(minutes=14) < ends <= timedelta(minutes=15)


MIB = 1024 * 1024
LARGE = b"".join(b"%08d\n" % number for number in range(700_000))
"""A little more than one part of the least size that S3 takes."""


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The parts of LARGE, where parts have five MiB."""
    monkeypatch.setattr(service, "BILL_PART_BYTES", 5 * MIB)
    parts = [LARGE[: 5 * MIB], LARGE[5 * MIB :]]
    assert all(parts)
    return parts


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_large_bill_is_put_in_parts_and_is_one_object(
    stack: LocalStack, small_parts: list[bytes]
) -> None:
    asked: dict[str, Any] = {"bytes": len(LARGE), "sha256": sha256(LARGE)}
    asked["part_sha256"] = [sha256(part) for part in small_parts]
    answer = ask(stack, **asked)
    assert answer.status == 200, answer.json
    upload = answer.json
    assert (upload["url"], upload["headers"], upload["method"]) == (None, {}, "PUT")
    assert [part["number"] for part in upload["parts"]] == [1, 2]
    told = []
    for part, data in zip(upload["parts"], small_parts, strict=True):
        signed = set(parse_qs(urlsplit(part["url"]).query)["X-Amz-SignedHeaders"][0].split(";"))
        query = {name.lower() for name in parse_qs(urlsplit(part["url"]).query)}
        assert {"content-length", "host"} <= signed
        assert "x-amz-checksum-sha256" in signed | query
        put = requests.put(part["url"], data=data, headers=part["headers"], timeout=10)
        assert put.status_code == 200
        checksum = part["headers"]["x-amz-checksum-sha256"]
        told.append(
            f"<Part><PartNumber>{part['number']}</PartNumber><ETag>{put.headers['ETag']}</ETag>"
            f"<ChecksumSHA256>{checksum}</ChecksumSHA256></Part>"
        )
    # Nothing is handed in before the last step.
    assert upload["object_key"] not in dict(stack.engine.objects())
    body = f"<CompleteMultipartUpload>{''.join(told)}</CompleteMultipartUpload>"
    done = requests.post(upload["complete_url"], data=body, timeout=10)
    assert done.status_code == 200, done.text
    assert dict(stack.engine.objects())[upload["object_key"]] == LARGE
    ends = datetime.fromisoformat(upload["expires_at"]) - stack.clock.now()
    assert timedelta(minutes=59) < ends <= timedelta(hours=1)


@pytest.mark.parametrize(("size", "parts"), [(len(LARGE), 0), (len(LARGE), 1), (5 * MIB, 1)])
def test_parts_that_are_not_the_files_are_refused(
    stack: LocalStack, small_parts: list[bytes], size: int, parts: int
) -> None:
    hashes = [sha256(part) for part in small_parts[:parts]]
    refused = ask(stack, bytes=size, sha256=sha256(LARGE), part_sha256=hashes)
    assert (refused.status, refused.json["code"]) == (400, "INVALID_FIELDS")
    [error] = refused.json["errors"]
    assert error["pointer"] == "/part_sha256"
    # It says how many parts there are, or that there are none.
    assert ("全部 2 个分段" in error["detail"]) is (size > 5 * MIB)


@pytest.mark.parametrize("on", [date(2026, 1, 6), date(2026, 2, 1)])
def test_the_bill_of_a_day_that_is_not_over_is_not_asked_for(stack: LocalStack, on: date) -> None:
    refused = ask(stack, business_on=on.isoformat())
    assert (refused.status, refused.json["code"]) == (400, "INVALID_FIELDS")
    [error] = refused.json["errors"]
    assert error["pointer"] == "/business_on"


def test_what_was_settled_is_listed_with_links_that_give_those_bytes(stack: LocalStack) -> None:
    found = files(stack)
    assert found["business_on"] == "2026-01-05"
    [settlement] = found["sets"]
    assert (settlement["campaign_id"], settlement["version"]) == ("shijingshan-2026", 1)
    assert (settlement["supersedes"], settlement["reason"]) == (None, None)
    names = {file["name"] for file in settlement["files"]}
    assert names == {
        "breaks.csv",
        "detail.csv",
        "reconciliation.csv",
        "reconciliation.xlsx",
        "statement.csv",
        "statement.json",
        "statement.xlsx",
    }
    for file in settlement["files"]:
        got = requests.get(file["url"], timeout=10)
        assert hashlib.sha256(got.content).hexdigest() == file["sha256"]
        assert len(got.content) == file["bytes"]
    statement = next(f for f in settlement["files"] if f["name"] == "statement.csv")
    assert statement["totals_fen"]["fiscal_fen"] > 0


def test_a_platform_sees_its_own_files_alone(stack: LocalStack) -> None:
    folders = {
        name: {file["url"].split("?")[0] for s in files(stack, name)["sets"] for file in s["files"]}
        for name in ("unionpay", "meituan")
    }
    assert folders["unionpay"]
    assert not folders["unionpay"] & folders["meituan"]
    assert all("settlements/meituan/" in url for url in folders["meituan"])


def test_a_day_without_files_has_none(stack: LocalStack) -> None:
    found = files(stack, on=date(2026, 1, 4))
    assert (found["sets"], found["bill_reports"]) == ([], [])


def test_the_report_on_a_refused_bill_is_there_too(stack: LocalStack) -> None:
    stack.drop_bill("unionpay", DAY, b"not a bill", "bad.csv")
    [report] = files(stack)["bill_reports"]
    assert report["name"].startswith("bill-report-v")
    told = requests.get(report["url"], timeout=10).json()
    assert told["state"] == "QUARANTINED"
    assert told["findings"]


@pytest.mark.parametrize("query", ["", "?business_on=yesterday", "?business_on=2026-01-05&x=1"])
def test_a_question_about_no_day_is_refused(stack: LocalStack, query: str) -> None:
    client = stack.client(stack.keys.platforms["unionpay"])
    answer = client.request("GET", f"/v1/files{query}")
    assert (answer.status, answer.json["code"]) == (400, "INVALID_FIELDS")


def test_more_sets_than_an_answer_lists_come_in_several(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One set at least is in each; the last says that there is no more."""
    [whole] = files(stack)["sets"]
    assert files(stack)["next_after"] is None
    # A second set, as a corrected bill makes one, and a payout's.
    folder = f"settlements/unionpay/{DAY}/shijingshan-2026"
    manifest = dict(stack.engine.objects())[f"{folder}/v1/manifest.json"]
    stack.engine.put_object(f"{folder}/v2/manifest.json", manifest)
    payout = manifest.replace(b'"kind":"settlement"', b'"kind":"payout"')
    assert payout != manifest
    stack.engine.put_object(f"{folder}/payout-0001/manifest.json", payout)
    monkeypatch.setattr(service, "MAX_LINKS", len(whole["files"]))
    client = stack.client(stack.keys.platforms["unionpay"])
    found, after = [], ""
    for _ in range(3):
        answer = client.request("GET", f"/v1/files?business_on={DAY}{after}").json
        found += [(each["kind"], each["version"]) for each in answer["sets"]]
        after = f"&after={answer['next_after']}"
    assert found == [("payout", 1), ("settlement", 1), ("settlement", 2)]
    assert answer["next_after"] is None
