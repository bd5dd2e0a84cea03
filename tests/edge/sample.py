"""A small App with one operation of each kind, and the events that API Gateway would send it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.fields import (
    AnswerModel,
    Cursor,
    Fen,
    IdentityNumber,
    Instant,
    PageLimit,
    Phone,
    PositiveFen,
    QueryModel,
    RequestModel,
    RequestNo,
    ShortText,
    Slug,
    VoucherId,
)
from functions.shared.edge.routes import Role, Route
from functions.shared.edge.settings import Settings

NOW = datetime(2026, 1, 3, 2, 0, tzinfo=UTC)
PERSON = "11010519491231002X"
VOUCHER_ID = "v_" + "a" * 32
ACCOUNT = "arn:aws-cn:iam::123456789012"
SESSION = "arn:aws-cn:sts::123456789012:assumed-role"
PLATFORM_ARN = f"{SESSION}/huimin-platform-unionpay/till"
OPERATOR_ARN = f"{SESSION}/huimin-operator/li.na"
AUDITOR_ARN = f"{SESSION}/huimin-auditor/wang.wei"
BUREAU_ROLES = {
    "operator": f"{ACCOUNT}:role/huimin-operator",
    "approver": f"{ACCOUNT}:role/bureau/huimin-approver",
    "auditor": f"{ACCOUNT}:role/huimin-auditor",
}
ENVIRONMENT = {"HUIMIN_BUREAU_ROLES": json.dumps(BUREAU_ROLES)}

_PLATFORM = frozenset({Role.PLATFORM})
ROUTES = (
    Route("claim_voucher", "POST", "/v1/claims", "sample", _PLATFORM, 16_384),
    Route("list_campaigns", "GET", "/v1/campaigns", "sample", _PLATFORM),
    Route("get_voucher", "GET", "/v1/vouchers/{voucher_id}", "sample", _PLATFORM),
    Route(
        "put_platform",
        "PUT",
        "/v1/admin/platforms/{platform_id}",
        "sample",
        frozenset({Role.OPERATOR}),
        4096,
    ),
    Route("redeem_voucher", "POST", "/v1/redemptions", "elsewhere", _PLATFORM, 4096),
)


class Person(RequestModel):
    """Who claims."""

    identity_number: IdentityNumber
    phone: Phone | None = None


class ByFace(RequestModel):
    """One variant of a benefit."""

    kind: Literal["FACE"]
    face_fen: PositiveFen


class ByPercent(RequestModel):
    """The other."""

    kind: Literal["PERCENT"]
    cap_fen: PositiveFen


class Note(RequestModel):
    """An object in a list."""

    text: ShortText


class ClaimBody(RequestModel):
    """A body with a field of each kind."""

    request_no: RequestNo
    campaign_id: Slug
    person: Person
    amount_fen: Fen = 0
    real_name: bool = False
    benefits: Annotated[
        tuple[Annotated[ByFace | ByPercent, Field(discriminator="kind")], ...], Field(max_length=3)
    ] = ()
    notes: Annotated[tuple[Note, ...], Field(max_length=2)] = ()
    at: Instant | None = None


class ClaimAnswer(AnswerModel):
    """What a claim gives."""

    voucher_id: VoucherId
    valid_until: Instant
    name: str


class ListQuery(QueryModel):
    """A query of a page."""

    limit: PageLimit = 20
    cursor: Cursor | None = None


class PlatformBody(RequestModel):
    """A body that is changed by version."""

    name: ShortText


@dataclass
class Sample:
    """The App, and every request that one of its operations was reached by."""

    app: App
    reached: list[Request[Any, Any]] = field(default_factory=list)
    fails_with: BaseException | None = None
    answers: Answer | None = None

    def take(self, request: Request[Any, Any]) -> None:
        """Note the request, then fail as told."""
        self.reached.append(request)
        if self.fails_with is not None:
            raise self.fails_with


def find_platform(arn: str) -> str | None:
    """A registry of one platform."""
    return {f"{ACCOUNT}:role/huimin-platform-unionpay": "unionpay"}.get(arn)


def sample() -> Sample:
    """A fresh App whose operations note what reaches them."""
    app = App(
        "sample",
        find_platform=find_platform,
        routes=ROUTES,
        read_settings=lambda: Settings(ENVIRONMENT),
    )
    made = Sample(app)

    @app.operation(
        "claim_voucher",
        body=ClaimBody,
        gives={201: ClaimAnswer, 200: ClaimAnswer},
        refuses=(Code.SOLD_OUT, Code.PERSON_LIMIT_REACHED, Code.BUSY),
        number="request_no",
    )
    def claim_voucher(request: Request[ClaimBody]) -> Answer:
        made.take(request)
        body = ClaimAnswer(voucher_id=VOUCHER_ID, valid_until=request.now, name="餐饮券")
        return made.answers or Answer(201, body)

    @app.operation("list_campaigns", query=ListQuery, gives={200: ClaimAnswer})
    def list_campaigns(request: Request[None, ListQuery]) -> Answer:
        made.take(request)
        return Answer(200, {"limit": request.query.limit, "at": request.now, "names": ("餐",)})

    @app.operation("get_voucher", gives={200: ClaimAnswer}, refuses=(Code.NOT_FOUND,))
    def get_voucher(request: Request) -> Answer:
        made.take(request)
        if request.path["voucher_id"] != VOUCHER_ID:
            raise HuiminError(Code.NOT_FOUND, voucher_id="told to nobody")
        return Answer(200, {"voucher_id": VOUCHER_ID}, version=7)

    @app.operation("put_platform", body=PlatformBody, gives={200: None, 201: None})
    def put_platform(request: Request[PlatformBody]) -> Answer:
        made.take(request)
        return Answer(200, None, version=request.expected_version + 1)

    return made


def claim() -> dict[str, Any]:
    """A body that claim_voucher accepts."""
    return {
        "request_no": "20260103-1",
        "campaign_id": "shijingshan-2026",
        "person": {"identity_number": PERSON},
    }


def event(
    method: str = "POST",
    path: str = "/v1/claims",
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    caller: str | None = PLATFORM_ARN,
    resource: str | None = None,
    ids: Mapping[str, str] | None = None,
    as_base64: bool = False,
) -> dict[str, Any]:
    """A REST proxy event; a body that is no text or bytes is written as JSON."""
    text = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
    if as_base64 or isinstance(text, bytes):
        raw = text.encode() if isinstance(text, str) else text or b""
        text, as_base64 = base64.b64encode(raw).decode(), True
    split = urlsplit(path)
    query: dict[str, list[str]] = {}
    for pair in filter(None, split.query.split("&")):
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value)
    sent = {"Content-Type": "application/json", **(headers or {})}
    return {
        "resource": resource or split.path,
        "path": split.path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(ids) if ids else None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "req-1",
            "httpMethod": method,
            "identity": {"userArn": caller},
        },
        "body": text,
        "isBase64Encoded": as_base64,
    }


def problem(response: Mapping[str, Any]) -> dict[str, Any]:
    """The problem document of a refusal, after looking at what every one must have."""
    document: dict[str, Any] = json.loads(response["body"])
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert response["headers"]["Cache-Control"] == "no-store"
    assert document["status"] == response["statusCode"]
    assert document["type"] == f"urn:huimin:problem:{document['code']}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"]
    assert isinstance(document["retryable"], bool)
    return document
