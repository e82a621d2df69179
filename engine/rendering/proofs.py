"""What was proven of a knowledge base: as a page, as data, as cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.model import Knowledge
from engine.proofs import Proofs, Reversal, Together
from engine.rendering.cases import case_line, flow
from engine.rendering.page import Page, joined


def proof_cases(proofs: Proofs) -> str:
    """Return every patient of the proofs as a case under its name, with the verdict that was proven."""
    found: dict[str, tuple[Mapping[str, str], Mapping[str, list[str]]]] = {}
    for reach in proofs.reaches:
        for verdict, patient in (("applies", reach.applies), ("ruled_out", reach.ruled_out)):
            if patient is not None:
                found[f"{reach.rule}_{verdict}"] = patient, {verdict: [reach.rule]}
    for pair in (*proofs.unopposed, *proofs.regimens):
        found[f"{pair.one}_with_{pair.other}"] = pair.patient, {"applies": [pair.one, pair.other]}
    for one in proofs.reversals:
        turned = "ruled_out" if one.verdict == "applies" else "applies"
        found[f"{one.rule}_{one.verdict}_at_first"] = one.before, {one.verdict: [one.rule]}
        found[f"{one.rule}_{turned}_later"] = one.after, {turned: [one.rule]}
    for number, region in enumerate(proofs.silence, 1):
        found[f"silence_{number}"] = region.patient, {}
    return "".join(
        f"{name}:\n  {case_line(patient)}\n  expect: {flow(expect)}\n" for name, (patient, expect) in found.items()
    )


def proofs_data(proofs: Proofs) -> dict[str, Any]:
    """Return all proofs as data."""
    content: dict[str, Any] = msgspec.to_builtins(proofs)
    for region in content["silence"]:
        del region["conditions"]  # its tests say the same in words
    return {"format": "ivig-mg/proofs/1", "faults": proofs.faults, **content}


def render_proofs(proofs: Proofs, knowledge: Knowledge, width: int = 80, colour: bool = False) -> str:
    """Return all proofs as text: what has to be mended first, then what is worth knowing."""
    return str(_Proofs(proofs, knowledge, Page(width, colour)).write())


class _Proofs:
    """Writes the proofs about one knowledge base."""

    def __init__(self, proofs: Proofs, knowledge: Knowledge, page: Page) -> None:
        self.proofs = proofs
        self.knowledge = knowledge
        self.page = page

    def write(self) -> Page:
        dead = [reach for reach in self.proofs.reaches if reach.applies is None or reach.ruled_out is None]
        style = "good" if self.proofs.faults == 0 else "bad"
        self.page.text(
            f"{len(self.proofs.reaches)} rules proven over every patient that can be given: "
            f"{self.proofs.faults or 'nothing'} to mend.",
            style=style,
        )
        if not dead:
            self.page.text("Each applies to some patient and is ruled out for some patient.")
        self.dead()
        self.pairs("For and against a use, with no conflict that says so", self.proofs.unopposed)
        self.pairs("Two regimens, with no conflict that says so", [p for p in self.proofs.regimens if not p.alike])
        self.idle()
        self.worth_knowing()
        return self.page

    def dead(self) -> None:
        """Tell the rules that come out one way only."""
        for heading, ids in (
            ("Never applies", [r.rule for r in self.proofs.reaches if r.applies is None]),
            ("Always applies", [r.rule for r in self.proofs.reaches if r.ruled_out is None]),
        ):
            if ids:
                self.page.heading(heading)
            for name in ids:
                self.page.item(name, self.says(name))

    def says(self, name: str) -> str:
        knowledge = self.knowledge
        found = knowledge.statements.get(name) or knowledge.concepts.get(name) or knowledge.conflicts[name]
        return found.says

    def pairs(self, heading: str, pairs: Iterable[Together]) -> None:
        pairs = list(pairs)
        if pairs:
            self.page.heading(heading)
        for pair in pairs:
            self.page.item("–", f"{pair.one} and {pair.other} apply together to this patient:", hang=2)
            self.page.text(case_line(pair.patient), 4)

    def idle(self) -> None:
        useless = [idle.finding for idle in self.proofs.idle if not idle.serves]
        if useless:
            self.page.heading("Findings that can change nothing")
            self.page.text(joined(useless), 2)
        for idle in self.proofs.idle:
            if idle.serves:
                self.page.text(f"{idle.finding} changes something only with {joined(idle.serves)} in force.", 2)

    # Worth knowing. ------------------------------------------------------------------------

    def worth_knowing(self) -> None:
        alike = [pair for pair in self.proofs.regimens if pair.alike]
        if alike:
            self.page.heading("Regimens that can apply together and give the same dose")
            self.page.text(joined(f"{pair.one} and {pair.other}" for pair in alike), 2)
        if self.proofs.reversals:
            self.page.heading("What a later answer can turn round")
        for reversal in self.proofs.reversals:
            self.reversal(reversal)
        self.silence()
        if self.proofs.alike:
            self.page.heading("Rules that come out alike for every patient")
        for group in self.proofs.alike:
            self.page.item("–", joined(group), hang=2)
        if self.proofs.subsumed:
            self.page.heading("Statements that apply only where another of their kind does")
            self.page.text(joined(f"{one.rule} within {one.by}" for one in self.proofs.subsumed), 2)

    def reversal(self, reversal: Reversal) -> None:
        words = {"applies": "applies, and is ruled out", "ruled_out": "is ruled out, and applies"}[reversal.verdict]
        self.page.item("–", f"{reversal.rule} {words} once more is known:", hang=2)
        self.page.text(case_line(reversal.before), 4)
        self.page.text(case_line(reversal.after), 4)

    def silence(self) -> None:
        self.page.heading("The map of silence")
        if not self.proofs.silence:
            self.page.text("No patient is without a statement of use that applies or could.", 2)
            return
        self.page.text("Every statement of use is ruled out in these regions, and nowhere else:", 2)
        for number, region in enumerate(self.proofs.silence, 1):
            self.page.item(f"{number}.", joined(region.tests, " and "), hang=4)
