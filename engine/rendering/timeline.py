"""The timeline of a course of treatment as a picture.

It is drawn twice: wide for a screen and for paper, narrow for a phone. No letters in a box get smaller
than the scale of the picture says; words that do not fit into it stand below it.
"""

from __future__ import annotations

import re

from msgspec import Struct

from engine.consultation import Consultation
from engine.courses import Course
from engine.rendering.drawing import LINE, TEXT, Picture, width_of, wrapped
from engine.rendering.lanes import Lane, captions, heading, in_words, lanes
from engine.rendering.page import joined, kept_together


class Scale(Struct, frozen=True):
    """How wide a picture and its parts are: the column before the first day, a day at most, a break, an arrow.

    ``filled`` is the part of a box that words may fill, ``least`` the size of the smallest letters in it;
    ``stacked`` puts the unit of a day's amount below it.
    """

    name: str
    width: float
    before: float
    day: float
    pause: float
    arrow: float
    filled: float
    least: float
    stacked: bool


WIDE = Scale("wide", width=620, before=64, day=60, pause=36, arrow=24, filled=0.9, least=10, stacked=False)
NARROW = Scale("narrow", width=328, before=30, day=60, pause=14, arrow=14, filled=0.965, least=12, stacked=True)

LEFT = 2.0
"""Where lines of words begin."""

INDENT = 16.0
"""How far the words of an alternative stand in."""

SMALL = 12.0
"""The size of the letters above and below the lanes."""

SQUARE = 12.0
"""The side of a square to tick by hand."""

BELOW = 12.0
"""The height left free below a lane."""

_CITED = re.compile(r" (?=\[[0-9])")
_KEPT = "\N{NO-BREAK SPACE}"


def timeline(course: Course, consultation: Consultation, scale: Scale = WIDE) -> str:
    """Return the picture of a course as SVG."""
    return str(_Timeline(course, consultation, scale).draw())


class _Days:
    """Where the days of a timeline stand: all of the same width, those that nothing is drawn on left out."""

    def __init__(self, lanes: list[Lane], scale: Scale) -> None:
        windows = [lane for lane in lanes if lane.style == "window"]
        self.infusions = max(lane.last for lane in lanes if lane not in windows)
        first = max(self.infusions + 1, min((lane.first for lane in windows), default=1))
        self.later = range(first, max((lane.last for lane in windows), default=0) + 1)
        self.before = scale.before if any(lane.style == "before" for lane in lanes) else 0.0
        self.pause = scale.pause if self.later and first > self.infusions + 1 else 0.0
        room = scale.width - self.before - self.pause - scale.arrow
        self.width = min(scale.day, room / (self.infusions + len(self.later)))

    @property
    def all(self) -> list[int]:
        """All days that have a place."""
        return [*range(1, self.infusions + 1), *self.later]

    def start(self, day: int) -> float:
        """Return where a day begins; day 0 is what comes before the first."""
        if day == 0:
            return 0.0
        if day <= self.infusions:
            return self.before + self.width * (day - 1)
        return self.before + self.width * (self.infusions + day - self.later.start) + self.pause

    def end(self, day: int) -> float:
        """Return where a day ends."""
        return self.before if day == 0 else self.start(day) + self.width


class _Span(Struct, frozen=True):
    """Where a box begins and ends."""

    x: float
    end: float

    @property
    def width(self) -> float:
        """How wide the box is."""
        return self.end - self.x

    @property
    def middle(self) -> float:
        """Where its middle is."""
        return (self.x + self.end) / 2

    def narrowed(self, width: float) -> _Span:
        """Return a box of at most that width in its middle."""
        half = min(width, self.width) / 2
        return _Span(self.middle - half, self.middle + half)


class _Inscription(Struct, frozen=True):
    """The lines that stand in a box, with the size of their letters, and the words that stand below it."""

    lines: list[str]
    size: float
    below: str = ""

    @property
    def height(self) -> float:
        """The height of the box."""
        return LINE * max(1, len(self.lines)) + 8


class _Timeline:
    """One timeline as it is drawn, lane below lane."""

    def __init__(self, course: Course, consultation: Consultation, scale: Scale) -> None:
        self.scale = scale
        self.lanes = lanes(course, consultation)
        self.captions = [line for said in captions(course, consultation) for line in self.wrapped(said, size=SMALL)]
        self.days = _Days([lane for lane in self.lanes if lane.days], scale)
        self.beside = LEFT + width_of("before", SMALL) if self.days.before else 0.0
        self.named_days = width_of("day 30", SMALL) + 2 <= self.days.width and self.beside <= self.days.before
        self.name = f"timeline-{joined(course.regimens, '-')}-{scale.name}"
        self.title = f"Timeline of {heading(course)}"
        self.described = in_words(course, consultation)

    def draw(self) -> Picture:
        top = LINE * (1.8 if self.named_days else 2.8)
        ends = [top]
        for lane in self.lanes:
            ends.append(ends[-1] + self.height(lane))
        bottom = ends[-1]
        height = bottom + LINE * len(self.captions) + 8
        picture = Picture(self.name, self.title, self.described, self.scale.width, height)
        self.axis(picture, top - LINE * 0.4, bottom)
        for lane, y in zip(self.lanes, ends, strict=False):
            self.lane(picture, lane, y)
        for number, line in enumerate(self.captions):
            picture.text(line, LEFT, bottom + LINE * (number + 0.75), "dim", SMALL)
        return picture

    def wrapped(self, says: str, indent: float = 0.0, size: float = TEXT) -> list[str]:
        """Return words in lines as wide as the picture."""
        return _wrapped(says, self.scale.width - 2 * LEFT - indent, size)

    # The days on top. ----------------------------------------------------------------------

    def axis(self, picture: Picture, top: float, bottom: float) -> None:
        """Name what stands in each column, with lines down between them."""
        if self.days.before:
            picture.text("before", LEFT, LINE * 0.9, "dim", SMALL)
        if not self.named_days:
            wanted = self.days.before + (self.days.width * self.days.infusions - width_of("day", SMALL)) / 2
            picture.text("day", max(wanted, self.beside + 14), LINE * 0.9, "dim", SMALL)
        for day in self.days.all:
            picture.line(self.days.start(day), top, self.days.start(day), bottom, "grid")
            self.day(picture, day, top - LINE * 0.5)
        for day in sorted({self.days.infusions, self.days.all[-1]}):
            picture.line(self.days.end(day), top, self.days.end(day), bottom, "grid")
        self.pause(picture, top - LINE * 0.8)

    def day(self, picture: Picture, day: int, y: float) -> None:
        """Name a day; where there is no room for all, the first and every fifth."""
        every = 1 if width_of("30", SMALL) + 2 <= self.days.width else 5
        if day == 1 or day % every == 0:
            name = f"day {day}" if self.named_days else f"{day}"
            picture.text(name, self.days.start(day) + self.days.width / 2, y, "dim", SMALL, "middle")

    def pause(self, picture: Picture, y: float) -> None:
        """Draw two strokes where days are left out."""
        if self.days.pause:
            x = self.days.start(self.days.later.start) - 5
            for left in (x - 4, x):
                picture.line(left - 2, y + 5, left + 2, y - 5, "thin")

    # The lanes. ----------------------------------------------------------------------------

    def height(self, lane: Lane) -> float:
        """Return the height of a lane with what is left free below it."""
        height = LINE * len(self.words(lane)) + BELOW
        if not lane.days:
            return height
        inscription = self.inscription(lane)
        return height + 4 + inscription.height + (LINE if inscription.below else 0.0)

    def words(self, lane: Lane) -> list[str]:
        return self.wrapped(lane.says, self.indent(lane))

    def indent(self, lane: Lane) -> float:
        return INDENT if lane.style == "alternative" else 0.0

    def lane(self, picture: Picture, lane: Lane, y: float) -> None:
        """Write the words of a lane, and draw below them what it has."""
        for line in self.words(lane):
            picture.text(line, LEFT + self.indent(lane), y + LINE * 0.75)
            y += LINE
        if lane.days:
            self.marks(picture, lane, y + 4)

    def marks(self, picture: Picture, lane: Lane, y: float) -> None:
        """Draw what stands on the days of a lane."""
        inscription, spans = self.inscription(lane), self.spans(lane)
        middle = y + inscription.height / 2
        if lane.from_start:
            self.from_start(picture, spans[0].x, middle)
        self.pause(picture, middle)
        for span in spans:
            height = span.width if lane.style == "tick" else inscription.height
            picture.box(span.x, middle - height / 2, span.width, height, lane.style)
            for number, line in enumerate(inscription.lines):
                picture.text(line, span.middle, y + 4 + LINE * (number + 0.75), "inside", inscription.size, "middle")
        if lane.goes_on:
            picture.arrow(spans[-1].end + 2, spans[-1].end + self.scale.arrow - 4, middle)
        if inscription.below:
            x = min(spans[0].x, self.scale.width - LEFT - width_of(inscription.below, SMALL))
            picture.text(inscription.below, x, y + inscription.height + LINE * 0.8, "dim", SMALL)

    def from_start(self, picture: Picture, end: float, y: float) -> None:
        """Draw a line from the start of day 1."""
        start = self.days.start(1) + 1
        picture.line(start, y - 5, start, y + 5, "thin")
        picture.line(start, y, end, y, "thin")

    def spans(self, lane: Lane) -> list[_Span]:
        """Return where the boxes of a lane stand: one on each of its days, or one over all."""
        margin = min(2.0, self.days.width / 30)
        over = [(day, day) for day in lane.days] if lane.each else [(lane.first, lane.last)]
        spans = [_Span(self.days.start(first) + margin, self.days.end(last) - margin) for first, last in over]
        return [span.narrowed(SQUARE) for span in spans] if lane.style == "tick" else spans

    def inscription(self, lane: Lane) -> _Inscription:
        """Return how the label of a lane is written: into its boxes in letters that can be read, or below them."""
        room = self.spans(lane)[0].width * self.scale.filled
        for lines in self.breaks(lane, room):
            size = min(TEXT, room / max(width_of(line, 1) for line in lines))
            if size >= self.scale.least:
                return _Inscription(lines, size)
        each = " each day" if lane.each and lane.label else ""
        divided = ", if divided equally" if lane.style == "divided" else ""
        return _Inscription([], SMALL, f"{lane.label}{each}{divided}")

    def breaks(self, lane: Lane, room: float) -> list[list[str]]:
        """Return the lines that the label of a lane may be broken into, those wanted most first."""
        if not lane.label:
            return []
        if lane.each:
            return [lane.label.split() if self.scale.stacked else [lane.label]]
        return [[lane.label], _wrapped(lane.label, room, self.scale.least)]


def _wrapped(says: str, width: float, size: float) -> list[str]:
    """Return words in lines that fit a width; a number stays with its unit, a reference with what it is of."""
    return [line.replace(_KEPT, " ") for line in wrapped(_CITED.sub(_KEPT, kept_together(says)), width, size)]
