"""Courses of treatment: what the source sets in time beside each regimen, and nothing more."""

from __future__ import annotations

import re

import pytest

from engine.cases import Case
from engine.compiler import RuleBase
from engine.consultation import consult
from engine.courses import Course, courses
from engine.findings import interpret
from engine.language import plain
from engine.rendering.timeline import in_words, lanes, timeline
from tests.conftest import CASES, Consult


def course(regimen: str, found: list[Course]) -> Course:
    return next(one for one in found if one.regimen == regimen)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_regimen_that_applies_has_one_course_with_all_its_doses(base: RuleBase, case: Case) -> None:
    consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
    found = courses(consultation)
    assert [one.regimen for one in found] == consultation.applying(sorted(base.knowledge.regimens))
    assert sum(len([*one.doses, *one.spread]) for one in found) == len(consultation.doses)
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
    assert [mark.statement for mark in course("S07", found).marked("alongside")] == ["S11"]
    assert course("S57", found).marked("alongside") == []


def test_only_acute_treatment_has_the_daily_assessment_and_both_labels_of_the_window(consult_mg: Consult) -> None:
    acute = courses(consult_mg(myasthenic_crisis="yes", actual_weight_kg=70))[0]
    assert [mark.statement for mark in acute.marked("each day")] == ["S63"]
    assert [mark.statement for mark in acute.marked("window")] == ["S23", "S55"]
    two_days = courses(consult_mg(dysphagia="yes", ideal_weight_kg=60))[0]
    assert two_days.regimen == "S29"
    assert two_days.marked("each day") == []
    assert [mark.statement for mark in two_days.marked("window")] == ["S55"]


def test_the_grams_of_each_day_stand_in_the_picture(base: RuleBase, consult_mg: Consult) -> None:
    one = courses(consult_mg(dysphagia="yes", ideal_weight_kg=61))[0]
    svg = timeline(one, base.knowledge)
    for dose in [*one.doses, *one.spread]:
        assert svg.count(f">{plain(dose.daily_g or dose.g_per_kg)} g</text>") == (dose.days or 0)


def test_without_a_weight_the_picture_says_so_and_invents_no_grams(base: RuleBase, consult_mg: Consult) -> None:
    one = courses(consult_mg(myasthenic_crisis="yes"))[0]
    svg = timeline(one, base.knowledge)
    assert svg.count(">0.4 g/kg</text>") == 5
    assert "no grams" in svg
    assert not re.search(r">[0-9.]+ g</text>", svg)


def test_nothing_is_computed_from_how_often_a_course_is_repeated(base: RuleBase, consult_mg: Consult) -> None:
    one = course("S58", courses(consult_mg(other_immunosuppressants_failed="yes", actual_weight_kg=70)))
    assert [mark.statement for mark in one.marked("in words")] == ["S44"]
    assert one.last_day == 15
    assert not re.search(r"day (?:[3-9]\d|1[6-9]|2\d)", timeline(one, base.knowledge))


def test_from_when_the_window_counts_is_said_to_be_unsaid(base: RuleBase, consult_mg: Consult) -> None:
    one = courses(consult_mg(myasthenic_crisis="yes"))[0]
    assert "from when the source counts, it does not say" in in_words(one, base.knowledge)


def test_a_spread_that_fits_no_number_of_days_has_no_infusion_days(base: RuleBase, consult_mg: Consult) -> None:
    one = courses(consult_mg(dysphagia="yes", ideal_weight_kg=100))[0]
    unfit = [lane for lane in lanes(one, base.knowledge) if "a number of days that does not fit" in lane.says]
    assert len(unfit) == 1
    assert unfit[0].cells == ()
