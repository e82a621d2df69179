"""The ledger that a command works on: where it is, opened, and how far the work is."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

from engine.commands.terminal import needing
from engine.errors import Fault, InputError, Place

_Command = TypeVar("_Command", bound=Callable[..., Any])

number_argument = click.argument("number", metavar="ID", type=click.IntRange(min=1, max=2**63 - 1))


class LedgerFiles(Struct, frozen=True):
    """Where a ledger is, and its key."""

    ledger: Path
    key: Path


def _named(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a name without a sign in it, as an unset variable gives."""
    if path is not None and not path.name:
        raise click.BadParameter("an empty name; give the path of a file, or leave the option out.")
    return path


def ledger_options(command: _Command) -> _Command:
    """Let a command choose its ledger and the key of it."""
    key = click.option(
        "--key",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=_named,
        metavar="FILE",
        help="The key of the ledger, where it is not beside it.",
    )
    ledger = click.option(
        "--ledger",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=_named,
        metavar="FILE",
        help="Use this ledger instead of the one in the usual place.",
    )
    return ledger(key(command))


def files_of(ledger: Path | None, key: Path | None) -> LedgerFiles:
    """Return where the ledger and its key are: as chosen, or in the usual place."""
    from platformdirs import user_data_path

    chosen = ledger or user_data_path("ivig-mg", appauthor=False) / "ledger.sqlite"
    return LedgerFiles(chosen, key or chosen.with_suffix(".key"))


@contextmanager
def opened(ledger: Path | None, key: Path | None = None) -> Iterator[Any]:
    """Lend the ledger of a command; a key that was named has to be its own."""
    with needing("audit"):
        from engine.ledger import open_ledger

    path = files_of(ledger, key).ledger
    found = open_ledger(path, lambda: say_waiting(path))
    try:
        if key is not None:
            own_key(found, key)
        yield found
    finally:
        found.close()


def say_waiting(path: Path) -> None:
    """Say that another process has to be waited for."""
    click.echo(f"waiting for another process that uses {path} …", err=True)


def say_open_to_others(files: LedgerFiles) -> None:
    """Close a ledger and its key to others than their owner before it is written to, and say so."""
    from engine.storage import close_to_others

    for path in (files.ledger, files.key):
        click.echo(close_to_others(path), nl=False, err=True)


def consultation_in(ledger: Any, number: int) -> Any:
    """Return the entry of a consultation; an answer to one is none."""
    from engine.records import CONSULTATION

    entry = ledger.entry(number)
    if entry.kind != CONSULTATION:
        found = f"entry {number} is a decision on entry {entry.to}, not a consultation"
        raise InputError([Fault(found, f"Give {entry.to} for the consultation.")])
    return entry


def own_key(ledger: Any, path: Path) -> Any:
    """Return the key of a ledger from a file.

    Raises:
        InputError: when it cannot be read, or is the key of another ledger.

    """
    from engine.keys import read_key

    key = read_key(path)
    if key.public != ledger.public:
        found = "this is the key of another ledger"
        remedy = "Name the key of this ledger with '--key FILE'; nothing was recorded or signed."
        raise InputError([Fault(found, remedy, Place(str(path)))])
    return key


def interruptible(command: Callable[..., None]) -> Callable[..., None]:
    """Let a long command that changes nothing end quietly at Ctrl-C or when it is told to end, wherever it is."""

    @wraps(command)
    def ending_quietly(*words: Any, **named: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is half written goes with it
        try:
            command(*words, **named)
        except KeyboardInterrupt as problem:
            after = f" {problem}" if problem.args else ""
            click.echo(f"\nInterrupted{after}. Nothing was changed; run it again.", err=True)
            os._exit(130)  # an orderly exit would wait for whoever reads the rest of the output

    return ending_quietly


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far a long command is.

    Raises:
        KeyboardInterrupt: that says how far it was.

    """
    done = 0
    with click.progressbar(
        length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty(), update_min_steps=100
    ) as bar:

        def tell(number: int) -> None:
            nonlocal done
            bar.update(number - done)
            done = number

        try:
            yield tell
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"after {done} of {length}") from None
