"""A file of persons for a grant: read strictly, each number checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from functions.shared.domain.identity import (
    IdentifierError,
    normalise_account,
    normalise_identity_number,
    normalise_phone,
)
from functions.shared.files.csv_in import CsvRefused, read_csv

COLUMNS: Final = ("identity_number", "phone", "account")
FAULTS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person of the file: the line, and the identities as they are sent."""

    line: int
    person: Mapping[str, str]


class PersonsFileRefused(Exception):
    """The file cannot be sent as it is.

    Args:
        faults: each in a sentence with its line; never with a number of a person's in it.

    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def read_persons(data: bytes, *, today: date) -> list[PersonLine]:
    """The persons of a CSV file with the columns identity_number, phone and account, or some.

    Args:
        data: UTF-8, with or without BOM.
        today: identity numbers of persons born later are refused.

    Raises:
        PersonsFileRefused: with every faulty line, as far as they are shown.

    """
    readers: dict[str, Callable[[str], str]] = {
        "identity_number": lambda text: normalise_identity_number(text, on=today),
        "phone": normalise_phone,
        "account": normalise_account,
    }
    faults: list[str] = []
    lines: list[PersonLine] = []
    try:
        for line, cells in read_csv(data, _header(data)):
            for name, text in cells.items():
                faults += _fault(line, name, text, readers[name])
            lines.append(PersonLine(line, cells))
    except CsvRefused as refused:
        raise PersonsFileRefused([f"line {refused.line}: {refused.detail}"]) from None
    if not lines:
        faults.append("the file has no line below its header")
    if faults:
        more = len(faults) - FAULTS_SHOWN
        raise PersonsFileRefused(
            [*faults[:FAULTS_SHOWN], *([f"… and {more} more"] if more > 0 else [])]
        )
    return lines


def _header(data: bytes) -> list[str]:
    """The file's own choice of columns, or all of them, which `read_csv` will miss by name."""
    first = data.split(b"\n", 1)[0].decode("utf-8-sig", errors="replace").strip()
    names = first.split(",")
    known = len(set(names)) == len(names) and set(names) <= set(COLUMNS)
    return names if known else list(COLUMNS)


def _fault(line: int, name: str, text: str, read: Callable[[str], str]) -> list[str]:
    try:
        read(text)
    except IdentifierError as error:
        hint = ""
        if "E+" in text.upper():
            hint = "; a spreadsheet has shortened it: format the column as text"
        return [f"line {line}: {name}: {error.fault.value.lower().replace('_', ' ')}{hint}"]
    return []
