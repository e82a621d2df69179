"""The table of patients that a cohort is read from, by Apache Spark: row for row as ``tables`` reads it by DuckDB.

Rows are numbered as they stand in the file: Spark cuts it into pieces, in order, and counts within each; the rows
of the pieces before are added.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import accumulate
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.types import StringType, StructType

from engine.cohorts.cells import TEXT
from engine.cohorts.query import PATIENTS, ROW
from engine.cohorts.tables import (
    MALFORMED,
    Table,
    cannot_read,
    columns_of_words,
    form_of,
    header,
    require_file,
    table_of,
)
from engine.model import Knowledge

TYPES = {"string": "VARCHAR", "int": "INTEGER"}
"""What DuckDB calls a type that Spark calls otherwise."""

LINE = "__line"
"""The column with a line that is no row, where Spark can say so."""

REASON = "__reason"
"""The column that says why a line is no row."""

BITS = 33
"""Spark counts the rows of a piece in so many bits, and has the number of the piece above them."""

NUMBERS = r"""\G((?:[^"0-9-]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+)(-?[0-9][0-9.eE+-]*+)"""
"""The numbers of a line of JSON, each with what stands before it; Spark itself would read them as binary ones."""

IN_QUOTES = '"[^"]*"'

FOREIGN = "\ufffd"
"""What Spark reads in the place of what is not in UTF-8."""


def open_frame(session: SparkSession, path: Path, knowledge: Knowledge, keep: Collection[str]) -> Table:
    """Return the table in a file, and let Spark read it as ``patients``, and what is no row as ``malformed``.

    Raises:
        InputError: when there is no such file, it has no finding, or a column that may be a finding wrongly written.

    """
    form = form_of(path)
    require_file(path)
    types_of, rows_of = {
        "parquet": (_parquet_types, _parquet),
        "csv": (_csv_types, _csv),
        "jsonl": (_json_types, _json),
    }[form]
    table = table_of(path, form, types_of(session, path), knowledge, keep)
    rows = rows_of(session, table)
    taken = rows.where(sf.col(REASON).isNull())
    taken.select(ROW, *(_cell(table, name) for name in table.columns)).createOrReplaceTempView(PATIENTS)
    malformed = rows.where(sf.col(REASON).isNotNull())
    malformed.select(ROW, sf.col(REASON).alias("reason")).createOrReplaceTempView(MALFORMED)
    return table


def located(path: Path) -> str:
    """Return a path as Spark reads it: a file of this machine, no sign in its name a pattern."""
    return "file:" + re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path.absolute()))


def cell(name: str) -> Column:
    """Return a column by its name, whatever signs are in it."""
    quoted = name.replace("`", "``")
    return sf.col(f"`{quoted}`")


def _cell(table: Table, name: str) -> Column:
    if table.holds.get(name) == TEXT and table.types[name] != "VARCHAR":
        return cell(name).cast("string").alias(name)
    return cell(name)


def _numbered(frame: DataFrame) -> DataFrame:
    """Return the rows of a file that was just read with their numbers, from 1."""
    counts = {row[0]: row[1] for row in frame.groupBy(sf.spark_partition_id()).count().collect()}
    before = list(accumulate((counts.get(piece, 0) for piece in range(max(counts, default=0))), initial=0))
    place = sf.monotonically_increasing_id()
    earlier = sf.element_at(sf.lit(before), sf.shiftright(place, BITS).cast("int") + 1)
    return frame.select("*", (earlier + place.bitwiseAND(sf.lit((1 << BITS) - 1)) + 1).alias(ROW))


def _parquet_types(session: SparkSession, path: Path) -> dict[str, str]:
    named = {field.name: field.dataType.simpleString() for field in session.read.parquet(located(path)).schema}
    return {name: TYPES.get(type_, type_.upper()) for name, type_ in named.items()}


def _parquet(session: SparkSession, table: Table) -> DataFrame:
    number = (sf.col("_metadata.row_index") + 1).alias(ROW)
    return session.read.parquet(located(table.path)).select("*", number, sf.lit(None).cast("string").alias(REASON))


def _csv_types(session: SparkSession, path: Path) -> dict[str, str]:
    return columns_of_words(path, header(path))


def _csv(session: SparkSession, table: Table) -> DataFrame:
    """Return the rows of a CSV file; it is not cut into pieces where a cell goes over several lines."""
    quotes = sf.length(sf.regexp_replace("value", '[^"]', ""))
    goes_on, unclosed = _asked(session, table.path, sf.max(quotes % 2) == 1, sf.sum(quotes) % 2 == 1)
    if unclosed:
        raise cannot_read(table.path, ValueError("it has a quote that is not closed"))
    whole = session.read.option("columnPruning", "false").options(mode="PERMISSIVE", columnNameOfCorruptRecord=LINE)
    rows = whole.csv(located(table.path), _words(table), header=True, escape='"', multiLine=goes_on)
    found = sf.length(sf.regexp_replace(sf.regexp_replace(LINE, IN_QUOTES, ""), "[^,]", "")) + 1
    reason = sf.format_string("%d cells, where the table has %d columns", found, sf.lit(len(table.columns)))
    # Spark refuses a query for the lines that are no rows alone, so that the condition names the cells too.
    is_none = sf.col(LINE).isNotNull() & (sf.length(sf.concat_ws("", *map(cell, table.columns))) >= 0)
    cells = [sf.nullif(cell(name), sf.lit("")).alias(name) for name in table.columns]
    return _numbered(rows).select(ROW, *cells, sf.when(is_none, reason).alias(REASON))


def _asked(session: SparkSession, path: Path, *asked: Column) -> list[bool]:
    """Return what is asked about all lines of a file, once they are known to be in UTF-8.

    Raises:
        InputError: when they are not: Spark would put another sign in the place of what it cannot read.

    """
    is_foreign = sf.max(sf.contains("value", sf.lit(FOREIGN)))
    row = session.read.text(located(path)).agg(is_foreign, *asked).collect()[0]
    if row[0]:
        raise cannot_read(path, ValueError("a line is not in UTF-8"))
    return [bool(found) for found in row[1:]]


def _json_types(session: SparkSession, path: Path) -> dict[str, str]:
    keys = sf.json_object_keys("value").alias("keys")
    first = session.read.text(located(path)).select(keys).where("keys IS NOT NULL").limit(1).collect()
    return columns_of_words(path, (name for row in first for name in row.keys))


def _json(session: SparkSession, table: Table) -> DataFrame:
    """Return the rows of JSON lines: every value as the words that it is written in."""
    _asked(session, table.path)
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": LINE, "allowSingleQuotes": "false"}
    lines = _numbered(session.read.text(located(table.path)))
    read = lines.select(
        ROW,
        sf.from_json("value", _words(table), options).alias("read"),
        sf.from_json(sf.regexp_replace("value", NUMBERS, '$1"$2"'), _words(table), options).alias("exact"),
        sf.json_object_keys("value").alias("keys"),
    )
    others = sf.array_except("keys", sf.lit(list(table.columns)))
    reason = (
        sf.when(sf.col("keys").isNull() | sf.col(f"read.{LINE}").isNotNull(), "this line is no JSON object")
        .when(sf.size(others) > 0, sf.concat(sf.lit("unknown column "), sf.array_join(others, ", ")))
        .when(sf.size(sf.array_distinct("keys")) < sf.size("keys"), "a key stands in it twice")
        .alias(REASON)
    )
    return read.select(ROW, reason, *map(_in_words, table.columns))


def _in_words(name: str) -> Column:
    """Return a value of JSON: as it is written, or the list or object that it is."""
    exact, read = (sf.col(one).getField(name) for one in ("exact", "read"))
    return sf.when(exact.rlike(r"^[\[{]"), read).otherwise(exact).alias(name)


def _words(table: Table) -> StructType:
    """Return the shape of a row whose every cell is words, and of a line that is no row."""
    shape = StructType()
    for name in (*table.columns, LINE):
        shape = shape.add(name, StringType())
    return shape
