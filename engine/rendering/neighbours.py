"""The picture of a name between what it rests on and what rests on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from engine.model import Knowledge
from engine.rendering import words
from engine.rendering.drawing import LINE, Line, Picture, box_height, lines_of
from engine.rendering.page import joined

BOX = 200.0
GUTTER = 60.0
BETWEEN = 8.0

MOST = 8
"""How many names of one side have a box each; more stand together, those of one kind in one box."""


class Box(Struct, frozen=True):
    """A box as it is drawn: its lines, its look, and what is shown where the pointer rests on it."""

    lines: tuple[Line, ...]
    style: str
    hover: str = ""

    @property
    def height(self) -> float:
        """How high the box is."""
        return box_height(self.lines)


def neighbours(knowledge: Knowledge, name: str, below: Sequence[str], above: Sequence[str]) -> str:
    """Draw a name between what it rests on and what rests on it."""
    sides = (
        list(_boxes(knowledge, below)),
        [_box(knowledge, name, "node statement")],
        list(_boxes(knowledge, above)),
    )
    height = max(map(_height, sides)) + LINE
    picture = Picture(
        f"around-{re.sub(r'[^A-Za-z0-9_-]', '-', name)}",
        f"What {name} rests on, and what rests on it",
        in_words(knowledge, name, below, above),
        3 * BOX + 2 * GUTTER,
        height,
    )
    for number, boxes in enumerate(sides):
        _draw(picture, number, boxes, height)
    return str(picture)


def in_words(knowledge: Knowledge, name: str, below: Sequence[str], above: Sequence[str]) -> str:
    """Return all that the picture says, as text."""
    rests_on, rest = (words.named(knowledge, names) or "nothing" for names in (below, above))
    return f"{words.named(knowledge, [name])} rests on {rests_on}. On it rest: {rest}."


def _boxes(knowledge: Knowledge, names: Sequence[str]) -> Iterator[Box]:
    """Yield a box for each name, or where there are many one for each kind and layer."""
    if len(names) <= MOST:
        yield from (_box(knowledge, name, "node finding") for name in names)
        return
    together: dict[tuple[str, str], list[str]] = {}
    for name in names:
        together.setdefault((_kind(knowledge, name), words.layer_label(knowledge, name)), []).append(name)
    for (kind, layer), members in together.items():
        heading = lines_of(f"{len(members)} {kind}{'s' if len(members) > 1 else ''}", BOX, bold=True)
        texts = [layer, joined(members)] if layer else [joined(members)]
        yield Box((*heading, *(line for text in texts for line in lines_of(text, BOX, bold=False))), "node finding")


def _box(knowledge: Knowledge, name: str, style: str) -> Box:
    layer = words.layer_label(knowledge, name)
    lines = (*lines_of(name, BOX, bold=True), *(lines_of(layer, BOX, bold=False) if layer else ()))
    return Box(lines, style, words.sentence(knowledge, name))


def _kind(knowledge: Knowledge, name: str) -> str:
    kinds = {"finding": knowledge.findings, "concept": knowledge.concepts, "conflict": knowledge.conflicts}
    return next((kind for kind, entries in kinds.items() if name in entries), "statement")


def _height(boxes: Sequence[Box]) -> float:
    return sum(box.height + BETWEEN for box in boxes)


def _draw(picture: Picture, number: int, boxes: Sequence[Box], height: float) -> None:
    """Draw one of the three columns, with what connects it to the one in the middle."""
    x, y, centre = number * (BOX + GUTTER) + 1, (height - _height(boxes)) / 2, (height - BETWEEN) / 2
    for box in boxes:
        middle = y + box.height / 2
        if number == 0:
            picture.curve(x + BOX - 2, middle, BOX + GUTTER + 1, centre)
            picture.head(BOX + GUTTER + 1, centre)
        elif number == 2:
            picture.curve(2 * BOX + GUTTER - 1, centre, x, middle)
            picture.head(x, middle)
        picture.words_in_box(box.lines, x, y, BOX - 2, box.style, box.hover)
        y += box.height + BETWEEN
