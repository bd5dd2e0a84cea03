"""The REST API: every route, signed; and what it answers by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.shared.domain.errors import Code
from functions.shared.edge.routes import ROUTES
from infra.rest_api import GATEWAY_CODES, functions_by_path
from tests.infra.template import Template

MEMBERS = {"type", "title", "status", "detail", "code", "retryable", "request_id"}


@pytest.fixture(scope="module")
def methods(template: Template) -> dict[tuple[str, str], dict[str, Any]]:
    """(method, path) -> properties."""
    resources = template.of_type("AWS::ApiGateway::Resource")

    def path_of(reference: dict[str, Any]) -> str:
        if "Ref" not in reference:
            return ""
        properties = resources[reference["Ref"]]["Properties"]
        return f"{path_of(properties['ParentId'])}/{properties['PathPart']}"

    return {
        (each["HttpMethod"], path_of(each["ResourceId"]) or "/"): each
        for each in template.properties("AWS::ApiGateway::Method")
    }


def _function_of(template: Template, method: dict[str, Any]) -> str:
    logical_id = (
        template.text(method["Integration"]["Uri"]).split("<Functions")[1].split("Function")
    )
    return logical_id[0].lower()


def test_every_route_goes_to_its_function(
    template: Template, methods: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for route in ROUTES:
        assert _function_of(template, methods[route.method, route.path]) == route.function


def test_there_is_no_method_that_is_no_route(
    methods: dict[tuple[str, str], dict[str, Any]],
) -> None:
    assert {key for key in methods if key[0] != "ANY"} == {
        (route.method, route.path) for route in ROUTES
    }


def test_every_path_takes_any_method(
    template: Template, methods: dict[tuple[str, str], dict[str, Any]]
) -> None:
    """So that a wrong method and an unknown path get our answer, and not the gateway's 403."""
    any_methods = {path: each for (method, path), each in methods.items() if method == "ANY"}
    assert {path: _function_of(template, each) for path, each in any_methods.items()} == (
        functions_by_path()
    )
    paths = {path for _, path in methods}
    assert {"/", "/{proxy+}", "/v1", "/v1/admin", "/v1/vouchers"} <= paths
    assert len(template.of_type("AWS::ApiGateway::Resource")) == len(paths) - 1


def test_every_method_asks_for_a_signature(
    methods: dict[tuple[str, str], dict[str, Any]],
) -> None:
    assert {each["AuthorizationType"] for each in methods.values()} == {"AWS_IAM"}


def test_every_integration_is_the_function_itself(
    methods: dict[tuple[str, str], dict[str, Any]],
) -> None:
    for each in methods.values():
        integration = each["Integration"]
        assert (integration["Type"], integration["IntegrationHttpMethod"]) == ("AWS_PROXY", "POST")


def test_the_api_is_regional_and_takes_no_binary(template: Template) -> None:
    (api,) = template.properties("AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert "BinaryMediaTypes" not in api


def test_only_this_api_may_call_a_function(template: Template) -> None:
    for permission in template.properties("AWS::Lambda::Permission"):
        if permission["Principal"] == "apigateway.amazonaws.com":
            assert "<ApiRest" in template.text(permission["SourceArn"])


def test_the_stage_is_throttled_and_writes_an_access_log_without_persons(
    template: Template,
) -> None:
    (stage,) = template.properties("AWS::ApiGateway::Stage")
    (settings,) = stage["MethodSettings"]
    assert stage["StageName"] == "live"
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (10_000, 5_000)
    assert settings["DataTraceEnabled"] is False
    assert settings["LoggingLevel"] == "OFF"
    log_format = stage["AccessLogSetting"]["Format"]
    assert json.loads(log_format)["request_id"] == "$context.requestId"
    for personal in ("identity", "$context.path", "authorizer", "body", "header", "query"):
        assert personal not in log_format


@pytest.fixture(scope="module")
def answers(template: Template) -> dict[str, dict[str, Any]]:
    return template.named("AWS::ApiGateway::GatewayResponse", "ResponseType")


def test_the_gateway_answers_with_problem_documents(answers: dict[str, dict[str, Any]]) -> None:
    assert answers.keys() == GATEWAY_CODES.keys()
    for kind, answer in answers.items():
        document = json.loads(answer["ResponseTemplates"]["application/json"])
        assert document.keys() == MEMBERS
        assert document["code"] == GATEWAY_CODES[kind]
        assert str(document["status"]) == answer["StatusCode"]
        assert document["request_id"] == "$context.requestId"
        content_type = answer["ResponseParameters"]["gatewayresponse.header.Content-Type"]
        assert content_type == "'application/problem+json'"


def test_who_is_asked_to_come_back_is_told_when(answers: dict[str, dict[str, Any]]) -> None:
    for answer in answers.values():
        retry_after = answer["ResponseParameters"].get("gatewayresponse.header.Retry-After")
        assert (retry_after is not None) == (answer["StatusCode"] in {"429", "503"})


def test_a_lost_answer_is_no_final_word(answers: dict[str, dict[str, Any]]) -> None:
    """When the function's answer is lost, the caller is told to send the same request again."""
    for kind in ("INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"):
        document = json.loads(answers[kind]["ResponseTemplates"]["application/json"])
        assert (document["code"], document["retryable"]) == (Code.BUSY, True)
