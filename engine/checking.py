"""Everything that can be said against a knowledge base without running it: faults, then warnings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from engine import schemas
from engine.cases import Case, load_cases
from engine.catalogue import rests_on, sources_of
from engine.errors import Fault, InputError, KnowledgeError, Place, did_you_mean, listed
from engine.findings import interpret
from engine.loading import Loaded, read_base
from engine.model import WEIGHTS_BY_BASIS, Knowledge
from engine.sources import Bullet, numbers, numbers_of, read_source

LONGEST_SENTENCE = 30
"""How many words a sentence may have before it is hard to take in at a glance."""

HARDEST = 65
"""The highest readability index (LIX) of wording: words a sentence, plus the percentage of long ones."""

LONG_WORD = 9
"""How many letters a long word has; more than usual for LIX, because the names of drugs are long."""


class Report(Struct, frozen=True):
    """What a check found: faults make the knowledge base unusable, warnings want a look."""

    faults: Sequence[Fault]
    warnings: Sequence[Fault]
    digest: str = ""


def check(folder: Path, layers: Sequence[Path] = (), source: Path | None = None) -> Report:
    """Return all faults of a knowledge base and its cases, or where there are none all warnings."""
    try:
        loaded = read_base(folder, layers)
    except KnowledgeError as problem:
        return Report(problem.faults, ())
    try:
        cases = [case for place in (folder, *layers) for case in load_cases(place)]
    except KnowledgeError as problem:
        return Report(problem.faults, ())
    knowledge = loaded.knowledge
    faults = [fault for case in cases for fault in unusable(knowledge, case)]
    warnings = [*without_a_case(loaded, spoken_of(cases)), *unused(loaded), *hard_to_read(loaded)]
    if source is not None:
        try:
            bullets = read_source(source, knowledge.guideline)
            faults += other_sentences(loaded, bullets)
            warnings += numbers_lacking(loaded, bullets)
        except InputError as problem:
            faults += problem.faults
    top = layers[-1] if layers else folder
    if schemas.stale(knowledge, top):
        found = "the schemas for editors are not those of this knowledge base"
        warnings.append(Fault(found, "Run 'ivig-mg knowledge schema'.", Place(str(top / schemas.FOLDER))))
    return Report(faults, warnings, knowledge.digest)


EXPECTED_OF = ("applies", "ruled_out", "undetermined", "fulfilled", "references")
"""The expectations of a case that say when an entry counts."""

LISTED_OF = ("kinds", "between")
"""The expectations that only list what an entry is: they alone are no case of it."""


def spoken_of(cases: Iterable[Case]) -> set[str]:
    """Return every id that some case expects something of."""
    return {name for case in cases for key in EXPECTED_OF for name in case.expect.get(key, ())}


def unusable(knowledge: Knowledge, case: Case) -> Iterator[Fault]:
    """Yield what keeps a case from being run: findings that cannot be, and names that there are not."""
    try:
        interpret(knowledge, case.findings, case.parameters)
    except InputError as problem:
        yield from problem.faults
    for names, known in (
        (sorted(spoken_of([case]) | {name for key in LISTED_OF for name in case.expect.get(key, ())}), knowledge.rules),
        ([name for key in ("open", "closed") for name in case.expect.get(key, ())], knowledge.findings),
    ):
        for name in names:
            if name not in known:
                found = f"{case.name or 'the case'} expects something of '{name}', which there is not"
                yield Fault(found, did_you_mean(name, known) or "Check the name.", case.place)


def without_a_case(loaded: Loaded, named: set[str]) -> Iterator[Fault]:
    """Yield the statements and conflicts that no case speaks of."""
    for kind in ("statements", "conflicts"):
        for name in getattr(loaded.knowledge, kind):
            if name not in named:
                yield _warning(loaded, kind, name, "no case expects anything of it", "Add one in which it applies.")


def unused(loaded: Loaded) -> Iterator[Fault]:
    """Yield the findings that nothing reads."""
    read = set(findings_read(loaded.knowledge))
    for name in loaded.knowledge.findings:
        if name not in read:
            yield _warning(loaded, "findings", name, "nothing uses it", "Use it in a rule, or remove it.")


def findings_read(knowledge: Knowledge) -> Iterator[str]:
    """Yield every name that a rule, a governor, a dose or a parameter reads."""
    for condition in (*knowledge.rules.values(), knowledge.guideline.requires):
        yield from rests_on(condition, knowledge)
    for statement in knowledge.statements.values():
        if statement.fulfilled is not None:
            yield from rests_on(statement.fulfilled, knowledge)
        if statement.regimen is not None:
            yield from WEIGHTS_BY_BASIS[statement.regimen.weight]
    for finding in knowledge.findings.values():
        if finding.only_if is not None:
            yield finding.only_if.finding
    for parameter in knowledge.parameters.values():
        yield from sources_of(parameter)


def hard_to_read(loaded: Loaded) -> Iterator[Fault]:
    """Yield the wordings whose sentences are too long or too hard."""
    texts = [
        *(("statements", s.id, s.says) for s in loaded.knowledge.statements.values()),
        *(("conflicts", c.id, c.says) for c in loaded.knowledge.conflicts.values()),
        *(("findings", f.name, f.asks) for f in loaded.knowledge.findings.values()),
    ]
    for kind, name, text in texts:
        longest = max((len(sentence.split()) for sentence in _sentences(text)), default=0)
        if longest > LONGEST_SENTENCE:
            found = f"a sentence of {longest} words"
            yield _warning(loaded, kind, name, found, f"Say it in sentences of at most {LONGEST_SENTENCE}.", "says")
        elif readability(text) > HARDEST:
            found = f"wording with a readability index of {readability(text)}, over {HARDEST}"
            yield _warning(loaded, kind, name, found, "Use shorter words or shorter sentences.", "says")


def readability(text: str) -> int:
    """Return the LIX of a text: words a sentence, plus the percentage of long words."""
    words = re.findall(r"[^\W\d_]+", text)
    if not words:
        return 0
    long_words = sum(len(word) > LONG_WORD for word in words)
    return round(len(words) / max(1, len(_sentences(text))) + 100 * long_words / len(words))


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.!?:;])\s+", text) if sentence.strip()]


def other_sentences(loaded: Loaded, bullets: Mapping[str, Bullet]) -> Iterator[Fault]:
    """Yield every digest that is not that of the source's sentence."""
    knowledge = loaded.knowledge
    for section in knowledge.guideline.sections.values():
        for number, digest in enumerate(section.bullets, 1):
            place = f"{section.code}.{number}"
            if section.code in knowledge.layer_of:
                continue
            if place not in bullets:
                yield Fault(f"the source has no {place}: '{section.heading}', bullet {number}", "Check the heading.")
            elif bullets[place].digest != digest:
                found = f"the digest of {place} is not that of the source's sentence there"
                yield Fault(found, f"The sentence there has {bullets[place].digest}; read it again before you mend it.")


def numbers_lacking(loaded: Loaded, bullets: Mapping[str, Bullet]) -> Iterator[Fault]:
    """Yield every number that a statement has and its sentence of the source lacks."""
    knowledge = loaded.knowledge
    for statement in knowledge.statements.values():
        place = statement.source if "." in statement.source else f"{statement.source}.1"
        if statement.id in knowledge.layer_of or place not in bullets:
            continue
        there = numbers(bullets[place].text) | numbers(bullets[place].heading)
        lacking = sorted(numbers_of(statement) - there)
        if lacking:
            found = (
                f"{listed(lacking)} {'is' if len(lacking) == 1 else 'are'} not in its sentence of the source, {place}"
            )
            yield _warning(loaded, "statements", statement.id, found, "Mend the number, or the place.", "says")


def _warning(loaded: Loaded, kind: str, name: str, found: str, remedy: str, key: str = "") -> Fault:
    entry = loaded.entries[kind][name]
    node = entry.node.values.get(key, entry.node)
    line = entry.document.lines[node.line - 1].strip() if key in entry.node.values else ""
    return Fault(f"{name}: {found}", remedy, Place(entry.document.name, node.line, node.column), line[:100])
