"""What came of a cohort, as one HTML file with plots: no network, no script."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest
from operator import attrgetter, itemgetter

from engine.cohorts.summary import Lack, Summary, Verdicts
from engine.cohorts.synthesis import NOTICE
from engine.errors import shortened
from engine.findings import shown
from engine.model import Knowledge
from engine.rendering.plots import bars, ranges, stacks
from engine.rendering.report import environment
from engine.rendering.usage import MOST, says
from engine.rendering.words import layer_label, words_of_status

PATIENTS = "patients"

NAMED = 3
"""How many findings are named that alone hold back most patients."""


def render_summary(summary: Summary, knowledge: Knowledge) -> str:
    """Return what came of a cohort as an HTML page; ``knowledge`` has the words of its statements."""
    return (
        environment()
        .get_template("cohort.html")
        .render(
            found=summary,
            title=knowledge.guideline.title,
            notice=NOTICE,
            on_top=[one for one in knowledge.document.values() if one.on_top],
            most=MOST,
            says=says(knowledge),
            means=lambda status: words_of_status(status, knowledge).sentence,
            layer=lambda name: layer_label(knowledge, name),
            share=lambda count: share(count, summary.judged),
            parameters=[
                (name, shown(value, knowledge.parameters[name])) for name, value in summary.source.parameters.items()
            ],
            verdicts=[
                ("statements", "Statements", "Statement", summary.statements),
                ("conflicts", "Conflicts", "Conflict", summary.conflicts),
            ],
            alone=_alone(summary.lacks),
            plots=_plots(summary),
        )
    )


def share(count: int, whole: int) -> str:
    """Return what part of a whole a count is, in percent; what is neither none nor all is not said to be so."""
    if not whole or count in (0, whole):
        return "100 %" if whole and count else "0 %"
    percent = 100 * count / whole
    return "< 0.1 %" if percent < 0.1 else "> 99.9 %" if percent > 99.9 else f"{percent:.1f} %"


def _alone(lacks: Mapping[str, Lack]) -> list[tuple[str, int]]:
    """Return the findings that most often are the only one that is open, with how often."""
    counted = ((finding, lack.only) for finding, lack in lacks.items() if lack.only)
    return nlargest(NAMED, counted, key=itemgetter(1))


def _plots(summary: Summary) -> dict[str, str]:
    spans = [(shortened(name), float(grams.least), float(grams.most)) for name, grams in summary.regimens.items()]
    statuses = {status.replace("_", " "): count for status, count in summary.statuses.items()}
    return {
        "statuses": bars("statuses", "Patients by status", statuses, of=PATIENTS),
        "lacks": _lacking("lacks", "Findings that are open", summary.lacks, "open", "only"),
        "status_lacks": _lacking(
            "status_lacks", "Findings that are open where the status is", summary.lacks, "status_open", "status_only"
        ),
        "statements": _stacked("statements", "Statements, by how often they apply", summary.statements),
        "conflicts": _stacked("conflicts", "Conflicts, by how often they are met", summary.conflicts),
        "grams": ranges("grams", "Grams of a course, by regimen", "g", spans),
    }


def _lacking(name: str, title: str, lacks: Mapping[str, Lack], of_all: str, alone: str) -> str:
    """Return the findings that are open for most patients as bars, those hatched for whom it is the only one."""
    counts = {finding: getattr(lack, of_all) for finding, lack in lacks.items() if getattr(lack, of_all)}
    first = nlargest(MOST, counts, key=lambda finding: counts[finding])
    hatched = {shortened(finding): getattr(lacks[finding], alone) for finding in first}
    return bars(name, title, {shortened(finding): counts[finding] for finding in first}, hatched, PATIENTS)


def _stacked(name: str, title: str, verdicts: Mapping[str, Verdicts]) -> str:
    """Return the rules that apply to most patients, or may, as bars of their verdicts."""
    first = nlargest(MOST, verdicts, key=lambda rule: attrgetter("applies", "undetermined")(verdicts[rule]))
    parts = {
        shortened(rule): {
            "applies": verdicts[rule].applies,
            "undetermined": verdicts[rule].undetermined,
            "ruled out": verdicts[rule].ruled_out,
        }
        for rule in first
    }
    return stacks(name, title, parts, PATIENTS)
