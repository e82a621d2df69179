"""Findings and rules as formulas for an SMT solver; the only user of z3.

A patient is a set of symbols: for each finding whether it is known, and its value. Each condition
becomes two formulas, that it holds and that it is ruled out; where neither is true it is unknown. So
unknown and not applicable are values of the solver's model, and what it proves holds of every
patient that the program accepts, not of a sample.

Numbers are whole millionths, the finest a finding can be given in, so that arithmetic is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import z3
from msgspec import Struct

from engine import dosing
from engine.errors import EngineError, Fault
from engine.language import choices, plain
from engine.model import AnyDose, Condition, DoseTest, Finding, Gate, Knowledge, Named, Not, Test, Value

MILLIONTHS = 1_000_000

Formula = Any
"""A truth of z3."""

Patient = Mapping[str, str]
"""A patient as words: the value of each finding that is known."""


class Sides(Struct, frozen=True):
    """What a condition is worth as formulas: that it holds, and that it is ruled out."""

    yes: Formula
    no: Formula

    @property
    def unknown(self) -> Formula:
        """That it is undetermined."""
        return z3.Not(z3.Or(self.yes, self.no))


class Symbols:
    """One patient as symbols, and the rules of a knowledge base over them.

    ``shared`` lends the symbols of another patient for every finding but those ``apart``, so that two
    patients can be compared who differ in these alone.
    """

    def __init__(
        self, knowledge: Knowledge, prefix: str = "", shared: Symbols | None = None, apart: Iterable[str] = ()
    ) -> None:
        self.knowledge = knowledge
        self.rules: dict[str, Sides] = {}
        self._tests: dict[Test | DoseTest, Sides] = {}
        own = set(knowledge.findings) if shared is None else set(apart)
        self.known: dict[str, Formula] = {} if shared is None else dict(shared.known)
        self.value: dict[str, Formula] = {} if shared is None else dict(shared.value)
        for name in (name for name in knowledge.findings if name in own):  # in one order in every process
            self.known[name], self.value[name] = z3.Bool(f"{prefix}{name} known"), z3.Int(f"{prefix}{name}")

    # What a patient can be. ----------------------------------------------------------------

    def possible(self) -> list[Formula]:
        """Return what holds of every patient that can be given."""
        return [formula for finding in self.knowledge.findings.values() for formula in self._possible(finding)]

    def _possible(self, finding: Finding) -> Iterable[Formula]:
        known, value = self.known[finding.name], self.value[finding.name]
        low, high = self._bounds(finding)
        yield z3.And(value >= low, value <= high)
        if finding.type == "whole number":
            yield value % MILLIONTHS == 0
        if finding.only_if is None:
            return
        is_no = self.equals(finding, "no") if finding.type == "yes/no" else z3.BoolVal(False)
        counts = z3.And(known, z3.Not(is_no))
        governor = finding.only_if
        yield z3.Implies(z3.And(counts, self.known[governor.finding]), self.compared(governor))
        if governor.value == "yes":  # a governed value implies the yes of its governor
            yield z3.Implies(counts, self.known[governor.finding])

    def _bounds(self, finding: Finding) -> tuple[int, int]:
        if not finding.is_number:
            return 0, len(choices(finding)) - 1
        return _scaled(finding.low or Decimal(0)), _scaled(finding.high or Decimal(0))

    def refines(self, less: Symbols) -> list[Formula]:
        """Return that this patient is the other one, of whom at least as much is known."""
        return [
            z3.Implies(less.known[name], z3.And(self.known[name], self.value[name] == less.value[name]))
            for name in self.knowledge.findings
        ]

    def is_patient(self, values: Mapping[str, Value]) -> list[Formula]:
        """Return that this patient is the one with these values, and nothing else known."""
        return [
            z3.And(self.known[name], self.equals(finding, values[name])) if name in values else z3.Not(self.known[name])
            for name, finding in self.knowledge.findings.items()
        ]

    # Conditions. ---------------------------------------------------------------------------

    def rule(self, name: str) -> Sides:
        """Return the two sides of a concept, statement or conflict."""
        if name not in self.rules:
            self.rules[name] = self.sides(self.knowledge.rules[name])
        return self.rules[name]

    def sides(self, condition: Condition) -> Sides:
        """Return the two sides of a condition."""
        match condition:
            case Test() | DoseTest():
                return self.test(condition)
            case Named(name):
                return self.rule(name)
            case Not(of):
                inner = self.sides(of)
                return Sides(inner.no, inner.yes)
            case AnyDose():
                return self.sides(dosing.expand(condition, self.knowledge))
        return self._gate(condition)

    def _gate(self, gate: Gate) -> Sides:
        parts = [self.sides(part) for part in gate.of]
        ruled_out = len(parts) - gate.needed + 1
        return Sides(
            _at_least(gate.needed, [part.yes for part in parts]), _at_least(ruled_out, [part.no for part in parts])
        )

    def test(self, test: Test | DoseTest) -> Sides:
        """Return the two sides of a test."""
        if test not in self._tests:
            self._tests[test] = self._dose(test) if isinstance(test, DoseTest) else self._test(test)
        return self._tests[test]

    def _dose(self, test: DoseTest) -> Sides:
        grams = self.value[test.weight] * _scaled(test.per_kg)
        outcome = _comparison(test.operator, grams, _scaled(test.grams) * MILLIONTHS)
        known = self.known[test.weight]
        return Sides(z3.And(known, outcome), z3.And(known, z3.Not(outcome)))

    def _test(self, test: Test) -> Sides:
        finding = self.knowledge.findings[test.finding]
        governed = Sides(z3.BoolVal(True), z3.BoolVal(False)) if finding.only_if is None else self.test(finding.only_if)
        known = self.known[finding.name]
        if test.value is None:
            is_so = z3.Not(known) if test.operator == "is unknown" else known
            return Sides(z3.And(z3.Not(governed.no), is_so), z3.Or(governed.no, z3.Not(is_so)))
        outcome = self.compared(test)
        may_not_apply = z3.BoolVal(False)
        if finding.type == "yes/no":  # a given no may turn out to be not applicable, and then it is not a no
            may_not_apply = z3.And(governed.unknown, self.equals(finding, "no"))
        return Sides(
            z3.And(z3.Not(governed.no), known, outcome, z3.Not(may_not_apply)),
            z3.Or(governed.no, z3.And(known, z3.Not(outcome))),
        )

    def compared(self, test: Test) -> Formula:
        """Return that the value of a finding passes a test that compares it."""
        finding = self.knowledge.findings[test.finding]
        if test.operator == "is":
            return self.equals(finding, test.value or "")
        return _comparison(test.operator, self.value[finding.name], _scaled(Decimal(test.value or 0)))

    def equals(self, finding: Finding, value: Value) -> Formula:
        """Return that a finding has a value."""
        if isinstance(value, Decimal):
            return self.value[finding.name] == _scaled(value)
        return self.value[finding.name] == choices(finding).index(value)

    # Answers. ------------------------------------------------------------------------------

    def words(self, model: Any) -> dict[str, str]:
        """Return the patient of a model as words."""
        return {
            name: self._word(finding, model.eval(self.value[name], model_completion=True).as_long())
            for name, finding in self.knowledge.findings.items()
            if z3.is_true(model.eval(self.known[name], model_completion=True))
        }

    def _word(self, finding: Finding, value: int) -> str:
        if not finding.is_number:
            return choices(finding)[value]
        return plain(Decimal(value) / MILLIONTHS)


class Solver:
    """Answers questions about all patients: a model of one, or the proof that there is none."""

    def __init__(self, *patients: Symbols) -> None:
        self.solver = z3.SolverFor("QF_LIA")
        self.solver.set("random_seed", 1)
        for patient in patients:
            self.solver.add(*patient.possible())

    def assume(self, *formulas: Formula) -> None:
        """Let only patients count of whom the formulas are true."""
        self.solver.add(*formulas)

    def model(self, *formulas: Formula) -> Any | None:
        """Return a model of the formulas, or None where there is none.

        Raises:
            EngineError: when the solver gives up, which it never should in this logic.

        """
        found = self.solver.check(*formulas)
        if found == z3.unknown:
            reason = self.solver.reason_unknown()
            raise EngineError([Fault(f"the solver gave up: {reason}", "Please report this.")])
        return self.solver.model() if found == z3.sat else None

    def holds(self, model: Any, formula: Formula) -> bool:
        """Say whether a formula is true in a model."""
        return bool(z3.is_true(model.eval(formula, model_completion=True)))


def both(*formulas: Formula) -> Formula:
    """Return that all of the formulas hold."""
    return z3.And(*formulas)


def either(*formulas: Formula) -> Formula:
    """Return that any of the formulas holds."""
    return z3.Or(*formulas)


def negated(formula: Formula) -> Formula:
    """Return that a formula does not hold."""
    return z3.Not(formula)


def different(one: Sides, other: Sides) -> Formula:
    """Return that two conditions do not come out alike."""
    return z3.Or(one.yes != other.yes, one.no != other.no)


def fewest(solver: Solver, formula: Formula, counted: list[Formula]) -> Any | None:
    """Return a model of a formula in which as few of the counted truths hold as can, or None."""
    if solver.model(formula) is None:
        return None
    most = 0
    while (model := solver.model(formula, z3.AtMost(*counted, most))) is None:
        most += 1
    return model


def _at_least(needed: int, formulas: list[Formula]) -> Formula:
    if needed == len(formulas):
        return z3.And(*formulas)
    if needed == 1:
        return z3.Or(*formulas)
    if needed > len(formulas):
        return z3.BoolVal(False)
    return z3.AtLeast(*formulas, needed)


def _comparison(operator: str, left: Formula, right: Formula) -> Formula:
    return {">=": left >= right, ">": left > right, "<=": left <= right, "<": left < right}[operator]


def _scaled(number: Decimal) -> int:
    return int(number * MILLIONTHS)
