"""What no caller should send: each kind of it, to each call that takes a body, changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.shared.edge.routes import ROUTES
from tests.support.calls import (
    NEW,
    OPERATOR,
    Bureau,
    Platform,
    claim_body,
    earning_body,
    platform_arn,
    version,
)
from tests.support.calls import redemption_body as redemption
from tests.support.campaigns import UNIONPAY, campaign_document
from tests.support.deployment import Deployment, make_bucket
from tests.support.events import Reply, path_of, proxy_event, refused

TILL = platform_arn(UNIONPAY)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that takes a body, one that it accepts, and its fields of each kind.

    `with_most` is what goes with the largest integer.
    """

    method: str
    path: str
    caller: str
    body: dict[str, Any]
    integer: str | None
    text: str
    least: int = 0
    most: int = 10**10
    seen: Mapping[str, str] = field(default_factory=dict)
    with_most: Mapping[str, Any] = field(default_factory=dict)

    def send(self, deployment: Deployment, body: object, **headers: str) -> Reply:
        """The answer to a body, written as JSON unless it is text."""
        sent = {**(NEW if self.method == "PUT" else {}), **self.seen, **headers}
        return deployment.call(self.caller, self.method, self.path, body, headers=sent)

    def with_field(self, name: str, value: object) -> dict[str, Any]:
        """The accepted body with one field changed."""
        return self.body | {name: value}


CLAIM = Call("POST", "/v1/claims", TILL, claim_body(), None, "request_no")
SEARCH = Call(
    "POST",
    "/v1/vouchers/search",
    TILL,
    {"campaign_id": "spring-2026", "person": claim_body()["person"], "limit": 20},
    "limit",
    "campaign_id",
    least=1,
    most=100,
)
HOLD = Call("POST", f"/v1/vouchers/v_{'a' * 32}/hold", TILL, {"order_no": "o"}, None, "order_no")
RELEASE = Call(
    "POST", f"/v1/vouchers/v_{'a' * 32}/release", TILL, {"order_no": "o"}, None, "order_no"
)
REDEEM = Call(
    "POST",
    "/v1/redemptions",
    TILL,
    redemption("v_" + "a" * 32),
    "order_fen",
    "order_no",
    least=1,
)
REFUND = Call(
    "POST",
    f"/v1/redemptions/r_{'a' * 32}/refunds",
    TILL,
    {"refund_no": "f-1", "refund_fen": 100},
    "refund_fen",
    "refund_no",
    least=1,
)
EARN = Call("POST", "/v1/earnings", TILL, earning_body(), "order_fen", "order_no", least=1)
BILL = Call(
    "POST",
    "/v1/bills",
    TILL,
    {"business_on": "2026-01-04", "bytes": 100, "sha256": "a" * 64},
    "bytes",
    "sha256",
    least=1,
    most=20 * 1024 * 1024 * 1024,
    with_most={"part_sha256": ["b" * 64] * 20},
)
EARNING_REFUND = Call(
    "POST",
    f"/v1/earnings/v_{'a' * 32}/refunds",
    TILL,
    {"refund_no": "f-1", "refund_fen": 100},
    "refund_fen",
    "refund_no",
    least=1,
)
CAMPAIGN = Call(
    "PUT",
    "/v1/admin/campaigns/summer-2026",
    OPERATOR,
    campaign_document(campaign_id="summer-2026"),
    "appropriated_fen",
    "campaign_id",
    least=1,
    most=10**13,
)
PLATFORM = Call(
    "PUT",
    "/v1/admin/platforms/jd",
    OPERATOR,
    {"name": "京东", "role_arn": "arn:aws-cn:iam::123456789012:role/jd", "active": True},
    None,
    "name",
)
MERCHANT = Call(
    "PUT",
    "/v1/admin/merchants/tofu",
    OPERATOR,
    {
        "effective_on": "2026-01-01",
        "name": "豆腐店",
        "credit_code": "92110186MA2197029B",
        "industry": "dining",
        "size_class": "MICRO",
        "district": "110107",
        "active": True,
    },
    None,
    "name",
)
PAUSE = Call(
    "POST", "/v1/admin/campaigns/spring-2026/pause", OPERATOR, {"reason": "巡检"}, None, "reason"
)
STOCK_CHANGE = Call(
    "PUT",
    "/v1/admin/campaigns/spring-2026/stock-changes/more",
    OPERATOR,
    {
        "round_id": "r1",
        "voucher_type_id": "50-20",
        "platform_id": UNIONPAY,
        "units_before": 3,
        "units_after": 5,
        "reason": "加量",
    },
    "units_after",
    "reason",
    most=100_000_000,
)
GRANT = Call(
    "PUT",
    "/v1/admin/campaigns/spring-2026/grants/elders",
    OPERATOR,
    {"round_id": "r1", "voucher_type_id": "50-20", "platform_id": UNIONPAY, "reason": "老人"},
    None,
    "reason",
)
VOID = Call(
    "POST",
    f"/v1/admin/vouchers/v_{'a' * 32}/void",
    OPERATOR,
    {"void_no": "void-1", "reason": "冒领"},
    None,
    "void_no",
)
RESOLUTION = Call(
    "PUT",
    f"/v1/admin/breaks/unionpay/2026-01-05/b_{'a' * 32}/resolution",
    OPERATOR,
    {"kind": "WRITE_OFF", "reason": "无法查证"},
    None,
    "reason",
)
BANK_REPLY = Call(
    "POST",
    "/v1/admin/campaigns/spring-2026/returns/1/payment/reply",
    OPERATOR,
    {
        "reference": "HUIMIN-R0001-0A1B2C",
        "account_number": "0200001234567890123",
        "paid_fen": 100,
        "bank_reference": "B-7",
        "note": "已入账",
    },
    "paid_fen",
    "bank_reference",
    most=10**13,
    seen=version(3),
)
CONFIRMATION = Call(
    "POST",
    "/v1/settlements/spring-2026/2026-01-05/confirm",
    TILL,
    {
        "statement_id": "s_" + "a" * 32,
        "payable_fen": 100,
        "payable_side": "BUREAU",
    },
    "payable_fen",
    "payable_side",
    most=10**13,
)
CALLS = {
    "claim": CLAIM,
    "search": SEARCH,
    "hold": HOLD,
    "release": RELEASE,
    "redeem": REDEEM,
    "refund": REFUND,
    "earn": EARN,
    "earning refund": EARNING_REFUND,
    "bill": BILL,
    "campaign": CAMPAIGN,
    "platform": PLATFORM,
    "merchant": MERCHANT,
    "pause": PAUSE,
    "stock change": STOCK_CHANGE,
    "grant": GRANT,
    "void": VOID,
    "break resolution": RESOLUTION,
    "bank reply": BANK_REPLY,
    "confirmation": CONFIRMATION,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
every_integer = pytest.mark.parametrize(
    "call",
    [call for call in CALLS.values() if call.integer],
    ids=[name for name, call in CALLS.items() if call.integer],
)


@pytest.fixture
def refuses(deployment: Deployment) -> Callable[[Call, object, int, str], dict[str, Any]]:
    """Sends a body that must be refused and change nothing; the problem in Chinese."""

    def send(call: Call, body: object, status: int, code: str) -> dict[str, Any]:
        before = deployment.snapshot()
        problems = [
            refused(call.send(deployment, body, **{"Accept-Language": language}), status, code)
            for language in ("zh-CN", "en")
        ]
        assert deployment.snapshot() == before
        for problem, is_english in zip(problems, (False, True), strict=True):
            assert problem["title"].isascii() is is_english
            assert problem["detail"].isascii() is is_english
        return problems[0]

    return send


Refuses = Callable[[Call, object, int, str], dict[str, Any]]


def test_the_bodies_that_are_changed_below_are_accepted_or_refused_for_other_reasons(
    deployment: Deployment,
) -> None:
    """A test that a body is refused means nothing if it would be refused unchanged."""
    statuses = {name: call.send(deployment, call.body).status for name, call in CALLS.items()}
    assert statuses == {
        "claim": 201,
        "search": 200,
        "hold": 404,
        "release": 404,
        "redeem": 404,
        "refund": 404,
        "earn": 404,
        "earning refund": 404,
        "bill": 200,
        "campaign": 201,
        "platform": 201,
        "merchant": 201,
        "pause": 200,
        "stock change": 201,
        "grant": 409,
        "void": 404,
        "break resolution": 404,
        "bank reply": 404,
        "confirmation": 404,
    }


# The text


def whole(call: Call) -> str:
    return json.dumps(call.body)


BODIES: list[tuple[str, Callable[[Call], str], str]] = [
    ("nothing", lambda _: "", "empty"),
    ("spaces", lambda _: " \n\t", "empty"),
    ("an array", lambda _: "[]", "not_an_object"),
    ("null", lambda _: "null", "not_an_object"),
    ("a text", lambda _: '"a"', "not_an_object"),
    ("cut off", lambda call: whole(call)[:-1], "syntax"),
    ("single quotes", lambda _: "{'a': 1}", "syntax"),
    ("something after it", lambda call: whole(call) + "{}", "trailing"),
    ("a key twice", lambda call: whole(call)[:-1] + f', "{call.text}": "b"}}', "duplicate_key"),
    ("a key twice, the same value", lambda call: whole(call)[:-1] + "," + whole(call)[1:],
     "duplicate_key"),
    ("2,000 deep", lambda _: '{"a":' + "[" * 2_000 + "]" * 2_000 + "}", "too_deep"),
    ("2,000 deep and open", lambda _: '{"a":' * 2_000, "too_deep"),
    ("NUL", lambda call: json.dumps(call.with_field(call.text, "a\0b")), "nul_character"),
    ("NUL raw", lambda _: '{"a":"\0"}', "nul_character"),
    ("lone surrogate", lambda call: json.dumps(call.with_field(call.text, "\ud800")),
     "lone_surrogate"),
    ("lone surrogate raw", lambda _: '{"a":"\udc00"}', "lone_surrogate"),
    ("NaN", lambda _: '{"a": NaN}', "not_a_number"),
    ("Infinity", lambda _: '{"a": -Infinity}', "not_a_number"),
    ("a thousand digits", lambda _: '{"a": ' + "9" * 1_000 + "}", "number_too_long"),
    ("byte order mark", lambda call: "\ufeff" + whole(call), "byte_order_mark"),
]  # fmt: skip


@every_call
@pytest.mark.parametrize(
    ("body", "reason"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES]
)
def test_a_body_that_is_no_plain_json_object_is_refused(
    refuses: Refuses, call: Call, body: Callable[[Call], str], reason: str
) -> None:
    assert refuses(call, body(call), 400, "MALFORMED_BODY")["reason"] == reason


@every_call
def test_a_body_above_the_limit_is_refused_by_its_size(refuses: Refuses, call: Call) -> None:
    limit = 256 * 1024 if call is CAMPAIGN else 16 * 1024
    for body in (whole(call) + " " * limit, "x" * 1_000_000, "惠" * limit):
        assert refuses(call, body, 413, "BODY_TOO_LARGE")["limit_bytes"] == limit


def test_a_body_at_the_very_limit_is_read(deployment: Deployment) -> None:
    body = whole(CLAIM)
    padded = body + " " * (16 * 1024 - len(body.encode()))
    assert CLAIM.send(deployment, padded).status == 201
    refused(CLAIM.send(deployment, padded + " "), 413, "BODY_TOO_LARGE")


@every_call
@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=gbk"},
     {"Content-Encoding": "gzip"}],
    ids=["text", "gbk", "gzip"],
)  # fmt: skip
def test_a_body_of_another_media_type_is_refused(
    deployment: Deployment, call: Call, headers: dict[str, str]
) -> None:
    before = deployment.snapshot()
    refused(call.send(deployment, call.body, **headers), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert deployment.snapshot() == before


# Its fields


@every_integer
@pytest.mark.parametrize(
    "literal",
    ["true", "false", '"100"', "1e2", "100.0", "1.5", "null", "[]", "{}", str(2**63),
     str(-(2**63)), "-1", "9" * 19],
)  # fmt: skip
def test_an_amount_is_a_plain_integer_in_its_range(
    refuses: Refuses, call: Call, literal: str
) -> None:
    assert call.integer is not None
    body = json.dumps(call.with_field(call.integer, "HERE")).replace('"HERE"', literal)
    problem = refuses(call, body, 400, "INVALID_FIELDS")
    assert [fault["pointer"] for fault in problem["errors"]] == [f"/{call.integer}"]


@every_integer
def test_an_amount_beyond_its_bounds_is_refused(refuses: Refuses, call: Call) -> None:
    assert call.integer is not None
    for value in (call.least - 1, call.most + 1):
        problem = refuses(call, call.with_field(call.integer, value), 400, "INVALID_FIELDS")
        assert problem["errors"][0]["pointer"] == f"/{call.integer}"


@every_integer
def test_an_amount_at_its_bounds_is_read(deployment: Deployment, call: Call) -> None:
    assert call.integer is not None
    if call is BILL:
        # A bill in parts is begun in the bucket.
        make_bucket()
    for value in (call.least, call.most):
        more = call.with_most if value == call.most else {}
        reply = call.send(deployment, {**call.with_field(call.integer, value), **more})
        assert "INVALID_FIELDS" not in reply.text


@every_call
@pytest.mark.parametrize("value", [None, 1, True, [], {}, "", "\t"], ids=ascii)
def test_a_text_is_a_text(refuses: Refuses, call: Call, value: object) -> None:
    problem = refuses(call, call.with_field(call.text, value), 400, "INVALID_FIELDS")
    assert [fault["pointer"] for fault in problem["errors"]] == [f"/{call.text}"]


@every_call
def test_an_unknown_field_is_refused_and_named(refuses: Refuses, call: Call) -> None:
    problem = refuses(call, call.with_field("colour", "red"), 400, "INVALID_FIELDS")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/colour"]


@every_call
def test_a_missing_field_is_named(refuses: Refuses, call: Call) -> None:
    body = {name: value for name, value in call.body.items() if name != call.text}
    problem = refuses(call, body, 400, "INVALID_FIELDS")
    assert [fault["pointer"] for fault in problem["errors"]] == [f"/{call.text}"]


NUMBERS = [CLAIM, HOLD, RELEASE, REDEEM, REFUND]


@pytest.mark.parametrize("call", NUMBERS, ids=["claim", "hold", "release", "redeem", "refund"])
@pytest.mark.parametrize("number", ["x" * 65, "a b", "a/b", "号", "a#b", "a\n", "a'b"], ids=ascii)
def test_a_number_has_its_own_alphabet_and_length(
    refuses: Refuses, call: Call, number: str
) -> None:
    refuses(call, call.with_field(call.text, number), 400, "INVALID_FIELDS")


def test_a_number_of_every_permitted_character_and_length_is_taken(
    deployment: Deployment, unionpay: Platform
) -> None:
    number = "Aa0_-|*." * 8
    assert len(number) == 64
    assert CLAIM.send(deployment, claim_body(0, number)).status == 201
    assert unionpay.search().body["vouchers"][0]["request_no"] == number


DOCUMENT: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("an unknown field far inside", lambda d: d["rounds"][0]["stock"][1].update(colour="red"),
     "/rounds/0/stock/1/colour"),
    ("units as true", lambda d: d["rounds"][0]["stock"][0].update(units=True),
     "/rounds/0/stock/0/units"),
    ("units as a fraction", lambda d: d["rounds"][0]["stock"][0].update(units=1.0),
     "/rounds/0/stock/0/units"),
    ("units below none", lambda d: d["rounds"][0]["stock"][0].update(units=-1),
     "/rounds/0/stock/0/units"),
    ("a face in yuan", lambda d: d["voucher_types"][0].update(face_fen=20.0),
     "/voucher_types/0/face_fen"),
    ("a kind unknown", lambda d: d["voucher_types"][0].update(kind="GIFT"),
     "/voucher_types/0/kind"),
    ("shares above the whole", lambda d: d["voucher_types"][0]["funding"].update(fiscal_bp=10_001),
     "/voucher_types/0/funding/fiscal_bp"),
    ("a time without its offset", lambda d: d["rounds"][0].update(opens_at="2026-01-05T10:00:00"),
     "/rounds/0/opens_at"),
    ("a day that is none", lambda d: d["rounds"][0].update(opens_at="2026-02-30T10:00:00Z"),
     "/rounds/0/opens_at"),
    ("no round", lambda d: d.update(rounds=[]), "/rounds"),
    ("too many rounds", lambda d: d.update(rounds=d["rounds"] * 51), "/rounds"),
    ("a limit of none", lambda d: d["limits"][0].update(max_count=0), "/limits/0/max_count"),
    ("a hold of a second", lambda d: d.update(hold_s=1), "/hold_s"),
    ("another version", lambda d: d.update(schema_version=2), "/schema_version"),
    ("an account with letters", lambda d: d["source_account"].update(number="abc123"),
     "/source_account/number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "pointer"), [case[1:] for case in DOCUMENT], ids=[case[0] for case in DOCUMENT]
)
def test_a_document_of_the_wrong_shape_is_pointed_at(
    refuses: Refuses, change: Callable[[dict[str, Any]], object], pointer: str
) -> None:
    body = campaign_document(campaign_id="summer-2026")
    change(body)
    problem = refuses(CAMPAIGN, body, 400, "INVALID_FIELDS")
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


# Ids, methods and routes


@pytest.mark.parametrize(
    "path",
    [
        "/v1/vouchers/v_ABC",
        "/v1/vouchers/" + "a" * 5_000,
        "/v1/vouchers/%00",
        "/v1/vouchers/v_%F0%9F%98%80",
        "/v1/redemptions/r_1",
        "/v1/campaigns/Spring",
        "/v1/campaigns/-",
        "/v1/campaigns/" + "a" * 41,
    ],
)
def test_an_id_of_no_possible_shape_is_one_that_nothing_has(
    deployment: Deployment, unionpay: Platform, path: str
) -> None:
    before = deployment.snapshot()
    refused(unionpay.call("GET", path), 404, "NOT_FOUND")
    assert deployment.snapshot() == before


PATHS = sorted({path_of(route) for route in ROUTES})
METHODS = {path: sorted(r.method for r in ROUTES if path_of(r) == path) for path in PATHS}


@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_refused_with_those_that_are_taken(
    deployment: Deployment, path: str
) -> None:
    before = deployment.snapshot()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        if method in METHODS[path]:
            continue
        reply = deployment.call(TILL, method, path, {"any": "body"})
        document = refused(reply, 405, "METHOD_NOT_ALLOWED")
        assert reply.headers["Allow"] == document["allow"] == ", ".join(METHODS[path])
    assert deployment.snapshot() == before


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/claim", "/v1/claims/1", "/v2/claims", "/v1/admin", "/v1/vouchers"]
)
def test_an_unknown_route_gets_our_own_answer(deployment: Deployment, path: str) -> None:
    for caller in (TILL, OPERATOR, None):
        for method in ("GET", "POST", "DELETE"):
            refused(deployment.call(caller, method, path), 404, "ROUTE_NOT_FOUND")


def test_a_query_where_none_is_taken_is_refused(deployment: Deployment) -> None:
    before = deployment.snapshot()
    reply = deployment.call(TILL, "POST", "/v1/claims?dry_run=1", claim_body())
    assert refused(reply, 400, "INVALID_FIELDS")["errors"][0]["parameter"] == "dry_run"
    assert deployment.snapshot() == before


# Whatever else there is


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(CALLS)), JSON_VALUES, st.data())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_value_of_any_field_is_our_fault(
    deployment: Deployment, name: str, value: object, data: st.DataObject
) -> None:
    """Any JSON value in any field of any call is taken or refused, never a fault of ours."""
    call = CALLS[name]
    field = data.draw(st.sampled_from(sorted(call.body)))
    event = proxy_event(
        call.method, call.path, caller=call.caller, body=call.with_field(field, value), headers=NEW
    )
    assert deployment.send(event).status < 500


def test_bodies_of_the_bureau_are_whole_in_both_languages(bureau: Bureau) -> None:
    reply = bureau.put_campaign(campaign_document(campaign_id="summer-2026"))
    assert reply.body["document"]["name"] == {"zh": "新春消费券", "en": "Spring vouchers"}
