"""The receipt of a consultation: everything that went in and came out, as canonical JSON (RFC 8785).

A receipt holds no sentence of the knowledge, which its digest names, and nothing of who, when or of
whom: the same consultation has the same receipt. JSON's numbers are binary, so each exact decimal
stands as its digits in a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
import rfc8785
from msgspec import Meta, Struct

from engine import __version__
from engine.consultation import Consultation
from engine.contract import consultation_data
from engine.language import plain

FORMAT = "ivig-mg/receipt/1"

WORDS = ("says", "kind", "layer", "question", "reason", "citation", "title", "label")
"""The keys of the contract that tell what the knowledge says; its digest stands for them all."""

BY_NAME = ("findings", "derived", "unknown", "parameters")
"""The parts of the contract whose keys are names of the knowledge, which may be any words."""

LEFT_OUT = ("format", "not_covered")

Grams = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,99})?$")]


class Named(Struct, frozen=True):
    """A layer, or a note from outside the source."""

    id: str


class Judged(Struct, frozen=True):
    """A statement or a conflict."""

    id: str
    verdict: str
    missing: list[str]


class Advised(Struct, frozen=True):
    """A dose; ``of`` is the dose that it spreads, if it is none of its own."""

    total_g: Grams | None
    of: str = ""


class Open(Struct, frozen=True):
    """A question that stayed open."""

    finding: str


class Premise(Struct, frozen=True):
    """What a step of the trace rests on."""

    about: str
    truth: str


class Step(Struct, frozen=True):
    """A rule that was concluded."""

    step: int
    rule: str
    verdict: str
    premises: list[Premise]
    references: list[int | str]


class Setting(Struct, frozen=True):
    """A local parameter in force."""

    value: str


class Guideline(Struct, frozen=True):
    """The knowledge in force."""

    digest: str


class Receipt(Struct, frozen=True):
    """The form of a receipt: of its parts, those that are read again."""

    format: Literal["ivig-mg/receipt/1"]
    engine: str
    guideline: Guideline
    layers: list[Named]
    findings: dict[str, str]
    unknown: dict[str, str]
    parameters: dict[str, Setting]
    status: str
    statements: list[Judged]
    doses: list[Advised]
    conflicts: list[Judged]
    open_questions: list[Open]
    outside_source: list[Named]
    trace: list[Step]

    @property
    def considered(self) -> tuple[str, ...]:
        """The statements, then the conflicts, that were considered: all that the knowledge then had."""
        return tuple(one.id for one in (*self.statements, *self.conflicts))

    @property
    def applies(self) -> tuple[str, ...]:
        """The statements, then the conflicts, that apply."""
        return tuple(one.id for one in (*self.statements, *self.conflicts) if one.verdict == "applies")


def read_receipt(content: bytes) -> Receipt:
    """Return the receipt that a text states.

    Raises:
        ValueError: when it is not in the form of one.

    """
    try:
        return msgspec.json.decode(content, type=Receipt)
    except RecursionError:
        raise ValueError("too deep") from None


def receipt(consultation: Consultation) -> dict[str, Any]:
    """Return the receipt of a consultation as data."""
    contract = consultation_data(consultation)
    content = {key: part if key in BY_NAME else _without_words(part) for key, part in contract.items()}
    guideline = {key: value for key, value in content.pop("guideline").items() if key != "document"}
    kept = {key: value for key, value in content.items() if key not in LEFT_OUT}
    return {"format": FORMAT, "engine": __version__, "guideline": guideline, **kept}


def canonical(data: Any) -> bytes:
    """Return data as canonical JSON; decimals as text, digit for digit."""
    return rfc8785.dumps(_plain(data))


def digest(content: bytes) -> str:
    """Return the SHA-256 of canonical JSON, as 64 hexadecimal digits."""
    return sha256(content).hexdigest()


def _without_words(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _without_words(value) for key, value in content.items() if key not in WORDS}
    return [_without_words(part) for part in content] if isinstance(content, list) else content


def _plain(data: Any) -> Any:
    if isinstance(data, Decimal):
        return plain(data)
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    return [_plain(part) for part in data] if isinstance(data, list | tuple) else data
