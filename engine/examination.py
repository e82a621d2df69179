"""How well the worked cases hold a knowledge base: what they cover, and which changes they notice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from engine.cases import Case
from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.consultation import evaluate
from engine.errors import InputError
from engine.findings import Findings, interpret
from engine.language import phrase
from engine.model import Condition, Gate, Knowledge, Not
from engine.mutants import Killer, Mutant, mutants
from engine.truth import Truth
from engine.verification import check_case, differences


class Failure(Struct, frozen=True):
    """A worked case that does not come out as it expects."""

    case: Case
    unmet: tuple[str, ...]


class Uncovered(Struct, frozen=True):
    """A test inside a rule that no case makes come out one way."""

    rule: str
    test: str
    never: str


class Coverage(Struct, frozen=True):
    """How many sides of tests inside rules there are, and which no case covers."""

    sides: int
    uncovered: Sequence[Uncovered]


class Survivor(Struct, frozen=True):
    """A change that no case noticed; ``killer`` is a case that would, where one was looked for."""

    entry: str
    change: str
    killer: Killer | None = None


class Mutation(Struct, frozen=True):
    """How many changes there were, which no case noticed, and which make no difference to any patient.

    The last are told apart with the solver; without it, ``equivalent`` is None and survivors may be such.
    """

    made: int
    survivors: Sequence[Survivor]
    equivalent: Sequence[Survivor] | None = None


class Examination(Struct, frozen=True):
    """Everything the worked cases say of a knowledge base."""

    cases: int
    failures: Sequence[Failure]
    coverage: Coverage
    mutation: Mutation | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every case comes out as it expects, every test is covered and every change noticed."""
        unnoticed = self.mutation is not None and bool(self.mutation.survivors)
        return not (self.failures or self.coverage.uncovered or unnoticed)


def examine(
    base: RuleBase,
    cases: Sequence[Case],
    entries: Collection[str],
    with_mutation: bool = True,
    progress: Callable[[int], None] = lambda done: None,
) -> Examination:
    """Return what cases say of the entries of a knowledge base that they are about."""
    failed = list(failures(base, cases))
    sound = [case for case in cases if case not in [failure.case for failure in failed]]
    found = mutation(base.knowledge, sound, entries, progress) if with_mutation else None
    return Examination(len(cases), failed, coverage(base.knowledge, sound, entries), found)


def failures(base: RuleBase, cases: Sequence[Case]) -> Iterator[Failure]:
    """Yield the cases that do not come out as they expect."""
    for case in cases:
        try:
            unmet = check_case(base, case)
        except InputError as problem:
            unmet = [str(problem)]
        if unmet:
            yield Failure(case, tuple(unmet))


def coverage(knowledge: Knowledge, cases: Sequence[Case], entries: Collection[str]) -> Coverage:
    """Return which tests inside which rules come out both ways over the cases.

    A side that cannot come about counts as covered by nothing; `prove` tells those apart.
    """
    judges = [Judge(knowledge, interpret(knowledge, case.findings, case.parameters)) for case in cases]
    sides, uncovered = 0, []
    for rule, condition in knowledge.rules.items():
        if rule not in entries:
            continue
        for test in dict.fromkeys(_tests(condition)):
            seen = {judge.judge(test).truth for judge in judges}
            for truth in (Truth.YES, Truth.NO):
                sides += 1
                if truth not in seen:
                    uncovered.append(Uncovered(rule, phrase(test, knowledge.units), truth.value))
    return Coverage(sides, uncovered)


def _tests(condition: Condition) -> Iterator[Condition]:
    """Yield the tests that stand in a rule itself: on findings, on doses and on other rules."""
    if isinstance(condition, Gate):
        for part in condition.of:
            yield from _tests(part)
    elif isinstance(condition, Not):
        yield from _tests(condition.of)
    else:
        yield condition


def mutation(
    knowledge: Knowledge,
    cases: Sequence[Case],
    entries: Collection[str],
    progress: Callable[[int], None] = lambda done: None,
) -> Mutation:
    """Return which small changes to the entries of a knowledge base make no case fail.

    ``progress`` is told how many changes have been tried.
    """
    given = [(case, interpret(knowledge, case.findings, case.parameters)) for case in cases]
    made, unnoticed = 0, []
    for mutant in mutants(knowledge):
        if mutant.entry not in entries:
            continue
        made += 1
        if not _noticed(mutant, given):
            unnoticed.append(mutant)
        progress(made)
    return _told_apart(knowledge, made, unnoticed)


def _told_apart(knowledge: Knowledge, made: int, unnoticed: Sequence[Mutant]) -> Mutation:
    """Tell the changes that some patient would tell from those that none would, where the solver is there."""
    try:
        from engine.killers import killer
    except ModuleNotFoundError:
        return Mutation(made, [Survivor(mutant.entry, mutant.change) for mutant in unnoticed])
    survivors: list[Survivor] = []
    equivalent: list[Survivor] = []
    for mutant in unnoticed:
        survivor = Survivor(mutant.entry, mutant.change, killer(knowledge, mutant))
        proven = survivor.killer is None and mutant.on == "rule"  # elsewhere, that none was found proves nothing
        (equivalent if proven else survivors).append(survivor)
    return Mutation(made, survivors, equivalent)


def _noticed(mutant: Mutant, given: Sequence[tuple[Case, Findings]]) -> bool:
    """Whether some case fails under a mutant; those that speak of the changed entry are tried first."""
    first = sorted(given, key=lambda pair: not _speaks_of(pair[0], mutant))
    return any(
        True for case, findings in first for _ in differences(evaluate(Judge(mutant.knowledge, findings)), case.expect)
    )


def _speaks_of(case: Case, mutant: Mutant) -> bool:
    expect: Mapping[str, object] = case.expect
    if mutant.on == "dose":
        return "doses" in expect
    if mutant.on == "reference":
        return mutant.entry in expect.get("references", {})  # type: ignore[operator]
    return any(mutant.entry in expect.get(key, ()) for key in ("applies", "ruled_out", "undetermined"))  # type: ignore[operator]
