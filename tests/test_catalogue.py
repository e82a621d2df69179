"""What stands under a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.catalogue import describe, index, names
from engine.errors import InputError
from engine.model import Knowledge
from engine.rendering.catalogue import in_words, render_entry, render_index
from engine.rules import rule_tree


def test_everything_can_be_shown(knowledge: Knowledge) -> None:
    for name in names(knowledge):
        data = describe(knowledge, name)
        assert data["says"]
        assert " ".join(render_entry(data).split()).startswith(f"{name} ({data['is']}")


def test_a_statement_says_where_it_stands_and_on_what(knowledge: Knowledge) -> None:
    data = describe(knowledge, "S34")
    assert data["source"]["locator"] == "B1.3"
    assert data["source"]["bullet"] == 3
    assert len(data["source"]["digest"]) == 64
    assert [reference["number"] for reference in data["references"]] == [1]
    assert data["rests_on"] == ["diagnosis", "ivig_under_consideration", "iga_status"]
    assert data["in_conflicts"] == ["A28"]
    assert data["notes"] == ["C13"]


def test_what_rests_on_a_finding_is_listed(knowledge: Knowledge) -> None:
    assert describe(knowledge, "medically_controlled")["used_by"] == ["S37"]
    assert describe(knowledge, "graded")["used_by"] == ["grade"]
    assert describe(knowledge, "dysphagia")["used_by"] == ["S03", "S26"]


def test_what_a_dose_and_a_requirement_rest_on_is_listed(knowledge: Knowledge) -> None:
    assert "actual_weight_kg" in describe(knowledge, "S57")["rests_on"]
    assert {"S29", "S59", "A08"} <= set(describe(knowledge, "ideal_weight_kg")["used_by"])
    assert "medically_controlled" in describe(knowledge, "S37")["rests_on"]
    assert describe(knowledge, "S07")["regimen"] == "2 g/kg over 5 days, 0.4 g/kg a day, weight not stated"
    assert describe(knowledge, "sex")["serves_parameters"] == ["ideal_weight_formula"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("S18", "How old is the patient? Above 65 years (age_years > 65 years)"),
        ("S18", "What is the diagnosis? Myasthenia gravis (diagnosis is myasthenia_gravis)"),
        ("S18", "Holds: The source supports IVIG, by an indication or by a role (ivig_supported)"),
        ("S14", "Is plasma exchange feasible here and now? No (not plasma_exchange_feasible)"),
        ("S59", "Does a regimen that applies give a dose above 80 g? Yes (any dose > 80 g)"),
        ("A08", "Does a regimen that applies give a dose at 1 g/kg above 80 g? Yes (any dose at 1 g/kg > 80 g)"),
        ("grade", "in the way treatment toxicities are graded? Yes (graded)"),
    ],
)
def test_a_rule_is_said_in_words_with_each_test_beside_them(knowledge: Knowledge, name: str, line: str) -> None:
    assert line in " ".join(render_entry(describe(knowledge, name)).split())


def test_every_test_of_every_rule_has_its_words(knowledge: Knowledge) -> None:
    def tests(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from (found for part in tree["of"] for found in tests(part)) if "of" in tree else (tree,)

    for condition in knowledge.rules.values():
        for test in tests(rule_tree(condition, knowledge)):
            assert "about" in test or test["test"].startswith("any dose")
            words = test["says"] if "says" in test else test["asks"]
            assert in_words(test).strip(" ?.") != words.strip(" ?.")


def test_a_place_in_the_source_can_be_looked_up(knowledge: Knowledge) -> None:
    assert describe(knowledge, "b1.1")["statements"] == ["S26", "S27", "S28", "S29", "S30", "S31"]


def test_a_topic_that_the_source_does_not_cover_says_so(knowledge: Knowledge) -> None:
    assert describe(knowledge, "pregnancy")["says"] == "The source makes no statement on pregnancy."


def test_a_reference_the_source_does_not_list_says_so(knowledge: Knowledge) -> None:
    data = describe(knowledge, "6")
    assert "lists no entry" in data["says"]
    assert data["cited_by"] == ["S46", "S47"]


@pytest.mark.parametrize("name", ["s12", "S12", "a01", "[3]", "c11", "A2", "SEVERE_MG"])
def test_a_name_is_found_in_any_case(knowledge: Knowledge, name: str) -> None:
    assert describe(knowledge, name)["name"] in names(knowledge)


def test_a_wrong_name_gets_the_nearest_ones(knowledge: Knowledge) -> None:
    with pytest.raises(InputError, match="Did you mean dysphagia"):
        describe(knowledge, "dysfagia")


def test_the_index_has_every_name(knowledge: Knowledge) -> None:
    listed = [entry["name"] for entries in index(knowledge).values() for entry in entries]
    assert sorted(listed) == sorted(names(knowledge))
    assert "S01" in render_index(index(knowledge))
