"""The knowledge base as a small static site for reviewers: to read, to print, and to sign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine import __version__
from engine.cases import Case
from engine.catalogue import describe, rests_on
from engine.errors import Fault, InputError, Place
from engine.files import write_new
from engine.language import phrase
from engine.model import Condition, Gate, Knowledge, natural
from engine.rendering import words
from engine.rendering.drawing import LINE, Picture, box_height, lines_of
from engine.rendering.report import environment

BOX = 200.0
GUTTER = 60.0
BETWEEN = 8.0


def write_handbook(knowledge: Knowledge, cases: Sequence[Case], folder: Path) -> None:
    """Write the handbook of a knowledge base into a new folder.

    Raises:
        InputError: when the folder holds something already, or cannot be written.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            found = "the folder holds something already"
            raise InputError([Fault(found, "Name a new folder; nothing was written.", Place(str(folder)))])
    except OSError as problem:
        found = f"it cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Choose another place.", Place(str(folder)))]) from None
    for name, text in pages(knowledge, cases).items():
        write_new(folder / name, text)


def pages(knowledge: Knowledge, cases: Sequence[Case]) -> dict[str, str]:
    """Return the pages of the handbook by their file names."""
    template = environment().get_template("handbook.html")
    content = _Handbook(knowledge, cases)
    shared = {
        "title": knowledge.guideline.title,
        "provenance": words.provenance(knowledge),
        "digest": knowledge.digest,
        "version": __version__,
        "pages": content.contents(),
        "not_covered": knowledge.guideline.not_covered,
        "document": [knowledge.document[name] for name in natural(knowledge.document)],
    }
    return {
        name: template.render(**shared, name=name, heading=heading, entries=entries)
        for name, heading, entries in content.pages()
    }


class _Handbook:
    """The entries of each page."""

    def __init__(self, knowledge: Knowledge, cases: Sequence[Case]) -> None:
        self.knowledge = knowledge
        self.cases = cases
        self.page_of = {name: page for page, _, names in self.groups() for name in names}

    def groups(self) -> list[tuple[str, str, list[str]]]:
        """Return each page with its heading and the names on it."""
        knowledge = self.knowledge
        groups = []
        for section in knowledge.guideline.sections.values():
            names = [s.id for s in knowledge.statements.values() if s.source.partition(".")[0] == section.code]
            groups.append((f"section-{section.code}.html", f"{section.code}: {section.heading}", natural(names)))
        groups.append(("concepts.html", "Concepts", list(knowledge.concepts)))
        groups.append(("conflicts.html", "Conflicts and ambiguities", natural(knowledge.conflicts)))
        groups.append(("findings.html", "Findings", list(knowledge.findings)))
        groups.append(("references.html", "References", [str(number) for number in knowledge.references]))
        groups.append(("parameters.html", "Local parameters", list(knowledge.parameters)))
        groups.append(("outside.html", "From outside the source", natural(knowledge.notes)))
        return [group for group in groups if group[2]]

    def contents(self) -> list[Mapping[str, Any]]:
        found = [{"file": file, "heading": heading, "count": len(names)} for file, heading, names in self.groups()]
        return [*found, {"file": "cases.html", "heading": "Worked cases", "count": len(self.cases)}]

    def pages(self) -> Iterable[tuple[str, str, list[Any]]]:
        yield "index.html", "Contents", []
        for file, heading, names in self.groups():
            yield file, heading, [self.entry(name) for name in names]
        yield "cases.html", "Worked cases", [self.case(case) for case in self.cases]

    def entry(self, name: str) -> Mapping[str, Any]:
        """Return everything that stands under a name, with links, a picture and the cases that speak of it."""
        content = describe(self.knowledge, name)
        spoken_of = [case.name for case in self.cases if _speaks_of(case, name)]
        return {
            "content": content,
            "rule": self.rule(name),
            "links": {other: f"{self.page_of[other]}#{other}" for other in self.page_of},
            "cases": spoken_of,
            "picture": self.picture(name),
        }

    def rule(self, name: str) -> Sequence[str]:
        """Return a rule in words, one line a part."""
        if name not in self.knowledge.rules:
            return []
        return list(_in_lines(self.knowledge.rules[name], self.knowledge))

    def picture(self, name: str) -> str:
        """Return what a rule rests on and what rests on it, drawn side by side; nothing where neither is."""
        below = rests_on(self.knowledge.rules[name], self.knowledge) if name in self.knowledge.rules else []
        above = [str(other) for other in describe(self.knowledge, name).get("used_by", [])]
        return _neighbours(name, below, above) if below or above else ""

    def case(self, case: Case) -> Mapping[str, Any]:
        return {
            "name": case.name,
            "says": case.says,
            "findings": {name: given.text for name, given in {**case.findings, **case.parameters}.items()},
            "expect": {key: _flat(value) for key, value in case.expect.items()},
        }


def _speaks_of(case: Case, name: str) -> bool:
    keys = ("applies", "ruled_out", "undetermined", "references", "fulfilled")
    return name in case.findings or any(name in case.expect.get(key, ()) for key in keys)


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, tuple | list) else str(value)


def _in_lines(condition: Condition, knowledge: Knowledge, depth: int = 0) -> Iterable[str]:
    if isinstance(condition, Gate) and len(condition.of) > 1:
        needed = {len(condition.of): "all of", 1: "any of"}.get(condition.needed, f"at least {condition.needed} of")
        yield f"{'  ' * depth}{needed}:"
        for part in condition.of:
            yield from _in_lines(part, knowledge, depth + 1)
    elif isinstance(condition, Gate) and condition.of:
        yield from _in_lines(condition.of[0], knowledge, depth)
    else:
        yield f"{'  ' * depth}{phrase(condition, knowledge.units)}"


def _neighbours(name: str, below: Sequence[str], above: Sequence[str]) -> str:
    """Draw a name between what it rests on and what rests on it."""
    columns = (list(dict.fromkeys(below)), [name], list(dict.fromkeys(above)))
    lines = {word: lines_of(word, BOX, word == name) for column in columns for word in column}
    heights = [sum(box_height(lines[word]) + BETWEEN for word in column) for column in columns]
    height = max(heights) + LINE
    told = f"{name} rests on {', '.join(below) or 'nothing'}. On it rest {', '.join(above) or 'nothing'}."
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    picture = Picture(
        f"around-{safe}", f"What {name} rests on, and what rests on it", told, 3 * BOX + 2 * GUTTER, height
    )
    centre = height / 2
    for number, column in enumerate(columns):
        x, y = number * (BOX + GUTTER) + 1, (height - heights[number]) / 2
        for word in column:
            box = box_height(lines[word])
            if number == 0:
                picture.curve(x + BOX, y + box / 2, BOX + GUTTER + 1, centre)
            elif number == 2:
                picture.curve(2 * BOX + GUTTER + 1, centre, x, y + box / 2)
                picture.head(x, y + box / 2)
            picture.words_in_box(lines[word], x, y, BOX - 2, "node statement" if word == name else "node finding", "")
            y += box + BETWEEN
    if below:
        picture.head(BOX + GUTTER + 1, centre)
    return str(picture)
