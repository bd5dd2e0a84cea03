"""Identity numbers, phones, accounts and credit codes: one written form each, and person refs.

    IdentifierError                what was given cannot be that identifier; carries the fault
    ├── IdentityNumberError
    ├── PhoneError
    ├── AccountError
    └── CreditCodeError

People type one number in many ways, and a limit per person holds only if all of them become one.
No error here carries the number, in its message or its arguments, so it can be logged.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from enum import StrEnum
from typing import ClassVar, Final

from functions.shared.domain.ids import keyed_token


class Fault(StrEnum):
    """Why a text is refused, for programs."""

    LENGTH = "LENGTH"
    """Too short or too long."""

    SHAPE = "SHAPE"
    """A character that cannot stand where it stands."""

    DIVISION = "DIVISION"
    """The first digits name no province."""

    BIRTH_DATE = "BIRTH_DATE"
    """The date of birth does not exist, lies in the future, or is before 1900."""

    CHECKSUM = "CHECKSUM"
    """The last character does not fit the others."""


class IdentifierError(ValueError):
    """A text that cannot be the identifier it is given as.

    Args:
        fault: what is wrong with it.

    """

    identifier: ClassVar[str] = "identifier"

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.identifier} is not valid: {self.fault}"


class IdentityNumberError(IdentifierError):
    """A text that is no identity number."""

    identifier = "identity_number"


class PhoneError(IdentifierError):
    """A text that is no mobile phone number of mainland China."""

    identifier = "phone"


class AccountError(IdentifierError):
    """A text that is no account at a platform."""

    identifier = "account"


class CreditCodeError(IdentifierError):
    """A text that is no unified social credit code."""

    identifier = "credit_code"


class IdentityKind(StrEnum):
    """What may make two claims one person's."""

    IDENTITY_NUMBER = "IDENTITY_NUMBER"
    PHONE = "PHONE"
    ACCOUNT = "ACCOUNT"


_LENGTH: Final = 18

# Room for spaces and hyphens; a longer text is not worth folding.
_LONGEST_TEXT: Final = 64
_LONGEST_ACCOUNT: Final = 128

# Spaces, invisible format characters (phones copy them along with a contact's number), dashes.
_SEPARATORS: Final = frozenset({"Zs", "Cf", "Pd"})

# Controls, format characters, surrogates, private and unassigned ones (C); every space (Z).
_INVISIBLE: Final = frozenset({"C", "Z"})

# The first two digits name a province; 81 to 83 are given to people from Hong Kong, Macao and
# Taiwan who hold a mainland residence permit. Source: GB/T 2260.
_PROVINCE: Final = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_FOREIGNER: Final = "9"
_EARLIEST_BIRTH: Final = date(1900, 1, 1)

_IDENTITY_NUMBER: Final = re.compile(r"[0-9]{17}[0-9X]")
_PHONE: Final = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")

_IDENTITY_CHECKS: Final = "10X98765432"

_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE: Final = re.compile(rf"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{10}}")


def normalise_identity_number(text: str, *, on: date) -> str:
    """The 18 characters of an identity number, its check character upper case.

    Accepts full-width digits, spaces, hyphens and a lower-case x. Takes citizens' numbers,
    those of Hong Kong, Macao and Taiwan residence permits, and the 18-digit numbers of foreigners'
    permanent residence cards, which begin with 9 and then name the province. Whether the person
    exists is not known here.

    Args:
        text: what the consumer gave.
        on: the business date; nobody is born after it.

    Source: GB 11643-1999; GA 2102-2023 for foreigners.

    Raises:
        IdentityNumberError: with the fault.

    """
    number = _compact(text, error=IdentityNumberError).replace("x", "X")
    if len(number) != _LENGTH:
        raise IdentityNumberError(Fault.LENGTH)
    if _IDENTITY_NUMBER.fullmatch(number) is None:
        raise IdentityNumberError(Fault.SHAPE)
    province = number[1:3] if number.startswith(_FOREIGNER) else number[:2]
    if _PROVINCE.fullmatch(province) is None:
        raise IdentityNumberError(Fault.DIVISION)
    if number[17] != identity_checksum(number[:17]):
        raise IdentityNumberError(Fault.CHECKSUM)
    if not _EARLIEST_BIRTH <= _birth_date(number) <= on:
        raise IdentityNumberError(Fault.BIRTH_DATE)
    return number


def identity_checksum(first_17: str) -> str:
    """The 18th character, 0 to 9 or X, for the first 17 digits of an identity number.

    Source: GB 11643-1999, which takes ISO 7064 MOD 11-2.

    """
    # The weight of a place is 2 to the power of its distance from the end, modulo 11.
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(first_17))
    return _IDENTITY_CHECKS[total % 11]


def normalise_phone(text: str) -> str:
    """The 11 digits of a mobile phone number of mainland China.

    Accepts full-width digits, spaces, hyphens and the country code as +86, 0086 or 86.

    Raises:
        PhoneError: with the fault.

    """
    match = _PHONE.fullmatch(_compact(text, error=PhoneError))
    if match is None:
        raise PhoneError(Fault.SHAPE)
    return match[1]


def normalise_account(text: str) -> str:
    """A person's account at a platform, without surrounding spaces; from 1 to 128 characters.

    Case is kept, because platforms give out ids that differ in case only.

    Raises:
        AccountError: with the fault; invisible characters and inner spaces are one.

    """
    if len(text) > _LONGEST_ACCOUNT:
        raise AccountError(Fault.LENGTH)
    account = unicodedata.normalize("NFKC", text).strip()
    if not 1 <= len(account) <= _LONGEST_ACCOUNT:
        raise AccountError(Fault.LENGTH)
    if any(unicodedata.category(character)[0] in _INVISIBLE for character in account):
        raise AccountError(Fault.SHAPE)
    return account


def validate_credit_code(text: str) -> str:
    """The 18 upper-case characters of a unified social credit code.

    Accepts full-width and lower-case characters, spaces and hyphens.

    Source: GB 32100-2015.

    Raises:
        CreditCodeError: with the fault.

    """
    code = _compact(text, error=CreditCodeError).upper()
    if len(code) != _LENGTH:
        raise CreditCodeError(Fault.LENGTH)
    if _CREDIT_CODE.fullmatch(code) is None:
        raise CreditCodeError(Fault.SHAPE)
    if code[17] != credit_code_check(code[:17]):
        raise CreditCodeError(Fault.CHECKSUM)
    return code


def credit_code_check(first_17: str) -> str:
    """The 18th character for the first 17 of a unified social credit code.

    Its alphabet leaves out I, O, S, V and Z, which look like digits.

    Source: GB 32100-2015, 4.5: weights are the powers of 3 modulo 31.

    """
    total = sum(
        _CREDIT_ALPHABET.index(character) * 3**place for place, character in enumerate(first_17)
    )
    return _CREDIT_ALPHABET[-total % 31]


def person_ref(
    kind: IdentityKind, normalised: str, *, key: bytes, key_version: int, scope: str = ""
) -> str:
    """What a person is known by everywhere: `p{key_version}_` and 32 characters of a-z and 2-7.

    A keyed hash: numbers are few enough to try them all, so a hash without a key would hide
    nothing.

    Args:
        kind: what `normalised` is; equal texts of two kinds give two refs.
        normalised: what the `normalise_` function of that kind returned.
        key: at least 32 secret bytes.
        key_version: which key it is, from 1; part of the ref, not of the hash.
        scope: the platform, for an ACCOUNT, which means nothing elsewhere; empty otherwise,
            because a natural person is the same one on every platform.

    Raises:
        ValueError: if the key is too short, the version is below 1, or the scope does not fit.

    """
    if key_version < 1:
        raise ValueError("key_version must be at least 1")
    if (kind == IdentityKind.ACCOUNT) != bool(scope):
        raise ValueError("scope must be the platform for an account and empty otherwise")
    return f"p{key_version}_" + keyed_token("person", kind, scope, normalised, key=key)


def _compact(text: str, *, error: type[IdentifierError]) -> str:
    """The text folded to plain characters (NFKC), without separators."""
    if len(text) > _LONGEST_TEXT:
        raise error(Fault.LENGTH)
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        character for character in folded if unicodedata.category(character) not in _SEPARATORS
    )


def _birth_date(number: str) -> date:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise IdentityNumberError(Fault.BIRTH_DATE) from None
