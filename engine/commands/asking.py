"""The conversation: ask what matters, and list what is worth asking."""

from __future__ import annotations

import io
import shlex
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from engine.commands.patients import findings_of, in_force, parameters_of, rule_base
from engine.commands.recording import Envelope, record_where_possible, recording_options
from engine.commands.terminal import (
    Settings,
    case_argument,
    case_name,
    colour,
    format_option,
    print_data,
    print_text,
    width,
    write_report,
)
from engine.errors import Fault, InputError, counted, describe, shortened
from engine.findings import REASONS

MOST_TOLD = 8
"""How many other conversations are named at the most."""


@click.command("next")
@case_argument
@case_name
@format_option
@click.pass_obj
def next_(settings: Settings, case: str, name: str | None, format_: str) -> None:
    """List the questions worth asking next of the patient in CASE, with the reason for each."""
    from engine.rendering.plan import plan_data, render_plan

    base, findings = findings_of(settings, case, name)
    print_data(plan_data(base, findings), format_, lambda: render_plan(base, findings, width(), colour()))


@click.command()
@click.option("--case", "case", metavar="FILE", help="Begin with the findings of this case.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="latest",
    metavar="[NUMBER]",
    help="Go on with the conversation that was broken off last, or with the one of that number, finished or not.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the answers in this folder instead of the usual place.",
)
@click.option("--save", "save", metavar="FILE", help="At the end, write the case to this file.")
@click.option("--report", metavar="FILE", help="At the end, write a report for the notes: one HTML file.")
@click.option("--no-record", is_flag=True, help="At the end, do not record the consultation in the ledger.")
@recording_options
@click.pass_obj
def ask(
    settings: Settings,
    case: str | None,
    resume: str | None,
    journal: Path | None,
    save: str | None,
    report: str | None,
    no_record: bool,
    envelope: Envelope,
) -> None:
    """Ask what matters about one patient, say why, and end in the consultation.

    Each answer is on disk before the next question, and stays there until you delete the
    file, whose place is said at the end. The consultation is recorded in the ledger (see 'audit').
    Type 'help' at any question.
    """
    from engine.files import require_new
    from engine.rendering.dialogue import Dialogue

    if resume is not None and (case is not None or settings.parameters is not None):
        raise click.UsageError("'--resume' goes on with the case and the parameters that the conversation began with.")
    if save is not None and save == report:
        raise click.UsageError("'--save' and '--report' need two files.")
    for target in filter(None, [save, report]):
        require_new(target)
    conversation = _conversation(settings, journal or _usual_place(), resume, case)
    writers = _writers(conversation)
    dialogue = Dialogue(conversation, writers, width(), colour(), _go_on(settings, conversation, journal))
    _converse(dialogue)
    if dialogue.refused and not _is_typed():
        raise _slid(dialogue)
    for name, file in (("save", save), ("report", report)):
        if file is not None:
            print_text(writers[name](file))
    if dialogue.ended:
        if not no_record:
            print_text(record_where_possible(settings, conversation.consultation(), envelope))
        conversation.journal.finish()  # only now: until all of this is there, the conversation can be gone on with


def _go_on(settings: Settings, conversation: Any, journal: Path | None) -> str:
    """Return the command that goes on with a conversation under the same knowledge."""
    from engine.loading import SHIPPED

    words = ["ivig-mg", *(["--knowledge", str(settings.knowledge)] if settings.knowledge != SHIPPED else [])]
    words += [word for layer in settings.layers for word in ("--layer", str(layer))]
    words += ["ask", "--resume", str(conversation.journal.number)]
    return shlex.join([*words, *(["--journal", str(journal)] if journal is not None else [])])


def _conversation(settings: Settings, folder: Path, resume: str | None, case: str | None) -> Any:
    """Return the conversation that goes on, or a new one."""
    from engine.conversation import Conversation

    base = rule_base(settings)
    journal = _resumed(folder, resume) if resume is not None else _begun(settings, folder, base, case)
    conversation = Conversation(base, journal)
    gone = conversation.set_aside_what_cannot_be()
    if gone:
        print_text(f"Set aside, for the knowledge now in use does not take it: {', '.join(gone)}.\n\n")
    return conversation


def _writers(conversation: Any) -> dict[str, Any]:
    """Return what writes the files that can be asked for in a conversation."""
    return {
        "save": lambda file: _save(conversation, file),
        "report": lambda file: write_report(conversation.base, conversation.consultation(), file),
    }


def _converse(dialogue: Any) -> None:
    """Ask and listen until the conversation is over, or nobody answers any more."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # what is no text is no answer, and no traceback
    if _is_typed():
        _let_lines_be_edited()
    try:
        print_text(dialogue.opening())
        while not dialogue.over:
            if sys.stdin is None:
                raise EOFError
            print_text(dialogue.reply(input(dialogue.prompt() if _is_typed() else "")))
    except EOFError:
        print_text(dialogue.leave(ends=True))
    except KeyboardInterrupt:
        print_text(dialogue.leave())


def _is_typed() -> bool:
    """Whether somebody types the lines, and sees what is said to each."""
    return sys.stdin is not None and sys.stdin.isatty()


def _slid(dialogue: Any) -> InputError:
    """Return the error of piped lines that were no answers: nobody saw that the next ones answered in their place."""
    lines = ", ".join(f"'{shortened(line)}'" for line in dialogue.refused[:MOST_TOLD])
    found = f"{counted(len(dialogue.refused), 'line')} answered nothing that was asked: {lines}"
    remedy = f"The lines after may have answered another question. Nothing was recorded; 'review': {dialogue.go_on}"
    return InputError([Fault(found, remedy)])


def _let_lines_be_edited() -> None:
    """Let the arrows move in the line that is typed; no earlier line comes back, for it was another answer."""
    with suppress(ImportError):  # not on every system
        import readline

        readline.set_auto_history(False)
        readline.parse_and_bind("set enable-bracketed-paste off")


def _usual_place() -> Path:
    from platformdirs import user_state_path

    return user_state_path("ivig-mg", appauthor=False) / "conversations"


def _resumed(folder: Path, which: str) -> Any:
    """Return the journal of a conversation that was broken off: the latest that is free, or by its number."""
    from engine import journal
    from engine.rendering.page import Page

    kept, faults = journal.kept(folder)
    left = [one for one in kept if not one.finished]
    wanted = left if which == "latest" else [one for one in kept if which == str(one.number)]
    held = next((one for one in wanted if one.hold()), None)
    page = Page(width())
    for fault in faults:
        page.text(f"Left out: {describe(fault)}")
    others = [one for one in left if one is not held]
    if held is None:
        found = f"there is no conversation to go on with in {folder}"
        if wanted:
            found = f"conversation {wanted[0].number} is open in another window"
        told = "; ".join(f"{one.number} ({_in_short(one)})" for one in others[:MOST_TOLD])
        remedy = f"Others broken off: {told}." if others and not wanted else "Begin one with 'ivig-mg ask'."
        print_text(str(page) if faults else "")
        raise InputError([Fault(found, remedy)])
    page.text(f"Conversation {held.number}: {_in_short(held)}.")
    if others:
        page.text("Others broken off, which '--resume NUMBER' goes on with:")
    for one in others[:MOST_TOLD]:
        page.item(f"{one.number}", _in_short(one), 2)
    if len(others) > MOST_TOLD:
        page.text(f"and {len(others) - MOST_TOLD} before them, in {folder}", 2)
    print_text(f"{page}\n")
    return held


def _in_short(journal: Any) -> str:
    """Say what a conversation is about and when it was held, so that it can be told from others."""
    answers = journal.answers
    telling = [name for name in ("age_years", "sex", "actual_weight_kg") if name in answers]
    telling += [name for name, word in answers.items() if word not in ("no", *REASONS) and name not in telling]
    written = datetime.fromtimestamp(journal.path.stat().st_mtime, timezone.utc).astimezone()
    said = ", ".join(f"{name} {answers[name]}" for name in telling[:4])
    return f"{written:%Y-%m-%d %H:%M}, {counted(len(answers), 'answer')}{f', {said}' if said else ''}"


def _begun(settings: Settings, folder: Path, base: Any, case: str | None) -> Any:
    """Return a new journal, with the findings and parameters of a case if there is one."""
    from engine import journal
    from engine.cases import load_case
    from engine.findings import interpret

    chosen = load_case(case) if case is not None else None
    parameters = in_force(chosen.parameters if chosen is not None else {}, parameters_of(settings))
    findings = chosen.findings if chosen is not None else {}
    interpret(base.knowledge, findings, parameters)
    kept = journal.begin(folder, base.knowledge.digest, {name: given.text for name, given in parameters.items()})
    if findings:
        kept.keep({name: given.text for name, given in findings.items()})
    return kept


def _save(conversation: Any, name: str) -> str:
    """Write the answers as a case file, and say so."""
    from engine.files import write_new
    from engine.rendering.dialogue import case_text

    path = write_new(name, case_text(conversation.answers, conversation.journal.parameters))
    return f"Saved as {path}; 'ivig-mg consult {shlex.quote(str(path))}' reads it.\n"
