"""Statements and conflicts as the report tells them, each with the tree of how it came about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.compiler import RuleBase
from engine.conditions import Judge
from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED, Consultation
from engine.explanation import how, in_the_way
from engine.model import natural
from engine.rendering import words
from engine.rendering.explanation import Branch, Tree
from engine.rendering.explanation import in_the_way as stands_in_the_way
from engine.rendering.page import joined, numbers

STANDING = {APPLIES: "", UNDETERMINED: "not yet decided", RULED_OUT: "does not apply to this patient"}
"""How a statement of a conflict comes out, where it does not apply."""


class Told(Struct, frozen=True):
    """A statement or conflict as it is told.

    ``cited`` has its references, its place in the source and its layer, ``extra`` what is to be marked,
    ``because`` the findings that decided, ``see`` the conflicts and notes that speak of it, and ``rests_on`` the
    branches of the tree of how it came about.
    """

    id: str
    says: str
    cited: str = ""
    extra: str = ""
    because: str = ""
    see: tuple[str, ...] = ()
    rests_on: tuple[Branch, ...] = ()


class Side(Struct, frozen=True):
    """One side of a conflict: the statements that are told, and what else stands on it, by how it comes out."""

    told: Sequence[Told]
    others: str = ""


class Teller:
    """Tells the statements and conflicts of one consultation."""

    def __init__(self, base: RuleBase, consultation: Consultation) -> None:
        self.base = base
        self.consultation = consultation
        self.knowledge = consultation.knowledge
        self.judge = Judge(self.knowledge, consultation.findings)
        self.scope = Tree(self.knowledge).scope

    def layer(self, name: object) -> str:
        """Return the label of what stands in a layer."""
        return words.layer_label(self.knowledge, str(name))

    def named(self, names: Iterable[str]) -> str:
        """Name entries, those of a layer with its label."""
        return words.named(self.knowledge, names)

    def findings(self, names: Iterable[str]) -> str:
        """Name findings as people call them."""
        return joined(words.called(self.knowledge.findings[name]) for name in names)

    def cited(self, name: str) -> str:
        """Return the references of a statement, its place in the source, and the layer it stands in."""
        if name in self.knowledge.conflicts:
            return self.layer(name)
        statement = self.knowledge.statements[name]
        place = "" if name in self.knowledge.layer_of else f"({statement.source})"
        return joined(filter(None, [numbers(statement.references), place, self.layer(name)]), " ")

    # What applies. -------------------------------------------------------------------------

    def all(self, names: Iterable[str]) -> list[Told]:
        """Tell some statements that apply."""
        return [self.statement(name) for name in names]

    def statement(self, name: str) -> Told:
        """Tell a statement that applies."""
        labels = (words.rests_on(self.consultation, name, words.called), words.fulfilled(self.consultation, name))
        return Told(
            name,
            self.knowledge.statements[name].says,
            self.cited(name),
            joined(filter(None, labels), " "),
            words.because(self.consultation, name, words.called),
            self.see(name),
            (*self.branches(name), *self.fulfilment(name)),
        )

    def see(self, name: str) -> tuple[str, ...]:
        """Return what else speaks of a statement: conflicts, for what is given and when, and notes from outside."""
        involved = self.knowledge.statements[name].kind in ("regimen", "regimen_detail")
        conflicts = self.consultation.applying(natural(self.knowledge.conflicts)) if involved else []
        notes = (note.id for note in self.consultation.notes() if name in note.attaches_to)
        return (*(conflict for conflict in conflicts if name in self.consultation.involved(conflict)), *notes)

    def branches(self, name: str) -> tuple[Branch, ...]:
        """Return what a conclusion rests on."""
        tree = how(self.base, self.consultation, name)["tree"]
        branch = Tree(self.knowledge).branch(tree) if tree is not None else None
        return branch.rests_on if branch is not None else ()

    def fulfilment(self, name: str) -> tuple[Branch, ...]:
        """Return whether what a statement asks for is fulfilled, with the findings that say so."""
        asked_for = self.knowledge.statements[name].fulfilled
        if asked_for is None:
            return ()
        judged = self.judge.judge(asked_for)
        decided = words.findings_in_words(self.consultation, sorted(judged.because | judged.missing))
        return (Branch(f"{words.fulfilled(self.consultation, name)} {decided}"),)

    # What does not. ------------------------------------------------------------------------

    def undecided(self, name: str) -> Told:
        """Tell a rule that is undetermined, with what it waits for."""
        waits = f"waits for {self.findings(self.consultation.verdicts[name].missing)}"
        tests = in_the_way(self.consultation, name)
        branches = (
            Branch(f"{'unknown: ' if test['truth'] == 'unknown' else ''}{stands_in_the_way(test, self.knowledge)}")
            for test in tests
        )
        return Told(name, self.says(name), self.cited(name), waits, rests_on=tuple(branches))

    def ruled_out(self, name: str) -> Told:
        """Tell a rule that is ruled out, with what decided that."""
        because = self.consultation.verdicts[name].because
        decided = f"because {words.findings_in_words(self.consultation, because, words.called)}"
        return Told(name, self.says(name), self.cited(name), decided, rests_on=self.branches(name))

    def says(self, name: str) -> str:
        """Return the words of a statement or conflict."""
        return (self.knowledge.statements.get(name) or self.knowledge.conflicts[name]).says

    # Conflicts. ----------------------------------------------------------------------------

    def conflict(self, name: str) -> Mapping[str, Any]:
        """Tell a conflict that applies, side by side."""
        sides = [side for side in self.knowledge.sides(name) if side]
        because = "" if sides else words.because(self.consultation, name, words.called)
        told = Told(name, self.says(name), self.layer(name), because=because, rests_on=self.branches(name))
        return {"told": told, "sides": [self.side(side) for side in sides]}

    def side(self, names: Sequence[str]) -> Side:
        """Tell what applies on a side and name the rest; where nothing on it applies, tell all of it."""
        applying = self.consultation.applying(names)
        by_standing: dict[str, list[str]] = {}
        for name in names if applying else ():
            by_standing.setdefault(STANDING[self.consultation.verdicts[name].verdict], []).append(name)
        others = (f"{standing}: {self.named(alike)}" for standing, alike in by_standing.items() if standing)
        return Side([self.standing(name) for name in applying or names], joined(others, "; "))

    def standing(self, name: str) -> Told:
        """Tell a statement of a conflict, and how it comes out where it does not apply."""
        return Told(name, self.says(name), self.cited(name), STANDING[self.consultation.verdicts[name].verdict])
