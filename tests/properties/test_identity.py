"""Identifiers under any text: a normal form or an error, and the normal form is stable."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.identity import (
    IdentifierError,
    normalise_account,
    normalise_identity_number,
    normalise_phone,
    validate_credit_code,
)
from infra.local.people import make_credit_code, make_person

if TYPE_CHECKING:
    from collections.abc import Callable

TODAY = date(2026, 1, 1)


def identity_number(text: str) -> str:
    return normalise_identity_number(text, on=TODAY)


CHECKS = [identity_number, normalise_phone, normalise_account, validate_credit_code]

any_text = st.text(st.characters(), max_size=80) | st.text("0123456789xX+- ０１ＸA", max_size=24)


@pytest.mark.parametrize("check", CHECKS)
@given(text=any_text)
def test_any_text_gives_a_stable_form_or_an_error(check: Callable[[str], str], text: str) -> None:
    try:
        normal = check(text)
    except IdentifierError:
        return
    assert check(normal) == normal


@given(st.integers(0, 199_999_999), st.integers(0, 16), st.data())
def test_two_swapped_neighbours_are_noticed(index: int, place: int, data: st.DataObject) -> None:
    """The checksum is there for this: the commonest slip of a hand."""
    number = data.draw(
        st.sampled_from([make_person(index).identity_number, make_credit_code(index % 10**8)])
    )
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    check = identity_number if number.startswith("1") else validate_credit_code
    if swapped != number:
        with pytest.raises(IdentifierError):
            check(swapped)
