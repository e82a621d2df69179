"""A test in the words of a clinician: the question of its finding, and the answers of which it is true."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import listed
from engine.findings import shown
from engine.language import choices, phrase, plain
from engine.model import AnyDose, Condition, DoseTest, Finding, Gate, Knowledge, Named, Not, Test
from engine.rendering.page import joined

_COMPARED = {
    ">=": ("at least {}", "below {}"),
    ">": ("above {}", "at most {}"),
    "<=": ("at most {}", "above {}"),
    "<": ("below {}", "at least {}"),
    "is": ("{}", "other than {}"),
}
"""Each comparison of numbers in words, and its negation."""


def alternatives(row: Sequence[Condition], knowledge: Knowledge) -> str:
    """Say that one of some conditions holds, and how an author writes them."""
    tests = joined((phrase(condition, knowledge.units) for condition in row), "; or ")
    return f"{joined((in_words(condition, knowledge) for condition in row), ' Or: ')} ({tests})"


def in_words(condition: Condition, knowledge: Knowledge, holds: bool = True) -> str:
    """Say that a condition holds, or that it is ruled out, as questions with their answers."""
    match condition:
        case Not(of):
            return in_words(of, knowledge, not holds)
        case Test():
            finding = knowledge.findings[condition.finding]
            return f"{finding.asks} {_sentence(_answer(condition, finding, holds))}"
        case DoseTest(per_kg, weight, operator, grams):
            answer = _COMPARED[operator][0 if holds else 1].format(f"{plain(grams)} g")
            return f"{knowledge.findings[weight].asks} {plain(per_kg)} g/kg of it is {answer}."
        case Named(name):
            return f"{name} {'applies' if holds else 'is ruled out'}."
        case AnyDose() | Gate():
            return f"{_sentence(phrase(condition, knowledge.units))[:-1]}: {'yes' if holds else 'no'}."
    raise TypeError(condition)


def _answer(test: Test, finding: Finding, holds: bool) -> str:
    """Return the answers of which a test is true, or of which it is false."""
    governed = finding.only_if is not None
    if test.value is None:
        return "not known" if holds is (test.operator == "is unknown") else f"known{', or not applicable' * governed}"
    if finding.is_number:
        answer = _COMPARED[test.operator][0 if holds else 1].format(shown(test.value, finding))
    else:
        others = [word for word in choices(finding) if word != test.value]
        answer = (str(test.value) if holds else listed(others, "or")).replace("_", " ")
    if governed and not holds:
        return f"{answer}, or not applicable"
    return f"{answer}, and applicable" if governed and answer == "no" else answer


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
