"""A cohort judged on Apache Spark: the same compiled rules, for tables that one machine is too small for.

The result is a folder of Parquet files whose names stand in the order of the table. A row stays in the piece of the
table that it was read in: nothing is sorted, and nothing sent from one machine to another but the bad rows.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as sf
from sqlglot import exp

from engine.cohorts import lists, results, runs
from engine.cohorts.cells import NUMERIC
from engine.cohorts.frames import cell, located, open_frame
from engine.cohorts.patients import Columns, Patients
from engine.cohorts.progress import PULSE_S, Progress, rising, untold
from engine.cohorts.query import PATIENTS, REASON, ROW, Compiled
from engine.cohorts.relations import NUMBERED, listed, parquet
from engine.cohorts.runs import Cohort, Judged, Result, Sample, rejected_path
from engine.cohorts.sample import Cells, drawn, require_alike
from engine.cohorts.tables import MALFORMED, REJECTED, Table, form_of
from engine.errors import Fault, InputError, Place
from engine.files import require_new, writing_new_folder

SPARK = "spark"

LOCAL = "local[*]"
"""The master that is this machine with all its cores."""

STARTED: dict[str, str | bool | int | float | None] = {
    "spark.log.level": "OFF",  # what goes wrong is raised, and told in words
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""What Spark is started with."""

SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # what cannot be computed is an error; NULL would say unknown
    "spark.sql.caseSensitive": "true",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",  # to compile hundreds of columns takes longer than it saves
    "spark.sql.codegen.wholeStage": "false",  # and they are more than Java takes in one method
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # doses are exact, or there are none
    "spark.sql.files.maxPartitionBytes": "16MB",  # a piece is some 100,000 rows or more: minutes, not an hour
    "spark.sql.files.openCostInBytes": "1MB",
    "spark.sql.session.timeZone": "UTC",
}
"""What is set while a cohort is judged."""


def judge_on_spark(
    cohort: Cohort,
    out: str,
    strict: bool,
    sample: Sample,
    master: str = LOCAL,
    progress: Progress = untold,
) -> Result:
    """Write the answers for all patients of a cohort into a new folder; nothing is left where it is interrupted.

    Raises:
        InputError: when there is no Java, the table cannot be read or the folder not be written, and with ``strict``
            at the first row that cannot be taken.
        EngineError: when a patient of the sample is answered otherwise by a consultation.

    """
    _require_parquet(out)
    beside = require_new(rejected_path(require_new(out)))
    with ExitStack() as undo:
        with (
            writing_new_folder(out) as (path, folder),
            told(cohort.path),
            opened(master) as session,
            runs.opened(folder.parent) as database,
            runs.readable(cohort.path),
        ):
            with watched(session, progress):
                judged = _judged(session, database, cohort, folder, strict, sample)
            require_alike(sample.base, cohort.parameters, judged.rows)
            if judged.rejected:
                runs.list_rejected(database, beside)
                undo.callback(beside.unlink)
        undo.pop_all()
    return judged.result(path, beside)


def _judged(
    session: SparkSession,
    database: duckdb.DuckDBPyConnection,
    cohort: Cohort,
    folder: Path,
    strict: bool,
    sample: Sample,
) -> Judged:
    """Write the answers into a folder, and return what was written."""
    table = open_frame(session, database, cohort.path, cohort.knowledge, folder.parent, cohort.keep)
    compiled = Compiled(Patients(cohort.knowledge, cohort.parameters, table.holds))
    notes = folder.with_name(REJECTED)
    rejected = reject(session, database, compiled, strict, table, notes)
    if rejected:
        _leave_out(session, notes)
    session.sql(sql(compiled.answers(table.kept, answers(compiled)))).write.parquet(_new(folder))
    statuses, rows = _sampled(session, database, table, folder, sample)
    return Judged(statuses, rejected, table, rows)


def _require_parquet(out: str) -> None:
    if form_of(out) != "parquet":
        found = "Apache Spark writes a folder of Parquet files"
        raise InputError([Fault(found, "End its name in '.parquet'.", Place(out))])


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Tell in words what Spark cannot do."""
    try:
        yield
    except (PySparkException, Py4JError) as problem:
        said = problem.java_exception.toString() if isinstance(problem, Py4JJavaError) else str(problem)
        found = f"Apache Spark gave up: {said.splitlines()[0]}"
        raise InputError([Fault(found, "Mend what it names; nothing was written.", Place(str(path)))]) from None


@contextmanager
def opened(master: str) -> Iterator[SparkSession]:
    """Lend a session of its own: of the Spark that runs, or else of one that is started and stopped again.

    Raises:
        InputError: when there is no Java.

    """
    running = SparkSession.getActiveSession()
    spark = running or start(master)
    try:
        session = spark.newSession()
        for name, value in SETTINGS.items():
            session.conf.set(name, value)
        yield session
    finally:
        if running is None:
            spark.stop()


def start(master: str) -> SparkSession:
    """Start Spark.

    Raises:
        InputError: when there is no Java.

    """
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else None) is None:
        found = f"Apache Spark needs Java, and there is none{f' in JAVA_HOME, {home}' if home else ''}"
        remedy = "Install it, 17 or later (on Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME."
        raise InputError([Fault(found, remedy)])
    logging.getLogger().addFilter(_is_of_others)
    with silenced():
        return SparkSession.builder.master(master).appName("ivig-mg").config(map=STARTED).getOrCreate()


def _is_of_others(record: logging.LogRecord) -> bool:
    """Return whether a record is not py4j's, which logs Ctrl-C with tracebacks, besides raising it."""
    return Path(record.pathname).parent.name != "py4j"


@contextmanager
def silenced() -> Iterator[None]:
    """Let no program that is started meanwhile write to the terminal; what Spark has to say is raised."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def watched(session: SparkSession, progress: Progress) -> Iterator[None]:
    """Tell from time to time what share of the work that Spark has begun is done."""
    tracker = session.sparkContext.statusTracker()

    def done() -> float:
        jobs = [tracker.getJobInfo(job) for job in tracker.getActiveJobsIds()]
        stages = [tracker.getStageInfo(stage) for job in jobs if job is not None for stage in job.stageIds]
        tasks = sum(stage.numTasks for stage in stages if stage is not None)
        return float(sum(stage.numCompletedTasks for stage in stages if stage is not None) / max(tasks, 1))

    is_over = threading.Event()

    def tell() -> None:
        for share in rising(done):
            if is_over.wait(PULSE_S):
                return
            progress(share)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
        teller.join()


def reject(
    session: SparkSession,
    database: duckdb.DuckDBPyConnection,
    compiled: Compiled,
    strict: bool,
    table: Table,
    folder: Path,
) -> int:
    """Find the rows that cannot be taken, note them in a folder, and return how many there are."""
    session.sql(sql(compiled.rejections(table.kept))).write.parquet(_new(folder))
    unreadable, malformed = parquet(*_pieces(folder)), f"SELECT {ROW}, reason AS {REASON} FROM {MALFORMED}"
    database.execute(f"CREATE TEMP VIEW {REJECTED} AS FROM {unreadable} UNION ALL BY NAME {malformed}")
    return runs.count_rejected(database, strict, table)


def answers(compiled: Compiled) -> Columns:
    """Return the columns of an answer; an empty list is given the type that Spark cannot guess."""
    slots = compiled.slots()
    none = exp.cast(exp.Array(expressions=[]), "ARRAY<TEXT>")
    return {
        "status": compiled.status(),
        **compiled.verdicts(),
        "doses": lists.doses(compiled.knowledge, slots) if slots else none,
        "open": exp.cast(lists.open_findings(compiled.open()), "ARRAY<TEXT>"),
    }


def sql(query: exp.Select) -> str:
    """Return a query as Spark reads it."""
    return query.sql(SPARK, identify=True, copy=False)


def _leave_out(session: SparkSession, folder: Path) -> None:
    """Leave out the rows that were noted in a folder."""
    every, bad = session.table(PATIENTS), sf.broadcast(session.read.parquet(located(folder)).select(ROW))
    every.join(bad, every[ROW] == bad[ROW], "left_anti").createOrReplaceTempView(PATIENTS)


def _sampled(
    session: SparkSession, database: duckdb.DuckDBPyConnection, table: Table, folder: Path, sample: Sample
) -> tuple[dict[str, int], dict[int, tuple[Cells, Mapping[str, Any]]]]:
    """Return how many rows have which status, and some rows, by their numbers in the table: their cells, their answers.

    DuckDB reads the answers: it looks up a few rows, where Spark would go through all of them.
    """
    files = _pieces(folder)
    counted = f"SELECT file_name, num_rows FROM parquet_file_metadata({listed(files)})"
    rows_of = dict(database.execute(counted).fetchall())
    statuses = results.count_statuses(database, parquet(*files))
    places = drawn(sample.count, sum(statuses.values()), sample.seed)
    numbers = results.numbers_at(database, places)
    findings = [name for name in table.columns if name in table.holds]
    cells = [_in_words(name, table.holds[name]) for name in findings]
    given = session.table(PATIENTS).where(sf.col(ROW).isin(numbers)).orderBy(ROW).select(cells).collect()
    answered = _at(database, [(file, rows_of[str(file)]) for file in files], places)
    return statuses, {
        number: (cells.asDict(), answer) for number, cells, answer in zip(numbers, given, answered, strict=True)
    }


def _in_words(name: str, holds: str) -> Column:
    """Return a cell as words; a number with as many decimals as one can have that was taken."""
    value = cell(name).cast("decimal(18, 6)") if holds == NUMERIC else cell(name)
    return value.cast("string").alias(name)


def _at(
    database: duckdb.DuckDBPyConnection, files: Sequence[tuple[Path, int]], places: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Yield the rows at some places, from 1, of files with so many rows each."""
    before = 0
    for file, count in files:
        inside = [place - before - 1 for place in places if before < place <= before + count]
        if inside:
            wanted = f"WHERE {NUMBERED} IN {results.in_places(inside)} ORDER BY {NUMBERED}"
            rows = parquet(file, is_numbered=True)
            found = database.execute(f"SELECT * EXCLUDE ({NUMBERED}) FROM {rows} {wanted}")
            names = [one[0] for one in found.description]
            yield from (dict(zip(names, row, strict=True)) for row in found.fetchall())
        before += count


def _pieces(folder: Path) -> list[Path]:
    return sorted(folder.absolute().glob("*.parquet"))


def _new(folder: Path) -> str:
    return f"file:{folder.absolute()}"
