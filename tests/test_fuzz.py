"""Bad knowledge never executes, never hangs: mutated files, bombs, depths and sizes, in bounded time and memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bases import copied
from tests.conftest import ROOT

ROUNDS = int(os.environ.get("IVIG_FUZZ", "25"))
MEMORY = 1_500_000_000
"""How many bytes of address space a check may take."""

SECONDS = 60

CHECK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
from pathlib import Path
from engine.checking import check
for folder in sys.argv[1:]:
    report = check(Path(folder))
    print(len(report.faults), len(report.warnings), flush=True)
"""

CONTROL = [
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE) if chr(code) not in "\n"
]


def checked(*folders: Path) -> list[str]:
    """Check knowledge bases in a process of bounded memory, and return a line for each."""
    words = [sys.executable, "-c", CHECK.format(memory=MEMORY), *map(str, folders)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stdout.split("\n")[:-1]


def put(folder: Path, file: str, content: bytes) -> Path:
    (folder / file).write_bytes(content)
    return folder


BOMBS = {
    "aliases": b"a: &a [x, x]\n"
    + b"".join(b"%c: &%c [*%c, *%c]\n" % (98 + i, 98 + i, 97 + i, 97 + i) for i in range(20)),
    "merge_keys": b"a: &a {b: 1}\nc:\n  <<: *a\n",
    "deep_lists": b"a: " + b"[" * 10_000,
    "deep_mappings": b"a: " + b"{a: " * 10_000,
    "deep_blocks": b"".join(b" " * i + b"a:\n" for i in range(10_000)),
    "one_long_scalar": b"a: " + b"x" * 50_000_000,
    "one_long_scalar_that_is_read": b"a: " + b"x" * 4_900_000,
    "many_keys": b"".join(b"k%d: 1\n" % i for i in range(200_000)),
    "python_tag": b"a: !!python/object/apply:os.system ['touch /tmp/owned']\n",
    "not_utf8": b"\xff\xfe\x00\x01" * 1000,
    "nothing_but_quotes": b'"' * 100_000,
    "question_marks": b"? " * 50_000,
    "long_gate": b"a:\n  says: x\n  when:\n    any: [" + b"dysphagia, " * 50_000 + b"sepsis]\n",
    "long_digits": b"a:\n  says: x\n  when: age_years > " + b"9" * 100_000 + b" years\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_a_fault_and_nothing_else(name: str, tmp_path: Path) -> None:
    folder = put(copied(tmp_path / "base"), "concepts.yaml", BOMBS[name])
    started = time.monotonic()
    [line] = checked(folder)
    assert int(line.split()[0]) > 0
    assert time.monotonic() - started < SECONDS
    assert not Path("/tmp/owned").exists()


def test_every_control_character_in_a_sentence_is_a_fault_or_is_read_as_a_blank(tmp_path: Path) -> None:
    base = copied(tmp_path / "base")
    folders = []
    for number, sign in enumerate(CONTROL):
        folder = copied(tmp_path / str(number))
        text = (base / "concepts.yaml").read_text(encoding="utf-8")
        changed = text.replace("says: ", f"says: a{sign}b ", 1)
        folders.append(put(folder, "concepts.yaml", changed.encode("utf-8", "surrogatepass")))
    lines = checked(*folders)
    assert len(lines) == len(folders)
    blank = {sign for sign, line in zip(CONTROL, lines, strict=True) if line.startswith("0 ")}
    assert blank <= {"\t", "\r", "\x85", "\u2028", "\u2029"}


def test_mutated_files_give_faults_or_knowledge_and_never_a_traceback(tmp_path: Path) -> None:
    chance = random.Random(11)
    base = copied(tmp_path / "base")
    files = sorted(path.relative_to(base) for path in base.rglob("*.yaml"))
    folders = []
    for number in range(ROUNDS):
        folder = copied(tmp_path / str(number))
        path = folder / chance.choice(files)
        content = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 6)):
            _mutate(content, chance)
        path.write_bytes(bytes(content))
        folders.append(folder)
    assert len(checked(*folders)) == ROUNDS


def _mutate(content: bytearray, chance: random.Random) -> None:
    """Change some bytes: one overwritten, a piece left out, repeated, or moved."""
    at = chance.randrange(len(content))
    length = chance.randrange(1, 40)
    piece = bytes(content[at : at + length])
    match chance.randrange(4):
        case 0:
            content[at] = chance.randrange(256)
        case 1:
            del content[at : at + length]
        case 2:
            content[at:at] = piece
        case _:
            del content[at : at + length]
            to = chance.randrange(len(content) + 1)
            content[to:to] = piece


def test_the_bound_on_memory_is_one_that_can_be_broken() -> None:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY})); bytearray({2 * MEMORY})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr
