"""A rule as a tree in words, what it rests on, and what rests on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.language import answer, compared, gate_name, phrase, plain
from engine.model import WEIGHTS_BY_BASIS, AnyDose, Condition, Gate, Knowledge, Named, Test, natural, parts


def rule_tree(condition: Condition, knowledge: Knowledge) -> dict[str, Any]:
    """Return a condition as a tree: ``of`` parts under a gate, else one test with its words.

    A test on a finding has its question (``asks``) and the ``answer`` wanted; one on a concept or statement
    what that ``says``, and the ``verdict`` wanted; ``about`` is the name in both.
    """
    if isinstance(condition, Gate) and len(condition.of) == 1:
        return rule_tree(condition.of[0], knowledge)
    if isinstance(condition, Gate):
        return {"gate": gate_name(condition), "of": [rule_tree(part, knowledge) for part in condition.of]}
    return {"test": phrase(condition, knowledge.units), **_in_words(condition, knowledge)}


def _in_words(condition: Condition, knowledge: Knowledge) -> dict[str, Any]:
    """Return what a test is about, and what it wants of that."""
    about = list(parts(condition))[-1]
    if isinstance(about, Test):
        asks = knowledge.findings[about.finding].asks
        return {"about": about.finding, "asks": asks, "answer": answer(condition, knowledge.units)}
    if isinstance(about, Named):
        holds, fails = ("holds", "does not hold") if about.name in knowledge.concepts else ("applies", "ruled out")
        says = (knowledge.concepts.get(about.name) or knowledge.statements[about.name]).says
        return {"about": about.name, "says": says, "verdict": holds if about is condition else fails}
    return {"asks": _asks_of_doses(condition), "answer": "yes"}


def _asks_of_doses(condition: Condition) -> str:
    """Put a test on doses as a question."""
    if not isinstance(condition, AnyDose):
        raise TypeError(condition)
    at = f" at {plain(condition.per_kg)} g/kg" if condition.per_kg is not None else ""
    return f"Does a regimen that applies give a dose{at} {compared(condition.operator)} {plain(condition.grams)} g?"


def rests_on(condition: Condition, knowledge: Knowledge) -> list[str]:
    """Return the findings, concepts and statements that a condition names."""
    found: dict[str, None] = {}
    for part in parts(condition):
        if isinstance(part, Test):
            found[part.finding] = None
        elif isinstance(part, Named):
            found[part.name] = None
        elif isinstance(part, AnyDose):
            found.update(dict.fromkeys(knowledge.regimens))
            found.update(dict.fromkeys(w for r in knowledge.regimens.values() for w in WEIGHTS_BY_BASIS[r.weight]))
    return list(found)


def needs(name: str, knowledge: Knowledge) -> list[str]:
    """Return what a rule rests on: what it names, and of a statement the weights of its dose and what fulfils it."""
    found = rests_on(knowledge.rules[name], knowledge)
    statement = knowledge.statements.get(name)
    if statement is None:
        return found
    weights = WEIGHTS_BY_BASIS[statement.regimen.weight] if statement.regimen is not None else ()
    fulfilled = rests_on(statement.fulfilled, knowledge) if statement.fulfilled is not None else ()
    return list(dict.fromkeys([*found, *weights, *fulfilled]))


def used_by(name: str, knowledge: Knowledge) -> list[str]:
    """Return the rules and findings that rest on a name directly."""
    rules = [rule for rule in knowledge.rules if name in needs(rule, knowledge)]
    governed = [f.name for f in knowledge.findings.values() if f.only_if is not None and f.only_if.finding == name]
    return [*natural(rules), *governed]


def resting_on(name: str, below: Mapping[str, Collection[str]]) -> set[str]:
    """Return a name and all that rest on it, at however many removes; ``below`` has what each rests on directly."""
    found = {name}
    while more := {other for other, under in below.items() if other not in found and not found.isdisjoint(under)}:
        found |= more
    return found
