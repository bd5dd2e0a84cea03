"""Signed requests as clients make them, and the keys they are signed with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from infra.local.signatures import LocalKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REGION = "cn-north-1"
HOST = "127.0.0.1:8080"
BASE_URL = f"http://{HOST}"
KEY = LocalKey(
    access_key="AKIDPLATFORM",
    secret_key="secret/of+platform",
    user_arn="arn:aws-cn:sts::123456789012:assumed-role/huimin-platform-unionpay/till-7",
)
OTHER_KEY = LocalKey(
    access_key="AKIDOTHER",
    secret_key="secret-of-another",
    user_arn="arn:aws-cn:iam::123456789012:user/zhao.min",
)
KEYS = {key.access_key: key for key in (KEY, OTHER_KEY)}
NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)


def botocore_headers(
    method: str,
    url: str,
    *,
    params: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
) -> tuple[str, list[tuple[str, str]]]:
    """The address and headers that botocore's own signer makes, on the machine's clock."""
    session = Session()
    session.set_credentials(KEY.access_key, KEY.secret_key, token)
    request = AWSRequest(
        method=method, url=url, params=list(params), data=body, headers=dict(headers or {})
    )
    SigV4Auth(session.get_credentials(), "execute-api", REGION).add_auth(request)
    prepared = request.prepare()
    sent: list[tuple[str, Any]] = [
        (name, value.decode() if isinstance(value, bytes) else value)
        for name, value in prepared.headers.items()
    ]
    if not any(name.lower() == "host" for name, _ in sent):
        sent.append(("Host", url.split("/")[2]))
    return prepared.url, sent
