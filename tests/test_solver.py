"""The solver's encoding: it judges every patient exactly as the evaluator does."""

from __future__ import annotations

from hypothesis import given

from engine.conditions import Judge
from engine.findings import Given, interpret
from engine.model import Knowledge
from engine.solver import Solver, Symbols
from engine.truth import Truth
from tests.random_knowledge import knowledge_bases, patients


@given(knowledge_bases(), patients())
def test_every_rule_comes_out_for_the_solver_as_for_the_evaluator(
    knowledge: Knowledge, patient: dict[str, Given]
) -> None:
    findings = interpret(knowledge, patient)
    judge = Judge(knowledge, findings)
    symbols = Symbols(knowledge)
    solver = Solver(symbols)
    solver.assume(*symbols.is_patient(findings.values))
    model = solver.model()
    assert model is not None, "the solver takes a patient for impossible whom the program accepts"
    for name in knowledge.rules:
        sides, truth = symbols.rule(name), judge.rule(name).truth
        assert solver.holds(model, sides.yes) is (truth is Truth.YES)
        assert solver.holds(model, sides.no) is (truth is Truth.NO)


@given(knowledge_bases())
def test_every_patient_that_the_solver_finds_is_one_that_the_program_accepts(knowledge: Knowledge) -> None:
    symbols = Symbols(knowledge)
    solver = Solver(symbols)
    for name in knowledge.rules:
        for truth, formula in ((Truth.YES, symbols.rule(name).yes), (Truth.NO, symbols.rule(name).no)):
            model = solver.model(formula)
            if model is not None:
                words = {key: Given(word) for key, word in symbols.words(model).items()}
                assert Judge(knowledge, interpret(knowledge, words)).rule(name).truth is truth


def test_the_smallest_difference_between_two_numbers_is_one_that_can_be_given(knowledge: Knowledge) -> None:
    symbols = Symbols(knowledge)
    weight = symbols.value["actual_weight_kg"]
    model = Solver(symbols).model(symbols.rule("S59").yes, weight > 0, symbols.known["actual_weight_kg"])
    assert model is not None
    assert len(symbols.words(model)["actual_weight_kg"].partition(".")[2]) <= 6
