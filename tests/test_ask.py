"""The conversation as a clinician has it: a real terminal, a real kill, nonsense at every prompt."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pexpect
import pytest

from engine.cases import load_case
from engine.compiler import RuleBase
from engine.consultation import consult
from engine.contract import consultation_data
from engine.conversation import Conversation
from engine.errors import InputError
from engine.findings import interpret
from engine.journal import begin, read
from engine.rendering.dialogue import Dialogue, case_text
from engine.replies import read_answer
from tests.conftest import BASE, ROOT
from tests.test_cli import failed, ivig

PATIENT = {
    "diagnosis": "myas",
    "myasthenic_crisis": "y",
    "hospital_admission_needed": "y",
    "age_years": "75",
    "actual_weight_kg": "154 lb",
    "ideal_weight_kg": "u",
    "surgery": "none",
    "iga_status": "p",
    "serum_iga_g_per_l": "u",
    "sepsis": "y",
    "on_ivig": "s",
}
"""A patient as typed; every other finding is n."""

KILLS = int(os.environ.get("IVIG_KILLS", "6"))
NONSENSE = ["", "maybe", "y y y y y y y", "1e9", "\x1b[A", "change", "why 99", "? x", "ü" * 500, "7 n"]


def conversation(base: RuleBase, folder: Path, parameters: Mapping[str, str] | None = None) -> Conversation:
    return Conversation(base, begin(folder / "kept", base.knowledge.digest, parameters or {}))


@pytest.fixture
def dialogue(base: RuleBase, tmp_path: Path) -> Dialogue:
    """A dialogue about a new patient."""
    writers = {"save": lambda name: f"saved {name}\n", "report": lambda name: f"wrote {name}\n"}
    return Dialogue(conversation(base, tmp_path), writers)


def typed(dialogue: Dialogue, patient: Mapping[str, str] = PATIENT) -> str:
    """Return the line that answers what is asked now."""
    if dialogue.unconfirmed:
        return "yes"
    return " ".join(patient.get(question.finding, "n") for question in dialogue.conversation.question())


def to_the_end(dialogue: Dialogue) -> str:
    """Answer everything, and return the last words."""
    text = dialogue.opening()
    for _ in range(60):
        if dialogue.settled and not dialogue.unconfirmed:
            return text
        text = dialogue.reply(typed(dialogue))
    raise AssertionError("the conversation did not come to an end")


# On a terminal. ----------------------------------------------------------------------------


def on_a_terminal(folder: Path, *more: str) -> Iterator[pexpect.spawn[str]]:
    words = ["-m", "cli", "ask", "--journal", str(folder), *more]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    child = pexpect.spawn(sys.executable, words, encoding="utf-8", timeout=60, cwd=str(ROOT), env=environment)
    child.setecho(False)
    child.setwinsize(24, 80)
    yield child
    child.close(force=True)


def test_a_whole_consultation_on_a_terminal(base: RuleBase, tmp_path: Path) -> None:
    twin = Dialogue(conversation(base, tmp_path / "twin"), {})
    twin.opening()
    folder = tmp_path / "real"
    for child in on_a_terminal(folder, "--save", str(tmp_path / "case.yaml")):
        child.expect("> ")
        while not twin.settled or twin.unconfirmed:
            for nonsense in NONSENSE if not twin.unconfirmed else ():
                child.sendline(nonsense)
                child.expect("> ")
            line = typed(twin)
            twin.reply(line)
            child.sendline(line)
            child.expect("> ")
        for line, said in (
            ("review", r"1\.  What is the diagnosis\? diagnosis = myasthenia_gravis"),
            ("change hospital no", "hospital_admission_needed = no \\(was yes\\)"),
            ("back", "hospital_admission_needed: no → yes"),
            ("so far", "INDICATED"),
        ):
            child.sendline(line)
            child.expect(said)
            child.expect("> ")
        child.sendline("")
        child.expect("Saved as")
        child.expect(pexpect.EOF)
    kept = read(next(folder.glob("*.jsonl")))
    assert kept.finished
    assert kept.answers == dict(twin.conversation.answers)
    saved = load_case(tmp_path / "case.yaml")
    again = consult(base, interpret(base.knowledge, saved.findings))
    assert consultation_data(again) == consultation_data(twin.conversation.consultation())


def test_why_what_a_word_means_and_leaving_on_a_terminal(tmp_path: Path) -> None:
    for child in on_a_terminal(tmp_path):
        child.expect("> ")
        for line, said in (
            ("m", "Acute state"),
            ("why", "What each answer would do"),
            ("?", "The source does not define crisis"),
            ("back", "diagnosis: myasthenia_gravis → not given"),
            ("m", "Acute state"),
            ("quit", "ivig-mg ask --resume 1 --journal"),
        ):
            child.sendline(line)
            child.expect(said)
            child.expect("> " if line != "quit" else pexpect.EOF)
    assert read(next(tmp_path.glob("*.jsonl"))).answers == {"diagnosis": "myasthenia_gravis"}


def test_control_c_loses_nothing(tmp_path: Path) -> None:
    for child in on_a_terminal(tmp_path):
        child.expect("> ")
        child.sendline("m")
        child.expect("Acute state")
        child.expect("> ")
        os.kill(child.pid or 0, signal.SIGINT)
        child.expect("--resume")
        child.expect(pexpect.EOF)
    for child in on_a_terminal(tmp_path, "--resume"):
        child.expect("Going on with 1 answer given before")
        child.expect("Acute state")


def test_a_killed_conversation_goes_on_with_every_answer(base: RuleBase, tmp_path: Path) -> None:
    chance = random.Random(7)
    for attempt in range(KILLS):
        folder = tmp_path / str(attempt)
        acknowledged: dict[str, str] = {}
        for child in on_a_terminal(folder):
            child.delaybeforesend = None
            for _ in range(chance.randrange(12)):  # none at all: the kill comes while the program begins
                child.expect("> ")
                child.sendline("m" if not acknowledged else "all n" if "In order" in str(child.before) else "u")
                child.expect(r"(\w+ = \w+(; )?\s*)+")
                acknowledged |= dict(re.findall(r"(\w+) = (\w+)", str(child.after)))
            if acknowledged:
                child.expect("> ")
                child.sendline("u")  # in flight when the kill comes: may or may not be kept
            time.sleep(chance.uniform(0, 0.05 if acknowledged else 0.6))
            os.kill(child.pid or 0, signal.SIGKILL)
            child.expect(pexpect.EOF)
        journals = [read(path) for path in folder.glob("*.jsonl") if b"\n" in path.read_bytes()]
        kept = journals[0].answers if journals else {}
        assert acknowledged.items() <= kept.items()
        for child in on_a_terminal(folder, "--resume"):
            child.expect(f"Going on with {len(kept)} answer" if kept else "there is no conversation to go on with")


def test_a_conversation_open_in_another_window_is_left_alone(tmp_path: Path) -> None:
    for child in on_a_terminal(tmp_path):
        child.expect("> ")
        child.sendline("m")
        child.expect("Acute state")
        error = failed(ivig("ask", "--resume", "--journal", str(tmp_path)))
        assert "conversation 1 is open in another window" in error


def test_one_of_several_conversations_is_gone_on_with_by_its_number(base: RuleBase, tmp_path: Path) -> None:
    for age in ("40", "70"):
        journal = begin(tmp_path, base.knowledge.digest, {})
        journal.keep({"diagnosis": "myasthenia_gravis", "age_years": age})
        del journal
    done = ivig("ask", "--resume", "--journal", str(tmp_path), given=b"quit\n")
    said = " ".join(done.stdout.split())
    assert re.search(r"Conversation 2: [-\d]+ [:\d]+, 2 answers, age_years 70, diagnosis myasthenia_gravis\.", said)
    assert re.search(r"Others broken off, .*: 1 [-\d]+ [:\d]+, 2 answers, age_years 40", said)
    assert "Go on with: ivig-mg ask --resume 2" in said
    assert "age_years 40" in ivig("ask", "--resume", "1", "--journal", str(tmp_path), given=b"quit\n").stdout


# What is typed. ----------------------------------------------------------------------------


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_at_every_prompt_changes_nothing(dialogue: Dialogue, nonsense: str) -> None:
    dialogue.opening()
    while not dialogue.settled:
        before = dict(dialogue.conversation.answers)
        if not dialogue.unconfirmed:
            assert dialogue.reply(nonsense)
            assert dict(dialogue.conversation.answers) == before
        dialogue.reply(typed(dialogue))
    before = dict(dialogue.conversation.answers)
    if nonsense:
        dialogue.reply(nonsense)
        assert not dialogue.over
    assert dict(dialogue.conversation.answers) == before


@pytest.mark.parametrize("text", ["y", "yes", "n", "no", "N", "No"])
@pytest.mark.parametrize("name", ["iga_status", "diagnosis", "age_years", "actual_weight_kg"])
def test_yes_and_no_never_come_to_mean_something_else(name: str, text: str) -> None:
    with pytest.raises(InputError, match="no yes/no question"):
        read_answer(BASE.knowledge.findings[name], text)


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("dysphagia", "Y", "yes"),
        ("iga_status", "def", "deficient"),
        ("iga_status", "nor", "normal"),
        ("surgery", "thym", "thymectomy"),
        ("surgery", "no", "none"),
        ("actual_weight_kg", "70 KG", "70"),
        ("actual_weight_kg", "70kgs", "70"),
        ("actual_weight_kg", "11st 4", "71.67"),
        ("height_cm", "5’4”", "162.6"),
        ("serum_iga_g_per_l", "0.5 g/l", "0.5"),
        ("actual_weight_kg", "154 LB", "69.85"),
        ("height_cm", "5 ft 4 in", "162.6"),
        ("height_cm", "1.63 m", "163"),
        ("dysphagia", "p", "pending"),
        ("age_years", "don't know", "unknown"),
        ("age_years", "skip", "not asked"),
    ],
)
def test_short_forms_and_other_units_are_understood(name: str, text: str, word: str) -> None:
    assert read_answer(BASE.knowledge.findings[name], text).word == word


def test_answers_go_to_the_questions_in_their_order_or_by_number(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    names = [question.finding for question in dialogue.conversation.question()]
    assert len(names) >= 3
    dialogue.reply("2 y")
    assert dict(dialogue.conversation.answers) == {"diagnosis": "myasthenia_gravis", names[1]: "yes"}
    dialogue.reply("back")
    dialogue.reply("nyu"[: len(names)])
    answers = dialogue.conversation.answers
    assert [answers[name] for name in names[:3]] == ["no", "yes", "unknown"]


def test_a_converted_amount_is_shown_before_it_is_used(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.conversation.journal.keep({"diagnosis": "myasthenia_gravis"})
    assert "154 lb is 69.85 kg. Use that?" in dialogue.reply("change actual_weight_kg 154 lb")
    assert "actual_weight_kg" not in dialogue.conversation.answers
    dialogue.reply("no")
    assert "actual_weight_kg" not in dialogue.conversation.answers
    dialogue.reply("change actual_weight_kg 154 lb")
    dialogue.reply("yes")
    assert dialogue.conversation.answers["actual_weight_kg"] == "69.85"


def test_a_changed_governor_sets_aside_what_it_governed_and_back_restores_both(dialogue: Dialogue) -> None:
    dialogue.conversation.journal.keep({"diagnosis": "myasthenia_gravis", "graded": "yes", "grade": "3"})
    assert "Set aside, for it no longer can stand: grade." in dialogue.reply("change graded no")
    assert "grade" not in dialogue.conversation.answers
    dialogue.reply("back")
    assert dialogue.conversation.answers["graded"] == "yes"
    assert dialogue.conversation.answers["grade"] == "3"


def test_a_governed_no_stays_when_its_governor_becomes_no(dialogue: Dialogue) -> None:
    dialogue.conversation.journal.keep({"weight_loss": "yes", "notable_weight_loss": "no"})
    assert "Set aside" not in dialogue.reply("change weight_loss no")
    assert dialogue.conversation.answers["notable_weight_loss"] == "no"


def test_the_numbers_of_a_review_stay_when_an_answer_is_changed(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    dialogue.reply(" ".join("y" for _ in dialogue.conversation.question()))
    names = list(dialogue.conversation.answers)
    assert f"{names[1]} = no (was yes)" in dialogue.reply("change 2 no")
    assert list(dialogue.conversation.answers) == names
    assert f"2. {BASE.knowledge.findings[names[1]].asks} {names[1]} = no" in " ".join(dialogue.reply("review").split())


def test_an_answer_that_cannot_stand_is_not_kept(dialogue: Dialogue) -> None:
    dialogue.conversation.journal.keep({"diagnosis": "myasthenia_gravis", "graded": "no"})
    assert "Mend one of the two" in dialogue.reply("change grade 3")
    assert "grade" not in dialogue.conversation.answers


# What is said. -----------------------------------------------------------------------------


def test_what_a_word_means_and_what_the_source_leaves_undefined(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    meant = dialogue.reply("? myasthenic_crisis")
    assert "As judged by the clinician." in meant
    assert "The source does not define crisis." in meant


def test_why_names_statements_with_references_and_what_each_answer_would_do(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    names = [question.finding for question in dialogue.conversation.question()]
    said = " ".join(dialogue.reply(f"why {names.index('myasthenic_crisis') + 1}").split())
    assert "S02 Myasthenic crisis that needs hospital care is an indication for IVIG. [1,2]" in said
    assert "– yes: S33, S12, S57, " in said
    assert "– no: S02, S12, A48, S13, " in said
    assert "immediate_intervention_needed: Is the MG" not in said.partition("Acute state")[0]


def test_progress_never_promises_too_little(dialogue: Dialogue) -> None:
    text = dialogue.opening()
    most = []
    while not dialogue.settled:
        if not dialogue.unconfirmed:
            most.append(int(text.rpartition("at most ")[2].split()[0]))
        text = dialogue.reply(typed(dialogue))
    assert len(most) > 5
    assert most == sorted(most, reverse=True)


def test_at_the_end_what_is_not_known_is_said_to_be_open_and_can_be_asked_again(dialogue: Dialogue) -> None:
    said = " ".join(to_the_end(dialogue).split())
    assert "These still could, once they are known:" in said
    assert "iga_status = pending" in said.partition("once they are known:")[2]
    assert "In short: INDICATED" in said
    dialogue.reply("again")
    assert not dialogue.settled


def test_a_weight_that_could_not_be_said_can_still_change_a_dose(dialogue: Dialogue) -> None:
    said = " ".join(to_the_end(dialogue).split())
    assert "S57: 139.7 g in all, 27.94 g a day for 5 days (2 g/kg × 69.85 kg actual weight)" in said
    assert "ideal_weight_kg = unknown" in said.partition("once they are known:")[2]


def test_what_can_change_something_is_named_though_its_governor_is_unknown_too(dialogue: Dialogue) -> None:
    said = dialogue.opening()
    while not dialogue.settled:
        count = len(dialogue.conversation.question())
        said = dialogue.reply(" ".join("u" * count) if dialogue.conversation.answers else "m")
    left = " ".join(said.split()).partition("once they are known:")[2].partition("'again'")[0]
    for name in ("weight_loss", "notable_weight_loss", "child", "graded"):
        assert f" {name} = unknown" in left
    dialogue.reply("again")
    assert "(1 answered, at most" in dialogue.reply("help")


def test_the_last_lines_say_that_a_dose_is_large_and_no_regimen_comes_first(dialogue: Dialogue) -> None:
    dialogue.opening()
    while not dialogue.settled:
        text = dialogue.reply(typed(dialogue, {**PATIENT, "dysphagia": "y"}))
    last = " ".join(text.rpartition("In short:")[2].split())
    assert "A06: Two regimens apply to this patient" in last
    assert "S59: For doses above 80 g, consider 3–5 days at 0.4 g/kg a day. [1]" in last


def test_what_is_asked_again_keeps_its_reason_until_there_is_an_answer(dialogue: Dialogue) -> None:
    to_the_end(dialogue)
    assert "It can mean iga_status or serum_iga_g_per_l" in " ".join(dialogue.reply("again iga").split())
    dialogue.reply("again iga_st")
    assert [question.finding for question in dialogue.conversation.question()] == ["iga_status"]
    assert dialogue.conversation.answers["iga_status"] == "pending"
    dialogue.reply("skip")
    assert dialogue.conversation.answers["iga_status"] == "pending"
    assert dialogue.settled
    dialogue.reply("again iga_status")
    dialogue.reply("normal")
    assert dialogue.conversation.answers["iga_status"] == "normal"
    assert "iga_status has a value" in dialogue.reply("again iga_status")


def test_the_last_lines_say_what_is_against_it_and_what_comes_first(dialogue: Dialogue) -> None:
    words = {"myasthenic_crisis": "y", "immediate_intervention_needed": "y", "iga_status": "def", "surgery": "thy"}
    dialogue.opening()
    while not dialogue.settled:
        text = dialogue.reply(typed(dialogue, {**PATIENT, **words}))
    last = " ".join(text.rpartition("In short: CONFLICT")[2].split())
    assert "Against it: S53 IVIG is not justified" in last
    assert "First: S34 In IgA deficiency" in last
    assert "First: S37 MG must be under medical control before any operation. [2] NOT FULFILLED." in last
    assert last.index("Against it") < last.index("First") < last.index("S57: 139.7 g")


def test_what_changes_nothing_is_no_step(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    dialogue.reply("change diagnosis m")
    assert "diagnosis: myasthenia_gravis → not given" in dialogue.reply("back")


def test_a_converted_amount_that_was_not_confirmed_is_said_to_be_lost(dialogue: Dialogue) -> None:
    dialogue.conversation.journal.keep({"diagnosis": "myasthenia_gravis"})
    for line in ("", "quit"):
        dialogue.reply("change actual_weight_kg 154 lb")
        assert "154 lb was not used." in dialogue.reply(line)
    dialogue.reply("change actual_weight_kg 154 lb")
    assert "154 lb was not used." in dialogue.leave()


def test_skipped_questions_do_not_count_as_open(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    text = dialogue.reply("all s")
    assert "(1 answered, at most 26 more)" in text


@pytest.mark.parametrize("line", ["not known", "don't know", "Don’t know", "unknown", "u", "dk"])
def test_not_to_know_can_be_said_in_any_way_to_several_questions(dialogue: Dialogue, line: str) -> None:
    dialogue.opening()
    dialogue.reply("m")
    first = dialogue.conversation.question()[0].finding
    dialogue.reply(line)
    assert dialogue.conversation.answers[first] == "unknown"


def test_no_answer_is_ever_suggested() -> None:
    for text in ("none", "undo", "known", "nein"):
        with pytest.raises(InputError) as problem:
            read_answer(BASE.knowledge.findings["dysphagia"], text)
        assert "mean" not in str(problem.value)


def test_how_a_conclusion_came_about_can_be_asked_at_any_time(dialogue: Dialogue) -> None:
    to_the_end(dialogue)
    assert "because acute_treatment holds" in dialogue.reply("why s57")
    assert "plasma_exchange_contraindicated" in dialogue.reply("why S13")
    assert "'why S57' says how" in dialogue.reply("why")


def test_a_finished_conversation_is_opened_again_by_its_number(tmp_path: Path) -> None:
    place = ("--journal", str(tmp_path))
    done = " ".join(ivig("ask", "--no-record", *place, given=b"other\n\n").stdout.split())
    assert "until you delete that file. Open it again with: ivig-mg ask --resume 1 --journal" in done
    assert "there is no conversation to go on with" in failed(ivig("ask", "--resume", *place))
    again = ivig("ask", "--no-record", "--resume", "1", *place, given=b"review\n").stdout
    assert "diagnosis = other" in again


def test_where_everything_is_known_nothing_more_is_said_to_be_open(dialogue: Dialogue) -> None:
    dialogue.opening()
    assert "No further answer can change a verdict, a dose or a conflict." in dialogue.reply("other")


def test_leaving_says_the_consultation_as_it_stands_and_how_to_go_on(dialogue: Dialogue) -> None:
    dialogue.opening()
    assert "Nothing was answered." in dialogue.leave()
    dialogue.reply("m")
    left = dialogue.leave()
    assert "UNDETERMINED" in left
    assert "ivig-mg ask --resume" in left


# Files and parameters. ---------------------------------------------------------------------


def test_the_saved_case_is_consulted_to_the_same_answer(base: RuleBase, tmp_path: Path) -> None:
    kept = conversation(base, tmp_path, {"child_age_below_years": "16", "iga_deficiency_below_g_per_l": "0.07 g/L"})
    to_the_end(Dialogue(kept, {}))
    path = tmp_path / "case.yaml"
    path.write_text(case_text(kept.answers, kept.journal.parameters), encoding="utf-8")
    case = load_case(path)
    again = consult(base, interpret(base.knowledge, case.findings, case.parameters))
    assert consultation_data(again) == consultation_data(kept.consultation())
    assert again.findings.derived["child"].value == "no"


def test_answers_piped_in_end_in_a_consultation(tmp_path: Path) -> None:
    given = ("\n".join(["m", "all n", "all n", "all n", "none", "y n n n", "quit"]) + "\n").encode()
    done = ivig("ask", "--journal", str(tmp_path), given=given)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if str(tmp_path) not in line)


def test_piped_lines_that_slide_are_told_and_nothing_is_recorded(tmp_path: Path) -> None:
    ledger, report = tmp_path / "l.db", tmp_path / "r.html"
    given = b"other\nchange actual_weight_kg 154 lb\n\n"
    for lines, refused in ((b"maybe\nother\n\n", "'maybe'"), (given, "''")):
        place = ("--journal", str(tmp_path / "kept"), "--ledger", str(ledger), "--report", str(report))
        done = ivig("ask", *place, given=lines)
        error = " ".join(done.stderr.split())
        assert done.returncode == 1
        assert f"1 line answered nothing that was asked: {refused}" in error
        assert "Nothing was recorded" in error
        assert not ledger.exists()
        assert not report.exists()


def test_bytes_that_are_no_text_are_no_traceback(tmp_path: Path) -> None:
    done = ivig("ask", "--journal", str(tmp_path), given=b"\xff\xfe\xff\nm\n")
    assert done.returncode == 1
    assert "1 line answered nothing that was asked" in done.stderr
    assert "Traceback" not in done.stderr


def test_bytes_that_are_no_text_are_no_traceback_where_text_is_strict(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "cli", "ask", "--no-record", "--journal", str(tmp_path)]
    done = subprocess.run(
        words, input=b"fr\xfch\nm\nquit\n", capture_output=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"1 line answered nothing that was asked" in done.stderr
    assert read(next(tmp_path.glob("*.jsonl"))).answers == {"diagnosis": "myasthenia_gravis"}


def test_leaving_at_the_end_does_not_end_it(tmp_path: Path) -> None:
    place = ("--journal", str(tmp_path), "--ledger", str(tmp_path / "l.db"))
    done = ivig("ask", *place, given=b"other\nquit\n").stdout
    assert "Go on with:" in done
    assert "Recorded" not in done
    assert "diagnosis = other" in ivig("ask", "--no-record", "--resume", *place, given=b"review\nquit\n").stdout
    assert "Recorded" in ivig("ask", "--resume", *place, given=b"\n").stdout
    assert read(next(tmp_path.glob("*.jsonl"))).finished


def test_an_amount_that_waits_is_never_passed_over_at_the_end(tmp_path: Path) -> None:
    place = ("--journal", str(tmp_path), "--ledger", str(tmp_path / "l.db"))
    done = ivig("ask", *place, given=b"other\nchange actual_weight_kg 154 lb\n").stdout
    assert "154 lb was not used." in done
    assert "Recorded" not in done
    assert not read(next(tmp_path.glob("*.jsonl"))).finished


def test_back_at_an_amount_takes_only_that_back(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    dialogue.reply("change actual_weight_kg 154 lb")
    assert "154 lb was not used." in dialogue.reply("back")
    assert dict(dialogue.conversation.answers) == {"diagnosis": "myasthenia_gravis"}


def test_a_question_is_answered_once(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    assert "answered twice" in dialogue.reply("1 y 1 n")
    assert len(dialogue.conversation.answers) == 1


def test_the_command_that_goes_on_names_the_layer_and_without_it_answers_are_set_aside(tmp_path: Path) -> None:
    layer = "knowledge/layers/product_label"
    case = tmp_path / "case.yaml"
    case.write_text("findings: {diagnosis: other, blood_group: other}\n")
    place = ("--journal", str(tmp_path / "kept"))
    done = ivig("--layer", layer, "ask", "--no-record", "--case", str(case), *place, given=b"quit\n").stdout
    assert f"ivig-mg --layer {layer} ask --resume 1" in done
    again = ivig("ask", "--no-record", "--resume", *place, given=b"back\nreview\nquit\n")
    assert again.returncode == 0, again.stderr
    assert "Set aside, for the knowledge now in use does not take it: blood_group." in " ".join(again.stdout.split())
    assert "diagnosis = other" in again.stdout


def test_without_standard_input_there_is_no_traceback(tmp_path: Path) -> None:
    words = f"{sys.executable} -m cli ask --journal {tmp_path} <&-"
    done = subprocess.run(["/bin/sh", "-c", words], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "What is the diagnosis" in done.stdout


def test_a_case_begins_the_conversation(tmp_path: Path) -> None:
    done = ivig("ask", "--journal", str(tmp_path), "--case", "examples/crisis.yaml", given=b"review\nquit\n")
    assert "actual_weight_kg = 70 kg" in done.stdout


def test_resuming_takes_neither_another_case_nor_other_parameters(tmp_path: Path) -> None:
    done = ivig("ask", "--resume", "--case", "examples/crisis.yaml", "--journal", str(tmp_path))
    assert done.returncode == 2


def test_the_parameters_it_began_with_are_still_in_force_after_resuming(tmp_path: Path) -> None:
    words = ["ask", "--journal", str(tmp_path), "--case", "examples/crisis.yaml"]
    ivig("--parameters", "examples/local_parameters.yaml", *words, given=b"")
    done = ivig("ask", "--resume", "--journal", str(tmp_path), given=b"so far\n")
    assert "child_age_below_years = 16 years: child = no" in " ".join(done.stdout.split())


def test_there_is_nothing_to_resume_in_a_new_place(tmp_path: Path) -> None:
    assert "there is no conversation to go on with" in failed(ivig("ask", "--resume", "--journal", str(tmp_path)))


def test_a_file_that_is_there_already_is_named_before_the_first_question(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    target.write_text("precious")
    for option in ("--save", "--report"):
        done = ivig("ask", "--journal", str(tmp_path / "kept"), option, str(target), given=b"m\n")
        assert "there already" in failed(done)
        assert "What is the diagnosis" not in done.stdout
    assert target.read_text() == "precious"


def test_two_files_of_one_name_are_refused_before_the_first_question(tmp_path: Path) -> None:
    name = str(tmp_path / "one")
    done = ivig("ask", "--journal", str(tmp_path), "--save", name, "--report", name)
    assert done.returncode == 2
    assert "need two files" in done.stderr


def test_a_report_can_be_written_from_the_conversation(tmp_path: Path) -> None:
    words = ["m", "n y y n", f"report {tmp_path / 'now.html'}", "report", "quit"]
    given = ("\n".join(words) + "\n").encode()
    at_the_end = tmp_path / "end.html"
    done = ivig("ask", "--journal", str(tmp_path / "kept"), "--report", str(at_the_end), given=given)
    assert f"Report written to {tmp_path / 'now.html'}" in done.stdout
    assert "'report' needs a file name" in done.stdout
    assert "<h2>INDICATED</h2>" in (tmp_path / "now.html").read_text(encoding="utf-8")
    assert at_the_end.read_text(encoding="utf-8") == (tmp_path / "now.html").read_text(encoding="utf-8")


def test_a_report_is_never_written_over_another(tmp_path: Path) -> None:
    target = tmp_path / "mine.html"
    target.write_text("precious")
    assert "there already" in failed(ivig("consult", "examples/crisis.yaml", "--report", str(target)))
    assert target.read_text() == "precious"


def test_other_knowledge_than_the_conversation_began_with_is_said(base: RuleBase, tmp_path: Path) -> None:
    other = Conversation(base, begin(tmp_path / "kept", "0" * 64, {}))
    assert "The knowledge base has changed" in Dialogue(other, {}).opening()
    assert "has changed" not in Dialogue(conversation(base, tmp_path), {}).opening()


def test_next_lists_the_ranked_questions_with_reasons() -> None:
    said = " ".join(ivig("next", "examples/before_thymectomy.yaml").stdout.split())
    assert "S53 IVIG is not justified in acute deterioration that needs immediate intervention" in said
    assert "yes: S53, A01 would apply" in said


def test_next_names_what_is_pending_as_still_open() -> None:
    said = " ".join(ivig("next", "examples/crisis.yaml").stdout.split())
    assert "What is the IgA status? (iga_status: pending; A28, S32, S33, S34, S65)" in said


def test_next_names_a_weight_that_could_not_be_said(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    known = "diagnosis: myasthenia_gravis, myasthenic_crisis: yes, actual_weight_kg: 70"
    case.write_text(f"findings: {{{known}, ideal_weight_kg: unknown}}\n")
    left = ivig("next", str(case)).stdout.partition("STILL ABLE TO CHANGE SOMETHING")[2]
    assert "ideal_weight_kg: asked, not known" in " ".join(left.split())
