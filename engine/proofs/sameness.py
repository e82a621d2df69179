"""Rules against each other: those that come out alike, and those that apply only where another does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from engine.model import Knowledge, natural
from engine.proofs.inquiry import Inquiry, Question
from engine.sides import Sides

Alike = tuple[str, ...]
"""Rules that come out alike for every patient, in natural order."""


class Duplicates(Struct, frozen=True):
    """Statements of one kind that come out alike for every patient."""

    kind: str
    rules: Alike


class Subsumed(Struct, frozen=True):
    """Rules, alike, that never apply without others, alike, which can apply without them.

    ``kind`` is that of the statements compared; it is empty where rules of every sort are.
    """

    rules: Alike
    by: Alike
    kind: str = ""


def alike(inquiry: Inquiry, names: Sequence[str]) -> Iterator[Alike]:
    """Yield groups of rules that come out alike for every patient; each rule is in one of them."""
    for group in _alike_in_sample(inquiry, names):
        if len(group) == 1 or inquiry.someone(_not_alike(group)) is None:
            yield tuple(natural(group))
        else:  # whoever was found is in the sample now, and tells some of them apart
            yield from alike(inquiry, group)


def _alike_in_sample(inquiry: Inquiry, names: Sequence[str]) -> list[list[str]]:
    found: dict[Sides[int], list[str]] = {}
    for name in names:
        found.setdefault(inquiry.sample.rule(name), []).append(name)
    return list(found.values())


def _not_alike(group: Sequence[str]) -> Question:
    return lambda of: of.either(*(of.different(of.rule(group[0]), of.rule(name)) for name in group[1:]))


def duplicates(knowledge: Knowledge, groups: Iterable[Alike]) -> Iterator[Duplicates]:
    """Yield the statements of one kind among rules that are alike."""
    for group in groups:
        kinds = dict.fromkeys(knowledge.statements[name].kind for name in group if name in knowledge.statements)
        for kind in kinds:
            rules = _of_kind(knowledge, group, kind)
            if len(rules) > 1:
                yield Duplicates(kind, rules)


def _of_kind(knowledge: Knowledge, group: Alike, kind: str) -> Alike:
    statements = knowledge.statements
    return tuple(name for name in group if name in statements and statements[name].kind == kind)


# Rules within others. ----------------------------------------------------------------------


Within = dict[Alike, set[Alike]]
"""For each group of rules that are alike, the groups that apply wherever it does."""


def within(inquiry: Inquiry, groups: Sequence[Alike], told: Callable[[int], None]) -> Within:
    """Return for each group of rules that are alike, the groups that apply wherever it does."""
    proven: Within = {}
    often = sorted(groups, key=lambda group: -inquiry.sample.rule(group[0]).yes.bit_count())
    for done, group in enumerate(often):
        told(done)
        nearest = _nearest_seen(inquiry, group, often, proven)
        while nearest and inquiry.someone(_without_one_of(group, nearest)) is not None:
            nearest = _nearest_seen(inquiry, group, often, proven)
        proven[group] = set(nearest).union(*(proven.get(other, ()) for other in nearest))
    return proven


def _nearest_seen(inquiry: Inquiry, group: Alike, others: Sequence[Alike], proven: Within) -> list[Alike]:
    """Return the groups that in the sample apply wherever one does, without what follows from others of them."""
    sample = inquiry.sample
    yes = sample.rule(group[0]).yes
    seen = [other for other in others if other != group and not yes & ~sample.rule(other[0]).yes]
    nearest: list[Alike] = []
    for other in sorted(seen, key=lambda other: sample.rule(other[0]).yes.bit_count()):
        if not any(other in proven.get(near, ()) for near in nearest):
            nearest.append(other)
    return nearest


def _without_one_of(group: Alike, others: Sequence[Alike]) -> Question:
    return lambda of: of.both(
        of.rule(group[0]).yes, of.either(*(of.negated(of.rule(other[0]).yes) for other in others))
    )


def subsumed(knowledge: Knowledge, proven: Within) -> Iterator[Subsumed]:
    """Yield the statements that apply only where others of their kind do, the nearest ones."""
    kinds = dict.fromkeys(statement.kind for statement in knowledge.statements.values())
    for kind in kinds:
        of_kind = {group: rules for group in proven if (rules := _of_kind(knowledge, group, kind))}
        inside = {group: {other for other in proven[group] if other in of_kind} for group in of_kind}
        yield from (Subsumed(of_kind[one], of_kind[other], kind) for one, other in _nearest(inside))


def subsumed_at_all(proven: Within) -> Iterator[Subsumed]:
    """Yield the rules of every sort that apply only where others do, the nearest ones."""
    return (Subsumed(one, other) for one, other in _nearest(proven))


def _nearest(inside: Within) -> Iterator[tuple[Alike, Alike]]:
    order = {group: place for place, group in enumerate(sorted(inside, key=lambda group: natural(group)[0]))}
    for one in order:
        beyond: set[Alike] = set().union(*(inside[other] for other in inside[one]))
        yield from ((one, other) for other in sorted(inside[one] - beyond, key=order.__getitem__))
