"""Loading a knowledge base: sound ones load, broken ones say everything that is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.checking import check
from engine.errors import KnowledgeError, describe
from engine.loading import SHIPPED, load
from tests.conftest import HERE

SMALL = HERE / "small_base"
BROKEN = sorted((HERE / "broken" / "knowledge").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a small, sound knowledge base."""
    return Path(shutil.copytree(SMALL, tmp_path / "base"))


def expected(path: Path) -> str:
    """Return the message that a broken file says it must give."""
    lines = path.read_text(encoding="utf-8").partition("# expect:\n")[2].splitlines()
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)


def faults(folder: Path) -> str:
    with pytest.raises(KnowledgeError) as caught:
        load(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_the_small_base_is_sound(folder: Path) -> None:
    assert list(load(folder).statements) == ["S1", "S2"]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_gives_its_message(path: Path, folder: Path) -> None:
    text = path.read_text(encoding="utf-8")
    place = folder / text.splitlines()[0].removeprefix("# file: ")
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")
    found = [describe(fault) for fault in check(folder).faults]
    assert "\n\n".join(found).replace(f"{folder}/", "") == expected(path)


def test_faults_of_all_files_stand_in_one_report(folder: Path) -> None:
    (folder / "concepts.yaml").write_text("ill:\n  says: Ill\n  when: fevr\n")
    (folder / "references.yaml").write_text("1:\n  basis: listed\n  year: 2002\n")
    report = faults(folder)
    assert "references.yaml:3:3" in report
    assert "concepts.yaml:3:9" in report


@pytest.mark.parametrize("name", ["guideline", "findings", "concepts", "conflicts", "references"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / f"{name}.yaml").unlink()
    assert f"{name}.yaml: there is no such file" in faults(folder)


@pytest.mark.parametrize(
    "place", ["statements/new.yml", "statements/new.YAML", "statements/deeper/new.yaml", "new.yaml"]
)
def test_a_file_that_would_not_be_read_is_named(folder: Path, place: str) -> None:
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("S9: {}\n")
    assert f"{place}: this file is not read" in faults(folder)


def test_a_statement_against_a_use_needs_a_conflict_that_decides_the_status(folder: Path) -> None:
    path = folder / "statements" / "extra.yaml"
    path.write_text("S9:\n  says: No tea.\n  kind: contraindication\n  source: P.1\n  references: [1]\n  when: fever\n")
    assert "the status would pass over it" in faults(folder)
    conflicts = folder / "conflicts.yaml"
    conflict = "A9:\n  says: Both.\n  between: [[S1], [S9]]\n  when: {all: [S1, S9]}\n  decides status: yes\n"
    conflicts.write_text(conflicts.read_text() + conflict)
    assert load(folder).statements_of("contraindication") == ["S9"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "there is no such folder" in faults(tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder_is_named(folder: Path) -> None:
    assert "a file where a folder was expected" in faults(folder / "concepts.yaml")


def test_the_digest_is_of_what_is_said_and_not_of_how_it_is_laid_out(folder: Path) -> None:
    before = load(folder).digest
    concepts = folder / "concepts.yaml"
    concepts.write_text("# a comment\n\n" + concepts.read_text().replace("says:", "says:   "))
    assert load(folder).digest == before
    concepts.write_text(concepts.read_text().replace("38", "38.5"))
    assert load(folder).digest != before


@pytest.mark.parametrize("change", [("indicated", "recommended"), ("[1]", "[1, 2]"), ("0.4 g/kg", "0.2 g/kg")])
def test_the_digest_changes_with_any_word_or_number(folder: Path, change: tuple[str, str]) -> None:
    (folder / "references.yaml").write_text("1:\n  basis: b\n2:\n  basis: b\n")
    before = load(folder).digest
    path = folder / "statements" / "all.yaml"
    text = path.read_text().replace(*change)
    path.write_text(text.replace("2 g/kg, over: 5 days, daily: 0.2", "1 g/kg, over: 5 days, daily: 0.2"))
    assert load(folder).digest != before


def test_the_shipped_base_has_the_whole_catalogue() -> None:
    knowledge = load(SHIPPED)
    assert {f"S{number}" for number in range(66, 78)} <= set(knowledge.document)
    assert {f"S{number:02}" for number in range(1, 66)} <= set(knowledge.statements)
    numbers = [*range(1, 17), 18, 19, 26, 28, 31, 32, 34, 36, 40, 41, 42, 43, 46, 48]
    assert {f"A{number:02}" for number in numbers} <= set(knowledge.conflicts)
    assert len(knowledge.findings) >= 33
    assert {1, 2, 3, 4, 5, 6} <= set(knowledge.references)
    assert {f"C{number}" for number in range(1, 16)} <= set(knowledge.notes)
