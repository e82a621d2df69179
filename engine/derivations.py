"""The derivation of a consultation as data: what led to its status, what is against it, and its doses.

It is read from the trace of what fired, and shortened to what can be taken in at a glance: findings;
the statements for or against a use that they decide; the concepts by which such statements come to a
dose; and the conclusions. All else that applies is explained one by one, where it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.consultation import Consultation
from engine.courses import same_doses
from engine.model import OPPOSED, SUPPORT, WEIGHTS_BY_BASIS, Test, natural, parts
from engine.rete import Premise, Step

DECIDING: Mapping[str, tuple[str, ...]] = {
    "indicated": ("indication",),
    "role_only": ("role",),
    "conflict": (*SUPPORT, *OPPOSED),
}
"""The kinds of statement that a status rests on; the others rest on nothing that applies."""

FINDING, STATEMENT, CONCEPT = "finding", "statement", "concept"
STATUS, AGAINST, DOSE = "status", "against", "dose"
"""What a node is; the last three are conclusions."""


class Node(Struct, frozen=True):
    """A finding, a statement, a concept or a conclusion; a conclusion has the rules that it consists of."""

    kind: str
    name: str
    members: tuple[str, ...] = ()


class Derivation(Struct, frozen=True):
    """Nodes in columns, the conclusions last, and which rests on which (the earlier first).

    An edge leads to a later column, and never says only what a longer way says too.
    """

    columns: Sequence[Sequence[Node]]
    edges: Sequence[tuple[Node, Node]]

    @property
    def conclusions(self) -> Sequence[Node]:
        """The conclusions: the status first, then what is against a use, then the doses."""
        return self.columns[-1]

    def sources(self, target: Node) -> list[Node]:
        """Return what a node rests on directly."""
        return [source for source, other in self.edges if other == target]

    def targets(self, source: Node) -> list[Node]:
        """Return what rests on a node directly."""
        return [target for other, target in self.edges if other == source]


def derivation(base: RuleBase, consultation: Consultation) -> Derivation:
    """Return the derivation of a consultation."""
    return _Deriving(base, consultation).derivation()


class _Deriving:
    """One derivation as it is traced from conclusions back to findings."""

    def __init__(self, base: RuleBase, consultation: Consultation) -> None:
        self.base = base
        self.consultation = consultation
        self.knowledge = consultation.knowledge
        self.judge = Judge(self.knowledge, consultation.findings)
        self.steps: Mapping[str, Step] = {step.about: step for step in consultation.trace}
        self.scope = {test.finding for test in parts(self.knowledge.guideline.requires) if isinstance(test, Test)}
        self.uses = self.applying(*SUPPORT, *OPPOSED)
        self.edges: dict[tuple[Node, Node], None] = {}
        self.found: dict[Node, None] = {}

    def derivation(self) -> Derivation:
        conclusions = list(self.conclusions())
        for conclusion in conclusions:
            for member in conclusion.members:
                self.connect(conclusion, member)
        for kind in (CONCEPT, STATEMENT):
            for node in self.of_kind(kind):
                self.connect(node, node.name)
        columns = [self.of_kind(kind) for kind in (FINDING, STATEMENT, CONCEPT)]
        return Derivation([*columns, conclusions], _without_repeats(self.edges))

    def applying(self, *kinds: str) -> list[str]:
        return self.consultation.applying(natural(self.knowledge.statements_of(*kinds)))

    def of_kind(self, kind: str) -> list[Node]:
        return [node for node in self.found if node.kind == kind]

    def node(self, kind: str, name: str) -> Node:
        node = Node(kind, name)
        self.found.setdefault(node)
        return node

    def conclusions(self) -> Iterator[Node]:
        """Yield the status, what is against a use where that is no part of the status, and the doses."""
        status = self.consultation.status
        deciding = [c.id for c in self.knowledge.conflicts.values() if c.decides_status]
        members = self.applying(*DECIDING.get(status, ()))
        yield Node(STATUS, status, (*members, *self.consultation.applying(natural(deciding))))
        opposed = self.applying(*OPPOSED)
        if opposed and status != "conflict":
            yield Node(AGAINST, AGAINST, tuple(opposed))
        for alike in same_doses(self.consultation):
            yield Node(DOSE, alike[0], tuple(alike))

    def connect(self, target: Node, rule: str) -> None:
        """Connect a node with what a rule rests on; a use is shown itself, others by what is below them."""
        if rule in self.uses and target.kind != STATEMENT:
            sources = [self.node(STATEMENT, rule)]
        else:
            sources = list(self.below(rule, target, set()))
        for source in [*sources, *(self.weights(rule) if target.kind == DOSE else ())]:
            self.edges.setdefault((source, target))

    def weights(self, rule: str) -> Iterator[Node]:
        """Yield the weights that the doses of a regimen are by."""
        for name in WEIGHTS_BY_BASIS[self.knowledge.regimens[rule].weight]:
            if name in self.consultation.findings.values:
                yield self.node(FINDING, name)

    def below(self, rule: str, target: Node, seen: set[str]) -> Iterator[Node]:
        for premise in self.steps[rule].premises:
            if premise.about in self.steps:
                yield from self.rule_below(premise.about, target, seen)
            else:
                yield from self.findings(premise)

    def rule_below(self, name: str, target: Node, seen: set[str]) -> Iterator[Node]:
        if name in self.uses and target.kind != STATEMENT:
            yield self.node(STATEMENT, name)
        elif target.kind == DOSE and self.gathers(name):
            yield self.node(CONCEPT, name)
        elif name not in seen:
            seen.add(name)
            yield from self.below(name, target, seen)

    def gathers(self, name: str) -> bool:
        """Whether a name is that of a concept that holds, and by statements for or against a use."""
        if name not in self.knowledge.concepts or self.steps[name].truth != "yes":
            return False
        return not set(self.knowledge.statements_under(name)).isdisjoint(self.uses)

    def findings(self, premise: Premise) -> Iterator[Node]:
        """Yield the findings that decided a test: its own, or its governor where it is not applicable."""
        test = self.base.tests.get(premise.about)
        if test is None:
            return
        for name in sorted(self.judge.test(test).because - self.scope):
            yield self.node(FINDING, name)


def _without_repeats(edges: Iterable[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    """Return edges without those that a longer way stands for."""
    sources: dict[Node, list[Node]] = {}
    for source, target in edges:
        sources.setdefault(target, []).append(source)

    def below(node: Node) -> set[Node]:
        return {found for source in sources.get(node, ()) for found in (source, *below(source))}

    between = {target: {found for source in named for found in below(source)} for target, named in sources.items()}
    return [(source, target) for source, target in edges if source not in between[target]]
