"""The page of the API shows all of the document, escapes it, and loads nothing."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from functions.shared.domain.errors import Code
from infra.local.api_page import render_page
from infra.openapi import APPS, document_of

DOCUMENT = document_of(APPS)
PAGE = render_page(DOCUMENT)
OPERATIONS = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
EMPTY_ELEMENTS = {"meta", "link", "input", "br"}


class Reader(HTMLParser):
    """Reads a page: ids, links, addresses, visible text; fails where elements are not nested."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is and refers to."""
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        elif "href" in values or "src" in values:
            self.addresses.append(values.get("href", values.get("src", "")))
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text that is shown."""
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


READ = read(PAGE)


def test_page_is_well_formed_and_its_links_lead_somewhere() -> None:
    assert len(READ.ids) == len(set(READ.ids))
    assert {link.removeprefix("#") for link in READ.links} <= set(READ.ids)


def test_page_loads_nothing() -> None:
    assert READ.addresses == ["data:,"]
    assert "default-src 'none'" in PAGE
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", PAGE)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation["operationId"])
def test_every_operation_has_its_place_with_both_languages(operation: dict[str, Any]) -> None:
    assert operation["operationId"] in READ.ids
    text = "".join(READ.text)
    for part in operation["summary"].split(" / "):
        assert part in text


@pytest.mark.parametrize("code", list(Code))
def test_every_code_can_be_linked_to(code: Code) -> None:
    assert code.value in READ.ids


def test_call_can_be_copied_to_a_shell() -> None:
    page = render_page(DOCUMENT, base_url="https://api.example.gov.cn/prod", region="cn-north-1")
    text = "".join(read(page).text)
    assert "curl -X POST 'https://api.example.gov.cn/prod/v1/claims'" in text
    assert "--aws-sigv4 'aws:amz:cn-north-1:execute-api'" in text
    assert '{"request_no": "20260103-000017"' in text
    assert "/v1/vouchers/v_a2b3c4d5a2b3c4d5a2b3c4d5a2b3c4d5" in text
    assert "-H 'If-Match: \"3\"'" in text


def test_quotes_in_an_example_do_not_end_the_shells_text() -> None:
    document = copy.deepcopy(DOCUMENT)
    body = document["paths"]["/v1/claims"]["post"]["requestBody"]["content"]["application/json"]
    body["example"] = {"name": "it's"}
    assert "-d '{\"name\": \"it'\\''s\"}'" in "".join(read(render_page(document)).text)


def test_texts_of_the_document_are_shown_and_never_run() -> None:
    hostile = '</script><script>alert(1)</script><img src=x onerror=alert(1)>" onclick="x'
    document = copy.deepcopy(DOCUMENT)
    claims = document["paths"]["/v1/claims"]["post"]
    claims["summary"] = claims["description"] = f"{hostile} / {hostile}"
    claims["x-roles"] = [hostile]
    claims["requestBody"]["content"]["application/json"]["example"] = {hostile: hostile}
    document["info"]["title"] = document["info"]["description"] = hostile
    document["components"]["schemas"]["ClaimBody"]["properties"][hostile] = {
        "type": hostile,
        "description": hostile,
    }
    page = render_page(document)
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert 'onclick="x' not in page
    read(page)


def test_fields_are_shown_with_their_place_type_and_duty() -> None:
    text = "".join(READ.text)
    assert "person.identity_number" in text
    assert "rounds[].stock[].units" in text
    assert "string 18…64 | null" in text
    assert "ROUND | DAYS | WINDOW" in text
