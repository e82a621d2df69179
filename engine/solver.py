"""Findings and rules as formulas for an SMT solver; the only user of z3.

A patient is a set of symbols: for each finding whether it is known, and its value. Each condition
becomes two formulas, that it holds and that it is ruled out; where neither is true it is unknown. So
unknown and not applicable are values of the solver's model, and what it proves holds of every
patient that the program accepts, not of a sample.

Numbers are whole millionths, the finest a finding can be given in, so that arithmetic is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import z3

from engine.errors import EngineError, Fault
from engine.language import choices, plain
from engine.model import DoseTest, Finding, Knowledge, Test, Value
from engine.sides import Encoding, Sides

MILLIONTHS = 1_000_000

Formula = Any
"""A truth of z3."""

Patient = Mapping[str, str]
"""A patient as words: the value of each finding that is known."""


class Symbols(Encoding[Formula]):
    """One patient as symbols, and the rules of a knowledge base over them.

    ``shared`` lends the symbols of another patient for every finding but those ``apart``, so that two
    patients can be compared who differ in these alone.
    """

    def __init__(
        self, knowledge: Knowledge, prefix: str = "", shared: Symbols | None = None, apart: Iterable[str] = ()
    ) -> None:
        super().__init__(knowledge)
        own = set(knowledge.findings) if shared is None else set(apart)
        self.known: dict[str, Formula] = {} if shared is None else dict(shared.known)
        self.value: dict[str, Formula] = {} if shared is None else dict(shared.value)
        for name in (name for name in knowledge.findings if name in own):  # in one order in every process
            self.known[name], self.value[name] = z3.Bool(f"{prefix}{name} known"), z3.Int(f"{prefix}{name}")

    # What a patient can be. ----------------------------------------------------------------

    def possible(self, names: Iterable[str] | None = None) -> list[Formula]:
        """Return what holds of every patient that can be given; of some findings only, if they are named."""
        findings = self.knowledge.findings
        return [
            formula for name in (findings if names is None else names) for formula in self._possible(findings[name])
        ]

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

    def judged(self, test: Test | DoseTest) -> Sides[Formula]:
        """Return the two sides of a test on a finding."""
        return self._dose(test) if isinstance(test, DoseTest) else self._test(test)

    def at_least(self, needed: int, truths: Sequence[Formula]) -> Formula:
        """Return that at least so many of the formulas hold."""
        if needed == len(truths):
            return z3.And(*truths)
        if needed == 1:
            return z3.Or(*truths)
        if needed > len(truths):
            return z3.BoolVal(False)
        return z3.AtLeast(*truths, needed)

    def negated(self, truth: Formula) -> Formula:
        """Return that a formula does not hold."""
        return z3.Not(truth)

    def _dose(self, test: DoseTest) -> Sides[Formula]:
        grams = self.value[test.weight] * _scaled(test.per_kg)
        outcome = _comparison(test.operator, grams, _scaled(test.grams) * MILLIONTHS)
        known = self.known[test.weight]
        return Sides(z3.And(known, outcome), z3.And(known, z3.Not(outcome)))

    def _test(self, test: Test) -> Sides[Formula]:
        finding = self.knowledge.findings[test.finding]
        governed = Sides(z3.BoolVal(True), z3.BoolVal(False)) if finding.only_if is None else self.test(finding.only_if)
        known = self.known[finding.name]
        if test.value is None:
            is_so = z3.Not(known) if test.operator == "is unknown" else known
            return Sides(z3.And(z3.Not(governed.no), is_so), z3.Or(governed.no, z3.Not(is_so)))
        outcome = self.compared(test)
        may_not_apply = z3.BoolVal(False)
        if finding.type == "yes/no":  # a given no may turn out to be not applicable, and then it is not a no
            may_not_apply = z3.And(self.unknown(governed), self.equals(finding, "no"))
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

    @contextmanager
    def supposing(self, *formulas: Formula) -> Iterator[None]:
        """Let only patients count of whom the formulas are true, until this ends."""
        self.solver.push()
        try:
            self.assume(*formulas)
            yield
        finally:
            self.solver.pop()

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


def different(one: Sides[Formula], other: Sides[Formula]) -> Formula:
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


def _comparison(operator: str, left: Formula, right: Formula) -> Formula:
    return {">=": left >= right, ">": left > right, "<=": left <= right, "<": left < right}[operator]


def _scaled(number: Decimal) -> int:
    return int(number * MILLIONTHS)
