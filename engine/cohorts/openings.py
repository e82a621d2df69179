"""The open findings as SQL: those that are unknown and could still decide a verdict, or complete a dose.

A finding is open where a statement or conflict is undetermined, and so is everything on the way from it down
to a test that waits for the finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from engine import dosing
from engine.cohorts.truths import Sql, Truths, column, every, some, unknown
from engine.model import WEIGHTS_BY_BASIS, AnyDose, Condition, DoseTest, Gate, Knowledge, Named, Not, Test, parts

Path = tuple[Sql, ...]
"""What has to be so for a part of a rule to wait for a finding; paths share parts, which are copied at the end."""

Waiting = Mapping[str, Sequence[tuple[str, Sql]]]
"""For each finding that a local parameter can derive, which others it waits for, and when."""


class Openings:
    """The findings that each undetermined rule waits for."""

    def __init__(self, knowledge: Knowledge, waiting: Waiting) -> None:
        self.knowledge = knowledge
        self.waiting = waiting
        self.truths = Truths(knowledge)
        self.found: dict[str, list[Path]] = {name: [] for name in knowledge.findings}
        self.reached: dict[str, list[Path]] = {name: [] for name in knowledge.concepts}

    def columns(self) -> dict[str, Sql]:
        """Return for each finding that can be open whether it is."""
        for name in (*self.knowledge.statements, *self.knowledge.conflicts):
            if name in self.knowledge.rules:
                self.follow(self.knowledge.rules[name], (unknown(column(name)),))
        for name in self.concepts_from_above():
            paths = self.reached[name]
            if paths:
                inner = every(unknown(column(name)), exp.paren(_any_of(paths), copy=False))
                self.follow(self.knowledge.concepts[name].when, (inner,))
        self.complete()
        return {name: _any_of(paths) for name, paths in self.found.items() if paths}

    def concepts_from_above(self) -> list[str]:
        """Return the concepts, each after all that rest on it."""
        ordered: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in ordered:
                return
            for part in parts(self.knowledge.concepts[name].when):
                if isinstance(part, Named) and part.name in self.knowledge.concepts:
                    visit(part.name)
            ordered.setdefault(name)

        for name in self.knowledge.concepts:
            visit(name)
        return list(reversed(ordered))

    def follow(self, condition: Condition, path: Path) -> None:
        """Note what a condition waits for, while everything on the path is so."""
        match condition:
            case Test():
                self.wait(condition, path)
            case DoseTest():
                self.lack(condition.weight, (*path, unknown(column(condition.weight))))
            case Named(name):
                if name in self.reached:
                    self.reached[name].append(path)
            case Not(inner):
                self.follow(inner, path)
            case AnyDose():
                self.follow(dosing.expand(condition, self.knowledge), path)
            case Gate():
                for part in condition.of:
                    if isinstance(part, Gate):
                        self.follow(part, (*path, unknown(self.truths.of(part))))
                    else:
                        self.follow(part, path)

    def wait(self, test: Test, path: Path) -> None:
        """Note what a test waits for: its governor, while that is unknown, or its finding."""
        if test.operator in ("is unknown", "is known"):
            return
        governor = self.knowledge.findings[test.finding].only_if
        undecided = unknown(self.truths.test(test))
        if governor is None:
            self.lack(test.finding, (*path, undecided))
            return
        governed = self.truths.test(governor)
        self.wait(governor, (*path, undecided))
        self.lack(test.finding, (*path, undecided, governed.is_(True)))

    def lack(self, finding: str, path: Path) -> None:
        """Note that a finding is lacking, and what a local parameter could derive it from."""
        self.found[finding].append(path)
        for other, when in self.waiting.get(finding, ()):
            self.found[other].append((*path, when))

    def complete(self) -> None:
        """Note what a statement that applies still lacks: a weight, or whether it is fulfilled."""
        for name, statement in self.knowledge.statements.items():
            if statement.fulfilled is not None:
                asked = (column(name).is_(True), unknown(self.truths.of(statement.fulfilled)))
                self.follow(statement.fulfilled, asked)
            if statement.regimen is not None:
                weights = WEIGHTS_BY_BASIS[statement.regimen.weight]
                for weight in weights:
                    self.lack(weight, (column(name).is_(True), *(unknown(column(one)) for one in weights)))


def _any_of(paths: Sequence[Path]) -> Sql:
    """Return that on any of the paths all is so, with nothing said twice."""
    ways = [every(*dict.fromkeys(part.copy() for part in path)) for path in paths]
    return some(*dict.fromkeys(ways))
