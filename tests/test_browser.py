"""The report in a real browser: nothing fetched, nothing wrong, usable by everybody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from engine.cases import Case
from engine.compiler import RuleBase
from engine.consultation import STATUSES, consult
from engine.findings import interpret
from engine.rendering.report import render_report
from tests.conftest import BASE, CASES, HERE

AXE = HERE / "browser" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
PHONE, SCREEN = 360, 1280
PAPER, PAGE = 688, 1016
"""What an A4 sheet leaves between its margins, across and down."""
HIGHEST = 235 / 25.4 * 96
"""How high a picture may be on paper; one that is higher gets smaller."""


def missing(what: str, remedy: str) -> None:
    """Skip where something is not installed; where CI should have installed it, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, which CI has to install")
    pytest.skip(f"{what}; {remedy}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("there is no Chromium here", "install it, for example with 'apt-get install chromium'")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker."""
    if not AXE.exists():
        missing("there is no axe-core here", "install it with 'npm ci --prefix tests/browser'")
    return AXE.read_text(encoding="utf-8")


def one_case_of_each_status() -> Iterator[Case]:
    """Yield for each status the case with the most doses."""
    by_status: dict[str, tuple[int, Case]] = {}
    for case in CASES:
        consultation = consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters))
        richest = by_status.get(consultation.status)
        if richest is None or len(consultation.doses) > richest[0]:
            by_status[consultation.status] = (len(consultation.doses), case)
    assert set(by_status) == set(STATUSES)
    return (case for _, case in by_status.values())


@pytest.fixture(scope="module", params=list(one_case_of_each_status()), ids=lambda case: case.name)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, base: RuleBase) -> Path:
    """The report of a case, as a file."""
    case = request.param
    consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(base, consultation), encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, width: int = SCREEN, **more: Any) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800}, **more)
    page.goto(path.as_uri())
    return page


def test_nothing_is_fetched_and_the_console_stays_empty(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    requests: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    assert requests == [report.as_uri()]
    assert said == []
    page.close()


@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_the_accessibility_checker_finds_nothing(browser: Browser, axe: str, report: Path, width: int) -> None:
    page = opened(browser, report, width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(axe)
    violations = page.evaluate("axe.run().then(found => found.violations)")
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    page.close()


@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_nothing_but_pictures_is_wider_than_the_window(browser: Browser, report: Path, width: int) -> None:
    page = opened(browser, report, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_every_word_of_a_picture_lies_inside_it_and_inside_its_box(browser: Browser, report: Path, width: int) -> None:
    page = opened(browser, report, width)
    outside = page.evaluate(
        """() => [...document.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).flatMap(svg => {
            const [, , width, height] = svg.getAttribute('viewBox').split(' ').map(Number);
            const boxes = [...svg.querySelectorAll('rect')].map(rect => rect.getBBox());
            return [...svg.querySelectorAll('text')].filter(text => {
                const b = text.getBBox();
                const within = box => b.x >= box.x && b.y >= box.y && b.x + b.width <= box.x + box.width
                    && b.y + b.height <= box.y + box.height;
                return !within({x: 0, y: 0, width, height})
                    || (text.classList.contains('inside') && !boxes.some(within));
            }).map(text => text.textContent);
        })"""
    )
    assert outside == []
    page.close()


@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_no_words_of_a_timeline_lie_over_others(browser: Browser, report: Path, width: int) -> None:
    page = opened(browser, report, width)
    overlapping = page.evaluate(
        """() => [...document.querySelectorAll('#course .pictured svg')].filter(svg => svg.checkVisibility())
            .flatMap(svg => {
                const words = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBBox()]);
                const over = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width
                    && a.y + 1 < b.y + b.height && b.y + 1 < a.y + a.height;  // an underscore hangs a little lower
                return words.flatMap(([one, a], i) => words.slice(i + 1).filter(([, b]) => over(a, b))
                    .map(([other]) => [one, other]));
            })"""
    )
    assert overlapping == []
    page.close()


@pytest.mark.parametrize(
    ("width", "media", "shown"), [(PHONE, "screen", 0), (SCREEN, "screen", 1), (PHONE, "print", 1)]
)
def test_a_timeline_is_shown_once_and_needs_no_moving_sideways(
    browser: Browser, report: Path, width: int, media: Literal["screen", "print"], shown: int
) -> None:
    page = opened(browser, report, width)
    page.emulate_media(media=media)
    for pictured in page.locator("#course .pictured").all():
        assert pictured.locator(".wide svg").is_visible() == (shown == 1)
        assert pictured.locator(".narrow svg").is_visible() == (shown == 0)
        assert pictured.locator(".scroll, .hint").count() == 0
        assert pictured.evaluate("one => one.scrollWidth <= one.clientWidth")
    page.close()


def test_letters_of_a_timeline_can_be_read_on_a_phone(browser: Browser, report: Path) -> None:
    page = opened(browser, report, PHONE)
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('#course .pictured svg')].filter(
            svg => svg.checkVisibility()
        ).flatMap(svg => {
            const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            return [...svg.querySelectorAll('text')].map(text => scale * Number(text.getAttribute('font-size')));
        })"""
    )
    assert all(size >= 12 for size in sizes)
    page.close()


@pytest.mark.parametrize("width", [PHONE, 640, 680, 700, 719, 720, 721, 740, SCREEN])
def test_a_hint_stands_where_the_derivation_can_be_moved_sideways_and_nowhere_else(
    browser: Browser, report: Path, width: int
) -> None:
    page = opened(browser, report, width)
    if page.locator("#derivation").count():
        moves = page.evaluate(
            "(one => one.scrollWidth > one.clientWidth)(document.querySelector('#derivation .scroll'))"
        )
        assert page.locator("#derivation .hint").is_visible() == moves == (width < 720)
    page.close()


def test_the_letters_of_the_derivation_are_large_enough_on_a_phone_and_on_paper(browser: Browser, report: Path) -> None:
    for width, printed in ((PHONE, False), (PAPER, True)):
        page = opened(browser, report, width)
        if printed:
            page.emulate_media(media="print")
        picture = page.locator("#derivation .picture")
        if picture.count():
            drawn_at = picture.bounding_box()
            assert drawn_at is not None
            too_high = printed and drawn_at["height"] >= HIGHEST - 1
            assert too_high or drawn_at["width"] >= PAPER
        page.close()


def test_the_derivation_stands_on_one_page_with_its_heading(browser: Browser, report: Path) -> None:
    page = opened(browser, report, PAPER)
    page.emulate_media(media="print")
    whole = page.locator("#derivation .pictured")
    if whole.count():
        box = whole.bounding_box()
        assert box is not None
        assert box["height"] <= PAGE
        assert whole.locator("h2").is_visible()
        assert page.evaluate("getComputedStyle(document.querySelector('#derivation .pictured')).breakInside") == "avoid"
        assert not page.locator("#derivation details").is_visible()
    page.close()


def test_a_picture_has_a_short_name_and_its_words_as_a_description(browser: Browser, report: Path) -> None:
    page = opened(browser, report)
    for picture in page.locator("svg.picture:visible").all():
        title = picture.locator("> title").inner_html()
        expect(picture).to_have_accessible_name(title)
        expect(picture).to_have_accessible_description(picture.locator("> desc").text_content() or "")
    if page.locator("#derivation").count():
        assert page.get_by_role("region", name="From findings to conclusions", exact=True).count() == 1
    page.close()


def test_a_picture_keeps_its_colours_where_others_are_forced(browser: Browser, report: Path) -> None:
    page = opened(browser, report, forced_colors="active")
    for picture in page.locator("svg.picture").all():
        style = (
            "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one.querySelector('text:not(.dim)')).fill]"
        )
        assert picture.evaluate(style) == ["rgb(255, 255, 255)", "rgb(27, 31, 36)"]
    page.close()


def test_without_script_everything_opens_and_can_be_read(browser: Browser, report: Path) -> None:
    page = opened(browser, report, java_script_enabled=False)
    summaries = page.locator(".told > details > summary")
    for number in range(min(3, summaries.count())):
        details = summaries.nth(number).locator("xpath=..")
        inner = details.locator(":scope > ul > li").first
        assert not inner.is_visible()
        summaries.nth(number).click()
        assert inner.is_visible()
    assert page.locator("footer .digest").is_visible()
    page.close()


def test_it_prints_on_a4_without_cutting_anything_off(browser: Browser, report: Path) -> None:
    page = opened(browser, report, PAPER)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    assert page.locator(".by-hand").first.is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    page.close()
