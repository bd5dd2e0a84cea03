"""Charts as static SVG, drawn from integers: they need no script, print, and never change.

Each chart is drawn in three widths, and the page's style shows the one that fits: text in a
drawing scaled down to a phone would be unreadable. Positions are integers in tenths of a pixel,
so the same data gives the same bytes. A table with the exact figures follows each drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from functions.shared.files.columns import AMOUNT_LIMIT, ColumnKind, TableError
from functions.shared.files.facts import Words, for_people
from functions.shared.files.markup import Attributes, Markup, element, joined
from functions.shared.files.numerals import fixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SERIES_LIMIT = 8
"""As many colours as stay apart. Fold the smallest series into one "other" beyond that."""

POINT_LIMIT = 400
"""The most points along the axis: more than a year of days."""

# The names are those of the style, which shows the one that fits the panel.
_SIZES = (("wide", 1060, 320), ("medium", 500, 270), ("narrow", 320, 240))
_INTERVALS = 5
_DIGIT_WIDTH = 7
_DOTS_UP_TO = 40
_THIN = 60

_MONEY_UNITS = (
    (10**10, Words("亿元", "CNY 100 million")),
    (10**6, Words("万元", "CNY 10,000")),
    (100, Words("元", "CNY")),
)
_COUNT_UNITS = (
    (10**8, Words("亿", "count, 100 million")),
    (10**5, Words("万", "count, 10,000")),
    (1, Words("个", "count")),
)


class ChartKind(StrEnum):
    """How a chart is drawn."""

    BARS = "bars"
    """A bar for each series, side by side."""
    STACKED_BARS = "stacked"
    """One bar of all series; what is negative goes below the line."""
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, in one colour."""

    label: Words
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    Args:
        kind: how it is drawn.
        title: over the drawing.
        description: what it shows, in a sentence; read aloud in place of the drawing.
        labels: along the axis, one a point, short (`07-01`).
        series: the values; each has one for every label.
        unit: FEN or COUNT.

    Raises:
        TableError: too many series or points, values that do not match the labels or are no
            integers, another unit.

    """

    kind: ChartKind
    title: Words
    description: Words
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: ColumnKind = ColumnKind.FEN

    def __post_init__(self) -> None:
        if not 0 < len(self.series) <= SERIES_LIMIT:
            raise TableError(f"a chart has 1 to {SERIES_LIMIT} series, not {len(self.series)}")
        if len(self.labels) > POINT_LIMIT:
            raise TableError(f"{len(self.labels)} points, more than {POINT_LIMIT}")
        if self.unit not in (ColumnKind.FEN, ColumnKind.COUNT):
            raise TableError(f"a chart shows fen or counts, not {self.unit}")
        for series in self.series:
            if len(series.values) != len(self.labels):
                raise TableError(f"{series.label.en}: {len(series.values)} values")
            for value in series.values:
                if type(value) is not int or abs(value) >= AMOUNT_LIMIT:
                    raise TableError(f"{series.label.en}: {value!r} is no amount")

    def bounds(self) -> tuple[int, int]:
        """The least and greatest height drawn; zero is always among them."""
        rows = [series.values for series in self.series]
        if self.kind is not ChartKind.STACKED_BARS:
            flat = [value for values in rows for value in values]
            return min(0, *flat, 0), max(0, *flat, 0)
        points = list(zip(*rows, strict=True))
        lows = [sum(min(0, value) for value in point) for point in points]
        highs = [sum(max(0, value) for value in point) for point in points]
        return min(lows, default=0), max(highs, default=0)

    def value_text(self, value: int) -> str:
        """A value as people read it."""
        shown = for_people(value, self.unit)
        return f"{shown} 元" if self.unit is ColumnKind.FEN else shown


@dataclass(frozen=True, slots=True)
class Axis:
    """The scale of values: from `low` to `high` in steps of `step`, labelled in `divisor`s."""

    low: int
    high: int
    step: int
    divisor: int
    unit: Words

    def ticks(self) -> range:
        """The values that get a line and a label."""
        return range(self.low, self.high + 1, self.step)

    def text(self, value: int) -> str:
        """A tick's label in the axis's unit, with no more decimals than the step needs."""
        decimals = 0
        while (self.step * 10**decimals) % self.divisor:
            decimals += 1
        return fixed(value * 10**decimals // self.divisor, decimals, grouped=True)


def axis_of(low: int, high: int, unit: ColumnKind) -> Axis:
    """A scale of round numbers (1, 2 or 5 times a power of ten) that covers low to high."""
    units = _MONEY_UNITS if unit is ColumnKind.FEN else _COUNT_UNITS
    reach = max(-low, high)
    divisor, words = next((pair for pair in units if reach >= pair[0]), units[-1])
    # Where all is zero, the axis still shows one whole unit.
    span = high - low or _INTERVALS * units[-1][0]
    step = _round_step(-(-span // _INTERVALS))
    bottom = low // step * step
    top = max(-(-high // step) * step, bottom + step)
    return Axis(bottom, top, step, divisor, words)


def _round_step(least: int) -> int:
    power = 1
    while True:
        for lead in (1, 2, 5):
            if lead * power >= least:
                return lead * power
        power *= 10


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where things lie; lengths in pixels, positions in tenths of a pixel."""

    name: str
    width: int
    height: int
    left: int
    points: int
    axis: Axis

    top = 14
    bottom = 28
    right = 14

    def slot(self) -> int:
        """The width of one point's place."""
        return (self.width - self.left - self.right) * 10 // max(1, self.points)

    def x(self, point: int) -> int:
        """The middle of a point's place."""
        inner = (self.width - self.left - self.right) * 10
        return self.left * 10 + inner * (2 * point + 1) // (2 * max(1, self.points))

    def y(self, value: int) -> int:
        """The height of a value, from the top."""
        inner = (self.height - self.top - self.bottom) * 10
        span = self.axis.high - self.axis.low
        return self.top * 10 + inner * (self.axis.high - value) // span


def render_chart(chart: Chart, number: int) -> Markup:
    """The chart as a figure; `number` tells the charts of a page apart."""
    axis = axis_of(*chart.bounds(), chart.unit)
    label_width = max(len(axis.text(tick)) for tick in axis.ticks()) * _DIGIT_WIDTH + 12
    frames = [
        _Frame(name, width, height, label_width, len(chart.labels), axis)
        for name, width, height in _SIZES
    ]
    unit = Words(f"单位：{axis.unit.zh}", f"Unit: {axis.unit.en}")
    if chart.labels:
        drawing = joined(_drawing(chart, frame, number) for frame in frames)
    else:
        drawing = element("p", {"class": "empty"}, *both(Words("无数据", "No data")))
    return element(
        "figure",
        {"class": "panel chart"},
        element(
            "figcaption",
            None,
            element("h3", None, *both(chart.title)),
            element("p", {"class": "quiet"}, *both(chart.description)),
        ),
        element("div", {"class": "key"}, _legend(chart), _quiet_unit(unit)),
        drawing,
        _figures(chart),
    )


def both(words: Words) -> tuple[Markup, Markup, Markup]:
    """Chinese first, English beside it, each marked with its language."""
    return (
        element("span", {"lang": "zh-CN"}, words.zh),
        Markup(" "),
        element("span", {"lang": "en"}, words.en),
    )


def _quiet_unit(unit: Words) -> Markup:
    return element("p", {"class": "unit"}, *both(unit))


def _legend(chart: Chart) -> Markup:
    return element(
        "ul",
        {"class": "legend"},
        *(
            element(
                "li",
                None,
                element("i", {"class": f"swatch k{index}", "aria-hidden": "true"}),
                *both(series.label),
            )
            for index, series in enumerate(chart.series)
        ),
    )


def _drawing(chart: Chart, frame: _Frame, number: int) -> Markup:
    name = f"chart-{number}-{frame.name}"
    marks = _lines(chart, frame) if chart.kind is ChartKind.LINES else _bars(chart, frame)
    return element(
        "svg",
        {
            "class": frame.name,
            "viewBox": f"0 0 {frame.width} {frame.height}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
        },
        element("title", {"id": f"{name}-title"}, f"{chart.title.zh} · {chart.title.en}"),
        element(
            "desc",
            {"id": f"{name}-desc"},
            f"{chart.description.zh} {chart.description.en}",
        ),
        *_grid(frame),
        *marks,
        _line_at(frame, 0, "zero"),
        *_labels(chart, frame),
    )


def _grid(frame: _Frame) -> Iterator[Markup]:
    for tick in frame.axis.ticks():
        yield _line_at(frame, tick, "grid")
        place: Attributes = {"class": "tick", "x": frame.left - 8, "y": _px(frame.y(tick) + 40)}
        yield element("text", place, frame.axis.text(tick))


def _line_at(frame: _Frame, value: int, style: str) -> Markup:
    y = _px(frame.y(value))
    ends: Attributes = {"x1": frame.left, "x2": frame.width - frame.right, "y1": y, "y2": y}
    return element("line", {"class": style, **ends})


def _labels(chart: Chart, frame: _Frame) -> Iterator[Markup]:
    """As many labels along the axis as fit beside each other."""
    widest = max(_label_width(label) for label in chart.labels) + 10
    every = max(1, -(-widest * 10 // max(1, frame.slot())))
    for point in range(0, len(chart.labels), every):
        place: Attributes = {"class": "label", "x": _px(frame.x(point)), "y": frame.height - 9}
        yield element("text", place, chart.labels[point])


def _label_width(label: str) -> int:
    return sum(_DIGIT_WIDTH if character.isascii() else 12 for character in label)


def _bars(chart: Chart, frame: _Frame) -> Iterator[Markup]:
    stacked = chart.kind is ChartKind.STACKED_BARS
    abreast = 1 if stacked else len(chart.series)
    group = min(frame.slot() * 72 // 100, 440 * abreast)
    each = max(6, group // abreast)
    for point in range(len(chart.labels)):
        left = frame.x(point) - each * abreast // 2
        above = below = 0
        for index, series in enumerate(chart.series):
            value = series.values[point]
            start = 0
            if stacked and value >= 0:
                start, above = above, above + value
            elif stacked:
                start, below = below, below + value
            place = left + (0 if stacked else each * index)
            ends = sorted((frame.y(start), frame.y(start + value)))
            if value:
                hint = _hint(chart, index, point)
                yield _bar(index, place, each, ends, hint)


def _bar(index: int, left: int, width: int, ends: Sequence[int], hint: Markup) -> Markup:
    top, bottom = ends
    # A value too small to see still shows as a hairline: something is there.
    height = max(bottom - top, 5)
    box: Attributes = {
        "x": _px(left),
        "y": _px(bottom - height),
        "width": _px(width),
        "height": _px(height),
    }
    # The gap between stacked colours would swallow a thin bar.
    style = "bar" if width >= _THIN else "bar thin"
    return element("rect", {"class": f"{style} s{index}", **box}, hint)


def _lines(chart: Chart, frame: _Frame) -> Iterator[Markup]:
    for index, series in enumerate(chart.series):
        places = [
            (_px(frame.x(point)), _px(frame.y(value))) for point, value in enumerate(series.values)
        ]
        path = "M" + "L".join(f"{x} {y}" for x, y in places)
        if len(chart.series) == 1:
            zero = _px(frame.y(0))
            area = f"{path}L{places[-1][0]} {zero}L{places[0][0]} {zero}Z"
            yield element("path", {"class": f"area s{index}", "d": area})
        yield element("path", {"class": f"line l{index}", "d": path})
        style = "dot" if len(places) <= _DOTS_UP_TO else "ghost"
        for point, (x, y) in enumerate(places):
            circle: Attributes = {"class": f"{style} s{index}", "cx": x, "cy": y, "r": 3}
            yield element("circle", circle, _hint(chart, index, point))


def _hint(chart: Chart, index: int, point: int) -> Markup:
    """What a mouse shows over a mark, without a script."""
    series = chart.series[index]
    value = chart.value_text(series.values[point])
    text = f"{chart.labels[point]} · {series.label.zh} {series.label.en}: {value}"
    return element("title", None, text)


def _figures(chart: Chart) -> Markup:
    """The exact figures behind the drawing, one row a point."""
    heads = [element("th", {"scope": "col"}, *both(series.label)) for series in chart.series]
    rows = []
    for point, label in enumerate(chart.labels):
        figures = [
            element("td", {"class": "n"}, for_people(series.values[point], chart.unit))
            for series in chart.series
        ]
        rows.append(element("tr", None, element("th", {"scope": "row"}, label), *figures))
    unit = Words("元", "CNY") if chart.unit is ColumnKind.FEN else Words("数量", "count")
    caption = Words(f"{chart.title.zh}（{unit.zh}）", f"{chart.title.en} ({unit.en})")
    return element(
        "details",
        None,
        element("summary", None, *both(Words("图中数据", "Figures"))),
        element(
            "div",
            {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption.zh},
            element(
                "table",
                {"class": "figures"},
                element("caption", None, *both(caption)),
                element("thead", None, element("tr", None, element("td"), *heads)),
                element("tbody", None, *rows),
            ),
        ),
    )


def _px(tenths: int) -> str:
    return fixed(tenths, 1)
