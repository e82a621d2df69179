"""Courses of treatment as data: what a regimen that applies looks like in time.

Only what the source states is on a course. Nothing is computed from how often a course is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from engine.consultation import APPLIES, Consultation
from engine.dosing import Dose
from engine.model import OnCourse, ReferenceKey, natural


class Mark(Struct, frozen=True):
    """A statement that applies, and how it shows on a course."""

    statement: str
    on_course: OnCourse
    references: tuple[ReferenceKey, ...]


class Course(Struct, frozen=True):
    """One regimen that applies: its infusion days, its doses, and what the source sets beside them.

    ``doses`` has a dose for each end of the range and each weight, ``spread`` how those above a limit
    may be spread; ``days`` are the infusion days of the regimen itself.
    """

    regimen: str
    days: int
    doses: Sequence[Dose]
    spread: Sequence[Dose]
    marks: Sequence[Mark]

    def marked(self, shows: str) -> list[Mark]:
        """Return the statements that show in one way: before, alongside, each day, window or in words."""
        return [mark for mark in self.marks if mark.on_course.shows == shows]

    @property
    def last_day(self) -> int:
        """The last day that anything is stated of."""
        spread = [dose.days or 0 for dose in self.spread]
        return max([self.days, *spread, *(mark.on_course.high or 0 for mark in self.marks)])


def courses(consultation: Consultation) -> list[Course]:
    """Return the course of every regimen that applies."""
    knowledge = consultation.knowledge
    applying = consultation.applying(natural(knowledge.regimens))
    return [
        Course(
            name,
            knowledge.regimens[name].days,
            [dose for dose in consultation.doses if dose.statement == name],
            [dose for dose in consultation.doses if dose.of == name],
            _marks(consultation, name),
        )
        for name in applying
    ]


def _marks(consultation: Consultation, regimen: str) -> list[Mark]:
    statements = consultation.knowledge.statements
    return [
        Mark(name, course, statements[name].references)
        for name in natural(statements)
        if (course := statements[name].course) is not None
        and (not course.of or regimen in course.of)
        and consultation.verdicts[name].verdict == APPLIES
    ]


def g_per_kg_a_day(course: Course, dose: Dose) -> Decimal | None:
    """Return what a day of a dose comes to in g/kg, where that is an even number; None otherwise."""
    a_day = dose.g_per_kg / course.days
    return a_day if a_day * course.days == dose.g_per_kg else None
