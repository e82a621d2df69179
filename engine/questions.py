"""The questions still open: which unknown findings can still decide something, and in what order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from engine.consultation import APPLIES, UNDETERMINED, Consultation
from engine.dosing import Dose
from engine.model import WEIGHTS_BY_BASIS, Knowledge, Statement, natural
from engine.truth import Truth

CONSEQUENCE = ("against", "contraindication", "caution", "indication", "role", "regimen", "regimen_detail")
"""Kinds of statement, the most consequential first; all others, and conflicts, come after them."""


class Question(Struct, frozen=True):
    """An unknown finding worth asking.

    ``settles`` has the undetermined statements and conflicts it can decide, ``completes`` the
    statements that apply and still lack something by it: a dose, or whether they are fulfilled.
    ``reason`` says why it is unknown: not asked, unknown (asked, but not known) or pending.
    """

    finding: str
    asks: str
    reason: str
    settles: tuple[str, ...]
    completes: tuple[str, ...]


def open_questions(consultation: Consultation) -> list[Question]:
    """Return the questions still open, the most consequential first.

    What argues against a use and what is unsafe come first; then what a regimen that applies lacks;
    then what supports a use; then the finding that can settle more; then the order of the findings.
    """
    settles = _by_finding(_undetermined(consultation))
    completes = _by_finding({**_unfulfilled(consultation), **_without_dose(consultation)})
    reasons = consultation.unknown()
    questions = [
        Question(name, finding.asks, reasons[name], settles.get(name, ()), completes.get(name, ()))
        for name, finding in consultation.knowledge.findings.items()
        if name in settles or name in completes
    ]
    return sorted(
        questions, key=lambda q: (consequence(consultation.knowledge, q.settles, q.completes), -len(q.settles))
    )


def _undetermined(consultation: Consultation) -> dict[str, tuple[str, ...]]:
    rules = (*consultation.knowledge.statements, *consultation.knowledge.conflicts)
    return {name: consultation.verdicts[name].missing for name in consultation.with_verdict(UNDETERMINED, rules)}


def _unfulfilled(consultation: Consultation) -> dict[str, tuple[str, ...]]:
    verdicts = (consultation.verdicts[name] for name in consultation.knowledge.statements)
    unknown = Truth.UNKNOWN.value
    return {v.id: v.fulfilled_by for v in verdicts if v.verdict == APPLIES and v.fulfilled == unknown}


def _without_dose(consultation: Consultation) -> dict[str, tuple[str, ...]]:
    """Return the regimens whose dose lacks a weight, with the findings that would give it."""
    return {
        dose.statement: tuple(_weights(consultation, dose)) for dose in consultation.doses if dose.weight_kg is None
    }


def _weights(consultation: Consultation, dose: Dose) -> Iterator[str]:
    for name in WEIGHTS_BY_BASIS[consultation.knowledge.regimens[dose.statement].weight]:
        yield name
        yield from consultation.findings.obtainable.get(name, ())


def _by_finding(missing: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, findings in missing.items():
        for finding in findings:
            found.setdefault(finding, []).append(name)
    return {finding: tuple(natural(names)) for finding, names in found.items()}


def consequence(knowledge: Knowledge, settles: Sequence[str], completes: Sequence[str]) -> float:
    """Return how consequential a question is by what it can settle and complete, lower for more."""
    statements = knowledge.statements
    settled = {statements[name].kind for name in settles if name in statements}
    # Whether an operation is planned decides a caution about operations; that makes it no more urgent.
    only_asked_for = all(statements[name].fulfilled for name in settles if _is_caution(statements.get(name)))
    kinds = settled - {"caution"} if only_asked_for else settled
    ranks = [float(CONSEQUENCE.index(kind)) for kind in kinds if kind in CONSEQUENCE]
    if completes:
        ranks.append(CONSEQUENCE.index("caution") + 0.5)
    return min(ranks, default=float(len(CONSEQUENCE)))


def _is_caution(statement: Statement | None) -> bool:
    return statement is not None and statement.kind == "caution"
