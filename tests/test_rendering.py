"""Pages for people: complete, in order, at most as wide as asked, and plain without colour."""

from __future__ import annotations

import re

import pytest

from engine.cases import Case
from engine.compiler import RuleBase
from engine.consultation import consult
from engine.explanation import how, what_if, why_not
from engine.findings import Given, interpret
from engine.rendering.consultation import render_consultation
from engine.rendering.explanation import render_explanation
from tests.conftest import BASE, Consult

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def flat(text: str) -> str:
    return " ".join(text.split())


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.isupper() and not line.startswith(" ")]


def test_the_page_leads_with_what_matters_at_the_bedside(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(myasthenic_crisis="yes", actual_weight_kg=70))
    assert text.startswith("INDICATED:")
    assert headings(text) == [
        "SUPPORT",
        "DOSE",
        "AGAINST, AND CAUTIONS",
        "CHECK FIRST",
        "MONITORING AND WHAT GOES WITH IT",
        "WHAT TO EXPECT",
        "CONFLICTS AND AMBIGUITIES OF THE SOURCE",
        "STILL OPEN, MOST CONSEQUENTIAL FIRST",
        "NOT COVERED",
        "FROM OUTSIDE THE SOURCE",
        "REFERENCES CITED",
        "PROVENANCE",
    ]


@pytest.mark.parametrize("length", ["brief", "normal", "full"])
@pytest.mark.parametrize("width", [60, 80])
def test_no_line_of_any_case_is_wider_than_asked(base: RuleBase, cases: list[Case], length: str, width: int) -> None:
    for case in cases[::6]:
        consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
        lines = render_consultation(consultation, length, width).splitlines()
        assert [line for line in lines if len(line) > width] == []


def test_every_statement_that_applies_is_on_the_page_with_its_references(base: RuleBase, cases: list[Case]) -> None:
    for case in cases[::4]:
        consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
        text = " ".join(render_consultation(consultation).split())
        for name in consultation.applying(base.knowledge.statements):
            statement = base.knowledge.statements[name]
            assert f"{statement.says} [{','.join(map(str, statement.references))}]" in text


def test_every_conflict_that_applies_is_on_the_page(base: RuleBase, cases: list[Case]) -> None:
    for case in cases[::4]:
        consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
        text = " ".join(render_consultation(consultation).split())
        for name in consultation.applying(base.knowledge.conflicts):
            assert f"{name} {base.knowledge.conflicts[name].says}" in text


@pytest.mark.parametrize("length", ["brief", "normal", "full"])
def test_the_disclaimers_and_the_status_of_review_are_on_every_page(consult_mg: Consult, length: str) -> None:
    text = " ".join(render_consultation(consult_mg(), length).split())
    for number in range(66, 78):
        assert f"(S{number})" in text


@pytest.mark.parametrize("length", ["brief", "normal", "full"])
def test_every_page_says_that_the_source_states_no_contraindication(consult_mg: Consult, length: str) -> None:
    text = render_consultation(consult_mg(dysphagia="yes"), length)
    assert "The source states no contraindication. That does not mean there is none." in text


def test_silence_is_never_worded_as_advice(base: RuleBase, cases: list[Case]) -> None:
    for case in cases:
        consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
        text = render_consultation(consultation, "normal").lower()
        advice = text.partition("from outside the source")[0]
        for words in ("not indicated", "ivig is contraindicated", "premedication with", "ml/kg", "per hour"):
            assert words not in advice


def test_every_gram_and_weight_has_its_unit_and_its_arithmetic(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(myasthenic_crisis="yes", actual_weight_kg="70.5"))
    assert "141 g in all, 28.2 g a day for 5 days (2 g/kg × 70.5 kg actual weight)" in text


def test_regimens_that_give_the_same_doses_share_their_figures(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(severe_disease="yes", hospital_admission_needed="yes", actual_weight_kg=30))
    assert text.count("60 g in all") == 1


def test_colour_only_adds_to_the_words(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes", actual_weight_kg=70)
    plain = render_consultation(consultation)
    coloured = render_consultation(consultation, colour=True)
    assert ANSI.search(coloured)
    assert not ANSI.search(plain)
    assert ANSI.sub("", coloured) == plain


def test_a_local_parameter_is_labelled_on_the_page(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg({"child_age_below_years": 18}, myasthenic_crisis="yes", age_years=10))
    assert "child_age_below_years = 18 years: child = yes (local parameter, not in the" in text


def test_a_dose_by_a_derived_weight_is_labelled(consult_mg: Consult) -> None:
    settings: dict[str, object] = {"ideal_weight_formula": "devine"}
    consultation = consult_mg(settings, dysphagia="yes", sex="female", height_cm=165, age_years=30)
    text = " ".join(render_consultation(consultation, "brief").split())
    assert "The ideal weight is from ideal_weight_formula: local parameter, not in the source." in text
    assert all("not in the source" in dose.notes[-1] for dose in consultation.doses)


def test_findings_that_contradict_each_other_are_on_the_brief_page(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(severe_disease="no", grade=4), "brief")
    assert "A16  The severity given and the grade given disagree." in text


def test_what_argues_against_is_named_at_the_top(consult_mg: Consult) -> None:
    for findings in ({"myasthenic_crisis": "yes"}, {"surgery": "none"}):
        text = render_consultation(consult_mg(immediate_intervention_needed="yes", **findings))
        assert "Against it: S53" in "\n".join(text.splitlines()[:5])


def test_the_brief_page_says_what_it_leaves_out(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(myasthenic_crisis="yes"), "brief")
    left_out = text.partition("LEFT OUT OF THIS BRIEF PAGE")[2].partition("REFERENCES")[0]
    assert "S20" in left_out
    assert "S63" not in left_out


def test_an_unfulfilled_requirement_is_plain_to_see(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(surgery="thymectomy", medically_controlled="no"), "brief")
    assert "NOT FULFILLED" in text


def test_role_only_lists_the_indications_not_yet_decided(consult_mg: Consult) -> None:
    text = " ".join(render_consultation(consult_mg(dose_reduction_goal="yes"), "brief").split())
    assert "Indications not yet decided: S01, S02" in text


def test_the_full_page_says_why_each_statement_was_ruled_out(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(myasthenic_crisis="yes", age_years=65), "full")
    ruled_out = text.partition("RULED OUT")[2]
    assert (
        "S18  Over the age of 65 years, IVIG is safer than plasma exchange.\n       because age_years = 65 years"
        in ruled_out
    )


def test_how_why_not_and_what_if_read_as_sentences(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", age_years=40)
    assert "because myasthenic_crisis = yes" in render_explanation(how(base, consultation, "S57"), base.knowledge)
    text = render_explanation(why_not(base, consultation, "S19"), base.knowledge)
    assert "child is not applicable, for age_years = 40 years" in text
    assert "age_years: 40 years → 20 years; child: unknown → yes" in text
    data = what_if(base, consultation, {"age_years": Given("66")})
    assert "NOW APPLIES\n  A14" not in render_explanation(data, base.knowledge)
    assert "S18  Over the age of 65 years" in render_explanation(data, base.knowledge)


def test_how_of_the_undetermined_says_what_it_waits_for(base: RuleBase, consult_mg: Consult) -> None:
    text = render_explanation(how(base, consult_mg(), "S12"), base.knowledge)
    assert text.startswith("S12 is undetermined: nothing was concluded.\nIt waits for myasthenic_crisis.")


def test_what_may_yet_argue_against_a_use_is_shown_with_what_it_waits_for(consult_mg: Consult) -> None:
    text = render_consultation(consult_mg(myasthenic_crisis="yes"), "brief")
    assert "S53  not yet decided (immediate_intervention_needed)" in text


def test_doses_are_alternatives_and_a_weight_without_one_is_named(consult_mg: Consult) -> None:
    said = flat(render_consultation(consult_mg(dysphagia="yes", ideal_weight_kg=100)))
    assert "100 g in all; if divided equally, 50 g a day for 2 days (1 g/kg × 100 kg ideal weight)" in said
    assert "or 200 g in all" in said
    assert "By" not in said[said.index("DOSE") : said.index("AGAINST")]
    said = flat(render_consultation(consult_mg(myasthenic_crisis="yes", actual_weight_kg=70)))
    assert "By ideal weight: no grams, for it is unknown." in said
    assert "By" not in flat(render_consultation(consult_mg(myasthenic_crisis="yes")))


def test_that_no_regimen_comes_first_stands_above_the_doses(consult_mg: Consult) -> None:
    said = flat(render_consultation(consult_mg(dysphagia="yes", myasthenic_crisis="yes")))
    assert said.index("DOSE A06 Two regimens apply") < said.index("S57 Standard acute dosing")


def test_a_spread_says_where_it_is_the_same_or_does_not_help(consult_mg: Consult) -> None:
    said = flat(render_consultation(consult_mg(myasthenic_crisis="yes", actual_weight_kg=210)))
    assert "To consider: 84 g a day for 5 days, the same as above; a day is then still above 80 g." in said
    said = flat(render_consultation(consult_mg(dysphagia="yes", ideal_weight_kg=100)))
    assert "To consider: 40 g a day, which comes to no whole number of days from 3 to 5." in said
    assert "To consider: 40 g a day for 5 days." in said


def test_silence_on_a_use_beside_other_statements_is_told_apart_from_silence(consult_mg: Consult) -> None:
    nothing = {name: "no" for name, finding in BASE.knowledge.findings.items() if finding.type == "yes/no"}
    said = flat(render_consultation(consult_mg(None, **nothing, surgery="thymectomy", iga_status="normal")))
    assert "Other statements do apply: see below." in said
    said = flat(render_consultation(consult_mg(None, **nothing, surgery="none", iga_status="normal")))
    assert "Other statements" not in said


def test_cautions_that_are_not_yet_decided_are_named(consult_mg: Consult) -> None:
    said = flat(render_consultation(consult_mg(severe_disease="no")))
    assert "Cautions not yet decided: S10, S33, S34, S37." in said
