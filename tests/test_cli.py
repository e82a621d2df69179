"""The command line as its users meet it: real processes, real files, a real terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli import main
from tests.conftest import HERE, ROOT
from tests.test_loading import expected

EXAMPLE = str(ROOT / "examples" / "crisis.yaml")
BROKEN = sorted((HERE / "broken" / "cases").glob("*.yaml"))


def ivig(*words: str, given: bytes = b"", cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own."""
    command = [sys.executable, "-m", "cli", *words]
    paths = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=given, capture_output=True, cwd=cwd, env=paths, timeout=60)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def failed(done: subprocess.CompletedProcess[str], status: int = 1) -> str:
    """Require a clean failure, and return its message."""
    assert done.returncode == status
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_consultation_is_printed_for_people_and_as_json() -> None:
    assert ivig("consult", EXAMPLE).stdout.startswith("INDICATED:")
    data = json.loads(ivig("consult", EXAMPLE, "--format", "json").stdout)
    assert data["status"] == "indicated"


def test_the_three_lengths_grow() -> None:
    lengths = [len(ivig("consult", EXAMPLE, *flag).stdout) for flag in (["--brief"], [], ["--full"])]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 3


def test_a_case_is_read_from_standard_input() -> None:
    done = ivig("consult", "-", given=b"findings: {diagnosis: myasthenia_gravis, dysphagia: yes}")
    assert done.returncode == 0
    assert done.stdout.startswith("INDICATED:")


def test_one_case_of_a_file_that_holds_several_is_chosen_by_name() -> None:
    path = "knowledge/cases/scope.yaml"
    name = "everything_met_at_once"
    assert ivig("consult", path, "--case", name).returncode == 0
    assert "Choose one with '--case NAME'" in failed(ivig("consult", path))
    two = b"one: {findings: {}}\ntwo: {findings: {}}\n"
    assert "it holds 2 cases" in failed(ivig("consult", "-", given=two))
    assert "there is no case 'three' in it" in failed(ivig("consult", "-", "--case", "three", given=two))
    assert f"Did you mean {name}" in failed(ivig("consult", path, "--case", "everything_met"))


def test_out_of_scope_and_undetermined_are_answers_too() -> None:
    for findings in (b"findings: {diagnosis: other}", b"findings: {}"):
        assert ivig("consult", "-", given=findings).returncode == 0


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_case_gives_its_message(path: Path) -> None:
    assert failed(ivig("consult", path.name, cwd=path.parent)).rstrip("\n") == expected(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "it is not UTF-8 text"),
        (b"PK\x03\x04\x00\x00\x00", "it holds binary data"),
        ("findings: {dysphagia: yes}".encode("utf-16"), "it is not UTF-8 text"),
        (b"findings: {dysphagia: \x1b[31myes}", "this is not YAML"),
        (b"findings: " + b"{a: " * 10_000, "nested more than"),
        (b"findings:\n  dysphagia: " + b"y" * 100_000_000, "larger than 5 MB"),
    ],
    ids=["empty", "png", "zip", "utf-16", "escape", "10,000 deep", "100 MB"],
)
def test_a_file_that_cannot_be_a_case_is_named(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes(content)
    message = failed(ivig("consult", str(path)))
    assert found in message
    assert str(path) in message
    assert "\x1b" not in message


def test_a_missing_file_a_directory_and_a_secret_are_told_apart(tmp_path: Path) -> None:
    assert "there is no such file" in failed(ivig("consult", str(tmp_path / "nobody.yaml")))
    assert "this is a directory" in failed(ivig("consult", str(tmp_path)))


def test_a_broken_knowledge_base_says_everything_that_is_wrong(tmp_path: Path) -> None:
    message = failed(ivig("--knowledge", str(tmp_path), "consult", EXAMPLE))
    assert message.count("there is no such file") == 7


def test_another_knowledge_base_is_used(tmp_path: Path) -> None:
    case = b"findings: {diagnosis: cold, fever: yes, actual_weight_kg: 70}"
    done = ivig("--knowledge", "tests/small_base", "consult", "-", given=case)
    assert "140 g in all, 28 g a day" in done.stdout
    assert "tea" not in ivig("consult", EXAMPLE).stdout


def test_a_parameter_file_is_used_and_labelled(tmp_path: Path) -> None:
    path = tmp_path / "local.yaml"
    path.write_text("parameters:\n  child_age_below_years: 16 years\n")
    case = b"findings: {diagnosis: myasthenia_gravis, myasthenic_crisis: yes, age_years: 15}"
    done = ivig("--parameters", str(path), "consult", "-", given=case)
    assert "local parameter, not in the" in done.stdout
    path.write_text("parameters:\n  child_age: 16\n")
    assert "Did you mean child_age_below_years?" in failed(ivig("--parameters", str(path), "consult", "-", given=case))


def test_a_parameter_set_differently_in_case_and_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "local.yaml"
    path.write_text("parameters: {child_age_below_years: 16}")
    case = b"findings: {}\nparameters: {child_age_below_years: 18}"
    assert "is 18 in the case, but 16" in failed(ivig("--parameters", str(path), "consult", "-", given=case))


def test_explanations_in_words_and_as_json() -> None:
    assert ivig("explain", EXAMPLE, "how", "s12").stdout.startswith("S12 applies")
    assert json.loads(ivig("explain", EXAMPLE, "how", "S12", "--format", "json").stdout)["explains"] == "how"
    assert "Smallest changes".upper() in ivig("explain", EXAMPLE, "why-not", "S05").stdout
    data = json.loads(ivig("explain", EXAMPLE, "what-if", "age_years=50", "--format", "json").stdout)
    assert {"S18"} <= {verdict["id"] for verdict in data["verdicts"]}


def test_what_if_with_findings_that_cannot_be_is_an_error() -> None:
    assert "weight_loss as no" in failed(
        ivig("explain", EXAMPLE, "what-if", "weight_loss=no", "notable_weight_loss=yes")
    )
    assert "not of the form FINDING=VALUE" in failed(ivig("explain", EXAMPLE, "what-if", "dysphagia"), 2)


@pytest.mark.parametrize("words", [["show", "S99"], ["explain", EXAMPLE, "how", "dysphagia"]])
def test_a_wrong_name_is_an_error_with_the_nearest(words: list[str]) -> None:
    message = failed(ivig(*words))
    assert "Did you mean" in message or "See 'ivig-mg show'" in message


@pytest.mark.parametrize("words", [["consult"], ["advise"], ["consult", EXAMPLE, "--loud"], ["show", "a", "b"]])
def test_wrong_usage_is_exit_status_2(words: list[str]) -> None:
    failed(ivig(*words), 2)


def test_everything_can_be_listed_and_shown() -> None:
    assert "ivig_under_consideration" in ivig("show").stdout
    assert ivig("show", "S18").stdout.startswith("S18 (statement, comparison)")
    assert json.loads(ivig("show", "A05", "--format", "json").stdout)["between"] == [["S29"], ["S30"]]


def on_a_terminal(*words: str, **environment: str) -> str:
    """Run the program on a real terminal and return what it writes there."""
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *words],
        stdout=writer,
        stderr=writer,
        stdin=writer,
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | environment,
    )
    os.close(writer)
    written = b""
    try:
        while chunk := os.read(reader, 65536):
            written += chunk
    except OSError:  # the terminal closes when the process ends
        pass
    os.close(reader)
    assert process.wait(timeout=30) == 0
    return written.decode()


def test_colour_on_a_terminal_only_and_not_with_no_color() -> None:
    assert "\x1b[1;32m" in on_a_terminal("consult", EXAMPLE)
    assert "\x1b" not in on_a_terminal("consult", EXAMPLE, NO_COLOR="1")
    assert "\x1b" not in ivig("consult", EXAMPLE).stdout


def test_output_that_nobody_reads_any_more_is_no_traceback() -> None:
    command = f"{sys.executable} -m cli consult {EXAMPLE} --full | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, timeout=60)
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full to stand for a full disk")
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_output_that_cannot_be_written_is_an_error_and_no_traceback(where: str) -> None:
    command = f"{sys.executable} -m cli consult {EXAMPLE} {where}"
    done = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"ivig-mg: " in done.stderr


def test_an_encoding_that_lacks_a_sign_is_no_traceback() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "cli", "explain", EXAMPLE, "what-if", "age_years=50"]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["consult", EXAMPLE, "--brief", "--full"],
        ["consult", EXAMPLE, "--brief", "--format", "json"],
        ["explain", EXAMPLE, "what-if", "age_years=50", "age_years=60"],
    ],
)
def test_what_excludes_or_repeats_itself_is_wrong_usage(words: list[str]) -> None:
    failed(ivig(*words), 2)


def commands(group: click.Group, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):  # not 'commands', which lacks those that are loaded later
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*above, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*above, name))
    return found


@pytest.mark.parametrize(
    ("words", "command"), commands(main), ids=lambda part: " ".join(part) if isinstance(part, tuple) else ""
)
def test_every_command_and_option_has_help_and_stands_in_the_reference(
    words: tuple[str, ...], command: click.Command
) -> None:
    reference = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert command.help
    assert f"## ivig-mg {' '.join(words)}" in reference
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert all(f"{flag}" in reference for flag in parameter.opts)


def test_the_reference_of_commands_is_what_the_program_says_of_itself() -> None:
    from tests.reference import reference

    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == reference()
