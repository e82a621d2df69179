"""Random knowledge bases and random patients, for property tests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from engine.findings import Given
from engine.language import choices, plain
from engine.model import (
    ACTUAL_WEIGHT,
    IDEAL_WEIGHT,
    AnyDose,
    Concept,
    Condition,
    Conflict,
    Finding,
    Gate,
    Guideline,
    Knowledge,
    Named,
    Not,
    Regimen,
    Section,
    Statement,
    Test,
)

SECTIONS = {"P": Section("P", "Heading", "Part", ("0" * 64,))}
YES = "yes"


def _number(name: str, high: int = 10, only_if: Test | None = None, unit: str = "") -> Finding:
    return Finding(name, f"{name}?", "number", unit=unit, low=Decimal(1), high=Decimal(high), only_if=only_if)


def _yes_no(name: str, only_if: Test | None = None) -> Finding:
    return Finding(name, f"{name}?", "yes/no", only_if=only_if)


FINDINGS = {
    finding.name: finding
    for finding in (
        Finding("diagnosis", "diagnosis?", "choice", ("here", "elsewhere")),
        _yes_no("a"),
        _yes_no("b"),
        _yes_no("c", only_if=Test("a", "is", YES)),
        _number("n"),
        _number("m", only_if=Test("b", "is", YES)),
        _yes_no("d", only_if=Test("n", "<", Decimal(5))),
        Finding("e", "e?", "choice", ("x", "y", "z")),
        _number(ACTUAL_WEIGHT, 100, unit="kg"),
        _number(IDEAL_WEIGHT, 100, unit="kg"),
    )
}


@st.composite
def tests(draw: DrawFn, monotone: bool) -> Test:
    """Draw a test on a finding; ``monotone`` leaves out those on being known."""
    finding = FINDINGS[draw(st.sampled_from(sorted(FINDINGS)))]
    if not monotone and draw(st.integers(0, 4)) == 0:
        return Test(finding.name, draw(st.sampled_from(["is unknown", "is known"])))
    if not finding.is_number:
        return Test(finding.name, "is", draw(st.sampled_from(choices(finding))))
    return Test(finding.name, draw(st.sampled_from([">=", ">", "<=", "<", "is"])), Decimal(draw(st.integers(1, 10))))


def _doses() -> SearchStrategy[AnyDose]:
    grams = st.integers(1, 200).map(Decimal)
    per_kg = st.none() | st.sampled_from([Decimal(1), Decimal(2)])
    return st.builds(AnyDose, st.sampled_from([">", ">=", "<", "<="]), grams, per_kg)


@st.composite
def conditions(draw: DrawFn, names: tuple[str, ...], doses: bool, monotone: bool, depth: int = 2) -> Condition:
    """Draw a condition on findings and on the named rules."""
    leaves: list[SearchStrategy[Condition]] = [tests(monotone)]
    if names:
        leaves.append(st.sampled_from(names).map(Named))
    if doses:
        leaves.append(_doses())
    leaf = st.one_of(leaves)
    if depth == 0 or draw(st.booleans()):
        condition = draw(leaf)
        return Not(condition) if draw(st.booleans()) and not isinstance(condition, AnyDose) else condition
    inner = conditions(names, doses, monotone, depth - 1)
    parts = tuple(draw(st.lists(inner, min_size=1, max_size=4, unique=True)))
    return Gate(draw(st.integers(1, len(parts))), parts)


_REGIMENS = st.builds(
    lambda low, wider, days, weight: Regimen(Decimal(low), Decimal(low + wider), days, weight),
    st.integers(1, 2),
    st.integers(0, 1),
    st.integers(1, 5),
    st.sampled_from(["ideal", "actual", "not stated"]),
)


@st.composite
def knowledge_bases(draw: DrawFn, monotone: bool = False) -> Knowledge:
    """Draw a knowledge base whose rules rest only on those before them."""
    concepts: dict[str, Concept] = {}
    statements: dict[str, Statement] = {}
    names: tuple[str, ...] = ()
    count = draw(st.integers(1, 8))
    with_doses = draw(st.integers(0, 2))
    for index in range(count + with_doses):
        condition = draw(conditions(names, index >= count, monotone))
        if draw(st.booleans()):
            name = f"k{index}"
            concepts[name] = Concept(name, name, condition)
        else:
            name = f"S{index}"
            regimen = draw(st.none() | _REGIMENS) if index < count else None
            kind = "regimen" if regimen is not None else draw(st.sampled_from(["indication", "role", "against"]))
            statements[name] = Statement(name, name, kind, "P.1", (1,), condition, regimen)
        names = (*names, name)
    sides = ((tuple(statements)[:1], tuple(statements)[1:2]),) if statements else ()
    conflict = Conflict("A1", "A1", draw(conditions(names, with_doses > 0, monotone)), sides[0] if sides else ())
    requires = Test("diagnosis", "is", "here")
    guideline = Guideline("random", "1", "Random", "it", requires, SECTIONS, ())
    return Knowledge(guideline, {}, FINDINGS, concepts, statements, {}, {"A1": conflict}, {}, {})


def _words(finding: Finding) -> SearchStrategy[str]:
    if finding.is_number:
        return st.integers(int(finding.low or 0), int(finding.high or 0)).map(str)
    return st.sampled_from(choices(finding))


def patients() -> SearchStrategy[dict[str, Given]]:
    """Draw what is given of a patient: each finding a value or nothing, none against its governor."""
    some = st.fixed_dictionaries({}, optional={name: _words(finding) for name, finding in FINDINGS.items()})
    return some.map(_agreeing)


def _agreeing(words: Mapping[str, str]) -> dict[str, Given]:
    """Leave out governed values whose governor is given otherwise."""
    kept = dict(words)
    if kept.get("a") == "no":
        kept.pop("c", None)
    if kept.get("b") == "no":
        kept.pop("m", None)
    if "n" in kept and int(kept["n"]) >= 5:
        kept.pop("d", None)
    return {name: Given(word) for name, word in kept.items()}


def as_text(values: Mapping[str, object]) -> dict[str, Given]:
    """Return values as a user would give them."""
    return {name: Given(plain(v) if isinstance(v, Decimal) else str(v)) for name, v in values.items()}
