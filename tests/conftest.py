"""What many tests need: the shipped knowledge, compiled once, and a way to consult it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from engine.cases import Case, load_cases
from engine.compiler import RuleBase, compile_rules
from engine.consultation import Consultation, consult
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load
from engine.model import Knowledge

os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # no test writes to the ledger of whoever runs it
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # nor to the knowledge kept for them

HERE = Path(__file__).parent
ROOT = HERE.parent

BASE = compile_rules(load())
CASES = load_cases(SHIPPED)


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The shipped knowledge base."""
    return BASE.knowledge


@pytest.fixture(scope="session")
def base() -> RuleBase:
    """The shipped knowledge base, compiled."""
    return BASE


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    """The shipped worked cases."""
    return CASES


Consult = Callable[..., Consultation]


@pytest.fixture(scope="session")
def consult_mg(base: RuleBase) -> Consult:
    """Consult on a patient with MG, from findings as keywords; ``parameters`` is a mapping."""

    def consult_one(parameters: dict[str, object] | None = None, **findings: object) -> Consultation:
        words = {name: Given(str(value)) for name, value in {"diagnosis": "myasthenia_gravis", **findings}.items()}
        settings = {name: Given(str(value)) for name, value in (parameters or {}).items()}
        return consult(base, interpret(base.knowledge, words, settings))

    return consult_one


settings.register_profile("suite", deadline=None, max_examples=60)
settings.register_profile("campaign", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give tests to any process one by one, but those of Apache Spark to one process, which starts one Spark."""

    def together(name: str) -> str:
        file = name.split("::")[0]
        return file if file == "tests/test_spark.py" else name

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = together
    return scheduler
