"""The auditor's commands that hold a ledger to account: verify, checkpoint, prove, replay and impact."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from engine.commands.ledgers import (
    consultation_in,
    files_of,
    interruptible,
    ledger_options,
    number_argument,
    opened,
    own_key,
    progress,
)
from engine.commands.terminal import Settings, colour, format_option, needing, print_data, print_text, width
from engine.errors import Fault, InputError, Place


@click.command()
@ledger_options
@click.option("--checkpoint", type=click.Path(path_type=Path), metavar="FILE", help="Hold it against this checkpoint.")
@click.option(
    "--proof",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Verify this proof of inclusion against the checkpoint, without a ledger.",
)
@format_option
@interruptible
def verify(ledger: Path | None, key: Path | None, checkpoint: Path | None, proof: Path | None, format_: str) -> None:
    """Find everything that was altered since.

    Every changed byte, every entry removed, put elsewhere or, with a checkpoint, cut off.
    Exit status 1 where something was altered.
    """
    if proof is not None:
        if checkpoint is None:
            raise click.UsageError("'--proof' needs the checkpoint that it was made for: '--checkpoint FILE'.")
        _verify_proof(proof, checkpoint, format_)
        return
    with opened(ledger, key) as found:
        from engine.auditing import verify as verify_ledger
        from engine.checkpoints import opened as opened_note
        from engine.rendering import ledger as page

        kept = None
        if checkpoint is not None:
            kept = opened_note(_read(checkpoint).decode("utf-8", "replace"), found.id, found.public, str(checkpoint))
        with progress("Verifying", found.size) as tell:
            result = verify_ledger(found, kept, tell)
    print_data(page.verification_data(result), format_, lambda: page.render_verification(result, width(), colour()))
    if result.breaches:
        sys.exit(1)


def _verify_proof(proof: Path, checkpoint: Path, format_: str) -> None:
    with needing("audit"):
        from engine.evidence import check, read_inclusion
    from engine.rendering.ledger import render_inclusion

    note = _read(checkpoint).decode("utf-8", "replace")
    entry, receipt, kept = check(read_inclusion(_read(proof), str(proof)), note, str(proof), str(checkpoint))
    data = {
        "format": "ivig-mg/proven/1",
        "ledger": kept.ledger,
        "size": kept.size,
        "number": entry.number,
        "receipt": receipt,
    }
    print_data(data, format_, lambda: render_inclusion(entry, kept, width(), colour()))


def _read(path: Path) -> bytes:
    from engine.documents import LARGEST

    try:
        with open(path, "rb") as file:
            return file.read(LARGEST)
    except OSError as problem:
        found = f"it cannot be read: {problem.strerror}"
        raise InputError([Fault(found, "Check the path.", Place(str(path)))]) from None


@click.command()
@ledger_options
def checkpoint(ledger: Path | None, key: Path | None) -> None:
    """Print a signed tree head, to keep elsewhere.

    What the ledger is now, it can be held against later. Of the entries, only their hashes are held against each
    other before: 'audit verify' looks at the rest.
    """
    with opened(ledger, key) as found:
        print_text(_checkpoint(found, files_of(ledger, key).key))


def _checkpoint(ledger: Any, key: Path) -> str:
    from engine.checkpoints import Checkpoint, signed
    from engine.evidence import head

    own = own_key(ledger, key)
    return signed(Checkpoint(ledger.id, *head(ledger)), own)


@click.command()
@number_argument
@ledger_options
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), metavar="FILE", required=True, help="Prove it for this checkpoint."
)
def prove(number: int, ledger: Path | None, key: Path | None, checkpoint: Path) -> None:
    """Print a proof that a consultation stands in the ledger.

    Whoever holds the checkpoint verifies it without the ledger: 'audit verify --proof FILE --checkpoint FILE'.
    """
    with opened(ledger, key) as found:
        from engine.checkpoints import opened as opened_note
        from engine.contract import to_json
        from engine.evidence import prove as prove_entry

        kept = opened_note(_read(checkpoint).decode("utf-8", "replace"), found.id, found.public, str(checkpoint))
        if kept.size > found.size or found.root(kept.size) != kept.root:
            remedy = "'ivig-mg audit verify' says what is damaged."
            raise InputError([Fault("the ledger is not the one that the checkpoint was made of", remedy)])
        print_text(to_json(prove_entry(found, consultation_in(found, number), kept.size)))


@click.command()
@click.argument("number", metavar="[ID]", type=click.IntRange(min=1, max=2**63 - 1), required=False)
@ledger_options
@click.option("--all", "everything", is_flag=True, help="Replay every consultation.")
@format_option
@interruptible
def replay(number: int | None, ledger: Path | None, key: Path | None, everything: bool, format_: str) -> None:
    """Give a consultation once more under its own knowledge.

    It comes out byte for byte, or the difference is told in words. Exit status 1 where one comes out otherwise.
    """
    if (number is None) is not everything:
        raise click.UsageError("Give the number of one entry, or '--all'.")
    with opened(ledger, key) as found:
        from engine.rendering import ledger as page
        from engine.replay import Replays, consultations

        entries = consultations(found) if number is None else iter([consultation_in(found, number)])
        with progress("Replaying", number or found.size) as tell:
            replays = Replays(found, entries, tell)
            parts = page.replays_json(replays) if format_ == "json" else page.render_replays(replays, width(), colour())
            for part in parts:  # as it is replayed: what differs may be larger than the memory
                print_text(part)
    if replays.differing:
        sys.exit(1)


@click.command()
@ledger_options
@click.option(
    "--knowledge",
    "other",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The knowledge to judge them by; the one in use if left out.",
)
@format_option
@click.pass_obj
@interruptible
def impact(settings: Settings, ledger: Path | None, key: Path | None, other: Path | None, format_: str) -> None:
    """Say which past consultations would read differently.

    They are told by the statement responsible. Without '--layer' each is judged with the layers that it had,
    and always with its own local parameters.
    """
    if settings.parameters is not None:
        raise click.UsageError("Each is judged with the local parameters that it had: leave '--parameters' out.")
    with opened(ledger, key) as found:
        from engine.impacts import impact as impact_on
        from engine.rendering import ledger as page

        with progress("Judging anew", found.size) as tell:
            result = impact_on(found, other or settings.knowledge, settings.layers, tell)
    print_data(page.impact_data(result), format_, lambda: page.render_impact(result, width(), colour()))
