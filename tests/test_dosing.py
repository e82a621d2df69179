"""Doses: exact to the last digit, one for each end of a range and each weight that may be meant."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import dose_data
from engine.dosing import Dose
from tests.conftest import Consult


def only(doses: list[Dose], statement: str, **wanted: object) -> list[Dose]:
    found = [dose for dose in doses if dose.statement == statement]
    return [dose for dose in found if all(getattr(dose, key) == value for key, value in wanted.items())]


@pytest.mark.parametrize(
    ("weight", "total", "daily"), [("70", "140", "28"), ("70.55", "141.1", "28.22"), ("1", "2", "0.4")]
)
def test_grams_are_exact(consult_mg: Consult, weight: str, total: str, daily: str) -> None:
    [dose] = only(list(consult_mg(myasthenic_crisis="yes", actual_weight_kg=weight).doses), "S57")
    assert (str(dose.total_g), str(dose.daily_g), dose.days) == (total, daily, 5)


@given(st.decimals("1", "200", places=6))
def test_the_days_of_a_course_add_up_to_it(weight: Decimal) -> None:
    from engine.consultation import consult
    from engine.findings import Given, interpret
    from tests.conftest import BASE

    words = {"diagnosis": "myasthenia_gravis", "dysphagia": "yes", "myasthenic_crisis": "yes"}
    words |= {"ideal_weight_kg": f"{weight:f}", "actual_weight_kg": f"{weight:f}"}
    findings = interpret(BASE.knowledge, {name: Given(word) for name, word in words.items()})
    for dose in consult(BASE, findings).doses:
        assert dose.total_g == dose.g_per_kg * weight
        if dose.days is not None:
            assert dose.daily_g == dose.total_g / dose.days


def test_two_weights_that_may_be_meant_give_two_labelled_doses(consult_mg: Consult) -> None:
    doses = only(list(consult_mg(myasthenic_crisis="yes", actual_weight_kg=80, ideal_weight_kg=60).doses), "S57")
    assert [(dose.weight_basis, str(dose.total_g)) for dose in doses] == [("actual", "160"), ("ideal", "120")]


def test_equal_weights_give_one_dose_labelled_with_both(consult_mg: Consult) -> None:
    [dose] = only(list(consult_mg(myasthenic_crisis="yes", actual_weight_kg=60, ideal_weight_kg=60).doses), "S57")
    assert dose.weight_basis == "actual_and_ideal"


def test_the_two_day_regimen_uses_ideal_weight_only_and_shows_both_ends(consult_mg: Consult) -> None:
    doses = only(list(consult_mg(dysphagia="yes", actual_weight_kg=90, ideal_weight_kg=60).doses), "S29")
    assert [(str(dose.g_per_kg), str(dose.total_g), dose.weight_basis) for dose in doses] == [
        ("1", "60", "ideal"),
        ("2", "120", "ideal"),
    ]
    assert doses[0].notes[0].startswith("A05:")
    assert not doses[1].notes


def test_without_a_usable_weight_there_are_no_grams(consult_mg: Consult) -> None:
    doses = only(list(consult_mg(dysphagia="yes", actual_weight_kg=90).doses), "S29")
    assert len(doses) == 2
    without = {(dose.weight_kg, dose.total_g, dose.daily_g, dose.weight_basis) for dose in doses}
    assert without == {(None, None, None, None)}


def test_an_ideal_weight_above_the_actual_one_is_pointed_out(consult_mg: Consult) -> None:
    [_, high] = only(list(consult_mg(dysphagia="yes", actual_weight_kg=50, ideal_weight_kg=60).doses), "S29")
    assert high.notes == ("The ideal weight, 60 kg, exceeds the actual weight, 50 kg.",)


@pytest.mark.parametrize(("weight", "verdict"), [("40", "ruled_out"), ("40.000001", "applies")])
def test_eighty_grams_exactly_is_not_above_eighty(consult_mg: Consult, weight: str, verdict: str) -> None:
    consultation = consult_mg(
        severe_disease="no",
        graded="no",
        respiratory_compromise="no",
        myasthenic_crisis="yes",
        dysphagia="no",
        weight_loss="no",
        severe_weakness="no",
        other_immunosuppressants_failed="no",
        other_immunosuppressants_unusable="no",
        surgery="none",
        actual_weight_kg=weight,
        ideal_weight_kg=weight,
    )
    assert consultation.verdicts["S59"].verdict == verdict
    assert bool(only(list(consultation.doses), "S59")) is (verdict == "applies")


def test_a_day_above_eighty_grams_is_a_reading_of_its_own(consult_mg: Consult) -> None:
    doses = only(list(consult_mg(dysphagia="yes", ideal_weight_kg=90).doses), "S59")
    readings = [(str(dose.g_per_kg), dose.reading, dose.days, str(dose.daily_g)) for dose in doses]
    assert readings == [("1", "total", None, "36"), ("2", "total", 5, "36"), ("2", "daily", 5, "36")]
    assert doses[0].notes[0].startswith("A08:")
    assert not doses[1].notes


def test_an_unknown_weight_leaves_the_eighty_gram_rule_open(consult_mg: Consult) -> None:
    verdict = consult_mg(myasthenic_crisis="yes", actual_weight_kg=30).verdicts["S59"]
    assert verdict.verdict == "undetermined"
    assert "ideal_weight_kg" in verdict.missing
    assert "actual_weight_kg" not in verdict.missing


def test_a_spread_dose_keeps_its_own_references(consult_mg: Consult) -> None:
    [dose] = only(list(consult_mg(myasthenic_crisis="yes", actual_weight_kg=70).doses), "S59")
    assert dose_data(dose)["references"] == [1]
    assert (dose.of, dose.reading) == ("S57", "total")


def test_a_dose_spread_by_ideal_weight_keeps_the_note_on_that_weight(consult_mg: Consult) -> None:
    doses = only(list(consult_mg(dysphagia="yes", actual_weight_kg=50, ideal_weight_kg=60).doses), "S59")
    assert all(dose.notes[-1].startswith("The ideal weight, 60 kg, exceeds") for dose in doses)


@pytest.mark.parametrize(("days", "daily", "rounded"), [(3, "66.666667", True), (4, "50", False)])
def test_a_daily_figure_that_does_not_come_out_even_is_rounded_and_says_so(
    days: int, daily: str, rounded: bool
) -> None:
    from engine.dosing import doses
    from engine.model import Guideline, Knowledge, Regimen, Statement, Test
    from tests.random_knowledge import FINDINGS, SECTIONS

    regimen = Regimen(Decimal(2), Decimal(2), days, "actual")
    statement = Statement("S1", "S1", "regimen", "P.1", (1,), Test("a", "is", "yes"), regimen)
    guideline = Guideline("g", "1", "G", "it", Test("diagnosis", "is", "here"), SECTIONS, ())
    knowledge = Knowledge(guideline, {}, FINDINGS, {}, {"S1": statement}, {}, {}, {}, {})
    [dose] = doses(knowledge, ["S1"], {"actual_weight_kg": Decimal(100)}, {})
    assert str(dose.daily_g) == daily
    assert bool(dose.notes) is rounded
