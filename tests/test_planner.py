"""The planner: only what can still matter, and enough to settle the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from engine.cases import Case
from engine.compiler import RuleBase, compile_rules
from engine.conditions import Judge
from engine.consultation import Consultation, consult
from engine.effects import Effect, effects
from engine.errors import InputError
from engine.findings import Findings, Given, governs, interpret, shown
from engine.language import choices
from engine.model import Finding, Knowledge
from engine.planner import plan, still_to_ask
from engine.truth import Truth
from tests.conftest import BASE, CASES
from tests.random_knowledge import FINDINGS, knowledge_bases, patients

CHILD = {"child_age_below_years": Given("16")}

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


def answered(base: RuleBase, whole: Findings) -> Findings:
    """Answer the planner's questions truthfully until there are none left."""
    knowledge = base.knowledge
    parameters = {name: Given(shown(value)) for name, value in whole.parameters.items()}
    given: dict[str, Given] = {}
    most = len(knowledge.findings) + 1
    while True:
        findings = interpret(knowledge, given, parameters)
        planned = plan(base, findings)
        assert len(planned.questions) <= planned.at_most < most
        if not planned.questions:
            return findings
        most = planned.at_most
        name = planned.questions[0].finding
        given[name] = Given(shown(whole.values[name])) if name in whole.values else Given("unknown")


def answer(consultation: Consultation) -> tuple[object, ...]:
    """Return what has to be settled: the status, every statement and conflict, and the doses."""
    knowledge = consultation.knowledge
    goals = (*knowledge.statements, *knowledge.conflicts)
    verdicts = [(name, consultation.verdicts[name].verdict) for name in goals]
    asked = [(name, consultation.verdicts[name].fulfilled) for name in consultation.applying(goals)]
    return consultation.status, verdicts, asked, list(consultation.doses)


@given(whole_patients())
def test_the_planned_questions_settle_what_all_findings_would(
    patient: tuple[dict[str, Given], dict[str, Given]],
) -> None:
    truth, parameters = patient
    whole = interpret(BASE.knowledge, truth, parameters)
    assert answer(consult(BASE, answered(BASE, whole))) == answer(consult(BASE, whole))


@given(whole_patients(), st.sets(st.sampled_from(sorted(BASE.knowledge.findings))))
def test_so_they_do_where_some_findings_cannot_be_said(
    patient: tuple[dict[str, Given], dict[str, Given]], unsaid: set[str]
) -> None:
    truth, parameters = patient
    whole = interpret(BASE.knowledge, {name: word for name, word in truth.items() if name not in unsaid}, parameters)
    assert answer(consult(BASE, answered(BASE, whole))) == answer(consult(BASE, whole))


def test_where_nothing_applies_it_is_still_asked_whether_the_guideline_is_about_the_patient() -> None:
    ruled_out = {
        name: Given("no" if finding.type == "yes/no" else "none" if "none" in finding.choices else finding.choices[-1])
        for name, finding in BASE.knowledge.findings.items()
        if not finding.is_number and name != "diagnosis"
    }
    found = plan(BASE, interpret(BASE.knowledge, ruled_out))
    assert [(question.finding, question.settles) for question in found.questions] == [("diagnosis", ())]
    assert found.at_most == 1


@given(knowledge_bases(), patients())
def test_so_they_do_for_any_knowledge(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    base, whole = compile_rules(knowledge), interpret(knowledge, patient)
    assert answer(consult(base, answered(base, whole))) == answer(consult(base, whole))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_planned_questions_settle_a_worked_case_as_all_its_findings_do(case: Case) -> None:
    whole = interpret(BASE.knowledge, case.findings, case.parameters)
    assert answer(consult(BASE, answered(BASE, whole))) == answer(consult(BASE, whole))


@given(knowledge_bases(), patients())
def test_a_planned_question_can_decide_what_it_says(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    findings = interpret(knowledge, patient)
    about_scope = Judge(knowledge, findings).judge(knowledge.guideline.requires).missing
    for question in plan(compile_rules(knowledge), findings).questions:
        assert question.finding not in findings.values
        assert question.settles or question.completes or question.finding in about_scope
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
    acute = ["immediate_intervention_needed", "myasthenic_crisis", "hospital_admission_needed"]
    words = {"diagnosis": "myasthenia_gravis", **dict.fromkeys([*acute, "rapidly_progressive_weakness"], "no")}
    words["worsening"] = "no"
    topics = [BASE.knowledge.findings[name].topic for name in asked(None, **words)]
    assert topics[0] == "symptoms"
    assert len(set(topics)) == sum(1 for one, other in zip([None, *topics], topics, strict=False) if one != other)


def test_what_a_case_marks_as_not_asked_is_asked() -> None:
    assert "iga_status" in asked(diagnosis="myasthenia_gravis", myasthenic_crisis="yes", iga_status="not asked")


@pytest.mark.parametrize("reason", ["unknown", "pending"])
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
    ranges = ["from 0 up to 20 years", "from 21 up to 65 years", "from 66 up to 120 years"]
    assert list(by_answer) == [*ranges, "not known"]
    assert by_answer["not known"].applies == ()
    assert by_answer["from 0 up to 20 years"].opens == ("child",)
    assert "S18" in by_answer["from 66 up to 120 years"].applies
    weights = [effect.answer for effect in effects(BASE, findings, "actual_weight_kg")]
    assert weights == ["from 1 up to 40 kg", "above 40 up to 400 kg"]


def test_an_answer_that_cannot_be_is_no_answer_that_settles_nothing() -> None:
    findings = interpret(BASE.knowledge, {"diagnosis": Given("myasthenia_gravis"), "child": Given("no")}, CHILD)
    by_answer = {effect.answer: effect for effect in effects(BASE, findings, "age_years")}
    assert "child is given as no, but child_age_below_years derives yes" in by_answer["from 0 up to 15 years"].cannot_be


def test_saying_that_it_is_not_known_can_settle_something() -> None:
    words = {"diagnosis": "myasthenia_gravis", "myasthenic_crisis": "yes", "serum_iga_g_per_l": "1"}
    findings = interpret(BASE.knowledge, {name: Given(word) for name, word in words.items()})
    before = effects(BASE, findings, "iga_status")
    assert [effect.answer for effect in before] == ["normal", "deficient", "not known"]
    by_answer = {effect.answer: effect for effect in before}
    assert "S33" in by_answer["deficient"].applies  # it applies as it stands, and now for good
    assert "S33" in by_answer["not known"].applies
    assert {"S33", "S34"} <= set(by_answer["normal"].ruled_out)
    assert not any({"S33", "A28"} & set(effect.waits) for effect in before)


def test_an_answer_that_meets_a_requirement_or_not_says_so() -> None:
    words = {"diagnosis": "myasthenia_gravis", "surgery": "thymectomy"}
    findings = interpret(BASE.knowledge, {name: Given(word) for name, word in words.items()})
    by_answer = {effect.answer: effect for effect in effects(BASE, findings, "medically_controlled")}
    assert by_answer["yes"].fulfils == ("S37",)
    assert by_answer["no"].fails == ("S37",)


def test_an_answer_says_what_it_makes_needless() -> None:
    findings = interpret(BASE.knowledge, {})
    by_answer = {effect.answer: effect for effect in effects(BASE, findings, "diagnosis")}
    assert set(by_answer["other"].closes) == {q.finding for q in plan(BASE, findings).questions} - {"diagnosis"}
    assert by_answer["myasthenia_gravis"].closes == ()


def test_only_an_answer_that_gives_a_weight_promises_a_dose() -> None:
    words = {"diagnosis": "myasthenia_gravis", "myasthenic_crisis": "yes"}
    settings = {name: Given(word) for name, word in PARAMETERS.items()}
    findings = interpret(BASE.knowledge, {name: Given(word) for name, word in words.items()}, settings)
    assert not any(effect.doses for effect in effects(BASE, findings, "age_years"))
    assert all(effect.doses == ("S57",) for effect in effects(BASE, findings, "actual_weight_kg"))


def without(
    name: str, patient: tuple[dict[str, Given], dict[str, Given]], data: st.DataObject
) -> tuple[dict[str, Given], Findings]:
    """Draw what is known of a patient so far, but for one finding."""
    truth, parameters = patient
    known = data.draw(st.sets(st.sampled_from(sorted(truth))))
    words = {key: word for key, word in truth.items() if key in known and key != name}
    try:
        return words, interpret(BASE.knowledge, words, parameters)
    except InputError:
        reject()


NUMBERS = [f.name for f in BASE.knowledge.findings.values() if f.is_number]


@given(whole_patients(), st.sampled_from(NUMBERS), st.data())
def test_what_an_answer_would_do_is_what_any_number_of_its_range_does(
    patient: tuple[dict[str, Given], dict[str, Given]], name: str, data: st.DataObject
) -> None:
    parameters = patient[1]
    words, findings = without(name, patient, data)
    if name in findings.values:
        return
    finding = BASE.knowledge.findings[name]
    number = data.draw(st.integers(int(finding.low or 0) + 1, int(finding.high or 0)))
    effect = next(e for e in effects(BASE, findings, name) if holds(e.answer, Decimal(number)))
    try:
        after = interpret(BASE.knowledge, {**words, name: Given(str(number))}, parameters)
    except InputError:
        assert effect.cannot_be
        return
    assert not effect.cannot_be or not effect.varies
    assert said_truly(effect, findings, after)


CHOSEN = [f.name for f in BASE.knowledge.findings.values() if not f.is_number]


@given(whole_patients(), st.sampled_from(CHOSEN), st.data())
def test_what_an_answer_would_do_is_what_it_does(
    patient: tuple[dict[str, Given], dict[str, Given]], name: str, data: st.DataObject
) -> None:
    parameters = patient[1]
    words, findings = without(name, patient, data)
    for effect in effects(BASE, findings, name):
        word = "unknown" if effect.answer == "not known" else effect.answer
        try:
            after = interpret(BASE.knowledge, {**words, name: Given(word)}, parameters)
        except InputError:
            assert effect.cannot_be
        else:
            assert said_truly(effect, findings, after)


def said_truly(effect: Effect, findings: Findings, after: Findings) -> bool:
    """Whether an effect says of each rule what comes of it, with what is unknown so far and when all is asked."""
    turned: dict[Truth, set[str]] = {truth: set() for truth in Truth}
    undecided = set(BASE.knowledge.rules)
    for asked in (False, True):
        was, judge = (
            Judge(BASE.knowledge, one, still_to_ask(BASE.knowledge, one) if asked else ()) for one in (findings, after)
        )
        for rule in (*BASE.knowledge.statements, *BASE.knowledge.conflicts):
            if judge.rule(rule).truth is not was.rule(rule).truth:
                turned[judge.rule(rule).truth].add(rule)
            if judge.rule(rule).truth is not Truth.UNKNOWN:
                undecided.discard(rule)
    applies, ruled_out = set(effect.applies), set(effect.ruled_out)
    if effect.varies:
        return applies <= turned[Truth.YES] and ruled_out <= turned[Truth.NO]
    return (applies, ruled_out) == (turned[Truth.YES], turned[Truth.NO]) and set(effect.waits) <= undecided


def holds(answer: str, number: Decimal) -> bool:
    """Whether a number lies in a range as it is said."""
    begins, low, ends, high = re.match(r"(from|above) ([\d.]+) (up to|below) ([\d.]+)", answer).groups()  # type: ignore[union-attr]
    above = number >= Decimal(low) if begins == "from" else number > Decimal(low)
    return above and (number <= Decimal(high) if ends == "up to" else number < Decimal(high))
