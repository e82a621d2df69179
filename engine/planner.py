"""The questions worth asking next, in order, with the reason for each.

A finding is worth asking only while it can still change a verdict, a fulfilment, a dose or a conflict. The
plan is a pure function of knowledge and findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.findings import NOT_ASKED, Findings, governs
from engine.model import (
    ACTUAL_WEIGHT,
    WEIGHTS_BY_BASIS,
    AnyDose,
    Condition,
    DoseTest,
    Gate,
    Knowledge,
    Named,
    Not,
    Test,
    natural,
)
from engine.questions import CONSEQUENCE, consequence
from engine.truth import Truth


class Planned(Struct, frozen=True):
    """A question worth asking.

    ``settles`` has the goals still open that it can decide, ``completes`` the regimens that apply
    and lack a weight by it, and the requirements whose fulfilment is unknown. Where both are empty, every
    goal is ruled out, and it can only say whether the guideline is about the patient at all.
    """

    finding: str
    asks: str
    topic: str
    settles: tuple[str, ...]
    completes: tuple[str, ...]


class Plan(Struct, frozen=True):
    """The questions worth asking, the next one first, and every finding that can come to be asked."""

    questions: tuple[Planned, ...]
    reachable: frozenset[str]

    @property
    def at_most(self) -> int:
        """How many questions there can be at most."""
        return len(self.reachable)


def plan(base: RuleBase, findings: Findings) -> Plan:
    """Return the questions worth asking of a patient."""
    return _Planning(base.knowledge, findings).plan()


def worth_asking(base: RuleBase, findings: Findings) -> frozenset[str]:
    """Return the findings worth asking of a patient, in no order."""
    planning = _Planning(base.knowledge, findings)
    return frozenset({*planning.settles(), *planning.completes()})


def unanswered(base: RuleBase, findings: Findings) -> tuple[Planned, ...]:
    """Return the questions that were put and could not be answered, and that could still change something."""
    found = []
    for name in findings.reasons:
        others = {other: reason for other, reason in findings.reasons.items() if other != name}
        afresh = plan(base, replace(findings, reasons=others))
        found += [question for question in afresh.questions if question.finding == name]
    return tuple(question for question in found if findings.reasons[question.finding] != NOT_ASKED)


def still_to_ask(knowledge: Knowledge, findings: Findings) -> frozenset[str]:
    """Return the findings that have neither a value nor an answer that says why it has none."""
    answered = {name for name, reason in findings.reasons.items() if reason != NOT_ASKED}
    return frozenset(knowledge.findings) - set(findings.values) - answered


class _Planning:
    """One planning: the goals of a knowledge base, judged for one patient."""

    def __init__(self, knowledge: Knowledge, findings: Findings) -> None:
        self.knowledge = knowledge
        self.findings = findings
        self.unasked = still_to_ask(knowledge, findings)
        self.judge = Judge(knowledge, findings, self.unasked)

    def plan(self) -> Plan:
        settles, completes = self.settles(), self.completes()
        asked = [name for name in self.knowledge.findings if name in settles or name in completes]
        questions = [
            Planned(
                name,
                self.knowledge.findings[name].asks,
                self.knowledge.findings[name].topic,
                settles.get(name, ()),
                completes.get(name, ()),
            )
            for name in asked
        ]
        return Plan(tuple(self.in_order(questions)), frozenset({*asked, *self.reachable()}))

    def settles(self) -> dict[str, tuple[str, ...]]:
        found = self.by_finding((goal, self.judge.rule(goal).missing) for goal in self.open_goals())
        return {**dict.fromkeys(self.about_scope(), ()), **found}

    def about_scope(self) -> list[str]:
        """Return what says whether the guideline is about the patient, which the status tells."""
        missing = self.judge.judge(self.knowledge.guideline.requires).missing
        return [finding for finding in self.to_ask_for(missing) if self.worth_asking(finding)]

    def completes(self) -> dict[str, tuple[str, ...]]:
        return self.by_finding(self.lacking())

    def open_goals(self) -> Iterator[str]:
        goals = (*self.knowledge.statements, *self.knowledge.conflicts)
        return (goal for goal in goals if self.judge.rule(goal).truth is Truth.UNKNOWN)

    def lacking(self) -> Iterator[tuple[str, Iterable[str]]]:
        """Yield each statement that applies and lacks a weight or its fulfilment, with what gives it."""
        for name, statement in self.knowledge.statements.items():
            if self.judge.rule(name).truth is not Truth.YES:
                continue
            if statement.fulfilled is not None:
                yield name, self.judge.judge(statement.fulfilled).missing
            if statement.regimen is not None:
                yield name, self.weights(statement.regimen.weight)

    def weights(self, basis: str) -> set[str]:
        """Return what would give the unknown weights that a regimen may be dosed by.

        A dose by ideal weight also says whether that exceeds the actual one, so it needs both.
        """
        needed = {*WEIGHTS_BY_BASIS[basis], ACTUAL_WEIGHT}
        unknown = [name for name in sorted(needed) if name not in self.findings.values]
        return {*unknown, *(source for name in unknown for source in self.findings.obtainable.get(name, ()))}

    def by_finding(self, waiting: Iterable[tuple[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for name, missing in waiting:
            for finding in self.to_ask_for(missing):
                if self.worth_asking(finding):
                    found.setdefault(finding, []).append(name)
        return {finding: tuple(natural(names)) for finding, names in found.items()}

    def to_ask_for(self, missing: Iterable[str]) -> Iterator[str]:
        """Yield what is missing; for a governor that could not be said, what can be said all the same."""
        for finding in missing:
            yield finding
            if finding not in self.unasked:
                yield from self.governed_by.get(finding, ())

    @cached_property
    def governed_by(self) -> Mapping[str, list[str]]:
        """The undecided findings that each finding governs, without those whose every value would have told it."""
        found: dict[str, list[str]] = {}
        for name in self.tested:
            finding = self.knowledge.findings[name]
            governor = finding.only_if
            if governor is not None and (governor.value != "yes" or finding.type == "yes/no"):
                found.setdefault(governor.finding, []).append(name)
        return found

    def worth_asking(self, finding: str) -> bool:
        """Whether a missing finding can be asked: not what a parameter will derive, nor in vain for it."""
        if finding not in self.unasked or self.derivable(finding):
            return False
        derives = [target for target, sources in self.findings.obtainable.items() if finding in sources]
        return not derives or finding in self.tested or any(self.derivable(target) for target in derives)

    def derivable(self, finding: str) -> bool:
        """Whether a parameter in force will derive a finding once what it waits for is answered."""
        sources = self.findings.obtainable.get(finding, frozenset())
        return bool(sources) and sources <= self.unasked

    @cached_property
    def tested(self) -> frozenset[str]:
        """The findings that some open goal has a test on that is not decided yet."""
        seen: set[str] = set()
        return frozenset(name for goal in self.open_goals() for name in self.leaves(self.knowledge.rules[goal], seen))

    def in_order(self, questions: Iterable[Planned]) -> list[Planned]:
        """Return questions by topic: what argues against a use, the topic at hand, then most at stake."""
        questions = list(questions)
        order = list(self.knowledge.findings)
        last = self.knowledge.findings.get(self.findings.last)
        at_hand = last.topic if last is not None else ""
        ranks = {question.finding: self.rank(question) for question in questions}
        best = {q.topic: min(ranks[other.finding] for other in questions if other.topic == q.topic) for q in questions}
        return sorted(
            questions,
            key=lambda q: (
                best[q.topic][0] > CONSEQUENCE.index("contraindication"),
                q.topic != at_hand,
                best[q.topic],
                q.topic,
                ranks[q.finding][0],
                order.index(q.finding),
            ),
        )

    def rank(self, question: Planned) -> tuple[float, int]:
        """Return how consequential a question is, lower for more: by what it can decide, then by how much."""
        return consequence(self.knowledge, question.settles, question.completes), -len(question.settles)

    # How many questions there can be at most. ----------------------------------------------

    def reachable(self) -> set[str]:
        """Return every finding that could still come to be asked, whatever the answers."""
        seen = {*self.tested, *self.about_scope()}
        for name, statement in self.knowledge.statements.items():
            if self.judge.rule(name).truth is Truth.NO:
                continue
            if statement.fulfilled is not None:
                seen |= set(self.leaves(statement.fulfilled, set()))
            if statement.regimen is not None:
                seen |= self.weights(statement.regimen.weight)
        with_sources = seen | {source for name in seen for source in self.findings.obtainable.get(name, ())}
        return {name for name in with_sources if name in self.unasked and self.applicable(name)}

    def applicable(self, name: str) -> bool:
        return governs(self.knowledge.findings[name], self.findings.values) is not Truth.NO

    def leaves(self, condition: Condition, seen: set[str]) -> Iterator[str]:
        """Yield the findings, with their governors, of the parts of a condition that are undecided."""
        if self.judge.judge(condition).truth is not Truth.UNKNOWN:
            return
        match condition:
            case Test(finding):
                governor = self.knowledge.findings[finding].only_if
                yield from (finding,) if governor is None else (finding, governor.finding)
            case DoseTest(weight=weight):
                yield weight
            case Named(name):
                if name not in seen:
                    seen.add(name)
                    yield from self.leaves(self.knowledge.rules[name], seen)
            case Not(of):
                yield from self.leaves(of, seen)
            case AnyDose():
                yield from self.leaves(self.judge.expanded(condition), seen)
            case Gate(of=of):
                for part in of:
                    yield from self.leaves(part, seen)
