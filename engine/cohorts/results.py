"""The result of a cohort as it was written: what it holds is read back from the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
from msgspec import Struct

from engine.cohorts.cells import NUMERIC
from engine.cohorts.query import PATIENTS, ROW
from engine.cohorts.relations import NUMBERED, json_lines, named, parquet, words_of
from engine.cohorts.sample import Cells
from engine.cohorts.tables import PLACE, REJECTED, Table
from engine.consultation import STATUSES


class Written(Struct, frozen=True):
    """A result that was written: its file, its form, the types of its columns, and those that are kept."""

    path: Path
    form: str
    types: Mapping[str, str]
    kept: tuple[str, ...]

    @property
    def relation(self) -> str:
        """The result as a table, its rows counted from 1 as ``__place``."""
        if self.form == "parquet":
            return f"(SELECT {NUMBERED} + 1 AS {PLACE}, * FROM {parquet(self.path, is_numbered=True)})"
        if self.form == "csv":
            return f"(SELECT row_number() OVER () AS {PLACE}, * FROM {words_of(self.path, self.types)})"
        return f"(SELECT row_number() OVER () AS {PLACE}, * FROM {json_lines(self.path, self.readable)})"

    @property
    def readable(self) -> Mapping[str, str]:
        """The columns of an answer, with the type that each is read in."""
        types = {name: type_ for name, type_ in self.types.items() if name not in self.kept}
        return {name: "VARCHAR" if type_.startswith("ENUM") else type_ for name, type_ in types.items()}


def count_statuses(database: duckdb.DuckDBPyConnection, relation: str) -> dict[str, int]:
    """Return how many rows of a result have each status that one has."""
    counted = dict(database.execute(f"SELECT status, count(*) FROM {relation} GROUP BY status").fetchall())
    return {status: counted[status] for status in STATUSES if status in counted}


def sampled(
    database: duckdb.DuckDBPyConnection, table: Table, written: Written, places: list[int]
) -> dict[int, tuple[Cells, Mapping[str, Any]]]:
    """Return the rows at some places of a result, from 1, by their numbers in the table: their cells, their answers."""
    findings = [name for name in table.columns if name in table.holds]
    cells = ", ".join(_in_words(name, table.holds[name]) for name in findings)
    numbers = numbers_at(database, places)
    given = f"SELECT {ROW}, {cells} FROM {PATIENTS} WHERE {ROW} IN {in_places(numbers)} ORDER BY {ROW}"
    names = ", ".join(f"CAST({named(name)} AS {type_}) AS {named(name)}" for name, type_ in written.readable.items())
    told = f"SELECT {names} FROM {written.relation} WHERE {PLACE} IN {in_places(places)} ORDER BY {PLACE}"
    return {
        row[0]: (dict(zip(findings, row[1:], strict=True)), dict(zip(written.readable, answer, strict=True)))
        for row, answer in zip(database.execute(given).fetchall(), database.execute(told).fetchall(), strict=True)
    }


def _in_words(name: str, holds: str) -> str:
    """Return a cell as words; a number with as many decimals as one can have that was taken."""
    return f"CAST({f'CAST({named(name)} AS DECIMAL(18, 6))' if holds == NUMERIC else named(name)} AS VARCHAR)"


def numbers_at(database: duckdb.DuckDBPyConnection, places: list[int]) -> list[int]:
    """Return the numbers of the rows at some places among those that were taken."""
    rejected = f"SELECT {ROW} - row_number() OVER (ORDER BY {ROW}) AS taken_before FROM {REJECTED}"
    before = f"(SELECT count(*) FROM ({rejected}) WHERE taken_before < place)"
    query = f"SELECT place + {before} FROM (SELECT unnest(?) AS place)"
    return sorted(row[0] for row in database.execute(query, [places]).fetchall())


def in_places(places: list[int]) -> str:
    """Return numbers as SQL has them after IN."""
    return f"(SELECT unnest(CAST({places} AS BIGINT[])))"
