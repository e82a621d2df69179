"""The documents: their commands run, and print what they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.loading import load
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def transcripts() -> Iterator[tuple[str, str]]:
    """Yield each command of the documents with the output that is printed there."""
    for path in DOCUMENTS:
        for block in blocks(path, "console"):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


def pattern(output: str) -> str:
    """Return the output as a pattern in which … stands for any lines, or at the end of a line for its rest."""
    parts = re.split(r"^…\n", output, flags=re.MULTILINE)
    return "(?:.*\n)*?".join(re.escape(part).replace("…\\\n", ".*\n") for part in parts) + r"\Z"


@pytest.mark.parametrize(("command", "output"), list(transcripts()))
def test_a_command_of_the_documents_prints_what_they_say(command: str, output: str, tmp_path: Path) -> None:
    program, *words = shlex.split(command)
    assert program == "ivig-mg"
    for folder in ("examples", "knowledge"):  # what a command writes is written elsewhere
        (tmp_path / folder).symlink_to(ROOT / folder)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(pattern(output), done.stdout), done.stdout


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    install, test = blocks(ROOT / "README.md", "sh")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in ci
    assert "pip install --quiet --editable ." in install
    assert "pytest" in test


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_statements_printed_in_the_documents_are_the_shipped_ones() -> None:
    knowledge = load()
    for path in DOCUMENTS:
        for block in blocks(path, "yaml"):
            for name, says in re.findall(r"^(S\d\d):\n  says: (.*)$", block, re.MULTILINE):
                assert knowledge.statements[name].says == says


def test_the_changelog_names_this_version() -> None:
    from engine import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
