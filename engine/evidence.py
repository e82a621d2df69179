"""A proof that a consultation stands in a ledger, which whoever holds a checkpoint can verify without the ledger."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from engine import merkle
from engine.checkpoints import Checkpoint, opened
from engine.errors import Fault, InputError, Place
from engine.ledger import Genesis, Ledger
from engine.receipts import canonical, digest, read_receipt
from engine.records import CONSULTATION, Entry, Whole, read_entry

FORMAT = "ivig-mg/inclusion/1"


class Inclusion(Struct, frozen=True):
    """A consultation with the hashes that lead from it to the root of a tree of ``size`` entries.

    ``entry`` and ``receipt`` are canonical JSON; ``ledger`` is what the ledger begins with, whose digest is
    its id.
    """

    format: str
    ledger: Genesis
    entry: str
    receipt: str
    size: Whole
    path: list[str]


def head(ledger: Ledger) -> tuple[int, bytes]:
    """Return how many entries there are, and the root of them, made of the entries themselves.

    Raises:
        InputError: when the hashes that stand with them are those of others.

    """
    size, tree = ledger.size, merkle.Growing()
    for row in islice(ledger.rows(), size):
        tree.add(merkle.leaf_hash(row.leaf))
    if (tree.size, tree.root()) != (size, ledger.root(size)):
        found = "its entries are not those that its hashes were made of; nothing was signed"
        remedy = "'ivig-mg audit verify' says what is altered."
        raise InputError([Fault(found, remedy, Place(str(ledger.path)))])
    return size, tree.root()


def prove(ledger: Ledger, entry: Entry, size: int) -> Inclusion:
    """Return the proof that an entry stands among the first entries of a ledger.

    Raises:
        InputError: when it is not among them, or is no consultation.

    """
    if entry.kind != CONSULTATION or entry.number > size:
        found = f"entry {entry.number} is not a consultation among the first {size}"
        raise InputError([Fault(found, "Make a new checkpoint, or give another number.")])
    path = merkle.inclusion_path(entry.number - 1, size, ledger.completed)
    receipt, _ = ledger.contents(entry)
    return Inclusion(FORMAT, ledger.genesis, entry.leaf.decode(), receipt.decode(), size, [part.hex() for part in path])


def read_inclusion(text: bytes, file: str) -> Inclusion:
    """Return the proof that a text states.

    Raises:
        InputError: when it states none.

    """
    try:
        found = msgspec.json.decode(text, type=Inclusion)
    except (ValueError, RecursionError):
        found = None
    if found is None or found.format != FORMAT:
        problem = "this is not a proof of inclusion"
        raise InputError([Fault(problem, "Give what 'ivig-mg audit prove ID' printed, whole.", Place(file))])
    return found


def check(proof: Inclusion, note: str, proof_file: str, note_file: str) -> tuple[Entry, dict[str, Any], Checkpoint]:
    """Return the entry and the receipt of a proof, and the checkpoint they were held against.

    Raises:
        InputError: when the checkpoint is forged or of another ledger, or the proof does not lead to it.

    """
    ledger = digest(canonical(msgspec.to_builtins(proof.ledger)))
    checkpoint = opened(note, ledger, _decoded(proof.ledger.public_key), note_file)
    if proof.size != checkpoint.size:
        found = f"this proof is about {proof.size} entries, the checkpoint about {checkpoint.size}"
        raise _refused(found, "Give the checkpoint that the proof was made for.", proof_file)
    entry, receipt = _read(proof, proof_file)
    leaf = merkle.leaf_hash(proof.entry.encode())
    reached = merkle.root_of_path(leaf, entry.number - 1, proof.size, map(_decoded, proof.path))
    if reached != checkpoint.root:
        raise _refused("the entry is not in the ledger that the checkpoint is of", "Do not trust it.", proof_file)
    return entry, receipt, checkpoint


def _read(proof: Inclusion, file: str) -> tuple[Entry, dict[str, Any]]:
    try:
        entry = read_entry(proof.entry.encode())
        read_receipt(proof.receipt.encode())
    except ValueError:
        raise _refused("its entry or its receipt cannot be read", "Do not trust it.", file) from None
    if digest(proof.receipt.encode()) != entry.receipt:
        raise _refused("the receipt is not the one that was recorded", "Do not trust it.", file)
    return entry, msgspec.json.decode(proof.receipt)


def _decoded(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def _refused(found: str, remedy: str, file: str) -> InputError:
    return InputError([Fault(found, remedy, Place(file))])
