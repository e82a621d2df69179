"""The auditor's commands, as they are typed: real processes, real files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.ledger import open_ledger
from tests.conftest import ROOT
from tests.ledgers import ledger_of, spread
from tests.test_cli import failed, ivig

CRISIS, THYMECTOMY = str(ROOT / "examples" / "crisis.yaml"), str(ROOT / "examples" / "before_thymectomy.yaml")


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    """The options that choose a ledger of its own."""
    return ["--ledger", str(tmp_path / "a.sqlite")]


def record(place: list[str], case: str = CRISIS, *more: str) -> str:
    done = ivig("consult", case, "--brief", "--record", *place, *more)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_consultation_is_recorded_and_shown_as_it_was(place: list[str]) -> None:
    printed = ivig("consult", CRISIS, "--brief").stdout
    assert record(place, CRISIS, "--actor", "Dr. Ada") == f"Recorded as entry 1 of {place[1]}.\n"
    shown = ivig("audit", "show", "1", *place).stdout
    assert shown.endswith(printed)
    assert "by Dr. Ada." in shown


def test_the_patient_reference_is_nowhere_in_the_ledger(place: list[str]) -> None:
    record(place, CRISIS, "--patient", "Jane-Roe-1970")
    assert b"Jane-Roe" not in Path(place[1]).read_bytes()
    assert "Patient " in ivig("audit", "show", "1", *place).stdout


def test_what_was_printed_as_json_is_shown_as_json(place: list[str]) -> None:
    printed = ivig("consult", CRISIS, "--format", "json", "--record", *place).stdout
    assert ivig("audit", "show", "1", *place).stdout.endswith(printed)


def test_a_patient_reference_has_one_form_and_is_not_empty(place: list[str]) -> None:
    for patient in ("4711", " 4711 "):
        record(place, CRISIS, "--patient", patient)
    entries = json.loads(ivig("audit", "list", "--format", "json", *place).stdout)["entries"]
    assert len({entry["patient"] for entry in entries}) == 1
    error = failed(ivig("consult", CRISIS, "--record", "--patient", " ", *place))
    assert "a patient reference without a sign in it" in error


def test_a_word_that_cannot_be_printed_is_refused_and_nothing_recorded(place: list[str]) -> None:
    for word in (b"\xff\xfe", b"a\x07b", b"a\x1b[2Jb"):
        said = os.fsdecode(word)
        for option, found in (
            ("--patient", "a patient reference with a sign in it"),
            ("--actor", "cannot be the name"),
        ):
            assert found in failed(ivig("consult", CRISIS, "--record", *place, option, said))
            assert not Path(place[1]).exists()
    record(place)
    for option, found in (("--text", "the text holds a sign"), ("--actor", "cannot be the name")):
        for said in ("\udcff", "\x07"):
            assert found in failed(ivig("audit", "respond", "1", "accepted", *place, option, said))
    assert "'�' is not a known reason" in failed(
        ivig("audit", "respond", "1", "accepted", *place, "--reason", "\udcff")
    )
    assert open_ledger(Path(place[1])).size == 1


def test_the_key_of_another_ledger_is_refused_by_every_command(place: list[str], tmp_path: Path) -> None:
    record(place)
    ledger_of(tmp_path / "b.sqlite", spread(1)).close()
    other = [*place, "--key", str(tmp_path / "b.key")]
    for words in (["respond", "1", "accepted"], ["verify"], ["list"], ["impact"], ["export", "--out", "x.csv"]):
        assert "this is the key of another ledger" in failed(ivig("audit", *words, *other)), words
    assert "this is the key of another ledger" in failed(ivig("consult", CRISIS, "--record", *other))
    assert open_ledger(Path(place[1])).size == 1


def test_impact_takes_no_local_parameters(place: list[str]) -> None:
    record(place)
    parameters = str(ROOT / "examples" / "local_parameters.yaml")
    done = ivig("--parameters", parameters, "audit", "impact", *place)
    assert done.returncode == 2
    assert "leave '--parameters' out" in done.stderr


def test_what_is_newer_than_a_checkpoint_is_said(place: list[str], tmp_path: Path) -> None:
    record(place)
    kept = tmp_path / "kept.txt"
    kept.write_text(ivig("audit", "checkpoint", *place).stdout, encoding="utf-8")
    assert "newer" not in ivig("audit", "verify", *place, "--checkpoint", str(kept)).stdout
    record(place)
    found = ivig("audit", "verify", *place, "--checkpoint", str(kept)).stdout
    assert "Entries from 2 on are newer than it" in found


def test_a_patient_is_never_hashed_with_the_key_of_another_ledger(place: list[str], tmp_path: Path) -> None:
    record(place)
    ledger_of(tmp_path / "b.sqlite", spread(1)).close()
    words = ["--record", *place, "--key", str(tmp_path / "b.key"), "--patient", "4711"]
    assert "this is the key of another ledger" in failed(ivig("consult", CRISIS, *words))


def test_a_statement_that_the_ledger_does_not_know_is_not_an_empty_answer(place: list[str]) -> None:
    record(place)
    assert "Did you mean S18" in failed(ivig("audit", "list", "--statement", "s18", *place))
    backwards = ["--from", "2026-11-25", "--to", "2026-11-01"]
    assert "runs backwards" in failed(ivig("audit", "list", *backwards, *place))
    assert "is not in the range" in failed(ivig("audit", "show", "9" * 20, *place), 2)


@pytest.mark.parametrize("option", ["--ledger", "--key"])
def test_an_empty_name_is_wrong_usage(place: list[str], option: str) -> None:
    for words in (["audit", "list"], ["audit", "checkpoint"], ["consult", CRISIS, "--record"]):
        assert "an empty name; give the path of a file" in failed(ivig(*words, *place, option, ""), 2)


def test_a_name_that_no_file_can_have_is_told_in_words(tmp_path: Path) -> None:
    name = str(tmp_path / ("a" * 300))
    said = f"{name}: the ledger cannot be opened: File name too long"
    for words in (["audit", "list"], ["audit", "verify"], ["consult", CRISIS, "--record"]):
        assert said in failed(ivig(*words, "--ledger", name))


def test_a_key_that_cannot_be_written_leaves_no_ledger_behind(place: list[str], tmp_path: Path) -> None:
    error = failed(ivig("consult", CRISIS, "--record", *place, "--key", str(tmp_path / "missing" / "a.key")))
    assert "the key of the ledger cannot be written: No such file or directory" in error
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_others_can_read_is_closed_to_them_and_that_is_said(place: list[str]) -> None:
    record(place)
    ledger, key = Path(place[1]), Path(place[1]).with_suffix(".key")
    said = "".join(f"{path} could be read by others than its owner; now it cannot.\n" for path in (ledger, key))
    for words in (["consult", CRISIS, "--record"], ["audit", "respond", "1", "accepted"]):
        ledger.chmod(0o644)
        key.chmod(0o640)
        assert ivig(*words, *place).stderr.startswith(said)
        assert {path.stat().st_mode & 0o777 for path in (ledger, key)} == {0o600}
    assert "could be read" not in record(place)


def test_an_empty_file_is_no_ledger_yet(place: list[str]) -> None:
    Path(place[1]).touch(0o600)
    assert "there is no ledger here yet" in failed(ivig("audit", "list", *place))
    assert record(place) == f"Recorded as entry 1 of {place[1]}.\n"


def test_an_envelope_without_recording_is_wrong_usage() -> None:
    assert "go with '--record'" in failed(ivig("consult", CRISIS, "--actor", "Dr. Ada"), 2)


def test_what_cannot_be_recorded_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_text("something else", encoding="utf-8")
    error = failed(ivig("consult", CRISIS, "--record", "--ledger", str(tmp_path / "a.sqlite")))
    assert "not a ledger of this program" in error


def test_decisions_are_recorded_and_listed(place: list[str]) -> None:
    record(place)
    record(place, THYMECTOMY)
    done = ivig("audit", "respond", "1", "overridden", "--reason", "not_available", *place)
    assert done.stdout == "Recorded as entry 3: entry 1 overridden.\n"
    lines = ivig("audit", "list", *place).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert lines[0].endswith("overridden")
    [only] = json.loads(ivig("audit", "list", "--overridden", "--format", "json", *place).stdout)["entries"]
    assert (only["number"], only["responses"][0]["reasons"]) == (1, ["not_available"])
    assert "not available" in ivig("audit", "show", "1", *place).stdout
    said = "'S99' is no statement or conflict that entry 1 considered"
    assert said in failed(ivig("audit", "respond", "1", "accepted", "--statement", "S99", *place))
    doubted = ["--reason", "statement_doubted", "--statement", "S57", "--statement", "A02"]
    ivig("audit", "respond", "1", "overridden", *doubted, *place)
    assert re.search(r"overridden \(A02, S57\) by .+: statement\s+doubted\.", ivig("audit", "show", "1", *place).stdout)
    assert "overridden, then overridden (A02, S57)" in " ".join(ivig("audit", "list", *place).stdout.split())
    assert "is a decision on entry 1" in failed(ivig("audit", "show", "3", *place))
    assert "patient_preference: " in ivig("audit", "respond", "1", "overridden", "--reason", "help", *place).stdout


def test_the_trace_tells_every_statement_in_order(place: list[str]) -> None:
    record(place)
    text = ivig("audit", "trace", "1", *place).stdout
    data = json.loads(ivig("audit", "trace", "1", "--format", "json", *place).stdout)
    positions = [text.index(f"{step['step']}. ") for step in data["trace"]]
    assert positions == sorted(positions)
    for statement in data["statements"]:
        assert statement["id"] in text


def test_a_ledger_is_held_against_a_checkpoint_and_an_entry_proven_by_it(place: list[str], tmp_path: Path) -> None:
    record(place)
    record(place, THYMECTOMY)
    kept = tmp_path / "kept.txt"
    kept.write_text(ivig("audit", "checkpoint", *place).stdout, encoding="utf-8")
    proof = tmp_path / "proof.json"
    proof.write_text(ivig("audit", "prove", "2", "--checkpoint", str(kept), *place).stdout, encoding="utf-8")
    assert "Whole: 2 entries" in ivig("audit", "verify", "--checkpoint", str(kept), *place).stdout
    Path(place[1]).rename(tmp_path / "away.sqlite")
    done = ivig("audit", "verify", "--proof", str(proof), "--checkpoint", str(kept))
    assert "Proven: this receipt is entry 2 of 2" in done.stdout
    assert "'--proof' needs the checkpoint" in failed(ivig("audit", "verify", "--proof", str(proof)), 2)


def test_a_checkpoint_needs_the_key_of_the_ledger(place: list[str], tmp_path: Path) -> None:
    record(place)
    ledger_of(tmp_path / "b.sqlite", spread(1)).close()
    error = failed(ivig("audit", "checkpoint", *place, "--key", str(tmp_path / "b.key")))
    assert "this is the key of another ledger" in error
    assert "cannot be read" in failed(ivig("audit", "checkpoint", *place, "--key", str(tmp_path / "none.key")))


def test_an_entry_that_was_changed_is_not_signed(place: list[str]) -> None:
    record(place, CRISIS, "--actor", "Dr. Ada")
    file = Path(place[1])
    file.write_bytes(file.read_bytes().replace(b"Dr. Ada", b"Dr. Ida"))
    error = failed(ivig("audit", "checkpoint", *place))
    assert "its entries are not those that its hashes were made of; nothing was signed" in error


def test_replay_says_byte_for_byte_and_which_one(place: list[str]) -> None:
    record(place)
    record(place, THYMECTOMY)
    assert "2 of 2 consultations came out as recorded" in ivig("audit", "replay", "--all", *place).stdout
    assert "1 of 1 consultation came out" in ivig("audit", "replay", "2", *place).stdout
    assert "Give the number of one entry, or '--all'." in failed(ivig("audit", "replay", *place), 2)


def patched(patch: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an audit command in a program that was changed."""
    command = [sys.executable, "-c", f"{patch}\nfrom cli import main\nmain()", "audit", *words]
    paths = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=paths, check=False)


def test_replay_names_the_other_engines_also_where_all_came_out_alike(place: list[str]) -> None:
    record(place)
    newer = "from engine import receipts\nreceipts.__version__ = '9.9.9'"
    for which in ("--all", "1"):
        said = " ".join(patched(newer, "replay", which, *place).stdout.split())
        assert said == (
            "1 of 1 consultation came out as recorded, byte for byte. Recorded by other versions of the engine,"
            " which is left out of the comparison: 0.1.0."
        )
    found = json.loads(patched(newer, "replay", "--all", "--format", "json", *place).stdout)
    assert found == {"format": "ivig-mg/replay/1", "replayed": [], "count": 1, "engines": ["0.1.0"]}


OTHERWISE = """
from engine import replay, receipts
def otherwise(consultation):
    return {**receipts.receipt(consultation), "status": "otherwise"}
replay.receipt = otherwise
"""


def test_replay_tells_each_that_came_out_otherwise_and_counts_them_at_the_end(place: list[str]) -> None:
    record(place)
    record(place, THYMECTOMY)
    done = patched(OTHERWISE, "replay", "--all", *place)
    first, second, last = done.stdout.split("\n\n")
    assert first == "ENTRY 1\n  – status: indicated → otherwise"
    assert second == "ENTRY 2\n  – status: indicated → otherwise"
    assert last == "0 of 2 consultations came out as recorded, byte for byte.\n"
    assert done.returncode == 1
    found = json.loads(patched(OTHERWISE, "replay", "2", "--format", "json", *place).stdout)
    assert found["replayed"] == [{"entry": 2, "differences": ["status: indicated → otherwise"], "engine": ""}]


def test_a_consultation_asked_for_is_recorded_unless_that_is_declined(place: list[str], tmp_path: Path) -> None:
    words = ["ask", "--journal", str(tmp_path / "j"), *place]
    assert "Recorded as entry 1 of" in ivig(*words, given=b"other\n\n").stdout
    assert "Recorded" not in ivig(*words, "--no-record", given=b"other\n\n").stdout
    assert open_ledger(Path(place[1])).size == 1


def test_a_ledger_that_is_not_there_is_said(place: list[str]) -> None:
    for words in (["list"], ["verify"], ["show", "1"], ["replay", "--all"], ["impact"], ["checkpoint"]):
        assert "there is no ledger here yet" in failed(ivig("audit", *words, *place))


LONG = {
    "verify": ["verify"],
    "replay": ["replay", "--all"],
    "impact": ["impact"],
    "export": ["export", "--out", "out.parquet"],
    "report": ["report", "--out", "out.html"],
}


def interrupted(folder: Path, words: list[str], slowed: str, by: int = signal.SIGINT) -> str:
    """Interrupt a command where it says that it has begun, require a quiet end, and return what it says."""
    full, unread = os.pipe()  # nobody reads what is printed, as in a pager
    os.set_blocking(unread, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(unread, b"x"):
            pass
    os.set_blocking(unread, True)
    command = [sys.executable, "-c", f"{slowed}\nfrom cli import main\nmain()", "audit", *words]
    paths = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=unread, stderr=subprocess.PIPE, text=True, cwd=folder, env=paths) as child:
        assert child.stderr is not None
        assert child.stderr.readline() == "begun\n"
        time.sleep(0.2)
        child.send_signal(by)
        try:
            _, error = child.communicate(timeout=20)
        finally:
            child.kill()
            os.close(full)
            os.close(unread)
    assert child.returncode == 130, error
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("command", LONG)
def test_long_work_is_interrupted_quietly_and_run_again(tmp_path: Path, command: str) -> None:
    ledger_of(tmp_path / "a.sqlite", spread(60)).close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    words = [*LONG[command], "--ledger", "a.sqlite"]
    error = interrupted(tmp_path, words, SLOWLY)
    assert re.search(r"Interrupted after \d+ of 60\. Nothing was changed; run it again\.", error)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert ivig("audit", *words, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["verify", "replay", "impact"])
def test_long_work_is_interrupted_quietly_while_its_result_is_printed(tmp_path: Path, command: str) -> None:
    ledger_of(tmp_path / "a.sqlite", spread(2)).close()
    error = interrupted(tmp_path, [*LONG[command], "--ledger", "a.sqlite"], PRINTING)
    assert re.fullmatch(r"\nInterrupted( after 2 of 2)?\. Nothing was changed; run it again\.\n", error)


@pytest.mark.parametrize("command", ["export", "report"])
def test_who_is_told_to_end_leaves_nothing_half_written_behind(tmp_path: Path, command: str) -> None:
    ledger_of(tmp_path / "a.sqlite", spread(60)).close()
    before = sorted(tmp_path.iterdir())
    error = interrupted(tmp_path, [*LONG[command], "--ledger", "a.sqlite"], SLOWLY, signal.SIGTERM)
    assert "Nothing was changed; run it again." in error
    assert sorted(tmp_path.iterdir()) == before


def test_verify_is_interrupted_while_sqlite_looks_at_the_file(tmp_path: Path) -> None:
    ledger_of(tmp_path / "a.sqlite", spread(2)).close()
    error = interrupted(tmp_path, ["verify", "--ledger", "a.sqlite"], ENDLESSLY)
    assert "Interrupted after 0 of 2. Nothing was changed; run it again." in error


SLOWLY = """
import sys, time
from engine import ledger
reading = ledger.Ledger._batches
def slowly(self, query, first):
    for number, row in enumerate(reading(self, query, first)):
        if number == 0:
            print("begun", file=sys.stderr, flush=True)
        time.sleep(0.05)
        yield row
ledger.Ledger._batches = slowly
"""

PRINTING = """
import functools, sys
from engine.commands import proving
def telling(printing, *words):
    print("begun", file=sys.stderr, flush=True)
    printing(*words)
for name in ("print_data", "print_text"):
    setattr(proving, name, functools.partial(telling, getattr(proving, name)))
"""

ENDLESSLY = """
import sys
from engine import storage
gathering = storage.Database.gather
def endlessly(self, query):
    print("begun", file=sys.stderr, flush=True)
    return gathering(self, "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")
storage.Database.gather = endlessly
"""


def test_who_waits_for_another_process_is_told_so_and_records_when_it_is_free(place: list[str]) -> None:
    record(place)
    other = sqlite3.connect(place[1], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    command = [sys.executable, "-m", "cli", "consult", CRISIS, "--record", *place]
    with subprocess.Popen(command, stdout=-3, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stderr is not None
        assert child.stderr.readline() == f"waiting for another process that uses {place[1]} …\n"
        time.sleep(3)  # long enough to be told twice
        other.close()
        assert child.communicate(timeout=60)[1] == f"Recorded as entry 2 of {place[1]}.\n"
    assert child.returncode == 0


def test_an_extra_that_is_missing_is_named_with_its_install_command(place: list[str], tmp_path: Path) -> None:
    (tmp_path / "rfc8785.py").write_text("raise ModuleNotFoundError('no', name='rfc8785')", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *words]
        return subprocess.run(
            command, input=given, capture_output=True, text=True, cwd=ROOT, env=environment, check=False
        )

    done = run("consult", CRISIS, "--record", *place)
    assert done.returncode == 1
    assert "pip install --editable '.[audit]'" in done.stderr
    asked = run("ask", "--journal", str(tmp_path / "j"), *place, given="other\n\n")
    assert asked.returncode == 0
    assert "Not recorded: this needs rfc8785" in asked.stdout
