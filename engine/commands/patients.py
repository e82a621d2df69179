"""The patient that a command is about: the case named, with the parameters in force, under the rules in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.cache import load
from engine.commands.terminal import Settings
from engine.errors import Fault, InputError


def rule_base(settings: Settings) -> Any:
    """Return the rule base in use."""
    from engine.compiler import compile_rules

    return compile_rules(load(settings.knowledge, settings.layers))


def parameters_of(settings: Settings) -> Mapping[str, Any]:
    """Return the local parameters of the parameter file, if there is one."""
    from engine.cases import load_parameters

    return load_parameters(settings.parameters) if settings.parameters is not None else {}


def consultation_of(settings: Settings, case: str, name: str | None) -> tuple[Any, Any]:
    """Return the rule base and the consultation of a case."""
    from engine.consultation import consult

    base, findings = findings_of(settings, case, name)
    return base, consult(base, findings)


def findings_of(settings: Settings, case: str, name: str | None) -> tuple[Any, Any]:
    """Return the rule base and the findings of a case."""
    from engine.cases import load_case
    from engine.findings import interpret

    base = rule_base(settings)
    chosen = load_case(case, name)
    parameters = in_force(chosen.parameters, parameters_of(settings))
    return base, interpret(base.knowledge, chosen.findings, parameters)


def in_force(in_case: Mapping[str, Any], set_here: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a case and of a parameter file together; where both set one, they agree."""
    for name in sorted(set(in_case) & set(set_here)):
        if in_case[name].text != set_here[name].text:
            found = f"{name} is {in_case[name].text} in the case, but {set_here[name].text} in the parameter file"
            raise InputError([Fault(found, "Leave one of the two out.", in_case[name].place)])
    return {**in_case, **set_here}
