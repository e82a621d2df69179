"""The rules printed for Apache Spark: pasted into it, they answer as a consultation does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.cohorts.sample import answer_of
from engine.cohorts.warehouse import warehouse_query
from engine.consultation import consult
from engine.findings import interpret
from tests.conftest import BASE, CASES
from tests.warehouses import in_columns, numbered, with_values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

if os.environ.get("IVIG_SPARK") != "all":
    pytest.skip("Apache Spark takes minutes: IVIG_SPARK=all runs its tests", allow_module_level=True)
pytest.importorskip("pyspark", reason="Apache Spark is not installed: pip install --editable '.[spark]'")
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("Apache Spark needs Java: apt-get install openjdk-17-jre-headless", allow_module_level=True)

from engine.cohorts import spark


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    started = spark.start("local[2]")
    yield started
    started.stop()


def test_the_worked_cases_of_the_commonest_settings_are_answered_as_by_a_consultation(
    tmp_path: Path, session: SparkSession
) -> None:
    groups: dict[str, list[int]] = {}
    for place, case in enumerate(CASES):
        groups.setdefault(str({name: word.text for name, word in case.parameters.items()}), []).append(place)
    for number, places in enumerate(sorted(groups.values(), key=len, reverse=True)[:3]):
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
