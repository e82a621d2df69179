"""How well the worked cases hold a knowledge base: what they cover, and which changes they notice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.cases import Case
from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.errors import Fault, InputError
from engine.findings import interpret
from engine.language import phrase
from engine.model import Condition, Gate, Knowledge, Not
from engine.mutants import Killer, Mutant, mutants
from engine.trials import Trials
from engine.truth import Truth
from engine.verification import check_case

Progress = Callable[[int, int], None]
"""Is told how many changes have been tried, and of how many."""


class Failure(Struct, frozen=True):
    """A worked case that does not come out as it expects, with a fault for each expectation that is not met."""

    case: Case
    unmet: tuple[Fault, ...]


class Uncovered(Struct, frozen=True):
    """A side of a test inside a rule that no case makes come about; ``killer`` is a case that would."""

    rule: str
    test: str
    never: str
    killer: Killer | None = None


class Coverage(Struct, frozen=True):
    """How many sides of tests inside rules there are, which no case covers, and which no patient could.

    The last are told apart with the solver; without it, ``impossible`` is None and ``uncovered`` may hold such.
    """

    sides: int
    uncovered: Sequence[Uncovered]
    impossible: Sequence[Uncovered] | None = None


class Survivor(Struct, frozen=True):
    """A change that no case noticed; ``killer`` is a case that would, where one was looked for and found."""

    entry: str
    was: str
    becomes: str
    killer: Killer | None = None

    @property
    def change(self) -> str:
        """The change in words."""
        return f"{self.was} → {self.becomes}"


class Mutation(Struct, frozen=True):
    """How many changes there were, which no case noticed, and which change no answer to any patient.

    The last are proven with the solver; without it, ``equivalent`` is None and ``survivors`` may hold such.
    """

    made: int
    survivors: Sequence[Survivor]
    equivalent: Sequence[Survivor] | None = None


class Examination(Struct, frozen=True):
    """Everything the worked cases say of a knowledge base; no changes are tried while a case fails.

    ``asked_more`` names the cases from below a layer that come out as they expect, but for questions that it adds.
    """

    cases: int
    failures: Sequence[Failure]
    coverage: Coverage
    mutation: Mutation | None = None
    asked_more: Sequence[str] = ()
    cases_only: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every case comes out as it expects, every test is covered and every change noticed."""
        unnoticed = self.mutation is not None and bool(self.mutation.survivors)
        return not (self.failures or self.coverage.uncovered or unnoticed)


def examine(
    base: RuleBase,
    cases: Sequence[Case],
    entries: Collection[str] | None = None,
    below: Sequence[Case] = (),
    cases_only: bool = False,
    progress: Progress = lambda done, of: None,
) -> Examination:
    """Return what cases say of the entries of a knowledge base that they are about, of all where none are named.

    Cases from ``below`` a layer have to come out as they expect as well, but for the questions that it adds.
    """
    held = [*cases, *(_with_more_asked(base, case) for case in below)]
    failed = list(failures(base, held))
    names = {failure.case.place for failure in failed}
    sound = [case for case in held if case.place not in names]
    found = None if cases_only or failed else mutation(base.knowledge, sound, entries, progress)
    asked_more = [one.name for one, case in zip(held[len(cases) :], below, strict=True) if one is not case]
    return Examination(len(held), failed, coverage(base.knowledge, sound, entries), found, asked_more, cases_only)


def _with_more_asked(base: RuleBase, case: Case) -> Case:
    """Return a case without what it expects not to be asked, or asked first, where nothing else is unmet."""
    fewer = replace(case, expect={key: value for key, value in case.expect.items() if key not in ("closed", "first")})
    only_asked = any(failures(base, [case])) and not any(failures(base, [fewer]))
    return fewer if only_asked else case


def failures(base: RuleBase, cases: Sequence[Case]) -> Iterator[Failure]:
    """Yield the cases that do not come out as they expect."""
    for case in cases:
        try:
            unmet = [Fault(found, place=case.place) for found in check_case(base, case)]
        except InputError as problem:
            unmet = list(problem.faults)
        if unmet:
            yield Failure(case, tuple(unmet))


# Coverage. ---------------------------------------------------------------------------------


def coverage(knowledge: Knowledge, cases: Sequence[Case], entries: Collection[str] | None = None) -> Coverage:
    """Return which tests inside which rules come out both ways over the cases."""
    judges = [Judge(knowledge, interpret(knowledge, case.findings, case.parameters)) for case in cases]
    sides, missing = 0, []
    for rule, condition in knowledge.rules.items():
        if entries is not None and rule not in entries:
            continue
        for test in dict.fromkeys(_tests(condition)):
            seen = {judge.judge(test).truth for judge in judges}
            sides += 2
            missing += [(rule, test, truth) for truth in (Truth.YES, Truth.NO) if truth not in seen]
    return _coverage(knowledge, sides, missing)


def _coverage(knowledge: Knowledge, sides: int, missing: Sequence[tuple[str, Condition, Truth]]) -> Coverage:
    """Tell the sides that some patient would cover from those that none could, where the solver is there."""
    bare = [Uncovered(rule, phrase(test, knowledge.units), truth.value) for rule, test, truth in missing]
    try:
        from engine.killers import covering
    except ModuleNotFoundError:
        return Coverage(sides, bare)
    killers = [covering(knowledge, rule, test, truth) for rule, test, truth in missing]
    uncovered = [
        Uncovered(one.rule, one.test, one.never, killer) for one, killer in zip(bare, killers, strict=True) if killer
    ]
    impossible = [one for one, killer in zip(bare, killers, strict=True) if killer is None]
    return Coverage(sides, uncovered, impossible)


def _tests(condition: Condition) -> Iterator[Condition]:
    """Yield the tests that stand in a rule itself: on findings, on doses and on other rules."""
    if isinstance(condition, Gate):
        for part in condition.of:
            yield from _tests(part)
    elif isinstance(condition, Not):
        yield from _tests(condition.of)
    else:
        yield condition


# Mutation. ---------------------------------------------------------------------------------


def mutation(
    knowledge: Knowledge,
    cases: Sequence[Case],
    entries: Collection[str] | None = None,
    progress: Progress = lambda done, of: None,
) -> Mutation:
    """Return which small changes to the entries of a knowledge base make no case fail."""

    def wanted() -> Iterator[Mutant]:
        return (mutant for mutant in mutants(knowledge) if entries is None or mutant.entry in entries)

    made = sum(1 for _ in wanted())
    trials = Trials(knowledge, cases)
    unnoticed = []
    for done, mutant in enumerate(wanted(), 1):
        if not trials.notice(mutant):
            unnoticed.append(mutant)
        progress(done, made)
    return _told_apart(knowledge, made, unnoticed)


def _told_apart(knowledge: Knowledge, made: int, unnoticed: Sequence[Mutant]) -> Mutation:
    """Tell the changes that some patient would tell from those that none would, where the solver is there."""
    try:
        from engine.killers import search
    except ModuleNotFoundError:
        return Mutation(made, [Survivor(mutant.entry, mutant.was, mutant.becomes) for mutant in unnoticed])
    survivors: list[Survivor] = []
    equivalent: list[Survivor] = []
    for mutant in unnoticed:
        found = search(knowledge, mutant)
        survivor = Survivor(mutant.entry, mutant.was, mutant.becomes, found.killer)
        (equivalent if found.proven else survivors).append(survivor)
    return Mutation(made, survivors, equivalent)
