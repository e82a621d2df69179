"""Two knowledge bases compared: in words, over their cases, and for every patient there can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.answers import Difference, differences
from engine.cases import Case
from engine.catalogue import formula_words, regimen_words, spread_words, taken
from engine.conditions import Judge
from engine.consultation import Consultation, evaluate
from engine.errors import InputError
from engine.findings import interpret
from engine.language import accepted, choices, phrase, plain
from engine.model import Condition, Finding, Knowledge, OnCourse, Parameter, Regimen, Section, Spread, natural
from engine.rules import rule_tree

GROUPS = ("findings", "concepts", "statements", "document", "conflicts", "references", "parameters", "notes", "layers")

READING = "reading"
"""The aspect of a case that only one of two knowledge bases can read."""

MEANING = ("when", "regimen", "spread", "fulfilled", "references", "kind", "between", "decides status")
"""The parts of a rule that an answer can depend on."""


class Changed(Struct, frozen=True):
    """One entry that was changed, added or removed: for each part that differs, the old and the new; None is absent.

    ``rules`` has the parts that are conditions once more, each as a tree.
    """

    group: str
    id: str
    how: str
    parts: Mapping[str, tuple[str | None, str | None]]
    rules: Mapping[str, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]] = {}


class Accepted(Struct, frozen=True):
    """A finding of both that no longer takes the same values: what only the old takes, and what only the new."""

    finding: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class CaseChange(Struct, frozen=True):
    """A case that is answered otherwise, with each difference."""

    case: str
    differences: tuple[Difference, ...]


class Comparison(Struct, frozen=True):
    """What differs between two knowledge bases; ``layers`` has the layer of each entry that stands in one.

    ``disagreements`` has a smallest patient for each rule on which the two disagree, ``agreeing`` the rules
    that were changed and come out alike for every patient, ``never`` those that only one has and that apply
    to no patient. All three are None where no solver is installed.
    """

    old: str
    new: str
    changed: Sequence[Changed]
    accepted: Sequence[Accepted]
    cases: Sequence[CaseChange]
    disagreements: Sequence[Any] | None = None
    agreeing: Sequence[str] | None = None
    never: Sequence[str] | None = None
    layers: Mapping[str, str] = {}


def compare(old: Knowledge, new: Knowledge, cases: Sequence[Case], with_solver: bool = True) -> Comparison:
    """Return everything that differs between two knowledge bases."""
    changed = list(changed_entries(old, new))
    layer_of = {**old.layer_of, **new.layer_of}
    found = Comparison(
        old.digest,
        new.digest,
        changed,
        list(_accepted(old, new)),
        list(changed_cases(old, new, cases)),
        layers={name: layer_of[name] for name in natural(layer_of)},
    )
    return _with_proofs(found, old, new) if with_solver else found


def _with_proofs(found: Comparison, old: Knowledge, new: Knowledge) -> Comparison:
    try:
        from engine.disagreements import proven
    except ModuleNotFoundError:
        return found
    proofs = proven(old, new, {entry.id for entry in found.changed if any(part in entry.parts for part in MEANING)})
    return replace(found, disagreements=proofs.disagreements, agreeing=proofs.agreeing, never=proofs.never)


# Words. ------------------------------------------------------------------------------------


def changed_entries(old: Knowledge, new: Knowledge) -> Iterator[Changed]:
    """Yield every entry that differs between two knowledge bases."""
    yield from _changed("guideline", new.guideline.id, (old.guideline, old), (new.guideline, new))
    yield from _reordered(old, new)
    for group in GROUPS:
        before, after = _entries(old, group), _entries(new, group)
        for name in natural({**before, **after}):
            yield from _changed(group, name, (before.get(name), old), (after.get(name), new))


def _entries(knowledge: Knowledge, group: str) -> Mapping[str, Struct]:
    if group == "layers":
        return {layer.id: layer for layer in knowledge.layers}
    return {str(name): entry for name, entry in getattr(knowledge, group).items()}


def _changed(
    group: str, name: str, old: tuple[Struct | None, Knowledge], new: tuple[Struct | None, Knowledge]
) -> Iterator[Changed]:
    whole = old[0] is not None and new[0] is not None
    how = "changed" if whole else "added" if old[0] is None else "removed"
    before, after = (_content(entry, knowledge, whole) for entry, knowledge in (old, new))
    differing = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    trees = [_trees(entry, knowledge) for entry, knowledge in (old, new)]
    if differing:
        yield Changed(
            group,
            name,
            how,
            {key: (before.get(key), after.get(key)) for key in differing},
            {key: (trees[0].get(key), trees[1].get(key)) for key in differing if key in {**trees[0], **trees[1]}},
        )


def _reordered(old: Knowledge, new: Knowledge) -> Iterator[Changed]:
    """Yield the findings of both from the first to the last that stands elsewhere; questions have their order."""
    before = [name for name in old.findings if name in new.findings]
    after = [name for name in new.findings if name in old.findings]
    moved = [index for index, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    if moved:
        span = slice(moved[0], moved[-1] + 1)
        order = (", ".join(before[span]), ", ".join(after[span]))
        yield Changed("guideline", new.guideline.id, "changed", {"order of the questions": order})


def _trees(entry: Struct | None, knowledge: Knowledge) -> dict[str, Mapping[str, Any]]:
    values = {_key(field): getattr(entry, field) for field in (entry.__struct_fields__ if entry is not None else ())}
    return {key: rule_tree(value, knowledge) for key, value in values.items() if isinstance(value, Condition)}


def _content(entry: Struct | None, knowledge: Knowledge, flags: bool) -> dict[str, str]:
    """Return the parts of an entry in words; a no where a part says yes or no only with ``flags``."""
    if entry is None:
        return {}
    values = {_key(field): getattr(entry, field) for field in entry.__struct_fields__ if field not in _SAID_ELSEWHERE}
    found = {key: _words(key, value, knowledge) for key, value in values.items() if flags or value is not False}
    if isinstance(entry, Finding):
        found = {key: word for key, word in found.items() if key not in _TAKEN} | {"takes": accepted(entry)}
    if isinstance(entry, Parameter):
        formulas = {f"formula {name}": says for name, says in formula_words(entry).items()}
        found = {key: word for key, word in found.items() if key not in _TAKEN} | {"takes": taken(entry)} | formulas
    sections: Mapping[str, Section] = getattr(entry, "sections", {})
    found |= {f"section {code}": _section(section) for code, section in sections.items()}
    return {key: word for key, word in found.items() if word}


_SAID_ELSEWHERE = ("id", "name", "number", "sections", "formulas", "entries")
"""Fields that name an entry, or that are told part by part."""

_TAKEN = ("type", "choices", "unit", "low", "high")
"""Fields that are told together: what a finding or a parameter takes."""


def _key(field: str) -> str:
    return field.replace("_", " ")


def _words(key: str, value: Any, knowledge: Knowledge) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return plain(value)
        case Regimen():
            return regimen_words(value)
        case Spread():
            return spread_words(value)
        case OnCourse():
            return _course(value)
        case tuple():
            between = {"between": " against ", "left out": ": "}.get(key, ", ") if _is_nested(value) else ", "
            return between.join(_words("", part, knowledge) for part in value)
    return phrase(value, knowledge.units) if isinstance(value, Condition) else str(value)


def _is_nested(value: tuple[Any, ...]) -> bool:
    return any(isinstance(part, tuple) for part in value)


def _course(course: OnCourse) -> str:
    days = "" if course.low is None else f" from day {course.low}"
    days += "" if course.high is None else f" to day {course.high}"
    of = f", of {', '.join(course.of)}" if course.of else ""
    return f"{course.shows}{days}{' and on' if course.goes_on else ''}: {course.label}{of}"


def _section(section: Section) -> str:
    bullets = ", ".join(f"{number}: {digest}" for number, digest in enumerate(section.bullets, 1))
    return f"{section.part} › {section.heading}; digests {bullets}"


# What is accepted. -------------------------------------------------------------------------


def _accepted(old: Knowledge, new: Knowledge) -> Iterator[Accepted]:
    """Yield the findings of both that do not take the same values."""
    for name, finding in old.findings.items():
        other = new.findings.get(name)
        if other is not None and _range(finding) != _range(other):
            yield Accepted(name, tuple(_only(finding, other)), tuple(_only(other, finding)))


def _range(finding: Finding) -> tuple[Any, ...]:
    return finding.is_number, finding.unit, accepted(finding)


def _only(finding: Finding, other: Finding) -> Iterator[str]:
    """Yield in words the values that only the first of two findings takes."""
    if (finding.is_number, finding.unit) != (other.is_number, other.unit):
        yield accepted(finding)
        return
    if not finding.is_number:
        yield from (word for word in choices(finding) if word not in choices(other))
        return
    low, high = finding.low or Decimal(0), finding.high or Decimal(0)
    least, most = other.low or Decimal(0), other.high or Decimal(0)
    unit = f" {finding.unit}" if finding.unit else ""
    if high < least or most < low:
        yield f"{plain(low)} to {plain(high)}{unit}"
        return
    if low < least:
        yield f"{plain(low)} to less than {plain(least)}{unit}"
    if high > most:
        yield f"more than {plain(most)} to {plain(high)}{unit}"
    if (finding.type, other.type) == ("number", "whole number"):
        yield f"a number{unit} that is not whole"


# Cases. ------------------------------------------------------------------------------------


def changed_cases(old: Knowledge, new: Knowledge, cases: Sequence[Case]) -> Iterator[CaseChange]:
    """Yield the cases that the two answer differently."""
    for case in cases:
        before, after = _answer(old, case), _answer(new, case)
        if isinstance(before, Consultation) and isinstance(after, Consultation):
            found = tuple(differences(before, after))
        else:
            words = [f"cannot be read: {a}" if isinstance(a, str) else "can be read" for a in (before, after)]
            found = (Difference("case", READING, *words),) if words[0] != words[1] else ()
        if found:
            yield CaseChange(case.name, found)


def _answer(knowledge: Knowledge, case: Case) -> Consultation | str:
    try:
        return evaluate(Judge(knowledge, interpret(knowledge, case.findings, case.parameters)))
    except InputError as problem:
        return problem.faults[0].found
