"""Signed tree heads: what an auditor keeps elsewhere, to hold a ledger against later.

The text is a signed note and a checkpoint as transparency logs use them (C2SP signed-note and
tlog-checkpoint): the ledger, the number of entries, the root; then the signature.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256

from msgspec import Struct

from engine.errors import Fault, InputError, Place
from engine.keys import Key, verifies

ORIGIN = "ivig-mg/"
"""What the name of a ledger begins with in a checkpoint; its id follows."""

ED25519 = b"\x01"

NOTE = re.compile(
    r"(?P<text>ivig-mg/(?P<ledger>[0-9a-f]{64})\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n)\n"
    r"— ivig-mg/(?P=ledger) (?P<signature>[A-Za-z0-9+/]{90,92}={0,2})\n"
)


class Checkpoint(Struct, frozen=True):
    """How many entries a ledger had, and the root of its tree then."""

    ledger: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{ORIGIN}{self.ledger}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def signed(checkpoint: Checkpoint, key: Key) -> str:
    """Return a checkpoint with its signature, as text to keep elsewhere."""
    signature = key_id(checkpoint.ledger, key.public) + key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n— {ORIGIN}{checkpoint.ledger} {base64.b64encode(signature).decode()}\n"


def opened(note: str, ledger: str, public: bytes, file: str) -> Checkpoint:
    """Return the checkpoint of a ledger that a signed text states.

    Raises:
        InputError: when it is none, or of another ledger, or was not signed with the ledger's key.

    """
    read = NOTE.fullmatch(note.replace("\r\n", "\n").strip() + "\n")
    if read is None:
        raise _refused("this is not a checkpoint", "Give what 'ivig-mg audit checkpoint' printed, whole.", file)
    if read["ledger"] != ledger:
        found = f"this is a checkpoint of another ledger, {read['ledger'][:16]}…; this one is {ledger[:16]}…"
        raise _refused(found, "Give the checkpoint of this ledger.", file)
    try:
        signature = base64.b64decode(read["signature"], validate=True)
    except binascii.Error:
        signature = b""
    is_named = signature[:4] == key_id(ledger, public)
    if not is_named or not verifies(public, signature[4:], read["text"].encode()):
        found = "this checkpoint was not signed with the key of this ledger, or was changed since"
        raise _refused(found, "Do not trust it; give the one that you kept.", file)
    return Checkpoint(ledger, int(read["size"]), base64.b64decode(read["root"]))


def key_id(ledger: str, public: bytes) -> bytes:
    """Return the four bytes by which a signature names its key."""
    return sha256(f"{ORIGIN}{ledger}\n".encode() + ED25519 + public).digest()[:4]


def _refused(found: str, remedy: str, file: str) -> InputError:
    return InputError([Fault(found, remedy, Place(file))])
