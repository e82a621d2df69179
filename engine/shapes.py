"""The types of what stands in YAML files: each reads a node, and says the same as a JSON Schema.

A type reads a node into a value, or notes what was expected and returns `MISSING`. Every fault of
a file is found in one reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct

from engine.documents import CUT, Document, Entries, Listing, Node, Scalar
from engine.errors import did_you_mean, listed, shortened
from engine.language import NUMBER, UnreadableError, canonical, read_quantity

Schema = dict[str, Any]
"""A JSON Schema."""

TO_DO = "???"
"""What stands in a skeleton for what is still to be written; no type takes it."""

WRITTEN = r"^(?!\s*\?\?\?\s*$)[\s\S]*\S"
"""What a text in a JSON Schema matches once something is written there: neither blank nor `TO_DO`."""

MISSING: Any = object()
"""What a type returns for a node it could not read; the fault is noted already."""


class Type(Protocol):
    """Reads a node of a document into a value."""

    def read(self, node: Node, document: Document) -> Any:
        """Return the value, or note a fault and return `MISSING`."""

    def schema(self) -> Schema:
        """Return what it reads as a JSON Schema, for editors."""


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
    """A text on one line; unless it says so, no comment may follow, which would be taken for the text's end."""

    wanted: str = "a text"
    may_have_comment: bool = False

    def read(self, node: Node, document: Document) -> Any:
        """Read a text; white space is folded."""
        if not isinstance(node, Scalar) or not node.text.strip() or TO_DO in node.text:
            return expect(document, node, self.wanted)
        text = " ".join(node.text.split())
        if not text.isprintable():
            return expect(document, node, f"{self.wanted} without control characters")
        if node.cut is not None and not self.may_have_comment:
            document.fault_at(*CUT, *node.cut)
        return text

    def schema(self) -> Schema:
        """Return a text; editors read a bare number or date as such."""
        return {"type": ["string", "number", "boolean"], "pattern": WRITTEN, "description": self.wanted}


class Figure(Prose, frozen=True):
    """A number or a word in an expectation; ``null`` is a word too."""

    may_have_comment: bool = True

    def schema(self) -> Schema:
        """Return a text that may be null."""
        return {"type": ["string", "number", "null"], "pattern": WRITTEN, "description": self.wanted}


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

    def schema(self) -> Schema:
        """Return the words."""
        return {"enum": list(self.words)}


class Pattern(Struct, frozen=True):
    """A text of a fixed form."""

    regex: str
    wanted: str

    def read(self, node: Node, document: Document) -> Any:
        """Read a text of the form."""
        if isinstance(node, Scalar) and re.fullmatch(self.regex, node.text):
            return node.text
        return expect(document, node, self.wanted)

    def schema(self) -> Schema:
        """Return the form."""
        return {"type": "string", "pattern": f"^(?:{self.regex})$", "description": self.wanted}


class Whole(Struct, frozen=True):
    """A whole number."""

    def read(self, node: Node, document: Document) -> Any:
        """Read a whole number."""
        if isinstance(node, Scalar) and re.fullmatch(r"[0-9]{1,6}", node.text):
            return int(node.text)
        return expect(document, node, "a whole number")

    def schema(self) -> Schema:
        """Return a whole number."""
        return {"type": "integer", "minimum": 0, "maximum": 999999}


class ReferenceKeyShape(Struct, frozen=True):
    """What a reference is cited by: a number, or in a layer a name."""

    def read(self, node: Node, document: Document) -> Any:
        """Read a number or a name."""
        if isinstance(node, Scalar) and re.fullmatch(r"[0-9]{1,6}", node.text):
            return int(node.text)
        if isinstance(node, Scalar) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,60}", node.text):
            return node.text
        return expect(document, node, "a reference number")

    def schema(self) -> Schema:
        """Return a number or a name."""
        name = "^(?:[0-9]{1,6}|[A-Za-z][A-Za-z0-9_]{0,60})$"
        return {"type": ["integer", "string"], "pattern": name, "minimum": 0, "maximum": 999999}


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

    def schema(self) -> Schema:
        """Return a number with its unit."""
        return {"type": "string", "pattern": rf"^{NUMBER.pattern} +{re.escape(self.unit)}$"}


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

    def schema(self) -> Schema:
        """Return a pair of numbers."""
        unit = rf" +{re.escape(self.unit)}" if self.unit else ""
        pair = rf"{NUMBER.pattern} +to +{NUMBER.pattern}{unit}"
        one = rf"|{NUMBER.pattern}{unit}" if self.single else ""
        return {"type": "string", "pattern": f"^(?:{pair}{one})$"}


class ListOf(Struct, frozen=True):
    """A list of one type."""

    type: Type
    wanted: str
    may_be_empty: bool = False

    def read(self, node: Node, document: Document) -> Any:
        """Read a list into a tuple."""
        if not isinstance(node, Listing) or not (node.items or self.may_be_empty):
            return expect(document, node, self.wanted)
        read = tuple(self.type.read(item, document) for item in node.items)
        return MISSING if MISSING in read else read

    def schema(self) -> Schema:
        """Return a list of the type."""
        least = {} if self.may_be_empty else {"minItems": 1}
        return {"type": "array", "items": self.type.schema(), **least}


class MapOf(Struct, frozen=True):
    """A mapping from any key to one type."""

    type: Type
    wanted: str

    def read(self, node: Node, document: Document) -> Any:
        """Read a mapping into a dict."""
        if not isinstance(node, Entries) or not node.values:
            return expect(document, node, self.wanted)
        for key in node.keys.values():
            if key.text == TO_DO:
                expect(document, key, "a name")
        read = {key: self.type.read(value, document) for key, value in node.values.items()}
        return MISSING if MISSING in read.values() or TO_DO in read else read

    def schema(self) -> Schema:
        """Return a mapping to the type."""
        names = {"not": {"const": TO_DO}}
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": self.type.schema(),
            "minProperties": 1,
        }


class Anything(Struct, frozen=True):
    """Any node, left for a later reading (a condition, for which all names must be known)."""

    def read(self, node: Node, document: Document) -> Any:
        """Return the node as it is."""
        return node

    def schema(self) -> Schema:
        """Return anything."""
        return {}


class ConditionNode(Anything, frozen=True):
    """A condition: a test, or a gate with tests below it."""

    def schema(self) -> Schema:
        """Return a reference to the schema of conditions."""
        return {"$ref": "#/$defs/condition"}


class WordsByName(Anything, frozen=True):
    """A mapping of findings or parameters to what was given of them."""

    def schema(self) -> Schema:
        """Return a mapping to words; `schemas` fills in the names."""
        return {"type": ["object", "null"], "additionalProperties": Prose().schema()}


class Key(Struct, frozen=True):
    """A key of a form: the type of its value, and whether it has to be there."""

    type: Type
    required: bool = True


class Form(Struct, frozen=True):
    """A mapping with the keys given; unknown keys are faults, with the nearest names.

    With ``in_parts``, an optional key that cannot be read leaves the rest as it is.
    """

    name: str
    keys: Mapping[str, Key]
    in_parts: bool = False

    def read(self, node: Node, document: Document) -> Any:
        """Read a mapping into a dict of its keys; `MISSING` when one is that the rest cannot do without."""
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
                complete = complete and (value is not MISSING or (self.in_parts and not key_.required))
                if value is not MISSING:
                    values[name] = value
            elif key_.required:
                document.fault(f"{self.name} without '{name}'", f"Add '{name}:'.", node)
                complete = False
        return values if complete else MISSING

    def schema(self) -> Schema:
        """Return the keys."""
        return {
            "type": "object",
            "properties": {name: key.type.schema() for name, key in self.keys.items()},
            "required": [name for name, key in self.keys.items() if key.required],
            "additionalProperties": False,
        }
