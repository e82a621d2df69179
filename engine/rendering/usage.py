"""How a guideline was used, as one HTML file with plots: no network, no script."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from engine import __version__
from engine.errors import shortened
from engine.language import plain
from engine.model import Knowledge
from engine.records import REASONS
from engine.rendering.plots import bars, ranges
from engine.rendering.report import environment
from engine.usage import Usage

MOST = 25
"""How many bars a plot has at most; the table below it has all."""


def render_usage(found: Usage) -> str:
    """Return the use of a guideline as an HTML page."""
    months = [(month, float(grams.least), float(grams.most)) for month, grams in found.grams.items()]
    return (
        environment()
        .get_template("usage.html")
        .render(
            found=found,
            version=__version__,
            plain=plain,
            reasons=REASONS,
            parts=[
                ("statements", "Statements that applied", "Statement", found.statements, found.overridden),
                ("conflicts", "Conflicts met", "Conflict", found.conflicts, found.overridden),
                ("open", "Questions that stayed open", "Finding", found.open, None),
            ],
            plots={
                "statements": bars(
                    "statements",
                    "Statements that applied, by consultations",
                    _first(found.statements),
                    found.overridden,
                ),
                "conflicts": bars(
                    "conflicts", "Conflicts met, by consultations", _first(found.conflicts), found.overridden
                ),
                "open": bars("open", "Questions that stayed open, by consultations", _first(found.open)),
                "grams": ranges("grams", "Grams advised, by month", "g", months),
            },
        )
    )


def _first(counts: Mapping[str, int]) -> dict[str, int]:
    return {shortened(name): count for name, count in islice(counts.items(), MOST)}


def says(knowledge: Knowledge) -> dict[str, str]:
    """Return what each statement and conflict says, and what each finding asks."""
    findings = {name: finding.asks for name, finding in knowledge.findings.items()}
    statements = {name: statement.says for name, statement in knowledge.statements.items()}
    return {**findings, **statements, **{name: conflict.says for name, conflict in knowledge.conflicts.items()}}
