"""Worked cases tried against changes to the knowledge: whether any case notices one.

What is concluded of each patient while nothing is changed is kept, and only what rests on a change is judged anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from engine.cases import Case
from engine.conditions import Judge
from engine.consultation import Consultation, evaluate
from engine.errors import InputError
from engine.findings import interpret
from engine.model import Knowledge
from engine.mutants import Mutant
from engine.rules import needs, resting_on
from engine.verification import differences

READ_ANEW = ("scope", "governor", "parameter")
"""What a change may be on that touches every rule, or what is known of a patient."""


NOTICED_BY = {
    "reference": ("references",),
    "kind": ("kinds", "status", "first"),
    "side": ("references", "between"),
    "status": ("status",),
    "fulfilment": ("fulfilled", "open", "closed", "first"),
}
"""The expectations by which alone a change can be noticed, by what it is on; any, where it is on a rule or a dose."""


class Held(Struct, frozen=True):
    """A case, and what is concluded of its patient while nothing is changed."""

    case: Case
    judge: Judge
    before: Consultation


class Trials:
    """The worked cases, and what they conclude while nothing is changed."""

    def __init__(self, knowledge: Knowledge, cases: Sequence[Case]) -> None:
        judges = [Judge(knowledge, interpret(knowledge, case.findings, case.parameters)) for case in cases]
        self.held = [Held(case, judge, evaluate(judge)) for case, judge in zip(cases, judges, strict=True)]
        self.below = {name: needs(name, knowledge) for name in knowledge.rules}

    def notice(self, mutant: Mutant) -> bool:
        """Whether some case fails under a mutant; those that speak of the changed entry are tried first."""
        keys = NOTICED_BY.get(mutant.on)
        able = [one for one in self.held if keys is None or not one.case.expect.keys().isdisjoint(keys)]
        first = sorted(able, key=lambda one: not _speaks_of(one.case, mutant))
        if mutant.on in READ_ANEW:
            return any(_fails(one.case, mutant) for one in first)
        anew = self.resting_on(mutant.entry) if keys is None else {mutant.entry}
        return any(_fails_by(one, mutant, anew) for one in first)

    def resting_on(self, name: str) -> set[str]:
        """Return a rule and all that rest on it, at however many removes."""
        return resting_on(name, self.below)


def _fails(case: Case, mutant: Mutant) -> bool:
    try:
        findings = interpret(mutant.knowledge, case.findings, case.parameters)
    except InputError:
        return True
    return any(True for _ in differences(evaluate(Judge(mutant.knowledge, findings)), case.expect))


def _fails_by(one: Held, mutant: Mutant, anew: Collection[str]) -> bool:
    """Whether a case fails under a change that leaves all rules but those to be judged anew as they are."""
    after = evaluate(one.judge.under(mutant.knowledge, anew), one.before, anew)
    if mutant.on == "rule" and after.verdicts == one.before.verdicts and after.doses == one.before.doses:
        return False  # the answer is the same
    return any(True for _ in differences(after, one.case.expect))


def _speaks_of(case: Case, mutant: Mutant) -> bool:
    expect: Mapping[str, object] = case.expect
    if mutant.on == "dose":
        return "doses" in expect
    if mutant.on == "parameter":
        return mutant.entry in case.parameters
    by_name = {"reference": "references", "kind": "kinds", "side": "between", "fulfilment": "fulfilled"}
    keys = [by_name[mutant.on]] if mutant.on in by_name else ["applies", "ruled_out", "undetermined"]
    return any(mutant.entry in expect.get(key, ()) for key in keys)  # type: ignore[operator]
