"""The strict reader takes what the standard one takes, save what two readers could differ on."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.strict_json import MAX_DEPTH, MAX_INTEGER_DIGITS, parse

# Texts without what is refused: NUL, and surrogates, which Hypothesis leaves out of st.text().
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(10**19) + 1, 10**19 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)


def reason(raw: bytes | str) -> object:
    with pytest.raises(HuiminError) as caught:
        parse(raw)
    assert caught.value.code is Code.MALFORMED_BODY
    # The decoder's error would carry the body to wherever the refusal is logged.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.context["reason"]


def reading(raw: bytes | str) -> object:
    """What was read, or the code of the refusal."""
    try:
        return parse(raw)
    except HuiminError as refused:
        return refused.code


@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]), st.booleans())
@settings(deadline=None)
def test_valid_json_reads_as_the_standard_library_reads_it(
    value: dict[str, Any],
    ascii_only: bool,  # noqa: FBT001 - drawn by Hypothesis
    indent: int | None,
    as_bytes: bool,  # noqa: FBT001 - as above
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert parse(text.encode() if as_bytes else text) == json.loads(text) == value


@given(st.text(max_size=60) | st.text('{}[]",:\\u0d8ceE+-.1 ', max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_alike_or_refused(text: str) -> None:
    """Never another exception, and never another reading than the standard library's."""
    value = reading(text)
    assert value is Code.MALFORMED_BODY or value == json.loads(text)


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_alike_or_refused(raw: bytes) -> None:
    value = reading(raw)
    assert value is Code.MALFORMED_BODY or value == json.loads(raw)


@pytest.mark.parametrize("depth", [1, 2, MAX_DEPTH - 1, MAX_DEPTH])
def test_permitted_depth_is_read(depth: int) -> None:
    assert parse('{"a":' * depth + "1" + "}" * depth)


def test_one_more_level_is_refused_where_it_begins() -> None:
    text = '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)
    with pytest.raises(HuiminError) as caught:
        parse(text)
    assert caught.value.context["reason"] == "too_deep"
    assert caught.value.context["position"] == MAX_DEPTH * len('{"a":') + 1


def test_brackets_in_texts_and_side_by_side_are_not_depth() -> None:
    assert parse(json.dumps({"a": "[{" * 500, '"[\\': [[]] * 200}))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":' + b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"a":"' + b"[" * 500_000,
        b'{"a":"' + b'\\"[' * 150_000,
        b'{"a":' + b"[]," * 175_000,
        b'{"a":' + b"9" * 500_000 + b"}",
        b'{"a":-0.' + b"9" * 500_000 + b"}",
        b'{"a":1e' + b"9" * 500_000 + b"}",
        b'{"a":"' + b"\\u0041" * 75_000,
        b"{" + b'"a":1,' * 75_000 + b'"b":2}',
        b"{" + b",".join(b'"%d":1' % (n // 2) for n in range(50_000)) + b"}",
    ],
    ids=lambda raw: raw[:12].decode(),
)
def test_half_a_megabyte_of_malice_are_refused_in_a_moment(raw: bytes) -> None:
    started = time.process_time()
    assert reason(raw)
    assert time.process_time() - started < 5


def test_integers_of_19_digits_are_kept_exactly() -> None:
    most = int("9" * MAX_INTEGER_DIGITS)
    assert parse(f'{{"a":{most},"b":-{most}}}') == {"a": most, "b": -most}
    assert reason(f'{{"a":{most}0}}') == "number_too_long"
    assert reason(f'{{"a":-{most}0}}') == "number_too_long"


@pytest.mark.parametrize("literal", ["1e2", "100.0", "1E+2", "0.0", "-0.0", "1e-400"])
def test_fraction_or_exponent_stays_a_float(literal: str) -> None:
    value = parse(f'{{"a":{literal}}}')["a"]
    assert isinstance(value, float)
    assert math.isfinite(value)


@pytest.mark.parametrize("literal", ["01", "+1", "1.", ".5", "0x10", "1_000", "１", "--1", "1e"])
def test_what_is_no_json_number_is_refused(literal: str) -> None:
    assert reason(f'{{"a":{literal}}}') in ("syntax", "trailing")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"a":"\ud83c\uddf3"}', "\U0001f1f3"),
        (r'{"a":"\uD83C\uDDF3\ud83c\uddf3"}', "\U0001f1f3\U0001f1f3"),
        (r'{"a":"\\ud83c"}', r"\ud83c"),
        (r'{"a":"\\\\u0000"}', r"\\u0000"),
        (r'{"a":"\u0001"}', "\x01"),
    ],
)
def test_escapes_that_make_whole_characters_are_read(text: str, value: str) -> None:
    assert parse(text) == {"a": value}


@pytest.mark.parametrize(
    "text",
    [
        r'{"a":"\ud83c"}',
        r'{"a":"\uddf3"}',
        r'{"a":"\ud83cx\uddf3"}',
        r'{"a":"\ud83c\n\uddf3"}',
        r'{"a":"\ud83c","b":"\uddf3"}',
        r'{"a":"\ud83c\ud83c\uddf3"}',
        r'{"a":"\uddf3\ud83c"}',
        r'{"\ud83c":1}',
    ],
)
def test_half_a_pair_is_refused_wherever_it_stands(text: str) -> None:
    assert reason(text) == "lone_surrogate"


def test_repeated_name_is_told_only_if_it_is_plainly_a_name() -> None:
    for name, told in (("amount_fen", True), ("110105199001011234", False), ("号", False)):
        with pytest.raises(HuiminError) as caught:
            parse(json.dumps({name: 1})[:-1] + f',"{name}":1}}')
        assert ("name" in caught.value.context) is told
