"""A damaged ledger, or a forged one: every command of the auditor ends with words, never with a traceback."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from engine.checkpoints import Checkpoint, signed
from engine.keys import read_key
from engine.receipts import digest
from engine.records import response
from tests.ledgers import TIME, Change, forged, ledger_of, spread

COMMANDS = [
    ["list"],
    ["list", "--format", "json", "--overridden"],
    ["list", "--statement", "S12"],
    ["show", "2"],
    ["trace", "2"],
    ["verify"],
    ["verify", "--checkpoint", "{folder}/kept.txt"],
    ["prove", "2", "--checkpoint", "{folder}/kept.txt"],
    ["checkpoint"],
    ["replay", "--all"],
    ["impact"],
    ["respond", "1", "accepted"],
    ["export", "--out", "{folder}/all.jsonl"],
    ["export", "--out", "{folder}/all.csv"],
    ["export", "--out", "{folder}/all.parquet"],
    ["report", "--out", "{folder}/report.html"],
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of some consultations and decisions, with its key and a checkpoint beside it."""
    path = tmp_path_factory.mktemp("ledger") / "a.sqlite"
    ledger = ledger_of(path, spread(3))
    ledger.respond(response(2, "overridden", ("other",), "Said in words.", TIME, "Dr. Ada"))
    kept = signed(Checkpoint(ledger.id, 4, ledger.root(4)), read_key(path.with_suffix(".key")))
    path.with_name("kept.txt").write_text(kept, encoding="utf-8")
    ledger.close()
    return path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    for path in whole.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / whole.name


def run(path: Path, words: list[str]) -> tuple[int, str]:
    """Return the exit status of a command and all that it said; a traceback is a failure."""
    filled = [word.format(folder=path.parent) for word in words]
    done = CliRunner().invoke(main, ["audit", *filled, "--ledger", str(path)])
    assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exc_info)
    assert done.exit_code in (0, 1), (words, done.output)
    assert done.output, words
    return done.exit_code, done.output


def run_all(path: Path) -> dict[str, tuple[int, str]]:
    found = {}
    for words in COMMANDS:
        found[" ".join(words)] = run(path, words)
        for written in (*path.parent.glob("all.*"), *path.parent.glob("report.html")):
            written.unlink()
    return found


def test_a_whole_ledger_is_answered_by_every_command(copy: Path) -> None:
    assert {status for status, _ in run_all(copy).values()} == {0}


@pytest.mark.parametrize("seed", range(6))
def test_random_bytes_give_no_traceback(copy: Path, seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(copy.read_bytes())
    for _ in range(2 ** chance.randrange(1, 9)):
        content[chance.randrange(100, len(content))] ^= chance.randrange(1, 256)
    copy.write_bytes(content)
    assert run_all(copy)["verify"][0] == 1


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_a_ledger_that_was_cut_off_gives_no_traceback(copy: Path, part: float) -> None:
    content = copy.read_bytes()
    copy.write_bytes(content[: int(len(content) * part)])
    assert run_all(copy)["verify"][0] == 1


def executed(path: Path, change: str, *values: object) -> None:
    database = sqlite3.connect(path)
    database.execute(change, values)
    database.commit()
    database.close()


LEAVES = [b"", b"{", b"\xff", b"[]", b"{}", b"[" * 5000, b'{"number":' + b"9" * 30 + b"}"]


@pytest.mark.parametrize("leaf", LEAVES, ids=range(len(LEAVES)))
def test_a_damaged_entry_is_named_by_whoever_reads_it(copy: Path, leaf: bytes) -> None:
    executed(copy, "UPDATE entries SET leaf = ? WHERE number = 2", leaf)
    for words in (["list"], ["show", "2"], ["trace", "2"], ["replay", "--all"], ["impact"]):
        status, said = run(copy, words)
        assert (status, "entry 2 is damaged" in said) == (1, True), (words, said)
    for words in (["export", "--out", "{folder}/all.csv"], ["report", "--out", "{folder}/report.html"]):
        assert "entry 2 is damaged" in run(copy, words)[1]


def test_an_entry_in_the_place_of_another_is_damaged(copy: Path) -> None:
    executed(copy, "UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE number = 1) WHERE number = 2")
    assert "entry 2 is damaged" in run(copy, ["list"])[1]


@pytest.mark.parametrize("words", [["list"], ["show", "2"], ["prove", "2", "--checkpoint", "{folder}/kept.txt"]])
def test_an_entry_that_is_not_what_its_hash_was_made_of_is_told_by_nobody(copy: Path, words: list[str]) -> None:
    changed = "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'Dr. Ada', 'Dr. Bob') AS BLOB)"
    executed(copy, f"{changed} WHERE number = 2")
    status, said = run(copy, words)
    assert (status, "entry 2 is damaged" in said, "Dr. Bob" in said) == (1, True, False)


ROWS = [
    "UPDATE entries SET number = 9223372036854775807 WHERE number = 4",
    "UPDATE entries SET hashes = x'00' WHERE number = 2",
    "UPDATE contents SET receipt = x'00', shown = x'00' WHERE number = 2",
    "DELETE FROM contents WHERE number = 2",
    "DELETE FROM entries WHERE number = 2",
    "DELETE FROM snapshots",
    "UPDATE snapshots SET content = x'00'",
    "UPDATE genesis SET content = x'7B7D'",
    "DROP TABLE contents",
]


@pytest.mark.parametrize("change", ROWS)
def test_damaged_rows_give_no_traceback(copy: Path, change: str) -> None:
    executed(copy, change)
    assert run_all(copy)["verify"][0] == 1


# Forged so that every digest and hash fits. ------------------------------------------------


def receipt(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return a forgery of the second receipt."""

    def forge(entry: dict[str, Any], parts: list[bytes]) -> None:
        if entry["number"] == 2:
            content = json.loads(parts[0])
            change(content)
            parts[0] = json.dumps(content).encode()

    return forge


def instead(content: bytes, part: int = 0) -> Change:
    """Return a forgery that puts something else in the place of the second receipt, or of its text."""

    def forge(entry: dict[str, Any], parts: list[bytes]) -> None:
        if entry["number"] == 2:
            parts[part] = content

    return forge


WITHOUT_FORM = [
    instead(b""),
    instead(b"[]"),
    instead(b"{}"),
    instead(b"\xff"),
    instead(b"[" * 5000),
    instead(b"\xff", 1),
    receipt(lambda one: one.pop("status")),
    receipt(lambda one: one.update(statements={})),
    receipt(lambda one: one.update(guideline=None)),
    receipt(lambda one: one["statements"].append(5)),
    receipt(lambda one: one["trace"][0].pop("premises")),
    receipt(lambda one: one.update(doses=[{"statement": "S57", "total_g": "much"}])),
    receipt(lambda one: one.update(findings={"age_years": {}})),
    receipt(lambda one: one.update(layers=[{"id": []}])),
]


@pytest.mark.parametrize("forgery", WITHOUT_FORM, ids=range(len(WITHOUT_FORM)))
def test_a_forged_receipt_without_the_form_of_one_is_told_by_all(copy: Path, forgery: Change) -> None:
    forged(copy, forgery)
    words = ["show 2", "trace 2", "export --out {folder}/all.jsonl", "export --out {folder}/all.parquet"]
    found = run_all(copy)
    for command in (*words, "report --out {folder}/report.html"):
        assert found[command][0] == 1, command
        assert "what entry 2 holds is not in the form of a receipt and a text" in found[command][1].replace("\n", " ")
    assert found["replay --all"][0] == 1


def test_a_forged_receipt_without_the_form_of_one_is_a_breach(copy: Path) -> None:
    forged(copy, receipt(lambda one: one.pop("guideline")))
    status, said = run(copy, ["verify"])
    assert (status, "Entry 2: its receipt is not in the form of one" in said) == (1, True)


IN_FORM = [
    receipt(lambda one: one.update(findings={"no_such_finding": "yes"})),
    receipt(lambda one: one.update(parameters={"no_such_parameter": {"value": "1"}})),
    receipt(lambda one: one["trace"].append({**one["trace"][0], "rule": "S999"})),
    receipt(lambda one: one.update(statements=[{**one["statements"][0], "because": [{"id": []}]}])),
    receipt(lambda one: one.update(more=10**300, deep=[[[{"id": {}}]]])),
    receipt(lambda one: one.update(open_questions=[{"finding": "\x1b\x00 no such"}])),
    receipt(lambda one: one["statements"].append(one["statements"][-1])),
]


@pytest.mark.parametrize("forgery", IN_FORM, ids=range(len(IN_FORM)))
def test_a_forged_receipt_in_form_gives_no_traceback_and_does_not_replay(copy: Path, forgery: Change) -> None:
    forged(copy, forgery)
    assert run_all(copy)["replay --all"][0] == 1


@pytest.mark.parametrize("key", ["time", "actor", "status", "knowledge", "snapshot", "kind", "decision"])
def test_a_forged_envelope_gives_no_traceback(copy: Path, key: str) -> None:
    def forge(entry: dict[str, Any], parts: list[bytes]) -> None:
        entry[key] = "ü\x00 \x1b[2J" * 3

    forged(copy, forge)
    run_all(copy)


KNOWLEDGE = [b"[]", b"{}", b'[{"../x.yaml":""}]', b'[{"' + b"x" * 300 + b'":""}]', b'[{"a\\u0000":""}]', b'[{"":""}]']


@pytest.mark.parametrize("content", KNOWLEDGE, ids=range(len(KNOWLEDGE)))
def test_forged_knowledge_gives_no_traceback(copy: Path, content: bytes) -> None:
    executed(copy, "UPDATE snapshots SET (digest, content) = (?, ?)", digest(content), content)
    forged(copy, lambda entry, parts: entry.update(snapshot=digest(content)))
    found = run_all(copy)
    assert found["replay --all"][0] == found["verify"][0] == 1
