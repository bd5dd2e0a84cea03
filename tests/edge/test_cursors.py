from __future__ import annotations

import base64
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.cursors import LONGEST_CURSOR, open_cursor, seal_cursor

KEY = b"k" * 32


class Bound(TypedDict):
    """What a cursor is bound to."""

    caller: str
    operation: str
    query: str


BOUND: Bound = {"caller": "unionpay", "operation": "search_vouchers", "query": "p1_a"}
POSITION = {"after": "v_1", "page": 2}


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9) | st.integers(), max_size=3))
def test_position_comes_back(position: dict[str, str | int]) -> None:
    cursor = seal_cursor(position, key=KEY, **BOUND)
    assert open_cursor(cursor, key=KEY, **BOUND) == position


def refused(
    cursor: str,
    caller: str = BOUND["caller"],
    operation: str = BOUND["operation"],
    query: str = BOUND["query"],
) -> dict[str, str]:
    with pytest.raises(HuiminError) as caught:
        open_cursor(cursor, key=KEY, caller=caller, operation=operation, query=query)
    assert caught.value.code is Code.INVALID_FIELDS
    errors = caught.value.context["errors"]
    assert isinstance(errors, list)
    fault: dict[str, str] = errors[0]
    return fault


@pytest.mark.parametrize("bound", ["caller", "operation", "query"])
def test_cursor_is_good_for_its_caller_call_and_query_only(bound: str) -> None:
    assert refused(seal_cursor(POSITION, key=KEY, **BOUND), **{bound: "other"})


def test_parts_do_not_run_into_each_other() -> None:
    cursor = seal_cursor(POSITION, key=KEY, caller="ab", operation="c")
    assert refused(cursor, caller="a", operation="bc", query="")


def test_cursor_of_another_key_is_refused() -> None:
    assert refused(seal_cursor(POSITION, key=b"x" * 32, **BOUND))


def test_any_changed_bit_is_found() -> None:
    cursor = seal_cursor(POSITION, key=KEY, **BOUND)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        assert refused(base64.urlsafe_b64encode(changed).decode().rstrip("="))


@given(st.text() | st.text("abcXYZ019-_=", max_size=80))
def test_any_text_is_refused_with_a_place_and_words(cursor: str) -> None:
    fault = refused(cursor)
    assert fault["parameter"] == "cursor"
    assert "begin again" in fault["en"]


def test_long_cursor_is_refused_unread() -> None:
    assert refused("A" * (LONGEST_CURSOR + 1))


def test_place_in_a_body_can_be_named() -> None:
    with pytest.raises(HuiminError) as caught:
        open_cursor("x", key=KEY, **BOUND, place={"pointer": "/cursor"})
    assert caught.value.context["errors"] == [
        {
            "pointer": "/cursor",
            "en": "is not a cursor of this call; begin again without one",
            "zh": "不是本接口返回的游标，请去掉后从头查询",
        }
    ]
