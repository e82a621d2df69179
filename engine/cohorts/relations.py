"""Files as tables of DuckDB's SQL: a path is always one file, and what is in its folders' names is no column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

NUMBERED = "file_row_number"
"""What DuckDB calls the number of a row in a Parquet file, from 0."""

ALONE = "hive_partitioning = false"
"""Has DuckDB take no 'name=value' in a path for a column."""

PLAIN = "auto_detect = false, delim = ',', quote = '\"', escape = '\"'"
"""How CSV is written."""


def quoted(words: str | Path) -> str:
    """Return words or a path as a text of SQL."""
    return "'" + str(words).replace("'", "''") + "'"


def named(name: str) -> str:
    """Return a name as SQL has it, whatever signs are in it."""
    return '"' + name.replace('"', '""') + '"'


def located(path: Path) -> str:
    """Return the path of a file that is to be read as a text of SQL, no sign of it a pattern."""
    return quoted(re.sub(r"([\[*?])", r"[\1]", str(path)))


def parquet(*paths: Path, is_numbered: bool = False) -> str:
    """Return Parquet files as one table, its rows numbered within each as ``file_row_number`` where asked."""
    number = f", {NUMBERED} = true" if is_numbered else ""
    return f"read_parquet({listed(paths)}, {ALONE}{number})"


def listed(paths: Sequence[Path]) -> str:
    """Return paths that are to be read as a list of SQL."""
    return f"[{', '.join(map(located, paths))}]"


def csv(path: Path, types: Mapping[str, str]) -> str:
    """Return a CSV file with a header as a table of columns of these types."""
    return f"read_csv({located(path)}, columns = {_columns(types)}, header = true, {PLAIN}, {ALONE})"


def words_of(path: Path, names: Iterable[str]) -> str:
    """Return a CSV file with these columns as a table of words."""
    return csv(path, dict.fromkeys(names, "VARCHAR"))


def lines(path: Path) -> str:
    """Return the lines of a text as a table with one column, ``line``."""
    plain = "header = false, auto_detect = false, delim = '\\0', quote = '', escape = ''"
    return f"read_csv({located(path)}, columns = {{'line': 'VARCHAR'}}, {plain}, {ALONE})"


def json_lines(path: Path, types: Mapping[str, str]) -> str:
    """Return JSON lines as a table of columns of these types."""
    return f"read_ndjson({located(path)}, columns = {_columns(types)}, {ALONE})"


def _columns(types: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{quoted(name)}: {quoted(type_)}' for name, type_ in types.items())}}}"
