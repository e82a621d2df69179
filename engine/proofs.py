"""What can be proven of a knowledge base, about every patient that can be given.

Each question is put to the solver; the answer is a patient for whom it is so, or the proof that there
is none. Every patient found is judged again by the evaluator before it is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from engine.conditions import Judge
from engine.errors import EngineError, Fault
from engine.findings import Findings, Given, interpret
from engine.language import phrase
from engine.model import (
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
from engine.solver import Formula, Patient, Solver, Symbols, both, different, either, negated
from engine.truth import Truth

USES = ("indication", "role")
OPPOSED = ("against", "contraindication")


Claim = Callable[[Judge], bool]
"""What is said of a patient, as the evaluator judges it."""


class Reach(Struct, frozen=True):
    """A patient for whom a rule applies, and one for whom it is ruled out; None where there is none."""

    rule: str
    applies: Patient | None
    ruled_out: Patient | None


class Subsumed(Struct, frozen=True):
    """A statement that never applies without another of its kind, which can apply without it."""

    rule: str
    by: str


class Together(Struct, frozen=True):
    """Two statements that can apply together with no conflict that sets them side by side.

    ``alike`` marks two regimens that give the same dose over the same days.
    """

    one: str
    other: str
    alike: bool
    patient: Patient


class Reversal(Struct, frozen=True):
    """A patient for whom a rule comes out one way, and the same with more known, the other way."""

    rule: str
    verdict: str
    before: Patient
    after: Patient


class Idle(Struct, frozen=True):
    """A finding that can change no verdict and no dose; ``serves`` names parameters that read it."""

    finding: str
    serves: tuple[str, ...]


class Silence(Struct, frozen=True):
    """A region in which every statement of use is ruled out: its tests all hold; and a patient in it."""

    conditions: tuple[Condition, ...]
    tests: tuple[str, ...]
    patient: Patient


class Proofs(Struct, frozen=True):
    """Everything proven of a knowledge base, named by its digest."""

    digest: str
    reaches: Sequence[Reach]
    alike: Sequence[tuple[str, ...]]
    subsumed: Sequence[Subsumed]
    unopposed: Sequence[Together]
    regimens: Sequence[Together]
    reversals: Sequence[Reversal]
    idle: Sequence[Idle]
    silence: Sequence[Silence]

    @property
    def faults(self) -> int:
        """How many findings an author has to mend, not merely know."""
        dead = sum(1 for reach in self.reaches if reach.applies is None or reach.ruled_out is None)
        apart = sum(1 for pair in self.regimens if not pair.alike)
        return dead + len(self.unopposed) + apart + sum(1 for idle in self.idle if not idle.serves)


def prove(knowledge: Knowledge) -> Proofs:
    """Return everything that can be proven of a knowledge base."""
    return _Proving(knowledge).prove()


class _Proving:
    """One round of proofs: the symbols of any patient, and what is known of them."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.any = Symbols(knowledge)
        self.solver = Solver(self.any)

    def prove(self) -> Proofs:
        reaches = [self.reach(name) for name in self.knowledge.rules]
        alike = list(self.alike(reaches))
        return Proofs(
            digest=self.knowledge.digest,
            reaches=reaches,
            alike=alike,
            subsumed=list(self.subsumed(alike, {reach.rule for reach in reaches if reach.applies is not None})),
            unopposed=list(self.unopposed()),
            regimens=list(self.regimens()),
            reversals=list(self.reversals()),
            idle=list(self.idle()),
            silence=list(self.silence()),
        )

    # One rule. -----------------------------------------------------------------------------

    def reach(self, name: str) -> Reach:
        sides = self.any.rule(name)
        applies = self.patient(sides.yes, comes_out([name], Truth.YES))
        ruled_out = comes_out([name], Truth.NO)
        if name in self.knowledge.concepts:
            return Reach(name, applies, self.patient(sides.no, ruled_out))
        scope = self.knowledge.guideline.requires  # a patient in scope: every other is ruled out anyway
        in_scope = both(sides.no, self.any.sides(scope).yes)
        return Reach(
            name,
            applies,
            self.patient(in_scope, lambda judge: ruled_out(judge) and judge.judge(scope).truth is Truth.YES),
        )

    def patient(self, formula: Formula, claim: Claim) -> Patient | None:
        """Return a patient for whom a formula is true, with as little known as the same claim needs."""
        model = self.solver.model(formula)
        return None if model is None else smallest(self.knowledge, self.any.words(model), claim)

    # Rules against each other. -------------------------------------------------------------

    def alike(self, reaches: Iterable[Reach]) -> Iterator[tuple[str, ...]]:
        """Yield groups of statements, concepts and conflicts that come out alike for every patient."""
        groups: list[list[str]] = []
        for reach in reaches:
            group = next((group for group in groups if self.same(group[0], reach.rule)), None)
            if group is None:
                groups.append([reach.rule])
            else:
                group.append(reach.rule)
        return (tuple(natural(group)) for group in groups if len(group) > 1)

    def same(self, one: str, other: str) -> bool:
        a, b = self.any.rule(one), self.any.rule(other)
        return self.solver.model(different(a, b)) is None

    def subsumed(self, alike: Iterable[tuple[str, ...]], living: Collection[str]) -> Iterator[Subsumed]:
        """Yield each statement that can apply, and only where another of its kind does, the nearest ones."""
        statements = {name: s for name, s in self.knowledge.statements.items() if name in living}
        twins = {name: group for group in alike for name in group}
        within = {
            (one, other)
            for one in statements
            for other in statements
            if one != other
            and statements[one].kind == statements[other].kind
            and other not in twins.get(one, ())
            and self.solver.model(both(self.any.rule(one).yes, negated(self.any.rule(other).yes))) is None
        }
        order = natural(statements)
        for one, other in sorted(within, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))):
            if not any((one, middle) in within and (middle, other) in within for middle in statements):
                yield Subsumed(one, other)

    # Pairs that a conflict should name. ----------------------------------------------------

    def unopposed(self) -> Iterator[Together]:
        """Yield pairs for and against a use that can apply together unnamed by any conflict that applies."""
        for use in natural(self.knowledge.statements_of(*USES)):
            for against in natural(self.knowledge.statements_of(*OPPOSED)):
                yield from self.together(use, against, alike=False)

    def regimens(self) -> Iterator[Together]:
        """Yield pairs of regimens that can apply together unnamed by any conflict that applies."""
        for one, other in combinations(natural(self.knowledge.regimens), 2):
            a, b = self.knowledge.regimens[one], self.knowledge.regimens[other]
            alike = (a.low, a.high, a.days, a.weight) == (b.low, b.high, b.days, b.weight)
            yield from self.together(one, other, alike)

    def together(self, one: str, other: str, alike: bool) -> Iterator[Together]:
        shown = self.conflicts_between(one, other)
        apply = comes_out([one, other], Truth.YES)
        patient = self.patient(
            both(
                self.any.rule(one).yes,
                self.any.rule(other).yes,
                *(negated(self.any.rule(name).yes) for name in shown),
            ),
            lambda judge: apply(judge) and all(judge.rule(name).truth is not Truth.YES for name in shown),
        )
        if patient is not None:
            yield Together(one, other, alike, patient)

    def conflicts_between(self, one: str, other: str) -> list[str]:
        """Return the conflicts that have two statements on different sides."""

        def apart(sides: Sequence[Sequence[str]]) -> bool:
            return any(one in a and other in b for a in sides for b in sides if a is not b)

        return [name for name in self.knowledge.conflicts if apart(self.knowledge.sides(name))]

    # Answers that a later answer turns round. ----------------------------------------------

    def reversals(self) -> Iterator[Reversal]:
        """Yield every rule that more knowledge of the same patient can turn round."""
        later = Symbols(self.knowledge, "later ")
        solver = Solver(self.any, later)
        solver.assume(*later.refines(self.any))
        for name in self.knowledge.rules:
            before, after = self.any.rule(name), later.rule(name)
            turns = (("applies", both(before.yes, after.no)), ("ruled_out", both(before.no, after.yes)))
            for verdict, formula in turns:
                model = solver.model(formula)
                if model is not None:
                    yield self.reversal(name, verdict, self.any.words(model), later.words(model))

    def reversal(self, name: str, verdict: str, before: Patient, after: Patient) -> Reversal:
        """Return a reversal with as little known as is needed, and only what turns it round added."""
        first = Truth.YES if verdict == "applies" else Truth.NO
        small = smallest(self.knowledge, before, comes_out([name], first))
        turned = smallest(self.knowledge, after, comes_out([name], ~first), keep=small)
        return Reversal(name, verdict, small, turned)

    # Findings that change nothing. ---------------------------------------------------------

    def idle(self) -> Iterator[Idle]:
        """Yield findings that can change no verdict and no dose of any patient."""
        dosed_by = {w for r in self.knowledge.regimens.values() for w in WEIGHTS_BY_BASIS[r.weight]}
        for name in self.knowledge.findings:
            if name not in dosed_by and not self.changes_something(name):
                yield Idle(name, tuple(self.serves(name)))

    def changes_something(self, name: str) -> bool:
        other = Symbols(self.knowledge, "other ", shared=self.any, apart=[name])
        solver = Solver(self.any, other)
        differs = (
            different(self.any.rule(rule), other.rule(rule))
            for rule in (*self.knowledge.statements, *self.knowledge.conflicts)
        )
        asked_for = (s.fulfilled for s in self.knowledge.statements.values() if s.fulfilled is not None)
        fulfilled = (different(self.any.sides(test), other.sides(test)) for test in asked_for)
        return solver.model(either(*differs, *fulfilled)) is not None

    def serves(self, name: str) -> Iterator[str]:
        for parameter in self.knowledge.parameters.values():
            formulas = (parameter.formulas or {}).values()
            if name == parameter.source or any(name in (f.sex, f.height, f.not_for) for f in formulas):
                yield parameter.name

    # The map of silence. -------------------------------------------------------------------

    def silence(self) -> Iterator[Silence]:
        """Yield the regions in which every statement of use is ruled out; together they are all of it."""
        uses = natural(self.knowledge.statements_of(*USES))
        if not uses:
            return
        silent = both(*(self.any.rule(name).no for name in uses))
        literals = self.literals(uses)
        solver = Solver(self.any)
        solver.assume(silent)
        check = Solver(self.any)
        check.assume(negated(silent))
        while (model := solver.model()) is not None:
            true = [condition for condition, formula in literals.items() if solver.holds(model, formula)]
            cube = self.shortened(true, literals, check)
            solver.assume(negated(both(*(literals[condition] for condition in cube))))
            yield Silence(
                tuple(cube),
                tuple(phrase(condition, self.knowledge.units) for condition in cube),
                smallest(self.knowledge, self.any.words(model), _in_region(cube)),
            )

    def shortened(
        self, tests: list[Condition], literals: Mapping[Condition, Formula], check: Solver
    ) -> list[Condition]:
        """Return the tests without those that the others do without."""
        needed = list(tests)
        for test in tests:
            fewer = [other for other in needed if other != test]
            if check.model(*(literals[other] for other in fewer)) is None:
                needed = fewer
        return needed

    def literals(self, uses: Iterable[str]) -> dict[Condition, Formula]:
        """Return each side of each test under some rules."""
        found: dict[Condition, Formula] = {}
        for test in dict.fromkeys(leaf for name in uses for leaf in leaves(self.knowledge.rules[name], self.knowledge)):
            sides = self.any.test(test)
            found[test], found[Not(test)] = sides.yes, sides.no
        return found


def _in_region(cube: Iterable[Condition]) -> Claim:
    tests = tuple(cube)
    return lambda judge: all(judge.judge(test).truth is Truth.YES for test in tests)


def leaves(condition: Condition, knowledge: Knowledge) -> Iterator[Test | DoseTest]:
    """Yield every test on a finding under a condition, through the rules that it names."""
    from engine import dosing

    match condition:
        case Test() | DoseTest():
            yield condition
        case Named(name):
            yield from leaves(knowledge.rules[name], knowledge)
        case Not(of):
            yield from leaves(of, knowledge)
        case AnyDose():
            yield from leaves(dosing.expand(condition, knowledge), knowledge)
        case Gate(of=of):
            for part in of:
                yield from leaves(part, knowledge)


def smallest(knowledge: Knowledge, patient: Patient, holds: Claim, keep: Iterable[str] = ()) -> Patient:
    """Return a patient without every finding that a claim does without.

    Raises:
        EngineError: when the evaluator does not find the claim true, as the solver does.

    """
    if not _is_true(knowledge, patient, holds):
        raise EngineError([Fault(f"the solver and the evaluator differ on {patient}", "Please report this.")])
    kept = dict(patient)
    for name in list(reversed(kept)):
        fewer = {key: word for key, word in kept.items() if key != name}
        if name not in set(keep) and _is_true(knowledge, fewer, holds):
            kept = fewer
    return kept


def _is_true(knowledge: Knowledge, patient: Patient, holds: Claim) -> bool:
    return holds(Judge(knowledge, findings_of(knowledge, patient)))


def comes_out(rules: Iterable[str], truth: Truth) -> Claim:
    """Return the claim that rules come out in one way."""
    names = tuple(rules)
    return lambda judge: all(judge.rule(name).truth is truth for name in names)


def findings_of(knowledge: Knowledge, patient: Patient) -> Findings:
    """Return the findings of a patient given as words."""
    return interpret(knowledge, {name: Given(word) for name, word in patient.items()})
