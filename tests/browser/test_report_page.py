"""The report page in a real browser: it stands alone, fits a phone, and prints whole."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.files.samples import sample_page, wide_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
A4_WIDTH, A3_WIDTH = 1031, 1496
"""The paper's width in CSS pixels, landscape, less margins of 12 mm."""
DESKTOP, PHONE, SMALL_PHONE = (1280, 900), (390, 844), (320, 640)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="NOT TESTED: no chromium on this machine (Debian: apt-get install chromium)",
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield launched
        launched.close()


class Visit:
    """The page opened from a file, with everything it said and asked for."""

    def __init__(self, browser: Browser, path: Path, size: tuple[int, int], scheme: str) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        path.write_bytes(sample_page(more_tables=(wide_table(),)))
        self.page.goto(path.as_uri(), wait_until="load")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


@pytest.mark.parametrize("size", [DESKTOP, PHONE, SMALL_PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_quiet_alone_and_fits(
    browser: Browser, path: Path, size: tuple[int, int], scheme: str
) -> None:
    """No console message, no request but its own, no sideways scrolling of the page."""
    visit = Visit(browser, path, size, scheme)
    visit.page.mouse.move(200, 300)
    assert visit.said == []
    assert visit.asked == [path.as_uri()]
    assert visit.page.evaluate("document.documentElement.scrollWidth") == size[0]


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_captions_are_seen_and_stay_while_a_table_scrolls(
    browser: Browser, path: Path, size: tuple[int, int]
) -> None:
    page = Visit(browser, path, size, "light").page
    captions = page.locator(".sheet caption .title")
    assert captions.count() == 3
    for caption in captions.all():
        assert caption.is_visible()
    page.locator(".sheet .scroll").first.evaluate("region => { region.scrollLeft = 9999 }")
    box = captions.first.bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= size[0]


@pytest.mark.parametrize(("size", "drawn"), [(DESKTOP, "medium"), (PHONE, "narrow")])
def test_one_drawing_of_each_chart_is_shown(
    browser: Browser, path: Path, size: tuple[int, int], drawn: str
) -> None:
    page = Visit(browser, path, size, "light").page
    for chart in page.locator(".chart").all():
        shown = [svg for svg in chart.locator("svg").all() if svg.is_visible()]
        assert [svg.get_attribute("class") for svg in shown] == [drawn]


def test_numbers_are_right_aligned_in_figures_of_one_width(browser: Browser, path: Path) -> None:
    page = Visit(browser, path, DESKTOP, "light").page
    style = "cell => [getComputedStyle(cell).textAlign, getComputedStyle(cell).fontVariantNumeric]"
    assert page.locator(".sheet td.n").first.evaluate(style) == ["right", "tabular-nums"]


def test_no_figure_of_a_card_leaves_its_card(browser: Browser, path: Path) -> None:
    for size in (DESKTOP, PHONE, SMALL_PHONE):
        page = Visit(browser, path, size, "light").page
        for card in page.locator(".card").all():
            wide = "card => card.scrollWidth - card.clientWidth"
            assert card.evaluate(wide) <= 0


def test_outside_text_stays_text(browser: Browser, path: Path) -> None:
    page = Visit(browser, path, DESKTOP, "light").page
    assert page.get_by_text("<script>alert(1)</script>").is_visible()
    assert page.locator("script").count() == 0


def test_the_figures_of_a_chart_open_by_keyboard(browser: Browser, path: Path) -> None:
    page = Visit(browser, path, DESKTOP, "light").page
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator(".figures").first.is_visible()


def test_paper_is_light_and_loses_nothing_on_the_right(browser: Browser, path: Path) -> None:
    """Printed from a dark screen, on A4 landscape; a wide table on A3."""
    page = Visit(browser, path, (A4_WIDTH, 700), "dark").page
    page.emulate_media(media="print", color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')")
    assert ink == "#1b2230"
    edges = "sheets => sheets.map(s => s.getBoundingClientRect().right)"
    assert max(page.locator(".sheet:not(.many) table").evaluate_all(edges)) <= A4_WIDTH
    assert max(page.locator(".sheet.many table").evaluate_all(edges)) <= A3_WIDTH
    assert page.locator("details").first.is_hidden()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
