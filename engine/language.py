"""The one grammar of tests: a line of text to a condition, and back.

A test is one of::

    finding                     a yes/no finding is yes
    finding is value            finding is not value
    finding >= 3 unit           and >, <=, <
    finding is unknown          finding is known
    any dose > 80 g             any dose at 1 g/kg > 80 g
    name                        a concept, or the id of a statement
    not name                    the negation of a yes/no finding, a concept or a statement
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal

from msgspec import Struct

from engine.errors import did_you_mean, listed, shortened
from engine.model import AnyDose, Condition, DoseTest, Finding, Gate, Named, Not, Test, Value

COMPARISONS = (">=", "<=", ">", "<")
NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
"""A plain decimal: no exponent, no comma, at most 6 decimal places."""


class UnreadableError(Exception):
    """A line is not a test of the grammar: what was found, what to do, and the name that is not known."""

    def __init__(self, found: str, remedy: str = "", name: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.remedy = remedy
        self.name = name


class Vocabulary(Struct, frozen=True):
    """The names a test may use: the findings, and the ids of concepts and statements; not conflicts."""

    findings: Mapping[str, Finding]
    names: Collection[str] = ()
    conflicts: Collection[str] = ()

    def __contains__(self, name: str) -> bool:
        return name in self.findings or name in self.names

    def finding(self, name: str) -> Finding:
        """Return the finding of that name, or say which names are near."""
        if name in self.names:
            found = f"'{name}' is a concept or a statement, which has no value to compare"
            raise UnreadableError(found, f"Write '{name}', or 'not {name}'.")
        if name not in self.findings:
            raise self.unknown(name, self.findings)
        return self.findings[name]

    def unknown(self, name: str, among: Collection[str]) -> UnreadableError:
        """Say that a name is not known, with the nearest that are."""
        if name in self.conflicts:
            return UnreadableError(f"'{name}' is a conflict", "A test uses findings, concepts and statements.")
        hint = did_you_mean(name, among) or "Every name must stand in findings.yaml, concepts.yaml or a statement."
        return UnreadableError(f"'{shortened(name)}' is not a known name", hint, name)


def parse(line: str, vocabulary: Vocabulary) -> Condition:
    """Return the condition that a line of text states; raise `UnreadableError` where it states none."""
    words = line.split()
    if not words:
        raise UnreadableError("an empty test", "Write a test such as 'dysphagia' or 'age_years > 65 years'.")
    for word, gate in (("and", "all"), ("or", "any")):
        if word in words[1:-1]:
            raise UnreadableError(f"'{word}' in a test", f"Write one test a line: '{gate}:' with a list of them.")
    if words[:2] == ["any", "dose"]:
        return _any_dose(words[2:])
    if words[0] == "not":
        return Not(_negated(words[1:], vocabulary))
    if len(words) == 1:
        return _name(words[0], vocabulary)
    return _test(vocabulary.finding(words[0]), words[1], words[2:])


def _name(word: str, vocabulary: Vocabulary) -> Condition:
    if word in vocabulary.names:
        return Named(word)
    if word not in vocabulary.findings:
        raise vocabulary.unknown(word, [*vocabulary.findings, *vocabulary.names])
    finding = vocabulary.findings[word]
    if finding.type != "yes/no":
        raise UnreadableError(f"'{word}' has no yes or no of its own", f"Compare it: {accepted(finding)}.")
    return Test(word, "is", "yes")


def _negated(words: list[str], vocabulary: Vocabulary) -> Condition:
    if len(words) != 1:
        raise UnreadableError("'not' stands before more than one name", "Write 'finding is not value', or 'not name'.")
    return _name(words[0], vocabulary)


def _test(finding: Finding, operator: str, rest: list[str]) -> Condition:
    if operator in COMPARISONS:
        if not finding.is_number:
            found = f"'{finding.name}' is not a number, so '{operator}' cannot compare it"
            raise UnreadableError(found, f"Write '{finding.name} is' with {accepted(finding)}.")
        return Test(finding.name, operator, _value(finding, rest))
    if operator != "is":
        known = listed(["is", "is not", *COMPARISONS], "or")
        raise UnreadableError(f"'{shortened(operator)}' is not a comparison", f"Use {known}.")
    if rest in (["unknown"], ["known"]):
        return Test(finding.name, f"is {rest[0]}")
    if rest[:1] == ["not"]:
        if rest[1:] in (["unknown"], ["known"]):
            raise UnreadableError(f"'is not {rest[1]}'", "Write 'is known' or 'is unknown'.")
        return Not(Test(finding.name, "is", _value(finding, rest[1:])))
    return Test(finding.name, "is", _value(finding, rest))


def _value(finding: Finding, words: list[str]) -> Value:
    if not finding.is_number:
        if len(words) == 1 and words[0] in choices(finding):
            return words[0]
        written = " ".join(words)
        remedy = " ".join(filter(None, [did_you_mean(written, choices(finding)), f"It takes {accepted(finding)}."]))
        raise UnreadableError(f"'{shortened(written)}' is not a value of '{finding.name}'", remedy)
    number = read_quantity(" ".join(words), finding.unit)
    if finding.low is not None and finding.high is not None and not finding.low <= number <= finding.high:
        raise UnreadableError(
            f"{plain(number)} is outside the range of '{finding.name}'", f"It takes {accepted(finding)}."
        )
    return number


def _any_dose(words: list[str]) -> AnyDose:
    per_kg = None
    if words[:1] == ["at"] and len(words) > 3:
        per_kg = read_quantity(" ".join(words[1:3]), "g/kg")
        words = words[3:]
    if len(words) != 3 or words[0] not in COMPARISONS:
        raise UnreadableError(
            "a test on doses that cannot be read", "Write 'any dose > 80 g' or 'any dose at 1 g/kg > 80 g'."
        )
    return AnyDose(words[0], read_quantity(" ".join(words[1:]), "g"), per_kg)


def read_quantity(text: str, unit: str) -> Decimal:
    """Return the number of a text such as ``65 years``; the unit has to stand there, if there is one."""
    number, _, found_unit = text.partition(" ")
    if not NUMBER.fullmatch(number):
        raise UnreadableError(f"'{shortened(text)}' where a number was expected", _how_to_write(text, unit))
    if found_unit.strip() != unit:
        raise UnreadableError(f"'{shortened(text)}' has not the unit expected", _unit_wanted(number, found_unit, unit))
    return canonical(Decimal(number))


def _how_to_write(text: str, unit: str) -> str:
    """Say what keeps a text from being a number with its unit."""
    joined = re.fullmatch(rf"({NUMBER.pattern})([^0-9.,].*)", text)
    if joined is not None and unit and _same_unit(joined[3], unit):
        return f"Put a blank before the unit: '{joined[1]} {unit}'."
    return "Write digits, with a point for decimals."


def _unit_wanted(number: str, found: str, unit: str) -> str:
    """Say which unit is expected; where another was written, the number may be another too."""
    if not unit:
        return f"Write '{number}'; this number has no unit."
    return f"Write '{number} {unit}'." if not found.strip() or _same_unit(found, unit) else f"Give it in {unit}."


def _same_unit(one: str, other: str) -> bool:
    """Whether two units differ in capitals, blanks or a plural only."""
    return one.strip().casefold().rstrip("s") == other.casefold().rstrip("s")


def choices(finding: Finding) -> tuple[str, ...]:
    """Return the words that a finding takes as values; none for a number."""
    return ("yes", "no") if finding.type == "yes/no" else finding.choices


def accepted(finding: Finding) -> str:
    """Say in words what a finding takes as a value."""
    if not finding.is_number:
        return listed(choices(finding), "or")
    kind = "a whole number" if finding.type == "whole number" else "a number"
    unit = f" {finding.unit}" if finding.unit else ""
    if finding.low is None or finding.high is None:
        return f"{kind}{unit and ' of' + unit}"
    return f"{kind} from {plain(finding.low)} to {plain(finding.high)}{unit}"


def plain(number: Decimal) -> str:
    """Return a number as plain decimal digits, without exponent or closing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def canonical(number: Decimal) -> Decimal:
    """Return a number in the one form that equal numbers have: no exponent, no closing zeros."""
    return Decimal(plain(number))


def phrase(condition: Condition, units: Mapping[str, str]) -> str:
    """Return a condition as text; a test comes out as `parse` reads it. ``units`` is by finding."""
    match condition:
        case Test():
            return _phrase_test(condition, units)
        case DoseTest(per_kg, weight, operator, grams):
            return f"{plain(per_kg)} g/kg × {weight} {operator} {plain(grams)} g"
        case AnyDose(operator, grams, per_kg):
            only = f" at {plain(per_kg)} g/kg" if per_kg is not None else ""
            return f"any dose{only} {operator} {plain(grams)} g"
        case Named(name):
            return name
        case Not(Test(finding, "is", value)) if value != "yes":
            return f"{finding} is not {_phrase_value(finding, value, units)}"
        case Not(of):
            return f"not {phrase(of, units)}"
        case Gate(of=of):
            return f"{gate_name(condition)} of ({'; '.join(phrase(part, units) for part in of)})"
    raise TypeError(condition)


_IN_WORDS = {">": "above", ">=": "at least", "<": "below", "<=": "at most", "is": ""}
_IN_WORDS |= {"is known": "known", "is unknown": "not known"}


def answer(condition: Condition, units: Mapping[str, str]) -> str:
    """Return the answer to the question of its finding that a test asks for: ``no``, ``above 65 years``."""
    match condition:
        case Not(Test(_, "is", "yes")):
            return "no"
        case Not(of):
            return f"not {answer(of, units)}"
        case Test(finding, operator, value):
            wanted = _phrase_value(finding, value, units) if value is not None else ""
            return f"{compared(operator)} {wanted.replace('_', ' ')}".strip()
    raise TypeError(condition)


def compared(operator: str) -> str:
    """Return a comparison in words: ``above`` for ``>``."""
    return _IN_WORDS[operator]


def gate_name(gate: Gate) -> str:
    """Name a gate as an author writes it: all, any or at least N."""
    if gate.needed == len(gate.of):
        return "all"
    return "any" if gate.needed == 1 else f"at least {gate.needed}"


def _phrase_test(test: Test, units: Mapping[str, str]) -> str:
    if test.value is None:
        return f"{test.finding} {test.operator}"
    if (test.operator, test.value) == ("is", "yes"):
        return test.finding
    return f"{test.finding} {test.operator} {_phrase_value(test.finding, test.value, units)}"


def _phrase_value(finding: str, value: Value | None, units: Mapping[str, str]) -> str:
    if not isinstance(value, Decimal):
        return str(value)
    unit = units.get(finding, "")
    return f"{plain(value)} {unit}".strip()
