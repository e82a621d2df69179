"""The schemas for editors say the same as the loader."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from engine import forms
from engine.documents import Entries, parse
from engine.entries import Conditions, Doubt
from engine.errors import InputError
from engine.findings import Given, interpret
from engine.language import Vocabulary
from engine.loading import SHIPPED, load, read_all
from engine.model import KINDS, Finding
from engine.schemas import CONDITION, FOLDER, schemas, texts
from engine.shapes import MISSING, Anything, Form, ListOf, MapOf, Type
from tests.bases import added
from tests.conftest import BASE, HERE

LAYER = SHIPPED / "layers" / "product_label"
FILES = sorted(SHIPPED.rglob("*.yaml"))
YAML_12 = YAML(typ="safe")
YAML_12.version = (1, 2)
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
    return json.loads(json.dumps(YAML_12.load(path.read_text(encoding="utf-8")), default=str))


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


TEXTS = (
    "fever", "Fever", "two words", "indication", "yes", "yes/no", "'???'", "???", "''", "' '", "12", "-3",
    "0.5", "2 g/kg", "2  g/kg", "2g/kg", "2 g", "1 to 2", "1 to 2 g/kg", "1 g/kg to 2 g/kg", "1-2", "0.4 g/kg",
    "5 days",
    "1 to 2 days", "after 12 to 15 days", "before", "50 kg", "60 inches", "A1.2", "L", "a1.2", "not held", "'12'",
    "a" * 64, "[]", "[fever]", "[1, US1]", "['???']", "['']", "[yes, 12]", "[[S1], [S2]]", "[[]]", "{}", "{a: fever}",
    "{a: yes}", "{a: [1]}", "{'???': yes}", "{a: '???'}", "{a: 2 kg}", "{what: This, reason: That}",
)  # fmt: skip
"""What an author may write for any value; a bare true or null is a text to the loader and none to an editor."""


def types_of(form: Form) -> Iterator[tuple[str, Type]]:
    """Yield the types of a form's values, and of what stands in them."""
    for name, key in form.keys.items():
        inner = key.type
        while isinstance(inner, ListOf | MapOf):
            yield f"{form.name}: {name}", inner
            inner = inner.type
        if isinstance(inner, Form):
            yield from types_of(inner)
        elif not isinstance(inner, Anything):  # a condition and a patient are read later, by their names
            yield f"{form.name}: {name}", inner


FORMS = [form for form in vars(forms).values() if isinstance(form, Form)]
TYPES = {repr(type_): (name, type_) for form in [*FORMS, forms.statement_form(KINDS)] for name, type_ in types_of(form)}


@pytest.mark.parametrize(("name", "type_"), TYPES.values(), ids=[name for name, _ in TYPES.values()])
def test_what_the_loader_reads_is_what_the_schema_takes_and_nothing_else(name: str, type_: Type) -> None:
    schema = Draft202012Validator(type_.schema())
    for text in TEXTS:
        document = parse("file", f"value: {text}\n".encode())
        assert isinstance(document.root, Entries)
        value = type_.read(document.root.values["value"], document)
        is_read = value is not MISSING and not document.faults
        assert schema.is_valid(YAML_12.load(text)) == is_read, f"{name}: {text}"


@pytest.mark.parametrize(
    "test", ["fever", "{all: [fever, ill]}", "{at least 1 of: [fever, ill]}", "{any: [{all: [ill]}, fever]}"]
)
def test_a_condition_to_the_loader_is_one_to_the_schema(test: str) -> None:
    assert taken_as_a_condition(test) == (True, True)


@pytest.mark.parametrize(
    "test",
    [
        "???",
        "''",
        "[fever]",
        "{all: fever}",
        "{all: []}",
        "{every: [fever]}",
        "{all: ['???']}",
        "{any: [[fever]]}",
        "{at least 0 of: [fever]}",
        "{all: [fever], any: [ill]}",
        "{}",
        "{any: }",
    ],
)
def test_no_condition_to_the_loader_is_none_to_the_schema(test: str) -> None:
    assert taken_as_a_condition(test) == (False, False)


def taken_as_a_condition(text: str) -> tuple[bool, bool]:
    """Return whether the loader and the schema take a condition."""
    document = parse("file", f"value: {text}\n".encode())
    assert isinstance(document.root, Entries)
    fever = Finding("fever", "Is there fever?", "yes/no")
    Conditions(Vocabulary({"fever": fever}, {"ill"}), Doubt()).node(document.root.values["value"], document)
    schema = Draft202012Validator({"$ref": "#/$defs/condition", "$defs": {"condition": CONDITION}})
    return not document.faults, schema.is_valid(YAML_12.load(text))


@pytest.mark.parametrize(("name", "is_one"), [("hot", True), ("any", False), ("unknown", False), ("Hot", False)])
def test_what_the_loader_takes_as_a_name_the_schema_takes_too(name: str, is_one: bool, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(HERE / "small_base", tmp_path / "base"))
    added(folder, "concepts.yaml", f"{name}:\n  says: Hot.\n  when: temperature_c > 39 °C\n")
    assert (not read_all(folder).faults) == is_one
    assert SCHEMAS["concepts"].is_valid(content(folder / "concepts.yaml")) == is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("65", True),
        ("65 years", True),
        ("65years", True),
        ("unknown", True),
        ("not asked", True),
        ("???", False),
        ("sixty", False),
        ("65 months", False),
        ("6,5", False),
        ("", False),
    ],
)
def test_a_number_that_a_case_may_give_is_one_for_the_schema(text: str, is_one: bool) -> None:
    assert SCHEMAS["cases"].is_valid({"findings": {"age_years": text}}) == is_one
    if is_one:
        interpret(BASE.knowledge, {"age_years": Given(text)})
    else:
        with pytest.raises(InputError):
            interpret(BASE.knowledge, {"age_years": Given(text)})


def test_the_schema_of_cases_knows_the_findings_and_their_values() -> None:
    good = {"findings": {"diagnosis": "myasthenia_gravis", "age_years": 65, "dysphagia": "pending"}}
    assert SCHEMAS["cases"].is_valid(good)
    assert not SCHEMAS["cases"].is_valid({"findings": {"disphagia": "yes"}})
    assert not SCHEMAS["cases"].is_valid({"findings": {"dysphagia": "maybe"}})
