"""What a command costs before it works and after: what it imports, and what it leaves to the collector."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

LIBRARIES = "import engine.rete, click, yaml, msgspec, decimal, hashlib"
"""What the program is made with."""

CONSULT = "from cli import main; main(['consult', 'examples/crisis.yaml'])"

MODULES = {
    "errors", "documents", "logic", "model", "language", "shapes", "forms", "entries", "soundness", "loading",
    "cache", "truth", "findings", "cases", "dosing", "conditions", "compiler", "consultation", "questions", "courses",
    "contract", "rendering", "rendering.page", "rendering.words", "rendering.summary", "rendering.consultation",
    "commands", "commands.terminal", "commands.patients", "commands.ledgers", "commands.recording",
}  # fmt: skip
"""The modules of the engine that a consultation is made with, besides those of the libraries."""

OTHERS = {"cli", "gc", "locale", "signal", "unicodedata"}
"""What else it imports: small, and of Python itself. ``locale`` is asked for by click."""


def at_the_end(program: str, words: str) -> set[str]:
    """Return the words that a Python expression comes to at the very end of a program in a process of its own."""
    last = f"import atexit, gc, sys; atexit.register(lambda: print(*{words}, file=sys.stderr)); "
    done = subprocess.run(
        [sys.executable, "-c", last + program],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stderr.split())


@pytest.fixture(autouse=True)
def _kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The knowledge was read by a command before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    at_the_end(CONSULT, "()")
    assert list(tmp_path.rglob("knowledge/*"))


def test_a_consultation_imports_what_it_is_made_with_and_nothing_else() -> None:
    own = at_the_end(CONSULT, "sys.modules") - at_the_end(LIBRARIES, "sys.modules")
    assert {name for name in own if name.startswith("engine.")} <= {f"engine.{name}" for name in MODULES}
    others = {name.split(".")[0] for name in own if not name.startswith(("engine", "encodings"))}
    assert {name for name in others if not name.startswith("_")} <= OTHERS


def test_what_a_command_leaves_is_not_gone_through_once_more_at_its_end() -> None:
    (left,) = at_the_end(CONSULT, "[len(gc.get_objects())]")
    (left_by_libraries,) = at_the_end(LIBRARIES, "[len(gc.get_objects())]")
    assert int(left) < int(left_by_libraries) / 10
