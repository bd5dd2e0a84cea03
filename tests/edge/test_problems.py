"""Codes, their wording and the page of errors stay together."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest

from functions.shared.domain.campaign import (
    CampaignState,
    LimitScope,
)
from functions.shared.domain.campaign_checks import Finding
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.orders import ThresholdBase
from functions.shared.domain.vouchers import VoucherState
from functions.shared.edge.languages import Language, Words
from functions.shared.edge.problem_table import GROUPS, MEMBERS, PROBLEMS, TERMS, Problem
from functions.shared.edge.problems import problem_document, problem_response
from infra.docs import ERRORS_PAGE, render_errors_page

CHINESE = re.compile("[\u4e00-\u9fff]")
ALL_WORDS = [
    (f"{code} {part}", words)
    for code, problem in PROBLEMS.items()
    for part, words in [
        ("title", problem.title),
        ("remedy", problem.remedy),
        *((f"detail {n}", detail) for n, detail in enumerate(problem.details)),
    ]
] + [(f"member {name}", words) for name, words in MEMBERS.items()]


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def document_of(error: HuiminError, language: Language = Language.EN) -> dict[str, object]:
    return problem_document(error, language=language, instance="/v1/claims", request_id="r")


def test_every_code_has_its_problem_in_the_order_of_the_codes() -> None:
    assert [code for group in GROUPS for code in group.problems] == list(Code)


@pytest.mark.parametrize("words", [w for _, w in ALL_WORDS], ids=[name for name, _ in ALL_WORDS])
def test_wording_exists_in_both_languages_with_the_same_facts(words: Words) -> None:
    assert words.en
    assert not CHINESE.search(words.en)
    assert CHINESE.search(words.zh) or words.zh == "{reason}。"
    assert names(words.en) == names(words.zh)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_problem_is_whole(problem: Problem) -> None:
    """A status, a last detail that needs no fact, facts that may be told, and a time to retry."""
    assert 400 <= problem.status < 600
    assert names(problem.details[-1].en) == set()
    for detail in problem.details:
        assert names(detail.en) <= set(MEMBERS)
    assert (problem.retry_after_s is not None) == (problem.status in (429, 503))
    assert problem.retryable == (problem.status in (429, 500, 503))
    assert problem.title.en[-1] != "."
    assert problem.remedy.en.endswith(".")
    assert problem.remedy.zh.endswith("。")


def test_details_go_from_the_most_telling_to_the_least() -> None:
    for problem in PROBLEMS.values():
        counts = [len(names(detail.en)) for detail in problem.details]
        assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("code", list(Code))
@pytest.mark.parametrize("language", list(Language))
def test_facts_that_are_missing_or_odd_never_break_a_problem(
    code: Code, language: Language
) -> None:
    everything: dict[str, object] = dict.fromkeys(MEMBERS, object())
    for context in ({}, everything, dict.fromkeys(MEMBERS, "{odd} {0}")):
        document = document_of(HuiminError(code, **context), language)
        assert json.loads(json.dumps(document)) == document
        assert document["detail"]


def test_facts_of_every_kind_are_written_as_json() -> None:
    error = HuiminError(
        Code.CAMPAIGN_STATE,
        state=CampaignState.PAUSED,
        opens_at=datetime(2026, 1, 3, 2, tzinfo=UTC),
        closed_on=date(2026, 1, 3),
        limit=3,
        allow=("a", "b"),
    )
    document = document_of(error)
    assert document["state"] == "PAUSED"
    assert document["opens_at"] == "2026-01-03T02:00:00.000Z"
    assert document["closed_on"] == "2026-01-03"
    assert document["limit"] == 3
    assert document["allow"] == ["a", "b"]


def test_only_facts_of_the_list_leave_the_house() -> None:
    document = document_of(HuiminError(Code.SOLD_OUT, shard_id="s-17", person_ref="p1_x", limit=1))
    assert "limit" in document
    assert "s-17" not in str(document)
    assert "p1_x" not in str(document)


def test_missing_and_foreign_things_are_told_in_the_same_words() -> None:
    missing = document_of(HuiminError(Code.NOT_FOUND, what="voucher", state="none"))
    foreign = document_of(HuiminError(Code.NOT_FOUND, what="platform", voucher_type_id="a"))
    assert missing == foreign


@pytest.mark.parametrize("enum", [LimitScope, CampaignState, VoucherState, ThresholdBase])
def test_words_for_programs_have_words_for_people(enum: type[StrEnum]) -> None:
    for member in enum:
        assert member.value in TERMS


def test_findings_of_a_campaign_are_told_in_the_callers_language() -> None:
    finding = Finding("/rounds/0", "closes too early", "结束太早")
    error = HuiminError(Code.CAMPAIGN_INVALID, errors=[finding])
    assert document_of(error)["errors"] == [{"pointer": "/rounds/0", "detail": "closes too early"}]
    assert document_of(error, Language.ZH)["errors"] == [
        {"pointer": "/rounds/0", "detail": "结束太早"}
    ]


def test_instance_is_a_uri_reference_whatever_the_path_holds() -> None:
    error = HuiminError(Code.ROUTE_NOT_FOUND)
    path = "/v1/惠民 \n\ud800<>" + "x" * 5_000
    document = problem_document(error, language=Language.ZH, instance=path, request_id="r")
    instance = str(document["instance"])
    assert instance.isascii()
    assert len(instance) < 1_000
    assert not set(instance) & set(' \n<>"')


def test_retry_after_can_be_told_by_the_error() -> None:
    error = HuiminError(Code.BUSY, retry_after_s=7)
    response = problem_response(error, language=Language.ZH, instance="/", request_id="r")
    assert response["headers"]["Retry-After"] == "7"
    assert response["headers"]["Content-Language"] == "zh-CN"


def test_page_of_errors_is_what_the_table_says() -> None:
    """Written by `python -m infra.docs`; it must never be behind the code."""
    assert ERRORS_PAGE.read_text(encoding="utf-8") == render_errors_page()


def test_page_of_errors_names_every_code_with_its_remedy() -> None:
    page = render_errors_page()
    for code, problem in PROBLEMS.items():
        assert f"`{code}`" in page
        assert problem.remedy.en in page
        assert problem.remedy.zh in page
    assert Path(ERRORS_PAGE).name == "errors.md"
