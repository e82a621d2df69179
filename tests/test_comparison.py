"""Comparing two knowledge bases: in words, over cases, and for every patient."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from msgspec.structs import replace

from engine.answers import Difference, differences
from engine.comparison import Comparison, compare
from engine.conditions import Judge
from engine.consultation import Consultation, evaluate
from engine.disagreements import Disagreement, proven
from engine.findings import Given, interpret
from engine.loading import SHIPPED, load
from engine.model import AnyDose, Finding, Knowledge, Spread, Statement, Test
from engine.mutants import mutants
from engine.rendering.comparison import comparison_data, render_comparison
from tests.bases import added, changed, copied
from tests.conftest import BASE, CASES
from tests.random_knowledge import FINDINGS, conditions, knowledge_bases, patients
from tests.test_cli import ivig

DECIDING = ("  between: [[S23], [S55]]\n", "  between: [[S23], [S55]]\n  decides status: yes\n")
"""A change after which conflict A03 decides the status."""

LAYER = SHIPPED / "layers" / "product_label"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped base, to be changed."""
    return copied(tmp_path / "base")


def compared(folder: Path, cases: int = 0) -> Comparison:
    return compare(BASE.knowledge, load(folder), CASES[:cases])


def on(found: Comparison, rule: str) -> dict[str, Disagreement]:
    """Return the disagreements on a rule, by aspect."""
    assert found.disagreements is not None
    return {one.aspect: one for one in found.disagreements if one.rule == rule}


def said(found: Comparison) -> str:
    return " ".join(render_comparison(found).split())


def answer(knowledge: Knowledge, patient: Mapping[str, str]) -> Consultation:
    """Return the answer to a patient of whom the base is told what it asks for."""
    words = {name: Given(word) for name, word in patient.items() if name in knowledge.findings}
    return evaluate(Judge(knowledge, interpret(knowledge, words)))


# Words. ------------------------------------------------------------------------------------


def test_a_base_and_its_copy_say_the_same(folder: Path) -> None:
    found = compared(folder, 20)
    assert found.old == found.new
    assert (found.changed, found.accepted, found.cases, found.disagreements) == ([], [], [], [])
    assert "They say the same" in render_comparison(found)


def test_a_change_of_words_alone_changes_no_patient(folder: Path) -> None:
    changed(folder, "statements/crisis.yaml", "says: In sepsis, IVIG is safer", "says: In sepsis IVIG is safer")
    found = compared(folder, 40)
    assert [(one.id, list(one.parts)) for one in found.changed] == [("S17", ["says"])]
    assert (found.cases, found.disagreements, found.agreeing) == ([], [], [])
    assert "No case is answered otherwise." in said(found)
    assert "Every patient whom both accept is answered alike; that is proven." in said(found)
    assert "(0)" not in said(found)


def test_a_changed_rule_is_shown_line_by_line_in_words(folder: Path) -> None:
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years >= 65 years")
    lines = [line.strip() for line in render_comparison(compared(folder), 120).splitlines()]
    start = lines.index("applies when:")
    assert lines[start : start + 5] == [
        "applies when:",
        "all of:",
        "ivig_supported (The source supports IVIG, by an indication or by a role)",
        "−   age_years > 65 years",
        "+   age_years >= 65 years",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "statements/preoperative.yaml",
            "{total: 2 g/kg, over: 5 days, weight: not stated}",
            "{total: 1 to 2 g/kg, over: 4 days, daily: 0.5 g/kg, weight: ideal, lower end: A05}",
            "+ 1 to 2 g/kg over 4 days, 0.5 g/kg a day, by ideal weight; lower end: A05",
        ),
        (
            "statements/dosing.yaml",
            "over: 3 to 5 days, outside: A08",
            "over: 3 to 6 days, outside: A08",
            "− 3 to 5 days at 0.4 g/kg a day; outside: A08 + 3 to 6 days at 0.4 g/kg a day; outside: A08",
        ),
        (
            "conflicts.yaml",
            "between: [[S54], [S56]]",
            "between: [[S54], [S55, S56]]",
            "− S54 against S56 + S54 against S55, S56",
        ),
        ("conflicts.yaml", DECIDING[0], DECIDING[1], "decides status: − no + yes"),
        ("findings.yaml", "  only if: graded\n", "", "only if: − graded"),
        (
            "findings.yaml",
            "range: 0 to 120",
            "range: 0 to 110",
            "− a whole number from 0 to 120 years + a whole number from 0 to 110 years",
        ),
    ],
)
def test_what_changed_is_said_in_words(folder: Path, file: str, old: str, new: str, words: str) -> None:
    changed(folder, file, old, new)
    found = said(compare(BASE.knowledge, load(folder), [], with_solver=False))
    assert words in found
    assert '{"' not in found


def test_another_order_of_the_questions_is_told(folder: Path) -> None:
    text = (folder / "findings.yaml").read_text(encoding="utf-8")
    start, end = text.index("worsening:\n"), text.index("dysphagia:\n")
    (folder / "findings.yaml").write_text(text[:start] + text[end:] + "\n" + text[start:end], encoding="utf-8")
    found = compare(BASE.knowledge, load(folder), [], with_solver=False)
    assert [list(entry.parts) for entry in found.changed] == [["order of the questions"]]


# Rules of one base only. -------------------------------------------------------------------


def test_an_entry_that_is_new_and_one_that_is_gone_are_told_with_a_smallest_patient(folder: Path) -> None:
    added(folder, "concepts.yaml", "old_age:\n  says: Old age.\n  when: age_years > 80 years\n")
    forth, back = compare(load(), load(folder), CASES), compare(load(folder), load(), CASES)
    assert (forth.changed[0].how, back.changed[0].how) == ("added", "removed")
    assert forth.changed[0].parts["says"] == (None, "Old age.")
    assert back.changed[0].parts["says"] == ("Old age.", None)
    one, other = on(forth, "old_age")["verdict"], on(back, "old_age")["verdict"]
    assert (one.old, one.new, dict(one.patient)) == ("not_there", "applies", {"age_years": "81"})
    assert (other.old, other.new, dict(other.patient)) == ("applies", "not_there", {"age_years": "81"})
    assert "old_age (concept), added" in said(forth)
    assert "old_age, removed: applies findings: {age_years: 81}" in said(back)


def test_an_added_rule_makes_a_difference_only_to_the_cases_it_applies_to(folder: Path) -> None:
    added(folder, "concepts.yaml", "old_age:\n  says: Old age.\n  when: age_years > 80 years\n")
    found = compare(load(), load(folder), CASES)
    assert 0 < len(found.cases) < 30


def test_an_added_rule_that_never_applies_is_said_to_be_one(folder: Path) -> None:
    added(folder, "concepts.yaml", "none:\n  says: Nobody.\n  when:\n    all: [sepsis, not sepsis]\n")
    found = compared(folder)
    assert (found.disagreements, found.never) == ([], ["none"])
    assert "applies to no patient (proven): none." in said(found)


# Every aspect of an answer. ----------------------------------------------------------------


def test_a_moved_limit_is_told_in_words_by_cases_and_by_a_smallest_patient(folder: Path) -> None:
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years >= 65 years")
    found = compared(folder, len(CASES))
    [entry] = found.changed
    assert (entry.group, entry.id) == ("statements", "S18")
    assert entry.parts["when"] == (
        "all of (ivig_supported; age_years > 65 years)",
        "all of (ivig_supported; age_years >= 65 years)",
    )
    assert any(Difference("S18", "verdict", "ruled_out", "applies") in case.differences for case in found.cases)
    s18 = on(found, "S18")["verdict"]
    assert (s18.old, s18.new) == ("ruled_out", "applies")
    assert s18.patient["age_years"] == "65"
    assert len(s18.patient) == 3
    assert "S18: ruled out → applies" in said(found)
    assert "The status is alike for every patient whom both accept; that is proven." in said(found)


def test_a_rule_written_otherwise_is_proven_to_say_the_same(folder: Path) -> None:
    changed(
        folder,
        "statements/crisis.yaml",
        "[ivig_supported, sepsis]",
        "[ivig_supported, sepsis, ivig_under_consideration]",
    )
    found = compared(folder, 40)
    assert found.disagreements == []
    assert found.agreeing == ["S17"]
    assert "alike for every patient (proven): S17" in said(found)


def test_a_changed_number_of_days_is_told_by_cases_and_a_smallest_patient(folder: Path) -> None:
    old = "{total: 2 g/kg, over: 5 days, weight: not stated}"
    changed(folder, "statements/preoperative.yaml", old, old.replace("5 days", "4 days"))
    found = compared(folder, len(CASES))
    assert any(one.rule == "S36" and one.aspect == "doses" for case in found.cases for one in case.differences)
    doses = on(found, "S36")["doses"]
    assert (doses.old, doses.new) == ("2 g/kg over 5 days", "2 g/kg over 4 days")
    assert set(doses.patient) == {"diagnosis", "surgery", "on_ivig"}


def test_a_changed_weight_is_told_with_a_patient_who_has_one(folder: Path) -> None:
    old = "{total: 2 g/kg, over: 5 days, weight: not stated}"
    changed(folder, "statements/preoperative.yaml", old, old.replace("not stated", "ideal"))
    doses = on(compared(folder), "S36")["doses"]
    assert "actual_weight_kg" in doses.patient
    assert "by actual weight" in doses.old
    assert doses.new == "2 g/kg over 5 days"


def test_a_dose_above_a_limit_that_is_spread_otherwise_is_told(folder: Path) -> None:
    changed(folder, "statements/dosing.yaml", "over: 3 to 5 days, outside", "over: 3 to 4 days, outside")
    doses = on(compared(folder), "S59")["doses"]
    assert "over 5 days" in doses.old
    assert "over a number of days that does not fit" in doses.new
    assert doses.new.endswith("see A08")


def test_changed_references_are_told_with_a_patient_also_of_the_conflicts_that_cite_them(folder: Path) -> None:
    text = (folder / "statements" / "preoperative.yaml").read_text(encoding="utf-8")
    start = text.index("S36:")
    rest = text[start:].replace("references: [2]", "references: [1, 2]", 1)
    (folder / "statements" / "preoperative.yaml").write_text(text[:start] + rest, encoding="utf-8")
    found = compared(folder)
    assert (on(found, "S36")["references"].old, on(found, "S36")["references"].new) == ("2", "1, 2")
    assert on(found, "A32")["references"].new == "1, 2"


def test_a_changed_fulfilment_is_told_with_a_patient(folder: Path) -> None:
    changed(folder, "statements/preoperative.yaml", "fulfilled: medically_controlled", "fulfilled: on_ivig")
    one = on(compared(folder), "S37")["fulfilled"]
    assert {one.old, one.new} < {"yes", "no", "unknown"}
    assert one.old != one.new


def test_a_conflict_that_now_decides_the_status_is_told_by_a_patient_whose_status_differs(folder: Path) -> None:
    changed(folder, "conflicts.yaml", *DECIDING)
    found = compared(folder)
    for rule in ("status", "A03"):
        one = on(found, rule)["status"]
        assert one.old in ("indicated", "role_only")
        assert one.new == "conflict"
    assert "A03, status: " in said(found)


def test_a_statement_of_another_kind_is_told_by_a_patient_whose_status_differs(folder: Path) -> None:
    text = (folder / "statements" / "preoperative.yaml").read_text(encoding="utf-8")
    text = text.replace("kind: indication", "kind: timing", 1)
    (folder / "statements" / "preoperative.yaml").write_text(text, encoding="utf-8")
    one = on(compared(folder), "S35")["status"]
    assert one.old != one.new
    assert "on_ivig" in one.patient


def test_a_side_of_a_conflict_that_names_nobody_makes_no_difference() -> None:
    conflict = BASE.knowledge.conflicts["A04"]
    wider = replace(conflict, between=(*conflict.between, ("S32",)))
    new = replace(BASE.knowledge, conflicts={**BASE.knowledge.conflicts, "A04": wider})
    patient = {"diagnosis": "myasthenia_gravis", "myasthenic_crisis": "yes", "iga_status": "normal"}
    assert "S32" not in answer(new, patient).involved("A04")
    assert list(_told(BASE.knowledge, new, patient)) == []
    one = on(compare(BASE.knowledge, new, []), "A04")["statements"]
    assert one.new.endswith("against S32")


# What is accepted. -------------------------------------------------------------------------


def test_a_narrower_range_makes_no_disagreement_and_is_said(folder: Path) -> None:
    changed(folder, "findings.yaml", "range: 0 to 120", "range: 0 to 110")
    found = compared(folder)
    assert found.disagreements == []
    assert "age_years: the new base no longer accepts more than 110 to 120 years" in said(found)


def test_more_choices_in_another_order_make_no_disagreement_and_are_said(folder: Path) -> None:
    changed(folder, "findings.yaml", "choices: [myasthenia_gravis, other]", "choices: [other, lems, myasthenia_gravis]")
    found = compared(folder)
    assert found.disagreements == []
    assert "diagnosis: the new base also accepts lems" in said(found)


def test_a_finding_of_another_unit_is_given_of_no_patient_of_both(folder: Path) -> None:
    found = compare(BASE.knowledge, _with(BASE.knowledge, "actual_weight_kg", unit="lb"), [])
    assert found.disagreements == []
    assert found.accepted[0].finding == "actual_weight_kg"


def test_a_finding_that_only_the_new_asks_for_is_free_there_and_named(folder: Path) -> None:
    added(folder, "findings.yaml", "fever:\n  asks: Is there fever?\n  topic: acute state\n  type: yes/no\n")
    changed(folder, "statements/crisis.yaml", "[ivig_supported, sepsis]", "[ivig_supported, sepsis, fever]")
    found = compared(folder)
    one = on(found, "S17")["verdict"]
    assert one.old == "applies"
    assert "only the new base asks for fever" in said(found) or "fever" not in one.patient


# The command. ------------------------------------------------------------------------------


def test_a_layer_is_laid_over_the_base_in_use_and_labelled() -> None:
    done = ivig("knowledge", "diff", str(SHIPPED), str(LAYER))
    assert done.returncode == 0, done.stderr
    page = " ".join(done.stdout.split())
    assert "PL08 (statement) (layer product_label), added" in page
    assert "the status: indicated → conflict" in page or "the status: role only → conflict" in page


def test_a_layer_in_use_is_laid_over_both(folder: Path) -> None:
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years >= 65 years")
    done = ivig("--layer", str(LAYER), "knowledge", "diff", str(SHIPPED), str(folder), "--format", "json")
    data = json.loads(done.stdout)
    assert [entry["id"] for entry in data["changed"]] == ["S18"]
    assert "PLA2" in {one["rule"] for one in data["disagreements"]}
    assert data["layers"]["PLA2"] == "product_label"


def test_an_old_layer_is_compared_with_a_new_one(tmp_path: Path) -> None:
    import shutil

    layer = Path(shutil.copytree(LAYER, tmp_path / "layer"))
    text = next(p for p in sorted((layer / "statements").glob("*.yaml")) if "age_years > 65 years" in p.read_text())
    text.write_text(text.read_text().replace("age_years > 65 years", "age_years > 70 years"))
    data = json.loads(ivig("knowledge", "diff", str(LAYER), str(layer), "--format", "json").stdout)
    assert [entry["id"] for entry in data["changed"]] == ["PL03"]
    assert {one["rule"] for one in data["disagreements"]} == {"PL03", "PLA2"}


def test_the_data_names_every_case_and_the_page_the_first_of_those_that_differ_alike(folder: Path) -> None:
    old = "{total: 2 g/kg, over: 5 days, weight: not stated}"
    changed(folder, "statements/preoperative.yaml", old, old.replace("5 days", "4 days"))
    found = compare(BASE.knowledge, load(folder), CASES, with_solver=False)
    assert f"{len(found.cases)} cases: S36, other doses (" in said(found)
    assert len(comparison_data(found)["cases"]) == len(found.cases) > 5
    assert f"{found.cases[0].case}, " in said(found)
    assert f"{found.cases[-1].case}" not in said(found)


# Properties. -------------------------------------------------------------------------------


def _with(knowledge: Knowledge, finding: str, **changes: Any) -> Knowledge:
    one = replace(knowledge.findings[finding], **changes)
    return replace(knowledge, findings={**knowledge.findings, finding: one})


FINDINGS_CHANGED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("c", {"only_if": None}),
    ("m", {"only_if": Test("a", "is", "yes")}),
    ("e", {"only_if": Test("b", "is", "yes")}),
    ("n", {"low": Decimal(3), "high": Decimal(20)}),
    ("n", {"type": "whole number"}),
    ("e", {"choices": ("z", "w", "y", "x")}),
    ("a", {"type": "choice", "choices": ("no", "perhaps", "yes")}),
    ("n", {"unit": "cm"}),
    ("d", {"only_if": Test("n", ">=", Decimal(4))}),
)


@st.composite
def told_in_full(draw: DrawFn) -> Knowledge:
    """Draw a knowledge base in which doses are spread, requirements fulfilled and the status decided."""
    knowledge = draw(knowledge_bases())
    statements = dict(knowledge.statements)
    for name in list(statements)[:2]:
        statements[name] = replace(statements[name], fulfilled=draw(conditions((), False, False, 1)))
    daily = Decimal(draw(st.sampled_from(["0.4", "0.5", "1"])))
    limit = AnyDose(draw(st.sampled_from([">", ">=", "<", "<="])), Decimal(draw(st.integers(1, 120))))
    statements["S90"] = Statement(
        "S90", "S90", "regimen_detail", "P.1", (2,), limit, None, Spread(daily, 1, draw(st.integers(1, 4)))
    )
    sides = tuple((name,) for name in list(statements)[-3:])
    conflict = replace(knowledge.conflicts["A1"], between=sides, decides_status=draw(st.booleans()))
    return replace(knowledge, statements=statements, conflicts={"A1": conflict})


@st.composite
def pairs(draw: DrawFn) -> tuple[Knowledge, Knowledge]:
    """Draw two knowledge bases: unrelated, or one small change apart, in a rule or in a finding."""
    old = draw(told_in_full())
    how = draw(st.sampled_from(["mutant", "mutant", "finding", "other"]))
    if how == "other":
        return old, draw(told_in_full())
    if how == "finding":
        name, changes = draw(st.sampled_from(FINDINGS_CHANGED))
        new = _with(old, name, **changes)
        return (old, new) if draw(st.booleans()) else (new, old)
    return old, draw(st.sampled_from(list(mutants(old)))).knowledge


def _told(old: Knowledge, new: Knowledge, patient: Mapping[str, str]) -> Iterator[Difference]:
    yield from differences(answer(old, patient), answer(new, patient))


@given(pairs())
def test_every_patient_printed_is_answered_differently_by_the_two(pair: tuple[Knowledge, Knowledge]) -> None:
    old, new = pair
    for one in proven(old, new, ()).disagreements:
        if "not_there" in (one.old, one.new):
            side = new if one.old == "not_there" else old
            assert answer(side, one.patient).verdicts[one.rule].verdict == "applies"
            continue
        about = "status" if one.aspect == "status" else one.rule
        assert Difference(about, one.aspect, one.old, one.new) in set(_told(old, new, one.patient))


@given(pairs(), st.lists(patients(), min_size=20, max_size=20))
def test_no_patient_is_answered_differently_where_no_disagreement_is_told(
    pair: tuple[Knowledge, Knowledge], some: list[dict[str, Given]]
) -> None:
    old, new = pair
    told = {(one.rule, one.aspect) for one in proven(old, new, ()).disagreements}
    units = {name for name in FINDINGS if old.findings[name].unit != new.findings[name].unit}
    for patient in some:
        words = {name: word.text for name, word in patient.items() if name not in units}
        if _is_accepted(old, words) and _is_accepted(new, words):
            assert {(one.rule, one.aspect) for one in _told(old, new, words)} <= told


def _is_accepted(knowledge: Knowledge, patient: Mapping[str, str]) -> bool:
    from engine.errors import InputError

    try:
        answer(knowledge, patient)
    except InputError:
        return False
    return True


@given(told_in_full(), st.data())
@settings(max_examples=15)
def test_a_smallest_patient_has_as_few_findings_as_any_of_that_difference(old: Knowledge, data: st.DataObject) -> None:
    new = data.draw(st.sampled_from([mutant for mutant in mutants(old) if mutant.on != "governor"])).knowledge
    found = [one for one in proven(old, new, ()).disagreements if 0 < len(one.patient) < 4]
    assume(found)
    for one in found[:3]:
        for words in _with_fewer(old, len(one.patient) - 1):
            assert all(
                (d.rule, d.aspect) != (one.rule, one.aspect) or _is_weaker(one, d) for d in _told(old, new, words)
            )


def _is_weaker(one: Disagreement, other: Difference) -> bool:
    """Whether a verdict is told by a patient to whom the rule applies in one only, and here is none."""
    return one.aspect == "verdict" and "applies" in (one.old, one.new) and "applies" not in (other.old, other.new)


def _with_fewer(knowledge: Knowledge, count: int) -> Iterator[dict[str, str]]:
    """Yield patients of whom that many findings are given, with a value or two each."""
    for names in combinations(knowledge.findings, count):
        for turn in range(3):
            words = {name: _value(knowledge.findings[name], turn) for name in names}
            if _is_accepted(knowledge, words):
                yield words


def _value(finding: Finding, turn: int) -> str:
    if finding.is_number:
        return str(int(finding.low or 0) + (0, 4, 9)[turn])
    words = finding.choices or ("yes", "no")
    return words[turn % len(words)]
