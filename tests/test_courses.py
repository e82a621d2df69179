"""Courses of treatment: what the source sets in time beside each regimen, and nothing more."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.cases import Case
from engine.compiler import RuleBase
from engine.consultation import consult
from engine.courses import Course, courses, g_per_kg_a_day
from engine.findings import interpret
from engine.language import plain
from engine.rendering.timeline import in_words, lanes, timeline
from tests.conftest import CASES, Consult


def course(regimen: str, found: list[Course]) -> Course:
    return next(one for one in found if regimen in one.regimens)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_regimen_that_applies_has_one_course_with_all_its_doses(base: RuleBase, case: Case) -> None:
    consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
    found = courses(consultation)
    told = [name for one in found for name in one.regimens]
    assert sorted(told) == consultation.applying(sorted(base.knowledge.regimens))
    for one in found:
        figures = [(dose.weight_basis, dose.total_g, dose.daily_g, dose.days) for dose in [*one.doses, *one.spread]]
        for name in one.regimens:
            own = [dose for dose in consultation.doses if name in (dose.statement, dose.of)]
            assert [(dose.weight_basis, dose.total_g, dose.daily_g, dose.days) for dose in own] == figures
    for one in found:
        assert all(mark.statement in consultation.applying(base.knowledge.statements) for mark in one.marks)


def test_the_iga_check_comes_before_while_it_is_still_to_be_done(consult_mg: Consult) -> None:
    before = [mark.statement for mark in courses(consult_mg(myasthenic_crisis="yes"))[0].marked("before")]
    assert before == ["S32"]
    normal = courses(consult_mg(myasthenic_crisis="yes", iga_status="normal"))[0]
    assert normal.marked("before") == []
    deficient = courses(consult_mg(myasthenic_crisis="yes", iga_status="deficient"))[0]
    assert [mark.statement for mark in deficient.marked("before")] == ["S34"]


def test_corticosteroids_stand_only_beside_the_regimen_that_the_source_gives_them_with(consult_mg: Consult) -> None:
    found = courses(consult_mg(severe_disease="yes", hospital_admission_needed="yes"))
    assert [one.regimens for one in found] == [("S07", "S57")]
    assert [(mark.statement, mark.of) for mark in found[0].marked("alongside")] == [("S11", ("S07",))]
    crisis = courses(consult_mg(myasthenic_crisis="yes"))
    assert [one.regimens for one in crisis] == [("S57",)]
    assert crisis[0].marked("alongside") == []


def test_a_regimen_without_a_daily_figure_is_a_course_of_its_own(consult_mg: Consult) -> None:
    consultation = consult_mg(
        severe_disease="yes", hospital_admission_needed="yes", surgery="thymectomy", on_ivig="yes", actual_weight_kg=40
    )
    assert [one.regimens for one in courses(consultation)] == [("S07", "S57"), ("S36",)]


def test_only_acute_treatment_has_the_daily_assessment_and_both_labels_of_the_window(consult_mg: Consult) -> None:
    acute = courses(consult_mg(myasthenic_crisis="yes", actual_weight_kg=70))[0]
    assert [mark.statement for mark in acute.marked("each day")] == ["S63"]
    assert [mark.statement for mark in acute.marked("window")] == ["S23", "S55"]
    two_days = courses(consult_mg(dysphagia="yes", ideal_weight_kg=60))[0]
    assert two_days.regimens == ("S29",)
    assert two_days.marked("each day") == []
    assert [mark.statement for mark in two_days.marked("window")] == ["S55"]


def test_the_grams_of_each_day_stand_in_the_picture(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=61)
    one = courses(consultation)[0]
    svg = timeline(one, consultation)
    for dose in [*one.doses, *one.spread]:
        assert svg.count(f">{plain(dose.daily_g or dose.g_per_kg)} g</text>") == (dose.days or 0)


def test_without_a_weight_the_picture_says_so_and_invents_no_grams(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes")
    svg = timeline(courses(consultation)[0], consultation)
    assert svg.count(">0.4 g/kg</text>") == 5
    assert "no grams" in svg
    assert not re.search(r">[0-9.]+ g</text>", svg)


def test_nothing_is_computed_from_how_often_a_course_is_repeated(consult_mg: Consult) -> None:
    consultation = consult_mg(other_immunosuppressants_failed="yes", actual_weight_kg=70)
    one = course("S58", courses(consultation))
    assert [mark.statement for mark in one.marked("in words")] == ["S44"]
    assert not re.search(r"day (?:[3-9]\d|1[6-9]|2\d)", timeline(one, consultation))


def test_all_that_a_timeline_shows_is_said_in_words(consult_mg: Consult) -> None:
    consultation = consult_mg(severe_disease="yes", hospital_admission_needed="yes", actual_weight_kg=40)
    assert in_words(courses(consultation)[0], consultation) == (
        "Before the first infusion: S32 measure serum IgA [1,2]."
        " Each of days 1 to 5, 16 g: S07 and S57: 80 g in all, 16 g a day for 5 days"
        " (2 g/kg × 40 kg actual weight) [1,2]."
        " Alongside the infusions: S11 corticosteroids; no drug, dose or route stated [1] (with S07)."
        " Every day: S63 neurological assessment, every day while acute treatment lasts [1]."
        " Days 12 to 15: S23 onset, called rapid: typically within 12–15 days [3,5]."
        " Days 12 to 15 and after: S55 improvement, called delayed: after 12–15 days [5]."
        " Days are counted from the first infusion; from when the source counts, it does not say."
    )


def test_a_spread_that_fits_no_number_of_days_has_no_infusion_days(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=100)
    one = courses(consultation)[0]
    unfit = [lane for lane in lanes(one, consultation) if "a number of days that does not fit" in lane.says]
    assert len(unfit) == 1
    assert unfit[0].cells == ()


def test_doses_by_another_end_or_weight_are_alternatives(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=61)
    told = [lane.says for lane in lanes(courses(consultation)[0], consultation) if lane.cells]
    assert told[0].startswith("S29: 61 g in all; if divided equally, 30.5 g a day for 2 days")
    assert told[1].startswith("or 122 g in all; if divided equally, 61 g a day for 2 days")


def test_what_rests_on_a_local_parameter_or_is_pending_says_so_on_the_picture(consult_mg: Consult) -> None:
    settings: dict[str, object] = {"ideal_weight_formula": "devine", "child_age_below_years": 16}
    known = {"age_years": 40, "sex": "female", "height_cm": 160}
    consultation = consult_mg(settings, dysphagia="yes", iga_status="pending", **known)
    said = in_words(courses(consultation)[0], consultation)
    assert "kg ideal weight, by ideal_weight_formula: local parameter, not in the source" in said
    assert "S32 measure serum IgA [1,2] (iga_status: pending)" in said


@pytest.mark.parametrize("days", [1, 7, 14, 30])
def test_a_course_of_any_length_fits_into_its_picture(base: RuleBase, consult_mg: Consult, days: int) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", actual_weight_kg=70)
    svg = timeline(replace(courses(consultation)[0], days=days), consultation)
    widths = [float(width) for width in re.findall(r'<rect [^>]*?width="([-0-9.]+)"', svg)]
    ends = [float(x) + float(w) for x, w in re.findall(r'<rect x="([-0-9.]+)" y="[^"]*" width="([-0-9.]+)"', svg)]
    assert min(widths) > 0
    assert max(ends) <= 620


def test_a_day_that_does_not_come_out_even_has_no_figure(consult_mg: Consult) -> None:
    one = courses(consult_mg(myasthenic_crisis="yes"))[0]
    assert g_per_kg_a_day(one, one.doses[0]) == Decimal("0.4")
    assert g_per_kg_a_day(replace(one, days=3), one.doses[0]) is None
