"""What all commands share: their settings, where they print, how wide and whether in colour."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from engine.errors import Fault, InputError

WIDEST = 100
LINE = 79


class Settings(Struct):
    """What was said before the command: the knowledge base, its layers, and the file of local parameters."""

    knowledge: Path
    layers: tuple[Path, ...]
    parameters: Path | None


case_argument = click.argument("case", metavar="CASE")
case_name = click.option("--case", "name", metavar="NAME", help="Choose one case of a file that holds several.")
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print for people, or as JSON for programs.",
)


def print_text(text: str) -> None:
    """Write text to standard output, signs that its encoding lacks replaced."""
    if sys.stdout is None:
        raise InputError([Fault("there is no standard output to write to", "Run it with its output open.")])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    click.echo(text, nl=False)


def print_data(data: Mapping[str, Any], format_: str, render: Callable[[], str]) -> None:
    """Write data as JSON, or what ``render`` makes of it for people."""
    from engine.contract import to_json

    print_text(to_json(data) if format_ == "json" else render())


def width() -> int:
    """Return how wide text may be: the terminal, within reason."""
    if not on_terminal():
        return 80
    import shutil  # only on a terminal

    return min(shutil.get_terminal_size((80, 24)).columns, WIDEST)


def on_terminal() -> bool:
    """Whether people read on as the text is written."""
    return sys.stdout is not None and sys.stdout.isatty()


def colour() -> bool:
    """Whether to use colour; no meaning rests on it."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_report(base: Any, consultation: Any, name: str) -> str:
    """Write the report of a consultation, and say so."""
    from engine.files import write_new
    from engine.rendering.report import render_report

    return f"Report written to {write_new(name, render_report(base, consultation))}\n"


class NotInstalledError(InputError):
    """A command needs an extra that is not installed."""


def is_watched() -> bool:
    """Whether people see how far some work is."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal how far some work is, in one line that goes when it is done."""
    if not is_watched():
        yield lambda words: None
        return
    import shutil  # only on a terminal

    width = min(LINE, shutil.get_terminal_size((80, 24)).columns - 1)
    try:
        yield lambda words: click.echo(f"\r{words[:width]:<{width}}", nl=False, err=True)
    finally:
        click.echo(f"\r{'':<{width}}\r", nl=False, err=True)


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Import what belongs to an extra; where it is not installed, say how to install it.

    Raises:
        NotInstalledError: with the command that installs the extra.

    """
    try:
        yield
    except ModuleNotFoundError as problem:
        if (problem.name or "").split(".")[0] in ("engine", "cli"):
            raise
        found = f"this needs {problem.name}, which is not installed"
        remedy = f"In the project's folder: pip install --editable '.[{extra}]'"
        raise NotInstalledError([Fault(found, remedy)]) from None
