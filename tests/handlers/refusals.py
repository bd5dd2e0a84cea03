"""A refusal looked at from all sides: both languages, every member, and nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from functions.shared.domain.errors import Code
from functions.shared.edge.languages import Language
from functions.shared.edge.problem_table import PROBLEMS
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused

Send = Callable[[str], Reply]
EVERY_PROBLEM = frozenset(
    {"type", "title", "status", "detail", "instance", "code", "retryable", "request_id"}
)
RETRYABLE = frozenset({"BUSY", "THROTTLED", "INTERNAL"})


def require_refused(
    deployment: Deployment,
    send: Send,
    status: int,
    code: str,
    members: Mapping[str, object] | None = None,
) -> None:
    """The request is refused with that problem, in both languages, and changes nothing.

    Args:
        deployment: whose tables must not change.
        send: sends the request, by a caller who reads that language.
        status: of the answer.
        code: of the problem.
        members: every extension member of the document, and its value; `errors` is looked at
            by the caller.

    """
    before = deployment.snapshot()
    documents = {
        language: _document(send(language), status, code, language) for language in Language
    }
    assert deployment.snapshot() == before
    chinese, english = documents[Language.ZH], documents[Language.EN]
    for document in (chinese, english):
        told = {name: value for name, value in document.items() if name not in EVERY_PROBLEM}
        assert told == dict(members or {})
    in_words = {"title", "detail"}
    assert {k: v for k, v in chinese.items() if k not in in_words} == {
        k: v for k, v in english.items() if k not in in_words
    }


def _document(reply: Reply, status: int, code: str, language: Language) -> dict[str, Any]:
    document = refused(reply, status, code)
    problem = PROBLEMS[Code(code)]
    assert reply.headers["Content-Language"] == language.value
    assert document["title"] == problem.title.in_language(language)
    assert document["detail"].endswith(problem.remedy.in_language(language))
    assert document["retryable"] is (code in RETRYABLE)
    assert ("Retry-After" in reply.headers) is (code in {"BUSY", "THROTTLED"})
    # Words for people: nothing left unfilled, and in the language that was asked for.
    assert "{" not in document["detail"].replace("{ }", "")
    is_chinese = any("一" <= character <= "龥" for character in document["detail"])
    assert is_chinese is (language is Language.ZH)
    return document
