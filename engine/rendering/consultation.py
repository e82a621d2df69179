"""A consultation as a page, in three lengths; what matters at the bedside comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from engine.consultation import APPLIES, RULED_OUT, UNDETERMINED, Consultation
from engine.contract import NOT_FROM_SOURCE, parameters_data
from engine.dosing import Dose
from engine.errors import listed
from engine.findings import shown
from engine.language import plain
from engine.model import WEIGHTS_BY_BASIS, AnyDose, Statement, Test, natural, parts
from engine.questions import Question, open_questions
from engine.rendering.page import Page, joined, numbers

BRIEF, NORMAL, FULL = "brief", "normal", "full"

QUESTIONS_SHOWN = {BRIEF: 3, NORMAL: 6}
IDS_SHOWN = 6

# Word, style and sentence of each status; {treatment} is what the guideline is about.
_STATUS = {
    "indicated": (
        "INDICATED",
        "good",
        "The source names at least one indication for {treatment} that this patient meets.",
    ),
    "conflict": (
        "CONFLICT",
        "bad",
        "The source supports {treatment} for this patient and also argues against it; it does not say which prevails.",
    ),
    "role_only": (
        "ROLE ONLY",
        "warn",
        "No indication is met so far; the source reports a role or an effect of {treatment} for this patient.",
    ),
    "undetermined": (
        "UNDETERMINED",
        "warn",
        "Too little is known to say whether the source supports {treatment} for this patient.",
    ),
    "no_statement": (
        "NO STATEMENT",
        "warn",
        "The source names no indication or role of {treatment} for this patient. Silence alone is not advice.",
    ),
    "out_of_scope": (
        "OUT OF SCOPE",
        "warn",
        "The diagnosis given is not the one the source is about; it makes no statement on this patient.",
    ),
}

_REASONS = {"unknown": ": asked, not known", "pending": ": pending"}

_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Monitoring and what goes with it", ("setting", "co_treatment", "monitoring")),
    ("Comparisons", ("comparison",)),
    ("What to expect", ("timing", "evidence", "context")),
)


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
        word, style, sentence = _STATUS[self.consultation.status]
        self.page.text(f"{word}: {self.knowledge.guideline.title}", style=style)
        self.page.text(sentence.format(treatment=self.knowledge.guideline.treatment))
        for name in self.consultation.applying(natural(self.knowledge.statements_of("against", "contraindication"))):
            self.page.text(f"Against it: {name}, {self.knowledge.statements[name].says}", style="bad")
        if self.consultation.status == "role_only":
            undecided = self.consultation.with_verdict(
                UNDETERMINED, natural(self.knowledge.statements_of("indication"))
            )
            if undecided:
                self.page.text(f"Indications not yet decided: {joined(undecided)}.")

    def support(self) -> None:
        self.statements_under("Support", ("indication", "role"))

    def statements_under(self, heading: str, kinds: Sequence[str], leave_out: Iterable[str] = ()) -> None:
        ids = self.consultation.applying(natural(self.knowledge.statements_of(*kinds)))
        shown_here = [name for name in ids if name not in set(leave_out)]
        if shown_here:
            self.page.heading(heading)
        for name in shown_here:
            self.statement(self.knowledge.statements[name])

    def statement(self, statement: Statement) -> None:
        """Add a statement: its words, its references and the findings it rests on."""
        self.printed.add(statement.id)
        self.page.item(statement.id, f"{statement.says} {numbers(statement.references)}{self.fulfilled(statement)}")
        if self.length != BRIEF and statement.kind in ("indication", "role", "against", "contraindication"):
            because = self.because(statement.id)
            if because:
                self.page.note(f"because {because}")

    def because(self, name: str) -> str:
        """Return the findings that decided, without those that every statement asks for."""
        asked_of_all = {part.finding for part in parts(self.knowledge.guideline.requires) if isinstance(part, Test)}
        return self.shown(name for name in self.consultation.verdicts[name].because if name not in asked_of_all)

    def shown(self, names: Iterable[str]) -> str:
        """Return findings with their values."""
        findings, known = self.consultation.findings, self.knowledge.findings

        def one(name: str) -> str:
            derived = findings.derived.get(name)
            label = f" ({NOT_FROM_SOURCE})" if derived is not None and derived.parameter else ""
            return f"{name} = {shown(findings.values.get(name), known[name])}{label}"

        return joined(map(one, names))

    def fulfilled(self, statement: Statement) -> str:
        words = {"yes": "Fulfilled.", "no": "NOT FULFILLED.", "unknown": "Whether this is fulfilled is unknown."}
        truth = self.consultation.verdicts[statement.id].fulfilled
        return f" {words[truth]}" if truth is not None else ""

    def against(self) -> None:
        self.page.heading("Against, and cautions")
        ids = natural(self.knowledge.statements_of("against", "contraindication", "caution"))
        for name in [n for n in self.consultation.applying(ids) if not self.is_before(n)]:
            self.statement(self.knowledge.statements[name])
        if not self.knowledge.statements_of("contraindication"):
            self.page.item("–", "The source states no contraindication. That does not mean there is none.", hang=5)
        undecided = self.consultation.with_verdict(
            UNDETERMINED, natural(self.knowledge.statements_of("against", "contraindication"))
        )
        for name in undecided:
            missing = joined(self.consultation.verdicts[name].missing)
            statement = self.knowledge.statements[name]
            self.printed.add(name)
            self.page.item(name, f"not yet decided ({missing}): {statement.says} {numbers(statement.references)}")

    def is_before(self, name: str) -> bool:
        return self.knowledge.statements[name].before_treatment

    def check_first(self) -> None:
        ids = [name for name in self.consultation.applying(natural(self.knowledge.statements)) if self.is_before(name)]
        if ids:
            self.page.heading("Check first")
        for name in ids:
            self.statement(self.knowledge.statements[name])

    def other_statements(self) -> None:
        before = [name for name in self.knowledge.statements if self.is_before(name)]
        for heading, kinds in _PARTS if self.length != BRIEF else _PARTS[:1]:
            self.statements_under(heading, kinds, before)

    # Doses. --------------------------------------------------------------------------------

    def doses(self) -> None:
        applying = self.consultation.applying(natural(self.knowledge.statements_of("regimen")))
        if applying:
            self.page.heading("Dose")
        for alike in self.alike(applying):
            for name in alike:
                self.statement(self.knowledge.statements[name])
            for dose in (d for d in self.consultation.doses if d.statement == alike[0]):
                self.dose(dose)
            self.spread(alike[0])
        if applying:
            for name in self.consultation.applying(natural(self.knowledge.statements_of("regimen_detail"))):
                self.statement(self.knowledge.statements[name])

    def alike(self, regimens: Iterable[str]) -> list[list[str]]:
        """Return the regimens in groups that give the same doses."""
        groups: dict[tuple[object, ...], list[str]] = {}
        for name in regimens:
            regimen = self.knowledge.regimens[name]
            key = (regimen.low, regimen.high, regimen.days, regimen.weight, regimen.lower_end)
            groups.setdefault(key, []).append(name)
        return list(groups.values())

    def dose(self, dose: Dose) -> None:
        if dose.total_g is None or dose.weight_kg is None:
            weights = WEIGHTS_BY_BASIS[self.knowledge.regimens[dose.statement].weight]
            unknown = listed([weight.removesuffix("_kg").replace("_", " ") for weight in weights])
            verb = "is" if len(weights) == 1 else "are"
            self.page.text(
                f"{plain(dose.g_per_kg)} g/kg over {dose.days} days: no grams, for {unknown} {verb} unknown.", 7, "bold"
            )
        else:
            basis = (dose.weight_basis or "").replace("_", " ")
            arithmetic = f"{plain(dose.g_per_kg)} g/kg × {plain(dose.weight_kg)} kg {basis} weight"
            self.page.text(f"{_grams(dose.total_g)} in all, {_daily(dose)}  ({arithmetic})", 7, "bold")
        for note in dose.notes:
            self.page.text(f"– {note}", 9)

    def spread(self, regimen: str) -> None:
        """Add how doses of a regimen above the limit may be spread, equal readings on one line."""
        for dose, readings in _by_reading([d for d in self.consultation.doses if d.of == regimen]):
            above = listed([{"total": "of the course", "daily": "of one day"}[reading] for reading in readings])
            basis = (dose.weight_basis or "").replace("_", " ")
            amount = f"{_grams(dose.total_g or Decimal(0))} by {basis} weight"
            limit = self.knowledge.statements[dose.statement].when
            over = f"above {_grams(limit.grams)}" if isinstance(limit, AnyDose) else "large"
            says = f"{dose.statement} {numbers(dose.references)} {amount}: {over} if read {above}."
            self.page.text(f"{says} To consider: {_daily(dose)}.", 7)
            for note in dose.notes:
                self.page.text(f"– {note}", 9)

    # Conflicts, questions and what lies outside. -------------------------------------------

    def conflicts(self) -> None:
        applying = self.consultation.applying(natural(self.knowledge.conflicts))
        if not applying:
            return
        self.page.heading("Conflicts and ambiguities of the source")
        told = applying if self.length != BRIEF else [name for name in applying if self.changes_the_course(name)]
        for name in told:
            involved = self.consultation.involved(name)
            applying_here = [i for i in involved if self.consultation.verdicts[i].verdict == APPLIES] or involved
            self.printed |= {name, *applying_here}
            references = sorted({n for i in applying_here for n in self.knowledge.statements[i].references})
            where = f" ({joined(applying_here)} {numbers(references)})" if applying_here else ""
            self.page.item(name, f"{self.knowledge.conflicts[name].says}{where}")
        rest = [name for name in applying if name not in told]
        if rest:
            self.page.text(f"{'Also: ' if told else ''}{joined(rest)}. Read them without --brief.", 2)

    def changes_the_course(self, name: str) -> bool:
        """Whether a conflict is about treating at all, between two regimens, or within what was given."""
        sides = self.knowledge.sides(name)
        between_regimens = len(sides) > 1 and all(self.knowledge.regimens.keys() & side for side in sides)
        in_the_findings = not sides
        return between_regimens or in_the_findings or self.knowledge.conflicts[name].decides_status

    def questions(self) -> None:
        questions = open_questions(self.consultation)
        if not questions:
            return
        self.page.heading("Still open, most consequential first")
        most = QUESTIONS_SHOWN.get(self.length, len(questions))
        for number, question in enumerate(questions[:most], 1):
            self.page.item(
                f"{number}.", f"{question.asks} ({question.finding}{_REASONS.get(question.reason, '')})", hang=4
            )
            if self.length != BRIEF:
                self.page.note(self.hangs_on(question), 6)
        if len(questions) > most:
            rest = [question.finding for question in questions[most:]]
            self.page.text(f"and {len(rest)} more: {joined(rest)}", 2)

    def hangs_on(self, question: Question) -> str:
        """Say what a question can decide or complete, statements before conflicts."""
        ids = sorted(question.settles, key=lambda name: name in self.knowledge.conflicts)
        most = len(ids) if self.length == FULL else IDS_SHOWN
        more = f" and {len(ids) - most} more" if len(ids) > most else ""
        decides = [f"can decide {joined(ids[:most])}{more}"] if ids else []
        return joined([*decides, *([f"completes {joined(question.completes)}"] if question.completes else [])], "; ")

    def left_out(self) -> None:
        """Say what the brief page does not show."""
        applying = self.consultation.applying(natural(self.knowledge.statements))
        rest = [name for name in applying if name not in self.printed]
        self.page.heading("Left out of this brief page")
        statements = f"the statements {joined(rest)}; " if rest else ""
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
        self.page.text("These notes decide nothing above.", 2)
        for note in notes:
            self.page.item(note.id, f"{note.says} ({note.citation}; beside {joined(note.attaches_to)})")

    def parameters(self) -> None:
        parameters = parameters_data(self.consultation)
        if parameters:
            self.page.heading("Local parameters")
        for name, setting in parameters.items():
            value = shown(setting["value"], self.knowledge.parameters[name])
            derived = [f"{f} = {shown(v, self.knowledge.findings[f])}" for f, v in setting["derived"].items()]
            self.page.item(
                "–", f"{name} = {value}: {joined(derived) or 'derived nothing here'} ({NOT_FROM_SOURCE})", hang=2
            )

    def references(self) -> None:
        statements = (self.knowledge.statements[name] for name in self.printed if name in self.knowledge.statements)
        cited = sorted({number for statement in statements for number in statement.references})
        if cited:
            self.page.heading("References cited")
        for number in cited:
            reference = self.knowledge.references[number]
            entry = f"{reference.entry} ({reference.basis})" if reference.entry else f"{reference.basis}."
            self.page.item(f"[{number}]", entry if self.length != BRIEF else reference.entry or entry, hang=4)

    def provenance(self) -> None:
        guideline = self.knowledge.guideline
        self.page.heading("Provenance")
        self.page.text(
            f"Guideline {guideline.id}, edition {guideline.edition}, knowledge {self.knowledge.digest[:16]}…", 2
        )
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
                waits = joined(self.consultation.verdicts[name].missing)
                self.page.item(name, says)
                self.page.note(
                    f"waits for {waits}"
                    if verdict == UNDETERMINED
                    else f"because {self.shown(self.consultation.verdicts[name].because)}"
                )

    def findings(self) -> None:
        findings = self.consultation.findings
        self.page.heading("Findings")
        for name in findings.values:
            derived = findings.derived.get(name)
            how = f" (follows from {joined(derived.source)})" if derived is not None and not derived.parameter else ""
            self.page.item("–", f"{self.shown([name])}{how}", hang=2)
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.consultation.unknown().items():
            by_reason.setdefault(reason, []).append(name)
        for reason, names in by_reason.items():
            self.page.item("–", f"{reason}: {joined(names)}", hang=2)

    def trace(self) -> None:
        self.page.heading("Trace")
        for number, step in enumerate(self.consultation.trace, 1):
            premises = joined((f"{p.about}" if p.truth == "yes" else f"no: {p.about}" for p in step.premises), "; ")
            verdict = "holds" if step.truth == "yes" else "is ruled out"
            self.page.item(f"{number}.", f"{step.about} {verdict} ← {premises}", hang=5)


def _grams(amount: Decimal) -> str:
    return f"{plain(amount)} g"


def _daily(dose: Dose) -> str:
    daily = _grams(dose.daily_g or Decimal(0)) + " a day"
    return (
        f"{daily} for {dose.days} days" if dose.days is not None else f"{daily}, for a number of days that does not fit"
    )


def _by_reading(doses: Iterable[Dose]) -> list[tuple[Dose, list[str]]]:
    grouped: dict[tuple[object, ...], tuple[Dose, list[str]]] = {}
    for dose in doses:
        key = (dose.weight_basis, dose.g_per_kg)
        grouped.setdefault(key, (dose, []))[1].append(dose.reading or "")
    return list(grouped.values())
