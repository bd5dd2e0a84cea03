"""The page: whole in itself, every text escaped, readable in light and dark, exactly drawn."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.shared.files.charts import (
    POINT_LIMIT,
    SERIES_LIMIT,
    Chart,
    ChartKind,
    Series,
    axis_of,
    render_chart,
)
from functions.shared.files.columns import AMOUNT_LIMIT, Column, ColumnKind, Table, TableError
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.html_out import ROW_LIMIT, Card, render_page
from functions.shared.files.markup import Markup, element, escaped
from functions.shared.files.page_style import DARK, LIGHT, SERIES, stylesheet
from tests.files.samples import CUTOFF_AT, FACTS, report_table, sample_page

VOID = {"meta", "link", "br", "hr"}
WORDS = Words("图", "Chart")


class Page(HTMLParser):
    """What a browser would see: elements with attributes, text by element, and balance."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(data.decode())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold that it closes the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(text: str) -> bytes:
    """A page with the text wherever a caller can put one."""
    words = Words(text, text)
    column = Column("a", text, text, ColumnKind.TEXT, text, text)
    return render_page(
        title=words,
        subtitle=words,
        facts=Facts(CUTOFF_AT, text, (Fact("x", words, text),)),
        cards=[Card(words, text, ColumnKind.TEXT, words)],
        charts=[Chart(ChartKind.LINES, words, words, (text,), (Series(words, (1,)),))],
        tables=[Table("t", text, text, [column], [{"a": text}])],
        notes=[words],
    )


def test_the_page_is_well_formed_and_bilingual() -> None:
    page = Page(sample_page())
    assert page.all("html") == [{"lang": "zh-CN"}]
    text = "".join(page.text)
    for words in ("消费券 T+1 统计日报", "Consumption vouchers: T+1 report", "2026-07-15 00:00:00",
                  "run-20260715-0001", "33,566,800.00", "36.78%", "核销金额 ÷ 发放金额",
                  "redeemed ÷ issued amount", "合计", "1,300,290.10"):  # fmt: skip
        assert words in text


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    data = sample_page()
    page = Page(data)
    assert not page.all("script")
    assert not [name for _, attributes in page.elements for name in attributes if name[:2] == "on"]
    sources = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data", "style")
    ]
    assert sources == ["data:,"]
    assert "url(" not in stylesheet()
    assert "@import" not in stylesheet()
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    style = re.search(rb"<style>(.*?)</style>", data, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1)).digest()).decode()
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


def test_tables_tell_readers_and_screen_readers_what_they_are() -> None:
    page = Page(sample_page())
    tables = len(page.all("table"))
    assert tables == len(page.all("caption")) == 4
    assert all(head["scope"] in ("col", "row") for head in page.all("th"))
    identities = [a["id"] for _, a in page.elements if "id" in a]
    assert len(set(identities)) == len(identities)
    drawings = page.all("svg")
    assert len(drawings) == 6
    for drawing in drawings:
        assert drawing["role"] == "img"
        labels = (drawing["aria-labelledby"] or "").split()
        assert len(labels) == 2
        assert set(labels) <= set(identities)
    regions = [a for _, a in page.elements if a.get("role") == "region"]
    assert regions
    assert all(a["tabindex"] == "0" for a in regions)
    assert all("aria-label" in a or a.get("aria-labelledby") in identities for a in regions)


def test_a_formula_is_printed_once_however_many_tables_use_it() -> None:
    formula = "已核销订单净额 ÷ 财政资金净核销额"
    page = render_page(
        title=Words("日报", "Report"),
        subtitle=Words("业务日期", "Business date"),
        facts=FACTS,
        tables=(report_table(), report_table()),
    ).decode()
    assert page.count(formula) == 1
    assert page.index("计算口径") > page.rindex("</table>")


def test_the_same_input_gives_the_same_bytes() -> None:
    assert sample_page() == sample_page()


ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>1</script>",
    "</title><svg onload=alert(1)>",
    "<!--",
    "&lt;b&gt;",
    "]]>",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_no_text_becomes_markup(text: str) -> None:
    harmless, attacked = Page(page_of("x")), Page(page_of(text))
    assert [tag for tag, _ in attacked.elements] == [tag for tag, _ in harmless.elements]
    assert [sorted(a) for _, a in attacked.elements] == [sorted(a) for _, a in harmless.elements]
    # Everything the caller gave is there to read: title, subtitle, facts, card, chart, table, note.
    assert sum(part == text for part in attacked.text) >= 20


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_any_text_leaves_the_structure_alone(text: str) -> None:
    page = Page(page_of(text))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in Page(page_of("x")).elements]


def test_markup_escapes_by_itself() -> None:
    assert element("p", {"title": '"<'}, "<b>&") == '<p title="&quot;&lt;">&lt;b&gt;&amp;</p>'
    assert element("p", None, Markup("<b>"), "<b>") == "<p><b>&lt;b&gt;</p>"
    assert escaped("a\x00b\x1bc\nd\ud800") == "a\ufffdb\ufffdc\nd\ufffd"


def test_a_long_table_belongs_into_a_sheet() -> None:
    column = Column("a", "甲", "A", ColumnKind.COUNT)
    table = Table("t", "表", "T", [column], ({"a": n} for n in range(ROW_LIMIT + 1)))
    with pytest.raises(TableError, match="rows"):
        render_page(title=WORDS, subtitle=WORDS, facts=FACTS, tables=[table])


def test_a_page_needs_no_more_than_its_facts() -> None:
    page = Page(render_page(title=WORDS, subtitle=WORDS, facts=FACTS))
    assert not page.all("table")
    assert not page.all("h2")


# Colours


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio. Source: WCAG 2.2, relative luminance."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_have_enough_contrast(colours: dict[str, str]) -> None:
    for ground in ("paper", "panel", "stripe"):
        assert contrast(colours["ink"], colours[ground]) >= 7
        assert contrast(colours["quiet"], colours[ground]) >= 4.5
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["accent"], colours["paper"]) >= 3
    for name in SERIES:
        assert contrast(colours[name], colours["panel"]) >= 3
    assert LIGHT.keys() == DARK.keys()
    assert len(SERIES) == SERIES_LIMIT


# Charts


def chart_of(kind: ChartKind, *values: tuple[int, ...], unit: ColumnKind = ColumnKind.FEN) -> Chart:
    labels = tuple(f"d{number}" for number in range(len(values[0])))
    return Chart(kind, WORDS, WORDS, labels, tuple(Series(WORDS, v) for v in values), unit)


@given(
    st.integers(1 - AMOUNT_LIMIT, 0),
    st.integers(0, AMOUNT_LIMIT - 1),
    st.sampled_from([ColumnKind.FEN, ColumnKind.COUNT]),
)
def test_an_axis_covers_its_values_with_few_round_steps(
    low: int, high: int, unit: ColumnKind
) -> None:
    axis = axis_of(low, high, unit)
    assert axis.low <= low <= high <= axis.high
    assert 0 in axis.ticks()
    assert axis.high in axis.ticks()
    assert 2 <= len(axis.ticks()) <= 8
    assert str(axis.step).rstrip("0") in ("1", "2", "5")
    labels = [axis.text(tick) for tick in axis.ticks()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("high", "unit", "words", "labels"),
    [
        (1_234_567_89, ColumnKind.FEN, "万元", ["0", "50", "100", "150"]),
        (1_500_000, ColumnKind.FEN, "万元", ["0.0", "0.5", "1.0", "1.5"]),
        (999, ColumnKind.FEN, "元", ["0", "2", "4", "6", "8", "10"]),
        (3 * 10**10, ColumnKind.FEN, "亿元", ["0", "1", "2", "3"]),
        (12, ColumnKind.COUNT, "个", ["0", "5", "10", "15"]),
        (0, ColumnKind.FEN, "元", ["0", "1"]),
    ],
)
def test_axes_as_examples(high: int, unit: ColumnKind, words: str, labels: list[str]) -> None:
    axis = axis_of(0, high, unit)
    assert axis.unit.zh == words
    assert [axis.text(tick) for tick in axis.ticks()] == labels


def rectangles(markup: str) -> list[tuple[str, int, int]]:
    """Class, top and bottom (tenths) of the bars of the first drawing."""
    drawing = markup[: markup.index("</svg>")]
    found = re.findall(
        r'<rect class="([^"]+)" x="[^"]+" y="([^"]+)" width="[^"]+" height="([^"]+)"', drawing
    )
    return [(style, tenths(top), tenths(top) + tenths(height)) for style, top, height in found]


def tenths(text: str) -> int:
    return int(text.replace(".", ""))


def test_stacked_bars_stand_on_each_other_and_below_the_line() -> None:
    bars = rectangles(render_chart(chart_of(ChartKind.STACKED_BARS, (300,), (200,), (-100,)), 1))
    (_, first_top, first_bottom), (_, second_top, second_bottom), (_, third_top, _) = bars
    assert second_bottom == first_top
    assert third_top == first_bottom
    assert (first_bottom - first_top) * 2 == pytest.approx((second_bottom - second_top) * 3, abs=3)


def test_bars_side_by_side_share_the_zero_line() -> None:
    bars = rectangles(render_chart(chart_of(ChartKind.BARS, (300, 0), (-200, 100)), 1))
    assert len(bars) == 3
    assert bars[0][2] == bars[1][1] == bars[2][2]


def test_a_drawing_has_its_figures_beside_it() -> None:
    markup = render_chart(chart_of(ChartKind.LINES, (123_456, -5)), 1)
    assert "1,234.56" in markup
    assert "-0.05" in markup
    assert "d0 · 图 Chart: 1,234.56 元" in markup


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ChartKind),
    st.integers(0, 60).flatmap(
        lambda points: st.lists(
            st.lists(st.integers(-(10**12), 10**12), min_size=points, max_size=points).map(tuple),
            min_size=1,
            max_size=SERIES_LIMIT,
        )
    ),
)
def test_any_values_stay_inside_the_drawing(kind: ChartKind, values: list[tuple[int, ...]]) -> None:
    markup = render_chart(chart_of(kind, *values), 1)
    for _, top, bottom in rectangles(markup + "</svg>"):
        assert top >= 0
        assert bottom <= 3_200


@pytest.mark.parametrize(
    "values",
    [
        [],
        [(1,)] * (SERIES_LIMIT + 1),
        [(1, 2), (1,)],
        [(True,)],
        [(AMOUNT_LIMIT,)],
        [tuple(range(POINT_LIMIT + 1))],
    ],
)
def test_a_chart_that_cannot_be_read_is_refused(values: list[tuple[int, ...]]) -> None:
    labels = tuple("d" for _ in (values or [()])[0])
    series = tuple(Series(WORDS, v) for v in values)
    with pytest.raises(TableError):
        Chart(ChartKind.BARS, WORDS, WORDS, labels, series)


def test_a_chart_shows_money_or_counts() -> None:
    with pytest.raises(TableError, match="fen or counts"):
        chart_of(ChartKind.BARS, (1,), unit=ColumnKind.RATE)
