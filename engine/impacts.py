"""What a change of knowledge would have past consultations say: which would read differently, and by what.

Each is judged by the evaluator under the knowledge then in force and under the new. What is read in an answer is
what ``answers.told`` tells of it; what is then different is told by the entry that is responsible: one that was
itself changed, or else the first of those that rest on each other. Of a ledger of any size no more is kept than
the latest consultations judged, and the number of each consultation once for every change in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from engine.answers import GUIDELINE, NOT_THERE, QUESTIONS, STATUS, VERDICT, Told, told
from engine.conditions import Judge
from engine.consultation import Consultation, evaluate
from engine.errors import InputError, KnowledgeError
from engine.findings import NOT_APPLICABLE
from engine.language import phrase
from engine.ledger import Ledger, Progress
from engine.loading import load
from engine.model import Knowledge, natural
from engine.records import Entry
from engine.replay import consultations, findings_of, receipt_of, rule_base_of
from engine.rules import needs, resting_on, rests_on
from engine.snapshots import knowledge_of

KEPT = 1024
"""How many receipts are kept with what they came to: the same receipt comes out alike."""

BECAUSE, MISSING = "because", "missing"

Key = tuple[str, str, str]
"""Who is responsible, and what is told before and after."""


class Change(Struct, frozen=True):
    """What is told otherwise of one entry: before and after, and in which consultations.

    ``responsible`` is a rule, finding, parameter, note, reference (``[3]``) or document statement, or one of
    ``status``, ``guideline`` and ``open questions``.
    """

    responsible: str
    before: str
    after: str
    entries: tuple[int, ...]
    follows: tuple[str, ...] = ()
    """Of what else something would be told otherwise because of it."""


class Unreadable(Struct, frozen=True):
    """Why some consultations cannot be judged, and which."""

    reason: str
    entries: tuple[int, ...]


class Impact(Struct, frozen=True):
    """How a ledger's consultations would read under other knowledge.

    ``not_judged`` are those whose findings, or layers, the other knowledge does not take, and those whose own
    knowledge cannot be read.
    """

    knowledge: str
    consultations: int
    affected: int
    not_judged: int
    changes: tuple[Change, ...]
    unreadable: tuple[Unreadable, ...] = ()


class Judged(Struct, frozen=True):
    """What one consultation comes to: what is told otherwise, each with what follows; or why that cannot be told."""

    changes: Mapping[Key, frozenset[str]] = {}
    reason: str = ""


def impact(ledger: Ledger, base: Path, layers: Sequence[Path] = (), progress: Progress = lambda done: None) -> Impact:
    """Return which consultations would read differently under another base, by what is responsible.

    Without ``layers`` each is judged with the layers that it had.
    """
    new = load(base, layers)

    def under(snapshot: str) -> Knowledge:
        return new if layers else knowledge_of(ledger.snapshot(snapshot), base)

    tally = _Tally()
    latest: dict[str, Judged] = {}
    for entry in consultations(ledger):
        latest[entry.receipt] = found = latest.pop(entry.receipt, None) or _judged(ledger, entry, under)
        if len(latest) > KEPT:
            del latest[next(iter(latest))]
        tally.add(entry.number, found)
        progress(tally.consultations)
    return tally.impact(new.digest)


class _Tally:
    """The consultations judged so far, by change and by reason."""

    def __init__(self) -> None:
        self.consultations = self.affected = self.not_judged = 0
        self.entries: dict[Key, list[int]] = {}
        self.follows: dict[Key, set[str]] = {}
        self.unreadable: dict[str, list[int]] = {}

    def add(self, number: int, judged: Judged) -> None:
        self.consultations += 1
        self.affected += bool(judged.changes)
        self.not_judged += bool(judged.reason)
        if judged.reason:
            self.unreadable.setdefault(judged.reason, []).append(number)
        for key, follows in judged.changes.items():
            self.entries.setdefault(key, []).append(number)
            self.follows.setdefault(key, set()).update(follows)

    def impact(self, knowledge: str) -> Impact:
        order = {name: place for place, name in enumerate(natural({name for name, _, _ in self.entries}))}
        keys = sorted(self.entries, key=lambda key: (order[key[0]], key[1:]))
        changes = (Change(*key, tuple(self.entries[key]), tuple(natural(self.follows[key]))) for key in keys)
        unreadable = (Unreadable(reason, tuple(numbers)) for reason, numbers in sorted(self.unreadable.items()))
        return Impact(knowledge, self.consultations, self.affected, self.not_judged, tuple(changes), tuple(unreadable))


def _judged(ledger: Ledger, entry: Entry, under: Callable[[str], Knowledge]) -> Judged:
    content = receipt_of(ledger, entry)
    try:
        old = rule_base_of(ledger, entry.snapshot).knowledge
        new = under(entry.snapshot)
        if old.digest == new.digest:
            return Judged()
        after = evaluate(Judge(new, findings_of(new, content)))
    except (InputError, KnowledgeError) as problem:
        return Judged(reason=problem.faults[0].found)
    before = evaluate(Judge(old, findings_of(old, content)))
    return Judged(dict(told_otherwise(before, after)))


# One consultation. -------------------------------------------------------------------------


def told_otherwise(before: Consultation, after: Consultation) -> Iterator[tuple[Key, frozenset[str]]]:
    """Yield what is told otherwise of whatever is responsible for it, and of what else something is because of it.

    Nothing comes of two answers exactly when they tell the same. What is read nowhere (whether a concept holds)
    can be responsible, while something that is read follows from it.
    """
    old, new = told(before), told(after)
    read = {name for name in {**old, **new} if _differs(old.get(name, {}), new.get(name, {}))}
    if not read:
        return
    one, other = _with_unread(before, old), _with_unread(after, new)
    differing = {name for name in {**one, **other} if _differs(one.get(name, {}), other.get(name, {}))}
    above = _row(differing, before, after)
    for name in _responsible(above, before, after):
        follows = frozenset(resting_on(name, above) & read - {name})
        if name in read or follows:
            sides = one.get(name, {}), other.get(name, {})
            yield (name, _said(before, name, *sides), _said(after, name, *reversed(sides))), follows


def _differs(one: Told, other: Told) -> bool:
    return any(one.get(aspect, "") != other.get(aspect, "") for aspect in {**one, **other})


def _with_unread(consultation: Consultation, found: Mapping[str, Told]) -> dict[str, Told]:
    """Return all that is told, and what it rests on that is not: concepts, the scope, what is not applicable."""
    knowledge, verdicts = consultation.knowledge, consultation.verdicts
    unread = {name: _of_concept(consultation, name) for name in knowledge.concepts if name in verdicts}
    unread |= {
        name: {"asks": "" if reason == NOT_APPLICABLE else knowledge.findings[name].asks}
        for name, reason in consultation.unknown().items()
    }
    scope = {**found[GUIDELINE], "requires": phrase(knowledge.guideline.requires, knowledge.units)}
    return {**found, **unread, GUIDELINE: scope}


def _of_concept(consultation: Consultation, name: str) -> Told:
    verdict = consultation.verdicts[name]
    return {VERDICT: verdict.verdict, BECAUSE: ", ".join(verdict.because), MISSING: ", ".join(verdict.missing)}


def _row(differing: set[str], before: Consultation, after: Consultation) -> dict[str, set[str]]:
    """Return what each of those that differ rests on of them, or else on what was changed although told alike."""
    beneath = {name: _rests_on(name, before) | _rests_on(name, after) for name in differing}
    row = {name: (above & differing) - {name} for name, above in beneath.items()}
    for name in differing - _reached((name for name in row if _changed(name, before, after)), row):
        row[name] |= {other for other in beneath[name] if _changed(other, before, after)}
    return {**{name: set() for above in row.values() for name in above}, **row}


def _responsible(above: Mapping[str, set[str]], before: Consultation, after: Consultation) -> list[str]:
    """Return what was itself changed or rests on nothing that differs; where rules go in a circle, all of them."""
    causes = {name for name in above if not above[name] or _changed(name, before, after)}
    return natural(causes | (above.keys() - _reached(causes, above)))


def _reached(causes: Iterable[str], above: Mapping[str, set[str]]) -> set[str]:
    return {name for cause in causes for name in resting_on(cause, above)}


def _changed(name: str, before: Consultation, after: Consultation) -> bool:
    return _entry(name, before) != _entry(name, after)


def _entry(name: str, consultation: Consultation) -> object:
    """Return what stands under a name in the knowledge, and in which layer; of a reference, ``[3]`` is its name."""
    known = consultation.knowledge
    cited = {f"[{number}]": reference for number, reference in known.references.items()}
    groups = (known.statements, known.conflicts, known.concepts, known.findings, known.parameters, known.notes, cited)
    return next((group[name] for group in groups if name in group), None), known.layer_of.get(name)


def _rests_on(name: str, consultation: Consultation) -> set[str]:
    """Return what that which is told of something rests on directly."""
    knowledge = consultation.knowledge
    if name in knowledge.rules:
        return _of_rule(name, knowledge)
    if name == STATUS:
        deciding = (conflict.id for conflict in knowledge.conflicts.values() if conflict.decides_status)
        return {GUIDELINE, *knowledge.statements_of("indication", "role"), *deciding}
    if name == QUESTIONS:
        return {*knowledge.rules, *knowledge.findings, *knowledge.parameters}
    if name in knowledge.findings:
        return _of_finding(name, consultation)
    if name in knowledge.notes:
        return set(knowledge.notes[name].attaches_to)
    return {s.id for s in knowledge.statements.values() if name in {f"[{number}]" for number in s.references}}


def _of_rule(name: str, knowledge: Knowledge) -> set[str]:
    """Return what a rule rests on, with the conflicts its doses point to, or the sides it is between."""
    found = set(needs(name, knowledge))
    if name in knowledge.concepts:
        return found
    if name in knowledge.conflicts:
        sides = (*knowledge.conflicts[name].between, *knowledge.sides(name))
        return found.union({GUIDELINE}, *sides)
    statement = knowledge.statements[name]
    pointed = {part for part in (statement.regimen and statement.regimen.lower_end,) if part}
    pointed |= {statement.spread.outside} if statement.spread is not None and statement.spread.outside else set()
    return found | {GUIDELINE} | pointed


def _of_finding(name: str, consultation: Consultation) -> set[str]:
    """Return what the value of a finding rests on: what governs it, what it follows from, and by which parameter."""
    derived = consultation.findings.derived.get(name)
    governor = consultation.knowledge.findings[name].only_if
    found = set(rests_on(governor, consultation.knowledge)) if governor is not None else set()
    return found if derived is None else found.union(derived.source, {derived.parameter} if derived.parameter else ())


# In words. ---------------------------------------------------------------------------------


def _said(consultation: Consultation, name: str, one: Told, other: Told) -> str:
    """Return in words what is told of something in one answer that another tells otherwise.

    Where something is told in one alone, or with another verdict, that is all but what it rests on.
    """
    if not one:
        verdict = consultation.verdicts.get(name)
        return (verdict.verdict if verdict is not None else NOT_THERE).replace("_", " ")
    if not other or one.get(VERDICT) != other.get(VERDICT):
        return "; ".join(_aspect(key, one[key]) for key in _in_order(one) if one[key] not in ("", "none", "not asked"))
    differing = [key for key in {**one, **other} if one.get(key, "") != other.get(key, "")]
    return "; ".join(_aspect(key, one.get(key, "") or "none") for key in differing)


def _in_order(one: Told) -> list[str]:
    """Return the aspects of which all is told: the verdict and the words first, and not the findings behind it."""
    first = [key for key in (VERDICT, "says") if key in one]
    return first + [key for key in one if key not in (*first, BECAUSE, MISSING, "kind", "dose notes")]


def _aspect(key: str, words: str) -> str:
    return words.replace("_", " ") if key in (VERDICT, STATUS) else words if key == "says" else f"{key} {words}"
