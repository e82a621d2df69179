"""YAML text to a tree of located text; the only user of yaml.

Nothing is typed and nothing is executed: every scalar is the text that stands there, so a bare
``no`` is the word no and ``2026-01-22`` is not a date. Aliases, anchors, tags and repeated keys
are faults. Size and depth are bounded, so that no file can hang the program.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, BinaryIO

import yaml
from msgspec import Struct

from engine.errors import Fault, Place, shortened

LARGEST = 5_000_000
"""The largest file that is read, in bytes."""

DEEPEST = 24
"""The deepest nesting that is read."""

CUT = (
    "the text after ' #' is a comment to YAML",
    "Put quotes around the text, or the comment on a line of its own.",
)
"""What is said of a text that a comment cuts off."""

_NAME = re.compile(r"""["']?([A-Za-z0-9_]+)["']?[ \t]*:(?!\S)""")
_UNFINISHED = ("while scanning a simple key", "while scanning a quoted scalar", "while parsing a flow")
_COMMENT = re.compile(r"[ \t]+(#)")

_LOADER = getattr(yaml, "CLoader", yaml.Loader)  # libyaml where it was built in; only events are asked of it


class Scalar(Struct):
    """A text, where it stands, and the line and column of a comment that cuts it off."""

    text: str
    line: int
    column: int
    cut: tuple[int, int] | None = None


class Listing(Struct):
    """A list, where it begins."""

    line: int
    column: int
    items: list[Node] = []


class Entries(Struct):
    """A mapping, where it begins; ``keys`` has each key as it stands."""

    line: int
    column: int
    values: dict[str, Node] = {}
    keys: dict[str, Scalar] = {}


Node = Scalar | Listing | Entries


class Document:
    """One file: its tree, if it could be read, its lines and the faults found in it so far."""

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self.lines = text.splitlines()
        self.faults: list[Fault] = []
        self.root: Node | None = None

    def fault(self, found: str, remedy: str = "", at: Node | None = None) -> None:
        """Note a fault, at a node if there is one."""
        if at is None:
            self.faults.append(Fault(found, remedy, Place(self.name)))
        else:
            self.fault_at(found, remedy, at.line, at.column)

    def names(self) -> list[str]:
        """Return the names of its entries; those at the left margin where it is not YAML."""
        if isinstance(self.root, Entries):
            return list(self.root.values)
        return [found[1] for line in self.lines if (found := _NAME.match(line))]

    def fault_at(self, found: str, remedy: str, line: int, column: int | None = None) -> None:
        """Note a fault at a line and column, both from 1, with the line as excerpt."""
        self.faults.append(Fault(found, remedy, Place(self.name, line, column), self.excerpt(line)))

    def line(self, number: int) -> str:
        """Return a line, counted from 1; empty where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def excerpt(self, number: int) -> str:
        """Return a line as a message shows it."""
        return shortened(self.line(number).strip(), 100)


def read(path: str | Path) -> Document:
    """Read a file, or standard input for ``-``; what is wrong with it stands in its faults."""
    name = "standard input" if str(path) == "-" else str(path)
    document = Document(name)
    try:
        content = _bytes(path)
    except FileNotFoundError:
        document.fault("there is no such file", "Check the path.")
    except IsADirectoryError:
        document.fault("this is a directory where a file was expected", "Name a YAML file in it.")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        document.fault(f"it cannot be read: {reason}", "Check the path and its permissions.")
    else:
        return parse(name, content)
    return document


def _bytes(path: str | Path) -> bytes:
    if str(path) == "-":
        return _limited(sys.stdin.buffer)
    with open(path, "rb") as file:
        return _limited(file)


def _limited(file: BinaryIO) -> bytes:
    return file.read(LARGEST + 1)


def parse(name: str, content: bytes) -> Document:
    """Read bytes as YAML text; what is wrong with them stands in the faults of the document."""
    document = Document(name)
    if len(content) > LARGEST:
        document.fault(f"it is larger than {LARGEST // 1_000_000} MB", "Split it, or check that it is the file meant.")
        return document
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        document.fault_at("it is not UTF-8 text", "Save it as UTF-8.", line)
        return document
    document = Document(name, text)
    if "\0" in text:
        document.fault("it holds binary data where YAML text was expected", "Check that it is the file meant.")
        return document
    try:
        document.root = _Builder(document).build(text)
    except yaml.YAMLError as problem:
        _fault_of_yaml(document, problem)
    if document.root is None and not document.faults:
        document.fault("it is empty", "Write its entries, or {} where there are none.")
    return document


def _fault_of_yaml(document: Document, problem: yaml.YAMLError) -> None:
    said = getattr(problem, "problem", None) or getattr(problem, "reason", None) or "it cannot be parsed"
    remedy = "Check the indentation, and put quotes around text that holds ': ', ' #' or begins with a sign."
    if "nesting depth" in said:  # newer versions of libyaml count for themselves, ahead of us
        said = _TooDeep.problem
    mark = _mark_of(problem)
    if mark is None:
        document.fault(f"this is not YAML: {said}", remedy)
        return
    line, column = mark.line + 1, mark.column + 1
    before = _COMMENT.search(document.line(line - 1))
    if "did not find expected key" in said and before is not None:
        document.fault_at(*CUT, line - 1, before.start(1) + 1)
    elif "<document start>" in said and "{}" in document.lines:
        document.fault_at("an entry below '{}', which says that there is none", "Remove the '{}'.", line, column)
    elif document.line(line)[column - 1 : column] == "\t":
        document.fault_at("a tab, which YAML takes for no indentation", "Indent with blanks.", line, column)
    else:
        document.fault_at(f"this is not YAML: {said}", remedy, line, column)


def _mark_of(problem: yaml.YAMLError) -> Any:
    """Return where a mistake is: where what is not finished began, else where YAML gave up."""
    unfinished = (getattr(problem, "context", None) or "").startswith(_UNFINISHED)
    marks = [getattr(problem, name, None) for name in ("context_mark", "problem_mark")]
    return next(filter(None, marks if unfinished else reversed(marks)), None)


class _TooDeep(yaml.YAMLError):
    problem = f"it is nested more than {DEEPEST} deep"


class _Builder:
    """Builds the tree from parser events with a stack of its own, so that depth costs no recursion."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.commented = {number for number, line in enumerate(document.lines) if "#" in line}
        self.open: list[Listing | Entries] = []
        self.pending: list[Scalar | None] = []
        self.root: Node | None = None

    def build(self, text: str) -> Node | None:
        documents = 0
        for event in yaml.parse(text, Loader=_LOADER):
            mark: Any = event.start_mark
            line, column = mark.line + 1, mark.column + 1
            if isinstance(event, yaml.ScalarEvent):
                self.note_extras(event, line, column)
                self.add(Scalar(event.value, line, column, self.cut(event)))
            elif isinstance(event, yaml.CollectionStartEvent):
                self.note_extras(event, line, column)
                kind = Entries if isinstance(event, yaml.MappingStartEvent) else Listing
                self.start(kind(line, column))
            elif isinstance(event, yaml.CollectionEndEvent):
                self.open.pop()
                self.pending.pop()
            elif isinstance(event, yaml.AliasEvent):
                self.document.fault_at("an alias", "Write the value out; aliases are not followed.", line, column)
                self.add(Scalar("(alias)", line, column))
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    found = "a second YAML document in one file"
                    self.document.fault_at(found, "Keep one document; remove the '---'.", line, column)
                    break
        return self.root

    def cut(self, event: Any) -> tuple[int, int] | None:
        """Return where a comment begins that follows a text without quotes on its line."""
        end: Any = event.end_mark
        if end.line not in self.commented or event.style not in (None, "") or not event.value:
            return None
        comment = _COMMENT.match(self.document.lines[end.line], end.column)
        return (end.line + 1, comment.start(1) + 1) if comment is not None else None

    def note_extras(self, event: Any, line: int, column: int) -> None:
        if event.anchor is not None:
            found = f"an anchor, '&{shortened(event.anchor)}'"
            self.document.fault_at(found, "Remove it; aliases are not followed.", line, column)
        if event.tag is not None:
            found = f"a tag, '{shortened(event.tag.replace('tag:yaml.org,2002:', '!!'))}'"
            self.document.fault_at(found, "Remove it; every value is read as text.", line, column)

    def start(self, node: Listing | Entries) -> None:
        if len(self.open) >= DEEPEST:
            raise _TooDeep
        self.add(node)
        self.open.append(node)
        self.pending.append(None)

    def add(self, node: Node) -> None:
        if not self.open:
            self.root = self.root or node
            return
        parent = self.open[-1]
        if isinstance(parent, Listing):
            parent.items.append(node)
            return
        key, self.pending[-1] = self.pending[-1], None
        if key is not None:
            self.put(parent, key, node)
        elif isinstance(node, Scalar):
            self.pending[-1] = node
        else:
            self.document.fault("a key that is not text", "Write a plain word before the ':'.", node)
            self.pending[-1] = Scalar("", node.line, node.column)

    def put(self, parent: Entries, key: Scalar, node: Node) -> None:
        if key.text in parent.values:
            first = parent.keys[key.text].line
            self.document.fault(
                f"'{shortened(key.text)}' stands twice, first on line {first}", "Keep one of the two.", key
            )
            return
        parent.values[key.text] = node
        parent.keys[key.text] = key
