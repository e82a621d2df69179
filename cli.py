"""The command line: arguments in, one call, text out, and an exit status.

Exit status 0: an answer was given, whatever it says. 1: the input or the knowledge is at fault.
2: the command was used wrongly. It is the only user of click.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from engine import __version__
from engine.errors import Fault, InputError, IvigError
from engine.loading import SHIPPED, load

WIDEST = 100


class Settings(Struct):
    """What was said before the command: the knowledge base, and the file of local parameters."""

    knowledge: Path
    parameters: Path | None


class Program(click.Group):
    """The program: turns an error of the engine into text on standard error and exit status 1."""

    def invoke(self, context: click.Context) -> None:
        """Run a command; an error of the engine ends it with exit status 1."""
        try:
            super().invoke(context)
        except IvigError as problem:
            click.echo(f"ivig-mg: {problem}", err=True)
            context.exit(1)
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
    "--parameters",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Set local parameters from this file; each use is labelled as not from the source.",
)
@click.version_option(__version__, prog_name="ivig-mg")
@click.pass_context
def main(context: click.Context, knowledge: Path, parameters: Path | None) -> None:
    """A guideline on immunoglobulin (IVIG) in myasthenia gravis (MG), applied and explained.

    It supports clinical judgement and does not replace it.
    """
    context.obj = Settings(knowledge, parameters)


_case = click.argument("case", metavar="CASE")
_name = click.option("--case", "name", metavar="NAME", help="Choose one case of a file that holds several.")
_format = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print for people, or as JSON for programs.",
)


@main.command()
@_case
@_name
@_format
@click.option("--brief", is_flag=True, help="Only what matters at the bedside.")
@click.option("--full", is_flag=True, help="Everything, with what was ruled out and the trace.")
@click.option("--report", metavar="FILE", help="Also write a report for the notes: one HTML file.")
@click.pass_obj
def consult(
    settings: Settings, case: str, name: str | None, format_: str, brief: bool, full: bool, report: str | None
) -> None:
    """Say what the guideline says of the patient in CASE.

    CASE is a YAML file with the patient's findings, or - for standard input.
    """
    from engine.contract import consultation_data, to_json

    if brief + full + (format_ == "json") > 1:
        raise click.UsageError("'--brief', '--full' and '--format json' exclude each other.")
    base, consultation = _consultation(settings, case, name)
    if report is not None:
        click.echo(_report(base, consultation, report), nl=False, err=True)
    if format_ == "json":
        _print(to_json(consultation_data(consultation)))
        return
    from engine.rendering.consultation import render_consultation

    length = "brief" if brief else "full" if full else "normal"
    _print(render_consultation(consultation, length, _width(), _colour()))


@main.group()
@click.argument("case", metavar="CASE")
@_name
@click.pass_context
def explain(context: click.Context, case: str, name: str | None) -> None:
    """Explain the consultation of the patient in CASE: how, why not, or what if."""
    context.obj = (context.obj, case, name)


@explain.command()
@click.argument("rule", metavar="ID")
@_format
@click.pass_obj
def how(explained: tuple[Settings, str, str | None], rule: str, format_: str) -> None:
    """Show how ID (S12, A06, a concept) was concluded, down to the findings."""
    from engine import explanation

    base, consultation = _consultation(*explained)
    data = explanation.how(base, consultation, explanation.require_rule(base.knowledge, rule))
    _print_explanation(data, format_, base)


@explain.command("why-not")
@click.argument("rule", metavar="ID")
@_format
@click.pass_obj
def why_not(explained: tuple[Settings, str, str | None], rule: str, format_: str) -> None:
    """Show what keeps ID from applying, and the smallest changes that would make it apply."""
    from engine import explanation

    base, consultation = _consultation(*explained)
    data = explanation.why_not(base, consultation, explanation.require_rule(base.knowledge, rule))
    _print_explanation(data, format_, base)


@explain.command("what-if")
@click.argument("changes", metavar="FINDING=VALUE...", nargs=-1, required=True)
@_format
@click.pass_obj
def what_if(explained: tuple[Settings, str, str | None], changes: tuple[str, ...], format_: str) -> None:
    """Show what would change with other findings; VALUE may be 'unknown'."""
    from engine import explanation

    base, consultation = _consultation(*explained)
    _print_explanation(explanation.what_if(base, consultation, _assignments(changes)), format_, base)


@main.command()
@click.argument("name", metavar="[NAME]", required=False)
@_format
@click.pass_obj
def show(settings: Settings, name: str | None, format_: str) -> None:
    """Show a statement, concept, finding, conflict, reference, parameter, note or section.

    Without NAME, list them all.
    """
    from engine import catalogue
    from engine.contract import to_json
    from engine.rendering.catalogue import render_entry, render_index

    knowledge = load(settings.knowledge)
    data: Mapping[str, Any] = catalogue.index(knowledge) if name is None else catalogue.describe(knowledge, name)
    if format_ == "json":
        _print(to_json(data))
    else:
        render: Callable[..., str] = render_index if name is None else render_entry
        _print(render(data, _width(), _colour()))


@main.command("next")
@_case
@_name
@_format
@click.pass_obj
def next_(settings: Settings, case: str, name: str | None, format_: str) -> None:
    """List the questions worth asking next of the patient in CASE, with the reason for each."""
    from engine.contract import to_json
    from engine.rendering.plan import plan_data, render_plan

    base, findings = _findings(settings, case, name)
    if format_ == "json":
        _print(to_json(plan_data(base, findings)))
    else:
        _print(render_plan(base, findings, _width(), _colour()))


@main.command()
@click.option("--case", "case", metavar="FILE", help="Begin with the findings of this case.")
@click.option("--resume", is_flag=True, help="Go on with the conversation that was broken off last.")
@click.option(
    "--journal",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the answers in this folder instead of the usual place.",
)
@click.option("--save", "save", metavar="FILE", help="At the end, write the case to this file.")
@click.option("--report", metavar="FILE", help="At the end, write a report for the notes: one HTML file.")
@click.pass_obj
def ask(
    settings: Settings, case: str | None, resume: bool, journal: Path | None, save: str | None, report: str | None
) -> None:
    """Ask what matters about one patient, say why, and end in the consultation.

    Each answer is on disk before the next question. Type 'help' at any question.
    """
    from engine.conversation import Conversation
    from engine.rendering.dialogue import Dialogue

    base = _rule_base(settings)
    folder = journal or _usual_place()
    if resume and (case is not None or settings.parameters is not None):
        raise click.UsageError("'--resume' goes on with the case and the parameters that the conversation began with.")
    conversation = Conversation(base, _resumed(folder) if resume else _begun(settings, folder, base, case))
    writers = {
        "save": lambda file: _save(conversation, file),
        "report": lambda file: _report(base, conversation.consultation(), file),
    }
    dialogue = Dialogue(conversation, writers, _width(), _colour())
    try:
        _print(dialogue.opening())
        while not dialogue.over:
            _print(dialogue.reply(input(dialogue.prompt())))
    except (EOFError, KeyboardInterrupt):
        _print(dialogue.leave())
    for name, file in (("save", save), ("report", report)):
        if file is not None:
            _print(writers[name](file))


def _usual_place() -> Path:
    from platformdirs import user_state_path

    return user_state_path("ivig-mg", appauthor=False) / "conversations"


def _resumed(folder: Path) -> Any:
    """Return the journal of the conversation that was broken off last."""
    from engine import journal

    kept = journal.resume(folder)
    if kept is None:
        raise InputError(
            [Fault(f"there is no conversation to go on with in {folder}", "Begin one with 'ivig-mg ask'.")]
        )
    return kept


def _begun(settings: Settings, folder: Path, base: Any, case: str | None) -> Any:
    """Return a new journal, with the findings and parameters of a case if there is one."""
    from engine import journal
    from engine.cases import load_case
    from engine.findings import interpret

    chosen = load_case(case) if case is not None else None
    parameters = _in_force(chosen.parameters if chosen is not None else {}, _parameters(settings))
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

    path = write_new(name, case_text(conversation.answers.items()))
    return f"Saved as {path}; 'ivig-mg consult {path}' reads it.\n"


def _report(base: Any, consultation: Any, name: str) -> str:
    """Write the report of a consultation, and say so."""
    from engine.files import write_new
    from engine.rendering.report import render_report

    return f"Report written to {write_new(name, render_report(base, consultation))}\n"


def _rule_base(settings: Settings) -> Any:
    from engine.compiler import compile_rules

    return compile_rules(load(settings.knowledge))


def _parameters(settings: Settings) -> Mapping[str, Any]:
    from engine.cases import load_parameters

    return load_parameters(settings.parameters) if settings.parameters is not None else {}


def _consultation(settings: Settings, case: str, name: str | None) -> tuple[Any, Any]:
    """Return the rule base and the consultation of a case."""
    from engine.consultation import consult

    base, findings = _findings(settings, case, name)
    return base, consult(base, findings)


def _findings(settings: Settings, case: str, name: str | None) -> tuple[Any, Any]:
    """Return the rule base and the findings of a case."""
    from engine.cases import load_case
    from engine.findings import interpret

    base = _rule_base(settings)
    chosen = load_case(case, name)
    parameters = _in_force(chosen.parameters, _parameters(settings))
    return base, interpret(base.knowledge, chosen.findings, parameters)


def _in_force(in_case: Mapping[str, Any], set_here: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a case and of a parameter file together; where both set one, they agree."""
    for name in sorted(set(in_case) & set(set_here)):
        if in_case[name].text != set_here[name].text:
            found = f"{name} is {in_case[name].text} in the case, but {set_here[name].text} in the parameter file"
            raise InputError([Fault(found, "Leave one of the two out.", in_case[name].place)])
    return {**in_case, **set_here}


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
    from engine.contract import to_json
    from engine.rendering.explanation import render_explanation

    if format_ == "json":
        _print(to_json(data))
    else:
        _print(render_explanation(data, base.knowledge, _width(), _colour()))


def _print(text: str) -> None:
    """Write text to standard output, signs that its encoding lacks replaced."""
    if sys.stdout is None:
        raise InputError([Fault("there is no standard output to write to", "Run it with its output open.")])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    click.echo(text, nl=False)


def _width() -> int:
    return min(shutil.get_terminal_size((80, 24)).columns, WIDEST) if _on_terminal() else 80


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _colour() -> bool:
    return _on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


if __name__ == "__main__":
    main()
