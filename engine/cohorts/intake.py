"""The intake of a cohort: a table of patients in Parquet, CSV or JSON lines, as DuckDB reads it.

Text is laid down as Parquet in a folder that is gone afterwards: there every row has its number whichever core
reads it, a cell is looked at many times at little cost, and Apache Spark finds the same rows as DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from threading import Event

import duckdb
from msgspec.structs import replace

from engine.cohorts.cells import TEXT
from engine.cohorts.csv_records import IN_QUOTES, RECORD, records
from engine.cohorts.query import PATIENTS, REASON, ROW
from engine.cohorts.relations import NUMBERED, csv, lines, named, parquet, quoted, words_of
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
from engine.errors import Fault, InputError, Place, counted
from engine.model import Knowledge

BINARY = ("DOUBLE", "FLOAT")
"""The types of binary numbers."""

MOST = "DECIMAL(38, 18)"
"""A type that holds any number that a finding can take."""

IS_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
"""Whether a line is a JSON object."""

NUMBERS = r"""((?:[^"0-9-]+|"(?:[^"\\]|\\.)*")*)(-?[0-9][0-9.eE+-]*)"""
"""A number of a line of JSON, with all that stands before it; DuckDB itself would read it as a binary one."""

ODD = r"[0-9][eE]|[0-9.]{17}|\.[0-9]*0[^0-9]|[^A-Za-z]-0|0\.0000"
"""What stands in every line of JSON with a number that DuckDB would not write again as it reads it."""


def open_table(
    database: duckdb.DuckDBPyConnection,
    path: Path,
    knowledge: Knowledge,
    folder: Path,
    keep: Collection[str] = (),
    stopped: Event | None = None,
) -> Table:
    """Return the table in a file, and let the database read it as ``patients``, what is no row of it as ``malformed``.

    ``keep`` names columns to be kept although they are named like a finding. What is laid down goes to ``folder``. Once
    ``stopped`` is set, what is read by other means than the database ends.

    Raises:
        InputError: when it cannot be read, has no finding, or a column that may be a finding wrongly written.

    """
    form = form_of(path)
    require_file(path)
    try:
        table = table_of(path, form, _types(database, path, form), knowledge, keep)
        database.execute(f"CREATE TEMP TABLE {MALFORMED} ({ROW} BIGINT, reason VARCHAR)")
        read = {"parquet": _parquet, "csv": _csv, "jsonl": _json}[form]
        laid, rows = read(database, table, folder, stopped or Event())
        cells = ", ".join(_cell(table, name) for name in table.columns)
        database.execute(f"CREATE TEMP VIEW {PATIENTS} AS SELECT {ROW}, {cells} FROM {rows}")
    except duckdb.Error as problem:
        raise cannot_read(path, problem) from None
    return replace(table, laid=laid)


def _cell(table: Table, name: str) -> str:
    type_ = table.types[name]
    if table.holds.get(name) != TEXT or type_ == "VARCHAR":
        return named(name)
    words = f"CAST({named(name)} AS VARCHAR)"
    if type_ in BINARY:  # a small number is written with an exponent
        exact = f"TRY_CAST({words} AS {MOST})"
        digits = f"rtrim(rtrim(CAST({exact} AS VARCHAR), '0'), '.')"
        is_exact = f"contains({words}, 'e') AND CAST({exact} AS {type_}) = {named(name)}"
        words = f"CASE WHEN {is_exact} THEN {digits} ELSE {words} END"
    return f"{words} AS {named(name)}"


# Columns. ------------------------------------------------------------------------------------


def _types(database: duckdb.DuckDBPyConnection, path: Path, form: str) -> dict[str, str]:
    """Return the columns of a file, in order, with their types; those of JSON lines are its first line's."""
    if form == "jsonl":
        begun = database.execute(f"FROM {lines(path)} WHERE trim(line) <> '' LIMIT 1").fetchall()
        if begun and begun[0][0].lstrip().startswith("["):
            found, remedy = "it is one list of JSON, not an object a line", "Write each patient on a line of its own."
            raise InputError([Fault(found, remedy, Place(str(path)))])
        first = f"SELECT line FROM {lines(path)} WHERE {IS_OBJECT} LIMIT 1"
        names = database.execute(f"SELECT unnest(json_keys(line)) FROM ({first})").fetchall()
        return columns_of_words(path, [row[0] for row in names])
    if form == "csv":
        return columns_of_words(path, header(path))
    columns = database.execute(f"DESCRIBE FROM {parquet(path)}").fetchall()
    return {row[0]: row[1] for row in columns}


# Rows. ---------------------------------------------------------------------------------------


def _parquet(database: duckdb.DuckDBPyConnection, table: Table, folder: Path, stopped: Event) -> tuple[Path, str]:
    return table.path, _numbered(table.path)


def _numbered(path: Path) -> str:
    """Return the rows of a Parquet file with their numbers, from 1."""
    return f"(SELECT {NUMBERED} + 1 AS {ROW}, * FROM {parquet(path, is_numbered=True)})"


def _laid_down(database: duckdb.DuckDBPyConnection, query: str, folder: Path) -> Path:
    """Return the path of a Parquet file with the rows of a query, in their order."""
    path = folder / "rows.parquet"
    database.execute(f"COPY ({query}) TO {quoted(path)} (FORMAT parquet)")
    return path


def _csv(database: duckdb.DuckDBPyConnection, table: Table, folder: Path, stopped: Event) -> tuple[Path, str]:
    """Return the rows of a CSV file; where lines are none, or cannot be told at a glance, those that are."""
    if _is_even(database, table):
        path = _laid_down(database, f"FROM {words_of(table.path, table.columns)}", folder)
        return path, _numbered(path)
    whole, malformed = folder / "whole.csv", folder / "malformed.csv"
    _part(table.path, whole, malformed, stopped)
    database.execute(f"INSERT INTO {MALFORMED} FROM {csv(malformed, {ROW: 'BIGINT', 'reason': 'VARCHAR'})}")
    path = _laid_down(database, f"FROM {csv(whole, {ROW: 'BIGINT', **table.types})}", folder)
    return path, parquet(path)


def _is_even(database: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Return whether every line of a CSV file is at a glance a row, with as many cells as there are columns."""
    bare = f"CASE WHEN contains(line, '\"') THEN regexp_replace(line, {quoted(IN_QUOTES)}, '', 'g') ELSE line END"
    is_record = f"(NOT contains(line, '\"') OR regexp_full_match(line, {quoted(RECORD)}))"
    is_even = f"{is_record} AND len({bare}) - len(replace({bare}, ',', '')) = {len(table.columns) - 1}"
    is_blank = "false" if len(table.columns) == 1 else "line IS NULL OR line = ''"  # of one column, DuckDB takes it
    try:
        uneven = f"FROM {lines(table.path)} WHERE NOT coalesce({is_blank} OR {is_even}, false) LIMIT 1"
        return not database.execute(uneven).fetchall()
    except duckdb.InvalidInputException:  # it is told with its line by who reads it slowly
        return False


def _part(path: Path, whole: Path, malformed: Path, stopped: Event) -> None:
    """Write those records of a CSV file that are rows to one file, numbered, and why others are none to another."""
    read = records(path, stopped)
    with (
        open(whole, "w", encoding="utf-8", newline="") as rows,
        open(malformed, "w", encoding="utf-8", newline="") as others,
    ):
        try:
            header = next(read)
            rows.write(f"{ROW},{header.text}")
            others.write(f"{ROW},reason\n")
            for number, record in enumerate(read, 1):
                if record.cells == header.cells:
                    rows.write(f"{number},{record.text}")
                else:
                    found = f"{counted(record.cells, 'cell')}, where the table has {counted(header.cells, 'column')}"
                    others.write(f'{number},"{found}"\n')
        except ValueError as problem:
            raise cannot_read(path, problem) from None


def _json(database: duckdb.DuckDBPyConnection, table: Table, folder: Path, stopped: Event) -> tuple[Path, str]:
    """Return the rows of JSON lines: every value as the words that it is written in."""
    line = f"CASE WHEN {IS_OBJECT} THEN line END"
    quoted_numbers = f"left(regexp_replace({line} || '0', {quoted(NUMBERS)}, '\\1\"\\2\"', 'g'), -3)"  # but for the 0
    exact = f"CASE WHEN regexp_matches(line, {quoted(ODD)}) THEN {quoted_numbers} ELSE {line} END"
    objects = f"SELECT {_object(exact, table.types)} AS exact, {_object(line, table.types)} AS read, {_reason(table)}"
    columns = ", ".join(f"{_json_cell(name)} AS {named(name)}" for name in table.columns)
    query = f"SELECT {columns}, {REASON} FROM ({objects} FROM {lines(table.path)})"
    path = _laid_down(database, query, folder)
    rows = _numbered(path)
    database.execute(f"INSERT INTO {MALFORMED} SELECT {ROW}, {REASON} FROM {rows} WHERE {REASON} IS NOT NULL")
    return path, f"{rows} WHERE {REASON} IS NULL"


def _reason(table: Table) -> str:
    """Return why a line of JSON is no row."""
    known = f"[{', '.join(quoted(name) for name in table.columns)}]"
    keys = f"json_keys(CASE WHEN {IS_OBJECT} THEN line END)"
    others = f"list_filter({keys}, lambda key: NOT list_contains({known}, key))"
    is_whole = f"list_has_all({known}, {keys}) AND list_unique({keys}) = len({keys})"
    return (
        f"CASE WHEN {keys} = {known} THEN NULL WHEN {is_whole} THEN NULL WHEN len({others}) > 0"
        f" THEN 'unknown column ' || array_to_string({others}, ', ') WHEN {IS_OBJECT} THEN 'a key stands in it twice'"
        f" ELSE 'this line is no JSON object' END AS {REASON}"
    )


def _object(line: str, types: Mapping[str, str]) -> str:
    return f"json_transform({line}, {quoted(json.dumps(dict(types), ensure_ascii=False))})"


def _json_cell(name: str) -> str:
    """Return the words of a value: a number as it is written, and a list or an object as JSON."""
    read = f"read[{quoted(name)}]"
    return f"CASE WHEN left({read}, 1) IN ('[', '{{') THEN {read} ELSE exact[{quoted(name)}] END"
