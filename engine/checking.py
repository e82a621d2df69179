"""Everything that can be said against a knowledge base without running it: faults, then warnings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from engine import schemas
from engine.cases import Case, read_cases, where
from engine.catalogue import sources_of
from engine.documents import Listing
from engine.entries import Doubt
from engine.errors import Fault, InputError, Place, did_you_mean, listed
from engine.findings import Given, interpret
from engine.loading import SHIPPED, Loaded, Reading, read_all
from engine.model import Knowledge
from engine.rules import needs, rests_on
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
    """Return all faults of a knowledge base and its cases, and where all could be read all warnings."""
    reading = _of_whole_parameters(read_all(folder, layers))
    read = [read_cases(place) for place in (folder, *layers)]
    cases = [case for found, _ in read for case in found]
    unread = [fault for _, faults in read for fault in faults]
    of_cases = [*unread, *(fault for case in cases for fault in unusable(reading, case))]
    faults = [*reading.faults, *sorted(of_cases, key=_by_place)]
    if reading.faults or unread:
        return Report(faults, ())
    loaded = reading.loaded
    against = against_source(loaded, source) if source is not None else Report((), list(placeholders(loaded)))
    warnings = [
        *without_a_case(loaded, spoken_of(cases)),
        *without_words(cases),
        *unused(loaded),
        *hard_to_read(loaded),
        *against.warnings,
        *strange_to_editors(loaded.knowledge, layers[-1] if layers else folder),
    ]
    return Report([*faults, *against.faults], warnings, loaded.knowledge.digest)


def _by_place(fault: Fault) -> tuple[str, int, int]:
    place = fault.place or Place("")
    return (place.file, place.line or 0, place.column or 0)


EXPECTED_OF = ("applies", "ruled_out", "undetermined", "fulfilled", "references")
"""The expectations of a case that say when an entry counts."""

LISTED_OF = ("kinds", "between")
"""The expectations that only list what an entry is: they alone are no case of it."""


def spoken_of(cases: Iterable[Case]) -> set[str]:
    """Return every id that some case expects something of."""
    return {name for case in cases for key in EXPECTED_OF for name in case.expect.get(key, ())}


def unusable(reading: Reading, case: Case) -> Iterator[Fault]:
    """Yield what keeps a case from being run: findings that cannot be, and names that there are not."""
    knowledge, doubt = reading.loaded.knowledge, reading.doubt
    try:
        findings = _certain(case.findings, knowledge.findings, doubt)
        interpret(knowledge, findings, _certain(case.parameters, knowledge.parameters, doubt))
    except InputError as problem:
        yield from problem.faults
    expect = case.expect
    dosed = [dose[key] for dose in expect.get("doses", ()) for key in ("statement", "of") if key in dose]
    named = [name for key in LISTED_OF for name in expect.get(key, ())]
    asked = [*expect.get("open", ()), *expect.get("closed", ()), *filter(None, [expect.get("first")])]
    for names, known in (({*spoken_of([case]), *named, *dosed}, knowledge.rules), (asked, knowledge.findings)):
        for name in sorted(set(names)):
            if name not in known and name not in doubt:
                found = f"{case.name or 'the case'} expects something of '{name}', which there is not"
                at = where(case, name)
                yield Fault(found, did_you_mean(name, known) or "Check the name.", at.place, at.excerpt)


def _certain(given: Mapping[str, Given], known: Mapping[str, object], doubt: Doubt) -> dict[str, Given]:
    """Return what was given without the names that may be known although they could not be read."""
    return {name: word for name, word in given.items() if name in known or name not in doubt}


def _of_whole_parameters(reading: Reading) -> Reading:
    """Return a reading in which every parameter finds what it reads and derives; the others are in doubt."""
    knowledge = reading.loaded.knowledge
    whole = {
        name: parameter
        for name, parameter in knowledge.parameters.items()
        if all(finding in knowledge.findings for finding in (parameter.derives, *sources_of(parameter)))
    }
    doubt = reading.doubt | Doubt(frozenset(knowledge.parameters.keys() - whole.keys()))
    return replace(reading, doubt=doubt, loaded=replace(reading.loaded, knowledge=replace(knowledge, parameters=whole)))


def without_a_case(loaded: Loaded, named: set[str]) -> Iterator[Fault]:
    """Yield the statements and conflicts that no case speaks of."""
    for kind in ("statements", "conflicts"):
        for name in getattr(loaded.knowledge, kind):
            if name not in named:
                yield _warning(loaded, kind, name, "no case expects anything of it", "Add one in which it applies.")


def without_words(cases: Iterable[Case]) -> Iterator[Fault]:
    """Yield the cases that do not say whom they are about."""
    for case in cases:
        if not case.says:
            yield Fault(f"{case.name or 'the case'}: a case without 'says'", "Say who the patient is.", case.place)


def strange_to_editors(knowledge: Knowledge, folder: Path) -> Iterator[Fault]:
    """Yield that the schemas in a folder are not up to date, if so."""
    if schemas.stale(knowledge, folder):
        found = "the schemas for editors are not those of this knowledge base"
        of = f" {folder}" if folder != SHIPPED else ""
        yield Fault(found, f"Run 'ivig-mg knowledge schema{of}'.", Place(str(folder / schemas.FOLDER)))


def unused(loaded: Loaded) -> Iterator[Fault]:
    """Yield the findings that nothing reads."""
    read = set(findings_read(loaded.knowledge))
    for name in loaded.knowledge.findings:
        if name not in read:
            yield _warning(loaded, "findings", name, "nothing uses it", "Use it in a rule, or remove it.")


def findings_read(knowledge: Knowledge) -> Iterator[str]:
    """Yield every name that a rule, a governor, a dose or a parameter reads."""
    yield from rests_on(knowledge.guideline.requires, knowledge)
    for name in knowledge.rules:
        yield from needs(name, knowledge)
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


PLACEHOLDER = "0" * 64
"""The digest that stands in a base just begun."""


def placeholders(loaded: Loaded) -> Iterator[Fault]:
    """Yield every digest that nobody has made yet."""
    for code, number, digest in _digests(loaded.knowledge):
        if digest == PLACEHOLDER:
            remedy = "Put the digest of the source's sentence; 'knowledge check --source FILE' says it."
            yield _at_digest(loaded, code, number, f"{code}.{number}: the digest is a placeholder", remedy)


def _digests(knowledge: Knowledge) -> Iterator[tuple[str, int, str]]:
    """Yield the digests with their sections and bullets, from 1."""
    for section in knowledge.guideline.sections.values():
        for number, digest in enumerate(section.bullets, 1):
            yield section.code, number, digest


def _at_digest(loaded: Loaded, code: str, number: int, found: str, remedy: str) -> Fault:
    section = loaded.entries["sections"][code]
    bullets = section.node.values["bullets"]
    node = bullets.items[number - 1] if isinstance(bullets, Listing) else bullets
    document = section.document
    return Fault(found, remedy, Place(document.name, node.line, node.column), document.excerpt(node.line))


def against_source(loaded: Loaded, source: Path) -> Report:
    """Hold the digests and the numbers of a knowledge base against a copy of its source."""
    try:
        bullets = read_source(source, loaded.knowledge.guideline)
    except InputError as problem:
        return Report(problem.faults, ())
    return Report(list(other_sentences(loaded, bullets)), list(numbers_lacking(loaded, bullets)))


def other_sentences(loaded: Loaded, bullets: Mapping[str, Bullet]) -> Iterator[Fault]:
    """Yield every digest that is not that of the source's sentence."""
    knowledge = loaded.knowledge
    for code, number, digest in _digests(knowledge):
        place = f"{code}.{number}"
        if code in knowledge.layer_of:
            continue
        if place not in bullets:
            found = f"the source has no {place}: '{knowledge.guideline.sections[code].heading}', bullet {number}"
            yield _at_digest(loaded, code, number, found, "Check the heading.")
        elif bullets[place].digest != digest:
            found = f"the digest of {place} is not that of the source's sentence there"
            yield _at_digest(loaded, code, number, found, _how_to_mend(knowledge, place, bullets[place].digest))


def _how_to_mend(knowledge: Knowledge, place: str, digest: str) -> str:
    resting = [s.id for s in knowledge.statements.values() if _bullet_of(s.source) == place]
    again = f"Read it again with {listed(resting)}, which" if resting else "Read it again; no statement"
    verb = "rests" if len(resting) < 2 else "rest"
    return f"{again} {verb} on it, before you mend the digest. The sentence there has {digest}."


def _bullet_of(source: str) -> str:
    """Return the bullet that a statement rests on: the first where its place names none."""
    return source if "." in source else f"{source}.1"


def numbers_lacking(loaded: Loaded, bullets: Mapping[str, Bullet]) -> Iterator[Fault]:
    """Yield every number that a statement has and its sentence of the source lacks."""
    knowledge = loaded.knowledge
    for statement in knowledge.statements.values():
        place = _bullet_of(statement.source)
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
    line = entry.document.excerpt(node.line) if key in entry.node.values else ""
    return Fault(f"{name}: {found}", remedy, Place(entry.document.name, node.line, node.column), line)
