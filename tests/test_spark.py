"""Cohorts on Apache Spark: everything that DuckDB and a consultation say, it says too."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.cohorts.patients import Patients
from engine.cohorts.query import Compiled
from engine.cohorts.runs import Cohort, Result, Sample, rejected_path
from engine.cohorts.sample import answer_of
from engine.compiler import RuleBase, compile_rules
from engine.conditions import Judge
from engine.consultation import consult, evaluate
from engine.errors import EngineError, InputError
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load
from engine.model import Knowledge
from tests import sparks
from tests.cohorts import by_parameters, in_words, judged, rejected, table, typed
from tests.conftest import BASE, CASES, ROOT
from tests.random_knowledge import knowledge_bases, patients

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVERYTHING = os.environ.get("IVIG_SPARK") == "all"
slow = pytest.mark.skipif(not EVERYTHING, reason="Apache Spark takes its time: IVIG_SPARK=all runs this test too")

FINDINGS = list(BASE.knowledge.findings)
FORMS = ("csv", "jsonl", "parquet")
SMALL = {"spark.sql.files.maxPartitionBytes": "20000", "spark.sql.files.openCostInBytes": "0"}
"""What has Spark cut a small file into pieces."""


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[SparkSession]:
    """One Spark for all tests: it takes long to start."""
    started = sparks.start()
    yield started
    started.stop()


def on_spark(
    path: Path,
    knowledge: Knowledge = BASE.knowledge,
    parameters: Mapping[str, Given] | None = None,
    *,
    strict: bool = False,
    base: RuleBase | None = None,
) -> tuple[Result, list[dict[str, Any]]]:
    """Judge a table on Spark, and return what came of it and its rows."""
    from engine.cohorts import spark

    in_force = interpret(knowledge, {}, parameters or {}).parameters
    out = path.with_name(f"{path.stem}.spark.parquet")
    shutil.rmtree(out, ignore_errors=True)
    rejected_path(out).unlink(missing_ok=True)
    sample = Sample(3, 1, base or (BASE if knowledge is BASE.knowledge else compile_rules(knowledge)))
    result = spark.judge_on_spark(Cohort(path, (), knowledge, in_force), str(out), strict, sample)
    return result, rows_of(result)


def rows_of(result: Result) -> list[dict[str, Any]]:
    with duckdb.connect() as database:
        cursor = database.execute("FROM read_parquet(?)", [sorted(map(str, result.path.glob("*.parquet")))])
        names = [one[0] for one in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def types_of(path: str) -> list[tuple[str, str]]:
    with duckdb.connect() as database:
        described = database.execute(f"DESCRIBE FROM '{path}'").fetchall()
        return [(row[0], "VARCHAR" if row[1].startswith("ENUM") else row[1]) for row in described]


# Equal. ------------------------------------------------------------------------------------


def test_the_worked_cases_are_answered_as_by_duckdb_and_by_a_consultation(tmp_path: Path) -> None:
    for number, places in enumerate(by_parameters()[: None if EVERYTHING else 1]):
        cases = [CASES[place] for place in places]
        path = table(
            tmp_path / f"{number}.{('parquet', 'csv', 'jsonl')[number % 3]}",
            in_words([case.findings for case in cases]),
            FINDINGS,
        )
        result, rows = on_spark(path, BASE.knowledge, cases[0].parameters)
        assert (result.judged, result.rejected) == (len(cases), 0)
        assert rows == judged(path, BASE.knowledge, cases[0].parameters)[1]
        for case, row in zip(cases, rows, strict=True):
            assert row == answer_of(consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters))), case.name


def test_the_worked_cases_of_rarer_settings_are_answered_as_by_a_consultation(
    tmp_path: Path, session: SparkSession
) -> None:
    from engine.cohorts import frames, spark

    for number, places in enumerate(by_parameters()[1:]):
        cases = [CASES[place] for place in places]
        path = table(tmp_path / f"{number}.jsonl", in_words([case.findings for case in cases]), FINDINGS)
        in_force = interpret(BASE.knowledge, {}, cases[0].parameters).parameters
        folder = tmp_path / str(number)
        folder.mkdir()
        with duckdb.connect() as database:
            read = frames.open_frame(session, database, path, BASE.knowledge, folder)
        compiled = Compiled(Patients(BASE.knowledge, in_force, read.holds))
        rows = session.sql(spark.sql(compiled.answers((), spark.answers(compiled)))).collect()
        for case, row in zip(cases, rows, strict=True):
            expected = answer_of(consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters)))
            assert row.asDict(recursive=True) == expected, case.name


def test_binary_numbers_are_taken_as_by_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    numbers = "(0.0005), (0.5), (12.25), (1e-5), (1e-7), (1e-20), (1e7), (1e300), (NULL)"
    duckdb.execute(
        "COPY (SELECT 'other' AS diagnosis, n::DOUBLE AS serum_iga_g_per_l, TRY_CAST(n AS FLOAT) AS height_cm,"
        f" 70.5::DECIMAL(38, 18) AS actual_weight_kg FROM (VALUES {numbers}) t(n)) TO '{path}'"
    )
    ours, answered = on_spark(path)
    theirs, others = judged(path, BASE.knowledge)
    assert list(rejected(ours)) == list(rejected(theirs))
    assert answered == others


def test_its_columns_have_the_types_that_duckdb_gives_them(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", in_words([CASES[0].findings]), FINDINGS)
    ours, theirs = on_spark(path)[0], judged(path, BASE.knowledge)[0]
    assert types_of(f"{ours.path}/*.parquet") == types_of(str(theirs.path))


@settings(
    deadline=None,
    max_examples=20 if EVERYTHING else 2,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(knowledge_bases(), st.lists(patients(), min_size=15, max_size=20), st.booleans())
def test_any_knowledge_answers_any_patients_alike(
    tmp_path: Path, knowledge: Knowledge, rows: list[dict[str, Given]], with_numbers: bool
) -> None:
    path = table(tmp_path / "a.parquet", in_words(rows), list(knowledge.findings))
    path = typed(path, knowledge) if with_numbers else path
    result, found = on_spark(path, knowledge)
    assert result.rejected == 0
    assert found == [answer_of(evaluate(Judge(knowledge, interpret(knowledge, row)))) for row in rows]
    assert found == judged(path, knowledge)[1]


# Rows. -------------------------------------------------------------------------------------

BAD = [
    {"diagnosis": "myasthenia_gravis", "age_years": "66"},
    {"diagnosis": "mg"},
    {"age_years": "140", "actual_weight_kg": "7e1"},
    {"age_years": "65.5"},
    {"sepsis": "true", "hypotension": "YES"},
    {"graded": "no", "grade": "3"},
    {"age_years": " 66  years ", "sepsis": " yes ", "iga_status": "pending"},
    {"sepsis": "yes\v"},
    {"sepsis": "no\u3000\u00a0"},
]


@pytest.mark.parametrize("form", FORMS)
def test_the_rows_that_cannot_be_taken_are_those_of_duckdb(tmp_path: Path, form: str) -> None:
    rows = [{"nr": str(number), **row} for number, row in enumerate(BAD, 1)]
    path = table(tmp_path / f"a.{form}", rows, ["nr", *FINDINGS])
    ours, answered = on_spark(path)
    theirs, others = judged(path, BASE.knowledge)
    assert rejected(ours) == rejected(theirs)
    assert ours.rejected == 5
    assert answered == others


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Spark cut small files into pieces."""
    from engine.cohorts import spark

    for name, value in SMALL.items():
        monkeypatch.setitem(spark.SETTINGS, name, value)


@pytest.mark.usefixtures("cut")
def test_a_parquet_file_of_many_pieces_keeps_its_order(tmp_path: Path) -> None:
    path = tmp_path / "a [1].parquet"
    with duckdb.connect() as database:
        cells = "i AS \"nr. `a`\", CASE WHEN i = 30000 THEN 'mg' ELSE 'other' END AS diagnosis"
        database.execute(f"COPY (SELECT {cells} FROM range(40000) t(i)) TO '{path}' (ROW_GROUP_SIZE 4096)")
    result, found = on_spark(path)
    assert len(list(result.path.glob("part-*"))) > 3
    assert [row["nr. `a`"] for row in found] == [number for number in range(40000) if number != 30000]
    assert list(rejected(result)) == [30001]


def test_a_line_of_csv_that_is_no_row_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('nr,diagnosis,sepsis\n1,other\n"2\n, ""two""",other,no\n3,other,no,"a,b"\n"",other,yes\n')
    result, found = on_spark(path)
    assert [row["nr"] for row in found] == ['2\n, "two"', None]
    assert rejected(result) == {
        1: "2 cells, where the table has 3 columns",
        3: "4 cells, where the table has 3 columns",
    }


@slow
def test_a_line_of_json_that_is_no_row_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        '{"nr": 1.50, "diagnosis": "ot\\u0068er"}',
        "[1]",
        "nope",
        '{"nr": 4, "weight": "70"}',
        "{'nr': 5}",
        '{"nr": "6 \\" 7"}',
        '{"nr": {"b": [1]}}',
        '{"nr": 12345678901234567890.123456789012345678901}',
        "",
        '{"nr": 10}',
    ]
    path.write_text("\n".join(lines))
    result, found = on_spark(path)
    exact = "12345678901234567890.123456789012345678901"
    assert [row["nr"] for row in found] == ["1.50", '6 " 7', '{"b":[1]}', exact, "10"]
    no_object = "this line is no JSON object"
    assert rejected(result) == {2: no_object, 3: no_object, 4: "unknown column weight", 5: no_object, 9: no_object}
    theirs, others = judged(path, BASE.knowledge)
    assert (rejected(theirs), others) == (rejected(result), found)


# Nothing is left. --------------------------------------------------------------------------


def test_strict_stops_at_the_first_row_that_cannot_be_taken(tmp_path: Path) -> None:
    path = table(tmp_path / "a.jsonl", BAD, FINDINGS)
    with pytest.raises(InputError, match="row 2: diagnosis: 'mg' is not a value it takes"):
        on_spark(path, strict=True)
    assert list(tmp_path.iterdir()) == [path]


@slow
def test_a_result_that_a_consultation_contradicts_is_not_written(tmp_path: Path) -> None:
    path = table(tmp_path / "a.jsonl", in_words([CASES[0].findings]), FINDINGS)
    other = compile_rules(load(SHIPPED, [SHIPPED / "layers" / "product_label"]))
    with pytest.raises(EngineError, match="row 1 is answered otherwise than by a consultation"):
        on_spark(path, base=other)
    assert list(tmp_path.iterdir()) == [path]


@slow
def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    path = table(tmp_path / "a.jsonl", [{"diagnosis": "other"}] * 1000, FINDINGS)

    def interrupt() -> None:
        while not list(tmp_path.glob(".a.spark.parquet.*/unfinished")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        on_spark(path)
    assert list(tmp_path.iterdir()) == [path]


@slow
def test_the_command_says_that_it_was_interrupted_and_no_more(tmp_path: Path) -> None:
    table(tmp_path / "a.jsonl", [{"diagnosis": "other"}] * 1000, FINDINGS)
    command = [sys.executable, "-m", "cli", "cohort", "a.jsonl", "--out", "b.parquet", "--engine", "spark"]
    paths = os.pathsep.join([str(ROOT), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".b.parquet.*/unfinished")):
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "Interrupted. Nothing was written; run it again.\n")
    assert [one.name for one in tmp_path.iterdir()] == ["a.jsonl"]


# Not to be done. ---------------------------------------------------------------------------


def test_without_java_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    from engine.cohorts import spark

    with pytest.raises(InputError, match="Apache Spark needs Java, and there is none") as caught:
        spark.start("local[1]")
    assert "apt-get install openjdk-17-jre-headless" in caught.value.faults[0].remedy


def test_its_result_ends_in_parquet(tmp_path: Path) -> None:
    from engine.cohorts import spark

    sample = Sample(0, 1, BASE)
    with pytest.raises(InputError, match="Apache Spark writes a folder of Parquet files"):
        spark.judge_on_spark(Cohort(tmp_path / "a.csv", (), BASE.knowledge, {}), str(tmp_path / "b.csv"), False, sample)


def test_a_file_that_is_no_table_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_text("no table")
    with pytest.raises(InputError, match="it cannot be read as a table: "):
        on_spark(path)
    assert list(tmp_path.iterdir()) == [path]
