"""What is proven of a knowledge base: exact, and with a patient for whatever is said."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import given

from benchmarks.synthetic import KINDS, synthetic
from engine.cases import load_case, load_cases
from engine.commands.terminal import progress
from engine.conditions import Judge
from engine.errors import describe
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load, read_base
from engine.model import WEIGHTS_BY_BASIS, Guideline, Knowledge, Not, Statement, Test, every
from engine.proofs import OPPOSED, USES, Proofs, findings_of, prove
from engine.proofs.influence import idle
from engine.proofs.inquiry import Inquiry
from engine.proofs.pairs import Pairs
from engine.proofs.reading import Reading
from engine.proofs.remedies import Mend, to_look_at, to_mend
from engine.proofs.sameness import alike, within
from engine.proofs.sample import Sample
from engine.proofs.silence import is_in, silence
from engine.rendering.cases import case_line
from engine.rendering.proofs import proof_cases, proofs_data, render_proofs
from engine.skeletons import begin_base
from engine.solver import Solver, Symbols
from engine.truth import Truth
from engine.verification import check_case
from tests.bases import added, changed, copied
from tests.conftest import BASE, ROOT
from tests.random_knowledge import FINDINGS, knowledge_bases, patients


@pytest.fixture(scope="module")
def proofs() -> Proofs:
    """The proofs of the shipped knowledge base."""
    return prove(load())


def mending(folder: Path, *layers: Path) -> list[Mend]:
    """Return what has to be mended of a base in a folder."""
    loaded = read_base(folder, layers)
    return to_mend(prove(loaded.knowledge), loaded)


def told(folder: Path, mend: Mend) -> str:
    """Return the message about something to be mended, with places relative to the folder."""
    return describe(mend.fault).replace(f"{folder}{os.sep}", "")


def page(folder: Path, *layers: Path) -> str:
    """Return what is said of a base in a folder, on one line."""
    loaded = read_base(folder, layers)
    proofs = prove(loaded.knowledge)
    return " ".join(render_proofs(proofs, to_mend(proofs, loaded), loaded.knowledge).split())


def test_the_shipped_base_has_nothing_to_mend(proofs: Proofs) -> None:
    assert to_mend(proofs, read_base()) == []
    assert all(reach.applies is not None and reach.ruled_out is not None for reach in proofs.reaches)
    assert {reach.rule for reach in proofs.reaches} == set(load().rules)


def test_the_shipped_layer_has_nothing_to_mend() -> None:
    layer = SHIPPED / "layers" / "product_label"
    assert mending(SHIPPED, layer) == []
    assert "nothing to mend" in page(SHIPPED, layer)


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


def test_the_map_of_silence_is_everybody_out_of_scope_and_whoever_meets_no_use(proofs: Proofs) -> None:
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
    assert [set(region.tests) for region in proofs.silence] == [
        {("diagnosis is not myasthenia_gravis",)},
        {("surgery is none", "not on_ivig"), *((test,) for test in denied)},
    ]


def test_the_map_of_silence_asks_and_answers_as_a_clinician_would(proofs: Proofs) -> None:
    said = " ".join(render_proofs(proofs, [], load()).split())
    assert "What is the diagnosis? Other. (diagnosis is not myasthenia_gravis)" in said
    assert "Which grade, 1 to 4? Below 3, or not applicable. (not grade >= 3)" in said
    assert "Which operation is planned, if any? None. Or: Is the patient on IVIG already? No." in said
    assert "A patient of whom this is so: findings: {diagnosis: other}" in said


def test_a_use_that_reads_the_scope_itself_is_ruled_out_just_where_the_map_says_so() -> None:
    requires = Test("diagnosis", "is", "here")
    use = Statement("S1", "S1", "indication", "P.1", (1,), every(Not(requires), Test("a", "is", "yes")))
    guideline = Guideline("", "", "", "", requires, {}, ())
    knowledge = Knowledge(guideline, {}, FINDINGS, {}, {"S1": use}, {}, {}, {}, {})
    regions = list(silence(Inquiry(knowledge), lambda done, of: None))
    for patient, truth in (({}, Truth.UNKNOWN), ({"diagnosis": "here"}, Truth.NO)):
        judge = Judge(knowledge, findings_of(knowledge, patient))
        assert judge.rule("S1").truth is truth
        assert any(is_in(region.conditions, judge) for region in regions) is (truth is Truth.NO)


@given(knowledge_bases(), patients())
def test_the_map_of_silence_is_all_of_it_and_nothing_else(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    judge = Judge(knowledge, interpret(knowledge, patient))
    uses = knowledge.statements_of(*USES)
    silent = bool(uses) and all(judge.rule(name).truth is Truth.NO for name in uses)
    regions = list(silence(Inquiry(knowledge), lambda done, of: None))
    assert len(regions) <= 2
    assert any(is_in(region.conditions, judge) for region in regions) is silent


@given(knowledge_bases(), patients())
def test_a_sample_judges_its_patients_as_the_evaluator_does(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    sample = Sample(knowledge, Reading(knowledge))
    before = {name: sample.rule(name) for name in knowledge.rules}
    sample.add({name: word.text for name, word in patient.items()})
    judges = [Judge(knowledge, findings) for findings in sample.findings]
    for name in knowledge.rules:
        truths = [judge.rule(name).truth for judge in judges]
        assert sample.rule(name).yes == sum(1 << i for i, truth in enumerate(truths) if truth is Truth.YES)
        assert sample.rule(name).no == sum(1 << i for i, truth in enumerate(truths) if truth is Truth.NO)
        assert before[name].yes == sample.rule(name).yes & ~(1 << len(judges) - 1)


@given(knowledge_bases())
def test_a_rule_that_asks_nowhere_what_is_known_is_never_turned_round(knowledge: Knowledge) -> None:
    before, after = Symbols(knowledge), Symbols(knowledge, "later ")
    solver = Solver(before, after)
    solver.assume(*after.refines(before))
    reading = Reading(knowledge)
    for name in knowledge.rules:
        if not reading.asks_what_is_known(name):
            one, other = before.rule(name), after.rule(name)
            assert solver.model(before.either(before.both(one.yes, other.no), before.both(one.no, other.yes))) is None


@given(knowledge_bases())
def test_rules_are_told_alike_or_within_others_just_where_the_solver_says_so(knowledge: Knowledge) -> None:
    inquiry, symbols = Inquiry(knowledge), Symbols(knowledge)
    solver = Solver(symbols)
    groups = list(alike(inquiry, list(knowledge.rules)))
    inside = within(inquiry, groups, lambda done: None)
    group_of = {name: group for group in groups for name in group}
    assert set(group_of) == set(knowledge.rules)
    for one, other in permutations(knowledge.rules, 2):
        a, b = symbols.rule(one), symbols.rule(other)
        same = solver.model(symbols.different(a, b)) is None
        assert (group_of[one] == group_of[other]) is same
        if not same:
            implied = solver.model(symbols.both(a.yes, symbols.negated(b.yes))) is None
            assert (group_of[other] in inside[group_of[one]]) is implied


@given(knowledge_bases())
def test_pairs_are_hidden_just_where_the_solver_says_so(knowledge: Knowledge) -> None:
    pairs, symbols = Pairs(Inquiry(knowledge)), Symbols(knowledge)
    solver = Solver(symbols)
    found = {(pair.one, other) for pair in pairs.unopposed() for other in pair.others}
    hidden = set()
    for one, other in product(knowledge.statements_of(*OPPOSED), knowledge.statements_of(*USES)):
        sides = knowledge.sides("A1")
        named = any({one} <= set(a) and {other} <= set(b) for a, b in permutations(sides, 2))
        apply = [symbols.rule(one).yes, symbols.rule(other).yes]
        unnamed = [symbols.negated(symbols.rule("A1").yes)] if named else []
        if solver.model(*apply, *unnamed) is not None:
            hidden.add((one, other))
    assert found == hidden


@given(knowledge_bases())
def test_findings_are_idle_just_where_the_solver_says_so(knowledge: Knowledge) -> None:
    inquiry = Inquiry(knowledge)
    found = {one.finding for one in idle(inquiry, lambda done: None)}
    dosed_by = {weight for r in knowledge.regimens.values() for weight in WEIGHTS_BY_BASIS[r.weight]}
    for name in set(knowledge.findings) - dosed_by:
        one = Symbols(knowledge)
        other = Symbols(knowledge, "other ", shared=one, apart=[name])
        told = [one.different(one.rule(r), other.rule(r)) for r in (*knowledge.statements, *knowledge.conflicts)]
        assert (name in found) is (Solver(one, other).model(one.either(*told)) is None)


NEVER = "never:\n  says: Never.\n  when:\n    all: [grade >= 3, grade <= 2]\n"


def test_a_rule_that_can_never_apply_is_named_with_its_line_and_a_remedy(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "concepts.yaml", NEVER)
    [mend] = mending(folder)
    line = (folder / "concepts.yaml").read_text(encoding="utf-8").splitlines().index("never:") + 4
    assert told(folder, mend) == (
        f"concepts.yaml:{line}:5: never: applies to no patient\n"
        "    | all: [grade >= 3, grade <= 2]\n"
        "    Mend its test, or remove it."
    )


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("any: [dysphagia is known, dysphagia is unknown]", "applies to every patient"),
        ("any: [dysphagia, not dysphagia]", "is ruled out for no patient: it applies or is undetermined"),
    ],
)
def test_a_rule_that_is_never_ruled_out_is_said_to_apply_to_all_only_if_it_does(
    tmp_path: Path, when: str, found: str
) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "concepts.yaml", f"always:\n  says: Always.\n  when:\n    {when}\n")
    [mend] = mending(folder)
    assert mend.fault.found == f"always: {found}"


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
    assert "S53: applies to every patient in the scope of the guideline" in [m.fault.found for m in mending(folder)]


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
    [mend] = mending(folder)
    assert (
        told(folder, mend)
        .partition("    |")[0]
        .endswith(
            "S53: can apply together with S22, S49 and S50, statements of use, while no conflict that says so applies\n"
        )
    )
    assert told(folder, mend).endswith("Name it in 'between' of a conflict, with S22, S49 and S50 on the other side.")
    judge = Judge(load(folder), findings_of(load(folder), mend.patient or {}))
    assert judge.rule("S22").truth is judge.rule("S53").truth is Truth.YES


def test_two_regimens_with_no_conflict_between_them_are_found(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(
        folder, "conflicts.yaml", "  between: [[S07, S36, S57], [S29, S58]]\n", "  between: [[S07, S36, S57], [S58]]\n"
    )
    found = mending(folder)
    assert [mend.fault.found.partition(", regimens")[0] for mend in found] == [
        "S07: can apply together with S29",
        "S29: can apply together with S36 and S57",
    ]
    assert all(mend.fault.place is not None and mend.fault.remedy and mend.patient for mend in found)


def test_a_finding_that_can_change_nothing_is_found(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "findings.yaml", "headache:\n  asks: Is there a headache?\n  type: yes/no\n")
    added(
        folder,
        "concepts.yaml",
        "aching:\n  says: Aching.\n  when:\n    any: [headache, not headache, headache is unknown]\n",
    )
    found = [mend.fault for mend in mending(folder) if mend.fault.found.startswith("headache")]
    assert [fault.found for fault in found] == ["headache: can change no verdict and no dose"]
    assert found[0].place is not None
    assert found[0].place.file == str(folder / "findings.yaml")


def test_statements_of_one_kind_that_come_out_alike_are_looked_at_first(proofs: Proofs) -> None:
    assert ("indication", ("S05", "S42")) in [(group.kind, group.rules) for group in proofs.duplicates]
    warnings = list(to_look_at(proofs, read_base()))
    assert len(warnings) == len(proofs.duplicates)
    assert "S05: comes out like S42 for every patient, and is of the same kind, indication" in [
        warning.found for warning in warnings
    ]
    said = render_proofs(proofs, [], load())
    assert said.index("S05 and S42 (indication)") < said.index("RULES OF ANY KIND THAT COME OUT ALIKE")


def test_a_statement_within_another_of_its_kind_is_told_and_the_rest_only_counted(proofs: Proofs) -> None:
    assert [(one.rules, one.by) for one in proofs.subsumed if one.kind == "regimen"] == [(("S07",), ("S57",))]
    said = " ".join(render_proofs(proofs, [], load()).split())
    assert "S07 only where S57 applies (regimen)" in said
    assert f"{len(proofs.subsumed_at_all)} such pairs" in said


def test_a_base_without_a_statement_of_use_is_told_to_be_all_silence(tmp_path: Path) -> None:
    begin_base(tmp_path / "base")
    for path in (tmp_path / "base" / "statements").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("kind: indication", "kind: caution"), encoding="utf-8")
    assert "There is no statement of use, that is of kind indication or role: all is silence." in page(
        tmp_path / "base"
    )


def test_as_data_what_is_to_be_mended_has_file_line_and_remedy(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    added(folder, "concepts.yaml", NEVER)
    loaded = read_base(folder)
    proofs = prove(loaded.knowledge)
    data = proofs_data(proofs, to_mend(proofs, loaded), to_look_at(proofs, loaded))
    [mend] = data["to_mend"]
    assert mend["file"] == str(folder / "concepts.yaml")
    assert mend["line"] > 1
    assert mend["remedy"] == "Mend its test, or remove it."
    assert data["faults"] == 1
    assert len(data["warnings"]) == len(proofs.duplicates)


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
    added(folder, "concepts.yaml", NEVER)
    said = page(folder)
    assert "102 rules proven over every patient that can be given: 1 to mend." in said
    assert "Each of the others applies to some patient and is ruled out for some patient." in said
    assert said.index("never: applies to no patient") < said.index("THE MAP OF SILENCE")


def test_how_far_the_proofs_are_is_told_in_steps_that_never_go_past_their_end() -> None:
    steps: list[tuple[str, int, int]] = []
    prove(load(), lambda what, done, of: steps.append((what, done, of)))
    assert len({what for what, _, _ in steps}) > 3
    assert all(0 <= done < of for _, done, of in steps)


class Terminal(io.StringIO):
    """A terminal to write to, or what is none."""

    def __init__(self, is_one: bool) -> None:
        super().__init__()
        self.is_one = is_one

    def isatty(self) -> bool:
        return self.is_one


@pytest.mark.parametrize("is_one", [True, False])
def test_progress_is_shown_on_a_terminal_alone_and_goes_when_all_is_done(
    monkeypatch: pytest.MonkeyPatch, is_one: bool
) -> None:
    terminal = Terminal(is_one)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress() as told:
        told("Proving how each rule comes out: 3 of 56")
    lines = terminal.getvalue().split("\r")
    assert ("Proving how each rule comes out: 3 of 56" in map(str.strip, lines)) is is_one
    assert all(not line.strip() for line in lines[2:])


def test_a_synthetic_base_is_the_same_every_time_and_of_every_kind_of_statement() -> None:
    one = synthetic(70)
    assert one.digest == synthetic(70).digest != synthetic(71).digest
    assert len(one.statements) == 70
    assert {statement.kind for statement in one.statements.values()} == set(KINDS)
    assert prove(one).unopposed == []


def test_uses_and_what_opposes_them_are_the_kinds_that_decide_the_status() -> None:
    assert USES == ("indication", "role")
    assert OPPOSED == ("against", "contraindication")
