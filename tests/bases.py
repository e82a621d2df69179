"""Small changes to a copy of a knowledge base, for tests that need one with something wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.loading import SHIPPED


def copied(folder: Path) -> Path:
    """Return a copy of the shipped knowledge base, without its layers."""
    return Path(shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("layers")))


def changed(folder: Path, file: str, old: str, new: str) -> None:
    """Change a text that stands once in a file."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"'{old}' stands {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def added(folder: Path, file: str, entry: str) -> None:
    """Add an entry to a file."""
    path = folder / file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(("" if text.strip() == "{}" else text) + "\n" + entry, encoding="utf-8")
