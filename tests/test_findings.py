"""What is given, implied and derived of a patient, and why the rest is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from engine.errors import InputError
from engine.findings import Findings, Given, interpret
from engine.model import Knowledge


def known(knowledge: Knowledge, parameters: Mapping[str, str] | None = None, /, **words: str) -> Findings:
    settings = {name: Given(word) for name, word in (parameters or {}).items()}
    return interpret(knowledge, {name: Given(word) for name, word in words.items()}, settings)


def message(knowledge: Knowledge, parameters: Mapping[str, str] | None = None, /, **words: str) -> str:
    with pytest.raises(InputError) as caught:
        known(knowledge, parameters, **words)
    return str(caught.value)


@pytest.mark.parametrize(("word", "value"), [("70", "70"), ("70 kg", "70"), ("70.50 kg", "70.5"), ("70kg", "70")])
def test_a_number_is_taken_bare_or_with_its_unit(knowledge: Knowledge, word: str, value: str) -> None:
    assert str(known(knowledge, actual_weight_kg=word).values["actual_weight_kg"]) == value


@pytest.mark.parametrize("reason", ["unknown", "pending", "not asked"])
def test_a_reason_leaves_the_finding_unknown(knowledge: Knowledge, reason: str) -> None:
    findings = known(knowledge, iga_status=reason)
    assert "iga_status" not in findings.values
    assert findings.reasons["iga_status"] == reason


@pytest.mark.parametrize(
    ("governed", "governor"),
    [({"grade": "2"}, "graded"), ({"notable_weight_loss": "yes"}, "weight_loss")],
)
def test_a_governed_value_implies_the_yes_of_its_governor(
    knowledge: Knowledge, governed: dict[str, str], governor: str
) -> None:
    findings = known(knowledge, None, **governed)
    assert findings.values[governor] == "yes"
    assert governor not in findings.given


def test_a_governed_no_implies_nothing_for_it_is_true_either_way(knowledge: Knowledge) -> None:
    assert "weight_loss" not in known(knowledge, notable_weight_loss="no").values


def test_a_governed_value_implies_its_governor_also_where_that_was_asked_and_not_known(knowledge: Knowledge) -> None:
    assert known(knowledge, grade="3", graded="unknown").values["graded"] == "yes"


def test_a_governed_no_agrees_with_the_no_of_its_governor(knowledge: Knowledge) -> None:
    assert known(knowledge, weight_loss="no", notable_weight_loss="no").values["weight_loss"] == "no"


def test_a_child_is_not_implied_to_have_any_age(knowledge: Knowledge) -> None:
    assert "age_years" not in known(knowledge, child="yes").values


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ({"graded": "no", "grade": "3"}, ("grade is given as 3", "graded as no")),
        ({"age_years": "21", "child": "yes"}, ("child is given as yes", "age_years as 21 years")),
    ],
)
def test_a_governed_value_against_its_governor_is_an_error_that_names_both(
    knowledge: Knowledge, words: dict[str, str], both: tuple[str, str]
) -> None:
    text = message(knowledge, None, **words)
    assert both[0] in text
    assert both[1] in text


@pytest.mark.parametrize(("age", "child"), [("17", "yes"), ("18", "no"), ("19", "no")])
def test_the_age_limit_for_a_child_is_strict(knowledge: Knowledge, age: str, child: str) -> None:
    findings = known(knowledge, {"child_age_below_years": "18"}, age_years=age)
    assert findings.values["child"] == child
    assert findings.derived["child"].parameter == "child_age_below_years"


@pytest.mark.parametrize(("serum", "status"), [("0.069", "deficient"), ("0.07", "normal"), ("1", "normal")])
def test_the_limit_for_iga_is_strict(knowledge: Knowledge, serum: str, status: str) -> None:
    findings = known(knowledge, {"iga_deficiency_below_g_per_l": "0.07"}, serum_iga_g_per_l=serum)
    assert findings.values["iga_status"] == status


@pytest.mark.parametrize(
    ("sex", "height", "weight"),
    [
        # 50 kg (45.5 kg for women) and 2.3 kg for each inch above 60, worked out by hand:
        ("male", "180", "75"),  # 10.8661… in above: 50 + 24.992… = 74.992…
        ("female", "165", "56.9"),  # 4.9606… in above: 45.5 + 11.409… = 56.909…
        ("male", "152.4", "50"),
        ("female", "152.4", "45.5"),
        ("male", "153.5", "51"),  # 0.43307… in above: 50 + 0.99606… = 50.996…
    ],
)
def test_devine_to_a_tenth_of_a_kilogram(knowledge: Knowledge, sex: str, height: str, weight: str) -> None:
    findings = known(knowledge, {"ideal_weight_formula": "devine"}, sex=sex, height_cm=height, age_years="40")
    assert findings.values["ideal_weight_kg"] == Decimal(weight)


def test_devine_rounds_a_half_up(knowledge: Knowledge) -> None:
    # 60 in and 1/46 in above is 50.05 kg exactly; in centimetres that is 152.4 + 2.54/46 = 152.4552173…
    below = known(knowledge, {"ideal_weight_formula": "devine"}, sex="male", height_cm="152.455217", child="no")
    above = known(knowledge, {"ideal_weight_formula": "devine"}, sex="male", height_cm="152.455218", child="no")
    assert (below.values["ideal_weight_kg"], above.values["ideal_weight_kg"]) == (Decimal(50), Decimal("50.1"))


@pytest.mark.parametrize(
    "words",
    [
        {"sex": "male", "height_cm": "152.3", "age_years": "40"},
        {"sex": "male", "height_cm": "170", "age_years": "12", "child": "yes"},
        {"sex": "male", "height_cm": "170", "age_years": "20"},  # a child or not: unknown
        {"sex": "male", "height_cm": "170"},
        {"height_cm": "170", "age_years": "40"},
        {"sex": "male", "age_years": "40"},
    ],
)
def test_devine_says_nothing_where_it_cannot(knowledge: Knowledge, words: dict[str, str]) -> None:
    assert "ideal_weight_kg" not in known(knowledge, {"ideal_weight_formula": "devine"}, **words).values


def test_one_parameter_can_derive_what_another_needs(knowledge: Knowledge) -> None:
    settings = {"ideal_weight_formula": "devine", "child_age_below_years": "16"}
    assert "ideal_weight_kg" in known(knowledge, settings, sex="female", height_cm="165", age_years="17").values


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"child_age_below_years": "18"}, {"age_years": "17", "child": "no"}),
        ({"iga_deficiency_below_g_per_l": "0.07"}, {"serum_iga_g_per_l": "0.05", "iga_status": "normal"}),
        (
            {"ideal_weight_formula": "devine"},
            {"sex": "male", "height_cm": "180", "age_years": "40", "ideal_weight_kg": "80"},
        ),
    ],
)
def test_a_derived_value_against_a_given_one_is_an_error(
    knowledge: Knowledge, parameters: dict[str, str], words: dict[str, str]
) -> None:
    text = message(knowledge, parameters, **words)
    assert "is given as" in text
    assert "derives" in text


def test_a_derived_value_may_equal_the_given_one(knowledge: Knowledge) -> None:
    findings = known(knowledge, {"child_age_below_years": "18"}, age_years="17", child="yes")
    assert findings.values["child"] == "yes"


def test_all_faults_of_a_patient_stand_in_one_report(knowledge: Knowledge) -> None:
    text = message(knowledge, disphagia="yes", age_years="old", graded="perhaps")
    assert text.count("\n\n") == 2
    assert "Did you mean dysphagia" in text


def test_a_bare_serum_iga_never_sets_the_status(knowledge: Knowledge) -> None:
    assert "iga_status" not in known(knowledge, serum_iga_g_per_l="0.01").values
