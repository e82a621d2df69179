"""The shipped knowledge against its worked cases, and the cases against the knowledge."""

from __future__ import annotations

import pytest

from engine.cases import Case
from engine.compiler import RuleBase
from engine.consultation import APPLIES, RULED_OUT, consult
from engine.findings import interpret
from engine.model import Knowledge, Named, parts
from engine.verification import check_case
from tests.conftest import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_worked_case_is_answered_as_expected(base: RuleBase, case: Case) -> None:
    differences = check_case(base, case)
    if differences:
        pytest.fail(f"{case.place}: {case.name}: {'; '.join(differences)}", pytrace=False)


def test_there_are_enough_cases_and_each_says_what_it_is_about() -> None:
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)
    assert [case.name for case in CASES if not case.says or not case.expect] == []


def test_every_expectation_of_a_case_can_fail(base: RuleBase) -> None:
    opposite = {"applies": "ruled_out", "ruled_out": "applies", "undetermined": "applies"}
    for case in CASES[::7]:
        for verdict, other in opposite.items():
            for name in case.expect.get(verdict, ()):
                wrong = Case("", "", case.findings, case.parameters, {other: (name,)}, case.place)
                assert check_case(base, wrong)


@pytest.mark.parametrize("verdict", [APPLIES, RULED_OUT])
def test_every_statement_is_expected_to_apply_and_to_be_ruled_out_in_some_case(
    knowledge: Knowledge, verdict: str
) -> None:
    expected = {name for case in CASES for name in case.expect.get(verdict, ())}
    assert sorted(set(knowledge.statements) - expected) == []


def test_every_conflict_is_expected_to_apply_in_some_case(knowledge: Knowledge) -> None:
    expected = {name for case in CASES for name in case.expect.get(APPLIES, ())}
    assert sorted(set(knowledge.conflicts) - expected) == []


@pytest.mark.parametrize(
    "status", ["indicated", "conflict", "role_only", "undetermined", "no_statement", "out_of_scope"]
)
def test_every_status_is_expected_in_some_case(status: str) -> None:
    assert status in {case.expect.get("status") for case in CASES}


def test_every_local_parameter_is_set_in_some_case(knowledge: Knowledge) -> None:
    assert set(knowledge.parameters) <= {name for case in CASES for name in case.parameters}


def test_every_section_of_the_source_has_cases(knowledge: Knowledge) -> None:
    expected = {name for case in CASES for name in case.expect.get(APPLIES, ()) if name in knowledge.statements}
    sections = {knowledge.statements[name].source.partition(".")[0] for name in expected}
    assert sections == set(knowledge.guideline.sections)


def test_every_statement_that_a_conflict_tests_is_on_one_of_its_sides(knowledge: Knowledge) -> None:
    for conflict in knowledge.conflicts.values():
        named = {part.name for part in parts(conflict.when) if isinstance(part, Named)} & set(knowledge.statements)
        sides = {name for side in knowledge.sides(conflict.id) for name in side}
        reasons_to_show = {"A14": {"S12"}}.get(conflict.id, set())
        assert named - sides - reasons_to_show == set()


def test_every_finding_is_used(knowledge: Knowledge) -> None:
    used = {
        part.finding
        for rule in [*knowledge.rules.values(), *(s.fulfilled for s in knowledge.statements.values() if s.fulfilled)]
        for part in parts(rule)
        if hasattr(part, "finding")
    }
    used |= {f.only_if.finding for f in knowledge.findings.values() if f.only_if is not None}
    by_doses = {"actual_weight_kg", "ideal_weight_kg"}
    by_formula = {"sex", "height_cm"}
    assert set(knowledge.findings) == used | by_doses | by_formula


def test_no_case_gives_an_answer_on_which_the_two_evaluations_differ(base: RuleBase) -> None:
    for case in CASES:
        consult(base, interpret(base.knowledge, case.findings, case.parameters))
