"""Every malformed input that the API's rules name is refused with its code, and changes nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edge.sample import (
    AUDITOR_ARN,
    OPERATOR_ARN,
    PERSON,
    SESSION,
    VOUCHER_ID,
    Sample,
    claim,
    event,
    problem,
)
from tests.edge.sample import sample as make_sample

EN = {"Accept-Language": "en"}
WHOLE = json.dumps(claim())


def refused(made: Sample, sent: dict[str, Any]) -> dict[str, Any]:
    """The problem of a refusal that reached no operation."""
    document = problem(made.app.handle(sent, None))
    assert made.reached == []
    return document


def claim_with(**changes: object) -> dict[str, Any]:
    return {**claim(), **changes}


BODIES: list[tuple[str, str | bytes, str, int | None, str]] = [
    # name, body, reason, position, what to mend
    ("empty", "", "empty", None, "body is empty"),
    ("blank", " \n", "empty", None, "body is empty"),
    ("not JSON", "request_no=1", "syntax", 1, "quotes and commas"),
    ("single quotes", "{'a': 1}", "syntax", 2, "quotes and commas"),
    ("cut off", WHOLE[:-1], "syntax", len(WHOLE), "quotes and commas"),
    ("trailing comma", '{"a":1,}', "syntax", None, "quotes and commas"),
    ("trailing garbage", WHOLE + "x", "trailing", len(WHOLE) + 1, "send the object alone"),
    ("two objects", "{}{}", "trailing", 3, "send the object alone"),
    ("array", "[]", "not_an_object", None, "wrap it"),
    ("null", "null", "not_an_object", None, "wrap it"),
    ("number", "1", "not_an_object", None, "wrap it"),
    ("duplicate key", '{"a":1,"b":2,"a":3}', "duplicate_key", None, 'the name is "a"'),
    ("duplicate key inside", '{"o":[{"b":1,"b":1}]}', "duplicate_key", None, 'name is "b"'),
    ("2,000 deep", '{"a":' + "[" * 2_000, "too_deep", 37, "more than 32 deep"),
    ("2,000 deep, closed", '{"a":' * 2_000 + "1" + "}" * 2_000, "too_deep", None, "flatten"),
    ("NaN", '{"a":NaN}', "not_a_number", None, "send an integer"),
    ("Infinity", '{"a":Infinity}', "not_a_number", None, "send an integer"),
    ("-Infinity", '{"a":-Infinity}', "not_a_number", None, "send an integer"),
    ("1e999", '{"a":1e999}', "not_a_number", None, "send an integer"),
    ("20 digits", '{"a":' + "9" * 20 + "}", "number_too_long", None, "at most 19"),
    ("4,000 digits", '{"a":' + "9" * 4_000 + "}", "number_too_long", None, "at most 19"),
    ("long fraction", '{"a":0.' + "1" * 99 + "}", "number_too_long", None, "too many digits"),
    ("NUL escaped", '{"a":"\\u0000"}', "nul_character", 7, "NUL; remove it"),
    ("NUL raw", '{"a":"\x00"}', "nul_character", 7, "NUL; remove it"),
    ("line break raw", '{"a":"\n"}', "control_character", 7, "escape it"),
    ("high surrogate escaped", '{"a":"\\ud800"}', "lone_surrogate", 7, "whole characters"),
    ("low surrogate escaped", '{"a":"\\udc00"}', "lone_surrogate", 7, "whole characters"),
    ("surrogate from the event", '{"a":"\ud800"}', "lone_surrogate", 7, "whole characters"),
    ("not UTF-8", '{"a":"惠民"}'.encode("gbk"), "not_utf8", 7, "not GBK"),
    ("surrogate in UTF-8", b'{"a":"\xed\xa0\x80"}', "not_utf8", 7, "not GBK"),
    ("byte order mark", "\ufeff{}", "byte_order_mark", 1, "leave it out"),
]


@pytest.mark.parametrize(
    ("body", "reason", "position", "mend"), [b[1:] for b in BODIES], ids=[b[0] for b in BODIES]
)
def test_body_that_is_no_json_is_refused_with_what_to_mend(
    sample: Sample, body: str | bytes, reason: str, position: int | None, mend: str
) -> None:
    document = refused(sample, event(body=body, headers=EN))
    assert (document["status"], document["code"]) == (400, "MALFORMED_BODY")
    assert document["reason"] == reason
    if position is not None:
        assert document["position"] == position
    assert mend in document["detail"]


@pytest.mark.parametrize("body", [b[1] for b in BODIES], ids=[b[0] for b in BODIES])
def test_body_that_is_no_json_is_refused_in_chinese_too(sample: Sample, body: str | bytes) -> None:
    document = refused(sample, event(body=body))
    assert document["title"] == "请求体不是可接受的 JSON"
    assert document["detail"].endswith("并改正所指出的问题。")


FIELDS: list[tuple[str, object, str, str]] = [
    # name, body, pointer, what to mend
    ("true for an amount", claim_with(amount_fen=True), "/amount_fen", "whole number"),
    ("text for an amount", claim_with(amount_fen="100"), "/amount_fen", "without quotes"),
    ("null for an amount", claim_with(amount_fen=None), "/amount_fen", "whole number"),
    ("exponent", json.dumps(claim())[:-1] + ',"amount_fen":1e2}', "/amount_fen", "exponent"),
    ("point", json.dumps(claim())[:-1] + ',"amount_fen":100.0}', "/amount_fen", "whole number"),
    ("2^63", claim_with(amount_fen=2**63), "/amount_fen", "must be 10000000000 or less"),
    ("-2^63", claim_with(amount_fen=-(2**63)), "/amount_fen", "must be 0 or more"),
    ("negative", claim_with(amount_fen=-1), "/amount_fen", "must be 0 or more"),
    ("1 for a truth", claim_with(real_name=1), "/real_name", "true or false"),
    ("number for a text", claim_with(request_no=7), "/request_no", "double quotes"),
    ("missing", {"campaign_id": "a", "person": {"identity_number": PERSON}}, "/request_no", "add"),
    ("unknown", claim_with(colour="red"), "/colour", "remove it or mend its spelling"),
    ("empty number", claim_with(request_no=""), "/request_no", "must match"),
    ("long number", claim_with(request_no="x" * 65), "/request_no", "must match"),
    ("Chinese number", claim_with(request_no="号"), "/request_no", "must match"),
    ("number with line break", claim_with(request_no="a\n"), "/request_no", "must match"),
    ("object for an array", claim_with(notes={}), "/notes", "array"),
    ("array for an object", claim_with(person=[]), "/person", "object"),
    ("too many", claim_with(notes=[{"text": "a"}] * 3), "/notes", "2 or fewer"),
    ("in an entry", claim_with(notes=[{"text": "a"}, {"text": 1}]), "/notes/1/text", "quotes"),
    ("missing in an entry", claim_with(notes=[{}]), "/notes/0/text", "add it"),
    ("in a variant", claim_with(benefits=[{"kind": "FACE", "face_fen": 0}]),
     "/benefits/0/face_fen", "must be 1 or more"),
    ("variant unknown", claim_with(benefits=[{"kind": "GIFT"}]), "/benefits/0", "one of"),
    ("variant missing", claim_with(benefits=[{}]), "/benefits/0", "needs"),
    ("time without offset", claim_with(at="2026-01-03T10:00:00"), "/at", "with its offset"),
    ("time as a number", claim_with(at=1_767_400_000), "/at", "with its offset"),
    ("time that is none", claim_with(at="2026-02-30T10:00:00Z"), "/at", "with its offset"),
    ("identity number too short", claim_with(person={"identity_number": "1101051949"}),
     "/person/identity_number", "18 or more"),
    ("identity number mistyped", claim_with(person={"identity_number": PERSON[:-1] + "1"}),
     "/person/identity_number", "typing error"),
    ("phone", claim_with(person={"identity_number": PERSON, "phone": "12345678901"}),
     "/person/phone", "11 digits"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer", "mend"), [f[1:] for f in FIELDS], ids=[f[0] for f in FIELDS]
)
def test_field_of_the_wrong_kind_is_pointed_at(
    sample: Sample, body: object, pointer: str, mend: str
) -> None:
    document = refused(sample, event(body=body, headers=EN))
    assert (document["status"], document["code"]) == (400, "INVALID_FIELDS")
    assert [fault["pointer"] for fault in document["errors"]] == [pointer]
    assert mend in document["errors"][0]["detail"]


@pytest.mark.parametrize("body", [f[1] for f in FIELDS], ids=[f[0] for f in FIELDS])
def test_fault_of_a_field_is_told_in_chinese_by_default(sample: Sample, body: object) -> None:
    [fault] = refused(sample, event(body=body))["errors"]
    assert any("一" <= character <= "龥" for character in fault["detail"])
    assert "{" not in fault["detail"].replace("{ }", "").replace("{1,64}", "")


@pytest.mark.parametrize(
    "body",
    [
        claim_with(person={"identity_number": "110105199001011234"}),
        claim_with(person={"identity_number": PERSON, "phone": "12345678901"}),
        claim_with(request_no="11010519900101123 4"),
        claim_with(**{"110105199001011234": 1}),
        claim_with(person={"identity_number": PERSON, "110105199001011234": 1}),
        '{"110105199001011234":1,"110105199001011234":2}',
        {"person": "110105199001011234"},
    ],
)
def test_what_may_be_a_persons_number_is_neither_echoed_nor_logged(
    sample: Sample, logs: io.StringIO, body: object
) -> None:
    response = sample.app.handle(event(body=body, headers=EN), None)
    assert sample.reached == []
    for told in (json.dumps(response), logs.getvalue()):
        assert "1101051990" not in told
        assert "12345678901" not in told


def test_many_faults_are_told_at_once_and_not_without_end(sample: Sample) -> None:
    body = {f"field{letter}x": 1 for letter in "abcdefghijklmnopqrstuvwxyz"}
    assert len(refused(sample, event(body=body))["errors"]) == 20
    sent = event(body={"request_no": 1, "campaign_id": 2, "person": {}})
    pointers = [fault["pointer"] for fault in refused(sample, sent)["errors"]]
    assert pointers == ["/request_no", "/campaign_id", "/person/identity_number"]


@pytest.mark.parametrize("as_base64", [False, True])
def test_body_at_the_limit_is_read_and_one_byte_more_is_not(
    sample: Sample, *, as_base64: bool
) -> None:
    padding = 16_384 - len(WHOLE.encode())
    sample.app.handle(event(body=WHOLE + " " * padding, as_base64=as_base64), None)
    assert len(sample.reached) == 1
    sample.reached.clear()
    sent = event(body=WHOLE + " " * (padding + 1), as_base64=as_base64, headers=EN)
    document = refused(sample, sent)
    assert (document["status"], document["code"]) == (413, "BODY_TOO_LARGE")
    assert document["limit_bytes"] == 16_384


@pytest.mark.parametrize("body", ["[" * 2_000_000, "惠" * 5_500, b"\xff" * 3_000_000])
def test_huge_bodies_are_refused_by_their_size(sample: Sample, body: str | bytes) -> None:
    assert refused(sample, event(body=body))["code"] == "BODY_TOO_LARGE"


def test_body_where_none_is_taken_is_refused(sample: Sample) -> None:
    path = f"/v1/vouchers/{VOUCHER_ID}"
    sent = event(
        "GET", path, resource="/v1/vouchers/{voucher_id}", ids={"voucher_id": VOUCHER_ID}, body="{}"
    )
    document = refused(sample, sent)
    assert (document["code"], document["limit_bytes"]) == ("BODY_TOO_LARGE", 0)


def test_body_announced_as_base64_that_is_none_is_refused(sample: Sample) -> None:
    sent = {**event(), "body": "{}", "isBase64Encoded": True}
    assert refused(sample, sent)["reason"] == "not_base64"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/json; charset=gbk"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_body_of_another_media_type_is_refused(sample: Sample, headers: dict[str, str]) -> None:
    document = refused(sample, event(body=claim(), headers={**EN, **headers}))
    assert (document["status"], document["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "application/json" in document["detail"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'],
)
def test_json_media_type_is_taken_in_any_spelling(sample: Sample, content_type: str) -> None:
    sent = event(body=claim(), headers={"content-type": content_type, "Content-Type": content_type})
    del sent["multiValueHeaders"]["Content-Type"]
    assert sample.app.handle(sent, None)["statusCode"] == 201


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "post", ""])
def test_wrong_method_names_the_right_ones(sample: Sample, method: str) -> None:
    response = sample.app.handle(event(method, body=claim(), headers=EN), None)
    document = problem(response)
    assert (document["status"], document["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response["headers"]["Allow"] == document["allow"] == "POST"
    assert "only POST" in document["detail"]
    assert sample.reached == []


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/v1/nothing", "/{proxy+}"),
        ("/v1/vouchers/a/b/c", "/{proxy+}"),
        ("/v1/redemptions", "/v1/redemptions"),  # another function's
        ("/", "/"),
    ],
)
def test_unknown_route_gets_our_own_404(sample: Sample, path: str, resource: str) -> None:
    document = refused(sample, event("POST", path, resource=resource, headers=EN))
    assert (document["status"], document["code"]) == (404, "ROUTE_NOT_FOUND")
    assert document["instance"] == path
    assert "API document" in document["detail"]


@pytest.mark.parametrize(
    "caller",
    [
        None,
        "",
        "*",
        "arn:aws-cn:iam::123456789012:root",
        f"{SESSION}/huimin-platform-unknown/till",
        f"{SESSION}/huimin-platform-unionpay",
        "arn:aws-cn:iam::123456789012:role/",
        "arn:aws-cn:sts::999999999999:assumed-role/huimin-platform-unionpay/till",
        "arn:aws:sts::123456789012:assumed-role/huimin-platform-unionpay/till",
    ],
)
def test_caller_who_is_nobody_is_refused(sample: Sample, caller: str | None) -> None:
    document = refused(sample, event(body=claim(), caller=caller))
    assert (document["status"], document["code"]) == (403, "NOT_ALLOWED")


@pytest.mark.parametrize("context", [None, {}, {"identity": None}, {"identity": []}, "x", 7])
def test_event_without_an_identity_is_refused(sample: Sample, context: object) -> None:
    sent = {**event(body=claim()), "requestContext": context}
    document = json.loads(sample.app.handle(sent, None)["body"])
    assert document["code"] == "NOT_ALLOWED"
    assert sample.reached == []


@pytest.mark.parametrize("caller", [OPERATOR_ARN, AUDITOR_ARN])
def test_role_that_may_not_is_refused_before_its_body_is_read(sample: Sample, caller: str) -> None:
    document = refused(sample, event(body="not read", caller=caller))
    assert (document["status"], document["code"]) == (403, "NOT_ALLOWED")


@pytest.mark.parametrize(
    "voucher_id", ["", "x", "v_" + "A" * 32, "v_" + "a" * 33, VOUCHER_ID + "\n", "../", "1 OR 1"]
)
def test_id_of_no_possible_shape_answers_as_one_that_nothing_has(
    sample: Sample, voucher_id: str
) -> None:
    resource = "/v1/vouchers/{voucher_id}"
    shaped = event("GET", "/v1/vouchers/x", resource=resource, ids={"voucher_id": "v_" + "b" * 32})
    unknown = problem(sample.app.handle(shaped, None))
    assert len(sample.reached) == 1
    sample.reached.clear()
    sent = event("GET", "/v1/vouchers/x", resource=resource, ids={"voucher_id": voucher_id})
    assert refused(sample, sent) == unknown
    assert unknown["code"] == "NOT_FOUND"
    assert "voucher_id" not in unknown


@pytest.mark.parametrize(
    ("query", "parameter", "mend"),
    [
        ("limit=0", "limit", "1 or more"),
        ("limit=101", "limit", "100 or less"),
        ("limit=1e1", "limit", "1 to 100"),
        ("limit=+5", "limit", "1 to 100"),
        ("limit=", "limit", "1 to 100"),
        ("limit=5&limit=6", "limit", "once only"),
        ("colour=red", "colour", "remove it"),
        ("110105199001011234=1", "", "remove it"),
        ("cursor=a.b", "cursor", "must match"),
    ],
)
def test_query_parameter_at_fault_is_named(
    sample: Sample, query: str, parameter: str, mend: str
) -> None:
    document = refused(sample, event("GET", f"/v1/campaigns?{query}", headers=EN))
    [fault] = document["errors"]
    assert document["code"] == "INVALID_FIELDS"
    assert fault["parameter"] == parameter
    assert mend in fault["detail"]


def test_query_where_none_is_taken_is_refused_save_what_a_signature_puts_there(
    sample: Sample,
) -> None:
    signed = "/v1/claims?X-Amz-Signature=00&X-Amz-Date=20260103T020000Z"
    assert sample.app.handle(event(path=signed, body=claim()), None)["statusCode"] == 201
    sample.reached.clear()
    document = refused(sample, event(path="/v1/claims?dry_run=1", body=claim(), headers=EN))
    assert document["errors"][0]["parameter"] == "dry_run"


PUT = "/v1/admin/platforms/unionpay"


@pytest.mark.parametrize(
    ("headers", "status", "code", "header"),
    [
        ({}, 428, "VERSION_REQUIRED", None),
        ({"If-Match": "3"}, 400, "INVALID_FIELDS", "If-Match"),
        ({"If-Match": '"0"'}, 400, "INVALID_FIELDS", "If-Match"),
        ({"If-Match": 'W/"3"'}, 400, "INVALID_FIELDS", "If-Match"),
        ({"If-Match": "*"}, 400, "INVALID_FIELDS", "If-Match"),
        ({"If-Match": '"3", "4"'}, 400, "INVALID_FIELDS", "If-Match"),
        ({"If-None-Match": '"3"'}, 400, "INVALID_FIELDS", "If-None-Match"),
        ({"If-Match": '"3"', "If-None-Match": "*"}, 400, "INVALID_FIELDS", "If-None-Match"),
    ],
)
def test_change_must_say_which_version_it_changes(
    sample: Sample, headers: dict[str, str], status: int, code: str, header: str | None
) -> None:
    sent = event(
        "PUT",
        PUT,
        resource="/v1/admin/platforms/{platform_id}",
        ids={"platform_id": "unionpay"},
        body={"name": "银联"},
        headers=headers,
        caller=OPERATOR_ARN,
    )
    document = refused(sample, sent)
    assert (document["status"], document["code"]) == (status, code)
    if header:
        assert document["errors"][0]["header"] == header


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_bytes_are_our_fault(body: bytes) -> None:
    """Arbitrary bytes get a 400, never a 500, and reach nothing."""
    made = make_sample()
    document = problem(made.app.handle(event(body=body), None))
    assert document["status"] == 400
    assert made.reached == []


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(claim_with(notes=[], benefits=[], at="", amount_fen=0))), JSON_VALUES)
@settings(max_examples=150, deadline=None)
def test_no_value_of_a_field_is_our_fault(name: str, value: object) -> None:
    """Any JSON value anywhere is accepted or refused with a 4xx."""
    response = make_sample().app.handle(event(body=claim_with(**{name: value})), None)
    assert response["statusCode"] in (201, 400)


EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "resource": JSON_VALUES | st.just("/v1/claims"),
        "httpMethod": JSON_VALUES | st.just("POST"),
        "path": JSON_VALUES,
        "headers": JSON_VALUES,
        "multiValueHeaders": JSON_VALUES,
        "queryStringParameters": JSON_VALUES,
        "multiValueQueryStringParameters": JSON_VALUES,
        "pathParameters": JSON_VALUES,
        "requestContext": JSON_VALUES | st.just(event()["requestContext"]),
        "body": JSON_VALUES,
        "isBase64Encoded": JSON_VALUES,
    },
)


@given(EVENTS)
@settings(max_examples=150, deadline=None)
def test_no_event_is_our_fault(sent: dict[str, Any]) -> None:
    """Even an event that API Gateway would never send gets a refusal."""
    response = make_sample().app.handle(sent, None)
    assert 400 <= response["statusCode"] < 500
