"""Reading YAML text: nothing is executed, nothing is guessed, nothing hangs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents import DEEPEST, LARGEST, Entries, Listing, Scalar, parse


def faults(content: bytes) -> str:
    return "\n".join(fault.found for fault in parse("file.yaml", content).faults)


def test_every_scalar_is_the_text_that_stands_there() -> None:
    root = parse("f", b"a: no\nb: 2026-01-22\nc: 0x10\nd: null\ne: 1_000\n").root
    assert isinstance(root, Entries)
    texts = [node.text for node in root.values.values() if isinstance(node, Scalar)]
    assert texts == ["no", "2026-01-22", "0x10", "null", "1_000"]


def test_every_node_knows_its_line_and_column() -> None:
    root = parse("f", b"a:\n  - x\n  - y\n").root
    assert isinstance(root, Entries)
    items = root.values["a"]
    assert isinstance(items, Listing)
    assert [(item.line, item.column) for item in items.items] == [(2, 5), (3, 5)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "it is empty"),
        (b"# only a comment\n", "it is empty"),
        (b"\xff\xfe\x00a", "it is not UTF-8 text"),
        (b"a: \x00\n", "binary data"),
        (b"a: 1\na: 2\n", "stands twice"),
        (b"a: &x 1\nb: *x\n", "an alias"),
        (b"a: !!int 1\n", "a tag"),
        (b"? [1, 2]\n: 3\n", "a key that is not text"),
        (b"a: 1\n---\nb: 2\n", "second YAML document"),
        (b"a: [1, 2\n", "this is not YAML"),
        (b"a: \x07\n", "this is not YAML"),
        (b"x" * (LARGEST + 1), "larger than 5 MB"),
        (b"[" * 10_000, f"nested more than {DEEPEST} deep"),
        (b"a: " + b"{b: " * 10_000, f"nested more than {DEEPEST} deep"),
    ],
)
def test_what_cannot_be_used_is_named(content: bytes, found: str) -> None:
    assert found in faults(content)


def test_a_bomb_of_aliases_is_not_followed() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    start = time.perf_counter()
    assert "an alias" in faults("\n".join(lines).encode())
    assert time.perf_counter() - start < 5


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything(content: bytes) -> None:
    document = parse("f", content)
    assert document.faults or document.root is not None


@given(st.text(alphabet=":-[]{}&*!|>'\"#%@`? \n\tab\x00\x85\u2028", max_size=80))
def test_no_text_of_signs_raises_anything(text: str) -> None:
    document = parse("f", text.encode())
    assert document.faults or document.root is not None
