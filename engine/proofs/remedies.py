"""What of the proofs an author has to mend or to look at: where it stands, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from engine.errors import Fault, Place, listed
from engine.loading import Loaded
from engine.model import Knowledge
from engine.proofs import Proofs
from engine.proofs.pairs import Together
from engine.proofs.rules import Reach
from engine.solver import Patient


class Mend(Struct, frozen=True):
    """Something to be mended, and a patient who shows it, if one can."""

    fault: Fault
    patient: Patient | None = None


def to_mend(proofs: Proofs, loaded: Loaded) -> list[Mend]:
    """Return everything that has to be mended: dead rules, hidden pairs, useless findings."""
    return [
        *(_dead(reach, loaded) for reach in proofs.reaches if reach.is_dead),
        *_hidden(proofs.unopposed, loaded, "statements of use"),
        *_hidden(proofs.regimens, loaded, "regimens of another dose"),
        *(_useless(idle.finding, loaded) for idle in proofs.idle if not idle.serves),
    ]


def to_look_at(proofs: Proofs, loaded: Loaded) -> Iterator[Fault]:
    """Yield what may be right and may be a slip: statements of one kind that come out alike."""
    for group in proofs.duplicates:
        others = listed(group.rules[1:])
        found = f"comes out like {others} for every patient, and is of the same kind, {group.kind}"
        yield _fault(loaded, group.rules[0], found, "Keep one of them, unless they say different things.")


def _dead(reach: Reach, loaded: Loaded) -> Mend:
    if reach.applies is None:
        return Mend(
            _fault(loaded, reach.rule, "applies to no patient", "Mend its test, or remove it."), reach.ruled_out
        )
    scope = "" if reach.rule in loaded.knowledge.concepts else " in the scope of the guideline"
    found = f"applies to every patient{scope}"
    if reach.undetermined is not None:
        found = f"is ruled out for no patient{scope}: it applies or is undetermined"
    remedy = "Mend its test, so that it tells patients apart, or remove it."
    return Mend(_fault(loaded, reach.rule, found, remedy), reach.undetermined or reach.applies)


def _hidden(found: Iterable[Together], loaded: Loaded, what: str) -> Iterator[Mend]:
    """Yield what can meet with no conflict that says so, all that one statement meets in one."""
    for one in found:
        others = listed(one.others)
        says = f"can apply together with {others}, {what}, while no conflict that says so applies"
        remedy = f"Name it in 'between' of a conflict, with {others} on the other side."
        yield Mend(_fault(loaded, one.one, says, remedy), one.patient)


def _useless(finding: str, loaded: Loaded) -> Mend:
    return Mend(_fault(loaded, finding, "can change no verdict and no dose", "Use it in a rule, or remove it."))


def _fault(loaded: Loaded, name: str, found: str, remedy: str) -> Fault:
    """Return a fault at the test of a rule, or at a finding."""
    entry = loaded.entries[_kind(loaded.knowledge, name)][name]
    node = entry.node.values.get("when", entry.node)
    line = entry.document.lines[node.line - 1].strip()
    return Fault(f"{name}: {found}", remedy, Place(entry.document.name, node.line, node.column), line[:100])


def _kind(knowledge: Knowledge, name: str) -> str:
    return next(k for k in ("statements", "concepts", "conflicts", "findings") if name in getattr(knowledge, k))
