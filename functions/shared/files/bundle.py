"""One table, every kind of file, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.shared.files.csv_out import to_csv
from functions.shared.files.facts import Language
from functions.shared.files.json_out import to_json
from functions.shared.files.xlsx_out import to_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from functions.shared.files.columns import Table
    from functions.shared.files.facts import Facts


def render_table(
    table: Table,
    *,
    formats: Iterable[str] = ("csv", "xlsx", "json"),
    facts: Facts,
    language: Language = Language.ZH,
) -> dict[str, bytes]:
    """The table's files by name, `{table.name}.{format}`; same input, same bytes.

    Args:
        table: what to write.
        formats: any of `csv` and `json` for machines, `xlsx` for people.
        facts: stated by XLSX and JSON; a CSV file has no place for them, its manifest does.
        language: of the XLSX file.

    Raises:
        ValueError: a format is unknown; the XLSX form cannot hold the table.

    """
    writers: dict[str, Callable[[], bytes]] = {
        "csv": lambda: to_csv(table),
        "json": lambda: to_json(table, facts),
        "xlsx": lambda: to_xlsx(table, facts, language),
    }
    wanted = list(dict.fromkeys(formats))
    unknown = [name for name in wanted if name not in writers]
    if unknown:
        raise ValueError(f"unknown formats {unknown}")
    return {f"{table.name}.{name}": writers[name]() for name in wanted}
