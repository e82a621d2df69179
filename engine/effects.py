"""What each possible answer to a question would do: what it would settle, and what it would open."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.errors import InputError
from engine.findings import CM_PER_INCH, Findings, Given, interpret, shown
from engine.language import canonical, choices, plain
from engine.model import WEIGHTS_BY_BASIS, DoseTest, Finding, Test, natural
from engine.planner import Planned, plan, still_to_ask, worth_asking
from engine.truth import Truth

FINEST = Decimal("0.000001")
"""The least that two numbers given as findings can differ by."""


class Effect(Struct, frozen=True):
    """One answer, or a range of numbers that all do the same, and what follows from it.

    ``applies`` and ``ruled_out`` have the statements and conflicts it settles, ``waits`` those that hang on
    the question and would still be undetermined; ``fulfils`` and ``fails`` what is asked for before treatment and
    would be met or not; ``doses`` the regimens whose dose could be worked out by a further weight. ``opens`` has the
    findings that become worth asking, ``closes`` those that no longer are. ``varies`` marks a range
    inside which more follows, each number its own; ``cannot_be`` says why an answer is none.
    """

    answer: str = ""
    applies: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    fulfils: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    doses: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    varies: bool = False
    cannot_be: str = ""


LISTS = ("applies", "ruled_out", "waits", "fulfils", "fails", "doses", "opens", "closes")
"""The parts of an effect that name something."""

SETTLED = ("applies", "ruled_out", "fulfils", "fails", "doses", "opens")
"""The parts of an effect for which it is worth telling that an answer is not known."""


def effects(base: RuleBase, findings: Findings, name: str) -> list[Effect]:
    """Return what each possible answer to a finding would do; answers that do the same are one.

    Last comes what it would do to say that it is not known, where that does anything.
    """
    asking = _Asking(base, findings, name)
    finding = base.knowledge.findings[name]
    if finding.is_number:
        found = list(_of_number(asking, finding))
    else:
        found = [replace(asking.effect(word), answer=word) for word in choices(finding)]
    unknown = asking.effect("unknown")
    worth_telling = any(getattr(unknown, part) for part in SETTLED)
    return [*found, *([replace(unknown, answer="not known", closes=())] if worth_telling else [])]


def _of_number(asking: _Asking, finding: Finding) -> Iterator[Effect]:
    found: list[tuple[Decimal, Decimal, Effect]] = []
    for low, high in _ranges(asking, finding):
        effect = asking.throughout([low, _inside(finding, low, high), high])
        if found and found[-1][2] == effect:
            found[-1] = (found[-1][0], high, effect)
        else:
            found.append((low, high, effect))
    return (replace(effect, answer=_range_in_words(finding, low, high)) for low, high, effect in found)


def _range_in_words(finding: Finding, low: Decimal, high: Decimal) -> str:
    """Return a range as people say it: the least step above 40 kg is "above 40"."""
    unit = f" {finding.unit}" if finding.unit else ""
    above, below = canonical(low - FINEST), canonical(high + FINEST)
    beginning = f"above {plain(above)}" if len(plain(above)) < len(plain(low)) else f"from {plain(low)}"
    end = f"below {plain(below)}" if len(plain(below)) < len(plain(high)) else f"up to {plain(high)}"
    return f"{beginning} {end}{unit}"


class _Asking:
    """A question as it stands: the patient, the rules judged, and what is worth asking."""

    def __init__(self, base: RuleBase, findings: Findings, name: str) -> None:
        self.base = base
        self.findings = findings
        self.name = name
        self.judges = _judges(base, findings)
        questions = {question.finding: question for question in plan(base, findings).questions}
        self.asked = questions.keys() - {name}
        self.question = questions.get(name, Planned(name, "", "", (), ()))
        self.parameters = {key: Given(shown(value)) for key, value in findings.parameters.items()}
        self.words = {key: Given(shown(value)) for key, value in findings.given.items()}
        self.words |= {key: Given(reason) for key, reason in findings.reasons.items()}

    def effect(self, word: str) -> Effect:
        """Return what an answer would do."""
        knowledge = self.base.knowledge
        try:
            after = interpret(knowledge, {**self.words, self.name: Given(word)}, self.parameters)
        except InputError as problem:
            return Effect(cannot_be=problem.faults[0].found)
        judges = as_it_stands, _ = _judges(self.base, after)
        asked = worth_asking(self.base, after) - {self.name}
        undecided = (n for n in self.question.settles if all(j.rule(n).truth is Truth.UNKNOWN for j in judges))
        fulfilled = dict(self.fulfilled(as_it_stands))
        return Effect(
            applies=tuple(self.turned(judges, Truth.YES)),
            ruled_out=tuple(self.turned(judges, Truth.NO)),
            waits=tuple(undecided),
            fulfils=tuple(name for name, truth in fulfilled.items() if truth is Truth.YES),
            fails=tuple(name for name, truth in fulfilled.items() if truth is Truth.NO),
            doses=tuple(self.doses(after)),
            opens=tuple(self.in_order(asked - self.asked)),
            closes=tuple(self.in_order(self.asked - asked)),
        )

    def turned(self, judges: tuple[Judge, Judge], truth: Truth) -> Iterator[str]:
        """Yield the statements and conflicts that come to be of a truth, as the case stands or for good."""
        for name in natural((*self.base.knowledge.statements, *self.base.knowledge.conflicts)):
            turns = (
                (now.rule(name).truth, then.rule(name).truth) for now, then in zip(self.judges, judges, strict=True)
            )
            if any(then is truth and now is not truth for now, then in turns):
                yield name

    def fulfilled(self, judge: Judge) -> Iterator[tuple[str, Truth]]:
        """Yield each requirement that hangs on the question, with whether it would be met."""
        for name in self.question.completes:
            condition = self.base.knowledge.statements[name].fulfilled
            if condition is not None:
                yield name, judge.judge(condition).truth

    def doses(self, after: Findings) -> Iterator[str]:
        """Yield the regimens that hang on the question and for which a weight would become known."""
        for name in self.question.completes:
            regimen = self.base.knowledge.regimens.get(name)
            weights = WEIGHTS_BY_BASIS[regimen.weight] if regimen is not None else ()
            if any(weight in after.values and weight not in self.findings.values for weight in weights):
                yield name

    def in_order(self, names: Collection[str]) -> list[str]:
        """Return findings in the order of the knowledge."""
        return [name for name in self.base.knowledge.findings if name in names]

    def throughout(self, numbers: list[Decimal]) -> Effect:
        """Return what all of some numbers would do; ``varies`` where they do more than that, each its own."""
        found = [self.effect(shown(number)) for number in numbers]
        if all(effect == found[0] for effect in found) or all(effect.cannot_be for effect in found):
            return found[0]

        def common(part: str) -> tuple[str, ...]:
            return tuple(name for name in getattr(found[0], part) if all(name in getattr(e, part) for e in found))

        return replace(Effect(varies=True), **{part: common(part) for part in LISTS})


def _judges(base: RuleBase, findings: Findings) -> tuple[Judge, Judge]:
    """Return who judges as the case stands, and who waits for what can still be asked."""
    return Judge(base.knowledge, findings), Judge(base.knowledge, findings, still_to_ask(base.knowledge, findings))


def _ranges(asking: _Asking, finding: Finding) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield ranges of a number inside each of which every test comes out the same."""
    step = Decimal(1) if finding.type == "whole number" else FINEST
    low, high = finding.low or Decimal(0), finding.high or Decimal(0)
    starts = {low}
    for limit in _limits(asking, finding):
        starts |= {start for start in (limit, limit + step) if low < start <= high}
    ordered = sorted(starts)
    for start, following in zip(ordered, [*ordered[1:], high + step], strict=True):
        yield start, following - step


def _limits(asking: _Asking, finding: Finding) -> Iterator[Decimal]:
    """Yield the numbers at which a test, a governor or a parameter in force can come out otherwise."""
    base = asking.base
    for name, setting in asking.findings.parameters.items():
        parameter = base.knowledge.parameters[name]
        if parameter.source == finding.name and isinstance(setting, Decimal):
            yield setting
            yield setting - (Decimal(1) if finding.type == "whole number" else FINEST)
        formula = (parameter.formulas or {}).get(str(setting))
        if formula is not None and formula.height == finding.name:
            yield formula.from_inches * CM_PER_INCH
            yield formula.from_inches * CM_PER_INCH - FINEST
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
