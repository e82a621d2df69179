"""Synthetic cohorts: the same from the same seed, labelled, acceptable to a consultation, and like a cohort."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cohorts.recipe import DRAWN
from engine.cohorts.synthesis import LABEL, NOTICE, query, synthesise
from engine.errors import InputError
from engine.findings import REASONS, Given, interpret
from engine.loading import SHIPPED, load
from engine.model import Finding, Knowledge
from tests.conftest import ROOT
from tests.random_knowledge import FINDINGS, knowledge_bases

Row = dict[str, Any]


def rows(knowledge: Knowledge, count: int, seed: int = 1) -> list[Row]:
    with duckdb.connect() as database:
        found = database.execute(query(knowledge, count, seed))
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def accept(knowledge: Knowledge, row: Row, parameters: dict[str, str] | None = None) -> None:
    """Interpret a row as a consultation would; it raises what is at fault."""
    words = {name: Given(str(value)) for name, value in row.items() if name in knowledge.findings and value is not None}
    interpret(knowledge, words, {name: Given(value) for name, value in (parameters or {}).items()})


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory, knowledge: Knowledge) -> Path:
    return synthesise(knowledge, 40_000, 7, tmp_path_factory.mktemp("cohort") / "patients.parquet")


def ask(path: Path, sql: str) -> list[Any]:
    """Return the one row that a selection from a cohort gives."""
    with duckdb.connect() as database:
        return list(database.execute(f"SELECT {sql} FROM '{path}'").fetchall()[0])


def test_the_columns_are_the_patient_the_label_and_the_findings_in_order(knowledge: Knowledge) -> None:
    assert list(rows(knowledge, 1)[0]) == ["patient", LABEL, *knowledge.findings]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(knowledge: Knowledge) -> None:
    assert rows(knowledge, 300) == rows(knowledge, 300)
    assert rows(knowledge, 300) != rows(knowledge, 300, seed=2)


def test_the_rows_are_the_same_whatever_the_version_of_duckdb(knowledge: Knowledge) -> None:
    told = (
        "patient",
        "grade",
        "surgery",
        "age_years",
        "actual_weight_kg",
        "sex",
        "serum_iga_g_per_l",
        "notable_weight_loss",
    )
    first = rows(knowledge, 1)[0]
    assert [str(first[name]) for name in told] == [
        "synthetic-0000001",
        "2",
        "thymectomy",
        "57",
        "105.4",
        "male",
        "2.01",
        "None",
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_threads_change_no_byte_of_text(tmp_path: Path, knowledge: Knowledge, ending: str) -> None:
    one, two = (synthesise(knowledge, 10_000, 3, tmp_path / f"{n}.{ending}", threads=n) for n in (1, 2))
    assert one.read_bytes() == two.read_bytes()


def test_threads_change_no_row_and_no_order_of_parquet(tmp_path: Path, knowledge: Knowledge) -> None:
    one, two = (synthesise(knowledge, 150_000, 3, tmp_path / f"{n}.parquet", threads=n) for n in (1, 2))
    numbered = "(SELECT * FROM read_parquet('{}', file_row_number = true))"
    others = f"{numbered.format(one)} EXCEPT FROM {numbered.format(two)}"
    with duckdb.connect() as database:
        assert database.execute(f"SELECT count(*) FROM (FROM {others})").fetchall() == [(0,)]
        places = f"SELECT count(*) FROM {numbered.format(two)} WHERE patient[11:]::INT = file_row_number + 1"
        assert database.execute(places).fetchall() == [(150_000,)]


def test_every_row_is_one_that_a_consultation_accepts(knowledge: Knowledge) -> None:
    for row in rows(knowledge, 3000):
        accept(knowledge, row)


def test_rows_agree_with_the_local_parameters_of_the_examples(knowledge: Knowledge) -> None:
    for row in rows(knowledge, 3000):
        accept(knowledge, row, {"ideal_weight_formula": "devine", "iga_deficiency_below_g_per_l": "0.07"})


def test_findings_of_a_layer_are_drawn_too() -> None:
    layered = load(layers=[SHIPPED / "layers" / "product_label"])
    found = rows(layered, 1000)
    assert {row["blood_group"] for row in found} == {"o", "other", "unknown", None}
    for row in found:
        accept(layered, row)


@given(knowledge_bases(), st.integers(0, 10**6))
@settings(max_examples=10)
def test_any_knowledge_base_has_synthetic_patients(knowledge: Knowledge, seed: int) -> None:
    found = rows(knowledge, 400, seed)  # of fewer, one in thousands has but one value of a finding that seldom applies
    assert all(len({row[name] for row in found} - {None, *REASONS}) > 1 for name in FINDINGS)
    for row in found:
        accept(knowledge, row)


@pytest.mark.parametrize(
    "finding",
    [
        Finding("age_years", "?", "choice", ("young", "old")),
        Finding("grade", "?", "choice", ("I", "it's", "3")),
        Finding("height_cm", "?", "number", low=FINDINGS["n"].low, high=FINDINGS["n"].high),
        Finding("sex", "?", "whole number", low=FINDINGS["n"].low, high=FINDINGS["n"].high),
        Finding("free", "?", "number"),
    ],
    ids=lambda finding: finding.name,
)
def test_a_finding_of_a_known_name_but_other_values_is_drawn_from_these(knowledge: Knowledge, finding: Finding) -> None:
    other = Knowledge(knowledge.guideline, {}, {finding.name: finding}, {}, {}, {}, {}, {}, {})
    for row in rows(other, 100):
        accept(other, row)


def test_all_that_the_recipe_draws_for_show_is_a_finding(knowledge: Knowledge) -> None:
    drawn = {name for group in DRAWN for name in group if not name.startswith("_")}
    assert drawn == set(knowledge.findings)


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("myasthenic_crisis = 'yes' WHERE respiratory_compromise = 'yes'", "respiratory_compromise = 'no'"),
        ("respiratory_compromise = 'yes' WHERE grade >= 3", "grade <= 2"),
        ("weight_loss = 'yes' WHERE dysphagia = 'yes'", "dysphagia = 'no'"),
        ("sex = 'female' WHERE age_years BETWEEN 20 AND 40", "age_years > 60"),
        ("surgery = 'thymectomy' WHERE age_years BETWEEN 20 AND 40", "age_years > 65"),
        ("height_cm > 170 WHERE sex = 'male'", "sex = 'female'"),
        ("hypotension = 'yes' WHERE sepsis = 'yes'", "sepsis = 'no'"),
        ("plasma_exchange_feasible = 'yes' WHERE plasma_exchange_contraindicated = 'no'",
         "plasma_exchange_contraindicated = 'yes'"),
        ("coalesce(iga_status, 'pending') = 'pending' WHERE myasthenic_crisis = 'yes'", "myasthenic_crisis = 'no'"),
        ("sepsis IS NULL WHERE hospital_admission_needed = 'no'", "hospital_admission_needed = 'yes'"),
    ],
)  # fmt: skip
def test_findings_go_together(cohort: Path, more: str, less: str) -> None:
    what, _, when = more.partition(" WHERE ")
    often, seldom = ask(cohort, f"avg(({what})::INT) FILTER ({when}), avg(({what})::INT) FILTER ({less})")
    assert often > 1.2 * seldom


def test_weights_and_ages_are_those_of_people(cohort: Path) -> None:
    assert (
        ask(cohort, "corr(height_cm, actual_weight_kg) > 0.4, bool_or(age_years < 10), bool_or(age_years > 80)")
        == [True] * 3
    )


def test_iga_deficiency_is_rare_and_goes_with_its_level(cohort: Path) -> None:
    part = "avg((iga_status = 'deficient')::INT) FILTER (iga_status IN ('normal', 'deficient'))"
    highest = "max(serum_iga_g_per_l) FILTER (iga_status = 'deficient')"
    share, level = ask(cohort, f"{part}, {highest}")
    assert 1 / 1200 < share < 1 / 200
    assert level < 0.1


def test_every_finding_is_missing_in_some_and_given_in_others(cohort: Path, knowledge: Knowledge) -> None:
    shares = ask(cohort, ", ".join(f"count({name}) / count(*)" for name in knowledge.findings))
    assert all(0.1 < share < 1 for share in shares)
    assert ask(cohort, "bool_or(iga_status = 'pending'), bool_or(sex = 'unknown')") == [True, True]


def test_numbers_are_exact(cohort: Path) -> None:
    types = ask(cohort, "typeof(actual_weight_kg), typeof(serum_iga_g_per_l), typeof(age_years), typeof(grade)")
    assert types == ["DECIMAL(4,1)", "DECIMAL(4,2)", "INTEGER", "INTEGER"]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_every_row_says_that_it_is_synthetic(tmp_path: Path, knowledge: Knowledge, ending: str) -> None:
    path = synthesise(knowledge, 50, 1, tmp_path / f"patients.{ending}")
    assert ask(path, f"count(*) FILTER ({LABEL}::VARCHAR IN ('yes', 'true') AND patient LIKE 'synthetic-%')") == [50]


def test_a_parquet_file_says_so_itself(cohort: Path) -> None:
    with duckdb.connect() as database:
        told = dict(
            database.execute(f"SELECT key::VARCHAR, value::VARCHAR FROM parquet_kv_metadata('{cohort}')").fetchall()
        )
    assert told[LABEL] == f"{NOTICE} Seed 7."


def test_progress_ends_with_all_patients(tmp_path: Path, knowledge: Knowledge) -> None:
    seen: list[float] = []
    synthesise(knowledge, 200_000, 1, tmp_path / "p.parquet", seen.append)
    assert seen[-1] == 1
    assert len(seen) > 1
    assert seen == sorted(seen)


@pytest.mark.parametrize("name", ["patient", "synthetic"])
def test_no_finding_takes_the_place_of_a_label(knowledge: Knowledge, name: str) -> None:
    other = Knowledge(knowledge.guideline, {}, {name: Finding(name, "?", "yes/no")}, {}, {}, {}, {}, {}, {})
    with pytest.raises(InputError, match=f"a finding is called '{name}', as is a column by which"):
        query(other, 10, 1)


@pytest.mark.parametrize("name", ["patients.ods", "patients"])
def test_an_unknown_form_is_refused(tmp_path: Path, knowledge: Knowledge, name: str) -> None:
    with pytest.raises(
        InputError, match=r"does not say in what form it is\n    End its name in .parquet, .csv, .jsonl or .ndjson"
    ):
        synthesise(knowledge, 1, 1, tmp_path / name)


@pytest.mark.parametrize("count", [0, -1, 1_000_000_001])
def test_a_count_out_of_range_is_refused(tmp_path: Path, knowledge: Knowledge, count: int) -> None:
    with pytest.raises(InputError, match=f"{count} patients cannot be made"):
        synthesise(knowledge, count, 1, tmp_path / "p.csv")


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "cohort", "--synthesise", "50000000", "--out", "p.parquet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    drawing = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".p.parquet.*/unfinished")):
        time.sleep(0.02)
        assert drawing.poll() is None
    drawing.send_signal(signal.SIGINT)
    _, said = drawing.communicate(timeout=30)
    assert (drawing.returncode, said) == (130, "Interrupted. Nothing was written; run it again.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_larger_cohort_begins_with_the_smaller(knowledge: Knowledge) -> None:
    assert rows(knowledge, 200)[:100] == rows(knowledge, 100)
