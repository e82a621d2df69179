"""A folder of YAML files to a `Knowledge`, or to one report of everything that is wrong with it.

First every file is read by the form of its entries, then the conditions, for which all names have
to be known, then what must hold between entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
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

FILES = ("guideline", "references", "findings", "concepts", "parameters", "context", "conflicts")


def load(folder: Path = SHIPPED) -> model.Knowledge:
    """Return the knowledge base in a folder.

    Raises:
        KnowledgeError: with every fault of every file.

    """
    return _Loading(folder).load()


class _Loading:
    """One reading of a folder: its documents and their entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents: list[Document] = []
        self.entries: dict[str, dict[str, Entry]] = {}

    def load(self) -> model.Knowledge:
        self.require_folder()
        self.note_unread_files()
        files = {name: self.read(self.folder / f"{name}.yaml") for name in FILES}
        self.read_entries(files)
        if self.faults():
            self.stop_where_names_are_missing()
        knowledge = self.build(files["guideline"])
        if knowledge is None or self.faults():
            raise KnowledgeError(self.faults())
        return replace(knowledge, digest=digest(knowledge))

    def faults(self) -> list[Fault]:
        return [fault for document in self.documents for fault in sorted(document.faults, key=_by_place)]

    def require_folder(self) -> None:
        if not self.folder.is_dir():
            found = "a file where a folder was expected" if self.folder.exists() else "there is no such folder"
            raise KnowledgeError([Fault(found, "Name the folder of a knowledge base.", Place(str(self.folder)))])

    def note_unread_files(self) -> None:
        """Note every YAML file that would not be read, so that nothing an author wrote is passed over."""
        known = {f"{name}.yaml" for name in FILES}
        for path in sorted(self.folder.rglob("*")):
            place = path.relative_to(self.folder)
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
            return shapes.Whole().read(key, document) is not MISSING
        pattern = forms.ID if kind in ("statements", "conflicts", "context") else forms.NAME
        if key.text in RESERVED:
            document.fault(f"'{key.text}' is a word of the language of tests", "Choose another name.", key)
            return False
        return pattern.read(key, document) is not MISSING

    def require_distinct_names(self) -> None:
        seen: dict[str, Entry] = {}
        for kind in ("findings", "concepts", "statements", "conflicts", "parameters", "context"):
            for name, entry in self.entries.get(kind, {}).items():
                if name in seen:
                    entry.fault(f"the name stands already in {seen[name].document.name}", "Choose another name.")
                seen.setdefault(name, entry)

    # Values of the model. ------------------------------------------------------------------

    def build(self, document: Document) -> model.Knowledge | None:
        findings = {e.id: read_finding(e) for e in self.complete("findings")}
        rules = (e.id for e in self.entries["statements"].values() if "not encoded" not in e.values)
        broken = frozenset(e.id for e in self.entries["findings"].values() if not e.values)
        vocabulary = Vocabulary(findings, {*self.entries["concepts"], *rules}, self.entries["conflicts"])
        conditions = Conditions(vocabulary, broken)
        findings = {
            name: replace(f, only_if=conditions.governor(self.entries["findings"][name]))
            for name, f in findings.items()
        }
        guideline = read_guideline(document, conditions)
        statements = {e.id: read_statement(e, conditions) for e in self.complete("statements")}
        knowledge = model.Knowledge(
            guideline=guideline or _NO_GUIDELINE,
            references={int(e.id): model.Reference(int(e.id), **e.values) for e in self.complete("references")},
            findings=findings,
            concepts={
                e.id: model.Concept(e.id, e.values["says"], conditions.read(e)) for e in self.complete("concepts")
            },
            statements={name: s for name, s in statements.items() if not s.not_encoded},
            document={name: s for name, s in statements.items() if s.not_encoded},
            conflicts={e.id: read_conflict(e, conditions) for e in self.complete("conflicts")},
            parameters={e.id: read_parameter(e) for e in self.complete("parameters")},
            notes={e.id: read_note(e) for e in self.complete("context")},
        )
        if guideline is None:
            return None
        soundness.check(knowledge, self.entries)
        return knowledge

    def complete(self, kind: str) -> Iterator[Entry]:
        """Yield the entries of a kind that have all that they need."""
        return (entry for entry in self.entries.get(kind, {}).values() if entry.values)


_NO_GUIDELINE = model.Guideline("", "", "", "", model.every(), {}, ())


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
