"""Folders of pages that the program publishes: whole, and never over what it did not write itself.

A list in the folder names each page with its SHA-256, as ``sha256sum --check`` reads it. What is
listed, and still is as it was written, may be replaced; anything else in the folder may not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from engine.errors import Fault, InputError, Place

LIST = "handbook.sha256"
HEAD = f"# Written by 'ivig-mg knowledge handbook'. Check it with: sha256sum --check {LIST}"
UNFINISHED = ".unfinished-handbook"

Listed = Collection[tuple[str, str]]
"""Digests of pages with their names; a page that is just being replaced has two."""


def publish(folder: Path, pages: Mapping[str, str]) -> None:
    """Write pages into a new folder, or over those that were published there before.

    Every new page is on disk before an old one is touched; after an interruption it can be done again.

    Raises:
        InputError: when the folder holds anything else, or cannot be written; then nothing was changed.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _published(folder)
        shutil.rmtree(folder / UNFINISHED, ignore_errors=True)  # what an interruption left behind
        try:
            _replace(folder, before, {name: text.encode() for name, text in pages.items()})
        finally:
            shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    except OSError as problem:
        found = f"it cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Choose another place.", Place(str(folder)))]) from None


def _replace(folder: Path, before: Listed, pages: Mapping[str, bytes]) -> None:
    unfinished = folder / UNFINISHED
    unfinished.mkdir()
    after = {(hashlib.sha256(content).hexdigest(), name) for name, content in pages.items()}
    for name, content in pages.items():
        _write(unfinished / name, content)
    _list(folder, {*before, *after})
    for name in pages:
        (unfinished / name).replace(folder / name)
    for name in {name for _, name in before} - set(pages):
        (folder / name).unlink(missing_ok=True)
    _list(folder, after)


def _published(folder: Path) -> Listed:
    """Return what was published in a folder, once there is nothing else in it."""
    listed = _listed(folder / LIST)
    names = {name for _, name in listed}
    for path in sorted(folder.iterdir()):
        if path.name in (LIST, UNFINISHED) and (listed or path.name == UNFINISHED):
            continue
        if path.name not in names:
            found = f"the folder holds something already that is no handbook: '{path.name}'"
        elif path.is_symlink() or not path.is_file() or (_digest(path), path.name) not in listed:
            found = f"'{path.name}' was changed after it was written"
        else:
            continue
        raise InputError([Fault(found, "Name another folder; nothing was written.", Place(str(folder)))])
    return listed


def _listed(path: Path) -> Listed:
    """Return what a list names; nothing where it is not one of this program."""
    if path.is_symlink() or not path.is_file():
        return set()
    head, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    pairs = (line.partition("  ") for line in lines)
    return {(digest, name) for digest, _, name in pairs} if head == HEAD else set()


def _list(folder: Path, listed: Listed) -> None:
    lines = "".join(f"{digest}  {name}\n" for digest, name in sorted(listed, key=lambda pair: (pair[1], pair[0])))
    _write(folder / UNFINISHED / LIST, f"{HEAD}\n{lines}".encode())
    (folder / UNFINISHED / LIST).replace(folder / LIST)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
