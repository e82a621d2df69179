"""The answers of a conversation, on disk before the next question is asked.

A journal is a file of JSON lines, only ever appended to, each line flushed to the disk before it
counts. After any interruption it holds every answer that was acknowledged; a last line that was
cut off in the middle was never acknowledged, and is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from filelock import FileLock, Timeout
from msgspec import Struct

from engine.errors import Fault, InputError, Place

FORMAT = "ivig-mg/conversation/1"


_Line = TypeVar("_Line")


class Journal:
    """One conversation on disk: where it is, what it began with, and its answers so far.

    ``knowledge`` is the digest of the knowledge base, ``parameters`` the local parameters in force. While
    it is held, no other process can go on with it.
    """

    def __init__(self, path: Path, knowledge: str, parameters: Mapping[str, str]) -> None:
        self.path = path
        self.knowledge = knowledge
        self.parameters = parameters
        self.finished = False
        self._states: list[dict[str, str]] = [{}]
        self._lock = FileLock(path.with_suffix(".lock"), blocking=False, mode=0o600)

    @property
    def number(self) -> int:
        """The number of the conversation in its folder."""
        return int(self.path.stem)

    @property
    def answers(self) -> dict[str, str]:
        """The answers as they stand, each in the place where it was first given."""
        return self._states[-1]

    @property
    def before(self) -> dict[str, str] | None:
        """The answers as they stood before the last step; None before the first."""
        return self._states[-2] if len(self._states) > 1 else None

    def hold(self) -> bool:
        """Keep every other process from going on with it; say whether none already does.

        What another process added meanwhile is read.

        Raises:
            InputError: when it cannot be held here, or no longer be read.

        """
        try:
            self._lock.acquire()
        except Timeout:
            return False
        except OSError as problem:
            raise _unwritable(self.path, problem) from None
        now = read(self.path)
        self._states, self.finished = now._states, now.finished
        return True

    def keep(self, words: Mapping[str, str], withdraw: Iterable[str] = ()) -> None:
        """Keep answers and take others back, in one step; an earlier answer of the same name no longer holds."""
        self._append(_Step(withdraw=list(withdraw), answer=dict(words)))

    def undo(self) -> None:
        """Go back to the answers as they stood before the last step."""
        self._append(_Step(undo=True))

    def finish(self) -> None:
        """Note that the conversation has come to its end."""
        if not self.finished:
            self._append(_Step(finished=True))

    def _append(self, entry: _Step) -> None:
        _write(self.path, entry, os.O_APPEND)
        self._apply(entry)

    def _apply(self, entry: _Step) -> None:
        self.finished = entry.finished  # answering on after the end opens it again
        if self.finished:
            return
        if entry.undo:
            del self._states[-1:]
            self._states = self._states or [{}]
            return
        gone = set(entry.withdraw)
        kept = {name: word for name, word in self.answers.items() if name not in gone}
        self._states.append({**kept, **entry.answer})


def begin(folder: Path, knowledge: str, parameters: Mapping[str, str]) -> Journal:
    """Return a new journal in a folder, for the knowledge with that digest and local parameters.

    Raises:
        InputError: when the folder cannot be written to.

    """
    try:
        new = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for one in new:
            _sync(one.parent)
    except OSError as problem:
        raise _unwritable(folder, problem) from None
    number = max((int(path.stem) for path in _journals(folder)), default=0) + 1
    while True:
        path = folder / f"{number:06}.jsonl"
        try:
            _write(
                path,
                _Header(FORMAT, knowledge, dict(parameters)),
                os.O_CREAT | os.O_EXCL | os.O_APPEND,
            )
        except FileExistsError:  # another conversation began at the same moment
            number += 1
            continue
        _sync(folder)
        journal = Journal(path, knowledge, parameters)
        journal.hold()
        return journal


def kept(folder: Path) -> tuple[list[Journal], list[Fault]]:
    """Return the conversations in a folder in which some answer was given, the latest first.

    With them come the faults of those that cannot be read, which keep no other from going on.
    """
    found: list[Journal] = []
    faults: list[Fault] = []
    for path in sorted(_journals(folder), key=lambda path: int(path.stem), reverse=True):
        try:
            if b"\n" not in path.read_bytes():
                continue  # broken off before anything was asked
            journal = read(path)
        except OSError as problem:
            faults.append(_unreadable(path, problem))
        except InputError as problem:
            faults += problem.faults
        else:
            found += [journal] if journal.answers else []
    return found, faults


def read(path: Path) -> Journal:
    """Return the journal in a file.

    Raises:
        InputError: when it is not a journal, or is damaged.

    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InputError([_unreadable(path, problem)]) from None
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    header = _decoded(path, 1, lines[0], _Header) if lines else _Header()
    if header.format != FORMAT:
        found = "this is not a conversation of this program"
        raise InputError([Fault(found, "Choose another folder.", Place(str(path)))])
    journal = Journal(path, header.knowledge, header.parameters)
    for number, line in enumerate(lines[1:], 2):
        journal._apply(_decoded(path, number, line, _Step))
    return journal


class _Header(Struct):
    """The first line of a journal."""

    format: str = ""
    knowledge: str = ""
    parameters: dict[str, str] = {}


class _Step(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Any other line of a journal: answers given and taken back, a step undone, or the end."""

    withdraw: list[str] = []
    answer: dict[str, str] = {}
    undo: bool = False
    finished: bool = False


def _journals(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.jsonl") if path.stem.isdecimal()]


def _decoded(path: Path, number: int, line: bytes, type_: type[_Line]) -> _Line:
    try:
        return msgspec.json.decode(line, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = "this line of the conversation is damaged"
        raise InputError([Fault(found, "Restore the file, or begin anew.", Place(str(path), number))]) from None


def _write(path: Path, entry: Struct, flags: int) -> None:
    """Append one line, and return once it is on the disk; where that fails, the file is as it was."""
    try:
        descriptor = os.open(path, os.O_RDWR | flags, 0o600)
        try:
            before = _cut_off_unfinished(descriptor)
            try:
                line = msgspec.json.encode(entry) + b"\n"
                if os.write(descriptor, line) < len(line):
                    raise OSError(0, "the disk is full")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)
    except FileExistsError:
        raise
    except OSError as problem:
        raise _unwritable(path, problem) from None


def _cut_off_unfinished(descriptor: int) -> int:
    """Take off a last line that was never written whole, so that the next one begins afresh; return the length."""
    content, size = b"", os.fstat(descriptor).st_size
    while len(content) < size and (piece := os.read(descriptor, size - len(content))):
        content += piece
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.ftruncate(descriptor, whole)
    return whole


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(path: Path, problem: OSError) -> Fault:
    return Fault(f"it cannot be read: {problem.strerror}", "Check the path.", Place(str(path)))


def _unwritable(path: Path, problem: OSError) -> InputError:
    found = f"the answers cannot be kept here: {problem.strerror or problem}"
    remedy = "Free some space, or choose another place with '--journal DIR'."
    return InputError([Fault(found, remedy, Place(str(path)))])
