"""How much of a long work is done, told from time to time while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event
from typing import TypeVar

import duckdb

T = TypeVar("T")

Progress = Callable[[float], None]
"""Takes the share that is done, from 0 to 1."""

PULSE_S = 0.2
"""How many seconds go by between one share and the next."""


def untold(share: float) -> None:
    """Tell nobody what share is done."""


def run(
    work: Callable[[Event], T], database: duckdb.DuckDBPyConnection, done: Callable[[], float], tell: Progress
) -> T:
    """Return what some work with a database comes to, and tell meanwhile what share of it is done.

    It goes on in a thread of its own: while DuckDB works, it hears of no Ctrl-C. That ends its query here, and sets the
    event that what the work does besides looks at; a further one is not needed, and changes nothing.
    """
    stopped = Event()
    with ThreadPoolExecutor(1) as worker:
        running = worker.submit(work, stopped)
        shares = rising(done)
        try:
            while not wait([running], PULSE_S).done:
                tell(next(shares))
        except BaseException:
            stopped.set()
            _end(running, database)
            raise
        return running.result()


def _end(running: Future[T], database: duckdb.DuckDBPyConnection) -> None:
    """Wait for some work to end, and end whatever query it has begun."""
    while not running.done():
        with suppress(KeyboardInterrupt):
            database.interrupt()
            wait([running], PULSE_S)


def rising(done: Callable[[], float]) -> Iterator[float]:
    """Yield what share is done, over and over; an estimate may go back, this does not."""
    furthest = 0.0
    while True:
        furthest = min(max(furthest, done()), 1.0)
        yield furthest


def watch(database: duckdb.DuckDBPyConnection) -> Callable[[], float]:
    """Return what says what share of its query a database has done."""
    database.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    return lambda: max(0.0, database.query_progress()) / 100
