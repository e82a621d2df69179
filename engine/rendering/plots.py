"""Plots as SVG with a text alternative; the only user of matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import escape
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, BLUE, RED, PALE = "#1b1f24", "#14548c", "#a3131d", "#9dbcd6"

WIDTH = 7.2
"""The width of a plot, in inches."""

STYLE: Any = {"svg.hashsalt": "ivig-mg", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
"""The same plot gives the same bytes; its words stay text."""


def bars(name: str, title: str, counts: Mapping[str, int], within: Mapping[str, int] | None = None) -> str:
    """Return counts as horizontal bars, the part of each that is ``within`` hatched; nothing where there are none."""
    if not counts:
        return ""
    words, numbers = list(counts), list(counts.values())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.5 + 0.27 * len(words)), layout="constrained")
        axes = figure.subplots()
        drawn = axes.barh(words, numbers, color=PALE, edgecolor=BLUE)
        axes.bar_label(drawn, padding=3)
        if within is not None:
            axes.barh(words, [within.get(word, 0) for word in words], color="none", edgecolor=RED, hatch="////")
        axes.invert_yaxis()
        axes.set_xlabel("consultations")
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    told = "; ".join(f"{word} {number}" for word, number in counts.items())
    return _svg(figure, name, title, told)


def ranges(name: str, title: str, unit: str, spans: Sequence[tuple[str, float, float]]) -> str:
    """Return spans as bars from the least to the most, each under its word; nothing where there are none."""
    if not spans:
        return ""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        axes = figure.subplots()
        words = [word for word, _, _ in spans]
        axes.bar(words, [most for _, _, most in spans], color=PALE, edgecolor=BLUE, label="the most advised")
        axes.bar(
            words,
            [least for _, least, _ in spans],
            color="none",
            edgecolor=INK,
            hatch="////",
            label="the least advised",
        )
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.tick_params(axis="x", rotation=45)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    told = "; ".join(f"{word} {least:g} to {most:g} {unit}" for word, least, most in spans)
    return _svg(figure, name, title, told)


def _svg(figure: Figure, name: str, title: str, told: str) -> str:
    """Return a figure as SVG for a page: its own ids, no clock in it, and what it shows in words."""
    written = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    content = written.getvalue()
    content = content[content.index("<svg") :]
    content = re.sub(r"<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", content)
    opening = f'<svg role="img" aria-labelledby="{name}-title {name}-told" class="plot"'
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-told">{escape(told)}</desc>'
    head, _, rest = content.partition(">")
    return f"{head.replace('<svg', opening, 1)}>{words}{rest}"
