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
    """A knowledge base, and where each of its entries stands, by kind and id."""

    knowledge: model.Knowledge
    entries: Mapping[str, Mapping[str, Entry]]


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
    loaded = _Loading(folder, None).load()
    for layer in layers:
        loaded = _Loading(layer, loaded).load()
    return loaded


def is_layer(folder: Path) -> bool:
    """Whether a folder holds a layer and no knowledge base of its own."""
    return (folder / f"{LAYER}.yaml").is_file() and not (folder / f"{GUIDELINE}.yaml").is_file()


class _Loading:
    """One reading of a folder, a base or a layer over what is ``below``: its documents and entries."""

    def __init__(self, folder: Path, below: Loaded | None) -> None:
        self.folder = folder
        self.below = below
        self.root = GUIDELINE if below is None else LAYER
        self.documents: list[Document] = []
        self.entries: dict[str, dict[str, Entry]] = {}

    def load(self) -> Loaded:
        self.require_folder()
        self.note_unread_files()
        root = self.read(self.folder / f"{self.root}.yaml")
        files = {name: self.read(path) for name in ENTRIES if self.is_wanted(path := self.folder / f"{name}.yaml")}
        self.read_entries(files)
        if self.faults():
            self.stop_where_names_are_missing()
        knowledge = self.build(root)
        if knowledge is None or self.faults():
            raise KnowledgeError(self.faults())
        return Loaded(replace(knowledge, digest=digest(knowledge)), self.all_entries())

    def is_wanted(self, path: Path) -> bool:
        return self.below is None or path.exists()

    def all_entries(self) -> dict[str, dict[str, Entry]]:
        """Return the entries of this folder and of all below."""
        below = self.below.entries if self.below is not None else {}
        return {kind: {**below.get(kind, {}), **self.entries.get(kind, {})} for kind in {**below, **self.entries}}

    def faults(self) -> list[Fault]:
        return [fault for document in self.documents for fault in sorted(document.faults, key=_by_place)]

    def require_folder(self) -> None:
        if not self.folder.is_dir():
            found = "a file where a folder was expected" if self.folder.exists() else "there is no such folder"
            what = "a knowledge base" if self.below is None else "a layer"
            raise KnowledgeError([Fault(found, f"Name the folder of {what}.", Place(str(self.folder)))])

    def note_unread_files(self) -> None:
        """Note every YAML file that would not be read, so that nothing an author wrote is passed over."""
        known = {f"{name}.yaml" for name in (self.root, *ENTRIES)}
        for path in sorted(self.folder.rglob("*")):
            place = path.relative_to(self.folder)
            if place.parts[0] == LAYERS and self.below is None:
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

    def stop_where_names_are_missing(self) -> None:
        """Stop when a whole file could not be read: every name in it would seem to be unknown."""
        if any(document.root is None for document in self.documents):
            raise KnowledgeError(self.faults())

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

    def read_name(self, kind: str, key: Scalar, document: Document) -> bool:
        if kind == "references":
            return (shapes.Whole() if self.below is None else forms.ID).read(key, document) is not MISSING
        pattern = forms.ID if kind in ("statements", "conflicts", "context") else forms.NAME
        if key.text in RESERVED:
            document.fault(f"'{key.text}' is a word of the language of tests", "Choose another name.", key)
            return False
        return pattern.read(key, document) is not MISSING

    def require_distinct_names(self) -> None:
        seen: dict[str, Entry] = {}
        below = self.below.entries if self.below is not None else {}
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

    def build(self, root: Document) -> model.Knowledge | None:
        """Return the knowledge of this folder over what is below; None where its root cannot be read."""
        below = self.below.knowledge if self.below is not None else _NOTHING
        entries = self.all_entries()
        findings = {e.id: read_finding(e) for e in self.complete("findings")}
        rules = (e.id for e in entries["statements"].values() if "not encoded" not in e.values)
        broken = frozenset(e.id for e in self.entries["findings"].values() if not e.values)
        vocabulary = Vocabulary({**below.findings, **findings}, {*entries["concepts"], *rules}, entries["conflicts"])
        conditions = Conditions(vocabulary, broken)
        findings = {
            name: replace(f, only_if=conditions.governor(self.entries["findings"][name]))
            for name, f in findings.items()
        }
        added = self.added(findings, conditions)
        knowledge = replace(below, **{name: {**getattr(below, name), **more} for name, more in added.items()})
        rooted = self.with_root(knowledge, root, conditions)
        if rooted is not None:
            soundness.check(rooted, entries)
        if rooted is not None and self.below is not None:
            soundness.check_layer(rooted, self.below.knowledge, entries)
        return rooted

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
        if self.below is None:
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


def _key(name: str) -> model.ReferenceKey:
    return int(name) if name.isdecimal() else name


def _by_place(fault: Fault) -> tuple[int, int]:
    place = fault.place or Place("")
    return (place.line or 0, place.column or 0)


def _entries(node: Node) -> Entries:
    return node if isinstance(node, Entries) else Entries(node.line, node.column)


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
