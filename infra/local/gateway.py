"""API Gateway on one machine: real HTTP in, REST proxy events to the real handlers, answers out.

    HTTP ──> signature ──> resource and method ──> proxy event ──> handler ──> HTTP

It does what a regional REST API with IAM authorization does with the routes that CDK deploys: an
unknown method of a known resource goes to that resource's function (CDK's ANY) and an unknown
path to the campaign function (CDK's {proxy+}), whose answers are 405 and 404 of our own. The
stage is not part of local paths. Handlers are called one at a time, under the lock that moto
needs, as a Lambda environment takes one request at a time.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response as HttpResponse

from functions.shared.domain.errors import HuiminError
from functions.shared.edge.languages import preferred_language
from functions.shared.edge.problems import problem_response
from functions.shared.edge.routes import Route
from infra.local.signatures import LocalKey, SignatureRefused, verify_request

Handler = Callable[[dict[str, Any], object], dict[str, Any]]

STAGE: Final = "live"
# Source: API Gateway quotas, payload size, and Lambda's of a synchronous call.
MAX_PAYLOAD_BYTES: Final = 10 * 1024 * 1024
_UNKNOWN_PATH_FUNCTION: Final = "campaign"
_TIMEOUT_MS: Final = 20_000


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What of Lambda's context object the functions may use."""

    function_name: str
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    memory_limit_in_mb: int = 1024

    @classmethod
    def for_function(cls, function: str) -> LambdaContext:
        """A new context for a call of that function."""
        return cls(f"huimin-{function}")

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws-cn:lambda:cn-north-1:123456789012:function:{self.function_name}"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Plenty: nothing is killed here."""
        return _TIMEOUT_MS


class Gateway:
    """The local gateway, as a WSGI application and as a server.

    Args:
        routes: the table that CDK deploys.
        handlers: a Lambda handler by function name.
        keys: who may sign, by access key.
        clock: what signatures are dated against.
        region: that requests are signed for.
        account_id: that events name.
        lock: held while a handler runs; none where handlers may run at once.

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
    ) -> None:
        self._handlers = handlers
        self._keys = keys
        self._clock = clock
        self._region = region
        self._account_id = account_id
        self._lock: AbstractContextManager[Any] = lock or nullcontext()
        self._pages: dict[str, tuple[str, Callable[[], bytes]]] = {}
        self._functions = {route.path: route.function for route in routes}
        self._adapter = _adapter(routes)

    def add_page(self, path: str, content_type: str, render: Callable[[], bytes]) -> None:
        """Serves a page of the local stack's own at a path; it needs no signature."""
        self._pages[path] = (content_type, render)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serves on 127.0.0.1 until the block ends; gives the base URL."""
        server = make_server(
            "127.0.0.1", port, self.wsgi, threaded=True, request_handler=_QuietHandler
        )
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One HTTP request, as WSGI."""
        request = HttpRequest(environ)
        return self._respond(request)(environ, start_response)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        page = self._pages.get(request.path) if request.method == "GET" else None
        if page is not None:
            return HttpResponse(page[1](), content_type=page[0])
        request_id = str(uuid.uuid4())
        body = request.get_data(cache=False)
        if len(body) > MAX_PAYLOAD_BYTES:
            return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Too Long", request_id)
        raw_path, _, raw_query = _request_uri(request).partition("?")
        try:
            key = verify_request(
                method=request.method,
                url=f"http://{request.host}{_request_uri(request)}",
                headers=dict(request.headers),
                body=body,
                keys=self._keys,
                region=self._region,
                now=self._clock(),
            )
        except SignatureRefused as refused:
            return _refusal(refused, request, raw_path, request_id)
        resource, function, parameters = self._match(request.method, raw_path)
        event = self._event(
            request, body, raw_query, resource, parameters, key, request_id, raw_path
        )
        try:
            with self._lock:
                answer = self._handlers[function](event, LambdaContext.for_function(function))
            return _http(answer, request_id)
        except Exception:  # noqa: BLE001 - whatever a function does, the caller hears 502
            return _plain(HTTPStatus.BAD_GATEWAY, "Internal server error", request_id)

    def _match(self, method: str, raw_path: str) -> tuple[str, str, dict[str, str] | None]:
        """The resource, its function, and the path's parameters as API Gateway decodes them."""
        try:
            resource, values = self._adapter.match(raw_path, method)
        except MethodNotAllowed:
            resource, values = self._adapter.match(raw_path, method="ANY")
        except NotFound:
            proxy = {"proxy": unquote(raw_path.lstrip("/"))}
            return "/{proxy+}", _UNKNOWN_PATH_FUNCTION, proxy
        parameters = {name: unquote(value) for name, value in values.items()}
        return resource, self._functions[resource], parameters or None

    def _event(
        self,
        request: HttpRequest,
        body: bytes,
        raw_query: str,
        resource: str,
        parameters: dict[str, str] | None,
        key: LocalKey,
        request_id: str,
        raw_path: str,
    ) -> dict[str, Any]:
        headers: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            headers.setdefault(name, []).append(value)
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(raw_query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        text, is_base64 = _event_body(body)
        now = self._clock()
        path = unquote(raw_path)
        return {
            "resource": resource,
            "path": path,
            "httpMethod": request.method,
            "headers": {name: values[-1] for name, values in headers.items()},
            "multiValueHeaders": headers,
            "queryStringParameters": {n: v[-1] for n, v in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": parameters,
            "stageVariables": None,
            "requestContext": {
                "accountId": self._account_id,
                "apiId": "local",
                "domainName": request.host,
                "httpMethod": request.method,
                "identity": {
                    "accessKey": key.access_key,
                    "accountId": self._account_id,
                    "caller": f"AROALOCAL:{key.user_arn.rsplit('/', 1)[-1]}",
                    "sourceIp": request.remote_addr or "127.0.0.1",
                    "user": f"AROALOCAL:{key.user_arn.rsplit('/', 1)[-1]}",
                    "userAgent": request.headers.get("User-Agent"),
                    "userArn": key.user_arn,
                },
                "path": f"/{STAGE}{path}",
                "protocol": "HTTP/1.1",
                "requestId": request_id,
                "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "requestTimeEpoch": int(now.timestamp() * 1_000),
                "resourceId": "local",
                "resourcePath": resource,
                "stage": STAGE,
            },
            "body": text,
            "isBase64Encoded": is_base64,
        }


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open, and writes no line per request: the functions log their own."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def _adapter(routes: Sequence[Route]) -> MapAdapter:
    rules = [
        Rule(_werkzeug_path(route.path), endpoint=route.path, methods=[route.method])
        for route in routes
    ]
    rules += [
        Rule(_werkzeug_path(path), endpoint=path, methods=["ANY"])
        for path in {route.path for route in routes}
    ]
    # API Gateway takes paths as they are: no redirects, no merged slashes.
    return Map(rules, strict_slashes=True, merge_slashes=False, redirect_defaults=False).bind(
        "localhost"
    )


def _werkzeug_path(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")


def _request_uri(request: HttpRequest) -> str:
    uri = str(request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or "")
    # A proxy's absolute form names the host again.
    return uri if uri.startswith("/") else request.full_path.rstrip("?")


def _event_body(body: bytes) -> tuple[str | None, bool]:
    """The body as API Gateway hands it on: text where it is text, else base64."""
    if not body:
        return None, False
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


def _http(answer: dict[str, Any], request_id: str) -> HttpResponse:
    """The HTTP answer of a proxy answer; raises on what API Gateway calls malformed."""
    body = answer.get("body") or ""
    data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    response = HttpResponse(data, status=int(answer["statusCode"]))
    response.headers.remove("Content-Type")
    for name, value in (answer.get("headers") or {}).items():
        response.headers[name] = str(value)
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        response.headers.setlist(name, [str(value) for value in values])
    response.headers.setdefault("Content-Type", "application/json")
    return _marked(response, request_id)


def _plain(status: HTTPStatus, message: str, request_id: str) -> HttpResponse:
    response = HttpResponse(
        json.dumps({"message": message}), status=status, content_type="application/json"
    )
    return _marked(response, request_id)


def _refusal(
    refused: SignatureRefused, request: HttpRequest, path: str, request_id: str
) -> HttpResponse:
    answer = problem_response(
        HuiminError(refused.code),
        language=preferred_language(request.headers.get("Accept-Language", "")),
        instance=unquote(path),
        request_id=request_id,
    )
    response = _http(answer, request_id)
    response.headers["x-amzn-ErrorType"] = refused.error_type
    return response


def _marked(response: HttpResponse, request_id: str) -> HttpResponse:
    response.headers["x-amzn-RequestId"] = request_id
    response.headers["x-amz-apigw-id"] = request_id.replace("-", "")[:16]
    return response
