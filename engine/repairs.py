"""The smallest changes of findings that would make a rule apply.

The condition tree says which tests would have to come out differently; each such set is turned
into values of findings, and a set counts only if the rule then really applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import combinations, product

from msgspec import Struct

from engine import dosing
from engine.conditions import Judge
from engine.errors import InputError
from engine.findings import Findings, Given, compare, governs, interpret, shown
from engine.language import canonical, choices
from engine.model import AnyDose, Condition, DoseTest, Finding, Gate, Knowledge, Named, Not, Test, Value
from engine.truth import Truth

MOST_WAYS = 60
"""How many sets of tests are followed at each point; the smallest are kept."""

DEEPEST = 3
"""How often the search goes on from a change that undid something else."""

STEP = Decimal("0.1")
"""How far past a limit a changed number is put, where it is not a whole number."""


class Change(Struct, frozen=True):
    """A finding that would have to be known differently; None is unknown."""

    finding: str
    before: Value | None
    after: Value | None


_Demand = tuple[Test | DoseTest, Truth]
_Way = frozenset[_Demand]


def smallest_changes(knowledge: Knowledge, findings: Findings, name: str) -> list[list[Change]]:
    """Return the smallest sets of changed findings under which a rule applies, simplest first."""
    search = _Search(knowledge, findings, name)
    search.try_from({}, DEEPEST)
    fewest = min(map(len, search.found), default=0)
    smallest = [list(changes) for changes in search.found if len(changes) == fewest]
    order = list(knowledge.findings)
    return sorted(smallest, key=lambda changes: [order.index(c.finding) for c in changes])


class _Search:
    """Follows ways to make a rule apply; where a change undoes something else, goes on from there."""

    def __init__(self, knowledge: Knowledge, findings: Findings, name: str) -> None:
        self.knowledge = knowledge
        self.findings = findings
        self.name = name
        self.found: dict[tuple[Change, ...], None] = {}
        self.tried: set[frozenset[tuple[str, Value | None]]] = set()

    def try_from(self, changed: Mapping[str, Value | None], depth: int) -> None:
        """Try every way from the findings with some values changed; those stay as they are."""
        other = self.interpreted(changed)
        if other is None:
            return
        judge = Judge(self.knowledge, other)
        if judge.rule(self.name).truth is Truth.YES:
            self.found[tuple(self.changes(changed, other))] = None
            return
        if depth == 0 or len(changed) >= self.fewest():
            return
        for way in _Ways(judge).of(Named(self.name), Truth.YES):
            for values in _assignments(self.knowledge, other, way):
                more = {**changed, **values}
                key = frozenset(more.items())
                if all(changed.get(key_, value) == value for key_, value in values.items()) and key not in self.tried:
                    self.tried.add(key)
                    self.try_from(more, depth - 1)

    def fewest(self) -> int:
        return min(map(len, self.found), default=len(self.knowledge.findings))

    def interpreted(self, changed: Mapping[str, Value | None]) -> Findings | None:
        """Return the findings with some values changed, or None where they cannot be."""
        given = {key: Given(shown(value)) for key, value in {**self.findings.given, **changed}.items()}
        parameters = {key: Given(shown(value)) for key, value in self.findings.parameters.items()}
        try:
            return interpret(self.knowledge, given, parameters)
        except InputError:
            return None

    def changes(self, changed: Mapping[str, Value | None], other: Findings) -> list[Change]:
        before, after = self.findings.given, other.given
        changes = (Change(name, before.get(name), after.get(name)) for name in sorted(changed))
        return [change for change in changes if change.before != change.after]


class _Ways:
    """The sets of tests that would make a condition what is wanted, the smallest first."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.known: dict[tuple[Condition, Truth], list[_Way]] = {}

    def of(self, condition: Condition, wanted: Truth) -> list[_Way]:
        key = (condition, wanted)
        if key not in self.known:
            self.known[key] = self.find(condition, wanted)
        return self.known[key]

    def find(self, condition: Condition, wanted: Truth) -> list[_Way]:
        if self.judge.judge(condition).truth is wanted:
            return [frozenset()]
        match condition:
            case Test() | DoseTest():
                return [frozenset({(condition, wanted)})]
            case Named(name):
                return self.of(self.judge.knowledge.rules[name], wanted)
            case Not(of):
                return self.of(of, ~wanted)
            case AnyDose():
                return self.of(self.judge.expanded(condition), wanted)
        return self.gate(condition, wanted)

    def gate(self, gate: Gate, wanted: Truth) -> list[_Way]:
        needed = gate.needed if wanted is Truth.YES else len(gate.of) - gate.needed + 1
        unmet = [part for part in gate.of if self.judge.judge(part).truth is not wanted]
        still = needed - (len(gate.of) - len(unmet))
        ways: set[_Way] = set()
        for chosen in combinations(unmet, still):
            for picked in product(*(self.of(part, wanted) for part in chosen)):
                ways.add(frozenset().union(*picked))
                if len(ways) > MOST_WAYS * 20:
                    break
        return sorted(ways, key=_size)[:MOST_WAYS]


def _size(way: _Way) -> tuple[int, list[str]]:
    return len({_finding(test) for test, _ in way}), sorted(f"{test} {truth.value}" for test, truth in way)


def _finding(test: Test | DoseTest) -> str:
    return test.weight if isinstance(test, DoseTest) else test.finding


def _assignments(knowledge: Knowledge, findings: Findings, way: _Way) -> Iterator[dict[str, Value | None]]:
    """Yield values of findings under which all tests of a way could come out as wanted."""
    demands: dict[str, list[_Demand]] = {}
    for test, wanted in sorted(way, key=str):  # in one order in every process
        demands.setdefault(_finding(test), []).append((test, wanted))
    options = [list(_values(knowledge, findings, name, wanted)) for name, wanted in demands.items()]
    for picked in product(*options):
        values: dict[str, Value | None] = {}
        for assignment in picked:
            values.update(assignment)
        yield _with_governors(knowledge, findings, values)


def _values(
    knowledge: Knowledge, findings: Findings, name: str, demands: Iterable[_Demand]
) -> Iterator[dict[str, Value | None]]:
    """Yield the first value of a finding that meets every demand on it, in each direction."""
    demands = list(demands)
    finding = knowledge.findings[name]
    meeting = [v for v in (None, *_candidates(finding, demands)) if all(_met(t, wanted, v) for t, wanted in demands)]
    for value in meeting[:2]:
        yield _given_so(knowledge, findings, name, value)


def _given_so(knowledge: Knowledge, findings: Findings, name: str, value: Value | None) -> dict[str, Value | None]:
    """Return what has to be given for a finding to have a value: itself, or what a parameter derives it from."""
    derived = findings.derived.get(name)
    if derived is None or not derived.parameter:
        return {name: value}
    parameter, limit = knowledge.parameters[derived.parameter], findings.parameters[derived.parameter]
    if value is None or not isinstance(limit, Decimal):
        return {derived.source[-1]: None} if name not in findings.given else dict.fromkeys((name, derived.source[-1]))
    source = knowledge.findings[parameter.source]
    below = limit - _step(source)
    if source.low is not None and below < source.low:
        below = (source.low + limit) / 2
    return {parameter.source: canonical(below) if value == parameter.below else limit}


def _met(test: Test | DoseTest, wanted: Truth, value: Value | None) -> bool:
    if isinstance(test, DoseTest):
        return isinstance(value, Decimal) and dosing.passes(test, value) is (wanted is Truth.YES)
    if test.operator in ("is unknown", "is known"):
        return ((value is None) is (test.operator == "is unknown")) is (wanted is Truth.YES)
    return value is not None and compare(test, value) is (wanted is Truth.YES)


def _candidates(finding: Finding, demands: Iterable[_Demand]) -> list[Value]:
    if not finding.is_number:
        return list(choices(finding))
    step = _step(finding)
    limits = [_limit(test) for test, _ in demands]
    around = [limit + offset for limit in limits if limit is not None for offset in (Decimal(0), step, -step)]
    low, high = finding.low or Decimal(0), finding.high or Decimal(0)
    return [value for value in [*around, low, high] if low <= value <= high]


def _limit(test: Test | DoseTest) -> Decimal | None:
    if isinstance(test, DoseTest):
        return (test.grams / test.per_kg).quantize(STEP)
    return test.value if isinstance(test.value, Decimal) else None


def _step(finding: Finding) -> Decimal:
    return Decimal(1) if finding.type == "whole number" else STEP


def _with_governors(
    knowledge: Knowledge, findings: Findings, values: Mapping[str, Value | None]
) -> dict[str, Value | None]:
    """Return the values with each governor made to agree: a governed value needs its governor."""
    agreed = dict(values)
    for name in values:
        finding = knowledge.findings[name]
        if finding.only_if is None:
            continue
        known = {key: v for key, v in {**findings.values, **agreed}.items() if v is not None}
        if governs(finding, known) is Truth.NO:
            governor = knowledge.findings[finding.only_if.finding]
            fitting = (v for v in _candidates(governor, [(finding.only_if, Truth.YES)]) if compare(finding.only_if, v))
            agreed[governor.name] = next(fitting, None)
    return agreed
