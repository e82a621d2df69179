"""The two sides of a condition, that it holds and that it is ruled out, in any kind of truth.

Where neither side is true, the condition is unknown. To the solver a truth is a formula about any
patient; among some patients it is the set of those of whom it is true. What can be asked of the one
can be asked of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from engine import dosing
from engine.model import AnyDose, Condition, DoseTest, Gate, Knowledge, Named, Not, Test

T = TypeVar("T")


class Sides(Struct, Generic[T], frozen=True):
    """What a condition is worth: the truth that it holds, and the truth that it is ruled out."""

    yes: T
    no: T


class Encoding(Generic[T]):
    """The conditions of a knowledge base as truths of one kind; each rule and test only once.

    Those who derive from it say what a test on a finding is worth, and how truths are combined.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.rules: dict[str, Sides[T]] = {}
        self.tests: dict[Test | DoseTest, Sides[T]] = {}

    # What each kind of truth has of its own. -----------------------------------------------

    def judged(self, test: Test | DoseTest) -> Sides[T]:
        """Return the two sides of a test on a finding."""
        raise NotImplementedError

    def at_least(self, needed: int, truths: Sequence[T]) -> T:
        """Return that at least so many of the truths hold."""
        raise NotImplementedError

    def negated(self, truth: T) -> T:
        """Return that a truth does not hold."""
        raise NotImplementedError

    # What is the same for all. -------------------------------------------------------------

    def both(self, *truths: T) -> T:
        """Return that all of the truths hold."""
        return self.at_least(len(truths), truths)

    def either(self, *truths: T) -> T:
        """Return that any of the truths holds."""
        return self.at_least(1, truths)

    def unknown(self, sides: Sides[T]) -> T:
        """Return that a condition is neither true nor ruled out."""
        return self.negated(self.either(sides.yes, sides.no))

    def different(self, one: Sides[T], other: Sides[T]) -> T:
        """Return that two conditions do not come out alike."""
        return self.either(
            *(self.both(a, self.negated(b)) for a, b in ((one.yes, other.yes), (other.yes, one.yes))),
            *(self.both(a, self.negated(b)) for a, b in ((one.no, other.no), (other.no, one.no))),
        )

    def rule(self, name: str) -> Sides[T]:
        """Return the two sides of a concept, statement or conflict."""
        if name not in self.rules:
            self.rules[name] = self.sides(self.knowledge.rules[name])
        return self.rules[name]

    def test(self, test: Test | DoseTest) -> Sides[T]:
        """Return the two sides of a test."""
        if test not in self.tests:
            self.tests[test] = self.judged(test)
        return self.tests[test]

    def sides(self, condition: Condition) -> Sides[T]:
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

    def _gate(self, gate: Gate) -> Sides[T]:
        parts = [self.sides(part) for part in gate.of]
        ruled_out = len(parts) - gate.needed + 1
        return Sides(
            self.at_least(gate.needed, [part.yes for part in parts]),
            self.at_least(ruled_out, [part.no for part in parts]),
        )
