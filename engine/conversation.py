"""A conversation about one patient: what is asked next, and what an answer changes.

Answers are kept in a journal before anything else is done with them. An answer that cannot be used
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from msgspec import Struct

from engine.compiler import RuleBase
from engine.consultation import Consultation, consult
from engine.errors import Fault, InputError, listed, shortened
from engine.findings import NOT_ASKED, REASONS, Findings, Given, governs, interpret, read_value, shown
from engine.journal import Journal
from engine.language import accepted, choices
from engine.model import Finding, Value
from engine.planner import Plan, Planned, plan
from engine.quantities import Converted, convert
from engine.questions import open_questions
from engine.truth import Truth

MOST_AT_ONCE = 5
"""How many yes/no questions of one topic are asked together."""


class Answer(Struct, frozen=True):
    """What a text says of a finding: the word to keep, and the conversion to show first, if there is one."""

    finding: str
    word: str
    converted: Converted | None = None


class Conversation:
    """The state of one conversation: its answers, and what follows from them."""

    def __init__(self, base: RuleBase, journal: Journal) -> None:
        self.base = base
        self.journal = journal
        self.parameters = {name: Given(word) for name, word in journal.parameters.items()}
        self._planned: tuple[Mapping[str, str], Plan] | None = None
        self._asked: tuple[Mapping[str, str], Sequence[Planned]] | None = None

    @property
    def answers(self) -> Mapping[str, str]:
        """The answers given so far, in the order they were given."""
        return self.journal.answers

    @property
    def knowledge_changed(self) -> bool:
        """Whether the knowledge base is another than when the conversation began."""
        return self.journal.knowledge != self.base.knowledge.digest

    def findings(self, answers: Mapping[str, str] | None = None) -> Findings:
        """Return the findings that the answers state.

        Raises:
            InputError: when they cannot be.

        """
        words = self.answers if answers is None else answers
        given = {name: Given(word) for name, word in words.items()}
        return interpret(self.base.knowledge, given, self.parameters)

    def consultation(self) -> Consultation:
        """Return the consultation as it stands."""
        return consult(self.base, self.findings())

    def plan(self) -> Plan:
        """Return the questions still worth asking."""
        if self._planned is None or self._planned[0] != self.answers:
            self._planned = dict(self.answers), plan(self.base, self.findings())
        return self._planned[1]

    def question(self) -> Sequence[Planned]:
        """Return the next question: one finding, or some yes/no findings of one topic; none when settled."""
        if self._asked is None or self._asked[0] != self.answers:
            self._asked = dict(self.answers), self._together()
        return self._asked[1]

    def _together(self) -> Sequence[Planned]:
        """Return the first question, with the yes/no questions of its topic that come next if it is one itself."""
        skipped = {name for name, word in self.answers.items() if word == NOT_ASKED}
        questions = [q for q in self.plan().questions if q.finding not in skipped]
        if not questions or not questions[0].topic or not self.is_yes_no(questions[0]):
            return questions[:1]
        topic = questions[0].topic
        return list(takewhile(lambda q: q.topic == topic and self.is_yes_no(q), questions[:MOST_AT_ONCE]))

    def is_yes_no(self, question: Planned) -> bool:
        """Whether a question is answered with yes or no."""
        return self.base.knowledge.findings[question.finding].type == "yes/no"

    def give(self, answers: Iterable[Answer]) -> list[str]:
        """Keep answers, and return the names of earlier ones that no longer can stand and were set aside.

        Raises:
            InputError: when they cannot be used; nothing is changed then.

        """
        words = {answer.finding: answer.word for answer in answers}
        together = {**self.answers, **words}
        set_aside = self.against_governors(together, words)
        self.findings({name: word for name, word in together.items() if name not in set_aside})
        self.journal.keep(words, set_aside)
        return set_aside

    def against_governors(self, together: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
        """Return earlier answers that stand against the new answer of their governor."""
        findings = self.base.knowledge.findings
        values: dict[str, Value] = {
            name: _value(findings[name], word) for name, word in together.items() if word not in REASONS
        }
        return [
            name
            for name, value in values.items()
            if name not in new and value != "no" and governs(findings[name], values) is Truth.NO
        ]

    def back(self) -> dict[str, tuple[str | None, str | None]]:
        """Undo the last step, and return each answer that it changes back, from and to; none is not given."""
        before, now = self.journal.before, dict(self.answers)
        if before is None:
            return {}
        self.journal.undo()
        return {
            name: (now.get(name), before.get(name)) for name in {**before, **now} if now.get(name) != before.get(name)
        }

    def unanswered(self) -> list[str]:
        """Return the findings that were asked about and could not be said, and that could still matter."""
        return [
            question.finding for question in open_questions(self.consultation()) if question.finding in self.answers
        ]

    def ask_again(self) -> list[str]:
        """Take back every answer that says why a finding is unknown, and return their names."""
        names = [name for name, word in self.answers.items() if word in REASONS]
        if names:
            self.journal.keep({}, withdraw=names)
        return names


def read_answer(finding: Finding, text: str) -> Answer:
    """Return what a text says of a finding: a value, an unambiguous beginning of one, an amount or a reason.

    Raises:
        InputError: saying what is accepted.

    """
    written = " ".join(text.split())
    folded = written.lower()
    if folded in ("y", "yes", "n", "no") and finding.type != "yes/no" and folded not in choices(finding):
        raise _no_answer(written, "This is no yes/no question.", finding)  # "no" must not come to mean "normal"
    word = (None if finding.is_number else _beginning(folded, choices(finding))) or _reason(written)
    if word is not None:
        return Answer(finding.name, word)
    converted = convert(written, finding.unit) if finding.is_number else None
    word = shown(converted.value) if converted is not None else written
    try:
        return Answer(finding.name, shown(_value(finding, word)), converted)
    except ValueError as problem:
        what = f"{converted}. {problem}" if converted is not None else str(problem)
        raise _no_answer(written, what, finding) from None


def _no_answer(written: str, what: str, finding: Finding) -> InputError:
    takes = "" if "It takes" in what else f" It takes {accepted(finding)}."
    also = f"{takes} Or {listed(REASONS, 'or')}, where it is not known."
    return InputError([Fault(f"'{shortened(written)}' is no answer to this", f"{what}{also}")])


def _value(finding: Finding, word: str) -> Value:
    return read_value(finding, word, choices(finding), accepted(finding))


def _beginning(text: str, words: Sequence[str]) -> str | None:
    if text in words:
        return text
    meant = [word for word in words if text and word.startswith(text)]
    return meant[0] if len(meant) == 1 else None


def _reason(text: str) -> str | None:
    folded = text.lower()
    if folded in ("s", "skip", "later", "not_asked", "not-asked"):
        return NOT_ASKED
    if folded in ("dk", "don't know", "dont know", "do not know", "not known", "i don't know"):
        return "unknown"
    return _beginning(folded, REASONS)
