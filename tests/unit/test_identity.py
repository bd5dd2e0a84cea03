"""Identifiers: one written form each, real checks, and nothing personal in an error."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
from datetime import date
from typing import TYPE_CHECKING

import pytest

from functions.shared.domain.identity import (
    AccountError,
    CreditCodeError,
    Fault,
    IdentifierError,
    IdentityKind,
    IdentityNumberError,
    PhoneError,
    credit_code_check,
    identity_checksum,
    normalise_account,
    normalise_identity_number,
    normalise_phone,
    person_ref,
    validate_credit_code,
)
from functions.shared.domain.ids import keyed_token

if TYPE_CHECKING:
    from collections.abc import Callable

TODAY = date(2026, 1, 1)
KEY = bytes(range(32))

# The example of GB 11643-1999.
STANDARD = "11010519491231002X"


def complete(first_17: str) -> str:
    return first_17 + identity_checksum(first_17)


def fault_of(check: Callable[[], object], error: type[IdentifierError]) -> Fault:
    with pytest.raises(error) as caught:
        check()
    return caught.value.fault


def identity_fault(text: str, *, on: date = TODAY) -> Fault:
    return fault_of(lambda: normalise_identity_number(text, on=on), IdentityNumberError)


@pytest.mark.parametrize(
    "text",
    [
        STANDARD,
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２ｘ",
        "110105 19491231 002X",
        "110105-19491231-002X",
        " 110105\u300019491231\u2010002X ",
        "\u202d11010519491231002X\u202c\ufeff",
        "11010519491231002\u2169",
    ],
)
def test_an_identity_number_has_one_written_form(text: str) -> None:
    assert normalise_identity_number(text, on=TODAY) == STANDARD


@pytest.mark.parametrize(
    ("first_17", "check"),
    [("11010519491231002", "X"), ("44052418800101001", "4"), ("36042619910101007", "1")],
)
def test_the_identity_checksum_is_that_of_the_standard(first_17: str, check: str) -> None:
    assert identity_checksum(first_17) == check


def test_the_identity_checksum_weighs_every_digit() -> None:
    """Weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2, as the standard prints them."""
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    for place, weight in enumerate(weights):
        first_17 = "0" * place + "1" + "0" * (16 - place)
        assert identity_checksum(first_17) == "10X98765432"[weight]


@pytest.mark.parametrize("place", range(18))
def test_one_wrong_digit_is_always_noticed(place: int) -> None:
    for digit in "0123456789X":
        changed = STANDARD[:place] + digit + STANDARD[place + 1 :]
        if changed != STANDARD:
            with pytest.raises(IdentityNumberError):
                normalise_identity_number(changed, on=TODAY)


def test_a_wrong_checksum_is_named() -> None:
    assert identity_fault("110105194912310021") is Fault.CHECKSUM


@pytest.mark.parametrize("text", ["", "1", STANDARD[:-1], STANDARD + "1", "1" * 15, "1" * 64])
def test_an_identity_number_has_18_characters(text: str) -> None:
    assert identity_fault(text) is Fault.LENGTH


def test_a_text_too_long_to_be_a_number_is_not_folded() -> None:
    assert normalise_identity_number(STANDARD + " " * 46, on=TODAY) == STANDARD
    assert identity_fault(STANDARD + " " * 47) is Fault.LENGTH


@pytest.mark.parametrize(
    "text",
    [
        "X1010519491231002X",
        "1101051949123100XX",
        "11010519491231002Y",
        "11010519491231002\n",
        "\x001010519491231002X",
        "\ud8001010519491231002X",
        "١1010519491231002X",
        "11010519491231002×",
    ],
)
def test_an_identity_number_is_digits_and_at_most_an_x_at_the_end(text: str) -> None:
    assert identity_fault(text) is Fault.SHAPE


PROVINCES = {
    *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37"),
    *("41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54"),
    *("61", "62", "63", "64", "65", "71", "81", "82", "83"),
}


def test_an_identity_number_begins_with_a_province() -> None:
    for code in (f"{number:02d}" for number in range(90)):
        number = complete(f"{code}0101199001010" + "01")
        if code in PROVINCES:
            assert normalise_identity_number(number, on=TODAY) == number
        else:
            assert identity_fault(number) is Fault.DIVISION


def test_a_foreigners_number_names_the_province_after_a_nine() -> None:
    """GA 2102-2023: 9, province, country, birth date, sequence, the same checksum."""
    for code in (f"{number:02d}" for number in range(100)):
        number = complete(f"9{code}84019900101001")
        if code in PROVINCES:
            assert normalise_identity_number(number, on=TODAY) == number
        else:
            assert identity_fault(number) is Fault.DIVISION


@pytest.mark.parametrize("born_on", ["19900229", "19900001", "19901301", "19900100", "00000101"])
def test_a_birth_date_exists(born_on: str) -> None:
    number = complete(f"110105{born_on}001")
    assert identity_fault(number) is Fault.BIRTH_DATE
    with pytest.raises(IdentityNumberError) as caught:
        normalise_identity_number(number, on=TODAY)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_nobody_is_born_after_today_or_before_1900() -> None:
    today = complete("11010520260101001")
    assert normalise_identity_number(today, on=TODAY) == today
    assert identity_fault(complete("11010520260102001")) is Fault.BIRTH_DATE
    assert identity_fault(today, on=date(2025, 12, 31)) is Fault.BIRTH_DATE
    oldest = complete("11010519000101001")
    assert normalise_identity_number(oldest, on=TODAY) == oldest
    assert identity_fault(complete("11010518991231001")) is Fault.BIRTH_DATE
    leap = complete("11010520000229001")
    assert normalise_identity_number(leap, on=TODAY) == leap


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "+8613800138000",
        "008613800138000",
        "8613800138000",
        "+86 138 0013 8000",
        "+86-138-0013-8000",
        "１３８００１３８０００",
        "＋８６１３８００１３８０００",
        "\u202d+86 138\u00a00013\u20118000\u202c",
    ],
)
def test_a_phone_has_one_written_form(text: str) -> None:
    assert normalise_phone(text) == "13800138000"


def test_phones_begin_with_13_to_19() -> None:
    for second in range(10):
        number = f"1{second}800138000"
        if second >= 3:
            assert normalise_phone(number) == number
        else:
            with pytest.raises(PhoneError, match="SHAPE"):
                normalise_phone(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1380013800",
        "138001380000",
        "23800138000",
        "+8513800138000",
        "+008613800138000",
        "868613800138000",
        "8613800138000x",
        "13800138000\n",
        "138-0013-800a",
        "01013800138000",
        "+",
    ],
)
def test_what_is_no_mobile_phone(text: str) -> None:
    assert fault_of(lambda: normalise_phone(text), PhoneError) is Fault.SHAPE


def test_a_text_too_long_to_be_a_phone() -> None:
    assert fault_of(lambda: normalise_phone(" " * 65), PhoneError) is Fault.LENGTH


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        ("  2088102122524333\t", "2088102122524333"),
        ("Li.Na@example.com", "Li.Na@example.com"),
        ("２０８８", "2088"),
        ("李娜", "李娜"),
        ("x" * 128, "x" * 128),
        ("a", "a"),
    ],
)
def test_an_account_keeps_its_case_and_loses_outer_spaces(text: str, account: str) -> None:
    assert normalise_account(text) == account


@pytest.mark.parametrize("text", ["", "   ", "x" * 129, " " * 129 + "x", "\ufdfa" * 10])
def test_an_account_has_1_to_128_characters(text: str) -> None:
    assert fault_of(lambda: normalise_account(text), AccountError) is Fault.LENGTH


@pytest.mark.parametrize(
    "text", ["a b", "a\u3000b", "a\x00b", "a\u200bb", "a\nb", "a\ud800", "a\ue000", "a\u2028b"]
)
def test_an_account_has_no_invisible_characters(text: str) -> None:
    assert fault_of(lambda: normalise_account(text), AccountError) is Fault.SHAPE


@pytest.mark.parametrize(
    "text",
    [
        "91350100M000100Y43",
        "91350100m000100y43",
        "９１３５０１００Ｍ０００１００Ｙ４３",
        "91 350100 M000100Y4 3",
        "91-350100-M000100Y4-3",
    ],
)
def test_a_credit_code_has_one_written_form(text: str) -> None:
    assert validate_credit_code(text) == "91350100M000100Y43"


@pytest.mark.parametrize("code", ["91110000600037341L", "91110000101623741K", "911101066976941872"])
def test_credit_codes_in_use(code: str) -> None:
    assert validate_credit_code(code) == code


def test_the_credit_check_weighs_every_place() -> None:
    """Weights as GB 32100 prints them; a remainder of 0 gives the character 0."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
    assert credit_code_check("0" * 17) == "0"
    for place, weight in enumerate(weights):
        first_17 = "0" * place + "1" + "0" * (16 - place)
        assert credit_code_check(first_17) == alphabet[31 - weight]
    for value, character in enumerate(alphabet):
        assert credit_code_check(character + "0" * 16) == alphabet[-value]


def test_a_wrong_credit_check_is_named() -> None:
    fault = fault_of(lambda: validate_credit_code("91350100M000100Y44"), CreditCodeError)
    assert fault is Fault.CHECKSUM


@pytest.mark.parametrize("text", ["", "91350100M000100Y4", "91350100M000100Y433", " " * 65])
def test_a_credit_code_has_18_characters(text: str) -> None:
    assert fault_of(lambda: validate_credit_code(text), CreditCodeError) is Fault.LENGTH


@pytest.mark.parametrize("letter", [*"IOSVZ", "_", "券"])
@pytest.mark.parametrize("place", [0, 1, 8, 16, 17])
def test_a_credit_code_leaves_out_letters_that_look_like_digits(letter: str, place: int) -> None:
    code = "91350100M000100Y43"
    text = code[:place] + letter + code[place + 1 :]
    assert fault_of(lambda: validate_credit_code(text), CreditCodeError) is Fault.SHAPE


@pytest.mark.parametrize("place", range(2, 8))
def test_a_credit_codes_division_is_digits(place: int) -> None:
    code = "91350100M000100Y43"
    text = code[:place] + "A" + code[place + 1 :]
    assert fault_of(lambda: validate_credit_code(text), CreditCodeError) is Fault.SHAPE


@pytest.mark.parametrize(
    ("check", "text", "message"),
    [
        (
            lambda text: normalise_identity_number(text, on=TODAY),
            "110105194912310021",
            "identity_number is not valid: CHECKSUM",
        ),
        (
            lambda text: normalise_identity_number(text, on=TODAY),
            complete("11010519491331002"),
            "identity_number is not valid: BIRTH_DATE",
        ),
        (normalise_phone, "1380013800012", "phone is not valid: SHAPE"),
        (normalise_account, "li na", "account is not valid: SHAPE"),
        (validate_credit_code, "91350100M000100Y44", "credit_code is not valid: CHECKSUM"),
    ],
)
def test_an_error_carries_the_fault_and_never_the_number(
    check: Callable[[str], str], text: str, message: str
) -> None:
    with pytest.raises(IdentifierError) as caught:
        check(text)
    error = caught.value
    assert str(error) == message
    assert error.args == (error.fault,)
    assert isinstance(error, ValueError)
    logged = "".join(traceback.format_exception(error)) + repr(error)
    assert text not in logged


def test_an_error_can_be_copied_and_sent_to_another_process() -> None:
    error = PhoneError(Fault.SHAPE)
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301  our own bytes
        assert (type(other), other.fault, str(other)) == (PhoneError, Fault.SHAPE, str(error))


def test_a_person_ref_has_its_version_and_160_bits() -> None:
    ref = person_ref(IdentityKind.IDENTITY_NUMBER, STANDARD, key=KEY, key_version=12)
    assert re.fullmatch(r"p12_[a-z2-7]{32}", ref)
    assert ref == "p12_" + keyed_token("person", "IDENTITY_NUMBER", "", STANDARD, key=KEY)


def test_person_refs_are_told_apart_by_kind_scope_and_key() -> None:
    def ref(kind: IdentityKind, *, key: bytes = KEY, version: int = 1, scope: str = "") -> str:
        return person_ref(kind, "13800138000", key=key, key_version=version, scope=scope)

    refs = {
        ref(IdentityKind.PHONE),
        ref(IdentityKind.IDENTITY_NUMBER),
        ref(IdentityKind.PHONE, key=KEY[::-1]),
        ref(IdentityKind.PHONE, version=2),
        ref(IdentityKind.ACCOUNT, scope="unionpay"),
        ref(IdentityKind.ACCOUNT, scope="alipay"),
    }
    assert len(refs) == 6
    assert ref(IdentityKind.PHONE) in refs


def test_an_account_belongs_to_a_platform_and_a_person_to_none() -> None:
    for kind, scope in [
        (IdentityKind.ACCOUNT, ""),
        (IdentityKind.PHONE, "unionpay"),
        (IdentityKind.IDENTITY_NUMBER, "unionpay"),
    ]:
        with pytest.raises(ValueError, match=r"^scope must be the platform for an account"):
            person_ref(kind, "1", key=KEY, key_version=1, scope=scope)


def test_a_person_ref_needs_a_long_key_and_a_version() -> None:
    with pytest.raises(ValueError, match=r"^key must have at least 32 bytes$"):
        person_ref(IdentityKind.PHONE, "1", key=b"short", key_version=1)
    with pytest.raises(ValueError, match=r"^key_version must be at least 1$"):
        person_ref(IdentityKind.PHONE, "1", key=KEY, key_version=0)


def test_kinds_are_read_from_a_campaign_by_these_names() -> None:
    assert [*IdentityKind] == ["IDENTITY_NUMBER", "PHONE", "ACCOUNT"]
