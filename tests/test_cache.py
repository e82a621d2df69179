"""Knowledge that is kept: the same as what is read, or it is read."""

from __future__ import annotations

import ast
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cli import main
from engine import cache, loading
from engine.errors import InputError, KnowledgeError
from engine.model import Knowledge
from engine.snapshots import snapshot_of
from tests.bases import changed, copied
from tests.conftest import ROOT
from tests.random_knowledge import knowledge_bases
from tests.test_architecture import ORDER

LABEL = loading.SHIPPED / "layers" / "product_label"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is kept, of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    return tmp_path / "kept" / "ivig-mg" / "knowledge"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the shipped base."""
    return copied(tmp_path / "base")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were read, each time one was."""
    found: list[Path] = []
    honest = loading.load

    def load(folder: Path = loading.SHIPPED, layers: tuple[Path, ...] = ()) -> Knowledge:
        found.append(folder)
        return honest(folder, layers)

    monkeypatch.setattr(loading, "load", load)
    return found


@pytest.mark.parametrize("layers", [(), (LABEL,)], ids=["base", "layer"])
def test_what_was_kept_is_what_was_read(place: Path, reads: list[Path], layers: tuple[Path, ...]) -> None:
    first = cache.load(loading.SHIPPED, layers)
    assert cache.load(loading.SHIPPED, layers) == first == loading.load(loading.SHIPPED, layers)
    assert len(reads) == 2  # the first, and the one to compare with


@given(knowledge_bases())
def test_any_knowledge_comes_back_as_it_was(knowledge: Knowledge) -> None:
    named = replace(knowledge, digest=loading.digest(knowledge))
    back = cache.unpacked(cache.packed(named))
    assert back == named
    assert [list(kind) for kind in (back.findings, back.rules)] == [list(named.findings), list(named.rules)]


def test_knowledge_under_another_digest_than_its_own_is_not_taken(knowledge: Knowledge) -> None:
    assert cache.unpacked(cache.packed(replace(knowledge, digest="0" * 64))) is None


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x92\xa1a\x91\xa3exe", b"\x92\xa1a" + b"\x91" * 3000])
def test_whole_bytes_that_are_no_knowledge_are_not_taken(content: bytes) -> None:
    assert cache.unpacked(hashlib.sha256(content).digest() + content) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_no_changed_byte_changes_an_answer(place: Path, knowledge: Knowledge, at: float, flip: int) -> None:
    cache.load()
    (kept,) = place.iterdir()
    content = bytearray(kept.read_bytes())
    content[int(at * len(content))] ^= flip
    kept.write_bytes(content)
    assert cache.unpacked(bytes(content)) is None
    assert cache.load() == knowledge
    assert cache.unpacked(kept.read_bytes()) == knowledge  # and it is mended


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b""), lambda path: (path.unlink(), path.mkdir())])
def test_a_command_answers_alike_over_what_is_damaged(place: Path, damage: Callable[[Path], object]) -> None:
    command = ["consult", "examples/crisis.yaml"]
    answer = CliRunner().invoke(main, command).output
    damage(*place.iterdir())
    assert CliRunner().invoke(main, command).output == answer


@pytest.mark.parametrize("file", ["guideline.yaml", "findings.yaml", "statements/crisis.yaml"])
def test_any_change_of_a_file_is_read(place: Path, base: Path, reads: list[Path], file: str) -> None:
    cache.load(base)
    path = base / file
    before = path.stat()
    path.write_bytes(path.read_bytes() + b"#")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    cache.load(base)
    assert len(reads) == 2


def test_a_changed_word_is_in_the_answer(place: Path, base: Path) -> None:
    cache.load(base)
    changed(base, "guideline.yaml", "in myasthenia gravis (MG)", "in another disease")
    assert cache.load(base).guideline.title.endswith("in another disease")


def test_a_file_that_would_not_be_read_is_named_as_before(place: Path, base: Path) -> None:
    cache.load(base)
    (base / "more").mkdir()
    (base / "more" / "statements.yml").write_text("{}", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="this file is not read"):
        cache.load(base)


def test_a_file_whose_name_is_no_text_is_no_hindrance(base: Path, place: Path) -> None:
    (base / "cases" / os.fsdecode(b"\xff.yaml")).write_text("{}", encoding="utf-8")
    assert cache.load(base) == loading.load(base)


def test_knowledge_with_a_fault_is_not_kept(place: Path, base: Path) -> None:
    (base / "findings.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(KnowledgeError):
        cache.load(base)
    assert not list(place.iterdir())


def test_what_changes_while_it_is_read_is_not_kept(place: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = loading.load

    def load(folder: Path, layers: tuple[Path, ...]) -> Knowledge:
        text = (base / "guideline.yaml").read_bytes()
        changed(base, "guideline.yaml", "in myasthenia gravis (MG)", "in another disease")
        knowledge = honest(folder, layers)
        (base / "guideline.yaml").write_bytes(text)
        return knowledge

    monkeypatch.setattr(loading, "load", load)
    cache.load(base)
    assert not list(place.iterdir())


def test_it_is_its_owner_s_alone(place: Path) -> None:
    cache.load()
    (kept,) = place.iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place, kept)] == [0o700, 0o600]


@pytest.mark.parametrize("which", ["folder", "file"])
def test_what_others_can_write_is_not_taken(place: Path, reads: list[Path], which: str) -> None:
    cache.load()
    (place if which == "folder" else next(place.iterdir())).chmod(0o777)
    cache.load()
    assert len(reads) == 2


def test_it_is_in_the_cache_folder_of_the_home_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    cache.load()
    assert list((tmp_path / ".cache" / "ivig-mg" / "knowledge").iterdir())


def test_it_can_be_turned_off(place: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.OFF, "1")
    cache.load()
    cache.load()
    assert len(reads) == 2
    assert not place.exists()


@pytest.mark.parametrize("home", ["file/below", "relative"])
def test_without_a_place_for_it_the_files_are_read(
    tmp_path: Path, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home) if home != "relative" else home)
    assert cache.load() == knowledge
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_only_the_latest_are_kept(place: Path, base: Path) -> None:
    for number in range(cache.MOST_KEPT + 3):
        (base / "cases" / f"more_{number}.yaml").write_text("{}", encoding="utf-8")
        cache.load(base)
    assert len(list(place.iterdir())) == cache.MOST_KEPT


def test_eight_at_once_answer_alike_and_leave_one_whole_file(place: Path, knowledge: Knowledge) -> None:
    command = [sys.executable, "-c", "from engine.cache import load; print(load().digest)"]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    assert {process.communicate()[0] for process in started} == {f"{knowledge.digest}\n"}
    (kept,) = place.iterdir()
    assert cache.unpacked(kept.read_bytes()) == knowledge


def test_commands_that_check_files_neither_take_nor_keep(place: Path) -> None:
    assert CliRunner().invoke(main, ["knowledge", "check"]).exit_code == 0
    assert not place.exists()


def test_what_was_kept_is_not_recorded_where_the_files_say_otherwise(place: Path, base: Path) -> None:
    cache.load(base)
    kept = cache.load(base)
    changed(base, "guideline.yaml", "in myasthenia gravis (MG)", "in another disease")
    with pytest.raises(InputError, match="was changed while it was in use"):
        snapshot_of(kept, base, ())


def test_every_module_that_decides_what_is_read_is_part_of_the_key() -> None:
    found, waiting = set[str](), ["loading"]
    while waiting:
        name = waiting.pop()
        found.add(name)
        tree = ast.parse((ROOT / "engine" / f"{name}.py").read_text(encoding="utf-8"))
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        named = {alias.name for node in froms if node.module == "engine" for alias in node.names}
        named |= {(node.module or "").removeprefix("engine.") for node in froms if node.module != "engine"}
        waiting += named & set(ORDER) - found
    assert found == set(cache.READERS)
