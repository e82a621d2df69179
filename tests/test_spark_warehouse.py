"""The rules printed for Apache Spark: pasted into it, they answer as a consultation does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.cohorts.sample import answer_of
from engine.cohorts.warehouse import warehouse_query
from engine.consultation import consult
from engine.findings import interpret
from tests import sparks
from tests.cohorts import by_parameters
from tests.conftest import BASE, CASES
from tests.warehouses import in_columns, numbered, with_values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

if os.environ.get("IVIG_SPARK") != "all":
    pytest.skip("Apache Spark takes minutes: IVIG_SPARK=all runs its tests", allow_module_level=True)


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    started = sparks.start()
    yield started
    started.stop()


def test_every_worked_case_is_answered_as_by_a_consultation(tmp_path: Path, session: SparkSession) -> None:
    for number, places in enumerate(by_parameters()):
        cases = [CASES[place] for place in places]
        path = numbered(tmp_path / f"{number}.parquet", BASE.knowledge, [case.findings for case in cases])
        session.read.parquet(str(path)).createOrReplaceTempView("patients")
        in_force = interpret(BASE.knowledge, {}, cases[0].parameters).parameters
        text = warehouse_query(BASE.knowledge, in_force, "spark", ["nr"]).removesuffix(";\n")
        rows: list[dict[str, Any]] = [row.asDict() for row in session.sql(text).collect()]
        rows.sort(key=lambda row: int(row["nr"]))
        for case, row in zip(cases, rows, strict=True):
            expected = answer_of(consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters)))
            assert with_values(row) == in_columns(expected), case.name
