"""A folder of YAML files to a `Knowledge`, or to one report of everything that is wrong with it.

First every file is read by the form of its entries, then the conditions, for which all names have
to be known, then what must hold between entries.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from engine import forms, language, model
from engine.documents import Document, Entries, Listing, Node, Scalar, read
from engine.errors import Fault, KnowledgeError, Place, did_you_mean, listed, shortened
from engine.forms import MISSING
from engine.language import UnreadableError, Vocabulary
from engine.model import WEIGHTS_BY_BASIS

SHIPPED = Path(__file__).resolve().parent.parent / "knowledge"
"""The folder of the knowledge base that comes with the program."""

LONGEST_COUNT = 12
"""How many tests "at least N of" may count: as a rule it has a branch for each choice of N."""

LONGEST_CHAIN = 100
"""How many rules may rest on each other in a row."""

FILES = ("guideline", "references", "findings", "concepts", "parameters", "context", "conflicts")


def load(folder: Path = SHIPPED) -> model.Knowledge:
    """Return the knowledge base in a folder.

    Raises:
        KnowledgeError: with every fault of every file.

    """
    return _Loading(folder).load()


class _Entry(Struct):
    """An entry of a file: its id as it stands, its values by key, and where they stand."""

    id: str
    node: Entries
    document: Document
    values: dict[str, Any]

    def fault(self, found: str, remedy: str = "", key: str = "") -> None:
        """Note a fault of this entry, at the value of a key if one is named."""
        at = self.node.values.get(key, self.node)
        self.document.fault(f"{self.id}: {found}", remedy, at)


class _Loading:
    """One reading of a folder: its documents and their entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents: list[Document] = []
        self.entries: dict[str, dict[str, _Entry]] = {}

    def load(self) -> model.Knowledge:
        self.require_folder()
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

    def read_file(self, kind: str, document: Document, form: forms.Form) -> None:
        entries = self.entries.setdefault(kind, {})
        if document.root is None:
            return
        if not isinstance(document.root, Entries):
            forms.expect(document, document.root, f"{kind}, each under its name")
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
                entries[name] = _Entry(name, _entries(node), document, kept)

    def read_name(self, kind: str, key: Scalar, document: Document) -> bool:
        if kind == "references":
            return forms.Whole().read(key, document) is not MISSING
        pattern = forms.ID if kind in ("statements", "conflicts", "context") else forms.NAME
        if key.text in _RESERVED:
            document.fault(f"'{key.text}' is a word of the language of tests", "Choose another name.", key)
            return False
        return pattern.read(key, document) is not MISSING

    def require_distinct_names(self) -> None:
        seen: dict[str, _Entry] = {}
        for kind in ("findings", "concepts", "statements", "conflicts", "parameters", "context"):
            for name, entry in self.entries.get(kind, {}).items():
                if name in seen:
                    entry.fault(f"the name stands already in {seen[name].document.name}", "Choose another name.")
                seen.setdefault(name, entry)

    # Values of the model. ------------------------------------------------------------------

    def build(self, document: Document) -> model.Knowledge | None:
        findings = {e.id: _finding(e) for e in self.complete("findings")}
        rules = (e.id for e in self.entries["statements"].values() if "not encoded" not in e.values)
        broken = frozenset(e.id for e in self.entries["findings"].values() if not e.values)
        vocabulary = Vocabulary(findings, {*self.entries["concepts"], *rules}, self.entries["conflicts"])
        conditions = _Conditions(vocabulary, broken)
        findings = {
            name: replace(f, only_if=conditions.governor(self.entries["findings"][name]))
            for name, f in findings.items()
        }
        guideline = _guideline(document, conditions)
        statements = {e.id: _statement(e, conditions) for e in self.complete("statements")}
        knowledge = model.Knowledge(
            guideline=guideline or _NO_GUIDELINE,
            references={int(e.id): model.Reference(int(e.id), **e.values) for e in self.complete("references")},
            findings=findings,
            concepts={
                e.id: model.Concept(e.id, e.values["says"], conditions.read(e)) for e in self.complete("concepts")
            },
            statements={name: s for name, s in statements.items() if not s.not_encoded},
            document={name: s for name, s in statements.items() if s.not_encoded},
            conflicts={e.id: _conflict(e, conditions) for e in self.complete("conflicts")},
            parameters={e.id: _parameter(e, findings) for e in self.complete("parameters")},
            notes={e.id: _note(e) for e in self.complete("context")},
        )
        if guideline is None:
            return None
        self.check(knowledge)
        return knowledge

    def complete(self, kind: str) -> Iterator[_Entry]:
        """Yield the entries of a kind that have all that they need."""
        return (entry for entry in self.entries.get(kind, {}).values() if entry.values)

    # What must hold between entries. -------------------------------------------------------

    def check(self, knowledge: model.Knowledge) -> None:
        conflicts = self.entries["conflicts"]
        rules = {**self.entries["statements"], **self.entries["concepts"]}
        for entry in self.complete("statements"):
            if "kind" in entry.values:
                _check_statement(entry, knowledge, conflicts)
        for entry in self.complete("conflicts"):
            for name in (name for side in entry.values.get("between", ()) for name in side):
                _require(name, rules, entry, "between")
        for entry in self.complete("context"):
            for name in entry.values["attaches to"]:
                _require(name, {**rules, **conflicts}, entry, "attaches to")
        self.check_chains(knowledge)

    def check_chains(self, knowledge: model.Knowledge) -> None:
        """Find rules that rest on themselves, or on a longer row of rules than can be followed."""
        entries = {**self.entries["concepts"], **self.entries["statements"], **self.entries["conflicts"]}
        rests_on = _rests_on(knowledge)
        remaining = set(rests_on)
        for _ in range(LONGEST_CHAIN):
            remaining -= {name for name in remaining if remaining.isdisjoint(rests_on[name])}
        cycles = list(_cycles({name: [n for n in rests_on[name] if n in remaining] for name in sorted(remaining)}))
        for cycle in cycles:
            path = " → ".join([*cycle, cycle[0]])
            entries[cycle[0]].fault(
                f"it rests on itself: {path}", "Take one of these out of the other's condition.", "when"
            )
        if remaining and not cycles:
            name = min(remaining)
            found = f"it rests on a row of more than {LONGEST_CHAIN} rules"
            entries[name].fault(found, "State some of them in terms of findings.", "when")


_RESERVED = frozenset({"not", "is", "any", "all", "dose", "at", "known", "unknown", "yes", "no", "pending"})
_NO_GUIDELINE = model.Guideline("", "", "", "", model.every(), {}, ())


def _by_place(fault: Fault) -> tuple[int, int]:
    place = fault.place or Place("")
    return (place.line or 0, place.column or 0)


def _entries(node: Node) -> Entries:
    return node if isinstance(node, Entries) else Entries(node.line, node.column)


def _form_of(node: Node, form: forms.Form) -> forms.Form:
    """Return the form to read an entry by: a statement that is no rule has one of its own."""
    return forms.NOT_ENCODED if isinstance(node, Entries) and "not encoded" in node.values else form


# Conditions. -------------------------------------------------------------------------------


class _Conditions(Struct):
    """Reads conditions, once all names are known."""

    vocabulary: Vocabulary
    broken: frozenset[str]
    """Findings whose own entry has a fault: a test on one is not a fault of its own."""

    def read(self, entry: _Entry, key: str = "when") -> model.Condition:
        """Return the condition under a key; where it cannot be read the fault is noted."""
        return self.node(entry.values[key], entry.document)

    def node(self, node: Node, document: Document) -> model.Condition:
        if isinstance(node, Scalar):
            return self.line(node, document) or model.every()
        gate = self.gate(node, document)
        if gate is None:
            forms.expect(document, node, "a test, or 'all:', 'any:' or 'at least N of:' with a list")
        return gate or model.every()

    def line(self, node: Scalar, document: Document) -> model.Condition | None:
        try:
            return language.parse(node.text, self.vocabulary)
        except UnreadableError as problem:
            if self.broken.isdisjoint(node.text.split()):
                document.fault(problem.found, problem.remedy, node)
            return None

    def gate(self, node: Node, document: Document) -> model.Gate | None:
        if not isinstance(node, Entries) or len(node.values) != 1:
            return None
        [(key, items)] = node.values.items()
        if not isinstance(items, Listing) or not items.items:
            return None
        conditions = tuple(self.node(item, document) for item in items.items)
        if len(set(conditions)) < len(conditions):
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

    def governor(self, entry: _Entry) -> model.Test | None:
        """Return the test that governs a finding: one test on one other finding."""
        text = entry.values.get("only if")
        if text is None:
            return None
        try:
            test = language.parse(text, self.vocabulary)
        except UnreadableError as problem:
            if self.broken.isdisjoint(text.split()):
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


def _needed(key: str, count: int) -> int | None:
    if key == "all":
        return count
    if key == "any":
        return 1
    counted = re.fullmatch(r"at least ([0-9]{1,6}) of", key)
    return int(counted[1]) if counted else None


# Entries to values of the model. -----------------------------------------------------------


def _guideline(document: Document, conditions: _Conditions) -> model.Guideline | None:
    if document.root is None:
        return None
    values = forms.GUIDELINE.read(document.root, document)
    if values is MISSING:
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


def _finding(entry: _Entry) -> model.Finding:
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
    )
    if (finding.type == "choice") != bool(finding.choices):
        entry.fault("'choices' belong to a finding of type choice, and to no other", "Add or remove 'choices:'.")
    if finding.is_number != ("range" in entry.node.values):
        entry.fault("a range belongs to a number, and to nothing else", "Add or remove 'range:', such as '1 to 400'.")
    if finding.unit and not finding.is_number:
        entry.fault("a unit belongs to a number, and to nothing else", "Remove 'unit:'.", "unit")
    for word in finding.choices:
        if word in _RESERVED:
            entry.fault(f"'{word}' is a word of the language of tests", "Choose another word.", "choices")
    return finding


def _statement(entry: _Entry, conditions: _Conditions) -> model.Statement:
    values = entry.values
    if "not encoded" in values:
        return model.Statement(
            entry.id, values["says"], source=values.get("source", ""), not_encoded=values["not encoded"]
        )
    return model.Statement(
        id=entry.id,
        says=values["says"],
        kind=values["kind"],
        source=values["source"],
        references=tuple(sorted(values["references"])),
        when=conditions.read(entry),
        regimen=_regimen(values["regimen"]) if "regimen" in values else None,
        spread=_spread(values["spread"]) if "spread" in values else None,
        fulfilled=conditions.read(entry, "fulfilled") if "fulfilled" in values else None,
        before_treatment=values.get("before treatment") == "yes",
    )


def _regimen(values: Mapping[str, Any]) -> model.Regimen:
    low, high = values["total"]
    days = int(values["over"].split()[0])
    return model.Regimen(low, high, days, values["weight"], values.get("daily"), values.get("lower end", ""))


def _spread(values: Mapping[str, Any]) -> model.Spread:
    shortest, longest = values["over"]
    return model.Spread(values["daily"], int(shortest), int(longest), values.get("outside", ""))


def _conflict(entry: _Entry, conditions: _Conditions) -> model.Conflict:
    values = entry.values
    decides = values.get("decides status") == "yes"
    return model.Conflict(entry.id, values["says"], conditions.read(entry), values.get("between", ()), decides)


def _note(entry: _Entry) -> model.Note:
    values = entry.values
    return model.Note(entry.id, values["says"], values["citation"], tuple(model.natural(values["attaches to"])))


def _parameter(entry: _Entry, findings: Mapping[str, model.Finding]) -> model.Parameter:
    values = entry.values
    low, high = values.get("range", (None, None))
    formulas = {name: _formula(name, formula) for name, formula in values.get("formulas", {}).items()}
    parameter = model.Parameter(
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
    _check_parameter(entry, parameter, findings)
    return parameter


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


# Checks between entries. -------------------------------------------------------------------


def _require(name: str, known: Mapping[str, object], entry: _Entry, key: str) -> None:
    if name not in known:
        hint = did_you_mean(name, known) or "Check the id."
        entry.fault(f"'{shortened(name)}' is not a known id", hint, key)


def _check_parameter(entry: _Entry, parameter: model.Parameter, findings: Mapping[str, model.Finding]) -> None:
    named = [parameter.derives, *filter(None, [parameter.source])]
    for formula in (parameter.formulas or {}).values():
        named += [formula.sex, formula.height, formula.not_for]
    for name in named:
        _require(name, findings, entry, "derives")
    if parameter.type == "choice":
        if set(entry.values.get("choices", ())) != set(parameter.formulas or {}):
            entry.fault("'choices' and 'formulas' do not name the same formulas", "Give each choice its formula.")
        return
    if not (parameter.source and parameter.low is not None and parameter.below and parameter.otherwise):
        entry.fault("a limit needs 'range', 'from', 'below' and 'otherwise'", "Add what is missing.")
    target = findings.get(parameter.derives)
    for word in filter(None, [parameter.below, parameter.otherwise]):
        if target is not None and word not in language.choices(target):
            entry.fault(f"'{word}' is not a value of '{target.name}'", f"It takes {language.accepted(target)}.")


def _check_statement(entry: _Entry, knowledge: model.Knowledge, conflicts: Mapping[str, object]) -> None:
    statement = knowledge.statements[entry.id]
    for number in statement.references:
        if number not in knowledge.references:
            known = listed([str(n) for n in knowledge.references])
            remedy = f"The references there are {known}." if known else "Add it there."
            entry.fault(f"reference {number} is not in references.yaml", remedy, "references")
    _check_source(entry, statement, knowledge.guideline)
    if (statement.kind == "regimen") != ("regimen" in entry.node.values):
        entry.fault(
            "a statement of kind regimen has a 'regimen:', and no other has", "Add or remove 'regimen:'.", "kind"
        )
    if statement.regimen is not None:
        _check_regimen(entry, statement.regimen, knowledge, conflicts)
    if statement.spread is not None:
        if not isinstance(statement.when, model.AnyDose):
            entry.fault("'spread' belongs to a rule on doses", "Write 'when: any dose > 80 g'.", "spread")
        if statement.spread.outside:
            _require(statement.spread.outside, conflicts, entry, "spread")


def _check_source(entry: _Entry, statement: model.Statement, guideline: model.Guideline) -> None:
    code, _, bullet = statement.source.partition(".")
    section = guideline.sections.get(code)
    if section is None:
        entry.fault(
            f"there is no section '{code}' in guideline.yaml",
            f"The sections are {listed(list(guideline.sections))}.",
            "source",
        )
    elif int(bullet or 1) > len(section.bullets):
        entry.fault(
            f"in guideline.yaml, the last bullet of section {code} is {len(section.bullets)}",
            "Add its digest, or mend the number.",
            "source",
        )


def _check_regimen(
    entry: _Entry, regimen: model.Regimen, knowledge: model.Knowledge, conflicts: Mapping[str, object]
) -> None:
    for weight in WEIGHTS_BY_BASIS[regimen.weight]:
        _require(weight, knowledge.findings, entry, "regimen")
    if regimen.daily is not None and regimen.daily * regimen.days != regimen.high:
        a_day = language.plain(regimen.high / regimen.days)
        entry.fault(
            f"{language.plain(regimen.high)} g/kg over {regimen.days} days is {a_day} g/kg a day",
            "Mend 'daily'.",
            "regimen",
        )
    if regimen.lower_end:
        _require(regimen.lower_end, conflicts, entry, "regimen")


def _rests_on(knowledge: model.Knowledge) -> dict[str, list[str]]:
    """Return the rules that each rule rests on directly."""
    rests_on: dict[str, list[str]] = {}
    for name, condition in knowledge.rules.items():
        inside = list(model.parts(condition))
        rests_on[name] = [part.name for part in inside if isinstance(part, model.Named)]
        if any(isinstance(part, model.AnyDose) for part in inside):
            rests_on[name] += knowledge.regimens
    return rests_on


def _cycles(rests_on: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield one cycle for each group of rules that rest on themselves."""
    done: set[str] = set()
    for start, first in rests_on.items():
        path = [start]
        waiting = [iter(first)]
        while waiting and start not in done:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                done.add(path.pop())
            elif following in path:
                yield path[path.index(following) :]
                done.update(path)
                break
            elif following not in done:
                path.append(following)
                waiting.append(iter(rests_on.get(following, ())))


# The digest. -------------------------------------------------------------------------------


def digest(knowledge: model.Knowledge) -> str:
    """Return the SHA-256 of the canonical knowledge: all that it says, none of how it is laid out.

    The order of the findings is part of it, because questions are asked in that order.
    """
    content = msgspec.to_builtins(replace(knowledge, digest=""), str_keys=True)
    canonical = msgspec.json.encode([content, list(knowledge.findings)], order="deterministic")
    return hashlib.sha256(canonical).hexdigest()
