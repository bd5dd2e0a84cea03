"""JSON for programs: one canonical form, so that the same content is the same bytes.

Keys are sorted, nothing is indented, text stays UTF-8, the file ends with a line feed, and no
number is a float: amounts are integer fen, rates are strings with four decimals.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from functions.shared.files.csv_out import cell_text

if TYPE_CHECKING:
    from functions.shared.files.columns import Cell, Table
    from functions.shared.files.facts import Facts

SCHEMA_VERSION = 1


def canonical(value: object) -> bytes:
    """The one way to write a value of dicts, lists, text, integers, booleans and None."""
    text = json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return f"{text}\n".encode()


def to_json(table: Table, facts: Facts) -> bytes:
    """A table's JSON file: its facts, its columns with formulas, its rows, its totals."""
    names = [column.name for column in table.columns]
    return canonical(
        {
            "schema_version": SCHEMA_VERSION,
            "name": table.name,
            "title": {"zh": table.title_zh, "en": table.title_en},
            "facts": {fact.name: fact.for_machines() for fact in facts.lines()},
            "columns": [
                {
                    "name": column.name,
                    "kind": column.kind.value,
                    "zh": column.zh,
                    "en": column.en,
                    "formula": {"zh": column.formula_zh, "en": column.formula_en},
                }
                for column in table.columns
            ],
            "rows": [
                {name: _value(cell) for name, cell in zip(names, cells, strict=True)}
                for cells in table.cells
            ],
            "totals": {name: _value(total) for name, total in table.sums().items()},
        }
    )


def _value(cell: Cell) -> str | int | None:
    """Integers stay integers; an empty cell and a rate without a denominator are null."""
    if cell is None or isinstance(cell, int):
        return cell
    if isinstance(cell, tuple):
        return cell_text(cell) or None
    return cell_text(cell)
