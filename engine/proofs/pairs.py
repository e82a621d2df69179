"""Statements that pull apart, or dose apart, and can meet in one patient with no conflict that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from engine.model import Knowledge, natural
from engine.proofs.inquiry import Inquiry, Question
from engine.proofs.witnesses import comes_out
from engine.solver import Patient
from engine.truth import Truth

USES = ("indication", "role")
OPPOSED = ("against", "contraindication")


class Together(Struct, frozen=True):
    """A statement that can apply together with others, and no conflict sets it beside any of them.

    The patient is one to whom it applies together with the first of the others.
    """

    one: str
    others: tuple[str, ...]
    patient: Patient


class Pairs:
    """Which pairs can meet unnamed, and which conflicts name a pair."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.inquiry = inquiry
        self.knowledge = inquiry.knowledge
        self.sides = _sides_of(self.knowledge)

    def unopposed(self) -> Iterator[Together]:
        """Yield each statement against a use, with the uses that it meets unnamed by any conflict that applies."""
        uses = natural(self.knowledge.statements_of(*USES))
        for against in natural(self.knowledge.statements_of(*OPPOSED)):
            yield from self.together(against, uses)

    def regimens(self, same_dose: bool) -> Iterator[Together]:
        """Yield each regimen, with the later ones of the same or of another dose that it meets unnamed."""
        regimens = natural(self.knowledge.regimens)
        for place, one in enumerate(regimens):
            yield from self.together(one, [o for o in regimens[place + 1 :] if self.same_dose(one, o) is same_dose])

    def same_dose(self, one: str, other: str) -> bool:
        """Whether two regimens give the same dose over the same days."""
        a, b = (self.knowledge.regimens[name] for name in (one, other))
        return (a.low, a.high, a.days, a.weight) == (b.low, b.high, b.days, b.weight)

    def together(self, one: str, others: Iterable[str]) -> Iterator[Together]:
        """Yield a statement with those of the others that it can meet unnamed by any conflict that applies."""
        shown: dict[tuple[str, ...], list[str]] = {}
        for other in others:
            shown.setdefault(self.naming(one, other), []).append(other)
        meeting = natural(name for by, group in shown.items() for name in self.meeting(one, group, by))
        if not meeting:
            return
        first, by = meeting[0], self.naming(one, meeting[0])
        apply = comes_out([one, first], Truth.YES)
        patient = self.inquiry.patient(
            _meet(one, [first], by),
            lambda judge: apply(judge) and all(judge.rule(name).truth is not Truth.YES for name in by),
        )
        if patient is not None:
            yield Together(one, tuple(meeting), patient)

    def meeting(self, one: str, others: Sequence[str], shown_by: tuple[str, ...]) -> list[str]:
        """Return those of the others that can apply together with a statement while no such conflict does."""
        found: list[str] = []
        left = list(others)
        while left and self.inquiry.someone(_meet(one, left, shown_by)) is not None:
            found += [name for name in left if _meet(one, [name], shown_by)(self.inquiry.sample)]
            left = [name for name in left if name not in found]
        return found

    def naming(self, one: str, other: str) -> tuple[str, ...]:
        """Return the conflicts that have two statements on different sides."""
        a, b = self.sides.get(one, {}), self.sides.get(other, {})
        return tuple(conflict for conflict in a if conflict in b and len(a[conflict] | b[conflict]) > 1)


def _meet(one: str, others: Sequence[str], shown_by: Iterable[str]) -> Question:
    return lambda of: of.both(
        of.rule(one).yes,
        of.either(*(of.rule(other).yes for other in others)),
        *(of.negated(of.rule(conflict).yes) for conflict in shown_by),
    )


def _sides_of(knowledge: Knowledge) -> dict[str, dict[str, set[int]]]:
    """Return for each statement the conflicts between whose sides it stands, and on which of them."""
    found: dict[str, dict[str, set[int]]] = {}
    for conflict in knowledge.conflicts:
        for number, side in enumerate(knowledge.sides(conflict)):
            for name in side:
                found.setdefault(name, {}).setdefault(conflict, set()).add(number)
    return found
