"""Every proof about a knowledge base, on the shipped one and on larger ones of the same shape.

    python -m benchmarks.proofs

The larger bases have 70, 300 and 1,000 statements (``benchmarks.synthetic``). Times are ratios to that of the
shipped base: how many times as long in all, and how many times as long a statement.
"""

from __future__ import annotations

import statistics
import time

from benchmarks.synthetic import synthetic
from engine.loading import load
from engine.model import Knowledge
from engine.proofs import prove

ROUNDS = 3
SIZES = (70, 300, 1000)


def seconds(knowledge: Knowledge) -> float:
    """Return the seconds that all proofs take."""
    start = time.perf_counter()
    prove(knowledge)
    return time.perf_counter() - start


def main() -> None:
    """Time the shipped base, then each of the larger ones against it."""
    shipped = load()
    unit = statistics.median(seconds(shipped) for _ in range(ROUNDS))
    print(f"shipped base: {len(shipped.statements)} statements, {unit:.1f} s, median of {ROUNDS}\n")
    print("statements  findings  rules  seconds  times as long  times as long a statement")
    for size in SIZES:
        knowledge = synthetic(size)
        taken = seconds(knowledge)
        each = taken / unit * len(shipped.statements) / size
        counts = f"{size:10}  {len(knowledge.findings):8}  {len(knowledge.rules):5}"
        print(f"{counts}  {taken:7.1f}  {taken / unit:13.0f}  {each:25.1f}")


if __name__ == "__main__":
    main()
