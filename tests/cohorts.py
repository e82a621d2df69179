"""Cohorts for tests: rows of words written as a table, judged, and read back."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from engine.cohorts.relations import words_of
from engine.cohorts.runs import Cohort, Result, Sample, judge
from engine.compiler import compile_rules
from engine.findings import Given, interpret
from engine.model import Knowledge
from tests.conftest import CASES

Words = Mapping[str, str]


def in_words(rows: Iterable[Mapping[str, Given]]) -> list[dict[str, str]]:
    """Return what is given of patients as rows of words."""
    return [{name: word.text for name, word in row.items()} for row in rows]


def by_parameters() -> list[list[int]]:
    """Return the places of the worked cases, those together that set the same local parameters, most first."""
    groups: dict[str, list[int]] = {}
    for place, case in enumerate(CASES):
        groups.setdefault(str({name: word.text for name, word in case.parameters.items()}), []).append(place)
    return sorted(groups.values(), key=len, reverse=True)


def table(path: Path, rows: Sequence[Words], columns: Sequence[str]) -> Path:
    """Write rows of words as a table, in the form that its ending names."""
    if path.suffix == ".jsonl":
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        return path
    text = path if path.suffix == ".csv" else path.with_suffix(".csv")
    with open(text, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    if text != path:
        with duckdb.connect() as database:
            database.execute(f"COPY (FROM {words_of(text, columns)}) TO '{path}'")
    return path


def typed(path: Path, knowledge: Knowledge) -> Path:
    """Write a table of words as one whose numbers are numbers, and return its path."""
    types = {"whole number": "INTEGER", "number": "DECIMAL(18, 6)"}
    numbers = [
        f'TRY_CAST("{f.name}" AS {types[f.type]}) AS "{f.name}"' for f in knowledge.findings.values() if f.is_number
    ]
    out = path.with_name(f"typed_{path.stem}.parquet")
    with duckdb.connect() as database:
        replaced = f"REPLACE ({', '.join(numbers)})" if numbers else ""
        database.execute(f"COPY (SELECT * {replaced} FROM '{path}') TO '{out}'")
    return out


def judged(
    path: Path,
    knowledge: Knowledge,
    parameters: Mapping[str, Given] | None = None,
    form: str = "parquet",
    check: int = 5,
    *,
    read: bool = True,
) -> tuple[Result, list[dict[str, Any]]]:
    """Judge a table, and return what came of it and its rows, unless they are not to be read."""
    in_force = interpret(knowledge, {}, parameters or {}).parameters
    out = path.with_name(f"{path.stem}.result.{form}")
    out.unlink(missing_ok=True)
    out.with_name(f"{out.name}.rejected.csv").unlink(missing_ok=True)
    sample = Sample(check, 1, compile_rules(knowledge))
    result = judge(Cohort(path, (), knowledge, in_force), str(out), False, sample)
    if not read:
        return result, []
    with duckdb.connect() as database:
        cursor = database.execute(f"FROM '{out}'")
        names = [one[0] for one in cursor.description]
        return result, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def rejected(result: Result) -> dict[int, str]:
    """Return the rows that were not taken, by number, with the reason."""
    if result.rejected_path is None:
        return {}
    with open(result.rejected_path, encoding="utf-8", newline="") as file:
        return {int(row["row"]): row["reason"] for row in csv.DictReader(file)}
