"""Doses: exact arithmetic on the regimens that apply. The one place where kilograms become grams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, Inexact, localcontext

from msgspec import Struct
from msgspec.structs import replace

from engine.language import canonical, plain
from engine.model import (
    ACTUAL_WEIGHT,
    IDEAL_WEIGHT,
    WEIGHTS_BY_BASIS,
    AnyDose,
    DoseTest,
    Gate,
    Knowledge,
    Named,
    ReferenceKey,
    Regimen,
    Spread,
    Value,
    every,
    some,
)

FINEST = Decimal("0.000001")
"""A quotient that does not come out even is rounded to this many grams, and a note says so."""

_BASIS = {(ACTUAL_WEIGHT,): "actual", (IDEAL_WEIGHT,): "ideal", (ACTUAL_WEIGHT, IDEAL_WEIGHT): "actual_and_ideal"}


class Dose(Struct, frozen=True):
    """One dose of one regimen for one weight; weight and grams are None without a usable weight.

    A dose of a statement on doses above a limit (S59) names the regimen it is ``of`` and how the
    limit was read: of the course (``total``) or of one day (``daily``). ``weight_by`` names the local
    parameter that derived the weight, if one did.
    """

    statement: str
    g_per_kg: Decimal
    days: int | None
    weight_basis: str | None = None
    weight_kg: Decimal | None = None
    total_g: Decimal | None = None
    daily_g: Decimal | None = None
    references: tuple[ReferenceKey, ...] = ()
    notes: tuple[str, ...] = ()
    of: str | None = None
    reading: str | None = None
    weight_by: str = ""


def ends(regimen: Regimen) -> tuple[Decimal, ...]:
    """Return the ends of a regimen's range in g/kg: two, or one where they are the same."""
    return (regimen.low,) if regimen.low == regimen.high else (regimen.low, regimen.high)


def grams(per_kg: Decimal, weight_kg: Decimal) -> Decimal:
    """Return a dose in grams."""
    return canonical(per_kg * weight_kg)


def expand(test: AnyDose, knowledge: Knowledge) -> Gate:
    """Return a test on any dose as a plain condition.

    It asks for any regimen, end of its range and permitted weight, that the regimen applies and
    that the dose in grams compares as said.
    """
    return some(
        *(
            every(Named(name), some(*(_dose_test(test, end, weight) for weight in WEIGHTS_BY_BASIS[regimen.weight])))
            for name, regimen in knowledge.regimens.items()
            for end in ends(regimen)
            if test.per_kg is None or end == test.per_kg
        )
    )


def _dose_test(test: AnyDose, per_kg: Decimal, weight: str) -> DoseTest:
    return DoseTest(per_kg, weight, test.operator, test.grams)


def passes(test: DoseTest, weight_kg: Decimal) -> bool:
    """Say whether the dose for a known weight compares as a test says."""
    return _compares(test.operator, grams(test.per_kg, weight_kg), test.grams)


def _compares(operator: str, amount: Decimal, limit: Decimal) -> bool:
    if operator == ">":
        return amount > limit
    if operator == ">=":
        return amount >= limit
    return amount < limit if operator == "<" else amount <= limit


def doses(
    knowledge: Knowledge, applying: Iterable[str], values: Mapping[str, Value], derived_by: Mapping[str, str]
) -> list[Dose]:
    """Return the doses of every regimen that applies, then those spread because they are large.

    ``derived_by`` names the local parameter for each weight that one derived; such doses say so.
    """
    applying = list(applying)
    courses = [
        dose
        for name in applying
        if (regimen := knowledge.statements[name].regimen) is not None
        for end in ends(regimen)
        for dose in _courses(knowledge, name, regimen, end, values, derived_by)
    ]
    spread = [dose for name in applying for dose in _spread(knowledge, name, courses)]
    return courses + spread


def _courses(
    knowledge: Knowledge,
    name: str,
    regimen: Regimen,
    per_kg: Decimal,
    values: Mapping[str, Value],
    derived_by: Mapping[str, str],
) -> Iterator[Dose]:
    references = knowledge.statements[name].references
    notes: tuple[str, ...] = ()
    if regimen.lower_end and per_kg == regimen.low and regimen.low != regimen.high:
        notes = (_pointer(knowledge, regimen.lower_end),)
    empty = Dose(name, per_kg, regimen.days, references=references, notes=notes)
    weighed = list(_by_basis(regimen, values))
    if not weighed:
        yield empty
    for basis, weight in weighed:
        total = grams(per_kg, weight)
        daily, rounding = _a_day(total, regimen.days)
        more = (*notes, *rounding, *_weight_notes(basis, values, derived_by))
        by = derived_by.get(IDEAL_WEIGHT, "") if basis != "actual" else ""
        yield replace(
            empty, weight_basis=basis, weight_kg=weight, total_g=total, daily_g=daily, notes=more, weight_by=by
        )


def _by_basis(regimen: Regimen, values: Mapping[str, Value]) -> Iterator[tuple[str, Decimal]]:
    """Yield each basis with its weight; one basis for both weights when they are equal."""
    known = [
        (name, value) for name in WEIGHTS_BY_BASIS[regimen.weight] if isinstance(value := values.get(name), Decimal)
    ]
    if len(known) == 2 and known[0][1] == known[1][1]:
        yield _BASIS[(known[0][0], known[1][0])], known[0][1]
        return
    for name, weight in known:
        yield _BASIS[(name,)], weight


def _a_day(total: Decimal, days: int) -> tuple[Decimal, tuple[str, ...]]:
    with localcontext() as context:
        context.clear_flags()
        daily = total / days
        even = not context.flags[Inexact]
    if even:
        return canonical(daily), ()
    return daily.quantize(FINEST, ROUND_HALF_EVEN), (f"The daily figure is rounded to {plain(FINEST)} g.",)


_WEIGHT_NOTE = "The ideal weight"


def _weight_notes(basis: str, values: Mapping[str, Value], derived_by: Mapping[str, str]) -> tuple[str, ...]:
    actual, ideal = values.get(ACTUAL_WEIGHT), values.get(IDEAL_WEIGHT)
    notes = []
    if basis == "ideal" and isinstance(actual, Decimal) and isinstance(ideal, Decimal) and ideal > actual:
        notes.append(f"{_WEIGHT_NOTE}, {plain(ideal)} kg, exceeds the actual weight, {plain(actual)} kg.")
    if basis != "actual" and IDEAL_WEIGHT in derived_by:
        notes.append(f"{_WEIGHT_NOTE} is from {derived_by[IDEAL_WEIGHT]}: local parameter, not in the source.")
    return tuple(notes)


def _spread(knowledge: Knowledge, name: str, courses: Iterable[Dose]) -> Iterator[Dose]:
    """Yield for each dose above the limit, in either reading, how it may be spread."""
    statement = knowledge.statements[name]
    spread, limit = statement.spread, statement.when
    if spread is None or not isinstance(limit, AnyDose):
        return
    for course in courses:
        for reading, amount in (("total", course.total_g), ("daily", course.daily_g)):
            if amount is not None and _compares(limit.operator, amount, limit.grams):
                yield _spread_dose(knowledge, name, spread, course, reading)


def _spread_dose(knowledge: Knowledge, name: str, spread: Spread, course: Dose, reading: str) -> Dose:
    days = days_of(spread, course.g_per_kg)
    notes: tuple[str, ...] = ()
    if days is None and spread.outside:
        notes = (_pointer(knowledge, spread.outside),)
    weight = course.weight_kg
    return replace(
        course,
        statement=name,
        of=course.statement,
        reading=reading,
        days=days,
        daily_g=None if weight is None else grams(spread.daily, weight),
        references=knowledge.statements[name].references,
        notes=notes + _weight_notes_of(course),
    )


def days_of(spread: Spread, per_kg: Decimal) -> int | None:
    """Return how many days a dose takes when it is spread, or None where that is not among the days stated."""
    days = per_kg / spread.daily
    fits = spread.shortest <= days <= spread.longest and days == days.to_integral_value()
    return int(days) if fits else None


def _weight_notes_of(course: Dose) -> tuple[str, ...]:
    return tuple(note for note in course.notes if note.startswith(_WEIGHT_NOTE))


def _pointer(knowledge: Knowledge, conflict: str) -> str:
    return f"{conflict}: {knowledge.conflicts[conflict].says}"
