"""How, why not and what if, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given

from engine.cases import Case
from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.consultation import consult
from engine.errors import InputError
from engine.explanation import how, require_rule, what_if, why_not
from engine.findings import Findings, Given, interpret
from engine.language import choices
from engine.model import Finding, Guideline, Knowledge, Not, Statement, Test, every, some
from engine.repairs import smallest_changes
from engine.truth import Truth
from tests.conftest import Consult
from tests.random_knowledge import SECTIONS, knowledge_bases, patients


def leaves(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "from" not in node:
        yield node
    for inner in node.get("from", ()):
        yield from leaves(inner)


def test_a_how_tree_goes_from_the_conclusion_down_to_findings(base: RuleBase, consult_mg: Consult) -> None:
    data = how(base, consult_mg(respiratory_compromise="yes", hospital_admission_needed="yes"), "S07")
    assert data["tree"]["id"] == "S07"
    assert data["tree"]["references"] == [1, 2]
    assert data["tree"]["source"] == "A1.1"
    assert {leaf["finding"] for leaf in leaves(data["tree"])} == {
        "diagnosis",
        "hospital_admission_needed",
        "respiratory_compromise",
    }


def test_the_leaves_of_every_how_tree_are_what_decided(base: RuleBase, cases: list[Case]) -> None:
    for case in cases[::9]:
        consultation = consult(base, interpret(base.knowledge, case.findings, case.parameters))
        for name, verdict in consultation.verdicts.items():
            tree = how(base, consultation, name)["tree"]
            if verdict.verdict == "undetermined":
                assert tree is None
                continue
            found = {leaf.get("not_applicable", leaf)["finding"] for leaf in leaves(tree)}
            assert found == set(verdict.because)


def test_a_derived_value_says_where_it_comes_from(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg({"child_age_below_years": 18}, myasthenic_crisis="yes", age_years=10)
    [leaf] = [leaf for leaf in leaves(how(base, consultation, "S19")["tree"]) if leaf["finding"] == "child"]
    assert leaf["derived_from"] == ["age_years"]
    assert leaf["parameter"] == "child_age_below_years"


def test_what_is_not_applicable_names_its_governor(base: RuleBase, consult_mg: Consult) -> None:
    data = how(base, consult_mg(myasthenic_crisis="yes", age_years=40), "S19")
    [leaf] = leaves(data["tree"])
    assert leaf["not_applicable"]["finding"] == "age_years"


def test_why_not_tells_failed_from_unknown(base: RuleBase, consult_mg: Consult) -> None:
    data = why_not(base, consult_mg(myasthenic_crisis="no"), "S02")
    assert [test["test"] for test in data["failed"]] == ["myasthenic_crisis"]
    assert [test["test"] for test in data["unknown"]] == ["hospital_admission_needed"]
    assert [[(c["finding"], c["to"]) for c in changes] for changes in data["changes"]] == [
        [("hospital_admission_needed", "yes"), ("myasthenic_crisis", "yes")]
    ]


def test_why_not_of_what_applies_has_nothing_to_change(base: RuleBase, consult_mg: Consult) -> None:
    data = why_not(base, consult_mg(myasthenic_crisis="yes"), "S12")
    assert data["verdict"] == "applies"
    assert data["changes"] == data["failed"] == data["unknown"] == []


def test_the_changes_of_why_not_make_the_rule_apply(base: RuleBase, cases: list[Case]) -> None:
    for case in cases[::12]:
        findings = interpret(base.knowledge, case.findings, case.parameters)
        for name in (*base.knowledge.statements, *base.knowledge.conflicts):
            for changes in smallest_changes(base.knowledge, findings, name):
                words = dict(case.findings)
                words |= {c.finding: Given("unknown" if c.after is None else str(c.after)) for c in changes}
                changed = interpret(base.knowledge, words, case.parameters)
                assert Judge(base.knowledge, changed).rule(name).truth is Truth.YES


def test_a_change_that_undoes_the_support_finds_another_support(base: RuleBase, consult_mg: Consult) -> None:
    data = why_not(base, consult_mg(myasthenic_crisis="yes", sepsis="yes"), "A14")
    assert data["changes"]
    assert all({"finding": "myasthenic_crisis", "from": "yes", "to": "no"} in changes for changes in data["changes"])


@pytest.mark.parametrize("name", ["S33", "S34", "S65"])
def test_a_change_goes_back_to_what_a_parameter_derives_from(base: RuleBase, consult_mg: Consult, name: str) -> None:
    settings: dict[str, object] = {"iga_deficiency_below_g_per_l": "0.07"}
    consultation = consult_mg(settings, myasthenic_crisis="yes", serum_iga_g_per_l="0.07")
    [[change], *_] = why_not(base, consultation, name)["changes"]
    assert change["finding"] == "serum_iga_g_per_l"


def test_what_the_rule_needs_is_not_said_to_stand_in_its_way(base: RuleBase, consult_mg: Consult) -> None:
    data = why_not(base, consult_mg(myasthenic_crisis="yes", plasma_exchange_contraindicated="yes"), "A48")
    assert [test["test"] for test in data["failed"]] == ["plasma_exchange_contraindicated"]


_YES_NO = {name: Finding(name, f"{name}?", "yes/no") for name in "pqrst"}


def _small(when: object) -> Knowledge:
    guideline = Guideline("g", "1", "G", "it", Test("p", "is", "yes"), SECTIONS, ())
    statement = Statement("S1", "S1", "indication", "P.1", (1,), when)  # type: ignore[arg-type]
    return Knowledge(guideline, {}, _YES_NO, {}, {"S1": statement}, {}, {}, {}, {})


def _fewest_by_trying_everything(knowledge: Knowledge, findings: Findings, name: str) -> int | None:
    names = list(knowledge.findings)
    for count in range(len(names) + 1):
        for chosen in combinations(names, count):
            options = [[*choices(knowledge.findings[n]), "unknown"] for n in chosen]
            for values in product(*options):
                words = {n: Given(str(v)) for n, v in findings.given.items()}
                words |= {n: Given(v) for n, v in zip(chosen, values, strict=True)}
                if Judge(knowledge, interpret(knowledge, words)).rule(name).truth is Truth.YES:
                    return count
    return None


@pytest.mark.parametrize(
    "when",
    [
        every(Test("q", "is", "yes"), Not(Test("r", "is", "yes"))),
        some(every(Test("q", "is", "yes"), Test("r", "is", "yes")), Test("s", "is unknown")),
        every(some(Test("q", "is", "yes"), Test("r", "is", "no")), Test("s", "is known"), Not(Test("t", "is", "yes"))),
        every(
            Not(some(Test("q", "is", "yes"), Test("r", "is", "yes"))),
            some(Test("q", "is", "no"), Test("t", "is", "no")),
        ),
    ],
)
def test_no_fewer_changes_would_do(when: object) -> None:
    knowledge = _small(when)
    for values in product(["yes", "no", "unknown"], repeat=5):
        findings = interpret(knowledge, {n: Given(v) for n, v in zip("pqrst", values, strict=True)})
        fewest = _fewest_by_trying_everything(knowledge, findings, "S1")
        found = smallest_changes(knowledge, findings, "S1")
        assert {len(changes) for changes in found} == ({fewest} if fewest is not None else set())


@given(knowledge_bases(), patients())
def test_every_change_proposed_on_random_knowledge_works(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    findings = interpret(knowledge, patient)
    for name in knowledge.rules:
        for changes in smallest_changes(knowledge, findings, name):
            words = {**patient, **{c.finding: Given("unknown" if c.after is None else str(c.after)) for c in changes}}
            assert Judge(knowledge, interpret(knowledge, words)).rule(name).truth is Truth.YES


def test_what_if_says_what_changes_and_why(base: RuleBase, consult_mg: Consult) -> None:
    consultation = consult_mg(severe_disease="no", actual_weight_kg=70)
    data = what_if(base, consultation, {"grade": Given("2"), "dysphagia": Given("yes")})
    changes = {change["finding"]: (change["from"], str(change["to"])) for change in data["changes"]}
    assert changes == {"dysphagia": (None, "yes"), "grade": (None, "2"), "graded": (None, "yes")}
    assert data["status"] == {"from": "undetermined", "to": "indicated"}
    [s26] = [verdict for verdict in data["verdicts"] if verdict["id"] == "S26"]
    assert (s26["from"], s26["to"], s26["because"]) == ("undetermined", "applies", ["diagnosis", "dysphagia"])
    assert [dose["statement"] for dose in data["doses"]["new"]] == ["S29", "S29"]


def test_what_if_nothing_changes_says_so(base: RuleBase, consult_mg: Consult) -> None:
    data = what_if(base, consult_mg(dysphagia="yes"), {"dysphagia": Given("yes")})
    assert data["changes"] == data["verdicts"] == []


def test_what_if_can_withdraw_a_finding(base: RuleBase, consult_mg: Consult) -> None:
    data = what_if(base, consult_mg(dysphagia="yes"), {"dysphagia": Given("unknown")})
    assert data["status"] == {"from": "indicated", "to": "undetermined"}


@pytest.mark.parametrize(("name", "hint"), [("S99", "Did you mean"), ("severe", "severe_mg"), ("S70", "not encoded")])
def test_a_wrong_name_gets_the_nearest(knowledge: Knowledge, name: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        require_rule(knowledge, name)


def test_a_name_in_small_letters_is_found(knowledge: Knowledge) -> None:
    assert require_rule(knowledge, "s12") == "S12"


def test_what_if_keeps_the_reasons_and_the_parameters(base: RuleBase, consult_mg: Consult) -> None:
    from engine.explanation import changed

    consultation = consult_mg({"child_age_below_years": 16}, iga_status="pending", age_years=12)
    other = changed(consultation, {"dysphagia": Given("yes")})
    assert other.reasons == {"iga_status": "pending"}
    assert other.values["child"] == "yes"
