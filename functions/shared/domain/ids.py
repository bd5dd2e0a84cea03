"""Ids that cannot be guessed and follow from what the platform sent, and hashes of content.

An id is a keyed hash (HMAC-SHA256) of what makes the thing unique. So a repeated request finds
its own record without a lookup table, the record itself is the guard against a second one, and
nobody without the key can name another platform's voucher.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final

REQUEST_NO_PATTERN: Final = r"^[A-Za-z0-9_\-|*.]{1,64}$"
"""A platform's own number of a request, order or refund."""

SLUG_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"
"""The id of a campaign, round, voucher type, platform or merchant, chosen by the bureau."""

VOUCHER_ID_PATTERN: Final = r"^v_[a-z2-7]{32}$"
"""The shape of `voucher_id`."""

REDEMPTION_ID_PATTERN: Final = r"^r_[a-z2-7]{32}$"
"""The shape of `redemption_id`."""

BREAK_ID_PATTERN: Final = r"^b_[0-9a-f]{32}$"
"""The shape of `break_id`."""

LEAST_KEY_BYTES: Final = 32
"""A key shorter than the hash would weaken it."""

# 160 bits: no two of 10^12 ids meet by chance, and base32 needs no padding for 20 bytes.
_TOKEN_BYTES: Final = 20


def keyed_token(domain: str, *fields: str, key: bytes) -> str:
    """A keyed hash of the fields: 32 characters of a-z and 2-7, 160 bits.

    Every field goes in with its length before it, so that ("a", "bc") and ("ab", "c") differ; the
    domain goes in first, so that equal fields of two kinds of things differ.

    Args:
        domain: what kind of thing the token names.
        fields: what makes it unique within the domain.
        key: at least 32 secret bytes.

    Raises:
        ValueError: if the key is shorter.

    """
    if len(key) < LEAST_KEY_BYTES:
        raise ValueError(f"key must have at least {LEAST_KEY_BYTES} bytes")
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for field in (domain, *fields):
        encoded = field.encode()
        mac.update(len(encoded).to_bytes(4, "big"))
        mac.update(encoded)
    return base64.b32encode(mac.digest()[:_TOKEN_BYTES]).decode().lower()


def voucher_id(platform_id: str, request_no: str, *, key: bytes) -> str:
    """The id of the voucher that this request of this platform makes; see VOUCHER_ID_PATTERN."""
    return "v_" + keyed_token("voucher", platform_id, request_no, key=key)


def pack_voucher_id(platform_id: str, request_no: str, place: int, *, key: bytes) -> str:
    """The id of the voucher at that place of the pack that this request claims.

    The first, at 0, has the id that the request would give a single voucher: by it a number that
    was used for anything is known again.
    """
    if place == 0:
        return voucher_id(platform_id, request_no, key=key)
    return "v_" + keyed_token("voucher", platform_id, request_no, str(place), key=key)


def earned_voucher_id(platform_id: str, order_no: str, *, key: bytes) -> str:
    """The id of the voucher that this order of this platform earns; see VOUCHER_ID_PATTERN."""
    return "v_" + keyed_token("earned", platform_id, order_no, key=key)


def redemption_id(platform_id: str, order_no: str, *, key: bytes) -> str:
    """The id of the redemption for this order of this platform; see REDEMPTION_ID_PATTERN."""
    return "r_" + keyed_token("redemption", platform_id, order_no, key=key)


def content_hash(content: Mapping[str, object]) -> str:
    """SHA-256, in hex, of the content as canonical JSON: the same for the same content for ever.

    Keeps the first request's content without keeping the content, to tell a retry from a reused
    number. It has no key: put a `person_ref` in, never an identity number or a phone, which could
    be found by trying them all.

    Args:
        content: str, int, bool, None, and lists, tuples and mappings with str keys of those. The
            order of keys does not matter, that of list items does.

    Raises:
        TypeError: for anything else; a float above all, since 1.0 and 1 would differ.

    """
    canonical = json.dumps(
        _canonical(content), ensure_ascii=True, separators=(",", ":"), sort_keys=True
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def segment_of(identifier: str, count: int) -> int:
    """The segment, from 0 to `count` - 1, that an id belongs to; the same on every machine.

    Spreads ids evenly over index keys. Python's own `hash` would not do: it differs by process.

    Raises:
        ValueError: if `count` is less than 1.

    """
    if count < 1:
        raise ValueError("count must be at least 1")
    digest = hashlib.sha256(identifier.encode()).digest()
    return int.from_bytes(digest[:8], "big") % count


def _canonical(value: object) -> object:
    """The value, once nothing in it could be written as JSON in two ways, or two as one."""
    match value:
        case None | bool() | int() | str():
            return value
        case list() | tuple():
            return [_canonical(item) for item in value]
        case Mapping():
            if not all(isinstance(name, str) for name in value):
                # json.dumps would write the key 1 as "1".
                raise TypeError("content must have str keys only")
            return {name: _canonical(item) for name, item in value.items()}
        case _:
            raise TypeError(f"content must not hold {type(value).__name__}")
