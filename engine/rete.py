"""The seam to experta, and its only importer: productions in, the steps that fired out.

A production concludes that something holds or does not hold, once enough of its premises are
known. Both sides of a rule are productions of their own, negation is a match on a known no, and
nothing is ever retracted: so what is unknown stays unknown, and firing order cannot change the
answer. Matching, ordering and firing are experta's (`KnowledgeEngine`, `Rule`, `Fact`), with its
two documented hooks: a matcher that goes straight from a fact to the rules about it, and a
strategy that fires lower strata first, so that a rule fires once, with every premise it has.
"""

from __future__ import annotations

import bisect
import collections
import collections.abc
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from msgspec import Struct

from engine.errors import EngineError, Fault

# frozendict 1.2, which experta pins, asks for a name that Python 3.10 took away. It is lent for
# the import and taken back.
_lent = not hasattr(collections, "Mapping")
if _lent:
    collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]
try:
    from experta import AND, OR, Fact, KnowledgeEngine, Rule
    from experta.abstract import Matcher, Strategy
    from experta.activation import Activation
finally:
    if _lent:
        del collections.Mapping  # type: ignore[attr-defined]

YES, NO = "yes", "no"

PLAIN_MATCHER: Any = KnowledgeEngine.__matcher__
"""The matcher that experta comes with, for whoever compares ours with it."""


class Premise(Struct, frozen=True):
    """That something is known to hold (``truth`` is yes) or not to hold (no)."""

    about: str
    truth: str


class Production(Struct, frozen=True):
    """Concludes about something once at least ``needed`` of the premises are known."""

    about: str
    truth: str
    needed: int
    premises: tuple[Premise, ...]
    stratum: int

    @property
    def name(self) -> str:
        """The name of the production in messages: ``S12 = yes``."""
        return f"{self.about} = {self.truth}"


class Step(Struct, frozen=True):
    """A production that fired, with every premise that supported it."""

    about: str
    truth: str
    premises: tuple[Premise, ...]


class Holds(Fact):  # type: ignore[misc]
    """The one kind of fact: ``about`` something, with its ``truth``, yes or no."""


class Network:
    """The rules of a set of productions, made when first needed and run for any number of patients."""

    def __init__(self, productions: Iterable[Production]) -> None:
        self.productions = tuple(productions)
        self.rules_about: dict[tuple[str, str], list[int]] = {}
        self._rules: dict[int, ProductionRule] = {}
        for order, production in enumerate(self.productions):
            for premise in production.premises:
                self.rules_about.setdefault((premise.about, premise.truth), []).append(order)

    def rule(self, order: int) -> ProductionRule:
        """Return the experta rule of a production, by its place in the firing order."""
        if order not in self._rules:
            self._rules[order] = _rule(self.productions[order], order)
        return self._rules[order]


class ProductionRule(Rule):  # type: ignore[misc]
    """An experta rule that knows its production and its place in the firing order."""

    production: Production
    order: int

    def new_conditions(self, *conditions: Any) -> ProductionRule:
        """Return the rule with other conditions; experta's own matcher rewrites rules by it."""
        rule: ProductionRule = super().new_conditions(*conditions)
        rule.production, rule.order = self.production, self.order
        return rule


def _rule(production: Production, order: int) -> ProductionRule:
    rule = ProductionRule(*_conditions(production))
    rule.production = production
    rule.order = order

    def conclude(engine: Session) -> None:
        engine.conclude(production)

    conclude.__name__ = production.name
    rule(conclude)
    return rule


def _conditions(production: Production) -> tuple[Any, ...]:
    patterns = [Holds(about=premise.about, truth=premise.truth) for premise in production.premises]
    if production.needed == len(patterns):
        return tuple(patterns)
    if production.needed == 1:
        return (OR(*patterns),)
    return (OR(*(AND(*chosen) for chosen in combinations(patterns, production.needed))),)


class GroundMatcher(Matcher):  # type: ignore[misc]
    """Counts, for each rule, the premises that have become facts.

    Patterns are ground (no variables), so a fact is looked up, not tested against every pattern.
    A rule is put on the agenda once, when enough premises are known.
    """

    def __init__(self, engine: Session) -> None:
        super().__init__(engine)
        self.network = engine.network
        self.counted: dict[int, int] = {}

    def reset(self) -> None:
        """Forget all facts."""
        self.counted.clear()

    def changes(self, adding: Sequence[Any] = (), deleting: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
        """Return the activations that new facts bring; facts are never withdrawn."""
        if deleting:
            raise NotImplementedError("facts are never withdrawn")
        added = []
        for fact in adding:
            for order in self.network.rules_about.get((fact.get("about"), fact.get("truth")), ()):
                counted = self.counted[order] = self.counted.get(order, 0) + 1
                if counted == self.network.productions[order].needed:
                    added.append(Activation(self.network.rule(order), ()))
        return added, []


class StratumStrategy(Strategy):  # type: ignore[misc]
    """Fires by stratum, then by name: the order of the network, the same in every process."""

    def _update_agenda(self, agenda: Any, added: Iterable[Any], removed: Iterable[Any]) -> None:
        for activation in added:
            activation.key = -activation.rule.order  # the agenda fires its last activation first
            bisect.insort(agenda.activations, activation)


class Session(KnowledgeEngine):  # type: ignore[misc]
    """One run over one patient's facts; it is thrown away afterwards."""

    __matcher__ = GroundMatcher
    __strategy__ = StratumStrategy

    def __init__(self, network: Network) -> None:
        self.network = network
        self.steps: list[Step] = []
        self.known: dict[str, str] = {}
        super().__init__()

    def get_rules(self) -> list[Any]:
        """Return every rule of the network; experta would look for them among attributes."""
        return [self.network.rule(order) for order in range(len(self.network.productions))]

    def conclude(self, production: Production) -> None:
        """Record a step, with every premise known by then, and assert what it concludes.

        Raises:
            ValueError: when it contradicts what is known.

        """
        about, truth = production.about, production.truth
        if self.known.setdefault(about, truth) != truth:
            raise ValueError(f"{about} was concluded to hold and not to hold")
        supporting = [premise for premise in production.premises if self.known.get(premise.about) == premise.truth]
        self.steps.append(Step(about, truth, tuple(supporting)))
        self.declare(Holds(about=about, truth=truth))


def run(network: Network, known: Mapping[str, str]) -> list[Step]:
    """Return the steps that fire from facts: what each is about, to yes or no.

    Raises:
        EngineError: naming the rule in which it happened; the session is thrown away.

    """
    session = Session(network)
    try:
        session.reset()
        session.known.update(known)
        session.declare(*(Holds(about=about, truth=truth) for about, truth in known.items()))
        session.run()
    except Exception as problem:
        where = f" after {session.steps[-1].about}" if session.steps else ""
        raise EngineError([Fault(f"the inference engine failed{where}: {problem}", "Please report this.")]) from problem
    return session.steps
