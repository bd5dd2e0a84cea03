import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.edge.languages import Language, preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.ZH),
        ("*", Language.ZH),
        ("zh-CN", Language.ZH),
        ("zh", Language.ZH),
        ("zh-TW,en;q=0.8", Language.ZH),
        ("en", Language.EN),
        ("EN-us", Language.EN),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", Language.EN),
        ("zh-CN;q=0.8,en", Language.EN),
        ("en;q=0.5,zh;q=0.5", Language.ZH),
        ("en;q=0.4,*;q=0.5", Language.ZH),
        ("en;q=0.5,*;q=0.1", Language.EN),
        ("zh;q=0,en;q=0.1", Language.EN),
        ("en;q=0", Language.ZH),
        ("en;q=0,*", Language.ZH),
        ("fr,de;q=0.9", Language.ZH),
        ("fr,en;q=0.1", Language.EN),
        ("en ; q = 0.7 , zh ; q = 0.6", Language.EN),
        ("en;q=nan", Language.ZH),
        ("en;q=1.5", Language.EN),
        ("en;q=-1,;;,=,zh;;q", Language.ZH),
        ("x" * 100_000 + ",en", Language.ZH),
        ("english", Language.ZH),
    ],
)
def test_better_language_is_found_and_rubbish_is_passed_over(
    header: str, language: Language
) -> None:
    assert preferred_language(header) is language


@given(st.text() | st.text("zhen-CN*;q=01., \t"))
def test_any_header_gives_a_language(header: str) -> None:
    assert preferred_language(header) in Language
