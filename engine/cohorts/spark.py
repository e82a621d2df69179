"""A cohort judged on Apache Spark: the same compiled rules, for tables that one machine is too small for.

The result is a folder of Parquet files whose names stand in the order of the table. A row stays in the piece of the
table that it was read in: nothing is sorted, and nothing sent from one machine to another but the bad rows.
"""

from __future__ import annotations

import csv
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf
from sqlglot import exp

from engine.cohorts import lists
from engine.cohorts.frames import cell, located, open_frame
from engine.cohorts.patients import Columns, Patients
from engine.cohorts.query import PATIENTS, ROW, Compiled
from engine.cohorts.runs import REJECTED, Cohort, Progress, Result, Sample, rejected_path
from engine.cohorts.sample import Cells, drawn, require_alike
from engine.cohorts.tables import MALFORMED, Table, form_of
from engine.errors import Fault, InputError, Place
from engine.files import require_new, writing_new, writing_new_folder

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
    "spark.sql.codegen.wholeStage": "false",  # hundreds of columns are more than Java takes in one method
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # doses are exact, or there are none
    "spark.sql.session.timeZone": "UTC",
}
"""What is set while a cohort is judged."""

BLANKS = {r"[\s\p{Z}]+": r"[\t\n\f\r \p{Z}]+"}
"""The blanks of a cell; to Java ``\\s`` means the vertical tab too, so that a bad row would be taken."""


def judge_on_spark(
    cohort: Cohort,
    out: str,
    strict: bool,
    sample: Sample,
    master: str = LOCAL,
    progress: Progress = lambda share: None,
) -> Result:
    """Write the answers for all patients of a cohort into a new folder; nothing is left where it is interrupted.

    Raises:
        InputError: when there is no Java, the table cannot be read or the folder not be written, and with ``strict``
            at the first row that cannot be taken.
        EngineError: when a patient of the sample is answered otherwise by a consultation.

    """
    _require_parquet(out)
    beside = require_new(rejected_path(require_new(out)))
    with writing_new_folder(out) as (path, folder), told(cohort.path), opened(master) as session:
        with watched(session, progress):
            table = open_frame(session, cohort.path, cohort.knowledge, cohort.keep)
            compiled = Compiled(Patients(cohort.knowledge, cohort.parameters, table.holds))
            rejected = reject(session, compiled, strict, table, folder.with_name(REJECTED))
            _taken(session, compiled, table, rejected).write.parquet(_new(folder))
            judged, rows = _sampled(session, table, folder, sample, rejected)
        require_alike(sample.base, cohort.parameters, rows)
        if rejected:
            _list_rejected(session, beside)
    return Result(judged, rejected, table.kept, path, beside if rejected else None)


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
    return SparkSession.builder.master(master).appName("ivig-mg").config(map=STARTED).getOrCreate()


@contextmanager
def watched(session: SparkSession, progress: Progress) -> Iterator[None]:
    """Tell from time to time what share of the work that Spark has begun is done."""
    tracker = session.sparkContext.statusTracker()
    is_done = threading.Event()

    def tell() -> None:
        while not is_done.wait(0.5):
            jobs = [tracker.getJobInfo(job) for job in tracker.getActiveJobsIds()]
            stages = [tracker.getStageInfo(stage) for job in jobs if job is not None for stage in job.stageIds]
            tasks = sum(stage.numTasks for stage in stages if stage is not None)
            progress(sum(stage.numCompletedTasks for stage in stages if stage is not None) / max(tasks, 1))

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_done.set()
        teller.join()


def reject(session: SparkSession, compiled: Compiled, strict: bool, table: Table, folder: Path) -> int:
    """Find the rows that cannot be taken, note them in a folder, and return how many there are."""
    unreadable = f"SELECT {ROW} AS row, reason FROM ({sql(compiled.rejections())})"
    found = session.sql(f"{unreadable} UNION ALL SELECT {ROW}, reason FROM {MALFORMED}")
    found.write.parquet(_new(folder))
    rejected = session.read.parquet(located(folder))
    rejected.createOrReplaceTempView(REJECTED)
    first = rejected.orderBy("row").first() if strict else None
    if first is not None:
        place = Place(str(table.path))
        raise InputError([Fault(f"row {first.row}: {first.reason}", "Mend the row, or leave '--strict' out.", place)])
    count: int = rejected.count()
    return count


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
    """Return a query as Spark reads it; what sqlglot does not see to itself is adapted here."""
    adapted = query.copy()
    for words in list(adapted.find_all(exp.Literal)):
        if words.is_string and words.this in BLANKS:
            words.replace(exp.Literal.string(BLANKS[words.this]))
    return adapted.sql(SPARK, identify=True)


def _taken(session: SparkSession, compiled: Compiled, table: Table, rejected: int) -> DataFrame:
    """Return the answers of all rows that can be taken, in order."""
    if rejected:
        every, bad = session.table(PATIENTS), sf.broadcast(session.table(REJECTED))
        every.join(bad, every[ROW] == bad["row"], "left_anti").createOrReplaceTempView(PATIENTS)
    return session.sql(sql(compiled.answers(table.kept, answers(compiled))))


def _sampled(
    session: SparkSession, table: Table, folder: Path, sample: Sample, rejected: int
) -> tuple[int, dict[int, tuple[Cells, Mapping[str, Any]]]]:
    """Return how many rows a result has, and some, by their numbers in the table: their cells, their answers."""
    written = session.read.parquet(located(folder)).select("*", "_metadata.file_name", "_metadata.row_index")
    files = [(row[0], row[1]) for row in written.groupBy("file_name").count().orderBy("file_name").collect()]
    judged = sum(count for _, count in files)
    places = drawn(sample.count, judged, sample.seed)
    numbers = _numbers(session, places) if rejected else places
    findings = [name for name in table.columns if name not in table.kept]
    cells = [cell(name).cast("string").alias(name) for name in findings]
    given = session.table(PATIENTS).where(sf.col(ROW).isin(numbers)).orderBy(ROW).select(cells).collect()
    answered = _at(written, files, places)
    return judged, {
        number: (cells.asDict(), answer.asDict(recursive=True))
        for number, cells, answer in zip(numbers, given, answered, strict=True)
    }


def _at(written: DataFrame, files: list[tuple[str, int]], places: list[int]) -> list[Row]:
    """Return the rows at some places, from 1, of files with so many rows each."""
    wanted, before = sf.lit(False), 0
    for name, count in files:
        inside = [place - before - 1 for place in places if before < place <= before + count]
        wanted = (
            wanted | (sf.col("file_name").eqNullSafe(name) & sf.col("row_index").isin(inside)) if inside else wanted
        )
        before += count
    found: list[Row] = written.where(wanted).orderBy("file_name", "row_index").drop("file_name", "row_index").collect()
    return found


def _numbers(session: SparkSession, places: list[int]) -> list[int]:
    """Return the numbers of the rows at some places among those that were taken, in order."""
    bad = f"SELECT row - row_number() OVER (ORDER BY row) AS taken_before FROM {REJECTED}"
    asked = "SELECT explode(CAST(:places AS ARRAY<BIGINT>)) AS place"
    query = f"SELECT place + count(taken_before) AS number FROM ({asked}) LEFT JOIN ({bad}) ON taken_before < place"
    rows = session.sql(f"{query} GROUP BY place ORDER BY number", {"places": sf.lit(places)}).collect()
    return [row.number for row in rows]


def _list_rejected(session: SparkSession, path: Path) -> None:
    """Write a file with the rows that could not be taken, in order."""
    with writing_new(path) as (_, unfinished), open(unfinished, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "reason"])
        writer.writerows(session.table(REJECTED).orderBy("row").toLocalIterator())


def _new(folder: Path) -> str:
    return f"file:{folder.absolute()}"
