"""Beginning something: skeletons that say what is missing, and a base that passes from the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checking import check
from engine.errors import InputError
from engine.loading import load
from engine.skeletons import BASE, add_skeleton, begin_base
from tests.test_cli import failed, ivig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A base just begun."""
    begin_base(tmp_path / "base")
    return tmp_path / "base"


def test_a_new_base_is_sound_and_its_cases_pass(folder: Path) -> None:
    report = check(folder)
    assert not report.faults
    assert [warning.found for warning in report.warnings] == ["A1.1: the digest is a placeholder"]
    done = ivig("knowledge", "test", str(folder))
    assert done.returncode == 0, done.stdout
    assert "3 cases, none failing." in done.stdout


def test_a_folder_that_holds_something_is_left_alone(folder: Path) -> None:
    with pytest.raises(InputError, match="holds something already"):
        begin_base(folder)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.yaml")) == sorted(BASE)


@pytest.mark.parametrize("kind", ["statement", "finding", "concept", "conflict", "case"])
def test_a_skeleton_goes_into_the_right_file_and_the_check_says_what_is_missing(folder: Path, kind: str) -> None:
    place = add_skeleton(folder, load(folder), kind, None)
    lines = Path(place.file).read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines[(place.line or 1) - 1 :] if not line.startswith("#"))
    assert first in ("S02:", "new_finding_1:", "new_concept_1:", "A01:", "new_case_1:")
    faults = check(folder).faults
    assert faults
    assert all(fault.place is not None and fault.place.file == place.file for fault in faults)
    assert any("???" in fault.found for fault in faults)


def test_a_skeleton_that_was_filled_in_is_sound(folder: Path) -> None:
    place = add_skeleton(folder, load(folder), "statement", None)
    path = Path(place.file)
    text = path.read_text(encoding="utf-8")
    text = text.replace("says: ???", "says: Watch the patient.").replace("kind: ???", "kind: monitoring")
    text = text.replace("source: ???", "source: A1.1").replace("['???']", "[1]").replace("when: ???", "when: ill")
    path.write_text(text, encoding="utf-8")
    assert [warning.found for warning in check(folder).warnings] == [
        "S02: no case expects anything of it",
        "A1.1: the digest is a placeholder",
    ]


def test_where_there_are_several_files_one_has_to_be_chosen() -> None:
    error = failed(ivig("knowledge", "new", "statement", "knowledge"))
    assert "Choose one with '--file NAME'" in " ".join(error.split())


def test_what_was_begun_twice_gets_two_names(folder: Path) -> None:
    add_skeleton(folder, load(folder), "case", None)
    text = (folder / "cases" / "first.yaml").read_text(encoding="utf-8")
    assert "new_case_1:" in text
