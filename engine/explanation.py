"""Explanations as data: how a conclusion was reached, why another was not, and what if.

``how`` reads the trace of what fired. ``why_not`` and ``what_if`` ask the evaluator and consult
again. Only ``rendering`` makes sentences of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.consultation import APPLIES, Consultation, consult
from engine.contract import dose_data, layer_data, reasons_data
from engine.errors import Fault, InputError, did_you_mean, shortened
from engine.findings import Findings, Given, interpret, shown
from engine.language import phrase
from engine.model import AnyDose, Condition, DoseTest, Gate, Knowledge, Named, Not, Test, natural
from engine.repairs import Change, smallest_changes
from engine.truth import Truth


def require_rule(knowledge: Knowledge, name: str) -> str:
    """Return the id of a concept, statement or conflict, or say which are near.

    Raises:
        InputError: when there is none of that name.

    """
    if name in knowledge.rules:
        return name
    if name.upper() in knowledge.rules:
        return name.upper()
    if name in knowledge.document:
        raise InputError(
            [
                Fault(
                    f"{name} is not encoded: {knowledge.document[name].not_encoded}",
                    f"Read it with 'ivig-mg show {name}'.",
                )
            ]
        )
    hint = did_you_mean(name, knowledge.rules) or "See 'ivig-mg show' for all names."
    raise InputError([Fault(f"'{shortened(name)}' is not a statement, conflict or concept", hint)])


# How. --------------------------------------------------------------------------------------


def how(base: RuleBase, consultation: Consultation, name: str) -> dict[str, Any]:
    """Return the tree from a conclusion down to findings.

    An undetermined rule has no tree; what it waits for is under ``missing``.
    """
    verdict = consultation.verdicts[name]
    steps = {step.about: step for step in consultation.trace}
    return {
        "explains": "how",
        "id": name,
        **layer_data(consultation.knowledge, name),
        "verdict": verdict.verdict,
        **reasons_data(verdict),
        "tree": _Tree(base, consultation, steps).rule(name) if name in steps else None,
    }


class _Tree(Struct, frozen=True):
    base: RuleBase
    consultation: Consultation
    steps: Mapping[str, Any]

    def rule(self, name: str) -> dict[str, Any]:
        verdict = self.consultation.verdicts[name].verdict
        return {
            **rule_words(self.consultation.knowledge, name),
            "verdict": verdict,
            **({"one_is_enough": True} if verdict == APPLIES and _is_any_of(self.consultation.knowledge, name) else {}),
            "from": [self.premise(premise.about, premise.truth) for premise in self.steps[name].premises],
        }

    def premise(self, about: str, truth: str) -> dict[str, Any]:
        if about in self.steps:
            return self.rule(about)
        if about not in self.base.tests:
            return {"test": about, "truth": truth}
        return {"test": about, "truth": truth, **tested(self.base.tests[about], self.consultation)}


def _is_any_of(knowledge: Knowledge, name: str) -> bool:
    """Whether a rule holds by any one of several conditions, besides what the guideline requires of all rules."""
    when = (knowledge.concepts.get(name) or knowledge.statements.get(name) or knowledge.conflicts[name]).when
    return isinstance(when, Gate) and when.needed == 1 and len(when.of) > 1


def rule_words(knowledge: Knowledge, name: str) -> dict[str, Any]:
    """Return the words of a rule, and of a statement its kind, place in the source and references."""
    if name in knowledge.statements:
        statement = knowledge.statements[name]
        return {
            "id": name,
            **layer_data(knowledge, name),
            "says": statement.says,
            "kind": statement.kind,
            "source": statement.source,
            "references": list(statement.references),
        }
    says = (knowledge.concepts.get(name) or knowledge.conflicts[name]).says
    return {"id": name, **layer_data(knowledge, name), "says": says}


def tested(test: Test | DoseTest, consultation: Consultation) -> dict[str, Any]:
    """Return the finding that a test is on, its value, and where the value comes from."""
    findings, knowledge = consultation.findings, consultation.knowledge
    name = test.weight if isinstance(test, DoseTest) else test.finding
    data: dict[str, Any] = {"finding": name, **layer_data(knowledge, name), "value": findings.values.get(name)}
    governor = knowledge.findings[name].only_if
    judge = Judge(knowledge, findings)
    if governor is not None and judge.test(governor).truth is Truth.NO:
        data["not_applicable"] = {"finding": governor.finding, "value": findings.values.get(governor.finding)}
    derived = findings.derived.get(name)
    if derived is not None:
        data["derived_from"] = list(derived.source)
        if derived.parameter:
            data["parameter"] = derived.parameter
    return data


# Why not. ----------------------------------------------------------------------------------


def why_not(base: RuleBase, consultation: Consultation, name: str) -> dict[str, Any]:
    """Return what stands in the way of a rule, and the smallest changes that would make it apply."""
    verdict = consultation.verdicts[name]
    tests = in_the_way(consultation, name)
    return {
        "explains": "why_not",
        **rule_words(consultation.knowledge, name),
        "verdict": verdict.verdict,
        **reasons_data(verdict),
        "failed": [test for test in tests if test["truth"] != "unknown"],
        "unknown": [test for test in tests if test["truth"] == "unknown"],
        "changes": [] if verdict.verdict == APPLIES else _changes(consultation, name),
    }


def in_the_way(consultation: Consultation, name: str) -> list[dict[str, Any]]:
    """Return the tests that keep a rule from applying: those that failed, and those that are unknown."""
    blockers = _Blockers(consultation, Judge(consultation.knowledge, consultation.findings))
    if consultation.verdicts[name].verdict != APPLIES:
        blockers.needed = set(_conjuncts(consultation.knowledge, consultation.knowledge.rules[name]))
        blockers.collect(consultation.knowledge.rules[name], Truth.YES)
    return list(blockers.tests.values())


class _Blockers:
    """Collects the tests that keep a condition from being what is wanted, once each."""

    def __init__(self, consultation: Consultation, judge: Judge) -> None:
        self.consultation = consultation
        self.judge = judge
        self.units = consultation.knowledge.units
        self.tests: dict[str, dict[str, Any]] = {}
        self.seen: set[tuple[str, Truth]] = set()
        self.needed: set[Condition] = set()
        """What the rule cannot do without: to make that false would not help."""

    def collect(self, condition: Condition, wanted: Truth) -> None:
        truth = self.judge.judge(condition).truth
        if truth is wanted or (wanted is Truth.NO and condition in self.needed):
            return
        match condition:
            case Test() | DoseTest():
                text = phrase(condition, self.units)
                needed = "yes" if wanted is Truth.YES else "no"
                self.tests[text] = {
                    "test": text,
                    "truth": truth.value,
                    "needed": needed,
                    **tested(condition, self.consultation),
                }
            case Named(name):
                if (name, wanted) not in self.seen:
                    self.seen.add((name, wanted))
                    self.collect(self.consultation.knowledge.rules[name], wanted)
            case Not(of):
                self.collect(of, ~wanted)
            case AnyDose():
                self.collect(self.judge.expanded(condition), wanted)
            case Gate(of=of):
                for part in of:
                    self.collect(part, wanted)


def _conjuncts(knowledge: Knowledge, condition: Condition) -> Iterator[Condition]:
    """Yield what has to hold for a condition to hold, whatever else does."""
    yield condition
    if isinstance(condition, Named):
        yield from _conjuncts(knowledge, knowledge.rules[condition.name])
    elif isinstance(condition, Gate) and condition.needed == len(condition.of):
        for part in condition.of:
            yield from _conjuncts(knowledge, part)


def _changes(consultation: Consultation, name: str) -> list[list[dict[str, Any]]]:
    return [
        [change_data(consultation.knowledge, change) for change in changes]
        for changes in smallest_changes(consultation.knowledge, consultation.findings, name)
    ]


def change_data(knowledge: Knowledge, change: Change) -> dict[str, Any]:
    """Return a change of one finding; None is unknown."""
    return {
        "finding": change.finding,
        **layer_data(knowledge, change.finding),
        "from": change.before,
        "to": change.after,
    }


# What if. ----------------------------------------------------------------------------------


def what_if(base: RuleBase, consultation: Consultation, changes: Mapping[str, Given]) -> dict[str, Any]:
    """Return what would be different if findings were as given; `unknown` withdraws a value.

    Raises:
        InputError: when the changed findings cannot be.

    """
    other = consult(base, changed(consultation, changes))
    differing = [
        name
        for name in natural(consultation.verdicts)
        if name not in consultation.knowledge.concepts and _outcome(consultation, name) != _outcome(other, name)
    ]
    before, after = ([dose_data(dose) for dose in c.doses] for c in (consultation, other))
    return {
        "explains": "what_if",
        "changes": [
            change_data(consultation.knowledge, change)
            for change in _changed_findings(consultation.findings, other.findings)
        ],
        "status": {"from": consultation.status, "to": other.status},
        "verdicts": [_difference(consultation, other, name) for name in differing],
        "doses": {
            "gone": [dose for dose in before if dose not in after],
            "new": [dose for dose in after if dose not in before],
        },
    }


def changed(consultation: Consultation, changes: Mapping[str, Given]) -> Findings:
    """Return the findings of a consultation with some changed.

    Raises:
        InputError: when the changed findings cannot be.

    """
    findings = consultation.findings
    kept = {name: Given(shown(value)) for name, value in findings.given.items()}
    reasons = {name: Given(reason) for name, reason in findings.reasons.items()}
    parameters = {name: Given(shown(value)) for name, value in findings.parameters.items()}
    return interpret(consultation.knowledge, {**kept, **reasons, **changes}, parameters)


def _outcome(consultation: Consultation, name: str) -> tuple[str, str | None]:
    return consultation.verdicts[name].verdict, consultation.verdicts[name].fulfilled


def _changed_findings(before: Findings, after: Findings) -> list[Change]:
    names = sorted({*before.values, *after.values})
    changes = (Change(name, before.values.get(name), after.values.get(name)) for name in names)
    return [change for change in changes if change.before != change.after]


def _difference(before: Consultation, after: Consultation, name: str) -> dict[str, Any]:
    old, new = before.verdicts[name], after.verdicts[name]
    data = {**rule_words(after.knowledge, name), "from": old.verdict, "to": new.verdict, **reasons_data(new)}
    if new.fulfilled is not None:
        data["fulfilled"] = {"from": old.fulfilled, "to": new.fulfilled}
    return data
