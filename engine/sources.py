"""A copy of the source document, read to check the knowledge against: digests and numbers.

The project holds no sentence of the source; whoever holds the document can check that each statement
stands where it says, and that every number in it stands there too.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from engine.documents import LARGEST
from engine.errors import Fault, InputError, Place
from engine.language import plain
from engine.model import AnyDose, Condition, Guideline, Statement, Test, parts

BULLET = re.compile(r"^\s*[•*–-]\s+")
REFERENCES = re.compile(r"(?:\s*\d+(?:\s*,\s*\d+)*)?\s*$")
NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?!,?\d)|\d+)(?:\.\d+)?(?![\w]*\d)")
"""A number in prose; its thousands may be set off by commas."""


class Bullet(Struct, frozen=True):
    """One bullet of the source, folded, under its heading."""

    heading: str
    text: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the folded text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_source(path: Path, guideline: Guideline) -> Mapping[str, Bullet]:
    """Return the bullets of a source document by their locators, such as ``A1.2``.

    Raises:
        InputError: when the file cannot be read, or a heading is not in it.

    """
    lines = _lines(path)
    found: dict[str, Bullet] = {}
    for section in guideline.sections.values():
        for number, bullet in enumerate(_section(lines, section.heading, len(section.bullets) == 1), 1):
            found[f"{section.code}.{number}"] = bullet
    return found


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(
                [Fault("it is larger than 5 MB", "Check that it is the source document.", Place(str(path)))]
            )
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        found = f"the source cannot be read: {reason}"
        raise InputError([Fault(found, "Name the file that holds the source's text.", Place(str(path)))]) from None


def _section(lines: list[str], heading: str, is_paragraph: bool) -> Iterator[Bullet]:
    """Yield the bullets under a heading; the lead paragraph is the first that cites references."""
    headings = [number for number, line in enumerate(lines) if line.strip() == heading]
    if not headings and is_paragraph:
        paragraphs = (line for line in lines if re.search(r"\.\s+\d+(?:,\s*\d+)*\s*$", line) and not BULLET.match(line))
        for line in list(paragraphs)[:1]:
            yield Bullet(heading, fold(line))
    for start in headings[:1]:
        for line in lines[start + 1 :]:
            if BULLET.match(line):
                yield Bullet(heading, fold(line))
            elif line.strip():
                break


def fold(line: str) -> str:
    """Return a bullet as its digest is made of: NFC, without mark and closing references, blanks folded."""
    text = BULLET.sub("", unicodedata.normalize("NFC", line))
    return " ".join(REFERENCES.sub("", text).split())


def numbers(text: str) -> set[str]:
    """Return the numbers of a text, in plain form."""
    return {plain(Decimal(number.replace(",", ""))) for number in NUMBER.findall(text)}


def numbers_of(statement: Statement) -> set[str]:
    """Return the numbers that a statement states: in its words, its rules, its dose and its course."""
    found = numbers(statement.says)
    for condition in (statement.when, statement.fulfilled):
        for part in parts(condition) if condition is not None else ():
            found |= _of_test(part)
    if statement.regimen is not None:
        regimen = statement.regimen
        found |= {plain(n) for n in (regimen.low, regimen.high, Decimal(regimen.days), regimen.daily) if n is not None}
    if statement.spread is not None:
        spread = statement.spread
        found |= {plain(n) for n in (spread.daily, Decimal(spread.shortest), Decimal(spread.longest))}
    if statement.course is not None:
        course = statement.course
        found |= numbers(course.label) | {str(day) for day in (course.low, course.high) if day is not None}
    return found


def _of_test(part: Condition) -> set[str]:
    if isinstance(part, Test) and isinstance(part.value, Decimal):
        return {plain(part.value)}
    if isinstance(part, AnyDose):
        return {plain(number) for number in (part.grams, part.per_kg) if number is not None}
    return set()
