"""Warehouses for tests: what the printed rules are to answer, and a Postgres that is gone afterwards."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from engine.findings import Given
from engine.language import plain
from engine.model import Knowledge
from tests.cohorts import table, typed

Row = dict[str, Any]

OWNER = "nobody" if os.geteuid() == 0 else None
"""Who runs Postgres, where it is not who runs the tests: it refuses to be run by root."""

TOOLS = tuple(shutil.which(name) for name in ("initdb", "postgres", "psql"))
"""The programs of Postgres, None for one that is not on the path."""


def numbered(path: Path, knowledge: Knowledge, rows: Sequence[Mapping[str, Given]]) -> Path:
    """Write patients as a Parquet table, numbered, whose numbers are numbers."""
    words = [{"nr": str(nr), **{name: word.text for name, word in row.items()}} for nr, row in enumerate(rows)]
    return typed(table(path, words, ["nr", *knowledge.findings]), knowledge)


def in_columns(answer: Mapping[str, Any]) -> Row:
    """Return an answer in the plain columns of a warehouse, those with a value: a dose in columns of its name."""
    plainly = {name: value for name, value in answer.items() if name not in ("nr", "doses", "open")}
    for dose in answer["doses"]:
        basis = "ideal" if dose["weight_basis"] == "ideal" else "actual"
        amount = plain(Decimal(dose["g_per_kg"])).replace(".", "_")
        slot = "_".join(part for part in (dose["statement"], dose["of"], dose["reading"], amount, basis) if part)
        grams = {f"{slot}_{part}": dose[part] for part in ("total_g", "daily_g")}
        plainly.update({name: value for name, value in grams.items() if value is not None})
    plainly.update({f"open__{name}": True for name in answer["open"]})
    return {name.lower(): value for name, value in plainly.items()}


def with_values(row: Row) -> Row:
    """Return the columns of a row that have a value; an open finding has to be told as open or not."""
    plainly = {name.lower(): value for name, value in row.items()}
    assert all(type(value) is bool for name, value in plainly.items() if name.startswith("open__"))
    return {name: value for name, value in plainly.items() if name != "nr" and value is not None and value is not False}


class Postgres:
    """A running Postgres, reached through its own client."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def run(self, text: str) -> str:
        """Run statements, and return what the last of them prints, as CSV."""
        command = ["psql", "-X", "-q", "--csv", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "tests", "postgres"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, path: Path, query: str, number: str = "NUMERIC") -> list[Row]:
        """Return the rows of a query over a Parquet table of patients, in the order of their numbers."""
        cells = path.with_suffix(".patients.csv")
        with duckdb.connect() as database:
            described = database.execute(f"DESCRIBE FROM '{path}'").fetchall()
            database.execute(f"COPY (FROM '{path}') TO '{cells}' (HEADER)")
        columns = ", ".join(f'"{row[0]}" {"TEXT" if row[1] == "VARCHAR" else number}' for row in described)
        copied = f"COPY patients FROM STDIN (FORMAT csv, HEADER);\n{cells.read_text()}\\.\n"
        told = self.run(f"DROP TABLE IF EXISTS patients; CREATE TABLE patients ({columns});\n{copied}{query}")
        rows = [{name: _value(name, text) for name, text in row.items()} for row in csv.DictReader(io.StringIO(told))]
        return sorted(rows, key=lambda row: int(row["nr"]))


def _value(name: str, text: str) -> Any:
    if name.startswith("open__"):
        return {"t": True, "f": False}.get(text)
    if name.endswith("_g") and text:
        return Decimal(text)
    return text or None


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start a Postgres in a folder of its own, without a port, and stop it."""
    folder = tempfile.mkdtemp(prefix="pg")
    if OWNER:
        shutil.chown(folder, OWNER)
    data = f"{folder}/data"
    asked = ["initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(asked, check=True, capture_output=True, cwd=folder, user=OWNER)
    command = ["postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder, user=OWNER)
    try:
        assert server.stderr is not None
        while "ready to accept connections" not in (line := server.stderr.readline()):
            assert line, "Postgres did not start"
        yield Postgres(folder)
    finally:
        server.terminate()
        server.communicate(timeout=30)
        shutil.rmtree(folder)
