"""Files that the program writes: whole or not at all, and never over another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import Fault, InputError, Place, shortened


def write_new(name: str | Path, text: str) -> Path:
    """Write a new file, and return its path; what was there before is never touched.

    Raises:
        InputError: when something of that name is there, or it cannot be written.

    """
    with writing_new(name) as (path, unfinished):
        unfinished.write_text(text, encoding="utf-8")
    return path


@contextmanager
def writing_new(name: str | Path) -> Iterator[tuple[Path, Path]]:
    """Lend a path to write a new file at, beside the path that it gets once it is whole.

    It is in a folder of its own, which its owner alone can enter; what else is written there goes with it.

    Raises:
        InputError: when something of that name is there, or it cannot be written.

    """
    with _unfinished(name) as (path, unfinished):
        yield path, unfinished
        unfinished.chmod(0o600)
        with open(unfinished, "rb") as file:
            os.fsync(file.fileno())
        _publish(unfinished, path)


@contextmanager
def writing_new_folder(name: str | Path) -> Iterator[tuple[Path, Path]]:
    """Lend a path to write a new folder at, beside the path that it gets once it is whole.

    Raises:
        InputError: when something of that name is there, or it cannot be written.

    """
    with _unfinished(name) as (path, unfinished):
        yield path, unfinished
        unfinished.chmod(0o700)
        unfinished.rename(path)


@contextmanager
def _unfinished(name: str | Path) -> Iterator[tuple[Path, Path]]:
    """Lend a new path, and one in a private folder beside it that is gone afterwards."""
    path = require_new(name)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:100]}.") as folder:
            yield path, Path(folder) / "unfinished"
    except FileExistsError:
        raise _there_already(path) from None
    except OSError as problem:
        raise _unwritable(path, problem) from None


def require_new(name: str | Path) -> Path:
    """Return the path of a file that is to be written, once nothing of that name is there.

    Raises:
        InputError: when something is, or the name cannot be one.

    """
    try:
        path = Path(name).expanduser()
        if "\0" in str(path):
            raise ValueError("embedded null byte")
        if path.exists() or path.is_symlink():
            raise _there_already(path)
        if not path.parent.is_dir():
            raise NotADirectoryError(0, "there is no such folder")
    except (OSError, ValueError, RuntimeError) as problem:
        raise _unwritable(Path(shortened(str(name))), problem) from None
    return path


def _publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name in one step, unless the name was taken meanwhile."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: take the name first, then put the content there
        path.touch(exist_ok=False)
        unfinished.replace(path)


def _unwritable(path: Path, problem: Exception) -> InputError:
    reason = problem.strerror if isinstance(problem, OSError) else str(problem)
    return InputError([Fault(f"it cannot be written: {reason}", "Choose another place.", Place(str(path)))])


def _there_already(path: Path) -> InputError:
    found = "a file of that name is there already"
    return InputError([Fault(found, "Choose another name; nothing was written.", Place(str(path)))])
