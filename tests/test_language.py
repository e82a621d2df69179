"""The grammar of tests: what is written is what is read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from engine.language import UnreadableError, Vocabulary, canonical, parse, phrase, plain
from engine.model import AnyDose, Named, Not, Test
from tests import random_knowledge

VOCABULARY = Vocabulary(random_knowledge.FINDINGS, {"k1", "S1"}, {"A1"})
UNITS = {finding.name: finding.unit for finding in random_knowledge.FINDINGS.values()}


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        ("a", Test("a", "is", "yes")),
        ("not a", Not(Test("a", "is", "yes"))),
        ("a is no", Test("a", "is", "no")),
        ("e is x", Test("e", "is", "x")),
        ("e is not x", Not(Test("e", "is", "x"))),
        ("n >= 3", Test("n", ">=", Decimal(3))),
        ("actual_weight_kg > 40.50 kg", Test("actual_weight_kg", ">", Decimal("40.5"))),
        ("e is unknown", Test("e", "is unknown")),
        ("n is known", Test("n", "is known")),
        ("any dose > 80 g", AnyDose(">", Decimal(80))),
        ("any dose at 1 g/kg > 80 g", AnyDose(">", Decimal(80), Decimal(1))),
        ("S1", Named("S1")),
        ("not k1", Not(Named("k1"))),
    ],
)
def test_a_line_is_read_as_the_condition_it_states(line: str, condition: object) -> None:
    assert parse(line, VOCABULARY) == condition


@given(random_knowledge.tests(monotone=False))
def test_a_test_phrased_and_read_again_is_the_same(test: Test) -> None:
    assert parse(phrase(test, UNITS), VOCABULARY) == test


@pytest.mark.parametrize("line", ["any dose > 80 g", "any dose at 2 g/kg <= 1.5 g", "e is not x", "not a", "not S1"])
def test_a_line_in_its_one_form_comes_out_as_it_went_in(line: str) -> None:
    assert phrase(parse(line, VOCABULARY), UNITS) == line


@pytest.mark.parametrize("number", ["1e5", "１", "0x10", "1_000", "NaN", "inf", "1.2345678", "1,5", "+1"])
def test_only_plain_decimals_are_numbers(number: str) -> None:
    with pytest.raises(UnreadableError):
        parse(f"n > {number}", VOCABULARY)


def test_equal_numbers_have_one_form() -> None:
    assert plain(Decimal("100")) == plain(Decimal("1E+2")) == plain(Decimal("100.00")) == "100"
    assert str(canonical(Decimal("28.0"))) == "28"
    assert plain(Decimal("0.070")) == "0.07"
