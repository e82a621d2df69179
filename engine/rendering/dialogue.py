"""The conversation line by line: what each line that is typed does, and what is said to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from engine.conversation import Conversation
from engine.errors import Fault, InputError, did_you_mean, listed, shortened
from engine.language import accepted
from engine.planner import Planned
from engine.rendering import words
from engine.rendering.page import joined
from engine.rendering.speech import ALL, COMMANDS, FEW, Speech
from engine.replies import Answer, read_answer, read_answers

ALIASES = {"q": "quit", "exit": "quit", "h": "help", "undo": "back", "sofar": "so far"}
"""Other words for commands."""


class Dialogue:
    """One dialogue: feed it lines, print what it returns, until it is over.

    ``writers`` has, for the commands ``save`` and ``report``, what writes a file of the name given and
    says so, or raises `InputError`; ``go_on`` is the command that goes on from here. ``refused`` has the lines
    that were no answer to what was asked; ``ended`` says whether it has come to its end, and was not only left.
    """

    def __init__(
        self,
        conversation: Conversation,
        writers: Mapping[str, Callable[[str], str]],
        width: int = 80,
        colour: bool = False,
        go_on: str = "ivig-mg ask --resume",
    ) -> None:
        self.speech = Speech(conversation, width, colour)
        self.conversation = conversation
        self.knowledge = conversation.base.knowledge
        self.writers = writers
        self.go_on = go_on
        self.over = False
        self.settled = False
        self.ended = False
        self.unconfirmed: list[Answer] = []
        self.refused: list[str] = []

    def opening(self) -> str:
        """Return the first words, with the first question."""
        return self.speech.opening() + self.asking()

    def asking(self) -> str:
        """Return the next question, or the consultation when all is settled."""
        questions = self.conversation.question()
        self.settled = not questions
        return self.speech.question(questions) if questions else self.speech.ending()

    def then(self, said: str) -> str:
        """Return something said, with the question that is still open."""
        return said if self.settled else said + self.asking()

    def prompt(self) -> str:
        """Return what stands before the place where the user types."""
        return "yes or no> " if self.unconfirmed else "> "

    # What is typed. ------------------------------------------------------------------------

    def reply(self, line: str) -> str:
        """Return what follows from a line; a line that cannot be used changes nothing."""
        try:
            return self.follow(" ".join(line.split()))
        except InputError as problem:
            page = self.speech.page()
            for text in str(problem).splitlines():
                page.text(text.strip(), len(text) - len(text.lstrip()))
            return str(page) if self.unconfirmed else self.then(str(page))

    def follow(self, line: str) -> str:
        """Do what a line says: confirm, obey a command, end, or take an answer."""
        if self.unconfirmed:
            return self.confirm(line)
        command, rest = self.command(line)
        commands: dict[str, Callable[[str], str]] = {
            "help": lambda _: self.then(self.speech.help()),
            "why": lambda rest: self.then(self.why(rest)),
            "?": lambda rest: self.then(self.speech.meaning(self.meant(rest))),
            "so far": lambda _: self.then(self.speech.so_far() + self.speech.in_short()),
            "back": lambda _: self.back(),
            "again": self.again,
            "review": lambda _: self.then(self.speech.review()),
            "change": self.change,
            "save": lambda name: self.written("save", name),
            "report": lambda name: self.written("report", name),
            "quit": lambda _: self.quit(),
        }
        if command in commands:
            return commands[command](rest)
        if self.settled:
            return self.end(line)
        return self.answer(line)

    def command(self, line: str) -> tuple[str, str]:
        """Return the command that a line begins with, and what follows it."""
        word, _, rest = line.partition(" ")
        if line.lower() == "so far":
            return "so far", ""
        if (glued := re.fullmatch(r"(why|\?)(\d+)", word.lower())) is not None:
            return glued[1], f"{glued[2]} {rest}".strip()
        return ALIASES.get(word.lower(), word.lower()), rest

    def answer(self, line: str) -> str:
        """Take a line as the answer to what was asked."""
        asked = [self.knowledge.findings[question.finding] for question in self.conversation.question()]
        try:
            return self.accept(read_answers(asked, line))
        except InputError:
            self.refused.append(line)
            raise

    def accept(self, answers: list[Answer]) -> str:
        """Keep answers, unless one was converted: that is shown first."""
        converted = [answer for answer in answers if answer.converted is not None]
        if converted and not self.unconfirmed:
            self.unconfirmed = answers
            return "".join(f"{answer.converted}. Use that?\n" for answer in converted)
        self.unconfirmed = []
        before = dict(self.conversation.answers)
        set_aside = self.conversation.give(answers)
        page = self.speech.page()
        page.text(joined((self.noted(answer, before) for answer in answers), "; "), 2)
        if set_aside:
            page.text(f"Set aside, for it no longer can stand: {words.named(self.knowledge, set_aside)}.", 2)
        return str(page) + self.asking()

    def noted(self, answer: Answer, before: Mapping[str, str]) -> str:
        """Return an answer as it was kept, with what it was before if that was something else."""
        was = before.get(answer.finding)
        return self.speech.shown(answer.finding) + (f" (was {was})" if was not in (None, answer.word) else "")

    def confirm(self, line: str) -> str:
        """Use a converted amount, or not; anything but yes or no is taken as a new answer or a command."""
        if line.lower() in ("y", "yes"):
            return self.accept(self.unconfirmed)
        dropped = self.dropped()
        if line.lower() not in ("n", "no"):
            self.refused.append(line)
        only_that = line.lower() in ("n", "no", "") or self.command(line)[0] == "back"
        return dropped + (self.asking() if only_that else self.follow(line))

    def dropped(self) -> str:
        """Give up a converted amount that was not confirmed, and say so."""
        amounts = joined(answer.converted.written for answer in self.unconfirmed if answer.converted is not None)
        self.unconfirmed = []
        return f"{amounts} was not used.\n" if amounts else ""

    def written(self, command: str, name: str) -> str:
        """Write a file, and go on."""
        if not name:
            raise InputError([Fault(f"'{command}' needs a file name", f"Write '{command} FILE'.")])
        return self.then(self.writers[command](name))

    def end(self, line: str) -> str:
        """End the dialogue at an empty line."""
        if line:
            hint = did_you_mean(line.split()[0], [*COMMANDS, "change"])
            return f"'{shortened(line)}' is nothing that can be done here. {hint or 'Press Enter to end.'}\n"
        self.over = self.ended = True
        return self.farewell()

    def farewell(self) -> str:
        """Say where the answers are, and how to go on with them."""
        page = self.speech.page()
        if not self.conversation.answers:
            page.text("Nothing was answered.")
        else:
            page.text(f"Every answer is kept in {self.conversation.journal.path} until you delete that file.")
            page.text(f"{'Open it again' if self.ended else 'Go on'} with:")
            page.verbatim([f"  {self.go_on}"])
        return str(page)

    def back(self) -> str:
        """Undo the last answer or change, and ask again."""
        undone = self.conversation.back()
        page = self.speech.page()
        page.text("There is nothing to take back." if not undone else "Taken back:")
        for name, (now, then) in undone.items():
            changes = f"{name}: {now or 'not given'} → {then or 'not given'} {self.speech.layer(name)}"
            page.item("–", changes.rstrip(), hang=2)
        return str(page) + self.asking()

    def again(self, which: str) -> str:
        """Ask again what could not be said, or one of it; what was said of it stands until then."""
        name = self.answered(which) if which else ""
        names = self.conversation.ask_again(name)
        none = f"{name} has a value; 'change {name} …' changes it." if name else "Every answer so far is a value."
        return ("" if names else f"{none}\n") + self.asking()

    def quit(self) -> str:
        """Leave, and say how to go on."""
        self.over = True
        return self.dropped() + self.farewell()

    def leave(self, *, ends: bool = False) -> str:
        """Return what is said when the lines end or are broken off: how it stands, if it is not settled.

        Where ``ends``, a settled conversation has come to its end, unless an amount waits to be confirmed.
        """
        if self.settled:
            self.ended = ends and not self.unconfirmed
            return "\n" + self.quit()
        so_far = f"{self.speech.so_far()}\n{self.speech.in_short()}"
        return f"\n\nThe consultation as it stands:\n\n{so_far}{self.quit()}"

    def change(self, rest: str) -> str:
        """Change one answer, by its number or its finding."""
        which, _, word = rest.partition(" ")
        finding = self.knowledge.findings[self.answered(which)]
        if not word:
            found = f"'change {shortened(rest)}' has no new answer"
            raise InputError([Fault(found, f"Write it behind: 'change {which} …'. It takes {accepted(finding)}.")])
        return self.accept([read_answer(finding, word)])

    def answered(self, which: str) -> str:
        """Return the finding that is meant by the number of an answer, a name, or a part of one.

        Raises:
            InputError: when that is none, or more than one.

        """
        names = list(self.conversation.answers)
        if which.isdecimal() and 0 < int(which) <= len(names):
            return names[int(which) - 1]
        if which in self.knowledge.findings:
            return which
        meant = [name for name in names if which and which.lower() in name]
        if len(meant) == 1:
            return meant[0]
        hint = f"It can mean {listed(meant, 'or')}." if meant else did_you_mean(which, names)
        found = f"'{shortened(which)}' names no answer"
        raise InputError([Fault(found, f"'review' lists them; then write 'change 3 no'. {hint or ''}".strip())])

    # What is meant. ------------------------------------------------------------------------

    def why(self, rest: str) -> str:
        """Say what hangs on each question meant and what each answer would do, or how a rule came about."""
        if rest.upper() in self.knowledge.rules:
            return self.speech.why_rule(rest.upper())
        questions = self.asked_about(rest.removesuffix("all").strip())
        return self.speech.why(questions, ALL if rest.endswith("all") or len(questions) == 1 else FEW)

    def asked_about(self, rest: str) -> Sequence[Planned]:
        """Return the questions meant: one by its number or its finding, or all that are asked now."""
        questions = self.conversation.question()
        if rest.isdecimal() and 0 < int(rest) <= len(questions):
            return [questions[int(rest) - 1]]
        found = [question for question in self.conversation.plan().questions if question.finding == rest]
        if found or (questions and not rest):
            return found or questions
        if not questions:
            raise InputError([Fault("no question is open", "'why S57' says how a statement or conflict came about.")])
        asked = f"{len(questions)} are asked now" if len(questions) != 1 else "one is asked now"
        raise InputError([Fault(f"'{shortened(rest)}' is no question that is open, nor a statement", asked)])

    def meant(self, rest: str) -> list[str]:
        """Return the findings meant: one by its name, or those of the questions meant."""
        if rest in self.knowledge.findings:
            return [rest]
        return [question.finding for question in self.asked_about(rest)]


def case_text(answers: Mapping[str, str], parameters: Mapping[str, str]) -> str:
    """Return answers, and the local parameters in force, as a case file."""
    return _block("findings", answers) + (_block("parameters", parameters) if parameters else "")


def _block(key: str, words: Mapping[str, str]) -> str:
    lines = "".join(f"  {name}: {word}\n" for name, word in words.items())
    return f"{key}:\n{lines}" if lines else f"{key}: {{}}\n"
