"""What a consultation comes to, part by part, in the order that matters at the bedside."""

from __future__ import annotations

from msgspec import Struct

from engine.consultation import UNDETERMINED, Consultation
from engine.model import OPPOSED, SUPPORT, natural

BESIDE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Monitoring and what goes with it", ("setting", "co_treatment", "monitoring")),
    ("Comparisons", ("comparison",)),
    ("What to expect", ("timing", "evidence", "context")),
)
"""The parts after doses and cautions, with the kinds of statement in each."""


class Part(Struct, frozen=True):
    """A heading, and the statements that apply and stand under it."""

    heading: str
    statements: tuple[str, ...]


def support(consultation: Consultation) -> Part:
    """Return what supports a use."""
    return Part("Support", tuple(applying(consultation, *SUPPORT)))


def against(consultation: Consultation) -> Part:
    """Return what argues against a use, and the cautions that are not to be seen to first."""
    ids = applying(consultation, *OPPOSED, "caution")
    return Part("Against, and cautions", tuple(name for name in ids if not _is_before(consultation, name)))


def check_first(consultation: Consultation) -> Part:
    """Return what is to be seen to before treatment."""
    ids = consultation.applying(natural(consultation.knowledge.statements))
    return Part("Check first", tuple(name for name in ids if _is_before(consultation, name)))


def beside(consultation: Consultation) -> list[Part]:
    """Return the other statements that apply, part by part."""
    return [
        Part(heading, tuple(n for n in applying(consultation, *kinds) if not _is_before(consultation, n)))
        for heading, kinds in BESIDE
    ]


def between_regimens(consultation: Consultation) -> list[str]:
    """Return the conflicts that apply and that set regimens against each other."""
    knowledge = consultation.knowledge
    sides = {name: knowledge.sides(name) for name in consultation.applying(natural(knowledge.conflicts))}
    return [
        name for name, them in sides.items() if len(them) > 1 and all(knowledge.regimens.keys() & side for side in them)
    ]


def applying(consultation: Consultation, *kinds: str) -> list[str]:
    """Return the statements of these kinds that apply, those of the source before those of layers."""
    return consultation.applying(_in_order(consultation, kinds))


def undecided(consultation: Consultation, *kinds: str) -> list[str]:
    """Return the statements of these kinds that are undetermined, those of the source first."""
    return consultation.with_verdict(UNDETERMINED, _in_order(consultation, kinds))


def _in_order(consultation: Consultation, kinds: tuple[str, ...]) -> list[str]:
    knowledge = consultation.knowledge
    return sorted(natural(knowledge.statements_of(*kinds)), key=lambda name: name in knowledge.layer_of)


def _is_before(consultation: Consultation, name: str) -> bool:
    return consultation.knowledge.statements[name].before_treatment
