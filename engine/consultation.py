"""The consultation: findings and a rule base to verdicts, doses, a status and the trace.

A pure function. The inference engine concludes; the evaluator, which knows nothing of it, judges
the same rules, and says which findings decided and which are missing. Where the two differed, no
answer would be given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from engine import dosing, rete
from engine.compiler import NOTHING, RuleBase
from engine.conditions import Judge
from engine.errors import EngineError, Fault
from engine.findings import NOT_APPLICABLE, NOT_ASKED, Findings, governs
from engine.model import Knowledge, Note, ReferenceKey, in_order, natural
from engine.rete import Premise, Step
from engine.truth import Truth

APPLIES, RULED_OUT, UNDETERMINED = "applies", "ruled_out", "undetermined"

VERDICTS = {Truth.YES: APPLIES, Truth.NO: RULED_OUT, Truth.UNKNOWN: UNDETERMINED}

STATUSES = ("indicated", "conflict", "role_only", "undetermined", "no_statement", "out_of_scope")


class Verdict(Struct, frozen=True):
    """What a rule comes to: its verdict, the findings that decided, and those that still could.

    ``fulfilled`` is yes, no or unknown for a statement that asks for something, else None.
    """

    id: str
    verdict: str
    because: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    fulfilled: str | None = None
    fulfilled_by: tuple[str, ...] = ()


class Consultation(Struct, frozen=True):
    """Findings and knowledge, and everything that follows from them.

    ``verdicts`` has every concept, statement and conflict by id; ``trace`` every conclusion that
    the inference engine drew, in order.
    """

    knowledge: Knowledge
    findings: Findings
    status: str
    verdicts: Mapping[str, Verdict]
    doses: Sequence[dosing.Dose]
    trace: Sequence[Step]

    def applying(self, ids: Iterable[str]) -> list[str]:
        """Return those of the ids that apply."""
        return self.with_verdict(APPLIES, ids)

    def with_verdict(self, verdict: str, ids: Iterable[str]) -> list[str]:
        """Return those of the ids that have a verdict."""
        return [name for name in ids if self.verdicts[name].verdict == verdict]

    def unknown(self) -> dict[str, str]:
        """Return every finding without a value, with the reason."""
        values = self.findings.values
        return {name: self._reason(name) for name in self.knowledge.findings if name not in values}

    def _reason(self, name: str) -> str:
        if governs(self.knowledge.findings[name], self.findings.values) is Truth.NO:
            return NOT_APPLICABLE
        return self.findings.reasons.get(name, NOT_ASKED)

    def involved(self, conflict: str) -> list[str]:
        """Return the statements of a conflict that apply or are undetermined."""
        named = {name for side in self.knowledge.sides(conflict) for name in side}
        return [name for name in natural(named) if self.verdicts[name].verdict != RULED_OUT]

    def references(self, name: str) -> list[ReferenceKey]:
        """Return the references of a statement, or of all statements involved in a conflict; a concept has none."""
        statements = self.knowledge.statements
        ids = [name] if name in statements else self.involved(name) if name in self.knowledge.conflicts else []
        return in_order(number for statement in ids for number in statements[statement].references)

    def notes(self) -> list[Note]:
        """Return the notes from outside that are attached to what applies."""
        notes = self.knowledge.notes
        return [notes[name] for name in natural(notes) if self.applying(notes[name].attaches_to)]


def consult(base: RuleBase, findings: Findings) -> Consultation:
    """Return what a rule base says of a patient.

    Raises:
        EngineError: when inference failed, or differs from the evaluator.

    """
    knowledge = base.knowledge
    judge = Judge(knowledge, findings)
    steps = rete.run(base.network, dict(_known_tests(base, judge)))
    judged = evaluate(judge)
    _require_agreement(judged.verdicts, steps)
    return replace(judged, trace=list(_named_steps(knowledge, steps)))


def evaluate(judge: Judge, before: Consultation | None = None, anew: Collection[str] = ()) -> Consultation:
    """Return what the evaluator alone makes of a patient: the same as a consultation, without a trace.

    ``before`` is what was made of the patient while all rules but those to be judged ``anew`` were the same.
    """
    knowledge, findings = judge.knowledge, judge.findings
    verdicts = {name: _verdict(name, judge) for name in (knowledge.rules if before is None else anew)}
    if before is not None:
        verdicts = {**before.verdicts, **verdicts}
    applying = [name for name in natural(knowledge.statements) if verdicts[name].verdict == APPLIES]
    return Consultation(
        knowledge=knowledge,
        findings=findings,
        status=_status(knowledge, verdicts, judge.judge(knowledge.guideline.requires).truth),
        verdicts=verdicts,
        doses=dosing.doses(knowledge, applying, findings.values, _derived_by(findings)),
        trace=[],
    )


def _derived_by(findings: Findings) -> dict[str, str]:
    return {name: derived.parameter for name, derived in findings.derived.items() if derived.parameter}


def _known_tests(base: RuleBase, judge: Judge) -> Iterator[tuple[str, str]]:
    for about, test in base.tests.items():
        truth = judge.test(test).truth
        if truth is not Truth.UNKNOWN:
            yield about, truth.value
    yield NOTHING, rete.NO


def _verdict(name: str, judge: Judge) -> Verdict:
    judged = judge.rule(name)
    verdict = VERDICTS[judged.truth]
    because, missing = _sorted(judged.because), _sorted(judged.missing)
    statement = judge.knowledge.statements.get(name)
    if statement is None or statement.fulfilled is None:
        return Verdict(name, verdict, because, missing)
    asked = judge.judge(statement.fulfilled)
    return Verdict(name, verdict, because, missing, asked.truth.value, _sorted(asked.missing))


@lru_cache(maxsize=4096)
def _sorted(names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _require_agreement(verdicts: Mapping[str, Verdict], steps: Iterable[Step]) -> None:
    concluded = {step.about: VERDICTS[Truth(step.truth)] for step in steps}
    differing = [name for name, v in verdicts.items() if concluded.get(name, UNDETERMINED) != v.verdict]
    if differing:
        found = f"the inference engine and the evaluator differ on {', '.join(differing)}; no answer is given"
        raise EngineError([Fault(found, "Please report this with the case.")])


def _status(knowledge: Knowledge, verdicts: Mapping[str, Verdict], in_scope: Truth) -> str:
    def any_is(verdict: str, ids: Iterable[str]) -> bool:
        return any(verdicts[name].verdict == verdict for name in ids)

    if in_scope is Truth.NO:
        return "out_of_scope"
    if any_is(APPLIES, (conflict.id for conflict in knowledge.conflicts.values() if conflict.decides_status)):
        return "conflict"
    if any_is(APPLIES, knowledge.statements_of("indication")):
        return "indicated"
    if any_is(APPLIES, knowledge.statements_of("role")):
        return "role_only"
    return "undetermined" if any_is(UNDETERMINED, knowledge.statements_of("indication", "role")) else "no_statement"


def _named_steps(knowledge: Knowledge, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps of named rules, the premises of conditions inside a condition put in their place."""
    inner: dict[str, Step] = {}

    def flat(premises: Iterable[Premise]) -> Iterator[Premise]:
        for premise in premises:
            if premise.about in inner:
                yield from flat(inner[premise.about].premises)
            else:
                yield premise

    for step in steps:
        if step.about in knowledge.rules:
            yield Step(step.about, step.truth, tuple(dict.fromkeys(flat(step.premises))))
        else:
            inner[step.about] = step
