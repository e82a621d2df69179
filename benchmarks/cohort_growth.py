"""How the time and the memory of a cohort grow with its rows, and with the statements it is judged by.

    python -m benchmarks.cohort_growth
    python -m benchmarks.cohort_growth 50_000_000

The second judges a cohort of so many rows by the shipped knowledge base. Every figure comes from a process of its own,
so that its peak memory is its own: the patients are drawn and judged, and all files deleted. Seconds are those of the
processor, which other work on the machine disturbs least. Preparing (compiling and planning the rules) is timed apart,
by a cohort of one row. Of each size of knowledge base there are several, drawn by seeds of their own, and the figures
are means: in a small one alone, chance decides how many doses a patient gets. The order of the rows is checked.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from benchmarks.synthetic import synthetic
from engine.cohorts.runs import Cohort, Sample, judge
from engine.cohorts.synthesis import synthesise
from engine.commands.cohorts import SEED
from engine.compiler import compile_rules
from engine.loading import load
from engine.model import Knowledge

ROWS = (100_000, 1_000_000, 10_000_000)
STATEMENTS = {70: 8, 300: 3, 1_000: 1}
"""How many statements a knowledge base has, and how many bases of that size there are."""

FEWER = 100_000
"""How many rows these knowledge bases judge."""


class Growth(Struct, frozen=True):
    """What one cohort took: processor seconds to prepare it and to judge its rows, and megabytes at the peak.

    ``doses`` and ``open`` are of a patient, on average.
    """

    rows: float
    statements: float
    prepared_s: float
    judged_s: float
    peak_mb: float
    doses: float
    open: float


def measure(rows: int, knowledge: Knowledge, folder: Path) -> Growth:
    """Return what a cohort of so many rows takes, and what one row does: compiling, planning, opening files."""
    prepared_s, whole_s = (judging_s(count, knowledge, folder) for count in (1, rows))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    doses, open_ = told(rows, folder)
    return Growth(rows, len(knowledge.statements), prepared_s, whole_s - prepared_s, peak_mb, doses, open_)


def told(rows: int, folder: Path) -> tuple[float, float]:
    """Return how many doses and open findings a patient of a result has, once its rows are known to be in order."""
    result = folder / f"result_{rows}.parquet"
    with duckdb.connect() as database:
        number = "CAST(replace(patient, 'synthetic-', '') AS BIGINT) - 1 = file_row_number"
        is_whole = f"bool_and({number}) AND count(*) = {rows}"
        read = f"FROM read_parquet('{result}', file_row_number = true)"
        found = database.execute(f"SELECT {is_whole}, avg(len(doses)), avg(len(open)) {read}").fetchall()[0]
    assert found[0], "rows are missing or out of order"
    return found[1], found[2]


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
    _own_process("draw", str(rows), str(statements), "1", str(table))  # any base of a size has the same findings


def grown(rows: int, statements: int = 0, bases: int = 1) -> Growth:
    """Return what a cohort takes, by the shipped statements unless a number is given: the mean over so many bases."""
    found = [_grown(rows, statements, seed) for seed in range(1, bases + 1)]
    return Growth(*(sum(column) / bases for column in zip(*map(astuple, found), strict=True)))


def _grown(rows: int, statements: int, seed: int) -> Growth:
    return msgspec.json.decode(_own_process("measure", str(rows), str(statements), str(seed)), type=Growth)


def _own_process(*words: str) -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.cohort_growth", *words], check=True, capture_output=True
    ).stdout


def _within(word: str, rows: str, statements: str, seed: str, *where: str) -> None:
    knowledge = synthetic(int(statements), int(seed)) if int(statements) else load()
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
        f"{one.rows:>11,.0f} {one.statements:>10,.0f} {one.judged_s:>8.1f} {times:>10.2f} {a_statement:>16.2f}"
        f" {one.prepared_s:>9.2f} {one.peak_mb:>7,.0f} {one.doses:>6.1f} {one.open:>6.1f}",
        flush=True,
    )


def main() -> None:
    """Print how cohorts grow, or what one of so many rows takes."""
    heads = ("rows", "statements", "seconds", "x a row", "x a statement", "prepared", "MB", "doses", "open")
    print("{:>11} {:>10} {:>8} {:>10} {:>16} {:>9} {:>7} {:>6} {:>6}".format(*heads), flush=True)
    for number in sys.argv[1:]:
        one = grown(int(number))
        tell(one, one)
    if len(sys.argv) > 1:
        return
    for sizes in ([(rows, 0, 1) for rows in ROWS], [(FEWER, *size) for size in STATEMENTS.items()]):
        first = grown(*sizes[0])
        tell(first, first)
        for size in sizes[1:]:
            tell(grown(*size), first)


if __name__ == "__main__":
    if sys.argv[1:2] in (["draw"], ["measure"]):
        _within(*sys.argv[1:])
    else:
        main()
