"""A ledger that grows: what one more entry costs, and how fast it is listed and verified.

``python -m benchmarks.ledger [ENTRIES]`` fills a ledger up to 1,000,000 entries, ten times as many at each
step; a million takes about 8 GB of disk, and some minutes.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from engine.auditing import verify
from engine.ledger import Ledger, begin_or_open
from engine.records import Recording
from engine.selection import Selection, select
from engine.usage import decisions
from tests.conftest import CASES
from tests.ledgers import SNAPSHOT, recorded

AT_ONCE = 1000
TIMED = 50


def recordings() -> Iterator[Recording]:
    """Yield recordings without end, of all worked cases in turn."""
    made = [recorded(case) for case in CASES]
    number = 0
    while True:
        one = made[number % len(made)]
        yield replace(one, entry=replace(one.entry, actor=f"Dr. {number % 97}"))
        number += 1


def filled(ledger: Ledger, size: int, source: Iterator[Recording]) -> None:
    """Fill a ledger up to a size; many entries at once, because only the size matters here."""
    ledger.database.execute("PRAGMA synchronous = OFF")
    while ledger.size < size:
        ledger.record_all([next(source) for _ in range(min(AT_ONCE, size - ledger.size))], SNAPSHOT)
    ledger.database.execute("PRAGMA synchronous = EXTRA")


def appended(ledger: Ledger, source: Iterator[Recording]) -> float:
    """Return the median time of recording one more, acknowledged when it is on disk, in milliseconds."""
    times = []
    for _ in range(TIMED):
        one = next(source)
        start = time.perf_counter()
        ledger.record(one, SNAPSHOT)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def measured(ledger: Ledger) -> tuple[float, float]:
    """Return how many entries a second are listed, and verified."""
    start = time.perf_counter()
    chosen = sum(1 for _ in select(ledger, Selection(statement="S12"), decisions(ledger)))
    listed = time.perf_counter() - start
    assert chosen
    start = time.perf_counter()
    assert verify(ledger).breaches == ()
    return ledger.size / listed, ledger.size / (time.perf_counter() - start)


def main(largest: int) -> None:
    """Print a table, a line a size."""
    source = recordings()
    first = 0.0
    with tempfile.TemporaryDirectory() as folder:
        ledger = begin_or_open(Path(folder) / "a.sqlite", Path(folder) / "a.key")
        print("entries    one more   against the first   listed a second   verified a second   file     memory")
        size = 1000
        while size <= largest:
            filled(ledger, size, source)
            one_more = appended(ledger, source)
            first = first or one_more
            listing, verifying = measured(ledger)
            stored = ledger.path.stat().st_size / 1e6
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            print(
                f"{size:>9,}  {one_more:6.2f} ms   {one_more / first:14.2f} ×   {listing:15,.0f}"
                f"   {verifying:17,.0f}   {stored:5,.0f} MB   {memory:,.0f} MB",
                flush=True,
            )
            size *= 10


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
