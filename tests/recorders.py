"""Eight processes that record at once, each killed at random moments and begun again.

``python -m tests.recorders LEDGER KILLS SEED`` prints each entry that was acknowledged: its number, and the
name of who recorded it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from engine.ledger import begin_or_open
from tests.conftest import CASES
from tests.ledgers import SNAPSHOT, recorded

PROCESSES = 8


def keep_recording(path: Path, name: str, acknowledged: int) -> None:
    """Record again and again, and acknowledge each once it is on disk."""
    one = recorded(CASES[0])
    ledger = begin_or_open(path, path.with_suffix(".key"))
    count = 0
    while True:
        count += 1
        mine = f"{name} {count}"
        entry = ledger.record(replace(one, entry=replace(one.entry, actor=mine)), SNAPSHOT)
        os.write(acknowledged, f"{entry.number} {mine}\n".encode())


def begin(path: Path, name: str) -> int:
    """Begin a process that records, and return its id."""
    child = os.fork()
    if child:
        return child
    try:
        keep_recording(path, name, sys.stdout.fileno())
    finally:
        os._exit(1)


def main(path: Path, kills: int, seed: int) -> None:
    """Let eight record at once, and kill one at a time."""
    chance = random.Random(seed)
    recorded(CASES[0])
    children = [begin(path, f"p{number}") for number in range(PROCESSES)]
    for number in range(kills):
        time.sleep(chance.random() * 0.04)
        victim = chance.randrange(PROCESSES)
        os.kill(children[victim], signal.SIGKILL)
        _, status = os.waitpid(children[victim], 0)
        assert os.WIFSIGNALED(status), "a process that recorded ended by itself"
        children[victim] = begin(path, f"p{number + PROCESSES}")
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
