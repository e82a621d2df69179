"""The journal: on disk before it counts, whole after any interruption, private to its user."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.journal import Journal, begin, read, resume
from tests.conftest import ROOT


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A new journal in a folder of its own."""
    return begin(tmp_path / "kept", "digest", {"child_age_below_years": "16"})


def test_what_was_kept_is_read_again_in_its_order(journal: Journal) -> None:
    journal.keep({"dysphagia": "yes"})
    journal.keep({"worsening": "no", "weight_loss": "unknown"})
    journal.keep({"dysphagia": "no"})
    again = read(journal.path)
    assert list(again.answers.items()) == [("worsening", "no"), ("weight_loss", "unknown"), ("dysphagia", "no")]
    assert again.last == ["dysphagia"]
    assert (again.knowledge, again.parameters) == ("digest", {"child_age_below_years": "16"})


def test_what_was_taken_back_is_gone(journal: Journal) -> None:
    journal.keep({"graded": "yes"})
    journal.keep({"grade": "3"})
    journal.keep({"graded": "no"}, withdraw=["grade"])
    assert read(journal.path).answers == journal.answers == {"graded": "no"}


def test_a_last_line_cut_off_in_the_middle_never_counted(journal: Journal) -> None:
    journal.keep({"dysphagia": "yes"})
    whole = journal.path.read_bytes()
    for length in range(len(whole.splitlines(keepends=True)[0]), len(whole)):
        journal.path.write_bytes(whole[:length])
        assert read(journal.path).answers == {}
        read(journal.path).keep({"worsening": "no"})
        assert read(journal.path).answers == {"worsening": "no"}


def test_a_damaged_line_is_named(journal: Journal) -> None:
    journal.keep({"dysphagia": "yes"})
    journal.path.write_bytes(journal.path.read_bytes().replace(b'"answer"', b'"ans\x00er'))
    with pytest.raises(InputError, match=r"jsonl:2: this line of the conversation is damaged"):
        read(journal.path)


def test_another_file_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "000001.jsonl"
    path.write_text('{"format": "other"}\n')
    with pytest.raises(InputError, match="not a conversation"):
        read(path)


def test_the_latest_conversation_that_is_not_finished_goes_on(tmp_path: Path) -> None:
    assert resume(tmp_path) is None
    first, second = begin(tmp_path, "d", {}), begin(tmp_path, "d", {})
    assert first.path != second.path
    second.finish()
    going_on = resume(tmp_path)
    assert going_on is not None
    assert going_on.path == first.path


def test_an_answer_after_the_end_opens_the_conversation_again(journal: Journal) -> None:
    journal.finish()
    journal.keep({"dysphagia": "yes"})
    assert not read(journal.path).finished


def test_nobody_else_can_read_it(journal: Journal) -> None:
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_to_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--journal DIR"):
        begin(tmp_path / "file" / "kept", "d", {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full to stand for a full disk")
def test_a_full_disk_is_an_error_and_the_answer_does_not_count(journal: Journal) -> None:
    journal.keep({"dysphagia": "yes"})
    journal.path = Path("/dev/full")
    with pytest.raises(InputError, match="cannot be kept"):
        journal.keep({"worsening": "yes"})
    assert journal.answers == {"dysphagia": "yes"}


WRITER = """
import sys
from pathlib import Path
from engine.journal import begin
journal = begin(Path(sys.argv[1]), "d", {})
for number in range(100_000):
    journal.keep({f"finding_{number}": "yes"})
    print(number, flush=True)
"""


def test_no_acknowledged_answer_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, env=environment)
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(20 + 37 * attempt)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout.read().split(b"\n") if line]
        writer.wait()
        writer.stdout.close()
        journal = resume(folder)
        assert journal is not None
        assert list(journal.answers)[: len(acknowledged)] == [f"finding_{number}" for number in acknowledged]
