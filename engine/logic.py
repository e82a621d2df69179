"""Conditions: what a rule asks, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

Value = str | Decimal
"""The value of a finding: a word (yes, no, a choice) or a number in the finding's unit."""


class Test(Struct, frozen=True, tag=True):
    """A test on one finding.

    ``operator`` is ``is``, ``>=``, ``>``, ``<=``, ``<``, ``is unknown`` or ``is known``; the last
    two have no value. A test on a finding that is not applicable is false, whatever it asks.
    """

    finding: str
    operator: str
    value: Value | None = None

    __test__ = False  # not a test case, for pytest


class DoseTest(Struct, frozen=True, tag=True):
    """A test on a dose in grams: ``per_kg`` (g/kg) times the weight finding (kg)."""

    per_kg: Decimal
    weight: str
    operator: str
    grams: Decimal


class AnyDose(Struct, frozen=True, tag=True):
    """Some dose of a regimen that applies compares as said; ``per_kg`` narrows it to one dose."""

    operator: str
    grams: Decimal
    per_kg: Decimal | None = None


class Named(Struct, frozen=True, tag=True):
    """What a concept or statement of that name concludes."""

    name: str


class Not(Struct, frozen=True, tag=True):
    """The negation of a condition."""

    of: Condition


class Gate(Struct, frozen=True, tag=True):
    """At least ``needed`` of the conditions: *all* when it needs every one, *any* when it needs 1."""

    needed: int
    of: tuple[Condition, ...]


Condition = Test | DoseTest | AnyDose | Named | Not | Gate


def every(*conditions: Condition) -> Gate:
    """Return the condition that all of these hold."""
    return Gate(len(conditions), conditions)


def some(*conditions: Condition) -> Gate:
    """Return the condition that any of these holds."""
    return Gate(1, conditions)


def parts(condition: Condition) -> Iterator[Condition]:
    """Yield a condition and every condition inside it."""
    yield condition
    if isinstance(condition, Not):
        yield from parts(condition.of)
    elif isinstance(condition, Gate):
        for part in condition.of:
            yield from parts(part)
