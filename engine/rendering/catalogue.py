"""What stands under a name, and the list of all names, as pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.rendering import words
from engine.rendering.page import Page


def render_index(data: Mapping[str, Any], width: int = 80, colour: bool = False) -> str:
    """Return the list of all names as text."""
    page = Page(width, colour)
    for group, entries in data.items():
        if entries:
            page.heading(group)
        widest = max((len(entry["name"]) for entry in entries), default=0)
        for entry in entries:
            layer = f"(layer {entry['layer']})" if "layer" in entry else ""
            page.item(entry["name"], f"{entry['says']} {layer}".rstrip(), hang=min(widest + 2, 36))
    return str(page)


def render_entry(data: Mapping[str, Any], width: int = 80, colour: bool = False) -> str:
    """Return what stands under one name as text."""
    page = Page(width, colour)
    kind = f", {data['kind'].replace('_', ' ')}" if "kind" in data else ""
    page.text(f"{data['name']} ({data['is']}{kind})", style="bold")
    page.text(data["says"])
    writer = _Writer(page, data.get("layers", {}))
    for key, (heading, write) in PARTS.items():
        if data.get(key):
            page.heading(heading)
            write(writer, data[key])
    return str(page)


class _Writer:
    """Writes the parts of an entry; names of a layer are labelled with it."""

    def __init__(self, page: Page, layers: Mapping[str, str]) -> None:
        self.page = page
        self.layers = layers

    def label(self, name: str) -> str:
        return f" (layer {self.layers[name]})" if name in self.layers else ""

    def named(self, names: Sequence[str]) -> str:
        return words.grouped(names, lambda name: self.label(name).strip())

    def text(self, text: str) -> None:
        self.page.text(text, 2)

    def name(self, name: str) -> None:
        self.names([name])

    def names(self, names: Sequence[str]) -> None:
        self.page.text(self.named(names), 2)

    def sides(self, sides: Sequence[Sequence[str]]) -> None:
        for side in sides:
            self.page.item("–", self.named(side), hang=2)

    def references(self, references: Sequence[Mapping[str, Any]]) -> None:
        for reference in references:
            label = self.label(str(reference["number"]))
            entry = reference["entry"] or f"{reference['basis']}."
            self.page.item(f"[{reference['number']}]", f"{entry}{label}", hang=4)

    def place(self, place: Mapping[str, Any]) -> None:
        bullet = f", bullet {place['bullet']}" if place["bullet"] is not None else ""
        layer = f" (layer {place['layer']})" if "layer" in place else ""
        self.page.text(f"{place['locator']}: {place['part']} › {place['heading']}{bullet}{layer}", 2)
        self.page.text(f"digest of the sentence: {place['digest']}", 2)

    def formulas(self, formulas: Mapping[str, str]) -> None:
        for name, says in formulas.items():
            self.page.item("–", f"{name}: {says}", hang=2)

    def bullets(self, bullets: Sequence[Mapping[str, Any]]) -> None:
        for number, bullet in enumerate(bullets, 1):
            digest = f"{bullet['digest'][:16]}…" if len(bullet["digest"]) > 16 else bullet["digest"]
            self.page.item(f"{number}.", f"{self.named(bullet['statements'])} (digest {digest})", hang=4)

    def rule(self, tree: Mapping[str, Any], indent: int = 2) -> None:
        if "gate" not in tree:
            label = self.label(tree.get("about", ""))
            self.page.item("–", f"{in_words(tree)} ({tree['test']}){label}", indent, 2)
            return
        self.page.item("–", f"{tree['gate']} of:", indent, 2)
        for part in tree["of"]:
            self.rule(part, indent + 2)


def in_words(test: Mapping[str, Any]) -> str:
    """Return a test of a rule in words: the question with the answer wanted, or what has to hold."""
    if "asks" in test:
        return f"{test['asks']} {test['answer'][:1].upper()}{test['answer'][1:]}"
    return f"{test['verdict'][:1].upper()}{test['verdict'][1:]}: {test['says']}"


PARTS: Mapping[str, tuple[str, Any]] = {
    "layer": ("Layer", _Writer.text),
    "label": ("Standing", _Writer.text),
    "takes": ("Takes", _Writer.text),
    "only_if": ("Applicable only if", _Writer.rule),
    "help": ("Help", _Writer.text),
    "undefined": ("Not defined by the source", _Writer.text),
    "derives": ("Derives", _Writer.name),
    "serves_parameters": ("Serves the local parameter", _Writer.names),
    "formulas": ("Formulas", _Writer.formulas),
    "digest": ("Digest of the sentence", _Writer.text),
    "statements": ("Statements", _Writer.names),
    "derived_by": ("Can be derived by the local parameter", _Writer.names),
    "from": ("From", _Writer.names),
    "applies_when": ("Applies when", _Writer.rule),
    "holds_when": ("Holds when", _Writer.rule),
    "shown_when": ("Shown when", _Writer.rule),
    "regimen": ("Regimen", _Writer.text),
    "spread": ("Spread over", _Writer.text),
    "fulfilled_when": ("Fulfilled when", _Writer.rule),
    "between": ("Between", _Writer.sides),
    "not_encoded": ("Not encoded as a rule", _Writer.text),
    "source": ("Where it stands in the source", _Writer.place),
    "part": ("Part of the source", _Writer.text),
    "bullets": ("Bullets and their statements", _Writer.bullets),
    "references": ("References", _Writer.references),
    "basis": ("How the number is known", _Writer.text),
    "citation": ("Citation", _Writer.text),
    "rests_on": ("Rests on", _Writer.names),
    "used_by": ("What rests on it", _Writer.names),
    "cited_by": ("Cited by", _Writer.names),
    "in_conflicts": ("In conflicts", _Writer.names),
    "notes": ("Notes from outside the source", _Writer.names),
    "attaches_to": ("Beside", _Writer.names),
}
