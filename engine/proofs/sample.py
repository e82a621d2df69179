"""A sample of patients, among whom much is seen that the solver then need not be asked.

A truth is the set of those of whom it is true, as the bits of a whole number. The patients are drawn
by digests, so that they are the same in every process. What is true of one of them is true of some
patient; what is true of none of them proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import product

from engine.conditions import Judge
from engine.findings import Findings, compare
from engine.language import choices, plain
from engine.model import DoseTest, Finding, Knowledge, Test, Value
from engine.proofs.reading import Reading
from engine.proofs.witnesses import findings_of
from engine.sides import Encoding, Sides
from engine.solver import Patient
from engine.truth import Truth

TOLD = (0.125, 0.5, 1.0)
"""How much is known of a patient of the sample: these shares of all findings."""

AFFIRMED = (0.0, 0.03, 0.25, 0.9)
"""How much of what is known and can be denied is affirmed."""

EACH = 24
"""How many patients are drawn for each pair of shares."""


class Sample(Encoding[int]):
    """Some patients of a knowledge base; any that can be given may be added."""

    def __init__(self, knowledge: Knowledge, reading: Reading) -> None:
        super().__init__(knowledge)
        self.patients: list[Patient] = []
        self.findings: list[Findings] = []
        for patient in sorted(_drawn(knowledge, _telling_values(knowledge, reading)), key=len):
            self.add(patient)

    def add(self, patient: Patient) -> None:
        """Let one more patient belong to the sample."""
        bit = 1 << len(self.patients)
        self.patients.append(patient)
        self.findings.append(findings_of(self.knowledge, patient))
        self.rules.clear()
        judge = Judge(self.knowledge, self.findings[-1])
        for test, sides in self.tests.items():
            truth = judge.test(test).truth
            if truth is not Truth.UNKNOWN:
                yes, no = (bit, 0) if truth is Truth.YES else (0, bit)
                self.tests[test] = Sides(sides.yes | yes, sides.no | no)

    def judged(self, test: Test | DoseTest) -> Sides[int]:
        """Return of whom a test on a finding is true, and of whom it is ruled out."""
        truths = [Judge(self.knowledge, findings).test(test).truth for findings in self.findings]
        yes, no = (sum(1 << i for i, truth in enumerate(truths) if truth is side) for side in (Truth.YES, Truth.NO))
        return Sides(yes, no)

    def at_least(self, needed: int, truths: Sequence[int]) -> int:
        """Return of whom at least so many of the truths are true."""
        counted = [self.everyone] + [0] * needed  # of whom at least 0, 1, 2 … are true so far
        for truth in truths:
            for count in range(needed, 0, -1):
                counted[count] |= counted[count - 1] & truth
        return counted[needed]

    def both(self, *truths: int) -> int:
        """Return of whom all of the truths are true."""
        of = self.everyone
        for truth in truths:
            of &= truth
        return of

    def negated(self, truth: int) -> int:
        """Return of whom a truth is not true."""
        return self.everyone & ~truth

    @property
    def everyone(self) -> int:
        """The whole sample."""
        return (1 << len(self.patients)) - 1

    def first(self, truth: int) -> Patient | None:
        """Return the first patient of whom a truth is true; None where there is none."""
        return self.patients[(truth & -truth).bit_length() - 1] if truth else None


# How patients are drawn. -------------------------------------------------------------------


def _drawn(knowledge: Knowledge, values: dict[str, list[str]]) -> Iterator[Patient]:
    for told, affirmed, number in product(TOLD, AFFIRMED, range(EACH)):
        draws = {name: _shares(f"{told} {affirmed} {number} {name}") for name in knowledge.findings}
        drawn = {
            name: _word(values[name], affirmed, of_value)
            for name, (of_known, of_value) in draws.items()
            if of_known < told
        }
        yield _agreeing(knowledge, _in_scope(knowledge, drawn) if number % 8 else drawn)


def _shares(text: str) -> tuple[float, float]:
    """Return two numbers from 0 to 1 that differ from text to text, and in nothing else."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32, int.from_bytes(digest[4:8], "big") / 2**32


def _word(values: list[str], affirmed: float, share: float) -> str:
    if values == ["yes", "no"]:
        return "yes" if share < affirmed else "no"
    return values[int(share * len(values))]


def _in_scope(knowledge: Knowledge, patient: dict[str, str]) -> dict[str, str]:
    """Return a patient with the finding that the guideline requires of each, where it is a word."""
    scope = knowledge.guideline.requires
    if isinstance(scope, Test) and isinstance(scope.value, str) and scope.operator == "is":
        known = {**patient, scope.finding: scope.value}
        return {name: known[name] for name in knowledge.findings if name in known}
    return patient


def _agreeing(knowledge: Knowledge, patient: dict[str, str]) -> dict[str, str]:
    """Return a patient without the governed values that what governs them does not allow."""

    def allowed(name: str, word: str) -> bool:
        governor = knowledge.findings[name].only_if
        if governor is None or word == "no" or governor.finding not in patient:
            return True
        known = knowledge.findings[governor.finding]
        value: Value = Decimal(patient[governor.finding]) if known.is_number else patient[governor.finding]
        return compare(governor, value)

    return {name: word for name, word in patient.items() if allowed(name, word)}


def _telling_values(knowledge: Knowledge, reading: Reading) -> dict[str, list[str]]:
    """Return for each finding the values on which some test may turn."""
    numbers: dict[str, set[Decimal]] = {
        name: {finding.low or Decimal(0), finding.high or Decimal(0)}
        for name, finding in knowledge.findings.items()
        if finding.is_number
    }
    tests = [test for name in knowledge.rules for test in reading.tests(name)]
    tests += [finding.only_if for finding in knowledge.findings.values() if finding.only_if is not None]
    for test in dict.fromkeys(tests):
        if isinstance(test, DoseTest):
            numbers[test.weight] |= _around(Decimal(int(test.grams / test.per_kg)))
        elif isinstance(test.value, Decimal):
            numbers[test.finding] |= _around(test.value)
    return {name: _values(finding, numbers.get(name, set())) for name, finding in knowledge.findings.items()}


def _around(number: Decimal) -> set[Decimal]:
    return {number - 1, number, number + 1}


def _values(finding: Finding, numbers: set[Decimal]) -> list[str]:
    if not finding.is_number:
        return list(choices(finding))
    low, high = finding.low or Decimal(0), finding.high or Decimal(0)
    whole = finding.type == "whole number"
    return [plain(n) for n in sorted(numbers) if low <= n <= high and not (whole and n != n.to_integral_value())]
