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
    with pytest.raises(InputError, match="cannot be written: there is no such folder"):
        write_new(tmp_path / "nowhere" / "new", "text")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_new(tmp_path / "new", "text")
    assert os.listdir(tmp_path) == []


def test_where_there_are_no_links_the_name_is_taken_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "mine"

    def no_links(source: str, destination: str) -> None:
        target.write_text("precious")  # taken in the meantime
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("engine.files.os.link", no_links)
    with pytest.raises(InputError, match="there already"):
        write_new(target, "other")
    assert target.read_text() == "precious"
    monkeypatch.setattr("engine.files.os.link", lambda source, destination: os.stat("/nowhere/at/all"))
    assert write_new(tmp_path / "other", "text").read_text() == "text"
    assert sorted(os.listdir(tmp_path)) == ["mine", "other"]


@pytest.mark.parametrize("name", ["~nobody_of_that_name/x", "a\0b", "x" * 300])
def test_a_name_that_cannot_be_one_is_an_error_with_a_remedy(name: str) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_new(name, "text")
