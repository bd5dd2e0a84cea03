"""SigV4, verified with botocore's own signer: what API Gateway does before any function is called.

The request's signature is computed again from the request as it arrived, with the key that it
names, and compared. Refusals carry API Gateway's error type in `x-amzn-ErrorType` and, as the
deployed API is set to answer, a problem document.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from functions.shared.domain.errors import Code

SERVICE: Final = "execute-api"
TOLERANCE: Final = timedelta(minutes=5)
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_AUTHORIZATION: Final = re.compile(
    _ALGORITHM + r" +Credential=(?P<credential>[^,\s]+), *SignedHeaders=(?P<headers>[^,\s]+),"
    r" *Signature=(?P<signature>[0-9a-f]{64})"
)
_SCOPE_PARTS: Final = 5
_ALWAYS_SIGNED: Final = frozenset({"host"})


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A key of the local stack, and the principal that signs with it."""

    access_key: str
    secret_key: str = field(repr=False)
    user_arn: str


class SignatureRefused(Exception):
    """The request is not signed as it must be.

    Args:
        code: the problem's code.
        error_type: API Gateway's name for it.

    """

    def __init__(self, code: Code, error_type: str) -> None:
        super().__init__(code)
        self.code = code
        self.error_type = error_type


_NOT_SIGNED = (Code.NOT_SIGNED, "MissingAuthenticationTokenException")
_INCOMPLETE = (Code.SIGNATURE_INVALID, "IncompleteSignatureException")
_INVALID = (Code.SIGNATURE_INVALID, "InvalidSignatureException")
_EXPIRED = (Code.SIGNATURE_EXPIRED, "InvalidSignatureException")
_UNKNOWN = (Code.KEY_UNKNOWN, "UnrecognizedClientException")


def verify_request(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    keys: Mapping[str, LocalKey],
    region: str,
    now: datetime,
) -> LocalKey:
    """The key that signed the request.

    Args:
        method: of the request.
        url: as requested: path and query exactly as they came, after scheme and host.
        headers: by name, in any case; repeated ones joined by commas.
        body: as it came.
        keys: by access key.
        region: that requests must be signed for.
        now: aware; a request dated more than five minutes off is refused.

    Raises:
        SignatureRefused: why it is not accepted.

    """
    given = {name.lower(): value for name, value in headers.items()}
    if "authorization" not in given:
        raise SignatureRefused(*_NOT_SIGNED)
    match = _AUTHORIZATION.fullmatch(given["authorization"].strip())
    scope = match["credential"].split("/") if match else []
    signed_at = _signed_at(given.get("x-amz-date", ""))
    if match is None or len(scope) != _SCOPE_PARTS or signed_at is None:
        raise SignatureRefused(*_INCOMPLETE)
    key = keys.get(scope[0])
    if key is None:
        raise SignatureRefused(*_UNKNOWN)
    if scope[1:] != [signed_at.strftime("%Y%m%d"), region, SERVICE, "aws4_request"]:
        raise SignatureRefused(*_INVALID)
    if abs(now - signed_at) > TOLERANCE:
        raise SignatureRefused(*_EXPIRED)
    names = match["headers"].split(";")
    # Every x-amz- header must be signed, or a proxy could slip one in.
    needed = _ALWAYS_SIGNED | {name for name in given if name.startswith("x-amz-")}
    if not needed <= set(names) or not set(names) <= set(given):
        raise SignatureRefused(*_INVALID)
    declared = given.get("x-amz-content-sha256")
    if declared is not None and declared != hashlib.sha256(body).hexdigest():
        raise SignatureRefused(*_INVALID)
    signed = {name: given[name] for name in names}
    expected = _signature(method, url, signed, body, key, region=region, at=signed_at)
    if not hmac.compare_digest(expected, match["signature"]):
        raise SignatureRefused(*_INVALID)
    return key


def sign_request(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    key: LocalKey,
    region: str,
    at: datetime,
) -> dict[str, str]:
    """The headers to send: those given, with Host, X-Amz-Date and Authorization added."""
    stamp = at.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
    host = url.split("/", 3)[2]
    signed = {name.lower(): value for name, value in headers.items()}
    signed |= {"host": host, "x-amz-date": stamp}
    signature = _signature(method, url, signed, body, key, region=region, at=at)
    scope = f"{key.access_key}/{stamp[:8]}/{region}/{SERVICE}/aws4_request"
    names = ";".join(sorted(signed))
    return {
        **headers,
        "Host": host,
        "X-Amz-Date": stamp,
        "Authorization": f"{_ALGORITHM} Credential={scope}, SignedHeaders={names}, "
        f"Signature={signature}",
    }


def _signed_at(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


class _AtTime(SigV4Auth):  # type: ignore[misc] # botocore ships no types
    """botocore's signer over exactly the headers that were signed."""

    def headers_to_sign(self, request: AWSRequest) -> object:
        # botocore would add a Host of its own and leave some out.
        return request.headers


def _signature(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    key: LocalKey,
    *,
    region: str,
    at: datetime,
) -> str:
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    request.context["timestamp"] = at.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
    signer = _AtTime(Credentials(key.access_key, key.secret_key), SERVICE, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signature: str = signer.signature(text, request)
    return signature

