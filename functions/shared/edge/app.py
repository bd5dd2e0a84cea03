"""One function's operations, and the way of a request through them.

API Gateway has matched the resource before a function is called, so finding the operation is a
look-up in a table: no routes are parsed and none can shadow another. What follows is the same
for every call, in this order, and each step refuses with a problem document of its own:

    route ─> caller ─> role ─> ids in the path ─> query ─> size ─> media type ─> JSON ─> fields
          ─> version ─> the operation ─> answer

An operation is reached only by a request that passed all of them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Required, TypedDict, overload

from pydantic import BaseModel
from typing_extensions import TypeVar, Unpack

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge import clock, preconditions, proxy_event, strict_json, telemetry
from functions.shared.edge.caller import Caller, FindPlatform, RememberedPlatforms, identify
from functions.shared.edge.fields import PATH_PATTERNS
from functions.shared.edge.languages import Language, preferred_language
from functions.shared.edge.plain import plain_value
from functions.shared.edge.proxy_event import Headers
from functions.shared.edge.routes import ROUTES, Route
from functions.shared.edge.settings import Settings, settings
from functions.shared.edge.validation import validated_body, validated_query

BodyT = TypeVar("BodyT", default=None)
QueryT = TypeVar("QueryT", default=None)
BodyModelT = TypeVar("BodyModelT", bound=BaseModel)
QueryModelT = TypeVar("QueryModelT", bound=BaseModel)

JSON_MEDIA_TYPE: Final = "application/json"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
# What a refusal's context tells the operators, where the caller may not be told.
_LOGGED: Final = ("what", "reason", "scope")
_PATH_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_EVERY_OPERATION: Final = (
    Code.INVALID_FIELDS,
    Code.BODY_TOO_LARGE,
    Code.NOT_SIGNED,
    Code.KEY_UNKNOWN,
    Code.SIGNATURE_INVALID,
    Code.SIGNATURE_EXPIRED,
    Code.NOT_ALLOWED,
    Code.BUSY,
    Code.THROTTLED,
    Code.INTERNAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[BodyT, QueryT]):
    """A request that passed every check of the edge.

    Args:
        body: as the operation's model has it; None where it takes none.
        query: as above, for the query.
        path: ids of the path by name, each in the shape that such ids have.
        document: the body as plain JSON values, as it was sent; empty without one.
        caller: who calls.
        now: the instant at which the request was taken up, aware UTC.
        language: in which the caller reads.
        request_id: as in the log and in a problem document.
        headers: of the request.

    """

    body: BodyT
    query: QueryT
    path: Mapping[str, str]
    document: Mapping[str, Any]
    caller: Caller
    now: datetime
    language: Language
    request_id: str
    headers: Headers

    @property
    def platform_id(self) -> str:
        """The calling platform; only for operations of the platform plane.

        Raises:
            LookupError: if the bureau calls.

        """
        if self.caller.platform_id is None:
            raise LookupError("the caller is no platform")
        return self.caller.platform_id

    @property
    def if_match(self) -> int | None:
        """The version that If-Match names, or None; INVALID_FIELDS if it is malformed."""
        return preconditions.if_match(self.headers.get("If-Match"))

    @property
    def if_none_match(self) -> bool:
        """Whether If-None-Match: * was sent; INVALID_FIELDS if it is malformed."""
        return preconditions.if_none_match(self.headers.get("If-None-Match"))

    @property
    def expected_version(self) -> int:
        """The version that must be stored, 0 for none; VERSION_REQUIRED if none is named.

        A versioned operation is only called with a request that names one.
        """
        return preconditions.expected_version(
            self.headers.get("If-Match"), self.headers.get("If-None-Match")
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gives back.

    Args:
        status: the HTTP status, one of the operation's `gives`.
        body: a model, or plain values; None for no body.
        replayed: whether this is the answer to an earlier request with the same number.
        version: of what the answer shows; becomes the ETag.
        headers: further headers.

    """

    status: int
    body: BaseModel | Mapping[str, object] | None = None
    replayed: bool = False
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Declared(TypedDict, total=False):
    """What an operation declares about itself, for its callers.

    Args:
        gives: the answers' models by status; None for an answer without a body.
        refuses: codes that the use case can raise; those of the edge are added.
        number: the field of the body that makes the operation idempotent, if any.
        versioned: whether a request must name a version; by default, whether the method is PUT.

    """

    gives: Required[Mapping[int, type[BaseModel] | None]]
    refuses: tuple[Code, ...]
    number: str | None
    versioned: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A registered operation: its route, what it declares, and the function that answers."""

    route: Route
    answer: Callable[[Request[Any, Any]], Answer]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    gives: Mapping[int, type[BaseModel] | None]
    refuses: tuple[Code, ...]
    number: str | None
    versioned: bool

    @property
    def body_limit(self) -> int:
        """The largest body in bytes; 0 where none is taken."""
        return self.route.body_limit if self.body else 0

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names of the path's ids, in order."""
        return tuple(_PATH_PARAMETER.findall(self.route.path))

    @property
    def codes(self) -> frozenset[Code]:
        """Every code that a caller of this operation can meet."""
        implied = set(_EVERY_OPERATION)
        if self.body:
            implied |= {Code.MALFORMED_BODY, Code.UNSUPPORTED_MEDIA_TYPE}
        if self.path_names:
            implied.add(Code.NOT_FOUND)
        if self.number:
            implied.add(Code.KEY_REUSED)
        if self.versioned:
            implied |= {Code.VERSION_REQUIRED, Code.VERSION_MISMATCH}
        return frozenset(implied | set(self.refuses))


Plain = Callable[[Request[None, None]], Answer]
WithBody = Callable[[Request[BodyModelT, None]], Answer]
WithQuery = Callable[[Request[None, QueryModelT]], Answer]
WithBoth = Callable[[Request[BodyModelT, QueryModelT]], Answer]


class App:
    """The operations of one function.

    Args:
        function: the folder under `functions/`; only routes that name it are answered.
        find_platform: the registry, from a principal's ARN to a platform's id.
        routes: the table of routes; another one in tests only.
        read_settings: gives the settings when the first request needs them.

    """

    def __init__(
        self,
        function: str,
        *,
        find_platform: FindPlatform,
        routes: tuple[Route, ...] = ROUTES,
        read_settings: Callable[[], Settings] = settings,
    ) -> None:
        self.function = function
        self.platforms = RememberedPlatforms(find_platform, clock.now)
        self._settings = read_settings
        self._operations: dict[str, Operation] = {}
        self._by_id = {route.operation_id: route for route in routes}
        self._by_resource = {(route.path, route.method): route for route in routes}
        self._methods: dict[str, list[str]] = {}
        for route in routes:
            self._methods.setdefault(route.path, []).append(route.method)

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Every registered operation by its id."""
        return self._operations

    @overload
    def operation(
        self, operation_id: str, **declared: Unpack[Declared]
    ) -> Callable[[Plain], Plain]: ...

    @overload
    def operation(
        self, operation_id: str, *, body: type[BodyModelT], **declared: Unpack[Declared]
    ) -> Callable[[WithBody[BodyModelT]], WithBody[BodyModelT]]: ...

    @overload
    def operation(
        self, operation_id: str, *, query: type[QueryModelT], **declared: Unpack[Declared]
    ) -> Callable[[WithQuery[QueryModelT]], WithQuery[QueryModelT]]: ...

    @overload
    def operation(
        self,
        operation_id: str,
        *,
        body: type[BodyModelT],
        query: type[QueryModelT],
        **declared: Unpack[Declared],
    ) -> Callable[[WithBoth[BodyModelT, QueryModelT]], WithBoth[BodyModelT, QueryModelT]]: ...

    def operation(
        self,
        operation_id: str,
        *,
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        **declared: Unpack[Declared],
    ) -> Callable[[Any], Any]:
        """Register the decorated function as the answer to a route.

        Args:
            operation_id: the route's.
            body: the model of the body; None where the call takes none.
            query: the model of the query; None where the call takes none.
            declared: see Declared.

        Raises:
            ValueError: if the route is unknown, another function's or registered before, or if
                what is declared does not fit it.

        """
        route = self._by_id.get(operation_id)
        if route is None:
            raise ValueError(f"{operation_id} is not in the table of routes")

        def register(answer: Callable[[Request[Any, Any]], Answer]) -> Any:  # noqa: ANN401 - the overloads say it
            operation = Operation(
                route=route,
                answer=answer,
                body=body,
                query=query,
                gives=declared["gives"],
                refuses=declared.get("refuses", ()),
                number=declared.get("number"),
                versioned=declared.get("versioned", route.method == "PUT"),
            )
            self._check(operation)
            for model in (body, query):
                if model is not None:
                    model.model_rebuild()
            self._operations[operation_id] = operation
            return answer

        return register

    def _check(self, operation: Operation) -> None:
        route, name = operation.route, operation.route.operation_id
        if route.function != self.function:
            raise ValueError(f"{name} belongs to the function {route.function}")
        if name in self._operations:
            raise ValueError(f"{name} is registered twice")
        if operation.body and (route.method == "GET" or not route.body_limit):
            raise ValueError(f"{name} has a body, but its route takes none")
        if operation.number and operation.number not in _field_names(operation.body):
            raise ValueError(f"{name} has no field {operation.number} in its body")
        if not operation.gives:
            raise ValueError(f"{name} gives no answer")
        if unknown := [path for path in operation.path_names if path not in PATH_PATTERNS]:
            raise ValueError(f"{name} has ids of no known shape in its path: {unknown}")

    def handle(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:
        """The answer to a REST proxy event; always an answer, whatever the event holds."""
        started = time.perf_counter()
        request_id = proxy_event.request_id_of(event, context)
        headers = Headers(event)
        facts: dict[str, object] = {}
        with telemetry.bind(function=self.function, request_id=request_id):
            try:
                response = self._answer(event, headers, request_id, facts)
            except HuiminError as error:
                response = self._refusal(error, event, headers, request_id)
                self._note_refusal(error, facts)
            except Exception as error:  # noqa: BLE001 - the last fence before the caller
                telemetry.error("unhandled", error, operation=facts.get("operation"))
                internal = HuiminError(Code.INTERNAL)
                response = self._refusal(internal, event, headers, request_id)
                facts["code"] = Code.INTERNAL.value
            latency_ms = round((time.perf_counter() - started) * 1_000, 1)
            telemetry.info("request", status=response["statusCode"], latency_ms=latency_ms, **facts)
        return response

    def _answer(
        self,
        event: Mapping[str, Any],
        headers: Headers,
        request_id: str,
        facts: dict[str, object],
    ) -> dict[str, Any]:
        route = self._route(event)
        facts["operation"] = route.operation_id
        operation = self._operations[route.operation_id]
        request = self._request(operation, event, headers, request_id, facts)
        answer = operation.answer(request)
        if answer.replayed:
            facts["replayed"] = True
        if answer.status not in operation.gives:
            telemetry.warning("undeclared status", status=answer.status, **facts)
        return _rendered(answer)

    def _route(self, event: Mapping[str, Any]) -> Route:
        resource = proxy_event.text_of(event, "resource")
        methods = self._methods.get(resource)
        if methods is None:
            raise HuiminError(Code.ROUTE_NOT_FOUND)
        route = self._by_resource.get((resource, proxy_event.text_of(event, "httpMethod")))
        if route is None:
            raise HuiminError(Code.METHOD_NOT_ALLOWED, allow=", ".join(sorted(methods)))
        if route.function != self.function:
            raise HuiminError(Code.ROUTE_NOT_FOUND)
        return route

    def _request(
        self,
        operation: Operation,
        event: Mapping[str, Any],
        headers: Headers,
        request_id: str,
        facts: dict[str, object],
    ) -> Request[Any, Any]:
        caller = identify(event, self._settings().bureau_roles, self.platforms)
        facts["role"], facts["platform_id"] = caller.role.value, caller.platform_id
        if caller.role not in operation.route.roles:
            raise HuiminError(Code.NOT_ALLOWED)
        path = _path_ids(operation, event)
        query = validated_query(operation.query, proxy_event.query_parameters(event))
        body, document = _body(operation, event, headers)
        request: Request[Any, Any] = Request(
            body=body,
            query=query,
            path=path,
            document=document,
            caller=caller,
            now=clock.now(),
            language=_language(headers),
            request_id=request_id,
            headers=headers,
        )
        if operation.versioned:
            request.expected_version  # noqa: B018 - refuses here, before the operation is reached
        return request

    def _refusal(
        self, error: HuiminError, event: Mapping[str, Any], headers: Headers, request_id: str
    ) -> dict[str, Any]:
        # The wording of problems is loaded for the first refusal: a cold claim needs none.
        from functions.shared.edge.problems import problem_response  # noqa: PLC0415

        return problem_response(
            error,
            language=_language(headers),
            instance=proxy_event.text_of(event, "path"),
            request_id=request_id,
        )

    def _note_refusal(self, error: HuiminError, facts: dict[str, object]) -> None:
        facts["code"] = error.code.value
        facts.update((name, error.context[name]) for name in _LOGGED if name in error.context)
        operation = self._operations.get(str(facts.get("operation")))
        if operation is not None and error.code not in operation.codes:
            telemetry.warning("undeclared code", **facts)


def _field_names(model: type[BaseModel] | None) -> set[str]:
    return set(model.model_fields) if model else set()


def _language(headers: Headers) -> Language:
    return preferred_language(headers.get("Accept-Language") or "")


def _path_ids(operation: Operation, event: Mapping[str, Any]) -> Mapping[str, str]:
    """The path's ids; one of the wrong shape is one that nothing has."""
    sent = proxy_event.path_parameters(event)
    ids = {name: sent.get(name, "") for name in operation.path_names}
    if not all(re.fullmatch(PATH_PATTERNS[name], given) for name, given in ids.items()):
        raise HuiminError(Code.NOT_FOUND)
    return ids


def _body(
    operation: Operation, event: Mapping[str, Any], headers: Headers
) -> tuple[BaseModel | None, Mapping[str, Any]]:
    raw = proxy_event.body_of(event, limit_bytes=operation.body_limit)
    if operation.body is None:
        return None, {}
    if raw:
        # Without a body there is nothing that a media type could be wrong about.
        proxy_event.require_json(headers)
    document = strict_json.parse(raw)
    return validated_body(operation.body, raw, document), document


def _rendered(answer: Answer) -> dict[str, Any]:
    headers = {"Content-Type": JSON_MEDIA_TYPE, "Cache-Control": "no-store", **answer.headers}
    if answer.replayed:
        headers[REPLAYED_HEADER] = "true"
    if answer.version is not None:
        headers["ETag"] = preconditions.entity_tag(answer.version)
    match answer.body:
        case None:
            body = ""
            del headers["Content-Type"]
        case BaseModel():
            body = answer.body.model_dump_json(by_alias=True)
        case _:
            body = json.dumps(
                answer.body, ensure_ascii=False, separators=(",", ":"), default=plain_value
            )
    return {
        "statusCode": answer.status,
        "headers": headers,
        "body": body,
        "isBase64Encoded": False,
    }
