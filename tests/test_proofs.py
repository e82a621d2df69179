"""What is proven of a knowledge base: exact, and with a patient for whatever is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from engine.cases import load_case, load_cases
from engine.conditions import Judge
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load
from engine.model import Knowledge
from engine.proofs import OPPOSED, USES, Proofs, findings_of, prove
from engine.rendering.cases import case_line
from engine.rendering.proofs import proof_cases, render_proofs
from engine.truth import Truth
from engine.verification import check_case
from tests.bases import added, changed, copied
from tests.conftest import BASE, ROOT
from tests.random_knowledge import knowledge_bases, patients


@pytest.fixture(scope="module")
def proofs() -> Proofs:
    """The proofs of the shipped knowledge base."""
    return prove(load())


def test_the_shipped_base_has_nothing_to_mend(proofs: Proofs) -> None:
    assert proofs.faults == 0
    assert all(reach.applies is not None and reach.ruled_out is not None for reach in proofs.reaches)
    assert {reach.rule for reach in proofs.reaches} == set(load().rules)


def test_the_shipped_layer_has_nothing_to_mend() -> None:
    assert prove(load(SHIPPED, [SHIPPED / "layers" / "product_label"])).faults == 0


def test_only_rules_that_read_unknown_can_be_turned_round(proofs: Proofs) -> None:
    turned = {(reversal.rule, reversal.verdict) for reversal in proofs.reversals}
    names = ("S32", "S33", "A26", "A28", "A31", "A42")
    assert turned == {(name, "applies") for name in names} | {("A28", "ruled_out")}
    for reversal in proofs.reversals:
        before, after = (
            Judge(load(), findings_of(load(), p)).rule(reversal.rule).truth for p in (reversal.before, reversal.after)
        )
        assert {before, after} == {Truth.YES, Truth.NO}
        assert reversal.before.items() <= reversal.after.items()


def test_the_map_of_silence_is_three_regions(proofs: Proofs) -> None:
    denied = {
        "not severe_disease",
        "not grade >= 3",
        "not respiratory_compromise",
        "not myasthenic_crisis",
        "not dysphagia",
        "not weight_loss",
        "not severe_weakness",
        "not rapidly_progressive_weakness",
        "not other_immunosuppressants_failed",
        "not other_immunosuppressants_unusable",
        "not dose_reduction_goal",
    }
    regions = {frozenset(region.tests) for region in proofs.silence}
    assert regions == {
        frozenset({"diagnosis is not myasthenia_gravis"}),
        frozenset(denied | {"not on_ivig"}),
        frozenset(denied | {"surgery is none"}),
    }


@given(knowledge_bases(), patients())
def test_the_map_of_silence_is_all_of_it_and_nothing_else(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    judge = Judge(knowledge, interpret(knowledge, patient))
    uses = knowledge.statements_of(*USES)
    silent = bool(uses) and all(judge.rule(name).truth is Truth.NO for name in uses)
    regions = prove(knowledge).silence
    assert len(regions) < 200
    in_one = any(all(judge.judge(test).truth is Truth.YES for test in region.conditions) for region in regions)
    assert in_one is silent


def test_a_rule_that_can_never_apply_and_one_that_always_does_are_named(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "concepts.yaml", "never:\n  says: Never.\n  when:\n    all: [grade >= 3, grade <= 2]\n")
    added(
        folder,
        "concepts.yaml",
        "always:\n  says: Always.\n  when:\n    any: [dysphagia is known, dysphagia is unknown]\n",
    )
    found = {r.rule: (r.applies is None, r.ruled_out is None) for r in prove(load(folder)).reaches}
    assert found["never"] == (True, False)
    assert found["always"] == (False, True)
    assert found["S01"] == (False, False)


def test_a_statement_that_applies_to_every_patient_in_scope_is_named(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "statements/timing.yaml", "  when: immediate_intervention_needed\n", "  when: sepsis is unknown\n")
    text = (folder / "statements" / "timing.yaml").read_text(encoding="utf-8")
    always = text.replace("when: sepsis is unknown", "when:\n    any: [sepsis is unknown, sepsis is known]")
    (folder / "statements" / "timing.yaml").write_text(always, encoding="utf-8")
    conflicts = (folder / "conflicts.yaml").read_text(encoding="utf-8")
    (folder / "conflicts.yaml").write_text(
        conflicts.replace("[ivig_supported, immediate_intervention_needed]", "[ivig_supported, S53]"), encoding="utf-8"
    )
    found = {r.rule: r.ruled_out for r in prove(load(folder)).reaches}
    assert found["S53"] is None
    assert found["S52"] is not None


def test_what_is_proven_is_told_in_the_same_order_in_every_process() -> None:
    code = "from engine.loading import load; from engine.proofs import prove; p = prove(load());"
    code += "print(p.subsumed, p.reaches, p.reversals, p.silence)"
    said = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        words = [sys.executable, "-c", code]
        said.add(subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout)
    assert len(said) == 1


def test_a_hidden_pair_for_and_against_is_found_with_its_patient(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(
        folder, "conflicts.yaml", "  between: [[ivig_supported], [S53]]\n", "  between: [[ivig_indicated], [S53]]\n"
    )
    found = prove(load(folder))
    assert {(pair.one, pair.other) for pair in found.unopposed} == {("S22", "S53"), ("S49", "S53"), ("S50", "S53")}
    judge = Judge(load(folder), findings_of(load(folder), found.unopposed[0].patient))
    assert judge.rule("S22").truth is judge.rule("S53").truth is Truth.YES


def test_two_regimens_with_no_conflict_between_them_are_found(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(
        folder, "conflicts.yaml", "  between: [[S07, S36, S57], [S29, S58]]\n", "  between: [[S07, S36, S57], [S58]]\n"
    )
    found = [(pair.one, pair.other) for pair in prove(load(folder)).regimens if not pair.alike]
    assert found == [("S07", "S29"), ("S29", "S36"), ("S29", "S57")]


def test_a_finding_that_can_change_nothing_is_found(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "findings.yaml", "headache:\n  asks: Is there a headache?\n  type: yes/no\n")
    added(
        folder,
        "concepts.yaml",
        "aching:\n  says: Aching.\n  when:\n    any: [headache, not headache, headache is unknown]\n",
    )
    assert [idle.finding for idle in prove(load(folder)).idle if not idle.serves] == ["headache"]


def test_every_patient_is_printed_as_a_case_that_can_be_consulted(proofs: Proofs, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    for reach in proofs.reaches[::7]:
        for patient in filter(None, (reach.applies, reach.ruled_out)):
            path.write_text(case_line(patient), encoding="utf-8")
            assert {name: given.text for name, given in load_case(path).findings.items()} == dict(patient)


def test_all_patients_can_be_written_as_cases_that_come_out_as_was_proven(proofs: Proofs, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "proven.yaml").write_text(proof_cases(proofs), encoding="utf-8")
    cases = load_cases(tmp_path)
    assert len(cases) > 2 * len(proofs.reaches)
    assert [check_case(BASE, case) for case in cases] == [[]] * len(cases)


def test_the_page_says_what_is_to_be_mended_first(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "concepts.yaml", "never:\n  says: Never at all.\n  when:\n    all: [grade >= 3, grade <= 2]\n")
    knowledge = load(folder)
    said = render_proofs(prove(knowledge), knowledge)
    assert "102 rules proven over every patient that can be given: 1 to mend." in " ".join(said.split())
    assert said.index("NEVER APPLIES") < said.index("THE MAP OF SILENCE")


def test_uses_and_what_opposes_them_are_the_kinds_that_decide_the_status() -> None:
    assert USES == ("indication", "role")
    assert OPPOSED == ("against", "contraindication")
