"""How well the worked cases hold a knowledge base: what they cover, and which changes they notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from engine.cases import Case
from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.consultation import evaluate
from engine.errors import InputError
from engine.findings import Findings, interpret
from engine.language import phrase
from engine.model import Condition, Gate, Knowledge, Not
from engine.mutants import Mutant, mutants
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


class Mutation(Struct, frozen=True):
    """How many changes there were, which no case noticed, and which make no difference to any patient."""

    made: int
    survivors: Sequence[Mutant]
    equivalent: Sequence[Mutant] = ()


def failures(base: RuleBase, cases: Sequence[Case]) -> Iterator[Failure]:
    """Yield the cases that do not come out as they expect."""
    for case in cases:
        try:
            unmet = check_case(base, case)
        except InputError as problem:
            unmet = [str(problem)]
        if unmet:
            yield Failure(case, tuple(unmet))


def coverage(knowledge: Knowledge, cases: Sequence[Case]) -> Coverage:
    """Return which tests inside which rules come out both ways over the cases.

    A side that cannot come about counts as covered by nothing; `prove` tells those apart.
    """
    judges = [Judge(knowledge, interpret(knowledge, case.findings, case.parameters)) for case in cases]
    sides, uncovered = 0, []
    for rule, condition in knowledge.rules.items():
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
    knowledge: Knowledge, cases: Sequence[Case], progress: Callable[[int], None] = lambda done: None
) -> Mutation:
    """Return which small changes to a knowledge base make no case fail.

    ``progress`` is told how many changes have been tried.
    """
    given = [(case, interpret(knowledge, case.findings, case.parameters)) for case in cases]
    survivors = []
    made = 0
    for mutant in mutants(knowledge):
        made += 1
        if not _noticed(mutant, given):
            survivors.append(mutant)
        progress(made)
    return Mutation(made, survivors)


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
