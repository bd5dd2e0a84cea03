"""The API as an OpenAPI 3.1 document, printed from the routes and the handlers' operations.

`python -m infra.openapi` writes docs/openapi.json; a test fails when code and file differ. The
document is the same bytes for the same code: nothing in it depends on time, order of sets or the
machine.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from functions.campaign import handler as campaign
from functions.earn import handler as earn
from functions.files import handler as files
from functions.finance import handler as finance
from functions.grant import handler as grant
from functions.issue import handler as issue
from functions.redeem import handler as redeem
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.app import REPLAYED_HEADER, App, Operation
from functions.shared.edge.fields import PATH_PATTERNS
from functions.shared.edge.languages import Language, Words
from functions.shared.edge.problem_table import MEMBERS, PROBLEMS
from functions.shared.edge.problems import TYPE_PREFIX, problem_document
from functions.shared.edge.routes import ROUTES, Role, Route
from functions.shared.edge.validation import MAX_ERRORS

Json = dict[str, Any]
References = Mapping[tuple[type[BaseModel], JsonSchemaMode], Json]

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "openapi.json"
APPS: Final[tuple[App, ...]] = (
    campaign.app,
    finance.app,
    issue.app,
    grant.app,
    redeem.app,
    earn.app,
    files.app,
)
_JSON_TYPE: Final = "application/json"
_PROBLEM_TYPE: Final = "application/problem+json"
_SCHEMA_REF: Final = "#/components/schemas/{model}"

_DESCRIPTION: Final = """\
Huimin keeps the ledger of a district's consumption vouchers: platforms claim, hold, redeem and \
refund them, and the bureau makes and watches its campaigns.

- Every call is signed with AWS Signature Version 4 for the service `execute-api`. What a role may \
call is decided by the role; `platform_id` is never sent.
- Amounts are integers in fen. Times carry their offset. Unknown fields, repeated names, texts for \
numbers and numbers with a point are refused.
- Operations that move a voucher or money take a number of yours. The same number with the same \
content is answered as the first time, for ever, with `Idempotency-Replayed: true`; with other \
content it is refused with KEY_REUSED.
- Refusals are RFC 9457 problem documents with a stable `code`, in the language of \
`Accept-Language`. The page of errors says what to do about each. An unknown path answers 404 \
ROUTE_NOT_FOUND, and a wrong method 405 METHOD_NOT_ALLOWED with the header `Allow`.

惠民系统记录城区消费券的全部账目：平台领取、占用、核销和退款，主管部门制定并监督活动。

- 每次调用均以 AWS Signature Version 4（服务名 `execute-api`）签名；权限由角色决定，\
从不传递 `platform_id`。
- 金额为以分为单位的整数，时间带时区偏移。未知字段、重复名称、以文本表示的数字\
和带小数点的数字均被拒绝。
- 涉及券或资金的操作须带贵方自己的编号。相同编号且内容相同时，永远返回首次的结果，并带 \
`Idempotency-Replayed: true`；内容不同时以 KEY_REUSED 拒绝。
- 拒绝时返回 RFC 9457 问题文档，含稳定的 `code`，语言由 `Accept-Language` 决定，处理办法见错误页。\
未知路径返回 404 ROUTE_NOT_FOUND；方法错误返回 405 METHOD_NOT_ALLOWED 并带 `Allow`。
"""

_PLATFORM_TAG: Final = "platform"
_BUREAU_TAG: Final = "bureau"
_TAGS: Final = (
    {
        "name": _PLATFORM_TAG,
        "description": "Platforms: claim, hold, redeem, refund / 平台：领取、占用、核销、退款",
    },
    {
        "name": _BUREAU_TAG,
        "description": "The bureau: campaigns, platforms, merchants / 主管部门：活动、平台、商户",
    },
)
_ROLES: Final[Mapping[Role, Words]] = {
    Role.PLATFORM: Words("platform", "平台"),
    Role.OPERATOR: Words("operator", "经办"),
    Role.APPROVER: Words("approver", "审批"),
    Role.AUDITOR: Words("auditor", "审计"),
}
_IDS: Final[Mapping[str, tuple[str, str]]] = {
    "campaign_id": ("Id of the campaign / 活动编号", "shijingshan-2026"),
    "platform_id": ("Id of the platform / 平台编号", "unionpay"),
    "merchant_id": ("Id of the merchant / 商户编号", "m-000417"),
    "change_id": ("Id of the stock change, chosen by its maker / 券量调整编号", "r1-more-noodles"),
    "grant_id": ("Id of the grant, chosen by its maker / 定向发放编号", "r1-low-income"),
    "voucher_id": ("Id of the voucher / 券编号", "v_" + "a2b3c4d5" * 4),
    "redemption_id": ("Id of the redemption / 核销编号", "r_" + "a2b3c4d5" * 4),
    "business_on": ("Business date, in Beijing / 业务日期（北京时间）", "2026-01-03"),
    "break_id": ("Id of the break / 差错编号", "b_" + "0a1b2c3d" * 4),
    "run": ("Which return of the campaign, from 1 / 退回序次", "1"),
    "number": ("Which payout of the platform, from 1 / 付款单序次", "1"),
}
# One order of 120 yuan with a voucher of 100−40, so that the examples tell one story.
_EXAMPLES: Final[Json] = {
    "round_id": "round-1",
    "voucher_type_id": "dining-100-40",
    "voucher_type_ids": ["dining-100-40"],
    "PackAnswer.voucher_type_ids": ["dining-100-40", "dining-100-40"],
    "PackSection.voucher_type_ids": ["dining-100-40", "dining-100-40"],
    "pack_id": "new-year-pack",
    "ClaimBody.pack_id": None,
    "first_attempt": False,
    "BankReplyBody.reference": "HUIMIN-R0001-1D0F8A64B52E9C07A3B1",
    "BankReplyBody.paid_fen": 600_000,
    "account_number": "0200001234567890123",
    "bank_reference": "B20260301-0007",
    "PaymentAnswer.number": 1,
    "PaymentAnswer.state": "APPROVED",
    "PaymentAnswer.amount_fen": 600_000,
    "PaymentAnswer.reference": "HUIMIN-R0001-1D0F8A64B52E9C07A3B1",
    "PaymentAnswer.reply": None,
    "FundReturnAnswer.run": 1,
    "FundReturnAnswer.version": 3,
    "FundReturnAnswer.paid_fen": 0,
    "left_fen": 600_000,
    "PayoutSummary.number": 1,
    "PayoutSummary.paid_fen": 0,
    "PayoutAnswer.number": 1,
    "PayoutAnswer.paid_fen": 0,
    "PayoutAnswer.version": 3,
    "SettlementAccountAnswer.version": 2,
    "statement_id": "s_" + "0a1b2c3d" * 4,
    "payable_fen": 600_000,
    "payable_side": "BUREAU",
    "SettlementAnswer.state": "CONFIRMED",
    "SettlementAnswer.entries": 150,
    "SettlementAnswer.fiscal_fen": 600_000,
    "SettlementAnswer.made_at": "2026-01-04T02:00:00+08:00",
    "confirm_by": "2026-01-08T00:00:00+08:00",
    "confirmed_at": "2026-01-05T10:00:00+08:00",
    "drawn_at": "2026-01-06T10:00:00+08:00",
    "PayoutSummary.reference": "HUIMIN-S0001-1D0F8A64B52E9C07A3B1",
    "PayoutAnswer.reference": "HUIMIN-S0001-1D0F8A64B52E9C07A3B1",
    "confirmed_by": "PLATFORM",
    "due_fen": 0,
    "due_statements": 0,
    "net_fen": 600_000,
    "to_return_fen": 600_000,
    "change_id": "r1-more-noodles",
    "after": None,
    "StockChangeAnswer.state": "DONE",
    "StockChangeAnswer.reason": "开门半小时即将售罄",
    "StockChangeBody.reason": "开门半小时即将售罄",
    "units_before": 1_000,
    "units_after": 1_500,
    "moved_units": 500,
    "PoolAnswer.state": "OPEN",
    "planned_units": 1_500,
    "allocated": 1_500,
    "available": 420,
    "issued": 1_080,
    "lapsed_fen": 0,
    "pot_fen": 0,
    "unit_reserve_fen": 4_000,
    "stock_change": None,
    "platform_id": "unionpay",
    "merchant_id": "m-000417",
    "industry": "catering",
    "industries": ["catering"],
    "size_class": "SMALL",
    "made_by": "li.na",
    "approved_by": "wang.wei",
    "order_no": "ORDER-7781",
    "refund_no": "REFUND-7781-1",
    "reference": "20260103-000017",
    "event": "CLAIMED",
    "face_fen": 4_000,
    "percent_off_bp": None,
    "cap_fen": None,
    "order_share_cap_bp": None,
    "threshold_fen": 10_000,
    "threshold_base": "ORDER",
    "TermsAnswer.kind": "INSTANT_REDUCTION",
    "order_fen": 12_000,
    "merchant_discount_fen": 500,
    "platform_discount_fen": 0,
    "voucher_fen": 4_000,
    "fiscal_fen": 4_000,
    "platform_fen": 0,
    "merchant_fen": 0,
    "paid_fen": 7_500,
    "refund_fen": 11_500,
    "refundable_fen": 0,
    "fiscal_bp": 10_000,
    "platform_bp": 0,
    "merchant_bp": 0,
    "VoucherAnswer.state": "ISSUED",
    "VoucherAnswer.order_no": None,
    "VoucherAnswer.held_until": None,
    "VoucherPage.next_cursor": None,
    "RefundAnswer.voucher_state": "ISSUED",
    "CampaignAdminAnswer.state": "RUNNING",
    "CampaignAdminAnswer.version": 3,
    "PlatformAnswer.name": "银联",
    "PlatformBody.name": "银联",
    "MerchantBody.name": "石景山饺子馆",
    "MerchantFactsAnswer.name": "石景山饺子馆",
    "credit_code": "91350100M000100Y43",
    "role_arn": "arn:aws-cn:iam::123456789012:role/huimin-platform-unionpay",
    "district": "110107",
    "ValiditySection.days": None,
    "ValiditySection.valid_from": None,
    "ValiditySection.valid_until": None,
    "stock": [
        {
            "voucher_type_id": "dining-100-40",
            "platform_id": "unionpay",
            "units": 300,
            "expected_claims_per_s": 1_000,
        }
    ],
    "closes_at": "2026-01-10T10:00:00+08:00",
    "valid_until": "2026-01-10T10:00:00+08:00",
    "bank_code": "102100000030",
    "number": "0200000000000000000",
    "zh": "新春餐饮消费券",
    "en": "New Year dining vouchers",
    "real_name": True,
    "located_in": "110107",
    "CampaignAnswer.identities": ["IDENTITY_NUMBER"],
    "EligibilitySection.located_in": ["110107"],
}
_SECURITY: Final[Json] = {
    "sigv4": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": (
            "AWS Signature Version 4, service execute-api, with the key of your IAM role. / "
            "以 IAM 角色的密钥按 AWS Signature Version 4 签名，服务名为 execute-api。"
        ),
    }
}
_PARAMETERS: Final[Json] = {
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "description": "Language of problems: zh-CN (default) or en / 问题文档的语言，默认 zh-CN",
        "schema": {"type": "string", "maxLength": 256, "examples": ["en"]},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": (
            'The version that you change, as "3"; either this or If-None-Match. / '
            '所修改的版本，例如 "3"；与 If-None-Match 二选一。'
        ),
        "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,17}"$', "examples": ['"3"']},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": (
            "`*` to make something new; either this or If-Match. / "
            "新建时为 `*`；与 If-Match 二选一。"
        ),
        "schema": {"type": "string", "const": "*"},
    },
}
_HEADERS: Final[Json] = {
    "ETag": {
        "description": "The version of what the answer shows / 所返回内容的版本",
        "schema": {"type": "string", "examples": ['"3"']},
    },
    "IdempotencyReplayed": {
        "description": "The first answer to this number, again / 此为相同编号首次请求的结果",
        "schema": {"type": "string", "const": "true"},
    },
    "RetryAfter": {
        "description": "Seconds to wait / 需等待的秒数",
        "schema": {"type": "string", "pattern": "^[0-9]+$", "examples": ["1"]},
    },
}


def document_of(apps: Iterable[App], routes: Sequence[Route] = ROUTES) -> Json:
    """The OpenAPI document of these apps.

    Raises:
        ValueError: if a route has no operation or more than one.

    """
    operations = _operations(apps, routes)
    schemas, definitions = _schemas(operations)
    paths: Json = {}
    for operation in operations:
        route = operation.route
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            operation, schemas, definitions, _is_read_by_version(operation, operations)
        )
    shared = _share_refusals(paths)
    codes = sorted({code for operation in operations for code in operation.codes}, key=_order)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Huimin 惠民",
            "version": "1",
            "summary": "Consumption vouchers: one ledger for all platforms / 消费券统一账本",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document was found / 本文档所在地址"}],
        "security": [{"sigv4": []}],
        "tags": list(_TAGS),
        "paths": paths,
        "components": {
            "securitySchemes": _SECURITY,
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "responses": shared,
            "schemas": {**definitions, "Problem": _problem_schema(codes)},
            "examples": {code.value: _problem_example(code) for code in codes},
        },
    }


def render_document() -> str:
    """The document of the shipped functions, as the text of docs/openapi.json."""
    return json.dumps(document_of(APPS), ensure_ascii=False, indent=2) + "\n"


def _operations(apps: Iterable[App], routes: Sequence[Route]) -> list[Operation]:
    """One operation a route, in the order of the routes."""
    by_id: dict[str, Operation] = {}
    for app in apps:
        if twice := by_id.keys() & app.operations.keys():
            raise ValueError(f"more than one operation for {sorted(twice)}")
        by_id.update(app.operations)
    if missing := [route.operation_id for route in routes if route.operation_id not in by_id]:
        raise ValueError(f"no operation for {missing}")
    return [by_id[route.operation_id] for route in routes]


def _is_read_by_version(operation: Operation, operations: Iterable[Operation]) -> bool:
    """Whether answers show something that is changed by version, and so carry its ETag."""
    return operation.versioned or any(
        other.versioned and other.route.path == operation.route.path for other in operations
    )


# Schemas


def _schemas(operations: Sequence[Operation]) -> tuple[References, Json]:
    """References to the schemas of all models, and the schemas."""
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for operation in operations:
        for read in (operation.body, operation.query):
            if read is not None:
                models[read, "validation"] = None
        for written in operation.gives.values():
            if written is not None:
                models[written, "serialization"] = None
    references, schema = models_json_schema(list(models), ref_template=_SCHEMA_REF)
    definitions: Json = schema.get("$defs", {})
    for definition in definitions.values():
        _drop_property_titles(definition)
    return {key: references[key] for key in models}, definitions


def _drop_property_titles(schema: Json) -> None:
    """Remove titles that only repeat the name of a property."""
    for member in schema.get("properties", {}).values():
        member.pop("title", None)
        _drop_property_titles(member)


def _query_parameters(reference: Json, definitions: Json) -> list[Json]:
    schema = definitions[reference["$ref"].rpartition("/")[2]]
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": _described(member),
            "schema": _without_null(member),
        }
        for name, member in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """A query has no null: an optional parameter is simply left out."""
    variants = [variant for variant in schema.get("anyOf", ()) if variant.get("type") != "null"]
    return dict(variants[0]) if len(variants) == 1 else schema


def _described(schema: Json) -> str:
    return str(schema.get("description") or _without_null(schema).get("description", ""))


def example_of(schema: Json, definitions: Json) -> Any:  # noqa: ANN401 - any JSON value
    """A value that the schema takes, put together from examples of its parts."""
    schema = _resolved(schema, definitions)
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "array":
        return [example_of(schema["items"], definitions)]
    # Before its variants, which only narrow what the members may be.
    if schema.get("type") == "object":
        return {
            name: _example_of_member(schema, name, definitions)
            for name in schema.get("properties", {})
        }
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        return example_of(variants[0], definitions)
    return {"integer": schema.get("minimum", 1), "boolean": True}.get(schema.get("type", ""), "…")


def _example_of_member(schema: Json, name: str, definitions: Json) -> Any:  # noqa: ANN401 - as above
    for known in (f"{schema.get('title')}.{name}", name):
        if known in _EXAMPLES:
            return _EXAMPLES[known]
    return example_of(schema["properties"][name], definitions)


def _resolved(schema: Json, definitions: Json) -> Json:
    if "$ref" not in schema:
        return schema
    resolved: Json = definitions[schema["$ref"].rpartition("/")[2]]
    return resolved


# Operations


def _operation(
    operation: Operation,
    schemas: References,
    definitions: Json,
    is_read_by_version: bool,  # noqa: FBT001 - says itself what it is
) -> Json:
    route = operation.route
    summary, rest = _told(operation)
    described: Json = {
        "operationId": route.operation_id,
        "summary": summary,
        "description": "\n\n".join([*rest, *_conditions(operation)]),
        "tags": [_BUREAU_TAG if Role.PLATFORM not in route.roles else _PLATFORM_TAG],
        "x-roles": sorted(role.value for role in route.roles),
        "parameters": _parameters(operation, schemas, definitions),
    }
    if operation.number:
        described["x-idempotency-field"] = operation.number
    if operation.body:
        reference = schemas[operation.body, "validation"]
        described["x-max-body-bytes"] = operation.body_limit
        described["requestBody"] = {
            "required": True,
            "content": {
                _JSON_TYPE: {"schema": reference, "example": example_of(reference, definitions)}
            },
        }
    described["responses"] = {
        **_answers(operation, schemas, definitions, is_read_by_version),
        **_refusals(operation),
    }
    return described


def _told(operation: Operation) -> tuple[str, list[str]]:
    """The first line of the answering function's docstring, and its further paragraphs.

    Raises:
        ValueError: if the line is not "English / 中文".

    """
    summary, *rest = (inspect.getdoc(operation.answer) or "").split("\n\n")
    if " / " not in summary:
        raise ValueError(f'{operation.route.operation_id} needs a docstring "English / 中文"')
    return summary.rstrip(".。").replace("\n", " "), rest


def _conditions(operation: Operation) -> list[str]:
    """What a caller has to know besides the fields: who may call, numbers, versions."""
    roles = [_ROLES[role] for role in Role if role in operation.route.roles]
    english, chinese = ", ".join(role.en for role in roles), "、".join(role.zh for role in roles)
    said = [f"May be called by: {english}. / 可调用的角色：{chinese}。"]
    if operation.number:
        said.append(
            f"Idempotent by `{operation.number}`: send it again unchanged whenever you are unsure. "
            f"/ 以 `{operation.number}` 幂等：不确定是否成功时，请原样重发。"
        )
    if operation.versioned:
        said.append(
            'Send the version that you have read as If-Match: "N", or If-None-Match: * to make '
            'something new. / 请以 If-Match: "N" 发送所读到的版本；新建请发送 If-None-Match: *。'
        )
    return said


def _parameters(
    operation: Operation,
    schemas: References,
    definitions: Json,
) -> list[Json]:
    parameters: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _IDS[name][0],
            "schema": {
                "type": "string",
                "pattern": PATH_PATTERNS[name],
                "examples": [_IDS[name][1]],
            },
        }
        for name in operation.path_names
    ]
    if operation.query:
        reference = schemas[operation.query, "validation"]
        parameters += _query_parameters(reference, definitions)
    names = ["IfMatch", "IfNoneMatch"] if operation.versioned else []
    return parameters + [
        {"$ref": f"#/components/parameters/{name}"} for name in [*names, "AcceptLanguage"]
    ]


def _answers(
    operation: Operation,
    schemas: References,
    definitions: Json,
    is_read_by_version: bool,  # noqa: FBT001 - as above
) -> Json:
    answers: Json = {}
    for status, model in sorted(operation.gives.items()):
        headers: Json = {}
        if operation.number and status == HTTPStatus.OK:
            headers[REPLAYED_HEADER] = {"$ref": "#/components/headers/IdempotencyReplayed"}
        if is_read_by_version:
            headers["ETag"] = {"$ref": "#/components/headers/ETag"}
        answer: Json = {"description": HTTPStatus(status).phrase}
        if headers:
            answer["headers"] = headers
        if model is not None:
            reference = schemas[model, "serialization"]
            answer["content"] = {
                _JSON_TYPE: {"schema": reference, "example": example_of(reference, definitions)}
            }
        answers[str(status)] = answer
    return answers


# Problems


def _order(code: Code) -> int:
    return list(Code).index(code)


def _status(code: Code) -> int:
    return PROBLEMS[code].status


def _refusals(operation: Operation) -> Json:
    """The problems that a caller can meet, by status, each code with its title."""
    codes = sorted(operation.codes, key=lambda code: (_status(code), _order(code)))
    refusals: Json = {}
    for status, grouped in groupby(codes, key=_status):
        of_status = list(grouped)
        refusal: Json = {
            "description": "\n".join(
                f"- `{code.value}`: {PROBLEMS[code].title.en} / {PROBLEMS[code].title.zh}"
                for code in of_status
            ),
            "content": {
                _PROBLEM_TYPE: {
                    "schema": {
                        "allOf": [
                            {"$ref": "#/components/schemas/Problem"},
                            {"properties": {"code": {"enum": [c.value for c in of_status]}}},
                        ]
                    },
                    "examples": {
                        code.value: {"$ref": f"#/components/examples/{code.value}"}
                        for code in of_status
                    },
                }
            },
        }
        if any(PROBLEMS[code].retry_after_s is not None for code in of_status):
            refusal["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
        refusals[str(status)] = refusal
    return refusals


def _share_refusals(paths: Json) -> Json:
    """Move refusals that several operations have out of them, by name; the names' refusals."""
    described = [member for path in paths.values() for member in path.values()]
    refusals = [
        (f"Refused{status}", refusal)
        for operation in described
        for status, refusal in operation["responses"].items()
        if _PROBLEM_TYPE in refusal.get("content", ())
    ]
    shared: Json = {}
    for name, _ in refusals:
        of_status = [refusal for other, refusal in refusals if other == name]
        most = max(of_status, key=of_status.count)
        if name not in shared and of_status.count(most) > 1:
            shared[name] = most
    for operation in described:
        for status, response in operation["responses"].items():
            if shared.get(f"Refused{status}") == response:
                reference = {"$ref": f"#/components/responses/Refused{status}"}
                operation["responses"][status] = reference
    return dict(sorted(shared.items()))


def _problem_example(code: Code) -> Json:
    problem = problem_document(
        HuiminError(code),
        language=Language.EN,
        instance="/v1/claims",
        request_id="5c8f0a2e-0f0d-4c57-9c0b-7d1f3f0c2a11",
    )
    return {"summary": PROBLEMS[code].title.zh, "value": problem}


def _problem_schema(codes: Iterable[Code]) -> Json:
    told = ("pointer", "parameter", "header", "detail")
    known: Json = {
        "type": {"type": "string", "format": "uri", "examples": [f"{TYPE_PREFIX}SOLD_OUT"]},
        "title": {"type": "string", "description": "For people / 供人阅读"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {
            "type": "string",
            "description": "What happened, and what to do / 原因与处理办法",
        },
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {
            "enum": [code.value for code in codes],
            "description": "Stable; programs read this / 稳定不变，供程序读取",
        },
        "retryable": {
            "type": "boolean",
            "description": "Sent again unchanged, it may succeed / 原样重发可能成功",
        },
        "request_id": {"type": "string", "description": "For support / 供支持人员查询"},
    }
    facts: Json = {
        name: {"description": f"{words.en} / {words.zh}"}
        for name, words in MEMBERS.items()
        if name != "errors"
    }
    errors: Json = {
        "type": "array",
        "maxItems": MAX_ERRORS,
        "description": f"{MEMBERS['errors'].en} / {MEMBERS['errors'].zh}",
        "items": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in told},
            "required": ["detail"],
        },
    }
    return {
        "title": "Problem",
        "description": "RFC 9457 problem document; members may be added / RFC 9457 问题文档",
        "type": "object",
        "properties": {**known, "errors": errors, **facts},
        "required": list(known),
    }


def main() -> None:
    """Write docs/openapi.json."""
    DOCUMENT.write_text(render_document(), encoding="utf-8")


if __name__ == "__main__":
    main()
