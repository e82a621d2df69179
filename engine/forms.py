"""The forms that the entries of YAML files take: which keys, of which type, required or not.

A type reads a node into a value, or notes what was expected and returns `MISSING`. Every fault of
a file is found in one reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct

from engine.documents import Document, Entries, Listing, Node, Scalar
from engine.errors import did_you_mean, listed, shortened
from engine.language import NUMBER, UnreadableError, canonical, read_quantity

MISSING: Any = object()
"""What a type returns for a node it could not read; the fault is noted already."""


class Type(Protocol):
    """Reads a node of a document into a value."""

    def read(self, node: Node, document: Document) -> Any:
        """Return the value, or note a fault and return `MISSING`."""


def expect(document: Document, node: Node, wanted: str) -> Any:
    """Note that a node is not what was wanted, and return `MISSING`."""
    document.fault(f"{described(node)} where {wanted} was expected", f"Write {wanted}.", node)
    return MISSING


def described(node: Node) -> str:
    """Describe a node for a message."""
    if isinstance(node, Scalar):
        return f"'{shortened(node.text)}'" if node.text else "nothing"
    if isinstance(node, Listing):
        return "a list" if node.items else "an empty list"
    return "a mapping"


class Prose(Struct, frozen=True):
    """A text on one line."""

    wanted: str = "a text"

    def read(self, node: Node, document: Document) -> Any:
        """Read a text; white space is folded."""
        if not isinstance(node, Scalar) or not node.text.strip():
            return expect(document, node, self.wanted)
        text = " ".join(node.text.split())
        if not text.isprintable():
            return expect(document, node, f"{self.wanted} without control characters")
        return text


class OneOf(Struct, frozen=True):
    """One word of a closed list."""

    words: Sequence[str]

    def read(self, node: Node, document: Document) -> Any:
        """Read one of the words."""
        if isinstance(node, Scalar) and node.text in self.words:
            return node.text
        if not isinstance(node, Scalar):
            return expect(document, node, listed(self.words, "or"))
        remedy = " ".join(filter(None, [did_you_mean(node.text, self.words), f"It takes {listed(self.words, 'or')}."]))
        document.fault(f"{described(node)} is not one of the words known here", remedy, node)
        return MISSING


class Pattern(Struct, frozen=True):
    """A text of a fixed form."""

    regex: str
    wanted: str

    def read(self, node: Node, document: Document) -> Any:
        """Read a text of the form."""
        if isinstance(node, Scalar) and re.fullmatch(self.regex, node.text):
            return node.text
        return expect(document, node, self.wanted)


class Whole(Struct, frozen=True):
    """A whole number."""

    def read(self, node: Node, document: Document) -> Any:
        """Read a whole number."""
        if isinstance(node, Scalar) and re.fullmatch(r"[0-9]{1,6}", node.text):
            return int(node.text)
        return expect(document, node, "a whole number")


class Quantity(Struct, frozen=True):
    """A number with its unit."""

    unit: str

    def read(self, node: Node, document: Document) -> Any:
        """Read a number with its unit."""
        if isinstance(node, Scalar):
            try:
                return read_quantity(node.text, self.unit)
            except UnreadableError as problem:
                document.fault(problem.found, problem.remedy, node)
                return MISSING
        return expect(document, node, f"a number of {self.unit}")


class Range(Struct, frozen=True):
    """``1 to 2 g/kg``, or where ``single`` allows it one number for both ends; a pair of numbers."""

    unit: str = ""
    single: bool = False

    def read(self, node: Node, document: Document) -> Any:
        """Read a pair of numbers, the lower first."""
        text = " ".join(node.text.split()) if isinstance(node, Scalar) else ""
        low, to, high = text.partition(" to ")
        unit = f" {self.unit}" if self.unit else ""
        if not to and self.single:
            low, high = text.removesuffix(unit), text
        high = high.removesuffix(unit) if self.unit and high.endswith(unit) else ("" if self.unit else high)
        if NUMBER.fullmatch(low) and NUMBER.fullmatch(high) and Decimal(low) <= Decimal(high):
            return canonical(Decimal(low)), canonical(Decimal(high))
        example = f"1 to 2{unit}"
        return expect(
            document,
            node,
            f"a range such as '{example}'" + (f" or one number with '{self.unit}'" if self.single else ""),
        )


class ListOf(Struct, frozen=True):
    """A list of one type; what cannot be read in it is left out."""

    type: Type
    wanted: str
    may_be_empty: bool = False

    def read(self, node: Node, document: Document) -> Any:
        """Read a list into a tuple."""
        if not isinstance(node, Listing) or not (node.items or self.may_be_empty):
            return expect(document, node, self.wanted)
        read = [self.type.read(item, document) for item in node.items]
        return tuple(value for value in read if value is not MISSING)


class MapOf(Struct, frozen=True):
    """A mapping from any key to one type."""

    type: Type
    wanted: str

    def read(self, node: Node, document: Document) -> Any:
        """Read a mapping into a dict."""
        if not isinstance(node, Entries) or not node.values:
            return expect(document, node, self.wanted)
        read = {key: self.type.read(value, document) for key, value in node.values.items()}
        return {key: value for key, value in read.items() if value is not MISSING}


class Anything(Struct, frozen=True):
    """Any node, left for a later reading (a condition, for which all names must be known)."""

    def read(self, node: Node, document: Document) -> Any:
        """Return the node as it is."""
        return node


class Key(Struct, frozen=True):
    """A key of a form: the type of its value, and whether it has to be there."""

    type: Type
    required: bool = True


class Form(Struct, frozen=True):
    """A mapping with the keys given; unknown keys are faults, with the nearest names."""

    name: str
    keys: Mapping[str, Key]

    def read(self, node: Node, document: Document) -> Any:
        """Read a mapping into a dict of its keys; `MISSING` when a required one is."""
        if not isinstance(node, Entries):
            return expect(document, node, f"{self.name} with its keys ({', '.join(self.keys)})")
        for key in node.keys.values():
            if key.text not in self.keys:
                remedy = did_you_mean(key.text, self.keys) or f"The keys of {self.name} are {listed(list(self.keys))}."
                document.fault(f"'{shortened(key.text)}' is not a key of {self.name}", remedy, key)
        values: dict[str, Any] = {}
        complete = True
        for name, key_ in self.keys.items():
            if name in node.values:
                value = key_.type.read(node.values[name], document)
                complete = complete and (value is not MISSING or not key_.required)
                if value is not MISSING:
                    values[name] = value
            elif key_.required:
                document.fault(f"{self.name} without '{name}'", f"Add '{name}:'.", node)
                complete = False
        return values if complete else MISSING


CONDITION = Anything()
NAME = Pattern(r"[a-z][a-z0-9_]{0,60}", "a name in small letters, digits and '_'")
DIGEST = Pattern(r"[0-9a-f]{64}", "a SHA-256 digest of 64 hexadecimal digits")
ID = Pattern(r"[A-Za-z][A-Za-z0-9_]{0,60}", "a name or an id")
YES_NO = OneOf(("yes", "no"))
TYPES = ("yes/no", "choice", "whole number", "number")


def _form(name: str, required: Mapping[str, Type], optional: Mapping[str, Type] | None = None) -> Form:
    keys = {key: Key(type_) for key, type_ in required.items()}
    keys |= {key: Key(type_, required=False) for key, type_ in (optional or {}).items()}
    return Form(name, keys)


SECTION = _form(
    "a section",
    {"heading": Prose(), "part": Prose(), "bullets": ListOf(DIGEST, "a list of digests, one a bullet")},
)

LEFT_OUT = _form("a part left out", {"what": Prose(), "reason": Prose()})

GUIDELINE = _form(
    "the guideline",
    {
        "id": Pattern(r"[a-z][a-z0-9-]{0,60}", "an id in small letters, digits and '-'"),
        "edition": Prose(),
        "title": Prose(),
        "treatment": Prose("the treatment that the guideline is about"),
        "requires": CONDITION,
        "sections": MapOf(SECTION, "the sections of the source, by code"),
    },
    {
        "not covered": ListOf(Prose("a topic"), "a list of topics", may_be_empty=True),
        "left out": ListOf(LEFT_OUT, "a list of what was left out, and why", may_be_empty=True),
    },
)

REFERENCE = _form("a reference", {"basis": Prose()}, {"entry": Prose()})

FINDING = _form(
    "a finding",
    {"asks": Prose("a question"), "type": OneOf(TYPES)},
    {
        "topic": Prose("a topic"),
        "choices": ListOf(NAME, "a list of choices"),
        "unit": Prose("a unit"),
        "range": Range(),
        "only if": Prose("a test on another finding"),
        "help": Prose(),
        "undefined": Prose(),
    },
)

CONCEPT = _form("a concept", {"says": Prose(), "when": CONDITION})

REGIMEN = _form(
    "a regimen",
    {
        "total": Range("g/kg", single=True),
        "over": Pattern(r"[1-9][0-9]? days?", "a number of days such as '5 days'"),
        "weight": OneOf(("ideal", "actual", "not stated")),
    },
    {"daily": Quantity("g/kg"), "lower end": ID},
)

COURSE = _form(
    "a place on the course",
    {
        "shows": Pattern(
            r"before|alongside|each day|in words|(after )?[1-9][0-9]? to [1-9][0-9]? days",
            "'before', 'alongside', 'each day', 'in words' or days such as '12 to 15 days' or 'after 12 to 15 days'",
        ),
    },
    {"label": Prose("a few words"), "of": ListOf(ID, "a list of regimens")},
)

SPREAD = _form("a spread", {"daily": Quantity("g/kg"), "over": Range("days")}, {"outside": ID})

CONFLICT = _form(
    "a conflict",
    {"says": Prose(), "when": CONDITION},
    {
        "between": ListOf(ListOf(ID, "a list of ids"), "a list of sides, each a list of ids", may_be_empty=True),
        "decides status": YES_NO,
    },
)

FORMULA = _form(
    "a formula",
    {
        "sex": NAME,
        "height": NAME,
        "base": MapOf(Quantity("kg"), "a base weight in kg for each sex"),
        "per inch above": Quantity("kg"),
        "from height": Quantity("inches"),
        "not for": NAME,
        "rounded to": Quantity("kg"),
    },
)

PARAMETER = _form(
    "a parameter",
    {"says": Prose(), "type": OneOf(("whole number", "number", "choice")), "derives": NAME},
    {
        "unit": Prose("a unit"),
        "range": Range(),
        "from": NAME,
        "below": Prose("a value"),
        "otherwise": Prose("a value"),
        "choices": ListOf(NAME, "a list of formulas"),
        "formulas": MapOf(FORMULA, "the formulas, by name"),
    },
)

NOTE = _form("a note", {"says": Prose(), "citation": Prose(), "attaches to": ListOf(ID, "a list of ids")})

DOSE = _form(
    "an expected dose",
    {"statement": ID, "g_per_kg": Prose("a number")},
    {
        "of": ID,
        "reading": OneOf(("total", "daily")),
        "weight_basis": Prose(),
        "weight_kg": Prose(),
        "total_g": Prose(),
        "days": Prose(),
        "daily_g": Prose(),
    },
)

EXPECTATIONS = _form(
    "the expectations",
    {},
    {
        "status": OneOf(("indicated", "conflict", "role_only", "undetermined", "no_statement", "out_of_scope")),
        "applies": ListOf(ID, "a list of ids", may_be_empty=True),
        "ruled_out": ListOf(ID, "a list of ids", may_be_empty=True),
        "undetermined": ListOf(ID, "a list of ids", may_be_empty=True),
        "fulfilled": MapOf(OneOf(("yes", "no", "unknown")), "yes, no or unknown by statement"),
        "doses": ListOf(DOSE, "a list of doses", may_be_empty=True),
        "open": ListOf(NAME, "a list of findings", may_be_empty=True),
        "closed": ListOf(NAME, "a list of findings", may_be_empty=True),
        "first": NAME,
    },
)

CASE = _form(
    "a case",
    {"findings": Anything()},
    {"says": Prose("a clinical sentence"), "parameters": Anything(), "expect": EXPECTATIONS},
)


def statement_form(kinds: Sequence[str]) -> Form:
    """Return the form of a statement that is a rule, of one of these kinds."""
    return _form(
        "a statement",
        {
            "says": Prose(),
            "kind": OneOf(kinds),
            "source": Pattern(r"[A-Z][0-9]?(\.[1-9][0-9]?)?", "a place such as 'A1.2' (section, bullet) or 'L'"),
            "references": ListOf(Whole(), "a list of reference numbers"),
            "when": CONDITION,
        },
        {"regimen": REGIMEN, "spread": SPREAD, "fulfilled": CONDITION, "before treatment": YES_NO, "course": COURSE},
    )


NOT_ENCODED = _form(
    "a statement that is no rule",
    {"says": Prose(), "not encoded": Prose("a reason")},
    {"source": Prose(), "on top": YES_NO},
)

PARAMETERS = _form("a parameter file", {"parameters": Anything()})
