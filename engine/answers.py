"""What two answers about one patient say differently: of the status, and of each rule in each aspect.

Of a rule an answer shows its verdict, and where it applies what else it says of it: whether what it asks
for is fulfilled, its references, the statements of a conflict, and its doses.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine.consultation import APPLIES, Consultation
from engine.dosing import Dose
from engine.language import plain
from engine.model import natural

STATUS = "status"

VERDICT, FULFILLED, REFERENCES, STATEMENTS, DOSES = "verdict", "fulfilled", "references", "statements", "doses"

NOT_THERE = "not_there"
"""The verdict on a rule that a knowledge base does not have."""


class Difference(Struct, frozen=True):
    """One aspect of a rule, or the status, that two answers say differently; the status is a rule of its own name."""

    rule: str
    aspect: str
    old: str
    new: str


def differences(old: Consultation, new: Consultation) -> Iterator[Difference]:
    """Yield what two answers about one patient say differently.

    A rule that one of them does not have makes a difference where it applies in the other.
    """
    if old.status != new.status:
        yield Difference(STATUS, STATUS, old.status, new.status)
    for name in natural({**old.verdicts, **new.verdicts}):
        before, after = shown(old, name), shown(new, name)
        verdicts = {before[VERDICT], after[VERDICT]}
        if NOT_THERE in verdicts and APPLIES not in verdicts:
            continue
        aspects = [VERDICT] if before[VERDICT] != after[VERDICT] else list(before)
        for aspect in aspects:
            if before[aspect] != after[aspect]:
                yield Difference(name, aspect, before[aspect], after[aspect])


def shown(consultation: Consultation, name: str) -> dict[str, str]:
    """Return what an answer shows of a rule, by aspect: the verdict alone, unless the rule applies."""
    verdict = consultation.verdicts.get(name)
    if verdict is None or verdict.verdict != APPLIES:
        return {VERDICT: NOT_THERE if verdict is None else verdict.verdict}
    return {
        VERDICT: verdict.verdict,
        FULFILLED: verdict.fulfilled or "not asked",
        REFERENCES: ", ".join(map(str, consultation.references(name))) or "none",
        STATEMENTS: _sides(consultation, name),
        DOSES: "; ".join(
            _dose(consultation, dose) for dose in consultation.doses if dose.statement == name
        ) or "none",
    }  # fmt: skip


def _sides(consultation: Consultation, name: str) -> str:
    """Return the statements of each side of a conflict that apply or are undetermined; no empty sides at the end."""
    if name not in consultation.knowledge.conflicts:
        return "none"
    involved = consultation.involved(name)
    sides = [[one for one in side if one in involved] for side in consultation.knowledge.sides(name)]
    while sides and not sides[-1]:
        sides.pop()
    return " against ".join(", ".join(side) or "none" for side in sides) or "none"


def _dose(consultation: Consultation, dose: Dose) -> str:
    """Return a dose in words, with the conflicts that its notes point to."""
    course = f"{plain(dose.g_per_kg)} g/kg"
    if dose.of is not None:
        course = f"{dose.of}'s {course} read {'of the course' if dose.reading == 'total' else 'of one day'},"
    days = f"over {dose.days} days" if dose.days is not None else "over a number of days that does not fit"
    see = "".join(f", see {conflict}" for conflict in consultation.knowledge.conflicts if _points(dose, conflict))
    if dose.total_g is None or dose.daily_g is None:
        return f"{course} {days}{see}"
    basis = (dose.weight_basis or "").replace("_", " ")
    regimen = consultation.knowledge.regimens.get(dose.statement)
    divided = "" if dose.of is not None or (regimen and regimen.daily is not None) else " if divided equally"
    amount = f"{plain(dose.total_g)} g in all by {basis} weight, {plain(dose.daily_g)} g a day{divided}"
    return f"{course} {days}, {amount}{see}"


def _points(dose: Dose, conflict: str) -> bool:
    return any(note.startswith(f"{conflict}: ") for note in dose.notes)
