"""JSON as strictly as money asks for: what two readers could read differently is refused.

The standard parser does the work; here stands what it lets through. It keeps the last of two
equal keys, reads NaN, takes digits without end and recurses as deep as the text says. Each of
those is refused with what to mend, and nothing of the body's content is repeated in the refusal,
as it may hold an identity number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

from functions.shared.domain.errors import Code, HuiminError

MAX_DEPTH: Final = 32
MAX_INTEGER_DIGITS: Final = 19
# A double never needs more; a longer literal only costs time to convert.
MAX_FRACTION_CHARACTERS: Final = 64

_BOM = "\ufeff"
# Patterns of rare paths are compiled by `re` at their first use, not at import.
# Possessive, so that a long or unterminated string costs one pass and no backtracking.
_STRING_OR_BRACKET: Final = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{\]}]'
_ESCAPE: Final = r"\\(?:u([0-9A-Fa-f]{4})|.)"
_TELLABLE_NAME: Final = r"[A-Za-z][A-Za-z_]{0,63}"


def parse(raw: bytes | str) -> dict[str, Any]:
    """The JSON object in `raw`: a dict of dicts, lists, strings, integers, floats, booleans, None.

    A number with a fraction or an exponent stays a float, so that a strict integer field refuses
    it even where its value is whole.

    Raises:
        HuiminError: MALFORMED_BODY, with `reason` and, where known, `position`: the 1-based
            character (byte for `not_utf8`) at which to look.

    """
    text = _decode(raw)
    if not text or text.isspace():
        raise _malformed("empty")
    if text.startswith(_BOM):
        raise _malformed("byte_order_mark", position=1)
    _check_depth(text)
    _check_escapes(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason, position = _reason(error, text), error.pos + 1
    else:
        if not isinstance(value, dict):
            raise _malformed("not_an_object")
        return value
    # Raised out here, as the decoder's error holds the whole body and must not travel on.
    raise _malformed(reason, position=position)


def _reason(error: json.JSONDecodeError, text: str) -> str:
    if error.msg == "Extra data":
        return "trailing"
    if error.msg.startswith("Invalid control character"):
        return "nul_character" if text[error.pos] == "\0" else "control_character"
    return "syntax"


def _malformed(reason: str, **facts: object) -> HuiminError:
    return HuiminError(Code.MALFORMED_BODY, reason=reason, **facts)


def _decode(raw: bytes | str) -> str:
    if isinstance(raw, bytes):
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            position = error.start + 1
        raise _malformed("not_utf8", position=position)
    # A str comes out of the event's own JSON, whose escapes can make surrogates without a pair.
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError as error:
            position = error.start + 1
        else:
            return raw
        raise _malformed("lone_surrogate", position=position)
    return raw


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser recurses into it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in re.finditer(_STRING_OR_BRACKET, text, re.DOTALL):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _malformed("too_deep", position=token.start() + 1, limit=MAX_DEPTH)
        elif first in "]}":
            depth -= 1


def _check_escapes(text: str) -> None:
    r"""Refuse \u0000 and surrogates without their pair, where a string spells them out."""
    if "\\u" not in text:
        return
    high_at = low_due_at = -1  # an unpaired high surrogate, and where its low one must begin
    for escape in re.finditer(_ESCAPE, text, re.DOTALL):
        code_point = int(escape[1], 16) if escape[1] else -1
        is_low = 0xDC00 <= code_point <= 0xDFFF  # noqa: PLR2004 - Unicode's own bounds
        if high_at >= 0 and is_low and escape.start() == low_due_at:
            high_at = -1
            continue
        if high_at >= 0 or is_low:
            raise _malformed(
                "lone_surrogate", position=(high_at if high_at >= 0 else escape.start()) + 1
            )
        if code_point == 0:
            raise _malformed("nul_character", position=escape.start() + 1)
        if 0xD800 <= code_point <= 0xDBFF:  # noqa: PLR2004 - as above
            high_at, low_due_at = escape.start(), escape.end()
    if high_at >= 0:
        raise _malformed("lone_surrogate", position=high_at + 1)


def _integer(digits: str) -> int:
    # Counted before converting: int() of a million digits takes longer than a request may.
    if len(digits.removeprefix("-")) > MAX_INTEGER_DIGITS:
        raise _malformed("number_too_long", limit=MAX_INTEGER_DIGITS)
    return int(digits)


def _fraction(literal: str) -> float:
    if len(literal) > MAX_FRACTION_CHARACTERS:
        raise _malformed("number_too_long", limit=MAX_FRACTION_CHARACTERS)
    value = float(literal)
    if math.isinf(value):
        raise _malformed("not_a_number")
    return value


def _constant(_name: str) -> NoReturn:
    raise _malformed("not_a_number")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _duplicate(name for name, _ in pairs)
    return members


def _duplicate(names: Iterable[str]) -> HuiminError:
    seen: set[str] = set()
    for name in names:
        # A name is only repeated to the caller when it cannot be somebody's number.
        if name in seen and re.fullmatch(_TELLABLE_NAME, name):
            return _malformed("duplicate_key", name=name)
        seen.add(name)
    return _malformed("duplicate_key")


_DECODER = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
    object_pairs_hook=_object,
)
