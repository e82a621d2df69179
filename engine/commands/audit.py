"""The auditor's commands: list, show, trace, verify, prove, replay, respond, export and report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from engine.commands.recording import ledger_options, now, own_key, place_of, user
from engine.commands.terminal import Settings, colour, format_option, needing, print_data, print_text, width
from engine.errors import Fault, InputError

_number = click.argument("number", metavar="ID", type=click.IntRange(min=1, max=2**63 - 1))


@click.group()
def audit() -> None:
    """List, show, verify, prove, replay, answer and export the consultations of a ledger.

    'consult --record' and 'ask' write it. ID is the number of an entry.
    """


@contextmanager
def _opened(ledger: Path | None, key: Path | None = None) -> Iterator[Any]:
    with needing("audit"):
        from engine.ledger import open_ledger

    found = open_ledger(place_of(ledger, key).ledger)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def _progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far a long command is, and end it quietly at Ctrl-C."""
    done = 0
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def tell(number: int) -> None:
            nonlocal done
            if number - done >= 100 or number == length:
                bar.update(number - done)
                done = number

        try:
            yield tell
        except KeyboardInterrupt:
            click.echo(f"\nInterrupted after {done} of {length}. Nothing was changed; run it again.", err=True)
            sys.exit(130)


@audit.command("list")
@ledger_options
@click.option("--from", "first", metavar="DATE", help="Only those from this day on, such as 2026-11-24 (UTC).")
@click.option("--to", "last", metavar="DATE", help="Only those up to the end of this day.")
@click.option("--statement", metavar="ID", help="Only those in which this statement or conflict applied.")
@click.option("--status", metavar="STATUS", help="Only those with this status, such as indicated.")
@click.option("--knowledge", "digest", metavar="DIGEST", help="Only those under the knowledge that begins so.")
@click.option("--overridden", is_flag=True, help="Only those whose advice was ever overridden.")
@format_option
def list_(ledger: Path | None, key: Path | None, format_: str, **filters: Any) -> None:
    """List the consultations, the latest last."""
    with _opened(ledger, key) as found:
        from engine.rendering import ledger as page
        from engine.selection import read_selection, require_rule, select
        from engine.usage import decisions

        chosen = read_selection(**filters)
        if chosen.statement:
            require_rule(found, chosen.statement)
        decided = decisions(found)
        entries = list(select(found, chosen, decided))
    print_data(page.list_data(entries, decided), format_, lambda: page.render_list(entries, decided, width(), colour()))


@audit.command()
@_number
@ledger_options
def show(number: int, ledger: Path | None, key: Path | None) -> None:
    """Show a consultation as it was shown then.

    Above it stand who recorded it, and what was decided on it.
    """
    with _opened(ledger, key) as found:
        from engine.rendering.ledger import render_envelope

        entry = _consultation(found, number)
        answers = [one for one in _entries(found) if one.to == number]
        _, shown = found.contents(entry)
        print_text(f"{render_envelope(entry, answers, found.id, width(), colour())}\n{shown.decode()}")


_VERIFY = "'ivig-mg audit verify' says what is damaged."


def _entries(ledger: Any) -> Iterator[Any]:
    from engine.records import read_entry

    return (read_entry(row.leaf) for row in ledger.rows())


def _consultation(ledger: Any, number: int) -> Any:
    """Return the entry of a consultation; an answer to one is none."""
    entry = ledger.entry(number)
    if entry.kind != "consultation":
        found = f"entry {number} is a decision on entry {entry.to}, not a consultation"
        raise InputError([Fault(found, f"Give {entry.to} for the consultation.")])
    return entry


@audit.command()
@_number
@ledger_options
@format_option
def trace(number: int, ledger: Path | None, key: Path | None, format_: str) -> None:
    """Show every statement considered, in order.

    Each has its premises and references; those left undetermined come last, with what they waited for.
    """
    with _opened(ledger, key) as found:
        from engine.rendering.ledger import render_trace
        from engine.replay import receipt_of, rule_base_of

        entry = _consultation(found, number)
        receipt = receipt_of(found, entry)
        knowledge = rule_base_of(found, entry.snapshot).knowledge
    print_data(receipt, format_, lambda: render_trace(entry, receipt, knowledge, width(), colour()))


@audit.command()
@ledger_options
@click.option("--checkpoint", type=click.Path(path_type=Path), metavar="FILE", help="Hold it against this checkpoint.")
@click.option(
    "--proof",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Verify this proof of inclusion against the checkpoint, without a ledger.",
)
@format_option
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
    with _opened(ledger, key) as found:
        from engine.auditing import verify as verify_ledger
        from engine.checkpoints import opened
        from engine.rendering import ledger as page

        kept = None
        if checkpoint is not None:
            kept = opened(_read(checkpoint).decode("utf-8", "replace"), found.id, found.public, str(checkpoint))
        with _progress("Verifying", found.size) as tell:
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
    from engine.errors import Place

    try:
        with open(path, "rb") as file:
            return file.read(LARGEST)
    except OSError as problem:
        found = f"it cannot be read: {problem.strerror}"
        raise InputError([Fault(found, "Check the path.", Place(str(path)))]) from None


@audit.command()
@ledger_options
def checkpoint(ledger: Path | None, key: Path | None) -> None:
    """Print a signed tree head, to keep elsewhere.

    What the ledger is now, it can be held against later.
    """
    with _opened(ledger, key) as found:
        print_text(_checkpoint(found, place_of(ledger, key).key))


def _checkpoint(ledger: Any, key: Path) -> str:
    from engine.checkpoints import Checkpoint, signed

    own, size = own_key(ledger, key), ledger.size
    return signed(Checkpoint(ledger.id, size, ledger.root(size)), own)


@audit.command()
@_number
@ledger_options
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), metavar="FILE", required=True, help="Prove it for this checkpoint."
)
def prove(number: int, ledger: Path | None, key: Path | None, checkpoint: Path) -> None:
    """Print a proof that a consultation stands in the ledger.

    Whoever holds the checkpoint verifies it without the ledger: 'audit verify --proof FILE --checkpoint FILE'.
    """
    with _opened(ledger, key) as found:
        from engine.checkpoints import opened
        from engine.contract import to_json
        from engine.evidence import prove as prove_entry

        kept = opened(_read(checkpoint).decode("utf-8", "replace"), found.id, found.public, str(checkpoint))
        if kept.size > found.size or found.root(kept.size) != kept.root:
            raise InputError([Fault("the ledger is not the one that the checkpoint was made of", _VERIFY)])
        print_text(to_json(prove_entry(found, _consultation(found, number), kept.size)))


@audit.command()
@click.argument("number", metavar="[ID]", type=click.IntRange(min=1, max=2**63 - 1), required=False)
@ledger_options
@click.option("--all", "everything", is_flag=True, help="Replay every consultation.")
@format_option
def replay(number: int | None, ledger: Path | None, key: Path | None, everything: bool, format_: str) -> None:
    """Give a consultation once more under its own knowledge.

    It comes out byte for byte, or the difference is told in words. Exit status 1 where one comes out otherwise.
    """
    if (number is None) is not everything:
        raise click.UsageError("Give the number of one entry, or '--all'.")
    with _opened(ledger, key) as found:
        from engine.rendering import ledger as page
        from engine.replay import consultations
        from engine.replay import replay as replay_one

        results, done = [], 0
        entries = consultations(found) if number is None else iter([_consultation(found, number)])
        with _progress("Replaying", found.size if everything else 1) as tell:
            for entry in entries:
                one = replay_one(found, entry)
                done += 1
                if one.differences or not everything:
                    results.append(one)
                tell(entry.number)
    print_data(page.replays_data(results, done), format_, lambda: page.render_replays(results, done, width(), colour()))
    if any(one.differences for one in results):
        sys.exit(1)


@audit.command()
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
def impact(settings: Settings, ledger: Path | None, key: Path | None, other: Path | None, format_: str) -> None:
    """Say which past consultations would read differently.

    They are told by the statement responsible. Without '--layer' each is judged with the layers that it had.
    """
    with _opened(ledger, key) as found:
        from engine.impacts import impact as impact_on
        from engine.rendering import ledger as page

        with _progress("Judging anew", found.size) as tell:
            result = impact_on(found, other or settings.knowledge, settings.layers, tell)
    print_data(page.impact_data(result), format_, lambda: page.render_impact(result, width(), colour()))


@audit.command()
@_number
@click.argument("decision", metavar="accepted|overridden", type=click.Choice(["accepted", "overridden"]))
@ledger_options
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="CODE",
    help="Why; may be given several times. '--reason help' lists the codes.",
)
@click.option("--text", default="", metavar="TEXT", help="More in words; never anything that names the patient.")
@click.option("--actor", metavar="NAME", help="Who decided; the name of the user if left out.")
def respond(
    number: int,
    decision: str,
    ledger: Path | None,
    key: Path | None,
    reasons: tuple[str, ...],
    text: str,
    actor: str | None,
) -> None:
    """Record a clinician's decision on a consultation."""
    with needing("audit"):
        from engine.records import REASONS, response

    if "help" in reasons:
        print_text("".join(f"{code}: {words}\n" for code, words in REASONS.items()))
        return
    with _opened(ledger, key) as found:
        entry = found.respond(response(number, decision, reasons, text, now(), user() if actor is None else actor))
    print_text(f"Recorded as entry {entry.number}: entry {number} {decision}.\n")


@audit.command()
@ledger_options
@click.option("--out", metavar="FILE", required=True, help="A new file that ends in '.jsonl', '.csv' or '.parquet'.")
def export(ledger: Path | None, key: Path | None, out: str) -> None:
    """Write all entries as a table for other programs."""
    with _opened(ledger, key) as found:
        with needing("audit"):
            from engine.exports import export as export_all

        with _progress("Exporting", found.size) as tell:
            path = export_all(found, out, tell)
    print_text(f"Exported to {path}.\n")


@audit.command()
@ledger_options
@click.option("--out", metavar="FILE", required=True, help="A new HTML file.")
@click.pass_obj
def report(settings: Settings, ledger: Path | None, key: Path | None, out: str) -> None:
    """Write how the guideline was used, as one HTML file.

    It tells what applied, was overridden or stayed open, and the grams advised by month.
    """
    with _opened(ledger, key) as found:
        with needing("audit"):
            from engine.rendering.usage import render_usage
        from engine.files import require_new, write_new
        from engine.loading import load
        from engine.usage import usage

        require_new(out)
        with _progress("Counting", found.size) as tell:
            counted = usage(found, tell)
        text = render_usage(counted, load(settings.knowledge, settings.layers))
    print_text(f"Report written to {write_new(out, text)}.\n")
