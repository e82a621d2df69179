"""The derivation of a consultation as data: from findings through statements to what they come to.

It is read from the trace of what fired, and shortened to what can be taken in at a glance: findings
with what they decide; statements for and against a use; concepts where many statements meet; and
the conclusions, each a group of the statements or conflicts that apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.consultation import Consultation
from engine.courses import same_doses
from engine.model import WEIGHTS_BY_BASIS, Test, natural, parts
from engine.rete import Premise, Step

USES = ("indication", "role", "against", "contraindication")
"""The kinds of statement that stand between findings and conclusions."""

DOSE = "dose"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "dose_detail": ("regimen_detail",),
    "caution": ("caution",),
    "monitoring": ("setting", "co_treatment", "monitoring"),
    "comparison": ("comparison",),
    "expectation": ("timing", "evidence", "context"),
}
"""The conclusions that group statements, by the kinds of statement in them."""

STATUS, CONFLICTS = "status", "conflicts"


class Node(Struct, frozen=True):
    """A finding, a statement, a concept or a conclusion; a conclusion has its members."""

    kind: str
    name: str
    members: tuple[str, ...] = ()


class Derivation(Struct, frozen=True):
    """Nodes in columns, and which rests on which (the earlier first)."""

    columns: Sequence[Sequence[Node]]
    edges: Sequence[tuple[Node, Node]]


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
        self.uses = consultation.applying(natural(self.knowledge.statements_of(*USES)))
        self.edges: dict[tuple[Node, Node], None] = {}
        self.found: dict[Node, None] = {}

    def derivation(self) -> Derivation:
        uses = [self.node("statement", name) for name in self.uses]
        conclusions = list(self.conclusions())
        for conclusion in conclusions:
            for member in conclusion.members:
                self.connect(conclusion, member)
        for node in [n for n in self.found if n.kind == "concept"] + uses:
            self.connect(node, node.name)
        met = self.met_together()
        edges = dict.fromkeys((met.get(source, source), met.get(target, target)) for source, target in self.edges)
        columns = [[node for node in self.found if node.kind == kind] for kind in ("finding", "statement")]
        return Derivation([*columns, list(dict.fromkeys(met.values())), conclusions], list(edges))

    def met_together(self) -> dict[Node, Node]:
        """Return each concept's node; concepts that rest on the same become one, named by the first."""
        by_sources: dict[frozenset[Node], list[Node]] = {}
        for node in [n for n in self.found if n.kind == "concept"]:
            sources = frozenset(source for source, target in self.edges if target == node)
            by_sources.setdefault(sources, []).append(node)
        return {
            node: Node("concept", nodes[0].name, tuple(n.name for n in nodes))
            for nodes in by_sources.values()
            for node in nodes
        }

    def node(self, kind: str, name: str) -> Node:
        node = Node(kind, name)
        self.found.setdefault(node)
        return node

    def conclusions(self) -> Iterator[Node]:
        """Yield the conclusions that have members, the status first."""
        deciding = [c.id for c in self.knowledge.conflicts.values() if c.decides_status]
        yield Node("conclusion", STATUS, (*self.uses, *self.consultation.applying(natural(deciding))))
        for alike in same_doses(self.consultation):
            yield Node("conclusion", f"{DOSE} {alike[0]}", tuple(alike))
        groups = {name: natural(self.knowledge.statements_of(*kinds)) for name, kinds in GROUPS.items()}
        groups[CONFLICTS] = natural(self.knowledge.conflicts)
        for name, ids in groups.items():
            applying = self.consultation.applying(ids)
            if applying:
                yield Node("conclusion", name, tuple(applying))

    def connect(self, target: Node, rule: str) -> None:
        """Connect a node with what a rule rests on; a use is shown itself, others by what is below them."""
        if target.kind == "conclusion" and rule in self.uses:
            sources = [self.node("statement", rule)]
        else:
            sources = [*self.below(rule, target, set()), *self.weights(rule)]
        for source in sources:
            self.edges.setdefault((source, target))

    def weights(self, rule: str) -> Iterator[Node]:
        """Yield the weights that the doses of a rule are by."""
        if rule in self.knowledge.regimens:
            for name in WEIGHTS_BY_BASIS[self.knowledge.regimens[rule].weight]:
                if name in self.consultation.findings.values:
                    yield self.node("finding", name)

    def below(self, rule: str, target: Node, seen: set[str]) -> Iterator[Node]:
        for premise in self.steps[rule].premises:
            if premise.about in self.steps:
                yield from self.conclusion_below(premise, target, seen)
            else:
                yield from self.findings(premise)

    def conclusion_below(self, premise: Premise, target: Node, seen: set[str]) -> Iterator[Node]:
        name = premise.about
        if name in self.uses and target.kind != "statement":
            yield self.node("statement", name)
        elif name in self.knowledge.concepts and target.kind == "conclusion" and self.gathers(name):
            yield self.node("concept", name)
        elif name not in seen:
            seen.add(name)
            yield from self.below(name, target, seen)

    def gathers(self, concept: str) -> bool:
        """Whether a concept holds, and by statements for or against a use."""
        named = set(self.knowledge.statements_under(concept))
        return self.steps[concept].truth == "yes" and not named.isdisjoint(self.uses)

    def findings(self, premise: Premise) -> Iterator[Node]:
        """Yield the findings that decided a test: its own, or its governor where it is not applicable."""
        test = self.base.tests.get(premise.about)
        if test is None:
            return
        for name in sorted(self.judge.test(test).because - self.scope):
            yield self.node("finding", name)
