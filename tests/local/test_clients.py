"""Real HTTP over a socket, signed by the clients that platforms use."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from functions.shared.edge.routes import ROUTES
from infra.local.client import SignedClient
from infra.local.gateway import Gateway
from infra.local.signatures import LocalKey
from tests.local.signing import KEY, KEYS, NOW, REGION, botocore_headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Earlier ones sign no header that the user gave.
OLDEST_CURL = (7, 86)
NOTE = {"note": "惠民", "amount_fen": 100}


def tell(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Answers with the event, so that a client can see what arrived."""
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(event)}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    gateway = Gateway(
        ROUTES,
        {
            "campaign": tell,
            "earn": tell,
            "files": tell,
            "finance": tell,
            "grant": tell,
            "issue": tell,
            "redeem": tell,
        },
        keys=KEYS,
        clock=lambda: datetime.now(UTC),
    )
    with gateway.serve() as url:
        yield url


def assert_note_arrived(event: Mapping[str, Any]) -> None:
    assert event["resource"] == "/v1/claims"
    assert json.loads(event["body"]) == NOTE
    assert event["requestContext"]["identity"]["userArn"] == KEY.user_arn


@pytest.mark.parametrize(
    "params", [(), [("b", "2"), ("a", "1"), ("a", "券 +/?&="), ("c", "")]], ids=["none", "some"]
)
def test_botocore_and_urllib3(base_url: str, params: list[tuple[str, str]]) -> None:
    body = json.dumps(NOTE, ensure_ascii=False).encode()
    url, headers = botocore_headers(
        "POST",
        f"{base_url}/v1/claims",
        params=params,
        body=body,
        headers={"Content-Type": "application/json", "X-Note": "two  words"},
        token="session-token",
    )
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("POST", url, body=body, headers=dict(headers))
        event = answer.json()
    assert answer.status == 200
    assert_note_arrived(event)
    expected: dict[str, list[str]] = {}
    for name, value in params:
        expected.setdefault(name, []).append(value)
    assert event["multiValueQueryStringParameters"] == (expected or None)


class Sigv4(requests.auth.AuthBase):
    """The few lines that sign a prepared request of `requests` with botocore."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request, signed."""
        signed = AWSRequest(request.method, request.url, data=request.body)
        signer = SigV4Auth(Credentials(KEY.access_key, KEY.secret_key), "execute-api", REGION)
        signer.add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", "/v1/campaigns", None),
        ("GET", "/v1/campaigns", {"name": ["券 a", "b+c"], "limit": "1"}),
        ("GET", "/v1/vouchers/券 a", None),
        ("POST", "/v1/claims", None),
    ],
)
def test_requests(base_url: str, method: str, path: str, params: dict[str, Any] | None) -> None:
    with requests.Session() as session:
        answer = session.request(
            method,
            base_url + path,
            params=params,
            data=json.dumps(NOTE) if method == "POST" else None,
            auth=Sigv4(),
            timeout=10,
        )
        again = session.request("GET", f"{base_url}/v1/campaigns", auth=Sigv4(), timeout=10)
    assert (answer.status_code, again.status_code) == (200, 200)
    event = answer.json()
    if params:
        assert event["multiValueQueryStringParameters"] == {"name": ["券 a", "b+c"], "limit": ["1"]}
    if "voucher" in path:
        assert event["pathParameters"] == {"voucher_id": "券 a"}


def curl() -> str:
    """The path of curl; skips, saying why, where it is missing or too old."""
    path = shutil.which("curl")
    if path is None:
        pytest.skip("curl is not installed, so --aws-sigv4 was not tried")
    said = subprocess.run([path, "--version"], capture_output=True, check=True, text=True).stdout  # noqa: S603 - curl, found above
    version = re.match(r"curl (\d+)\.(\d+)", said)
    assert version is not None
    if (int(version[1]), int(version[2])) < OLDEST_CURL:
        pytest.skip(f"{version[0]} is too old for --aws-sigv4 as README.md shows it")
    return path


def curled(url: str, *options: str, user: str | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a call that curl signs."""
    done = subprocess.run(  # noqa: S603 - curl, with the test's own arguments
        [
            curl(),
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "20",
            "--aws-sigv4",
            f"aws:amz:{REGION}:execute-api",
            "--user",
            user or f"{KEY.access_key}:{KEY.secret_key}",
            "--write-out",
            "\n%{http_code}",
            *options,
            url,
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/v1/claims", ("--data", json.dumps(NOTE), "--header", "Content-Type: application/json")),
        ("/v1/claims", ("--data-binary", json.dumps(NOTE, ensure_ascii=False))),
        ("/v1/claims", ("--json", json.dumps(NOTE), "--header", "X-Note: two words")),
        ("/v1/claims", ("--data", json.dumps(NOTE), "--header", "Expect: 100-continue")),
        ("/v1/claims?a=1&b=%E5%88%B8%20x", ("--data", json.dumps(NOTE))),
        (
            "/v1/claims",
            ("--data", json.dumps(NOTE), "--header", "x-amz-security-token: session-token"),
        ),
    ],
)
def test_curl_posts(base_url: str, path: str, options: tuple[str, ...]) -> None:
    status, event = curled(base_url + path, *options)
    assert status == 200, event
    assert_note_arrived(event)


def test_curl_gets(base_url: str) -> None:
    status, event = curled(f"{base_url}/v1/vouchers/v-1_2.~")
    assert status == 200, event
    assert event["pathParameters"] == {"voucher_id": "v-1_2.~"}
    assert event["body"] is None


def test_curl_with_a_wrong_secret_is_refused(base_url: str) -> None:
    status, problem = curled(f"{base_url}/v1/campaigns", user=f"{KEY.access_key}:wrong")
    assert (status, problem["code"]) == (403, "SIGNATURE_INVALID")


def test_the_signed_client(base_url: str) -> None:
    with SignedClient(base_url, KEY, lambda: datetime.now(UTC), region=REGION) as client:
        answer = client.request("POST", "/v1/claims?b=券&a=1 2", json=NOTE, headers={"X-A": "b"})
        assert answer.status == 200
        assert_note_arrived(answer.json)
        assert answer.json["queryStringParameters"] == {"a": "1 2", "b": "券"}
        assert answer.json["headers"]["Content-Type"] == "application/json"
        assert answer.json["headers"]["X-A"] == "b"
        assert answer.headers["x-amzn-requestid"] == answer.json["requestContext"]["requestId"]
        got = client.request("GET", "/v1/vouchers/券 1")
        assert got.json["pathParameters"] == {"voucher_id": "券 1"}
        assert got.json["body"] is None


def test_the_signed_client_keeps_its_connections(base_url: str) -> None:
    with SignedClient(base_url, KEY, lambda: datetime.now(UTC)) as client:
        for _ in range(3):
            client.request("GET", "/v1/campaigns")
        (pool,) = [client._pool.pools[key] for key in client._pool.pools.keys()]  # noqa: SIM118 - its container iterates by keys() only
        assert (pool.num_requests, pool.num_connections) == (3, 1)


def test_the_signed_client_serves_many_threads(base_url: str) -> None:
    with (
        SignedClient(base_url, KEY, lambda: datetime.now(UTC)) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        answers = threads.map(
            lambda number: client.request("GET", f"/v1/campaigns/c-{number}"), range(40)
        )
        found = [answer.json["pathParameters"]["campaign_id"] for answer in answers]
    assert found == [f"c-{number}" for number in range(40)]


def test_the_signed_client_signs_on_its_own_clock() -> None:
    gateway = Gateway(
        ROUTES,
        {
            "campaign": tell,
            "earn": tell,
            "files": tell,
            "finance": tell,
            "grant": tell,
            "issue": tell,
            "redeem": tell,
        },
        keys=KEYS,
        clock=lambda: NOW,
    )
    with gateway.serve() as url:
        with SignedClient(url, KEY, lambda: NOW) as client:
            assert client.request("GET", "/v1/campaigns").status == 200
        with SignedClient(url, KEY, lambda: datetime.now(UTC)) as client:
            refused = client.request("GET", "/v1/campaigns")
    assert (refused.status, refused.json["code"]) == (403, "SIGNATURE_EXPIRED")


def test_the_signed_client_hears_refusals(base_url: str) -> None:
    stranger = LocalKey("AKIDNOBODY", "x", KEY.user_arn)
    with SignedClient(base_url, stranger, lambda: datetime.now(UTC)) as client:
        refused = client.request("GET", "/v1/campaigns")
    assert (refused.status, refused.json["code"]) == (403, "KEY_UNKNOWN")
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_body_of_eleven_megabytes_is_refused_in_words(base_url: str) -> None:
    with SignedClient(base_url, KEY, lambda: datetime.now(UTC)) as client:
        refused = client.request("POST", "/v1/claims", json="x" * (11 * 1024 * 1024))
        assert (refused.status, refused.json["code"]) == (413, "BODY_TOO_LARGE")
        assert client.request("GET", "/v1/campaigns").status == 200
