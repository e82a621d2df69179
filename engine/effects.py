"""What each possible answer to a question would do: what it would settle, and what it would open."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.errors import InputError
from engine.findings import Findings, Given, interpret, shown
from engine.language import canonical, choices, plain
from engine.model import DoseTest, Finding, Test, natural
from engine.planner import plan
from engine.truth import Truth

FINEST = Decimal("0.000001")
"""The least that two numbers given as findings can differ by."""


class Effect(Struct, frozen=True):
    """One answer, or a range of numbers that all do the same, and what follows from it.

    ``applies`` and ``ruled_out`` have the statements and conflicts it settles, ``opens`` the
    findings that become worth asking, ``closes`` those that no longer are.
    """

    answer: str
    applies: tuple[str, ...]
    ruled_out: tuple[str, ...]
    opens: tuple[str, ...]
    closes: tuple[str, ...]


def effects(base: RuleBase, findings: Findings, name: str) -> list[Effect]:
    """Return what each possible answer to a finding would do; answers that do the same are one."""
    finding = base.knowledge.findings[name]
    if not finding.is_number:
        return [_effect(base, findings, name, word, word) for word in choices(finding)]
    found: list[tuple[Decimal, Decimal, Effect]] = []
    for low, high in _ranges(base, finding):
        effect = _effect(base, findings, name, shown(_inside(finding, low, high)), "")
        if found and _same(found[-1][2], effect):
            found[-1] = (found[-1][0], high, effect)
        else:
            found.append((low, high, effect))
    return [replace(effect, answer=_range_in_words(finding, low, high)) for low, high, effect in found]


def _range_in_words(finding: Finding, low: Decimal, high: Decimal) -> str:
    """Return a range as people say it: the least step above 40 kg is "above 40"."""
    unit = f" {finding.unit}" if finding.unit else ""
    above, below = canonical(low - FINEST), canonical(high + FINEST)
    beginning = f"above {plain(above)}" if len(plain(above)) < len(plain(low)) else f"from {plain(low)}"
    end = f"below {plain(below)}" if len(plain(below)) < len(plain(high)) else f"up to {plain(high)}"
    return f"{beginning} {end}{unit}"


def _same(one: Effect, other: Effect) -> bool:
    return replace(one, answer="") == replace(other, answer="")


def _effect(base: RuleBase, findings: Findings, name: str, word: str, answer: str) -> Effect:
    words = {key: Given(shown(value)) for key, value in findings.given.items()}
    words |= {key: Given(reason) for key, reason in findings.reasons.items()}
    parameters = {key: Given(shown(value)) for key, value in findings.parameters.items()}
    try:
        after = interpret(base.knowledge, {**words, name: Given(word)}, parameters)
    except InputError:
        return Effect(answer, (), (), (), ())
    before_judge, after_judge = Judge(base.knowledge, findings), Judge(base.knowledge, after)
    settled: dict[Truth, list[str]] = {Truth.YES: [], Truth.NO: [], Truth.UNKNOWN: []}
    for rule in natural((*base.knowledge.statements, *base.knowledge.conflicts)):
        truth = after_judge.rule(rule).truth
        if truth is not before_judge.rule(rule).truth:
            settled[truth].append(rule)
    asked = {question.finding for question in plan(base, findings).questions} - {name}
    asked_after = {question.finding for question in plan(base, after).questions}
    order = list(base.knowledge.findings)
    return Effect(
        answer,
        tuple(settled[Truth.YES]),
        tuple(settled[Truth.NO]),
        tuple(sorted(asked_after - asked, key=order.index)),
        tuple(sorted(asked - asked_after, key=order.index)),
    )


def _ranges(base: RuleBase, finding: Finding) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield ranges of a number inside each of which every test comes out the same."""
    step = Decimal(1) if finding.type == "whole number" else FINEST
    low, high = finding.low or Decimal(0), finding.high or Decimal(0)
    starts = {low}
    for limit in _limits(base, finding):
        starts |= {start for start in (limit, limit + step) if low < start <= high}
    ordered = sorted(starts)
    for start, following in zip(ordered, [*ordered[1:], high + step], strict=True):
        yield start, following - step


def _limits(base: RuleBase, finding: Finding) -> Iterator[Decimal]:
    for test in base.tests.values():
        if isinstance(test, DoseTest) and test.weight == finding.name:
            yield (test.grams / test.per_kg).quantize(FINEST)
        elif isinstance(test, Test) and test.finding == finding.name and isinstance(test.value, Decimal):
            yield test.value
    for governed in base.knowledge.findings.values():
        test_ = governed.only_if
        if test_ is not None and test_.finding == finding.name and isinstance(test_.value, Decimal):
            yield test_.value


def _inside(finding: Finding, low: Decimal, high: Decimal) -> Decimal:
    middle = (low + high) / 2
    return middle.to_integral_value() if finding.type == "whole number" else canonical(middle.quantize(FINEST))
