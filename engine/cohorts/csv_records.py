"""The records of a CSV file, read strictly: a quote begins or ends a cell, or is doubled within one.

Whoever reads such a file finds the same cells in it. A file with any other quote is refused, because each reader
would part it into cells in a way of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event

from msgspec import Struct

IN_QUOTES = '"[^"]*(?:""[^"]*)*"'

CELL = f'(?:{IN_QUOTES}|[^",]*)'
"""A cell: in quotes, a quote in it doubled, or without any."""

RECORD = f"{CELL}(?:,{CELL})*"
"""A record without the end of its line."""

_RECORD = re.compile(RECORD)
_IN_QUOTES = re.compile(IN_QUOTES)


LONGEST = 2_000_000
"""How many signs a record has at most: DuckDB takes no more in a line."""


class Record(Struct, frozen=True):
    """A record: the line that it begins in, from 1, its text with the end of its line, and how many cells it has."""

    line: int
    text: str
    cells: int


def records(path: Path, stopped: Event | None = None) -> Iterator[Record]:
    """Yield the records of a CSV file, its header first; blank lines are none.

    Raises:
        ValueError: with the line that is not in UTF-8, ends otherwise than the first, is too long, has a quote that is
            not closed, or one within a plain cell.
        KeyboardInterrupt: once ``stopped`` is set.

    """
    end = ""
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        for line, text in _joined(file, stopped or Event()):
            body = text.rstrip("\r\n")
            end = end or text[len(body) :]
            if text[len(body) :] not in (end, ""):
                raise ValueError(f"line {line} ends otherwise than the first")
            if body:
                yield Record(line, text, _cells(line, body))


def _joined(file: Iterable[str], stopped: Event) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, those as one that a cell in quotes goes over."""
    begun, parts, length, is_open = 1, list[str](), 0, False
    for number, line in enumerate(file, 1):
        if stopped.is_set():
            raise KeyboardInterrupt
        parts.append(line)
        length += len(line)
        is_open ^= line.count('"') % 2 == 1
        if length > LONGEST:
            so = "has a quote that is not closed, or is longer than" if is_open else "is longer than"
            raise ValueError(f"line {begun} {so} {LONGEST:,} signs")
        if not is_open:
            yield begun, "".join(parts)
            begun, parts, length = number + 1, [], 0
    if parts:
        raise ValueError(f"line {begun} has a quote that is not closed")


def _cells(line: int, body: str) -> int:
    """Return how many cells a record has."""
    if not body.isascii() and any("\udc80" <= sign <= "\udcff" for sign in body):
        raise ValueError(f"line {line} is not in UTF-8")
    if '"' not in body:
        return body.count(",") + 1
    if not _RECORD.fullmatch(body):
        raise ValueError(f"line {line} has a quote within a cell that is not in quotes, or after its end")
    return _IN_QUOTES.sub("", body).count(",") + 1
