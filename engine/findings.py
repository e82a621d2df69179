"""What is known of one patient: what was given, implied and derived, and why the rest is unknown.

A finding is *given*; or *implied*, the yes of a yes/no governor by a governed value; or *derived*
by a local parameter. All else is unknown, with a reason, and never acts as no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from engine.errors import Fault, InputError, Place, did_you_mean, listed, shortened
from engine.language import NUMBER, accepted, canonical, choices, phrase, plain
from engine.model import Finding, Formula, Knowledge, Parameter, Test, Value
from engine.truth import Truth, from_bool

NOT_ASKED = "not asked"
NOT_APPLICABLE = "not applicable"
REASONS = ("unknown", "pending", NOT_ASKED)
"""Why a finding may be unknown, in the words a user gives."""

CM_PER_INCH = Decimal("2.54")


class Given(Struct, frozen=True):
    """A value as the user wrote it, and where."""

    text: str
    place: Place | None = None
    excerpt: str = ""


class Derived(Struct, frozen=True):
    """A value that nobody gave: the findings it comes from, and the parameter if one derived it."""

    value: Value
    source: tuple[str, ...]
    parameter: str = ""


class Findings(Struct, frozen=True):
    """All that is known of one patient; the value of each finding that has one is in ``values``.

    ``obtainable`` says for an unknown finding which other unknown ones a parameter in force would
    derive it from. ``last`` is the finding given last, be it a value or a reason.
    """

    given: Mapping[str, Value]
    reasons: Mapping[str, str]
    derived: Mapping[str, Derived]
    parameters: Mapping[str, Value]
    values: Mapping[str, Value]
    obtainable: Mapping[str, frozenset[str]] = {}
    last: str = ""


def interpret(
    knowledge: Knowledge, given: Mapping[str, Given], parameters: Mapping[str, Given] | None = None
) -> Findings:
    """Return the findings that a user's words state.

    Raises:
        InputError: with a fault for every name, value or combination that cannot be.

    """
    reading = _Interpretation(knowledge)
    for name, word in given.items():
        reading.read_finding(name, word)
    in_force = {name: reading.read_parameter(name, word) for name, word in (parameters or {}).items()}
    reading.stop_at_faults()
    reading.check_governed()
    reading.stop_at_faults()
    return reading.complete({name: value for name, value in in_force.items() if value is not None})


def compare(test: Test, value: Value) -> bool:
    """Say whether a known value passes a test that compares it."""
    if test.operator == "is":
        return value == test.value
    if not isinstance(value, Decimal) or not isinstance(test.value, Decimal):
        raise TypeError(f"{test} cannot compare {value!r}")
    if test.operator == ">=":
        return value >= test.value
    if test.operator == ">":
        return value > test.value
    return value <= test.value if test.operator == "<=" else value < test.value


def governs(finding: Finding, values: Mapping[str, Value]) -> Truth:
    """Say whether a finding is applicable: yes without a governor, else what its governing test says."""
    if finding.only_if is None:
        return Truth.YES
    value = values.get(finding.only_if.finding)
    return Truth.UNKNOWN if value is None else from_bool(compare(finding.only_if, value))


def read_value(finding: Finding | Parameter, text: str, words: tuple[str, ...], takes: str) -> Value:
    """Return the value that a text states, or raise `ValueError` with what is accepted instead."""
    written = " ".join(text.split())
    if words:
        if written in words:
            return written
        hint = did_you_mean(written, words)
        raise ValueError(" ".join(filter(None, [hint, f"It takes {takes}."])))
    number = written.removesuffix(finding.unit).rstrip() if finding.unit else written
    if not NUMBER.fullmatch(number):
        raise ValueError(_why_no_number(number, finding.unit, takes))
    value = Decimal(number)
    if finding.type == "whole number" and value != value.to_integral_value():
        raise ValueError(f"It takes {takes}; a part of one does not count.")
    if finding.low is not None and finding.high is not None and not finding.low <= value <= finding.high:
        raise ValueError(f"It takes {takes}.")
    return canonical(value)


def _why_no_number(number: str, unit: str, takes: str) -> str:
    if re.fullmatch(r"\d+,\d+", number):
        return f"Write decimals with a point: {number.replace(',', '.')}. It takes {takes}."
    if re.fullmatch(r"-?\d+\.\d{7,}", number):
        return f"Write at most 6 decimals. It takes {takes}."
    if re.fullmatch(r"-?\d+(\.\d+)? *[^\d\s.].*", number) and unit:
        return f"Give it in {unit}. It takes {takes}."
    return f"It takes {takes}."


class _Interpretation:
    """One reading of a user's words, with the faults found so far."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.units = knowledge.units
        self.given: dict[str, Value] = {}
        self.reasons: dict[str, str] = {}
        self.words: dict[str, Given] = {}
        self.faults: list[Fault] = []
        self.last = ""

    def shown(self, name: str, value: Value) -> str:
        return shown(value, self.knowledge.findings[name])

    def fault(self, found: str, remedy: str, word: Given) -> None:
        self.faults.append(Fault(found, remedy, word.place, word.excerpt))

    def stop_at_faults(self) -> None:
        if self.faults:
            raise InputError(self.faults)

    def read_finding(self, name: str, word: Given) -> None:
        finding = self.knowledge.findings.get(name)
        if finding is None:
            hint = did_you_mean(name, self.knowledge.findings) or "See 'ivig-mg show' for the findings."
            self.fault(f"'{shortened(name)}' is not a known finding", hint, word)
            return
        self.last = name
        reason = " ".join(word.text.split())
        if reason in REASONS:
            self.reasons[name] = reason
            return
        try:
            self.given[name] = read_value(finding, word.text, choices(finding), accepted(finding))
            self.words[name] = word
        except ValueError as problem:
            help_ = f" {finding.help}" if finding.help else ""
            also = f"{help_} Or say why it is not known: {listed(REASONS, 'or')}."
            self.fault(f"{name}: '{shortened(word.text)}' is not a value it takes", str(problem) + also, word)

    def read_parameter(self, name: str, word: Given) -> Value | None:
        parameter = self.knowledge.parameters.get(name)
        if parameter is None:
            names = listed(list(self.knowledge.parameters))
            known = f"The parameters are {names}." if names else "This knowledge base has none."
            self.fault(
                f"'{shortened(name)}' is not a known parameter",
                did_you_mean(name, self.knowledge.parameters) or known,
                word,
            )
            return None
        formulas = tuple(parameter.formulas or ())
        try:
            return read_value(parameter, word.text, formulas, _accepted_by_parameter(parameter))
        except ValueError as problem:
            self.fault(f"{name}: '{shortened(word.text)}' is not a value it takes", str(problem), word)
            return None

    def check_governed(self) -> None:
        """Find governed values other than no that stand against their governor."""
        for name, value in self.given.items():
            finding = self.knowledge.findings[name]
            if value != "no" and governs(finding, self.given) is Truth.NO and finding.only_if is not None:
                governor = finding.only_if.finding
                stands = self.shown(governor, self.given[governor])
                found = f"{name} is given as {self.shown(name, value)}, but {governor} as {stands}"
                needs = phrase(finding.only_if, self.units)
                self.fault(
                    found, f"{name} can be given only while '{needs}' holds. Mend one of the two.", self.words[name]
                )

    def complete(self, parameters: Mapping[str, Value]) -> Findings:
        derived = dict(self.implied())
        values = {**self.given, **{name: implied.value for name, implied in derived.items()}}
        derived.update(self.derive(parameters, values))
        self.stop_at_faults()
        return Findings(
            self.given, self.reasons, derived, parameters, values, self.obtainable(parameters, values), self.last
        )

    def implied(self) -> Iterator[tuple[str, Derived]]:
        """Yield the yes of each governor that is not given, while a governed value other than no is.

        A governed *no* is true with either answer of its governor, so it implies neither.
        """
        for name, value in self.given.items():
            governor = self.knowledge.findings[name].only_if
            if (
                governor is not None
                and governor.value == "yes"
                and value != "no"
                and governor.finding not in self.given
            ):
                yield governor.finding, Derived("yes", (name,))

    def derive(self, parameters: Mapping[str, Value], values: dict[str, Value]) -> Iterator[tuple[str, Derived]]:
        """Yield what the parameters derive, adding it to the values, until nothing more follows."""
        waiting = dict(parameters)
        while waiting:
            ready = {
                name: found for name, setting in waiting.items() if (found := self.derive_one(name, setting, values))
            }
            if not ready:
                return
            for name, (derived, inputs) in ready.items():
                del waiting[name]
                target = self.knowledge.parameters[name].derives
                self.check_derived(name, target, derived, values)
                values.setdefault(target, derived)
                yield target, Derived(derived, inputs, name)

    def derive_one(
        self, name: str, setting: Value, values: Mapping[str, Value]
    ) -> tuple[Value, tuple[str, ...]] | None:
        parameter = self.knowledge.parameters[name]
        if parameter.formulas is not None:
            formula = parameter.formulas[str(setting)]
            weight = ideal_weight(formula, values, self.knowledge)
            return None if weight is None else (weight, (formula.sex, formula.height))
        measured = values.get(parameter.source)
        if not isinstance(measured, Decimal) or not isinstance(setting, Decimal):
            return None
        return (parameter.below if measured < setting else parameter.otherwise), (parameter.source,)

    def check_derived(self, parameter: str, target: str, derived: Value, values: Mapping[str, Value]) -> None:
        if target in values and values[target] != derived:
            given = self.shown(target, values[target])
            found = f"{target} is given as {given}, but {parameter} derives {self.shown(target, derived)}"
            self.fault(found, "Leave one of the two out, or mend it.", self.words.get(target, Given("")))

    def obtainable(self, parameters: Mapping[str, Value], values: Mapping[str, Value]) -> dict[str, frozenset[str]]:
        """Return for each unknown finding that a parameter could still derive what it waits for."""
        waits_for: dict[str, frozenset[str]] = {}
        for name, setting in parameters.items():
            parameter = self.knowledge.parameters[name]
            if parameter.derives in values:
                continue
            if parameter.formulas is not None:
                needed = formula_waits_for(parameter.formulas[str(setting)], values, self.knowledge)
            else:
                needed = frozenset({parameter.source})
            waits_for[parameter.derives] = needed
        return waits_for


def ideal_weight(formula: Formula, values: Mapping[str, Value], knowledge: Knowledge) -> Decimal | None:
    """Return the ideal weight in kg by a formula, or None while it cannot be said.

    It is said only of a patient known not to be what the formula is not for (a child), from the
    least height of the formula upwards; rounded half up.
    """
    sex, height = values.get(formula.sex), values.get(formula.height)
    if _excluded(formula, values, knowledge) is not Truth.NO or sex is None or not isinstance(height, Decimal):
        return None
    if height < formula.from_inches * CM_PER_INCH or str(sex) not in formula.base:
        return None
    from fractions import Fraction  # only where a formula is in force

    inches_above = Fraction(height) / Fraction(CM_PER_INCH) - Fraction(formula.from_inches)
    weight = Fraction(formula.base[str(sex)]) + Fraction(formula.per_inch) * inches_above
    steps = weight / Fraction(formula.rounded_to)
    whole = Decimal((steps + Fraction(1, 2)).__floor__())
    return canonical(whole * formula.rounded_to)


def formula_waits_for(formula: Formula, values: Mapping[str, Value], knowledge: Knowledge) -> frozenset[str]:
    """Return the unknown findings that a formula waits for; none when it cannot be used at all."""
    excluded = _excluded(formula, values, knowledge)
    height = values.get(formula.height)
    too_short = isinstance(height, Decimal) and height < formula.from_inches * CM_PER_INCH
    if excluded is Truth.YES or too_short:
        return frozenset()
    waits_for = {name for name in (formula.sex, formula.height) if name not in values}
    if excluded is Truth.UNKNOWN:
        waits_for.add(_first_to_ask(knowledge.findings[formula.not_for], values))
    return frozenset(waits_for)


def _excluded(formula: Formula, values: Mapping[str, Value], knowledge: Knowledge) -> Truth:
    finding = knowledge.findings[formula.not_for]
    if governs(finding, values) is Truth.NO:
        return Truth.NO
    value = values.get(finding.name)
    return Truth.UNKNOWN if value is None else from_bool(value == "yes")


def _first_to_ask(finding: Finding, values: Mapping[str, Value]) -> str:
    """Return the finding to ask: the governor while it is unknown, else the finding itself."""
    unknown = governs(finding, values) is Truth.UNKNOWN
    return finding.only_if.finding if finding.only_if is not None and unknown else finding.name


def _accepted_by_parameter(parameter: Parameter) -> str:
    if parameter.formulas is not None:
        return listed(list(parameter.formulas), "or")
    return accepted(Finding(parameter.name, "", parameter.type, (), parameter.unit, parameter.low, parameter.high))


def shown(value: Value | None, finding: Finding | Parameter | None = None) -> str:
    """Return a value as text, with the unit of its finding; what has no value is unknown."""
    if value is None:
        return "unknown"
    text = plain(value) if isinstance(value, Decimal) else value
    return f"{text} {finding.unit}" if finding is not None and finding.unit else text
