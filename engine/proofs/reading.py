"""What each rule reads: the tests on findings under it, through all the rules that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine import dosing
from engine.model import AnyDose, Condition, DoseTest, Gate, Knowledge, Named, Not, Test

KNOWN_OR_NOT = ("is known", "is unknown")


class Reading:
    """What the rules of one knowledge base read; each rule is gone through only once."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._tests: dict[str, tuple[Test | DoseTest, ...]] = {}

    def tests(self, rule: str) -> tuple[Test | DoseTest, ...]:
        """Return every test on a finding under a rule, each once, in order."""
        if rule not in self._tests:
            self._tests[rule] = self.tests_in(self.knowledge.rules[rule])
        return self._tests[rule]

    def tests_in(self, condition: Condition) -> tuple[Test | DoseTest, ...]:
        """Return every test on a finding under a condition, each once, in order."""
        return tuple(dict.fromkeys(self._leaves(condition)))

    def _leaves(self, condition: Condition) -> Iterator[Test | DoseTest]:
        match condition:
            case Test() | DoseTest():
                yield condition
            case Named(name):
                yield from self.tests(name)
            case Not(of):
                yield from self._leaves(of)
            case AnyDose():
                yield from self._leaves(dosing.expand(condition, self.knowledge))
            case Gate(of=of):
                for part in of:
                    yield from self._leaves(part)

    def findings(self, tests: Iterable[Test | DoseTest]) -> set[str]:
        """Return every finding that tests depend on: those asked of, their governors, and what implies a governor."""
        asked = {test.weight if isinstance(test, DoseTest) else test.finding for test in tests}
        known = self.knowledge.findings
        governors = {test.finding for name in asked if (test := known[name].only_if) is not None}
        implying = {name for name, one in known.items() if one.only_if and one.only_if.finding in asked | governors}
        return asked | governors | implying

    def asks_what_is_known(self, rule: str) -> bool:
        """Whether a rule reads anywhere if a finding is known.

        All else is monotone: what it comes out as stays so, whatever more becomes known.
        """
        return any(isinstance(test, Test) and test.operator in KNOWN_OR_NOT for test in self.tests(rule))
