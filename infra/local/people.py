"""Made-up people and merchants whose numbers pass every check and belong to nobody.

Numbers follow from a seed and an index alone, never repeat within a seed, and look scattered.
Identity numbers and credit codes use division codes, and phones use number segments, that were
not assigned when this was written, so no real person or business is met by chance.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from functions.shared.domain.identity import credit_code_check, identity_checksum

if TYPE_CHECKING:
    from collections.abc import Sequence

# Beijing has no county-level cities, so nothing between 110180 and 110189.
_DIVISIONS: Final = tuple(str(code) for code in range(110180, 110190))
_PHONE_SEGMENTS: Final = ("160", "161", "163", "164", "168", "169")
_FIRST_BIRTH: Final = date(1946, 1, 1)
_BIRTH_DAYS: Final = (date(2007, 1, 1) - _FIRST_BIRTH).days
_SEQUENCES: Final = 999
_SUBSCRIBERS: Final = 10**8
_ORGANISATIONS: Final = 10**7

# A prime greater than every range here: multiplying by it permutes the range.
_STRIDE: Final = 2_654_435_761


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpPerson:
    """An adult with a valid identity number, a mobile phone and an account at a platform."""

    identity_number: str
    phone: str
    account: str


def make_person(index: int, *, seed: int = 0) -> MadeUpPerson:
    """The person of that index, from 0 to 200 million; the same for the same seed for ever."""
    people = len(_DIVISIONS) * _BIRTH_DAYS * _SEQUENCES
    place = _scattered(index, "identity_number", seed=seed, size=people)
    place, sequence = divmod(place, _SEQUENCES)
    division, day = divmod(place, _BIRTH_DAYS)
    born_on = _FIRST_BIRTH + timedelta(days=day)
    first_17 = f"{_DIVISIONS[division]}{born_on:%Y%m%d}{sequence + 1:03d}"

    phones = len(_PHONE_SEGMENTS) * _SUBSCRIBERS
    segment, subscriber = divmod(_scattered(index, "phone", seed=seed, size=phones), _SUBSCRIBERS)
    return MadeUpPerson(
        identity_number=first_17 + identity_checksum(first_17),
        phone=f"{_PHONE_SEGMENTS[segment]}{subscriber:08d}",
        account=f"user-{seed}-{index:07d}",
    )


def make_credit_code(index: int, *, seed: int = 0) -> str:
    """The unified social credit code of the merchant of that index, from 0 to 100 million.

    A market regulator's code (9) of a self-employed trader (2), as most restaurants have.
    """
    codes = len(_DIVISIONS) * _ORGANISATIONS
    division, organisation = divmod(
        _scattered(index, "credit_code", seed=seed, size=codes), _ORGANISATIONS
    )
    first_17 = f"92{_DIVISIONS[division]}MA{organisation:07d}"
    return first_17 + credit_code_check(first_17)


def make_people(count: int, *, seed: int = 0) -> Sequence[MadeUpPerson]:
    """The first `count` people of a seed."""
    return [make_person(index, seed=seed) for index in range(count)]


def _scattered(index: int, what: str, *, seed: int, size: int) -> int:
    """A place from 0 to `size` - 1, another one for each index below `size`."""
    if not 0 <= index < size:
        raise ValueError(f"index must be from 0 to {size - 1}")
    start = int.from_bytes(hashlib.sha256(f"{what} {seed}".encode()).digest()[:8], "big")
    return (index * _STRIDE + start) % size
