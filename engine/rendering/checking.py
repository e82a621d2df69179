"""Faults and warnings of a check: as a page, as data, as annotations of a workflow."""

from __future__ import annotations

from typing import Any

from engine.checking import Report
from engine.errors import Fault, counted, describe
from engine.rendering.page import Page, joined


def render_check(report: Report, width: int = 80, colour: bool = False) -> str:
    """Return faults and warnings as text, faults first."""
    page = Page(width, colour)
    for heading, faults in (("Faults", report.faults), ("Warnings", report.warnings)):
        if faults:
            page.heading(f"{heading} ({len(faults)})")
            page.lines += "\n\n".join(describe(fault) for fault in faults).splitlines()
    if not report.faults:
        page.gap()
        found = f"with {counted(len(report.warnings), 'warning')}" if report.warnings else "and nothing to warn of"
        page.text(f"Sound, {found}. Knowledge {report.digest[:16]}…", style="good")
    return str(page)


def check_data(report: Report) -> dict[str, Any]:
    """Return faults and warnings as data."""
    return {
        "format": "ivig-mg/check/1",
        "digest": report.digest,
        "faults": [fault_data(fault) for fault in report.faults],
        "warnings": [fault_data(fault) for fault in report.warnings],
    }


def fault_data(fault: Fault) -> dict[str, Any]:
    """Return one fault as data."""
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
