"""The file that a ledger is kept in: its tables, how it is opened, and what SQLite says of it in words.

The only user of sqlite3.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from engine import pages
from engine.errors import Fault, InputError, Place

APPLICATION = 0x69766967
"""The number by which SQLite's file format names its application: 'ivig'."""

VERSION = 1

SQLITE = int("{}{:03}{:03}".format(*sqlite3.sqlite_version_info))
"""The version of SQLite in use, as the header of a file has it: 3040001 is 3.40.1."""

WAIT = 300.0
"""How long to wait for other processes that record at the same time, in seconds."""

PATIENCE = 1.5
"""After how long that is said, in seconds; no wait can be interrupted sooner."""

UNREADABLE = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""What reading a file raises that is no database, or is damaged: also where SQLite quotes what it cannot
read, and where a number leads beyond what it can count."""

TABLES = (
    "CREATE TABLE genesis (content BLOB NOT NULL) STRICT",
    "CREATE TABLE snapshots (number INTEGER PRIMARY KEY, digest TEXT NOT NULL, content BLOB NOT NULL) STRICT",
    "CREATE TABLE entries (number INTEGER PRIMARY KEY, leaf BLOB NOT NULL, hashes BLOB NOT NULL) STRICT",
    "CREATE TABLE contents (number INTEGER PRIMARY KEY, receipt BLOB NOT NULL, shown BLOB NOT NULL) STRICT",
)


class Database(sqlite3.Connection):
    """A connection that waits for other processes, and says so once: by ``waiting``."""

    waiting: Callable[[], None] | None = None

    def execute(self, query: str, values: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement, once no other process keeps the file locked."""
        waited = 0.0
        while True:
            try:
                return super().execute(query, values)
            except sqlite3.OperationalError as problem:  # noqa: PERF203 – each attempt may be refused anew
                waited += PATIENCE
                if "database is locked" not in str(problem) or waited >= WAIT:
                    raise
                if self.waiting is not None:
                    self.waiting()
                    self.waiting = None

    def gather(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query that takes long; unlike another, Ctrl-C ends it at once."""
        with ThreadPoolExecutor(1) as pool:  # while SQLite works, only another thread hears of Ctrl-C
            rows = pool.submit(lambda: self.execute(query).fetchall())
            try:
                return rows.result()
            except KeyboardInterrupt:
                self.interrupt()
                raise


class _NotALedgerError(Exception):
    """A database is not a ledger that this program knows: what was found, and what to do."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found, self.remedy = found, remedy


def connected(
    path: Path, prepare: Callable[[Database], None] = lambda database: None, waiting: Callable[[], None] | None = None
) -> Database:
    """Return a connection to the file of a ledger, once it was prepared; ``waiting`` is told of a long wait.

    Raises:
        InputError: when it cannot be opened, or is not a ledger that this program knows.

    """
    database = None
    try:
        database = sqlite3.connect(
            path, timeout=min(PATIENCE, WAIT), isolation_level=None, check_same_thread=False, factory=Database
        )
        database.waiting = waiting
        database.execute(f"PRAGMA page_size = {pages.PAGE}")
        database.execute("PRAGMA synchronous = EXTRA")  # a rollback journal is gone from the disk before the answer
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA trusted_schema = OFF")
        prepare(database)
        _require_ledger(database)
    except UNREADABLE as problem:
        _close(database)
        raise cannot(path, problem) from None
    except _NotALedgerError as problem:
        _close(database)
        raise InputError([Fault(problem.found, problem.remedy, Place(str(path)))]) from None
    return database


def size_of(path: Path) -> int | None:
    """Return how many bytes a file has, 0 where there is none; None for what is not a file.

    Raises:
        InputError: when that cannot be told.

    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as problem:
        found = f"the ledger cannot be opened: {problem.strerror}"
        raise InputError([Fault(found, "Check the path and its permissions.", Place(str(path)))]) from None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def make_folder(path: Path) -> None:
    """Make the folder of a file, unless it is there.

    Raises:
        InputError: when it cannot be made.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise _unwritable(path, problem) from None


def make_file(path: Path) -> None:
    """Make a file that its owner alone can read, unless it is there.

    Raises:
        InputError: when it cannot be made or written.

    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as problem:
        raise _unwritable(path, problem) from None


def close_to_others(path: Path) -> str:
    """Let nobody but its owner read a file; return in words whom else it was open to, nothing if to nobody."""
    try:
        if os.name != "posix" or not path.stat().st_mode & 0o077:
            return ""
        path.chmod(0o600)
    except FileNotFoundError:
        return ""
    except OSError:
        return f"{path} can be read by others than its owner, who can end that: chmod 600 {path}\n"
    return f"{path} could be read by others than its owner; now it cannot.\n"


def _unwritable(path: Path, problem: OSError) -> InputError:
    found = f"the ledger cannot be written here: {problem.strerror or problem}"
    return InputError([Fault(found, "Choose another place with '--ledger FILE'.", Place(str(path)))])


def begin(database: Database, genesis: Callable[[], bytes]) -> None:
    """Make the tables, and write what the ledger begins with, unless another process was first."""
    if database.execute("PRAGMA schema_version").fetchone()[0] != 0:
        return
    content = genesis()
    database.execute("BEGIN EXCLUSIVE")
    try:
        if database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            for table in TABLES:
                database.execute(table)
            database.execute("INSERT INTO genesis VALUES (?)", (content,))
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def structure_faults(database: Database, path: Path, written_by: Callable[[], int]) -> list[str]:
    """Return what is wrong with a file, whatever its entries say; ``written_by`` gives the version of SQLite by them.

    Who records meanwhile waits: until the file is closed here, which lets go of every lock of this process on it.
    """
    try:
        with open(path, "rb") as file:
            return _structure_faults(database, file, written_by)
    except OSError as problem:
        return [f"the file is damaged: {problem}"]


def _structure_faults(database: Database, file: BinaryIO, written_by: Callable[[], int]) -> list[str]:
    try:
        database.execute("BEGIN")
        found = [
            f"the file is damaged: {row[0]}" for row in database.gather("PRAGMA integrity_check") if row[0] != "ok"
        ]
        found += _schema_faults(database)
        if not found:
            found += pages.faults(file, _tables(database))
        found += pages.header_faults(file, APPLICATION, VERSION, len(TABLES), written_by())
        database.execute("COMMIT")
    except (*UNREADABLE, OSError, OverflowError) as problem:
        if database.in_transaction:
            database.execute("ROLLBACK")
        return [f"the file is damaged: {problem}"]
    return found


def _schema_faults(database: Database) -> Iterator[str]:
    """Yield what is wrong with what the file says of its tables, and with rows that have no entry to hold them."""
    names = [table.split()[2] for table in TABLES]
    expected = [(number, "table", name, name, TABLES[number - 1]) for number, name in enumerate(names, 1)]
    if (
        database.execute("SELECT rowid, type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid").fetchall()
        != expected
    ):
        yield "what it says of its tables was changed"
    if database.execute("SELECT rowid FROM genesis").fetchall() != [(1,)]:
        yield "what the ledger begins with stands elsewhere, or more than once"
    numbers = [row[0] for row in database.execute("SELECT number FROM snapshots ORDER BY number")]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "the knowledge snapshots have other numbers"


def _tables(database: Database) -> list[pages.Table]:
    """Return the tables, SQLite's own first."""
    roots = dict(database.execute("SELECT name, rootpage FROM sqlite_schema"))
    counts = {name: len(database.execute(f"PRAGMA table_info({name})").fetchall()) for name in roots}
    return [
        pages.Table(1, 5, False),
        *(pages.Table(root, counts[name], counts[name] > 1) for name, root in roots.items()),
    ]


def _require_ledger(database: Database) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise _NotALedgerError("this is not a ledger of this program", "Name another file with '--ledger FILE'.")
    if version != VERSION:
        found = f"this ledger has format {version}; this program knows format {VERSION}"
        raise _NotALedgerError(found, "Use the version of the program that wrote it, or a newer one.")


def _close(database: Database | None) -> None:
    if database is not None:
        database.close()


SAID = {
    "locked": ("another process keeps it locked", "Try again when that one is done."),
    "full": ("the disk is full; nothing was recorded", "Free some space, and run the command again."),
    "readonly": ("it cannot be written to; nothing was recorded", "Check its permissions."),
    "unable to open": ("it cannot be opened", "Check the path and its permissions."),
    "not a database": ("this is not a ledger of this program", "Name another file with '--ledger FILE'."),
    "I/O error": ("the disk cannot be read or written; nothing was recorded", "Check the disk, and its space."),
}
"""What SQLite says, by a part of its message, and what to do."""


def cannot(path: Path, problem: Exception) -> InputError:
    """Return in words what SQLite says."""
    for part, (found, remedy) in SAID.items():
        if part in str(problem):
            return InputError([Fault(f"the ledger: {found}", remedy, Place(str(path)))])
    stated, there = pages.stated_length(path), path.stat().st_size
    if there < stated:
        return damaged(path, f"it was cut off: {there} of its {stated} bytes are left")
    return damaged(path, f"it is damaged ({problem})")


def damaged(path: Path, found: str) -> InputError:
    """Return that a ledger is damaged."""
    return InputError([Fault(f"the ledger: {found}", "Restore it from a copy.", Place(str(path)))])
