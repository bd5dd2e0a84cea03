"""API Gateway on one machine: real HTTP in, REST proxy events to the real handlers, answers out.

    HTTP ──> signature ──> resource ──> proxy event ──> handler ──> proxy answer ──> HTTP

It does what a regional REST API with IAM authorization does with the paths that CDK deploys
(`infra.rest_api`): every method of a known path goes to that path's function, whose answer to a
wrong one is 405, and an unknown path to the campaign function, whose answer is 404. What it
answers by itself are the problem documents that the deployed gateway is set to answer. The stage
is no part of local paths.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response as HttpResponse

from functions.shared.domain.errors import Code
from functions.shared.edge.routes import Route
from infra.local.http_server import RAW_HEADERS, read_body, serve
from infra.local.proxy import (
    LAMBDA_PAYLOAD_BYTES,
    HttpAnswer,
    MalformedAnswer,
    Received,
    Resources,
    extended_request_id,
    http_answer,
    proxy_event,
)
from infra.local.signatures import LocalKey, SignatureRefused, verify_request
from infra.rest_api import GATEWAY_CODES, REQUEST_ID, functions_by_path, gateway_problem

Handler = Callable[[dict[str, Any], object], object]

# Source: API Gateway quotas, "Payload size".
MAX_PAYLOAD_BYTES: Final = 10 * 1024 * 1024
# What ANY stands for.
METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_TIMEOUT_S: Final = 20.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What of Lambda's context object the functions may use."""

    function_name: str
    region: str = "cn-north-1"
    account_id: str = "123456789012"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    memory_limit_in_mb: int = 1024
    _ends_at: float = field(default_factory=lambda: time.monotonic() + _TIMEOUT_S)

    @classmethod
    def for_function(cls, function: str) -> LambdaContext:
        """A new context for a call of that function."""
        return cls(f"huimin-{function}")

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws-cn:lambda:{self.region}:{self.account_id}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """Where the function's log would go."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the function's timeout; nothing is killed here when it is over."""
        return max(0, int((self._ends_at - time.monotonic()) * 1_000))


class Gateway:
    """The local gateway, as a WSGI application and as a server.

    Args:
        routes: the table that CDK deploys.
        handlers: a Lambda handler by function name.
        keys: who may sign, by access key.
        clock: what signatures are dated against, aware.
        region: that requests are signed for.
        account_id: that events name.
        lock: held while a handler runs; without it, handlers run at once, as on Lambda.
        binary_media_types: of bodies that travel in base64; the deployed API has none.

    """

    def __init__(
        self,
        routes: Sequence[Route],
        handlers: Mapping[str, Handler],
        *,
        keys: Mapping[str, LocalKey],
        clock: Callable[[], datetime],
        region: str = "cn-north-1",
        account_id: str = "123456789012",
        lock: AbstractContextManager[Any] | None = None,
        binary_media_types: Collection[str] = (),
    ) -> None:
        self._functions = functions_by_path(routes)
        missing = set(self._functions.values()) - handlers.keys()
        if missing:
            raise ValueError(f"no handler for {sorted(missing)}")
        self._resources = Resources(self._functions)
        self._handlers = handlers
        self._keys = keys
        self._clock = clock
        self._region = region
        self._account_id = account_id
        self._lock: AbstractContextManager[Any] = lock or nullcontext()
        self._binary_media_types = binary_media_types
        self._pages: dict[str, tuple[str, Callable[[], bytes]]] = {}

    def add_page(self, path: str, content_type: str, render: Callable[[], bytes]) -> None:
        """Serves a page of the local stack's own at a path; it needs no signature."""
        self._pages[path] = (content_type, render)

    def serve(self, port: int = 0) -> AbstractContextManager[str]:
        """Serves on 127.0.0.1 until the block ends; gives the base URL."""
        return serve(self.wsgi, port)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One HTTP request, as WSGI."""
        answer = self._respond(HttpRequest(environ))
        response = HttpResponse(answer.body, status=answer.status)
        del response.headers["Content-Type"]
        for name, value in answer.headers:
            response.headers.add(name, value)
        return response(environ, start_response)

    def _respond(self, request: HttpRequest) -> HttpAnswer:
        page = self._pages.get(request.path) if request.method == "GET" else None
        if page is not None:
            return HttpAnswer(200, [("Content-Type", page[0])], page[1]())
        request_id = str(uuid.uuid4())
        answer = self._answer(request, request_id)
        marks = [
            ("x-amzn-RequestId", request_id),
            ("x-amz-apigw-id", extended_request_id(request_id)),
        ]
        return HttpAnswer(answer.status, [*answer.headers, *marks], answer.body)

    def _answer(self, request: HttpRequest, request_id: str) -> HttpAnswer:
        try:
            received = _received(request)
        except RequestEntityTooLarge:
            return _own_answer("REQUEST_TOO_LARGE", "RequestEntityTooLargeException", request_id)
        except (HTTPException, OSError):
            return HttpAnswer(
                400, [("Content-Type", "application/json")], b'{"message":"Bad Request"}'
            )
        try:
            if received.method not in METHODS:
                # No resource has such a method, and what is not there asks for a signature.
                return _own_answer(
                    "MISSING_AUTHENTICATION_TOKEN",
                    "MissingAuthenticationTokenException",
                    request_id,
                )
            key = self._verified(received)
        except SignatureRefused as refused:
            logger.info("%s %s: %s", received.method, received.path, refused.message)
            return _problem(refused.code, refused.error_type, request_id)
        return self._called(received, key, request_id)

    def _verified(self, received: Received) -> LocalKey:
        target = f"{received.path}?{received.query}" if received.query else received.path
        return verify_request(
            method=received.method,
            target=target,
            headers=received.headers,
            body=received.body,
            keys=self._keys,
            region=self._region,
            now=self._clock(),
        )

    def _called(self, received: Received, key: LocalKey, request_id: str) -> HttpAnswer:
        match = self._resources.match(received.path)
        event = json.dumps(
            proxy_event(
                received,
                match,
                key=key,
                request_id=request_id,
                at=self._clock(),
                account_id=self._account_id,
                binary_media_types=self._binary_media_types,
            ),
            ensure_ascii=False,
        ).encode()
        if len(event) > LAMBDA_PAYLOAD_BYTES:
            return _own_answer("REQUEST_TOO_LARGE", "RequestEntityTooLargeException", request_id)
        function = self._functions[match.resource]
        context = LambdaContext(f"huimin-{function}", self._region, self._account_id)
        try:
            with self._lock:
                returned = self._handlers[function](json.loads(event), context)
            return http_answer(
                returned,
                accept=received.header("accept"),
                binary_media_types=self._binary_media_types,
            )
        except MalformedAnswer as malformed:
            logger.error("%s: %s", function, malformed)  # noqa: TRY400 - the trace would be ours
        except Exception:
            logger.exception("%s failed", function)
        return _own_answer("DEFAULT_5XX", "InternalServerErrorException", request_id)


def _received(request: HttpRequest) -> Received:
    """The request as it came, its body within the limit.

    Raises:
        HTTPException: the body is too large, or ends before it should.
        OSError: its chunks are wrong.

    """
    path, _, query = _target(request).partition("?")
    raw = request.environ.get(RAW_HEADERS)
    return Received(
        method=request.environ["REQUEST_METHOD"],
        path=path,
        query=query,
        # WSGI joins repeated headers and forgets their spelling; the local server keeps both.
        headers=raw if raw is not None else list(request.headers.items()),
        body=read_body(request, MAX_PAYLOAD_BYTES),
        source_ip=request.remote_addr or "127.0.0.1",
        port=str(request.environ.get("SERVER_PORT", "")),
    )


def _target(request: HttpRequest) -> str:
    target = str(request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or "/")
    scheme, separator, rest = target.partition("://")
    if separator and scheme.isalpha():
        # The form that clients use towards a proxy: the whole address.
        target = f"/{rest.partition('/')[2]}"
    return target


def _own_answer(kind: str, error_type: str, request_id: str) -> HttpAnswer:
    """What the gateway is set to answer to one of API Gateway's response types."""
    return _problem(GATEWAY_CODES[kind], error_type, request_id)


def _problem(code: Code, error_type: str, request_id: str) -> HttpAnswer:
    problem = gateway_problem(code)
    return HttpAnswer(
        problem.status,
        [*problem.headers.items(), ("x-amzn-ErrorType", error_type)],
        problem.template.replace(REQUEST_ID, request_id).encode(),
    )
