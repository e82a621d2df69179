"""The table of patients that a cohort is read from: Parquet, CSV or JSON lines, by DuckDB.

Findings are columns, by their names; any other column is kept as it is. What stands in a line that is no
row at all (a field too many, no JSON, an unknown key) is a fault of that row.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from pathlib import Path

import duckdb
from msgspec import Struct

from engine.cohorts.cells import ABSENT, NUMERIC, TEXT
from engine.cohorts.query import PATIENTS, ROW, answer_names
from engine.errors import Fault, InputError, Place, listed, nearest
from engine.model import Knowledge

FORMS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""The forms of a table, by the ending of its file."""

WRITTEN = {
    "csv": "Write it as UTF-8, with commas between the cells and the same end to every line.",
    "jsonl": "Write it as UTF-8, with one JSON object a line.",
}
"""How a table is to be written that cannot be read, by its form."""

EXACT = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "DECIMAL",
)
"""The types of exact numbers; all else is read as the words that it is written in."""

CLOSE = 0.8
"""How alike a column and a finding are named, from 0 to 1, for the column to be taken for a slip."""

IS_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
"""Whether a line is a JSON object."""

PLACE = "__place"
"""The column with the place of a row among those that are whole, or that were taken, from 1."""

NUMBERS = r"""((?:[^"0-9-]+|"(?:[^"\\]|\\.)*")*)(-?[0-9][0-9.eE+-]*)"""
"""A number of a line of JSON, with all that stands before it; DuckDB itself would read it as a binary one."""

MALFORMED = "malformed"
"""The table with the rows that are none: their numbers, and why."""


class Table(Struct, frozen=True):
    """A table of patients: its file, form, columns in order, what those of findings hold, and those that are kept."""

    path: Path
    form: str
    columns: tuple[str, ...]
    types: Mapping[str, str]
    holds: Mapping[str, str]
    kept: tuple[str, ...]


def form_of(name: str | Path) -> str:
    """Return the form of a table by the ending of its file.

    Raises:
        InputError: when it is none of the known.

    """
    form = FORMS.get(Path(name).suffix.lower())
    if form is None:
        found = f"'{Path(name).name}' does not say in what form it is"
        raise InputError([Fault(found, f"End its name in {listed(list(FORMS), 'or')}.", Place(str(name)))])
    return form


def open_table(
    database: duckdb.DuckDBPyConnection, path: Path, knowledge: Knowledge, keep: Collection[str] = ()
) -> Table:
    """Return the table in a file, and let the database read it as ``patients``.

    ``keep`` names columns to be kept although they are named like a finding.

    Raises:
        InputError: when it cannot be read, has no finding, or a column that may be a finding wrongly written.

    """
    form = form_of(path)
    require_file(path)
    try:
        types = _types(database, path, form)
        table = table_of(path, form, types, knowledge, keep)
        _read(database, table)
    except duckdb.Error as problem:
        raise cannot_read(path, problem) from None
    return table


def require_file(path: Path) -> None:
    """Require that a table is there.

    Raises:
        InputError: when there is no file of that name.

    """
    if not path.is_file():
        found = "there is no such file" if not path.exists() else "this is not a file"
        raise InputError([Fault(found, "Give the path of a table of patients.", Place(str(path)))])


def rows_in(path: Path) -> int:
    """Return about how many rows a table has; no more is known of text than its lines.

    Raises:
        InputError: when there is no such file, or it does not say in what form it is.

    """
    form = form_of(path)
    require_file(path)
    if form != "parquet":
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    with interruptible(), duckdb.connect() as database:
        try:
            found = database.execute(f"SELECT num_rows FROM parquet_file_metadata({quoted(path)})").fetchall()
        except duckdb.Error as problem:
            raise cannot_read(path, problem) from None
    return int(found[0][0])


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C be what it is, wherever it comes: DuckDB makes another error of it."""
    try:
        yield
    except RuntimeError as problem:
        if "interrupt" in str(problem).lower():
            raise KeyboardInterrupt from None
        raise


def cannot_read(path: Path, problem: Exception) -> InputError:
    """Return in words that a table cannot be read, or, where that was it, that there was no room to judge it."""
    unwritten = re.search(r'Could not write.*"errno":"(\d+)"', str(problem))
    if unwritten or isinstance(problem, duckdb.OutOfMemoryException):
        room = os.strerror(int(unwritten[1])) if unwritten else "out of memory, and of room for what does not fit in it"
        remedy = "Make room for it, or choose another place for the result; nothing was written."
        return InputError([Fault(f"it cannot be judged here: {room}", remedy, Place(str(path)))])
    said = str(problem).splitlines()[0]
    remedy = WRITTEN.get(FORMS.get(path.suffix.lower(), ""), "Mend the file.")
    return InputError([Fault(f"it cannot be read as a table: {said}", remedy, Place(str(path)))])


def _types(database: duckdb.DuckDBPyConnection, path: Path, form: str) -> dict[str, str]:
    """Return the columns of a file, in order, with their types; those of JSON lines are its first line's."""
    if form == "jsonl":
        first = f"SELECT line FROM {_lines(path)} WHERE {IS_OBJECT} LIMIT 1"
        names = database.execute(f"SELECT unnest(json_keys(line)) FROM ({first})").fetchall()
        return _words(path, [row[0] for row in names])
    if form == "csv":
        return _words(path, _header(path))
    return {
        row[0]: row[1]
        for row in database.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {_parquet(path)}").fetchall()
    }


def _header(path: Path) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error) as problem:
        raise cannot_read(path, problem) from None
    if len(names) == 1 and (parted := re.search("[;\t]", names[0])):
        found = f"its columns are parted by {'a tab' if parted[0] == chr(9) else 'a semicolon'}, not by a comma"
        raise InputError([Fault(found, WRITTEN["csv"], Place(str(path)))])
    return names


def _words(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the type of columns of words, once each has a name that no other has; capitals make no difference."""
    seen: dict[str, str] = {}
    for name in names:
        if not name.strip() or name.lower() in seen:
            other = seen.get(name.lower())
            found = f"there are two columns, '{other}' and '{name}'" if name.strip() else "a column has no name"
            raise InputError(
                [Fault(found, "Give each column a name of its own, not in capitals alone.", Place(str(path)))]
            )
        seen[name.lower()] = name
    return dict.fromkeys(seen.values(), "VARCHAR")


def table_of(path: Path, form: str, types: Mapping[str, str], knowledge: Knowledge, keep: Collection[str]) -> Table:
    """Return the table that a file holds whose columns are of these types, as DuckDB calls them.

    Raises:
        InputError: when it has no finding, or a column that may be a finding wrongly written.

    """
    kept = tuple(name for name in types if name not in knowledge.findings)
    if form == "jsonl":  # a line leaves out what it does not say
        types = {**types, **dict.fromkeys(knowledge.findings, "VARCHAR")}
    faults = [Fault(*told, Place(str(path))) for told in _misnamed(kept, types, knowledge, keep)]
    if faults:
        raise InputError(faults)
    holds = {name: _holds(types.get(name), finding.is_number) for name, finding in knowledge.findings.items()}
    return Table(path, form, tuple(types), types, holds, kept)


def _misnamed(
    kept: Sequence[str], types: Mapping[str, str], knowledge: Knowledge, keep: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the names of columns, each with what to do."""
    answered = {one.lower() for one in answer_names(knowledge)}
    for name in kept:
        alike = _alike(name, knowledge.findings)
        if name.lower() in answered or name.startswith("__"):
            yield f"the column '{name}' is named like one of the answer", "Rename it."
        elif alike and name not in keep:
            found = f"the column '{name}' is no finding, but named like {listed(alike, 'or')}"
            yield found, f"Rename it, or keep it as it is: '--keep {name}'."
    for name in keep:
        if name not in types:
            close = nearest(name, types)
            remedy = f"Did you mean {listed(close, 'or')}?" if close else "Leave out '--keep', or mend the name."
            yield f"there is no column '{name}' to be kept", remedy
    if len(kept) == len(types):
        yield "no column of it is a finding", "See 'ivig-mg show findings' for their names."


def _alike(name: str, findings: Collection[str]) -> list[str]:
    """Return the findings that a column may have been meant for: it is a part of their names, or hardly differs."""
    return [one for one in nearest(name, findings) if f"_{_plain(name)}_" in f"_{one}_" or _ratio(name, one) >= CLOSE]


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, _plain(one), _plain(other)).ratio()


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _holds(type_: str | None, is_number: bool) -> str:
    if type_ is None:
        return ABSENT
    return NUMERIC if is_number and type_.split("(")[0] in EXACT else TEXT


def _read(database: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Let the database read a table as ``patients``, its rows numbered from 1, and what is no row as ``malformed``."""
    columns = ", ".join(_column(table, name) for name in table.columns)
    relation = {"parquet": _parquet_rows, "csv": _csv_rows, "jsonl": _json_rows}[table.form](database, table)
    database.execute(f"CREATE TEMP VIEW {PATIENTS} AS SELECT {ROW}, {columns} FROM {relation}")


def _column(table: Table, name: str) -> str:
    quoted = named(name)
    if name in table.holds and table.holds[name] == TEXT and table.types[name] != "VARCHAR":
        return f"CAST({quoted} AS VARCHAR) AS {quoted}"
    return quoted


def _parquet_rows(database: duckdb.DuckDBPyConnection, table: Table) -> str:
    database.execute(f"CREATE TEMP TABLE {MALFORMED} ({ROW} BIGINT, reason VARCHAR)")
    return f"(SELECT file_row_number + 1 AS {ROW}, * FROM {_parquet(table.path)})"


def _csv_rows(database: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Return the rows of a CSV file; the lines that are none are found by reading it once, every cell."""
    rows = f"SELECT row_number() OVER () AS {PLACE}, * FROM {_csv(table)}"
    database.execute(
        f"SELECT {', '.join(f'count({named(name)})' for name in table.columns)} FROM {_csv(table)}"
    ).fetchall()
    _require_lines(database, table.path)
    is_whole = not database.execute("FROM reject_errors LIMIT 1").fetchall()
    blank = [] if is_whole or len(table.columns) == 1 else list(_blank_lines(table.path))
    number = "line - 1 - (SELECT count(*) FROM (SELECT unnest($1::BIGINT[]) AS blank) WHERE blank < line)"
    database.execute(
        f"CREATE TEMP TABLE {MALFORMED} AS SELECT {number} AS {ROW}, string_agg(error_message, '; ') AS reason"
        " FROM reject_errors GROUP BY line ORDER BY line",
        [blank],
    )
    if is_whole:  # DuckDB tells no progress of a query that counts those before
        return f"(SELECT {PLACE} AS {ROW}, * FROM ({rows}))"
    malformed = f"SELECT {ROW} - row_number() OVER (ORDER BY {ROW}) AS whole_before FROM {MALFORMED}"
    counted = f"SELECT whole_before, sum(count(*)) OVER (ORDER BY whole_before) AS more FROM ({malformed}) GROUP BY 1"
    cells = ", ".join(map(named, table.columns))
    joined = f"({rows}) ASOF LEFT JOIN ({counted}) ON {PLACE} > whole_before"
    return f"(SELECT CAST({PLACE} + coalesce(more, 0) AS BIGINT) AS {ROW}, {cells} FROM {joined})"


def _require_lines(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Require that no line keeps others from being read: such a one takes with it rows that are told nowhere."""
    for wrong, said in (("INVALID ENCODING", "is not in UTF-8"), ("UNQUOTED VALUE", "has a quote that is not closed")):
        found = database.execute("SELECT min(line) FROM reject_errors WHERE error_type = ?", [wrong]).fetchall()
        if found[0][0] is not None:
            raise cannot_read(path, ValueError(f"line {found[0][0]} {said}"))


def _blank_lines(path: Path) -> Iterator[int]:
    """Yield the numbers of the lines of a CSV file that are blank; what goes over several in quotes is one."""
    number, within = 0, 0
    with open(path, "rb") as file:
        for line in file:
            number += not within
            if not within and not line.strip(b"\r\n"):
                yield number
            within ^= line.count(b'"') % 2


def _json_rows(database: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Return the rows of JSON lines: every value as the words that it is written in."""
    numbered = f"(SELECT row_number() OVER () AS {ROW}, line FROM {_lines(table.path)})"
    known = ", ".join(quoted(name) for name in table.columns)
    line = f"CASE WHEN {IS_OBJECT} THEN line END"
    keys = f"json_keys({line})"
    others = f"list_filter({keys}, lambda key: key NOT IN ({known}))"
    database.execute(
        f"CREATE TEMP TABLE {MALFORMED} AS SELECT {ROW}, CASE WHEN len({others}) > 0 THEN 'unknown column ' ||"
        f" array_to_string({others}, ', ') WHEN {IS_OBJECT} THEN 'a key stands in it twice'"
        f" ELSE 'this line is no JSON object' END AS reason FROM {numbered}"
        f" WHERE (len({others}) > 0 OR len({keys}) > len(list_distinct({keys}))) IS NOT false"
    )
    exact = f"left(regexp_replace({line} || '0', {quoted(NUMBERS)}, '\\1\"\\2\"', 'g'), -3)"  # the last number is the 0
    objects = f"SELECT {ROW}, {_object(exact, table.types)} AS exact, {_object(line, table.types)} AS read"
    columns = ", ".join(f"{_json_column(name)} AS {named(name)}" for name in table.columns)
    return f"(SELECT {ROW}, {columns} FROM ({objects} FROM {numbered} WHERE {IS_OBJECT}))"


def _object(line: str, types: Mapping[str, str]) -> str:
    return f"json_transform({line}, {quoted(json.dumps(dict(types), ensure_ascii=False))})"


def _json_column(name: str) -> str:
    """Return the words of a value: a number as it is written, and a list or an object as JSON."""
    read = f"read[{quoted(name)}]"
    return f"CASE WHEN left({read}, 1) IN ('[', '{{') THEN {read} ELSE exact[{quoted(name)}] END"


def _csv(table: Table) -> str:
    return words_of(table.path, table.columns, ", store_rejects = true")


def words_of(path: Path, names: Iterable[str], options: str = "") -> str:
    """Return a CSV file with these columns as a table of words, as SQL."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    plain = "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"'"
    return f"read_csv({quoted(path)}, columns = {{{columns}}}, {plain}{options})"


def _parquet(path: Path) -> str:
    return f"read_parquet({quoted(path)}, file_row_number = true)"


def _lines(path: Path) -> str:
    plain = "header = false, delim = '\\0', quote = '', escape = '', auto_detect = false"
    return f"read_csv({quoted(path)}, columns = {{'line': 'VARCHAR'}}, {plain})"


def quoted(words: str | Path) -> str:
    """Return words or a path as a text of SQL."""
    return "'" + str(words).replace("'", "''") + "'"


def named(name: str) -> str:
    """Return a name as SQL has it, whatever signs are in it."""
    return '"' + name.replace('"', '""') + '"'
