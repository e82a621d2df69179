"""Doses as SQL: exact decimals, digit for digit those of ``dosing``.

Which doses a patient can get is known beforehand: one for each regimen, end of its range and weight, and
one for each of these that a statement on large doses spreads. Each is a ``Slot``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec import Struct
from sqlglot import exp

from engine import dosing
from engine.cohorts.cells import joined
from engine.cohorts.truths import (
    OPERATORS,
    Sql,
    choose,
    column,
    every,
    negated,
    number,
    text,
    unknown,
)
from engine.language import plain
from engine.model import (
    ACTUAL_WEIGHT,
    IDEAL_WEIGHT,
    WEIGHTS_BY_BASIS,
    AnyDose,
    Knowledge,
    ReferenceKey,
    Regimen,
    Spread,
    natural,
)

PLACES = 6
"""How many decimals a weight, and a rounded dose, can have."""

DERIVED_IDEAL = f"{IDEAL_WEIGHT}__by_parameter"
"""The column that says whether a local parameter derived the ideal weight."""


class Amount(Struct, frozen=True):
    """Grams: exactly so, with so many decimals."""

    grams: Sql
    decimals: int


class Note(Struct, frozen=True):
    """A note on a dose, when it stands there (None for always), and whether it is on the weight dosed by."""

    words: Sql
    when: Sql | None = None
    is_on_weight: bool = False


class Basis(Struct, frozen=True):
    """A weight to dose by: its column, what it is called in a dose, when it is one, and a name for it."""

    weight: str
    words: Sql
    when: tuple[Sql, ...]
    name: str


class Slot(Struct, frozen=True):
    """A dose that a patient may get, and ``when``; its weight and its grams are NULL while no weight is known."""

    statement: str
    when: Sql
    g_per_kg: Decimal
    days: int | None
    references: Sequence[ReferenceKey]
    notes: Sequence[Note]
    basis: Basis
    total: Amount
    daily: Amount
    of: str | None = None
    reading: str | None = None

    @property
    def name(self) -> str:
        """A name for it among the columns: what it is a dose of, its g/kg, its weight."""
        parts = (self.statement, self.of, self.reading, plain(self.g_per_kg).replace(".", "_"), self.basis.name)
        return "_".join(part for part in parts if part)


def slots(knowledge: Knowledge, ideal_parameter: str) -> list[Slot]:
    """Return every dose that a patient may get, in the order of a consultation.

    ``ideal_parameter`` names the local parameter in force that derives the ideal weight; empty without one.
    """
    ordered = natural(knowledge.statements)
    courses = [
        slot
        for name in ordered
        if (regimen := knowledge.statements[name].regimen) is not None
        for end in dosing.ends(regimen)
        for slot in _courses(knowledge, name, regimen, end, ideal_parameter)
    ]
    return [*courses, *(slot for name in ordered for slot in _spread(knowledge, name, courses))]


def _courses(
    knowledge: Knowledge, name: str, regimen: Regimen, per_kg: Decimal, ideal_parameter: str
) -> Iterator[Slot]:
    references = knowledge.statements[name].references
    notes: tuple[Note, ...] = ()
    if regimen.lower_end and per_kg == regimen.low and regimen.low != regimen.high:
        notes = (_pointer(knowledge, regimen.lower_end),)
    for basis in _bases(WEIGHTS_BY_BASIS[regimen.weight]):
        weight = column(basis.weight)
        daily, rounding = _a_day(per_kg, weight, regimen.days)
        more = (*notes, *rounding, *_weight_notes(basis, ideal_parameter))
        total = Amount(_times(per_kg, weight.copy()), PLACES + _decimals(per_kg))
        yield Slot(name, every(column(name), *basis.when), per_kg, regimen.days, references, more, basis, total, daily)


def _bases(weights: Sequence[str]) -> Iterator[Basis]:
    """Yield what a regimen may be dosed by; the first stands there also where no weight is known."""
    if len(weights) == 1:
        words = "ideal" if weights[0] == IDEAL_WEIGHT else "actual"
        yield Basis(weights[0], choose((_known(weights[0]), text(words))), (), words)
        return
    equal = exp.EQ(this=column(ACTUAL_WEIGHT), expression=column(IDEAL_WEIGHT))
    either = choose((equal, text("actual_and_ideal")), (_known(ACTUAL_WEIGHT), text("actual")))
    none = unknown(column(IDEAL_WEIGHT))
    yield Basis(ACTUAL_WEIGHT, either, (exp.paren(exp.or_(_known(ACTUAL_WEIGHT), none)),), "actual")
    differ = exp.paren(exp.or_(negated(equal.copy()), unknown(column(ACTUAL_WEIGHT))))
    yield Basis(IDEAL_WEIGHT, text("ideal"), (_known(IDEAL_WEIGHT), differ), "ideal")


def _known(weight: str) -> Sql:
    return negated(unknown(column(weight)))


def _times(factor: Decimal, weight: Sql) -> Sql:
    return exp.Mul(this=number(factor), expression=weight)


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _a_day(per_kg: Decimal, weight: Sql, days: int) -> tuple[Amount, tuple[Note, ...]]:
    """Return the grams of one day; where they need not come out even, as ``dosing`` rounds them, and says so."""
    rest = days
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    share = per_kg / (days // rest)
    if rest == 1:
        return Amount(_times(share, weight), PLACES + _decimals(share)), ()
    decimals = PLACES + _decimals(share)
    units = exp.cast(exp.Mul(this=_times(share, weight), expression=whole(10**decimals)), "BIGINT")
    uneven = exp.NEQ(this=exp.Mod(this=units.copy(), expression=whole(rest)), expression=whole(0))
    divisor = rest * 10 ** (decimals - PLACES)
    doubled = exp.paren(
        exp.Add(this=exp.Mul(this=units.copy(), expression=whole(2)), expression=whole(divisor)), copy=False
    )
    rounded = _scaled(exp.IntDiv(this=doubled, expression=whole(2 * divisor)), PLACES)
    exact = _scaled(exp.IntDiv(this=units, expression=whole(rest)), decimals)
    words = text(f"The daily figure is rounded to {plain(dosing.FINEST)} g.")
    return Amount(choose((uneven, rounded), default=exact), decimals), (Note(words, uneven.copy()),)


def whole(value: int) -> Sql:
    """Return a whole number."""
    return exp.Literal.number(value)


def _scaled(units: Sql, decimals: int) -> Sql:
    """Return whole units as a decimal."""
    unit = Decimal(1).scaleb(-decimals)
    return exp.Mul(this=exp.cast(units, "DECIMAL(18, 0)"), expression=exp.Literal.number(format(unit, "f")))


def _weight_notes(basis: Basis, ideal_parameter: str) -> Iterator[Note]:
    if basis.name == "ideal":
        exceeds = exp.GT(this=column(IDEAL_WEIGHT), expression=column(ACTUAL_WEIGHT))
        ideal, actual = digits(column(IDEAL_WEIGHT)), digits(column(ACTUAL_WEIGHT))
        yield Note(
            joined("The ideal weight, ", ideal, " kg, exceeds the actual weight, ", actual, " kg."), exceeds, True
        )
    if ideal_parameter:
        words = text(f"The ideal weight is from {ideal_parameter}: local parameter, not in the source.")
        is_by_ideal = exp.In(this=basis.words.copy(), expressions=[text("ideal"), text("actual_and_ideal")])
        yield Note(words, every(is_by_ideal, column(DERIVED_IDEAL)), True)


def digits(value: Sql) -> Sql:
    """Return a decimal as text, without closing zeros."""
    written: Sql = exp.cast(value, "TEXT")
    for signs in ("0", "."):
        written = exp.Trim(this=written, expression=text(signs), position="TRAILING")
    return choose(
        (
            exp.EQ(this=exp.Floor(this=value.copy()), expression=value.copy()),
            exp.cast(exp.cast(value.copy(), "BIGINT"), "TEXT"),
        ),
        default=written,
    )


def _spread(knowledge: Knowledge, name: str, courses: Sequence[Slot]) -> Iterator[Slot]:
    """Yield each dose above the limit, in either reading, as it may be spread."""
    statement = knowledge.statements[name]
    spread, limit = statement.spread, statement.when
    if spread is None or not isinstance(limit, AnyDose):
        return
    for course in courses:
        for reading, amount in (("total", course.total), ("daily", course.daily)):
            above = OPERATORS[limit.operator](this=amount.grams.copy(), expression=number(limit.grams))
            when = every(column(name), course.when.copy(), above)
            yield _spread_slot(knowledge, name, spread, course, reading, when)


def _spread_slot(knowledge: Knowledge, name: str, spread: Spread, course: Slot, reading: str, when: Sql) -> Slot:
    days = dosing.days_of(spread, course.g_per_kg)
    pointers = (_pointer(knowledge, spread.outside),) if days is None and spread.outside else ()
    weighing = tuple(note for note in course.notes if note.is_on_weight)
    daily = Amount(_times(spread.daily, column(course.basis.weight)), PLACES + _decimals(spread.daily))
    return Slot(
        name, when, course.g_per_kg, days, knowledge.statements[name].references, (*pointers, *weighing),
        course.basis, course.total, daily, course.statement, reading,
    )  # fmt: skip


def _pointer(knowledge: Knowledge, conflict: str) -> Note:
    return Note(text(f"{conflict}: {knowledge.conflicts[conflict].says}"))
