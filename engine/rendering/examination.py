"""What the worked cases hold fast: as a page and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.examination import Coverage, Examination, Mutation, Survivor, Uncovered
from engine.mutants import Killer
from engine.rendering.cases import case_entry
from engine.rendering.page import Page, joined


def examination_data(found: Examination) -> dict[str, Any]:
    """Return an examination as data."""
    failed = [
        {"case": f.case.name, "place": str(f.case.place), "unmet": [fault.found for fault in f.unmet]}
        for f in found.failures
    ]
    content: dict[str, Any] = msgspec.to_builtins({"coverage": found.coverage, "mutation": found.mutation})
    return {
        "format": "ivig-mg/test/1",
        "cases": found.cases,
        "failures": failed,
        "asked_more": list(found.asked_more),
        **content,
    }


def render_examination(found: Examination, width: int = 80, colour: bool = False) -> str:
    """Return failing cases, coverage, surviving changes and the cases that are missing as text."""
    return str(_Report(found, Page(width, colour)).write())


class _Report:
    """Writes what the cases of a knowledge base hold fast; names each missing case once."""

    def __init__(self, found: Examination, page: Page) -> None:
        self.found = found
        self.page = page
        self.missing: dict[str, list[str]] = {}
        self.names: dict[bytes, str] = {}

    def write(self) -> Page:
        self.failing()
        self.coverage(self.found.coverage)
        if self.found.mutation is not None:
            self.mutation(self.found.mutation)
        elif not self.found.cases_only:
            self.page.text("No small changes were tried, because a case fails. Mend it first.")
        self.missing_cases()
        return self.page

    def failing(self) -> None:
        failed = len(self.found.failures)
        self.page.text(f"{self.found.cases} cases, {failed or 'none'} failing.", style="bad" if failed else "good")
        for failure in self.found.failures:
            self.page.item("–", f"{failure.case.name or 'the case'}:", hang=2)
            for fault in failure.unmet:
                self.page.text(f"{fault.place or failure.case.place}: {fault.found}", 4)
                if fault.remedy:
                    self.page.text(fault.remedy, 8)
        if self.found.asked_more:
            self.page.text(
                f"{len(self.found.asked_more)} from below the layer, else as they expect, are asked more by it:"
                f" {joined(self.found.asked_more)}."
            )

    def coverage(self, coverage: Coverage) -> None:
        impossible = coverage.impossible or ()
        sides = coverage.sides - len(impossible)
        covered = sides - len(coverage.uncovered)
        self.page.text(f"Coverage: {covered} of {sides} sides of tests inside rules ({_percent(covered, sides)}).")
        for one in coverage.uncovered:
            self.item(f"{one.rule}: '{one.test}' never comes out {one.never}", self.name_of_side(one))
        if coverage.impossible is None and coverage.uncovered:
            self.page.text(f"Some of these may never come about. {_NO_SOLVER}")
        if impossible:
            self.page.text(f"{_more(len(impossible), 'side', 'sides')} cannot come about; that is proven:")
        for one in impossible:
            self.page.item("–", f"{one.rule}: '{one.test}' never comes out {one.never}", hang=2)

    def mutation(self, mutation: Mutation) -> None:
        equivalent = mutation.equivalent or ()
        counted = mutation.made - len(equivalent)
        noticed = counted - len(mutation.survivors)
        self.page.text(
            f"Mutation score: {noticed} of {counted} small changes make some case fail ({_percent(noticed, counted)})."
        )
        for one in mutation.survivors:
            self.item(f"{one.entry}: {one.change}", self.name_of_change(one))
        if mutation.equivalent is None and mutation.survivors:
            self.page.text(f"Some of these may change nothing for any patient. {_NO_SOLVER}")
        elif any(one.killer is None for one in mutation.survivors):
            self.page.text("Where no case is named, no patient was found who tells the change, nor a proof of none.")
        if equivalent:
            more = _more(len(equivalent), "changes", "change")
            self.page.text(f"{more} no verdict, status or dose of any patient; that is proven:")
        for one in equivalent:
            self.page.item("–", f"{one.entry}: {one.change}", hang=2)

    def item(self, text: str, case: str) -> None:
        self.page.item("–", f"{text} (missing case: {case})" if case else text, hang=2)

    # The missing cases. --------------------------------------------------------------------

    def name_of_side(self, one: Uncovered) -> str:
        says = f"In {one.rule}, '{one.test}' comes out {one.never}."
        return self.name(one.rule, says, one.killer)

    def name_of_change(self, one: Survivor) -> str:
        says = f"Tells '{one.was}' from '{one.becomes}' in {one.entry}."
        return self.name(one.entry, says, one.killer)

    def name(self, entry: str, says: str, killer: Killer | None) -> str:
        """Return the name of a missing case, given to it when it comes up first."""
        if killer is None:
            return ""
        key = msgspec.json.encode(killer)
        if key not in self.names:
            name = next(name for name in _names(entry, killer) if name not in self.missing)
            self.names[key] = name
            self.missing[name] = case_entry(name, says, killer.patient, killer.expect, killer.parameters)
        return self.names[key]

    def missing_cases(self) -> None:
        if not self.missing:
            return
        self.page.heading("Missing cases")
        self.page.text("Work out by hand what each has to expect, then put it into a file of the folder 'cases'.")
        for lines in self.missing.values():
            self.page.gap()
            self.page.verbatim(lines)


_NO_SOLVER = "The solver, which tells, is not installed: pip install --editable '.[author]' in the project's folder."


def _names(entry: str, killer: Killer) -> Iterator[str]:
    """Yield names for a case: the entry and what is expected, then the same with a number."""
    first = f"{entry.lower()}_{next(iter(killer.expect))}"
    yield first
    number = 2
    while True:
        yield f"{first}_{number}"
        number += 1


def _more(count: int, one: str, several: str) -> str:
    return f"{count} more {one if count == 1 else several}"


def _percent(part: int, whole: int) -> str:
    """Return a share, never rounded up to all of it."""
    return f"{100 * part // whole if whole else 100} %"
