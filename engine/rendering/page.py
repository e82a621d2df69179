"""A page of text: headings, paragraphs and items, wrapped to a width; colour only adds to words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from engine.model import ReferenceKey

WIDTH = 80

_STYLES = {"bold": "1", "good": "1;32", "warn": "1;33", "bad": "1;31", "dim": "2"}


class Page:
    """Text as it grows; ``str`` of it is the page, with a closing line end.

    ``colour`` adds terminal colours; no meaning rests on them.
    """

    def __init__(self, width: int = WIDTH, colour: bool = False) -> None:
        self.width = max(40, width)
        self.colour = colour
        self.lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(self.lines).strip("\n") + "\n"

    def heading(self, text: str) -> None:
        """Begin a part with a heading in capitals."""
        self.gap()
        self.lines.append(self.styled(text.upper(), "bold"))

    def gap(self) -> None:
        """Leave one empty line, unless there is one."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self, text: str, indent: int = 0, style: str = "") -> None:
        """Add a paragraph."""
        self._wrapped(text, " " * indent, " " * indent, style)

    def item(self, label: str, text: str, indent: int = 2, hang: int = 5, style: str = "") -> None:
        """Add an item: a label, then text that hangs under its own beginning."""
        first = " " * indent + f"{label:<{hang}}" if label else " " * (indent + hang)
        if label and len(label) >= hang:
            first = " " * indent + label + " "
        self._wrapped(text, first, " " * (indent + hang), style)

    def verbatim(self, lines: Iterable[str]) -> None:
        """Add lines as they are, to be copied: from the margin on, never wrapped."""
        self.lines += lines

    def note(self, text: str, indent: int = 7) -> None:
        """Add a paragraph that explains the item above it."""
        self.text(text, indent, "dim")

    def _wrapped(self, text: str, first: str, rest: str, style: str) -> None:
        wrapped = textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_on_hyphens=False,
            break_long_words=False,
        )
        self.lines += [self.styled(line, style) for line in wrapped]

    def styled(self, text: str, style: str) -> str:
        """Return text in a style, or plain where there is no colour."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.colour and style else text


def numbers(references: Sequence[ReferenceKey]) -> str:
    """Return reference numbers as they are cited: [1,2], without a blank that could break a line."""
    return f"[{','.join(map(str, references))}]"


_UNIT = re.compile(r"(?<=\d) (?=(?:g|kg|g/kg|g/L|cm|%|days?|years?|months?)(?![A-Za-z]))")


def kept_together(text: str) -> str:
    """Return words in which no line ends between a number and its unit."""
    return _UNIT.sub("\N{NO-BREAK SPACE}", text)


def joined(words: Iterable[str], separator: str = ", ") -> str:
    """Join words with a separator."""
    return separator.join(words)
