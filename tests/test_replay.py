"""Same findings, same knowledge, same bytes: in every process, hash seed and supported Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAM = """
import hashlib, sys
from engine.cases import load_cases
from engine.compiler import compile_rules
from engine.consultation import consult
from engine.contract import consultation_data, to_json
from engine.findings import interpret
from engine.loading import SHIPPED, load

base = compile_rules(load())
for case in load_cases(SHIPPED):
    text = to_json(consultation_data(consult(base, interpret(base.knowledge, case.findings, case.parameters))))
    print(case.name, hashlib.sha256(text.encode()).hexdigest())
"""


def digests(python: str, seed: int, cwd: Path) -> str:
    """Return the digest of the JSON of every worked case, from a fresh process."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    environment.pop("PYTHONPATH", None)
    command = [python, "-c", PROGRAM]
    return subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def here() -> str:
    """The digests in this Python, under one hash seed."""
    return digests(sys.executable, 0, ROOT)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_bytes_do_not_depend_on_the_hash_seed(here: str, seed: int) -> None:
    assert digests(sys.executable, seed, ROOT) == here
    assert len(here.splitlines()) >= 120


def interpreter(version: str) -> str | None:
    """Return a Python of that version: one on the path, or one that pyenv keeps."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *map(str, sorted(kept.glob(f"{version}.*/bin/python")))]
    for python in filter(None, found):
        question = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(question, capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return python
    return None


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_the_bytes_do_not_depend_on_the_python(here: str, version: str, tmp_path: Path) -> None:
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        pytest.skip(f"Python {version} is the one that runs these tests")
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed here")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True, capture_output=True)
    inside = str(tmp_path / "venv" / "bin" / "python")
    copy = shutil.copytree(ROOT, tmp_path / "source", ignore=shutil.ignore_patterns(".*", "build", "*.egg-info"))
    install = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(copy)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert digests(inside, 5, tmp_path) == here


def test_the_smallest_changes_are_told_alike_under_any_hash_seed(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text("findings: {diagnosis: myasthenia_gravis, hospital_admission_needed: yes, actual_weight_kg: 30}\n")
    words = [sys.executable, "-m", "cli", "explain", str(case), "why-not", "S59", "--format", "json"]
    said = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        said.add(subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout)
    assert len(said) == 1
