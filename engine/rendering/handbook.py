"""The knowledge base as a small static site for reviewers: to read, to print, and to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine import __version__
from engine.cases import Case
from engine.catalogue import describe
from engine.compiler import compile_rules
from engine.examination import failures
from engine.folders import publish
from engine.language import phrase
from engine.model import Knowledge, natural
from engine.rendering import words
from engine.rendering.casebook import Worked, casebook
from engine.rendering.catalogue import PARTS, in_words
from engine.rendering.neighbours import neighbours
from engine.rendering.report import environment
from engine.rules import rests_on

INDEX, CASES, WHOLE = "index.html", "cases.html", "handbook.html"

RULES = ("only_if", "applies_when", "holds_when", "shown_when", "fulfilled_when")
"""What stands under a name and is a rule."""

NAMES = ("in_conflicts", "notes", "cited_by", "attaches_to", "derived_by", "serves_parameters", "from", "used_by")
"""What stands under a name and is a list of other names."""

FACTS = ("takes", "help", "undefined", "regimen", "spread", "basis", "citation", "label")
"""What stands under a name and is a sentence."""

MOST_CASES = 12
"""How many cases of an entry are listed at once; more are folded."""


class Group(Struct, frozen=True):
    """A page: its file, its heading, and the names or worked cases that stand on it."""

    file: str
    heading: str
    entries: Sequence[Any]


def write_handbook(knowledge: Knowledge, cases: Mapping[str, Sequence[Case]], folder: Path) -> None:
    """Write the handbook of a knowledge base into a new folder, or over the handbook that is there.

    Raises:
        InputError: when the folder holds anything else, or cannot be written.

    """
    publish(folder, pages(knowledge, cases))


def pages(knowledge: Knowledge, cases: Mapping[str, Sequence[Case]]) -> dict[str, str]:
    """Return the pages of the handbook by their file names, and one that holds them all.

    ``cases`` is by layer, those of the guideline itself under the empty name.
    """
    template = environment().get_template("handbook.html")
    content = _Handbook(knowledge, casebook(knowledge, cases))
    shared = {**content.shared(), "failing": _failing(knowledge, cases)}
    groups = content.groups
    rendered = {
        group.file: template.render(**shared, at=content.at, groups=[group], heading=group.heading, file=group.file)
        for group in groups
    }
    whole = template.render(**shared, at=content.within, groups=groups, heading="The whole handbook", file=WHOLE)
    return {**rendered, WHOLE: whole}


def _failing(knowledge: Knowledge, cases: Mapping[str, Sequence[Case]]) -> list[str]:
    """Return the worked cases that do not come out as they expect: who signs has to know."""
    base = compile_rules(knowledge)
    failed = [failure for some in cases.values() for failure in failures(base, some)]
    if knowledge.layers:  # which may ask more of a patient
        failed = [f for f in failed if not {"closed", "first"} & f.case.expect.keys()]
    return [failure.case.name for failure in failed]


class _Handbook:
    """What stands on each page, told once for the page and for the whole."""

    def __init__(self, knowledge: Knowledge, cases: Sequence[Worked]) -> None:
        self.knowledge = knowledge
        self.cases = cases
        self.named = list(_named(knowledge))
        self.page_of = {name: group.file for group in self.named for name in group.entries}
        self.page_of |= dict.fromkeys(knowledge.document, INDEX)
        self.page_of |= {case.id: CASES for case in cases}
        self.groups = [
            Group(INDEX, "Contents", []),
            *(Group(g.file, g.heading, [self.entry(name) for name in g.entries]) for g in self.named),
            Group(CASES, "Worked cases", cases),
        ]

    def shared(self) -> dict[str, Any]:
        """Return what every page has."""
        guideline = self.knowledge.guideline
        count = sum(len(group.entries) for group in self.named)
        return {
            "title": guideline.title,
            "provenance": words.provenance(self.knowledge),
            "digest": self.knowledge.digest,
            "version": __version__,
            "contents": self.groups[1:],
            "counted": f"{count} entries and {len(self.cases)} worked cases",
            "scope": phrase(guideline.requires, self.knowledge.units),
            "not_covered": guideline.not_covered,
            "left_out": guideline.left_out,
            "document": [self.knowledge.document[name] for name in natural(self.knowledge.document)],
            "index": INDEX,
            "whole": WHOLE,
            "most_cases": MOST_CASES,
            "in_words": in_words,
            "layer": self.layer,
            "by_layer": lambda names: words.by_label(names, self.layer),
            "sentence": lambda name: words.sentence(self.knowledge, name),
        }

    def layer(self, name: str) -> str:
        """Return the label of what stands in a layer."""
        return words.layer_label(self.knowledge, name)

    def at(self, name: str) -> str:
        """Return where an entry stands, from another page; nothing for what has no entry."""
        return f"{self.page_of[name]}#{name}" if name in self.page_of else ""

    def within(self, name: str) -> str:
        """Return where an entry stands on the one page that holds all."""
        return f"#{name}" if name in self.page_of else ""

    def entry(self, name: str) -> Mapping[str, Any]:
        """Return everything that stands under a name, with a picture and the cases that speak of it."""
        content = describe(self.knowledge, name)
        return {
            "name": name,
            "is": content["is"] + (f", {content['kind'].replace('_', ' ')}" if "kind" in content else ""),
            "says": content["says"],
            "rules": _present(content, RULES),
            "sides": content.get("between", []),
            "facts": _present(content, FACTS),
            "formulas": content.get("formulas", {}),
            "derives": content.get("derives", ""),
            "source": content.get("source"),
            "references": content.get("references", []),
            "names": _present(content, NAMES),
            "cases": [case for case in self.cases if name in case.about],
            "picture": self.picture(name, content),
        }

    def picture(self, name: str, content: Mapping[str, Any]) -> str:
        """Return what a rule or a finding rests on and what rests on it; nothing where neither is."""
        rules = self.knowledge.rules
        below = rests_on(rules[name], self.knowledge) if name in rules else []
        above = content.get("used_by", [])
        return neighbours(self.knowledge, name, below, above) if below or above else ""


def _named(knowledge: Knowledge) -> list[Group]:
    """Return each page of entries with the names on it; none that would be empty."""
    by_section: dict[str, list[str]] = {code: [] for code in knowledge.guideline.sections}
    for statement in knowledge.statements.values():
        by_section[statement.source.partition(".")[0]].append(statement.id)
    groups = [
        Group(f"section-{code}.html", _heading(knowledge, code), natural(names)) for code, names in by_section.items()
    ]
    groups += [
        Group("concepts.html", "Concepts", list(knowledge.concepts)),
        Group("conflicts.html", "Conflicts and ambiguities", natural(knowledge.conflicts)),
        Group("findings.html", "Findings", list(knowledge.findings)),
        Group("references.html", "References", [str(number) for number in knowledge.references]),
        Group("parameters.html", "Local parameters", list(knowledge.parameters)),
        Group("outside.html", "From outside the source", natural(knowledge.notes)),
    ]
    return [group for group in groups if group.entries]


def _heading(knowledge: Knowledge, code: str) -> str:
    label = words.layer_label(knowledge, code)
    return f"{code}: {knowledge.guideline.sections[code].heading} {label}".rstrip()


def _present(content: Mapping[str, Any], keys: Sequence[str]) -> list[tuple[str, Any]]:
    """Return what there is of some parts, each under its heading."""
    return [(PARTS[key][0], content[key]) for key in keys if content.get(key)]
