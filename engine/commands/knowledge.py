"""The author's commands: check, prove, test, compare, begin and publish a knowledge base."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from engine.commands.terminal import Settings, colour, format_option, needing, on_terminal, print_data, print_text, width
from engine.loading import SHIPPED, is_layer, load

_folder = click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False), default=None
)


@click.group()
def knowledge() -> None:
    """Work on a knowledge base: check, prove, test, compare, begin, publish.

    DIR is the folder of a knowledge base or of a layer; the shipped knowledge base if left out.
    """


def _chosen(settings: Settings, folder: Path | None) -> tuple[Path, tuple[Path, ...]]:
    """Return the base and the layers that a command is about; a layer is laid over the base in use."""
    if folder is None:
        return settings.knowledge, settings.layers
    if is_layer(folder):
        return settings.knowledge, (*settings.layers, folder)
    return folder, settings.layers


def _cases(base: Path, layers: Sequence[Path]) -> list[Any]:
    """Return the worked cases of the top: of the last layer, or of the base where there is none."""
    from engine.cases import load_cases

    return load_cases(layers[-1] if layers else base)


@knowledge.command()
@_folder
@click.option("--source", type=click.Path(path_type=Path), metavar="FILE", help="Also check digests and numbers against this copy of the source.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "github"]), default="text", show_default=True, help="Print for people, as JSON, or as annotations of a workflow.")
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved, until Ctrl-C.")
@click.pass_obj
def check(settings: Settings, folder: Path | None, source: Path | None, format_: str, watch: bool) -> None:
    """Report every fault and warning of every file in one go."""
    base, layers = _chosen(settings, folder)
    sound = _check(base, layers, source, format_)
    if watch:
        with needing("author"):
            from watchfiles import watch as changes
        for _ in changes(base, *layers, *filter(None, [source]), raise_interrupt=False):
            print_text("\n")
            sound = _check(base, layers, source, format_)
    if not sound:
        sys.exit(1)


def _check(base: Path, layers: Sequence[Path], source: Path | None, format_: str) -> bool:
    from engine.checking import check as check_base
    from engine.contract import to_json
    from engine.rendering import workbench

    report = check_base(base, layers, source)
    if format_ == "github":
        print_text(workbench.workflow_annotations(report))
    elif format_ == "json":
        print_text(to_json(workbench.check_data(report)))
    else:
        print_text(workbench.render_check(report, width(), colour()))
    return not report.faults


@knowledge.command()
@_folder
@format_option
@click.pass_obj
def prove(settings: Settings, folder: Path | None, format_: str) -> None:
    """Prove what holds of every patient: dead rules, hidden conflicts, silence.

    Exit status 1 where something has to be mended.
    """
    with needing("author"):
        from engine.proofs import prove as prove_base
    from engine.rendering import workbench

    base, layers = _chosen(settings, folder)
    content = load(base, layers)
    proofs = prove_base(content)
    print_data(
        workbench.proofs_data(proofs), format_, lambda: workbench.render_proofs(proofs, content, width(), colour())
    )
    if proofs.faults:
        sys.exit(1)


@knowledge.command()
@_folder
@format_option
@click.option("--no-mutation", is_flag=True, help="Leave out the mutation score, which takes longest.")
@click.pass_obj
def test(settings: Settings, folder: Path | None, format_: str, no_mutation: bool) -> None:
    """Run the worked cases; say what they cover and which small changes they would miss.

    Exit status 1 where a case fails, a test is never covered, or a change goes unnoticed.
    """
    from engine.compiler import compile_rules
    from engine.examination import examine
    from engine.rendering import workbench

    base, layers = _chosen(settings, folder)
    content = load(base, layers)
    with _progress("changes tried") as told:
        found = examine(compile_rules(content), _cases(base, layers), not no_mutation, told, _layer_entries(content, layers))
    print_data(
        workbench.examination_data(found), format_, lambda: workbench.render_examination(found, width(), colour())
    )
    if not found.is_whole:
        sys.exit(1)
