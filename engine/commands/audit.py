"""The auditor's commands: list, show, trace, respond, export and report, and with them those of `proving`."""

from __future__ import annotations

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
    progress,
    say_open_to_others,
)
from engine.commands.proving import checkpoint, impact, prove, replay, verify
from engine.commands.recording import now, user
from engine.commands.terminal import colour, format_option, needing, print_data, print_text, width


@click.group()
def audit() -> None:
    """List, show, verify, prove, replay, answer and export the consultations of a ledger.

    'consult --record' and 'ask' write it. ID is the number of an entry.
    """


for _command in (checkpoint, impact, prove, replay, verify):
    audit.add_command(_command)


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
    with opened(ledger, key) as found:
        from engine.rendering import ledger as page
        from engine.selection import read_selection, require_rule, select

        chosen = read_selection(**filters)
        if chosen.statement:
            require_rule(found, chosen.statement)
        entries = select(found, chosen)
        parts = (
            page.list_json(entries) if format_ == "json" else page.render_list(entries, len(str(found.size)), width())
        )
        for part in parts:  # as it is read: a ledger may be larger than the memory
            print_text(part)


@audit.command()
@number_argument
@ledger_options
def show(number: int, ledger: Path | None, key: Path | None) -> None:
    """Show a consultation as it was shown then.

    Above it stand who recorded it, and what was decided on it.
    """
    with opened(ledger, key) as found:
        from engine.rendering.ledger import render_envelope

        entry = consultation_in(found, number)
        answers = [one for one in found.entries(number + 1) if one.to == number]
        _, shown = found.contents(entry)
        print_text(f"{render_envelope(entry, answers, found.id, width(), colour())}\n{shown.decode()}")


@audit.command()
@number_argument
@ledger_options
@format_option
def trace(number: int, ledger: Path | None, key: Path | None, format_: str) -> None:
    """Show every statement considered, in order.

    Each has its premises and references; those left undetermined come last, with what they waited for.
    """
    with opened(ledger, key) as found:
        from engine.rendering.ledger import render_trace
        from engine.replay import receipt_of, rule_base_of

        entry = consultation_in(found, number)
        receipt = receipt_of(found, entry)
        knowledge = rule_base_of(found, entry.snapshot).knowledge
    print_data(receipt, format_, lambda: render_trace(entry, receipt, knowledge, width(), colour()))


@audit.command()
@number_argument
@click.argument("decision", metavar="accepted|overridden", type=click.Choice(["accepted", "overridden"]))
@ledger_options
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="CODE",
    help="Why; may be given several times. '--reason help' lists the codes.",
)
@click.option(
    "--statement",
    "about",
    multiple=True,
    metavar="ID",
    help="The statement or conflict that it is about; may be given several times.",
)
@click.option("--text", default="", metavar="TEXT", help="More in words; never anything that names the patient.")
@click.option("--actor", metavar="NAME", help="Who decided; the name of the user if left out.")
def respond(
    number: int,
    decision: str,
    ledger: Path | None,
    key: Path | None,
    reasons: tuple[str, ...],
    about: tuple[str, ...],
    text: str,
    actor: str | None,
) -> None:
    """Record a clinician's decision on a consultation.

    The author of the guideline reads overrides in 'audit report'; '--statement' says what they are about.
    """
    with needing("audit"):
        from engine.records import REASONS, response

    if "help" in reasons:
        print_text("".join(f"{code}: {words}\n" for code, words in REASONS.items()))
        return
    say_open_to_others(files_of(ledger, key))
    with opened(ledger, key) as found:
        name = user() if actor is None else actor
        entry = found.respond(response(number, decision, reasons, text, now(), name, about))
    print_text(f"Recorded as entry {entry.number}: entry {number} {decision}.\n")


@audit.command()
@ledger_options
@click.option("--out", metavar="FILE", required=True, help="A new file that ends in '.jsonl', '.csv' or '.parquet'.")
@interruptible
def export(ledger: Path | None, key: Path | None, out: str) -> None:
    """Write all entries as a table for other programs.

    In CSV and Parquet each finding has a column of its own, 'finding.NAME'. In CSV, what people wrote has a ' before
    it where a spreadsheet would take it for a formula.
    """
    with opened(ledger, key) as found:
        with needing("audit"):
            from engine.exports import export as export_all

        with progress("Exporting", found.size) as tell:
            path = export_all(found, out, tell)
    print_text(f"Exported to {path}.\n")


@audit.command()
@ledger_options
@click.option("--out", metavar="FILE", required=True, help="A new HTML file.")
@interruptible
def report(ledger: Path | None, key: Path | None, out: str) -> None:
    """Write how the guideline was used, as one HTML file.

    It tells what applied or stayed open, what was overridden and why, and the grams advised by month.
    """
    with opened(ledger, key) as found:
        with needing("audit"):
            from engine.rendering.usage import render_usage
        from engine.files import require_new, write_new
        from engine.usage import usage

        require_new(out)
        with progress("Counting", found.size) as tell:
            counted = usage(found, tell)
    print_text(f"Report written to {write_new(out, render_usage(counted))}.\n")
