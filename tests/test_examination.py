"""Coverage and mutation: what the worked cases hold fast, and the cases that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cases import load_cases
from engine.compiler import compile_rules
from engine.conditions import Judge
from engine.consultation import evaluate
from engine.examination import Examination, examine
from engine.loading import SHIPPED, load
from engine.mutants import mutants
from engine.proofs import findings_of
from engine.rendering.examination import render_examination
from engine.verification import differences
from tests.bases import added, changed, copied
from tests.conftest import BASE, CASES

LAYER = SHIPPED / "layers" / "product_label"


def examined(folder: Path) -> Examination:
    base = compile_rules(load(folder))
    return examine(base, load_cases(folder), [*base.knowledge.rules, *base.knowledge.findings])


def test_the_shipped_cases_cover_every_test_and_notice_every_change() -> None:
    found = examine(BASE, CASES, [*BASE.knowledge.rules, *BASE.knowledge.findings])
    assert found.cases >= 250
    assert found.failures == []
    assert found.coverage.uncovered == []
    assert found.mutation is not None
    assert [(one.entry, one.change) for one in found.mutation.survivors] == []
    assert found.mutation.made > 500
    assert found.is_whole


def test_the_cases_of_the_shipped_layer_do_so_for_its_entries() -> None:
    base = compile_rules(load(SHIPPED, [LAYER]))
    found = examine(base, load_cases(LAYER), base.knowledge.layers[0].entries)
    assert found.is_whole
    assert found.mutation is not None
    assert found.mutation.made > 80


def test_no_two_worked_cases_are_of_the_same_patient() -> None:
    seen: dict[object, str] = {}
    for case in CASES:
        words = {name: given.text for name, given in {**case.findings, **case.parameters}.items()}
        key = (frozenset(words.items()), frozenset(map(str, case.expect.items())))
        assert key not in seen, f"{case.name} repeats {seen[key]}"
        seen[key] = case.name


def test_a_threshold_that_no_case_holds_is_found_with_the_case_that_would(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(
        folder,
        "statements/monitoring.yaml",
        "  when: acute_treatment\n",
        "  when:\n    any: [acute_treatment, age_years > 90 years]\n",
    )
    found = examined(folder)
    survivors = {one.change: one for one in (found.mutation.survivors if found.mutation is not None else ())}
    changes = {change for change in survivors if "age_years" in change}
    assert "age_years > 90 years → age_years >= 90 years" in changes
    killer = survivors["age_years > 90 years → age_years >= 90 years"].killer
    assert killer is not None
    assert killer.patient["age_years"] == "90"
    assert killer.expect in ({"ruled_out": ["S63"]}, {"undetermined": ["S63"]})
    assert ("S63", "age_years > 90 years", "yes") in {(u.rule, u.test, u.never) for u in found.coverage.uncovered}


def test_every_missing_case_that_is_printed_would_notice_the_change() -> None:
    from engine.killers import killer

    for mutant in list(mutants(BASE.knowledge))[::9]:
        found = killer(BASE.knowledge, mutant)
        if found is None:
            continue
        findings = findings_of(BASE.knowledge, found.patient)
        expect = dict(found.expect)
        if "doses" in expect:
            continue
        before, after = (evaluate(Judge(k, findings)) for k in (BASE.knowledge, mutant.knowledge))
        assert list(differences(before, expect)) == [], mutant.change
        assert list(differences(after, expect)), mutant.change


def test_a_failing_case_is_named_with_its_place(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(
        folder, "cases/lead.yaml", "wrong:\n  says: Wrong.\n  findings: {dysphagia: yes}\n  expect: {applies: [S12]}\n"
    )
    base = compile_rules(load(folder))
    found = examine(base, load_cases(folder), base.knowledge.rules, with_mutation=False)
    assert not found.is_whole
    said = " ".join(render_examination(found).split())
    assert "wrong (" in said
    assert "lead.yaml:" in said
    assert "S12 is undetermined, not applies" in said


@pytest.mark.parametrize("word", ["→ not", "tests needed", "reference", "total", "over", "weight", "decides status"])
def test_changes_of_every_kind_are_made(word: str) -> None:
    assert any(word in mutant.change for mutant in mutants(BASE.knowledge))
