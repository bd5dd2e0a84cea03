"""CSV lines made by the engine: the same bytes as `csv_out` writes, for rows by the million.

Source: `functions.shared.files.csv_out`, whose rules these are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from functions.shared.files.csv_out import FORMULA_STARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

_TO_GUARD: Final = f"'*[{re.escape(FORMULA_STARTS)}]"
_TO_QUOTE: Final = '[,"\r\n]'


def line_sql(cells: Sequence[str]) -> str:
    """SQL for a row's line without its end.

    Args:
        cells: SQL for each cell, none of which is NULL: integers, text that `text_sql` has made
            safe, or text that needs no care: ids and times, which hold no comma and no quote and
            begin with a letter or a digit.

    """
    return f"concat_ws(',', {', '.join(cells)})"


def text_sql(text: str) -> str:
    """SQL for any text as a cell, guarded and quoted as `csv_out` does it.

    Args:
        text: SQL for the text.

    """
    is_plain = f"regexp_full_match({text}, '(?:[A-Za-z0-9][A-Za-z0-9_|*.-]*)?')"
    guarded = f"CASE WHEN {_begins(text)} THEN '''' || {text} ELSE {text} END"
    quoted = f"'\"' || replace({guarded}, '\"', '\"\"') || '\"'"
    to_quote = f"regexp_matches({text}, {_literal(_TO_QUOTE)})"
    # Nearly every text is plain: one look spares it the two others.
    return f"CASE WHEN {is_plain} THEN {text} WHEN {to_quote} THEN {quoted} ELSE {guarded} END"


def _begins(text: str) -> str:
    return f"regexp_matches({text}, {_literal('^(?:' + _TO_GUARD + ')')})"


def _literal(pattern: str) -> str:
    return "'" + pattern.replace("'", "''") + "'"
