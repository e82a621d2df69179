"""The command for cohorts: a whole table of patients at once, the compiled rules as SQL, and synthetic patients."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from engine.commands.patients import parameters_of
from engine.commands.terminal import Settings, is_watched, needing, print_text, progress
from engine.errors import counted

SEED = 1
"""The seed by which the patients of the check are drawn, and synthetic ones."""

CHECKED = 50

JUDGING = ("keep", "strict", "summary")
"""What is asked only of judging."""

ENDING = (signal.SIGINT, signal.SIGTERM)
"""The signals at which what is unfinished goes."""

BAR = 24
"""How many signs long a bar is."""

SAYS_MUCH = 0.02
"""The share from which on it says how long the rest takes."""


@click.command()
@click.argument("patients", metavar="[PATIENTS]", type=click.Path(path_type=Path), required=False)
@click.option("--out", metavar="RESULT", help="A new file that ends in '.parquet', '.csv' or '.jsonl'.")
@click.option(
    "--keep",
    metavar="NAME",
    multiple=True,
    help="Keep this column too, although it is a finding, or named like one; say so for each.",
)
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be taken.")
@click.option(
    "--check",
    metavar="N",
    type=click.IntRange(min=0),
    default=CHECKED,
    show_default=True,
    help="Give N of the patients a consultation, and compare everything.",
)
@click.option("--seed", metavar="S", type=int, default=SEED, show_default=True, help="Draw patients by this seed.")
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    help="Run the rules on this engine.",
)
@click.option("--master", metavar="URL", help="The master of a Spark cluster; without it, this machine.")
@click.option("--summary", metavar="FILE.html", help="Write what came of the cohort as one HTML page, too.")
@click.option("--sql", "dialect", metavar="DIALECT", help="Print the rules as a query for a warehouse, and do no more.")
@click.option(
    "--synthesise",
    metavar="N",
    type=click.IntRange(min=1),
    help="Write N synthetic patients, whom nobody is, to RESULT.",
)
@click.pass_obj
def cohort(settings: Settings, /, patients: Path | None, out: str | None, **asked: Any) -> None:
    """Judge a whole table of patients at once.

    PATIENTS is a Parquet, CSV or JSON lines file with findings as columns; columns of other names are kept. RESULT gets
    one row for each patient, in the same order. Rows that cannot be taken are told in a file beside it.
    """
    for one in ENDING:
        signal.signal(one, _interrupt_once)
    if asked["dialect"] is not None and (patients, out) != (None, None):
        raise click.UsageError("'--sql' only prints a query: leave out PATIENTS and '--out'.")
    if asked["dialect"] is not None:
        print_text(_query(settings, asked["dialect"], asked["keep"]))
    elif asked["synthesise"] is not None and (patients is not None or any(asked[one] for one in JUDGING)):
        raise click.UsageError(
            "'--synthesise' judges nobody: leave out PATIENTS, '--keep', '--strict' and '--summary'."
        )
    elif out is None:
        raise click.UsageError("Say where the result goes: '--out RESULT'.")
    elif asked["synthesise"] is not None:
        print_text(_synthesised(settings, asked["synthesise"], asked["seed"], out))
    elif patients is None:
        raise click.UsageError("Give a table of patients, or '--synthesise N', or '--sql DIALECT'.")
    else:
        _judge(settings, patients, out, **asked)


def _interrupt_once(signum: int, frame: object) -> None:
    """Interrupt; a further signal would leave lying what is being removed."""
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def _query(settings: Settings, dialect: str, keep: tuple[str, ...]) -> str:
    with needing("cohort"):
        from engine.cohorts.warehouse import DIALECTS, warehouse_query
    from engine.findings import interpret
    from engine.loading import load

    if dialect not in DIALECTS:
        raise click.UsageError(f"'{dialect}' is not a dialect that it knows: {', '.join(DIALECTS)}.")
    knowledge = load(settings.knowledge, settings.layers)
    parameters = interpret(knowledge, {}, parameters_of(settings)).parameters
    return warehouse_query(knowledge, parameters, dialect, keep)


def _synthesised(settings: Settings, count: int, seed: int, out: str) -> str:
    with needing("cohort"):
        from engine.cohorts.synthesis import synthesise
    from engine.loading import load

    with _share("Drawing", count) as tell:
        path = synthesise(load(settings.knowledge, settings.layers), count, seed, out, tell)
    return f"{counted(count, 'synthetic patient')} (seed {seed}), whom nobody is, written to {path}.\n"


def _judge(settings: Settings, patients: Path, out: str, **asked: Any) -> None:
    with needing("cohort"):
        from engine.cohorts.runs import Cohort, Sample, rejected_path
        from engine.cohorts.tables import rows_in
    from engine.compiler import compile_rules
    from engine.files import require_new
    from engine.findings import interpret
    from engine.loading import load

    if asked["master"] is not None and asked["engine"] != "spark":
        raise click.UsageError("'--master' is Spark's: add '--engine spark'.")
    if asked["summary"] is not None:  # what it lacks is told before the judging
        with needing("audit"):
            import_module("engine.rendering.cohort")
        if require_new(asked["summary"]) in (Path(out), rejected_path(Path(out))):
            raise click.UsageError("'--summary' has the name of another file that is written: choose one of its own.")
    knowledge = load(settings.knowledge, settings.layers)
    parameters = interpret(knowledge, {}, parameters_of(settings)).parameters
    cohort_ = Cohort(patients, asked["keep"], knowledge, parameters)
    sample = Sample(asked["check"], asked["seed"], compile_rules(knowledge))
    start = time.monotonic()
    with _share("Judging", rows_in(patients) if is_watched() else 0) as tell:
        result = _run(cohort_, out, sample, tell, **asked)
    said = _said(result, time.monotonic() - start, **asked)
    if asked["summary"] is not None:
        said += _summarised(cohort_, result, asked["summary"])
    print_text(said)
    if result.rejected and not result.judged:
        sys.exit(1)


def _run(
    cohort_: Any, out: str, sample: Any, tell: Any, engine: str, master: str | None, strict: bool, **_: Any
) -> Any:
    if engine == "spark":
        with needing("spark"):
            from engine.cohorts.spark import LOCAL, judge_on_spark

        return judge_on_spark(cohort_, out, strict, sample, master or LOCAL, tell)
    from engine.cohorts.runs import judge

    return judge(cohort_, out, strict, sample, tell)


def _said(result: Any, seconds: float, check: int, seed: int, **_: Any) -> str:
    lines = [f"{counted(result.judged, 'patient')} judged in {seconds:.0f} s: {result.path}"]
    if result.statuses:
        told = (f"{status} {count:,} ({count / result.judged:.1%})" for status, count in result.statuses.items())
        lines.append(f"Status: {', '.join(told)}.")
    if result.absent:
        lines.append(f"Without a column, and so unknown in every row: {', '.join(result.absent)}.")
    if result.kept:
        lines.append(f"Kept as they are: {', '.join(result.kept)}.")
    if result.rejected_path is not None:
        lines.append(f"{counted(result.rejected, 'row')} could not be taken; why, is in {result.rejected_path}")
    checked = min(check, result.judged)
    if checked:
        given = "was" if checked == 1 else "were"
        lines.append(f"{checked:,} of them, drawn by seed {seed}, {given} given a consultation: everything agrees.")
    return "\n".join(lines) + "\n"


def _summarised(cohort_: Any, result: Any, name: str) -> str:
    with needing("audit"):
        from engine.rendering.cohort import render_summary
    from engine.cohorts.summary import summarise
    from engine.files import write_new

    found = summarise(result.path, cohort_, result.rejected)
    return f"Summary written to {write_new(name, render_summary(found, cohort_.knowledge))}\n"


@contextmanager
def _share(label: str, rows: int) -> Iterator[Callable[[float], None]]:
    """Show on a terminal what share of so many rows is done; end quietly at Ctrl-C."""
    start = time.monotonic()
    try:
        with progress() as show:
            yield lambda share: show(_bar(label, share, rows, time.monotonic() - start))
    except KeyboardInterrupt:
        click.echo("Interrupted. Nothing was written; run it again.", err=True)
        sys.exit(130)


def _bar(label: str, share: float, rows: int, seconds: float) -> str:
    """Return in one line what share is done, how many rows a second that is, and how long the rest takes."""
    line = f"{label} [{'#' * int(share * BAR):-<{BAR}}] {share:4.0%}"
    if share < SAYS_MUCH:
        return line
    minutes, left = divmod(int(seconds * (1 - share) / share), 60)
    return f"{line}  {rows * share / seconds:,.0f} rows/s  {minutes}:{left:02} left"
