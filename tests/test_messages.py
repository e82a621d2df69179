"""Every message of a check has an example: a mistake that a test makes, and the words it must give."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import HERE, ROOT

NAMES = "cases checking documents entries findings language loading shapes skeletons soundness sources"
MODULES = [ROOT / "engine" / f"{name}.py" for name in NAMES.split()]
FOUND_AT = {"fault": 0, "fault_at": 0, "Fault": 0, "UnreadableError": 0, "_warning": 3, "_at_digest": 3}
"""What is called to say what was found, and which of its arguments that is."""

NAMES_OF_TEXTS = ("found", "said", "problem", "CUT")


def texts_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


EXAMPLES = "\n".join(
    [path.read_text(encoding="utf-8") for path in sorted((HERE / "broken").rglob("*.yaml"))]
    + [text for path in sorted(HERE.glob("test_*.py")) if path != Path(__file__) for text in texts_in(path)]
)


def messages(path: Path) -> Iterator[str]:
    """Yield a pattern for everything that a module can say it found, with any text in place of a value."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for said in spoken(node):
            if isinstance(said, ast.Constant) and isinstance(said.value, str) and said.value:
                yield re.escape(said.value)
            elif isinstance(said, ast.JoinedStr):
                yield "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+?" for p in said.values)


def spoken(node: ast.AST) -> list[ast.expr]:
    """Return the expressions that say what was found, if a piece of code has any."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in FOUND_AT:
            return args[FOUND_AT[name] : FOUND_AT[name] + 1]
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple(elts=[first, *_])) if name in NAMES_OF_TEXTS:
            return [first]
        case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id="found"), *_])], value=ast.Tuple(elts=[first, *_])):
            return [first]
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.IfExp(body=one, orelse=other)) if name == "found":
            return [one, other]
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMES_OF_TEXTS:
            return [value]
        case ast.Yield(value=ast.Tuple(elts=[first, _, _])):
            return [first]
    return []


MESSAGES = sorted({(path.stem, message) for path in MODULES for message in messages(path)})


def test_the_messages_are_found_in_the_code() -> None:
    assert len(MESSAGES) > 90
    assert ("documents", re.escape("it is empty")) in MESSAGES


@pytest.mark.parametrize(("module", "message"), MESSAGES)
def test_a_message_has_an_example(module: str, message: str) -> None:
    assert re.search(message, EXAMPLES), f"no test makes {module}.py say this"
