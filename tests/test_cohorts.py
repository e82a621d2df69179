"""Cohorts: what the compiled rules say of a whole table is what a consultation says of each patient."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pexpect
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cohorts.intake import open_table
from engine.cohorts.patients import Patients
from engine.cohorts.query import Compiled
from engine.cohorts.runs import Cohort, Sample, judge, opened, reject, taken
from engine.cohorts.sample import answer_of
from engine.compiler import compile_rules
from engine.conditions import Judge
from engine.consultation import consult, evaluate
from engine.errors import EngineError, InputError
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load
from engine.model import Knowledge
from tests.cohorts import by_parameters, in_words, judged, rejected, table, typed
from tests.conftest import BASE, CASES, ROOT
from tests.random_knowledge import knowledge_bases, patients

LAYER = SHIPPED / "layers" / "product_label"
KILLS = int(os.environ.get("IVIG_KILLS", "2"))
FINDINGS = list(BASE.knowledge.findings)


# Equal. ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_worked_case_is_answered_as_by_a_consultation(tmp_path: Path, form: str) -> None:
    for number, places in enumerate(by_parameters()):
        cases = [CASES[place] for place in places]
        path = table(tmp_path / f"{number}.{form}", in_words(case.findings for case in cases), FINDINGS)
        result, rows = judged(path, BASE.knowledge, cases[0].parameters)
        assert (result.judged, result.rejected) == (len(cases), 0)
        for case, row in zip(cases, rows, strict=True):
            consultation = consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters))
            assert row == answer_of(consultation), case.name


def test_with_a_layer_it_is_answered_as_by_a_consultation_with_it(tmp_path: Path) -> None:
    laid = load(SHIPPED, [LAYER])
    base = compile_rules(laid)
    plain = [case for case in CASES if not case.parameters][::4]
    path = table(tmp_path / "a.csv", in_words(case.findings for case in plain), list(laid.findings))
    _, rows = judged(path, laid)
    assert rows == [answer_of(consult(base, interpret(laid, case.findings))) for case in plain]


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(knowledge_bases(), st.lists(patients(), min_size=1, max_size=20), st.booleans())
def test_any_knowledge_answers_any_patients_alike(
    tmp_path: Path, knowledge: Knowledge, rows: list[dict[str, Given]], with_numbers: bool
) -> None:
    path = table(tmp_path / "a.parquet", in_words(rows), list(knowledge.findings))
    result, found = judged(typed(path, knowledge) if with_numbers else path, knowledge)
    assert result.rejected == 0
    assert found == [answer_of(evaluate(Judge(knowledge, interpret(knowledge, row)))) for row in rows]


# Rows. -------------------------------------------------------------------------------------


def test_rows_keep_their_order_and_their_other_columns(tmp_path: Path) -> None:
    count = 150_000
    path = tmp_path / "a.parquet"
    with duckdb.connect() as database:
        drawn = "CASE i % 3 WHEN 0 THEN 'yes' WHEN 1 THEN 'no' END"
        query = (
            f"SELECT i AS id, 'myasthenia_gravis' AS diagnosis, {drawn} AS myasthenic_crisis FROM range({count}) t(i)"
        )
        database.execute(f"COPY ({query}) TO '{path}' (ROW_GROUP_SIZE 20480)")
        result, _ = judged(path, BASE.knowledge)
        assert result.kept == ("id",)
        ordered = (
            f"SELECT count(*) FROM read_parquet('{result.path}', file_row_number = true) WHERE id = file_row_number"
        )
        assert database.execute(ordered).fetchall() == [(count,)]
        by_word = f"SELECT id % 3, S12, count(*) FROM '{result.path}' GROUP BY ALL ORDER BY ALL"
        verdicts = ("applies", "ruled_out", "undetermined")
        assert database.execute(by_word).fetchall() == [(n, verdicts[n], count // 3) for n in range(3)]


STREAMED = {"PROJECTION", "FILTER", "READ_PARQUET"}


def operators(plan: dict[str, Any]) -> set[str]:
    """What DuckDB does in a plan."""
    return {plan["name"]}.union(*map(operators, plan["children"]))


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_rows_stream_from_table_to_result_with_no_join_to_confuse_their_order(tmp_path: Path, form: str) -> None:
    path = table(tmp_path / f"a.{form}", [row for row, _ in BAD], FINDINGS)
    with opened(tmp_path) as database:
        read = open_table(database, path, BASE.knowledge, tmp_path)
        compiled = Compiled(Patients(BASE.knowledge, {}, read.holds))
        query = taken(database, compiled, read, reject(database, compiled, False, read))
        (plan,) = json.loads(database.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()[0][1])
    assert operators(plan) == STREAMED


BAD = [
    ({"diagnosis": "myasthenia_gravis", "age_years": "66"}, ""),
    ({"diagnosis": "mg"}, "diagnosis: 'mg' is not a value it takes"),
    ({"age_years": "140"}, "age_years: '140' is not a value it takes"),
    ({"age_years": "65.5"}, "age_years: '65.5' is not a value it takes"),
    ({"actual_weight_kg": "7e1"}, "actual_weight_kg: '7e1' is not a value it takes"),
    ({"sepsis": "true", "hypotension": "YES"}, "sepsis: 'true' is not a value it takes"),
    ({"graded": "no", "grade": "3"}, "grade is given, but can be only while 'graded' holds, and it does not"),
    ({"age_years": " 66  years ", "sepsis": " yes ", "iga_status": "pending"}, ""),
]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_rows_that_cannot_be_taken_are_told_with_number_and_reason(tmp_path: Path, form: str) -> None:
    path = table(tmp_path / f"a.{form}", [row for row, _ in BAD], FINDINGS)
    result, rows = judged(path, BASE.knowledge)
    told = rejected(result)
    assert (len(rows), result.rejected) == (2, len(BAD) - 2)
    for number, (_, reason) in enumerate(BAD, 1):
        assert reason in told.get(number, ""), number
        assert bool(reason) == (number in told), number


def test_a_refused_row_is_one_that_a_consultation_refuses(tmp_path: Path) -> None:
    for row, reason in BAD:
        path = table(tmp_path / "a.csv", [row], FINDINGS)
        result, _ = judged(path, BASE.knowledge)
        words = {name: Given(word) for name, word in row.items()}
        if reason:
            with pytest.raises(InputError):
                interpret(BASE.knowledge, words)
        else:
            interpret(BASE.knowledge, words)
        assert result.rejected == bool(reason)


def test_lines_that_are_no_rows_are_told_by_their_numbers(tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"sepsis": "yes"}\nnonsense\n{"sepsis": "no", "weight": "70"}\n[1]\n{"sepsis": "maybe"}\n')
    result, rows = judged(lines, BASE.knowledge)
    told = rejected(result)
    assert list(told) == [2, 3, 4, 5]
    assert (told[2], told[3]) == ("this line is no JSON object", "unknown column weight")
    assert [row["S17"] for row in rows] == ["undetermined"]


def test_a_line_with_too_many_fields_is_told_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,sepsis\n1,yes\n2,no,more\n3,maybe\n4,no\n")
    result, rows = judged(path, BASE.knowledge)
    told = rejected(result)
    assert list(told) == [2, 3]
    assert told[3].startswith("sepsis: 'maybe'")
    assert [row["id"] for row in rows] == ["1", "4"]


def test_strict_stops_at_the_first_and_leaves_nothing(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [row for row, _ in BAD], FINDINGS)
    with pytest.raises(InputError, match="row 2: diagnosis: 'mg'"):
        judge(Cohort(path, (), BASE.knowledge, {}), str(tmp_path / "b.parquet"), True, Sample(0, 1, BASE))
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


def test_a_column_named_like_a_finding_is_refused_unless_it_is_to_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("diagnosis,myasthenic_crysis\nother,yes\n")
    with pytest.raises(InputError, match="'myasthenic_crysis' is no finding, but named like myasthenic_crisis"):
        judged(path, BASE.knowledge)
    out = str(tmp_path / "b.csv")
    result = judge(Cohort(path, ("myasthenic_crysis",), BASE.knowledge, {}), out, False, Sample(1, 1, BASE))
    assert result.kept == ("myasthenic_crysis",)


@pytest.mark.parametrize("column", ["status", "S01", "a46", "Doses"])
def test_a_column_named_like_one_of_the_answer_is_refused(tmp_path: Path, column: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"diagnosis,{column}\nother,x\n")
    with pytest.raises(InputError, match="has a name that a column of the result has"):
        judged(path, BASE.knowledge)


def test_a_table_that_is_none_is_said(tmp_path: Path) -> None:
    for name, content in (("a.parquet", b"nonsense"), ("a.txt", b""), ("b.csv", b"x,y\n1,2\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            judged(tmp_path / name, BASE.knowledge)
    with pytest.raises(InputError, match="there is no such file"):
        judged(tmp_path / "none.csv", BASE.knowledge)


# The check. --------------------------------------------------------------------------------


def test_an_answer_that_differs_from_a_consultation_is_not_published(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", in_words(case.findings for case in CASES if not case.parameters), FINDINGS)
    from tests.bases import changed, copied

    folder = copied(tmp_path / "base")
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years > 20 years")
    other = compile_rules(load(folder))
    with pytest.raises(EngineError, match="is answered otherwise than by a consultation: S18 is"):
        judge(Cohort(path, (), BASE.knowledge, {}), str(tmp_path / "b.parquet"), False, Sample(1000, 1, other))
    assert not (tmp_path / "b.parquet").exists()


# The command. ------------------------------------------------------------------------------


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli", "cohort", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_the_command_makes_judges_and_says_what_it_did(tmp_path: Path) -> None:
    made = run("--synthesise", "500", "--out", "s.parquet", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = run("s.parquet", "--out", "r.csv", "--check", "20", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "500 patients judged" in done.stdout
    assert re.search(r"^Status: indicated [0-9]+ \([0-9.]+%\), ", done.stdout, re.MULTILINE)
    assert done.stderr == ""
    assert "20 of them, drawn by seed 1, were given a consultation: everything agrees." in done.stdout
    again = run("s.parquet", "--out", "r.csv", cwd=tmp_path)
    assert again.returncode == 1
    assert "a file of that name is there already" in again.stderr
    assert run(cwd=tmp_path).returncode == 2
    assert run("--sql", "cobol", cwd=tmp_path).returncode == 2


def test_a_table_of_which_no_row_can_be_taken_is_at_fault(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sepsis\nperhaps\n")
    done = run("a.csv", "--out", "r.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "0 patients judged" in done.stdout
    assert "1 row could not be taken; why, is in r.csv.rejected.csv" in done.stdout


def started(folder: Path, table: str, out: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli", "cohort", table, "--out", out]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("sent", "name", "begun"),
    [
        (signal.SIGINT, "s.parquet", ".r.parquet.*/*"),
        (signal.SIGTERM, "s.parquet", ".r.parquet.*/*"),
        (signal.SIGINT, "s.jsonl", ".r.parquet.*"),
        (signal.SIGINT, "s.csv", ".r.parquet.*/whole.csv"),
    ],
    ids=["while it writes", "by another", "while it reads", "while it looks for rows"],
)
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, sent: signal.Signals, name: str, begun: str) -> None:
    count = "50000" if name == "s.jsonl" else "300000"
    assert run("--synthesise", count, "--out", name, cwd=tmp_path).returncode == 0
    if name == "s.csv":
        with open(tmp_path / name, "a") as file:
            file.write("a,b\n")
    process = started(tmp_path, name, "r.parquet")
    while not list(tmp_path.glob(begun)):
        time.sleep(0.02)
        assert process.poll() is None
    time.sleep(0.2)
    for _ in range(2):  # as who is impatient
        process.send_signal(sent)
        time.sleep(0.1)
    _, said = process.communicate(timeout=5)
    assert process.returncode == 130, said
    assert said == "Interrupted. Nothing was written; run it again.\n"
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_killed_run_leaves_a_whole_result_or_none(tmp_path: Path) -> None:
    count = 20_000
    assert run("--synthesise", str(count), "--out", "s.parquet", cwd=tmp_path).returncode == 0
    for number in range(KILLS):
        process = started(tmp_path, "s.parquet", f"{number}.parquet")
        while not list(tmp_path.glob(f".{number}.parquet.*")):
            time.sleep(0.01)
            assert process.poll() is None
        time.sleep(2 * number / KILLS)
        process.kill()
        process.communicate(timeout=60)
        left = {one.name for one in tmp_path.iterdir()} - {"s.parquet"}
        assert left
        assert all(name == f"{number}.parquet" or name.startswith(f".{number}.parquet.") for name in left)
        if f"{number}.parquet" in left:
            assert duckdb.execute(f"SELECT count(*) FROM '{tmp_path}/{number}.parquet'").fetchall() == [(count,)]
        for name in left:
            shutil.rmtree(tmp_path / name) if name.startswith(".") else (tmp_path / name).unlink()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    assert run("--synthesise", "500", "--out", "s.parquet", cwd=tmp_path).returncode == 0
    words = f"ulimit -f 50; exec {sys.executable} -m cli cohort s.parquet --out r.csv"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ivig-mg: s.parquet: it cannot be judged here: File too large\n")
    assert [one.name for one in tmp_path.iterdir()] == ["s.parquet"]


def test_a_terminal_shows_share_rate_and_time_left_in_one_line_that_goes(tmp_path: Path) -> None:
    assert run("--synthesise", "100000", "--out", "s.parquet", cwd=tmp_path).returncode == 0
    words = ["-m", "cli", "cohort", "s.parquet", "--out", "r.parquet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    terminal = (24, 80)
    child = pexpect.spawn(
        sys.executable, words, encoding="utf-8", timeout=60, cwd=tmp_path, env=environment, dimensions=terminal
    )
    bars, _, said = child.read().rpartition("\r" + " " * 79 + "\r")
    lines = bars.split("\r")[1:]
    assert lines
    assert all(len(line) == 79 for line in lines)
    shares = [int(line[line.index("]") + 1 : line.index("%")]) for line in lines]
    assert shares == sorted(shares)
    assert re.fullmatch(r"Judging \[#+-*\] +[0-9]+%  [0-9,]+ rows/s  [0-9]+:[0-9]{2} left *", lines[-1])
    assert said.startswith("100,000 patients judged in ")
