"""Refusals carry a stable code and their facts."""

from __future__ import annotations

import pytest

from functions.shared.domain.errors import Busy, Code, HuiminError


def test_a_code_is_its_own_name_for_ever() -> None:
    assert all(code.value == code.name for code in Code)
    assert all(code.name == code.name.upper() for code in Code)


def test_a_refusal_keeps_its_code_and_facts() -> None:
    refusal = HuiminError(Code.PERSON_LIMIT_REACHED, scope="ROUND", limit=1, used=1)
    assert refusal.code is Code.PERSON_LIMIT_REACHED
    assert refusal.context == {"scope": "ROUND", "limit": 1, "used": 1}
    assert str(refusal) == "PERSON_LIMIT_REACHED(scope='ROUND', limit=1, used=1)"


def test_busy_is_a_refusal_that_no_other_code_can_be_taken_for() -> None:
    with pytest.raises(HuiminError) as refused:
        raise Busy(operation="claim")
    assert refused.value.code is Code.BUSY
    assert refused.value.context == {"operation": "claim"}
