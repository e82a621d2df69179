"""Patients and expectations as the YAML of a case file."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

LONGEST = 100
"""Where a line of a case goes on in the next one."""


def case_line(patient: Mapping[str, str]) -> str:
    """Return a patient as a case file of one line, ready for `consult`."""
    return f"findings: {{{', '.join(f'{name}: {word}' for name, word in patient.items())}}}"


def flow(value: Any) -> str:
    """Return data as YAML on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return str(value)


def case_entry(
    name: str, says: str, findings: Mapping[str, str], expect: Mapping[str, Any], parameters: Mapping[str, str]
) -> list[str]:
    """Return the lines of a case under its name, as they can be put into a case file."""
    parts = {"says": says, "findings": findings, "parameters": parameters, "expect": expect}
    lines = [f"{key}: {flow(part)}" for key, part in parts.items() if part or key == "findings"]
    return [f"{name}:", *(below for line in lines for below in _wrapped(line))]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(
        line, LONGEST, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )
