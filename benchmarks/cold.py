"""The cold command against the bare imports, as whole processes in turn.

    python -m benchmarks.cold

Both start a fresh interpreter. The bare imports are ``import experta, click, yaml``, with the one
name lent that experta needs on Python 3.10 and later. Byte code is compiled beforehand, as it is
in an installed program, which is entered as here; the knowledge was read by a command before.
"""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 25
COMMAND = "from cli import main; main()"
BARE = "import collections, collections.abc; collections.Mapping = collections.abc.Mapping; import experta, click, yaml"


def seconds(command: list[str]) -> float:
    """Return the seconds that a process takes, from start to last byte."""
    start = time.perf_counter()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return time.perf_counter() - start


def main() -> None:
    """Time pairs of processes and print the median ratio."""
    for path in ("engine", "cli.py"):
        (compileall.compile_dir if (ROOT / path).is_dir() else compileall.compile_file)(str(ROOT / path), quiet=1)
    ours = [sys.executable, "-c", COMMAND, "consult", "examples/crisis.yaml"]
    bare = [sys.executable, "-c", BARE]
    seconds(ours), seconds(bare)
    pairs = [(seconds(ours), seconds(bare)) for _ in range(PAIRS)]
    print(f"cold consult:  {statistics.median(a for a, _ in pairs) * 1000:6.0f} ms, median of {PAIRS}")
    print(f"bare imports:  {statistics.median(b for _, b in pairs) * 1000:6.0f} ms")
    print(f"ratio:         {statistics.median(a / b for a, b in pairs):6.2f}")


if __name__ == "__main__":
    main()
