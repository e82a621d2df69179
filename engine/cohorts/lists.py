"""Doses and open findings as lists, for engines whose tables can hold lists of structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from engine.cohorts.amounts import Amount, Note, Slot
from engine.cohorts.truths import Sql, choose, column, every, negated, number, text, unknown
from engine.model import Knowledge

EXACT = "DECIMAL(18, 9)"
"""The type of grams and of grams per kilogram where nine decimals are enough."""

WIDEST = "DECIMAL(38, {})"


def doses(knowledge: Knowledge, slots: Sequence[Slot]) -> Sql:
    """Return the doses of a patient as a list of structures with the keys of the JSON contract."""
    decimals = max((amount.decimals for slot in slots for amount in (slot.total, slot.daily)), default=0)
    exact = EXACT if decimals <= 9 else WIDEST.format(decimals)
    cited = "TEXT" if has_names(knowledge) else "INT"
    by_regimen: dict[tuple[str, str | None], list[Slot]] = {}
    for slot in slots:
        by_regimen.setdefault((slot.statement, slot.of), []).append(slot)
    if not slots:
        return _present([exp.null()])
    return _concatenated(
        [
            _where(
                every(*(column(name) for name in of if name)),
                _present([choose((slot.when, _structure(knowledge, slot, exact, cited))) for slot in those]),
            )
            for of, those in by_regimen.items()
        ]
    )


def has_names(knowledge: Knowledge) -> bool:
    """Return whether some references are names, as those of layers are; then all stand as text."""
    return any(isinstance(key, str) for key in knowledge.references)


def open_findings(columns: Mapping[str, Sql]) -> Sql:
    """Return the names of the findings that are open, as a list."""
    return _present([choose((is_open, text(name))) for name, is_open in columns.items()])


def _structure(knowledge: Knowledge, slot: Slot, exact: str, cited: str) -> Sql:
    layer = knowledge.layer_of.get(slot.statement)
    parts: dict[str, Sql] = {
        "statement": text(slot.statement),
        "of": _text_or_null(slot.of),
        "reading": _text_or_null(slot.reading),
        "weight_basis": exp.cast(slot.basis.words.copy(), "TEXT"),
        "weight_kg": exp.cast(column(slot.basis.weight), exact),
        "g_per_kg": exp.cast(number(slot.g_per_kg), exact),
        "total_g": _grams(slot.total, exact),
        "days": exp.cast(exp.null() if slot.days is None else exp.Literal.number(slot.days), "INT"),
        "daily_g": _grams(slot.daily, exact),
        "references": exp.Array(expressions=[exp.cast(text(str(key)), cited) for key in slot.references]),
        "notes": _notes(slot.notes),
        **({"layer": _text_or_null(layer)} if knowledge.layers else {}),
    }
    return exp.Struct(
        expressions=[exp.PropertyEQ(this=exp.to_identifier(key), expression=part) for key, part in parts.items()]
    )


def _text_or_null(words: str | None) -> Sql:
    return exp.cast(exp.null() if words is None else text(words), "TEXT")


def _grams(amount: Amount, exact: str) -> Sql:
    return exp.cast(amount.grams.copy(), exact)


def _notes(notes: Sequence[Note]) -> Sql:
    words = [
        note.words.copy() if note.when is None else choose((note.when.copy(), note.words.copy())) for note in notes
    ]
    if all(note.when is None for note in notes):
        return exp.cast(exp.Array(expressions=words), "ARRAY<TEXT>")
    return _present(words)


def _where(condition: Sql, items: Sql) -> Sql:
    """Return a list where a condition holds, else an empty one: most patients get few of all doses."""
    return choose((condition, items), default=exp.Array(expressions=[]))


def _concatenated(lists: Sequence[Sql]) -> Sql:
    return exp.Flatten(this=exp.Array(expressions=list(lists))) if len(lists) > 1 else lists[0]


def _present(items: Sequence[Sql]) -> Sql:
    """Return a list without those items that are NULL."""
    item = exp.to_identifier("item")
    is_there = exp.Lambda(this=negated(unknown(exp.column(item.copy()))), expressions=[item])
    return exp.ArrayFilter(this=exp.Array(expressions=list(items)), expression=is_there)
