"""Two knowledge bases compared: in words, over their cases, and for every patient there can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.cases import Case
from engine.conditions import Judge
from engine.consultation import VERDICTS, Consultation, evaluate
from engine.errors import InputError
from engine.findings import interpret
from engine.language import phrase
from engine.model import Condition, Knowledge, natural

GROUPS = ("findings", "concepts", "statements", "document", "conflicts", "references", "parameters", "notes")


class Changed(Struct, frozen=True):
    """One entry that differs: what it is, and for each part of it the old and the new; None is absent."""

    group: str
    id: str
    parts: Mapping[str, tuple[str | None, str | None]]


class CaseChange(Struct, frozen=True):
    """A case that is answered otherwise, with what differs in words."""

    case: str
    differences: tuple[str, ...]


class Disagreement(Struct, frozen=True):
    """A rule on which the two disagree, and a smallest patient for whom they do."""

    rule: str
    old: str
    new: str
    patient: Mapping[str, str]


class Comparison(Struct, frozen=True):
    """What differs between two knowledge bases.

    ``agreeing`` has the rules that were changed in words and come out alike for every patient; it and
    ``disagreements`` are None where no solver is installed.
    """

    old: str
    new: str
    changed: Sequence[Changed]
    cases: Sequence[CaseChange]
    disagreements: Sequence[Disagreement] | None = None
    agreeing: Sequence[str] | None = None


def changed_entries(old: Knowledge, new: Knowledge) -> Iterator[Changed]:
    """Yield every entry that differs between two knowledge bases."""
    parts = _parts(_content(old.guideline, old), _content(new.guideline, new))
    if parts:
        yield Changed("guideline", new.guideline.id, parts)
    for group in GROUPS:
        before: Mapping[Any, Any] = getattr(old, group)
        after: Mapping[Any, Any] = getattr(new, group)
        for name in natural(map(str, {**before, **after})):
            key: Any = int(name) if group == "references" and name.isdecimal() else name
            parts = _parts(
                _content(before[key], old) if key in before else {}, _content(after[key], new) if key in after else {}
            )
            if parts:
                yield Changed(group, name, parts)


def _parts(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {key: (old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)}


def _content(entry: Struct, knowledge: Knowledge) -> dict[str, str]:
    """Return the parts of an entry as text; a condition in words."""
    found: dict[str, str] = {}
    for field in entry.__struct_fields__:
        value = getattr(entry, field)
        if value in (None, "", (), {}, False):
            continue
        found[field.replace("_", " ")] = (
            phrase(value, knowledge.units) if isinstance(value, Condition) else _plain(value)
        )
    return found


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(msgspec.to_builtins(value, str_keys=True), order="deterministic").decode()


# Cases. ------------------------------------------------------------------------------------


def changed_cases(old: Knowledge, new: Knowledge, cases: Sequence[Case]) -> Iterator[CaseChange]:
    """Yield the cases that the two answer differently."""
    for case in cases:
        before, after = _answer(old, case), _answer(new, case)
        if isinstance(before, str) or isinstance(after, str):
            if before != after:
                yield CaseChange(case.name, (f"{_readable(before)} → {_readable(after)}",))
            continue
        differences = tuple(_differences(before, after))
        if differences:
            yield CaseChange(case.name, differences)


def _answer(knowledge: Knowledge, case: Case) -> Consultation | str:
    try:
        return evaluate(Judge(knowledge, interpret(knowledge, case.findings, case.parameters)))
    except InputError as problem:
        return problem.faults[0].found


def _readable(answer: Consultation | str) -> str:
    return f"cannot be read ({answer})" if isinstance(answer, str) else answer.status


def _differences(old: Consultation, new: Consultation) -> Iterator[str]:
    if old.status != new.status:
        yield f"status: {old.status} → {new.status}"
    for name in natural({**old.verdicts, **new.verdicts}):
        before, after = old.verdicts.get(name), new.verdicts.get(name)
        words = [verdict.verdict if verdict is not None else "not there" for verdict in (before, after)]
        if words[0] != words[1]:
            yield f"{name}: {words[0]} → {words[1]}"
    if list(old.doses) != list(new.doses):
        yield f"doses: {_doses(old)} → {_doses(new)}"


def _doses(consultation: Consultation) -> str:
    said = (
        f"{d.statement} {d.g_per_kg} g/kg {d.total_g or '?'} g over {d.days or '?'} days" for d in consultation.doses
    )
    return "; ".join(said) or "none"


# Every patient. ----------------------------------------------------------------------------


def disagreements(old: Knowledge, new: Knowledge) -> tuple[list[Disagreement], list[str]]:
    """Return a smallest patient for each rule on which the two disagree, and the rules on which none does.

    Only rules of both are compared, over the findings that both have and that take the same values.
    """
    from engine.solver import Solver, Symbols, different, fewest

    both_have = [name for name in old.rules if name in new.rules]
    alike = [name for name, finding in old.findings.items() if _same_values(finding, new.findings.get(name))]
    before = Symbols(old)
    after = Symbols(new, "new ", shared=before, apart=[name for name in new.findings if name not in alike])
    solver = Solver(before, after)
    found, agreeing = [], []
    for name in natural(both_have):
        counted = [*before.known.values(), *after.known.values()]
        one, other = before.rule(name), after.rule(name)
        model = fewest(solver, one.yes != other.yes, counted) or fewest(solver, different(one, other), counted)
        if model is None:
            agreeing.append(name)
            continue
        patient = {**after.words(model), **before.words(model)}
        verdicts = (_verdict(old, before.words(model), name), _verdict(new, after.words(model), name))
        found.append(Disagreement(name, *verdicts, patient))
    return found, agreeing


def _same_values(finding: Any, other: Any) -> bool:
    if other is None:
        return False
    fields = ("type", "choices", "unit", "low", "high")
    return all(getattr(finding, field) == getattr(other, field) for field in fields)


def _verdict(knowledge: Knowledge, patient: Mapping[str, str], name: str) -> str:
    from engine.proofs import findings_of

    return VERDICTS[Judge(knowledge, findings_of(knowledge, patient)).rule(name).truth]


def compare(old: Knowledge, new: Knowledge, cases: Sequence[Case], with_solver: bool = True) -> Comparison:
    """Return everything that differs between two knowledge bases."""
    changed = list(changed_entries(old, new))
    differing, agreeing = disagreements(old, new) if with_solver else (None, None)
    touched = {entry.id for entry in changed if "when" in entry.parts}
    return Comparison(
        old.digest,
        new.digest,
        changed,
        list(changed_cases(old, new, cases)),
        differing,
        None if agreeing is None else [name for name in agreeing if name in touched],
    )
