"""Ids cannot be guessed or confused; hashes of content are stable for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import Counter

import pytest

from functions.shared.domain.ids import (
    LEAST_KEY_BYTES,
    REDEMPTION_ID_PATTERN,
    REQUEST_NO_PATTERN,
    SLUG_PATTERN,
    VOUCHER_ID_PATTERN,
    content_hash,
    keyed_token,
    redemption_id,
    segment_of,
    voucher_id,
)

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


def test_a_token_is_an_hmac_of_length_prefixed_fields() -> None:
    """Recomputed by hand, because stored ids must be found again by every later version."""
    message = b"\x00\x00\x00\x07voucher\x00\x00\x00\x01a\x00\x00\x00\x05\xe5\x88\xb8bc"
    digest = hmac.new(KEY, message, hashlib.sha256).digest()
    expected = base64.b32encode(digest[:20]).decode().lower()
    assert keyed_token("voucher", "a", "券bc", key=KEY) == expected
    assert len(expected) == 32


def test_ids_never_change() -> None:
    assert voucher_id("unionpay", "req-1", key=KEY) == "v_vkgqlnjza4qeawykh2ob7bwmtkhdmf42"
    assert redemption_id("unionpay", "req-1", key=KEY) == "r_pumu2kgojvyzi5x2yjqdhewwtzgxyw3n"


def test_ids_have_their_shapes() -> None:
    assert re.fullmatch(VOUCHER_ID_PATTERN, voucher_id("a", "1", key=KEY))
    assert re.fullmatch(REDEMPTION_ID_PATTERN, redemption_id("a", "1", key=KEY))
    assert not re.fullmatch(VOUCHER_ID_PATTERN, redemption_id("a", "1", key=KEY))
    assert not re.fullmatch(REDEMPTION_ID_PATTERN, voucher_id("a", "1", key=KEY))


def test_fields_do_not_run_into_each_other() -> None:
    ids = {
        voucher_id(platform_id, number, key=KEY)
        for platform_id, number in [("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc")]
    }
    assert len(ids) == 4


def test_equal_numbers_of_two_kinds_give_two_ids() -> None:
    assert voucher_id("a", "1", key=KEY)[2:] != redemption_id("a", "1", key=KEY)[2:]


def test_another_key_gives_other_ids() -> None:
    assert voucher_id("a", "1", key=KEY) != voucher_id("a", "1", key=OTHER_KEY)
    assert redemption_id("a", "1", key=KEY) != redemption_id("a", "1", key=OTHER_KEY)


def test_a_short_key_is_refused() -> None:
    assert LEAST_KEY_BYTES == 32
    with pytest.raises(ValueError, match=r"^key must have at least 32 bytes$"):
        keyed_token("voucher", "a", key=KEY[:31])
    assert keyed_token("voucher", "a", key=KEY + b"\x01") != keyed_token("voucher", "a", key=KEY)


@pytest.mark.parametrize("number", ["a", "Z9", "_-|*.", "x" * 64])
def test_request_numbers(number: str) -> None:
    assert re.fullmatch(REQUEST_NO_PATTERN, number)


@pytest.mark.parametrize("number", ["", "x" * 65, "a b", "a/b", "a\n", "券", "a,b", "\x00", "a+b"])
def test_what_is_no_request_number(number: str) -> None:
    assert not re.fullmatch(REQUEST_NO_PATTERN, number)


@pytest.mark.parametrize("slug", ["a", "0", "sjs-2026", "a" + "-" * 39, "unionpay"])
def test_slugs(slug: str) -> None:
    assert re.fullmatch(SLUG_PATTERN, slug)


@pytest.mark.parametrize("slug", ["", "-a", "A", "a_b", "a/b", "a" * 41, "a\n", "石景山"])
def test_what_is_no_slug(slug: str) -> None:
    assert not re.fullmatch(SLUG_PATTERN, slug)


def test_a_content_hash_is_sha_256_of_canonical_json() -> None:
    content = {"b": [1, None, True], "a": {"d": "券", "c": ("x",)}}
    canonical = rb'{"a":{"c":["x"],"d":"\u5238"},"b":[1,null,true]}'
    assert content_hash(content) == hashlib.sha256(canonical).hexdigest()


def test_a_content_hash_ignores_the_order_of_keys_only() -> None:
    assert content_hash({"a": 1, "b": {"c": 2, "d": 3}}) == content_hash(
        {"b": {"d": 3, "c": 2}, "a": 1}
    )
    assert content_hash({"a": [1, 2]}) != content_hash({"a": [2, 1]})


def test_contents_that_differ_have_different_hashes() -> None:
    contents: list[dict[str, object]] = [
        {},
        {"a": None},
        {"a": 1},
        {"a": True},
        {"a": "1"},
        {"a": [1]},
        {"a": {"1": 1}},
        {"b": 1},
        {"a": "\ud800"},
    ]
    assert len({content_hash(content) for content in contents}) == len(contents)


@pytest.mark.parametrize(
    ("value", "name"), [(1.0, "float"), (float("nan"), "float"), (b"a", "bytes"), ({1}, "set")]
)
def test_content_holds_only_what_json_writes_in_one_way(value: object, name: str) -> None:
    for content in ({"a": value}, {"a": [value]}, {"a": {"b": (value,)}}):
        with pytest.raises(TypeError, match=rf"^content must not hold {name}$"):
            content_hash(content)


def test_content_keys_are_text() -> None:
    with pytest.raises(TypeError, match=r"^content must have str keys only$"):
        content_hash({"a": {1: 2, "b": 3}})


def test_segments_never_change_and_differ_by_id() -> None:
    assert [segment_of(f"v_{number}", 16) for number in range(8)] == [0, 2, 7, 14, 7, 4, 4, 8]
    assert segment_of("v_0", 1) == 0


def test_segments_are_even_and_within_their_count() -> None:
    seen = Counter(segment_of(f"v_{number}", 8) for number in range(8_000))
    assert sorted(seen) == list(range(8))
    assert max(seen.values()) - min(seen.values()) < 200


@pytest.mark.parametrize("count", [0, -1])
def test_there_is_at_least_one_segment(count: int) -> None:
    with pytest.raises(ValueError, match=r"^count must be at least 1$"):
        segment_of("v_0", count)
