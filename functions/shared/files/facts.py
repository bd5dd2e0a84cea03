"""What a file says about itself: words in two languages, the cut-off, the run, and more."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from functions.shared.domain.business_time import to_rfc3339
from functions.shared.files.columns import ColumnKind
from functions.shared.files.numerals import beijing_text, percent_text, ratio_text, yuan_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from functions.shared.files.columns import Cell, Column


class Language(StrEnum):
    """The language of a file for people."""

    ZH = "zh-CN"
    EN = "en"


class Words(NamedTuple):
    """The same words in both languages."""

    zh: str
    en: str

    def of(self, language: Language) -> str:
        """The words in one language."""
        return self.zh if language is Language.ZH else self.en


@dataclass(frozen=True, slots=True)
class Fact:
    """One line that a file states about itself.

    Args:
        name: for machines, snake_case.
        label: for people.
        value: text, a whole number, a business date or an aware time.

    """

    name: str
    label: Words
    value: str | int | date

    def for_people(self) -> str:
        """The value as people read it; times in Beijing time."""
        if isinstance(self.value, datetime):
            return f"{beijing_text(self.value)} (UTC+8)"
        return str(self.value)

    def for_machines(self) -> str | int:
        """The value as programs read it; times in UTC."""
        if isinstance(self.value, datetime):
            return to_rfc3339(self.value)
        return self.value if isinstance(self.value, int) else str(self.value)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a file: which run wrote it, what it had seen by then, and what else matters.

    Args:
        cutoff_at: nothing recorded after this aware time is counted.
        run_id: the run that wrote the file.
        more: further lines, in the order that people read them.

    Raises:
        ValueError: the cut-off has no time zone, or a name appears twice.

    """

    cutoff_at: datetime
    run_id: str
    more: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        if self.cutoff_at.utcoffset() is None:
            raise ValueError("cutoff_at has no time zone")
        names = [fact.name for fact in self.lines()]
        if len(set(names)) != len(names):
            raise ValueError(f"a fact appears twice in {names}")

    def lines(self) -> tuple[Fact, ...]:
        """Every fact, the caller's first, then cut-off and run."""
        return (
            *self.more,
            Fact("cutoff_at", Words("统计截止时间", "Cut-off"), self.cutoff_at),
            Fact("run_id", Words("运行编号", "Run"), self.run_id),
        )


def heading(column: Column) -> Words:
    """A column's heading for people, with the unit where it is money."""
    if column.kind is ColumnKind.FEN:
        return Words(f"{column.zh}（元）", f"{column.en} (CNY)")
    return Words(column.zh, column.en)


def for_people(cell: Cell, kind: ColumnKind) -> str:
    """A cell as people read it: yuan, percentages, Beijing time; empty where it is empty."""
    if cell is None:
        return ""
    if isinstance(cell, tuple):
        return percent_text(cell) if kind is ColumnKind.RATE else ratio_text(cell)
    if isinstance(cell, datetime):
        return beijing_text(cell)
    if isinstance(cell, int):
        return yuan_text(cell) if kind is ColumnKind.FEN else f"{cell:,}"
    return str(cell)


def display_width(text: str) -> int:
    """The width in Latin characters: a Chinese character is two wide."""
    if text.isascii():
        return len(text)
    return max(map(_line_width, text.splitlines()), default=0)


def _line_width(line: Iterable[str]) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in line)
