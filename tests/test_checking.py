"""Checking: every fault in one report, warnings that want a look, and the source itself."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.checking import check, readability
from engine.loading import SHIPPED
from engine.rendering.checking import render_check, workflow_annotations
from engine.sources import fold, numbers
from tests.bases import added, changed
from tests.conftest import ROOT
from tests.test_cli import ivig

SOURCE = """\
A title

The treatment is indicated for people over 12 years. 1, 2

Part one

A heading with grade 3

  • Give 2 g/kg over 5 days. 1
  • Something without a number. 2

Another heading
"""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small base that is true to the source above."""
    from engine.skeletons import begin_base

    folder = tmp_path / "base"
    begin_base(folder)
    changed(folder, "guideline.yaml", "heading: The heading of the section", "heading: A heading with grade 3")
    first, second = digest("Give 2 g/kg over 5 days."), digest("Something without a number.")
    changed(folder, "guideline.yaml", f"      - {'0' * 64}", f"      - {first}\n      - {second}")
    return folder


def source(tmp_path: Path, text: str = SOURCE) -> Path:
    path = tmp_path / "source.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_base_and_layer_have_nothing_to_warn_of() -> None:
    for layers in ([], [SHIPPED / "layers" / "product_label"]):
        report = check(SHIPPED, layers)
        assert [*report.faults, *report.warnings] == []


def test_a_base_that_is_true_to_its_source_is_sound(folder: Path, tmp_path: Path) -> None:
    report = check(folder, source=source(tmp_path))
    assert not report.faults
    assert not report.warnings


def test_a_sentence_that_was_changed_in_the_source_is_found_at_its_digest(folder: Path, tmp_path: Path) -> None:
    [fault] = check(folder, source=source(tmp_path, SOURCE.replace("2 g/kg", "1 g/kg"))).faults
    assert fault.found == "the digest of A1.1 is not that of the source's sentence there"
    assert str(fault.place).endswith("guideline.yaml:17:9")
    assert fault.excerpt == f"- {digest('Give 2 g/kg over 5 days.')}"
    sentence = digest("Give 1 g/kg over 5 days.")
    assert fault.remedy.startswith("Read it again with S01, which rests on it, before you mend the digest.")
    assert sentence in fault.remedy


def test_a_bullet_that_the_source_has_not_is_found_at_its_digest(folder: Path, tmp_path: Path) -> None:
    text = SOURCE.replace("  • Something without a number. 2\n", "")
    [fault] = check(folder, source=source(tmp_path, text)).faults
    assert fault.found == "the source has no A1.2: 'A heading with grade 3', bullet 2"
    assert str(fault.place).endswith("guideline.yaml:18:9")


def test_a_source_that_cannot_be_read_is_named(folder: Path, tmp_path: Path) -> None:
    [fault] = check(folder, source=tmp_path / "nowhere.txt").faults
    assert fault.found == "the source cannot be read: No such file or directory"
    large = source(tmp_path, "x" * 5_000_001)
    assert [fault.found for fault in check(folder, source=large).faults] == ["it is larger than 5 MB"]


def test_a_digest_that_nobody_made_yet_is_warned_of_until_the_source_is_at_hand(folder: Path, tmp_path: Path) -> None:
    changed(folder, "guideline.yaml", digest("Something without a number."), "0" * 64)
    [warning] = check(folder).warnings
    assert warning.found == "A1.2: the digest is a placeholder"
    assert str(warning.place).endswith("guideline.yaml:18:9")
    report = check(folder, source=source(tmp_path))
    assert len(report.faults) == 1
    assert not report.warnings


def test_a_case_that_does_not_say_whom_it_is_about_is_warned_of(folder: Path) -> None:
    changed(folder, "cases/first.yaml", "  says: A patient who is ill.\n", "")
    [warning] = check(folder).warnings
    assert warning.found == "ill_patient: a case without 'says'"
    assert str(warning.place).endswith("first.yaml:4:3")


def test_faults_of_cases_stand_in_one_report_with_those_of_rules(folder: Path) -> None:
    changed(folder, "statements/first.yaml", "  when: ill\n", "  when: il\n")
    changed(folder, "cases/first.yaml", "status: no_statement", "status: no_statment")
    changed(folder, "cases/first.yaml", "    diagnosis: other\n", "    diagnosys: other\n")
    assert [fault.found for fault in check(folder).faults] == [
        "'il' is not a known name",
        "'no_statment' is not one of the words known here",
        "'diagnosys' is not a known finding",
    ]


def test_a_parameter_at_fault_keeps_no_case_from_being_read(folder: Path) -> None:
    text = "cut:\n  says: Cut.\n  type: number\n  range: 1 to 9\n  derives: il\n  from: ill\n  below: no\n"
    (folder / "parameters.yaml").write_text(f"{text}  otherwise: yes\n", encoding="utf-8")
    changed(folder, "cases/first.yaml", "  says: A patient who is ill.\n", "  parameters: {cut: 3, kut: 3}\n")
    found = [fault.found for fault in check(folder).faults]
    assert found == ["cut: 'il' is not a known id", "'kut' is not a known parameter"]


def test_a_number_that_its_sentence_lacks_is_found_with_its_place(folder: Path, tmp_path: Path) -> None:
    changed(folder, "statements/first.yaml", "Being ill is", "Being ill for 3 weeks, at 40 degrees, is")
    [warning] = check(folder, source=source(tmp_path)).warnings
    assert warning.found == "S01: 40 is not in its sentence of the source, A1.1"  # the 3 stands in the heading
    assert str(warning.place).endswith("first.yaml:3:9")


@pytest.mark.parametrize(
    "more",
    [
        "  when: any dose at 7 g/kg > 5 g\n",
        "  when: ill\n  fulfilled: actual_weight_kg > 7 kg\n",
        "  when: ill\n  course: {shows: 5 to 7 days}\n",
        "  when: ill\n  course: {shows: alongside, label: 7 times}\n",
    ],
)
def test_a_number_anywhere_in_a_statement_counts(folder: Path, tmp_path: Path, more: str) -> None:
    weight = "actual_weight_kg:\n  asks: Weight?\n  type: number\n  unit: kg\n  range: 1 to 400\n"
    added(folder, "findings.yaml", weight)
    text = f"S02:\n  says: Watch.\n  kind: monitoring\n  source: A1.1\n  references: [1]\n{more}"
    added(folder, "statements/first.yaml", text)
    found = [warning.found for warning in check(folder, source=source(tmp_path)).warnings]
    assert "S02: 7 is not in its sentence of the source, A1.1" in found


def test_a_number_of_a_rule_or_a_dose_counts_as_well(folder: Path, tmp_path: Path) -> None:
    added(
        folder,
        "statements/first.yaml",
        "S02:\n  says: Dose.\n  kind: regimen\n  source: A1.1\n  references: [1]\n  when: ill\n"
        "  regimen: {total: 2 g/kg, over: 4 days, weight: actual}\n",
    )
    added(
        folder, "findings.yaml", "actual_weight_kg:\n  asks: Weight?\n  type: number\n  unit: kg\n  range: 1 to 400\n"
    )
    found = [warning.found for warning in check(folder, source=source(tmp_path)).warnings]
    assert "S02: 4 is not in its sentence of the source, A1.1" in found


def test_what_no_case_expects_and_what_nothing_uses_is_warned_of(folder: Path) -> None:
    added(folder, "findings.yaml", "unused:\n  asks: Anything?\n  type: yes/no\n")
    text = "S02:\n  says: Two.\n  kind: caution\n  source: A1.2\n  references: [1]\n  when: ill\n"
    added(folder, "statements/first.yaml", text)
    found = {warning.found for warning in check(folder).warnings}
    assert found == {
        "S02: no case expects anything of it",
        "unused: nothing uses it",
        "the schemas for editors are not those of this knowledge base",
    }


def test_a_case_that_cannot_be_run_is_a_fault_with_the_nearest_name(folder: Path) -> None:
    changed(folder, "cases/first.yaml", "    ill: no\n", "    il: no\n")
    changed(folder, "cases/first.yaml", "no_statement\n    ruled_out: [S01]", "no_statement\n    ruled_out: [S10]")
    said = " ".join(render_check(check(folder)).split())
    assert "'il' is not a known finding" in said
    assert "patient_who_is_not_ill expects something of 'S10', which there is not" in said
    assert "Did you mean ill?" in said


def test_wording_that_is_hard_to_read_is_warned_of(folder: Path) -> None:
    long = "is indicated " + "and so on " * 12
    changed(folder, "statements/first.yaml", "is an indication for the treatment", long.strip())
    assert check(folder).warnings[0].found == "S01: a sentence of 40 words"
    hard = "Immunoglobulin administration necessitates circumspection"
    changed(folder, "statements/first.yaml", f"Being ill {long.strip()}", hard)
    assert check(folder).warnings[0].found == "S01: wording with a readability index of 104, over 65"
    assert readability("The cat sat on the mat.") < readability(
        "Immunoglobulin administration necessitates monitoring."
    )


def test_faults_of_all_files_come_in_one_report_with_the_nearest_name(folder: Path) -> None:
    changed(folder, "statements/first.yaml", "  when: ill\n", "  when: il\n")
    changed(folder, "references.yaml", "basis:", "bases:")
    said = render_check(check(folder))
    assert "first.yaml:7:9: 'il' is not a known name" in said
    assert "Did you mean ill?" in said
    assert "references.yaml:4:3: 'bases' is not a key of a reference" in said
    assert "FAULTS (" in said


def test_one_slip_in_a_statement_hides_no_other(folder: Path) -> None:
    changed(folder, "statements/first.yaml", "kind: indication", "kind: indicatoin")
    changed(folder, "statements/first.yaml", "source: A1.1", "source: D9.9")
    changed(folder, "statements/first.yaml", "references: [1]", "references: [9]")
    changed(folder, "statements/first.yaml", "when: ill", "when: il")
    said = " ".join(fault.found for fault in check(folder).faults)
    for words in ("'indicatoin'", "no section 'D9'", "reference 9 is not in", "'il' is not a known name"):
        assert words in said
    assert len(check(folder).faults) == 4


def test_the_annotations_of_a_workflow_name_file_and_line(folder: Path) -> None:
    changed(folder, "statements/first.yaml", "  when: ill\n", "  when: il\n")
    line = workflow_annotations(check(folder)).splitlines()[0]
    assert line.startswith("::error file=")
    assert "line=7,col=9::'il' is not a known name. Did you mean ill?" in line


def test_the_command_prints_json_and_ends_with_one_where_there_are_faults(folder: Path) -> None:
    assert json.loads(ivig("knowledge", "check", str(folder), "--format", "json").stdout)["faults"] == []
    changed(folder, "statements/first.yaml", "  when: ill\n", "  when: il\n")
    done = ivig("knowledge", "check", str(folder), "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["faults"][0]["line"] == 7


def test_watching_checks_again_when_a_file_is_saved(folder: Path) -> None:
    words = [sys.executable, "-m", "cli", "knowledge", "check", str(folder), "--watch"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WATCHFILES_FORCE_POLLING": "1"}
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert child.stdout is not None
    assert "Sound" in child.stdout.readline()
    assert child.stdout.readline() == f"Watching {folder}; Ctrl-C ends.\n"
    deadline = time.monotonic() + 60
    time.sleep(1)
    changed(folder, "statements/first.yaml", "  when: ill\n", "  when: il\n")
    said = ""
    while "not a known name" not in said and time.monotonic() < deadline:
        said += child.stdout.readline()
    child.send_signal(signal.SIGINT)
    child.wait(timeout=30)
    child.stdout.close()
    assert "not a known name" in said


def test_a_bullet_is_folded_as_its_digest_is_made_of() -> None:
    assert fold("  • Give  2\u00a0g/kg over\t5 days. 1, 2 ") == "Give 2 g/kg over 5 days."
    assert fold("Nothing cited here.") == "Nothing cited here."
    assert fold("• e\u0301tude. 3") == "étude."


def test_numbers_are_read_in_plain_form() -> None:
    assert numbers("1-2 g/kg, 0.40 g/kg/day, >65 years, 12–15 days, grade 3-4, 37.5%") == {
        "1", "2", "0.4", "65", "12", "15", "3", "4", "37.5"
    }  # fmt: skip
    assert numbers("1,000 mg, 12,345,678, 3,4 and 1,2345") == {"1000", "12345678", "3", "4", "1", "2345"}
