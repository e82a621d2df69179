"""Statuses, references and what stands in the contract."""

from __future__ import annotations

import json

import pytest

from engine.consultation import STATUSES
from engine.contract import consultation_data, to_json
from engine.model import natural
from tests.conftest import Consult

KEYS = [
    "format",
    "guideline",
    "layers",
    "findings",
    "derived",
    "unknown",
    "parameters",
    "status",
    "statements",
    "doses",
    "conflicts",
    "open_questions",
    "not_covered",
    "outside_source",
    "trace",
]


@pytest.mark.parametrize(
    ("status", "findings"),
    [
        ("out_of_scope", {"diagnosis": "other", "myasthenic_crisis": "yes"}),
        ("conflict", {"myasthenic_crisis": "yes", "immediate_intervention_needed": "yes"}),
        ("conflict", {"dose_reduction_goal": "yes", "immediate_intervention_needed": "yes"}),
        ("indicated", {"myasthenic_crisis": "yes"}),
        ("role_only", {"dose_reduction_goal": "yes"}),
        ("undetermined", {}),
        ("undetermined", {"diagnosis": "unknown", "myasthenic_crisis": "yes"}),
    ],
)
def test_status(consult_mg: Consult, status: str, findings: dict[str, str]) -> None:
    assert consult_mg(**findings).status == status
    assert status in STATUSES


def test_silence_is_no_statement_and_what_else_applies_is_still_named(consult_mg: Consult) -> None:
    no = dict.fromkeys(
        [
            "severe_disease",
            "graded",
            "respiratory_compromise",
            "myasthenic_crisis",
            "rapidly_progressive_weakness",
            "worsening",
            "dysphagia",
            "weight_loss",
            "severe_weakness",
            "other_immunosuppressants_failed",
            "other_immunosuppressants_unusable",
            "dose_reduction_goal",
            "on_ivig",
        ],
        "no",
    )
    consultation = consult_mg(**no, surgery="thymectomy", immediate_intervention_needed="yes")
    assert consultation.status == "no_statement"
    assert {"S38", "S53", "S37"} <= set(consultation.applying(consultation.knowledge.statements))


def test_every_statement_and_conflict_is_listed_in_order_whatever_its_verdict(consult_mg: Consult) -> None:
    data = consultation_data(consult_mg())
    consultation = consult_mg()
    assert [s["id"] for s in data["statements"]] == natural(consultation.knowledge.statements)
    assert [c["id"] for c in data["conflicts"]] == natural(consultation.knowledge.conflicts)


def test_the_contract_has_its_keys_in_their_order(consult_mg: Consult) -> None:
    data = json.loads(to_json(consultation_data(consult_mg())))
    assert list(data) == KEYS
    assert data["format"] == "ivig-mg/consultation/1"
    assert [s["id"] for s in data["guideline"]["document"]] == [f"S{number}" for number in range(66, 78)]


def test_every_finding_is_either_known_or_unknown_with_a_reason(consult_mg: Consult) -> None:
    consultation = consult_mg(grade=3, age_years=40, iga_status="pending", sepsis="unknown")
    data = consultation_data(consultation)
    known = {*data["findings"], *data["derived"]}
    assert known | set(data["unknown"]) == set(consultation.knowledge.findings)
    assert not known & set(data["unknown"])
    assert data["unknown"]["iga_status"] == "pending"
    assert data["unknown"]["sepsis"] == "unknown"
    assert data["unknown"]["child"] == "not applicable"
    assert data["unknown"]["dysphagia"] == "not asked"
    assert data["derived"]["graded"] == {"value": "yes", "from": ["grade"]}


def test_findings_are_given_back_in_canonical_form(consult_mg: Consult) -> None:
    data = json.loads(to_json(consultation_data(consult_mg(actual_weight_kg="70.50 kg", sepsis="yes"))))
    assert data["findings"] == {"actual_weight_kg": 70.5, "diagnosis": "myasthenia_gravis", "sepsis": "yes"}


def test_numbers_are_printed_digit_for_digit(consult_mg: Consult) -> None:
    text = to_json(consultation_data(consult_mg(myasthenic_crisis="yes", actual_weight_kg="66.123456")))
    assert '"total_g": 132.246912,' in text
    assert '"daily_g": 26.4493824,' in text


def test_references_are_ascending_whole_numbers_everywhere(consult_mg: Consult) -> None:
    data = consultation_data(consult_mg(rapidly_progressive_weakness="yes", dose_reduction_goal="yes"))
    for part in ("statements", "doses", "conflicts", "trace"):
        for entry in data[part]:
            assert entry["references"] == sorted(set(entry["references"]))
            assert all(isinstance(number, int) for number in entry["references"])


def test_a_conflict_names_both_sides_and_all_their_references(consult_mg: Consult) -> None:
    data = consultation_data(consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes"))
    conflict = data["conflicts"][0]
    assert conflict["verdict"] == "applies"
    assert {"S12", "S53"} <= set(conflict["statements"])
    assert {3, 5} <= set(conflict["references"])


def test_a_conflict_leaves_out_statements_that_are_ruled_out(consult_mg: Consult) -> None:
    data = consultation_data(consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes", worsening="no"))
    assert "S03" not in data["conflicts"][0]["statements"]


@pytest.mark.parametrize(("controlled", "fulfilled"), [("yes", "yes"), ("no", "no"), ("pending", "unknown")])
def test_what_is_asked_for_is_fulfilled_or_not_or_unknown(consult_mg: Consult, controlled: str, fulfilled: str) -> None:
    data = consultation_data(consult_mg(surgery="other", medically_controlled=controlled))
    assert next(s for s in data["statements"] if s["id"] == "S37")["fulfilled"] == fulfilled


def test_a_local_parameter_is_labelled_and_says_what_it_derived(consult_mg: Consult) -> None:
    data = consultation_data(consult_mg({"child_age_below_years": 18}, age_years=10))
    parameter = data["parameters"]["child_age_below_years"]
    assert str(parameter["value"]) == "18"
    assert parameter["derived"] == {"child": "yes"}
    assert parameter["label"] == "local parameter, not in the source"


def test_notes_from_outside_decide_nothing_and_come_only_beside_what_applies(consult_mg: Consult) -> None:
    assert not consultation_data(consult_mg(diagnosis="other"))["outside_source"]
    notes = consultation_data(consult_mg(myasthenic_crisis="yes"))["outside_source"]
    assert "C2" in [note["id"] for note in notes]
    assert "C6" not in [note["id"] for note in notes]


def test_maintenance_when_others_cannot_be_used_rests_on_reference_3_alone(consult_mg: Consult) -> None:
    consultation = consult_mg(
        other_immunosuppressants_failed="no", other_immunosuppressants_unusable="yes", myasthenic_crisis="no"
    )
    indications = consultation.applying(consultation.knowledge.statements_of("indication"))
    assert indications == ["S43"]
    [conflict] = [c for c in consultation_data(consultation)["conflicts"] if c["id"] == "A09"]
    assert conflict["references"] == [3]


def test_each_step_and_each_statement_carries_its_own_references(consult_mg: Consult) -> None:
    data = consultation_data(consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes"))
    statements = {s["id"]: s["references"] for s in data["statements"]}
    steps = {step["rule"]: step["references"] for step in data["trace"]}
    assert statements["S12"] == steps["S12"] == [3]
    assert statements["S22"] == [3, 5]
    assert steps["A01"] == data["conflicts"][0]["references"]
    assert steps["ivig_supported"] == []


def test_a_conflict_names_statements_that_are_still_undetermined(consult_mg: Consult) -> None:
    data = consultation_data(consult_mg(myasthenic_crisis="yes"))
    assert {"S12", "S01", "S53"} <= set(data["conflicts"][0]["statements"])
