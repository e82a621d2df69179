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
from engine.journal import Journal, begin, kept, read
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
    assert list(again.answers.items()) == [("dysphagia", "no"), ("worsening", "no"), ("weight_loss", "unknown")]
    assert again.before == {"dysphagia": "yes", "worsening": "no", "weight_loss": "unknown"}
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


def test_what_has_an_answer_is_kept_the_latest_first(tmp_path: Path) -> None:
    assert kept(tmp_path) == ([], [])
    first, second, third, empty = (begin(tmp_path, "d", {}) for _ in range(4))
    for journal in (first, second, third):
        journal.keep({"dysphagia": "yes"})
    third.finish()
    found = [(journal.number, journal.finished) for journal in kept(tmp_path)[0]]
    assert found == [(third.number, True), (second.number, False), (first.number, False)]
    assert empty.number == 4


def test_a_conversation_that_is_open_elsewhere_cannot_be_held(tmp_path: Path) -> None:
    journal = begin(tmp_path, "d", {})
    journal.keep({"dysphagia": "yes"})
    code = "import sys, pathlib, engine.journal as j; print(j.read(pathlib.Path(sys.argv[1])).hold())"
    words = [sys.executable, "-c", code, str(journal.path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    other = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert other.stdout.strip() == "False"


def test_reads_that_come_in_pieces_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = begin(tmp_path, "d", {})
    in_pieces = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: in_pieces(descriptor, min(size, 40)))
    for number in range(5):
        journal.keep({f"finding_{number}": "yes"})
    assert read(journal.path).answers == journal.answers


def test_a_folder_among_the_conversations_keeps_none_from_going_on(tmp_path: Path) -> None:
    begin(tmp_path, "d", {}).keep({"dysphagia": "yes"})
    (tmp_path / "000002.jsonl").mkdir()
    (tmp_path / "000003.jsonl").symlink_to("nowhere")
    found, faults = kept(tmp_path)
    assert [journal.number for journal in found] == [1]
    assert len(faults) == 2


def test_what_another_window_added_before_it_was_held_is_there(tmp_path: Path) -> None:
    other = begin(tmp_path, "d", {})
    other.keep({"dysphagia": "yes"})
    early = read(other.path)
    other.keep({"worsening": "no"})
    other._lock.release()
    assert early.hold()
    assert early.answers == {"dysphagia": "yes", "worsening": "no"}


def test_one_that_is_damaged_or_never_began_keeps_no_other_from_going_on(tmp_path: Path) -> None:
    begin(tmp_path, "d", {}).keep({"dysphagia": "yes"})
    (tmp_path / "000002.jsonl").write_bytes(b"")
    (tmp_path / "000003.jsonl").write_bytes(b'{"form')
    (tmp_path / "000004.jsonl").write_bytes(b"no json\n")
    found, faults = kept(tmp_path)
    assert [journal.number for journal in found] == [1]
    assert [str(fault.place) for fault in faults] == [f"{tmp_path / '000004.jsonl'}:1"]


@pytest.mark.parametrize(
    "line",
    [
        '{"answr":{"dysphagia":"yes"}}',
        '{"answer":["x"]}',
        '{"answer":{"dysphagia":1}}',
        '{"withdraw":5}',
        '{"answer":null}',
    ],
)
def test_a_line_of_another_form_is_damage_and_no_traceback(journal: Journal, line: str) -> None:
    with journal.path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=r"jsonl:2: this line of the conversation is damaged"):
        read(journal.path)


def test_a_step_can_be_undone_to_what_was_before(journal: Journal) -> None:
    journal.keep({"graded": "yes", "grade": "3"})
    journal.keep({"graded": "no"}, withdraw=["grade"])
    journal.undo()
    assert journal.answers == read(journal.path).answers == {"graded": "yes", "grade": "3"}
    journal.undo()
    journal.undo()
    assert read(journal.path).answers == {}


def test_what_could_not_be_written_whole_leaves_the_journal_as_it_was(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.keep({"dysphagia": "yes"})
    write = os.write
    with monkeypatch.context() as short:
        short.setattr("engine.journal.os.write", lambda descriptor, line: write(descriptor, line[:10]))
        with pytest.raises(InputError, match="cannot be kept"):
            journal.keep({"worsening": "no"})
    with monkeypatch.context() as lost:
        lost.setattr("engine.journal.os.fsync", _fail)
        with pytest.raises(InputError, match="cannot be kept"):
            journal.keep({"worsening": "no"})
    assert read(journal.path).answers == {"dysphagia": "yes"}
    journal.keep({"weight_loss": "no"})
    assert read(journal.path).answers == {"dysphagia": "yes", "weight_loss": "no"}


def _fail(descriptor: int) -> None:
    raise OSError(5, "Input/output error")


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
from engine.journal import Journal, begin, kept, read
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
        [journal], _ = kept(folder)
        assert list(journal.answers)[: len(acknowledged)] == [f"finding_{number}" for number in acknowledged]
