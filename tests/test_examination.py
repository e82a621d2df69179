"""Coverage and mutation: what the worked cases hold fast, and the cases that are missing."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from engine.cases import Case, load_cases
from engine.checking import check
from engine.compiler import compile_rules
from engine.conditions import Judge
from engine.consultation import evaluate
from engine.errors import InputError
from engine.examination import Coverage, Examination, Mutation, Survivor, examine, mutation
from engine.findings import interpret
from engine.killers import search
from engine.loading import SHIPPED, load
from engine.model import Knowledge
from engine.mutants import Mutant, mutants, nearest
from engine.rendering.examination import render_examination
from engine.trials import Trials
from engine.verification import check_case, differences
from tests.bases import added, changed, copied
from tests.conftest import BASE, CASES
from tests.test_cli import ivig

LAYER = SHIPPED / "layers" / "product_label"
LAYER_CASES = load_cases(LAYER)

KINDS = (
    "rule",
    "scope",
    "governor",
    "fulfilment",
    "reference",
    "kind",
    "side",
    "status",
    "dose",
    "parameter",
)


def examined(folder: Path, cases_only: bool = False) -> Examination:
    return examine(compile_rules(load(folder)), load_cases(folder), cases_only=cases_only)


def said(found: Examination) -> str:
    return " ".join(render_examination(found).split())


def printed(found: Examination, folder: Path) -> list[Case]:
    """Return the missing cases of a report, read as a case file."""
    _, _, below = render_examination(found).partition("'cases'.\n\n")
    (folder / "cases").mkdir(parents=True, exist_ok=True)
    (folder / "cases" / "missing.yaml").write_text(below, encoding="utf-8")
    return load_cases(folder)


def fails(case: Case, knowledge: Knowledge) -> bool:
    try:
        findings = interpret(knowledge, case.findings, case.parameters)
    except InputError:
        return True
    return bool(list(differences(evaluate(Judge(knowledge, findings)), case.expect)))


# The shipped knowledge. --------------------------------------------------------------------


def test_the_shipped_cases_cover_every_test_and_notice_every_change() -> None:
    found = examine(BASE, CASES)
    assert found.cases >= 250
    assert found.failures == []
    assert found.coverage.uncovered == []
    assert found.mutation is not None
    assert [(one.entry, one.change) for one in found.mutation.survivors] == []
    assert found.mutation.made > 750
    assert found.is_whole


def test_the_cases_of_the_shipped_layer_do_so_for_its_entries() -> None:
    base = compile_rules(load(SHIPPED, [LAYER]))
    found = examine(base, LAYER_CASES, base.knowledge.layers[0].entries)
    assert found.is_whole
    assert found.mutation is not None
    assert found.mutation.made > 110


def test_under_the_layer_the_cases_of_the_guideline_come_out_but_for_questions_that_it_adds() -> None:
    found = examine(compile_rules(load(SHIPPED, [LAYER])), LAYER_CASES, below=CASES, cases_only=True)
    assert found.cases == len(CASES) + len(LAYER_CASES)
    assert found.failures == []
    assert "only_the_weight_loss_is_open" in found.asked_more
    asked = {case.name for case in CASES if not {"closed", "first"}.isdisjoint(case.expect)}
    assert set(found.asked_more) < asked


@pytest.mark.parametrize("cases", [CASES, LAYER_CASES], ids=["guideline", "layer"])
def test_no_two_worked_cases_are_of_the_same_patient(cases: Sequence[Case]) -> None:
    seen: dict[object, str] = {}
    for case in cases:
        words = {name: given.text for name, given in {**case.findings, **case.parameters}.items()}
        key = frozenset(words.items())
        assert key not in seen, f"{case.name} repeats {seen[key]}"
        seen[key] = case.name


@pytest.mark.parametrize("cases", [CASES, LAYER_CASES], ids=["guideline", "layer"])
def test_each_worked_case_says_something_of_its_own(cases: Sequence[Case]) -> None:
    seen: dict[str, str] = {}
    for case in cases:
        assert case.says, f"{case.name} says nothing"
        assert case.says not in seen, f"{case.name} says the same as {seen[case.says]}"
        seen[case.says] = case.name


# The changes. ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "guideline: requires diagnosis is myasthenia_gravis → diagnosis is other",
        "guideline: requires diagnosis is myasthenia_gravis → left out",
        "S18: age_years > 65 years → age_years >= 65 years",
        "S18: age_years > 65 years → age_years > 66 years",
        "S06: all of 2 tests → any of 2 tests",
        "S14: not plasma_exchange_feasible → plasma_exchange_feasible",
        "S12: reference 3 → reference 1",
        "S12: kind indication → kind role",
        "S15: kind comparison → kind indication",
        "S37: fulfilled by medically_controlled → not medically_controlled",
        "S59: any dose > 80 g → any dose > 80.1 g",
        "A08: any dose at 1 g/kg > 80 g → any dose at 0.9 g/kg > 80 g",
        "S07: total 2 g/kg → 2.1 g/kg",
        "S58: lower end 1 g/kg → 0.9 g/kg",
        "S07: over 5 days → 4 days",
        "S29: weight ideal → weight actual",
        "S59: daily 0.4 g/kg → 0.41 g/kg",
        "S59: at least 3 days → 4 days",
        "S59: at most 5 days → 6 days",
        "A06: between S36 → left out",
        "A01: decides the status → does not decide the status",
        "grade: only if graded → left out",
        "child: only if age_years < 21 years → age_years < 22 years",
        "child_age_below_years: yes below and no otherwise → no below and yes otherwise",
        "iga_deficiency_below_g_per_l: from serum_iga_g_per_l → from actual_weight_kg",
        "ideal_weight_formula: base for male 50 kg → 50.1 kg",
        "ideal_weight_formula: base for female 45.5 kg → 45.51 kg",
        "ideal_weight_formula: per inch above 2.3 kg → 2.29 kg",
        "ideal_weight_formula: from height 60 inches → 59.9 inches",
        "ideal_weight_formula: rounded to 0.1 kg → rounded to 0.01 kg",
        "ideal_weight_formula: not for child → not for immediate_intervention_needed",
    ],
)
def test_changes_of_every_kind_are_made(change: str) -> None:
    assert change in {f"{mutant.entry}: {mutant.change}" for mutant in mutants(BASE.knowledge)}


@pytest.mark.parametrize(
    ("number", "below", "above"), [("80", "79.9", "80.1"), ("0.4", "0.39", "0.41"), ("45.5", "45.49", "45.51")]
)
def test_a_figure_is_changed_by_one_step_finer_than_it_is_written(number: str, below: str, above: str) -> None:
    assert nearest(Decimal(number)) == (Decimal(below), Decimal(above))


def test_judging_anew_only_what_rests_on_a_change_gives_the_same_answer_as_judging_everything() -> None:
    trials = Trials(BASE.knowledge, CASES[::40])
    for mutant in [m for m in mutants(BASE.knowledge) if m.on in ("rule", "dose", "fulfilment")][::5]:
        anew = trials.resting_on(mutant.entry)
        for one in trials.held:
            after = evaluate(one.judge.under(mutant.knowledge, anew), one.before, anew)
            assert after == evaluate(Judge(mutant.knowledge, one.judge.findings)), mutant.change


def test_what_a_statement_is_fulfilled_by_is_judged_anew_with_it(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "statements/preoperative.yaml", "  fulfilled: medically_controlled\n", "  fulfilled: S01\n")
    assert "S37" in Trials(load(folder), []).resting_on("severe_mg")


# The missing cases. ------------------------------------------------------------------------


def with_statement(folder: Path, when: str) -> Path:
    """Return a copy of the shipped knowledge base with one more statement, of which no case speaks."""
    copied(folder)
    statement = "  says: Old age.\n  kind: monitoring\n  source: D3.2\n  references: [1]\n"
    added(folder, "statements/monitoring.yaml", f"S80:\n{statement}  when:\n    {when}\n")
    return folder


def sampled(on: str) -> list[Mutant]:
    """Return some changes of a kind, of the doses and the parameters all."""
    found = [mutant for mutant in mutants(BASE.knowledge) if mutant.on == on]
    return found if on in ("dose", "parameter") else found[:: max(1, len(found) // 12)]


@pytest.mark.parametrize("on", KINDS)
def test_every_missing_case_that_is_printed_notices_its_change_and_where_there_is_none_that_is_proven(
    on: str, tmp_path: Path
) -> None:
    assert sampled(on)
    trials = Trials(BASE.knowledge, CASES)
    for number, mutant in enumerate(sampled(on)):
        found = search(BASE.knowledge, mutant)
        if found.killer is None:
            assert found.proven, mutant.change
            assert not trials.notice(mutant), mutant.change
            continue
        assert not found.proven
        survivor = Survivor(mutant.entry, mutant.was, mutant.becomes, found.killer)
        report = Examination(0, [], Coverage(0, []), Mutation(1, [survivor]))
        (case,) = printed(report, tmp_path / str(number))
        assert case.says.startswith("Tells '")
        assert check_case(BASE, case) == [], mutant.change
        assert fails(case, mutant.knowledge), mutant.change


def test_a_missing_case_of_a_dose_has_round_weights() -> None:
    mutant = next(m for m in mutants(BASE.knowledge) if m.entry == "S07" and m.was.startswith("total"))
    killer = search(BASE.knowledge, mutant).killer
    assert killer is not None
    assert (killer.patient["actual_weight_kg"], killer.patient["ideal_weight_kg"]) == ("70", "60")


def test_a_threshold_that_no_case_holds_is_found_with_the_case_that_would(tmp_path: Path) -> None:
    folder = with_statement(tmp_path / "base", "all: [acute_treatment, age_years > 90 years]")
    found = examined(folder)
    survivors = {one.change: one for one in (found.mutation.survivors if found.mutation is not None else ())}
    killer = survivors["age_years > 90 years → age_years >= 90 years"].killer
    assert killer is not None
    assert killer.patient["age_years"] == "90"
    assert killer.expect in ({"ruled_out": ["S80"]}, {"undetermined": ["S80"]})
    (side,) = found.coverage.uncovered
    assert (side.rule, side.test, side.never) == ("S80", "age_years > 90 years", "yes")
    assert side.killer is not None
    assert int(side.killer.patient["age_years"]) > 90


def test_with_the_missing_cases_put_into_the_folder_nothing_is_missing_any_more(tmp_path: Path) -> None:
    folder = with_statement(tmp_path / "base", "all: [acute_treatment, age_years > 90 years]")
    assert printed(examined(folder), folder)
    assert examined(folder).is_whole


def test_a_side_of_a_test_that_cannot_come_about_is_told_apart(tmp_path: Path) -> None:
    folder = with_statement(tmp_path / "base", "all: [acute_treatment, age_years >= 0 years]")
    found = examined(folder, cases_only=True)
    assert [one.test for one in found.coverage.impossible or ()] == ["age_years >= 0 years"]
    assert found.coverage.uncovered == []
    assert "1 more side cannot come about; that is proven: – S80: 'age_years >= 0 years' never comes out no" in said(
        found
    )


def test_a_change_that_is_neither_noticed_nor_proven_to_change_nothing_is_said_to_be_so(tmp_path: Path) -> None:
    folder = copied(tmp_path / "base")
    changed(folder, "parameters.yaml", "  below: yes\n  otherwise: no\n", "  below: no\n  otherwise: no\n")
    knowledge = load(folder)
    found = mutation(knowledge, [], ["child_age_below_years"])
    (survivor,) = [one for one in found.survivors if one.was == "no below and no otherwise"]
    assert survivor.killer is None
    assert "no patient was found who tells the change, nor a proof of none" in said(
        Examination(0, [], Coverage(0, []), found)
    )


# The report. -------------------------------------------------------------------------------


def failing(folder: Path) -> Path:
    """Return a copy of the shipped knowledge base with a case that fails twice."""
    copied(folder)
    case = "wrong:\n  says: Wrong.\n  findings: {dysphagia: yes}\n  expect: {applies: [S12], kinds: {S12: role}}\n"
    added(folder, "cases/lead.yaml", case)
    return folder


def test_each_expectation_that_is_not_met_stands_on_a_line_with_its_place(tmp_path: Path) -> None:
    found = examined(failing(tmp_path / "base"))
    assert not found.is_whole
    text = render_examination(found, width=400)
    (applies,) = re.findall(r"^    .*lead\.yaml:\d+:3: (S12 is un.*)$", text, re.M)
    (kind,) = re.findall(r"^    .*lead\.yaml:\d+:3: (S12 is of.*)$", text, re.M)
    assert applies == "S12 is undetermined; the case expects it to apply"
    assert kind == "S12 is of kind indication; the case expects role"


def test_while_a_case_fails_no_changes_are_tried(tmp_path: Path) -> None:
    found = examined(failing(tmp_path / "base"))
    assert found.mutation is None
    assert "No small changes were tried, because a case fails." in said(found)
    assert "No small changes" not in said(examined(tmp_path / "base", cases_only=True))


def test_a_case_from_below_that_a_layer_turns_round_is_named(tmp_path: Path) -> None:
    folder = failing(tmp_path / "base")
    base = compile_rules(load(folder, [LAYER]))
    found = examine(base, load_cases(LAYER), below=load_cases(folder), cases_only=True)
    assert [failure.case.name for failure in found.failures] == ["wrong"]


def test_expected_kinds_and_sides_can_fail() -> None:
    (case,) = [case for case in CASES if case.name == "nothing_asked_but_the_sex"]
    judge = Judge(BASE.knowledge, interpret(BASE.knowledge, case.findings, case.parameters))
    wrong = {"kinds": {"S12": "role"}, "between": {"A02": ("S23", "S52"), "A03": ("S23", "S55")}}
    assert list(differences(evaluate(judge), wrong)) == [
        "S12 is of kind indication; the case expects role",
        "A02 stands between S23, S24 and S52; the case expects S23 and S52",
    ]


def test_with_a_layer_laid_over_the_base_the_cases_of_both_are_run() -> None:
    def cases(*words: str) -> int:
        done = ivig(*words, "--cases-only", "--format", "json")
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["cases"])

    both = len(CASES) + len(LAYER_CASES)
    assert cases("--layer", str(LAYER), "knowledge", "test") == both
    assert cases("--layer", str(LAYER), "knowledge", "test", str(SHIPPED)) == both
    assert cases("knowledge", "test", str(LAYER)) == len(LAYER_CASES)
    assert cases("knowledge", "test") == len(CASES)


def test_a_case_that_only_lists_a_kind_is_no_case_of_the_statement_and_its_names_are_checked(tmp_path: Path) -> None:
    folder = with_statement(tmp_path / "base", "acute_treatment")
    listed = "{kinds: {S80: monitoring}, between: {A99: []}}"
    case = f"listed:\n  says: Listed.\n  findings: {{sex: female}}\n  expect: {listed}\n"
    added(folder, "cases/monitoring.yaml", case)
    report = check(folder)
    assert ["S80" in fault.found for fault in report.warnings if "no case expects" in fault.found] == [True]
    assert [fault.found for fault in report.faults] == ["listed expects something of 'A99', which there is not"]
