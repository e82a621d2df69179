"""How a consultation gets into a ledger: by whom, of whom, and when."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime, timezone
from functools import wraps
from pathlib import Path
from typing import Any

import click
from msgspec import Struct
from msgspec.structs import replace

from engine.commands.ledgers import files_of, ledger_options, own_key, say_open_to_others, say_waiting
from engine.commands.terminal import NotInstalledError, Settings, needing
from engine.errors import Fault, InputError, describe


class Envelope(Struct, frozen=True):
    """What stands round a receipt, as it was asked for; what was not asked for is None."""

    ledger: Path | None
    key: Path | None
    actor: str | None
    patient: str | None

    @property
    def says_nothing(self) -> bool:
        """Whether none of it was asked for."""
        return all(value is None for value in (self.ledger, self.key, self.actor, self.patient))


def recording_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command say where, by whom and of whom a consultation is recorded: its ``envelope``."""

    @wraps(command)
    def with_envelope(
        *words: Any, ledger: Path | None, key: Path | None, actor: str | None, patient: str | None, **named: Any
    ) -> None:
        command(*words, envelope=Envelope(ledger, key, actor, patient), **named)

    patient = click.option(
        "--patient",
        metavar="REFERENCE",
        help="Record a keyed hash of this patient reference, never the reference itself.",
    )
    actor = click.option("--actor", metavar="NAME", help="Who consults; the name of the user if left out.")
    return actor(patient(ledger_options(with_envelope)))


def record_consultation(
    settings: Settings,
    consultation: Any,
    shown: str,
    envelope: Envelope,
) -> str:
    """Record a consultation as it is shown, and say so once it is on disk.

    Raises:
        InputError: when it cannot be recorded, or the key is that of another ledger.

    """
    files = files_of(envelope.ledger, envelope.key)
    with needing("audit"):
        from engine.ledger import begin_or_open
        from engine.records import name_of_actor, recording
    from engine.snapshots import snapshot_of

    actor = name_of_actor(user() if envelope.actor is None else envelope.actor)
    patient = None if envelope.patient is None else reference(envelope.patient)
    snapshot = snapshot_of(consultation.knowledge, settings.knowledge, settings.layers)
    one = recording(consultation, shown, snapshot.digest, now(), actor)
    say_open_to_others(files)
    kept = begin_or_open(files.ledger, files.key, lambda: say_waiting(files.ledger))
    try:
        own = own_key(kept, files.key) if patient is not None or envelope.key is not None else None
        if own is not None and patient is not None:
            one = replace(one, entry=replace(one.entry, patient=own.pseudonym(patient)))
        entry = kept.record(one, snapshot)
    finally:
        kept.close()
    return f"Recorded as entry {entry.number} of {files.ledger}.\n"


def record_where_possible(settings: Settings, consultation: Any, envelope: Envelope) -> str:
    """Record a consultation, or say what is not installed for it."""
    from engine.rendering.consultation import render_consultation

    try:
        return record_consultation(settings, consultation, render_consultation(consultation), envelope)
    except NotInstalledError as problem:
        return f"Not recorded: {describe(problem.faults[0])}\n"


def reference(words: str) -> str:
    """Return a patient reference in the one form that is hashed: composed, blanks folded.

    Raises:
        InputError: when nothing is left of it, or something in it cannot be printed.

    """
    folded = " ".join(unicodedata.normalize("NFC", words).split())
    if not folded.isprintable():
        found = "a patient reference with a sign in it that cannot be printed"
        raise InputError([Fault(found, "Give it as it is written, or leave '--patient' out.")])
    if not folded:
        raise InputError([Fault("a patient reference without a sign in it", "Give one, or leave '--patient' out.")])
    return folded


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def user() -> str:
    """Return the name of the user."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown user"
