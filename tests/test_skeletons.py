"""Beginning something: skeletons that say what is missing, and a base that passes from the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checking import check
from engine.documents import read
from engine.errors import InputError
from engine.skeletons import BASE, SKELETONS, add_skeleton, begin_base
from tests.bases import added
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
    with pytest.raises(InputError, match="the folder holds something already"):
        begin_base(folder)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.yaml")) == sorted(BASE)


@pytest.mark.parametrize("kind", ["statement", "finding", "concept", "conflict", "case"])
def test_a_skeleton_goes_into_the_right_file_and_the_check_says_what_is_missing(folder: Path, kind: str) -> None:
    place = add_skeleton([folder], kind)
    lines = Path(place.file).read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines[(place.line or 1) - 1 :] if not line.startswith("#"))
    assert first in ("S02:", "new_finding_1:", "new_concept_1:", "A01:", "new_case_1:")
    faults = check(folder).faults
    assert faults
    assert all(fault.place is not None and fault.place.file == place.file for fault in faults)
    assert any("???" in fault.found for fault in faults)


def test_a_skeleton_that_was_filled_in_is_sound(folder: Path) -> None:
    place = add_skeleton([folder], "statement")
    path = Path(place.file)
    text = path.read_text(encoding="utf-8")
    text = text.replace("says: ???", "says: Watch the patient.").replace("kind: ???", "kind: monitoring")
    text = text.replace("source: ???", "source: A1.1").replace("['???']", "[1]").replace("when: ???", "when: ill")
    path.write_text(text, encoding="utf-8")
    assert [warning.found for warning in check(folder).warnings] == [
        "S02: no case expects anything of it",
        "A1.1: the digest is a placeholder",
    ]


def test_a_statement_and_the_finding_it_needs_are_begun_one_after_the_other(folder: Path) -> None:
    kinds = ["statement", "finding", "statement", "concept", "conflict", "case", "case"]
    begun = [ivig("knowledge", "new", kind, str(folder)) for kind in kinds]
    assert [done.returncode for done in begun] == [0] * len(kinds), begun[-1].stderr
    names = {path.name: read(path).names() for path in folder.rglob("*.yaml") if path.parent.name != "cases"}
    assert names["first.yaml"] == ["S01", "S02", "S03"]
    assert names["findings.yaml"][2:] == ["new_finding_1"]
    assert read(folder / "cases" / "first.yaml").names()[-2:] == ["new_case_1", "new_case_2"]


def test_the_check_names_every_hole_of_all_skeletons_at_once(folder: Path) -> None:
    kinds = ["statement", "finding", "concept", "conflict", "case"]
    holes = sum(SKELETONS[kind].count("???") for kind in kinds) - 1  # name and value of a finding are one
    for kind in kinds:
        add_skeleton([folder], kind)
    faults = check(folder).faults
    assert [fault.found for fault in faults if "'???'" not in fault.found] == []
    assert len(faults) == holes


def test_a_file_that_is_not_yaml_keeps_nobody_from_going_on(folder: Path) -> None:
    added(folder, "statements/first.yaml", "S02:\n  says: One: two\n")
    assert Path(add_skeleton([folder], "statement").file).read_text(encoding="utf-8").count("S03:") == 1


def test_a_file_that_is_no_text_is_named_and_left_alone(folder: Path) -> None:
    (folder / "findings.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="it is not UTF-8 text"):
        add_skeleton([folder], "finding")
    assert (folder / "findings.yaml").read_bytes() == b"\xff\xfe"


def test_a_folder_without_knowledge_gets_no_skeleton(tmp_path: Path) -> None:
    error = failed(ivig("knowledge", "new", "statement", str(tmp_path)))
    assert "there is no knowledge base or layer here" in error
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_answered_with_the_nearest_and_how_to_begin_one(folder: Path) -> None:
    error = " ".join(failed(ivig("knowledge", "new", "statement", str(folder), "--file", "frist")).split())
    assert "there is no file 'frist'" in error
    assert "Did you mean first?" in error
    new = folder / "statements" / "frist.yaml"
    assert f"To begin a new file, save an empty one as {new} first." in error
    new.touch()
    assert ivig("knowledge", "new", "statement", str(folder), "--file", "frist").returncode == 0
    lines = new.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../schemas/statements.schema.json"
    assert lines[2] == "S02:"


@pytest.mark.parametrize("kind", ["finding", "concept", "conflict"])
def test_a_file_cannot_be_chosen_for_what_has_one(folder: Path, kind: str) -> None:
    done = ivig("knowledge", "new", kind, str(folder), "--file", "first")
    assert done.returncode == 2
    assert "No such option" in done.stderr


@pytest.mark.parametrize("kind", ["finding", "statement", "case"])
def test_a_new_file_of_a_layer_names_its_schema(folder: Path, kind: str) -> None:
    layer = folder / "layers" / "label"
    for place in ("statements", "cases"):
        (layer / place).mkdir(parents=True, exist_ok=True)
        (layer / place / "new.yaml").touch()
    (layer / "layer.yaml").touch()
    path = Path(add_skeleton([folder, layer], kind).file)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    schema = (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve()
    home = layer if kind == "case" else folder
    assert schema.parent == home / "schemas"
    assert schema.name == f"{path.parent.name if kind != 'finding' else path.stem}.schema.json"


def test_a_base_cannot_be_begun_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="it cannot be written: Not a directory"):
        begin_base(tmp_path / "file" / "base")


def test_where_there_are_several_files_one_has_to_be_chosen() -> None:
    error = failed(ivig("knowledge", "new", "statement", "knowledge"))
    assert "which file does the statement go into?" in error
    assert "Choose one with '--file NAME'" in " ".join(error.split())


def test_what_was_begun_twice_gets_two_names(folder: Path) -> None:
    add_skeleton([folder], "case")
    text = (folder / "cases" / "first.yaml").read_text(encoding="utf-8")
    assert "new_case_1:" in text
