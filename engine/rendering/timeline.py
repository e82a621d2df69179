"""The timeline of a course of treatment as a picture, with the same in words."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine.consultation import Consultation
from engine.courses import Course, Mark, g_per_kg_a_day
from engine.dosing import Dose
from engine.errors import listed
from engine.language import plain
from engine.model import Knowledge, in_order
from engine.rendering import words
from engine.rendering.drawing import LINE, Picture, fitting, wrapped
from engine.rendering.page import joined, numbers

WIDTH = 620.0
LEFT = 2.0
"""Where lines of words begin."""

BEFORE = 64.0
"""The width of the column before the first day."""

DAY = 60.0
"""The width of an infusion day, where there is room for all of them."""

LEAST = 40.0
"""The least width that is kept for each of four days of a window."""

GAP = 36.0
"""The width of the break between the infusion days and the window."""

ARROW = 24.0
"""The width of an arrow that says: and on."""

BAR = 24.0
"""The height of what is drawn in a lane."""

BELOW = 12.0
"""The height left free below a lane."""

COUNTED = "Days are counted from the first infusion; from when the source counts, it does not say."


class Lane(Struct, frozen=True):
    """A line of words, and what is drawn below it.

    ``cells`` has what stands in each infusion day; the rest says where else something is drawn.
    """

    says: str
    cells: tuple[str, ...] = ()
    before: str = ""
    bar: int = 0
    window: tuple[int, int] | None = None
    goes_on: bool = False

    @property
    def height(self) -> float:
        """The height of what is drawn below the words."""
        return BAR if self.cells or self.before or self.bar or self.window else -4.0


def timeline(course: Course, consultation: Consultation) -> str:
    """Return the picture of a course as SVG."""
    return str(_Timeline(course, consultation).draw())


def in_words(course: Course, consultation: Consultation) -> str:
    """Return all that the picture of a course says, as text."""
    return " ".join([*(_sentence(lane) for lane in lanes(course, consultation)), *captions(course, consultation)])


def lanes(course: Course, consultation: Consultation) -> list[Lane]:
    """Return the lanes of a course, from what comes before it to what is expected of it."""

    def says(mark: Mark) -> str:
        return _says(mark, course, consultation)

    return [
        *(Lane(says(mark), before=mark.statement) for mark in course.marked("before")),
        *(_infusions(course, number, consultation) for number in range(len(course.doses))),
        *_spread(course, consultation.knowledge),
        *(Lane(says(mark), bar=course.days, goes_on=True) for mark in course.marked("alongside")),
        *(Lane(says(mark), cells=("✓",) * course.days, goes_on=True) for mark in course.marked("each day")),
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
    return Lane(f"{told} {numbers(references)}", cells=(_a_day(course, dose),) * course.days)


def _a_day(course: Course, dose: Dose) -> str:
    if dose.daily_g is not None:
        return words.grams(dose.daily_g)
    a_day = g_per_kg_a_day(course, dose)
    return f"{plain(a_day)} g/kg" if a_day is not None else "?"


def _spread(course: Course, knowledge: Knowledge) -> Iterator[Lane]:
    for dose, readings in words.by_reading(course.spread):
        says = words.spread(dose, readings, knowledge)
        alike = any((d.daily_g, d.days) == (dose.daily_g, dose.days) for d in course.doses)
        cells = () if alike or dose.daily_g is None else (words.grams(dose.daily_g),) * (dose.days or 0)
        layer = words.layer_label(knowledge, dose.statement)
        yield Lane(f"{dose.statement}: {says} {numbers(dose.references)} {layer}".rstrip(), cells=cells)


def _window(mark: Mark, says: str) -> Lane:
    low, high = mark.on_course.low or 0, mark.on_course.high or 0
    return Lane(says, window=(low, high), goes_on=mark.on_course.goes_on)


def _sentence(lane: Lane) -> str:
    """Say where a lane has its marks."""
    if lane.before:
        return f"Before the first infusion: {lane.says}."
    if lane.window:
        after = " and after" if lane.goes_on else ""
        return f"Days {lane.window[0]} to {lane.window[1]}{after}: {lane.says}."
    if lane.bar:
        return f"Alongside the infusions: {lane.says}."
    if lane.cells:
        every = "Every day" if lane.goes_on else f"Each of days 1 to {len(lane.cells)}, {lane.cells[0]}"
        return f"{every}: {lane.says}."
    return f"{lane.says}."


class _Timeline:
    """One timeline as it is drawn, lane below lane."""

    def __init__(self, course: Course, consultation: Consultation) -> None:
        self.course = course
        self.consultation = consultation
        self.lanes = [(lane, wrapped(lane.says, WIDTH)) for lane in lanes(course, consultation)]
        self.below = [line for caption in captions(course, consultation) for line in wrapped(caption, WIDTH)]
        self.infusion_days = max([course.days, *(len(lane.cells) for lane, _ in self.lanes)])
        windows = [lane.window for lane, _ in self.lanes if lane.window]
        room = WIDTH - BEFORE - GAP - ARROW - 4 * LEAST
        self.day = min(DAY, room / self.infusion_days)
        self.window = (min(low for low, _ in windows), max(high for _, high in windows)) if windows else None

    def draw(self) -> Picture:
        heights = [LINE * len(lines) + 4 + lane.height + BELOW for lane, lines in self.lanes]
        height = 2 * LINE + sum(heights) + LINE * len(self.below) + 8
        title = f"Timeline of {listed(self.course.regimens)}"
        name = f"timeline-{joined(self.course.regimens, '-')}"
        picture = Picture(name, title, in_words(self.course, self.consultation), WIDTH, height)
        self.axis(picture, height - LINE * len(self.below) - 8)
        y = 2.0 * LINE
        for (lane, lines), lane_height in zip(self.lanes, heights, strict=True):
            for number, line in enumerate(lines):
                picture.text(line, LEFT, y + LINE * (number + 0.75))
            self.lane(picture, lane, y + LINE * len(lines) + 4)
            y += lane_height
        for number, line in enumerate(self.below):
            picture.text(line, LEFT, y + LINE * (number + 0.75), "dim", 12)
        return picture

    def axis(self, picture: Picture, bottom: float) -> None:
        """Name the days on top, with a line down at each."""
        picture.text("before", BEFORE / 2, LINE * 0.8, "dim", 12, "middle")
        days = [*range(1, self.infusion_days + 1)]
        days += [day for day in range(self.window[0], self.window[1] + 1) if day not in days] if self.window else []
        for day in days:
            picture.text(f"day {day}", self.x(day) + self.width(day) / 2, LINE * 0.8, "dim", 12, "middle")
            picture.line(self.x(day), LINE * 1.2, self.x(day), bottom, "grid")
        if self.window and self.window[0] > self.infusion_days + 1:
            picture.text("…", self.x(self.window[0]) - GAP / 2, LINE * 0.8, "dim", 12, "middle")

    def lane(self, picture: Picture, lane: Lane, y: float) -> None:
        """Draw what a lane has."""
        if lane.before:
            self.bar(picture, 2, BEFORE - 4, y, "before", lane.before)
        for day, cell in enumerate(lane.cells, 1):
            self.bar(picture, self.x(day) + 2, self.width(day) - 4, y, "tick" if lane.goes_on else "infusion", cell)
        last = lane.window[1] if lane.window else lane.bar or len(lane.cells)
        if lane.goes_on:
            end = self.x(last) + self.width(last)
            picture.arrow(end, end + ARROW - 4, y + BAR / 2)
        if lane.bar:
            end = self.x(lane.bar) + self.width(lane.bar)
            self.bar(picture, self.x(1) + 2, end - self.x(1) - 4, y, "alongside", "alongside")
        if lane.window:
            low, high = lane.window
            end = self.x(high) + self.width(high)
            self.bar(picture, self.x(low) + 2, end - self.x(low) - 4, y, "window", f"days {low}–{high}")

    def bar(self, picture: Picture, x: float, width: float, y: float, style: str, label: str) -> None:
        picture.box(x, y, width, BAR, style)
        picture.text(label, x + width / 2, y + BAR * 0.7, "inside", fitting(label, width - 4), "middle")

    def x(self, day: int) -> float:
        """Return where a day begins; the days between the infusions and the window are left out."""
        if day <= self.infusion_days or self.window is None:
            return BEFORE + self.day * (day - 1)
        first = max(self.window[0], self.infusion_days + 1)
        gap = GAP if self.window[0] > self.infusion_days + 1 else 0.0
        return BEFORE + self.day * self.infusion_days + gap + self.width(day) * (day - first)

    def width(self, day: int) -> float:
        """Return the width of a day: those of the window share what is left."""
        if day <= self.infusion_days or self.window is None:
            return self.day
        left = WIDTH - ARROW - BEFORE - self.day * self.infusion_days - GAP
        return left / (self.window[1] - max(self.window[0], self.infusion_days + 1) + 1)
