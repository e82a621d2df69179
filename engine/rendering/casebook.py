"""Worked cases in words: what is known of each patient, and what is expected of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.cases import Case
from engine.errors import listed
from engine.model import Knowledge
from engine.rendering import words
from engine.rendering.page import numbers


class Line(Struct, frozen=True):
    """One thing said of a case, and the name it is about, if there is one.

    ``repeats`` is so where it only says again what stands under that name.
    """

    about: str
    says: str
    repeats: bool = False


class Worked(Struct, frozen=True):
    """A case as the handbook tells it; ``id`` is its own, whatever other cases are called."""

    id: str
    name: str
    layer: str
    says: str
    findings: Sequence[Line]
    expected: Sequence[tuple[str, Sequence[Line]]]
    about: frozenset[str]


def casebook(knowledge: Knowledge, cases: Mapping[str, Sequence[Case]]) -> list[Worked]:
    """Return cases in words; ``cases`` is by layer, those of the guideline itself under the empty name."""
    told: dict[str, Worked] = {}
    for layer, of_layer in cases.items():
        for case in of_layer:
            id_ = _free(f"case-{case.name}", told)
            told[id_] = _worked(knowledge, case, id_, layer)
    return list(told.values())


def _free(id_: str, taken: Mapping[str, Worked]) -> str:
    """Return an id, with a number where a case of the same name has it already."""
    alike = sum(worked.name == id_.removeprefix("case-") for worked in taken.values())
    return f"{id_}--{alike + 1}" if alike else id_


def _worked(knowledge: Knowledge, case: Case, id_: str, layer: str) -> Worked:
    given = {**case.findings, **case.parameters}
    findings = [Line(name, _given(knowledge, name, word.text)) for name, word in given.items()]
    expected = [
        (heading, list(tell(knowledge, case.expect[key])))
        for key, (heading, tell) in _EXPECTED.items()
        if key in case.expect
    ]
    about = frozenset([*given, *(line.about for _, lines in expected for line in lines)])
    return Worked(id_, case.name, layer, case.says, findings, expected, about)


def _given(knowledge: Knowledge, name: str, word: str) -> str:
    """Return a question, or what a local parameter says, with what the case gives for it."""
    known: Any = knowledge.findings.get(name) or knowledge.parameters.get(name)
    if known is None:
        return word
    asks = known.asks if name in knowledge.findings else f"{known.says}:"
    unit = f" {known.unit}" if known.unit and word.replace(".", "").isdigit() else ""
    return f"{asks} {word[:1].upper()}{word[1:].replace('_', ' ')}{unit}"


def _status(_knowledge: Knowledge, status: str) -> Iterator[Line]:
    yield Line("", words.status_name(status))


def _sentences(knowledge: Knowledge, names: Sequence[str]) -> Iterator[Line]:
    yield from (Line(name, words.sentence(knowledge, name), repeats=True) for name in names)


def _one(knowledge: Knowledge, name: str) -> Iterator[Line]:
    yield from _sentences(knowledge, [name])


def _fulfilled(_knowledge: Knowledge, truths: Mapping[str, str]) -> Iterator[Line]:
    yield from (Line(name, words.FULFILLED[truth]) for name, truth in truths.items())


def _references(_knowledge: Knowledge, references: Mapping[str, Sequence[Any]]) -> Iterator[Line]:
    yield from (Line(name, f"cites {numbers(cited)}") for name, cited in references.items())


def _kinds(_knowledge: Knowledge, kinds: Mapping[str, str]) -> Iterator[Line]:
    yield from (Line(name, kind.replace("_", " ")) for name, kind in kinds.items())


def _between(_knowledge: Knowledge, sides: Mapping[str, Sequence[str]]) -> Iterator[Line]:
    yield from (Line(name, f"sets {listed(list(names))} side by side") for name, names in sides.items())


def _doses(_knowledge: Knowledge, doses: Sequence[Mapping[str, str]]) -> Iterator[Line]:
    yield from (Line(dose["statement"], _dose(dose)) for dose in doses)
    if not doses:
        yield Line("", "none")


_READINGS = {"total": "course", "daily": "day"}


def _dose(dose: Mapping[str, str]) -> str:
    """Return an expected dose in words; what the case leaves out is left out."""
    known = {key: word for key, word in dose.items() if word != "null"}
    weight = f" × {known['weight_kg']} kg" if "weight_kg" in known else ""
    basis = f" {known['weight_basis'].replace('_', ' ')} weight" if "weight_basis" in known else ""
    of = f"for {dose['of']}" if "of" in dose else ""
    reading = f"read of the {_READINGS[dose['reading']]}" if "reading" in dose else ""
    total = f"{known['total_g']} g in all" if "total_g" in known else "no grams" if "total_g" in dose else ""
    daily = f"{known['daily_g']} g a day" if "daily_g" in known else ""
    days = f"over {known['days']} days" if "days" in known else "days that do not fit" if "days" in dose else ""
    parts = (of, reading, f"{dose['g_per_kg']} g/kg{weight}{basis}", total, daily, days)
    return ", ".join(filter(None, parts))


_EXPECTED: Mapping[str, tuple[str, Callable[[Knowledge, Any], Iterator[Line]]]] = {
    "status": ("Status", _status),
    "applies": ("Applies", _sentences),
    "undetermined": ("Undetermined", _sentences),
    "ruled_out": ("Ruled out", _sentences),
    "fulfilled": ("What is asked for", _fulfilled),
    "doses": ("Doses", _doses),
    "references": ("References", _references),
    "kinds": ("Kinds of statement", _kinds),
    "between": ("What the conflicts set side by side", _between),
    "first": ("To be asked first", _one),
    "open": ("Worth asking", _sentences),
    "closed": ("Not worth asking", _sentences),
}
"""What a case can expect: its heading, and how it is told."""
