"""The table of patients that a cohort is read from: its form, its columns, and what is wrong with them.

Findings are columns, by their names; any other column is kept as it is.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from pathlib import Path

import duckdb
from msgspec import Struct

from engine.cohorts.cells import ABSENT, NUMERIC, TEXT
from engine.cohorts.csv_records import LONGEST, records
from engine.cohorts.query import answer_names
from engine.cohorts.relations import NUMBERED, located
from engine.errors import Fault, InputError, Place, listed, nearest
from engine.model import Knowledge

FORMS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""The forms of a table, by the ending of its file."""

WRITTEN = {
    "csv": "Write it as UTF-8, with commas between cells, quotes only round whole cells, the same end to every line.",
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

RESERVED = (NUMBERED, "_metadata")
"""The names that a column cannot have, because an engine of cohorts gives them itself."""

SHORT = 2
"""How many letters are too few for a name to be taken for a part of another."""

PLACE = "__place"
"""The column with the place of a row among those that are whole, or that were taken, from 1."""

MALFORMED = "malformed"
"""The table with the rows that are none (a field too many, no JSON, an unknown key): their numbers, and why."""

REJECTED = "rejected"
"""The table with all rows that cannot be taken: their numbers, and why."""


class Table(Struct, frozen=True):
    """A table of patients: its file, form, columns in order, what those of findings hold, and those that are kept."""

    path: Path
    form: str
    columns: tuple[str, ...]
    types: Mapping[str, str]
    holds: Mapping[str, str]
    kept: tuple[str, ...]
    laid: Path | None = None
    """The Parquet file that has its rows, once that is there."""

    @property
    def absent(self) -> tuple[str, ...]:
        """The findings that no column is named by; a line of JSON may name any."""
        return tuple(name for name, holds in self.holds.items() if holds == ABSENT)


def form_of(name: str | Path) -> str:
    """Return the form of a table by the ending of its file.

    Raises:
        InputError: when it is none of the known.

    """
    form = FORMS.get(Path(name).suffix.lower())
    if form is None:
        found = f"'{Path(name).name}' does not say in what form it is"
        remedy = f"End its name in {listed(list(FORMS), 'or')}."
        if Path(name).suffix.lower() in (".xlsx", ".xls"):
            found, remedy = "a workbook of Excel cannot be read", "Save its sheet as 'CSV UTF-8', with commas."
        raise InputError([Fault(found, remedy, Place(str(name)))])
    return form


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
            found = database.execute(f"SELECT num_rows FROM parquet_file_metadata({located(path)})").fetchall()
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
    line = re.search(r"CSV Error on Line: (\d+)", said)
    if "state machine reached an invalid state" in said:
        said = "its lines do not all end alike"
    elif line and "unicode" in str(problem).lower():
        said = f"line {line[1]} is not in UTF-8"
    elif line and "Maximum line size" in str(problem):
        said = f"line {line[1]} is longer than {LONGEST:,} signs"
    remedy = WRITTEN.get(FORMS.get(path.suffix.lower(), ""), "Mend the file.")
    return InputError([Fault(f"it cannot be read as a table: {said}", remedy, Place(str(path)))])


def header(path: Path) -> list[str]:
    """Return the columns that the first line of a CSV file names.

    Raises:
        InputError: when it is blank, not in UTF-8, or has no commas between the names.

    """
    try:
        first = next(records(path), None)
    except ValueError as problem:
        raise cannot_read(path, problem) from None
    names = next(csv.reader(io.StringIO(first.text, newline=""))) if first and first.line == 1 else []
    if not names or names[0].startswith("sep="):
        found = "its first line is 'sep=', which is Excel's own" if names else "its first line is blank"
        raise InputError([Fault(found, "Begin it with the names of its columns.", Place(str(path)))])
    if len(names) == 1 and (parted := re.search("[;\t]", names[0])):
        found = f"its columns are parted by {'a tab' if parted[0] == chr(9) else 'a semicolon'}, not by a comma"
        raise InputError([Fault(found, WRITTEN["csv"], Place(str(path)))])
    return names


def columns_of_words(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the type of columns of words, once each has a name that no other has; capitals make no difference.

    Raises:
        InputError: when one has none, or another's.

    """
    seen: dict[str, str] = {}
    for name in names:
        if not name.strip() or name.lower() in seen:
            other = seen.get(name.lower())
            found = f"there are two columns, '{other}' and '{name}'" if name.strip() else "a column has no name"
            remedy = "Give each column a name of its own; capitals alone do not tell two apart."
            raise InputError([Fault(found, remedy, Place(str(path)))])
        seen[name.lower()] = name
    return dict.fromkeys(seen.values(), "VARCHAR")


def table_of(path: Path, form: str, types: Mapping[str, str], knowledge: Knowledge, keep: Collection[str]) -> Table:
    """Return the table that a file holds whose columns are of these types, as DuckDB calls them.

    Raises:
        InputError: when it has no finding, or a column that may be a finding wrongly written.

    """
    kept = tuple(name for name in types if name not in knowledge.findings or name in keep)
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
    for finding in knowledge.findings.values():
        if types.get(finding.name) == "BOOLEAN" and finding.type == "yes/no":
            found = f"the column '{finding.name}' holds true and false, where yes and no are taken"
            yield found, "Write it as words first."
    for name in kept:
        if name not in knowledge.findings:
            yield from _mistakable(name, knowledge, name in keep)
    for name in keep:
        if name not in types:
            close = nearest(name, types)
            remedy = f"Did you mean {listed(close, 'or')}?" if close else "Leave out '--keep', or mend the name."
            yield f"there is no column '{name}' to be kept", remedy
    if not any(name in knowledge.findings for name in types):
        yield "no column of it is a finding", "See 'ivig-mg show' for their names."


def _mistakable(name: str, knowledge: Knowledge, is_kept: bool) -> Iterator[tuple[str, str]]:
    """Yield what a column that is no finding may be mistaken for, with what to do."""
    alike = _alike(name, knowledge.findings)
    if name.lower() in knowledge.findings:
        yield f"the column '{name}' differs from the finding {name.lower()} in capitals alone", "Rename it."
    elif name.lower() in map(str.lower, answer_names(knowledge)) or name.startswith("__"):
        yield f"the column '{name}' has a name that a column of the result has", "Rename it."
    elif name.lower() in RESERVED:
        yield f"the column '{name}' has a name that DuckDB or Apache Spark gives itself", "Rename it."
    elif alike and not is_kept:
        found = f"the column '{name}' is no finding, but named like {listed(alike, 'or')}"
        yield found, f"Rename it, or keep it as it is: --keep {shlex.quote(name)}"


def _alike(name: str, findings: Collection[str]) -> list[str]:
    """Return the findings that a column may have been meant for: it is a part of their names, or hardly differs."""
    is_part = len(_plain(name)) > SHORT
    return [
        one
        for one in nearest(name, findings)
        if (is_part and f"_{_plain(name)}_" in f"_{one}_") or _ratio(name, one) >= CLOSE
    ]


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, _plain(one), _plain(other)).ratio()


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _holds(type_: str | None, is_number: bool) -> str:
    if type_ is None:
        return ABSENT
    return NUMERIC if is_number and type_.split("(")[0] in EXACT else TEXT
