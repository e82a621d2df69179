"""Checkpoints and proofs: what is forged, of another ledger, or signed with another key is refused."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

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


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.sampled_from([-1, 0, 3, 7, 2**53, 2**63, 2**64])
    | st.floats(allow_nan=False)
    | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=9), part, max_size=3),
)


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every place of JSON data: what it stands in, and its key or number there."""
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [place for key in list(keys) for place in [(content, key), *places(content[key])]]


def is_refused_or_the_same(made: Made, proof: bytes, note: bytes) -> None:
    def all_of(proof: bytes, note: bytes) -> object:
        return check(read_inclusion(proof, "p.json"), note.decode("utf-8", "replace"), "p.json", "c.txt")

    try:
        found = all_of(proof, note)
    except InputError:
        return
    assert found == all_of(made[3], made[2].encode())


@given(st.data())
def test_no_changed_value_of_a_proof_is_taken(made: Made, data: st.DataObject) -> None:
    proof = json.loads(made[3])
    which = data.draw(st.sampled_from(("proof", "entry", "receipt")))
    content = proof if which == "proof" else json.loads(proof[which])
    container, key = data.draw(st.sampled_from(places(content)))
    container[key] = data.draw(JSON)
    if which != "proof":
        proof[which] = json.dumps(content)
    is_refused_or_the_same(made, json.dumps(proof).encode(), made[2].encode())


@given(st.data())
def test_no_bytes_put_into_a_proof_or_a_checkpoint_or_cut_out_are_taken(made: Made, data: st.DataObject) -> None:
    texts = [made[3], made[2].encode()]
    which = data.draw(st.sampled_from((0, 1)))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(texts[which]))] * 2)))
    more = data.draw(st.binary(max_size=9) | st.sampled_from([b"9" * 400, b"[" * 5000, b"-", b'"\\ud800"']))
    texts[which] = texts[which][:start] + more + texts[which][end:]
    is_refused_or_the_same(made, *texts)


@pytest.mark.parametrize("number", [-1, 2**53, 10**30])
@pytest.mark.parametrize("where", ['"sqlite":', '"size":', '\\"number\\":'])
def test_numbers_that_cannot_be_counted_are_refused(made: Made, where: str, number: int) -> None:
    text = made[3].decode()
    assert where in text
    proof = re.sub(re.escape(where) + r"\d+", lambda found: f"{where}{number}", text).encode()
    with pytest.raises(InputError, match=r"not a proof of inclusion|cannot be read"):
        check(read_inclusion(proof, "p.json"), made[2], "p.json", "c.txt")


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
