"""The map of silence: the regions of findings in which no statement of use applies or could.

There are two at most: everybody out of the guideline's scope, and whoever meets none of its uses. A region
is told by what is so of everybody in it and of nobody else: of some alternatives, at least one each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import combinations
from math import prod

from msgspec import Struct

from engine import dosing
from engine.conditions import Judge
from engine.language import phrase
from engine.model import AnyDose, Condition, Gate, Knowledge, Named, Not, natural
from engine.proofs.inquiry import Inquiry, Question
from engine.proofs.pairs import USES
from engine.solver import Patient
from engine.truth import Truth

MOST_ALTERNATIVES = 500
"""How many rows of alternatives a condition may come to; one with more is told as it is written."""

Alternatives = tuple[Condition, ...]
"""Conditions of which at least one holds."""

Rows = tuple[Alternatives, ...]
"""Alternatives of each of which one holds; no rows are always true, and an empty row never is."""


class Silence(Struct, frozen=True):
    """A region in which every statement of use is ruled out, and a patient in it.

    Of each row of ``conditions`` at least one holds; ``tests`` has them as an author writes them.
    """

    conditions: Rows
    tests: tuple[tuple[str, ...], ...]
    patient: Patient


def silence(inquiry: Inquiry, told: Callable[[int, int], None]) -> Iterator[Silence]:
    """Yield the regions in which every statement of use is ruled out; together they are all of it."""
    knowledge = inquiry.knowledge
    uses = natural(knowledge.statements_of(*USES))
    if not uses:
        return
    out_of_scope = _Rows(knowledge, None).of(knowledge.guideline.requires, holds=False)
    in_scope = _Rows(knowledge, knowledge.guideline.requires)
    no_use = _absorbed(row for name in uses for row in in_scope.of(Named(name), holds=False))
    for rows in (out_of_scope, no_use):
        region = _needed(inquiry, rows, told)
        patient = inquiry.patient(_holds(region), lambda judge: is_in(region, judge))  # noqa: B023
        if patient is not None:
            tests = tuple(tuple(phrase(test, knowledge.units) for test in row) for row in region)
            yield Silence(region, tests, patient)


def is_in(region: Rows, judge: Judge) -> bool:
    """Say whether a patient is in a region."""
    return all(any(judge.judge(test).truth is Truth.YES for test in row) for row in region)


def _holds(region: Sequence[Alternatives]) -> Question:
    return lambda of: of.both(*(of.either(*(of.sides(test).yes for test in row)) for row in region))


# What is needed to tell a region. ----------------------------------------------------------


def _needed(inquiry: Inquiry, rows: Rows, told: Callable[[int, int], None]) -> Rows:
    """Return rows without those, and without those alternatives, that the others do without."""
    kept = list(rows)
    for done, row in enumerate(rows):
        told(done, len(rows))
        others = [other for other in kept if other is not row]
        shorter = _distinct(inquiry, row, others)
        if inquiry.someone(_but_not(others, shorter)) is None:
            kept = others
        else:
            kept[kept.index(row)] = shorter
    return tuple(kept)


def _distinct(inquiry: Inquiry, row: Alternatives, rest: Sequence[Alternatives]) -> Alternatives:
    """Return alternatives without those that hold only where another does, or never."""
    kept = list(row)
    for one in row if len(row) > 1 else ():
        others = tuple(other for other in kept if other != one)
        if inquiry.someone(_but_not([*rest, (one,)], others)) is None:
            kept = list(others)
    return tuple(kept)


def _but_not(rows: Sequence[Alternatives], row: Alternatives) -> Question:
    return lambda of: of.both(_holds(rows)(of), of.negated(_holds([row])(of)))


# Conditions as rows of alternatives. -------------------------------------------------------


class _Rows:
    """Turns conditions into rows of alternatives; that the ``scope`` is ruled out, another region tells."""

    def __init__(self, knowledge: Knowledge, scope: Condition | None) -> None:
        self.knowledge = knowledge
        self.scope = scope
        self.rules: dict[tuple[str, bool], Rows] = {}

    def of(self, condition: Condition, holds: bool) -> Rows:
        """Return the rows that say that a condition holds, or that it is ruled out."""
        if condition == self.scope and not holds:
            return ((),)
        match condition:
            case Named(name):
                if (name, holds) not in self.rules:
                    self.rules[name, holds] = self.of(self.knowledge.rules[name], holds)
                return self.rules[name, holds]
            case Not(of):
                return self.of(of, not holds)
            case AnyDose():
                return self.of(dosing.expand(condition, self.knowledge), holds)
            case Gate():
                return self._gate(condition, holds)
        return ((condition if holds else Not(condition),),)

    def _gate(self, gate: Gate, holds: bool) -> Rows:
        """Return rows for a gate: of n parts at least m hold where of any n - m + 1 of them one does."""
        needed = gate.needed if holds else len(gate.of) - gate.needed + 1
        parts = [self.of(part, holds) for part in gate.of]
        choices = list(combinations(parts, len(parts) - needed + 1))
        if sum(prod(map(len, choice)) for choice in choices) > MOST_ALTERNATIVES * len(choices):
            return ((gate if holds else Not(gate),),)
        return _absorbed(row for choice in choices for row in reduce(_one_or_other, choice))


def _one_or_other(one: Rows, other: Rows) -> Rows:
    return _absorbed(tuple(dict.fromkeys((*a, *b))) for a in one for b in other)


def _absorbed(rows: Iterator[Alternatives]) -> Rows:
    """Return rows without those that another one implies: one that has some of the same alternatives only."""
    kept: list[Alternatives] = []
    sets: list[frozenset[Condition]] = []
    for row in sorted(dict.fromkeys(rows), key=len):
        alternatives = frozenset(row)
        if not any(smaller <= alternatives for smaller in sets):
            kept.append(row)
            sets.append(alternatives)
    return tuple(kept)
