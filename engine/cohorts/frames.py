"""The table of patients that a cohort is read from, as Apache Spark reads it: from Parquet, row for row as DuckDB.

Text is laid down as Parquet by ``intake``, so that there is one reading of it, whichever engine judges.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import duckdb
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from engine.cohorts.cells import TEXT
from engine.cohorts.intake import BINARY, MOST, open_table
from engine.cohorts.query import PATIENTS, REASON, ROW
from engine.cohorts.tables import Table
from engine.errors import Fault, InputError, Place
from engine.model import Knowledge


def open_frame(
    session: SparkSession,
    database: duckdb.DuckDBPyConnection,
    path: Path,
    knowledge: Knowledge,
    folder: Path,
    keep: Collection[str] = (),
) -> Table:
    """Return the table in a file, and let Spark read it as ``patients``, DuckDB what is no row of it as ``malformed``.

    What is laid down goes to ``folder``, which all machines have to see.

    Raises:
        InputError: when it cannot be read, has no finding, or a column that may be a finding wrongly written.

    """
    table = open_table(database, path, knowledge, folder, keep)
    laid = table.laid or path
    if laid.name.startswith(("_", ".")):
        found = "Apache Spark passes over a file whose name begins with '_' or '.'"
        raise InputError([Fault(found, "Rename it.", Place(str(path)))])
    rows = _numbered(session.read.parquet(located(laid)))
    rows.select(ROW, *(_cell(table, name) for name in table.columns)).createOrReplaceTempView(PATIENTS)
    return table


def located(path: Path) -> str:
    """Return a path as Spark reads it: a file of this machine, no sign in its name a pattern."""
    return "file:" + re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path.absolute()))


def cell(name: str) -> Column:
    """Return a column by its name, whatever signs are in it."""
    quoted = name.replace("`", "``")
    return sf.col(f"`{quoted}`")


def _numbered(rows: DataFrame) -> DataFrame:
    """Return the rows of a Parquet file with their numbers, from 1, without the lines that are no rows."""
    if ROW in rows.columns:
        return rows
    numbered = rows.select("*", (sf.col("_metadata.row_index") + 1).alias(ROW))
    return numbered.where(sf.col(REASON).isNull()) if REASON in rows.columns else numbered


def _cell(table: Table, name: str) -> Column:
    if table.holds.get(name) != TEXT or table.types[name] == "VARCHAR":
        return cell(name)
    words = cell(name).cast("string")
    if table.types[name] not in BINARY:
        return words.alias(name)
    exact = words.try_cast(MOST)
    digits = sf.regexp_replace(exact.cast("string"), r"\.?0+$", "")  # Spark writes 0.0005 as 5.0E-4
    is_exact = words.contains("E") & (exact.cast(table.types[name].lower()) == cell(name))
    return sf.when(is_exact, digits).otherwise(words).alias(name)
