"""The inference engine against the independent evaluator, on random knowledge and random patients."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import rete
from engine.cases import Case
from engine.compiler import NOTHING, RuleBase, compile_rules
from engine.conditions import Judge
from engine.consultation import Consultation, consult
from engine.errors import EngineError, InputError
from engine.findings import Findings, Given, interpret
from engine.model import Conflict, Guideline, Knowledge, Test, parts
from engine.rete import Network, Premise, Production, Session
from engine.truth import Truth
from tests.random_knowledge import FINDINGS, SECTIONS, knowledge_bases, patients


def facts(base: RuleBase, findings: Findings) -> dict[str, str]:
    judge = Judge(base.knowledge, findings)
    truths = {about: judge.test(test).truth for about, test in base.tests.items()}
    return {about: truth.value for about, truth in truths.items() if truth is not Truth.UNKNOWN} | {NOTHING: "no"}


def judged(knowledge: Knowledge, findings: Findings) -> dict[str, str]:
    judge = Judge(knowledge, findings)
    return {name: judge.rule(name).truth.value for name in knowledge.rules}


def concluded(base: RuleBase, steps: list[rete.Step]) -> dict[str, str]:
    found = {step.about: step.truth for step in steps}
    return {name: found.get(name, "unknown") for name in base.knowledge.rules}


@given(knowledge_bases(), patients())
def test_experta_concludes_what_the_evaluator_judges(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    base, findings = compile_rules(knowledge), interpret(knowledge, patient)
    assert concluded(base, rete.run(base.network, facts(base, findings))) == judged(knowledge, findings)


class PlainSession(Session):
    """A session with experta's own matcher in place of ours."""

    __matcher__ = rete.PLAIN_MATCHER


def run_plainly(base: RuleBase, known: Mapping[str, str]) -> list[rete.Step]:
    session = PlainSession(base.network)
    session.reset()
    session.declare(*(rete.Holds(about=about, truth=truth) for about, truth in known.items()))
    session.run()
    return session.steps


@settings(max_examples=25)
@given(knowledge_bases(), patients())
def test_experta_with_its_own_matcher_concludes_the_same(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    base, findings = compile_rules(knowledge), interpret(knowledge, patient)
    assert concluded(base, run_plainly(base, facts(base, findings))) == judged(knowledge, findings)


def test_experta_with_its_own_matcher_answers_a_shipped_case_alike(base: RuleBase, cases: list[Case]) -> None:
    for case in cases[::40]:
        findings = interpret(base.knowledge, case.findings, case.parameters)
        assert concluded(base, run_plainly(base, facts(base, findings))) == judged(base.knowledge, findings)


VERDICT_OF = {"applies": "yes", "ruled_out": "no", "undetermined": "unknown"}


@given(knowledge_bases(), patients())
def test_the_trace_rests_on_the_findings_that_decided(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    base = compile_rules(knowledge)
    consultation = consult(base, interpret(knowledge, patient))
    rests_on: dict[str, frozenset[str]] = {}
    judge = Judge(knowledge, consultation.findings)
    for step in consultation.trace:
        below = (
            rests_on[p.about] if p.about in rests_on else judge.test(base.tests[p.about]).because
            for p in step.premises
            if p.about != NOTHING
        )
        rests_on[step.about] = frozenset().union(*below)
        assert rests_on[step.about] == set(consultation.verdicts[step.about].because)


@given(knowledge_bases(), patients())
def test_one_step_for_each_conclusion_and_none_besides(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    consultation = consult(compile_rules(knowledge), interpret(knowledge, patient))
    decided = {name for name, v in consultation.verdicts.items() if v.verdict != "undetermined"}
    assert sorted(step.about for step in consultation.trace) == sorted(decided)


def decided(consultation: Consultation) -> dict[str, str]:
    return {name: v.verdict for name, v in consultation.verdicts.items() if v.verdict != "undetermined"}


@given(knowledge_bases(monotone=True), patients(), st.data())
def test_a_further_finding_never_turns_a_verdict_round(
    knowledge: Knowledge, patient: dict[str, Given], data: st.DataObject
) -> None:
    fewer = {name: word for name, word in patient.items() if data.draw(st.booleans(), label=name)}
    base = compile_rules(knowledge)
    before = decided(consult(base, interpret(knowledge, fewer)))
    after = decided(consult(base, interpret(knowledge, patient)))
    assert before.items() <= after.items()


@given(knowledge_bases(monotone=True), patients(), patients())
def test_findings_that_are_not_missing_decide_nothing(
    knowledge: Knowledge, patient: dict[str, Given], more: dict[str, Given]
) -> None:
    base = compile_rules(knowledge)
    before = consult(base, interpret(knowledge, patient))
    for name, verdict in before.verdicts.items():
        if verdict.verdict != "undetermined":
            continue
        assert verdict.missing
        governing = {f.only_if.finding: n for n, f in knowledge.findings.items() if f.only_if is not None}
        beside = {*verdict.missing, *(governing[m] for m in verdict.missing if m in governing)}
        others = {n: word for n, word in more.items() if n not in beside and n not in before.findings.values}
        together = {**patient, **others}
        try:
            findings = interpret(knowledge, together)
        except InputError:
            continue  # a governed value of one draw stands against its governor of the other
        assert consult(base, findings).verdicts[name].verdict == "undetermined"


@given(knowledge_bases(), patients())
def test_a_verdict_rests_on_findings_that_its_rule_can_see(knowledge: Knowledge, patient: dict[str, Given]) -> None:
    for verdict in consult(compile_rules(knowledge), interpret(knowledge, patient)).verdicts.values():
        assert {*verdict.because, *verdict.missing} <= set(knowledge.findings)


def test_each_rule_has_two_productions_and_no_firing_order_of_chance(base: RuleBase) -> None:
    productions = base.network.productions
    sides = {(p.about, p.truth) for p in productions}
    assert len(sides) == len(productions)
    assert all((about, "no" if truth == "yes" else "yes") in sides for about, truth in sides)
    assert [p.stratum for p in productions] == sorted(p.stratum for p in productions)


def test_a_condition_on_a_value_is_judged_before_the_run(base: RuleBase) -> None:
    tests = {part for rule in base.knowledge.rules.values() for part in parts(rule) if isinstance(part, Test)}
    assert tests <= set(base.tests.values())


def test_a_no_whose_governor_is_unknown_may_yet_be_not_applicable() -> None:
    conflict = Conflict("A1", "A1", Test("c", "is", "no"))
    guideline = Guideline("g", "1", "G", "it", Test("diagnosis", "is", "here"), SECTIONS, ())
    base = compile_rules(Knowledge(guideline, {}, FINDINGS, {}, {}, {}, {"A1": conflict}, {}, {}))
    given_no = {"diagnosis": Given("here"), "c": Given("no")}
    verdict = consult(base, interpret(base.knowledge, given_no)).verdicts["A1"]
    assert (verdict.verdict, verdict.missing) == ("undetermined", ("a",))
    for governor, decided_as in (("yes", "applies"), ("no", "ruled_out")):
        findings = interpret(base.knowledge, {**given_no, "a": Given(governor)})
        assert consult(base, findings).verdicts["A1"].verdict == decided_as


def test_a_contradiction_is_an_error_that_says_where() -> None:
    holds = Production("S1", "yes", 1, (Premise("a", "yes"),), 1)
    fails = Production("S1", "no", 1, (Premise("b", "yes"),), 1)
    with pytest.raises(EngineError, match="S1 was concluded to hold and not to hold"):
        rete.run(Network([holds, fails]), {"a": "yes", "b": "yes"})


def test_importing_experta_leaves_collections_as_it_was() -> None:
    import collections

    assert not hasattr(collections, "Mapping")


def test_two_evaluations_that_differ_give_no_answer(
    base: RuleBase, monkeypatch: pytest.MonkeyPatch, cases: list[Case]
) -> None:
    honest = rete.run
    monkeypatch.setattr(rete, "run", lambda network, known: honest(network, known)[:-1])
    with pytest.raises(EngineError, match="differ on"):
        consult(base, interpret(base.knowledge, cases[0].findings))
