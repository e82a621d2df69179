"""What can be proven of a knowledge base, about every patient that can be given.

Each question is answered by a patient for whom it is so, or by the proof that there is none. Every
patient found is judged again by the evaluator before it is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from engine.model import Knowledge
from engine.proofs import influence, rules, sameness
from engine.proofs.influence import Idle
from engine.proofs.inquiry import Inquiry
from engine.proofs.pairs import OPPOSED, USES, Pairs, Together
from engine.proofs.rules import Reach, Reversal
from engine.proofs.sameness import Alike, Duplicates, Subsumed
from engine.proofs.silence import Silence, silence
from engine.proofs.witnesses import Claim, comes_out, findings_of, smallest

__all__ = [
    "OPPOSED",
    "USES",
    "Alike",
    "Claim",
    "Duplicates",
    "Idle",
    "Proofs",
    "Reach",
    "Reversal",
    "Silence",
    "Subsumed",
    "Together",
    "comes_out",
    "findings_of",
    "prove",
    "smallest",
]


class Proofs(Struct, frozen=True):
    """Everything proven of a knowledge base, named by its digest.

    ``same_dose`` has the regimens that meet and give the same dose.
    """

    digest: str
    reaches: Sequence[Reach]
    unopposed: Sequence[Together]
    regimens: Sequence[Together]
    same_dose: Sequence[Together]
    idle: Sequence[Idle]
    duplicates: Sequence[Duplicates]
    reversals: Sequence[Reversal]
    silence: Sequence[Silence]
    subsumed: Sequence[Subsumed]
    alike: Sequence[Alike]
    subsumed_at_all: Sequence[Subsumed]


Told = Callable[[str, int, int], None]
"""Hears what is being proven, how much of it is done, and of how much."""


def prove(knowledge: Knowledge, told: Told = lambda what, done, of: None) -> Proofs:
    """Return everything that can be proven of a knowledge base."""
    inquiry = Inquiry(knowledge)
    told("rules that come out alike", 0, 1)
    groups = list(sameness.alike(inquiry, list(knowledge.rules)))
    reaches = rules.reaches(inquiry, groups, lambda done: told("how each rule comes out", done, len(groups)))
    dead = {reach.rule for reach in reaches if reach.is_dead}
    living = [group for group in groups if group[0] not in dead]
    within = sameness.within(inquiry, living, lambda done: told("rules within others", done, len(living)))
    told("pairs that meet", 0, 1)
    pairs = Pairs(inquiry)
    unopposed, regimens = list(pairs.unopposed()), list(pairs.regimens(same_dose=False))
    regions = list(silence(inquiry, lambda done, of: told("the map of silence", done, of)))
    return Proofs(
        digest=knowledge.digest,
        reaches=reaches,
        unopposed=unopposed,
        regimens=regimens,
        same_dose=list(pairs.regimens(same_dose=True)),
        idle=list(influence.idle(inquiry, lambda done: told("findings", done, len(knowledge.findings)))),
        duplicates=list(sameness.duplicates(knowledge, groups)),
        reversals=list(rules.reversals(inquiry)),
        silence=regions,
        subsumed=list(sameness.subsumed(knowledge, within)),
        alike=[group for group in groups if len(group) > 1],
        subsumed_at_all=list(sameness.subsumed_at_all(within)),
    )
