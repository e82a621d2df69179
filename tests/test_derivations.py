"""The derivation: it shows what decided, all of it and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given

from engine.cases import Case
from engine.compiler import RuleBase, compile_rules
from engine.consultation import Consultation, consult
from engine.derivations import STATUS, Derivation, Node, derivation
from engine.findings import Given, interpret
from engine.model import WEIGHTS_BY_BASIS, Knowledge, Test, parts
from engine.rendering.diagram import VIA, diagram, routed
from tests.conftest import CASES, Consult
from tests.random_knowledge import knowledge_bases, patients


def sources(derived: Derivation, node: Node) -> set[Node]:
    """Return everything that a node rests on, directly or not."""
    found: set[Node] = set()
    waiting = [node]
    while waiting:
        target = waiting.pop()
        new = {source for source, other in derived.edges if other == target} - found
        found |= new
        waiting += new
    return found


def findings_that_decided(consultation: Consultation, conclusion: Node) -> set[str]:
    """Return what decided the members of a conclusion, by the evaluator, with the weights dosed by."""
    knowledge = consultation.knowledge
    decided = {name for member in conclusion.members for name in consultation.verdicts[member].because}
    regimens = [knowledge.regimens[member] for member in conclusion.members if member in knowledge.regimens]
    weights = {name for regimen in regimens for name in WEIGHTS_BY_BASIS[regimen.weight]}
    scope = {test.finding for test in parts(knowledge.guideline.requires) if isinstance(test, Test)}
    return (decided | (weights & set(consultation.findings.values))) - scope


def check(base: RuleBase, consultation: Consultation) -> None:
    derived = derivation(base, consultation)
    for conclusion in derived.columns[-1]:
        reached = {node.name for node in sources(derived, conclusion) if node.kind == "finding"}
        assert reached >= findings_that_decided(consultation, conclusion), conclusion
    assert all(consultation.applying([node.name]) for node in derived.columns[1])
    shown = {member for conclusion in derived.columns[-1] for member in conclusion.members}
    assert shown >= set(consultation.applying([*consultation.knowledge.statements, *consultation.knowledge.conflicts]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_finding_that_decided_a_conclusion_leads_to_it(base: RuleBase, case: Case) -> None:
    check(base, consult(base, interpret(base.knowledge, case.findings, case.parameters)))


@given(knowledge_bases(), patients())
def test_so_it_is_for_any_knowledge_and_any_patient(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    base = compile_rules(knowledge)
    check(base, consult(base, interpret(knowledge, patient)))


def test_what_supports_and_what_opposes_lead_to_the_status(base: RuleBase, consult_mg: Consult) -> None:
    derived = derivation(base, consult_mg(myasthenic_crisis="yes", immediate_intervention_needed="yes"))
    status = derived.columns[-1][0]
    assert status == Node("conclusion", STATUS, ("S12", "S53", "A01"))
    leading = {source.name for source, target in derived.edges if target == status}
    assert {"S12", "S53"} <= leading


def test_concepts_that_rest_on_the_same_are_one(base: RuleBase, consult_mg: Consult) -> None:
    derived = derivation(base, consult_mg(myasthenic_crisis="yes"))
    assert [node.members for node in derived.columns[2]] == [
        ("acute_treatment", "ivig_under_consideration", "ivig_supported")
    ]


def test_a_routed_edge_goes_from_one_column_to_the_next(base: RuleBase, consult_mg: Consult) -> None:
    derived = derivation(base, consult_mg(myasthenic_crisis="yes", sepsis="yes", age_years=75, actual_weight_kg=70))
    cut = routed(derived)
    place = {node: number for number, column in enumerate(cut.columns) for node in column}
    assert all(place[target] == place[source] + 1 for source, target in cut.edges)
    assert any(node.kind == VIA for node in place)
    for source, target in derived.edges:
        reached = {source}
        while target not in reached and reached:
            reached = {b for a, b in cut.edges if a in reached and (b.kind == VIA or b == target)}
        assert target in reached


def test_the_picture_names_every_node(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg(dysphagia="yes", ideal_weight_kg=60)
    svg = diagram(derivation(base, consultation), consultation)
    for words in ("dysphagia", "S26", "ivig_supported", "INDICATED", "Dose S29"):
        assert f">{words}" in svg
