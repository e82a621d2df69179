"""What differs between two knowledge bases: as a page and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec

from engine.answers import DOSES, NOT_THERE, STATEMENTS, STATUS, VERDICT, Difference
from engine.comparison import READING, Changed, Comparison
from engine.rendering.cases import case_line
from engine.rendering.page import Page, joined

_GROUPS = {
    "guideline": "guideline",
    "findings": "finding",
    "concepts": "concept",
    "statements": "statement",
    "document": "statement about the document",
    "conflicts": "conflict",
    "references": "reference",
    "parameters": "local parameter",
    "notes": "note from outside the source",
    "layers": "layer",
}

_WHEN = {"concepts": "holds when", "statements": "applies when", "conflicts": "shown when"}

_NAMED = 4
"""How many cases are named that differ alike; the data has them all."""

_PARTS = {"fulfilled": "fulfilled when"}


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as data."""
    content: dict[str, Any] = msgspec.to_builtins(comparison)
    return {"format": "ivig-mg/diff/1", **content}


def render_comparison(comparison: Comparison, width: int = 80, colour: bool = False) -> str:
    """Return a comparison as text: words, what is accepted, cases, then patients."""
    return str(_Compared(comparison, Page(width, colour)).write())


class _Compared:
    """Writes one comparison."""

    def __init__(self, comparison: Comparison, page: Page) -> None:
        self.comparison = comparison
        self.page = page

    def write(self) -> Page:
        old, new = self.comparison.old[:16], self.comparison.new[:16]
        if self.comparison.old == self.comparison.new:
            self.page.text(f"They say the same: knowledge {old}…", style="good")
            return self.page
        self.page.text(f"Knowledge {old}… → {new}…", style="bold")
        self.page.heading("Changed in words")
        for entry in self.comparison.changed:
            self.entry(entry)
        self.accepted()
        self.cases()
        self.patients()
        return self.page

    # Words. --------------------------------------------------------------------------------

    def entry(self, entry: Changed) -> None:
        how = "" if entry.how == "changed" else f", {entry.how}"
        self.page.text(f"{entry.id} ({_GROUPS[entry.group]}){self.label(entry.id)}{how}", 2, "bold")
        for part, (old, new) in entry.parts.items():
            said = _WHEN.get(entry.group, part) if part == "when" else _PARTS.get(part, part)
            if part in entry.rules:
                self.page.text(f"{said}:", 4)
                self.rule(*entry.rules[part], entry.how == "changed")
            elif entry.how == "changed":
                self.page.text(f"{said}:", 4)
                for mark, words in (("−", old), ("+", new)):
                    if words is not None:
                        self.page.item(mark, words, 6, 2)
            else:
                self.page.text(f"{said}: {new if new is not None else old}", 4)

    def rule(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, marks: bool) -> None:
        """Write a rule line by line, with marks: − for what only the old has, + for what only the new has."""
        one, other = (list(_lines(tree)) if tree is not None else [] for tree in (old, new))
        for mark, (depth, line) in _marked(one, other):
            self.page.item(mark if marks else "", line, 6, 2 + 2 * depth)

    def label(self, name: str) -> str:
        layer = self.comparison.layers.get(name)
        return f" (layer {layer})" if layer is not None else ""

    def accepted(self) -> None:
        """Write which values only one of the two accepts."""
        if self.comparison.accepted:
            self.page.heading("Values that only one accepts")
        for one in self.comparison.accepted:
            gone = [f"the new base no longer accepts {joined(one.old, ' or ')}"] if one.old else []
            come = [f"the new base also accepts {joined(one.new, ' or ')}"] if one.new else []
            self.page.item("–", f"{one.finding}: {joined((*gone, *come), '; ')}", hang=2)

    # Cases. --------------------------------------------------------------------------------

    def cases(self) -> None:
        if not self.comparison.cases:
            self.page.gap()
            self.page.text("No case is answered otherwise.")
            return
        self.page.heading(f"Cases answered otherwise ({len(self.comparison.cases)})")
        alike: dict[str, dict[str, None]] = {}
        for case in self.comparison.cases:
            for one in case.differences:
                alike.setdefault(_in_short(one, self.label(one.rule)), {})[case.case or "the case"] = None
        for words in sorted(alike, key=lambda words: -len(alike[words])):
            names = list(alike[words])
            count = "1 case" if len(names) == 1 else f"{len(names)} cases"
            named = joined([*names[:_NAMED], "…"] if len(names) > _NAMED else names)
            self.page.item("–", f"{count}: {words} ({named})", hang=2)

    # Every patient. ------------------------------------------------------------------------

    def patients(self) -> None:
        found = self.comparison.disagreements
        if found is None:
            self.page.gap()
            self.page.text("Patients for whom the two disagree are found with the solver, which is not installed.")
            return
        touched = {entry.id for entry in self.comparison.changed} | {STATUS}
        self.disagreements("A smallest patient for each disagreement", [d for d in found if d.rule in touched])
        self.disagreements("The same for what rests on them", [d for d in found if d.rule not in touched])
        self.proofs(found)

    def disagreements(self, heading: str, found: Sequence[Any]) -> None:
        if found:
            self.page.heading(heading)
        for one in found:
            self.page.item("–", _in_full(one, self.label(one.rule)), hang=2)
            self.page.text(case_line(one.patient), 4)
            self.asked_by_one(one)

    def asked_by_one(self, one: Any) -> None:
        """Say which findings of a patient only one of the two asks for, where both have the rule."""
        single = {e.id: e.how for e in self.comparison.changed if e.group == "findings" and e.how != "changed"}
        for base, how in (("old", "removed"), ("new", "added")):
            names = [name for name in one.patient if single.get(name) == how]
            if names and NOT_THERE not in (one.old, one.new):
                self.page.text(f"(only the {base} base asks for {joined(names)})", 4)

    def proofs(self, found: Sequence[Any]) -> None:
        """Write what is proven of every patient whom both accept."""
        self.page.gap()
        if not found:
            self.page.text("Every patient whom both accept is answered alike; that is proven.")
        elif not any(one.aspect == STATUS for one in found):
            self.page.text("The status is alike for every patient whom both accept; that is proven.")
        if self.comparison.agreeing:
            self.page.text(f"Changed, and alike for every patient (proven): {joined(self.comparison.agreeing)}.")
        if self.comparison.never:
            self.page.text(f"Added or removed, and applies to no patient (proven): {joined(self.comparison.never)}.")
        if any(entry.group == "parameters" for entry in self.comparison.changed):
            self.page.text("What a local parameter derives is compared by the cases alone.")


def _lines(tree: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the lines of a rule with their depths."""
    if "gate" not in tree:
        yield depth, f"{tree['test']} ({tree['says']})" if "says" in tree else tree["test"]
        return
    yield depth, f"{tree['gate']} of:"
    for part in tree["of"]:
        yield from _lines(part, depth + 1)


def _marked(old: Sequence[tuple[int, str]], new: Sequence[tuple[int, str]]) -> Iterator[tuple[str, tuple[int, str]]]:
    """Yield the lines of two rules in one list, each marked as the old's, the new's or that of both."""
    for tag, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (("", line) for line in old[start:end])
        else:
            yield from (("−", line) for line in old[start:end])
            yield from (("+", line) for line in new[first:last])


def _in_short(one: Difference, label: str) -> str:
    """Say a difference as cases share it: without the figures and statements that each case has of its own."""
    if one.aspect in (DOSES, STATEMENTS):
        return f"{one.rule}{label}, other {one.aspect}"
    if one.aspect == READING:
        return f"{one.old} → {one.new}"
    return _in_full(one, label)


def _in_full(one: Difference, label: str = "") -> str:
    if one.aspect == VERDICT and NOT_THERE in (one.old, one.new):
        added = one.old == NOT_THERE
        verdict = _word(one.new if added else one.old)
        return f"{one.rule}{label}, {'added' if added else 'removed'}: {verdict}"
    about = "the status" if one.rule == STATUS else f"{one.rule}{label}"
    aspect = "" if one.aspect == VERDICT or one.rule == STATUS else f", {one.aspect}"
    return f"{about}{aspect}: {_word(one.old)} → {_word(one.new)}"


def _word(word: str) -> str:
    return word.replace("_", " ")
