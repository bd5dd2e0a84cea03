"""One page that stands alone: nothing is fetched, no script runs, it opens from a disk in years.

Both languages stand beside each other, Chinese first. The page's own content policy forbids every
fetch and script, so that no text in it could bring one in even if escaping failed. The same input
gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.shared.files.charts import both, render_chart
from functions.shared.files.columns import NUMERIC, Cell, ColumnKind, TableError
from functions.shared.files.facts import Words, display_width, for_people, heading
from functions.shared.files.markup import Markup, element, joined
from functions.shared.files.page_style import DARK, LIGHT, stylesheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from functions.shared.files.charts import Chart
    from functions.shared.files.columns import Cells, Column, Table
    from functions.shared.files.facts import Facts

ROW_LIMIT = 2_000
"""The most rows of one table on a page: what is longer is read in the XLSX file."""

_SHORT_TEXT = 24
"""Text up to this width, in Latin characters, stays on one line."""

_MANY_COLUMNS = 14
"""A table with more columns than this is printed smaller and on A3, so that no side is lost."""

_CELL_STYLES = {
    ColumnKind.TEXT: "t",
    ColumnKind.ID: "i",
    ColumnKind.DATE: "d",
    ColumnKind.TIME: "d",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One figure that a reader should see first.

    Args:
        label: what it is.
        value: as a cell of `kind`.
        kind: decides how the value reads.
        note: a line below, such as how it is computed.

    """

    label: Words
    value: Cell
    kind: ColumnKind
    note: Words | None = None


def render_page(
    *,
    title: Words,
    subtitle: Words,
    facts: Facts,
    cards: Sequence[Card] = (),
    charts: Sequence[Chart] = (),
    tables: Sequence[Table] = (),
    notes: Sequence[Words] = (),
) -> bytes:
    """The page's file, UTF-8.

    Raises:
        TableError: a table has more than `ROW_LIMIT` rows.

    """
    for table in tables:
        if len(table.cells) > ROW_LIMIT:
            raise TableError(f"{table.name}: {len(table.cells)} rows, more than {ROW_LIMIT}")
    body = element(
        "div",
        {"class": "page"},
        _masthead(title, subtitle),
        element(
            "main",
            None,
            _facts(facts),
            _cards(cards),
            _charts(charts),
            _tables(tables),
            _formulas(tables),
            _notes(notes),
        ),
    )
    page = element("html", {"lang": "zh-CN"}, _head(title), element("body", None, body))
    return f"<!DOCTYPE html>\n{page}\n".encode()


def _head(title: Words) -> Markup:
    style = stylesheet()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "referrer", "content": "no-referrer"}),
        _theme_colour("light", LIGHT["paper"]),
        _theme_colour("dark", DARK["paper"]),
        # A browser otherwise asks the server for an icon.
        element("link", {"rel": "icon", "href": "data:,"}),
        element("title", None, f"{title.zh} · {title.en}"),
        # A style's content is not escaped by HTML's rules; this one is a constant.
        element("style", None, Markup(style)),
    )


def _theme_colour(scheme: str, colour: str) -> Markup:
    media = f"(prefers-color-scheme: {scheme})"
    return element("meta", {"name": "theme-color", "media": media, "content": colour})


def _masthead(title: Words, subtitle: Words) -> Markup:
    return element(
        "header",
        {"class": "masthead"},
        element("div", {"class": "seal", "aria-hidden": "true"}, "惠"),
        element(
            "div",
            None,
            element("h1", None, *both(title)),
            element("p", {"class": "subtitle"}, *both(subtitle)),
        ),
    )


def _facts(facts: Facts) -> Markup:
    return element(
        "dl",
        {"class": "facts"},
        *(
            element(
                "div",
                None,
                element("dt", None, *both(fact.label)),
                element("dd", None, fact.for_people()),
            )
            for fact in facts.lines()
        ),
    )


def _cards(cards: Sequence[Card]) -> Markup:
    if not cards:
        return Markup()
    return element("ul", {"class": f"cards by{_abreast(len(cards))}"}, *map(_card, cards))


def _abreast(cards: int) -> int:
    """How many cards stand in a row, so that the last row is full where that can be."""
    return next((row for row in (4, 3, 5) if cards % row == 0), 4)


def _card(card: Card) -> Markup:
    shown = for_people(card.value, card.kind) or "—"
    currency = [element("small", None, "¥")] if card.kind is ColumnKind.FEN else []
    note = [element("p", {"class": "note"}, *both(card.note))] if card.note else []
    return element(
        "li",
        {"class": "panel card"},
        element("p", {"class": "name"}, *both(card.label)),
        element("p", {"class": f"figure {_figure_size(shown)}"}, *currency, shown),
        *note,
    )


def _figure_size(shown: str) -> str:
    """The style in which a figure of this length stays on one line of its card."""
    for length, style in ((9, "short"), (13, "middling"), (19, "long")):
        if len(shown) <= length:
            return style
    return "endless"


def _charts(charts: Sequence[Chart]) -> Markup:
    if not charts:
        return Markup()
    drawn = (render_chart(chart, number) for number, chart in enumerate(charts, start=1))
    return element(
        "section",
        None,
        element("h2", None, *both(Words("走势", "Trends"))),
        element("div", {"class": "charts"}, *drawn),
    )


def _tables(tables: Sequence[Table]) -> Markup:
    if not tables:
        return Markup()
    return element(
        "section",
        None,
        element("h2", None, *both(Words("统计表", "Tables"))),
        *(_table(table, number) for number, table in enumerate(tables, start=1)),
    )


def _table(table: Table, number: int) -> Markup:
    caption_id = f"table-{number}"
    rows = len(table.cells)
    count = Words(f"{rows:,} 行", "1 row" if rows == 1 else f"{rows:,} rows")
    caption = element(
        "caption",
        {"id": caption_id},
        element(
            "span",
            {"class": "title"},
            *both(Words(table.title_zh, table.title_en)),
            Markup(" "),
            element("span", {"class": "rows"}, f"{count.zh} · {count.en}"),
        ),
    )
    scroll = {"class": "scroll", "tabindex": "0", "role": "region", "aria-labelledby": caption_id}
    return element(
        "div",
        {"class": "panel sheet many" if len(table.columns) > _MANY_COLUMNS else "panel sheet"},
        element(
            "div",
            scroll,
            element(
                "table",
                None,
                caption,
                element("thead", None, element("tr", None, *map(_column_head, table.columns))),
                element("tbody", None, *_rows(table)),
                *_foot(table),
            ),
        ),
    )


def _column_head(column: Column) -> Markup:
    style = "s" if column.kind is ColumnKind.TEXT else _style(column)
    return element("th", {"scope": "col", "class": style}, *both(heading(column)))


def _style(column: Column) -> str:
    return "n" if column.kind in NUMERIC else _CELL_STYLES[column.kind]


def _rows(table: Table) -> Iterator[Markup]:
    for cells in table.cells:
        yield element("tr", None, *_row(table.columns, cells))


def _row(columns: Sequence[Column], cells: Cells) -> Iterator[Markup]:
    for position, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        shown = for_people(cell, column.kind)
        attributes = {"class": _style(column)}
        if column.kind is ColumnKind.TEXT and display_width(shown) <= _SHORT_TEXT:
            attributes = {"class": "s"}
        if position == 0 and column.kind not in NUMERIC:
            yield element("th", {"scope": "row", **attributes}, shown)
        else:
            yield element("td", attributes, shown)


def _foot(table: Table) -> Iterator[Markup]:
    if not table.totals:
        return
    sums = table.sums()
    label = [joined(both(Words("合计", "Total")))]
    cells = []
    for column in table.columns:
        attributes = {"class": _style(column)}
        if column.name in sums:
            shown = for_people(sums[column.name], column.kind)
            cells.append(element("td", attributes, shown))
        elif label:
            cells.append(element("th", {"scope": "row", "class": "s"}, label.pop()))
        else:
            cells.append(element("td", attributes))
    yield element("tfoot", None, element("tr", None, *cells))


def _formulas(tables: Sequence[Table]) -> Markup:
    """How figures come about, below all tables: a column of several tables is explained once."""
    columns = dict.fromkeys(column for table in tables for column in table.columns)
    explained = [column for column in columns if column.formula_zh]
    if not explained:
        return Markup()
    lines = (
        element(
            "div",
            None,
            element("dt", None, *both(Words(column.zh, column.en))),
            element("dd", None, *both(Words(column.formula_zh, column.formula_en))),
        )
        for column in explained
    )
    return element(
        "section",
        None,
        element("h2", None, *both(Words("计算口径", "Formulas"))),
        element("div", {"class": "panel formulas"}, element("dl", None, *lines)),
    )


def _notes(notes: Sequence[Words]) -> Markup:
    if not notes:
        return Markup()
    return element(
        "section",
        None,
        element("h2", None, *both(Words("说明", "Notes"))),
        element("ul", {"class": "panel notes"}, *(element("li", None, *both(n)) for n in notes)),
    )
