"""What the author's tools found, as pages and as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.checking import Report
from engine.comparison import Comparison
from engine.errors import Fault, describe
from engine.examination import Examination, Mutation
from engine.model import Knowledge
from engine.proofs import Proofs, Reversal, Together
from engine.rendering.page import Page, joined

# Check. ------------------------------------------------------------------------------------


def render_check(report: Report, width: int = 80, colour: bool = False) -> str:
    """Return faults and warnings as text, faults first."""
    page = Page(width, colour)
    for heading, faults in (("Faults", report.faults), ("Warnings", report.warnings)):
        if faults:
            page.heading(f"{heading} ({len(faults)})")
            page.lines += "\n\n".join(describe(fault) for fault in faults).splitlines()
    if not report.faults:
        page.gap()
        found = f"with {_counted(len(report.warnings), 'warning')}" if report.warnings else "and nothing to warn of"
        page.text(f"Sound, {found}. Knowledge {report.digest[:16]}…", style="good")
    return str(page)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def check_data(report: Report) -> dict[str, Any]:
    """Return faults and warnings as data."""
    return {
        "format": "ivig-mg/check/1",
        "digest": report.digest,
        "faults": [_fault_data(fault) for fault in report.faults],
        "warnings": [_fault_data(fault) for fault in report.warnings],
    }


def _fault_data(fault: Fault) -> dict[str, Any]:
    place = fault.place
    return {
        "file": place.file if place is not None else None,
        "line": place.line if place is not None else None,
        "column": place.column if place is not None else None,
        "found": fault.found,
        "excerpt": fault.excerpt,
        "remedy": fault.remedy,
    }


def workflow_annotations(report: Report) -> str:
    """Return faults and warnings as annotations of a GitHub workflow, one a line."""
    return "".join(
        f"::{level} {_properties(fault)}::{_escaped(joined(filter(None, [fault.found, fault.remedy]), '. '))}\n"
        for level, faults in (("error", report.faults), ("warning", report.warnings))
        for fault in faults
    )


def _properties(fault: Fault) -> str:
    place = fault.place
    if place is None:
        return ""
    known = {"file": place.file, "line": place.line, "col": place.column}
    return ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in known.items() if value is not None)


def _escaped(text: str, more: str = "") -> str:
    for sign in ("%", "\r", "\n", *more):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


# Prove. ------------------------------------------------------------------------------------


def case_line(patient: Mapping[str, str]) -> str:
    """Return a patient as a case file of one line, ready for `consult`."""
    return f"findings: {{{', '.join(f'{name}: {word}' for name, word in patient.items())}}}"


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
        f"{name}:\n  {case_line(patient)}\n  expect: {_flow(expect)}\n" for name, (patient, expect) in found.items()
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


# Test. -------------------------------------------------------------------------------------


def examination_data(found: Examination) -> dict[str, Any]:
    """Return an examination as data."""
    failed = [{"case": failure.case.name, "unmet": list(failure.unmet)} for failure in found.failures]
    content: dict[str, Any] = msgspec.to_builtins({"coverage": found.coverage, "mutation": found.mutation})
    return {"format": "ivig-mg/test/1", "cases": found.cases, "failures": failed, **content}


def render_examination(found: Examination, width: int = 80, colour: bool = False) -> str:
    """Return failing cases, coverage and surviving changes as text."""
    page = Page(width, colour)
    failed = len(found.failures)
    page.text(f"{found.cases} cases, {failed or 'none'} failing.", style="bad" if failed else "good")
    for failure in found.failures:
        page.item(
            "–", f"{failure.case.name or 'the case'} ({failure.case.place}): {joined(failure.unmet, '; ')}", hang=2
        )
    covered = found.coverage.sides - len(found.coverage.uncovered)
    page.text(
        f"Coverage: {covered} of {found.coverage.sides} sides of tests inside rules"
        f" ({_percent(covered, found.coverage.sides)})."
    )
    for one in found.coverage.uncovered:
        page.item("–", f"{one.rule}: '{one.test}' never comes out {one.never}", hang=2)
    if found.mutation is not None:
        _mutation(page, found.mutation)
    return str(page)


def _mutation(page: Page, mutation: Mutation) -> None:
    counted = mutation.made - len(mutation.equivalent or ())
    noticed = counted - len(mutation.survivors)
    page.text(f"Mutation score: {noticed} of {counted} changes make some case fail ({_percent(noticed, counted)}).")
    if mutation.equivalent:
        page.text(f"{len(mutation.equivalent)} more make no difference to any patient; that is proven.")
    if mutation.equivalent is None and mutation.survivors:
        page.text("Some of these may make no difference to any patient; the solver, which tells, is not installed.")
    for survivor in mutation.survivors:
        page.item("–", f"{survivor.entry}: {survivor.change}", hang=2)
        if survivor.killer is not None:
            page.text(f"{case_line(survivor.killer.patient)}", 4)
            page.text(f"expect: {_flow(survivor.killer.expect)}", 4)


def _flow(value: Any) -> str:
    """Return data as YAML on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    return str(value)


def _percent(part: int, whole: int) -> str:
    """Return a share, never rounded up to all of it."""
    return f"{100 * part // whole if whole else 100} %"


# Diff. -------------------------------------------------------------------------------------


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as data."""
    content: dict[str, Any] = msgspec.to_builtins(comparison)
    return {"format": "ivig-mg/diff/1", **content}


def render_comparison(comparison: Comparison, width: int = 80, colour: bool = False) -> str:
    """Return a comparison as text: words, cases, then patients."""
    page = Page(width, colour)
    if comparison.old == comparison.new:
        page.text(f"They say the same: knowledge {comparison.old[:16]}…", style="good")
        return str(page)
    page.text(f"Knowledge {comparison.old[:16]}… → {comparison.new[:16]}…", style="bold")
    page.heading(f"Changed in words ({len(comparison.changed)})")
    for entry in comparison.changed:
        page.text(f"{entry.id} ({entry.group})", 2, "bold")
        for part, (old, new) in entry.parts.items():
            page.item("−", f"{part}: {old if old is not None else 'not there'}", 4, 2)
            page.item("+", f"{part}: {new if new is not None else 'not there'}", 4, 2)
    page.heading(f"Cases answered otherwise ({len(comparison.cases)})")
    for case in comparison.cases:
        page.item("–", f"{case.case}: {joined(case.differences, '; ')}", hang=2)
    _disagreements(page, comparison)
    return str(page)


def _disagreements(page: Page, comparison: Comparison) -> None:
    if comparison.disagreements is None or comparison.agreeing is None:
        page.gap()
        page.text("Patients for whom the two disagree are found with the solver, which is not installed.")
        return
    page.heading(f"Rules on which the two disagree ({len(comparison.disagreements)}), with a smallest patient")
    for one in comparison.disagreements:
        page.item("–", f"{one.rule}: {one.old.replace('_', ' ')} → {one.new.replace('_', ' ')}", hang=2)
        page.text(case_line(one.patient), 4)
    if comparison.agreeing:
        page.gap()
        page.text(f"Changed in words, and alike for every patient (proven): {joined(comparison.agreeing)}.")
