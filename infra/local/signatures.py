"""SigV4, verified with botocore's own signer: what API Gateway does before any function is called.

The signature is computed again from the request as it arrived, with the key that it names, and
compared. Only the Authorization header is taken: an address that carries its signature in the
query can be copied from a log.

A path is canonical in one way, as botocore writes it. A query is canonical in two, because
clients differ: as it was sent, sorted (botocore), and with each name and value decoded and
encoded anew (the specification; AWS reads `+` as a space). Taking either is safe: texts that
share a form decode to the same names and values.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, quote, unquote_to_bytes

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from functions.shared.domain.errors import Code

SERVICE: Final = "execute-api"
TOLERANCE: Final = timedelta(minutes=5)
ALGORITHM: Final = "AWS4-HMAC-SHA256"
_TERMINATOR: Final = "aws4_request"
_TARGET: Final = re.compile(r"/[!-\"$-~]*")
_PARTS: Final = ("Credential", "SignedHeaders", "Signature")

Headers = Sequence[tuple[str, str]]


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
        error_type: API Gateway's name for it, sent as `x-amzn-ErrorType`.
        message: API Gateway's words, for the local log.

    """

    def __init__(self, code: Code, error_type: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.error_type = error_type
        self.message = message


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an Authorization header says of itself."""

    access_key: str
    scope: tuple[str, ...]
    signed_headers: tuple[str, ...]
    signature: str


def verify_request(
    *,
    method: str,
    target: str,
    headers: Headers,
    body: bytes,
    keys: Mapping[str, LocalKey],
    region: str,
    now: datetime,
) -> LocalKey:
    """The key that signed the request.

    Args:
        method: of the request.
        target: path and query, exactly as they came.
        headers: name and value of each, in any case, in order; repeated ones as they came.
        body: as it came.
        keys: by access key.
        region: that requests must be signed for.
        now: aware; a request dated more than five minutes off is refused.

    Raises:
        SignatureRefused: why it is not accepted.

    """
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(value)
    claim = _claim(given.get("authorization", []))
    signed_at = _signed_at(given)
    key = keys.get(claim.access_key)
    if key is None:
        raise _unknown_key()
    _check_scope(claim.scope, signed_at, region)
    _check_time(signed_at, now)
    _check_coverage(claim.signed_headers, given)
    content_hash = hashlib.sha256(body).hexdigest()
    if given.get("x-amz-content-sha256", [content_hash]) != [content_hash]:
        raise _mismatch()
    if not _TARGET.fullmatch(target):
        raise _mismatch()
    path, _, query = target.partition("?")
    signer = _Signer(key, region, signed_at)
    # botocore signs `/a//./b` as `/a/b`: sent so, a path could be altered under its signature.
    if not signer.is_canonical(path):
        raise _mismatch()
    signed = [(name, value) for name in claim.signed_headers for value in given[name]]
    matches = [
        hmac.compare_digest(
            signer.sign(method, path, canonical, signed, content_hash).encode(),
            claim.signature.encode(),
        )
        for canonical in (query, _encoded_anew(query))
    ]
    if not any(matches):
        raise _mismatch()
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
    """The headers to send: those given, with Host, X-Amz-Date and Authorization added.

    Args:
        method: of the request.
        url: whole, its path and query percent-encoded as they will be sent.
        headers: all are signed.
        body: as it will be sent.
        key: signs.
        region: of the gateway.
        at: aware; what the gateway's clock must say within five minutes.

    """
    _, _, rest = url.partition("://")
    host, slash, target = rest.partition("/")
    path, _, query = f"{slash or '/'}{target}".partition("?")
    at = at.astimezone(UTC)
    sent = {**headers, "Host": host, "X-Amz-Date": at.strftime(SIGV4_TIMESTAMP)}
    signer = _Signer(key, region, at)
    signature = signer.sign(
        method, path, query, tuple(sent.items()), hashlib.sha256(body).hexdigest()
    )
    names = ";".join(sorted(name.lower() for name in sent))
    sent["Authorization"] = (
        f"{ALGORITHM} Credential={key.access_key}/{signer.scope_text}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return sent


class _Signer(SigV4Auth):  # type: ignore[misc] # botocore ships no types
    """botocore's signer, for a request that is already in pieces and a time that is given.

    botocore's `add_auth` reads the machine's clock, and its `canonical_request` would choose
    the headers itself; the pieces that they are made of are used as they are.
    """

    def __init__(self, key: LocalKey, region: str, at: datetime) -> None:
        super().__init__(Credentials(key.access_key, key.secret_key), SERVICE, region)
        self.context = {"timestamp": at.strftime(SIGV4_TIMESTAMP)}

    @property
    def scope_text(self) -> str:
        """Date, region, service and terminator."""
        return str(self.credential_scope(self))

    def is_canonical(self, path: str) -> bool:
        """Whether the path has no empty or dotted segments that signing would take out."""
        return bool(self._normalize_url_path(path) == quote(path, safe="/~"))

    def sign(self, method: str, path: str, query: str, headers: Headers, content_hash: str) -> str:
        """The signature in hexadecimal digits."""
        signed = HTTPHeaders()
        for name, value in headers:
            signed[name.lower()] = value
        canonical = "\n".join(
            (
                method.upper(),
                self._normalize_url_path(path),
                self._canonical_query_string_url(SplitResult("", "", "", query, "")),
                self.canonical_headers(signed) + "\n",
                self.signed_headers(signed),
                content_hash,
            )
        )
        return str(self.signature(self.string_to_sign(self, canonical), self))


def _claim(authorization: Sequence[str]) -> _Claim:
    if not authorization:
        raise SignatureRefused(
            Code.NOT_SIGNED, "MissingAuthenticationTokenException", "Missing Authentication Token"
        )
    scheme, _, listed = authorization[0].strip().partition(" ")
    if scheme != ALGORITHM:
        raise _incomplete(f"Authorization is not {ALGORITHM}", Code.NOT_SIGNED)
    if len(authorization) > 1:
        raise _incomplete("There is more than one Authorization header.")
    parts: dict[str, str] = {}
    for listed_part in listed.split(","):
        name, equals, value = listed_part.strip().partition("=")
        if not equals or name in parts:
            raise _incomplete(f"{name!r} is not one key=value pair in Authorization header.")
        parts[name] = value
    missing = [name for name in _PARTS if not parts.get(name)]
    if missing:
        raise _incomplete(
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        )
    access_key, *scope = parts["Credential"].split("/")
    return _Claim(
        access_key=access_key,
        scope=tuple(scope),
        signed_headers=tuple(parts["SignedHeaders"].split(";")),
        signature=parts["Signature"],
    )


def _signed_at(given: Mapping[str, Sequence[str]]) -> datetime:
    """When the request says it was signed: X-Amz-Date, or Date where that is missing."""
    dates = given.get("x-amz-date") or given.get("date") or []
    if len(dates) != 1:
        raise _incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    (text,) = dates
    try:
        return datetime.strptime(text.strip(), SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        pass
    if "x-amz-date" not in given:
        try:
            parsed = parsedate_to_datetime(text)
            # botocore writes its zone as -0000, which parses to no zone at all.
            return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        except (ValueError, TypeError, OverflowError):
            pass
    raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{text}'.")


def _check_scope(scope: tuple[str, ...], signed_at: datetime, region: str) -> None:
    wanted = (signed_at.strftime("%Y%m%d"), region, SERVICE, _TERMINATOR)
    if scope != wanted:
        raise SignatureRefused(
            Code.SIGNATURE_INVALID,
            "InvalidSignatureException",
            f"Credential should be scoped to '{'/'.join(wanted)}', not '{'/'.join(scope)}'.",
        )


def _check_time(signed_at: datetime, now: datetime) -> None:
    if abs(now - signed_at) <= TOLERANCE:
        return
    at, here = (time.astimezone(UTC).strftime(SIGV4_TIMESTAMP) for time in (signed_at, now))
    if signed_at < now:
        bound = (now - TOLERANCE).astimezone(UTC).strftime(SIGV4_TIMESTAMP)
        message = f"Signature expired: {at} is now earlier than {bound} ({here} - 5 min.)"
    else:
        bound = (now + TOLERANCE).astimezone(UTC).strftime(SIGV4_TIMESTAMP)
        message = f"Signature not yet current: {at} is still later than {bound} ({here} + 5 min.)"
    raise SignatureRefused(Code.SIGNATURE_EXPIRED, "InvalidSignatureException", message)


def _check_coverage(names: Collection[str], given: Mapping[str, object]) -> None:
    """Every name is signed once and was sent; what decides who asks for what is among them."""
    needed = {"host", *(name for name in given if name.startswith("x-amz-"))}
    for name in sorted(needed - set(names)):
        raise SignatureRefused(
            Code.SIGNATURE_INVALID,
            "InvalidSignatureException",
            f"'{name}' must be a 'SignedHeader' in the AWS Authorization.",
        )
    if len(set(names)) != len(names) or not set(names) <= given.keys():
        raise _mismatch()


def _encoded_anew(query: str) -> str:
    """The query, each name and value decoded and encoded as the specification says."""
    return "&".join(
        "=".join(_reencoded(part) for part in pair.split("=", 1)) for pair in query.split("&")
    )


def _reencoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _incomplete(message: str, code: Code = Code.SIGNATURE_INVALID) -> SignatureRefused:
    return SignatureRefused(code, "IncompleteSignatureException", message)


def _unknown_key() -> SignatureRefused:
    return SignatureRefused(
        Code.KEY_UNKNOWN,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def _mismatch() -> SignatureRefused:
    return SignatureRefused(
        Code.SIGNATURE_INVALID,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details.",
    )
