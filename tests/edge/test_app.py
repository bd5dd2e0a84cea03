"""What reaches an operation, what comes back, and what an App refuses to be made of."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.fields import PATH_PATTERNS
from functions.shared.edge.languages import Language
from functions.shared.edge.problem_table import PROBLEMS
from functions.shared.edge.routes import ROUTES, Role, Route
from functions.shared.edge.settings import Settings
from tests.edge.sample import (
    ACCOUNT,
    NOW,
    OPERATOR_ARN,
    PERSON,
    VOUCHER_ID,
    ClaimBody,
    ListQuery,
    PlatformBody,
    Sample,
    claim,
    event,
    find_platform,
    problem,
)
from tests.edge.sample import ROUTES as SAMPLE_ROUTES

VOUCHER = {"resource": "/v1/vouchers/{voucher_id}", "ids": {"voucher_id": VOUCHER_ID}}


def put(**headers: str) -> dict[str, Any]:
    return event(
        "PUT",
        "/v1/admin/platforms/unionpay",
        resource="/v1/admin/platforms/{platform_id}",
        ids={"platform_id": "unionpay"},
        body={"name": "银联"},
        headers=headers,
        caller=OPERATOR_ARN,
    )


def test_good_request_reaches_its_operation_with_all_that_the_edge_knows(sample: Sample) -> None:
    """One claim, one call, with body, caller, time, language and id in hand."""
    sent = event(body=claim(), headers={"Accept-Language": "en-GB"})
    response = sample.app.handle(sent, None)
    assert response["statusCode"] == 201
    [request] = sample.reached
    assert request.body.person.identity_number == PERSON
    assert request.document == claim()
    assert request.caller.role is Role.PLATFORM
    assert request.platform_id == "unionpay"
    assert request.caller.person == "till"
    assert request.caller.arn == f"{ACCOUNT}:role/huimin-platform-unionpay"
    assert request.now == NOW
    assert request.language is Language.EN
    assert request.request_id == "req-1"


def test_answer_is_compact_json_that_nobody_caches(sample: Sample) -> None:
    response = sample.app.handle(event(body=claim()), None)
    assert response["headers"] == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
    }
    assert response["isBase64Encoded"] is False
    assert response["body"] == (
        f'{{"voucher_id":"{VOUCHER_ID}","valid_until":"2026-01-03T02:00:00.000Z","name":"餐饮券"}}'
    )


def test_plain_answer_is_written_the_same_way(sample: Sample) -> None:
    response = sample.app.handle(event("GET", "/v1/campaigns?limit=5"), None)
    assert response["body"] == '{"limit":5,"at":"2026-01-03T02:00:00.000Z","names":["餐"]}'


@pytest.mark.parametrize("as_base64", [False, True])
def test_body_is_read_plain_or_base64(sample: Sample, *, as_base64: bool) -> None:
    sent = event(body=claim(), as_base64=as_base64)
    assert sample.app.handle(sent, None)["statusCode"] == 201


def test_event_without_multi_value_parts_is_read_too(sample: Sample) -> None:
    sent = event("GET", "/v1/campaigns?limit=7")
    sent["multiValueHeaders"] = sent["multiValueQueryStringParameters"] = None
    assert sample.app.handle(sent, None)["statusCode"] == 200
    assert sample.reached[0].query.limit == 7


def test_replayed_answer_says_so(sample: Sample, logs: io.StringIO) -> None:
    sample.answers = Answer(200, {"voucher_id": VOUCHER_ID}, replayed=True)
    response = sample.app.handle(event(body=claim()), None)
    assert response["headers"]["Idempotency-Replayed"] == "true"
    assert json.loads(logs.getvalue())["replayed"] is True


def test_version_becomes_the_entity_tag(sample: Sample) -> None:
    response = sample.app.handle(event("GET", "/v1/vouchers/x", **VOUCHER), None)  # type: ignore[arg-type]  # mypy cannot see which argument is which
    assert response["headers"]["ETag"] == '"7"'


@pytest.mark.parametrize(
    ("headers", "expected"), [({"If-Match": '"3"'}, 3), ({"If-None-Match": "*"}, 0)]
)
def test_versioned_operation_knows_which_version_must_be_stored(
    sample: Sample, headers: dict[str, str], expected: int
) -> None:
    response = sample.app.handle(put(**headers), None)
    [request] = sample.reached
    assert request.expected_version == expected
    assert request.if_match == (expected or None)
    assert request.if_none_match is (expected == 0)
    assert response["headers"]["ETag"] == f'"{expected + 1}"'
    assert response["body"] == ""
    assert "Content-Type" not in response["headers"]


def test_bureau_has_no_platform(sample: Sample) -> None:
    sample.app.handle(put(**{"If-None-Match": "*"}), None)
    [request] = sample.reached
    assert request.caller.platform_id is None
    with pytest.raises(LookupError):
        _ = request.platform_id


@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_of_a_use_case_becomes_its_problem(sample: Sample, code: Code) -> None:
    sample.fails_with = HuiminError(code)
    document = problem(sample.app.handle(event(body=claim()), None))
    assert document["code"] == code
    assert document["status"] == PROBLEMS[code].status
    assert document["instance"] == "/v1/claims"
    assert document["request_id"] == "req-1"


def test_limit_reached_names_scope_limit_and_used(sample: Sample) -> None:
    sample.fails_with = HuiminError(
        Code.PERSON_LIMIT_REACHED, scope="VOUCHER_TYPE_PER_ROUND", limit=1, used=1
    )
    document = problem(sample.app.handle(event(body=claim()), None))
    assert (document["scope"], document["limit"], document["used"]) == (
        "VOUCHER_TYPE_PER_ROUND",
        1,
        1,
    )
    assert "每轮每券种领券数" in document["detail"]


def test_busy_says_when_to_come_again(sample: Sample) -> None:
    sample.fails_with = Busy(operation="claim")
    response = sample.app.handle(event(body=claim()), None)
    document = problem(response)
    assert (document["status"], document["retryable"]) == (503, True)
    assert response["headers"]["Retry-After"] == "1"


def test_our_own_fault_is_a_500_that_names_the_request_and_nothing_else(
    sample: Sample, logs: io.StringIO
) -> None:
    """The log has type and stack; neither it nor the answer has the message or the body."""
    sample.fails_with = RuntimeError(f"cannot read {PERSON}")
    document = problem(sample.app.handle(event(body=claim()), None))
    assert document == {
        "type": "urn:huimin:problem:INTERNAL",
        "title": "服务内部错误",
        "status": 500,
        "detail": document["detail"],
        "instance": "/v1/claims",
        "code": "INTERNAL",
        "retryable": True,
        "request_id": "req-1",
    }
    failure, line = map(json.loads, logs.getvalue().splitlines())
    assert failure["level"] == "ERROR"
    assert failure["error_types"] == ["builtins.RuntimeError"]
    assert any("in take" in frame or frame.endswith(" take") for frame in failure["stack"])
    assert line["code"] == "INTERNAL"
    assert PERSON not in logs.getvalue()
    assert "cannot read" not in logs.getvalue()


def test_death_of_the_process_is_not_answered(sample: Sample) -> None:
    sample.fails_with = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        sample.app.handle(event(body=claim()), None)


def test_one_line_is_logged_a_request(sample: Sample, logs: io.StringIO) -> None:
    sample.fails_with = HuiminError(Code.SOLD_OUT)
    sample.app.handle(event(body=claim()), None)
    [line] = map(json.loads, logs.getvalue().splitlines())
    assert line["service"] == "huimin-sample"
    assert line["request_id"] == "req-1"
    assert line["operation"] == "claim_voucher"
    assert line["platform_id"] == "unionpay"
    assert line["role"] == "platform"
    assert line["code"] == "SOLD_OUT"
    assert line["status"] == 409
    assert line["latency_ms"] >= 0
    assert PERSON not in logs.getvalue()


def test_refusal_that_was_not_declared_is_answered_and_noted(
    sample: Sample, logs: io.StringIO
) -> None:
    sample.fails_with = HuiminError(Code.VOUCHER_HELD)
    assert problem(sample.app.handle(event(body=claim()), None))["code"] == "VOUCHER_HELD"
    assert json.loads(logs.getvalue().splitlines()[0])["message"] == "undeclared code"


def test_status_that_was_not_declared_is_answered_and_noted(
    sample: Sample, logs: io.StringIO
) -> None:
    sample.answers = Answer(202, {})
    assert sample.app.handle(event(body=claim()), None)["statusCode"] == 202
    assert json.loads(logs.getvalue().splitlines()[0])["message"] == "undeclared status"


def test_request_id_falls_back_to_lambdas_own(sample: Sample) -> None:
    class Context:
        aws_request_id = "lambda-1"

    sent = event(body="x")
    del sent["requestContext"]["requestId"]
    assert problem(sample.app.handle(sent, Context()))["request_id"] == "lambda-1"


def test_missing_setting_is_our_fault_and_named_in_the_log(logs: io.StringIO) -> None:
    app = App("sample", find_platform=find_platform, routes=SAMPLE_ROUTES,
              read_settings=lambda: Settings({}))  # fmt: skip
    _register(app)
    assert problem(app.handle(event(body=claim()), None))["code"] == "INTERNAL"
    assert "SettingError[HUIMIN_BUREAU_ROLES]" in logs.getvalue()


def _register(app: App, operation_id: str = "claim_voucher") -> None:
    @app.operation(operation_id, body=ClaimBody, gives={201: None}, number="request_no")
    def answer(_request: Request[ClaimBody]) -> Answer:
        return Answer(201)


def app_of(function: str = "sample", routes: tuple[Route, ...] = SAMPLE_ROUTES) -> App:
    return App(function, find_platform=find_platform, routes=routes)


def test_operation_must_be_in_the_table_of_routes() -> None:
    with pytest.raises(ValueError, match="not in the table"):
        _register(app_of(), "claim_vouchers")


def test_operation_must_be_the_functions_own() -> None:
    with pytest.raises(ValueError, match="belongs to the function elsewhere"):
        _register(app_of(), "redeem_voucher")


def test_operation_is_registered_once() -> None:
    app = app_of()
    _register(app)
    with pytest.raises(ValueError, match="registered twice"):
        _register(app)


def test_get_takes_no_body() -> None:
    with pytest.raises(ValueError, match="takes none"):
        _register(app_of(), "list_campaigns")


def test_number_must_be_a_field_of_the_body() -> None:
    with pytest.raises(ValueError, match="no field order_no"):
        app_of().operation("claim_voucher", body=ClaimBody, gives={201: None}, number="order_no")(
            lambda _: Answer(201)
        )


def test_operation_must_give_something() -> None:
    with pytest.raises(ValueError, match="gives no answer"):
        app_of().operation("claim_voucher", body=ClaimBody, gives={})(lambda _: Answer(201))


def test_ids_of_a_path_must_have_a_known_shape() -> None:
    routes = (Route("get_it", "GET", "/v1/{thing_id}", "sample", frozenset({Role.PLATFORM})),)
    with pytest.raises(ValueError, match="thing_id"):
        app_of(routes=routes).operation("get_it", gives={200: None})(lambda _: Answer(200))


def test_operations_say_what_they_take_give_and_refuse(sample: Sample) -> None:
    operations = sample.app.operations
    assert set(operations) == {
        route.operation_id for route in SAMPLE_ROUTES if route.function == "sample"
    }
    claims = operations["claim_voucher"]
    assert (claims.body, claims.number, claims.versioned) == (ClaimBody, "request_no", False)
    assert {Code.SOLD_OUT, Code.KEY_REUSED, Code.MALFORMED_BODY, Code.BUSY} <= claims.codes
    assert Code.NOT_FOUND not in claims.codes
    assert operations["list_campaigns"].query is ListQuery
    assert Code.MALFORMED_BODY not in operations["list_campaigns"].codes
    changes = operations["put_platform"]
    assert (changes.body, changes.versioned) == (PlatformBody, True)
    assert {Code.VERSION_REQUIRED, Code.VERSION_MISMATCH, Code.NOT_FOUND} <= changes.codes


def test_every_id_in_the_table_of_routes_has_a_shape() -> None:
    names = {part[1:-1] for route in ROUTES for part in route.path.split("/") if part[:1] == "{"}
    assert names <= set(PATH_PATTERNS)


def test_no_two_routes_share_an_operation_or_a_method_of_a_path() -> None:
    assert len({route.operation_id for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
