"""Replay and impact: old consultations once more, under their knowledge or another."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import receipts
from engine import replay as module
from engine.conditions import Judge
from engine.consultation import consult, evaluate
from engine.errors import InputError
from engine.findings import interpret
from engine.ledger import Ledger
from engine.loading import SHIPPED, load
from engine.replay import consultations, differences, findings_of, impact, replay
from engine.snapshots import knowledge_of, snapshot_of
from tests.bases import added, changed, copied
from tests.conftest import BASE, CASES
from tests.ledgers import SNAPSHOT, ledger_of, spread

LAYER = SHIPPED / "layers" / "product_label"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger that holds all worked cases."""
    return ledger_of(tmp_path_factory.mktemp("ledger") / "a.sqlite", CASES)


def test_every_worked_case_replays_byte_for_byte(ledger: Ledger) -> None:
    found = [replay(ledger, entry) for entry in consultations(ledger)]
    assert len(found) == len(CASES)
    assert [one for one in found if one.differences or one.engine] == []


def test_a_snapshot_gives_back_the_knowledge_and_its_layers() -> None:
    assert knowledge_of(SNAPSHOT).digest == load().digest
    laid = load(SHIPPED, [LAYER])
    assert knowledge_of(snapshot_of(laid, SHIPPED, [LAYER])) == laid


def test_knowledge_that_changed_meanwhile_is_not_recorded(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    knowledge = load(folder)
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years >= 65 years")
    with pytest.raises(InputError, match="was changed while it was in use; nothing was recorded"):
        snapshot_of(knowledge, folder, [])


def test_an_engine_that_concludes_otherwise_is_told_in_words(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = next(entry for entry in consultations(ledger) if "S57" in entry.applies)

    def otherwise(consultation: object) -> dict[str, object]:
        content = receipts.receipt(consultation)  # type: ignore[arg-type]
        content["status"] = "undetermined"
        content["statements"][0]["verdict"] = "ruled_out"
        return content

    monkeypatch.setattr(module, "receipt", otherwise)
    found = replay(ledger, entry)
    assert f"status: {entry.status} → undetermined" in found.differences
    assert any(text.startswith("statements.S01.verdict: ") for text in found.differences)


def test_another_version_of_the_engine_is_named_and_not_a_difference(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "__version__", "9.9.9")
    entry = next(consultations(ledger))
    found = replay(ledger, entry)
    assert (found.differences, found.engine) == ((), "0.1.0")


def test_differences_name_the_entry_by_its_id() -> None:
    before = {"doses": [{"total_g": "1"}], "statements": [{"id": "S01", "because": ["a"]}], "x": [1]}
    now = {"doses": [{"total_g": "2"}], "statements": [{"id": "S01", "because": []}], "x": [1, 2]}
    assert list(differences(before, now)) == [
        "doses.1.total_g: 1 → 2",
        "statements.S01.because: a → none",
        "x: 1 → 1, 2",
    ]
    assert list(differences(before, before)) == []


def test_impact_names_the_statement_responsible_and_exactly_the_consultations(ledger: Ledger, tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years > 70 years")
    new = load(folder)
    found = impact(ledger, folder)
    assert {change.responsible for change in found.changes} == {"S18"}
    named = {number for change in found.changes for number in change.entries}
    expected = set()
    for number, case in enumerate(CASES, 1):
        before, after = (
            evaluate(Judge(k, interpret(k, case.findings, case.parameters))).verdicts["S18"].verdict
            for k in (BASE.knowledge, new)
        )
        if before != after:
            expected.add(number)
    assert named == expected
    assert found.affected == len(expected) > 0
    assert any("A46" in change.follows for change in found.changes)


def test_impact_of_other_words_alone_is_told(ledger: Ledger, tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "statements/crisis.yaml", "says: In sepsis, IVIG is safer", "says: In sepsis IVIG is safer")
    [change] = impact(ledger, folder).changes
    assert change.responsible == "S17"
    assert change.after.startswith("applies; In sepsis IVIG")
    assert set(change.entries) == {e.number for e in consultations(ledger) if "S17" in e.applies}


def test_impact_of_a_changed_dose_is_told(ledger: Ledger, tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    old = "{total: 2 g/kg, over: 5 days, weight: not stated}"
    changed(folder, "statements/preoperative.yaml", old, old.replace("5 days", "4 days"))
    found = impact(ledger, folder)
    assert {change.responsible for change in found.changes} == {"S36"}


def test_the_same_knowledge_has_no_impact(ledger: Ledger) -> None:
    found = impact(ledger, SHIPPED)
    assert (found.affected, found.changes, found.unreadable) == (0, (), ())


def test_findings_that_the_new_knowledge_does_not_take_are_told(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", [next(case for case in CASES if "sepsis" in case.findings)])
    folder = copied(tmp_path / "base")
    findings = (folder / "findings.yaml").read_text(encoding="utf-8").replace("\nsepsis:", "\nblood_poisoning:")
    (folder / "findings.yaml").write_text(findings, encoding="utf-8")
    crisis = folder / "statements" / "crisis.yaml"
    text = crisis.read_text(encoding="utf-8").replace("[ivig_supported, sepsis]", "[ivig_supported, blood_poisoning]")
    crisis.write_text(text, encoding="utf-8")
    assert impact(ledger, folder).unreadable == ((1, "'sepsis' is not a known finding"),)


def test_a_consultation_with_a_layer_is_judged_with_its_layer(tmp_path: Path) -> None:
    laid = load(SHIPPED, [LAYER])
    from engine.compiler import compile_rules
    from engine.ledger import begin_or_open
    from engine.records import recording

    base = compile_rules(laid)
    consultation = consult(base, interpret(laid, CASES[0].findings, CASES[0].parameters))
    snapshot = snapshot_of(laid, SHIPPED, [LAYER])
    ledger = begin_or_open(tmp_path / "a.sqlite", tmp_path / "a.key")
    entry = ledger.record(recording(consultation, "", snapshot.digest, "2026-01-01T00:00:00Z", "Dr. Ada"), snapshot)
    assert replay(ledger, entry).differences == ()
    assert impact(ledger, SHIPPED).affected == 0
    folder = copied(tmp_path / "base")
    added(folder, "context.yaml", "C99:\n  says: More.\n  citation: None.\n  attaches to: [S01]\n")
    assert impact(ledger, folder).changes == ()


def test_the_findings_of_a_receipt_are_those_that_were_given(ledger: Ledger) -> None:
    import json

    for entry, case in zip(consultations(ledger), CASES, strict=True):
        content = json.loads(ledger.contents(entry)[0])
        given = interpret(BASE.knowledge, case.findings, case.parameters)
        assert findings_of(BASE.knowledge, content).values == given.values


def test_replaying_needs_its_receipt(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a.sqlite", spread(2))
    ledger.database.execute("DELETE FROM contents WHERE number = 2")
    found = replay(ledger, ledger.entry(2))
    assert found.differences == ("it cannot be replayed: what entry 2 holds is not what was recorded",)
