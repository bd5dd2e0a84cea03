"""A client of a deployed API: signs with the caller's AWS credentials, and repeats what may pass.

The local gateway takes it as well, with the keys that `huimin serve` prints.
"""

from __future__ import annotations

import json as json_module
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import get_session
from urllib3.util import Retry, parse_url

SERVICE: Final = "execute-api"
TIMEOUT_S: Final = 40.0
# Every call of the API may be sent again. API Gateway says 429 and 504, the functions 503.
_RETRY: Final = Retry(
    total=6,
    backoff_factor=0.3,
    backoff_jitter=0.3,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)


class ApiRefused(Exception):
    """The API refused a request.

    Args:
        status: of the answer.
        problem: the problem document, or what there was of it.

    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        super().__init__(f"{self.code} ({status}): {problem.get('detail', 'no detail was given')}")

    @property
    def code(self) -> str:
        """The stable code, as SOLD_OUT."""
        return str(self.problem.get("code", "UNKNOWN"))


class ApiClient:
    """Calls the API as one principal; keeps its connections, serves many threads.

    Args:
        base_url: scheme, host and stage, as https://…/live.
        region: that the API is in.
        credentials: sign; by default those that the AWS command line would use.
        connections: as many as threads.

    Raises:
        ValueError: no credentials are given or found.

    """

    def __init__(
        self,
        base_url: str,
        *,
        region: str,
        credentials: Credentials | None = None,
        connections: int = 4,
    ) -> None:
        found = credentials or get_session().get_credentials()
        if found is None:
            raise ValueError(
                "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY"
            )
        self._base_url = base_url.rstrip("/")
        self._region = region
        self._credentials = found
        self._pool = urllib3.PoolManager(maxsize=connections, retries=_RETRY, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.clear()

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The answer's body to a request with that body as JSON, or with none.

        Raises:
            ApiRefused: the answer was a refusal.
            urllib3.exceptions.HTTPError: there was no answer.

        """
        content = b"" if body is None else json_module.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} if content else {}
        url = parse_url(self._base_url + path).url
        request = AWSRequest(method=method, url=url, data=content, headers=headers)
        SigV4Auth(self._credentials, SERVICE, self._region).add_auth(request)
        answer = self._pool.request(
            method, url, body=content or None, headers=dict(request.headers), redirect=False
        )
        document = _parsed(answer.data)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise ApiRefused(answer.status, document)
        return document


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        document = json_module.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
