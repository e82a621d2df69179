"""The file of a ledger as SQLite lays it out in pages, down to the bytes that SQLite itself never reads.

A ledger is only ever added to, and written so that what a page does not use is empty. So a byte that
stands where nothing should can be told. What alone cannot be told is the unused space of the pages that
lead to other pages: SQLite leaves old bytes there when it rearranges them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PAGE = 4096
"""The size of a page, in bytes."""

HEADER = 100
"""The size of the header of the file, in bytes."""

LEAF, INTERIOR = 13, 5
"""What the pages of a table begin with; any other holds a part of the rest of a long row."""

CARRIED = PAGE - 4
"""How many bytes of a row such a page carries."""

MOST, LEAST = PAGE - 35, (PAGE - 12) * 32 // 255 - 23
"""How many bytes of a row stand in its leaf: all of them up to the most; else at least the least."""


def faults(path: Path, application: int, version: int, tables: int, sqlite: int) -> Iterator[str]:
    """Yield what is wrong with a file that holds so many tables, last written by this version of SQLite."""
    with open(path, "rb") as file, open(path, "rb") as beside:
        for number, page in enumerate(iter(lambda: file.read(PAGE), b""), 1):
            if number == 1:
                yield from _of_header(page, path.stat().st_size, application, version, tables, sqlite)
            head = HEADER if number == 1 else 0
            if page[head] != LEAF:
                continue
            if page[slice(*unused(page, head))].strip(b"\0"):
                yield f"something stands in the unused space of page {number}"
            for first, length in overflowing(page, head):
                yield from _end_of_chain(beside, first, length)


def stated_length(path: Path) -> int:
    """Return how many bytes a file has by its own header; 0 where it has none."""
    with open(path, "rb") as file:
        header = file.read(HEADER)
    is_whole = len(header) == HEADER and header[:16] == b"SQLite format 3\0"
    return int.from_bytes(header[28:32], "big") * PAGE if is_whole else 0


def overflowing(page: bytes, head: int) -> Iterator[tuple[int, int]]:
    """Yield, for each row of a leaf that goes on elsewhere, the first page of the rest, and its length in bytes."""
    for place in range(head + 8, unused(page, head)[0], 2):
        cell = int.from_bytes(page[place : place + 2], "big")
        payload, at = _varint(page, cell)
        _, at = _varint(page, at)
        here = LEAST + (payload - LEAST) % CARRIED
        here = payload if payload <= MOST else here if here <= MOST else LEAST
        if here < payload:
            yield int.from_bytes(page[at + here : at + here + 4], "big"), payload - here


def _end_of_chain(file: BinaryIO, number: int, length: int) -> Iterator[str]:
    """Yield what stands in the last page of a chain behind the end of its row."""
    while length > CARRIED:
        file.seek((number - 1) * PAGE)
        number = int.from_bytes(file.read(4), "big")
        length -= CARRIED
    file.seek(max(0, number - 1) * PAGE)
    if file.read(PAGE)[4 + length :].strip(b"\0"):
        yield f"something stands in the unused space of page {number}"


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    found = 0
    for place in range(at, min(at + 9, len(page))):
        found = (found << 7) | (page[place] & 0x7F)
        if page[place] < 0x80:
            return found, place + 1
    return found, at + 9


def unused(page: bytes, head: int = 0) -> tuple[int, int]:
    """Return where the unused space of a page of a table begins and ends; ``head`` is where its own header is."""
    cells = int.from_bytes(page[head + 3 : head + 5], "big")
    first_cell = int.from_bytes(page[head + 5 : head + 7], "big")
    begins = head + (8 if page[head] == LEAF else 12) + 2 * cells
    return begins, max(begins, first_cell or PAGE)


def _of_header(content: bytes, length: int, application: int, version: int, tables: int, sqlite: int) -> Iterator[str]:
    """Yield what is wrong with the header, every byte of which is known of a ledger."""

    def number(at: int) -> int:
        return int.from_bytes(content[at : at + 4], "big")

    expected = {
        "magic": content[:16] == b"SQLite format 3\0",
        "format": content[16:24] == PAGE.to_bytes(2, "big") + bytes([1, 1, 0, 64, 32, 32]),
        "counter": number(24) == number(92),
        "length": number(28) * PAGE == length,
        "unused pages": (number(32), number(36)) == (0, 0),
        "schema": (number(40), number(44)) == (tables, 4),
        "settings": (number(52), number(56), number(64)) == (0, 1, 0),
        "cache": number(48) == 0,
        "identity": (number(60), number(68)) == (version, application),
        "reserved": content[72:92] == bytes(20),
        "writer": number(96) == sqlite,
    }
    for name, is_so in expected.items():
        if not is_so:
            yield f"the header of the file was changed ({name})"
