"""Lambda proxy integration of a REST API: the event that a request becomes, and the way back.

Sources: AWS, "Lambda proxy integrations in API Gateway" and "Amazon API Gateway important notes".
Where those pages say nothing, what people found on AWS holds: the path comes as it was sent and
its parameters come decoded; of repeated names the single-value maps keep the last.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from infra.local.signatures import Headers, LocalKey
from infra.rest_api import GREEDY_PATH, STAGE

# Source: Lambda quotas, "Invocation payload", synchronous, each way.
LAMBDA_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
_ANSWER_PARTS: Final = frozenset(
    {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
)
# What API Gateway keeps to itself. It takes Authorization out once it has verified it.
_KEPT_FROM_FUNCTIONS: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)
_REMAPPED: Final = frozenset({"connection", "content-length", "date", "server"})
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_SESSION: Final = re.compile(r"assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


class MalformedAnswer(Exception):
    """A function's answer is not what a proxy integration must give; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An HTTP request as it came.

    Args:
        method: as sent.
        path: as sent, still percent-encoded.
        query: as sent, without the question mark.
        headers: in order, repeated ones as they came.
        body: whole.
        source_ip: the caller's.
        port: that it came in on.

    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    source_ip: str
    port: str

    def header(self, name: str) -> str | None:
        """The header's last value, by name in any case."""
        found = [value for given, value in self.headers if given.lower() == name.lower()]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Match:
    """The resource that a path is, and its parameters, decoded."""

    resource: str
    parameters: Mapping[str, str]


class Resources:
    """Finds a path's resource as API Gateway does: a fixed segment before a parameter.

    Args:
        paths: of all resources.

    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_length: dict[int, list[tuple[str, ...]]] = {}
        for path in paths:
            if path != GREEDY_PATH:
                segments = _segments(path)
                self._by_length.setdefault(len(segments), []).append(segments)

    def match(self, path: str) -> Match:
        """The path's resource; the greedy one where no other fits. One slash at the end is free."""
        sent = _segments(path)
        fitting = [
            known
            for known in self._by_length.get(len(sent), [])
            if all(
                _is_parameter(each) or each == given
                for each, given in zip(known, sent, strict=True)
            )
        ]
        if not fitting:
            return Match(GREEDY_PATH, {"proxy": _decoded(path.removeprefix("/"))})
        best = max(fitting, key=lambda known: [not _is_parameter(each) for each in known])
        return Match(
            "/" + "/".join(best),
            {
                known[1:-1]: _decoded(given)
                for known, given in zip(best, sent, strict=True)
                if _is_parameter(known)
            },
        )


def _segments(path: str) -> tuple[str, ...]:
    inner = path.removeprefix("/").removesuffix("/")
    return tuple(inner.split("/")) if inner else ()


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{")


def _decoded(text: str) -> str:
    return unquote(text, errors="replace")


def proxy_event(
    received: Received,
    match: Match,
    *,
    key: LocalKey,
    request_id: str,
    at: datetime,
    account_id: str,
    binary_media_types: Collection[str] = (),
) -> dict[str, Any]:
    """The event of a signed request, as a REST API sends it (payload version 1.0).

    Args:
        received: the request.
        match: its resource.
        key: who signed it.
        request_id: what the caller sees as x-amzn-RequestId.
        at: aware; when it came.
        account_id: of the API and of the caller.
        binary_media_types: of bodies that go in base64, `*/*` for all; others go as text, with
            U+FFFD for what is no UTF-8.

    """
    headers = _event_headers(received, at, request_id)
    query = _query_parameters(received.query)
    is_binary = _is_binary(received.header("content-type"), binary_media_types)
    body = (
        base64.b64encode(received.body).decode()
        if is_binary
        else received.body.decode(errors="replace")
    )
    return {
        "resource": match.resource,
        "path": received.path,
        "httpMethod": received.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(match.parameters) or None,
        "stageVariables": None,
        "requestContext": _request_context(received, match, key, request_id, at, account_id),
        "body": body or None,
        "isBase64Encoded": bool(is_binary and received.body),
    }


def _event_headers(received: Received, at: datetime, request_id: str) -> dict[str, list[str]]:
    spelled: dict[str, str] = {}
    headers: dict[str, list[str]] = {}
    forwarded_for = received.source_ip
    for name, value in received.headers:
        if name.lower() == "x-forwarded-for":
            forwarded_for = f"{value}, {received.source_ip}"
        elif name.lower() not in _KEPT_FROM_FUNCTIONS:
            headers.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
    trace = received.header("x-amzn-trace-id") or (
        f"Root=1-{int(at.timestamp()):08x}-{request_id.replace('-', '')[:24]}"
    )
    for name, value in (
        ("X-Amzn-Trace-Id", trace),
        ("X-Forwarded-For", forwarded_for),
        ("X-Forwarded-Port", received.port),
        ("X-Forwarded-Proto", "http"),
    ):
        headers[spelled.get(name.lower(), name)] = [value]
    return headers


def _query_parameters(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    # A semicolon divides, too: REST APIs do not take it for part of a value.
    for pair in re.split("[&;]", query):
        name, _, value = pair.partition("=")
        if pair:
            decoded = unquote_plus(name, errors="replace")
            found.setdefault(decoded, []).append(unquote_plus(value, errors="replace"))
    return found


def _request_context(
    received: Received,
    match: Match,
    key: LocalKey,
    request_id: str,
    at: datetime,
    account_id: str,
) -> dict[str, Any]:
    caller = _caller_id(key.user_arn)
    domain = received.header("host") or "localhost"
    at = at.astimezone(UTC)
    return {
        "resourceId": _short_id(match.resource, 6),
        "resourcePath": match.resource,
        "httpMethod": received.method,
        "extendedRequestId": extended_request_id(request_id),
        "requestTime": at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "path": f"/{STAGE}{received.path}",
        "accountId": account_id,
        "protocol": "HTTP/1.1",
        "stage": STAGE,
        "domainPrefix": domain.split(".")[0],
        "requestTimeEpoch": int(at.timestamp() * 1_000),
        "requestId": request_id,
        "identity": {
            "cognitoIdentityPoolId": None,
            "accountId": account_id,
            "cognitoIdentityId": None,
            "caller": caller,
            "sourceIp": received.source_ip,
            "principalOrgId": None,
            "accessKey": key.access_key,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": key.user_arn,
            "userAgent": received.header("user-agent"),
            "user": caller,
        },
        "domainName": domain,
        "deploymentId": "local0",
        "apiId": "local",
    }


def _caller_id(user_arn: str) -> str:
    """The unique id that IAM gives a principal: a role's with its session, or a user's."""
    session = _SESSION.search(user_arn)
    if session:
        return f"AROA{_short_id(session['role'], 17).upper()}:{session['session']}"
    return f"AIDA{_short_id(user_arn, 17).upper()}"


def _short_id(text: str, length: int) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:length].lower()


def extended_request_id(request_id: str) -> str:
    """What API Gateway calls the request towards the network, sent as x-amz-apigw-id."""
    return base64.b64encode(hashlib.sha256(request_id.encode()).digest()[:11]).decode()


def _is_binary(content_type: str | None, binary_media_types: Collection[str]) -> bool:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return "*/*" in binary_media_types or media_type in binary_media_types


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer to send."""

    status: int
    headers: Headers
    body: bytes


def http_answer(
    answer: object, *, accept: str | None = None, binary_media_types: Collection[str] = ()
) -> HttpAnswer:
    """The HTTP answer that a function's answer becomes.

    Args:
        answer: what the function returned.
        accept: the request's header; its first media type decides whether base64 is decoded.
        binary_media_types: as for `proxy_event`.

    Raises:
        MalformedAnswer: for what API Gateway turns into an error of its own.

    """
    parts = _answer_parts(answer)
    body = parts.get("body")
    if body is None:
        body = ""
    if not isinstance(body, str):
        raise MalformedAnswer("the body is not text")
    wanted = (accept or "").partition(",")[0]
    try:
        data = (
            base64.b64decode(body, validate=True)
            if parts.get("isBase64Encoded") is True and _is_binary(wanted, binary_media_types)
            else body.encode()
        )
    except binascii.Error as error:
        raise MalformedAnswer("the body is not base64") from error
    return HttpAnswer(_status(parts.get("statusCode")), _answer_headers(parts), data)


def _answer_parts(answer: object) -> dict[str, Any]:
    # Lambda hands over JSON: what is none must not get further here than there.
    try:
        payload = json.dumps(answer, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedAnswer("the answer is not JSON") from error
    if len(payload) > LAMBDA_PAYLOAD_BYTES:
        raise MalformedAnswer("the answer is larger than Lambda hands over")
    parts = json.loads(payload)
    if not isinstance(parts, dict) or not parts.keys() <= _ANSWER_PARTS:
        raise MalformedAnswer("the answer has other parts than a proxy answer's")
    return parts


def _status(given: object) -> int:
    # None of the parts must be there; this one's default is 200.
    if given is None:
        return HTTPStatus.OK
    text = str(given)
    if not re.fullmatch(r"[2-5][0-9][0-9]", text):
        raise MalformedAnswer(f"{text!r} is no status")
    return int(text)


def _answer_headers(parts: Mapping[str, Any]) -> Headers:
    """Headers of both forms; a value that both give comes once, from the multi-value form."""
    single, multi = parts.get("headers") or {}, parts.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multi, dict):
        raise MalformedAnswer("headers are not a map")
    pairs: list[tuple[str, str]] = []
    for name, values in multi.items():
        if not isinstance(values, list):
            raise MalformedAnswer(f"the values of {name!r} are not a list")
        pairs += [(name, _header_value(name, value)) for value in values]
    given = {(name.lower(), value) for name, value in pairs}
    for name, value in single.items():
        text = _header_value(name, value)
        if (name.lower(), text) not in given:
            pairs.append((name, text))
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("Content-Type", "application/json"))
    return [
        (f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value)
        for name, value in pairs
        if name.lower() != "transfer-encoding"
    ]


def _header_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if (
        not isinstance(value, str)
        or not _HEADER_NAME.fullmatch(name)
        or not _HEADER_VALUE.fullmatch(value)
    ):
        raise MalformedAnswer(f"the header {name!r} cannot be sent")
    return value
