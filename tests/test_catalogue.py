"""What stands under a name."""

from __future__ import annotations

import pytest

from engine.catalogue import describe, index, names
from engine.errors import InputError
from engine.model import Knowledge
from engine.rendering.catalogue import render_entry, render_index


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
