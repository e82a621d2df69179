"""The questions worth asking next, with the reason for each, as data and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.compiler import RuleBase
from engine.consultation import Consultation, consult
from engine.contract import layer_data
from engine.effects import Effect, effects
from engine.findings import Findings
from engine.model import Knowledge, in_order, natural
from engine.planner import Planned, plan, unanswered
from engine.questions import consequence
from engine.rendering import words
from engine.rendering.page import Page, joined, numbers

FORMAT = "ivig-mg/plan/1"

TOLD, NAMED = 3, 6
"""How many of what hangs on a question are told in words, and named at an answer; the rest is counted."""


ON_SCOPE = "Nothing applies, whatever the answer: it only says whether the guideline is about this patient."
"""What is said of a question on which no statement and no conflict hangs."""


def plan_data(base: RuleBase, findings: Findings) -> dict[str, Any]:
    """Return the ranked questions with what hangs on each and what each answer would do."""
    planned = plan(base, findings)
    return {
        "format": FORMAT,
        "answered": len({*findings.values, *findings.reasons}),
        "at_most": planned.at_most,
        "questions": [
            _question_data(base, question, effects(base, findings, question.finding)) for question in planned.questions
        ],
    }


def _question_data(base: RuleBase, question: Planned, answers: list[Effect]) -> dict[str, Any]:
    hanging = most_consequential(base.knowledge, {*question.settles, *question.completes})
    return {
        "finding": question.finding,
        **layer_data(base.knowledge, question.finding),
        "question": question.asks,
        "topic": question.topic,
        "settles": list(question.settles),
        "completes": list(question.completes),
        "hangs_on_it": [_rule_data(base.knowledge, name) for name in hanging],
        "answers": [_effect_data(effect) for effect in answers],
    }


def _rule_data(knowledge: Knowledge, name: str) -> dict[str, Any]:
    if name in knowledge.statements:
        statement = knowledge.statements[name]
        references = list(statement.references)
        return {"id": name, **layer_data(knowledge, name), "says": statement.says, "references": references}
    named = {statement for side in knowledge.sides(name) for statement in side}
    references = in_order(number for statement in named for number in knowledge.statements[statement].references)
    says = knowledge.conflicts[name].says
    return {"id": name, **layer_data(knowledge, name), "says": says, "references": references}


def _effect_data(effect: Effect) -> dict[str, Any]:
    return {
        "answer": effect.answer,
        "applies": list(effect.applies),
        "ruled_out": list(effect.ruled_out),
        "waits": list(effect.waits),
        "fulfils": list(effect.fulfils),
        "fails": list(effect.fails),
        "doses": list(effect.doses),
        "opens": list(effect.opens),
        "closes": list(effect.closes),
        "varies": effect.varies,
        "cannot_be": effect.cannot_be or None,
    }


def render_plan(base: RuleBase, findings: Findings, width: int = 80, colour: bool = False) -> str:
    """Return the ranked questions as text."""
    page = Page(width, colour)
    planned = plan(base, findings)
    consultation = consult(base, findings)
    if planned.questions:
        page.text(
            f"Worth asking next, at most {planned.at_most} in all: what is unsafe first, one topic at a time.",
            style="bold",
        )
    else:
        page.text("Every question that could change something has been put.", style="bold")
    for number, question in enumerate(planned.questions, 1):
        page.gap()
        page.item(f"{number}.", asked(base.knowledge, question), 0, 4)
        hanging = most_consequential(base.knowledge, {*question.settles, *question.completes})
        for name in hanging[:TOLD]:
            page.item(name, told(consultation, name), 4)
        if len(hanging) > TOLD:
            page.text(f"and {len(hanging) - TOLD} more: {words.named(base.knowledge, hanging[TOLD:])}", 4)
        if not hanging:
            page.text(ON_SCOPE, 4)
        for effect in effects(base, findings, question.finding):
            page.item("–", in_words(base.knowledge, effect), 4, 2)
    _unanswered(page, base, findings)
    return str(page)


def _unanswered(page: Page, base: RuleBase, findings: Findings) -> None:
    """Add what was asked and could not be said, while it can still change something."""
    left = unanswered(base, findings)
    if left:
        page.heading("Asked, not known yet, and still able to change something")
    for question in left:
        decides = words.named(base.knowledge, [*question.settles, *question.completes])
        reason = words.REASONS[findings.reasons[question.finding]]
        page.item("–", f"{question.asks} ({question.finding}: {reason}; {decides})", hang=2)


def most_consequential(knowledge: Knowledge, ids: Iterable[str]) -> list[str]:
    """Return statements and conflicts with the most consequential first."""
    return sorted(natural(ids), key=lambda name: consequence(knowledge, [name], ()))


def told(consultation: Consultation, name: str) -> str:
    """Return the words of a statement or conflict, with its references and its layer."""
    knowledge = consultation.knowledge
    references = consultation.references(name)
    cited = numbers(references) if references else ""
    return joined(filter(None, [words.sentence(knowledge, name), cited, words.layer_label(knowledge, name)]), " ")


def asked(knowledge: Knowledge, question: Planned) -> str:
    """Return a question with its finding and topic, and its layer."""
    named = f"({joined([question.finding, question.topic], '; ')})"
    return f"{question.asks} {named} {words.layer_label(knowledge, question.finding)}".rstrip()


def in_words(knowledge: Knowledge, effect: Effect) -> str:
    """Say what an answer would do."""
    if effect.cannot_be:
        return f"{effect.answer}: cannot be, for {effect.cannot_be}"
    does = [
        f"{_some(knowledge, effect.applies)} would apply" if effect.applies else "",
        f"{_some(knowledge, effect.ruled_out)} would be ruled out" if effect.ruled_out else "",
        f"{_some(knowledge, effect.fulfils)} would be fulfilled" if effect.fulfils else "",
        f"{_some(knowledge, effect.fails)} would NOT be fulfilled" if effect.fails else "",
        f"the dose of {words.named(knowledge, effect.doses)} could be worked out" if effect.doses else "",
        f"{_some(knowledge, effect.waits)} would stay undetermined" if effect.waits else "",
        f"makes worth asking: {words.named(knowledge, effect.opens)}" if effect.opens else "",
        f"no longer asks about: {words.named(knowledge, effect.closes)}" if effect.closes else "",
        "what else follows depends on the number" if effect.varies else "",
    ]
    return f"{effect.answer}: {joined(filter(None, does), '; ') or 'nothing comes out otherwise'}"


def _some(knowledge: Knowledge, ids: Sequence[str]) -> str:
    """Name the most consequential of some rules, and count the rest."""
    ordered = most_consequential(knowledge, ids)
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return words.named(knowledge, ordered[:NAMED]) + more
