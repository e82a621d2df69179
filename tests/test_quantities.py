"""Amounts in other units: exact factors, and only where the unit is written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.quantities import FACTORS, convert


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("154 lb", "kg", "69.85"),  # 154 × 0.45359237 = 69.85322498
        ("154 LBS", "kg", "69.85"),
        ("11 st 3 lb", "kg", "71.21"),  # 11 × 6.35029318 + 3 × 0.45359237 = 71.21400209
        ("70000 g", "kg", "70"),
        ("5 ft 4 in", "cm", "162.6"),
        ("5'4\"", "cm", "162.6"),
        ("1.63 m", "cm", "163"),
        ("1630 mm", "cm", "163"),
        ("7 mg/dl", "g/L", "0.07"),
        ("0.7 g/dL", "g/L", "7"),
        ("70 mg/L", "g/L", "0.07"),
        ("25 g", "kg", "0.03"),
        ("5′4″", "cm", "162.6"),
    ],
)
def test_an_amount_in_another_unit_is_converted(text: str, unit: str, value: str) -> None:
    converted = convert(text, unit)
    assert converted is not None
    assert converted.value == Decimal(value)
    assert str(converted) == f"{' '.join(text.split())} is {value} {unit}"


@pytest.mark.parametrize("text", ["70", "70 kgg", "4 in 5 ft", "5 ft 4", "5 ft 4 ft", "lb", "-3 lb", ""])
def test_what_is_no_amount_in_another_unit_is_not_converted(text: str) -> None:
    assert convert(text, "kg") is None
    assert convert(text, "years") is None


@given(st.decimals("1", "800", places=1))
def test_pounds_and_back_differ_by_less_than_the_rounding(pounds: Decimal) -> None:
    converted = convert(f"{pounds} lb", "kg")
    assert converted is not None
    assert abs(converted.value - pounds * Decimal("0.45359237")) <= Decimal("0.005")


def test_factors_are_exact() -> None:
    assert FACTORS["kg"]["lb"] == Decimal("0.45359237")
    assert FACTORS["kg"]["st"] == 14 * FACTORS["kg"]["lb"]
    assert FACTORS["cm"]["ft"] == 12 * FACTORS["cm"]["in"] == Decimal("30.48")
