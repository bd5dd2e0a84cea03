"""An HTTP client that signs each request, on whatever clock it is given."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import urllib3

from infra.local.signatures import LocalKey, sign_request

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: `headers` by name in any case, `json` the parsed body or None."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any


class SignedClient:
    """Calls a gateway as the principal of one key; keeps its connection.

    Args:
        base_url: scheme, host and port.
        key: signs.
        clock: dates the signatures.
        region: that the gateway is in.

    """

    def __init__(
        self,
        base_url: str,
        key: LocalKey,
        *,
        clock: Callable[[], datetime],
        region: str = "cn-north-1",
    ) -> None:
        self._base_url = base_url
        self._key = key
        self._clock = clock
        self._region = region
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one request with the object as its JSON body, or with none."""
        body = b"" if json is None else json_module.dumps(json, ensure_ascii=False).encode()
        sent = dict(headers or {})
        if json is not None:
            sent.setdefault("Content-Type", "application/json")
        url = self._base_url + path
        signed = sign_request(
            method=method,
            url=url,
            headers=sent,
            body=body,
            key=self._key,
            region=self._region,
            at=self._clock(),
        )
        answer = self._pool.request(method, url, body=body, headers=signed)
        parsed = json_module.loads(answer.data) if answer.data else None
        return Response(answer.status, answer.headers, answer.data, parsed)
