"""JSON Schemas of the files of a knowledge base, made from the very types that the loader uses.

Editors with a YAML language server complete and underline by them. The schema of cases knows the
findings and parameters of the knowledge base.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from engine import forms, model, shapes
from engine.contract import to_json
from engine.entries import RESERVED
from engine.findings import REASONS
from engine.language import NUMBER, accepted, choices
from engine.shapes import Schema

FOLDER = "schemas"

_ENTRIES: Mapping[str, tuple[shapes.Type, shapes.Form]] = {
    "references": (shapes.Whole(), forms.REFERENCE),
    "findings": (forms.NAME, forms.FINDING),
    "concepts": (forms.NAME, forms.CONCEPT),
    "parameters": (forms.NAME, forms.PARAMETER),
    "context": (forms.ID, forms.NOTE),
    "conflicts": (forms.ID, forms.CONFLICT),
}

CONDITION: Schema = {
    "anyOf": [
        {
            "type": "string",
            "pattern": shapes.WRITTEN,
            "description": "a test, such as 'dysphagia' or 'age_years > 65 years'",
        },
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "patternProperties": {
                "^(?:all|any|at least (?!0+ )[0-9]{1,6} of)$": {
                    "type": "array",
                    "items": {"$ref": "#/$defs/condition"},
                    "minItems": 1,
                }
            },
            "additionalProperties": False,
        },
    ]
}


def schemas(knowledge: model.Knowledge) -> dict[str, Schema]:
    """Return the schema of each kind of file, by its name."""
    found = {name: _entries(form.schema(), _key_of(key)) for name, (key, form) in _ENTRIES.items()}
    found["guideline"], found["layer"] = forms.GUIDELINE.schema(), forms.LAYER.schema()
    statement = {"anyOf": [forms.statement_form(model.KINDS).schema(), forms.NOT_ENCODED.schema()]}
    found["statements"] = _entries(statement, _key_of(forms.ID))
    found["cases"] = _cases(knowledge)
    return {name: _document(name, schema) for name, schema in sorted(found.items())}


def file_name(name: str) -> str:
    """Return the file name of a schema."""
    return f"{name}.schema.json"


def texts(knowledge: model.Knowledge) -> dict[str, str]:
    """Return the text of each schema file, by file name; with a layer, of the one that knows its findings."""
    found = schemas(knowledge)
    names = ["cases"] if knowledge.layers else list(found)
    return {file_name(name): to_json(found[name]) for name in names}


def stale(knowledge: model.Knowledge, folder: Path) -> list[str]:
    """Return the schema files of a folder that are not what the knowledge base would have them."""
    there = folder / FOLDER
    if not there.is_dir():
        return []
    return [
        name
        for name, text in texts(knowledge).items()
        if not (there / name).is_file() or (there / name).read_bytes() != text.encode()
    ]


def _document(name: str, schema: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"ivig-mg {name}",
        **schema,
        "$defs": {"condition": CONDITION},
    }


def _entries(schema: Schema, key: str) -> Schema:
    return {"type": "object", "patternProperties": {f"^(?:{key})$": schema}, "additionalProperties": False}


def _key_of(key: shapes.Type) -> str:
    """Return what the names of entries match: no word of the language of tests, except for references."""
    if not isinstance(key, shapes.Pattern):
        return f"[0-9]{{1,6}}|{forms.ID.regex}"
    return f"(?!(?:{'|'.join(sorted(RESERVED))})$){key.regex}"


def _cases(knowledge: model.Knowledge) -> Schema:
    """Return the schema of a case, or of several by name, with the findings that there are."""
    case = forms.CASE.schema()
    case["properties"]["findings"] = _named({f.name: _finding(f) for f in knowledge.findings.values()})
    case["properties"]["parameters"] = _named({name: shapes.Prose().schema() for name in knowledge.parameters})
    return {"anyOf": [case, {"type": "object", "additionalProperties": case, "minProperties": 1}]}


def _named(properties: Mapping[str, Schema]) -> Schema:
    return {"type": ["object", "null"], "properties": dict(properties), "additionalProperties": False}


def _finding(finding: model.Finding) -> Schema:
    described = {"description": f"{finding.asks} ({accepted(finding)})"}
    if finding.is_number:
        unit = rf"(?:\s*{re.escape(finding.unit)})?" if finding.unit else ""
        return {
            "type": ["number", "string"],
            "pattern": rf"^(?:{NUMBER.pattern}{unit}|{'|'.join(REASONS)})$",
            **described,
        }
    return {"enum": [*choices(finding), *REASONS], **described}
