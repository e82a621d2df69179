"""The handbook: every entry on a page, every link leading somewhere, fit to print and to sign."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page

from engine.cases import load_cases
from engine.errors import InputError
from engine.loading import SHIPPED, load
from engine.model import Knowledge, Named
from engine.rendering.handbook import WHOLE, pages, write_handbook
from tests.conftest import BASE, CASES
from tests.test_browser import PHONE, SCREEN
from tests.test_browser import axe as axe
from tests.test_browser import browser as browser
from tests.test_cli import ivig
from tests.test_report import read, text

LAYER = SHIPPED / "layers" / "product_label"
OF_LAYER = load_cases(LAYER)
TWICE = replace(OF_LAYER[0], name=CASES[0].name)

PAGES = pages(BASE.knowledge, {"": CASES})
LAID = load(SHIPPED, [LAYER])
LAID_PAGES = pages(LAID, {"": CASES[:40], "product_label": [TWICE, *OF_LAYER]})


def entries_of(knowledge: Knowledge) -> list[str]:
    named = [*knowledge.statements, *knowledge.concepts, *knowledge.conflicts, *knowledge.findings]
    return [*named, *map(str, knowledge.references), *knowledge.parameters, *knowledge.notes]


def entry(page: str, name: str) -> str:
    """Return what stands under a name on a page, as its HTML."""
    begin = page.index(f'<section class="card entry" id="{name}">')
    return page[begin : page.index("</section>", begin)]


def said(page: str, name: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", entry(page, name))).split())


def test_every_entry_stands_on_one_page_and_in_the_whole_under_its_id() -> None:
    expected = sorted([*entries_of(BASE.knowledge), *(f"case-{case.name}" for case in CASES)])
    of_pages = "".join(page for file, page in PAGES.items() if file != WHOLE)
    for found in (of_pages, PAGES[WHOLE]):
        assert sorted(re.findall(r'<section class="card entry[ a-z]*" id="([^"]+)"', found)) == expected


@pytest.mark.parametrize("made", [PAGES, LAID_PAGES], ids=["base", "layer"])
def test_every_page_is_whole_and_no_id_stands_twice(made: Mapping[str, str]) -> None:
    for file, page in made.items():
        found = read(page)
        assert found.faults == [], file
        assert found.open == [], file
        assert len(set(found.ids)) == len(found.ids), file


@pytest.mark.parametrize("made", [PAGES, LAID_PAGES], ids=["base", "layer"])
def test_every_link_leads_to_an_entry_that_is_there(made: Mapping[str, str]) -> None:
    ids = {file: {"", *read(page).ids} for file, page in made.items()}
    for file, page in made.items():
        for target in set(re.findall(r'href="([^"]+)"', page)):
            to, _, id_ = target.partition("#")
            assert id_ in ids[to or file], target


def test_every_statement_has_its_place_its_references_and_its_cases() -> None:
    page = PAGES["section-A2.html"]
    s18 = entry(page, "S18")
    for words in ("Over the age of 65 years", "Myasthenic Crisis, bullet 2", '[<a href="references.html#3">3</a>]'):
        assert words in s18
    assert 'href="conflicts.html#A46"' in s18
    assert 'href="cases.html#case-crisis_at_sixty_six"' in s18
    assert "What S18 rests on, and what rests on it" in s18
    assert "Reviewed by" in s18


def test_a_rule_is_said_in_words_with_the_test_beside_it_and_each_name_linked() -> None:
    page = PAGES["section-A2.html"]
    assert "Applies when all of: What is the diagnosis? Myasthenia gravis diagnosis is myasthenia_gravis" in said(
        page, "S18"
    )
    assert "How old is the patient? Above 65 years age_years > 65 years" in said(page, "S18")
    assert "Holds: The source supports IVIG, by an indication or by a role ivig_supported" in said(page, "S18")
    for target in ("findings.html#age_years", "findings.html#diagnosis", "concepts.html#ivig_supported"):
        assert f'<code><a href="{target}">' in entry(page, "S18")
    assert '<code>not <a href="findings.html#plasma_exchange_feasible">' in entry(page, "S14")


def test_what_a_statement_asks_for_and_what_governs_a_finding_are_said() -> None:
    assert "Fulfilled when Is the MG under medical control? Yes" in said(PAGES["section-B2.html"], "S37")
    assert "Applicable only if Has the severity been graded" in said(PAGES["findings.html"], "grade")


def test_a_conflict_shows_its_sides_in_the_words_of_their_statements() -> None:
    a05 = said(PAGES["conflicts.html"], "A05")
    sides = [f"{name} {BASE.knowledge.statements[name].says}" for name in ("S29", "S30")]
    assert f"Between {' '.join(sides)}" in a05


def test_a_case_is_told_in_words_with_every_name_linked() -> None:
    page = PAGES["cases.html"]
    begin = page.index('id="case-crisis_at_sixty_six"')
    case = page[begin : page.index("</section>", begin)]
    for words in (
        "A 66-year-old in crisis",
        "How old is the patient? 66 years",
        "Does the patient have sepsis? No",
        '<a href="findings.html#sepsis">sepsis</a>',
        '<a href="section-A2.html#S18">S18</a>',
        BASE.knowledge.statements["S18"].says,
    ):
        assert words in case
    assert "ruled_out" not in page
    assert "weight_basis" not in page


def test_every_expectation_of_a_case_is_told() -> None:
    keys = {key for case in CASES for key in case.expect}
    told = text(PAGES["cases.html"])
    headings = ["Status", "Applies", "Undetermined", "Ruled out", "Doses", "References", "To be asked first"]
    headings += ["Kinds of statement", "What the conflicts set side by side"]
    assert len(keys) == 12
    assert all(heading in told for heading in (*headings, "Worth asking", "Not worth asking", "What is asked for"))
    assert "S57 2 g/kg × 58 kg actual weight, 116 g in all, 23.2 g a day, over 5 days" in told
    assert "S57 2 g/kg, no grams, over 5 days" in told


def test_the_whole_can_be_signed_for_on_the_contents_page() -> None:
    knowledge = BASE.knowledge
    front = text(PAGES["index.html"])
    sign_off = front[front.index("Sign-off") : front.index("Scope")]
    count = len(entries_of(knowledge))
    for words in ("Name", "Role", "Date", "Signature", knowledge.guideline.edition, knowledge.digest):
        assert words in sign_off
    assert f"{count} entries and {len(CASES)} worked cases" in sign_off
    assert sign_off in text(PAGES[WHOLE]).replace("whole of it.", "whole of it, as these pages show it.")


def test_a_concept_that_many_rules_use_has_few_boxes_that_name_them_all() -> None:
    knowledge = BASE.knowledge
    one = next(iter(knowledge.statements.values()))
    many = {f"Q{n}": replace(one, id=f"Q{n}", when=Named("ivig_supported")) for n in range(40)}
    busy = replace(knowledge, statements={**knowledge.statements, **many})
    page = entry(pages(busy, {})["concepts.html"], "ivig_supported")
    picture = page[page.index("<svg") :]
    assert picture.count("<rect") <= 10
    assert all(re.search(rf">[^<]*\b{name}\b", picture[picture.index("</desc>") :]) for name in many)


def test_it_is_the_same_every_time_and_reaches_out_for_nothing() -> None:
    assert pages(BASE.knowledge, {"": CASES}) == PAGES
    for page in PAGES.values():
        assert not re.search(r"<script|<link|<img|@import|url\(|https?://(?!www\.w3\.org/2000/svg)", page)


def test_it_is_written_over_a_handbook_and_over_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "book"
    write_handbook(BASE.knowledge, {"": CASES[:3]}, folder)
    write_handbook(BASE.knowledge, {"": CASES[:2]}, folder)
    assert "(2)" in (folder / "index.html").read_text(encoding="utf-8")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="holds something already"):
        write_handbook(BASE.knowledge, {"": CASES[:3]}, folder)


def test_the_command_publishes_a_layer_with_the_cases_of_both(tmp_path: Path) -> None:
    done = ivig("knowledge", "handbook", str(LAYER), "--out", str(tmp_path / "book"))
    assert done.returncode == 0, done.stderr
    front = text((tmp_path / "book" / "index.html").read_text(encoding="utf-8"))
    assert f"{len(CASES) + len(OF_LAYER)} worked cases" in front


def test_what_a_layer_adds_is_labelled_wherever_it_is_named() -> None:
    label = "(layer product_label)"
    assert f"P3: Contraindications {label}" in text(LAID_PAGES["index.html"])
    assert f"PL08 (statement, contraindication) {label}" in said(LAID_PAGES["section-P3.html"], "PL08")
    s12 = said(LAID_PAGES["section-A2.html"], "S12")
    assert re.search(r"In conflicts: [^:]*PLA1 \(layer product_label\)", s12)
    iga = entry(LAID_PAGES["findings.html"], "iga_status")
    picture = iga[iga.index("<svg") :]
    assert f"PL09 {label}" in picture[: picture.index("</desc>")]
    assert re.search(r">PL09</text>\s*<text[^>]*>\(layer</text>|>PL09</text>\s*<text[^>]*>\(layer product_", picture)
    assert f"{TWICE.name} {label}" in text(LAID_PAGES["cases.html"])


def opened(browser: Browser, file: str, folder: Path, width: int, made: Mapping[str, str] = LAID_PAGES) -> Page:
    path = folder / file
    path.write_text(made[file], encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("width", [PHONE, SCREEN])
@pytest.mark.parametrize("file", [file for file in LAID_PAGES if file != WHOLE])
def test_the_accessibility_checker_finds_nothing_and_nothing_is_too_wide(
    browser: Browser, axe: str, tmp_path: Path, file: str, width: int
) -> None:
    page = opened(browser, file, tmp_path, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(axe)
    violations = page.evaluate("axe.run().then(found => found.violations)")
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    page.close()


def letters_a_page(pdf: bytes) -> list[int]:
    """Return how many letters are set on each page of a PDF as Chromium writes it."""
    objects = {int(m[1]): m[2] for m in re.finditer(rb"(?s)(\d+) 0 obj\s(.*?)\sendobj", pdf)}
    counts = []
    for page in (content for content in objects.values() if re.search(rb"/Type\s*/Page\b", content)):
        contents = re.search(rb"/Contents (\d+)", page)
        assert contents is not None
        stream = re.split(rb"stream\r?\n", objects[int(contents[1])], maxsplit=1)[1]
        counts.append(len(re.findall(rb"T[jJ]\b", zlib.decompressobj().decompress(stream))))
    return counts


@pytest.mark.parametrize("file", ["findings.html", "section-A2.html", "index.html"])
def test_no_printed_page_is_all_but_blank_though_a_card_is_longer_than_one(
    browser: Browser, tmp_path: Path, file: str
) -> None:
    page = opened(browser, file, tmp_path, 688, PAGES)  # what an A4 sheet leaves between its margins
    counts = letters_a_page(page.pdf(prefer_css_page_size=True))
    assert len(counts) > 1
    assert min(counts[:-1]) > 150
    page.close()


def test_folded_cases_are_open_on_paper(browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, "section-A2.html", tmp_path, 688)
    cases = page.locator("details p").first
    assert not cases.is_visible()
    page.emulate_media(media="print")
    assert cases.is_visible()
    page.close()


def test_who_signs_is_told_of_cases_that_fail(tmp_path: Path) -> None:
    from tests.bases import changed, copied

    folder = copied(tmp_path / "base")
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years > 70 years")
    front = pages(load(folder), {"": CASES})["index.html"]
    assert "of the worked cases do not come out as they expect: " in front
    assert "crisis_at_sixty_six" in front[front.index("do not come out") :][:400]
    assert "do not come out as they expect" not in PAGES["index.html"]
