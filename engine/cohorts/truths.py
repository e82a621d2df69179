"""Conditions as SQL: NULL is the third truth value, so that SQL's own AND, OR and NOT are the logic of the guideline.

Every finding and every rule is a column of its own name. A yes/no finding and a rule are true, false, or
NULL while unknown; a choice is text, a number an exact decimal.
"""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from engine import dosing
from engine.language import plain
from engine.model import AnyDose, Condition, DoseTest, Finding, Gate, Knowledge, Named, Not, Test, Value

Sql = exp.Expr

COMPARISONS = (exp.EQ, exp.GTE, exp.GT, exp.LTE, exp.LT)

OPERATORS = {">=": exp.GTE, ">": exp.GT, "<=": exp.LTE, "<": exp.LT}


def column(name: str) -> exp.Column:
    """Return a column by its name."""
    return exp.column(name, quoted=True)


def text(words: str) -> exp.Literal:
    """Return a text."""
    return exp.Literal.string(words)


def number(value: Decimal) -> Sql:
    """Return an exact number."""
    return exp.Literal.number(plain(value))


def unknown(condition: Sql) -> Sql:
    """Return that a value is NULL, said as simply as can be."""
    if isinstance(condition, (exp.Paren, exp.Not)):
        return unknown(condition.this)
    if isinstance(condition, COMPARISONS) and isinstance(condition.expression, exp.Literal):
        return unknown(condition.this)  # a constant is never NULL
    whole = condition if isinstance(condition, exp.Column) else exp.paren(condition, copy=False)
    return exp.Is(this=whole, expression=exp.null())


def negated(condition: Sql) -> Sql:
    """Return the negation of a truth; of unknown it is unknown."""
    return exp.not_(condition, copy=False)


def every(*conditions: Sql) -> Sql:
    """Return that all of these hold."""
    return exp.and_(*conditions, copy=False)


def some(*conditions: Sql) -> Sql:
    """Return that any of these holds."""
    return exp.or_(*conditions, copy=False) if conditions else exp.false()


def choose(*branches: tuple[Sql, Sql], default: Sql | None = None) -> Sql:
    """Return the value of the first branch that is true, else the default."""
    found = exp.Case()
    for condition, value in branches:
        found = found.when(condition, value, copy=False)
    return found.else_(default, copy=False) if default is not None else found


def equals(finding: Finding, value: Value | None) -> Sql:
    """Return that a finding has a value."""
    if finding.type == "yes/no":
        return column(finding.name) if value == "yes" else negated(column(finding.name))
    wanted = number(value) if isinstance(value, Decimal) else text(str(value))
    return exp.EQ(this=column(finding.name), expression=wanted)


class Truths:
    """The conditions of a knowledge base as SQL truths; the findings and rules that they name are columns."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge

    def of(self, condition: Condition) -> Sql:
        """Return a condition."""
        match condition:
            case Test():
                return self.test(condition)
            case DoseTest():
                return amount_compares(condition)
            case Named(name):
                return column(name)
            case Not(inner):
                return negated(self.of(inner))
            case AnyDose():
                return self.of(dosing.expand(condition, self.knowledge))
        return self.gate(condition)

    def gate(self, gate: Gate) -> Sql:
        """Return that at least so many conditions hold."""
        truths = [self.of(part) for part in gate.of]
        if gate.needed == len(truths):
            return exp.paren(every(*truths), copy=False)
        if gate.needed == 1:
            return exp.paren(some(*truths), copy=False)
        holding, failing = (_count(truth, value) for truth, value in ((truths, True), (truths, False)))
        left = exp.Literal.number(len(truths) - gate.needed)
        return choose(
            (exp.GTE(this=holding, expression=exp.Literal.number(gate.needed)), exp.true()),
            (exp.GT(this=failing, expression=left), exp.false()),
        )

    def test(self, test: Test) -> Sql:
        """Return a test on a finding; on one that is not applicable it is false, whatever it asks."""
        finding = self.knowledge.findings[test.finding]
        outcome = self.outcome(finding, test)
        if finding.only_if is None:
            return outcome
        branches: list[tuple[Sql, Sql]] = [(negated(self.test(finding.only_if)), exp.false())]
        if test.operator == "is" and test.value == "no":
            hanging = every(unknown(self.test(finding.only_if)), self.outcome(finding, test))
            branches.append((hanging, exp.null()))  # a given no may turn out to be not applicable
        return choose(*branches, default=outcome)

    def outcome(self, finding: Finding, test: Test) -> Sql:
        """Return a test on a finding that is applicable."""
        if test.operator == "is unknown":
            return unknown(column(finding.name))
        if test.operator == "is known":
            return negated(unknown(column(finding.name)))
        if test.operator == "is":
            return equals(finding, test.value)
        if not isinstance(test.value, Decimal):
            raise TypeError(f"{test} compares no number")
        return OPERATORS[test.operator](this=column(finding.name), expression=number(test.value))


def amount_compares(test: DoseTest) -> Sql:
    """Return a test on the grams of a dose."""
    amount = exp.Mul(this=number(test.per_kg), expression=column(test.weight))
    return OPERATORS[test.operator](this=amount, expression=number(test.grams))


def _count(truths: list[Sql], value: bool) -> Sql:
    """Return how many of the truths are true, or false."""
    one, none = exp.Literal.number(1), exp.Literal.number(0)
    counted = [
        choose((exp.Is(this=exp.paren(truth), expression=exp.Boolean(this=value)), one.copy()), default=none.copy())
        for truth in truths
    ]
    total: Sql = counted[0]
    for other in counted[1:]:
        total = exp.Add(this=total, expression=other)
    return exp.paren(total, copy=False)
