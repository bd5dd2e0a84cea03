"""The made-up people and merchants of the demo pass every check, and no two are the same."""

from __future__ import annotations

from datetime import date

import pytest

from functions.shared.domain.identity import (
    normalise_account,
    normalise_identity_number,
    normalise_phone,
    validate_credit_code,
)
from infra.local.people import make_credit_code, make_people, make_person

INDEXES = [*range(500), 199_999_999]


@pytest.mark.parametrize("seed", [0, 2026])
def test_made_up_people_are_valid_adults_and_distinct(seed: int) -> None:
    people = [make_person(index, seed=seed) for index in INDEXES]
    for person in people:
        number = person.identity_number
        assert normalise_identity_number(number, on=date(2025, 12, 28)) == number
        assert int(number[6:10]) <= 2006
        assert normalise_phone(person.phone) == person.phone
        assert normalise_account(person.account) == person.account
    for values in zip(*((p.identity_number, p.phone, p.account) for p in people), strict=True):
        assert len(set(values)) == len(INDEXES)


def test_made_up_merchants_have_distinct_valid_credit_codes() -> None:
    codes = [make_credit_code(index) for index in [*range(500), 99_999_999]]
    assert [validate_credit_code(code) for code in codes] == codes
    assert len(set(codes)) == 501


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert make_people(20, seed=7) == [make_person(index, seed=7) for index in range(20)]
    numbers = {person.identity_number for person in make_people(20, seed=7)}
    assert numbers.isdisjoint(person.identity_number for person in make_people(20, seed=8))


def test_people_look_scattered() -> None:
    births = {person.identity_number[6:14] for person in make_people(100)}
    assert len(births) > 95


@pytest.mark.parametrize("index", [-1, 10**9])
def test_an_index_is_within_its_range(index: int) -> None:
    for make in (make_person, make_credit_code):
        with pytest.raises(ValueError, match=r"^index must be from 0 to"):
            make(index)
