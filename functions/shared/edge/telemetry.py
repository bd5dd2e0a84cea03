"""Structured logs and EMF metrics, through Powertools, loaded at their first use.

Importing Powertools costs about as much as a model of PynamoDB; a function that only imports this
module does not pay. Lines carry `request_id`, `operation`, `code`, `platform_id`, `latency_ms`;
never a body, and never a consumer's identity: such fields are dropped by name, as a last fence.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import TextIOBase
from traceback import extract_tb
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Final, TextIO, cast

from functions.shared.edge.settings import SettingError

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

NAMESPACE: Final = "Huimin"
NEVER_LOGGED: Final = frozenset(
    {"body", "event", "identity_number", "phone", "account", "headers", "person_key", "id_key"}
)
_DEEPEST_STACK: Final = 12
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_bound: ContextVar[Mapping[str, object]] = ContextVar("huimin_log_fields", default=_NOTHING)


class _Sink(TextIOBase):
    """Writes to the stream in use: standard output, as Lambda reads it, unless set otherwise."""

    stream: TextIO | None = None
    silent = False

    def write(self, text: str, /) -> int:
        if self.silent:
            return len(text)
        # Looked up each time, as tests and the local stack replace sys.stdout.
        return (self.stream or sys.stdout).write(text)


_sink = _Sink()


def write_to(stream: TextIO | None) -> None:
    """Write logs and metrics there from now on; None is standard output."""
    _sink.stream, _sink.silent = stream, False


def silence() -> None:
    """Write neither logs nor metrics until `write_to` is called."""
    _sink.silent = True


@cache
def logger(function: str) -> Logger:
    """The Powertools logger of one function; POWERTOOLS_LOG_LEVEL sets its level."""
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - see the module's docstring

    return Logger(
        service=f"huimin-{function}",
        level=None,
        stream=cast("IO[str]", _sink),
        utc=True,
        use_rfc3339=True,
        location=None,
    )


@contextmanager
def bind(**fields: object) -> Iterator[None]:
    """Put these fields on every line within the block; `function` chooses the logger."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def info(message: str, **fields: object) -> None:
    """Log what happened as it should."""
    _log("info", message, fields)


def warning(message: str, **fields: object) -> None:
    """Log what somebody should look at, some day."""
    _log("warning", message, fields)


def error(message: str, failure: BaseException | None = None, **fields: object) -> None:
    """Log what is broken, with the type and stack of `failure`.

    Not its message: libraries put what they were given into it, and that may be a person's number.
    """
    _log("error", message, {**fields, **(_failure_facts(failure) if failure else {})})


def metric(name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
    """Write one metric of the namespace Huimin, with the function as a dimension if it is bound.

    Args:
        name: UpperCamelCase, as CloudWatch's own.
        value: what was counted or measured.
        unit: a unit of CloudWatch, as "Count", "Milliseconds" or "None".
        dimensions: few values each: every combination is a metric of its own, and costs money.

    """
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415 - as above

    line = EphemeralMetrics(namespace=NAMESPACE)
    function = _bound.get().get("function")
    if function is not None:
        line.add_dimension("function", str(function))
    for dimension, of in dimensions.items():
        line.add_dimension(dimension, of)
    line.add_metric(name=name, unit=unit, value=value)
    _sink.write(json.dumps(line.serialize_metric_set(), separators=(",", ":")) + "\n")


def _log(level: str, message: str, fields: Mapping[str, object]) -> None:
    everything = {**_bound.get(), **fields}
    function = str(everything.pop("function", "unknown"))
    told = {name: value for name, value in everything.items() if name not in NEVER_LOGGED}
    getattr(logger(function), level)(message, extra=told)


def _failure_facts(failure: BaseException) -> dict[str, object]:
    types: list[str] = []
    cause: BaseException | None = failure
    while cause is not None and len(types) < _DEEPEST_STACK:
        types.append(_type_of(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    frames = extract_tb(failure.__traceback__)[-_DEEPEST_STACK:]
    return {
        "error_types": types,
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _type_of(failure: BaseException) -> str:
    """The type's full name, with AWS's own code or the setting's name, which are harmless."""
    name = f"{type(failure).__module__}.{type(failure).__qualname__}"
    if isinstance(failure, SettingError):
        return f"{name}[{failure.name}]"
    match getattr(failure, "response", None):
        case {"Error": {"Code": str(code)}}:
            return f"{name}[{code}]"
        case _:
            return name
