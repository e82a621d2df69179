"""Case files: what a user wrote of one patient, and for a worked case what is expected.

A file holds one case (``findings:``) or several, each under its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine import forms, shapes
from engine.documents import Document, Entries, Listing, Node, Scalar, read
from engine.errors import Fault, InputError, KnowledgeError, Place, did_you_mean, listed, shortened
from engine.findings import Given
from engine.shapes import MISSING


class Case(Struct, frozen=True):
    """One patient as written: findings, local parameters, and what is expected of the answer.

    ``written`` is the whole of it, and the file it stands in.
    """

    name: str
    says: str
    findings: Mapping[str, Given]
    parameters: Mapping[str, Given]
    expect: Mapping[str, Any]
    place: Place
    written: tuple[Node, Document] | None = None


def load_case(path: str | Path, name: str | None = None) -> Case:
    """Return the case in a file (``-`` is standard input), by name where it holds several.

    Raises:
        InputError: with every fault of the file, or the names it holds when none was chosen.

    """
    document = read(path)
    cases = _cases(document)
    if document.faults:
        raise InputError(document.faults)
    if name is None and len(cases) == 1:
        return cases[0]
    chosen = [case for case in cases if case.name == name]
    if chosen:
        return chosen[0]
    names = [case.name for case in cases if case.name]
    if name is None:
        remedy = f"Choose one with '--case NAME': {listed(names, 'or')}."
        raise InputError([Fault(f"it holds {len(cases)} cases", remedy, Place(document.name))])
    remedy = did_you_mean(name, names) or (
        f"It holds {listed(names)}." if names else "It holds one case; leave the name out."
    )
    raise InputError([Fault(f"there is no case '{shortened(name)}' in it", remedy, Place(document.name))])


def load_cases(folder: Path) -> list[Case]:
    """Return the worked cases of a knowledge base, from its folder ``cases``.

    Raises:
        KnowledgeError: with every fault of every file.

    """
    cases, faults = read_cases(folder)
    if faults:
        raise KnowledgeError(faults)
    return cases


def read_cases(folder: Path) -> tuple[list[Case], list[Fault]]:
    """Return all worked cases of a knowledge base that can be read, and every fault of their files."""
    documents = [read(path) for path in sorted((folder / "cases").glob("*.yaml"))]
    cases = [case for document in documents for case in _cases(document)]
    return cases, [fault for document in documents for fault in document.faults]


def load_parameters(path: str | Path) -> Mapping[str, Given]:
    """Return the local parameters set in a file.

    Raises:
        InputError: with every fault of the file.

    """
    document = read(path)
    parameters: Mapping[str, Given] = {}
    if document.root is not None:
        values = forms.PARAMETERS.read(document.root, document)
        parameters = {} if values is MISSING else _given(values["parameters"], document)
    if document.faults:
        raise InputError(document.faults)
    return parameters


def _cases(document: Document) -> list[Case]:
    root = document.root
    if root is None:
        return []
    if isinstance(root, Entries) and root.values and "findings" not in root.values and _several(root):
        read = [_case(name, node, document) for name, node in root.values.items()]
    else:
        read = [_case("", root, document)]
    return [case for case in read if case is not None]


def _several(root: Entries) -> bool:
    return all(isinstance(node, Entries) and "findings" in node.values for node in root.values.values())


def _case(name: str, node: Node, document: Document) -> Case | None:
    values = forms.CASE.read(node, document)
    if values is MISSING:
        return None
    return Case(
        name,
        values.get("says", ""),
        _given(values["findings"], document),
        _given(values["parameters"], document) if "parameters" in values else {},
        values.get("expect", {}),
        Place(document.name, node.line, node.column),
        (node, document),
    )


def where(case: Case, word: str) -> Given:
    """Return a word of the expectations of a case with its place; the place of the case if it is not there."""
    node, document = case.written or (Scalar("", 0, 0), Document(""))
    expected = node.values.get("expect", node) if isinstance(node, Entries) else node
    return dict(_standing(expected, document)).get(word, Given(word, case.place))


def _standing(node: Node, document: Document) -> Iterator[tuple[str, Given]]:
    """Yield every word below a node with its place."""
    if isinstance(node, Scalar):
        yield node.text, _given_at(node.text, node, document)
    elif isinstance(node, Listing):
        for item in node.items:
            yield from _standing(item, document)
    else:
        for key in node.keys.values():
            yield key.text, _given_at(key.text, key, document)
            yield from _standing(node.values[key.text], document)


def _given_at(text: str, node: Node, document: Document) -> Given:
    return Given(text, Place(document.name, node.line, node.column), document.excerpt(node.line))


def _given(node: Node, document: Document) -> dict[str, Given]:
    if isinstance(node, Scalar) and node.text in ("", "{}"):
        return {}
    if not isinstance(node, Entries):
        shapes.expect(document, node, "names with values, such as 'dysphagia: yes'")
        return {}
    return dict(_words(node, document))


def _words(node: Entries, document: Document) -> Iterator[tuple[str, Given]]:
    for name, value in node.values.items():
        if not isinstance(value, Scalar):
            shapes.expect(document, value, f"one value for '{shortened(name)}'")
            continue
        key = node.keys[name]
        if shapes.TO_DO in (name, value.text):
            document.fault("'???' where a name with its value was expected", "Write such as 'dysphagia: yes'.", key)
            continue
        yield name, _given_at(value.text, key, document)
