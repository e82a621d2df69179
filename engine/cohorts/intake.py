"""The intake of a cohort: a table of patients in Parquet, CSV or JSON lines, as DuckDB reads it.

Text is read once, and laid down as Parquet in a folder that is gone afterwards: there every row has its number
whichever core reads it, and a cell is looked at many times at little cost.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import duckdb

from engine.cohorts.cells import TEXT
from engine.cohorts.query import PATIENTS, ROW
from engine.cohorts.tables import (
    MALFORMED,
    NUMBERED,
    Table,
    cannot_read,
    columns_of_words,
    form_of,
    header,
    named,
    quoted,
    require_file,
    table_of,
)
from engine.model import Knowledge

IS_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
"""Whether a line is a JSON object."""

NUMBERS = r"""((?:[^"0-9-]+|"(?:[^"\\]|\\.)*")*)(-?[0-9][0-9.eE+-]*)"""
"""A number of a line of JSON, with all that stands before it; DuckDB itself would read it as a binary one."""

ODD = r"[0-9][eE]|[0-9.]{17}|\.[0-9]*0[^0-9]|[^A-Za-z]-0|0\.0000"
"""What stands in every line of JSON with a number that DuckDB would not write again as it reads it."""

REFUSED = "refused"
"""The table with the numbers of the rows of CSV that DuckDB did not read."""

REASON = "__reason"
"""The column that says why a line is no row."""


def open_table(
    database: duckdb.DuckDBPyConnection, path: Path, knowledge: Knowledge, folder: Path, keep: Collection[str] = ()
) -> Table:
    """Return the table in a file, and let the database read it as ``patients``, what is no row of it as ``malformed``.

    ``keep`` names columns to be kept although they are named like a finding. What is laid down goes to ``folder``.

    Raises:
        InputError: when it cannot be read, has no finding, or a column that may be a finding wrongly written.

    """
    form = form_of(path)
    require_file(path)
    try:
        table = table_of(path, form, _types(database, path, form), knowledge, keep)
        rows = {"parquet": _parquet, "csv": _csv, "jsonl": _json}[form](database, table, folder)
        cells = ", ".join(_cell(table, name) for name in table.columns)
        database.execute(f"CREATE TEMP VIEW {PATIENTS} AS SELECT {ROW}, {cells} FROM {rows}")
    except duckdb.Error as problem:
        raise cannot_read(path, problem) from None
    return table


def _cell(table: Table, name: str) -> str:
    if name in table.holds and table.holds[name] == TEXT and table.types[name] != "VARCHAR":
        return f"CAST({named(name)} AS VARCHAR) AS {named(name)}"
    return named(name)


# Columns. ------------------------------------------------------------------------------------


def _types(database: duckdb.DuckDBPyConnection, path: Path, form: str) -> dict[str, str]:
    """Return the columns of a file, in order, with their types; those of JSON lines are its first line's."""
    if form == "jsonl":
        first = f"SELECT line FROM {_lines(path)} WHERE {IS_OBJECT} LIMIT 1"
        names = database.execute(f"SELECT unnest(json_keys(line)) FROM ({first})").fetchall()
        return columns_of_words(path, [row[0] for row in names])
    if form == "csv":
        return columns_of_words(path, header(path))
    columns = database.execute(f"DESCRIBE FROM read_parquet({quoted(path)})").fetchall()
    return {row[0]: row[1] for row in columns}


# Rows. ---------------------------------------------------------------------------------------


def _parquet(database: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> str:
    database.execute(f"CREATE TEMP TABLE {MALFORMED} ({ROW} BIGINT, reason VARCHAR)")
    return _numbered(table.path)


def _numbered(path: Path) -> str:
    """Return the rows of a Parquet file with their numbers, from 1."""
    return f"(SELECT {NUMBERED} + 1 AS {ROW}, * FROM read_parquet({quoted(path)}, {NUMBERED} = true))"


def _laid_down(database: duckdb.DuckDBPyConnection, query: str, path: Path) -> Path:
    """Return a path once the rows of a query are there as Parquet, in their order."""
    database.execute(f"COPY ({query}) TO {quoted(path)} (FORMAT parquet)")
    return path


def _csv(database: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> str:
    """Return the rows of a CSV file, without the lines that are none but counting them."""
    read = words_of(table.path, table.columns, ", store_rejects = true")
    rows = _numbered(_laid_down(database, f"FROM {read}", folder / "whole.parquet"))
    database.execute(f"CREATE TEMP TABLE {MALFORMED} ({ROW} BIGINT, reason VARCHAR)")
    count = database.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchall()[0][0]
    if not count and _is_even(database, table):
        return rows
    _note_malformed(database, table.path, count)
    before = f"SELECT {ROW} - row_number() OVER (ORDER BY {ROW}) AS __before FROM {REFUSED}"
    counted = f"SELECT __before, sum(count(*)) OVER (ORDER BY __before) AS __more FROM ({before}) GROUP BY 1"
    number = f"CAST({ROW} + coalesce(__more, 0) AS BIGINT) AS {ROW}"
    joined = f"SELECT * EXCLUDE (__before, __more) REPLACE ({number}) FROM {rows} ASOF LEFT JOIN ({counted})"
    whole = f"FROM ({joined} ON {ROW} > __before) WHERE {ROW} NOT IN (SELECT {ROW} FROM {MALFORMED}) ORDER BY {ROW}"
    return f"read_parquet({quoted(_laid_down(database, whole, folder / 'counted.parquet'))})"


def _is_even(database: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Return whether every line of a CSV file can be seen to be a row, with as many cells as there are columns."""
    bare = "CASE WHEN contains(line, '\"') THEN regexp_replace(line, '\"[^\"]*\"', '', 'g') ELSE line END"
    goes_on = "(len(line) - len(replace(line, '\"', ''))) % 2 = 1"
    is_even = f"NOT {goes_on} AND len({bare}) - len(replace({bare}, ',', '')) = {len(table.columns) - 1}"
    uneven = f"FROM {_lines(table.path)} WHERE line <> '' AND NOT ({is_even}) LIMIT 1"
    return not database.execute(uneven).fetchall()


def _note_malformed(database: duckdb.DuckDBPyConnection, path: Path, count: int) -> None:
    """Note the lines that are no rows, once DuckDB refused no other: such a one may have taken rows with it."""
    for wrong, said in (("INVALID ENCODING", "is not in UTF-8"), ("UNQUOTED VALUE", "has a quote that is not closed")):
        found = database.execute("SELECT min(line) FROM reject_errors WHERE error_type = ?", [wrong]).fetchall()
        if found[0][0] is not None:
            raise cannot_read(path, ValueError(f"line {found[0][0]} {said}"))
    try:
        malformed = list(_malformed(path))
    except csv.Error as problem:
        raise cannot_read(path, problem) from None
    refused = [number for number, _, is_refused in malformed if is_refused]
    if len(refused) != count:
        line, said = database.execute("SELECT line, error_message FROM reject_errors ORDER BY line").fetchall()[0]
        raise cannot_read(path, ValueError(f"line {line}: {said}"))
    noted = [[number for number, _, _ in malformed], [reason for _, reason, _ in malformed]]
    database.execute(f"INSERT INTO {MALFORMED} SELECT unnest($1::BIGINT[]), unnest($2::VARCHAR[])", noted)
    database.execute(f"CREATE TEMP TABLE {REFUSED} AS SELECT unnest($1::BIGINT[]) AS {ROW}", [refused])


def _malformed(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield the rows of a CSV file with more or fewer cells than columns: number, reason, whether DuckDB refuses it.

    It takes a row with more cells if those beyond the last column are empty; but there cells may have been shifted.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        columns = len(next(rows))
        lines = (row for row in rows if row or columns == 1)  # a blank line is no row
        for number, row in enumerate(lines, 1):
            if row and len(row) != columns:
                is_refused = len(row) < columns or any(row[columns:])
                yield number, f"{len(row)} cells, where the table has {columns} columns", is_refused


def _json(database: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> str:
    """Return the rows of JSON lines: every value as the words that it is written in."""
    line = f"CASE WHEN {IS_OBJECT} THEN line END"
    quoted_numbers = f"left(regexp_replace({line} || '0', {quoted(NUMBERS)}, '\\1\"\\2\"', 'g'), -3)"  # but for the 0
    exact = f"CASE WHEN regexp_matches(line, {quoted(ODD)}) THEN {quoted_numbers} ELSE {line} END"
    objects = f"SELECT {_object(exact, table.types)} AS exact, {_object(line, table.types)} AS read, {_reason(table)}"
    columns = ", ".join(f"{_json_cell(name)} AS {named(name)}" for name in table.columns)
    query = f"SELECT {columns}, {REASON} FROM ({objects} FROM {_lines(table.path)})"
    rows = _numbered(_laid_down(database, query, folder / "lines.parquet"))
    database.execute(
        f"CREATE TEMP TABLE {MALFORMED} AS SELECT {ROW}, {REASON} AS reason FROM {rows} WHERE {REASON} IS NOT NULL"
    )
    return f"{rows} WHERE {REASON} IS NULL"


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


def _lines(path: Path) -> str:
    plain = "header = false, delim = '\\0', quote = '', escape = '', auto_detect = false"
    return f"read_csv({quoted(path)}, columns = {{'line': 'VARCHAR'}}, {plain})"


def words_of(path: Path, names: Iterable[str], options: str = "") -> str:
    """Return a CSV file with these columns as a table of words, as SQL."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    plain = "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"'"
    return f"read_csv({quoted(path)}, columns = {{{columns}}}, {plain}{options})"
