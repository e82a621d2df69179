"""The knowledge in force, as its files: kept once each with a ledger, so that an old receipt can be replayed.

The files are those that are read as knowledge, of the base and of each layer, by their paths; worked
cases are not among them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from engine.errors import Fault, InputError, Place
from engine.loading import LAYERS, load
from engine.model import Knowledge
from engine.receipts import canonical, digest

NOT_KNOWLEDGE = ("cases", "schemas", LAYERS)


class Snapshot(Struct, frozen=True):
    """The files of a knowledge base and of its layers, in order, as canonical JSON."""

    content: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 of the files."""
        return digest(self.content)


def snapshot_of(knowledge: Knowledge, base: Path, layers: Sequence[Path]) -> Snapshot:
    """Return the files of a knowledge base that was read from these folders.

    Raises:
        InputError: when they were changed since, so that they no longer say the same.

    """
    found = Snapshot(canonical([_files(folder) for folder in (base, *layers)]))
    if knowledge_of(found).digest != knowledge.digest:
        problem = "the knowledge base was changed while it was in use; nothing was recorded"
        raise InputError([Fault(problem, "Run the command again.", Place(str(base)))])
    return found


@lru_cache(maxsize=4)
def knowledge_of(snapshot: Snapshot, base: Path | None = None) -> Knowledge:
    """Return the knowledge that a snapshot holds; over another ``base`` where one is named, its layers alone.

    Raises:
        KnowledgeError: when this program cannot read it.
        ValueError: when it is no snapshot.

    """
    try:
        folders: Any = msgspec.json.decode(snapshot.content, type=list[dict[str, str]])
        with tempfile.TemporaryDirectory() as there:
            own, *layers = (_written(Path(there) / str(number), files) for number, files in enumerate(folders))
            return load(base or own, layers)
    except (OSError, RecursionError) as problem:
        raise ValueError(str(problem)) from None


def _files(folder: Path) -> dict[str, str]:
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*.yaml"))
    return {
        path.as_posix(): (folder / path).read_bytes().decode("utf-8-sig")
        for path in paths
        if path.parts[0] not in NOT_KNOWLEDGE
    }


def _written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        if ".." in path.parts or not path.is_relative_to(folder):
            raise ValueError(f"{name} is no file of a knowledge base")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return folder
