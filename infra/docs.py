"""Writes the pages of docs/ that are printed from code: `python -m infra.docs`.

Tests compare the committed pages with what is printed here, so that they are never behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.campaign_document import CampaignDocument
from functions.shared.edge.languages import Language
from functions.shared.edge.problem_table import GROUPS, MEMBERS, Group, Problem
from functions.shared.edge.problems import TYPE_PREFIX, problem_document

ERRORS_PAGE: Final = Path(__file__).parents[1] / "docs" / "errors.md"
CAMPAIGN_SCHEMA: Final = Path(__file__).parents[1] / "campaigns" / "campaign.schema.json"

_HEAD: Final = f"""\
# Errors / 错误

<!-- Printed from functions/shared/edge/problem_table.py by `python -m infra.docs`. -->

Every refusal is an RFC 9457 problem document, `application/problem+json`, in the language of
`Accept-Language`: Chinese unless English is preferred. Programs read `code`, which is never
renamed; `title` and `detail` are for people and may be reworded. `type` is `{TYPE_PREFIX}` and
the code. Unknown members are to be ignored: there may be more of them one day.

每次拒绝都返回 RFC 9457 问题文档（`application/problem+json`），语言由 `Accept-Language` 决定，
默认为中文。程序应读取 `code`，其含义永不改变；`title` 和 `detail` 供人阅读，措辞可能调整。
请忽略未知的成员。

**Retry / 可重试**: `retryable` is true where the same request, sent again within seconds and
unchanged, may succeed: wait as `Retry-After` says, then twice as long each time, and keep the
request's number, so that it is never applied twice. Everything else needs a change first.
`retryable` 为 true 时，可在 `Retry-After` 之后以相同编号原样重发，每次等待时间加倍，不会重复生效；
其余情况须先作更改。
"""


def render_errors_page() -> str:
    """The page of errors: each code with its status, meaning and remedy, in both languages."""
    parts = [_HEAD, _example(), *(_group(group) for group in GROUPS), _members()]
    return "\n".join(parts)


def _example() -> str:
    error = HuiminError(Code.PERSON_LIMIT_REACHED, scope="VOUCHER_TYPE_PER_ROUND", limit=1, used=1)
    document = problem_document(
        error,
        language=Language.ZH,
        instance="/v1/claims",
        request_id="5c8f0a2e-0f0d-4c57-9c0b-7d1f3f0c2a11",
    )
    return f"```json\n{json.dumps(document, ensure_ascii=False, indent=2)}\n```\n"


def _group(group: Group) -> str:
    rows = [
        f"## {group.heading.en} / {group.heading.zh}",
        "",
        "| code | status | retry | what happened / 含义 | what to do / 处理办法 |",
        "|---|---|---|---|---|",
        *(_row(code, problem) for code, problem in group.problems.items()),
        "",
    ]
    return "\n".join(rows)


def _row(code: Code, problem: Problem) -> str:
    retry = "yes / 是" if problem.retryable else "no / 否"
    happened = f"{problem.title.en}.<br>{problem.title.zh}。"
    remedy = f"{problem.remedy.en}<br>{problem.remedy.zh}"
    return f"| `{code}` | {problem.status} | {retry} | {happened} | {remedy} |"


def _members() -> str:
    return "\n".join(_member_lines()) + "\n"


def _member_lines() -> Iterator[str]:
    yield "## Further members / 其他成员"
    yield ""
    yield "A problem has those of these members whose facts are known."
    yield "问题文档按所知事实包含以下成员。"
    yield ""
    yield "| member | meaning / 含义 |"
    yield "|---|---|"
    for name, words in MEMBERS.items():
        yield f"| `{name}` | {words.en} / {words.zh} |"


def render_campaign_schema() -> str:
    """The JSON Schema of campaign documents, as editors read it; the same bytes each time."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:huimin:campaign:1",
        **CampaignDocument.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write every printed page."""
    ERRORS_PAGE.write_text(render_errors_page(), encoding="utf-8")
    CAMPAIGN_SCHEMA.write_text(render_campaign_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
