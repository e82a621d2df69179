"""Each rule by itself: how it can come out, and how a later answer can turn it round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.conditions import Judge
from engine.proofs.inquiry import Inquiry, Question
from engine.proofs.witnesses import Claim, comes_out, smallest
from engine.solver import Patient, Solver, Symbols
from engine.truth import Truth


class Reach(Struct, frozen=True):
    """A patient for whom a rule applies, and one for whom it is ruled out; None where there is none.

    The patient for whom a statement or conflict is ruled out is in the scope of the guideline, because every
    other is ruled out anyway. For a rule that is ruled out for none, ``undetermined`` is one for whom it does
    not apply either, or None where it applies to every patient.
    """

    rule: str
    applies: Patient | None
    ruled_out: Patient | None
    undetermined: Patient | None = None

    @property
    def is_dead(self) -> bool:
        """Whether the rule can come out one way only."""
        return self.applies is None or self.ruled_out is None


class Reversal(Struct, frozen=True):
    """A patient for whom a rule comes out one way, and the same with more known, the other way."""

    rule: str
    verdict: str
    before: Patient
    after: Patient


def reaches(inquiry: Inquiry, groups: Sequence[Sequence[str]], told: Callable[[int], None]) -> list[Reach]:
    """Return how each rule can come out; those that are alike, by the same patients.

    Those to whom a rule applies join the sample: little is known of them, and little applies to them, so they
    tell rules apart.
    """
    found: dict[str, Reach] = {}
    for done, group in enumerate(groups):
        told(done)
        concepts = [name for name in group if name in inquiry.knowledge.concepts]
        for alike in filter(None, (concepts, [name for name in group if name not in concepts])):
            reach = _reach(inquiry, alike)
            found.update({name: replace(reach, rule=name) for name in alike})
            if reach.applies is not None:
                inquiry.sample.add(reach.applies)
    return [found[name] for name in inquiry.knowledge.rules]


def _reach(inquiry: Inquiry, alike: Sequence[str]) -> Reach:
    """Return how rules that are alike can come out."""
    name = alike[0]

    def found(question: Question, truth: Truth) -> Patient | None:
        return inquiry.patient(*_in_scope(inquiry, name, question, comes_out(alike, truth)))

    ruled_out = found(lambda of: of.rule(name).no, Truth.NO)
    return Reach(
        name,
        applies=inquiry.patient(lambda of: of.rule(name).yes, comes_out(alike, Truth.YES)),
        ruled_out=ruled_out,
        undetermined=found(lambda of: of.unknown(of.rule(name)), Truth.UNKNOWN) if ruled_out is None else None,
    )


def _in_scope(inquiry: Inquiry, name: str, question: Question, claim: Claim) -> tuple[Question, Claim]:
    """Return what is asked and claimed of patients in scope only, unless the rule is a concept, which has none."""
    if name in inquiry.knowledge.concepts:
        return question, claim
    scope = inquiry.knowledge.guideline.requires

    def in_scope(judge: Judge) -> bool:
        return claim(judge) and judge.judge(scope).truth is Truth.YES

    return lambda of: of.both(question(of), of.sides(scope).yes), in_scope


def reversals(inquiry: Inquiry) -> Iterator[Reversal]:
    """Yield every rule that more knowledge of the same patient can turn round."""
    knowledge, before = inquiry.knowledge, inquiry.any
    after = Symbols(knowledge, "later ")
    solver = Solver(before, after)
    solver.assume(*after.refines(before))
    for name in filter(inquiry.reading.asks_what_is_known, knowledge.rules):
        first, then = before.rule(name), after.rule(name)
        for verdict, turned in (("applies", (first.yes, then.no)), ("ruled_out", (first.no, then.yes))):
            model = solver.model(before.both(*turned))
            if model is not None:
                yield _reversal(inquiry, name, verdict, before.words(model), after.words(model))


def _reversal(inquiry: Inquiry, name: str, verdict: str, before: Patient, after: Patient) -> Reversal:
    """Return a reversal with as little known as is needed, and only what turns it round added."""
    first = Truth.YES if verdict == "applies" else Truth.NO
    small = smallest(inquiry.knowledge, before, comes_out([name], first))
    turned = smallest(inquiry.knowledge, after, comes_out([name], ~first), keep=small)
    return Reversal(name, verdict, small, turned)
