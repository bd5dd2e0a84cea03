"""The OpenAPI document as a page for people: one file, no network, in both languages.

Everything is written by Python, so that the page reads without scripts too; the script only adds
searching, copying and showing one language. A policy in the page forbids it to load anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from functions.shared.domain.errors import Code
from functions.shared.edge.problem_table import GROUPS

Json = dict[str, Any]

_STYLE: Final = Path(__file__).with_suffix(".css")
_SCRIPT: Final = Path(__file__).with_suffix(".js")
_DEEPEST_FIELDS: Final = 6
_CODE = re.compile(r"`([^`]+)`")
_NOTHING: Final = Markup()

_PAGE: Final = Markup("""\
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>{title} API</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">{skip}</a>
<header>
<h1>{title}<small>{version}</small></h1>
<div class="languages" role="group" aria-label="Language / 语言">
<button type="button" data-show="zh">中文</button>
<button type="button" data-show="en">English</button>
<button type="button" data-show="both" aria-pressed="true">中 / EN</button>
</div>
</header>
<nav aria-label="{nav}">
<label for="search">{search}</label>
<input id="search" type="search" placeholder="claim · 领取 · SOLD_OUT" autocomplete="off">
<p id="none" role="status" hidden>{none}</p>
{menu}
</nav>
<main id="main">
<section id="about">{about}</section>
{operations}
{errors}
</main>
<script>{script}</script>
</body>
</html>
""")


@dataclass(frozen=True, slots=True)
class _Call:
    """One operation of the document, with what it needs around it."""

    document: Json
    method: str
    path: str
    operation: Json
    base_url: str
    region: str

    def resolved(self, value: Json) -> Json:
        """What a reference points to, or the value itself."""
        while "$ref" in value:
            here: Any = self.document
            for step in value["$ref"].removeprefix("#/").split("/"):
                here = here[step]
            value = here
        return value

    @property
    def parameters(self) -> list[Json]:
        """Its parameters, without references."""
        return [self.resolved(parameter) for parameter in self.operation["parameters"]]

    @property
    def body(self) -> Json | None:
        """Schema and example of its body, if it takes one."""
        body: Json | None = self.operation.get("requestBody")
        return body["content"]["application/json"] if body else None


def render_page(
    document: Json, *, base_url: str = "http://127.0.0.1:8000", region: str = "cn-north-1"
) -> str:
    """The page of an OpenAPI document as `infra.openapi` prints it.

    Args:
        document: the document; it is shown, never trusted: every text of it is escaped.
        base_url: where the calls of the examples go.
        region: what the examples' signatures name.

    """
    calls = [
        _Call(document, method.upper(), path, operation, base_url, region)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    info = document["info"]
    return _PAGE.format(
        title=info["title"],
        version=f"v{info['version']}",
        style=Markup(_STYLE.read_text(encoding="utf-8")),  # noqa: S704 - our own file
        script=Markup(_SCRIPT.read_text(encoding="utf-8")),  # noqa: S704 - our own file
        skip=_both("Skip to the text / 跳到正文"),
        nav="Operations / 接口",
        search=_both("Search / 搜索"),
        none=_both("Nothing found / 没有结果"),
        menu=_joined(_menu(document, calls)),
        about=_markdown(info["description"]),
        operations=_joined(_section(call) for call in calls),
        errors=_errors(),
    )


# Words


def _both(text: str) -> Markup:
    """A text "English / 中文" as two parts, each of which can be hidden."""
    english, separator, chinese = text.partition(" / ")
    if not separator:
        return _inline(text)
    return Markup('<span lang="en">{}</span><span class="or"> / </span><span lang="zh">{}</span>'
    ).format(_inline(english), _inline(chinese))  # fmt: skip


def _inline(text: str) -> Markup:
    """A text whose `quoted` parts are code."""
    parts = _CODE.split(text)
    return _NOTHING.join(
        Markup("<code>{}</code>").format(part) if number % 2 else Markup("{}").format(part)
        for number, part in enumerate(parts)
    )


def _markdown(text: str) -> Markup:
    """Paragraphs and lists; a paragraph of Chinese characters is Chinese."""
    return _joined(_block(block) for block in text.strip().split("\n\n"))


def _block(block: str) -> Markup:
    lines = block.split("\n")
    if lines[0].startswith("- "):
        language = _language(block)
        items = _joined(
            Markup("<li>{}</li>").format(_inline(line.removeprefix("- "))) for line in lines
        )
        return Markup('<ul lang="{}">{}</ul>').format(language, items)
    if " / " in block:
        return Markup("<p>{}</p>").format(_both(block))
    return Markup('<p lang="{}">{}</p>').format(_language(block), _inline(block))


def _language(text: str) -> str:
    return "zh" if any("一" <= character <= "鿿" for character in text) else "en"


def _joined(parts: Any) -> Markup:  # noqa: ANN401 - any iterable of Markup
    return Markup("\n").join(parts)


# Menu and operations


def _menu(document: Json, calls: list[_Call]) -> Iterator[Markup]:
    for tag in document["tags"]:
        yield Markup("<h2>{}</h2>").format(
            _both(tag["description"].partition(":")[0] + _chinese(tag))
        )
        yield Markup("<ul>{}</ul>").format(
            _joined(_menu_item(call) for call in calls if tag["name"] in call.operation["tags"])
        )
    yield Markup('<ul><li><a href="#errors">{}</a></li></ul>').format(
        _both("All errors / 全部错误")
    )


def _chinese(tag: Json) -> str:
    chinese = tag["description"].partition(" / ")[2].partition("：")[0]
    return f" / {chinese}" if chinese else ""


def _menu_item(call: _Call) -> Markup:
    return Markup(
        '<li data-search="{words}"><a href="#{id}">'
        '<b class="{method}">{method}</b> {summary}</a></li>'
    ).format(
        words=_search_words(call),
        id=call.operation["operationId"],
        method=call.method,
        summary=_both(call.operation["summary"]),
    )


def _search_words(call: _Call) -> str:
    """Everything that a person may look for to find this operation, in lower case."""
    fields = [name for name, *_ in _fields(call, call.body["schema"])] if call.body else []
    codes = [code for code, *_ in _codes(call)]
    parameters = [parameter["name"] for parameter in call.parameters]
    operation = call.operation
    words = [operation["operationId"], call.method, call.path, operation["summary"]]
    return " ".join([*words, *operation["x-roles"], *parameters, *fields, *codes]).lower()


def _section(call: _Call) -> Markup:
    operation = call.operation
    return Markup("""\
<section class="operation" id="{id}" data-search="{words}">
<h2><a href="#{id}">{summary}</a></h2>
<p class="route"><b class="{method}">{method}</b> <code>{path}</code></p>
{description}
{parameters}
{body}
{example}
{answers}
{refusals}
</section>
""").format(
        id=operation["operationId"],
        words=_search_words(call),
        method=call.method,
        path=call.path,
        summary=_both(operation["summary"]),
        description=_markdown(operation["description"]),
        parameters=_parameters(call),
        body=_body(call),
        example=_snippet("Call it / 调用示例", _curl(call), "shell"),
        answers=_joined(_answers(call)),
        refusals=_refusals(call),
    )


def _parameters(call: _Call) -> Markup:
    rows = _joined(
        _field_row(
            parameter["name"],
            f"{_type(call, parameter['schema'])} · {parameter['in']}",
            required=parameter.get("required", False),
            description=parameter.get("description", ""),
        )
        for parameter in call.parameters
    )
    return _table("Parameters / 参数", "Name / 名称,Type / 类型,Meaning / 含义", rows)


def _body(call: _Call) -> Markup:
    if call.body is None:
        return _NOTHING
    limit_kib = call.operation["x-max-body-bytes"] // 1024
    return _table(
        f"Body, at most {limit_kib} KiB / 请求体，最多 {limit_kib} KiB",
        "Field / 字段,Type / 类型,Meaning / 含义",
        _field_rows(call, call.body["schema"]),
    ) + _snippet("Example / 示例", _pretty(call.body["example"]), "json")


def _answers(call: _Call) -> Iterator[Markup]:
    for status, response in call.operation["responses"].items():
        if not status.startswith("2"):
            continue
        content = call.resolved(response).get("content", {}).get("application/json")
        headers = ", ".join(response.get("headers", {}))
        title = f"Answer {status} / 应答 {status}"
        if content is None:
            yield Markup("<h3>{}</h3>").format(_both(title))
            continue
        table = _table(
            title, "Field / 字段,Type / 类型,Meaning / 含义", _field_rows(call, content["schema"])
        )
        example = _snippet("Example / 示例", _pretty(content["example"]), "json")
        told = Markup("<p>{} <code>{}</code></p>").format(_both("Headers / 响应头"), headers)
        yield Markup("<details><summary>{}</summary>{}{}{}</details>").format(
            _both(title), told if headers else _NOTHING, table, example
        )


def _refusals(call: _Call) -> Markup:
    rows = _joined(
        Markup(
            '<tr><td><a href="#{code}"><code>{code}</code></a></td>'
            "<td>{status}</td><td>{title}</td></tr>"
        ).format(code=code, status=status, title=_both(title))
        for code, status, title in _codes(call)
    )
    table = _table("Errors / 错误", "Code / 代码,HTTP / 状态,Meaning / 含义", rows)
    return Markup("<details><summary>{}</summary>{}</details>").format(
        _both("Errors / 错误"), table
    )


def _codes(call: _Call) -> Iterator[tuple[str, str, str]]:
    """Code, status and title of every refusal, as the document lists them."""
    for status, response in call.operation["responses"].items():
        refusal = call.resolved(response)
        if "application/problem+json" in refusal.get("content", {}):
            for line in refusal["description"].split("\n"):
                code, _, title = line.removeprefix("- ").partition(": ")
                yield code.strip("`"), status, title


# Fields


def _field_rows(call: _Call, schema: Json) -> Markup:
    return _joined(
        _field_row(name, kind, required=required, description=description)
        for name, kind, required, description in _fields(call, schema)
    )


def _fields(
    call: _Call, schema: Json, prefix: str = "", depth: int = 1
) -> Iterator[tuple[str, str, bool, str]]:
    """Name with its place, type, whether it must be sent, and description of every field."""
    schema = call.resolved(schema)
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        described = _without_null(member)
        whole = call.resolved(described)
        is_array = whole.get("type") == "array"
        inner = call.resolved(whole["items"]) if is_array else whole
        description = (
            described.get("description") or whole.get("description") or inner.get("description", "")
        )
        place = f"{prefix}{name}{'[]' if is_array else ''}"
        yield place, _type(call, member), name in required, description
        if depth < _DEEPEST_FIELDS:
            yield from _fields(call, inner, f"{place}.", depth + 1)


def _field_row(name: str, kind: str, *, required: bool, description: str) -> Markup:
    parent, dot, leaf = name.rpartition(".")
    return Markup(
        '<tr><td class="name"><code><i>{parent}{dot}</i>{leaf}</code>{star}</td>'
        '<td class="type">{kind}</td><td>{words}</td></tr>'
    ).format(
        parent=parent,
        dot=dot,
        leaf=leaf,
        star=Markup('<b class="must" title="required / 必填">*</b>') if required else _NOTHING,
        kind=kind,
        words=_joined(_both(part) for part in description.split("\n\n")[:1]),
    )


def _without_null(schema: Json) -> Json:
    variants = [v for v in schema.get("anyOf", ()) if v.get("type") != "null"]
    return {**variants[0], **_described(schema)} if len(variants) == 1 else schema


def _described(schema: Json) -> Json:
    return {"description": schema["description"]} if schema.get("description") else {}


def _type(call: _Call, schema: Json) -> str:
    """The type in short, with its bounds and whether null is taken."""
    optional = " | null" if any(v.get("type") == "null" for v in schema.get("anyOf", ())) else ""
    schema = call.resolved(_without_null(schema))
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False) + optional
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"])) + optional
    name = schema.get("format") or schema.get("type", "any")
    bounds = _bounds(schema)
    return f"{name}{f' {bounds}' if bounds else ''}{optional}"


def _bounds(schema: Mapping[str, Any]) -> str:
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        if low in schema or high in schema:
            return f"{schema.get(low, '')}…{schema.get(high, '')}"
    return str(schema.get("pattern", ""))


# Tables and snippets


def _table(title: str, heads: str, rows: Markup) -> Markup:
    if not rows:
        return _NOTHING
    cells = _joined(
        Markup('<th scope="col">{}</th>').format(_both(head)) for head in heads.split(",")
    )
    return Markup(
        '<h3>{}</h3><div class="scroll"><table>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(_both(title), cells, rows)


def _snippet(title: str, text: str, language: str) -> Markup:
    return Markup(
        '<h3>{}</h3><div class="snippet"><button type="button" class="copy">{}</button>'
        '<pre data-language="{}"><code>{}</code></pre></div>'
    ).format(_both(title), _both("Copy / 复制"), language, text)


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _curl(call: _Call) -> str:
    """The call with curl, which signs by itself; keys come from the environment."""
    path = call.path
    headers = []
    for parameter in call.parameters:
        example = (parameter["schema"].get("examples") or ["*"])[0]
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(example))
        elif parameter["name"] == "If-Match":
            headers.append(f"If-Match: {example}")
    if call.body is not None:
        headers.append("Content-Type: application/json")
    lines = [
        f"curl -X {call.method} '{call.base_url}{path}'",
        f"--aws-sigv4 'aws:amz:{call.region}:execute-api'",
        '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
        '-H "X-Amz-Security-Token: $AWS_SESSION_TOKEN"',
        *(f"-H '{header}'" for header in headers),
    ]
    if call.body is not None:
        # A quote within single quotes of a shell: close, an escaped one, open again.
        body = json.dumps(call.body["example"], ensure_ascii=False).replace("'", "'\\''")
        lines.append(f"-d '{body}'")
    return " \\\n  ".join(lines)


# Errors


def _errors() -> Markup:
    groups = _joined(
        _table(
            f"{group.heading.en} / {group.heading.zh}",
            "Code / 代码,HTTP / 状态,What happened / 含义,What to do / 处理办法",
            _joined(_error_row(code) for code in group.problems),
        )
        for group in GROUPS
    )
    return Markup('<section id="errors"><h2>{}</h2>{}</section>').format(
        _both("All errors / 全部错误"), groups
    )


def _error_row(code: Code) -> Markup:
    problem = next(group.problems[code] for group in GROUPS if code in group.problems)
    return Markup(
        '<tr id="{code}" data-search="{words}"><td><code>{code}</code></td>'
        "<td>{status}{retry}</td><td>{title}</td><td>{remedy}</td></tr>"
    ).format(
        code=code.value,
        words=f"{code.value} {problem.title.en} {problem.title.zh}".lower(),
        status=problem.status,
        retry=Markup("<br>{}").format(_both("retry / 可重试")) if problem.retryable else _NOTHING,
        title=_both(f"{problem.title.en} / {problem.title.zh}"),
        remedy=_both(f"{problem.remedy.en} / {problem.remedy.zh}"),
    )
