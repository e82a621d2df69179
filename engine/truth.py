"""The three truth values and the logic of them (strong Kleene).

Unknown is a value: it never acts as no. Negation and one connective, "at least n of", are the
whole logic: *all* is "at least as many as there are", *any* is "at least 1".
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum


class Truth(Enum):
    """Yes, no or unknown."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __invert__(self) -> Truth:
        """Return the negation; the negation of unknown is unknown."""
        return _NEGATED[self]

    def __bool__(self) -> bool:
        """Refuse: a truth value has to be compared, so that unknown cannot pass as no."""
        raise TypeError("compare with Truth.YES or Truth.NO; unknown must not act as either")


_NEGATED = {Truth.YES: Truth.NO, Truth.NO: Truth.YES, Truth.UNKNOWN: Truth.UNKNOWN}


def from_bool(known: bool) -> Truth:
    """Return yes for true and no for false."""
    return Truth.YES if known else Truth.NO


def at_least(needed: int, truths: Sequence[Truth]) -> Truth:
    """Say whether at least ``needed`` of the truths are yes.

    It is yes once enough are, no once too many are not, and unknown in between.
    """
    if truths.count(Truth.YES) >= needed:
        return Truth.YES
    if len(truths) - truths.count(Truth.NO) < needed:
        return Truth.NO
    return Truth.UNKNOWN
