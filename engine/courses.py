"""Courses of treatment as data: what a regimen that applies looks like in time.

Only what the source states is on a course. Nothing is computed from how often a course is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from engine.consultation import APPLIES, Consultation
from engine.dosing import Dose, ends
from engine.model import OnCourse, ReferenceKey, natural


class Mark(Struct, frozen=True):
    """A statement that applies, and how it shows on a course; ``of`` has those regimens that it goes with."""

    statement: str
    on_course: OnCourse
    of: tuple[str, ...]
    references: tuple[ReferenceKey, ...]


class Course(Struct, frozen=True):
    """Regimens that apply and give the same doses: their infusion days, and what the source sets beside them.

    ``g_per_kg`` has the ends of the range, ``days`` are the infusion days of the regimens themselves,
    and ``daily`` is the g/kg a day where the source states it. ``doses`` has a dose for each end of the
    range and each weight, ``spread`` how those above a limit may be spread.
    """

    regimens: tuple[str, ...]
    g_per_kg: tuple[Decimal, ...]
    days: int
    daily: Decimal | None
    doses: Sequence[Dose]
    spread: Sequence[Dose]
    marks: Sequence[Mark]

    def marked(self, shows: str) -> list[Mark]:
        """Return the statements that show in one way: before, alongside, each day, window or in words."""
        return [mark for mark in self.marks if mark.on_course.shows == shows]

    def daily_of(self, dose: Dose) -> Decimal | None:
        """Return the g/kg a day that the source states of a dose; None where a day's figure would be arithmetic."""
        stated = self.daily is not None and self.daily * self.days == dose.g_per_kg
        return self.daily if stated else None


def courses(consultation: Consultation) -> list[Course]:
    """Return the course of every regimen that applies, one for those that give the same doses."""
    return [_course(consultation, alike) for alike in same_doses(consultation)]


def same_doses(consultation: Consultation) -> list[list[str]]:
    """Return the regimens that apply, in groups that give the same doses and state the same of a day."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in consultation.applying(natural(consultation.knowledge.regimens)):
        regimen = consultation.knowledge.regimens[name]
        key = (regimen.low, regimen.high, regimen.days, regimen.daily, regimen.weight, regimen.lower_end)
        groups.setdefault(key, []).append(name)
    return list(groups.values())


def _course(consultation: Consultation, alike: list[str]) -> Course:
    regimen = consultation.knowledge.regimens[alike[0]]
    return Course(
        tuple(alike),
        ends(regimen),
        regimen.days,
        regimen.daily,
        [dose for dose in consultation.doses if dose.statement == alike[0]],
        [dose for dose in consultation.doses if dose.of == alike[0]],
        _marks(consultation, alike),
    )


def _marks(consultation: Consultation, alike: list[str]) -> list[Mark]:
    statements = consultation.knowledge.statements
    return [
        Mark(name, course, with_, statements[name].references)
        for name in natural(statements)
        if (course := statements[name].course) is not None
        and (with_ := tuple(regimen for regimen in alike if not course.of or regimen in course.of))
        and consultation.verdicts[name].verdict == APPLIES
    ]
