"""The ledger: nothing acknowledged is lost, nothing torn, and what cannot be written is said."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from engine import storage
from engine.auditing import verify
from engine.errors import InputError
from engine.ledger import Ledger, begin_or_open, open_ledger
from engine.records import LARGEST, recording, response, unpacked
from tests.conftest import CASES, ROOT
from tests.ledgers import SNAPSHOT, TIME, consulted, ledger_of, recorded, spread

KILLS = int(os.environ.get("IVIG_KILLS", "25"))

NOBODY = 65534
"""The user who owns nothing."""


def test_what_is_recorded_is_there_and_in_order(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(5))
    assert ledger.size == 5
    for number, case in enumerate(spread(5), 1):
        one = recorded(case)
        assert ledger.entry(number).receipt == one.entry.receipt
        assert ledger.contents(ledger.entry(number)) == tuple(map(unpacked, (one.receipt, one.shown)))
    assert ledger.snapshot(SNAPSHOT.digest) == SNAPSHOT
    ledger.close()
    again = open_ledger(tmp_path / "a.sqlite")
    assert (again.size, again.id, again.public) == (5, ledger.id, ledger.public)


def test_a_snapshot_of_knowledge_is_kept_once(tmp_path: Path) -> None:
    assert len(list(ledger_of(tmp_path / "a.sqlite", spread(5)).snapshots())) == 1


def test_a_decision_is_recorded_on_a_consultation_only(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(2))
    answer = ledger.respond(response(2, "accepted", (), "", TIME, "Dr. Ada"))
    assert (answer.number, answer.to) == (3, 2)
    with pytest.raises(InputError, match="entry 3 is not a consultation"):
        ledger.respond(response(3, "accepted", (), "", TIME, "Dr. Ada"))
    with pytest.raises(InputError, match="there is no entry 9 in the ledger"):
        ledger.respond(response(9, "accepted", (), "", TIME, "Dr. Ada"))
    assert ledger.size == 3


def test_only_its_owner_can_read_it_and_its_key(tmp_path: Path) -> None:
    ledger_of(tmp_path / "new" / "a.sqlite", spread(1)).close()
    for path in (tmp_path / "new" / "a.sqlite", tmp_path / "new" / "a.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_killed_at_random_moments_while_eight_record_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    command = [sys.executable, "-m", "tests.recorders", str(path), str(KILLS), "1"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 0, done.stderr
    acknowledged = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    ledger = open_ledger(path)
    assert len(acknowledged) >= KILLS / 2
    assert ledger.size >= len(acknowledged)
    for number, name in acknowledged.items():
        assert ledger.entry(int(number)).actor == name
    assert verify(ledger).breaches == ()
    assert len({ledger.entry(number).actor for number in range(1, ledger.size + 1)}) == ledger.size


# What cannot be written or read. -----------------------------------------------------------


def openings(path: Path) -> list[Callable[[], Ledger]]:
    """Both ways to open a ledger: to read it, and to record in it."""
    return [lambda: open_ledger(path), lambda: begin_or_open(path, path.with_suffix(".key"))]


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    ledger_of(path, spread(3)).close()
    limit = path.stat().st_size
    code = (
        "import sys; from pathlib import Path; from tests.ledgers import *; from engine.errors import InputError\n"
        "ledger = begin_or_open(Path(sys.argv[1]), Path(sys.argv[1]).with_suffix('.key'))\n"
        "try:\n"
        "    [ledger.record(recorded(case), SNAPSHOT) for case in spread(40)]\n"
        "except InputError as problem:\n"
        "    print(problem)\n"
    )

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit + 20_000, limit + 20_000))

    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=limited,
        check=False,
    )
    assert "nothing was recorded" in done.stdout, done.stderr
    ledger = open_ledger(path)
    assert ledger.size >= 3
    assert verify(ledger).breaches == ()
    ledger.record(recorded(CASES[0]), SNAPSHOT)


def test_a_full_file_system_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False, stderr=-3)
    if mounted.returncode:
        pytest.skip("only a superuser can mount a small file system")
    try:
        ledger = ledger_of(disk / "a.sqlite", spread(2))
        with pytest.raises(InputError, match="nothing was recorded"):
            [ledger.record(recorded(case), SNAPSHOT) for case in spread(60)]
        assert verify(ledger).breaches == ()
        assert ledger.size >= 2
        ledger.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_that_another_process_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.sqlite"
    ledger_of(path, spread(1)).close()
    monkeypatch.setattr(storage, "WAIT", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="another process keeps it locked"):
        begin_or_open(path, path.with_suffix(".key"))
    other.close()


def test_a_file_that_cannot_be_written_is_said_and_can_still_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    ledger_of(path, spread(2)).close()
    ledger = open_ledger(path)
    ledger.database.execute("PRAGMA query_only = ON")
    with pytest.raises(InputError, match="cannot be written to; nothing was recorded"):
        ledger.record(recorded(CASES[0]), SNAPSHOT)
    assert ledger.size == 2


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Be an ordinary user, who owns a folder; a superuser may write to everything."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_file_is_said() -> None:
    with TemporaryDirectory() as folder:  # a superuser's tmp_path lets no other user in
        path = Path(folder) / "a.sqlite"
        ledger_of(path, spread(2)).close()
        path.chmod(0o400)
        with without_privileges(path.parent):
            with pytest.raises(InputError, match="cannot be written"):
                begin_or_open(path, path.with_suffix(".key"))
            assert open_ledger(path).size == 2


def test_a_ledger_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    ledger_of(path, spread(1)).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    before = path.read_bytes()
    for opening in openings(path):
        with pytest.raises(InputError, match="this ledger has format 2; this program knows format 1"):
            opening()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all", b"\0" * 5000, b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_not_a_ledger_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(content)
    for opening in openings(path):
        with pytest.raises(InputError, match="ledger"):
            opening()
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE other (x)")
    database.close()
    with pytest.raises(InputError, match="this is not a ledger of this program"):
        begin_or_open(path, path.with_suffix(".key"))
    assert not path.with_suffix(".key").exists()


def test_where_there_is_no_ledger_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no ledger here yet"):
        open_ledger(tmp_path / "none.sqlite")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="this is not a file"):
        open_ledger(tmp_path / "folder")


def test_a_beginning_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.touch()  # killed before the first table
    ledger = ledger_of(path, spread(1))
    assert ledger.size == 1
    ledger.close()
    other = tmp_path / "b.sqlite"
    shutil.copy(path.with_suffix(".key"), other.with_suffix(".key"))  # killed after the key
    assert ledger_of(other, spread(1)).public == ledger.public


def test_what_could_not_be_read_again_is_not_recorded(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", [])
    largest = recording(consulted(CASES[0]), "x" * LARGEST, SNAPSHOT.digest, TIME, "Dr. Ada")
    assert len(ledger.contents(ledger.record(largest, SNAPSHOT))[1]) == LARGEST
    said = "the text that was shown is too large to be recorded: 5000001 of at most 5000000 bytes; nothing was recorded"
    with pytest.raises(InputError, match=said):
        recording(consulted(CASES[0]), "x" * (LARGEST + 1), SNAPSHOT.digest, TIME, "Dr. Ada")
