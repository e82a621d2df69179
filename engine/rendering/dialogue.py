"""The conversation in words: prompts, explanations of questions, and what each line typed does.

Nothing is redrawn: every reply is text below the text before it, so that it reads alike in a
terminal, over a slow line, in a pipe and to a screen reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.conversation import Answer, Conversation, read_answer
from engine.effects import effects
from engine.errors import Fault, InputError, did_you_mean, listed, shortened
from engine.language import accepted
from engine.model import natural
from engine.planner import Planned
from engine.rendering.consultation import BRIEF, NORMAL, render_consultation
from engine.rendering.page import Page, joined, numbers
from engine.rendering.plan import in_words

COMMANDS = {
    "why": "say what hangs on a question and what each answer would do (why 2 for the second)",
    "?": "say what a question means, and what the source leaves undefined",
    "so far": "show the consultation as it stands",
    "back": "take the last answer back",
    "review": "list all answers; then 'change 3 no' or 'change dysphagia no'",
    "save FILE": "write the case to a file that 'consult' reads",
    "report FILE": "write a report for the notes: one HTML file",
    "quit": "leave; 'ivig-mg ask --resume' goes on from here",
}


class Dialogue:
    """One dialogue: feed it lines, print what it returns, until it is over.

    ``writers`` has, for the commands ``save`` and ``report``, what writes a file of the name given and
    says so, or raises `InputError`.
    """

    def __init__(
        self,
        conversation: Conversation,
        writers: Mapping[str, Callable[[str], str]],
        width: int = 80,
        colour: bool = False,
    ) -> None:
        self.conversation = conversation
        self.knowledge = conversation.base.knowledge
        self.writers = writers
        self.width = width
        self.colour = colour
        self.over = False
        self.settled = False
        self.unconfirmed: list[Answer] = []

    def page(self) -> Page:
        """Return an empty page."""
        return Page(self.width, self.colour)

    # What is said. -------------------------------------------------------------------------

    def opening(self) -> str:
        """Return the first words, with the first question."""
        page = self.page()
        page.text(f"{self.knowledge.guideline.title}: questions about one patient.", style="bold")
        page.text("Each answer is kept as soon as it is given. 'help' lists what else can be typed.")
        if self.conversation.answers:
            page.text(f"Going on with {len(self.conversation.answers)} answers given before; 'review' lists them.")
        if self.conversation.knowledge_changed:
            page.text("The knowledge base has changed since they were given; they are read by the new one.")
        return str(page) + self.asking()

    def asking(self) -> str:
        """Return the next question, or the consultation when all is settled."""
        questions = self.conversation.question()
        self.settled = not questions
        if not questions:
            return self.ending()
        page = self.page()
        self.progress(page, questions)
        for number, question in enumerate(questions, 1):
            label = f"{number}." if len(questions) > 1 else ""
            page.item(label, question.asks, 0, 3 if label else 0)
        page.text(self.takes(questions), 0, "dim")
        return "\n" + str(page)

    def progress(self, page: Page, questions: Sequence[Planned]) -> None:
        """Add the topic, and how far the conversation has come."""
        answered, most = len(self.conversation.answers), self.conversation.plan().at_most
        topic = questions[0].topic
        heading = f"{topic[:1].upper()}{topic[1:]}" if topic else "Next"
        page.text(f"{heading}  ({answered} answered, at most {most} more)", style="bold")

    def takes(self, questions: Sequence[Planned]) -> str:
        """Say what is accepted as an answer."""
        finding = self.knowledge.findings[questions[0].finding]
        if len(questions) == 1:
            return f"{accepted(finding)}; or u (not known), p (pending)"
        example = " ".join(["y", "n", "u", "p", "n"][: len(questions)])
        return f"One answer for each, such as '{example}': y yes, n no, u not known, p pending; or 'all n'"

    def ending(self) -> str:
        """Return the consultation, and what can be done with it."""
        self.conversation.journal.finish()
        text = render_consultation(self.conversation.consultation(), NORMAL, self.width, self.colour)
        page = self.page()
        page.text("Nothing more can change a use, a caution, a dose or a conflict.", style="bold")
        page.text("Type 'report FILE', 'save FILE', 'review', 'back', or Enter to end.")
        return f"\n{text}\n{page}"

    def prompt(self) -> str:
        """Return what stands before the place where the user types."""
        return "yes or no> " if self.unconfirmed else "> "

    # What is typed. ------------------------------------------------------------------------

    def reply(self, line: str) -> str:
        """Return what follows from a line; a line that cannot be used changes nothing."""
        try:
            return self.follow(" ".join(line.split()))
        except InputError as problem:
            return f"{problem}\n" + ("" if self.settled or self.unconfirmed else self.asking())

    def follow(self, line: str) -> str:
        """Do what a line says: confirm, obey a command, end, or take an answer."""
        if self.unconfirmed:
            return self.confirm(line)
        word, _, rest = line.partition(" ")
        commands: dict[str, Callable[[str], str]] = {
            "help": lambda _: self.help(),
            "why": self.why,
            "?": self.meaning,
            "back": lambda _: self.back(),
            "review": lambda _: self.review(),
            "change": self.change,
            "save": lambda name: self.written("save", name),
            "report": lambda name: self.written("report", name),
            "quit": lambda _: self.quit(),
        }
        if line.lower() in ("so far", "sofar"):
            return render_consultation(self.conversation.consultation(), BRIEF, self.width, self.colour) + self.asking()
        if word.lower() in commands:
            return commands[word.lower()](rest)
        if self.settled:
            return self.end(line)
        return self.answer(line)

    def answer(self, line: str) -> str:
        """Take a line as the answer to what was asked."""
        questions = self.conversation.question()
        words = [line] if len(questions) == 1 else _each(line, len(questions))
        answers = [
            read_answer(self.knowledge.findings[question.finding], word)
            for question, word in zip(questions, words, strict=True)
        ]
        return self.accept(answers)

    def accept(self, answers: list[Answer]) -> str:
        """Keep answers, unless one was converted: that is shown first."""
        converted = [answer for answer in answers if answer.converted is not None]
        if converted and not self.unconfirmed:
            self.unconfirmed = answers
            return "".join(f"{answer.converted}. Use that?\n" for answer in converted)
        self.unconfirmed = []
        set_aside = self.conversation.give(answers)
        page = self.page()
        page.text(joined((self.noted(answer) for answer in answers), "; "), 2)
        if set_aside:
            page.text(f"Set aside, for it no longer can stand: {listed(set_aside)}.", 2)
        return str(page) + self.asking()

    def noted(self, answer: Answer) -> str:
        """Return an answer as it was kept."""
        unit = self.knowledge.findings[answer.finding].unit
        is_number = answer.word[:1].isdigit()
        return f"{answer.finding} = {answer.word}{f' {unit}' if unit and is_number else ''}"

    def confirm(self, line: str) -> str:
        """Use a converted amount, or not."""
        if line.lower() in ("y", "yes"):
            return self.accept(self.unconfirmed)
        if line.lower() in ("n", "no"):
            self.unconfirmed = []
            return "Not used.\n" + self.asking()
        return "Type yes to use it, or no to answer again.\n"

    def written(self, command: str, name: str) -> str:
        """Write a file, and go on."""
        if not name:
            raise InputError([Fault(f"'{command}' needs a file name", f"Write '{command} FILE'.")])
        return self.writers[command](name) + ("" if self.settled else self.asking())

    def end(self, line: str) -> str:
        """End the dialogue at an empty line."""
        if line:
            known = [*COMMANDS, "change"]
            hint = did_you_mean(line.split()[0], known)
            return f"'{shortened(line)}' is nothing that can be done here. {hint or 'Press Enter to end.'}\n"
        self.over = True
        return ""

    def back(self) -> str:
        """Take the last answer back, and ask again."""
        names = self.conversation.back()
        return (f"Taken back: {joined(names)}.\n" if names else "There is no answer to take back.\n") + self.asking()

    def quit(self) -> str:
        """Leave, and say how to go on."""
        self.over = True
        return "Every answer is kept. Go on with: ivig-mg ask --resume\n"

    def leave(self) -> str:
        """Return what is said when the lines end: the consultation as it stands, if it is not settled."""
        if self.settled:
            return ""
        text = render_consultation(self.conversation.consultation(), BRIEF, self.width, self.colour)
        return f"\n\nThe consultation as it stands:\n\n{text}\n{self.quit()}"

    def help(self) -> str:
        """List what can be typed."""
        page = self.page()
        page.text("Answer with a word or its beginning, or a number, with its unit if you like (154 lb, 5 ft 4 in).")
        for command, does in COMMANDS.items():
            page.item(command, does, 2, 13)
        return str(page) + self.asking()

    def review(self) -> str:
        """List all answers."""
        page = self.page()
        for number, (name, word) in enumerate(self.conversation.answers.items(), 1):
            page.item(f"{number}.", f"{self.knowledge.findings[name].asks} {name} = {word}", 2, 4)
        if not self.conversation.answers:
            page.text("No answers yet.")
        page.text("Change one with 'change 3 no' or 'change dysphagia no'.", style="dim")
        return str(page) + ("" if self.settled else self.asking())

    def change(self, rest: str) -> str:
        """Change one answer, by its number or its finding."""
        which, _, word = rest.partition(" ")
        names = list(self.conversation.answers)
        name = names[int(which) - 1] if which.isdecimal() and 0 < int(which) <= len(names) else which
        if name not in self.knowledge.findings or not word:
            hint = did_you_mean(which, names)
            raise InputError(
                [Fault(f"'change {shortened(rest)}' names no answer", f"Write 'change 3 no'. {hint}".strip())]
            )
        return self.accept([read_answer(self.knowledge.findings[name], word)])

    # Why a question is asked. --------------------------------------------------------------

    def asked_about(self, rest: str) -> Planned:
        """Return the question meant: by its number, by its finding, or the first."""
        questions = self.conversation.question()
        if rest.isdecimal() and 0 < int(rest) <= len(questions):
            return questions[int(rest) - 1]
        for question in (*questions, *self.conversation.plan().questions):
            if not rest or question.finding == rest:
                return question
        raise InputError(
            [Fault(f"'{shortened(rest)}' is not asked now", f"There are {len(questions)} questions above.")]
        )

    def why(self, rest: str) -> str:
        """Say what hangs on a question, and what each possible answer would do."""
        question = self.asked_about(rest)
        statements, conflicts = self.knowledge.statements, self.knowledge.conflicts
        page = self.page()
        page.text(f"{question.finding}: {question.asks}", style="bold")
        for name in natural({*question.settles, *question.completes}):
            says = (
                f"{statements[name].says} {numbers(statements[name].references)}"
                if name in statements
                else conflicts[name].says
            )
            page.item(name, says)
        page.text("What each answer would do:")
        for effect in effects(self.conversation.base, self.conversation.findings(), question.finding):
            page.item("–", in_words(effect), 2, 2)
        return str(page) + self.asking()

    def meaning(self, rest: str) -> str:
        """Say what a question means, and what the source leaves undefined."""
        questions = self.conversation.question()
        page = self.page()
        for question in [self.asked_about(rest)] if rest or not questions else questions:
            finding = self.knowledge.findings[question.finding]
            page.text(f"{finding.name}: {finding.asks}", style="bold")
            for text in filter(None, [finding.help, finding.undefined]):
                page.text(text, 2)
            if not finding.help and not finding.undefined:
                page.text("The source uses the word and says no more about it.", 2)
        return str(page) + self.asking()


def _each(line: str, count: int) -> list[str]:
    """Return one word for each question; ``all n`` answers every one alike."""
    words = line.replace(",", " ").split()
    if len(words) == 2 and words[0].lower() == "all":
        return [words[1]] * count
    if len(words) == 1 and len(words[0]) == count and set(words[0].lower()) <= set("ynup"):
        words = list(words[0])
    if len(words) != count:
        found = f"{len(words)} answers to {count} questions"
        raise InputError([Fault(found, "Give one for each, such as 'y n u', or 'all n'; nothing was kept.")])
    return words


def case_text(answers: Iterable[tuple[str, str]]) -> str:
    """Return answers as a case file."""
    lines = [f"  {name}: {word}" for name, word in answers]
    return "findings:\n" + "\n".join(lines) + "\n" if lines else "findings: {}\n"
