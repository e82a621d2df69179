"""What differs between two knowledge bases: as a page and as data."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.comparison import Comparison
from engine.rendering.cases import case_line
from engine.rendering.page import Page, joined


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
