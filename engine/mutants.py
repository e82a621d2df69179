"""Small changes to a knowledge base, one at a time: each has to make some worked case fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.language import choices, phrase, plain
from engine.model import (
    WEIGHTS_BY_BASIS,
    AnyDose,
    Condition,
    Gate,
    Knowledge,
    Named,
    Not,
    Regimen,
    Spread,
    Statement,
    Test,
    in_order,
    natural,
)

TURNED = {">": (">=", "<"), ">=": (">", "<="), "<": ("<=", ">"), "<=": ("<", ">=")}
"""What a comparison is changed into: the nearest other one, and the opposite."""

TENTH = Decimal("0.1")


class Mutant(Struct, frozen=True):
    """A knowledge base with one change, the entry it is in, and the change in words."""

    entry: str
    change: str
    knowledge: Knowledge
    on: str = "rule"
    """What was changed: a rule, a governor, a fulfilment, a reference, a dose or a status."""


class Killer(Struct, frozen=True):
    """A case that would notice a change: a patient, and what to expect of the answer."""

    patient: Mapping[str, str]
    expect: Mapping[str, Any]


def mutants(knowledge: Knowledge) -> Iterator[Mutant]:
    """Yield every mutant of a knowledge base."""
    for group in ("concepts", "statements", "conflicts"):
        entries = getattr(knowledge, group)
        for name in natural(entries):
            for what, on, entry in _of_entry(knowledge, entries[name]):
                yield Mutant(name, what, replace(knowledge, **{group: {**entries, name: entry}}), on)
    for name, finding in knowledge.findings.items():
        for change, governor in _of_test(knowledge, finding.only_if) if finding.only_if is not None else ():
            findings = {**knowledge.findings, name: replace(finding, only_if=governor)}
            yield Mutant(name, change, replace(knowledge, findings=findings), "governor")


def _of_entry(knowledge: Knowledge, entry: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the change, what it is on, and the changed entry."""
    if entry.when is not None:
        for change, condition in of_condition(knowledge, entry.when):
            yield change, "rule", replace(entry, when=condition)
    if isinstance(entry, Statement):
        yield from _of_statement(knowledge, entry)
    elif hasattr(entry, "decides_status"):
        yield "decides status turned round", "status", replace(entry, decides_status=not entry.decides_status)


def _of_statement(knowledge: Knowledge, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    for number in statement.references:
        other = next(n for n in (*knowledge.references, 0) if n not in statement.references)
        changed = tuple(in_order((set(statement.references) - {number}) | {other}))
        yield f"reference {number} → {other}", "reference", replace(statement, references=changed)
    if statement.fulfilled is not None:
        for change, condition in of_condition(knowledge, statement.fulfilled):
            yield f"fulfilled: {change}", "fulfilment", replace(statement, fulfilled=condition)
    if statement.regimen is not None:
        for change, regimen in _of_regimen(statement.regimen):
            yield change, "dose", replace(statement, regimen=regimen)
    if statement.spread is not None:
        for change, spread in _of_spread(statement.spread):
            yield change, "dose", replace(statement, spread=spread)


def _of_regimen(regimen: Regimen) -> Iterator[tuple[str, Regimen]]:
    one = regimen.low == regimen.high
    for total in (regimen.high + 1, regimen.high - TENTH):
        low = total if one else regimen.low
        yield f"total {plain(regimen.high)} → {plain(total)} g/kg", replace(regimen, high=total, low=low)
    if not one:
        yield (
            f"lower end {plain(regimen.low)} → {plain(regimen.low + TENTH)} g/kg",
            replace(regimen, low=regimen.low + TENTH),
        )
    for days in (regimen.days + 1, regimen.days - 1):
        if days > 0:
            yield f"over {regimen.days} → {days} days", replace(regimen, days=days)
    for weight in WEIGHTS_BY_BASIS:
        if weight != regimen.weight:
            yield f"weight {regimen.weight} → {weight}", replace(regimen, weight=weight)


def _of_spread(spread: Spread) -> Iterator[tuple[str, Spread]]:
    yield (
        f"daily {plain(spread.daily)} → {plain(spread.daily + TENTH)} g/kg",
        replace(spread, daily=spread.daily + TENTH),
    )
    yield f"at least {spread.shortest} → {spread.longest + 1} days", replace(spread, shortest=spread.longest + 1)
    yield f"at most {spread.longest} → {spread.longest - 1} days", replace(spread, longest=spread.longest - 1)


# Conditions. -------------------------------------------------------------------------------


def of_condition(knowledge: Knowledge, condition: Condition) -> Iterator[tuple[str, Condition]]:
    """Yield each change to a condition, in words, with the changed condition."""
    match condition:
        case Test():
            yield from _of_test(knowledge, condition)
            yield f"{_said(knowledge, condition)} → not", Not(condition)
        case Named(name):
            yield f"{name} → not", Not(condition)
        case Not(of):
            yield f"{_said(knowledge, condition)} → without not", of
            for change, inner in of_condition(knowledge, of):
                if inner != Not(of):
                    yield change, Not(inner)
        case AnyDose():
            yield from _of_dose(condition)
        case Gate():
            yield from _of_gate(knowledge, condition)


def _of_test(knowledge: Knowledge, test: Test) -> Iterator[tuple[str, Test]]:
    said = _said(knowledge, test)
    if test.value is None:
        other = "is known" if test.operator == "is unknown" else "is unknown"
        yield f"{said} → {other}", replace(test, operator=other)
        return
    for operator in TURNED.get(test.operator, ()):
        changed = replace(test, operator=operator)
        yield f"{said} → {_said(knowledge, changed)}", changed
    finding = knowledge.findings[test.finding]
    values: list[Any] = [word for word in choices(finding) if word != test.value] if not finding.is_number else []
    if isinstance(test.value, Decimal):
        values = [test.value - 1, test.value + 1]
    for value in values:
        if finding.type != "yes/no":  # its other value is its negation
            changed = replace(test, value=value)
            yield f"{said} → {_said(knowledge, changed)}", changed


def _of_dose(test: AnyDose) -> Iterator[tuple[str, AnyDose]]:
    said = phrase(test, {})
    changed = [replace(test, operator=operator) for operator in TURNED[test.operator]]
    changed += [replace(test, grams=grams) for grams in (test.grams - 1, test.grams + 1)]
    if test.per_kg is not None:
        changed += [replace(test, per_kg=None), replace(test, per_kg=test.per_kg + 1)]
    for other in changed:
        yield f"{said} → {phrase(other, {})}", other


def _of_gate(knowledge: Knowledge, gate: Gate) -> Iterator[tuple[str, Condition]]:
    count = len(gate.of)
    for needed in sorted({1, count, gate.needed - 1, gate.needed + 1} & set(range(1, count + 1)) - {gate.needed}):
        yield f"{gate.needed} → {needed} of {count} tests needed", replace(gate, needed=needed)
    for index, part in enumerate(gate.of):
        rest = (*gate.of[:index], *gate.of[index + 1 :])
        if rest:
            needed = count - 1 if gate.needed == count else min(gate.needed, count - 1)
            yield f"{_said(knowledge, part)} left out", Gate(needed, rest)
        for change, inner in of_condition(knowledge, part):
            yield change, replace(gate, of=(*gate.of[:index], inner, *gate.of[index + 1 :]))


def _said(knowledge: Knowledge, condition: Condition) -> str:
    return phrase(condition, knowledge.units)
