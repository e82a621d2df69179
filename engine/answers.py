"""What an answer says, in words, and what two answers about one patient say differently.

Of a rule an answer *shows* its verdict, and where it applies what follows from it: whether what it asks for is
fulfilled, its references, the statements of a conflict, and its doses. It *tells* all that is read of it besides:
its words, its kind, what it rests on; and the findings, the open questions, the notes from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from engine.consultation import APPLIES, RULED_OUT, Consultation
from engine.contract import conflict_data, layer_data, note_data, parameters_data, question_data, statement_data
from engine.dosing import Dose
from engine.findings import shown as value_shown
from engine.language import plain
from engine.model import ReferenceKey, natural
from engine.questions import open_questions

STATUS, GUIDELINE, QUESTIONS = "status", "guideline", "open questions"
"""What an answer tells of that is no entry of the knowledge."""

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


# All that is read. -------------------------------------------------------------------------

Told = Mapping[str, str]
"""What is told of one thing, by aspect; an aspect of which nothing is told has no words, or is not there."""


def told(consultation: Consultation) -> dict[str, Told]:
    """Return all that is read in an answer, by what it is told of; of a rule that is ruled out nothing is.

    That is what the contract holds, and what the pages add: the title, the units, the sides of a conflict and
    whether it decides the status, what is to be done before treatment, the entries of the references. It is
    not how the answer was come to (the trace), which knowledge it is (edition, digest, layers), nor which
    findings are unknown: those that matter are open questions.
    """
    knowledge = consultation.knowledge
    rules = (*knowledge.statements, *knowledge.conflicts)
    found: dict[str, Told] = {STATUS: {STATUS: consultation.status}, GUIDELINE: _of_guideline(consultation)}
    found |= {name: {"says": statement.says} for name, statement in knowledge.document.items()}
    found |= {name: _of_finding(consultation, name) for name in consultation.findings.values}
    found |= {name: _in_words(setting) for name, setting in parameters_data(consultation).items()}
    found |= {name: _of_rule(consultation, name) for name in rules if consultation.verdicts[name].verdict != RULED_OUT}
    found |= {note.id: _in_words(note_data(knowledge, note)) for note in consultation.notes()}
    found |= {f"[{number}]": _of_reference(consultation, number) for number in _cited(consultation)}
    return found | {QUESTIONS: _of_questions(consultation)}


def _of_guideline(consultation: Consultation) -> Told:
    guideline = consultation.knowledge.guideline
    topics = "; ".join(guideline.not_covered)
    return {"title": guideline.title, "treatment": guideline.treatment, "not covered": topics}


def _of_finding(consultation: Consultation, name: str) -> Told:
    """Return the value of a finding, what it follows from and by which parameter."""
    knowledge, findings = consultation.knowledge, consultation.findings
    derived = findings.derived.get(name)
    return {
        "value": value_shown(findings.values[name], knowledge.findings[name]),
        "from": ", ".join(sorted(derived.source)) if derived is not None else "",
        "by": derived.parameter if derived is not None else "",
        **layer_data(knowledge, name),
    }


def _of_rule(consultation: Consultation, name: str) -> Told:
    """Return what is told of a rule that applies or is undetermined."""
    knowledge = consultation.knowledge
    if name in knowledge.statements:
        first = "yes" if knowledge.statements[name].before_treatment else ""
        content = {**statement_data(consultation, name), "before treatment": first}
    else:
        deciding = consultation.verdicts[name].verdict == APPLIES and knowledge.conflicts[name].decides_status
        content = {**conflict_data(consultation, name), "decides status": "yes" if deciding else ""}
    notes = [note for dose in consultation.doses if dose.statement == name for note in dose.notes]
    return {**_in_words(content), **shown(consultation, name), "dose notes": " ".join(notes)}


def _cited(consultation: Consultation) -> Iterable[ReferenceKey]:
    """Return the references of the statements that apply."""
    applying = consultation.applying(consultation.knowledge.statements)
    return {number for name in applying for number in consultation.references(name)}


def _of_reference(consultation: Consultation, number: ReferenceKey) -> Told:
    knowledge = consultation.knowledge
    reference = knowledge.references.get(number)
    words = {} if reference is None else {"entry": reference.entry, "basis": reference.basis}
    return {**words, **layer_data(knowledge, str(number))}


def _of_questions(consultation: Consultation) -> Told:
    """Return the questions in their order, and of each its words, why it is open and what hangs on it."""
    questions = [question_data(consultation.knowledge, question) for question in open_questions(consultation)]
    asked = {data.pop("finding"): "; ".join(_in_words(data).values()) for data in questions}
    return {"order": ", ".join(asked), **asked}


def _in_words(content: Mapping[str, Any]) -> Told:
    return {key: _word(value) for key, value in content.items() if key != "id"}


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {_word(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


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
