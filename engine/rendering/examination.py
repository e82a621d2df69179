"""What the worked cases hold fast: as a page and as data."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.examination import Examination, Mutation
from engine.rendering.cases import case_line, flow
from engine.rendering.page import Page, joined


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
            page.text(f"expect: {flow(survivor.killer.expect)}", 4)


def _percent(part: int, whole: int) -> str:
    """Return a share, never rounded up to all of it."""
    return f"{100 * part // whole if whole else 100} %"
