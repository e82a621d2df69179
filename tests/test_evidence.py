"""Checkpoints and proofs: what is forged, of another ledger, or signed with another key is refused."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.checkpoints import Checkpoint, opened, signed
from engine.errors import InputError
from engine.evidence import Inclusion, check, prove, read_inclusion
from engine.keys import Key, make_key, read_key
from engine.ledger import Ledger
from engine.records import response
from tests.ledgers import TIME, ledger_of, spread

SIZE = 7


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, Key, str, bytes]:
    """A ledger with its key, a checkpoint, and a proof of its third entry."""
    path = tmp_path_factory.mktemp("ledger") / "a.sqlite"
    ledger = ledger_of(path, spread(SIZE))
    key = read_key(path.with_suffix(".key"))
    note = signed(Checkpoint(ledger.id, SIZE, ledger.root(SIZE)), key)
    return ledger, key, note, msgspec.json.encode(prove(ledger, ledger.entry(3), SIZE))


Made = tuple[Ledger, Key, str, bytes]


def checked(proof: Inclusion, note: str) -> int:
    return check(proof, note, "p.json", "c.txt")[0].number


def test_a_proof_verifies_with_the_checkpoint_alone(made: Made) -> None:
    ledger, _, note, proof = made
    assert checked(read_inclusion(proof, "p.json"), note) == 3
    for number in range(1, SIZE + 1):
        for size in range(number, SIZE + 1):
            kept = signed(Checkpoint(ledger.id, size, ledger.root(size)), made[1])
            assert checked(prove(ledger, ledger.entry(number), size), kept) == number


@given(st.data())
def test_no_changed_byte_of_a_proof_or_a_checkpoint_is_taken(made: Made, data: st.DataObject) -> None:
    _, _, note, proof = made
    texts = [bytearray(proof), bytearray(note.encode())]
    which = data.draw(st.sampled_from((0, 1)))
    place = data.draw(st.integers(0, len(texts[which]) - 1))
    texts[which][place] ^= data.draw(st.integers(1, 255))
    try:
        read = read_inclusion(bytes(texts[0]), "p.json")
        entry, receipt, kept = check(read, texts[1].decode("utf-8", "replace"), "p.json", "c.txt")
    except InputError:
        return
    same = check(read_inclusion(proof, "p.json"), note, "p.json", "c.txt")
    assert (entry, receipt, kept) == same  # what was changed says nothing: a blank at the end, a key nobody reads


def test_a_proof_of_another_receipt_is_refused(made: Made) -> None:
    ledger, _, note, proof = made
    read = read_inclusion(proof, "p.json")
    other = ledger.contents(ledger.entry(4))[0].decode()
    with pytest.raises(InputError, match="the receipt is not the one that was recorded"):
        checked(replace(read, receipt=other), note)
    with pytest.raises(InputError, match="not in the ledger that the checkpoint is of"):
        checked(replace(read, receipt=other, entry=ledger.entry(4).leaf.decode()), note)


def test_a_receipt_of_another_ledger_is_refused(made: Made, tmp_path: Path) -> None:
    _, _, note, _ = made
    other = ledger_of(tmp_path / "b.sqlite", spread(SIZE))
    with pytest.raises(InputError, match="a checkpoint of another ledger"):
        checked(prove(other, other.entry(3), SIZE), note)


def test_a_checkpoint_signed_with_another_key_is_refused(made: Made, tmp_path: Path) -> None:
    ledger, _, _, proof = made
    other = make_key(tmp_path / "other.key")
    note = signed(Checkpoint(ledger.id, SIZE, ledger.root(SIZE)), other)
    for open_ in (
        lambda: opened(note, ledger.id, ledger.public, "c.txt"),
        lambda: checked(read_inclusion(proof, "p.json"), note),
    ):
        with pytest.raises(InputError, match="not signed with the key of this ledger, or was changed since"):
            open_()


def test_a_forged_checkpoint_is_refused(made: Made) -> None:
    ledger, _, note, _ = made
    lines = note.split("\n")
    forged = "\n".join([lines[0], "3", base64.b64encode(ledger.root(3)).decode(), *lines[3:]])
    with pytest.raises(InputError, match="changed since"):
        opened(forged, ledger.id, ledger.public, "c.txt")


@pytest.mark.parametrize("note", ["", "hello", "ivig-mg/1\n2\n3\n"])
def test_what_is_no_checkpoint_is_refused(made: Made, note: str) -> None:
    with pytest.raises(InputError, match="this is not a checkpoint"):
        opened(note, made[0].id, made[0].public, "c.txt")


def test_a_checkpoint_survives_a_mail_program(made: Made) -> None:
    ledger, _, note, _ = made
    sent = "\r\n" + note.replace("\n", "\r\n") + "\r\n"
    assert opened(sent, ledger.id, ledger.public, "c.txt").size == SIZE


def test_a_proof_is_only_of_a_consultation_that_the_checkpoint_covers(made: Made, tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(2))
    answer = ledger.respond(response(1, "accepted", (), "", TIME, "Dr. Ada"))
    for entry, size in ((answer, 3), (ledger.entry(2), 1)):
        with pytest.raises(InputError, match="is not a consultation among the first"):
            prove(ledger, entry, size)


def test_a_patient_stands_as_a_keyed_hash(made: Made, tmp_path: Path) -> None:
    key = made[1]
    assert key.pseudonym("12345") == key.pseudonym("12345") != key.pseudonym("12346")
    assert make_key(tmp_path / "other.key").pseudonym("12345") != key.pseudonym("12345")
    assert len(key.pseudonym("12345")) == 64


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("no key", encoding="utf-8")
    with pytest.raises(InputError, match="this is not the key of a ledger"):
        read_key(tmp_path / "a.key")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_key(tmp_path / "none.key")


def test_a_key_that_is_there_is_kept(tmp_path: Path) -> None:
    assert make_key(tmp_path / "a.key").public == make_key(tmp_path / "a.key").public
