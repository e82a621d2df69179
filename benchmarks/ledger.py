"""A ledger that grows: what one more entry costs, and how fast it is listed and verified.

``python -m benchmarks.ledger [ENTRIES]`` fills a ledger up to 1,000,000 entries, ten times as many at each
step; a million takes about 8 GB of disk, and some minutes.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from engine.auditing import verify
from engine.ledger import Ledger, begin_or_open
from engine.records import Recording
from tests.conftest import CASES, ROOT
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


def listed(ledger: Ledger) -> float:
    """Return how many entries a second the command lists, from its start to its last line."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "cli", "audit", "list", "--ledger", str(ledger.path)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return ledger.size / (time.perf_counter() - start)


def verified(ledger: Ledger) -> float:
    """Return how many entries a second are verified."""
    start = time.perf_counter()
    assert verify(ledger).breaches == ()
    return ledger.size / (time.perf_counter() - start)


def memory(whose: int) -> float:
    """Return how much memory was used at most, in megabytes."""
    return resource.getrusage(whose).ru_maxrss / 1000


def main(largest: int) -> None:
    """Print a table, a line a size."""
    source = recordings()
    first = 0.0
    with tempfile.TemporaryDirectory() as folder:
        ledger = begin_or_open(Path(folder) / "a.sqlite", Path(folder) / "a.key")
        print(
            "entries    one more   against the first   listed a second   its memory"
            "   verified a second   its memory   file"
        )
        size = 1000
        while size <= largest:
            filled(ledger, size, source)
            one_more = appended(ledger, source)
            first = first or one_more
            listing, verifying = listed(ledger), verified(ledger)
            stored = ledger.path.stat().st_size / 1e6
            print(
                f"{size:>9,}  {one_more:6.2f} ms   {one_more / first:14.2f} ×   {listing:15,.0f}"
                f"   {memory(resource.RUSAGE_CHILDREN):7,.0f} MB   {verifying:17,.0f}"
                f"   {memory(resource.RUSAGE_SELF):7,.0f} MB   {stored:,.0f} MB",
                flush=True,
            )
            size *= 10


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
