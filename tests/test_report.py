"""The report: complete, the same every time, and nothing in it that acts or reaches out."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from engine.cases import Case
from engine.compiler import RuleBase, compile_rules
from engine.consultation import Consultation, consult
from engine.findings import Given, interpret
from engine.rendering.report import render_report
from tests.conftest import Consult

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Balanced(HTMLParser):
    """Reads a page and notes every tag that closes what is not open, and every id."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.faults: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def read(html: str) -> Balanced:
    page = Balanced()
    page.feed(html)
    page.close()
    return page


def text(html: str) -> str:
    return " ".join(" ".join(read(html).words).split())


def consulted(base: RuleBase, case: Case) -> Consultation:
    return consult(base, interpret(base.knowledge, case.findings, case.parameters))


def test_every_report_is_whole_and_tells_all_that_applies(base: RuleBase, cases: list[Case]) -> None:
    for case in cases[::6]:
        consultation = consulted(base, case)
        html = render_report(base, consultation)
        page = read(html)
        assert page.faults == [], case.name
        assert page.open == [], case.name
        assert len(set(page.ids)) == len(page.ids), case.name
        said = text(html)
        knowledge = base.knowledge
        for name in consultation.applying(knowledge.statements):
            statement = knowledge.statements[name]
            assert f"{name} {statement.says} [{','.join(map(str, statement.references))}]" in said
        for name in consultation.applying(knowledge.conflicts):
            assert f"{name} {knowledge.conflicts[name].says}" in said
        for dose in consultation.doses:
            assert all(note in said for note in dose.notes)


def test_every_conclusion_opens_to_how_it_was_reached(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=60)
    html = render_report(base, consultation)
    concluded = consultation.applying([*base.knowledge.statements, *base.knowledge.conflicts])
    for name in concluded:
        assert re.search(rf'<details><summary>\s*<span class="id">{name}</span>', html), name
    assert "dysphagia = yes" in text(html)


def test_the_report_leads_with_the_status_then_the_doses(base: RuleBase, consult_mg: Consult) -> None:
    said = text(render_report(base, consult_mg(myasthenic_crisis="yes", actual_weight_kg=70)))
    order = ["INDICATED", "Check first", "140 g in all", "Against, and", "Support", "Conflicts", "Still open"]
    said = said.replace(said[said.index("Dose ·") : said.index("· References")], "")  # the links to the parts
    places = [said.index(words, said.index("consultation")) for words in order]
    assert places == sorted(places)


def test_a_conflict_about_treating_at_all_comes_first_with_both_sides(base: RuleBase, consult_mg: Consult) -> None:
    html = render_report(base, consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes"))
    said = text(html)
    assert said.index("Against it: S53") < said.index("Dose")
    conflict = html[html.index('<div class="conflict card"') :]
    assert conflict.index(">A01<") < conflict.index('<div class="side">') < conflict.index(">S12<")
    assert conflict.index(">S12<") < conflict.index(">S53<")


def test_the_same_consultation_gives_the_same_bytes(base: RuleBase, cases: list[Case]) -> None:
    again = compile_rules(base.knowledge)
    for case in cases[::40]:
        assert render_report(base, consulted(base, case)) == render_report(again, consulted(again, case))


def test_nothing_in_it_acts_or_reaches_out(base: RuleBase, consult_mg: Consult) -> None:
    html = render_report(base, consult_mg(myasthenic_crisis="yes", actual_weight_kg=70))
    assert "default-src 'none'" in html
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|javascript:| on[a-z]+=", html)
    assert re.findall(r"\w*://[^\"]*", html.replace("http://www.w3.org/2000/svg", "")) == []


def test_words_of_the_knowledge_never_become_markup(base: RuleBase) -> None:
    evil = '<script>alert("x")</script> & <b>'
    knowledge = base.knowledge
    statements = {name: replace(s, says=f"{s.says} {evil}") for name, s in knowledge.statements.items()}
    findings = {name: replace(f, asks=f"{f.asks} {evil}") for name, f in knowledge.findings.items()}
    other = compile_rules(replace(knowledge, statements=statements, findings=findings))
    words = {"diagnosis": Given("myasthenia_gravis"), "dysphagia": Given("yes"), "ideal_weight_kg": Given("60")}
    html = render_report(other, consult(other, interpret(other.knowledge, words)))
    assert "<script" not in html
    assert evil in unescape(html)
    assert read(html).faults == []


@pytest.mark.parametrize("case", ["crisis_with_everything_unknown", None])
def test_every_picture_is_well_formed_and_has_words_in_its_place(
    base: RuleBase, consult_mg: Consult, case: str | None
) -> None:
    html = render_report(base, consult_mg(myasthenic_crisis="yes", **({} if case else {"actual_weight_kg": 70})))
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) == 3  # the timeline wide and narrow, and the derivation
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        by_id = {element.attrib["id"]: element for element in root if "id" in element.attrib}
        title, described = (by_id[root.attrib[f"aria-{name}"]] for name in ("labelledby", "describedby"))
        assert root.attrib["role"] == "img"
        assert title.tag.endswith("}title")
        assert described.tag.endswith("}desc")
        assert 0 < len((title.text or "").strip()) < 60  # it is the name that is read out at once
        assert (described.text or "").strip()


def test_what_a_local_parameter_derived_is_labelled(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg({"child_age_below_years": 16}, myasthenic_crisis="yes", age_years=10)
    assert "child_age_below_years = 16 years: child = yes (local parameter, not in the source)" in text(
        render_report(base, consultation)
    )


def test_no_finding_at_all_is_a_report_too(base: RuleBase) -> None:
    said = text(render_report(base, consult(base, interpret(base.knowledge, {}))))
    assert "UNDETERMINED" in said
    assert "Course of each regimen" not in said


def test_every_part_of_the_content_is_on_the_page(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg(
        dose_reduction_goal="yes", surgery="thymectomy", iga_status="pending", actual_weight_kg=70, dysphagia="unknown"
    )
    said = text(render_report(base, consultation))
    knowledge = base.knowledge
    for words in (
        "Indications not yet decided: S01",
        "Not yet decided: S53 IVIG is not justified",
        "(waits for immediate intervention needed)",
        "Cautions not yet decided: S10",
        "The source states no contraindication. That does not mean there is none.",
        "Whether this is fulfilled is unknown.",
        "(iga status: pending)",
        "The source makes no statement on thrombosis; renal disease;",
        "These notes decide nothing above.",
        "Pending: iga status",
        "Unknown: dysphagia",
        "because dose reduction goal = yes",
        f"SHA-256 of the knowledge: {knowledge.digest}",
        "Not yet decided",
        "Ruled out",
        "D2 Dosing Protocols",
    ):
        assert words in said, words
    for statement in knowledge.document.values():
        assert f"{statement.says} ({statement.id})" in said
    for note in consultation.notes():
        assert f"{note.says} ({note.citation})" in said
    for reference in knowledge.references.values():
        assert (reference.entry or reference.basis) in said
    for name in consultation.with_verdict("undetermined", knowledge.statements):
        statement = knowledge.statements[name]
        cited = f"[{','.join(map(str, statement.references))}] ({statement.source})"
        assert f"{name} {statement.says} {cited} (waits for " in said
    first_page = said[: said.index("Support")]
    assert "The source is for education only. (S66)" in first_page


def test_both_sides_of_a_conflict_stand_even_where_one_does_not_apply(base: RuleBase, consult_mg: Consult) -> None:
    html = render_report(base, consult_mg(dysphagia="yes", worsening="no", weight_loss="no"))
    conflict = html[html.index('<span class="id">A10</span>') :]
    sides = text(conflict[: conflict.index("</div>\n</div>")])
    assert "S03 Worsening" in sides
    assert "(does not apply to this patient)" in sides


def test_the_arithmetic_of_a_dose_stands_beside_it(base: RuleBase, consult_mg: Consult) -> None:
    said = text(render_report(base, consult_mg(myasthenic_crisis="yes", actual_weight_kg=70)))
    assert "140 g in all, 28 g a day for 5 days, by actual weight 2 g/kg × 70 kg actual weight" in said


def test_a_conflict_tells_what_applies_and_only_names_the_rest(base: RuleBase, consult_mg: Consult) -> None:
    html = render_report(base, consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes"))
    conflict = text(html[html.index('id="A01"') : html.index('id="A02"')])
    assert "On one side S12 IVIG is recommended while the patient is in myasthenic crisis." in conflict
    assert "Also, not yet decided: S01, S02, S03," in conflict
    assert base.knowledge.statements["S01"].says not in conflict


def test_what_is_not_yet_decided_opens_to_what_it_waits_for(base: RuleBase, consult_mg: Consult) -> None:
    html = render_report(base, consult_mg(myasthenic_crisis="yes"))
    part = html[html.index('id="undecided"') : html.index('id="ruled-out"')]
    opened = re.search(r'<details><summary>\s*<span class="id">S02</span>.*?</details>', part, re.DOTALL)
    assert opened is not None
    assert "unknown: hospital_admission_needed" in text(opened[0])


def test_a_requirement_opens_to_whether_it_is_fulfilled(base: RuleBase, consult_mg: Consult) -> None:
    html = render_report(base, consult_mg(surgery="thymectomy", medically_controlled="no"))
    opened = re.search(r'<details><summary>\s*<span class="id">S37</span>.*?</details>', html, re.DOTALL)
    assert opened is not None
    assert "NOT FULFILLED. medically_controlled = no" in text(opened[0])


def test_every_place_that_is_linked_to_is_on_the_page(base: RuleBase, cases: list[Case]) -> None:
    for case in cases[::12]:
        html = render_report(base, consulted(base, case))
        assert set(re.findall(r'href="#([^"]+)"', html)) <= set(read(html).ids), case.name


def test_doses_in_the_report_are_alternatives_with_the_weight_they_are_by(base: RuleBase, consult_mg: Consult) -> None:
    said = text(render_report(base, consult_mg(myasthenic_crisis="yes", actual_weight_kg=70, ideal_weight_kg=60)))
    assert "140 g in all, 28 g a day for 5 days, by actual weight" in said
    assert "or 120 g in all, 24 g a day for 5 days, by ideal weight" in said
    assert "By ideal weight" not in said
    said = text(render_report(base, consult_mg(myasthenic_crisis="yes", actual_weight_kg=70)))
    assert "By ideal weight: no grams, for it is unknown." in said


def test_no_line_ends_between_a_number_and_its_unit(base: RuleBase, consult_mg: Consult) -> None:
    html = render_report(base, consult_mg(myasthenic_crisis="yes", actual_weight_kg=70))
    outside = re.sub(r"<(svg|style).*?</\1>", "", html, flags=re.DOTALL)
    assert "140\N{NO-BREAK SPACE}g" in outside
    assert not re.search(r"\d (g|kg|%|days)\b", outside)
