"""The cells of a table of patients as SQL: the value that each states, or why it cannot be one.

A cell is read as a consultation reads a word of a case file (``findings.read_value``): the words of the finding,
or a number bare or with its unit; empty, or a reason such as *pending*, is unknown. What cannot be read is never
taken for something else.
"""

from __future__ import annotations

from msgspec import Struct
from sqlglot import exp

from engine.cohorts.truths import Sql, choose, column, every, negated, number, some, text, unknown
from engine.errors import listed
from engine.findings import REASONS
from engine.language import NUMBER, accepted, choices
from engine.model import Finding

TEXT, NUMERIC, CLEAN, ABSENT = "text", "number", "clean", "absent"
"""What a column holds: words, exact numbers, words that are known to be those of the finding; or there is none."""

BLANKS = r"[\s\p{Z}\x0B\x1C-\x1F\x85]+"
"""Blanks as `str.split` has them."""


class Cell(Struct, frozen=True):
    """How a cell is read: its ``value``, NULL where it states none, and ``fault``, true where it cannot be read."""

    value: Sql
    fault: Sql | None = None


def type_of(finding: Finding) -> str:
    """Return the SQL type of the values of a finding."""
    if finding.type == "yes/no":
        return "BOOLEAN"
    if not finding.is_number:
        return "TEXT"
    whole = len(str(int(finding.high or 0)))
    return "INT" if finding.type == "whole number" else f"DECIMAL({max(whole, 1) + 6}, 6)"


def cell(finding: Finding, holds: str) -> Cell:
    """Return how a cell of a column is read that holds text or numbers."""
    if holds == ABSENT:
        return Cell(exp.cast(exp.null(), type_of(finding)))
    if holds == CLEAN:
        return Cell(_clean(finding))
    if holds == NUMERIC:
        return (
            _number(finding) if finding.is_number else Cell(exp.cast(exp.null(), type_of(finding)), _is_there(finding))
        )
    return _number_in_words(finding) if finding.is_number else _word(finding)


def _clean(finding: Finding) -> Sql:
    """Return a word that needs no second look; any other is unknown."""
    word = column(finding.name)
    if finding.type != "yes/no":
        return choose((_one_of(word, list(choices(finding))), word.copy()))
    is_yes, is_no = (exp.EQ(this=word.copy(), expression=text(answer)) for answer in ("yes", "no"))
    return choose((is_yes, exp.true()), (is_no, exp.false()))


def _is_there(finding: Finding) -> Sql:
    return negated(unknown(column(finding.name)))


def _word(finding: Finding) -> Cell:
    """Return how a word is read; one of the words as it stands needs no second look."""
    words = choices(finding)
    known = [*words, *REASONS]
    raw = column(finding.name)
    folded = _folded(raw)
    plain_ = exp.In(this=raw.copy(), expressions=[text(word) for word in known])
    unread = negated(_one_of(folded.copy(), [*known, ""]))
    fault = choose((some(unknown(raw.copy()), plain_.copy()), exp.false()), default=unread)
    written = choose((plain_.copy(), raw.copy()), default=folded)
    if finding.type != "yes/no":
        return Cell(choose((_one_of(written, list(words)), written.copy())), fault)
    truth = choose(
        (exp.EQ(this=raw.copy(), expression=text("yes")), exp.true()),
        (exp.EQ(this=raw.copy(), expression=text("no")), exp.false()),
        (plain_.copy(), exp.null()),
        (exp.EQ(this=folded.copy(), expression=text("yes")), exp.true()),
        (exp.EQ(this=folded.copy(), expression=text("no")), exp.false()),
    )
    return Cell(truth, fault)


def _one_of(value: Sql, words: list[str]) -> Sql:
    return exp.In(this=value, expressions=[text(word) for word in words])


def _folded(value: Sql) -> Sql:
    """Return a text without outer blanks, and with one blank for several."""
    blanks = exp.RegexpReplace(this=value.copy(), expression=text(BLANKS), replacement=text(" "), modifiers=text("g"))
    return exp.Trim(this=blanks)


def _number(finding: Finding) -> Cell:
    """Return how an exact number is read: it has to be in the range, whole where it must be, and have few decimals."""
    raw = column(finding.name)
    value = exp.cast(raw.copy(), type_of(finding))
    fits = _fits(finding, raw)
    return Cell(choose((fits, value)), every(_is_there(finding), negated(exp.paren(fits))))


def _fits(finding: Finding, value: Sql) -> Sql:
    """Return whether a number is one that a finding takes."""
    fits: list[Sql] = []
    if finding.low is not None and finding.high is not None:
        low, high = number(finding.low), number(finding.high)
        fits.append(exp.Between(this=value.copy(), low=low, high=high))
    places = 0 if finding.type == "whole number" else 6
    rounded = exp.Round(this=value.copy(), decimals=exp.Literal.number(places))
    return every(*fits, exp.EQ(this=value.copy(), expression=rounded))


def _number_in_words(finding: Finding) -> Cell:
    """Return how a number is read that is written in words, bare or with its unit."""
    folded = _folded(column(finding.name))
    unit = rf" ?{_escaped(finding.unit)}" if finding.unit else ""
    is_number = exp.RegexpLike(this=folded, expression=text(f"^{NUMBER.pattern}({unit})?$"))
    digits = exp.RegexpExtract(this=folded.copy(), expression=text(f"^{NUMBER.pattern}"), group=exp.Literal.number(0))
    value = exp.cast(digits, "DECIMAL(18, 6)")
    readable = choose((is_number, value))
    fits = every(negated(unknown(readable)), _fits(finding, readable))
    fault = every(_is_there(finding), negated(_one_of(folded.copy(), [*REASONS, ""])), negated(exp.paren(fits)))
    return Cell(choose((fits, exp.cast(readable.copy(), type_of(finding)))), fault)


def _escaped(unit: str) -> str:
    return "".join(sign if sign.isalnum() else f"\\{sign}" for sign in unit)


def why(finding: Finding) -> Sql:
    """Return in words why a cell of a finding cannot be read."""
    written = exp.Substring(
        this=exp.cast(column(finding.name), "TEXT"), start=exp.Literal.number(1), length=exp.Literal.number(60)
    )
    taken = f"{accepted(finding)}, in digits" if finding.is_number else f"{accepted(finding)}, in small letters"
    return joined(f"{finding.name}: '", written, f"' is not a value it takes ({taken}; or {listed(REASONS, 'or')})")


def joined(*parts: str | Sql) -> Sql:
    """Return texts one after another."""
    found, *others = (text(part) if isinstance(part, str) else part for part in parts)
    for other in others:
        found = exp.DPipe(this=found, expression=other)
    return found
