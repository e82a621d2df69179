"""Ledgers for tests: some worked cases, recorded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.cases import Case
from engine.consultation import consult
from engine.findings import interpret
from engine.ledger import Ledger, begin_or_open
from engine.loading import SHIPPED
from engine.records import Recording, recording
from engine.rendering.consultation import render_consultation
from engine.snapshots import snapshot_of
from tests.conftest import BASE, CASES

SNAPSHOT = snapshot_of(BASE.knowledge, SHIPPED, [])

TIME = "2026-11-24T12:00:00Z"


def recorded(case: Case, time: str = TIME, actor: str = "Dr. Ada") -> Recording:
    """Return what is to be recorded of a worked case."""
    consultation = consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters))
    return recording(consultation, render_consultation(consultation, "brief"), SNAPSHOT.digest, time, actor)


def ledger_of(path: Path, cases: Iterable[Case]) -> Ledger:
    """Return a new ledger that holds some worked cases."""
    ledger = begin_or_open(path, path.with_suffix(".key"))
    for case in cases:
        ledger.record(recorded(case), SNAPSHOT)
    return ledger


def spread(count: int) -> list[Case]:
    """Return so many worked cases from all over the library."""
    return [CASES[number * len(CASES) // count] for number in range(count)]
