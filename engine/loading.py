"""A folder of YAML files to a `Knowledge`, or to one report of everything that is wrong with it.

First every file is read by the form of its entries, then the conditions, for which all names have
to be known, then what must hold between entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from engine import forms, model, shapes, soundness
from engine.documents import Document, Entries, Node, Scalar, read
from engine.entries import (
    RESERVED,
    Conditions,
    Doubt,
    Entry,
    read_conflict,
    read_finding,
    read_guideline,
    read_layer,
    read_note,
    read_parameter,
    read_statement,
)
from engine.errors import Fault, KnowledgeError, Place, listed
from engine.language import Vocabulary
from engine.shapes import MISSING

SHIPPED = Path(__file__).resolve().parent.parent / "knowledge"
"""The folder of the knowledge base that comes with the program."""

READ_FOLDERS = ("statements", "cases")

ENTRIES = ("references", "findings", "concepts", "parameters", "context", "conflicts")
"""The files that hold entries of one kind each; a layer need not have them all."""

GUIDELINE, LAYER = "guideline", "layer"

LAYERS = "layers"
"""The folder in which a knowledge base can keep its layers; it is not part of the base itself."""


class Loaded(Struct, frozen=True):
    """A knowledge base, and where each of its entries and sections stands, by kind and id."""

    knowledge: model.Knowledge
    entries: Mapping[str, Mapping[str, Entry]]


class Reading(Struct, frozen=True):
    """What could be read of a knowledge base, every fault of it, and the names that the faults leave in doubt."""

    loaded: Loaded
    faults: Sequence[Fault] = ()
    doubt: Doubt = Doubt()


def load(folder: Path = SHIPPED, layers: Sequence[Path] = ()) -> model.Knowledge:
    """Return the knowledge base in a folder, with layers laid over it.

    Raises:
        KnowledgeError: with every fault of every file.

    """
    return read_base(folder, layers).knowledge


def read_base(folder: Path = SHIPPED, layers: Sequence[Path] = ()) -> Loaded:
    """Return the knowledge base in a folder, with layers laid over it, and the places of its entries.

    Raises:
        KnowledgeError: with every fault of every file.

    """
    reading = read_all(folder, layers)
    if reading.faults:
        raise KnowledgeError(reading.faults)
    return reading.loaded


def read_all(folder: Path, layers: Sequence[Path] = ()) -> Reading:
    """Return all that can be read of a knowledge base and its layers, with every fault of every file."""
    places = [layer.resolve() for layer in layers]
    for layer, place in zip(layers, places, strict=True):
        if places.count(place) > 1:
            raise KnowledgeError([Fault("this layer is laid over it twice", "Name each once.", Place(str(layer)))])
    reading = _Loading(folder, None).load()
    for layer in layers:
        reading = _Loading(layer, reading).load()
    knowledge = reading.loaded.knowledge
    if reading.faults:
        return reading
    return replace(reading, loaded=replace(reading.loaded, knowledge=replace(knowledge, digest=digest(knowledge))))


def is_layer(folder: Path) -> bool:
    """Whether a folder holds a layer and no knowledge base of its own."""
    return (folder / f"{LAYER}.yaml").is_file() and not (folder / f"{GUIDELINE}.yaml").is_file()


def is_base(folder: Path) -> bool:
    """Whether a folder holds a knowledge base of its own and no layer."""
    return (folder / f"{GUIDELINE}.yaml").is_file() and not (folder / f"{LAYER}.yaml").is_file()


class _Loading:
    """One reading of a folder, a base or a layer over what is ``below``: its documents and entries."""

    def __init__(self, folder: Path, below: Reading | None) -> None:
        self.folder = folder
        self.is_base = below is None
        self.below = below or _NOTHING_READ
        self.root = GUIDELINE if below is None else LAYER
        self.documents: list[Document] = []
        self.entries: dict[str, dict[str, Entry]] = {}
        self.refused: set[str] = set()

    def load(self) -> Reading:
        unfit = self.why_unfit()
        if unfit is not None:
            return replace(self.below, faults=[*self.below.faults, unfit], doubt=Doubt(everything=True, sections=True))
        self.note_unread_files()
        root = self.read(self.folder / f"{self.root}.yaml")
        files = {name: self.read(path) for name in ENTRIES if self.is_wanted(path := self.folder / f"{name}.yaml")}
        self.read_entries(files)
        findings = {e.id: found for e in self.complete("findings") if (found := read_finding(e)) is not None}
        doubt = self.doubt(root, findings)
        conditions = Conditions(self.vocabulary(findings), doubt)
        unrooted = self.build(findings, conditions)
        knowledge = self.with_root(unrooted, root, conditions)
        if knowledge is None:
            knowledge, doubt = unrooted, doubt | Doubt(sections=True)
        self.check(knowledge, doubt)
        self.entries["sections"] = _sections(root)
        return Reading(Loaded(knowledge, self.all_entries()), [*self.below.faults, *self.faults()], doubt)

    def doubt(self, root: Document, findings: Mapping[str, model.Finding]) -> Doubt:
        """Return the names that may be there, here and below, although they could not be read."""
        incomplete = {e.id for kind in self.entries.values() for e in kind.values() if not e.values}
        unsound = self.entries["findings"].keys() - findings.keys()
        unread = [document for document in self.documents if not isinstance(document.root, Entries)]
        listed_there = {name for document in unread for name in document.names()}
        unlisted = any(document is not root and not document.names() for document in unread)
        names = frozenset({*incomplete, *unsound, *self.refused, *listed_there})
        return self.below.doubt | Doubt(names, unlisted)

    def is_wanted(self, path: Path) -> bool:
        return self.is_base or path.exists()

    def all_entries(self) -> dict[str, dict[str, Entry]]:
        """Return the entries of this folder and of all below."""
        below = self.below.loaded.entries
        return {kind: {**below.get(kind, {}), **self.entries.get(kind, {})} for kind in {**below, **self.entries}}

    def faults(self) -> list[Fault]:
        return [fault for document in self.documents for fault in sorted(document.faults, key=_by_place)]

    def why_unfit(self) -> Fault | None:
        """Return why nothing can be read of the folder, if so."""
        what = "a knowledge base" if self.is_base else "a layer"
        remedy = f"Name the folder of {what}."
        if not self.folder.is_dir():
            found = "a file where a folder was expected" if self.folder.exists() else "there is no such folder"
        elif self.is_base and is_layer(self.folder):
            found, remedy = "a layer where a knowledge base was expected", "Lay it over one with '--layer'."
        elif not self.is_base and is_base(self.folder):
            found, remedy = "a knowledge base where a layer was expected", "Name it with '--knowledge'."
        else:
            return None
        return Fault(found, remedy, Place(str(self.folder)))

    def note_unread_files(self) -> None:
        """Note every YAML file that would not be read, so that nothing an author wrote is passed over."""
        known = {f"{name}.yaml" for name in (self.root, *ENTRIES)}
        for path in sorted(self.folder.rglob("*")):
            place = path.relative_to(self.folder)
            if place.parts[0] == LAYERS and self.is_base:
                continue
            in_place = place.parts[0] in READ_FOLDERS and len(place.parts) == 2
            is_read = path.suffix == ".yaml" and (str(place) in known or in_place)
            if path.suffix.lower() in (".yaml", ".yml") and not is_read:
                document = Document(str(path))
                remedy = f"Name it '.yaml' and put it into {listed([f'{folder}/' for folder in READ_FOLDERS], 'or')}."
                document.fault("this file is not read", remedy)
                self.documents.append(document)

    def read(self, path: Path) -> Document:
        document = read(path)
        self.documents.append(document)
        return document

    # Entries by form. ----------------------------------------------------------------------

    def read_entries(self, files: Mapping[str, Document]) -> None:
        by_form = {
            "references": forms.REFERENCE,
            "findings": forms.FINDING,
            "concepts": forms.CONCEPT,
            "parameters": forms.PARAMETER,
            "context": forms.NOTE,
            "conflicts": forms.CONFLICT,
        }
        for name, form in by_form.items():
            self.entries[name] = {}
            if name in files:
                self.read_file(name, files[name], form)
        self.entries["statements"] = {}
        rule = forms.statement_form(model.KINDS)
        for path in sorted((self.folder / "statements").glob("*.yaml")):
            self.read_file("statements", self.read(path), rule)
        self.require_distinct_names()

    def read_file(self, kind: str, document: Document, form: shapes.Form) -> None:
        entries = self.entries.setdefault(kind, {})
        if document.root is None:
            return
        if not isinstance(document.root, Entries):
            shapes.expect(document, document.root, f"{kind}, each under its name")
            return
        for name, node in document.root.values.items():
            key = document.root.keys[name]
            if name in entries:
                first = entries[name]
                document.fault(
                    f"{name} stands also in {first.document.name}:{first.node.line}", "Keep one of the two.", key
                )
            elif self.read_name(kind, key, document):
                values = _form_of(node, form).read(node, document)
                kept = values if values is not MISSING else {}
                entries[name] = Entry(name, _entries(node), document, kept)
            else:
                self.refused.add(name)

    def read_name(self, kind: str, key: Scalar, document: Document) -> bool:
        if kind == "references":
            return (shapes.Whole() if self.is_base else forms.ID).read(key, document) is not MISSING
        pattern = forms.ID if kind in ("statements", "conflicts", "context") else forms.NAME
        if key.text in RESERVED:
            document.fault(f"'{key.text}' is a word of the language of tests", "Choose another name.", key)
            return False
        return pattern.read(key, document) is not MISSING

    def require_distinct_names(self) -> None:
        seen: dict[str, Entry] = {}
        below = self.below.loaded.entries
        taken = {name: entry for kind in NAMED for name, entry in below.get(kind, {}).items()}
        for kind in NAMED:
            for name, entry in self.entries[kind].items():
                if name in seen:
                    entry.fault(f"the name stands already in {seen[name].document.name}", "Choose another name.")
                elif name in taken:
                    found = f"the name stands already in {taken[name].document.name}"
                    entry.fault(found, "A layer adds to what is below it, and never changes or silences it.")
                seen.setdefault(name, entry)

    # Values of the model. ------------------------------------------------------------------

    def vocabulary(self, findings: Mapping[str, model.Finding]) -> Vocabulary:
        """Return the names that a test may use, here and below."""
        entries = self.all_entries()
        rules = (e.id for e in entries["statements"].values() if "not encoded" not in e.values)
        known = {**self.below.loaded.knowledge.findings, **findings}
        return Vocabulary(known, {*entries["concepts"], *rules}, entries["conflicts"])

    def build(self, findings: Mapping[str, model.Finding], conditions: Conditions) -> model.Knowledge:
        """Return what is below with what this folder adds, except for its root."""
        below = self.below.loaded.knowledge
        governed = {
            name: replace(f, only_if=conditions.governor(self.entries["findings"][name]))
            for name, f in findings.items()
        }
        added = self.added(governed, conditions)
        for kind in ("statements", "concepts", "conflicts"):
            for entry in self.entries[kind].values():
                if not entry.values:
                    conditions.read_incomplete(entry)
        return replace(below, **{name: {**getattr(below, name), **more} for name, more in added.items()})

    def check(self, knowledge: model.Knowledge, doubt: Doubt) -> None:
        """Note what does not hold between the entries."""
        entries = self.all_entries()
        soundness.check(knowledge, entries, doubt)
        if not self.is_base:
            soundness.check_layer(knowledge, self.below.loaded.knowledge, entries, doubt)

    def added(self, findings: Mapping[str, model.Finding], conditions: Conditions) -> dict[str, dict[Any, Any]]:
        """Return what this folder adds, by the field of the model that it is in."""
        statements = {e.id: read_statement(e, conditions) for e in self.complete("statements")}
        references = (model.Reference(_key(e.id), **e.values) for e in self.complete("references"))
        return {
            "references": {reference.number: reference for reference in references},
            "findings": dict(findings),
            "concepts": {
                e.id: model.Concept(e.id, e.values["says"], conditions.read(e)) for e in self.complete("concepts")
            },
            "statements": {name: s for name, s in statements.items() if not s.not_encoded},
            "document": {name: s for name, s in statements.items() if s.not_encoded},
            "conflicts": {e.id: read_conflict(e, conditions) for e in self.complete("conflicts")},
            "parameters": {e.id: read_parameter(e) for e in self.complete("parameters")},
            "notes": {e.id: read_note(e) for e in self.complete("context")},
        }

    def with_root(self, knowledge: model.Knowledge, root: Document, conditions: Conditions) -> model.Knowledge | None:
        """Return the knowledge with the guideline that the root file states, or with one more layer."""
        if self.is_base:
            guideline = read_guideline(root, conditions)
            return replace(knowledge, guideline=guideline) if guideline is not None else None
        names = tuple(name for kind in self.entries.values() for name in kind)
        return read_layer(root, knowledge, names)

    def complete(self, kind: str) -> Iterator[Entry]:
        """Yield the entries of a kind that have all that they need."""
        return (entry for entry in self.entries.get(kind, {}).values() if entry.values)


NAMED = ("findings", "concepts", "statements", "conflicts", "parameters", "context", "references")
"""The kinds of entries whose names have to differ from each other."""

_NOTHING = model.Knowledge(model.Guideline("", "", "", "", model.every(), {}, ()), {}, {}, {}, {}, {}, {}, {}, {})
_NOTHING_READ = Reading(Loaded(_NOTHING, {}))


def _key(name: str) -> model.ReferenceKey:
    return int(name) if name.isdecimal() else name


def _by_place(fault: Fault) -> tuple[int, int]:
    place = fault.place or Place("")
    return (place.line or 0, place.column or 0)


def _entries(node: Node) -> Entries:
    return node if isinstance(node, Entries) else Entries(node.line, node.column)


def _sections(root: Document) -> dict[str, Entry]:
    """Return the sections of the source, as entries of the root file."""
    sections = root.root.values.get("sections") if isinstance(root.root, Entries) else None
    there = sections.values.items() if isinstance(sections, Entries) else ()
    return {code: Entry(code, _entries(node), root, {}) for code, node in there}


def _form_of(node: Node, form: shapes.Form) -> shapes.Form:
    """Return the form to read an entry by: a statement that is no rule has one of its own."""
    return forms.NOT_ENCODED if isinstance(node, Entries) and "not encoded" in node.values else form


def digest(knowledge: model.Knowledge) -> str:
    """Return the SHA-256 of the canonical knowledge: all that it says, none of how it is laid out.

    The order of the findings is part of it, because questions are asked in that order.
    """
    content = msgspec.to_builtins(replace(knowledge, digest=""), str_keys=True)
    canonical = msgspec.json.encode([content, list(knowledge.findings)], order="deterministic")
    return hashlib.sha256(canonical).hexdigest()
