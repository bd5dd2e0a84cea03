"""Refusals as RFC 9457 problem documents, in the caller's language.

`type` is `urn:huimin:problem:` and the code: a name that stays, not an address that has to answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any, Final
from urllib.parse import quote

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.languages import Language, Words
from functions.shared.edge.plain import plain_value
from functions.shared.edge.problem_table import MEMBERS, PROBLEMS, TERMS, Problem
from functions.shared.edge.validation import MAX_ERRORS

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:huimin:problem:"
_LONGEST_INSTANCE: Final = 256
_PLACES: Final = ("pointer", "parameter", "header")
_NAMES: Final = {
    words: frozenset(name for _, name, _, _ in Formatter().parse(words.en) if name)
    for problem in PROBLEMS.values()
    for words in problem.details
}


def type_of(code: Code) -> str:
    """The problem's `type`, stable for ever."""
    return TYPE_PREFIX + code.value


def problem_document(
    error: HuiminError, *, language: Language, instance: str, request_id: str
) -> dict[str, Any]:
    """The problem document of a refusal.

    Args:
        error: the refusal; what its wording needs and its context lacks is left unsaid.
        language: of `title`, `detail` and of each entry of `errors`.
        instance: the path of the request.
        request_id: what support asks for.

    """
    problem = PROBLEMS[error.code]
    document: dict[str, Any] = {
        "type": type_of(error.code),
        "title": problem.title.in_language(language),
        "status": problem.status,
        "detail": _detail(problem, error.context, language),
        "instance": quote(instance[:_LONGEST_INSTANCE], safe="/{}$.-_~*|", errors="replace"),
        "code": error.code.value,
        "retryable": problem.retryable,
        "request_id": request_id,
    }
    if problem.tells_facts:
        for name in MEMBERS:
            if name == "errors" and name in error.context:
                document[name] = _field_errors(error.context[name], language)
            elif name in error.context:
                document[name] = plain_value(error.context[name])
    return document


def problem_response(
    error: HuiminError, *, language: Language, instance: str, request_id: str
) -> dict[str, Any]:
    """The refusal as the answer that API Gateway takes from a function."""
    problem = PROBLEMS[error.code]
    document = problem_document(error, language=language, instance=instance, request_id=request_id)
    headers = {
        "Content-Type": PROBLEM_MEDIA_TYPE,
        "Content-Language": language.value,
        "Cache-Control": "no-store",
    }
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(error.context.get("retry_after_s", problem.retry_after_s))
    if error.code is Code.METHOD_NOT_ALLOWED:
        headers["Allow"] = str(error.context.get("allow", ""))
    return {
        "statusCode": problem.status,
        "headers": headers,
        "body": json.dumps(document, ensure_ascii=False, separators=(",", ":")),
        "isBase64Encoded": False,
    }


def _detail(problem: Problem, context: Mapping[str, object], language: Language) -> str:
    words = next((w for w in problem.details if context.keys() >= _NAMES[w]), problem.details[-1])
    facts = {name: _said(context[name], language) for name in _NAMES[words] & context.keys()}
    remedy = problem.remedy.in_language(language)
    said = words.in_language(language).format_map(facts)
    return f"{said} {remedy}" if language is Language.EN else f"{said}{remedy}"


def _said(value: object, language: Language) -> str:
    plain = plain_value(value)
    term = TERMS.get(plain) if isinstance(plain, str) else None
    return term.in_language(language) if term else str(plain)


def _field_errors(errors: object, language: Language) -> list[dict[str, str]]:
    """Entries of `errors`, from mappings or from values with `pointer`, `en` and `zh`."""
    if not isinstance(errors, Sequence):
        return []
    return [_field_error(error, language) for error in errors[:MAX_ERRORS]]


def _field_error(error: object, language: Language) -> dict[str, str]:
    def fact(name: str) -> str | None:
        value = error.get(name) if isinstance(error, Mapping) else getattr(error, name, None)
        return None if value is None else str(value)

    entry = {place: text for place in _PLACES if (text := fact(place)) is not None}
    entry["detail"] = Words(fact("en") or "", fact("zh") or "").in_language(language)
    return entry
