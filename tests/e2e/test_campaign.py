"""A small campaign, from making it to returning its money, on the deployed stack.

The story of the demonstration, with few consumers: everything goes through signed HTTP and the
roles of the template, bills go through the bucket and its event, and the functions run as their
schedules call them. One test, because each chapter needs the one before.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http.client import HTTPSConnection
from ssl import create_default_context
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.shared.domain.business_time import SHANGHAI, business_date
from functions.shared.domain.grants import PARTS
from functions.shared.domain.ledger import DAY_SEGMENTS
from functions.shared.files.manifest import Manifest, verify
from infra.audit.verify import verify_all
from infra.functions import DAY_ROWS
from infra.local.bills import render_bill
from infra.local.client import Response
from infra.local.demo.bureau import DINING, Bureau
from infra.local.demo.documents import rebased, shijingshan
from infra.local.demo.platform import Platform
from infra.local.people import MadeUpPerson, make_people
from tests.e2e.emulator import Caller, Deployment

pytestmark = pytest.mark.e2e

DEADLINE_S = 60
PEOPLE = 9
# What the accounts of the template's platforms are called in the registry.
PLATFORM_IDS = ("meituan", "unionpay")


@dataclass(frozen=True)
class Client:
    """A caller of the deployed API in the shape that the demonstration's sides use."""

    caller: Caller

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one signed request."""
        answer = self.caller.call(method, path, json, headers=headers)
        body = answer.document if answer.text else None
        return Response(answer.status, answer.headers, answer.text.encode(), body)


def small_campaign(opens_at: datetime) -> dict[str, Any]:
    """Two rounds of two types, few units, and one day of refunds after the end."""
    document = rebased(shijingshan(), opens_at=opens_at)
    document["campaign_id"] = "e2e-dining"
    document["rounds"] = document["rounds"][:2]
    document["voucher_types"] = document["voucher_types"][:2]
    document["refunds"]["window_days"] = 1
    gift = document["voucher_types"][0] | {"voucher_type_id": "gift", "distribution": "DIRECT"}
    thanks = document["voucher_types"][0] | {
        "voucher_type_id": "thanks",
        "distribution": "EARNED",
        "earned_by": {"threshold_fen": 5_000, "threshold_base": "ORDER"},
    }
    document["voucher_types"] += [gift, thanks]
    for in_round in document["rounds"]:
        in_round["stock"] = [
            {
                "voucher_type_id": kind,
                "platform_id": platform_id,
                "units": units,
                "expected_claims_per_s": 10,
            }
            for platform_id in PLATFORM_IDS
            for kind, units in (("50-20", 3), ("100-40", 2), ("gift", 1), ("thanks", 2))
        ]
    return document


def expect(response: Response, status: int) -> dict[str, Any]:
    """The body of an answer that has that status."""
    assert response.status == status, response.body
    body: dict[str, Any] = response.json
    return body


def objects(deployment: Deployment, prefix: str) -> dict[str, bytes]:
    """The files under a prefix, by their names below it."""
    s3 = deployment.client("s3")
    listed = s3.list_objects_v2(Bucket=deployment.bucket, Prefix=prefix).get("Contents", ())
    return {
        entry["Key"].removeprefix(prefix): s3.get_object(
            Bucket=deployment.bucket, Key=entry["Key"]
        )["Body"].read()
        for entry in listed
    }


def settled(deployment: Deployment, platform_id: str, on: date) -> dict[str, bytes]:
    """The settlement files of a day, as soon as the bill's event has led to them."""
    prefix = f"settlements/{platform_id}/{on.isoformat()}/e2e-dining/v1/"
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        files = objects(deployment, prefix)
        if "manifest.json" in files:
            return files
        time.sleep(0.5)
    raise AssertionError(f"no settlement under {prefix}")


def require_verified(files: Mapping[str, bytes]) -> None:
    """The manifest names every file, and each is as it says."""
    manifest = Manifest.from_bytes(files["manifest.json"])
    assert verify(manifest, files.__getitem__) == []
    assert {entry.name for entry in manifest.files} | {"manifest.json"} == set(files)


def drop_bill(deployment: Deployment, platform: Platform, on: date, data: bytes) -> None:
    """The platform puts its bill, with its own role."""
    credentials = deployment.platform_credentials(platform.platform_id)
    deployment.client("s3", credentials).put_object(
        Bucket=deployment.bucket,
        Key=f"bills/{platform.platform_id}/{on.isoformat()}/bill.csv",
        Body=data,
    )


def hand_in_bill(deployment: Deployment, platform: Platform, on: date, data: bytes) -> None:
    """The platform asks for a link, and puts its bill there."""
    asked = {
        "business_on": on.isoformat(),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    upload = expect(platform.client.request("POST", "/v1/bills", json=asked), 200)
    status = send(deployment, "PUT", upload["url"], data, upload["headers"])[0]
    assert status == 200, status


def send(
    deployment: Deployment,
    method: str,
    url: str,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Follows a link, to the emulator wherever it says that it is; status and bytes."""
    parts = urlsplit(url)
    connection = HTTPSConnection(
        "127.0.0.1",
        deployment.emulator.port,
        timeout=60,
        context=create_default_context(cafile=deployment.emulator.authority),
    )
    try:
        connection.request(
            method,
            f"{parts.path}?{parts.query}",
            body=data,
            headers={"Host": parts.netloc, **(headers or {})},
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def require_fetched(deployment: Deployment, platform: Platform, on: date) -> None:
    """The platform finds its settlement, and each link gives the bytes that are described."""
    query = f"/v1/files?business_on={on.isoformat()}"
    [found] = expect(platform.client.request("GET", query), 200)["sets"]
    assert found["campaign_id"] == "e2e-dining"
    for file in found["files"]:
        status, data = send(deployment, "GET", file["url"])
        assert (status, hashlib.sha256(data).hexdigest()) == (200, file["sha256"])


def test_a_whole_campaign(deployment: Deployment) -> None:
    """Made, approved, claimed, redeemed, refunded, reconciled, rolled over, closed, returned."""
    today = business_date(deployment.now())
    opens_at = datetime.combine(today + timedelta(days=1), datetime.min.time(), SHANGHAI)
    opens_at += timedelta(hours=10)
    document = small_campaign(opens_at)
    bureau = Bureau(
        Client(deployment.bureau("operator", "li.na")),
        Client(deployment.bureau("approver", "wang.wei")),
    )
    platforms = [
        Platform(name, Client(deployment.platform(name)), "e2e-dining") for name in PLATFORM_IDS
    ]
    hear = listen(deployment, "meituan")
    make(deployment, bureau, document, today)

    deployment.set_clock(opens_at - timedelta(minutes=1))
    people = make_people(PEOPLE, seed=7)
    early = platforms[0].claim(people[0], "early-1", "r1", "50-20")
    assert early.json["code"] == "ROUND_NOT_OPEN"

    deployment.set_clock(opens_at)
    vouchers = claim(platforms, people)
    redeem_and_refund(platforms, vouchers)
    grant(bureau, platforms[0], people[7])
    earn(platforms, people[8], people[3])
    end_day(deployment, platforms, business_date(opens_at))
    end_break(bureau, "unionpay")
    [settlement] = expect(platforms[0].settlements(), 200)["settlements"]
    expect(platforms[0].confirm(settlement), 200)

    # Round 1 over: three of 50-20 issued a platform, one used and one restored, so two lapse; so
    # do the gift and what orders earned, which nobody used.
    deployment.set_clock(opens_at + timedelta(days=7, minutes=10))
    deployment.run_schedule("tick")
    left = platforms[0].client.request("GET", "/v1/campaigns/e2e-dining").json["stock_left"]
    assert {(pool["voucher_type_id"], pool["left"]) for pool in left} == {
        ("50-20", 3 + 2),
        ("100-40", 2 + 2),
        ("gift", 1 + 1),
        ("thanks", 2 + 2),
    }

    deployment.set_clock(opens_at + timedelta(days=16))
    for _ in range(2):
        deployment.run_schedule("tick")
    closed = expect(bureau.campaign(document), 200)
    assert closed["state"] == "CLOSED"
    used_fen = 2_000 * 2 - 500
    assert closed["funds"]["returned_fen"] == document["appropriated_fen"] - used_fen
    returned = objects(deployment, "returns/e2e-dining/0001/")
    require_verified(returned)
    pay_back(deployment, bureau, document)
    for platform in platforms:
        pay_out(deployment, bureau, document, platform)
    proof = objects(deployment, f"reports/invariants/{business_date(deployment.now())}/")
    require_verified(proof)
    require_audited(deployment)
    require_told(hear, refunds={"refund-1", "refund-2", "plain-refund-1"})
    for check in json.loads(proof["invariants.json"])["campaigns"]["e2e-dining"]:
        assert check["holds"], check


def pay_back(deployment: Deployment, bureau: Bureau, document: dict[str, Any]) -> None:
    """Two persons pay the return; the bank's instruction is there, and its reply is entered."""
    account = document["source_account"]["number"]
    done = pay(deployment, bureau, document, of="returns/1", account=account)
    require_instructed(deployment, "returns/e2e-dining/0001/payment-01/")
    assert done["paid_fen"] == done["to_return_fen"]


def pay_out(
    deployment: Deployment, bureau: Bureau, document: dict[str, Any], platform: Platform
) -> None:
    """The same for what a platform's settlements come to; it reads that they are paid."""
    name = platform.platform_id
    drawn = expect(bureau.draw_payout(document, name, 1), 201)
    [contract] = [c for c in document["contracts"] if c["platform_id"] == name]
    account = contract["account"]["number"]
    done = pay(deployment, bureau, document, of=f"settlements/{name}/payouts/1", account=account)
    assert done["paid_fen"] == drawn["payable_fen"] > 0
    require_instructed(deployment, f"payouts/e2e-dining/{name}/0001/payment-01/")
    folder = f"settlements/{name}/{drawn['last_on']}/e2e-dining/payout-0001/"
    require_verified(objects(deployment, folder))
    read = expect(platform.settlements(), 200)["settlements"]
    assert {settlement["state"] for settlement in read} == {"PAID"}


def pay(
    deployment: Deployment, bureau: Bureau, document: dict[str, Any], *, of: str, account: str
) -> dict[str, Any]:
    """Proposed, approved, instructed by the next tick, and confirmed by the bank."""
    expect(bureau.pay(document, "", version=1, by=bureau.operator, of=of), 200)
    paid = expect(bureau.pay(document, "/approve", version=2, by=bureau.approver, of=of), 200)
    deployment.run_schedule("tick")
    told = {
        "reference": paid["payments"][0]["reference"],
        "account_number": account,
        "paid_fen": paid["left_fen"],
        "bank_reference": "B-0001",
        "note": "ok",
    }
    reply = bureau.pay(document, "/reply", version=3, by=bureau.operator, told=told, of=of)
    done = expect(reply, 200)
    assert (done["left_fen"], done["payments"][0]["state"]) == (0, "PAID")
    return done


def require_instructed(deployment: Deployment, folder: str) -> None:
    """The bank's instruction lies there, as its manifest says."""
    files = objects(deployment, folder)
    require_verified(files)
    assert b"pain.001.001.09" in files["pain.001.xml"]


def listen(deployment: Deployment, platform_id: str) -> Callable[[], list[dict[str, Any]]]:
    """A rule and a queue such as a platform would have; gives what has come since."""
    sqs, bus = deployment.client("sqs"), deployment.client("events")
    url = sqs.create_queue(QueueName="news-of-a-platform")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {"source": ["huimin"], "detail": {"data": {"platform_id": [platform_id]}}}
    where = {"EventBusName": deployment.outputs["NewsBus"]}
    bus.put_rule(Name="of-a-platform", EventPattern=json.dumps(pattern), **where)
    bus.put_targets(
        Rule="of-a-platform", Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}], **where
    )

    def take() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"])["detail"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    return take


class Downloaded:
    """The bucket's files, as an auditor has them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def keys(self) -> list[str]:
        """Every key."""
        return sorted(self._files)

    def read(self, key: str) -> bytes:
        """A file's bytes."""
        if key not in self._files:
            raise FileNotFoundError(key)
        return self._files[key]

    def parts(self, key: str) -> Iterator[bytes]:
        """The same in one part."""
        return iter([self.read(key)])


def require_audited(deployment: Deployment) -> None:
    """Once its last day is over, the campaign passes the auditors' verifier."""
    deployment.set_clock(deployment.now() + timedelta(days=1))
    for _ in range(4):
        deployment.run_schedule("tick")
    verdict = verify_all(Downloaded(objects(deployment, "")))
    assert verdict.findings == []
    assert verdict.counted["fund returns"] == 1
    assert verdict.counted["signatures"] >= 2


def require_told(hear: Callable[[], list[dict[str, Any]]], *, refunds: set[str]) -> None:
    """Claims, refunds and expiries have reached the platform, and nobody else's have."""
    heard: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + DEADLINE_S
    wanted = {"huimin.voucher.expired", "huimin.settlement.made", "huimin.ledger.refunded"}
    while time.monotonic() < deadline:
        heard |= {event["id"]: event for event in hear()}
        if wanted <= {event["type"] for event in heard.values()}:
            break
    kinds = Counter(event["type"] for event in heard.values())
    assert wanted <= kinds.keys()
    assert kinds["huimin.voucher.claimed"] == 3
    assert kinds["huimin.voucher.granted"] == kinds["huimin.voucher.taken_back"] == 1
    assert kinds["huimin.ledger.redeemed"] == kinds["huimin.ledger.refunded"] == 2
    assert {event["data"]["platform_id"] for event in heard.values()} == {"meituan"}
    references = {event["data"].get("reference") for event in heard.values()}
    assert references >= refunds


def make(deployment: Deployment, bureau: Bureau, document: dict[str, Any], today: date) -> None:
    """The operator makes, the approver approves; platforms and merchants are registered."""
    made = expect(bureau.make_campaign(document), 201)
    expect(bureau.approve(document, version=made["version"], by=bureau.approver), 200)
    for name in PLATFORM_IDS:
        arn = deployment.outputs[f"PlatformRole{name.title()}"]
        expect(bureau.register_platform(name, name, arn), 201)
    expect(bureau.register_merchant(0, DINING, effective_on=today), 201)


def claim(platforms: list[Platform], people: Sequence[MadeUpPerson]) -> dict[str, list[str]]:
    """Three persons a platform; a fourth finds it sold out, a second try meets the limit."""
    vouchers: dict[str, list[str]] = {}
    for platform, claimants in zip(platforms, (people[:3], people[3:6]), strict=True):
        for number, person in enumerate(claimants):
            answer = platform.claim(person, f"claim-{number}", "r1", "50-20")
            vouchers.setdefault(platform.platform_id, []).append(expect(answer, 201)["voucher_id"])
        assert platform.claim(people[6], "late-1", "r1", "50-20").json["code"] == "SOLD_OUT"
        replay = platform.claim(claimants[0], "claim-0", "r1", "50-20")
        assert expect(replay, 200)["voucher_id"] == vouchers[platform.platform_id][0]
        assert replay.headers["idempotency-replayed"] == "true"
    again = platforms[1].claim(people[0], "again-1", "r1", "50-20")
    assert again.json["code"] in ("PERSON_LIMIT_REACHED", "SOLD_OUT")
    return vouchers


def grant(bureau: Bureau, platform: Platform, person: MadeUpPerson) -> None:
    """One person is listed, approved, and granted a voucher, which the platform then finds."""
    path = "/v1/admin/campaigns/e2e-dining/grants/elders"
    what = {
        "round_id": "r1",
        "voucher_type_id": "gift",
        "platform_id": platform.platform_id,
        "reason": "elders",
    }
    listed = {"persons": [{"identity_number": person.identity_number}]}
    expect(bureau.operator.request("PUT", path, json=what), 201)
    [row] = expect(bureau.operator.request("POST", f"{path}/persons", json=listed), 200)["persons"]
    expect(bureau.approver.request("POST", f"{path}/approve", json={"rows": 1}), 200)
    for part in range(PARTS):
        expect(bureau.operator.request("POST", f"{path}/run", json={"part": part}), 200)
        expect(bureau.operator.request("GET", f"{path}/rows?part={part}"), 200)
    progress = expect(bureau.operator.request("GET", path), 200)["progress"]
    assert progress == {"granted": 1, "refused": 0, "left": 0}
    assert expect(platform.voucher(row["voucher_id"]), 200)["state"] == "ISSUED"


def earn(platforms: list[Platform], plain: MadeUpPerson, redeemer: MadeUpPerson) -> None:
    """A plain order earns and is refunded; an order that redeemed a voucher earns and is not."""
    platform, other = platforms
    taken = purchase(platform, plain, "plain-1")
    refunds = f"/v1/earnings/{taken}/refunds"
    refund = {"refund_no": "plain-refund-1", "refund_fen": 1}
    back = expect(platform.client.request("POST", refunds, json=refund), 201)
    assert back["voucher_state"] == "VOIDED"
    kept = purchase(other, redeemer, "order-1")
    earning = expect(other.client.request("GET", f"/v1/earnings/{kept}"), 200)
    assert earning["redemption_id"].startswith("r_")
    assert earning["voucher"]["state"] == "ISSUED"


def purchase(platform: Platform, person: MadeUpPerson, order_no: str) -> str:
    """The voucher that an order of 50 yuan earns."""
    body = {
        "order_no": order_no,
        "campaign_id": "e2e-dining",
        "round_id": "r1",
        "voucher_type_id": "thanks",
        "merchant_id": f"{DINING}-0",
        "order_fen": 5_000,
        "merchant_discount_fen": 0,
        "platform_discount_fen": 0,
        "person": {"identity_number": person.identity_number},
        "real_name": True,
        "located_in": "110107",
    }
    answer = expect(platform.client.request("POST", "/v1/earnings", json=body), 201)
    return str(answer["voucher_id"])


def redeem_and_refund(platforms: list[Platform], vouchers: dict[str, list[str]]) -> None:
    """One used, one given back whole; on the first platform a quarter of the used one too."""
    for platform in platforms:
        used, restored, _ = vouchers[platform.platform_id]
        assert platform.hold(used, "order-1").json["state"] == "HELD"
        kept = expect(platform.redeem(used, "order-1", 5_000, f"{DINING}-0"), 201)
        back = expect(platform.redeem(restored, "order-2", 6_000, f"{DINING}-0"), 201)
        assert expect(platform.refund(back, "refund-2", 6_000), 201)["voucher_state"] == "ISSUED"
        if platform is platforms[0]:
            part = expect(platform.refund(kept, "refund-1", 1_250), 201)
            assert (part["voucher_fen"], part["paid_fen"]) == (500, 750)
    stranger = platforms[1].voucher(vouchers[platforms[0].platform_id][0])
    assert (stranger.status, stranger.json["code"]) == (404, "NOT_FOUND")


def end_break(bureau: Bureau, platform_id: str) -> None:
    """The operator says how the one break ends, the approver agrees, and none is left."""
    unresolved = f"/v1/admin/breaks?platform_id={platform_id}"
    [found] = expect(bureau.operator.request("GET", unresolved), 200)["breaks"]
    assert (found["state"], found["match_state"]) == ("OPEN", "LEDGER_ONLY")
    path = f"/v1/admin/breaks/{platform_id}/{found['business_on']}/{found['break_id']}/resolution"
    said = {"kind": "ACCEPT_LEDGER", "reason": "平台漏报"}
    seen = {"If-Match": f'"{found["version"]}"'}
    proposed = expect(bureau.operator.request("PUT", path, json=said, headers=seen), 200)
    seen = {"If-Match": f'"{proposed["version"]}"'}
    agreed = bureau.approver.request("POST", f"{path}/approve", headers=seen)
    assert expect(agreed, 200)["state"] == "RESOLVED"
    assert expect(bureau.operator.request("GET", unresolved), 200)["breaks"] == []


def take_at_most(deployment: Deployment, rows: int, size: int) -> None:
    """What one function takes of a day, or of a bill, is what a test can go beyond."""
    client = deployment.client("lambda")
    name = "huimin-reconcile"
    environment = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert int(environment["HUIMIN_DAY_ROWS"]) == DAY_ROWS
    environment |= {"HUIMIN_DAY_ROWS": str(rows), "HUIMIN_DAY_BYTES": str(size)}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": environment})


def require_execution(deployment: Deployment, name: str, pieces: int, maps: int) -> None:
    """An execution with a name that begins so ends well, every piece and share in its own run."""
    client = deployment.client("stepfunctions")
    [machine] = client.list_state_machines()["stateMachines"]
    deadline = time.monotonic() + DEADLINE_S
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline and not (found and found[0]["status"] != "RUNNING"):
        time.sleep(0.2)
        listed = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        found = [each for each in listed if each["name"].startswith(name)]
    [execution] = found
    ended = client.describe_execution(executionArn=execution["executionArn"])
    assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
    runs = client.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
    counts = [
        client.describe_map_run(mapRunArn=each["mapRunArn"])["executionCounts"] for each in runs
    ]
    totals = [(c["total"], c["succeeded"]) for c in counts]
    assert sorted(totals) == sorted([(pieces, pieces), *[(DAY_SEGMENTS,) * 2] * maps])


def end_day(deployment: Deployment, platforms: list[Platform], on: date) -> None:
    """Bills arrive through the bucket; one forgets its first row, and just that is a break."""
    midnight = datetime.combine(on + timedelta(days=1), datetime.min.time(), SHANGHAI)
    deployment.set_clock(midnight + timedelta(hours=1))
    large, small = platforms
    # The large bill is delivered by a link, the small one without its first row by its own role.
    large_bill, small_bill = render_bill(large.books[on]), render_bill(small.books[on][1:])
    take_at_most(deployment, len(small.books[on]), len(small_bill))
    assert len(large.books[on]) > len(small.books[on])
    assert len(large_bill) > len(small_bill)
    drop_bill(deployment, small, on, small_bill)
    hand_in_bill(deployment, large, on, large_bill)
    # Its hash, and the chunks that one function reads.
    chunks = -(-len(large_bill) // len(small_bill))
    require_execution(deployment, "bill_", 1 + chunks, maps=1)
    deployment.run_schedule("tick")
    require_execution(deployment, f"{large.platform_id}_{on:%Y%m%d}_v1_1", DAY_SEGMENTS + 2, maps=2)
    found = {}
    for platform in platforms:
        files = settled(deployment, platform.platform_id, on)
        require_verified(files)
        require_fetched(deployment, platform, on)
        found[platform.platform_id] = [
            row["match_state"]
            for name in sorted(files)
            if name.startswith("breaks")
            for row in csv.DictReader(io.StringIO(files[name].decode("utf-8-sig")))
        ]
        # One function made the small day, and eight the segments of the large one.
        details = sorted(name for name in files if name.startswith("detail"))
        assert ("detail.csv" in details) == (platform is small), details
    assert found == {"meituan": [], "unionpay": ["LEDGER_ONLY"]}
    deployment.set_clock(midnight + timedelta(hours=6))
    deployment.run_schedule("tick")
    deployment.run_schedule("report")
    report = objects(deployment, f"reports/e2e-dining/{on.isoformat()}/")
    require_verified(report)
    assert "report.html" in report
