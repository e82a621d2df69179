"""How much of a long work is done, told from time to time while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

Progress = Callable[[float], None]
"""Takes the share that is done, from 0 to 1."""

PULSE_S = 0.2
"""How many seconds go by between one share and the next."""


def untold(share: float) -> None:
    """Tell nobody what share is done."""


@contextmanager
def telling(done: Callable[[], float], progress: Progress) -> Iterator[None]:
    """Tell while something is done what share of it is; an estimate may go back, what is told does not."""
    is_over = threading.Event()

    def tell() -> None:
        furthest = 0.0
        while not is_over.wait(PULSE_S):
            furthest = min(max(furthest, done()), 1.0)
            progress(furthest)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
        teller.join()


def watch(database: duckdb.DuckDBPyConnection) -> Callable[[], float]:
    """Return what says what share of its query a database has done."""
    database.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")

    def done() -> float:
        try:
            return max(0.0, database.query_progress()) / 100
        except duckdb.Error:  # it was closed meanwhile
            return 0.0

    return done
