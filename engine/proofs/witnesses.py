"""Patients who show that something is so, judged by the evaluator before they are believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from engine.conditions import Judge
from engine.errors import EngineError, Fault
from engine.findings import Findings, Given, interpret
from engine.model import Knowledge
from engine.solver import Patient
from engine.truth import Truth

Claim = Callable[[Judge], bool]
"""What is said of a patient, as the evaluator judges it."""


def findings_of(knowledge: Knowledge, patient: Patient) -> Findings:
    """Return the findings of a patient given as words."""
    return interpret(knowledge, {name: Given(word) for name, word in patient.items()})


def comes_out(rules: Iterable[str], truth: Truth) -> Claim:
    """Return the claim that rules come out in one way."""
    names = tuple(rules)
    return lambda judge: all(judge.rule(name).truth is truth for name in names)


def smallest(knowledge: Knowledge, patient: Patient, holds: Claim, keep: Iterable[str] = ()) -> Patient:
    """Return a patient without every finding that a claim does without.

    Raises:
        EngineError: when the evaluator does not find the claim true, as the solver does.

    """
    if not _is_true(knowledge, patient, holds):
        raise differing(patient)
    kept, kept_anyway = dict(patient), set(keep)
    for size in _halves(len(kept)):
        names = [name for name in reversed(kept) if name not in kept_anyway]
        for start in range(0, len(names), size):
            gone = set(names[start : start + size])
            fewer = {name: word for name, word in kept.items() if name not in gone}
            if _is_true(knowledge, fewer, holds):
                kept = fewer
    return kept


def differing(patient: Patient) -> EngineError:
    """Say that solver and evaluator do not judge a patient alike."""
    return EngineError([Fault(f"the solver and the evaluator differ on {patient}", "Please report this.")])


def _halves(count: int) -> Iterator[int]:
    """Yield half of a number, half of that, and so on to 1: how many findings are left out at a time."""
    while count > 1:
        count //= 2
        yield count
    if count == 1:
        yield 1


def _is_true(knowledge: Knowledge, patient: Patient, holds: Claim) -> bool:
    return holds(Judge(knowledge, findings_of(knowledge, patient)))
