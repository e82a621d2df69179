"""Files that the program writes: whole or not at all, and never over another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from engine.errors import Fault, InputError, Place


def write_new(name: str | Path, text: str) -> Path:
    """Write a new file, and return its path; what was there before is never touched.

    Raises:
        InputError: when something of that name is there, or it cannot be written.

    """
    path = Path(name).expanduser()
    if path.exists():
        raise _there_already(path)
    try:
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _publish(Path(unfinished), path)
        finally:
            Path(unfinished).unlink(missing_ok=True)
    except FileExistsError:
        raise _there_already(path) from None
    except OSError as problem:
        found = f"it cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Choose another place.", Place(str(path)))]) from None
    return path


def _publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name in one step, unless the name was taken meanwhile."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        unfinished.rename(path)


def _there_already(path: Path) -> InputError:
    found = "a file of that name is there already"
    return InputError([Fault(found, "Choose another name; nothing was written.", Place(str(path)))])
