"""How a guideline was used, by its ledger: what applied how often, what was overridden, what stayed open."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from msgspec import Struct

from engine.decisions import Decisions
from engine.errors import KnowledgeError
from engine.ledger import Ledger, Progress
from engine.model import Knowledge
from engine.records import CONSULTATION, Entry
from engine.replay import receipt_of
from engine.snapshots import knowledge_of

LATEST = 200
"""How many overrides are told; the others are only counted."""


class Grams(Struct):
    """The grams advised in a month: the least and the most of each consultation, added up."""

    consultations: int = 0
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(0)


class Override(Struct, frozen=True, order=True):
    """A decision against the advice of a consultation: why, about what, and all that had applied there."""

    number: int
    to: int
    time: str
    about: tuple[str, ...]
    applied: tuple[str, ...]
    reasons: tuple[str, ...]
    text: str


class Usage(Struct):
    """What a ledger says of the use of a guideline; every count is of consultations.

    ``statements`` and ``conflicts`` count those that applied; ``overridden``, of these, the consultations that
    were overridden; ``doubted`` the overrides that are about one. ``overrides`` has the latest, the last first.
    ``grams`` is by month; a consultation without a dose in grams is in none. ``says`` and ``title`` are the words
    of the knowledge that the ledger keeps, the latest where they differ.
    """

    ledger: str
    first: str = ""
    last: str = ""
    consultations: int = 0
    responses: Mapping[str, int] = {}
    statuses: Mapping[str, int] = {}
    statements: Mapping[str, int] = {}
    conflicts: Mapping[str, int] = {}
    overridden: Mapping[str, int] = {}
    doubted: Mapping[str, int] = {}
    reasons: Mapping[str, int] = {}
    overrides: Sequence[Override] = ()
    open: Mapping[str, int] = {}
    grams: Mapping[str, Grams] = {}
    says: Mapping[str, str] = {}
    title: str = ""


def usage(ledger: Ledger, progress: Progress = lambda done: None) -> Usage:
    """Return how a guideline was used."""
    return _Counting(ledger, progress).count()


def grams_of(receipt: Mapping[str, Any]) -> tuple[Decimal, Decimal] | None:
    """Return the least and the most grams of a course that a consultation advised; None where it named none."""
    totals = [Decimal(dose["total_g"]) for dose in receipt["doses"] if "of" not in dose and dose["total_g"] is not None]
    return (min(totals), max(totals)) if totals else None


COUNTED = ("statuses", "statements", "conflicts", "overridden", "doubted", "open", "responses", "reasons")


class _Counting:
    """One reading of a ledger, with the counts so far."""

    def __init__(self, ledger: Ledger, progress: Progress) -> None:
        self.ledger = ledger
        self.progress = progress
        self.decisions = Decisions(ledger)
        self.found = Usage(ledger.id)
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
        self.grams: dict[str, Grams] = {}
        self.overrides: list[Override] = []

    def count(self) -> Usage:
        for entry in self.ledger.entries():
            if entry.kind == CONSULTATION:
                self.add(entry)
            self.progress(entry.number)
        counted = {name: dict(sorted(counts.items(), key=_most_first)) for name, counts in self.counts.items()}
        for name, counts in counted.items():
            setattr(self.found, name, counts)
        self.found.grams = dict(sorted(self.grams.items()))
        self.found.overrides = sorted(self.overrides, reverse=True)
        for knowledge in _readable(self.ledger):
            self.found.title = knowledge.guideline.title
            self.found.says = {**self.found.says, **_says(knowledge)}
        return self.found

    def add(self, entry: Entry) -> None:
        found = self.found
        found.consultations += 1
        found.first, found.last = min(found.first or entry.time, entry.time), max(found.last, entry.time)
        self.counts["statuses"][entry.status] += 1
        receipt = receipt_of(self.ledger, entry)
        conflicts = {conflict["id"] for conflict in receipt["conflicts"]}
        self.counts["conflicts"].update(name for name in entry.applies if name in conflicts)
        self.counts["statements"].update(name for name in entry.applies if name not in conflicts)
        for decision in self.decisions.on(entry.number)[-1:]:
            self.counts["responses"][decision.decision] += 1
            self.counts["reasons"].update(decision.reasons)
            if decision.decision == "overridden":
                self.override(entry, decision)
        self.counts["open"].update(question["finding"] for question in receipt["open_questions"])
        grams = grams_of(receipt)
        if grams is not None:
            month = self.grams.setdefault(entry.time[:7], Grams())
            month.consultations += 1
            month.least, month.most = month.least + grams[0], month.most + grams[1]

    def override(self, entry: Entry, decision: Entry) -> None:
        self.counts["overridden"].update(entry.applies)
        self.counts["doubted"].update(decision.about)
        one = Override(
            decision.number, entry.number, decision.time, decision.about, entry.applies, decision.reasons, decision.text
        )
        heapq.heappush(self.overrides, one)
        if len(self.overrides) > LATEST:
            heapq.heappop(self.overrides)


def _readable(ledger: Ledger) -> Iterator[Knowledge]:
    """Yield each knowledge of a ledger, the latest last; one that this program cannot read has no words."""
    for name in [name for name, _ in ledger.snapshots()]:
        with suppress(ValueError, KnowledgeError):
            yield knowledge_of(ledger.snapshot(name))


def _says(knowledge: Knowledge) -> dict[str, str]:
    findings = {name: finding.asks for name, finding in knowledge.findings.items()}
    statements = {name: statement.says for name, statement in knowledge.statements.items()}
    return {**findings, **statements, **{name: conflict.says for name, conflict in knowledge.conflicts.items()}}


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]
