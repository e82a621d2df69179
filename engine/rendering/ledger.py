"""Entries of a ledger, and what an audit found, as pages and as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.auditing import Verification
from engine.checkpoints import Checkpoint
from engine.contract import json_in_parts
from engine.impacts import Change, Impact
from engine.model import Knowledge, natural
from engine.records import Entry
from engine.rendering.page import Page, joined, numbers
from engine.replay import Replays

SHOWN = 12
"""How many numbers of entries are named before the rest is only counted."""


# Entries. ----------------------------------------------------------------------------------


Listed = Iterable[tuple[Entry, Sequence[Entry]]]
"""Consultations, each with the decisions on it, the latest last."""


def render_list(found: Listed, widest: int, width: int = 80) -> Iterator[str]:
    """Yield consultations as text, each as it is read; ``widest`` is how many digits their numbers have at most."""
    listed = False
    for entry, answers in found:
        page = Page(width)
        words = [entry.time, f"{entry.status.replace('_', ' '):<13}", entry.actor]
        words += filter(None, [joined(map(_decision, answers), ", then ")])
        page.item(f"{entry.number:>{widest}}", joined(words, "  "), indent=0, hang=widest + 2)
        yield str(page)
        listed = True
    if not listed:
        yield "No consultation fits.\n"


def list_json(found: Listed) -> Iterator[str]:
    """Yield consultations as JSON, each as it is read."""
    entries = ({**msgspec.to_builtins(entry), "responses": msgspec.to_builtins(answers)} for entry, answers in found)
    return json_in_parts([("format", "ivig-mg/ledger-list/1"), ("entries", entries)])


def render_envelope(entry: Entry, answers: Sequence[Entry], ledger: str, width: int = 80, colour: bool = False) -> str:
    """Return who recorded a consultation, when and under what, and what was decided on it."""
    page = Page(width, colour)
    page.text(f"Entry {entry.number} of ledger {ledger[:16]}…", style="bold")
    page.text(f"Recorded {entry.time} (UTC) by {entry.actor}.")
    if entry.patient:
        page.text(f"Patient {entry.patient[:16]}… (a keyed hash).")
    page.text(f"Receipt {entry.receipt[:16]}…, knowledge {entry.knowledge[:16]}….")
    for answer in answers:
        reasons = f": {joined(reason.replace('_', ' ') for reason in answer.reasons)}" if answer.reasons else ""
        text = f" “{answer.text}”" if answer.text else ""
        page.text(f"Entry {answer.number}, {answer.time}: {_decision(answer)} by {answer.actor}{reasons}.{text}")
    return str(page)


def _decision(answer: Entry) -> str:
    return f"{answer.decision} ({joined(answer.about)})" if answer.about else answer.decision


def render_trace(
    entry: Entry, receipt: Mapping[str, Any], knowledge: Knowledge, width: int = 80, colour: bool = False
) -> str:
    """Return every statement considered, in the order in which it was concluded, then those left undetermined."""
    page = Page(width, colour)
    page.text(f"Entry {entry.number}: every rule in the order in which it was concluded.", style="bold")
    for step in receipt["trace"]:
        _step(page, step, knowledge)
    undetermined = [
        one for group in ("statements", "conflicts") for one in receipt[group] if one["verdict"] == "undetermined"
    ]
    if undetermined:
        page.heading("Undetermined: nothing was concluded")
    for one in undetermined:
        page.item(one["id"], f"{_says(knowledge, one['id'])} It waited for {joined(one['missing'])}.")
    return str(page)


def _step(page: Page, step: Mapping[str, Any], knowledge: Knowledge) -> None:
    name = step["rule"]
    verdict = step["verdict"].replace("_", " ")
    if name in knowledge.concepts:
        verdict = {"applies": "holds"}.get(verdict, "does not hold")
    cited = numbers(step["references"]) if step["references"] else ""
    page.item(
        f"{step['step']}.", joined(filter(None, [f"{name} {verdict}:", _says(knowledge, name), cited]), " "), 0, 4
    )
    for premise in step["premises"]:
        page.item("–", f"{premise['about']}: {premise['truth']}", 4, 2, "dim")


def _says(knowledge: Knowledge, name: str) -> str:
    found = knowledge.statements.get(name) or knowledge.conflicts.get(name) or knowledge.concepts.get(name)
    if found is None:
        return "the knowledge that the entry names has no such rule."
    return found.says if found.says.endswith((".", "!", "?")) else f"{found.says}."


# Verify. -----------------------------------------------------------------------------------


def render_verification(found: Verification, width: int = 80, colour: bool = False) -> str:
    """Return what was found in a ledger, breaches first."""
    page = Page(width, colour)
    if found.breaches:
        page.text(
            f"ALTERED: {len(found.breaches)} {'breach' if len(found.breaches) == 1 else 'breaches'}.", style="bad"
        )
    for breach in found.breaches:
        where = "The file" if breach.entry is None else f"Entry {breach.entry}"
        page.item("–", f"{where}: {breach.found}.", hang=2)
    entries = f"{found.size} {'entry' if found.size == 1 else 'entries'}"
    if not found.breaches:
        page.text(f"Whole: {entries}, all as they were recorded.", style="good")
    for name in found.unread:
        page.text(
            f"Knowledge snapshot {name[:16]}… is as recorded, but this program cannot read it: what was consulted on"
            " under it can be shown, and replayed by the version that recorded it.",
            style="warn",
        )
    page.text(f"Ledger {found.ledger}")
    page.text(f"Root of {entries}: {found.root or f'none, for {found.rootless}'}")
    if found.checkpoint is not None:
        page.text(f"Held against a checkpoint of {found.checkpoint} entries.")
        if found.size > found.checkpoint:
            newer = f"Entries from {found.checkpoint + 1} on are newer than it:"
            page.text(f"{newer} whether any was cut off or made anew since, only a later checkpoint tells.")
    else:
        page.text(
            "Without a checkpoint ('--checkpoint FILE') that was kept elsewhere, nobody can tell whether entries"
            " were cut off at the end, or the whole ledger made anew."
        )
    return str(page)


def verification_data(found: Verification) -> dict[str, Any]:
    """Return what was found in a ledger as data."""
    return {"format": "ivig-mg/verification/1", **msgspec.to_builtins(found)}


def render_inclusion(entry: Entry, checkpoint: Checkpoint, width: int = 80, colour: bool = False) -> str:
    """Return that a consultation stands in a ledger, as was just proven."""
    page = Page(width, colour)
    page.text(f"Proven: this receipt is entry {entry.number} of {checkpoint.size} in its ledger.", style="good")
    page.text(f"Ledger {checkpoint.ledger}: compare this with the id that you know.")
    page.text(f"Recorded {entry.time} (UTC) by {entry.actor}; {entry.status.replace('_', ' ')}.")
    page.text(f"Receipt {entry.receipt}")
    return str(page)


# Replay and impact. ------------------------------------------------------------------------


def render_replays(found: Replays, width: int = 80, colour: bool = False) -> Iterator[str]:
    """Yield how each consultation that came out otherwise differs, as it is replayed, then how many did not."""
    for one in found:
        page = Page(width, colour)
        page.heading(f"Entry {one.entry}")
        for difference in one.differences:
            page.item("–", difference, hang=2)
        yield f"{page}\n"
    page, alike = Page(width, colour), found.count - found.differing
    said = f"{alike} of {found.count} {_plural(found.count)} came out as recorded, byte for byte."
    page.text(said, style="bad" if found.differing else "good")
    if found.engines:
        engines = joined(sorted(found.engines))
        page.text(f"Recorded by other versions of the engine, which is left out of the comparison: {engines}.")
    yield str(page)


def replays_json(found: Replays) -> Iterator[str]:
    """Yield those that came out otherwise as JSON, each as it is replayed, then how many were replayed."""

    def pairs() -> Iterator[tuple[str, object]]:
        yield "format", "ivig-mg/replay/1"
        yield "replayed", (msgspec.to_builtins(one) for one in found)
        yield "count", found.count
        yield "engines", sorted(found.engines)

    return json_in_parts(pairs())


def render_impact(found: Impact, width: int = 80, colour: bool = False) -> str:
    """Return which consultations would read differently, by what is responsible, and which cannot be judged."""
    page = Page(width, colour)
    page.text(_affected(found), style="warn" if found.affected or found.not_judged else "good")
    by_name: dict[str, list[Change]] = {}
    for change in found.changes:
        by_name.setdefault(change.responsible, []).append(change)
    for name in natural(by_name):
        page.heading(f"{name}")
        for change in by_name[name]:
            page.item("–", _named(change.entries), hang=2)
            if change.before == change.after:
                page.text("It was changed, and is itself told as before.", 4)
            else:
                page.item("−", change.before, 4, 2)
                page.item("+", change.after, 4, 2)
            if change.follows:
                page.text(f"With it: {joined(change.follows)}.", 4)
    if found.unreadable:
        page.heading("Cannot be judged")
    for one in found.unreadable:
        page.item("–", f"{_named(one.entries)}: {one.reason}", hang=2)
    return str(page)


def _affected(found: Impact) -> str:
    """Say how many consultations would read differently, and how many cannot be judged."""
    judged = found.consultations - found.not_judged
    count = str(found.affected) if found.affected or found.not_judged else "None"
    of = "consultations that can be judged" if found.not_judged else "consultations"
    said = f"{count} of {judged} {of} would read differently under knowledge {found.knowledge[:16]}…."
    return said + (f" {found.not_judged} cannot be judged, for the reasons given below." if found.not_judged else "")


def _plural(count: int) -> str:
    return "consultation" if count == 1 else "consultations"


def _named(entries: Sequence[int]) -> str:
    more = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return f"{len(entries)} {_plural(len(entries))}: {joined(map(str, entries[:SHOWN]))}{more}"


def impact_data(found: Impact) -> dict[str, Any]:
    """Return an impact as data."""
    return {"format": "ivig-mg/impact/1", **msgspec.to_builtins(found)}
