"""The file of a ledger as SQLite lays it out in pages, down to the bytes that SQLite itself never reads.

A ledger is only ever added to, and written so that what a page does not use is empty. So a byte that
stands where nothing should can be told, and so can one that says what SQLite would say in one way only.
What alone cannot be told is the unused space of the pages that lead to other pages: SQLite leaves old
bytes there when it rearranges them.

Source: the file format of SQLite (sqlite.org/fileformat2.html), by the names of which it is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

PAGE = 4096
"""The size of a page, in bytes."""

HEADER = 100
"""The size of the header of the file, in bytes."""

LEAF, INTERIOR = 13, 5
"""What the pages of a table begin with: those that hold its rows, and those that lead to other pages."""

CARRIED = PAGE - 4
"""How many bytes of a long row a page carries on which it goes on."""

MOST, LEAST = PAGE - 35, (PAGE - 12) * 32 // 255 - 23
"""How many bytes of a row stand in its leaf: all of them up to the most; else at least the least."""


class Table(Struct, frozen=True):
    """A table: the page at which it begins, and how many columns it has, the first of which may be the row's number."""

    root: int
    columns: int
    is_numbered: bool


class Cell(Struct, frozen=True):
    """A row in its leaf: where it begins, its number, its length in bytes, and where its content begins."""

    place: int
    number: int
    length: int
    content: int

    @property
    def here(self) -> int:
        """How many bytes of it stand in the leaf."""
        here = LEAST + (self.length - LEAST) % CARRIED
        return self.length if self.length <= MOST else here if here <= MOST else LEAST


def faults(file: BinaryIO, tables: list[Table]) -> Iterator[str]:
    """Yield what stands in the pages of some tables that SQLite would not have written; its own checks have passed."""
    for table in tables:
        yield from _Walk(file, table).faults()


class _Walk:
    """A walk through the pages of a table, in the order of its rows."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        self.file = file
        self.table = table
        self.last: int | None = None
        """The number of the last row that was met."""

    def faults(self) -> Iterator[str]:
        yield from self.below(self.table.root)

    def page(self, number: int) -> bytes:
        self.file.seek((number - 1) * PAGE)
        return self.file.read(PAGE)

    def below(self, number: int) -> Iterator[str]:
        """Yield what is wrong with a page, and with those that it leads to."""
        page, head = self.page(number), HEADER if number == 1 else 0
        if page[head] == LEAF:
            yield from self.leaf(page, head, number)
            return
        for place in _places(page, head):
            yield from self.below(_whole(page, place))
            if _varint(page, place + 4)[0] != self.last:
                yield f"page {number} leads to a row that is not there"
        yield from self.below(_whole(page, head + 8))

    def leaf(self, page: bytes, head: int, number: int) -> Iterator[str]:
        if page[slice(*unused(page, head))].strip(b"\0"):
            yield f"something stands in the unused space of page {number}"
        if page[head + 1 : head + 3] != bytes(2) or page[head + 7]:
            yield f"page {number} has freed space, which no ledger has between its rows"
        for cell in cells(page, head):
            self.last = cell.number
            if not self.is_as_written(page, cell):
                yield f"a row of page {number} is not written as it was"
            if cell.here < cell.length:
                yield from self.end_of_chain(_whole(page, cell.content + cell.here), cell.length - cell.here)

    def is_as_written(self, page: bytes, cell: Cell) -> bool:
        """Whether a row says its numbers in the shortest way, and the kinds of its columns in the only one."""
        numbers = _shortest(cell.length) + _shortest(cell.number)
        kinds, header = [], cell.content
        length, header = _varint(page, header)
        while header < cell.content + length:
            kind, header = _varint(page, header)
            kinds.append(kind)
        written = b"".join(map(_shortest, [length, *kinds]))
        return (
            page[cell.place : cell.content] == numbers
            and page[cell.content : header] == written
            and len(written) == length
            and len(kinds) == self.table.columns
            and (not self.table.is_numbered or kinds[0] == 0)
            and length + sum(map(_size, kinds)) == cell.length
        )

    def end_of_chain(self, number: int, length: int) -> Iterator[str]:
        """Yield what stands in the last page of a chain behind the end of its row."""
        while length > CARRIED:
            number = _whole(self.page(number), 0)
            length -= CARRIED
        if self.page(number)[4 + length :].strip(b"\0"):
            yield f"something stands in the unused space of page {number}"


def _places(page: bytes, head: int) -> Iterator[int]:
    """Yield where the cells of a page begin."""
    for place in range(head + (8 if page[head] == LEAF else 12), unused(page, head)[0], 2):
        yield int.from_bytes(page[place : place + 2], "big")


def cells(page: bytes, head: int) -> Iterator[Cell]:
    """Yield the rows of a leaf; ``head`` is where its own header is."""
    for place in _places(page, head):
        length, number_at = _varint(page, place)
        number, content = _varint(page, number_at)
        yield Cell(place, number, length, content)


def _whole(page: bytes, at: int) -> int:
    return int.from_bytes(page[at : at + 4], "big")


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends; a ninth byte counts whole."""
    found = 0
    for place in range(at, min(at + 8, len(page))):
        found = (found << 7) | (page[place] & 0x7F)
        if page[place] < 0x80:
            return found, place + 1
    return (found << 8) | int.from_bytes(page[at + 8 : at + 9], "big"), at + 9


def _shortest(number: int) -> bytes:
    """Return a number of variable length as SQLite writes it; empty for one that no ledger has."""
    if number >= 1 << 56:
        return b""
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(0x80 | number & 0x7F)
    return bytes(reversed(parts))


def _size(kind: int) -> int:
    """Return how many bytes a column of a kind takes."""
    return (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]


def unused(page: bytes, head: int = 0) -> tuple[int, int]:
    """Return where the unused space of a page of a table begins and ends; ``head`` is where its own header is."""
    cells = int.from_bytes(page[head + 3 : head + 5], "big")
    first_cell = int.from_bytes(page[head + 5 : head + 7], "big")
    begins = head + (8 if page[head] == LEAF else 12) + 2 * cells
    return begins, max(begins, first_cell or PAGE)


# The header of the file. -------------------------------------------------------------------


def stated_length(path: Path) -> int:
    """Return how many bytes a file has by its own header; 0 where it has none."""
    with open(path, "rb") as file:
        header = file.read(HEADER)
    is_whole = len(header) == HEADER and header[:16] == b"SQLite format 3\0"
    return int.from_bytes(header[28:32], "big") * PAGE if is_whole else 0


def header_faults(file: BinaryIO, application: int, version: int, tables: int, sqlite: int) -> Iterator[str]:
    """Yield what is wrong with the header of a file of so many tables, every byte of which is known of a ledger.

    Of its counter of changes that is only that it is alike in both its places. ``sqlite`` is the version of
    SQLite that wrote the file last.
    """
    file.seek(0)
    content = file.read(HEADER)
    expected = {
        "magic": content[:16] == b"SQLite format 3\0",
        "format": content[16:24] == PAGE.to_bytes(2, "big") + bytes([1, 1, 0, 64, 32, 32]),
        "counter": _whole(content, 24) == _whole(content, 92),
        "length": _whole(content, 28) * PAGE == os.fstat(file.fileno()).st_size,
        "unused pages": (_whole(content, 32), _whole(content, 36)) == (0, 0),
        "schema": (_whole(content, 40), _whole(content, 44)) == (tables, 4),
        "settings": (_whole(content, 52), _whole(content, 56), _whole(content, 64)) == (0, 1, 0),
        "cache": _whole(content, 48) == 0,
        "identity": (_whole(content, 60), _whole(content, 68)) == (version, application),
        "reserved": content[72:92] == bytes(20),
        "writer": _whole(content, 96) == sqlite,
    }
    for name, is_so in expected.items():
        if not is_so:
            yield f"the header of the file was changed ({name})"
