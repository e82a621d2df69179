"""Files are written whole or not at all, and never over another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.files import write_new


def test_a_new_file_holds_the_text(tmp_path: Path) -> None:
    assert write_new(tmp_path / "new", "grüße\n").read_text(encoding="utf-8") == "grüße\n"
    assert os.listdir(tmp_path) == ["new"]


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.write_text("precious")
    with pytest.raises(InputError, match="there already"):
        write_new(target, "other")
    assert target.read_text() == "precious"
    assert os.listdir(tmp_path) == ["mine"]


def test_a_name_taken_in_the_meantime_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "mine"
    link = os.link

    def taken_first(source: str, destination: str) -> None:
        Path(destination).write_text("precious")
        link(source, destination)

    monkeypatch.setattr("engine.files.os.link", taken_first)
    with pytest.raises(InputError, match="there already"):
        write_new(target, "other")
    assert target.read_text() == "precious"
    assert os.listdir(tmp_path) == ["mine"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        write_new(tmp_path / "nowhere" / "new", "text")


def test_a_full_disk_leaves_nothing_behind() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here to stand for a full disk")
    with pytest.raises(InputError):
        write_new("/dev/full", "text")
