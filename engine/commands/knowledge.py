"""The author's commands: check, prove, test, compare, begin and publish a knowledge base."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from engine.commands.terminal import Settings, colour, format_option, needing, print_data, print_text, progress, width
from engine.errors import listed
from engine.loading import is_layer, load, read_base

_folder = click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False), default=None
)


@click.group()
def knowledge() -> None:
    """Check, prove, test, compare, begin and publish a knowledge base.

    DIR is the folder of a knowledge base or of a layer; the shipped one if left out.
    """


def _chosen(settings: Settings, folder: Path | None) -> tuple[Path, tuple[Path, ...]]:
    """Return the base and the layers that a command is about; a layer is laid over the base in use."""
    if folder is None:
        return settings.knowledge, settings.layers
    if is_layer(folder):
        return settings.knowledge, (*settings.layers, folder)
    return folder, settings.layers


@knowledge.command()
@_folder
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also check digests and numbers against this copy of the source.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="Print for people, as JSON, or as annotations of a workflow.",
)
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved, until Ctrl-C.")
@click.pass_obj
def check(settings: Settings, folder: Path | None, source: Path | None, format_: str, watch: bool) -> None:
    """Report every fault and warning of every file in one go."""
    base, layers = _chosen(settings, folder)
    sound = _check(base, layers, source, format_)
    if watch:
        with needing("author"):
            from watchfiles import watch as changes
        click.echo(f"Watching {listed([str(place) for place in (base, *layers)])}; Ctrl-C ends.", err=format_ != "text")
        for _ in changes(base, *layers, *filter(None, [source]), raise_interrupt=False):
            print_text("\n")
            sound = _check(base, layers, source, format_)
    if not sound:
        sys.exit(1)


def _check(base: Path, layers: Sequence[Path], source: Path | None, format_: str) -> bool:
    from engine.checking import check as check_base
    from engine.contract import to_json
    from engine.rendering import checking as page

    report = check_base(base, layers, source)
    if format_ == "github":
        print_text(page.workflow_annotations(report))
    elif format_ == "json":
        print_text(to_json(page.check_data(report)))
    else:
        print_text(page.render_check(report, width(), colour()))
    return not report.faults


@knowledge.command()
@_folder
@format_option
@click.option("--cases", metavar="FILE", help="Also write every patient found as a case of this new file.")
@click.pass_obj
def prove(settings: Settings, folder: Path | None, format_: str, cases: str | None) -> None:
    """Prove what holds of every patient: dead rules, hidden conflicts, the map of silence.

    For each rule a patient to whom it applies, and one for whom it is ruled out, or the proof that there
    is none ('--cases' writes them, JSON has them). Exit status 1 where something has to be mended.
    """
    with needing("author"):
        from engine.proofs import prove as prove_base
    from engine.files import write_new
    from engine.proofs.remedies import to_look_at, to_mend
    from engine.rendering import proofs as page

    loaded = read_base(*_chosen(settings, folder))
    with progress() as told:
        proofs = prove_base(loaded.knowledge, lambda what, done, of: told(f"Proving {what}: {done + 1} of {of}"))
    if cases is not None:
        click.echo(f"Cases written to {write_new(cases, page.proof_cases(proofs))}", err=True)
    mend = to_mend(proofs, loaded)
    print_data(
        page.proofs_data(proofs, mend, to_look_at(proofs, loaded)),
        format_,
        lambda: page.render_proofs(proofs, mend, loaded.knowledge, width(), colour()),
    )
    if mend:
        sys.exit(1)


@knowledge.command()
@_folder
@format_option
@click.option("--cases-only", is_flag=True, help="Leave out the small changes, which take longest.")
@click.pass_obj
def test(settings: Settings, folder: Path | None, format_: str, cases_only: bool) -> None:
    """Run the worked cases; say what they cover and which small changes they would miss.

    Each missing case is printed, ready for a case file. Where DIR is a layer, its own cases are run and
    its own entries examined; with '--layer' and no layer as DIR, those of the base and of each layer over
    it. Exit status 1 where a case fails, a test is not covered that could be, or a change goes unnoticed.
    """
    from engine.cases import load_cases
    from engine.compiler import compile_rules
    from engine.examination import examine
    from engine.rendering import examination as page

    base, layers = _chosen(settings, folder)
    content = load(base, layers)
    of_layer = folder is not None and is_layer(folder)
    entries = content.layers[-1].entries if of_layer else None
    *lower, top = (base, *layers)
    below = [] if of_layer else [case for place in lower for case in load_cases(place)]
    with progress() as told:
        found = examine(
            compile_rules(content),
            load_cases(top),
            entries,
            below,
            cases_only,
            lambda done, made: told(f"{done} of {made} small changes tried"),
        )
    print_data(page.examination_data(found), format_, lambda: page.render_examination(found, width(), colour()))
    if not found.is_whole:
        sys.exit(1)


@knowledge.command()
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path, file_okay=False))
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path, file_okay=False))
@format_option
@click.pass_obj
def diff(settings: Settings, old: Path, new: Path, format_: str) -> None:
    """Compare two knowledge bases: in words, over their cases, and for every patient.

    For each rule that comes out otherwise, in its verdict or in what it says of doses, references or
    fulfilment, a patient with as few findings as that takes: one to whom it applies in one base only, if there
    is such a patient. OLD or NEW may be a layer; it is laid over the knowledge base in use.
    """
    from engine.cases import load_cases
    from engine.comparison import compare
    from engine.rendering import comparison as page

    bases = [_chosen(settings, folder) for folder in (old, new)]
    before, after = (load(base, layers) for base, layers in bases)
    places = dict.fromkeys(place for base, layers in bases for place in (base, *layers))
    written = {_as_written(case): case for place in places for case in load_cases(place)}
    compared = compare(before, after, list(written.values()))
    print_data(page.comparison_data(compared), format_, lambda: page.render_comparison(compared, width(), colour()))


def _as_written(case: Any) -> tuple[Any, ...]:
    """Return what tells a case from others: its name and what is given; both bases mostly have the same cases."""
    return case.name, *((name, given.text) for name, given in {**case.findings, **case.parameters}.items())


@knowledge.command()
@_folder
@click.pass_obj
def schema(settings: Settings, folder: Path | None) -> None:
    """Write the JSON Schemas of the files of DIR into its folder 'schemas', for editors."""
    from engine import schemas

    base, layers = _chosen(settings, folder)
    there = (layers[-1] if layers else base) / schemas.FOLDER
    there.mkdir(exist_ok=True)
    for name, text in schemas.texts(load(base, layers)).items():
        (there / name).write_text(text, encoding="utf-8")
    print_text(f"Schemas written to {there}.\n")


@knowledge.group()
def new() -> None:
    """Begin something: a statement, finding, concept, conflict, case, or a whole knowledge base."""


@new.command("base")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def new_base(folder: Path) -> None:
    """Begin another guideline in DIR, with one statement and one case that pass."""
    from engine.skeletons import begin_base

    begin_base(folder)
    print_text(f"Begun in {folder}. Check it with 'ivig-mg knowledge check {folder}', then change its words.\n")


_file = click.option("--file", metavar="NAME", help="The file it goes into, by its name without '.yaml'.")


def _new_entry(kind: str, may_choose: bool) -> None:
    """Add the command that begins an entry of a kind; those of some kinds may stand in several files."""
    choice: Callable[[Callable[..., None]], Callable[..., None]] = _file if may_choose else lambda command: command

    @new.command(kind, help=f"Write a commented skeleton of a {kind} into the right file of DIR.")
    @_folder
    @choice
    @click.pass_obj
    def command(settings: Settings, folder: Path | None, file: str | None = None) -> None:
        from engine.skeletons import add_skeleton

        base, layers = _chosen(settings, folder)
        place = add_skeleton((base, *layers), kind, file)
        of = f" {folder}" if folder is not None else ""
        print_text(f"{place}: a {kind} to be filled in. 'ivig-mg knowledge check{of}' says what is still missing.\n")


for _kind in ("statement", "finding", "concept", "conflict", "case"):
    _new_entry(_kind, may_choose=_kind in ("statement", "case"))


@knowledge.command()
@_folder
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    required=True,
    help="A new folder, or one that holds nothing but a handbook, which is replaced.",
)
@click.pass_obj
def handbook(settings: Settings, folder: Path | None, out: Path) -> None:
    """Publish a knowledge base as a small site for reviewers, to read, print and sign."""
    from engine.cases import load_cases
    from engine.rendering.handbook import write_handbook

    base, layers = _chosen(settings, folder)
    content = load(base, layers)
    names = ["", *(layer.id for layer in content.layers)]
    cases = {name: load_cases(place) for name, place in zip(names, (base, *layers), strict=True)}
    write_handbook(content, cases, out)
    print_text(f"Handbook written to {out / 'index.html'}.\n")
