"""How a consultation grows with the knowledge: synthetic bases of 70 to 3,000 statements of the same shape.

    python -m benchmarks.growth

Patients are random: each finding is known with a probability of 0.7. A consultation is taken with its trace,
by rules that the patient before has had made; making the rule base, reading a patient's words and
taking stored knowledge out are timed apart. Sizes take turns, so that a busy moment of the machine
falls on all of them. Python's collector waits meanwhile (as always with ``timeit``): it would go through the
bases of all sizes.
"""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from random import Random

from benchmarks.synthetic import synthetic
from engine.cache import packed, unpacked
from engine.compiler import compile_rules
from engine.consultation import consult
from engine.findings import Given, governs, interpret, read_value
from engine.language import accepted, choices
from engine.model import Finding, Knowledge, Value
from engine.truth import Truth

SIZES = (70, 300, 1000, 3000)
KNOWN = 0.7
ROUNDS = 25


class Base:
    """One synthetic base, compiled, and its patients; how long each kind of work has taken on it, in turn."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.knowledge = synthetic(size)
        self.rules = compile_rules(self.knowledge)
        self.chance = Random(size)
        self.seconds: dict[str, list[float]] = {}
        self.conclusions: list[int] = []

    def work_once(self) -> None:
        """Time every kind of work once, on a patient of its own."""
        words = patient(self.knowledge, self.chance)
        findings = interpret(self.knowledge, words)
        consultation = consult(self.rules, findings)
        self.conclusions.append(len(consultation.trace))
        self.time("consultation", lambda: consult(self.rules, findings))
        self.time("compiling", lambda: compile_rules(self.knowledge))
        self.time("reading a patient", lambda: interpret(self.knowledge, words))
        stored = packed(self.knowledge)
        self.time("loading", lambda: unpacked(stored))

    def time(self, what: str, work: Callable[[], object]) -> None:
        """Do some work and note how long it takes."""
        self.seconds.setdefault(what, []).append(timeit.timeit(work, number=1))

    def microseconds(self, what: str) -> float:
        """Return the median of one kind of work, per statement."""
        return statistics.median(self.seconds[what]) / self.size * 1e6


def patient(knowledge: Knowledge, chance: Random) -> dict[str, Given]:
    """Return the words for a random patient within the scope; nothing is said against what governs it."""
    words = {"diagnosis": Given("covered")}
    values: dict[str, Value] = {}
    for finding in knowledge.findings.values():
        if finding.name in words or chance.random() > KNOWN or governs(finding, values) is not Truth.YES:
            continue
        words[finding.name] = Given(_word(finding, chance))
        values[finding.name] = read_value(finding, words[finding.name].text, choices(finding), accepted(finding))
    return words


def _word(finding: Finding, chance: Random) -> str:
    if finding.low is None or finding.high is None:
        return chance.choice(choices(finding))
    return f"{chance.randint(int(finding.low), int(finding.high))} {finding.unit}".rstrip()


def main() -> None:
    """Time all sizes in turn and print a table: microseconds a statement, and how often those of the smallest."""
    bases = [Base(size) for size in SIZES]
    for base in bases:
        base.work_once()
        base.seconds.clear()
    for _ in range(ROUNDS):
        for base in bases:
            base.work_once()
    kinds = list(bases[0].seconds)
    print(f"{'statements':>10}  {'conclusions':>11}" + "".join(f"  {kind:>24}" for kind in kinds))
    for base in bases:
        drawn = statistics.mean(base.conclusions)
        cells = (f"{base.microseconds(kind):10.1f} µs ({_times(base, bases[0], kind):4.2f} ×)" for kind in kinds)
        print(f"{base.size:>10,}  {drawn:>11,.0f}" + "".join(f"  {cell:>24}" for cell in cells))
    print("\nµs: a statement, median; ×: against the smallest")


def _times(one: Base, other: Base, kind: str) -> float:
    return one.microseconds(kind) / other.microseconds(kind)


if __name__ == "__main__":
    main()
