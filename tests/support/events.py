"""REST proxy events as API Gateway sends them, made from the table of routes, and their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from functions.shared.edge.routes import ROUTES, Route

ACCOUNT = "123456789012"
UNKNOWN_RESOURCE = "/{proxy+}"
REQUEST_ID = "9c0f7a5e-2d3b-4c1a-8f6e-000000000001"


def role_arn(role: str) -> str:
    """The ARN of a role of the deployment's account."""
    return f"arn:aws-cn:iam::{ACCOUNT}:role/{role}"


def session_arn(role: str, person: str = "till") -> str:
    """What API Gateway gives as `userArn` for a session of that role."""
    return f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/{role}/{person}"


def matched(path: str) -> tuple[str, dict[str, str]]:
    """The resource that API Gateway picks for a path, and the values of its parameters.

    A fixed segment wins over a parameter; what nothing matches goes to the greedy resource.
    """
    best: tuple[str, dict[str, str]] | None = None
    for resource in {route.path for route in ROUTES}:
        names = re.findall(r"\{([a-z_]+)\}", resource)
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "([^/]+)", re.escape(resource))
        match = re.fullmatch(pattern, path)
        if match and (best is None or len(names) < len(best[1])):
            values = [unquote(value) for value in match.groups()]
            best = resource, dict(zip(names, values, strict=True))
    return best or (UNKNOWN_RESOURCE, {"proxy": path.removeprefix("/")})


def path_of(route: Route) -> str:
    """A path of the route, with ids that are well formed; those of the bureau exist in tests."""
    ids = {
        "campaign_id": "spring-2026",
        "platform_id": "unionpay",
        "merchant_id": "noodles",
        "change_id": "more-units",
        "grant_id": "elders",
        "voucher_id": "v_" + "a" * 32,
        "redemption_id": "r_" + "a" * 32,
        "business_on": "2026-01-05",
        "break_id": "b_" + "a" * 32,
        "run": "1",
        "number": "1",
    }
    return route.path.format_map(ids)


def function_of(resource: str) -> str:
    """The function that API Gateway calls for a resource, whatever the method is."""
    return next((route.function for route in ROUTES if route.path == resource), "campaign")


def proxy_event(
    method: str,
    path: str,
    *,
    caller: str | None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = REQUEST_ID,
) -> dict[str, Any]:
    """The event of a request; a body that is no text is written as JSON.

    Args:
        method: the HTTP method.
        path: with the query, if any.
        caller: the `userArn` that the gateway verified.
        body: None for no body.
        headers: over the ones that every request has.
        request_id: API Gateway's.

    """
    split = urlsplit(path)
    resource, parameters = matched(split.path)
    sent = {"Host": "api.example.cn", "Content-Type": "application/json", **(headers or {})}
    query: dict[str, list[str]] = {}
    for pair in filter(None, split.query.split("&")):
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value)
    return {
        "resource": resource,
        "path": split.path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "huimin",
            "stage": "v1",
            "requestId": request_id,
            "resourcePath": resource,
            "httpMethod": method,
            "path": split.path,
            "identity": {"userArn": caller, "sourceIp": "192.0.2.1"},
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """What a function gave back to API Gateway."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def replayed(self) -> bool:
        """Whether this is the answer to an earlier request."""
        return self.headers.get("Idempotency-Replayed") == "true"


def reply_of(response: Mapping[str, Any]) -> Reply:
    """A proxy response, after a look at what every one must have."""
    assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert response["isBase64Encoded"] is False
    assert response["headers"]["Cache-Control"] == "no-store"
    return Reply(response["statusCode"], response["headers"], response["body"])


def refused(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal, which must be complete and of that code."""
    document: dict[str, Any] = reply.body
    assert (reply.status, document["code"]) == (status, code), document
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert document["status"] == status
    assert document["type"] == f"urn:huimin:problem:{code}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == REQUEST_ID
    assert type(document["retryable"]) is bool
    assert document["instance"].startswith("/")
    return document
