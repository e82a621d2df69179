"""What a typed line says of what was asked: values, short forms, amounts in other units, and reasons.

Nothing is guessed: an answer that could be meant in two ways is refused with what is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from engine.errors import Fault, InputError, listed, shortened
from engine.findings import NOT_ASKED, REASONS, read_value, shown
from engine.language import accepted, choices
from engine.model import Finding, Value
from engine.quantities import Converted, convert

YES_NO = "yes/no"

PHRASES = {
    "i don't know": "unknown",
    "don't know": "unknown",
    "dont know": "unknown",
    "do not know": "unknown",
    "not known": "unknown",
    "not asked": NOT_ASKED,
    "not-asked": NOT_ASKED,
    "not_asked": NOT_ASKED,
}
"""Ways to say that there is no value, as they are typed, the longer before those that they contain."""

WORDS = {"dk": "unknown", "s": NOT_ASKED, "skip": NOT_ASKED, "later": NOT_ASKED, **PHRASES}
"""Words that say why there is no value, besides the beginnings of the reasons themselves."""


class Answer(Struct, frozen=True):
    """What a text says of a finding: the word to keep, and the conversion to show first, if there is one."""

    finding: str
    word: str
    converted: Converted | None = None


def read_answers(findings: Sequence[Finding], line: str) -> list[Answer]:
    """Return what a line says of the findings that were asked about together.

    The answers come in order, the first ones if there are fewer; or each after the number of its question; or
    one for all (``all n``).

    Raises:
        InputError: saying what is accepted.

    """
    if line.lower().startswith("all ") and all(finding.type == YES_NO for finding in findings):
        return [read_answer(finding, line[4:]) for finding in findings]
    if len(findings) == 1:
        return [read_answer(findings[0], line)]
    return [read_answer(findings[place], word) for place, word in _each(line, len(findings))]


def _each(line: str, count: int) -> list[tuple[int, str]]:
    """Return answers with the place of the finding that each is to, from 0."""
    folded = line.lower().replace("’", "'")
    for phrase, reason in PHRASES.items():
        folded = folded.replace(phrase, "skip" if reason == NOT_ASKED else reason)
    words = folded.translate(str.maketrans(",;/", "   ")).split()
    if len(words) == 1 and len(words[0]) <= count and set(words[0]) <= set("ynups"):
        words = list(words[0])
    numbers = [word.rstrip(".:") for word in words[::2]]
    if len(words) % 2 == 0 and words and all(n.isdecimal() and 0 < int(n) <= count for n in numbers):
        if len(set(numbers)) < len(numbers):
            raise InputError([Fault("one question is answered twice", "Give each number once; nothing was kept.")])
        return [(int(n) - 1, word) for n, word in zip(numbers, words[1::2], strict=True)]
    if not words or len(words) > count:
        found = f"{len(words)} answers to {count} questions" if words else "no answer was typed"
        raise InputError([Fault(found, "Give one for each, such as 'y n u', or 'all n'; nothing was kept.")])
    return list(enumerate(words))


def read_answer(finding: Finding, text: str) -> Answer:
    """Return what a text says of a finding: a value, an unambiguous beginning of one, an amount or a reason.

    Raises:
        InputError: saying what is accepted.

    """
    written = " ".join(text.split())
    folded = written.lower().replace("’", "'")
    if folded in ("y", "yes", "n", "no") and finding.type != YES_NO and folded not in choices(finding):
        if folded in ("y", "yes") or "none" not in choices(finding):  # "no" must not come to mean "normal"
            raise _no_answer(written, "This is no yes/no question.", finding)
        folded = "none"
    word = (None if finding.is_number else _beginning(folded, choices(finding))) or _reason(folded)
    if word is not None:
        return Answer(finding.name, word)
    if finding.type == YES_NO:
        raise _no_answer(written, "", finding)
    converted = convert(written, finding.unit) if finding.is_number else None
    word = shown(converted.value) if converted is not None else written
    try:
        value = shown(valued(finding, word))
    except ValueError as problem:
        what = f"{converted}. {problem}" if converted is not None and not converted.same else str(problem)
        raise _no_answer(written, what, finding) from None
    return Answer(finding.name, value, None if converted is None or converted.same else converted)


def _no_answer(written: str, what: str, finding: Finding) -> InputError:
    takes = "" if "It takes" in what else f"It takes {accepted(finding)}."
    said = " ".join(filter(None, [what, takes, f"Or {listed(REASONS, 'or')}, where it is not known."]))
    found = f"'{shortened(written)}' is no answer to this" if written else "no answer was typed"
    return InputError([Fault(found, said)])


def valued(finding: Finding, word: str) -> Value:
    """Return the value that a word states, or raise `ValueError` with what is accepted instead."""
    return read_value(finding, word, choices(finding), accepted(finding))


def _beginning(text: str, words: Sequence[str]) -> str | None:
    if text in words:
        return text
    meant = [word for word in words if text and word.startswith(text)]
    return meant[0] if len(meant) == 1 else None


def _reason(folded: str) -> str | None:
    return WORDS.get(folded) or _beginning(folded, REASONS)
