"""Reading the REST proxy event of API Gateway, however little of it is there.

A part that is missing or has an unexpected shape reads as absent: what then cannot be known is
refused further on with a code, and never with a crash.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from functions.shared.domain.errors import Code, HuiminError

_JSON: Final = r"(?i)\s*application/json\s*(?P<parameters>(?:;[^;]*)*)"
_CHARSET: Final = r';\s*charset\s*=\s*"?(?P<name>[^\s";]*)"?'


class Headers:
    """A request's headers, by name in any case; repeated ones are joined with a comma."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._values: dict[str, str] = {}
        for name, values in _multi(event, "multiValueHeaders", "headers").items():
            key = name.lower()
            joined = ", ".join(values)
            self._values[key] = f"{self._values[key]}, {joined}" if key in self._values else joined

    def get(self, name: str) -> str | None:
        """The header's value, or None without it."""
        return self._values.get(name.lower())


def query_parameters(event: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """The query's values by name, each name with all its values."""
    return _multi(event, "multiValueQueryStringParameters", "queryStringParameters")


def path_parameters(event: Mapping[str, Any]) -> Mapping[str, str]:
    """The values in the path, by name."""
    return _texts(event.get("pathParameters"))


def text_of(event: Mapping[str, Any], name: str) -> str:
    """A text of the event, empty where there is none."""
    value = event.get(name)
    return value if isinstance(value, str) else ""


def request_id_of(event: Mapping[str, Any], context: object) -> str:
    """The request's id: API Gateway's, which the caller sees too; else Lambda's; else empty."""
    match event.get("requestContext"):
        case {"requestId": str(request_id)} if request_id:
            return request_id
    from_lambda = getattr(context, "aws_request_id", "")
    return from_lambda if isinstance(from_lambda, str) else ""


def body_of(event: Mapping[str, Any], *, limit_bytes: int) -> bytes | str:
    """The body as it was sent; empty where there is none.

    Raises:
        HuiminError: BODY_TOO_LARGE before anything of it is decoded; MALFORMED_BODY where it was
            announced as base64 and is not.

    """
    text = text_of(event, "body")
    if event.get("isBase64Encoded") is True:
        # Four characters carry three bytes, so this is at most two bytes too generous.
        if len(text) > 4 * (limit_bytes // 3 + 1):
            raise _too_large(limit_bytes)
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = None
        if raw is None:
            raise HuiminError(Code.MALFORMED_BODY, reason="not_base64")
        if len(raw) > limit_bytes:
            raise _too_large(limit_bytes)
        return raw
    if len(text) > limit_bytes or len(text.encode(errors="surrogatepass")) > limit_bytes:
        raise _too_large(limit_bytes)
    return text


def require_json(headers: Headers) -> None:
    """Refuse a body that is not declared as plain JSON in UTF-8.

    Raises:
        HuiminError: UNSUPPORTED_MEDIA_TYPE.

    """
    encoding = headers.get("Content-Encoding")
    declared = re.fullmatch(_JSON, headers.get("Content-Type") or "")
    charset = re.search(_CHARSET, declared["parameters"].lower()) if declared else None
    if (
        declared is None
        or (charset is not None and charset["name"] not in ("utf-8", "utf8"))
        or (encoding is not None and encoding.strip().lower() not in ("", "identity"))
    ):
        raise HuiminError(Code.UNSUPPORTED_MEDIA_TYPE)


def _too_large(limit_bytes: int) -> HuiminError:
    return HuiminError(Code.BODY_TOO_LARGE, limit_bytes=limit_bytes)


def _multi(event: Mapping[str, Any], many: str, single: str) -> dict[str, list[str]]:
    """Values by name, from the multi-value form, else from the form that keeps the last only."""
    found = event.get(many)
    if isinstance(found, Mapping):
        return {
            name: [value for value in values if isinstance(value, str)]
            for name, values in found.items()
            if isinstance(name, str) and isinstance(values, list)
        }
    return {name: [value] for name, value in _texts(event.get(single)).items()}


def _texts(found: object) -> dict[str, str]:
    if not isinstance(found, Mapping):
        return {}
    return {
        name: value
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, str)
    }
