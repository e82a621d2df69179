"""Rules to productions: each rule becomes one that concludes it holds and one that it is ruled out.

A condition "at least n of k" holds once n parts hold, and is ruled out once k − n + 1 parts are
ruled out. *All* and *any* are its two ends, and negation swaps the two sides. A condition inside
a condition becomes a proposition of its own, so nothing is multiplied out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from engine import dosing
from engine.language import phrase
from engine.model import AnyDose, Condition, DoseTest, Gate, Knowledge, Named, Not, Test, natural
from engine.rete import NO, YES, Network, Premise, Production

NOTHING = "nothing"
"""What a disjunction without parts is about; every run is told that it does not hold."""


class RuleBase(Struct, frozen=True):
    """A compiled knowledge base.

    ``tests`` has every test on a finding, by the text that facts about it carry.
    """

    knowledge: Knowledge
    tests: Mapping[str, Test | DoseTest]
    network: Network


class _Input(Struct, frozen=True):
    """What a gate reads: a proposition, or its negation."""

    about: str
    negated: bool = False

    def premise(self, holds: bool) -> Premise:
        return Premise(self.about, YES if holds is not self.negated else NO)


class _Wired(Struct, frozen=True):
    """A proposition and the inputs that decide it."""

    about: str
    needed: int
    inputs: tuple[_Input, ...]


def compile_rules(knowledge: Knowledge) -> RuleBase:
    """Return the rule base of a knowledge base."""
    compiler = _Compiler(knowledge)
    for name, condition in knowledge.rules.items():
        compiler.wire(name, condition)
    return RuleBase(knowledge, compiler.tests, Network(compiler.productions()))


class _Compiler:
    """The propositions of one knowledge base, as they are wired."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.units = knowledge.units
        self.tests: dict[str, Test | DoseTest] = {}
        self.wired: dict[str, _Wired] = {}
        self.inner: dict[Gate, str] = {}

    def wire(self, about: str, condition: Condition) -> None:
        gate = condition if isinstance(condition, Gate) else Gate(1, (condition,))
        inputs = [self.input(about, part) for part in _flattened(gate)]
        kind = _kind(gate)
        if kind is not None:  # two parts can come to the same thing; only a count needs both
            inputs = list(dict.fromkeys(inputs))
        self.wired[about] = _Wired(about, len(inputs) if kind == "all" else gate.needed, tuple(inputs))

    def input(self, owner: str, condition: Condition) -> _Input:
        match condition:
            case Test() | DoseTest():
                about = phrase(condition, self.units)
                self.tests[about] = condition
                return _Input(about)
            case Named(name):
                return _Input(name)
            case Not(of):
                inner = self.input(owner, of)
                return _Input(inner.about, not inner.negated)
            case AnyDose():
                return self.input(owner, dosing.expand(condition, self.knowledge))
            case Gate(of=()):
                return _Input(NOTHING)
            case Gate(of=(only,)):
                return self.input(owner, only)
        return _Input(self.inner_gate(owner, condition))

    def inner_gate(self, owner: str, gate: Gate) -> str:
        if gate not in self.inner:
            self.inner[gate] = f"{owner}/{len(self.inner) + 1}"
            self.wire(self.inner[gate], gate)
        return self.inner[gate]

    def productions(self) -> list[Production]:
        """Return both sides of every proposition, in firing order: by stratum, then by name."""
        strata = _strata(self.wired)
        order = {about: index for index, about in enumerate(natural(self.wired))}
        both = (
            Production(wired.about, truth, needed, premises, strata[wired.about])
            for wired in self.wired.values()
            for truth, needed, premises in _sides(wired)
        )
        return sorted(both, key=lambda side: (side.stratum, order[side.about], side.truth))


def _flattened(gate: Gate) -> Iterator[Condition]:
    for part in gate.of:
        if isinstance(part, Gate) and len(part.of) > 1 and _kind(part) is not None and _kind(part) == _kind(gate):
            yield from _flattened(part)
        else:
            yield part


def _kind(gate: Gate) -> str | None:
    if len(gate.of) == 1 or gate.needed == len(gate.of):
        return "all"
    return "any" if gate.needed == 1 else None


def _sides(wired: _Wired) -> Iterator[tuple[str, int, tuple[Premise, ...]]]:
    yield YES, wired.needed, tuple(i.premise(True) for i in wired.inputs)
    yield NO, len(wired.inputs) - wired.needed + 1, tuple(i.premise(False) for i in wired.inputs)


def _strata(wired: Mapping[str, _Wired]) -> dict[str, int]:
    """Return the stratum of each proposition: tests are 0, a rule is 1 above the highest it reads."""
    strata: dict[str, int] = {}

    def stratum(about: str) -> int:
        if about not in wired:
            return 0
        if about not in strata:
            strata[about] = 1 + max((stratum(i.about) for i in wired[about].inputs), default=0)
        return strata[about]

    for about in wired:
        stratum(about)
    return strata
