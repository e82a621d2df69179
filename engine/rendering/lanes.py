"""The lanes of a timeline as words and data: what stands on each, on which days, and the same as a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine.consultation import Consultation
from engine.courses import Course, Mark
from engine.dosing import Dose
from engine.errors import listed
from engine.language import plain
from engine.model import Knowledge, in_order
from engine.rendering import words
from engine.rendering.page import joined, numbers

COUNTED = (
    "Day 1 is the first infusion drawn here, the first of this course; from when the source counts, it does not say."
)


class Lane(Struct, frozen=True):
    """A line of words, and what is drawn below it from a first to a last day; nothing, where there is no day.

    Day 0 is before the first infusion. ``style`` is what is drawn: what comes ``before``, an ``infusion``
    as the source states it, one that is ``divided`` equally, an ``alternative`` to all infusions, what
    goes ``alongside``, a square to ``tick`` by hand or a ``window``. ``each`` draws it on each of the days
    rather than once over all, ``label`` stands in it. ``goes_on`` adds an arrow to the right,
    ``from_start`` a line from the start of day 1.
    """

    says: str
    style: str = ""
    first: int = 1
    last: int = 0
    label: str = ""
    each: bool = False
    goes_on: bool = False
    from_start: bool = False

    @property
    def days(self) -> range:
        """The days that something is drawn on."""
        return range(self.first, self.last + 1)


def heading(course: Course) -> str:
    """Say which regimens a course is of, and how much they give over how many days."""
    low, high = course.g_per_kg[0], course.g_per_kg[-1]
    amount = plain(high) if low == high else f"{plain(low)} to {plain(high)}"
    return f"{listed(course.regimens)}: {amount} g/kg {_over(course.days)}"


def in_words(course: Course, consultation: Consultation) -> str:
    """Return all that the picture of a course says, as text."""
    return " ".join([*(_sentence(lane) for lane in lanes(course, consultation)), *captions(course, consultation)])


def lanes(course: Course, consultation: Consultation) -> list[Lane]:
    """Return the lanes of a course, from what comes before it to what is expected of it."""

    def says(mark: Mark) -> str:
        return _says(mark, course, consultation)

    return [
        *(Lane(says(mark), "before", 0, 0, mark.statement) for mark in course.marked("before")),
        *(_infusions(course, number, consultation) for number in range(len(course.doses))),
        *_spread(course, consultation.knowledge),
        *(Lane(says(mark), "alongside", last=course.days, label="alongside") for mark in course.marked("alongside")),
        *(Lane(says(mark), "tick", last=course.days, each=True, goes_on=True) for mark in course.marked("each day")),
        *(_window(mark, says(mark)) for mark in course.marked("window")),
    ]


def captions(course: Course, consultation: Consultation) -> list[str]:
    """Return what is said below the picture of a course."""
    counted = [COUNTED] if course.marked("window") else []
    return [*(_says(mark, course, consultation) for mark in course.marked("in words")), *counted]


def _says(mark: Mark, course: Course, consultation: Consultation) -> str:
    """Say what a mark is, with whom it goes where that is not the whole course, and what it rests on."""
    of = f"(with {listed(mark.of)})" if mark.of != course.regimens else ""
    layer = words.layer_label(consultation.knowledge, mark.statement)
    label = words.rests_on(consultation, mark.statement)
    parts = (mark.statement, mark.on_course.label, numbers(mark.references), layer, of, label)
    return joined(filter(None, parts), " ")


def _infusions(course: Course, number: int, consultation: Consultation) -> Lane:
    """Return the lane of one of the doses of a course: they are alternatives."""
    dose = course.doses[number]
    amount = words.amount_and_product(dose, consultation.knowledge)
    told = f"or {amount}" if number else f"{listed(course.regimens)}: {amount}"
    references = in_order(n for name in course.regimens for n in consultation.references(name))
    says = _with_notes(f"{told} {numbers(references)}", dose)
    a_day = course.daily_of(dose)
    if dose.daily_g is not None:
        style = "divided" if a_day is None else "infusion"
        return Lane(says, style, last=course.days, label=words.grams(dose.daily_g), each=True)
    if a_day is not None:
        return Lane(says, "infusion", last=course.days, label=f"{plain(a_day)} g/kg", each=True)
    return Lane(says, "infusion", last=course.days, label=f"{plain(dose.g_per_kg)} g/kg {_over(course.days)}")


def _spread(course: Course, knowledge: Knowledge) -> Iterator[Lane]:
    """Yield the lanes of how a large dose may be spread; no boxes where the regimen gives just that already."""
    for dose, readings in words.by_reading(course.spread):
        told = words.spread(dose, readings, knowledge)
        cited = f"{numbers(dose.references)} {words.layer_label(knowledge, dose.statement)}".rstrip()
        if any((d.daily_g, d.days) == (dose.daily_g, dose.days) for d in course.doses):
            yield Lane(_with_notes(f"{dose.statement}: {told} {cited}", dose))
            continue
        says = _with_notes(f"instead, to consider: {dose.statement}, {told} {cited}", dose)
        days, label = dose.days or 0, words.grams(dose.daily_g) if dose.daily_g is not None else ""
        yield Lane(says, "alternative", last=days, label=label, each=True)


def _with_notes(says: str, dose: Dose) -> str:
    return f"{says}. {joined(dose.notes, ' ')}" if dose.notes else says


def _window(mark: Mark, says: str) -> Lane:
    """Return the lane of a window: what comes within so many days begins at day 1, what comes after them goes on."""
    low, high, after = mark.on_course.low or 1, mark.on_course.high or 1, mark.on_course.goes_on
    label = f"{'after' if after else 'within'} {low}–{high} days"
    return Lane(says, "window", low, high, label, goes_on=after, from_start=not after)


def _over(days: int) -> str:
    return "over 1 day" if days == 1 else f"over {days} days"


def _sentence(lane: Lane) -> str:
    """Say where a lane has its marks, and what it says."""
    return f"{_where(lane)}{lane.says.rstrip('.')}."


def _where(lane: Lane) -> str:
    days = f"days {lane.first} to {lane.last}" if lane.last > lane.first else f"day {lane.first}"
    each = f"each of {days}" if lane.last > lane.first else days
    wheres = {
        "before": "Before the first infusion",
        "infusion": f"{_capital(each if lane.each else days)}, {lane.label}",
        "divided": f"{_capital(each)}, if divided equally, {lane.label}",
        "alternative": f"An alternative, {each}, {lane.label}",
        "alongside": "Alongside the infusions",
        "tick": "Every day",
        "window": f"After {days}" if lane.goes_on else f"From day 1, within {days}",
    }
    return f"{wheres[lane.style]}: " if lane.days else ""


def _capital(says: str) -> str:
    return says[:1].upper() + says[1:]
