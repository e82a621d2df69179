"""A recorded consultation once more, under the knowledge then in force: byte for byte, or a difference in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from engine.compiler import RuleBase, compile_rules
from engine.consultation import Consultation, consult
from engine.errors import EngineError, Fault, InputError, KnowledgeError
from engine.findings import NOT_APPLICABLE, Findings, Given, interpret
from engine.ledger import Ledger, Progress
from engine.model import Knowledge, natural
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


def rule_base_of(ledger: Ledger, snapshot: str) -> RuleBase:
    """Return the rule base that a snapshot of a ledger holds.

    Raises:
        InputError: when it is missing, damaged, or this program cannot read it.

    """
    try:
        return _compiled(ledger, snapshot)
    except KnowledgeError as problem:
        found = f"this program cannot read the knowledge snapshot {snapshot[:16]}…: {problem.faults[0].found}"
        raise InputError([Fault(found, "Use the version of the program that recorded it.")]) from None
    except ValueError as problem:
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


class Replays:
    """Consultations replayed one at a time: it yields those that came out otherwise, and counts all.

    ``engines`` are the other versions of the engine that recorded any of them.
    """

    def __init__(self, ledger: Ledger, entries: Iterable[Entry], progress: Progress = lambda done: None) -> None:
        self._ledger, self._entries, self._progress = ledger, entries, progress
        self.count = self.differing = 0
        self.engines: set[str] = set()

    def __iter__(self) -> Iterator[Replayed]:
        for entry in self._entries:
            one = replay(self._ledger, entry)
            self.count += 1
            self.engines |= {one.engine} - {""}
            if one.differences:
                self.differing += 1
                yield one
            self._progress(entry.number)


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
