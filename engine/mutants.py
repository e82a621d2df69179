"""Small changes to a knowledge base, one at a time: each has to make some worked case fail.

A number is changed by one where it is whole, else by one step finer than it is written: 80 g to 80.1 g.
What the loader itself refuses when it is changed alone (the `daily` figure of a regimen, which has to be its
total over its days) is not changed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.language import choices, gate_name, phrase, plain
from engine.model import (
    WEIGHTS_BY_BASIS,
    AnyDose,
    Condition,
    Conflict,
    Formula,
    Gate,
    Knowledge,
    Named,
    Not,
    Parameter,
    Regimen,
    Spread,
    Statement,
    Test,
    every,
    in_order,
    natural,
)

TURNED = {">": (">=", "<"), ">=": (">", "<="), "<": ("<=", ">"), "<=": ("<", ">=")}
"""What a comparison is changed into: the nearest other one, and the opposite."""

SCOPE = "guideline"
"""The entry that a change to what the guideline requires is in."""

LEFT_OUT = "left out"

Change = tuple[str, str, Any]
"""What stands there in words, what it becomes, and the changed value."""


class Mutant(Struct, frozen=True):
    """A knowledge base with one change: the entry it is in, what stood there and what it became, in words."""

    entry: str
    was: str
    becomes: str
    knowledge: Knowledge
    on: str = "rule"
    """What was changed: a rule, the scope, a governor, a fulfilment, a reference, a kind, a side (of a conflict),
    a status, a dose or a parameter."""

    @property
    def change(self) -> str:
        """The change in words."""
        return f"{self.was} → {self.becomes}"


class Killer(Struct, frozen=True):
    """A case that would notice a change: a patient, local parameters, and what to expect of the answer."""

    patient: Mapping[str, str]
    expect: Mapping[str, Any]
    parameters: Mapping[str, str] = {}


def mutants(knowledge: Knowledge) -> Iterator[Mutant]:
    """Yield every mutant of a knowledge base."""
    yield from _of_scope(knowledge)
    for group in ("concepts", "statements", "conflicts"):
        entries = getattr(knowledge, group)
        for name in natural(entries):
            for on, (was, becomes, entry) in _of_entry(knowledge, entries[name]):
                yield Mutant(name, was, becomes, replace(knowledge, **{group: {**entries, name: entry}}), on)
    for name, finding in knowledge.findings.items():
        for was, becomes, governor in _of_governor(knowledge, finding.only_if):
            findings = {**knowledge.findings, name: replace(finding, only_if=governor)}
            yield Mutant(name, was, becomes, replace(knowledge, findings=findings), "governor")
    for name, parameter in knowledge.parameters.items():
        for was, becomes, changed in _of_parameter(knowledge, parameter):
            parameters = {**knowledge.parameters, name: changed}
            yield Mutant(name, was, becomes, replace(knowledge, parameters=parameters), "parameter")


def _of_scope(knowledge: Knowledge) -> Iterator[Mutant]:
    guideline = knowledge.guideline
    for was, becomes, requires in (
        *of_condition(knowledge, guideline.requires),
        (_said(knowledge, guideline.requires), LEFT_OUT, every()),
    ):
        yield Mutant(
            SCOPE,
            f"requires {was}",
            becomes,
            replace(knowledge, guideline=replace(guideline, requires=requires)),
            "scope",
        )


def _of_entry(knowledge: Knowledge, entry: Any) -> Iterator[tuple[str, Change]]:
    """Yield what a change to an entry is on, and the change."""
    if entry.when is not None:
        for was, becomes, condition in of_condition(knowledge, entry.when):
            yield "rule", (was, becomes, replace(entry, when=condition))
    if isinstance(entry, Statement):
        yield from _of_statement(knowledge, entry)
    elif isinstance(entry, Conflict):
        yield from _of_conflict(entry)


def _of_conflict(conflict: Conflict) -> Iterator[tuple[str, Change]]:
    decides = ["does not decide the status", "decides the status"]
    turned = not conflict.decides_status
    yield "status", (decides[not turned], decides[turned], replace(conflict, decides_status=turned))
    for index, side in enumerate(conflict.between):
        for member in side:
            rest = tuple(name for name in side if name != member)
            between = (*conflict.between[:index], rest, *conflict.between[index + 1 :])
            yield "side", (f"between {member}", LEFT_OUT, replace(conflict, between=between))


def _of_statement(knowledge: Knowledge, statement: Statement) -> Iterator[tuple[str, Change]]:
    kind = "role" if statement.kind == "indication" else "indication"
    yield "kind", (f"kind {statement.kind}", f"kind {kind}", replace(statement, kind=kind))
    for number in statement.references:
        other = next(n for n in (*knowledge.references, 0) if n not in statement.references)
        changed = tuple(in_order((set(statement.references) - {number}) | {other}))
        yield "reference", (f"reference {number}", f"reference {other}", replace(statement, references=changed))
    if statement.fulfilled is not None:
        for was, becomes, condition in of_condition(knowledge, statement.fulfilled):
            yield "fulfilment", (f"fulfilled by {was}", becomes, replace(statement, fulfilled=condition))
    if statement.regimen is not None:
        for was, becomes, regimen in _of_regimen(statement.regimen):
            yield "dose", (was, becomes, replace(statement, regimen=regimen))
    if statement.spread is not None:
        for was, becomes, spread in _of_spread(statement.spread):
            yield "dose", (was, becomes, replace(statement, spread=spread))


def _of_governor(knowledge: Knowledge, governor: Test | None) -> Iterator[Change]:
    if governor is not None:
        yield f"only if {_said(knowledge, governor)}", LEFT_OUT, None
        for was, becomes, test in _of_test(knowledge, governor):
            yield f"only if {was}", becomes, test


# Figures. ----------------------------------------------------------------------------------


def nearest(number: Decimal) -> tuple[Decimal, Decimal]:
    """Return the numbers one step finer than a number is written below and above it: 79.9 and 80.1 for 80."""
    exponent = number.as_tuple().exponent
    step = Decimal(1).scaleb(min(int(exponent), 0) - 1)
    return number - step, number + step


def _figures(label: str, number: Decimal, unit: str) -> Iterator[tuple[str, str, Decimal]]:
    for other in nearest(number):
        yield f"{label} {plain(number)} {unit}", f"{plain(other)} {unit}", other


def _days(label: str, days: int) -> Iterator[tuple[str, str, int]]:
    for other in (days - 1, days + 1):
        if other > 0:
            yield f"{label} {days} days", f"{other} days", other


def _of_regimen(regimen: Regimen) -> Iterator[Change]:
    one = regimen.low == regimen.high
    for was, becomes, total in _figures("total", regimen.high, "g/kg"):
        yield was, becomes, replace(regimen, high=total, low=total if one else regimen.low)
    for was, becomes, low in _figures("lower end", regimen.low, "g/kg") if not one else ():
        yield was, becomes, replace(regimen, low=low)
    for was, becomes, days in _days("over", regimen.days):
        yield was, becomes, replace(regimen, days=days)
    for weight in WEIGHTS_BY_BASIS:
        if weight != regimen.weight:
            yield f"weight {regimen.weight}", f"weight {weight}", replace(regimen, weight=weight)


def _of_spread(spread: Spread) -> Iterator[Change]:
    for was, becomes, daily in _figures("daily", spread.daily, "g/kg"):
        yield was, becomes, replace(spread, daily=daily)
    for was, becomes, days in _days("at least", spread.shortest):
        yield was, becomes, replace(spread, shortest=days)
    for was, becomes, days in _days("at most", spread.longest):
        yield was, becomes, replace(spread, longest=days)
    beyond = spread.longest + 1
    yield f"at least {spread.shortest} days", f"{beyond} days", replace(spread, shortest=beyond)


def _of_parameter(knowledge: Knowledge, parameter: Parameter) -> Iterator[Change]:
    if parameter.formulas is None:
        below, otherwise = parameter.below, parameter.otherwise
        turned = replace(parameter, below=otherwise, otherwise=below)
        yield f"{below} below and {otherwise} otherwise", f"{otherwise} below and {below} otherwise", turned
        other = _another(knowledge, parameter.source)
        yield f"from {parameter.source}", f"from {other}", replace(parameter, source=other)
        return
    for name, formula in parameter.formulas.items():
        for was, becomes, changed in _of_formula(knowledge, formula):
            yield was, becomes, replace(parameter, formulas={**parameter.formulas, name: changed})


def _of_formula(knowledge: Knowledge, formula: Formula) -> Iterator[Change]:
    for sex, base in formula.base.items():
        for was, becomes, number in _figures(f"base for {sex}", base, "kg"):
            yield was, becomes, replace(formula, base={**formula.base, sex: number})
    for was, becomes, number in _figures("per inch above", formula.per_inch, "kg"):
        yield was, becomes, replace(formula, per_inch=number)
    for was, becomes, number in _figures("from height", formula.from_inches, "inches"):
        yield was, becomes, replace(formula, from_inches=number)
    for number in (formula.rounded_to / 10, formula.rounded_to * 10):
        yield (
            f"rounded to {plain(formula.rounded_to)} kg",
            f"rounded to {plain(number)} kg",
            replace(formula, rounded_to=number),
        )
    for key, word in (("sex", "sex"), ("height", "height"), ("not_for", "not for")):
        finding = getattr(formula, key)
        other = _another(knowledge, finding)
        yield f"{word} {finding}", f"{word} {other}", replace(formula, **{key: other})


def _another(knowledge: Knowledge, name: str) -> str:
    """Return the first other finding, of the same type where there is one."""
    findings = knowledge.findings
    return min((other for other in findings if other != name), key=lambda o: findings[o].type != findings[name].type)


# Conditions. -------------------------------------------------------------------------------


def of_condition(knowledge: Knowledge, condition: Condition) -> Iterator[tuple[str, str, Condition]]:
    """Yield each change to a condition: what stands there in words, what it becomes, the changed condition."""
    match condition:
        case Test():
            yield from _of_test(knowledge, condition)
            yield from _negated(knowledge, condition)
        case Named():
            yield from _negated(knowledge, condition)
        case Not(of):
            yield _said(knowledge, condition), _said(knowledge, of), of
            for _, _, inner in of_condition(knowledge, of):
                if inner != Not(of):
                    yield _said(knowledge, condition), _said(knowledge, Not(inner)), Not(inner)
        case AnyDose():
            yield from _of_dose(condition)
        case Gate():
            yield from _of_gate(knowledge, condition)


def _negated(knowledge: Knowledge, condition: Condition) -> Iterator[tuple[str, str, Condition]]:
    yield _said(knowledge, condition), _said(knowledge, Not(condition)), Not(condition)


def _of_test(knowledge: Knowledge, test: Test) -> Iterator[tuple[str, str, Test]]:
    said = _said(knowledge, test)
    for changed in _other_tests(knowledge, test):
        yield said, _said(knowledge, changed), changed


def _other_tests(knowledge: Knowledge, test: Test) -> Iterator[Test]:
    if test.value is None:
        yield replace(test, operator="is known" if test.operator == "is unknown" else "is unknown")
        return
    for operator in TURNED.get(test.operator, ()):
        yield replace(test, operator=operator)
    finding = knowledge.findings[test.finding]
    if isinstance(test.value, Decimal):
        whole = finding.type == "whole number"
        for number in (test.value - 1, test.value + 1) if whole else nearest(test.value):
            yield replace(test, value=number)
    elif finding.type != "yes/no":  # its other value is its negation
        for word in choices(finding):
            if word != test.value:
                yield replace(test, value=word)


def _of_dose(test: AnyDose) -> Iterator[tuple[str, str, AnyDose]]:
    said = phrase(test, {})
    changed = [replace(test, operator=operator) for operator in TURNED[test.operator]]
    changed += [replace(test, grams=grams) for grams in nearest(test.grams)]
    if test.per_kg is not None:
        changed += [replace(test, per_kg=per_kg) for per_kg in (None, *nearest(test.per_kg))]
    for other in changed:
        yield said, phrase(other, {}), other


def _of_gate(knowledge: Knowledge, gate: Gate) -> Iterator[tuple[str, str, Condition]]:
    count = len(gate.of)
    for needed in sorted({1, count, gate.needed - 1, gate.needed + 1} & set(range(1, count + 1)) - {gate.needed}):
        changed = replace(gate, needed=needed)
        yield f"{gate_name(gate)} of {count} tests", f"{gate_name(changed)} of {count} tests", changed
    for index, part in enumerate(gate.of):
        rest = (*gate.of[:index], *gate.of[index + 1 :])
        if rest:
            needed = count - 1 if gate.needed == count else min(gate.needed, count - 1)
            yield _said(knowledge, part), LEFT_OUT, Gate(needed, rest)
        for was, becomes, inner in of_condition(knowledge, part):
            yield was, becomes, replace(gate, of=(*gate.of[:index], inner, *gate.of[index + 1 :]))


def _said(knowledge: Knowledge, condition: Condition) -> str:
    return phrase(condition, knowledge.units)
