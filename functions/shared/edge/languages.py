"""The language of an answer: Simplified Chinese, unless the caller prefers English."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple


class Language(StrEnum):
    """A language that every text for callers exists in."""

    ZH = "zh-CN"
    EN = "en"


class Words(NamedTuple):
    """One text in both languages; may hold `{names}` that an error's context fills."""

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        """The text in that language."""
        return self.en if language is Language.EN else self.zh


# A header of rubbish costs no more than this to read.
_LONGEST_HEADER: Final = 256
# Patterns of rare paths are compiled by `re` at their first use, not at import.
_RANGE: Final = (
    r"(?P<tag>\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*"
    r"(?:;\s*[qQ]\s*=\s*(?P<q>[01](?:\.[0-9]{0,3})?))?"
)


def preferred_language(accept_language: str) -> Language:
    """The better of the two for an Accept-Language header; Chinese where they are equally good.

    `*` stands for Chinese, q=0 refuses a language, and what cannot be read is passed over: a
    problem is answered in some language whatever the header says.
    """
    quality: dict[Language, float] = {}
    anything = 0.0
    for part in accept_language[:_LONGEST_HEADER].split(","):
        match = re.fullmatch(_RANGE, part.strip())
        if match is None:
            continue
        q = min(float(match["q"] or 1), 1.0)
        primary = match["tag"].lower().partition("-")[0]
        if primary == "*":
            anything = max(anything, q)
        elif primary in ("zh", "en"):
            language = Language.ZH if primary == "zh" else Language.EN
            quality[language] = max(quality.get(language, 0.0), q)
    chinese = quality.get(Language.ZH, anything)
    return Language.EN if quality.get(Language.EN, 0.0) > chinese else Language.ZH
