"""A recorded consultation once more: under the knowledge then in force, or under another.

Under its own knowledge it must come out byte for byte as it was recorded; under another, what would be
advised differently is told by the statement that is responsible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from engine.compiler import RuleBase, compile_rules
from engine.conditions import Judge
from engine.consultation import Consultation, consult, evaluate
from engine.contract import dose_data
from engine.errors import EngineError, Fault, InputError, KnowledgeError
from engine.findings import NOT_APPLICABLE, Findings, Given, interpret
from engine.ledger import Ledger, Progress
from engine.loading import load
from engine.model import AnyDose, Knowledge, Named, natural, parts
from engine.receipts import canonical, receipt
from engine.records import CONSULTATION, Entry
from engine.snapshots import knowledge_of

IN_FORM = "it says the same in another form: its bytes differ, or something stands there twice"
"""How a recorded receipt differs where nothing that it says does."""


class Replayed(Struct, frozen=True):
    """A consultation that was replayed: whether it came out as recorded, and if not, how it differs, in words."""

    entry: int
    differences: tuple[str, ...] = ()
    engine: str = ""
    """The version of the engine that it was recorded by, where that is not the one in use."""


class Change(Struct, frozen=True):
    """What one statement or conflict would say otherwise: before and now, and in which consultations."""

    responsible: str
    before: str
    after: str
    entries: tuple[int, ...]
    follows: tuple[str, ...] = ()
    """What else would come out otherwise because of it."""


class Impact(Struct, frozen=True):
    """How a ledger's consultations would read under other knowledge."""

    knowledge: str
    consultations: int
    affected: int
    changes: tuple[Change, ...]
    unreadable: tuple[tuple[int, str], ...] = ()
    """Consultations whose findings the other knowledge does not take, with the reason."""


def rule_base_of(ledger: Ledger, snapshot: str) -> RuleBase:
    """Return the rule base that a snapshot of a ledger holds.

    Raises:
        InputError: when it is missing, damaged, or this program cannot read it.

    """
    try:
        return _compiled(ledger, snapshot)
    except (ValueError, KnowledgeError) as problem:
        found = f"the knowledge snapshot {snapshot[:16]}… cannot be used: {problem}"
        raise InputError([Fault(found, "'ivig-mg audit verify' says what is damaged.")]) from None


@lru_cache(maxsize=4)
def _compiled(ledger: Ledger, snapshot: str) -> RuleBase:
    return compile_rules(knowledge_of(ledger.snapshot(snapshot)))


def receipt_of(ledger: Ledger, entry: Entry) -> dict[str, Any]:
    """Return the receipt of a consultation as data.

    Raises:
        InputError: when it is missing, damaged, or not in the form of one.

    """
    content: dict[str, Any] = msgspec.json.decode(ledger.contents(entry)[0])
    return content


def findings_of(knowledge: Knowledge, content: Mapping[str, Any]) -> Findings:
    """Return the findings that a receipt holds.

    Raises:
        InputError: when the knowledge does not take them.

    """
    given = {name: Given(str(value)) for name, value in content["findings"].items()}
    reasons = {name: Given(reason) for name, reason in content["unknown"].items() if reason != NOT_APPLICABLE}
    parameters = {name: Given(str(setting["value"])) for name, setting in content["parameters"].items()}
    known = {name: word for name, word in reasons.items() if name in knowledge.findings}
    return interpret(knowledge, {**given, **known}, parameters)


def consultations(ledger: Ledger, first: int = 1) -> Iterator[Entry]:
    """Yield the entries that are consultations."""
    return (entry for entry in ledger.entries(first) if entry.kind == CONSULTATION)


# Under its own knowledge. ------------------------------------------------------------------


def again(ledger: Ledger, entry: Entry) -> tuple[Consultation, dict[str, Any]]:
    """Return a consultation given once more under the knowledge then in force, and its recorded receipt."""
    base = rule_base_of(ledger, entry.snapshot)
    content = receipt_of(ledger, entry)
    return consult(base, findings_of(base.knowledge, content)), content


def replay(ledger: Ledger, entry: Entry) -> Replayed:
    """Return how a consultation comes out once more, under the knowledge then in force."""
    try:
        consultation, before = again(ledger, entry)
    except (InputError, EngineError) as problem:
        return Replayed(entry.number, (f"it cannot be replayed: {problem.faults[0].found}",))
    now: dict[str, Any] = msgspec.json.decode(canonical(receipt(consultation)))
    other = before["engine"] if before["engine"] != now["engine"] else ""
    now["engine"] = before["engine"]
    if canonical(now) == ledger.contents(entry)[0]:
        return Replayed(entry.number, engine=other)
    return Replayed(entry.number, tuple(differences(before, now)) or (IN_FORM,), other)


def differences(before: Any, now: Any, at: str = "") -> Iterator[str]:
    """Yield where two receipts differ, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from differences(before.get(key), now.get(key), f"{at}.{key}" if at else key)
    elif isinstance(before, list) and isinstance(now, list):
        yield from _of_lists(before, now, at)
    elif before != now:
        yield f"{at}: {_shown(before)} → {_shown(now)}"


def _of_lists(before: list[Any], now: list[Any], at: str) -> Iterator[str]:
    """Yield where two lists differ; entries with an id are compared by it."""
    if all(isinstance(part, dict) and isinstance(part.get("id"), str) for part in (*before, *now)):
        old, new = ({part["id"]: part for part in parts_} for parts_ in (before, now))
        for name in natural({*old, *new}):
            yield from differences(old.get(name), new.get(name), f"{at}.{name}")
    elif before != now and len(before) == len(now) and all(isinstance(part, dict) for part in (*before, *now)):
        for number, (one, other) in enumerate(zip(before, now, strict=True), 1):
            yield from differences(one, other, f"{at}.{number}")
    elif before != now:
        yield f"{at}: {_shown(before)} → {_shown(now)}"


def _shown(value: Any) -> str:
    if value is None:
        return "not there"
    if isinstance(value, list) and not any(isinstance(part, dict | list) for part in value):
        return ", ".join(map(str, value)) or "none"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# Under other knowledge. --------------------------------------------------------------------


def impact(ledger: Ledger, base: Path, layers: Sequence[Path] = (), progress: Progress = lambda done: None) -> Impact:
    """Return which consultations would read differently under another base, by the statement responsible.

    Without ``layers`` each is judged with the layers that it had. Consultations with the same receipt come
    out alike, so each receipt is judged once.
    """
    new = load(base, layers)

    def under(snapshot: str) -> Knowledge:
        return new if layers else knowledge_of(ledger.snapshot(snapshot), base)

    found: dict[tuple[str, str, str], list[int]] = {}
    follows: dict[tuple[str, str, str], set[str]] = {}
    unreadable: list[tuple[int, str]] = []
    judged: dict[str, tuple[dict[tuple[str, str, str], set[str]], str]] = {}
    total = affected = 0
    for entry in consultations(ledger):
        if entry.receipt not in judged:
            judged[entry.receipt] = _judged(ledger, entry, under)
        changed, reason = judged[entry.receipt]
        total += 1
        affected += bool(changed)
        if reason:
            unreadable.append((entry.number, reason))
        for key, others in changed.items():
            found.setdefault(key, []).append(entry.number)
            follows.setdefault(key, set()).update(others)
        progress(total)
    order = natural({key[0] for key in found})
    changes = (
        Change(*key, tuple(found[key]), tuple(natural(follows[key])))
        for key in sorted(found, key=lambda key: (order.index(key[0]), key[1:]))
    )
    return Impact(new.digest, total, affected, tuple(changes), tuple(unreadable))


def _judged(
    ledger: Ledger, entry: Entry, under: Callable[[str], Knowledge]
) -> tuple[dict[tuple[str, str, str], set[str]], str]:
    """Return what would be said otherwise, each with what follows from it; or why that cannot be told."""
    content = receipt_of(ledger, entry)
    old = rule_base_of(ledger, entry.snapshot).knowledge
    try:
        new = under(entry.snapshot)
        if old.digest == new.digest:
            return {}, ""
        after = evaluate(Judge(new, findings_of(new, content)))
    except (InputError, KnowledgeError) as problem:
        return {}, problem.faults[0].found
    before = evaluate(Judge(old, findings_of(old, content)))
    return dict(_by_responsible(before, after)), ""


def _by_responsible(before: Consultation, after: Consultation) -> Iterator[tuple[tuple[str, str, str], set[str]]]:
    """Yield each rule that is said otherwise by itself, before and now, with those that follow it."""
    said = {name: (_said(before, name), _said(after, name)) for name in {**before.verdicts, **after.verdicts}}
    differing = {name for name, (old, new) in said.items() if old != new}
    above = {name: _rests_on(name, before.knowledge, after.knowledge) & differing for name in differing}
    for name in natural(differing):
        if above[name] and _entry(name, before.knowledge) == _entry(name, after.knowledge):
            continue  # it says the same as before, and follows from another
        follows = {other for other in differing if name in _all_above(other, above)}
        yield (name, *said[name]), follows
    if before.status != after.status and not differing:
        yield ("status", before.status, after.status), set()


def _entry(name: str, knowledge: Knowledge) -> object:
    return knowledge.statements.get(name) or knowledge.conflicts.get(name) or knowledge.concepts.get(name)


def _rests_on(name: str, *knowledge: Knowledge) -> set[str]:
    found: set[str] = set()
    for one in knowledge:
        for part in parts(one.rules[name]) if name in one.rules else ():
            if isinstance(part, Named):
                found.add(part.name)
            elif isinstance(part, AnyDose):
                found.update(one.regimens)
    return found


def _all_above(name: str, above: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(above[name])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += above[one]
    return found


def _said(consultation: Consultation, name: str) -> str:
    """Return all that a reader would see of a rule: its verdict, and where it applies, what it says."""
    verdict = consultation.verdicts.get(name)
    if verdict is None:
        return "not there"
    if verdict.verdict != "applies" or name in consultation.knowledge.concepts:
        return verdict.verdict.replace("_", " ")
    knowledge = consultation.knowledge
    entry = knowledge.statements.get(name) or knowledge.conflicts[name]
    words = [verdict.verdict, entry.says]
    if name in knowledge.statements:
        words.append(f"references {', '.join(map(str, consultation.references(name)))}")
    if verdict.fulfilled is not None:
        words.append(f"fulfilled: {verdict.fulfilled}")
    words += [_dose(dose) for dose in consultation.doses if dose.statement == name]
    return "; ".join(words)


def _dose(dose: Any) -> str:
    data = dose_data(dose)
    return ", ".join(f"{key} {data[key]}" for key in ("g_per_kg", "weight_basis", "total_g", "days", "daily_g"))
