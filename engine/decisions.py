"""What clinicians decided on the consultations of a ledger."""

from __future__ import annotations

from engine.ledger import Ledger
from engine.records import CONSULTATION, Entry


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
