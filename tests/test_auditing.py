"""Verifying a ledger: every changed byte is detected, every missing entry named."""

from __future__ import annotations

import csv
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import merkle, pages
from engine.auditing import Breach, Verification, breaches, verify
from engine.checkpoints import Checkpoint
from engine.errors import InputError
from engine.exports import export
from engine.impacts import impact
from engine.ledger import Ledger, begin_or_open, open_ledger
from engine.loading import SHIPPED, load
from engine.records import response
from engine.rendering.ledger import render_verification
from engine.replay import receipt_of
from engine.selection import require_rule
from engine.snapshots import snapshot_of
from tests.conftest import CASES
from tests.ledgers import SNAPSHOT, TIME, UNREAD, forged, ledger_of, recorded, spread, with_unread_knowledge

ALL = os.environ.get("IVIG_BYTES") == "all"
"""Whether to try every byte of a ledger of 50 receipts (half an hour on two cores), or some bytes of a smaller one."""

LAYER = SHIPPED / "layers" / "product_label"

CHUNKS = 64 if ALL else 2


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a ledger."""
    path = tmp_path_factory.mktemp("ledger") / "a.sqlite"
    cases = spread(50 if ALL else 12)
    ledger = ledger_of(path, cases[::2])
    ledger.respond(response(3, "overridden", ("other",), "Said in words.", TIME, "Dr. Ada"))
    for case in cases[1::2]:
        ledger.record(recorded(case), SNAPSHOT)
    ledger.respond(response(2, "accepted", (), "", TIME, "Dr. Ada"))
    assert verify(ledger).breaches == ()
    ledger.close()
    return path.read_bytes()


def is_detected(path: Path) -> bool:
    """Whether a ledger is refused, or breaches are found in it."""
    try:
        ledger = open_ledger(path)
    except InputError:
        return True
    try:
        return any(True for _ in breaches(ledger))
    except InputError:
        return True
    finally:
        ledger.close()


def never_read(content: bytes) -> set[int]:
    """The bytes that SQLite never reads: what is unused in the pages that lead to other pages.

    By the file format of SQLite: the space between the list of cells and the first cell, and the chain of
    freed blocks, each of which begins with the place of the next and its own size.
    """
    found: set[int] = set()
    for start in range(0, len(content), pages.PAGE):
        if content[start] != pages.INTERIOR:
            continue
        found.update(start + place for place in range(*pages.unused(content[start : start + pages.PAGE])))
        block = int.from_bytes(content[start + 1 : start + 3], "big")
        while block:
            size = int.from_bytes(content[start + block + 2 : start + block + 4], "big")
            found.update(range(start + block + 4, start + block + size))
            block = int.from_bytes(content[start + block : start + block + 2], "big")
    return found


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_changed_byte_is_detected(content: bytes, tmp_path: Path, chunk: int) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(content)
    chance = random.Random(chunk)
    places = sorted(set(range(len(content))) - never_read(content))
    headers = sorted(headers_of(content) - never_read(content))
    if not ALL:
        places, headers = chance.sample(places, 250), chance.sample(headers, 150)
    changes = [(place, chance.randrange(1, 256)) for place in places[chunk::CHUNKS]]
    changes += [(place, 1 << bit) for place in headers[chunk::CHUNKS] for bit in range(8)]
    undetected = []
    with open(path, "r+b", buffering=0) as file:
        for place, difference in changes:
            _put(file.fileno(), place, content[place] ^ difference)
            if not is_detected(path):
                undetected.append((place, content[place], difference))
            _put(file.fileno(), place, content[place])
    assert undetected == []
    assert not is_detected(path)


def headers_of(content: bytes) -> set[int]:
    """The bytes that say how the others are to be read: of the file, its pages and their rows."""
    found = set(range(pages.HEADER))
    for start in range(0, len(content), pages.PAGE):
        page, head = content[start : start + pages.PAGE], 0 if start else pages.HEADER
        if page[head] == pages.LEAF:
            found.update(range(start + head, start + pages.unused(page, head)[0]))
            for cell in pages.cells(page, head):
                found.update(range(start + cell.place, start + cell.content + page[cell.content]))
        elif page[head] == pages.INTERIOR:
            found.update(range(start, start + pages.PAGE))
    return found


def _put(file: int, place: int, byte: int) -> None:
    os.pwrite(file, bytes([byte]), place)


def test_what_sqlite_never_reads_is_a_small_part(content: bytes) -> None:
    assert len(never_read(content)) < 3 * pages.PAGE


def _freed(page: bytearray) -> None:
    """Make a freed block that holds a text of the end of the unused space of a leaf."""
    _, first = pages.unused(bytes(page))
    page[first - 60 : first] = bytes([0, 0, 0, 60]) + b"kept here out of sight".ljust(56)
    page[1:3] = page[5:7] = (first - 60).to_bytes(2, "big")


def _fragment(page: bytearray) -> None:
    """Let the last three unused bytes of a leaf pass for space between its rows that is too small to be used."""
    _, first = pages.unused(bytes(page))
    page[first - 3 : first], page[7] = b"abc", 3
    page[5:7] = (first - 3).to_bytes(2, "big")


@pytest.mark.parametrize("change", [_freed, _fragment])
def test_what_is_hidden_in_freed_space_is_detected(
    content: bytes, tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    path, start = tmp_path / "a.sqlite", pages.PAGE
    page = bytearray(content[start : start + pages.PAGE])
    begins, ends = pages.unused(bytes(page))
    assert page[0] == pages.LEAF
    assert ends - begins > 60
    change(page)
    path.write_bytes(content[:start] + page + content[start + pages.PAGE :])
    found = [breach.found for breach in verify(open_ledger(path)).breaches]
    assert found == ["page 2 has freed space, which no ledger has between its rows"]


# What is named. ----------------------------------------------------------------------------


def altered(tmp_path: Path, change: Callable[[sqlite3.Connection], object]) -> Verification:
    path = tmp_path / "a.sqlite"
    ledger = ledger_of(path, spread(6))
    ledger.respond(response(3, "accepted", (), "", TIME, "Dr. Ada"))
    ledger.close()
    database = sqlite3.connect(path)
    change(database)
    database.commit()
    database.close()
    return verify(open_ledger(path))


def _execute(change: str, database: sqlite3.Connection) -> None:
    database.execute(change)


def said(found: Verification) -> set[tuple[int | None, str]]:
    """The breaches of entries; the file as a whole is changed in all of these."""
    return {(breach.entry, breach.found) for breach in found.breaches if breach.entry is not None}


def test_a_changed_entry_is_named(tmp_path: Path) -> None:
    changed = (
        "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'Dr. Ada', 'Dr. Bob') AS BLOB) WHERE number = 4"
    )
    found = altered(tmp_path, lambda database: database.execute(changed))
    assert said(found) == {(4, "it was changed: it is not what its hash was made of")}


def test_a_removed_entry_is_named(tmp_path: Path) -> None:
    found = altered(tmp_path, lambda database: database.execute("DELETE FROM entries WHERE number = 3"))
    assert (3, "it is missing") in said(found)
    assert not any(number in (1, 2, 4, 5, 6) for number, _ in said(found))


def test_entries_in_another_order_are_named(tmp_path: Path) -> None:
    def swap(database: sqlite3.Connection) -> None:
        for before, after in ((2, -2), (5, 2), (-2, 5)):
            database.execute("UPDATE entries SET number = ? WHERE number = ?", (after, before))
            database.execute("UPDATE contents SET number = ? WHERE number = ?", (after, before))

    names = said(altered(tmp_path, swap))
    assert {(2, "entry 5 stands in its place"), (5, "entry 2 stands in its place")} <= names


def test_a_receipt_that_was_changed_removed_or_added_is_named(tmp_path: Path) -> None:
    packed = recorded(CASES[-1]).receipt
    change = ("UPDATE contents SET receipt = ? WHERE number = 2", (packed,))
    assert said(altered(tmp_path / "1", lambda database: database.execute(*change))) == {(2, "its receipt was changed")}
    remove = "DELETE FROM contents WHERE number = 2"
    assert said(altered(tmp_path / "2", lambda database: database.execute(remove))) == {(2, "its receipt is missing")}
    add = ("INSERT INTO contents VALUES (7, ?, ?)", (packed, packed))
    beside = "a receipt stands there that belongs to no consultation"
    assert said(altered(tmp_path / "3", lambda database: database.execute(*add))) == {(7, beside)}


def test_what_was_shown_is_held_too(tmp_path: Path) -> None:
    change = ("UPDATE contents SET shown = ? WHERE number = 2", (recorded(CASES[-1]).shown,))
    found = altered(tmp_path, lambda database: database.execute(*change))
    assert said(found) == {(2, "the text that was shown was changed")}


def test_changed_knowledge_is_named(tmp_path: Path) -> None:
    change = "UPDATE snapshots SET content = CAST(replace(CAST(content AS TEXT), '65 years', '64 years') AS BLOB)"
    found = altered(tmp_path, lambda database: database.execute(change))
    assert any(b.found == f"knowledge snapshot {SNAPSHOT.digest[:16]}… was changed" for b in found.breaches)


SLIPPED_IN = {
    "INSERT INTO entries SELECT 0, leaf, hashes FROM entries WHERE number = 6": (
        Breach(0, "no entry can have this number"),
    ),
    "INSERT INTO entries SELECT -3, leaf, hashes FROM entries WHERE number = 6": (
        Breach(-3, "no entry can have this number"),
        Breach(None, "a row of page 21 is not written as it was"),
    ),
    "INSERT INTO genesis VALUES (CAST('a name' AS BLOB))": (
        Breach(None, "what the ledger begins with stands elsewhere, or more than once"),
    ),
    "INSERT INTO snapshots SELECT 50, digest, content FROM snapshots": (
        Breach(None, "the knowledge snapshots have other numbers"),
        Breach(None, "the knowledge snapshots are not those of the entries, in the order of their first use"),
    ),
}


@pytest.mark.parametrize("change", SLIPPED_IN)
def test_what_was_slipped_in_is_named(tmp_path: Path, change: str) -> None:
    found = altered(tmp_path, partial(_execute, change)).breaches
    assert {one for one in found if "unused space" not in one.found} == set(SLIPPED_IN[change])


def test_a_decision_on_a_removed_entry_is_named(tmp_path: Path) -> None:
    names = said(altered(tmp_path, partial(_execute, "DELETE FROM entries WHERE number = 3")))
    assert (7, "it answers entry 3, which is no consultation") in names


# What is forged so that every digest and hash fits. ----------------------------------------


def forgery(tmp_path: Path, change: dict[str, Any]) -> set[tuple[int | None, str]]:
    """The breaches of a ledger that was made anew with its second entry changed."""
    path = tmp_path / "a.sqlite"
    ledger_of(path, spread(3)).close()
    forged(path, lambda entry, parts: entry.update(change if entry["number"] == 2 else {}))
    return said(verify(open_ledger(path)))


FORGED: list[tuple[dict[str, Any], str]] = [
    ({"hidden": "a name"}, "it is not in the form of an entry"),
    ({"format": "ivig-mg/entry/2"}, "it is not in the form of an entry"),
    ({"time": "2026-13-24T12:00:00Z"}, "it is not in the form of an entry"),
    ({"time": "2026-11-24T12:00:00Z\n"}, "it is not in the form of an entry"),
    ({"patient": ""}, "it is not in the form of an entry"),
    ({"status": "not_covered"}, "it says other than its receipt"),
    ({"applies": ["S99"]}, "it says other than its receipt"),
]


@pytest.mark.parametrize(("change", "found"), FORGED, ids=range(len(FORGED)))
def test_a_forged_entry_is_named(tmp_path: Path, change: dict[str, Any], found: str) -> None:
    assert forgery(tmp_path, change) == {(2, found)}


def test_an_entry_that_names_other_knowledge_than_its_snapshot_is_named(tmp_path: Path) -> None:
    assert forgery(tmp_path, {"knowledge": "0" * 64}) == {
        (2, "its knowledge snapshot is not of the knowledge that it names"),
        (2, "it says other than its receipt"),
    }


# What the ledger begins with, and how far it goes. -----------------------------------------


def test_a_number_far_away_is_one_breach(tmp_path: Path) -> None:
    far = "INSERT INTO entries SELECT 9000000000, leaf, hashes FROM entries WHERE number = 1"
    names = said(altered(tmp_path, lambda database: database.execute(far)))
    assert (8, "it is missing, and so are those up to 8999999999") in names
    assert len(names) < 6


def test_what_the_ledger_begins_with_is_held_by_its_entries(tmp_path: Path) -> None:
    change = "UPDATE genesis SET content = CAST(replace(CAST(content AS TEXT), 'nonce\":\"', 'nonce\":\"0') AS BLOB)"
    found = altered(tmp_path, lambda database: database.execute(change))
    assert "what the ledger begins with was changed: 7 entries name another ledger" in [b.found for b in found.breaches]


def test_the_contents_of_one_entry_do_not_pass_for_those_of_another(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    ledger = ledger_of(path, spread(4))
    ledger.database.execute(
        "UPDATE contents SET (receipt, shown) = (SELECT receipt, shown FROM contents WHERE number = 4) WHERE number = 2"
    )
    with pytest.raises(InputError, match="what entry 2 holds is not what was recorded"):
        ledger.contents(ledger.entry(2))


def test_what_was_cut_off_is_told_by_a_checkpoint_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    ledger = ledger_of(path, spread(6))
    kept = Checkpoint(ledger.id, 6, ledger.root(6))
    ledger.close()
    database = sqlite3.connect(path)
    database.executescript("DELETE FROM entries WHERE number > 4; DELETE FROM contents WHERE number > 4; VACUUM;")
    database.close()
    assert said(verify(open_ledger(path))) == set()
    found = verify(open_ledger(path), kept)
    assert "entries 5 to 6 are missing; the checkpoint was made of 6 entries" in [b.found for b in found.breaches]


def test_a_ledger_that_was_made_anew_is_told_by_a_checkpoint(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(6))
    kept = Checkpoint(ledger.id, 6, ledger.root(6))
    other = ledger_of(tmp_path / "b.sqlite", [*spread(5), CASES[-1]])
    assert verify(other).breaches == ()
    found = [breach.found for breach in verify(other, kept).breaches]
    assert found == ["entries 1 to 6 are not those that the checkpoint was made of"]


def test_an_earlier_checkpoint_still_holds_as_the_ledger_grows(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(7))
    kept = [Checkpoint(ledger.id, size, ledger.root(size)) for size in range(8)]
    ledger.record(recorded(CASES[0]), SNAPSHOT)
    for one in kept:
        assert verify(ledger, one).breaches == ()


def test_an_empty_ledger_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    found = verify(begin_or_open(path, path.with_suffix(".key")))
    assert (found.size, found.root, found.breaches) == (0, merkle.EMPTY.hex(), ())


def test_what_is_recorded_meanwhile_is_no_breach(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(4))
    other = open_ledger(tmp_path / "a.sqlite")

    def meanwhile(done: int) -> None:
        if done == 2:
            other.record(recorded(CASES[0]), SNAPSHOT)

    found = verify(ledger, None, meanwhile)
    assert (found.size, found.breaches) == (4, ())


def test_other_knowledge_that_is_recorded_meanwhile_is_no_breach(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(4))
    other = open_ledger(tmp_path / "a.sqlite")
    newer = snapshot_of(load(SHIPPED, [LAYER]), SHIPPED, [LAYER])

    def meanwhile(done: int) -> None:
        if done == 2:
            other.record(recorded(CASES[0]), newer)

    assert verify(ledger, None, meanwhile).breaches == ()
    assert len(list(ledger.snapshots())) == 2


def test_the_root_is_that_of_the_entries(tmp_path: Path) -> None:
    ledger: Ledger = ledger_of(tmp_path / "a.sqlite", spread(5))
    assert verify(ledger).root == ledger.root(5).hex()


def test_why_there_is_no_root_is_told(tmp_path: Path) -> None:
    changes = {
        "an entry is missing": "DELETE FROM entries WHERE number = 3",
        "the hashes do not fit": "UPDATE entries SET hashes = zeroblob(32) WHERE number = 3",
    }
    for number, (why, change) in enumerate(changes.items()):
        found = altered(tmp_path / str(number), partial(_execute, change))
        assert f"Root of 7 entries: none, for {why}\n" in render_verification(found)


# Knowledge that this program cannot read. --------------------------------------------------


def test_knowledge_that_this_program_cannot_read_is_told_and_no_breach(tmp_path: Path) -> None:
    ledger = with_unread_knowledge(tmp_path / "a.sqlite")
    found = verify(ledger)
    assert (found.breaches, found.unread) == ((), (UNREAD.digest,))
    page = " ".join(render_verification(found).split())
    assert page.startswith("Whole: 2 entries, all as they were recorded.")
    assert f"Knowledge snapshot {UNREAD.digest[:16]}… is as recorded, but this program cannot read it" in page


def test_what_does_not_need_that_knowledge_is_still_told(tmp_path: Path) -> None:
    ledger = with_unread_knowledge(tmp_path / "a.sqlite")
    why = f"this program cannot read the knowledge snapshot {UNREAD.digest[:16]}…: "
    found = impact(ledger, SHIPPED)
    assert (found.consultations, found.not_judged) == (2, 1)
    [(reason, numbers)] = [(one.reason, one.entries) for one in found.unreadable]
    assert (reason.startswith(why), numbers) == (True, (2,))
    require_rule(ledger, "S01")


def test_findings_under_that_knowledge_are_exported_by_their_receipts(tmp_path: Path) -> None:
    ledger = with_unread_knowledge(tmp_path / "a.sqlite", [])
    with open(export(ledger, str(tmp_path / "all.csv")), encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    receipt = receipt_of(ledger, ledger.entry(1))
    told = {name.removeprefix("finding."): value for name, value in row.items() if name.startswith("finding.")}
    assert told == {**receipt["unknown"], **receipt["findings"]}


# Locks. ------------------------------------------------------------------------------------


def write_elsewhere(path: Path) -> str:
    """Return what another process that wants to write is told: nothing where it can."""
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN EXCLUSIVE')"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition("\n")[2]


def test_nobody_writes_while_the_file_is_looked_at_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, told = tmp_path / "a.sqlite", []
    ledger, look = ledger_of(path, spread(3)), pages.header_faults

    def last_look(*words: Any) -> Iterator[str]:
        told.append(write_elsewhere(path))
        return look(*words)

    monkeypatch.setattr(pages, "header_faults", last_look)
    assert verify(ledger).breaches == ()
    assert told == ["sqlite3.OperationalError: database is locked"]
    assert write_elsewhere(path) == ""


def test_a_damaged_file_is_read_only_after_its_locks_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, told, stated = tmp_path / "a.sqlite", [], pages.stated_length
    ledger = ledger_of(path, spread(3))
    [page] = ledger.database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'entries'").fetchone()
    with open(path, "r+b") as file:
        _put(file.fileno(), (page - 1) * pages.PAGE, 0xFF)
    ledger.close()
    ledger = open_ledger(path)

    def state(path: Path) -> int:
        told.append(ledger.database.in_transaction)
        return stated(path)

    monkeypatch.setattr(pages, "stated_length", state)
    with pytest.raises(InputError, match="the ledger: it is damaged"):
        ledger.record(recorded(CASES[0]), SNAPSHOT)
    assert told == [False]
