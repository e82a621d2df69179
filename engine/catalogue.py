"""What stands in the knowledge base under a name, as data: words, rule, place, what rests on what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from engine.contract import NOT_FROM_SOURCE, layer_data
from engine.errors import Fault, InputError, did_you_mean, shortened
from engine.language import accepted, plain
from engine.model import (
    Finding,
    Knowledge,
    Parameter,
    ReferenceKey,
    Regimen,
    Section,
    Spread,
    Statement,
    in_order,
    natural,
)
from engine.rules import needs, rule_tree, used_by


def describe(knowledge: Knowledge, name: str) -> dict[str, Any]:
    """Return what stands under a name: a statement, concept, finding, conflict, reference, parameter, note or section.

    ``layers`` has the layer of every other name in it that stands in one.

    Raises:
        InputError: with the nearest names when there is none of that name.

    """
    for found in dict.fromkeys((name, name.upper(), name.lower(), name.strip("[]"))):
        for is_about, describer in _DESCRIBERS:
            if found in is_about(knowledge):
                entry = describer(knowledge, found)
                named = {word: knowledge.layer_of[word] for word in _words(entry) if word in knowledge.layer_of}
                layers = {"layers": dict(sorted(named.items()))} if named else {}
                return {"name": found, **_layer(knowledge, found), **entry, **layers}
    hint = did_you_mean(name, names(knowledge)) or "See 'ivig-mg show' for all names."
    raise InputError([Fault(f"'{shortened(name)}' is not a name in this knowledge base", hint)])


def _words(data: Any) -> Iterator[str]:
    """Yield every text in data, however deep."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list | tuple):
        for part in data.values() if isinstance(data, dict) else data:
            yield from _words(part)


def _layer(knowledge: Knowledge, name: str) -> dict[str, str]:
    """Return the layer of an entry, or of the section that a place in the source is in."""
    return layer_data(knowledge, name) or layer_data(knowledge, name.partition(".")[0])


def names(knowledge: Knowledge) -> list[str]:
    """Return every name that can be described."""
    return [name for is_about, _ in _DESCRIBERS for name in is_about(knowledge)]


def index(knowledge: Knowledge) -> dict[str, list[dict[str, str]]]:
    """Return all names by group, each with its words, and its layer if it stands in one."""
    return {
        group: [{**entry, **_layer(knowledge, entry["name"])} for entry in entries]
        for group, entries in _groups(knowledge).items()
    }


def _groups(knowledge: Knowledge) -> dict[str, list[dict[str, str]]]:
    return {
        "findings": [{"name": f.name, "says": f.asks} for f in knowledge.findings.values()],
        "concepts": [{"name": c.id, "says": c.says} for c in knowledge.concepts.values()],
        "statements": [{"name": s.id, "says": s.says} for s in _in_order(knowledge.statements)],
        "conflicts": [{"name": c.id, "says": c.says} for c in _in_order(knowledge.conflicts)],
        "parameters": [{"name": p.name, "says": p.says} for p in knowledge.parameters.values()],
        "references": [{"name": str(r.number), "says": r.entry or r.basis} for r in knowledge.references.values()],
        "from outside the source": [{"name": n.id, "says": n.says} for n in _in_order(knowledge.notes)],
        "about the document": [{"name": s.id, "says": s.says} for s in _in_order(knowledge.document)],
        "topics not covered": [{"name": topic, "says": ""} for topic in knowledge.guideline.not_covered],
        "places in the source": [
            {"name": place, "says": _place_in_source(knowledge, place)["says"]} for place in _places(knowledge)
        ],
        "sections of the source": [{"name": s.code, "says": s.heading} for s in knowledge.guideline.sections.values()],
    }


def _in_order(entries: Any) -> list[Any]:
    return [entries[name] for name in natural(entries)]


def _statement(knowledge: Knowledge, name: str) -> dict[str, Any]:
    statement = knowledge.statements[name]
    condition = knowledge.rules[name]
    return {
        "is": "statement",
        "kind": statement.kind,
        "says": statement.says,
        "source": place(knowledge, statement),
        "references": [_reference_entry(knowledge, number) for number in statement.references],
        "applies_when": rule_tree(condition, knowledge),
        **_numbers(statement),
        **({"fulfilled_when": rule_tree(statement.fulfilled, knowledge)} if statement.fulfilled is not None else {}),
        "rests_on": needs(name, knowledge),
        "used_by": used_by(name, knowledge),
        "in_conflicts": [c for c in natural(knowledge.conflicts) if any(name in side for side in knowledge.sides(c))],
        "notes": _notes(knowledge, name),
    }


def place(knowledge: Knowledge, statement: Statement) -> dict[str, Any]:
    """Return where a statement stands in the source, with the digest of its sentence."""
    code, _, bullet = statement.source.partition(".")
    section = knowledge.guideline.sections[code]
    return {
        "locator": statement.source,
        **layer_data(knowledge, code),
        "part": section.part,
        "heading": section.heading,
        "bullet": int(bullet) if bullet else None,
        "digest": section.bullets[int(bullet or 1) - 1],
    }


def _numbers(statement: Statement) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if statement.regimen is not None:
        data["regimen"] = regimen_words(statement.regimen)
    if statement.spread is not None:
        data["spread"] = spread_words(statement.spread)
    return data


def regimen_words(regimen: Regimen) -> str:
    """Say what a regimen gives: g/kg in all, days, g/kg a day where that is stated, and by which weight."""
    total = plain(regimen.low) if regimen.low == regimen.high else f"{plain(regimen.low)} to {plain(regimen.high)}"
    daily = f", {plain(regimen.daily)} g/kg a day" if regimen.daily is not None else ""
    weight = "weight not stated" if regimen.weight == "not stated" else f"by {regimen.weight} weight"
    lower = f"; lower end: {regimen.lower_end}" if regimen.lower_end else ""
    return f"{total} g/kg over {regimen.days} days{daily}, {weight}{lower}"


def spread_words(spread: Spread) -> str:
    """Say how large doses are spread: days, g/kg a day, and the conflict to see where that does not fit."""
    outside = f"; outside: {spread.outside}" if spread.outside else ""
    return f"{spread.shortest} to {spread.longest} days at {plain(spread.daily)} g/kg a day{outside}"


def _document(knowledge: Knowledge, name: str) -> dict[str, Any]:
    statement = knowledge.document[name]
    return {"is": "statement about the document", "says": statement.says, "not_encoded": statement.not_encoded}


def _concept(knowledge: Knowledge, name: str) -> dict[str, Any]:
    concept = knowledge.concepts[name]
    return {
        "is": "concept",
        "says": concept.says,
        "holds_when": rule_tree(concept.when, knowledge),
        "rests_on": needs(name, knowledge),
        "used_by": used_by(name, knowledge),
    }


def _conflict(knowledge: Knowledge, name: str) -> dict[str, Any]:
    conflict = knowledge.conflicts[name]
    condition = knowledge.rules[name]
    sides = knowledge.sides(name)
    references = {number for side in sides for s in side for number in knowledge.statements[s].references}
    return {
        "is": "conflict",
        "says": conflict.says,
        "between": sides,
        "references": [_reference_entry(knowledge, number) for number in in_order(references)],
        "shown_when": rule_tree(condition, knowledge),
        "rests_on": needs(name, knowledge),
        "notes": _notes(knowledge, name),
    }


def _finding(knowledge: Knowledge, name: str) -> dict[str, Any]:
    finding: Finding = knowledge.findings[name]
    data: dict[str, Any] = {"is": "finding", "says": finding.asks, "takes": accepted(finding)}
    if finding.only_if is not None:
        data["only_if"] = rule_tree(finding.only_if, knowledge)
    if finding.help:
        data["help"] = finding.help
    if finding.undefined:
        data["undefined"] = finding.undefined
    derived_by = [p.name for p in knowledge.parameters.values() if p.derives == name]
    serves = [p.name for p in knowledge.parameters.values() if name in sources_of(p)]
    return {**data, "derived_by": derived_by, "serves_parameters": serves, "used_by": used_by(name, knowledge)}


def sources_of(parameter: Parameter) -> list[str]:
    """Return the findings that a parameter derives from."""
    named = [parameter.source] if parameter.source else []
    for formula in (parameter.formulas or {}).values():
        named += [formula.sex, formula.height, formula.not_for]
    return list(dict.fromkeys(named))


def formula_words(parameter: Parameter) -> dict[str, str]:
    """Say how each formula of a parameter computes."""
    return {
        name: (
            ", ".join(f"{plain(base)} kg ({sex})" for sex, base in formula.base.items())
            + f", plus {plain(formula.per_inch)} kg for each inch above {plain(formula.from_inches)} inches;"
            + f" rounded half up to {plain(formula.rounded_to)} kg; not below that height,"
            + f" and not for: {formula.not_for}"
        )
        for name, formula in (parameter.formulas or {}).items()
    }


def _parameter(knowledge: Knowledge, name: str) -> dict[str, Any]:
    parameter: Parameter = knowledge.parameters[name]
    return {
        "is": "parameter",
        "says": parameter.says,
        "label": NOT_FROM_SOURCE,
        "takes": taken(parameter),
        "derives": parameter.derives,
        "from": sources_of(parameter),
        "formulas": formula_words(parameter),
    }


def taken(parameter: Parameter) -> str:
    """Say in words what a parameter takes as a value."""
    choices_ = tuple(parameter.formulas or ())
    return accepted(
        Finding(parameter.name, "", parameter.type, choices_, parameter.unit, parameter.low, parameter.high)
    )


def _reference(knowledge: Knowledge, name: str) -> dict[str, Any]:
    reference = knowledge.references[_key(name)]
    citing = [s.id for s in _in_order(knowledge.statements) if reference.number in s.references]
    return {
        "is": "reference",
        "says": reference.entry or "The source lists no entry.",
        "basis": reference.basis,
        "cited_by": citing,
    }


def _note(knowledge: Knowledge, name: str) -> dict[str, Any]:
    note = knowledge.notes[name]
    return {
        "is": "note from outside the source",
        "says": note.says,
        "citation": note.citation,
        "attaches_to": list(note.attaches_to),
    }


def _section(knowledge: Knowledge, name: str) -> dict[str, Any]:
    section: Section = knowledge.guideline.sections[name]
    statements = [s for s in _in_order(knowledge.statements) if s.source.partition(".")[0] == name]
    return {
        "is": "section of the source",
        "says": section.heading,
        "part": section.part,
        "bullets": [
            {"digest": digest, "statements": [s.id for s in statements if _bullet(s) == number]}
            for number, digest in enumerate(section.bullets, 1)
        ],
    }


def _place_in_source(knowledge: Knowledge, name: str) -> dict[str, Any]:
    code, _, bullet = name.partition(".")
    section = knowledge.guideline.sections[code]
    return {
        "is": "place in the source",
        "says": f"{section.part} › {section.heading}, bullet {bullet}",
        "digest": section.bullets[int(bullet) - 1],
        "statements": [s.id for s in _in_order(knowledge.statements) if s.source == name],
    }


def _places(knowledge: Knowledge) -> list[str]:
    sections = knowledge.guideline.sections.values()
    return [f"{s.code}.{number}" for s in sections for number in range(1, len(s.bullets) + 1) if len(s.bullets) > 1]


def _silence(knowledge: Knowledge, name: str) -> dict[str, Any]:
    return {"is": "topic not covered", "says": f"The source makes no statement on {name}."}


def _bullet(statement: Statement) -> int:
    return int(re.sub(r"^[^.]*\.?", "", statement.source) or 1)


def _notes(knowledge: Knowledge, name: str) -> list[str]:
    return [note.id for note in _in_order(knowledge.notes) if name in note.attaches_to]


def _key(name: str) -> ReferenceKey:
    return int(name) if name.isdecimal() else name


def _reference_entry(knowledge: Knowledge, number: ReferenceKey) -> dict[str, Any]:
    reference = knowledge.references[number]
    return {"number": number, "entry": reference.entry or None, "basis": reference.basis}


def _numbers_as_text(knowledge: Knowledge) -> Iterable[str]:
    return [str(number) for number in knowledge.references]


_DESCRIBERS: tuple[tuple[Any, Any], ...] = (
    (lambda knowledge: knowledge.findings, _finding),
    (lambda knowledge: knowledge.concepts, _concept),
    (lambda knowledge: knowledge.statements, _statement),
    (lambda knowledge: knowledge.conflicts, _conflict),
    (lambda knowledge: knowledge.parameters, _parameter),
    (_numbers_as_text, _reference),
    (lambda knowledge: knowledge.notes, _note),
    (lambda knowledge: knowledge.document, _document),
    (lambda knowledge: knowledge.guideline.sections, _section),
    (_places, _place_in_source),
    (lambda knowledge: knowledge.guideline.not_covered, _silence),
)
