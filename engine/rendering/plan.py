"""The questions worth asking next, with the reason for each, as data and as a page."""

from __future__ import annotations

from typing import Any

from engine.compiler import RuleBase
from engine.effects import Effect, effects
from engine.findings import Findings
from engine.planner import Planned, plan
from engine.rendering.page import Page, joined

FORMAT = "ivig-mg/plan/1"


def plan_data(base: RuleBase, findings: Findings) -> dict[str, Any]:
    """Return the ranked questions with what hangs on each and what each answer would do."""
    planned = plan(base, findings)
    return {
        "format": FORMAT,
        "answered": len({*findings.values, *findings.reasons}),
        "at_most": planned.at_most,
        "questions": [
            _question_data(question, effects(base, findings, question.finding)) for question in planned.questions
        ],
    }


def _question_data(question: Planned, answers: list[Effect]) -> dict[str, Any]:
    return {
        "finding": question.finding,
        "question": question.asks,
        "topic": question.topic,
        "settles": list(question.settles),
        "completes": list(question.completes),
        "answers": [_effect_data(effect) for effect in answers],
    }


def _effect_data(effect: Effect) -> dict[str, Any]:
    return {
        "answer": effect.answer,
        "applies": list(effect.applies),
        "ruled_out": list(effect.ruled_out),
        "opens": list(effect.opens),
        "closes": list(effect.closes),
    }


def render_plan(base: RuleBase, findings: Findings, width: int = 80, colour: bool = False) -> str:
    """Return the ranked questions as text."""
    page = Page(width, colour)
    planned = plan(base, findings)
    if not planned.questions:
        page.text("Nothing more is worth asking: no answer can change a use, a caution, a dose or a conflict.")
        return str(page)
    page.text(f"Worth asking next, most consequential first; at most {planned.at_most} in all.", style="bold")
    for number, question in enumerate(planned.questions, 1):
        page.gap()
        page.item(f"{number}.", f"{question.asks} ({joined([question.finding, question.topic], '; ')})", 0, 4)
        if question.settles:
            page.text(f"can decide {joined(question.settles)}", 4)
        if question.completes:
            page.text(f"completes {joined(question.completes)}", 4)
        for effect in effects(base, findings, question.finding):
            page.item("–", in_words(effect), 4, 2)
    return str(page)


def in_words(effect: Effect) -> str:
    """Say what an answer would do."""
    does = [
        f"{joined(effect.applies)} would apply" if effect.applies else "",
        f"{joined(effect.ruled_out)} would be ruled out" if effect.ruled_out else "",
        f"opens {joined(effect.opens)}" if effect.opens else "",
        f"spares {joined(effect.closes)}" if effect.closes else "",
    ]
    return f"{effect.answer}: {joined(filter(None, does), '; ') or 'settles nothing by itself'}"
