"""What can be said against a ledger: every changed byte, every entry removed, put elsewhere or cut off.

The tree's hashes stand in the same file as the entries, so whoever can write the file can also make a
whole other ledger of it. Only a checkpoint that was kept elsewhere tells that, and what was cut off at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine import merkle
from engine.checkpoints import Checkpoint
from engine.errors import KnowledgeError
from engine.ledger import HASH, Ledger, Progress, Row
from engine.receipts import digest, read_receipt
from engine.records import CONSULTATION, Entry, read_entry, stored, unpacked
from engine.snapshots import Snapshot, knowledge_of


class Breach(Struct, frozen=True):
    """Something that is not as it was recorded: the entry (None for the file as a whole), and what it is."""

    entry: int | None
    found: str


class Verification(Struct, frozen=True):
    """What a ledger is, and every breach found in it."""

    ledger: str
    size: int
    root: str
    """That of all entries; empty where there is none, and then ``rootless`` says why."""
    rootless: str
    breaches: tuple[Breach, ...]
    checkpoint: int | None = None
    """How many entries the checkpoint was about that it was held against."""
    unread: tuple[str, ...] = ()
    """The snapshots of knowledge that are as recorded, but that this program cannot read: no breach of the ledger."""


def verify(
    ledger: Ledger, checkpoint: Checkpoint | None = None, progress: Progress = lambda done: None
) -> Verification:
    """Return every breach of a ledger, and of a checkpoint where one is given."""
    return _Verifying(ledger, progress).verify(checkpoint)


def breaches(ledger: Ledger) -> Iterator[Breach]:
    """Yield every breach of a ledger, each as soon as it is found."""
    return _Verifying(ledger, lambda done: None).breaches(None)


class _Verifying:
    """One reading of a ledger: the tree so far, and the knowledge that its entries name."""

    def __init__(self, ledger: Ledger, progress: Progress) -> None:
        self.ledger = ledger
        self.progress = progress
        self.size, self.names = ledger.extent()
        """How many entries are verified, and the snapshots there are for them; more may be recorded meanwhile."""
        self.tree: merkle.Growing | None = merkle.Growing()
        self.rootless = ""
        """Why the tree ended before its last entry, if it did."""
        self.others: set[int] = set()
        """The entries that are no consultations, but decisions."""
        self.gaps: list[range] = []
        """The numbers of entries that are missing."""
        self.knowledge: dict[str, str | None] = {}
        """The digest of the knowledge in each snapshot; None where this program cannot read it."""
        self.used: dict[str, None] = {}
        self.strangers = 0
        self.roots: dict[int, bytes] = {}

    def verify(self, checkpoint: Checkpoint | None) -> Verification:
        found_breaches = tuple(self.breaches(checkpoint))
        found = self.roots.get(self.size, b"").hex() if self.size else merkle.EMPTY.hex()
        held = None if checkpoint is None else checkpoint.size
        return Verification(self.ledger.id, self.size, found, self.rootless, found_breaches, held, self.unread())

    def breaches(self, checkpoint: Checkpoint | None) -> Iterator[Breach]:
        """Yield every breach."""
        yield from self.file()
        yield from self.snapshots()
        yield from self.entries({self.size, checkpoint.size if checkpoint is not None else self.size})
        yield from self.beside()
        if checkpoint is not None:
            yield from self.against(checkpoint, self.size)

    # The file. -----------------------------------------------------------------------------

    def file(self) -> Iterator[Breach]:
        """Yield what is wrong with the file itself, down to the bytes that SQLite never reads."""
        for found in self.ledger.file_faults():
            yield Breach(None, found)

    def snapshots(self) -> Iterator[Breach]:
        for name, content in self.ledger.snapshots():
            found = Snapshot(content)
            if found.digest != name:
                yield Breach(None, f"knowledge snapshot {name[:16]}… was changed")
            else:
                yield from self.read_snapshot(name, found)

    def read_snapshot(self, name: str, snapshot: Snapshot) -> Iterator[Breach]:
        try:
            self.knowledge[name] = knowledge_of(snapshot).digest
        except KnowledgeError:
            self.knowledge[name] = None
        except ValueError:
            yield Breach(None, f"knowledge snapshot {name[:16]}… is not in the form of one")

    def unread(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in self.knowledge and self.knowledge[name] is None)

    # The entries. --------------------------------------------------------------------------

    def entries(self, wanted: set[int]) -> Iterator[Breach]:
        expected = 1
        for row, packed in self.ledger.everything():
            if row.number > self.size:
                break  # recorded since
            if row.number < expected:
                yield Breach(row.number, "no entry can have this number")
                continue
            if row.number > expected:
                yield self.missing(expected, row.number - 1)
            expected = row.number + 1
            yield from self.entry(row, packed)
            if self.tree is not None and self.tree.size in wanted:
                self.roots[self.tree.size] = self.tree.root()
            self.progress(row.number)

    def end_tree(self, why: str) -> None:
        self.tree, self.rootless = None, self.rootless or why

    def missing(self, first: int, last: int) -> Breach:
        """Return that some entries are missing; the tree ends there."""
        self.end_tree("an entry is missing")
        self.gaps.append(range(first, last + 1))
        return Breach(first, "it is missing" if first == last else f"it is missing, and so are those up to {last}")

    def entry(self, row: Row, packed: tuple[bytes, bytes] | None) -> Iterator[Breach]:
        """Yield what is wrong with an entry: its hashes, its place, its contents."""
        hashes = [row.hashes[i : i + HASH] for i in range(0, len(row.hashes), HASH)]
        is_its_own = hashes[:1] == [merkle.leaf_hash(row.leaf)]
        if not is_its_own:
            yield Breach(row.number, "it was changed: it is not what its hash was made of")
        if self.tree is not None and hashes != self.tree.add(hashes[0] if hashes else b""):
            yield Breach(row.number, "its hashes do not fit the entries before it")
            self.end_tree("the hashes do not fit")
        try:
            entry = read_entry(row.leaf)
        except ValueError:
            yield Breach(row.number, "it is not in the form of an entry")
            return
        if entry.number != row.number:
            yield Breach(row.number, f"entry {entry.number} stands in its place")
        if entry.kind != CONSULTATION:
            self.others.add(row.number)
        self.strangers += entry.ledger != self.ledger.id
        yield from (Breach(row.number, found) for found in self.contents(entry, packed))

    def contents(self, entry: Entry, packed: tuple[bytes, bytes] | None) -> Iterator[str]:
        """Yield what is wrong with what an entry names."""
        if entry.kind != CONSULTATION:
            is_missing = any(entry.to in gap for gap in self.gaps)
            if is_missing or entry.to in self.others or not 0 < entry.to < entry.number:
                yield f"it answers entry {entry.to}, which is no consultation"
            return
        if entry.snapshot not in self.knowledge:
            yield f"its knowledge snapshot {entry.snapshot[:16]}… is missing"
        elif self.knowledge[entry.snapshot] not in (None, entry.knowledge):
            yield "its knowledge snapshot is not of the knowledge that it names"
        self.used[entry.snapshot] = None
        if packed is None:
            yield "its receipt is missing"
            return
        receipt, shown = (_digested(part) for part in packed)
        if receipt is None or receipt[0] != entry.receipt:
            yield "its receipt was changed"
        elif shown is None or shown[0] != entry.shown:
            yield "the text that was shown was changed"
        elif stored(*packed) != entry.stored:
            yield "its receipt or the text shown was compressed anew"
        else:
            yield from _said_otherwise(entry, receipt[1])

    def beside(self) -> Iterator[Breach]:
        """Yield what stands in the file and belongs to no entry."""
        for number in self.ledger.loose_contents():
            yield Breach(number, "a receipt stands there that belongs to no consultation")
        if self.names != list(self.used):
            yield Breach(None, "the knowledge snapshots are not those of the entries, in the order of their first use")
        if self.strangers:
            found = f"what the ledger begins with was changed: {self.strangers} entries name another ledger"
            yield Breach(None, found)

    def against(self, checkpoint: Checkpoint, size: int) -> Iterator[Breach]:
        if checkpoint.size > size:
            last = (
                f"entries {size + 1} to {checkpoint.size} are" if checkpoint.size > size + 1 else f"entry {size + 1} is"
            )
            yield Breach(None, f"{last} missing; the checkpoint was made of {checkpoint.size} entries")
        elif checkpoint.size and self.roots.get(checkpoint.size) != checkpoint.root:
            yield Breach(None, f"entries 1 to {checkpoint.size} are not those that the checkpoint was made of")


def _digested(packed: bytes) -> tuple[str, bytes] | None:
    """Return what was compressed with its digest; None where it is damaged."""
    try:
        content = unpacked(packed)
    except ValueError:
        return None
    return digest(content), content


def _said_otherwise(entry: Entry, content: bytes) -> Iterator[str]:
    """Yield where an entry and its receipt say different things."""
    try:
        receipt = read_receipt(content)
    except ValueError:
        yield "its receipt is not in the form of one"
        return
    said = (receipt.status, receipt.applies, receipt.guideline.digest)
    if said != (entry.status, entry.applies, entry.knowledge):
        yield "it says other than its receipt"
