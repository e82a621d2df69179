"""Findings that can change no verdict and no dose of any patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from engine.model import WEIGHTS_BY_BASIS, Condition, Knowledge, Named
from engine.proofs.inquiry import Inquiry
from engine.solver import Symbols


class Idle(Struct, frozen=True):
    """A finding that can change no verdict and no dose; ``serves`` names parameters that read it."""

    finding: str
    serves: tuple[str, ...]


def idle(inquiry: Inquiry, told: Callable[[int], None]) -> Iterator[Idle]:
    """Yield findings that can change no verdict and no dose of any patient."""
    knowledge = inquiry.knowledge
    dosed_by = {weight for r in knowledge.regimens.values() for weight in WEIGHTS_BY_BASIS[r.weight]}
    readers = _readers(inquiry)
    for done, name in enumerate(knowledge.findings):
        told(done)
        if name not in dosed_by and not _changes_any(inquiry, name, readers.get(name, ())):
            yield Idle(name, tuple(_serves(knowledge, name)))


def _readers(inquiry: Inquiry) -> dict[str, list[Condition]]:
    """Return for each finding what a consultation tells that depends on it, the simplest first."""
    knowledge = inquiry.knowledge
    told: list[Condition] = [Named(name) for name in (*knowledge.statements, *knowledge.conflicts)]
    told += [s.fulfilled for s in knowledge.statements.values() if s.fulfilled is not None]
    tests = [inquiry.reading.tests_in(condition) for condition in told]
    found: dict[str, list[Condition]] = {}
    for place in sorted(range(len(told)), key=lambda place: len(tests[place])):
        for name in inquiry.reading.findings(tests[place]):
            found.setdefault(name, []).append(told[place])
    return found


def _changes_any(inquiry: Inquiry, finding: str, readers: Sequence[Condition]) -> bool:
    """Say whether two patients who differ in one finding alone come out otherwise: in the first of these, or in any."""
    one = inquiry.any
    other = Symbols(inquiry.knowledge, "other ", shared=one, apart=[finding])
    governed = [f.name for f in inquiry.knowledge.findings.values() if f.only_if and f.only_if.finding == finding]
    with inquiry.solver.supposing(*other.possible([finding, *governed])):
        return any(
            inquiry.solver.model(one.either(*(one.different(one.sides(c), other.sides(c)) for c in some))) is not None
            for some in (readers[:1], readers[1:])
            if some
        )


def _serves(knowledge: Knowledge, name: str) -> Iterator[str]:
    for parameter in knowledge.parameters.values():
        formulas = (parameter.formulas or {}).values()
        if name == parameter.source or any(name in (f.sex, f.height, f.not_for) for f in formulas):
            yield parameter.name
