"""The shape of the code: imports go one way, and each outside library has one door."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import engine
from tests.conftest import ROOT

MODULES = sorted((ROOT / "engine").rglob("*.py"))
ORDER = re.findall(r"``(\w+)``", engine.__doc__ or "")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def noun(name: str) -> str:
    return name.removeprefix("engine.").split(".")[0]


def test_the_order_of_the_engine_is_written_down_in_full() -> None:
    nouns = {path.relative_to(ROOT / "engine").parts[0].removesuffix(".py") for path in MODULES} - {"__init__"}
    assert set(ORDER) == nouns


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_modules_before_it(path: Path) -> None:
    own = path.relative_to(ROOT / "engine").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    others = {noun(name) for name in imported(path) if name.startswith("engine.")} & set(ORDER) - {own}
    assert all(ORDER.index(other) < ORDER.index(own) for other in others)


@pytest.mark.parametrize(
    ("library", "door"),
    [
        ("experta", "engine/rete.py"),
        ("yaml", "engine/documents.py"),
        ("drawsvg", "engine/rendering/drawing.py"),
        ("jinja2", "engine/rendering/report.py"),
        ("filelock", "engine/journal.py"),
        ("rfc8785", "engine/receipts.py"),
        ("cryptography", "engine/keys.py"),
        ("sqlite3", "engine/storage.py"),
        ("matplotlib", "engine/rendering/plots.py"),
    ],
)
def test_a_library_is_imported_by_one_module(library: str, door: str) -> None:
    users = [path for path in [*MODULES, ROOT / "cli.py"] if any(n.split(".")[0] == library for n in imported(path))]
    assert [str(path.relative_to(ROOT)) for path in users] == [door]


@pytest.mark.parametrize("library", ["duckdb", "sqlglot", "pyspark"])
def test_cohorts_alone_know_the_engines_of_cohorts(library: str) -> None:
    users = [path for path in [*MODULES, ROOT / "cli.py"] if any(n.split(".")[0] == library for n in imported(path))]
    inside = {path for path in users if path.parent == ROOT / "engine" / "cohorts"}
    assert {path.name for path in users if path not in inside} == ({"exports.py"} if library == "duckdb" else set())


def test_only_the_command_line_knows_click() -> None:
    users = {path for path in [*MODULES, ROOT / "cli.py"] if "click" in imported(path)}
    assert users == {ROOT / "cli.py", *(path for path in users if path.parent == ROOT / "engine" / "commands")}


@pytest.mark.parametrize("path", [*MODULES, ROOT / "cli.py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_short_enough_to_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


CLOCK_AND_CHANCE = {
    "engine/commands/asking.py": {"datetime"},  # when a conversation was held, as its file has it
    "engine/commands/cohorts.py": {"time"},  # how long a cohort took
    "engine/ledger.py": {"secrets"},  # no two ledgers have the same id
    "engine/records.py": {"datetime"},  # what times there are
    "engine/selection.py": {"datetime"},  # what days there are
    "engine/commands/recording.py": {"datetime"},  # the one clock: when something was recorded
}


def test_no_clock_and_no_chance_in_the_engine() -> None:
    for path in MODULES:
        used = {"time", "datetime", "random", "secrets", "uuid"} & {n.split(".")[0] for n in imported(path)}
        assert used == CLOCK_AND_CHANCE.get(path.relative_to(ROOT).as_posix(), set())
