"""A knowledge base of any size, of the same shape as the shipped one.

Statements are of the shipped kinds, in the shipped shares. Uses rest on findings; each chapter has a
concept for its uses, and one concept has them all; everything else rests on uses, on these concepts, and
on findings of its own. There are half as many findings and conflicts as statements. The same size
and seed give the same base in every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle
from random import Random

from msgspec.structs import replace

from engine.loading import digest
from engine.model import (
    ACTUAL_WEIGHT,
    IDEAL_WEIGHT,
    AnyDose,
    Concept,
    Condition,
    Conflict,
    Finding,
    Guideline,
    Knowledge,
    Named,
    Not,
    Reference,
    Regimen,
    Section,
    Statement,
    Test,
    every,
    some,
)

KINDS = {
    "indication": 13,
    "comparison": 11,
    "evidence": 8,
    "monitoring": 7,
    "timing": 6,
    "regimen": 5,
    "regimen_detail": 4,
    "caution": 4,
    "role": 3,
    "setting": 1,
    "context": 1,
    "co_treatment": 1,
    "against": 1,
}
"""How many of the 65 shipped statements are of each kind."""

A_CHAPTER = 13
"""How many statements share a concept."""

DOSES = (
    Regimen(Decimal(2), Decimal(2), 5, "not stated", Decimal("0.4")),
    Regimen(Decimal(1), Decimal(2), 2, "ideal"),
)
SUPPORTED = "supported"
SCOPE = Test("diagnosis", "is", "covered")


def synthetic(statements: int, seed: int = 1) -> Knowledge:
    """Return a knowledge base of so many statements."""
    return _Drawing(statements, Random(seed)).knowledge()


class _Drawing:
    """One base as it is drawn: findings first, then uses, then what rests on them."""

    def __init__(self, size: int, chance: Random) -> None:
        self.size = size
        self.chance = chance
        self.findings = {finding.name: finding for finding in (*_always_there(), *self.drawn_findings())}
        self.unread = cycle(name for name in self.findings if name.startswith("finding_"))
        self.uses: dict[int, list[str]] = {}
        self.statements: dict[str, Statement] = {}
        kinds = [kind for kind, share in KINDS.items() for _ in range(share)]
        drawn = [*KINDS, *(chance.choice(kinds) for _ in range(size - len(KINDS)))]
        for number, kind in enumerate(sorted(drawn, key=lambda kind: kind not in ("indication", "role")), 1):
            self.state(f"S{number:04}", kind)

    @property
    def chapters(self) -> int:
        return max(1, self.size // A_CHAPTER)

    def drawn_findings(self) -> Iterator[Finding]:
        """Yield half as many findings as statements: most yes/no, some choices, numbers and governed ones."""
        for number in range(self.size // 2):
            name, asks = f"finding_{number}", f"Is sign {number} there?"
            if number % 8 == 2:
                yield Finding(name, f"Which form has sign {number}?", "choice", ("none", "mild", "marked"))
            elif number % 8 == 5:
                yield Finding(name, f"Which grade has sign {number}?", "whole number", (), "", Decimal(1), Decimal(4))
            elif number % 8 == 7:
                yield Finding(name, asks, "yes/no", only_if=Test(f"finding_{number - 1}", "is", "yes"))
            else:
                yield Finding(name, asks, "yes/no")

    # Statements. ---------------------------------------------------------------------------

    def state(self, name: str, kind: str) -> None:
        chapter = self.chance.randrange(self.chapters)
        dose = self.chance.choice(DOSES) if kind == "regimen" else None
        if kind in ("indication", "role"):
            self.uses.setdefault(chapter, []).append(name)
        self.statements[name] = Statement(
            name, f"This is {kind} {name}.", kind, f"P{chapter}.1", (1,), self.condition(kind, chapter), dose
        )

    def condition(self, kind: str, chapter: int) -> Condition:
        if kind in ("indication", "role", "against", "context", "caution"):
            return self.signs()
        if kind == "comparison":
            return every(Named(SUPPORTED), self.sign())
        if kind == "monitoring" and self.chance.random() < 0.3:
            return every(Named(SUPPORTED), Test(next(self.unread), "is unknown"))
        if kind in ("monitoring", "timing"):
            return Named(SUPPORTED)
        if kind == "regimen_detail" and not any(s.kind == kind for s in self.statements.values()):
            return AnyDose(">", Decimal(80))
        return Named(self.chance.choice([*self.uses[self.a_chapter(chapter)], self.concept(chapter)]))

    def a_chapter(self, chapter: int) -> int:
        """Return a chapter, or the first one where it has no use."""
        return chapter if chapter in self.uses else min(self.uses)

    def concept(self, chapter: int) -> str:
        return f"chapter_{self.a_chapter(chapter)}"

    def signs(self) -> Condition:
        one = self.sign()
        draw = self.chance.random()
        if draw < 0.5:
            return one
        more = [self.sign() for _ in range(1 if draw < 0.9 else 3)]
        return every(one, *more) if draw < 0.75 else some(one, *more)

    def sign(self) -> Condition:
        """Return a test on the next finding."""
        finding = self.findings[next(self.unread)]
        if finding.type == "choice":
            found = Test(finding.name, "is", self.chance.choice(finding.choices))
            return Not(found) if found.value == "none" else found
        if finding.is_number:
            return Test(finding.name, ">=", Decimal(self.chance.choice((2, 3))))
        return Test(finding.name, "is", "yes")

    # Concepts and conflicts. ---------------------------------------------------------------

    def concepts(self) -> Iterator[Concept]:
        for chapter, uses in sorted(self.uses.items()):
            yield Concept(f"chapter_{chapter}", f"A use of chapter {chapter} is met", some(*map(Named, uses)))
        chapters = (Named(f"chapter_{chapter}") for chapter in sorted(self.uses))
        yield Concept(SUPPORTED, "A use is met", some(*chapters))

    def conflicts(self) -> Iterator[Conflict]:
        """Yield the conflicts that nothing is hidden without, then further ones between any two statements."""
        against = [name for name, s in self.statements.items() if s.kind == "against"]
        opposed = some(*map(Named, against))
        yield Conflict("A1", "For and against.", every(Named(SUPPORTED), opposed), ((SUPPORTED,), tuple(against)))
        by_dose = [tuple(n for n, s in self.statements.items() if s.regimen == dose) for dose in DOSES]
        if all(by_dose):
            both = every(*(some(*map(Named, names)) for names in by_dose))
            yield Conflict("A2", "Two regimens.", both, tuple(by_dose))
        for number in range(3, self.size // 2):
            one, other = self.chance.sample(list(self.statements), 2)
            when: Condition = every(Named(one), Named(other)) if number % 3 else Named(one)
            when = every(Named(one), Not(Named(other))) if number % 7 == 0 else when
            yield Conflict(f"A{number}", f"{one} and {other} differ.", when, ((one,), (other,)))

    def knowledge(self) -> Knowledge:
        sections = {f"P{n}": Section(f"P{n}", f"Chapter {n}", "Part", ("0" * 64,)) for n in range(self.chapters)}
        whole = Knowledge(
            Guideline("synthetic", "1", "Synthetic", "the treatment", SCOPE, sections, ()),
            {1: Reference(1, "drawn")},
            self.findings,
            {concept.id: concept for concept in self.concepts()},
            self.statements,
            {},
            {conflict.id: conflict for conflict in self.conflicts()},
            {},
            {},
        )
        return replace(whole, digest=digest(whole))


def _always_there() -> Iterator[Finding]:
    yield Finding("diagnosis", "What is the diagnosis?", "choice", ("covered", "other"))
    for name, highest in ((ACTUAL_WEIGHT, 400), (IDEAL_WEIGHT, 200)):
        words = name.removesuffix("_kg").replace("_", " ")
        yield Finding(name, f"What is the {words}?", "number", (), "kg", Decimal(1), Decimal(highest))
