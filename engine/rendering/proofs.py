"""What was proven of a knowledge base: as a page, as data, as cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from engine.errors import Fault, describe, listed
from engine.model import Knowledge
from engine.proofs import USES, Proofs, Reversal, Subsumed
from engine.proofs.remedies import Mend
from engine.rendering.answers import alternatives
from engine.rendering.cases import case_line, flow
from engine.rendering.checking import fault_data
from engine.rendering.page import Page, joined


def proof_cases(proofs: Proofs) -> str:
    """Return every patient of the proofs as a case under its name, with the verdict that was proven."""
    found: dict[str, tuple[Mapping[str, str], str, Mapping[str, list[str]]]] = {}
    for reach in proofs.reaches:
        for verdict, patient in (("applies", reach.applies), ("ruled_out", reach.ruled_out)):
            if patient is not None:
                found[f"{reach.rule}_{verdict}"] = patient, _comes_out(reach.rule, verdict), {verdict: [reach.rule]}
    for pair in (*proofs.unopposed, *proofs.regimens, *proofs.same_dose):
        other = pair.others[0]
        says = f"{pair.one} and {other} apply together."
        found[f"{pair.one}_with_{other}"] = pair.patient, says, {"applies": [pair.one, other]}
    for one in proofs.reversals:
        turned = "ruled_out" if one.verdict == "applies" else "applies"
        for when, verdict, patient in (("at first", one.verdict, one.before), ("later", turned, one.after)):
            says = f"{_comes_out(one.rule, verdict)[:-1]} {when}, and turns round."
            found[f"{one.rule}_{verdict}_{when.replace(' ', '_')}"] = patient, says, {verdict: [one.rule]}
    for number, region in enumerate(proofs.silence, 1):
        found[f"silence_{number}"] = region.patient, f"A patient in region {number} of the map of silence.", {}
    return "\n".join(
        f"{name}:\n  says: {says}\n  {case_line(patient)}\n" + (f"  expect: {flow(expect)}\n" if expect else "")
        for name, (patient, says, expect) in found.items()
    )


def _comes_out(rule: str, verdict: str) -> str:
    """Say how a rule comes out."""
    return f"{rule} {'applies' if verdict == 'applies' else 'is ruled out'}."


def proofs_data(proofs: Proofs, to_mend: Sequence[Mend], warnings: Iterable[Fault]) -> dict[str, Any]:
    """Return all proofs as data."""
    content: dict[str, Any] = msgspec.to_builtins(proofs)
    for region in content["silence"]:
        del region["conditions"]  # its tests say the same in words
    return {
        "format": "ivig-mg/proofs/2",
        "faults": len(to_mend),
        "to_mend": [{**fault_data(mend.fault), "patient": mend.patient} for mend in to_mend],
        "warnings": [fault_data(fault) for fault in warnings],
        **content,
    }


def render_proofs(
    proofs: Proofs, to_mend: Sequence[Mend], knowledge: Knowledge, width: int = 80, colour: bool = False
) -> str:
    """Return all proofs as text: what has to be mended first, then what is worth knowing."""
    return str(_Proofs(proofs, to_mend, knowledge, Page(width, colour)).write())


class _Proofs:
    """Writes the proofs about one knowledge base."""

    def __init__(self, proofs: Proofs, to_mend: Sequence[Mend], knowledge: Knowledge, page: Page) -> None:
        self.proofs = proofs
        self.to_mend = to_mend
        self.knowledge = knowledge
        self.page = page

    def write(self) -> Page:
        self.summary()
        self.mend()
        self.duplicates()
        self.reversals()
        self.silence()
        self.alike()
        self.subsumed()
        self.parameters()
        return self.page

    def summary(self) -> None:
        rules = len(self.proofs.reaches)
        proven = f"{rules} {'rule' if rules == 1 else 'rules'} proven over every patient that can be given"
        self.page.text(
            f"{proven}: {len(self.to_mend) or 'nothing'} to mend.",
            style="bad" if self.to_mend else "good",
        )
        dead = sum(1 for reach in self.proofs.reaches if reach.is_dead)
        if not dead:
            self.page.text("Each applies to some patient and is ruled out for some patient.")
        elif dead < rules:
            self.page.text("Each of the others applies to some patient and is ruled out for some patient.")

    def mend(self) -> None:
        """Tell what has to be mended, each with a patient who shows it."""
        if self.to_mend:
            self.page.heading(f"To be mended ({len(self.to_mend)})")
        for mend in self.to_mend:
            self.page.gap()
            self.page.lines += describe(mend.fault).splitlines()
            if mend.patient is not None:
                self.page.text("A patient who shows it:", 4)
                self.page.text(case_line(mend.patient), 4)

    # Worth knowing. ------------------------------------------------------------------------

    def duplicates(self) -> None:
        if self.proofs.duplicates:
            self.page.heading("Duplicates, unless they say different things")
            self.page.text("Statements of one kind that come out alike for every patient:", 2)
        for group in self.proofs.duplicates:
            self.page.item("–", f"{listed(group.rules)} ({group.kind})", hang=2)
        if self.proofs.same_dose:
            self.page.heading("Regimens that can apply together and give the same dose")
        for pair in self.proofs.same_dose:
            self.page.item("–", f"{pair.one} with {listed(pair.others, 'or')}", hang=2)

    def reversals(self) -> None:
        if self.proofs.reversals:
            self.page.heading("What a later answer can turn round")
        for reversal in self.proofs.reversals:
            self.reversal(reversal)

    def reversal(self, reversal: Reversal) -> None:
        words = {"applies": "applies, and is ruled out", "ruled_out": "is ruled out, and applies"}[reversal.verdict]
        self.page.item("–", f"{reversal.rule} {words} once more is known:", hang=2)
        self.page.text(case_line(reversal.before), 4)
        self.page.text(case_line(reversal.after), 4)

    def silence(self) -> None:
        """Tell to whom no use applies or could, in questions and answers, and one patient of each region."""
        self.page.heading("The map of silence")
        if not self.proofs.silence:
            self.page.text(self.no_silence(), 2)
            return
        self.page.text("Every statement of use is ruled out for these patients, and for no others:", 2)
        for number, region in enumerate(self.proofs.silence, 1):
            rows = [alternatives(row, self.knowledge) for row in region.conditions]
            if len(rows) == 1:
                self.page.item(f"{number}.", rows[0], hang=4)
            else:
                self.page.item(f"{number}.", "All of this is so:" if rows else "Whatever is known.", hang=4)
            for row in rows if len(rows) > 1 else ():
                self.page.item("–", row, indent=6, hang=2)
            self.page.text("A patient of whom this is so:", 6)
            self.page.text(case_line(region.patient), 6)

    def no_silence(self) -> str:
        if not self.knowledge.statements_of(*USES):
            return f"There is no statement of use, that is of kind {listed(USES, 'or')}: all is silence."
        return "No patient is without a statement of use that applies or could."

    def alike(self) -> None:
        told = [duplicates.rules for duplicates in self.proofs.duplicates]
        groups = [group for group in self.proofs.alike if group not in told]
        if groups:
            self.page.heading("Rules of any kind that come out alike for every patient")
        for group in groups:
            self.page.item("–", joined(group), hang=2)

    def subsumed(self) -> None:
        if self.proofs.subsumed:
            self.page.heading("Statements that apply only where others of their kind do")
        for one in self.proofs.subsumed:
            self.page.item("–", f"{_within(one)} ({one.kind})", hang=2)
        if self.proofs.subsumed_at_all:
            pairs = len(self.proofs.subsumed_at_all)
            self.page.text(f"Of rules of any kind, {pairs} such pairs: '--format json' lists them.", 2)

    def parameters(self) -> None:
        waiting = [idle for idle in self.proofs.idle if idle.serves]
        if waiting:
            self.page.heading("Findings that change something only with a local parameter")
        for idle in waiting:
            self.page.item("–", f"{idle.finding}: with {joined(idle.serves)} in force", hang=2)


def _within(one: Subsumed) -> str:
    return f"{listed(one.rules)} only where {listed(one.by)} {'applies' if len(one.by) == 1 else 'apply'}"
