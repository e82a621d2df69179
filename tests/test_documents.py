"""Reading YAML text: nothing is executed, nothing is guessed, nothing hangs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents import CUT, DEEPEST, LARGEST, Entries, Listing, Scalar, parse, read


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
        (b"a: \x00\n", "it holds binary data where YAML text was expected"),
        (b"a: 1\na: 2\n", "stands twice"),
        (b"a: &x 1\nb: *x\n", "an alias"),
        (b"a: !!int 1\n", "a tag"),
        (b"? [1, 2]\n: 3\n", "a key that is not text"),
        (b"a: 1\n---\nb: 2\n", "second YAML document"),
        (b"a: [1, 2\n", "this is not YAML"),
        (b"a: \x07\n", "this is not YAML"),
        (b"x" * (LARGEST + 1), "larger than 5 MB"),
        (b"[" * 10_000, "this is not YAML: it is nested more than 24 deep"),
        (b"a: " + b"{b: " * 10_000, f"nested more than {DEEPEST} deep"),
    ],
)
def test_what_cannot_be_used_is_named(content: bytes, found: str) -> None:
    assert found in faults(content)


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b'a: "open\nb: 3\n', 1, "this is not YAML: found unexpected end of stream"),
        (b"a: [1, 2\nb: 3\n", 1, "this is not YAML: did not find expected ',' or ']'"),
        (b"a: {b: 1\nc: 2\n", 1, "this is not YAML: did not find expected ',' or '}'"),
        (b"a:\n  b: 1\n  c\nd: 3\n", 3, "this is not YAML: could not find expected ':'"),
        (b"a:\n  b: Give # 2\n    and more\n", 2, CUT[0]),
        (b"# none\n{}\n\nS1:\n  b: c\n", 4, "an entry below '{}', which says that there is none"),
        (b"a:\n\tb: 1\n", 2, "a tab, which YAML takes for no indentation"),
        (b"a:\n  b: 1\n \tc: 2\n", 3, "a tab, which YAML takes for no indentation"),
    ],
)
def test_a_mistake_is_named_on_the_line_that_has_it(content: bytes, line: int, found: str) -> None:
    [fault] = parse("file.yaml", content).faults
    assert fault.found == found
    assert fault.place is not None
    assert fault.place.line == line


@pytest.mark.parametrize(
    ("content", "cut"),
    [
        ("a: é first # more", (1, 12)),
        ("a: one\n  two # more", (2, 7)),
        ("a: [one # more\n  , two]", None),
        ("a: 'one' # more", None),
        ("a: |\n  one # more", None),
        ("a: one#more", None),
        ("a: one\n# more", None),
        ("a: # more\n  one", None),
    ],
)
def test_a_text_knows_the_comment_that_cuts_it_off(content: str, cut: tuple[int, int] | None) -> None:
    root = parse("f", content.encode()).root
    assert isinstance(root, Entries)
    value = root.values["a"]
    assert (value.cut if isinstance(value, Scalar) else None) == cut


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("S1:\n  says: x\nS2: {}\n", ["S1", "S2"]),
        ("S1:\n  says: a: b\n'S2':\n# S3:\n  S4:\nS5:x\n", ["S1", "S2"]),
        ("[S1]\n", []),
        ("", []),
    ],
)
def test_the_names_of_a_file_are_read_even_where_it_is_not_yaml(content: str, names: list[str]) -> None:
    assert parse("f", content.encode()).names() == names


def test_what_is_no_file_or_no_name_of_one_is_named(tmp_path: Path) -> None:
    assert [fault.found for fault in read(tmp_path).faults] == ["this is a directory where a file was expected"]
    assert [fault.found for fault in read("a\0b").faults] == ["it cannot be read: embedded null byte"]


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
