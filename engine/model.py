"""What a knowledge base is made of: frozen values, and nothing that acts.

Numbers are exact decimals. Ids are the catalogue's: statements ``S…``, conflicts ``A…``, notes
from outside the source ``C…``; findings, concepts and parameters have names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property, lru_cache

from msgspec import Struct

from engine.logic import AnyDose, Condition, DoseTest, Gate, Named, Not, Test, Value, every, parts, some

__all__ = ["AnyDose", "Condition", "DoseTest", "Gate", "Named", "Not", "Test", "Value", "every", "parts", "some"]


ReferenceKey = int | str
"""What a reference is cited by: a number of the source, or a name of a layer."""

KINDS = (
    "indication",
    "role",
    "against",
    "contraindication",
    "caution",
    "regimen",
    "regimen_detail",
    "co_treatment",
    "setting",
    "monitoring",
    "comparison",
    "evidence",
    "timing",
    "context",
)
"""The kinds of statement, in the order in which they matter when a list has to be ordered."""

SUPPORT = ("indication", "role")
OPPOSED = ("against", "contraindication")
"""The kinds of statement for and against a use."""

ACTUAL_WEIGHT = "actual_weight_kg"
IDEAL_WEIGHT = "ideal_weight_kg"

WEIGHTS_BY_BASIS = {
    "ideal": (IDEAL_WEIGHT,),
    "actual": (ACTUAL_WEIGHT,),
    "not stated": (ACTUAL_WEIGHT, IDEAL_WEIGHT),
}
"""The weight findings that a regimen may be dosed by, for what its source says of the weight."""


# The entries of a knowledge base. ----------------------------------------------------------


class Finding(Struct, frozen=True):
    """An input: one thing that can be known of a patient.

    ``type`` is ``yes/no``, ``choice``, ``whole number`` or ``number``. ``only_if`` is the test
    that governs it: while that is false, the finding is not applicable. Findings of one ``topic`` are
    asked about together.
    """

    name: str
    asks: str
    type: str
    choices: tuple[str, ...] = ()
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    only_if: Test | None = None
    help: str = ""
    undefined: str = ""
    topic: str = ""

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.type in ("number", "whole number")


class Concept(Struct, frozen=True):
    """A named proposition that statements share."""

    id: str
    says: str
    when: Condition


class Regimen(Struct, frozen=True):
    """A dose of the source: ``low`` to ``high`` g/kg in all over ``days`` days.

    ``weight`` is the weight to dose by: ``ideal``, ``actual`` or ``not stated``. ``daily`` is the
    g/kg a day where the source states it. ``lower_end`` names the conflict that the lower end of
    the range is part of.
    """

    low: Decimal
    high: Decimal
    days: int
    weight: str
    daily: Decimal | None = None
    lower_end: str = ""


class Spread(Struct, frozen=True):
    """How doses above a limit may be spread: ``daily`` g/kg over ``shortest`` to ``longest`` days.

    ``outside`` names the conflict to point to when the dose does not take so many days.
    """

    daily: Decimal
    shortest: int
    longest: int
    outside: str = ""


class OnCourse(Struct, frozen=True):
    """How a statement shows in the picture of a course of treatment.

    ``shows`` is ``before``, ``alongside``, ``each day``, ``window`` (from day ``low`` to day ``high``)
    or ``in words``; ``of`` names the regimens whose course it is, none for all of them. ``goes_on``
    marks a window that has no end: what is said to come after so many days.
    """

    shows: str
    label: str
    of: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    goes_on: bool = False


class Statement(Struct, frozen=True):
    """One atomic sentence of the source, in our own words, and when it applies.

    ``source`` is a locator such as ``A1.2``. A statement that is no rule has no ``when`` and
    says in ``not_encoded`` why, and ``on_top`` whether it is to be read first. ``before_treatment`` marks what
    is to be done before IVIG is given.
    """

    id: str
    says: str
    kind: str = ""
    source: str = ""
    references: tuple[ReferenceKey, ...] = ()
    when: Condition | None = None
    regimen: Regimen | None = None
    spread: Spread | None = None
    fulfilled: Condition | None = None
    before_treatment: bool = False
    course: OnCourse | None = None
    not_encoded: str = ""
    on_top: bool = False


class Conflict(Struct, frozen=True):
    """A tension the source leaves open, shown and never settled.

    ``between`` holds its sides, each a group of statement ids or of concepts that stand for the
    statements under them.
    """

    id: str
    says: str
    when: Condition
    between: tuple[tuple[str, ...], ...] = ()
    decides_status: bool = False


class Reference(Struct, frozen=True):
    """What is cited, its entry if the source lists one, and how that is known."""

    number: ReferenceKey
    basis: str
    entry: str = ""


class Formula(Struct, frozen=True):
    """An ideal-weight formula: a base weight by sex, plus so much per inch above a height."""

    name: str
    sex: str
    height: str
    base: Mapping[str, Decimal]
    per_inch: Decimal
    from_inches: Decimal
    not_for: str
    rounded_to: Decimal


class Parameter(Struct, frozen=True):
    """A local setting that derives one finding; the source gives none.

    Either a limit (``below`` and ``otherwise`` are the two values it derives from the number
    ``source``) or a choice among ``formulas``.
    """

    name: str
    says: str
    type: str
    derives: str
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    source: str = ""
    below: str = ""
    otherwise: str = ""
    formulas: Mapping[str, Formula] | None = None


class Note(Struct, frozen=True):
    """A fact from outside the source; it never decides anything."""

    id: str
    says: str
    citation: str
    attaches_to: tuple[str, ...]


class Section(Struct, frozen=True):
    """A section of the source: its heading, the part it stands in, a digest for each bullet."""

    code: str
    heading: str
    part: str
    bullets: tuple[str, ...]


class Guideline(Struct, frozen=True):
    """What the knowledge base is: its name, its scope and what its source leaves out."""

    id: str
    edition: str
    title: str
    treatment: str
    requires: Condition
    sections: Mapping[str, Section]
    not_covered: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()


class Layer(Struct, frozen=True):
    """Statements of another source, laid over a guideline; ``entries`` has the name of each."""

    id: str
    title: str
    edition: str
    entries: tuple[str, ...] = ()


class Knowledge(Struct, frozen=True, dict=True):
    """A whole knowledge base, checked: every name in it is known and no rule rests on itself."""

    guideline: Guideline
    references: Mapping[ReferenceKey, Reference]
    findings: Mapping[str, Finding]
    concepts: Mapping[str, Concept]
    statements: Mapping[str, Statement]
    document: Mapping[str, Statement]
    conflicts: Mapping[str, Conflict]
    parameters: Mapping[str, Parameter]
    notes: Mapping[str, Note]
    layers: tuple[Layer, ...] = ()
    digest: str = ""

    @cached_property
    def rules(self) -> Mapping[str, Condition]:
        """The condition of every concept, statement and conflict, by id.

        The test that the guideline requires of each statement and conflict is part of theirs.
        """
        conditions = {s.id: s.when for s in self.statements.values() if s.when is not None}
        conditions |= {conflict.id: conflict.when for conflict in self.conflicts.values()}
        scoped = {name: _within(self.guideline.requires, condition) for name, condition in conditions.items()}
        return {**{concept.id: concept.when for concept in self.concepts.values()}, **scoped}

    @cached_property
    def layer_of(self) -> Mapping[str, str]:
        """The layer of every entry that stands in one, by name; what the guideline says itself is in none."""
        return {name: layer.id for layer in self.layers for name in layer.entries}

    @cached_property
    def regimens(self) -> Mapping[str, Regimen]:
        """The regimens, by the id of their statement."""
        return {s.id: s.regimen for s in self.statements.values() if s.regimen is not None}

    @cached_property
    def units(self) -> Mapping[str, str]:
        """The unit of every finding, by name; empty for one without."""
        return {finding.name: finding.unit for finding in self.findings.values()}

    def statements_of(self, *kinds: str) -> list[str]:
        """Return the ids of the statements of these kinds."""
        return [s.id for s in self.statements.values() if s.kind in kinds]

    def statements_under(self, name: str) -> list[str]:
        """Return the statements that a name stands for: itself, or those that make a concept hold."""
        if name not in self.concepts:
            return [name]
        named = [part.name for part in parts(self.concepts[name].when) if isinstance(part, Named)]
        return natural({found for inner in named for found in self.statements_under(inner)})

    def sides(self, conflict: str) -> list[list[str]]:
        """Return the sides of a conflict, each as the ids of its statements."""
        return [
            natural({found for name in side for found in self.statements_under(name)})
            for side in self.conflicts[conflict].between
        ]


def _within(scope: Condition, condition: Condition) -> Gate:
    if isinstance(condition, Gate) and condition.needed == len(condition.of):
        return every(scope, *condition.of)
    return every(scope, condition)


def in_order(references: Iterable[ReferenceKey]) -> list[ReferenceKey]:
    """Return references as they are listed: numbers first, then names."""
    return sorted(set(references), key=lambda key: (isinstance(key, str), _natural_key(str(key))))


def natural(ids: Iterable[str]) -> list[str]:
    """Return ids in natural order: S2 before S10."""
    return sorted(ids, key=_natural_key)


@lru_cache(maxsize=65_536)
def _natural_key(name: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(run), "") if run.isdecimal() else (-1, run) for run in re.findall(r"[0-9]+|[^0-9]+", name))
