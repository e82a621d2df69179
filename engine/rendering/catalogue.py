"""What stands under a name, and the list of all names, as pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.rendering.page import Page, joined


def render_index(data: Mapping[str, Any], width: int = 80, colour: bool = False) -> str:
    """Return the list of all names as text."""
    page = Page(width, colour)
    for group, entries in data.items():
        if entries:
            page.heading(group)
        widest = max((len(entry["name"]) for entry in entries), default=0)
        for entry in entries:
            page.item(entry["name"], entry["says"], hang=min(widest + 2, 36))
    return str(page)


def render_entry(data: Mapping[str, Any], width: int = 80, colour: bool = False) -> str:
    """Return what stands under one name as text."""
    page = Page(width, colour)
    kind = f", {data['kind'].replace('_', ' ')}" if "kind" in data else ""
    page.text(f"{data['name']} ({data['is']}{kind})", style="bold")
    page.text(data["says"])
    for key, (heading, write) in PARTS.items():
        if data.get(key):
            page.heading(heading)
            write(page, data[key])
    return str(page)


def _text(page: Page, text: str) -> None:
    page.text(text, 2)


def _names(page: Page, names: list[str]) -> None:
    page.text(joined(names), 2)


def _sides(page: Page, sides: list[list[str]]) -> None:
    for side in sides:
        page.item("–", joined(side), hang=2)


def _references(page: Page, references: list[Mapping[str, Any]]) -> None:
    for reference in references:
        page.item(f"[{reference['number']}]", reference["entry"] or f"{reference['basis']}.", hang=4)


def _place(page: Page, place: Mapping[str, Any]) -> None:
    bullet = f", bullet {place['bullet']}" if place["bullet"] is not None else ""
    page.text(f"{place['locator']}: {place['part']} › {place['heading']}{bullet}", 2)
    page.text(f"digest of the sentence: {place['digest']}", 2)


def _formulas(page: Page, formulas: Mapping[str, str]) -> None:
    for name, says in formulas.items():
        page.item("–", f"{name}: {says}", hang=2)


def _bullets(page: Page, bullets: list[Mapping[str, Any]]) -> None:
    for number, bullet in enumerate(bullets, 1):
        page.item(f"{number}.", f"{joined(bullet['statements'])} (digest {bullet['digest'][:16]}…)", hang=4)


def _rule(page: Page, tree: Mapping[str, Any], indent: int = 2) -> None:
    if "gate" not in tree:
        page.item("–", f"{in_words(tree)} ({tree['test']})", indent, 2)
        return
    page.item("–", f"{tree['gate']} of:", indent, 2)
    for part in tree["of"]:
        _rule(page, part, indent + 2)


def in_words(test: Mapping[str, Any]) -> str:
    """Return a test of a rule in words: the question with the answer wanted, or what has to hold."""
    if "asks" in test:
        return f"{test['asks']} {test['answer'][:1].upper()}{test['answer'][1:]}"
    return f"{test['verdict'][:1].upper()}{test['verdict'][1:]}: {test['says']}"


PARTS: Mapping[str, tuple[str, Any]] = {
    "layer": ("Layer", _text),
    "label": ("Standing", _text),
    "takes": ("Takes", _text),
    "only_if": ("Applicable only if", _rule),
    "help": ("Help", _text),
    "undefined": ("Not defined by the source", _text),
    "derives": ("Derives", _text),
    "serves_parameters": ("Serves the local parameter", _names),
    "formulas": ("Formulas", _formulas),
    "digest": ("Digest of the sentence", _text),
    "statements": ("Statements", _names),
    "derived_by": ("Can be derived by the local parameter", _names),
    "from": ("From", _names),
    "applies_when": ("Applies when", _rule),
    "holds_when": ("Holds when", _rule),
    "shown_when": ("Shown when", _rule),
    "regimen": ("Regimen", _text),
    "spread": ("Spread over", _text),
    "fulfilled_when": ("Fulfilled when", _rule),
    "between": ("Between", _sides),
    "not_encoded": ("Not encoded as a rule", _text),
    "source": ("Where it stands in the source", _place),
    "part": ("Part of the source", _text),
    "bullets": ("Bullets and their statements", _bullets),
    "references": ("References", _references),
    "basis": ("How the number is known", _text),
    "citation": ("Citation", _text),
    "rests_on": ("Rests on", _names),
    "used_by": ("What rests on it", _names),
    "cited_by": ("Cited by", _names),
    "in_conflicts": ("In conflicts", _names),
    "notes": ("Notes from outside the source", _names),
    "attaches_to": ("Beside", _names),
}
