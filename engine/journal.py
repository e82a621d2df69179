"""The answers of a conversation, on disk before the next question is asked.

A journal is a file of JSON lines, only ever appended to, each line flushed to the disk before it
counts. After any interruption it holds every answer that was acknowledged; a last line that was
cut off in the middle was never acknowledged, and is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import Fault, InputError, Place

FORMAT = "ivig-mg/conversation/1"


class Journal:
    """One conversation on disk: where it is, what it began with, and its answers so far.

    ``knowledge`` is the digest of the knowledge base, ``parameters`` the local parameters in force.
    """

    def __init__(self, path: Path, knowledge: str, parameters: Mapping[str, str]) -> None:
        self.path = path
        self.knowledge = knowledge
        self.parameters = parameters
        self.answers: dict[str, str] = {}
        self.finished = False
        self._together: list[list[str]] = []

    @property
    def last(self) -> list[str]:
        """The names that were answered last, together."""
        return self._together[-1] if self._together else []

    def keep(self, words: Mapping[str, str], withdraw: Iterable[str] = ()) -> None:
        """Keep answers and take others back, in one step; an earlier answer of the same name no longer holds."""
        entry = {"withdraw": list(withdraw), "answer": dict(words)}
        _write(self.path, entry, os.O_APPEND)
        self._apply(entry)

    def finish(self) -> None:
        """Note that the conversation has come to its end."""
        _write(self.path, {"finished": True}, os.O_APPEND)
        self.finished = True

    def _apply(self, entry: Mapping[str, Any]) -> None:
        answered = entry.get("answer", {})
        gone = {*entry.get("withdraw", ()), *answered}
        for name in gone:
            self.answers.pop(name, None)
        kept = ([name for name in names if name not in gone] for names in self._together)
        self._together = [names for names in (*kept, list(answered)) if names]
        self.answers.update(answered)
        self.finished = bool(entry.get("finished"))  # answering on after the end opens it again


def begin(folder: Path, knowledge: str, parameters: Mapping[str, str]) -> Journal:
    """Return a new journal in a folder, for the knowledge with that digest and local parameters.

    Raises:
        InputError: when the folder cannot be written to.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise _unwritable(folder, problem) from None
    number = max((int(path.stem) for path in _journals(folder)), default=0) + 1
    while True:
        path = folder / f"{number:06}.jsonl"
        try:
            _write(
                path,
                {"format": FORMAT, "knowledge": knowledge, "parameters": dict(parameters)},
                os.O_CREAT | os.O_EXCL | os.O_APPEND,
            )
        except FileExistsError:  # another conversation began at the same moment
            number += 1
            continue
        _sync(folder)
        return Journal(path, knowledge, parameters)


def resume(folder: Path) -> Journal | None:
    """Return the latest conversation in a folder that has not come to its end, if there is one."""
    for path in sorted(_journals(folder), reverse=True):
        journal = read(path)
        if not journal.finished:
            return journal
    return None


def read(path: Path) -> Journal:
    """Return the journal in a file.

    Raises:
        InputError: when it is not a journal, or is damaged.

    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        found = f"it cannot be read: {problem.strerror}"
        raise InputError([Fault(found, "Check the path.", Place(str(path)))]) from None
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        _cut(path, len(whole))
    entries = [_decoded(path, number, line) for number, line in enumerate(whole.splitlines(), 1)]
    if not entries or entries[0].get("format") != FORMAT:
        found = "this is not a conversation of this program"
        raise InputError([Fault(found, "Choose another folder.", Place(str(path)))])
    journal = Journal(path, entries[0].get("knowledge", ""), entries[0].get("parameters", {}))
    for entry in entries[1:]:
        journal._apply(entry)
    return journal


def _journals(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.jsonl") if path.stem.isdecimal()]


def _decoded(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        found = "this line of the conversation is damaged"
        raise InputError([Fault(found, "Restore the file, or begin anew.", Place(str(path), number))]) from None


def _write(path: Path, entry: Mapping[str, Any], flags: int) -> None:
    """Append one line, and return once it is on the disk."""
    try:
        descriptor = os.open(path, os.O_WRONLY | flags, 0o600)
        try:
            line = msgspec.json.encode(entry) + b"\n"
            if os.write(descriptor, line) < len(line):
                raise OSError(0, "the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except FileExistsError:
        raise
    except OSError as problem:
        raise _unwritable(path, problem) from None


def _cut(path: Path, length: int) -> None:
    """Take off a last line that was never written whole, so that the next one begins afresh."""
    os.truncate(path, length)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, problem: OSError) -> InputError:
    found = f"the answers cannot be kept here: {problem.strerror or problem}"
    remedy = "Free some space, or choose another place with '--journal DIR'."
    return InputError([Fault(found, remedy, Place(str(path)))])
