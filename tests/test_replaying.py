"""Replay: old consultations once more, under the knowledge then in force."""

from __future__ import annotations

from itertools import islice, repeat
from pathlib import Path

import pytest

from engine import receipts
from engine import replay as module
from engine.contract import to_json
from engine.errors import InputError
from engine.findings import interpret
from engine.ledger import Ledger
from engine.loading import SHIPPED, load
from engine.rendering.ledger import render_replays, replays_json
from engine.replay import Replays, consultations, differences, findings_of, replay
from engine.snapshots import knowledge_of, snapshot_of
from tests.bases import changed, copied
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


def test_what_came_out_otherwise_is_told_while_the_rest_is_still_to_be_replayed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "receipt", lambda consultation: {"engine": "", "status": "otherwise"})
    for tell in (render_replays, replays_json):
        replays = Replays(ledger, repeat(ledger.entry(1)))
        assert len(list(islice(tell(replays), 5))) == 5
        assert replays.count <= 5


def test_a_replay_in_parts_is_the_json_of_the_whole(ledger: Ledger) -> None:
    whole = {"format": "ivig-mg/replay/1", "replayed": [], "count": 3, "engines": []}
    assert "".join(replays_json(Replays(ledger, islice(consultations(ledger), 3)))) == to_json(whole)


def test_differences_name_the_entry_by_its_id() -> None:
    before = {"doses": [{"total_g": "1"}], "statements": [{"id": "S01", "because": ["a"]}], "x": [1]}
    now = {"doses": [{"total_g": "2"}], "statements": [{"id": "S01", "because": []}], "x": [1, 2]}
    assert list(differences(before, now)) == [
        "doses.1.total_g: 1 → 2",
        "statements.S01.because: a → none",
        "x: 1 → 1, 2",
    ]
    assert list(differences(before, before)) == []


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
