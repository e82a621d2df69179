"""Entries of YAML files to values of the model: what each says, and the conditions it is under."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine import forms, language, model, shapes
from engine.documents import Document, Entries, Listing, Node, Scalar
from engine.language import UnreadableError, Vocabulary
from engine.shapes import MISSING

RESERVED = frozenset({"not", "is", "any", "all", "dose", "at", "known", "unknown", "yes", "no", "pending"})
"""Words of the language of tests, which cannot be names."""

LONGEST_COUNT = 12
"""How many tests "at least N of" may count: as a rule it has a branch for each choice of N."""


class Entry(Struct):
    """An entry of a file: its id as it stands, its values by key, and where they stand."""

    id: str
    node: Entries
    document: Document
    values: dict[str, Any]

    def fault(self, found: str, remedy: str = "", key: str = "") -> None:
        """Note a fault of this entry, at the value of a key if one is named."""
        at = self.node.values.get(key, self.node)
        self.document.fault(f"{self.id}: {found}", remedy, at)


class Doubt(Struct, frozen=True):
    """The names that may be there although their entry, or their whole file, could not be read.

    That such a name is not known is no fault of its own.
    """

    names: frozenset[str] = frozenset()
    everything: bool = False
    sections: bool = False
    """Whether the sections of the source could not be read."""

    def __contains__(self, name: object) -> bool:
        return self.everything or str(name) in self.names

    def __bool__(self) -> bool:
        return self.everything or self.sections or bool(self.names)

    def __or__(self, other: Doubt) -> Doubt:
        return Doubt(self.names | other.names, self.everything or other.everything, self.sections or other.sections)


class Conditions(Struct):
    """Reads conditions, once all names are known."""

    vocabulary: Vocabulary
    doubt: Doubt

    def read(self, entry: Entry, key: str = "when") -> model.Condition:
        """Return the condition under a key; where it cannot be read the fault is noted."""
        return self.node(entry.values[key], entry.document)

    def node(self, node: Node, document: Document) -> model.Condition:
        """Read a node: one test, or a gate with tests below it."""
        if isinstance(node, Scalar):
            return self.line(node, document) or model.every()
        gate = self.gate(node, document)
        if gate is None and not _list_is_missing(node, document):
            shapes.expect(document, node, "a test, or 'all:', 'any:' or 'at least N of:' with a list")
        return gate or model.every()

    def read_incomplete(self, entry: Entry) -> None:
        """Read the conditions of an entry that is at fault elsewhere, for their own faults."""
        for key in ("when", "fulfilled"):
            if key in entry.node.values:
                self.node(entry.node.values[key], entry.document)

    def line(self, node: Scalar, document: Document) -> model.Condition | None:
        """Read a line of text as a test."""
        if node.text.strip() == shapes.TO_DO:
            shapes.expect(document, node, "a test, or 'all:', 'any:' or 'at least N of:' with a list")
            return None
        try:
            return language.parse(node.text, self.vocabulary)
        except UnreadableError as problem:
            if not problem.name or problem.name not in self.doubt:
                document.fault(problem.found, problem.remedy, node)
            return None

    def gate(self, node: Node, document: Document) -> model.Gate | None:
        """Read `all:`, `any:` or `at least N of:` with a list; None for anything else."""
        if not isinstance(node, Entries) or len(node.values) != 1:
            return None
        [(key, items)] = node.values.items()
        if not isinstance(items, Listing) or not items.items:
            return None
        conditions = tuple(self.node(item, document) for item in items.items)
        readable = [condition for condition in conditions if condition != model.every()]
        if len(set(readable)) < len(readable):
            document.fault(f"the same test stands twice under '{key}:'", "Keep one of them.", items)
        needed = _needed(key, len(conditions))
        if needed is None:
            return None
        if needed not in (1, len(conditions)) and len(conditions) > LONGEST_COUNT:
            found = f"'{key}' with {len(conditions)} tests below it, of which at most {LONGEST_COUNT} can be counted"
            document.fault(found, "Make concepts of some of them.", node)
        if not 0 < needed <= len(conditions):
            document.fault(f"'{key}' with {len(conditions)} tests below it", f"Ask for 1 to {len(conditions)}.", node)
        return model.Gate(needed, conditions)

    def governor(self, entry: Entry) -> model.Test | None:
        """Return the test that governs a finding: one test on one other finding."""
        text = entry.values.get("only if")
        if text is None:
            return None
        try:
            test = language.parse(text, self.vocabulary)
        except UnreadableError as problem:
            if not problem.name or problem.name not in self.doubt:
                entry.fault(problem.found, problem.remedy, "only if")
            return None
        if not isinstance(test, model.Test) or test.value is None or test.finding == entry.id:
            entry.fault("'only if' takes one test on one other finding", "Write a test such as 'graded'.", "only if")
            return None
        governor = self.vocabulary.findings[test.finding]
        if governor.type == "yes/no" and test.value != "yes":
            entry.fault(
                f"'{test.finding}' is yes/no, so only its yes can govern", f"Write '{test.finding}'.", "only if"
            )
        return test


def _list_is_missing(node: Node, document: Document) -> bool:
    """Note a gate with one test where its list of tests should be."""
    if not isinstance(node, Entries) or len(node.values) != 1:
        return False
    [(key, below)] = node.values.items()
    if _needed(key, 1) is None or isinstance(below, Listing):
        return False
    found = f"'{key}:' with {shapes.described(below)} where a list of tests was expected"
    document.fault(found, f"Write '{key}: [one test, another test]', or each test on a line after '- '.", below)
    return True


def _needed(key: str, count: int) -> int | None:
    if key == "all":
        return count
    if key == "any":
        return 1
    counted = re.fullmatch(r"at least ([0-9]{1,6}) of", key)
    return int(counted[1]) if counted else None


def read_guideline(document: Document, conditions: Conditions) -> model.Guideline | None:
    """Return the guideline that a file states, or None where it cannot be read."""
    if document.root is None:
        return None
    values = forms.GUIDELINE.read(document.root, document)
    if values is MISSING:
        if isinstance(document.root, Entries) and "requires" in document.root.values:
            conditions.node(document.root.values["requires"], document)
        return None
    return model.Guideline(
        id=values["id"],
        edition=values["edition"],
        title=values["title"],
        treatment=values["treatment"],
        requires=conditions.node(values["requires"], document),
        sections={code: model.Section(code, **section) for code, section in values["sections"].items()},
        not_covered=values.get("not covered", ()),
        left_out=tuple((part["what"], part["reason"]) for part in values.get("left out", ())),
    )


def read_layer(document: Document, below: model.Knowledge, names: tuple[str, ...]) -> model.Knowledge | None:
    """Return a knowledge base with one more layer, whose entries have these names; None where it cannot be read."""
    values = forms.LAYER.read(document.root, document) if document.root is not None else MISSING
    if values is MISSING:
        return None
    sections = {code: model.Section(code, **section) for code, section in values["sections"].items()}
    for code in sorted(sections.keys() & below.guideline.sections.keys()):
        document.fault(f"section '{code}' stands already in what is below", "Choose another code.")
    if values["id"] in {layer.id for layer in below.layers}:
        document.fault(f"there is a layer '{values['id']}' already", "Name each layer once.")
    layer = model.Layer(values["id"], values["title"], values["edition"], (*names, *sections))
    guideline = replace(below.guideline, sections={**below.guideline.sections, **sections})
    return replace(below, guideline=guideline, layers=(*below.layers, layer))


def read_finding(entry: Entry) -> model.Finding | None:
    """Return the finding that an entry states, None where it is at fault; its governor is read later."""
    values = entry.values
    low, high = values.get("range", (None, None))
    finding = model.Finding(
        entry.id,
        values["asks"],
        values["type"],
        values.get("choices", ()),
        values.get("unit", ""),
        low,
        high,
        help=values.get("help", ""),
        undefined=values.get("undefined", ""),
        topic=values.get("topic", ""),
    )
    breaches = list(_breaches(entry, finding))
    for breach in breaches:
        entry.fault(*breach)
    return None if breaches else finding


def _breaches(entry: Entry, finding: model.Finding) -> Iterator[tuple[str, str, str]]:
    """Yield what does not fit the type of a finding: what is found, what to do, and the key it stands under."""
    is_choice, has_range = finding.type == "choice", "range" in entry.node.values
    if is_choice and not finding.choices:
        yield "a choice without 'choices'", "Add 'choices:' with a list, such as '[one, other]'.", "type"
    if finding.choices and not is_choice:
        yield "'choices' belong to a finding of type choice, and to no other", "Remove 'choices:'.", "choices"
    if finding.is_number and not has_range:
        yield "a number without a range", "Add 'range:', such as '1 to 400'.", "type"
    if has_range and not finding.is_number:
        yield "a range belongs to a number, and to nothing else", "Remove 'range:'.", "range"
    if finding.unit and not finding.is_number:
        yield "a unit belongs to a number, and to nothing else", "Remove 'unit:'.", "unit"
    for word in finding.choices:
        if word in RESERVED:
            yield f"'{word}' is a word of the language of tests", "Choose another word.", "choices"


def read_statement(entry: Entry, conditions: Conditions) -> model.Statement:
    """Return the statement that an entry states."""
    values = entry.values
    if "not encoded" in values:
        return model.Statement(
            entry.id,
            values["says"],
            source=values.get("source", ""),
            not_encoded=values["not encoded"],
            on_top=values.get("on top") == "yes",
        )
    return model.Statement(
        id=entry.id,
        says=values["says"],
        kind=values["kind"],
        source=values["source"],
        references=tuple(model.in_order(values["references"])),
        when=conditions.read(entry),
        regimen=_regimen(values["regimen"]) if "regimen" in values else None,
        spread=_spread(values["spread"]) if "spread" in values else None,
        fulfilled=conditions.read(entry, "fulfilled") if "fulfilled" in values else None,
        before_treatment=values.get("before treatment") == "yes",
        course=_on_course(values["course"], values["says"]) if "course" in values else None,
    )


def _regimen(values: Mapping[str, Any]) -> model.Regimen:
    low, high = values["total"]
    days = int(values["over"].split()[0])
    return model.Regimen(low, high, days, values["weight"], values.get("daily"), values.get("lower end", ""))


def _spread(values: Mapping[str, Any]) -> model.Spread:
    shortest, longest = values["over"]
    return model.Spread(values["daily"], int(shortest), int(longest), values.get("outside", ""))


def _on_course(values: Mapping[str, Any], says: str) -> model.OnCourse:
    days = values["shows"].removesuffix(" days")
    low, to, high = days.removeprefix("after ").partition(" to ")
    label, of = values.get("label", says), values.get("of", ())
    if to:
        return model.OnCourse("window", label, of, int(low), int(high), days.startswith("after "))
    return model.OnCourse(values["shows"], label, of)


def read_conflict(entry: Entry, conditions: Conditions) -> model.Conflict:
    """Return the conflict that an entry states."""
    values = entry.values
    decides = values.get("decides status") == "yes"
    return model.Conflict(entry.id, values["says"], conditions.read(entry), values.get("between", ()), decides)


def read_note(entry: Entry) -> model.Note:
    """Return the note that an entry states."""
    values = entry.values
    return model.Note(entry.id, values["says"], values["citation"], tuple(model.natural(values["attaches to"])))


def read_parameter(entry: Entry) -> model.Parameter:
    """Return the parameter that an entry states."""
    values = entry.values
    low, high = values.get("range", (None, None))
    formulas = {name: _formula(name, formula) for name, formula in values.get("formulas", {}).items()}
    return model.Parameter(
        name=entry.id,
        says=values["says"],
        type=values["type"],
        derives=values["derives"],
        unit=values.get("unit", ""),
        low=low,
        high=high,
        source=values.get("from", ""),
        below=values.get("below", ""),
        otherwise=values.get("otherwise", ""),
        formulas=formulas or None,
    )


def _formula(name: str, values: Mapping[str, Any]) -> model.Formula:
    return model.Formula(
        name,
        values["sex"],
        values["height"],
        values["base"],
        values["per inch above"],
        values["from height"],
        values["not for"],
        values["rounded to"],
    )
