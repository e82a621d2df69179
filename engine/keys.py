"""The key of a ledger: it signs checkpoints, and hides who a patient is; the only user of cryptography.

A key is an Ed25519 key in a file of its own (PKCS #8, PEM), readable by its owner alone. The secret that
patient references are hashed with is derived from it, so that there is one file to keep safe.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.errors import Fault, InputError, Place

PURPOSE = b"ivig-mg/patient-reference/1"


class Key:
    """The private key of a ledger."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @property
    def public(self) -> bytes:
        """The public key (32 bytes)."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text (64 bytes)."""
        return self._private.sign(text)

    def pseudonym(self, reference: str) -> str:
        """Return what stands for a patient reference: a keyed hash (64 hexadecimal digits)."""
        secret = HKDF(hashes.SHA256(), 32, salt=None, info=PURPOSE).derive(self._private.private_bytes_raw())
        return hmac.digest(secret, reference.encode(), "sha256").hex()


def verifies(public: bytes, signature: bytes, text: bytes) -> bool:
    """Say whether a signature of a text was made with the key that has this public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def make_key(path: Path) -> Key:
    """Return a new key, written into a new file; or the key that is there.

    Raises:
        InputError: when it can neither be written nor read.

    """
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.link(unfinished, path)  # whole or not at all, and never over another
        finally:
            unfinished.unlink(missing_ok=True)
    except FileExistsError:
        return read_key(path)
    except OSError as problem:
        found = f"the key of the ledger cannot be written: {problem.strerror}"
        raise InputError([Fault(found, "Choose another place with '--key FILE'.", Place(str(path)))]) from None
    return Key(private)


def read_key(path: Path) -> Key:
    """Return the key in a file.

    Raises:
        InputError: when there is none, or it is no key of a ledger.

    """
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as problem:
        found = f"the key of the ledger cannot be read: {problem.strerror}"
        raise InputError([Fault(found, "Name it with '--key FILE'.", Place(str(path)))]) from None
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        found = "this is not the key of a ledger (an Ed25519 key, PEM)"
        raise InputError([Fault(found, "Name the right file with '--key FILE'.", Place(str(path)))])
    return Key(private)
