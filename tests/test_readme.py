"""The documents: their commands run, and print what they say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.loading import load
from tests.conftest import ROOT
from tests.walkthrough import Command, require_as_said, steps, walk

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

WALKED = [ROOT / "docs" / "tutorial.md", ROOT / "docs" / "audit.md"]
"""Documents to be worked through from the first step to the last."""


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def transcripts() -> Iterator[Command]:
    """Yield each command of the documents with the output that is printed there."""
    for path in DOCUMENTS:
        if path not in WALKED:
            yield from (step for step in steps(path) if isinstance(step, Command))


@pytest.mark.parametrize("command", list(transcripts()), ids=lambda command: command.line)
def test_a_command_of_the_documents_prints_what_they_say(command: Command, tmp_path: Path) -> None:
    for folder in ("examples", "knowledge"):  # what a command writes is written elsewhere
        (tmp_path / folder).symlink_to(ROOT / folder)
    require_as_said(command, tmp_path)


@pytest.mark.parametrize("path", WALKED, ids=lambda path: path.stem)
def test_a_walk_through_comes_out_as_it_says_step_by_step(path: Path, tmp_path: Path) -> None:
    for folder in ("examples", "knowledge"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    walk(path, tmp_path)


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
    for path in (path for path in DOCUMENTS if path not in WALKED):  # those change statements, in a copy
        for block in blocks(path, "yaml"):
            for name, says in re.findall(r"^(S\d\d):\n  says: (.*)$", block, re.MULTILINE):
                assert knowledge.statements[name].says == says


def test_the_changelog_names_this_version() -> None:
    from engine import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
