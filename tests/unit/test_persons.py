"""One ref for each identity that a campaign counts, the same on every platform but for accounts."""

from __future__ import annotations

import pytest

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.keys import Keys, derive_keys
from functions.shared.domain.persons import identity_refs
from infra.local.people import make_person

KEYS = derive_keys('{"master": "0123456789abcdef0123456789abcdef", "version": 3}')
OTHER_KEYS = derive_keys('{"master": "fedcba9876543210fedcba9876543210", "version": 3}')
PERSON = make_person(0)
NUMBER, PHONE, ACCOUNT = IdentityKind
GIVEN = {NUMBER: PERSON.identity_number, PHONE: PERSON.phone, ACCOUNT: PERSON.account}


def refs(
    *wanted: IdentityKind, platform_id: str = "unionpay", keys: Keys = KEYS
) -> tuple[str, ...]:
    return identity_refs(GIVEN, wanted=wanted, platform_id=platform_id, keys=keys)


def test_refs_come_in_the_campaigns_order_and_only_those_it_asks_for() -> None:
    number, phone, account = refs(NUMBER, PHONE, ACCOUNT)
    assert len({number, phone, account}) == 3
    assert refs(ACCOUNT, NUMBER) == (account, number)
    assert refs() == ()


def test_a_number_and_a_phone_are_the_same_person_on_every_platform() -> None:
    assert refs(NUMBER, PHONE, platform_id="meituan") == refs(NUMBER, PHONE)


def test_an_account_means_nothing_on_another_platform() -> None:
    assert refs(ACCOUNT, platform_id="meituan") != refs(ACCOUNT)


def test_a_ref_says_which_key_made_it_and_depends_on_that_key() -> None:
    [ref] = refs(NUMBER)
    assert ref.startswith("p3_")
    assert refs(NUMBER, keys=OTHER_KEYS) != (ref,)
    assert PERSON.identity_number not in ref


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({PHONE: "16000000000"}, "/person/identity_number"),
        ({NUMBER: "110180194601010018"}, "/person/phone"),
        ({}, "/person/identity_number"),
    ],
)
def test_the_first_missing_identity_is_pointed_at(
    given: dict[IdentityKind, str], pointer: str
) -> None:
    with pytest.raises(HuiminError) as refused:
        identity_refs(given, wanted=(NUMBER, PHONE), platform_id="unionpay", keys=KEYS)
    assert refused.value.code is Code.INVALID_FIELDS
    errors = refused.value.context["errors"]
    assert isinstance(errors, list)
    [fault] = errors
    assert fault["pointer"] == pointer
    assert fault["en"]
    assert fault["zh"]
