"""The conversation in words: what is said at each question, why it is asked, and what it comes to.

Nothing is redrawn: everything said is text below the text before it, so that it reads alike in a
terminal, over a slow line, in a pipe and to a screen reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.conversation import Conversation
from engine.courses import same_doses
from engine.effects import effects
from engine.errors import counted
from engine.explanation import how, why_not
from engine.language import accepted
from engine.model import OPPOSED
from engine.planner import Planned
from engine.rendering import summary, words
from engine.rendering.consultation import BRIEF, NORMAL, render_consultation
from engine.rendering.explanation import render_explanation
from engine.rendering.page import Page, joined
from engine.rendering.plan import ON_SCOPE, in_words, most_consequential, told

FEW, ALL = 4, 12
"""How much that hangs on a question is told: of each of several, and of one alone."""

COMMANDS = {
    "why": "say what hangs on a question and what each answer would do (why 2: the second)",
    "why S57": "say how a statement or conflict came about, or what stands in its way",
    "?": "say what a question means, and what the source leaves undefined (? 2: the second)",
    "so far": "show the consultation as it stands",
    "back": "undo the last answer or change",
    "review": "list all answers; then 'change 3 no' or 'change dysphagia no'",
    "again": "ask again what could not be said: not known, pending, skipped (again iga_status: one)",
    "save FILE": "write the case to a file that 'consult' reads",
    "report FILE": "write a report for the notes: one HTML file",
    "quit": "leave; you are told how to go on from here",
}


class Speech:
    """What is said in a conversation, in some width."""

    def __init__(self, conversation: Conversation, width: int = 80, colour: bool = False) -> None:
        self.conversation = conversation
        self.knowledge = conversation.base.knowledge
        self.width = width
        self.colour = colour
        self.told_whole = False

    def page(self) -> Page:
        """Return an empty page."""
        return Page(self.width, self.colour)

    # Questions. ----------------------------------------------------------------------------

    def opening(self) -> str:
        """Return the first words."""
        page = self.page()
        page.text(f"{self.knowledge.guideline.title}: questions about one patient.", style="bold")
        page.text("Each answer is kept as soon as it is given. 'help' lists what else can be typed.")
        if answers := self.conversation.answers:
            page.text(f"Going on with {counted(len(answers), 'answer')} given before; 'review' lists them.")
        if self.conversation.knowledge_changed:
            page.text("The knowledge base has changed since they were given; they are read by the new one.")
        return str(page)

    def question(self, questions: Sequence[Planned]) -> str:
        """Return the questions that are asked together."""
        page = self.page()
        self.progress(page, questions)
        for number, question in enumerate(questions, 1):
            label = f"{number}." if len(questions) > 1 else ""
            page.item(label, self.asked(question.finding), 0, 3 if label else 0)
        page.text(self.takes(questions), 0, "dim")
        return f"\n{page}"

    def asked(self, finding: str) -> str:
        """Return a question, with its layer."""
        return f"{self.knowledge.findings[finding].asks} {self.layer(finding)}".rstrip()

    def layer(self, name: str) -> str:
        """Return the label of what stands in a layer."""
        return words.layer_label(self.knowledge, name)

    def progress(self, page: Page, questions: Sequence[Planned]) -> None:
        """Add the topic, and how far the conversation has come."""
        answered = self.conversation.answered()
        topic = questions[0].topic
        heading = f"{topic[:1].upper()}{topic[1:]}" if topic else "Next"
        page.text(f"{heading}  ({answered} answered, at most {self.conversation.at_most()} more)", style="bold")

    def takes(self, questions: Sequence[Planned]) -> str:
        """Say what is accepted as an answer."""
        finding = self.knowledge.findings[questions[0].finding]
        units = {"kg": ", or such as 154 lb", "cm": ", or such as 5 ft 4 in"}.get(finding.unit, "")
        if len(questions) == 1:
            return f"{accepted(finding)}{units}; or u not known, p pending, s skip. 'why' says why."
        count = len(questions)
        example = " ".join(["y", "n", "u", "p", "n"][:count])
        return (
            f"In order, such as '{example}': y yes, n no, u not known, p pending, s skip."
            f" Or 'all n', or one by its number: '{count} n'. 'why {count}' says why."
        )

    # What it comes to. ---------------------------------------------------------------------

    def ending(self) -> str:
        """Return the consultation, whole the first time, and what can be done with it."""
        length = BRIEF if self.told_whole else NORMAL
        self.told_whole = True
        page = self.page()
        unanswered = self.conversation.unanswered()
        if unanswered:
            page.text("Every question that can change something has been put. These still could, once they are known:")
            page.text(joined(self.shown(name) for name in unanswered), 2)
            page.text("'again' asks them again.")
        else:
            page.text("No further answer can change a verdict, a dose or a conflict.")
        self.add_in_short(page)
        page.text("Type 'report FILE', 'save FILE', 'why S57', 'review', 'change', 'back', or Enter to end.")
        return f"\n{self.so_far(length)}\n{page}"

    def so_far(self, length: str = BRIEF) -> str:
        """Return the consultation as it stands."""
        return render_consultation(self.conversation.consultation(), length, self.width, self.colour)

    def in_short(self) -> str:
        """Return what no one may miss, said once more where the eye rests at the end of a long text."""
        page = self.page()
        self.add_in_short(page)
        return str(page)

    def add_in_short(self, page: Page) -> None:
        """Add the status, what is against it, what is to be seen to first, and the doses."""
        consultation = self.conversation.consultation()
        status = words.status_words(consultation)
        page.text(f"In short: {status.name}. {status.sentence}", style=status.style)
        for name in summary.applying(consultation, *OPPOSED):
            page.item("Against it:", f"{name} {told(consultation, name)}", 2, 12, "bad")
        for name in summary.check_first(consultation).statements:
            done = words.fulfilled(consultation, name)
            page.item("First:", f"{name} {told(consultation, name)} {done}".rstrip(), 2, 12)
        for name in summary.between_regimens(consultation):
            page.item(f"{name}:", words.sentence(self.knowledge, name), 2, 12)
        for alike in same_doses(consultation):
            doses = [dose for dose in consultation.doses if dose.statement == alike[0]]
            for number, dose in enumerate(doses):
                amount = words.amount_and_product(dose, self.knowledge)
                page.item("or" if number else f"{joined(alike, '/')}:", amount, 2, 12)
        for name in dict.fromkeys(dose.statement for dose in consultation.doses if dose.of is not None):
            page.item(f"{name}:", told(consultation, name), 2, 12)

    def shown(self, name: str) -> str:
        """Return an answer as it was kept, with its unit."""
        word, unit = self.conversation.answers[name], self.knowledge.findings[name].unit
        answer = f"{name} = {word}{f' {unit}' if unit and word[:1].isdigit() else ''}"
        return f"{answer} {self.layer(name)}".rstrip()

    def help(self) -> str:
        """List what can be typed."""
        page = self.page()
        page.text("Answer with a word or its beginning, or a number, with its unit if you like (154 lb, 5 ft 4 in).")
        for command, does in COMMANDS.items():
            page.item(command, does, 2, 13)
        return str(page)

    def review(self) -> str:
        """List all answers."""
        page = self.page()
        for number, name in enumerate(self.conversation.answers, 1):
            page.item(f"{number}.", f"{self.knowledge.findings[name].asks} {self.shown(name)}", 2, 4)
        if not self.conversation.answers:
            page.text("No answers yet.")
        page.text("Change one with 'change 3 no' or 'change dysphagia no'.", style="dim")
        return str(page)

    # Why. ----------------------------------------------------------------------------------

    def why(self, questions: Sequence[Planned], most: int) -> str:
        """Say what hangs on each question, and what each possible answer would do."""
        page = self.page()
        for question in questions:
            self.why_one(page, question, most)
        return str(page)

    def why_rule(self, name: str) -> str:
        """Say how a statement or conflict came about, or what stands in its way."""
        base, consultation = self.conversation.base, self.conversation.consultation()
        explain = how if consultation.applying([name]) else why_not
        return render_explanation(explain(base, consultation, name), self.knowledge, self.width, self.colour)

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
        for effect in effects(self.conversation.base, self.conversation.asking(), question.finding):
            page.item("–", in_words(self.knowledge, effect), 2, 2)

    def meaning(self, names: Iterable[str]) -> str:
        """Say what findings mean, and what the source leaves undefined about them."""
        page = self.page()
        for finding in (self.knowledge.findings[name] for name in names):
            page.text(f"{finding.name}: {self.asked(finding.name)}", style="bold")
            for text in filter(None, [finding.help, finding.undefined]):
                page.text(text, 2)
            if not finding.help and not finding.undefined:
                page.text("Nothing more is noted about this finding.", 2)
        return str(page)
