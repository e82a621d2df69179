"""The solver's encoding: it judges every patient exactly as the evaluator does."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine import dosing
from engine.conditions import Judge
from engine.findings import Given, interpret
from engine.model import ACTUAL_WEIGHT, DoseTest, Knowledge, Regimen, Test
from engine.solver import Solver, Symbols
from engine.truth import Truth
from tests.conftest import BASE
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


def test_a_finding_can_be_compared_with_zero() -> None:
    symbols = Symbols(BASE.knowledge)
    model = Solver(symbols).model(symbols.test(Test("serum_iga_g_per_l", "is", Decimal(0))).yes)
    assert model is not None
    assert symbols.words(model)["serum_iga_g_per_l"] == "0"


@given(
    st.integers(1, 9),
    st.integers(1, 400_000_000),
    st.sampled_from([-1, 0, 1]),
    st.sampled_from([">", ">=", "<", "<="]),
)
def test_a_days_part_of_a_dose_compares_for_the_solver_as_it_is_printed(
    days: int, millionths: int, beside: int, operator: str
) -> None:
    weight = Decimal(millionths) / 1_000_000
    symbols = Symbols(BASE.knowledge)
    regimens = {"S36": Regimen(Decimal(2), Decimal(2), days, "actual")}
    [dose] = dosing.doses(_with_regimens(regimens), ["S36"], {ACTUAL_WEIGHT: weight}, {})
    assert dose.daily_g is not None
    limit = dose.daily_g.quantize(dosing.FINEST) + beside * dosing.FINEST
    test = DoseTest(Decimal(2), ACTUAL_WEIGHT, operator, limit)
    is_weight = symbols.equals(BASE.knowledge.findings[ACTUAL_WEIGHT], weight)
    expected = {">": dose.daily_g > limit, ">=": dose.daily_g >= limit, "<": dose.daily_g < limit}
    model = Solver().model(is_weight, symbols.dose_compares(test, days))
    assert (model is not None) is expected.get(operator, dose.daily_g <= limit)


def _with_regimens(regimens: dict[str, Regimen]) -> Knowledge:
    statements = {name: replace(BASE.knowledge.statements[name], regimen=regimen) for name, regimen in regimens.items()}
    return replace(BASE.knowledge, statements={**BASE.knowledge.statements, **statements})
