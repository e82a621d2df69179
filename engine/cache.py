"""Knowledge as it was read, kept for the next command, because reading its files takes longer than a consultation.

It is kept under a key of everything that decides what is read: every byte of the files, the names of all
others, and the program. What is kept is checked when it is taken out, and where anything is not as it should be,
the files are read. It is data, never code: values of the model and nothing else can be in it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from engine import __version__, loading, logic, model
from engine.documents import LARGEST

OFF = "IVIG_MG_NO_CACHE"
"""The environment variable that turns it off, whatever its value."""

READERS = ("errors", "documents", "logic", "model", "language", "shapes", "forms", "entries", "soundness", "loading")
"""The modules that decide what is read from a file; another version of one reads it anew."""

MOST_KEPT = 20
"""How many knowledge bases are kept; then the oldest goes."""


def load(folder: Path = loading.SHIPPED, layers: Sequence[Path] = ()) -> model.Knowledge:
    """Return the knowledge base in a folder, with layers laid over it: as `loading.load` does, or as it did before.

    Raises:
        KnowledgeError: with every fault of every file.

    """
    seen = None if os.environ.get(OFF) else _sight_of([folder, *layers])
    place = _place() if seen is not None else None
    if seen is None or place is None:
        return loading.load(folder, layers)
    kept = _taken_out(place / seen.key)
    if kept is not None:
        return kept
    knowledge = loading.load(folder, layers)
    if _sight_of([folder, *layers]) == seen:  # else a file was changed while it was read
        _put_in(place / seen.key, knowledge)
    return knowledge


def packed(knowledge: model.Knowledge) -> bytes:
    """Return a knowledge base as bytes that begin with their own digest."""
    content = msgspec.msgpack.encode([knowledge.digest, _plain(knowledge)])
    return hashlib.sha256(content).digest() + content


def unpacked(stored: bytes) -> model.Knowledge | None:
    """Return the knowledge base that was packed, or None where the bytes are not those of one."""
    if hashlib.sha256(content := stored[32:]).digest() != stored[:32]:
        return None
    try:
        named, plain = msgspec.msgpack.decode(content)
        knowledge = _valued(plain)
        return knowledge if isinstance(knowledge, model.Knowledge) and loading.digest(knowledge) == named else None
    except Exception:  # its bytes are whole, but written by something else: there is no end of what can be wrong
        return None


# What it is kept under. --------------------------------------------------------------------


class _Sight(Struct, frozen=True):
    """The YAML files of some folders as they are now: a digest of what they say, and when each was changed."""

    key: str
    changed: tuple[int, ...]


def _sight_of(folders: Sequence[Path]) -> _Sight | None:
    """Return what these folders hold, or None where it cannot be said."""
    try:
        seen = [[_seen(folder, path) for path in _files(folder)] for folder in folders]
        program = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in (*READERS, "cache")]
        said = [[(name, content) for name, content, _ in files] for files in seen]
        content = msgspec.msgpack.encode([__version__, sys.version, program, said])
    except (OSError, ValueError):  # a name that is no text is a ValueError too
        return None
    return _Sight(hashlib.sha256(content).hexdigest(), tuple(changed for files in seen for _, _, changed in files))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".yaml", ".yml"))


def _seen(folder: Path, path: Path) -> tuple[str, bytes, int]:
    """Return the name of a file, its bytes if it is read as knowledge, and when it was changed.

    Raises:
        ValueError: when it is larger than what is read, or no file at all.

    """
    status, place = path.stat(), path.relative_to(folder)
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
        raise ValueError(f"{path} is not read")
    is_read = len(place.parts) == 1 or place.parts[0] == "statements"
    return str(place), path.read_bytes() if is_read else b"", status.st_mtime_ns


# Where it is kept. -------------------------------------------------------------------------


def _place() -> Path | None:
    """Return the folder of what is kept, its owner's alone, or None where there is none."""
    # The same rule on every system: importing a library for it would cost half of what is saved.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(home) / "ivig-mg" / "knowledge"
    if not folder.is_absolute():  # as where there is no home
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder if _is_private(folder.stat()) else None
    except OSError:
        return None


def _is_private(status: os.stat_result) -> bool:
    """Whether nobody but who runs the program can have written it."""
    own = not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)
    return own and status.st_size <= LARGEST


def _taken_out(path: Path) -> model.Knowledge | None:
    try:
        with open(path, "rb") as file:
            return unpacked(file.read()) if _is_private(os.fstat(file.fileno())) else None
    except OSError:
        return None


def _put_in(path: Path, knowledge: model.Knowledge) -> None:
    """Keep a knowledge base, if it comes back as it was; where it cannot be written, nothing is kept."""
    content = packed(knowledge)
    if unpacked(content) != knowledge:
        return
    import tempfile

    with suppress(OSError):
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(unfinished, path)
        except OSError:
            os.unlink(unfinished)
            return
        kept = sorted(path.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)
        for old in kept[:-MOST_KEPT]:
            old.unlink()


# Values as data. ---------------------------------------------------------------------------


def _is_value(made: Any) -> bool:
    return isinstance(made, type) and issubclass(made, Struct) and made is not Struct


_MADE_BY: Mapping[str, Callable[..., Any]] = {
    **{name: made for module in (logic, model) for name, made in vars(module).items() if _is_value(made)},
    "Decimal": Decimal,
    "tuple": lambda *items: items,
    "dict": lambda *items: dict(items),
}
"""What a list is that begins with a name: the value that this makes of the rest of it."""


def _plain(value: Any) -> Any:
    """Return a value of the model as words, numbers and lists; each list begins with what it is a list of."""
    if isinstance(value, Struct):
        return [type(value).__name__, *(_plain(getattr(value, name)) for name in value.__struct_fields__)]
    if isinstance(value, Mapping):
        return ["dict", *(["tuple", key, _plain(item)] for key, item in value.items())]
    if isinstance(value, tuple):
        return ["tuple", *map(_plain, value)]
    return ["Decimal", str(value)] if isinstance(value, Decimal) else value


def _valued(plain: Any) -> Any:
    """Return the value of the model that was made plain."""
    if not isinstance(plain, list):
        return plain
    name, *parts = plain
    return _MADE_BY[name](*map(_valued, parts))
