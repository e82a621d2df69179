"""Plots as SVG with a text alternative; the only user of matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

INK, BLUE, RED, PALE = "#1b1f24", "#14548c", "#a3131d", "#9dbcd6"

WIDTH = 7.2
"""The width of a plot, in inches."""

STYLE: Any = {"svg.hashsalt": "ivig-mg", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
"""The same plot gives the same bytes; its words stay text."""


def bars(
    name: str, title: str, counts: Mapping[str, int], within: Mapping[str, int] | None = None, of: str = "consultations"
) -> str:
    """Return counts as horizontal bars, the part of each that is ``within`` hatched; nothing where there are none."""
    if not counts:
        return ""
    words, numbers = list(counts), list(counts.values())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.5 + 0.27 * len(words)), layout="constrained")
        axes = figure.subplots()
        drawn = axes.barh(words, numbers, color=PALE, edgecolor=BLUE)
        axes.bar_label(drawn, fmt="{:,.0f}", padding=3)
        if within is not None:
            axes.barh(words, [within.get(word, 0) for word in words], color="none", edgecolor=RED, hatch="////")
        _counted_across(axes, of)
    told = "; ".join(f"{word} {number}" for word, number in counts.items())
    return _svg(figure, name, title, told)


def stacks(name: str, title: str, counts: Mapping[str, Mapping[str, int]], of: str) -> str:
    """Return for each word a bar of several counts, one after another; each word has the same, at most three."""
    if not counts:
        return ""
    looks: tuple[Any, ...] = ({"color": BLUE}, {"color": PALE, "hatch": "////"}, {"color": "#ffffff"})
    words = list(counts)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * len(words)), layout="constrained")
        axes = figure.subplots()
        before = [0] * len(words)
        for part, look in zip(counts[words[0]], looks, strict=False):
            numbers = [counts[word][part] for word in words]
            axes.barh(words, numbers, left=before, edgecolor=INK, linewidth=0.6, label=part, **look)
            before = [sum(pair) for pair in zip(before, numbers, strict=True)]
        _counted_across(axes, of)
        figure.legend(frameon=False, ncols=len(looks), loc="outside upper center")
    told = "; ".join(
        f"{word} {', '.join(f'{part} {n}' for part, n in those.items())}" for word, those in counts.items()
    )
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
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.tick_params(axis="x", rotation=45)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    told = "; ".join(f"{word} {least:g} to {most:g} {unit}" for word, least, most in spans)
    return _svg(figure, name, title, told)


def _counted_across(axes: Axes, of: str) -> None:
    """Let the axis of bars that lie count whole things, the first bar on top."""
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel(of)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


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
