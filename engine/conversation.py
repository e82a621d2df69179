"""A conversation about one patient: what is asked next, and what an answer changes.

Answers that can be used are kept in a journal before anything rests on them. An answer that cannot
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from engine.compiler import RuleBase
from engine.consultation import Consultation, consult
from engine.errors import InputError
from engine.findings import NOT_ASKED, REASONS, Findings, Given, governs, interpret
from engine.journal import Journal
from engine.model import Value
from engine.planner import Plan, Planned, plan, unanswered
from engine.replies import Answer, valued
from engine.truth import Truth

MOST_AT_ONCE = 5
"""How many yes/no questions of one topic are asked together."""


class Conversation:
    """The state of one conversation: its answers, and what follows from them."""

    def __init__(self, base: RuleBase, journal: Journal) -> None:
        self.base = base
        self.journal = journal
        self.parameters = {name: Given(word) for name, word in journal.parameters.items()}
        self._again: set[str] = set()
        self._planned: tuple[object, Plan] | None = None

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

    def asking(self) -> Findings:
        """Return the findings as questions are put by them: what is asked again has no answer."""
        return self.findings({name: word for name, word in self.answers.items() if name not in self._again})

    def plan(self) -> Plan:
        """Return the questions still worth asking."""
        stands = (dict(self.answers), frozenset(self._again))
        if self._planned is None or self._planned[0] != stands:
            self._planned = stands, plan(self.base, self.asking())
        return self._planned[1]

    def skipped(self) -> set[str]:
        """Return the findings that are not to be asked now."""
        return {name for name, word in self.answers.items() if word == NOT_ASKED} - self._again

    def answered(self) -> int:
        """Return how many questions have an answer and are not put again."""
        return len(self.answers.keys() - self.skipped() - self._again)

    def at_most(self) -> int:
        """Return how many questions there can still be at most."""
        return len(self.plan().reachable - self.skipped())

    def question(self) -> Sequence[Planned]:
        """Return the next question, with the yes/no questions of its topic that come next if it is one itself.

        There is none when all is settled.
        """
        skipped = self.skipped()
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
        given = {answer.finding: answer.word for answer in answers}
        words = {name: word for name, word in given.items() if self.says_more(name, word)}
        together = {**self.answers, **words}
        set_aside = self.against_governors(together, words)
        self.findings({name: word for name, word in together.items() if name not in set_aside})
        if words:
            self.journal.keep(words, set_aside)
        self._again -= given.keys()
        return set_aside

    def says_more(self, name: str, word: str) -> bool:
        """Whether an answer is other than before; to skip what could not be said leaves the reason why."""
        before = self.answers.get(name)
        return word != before and not (word == NOT_ASKED and before in REASONS)

    def set_aside_what_cannot_be(self) -> list[str]:
        """Set aside each answer that the knowledge does not take by itself, in one step; return their names."""
        gone = [name for name, word in self.answers.items() if not self.can_be(name, word)]
        if gone:
            self.journal.keep({}, gone)
        return gone

    def can_be(self, name: str, word: str) -> bool:
        """Whether the knowledge takes an answer, whatever the others are."""
        try:
            interpret(self.base.knowledge, {name: Given(word)})
        except InputError:
            return False
        return True

    def against_governors(self, together: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
        """Return earlier answers that stand against the new answer of their governor."""
        findings = self.base.knowledge.findings
        values: dict[str, Value] = {
            name: valued(findings[name], word) for name, word in together.items() if word not in REASONS
        }
        return [
            name
            for name, value in values.items()
            if name not in new and value != "no" and governs(findings[name], values) is Truth.NO
        ]

    def back(self) -> dict[str, tuple[str | None, str | None]]:
        """Undo the last step, and return each answer that it changes back, from and to; none is not given."""
        now = dict(self.answers)
        if self.journal.before is None:
            return {}
        self.journal.undo()
        self.set_aside_what_cannot_be()
        then = self.answers
        return {name: (now.get(name), then.get(name)) for name in {**then, **now} if now.get(name) != then.get(name)}

    def unanswered(self) -> list[str]:
        """Return the findings that were asked about and could not be said, and that could still matter."""
        skipped = self.skipped()
        left = [q.finding for q in self.plan().questions if q.finding in skipped]
        return [*left, *(question.finding for question in unanswered(self.base, self.findings()))]

    def ask_again(self, name: str = "") -> list[str]:
        """Put the questions again that could not be answered, or one of them; return the findings asked about.

        The earlier answers stand until there are others.
        """
        names = [one for one, word in self.answers.items() if word in REASONS and name in ("", one)]
        self._again |= set(names)
        return names
