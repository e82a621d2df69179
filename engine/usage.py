"""How a guideline was used, by its ledger: what applied how often, what was overridden, what stayed open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from engine.ledger import Ledger, Progress
from engine.records import CONSULTATION, Entry
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


class Decisions:
    """The decisions on each consultation of a ledger.

    Only their numbers are kept, and the entries read when they are asked for, so that memory stays small.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers: dict[int, list[int]] = {}
        for entry in ledger.entries():
            if entry.kind != CONSULTATION:
                self._numbers.setdefault(entry.to, []).append(entry.number)

    def on(self, consultation: int) -> list[Entry]:
        """Return the decisions on a consultation, the latest last: that one counts."""
        return [self._ledger.entry(number) for number in self._numbers.get(consultation, ())]


def grams_of(receipt: Mapping[str, Any]) -> tuple[Decimal, Decimal] | None:
    """Return the least and the most grams of a course that a consultation advised; None where it named none."""
    totals = [Decimal(dose["total_g"]) for dose in receipt["doses"] if "of" not in dose and dose["total_g"] is not None]
    return (min(totals), max(totals)) if totals else None


class _Counting:
    """One reading of a ledger, with the counts so far."""

    def __init__(self, ledger: Ledger, progress: Progress) -> None:
        self.ledger = ledger
        self.progress = progress
        self.decisions = Decisions(ledger)
        self.found = Usage(ledger.id)
        self.counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("statuses", "applied", "overridden", "open", "responses", "reasons")
        }
        self.grams: dict[str, Grams] = {}

    def count(self) -> Usage:
        for entry in self.ledger.entries():
            if entry.kind == CONSULTATION:
                self.add(entry)
            self.progress(entry.number)
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
        for decision in self.decisions.on(entry.number)[-1:]:
            self.counts["responses"][decision.decision] += 1
            self.counts["reasons"].update(decision.reasons)
            self.counts["overridden"].update(entry.applies if decision.decision == "overridden" else ())
        receipt = receipt_of(self.ledger, entry)
        self.counts["open"].update(question["finding"] for question in receipt["open_questions"])
        grams = grams_of(receipt)
        if grams is not None:
            month = self.grams.setdefault(entry.time[:7], Grams())
            month.consultations += 1
            month.least, month.most = month.least + grams[0], month.most + grams[1]


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]
