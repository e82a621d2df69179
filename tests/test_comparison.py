"""Comparing two knowledge bases: in words, over cases, and for every patient."""

from __future__ import annotations

from pathlib import Path

from engine.comparison import compare
from engine.loading import load
from engine.rendering.comparison import render_comparison
from tests.bases import added, changed, copied
from tests.conftest import CASES


def test_a_base_and_its_copy_say_the_same(tmp_path: Path) -> None:
    found = compare(load(), load(copied(tmp_path / "base")), CASES[:20])
    assert found.old == found.new
    assert (found.changed, found.cases, found.disagreements) == ([], [], [])
    assert "They say the same" in render_comparison(found)


def test_a_moved_limit_is_told_in_words_by_cases_and_by_a_smallest_patient(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years >= 65 years")
    found = compare(load(), load(folder), CASES)
    [entry] = found.changed
    assert (entry.group, entry.id) == ("statements", "S18")
    assert entry.parts["when"] == (
        "all of (ivig_supported; age_years > 65 years)",
        "all of (ivig_supported; age_years >= 65 years)",
    )
    assert any("S18: ruled_out → applies" in case.differences for case in found.cases)
    assert found.disagreements is not None
    [s18] = [one for one in found.disagreements if one.rule == "S18"]
    assert (s18.old, s18.new) == ("ruled_out", "applies")
    assert s18.patient["age_years"] == "65"
    assert len(s18.patient) == 3
    said = render_comparison(found)
    assert "S18: ruled out → applies" in said


def test_a_change_of_words_alone_changes_no_patient(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "statements/crisis.yaml", "says: In sepsis, IVIG is safer", "says: In sepsis IVIG is safer")
    found = compare(load(), load(folder), CASES[:40])
    assert [(one.id, list(one.parts)) for one in found.changed] == [("S17", ["says"])]
    assert (found.cases, found.disagreements) == ([], [])


def test_a_rule_written_otherwise_is_proven_to_say_the_same(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(
        folder,
        "statements/crisis.yaml",
        "[ivig_supported, sepsis]",
        "[ivig_supported, sepsis, ivig_under_consideration]",
    )
    found = compare(load(), load(folder), CASES[:40])
    assert found.disagreements == []
    assert found.agreeing == ["S17"]
    assert "alike for every patient (proven): S17" in " ".join(render_comparison(found).split())


def test_an_entry_that_is_new_and_one_that_is_gone_are_told(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "concepts.yaml", "old_age:\n  says: Old age.\n  when: age_years > 80 years\n")
    forth, back = compare(load(), load(folder), []), compare(load(folder), load(), [])
    assert forth.changed[0].parts["says"] == (None, "Old age.")
    assert back.changed[0].parts["says"] == ("Old age.", None)


def test_a_changed_dose_is_seen_in_the_cases(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    old = "{total: 2 g/kg, over: 5 days, weight: not stated}"
    changed(folder, "statements/preoperative.yaml", old, old.replace("5 days", "4 days"))
    found = compare(load(), load(folder), CASES)
    assert any(any(text.startswith("doses: ") for text in case.differences) for case in found.cases)
