"""A consultation as one HTML file for screen, phone and paper; the only user of jinja2.

The file is complete in itself: no script, no network, no clock. The same consultation gives the
same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jinja2

from engine import __version__
from engine.compiler import RuleBase
from engine.consultation import RULED_OUT, UNDETERMINED, Consultation
from engine.contract import NOT_FROM_SOURCE, parameters_data
from engine.courses import Course, courses
from engine.derivations import derivation
from engine.dosing import Dose
from engine.findings import shown
from engine.model import OPPOSED, SUPPORT, in_order, natural
from engine.questions import Question, open_questions
from engine.rendering import summary, words
from engine.rendering.diagram import diagram, in_words
from engine.rendering.lanes import heading
from engine.rendering.page import joined, kept_together
from engine.rendering.summary import Part
from engine.rendering.timeline import NARROW, WIDE, timeline
from engine.rendering.told import Teller, Told

QUESTIONS_SHOWN = 6

TELLING = (*SUPPORT, *OPPOSED, "caution")
"""The kinds of statement that are told on paper too while they are undecided."""

KINDS = (
    (OPPOSED, "statement against a use", "statements against a use"),
    (("caution",), "caution", "cautions"),
    (("indication",), "indication", "indications"),
    (("role",), "role", "roles"),
)
"""The kinds of statement that are counted at a question, and what they are called."""

PARTS = (
    ("dose", "doses", "Dose"),
    ("cautions", "cautions", "Cautions"),
    ("course", "timelines", "Course"),
    ("conflicts", "conflicts", "Conflicts"),
    ("open", "questions", "Still open"),
    ("derivation", "derivation", "Derivation"),
    ("findings", "known", "Findings"),
    ("outside", "notes", "From outside"),
    ("references", "references", "References"),
)
"""The parts that can be gone to from the top: its place on the page, what it needs to be there, and its name."""


def render_report(base: RuleBase, consultation: Consultation) -> str:
    """Return the report of a consultation as HTML."""
    filling = environment()
    filling.finalize = _kept_together
    return filling.get_template("report.html").render(_Report(base, consultation).content())


def environment() -> jinja2.Environment:
    """Return what fills the templates; it escapes every word."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("engine.rendering"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _kept_together(value: Any) -> Any:
    """Return words with each number and its unit kept on one line; markup as it is."""
    is_words = isinstance(value, str) and not hasattr(value, "__html__")
    return kept_together(value) if is_words else value


class _Report:
    """The content of one report, part by part."""

    def __init__(self, base: RuleBase, consultation: Consultation) -> None:
        self.base = base
        self.consultation = consultation
        self.knowledge = consultation.knowledge
        self.teller = Teller(base, consultation)

    def content(self) -> dict[str, Any]:
        """Return everything that the template puts on the page."""
        content = {**self.advice(), **self.reasons(), **self.sources()}
        return {**content, "parts": [(place, name) for place, needed, name in PARTS if content[needed]]}

    def advice(self) -> dict[str, Any]:
        """Return what the consultation comes to."""
        consultation, told = self.consultation, self.teller.all
        return {
            "status": words.status_words(consultation),
            "against": told(summary.applying(consultation, *OPPOSED)),
            "undecided_indications": self.undecided_indications(),
            "undecided_against": [self.teller.undecided(n) for n in summary.undecided(consultation, *OPPOSED)],
            "check_first": told(summary.check_first(consultation).statements),
            "doses": [self.dose(course) for course in courses(consultation)],
            "between_regimens": [self.conflict_in_short(n) for n in summary.between_regimens(consultation)],
            "details": told(self.loose_details()),
            "support": self.part(summary.support(consultation)),
            "cautions": self.part(summary.against(consultation)),
            "undecided_cautions": summary.undecided(consultation, "caution"),
            "no_contraindication": words.no_contraindication(self.knowledge),
            "timelines": [self.timeline(course) for course in courses(consultation)],
            "beside": [self.part(part) for part in summary.beside(consultation) if part.statements],
        }

    def reasons(self) -> dict[str, Any]:
        """Return what is open or at odds, and what led to it all."""
        questions = [self.question(question) for question in open_questions(self.consultation)]
        return {
            "conflicts_of": words.conflicts_of(self.knowledge),
            "conflicts": self.conflicts(),
            "questions": questions[:QUESTIONS_SHOWN],
            "more_questions": questions[QUESTIONS_SHOWN:],
            "derivation": self.derivation(),
            "scope": self.teller.scope,
            "parameters": list(self.parameters()),
            "not_from_source": NOT_FROM_SOURCE,
            "known": self.known(),
            "unknown": self.unknown(),
            "undecided": self.undecided(),
            "ruled_out": [self.teller.ruled_out(name) for name in self.with_verdict(RULED_OUT)],
        }

    def sources(self) -> dict[str, Any]:
        """Return where it comes from, and what stands beside the source."""
        knowledge = self.knowledge
        return {
            "title": knowledge.guideline.title,
            "layer": self.teller.layer,
            "named": self.teller.named,
            "not_covered": knowledge.guideline.not_covered,
            "notes": [(note, self.consultation.applying(note.attaches_to)) for note in self.consultation.notes()],
            "outside": words.OUTSIDE,
            "places": self.places(),
            "references": [knowledge.references[number] for number in in_order(knowledge.references)],
            "provenance": words.provenance(knowledge),
            "provenance_short": f"{knowledge.guideline.id}, knowledge {knowledge.digest[:16]}. Patient: ____________",
            "digest": knowledge.digest,
            "version": __version__,
            "on_top": [s for s in knowledge.document.values() if s.on_top],
            "document": [knowledge.document[name] for name in natural(knowledge.document)],
        }

    def places(self) -> list[tuple[str, str]]:
        """Return the codes and headings of the places in the source, and in each layer with its label."""
        headings = {code: section.heading for code, section in self.knowledge.guideline.sections.items()}
        groups = words.by_label(headings, self.teller.layer)
        return [(label, joined((f"{code} {headings[code]}" for code in codes), "; ")) for label, codes in groups]

    # Statements. ---------------------------------------------------------------------------

    def part(self, part: Part) -> Mapping[str, Any]:
        return {"heading": part.heading, "statements": self.teller.all(part.statements)}

    def with_verdict(self, verdict: str) -> list[str]:
        rules = (*natural(self.knowledge.statements), *natural(self.knowledge.conflicts))
        return self.consultation.with_verdict(verdict, rules)

    def undecided_indications(self) -> list[str]:
        undecided = summary.undecided(self.consultation, "indication")
        return undecided if self.consultation.status == "role_only" else []

    def undecided(self) -> Mapping[str, Sequence[Told]]:
        """Return what is undetermined: first what is told on paper too."""
        telling = self.knowledge.statements_of(*TELLING)
        names = self.with_verdict(UNDETERMINED)
        return {
            "first": [self.teller.undecided(name) for name in names if name in telling],
            "others": [self.teller.undecided(name) for name in names if name not in telling],
        }

    def conflicts(self) -> list[Mapping[str, Any]]:
        ids = self.consultation.applying(natural(self.knowledge.conflicts))
        first = sorted(ids, key=lambda name: not self.knowledge.conflicts[name].decides_status)
        return [self.teller.conflict(name) for name in first]

    def conflict_in_short(self, name: str) -> Told:
        return Told(name, self.knowledge.conflicts[name].says, self.teller.layer(name))

    # Doses and pictures. -------------------------------------------------------------------

    def dose(self, course: Course) -> Mapping[str, Any]:
        """Return the regimens of a course with their doses, which are alternatives, and what goes with them."""
        spread = words.by_reading(course.spread)
        return {
            "heading": heading(course),
            "statements": self.teller.all(course.regimens),
            "lines": [self.amount(dose) for dose in course.doses],
            "lacking": words.unknown_weights(self.consultation, course.regimens[0]),
            "details": self.teller.all(mark.statement for mark in course.marked("in words")),
            "spread": [
                (self.teller.statement(dose.statement), words.spread(dose, readings, self.knowledge), dose.notes)
                for dose, readings in spread
            ],
        }

    def amount(self, dose: Dose) -> Mapping[str, Any]:
        by = f", by {words.basis(dose)} weight" if dose.weight_kg is not None else ""
        return {
            "grams": words.amount(dose, self.knowledge) + by,
            "product": words.arithmetic(dose),
            "notes": dose.notes,
        }

    def loose_details(self) -> list[str]:
        """Return what is said about doses and stands beside no regimen in particular."""
        placed = {mark.statement for course in courses(self.consultation) for mark in course.marked("in words")}
        return [n for n in summary.applying(self.consultation, "regimen_detail") if n not in placed]

    def timeline(self, course: Course) -> Mapping[str, str]:
        return {
            "heading": heading(course),
            "wide": timeline(course, self.consultation, WIDE),
            "narrow": timeline(course, self.consultation, NARROW),
        }

    def derivation(self) -> Mapping[str, Any]:
        """Return the picture of what led to the conclusions, with its words; nothing where nothing did."""
        derived = derivation(self.base, self.consultation)
        if not derived.edges:
            return {}
        return {"picture": diagram(derived, self.consultation), "words": in_words(derived, self.consultation)}

    # Questions and findings. ---------------------------------------------------------------

    def question(self, question: Question) -> Mapping[str, Any]:
        hanging = [*question.settles, *question.completes]
        return {
            "asks": question.asks,
            "finding": question.finding,
            "reason": words.REASONS.get(question.reason, ""),
            "hangs_on": self.hangs_on(question),
            "ids": self.teller.named(hanging),
        }

    def hangs_on(self, question: Question) -> str:
        """Say how much of what kind hangs on a question."""
        left = list(question.settles)
        said = []
        for kinds, one, more in KINDS:
            names = [n for n in left if n in self.knowledge.statements and self.knowledge.statements[n].kind in kinds]
            left = [name for name in left if name not in names]
            said += [f"{len(names)} {one if len(names) == 1 else more}"] if names else []
        said += [f"{len(left)} other{'' if len(left) == 1 else 's'}"] if left else []
        decides = f"can decide {joined(said)}" if said else ""
        completes = f"completes {self.teller.named(question.completes)}" if question.completes else ""
        return joined(filter(None, [decides, completes]), "; ")

    def known(self) -> list[Mapping[str, str]]:
        findings = self.consultation.findings
        return [
            {
                "asks": self.knowledge.findings[name].asks,
                "finding": name,
                "value": shown(value, self.knowledge.findings[name]),
                "origin": self.origin(name),
            }
            for name, value in findings.values.items()
        ]

    def origin(self, name: str) -> str:
        derived = self.consultation.findings.derived.get(name)
        if derived is None:
            return ""
        by = f" by {derived.parameter}: {NOT_FROM_SOURCE}" if derived.parameter else ""
        return f"follows from {joined(derived.source)}{by}"

    def unknown(self) -> Mapping[str, str]:
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.consultation.unknown().items():
            by_reason.setdefault(reason, []).append(name)
        return {reason: self.teller.findings(names) for reason, names in by_reason.items()}

    def parameters(self) -> Iterable[Mapping[str, str]]:
        for name, setting in parameters_data(self.consultation).items():
            derived = (f"{f} = {shown(v, self.knowledge.findings[f])}" for f, v in setting["derived"].items())
            value = shown(setting["value"], self.knowledge.parameters[name])
            yield {"name": name, "value": value, "derived": joined(derived) or "derived nothing here"}
