"""The questions still open: only what can still decide, the most consequential first."""

from __future__ import annotations

from engine.consultation import Consultation
from engine.questions import open_questions
from tests.conftest import Consult


def asked(consultation: Consultation) -> list[str]:
    return [question.finding for question in open_questions(consultation)]


def test_the_diagnosis_comes_first_while_it_is_unknown(consult_mg: Consult) -> None:
    assert asked(consult_mg(diagnosis="unknown"))[0] == "diagnosis"


def test_what_argues_against_a_use_comes_before_what_supports_it(consult_mg: Consult) -> None:
    assert asked(consult_mg())[0] == "immediate_intervention_needed"


def test_what_is_unsafe_comes_before_what_refines_a_dose(consult_mg: Consult) -> None:
    questions = asked(consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="no"))
    assert questions.index("iga_status") < questions.index("actual_weight_kg")


def test_a_weight_that_a_dose_lacks_comes_before_further_indications(consult_mg: Consult) -> None:
    questions = asked(consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="no"))
    assert questions.index("actual_weight_kg") < questions.index("dose_reduction_goal")
    assert questions.index("actual_weight_kg") < questions.index("surgery")


def test_nothing_is_asked_of_a_patient_out_of_scope(consult_mg: Consult) -> None:
    assert asked(consult_mg(diagnosis="other")) == []


def test_what_is_not_applicable_is_not_asked(consult_mg: Consult) -> None:
    assert "child" not in asked(consult_mg(myasthenic_crisis="yes", age_years=40))
    assert "child" in asked(consult_mg(myasthenic_crisis="yes", age_years=12))


def test_a_governor_is_asked_before_what_it_governs(consult_mg: Consult) -> None:
    questions = asked(consult_mg())
    assert "graded" in questions
    assert "grade" not in questions
    assert "grade" in asked(consult_mg(graded="yes"))


def test_sex_and_height_are_asked_only_with_a_formula(consult_mg: Consult) -> None:
    without = asked(consult_mg(dysphagia="yes"))
    assert "ideal_weight_kg" in without
    assert not {"sex", "height_cm"} & set(without)
    having = asked(consult_mg({"ideal_weight_formula": "devine"}, dysphagia="yes", age_years=40))
    assert {"sex", "height_cm", "ideal_weight_kg"} <= set(having)


def test_sex_is_not_asked_of_a_patient_too_short_for_the_formula(consult_mg: Consult) -> None:
    short = consult_mg({"ideal_weight_formula": "devine"}, dysphagia="yes", age_years=40, height_cm=150)
    assert "sex" not in asked(short)


def test_a_weight_that_a_dose_lacks_is_asked_and_says_what_it_completes(consult_mg: Consult) -> None:
    questions = {question.finding: question for question in open_questions(consult_mg(myasthenic_crisis="yes"))}
    assert questions["actual_weight_kg"].completes == ("S57",)


def test_whether_a_requirement_is_fulfilled_is_asked(consult_mg: Consult) -> None:
    questions = {question.finding: question for question in open_questions(consult_mg(surgery="thymectomy"))}
    assert questions["medically_controlled"].completes == ("S37",)


def test_a_question_says_why_its_finding_is_unknown(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", iga_status="pending")
    reasons = {question.finding: question.reason for question in open_questions(consultation)}
    assert reasons["iga_status"] == "pending"
    assert reasons["dysphagia"] == "not asked"


def test_a_caution_is_settled_before_a_further_indication(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="no", actual_weight_kg=70)
    questions = asked(consultation)
    assert questions.index("iga_status") < questions.index("other_immunosuppressants_failed")
