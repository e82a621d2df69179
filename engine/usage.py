"""How a guideline was used, by its ledger: what applied how often, what was overridden, what stayed open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from engine.ledger import Ledger, Progress
from engine.records import CONSULTATION, Entry, read_entry
from engine.replay import receipt_of


class Grams(Struct):
    """The grams advised in a month: the least and the most of each consultation, added up."""

    consultations: int = 0
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(0)


class Usage(Struct):
    """What a ledger says of the use of a guideline; every count is of consultations.

    ``overridden`` counts, of the consultations in which a statement or conflict applied, those that were
    overridden. ``grams`` is by month; a consultation without a dose in grams is in none.
    """

    ledger: str
    first: str = ""
    last: str = ""
    consultations: int = 0
    responses: Mapping[str, int] = {}
    statuses: Mapping[str, int] = {}
    applied: Mapping[str, int] = {}
    overridden: Mapping[str, int] = {}
    reasons: Mapping[str, int] = {}
    open: Mapping[str, int] = {}
    grams: Mapping[str, Grams] = {}


def usage(ledger: Ledger, progress: Progress = lambda done: None) -> Usage:
    """Return how a guideline was used."""
    return _Counting(ledger, progress).count()


def decisions(ledger: Ledger) -> dict[int, list[Entry]]:
    """Return the decisions on each consultation that has any, the latest last: that one counts."""
    found: dict[int, list[Entry]] = {}
    for row in ledger.rows():
        entry = read_entry(row.leaf)
        if entry.kind != CONSULTATION:
            found.setdefault(entry.to, []).append(entry)
    return found


def grams_of(receipt: Mapping[str, Any]) -> tuple[Decimal, Decimal] | None:
    """Return the least and the most grams of a course that a consultation advised; None where it named none."""
    totals = [Decimal(dose["total_g"]) for dose in receipt["doses"] if "of" not in dose and dose["total_g"] is not None]
    return (min(totals), max(totals)) if totals else None


class _Counting:
    """One reading of a ledger, with the counts so far."""

    def __init__(self, ledger: Ledger, progress: Progress) -> None:
        self.ledger = ledger
        self.progress = progress
        self.decided = {number: made[-1] for number, made in decisions(ledger).items()}
        self.found = Usage(ledger.id)
        self.counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("statuses", "applied", "overridden", "open", "responses", "reasons")
        }
        self.grams: dict[str, Grams] = {}

    def count(self) -> Usage:
        for row in self.ledger.rows():
            entry = read_entry(row.leaf)
            if entry.kind == CONSULTATION:
                self.add(entry)
            self.progress(row.number)
        for decision in self.decided.values():
            self.counts["responses"][decision.decision] += 1
            self.counts["reasons"].update(decision.reasons)
        counted = {name: dict(sorted(counts.items(), key=_most_first)) for name, counts in self.counts.items()}
        for name, counts in counted.items():
            setattr(self.found, name, counts)
        self.found.grams = dict(sorted(self.grams.items()))
        return self.found

    def add(self, entry: Entry) -> None:
        found = self.found
        found.consultations += 1
        found.first, found.last = min(found.first or entry.time, entry.time), max(found.last, entry.time)
        self.counts["statuses"][entry.status] += 1
        self.counts["applied"].update(entry.applies)
        decision = self.decided.get(entry.number)
        if decision is not None and decision.decision == "overridden":
            self.counts["overridden"].update(entry.applies)
        receipt = receipt_of(self.ledger, entry)
        self.counts["open"].update(question["finding"] for question in receipt["open_questions"])
        grams = grams_of(receipt)
        if grams is not None:
            month = self.grams.setdefault(entry.time[:7], Grams())
            month.consultations += 1
            month.least, month.most = month.least + grams[0], month.most + grams[1]


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]
