"""Impact: which past consultations would read differently under other knowledge, and what is responsible."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from msgspec.structs import replace

from engine import impacts as module
from engine.compiler import compile_rules
from engine.conditions import Judge
from engine.consultation import Consultation, consult, evaluate
from engine.contract import consultation_data
from engine.errors import InputError
from engine.findings import Given, interpret, shown
from engine.impacts import Impact, impact, told_otherwise
from engine.ledger import Ledger, begin_or_open
from engine.loading import SHIPPED, load
from engine.model import Knowledge, Note, Reference, Statement
from engine.mutants import mutants
from engine.records import Entry, recording
from engine.rendering.ledger import impact_data, render_impact
from engine.replay import consultations, replay
from engine.snapshots import snapshot_of
from tests.bases import added, changed, copied
from tests.conftest import BASE, CASES
from tests.ledgers import ledger_of, spread
from tests.random_knowledge import patients
from tests.test_comparison import DECIDING, pairs

LAYER = SHIPPED / "layers" / "product_label"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger that holds all worked cases."""
    return ledger_of(tmp_path_factory.mktemp("ledger") / "a.sqlite", CASES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped base, to be changed."""
    return copied(tmp_path / "base")


def by_name(found: Impact) -> dict[str, list[module.Change]]:
    named: dict[str, list[module.Change]] = {}
    for change in found.changes:
        named.setdefault(change.responsible, []).append(change)
    return named


def entries(found: Impact) -> set[int]:
    return {number for change in found.changes for number in change.entries}


def applying(ledger: Ledger, name: str) -> set[int]:
    """Return the consultations in which a rule applied, which are those of its cases."""
    return {entry.number for entry in consultations(ledger) if name in entry.applies}


# Who is responsible. -----------------------------------------------------------------------


def test_the_statement_responsible_is_named_and_exactly_the_consultations(ledger: Ledger, folder: Path) -> None:
    changed(folder, "statements/crisis.yaml", "age_years > 65 years", "age_years > 70 years")
    new = load(folder)
    found = impact(ledger, folder)
    assert {change.responsible for change in found.changes} == {"S18"}
    expected = set()
    for number, case in enumerate(CASES, 1):
        before, after = (
            evaluate(Judge(k, interpret(k, case.findings, case.parameters))).verdicts["S18"].verdict
            for k in (BASE.knowledge, new)
        )
        if before != after:
            expected.add(number)
    assert entries(found) == expected
    assert found.affected == len(expected) > 0
    assert any("A46" in change.follows for change in found.changes)


def test_other_words_are_told_of_those_who_read_them(ledger: Ledger, folder: Path) -> None:
    changed(folder, "statements/crisis.yaml", "says: In sepsis, IVIG is safer", "says: In sepsis IVIG is safer")
    found = impact(ledger, folder)
    [change] = found.changes
    assert change.responsible == "S17"
    assert change.before.startswith("In sepsis, IVIG")
    assert change.after.startswith("In sepsis IVIG")
    assert set(change.entries) >= applying(ledger, "S17")
    assert found.affected < found.consultations


def test_a_changed_dose_is_told(ledger: Ledger, folder: Path) -> None:
    old = "{total: 2 g/kg, over: 5 days, weight: not stated}"
    changed(folder, "statements/preoperative.yaml", old, old.replace("5 days", "4 days"))
    found = impact(ledger, folder)
    assert {change.responsible for change in found.changes} == {"S36"}
    assert entries(found) == applying(ledger, "S36")


def test_another_side_of_a_conflict_is_told(ledger: Ledger, folder: Path) -> None:
    changed(folder, "conflicts.yaml", "between: [[S23], [S55]]", "between: [[S23], [S54, S55]]")
    found = by_name(impact(ledger, folder))
    assert set(found) == {"A03"}
    assert any("S54" in change.after and "S54" not in change.before for change in found["A03"])


def test_a_statement_of_another_kind_is_responsible_for_the_status(ledger: Ledger, folder: Path) -> None:
    text = (folder / "statements" / "crisis.yaml").read_text(encoding="utf-8")
    start = text.index("\nS18:")
    text = text[:start] + text[start:].replace("kind: comparison", "kind: indication", 1)
    (folder / "statements" / "crisis.yaml").write_text(text, encoding="utf-8")
    found = by_name(impact(ledger, folder))
    assert set(found) == {"S18"}
    assert any("status" in change.follows for change in found["S18"])


def test_a_conflict_that_now_decides_the_status_is_responsible_for_it(ledger: Ledger, folder: Path) -> None:
    changed(folder, "conflicts.yaml", *DECIDING)
    found = by_name(impact(ledger, folder))
    assert set(found) == {"A03"}
    assert any("status" in change.follows for change in found["A03"])


def test_a_concept_is_responsible_for_what_rests_on_it(ledger: Ledger, folder: Path) -> None:
    text = (folder / "concepts.yaml").read_text(encoding="utf-8")
    name = next(iter(BASE.knowledge.concepts))
    start = text.index("  when:", text.index(f"{name}:\n"))
    ends = [place for place in (text.find(f"\n{other}:", start) for other in BASE.knowledge.concepts) if place > 0]
    end = min(ends, default=len(text))
    (folder / "concepts.yaml").write_text(f"{text[:start]}  when: sepsis\n{text[end:]}", encoding="utf-8")
    found = impact(ledger, folder)
    assert {change.responsible for change in found.changes} == {name}
    assert any(change.follows for change in found.changes)


def test_a_note_from_outside_is_told_wherever_it_is_shown(ledger: Ledger, folder: Path) -> None:
    added(folder, "context.yaml", "C99:\n  says: More.\n  citation: None.\n  attaches to: [S01]\n")
    [change] = impact(ledger, folder).changes
    assert (change.responsible, change.before) == ("C99", "not there")
    assert change.after.startswith("More.")
    assert set(change.entries) == applying(ledger, "S01")


def test_the_entry_of_a_reference_is_told_where_it_is_cited() -> None:
    knowledge, new = BASE.knowledge, _other_entry(BASE.knowledge)
    for case in spread(40):
        before, after = (evaluate(Judge(k, interpret(k, case.findings, case.parameters))) for k in (knowledge, new))
        cited = {n for s in before.applying(knowledge.statements) for n in before.references(s)}
        assert {key[0] for key, _ in told_otherwise(before, after)} == ({"[1]"} if 1 in cited else set())


def _other_entry(knowledge: Knowledge) -> Knowledge:
    other = Reference(1, knowledge.references[1].basis, "Another entry.")
    return replace(knowledge, references={**knowledge.references, 1: other})


def test_another_question_and_another_order_of_questions_are_told() -> None:
    knowledge = BASE.knowledge
    names = list(knowledge.findings)
    turned = replace(knowledge, findings={name: knowledge.findings[name] for name in reversed(names)})
    asked = replace(knowledge.findings["sepsis"], asks="Septic?")
    other = replace(knowledge, findings={**knowledge.findings, "sepsis": asked})
    words = {"diagnosis": Given("myasthenia_gravis"), "myasthenic_crisis": Given("yes")}
    before, after, third = (evaluate(Judge(k, interpret(k, words))) for k in (knowledge, turned, other))
    assert [key[0] for key, _ in told_otherwise(before, after)] == ["open questions"]
    [((name, was, now), _)] = told_otherwise(before, third)
    assert (name, now) == ("sepsis", "asks Septic?")
    assert was != now


def test_the_same_knowledge_has_no_impact(ledger: Ledger) -> None:
    found = impact(ledger, SHIPPED)
    assert (found.affected, found.not_judged, found.changes, found.unreadable) == (0, 0, (), ())
    assert render_impact(found).startswith(f"None of {len(CASES)} consultations would read")


# What cannot be judged, layers and memory. -------------------------------------------------


def _without_sepsis(folder: Path) -> Path:
    """Call a finding otherwise, so that old findings are not taken."""
    changed(folder, "findings.yaml", "\nsepsis:", "\nblood_poisoning:")
    changed(folder, "statements/crisis.yaml", "[ivig_supported, sepsis]", "[ivig_supported, blood_poisoning]")
    return folder


def test_consultations_that_cannot_be_judged_are_counted_and_named(tmp_path: Path, folder: Path) -> None:
    septic = [case for case in CASES if "sepsis" in case.findings][:2]
    found = impact(ledger_of(tmp_path / "a.sqlite", septic), _without_sepsis(folder))
    assert (found.consultations, found.not_judged, found.affected) == (2, 2, 0)
    assert found.unreadable == (module.Unreadable("'sepsis' is not a known finding", (1, 2)),)
    said = " ".join(render_impact(found).split())
    assert "None" not in said
    assert said.startswith("0 of 0 consultations that can be judged would read differently")
    assert "2 cannot be judged, for the reasons given below." in said
    assert impact_data(found)["not_judged"] == 2


def _recorded_with_layer(path: Path) -> Ledger:
    laid = load(SHIPPED, [LAYER])
    consultation = consult(compile_rules(laid), interpret(laid, CASES[0].findings, CASES[0].parameters))
    snapshot = snapshot_of(laid, SHIPPED, [LAYER])
    ledger = begin_or_open(path, path.with_suffix(".key"))
    ledger.record(recording(consultation, "", snapshot.digest, "2026-01-01T00:00:00Z", "Dr. Ada"), snapshot)
    return ledger


def test_a_consultation_with_a_layer_is_judged_with_its_layer(tmp_path: Path, folder: Path) -> None:
    ledger = _recorded_with_layer(tmp_path / "a.sqlite")
    assert replay(ledger, ledger.entry(1)).differences == ()
    assert impact(ledger, SHIPPED).affected == 0
    [name] = [name for name in ledger.entry(1).applies if name in ("S01", "S02")][:1] or ["S01"]
    added(folder, "context.yaml", f"C99:\n  says: More.\n  citation: None.\n  attaches to: [{name}]\n")
    told = [change.responsible for change in impact(ledger, folder).changes]
    assert told == (["C99"] if name in ledger.entry(1).applies else [])


def test_no_more_receipts_are_kept_than_are_said_and_the_same_is_found(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = spread(6)
    ledger = ledger_of(tmp_path / "a.sqlite", [*cases, *cases])
    changed(folder, "statements/crisis.yaml", "  says: Over the age", "  says: Above the age")
    judged: list[int] = []
    judge = module._judged

    def counted(ledger: Ledger, entry: Entry, under: Any) -> module.Judged:
        judged.append(entry.number)
        return judge(ledger, entry, under)

    monkeypatch.setattr(module, "_judged", counted)
    found = impact(ledger, folder)
    assert judged == list(range(1, 7))
    monkeypatch.setattr(module, "KEPT", 2)
    judged.clear()
    assert impact(ledger, folder) == found
    assert judged == list(range(1, 13))


# Exactly what is read. ---------------------------------------------------------------------


def read(consultation: Consultation) -> dict[str, Any]:
    """Return the contract but for what is ruled out, the trace, the findings not known and which knowledge it is.

    With what the pages say besides: the title, units, sides, whether a conflict decides, and the references.
    """
    knowledge, data = consultation.knowledge, consultation_data(consultation)
    for key in ("format", "layers", "unknown", "trace"):
        del data[key]
    data["guideline"] = (data["guideline"]["document"], knowledge.guideline.title, knowledge.guideline.treatment)
    for group in ("statements", "conflicts"):
        data[group] = [one for one in data[group] if one["verdict"] != "ruled_out"]
    applying = consultation.applying([*knowledge.statements, *knowledge.conflicts])
    named = {s for s in knowledge.statements if consultation.verdicts[s].verdict != "ruled_out"}
    data["sides"] = {c: _sides(knowledge, c, named) for c in applying if c in knowledge.conflicts}
    data["deciding"] = [c for c in applying if c in knowledge.conflicts and knowledge.conflicts[c].decides_status]
    data["shown"] = {n: shown(value, knowledge.findings[n]) for n, value in consultation.findings.values.items()}
    cited = {n for s in applying if s in knowledge.statements for n in knowledge.statements[s].references}
    data["cited"] = {n: knowledge.references[n] for n in cited if n in knowledge.references}
    return data


def _sides(knowledge: Knowledge, conflict: str, named: set[str]) -> list[list[str]]:
    sides = [[name for name in side if name in named] for side in knowledge.sides(conflict)]
    while sides and not sides[-1]:
        sides.pop()
    return sides


@st.composite
def changes(draw: DrawFn) -> tuple[Knowledge, Knowledge]:
    """Draw two knowledge bases, and change the words of one of them, or what is shown beside the rules."""
    old, new = draw(pairs())
    name = draw(st.sampled_from(sorted(new.statements)))
    statement = replace(new.statements[name], says="Other words.")
    others: list[Mapping[str, Any]] = [
        {},
        {},
        {"statements": {**new.statements, name: statement}},
        {"conflicts": {"A1": replace(new.conflicts["A1"], says="Other words.")}},
        {"notes": {"C1": Note("C1", "More.", "Nobody.", (name,))}},
        {"document": {"D1": Statement("D1", "Of itself.")}},
        {"references": {1: Reference(1, "Given.")}},
        {"guideline": replace(new.guideline, not_covered=("silence",))},
        {"findings": dict(reversed(list(new.findings.items())))},
    ]
    return old, replace(new, **draw(st.sampled_from(others)))


def answer(knowledge: Knowledge, words: Mapping[str, Given]) -> Consultation:
    try:
        return evaluate(Judge(knowledge, interpret(knowledge, words)))
    except InputError:
        assume(False)
        raise


@given(changes(), patients())
def test_a_consultation_is_affected_exactly_where_something_is_read_differently(
    pair: tuple[Knowledge, Knowledge], words: dict[str, Given]
) -> None:
    before, after = (answer(knowledge, words) for knowledge in pair)
    assert bool(list(told_otherwise(before, after))) == (read(before) != read(after))


@pytest.mark.parametrize("on", sorted({mutant.on for mutant in mutants(BASE.knowledge)}))
def test_a_small_change_to_the_guideline_affects_exactly_those_who_read_it(on: str) -> None:
    some = [mutant for mutant in mutants(BASE.knowledge) if mutant.on == on]
    for mutant in some[:: max(1, len(some) // 12)]:
        for case in spread(12):
            try:
                knowledge_and_findings = [
                    (k, interpret(k, case.findings, case.parameters)) for k in (BASE.knowledge, mutant.knowledge)
                ]
            except InputError:
                continue
            before, after = (evaluate(Judge(k, findings)) for k, findings in knowledge_and_findings)
            found = dict(told_otherwise(before, after))
            assert bool(found) == (read(before) != read(after)), mutant.change
            if found and on not in ("governor", "parameter", "scope"):
                assert [name for name, _, _ in found] == [mutant.entry], mutant.change
