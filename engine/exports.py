"""A ledger as tables for other programs: JSON lines, CSV or Parquet; the only user of duckdb."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import duckdb
import msgspec

from engine.errors import Fault, InputError, Place, listed, shortened
from engine.files import writing_new
from engine.language import plain
from engine.ledger import Ledger, Progress
from engine.records import CONSULTATION, Entry
from engine.replay import consultations, receipt_of, rule_base_of
from engine.storage import damaged
from engine.usage import grams_of

FORMATS = ("jsonl", "csv", "parquet")

COLUMNS = (
    "number", "kind", "time", "actor", "patient", "knowledge", "layers", "parameters", "engine", "status", "applies",
    "least_g", "most_g", "to", "decision", "about", "reasons", "text", "receipt",
)  # fmt: skip
"""The columns of a table, ahead of one for each finding, ``finding.NAME``; those that name several things part
them by blanks. A finding without a value has the reason for it: unknown, pending, not asked or not applicable.
"""

FINDING = "finding."
"""What the name of a finding's column begins with, so that no finding is taken for another column."""

WRITTEN, FORMULA = ("actor", "text"), ("=", "+", "-", "@", "\t")
"""The columns that people wrote, and what a formula of a spreadsheet begins with."""

TYPES = {"number": "BIGINT", "time": "TIMESTAMP", "least_g": "DECIMAL(18,6)", "most_g": "DECIMAL(18,6)", "to": "BIGINT"}


def export(ledger: Ledger, name: str, progress: Progress = lambda done: None) -> Path:
    """Write a ledger into a new file, in the form that its ending names, and return its path.

    Raises:
        InputError: when the ending is none of the known, or the file cannot be written.

    """
    ending = Path(name).suffix.removeprefix(".")
    if ending not in FORMATS:
        known = listed([f"'.{one}'" for one in FORMATS], "or")
        raise InputError([Fault(f"'{name}' does not say in what form", f"End its name in {known}.", Place(name))])
    with writing_new(name) as (path, unfinished):
        if ending == "jsonl":
            with open(unfinished, "w", encoding="utf-8") as file:
                _json_lines(ledger, file, progress)
            return path
        table = unfinished if ending == "csv" else unfinished.with_name("table.csv")
        columns = _table(ledger, table, progress, for_people=ending == "csv")
        if ending == "parquet":
            try:
                _parquet(table, unfinished, columns)
            except duckdb.OperationalError as problem:  # of the disk, not of the entries
                raise InputError(
                    [Fault(f"it cannot be written: {_first_line(problem)}", "Choose another place.", Place(str(path)))]
                ) from None
            except duckdb.Error as problem:
                found = f"its entries do not fit a Parquet file: {_first_line(problem)}"
                remedy = "'ivig-mg audit verify' says what is altered; JSON lines take all entries."
                raise InputError([Fault(found, remedy, Place(str(path)))]) from None
    return path


def _first_line(problem: duckdb.Error) -> str:
    return shortened(str(problem).partition("\n")[0], 500)


def _entries(ledger: Ledger, progress: Progress) -> Iterator[tuple[Entry, dict[str, Any] | None]]:
    for entry in ledger.entries():
        yield entry, receipt_of(ledger, entry) if entry.kind == CONSULTATION else None
        progress(entry.number)


def _json_lines(ledger: Ledger, file: TextIO, progress: Progress) -> None:
    for entry, receipt in _entries(ledger, progress):
        content = {"entry": msgspec.to_builtins(entry), **({} if receipt is None else {"receipt": receipt})}
        file.write(msgspec.json.encode(content).decode() + "\n")


def _table(ledger: Ledger, path: Path, progress: Progress, for_people: bool) -> list[str]:
    """Write the table as CSV, and return its columns; findings that some knowledge knew are columns.

    People open it with programs that take a text for a formula: then one that looks like it gets a mark.
    """
    findings = {column for known in _vocabularies(ledger) for column in known}
    columns = [*COLUMNS, *sorted(findings)]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        for entry, receipt in _entries(ledger, progress):
            row = _row(entry, receipt)
            if not row.keys() <= {*COLUMNS, *findings}:
                raise damaged(ledger.path, f"entry {entry.number} has a finding that no knowledge in it knows")
            if for_people:
                row |= {name: f"'{row[name]}" for name in WRITTEN if row.get(name, "")[:1] in FORMULA}
            writer.writerow(row)
    return columns


def _vocabularies(ledger: Ledger) -> Iterator[set[str]]:
    """Yield the columns of the findings of each knowledge; of one that cannot be read, those that its receipts have."""
    unread = set()
    for name, _ in ledger.snapshots():
        try:
            yield {f"{FINDING}{finding}" for finding in rule_base_of(ledger, name).knowledge.findings}
        except InputError:  # noqa: PERF203 – each may be of another version of the program
            unread.add(name)
    for entry in consultations(ledger) if unread else ():
        if entry.snapshot in unread:
            receipt = receipt_of(ledger, entry)
            yield {f"{FINDING}{finding}" for finding in (*receipt["findings"], *receipt["unknown"])}


def _row(entry: Entry, receipt: dict[str, Any] | None) -> dict[str, Any]:
    content = {key: value for key, value in msgspec.to_builtins(entry).items() if key in COLUMNS}
    content |= {name: " ".join(getattr(entry, name)) for name in ("applies", "about", "reasons")}
    content["to"] = entry.to or ""
    if receipt is None:
        return content
    grams = grams_of(receipt)
    if grams is not None:
        content |= {"least_g": plain(grams[0]), "most_g": plain(grams[1])}
    content |= {
        "engine": receipt["engine"],
        "layers": " ".join(layer["id"] for layer in receipt["layers"]),
        "parameters": " ".join(f"{name}={one['value']}" for name, one in receipt["parameters"].items()),
    }
    return content | {
        f"{FINDING}{name}": value for name, value in {**receipt["unknown"], **receipt["findings"]}.items()
    }


def _parquet(table: Path, path: Path, columns: list[str]) -> None:
    types = {name: TYPES.get(name, "VARCHAR") for name in columns}
    with duckdb.connect() as database:
        database.read_csv(str(table), header=True, columns=types, all_varchar=False).write_parquet(str(path))
