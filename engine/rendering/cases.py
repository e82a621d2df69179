"""Patients and expectations as the YAML of a case file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
