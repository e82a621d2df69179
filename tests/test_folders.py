"""Folders that are published: again and again over themselves, never over anything else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.folders import LIST, publish

FIRST = {"index.html": "one", "old.html": "gone later"}
SECOND = {"index.html": "two", "new.html": "new"}


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name != LIST}


def test_what_was_published_is_replaced_whole(tmp_path: Path) -> None:
    publish(tmp_path / "book", FIRST)
    publish(tmp_path / "book", SECOND)
    assert held(tmp_path / "book") == SECOND


def test_everybody_who_may_enter_the_folder_may_read_the_pages(tmp_path: Path) -> None:
    publish(tmp_path / "book", FIRST)
    (tmp_path / "plain").write_text("", encoding="utf-8")
    assert (tmp_path / "book" / "index.html").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum here")
def test_its_list_is_checked_by_sha256sum(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    check = ["sha256sum", "--check", "--strict", LIST]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "old.html").write_text("changed", encoding="utf-8")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("notes.txt", "holds something already that is no handbook: 'notes.txt'"),
        ("index.html", "'index.html' was changed after it was written"),
    ],
)
def test_a_page_changed_by_hand_or_a_file_of_somebody_else_is_kept(tmp_path: Path, file: str, found: str) -> None:
    publish(tmp_path, FIRST)
    (tmp_path / file).write_text("mine", encoding="utf-8")
    before = held(tmp_path)
    with pytest.raises(InputError, match=found):
        publish(tmp_path, SECOND)
    assert held(tmp_path) == before


def test_a_folder_with_a_list_of_another_program_is_kept(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    lines = (tmp_path / LIST).read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / LIST).write_text("".join(lines[1:]), encoding="utf-8")
    with pytest.raises(InputError, match="no handbook"):
        publish(tmp_path, SECOND)
    assert held(tmp_path) == FIRST


@pytest.mark.parametrize("steps", range(5))
def test_after_an_interruption_every_page_is_whole_and_it_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    publish(tmp_path, FIRST)
    done: list[Path] = []
    replace = Path.replace

    def interrupted(path: Path, target: Path) -> Path:
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(path)
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupted)
        patched.setattr(shutil, "rmtree", lambda path, ignore_errors: None)  # as if killed
        try:
            publish(tmp_path, SECOND)
        except KeyboardInterrupt:
            assert len(done) == steps
    left = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")}
    assert left.items() <= {*FIRST.items(), *SECOND.items()}
    publish(tmp_path, SECOND)
    assert held(tmp_path) == SECOND
