"""What is known of each patient as SQL: what was given, what that implies, and what local parameters derive.

The counterpart of ``findings.interpret``, for a whole table at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from engine.cohorts.amounts import DERIVED_IDEAL, whole
from engine.cohorts.cells import ABSENT, Cell, cell, joined, why
from engine.cohorts.openings import Waiting
from engine.cohorts.truths import Sql, Truths, choose, column, equals, every, negated, number, some, text, unknown
from engine.findings import CM_PER_INCH
from engine.language import phrase
from engine.model import IDEAL_WEIGHT, Finding, Formula, Knowledge, Parameter, Test, Value

Columns = dict[str, Sql]

GIVEN = "__given"
"""The ending of a column with what was given of a finding of which more may be known by what else was."""


class Patients:
    """The findings of a table of patients, under the local parameters in force."""

    def __init__(self, knowledge: Knowledge, parameters: Mapping[str, Value], holds: Mapping[str, str]) -> None:
        self.knowledge = knowledge
        self.parameters = parameters
        self.named = [name for name in knowledge.findings if holds[name] != ABSENT]
        self.cells: Mapping[str, Cell] = {
            finding.name: cell(finding, holds[finding.name]) for finding in knowledge.findings.values()
        }
        self.targets = {knowledge.parameters[name].derives: name for name in parameters}
        governors = {f.only_if.finding for f in knowledge.findings.values() if f.only_if and f.only_if.value == "yes"}
        self.otherwise_known = governors | self.targets.keys()

    def given_name(self, name: str) -> str:
        """Return the column with what was given of a finding."""
        return f"{name}{GIVEN}" if name in self.otherwise_known else name

    def given(self) -> Columns:
        """Return what each cell states."""
        return {self.given_name(name): one.value for name, one in self.cells.items()}

    # What follows from what was given. -----------------------------------------------------

    def known(self) -> Iterator[Columns]:
        """Yield what is known of findings beyond what was given, in steps that each need those before it."""
        implied = {name: self.either(name) for name in sorted(self.otherwise_known - self.targets.keys())}
        if implied:
            yield implied
        waiting = dict(self.targets)
        while waiting:
            ready = [t for t, name in waiting.items() if not self.inputs(name) & (waiting.keys() - {t})]
            for target in ready or list(waiting):
                yield from self.derived(target, waiting.pop(target))

    def either(self, name: str, *more: Sql) -> Sql:
        """Return what was given of a finding, or is implied, or else comes from elsewhere."""
        implied = self.implied(name)
        parts = [column(self.given_name(name)), *([] if implied is None else [implied]), *more]
        return exp.func("COALESCE", *parts)

    def implied(self, governor: str) -> Sql | None:
        """Return true where a finding was given that a governor has to be yes for; None where it governs none so."""
        speaking = [
            self.speaks(finding)
            for finding in self.knowledge.findings.values()
            if finding.only_if is not None and finding.only_if.finding == governor and finding.only_if.value == "yes"
        ]
        return choose((some(*speaking), exp.true())) if speaking else None

    def speaks(self, finding: Finding) -> Sql:
        """Return whether a value other than no was given."""
        raw = column(self.given_name(finding.name))
        if finding.type == "yes/no":
            return exp.Is(this=raw, expression=exp.true())
        known = negated(unknown(raw))
        is_no = exp.EQ(this=raw.copy(), expression=text("no"))
        return known if "no" not in finding.choices else every(known, negated(is_no))

    def inputs(self, parameter: str) -> set[str]:
        """Return the findings that a parameter derives from."""
        chosen = self.knowledge.parameters[parameter]
        if chosen.formulas is None:
            return {chosen.source}
        formula = self.formula(parameter)
        governor = self.knowledge.findings[formula.not_for].only_if
        return {formula.sex, formula.height, formula.not_for, *([governor.finding] if governor else [])}

    def formula(self, parameter: str) -> Formula:
        """Return the formula that was chosen for a parameter."""
        return (self.knowledge.parameters[parameter].formulas or {})[str(self.parameters[parameter])]

    def derived(self, target: str, parameter: str) -> Iterator[Columns]:
        """Yield what a parameter derives, then what is known of its finding with it."""
        derived = f"{target}__by_parameter_value"
        yield {derived: self.derivation(parameter)}
        found: Columns = {target: self.either(target, column(derived))}
        if target == IDEAL_WEIGHT:
            found[DERIVED_IDEAL] = negated(unknown(column(derived)))
        yield found

    def derivation(self, parameter: str) -> Sql:
        """Return the value that a parameter derives; NULL while it cannot be said."""
        chosen = self.knowledge.parameters[parameter]
        if chosen.formulas is not None:
            formula = self.formula(parameter)
            usable = [
                (
                    every(
                        exp.Is(this=exp.paren(self.excluded(formula)), expression=exp.false()),
                        exp.EQ(this=column(formula.sex), expression=text(sex)),
                        exp.GTE(this=column(formula.height), expression=number(formula.from_inches * CM_PER_INCH)),
                    ),
                    _weight(formula, base),
                )
                for sex, base in formula.base.items()
            ]
            return choose(*usable)
        below = exp.LT(this=column(chosen.source), expression=number(self.limit(parameter)))
        return choose(
            (below, self.value(chosen, chosen.below)), (negated(below.copy()), self.value(chosen, chosen.otherwise))
        )

    def limit(self, parameter: str) -> Decimal:
        """Return the limit that a parameter was set to."""
        setting = self.parameters[parameter]
        if not isinstance(setting, Decimal):
            raise TypeError(f"{parameter} is no number")
        return setting

    def value(self, parameter: Parameter, words: str) -> Sql:
        """Return a value that a parameter can derive."""
        if self.knowledge.findings[parameter.derives].type == "yes/no":
            return exp.Boolean(this=words == "yes")
        return text(words)

    def excluded(self, formula: Formula) -> Sql:
        """Return whether a patient is one that a formula is not for."""
        finding = self.knowledge.findings[formula.not_for]
        if finding.only_if is None:
            return equals(finding, "yes")
        governor = Truths(self.knowledge).outcome(self.knowledge.findings[finding.only_if.finding], finding.only_if)
        return choose((negated(governor), exp.false()), default=equals(finding, "yes"))

    def waiting(self) -> Waiting:
        """Return for each finding that a parameter can derive which others it waits for, and when."""
        return {target: list(self.waits_for(name)) for target, name in self.targets.items()}

    def waits_for(self, parameter: str) -> Iterator[tuple[str, Sql]]:
        """Yield the findings that a parameter waits for, each with when."""
        chosen = self.knowledge.parameters[parameter]
        if chosen.formulas is None:
            yield chosen.source, exp.true()
            return
        formula = self.formula(parameter)
        excluded = self.excluded(formula)
        short = exp.LT(this=column(formula.height), expression=number(formula.from_inches * CM_PER_INCH))
        usable = every(*(negated(exp.Is(this=exp.paren(no), expression=exp.true())) for no in (excluded, short)))
        for name in (formula.sex, formula.height):
            yield name, every(usable.copy(), unknown(column(name)))
        finding = self.knowledge.findings[formula.not_for]
        undecided = every(usable.copy(), unknown(excluded.copy()))
        if finding.only_if is None:
            yield finding.name, undecided
            return
        governor = unknown(
            Truths(self.knowledge).outcome(self.knowledge.findings[finding.only_if.finding], finding.only_if)
        )
        yield finding.only_if.finding, every(undecided, governor)
        yield finding.name, every(undecided.copy(), negated(governor.copy()))

    # What cannot be. -----------------------------------------------------------------------

    def faults(self, kept: Sequence[str]) -> Iterator[tuple[Sql, Sql]]:
        """Yield each fault that a row can have: when it has it, and the fault in words."""
        if kept:  # with no other column, a patient of whom nothing is known cannot be told from a row that is none
            empty = every(*(unknown(column(name)) for name in dict.fromkeys((*kept, *self.named))))
            yield empty, text("nothing stands in this row")
        for name, one in self.cells.items():
            if one.fault is not None:
                yield one.fault, why(self.knowledge.findings[name])

    def contradictions(self) -> Iterator[tuple[Sql, Sql]]:
        """Yield what can be at odds in a row whose every cell can be read: when it is, and that in words."""
        for finding in self.knowledge.findings.values():
            if finding.only_if is not None:
                needs = phrase(finding.only_if, self.knowledge.units)
                words = f"{finding.name} is given, but can be only while '{needs}' holds, and it does not"
                yield every(self.speaks(finding), negated(self.by_given(finding.only_if))), text(words)
        for target, parameter in self.targets.items():
            derived = column(f"{target}__by_parameter_value")
            words_ = joined(f"{target} is given otherwise than {parameter} derives it: ", exp.cast(derived, "TEXT"))
            yield exp.NEQ(this=column(target), expression=derived.copy()), words_

    def by_given(self, test: Test) -> Sql:
        """Return what a governing test says of what was given."""
        outcome = Truths(self.knowledge).outcome(self.knowledge.findings[test.finding], test)
        given = self.given_name(test.finding)
        return outcome.transform(lambda node: column(given) if isinstance(node, exp.Column) else node)


def _weight(formula: Formula, base: Decimal) -> Sql:
    """Return the ideal weight by a formula in kg, rounded half up; in whole numbers, so that it is exact.

    In steps of the rounding it is floor(factor × micrometres + summand + 1/2), both fractions.
    """
    step = Fraction(formula.rounded_to)
    factor = Fraction(formula.per_inch) / Fraction(CM_PER_INCH) / step / 10**6
    summand = (Fraction(base) - Fraction(formula.per_inch) * Fraction(formula.from_inches)) / step + Fraction(1, 2)
    divisor = factor.denominator * summand.denominator
    height = exp.cast(exp.Mul(this=column(formula.height), expression=whole(10**6)), "BIGINT")
    numerator = exp.Add(
        this=exp.Mul(this=height, expression=whole(factor.numerator * summand.denominator)),
        expression=whole(summand.numerator * factor.denominator),
    )
    steps = exp.IntDiv(this=exp.paren(numerator), expression=whole(divisor))
    return exp.Mul(this=exp.cast(steps, "DECIMAL(9, 0)"), expression=number(formula.rounded_to))
