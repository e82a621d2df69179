"""The rules printed for warehouses: run on a real engine, they answer as a consultation does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cohorts.sample import answer_of
from engine.cohorts.synthesis import synthesise
from engine.cohorts.warehouse import DIALECTS, WIDTH, warehouse_query
from engine.compiler import compile_rules
from engine.conditions import Judge
from engine.consultation import consult, evaluate
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load
from engine.model import Knowledge
from tests.cohorts import by_parameters, judged, typed
from tests.conftest import BASE, CASES
from tests.random_knowledge import knowledge_bases, patients
from tests.warehouses import TOOLS, Postgres, Row, in_columns, numbered, postgres, with_values

Run = Callable[[Path, str], list[Row]]


def on_duckdb(path: Path, query: str) -> list[Row]:
    with duckdb.connect() as database:
        database.execute(f"CREATE VIEW patients AS FROM '{path}'")
        cursor = database.execute(query)
        names = [one[0] for one in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return sorted(rows, key=lambda row: int(row.get("nr") or row["NR"]))


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    if None in TOOLS:
        pytest.skip("Postgres is not installed, or not on the path: apt-get install postgresql")
    with postgres() as started:
        yield started


def read_back(dialect: str) -> Run:
    """Run on DuckDB what sqlglot reads in a text of a dialect whose engine nobody can install."""
    return lambda path, query: on_duckdb(path, sqlglot.transpile(query, read=dialect, write="duckdb")[0])


@pytest.fixture(params=["duckdb", "postgres", "snowflake", "bigquery"])
def engine(request: pytest.FixtureRequest) -> tuple[str, Run]:
    """The name of a dialect, and an engine that runs it; another file runs that of Spark on Spark."""
    dialect = str(request.param)
    if dialect == "postgres":
        return dialect, request.getfixturevalue("server").rows
    return dialect, on_duckdb if dialect == "duckdb" else read_back(dialect)


def answered(
    engine: tuple[str, Run], path: Path, knowledge: Knowledge, parameters: Mapping[str, Given] | None = None
) -> list[Row]:
    """Judge a table by the printed rules, and return the columns that have a value."""
    dialect, run = engine
    in_force = interpret(knowledge, {}, parameters or {}).parameters
    return [with_values(row) for row in run(path, warehouse_query(knowledge, in_force, dialect, ["nr"]))]


# Equal. ------------------------------------------------------------------------------------


def test_every_worked_case_is_answered_as_by_a_consultation(tmp_path: Path, engine: tuple[str, Run]) -> None:
    for places in by_parameters():
        cases = [CASES[place] for place in places]
        path = numbered(tmp_path / "a.parquet", BASE.knowledge, [case.findings for case in cases])
        rows = answered(engine, path, BASE.knowledge, cases[0].parameters)
        for case, row in zip(cases, rows, strict=True):
            expected = answer_of(consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters)))
            assert row == in_columns(expected), case.name


def test_with_a_layer_it_is_answered_as_by_a_consultation_with_it(tmp_path: Path, engine: tuple[str, Run]) -> None:
    laid = load(SHIPPED, [SHIPPED / "layers" / "product_label"])
    base = compile_rules(laid)
    cases = [case.findings for case in CASES if not case.parameters][::4]
    rows = answered(engine, numbered(tmp_path / "a.parquet", laid, cases), laid)
    assert rows == [in_columns(answer_of(consult(base, interpret(laid, case)))) for case in cases]


@pytest.mark.parametrize("engine", ["duckdb", "postgres"], indirect=True)
def test_synthetic_patients_are_answered_as_by_a_cohort(tmp_path: Path, engine: tuple[str, Run]) -> None:
    path = tmp_path / "a.parquet"
    synthesise(BASE.knowledge, 200, 7, str(path))
    numbers = typed(path, BASE.knowledge).rename(tmp_path / "typed.parquet")
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT row_number() OVER ()::TEXT AS nr, * EXCLUDE (patient, synthetic) FROM '{numbers}') "
            f"TO '{tmp_path / 'b.parquet'}'"
        )
    parameters = {"ideal_weight_formula": Given("devine")}
    _, expected = judged(tmp_path / "b.parquet", BASE.knowledge, parameters)
    rows = answered(engine, tmp_path / "b.parquet", BASE.knowledge, parameters)
    assert rows == [in_columns(one) for one in expected]


@pytest.mark.parametrize("engine", ["duckdb", "postgres"], indirect=True)
@settings(
    deadline=None,
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(knowledge_bases(), st.lists(patients(), min_size=1, max_size=20))
def test_any_knowledge_answers_any_patients_alike(
    tmp_path: Path, engine: tuple[str, Run], knowledge: Knowledge, rows: list[dict[str, Given]]
) -> None:
    found = answered(engine, numbered(tmp_path / "a.parquet", knowledge, rows), knowledge)
    assert found == [in_columns(answer_of(evaluate(Judge(knowledge, interpret(knowledge, row))))) for row in rows]


def test_postgres_takes_numbers_that_are_binary(tmp_path: Path, server: Postgres) -> None:
    cases = [case.findings for case in CASES if not case.parameters]
    path = numbered(tmp_path / "a.parquet", BASE.knowledge, cases)
    query = warehouse_query(BASE.knowledge, {}, "postgres", ["nr"])
    assert server.rows(path, query, "DOUBLE PRECISION") == server.rows(path, query)


# On paper. ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_above_each_statement_stands_what_it_says(dialect: str) -> None:
    text = warehouse_query(BASE.knowledge, {}, dialect, ["patient"])
    assert len(sqlglot.parse(text, read=dialect)) == 1
    read = " ".join(text.replace("--", " ").split())
    for statement in BASE.knowledge.statements.values():
        if statement.when is not None:
            assert f"{statement.id}: {' '.join(statement.says.split())}" in read
    assert max(len(line.strip()) for line in text.splitlines() if line.lstrip().startswith("--")) <= WIDTH


def test_snowflake_is_given_neither_what_it_lacks_nor_a_rounded_quotient_to_cut_off() -> None:
    in_force = interpret(BASE.knowledge, {}, {"ideal_weight_formula": Given("devine")}).parameters
    text = warehouse_query(BASE.knowledge, in_force, "snowflake", ["nr"])
    assert "TRUNC" not in text
    assert "% 5080000" in text
    assert 'COALESCE("GRADED", FALSE)' in text
