"""Ledgers for tests: some worked cases, recorded."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from engine import merkle
from engine.cases import Case
from engine.consultation import Consultation, consult
from engine.findings import interpret
from engine.ledger import Ledger, begin_or_open, open_ledger
from engine.loading import SHIPPED
from engine.receipts import digest
from engine.records import Recording, recording, stored
from engine.rendering.consultation import render_consultation
from engine.snapshots import Snapshot, snapshot_of
from tests.conftest import BASE, CASES

SNAPSHOT = snapshot_of(BASE.knowledge, SHIPPED, [])

Change = Callable[[dict[str, Any], list[bytes]], None]
"""Changes an entry as data, and its receipt and the text shown, in place."""

TIME = "2026-11-24T12:00:00Z"


def consulted(case: Case) -> Consultation:
    """Return the consultation of a worked case."""
    return consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters))


def recorded(case: Case, time: str = TIME, actor: str = "Dr. Ada") -> Recording:
    """Return what is to be recorded of a worked case."""
    consultation = consulted(case)
    return recording(consultation, render_consultation(consultation, "brief"), SNAPSHOT.digest, time, actor)


def ledger_of(path: Path, cases: Iterable[Case]) -> Ledger:
    """Return a new ledger that holds some worked cases."""
    ledger = begin_or_open(path, path.with_suffix(".key"))
    for case in cases:
        ledger.record(recorded(case), SNAPSHOT)
    return ledger


def forged(path: Path, change: Change) -> None:
    """Make a whole other ledger of the file of one: every digest and every hash fits what was changed."""
    ledger = open_ledger(path)
    tree = merkle.Growing()
    for row, packed in list(ledger.everything()):
        data, parts = json.loads(row.leaf), [b"", b""] if packed is None else [zlib.decompress(part) for part in packed]
        change(data, parts)
        if packed is not None:
            packed = zlib.compress(parts[0]), zlib.compress(parts[1])
            data |= {"receipt": digest(parts[0]), "shown": digest(parts[1]), "stored": stored(*packed)}
            ledger.database.execute(
                "UPDATE contents SET (receipt, shown) = (?, ?) WHERE number = ?", (*packed, row.number)
            )
        leaf = json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        hashes = b"".join(tree.add(merkle.leaf_hash(leaf)))
        ledger.database.execute(
            "UPDATE entries SET (leaf, hashes) = (?, ?) WHERE number = ?", (leaf, hashes, row.number)
        )
    ledger.close()


UNREAD = Snapshot(SNAPSHOT.content.replace(b"kind: comparison", b"sort: comparison"))
"""Knowledge as another version of the program may have it, which this one cannot read."""


def with_unread_knowledge(path: Path, cases: Iterable[Case] = CASES[:1]) -> Ledger:
    """Return a new ledger of some worked cases, and of one more under knowledge that this program cannot read."""
    one = recorded(CASES[1])
    ledger = ledger_of(path, cases)
    ledger.record(replace(one, entry=replace(one.entry, snapshot=UNREAD.digest)), UNREAD)
    return ledger


def spread(count: int) -> list[Case]:
    """Return so many worked cases from all over the library."""
    return [CASES[number * len(CASES) // count] for number in range(count)]
