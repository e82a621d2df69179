"""The command line: arguments in, one call, text out, and an exit status.

Exit status 0: an answer was given, whatever it says. 1: the input or the knowledge is at fault.
2: the command was used wrongly. It and `engine.commands`, which holds the larger groups of commands
and is loaded when one of them is asked for, are the only users of click.
"""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from engine import __version__
from engine.cache import load
from engine.commands.patients import consultation_of
from engine.commands.recording import Envelope, record_consultation, recording_options
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
from engine.errors import IvigError
from engine.loading import SHIPPED

# At the end all memory goes back at once, so the collector need not go through it before. What was written is flushed
# and every exit handler runs as ever: this one is registered first, and so runs last.
atexit.register(gc.freeze)

LOADED_LATER = {
    "audit": "audit:audit",
    "ask": "asking:ask",
    "cohort": "cohorts:cohort",
    "knowledge": "knowledge:knowledge",
    "next": "asking:next_",
}
"""Commands that are imported only when they are asked for, by their place in `engine.commands`."""


class Program(click.Group):
    """The program: turns an error of the engine into text on standard error and exit status 1."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(context), *LOADED_LATER])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command, importing it where it is one that is loaded later."""
        if name not in LOADED_LATER:
            return super().get_command(context, name)
        module, _, attribute = LOADED_LATER[name].partition(":")
        command: click.Command = getattr(import_module(f"engine.commands.{module}"), attribute)
        return command

    def invoke(self, context: click.Context) -> None:
        """Run a command; an error of the engine ends it with exit status 1."""
        try:
            super().invoke(context)
        except IvigError as problem:
            click.echo(f"ivig-mg: {problem}", err=True)
            context.exit(1)
        except KeyboardInterrupt:
            click.echo("ivig-mg: interrupted", err=True)
            context.exit(130)
        except BrokenPipeError:
            raise  # click ends quietly when nobody reads on
        except OSError as problem:
            click.echo(f"ivig-mg: the output cannot be written: {problem.strerror}", err=True)
            os._exit(1)  # an orderly exit would try to write once more


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--knowledge",
    type=click.Path(path_type=Path),
    default=SHIPPED,
    metavar="DIR",
    help="Use the knowledge base in this folder instead of the shipped one.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Lay the statements of another source over it, each labelled; may be given several times.",
)
@click.option(
    "--parameters",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Set local parameters from this file; each use is labelled as not from the source.",
)
@click.version_option(__version__, prog_name="ivig-mg")
@click.pass_context
def main(context: click.Context, knowledge: Path, layers: tuple[Path, ...], parameters: Path | None) -> None:
    """A guideline on immunoglobulin (IVIG) in myasthenia gravis (MG), applied and explained.

    It supports clinical judgement and does not replace it.
    """
    context.obj = Settings(knowledge, layers, parameters)


@main.command()
@case_argument
@case_name
@format_option
@click.option("--brief", is_flag=True, help="Only what matters at the bedside.")
@click.option("--full", is_flag=True, help="Everything, with what was ruled out and the trace.")
@click.option("--report", metavar="FILE", help="Also write a report for the notes: one HTML file.")
@click.option("--record", "recorded", is_flag=True, help="Also record it in the ledger (see 'audit').")
@recording_options
@click.pass_obj
def consult(
    settings: Settings,
    case: str,
    name: str | None,
    format_: str,
    brief: bool,
    full: bool,
    report: str | None,
    recorded: bool,
    envelope: Envelope,
) -> None:
    """Say what the guideline says of the patient in CASE.

    CASE is a YAML file with the patient's findings, or - for standard input.
    """
    from engine.contract import consultation_data, to_json

    if brief + full + (format_ == "json") > 1:
        raise click.UsageError("'--brief', '--full' and '--format json' exclude each other.")
    if not recorded and not envelope.says_nothing:
        raise click.UsageError("'--ledger', '--key', '--actor' and '--patient' go with '--record'.")
    base, consultation = consultation_of(settings, case, name)
    if format_ == "json":
        shown = recorded_as = to_json(consultation_data(consultation))
    else:
        from engine.rendering.consultation import render_consultation

        length = "brief" if brief else "full" if full else "normal"
        shown = render_consultation(consultation, length, width(), colour())
        recorded_as = render_consultation(consultation, length) if recorded else ""
    if recorded:  # first: what is shown is recorded, or nothing is shown
        click.echo(record_consultation(settings, consultation, recorded_as, envelope), nl=False, err=True)
    if report is not None:
        click.echo(write_report(base, consultation, report), nl=False, err=True)
    print_text(shown)


@main.group()
@click.argument("case", metavar="CASE")
@case_name
@click.pass_context
def explain(context: click.Context, case: str, name: str | None) -> None:
    """Explain the consultation of the patient in CASE: how, why not, or what if."""
    context.obj = (context.obj, case, name)


@explain.command()
@click.argument("rule", metavar="ID")
@format_option
@click.pass_obj
def how(explained: tuple[Settings, str, str | None], rule: str, format_: str) -> None:
    """Show how ID (S12, A06, a concept) was concluded, down to the findings."""
    from engine import explanation

    base, consultation = consultation_of(*explained)
    data = explanation.how(base, consultation, explanation.require_rule(base.knowledge, rule))
    _print_explanation(data, format_, base)


@explain.command("why-not")
@click.argument("rule", metavar="ID")
@format_option
@click.pass_obj
def why_not(explained: tuple[Settings, str, str | None], rule: str, format_: str) -> None:
    """Show what keeps ID from applying, and the smallest changes that would make it apply."""
    from engine import explanation

    base, consultation = consultation_of(*explained)
    data = explanation.why_not(base, consultation, explanation.require_rule(base.knowledge, rule))
    _print_explanation(data, format_, base)


@explain.command("what-if")
@click.argument("changes", metavar="FINDING=VALUE...", nargs=-1, required=True)
@format_option
@click.pass_obj
def what_if(explained: tuple[Settings, str, str | None], changes: tuple[str, ...], format_: str) -> None:
    """Show what would change with other findings; VALUE may be 'unknown'."""
    from engine import explanation

    base, consultation = consultation_of(*explained)
    _print_explanation(explanation.what_if(base, consultation, _assignments(changes)), format_, base)


@main.command()
@click.argument("name", metavar="[NAME]", required=False)
@format_option
@click.pass_obj
def show(settings: Settings, name: str | None, format_: str) -> None:
    """Show a statement, concept, finding, conflict, reference, parameter, note or section.

    Without NAME, list them all.
    """
    from engine import catalogue
    from engine.contract import to_json
    from engine.rendering.catalogue import render_entry, render_index

    knowledge = load(settings.knowledge, settings.layers)
    data: Mapping[str, Any] = catalogue.index(knowledge) if name is None else catalogue.describe(knowledge, name)
    if format_ == "json":
        print_text(to_json(data))
    else:
        render: Callable[..., str] = render_index if name is None else render_entry
        print_text(render(data, width(), colour()))


def _assignments(changes: tuple[str, ...]) -> dict[str, Any]:
    from engine.findings import Given

    assigned: dict[str, Any] = {}
    for change in changes:
        name, equals, value = (part.strip() for part in change.partition("="))
        if not equals:
            raise click.UsageError(f"'{change}' is not of the form FINDING=VALUE, such as dysphagia=yes.")
        if name in assigned:
            raise click.UsageError(f"'{name}' is given twice.")
        assigned[name] = Given(value)
    return assigned


def _print_explanation(data: dict[str, Any], format_: str, base: Any) -> None:
    from engine.rendering.explanation import render_explanation

    print_data(data, format_, lambda: render_explanation(data, base.knowledge, width(), colour()))


if __name__ == "__main__":
    main()
