"""An HTTP client that signs each request, on whatever clock it is given."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

import urllib3
from urllib3.util import parse_url

from infra.local.signatures import LocalKey, sign_request

TIMEOUT_S = 60.0
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: `headers` by name in any case, `json` the parsed body or None if it is no JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any


class Sender(Protocol):
    """Anything that sends requests as somebody: to the local gateway, or to a deployed API."""

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one request with the object as its JSON body, or with none."""


class SignedClient:
    """Calls a gateway as the principal of one key; keeps its connections, serves many threads.

    Args:
        base_url: scheme, host and port.
        key: signs.
        clock: dates the signatures, aware.
        region: that the gateway is in.

    """

    def __init__(
        self,
        base_url: str,
        key: LocalKey,
        clock: Callable[[], datetime],
        *,
        region: str = "cn-north-1",
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._clock = clock
        self._region = region
        self._pool = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._pool.clear()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one request with the object as its JSON body, or with none.

        Args:
            method: the HTTP method.
            path: with its query; what is not percent-encoded yet will be.
            json: None for no body.
            headers: further ones; all are signed.

        """
        body = b"" if json is None else json_module.dumps(json, ensure_ascii=False).encode()
        sent = dict(headers or {})
        if json is not None:
            sent.setdefault("Content-Type", "application/json")
        # What urllib3 will send: it encodes what is not yet, and that is what must be signed.
        url = parse_url(self._base_url + path).url
        signed = sign_request(
            method=method,
            url=url,
            headers=sent,
            body=body,
            key=self._key,
            region=self._region,
            at=self._clock(),
        )
        answer = self._pool.request(method, url, body=body or None, headers=signed, redirect=False)
        return Response(answer.status, answer.headers, answer.data, _parsed(answer))


def _parsed(answer: urllib3.BaseHTTPResponse) -> Any:  # noqa: ANN401 - whatever the body holds
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    return json_module.loads(answer.data) if is_json and answer.data else None
