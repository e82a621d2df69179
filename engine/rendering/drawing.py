"""Pictures as SVG with a text alternative; the only user of drawsvg.

Sizes are in pixels of the picture. Words are measured by a generous guess of a letter's width, so
that they fit in whatever plain font is at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import drawsvg
from msgspec import Struct

LETTER = 0.55
"""The width of a letter as a part of the size of its font."""

DIGIT = 0.64
"""The width of a digit, which is wider than most letters."""

THIN = 0.32
"""The width of a blank or a point."""

BOLDER = 1.15
"""How much wider bold letters are."""

TEXT = 13
"""The size of ordinary text."""

LINE = 16
"""The height of a line of ordinary text."""

PAD = 6
"""What a box leaves free round its words."""


class Line(Struct, frozen=True):
    """A line of words in a box; ``lead`` has the bold words that a line may begin with."""

    words: str
    bold: bool = False
    lead: str = ""

    @property
    def size(self) -> float:
        """The size of its letters."""
        return TEXT if self.bold else TEXT - 1


class Picture:
    """A picture that is drawn on; ``str`` of it is the SVG."""

    def __init__(self, name: str, title: str, describes: str, width: float, height: float) -> None:
        self.height = height
        self.drawing = drawsvg.Drawing(
            width,
            height,
            id_prefix=f"{name}-",
            role="img",
            aria_labelledby=f"{name}-title",
            aria_describedby=f"{name}-described",
            class_="picture",
        )
        self.drawing.append_title(title, id=f"{name}-title")
        self.drawing.append(_Described(describes, id=f"{name}-described"))

    def __str__(self) -> str:
        svg: str = self.drawing.as_svg(header="")
        return svg.replace("<defs>\n</defs>\n", "").replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")

    def text(self, words: str, x: float, y: float, style: str = "", size: float = TEXT, anchor: str = "start") -> None:
        """Write a line with its baseline at y."""
        self.drawing.append(drawsvg.Text(words, size, x, y, text_anchor=anchor, class_=style or None))

    def box(self, x: float, y: float, width: float, height: float, style: str, hover: str = "") -> None:
        """Draw a box; ``hover`` is shown where the pointer rests on it."""
        rectangle = drawsvg.Rectangle(x, y, width, height, rx=4, class_=style)
        if hover:
            rectangle.append_title(hover)
        self.drawing.append(rectangle)

    def words_in_box(self, lines: Sequence[Line], x: float, y: float, width: float, style: str, hover: str) -> None:
        """Draw a box as high as its lines."""
        self.box(x, y, width, box_height(lines), style, hover)
        for number, line in enumerate(lines):
            baseline = y + PAD + LINE * (number + 0.75)
            if line.lead:
                self.led(line, x + PAD, baseline)
            else:
                self.text(line.words, x + PAD, baseline, "inside bold" if line.bold else "inside", line.size)

    def led(self, line: Line, x: float, y: float) -> None:
        """Write a line that begins with bold words."""
        text = drawsvg.Text("", line.size, x, y, class_="inside")
        text.append(drawsvg.TSpan(line.lead, class_="bold"))
        if line.words:
            text.append(drawsvg.TSpan(f" {line.words}"))
        self.drawing.append(text)

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """Draw a straight line."""
        self.drawing.append(drawsvg.Line(x1, y1, x2, y2, class_=style))

    def arrow(self, x1: float, x2: float, y: float) -> None:
        """Draw an arrow to the right."""
        self.line(x1, y, x2, y, "thin")
        self.drawing.append(drawsvg.Lines(x2 - 6, y - 4, x2, y, x2 - 6, y + 4, fill="none", class_="thin"))

    def curve(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw a curve that leaves and arrives level."""
        bend = (x2 - x1) / 2
        path = drawsvg.Path(class_="edge")
        path.M(x1, y1).C(x1 + bend, y1, x2 - bend, y2, x2, y2)
        self.drawing.append(path)

    def dot(self, x: float, y: float) -> None:
        """Draw a dot where lines are joined, and do not only cross."""
        self.drawing.append(drawsvg.Circle(x, y, 3.2, class_="head"))

    def head(self, x: float, y: float) -> None:
        """Draw the head of an arrow that points to the right and ends at x."""
        self.drawing.append(drawsvg.Lines(x - 6, y - 3, x, y, x - 6, y + 3, close=True, class_="head"))


class _Described(drawsvg.elements.DrawingParentElement):  # type: ignore[misc]
    """The long text alternative of a picture."""

    TAG_NAME = "desc"
    has_content = True

    def __init__(self, words: str, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.append(drawsvg.Raw(escape(words, quote=False)))


def box_height(lines: Sequence[Line]) -> float:
    """Return the height of a box round some lines."""
    return LINE * len(lines) + 2 * PAD


def width_of(words: str, size: float) -> float:
    """Return the width of words, digits and points measured by themselves: closer than a guess for letters."""
    return size * sum(DIGIT if letter.isdigit() else THIN if letter in " ." else LETTER for letter in words)


def lines_of(text: str, width: float, bold: bool) -> list[Line]:
    """Return words as lines of a box of that width; bold letters are wider."""
    size = TEXT * BOLDER if bold else TEXT - 1
    return [Line(words, bold) for words in wrapped(text, width - 2 * PAD, size)]


def led_lines_of(lead: str, text: str, width: float) -> list[Line]:
    """Return words as lines of a box of that width, the first of the words bold."""
    most = (width - 2 * PAD) / ((TEXT - 1) * LETTER)
    bold, plain = lead.split(" "), text.split(" ")
    lines: list[tuple[list[str], list[str]]] = []
    left = 0.0
    for number, word in enumerate([*bold, *plain]):
        needed = len(word) * (BOLDER if number < len(bold) else 1)
        if needed > left:
            lines.append(([], []))
            left = most
        left -= needed + 1
        lines[-1][number >= len(bold)].append(word)
    return [Line(" ".join(words), lead=" ".join(first)) for first, words in lines]


def wrapped(words: str, width: float, size: float = TEXT) -> list[str]:
    """Return words in lines that fit a width, broken after blanks, commas and underscores."""
    most = max(8, int(width / (size * LETTER)))
    lines = [""]
    for piece in _pieces(words):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > most:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines if line.strip()]


def _pieces(words: str) -> list[str]:
    """Return words cut where a line may end, each cut after its sign."""
    pieces = [""]
    for letter in words:
        pieces[-1] += letter
        if letter in " _":
            pieces.append("")
    return pieces
