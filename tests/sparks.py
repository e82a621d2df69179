"""Apache Spark for tests: installed where it is missing, and started."""

from __future__ import annotations

import configparser
import importlib.util
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine.errors import InputError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER = ROOT / "build" / "spark"
"""Where Apache Spark is installed for tests, and stays."""

STARTED = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # nothing runs long enough for Java to optimise it
    "spark.sql.shuffle.partitions": "2",
}


def start() -> SparkSession:
    """Start Apache Spark on two cores; the test is skipped where it or Java cannot be had."""
    install()
    from engine.cohorts import spark

    with pytest.MonkeyPatch.context() as patch:
        for name, value in STARTED.items():
            patch.setitem(spark.STARTED, name, value)
        try:
            return spark.start("local[2]")
        except InputError as problem:
            pytest.skip(f"{problem.faults[0].found}. {problem.faults[0].remedy}")


def install() -> None:
    """Let Apache Spark be imported: as it is installed, or else from a folder of the tests."""
    if importlib.util.find_spec("pyspark") is not None:
        return
    if not FOLDER.exists():
        unfinished = FOLDER.with_name("spark.unfinished")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(unfinished), requirement()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            said = done.stderr.strip().splitlines() or ["pip says nothing"]
            pytest.skip(f"Apache Spark is not installed, and pip cannot install it: {said[-1]}")
        unfinished.rename(FOLDER)
    sys.path.append(str(FOLDER))


def requirement() -> str:
    """Return what the extra ``spark`` requires of Apache Spark."""
    read = configparser.ConfigParser()
    read.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = read["options.extras_require"]["spark"].splitlines()
    return next(line for line in lines if line.startswith("pyspark"))
