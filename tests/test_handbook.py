"""The handbook: every entry on a page, every link leading somewhere, fit to print and to sign."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from engine.errors import InputError
from engine.loading import SHIPPED, load
from engine.rendering.handbook import pages, write_handbook
from tests.conftest import BASE, CASES
from tests.test_browser import axe as axe
from tests.test_browser import browser as browser

PAGES = pages(BASE.knowledge, CASES)


def test_every_entry_stands_on_one_page_under_its_id() -> None:
    ids = [found for text in PAGES.values() for found in re.findall(r'<section class="card entry" id="([^"]+)"', text)]
    knowledge = BASE.knowledge
    entries = [*knowledge.statements, *knowledge.concepts, *knowledge.conflicts, *knowledge.findings]
    entries += [*map(str, knowledge.references), *knowledge.parameters, *knowledge.notes]
    assert sorted(ids) == sorted([*entries, *(case.name for case in CASES)])


def test_every_statement_has_its_rule_its_place_its_references_and_its_cases() -> None:
    page = PAGES["section-A2.html"]
    s18 = page[page.index('id="S18"') : page.index('id="S19"')]
    for words in ("Over the age of 65 years", "age_years &gt; 65 years", "Myasthenic Crisis, bullet 2", "[3]"):
        assert words in s18
    assert 'href="conflicts.html#A46"' in s18
    assert 'href="cases.html#crisis_at_sixty_six"' in s18
    assert "What S18 rests on, and what rests on it" in s18
    assert "Reviewed by" in s18


def test_every_link_leads_to_an_entry_that_is_there() -> None:
    for text in PAGES.values():
        for target in re.findall(r'href="([^"]+)"', text):
            file, _, id_ = target.partition("#")
            assert file in PAGES
            assert not id_ or f'id="{id_}"' in PAGES[file], target


def test_it_is_the_same_every_time_and_reaches_out_for_nothing() -> None:
    assert pages(BASE.knowledge, CASES) == PAGES
    for text in PAGES.values():
        assert not re.search(r"<script|<link|<img|@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)


def test_it_is_written_into_a_new_folder_only(tmp_path: Path) -> None:
    write_handbook(BASE.knowledge, CASES[:3], tmp_path / "book")
    assert (tmp_path / "book" / "index.html").is_file()
    with pytest.raises(InputError, match="holds something already"):
        write_handbook(BASE.knowledge, CASES[:3], tmp_path / "book")


def test_a_layer_has_its_own_pages_and_label() -> None:
    laid = pages(load(SHIPPED, [SHIPPED / "layers" / "product_label"]), [])
    assert "layer product_label" in laid["section-P3.html"]


@pytest.mark.parametrize("name", ["index.html", "section-B1.html", "conflicts.html", "findings.html"])
def test_the_accessibility_checker_finds_nothing(browser: Browser, axe: str, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(PAGES[name], encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(path.as_uri())
    page.evaluate(axe)
    violations = page.evaluate("axe.run().then(found => found.violations)")
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    page.close()
