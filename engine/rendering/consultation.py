"""A consultation as a page, in three lengths; what matters at the bedside comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED, Consultation
from engine.contract import NOT_FROM_SOURCE, parameters_data
from engine.courses import same_doses
from engine.findings import shown
from engine.model import OPPOSED, SUPPORT, Statement, in_order, natural
from engine.questions import Question, open_questions
from engine.rendering import summary, words
from engine.rendering.page import Page, joined, numbers
from engine.rendering.summary import Part
from engine.rete import Premise

BRIEF, NORMAL, FULL = "brief", "normal", "full"

QUESTIONS_SHOWN = {BRIEF: 3, NORMAL: 6}
IDS_SHOWN = 6


def render_consultation(consultation: Consultation, length: str = NORMAL, width: int = 80, colour: bool = False) -> str:
    """Return a consultation as text, in the length ``brief``, ``normal`` or ``full``."""
    return str(_Writer(consultation, length, Page(width, colour)).write())


class _Writer:
    """Writes one consultation, part by part."""

    def __init__(self, consultation: Consultation, length: str, page: Page) -> None:
        self.consultation = consultation
        self.knowledge = consultation.knowledge
        self.length = length
        self.page = page
        self.printed: set[str] = set()

    def write(self) -> Page:
        parts: list[Callable[[], None]] = [self.status, self.support, self.doses, self.against, self.check_first]
        parts += [self.other_statements]
        parts += [self.conflicts, self.questions]
        if self.length == FULL:
            parts += [self.not_applying, self.findings, self.trace]
        parts += [self.left_out] if self.length == BRIEF else [self.not_covered, self.outside]
        for part in (*parts, self.parameters, self.references, self.provenance):
            part()
        return self.page

    # Statements. ---------------------------------------------------------------------------

    def status(self) -> None:
        status = words.status_words(self.consultation)
        self.page.text(f"{status.name}: {self.knowledge.guideline.title}", style=status.style)
        self.page.text(status.sentence)
        for name in summary.applying(self.consultation, *OPPOSED):
            against = f"Against it: {name}, {self.knowledge.statements[name].says} {self.layer(name)}"
            self.page.text(against.rstrip(), style="bad")
        undecided = summary.undecided(self.consultation, "indication")
        if self.consultation.status == "role_only" and undecided:
            self.page.text(f"Indications not yet decided: {self.named(undecided)}.")

    def support(self) -> None:
        self.part(summary.support(self.consultation))

    def part(self, part: Part) -> None:
        if part.statements:
            self.page.heading(part.heading)
        for name in part.statements:
            self.statement(self.knowledge.statements[name])

    def statement(self, statement: Statement) -> None:
        """Add a statement: its words, its references and the findings it rests on."""
        self.printed.add(statement.id)
        labels = (words.rests_on(self.consultation, statement.id), words.fulfilled(self.consultation, statement.id))
        parts = (statement.says, numbers(statement.references), self.layer(statement.id), *labels)
        self.page.item(statement.id, joined(filter(None, parts), " "))
        if self.length != BRIEF and statement.kind in (*SUPPORT, *OPPOSED):
            because = words.because(self.consultation, statement.id)
            if because:
                self.page.note(f"because {because}")

    def layer(self, name: str) -> str:
        return words.layer_label(self.knowledge, name)

    def named(self, names: Iterable[str]) -> str:
        return words.named(self.knowledge, names)

    def against(self) -> None:
        part = summary.against(self.consultation)
        self.page.heading(part.heading)
        for name in part.statements:
            self.statement(self.knowledge.statements[name])
        if says := words.no_contraindication(self.knowledge):
            self.page.item("–", says, hang=5)
        for name in summary.undecided(self.consultation, *OPPOSED):
            missing = self.named(self.consultation.verdicts[name].missing)
            statement = self.knowledge.statements[name]
            self.printed.add(name)
            says = f"not yet decided ({missing}): {statement.says} {numbers(statement.references)} {self.layer(name)}"
            self.page.item(name, says.rstrip())
        if undecided := summary.undecided(self.consultation, "caution"):
            self.page.item("–", f"Cautions not yet decided: {self.named(undecided)}.", hang=5)

    def check_first(self) -> None:
        self.part(summary.check_first(self.consultation))

    def other_statements(self) -> None:
        parts = summary.beside(self.consultation)
        for part in parts if self.length != BRIEF else parts[:1]:
            self.part(part)

    # Doses. --------------------------------------------------------------------------------

    def doses(self) -> None:
        groups = same_doses(self.consultation)
        if groups:
            self.page.heading("Dose")
        for name in summary.between_regimens(self.consultation):
            self.page.item(name, f"{self.knowledge.conflicts[name].says} {self.layer(name)}".rstrip())
        for alike in groups:
            for name in alike:
                self.statement(self.knowledge.statements[name])
            self.amounts(alike[0])
            self.spread(alike[0])
        for name in summary.applying(self.consultation, "regimen_detail") if groups else ():
            self.statement(self.knowledge.statements[name])

    def amounts(self, regimen: str) -> None:
        """Add the doses of a regimen, which are alternatives."""
        for number, dose in enumerate(d for d in self.consultation.doses if d.statement == regimen):
            either = "or " if number else ""
            self.page.text(either + words.amount_and_product(dose, self.knowledge), 7, "bold")
            for note in dose.notes:
                self.page.text(f"– {note}", 9)
        if lacking := words.unknown_weights(self.consultation, regimen):
            self.page.text(lacking, 7)

    def spread(self, regimen: str) -> None:
        """Add how doses of a regimen above the limit may be spread, equal readings on one line."""
        for dose, readings in words.by_reading(d for d in self.consultation.doses if d.of == regimen):
            told = (dose.statement, numbers(dose.references), self.layer(dose.statement))
            self.page.text(joined(filter(None, [*told, words.spread(dose, readings, self.knowledge)]), " "), 7)
            for note in dose.notes:
                self.page.text(f"– {note}", 9)

    # Conflicts, questions and what lies outside. -------------------------------------------

    def conflicts(self) -> None:
        applying = self.consultation.applying(natural(self.knowledge.conflicts))
        if not applying:
            return
        self.page.heading(words.conflicts_of(self.knowledge))
        told = applying if self.length != BRIEF else [name for name in applying if self.changes_the_course(name)]
        for name in told:
            involved = self.consultation.involved(name)
            applying_here = [i for i in involved if self.consultation.verdicts[i].verdict == APPLIES] or involved
            self.printed |= {name, *applying_here}
            references = in_order(n for i in applying_here for n in self.knowledge.statements[i].references)
            where = f" ({self.named(applying_here)} {numbers(references)})" if applying_here else ""
            self.page.item(name, f"{self.knowledge.conflicts[name].says}{where} {self.layer(name)}".rstrip())
        rest = [name for name in applying if name not in told]
        if rest:
            self.page.text(f"{'Also: ' if told else ''}{self.named(rest)}. Left out of this brief page.", 2)

    def changes_the_course(self, name: str) -> bool:
        """Whether a conflict is about treating at all, between two regimens, or within what was given."""
        in_the_findings = not self.knowledge.sides(name)
        between_regimens = name in summary.between_regimens(self.consultation)
        return between_regimens or in_the_findings or self.knowledge.conflicts[name].decides_status

    def questions(self) -> None:
        questions = open_questions(self.consultation)
        if not questions:
            return
        self.page.heading("Still open, most consequential first")
        most = QUESTIONS_SHOWN.get(self.length, len(questions))
        for number, question in enumerate(questions[:most], 1):
            reason = words.REASONS.get(question.reason)
            names = joined(filter(None, [question.finding, reason]), ": ")
            self.page.item(f"{number}.", f"{question.asks} ({names}) {self.layer(question.finding)}".rstrip(), hang=4)
            if self.length != BRIEF:
                self.page.note(self.hangs_on(question), 6)
        if len(questions) > most:
            rest = [question.finding for question in questions[most:]]
            self.page.text(f"and {len(rest)} more: {self.named(rest)}", 2)

    def hangs_on(self, question: Question) -> str:
        """Say what a question can decide or complete, statements before conflicts."""
        ids = sorted(question.settles, key=lambda name: name in self.knowledge.conflicts)
        most = len(ids) if self.length == FULL else IDS_SHOWN
        more = f" and {len(ids) - most} more" if len(ids) > most else ""
        decides = [f"can decide {self.named(ids[:most])}{more}"] if ids else []
        completes = [f"completes {self.named(question.completes)}"] if question.completes else []
        return joined([*decides, *completes], "; ")

    def left_out(self) -> None:
        """Say what the brief page does not show."""
        applying = self.consultation.applying(natural(self.knowledge.statements))
        rest = [name for name in applying if name not in self.printed]
        self.page.heading("Left out of this brief page")
        statements = f"the statements {self.named(rest)}; " if rest else ""
        self.page.text(f"{statements}what the source does not cover; notes from outside it.", 2)

    def not_covered(self) -> None:
        if self.knowledge.guideline.not_covered:
            self.page.heading("Not covered")
            self.page.text(f"The source makes no statement on {'; '.join(self.knowledge.guideline.not_covered)}.", 2)

    def outside(self) -> None:
        notes = self.consultation.notes()
        if not notes:
            return
        self.page.heading("From outside the source")
        self.page.text(words.OUTSIDE, 2)
        for note in notes:
            says = f"{note.says} ({note.citation}; beside {self.named(note.attaches_to)}) {self.layer(note.id)}"
            self.page.item(note.id, says.rstrip())

    def parameters(self) -> None:
        parameters = parameters_data(self.consultation)
        if parameters:
            self.page.heading("Local parameters")
        for name, setting in parameters.items():
            value = shown(setting["value"], self.knowledge.parameters[name])
            derived = [f"{f} = {shown(v, self.knowledge.findings[f])}" for f, v in setting["derived"].items()]
            says = f"{name} = {value}: {joined(derived) or 'derived nothing here'} ({NOT_FROM_SOURCE})"
            self.page.item("–", f"{says} {self.layer(name)}".rstrip(), hang=2)

    def references(self) -> None:
        statements = (self.knowledge.statements[name] for name in self.printed if name in self.knowledge.statements)
        cited = in_order(number for statement in statements for number in statement.references)
        if cited:
            self.page.heading("References cited")
        for number in cited:
            reference = self.knowledge.references[number]
            entry = f"{reference.entry} ({reference.basis})" if reference.entry else f"{reference.basis}."
            told = entry if self.length != BRIEF else reference.entry or entry
            self.page.item(f"[{number}]", f"{told} {self.layer(str(number))}".rstrip(), hang=4)

    def provenance(self) -> None:
        self.page.heading("Provenance")
        self.page.text(words.provenance(self.knowledge), 2)
        self.page.text(
            " ".join(
                f"{s.says} ({s.id})" for s in map(self.knowledge.document.__getitem__, natural(self.knowledge.document))
            ),
            2,
        )

    # Only in full. -------------------------------------------------------------------------

    def not_applying(self) -> None:
        for verdict, heading in ((UNDETERMINED, "Undetermined"), (RULED_OUT, "Ruled out")):
            rules = (*natural(self.knowledge.statements), *natural(self.knowledge.conflicts))
            ids = self.consultation.with_verdict(verdict, rules)
            if ids:
                self.page.heading(heading)
            for name in ids:
                says = (self.knowledge.statements.get(name) or self.knowledge.conflicts[name]).says
                verdict_ = self.consultation.verdicts[name]
                decided = words.findings_in_words(self.consultation, verdict_.because)
                self.page.item(name, f"{says} {self.layer(name)}".rstrip())
                self.page.note(
                    f"waits for {self.named(verdict_.missing)}" if verdict == UNDETERMINED else f"because {decided}"
                )

    def findings(self) -> None:
        findings = self.consultation.findings
        self.page.heading("Findings")
        for name in findings.values:
            derived = findings.derived.get(name)
            how = f" (follows from {joined(derived.source)})" if derived is not None and not derived.parameter else ""
            self.page.item("–", f"{words.findings_in_words(self.consultation, [name])}{how}", hang=2)
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.consultation.unknown().items():
            by_reason.setdefault(reason, []).append(name)
        for reason, names in by_reason.items():
            self.page.item("–", f"{reason}: {self.named(names)}", hang=2)

    def trace(self) -> None:
        self.page.heading("Trace")
        for number, step in enumerate(self.consultation.trace, 1):
            premises = joined(map(self.premise, step.premises), "; ")
            verdict = "holds" if step.truth == "yes" else "is ruled out"
            self.page.item(f"{number}.", f"{self.named([step.about])} {verdict} ← {premises}", hang=5)

    def premise(self, premise: Premise) -> str:
        """Name a premise: a rule, or the text of a test, which begins with its finding."""
        label = self.layer(premise.about.split()[0])
        return f"{'' if premise.truth == 'yes' else 'no: '}{premise.about} {label}".rstrip()
