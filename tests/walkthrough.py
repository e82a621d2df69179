"""A document that is worked through step by step: its commands are run, its edits made, its outputs compared.

In a block of ``console`` each line that begins with ``$`` is a command, and what follows is what it
prints; ``…`` stands for any lines, or at the end of a line for its rest. It ends with exit status 0, unless
a last line ``[exit status 1]`` says otherwise. A block of ``yaml`` below a
paragraph that names a file in backticks is written into that file: in place of the entry of the same
name, or of a skeleton, or else at its end.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from tests.conftest import ROOT


class Command(Struct, frozen=True):
    """A command of a document, and what the document says that it prints and ends with."""

    line: str
    output: str
    status: int = 0

    @property
    def words(self) -> list[str]:
        """The command, as a shell reads it."""
        return shlex.split(self.line)


class Edit(Struct, frozen=True):
    """An entry that a document has its reader write into a file."""

    file: str
    entry: str


CONSOLE = r"\A([^\n]*)\n(.*?)(?:\[exit status (\d+)\]\n)?\Z"
"""A command, what it prints, and the exit status that it ends with."""


def steps(document: Path) -> Iterator[Command | Edit]:
    """Yield what a document has its reader do, in order."""
    text = document.read_text(encoding="utf-8")
    for before, language, block in re.findall(
        r"((?:[^\n]+\n)*)\n*^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    ):
        if language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                [(command, output, status)] = re.findall(CONSOLE, part, re.DOTALL)
                yield Command(command, output, int(status or 0))
        elif language == "yaml" and (file := re.findall(r"`([^`]+\.yaml)`", before)):
            yield Edit(file[-1], block)


def pattern(output: str) -> str:
    """Return the output as a pattern in which … stands for any lines, or at the end of a line for its rest."""
    parts = re.split(r"^…\n", output, flags=re.MULTILINE)
    return "(?:.*\n)*?".join(re.escape(part).replace("…\\\n", ".*\n") for part in parts) + r"\Z"


def run(words: list[str], folder: Path) -> tuple[str, int]:
    """Run a command of a document in a folder; return what it prints, and its exit status."""
    if words[-2:-1] == [">"]:
        printed, status = run(words[:-2], folder)
        (folder / words[-1]).write_text(printed, encoding="utf-8")
        return "", status
    program, *rest = words
    if program == "cp":
        shutil.copytree(folder / rest[-2], folder / rest[-1], dirs_exist_ok=True)
        return "", 0
    if program == "sed":
        subprocess.run(words, cwd=folder, check=True)
        return "", 0
    assert program == "ivig-mg", f"the documents run no '{program}'"
    done = subprocess.run(
        [sys.executable, "-m", "cli", *rest],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert "Traceback" not in done.stdout
    return done.stdout, done.returncode


def write(edit: Edit, folder: Path) -> None:
    """Make an edit: the entry takes the place of the one of its name, or of a skeleton, or stands last."""
    path = folder / edit.file
    text = path.read_text(encoding="utf-8")
    name = re.search(r"^([^\s#][^:]*):", edit.entry, re.MULTILINE)
    assert name is not None, edit.entry
    entries = list(re.finditer(r"^([^\s#][^:]*):.*\n(?:[ \t].*\n|\n)*", text, re.MULTILINE))
    same = [entry for entry in entries if entry[1] == name[1]] or [entry for entry in entries if "???" in entry[0]]
    kept = text[: same[0].start()] + text[same[0].end() :] if same else text
    path.write_text(f"{kept.rstrip()}\n\n{edit.entry}", encoding="utf-8")


def walk(document: Path, folder: Path) -> None:
    """Do everything that a document says, and require that it prints and ends with what it says."""
    for step in steps(document):
        if isinstance(step, Edit):
            write(step, folder)
            continue
        require_as_said(step, folder)


def require_as_said(command: Command, folder: Path) -> None:
    """Run a command, and require that it prints and ends with what the document says."""
    printed, status = run(command.words, folder)
    assert re.match(pattern(command.output), printed), f"{command.line} prints:\n{printed}"
    assert status == command.status, f"{command.line} ends with exit status {status}"


def transcript(document: Path, folder: Path) -> str:
    """Return a document with what its commands really print, to be shortened by hand."""
    text = document.read_text(encoding="utf-8")
    for step in steps(document):
        if isinstance(step, Edit):
            write(step, folder)
            continue
        printed, _ = run(step.words, folder)
        text = text.replace(f"$ {step.line}\n{step.output}", f"$ {step.line}\n{printed}", 1)
    return text


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as there:
        for name in ("examples", "knowledge"):
            shutil.copytree(ROOT / name, Path(there) / name)
        sys.stdout.write(transcript(Path(sys.argv[1]), Path(there)))
