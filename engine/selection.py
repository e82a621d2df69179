"""Which consultations of a ledger are wanted: by day, statement, status, knowledge and decision."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from engine.consultation import STATUSES
from engine.decisions import Decisions
from engine.errors import Fault, InputError, did_you_mean, listed, shortened
from engine.ledger import Ledger
from engine.records import Entry
from engine.replay import consultations, rule_base_of


class Selection(Struct, frozen=True):
    """What a consultation has to be; what is empty asks for nothing. Days are in UTC."""

    first: str = ""
    last: str = ""
    statement: str = ""
    status: str = ""
    digest: str = ""
    overridden: bool = False


def read_selection(
    first: str | None, last: str | None, statement: str | None, status: str | None, digest: str | None, overridden: bool
) -> Selection:
    """Return what a user asked for.

    Raises:
        InputError: when a day, a status or a digest cannot be.

    """
    faults = [
        Fault(f"'{day}' is not a day", "Write it like 2026-11-24.")
        for day in (first, last)
        if day is not None and not _is_day(day)
    ]
    if status is not None and status not in STATUSES:
        faults.append(
            Fault(f"'{status}' is not a status", did_you_mean(status, STATUSES) or f"Use {listed(STATUSES, 'or')}.")
        )
    digest = digest.lower() if digest is not None else None
    if digest is not None and not re.fullmatch(r"[0-9a-f]{4,64}", digest):
        faults.append(Fault(f"'{digest}' does not begin a digest", "Give at least 4 of its hexadecimal digits."))
    if first is not None and last is not None and not faults and first > last:
        faults.append(Fault(f"from {first} to {last} runs backwards", "Put the earlier day first."))
    if faults:
        raise InputError(faults)
    return Selection(first or "", last or "", statement or "", status or "", digest or "", overridden)


def require_rule(ledger: Ledger, name: str) -> None:
    """Require that a statement or conflict is one of some knowledge that a ledger keeps.

    Raises:
        InputError: when it is not, with the nearest names.

    """
    known: set[str] = set()
    for snapshot, _ in ledger.snapshots():
        try:
            knowledge = rule_base_of(ledger, snapshot).knowledge
        except InputError:
            return  # what it knew cannot be told
        known |= {*knowledge.statements, *knowledge.conflicts}
    if name not in known:
        hint = did_you_mean(name, known) or "'ivig-mg show' lists them."
        raise InputError(
            [Fault(f"'{shortened(name)}' is no statement or conflict of any knowledge in the ledger", hint)]
        )


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def select(ledger: Ledger, wanted: Selection) -> Iterator[tuple[Entry, list[Entry]]]:
    """Yield the consultations that are wanted, each with the decisions on it."""
    decisions = Decisions(ledger)
    for entry in consultations(ledger):
        answers = decisions.on(entry.number)
        if (
            entry.time >= wanted.first
            and (not wanted.last or entry.time[:10] <= wanted.last)
            and (not wanted.statement or wanted.statement in entry.applies)
            and (not wanted.status or wanted.status == entry.status)
            and entry.knowledge.startswith(wanted.digest)
            and (not wanted.overridden or any(one.decision == "overridden" for one in answers))
        ):
            yield entry, answers
