"""The schemas for editors say the same as the loader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from engine.loading import SHIPPED, load
from engine.schemas import FOLDER, schemas, texts
from tests.conftest import BASE, HERE

LAYER = SHIPPED / "layers" / "product_label"
FILES = sorted(SHIPPED.rglob("*.yaml"))
SCHEMAS = {name: Draft202012Validator(schema) for name, schema in schemas(BASE.knowledge).items()}

FORM_FAULTS = (
    "key_missing",
    "key_twice",
    "unknown_key",
    "unknown_kind",
    "finding_of_an_unknown_type",
    "statement_as_a_text",
    "statements_as_a_list",
    "regimen_in_milligrams",
    "source_unreadable",
    "course_that_cannot_be_read",
    "references_are_no_list",
    "condition_is_a_list",
    "gate_with_a_wrong_word",
    "gate_with_nothing_below",
)
"""Broken files whose fault is one of form, which a schema can see."""


def kind_of(path: Path) -> str:
    return path.parent.name if path.parent.name in ("statements", "cases") else path.stem


def content(path: Path) -> Any:
    """Return a file as an editor reads it (YAML 1.2)."""
    yaml = YAML(typ="safe")
    yaml.version = (1, 2)
    return json.loads(json.dumps(yaml.load(path.read_text(encoding="utf-8")), default=str))


def validator(path: Path) -> Draft202012Validator:
    if LAYER in path.parents and kind_of(path) == "cases":
        return Draft202012Validator(schemas(load(SHIPPED, [LAYER]))["cases"])
    return SCHEMAS[kind_of(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SHIPPED)))
def test_every_shipped_file_is_as_its_schema_says(path: Path) -> None:
    assert [error.message for error in validator(path).iter_errors(content(path))] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SHIPPED)))
def test_every_shipped_file_names_its_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named is not None
    schema = (path.parent / named[1]).resolve()
    assert schema.is_file()
    assert schema.name == f"{kind_of(path)}.schema.json"


@pytest.mark.parametrize("layers", [(), (LAYER,)])
def test_the_schema_files_are_those_that_the_types_give(layers: tuple[Path, ...]) -> None:
    folder = (layers[-1] if layers else SHIPPED) / FOLDER
    for name, text in texts(load(SHIPPED, layers)).items():
        assert (folder / name).read_text(encoding="utf-8") == text, "run 'ivig-mg knowledge schema'"


@pytest.mark.parametrize("name", FORM_FAULTS)
def test_a_fault_of_form_that_the_loader_names_is_one_for_the_schema_too(name: str, tmp_path: Path) -> None:
    path = HERE / "broken" / "knowledge" / f"{name}.yaml"
    place = tmp_path / path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# file: ")
    place.parent.mkdir(exist_ok=True)
    place.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    try:
        data = content(place)
    except YAMLError:
        return  # an editor underlines what is no YAML by itself
    assert list(SCHEMAS[kind_of(place)].iter_errors(data)), name


def test_the_schema_of_cases_knows_the_findings_and_their_values() -> None:
    good = {"findings": {"diagnosis": "myasthenia_gravis", "age_years": 65, "dysphagia": "pending"}}
    assert SCHEMAS["cases"].is_valid(good)
    assert not SCHEMAS["cases"].is_valid({"findings": {"disphagia": "yes"}})
    assert not SCHEMAS["cases"].is_valid({"findings": {"dysphagia": "maybe"}})
