"""The three-valued logic, row by row."""

from __future__ import annotations

from itertools import product

import pytest

from engine.truth import Truth, at_least, from_bool

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN


@pytest.mark.parametrize(("truth", "negated"), [(YES, NO), (NO, YES), (UNKNOWN, UNKNOWN)])
def test_negation_swaps_yes_and_no_and_leaves_unknown(truth: Truth, negated: Truth) -> None:
    assert ~truth is negated


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (YES, YES, YES, YES),
        (YES, NO, NO, YES),
        (YES, UNKNOWN, UNKNOWN, YES),
        (NO, YES, NO, YES),
        (NO, NO, NO, NO),
        (NO, UNKNOWN, NO, UNKNOWN),
        (UNKNOWN, YES, UNKNOWN, YES),
        (UNKNOWN, NO, NO, UNKNOWN),
        (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_all_and_any_of_two(left: Truth, right: Truth, both: Truth, either: Truth) -> None:
    assert at_least(2, [left, right]) is both
    assert at_least(1, [left, right]) is either


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_at_least_is_what_every_completion_agrees_on(needed: int) -> None:
    for truths in product(Truth, repeat=3):
        completions = product(*([YES, NO] if truth is UNKNOWN else [truth] for truth in truths))
        outcomes = {from_bool(list(completion).count(YES) >= needed) for completion in completions}
        assert at_least(needed, truths) is (outcomes.pop() if len(outcomes) == 1 else UNKNOWN)


def test_any_of_nothing_is_no() -> None:
    assert at_least(1, []) is NO


@pytest.mark.parametrize("truth", list(Truth))
def test_a_truth_cannot_be_used_as_a_bool(truth: Truth) -> None:
    with pytest.raises(TypeError, match="unknown must not act as either"):
        bool(truth)
