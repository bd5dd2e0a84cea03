"""The API page in a real browser: searched, read in one language, copied, and on a phone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from infra.local.api_page import render_page
from infra.openapi import APPS, document_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

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


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page, opened from a file; it may neither complain nor ask for anything."""
    path = tmp_path / "api.html"
    path.write_text(render_page(document_of(APPS)), encoding="utf-8")
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    yield opened
    assert said == []
    assert [url for url in asked if not url.startswith((path.as_uri(), "data:"))] == []
    context.close()


def test_search_leaves_what_fits(page: Page) -> None:
    """By a field, a code, a Chinese word, or nothing at all."""
    for words, fits, hidden in (
        ("identity_number", "claim_voucher", "redeem_voucher"),
        ("sold_out", "claim_voucher", "get_voucher"),
        ("退款", "refund_redemption", "claim_voucher"),
        ("post hold", "hold_voucher", "put_platform"),
    ):
        page.fill("#search", words)
        expect(page.locator(f"#{fits}")).to_be_visible()
        expect(page.locator(f"#{hidden}")).to_be_hidden()
        expect(page.locator("#none")).to_be_hidden()
    page.fill("#search", "xyzzy")
    expect(page.locator("#none")).to_be_visible()
    page.fill("#search", "")
    expect(page.locator("#get_merchant")).to_be_visible()


def test_slash_goes_to_the_search(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_one_language_hides_the_other(page: Page) -> None:
    heading = page.locator("#claim_voucher h2").first
    page.click('[data-show="zh"]')
    assert heading.inner_text() == "领取一张消费券或一个券包"
    page.click('[data-show="en"]')
    assert heading.inner_text() == "Claims a voucher, or a pack of them, of a round for a person"
    assert page.get_attribute('[data-show="en"]', "aria-pressed") == "true"
    page.click('[data-show="both"]')
    assert "/" in heading.inner_text()


def test_call_is_copied_whole(page: Page) -> None:
    page.locator("#claim_voucher .copy").last.scroll_into_view_if_needed()
    snippet = page.locator("#claim_voucher .snippet", has_text="curl")
    snippet.locator(".copy").click()
    expect(snippet.locator(".copy")).to_have_text("✓")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -X POST 'http://127.0.0.1:8000/v1/claims'")
    assert copied.rstrip().endswith("}'")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_page_is_never_wider_than_its_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
