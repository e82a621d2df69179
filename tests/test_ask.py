"""The conversation as a clinician has it: a real terminal, a real kill, nonsense at every prompt."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from engine.cases import load_case
from engine.compiler import RuleBase
from engine.consultation import consult
from engine.contract import consultation_data
from engine.conversation import Conversation
from engine.findings import interpret
from engine.journal import begin, read
from engine.rendering.dialogue import Dialogue, case_text
from tests.conftest import ROOT
from tests.test_cli import failed, ivig

CRISIS = ["m", "n y y n", "yes n y", "n n n", "n n n", "none", "u", "75", "n n n", "n y", "154 lb", "y", "u"]
KILLS = int(os.environ.get("IVIG_KILLS", "6"))


@pytest.fixture
def dialogue(base: RuleBase, tmp_path: Path) -> Dialogue:
    """A dialogue about a new patient."""
    conversation = Conversation(base, begin(tmp_path / "kept", base.knowledge.digest, {}))
    return Dialogue(conversation, {"save": lambda name: f"saved {name}\n", "report": lambda name: f"wrote {name}\n"})


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    """The program asking, on a real terminal."""
    yield from on_a_terminal(tmp_path)


def on_a_terminal(folder: Path, *more: str) -> Iterator[pexpect.spawn[str]]:
    words = ["-m", "cli", "ask", "--journal", str(folder), *more]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    child = pexpect.spawn(sys.executable, words, encoding="utf-8", timeout=60, cwd=str(ROOT), env=environment)
    child.setecho(False)
    yield child
    child.close(force=True)


def test_a_whole_consultation_on_a_terminal(terminal: pexpect.spawn[str], tmp_path: Path) -> None:
    terminal.expect("What is the diagnosis")
    terminal.expect("> ")
    for line in ["myas", "n y y n"]:
        terminal.sendline(line)
        terminal.expect("> ")
    terminal.sendline("so far")
    terminal.expect("INDICATED")
    terminal.expect("> ")
    terminal.sendline("why")
    terminal.expect("What each answer would do")
    terminal.expect("> ")
    terminal.sendline("back")
    terminal.expect("Taken back: immediate_intervention_needed")
    terminal.expect("Acute state")
    terminal.expect("> ")
    terminal.sendline("quit")
    terminal.expect("--resume")
    terminal.expect(pexpect.EOF)
    assert read(next(tmp_path.glob("*.jsonl"))).answers == {"diagnosis": "myasthenia_gravis"}


def test_control_c_loses_nothing(terminal: pexpect.spawn[str], tmp_path: Path) -> None:
    terminal.expect("> ")
    terminal.sendline("m")
    terminal.expect("Acute state")
    terminal.expect("> ")
    os.kill(terminal.pid or 0, signal.SIGINT)
    terminal.expect("--resume")
    terminal.expect(pexpect.EOF)
    for child in on_a_terminal(tmp_path, "--resume"):
        child.expect("Going on with 1 answers given before")
        child.expect("Acute state")


def test_a_killed_conversation_goes_on_with_every_answer(tmp_path: Path) -> None:
    chance = random.Random(7)
    lines = ["n y n n", "n n n", "n n n", "n n n n"]
    for attempt in range(KILLS):
        folder = tmp_path / str(attempt)
        acknowledged = {"diagnosis": "myasthenia_gravis"}
        for child in on_a_terminal(folder):
            child.delaybeforesend = None
            child.expect("> ")
            child.sendline("m")
            child.expect("Acute state")
            for line in lines[: chance.randrange(len(lines) + 1)]:
                child.expect("> ")
                child.sendline(line)
                child.expect(r"(\w+ = (yes|no)(; )?\s*)+")
                acknowledged |= dict(re.findall(r"(\w+) = (yes|no)", str(child.after)))
                child.expect("answered")
            child.sendline("all n")  # in flight when the kill comes: may or may not be kept
            time.sleep(chance.uniform(0, 0.05))
            os.kill(child.pid or 0, signal.SIGKILL)
            child.expect(pexpect.EOF)
        kept = read(next(folder.glob("*.jsonl"))).answers
        assert acknowledged.items() <= kept.items()
        for child in on_a_terminal(folder, "--resume"):
            child.expect(f"Going on with {len(kept)} answers")


@pytest.mark.parametrize(
    "nonsense", ["", "maybe", "y y y y y y y", "1e9", "\x1b[A", "change", "why 99", "? x", "ü" * 500]
)
def test_nonsense_at_every_prompt_changes_nothing(dialogue: Dialogue, nonsense: str) -> None:
    dialogue.opening()
    for line in CRISIS:
        before = dict(dialogue.conversation.answers)
        if dialogue.settled:
            break
        assert dialogue.reply(nonsense)
        assert dict(dialogue.conversation.answers) == before
        dialogue.reply(line)


def test_answers_piped_in_end_in_a_consultation(tmp_path: Path) -> None:
    given = ("\n".join(["m", "all n", "all n", "all n", "y n n n", "quit"]) + "\n").encode()
    done = ivig("ask", "--journal", str(tmp_path), given=given)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert all(len(line) <= 82 for line in done.stdout.splitlines())


def test_bytes_that_are_no_text_are_no_traceback(tmp_path: Path) -> None:
    done = ivig("ask", "--journal", str(tmp_path), given=b"\xff\xfe\xff\nm\n")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_converted_amount_is_shown_before_it_is_used(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.conversation.journal.keep({"diagnosis": "myasthenia_gravis"})
    assert "154 lb is 69.853 kg. Use that?" in dialogue.reply("change actual_weight_kg 154 lb")
    assert "actual_weight_kg" not in dialogue.conversation.answers
    dialogue.reply("no")
    assert "actual_weight_kg" not in dialogue.conversation.answers
    dialogue.reply("change actual_weight_kg 154 lb")
    dialogue.reply("yes")
    assert dialogue.conversation.answers["actual_weight_kg"] == "69.853"


def test_a_changed_governor_sets_aside_what_it_governed(dialogue: Dialogue) -> None:
    dialogue.conversation.journal.keep({"diagnosis": "myasthenia_gravis", "graded": "yes", "grade": "3"})
    assert "Set aside, for it no longer can stand: grade." in dialogue.reply("change graded no")
    assert "grade" not in dialogue.conversation.answers


def test_all_answers_can_be_reviewed_and_one_changed(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    dialogue.reply("n y n n")
    assert "3.  Does the MG need admission to hospital? hospital_admission_needed = yes" in dialogue.reply("review")
    dialogue.reply("change 3 no")
    assert dialogue.conversation.answers["hospital_admission_needed"] == "no"


def test_what_a_word_means_and_what_the_source_leaves_undefined(dialogue: Dialogue) -> None:
    dialogue.opening()
    dialogue.reply("m")
    assert "The source does not define crisis." in dialogue.reply("? myasthenic_crisis")


def test_progress_never_promises_too_little(dialogue: Dialogue) -> None:
    text = dialogue.opening()
    most = []
    for _ in range(20):
        if dialogue.settled:
            break
        most.append(int(text.rpartition("at most ")[2].split()[0]))
        questions = dialogue.conversation.question()
        yes_no = dialogue.conversation.is_yes_no(questions[0])
        text = dialogue.reply("all n" if len(questions) > 1 else "n" if yes_no else "u")
    assert dialogue.settled or most
    assert most == sorted(most, reverse=True)


def test_the_saved_case_is_consulted_to_the_same_answer(base: RuleBase, dialogue: Dialogue, tmp_path: Path) -> None:
    dialogue.opening()
    for line in CRISIS:
        if not dialogue.settled:
            dialogue.reply(line)
    path = tmp_path / "case.yaml"
    path.write_text(case_text(dialogue.conversation.answers.items()), encoding="utf-8")
    case = load_case(path)
    again = consult(base, interpret(base.knowledge, case.findings))
    assert consultation_data(again) == consultation_data(dialogue.conversation.consultation())


def test_a_case_begins_the_conversation(tmp_path: Path) -> None:
    done = ivig("ask", "--journal", str(tmp_path), "--case", "examples/crisis.yaml", given=b"review\nquit\n")
    assert "actual_weight_kg = 70 kg" in done.stdout


def test_there_is_nothing_to_resume_in_a_new_place(tmp_path: Path) -> None:
    assert "there is no conversation to go on with" in failed(ivig("ask", "--resume", "--journal", str(tmp_path)))


def test_the_saved_file_is_never_written_over(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    target.write_text("precious")
    ivig("ask", "--journal", str(tmp_path / "kept"), "--save", str(target), given=b"m\n")
    assert target.read_text() == "precious"


def test_a_report_can_be_written_from_the_conversation(tmp_path: Path) -> None:
    words = ["m", "n y y n", f"report {tmp_path / 'now.html'}", "report", "quit"]
    given = ("\n".join(words) + "\n").encode()
    at_the_end = tmp_path / "end.html"
    done = ivig("ask", "--journal", str(tmp_path / "kept"), "--report", str(at_the_end), given=given)
    assert f"Report written to {tmp_path / 'now.html'}" in done.stdout
    assert "'report' needs a file name" in done.stdout
    assert "<p>INDICATED</p>" in (tmp_path / "now.html").read_text(encoding="utf-8")
    assert at_the_end.read_text(encoding="utf-8") == (tmp_path / "now.html").read_text(encoding="utf-8")


def test_a_report_is_never_written_over_another(tmp_path: Path) -> None:
    target = tmp_path / "mine.html"
    target.write_text("precious")
    assert "there already" in failed(ivig("consult", "examples/crisis.yaml", "--report", str(target)))
    assert target.read_text() == "precious"


def test_other_knowledge_than_the_conversation_began_with_is_said(base: RuleBase, tmp_path: Path) -> None:
    conversation = Conversation(base, begin(tmp_path / "kept", "0" * 64, {}))
    assert "The knowledge base has changed" in Dialogue(conversation, {}).opening()
    same = Conversation(base, begin(tmp_path / "kept", base.knowledge.digest, {}))
    assert "has changed" not in Dialogue(same, {}).opening()


def test_next_lists_the_ranked_questions_with_reasons() -> None:
    done = ivig("next", "examples/before_thymectomy.yaml")
    assert "can decide" in done.stdout
    assert "yes: A01, S53 would apply" in " ".join(done.stdout.split())
