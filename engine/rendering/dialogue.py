"""The conversation in words: prompts, explanations of questions, and what each line typed does.

Nothing is redrawn: every reply is text below the text before it, so that it reads alike in a
terminal, over a slow line, in a pipe and to a screen reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.conversation import Answer, Conversation, read_answer
from engine.courses import same_doses
from engine.effects import effects
from engine.errors import Fault, InputError, counted, did_you_mean, shortened
from engine.language import accepted
from engine.planner import Planned
from engine.rendering import words
from engine.rendering.consultation import BRIEF, NORMAL, render_consultation
from engine.rendering.page import Page, joined
from engine.rendering.plan import ON_SCOPE, in_words, most_consequential, told

FEW, ALL = 4, 12
"""How much that hangs on a question is told: of each of several, and of one alone."""

COMMANDS = {
    "why": "say what hangs on a question and what each answer would do (why 2: the second)",
    "?": "say what a question means, and what the source leaves undefined",
    "so far": "show the consultation as it stands",
    "back": "undo the last answer or change",
    "review": "list all answers; then 'change 3 no' or 'change dysphagia no'",
    "again": "ask again what could not be said: not known, pending, skipped",
    "save FILE": "write the case to a file that 'consult' reads",
    "report FILE": "write a report for the notes: one HTML file",
    "quit": "leave; 'ivig-mg ask --resume' goes on from here",
}


class Dialogue:
    """One dialogue: feed it lines, print what it returns, until it is over.

    ``writers`` has, for the commands ``save`` and ``report``, what writes a file of the name given and
    says so, or raises `InputError`; ``go_on`` is the command that goes on from here.
    """

    def __init__(
        self,
        conversation: Conversation,
        writers: Mapping[str, Callable[[str], str]],
        width: int = 80,
        colour: bool = False,
        go_on: str = "ivig-mg ask --resume",
    ) -> None:
        self.go_on = go_on
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
            page.text(
                f"Going on with {counted(len(self.conversation.answers), 'answer')} given before; 'review' lists them."
            )
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
            page.item(label, self.asked(question.finding), 0, 3 if label else 0)
        page.text(self.takes(questions), 0, "dim")
        return "\n" + str(page)

    def asked(self, finding: str) -> str:
        """Return a question, with its layer."""
        return f"{self.knowledge.findings[finding].asks} {self.layer(finding)}".rstrip()

    def layer(self, name: str) -> str:
        """Return the label of what stands in a layer."""
        return words.layer_label(self.knowledge, name)

    def progress(self, page: Page, questions: Sequence[Planned]) -> None:
        """Add the topic, and how far the conversation has come."""
        answered, most = len(self.conversation.answers), self.conversation.plan().at_most
        topic = questions[0].topic
        heading = f"{topic[:1].upper()}{topic[1:]}" if topic else "Next"
        page.text(f"{heading}  ({answered} answered, at most {most} more)", style="bold")

    def takes(self, questions: Sequence[Planned]) -> str:
        """Say what is accepted as an answer."""
        finding = self.knowledge.findings[questions[0].finding]
        units = {"kg": ", or such as 154 lb", "cm": ", or such as 5 ft 4 in"}.get(finding.unit, "")
        if len(questions) == 1:
            return f"{accepted(finding)}{units}; or u not known, p pending, s skip. 'why' says why."
        example = " ".join(["y", "n", "u", "p", "n"][: len(questions)])
        return (
            f"In order, such as '{example}': y yes, n no, u not known, p pending, s skip."
            " Or 'all n', or one by its number: '3 n'. 'why 3' says why."
        )

    def ending(self) -> str:
        """Return the consultation, and what can be done with it."""
        consultation = self.conversation.consultation()
        text = render_consultation(consultation, NORMAL, self.width, self.colour)
        page = self.page()
        unanswered = self.conversation.unanswered()
        if unanswered:
            page.text("Every question has been put. These could still change something, once they are known:")
            page.text(joined(self.shown(name) for name in unanswered), 2)
            page.text("'again' asks them again.")
        else:
            page.text("No further answer can change a use, a caution, a dose or a conflict.")
        self.in_short(page)
        page.text("Type 'report FILE', 'save FILE', 'review', 'change', 'back', or Enter to end.")
        return f"\n{text}\n{page}"

    def in_short(self, page: Page) -> None:
        """Say the status and the doses once more, where the eye rests at the end of a long text."""
        consultation = self.conversation.consultation()
        status = words.status_words(consultation)
        page.text(f"In short: {status.name}. {status.sentence}", style=status.style)
        for alike in same_doses(consultation):
            for dose in consultation.doses:
                if dose.statement == alike[0]:
                    page.item(joined(alike), words.amount_and_product(dose, self.knowledge))

    def shown(self, name: str) -> str:
        """Return an answer as it was kept, with its unit."""
        word, unit = self.conversation.answers[name], self.knowledge.findings[name].unit
        answer = f"{name} = {word}{f' {unit}' if unit and word[:1].isdigit() else ''}"
        return f"{answer} {self.layer(name)}".rstrip()

    def prompt(self) -> str:
        """Return what stands before the place where the user types."""
        return "yes or no> " if self.unconfirmed else "> "

    # What is typed. ------------------------------------------------------------------------

    def reply(self, line: str) -> str:
        """Return what follows from a line; a line that cannot be used changes nothing."""
        try:
            return self.follow(" ".join(line.split()))
        except InputError as problem:
            page = self.page()
            for text in str(problem).splitlines():
                page.text(text.strip(), len(text) - len(text.lstrip()))
            return str(page) + ("" if self.settled or self.unconfirmed else self.asking())

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
            "again": lambda _: self.again(),
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
        given = [(0, line)] if len(questions) == 1 else _each(line, len(questions))
        findings = self.knowledge.findings
        return self.accept([read_answer(findings[questions[place].finding], word) for place, word in given])

    def accept(self, answers: list[Answer]) -> str:
        """Keep answers, unless one was converted: that is shown first."""
        converted = [answer for answer in answers if answer.converted is not None]
        if converted and not self.unconfirmed:
            self.unconfirmed = answers
            return "".join(f"{answer.converted}. Use that?\n" for answer in converted)
        self.unconfirmed = []
        before = dict(self.conversation.answers)
        set_aside = self.conversation.give(answers)
        page = self.page()
        page.text(joined((self.noted(answer, before) for answer in answers), "; "), 2)
        if set_aside:
            page.text(f"Set aside, for it no longer can stand: {words.named(self.knowledge, set_aside)}.", 2)
        return str(page) + self.asking()

    def noted(self, answer: Answer, before: Mapping[str, str]) -> str:
        """Return an answer as it was kept, with what it was before if that was something else."""
        was = before.get(answer.finding)
        return self.shown(answer.finding) + (f" (was {was})" if was not in (None, answer.word) else "")

    def confirm(self, line: str) -> str:
        """Use a converted amount, or not."""
        if line.lower() in ("y", "yes"):
            return self.accept(self.unconfirmed)
        if line.lower() in ("n", "no"):
            self.unconfirmed = []
            return "Not used.\n" + self.asking()
        self.unconfirmed = []  # anything else is taken as a new answer or a command
        return self.follow(line)

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
        """Undo the last answer or change, and ask again."""
        undone = self.conversation.back()
        page = self.page()
        page.text("There is nothing to take back." if not undone else "Taken back:")
        for name, (now, then) in undone.items():
            page.item("–", f"{name}: {now or 'not given'} → {then or 'not given'} {self.layer(name)}".rstrip(), hang=2)
        return str(page) + self.asking()

    def again(self) -> str:
        """Ask again what could not be said."""
        names = self.conversation.ask_again()
        return ("" if names else "Every answer so far is a value.\n") + self.asking()

    def quit(self) -> str:
        """Leave, and say how to go on."""
        self.over = True
        return f"Every answer is kept in {self.conversation.journal.path}. Go on with: {self.go_on}\n"

    def leave(self) -> str:
        """Return what is said when the lines end: the consultation as it stands, if it is not settled."""
        if self.settled:
            return ""
        text = render_consultation(self.conversation.consultation(), BRIEF, self.width, self.colour)
        page = self.page()
        self.in_short(page)
        return f"\n\nThe consultation as it stands:\n\n{text}\n{page}{self.quit()}"

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
        for number, name in enumerate(self.conversation.answers, 1):
            page.item(f"{number}.", f"{self.knowledge.findings[name].asks} {self.shown(name)}", 2, 4)
        if not self.conversation.answers:
            page.text("No answers yet.")
        page.text("Change one with 'change 3 no' or 'change dysphagia no'.", style="dim")
        return str(page) + ("" if self.settled else self.asking())

    def change(self, rest: str) -> str:
        """Change one answer, by its number or its finding."""
        which, _, word = rest.partition(" ")
        names = list(self.conversation.answers)
        begun = [name for name in self.knowledge.findings if which and name.startswith(which.lower())]
        name = names[int(which) - 1] if which.isdecimal() and 0 < int(which) <= len(names) else which
        name = begun[0] if len(begun) == 1 else name
        if name not in self.knowledge.findings or not word:
            hint = did_you_mean(which, names)
            raise InputError(
                [Fault(f"'change {shortened(rest)}' names no answer", f"Write 'change 3 no'. {hint}".strip())]
            )
        return self.accept([read_answer(self.knowledge.findings[name], word)])

    # Why a question is asked. --------------------------------------------------------------

    def asked_about(self, rest: str) -> Sequence[Planned]:
        """Return the questions meant: one by its number or its finding, or all that are asked now."""
        questions = self.conversation.question()
        if rest.isdecimal() and 0 < int(rest) <= len(questions):
            return [questions[int(rest) - 1]]
        found = [question for question in self.conversation.plan().questions if question.finding == rest]
        if found or (questions and not rest):
            return found or questions
        asked = f"{len(questions)} are asked now" if len(questions) != 1 else "one is asked now"
        raise InputError(
            [Fault(f"'{shortened(rest)}' is no question that is open" if rest else "no question is open", asked)]
        )

    def why(self, rest: str) -> str:
        """Say what hangs on each question, and what each possible answer would do."""
        page = self.page()
        meant = self.asked_about(rest.removesuffix("all").strip())
        for question in meant:
            self.why_one(page, question, ALL if rest.endswith("all") or len(meant) == 1 else FEW)
        return str(page) + self.asking()

    def why_one(self, page: Page, question: Planned, most: int) -> None:
        """Say what hangs on one question: the most consequential first, and no more than fit."""
        page.gap()
        page.text(f"{question.finding}: {self.asked(question.finding)}", style="bold")
        hanging = most_consequential(self.knowledge, {*question.settles, *question.completes})
        for name in hanging[:most]:
            page.item(name, told(self.conversation.consultation(), name))
        if len(hanging) > most:
            page.text(f"and {len(hanging) - most} more: {words.named(self.knowledge, hanging[most:])}", 2)
        if not hanging:
            page.text(ON_SCOPE)
        page.text("What each answer would do:")
        for effect in effects(self.conversation.base, self.conversation.findings(), question.finding):
            page.item("–", in_words(self.knowledge, effect, question), 2, 2)

    def meaning(self, rest: str) -> str:
        """Say what a question means, and what the source leaves undefined."""
        questions = self.conversation.question()
        page = self.page()
        for question in self.asked_about(rest) if rest or not questions else questions:
            finding = self.knowledge.findings[question.finding]
            page.text(f"{finding.name}: {self.asked(finding.name)}", style="bold")
            for text in filter(None, [finding.help, finding.undefined]):
                page.text(text, 2)
            if not finding.help and not finding.undefined:
                page.text("Nothing more is noted about this finding.", 2)
        return str(page) + self.asking()


def _each(line: str, count: int) -> list[tuple[int, str]]:
    """Return answers with the place of the question that each is to, from 0.

    They come in order, the first ones if there are fewer; or each after the number of its question; or one
    for all (``all n``).
    """
    words = line.lower().replace("not asked", "skip").replace(",", " ").split()
    if len(words) == 2 and words[0] == "all":
        return [(place, words[1]) for place in range(count)]
    if len(words) == 1 and len(words[0]) <= count and set(words[0]) <= set("ynups"):
        words = list(words[0])
    numbers = words[::2]
    if len(words) % 2 == 0 and words and all(n.isdecimal() and 0 < int(n) <= count for n in numbers):
        return [(int(n) - 1, word) for n, word in zip(numbers, words[1::2], strict=True)]
    if not words or len(words) > count:
        found = f"{len(words)} answers to {count} questions"
        raise InputError([Fault(found, "Give one for each, such as 'y n u', or 'all n'; nothing was kept.")])
    return list(enumerate(words))


def case_text(answers: Mapping[str, str], parameters: Mapping[str, str]) -> str:
    """Return answers, and the local parameters in force, as a case file."""
    return _block("findings", answers) + (_block("parameters", parameters) if parameters else "")


def _block(key: str, words: Mapping[str, str]) -> str:
    lines = "".join(f"  {name}: {word}\n" for name, word in words.items())
    return f"{key}:\n{lines}" if lines else f"{key}: {{}}\n"
