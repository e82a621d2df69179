"""The public contract: a consultation as JSON. Keys are never renamed; only new ones are added.

The same findings and the same knowledge give the same bytes: no clock, no chance, lists sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from engine.consultation import Consultation, Verdict
from engine.dosing import Dose
from engine.model import Knowledge, Note, Statement, Value, natural
from engine.questions import Question, open_questions
from engine.rete import Step

FORMAT = "ivig-mg/consultation/1"

NOT_FROM_SOURCE = "local parameter, not in the source"

_VERDICT_OF_STEP = {"yes": "applies", "no": "ruled_out"}


def to_json(content: object) -> str:
    """Return data as JSON text with a closing line end; decimals are plain numbers, digit for digit."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(content)
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def json_in_parts(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yield what `to_json` makes of an object: a pair at a time, and an iterator as a list, an item at a time."""
    before = "{\n"
    for key, value in pairs:
        yield f'{before}  "{key}": '
        yield from _items(value) if isinstance(value, Iterator) else [_inner(value, "  ")]
        before = ",\n"
    yield "\n}\n"


def _items(items: Iterator[object]) -> Iterator[str]:
    before, end = "[\n    ", "[]"
    for item in items:
        yield before + _inner(item, "    ")
        before, end = ",\n    ", "\n  ]"
    yield end


def _inner(value: object, indent: str) -> str:
    return to_json(value).removesuffix("\n").replace("\n", f"\n{indent}")


def consultation_data(consultation: Consultation) -> dict[str, Any]:
    """Return a consultation in the form of the contract."""
    knowledge, findings = consultation.knowledge, consultation.findings
    return {
        "format": FORMAT,
        "guideline": {
            "id": knowledge.guideline.id,
            "edition": knowledge.guideline.edition,
            "digest": knowledge.digest,
            "document": [{"id": s.id, "says": s.says} for s in _in_order(knowledge.document)],
        },
        "layers": [{"id": layer.id, "edition": layer.edition, "title": layer.title} for layer in knowledge.layers],
        "findings": _sorted(findings.given),
        "derived": {name: _derived(findings.derived[name]) for name in sorted(findings.derived)},
        "unknown": _sorted(consultation.unknown()),
        "parameters": parameters_data(consultation),
        "status": consultation.status,
        "statements": [statement_data(consultation, name) for name in natural(knowledge.statements)],
        "doses": [{**dose_data(dose), **layer_data(knowledge, dose.statement)} for dose in consultation.doses],
        "conflicts": [conflict_data(consultation, name) for name in natural(knowledge.conflicts)],
        "open_questions": [question_data(knowledge, question) for question in open_questions(consultation)],
        "not_covered": list(knowledge.guideline.not_covered),
        "outside_source": [note_data(knowledge, note) for note in consultation.notes()],
        "trace": [step_data(consultation, number, step) for number, step in enumerate(consultation.trace, 1)],
    }


def _in_order(statements: Mapping[str, Statement]) -> list[Statement]:
    return [statements[name] for name in natural(statements)]


def _sorted(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: values[name] for name in sorted(values)}


def _derived(derived: Any) -> dict[str, Any]:
    data = {"value": derived.value, "from": sorted(derived.source)}
    return {**data, "parameter": derived.parameter} if derived.parameter else data


def parameters_data(consultation: Consultation) -> dict[str, Any]:
    """Return the local parameters in force, each with what it derived."""
    findings = consultation.findings
    derived_by: dict[str, dict[str, Value]] = {name: {} for name in findings.parameters}
    for finding, derived in findings.derived.items():
        if derived.parameter:
            derived_by[derived.parameter][finding] = derived.value
    return {
        name: {
            "value": findings.parameters[name],
            "derived": derived_by[name],
            "label": NOT_FROM_SOURCE,
            **layer_data(consultation.knowledge, name),
        }
        for name in sorted(findings.parameters)
    }


def statement_data(consultation: Consultation, name: str) -> dict[str, Any]:
    """Return a statement with its verdict."""
    statement, verdict = consultation.knowledge.statements[name], consultation.verdicts[name]
    data = {
        "id": name,
        **layer_data(consultation.knowledge, name),
        "kind": statement.kind,
        "verdict": verdict.verdict,
        "says": statement.says,
        "references": list(statement.references),
        **reasons_data(verdict),
    }
    return data if verdict.fulfilled is None else {**data, "fulfilled": verdict.fulfilled}


def layer_data(knowledge: Knowledge, name: str) -> dict[str, str]:
    """Return the layer that an entry stands in; nothing for what the guideline's own source says."""
    return {"layer": knowledge.layer_of[name]} if name in knowledge.layer_of else {}


def reasons_data(verdict: Verdict) -> dict[str, list[str]]:
    """Return the findings that decided a verdict and those that still could."""
    return {"because": list(verdict.because), "missing": list(verdict.missing)}


def dose_data(dose: Dose) -> dict[str, Any]:
    """Return a dose; ``of`` and ``reading`` are there only for one that spreads another."""
    of = {} if dose.of is None else {"of": dose.of, "reading": dose.reading}
    return {
        "statement": dose.statement,
        **of,
        "weight_basis": dose.weight_basis,
        "weight_kg": dose.weight_kg,
        "g_per_kg": dose.g_per_kg,
        "total_g": dose.total_g,
        "days": dose.days,
        "daily_g": dose.daily_g,
        "references": list(dose.references),
        "notes": list(dose.notes),
    }


def conflict_data(consultation: Consultation, name: str) -> dict[str, Any]:
    """Return a conflict with its verdict, the statements involved and all their references."""
    return {
        "id": name,
        **layer_data(consultation.knowledge, name),
        "verdict": consultation.verdicts[name].verdict,
        "says": consultation.knowledge.conflicts[name].says,
        "statements": consultation.involved(name),
        "references": consultation.references(name),
        **reasons_data(consultation.verdicts[name]),
    }


def question_data(knowledge: Knowledge, question: Question) -> dict[str, Any]:
    """Return an open question, with what it can settle and complete."""
    return {
        "finding": question.finding,
        **layer_data(knowledge, question.finding),
        "question": question.asks,
        "reason": question.reason,
        "settles": list(question.settles),
        "completes": list(question.completes),
    }


def note_data(knowledge: Knowledge, note: Note) -> dict[str, Any]:
    """Return a note from outside the source, with what it is attached to."""
    return {
        "id": note.id,
        **layer_data(knowledge, note.id),
        "says": note.says,
        "citation": note.citation,
        "statements": list(note.attaches_to),
    }


def step_data(consultation: Consultation, number: int, step: Step) -> dict[str, Any]:
    """Return a step of the trace."""
    return {
        "step": number,
        "rule": step.about,
        **layer_data(consultation.knowledge, step.about),
        "verdict": _VERDICT_OF_STEP[step.truth],
        "premises": [{"about": premise.about, "truth": premise.truth} for premise in step.premises],
        "references": consultation.references(step.about),
    }
