"""Courses of treatment: what the source sets in time beside each regimen, and nothing more."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec.structs import replace

from engine.cases import Case
from engine.compiler import RuleBase
from engine.consultation import consult
from engine.courses import Course, courses
from engine.findings import interpret
from engine.language import plain
from engine.rendering.lanes import Lane, heading, in_words, lanes
from engine.rendering.timeline import NARROW, WIDE, Scale, timeline
from tests.conftest import CASES, Consult

BOX = re.compile(r'<rect x="([-0-9.]+)" y="[-0-9.]+" width="([-0-9.]+)" height="[-0-9.]+" rx="4" class="(\w+)"')
SCALES = pytest.mark.parametrize("scale", [WIDE, NARROW], ids=lambda scale: scale.name)


def course(regimen: str, found: list[Course]) -> Course:
    return next(one for one in found if regimen in one.regimens)


def styled(style: str, found: list[Lane]) -> list[Lane]:
    return [lane for lane in found if lane.style == style]


def boxes(svg: str, style: str) -> list[tuple[float, float]]:
    """Return where the boxes of a style begin and end."""
    return [(float(x), float(x) + float(width)) for x, width, of in BOX.findall(svg) if of == style]


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


def test_on_a_phone_the_unit_stands_below_the_number(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", actual_weight_kg="70.5")
    svg = timeline(courses(consultation)[0], consultation, NARROW)
    assert len(re.findall(r">28\.2</text>\s*<text [^>]*>g</text>", svg)) == 5


def test_an_amount_too_long_for_its_boxes_stands_below_them_in_full(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg="120.75")
    svg = timeline(courses(consultation)[0], consultation, NARROW)
    assert svg.count(">120.75 g each day, if divided equally</text>") == 1
    assert ">120.75</text>" not in svg


def test_without_a_weight_the_picture_says_so_and_invents_no_grams(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes")
    svg = timeline(courses(consultation)[0], consultation)
    assert svg.count(">0.4 g/kg</text>") == 5
    assert "no grams" in svg
    assert not re.search(r">[0-9.]+ g</text>", svg)


def test_without_a_weight_a_day_has_no_figure_that_the_source_does_not_state(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", other_immunosuppressants_failed="yes")
    for one in courses(consultation):
        told = styled("infusion", lanes(one, consultation))
        assert [(lane.label, lane.each) for lane in told] == [
            ("1 g/kg over 2 days", False),
            ("2 g/kg over 2 days", False),
        ]
        svg = timeline(one, consultation)
        assert "0.5" not in svg
        assert len(boxes(svg, "infusion")) == 2
        assert "Days 1 to 2, 1 g/kg over 2 days: " in svg


def test_a_days_figure_that_is_arithmetic_looks_so_and_says_so(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", surgery="thymectomy", on_ivig="yes", actual_weight_kg=30)
    told = {one.regimens: lanes(one, consultation) for one in courses(consultation)}
    assert list(told) == [("S36",), ("S57",)]
    (divided,) = styled("divided", told["S36",])
    assert "if divided equally" in divided.says
    assert styled("infusion", told["S36",]) == styled("divided", told["S57",]) == []
    (stated,) = styled("infusion", told["S57",])
    assert "if divided" not in stated.says
    assert "Each of days 1 to 5, if divided equally, 12 g: S36" in in_words(courses(consultation)[0], consultation)


def test_the_notes_of_a_dose_stand_with_it(consult_mg: Consult) -> None:
    for known in ({"ideal_weight_kg": 100}, {}):
        consultation = consult_mg(dysphagia="yes", **known)
        one = courses(consultation)[0]
        told = [lane.says for lane in lanes(one, consultation)]
        notes = {note for dose in [*one.doses, *one.spread] for note in dose.notes}
        assert {note[:3] for note in notes} == ({"A05", "A08"} if known else {"A05"})
        assert all(any(note in says for says in told) for note in notes)


def test_a_dose_spread_is_drawn_as_an_alternative(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=61)
    one = courses(consultation)[0]
    (spread,) = styled("alternative", lanes(one, consultation))
    assert spread.says.startswith("instead, to consider: S59, 122 g by ideal weight")
    assert len(boxes(timeline(one, consultation), "alternative")) == 5
    assert "An alternative, each of days 1 to 5, 24.4 g: instead, to consider" in in_words(one, consultation)


def test_a_spread_that_the_regimen_gives_already_is_no_alternative(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", actual_weight_kg=70)
    (spread,) = [lane for lane in lanes(courses(consultation)[0], consultation) if lane.says.startswith("S59")]
    assert "instead" not in spread.says
    assert not spread.days


def test_the_daily_assessment_is_an_empty_square_to_tick_by_hand(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", actual_weight_kg=70)
    for scale in (WIDE, NARROW):
        svg = timeline(courses(consultation)[0], consultation, scale)
        squares = boxes(svg, "tick")
        assert [round(end - start) for start, end in squares] == [12] * 5
        assert "✓" not in svg


def test_what_goes_alongside_does_not_go_on(consult_mg: Consult) -> None:
    consultation = consult_mg(severe_disease="yes", hospital_admission_needed="yes")
    told = lanes(courses(consultation)[0], consultation)
    assert [lane.goes_on for lane in styled("alongside", told)] == [False]
    assert [lane.style for lane in told if lane.goes_on] == ["tick", "window"]


def test_within_so_many_days_begins_at_day_one_and_after_them_goes_on(consult_mg: Consult) -> None:
    consultation = consult_mg(myasthenic_crisis="yes")
    within, after = styled("window", lanes(courses(consultation)[0], consultation))
    assert (within.label, within.from_start, within.goes_on) == ("within 12–15 days", True, False)
    assert (after.label, after.from_start, after.goes_on) == ("after 12–15 days", False, True)
    for scale in (WIDE, NARROW):
        svg = timeline(courses(consultation)[0], consultation, scale)
        (start, _), _ = boxes(svg, "window")
        first, *_ = boxes(svg, "infusion")
        level = re.findall(r'<path d="M([-0-9.]+),([-0-9.]+) L([-0-9.]+),([-0-9.]+)" class="thin"', svg)
        lines = [(float(x1), float(x2)) for x1, y1, x2, y2 in level if y1 == y2]
        assert any(abs(x1 - first[0]) < 2 and x2 == pytest.approx(start) for x1, x2 in lines)
        assert ">within 12–15 days</text>" in svg
        assert ">after 12–15 days</text>" in svg


@SCALES
def test_all_days_have_the_same_width_and_what_is_left_out_is_marked_in_each_lane(
    consult_mg: Consult, scale: Scale
) -> None:
    consultation = consult_mg(severe_disease="yes", hospital_admission_needed="yes", actual_weight_kg=40)
    one = courses(consultation)[0]
    svg = timeline(one, consultation, scale)
    grid = sorted({float(x) for x in re.findall(r'<path d="M([-0-9.]+),[^"]*" class="grid"', svg)})
    widths = [round(end - start, 3) for start, end in pairwise(grid)]
    assert widths.count(widths[0]) == 9
    assert len(widths) == 10
    slanted = re.findall(r'<path d="M([-0-9.]+),([-0-9.]+) L([-0-9.]+),([-0-9.]+)" class="thin"', svg)
    strokes = [line for line in slanted if line[0] != line[2] and line[1] != line[3]]
    drawn = [lane for lane in lanes(one, consultation) if lane.days]
    assert len(strokes) == 2 * (len(drawn) + 1)


@SCALES
def test_where_nothing_comes_before_there_is_no_column_for_it(consult_mg: Consult, scale: Scale) -> None:
    consultation = consult_mg(myasthenic_crisis="yes", iga_status="normal", actual_weight_kg=40)
    svg = timeline(courses(consultation)[0], consultation, scale)
    assert ">before</text>" not in svg
    assert boxes(svg, "infusion")[0][0] < 3
    to_check = consult_mg(myasthenic_crisis="yes", actual_weight_kg=40)
    assert ">before</text>" in timeline(courses(to_check)[0], to_check, scale)


def test_on_a_phone_the_first_day_leaves_room_for_what_comes_before(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes")
    svg = timeline(courses(consultation)[0], consultation, NARROW)
    header = {words: float(y) for y, words in re.findall(r' y="([0-9.]+)"[^>]*>(before|day|day 1|1)</text>', svg)}
    assert header["before"] == header["day"] < header["1"]


def test_a_heading_says_which_regimens_and_how_much(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", severe_disease="yes", hospital_admission_needed="yes")
    acute, two_days = courses(consultation)
    assert heading(acute) == "S07 and S57: 2 g/kg over 5 days"
    assert heading(two_days) == "S29: 1 to 2 g/kg over 2 days"
    assert "Timeline of S07 and S57: 2 g/kg over 5 days</title>" in timeline(acute, consultation)


def test_words_are_measured_at_the_size_at_which_they_are_drawn(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes")
    svg = timeline(courses(consultation)[0], consultation, NARROW)
    assert ">S30 The two-day regimen is spelled out as 1 g/kg</text>" in svg  # 48 letters; 45 of size 13 would fit


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
        " From day 1, within days 12 to 15: S23 onset, called rapid: typically within 12–15 days [3,5]."
        " After days 12 to 15: S55 improvement, called delayed: after 12–15 days [5]."
        " Day 1 is the first infusion drawn here, the first of this course;"
        " from when the source counts, it does not say."
    )


def test_a_spread_that_fits_no_number_of_days_has_no_infusion_days(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=100)
    one = courses(consultation)[0]
    unfit = [lane for lane in lanes(one, consultation) if "comes to no whole number of days from 3 to 5" in lane.says]
    assert len(unfit) == 1
    assert not unfit[0].days


def test_doses_by_another_end_or_weight_are_alternatives(consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=61)
    told = [lane.says for lane in styled("divided", lanes(courses(consultation)[0], consultation))]
    assert told[0].startswith("S29: 61 g in all; if divided equally, 30.5 g a day for 2 days")
    assert told[1].startswith("or 122 g in all; if divided equally, 61 g a day for 2 days")


def test_what_rests_on_a_local_parameter_or_is_pending_says_so_on_the_picture(consult_mg: Consult) -> None:
    settings: dict[str, object] = {"ideal_weight_formula": "devine", "child_age_below_years": 16}
    known = {"age_years": 40, "sex": "female", "height_cm": 160}
    consultation = consult_mg(settings, dysphagia="yes", iga_status="pending", **known)
    said = in_words(courses(consultation)[0], consultation)
    assert "kg ideal weight, by ideal_weight_formula: local parameter, not in the source" in said
    assert "S32 measure serum IgA [1,2] (iga_status: pending)" in said


@SCALES
@pytest.mark.parametrize("days", [1, 7, 14, 30])
def test_a_course_of_any_length_fits_into_its_picture(consult_mg: Consult, days: int, scale: Scale) -> None:
    for known in ({"actual_weight_kg": "70.5"}, {}):
        consultation = consult_mg(myasthenic_crisis="yes", **known)
        svg = timeline(replace(courses(consultation)[0], days=days), consultation, scale)
        found = BOX.findall(svg)
        assert min(float(width) for _, width, _ in found) > 0
        assert max(float(x) + float(width) for x, width, _ in found) <= scale.width
        assert min(float(size) for size in re.findall(r'font-size="([0-9.]+)"', svg)) >= scale.least


def test_the_picture_for_a_phone_is_no_wider_than_a_phone_and_its_letters_no_smaller_than_12() -> None:
    assert NARROW.width <= 328
    assert NARROW.least >= 12


def test_a_day_of_one_end_of_a_range_is_stated_only_where_it_comes_to_that(consult_mg: Consult) -> None:
    one = courses(consult_mg(myasthenic_crisis="yes"))[0]
    assert one.daily_of(one.doses[0]) == Decimal("0.4")
    assert one.daily_of(replace(one.doses[0], g_per_kg=Decimal(1))) is None
