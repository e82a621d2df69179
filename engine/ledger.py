"""The ledger: one file to which entries are only ever added.

Each entry is one transaction, on disk before it is acknowledged. With each stand the hashes of the
subtrees that it completes (`merkle`), so that adding one costs the same whatever the size.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from engine import merkle, storage
from engine.errors import Fault, InputError, Place, did_you_mean, shortened
from engine.keys import make_key
from engine.receipts import canonical, digest, read_receipt
from engine.records import CONSULTATION, GREATEST, Entry, Recording, Whole, read_entry, unpacked
from engine.snapshots import Snapshot
from engine.storage import SQLITE, UNREADABLE, Database, cannot, damaged

FORMAT = "ivig-mg/ledger/1"

HASH = 32
"""How many bytes a hash has."""

FIRST = -(2**63)
"""The least number that a row can have."""

BATCH = 500
"""How many entries are read at a time."""


Progress = Callable[[int], None]
"""What is told the number of each entry that was done."""


class Genesis(Struct, frozen=True):
    """What a ledger begins with; its digest is the ledger's id, so that an id stands for one key."""

    format: str
    nonce: str
    public_key: str
    sqlite: Whole


class Row(Struct, frozen=True):
    """An entry as it stands in the file: its number, its leaf, and the hashes that it completes."""

    number: int
    leaf: bytes
    hashes: bytes


class Ledger:
    """An open ledger."""

    def __init__(self, path: Path, database: Database) -> None:
        self.path = path
        self.database = database
        [content] = self._one("SELECT content FROM genesis", ()) or (b"",)
        content = content if isinstance(content, bytes) else b""
        self.id = digest(content)
        try:
            self.genesis = msgspec.json.decode(content, type=Genesis)
            self.public = bytes.fromhex(self.genesis.public_key)
        except (ValueError, RecursionError):
            raise damaged(path, "what it begins with is damaged") from None

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    # Reading. ------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Tell what SQLite says of the file in words.

        Raises:
            InputError: when the file cannot be read or written.

        """
        try:
            yield
        except UNREADABLE as problem:
            if self.database.in_transaction:  # what reads the file now lets go of its locks
                self.database.execute("ROLLBACK")
            raise cannot(self.path, problem) from None

    def _one(self, query: str, values: Sequence[object]) -> tuple[object, ...] | None:
        with self.reading():
            found: tuple[object, ...] | None = self.database.execute(query, values).fetchone()
        return found

    @property
    def size(self) -> int:
        """How many entries there are."""
        [last] = self._one("SELECT max(number) FROM entries", ()) or (None,)
        return last if isinstance(last, int) else 0

    def extent(self) -> tuple[int, list[str]]:
        """Return how many entries there are, and the digests of the snapshots of knowledge, both at one moment."""
        with self.reading(), self._transaction("DEFERRED"):
            names = self.database.execute("SELECT digest FROM snapshots ORDER BY number").fetchall()
            return self.size, [str(name) for (name,) in names]

    def rows(self, first: int = 1) -> Iterator[Row]:
        """Yield the entries from a number on, as they stand."""
        for number, leaf, hashes in self._batches("SELECT number, leaf, hashes FROM entries", first):
            yield Row(number, _bytes(leaf), _bytes(hashes))

    def entries(self, first: int = 1) -> Iterator[Entry]:
        """Yield the entries from a number on.

        Raises:
            InputError: at one that is damaged.

        """
        for row in self.rows(first):
            yield self._read(row)

    def _read(self, row: Row) -> Entry:
        try:
            entry = read_entry(row.leaf)
        except ValueError:
            entry = None
        if entry is None or entry.number != row.number or row.hashes[:HASH] != merkle.leaf_hash(row.leaf):
            raise damaged(self.path, f"entry {row.number} is damaged")
        return entry

    def everything(self) -> Iterator[tuple[Row, tuple[bytes, bytes] | None]]:
        """Yield the entries as they stand, each with its receipt and the text shown, compressed, where it has them."""
        query = "SELECT number, leaf, hashes, receipt, shown FROM entries LEFT JOIN contents USING (number)"
        for number, leaf, hashes, receipt, shown in self._batches(query, FIRST):
            row = Row(number, _bytes(leaf), _bytes(hashes))
            yield row, None if receipt is None else (_bytes(receipt), _bytes(shown))

    def _batches(self, query: str, first: int) -> Iterator[tuple[Any, ...]]:
        """Yield rows by number, a batch at a time, so that who records meanwhile need not wait for who reads."""
        while True:
            with self.reading():
                batch = self.database.execute(
                    f"{query} WHERE number >= ? ORDER BY number LIMIT ?", (first, BATCH)
                ).fetchall()
            yield from batch
            if len(batch) < BATCH:
                return
            first = batch[-1][0] + 1

    def file_faults(self) -> list[str]:
        """Return what is wrong with the file, whatever its entries say; who records meanwhile waits."""
        return storage.structure_faults(self.database, self.path, self._written_by)

    def _written_by(self) -> int:
        """Return the version of SQLite that wrote the file last, by its last entry."""
        row = self._one("SELECT leaf FROM entries ORDER BY number DESC LIMIT 1", ())
        try:
            return self.genesis.sqlite if row is None else read_entry(_bytes(row[0])).sqlite
        except ValueError:
            return 0

    def loose_contents(self) -> list[int]:
        """Return the numbers under which contents stand, but no consultation."""
        query = (
            "SELECT number FROM contents WHERE number NOT IN (SELECT number FROM entries)"
            " UNION SELECT number FROM contents JOIN entries USING (number)"
            ' WHERE instr(leaf, \'"kind":"consultation"\') = 0'
        )
        with self.reading():
            return [row[0] for row in self.database.gather(query)]

    def entry(self, number: int) -> Entry:
        """Return the entry with a number.

        Raises:
            InputError: when there is none, or it is damaged.

        """
        row = self._one("SELECT leaf, hashes FROM entries WHERE number = ?", (number,))
        if row is None:
            size = self.size
            known = f"Its entries are 1 to {size}." if size else "It has none yet."
            raise InputError([Fault(f"there is no entry {number} in the ledger", known, Place(str(self.path)))])
        return self._read(Row(number, *map(_bytes, row)))

    def contents(self, entry: Entry) -> tuple[bytes, bytes]:
        """Return the receipt of a consultation, and the text that was shown.

        Raises:
            InputError: when they are missing, damaged, not those that were recorded, or in no such form.

        """
        row = self._one("SELECT receipt, shown FROM contents WHERE number = ?", (entry.number,))
        try:
            receipt, shown = (unpacked(_bytes(part)) for part in row or ())
        except ValueError:
            receipt = shown = b""
        if (digest(receipt), digest(shown)) != (entry.receipt, entry.shown):
            found = f"what entry {entry.number} holds is not what was recorded"
            raise InputError([Fault(found, "'ivig-mg audit verify' says what is altered.", Place(str(self.path)))])
        try:
            read_receipt(receipt)
            shown.decode()
        except ValueError:
            found = f"what entry {entry.number} holds is not in the form of a receipt and a text"
            raise damaged(self.path, found) from None
        return receipt, shown

    def snapshots(self) -> Iterator[tuple[str, bytes]]:
        """Yield the digest of each snapshot of knowledge, and the snapshot as it stands."""
        with self.reading():
            for name, content in self.database.execute("SELECT digest, content FROM snapshots ORDER BY number"):
                yield str(name), _bytes(content)

    def snapshot(self, name: str) -> Snapshot:
        """Return the snapshot with a digest.

        Raises:
            ValueError: when it is missing or damaged.

        """
        row = self._one("SELECT content FROM snapshots WHERE digest = ?", (name,))
        if row is None:
            raise ValueError("missing")
        found = Snapshot(_bytes(row[0]))
        if found.digest != name:
            raise ValueError("damaged")
        return found

    def completed(self, last: int, level: int) -> bytes:
        """Return the hash of a full subtree by its last leaf, counted from 0, and its level.

        Raises:
            InputError: when it is missing.

        """
        row = self._one("SELECT substr(hashes, ?, ?) FROM entries WHERE number = ?", (HASH * level + 1, HASH, last + 1))
        if row is None or not isinstance(row[0], bytes) or len(row[0]) != HASH:
            raise damaged(self.path, f"the hashes of entry {last + 1} are missing")
        return row[0]

    def root(self, size: int) -> bytes:
        """Return the root of the tree of the first entries."""
        return merkle.root(size, self.completed)

    # Writing. ------------------------------------------------------------------------------

    def record(self, recording: Recording, snapshot: Snapshot) -> Entry:
        """Add a consultation, and return its entry once it is on disk.

        Raises:
            InputError: when it cannot be written; then nothing was.

        """
        [entry] = self.record_all([recording], snapshot)
        return entry

    def record_all(self, recordings: Sequence[Recording], snapshot: Snapshot) -> list[Entry]:
        """Add consultations under one knowledge, all or none."""
        with self.reading(), self._transaction():
            self._keep(snapshot)
            entries = []
            for one in recordings:
                entry = self._append(one.entry)
                self.database.execute("INSERT INTO contents VALUES (?, ?, ?)", (entry.number, one.receipt, one.shown))
                entries.append(entry)
        return entries

    def respond(self, response: Entry) -> Entry:
        """Add a clinician's decision on a consultation, and return its entry once it is on disk.

        Raises:
            InputError: when the entry that it answers is none of a consultation, or considered no such statement.

        """
        answered = self.entry(response.to)
        if answered.kind != CONSULTATION:
            found = f"entry {response.to} is not a consultation"
            raise InputError([Fault(found, "Give the number of a consultation: 'ivig-mg audit list'.")])
        if response.about:
            self._require_considered(answered, response.about)
        with self.reading(), self._transaction():
            return self._append(response)

    def _require_considered(self, entry: Entry, names: Sequence[str]) -> None:
        considered = read_receipt(self.contents(entry)[0]).considered
        faults = [
            Fault(
                f"'{shortened(name)}' is no statement or conflict that entry {entry.number} considered",
                did_you_mean(name, considered) or f"'ivig-mg audit trace {entry.number}' lists them.",
            )
            for name in names
            if name not in considered
        ]
        if faults:
            raise InputError(faults)

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self.database.execute(f"BEGIN {kind}")
        try:
            yield
            self.database.execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            raise

    def _append(self, unnumbered: Entry) -> Entry:
        number = self.size + 1
        if number > GREATEST:
            raise damaged(self.path, f"entry {self.size} is damaged")
        entry = replace(unnumbered, number=number, ledger=self.id, sqlite=SQLITE)
        leaf = entry.leaf
        hashes = merkle.complete(number - 1, merkle.leaf_hash(leaf), self.completed)
        self.database.execute("INSERT INTO entries VALUES (?, ?, ?)", (number, leaf, b"".join(hashes)))
        return entry

    def _keep(self, snapshot: Snapshot) -> None:
        name = snapshot.digest
        if self._one("SELECT 1 FROM snapshots WHERE digest = ?", (name,)) is None:
            self.database.execute("INSERT INTO snapshots (digest, content) VALUES (?, ?)", (name, snapshot.content))


def _bytes(value: object) -> bytes:
    """Return a value of the file, or nothing where it is not of the kind that is kept there."""
    return value if isinstance(value, bytes) else b""


# Opening. ----------------------------------------------------------------------------------


def open_ledger(path: Path, waiting: Callable[[], None] | None = None) -> Ledger:
    """Return the ledger in a file; ``waiting`` is told once when another process keeps it locked.

    Raises:
        InputError: when there is none, it cannot be read, or it is not a ledger that this program knows.

    """
    size = storage.size_of(path)
    if not size:
        found = "this is not a file" if size is None else "there is no ledger here yet"
        remedy = "Record a consultation with 'consult --record', or name another file with '--ledger FILE'."
        raise InputError([Fault(found, remedy, Place(str(path)))])
    return Ledger(path, storage.connected(path, waiting=waiting))


def begin_or_open(path: Path, key: Path, waiting: Callable[[], None] | None = None) -> Ledger:
    """Return the ledger in a file, beginning it, and its key, where there is none yet.

    ``waiting`` is told once when another process keeps it locked.

    Raises:
        InputError: when it can be neither begun nor opened.

    """

    def genesis() -> bytes:
        made = Genesis(FORMAT, secrets.token_hex(16), make_key(key).public.hex(), SQLITE)
        return canonical(msgspec.to_builtins(made))

    if not storage.size_of(path):
        storage.make_folder(path)
        make_key(key)  # first, so that no empty ledger is left where it cannot be written
    storage.make_file(path)
    return Ledger(path, storage.connected(path, lambda database: storage.begin(database, genesis), waiting))
