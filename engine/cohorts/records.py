"""The records of a CSV file, read strictly: a quote begins or ends a cell, or is doubled within one.

Whoever reads such a file finds the same cells in it. A file with any other quote is refused, because each reader
would part it into cells in a way of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

IN_QUOTES = '"[^"]*(?:""[^"]*)*"'

CELL = f'(?:{IN_QUOTES}|[^",]*)'
"""A cell: in quotes, a quote in it doubled, or without any."""

RECORD = f"{CELL}(?:,{CELL})*"
"""A record without the end of its line."""

_RECORD = re.compile(RECORD)
_IN_QUOTES = re.compile(IN_QUOTES)


class Record(Struct, frozen=True):
    """A record: the line that it begins in, from 1, its text with the end of its line, and how many cells it has."""

    line: int
    text: str
    cells: int


def records(path: Path) -> Iterator[Record]:
    """Yield the records of a CSV file, its header first; blank lines are none.

    Raises:
        ValueError: with the line that is not in UTF-8, has a quote that is not closed, or one within a plain cell.

    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        begun, text = 0, ""
        for number, line in enumerate(file, 1):
            if not text:
                begun = number
            text += line
            if text.count('"') % 2:
                continue
            if text.strip("\r\n"):
                yield _record(begun, text)
            text = ""
    if text:
        raise ValueError(f"line {begun} has a quote that is not closed")


def _record(line: int, text: str) -> Record:
    body = text.rstrip("\r\n")
    if not text.isascii() and any("\udc80" <= sign <= "\udcff" for sign in text):
        raise ValueError(f"line {line} is not in UTF-8")
    if '"' not in body:
        return Record(line, text, body.count(",") + 1)
    if not _RECORD.fullmatch(body):
        raise ValueError(f"line {line} has a quote within a cell that is not in quotes, or after its end")
    return Record(line, text, _IN_QUOTES.sub("", body).count(",") + 1)
