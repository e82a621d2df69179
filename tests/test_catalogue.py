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
        assert render_entry(data).startswith(f"{name} ({data['is']}")


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
