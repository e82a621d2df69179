"""Amounts in other units: pounds, stones, feet, inches, metres and milligrams per decilitre.

The one place where they are converted. Factors are exact; a converted amount is rounded half up to
what can have been measured (10 g, 1 mm, 1 mg/L), and is always shown before it is used.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from engine.language import canonical, plain

FACTORS = {
    "kg": {
        "kg": Decimal(1),
        "g": Decimal("0.001"),
        "lb": Decimal("0.45359237"),
        "st": Decimal("6.35029318"),
    },
    "cm": {
        "cm": Decimal(1),
        "mm": Decimal("0.1"),
        "m": Decimal(100),
        "in": Decimal("2.54"),
        "ft": Decimal("30.48"),
    },
    "g/L": {"g/L": Decimal(1), "mg/dL": Decimal("0.01"), "mg/L": Decimal("0.001"), "g/dL": Decimal(10)},
}
"""How much of a finding's unit one of another unit is."""

WORDS = {
    "lbs": "lb",
    "pound": "lb",
    "pounds": "lb",
    "stone": "st",
    "stones": "st",
    "foot": "ft",
    "feet": "ft",
    "'": "ft",
    "′": "ft",
    "inch": "in",
    "inches": "in",
    '"': "in",
    "″": "in",
    "''": "in",
    "metre": "m",
    "metres": "m",
    "meter": "m",
    "meters": "m",
    "kgs": "kg",
    "kilo": "kg",
    "kilos": "kg",
    "’": "ft",
    "’’": "in",
    "”": "in",
}

FINEST = {"kg": Decimal("0.01"), "cm": Decimal("0.1"), "g/L": Decimal("0.001")}
"""How finely a converted amount is kept, by unit: finer than it can have been measured."""

SPELT = {name.lower(): name for factors in FACTORS.values() for name in factors}
"""Each unit as it is spelt, by how it may be typed."""

NEXT = {"st": "lb", "ft": "in"}
"""What a number without a unit is in after an amount in another, as people write it: 11 st 4, 5'4."""

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z/'\"′″’”]*)\s*")


class Converted(Struct, frozen=True):
    """An amount as it was written, and what it is in the unit of the finding."""

    written: str
    value: Decimal
    unit: str
    same: bool = False
    """Whether it is in the unit wanted already, only spelt otherwise."""

    def __str__(self) -> str:
        return f"{self.written} is {plain(self.value)} {self.unit}"


def convert(text: str, unit: str) -> Converted | None:
    """Return an amount with a unit, such as ``154 lb``, ``5 ft 4 in`` or ``70 KG``, in the unit wanted.

    None when the text is no such amount.
    """
    factors = FACTORS.get(unit, {})
    written = " ".join(text.split())
    amounts = _amounts(written)
    units = [name for _, name in amounts]
    if not amounts or not set(units) <= factors.keys() or len(set(units)) < len(units):
        return None
    if units == [unit]:
        return Converted(written, canonical(amounts[0][0]), unit, same=True)
    if [factors[name] for name in units] != sorted((factors[name] for name in units), reverse=True):
        return None
    total = sum((amount * factors[name] for amount, name in amounts), Decimal(0))
    return Converted(written, canonical(total.quantize(FINEST[unit], ROUND_HALF_UP)), unit)


def _amounts(text: str) -> list[tuple[Decimal, str]]:
    """Return the numbers of a text with their units, or nothing where it has anything else in it."""
    found: list[tuple[Decimal, str]] = []
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        name = _unit(part[2], found[-1][1] if found else "") if part is not None else ""
        if part is None or not name:
            return []
        found.append((Decimal(part[1]), name))
        position = part.end()
    return found


def _unit(written: str, before: str) -> str:
    """Return a unit as it is spelt; of a number without one, what it is in after an amount in the unit before."""
    if not written:
        return NEXT.get(before, "")
    name = WORDS.get(written.lower(), written)
    return SPELT.get(name.lower(), name)
