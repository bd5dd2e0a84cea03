"""A handler gets what API Gateway would send it; a caller gets what API Gateway would answer."""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
import uuid
from contextlib import contextmanager
from datetime import timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import Client

from functions.shared.domain.errors import Code
from functions.shared.edge.routes import ROUTES, Role, Route
from infra.local.gateway import METHODS, Gateway, LambdaContext
from infra.local.http_server import RAW_HEADERS
from infra.local.signatures import LocalKey, sign_request
from infra.rest_api import REQUEST_ID, functions_by_path, gateway_problem
from tests.local.signing import BASE_URL, HOST, KEY, KEYS, NOW, OTHER_KEY, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.test import TestResponse

FUNCTIONS = ("campaign", "earn", "files", "finance", "grant", "issue", "redeem")
OK = {"statusCode": 200, "body": "{}"}


class Recorder:
    """Handlers that keep what they are called with, and answer what they are told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], LambdaContext]] = []
        self.answer: object = OK

    def handlers(self) -> dict[str, Callable[[dict[str, Any], object], object]]:
        """One for each function."""
        return {name: self._handler(name) for name in FUNCTIONS}

    def _handler(self, name: str) -> Callable[[dict[str, Any], object], object]:
        def handle(event: dict[str, Any], context: object) -> object:
            assert isinstance(context, LambdaContext)
            self.calls.append((name, event, context))
            return self.answer() if callable(self.answer) else self.answer

        return handle

    @property
    def function(self) -> str:
        """Which was called last."""
        return self.calls[-1][0]

    @property
    def event(self) -> dict[str, Any]:
        """What it was called with."""
        return self.calls[-1][1]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def make_gateway(recorder: Recorder, **options: Any) -> Gateway:  # noqa: ANN401 - the gateway's own
    return Gateway(ROUTES, recorder.handlers(), keys=KEYS, clock=lambda: NOW, **options)


@pytest.fixture
def gateway(recorder: Recorder) -> Gateway:
    return make_gateway(recorder)


def call(
    gateway: Gateway,
    method: str,
    target: str,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    key: LocalKey = KEY,
    environ: dict[str, Any] | None = None,
) -> TestResponse:
    """A signed call without a socket."""
    sent = sign_request(
        method=method,
        url=BASE_URL + target,
        headers=headers or {},
        body=body,
        key=key,
        region=REGION,
        at=NOW,
    )
    return Client(gateway.wsgi).open(
        target,
        method=method,
        base_url=BASE_URL,
        data=body,
        headers=Headers(list(sent.items())),
        environ_overrides={"REQUEST_URI": target, "REMOTE_ADDR": "203.0.113.9", **(environ or {})},
    )


def raw_headers(headers: dict[str, str]) -> list[tuple[str, str]]:
    """The headers of a signed look at the campaigns, as the local server would hand them on."""
    signed = sign_request(
        method="GET",
        url=f"{BASE_URL}/v1/campaigns",
        headers=headers,
        body=b"",
        key=KEY,
        region=REGION,
        at=NOW,
    )
    return list(signed.items())


# The way in


def test_a_claim_becomes_the_event_that_a_rest_api_sends(
    gateway: Gateway, recorder: Recorder
) -> None:
    body = json.dumps({"request_no": "1", "note": "惠民"}, ensure_ascii=False).encode()
    answer = call(
        gateway,
        "POST",
        "/v1/claims",
        body=body,
        headers={"Content-Type": "application/json", "User-Agent": "till/1.0"},
    )
    assert answer.status_code == 200
    assert recorder.function == "issue"
    event = recorder.event
    request_id = answer.headers["x-amzn-RequestId"]
    assert uuid.UUID(request_id).version == 4
    assert event.keys() == {
        "resource",
        "path",
        "httpMethod",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "requestContext",
        "body",
        "isBase64Encoded",
    }
    assert event["resource"] == event["path"] == "/v1/claims"
    assert event["httpMethod"] == "POST"
    assert event["body"] == body.decode()
    assert event["isBase64Encoded"] is False
    for name in (
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
    ):
        assert event[name] is None
    context = event["requestContext"]
    assert context | {"identity": None} == {
        "resourceId": context["resourceId"],
        "resourcePath": "/v1/claims",
        "httpMethod": "POST",
        "extendedRequestId": answer.headers["x-amz-apigw-id"],
        "requestTime": "01/Jun/2026:02:00:00 +0000",
        "path": "/live/v1/claims",
        "accountId": "123456789012",
        "protocol": "HTTP/1.1",
        "stage": "live",
        "domainPrefix": "127",
        "requestTimeEpoch": 1_780_279_200_000,
        "requestId": request_id,
        "identity": None,
        "domainName": HOST,
        "deploymentId": context["deploymentId"],
        "apiId": "local",
    }
    identity = context["identity"]
    assert re.fullmatch(r"AROA[A-Z2-7]{17}:till-7", identity["caller"])
    assert identity == {
        "cognitoIdentityPoolId": None,
        "accountId": "123456789012",
        "cognitoIdentityId": None,
        "caller": identity["caller"],
        "sourceIp": "203.0.113.9",
        "principalOrgId": None,
        "accessKey": KEY.access_key,
        "cognitoAuthenticationType": None,
        "cognitoAuthenticationProvider": None,
        "userArn": KEY.user_arn,
        "userAgent": "till/1.0",
        "user": identity["caller"],
    }


def test_a_user_without_a_role_has_a_users_id(gateway: Gateway, recorder: Recorder) -> None:
    call(gateway, "GET", "/v1/campaigns", key=OTHER_KEY)
    identity = recorder.event["requestContext"]["identity"]
    assert re.fullmatch(r"AIDA[A-Z2-7]{17}", identity["caller"])
    assert identity["userArn"] == OTHER_KEY.user_arn


def test_headers_come_in_both_forms_and_without_the_gateways_own(
    gateway: Gateway, recorder: Recorder
) -> None:
    sent = {
        "Accept-Language": "en",
        "Content-Type": "application/json",
        "X-Note": "one,two",
        "Expect": "nothing",
        "TE": "trailers",
        "X-Forwarded-For": "198.51.100.1",
    }
    call(gateway, "POST", "/v1/claims", body=b"{}", headers=sent)
    headers, multi = recorder.event["headers"], recorder.event["multiValueHeaders"]
    assert headers == {name: values[-1] for name, values in multi.items()}
    assert headers["Accept-Language"] == "en"
    assert headers["Host"] == HOST
    assert headers["X-Amz-Date"] == "20260601T020000Z"
    assert headers["X-Forwarded-For"] == "198.51.100.1, 203.0.113.9"
    assert headers["X-Forwarded-Port"] == "8080"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["X-Amzn-Trace-Id"])
    kept_back = {"authorization", "content-length", "expect", "te", "connection"}
    assert not kept_back & {name.lower() for name in headers}


def test_what_a_caller_says_of_its_way_here_is_not_doubled(
    gateway: Gateway, recorder: Recorder
) -> None:
    sent = {"x-amzn-trace-id": "Root=1-5e1b4151-theirs", "x-forwarded-proto": "gopher"}
    call(gateway, "GET", "/v1/campaigns", environ={RAW_HEADERS: raw_headers(sent)})
    multi = recorder.event["multiValueHeaders"]
    assert multi["x-amzn-trace-id"] == ["Root=1-5e1b4151-theirs"]
    assert multi["x-forwarded-proto"] == ["http"]
    assert not {"X-Amzn-Trace-Id", "X-Forwarded-Proto"} & multi.keys()


def test_repeated_headers_keep_their_spelling_and_order(
    gateway: Gateway, recorder: Recorder
) -> None:
    raw = [pair for pair in raw_headers({"x-note": "a,b"}) if pair[0] != "x-note"]
    raw += [("x-NOTE", "a"), ("X-Note", "b")]
    call(gateway, "GET", "/v1/campaigns", environ={RAW_HEADERS: raw})
    assert recorder.event["multiValueHeaders"]["x-NOTE"] == ["a", "b"]
    assert recorder.event["headers"]["x-NOTE"] == "b"
    assert "X-Note" not in recorder.event["headers"]


@pytest.mark.parametrize(
    ("query", "single", "multi"),
    [
        ("", None, None),
        ("a=1", {"a": "1"}, {"a": ["1"]}),
        ("a=1&a=2&b=", {"a": "2", "b": ""}, {"a": ["1", "2"], "b": [""]}),
        ("a", {"a": ""}, {"a": [""]}),
        ("a=b=c", {"a": "b=c"}, {"a": ["b=c"]}),
        ("a%20b=c+d%2B%E5%88%B8", {"a b": "c d+券"}, {"a b": ["c d+券"]}),
        ("a=%FF%", {"a": "\ufffd%"}, {"a": ["\ufffd%"]}),
        ("a=1;b=2", {"a": "1", "b": "2"}, {"a": ["1"], "b": ["2"]}),
        ("&a=1&&", {"a": "1"}, {"a": ["1"]}),
    ],
)
def test_queries_come_decoded_in_both_forms(
    gateway: Gateway,
    recorder: Recorder,
    query: str,
    single: dict[str, str] | None,
    multi: dict[str, list[str]] | None,
) -> None:
    assert call(gateway, "GET", f"/v1/campaigns?{query}").status_code == 200
    assert recorder.event["queryStringParameters"] == single
    assert recorder.event["multiValueQueryStringParameters"] == multi
    assert recorder.event["path"] == "/v1/campaigns"


@pytest.mark.parametrize(
    ("method", "path", "function", "resource", "parameters"),
    [
        ("GET", "/v1/campaigns", "campaign", "/v1/campaigns", None),
        ("GET", "/v1/campaigns/", "campaign", "/v1/campaigns", None),
        ("GET", "/v1/vouchers/v-1", "redeem", "/v1/vouchers/{voucher_id}", {"voucher_id": "v-1"}),
        # A fixed segment goes before a parameter, whatever the method.
        ("POST", "/v1/vouchers/search", "redeem", "/v1/vouchers/search", None),
        ("GET", "/v1/vouchers/search", "redeem", "/v1/vouchers/search", None),
        (
            "POST",
            "/v1/vouchers/search/hold",
            "redeem",
            "/v1/vouchers/{voucher_id}/hold",
            {"voucher_id": "search"},
        ),
        (
            "GET",
            "/v1/vouchers/a%2Fb%20%E5%88%B8+%25",
            "redeem",
            "/v1/vouchers/{voucher_id}",
            {"voucher_id": "a/b 券+%"},
        ),
        ("DELETE", "/v1/claims", "issue", "/v1/claims", None),
        ("HEAD", "/v1/claims", "issue", "/v1/claims", None),
        ("GET", "/v1", "campaign", "/v1", None),
        ("GET", "/", "campaign", "/", None),
        ("GET", "/v1/vouchers", "campaign", "/v1/vouchers", None),
        ("GET", "/v1/nothing", "campaign", "/{proxy+}", {"proxy": "v1/nothing"}),
        ("GET", "/V1/claims", "campaign", "/{proxy+}", {"proxy": "V1/claims"}),
        ("GET", "/v1/%63laims", "campaign", "/{proxy+}", {"proxy": "v1/claims"}),
        ("GET", "/v1/claims/a/b", "campaign", "/{proxy+}", {"proxy": "v1/claims/a/b"}),
    ],
)
def test_a_path_finds_its_resource(
    gateway: Gateway,
    recorder: Recorder,
    method: str,
    path: str,
    function: str,
    resource: str,
    parameters: dict[str, str] | None,
) -> None:
    assert call(gateway, method, path).status_code == 200
    event = recorder.event
    assert (recorder.function, event["resource"]) == (function, resource)
    assert event["requestContext"]["resourcePath"] == resource
    assert event["pathParameters"] == parameters
    assert event["path"] == path
    assert event["requestContext"]["path"] == f"/live{path}"
    assert event["httpMethod"] == method


@pytest.mark.parametrize("path", sorted(functions_by_path()))
def test_every_method_of_every_deployed_path_reaches_its_function(
    gateway: Gateway, recorder: Recorder, path: str
) -> None:
    concrete = path.replace("{proxy+}", "no/such/path").replace("{", "").replace("}", "-1")
    for method in sorted(METHODS):
        call(gateway, method, concrete)
        assert (recorder.function, recorder.event["resource"]) == (functions_by_path()[path], path)
        assert recorder.event["httpMethod"] == method


def test_a_method_that_no_resource_has_is_refused_as_unsigned(
    gateway: Gateway, recorder: Recorder
) -> None:
    answer = call(gateway, "TRACE", "/v1/claims")
    assert answer.status_code == 403
    assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("content_type", "body", "text", "is_base64"),
    [
        ("application/json", b"", None, False),
        ("application/json", "券".encode(), "券", False),
        ("application/json", b"\xef\xbb\xbf{}", "\ufeff{}", False),
        ("application/json", b'"\xff\xc0"', '"\ufffd\ufffd"', False),
        ("application/json", b'"\xed\xa0\x80"', '"\ufffd\ufffd\ufffd"', False),
        ("application/octet-stream", b"\x00\xff", base64.b64encode(b"\x00\xff").decode(), True),
        ("application/octet-stream; v=1", b"a", "YQ==", True),
        ("application/octet-stream", b"", None, False),
    ],
)
def test_bodies_are_text_unless_their_type_is_binary(
    recorder: Recorder, content_type: str, body: bytes, text: str | None, *, is_base64: bool
) -> None:
    gateway = make_gateway(recorder, binary_media_types=("application/octet-stream",))
    call(gateway, "POST", "/v1/claims", body=body, headers={"Content-Type": content_type})
    assert (recorder.event["body"], recorder.event["isBase64Encoded"]) == (text, is_base64)


def test_the_deployed_api_takes_every_body_for_text(gateway: Gateway, recorder: Recorder) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    call(gateway, "POST", "/v1/claims", body=b"\x00\xff", headers=headers)
    assert (recorder.event["body"], recorder.event["isBase64Encoded"]) == ("\x00\ufffd", False)


def test_the_context_is_lambdas(gateway: Gateway, recorder: Recorder) -> None:
    call(gateway, "POST", "/v1/claims", body=b"{}")
    call(gateway, "POST", "/v1/claims", body=b"{}")
    first, second = (context for _, _, context in recorder.calls)
    assert first.function_name == "huimin-issue"
    assert first.invoked_function_arn == (
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:huimin-issue"
    )
    assert first.log_group_name == "/aws/lambda/huimin-issue"
    assert first.memory_limit_in_mb == 1024
    assert first.aws_request_id != second.aws_request_id
    assert 0 < first.get_remaining_time_in_millis() <= 20_000


def test_the_time_left_ends_at_nothing() -> None:
    with patch("infra.local.gateway.time.monotonic", return_value=100.0):
        context = LambdaContext.for_function("issue")
        assert context.get_remaining_time_in_millis() == 20_000
    with patch("infra.local.gateway.time.monotonic", return_value=1_000.0):
        assert context.get_remaining_time_in_millis() == 0


def test_times_are_told_in_utc_whatever_the_clocks_zone(recorder: Recorder) -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    gateway = Gateway(ROUTES, recorder.handlers(), keys=KEYS, clock=lambda: shanghai)
    assert call(gateway, "GET", "/v1/campaigns").status_code == 200
    context = recorder.event["requestContext"]
    assert context["requestTime"] == "01/Jun/2026:02:00:00 +0000"
    assert context["requestTimeEpoch"] == 1_780_279_200_000


def test_an_address_as_proxies_write_it_is_its_path_and_query(
    gateway: Gateway, recorder: Recorder
) -> None:
    target = "/v1/campaigns?a=1"
    call(gateway, "GET", target, environ={"REQUEST_URI": f"http://elsewhere{target}"})
    assert recorder.event["path"] == "/v1/campaigns"
    assert recorder.event["queryStringParameters"] == {"a": "1"}


def test_a_handler_may_change_its_event(gateway: Gateway, recorder: Recorder) -> None:
    def spoil() -> object:
        recorder.event.clear()
        return OK

    recorder.answer = spoil
    assert call(gateway, "GET", "/v1/campaigns").status_code == 200
    assert call(gateway, "GET", "/v1/campaigns").status_code == 200


def test_the_lock_is_held_while_a_handler_runs(recorder: Recorder) -> None:
    lock = threading.Lock()
    gateway = make_gateway(recorder, lock=lock)
    seen: list[bool] = []

    def look() -> object:
        seen.append(lock.locked())
        return OK

    recorder.answer = look
    call(gateway, "GET", "/v1/campaigns")
    assert seen == [True]
    assert not lock.locked()


def test_a_function_without_a_handler_is_found_out_at_once(recorder: Recorder) -> None:
    handlers = recorder.handlers()
    del handlers["redeem"]
    with pytest.raises(ValueError, match="redeem"):
        Gateway(ROUTES, handlers, keys=KEYS, clock=lambda: NOW)


def test_a_path_of_two_functions_is_found_out_at_once(recorder: Recorder) -> None:
    routes = [
        Route("one", "GET", "/v1/x", "issue", frozenset({Role.PLATFORM})),
        Route("two", "POST", "/v1/x", "redeem", frozenset({Role.PLATFORM})),
    ]
    with pytest.raises(ValueError, match="two functions"):
        Gateway(routes, recorder.handlers(), keys=KEYS, clock=lambda: NOW)


# The way back


def test_an_answer_goes_out_as_it_is(gateway: Gateway, recorder: Recorder) -> None:
    recorder.answer = {
        "statusCode": 201,
        "headers": {"Content-Type": "application/json", "Idempotency-Replayed": "true"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
        "body": '{"name":"惠民"}',
        "isBase64Encoded": False,
    }
    answer = call(gateway, "POST", "/v1/claims", body=b"{}")
    assert answer.status_code == 201
    assert answer.data == '{"name":"惠民"}'.encode()
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers["x-amzn-RequestId"]
    assert answer.headers["x-amz-apigw-id"]
    assert "x-amzn-ErrorType" not in answer.headers


def test_values_of_both_header_forms_are_merged(gateway: Gateway, recorder: Recorder) -> None:
    recorder.answer = {
        "headers": {"X-A": "1", "x-b": "2", "X-Flag": True},
        "multiValueHeaders": {"x-a": ["1", "3"], "X-B": ["4"]},
    }
    answer = call(gateway, "GET", "/v1/campaigns")
    assert answer.headers.getlist("X-A") == ["1", "3"]
    assert answer.headers.getlist("X-B") == ["4", "2"]
    assert answer.headers["X-Flag"] == "true"
    assert answer.status_code == 200
    assert answer.data == b""
    assert answer.headers["Content-Type"] == "application/json"


def test_headers_that_are_the_gateways_are_remapped(gateway: Gateway, recorder: Recorder) -> None:
    recorder.answer = OK | {
        "headers": {
            "Server": "mine",
            "date": "then",
            "Connection": "close",
            "Content-Length": "9",
            "Transfer-Encoding": "chunked",
        }
    }
    answer = call(gateway, "GET", "/v1/campaigns")
    assert answer.headers["x-amzn-Remapped-Server"] == "mine"
    assert answer.headers["x-amzn-Remapped-date"] == "then"
    assert answer.headers["x-amzn-Remapped-Connection"] == "close"
    assert answer.headers["x-amzn-Remapped-Content-Length"] == "9"
    assert "Transfer-Encoding" not in answer.headers
    assert answer.data == b"{}"


@pytest.mark.parametrize("status", [204, "404", 599])
def test_a_status_may_be_a_number_or_its_digits(
    gateway: Gateway, recorder: Recorder, status: int | str
) -> None:
    recorder.answer = {"statusCode": status}
    assert call(gateway, "GET", "/v1/campaigns").status_code == int(status)


@pytest.mark.parametrize(
    ("types", "accept", "data"),
    [
        (("image/png",), "image/png, */*", b"\x00\xff"),
        (("*/*",), "application/json", b"\x00\xff"),
        (("image/png",), "application/json, image/png", b"AP8="),
        ((), "image/png", b"AP8="),
    ],
)
def test_base64_is_decoded_where_the_caller_wants_a_binary_type(
    recorder: Recorder, types: tuple[str, ...], accept: str, data: bytes
) -> None:
    gateway = make_gateway(recorder, binary_media_types=types)
    recorder.answer = {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}
    answer = call(gateway, "GET", "/v1/campaigns", headers={"Accept": accept})
    assert answer.data == data


def endless() -> object:
    answer: dict[str, Any] = {}
    answer["headers"] = answer
    return answer


def failing() -> object:
    raise RuntimeError("not even this handler's fault")


@pytest.mark.parametrize(
    "malformed",
    [
        pytest.param(None, id="nothing"),
        pytest.param("ok", id="a text"),
        pytest.param([OK], id="a list"),
        pytest.param(OK | {"status": 200}, id="a part too many"),
        pytest.param(OK | {"statusCode": "fine"}, id="a status of letters"),
        pytest.param(OK | {"statusCode": 99}, id="a status too small"),
        pytest.param(OK | {"statusCode": 200.5}, id="half a status"),
        pytest.param(OK | {"statusCode": True}, id="a status that is true"),
        pytest.param(OK | {"body": {}}, id="a body that is no text"),
        pytest.param(OK | {"body": 1}, id="a body that is a number"),
        pytest.param(OK | {"body": "\ud800"}, id="a lone surrogate"),
        pytest.param(OK | {"body": "x" * (6 * 1024 * 1024)}, id="more than Lambda gives"),
        pytest.param(OK | {"headers": ["a"]}, id="headers that are a list"),
        pytest.param(OK | {"headers": {"X": 1}}, id="a header that is a number"),
        pytest.param(OK | {"headers": {"X": "a\r\nSet-Cookie: b"}}, id="two headers in one"),
        pytest.param(OK | {"headers": {"X": "惠民"}}, id="a header that HTTP cannot send"),
        pytest.param(OK | {"headers": {"X Y": "1"}}, id="a header's name of two words"),
        pytest.param(OK | {"multiValueHeaders": {"X": "1"}}, id="no list of values"),
        pytest.param({"statusCode": Decimal(200)}, id="no JSON"),
        pytest.param(OK | {"headers": {"X": float("nan")}}, id="no number"),
        pytest.param({1, 2}, id="a set"),
        pytest.param(endless, id="an answer within itself"),
        pytest.param(failing, id="an exception"),
    ],
)
def test_a_malformed_answer_is_the_gateways_error(
    gateway: Gateway, recorder: Recorder, caplog: pytest.LogCaptureFixture, malformed: object
) -> None:
    recorder.answer = malformed
    with caplog.at_level(logging.ERROR):
        answer = call(gateway, "GET", "/v1/campaigns")
    assert_problem(answer, Code.INTERNAL, "InternalServerErrorException")
    assert "campaign" in caplog.text
    if malformed is failing:
        assert "not even this handler's fault" in caplog.text


def test_base64_that_is_none_is_the_gateways_error(recorder: Recorder) -> None:
    gateway = make_gateway(recorder, binary_media_types=("*/*",))
    recorder.answer = {"body": "no base64!", "isBase64Encoded": True}
    answer = call(gateway, "GET", "/v1/campaigns")
    assert_problem(answer, Code.INTERNAL, "InternalServerErrorException")


def test_the_death_of_a_process_is_no_answer(gateway: Gateway, recorder: Recorder) -> None:
    class Killed(BaseException):
        """As fault tests raise it."""

    def die() -> object:
        raise Killed

    recorder.answer = die
    with pytest.raises(Killed):
        call(gateway, "GET", "/v1/campaigns")


# What the gateway answers by itself


def assert_problem(answer: TestResponse, code: Code, error_type: str) -> None:
    """The answer is what the deployed gateway is set to answer for the code."""
    problem = gateway_problem(code)
    request_id = answer.headers["x-amzn-RequestId"]
    assert answer.status_code == problem.status
    assert json.loads(answer.data) == json.loads(problem.template.replace(REQUEST_ID, request_id))
    assert json.loads(answer.data)["code"] == code
    assert json.loads(answer.data)["request_id"] == request_id
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["x-amzn-ErrorType"] == error_type
    for name, value in problem.headers.items():
        assert answer.headers.getlist(name) == [value]


@contextmanager
def nothing_called(recorder: Recorder) -> Iterator[None]:
    before = len(recorder.calls)
    yield
    assert len(recorder.calls) == before


def test_an_unsigned_call_is_refused_whatever_it_asks_for(
    gateway: Gateway, recorder: Recorder
) -> None:
    client = Client(gateway.wsgi)
    with nothing_called(recorder):
        for path in ("/v1/claims", "/v1/vouchers/x", "/no/such/path", "/"):
            for method in ("GET", "POST"):
                answer = client.open(path, method=method, base_url=BASE_URL)
                assert_problem(answer, Code.NOT_SIGNED, "MissingAuthenticationTokenException")


@pytest.mark.parametrize(
    ("key", "changed", "code", "error_type"),
    [
        (
            LocalKey("AKIDNOBODY", "x", KEY.user_arn),
            {},
            Code.KEY_UNKNOWN,
            "UnrecognizedClientException",
        ),
        (
            LocalKey(KEY.access_key, "wrong", KEY.user_arn),
            {},
            Code.SIGNATURE_INVALID,
            "InvalidSignatureException",
        ),
        (KEY, {"path": "/v1/redemptions"}, Code.SIGNATURE_INVALID, "InvalidSignatureException"),
        (KEY, {"data": b"[]"}, Code.SIGNATURE_INVALID, "InvalidSignatureException"),
        (KEY, {"method": "PUT"}, Code.SIGNATURE_INVALID, "InvalidSignatureException"),
        (KEY, {"at": 301}, Code.SIGNATURE_EXPIRED, "InvalidSignatureException"),
    ],
)
def test_a_wrong_signature_is_refused_and_reaches_nobody(
    gateway: Gateway,
    recorder: Recorder,
    key: LocalKey,
    changed: dict[str, Any],
    code: Code,
    error_type: str,
) -> None:
    late = Gateway(
        ROUTES,
        recorder.handlers(),
        keys=KEYS,
        clock=lambda: NOW.fromtimestamp(NOW.timestamp() + changed.pop("at"), NOW.tzinfo),
    )
    asked = late if "at" in changed else gateway
    headers = sign_request(
        method="POST",
        url=f"{BASE_URL}/v1/claims",
        headers={},
        body=b"{}",
        key=key,
        region=REGION,
        at=NOW,
    )
    sent = {"method": "POST", "path": "/v1/claims", "data": b"{}"} | changed
    sent.pop("at", None)
    with nothing_called(recorder):
        answer = Client(asked.wsgi).open(base_url=BASE_URL, headers=headers, **sent)
    assert_problem(answer, code, error_type)


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(
    gateway: Gateway, recorder: Recorder
) -> None:
    with nothing_called(recorder):
        answer = call(gateway, "POST", "/v1/claims", body=b"x" * (10 * 1024 * 1024 + 1))
    assert_problem(answer, Code.BODY_TOO_LARGE, "RequestEntityTooLargeException")


def test_an_event_of_more_than_lambda_takes_is_refused(
    gateway: Gateway, recorder: Recorder
) -> None:
    with nothing_called(recorder):
        answer = call(gateway, "POST", "/v1/claims", body=b"x" * (6 * 1024 * 1024))
    assert_problem(answer, Code.BODY_TOO_LARGE, "RequestEntityTooLargeException")
    assert call(gateway, "POST", "/v1/claims", body=b"x" * (5 * 1024 * 1024)).status_code == 200


def test_a_body_that_ends_early_is_a_bad_request(gateway: Gateway, recorder: Recorder) -> None:
    with nothing_called(recorder):
        answer = call(gateway, "POST", "/v1/claims", body=b"{}", environ={"CONTENT_LENGTH": "500"})
    assert (answer.status_code, answer.json) == (400, {"message": "Bad Request"})


def test_a_page_of_the_stack_needs_no_signature(gateway: Gateway, recorder: Recorder) -> None:
    gateway.add_page("/", "text/html; charset=utf-8", lambda: b"<p>hello")
    with nothing_called(recorder):
        answer = Client(gateway.wsgi).get("/", base_url=BASE_URL)
    assert (answer.status_code, answer.data) == (200, b"<p>hello")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert Client(gateway.wsgi).post("/", base_url=BASE_URL).status_code == 403
