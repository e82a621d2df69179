"""A cohort judged on DuckDB: every patient of a table by the compiled rules, written as one new file.

The rows that cannot be taken are found first, and told in a file beside the result. Memory is bounded whatever
the size: what does not fit goes to a folder that is gone afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
from msgspec import Struct
from sqlglot import exp

from engine.cohorts import lists
from engine.cohorts.intake import open_table
from engine.cohorts.patients import Columns, Patients
from engine.cohorts.progress import Progress, run, untold, watch
from engine.cohorts.query import PATIENTS, REASON, ROW, Compiled
from engine.cohorts.relations import quoted
from engine.cohorts.results import Written, count_statuses, sampled
from engine.cohorts.sample import Cells, drawn, require_alike
from engine.cohorts.tables import (
    MALFORMED,
    REJECTED,
    Table,
    cannot_read,
    form_of,
    interruptible,
)
from engine.cohorts.truths import Sql, text
from engine.compiler import RuleBase
from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED
from engine.errors import Fault, InputError, Place
from engine.files import require_new, writing_new
from engine.model import Knowledge, Value

DUCKDB = "duckdb"

VERDICT = "verdict"
"""The type of a verdict: DuckDB writes one of few words as a number."""

OPTIONS = {
    "parquet": "FORMAT parquet, COMPRESSION snappy",
    "csv": "FORMAT csv, HEADER",
    "jsonl": "FORMAT json",
}
"""How DuckDB writes a result."""

ENDS = {"parquet": (0.0, 0.1, 0.95), "csv": (0.2, 0.3, 0.95), "jsonl": (0.45, 0.5, 0.95)}
"""About what share of a run is done once a table is read, its rows looked through, and its answers written."""


class Cohort(Struct, frozen=True):
    """A table of patients, the columns kept although named like a finding, and what they are judged by."""

    path: Path
    keep: tuple[str, ...]
    knowledge: Knowledge
    parameters: Mapping[str, Value]


class Result(Struct, frozen=True):
    """What came of a cohort: how many rows have which status and how many cannot be taken, columns kept, and files.

    ``absent`` has the findings that no column is named by, and that are unknown in every row.
    """

    statuses: Mapping[str, int]
    rejected: int
    kept: tuple[str, ...]
    absent: tuple[str, ...]
    path: Path
    rejected_path: Path | None = None

    @property
    def judged(self) -> int:
        """How many rows were judged."""
        return sum(self.statuses.values())


class Sample(Struct, frozen=True):
    """How many patients are given a consultation once more, drawn by which seed, and the rules for it."""

    count: int
    seed: int
    base: RuleBase


def judge(cohort: Cohort, out: str, strict: bool, sample: Sample, progress: Progress = untold) -> Result:
    """Write the answers for all patients of a cohort into a new file; nothing is left where it is interrupted.

    Raises:
        InputError: when the table cannot be read or the file not be written, and with ``strict`` at the first row
            that cannot be taken.
        EngineError: when a patient of the sample is answered otherwise by a consultation.

    """
    form = form_of(out)
    beside = rejected_path(require_new(out))
    require_new(beside)
    with ExitStack() as undo:
        with (
            writing_new(out) as (path, unfinished),
            opened(unfinished.parent) as database,
            readable(cohort.path),
        ):
            judging = _Judging(database, cohort, unfinished, form)
            judged = run(lambda stopped: judging.judge(strict, sample, stopped), database, judging.done, progress)
            require_alike(sample.base, cohort.parameters, judged.rows)
            if judged.rejected:
                list_rejected(database, beside)
                undo.callback(beside.unlink)
        undo.pop_all()
    return judged.result(path, beside)


def rejected_path(out: Path) -> Path:
    """Return the file beside a result with the rows that could not be taken."""
    return out.with_name(f"{out.name}.rejected.csv")


@contextmanager
def opened(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a database that puts what does not fit into memory into a folder."""
    with interruptible(), duckdb.connect() as database:
        database.execute(f"SET temp_directory = {quoted(folder)}")
        database.execute("SET disabled_optimizers = 'in_clause'")  # it makes joins, and those confuse the order of rows
        database.execute(f"CREATE TYPE {VERDICT} AS ENUM ('{APPLIES}', '{RULED_OUT}', '{UNDETERMINED}')")
        yield database


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Tell in words what DuckDB cannot do with a table."""
    try:
        yield
    except duckdb.Error as problem:
        raise cannot_read(path, problem) from None


class Judged(Struct, frozen=True):
    """What a file with answers holds: how many rows have which status, and some rows with their cells and answers."""

    statuses: Mapping[str, int]
    rejected: int
    table: Table
    rows: Mapping[int, tuple[Cells, Mapping[str, Any]]]

    def result(self, path: Path, beside: Path) -> Result:
        """Return what came of the cohort, once its files are there."""
        told = beside if self.rejected else None
        return Result(self.statuses, self.rejected, self.table.kept, self.table.absent, path, told)


class _Judging:
    """The judging of one cohort, part by part."""

    def __init__(self, database: duckdb.DuckDBPyConnection, cohort: Cohort, file: Path, form: str) -> None:
        self.database = database
        self.cohort = cohort
        self.file = file
        self.form = form
        self.watched = watch(database)
        self.part = 0.0, 0.0

    def judge(self, strict: bool, sample: Sample, stopped: Event) -> Judged:
        """Write the answers, and return what was written."""
        database, cohort = self.database, self.cohort
        read, looked, answered = ENDS[form_of(cohort.path)]
        self.begin(read)
        table = open_table(database, cohort.path, cohort.knowledge, self.file.parent, cohort.keep, stopped)
        compiled = Compiled(Patients(cohort.knowledge, cohort.parameters, table.holds))
        self.begin(looked)
        rejected = reject(database, compiled, strict, table)
        query = taken(database, compiled, table, rejected)
        self.begin(answered)
        database.execute(f"COPY ({_as_text(query, self.form)}) TO {quoted(self.file)} ({OPTIONS[self.form]})")
        self.begin(1)
        written = Written(self.file, self.form, _types(database, query), table.kept)
        statuses = count_statuses(database, written.relation)
        rows = sampled(database, table, written, drawn(sample.count, sum(statuses.values()), sample.seed))
        return Judged(statuses, rejected, table, rows)

    def begin(self, end: float) -> None:
        """Begin the next part, which ends where so much of the whole is done."""
        self.part = self.part[1], end

    def done(self) -> float:
        """Return the share of the whole that is done."""
        start, end = self.part
        return start + (end - start) * self.watched()


def reject(database: duckdb.DuckDBPyConnection, compiled: Compiled, strict: bool, table: Table) -> int:
    """Find the rows that cannot be taken, and return how many there are."""
    first = " LIMIT 1" if strict else ""
    database.execute(
        f"CREATE TEMP TABLE {REJECTED} AS (FROM ({sql(compiled.rejections(table.kept))}){first})"
        f" UNION ALL BY NAME SELECT {ROW}, reason AS {REASON} FROM {MALFORMED}"
    )
    return count_rejected(database, strict, table)


def count_rejected(database: duckdb.DuckDBPyConnection, strict: bool, table: Table) -> int:
    """Return how many rows cannot be taken.

    Raises:
        InputError: with ``strict``, when there is one.

    """
    found = database.execute(f"SELECT {ROW}, {REASON} FROM {REJECTED} ORDER BY {ROW}").fetchone()
    if found is not None and strict:
        place = Place(str(table.path))
        raise InputError([Fault(f"row {found[0]}: {found[1]}", "Mend the row, or leave '--strict' out.", place)])
    return int(database.execute(f"SELECT count(*) FROM {REJECTED}").fetchall()[0][0])


def list_rejected(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write a file with the rows that cannot be taken, in order: number, reason, and the columns kept."""
    told = f"SELECT {ROW} AS row, {REASON} AS reason, * EXCLUDE ({ROW}, {REASON}) FROM {REJECTED} ORDER BY {ROW}"
    with writing_new(path) as (_, unfinished):
        database.execute(f"COPY ({told}) TO {quoted(unfinished)} (FORMAT csv, HEADER)")


def answers(compiled: Compiled) -> Columns:
    """Return the columns of an answer, as DuckDB writes them best."""
    return {
        "status": compiled.status(),
        **compiled.verdicts(_word),
        "doses": lists.doses(compiled.knowledge, compiled.slots()),
        "open": lists.open_findings(compiled.open()),
    }


def _word(word: str) -> Sql:
    return exp.cast(text(word), exp.DataType.build(VERDICT, udt=True))


def taken(database: duckdb.DuckDBPyConnection, compiled: Compiled, table: Table, rejected: int) -> str:
    """Return the query for the answers of all rows that can be taken, in the order of the table.

    It has no join, which would confuse the order: sorting takes a sixth of the time, and all the memory.
    """
    if rejected:
        last = database.execute(f"SELECT max({ROW}) FROM {REJECTED}").fetchall()[0][0]
        database.execute(f"SET VARIABLE bad = (SELECT bitstring_agg({ROW}, 0, {last}) FROM {REJECTED})")
        is_bad = f"CASE WHEN {ROW} <= {last} THEN get_bit(getvariable('bad'), CAST({ROW} AS INT)) = 1 ELSE false END"
        database.execute(f"ALTER VIEW {PATIENTS} RENAME TO every_row")
        database.execute(f"CREATE TEMP VIEW {PATIENTS} AS SELECT * FROM every_row WHERE NOT {is_bad}")
    return sql(compiled.answers(table.kept, answers(compiled)))


def _types(database: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Return the columns of a query with their types."""
    return {row[0]: row[1] for row in database.execute(f"DESCRIBE {query}").fetchall()}


def _as_text(query: str, form: str) -> str:
    """Return a query with its lists as JSON, where a form of file knows no lists."""
    return (
        f"SELECT * REPLACE (to_json(doses) AS doses, to_json(open) AS open) FROM ({query})" if form == "csv" else query
    )


def sql(query: exp.Select) -> str:
    """Return a query as DuckDB reads it."""
    return query.sql(DUCKDB, identify=True, copy=False)
