"""Some patients of a cohort given a consultation once more, by experta, and everything compared."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from engine.cohorts.lists import has_names
from engine.cohorts.query import judged_rules
from engine.compiler import RuleBase
from engine.consultation import Consultation, consult
from engine.contract import dose_data
from engine.dosing import Dose
from engine.errors import EngineError, Fault, InputError
from engine.findings import Given, interpret
from engine.language import plain
from engine.model import Knowledge, Value
from engine.questions import open_questions

Cells = Mapping[str, str | None]
"""What stands in the cells of the findings of one row, as text."""


def drawn(count: int, total: int, seed: int) -> list[int]:
    """Return so many of the numbers from 1 to a total, drawn by a seed, in order; alike on every machine."""
    found: set[int] = set()
    for draw in itertools.count():
        if len(found) >= min(count, total):
            return sorted(found)
        found.add(1 + int.from_bytes(sha256(f"{seed} {draw}".encode()).digest(), "big") % total)
    raise AssertionError("counting has no end")


def require_alike(
    base: RuleBase, parameters: Mapping[str, Value], rows: Mapping[int, tuple[Cells, Mapping[str, Any]]]
) -> None:
    """Require of rows, by number, that their answers are those of a consultation.

    Raises:
        EngineError: with the first difference of each row that has one.

    """
    in_force = {
        name: Given(plain(value) if isinstance(value, Decimal) else value) for name, value in parameters.items()
    }
    faults = []
    for number, (cells, answer) in rows.items():
        given = {name: Given(word) for name, word in cells.items() if word is not None and word.strip()}
        try:
            expected = answer_of(consult(base, interpret(base.knowledge, given, in_force)))
        except InputError as problem:
            faults.append(Fault(f"row {number} was judged, but a consultation refuses it: {problem.faults[0].found}"))
            continue
        difference = next(_differences(expected, answer), "")
        if difference:
            faults.append(Fault(f"row {number} is answered otherwise than by a consultation: {difference}"))
    if faults:
        raise EngineError([*faults, Fault("no result was written", "Please report this with the rows.")])


def answer_of(consultation: Consultation) -> dict[str, Any]:
    """Return the answer of a consultation as a row of a cohort has it."""
    knowledge = consultation.knowledge
    rules = judged_rules(knowledge)
    asked = {question.finding for question in open_questions(consultation)}
    return {
        "status": consultation.status,
        **{name: consultation.verdicts[name].verdict for name in rules},
        "doses": [_dose(knowledge, dose) for dose in consultation.doses],
        "open": [name for name in knowledge.findings if name in asked],
    }


def _dose(knowledge: Knowledge, dose: Dose) -> dict[str, Any]:
    """Return a dose as a cohort has it: every key in every dose, and references of one type."""
    found = {"of": None, "reading": None, **dose_data(dose)}
    if has_names(knowledge):
        found["references"] = [str(key) for key in dose.references]
    return {**found, "layer": knowledge.layer_of.get(dose.statement)} if knowledge.layers else found


def _differences(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.items():
        if answer.get(name) != value:
            yield f"{name} is {answer.get(name)}, not {value}"
