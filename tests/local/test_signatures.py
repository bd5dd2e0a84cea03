"""What is signed as AWS specifies is accepted; whatever was altered since is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from functions.shared.domain.errors import Code
from infra.local.signatures import LocalKey, SignatureRefused, sign_request, verify_request
from tests.local.signing import (
    BASE_URL,
    HOST,
    KEY,
    KEYS,
    NOW,
    OTHER_KEY,
    REGION,
    botocore_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Pairs = list[tuple[str, str]]


def verified(
    target: str = "/v1/claims",
    *,
    headers: Sequence[tuple[str, str]],
    method: str = "POST",
    body: bytes = b"{}",
    now: datetime = NOW,
) -> LocalKey:
    return verify_request(
        method=method,
        target=target,
        headers=headers,
        body=body,
        keys=KEYS,
        region=REGION,
        now=now,
    )


def signed(
    target: str = "/v1/claims",
    *,
    method: str = "POST",
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    key: LocalKey = KEY,
    region: str = REGION,
    at: datetime = NOW,
) -> dict[str, str]:
    return sign_request(
        method=method,
        url=BASE_URL + target,
        headers=headers or {},
        body=body,
        key=key,
        region=region,
        at=at,
    )


def pairs(headers: dict[str, str]) -> Pairs:
    return list(headers.items())


# Any path, query and body that a client can mean.
segments = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8
).filter(lambda text: text not in {".", ".."})
paths = st.lists(segments, min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(quote(part, safe="") for part in parts)
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
queries = st.lists(st.tuples(texts, texts), max_size=4)
bodies = st.binary(max_size=64)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(
    str.strip
)


@given(paths, queries, bodies, header_values, st.sampled_from(["GET", "POST", "PUT"]))
@settings(deadline=None, max_examples=200)
def test_what_we_sign_is_accepted(
    path: str, query: Pairs, body: bytes, value: str, method: str
) -> None:
    target = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
    headers = signed(target, method=method, body=body, headers={"X-Note": value})
    assert verified(target, method=method, body=body, headers=pairs(headers)) is KEY


@given(paths, queries, bodies, st.sampled_from(["GET", "POST"]))
@settings(deadline=None, max_examples=200)
def test_what_botocore_signs_is_accepted(path: str, query: Pairs, body: bytes, method: str) -> None:
    """With parameters for botocore to encode, and with the same encoded in the address."""
    now = datetime.now(UTC)
    for how in ("parameters", "address"):
        encoded = urlencode(query, quote_via=quote)
        url = f"{BASE_URL}{path}?{encoded}" if query and how == "address" else BASE_URL + path
        given_params = query if how == "parameters" else []
        sent_url, headers = botocore_headers(method, url, params=given_params, body=body)
        target = sent_url.removeprefix(BASE_URL)
        assert verified(target, method=method, body=body, headers=headers, now=now) is KEY


@pytest.mark.parametrize(
    "target",
    [
        "/v1/campaigns?b=2&a=1&a=0",
        "/v1/campaigns?a",
        "/v1/campaigns?a=&=b",
        "/v1/campaigns?note=a+b",
        "/v1/campaigns?note=a%20b",
        "/v1/campaigns?note=%e5%88%b8",
        "/v1/campaigns?note=%E5%88%B8&x=/:@!$'()*,",
        "/v1/vouchers/%E5%88%B8",
        "/v1/vouchers/a%2Fb",
        "/v1/vouchers/~a.b-c_d",
        "/",
        "/v1/claims/",
    ],
)
def test_spellings_of_paths_and_queries_are_accepted(target: str) -> None:
    headers = signed(target, method="GET", body=b"")
    assert verified(target, method="GET", body=b"", headers=pairs(headers)) is KEY


def test_a_query_signed_decoded_and_encoded_anew_is_accepted() -> None:
    """As AWS specifies it, where botocore would sign `a+b` as it stands."""
    headers = signed("/v1/campaigns?note=a%20b&name=%E5%88%B8", method="GET", body=b"")
    target = "/v1/campaigns?note=a+b&name=%e5%88%b8"
    assert verified(target, method="GET", body=b"", headers=pairs(headers)) is KEY


def test_a_session_token_and_a_declared_hash_are_accepted() -> None:
    now = datetime.now(UTC)
    url, headers = botocore_headers("POST", f"{BASE_URL}/v1/claims", body=b"{}", token="session")
    assert ("X-Amz-Security-Token", "session") in headers
    assert verified(url.removeprefix(BASE_URL), headers=headers, now=now) is KEY
    declared = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert verified(headers=pairs(signed(headers={"x-amz-content-sha256": declared}))) is KEY


@pytest.fixture
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("shanghai")
def test_a_date_header_is_taken_where_there_is_no_amz_date() -> None:
    """So botocore dates where the caller gave a Date; it writes the zone as -0000."""
    now = datetime.now(UTC)
    url, headers = botocore_headers(
        "POST", f"{BASE_URL}/v1/claims", body=b"{}", headers={"Date": "today"}
    )
    names = {name.lower() for name, _ in headers}
    assert "date" in names
    assert "x-amz-date" not in names
    assert verified(url.removeprefix(BASE_URL), headers=headers, now=now) is KEY


def test_repeated_headers_are_signed_together() -> None:
    headers = pairs(signed(headers={"X-Note": "a,b"}))
    split = [(name, value) for name, value in headers if name != "X-Note"]
    assert verified(headers=[*split, ("x-note", " a "), ("X-NOTE", "b")]) is KEY
    with pytest.raises(SignatureRefused):
        verified(headers=[*split, ("X-Note", "b"), ("X-Note", "a")])


def altered(text: str, draw: Callable[[Any], Any]) -> str:
    """The text with one character replaced, taken out or put in."""
    at = draw(st.integers(0, max(0, len(text) - 1)))
    new = draw(st.characters(min_codepoint=33, max_codepoint=126))
    how = draw(st.sampled_from(["replace", "remove", "insert"]))
    return text[:at] + ("" if how == "remove" else new) + text[at + (how != "insert") :]


def words(value: str) -> list[str]:
    return [word for listed in value.split(",") for word in [*listed.split(), ","]]


def decoded(query: str) -> list[tuple[str, str]]:
    found = (pair.partition("=") for pair in query.split("&"))
    return sorted((unquote_plus(name), unquote_plus(value)) for name, _, value in found)


@given(st.data(), paths, queries, bodies, header_values)
@settings(deadline=None, max_examples=400)
def test_one_altered_character_is_refused(
    data: st.DataObject, path: str, query: Pairs, body: bytes, value: str
) -> None:
    encoded = urlencode(query, quote_via=quote)
    headers = signed(f"{path}?{encoded}", body=body, headers={"X-Note": value})
    now_path, now_query, now_body, now_headers = path, encoded, body, dict(headers)
    part = data.draw(
        st.sampled_from(["path", "query", "body", "X-Note", "X-Amz-Date", "Host", "Authorization"])
    )
    if part == "path":
        now_path = altered(path, data.draw)
        assume(now_path != path and "?" not in now_path)
    elif part == "query":
        now_query = altered(encoded, data.draw)
        # The same names and values in other words are the same request.
        assume(decoded(now_query) != decoded(encoded))
    elif part == "body":
        now_body = altered(body.decode("latin-1"), data.draw).encode("latin-1")
        assume(now_body != body)
    else:
        now_headers[part] = altered(headers[part], data.draw)
        # Space around a comma, or more of it elsewhere, says nothing else.
        assume(words(now_headers[part]) != words(headers[part]))
    with pytest.raises(SignatureRefused):
        verified(f"{now_path}?{now_query}", body=now_body, headers=pairs(now_headers))


@pytest.mark.parametrize(
    "target",
    [
        "/v1//claims",
        "/v1/./claims",
        "/v1/x/../claims",
        "/v1/claims#later",
        "/v1/claims later",
        "/v1/券",
        "http://127.0.0.1:8080/v1/claims",
        "",
    ],
)
def test_a_target_that_would_be_read_otherwise_than_signed_is_refused(target: str) -> None:
    headers = signed("/v1/claims")
    with pytest.raises(SignatureRefused):
        verified(target, headers=pairs(headers))


def without(name: str) -> Pairs:
    return [(given, value) for given, value in pairs(signed()) if given != name]


def authorization(old: str, new: str) -> Pairs:
    headers = signed()
    assert old in headers["Authorization"]
    headers["Authorization"] = headers["Authorization"].replace(old, new)
    return pairs(headers)


MISSING = "MissingAuthenticationTokenException"
INCOMPLETE = "IncompleteSignatureException"
INVALID = "InvalidSignatureException"
UNKNOWN = "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("headers", "code", "error_type", "message"),
    [
        pytest.param([], Code.NOT_SIGNED, MISSING, "Missing Authentication Token", id="nothing"),
        pytest.param(without("Authorization"), Code.NOT_SIGNED, MISSING, "Missing", id="unsigned"),
        pytest.param(
            [("Authorization", "Bearer abc")], Code.NOT_SIGNED, INCOMPLETE, "AWS4", id="bearer"
        ),
        pytest.param(
            [*pairs(signed()), ("Authorization", "AWS4-HMAC-SHA256 x=y")],
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "more than one",
            id="two authorizations",
        ),
        pytest.param(
            [("Authorization", "AWS4-HMAC-SHA256 Credential=a, Signature=b")],
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "requires 'SignedHeaders' parameter",
            id="half a signature",
        ),
        pytest.param(
            [("Authorization", "AWS4-HMAC-SHA256")],
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "key=value",
            id="the algorithm alone",
        ),
        pytest.param(
            authorization("Signature=", "Signature=0, Signature="),
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "'Signature'",
            id="two signatures",
        ),
        pytest.param(
            without("X-Amz-Date"),
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "requires existence of either",
            id="no date",
        ),
        pytest.param(
            [*without("X-Amz-Date"), ("X-Amz-Date", "yesterday")],
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "ISO-8601",
            id="no time",
        ),
        pytest.param(
            [*without("X-Amz-Date"), ("X-Amz-Date", format_datetime(NOW))],
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "ISO-8601",
            id="a time in other words",
        ),
        pytest.param(
            [*pairs(signed()), ("X-Amz-Date", "20260601T020000Z")],
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "requires existence of either",
            id="two times",
        ),
        pytest.param(
            [*without("X-Amz-Date"), ("Date", "the day after")],
            Code.SIGNATURE_INVALID,
            INCOMPLETE,
            "ISO-8601",
            id="no date that is a date",
        ),
        pytest.param(
            authorization("AKIDPLATFORM", "AKIDNOBODY"),
            Code.KEY_UNKNOWN,
            UNKNOWN,
            "security token",
            id="an unknown key",
        ),
        pytest.param(
            authorization("AKIDPLATFORM", "AKIDOTHER"),
            Code.SIGNATURE_INVALID,
            INVALID,
            "does not match",
            id="another's key",
        ),
        pytest.param(
            authorization("20260601", "20260602"),
            Code.SIGNATURE_INVALID,
            INVALID,
            "scoped",
            id="another day's scope",
        ),
        pytest.param(
            pairs(signed(region="us-east-1")),
            Code.SIGNATURE_INVALID,
            INVALID,
            "scoped",
            id="another region",
        ),
        pytest.param(
            authorization("execute-api", "s3"),
            Code.SIGNATURE_INVALID,
            INVALID,
            "scoped",
            id="another service",
        ),
        pytest.param(
            authorization("/aws4_request", ""),
            Code.SIGNATURE_INVALID,
            INVALID,
            "scoped",
            id="no terminator",
        ),
        pytest.param(
            authorization("=host;", "="),
            Code.SIGNATURE_INVALID,
            INVALID,
            "'host' must be a 'SignedHeader'",
            id="host not signed",
        ),
        pytest.param(
            [*pairs(signed()), ("X-Amz-Meta", "slipped in")],
            Code.SIGNATURE_INVALID,
            INVALID,
            "'x-amz-meta' must be",
            id="an amz header not signed",
        ),
        pytest.param(
            authorization("=host;", "=absent;host;"),
            Code.SIGNATURE_INVALID,
            INVALID,
            "does not match",
            id="a signed header that did not come",
        ),
        pytest.param(
            authorization("=host;", "=host;host;"),
            Code.SIGNATURE_INVALID,
            INVALID,
            "does not match",
            id="a header signed twice",
        ),
        pytest.param(
            pairs(signed(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})),
            Code.SIGNATURE_INVALID,
            INVALID,
            "does not match",
            id="an unsigned body",
        ),
        pytest.param(
            authorization("Signature=", "Signature=é"),
            Code.SIGNATURE_INVALID,
            INVALID,
            "does not match",
            id="a signature that is no text of ours",
        ),
        pytest.param(
            pairs(signed(key=LocalKey(KEY.access_key, "guessed", KEY.user_arn))),
            Code.SIGNATURE_INVALID,
            INVALID,
            "does not match",
            id="a wrong secret",
        ),
    ],
)
def test_each_refusal_has_its_code_and_type(
    headers: Pairs, code: Code, error_type: str, message: str
) -> None:
    with pytest.raises(SignatureRefused) as refused:
        verified(headers=headers)
    assert (refused.value.code, refused.value.error_type) == (code, error_type)
    assert message in refused.value.message


def test_a_signature_in_the_query_is_no_signature() -> None:
    with pytest.raises(SignatureRefused) as refused:
        verified("/v1/claims?X-Amz-Signature=abc&X-Amz-Credential=x", headers=[("Host", HOST)])
    assert refused.value.code is Code.NOT_SIGNED


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_five_minutes_either_way_are_accepted(seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    assert verified(headers=pairs(signed(at=at))) is KEY


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (
            -301,
            (
                "Signature expired: 20260601T015459Z is now earlier than 20260601T015500Z "
                "(20260601T020000Z - 5 min.)"
            ),
        ),
        (
            301,
            (
                "Signature not yet current: 20260601T020501Z is still later than 20260601T020500Z "
                "(20260601T020000Z + 5 min.)"
            ),
        ),
    ],
)
def test_more_than_five_minutes_are_refused(seconds: int, message: str) -> None:
    at = NOW + timedelta(seconds=seconds)
    with pytest.raises(SignatureRefused) as refused:
        verified(headers=pairs(signed(at=at)))
    assert refused.value.code is Code.SIGNATURE_EXPIRED
    assert refused.value.error_type == INVALID
    assert refused.value.message == message


def test_a_stale_date_header_is_refused() -> None:
    headers = [*without("X-Amz-Date"), ("Date", format_datetime(NOW - timedelta(days=1)))]
    with pytest.raises(SignatureRefused):
        verified(headers=headers)


def test_every_key_is_known_by_its_own_signature() -> None:
    assert verified(headers=pairs(signed(key=OTHER_KEY))) is OTHER_KEY


def test_signatures_are_compared_in_constant_time() -> None:
    with (
        patch("infra.local.signatures.hmac.compare_digest", return_value=False) as compared,
        pytest.raises(SignatureRefused),
    ):
        verified(headers=pairs(signed()))
    assert compared.call_count > 0


def test_a_secret_shows_in_no_representation() -> None:
    assert KEY.secret_key not in repr(KEY)


def test_the_query_helper_reads_as_a_server_does() -> None:
    """The property above leaves out what decodes alike: it must not leave out more."""
    assert decoded("a=1&b=%20") == sorted(parse_qsl("a=1&b=+", keep_blank_values=True))
