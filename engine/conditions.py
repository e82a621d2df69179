"""The evaluator: what a condition is worth for a patient, the findings that decided, those missing.

It is plain Kleene logic on the condition trees, independent of the inference engine. The two are
held against each other by a property test. Tests on findings are judged here once, for both.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from msgspec import Struct

from engine import dosing
from engine.findings import Findings, compare
from engine.model import AnyDose, Condition, DoseTest, Gate, Knowledge, Named, Not, Test
from engine.truth import Truth, at_least, from_bool

NOTHING: frozenset[str] = frozenset()


class Judgement(Struct, frozen=True):
    """A truth, the findings that decided it, and, while it is unknown, those that still could."""

    truth: Truth
    because: frozenset[str] = NOTHING
    missing: frozenset[str] = NOTHING


class Judge:
    """Judges conditions of one knowledge base for one patient; each rule and test only once.

    Whether a finding ``still_to_ask`` *is unknown* is itself unknown: the answer can be a value.
    """

    def __init__(self, knowledge: Knowledge, findings: Findings, still_to_ask: Collection[str] = ()) -> None:
        self.knowledge = knowledge
        self.findings = findings
        self.still_to_ask = still_to_ask
        self._rules: dict[str, Judgement] = {}
        self._tests: dict[Test | DoseTest, Judgement] = {}

    def under(self, knowledge: Knowledge, anew: Collection[str]) -> Judge:
        """Return a judge of the same patient by other knowledge, of which only these rules have to be judged anew.

        What governs the findings has to be the same.
        """
        judge = Judge(knowledge, self.findings, self.still_to_ask)
        judge._rules = {name: judged for name, judged in self._rules.items() if name not in anew}
        judge._tests = self._tests
        return judge

    def rule(self, name: str) -> Judgement:
        """Judge the concept, statement or conflict of that id."""
        if name not in self._rules:
            self._rules[name] = self.judge(self.knowledge.rules[name])
        return self._rules[name]

    def judge(self, condition: Condition) -> Judgement:
        """Judge a condition."""
        match condition:
            case Test() | DoseTest():
                return self.test(condition)
            case Named(name):
                return self.rule(name)
            case Not(of):
                judged = self.judge(of)
                return Judgement(~judged.truth, judged.because, judged.missing)
            case AnyDose():
                return self.judge(self.expanded(condition))
        return self._gate(condition)

    def expanded(self, test: AnyDose) -> Condition:
        """Return a test on any dose as a plain condition."""
        return dosing.expand(test, self.knowledge)

    def _gate(self, gate: Gate) -> Judgement:
        judged = [self.judge(part) for part in gate.of]
        truth = at_least(gate.needed, [part.truth for part in judged])
        of_that_truth = [part for part in judged if part.truth is truth]
        if truth is Truth.UNKNOWN:
            return Judgement(truth, missing=_union([part.missing for part in of_that_truth]))
        return Judgement(truth, because=_union([part.because for part in of_that_truth]))

    def test(self, test: Test | DoseTest) -> Judgement:
        """Judge a test on one finding."""
        if test not in self._tests:
            self._tests[test] = self._dose(test) if isinstance(test, DoseTest) else self._test(test)
        return self._tests[test]

    def _test(self, test: Test) -> Judgement:
        governor = self.knowledge.findings[test.finding].only_if
        governed = self.test(governor) if governor is not None else Judgement(Truth.YES)
        if governed.truth is Truth.NO:
            return governed
        value = self.findings.values.get(test.finding)
        because = frozenset({test.finding})
        if test.operator in ("is unknown", "is known"):
            if test.finding in self.still_to_ask:
                return governed if governed.truth is Truth.UNKNOWN else self._missing(test.finding)
            return Judgement(from_bool((value is None) == (test.operator == "is unknown")), because)
        outcome = Truth.UNKNOWN if value is None else from_bool(compare(test, value))
        if governed.truth is Truth.UNKNOWN and (value is None or (value == "no" and outcome is Truth.YES)):
            return governed  # a given no may turn out to be not applicable, and then it is not a no
        return self._missing(test.finding) if value is None else Judgement(outcome, because)

    def _dose(self, test: DoseTest) -> Judgement:
        weight = self.findings.values.get(test.weight)
        if not isinstance(weight, Decimal):
            return self._missing(test.weight)
        return Judgement(from_bool(dosing.passes(test, weight)), frozenset({test.weight}))

    def _missing(self, finding: str) -> Judgement:
        obtainable = self.findings.obtainable.get(finding, NOTHING)
        return Judgement(Truth.UNKNOWN, missing=obtainable | {finding})


def _union(sets: list[frozenset[str]]) -> frozenset[str]:
    """Return the union: the largest set itself where it holds all others, as a rule on a whole chapter often finds."""
    largest = max(sets, key=len, default=NOTHING)
    return largest if all(map(largest.issuperset, sets)) else largest.union(*sets)
