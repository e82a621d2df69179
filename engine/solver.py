"""Findings and rules as formulas for an SMT solver; the only user of z3.

A patient is a set of symbols: for each finding whether it is given, and its value. Each condition
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

    ``given`` says of each finding that it is given, ``known`` that it is given or implied. ``shared`` lends
    the symbols of another patient for every finding but those ``apart``, so that two patients can be
    compared who differ in these alone, or one patient under two knowledge bases.
    """

    def __init__(
        self, knowledge: Knowledge, prefix: str = "", shared: Symbols | None = None, apart: Iterable[str] = ()
    ) -> None:
        super().__init__(knowledge)
        self._lent = set() if shared is None else {*shared.given}.difference(apart)
        self.given: dict[str, Formula] = {} if shared is None else dict(shared.given)
        self.value: dict[str, Formula] = {} if shared is None else dict(shared.value)
        codes: dict[str, tuple[str, ...]] = {} if shared is None else {n: shared.codes[n] for n in self._lent}
        self.codes: dict[str, tuple[str, ...]] = {
            **codes,
            **{n: _one_of_each(codes.get(n, ()), f) for n, f in knowledge.findings.items()},
        }
        for name in (name for name in knowledge.findings if name not in self._lent):  # in one order in every process
            self.given[name], self.value[name] = z3.Bool(f"{prefix}{name} known"), z3.Int(f"{prefix}{name}")
        self.known = {name: self._known(name) for name in knowledge.findings}

    # What a patient can be. ----------------------------------------------------------------

    def possible(self, names: Iterable[str] | None = None) -> list[Formula]:
        """Return what holds of every patient that can be given; of some findings only, if they are named."""
        findings = self.knowledge.findings
        return [
            formula for name in (findings if names is None else names) for formula in self._possible(findings[name])
        ]

    def _possible(self, finding: Finding) -> Iterable[Formula]:
        accepted = self._accepted(finding)
        yield z3.Implies(self.given[finding.name], accepted) if finding.name in self._lent else accepted
        governor = finding.only_if
        if governor is None:
            return
        counts = self._counts(finding)
        if governor.value == "yes":  # given or implied, its governor is yes
            yield z3.Implies(counts, self.compared(governor))
        else:
            yield z3.Implies(z3.And(counts, self.given[governor.finding]), self.compared(governor))

    def _accepted(self, finding: Finding) -> Formula:
        """Return that the value is one that the finding takes."""
        value = self.value[finding.name]
        if finding.is_number:
            within = [value >= _scaled(finding.low or Decimal(0)), value <= _scaled(finding.high or Decimal(0))]
            return z3.And(*within, value % MILLIONTHS == 0) if finding.type == "whole number" else z3.And(*within)
        codes = [self.codes[finding.name].index(word) for word in choices(finding)]
        gaps = (value != code for code in range(min(codes), max(codes)) if code not in codes)
        return z3.And(value >= min(codes), value <= max(codes), *gaps)

    def _counts(self, finding: Finding) -> Formula:
        """Return that a governed finding is given, and not as no, which is true with either answer of its governor."""
        given = self.given[finding.name]
        return z3.And(given, z3.Not(self.equals(finding, "no"))) if finding.type == "yes/no" else given

    def _known(self, name: str) -> Formula:
        """Return that a finding is given, or implied by a finding that it governs."""
        governed = [
            finding
            for finding in self.knowledge.findings.values()
            if finding.only_if is not None and (finding.only_if.finding, finding.only_if.value) == (name, "yes")
        ]
        return z3.Or(self.given[name], *map(self._counts, governed)) if governed else self.given[name]

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
        outcome = self.dose_compares(test, 1)
        known = self.known[test.weight]
        return Sides(z3.And(known, outcome), z3.And(known, z3.Not(outcome)))

    def dose_compares(self, test: DoseTest, days: int) -> Formula:
        """Return that a day's part of a dose compares as a test says, rounded where it does not come out even."""
        grams, limit = self.value[test.weight] * _scaled(test.per_kg), _scaled(test.grams)
        exact = _comparison(test.operator, grams, limit * MILLIONTHS * days)
        uneven = _without(days, 2, 5)
        if uneven == 1:
            return exact
        half = 1 if test.operator in (">", "<=") else -1  # a figure that is not even never lies on the half itself
        rounded = _comparison(test.operator, grams * 2, (limit * 2 + half) * MILLIONTHS * days)
        return z3.If(grams % uneven == 0, exact, rounded)

    def whole(self) -> list[Formula]:
        """Return that every number that is given is a whole one."""
        numbers = (name for name, finding in self.knowledge.findings.items() if finding.is_number)
        return [z3.Implies(self.given[name], self.value[name] % MILLIONTHS == 0) for name in numbers]

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
            return self.equals(finding, "" if test.value is None else test.value)  # a zero is a value
        return _comparison(test.operator, self.value[finding.name], _scaled(Decimal(test.value or 0)))

    def equals(self, finding: Finding, value: Value) -> Formula:
        """Return that a finding has a value."""
        if isinstance(value, Decimal):
            return self.value[finding.name] == _scaled(value)
        return self.value[finding.name] == self.codes[finding.name].index(value)

    # Answers. ------------------------------------------------------------------------------

    def words(self, model: Any) -> dict[str, str]:
        """Return the patient of a model as words: what is given."""
        return {
            name: self._word(finding, model.eval(self.value[name], model_completion=True).as_long())
            for name, finding in self.knowledge.findings.items()
            if z3.is_true(model.eval(self.given[name], model_completion=True))
        }

    def _word(self, finding: Finding, value: int) -> str:
        if not finding.is_number:
            return self.codes[finding.name][value]
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


def _one_of_each(codes: Iterable[str], finding: Finding) -> tuple[str, ...]:
    """Return the words of a finding by their code: those that have one keep it, under another base too."""
    return tuple(dict.fromkeys([*codes, *choices(finding)]))


def both(*formulas: Formula) -> Formula:
    """Return that all of the formulas hold."""
    return z3.And(*formulas) if formulas else z3.BoolVal(True)


def either(*formulas: Formula) -> Formula:
    """Return that any of the formulas holds."""
    return z3.Or(*formulas) if formulas else z3.BoolVal(False)


def negated(formula: Formula) -> Formula:
    """Return that a formula does not hold."""
    return z3.Not(formula)


def differ(one: Formula, other: Formula) -> Formula:
    """Return that one of two formulas holds and the other does not; plainly false where they are the same formula."""
    return z3.BoolVal(False) if one.eq(other) else one != other


def different(one: Sides[Formula], other: Sides[Formula]) -> Formula:
    """Return that two conditions do not come out alike; plainly false where they are the same formulas."""
    return either(differ(one.yes, other.yes), differ(one.no, other.no))


def fewest(solver: Solver, formula: Formula, patients: Sequence[Symbols]) -> Any | None:
    """Return a model of a formula in which as few findings are given as can be, or None.

    Of such patients, one whose numbers are whole is preferred: it reads more easily.
    """
    if z3.is_false(z3.simplify(formula)) or solver.model(formula) is None:
        return None
    counted = list({given.get_id(): given for one in patients for given in one.given.values()}.values())
    whole = [formula for one in patients for formula in one.whole()]
    most = 0
    while (model := solver.model(formula, z3.AtMost(*counted, most))) is None:
        most += 1
    return solver.model(formula, z3.AtMost(*counted, most), *whole) or model


def _comparison(operator: str, left: Formula, right: Formula) -> Formula:
    return {">=": left >= right, ">": left > right, "<=": left <= right, "<": left < right}[operator]


def _without(number: int, *factors: int) -> int:
    """Return a number divided by each factor as often as that goes."""
    for factor in factors:
        while number % factor == 0:
            number //= factor
    return number


def _scaled(number: Decimal) -> int:
    return int(number * MILLIONTHS)
