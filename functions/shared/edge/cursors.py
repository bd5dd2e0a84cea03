"""Cursors of pages: opaque and signed, good only for the caller and the call that they came from.

Signed, not encrypted: a position may hold nothing that its caller must not read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from functions.shared.domain.errors import Code, HuiminError

LONGEST_CURSOR: Final = 1_024
_SIGNATURE_BYTES: Final = 16


def seal_cursor(
    position: Mapping[str, object], *, key: bytes, caller: str, operation: str, query: str = ""
) -> str:
    """The cursor from which `open_cursor` gives `position` back.

    Args:
        position: where the next page begins; JSON values only.
        key: the id key.
        caller: the platform's id, or the bureau's role.
        operation: the call that pages.
        query: what else the page depends on, as a person's ref; a cursor of another query is
            refused, so that it cannot shift a page of one person into another's.

    """
    payload = json.dumps(position, separators=(",", ":"), sort_keys=True).encode()
    signature = _signature(payload, key, (caller, operation, query))
    return base64.urlsafe_b64encode(signature + payload).decode().rstrip("=")


def open_cursor(
    cursor: str,
    *,
    key: bytes,
    caller: str,
    operation: str,
    query: str = "",
    place: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The position that was sealed.

    Args:
        cursor: what the caller sent.
        key: as sealed.
        caller: as sealed.
        operation: as sealed.
        query: as sealed.
        place: where the cursor stood in the request; the query parameter `cursor` if not given.

    Raises:
        HuiminError: INVALID_FIELDS, for anything that was not sealed with these very arguments.

    """
    payload = _payload(cursor, key, (caller, operation, query))
    if payload is None:
        fault = {
            **(place or {"parameter": "cursor"}),
            "en": "is not a cursor of this call; begin again without one",
            "zh": "不是本接口返回的游标，请去掉后从头查询",
        }
        raise HuiminError(Code.INVALID_FIELDS, errors=[fault])
    position: dict[str, Any] = json.loads(payload)
    return position


def _payload(cursor: str, key: bytes, bound: tuple[str, ...]) -> bytes | None:
    if len(cursor) > LONGEST_CURSOR or not cursor.isascii():
        return None
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    signature, payload = sealed[:_SIGNATURE_BYTES], sealed[_SIGNATURE_BYTES:]
    fits = hmac.compare_digest(signature, _signature(payload, key, bound))
    return payload if fits else None


def _signature(payload: bytes, key: bytes, bound: tuple[str, ...]) -> bytes:
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in (b"huimin cursor 1", *(text.encode() for text in bound), payload):
        # With its length before it, so that no part can reach into the next.
        mac.update(len(part).to_bytes(4, "big"))
        mac.update(part)
    return mac.digest()[:_SIGNATURE_BYTES]
