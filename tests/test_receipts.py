"""Receipts: canonical, complete, and without words or identifiers."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from engine import __version__
from engine.compiler import compile_rules
from engine.consultation import consult
from engine.contract import consultation_data
from engine.findings import Given, interpret
from engine.loading import load
from engine.receipts import canonical, digest, receipt
from engine.skeletons import begin_base
from tests.conftest import BASE, CASES


def receipt_of(number: int) -> tuple[bytes, dict[str, object]]:
    case = CASES[number]
    consultation = consult(BASE, interpret(BASE.knowledge, case.findings, case.parameters))
    return canonical(receipt(consultation)), consultation_data(consultation)


@given(st.sampled_from(range(len(CASES))))
def test_a_receipt_is_canonical_json_and_the_same_every_time(number: int) -> None:
    content, _ = receipt_of(number)
    assert rfc8785.dumps(json.loads(content)) == content
    assert receipt_of(number)[0] == content


@given(st.sampled_from(range(len(CASES))))
def test_a_receipt_tells_all_that_decided(number: int) -> None:
    content, contract = receipt_of(number)
    found = json.loads(content)
    assert found["engine"] == __version__
    assert found["guideline"]["digest"] == BASE.knowledge.digest
    for key in ("findings", "unknown", "status"):
        assert found[key] == json.loads(canonical(contract[key]))
    assert [step["rule"] for step in found["trace"]] == [step["rule"] for step in contract["trace"]]  # type: ignore[attr-defined]
    ruled_out = {s["id"] for s in found["statements"] if s["verdict"] == "ruled_out"}
    told = {step["rule"]: step["premises"] for step in found["trace"] if step["verdict"] == "ruled_out"}
    assert all(told[name] for name in ruled_out)  # each with the test that failed


@given(st.sampled_from(range(len(CASES))))
def test_a_receipt_holds_no_sentence_of_the_knowledge(number: int) -> None:
    content = receipt_of(number)[0].decode()
    assert not any(statement.says in content for statement in BASE.knowledge.statements.values())


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=0, max_value=10**12))
def test_an_exact_decimal_keeps_every_digit(number: Decimal) -> None:
    assert Decimal(json.loads(canonical({"x": number}))["x"]) == number


def test_a_finding_may_have_any_name(tmp_path: Path) -> None:
    begin_base(tmp_path / "base")
    for file in (tmp_path / "base").rglob("*.yaml"):
        text = file.read_text(encoding="utf-8").replace("when: ill", "when: reason").replace("\nill:", "\nreason:")
        file.write_text(text, encoding="utf-8")
    base = compile_rules(load(tmp_path / "base"))
    findings = interpret(base.knowledge, {"diagnosis": Given("covered"), "reason": Given("yes")})
    assert receipt(consult(base, findings))["findings"] == {"diagnosis": "covered", "reason": "yes"}


def test_the_digest_is_that_of_the_bytes() -> None:
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
