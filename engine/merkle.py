"""The Merkle tree of a ledger, as RFC 9162 defines it (SHA-256).

The leaf with number ``n`` (from 0) completes some subtrees: itself, and, where it is a right child, those
that it is the last leaf of. A ledger keeps with each leaf the hashes that it completes, smallest first, so
that it only ever grows; every other hash is made of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

Completed = Callable[[int, int], bytes]
"""Gives the hash of the full subtree of 2**level leaves (second argument) whose last leaf has a number (first)."""

EMPTY = sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf (32 bytes)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above two others (32 bytes)."""
    return sha256(b"\x01" + left + right).digest()


def levels_completed(number: int) -> int:
    """Return how many levels above itself the leaf with a number completes."""
    return ((number + 1) & -(number + 1)).bit_length() - 1


def complete(number: int, leaf: bytes, completed: Completed) -> list[bytes]:
    """Return the hashes of the subtrees that a new leaf completes, the leaf itself first."""
    hashes = [leaf]
    for level in range(levels_completed(number)):
        hashes.append(node_hash(completed(number - (1 << level), level), hashes[-1]))
    return hashes


def peaks(size: int) -> Iterator[tuple[int, int]]:
    """Yield the full subtrees that a tree is made of, the largest first: each by its last leaf and its level."""
    end = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            end += 1 << level
            yield end - 1, level


def root(size: int, completed: Completed) -> bytes:
    """Return the root of the tree of the first ``size`` leaves."""
    return _joined([completed(last, level) for last, level in peaks(size)])


def _joined(hashes: Sequence[bytes]) -> bytes:
    """Return the root above full subtrees, given from left to right."""
    if not hashes:
        return EMPTY
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found


def inclusion_path(number: int, size: int, completed: Completed) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root of the tree of ``size`` leaves (RFC 9162, 2.1.3.1)."""
    all_peaks = list(peaks(size))
    start = 0
    for position, (last, level) in enumerate(all_peaks):
        if number <= last:
            path = list(_path_within(number, start, level, completed))
            right = [completed(*peak) for peak in all_peaks[position + 1 :]]
            left = [completed(*peak) for peak in all_peaks[:position]]
            return [*path, *([_joined(right)] if right else []), *reversed(left)]
        start = last + 1
    raise IndexError(f"leaf {number} is not among the first {size}")


def _path_within(number: int, start: int, level: int, completed: Completed) -> Iterator[bytes]:
    """Yield the siblings from a leaf up to the full subtree that begins at a leaf."""
    for low in range(level):
        block = (number - start) >> low
        last_of_sibling = start + ((block ^ 1) + 1 << low) - 1
        yield completed(last_of_sibling, low)


def root_of_path(leaf: bytes, number: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """Return the root that an inclusion path leads to, or None where it cannot be one (RFC 9162, 2.1.3.2)."""
    if not 0 <= number < size:
        return None
    first, last, found = number, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if first & 1 or first == last:
            found = node_hash(sibling, found)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        first, last = first >> 1, last >> 1
    return found if last == 0 else None


class Growing:
    """A tree in memory that is told its leaves one by one, and keeps no more than its peaks."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> list[bytes]:
        """Add a leaf, and return the hashes of the subtrees that it completes, the leaf itself first."""
        hashes = [leaf]
        for _ in range(levels_completed(self.size)):
            hashes.append(node_hash(self._peaks.pop(), hashes[-1]))
        self._peaks.append(hashes[-1])
        self.size += 1
        return hashes

    def root(self) -> bytes:
        """Return the root of the leaves so far."""
        return _joined(self._peaks)
