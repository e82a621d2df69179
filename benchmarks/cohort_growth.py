"""How the time and the memory of a cohort grow with its rows, and with the statements it is judged by.

    python -m benchmarks.cohort_growth
    python -m benchmarks.cohort_growth 50_000_000

The second judges a cohort of so many rows by the shipped knowledge base. Every figure comes from a process of its own,
so that its peak memory is its own: the patients are drawn and judged, and all files deleted. Seconds are those of the
processor, which other work on the machine disturbs least. Preparing (compiling and planning the rules) is timed apart,
by a cohort of one row.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from benchmarks.synthetic import synthetic
from engine.cohorts.runs import Cohort, Sample, judge
from engine.cohorts.synthesis import synthesise
from engine.commands.cohorts import SEED
from engine.compiler import compile_rules
from engine.loading import load
from engine.model import Knowledge

ROWS = (100_000, 1_000_000, 10_000_000)
STATEMENTS = (70, 300, 1_000)
FEWER = 100_000
"""How many rows larger knowledge bases judge."""


class Growth(Struct, frozen=True):
    """What one cohort took: processor seconds to prepare it and to judge its rows, and megabytes at the peak."""

    rows: int
    statements: int
    prepared_s: float
    judged_s: float
    peak_mb: float


def measure(rows: int, knowledge: Knowledge, folder: Path) -> Growth:
    """Return what a cohort of so many rows takes, and what one row does: compiling, planning, opening files."""
    prepared_s, whole_s = (judging_s(count, knowledge, folder) for count in (1, rows))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Growth(rows, len(knowledge.statements), prepared_s, whole_s - prepared_s, peak_mb)


def judging_s(rows: int, knowledge: Knowledge, folder: Path) -> float:
    """Return the seconds of processor time, of all cores, in which a cohort of so many rows is judged."""
    table = folder / f"patients_{rows}.parquet"
    draw(rows, knowledge, table)
    sample = Sample(0, SEED, compile_rules(knowledge))
    start = time.process_time()
    judge(Cohort(table, (), knowledge, {}), str(folder / f"result_{rows}.parquet"), True, sample)
    return time.process_time() - start


def draw(rows: int, knowledge: Knowledge, table: Path) -> None:
    """Draw patients in a process of its own, whose memory is not counted."""
    statements = 0 if knowledge.guideline.id != "synthetic" else len(knowledge.statements)
    _own_process("draw", str(rows), str(statements), str(table))


def grown(rows: int, statements: int = 0) -> Growth:
    """Return what a cohort takes, measured in a process of its own; the shipped statements unless a number is given."""
    return msgspec.json.decode(_own_process("measure", str(rows), str(statements)), type=Growth)


def _own_process(*words: str) -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.cohort_growth", *words], check=True, capture_output=True
    ).stdout


def _within(word: str, rows: str, statements: str, *where: str) -> None:
    knowledge = synthetic(int(statements)) if int(statements) else load()
    if word == "draw":
        synthesise(knowledge, int(rows), SEED, where[0])
        return
    with TemporaryDirectory() as name:
        print(msgspec.json.encode(measure(int(rows), knowledge, Path(name))).decode())


def tell(one: Growth, first: Growth) -> None:
    """Print what a cohort took, against the first."""
    times = one.judged_s / first.judged_s / (one.rows / first.rows)
    a_statement = times / (one.statements / first.statements)
    print(
        f"{one.rows:>11,} {one.statements:>10,} {one.judged_s:>8.1f} {times:>10.2f} {a_statement:>16.2f}"
        f" {one.prepared_s:>9.2f} {one.peak_mb:>7,.0f}",
        flush=True,
    )


def main() -> None:
    """Print how cohorts grow, or what one of so many rows takes."""
    heads = ("rows", "statements", "seconds", "x a row", "x a statement", "prepared", "MB")
    print("{:>11} {:>10} {:>8} {:>10} {:>16} {:>9} {:>7}".format(*heads), flush=True)
    for number in sys.argv[1:]:
        one = grown(int(number))
        tell(one, one)
    if len(sys.argv) > 1:
        return
    for sizes in ([(rows, 0) for rows in ROWS], [(FEWER, statements) for statements in STATEMENTS]):
        first = grown(*sizes[0])
        tell(first, first)
        for rows, statements in sizes[1:]:
            tell(grown(rows, statements), first)


if __name__ == "__main__":
    if sys.argv[1:2] in (["draw"], ["measure"]):
        _within(*sys.argv[1:])
    else:
        main()
