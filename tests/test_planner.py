"""The planner: only what can still matter, and enough to settle the answer."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cases import Case
from engine.compiler import compile_rules
from engine.consultation import Consultation, consult
from engine.effects import effects
from engine.findings import Findings, Given, governs, interpret
from engine.language import choices
from engine.model import Finding, Knowledge
from engine.planner import GOAL_KINDS, plan
from engine.truth import Truth
from tests.conftest import BASE, CASES
from tests.random_knowledge import FINDINGS, knowledge_bases, patients

PARAMETERS = {
    "child_age_below_years": "16",
    "iga_deficiency_below_g_per_l": "0.07",
    "ideal_weight_formula": "devine",
}


def words_for(finding: Finding) -> st.SearchStrategy[str]:
    if not finding.is_number:
        return st.sampled_from(choices(finding))
    return st.integers(int(finding.low or 0), int(finding.high or 0)).map(str)


@st.composite
def whole_patients(draw: st.DrawFn) -> tuple[dict[str, Given], dict[str, Given]]:
    """Draw a patient of whom everything applicable is known, and local parameters in force."""
    parameters = {name: Given(word) for name, word in PARAMETERS.items() if draw(st.booleans())}
    derived = {BASE.knowledge.parameters[name].derives for name in parameters}
    words: dict[str, Given] = {}
    for name, finding in BASE.knowledge.findings.items():
        values = interpret(BASE.knowledge, words).values
        if name not in derived and governs(finding, values) is Truth.YES:
            words[name] = Given(draw(words_for(finding), label=name))
    if draw(st.integers(0, 9)):
        words["diagnosis"] = Given("myasthenia_gravis")
    return words, parameters


def answered(truth: Mapping[str, Given], parameters: Mapping[str, Given]) -> Findings:
    """Answer the planner's questions truthfully until there are none left."""
    given: dict[str, Given] = {}
    most = len(BASE.knowledge.findings) + 1
    while True:
        findings = interpret(BASE.knowledge, given, parameters)
        planned = plan(BASE, findings)
        assert len(planned.questions) <= planned.at_most < most
        if not planned.questions:
            return findings
        most = planned.at_most
        name = planned.questions[0].finding
        given[name] = truth.get(name, Given("unknown"))


def answer(consultation: Consultation) -> tuple[object, ...]:
    """Return what has to be settled: the status, what supports, opposes or cautions, doses and conflicts."""
    knowledge = consultation.knowledge
    goals = (*knowledge.statements_of(*GOAL_KINDS), *knowledge.conflicts)
    verdicts = [(name, consultation.verdicts[name].verdict) for name in goals]
    asked = [(name, consultation.verdicts[name].fulfilled) for name in consultation.applying(goals)]
    return consultation.status, verdicts, asked, list(consultation.doses)


@given(whole_patients())
def test_the_planned_questions_settle_what_all_findings_would(
    patient: tuple[dict[str, Given], dict[str, Given]],
) -> None:
    truth, parameters = patient
    whole = interpret(BASE.knowledge, truth, parameters)
    assert answer(consult(BASE, answered(truth, parameters))) == answer(consult(BASE, whole))


@pytest.mark.parametrize("case", CASES[::5], ids=lambda case: case.name)
def test_the_planned_questions_settle_a_worked_case_as_all_its_findings_do(case: Case) -> None:
    whole = interpret(BASE.knowledge, case.findings, case.parameters)
    assert answer(consult(BASE, answered(case.findings, case.parameters))) == answer(consult(BASE, whole))


@given(knowledge_bases(), patients())
def test_a_planned_question_can_decide_what_it_says(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    findings = interpret(knowledge, patient)
    for question in plan(compile_rules(knowledge), findings).questions:
        assert question.finding not in findings.values
        assert question.settles or question.completes
        assert governs(FINDINGS[question.finding], findings.values) is not Truth.NO


def first(**words: str) -> str:
    findings = interpret(BASE.knowledge, {name: Given(word) for name, word in words.items()})
    return plan(BASE, findings).questions[0].finding


def asked(parameters: Mapping[str, str] | None = None, **words: str) -> list[str]:
    settings = {name: Given(word) for name, word in (parameters or {}).items()}
    findings = interpret(BASE.knowledge, {name: Given(word) for name, word in words.items()}, settings)
    return [question.finding for question in plan(BASE, findings).questions]


def test_the_diagnosis_is_asked_first_and_alone_when_it_is_another() -> None:
    assert first() == "diagnosis"
    assert asked(diagnosis="other") == []


def test_what_argues_against_a_use_is_asked_before_what_supports_it() -> None:
    assert first(diagnosis="myasthenia_gravis") == "immediate_intervention_needed"


def test_a_topic_that_was_begun_is_finished_before_the_next() -> None:
    words = {"diagnosis": "myasthenia_gravis", "worsening": "no", "immediate_intervention_needed": "no"}
    words |= {"myasthenic_crisis": "no", "hospital_admission_needed": "no", "rapidly_progressive_weakness": "no"}
    topics = [BASE.knowledge.findings[name].topic for name in asked(None, **words)]
    assert topics[0] == "symptoms"
    assert len(set(topics)) == sum(1 for one, other in zip([None, *topics], topics, strict=False) if one != other)


@pytest.mark.parametrize("reason", ["unknown", "pending", "not asked"])
def test_what_was_asked_is_not_asked_again(reason: str) -> None:
    assert "iga_status" in asked(diagnosis="myasthenia_gravis", myasthenic_crisis="yes")
    assert "iga_status" not in asked(diagnosis="myasthenia_gravis", myasthenic_crisis="yes", iga_status=reason)


def test_what_a_parameter_will_derive_is_not_asked_but_what_it_needs_is() -> None:
    known = {"diagnosis": "myasthenia_gravis", "dysphagia": "yes", "age_years": "40"}
    with_formula = asked({"ideal_weight_formula": "devine"}, **known)
    assert {"sex", "height_cm"} <= set(with_formula)
    assert "ideal_weight_kg" not in with_formula
    without_height = asked({"ideal_weight_formula": "devine"}, **known, height_cm="unknown")
    assert "ideal_weight_kg" in without_height
    assert "sex" not in without_height


def test_each_answer_says_what_it_would_do() -> None:
    words = {"diagnosis": "myasthenia_gravis", "myasthenic_crisis": "yes"}
    findings = interpret(BASE.knowledge, {name: Given(word) for name, word in words.items()})
    by_answer = {effect.answer: effect for effect in effects(BASE, findings, "age_years")}
    assert list(by_answer) == ["from 0 up to 20 years", "from 21 up to 65 years", "from 66 up to 120 years"]
    assert by_answer["from 0 up to 20 years"].opens == ("child",)
    assert "S18" in by_answer["from 66 up to 120 years"].applies
    weights = [effect.answer for effect in effects(BASE, findings, "actual_weight_kg")]
    assert weights == ["from 1 up to 40 kg", "above 40 up to 400 kg"]
